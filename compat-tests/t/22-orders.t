#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Orders to several jobs, what a job's update may change, dependencies as they
are shown, refusals of partitions and nodes."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

NEW = REL not in ("22.05",)
BAD = "Invalid job id specified"


def tasks_of(jid, tasks):
    """As an answer names them."""
    return f"{jid}_[{tasks}]" if REL == "26.05" else f"{jid}_{tasks}"


def no_such():
    for verb in ("requeue", "update jobid=ID name=x"):
        cmd = verb.replace("ID", "99999_1") if "ID" in verb else f"{verb} 99999_1"
        check(f"scontrol {cmd}", rc=1, out=None, err=f"{tasks_of(99999, '1')}: {BAD}\n")
    check("scontrol suspend 99999", rc=1, out=None,
          err="Unexpected message received for job 99999\n")
    check("scontrol top 99999", user="alice", rc=1, out=None,
          err="Access/permission denied for job 99999\n")


def fields_of_update():
    j = sbatch("-p normal --hold -J one", wrap="true", user="alice")
    for change, why in (
            ("burstbuffer=x", "Requested operation not supported on this system"),
            ("clusterfeatures=x", "Unspecified error"),
            ("corespec=1", "Access/permission denied"),
            ("contiguous=yes", "Access/permission denied"),
            ("features=nosuch", "Invalid feature specification"),
            ("prefer=x", "Invalid preferred feature specification"),
            ("sitefactor=10", "Access/permission denied")):
        check(f"scontrol update jobid={j} {change}", user="alice", rc=1, out=None,
              err=f"{why} for job {j}\n")
    if NEW:
        check(f"scontrol update jobid={j} arraytaskthrottle=3", rc=1, out=None,
              err=rx("Update of ArrayTaskThrottle is only allowed on ArrayJobId"))
    # stock refuses while its scheduler looks at the job
    wait_for(lambda: "temporarily" not in run(f"scontrol update jobid={j} account=phys").err, 10, .3)
    same(job(j).get("Account"), "(null)", "without accounting the account stays")
    check(f"scontrol update jobid={j} numcpus=2-4", out="")
    check(f"scontrol update jobid={j} numcpus=99", rc=1, out=None,
          err=f"CPU count specification invalid for job {j}\n")
    check(f"scontrol update jobid={j} reqsockets=1", out="")
    same(job(j).get("Socks/Node"), "1", "sockets")
    run(["scancel", j])


def waiting():
    a = sbatch("-p normal --hold", wrap="true")
    b = sbatch(f"-p normal --hold -d afterok:{a}", wrap="true")
    same(job(b).get("Dependency"), f"afterok:{a}(unfulfilled)", "a dependency with its state")
    c = sbatch(f"-p normal --hold -d afterok:{a},singleton,afterok:{a}", wrap="true")
    same(job(c).get("Dependency"), f"afterok:{a}(unfulfilled),singleton(unfulfilled)",
         "each condition once")
    r = sbatch("-p normal --hold --array=1-3", wrap="true")
    d = sbatch(f"-p normal --hold -d after:{r}_[1-2]", wrap="true")
    same(job(d).get("Dependency"), f"after:{r}_1(unfulfilled),after:{r}_2(unfulfilled)", "tasks")
    e = sbatch(f"-p normal -d afterok:{a}", wrap="true")
    wait_for(lambda: job(e).get("Reason") == "Dependency", 5)
    run(["scancel", e])
    same((state(e), job(e).get("Reason")), ("CANCELLED", "Dependency"), "the reason stays")
    if NEW:
        check("sbatch -p normal --hold --prefer=nosuch --wrap true", rc=1,
              err=rx("Invalid preferred feature specification"))
    z = sbatch("-p normal --hold --array=1-3%0", wrap="true")
    same(state(z), "PENDING", "an array without a limit")
    run(["scancel", z])
    h = sbatch("-p normal --hold --mem=999G", wrap="true")
    same(state(h), "PENDING", "what is held is not judged")
    if NEW:
        check(f"scancel -v --ctld {r}_[2-3,9]", rc=None, out=None,
              err=rx(f"Kill job error on job id {r}_\\[9\\]: {BAD}"))
        check("squeue -h -j %s -o '%%i'" % r, out=f"{r}_[1]\n")
    run(["scancel", a, b, c, d, r, h])


def parts_and_nodes():
    check("scontrol update partitionname=quantum tresbillingweights=bad", rc=1, out=None,
          err=rx("Invalid TRESBillingWeights specification"))
    check("scontrol update partitionname=quantum jobdefaults=bad", rc=1, out=None, err=rx("."))
    check("scontrol update nodename=c4 cpubind=core", out="")
    like(run("scontrol show node c4").out, "CpuBind=cores", "CpuBind of a node")
    check("scontrol update nodename=c4 cpubind=off", out="")
    if NEW:
        check("scontrol create nodename=n9 state=cloud", rc=1, out=None,
              err=rx("Unable to add node, node table is full"))
    check("scontrol delete nodename=nosuch", rc=1, out=None, err=rx("failed to delete nodes nosuch"))


def end():
    ok(cancel_all(), "nothing is left behind")


main(no_such, fields_of_update, waiting, parts_and_nodes, end)
