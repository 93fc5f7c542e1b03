#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A running job gives up nodes: on request, and because one failed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def tasks(args):
    """How many processes of sleep with these arguments there are."""
    n = 0
    for p in os.listdir("/proc"):
        try:
            with open(f"/proc/{p}/cmdline") as f:
                n += f.read().replace("\0", " ").strip().endswith(f"bin/sleep {args}")
        except OSError:
            pass
    return n


def shrink():
    mark = 30000 + os.getpid() % 10000
    cancel_all()
    j = sbatch("-p normal -N4 -n4 -o none", wrap=f"srun -K0 -N4 -n4 sleep {mark} & sleep 300")
    same(wait_state(j, "RUNNING"), "RUNNING", "a job on four nodes")
    ok(wait_for(lambda: run(f"squeue -h -s -j {j} -o '%i %N'").out.count(f"{j}.0 c[1-4]"), 10),
       "with a step on all", run(f"squeue -h -s -j {j} -o '%i %N'").out)
    ok(wait_for(lambda: tasks(mark) == 4, 10), "four tasks", tasks(mark))
    r = run(f"scontrol update jobid={j} numnodes=5")
    same(r.rc, 1, "more nodes than it has", r)
    like(r.err, "Node count specification invalid|not supported on this system", "is refused", r)
    r = run(f"scontrol update jobid={j} nodelist=c[2-4]")
    same((r.rc, "Invalid node name specified" in r.err), (1, True), "without its first node", r)
    r = run(f"scontrol update jobid={j} nodelist=c1,q1")
    same((r.rc, "Invalid node name specified" in r.err), (1, True), "with one it does not have", r)
    r = run(f"scontrol update jobid={j} numnodes=3")
    same(r.rc, 0, "down to three", r)
    f = job(j)
    same((f.get("NodeList"), f.get("NumNodes"), f.get("NumCPUs"), f.get("BatchHost")),
         ("c[1-3]", "3", "3", "c1"), "three are left")
    like(f.get("AllocTRES") or f.get("TRES", ""), r"cpu=3,mem=\w+,node=3", "and their TRES")
    same(wait_nodes({"c4": "idle"}, 10), True, "c4 is free")
    check("srun -p normal -w c4 hostname", "for others", out="c4\n")
    r = run(f"srun --jobid={j} --overlap -l hostname")
    same(sorted(r.out.split()), sorted("0: c1 1: c2 2: c3".split()), "a step on what is left", r)
    same(state(j), "RUNNING", "the job runs on")
    # (srun ends the others when it sees one killed, stock's as well)
    ok(wait_for(lambda: tasks(mark) < 4, 15), "the task there is gone", tasks(mark))
    run(f"scancel {j}")
    ok(wait_end(j), "cancelled")
    same(wait_nodes({f"c{n}": "idle" for n in (1, 2, 3, 4)}, 15), True, "all idle")
    j = sbatch("-p normal -N3 -o none", wrap="sleep 300")
    same(wait_state(j, "RUNNING"), "RUNNING", "another on three")
    r = run(f"scontrol update jobid={j} nodelist=c[1,3]")
    same((r.rc, job(j).get("NodeList")), (0, "c[1,3]"), "down to two by name", r)
    r = run(f"srun --jobid={j} --overlap -l hostname")
    same(sorted(r.out.split()), sorted("0: c1 1: c3".split()), "a step on those", r)
    run(f"scancel {j}")
    p = sbatch("-p normal -N4 -H -o none", wrap="true")
    r = run(f"scontrol update jobid={p} numnodes=2")
    same(r.rc, 0, "a pending job takes another count", r)
    like(job(p).get("NumNodes", ""), "^2(-[24])?$", "two")
    run(f"scancel {p}")


# own
def no_kill():
    # stock may take a node that is only busy for lost when the time is shorter
    c = new_cluster(conf={"SlurmdTimeout": "6" if OURS else "15"})
    j = sbatch("-p normal -N3 -n3 --no-kill -o none",
               wrap="srun -N3 -n3 --no-kill sleep 300 & srun --overlap -N3 -n3 sleep 300 & sleep 300", c=c)
    k = sbatch("-p normal -N3 -n3 --no-requeue -o none", wrap="sleep 300", c=c)
    same((wait_state(j, "RUNNING", c=c), wait_state(k, "RUNNING", c=c)), ("RUNNING",) * 2, "two jobs", )
    ok(wait_for(lambda: run(f"squeue -h -s -j {j} -o %i", c=c).out.count(f"{j}.") >= 2, 15), "with steps")
    lost = job(j, c)["NodeList"]
    same((lost, job(k, c)["NodeList"]), ("c[1-3]",) * 2, "on the same nodes")
    c.kill("c3", signal.SIGKILL)
    same(wait_end(k, 60, c=c), "NODE_FAIL", "one fails with its node")
    same(state(j, c), "RUNNING", "one asked to go on")
    ok(wait_for(lambda: job(j, c).get("NodeList") == "c[1-2]", 10), "with two nodes", job(j, c).get("NodeList"))
    same(job(j, c).get("NumNodes"), "2", "two")
    ok(wait_for(lambda: run(f"squeue -h -s -j {j} -o '%i %j'", c=c).out.count("sleep") in ((1,) if OURS else (0, 1)), 15),
       "the step that did not ask ends", run(f"squeue -h -s -j {j} -o '%i %j'", c=c).out)
    c.kill("slurmctld")
    c.start_ctld()
    ok(wait_for(lambda: run("scontrol ping", c=c).rc == 0, 15), "after a restart of slurmctld")
    same(job(j, c).get("NodeList"), "c[1-2]", "still two nodes")
    if STOCK:
        skip("steps start on what is left", "a srun of stock's waits without end here")
        run(f"scancel {j}", c=c)
        return
    r = run(f"srun --jobid={j} --overlap -l hostname", c=c)
    same(sorted(r.out.split()), sorted("0: c1 1: c2".split()), "steps start on what is left", r)
    run(f"scancel {j}", c=c)
    ok(wait_end(j, 20, c=c), "cancelled")


if not INNER:
    print("1..0 # SKIP the jobs here have no srun that the controller understands")
    sys.exit(0)
main(shrink, no_kill)
