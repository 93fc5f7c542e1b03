#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reservations: made, shown, changed, deleted; what jobs may do with them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

NEW = "scontrol create reservation"


def resv(name):
    return fields(run(f"scontrol -o show reservation {name}").out)


def sinfo_state(node):
    return run(f"sinfo -h -N -p normal -n {node} -o %T").out.strip()


def waiting(j):
    return run(f"squeue -h -j {j} -o %r").out.strip()


def texts():
    check("scontrol show reservation", out="No reservations in the system\n")
    check(f"{NEW} reservationname=r1 starttime=now duration=60 users=alice nodes=c1",
          out="Reservation created: r1\n")
    r = resv("r1")
    for k, v in (("Duration", "01:00:00"), ("Nodes", "c1"), ("NodeCnt", "1"), ("CoreCnt", "4"),
                 ("Features", "(null)"), ("PartitionName", "(null)"), ("Flags", "SPEC_NODES"),
                 ("TRES", "cpu=4"), ("Users", "alice"), ("Groups", "(null)"),
                 ("Accounts", "(null)"), ("Licenses", "(null)"), ("State", "ACTIVE"),
                 ("MaxStartDelay", "(null)")):
        same(r.get(k, "").strip(), v, f"show reservation: {k}")
    like(run("sinfo -h -T").out, r"^r1 +ACTIVE .* 01:00:00 +c1$", "sinfo -T")
    ok(wait_for(lambda: sinfo_state("c1") == "reserved", 40), "sinfo: reserved")
    like(run("scontrol show node c1").out, r"State=IDLE\+RESERVED", "node: RESERVED")
    r2 = f"{NEW} reservationname=r2 starttime=now"
    error = "Error creating the reservation: "
    for what, msg in (
            ("duration=60 users=alice nodes=c1",
             "Requested reservation overlaps with another reservation"),
            ("duration=60 users=nosuch nodes=c4", "(Invalid user id|Unspecified error)"),
            ("duration=60 groups=nosuch nodes=c4", "Invalid group id"),
            ("duration=60 users=alice nodes=c9", "Invalid node name specified"),
            ("duration=60 users=alice nodes=c4 partition=nope",
             "Invalid partition name specified")):
        check(f"{r2} {what}", rc=1, out=None, err=rx(error + msg))
    check(f"{NEW} reservationname=r1 starttime=now duration=60 users=alice nodes=c3", rc=1,
          err=rx(error + "Duplicate reservation name"), out=None)
    check(f"{NEW} reservationname=r3 starttime=now-2hours duration=60 users=alice nodes=c4",
          rc=1, err=rx(error + "Invalid time specified"), out=None)
    check(f"{r2} duration=60 users=alice nodes=c4", user="bob", rc=1, out=None,
          err=rx(error + "Invalid user id|" + error + "Access/permission denied"))


def changes():
    up = "scontrol update reservation=r1"
    done_ = "Reservation updated.\n"
    check(f"{up} users+=root", out=done_)
    same(resv("r1").get("Users"), "alice,root", "a user more")
    check(f"{up} users-=alice", out=done_)
    same(resv("r1").get("Users"), "root", "a user less")
    check(f"{up} nodes=c[1-2]", out=done_)
    same(resv("r1").get("CoreCnt"), "8", "two nodes")
    check(f"{up} duration=90", out=done_)
    same(resv("r1").get("Duration"), "01:30:00", "longer")
    check(f"{up} starttime=now+1hour", rc=1, out=None, err=rx("Reservation already started"))
    check(f"{up} endtime=now-1hour", rc=1, out=None, err=rx("Invalid time specified"))
    check(f"{up} flags=+flex", out=done_)
    same(resv("r1").get("Flags"), "FLEX,SPEC_NODES", "FLEX")
    check(f"{up} users=", rc=1, out=None,
          err=rx("Reservation request lacks users, groups or accounts"))
    check("scontrol update reservation=nosuch users=alice", rc=1, out=None,
          err=rx("Requested reservation is invalid"))
    check("scontrol delete reservation=nosuch", rc=1, out=None,
          err=rx("Requested reservation is invalid"))
    check("scontrol delete reservation=r1", out="")
    ok(wait_for(lambda: sinfo_state("c1") == "idle", 40), "sinfo: idle again")


