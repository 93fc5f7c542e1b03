#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power saving: idle nodes are suspended, and resumed for jobs."""
# own
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
from slpower import *  # noqa: E402,F403
from slpower import SLURM, boot, comes, forget, log, power_cluster, states  # noqa: E402

C = None


def setup():
    global C
    C = power_cluster()


def suspended():
    states({n: "idle~" for n in ("c1", "c2", "c3")}, "idle nodes are powered down", 60)
    states({n: "idle" for n in ("c4", "q1", "q2")}, "those that are excluded are not")
    named = set()
    for what, uid, nodes in (x.split()[:3] for x in log().splitlines()):
        same((what, uid), ("suspend", SLURM), "SuspendProgram runs as SlurmUser")
        named |= set(run(f"scontrol show hostnames {nodes}", c=C).out.split())
    same(named, {"c1", "c2", "c3"}, "with their names")
    like(run("scontrol show node c1", c=C).out, r"State=IDLE\+POWERED_DOWN", "scontrol show node")


def for_jobs():
    forget()
    j = sbatch("-p normal -w c1 -o power.out", wrap="hostname", c=C)
    comes(rf"^resume {SLURM} c1 ", "ResumeProgram is run for a job's node")
    same(job(j, C).get("JobState"), "CONFIGURING", "the job is CONFIGURING", job(j, C))
    states({"c1": "(mixed|allocated)#"}, "its node POWERING_UP")
    text = re.search(r"^resume \d+ c1 ({.*})", log(), re.M)
    if text and '"nodes_resume"' in text.group(1):   # 22.05 has other words
        got = json.loads(text.group(1))
        same(([(x["job_id"], x["nodes_resume"]) for x in got["jobs"]], got["all_nodes_resume"]),
             ([(int(j), "c1")], "c1"), "SLURM_RESUME_FILE says for whom")
    else:
        ok(STOCK, "SLURM_RESUME_FILE says for whom", log())
    ok(not os.path.exists(shared("power.out", C)), "nothing runs yet")
    boot("c1")
    same(wait_end(j, 40, C), "COMPLETED", "it runs when the node has registered", job(j, C))
    same(slurp(shared("power.out", C), 5), "c1\n", "there")
    j = sbatch("-p normal -w c2 -o none", wrap="true", c=C)
    comes(rf"^resume {SLURM} c2 ", "another node")
    run(f"scancel {j}", c=C)
    same(wait_end(j, 20, C), "CANCELLED", "a CONFIGURING job is cancelled")
    boot("c2")
    states({"c2": "idle"}, "its node comes up")
    p = popen("srun -p normal -w c3 hostname", c=C)
    comes(rf"^resume {SLURM} c3 ", "srun's node")
    boot("c3")
    out, err = p.communicate(timeout=60)
    same(out, "c3\n", "srun waits for it", err)


def choice():
    states({n: "idle~" for n in ("c1", "c2", "c3")}, "all are down again", 60)
    j = sbatch("-p normal -o none", wrap="true", c=C)
    same(wait_end(j, 20, C), "COMPLETED", "a job needs nobody to wake")
    same(job(j, C).get("NodeList"), "c4", "when a node is up")


def failed():
    if STOCK and REL == "22.05":
        return skip("a node that does not come", "22.05 makes it idle again with its job's end")
    forget()
    j = sbatch("-p normal -w c2 -o none", wrap="true", c=C)
    comes(rf"^resume {SLURM} c2 ", "a node is resumed")
    states({"c2": "down~"}, "that does not come in ResumeTimeout is DOWN", 60)
    comes(rf"^fail {SLURM} c2 ", "ResumeFailProgram is told")
    like(run("scontrol show node c2", c=C).out, r"Reason=ResumeTimeout reached", "the reason says it")
    ok(wait_for(lambda: job(j, C).get("Restarts") == "1" and state(j, C) == "PENDING", 20),
       "its job is requeued", job(j, C))
    run(f"scancel {j}", c=C)
    check("scontrol update nodename=c2 state=resume", c=C)
    states({"c2": "idle~"}, "resumed by an admin it is as before")


main(setup, suspended, for_jobs, choice, failed)
