#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reservations of cores; nodes that are replaced; jobs that are drawn in or name
several."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

NEW = "scontrol create reservation starttime=now duration=60"
JOB = "-p normal -t 2 --mem=50 -o /dev/null"
BUSY = rx("Error creating the reservation: Requested nodes are busy")


def resv(name):
    return fields(run(f"scontrol -o show reservation {name}").out)


def made(name, what, **want):
    check(f"{NEW} reservationname={name} {what}", out=f"Reservation created: {name}\n")
    r = resv(name)
    for k, v in want.items():
        same(r.get(k, "").strip(), v, f"{what}: {k}")


def gone(*names):
    for name in names:
        ok(wait_for(lambda: run(f"scontrol delete reservation={name}").rc == 0, 20),
           f"{name} is deleted")


def started(args, user, wrap="sleep 60"):
    j = sbatch(f"{JOB} {args}", wrap=wrap, user=user)
    ok(wait_state(j, "RUNNING"), f"{user}: {args}: runs", run(f"scontrol show job {j}"))
    return j


def cpu_ids(j):
    return re.findall(r"Nodes=(\S+) CPU_IDs=(\S+)", run(f"scontrol show job -d {j}").out)


def reason(j, want):
    got = wait_for(lambda: run(f"squeue -h -j {j} -o %r").out.strip() == want, 20)
    ok(got, f"job waits: {want}", run(f"scontrol show job {j}"))


def quiet():
    """No job is left on a node, no reservation's mark either."""
    same(wait_nodes({n: "idle" for n in ("c1", "c2", "c3", "c4")}, 90), True, "all is quiet")


def begin():
    cancel_all()
    quiet()
    # a whole node must have the memory its CPUs would get by default
    check("scontrol update partitionname=normal defmempercpu=50", out="")



def sizes():
    p = "users=alice partition=normal"
    made("s1", f"{p} nodes=c1 corecnt=2", Nodes="c1", NodeCnt="1", CoreCnt="2", TRES="cpu=2",
         PartitionName="normal")
    if VER >= (23, 11):
        like(run("scontrol show reservation s1").out, r"^ +NodeName=c1 CoreIDs=0-1$", "its cores")
    made("s2", f"{p} nodes=c1 corecnt=2", CoreCnt="2")
    check(f"{NEW} reservationname=s3 {p} nodes=c1 corecnt=1", rc=1, out=None, err=BUSY)
    if VER >= (23, 11):
        like(run("scontrol show reservation s2").out, r"^ +NodeName=c1 CoreIDs=2-3$", "the others")
        up = "scontrol update reservation=s1"
        for what in ("corecnt=3", "nodes=c2", "nodecnt=2", "tres=cpu=1"):
            check(f"{up} {what}", rc=1, out=None,
                  err=rx("Core-based reservation can not be updated"))
        check(f"{up} flags=replace", rc=1, out=None, err=rx("Requested operation not supported"))
    check("scontrol update reservation=s1 duration=90", out="Reservation updated.\n")
    same(resv("s1").get("CoreCnt"), "2", "a longer one keeps its cores")
    gone("s1", "s2")
    made("s4", f"{p} nodecnt=2 tres=cpu=4" if VER >= (23, 11) else f"{p} nodecnt=2 corecnt=4",
         NodeCnt="2", CoreCnt="4", Nodes="c[1-2]")
    gone("s4")
    check(f"{NEW} reservationname=s5 {p} corecnt=99", rc=1, out=None, err=BUSY)
    check(f"{NEW} reservationname=s5 {p} corecnt=2 flags=replace", rc=1, out=None,
          err=rx("CPU count specification invalid"))
    if VER < (23, 11):
        made("s6", f"{p} nodes=c[1-3] corecnt=1,2,3", Nodes="c[1-3]", CoreCnt="6")
        check(f"{NEW} reservationname=s7 {p} nodes=c[1-2] corecnt=1", rc=1, out=None,
              err=rx("Core count for reservation node list is not consistent!"))
    else:
        made("s6", f"{p} nodecnt=2 trespernode=cpu=2", NodeCnt="2", CoreCnt="4")
        check(f"{NEW} reservationname=s7 {p} nodes=c[2-4] corecnt=2", rc=1, out=None,
              err=rx("Core count for reservation node list is not consistent!"))
        check(f"{NEW} reservationname=s7 {p} nodecnt=1 tres=node=1", rc=1, out=None,
              err=rx("are mutually exclusive"))
        check(f"{NEW} reservationname=s7 {p} tres=nosuch=1", rc=1, out=None,
              err=rx("Invalid Trackable RESource"))
    gone("s6")


def cores():
    made("k1", "users=alice partition=normal nodes=c1 corecnt=2", CoreCnt="2")
    b = started("-w c1 -n2", "bob")
    same(cpu_ids(b), [("c1", "2-3")], "beside the reservation")
    w = sbatch(f"{JOB} -w c1 -n1", wrap="true", user="bob")
    reason(w, "Resources")
    a = started("--reservation=k1 -n2", "alice")
    same(cpu_ids(a), [("c1", "0-1")], "inside it")
    big = sbatch(f"{JOB} --reservation=k1 -n3", wrap="true", user="alice")
    reason(big, "Resources")
    check("scontrol delete reservation=k1", rc=1, out=None,
          err=rx("Requested reservation is in use"))
    check(f"scancel {b} {big} {a}")
    same(wait_end(w, 60), "COMPLETED", "its turn after the other")
    whole = sbatch(f"{JOB} -w c1 --exclusive", wrap="true", user="bob")
    reason(whole, "ReqNodeNotAvail, May be reserved for other job")
    gone("k1")
    same(wait_end(whole, 90), "COMPLETED", "the whole node is there again")


