#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node goes away and comes back: the timeline users see."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


# own
def away():
    # the real times are minutes: SlurmdTimeout 300, pings every 100 s
    c = new_cluster(conf={"SlurmdTimeout": "8", "BatchStartTimeout": "3"})
    st = lambda n: node_states(c).get(n)
    j = sbatch("-p normal -w c4 --requeue -o none", wrap="sleep 60", c=c)
    k = sbatch("-p normal -w c4 --no-requeue -o none", wrap="sleep 60", c=c)
    ok(wait_state(j, "RUNNING", c=c) == wait_state(k, "RUNNING", c=c) == "RUNNING", "two jobs on c4")
    time.sleep(.5)
    for n in ("c3", "c4"):
        c.kill(n, signal.SIGKILL)
    same(st("c3"), "idle", "at first nothing is seen")
    ok(wait_for(lambda: (st("c3") or "").endswith("*"), 25, .1), "then c3 does not respond", st("c3"))
    seen = set()
    ok(wait_for(lambda: seen.add(st("c3")) or st("c3") in ("down", "down*"), 30, .1), "then it is down", seen)
    ok(seen & {"idle*", "unknown*"}, "idle* before", seen)
    same(st("c3"), "down*", "down*")
    ok(wait_for(lambda: st("c4") == "down*", 20), "c4 is down as well", st("c4"))
    r = run("sinfo -h -R", c=c)
    like(r.out, r"^Not responding +(slurm|root) +20\S+ c(\[3-4\]|3)$", "sinfo -R", r)
    f = fields(run("scontrol -o show node c3", c=c).out)
    same(f.get("State"), "DOWN+NOT_RESPONDING", "state")
    like(f.get("Reason", ""), r"^Not responding \[(slurm|root)@\d", "reason")
    same(wait_end(k, 10, c=c), "NODE_FAIL", "the job that may not be requeued")
    check(["squeue", "-h", "-j", k, "-t", "all", "-o", "%t %T"], out="NF NODE_FAIL\n", c=c)
    ok(wait_for(lambda: run(f"squeue -h -j {j} -o '%t %r'", c=c).out in
                ("PD BeginTime\n", "PD Resources\n", "PD Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions\n", "PD None\n"), 20),
       "the other is requeued", run(f"squeue -h -j {j} -o '%t %r'", c=c).out)
    same(job(j, c).get("Restarts"), "1", "once")
    check("srun -p normal -N2 hostname", "the others go on", out=rx(r"^c[12]\nc[12]\n$"), c=c)
    c.start_node("c3")
    c.start_node("c4")
    same(wait_nodes({"c3": "idle"}, 15, c), True, "started again, c3 is idle (ReturnToService=2)")
    same(wait_nodes({"c4": "idle"}, 15, c), True, "and c4")
    check("sinfo -h -R", out="", c=c)
    # elsewhere: stock's node daemon does not take the same job again at once
    run(f"scontrol update jobid={j} starttime=now reqnodelist=c3", c=c)
    same(wait_state(j, "RUNNING", 20, c=c), "RUNNING", "the requeued job runs again")
    log = slurp(c.path("log", "slurmctld.log"))
    like(log, r"[Nn]ode c3 (now responding|returned to service)", "slurmctld says that it is back")
    like(log, r"Nodes? c\S+ not responding", "and said that it was not")


def never():
    c = new_cluster(start=False, conf={"SlurmdTimeout": "8"})
    c.start(nodes=["c1", "c2", "q1"])
    ok(wait_for(lambda: node_states(c).get("c3") in ("unknown*", "down*"), 20, .1), "a node that never came: unk*",
       node_states(c))
    check("srun -p normal -N2 hostname", "two nodes work without it", out=rx(r"^c[12]\nc[12]\n$"), c=c)
    c.start_node("c3")
    same(wait_nodes({"c3": "idle"}, 15, c), True, "until it comes")
    c.kill("slurmctld")
    r = run("sinfo", c=c)
    same(r.rc, 1, "without slurmctld")
    like(r.err, r"^slurm_load_partitions: Unable to contact slurm controller \(connect failure\)$", "sinfo says so")
    check("scontrol ping", out=rx(r"^Slurmctld\(primary\) at slurmctld is DOWN$"), rc=1, c=c)
    r = run("sbatch -p normal --wrap true", c=c)
    ok(r.rc != 0, "sbatch fails")
    like(r.err, r"Unable to contact slurm controller \(connect failure\)|Resource temporarily unavailable", "and says so")


def pingless():
    c = new_cluster()
    ip = ["ip", "-n", c.netns("b"), "link", "set", "lo", "down"]
    j = sbatch("-p normal -N2 -w c1,c3 -o none", wrap="true", c=c)
    same(wait_end(j, c=c), "COMPLETED", "both hosts")
    v = f"{c.meta['ns'][-8:]}b"
    subprocess.run(["ip", "-n", c.netns("b"), "link", "set", v, "down"])
    t = time.monotonic()
    check("sinfo -h -o %D -p quantum", "a dead host does not stop the controller", out="2\n", c=c)
    check("srun -p normal -w c1,c2 -N2 hostname", "nor jobs elsewhere", out=rx(r"^c[12]\nc[12]\n$"), c=c)
    ok(time.monotonic() - t < 5, "nor makes it slow")
    subprocess.run(["ip", "-n", c.netns("b"), "link", "set", v, "up"])
    check("srun -p normal -w c3,c4 -N2 hostname", "back again", out=rx(r"^c[34]\nc[34]\n$"), c=c)


main(away, never, pingless)
