#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""slurmctld and slurmd are restarted while jobs run."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


# own
def ctld():
    c = new_cluster()
    held = sbatch("-p normal --hold -J kept --comment='a comment' -t 7", wrap="true", c=c)
    runs = sbatch("-p normal -N2 -o runs.out", wrap="for i in $(seq 40); do sleep .1; done; echo end", c=c)
    out = popen("srun -p normal -N1 bash -c 'for i in $(seq 40); do sleep .1; done; echo srun end'", c=c)
    ok(wait_for(lambda: len(run("squeue -h -t R", c=c).out.splitlines()) == 2, 15), "two jobs run")
    run("scontrol update nodename=c4 state=drain reason=kept", c=c)
    before = run(f"scontrol show job {held}", c=c).out
    start = job(runs, c).get("StartTime")
    time.sleep(1)
    ok(c.kill("slurmctld"), "slurmctld ends on SIGTERM")
    c.start_ctld()
    ok(wait_for(lambda: run("scontrol ping", c=c).out == "Slurmctld(primary) at slurmctld is UP\n", 10), "and is back")
    drop = ((r"LastSchedEval=\S+", ""), (r"Scheduler=\S*", ""))
    same(norm(run(f"scontrol show job {held}", c=c).out, *drop, c=c), norm(before, *drop, c=c), "a held job is as it was")
    same(job(runs, c).get("StartTime"), start, "a running job keeps its start")
    same(state(runs, c), "RUNNING", "and runs")
    ok(wait_for(lambda: node_states(c).get("c4") == "drained", 10), "a drained node is drained", node_states(c))
    like(run("sinfo -h -R", c=c).out, r"^kept +root ", "with its reason")
    states = set()
    ok(wait_for(lambda: states.update(node_states(c).values()) or
                node_states(c).get("q1") == "idle", 15), "nodes come back")
    ok(not any("down" in s for s in states), "none was down meanwhile", states)
    o, e = out.communicate(timeout=40)
    same((o, out.returncode), ("srun end\n", 0), "srun goes through it", e)
    same(wait_end(runs, 20, c=c), "COMPLETED", "the running job ends right")
    same(slurp(shared("runs.out", c)), "end\n", "with its output")
    new = sbatch("-p normal -o none", wrap="true", c=c)
    ok(int(new) > int(runs), "job ids go on")
    same(wait_end(new, c=c), "COMPLETED", "and run")
    run(f"scontrol release {held}", c=c)
    same(wait_end(held, c=c), "COMPLETED", "the held job runs when released")
    # ends while the controller is away
    gone = sbatch("-p normal -o none", wrap="sleep 1.5; exit 4", c=c)
    wait_state(gone, "RUNNING", c=c)
    time.sleep(.3)
    c.kill("slurmctld")
    time.sleep(2.5)
    c.start_ctld()
    same(wait_end(gone, 90, c=c), "FAILED", "a job that ended meanwhile")
    same(job(gone, c).get("ExitCode"), "4:0", "and its exit code")


def slurmd():
    c = new_cluster()
    j = sbatch("-p normal -w c1 -o d.out", wrap="for i in $(seq 30); do sleep .1; done; echo end", c=c)
    wait_state(j, "RUNNING", c=c)
    time.sleep(.5)
    t = time.monotonic()
    ok(c.kill("c1"), "slurmd ends on SIGTERM")
    ok(time.monotonic() - t < 10, "within ten seconds")
    c.start_node("c1")
    ok(wait_for(lambda: node_states(c).get("c1") == "mixed", 10), "registers with its job", node_states(c))
    same(state(j, c), "RUNNING", "which runs on")
    same(wait_end(j, 20, c=c), "COMPLETED", "ends right")
    same(slurp(shared("d.out", c)), "end\n", "with its output")
    check("srun -p normal -w c1 hostname", out="c1\n", c=c)
    j = sbatch("-p normal -w c2 -o none", wrap="sleep 1; exit 3", c=c)
    wait_state(j, "RUNNING", c=c)
    time.sleep(.3)
    c.kill("c2", signal.SIGKILL)
    time.sleep(1.5)
    c.start_node("c2")
    same(wait_end(j, 100, c=c), "FAILED", "a job that ended while its slurmd was dead", job(j, c))
    j = sbatch("-p normal -w c2 -o none", wrap="sleep 60", c=c)
    wait_state(j, "RUNNING", c=c)
    time.sleep(.3)
    c.kill("c2", signal.SIGKILL)
    c.start_node("c2")
    time.sleep(1)
    run(["scancel", j], c=c)
    same(wait_end(j, 20, c=c), "CANCELLED", "a job started by the slurmd before can be cancelled")
    ok(wait_for(lambda: run("squeue -h", c=c).out == "", 20), "and is gone")


def hup():
    c = new_cluster()
    pid = c.pid("slurmctld")
    conf = c.path("etc", c.meta["ctld"] if c.meta["ctld"] != "stock" else REL, "slurm.conf")
    for f in (c.path("etc", r, "slurm.conf") for r in ("ours", REL)):
        text = slurp(f)
        with open(f + ".new", "w") as o:
            o.write(text.replace("MaxNodes=4 MaxTime=5-00:00:00", "MaxNodes=3 MaxTime=2-00:00:00"))
        os.rename(f + ".new", f)
    check("scontrol reconfigure", out="", c=c)
    ok(wait_for(lambda: "MaxTime=2-00:00:00" in run("scontrol show partition normal", c=c).out, 10),
       "reconfigure reads the file again")
    like(run("scontrol show partition normal", c=c).out, "MaxNodes=3 ", "all of it")
    same(wait_nodes(dict.fromkeys(NODES, "idle"), 15, c), True, "the nodes are idle")
    check("srun -p normal -N2 hostname", out=rx(r"c\d\nc\d\n"), c=c)
    if STOCK and REL == "22.05":
        return skip("SIGHUP", "22.05 does not read the file again")
    for f in (c.path("etc", r, "slurm.conf") for r in ("ours", REL)):
        text = slurp(f)
        with open(f, "w") as o:
            o.write(text.replace("MaxTime=2-00:00:00", "MaxTime=3-00:00:00"))
    os.kill(c.pid("slurmctld"), signal.SIGHUP)
    ok(wait_for(lambda: "MaxTime=3-00:00:00" in run("scontrol show partition normal", c=c).out, 10), "so does SIGHUP")


def shutdown():
    c = new_cluster()
    check("scontrol shutdown", user="alice", rc=1, out=None, err=rx("slurm_shutdown error: ?Invalid user id|Access/permission denied"), c=c)
    check("scontrol shutdown", out="", c=c)
    ok(wait_for(lambda: not c.pid("slurmctld"), 10), "scontrol shutdown ends slurmctld")
    ok(wait_for(lambda: not any(c.pid(n) for n in NODES), 10), "and every slurmd",
       [n for n in NODES if c.pid(n)])


main(ctld, slurmd, hup, shutdown)