def jobs():
    srun = "srun -p normal -t 1 --mem=100"
    check(f"{NEW} reservationname=g1 starttime=now duration=60 users=alice nodes=c[1-2]",
          out="Reservation created: g1\n")
    check(f"{srun} --reservation=nosuch true", user="alice", rc=1, out=None,
          err=rx("Requested reservation is invalid"))
    check(f"{srun} --reservation=g1 true", user="bob", rc=1, out=None,
          err=rx("Access denied to requested reservation"))
    check(f"{srun} --reservation=g1 -w c3 true", user="alice", rc=1, out=None,
          err=rx("Requested node configuration is not available"))
    got = check(f"{srun} --reservation=g1 -N2 -l printenv SLURMD_NODENAME", user="alice",
                out=None)
    same(sorted(w for w in got.out.split() if w[0] == "c"), ["c1", "c2"], "inside it")
    got = check(f"{srun} -N2 -l printenv SLURMD_NODENAME", user="bob", out=None)
    same(sorted(w for w in got.out.split() if w[0] == "c"), ["c3", "c4"], "beside it")
    j = sbatch("-p normal -t 1 --mem=100 -w c1", wrap="true", user="bob")
    ok(wait_for(lambda: waiting(j) ==
                "ReqNodeNotAvail, May be reserved for other job", 20),
       "a node that is reserved", waiting(j))
    k = sbatch("-p normal -t 1 --mem=100 -N3", wrap="true", user="bob")
    ok(wait_for(lambda: waiting(k).startswith("ReqNodeNotAvail, "), 20),
       "more nodes than are left", waiting(k))
    m = sbatch("-p normal -t 1 --mem=100 --reservation=g1", wrap="sleep 30", user="alice")
    ok(wait_state(m, "RUNNING"), "it runs in the reservation")
    same(job(m).get("Reservation"), "g1", "show job: Reservation")
    check("scontrol delete reservation=g1", rc=1, out=None,
          err=rx("Requested reservation is in use"))
    check(f"scancel {m}")
    wait_end(m)
    check("scontrol delete reservation=g1", out="")
    same(wait_end(j, 60), "COMPLETED", "the node is free again")
    same(wait_end(k, 60), "COMPLETED", "all nodes are free again")


def future():
    check(f"{NEW} reservationname=f1 starttime=now+300 duration=60 users=alice nodes=ALL "
          "flags=maint,ignore_jobs", out="Reservation created: f1\n")
    r = resv("f1")
    same(r.get("State"), "INACTIVE", "not yet")
    same(r.get("Flags"), "MAINT,IGNORE_JOBS,SPEC_NODES,ALL_NODES", "its flags")
    same(r.get("Nodes"), "c[1-4],q[1-2]", "all nodes")
    check("srun -p normal -t 1 --mem=100 true", user="bob", out="")
    j = sbatch("-p normal -t 30 --mem=100", wrap="true", user="bob")
    ok(wait_for(lambda: waiting(j) == "ReqNodeNotAvail, Reserved for maintenance", 20),
       "a job that would run into it waits", waiting(j))
    k = sbatch("-p normal -t 1 --mem=100 --reservation=f1", wrap="true", user="alice")
    ok(wait_for(lambda: waiting(k) == "Reservation", 20), "its own jobs wait for it", waiting(k))
    check(f"scontrol update jobid={k} reservationname=", out="")
    same(wait_end(k, 60), "COMPLETED", "without it the job runs")
    check("scontrol delete reservation=f1", out="")
    same(wait_end(j, 60), "COMPLETED", "gone: the other runs")


main(texts, changes, jobs, future, cancel_all)