def several():
    made("l1", "users=alice nodes=c1")
    made("l2", "users=alice,bob nodes=c2")
    a = started("--reservation=l1,l2 -n4", "alice")
    b = started("--reservation=l1,l2 -n4", "alice")
    same(sorted(job(j).get("NodeList") for j in (a, b)), ["c1", "c2"], "in one each")
    check(f"sbatch {JOB} --reservation=l1,l2 --wrap true", user="bob", rc=1, out=None,
          err=rx("Access denied to requested reservation"))
    check(f"sbatch {JOB} --reservation=l1,nosuch --wrap true", user="alice", rc=1, out=None,
          err=rx("Requested reservation is invalid"))
    check(f"scancel {a} {b}")
    gone("l1", "l2")


def drawn():
    made("m1", "users=alice nodes=c3 flags=magnetic", Flags="SPEC_NODES,MAGNETIC")
    a = started("-n1", "alice")
    same((job(a).get("NodeList"), job(a).get("Reservation")), ("c3", "m1"), "drawn in")
    b = started("-n1", "bob")
    ok(job(b).get("NodeList") != "c3" and "Reservation" not in job(b), "not for others",
       run(f"scontrol show job {b}"))
    n = started("-N2", "alice")
    ok("c3" not in job(n).get("NodeList", "c3") and "Reservation" not in job(n),
       "what does not fit runs outside", run(f"scontrol show job {n}"))
    check(f"scontrol requeue {a}", out="")
    ok(wait_for(lambda: "Reservation" not in job(a), 20), "requeued: in none")
    check(f"scancel {a} {b} {n}")
    gone("m1")


def replaced():
    p = "users=alice partition=normal"
    quiet()
    made("r1", f"{p} nodecnt=1 flags=replace", Nodes="c1", Flags="REPLACE")
    a = started("--reservation=r1 -n1", "alice")
    same(job(a).get("NodeList"), "c1", "on its node")
    ok(wait_for(lambda: resv("r1").get("Nodes") != "c1", 60), "it has another node now",
       resv("r1"))
    b = started("--reservation=r1 -n1", "alice")
    ok(job(b).get("NodeList") != "c1", "where the next one runs")
    if VER >= (23, 11):
        for f in ("maint", "static_alloc"):
            check(f"scontrol update reservation=r1 flags={f}", rc=1, out=None,
                  err=rx("Requested operation not supported"))
    check("scontrol update reservation=r1 nodes=c4", rc=1, out=None,
          err=rx("Requested operation not supported"))
    check(f"scancel {a} {b}")
    gone("r1")
    check(f"{NEW} reservationname=r2 {p} nodes=c1 flags=replace", rc=1, out=None,
          err=rx("Invalid node name specified"))
    quiet()
    made("r3", f"{p} nodecnt=1 flags=static_alloc", Nodes="c1")
    made("r4", f"{p} nodecnt=1 flags=replace_down", Nodes="c2")
    check("scontrol update nodename=c[1-2] state=drain reason=test", out="")
    ok(wait_for(lambda: resv("r4").get("Nodes") == "c3", 90), "another for the drained",
       resv("r4"))
    same(resv("r3").get("Nodes"), "c1", "but not with STATIC_ALLOC")
    check("scontrol update nodename=c[1-2] state=resume", out="")
    gone("r3", "r4")


def more():
    made("x1", "users=alice nodecnt=1 partition=normal")
    j = sbatch("-t 2 --mem=50 -o /dev/null --reservation=x1", wrap="true", user="alice")
    same(job(j).get("Partition"), "normal", "its partition is the job's")
    same(wait_end(j, 60), "COMPLETED", "and it runs there")
    gone("x1")
    check("scontrol create partitionname=px nodes=c1", out="")
    made("x6", "users=alice partition=px nodes=ALL flags=part_nodes", Nodes="c1",
         Flags="SPEC_NODES,PART_NODES")
    check("scontrol update partitionname=px nodes=c[1-2]", out="")
    same(resv("x6").get("Nodes"), "c[1-2]", "follows its partition")
    gone("x6")
    check("scontrol delete partitionname=px", out="")
    check(f"{NEW} reservationname=x2 users=alice flags=any_nodes nodecnt=1", rc=1, out=None,
          err=rx("Requested reservation is invalid"))
    if VER >= (24, 5):
        made("x2", "users=alice nodes=c1 flags=user_delete", Flags="SPEC_NODES,USER_DELETE")
        check("scontrol delete reservation=x2", user="bob", rc=1, out=None, err=None)
        check("scontrol delete reservation=x2", user="alice", out="")
    if VER >= (25, 11):
        made("x3", "allowedpartition=quantum,normal nodecnt=1", AllowedPartitions="normal,quantum",
             PartitionName="normal")
        gone("x3")
        for what, msg in (("allowedpartition=nosuch", "Invalid partition name specified"),
                          ("qos=nosuch", "Invalid qos specification")):
            check(f"{NEW} reservationname=x4 {what} nodes=c1", rc=1, out=None, err=rx(msg))
        check("scontrol create reservation starttime=now-30minutes duration=60 users=alice "
              "reservationname=x5 nodes=c1 flags=force_start,daily", out="Reservation created: x5\n")
        gone("x5")


def end():
    check("scontrol update partitionname=normal defmempercpu=500", out="")



main(begin, sizes, cores, several, drawn, replaced, more, cancel_all, end)
