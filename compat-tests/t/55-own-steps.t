#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The steps that a job has without asking for them: the batch script's, the
extern step (PrologFlags=Contain), and the shell of salloc on the first node."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

HOSTS = ["c1", "c2"]
c = None


def up():
    global c
    c = new_cluster(start=False, conf={"LaunchParameters": "use_interactive_step",
                                       "PrologFlags": "Contain"})
    c.start(nodes=HOSTS, clients=[REL], wait=60)
    ok(True, "two nodes")


def steps():
    """What squeue -s and scontrol show step list, each sorted."""
    a = sorted(run("squeue -s -h -o '%i %j %N'", c=c).out.splitlines())
    b = sorted(re.sub(r"^StepId=(\S+) .* NodeList=(\S+) .* Name=(\S+) .*$", r"\1 \3 \2", l)
               for l in run("scontrol -o show step", c=c).out.splitlines()
               if l.startswith("StepId="))
    return a if a == b else [a, b]


def listed(want, what):
    got = []
    ok(wait_for(lambda: (got.append(steps()) or got[-1] == sorted(want)), 20, .2), what, got[-1], sorted(want))


def kinds(extern):
    def own(j, nodes, *more):
        return [*more, *([f"{j}.extern extern {nodes}"] if extern else [])]
    j = sbatch("-p normal -N2 -w c1,c2 -o none -J kinds", script="srun -N1 -n1 -w c2 -J one sleep 100\n", c=c)
    listed(own(j, "c[1-2]", f"{j}.0 one c2", f"{j}.batch batch c1"), "of a batch job")
    run(["scancel", j], c=c)
    wait_end(j, c=c)
    listed([], "none when it is over")
    p = popen("srun -p normal -w c1 -N1 -J two sleep 100", c=c)
    ok(wait_for(lambda: run("squeue -h -n two -t R -o %A", c=c).out, 20), "srun")
    j = run("squeue -h -n two -o %A", c=c).out.strip()
    listed(own(j, "c1", f"{j}.0 two c1"), "of srun's job")
    run(["scancel", j], c=c)
    p.communicate(timeout=30)
    p = popen("salloc -p normal -w c1 -N1 --no-shell -J three", c=c)
    ok(p.wait(30) == 0 and wait_for(lambda: run("squeue -h -n three -t R -o %A", c=c).out, 20), "salloc --no-shell")
    j = run("squeue -h -n three -o %A", c=c).out.strip()
    listed(own(j, "c1"), "of an allocation that nobody uses")
    run(["scancel", j], c=c)
    wait_end(j, c=c)
    shell(own)
    listed([], "nothing is left")


def shell(own):
    p = popen("salloc -p normal -w c1,c2 -N2 --ntasks-per-node=2 -J shell", c=c, stdin=subprocess.PIPE)
    ok(wait_for(lambda: run("squeue -h -n shell -t R -o %A", c=c).out, 20), "salloc")
    j = run("squeue -h -n shell -o %A", c=c).out.strip()
    listed(own(j, "c[1-2]", f"{j}.interactive interactive c1"), "of salloc with use_interactive_step")
    r = run("scontrol -o show step", c=c)
    like(r.out, rf"^StepId={j}\.interactive .* Nodes=1 CPUs=0 Tasks=1 Name=interactive Network=\(null\) TRES=\(null\) ",
         "which counts for nothing")
    p.stdin.write("hostname; echo tasks $SLURM_NTASKS on $SLURM_TASKS_PER_NODE; srun -l sh -c 'echo step $SLURM_STEP_ID'; "
                  "srun --interactive -N1 -n1 true; echo rc $?; exit 3\n")
    out, err = p.communicate(timeout=60)
    like(out, r"\Ac1\n", "the shell is on the first node", err)
    like(out, r"^tasks 4 on 2\(x2\)$", "and knows its job")
    same(sorted(re.findall(r"^\d: step \d+$", out, re.M)), [f"{i}: step 0" for i in range(4)],
         "its steps have all of the job and begin at 0", out, err)
    like(err, r"Unable to create step for job \d+: Duplicate job step id$", "there is one of it", out)
    like(out, r"^rc 1$", "at a time")
    same(p.returncode, 3, "salloc returns its code")
    same(wait_end(j, c=c), "FAILED", "and so does the job")


def contained():
    kinds(True)


def unattended():
    """--async of 26.05 is for jobs with a step manager."""
    if VER < (26, 5):
        return
    j = sbatch("-p normal -w c1 -n1 -o none", wrap="sleep 100", c=c)
    wait_state(j, "RUNNING", c=c)
    r = run(f"srun --jobid={j} --overlap --async true", c=c)
    like(r.err, r"^srun: error: Unable to create step for job \d+: Invalid feature specification$", "--async", r)
    same(r.rc, 1, "is refused")
    ok(not re.search(rf"{j}\.\d", run("squeue -h -s -o %i", c=c).out), "and leaves no step")
    run(["scancel", j], c=c)
    wait_end(j, c=c)


def cancelled():
    p = popen("salloc -p normal -w c1 -N1 -J ends", c=c, stdin=subprocess.PIPE)
    ok(wait_for(lambda: ".interactive" in run("squeue -h -s -o %i", c=c).out, 20), "salloc's shell")
    j = run("squeue -h -n ends -o %A", c=c).out.strip()
    run(["scancel", j], c=c)
    out, err = p.communicate(timeout=40)
    like(err, r"^salloc: (Job allocation \d+ has been revoked|Relinquishing job allocation \d+)", "ends with its job", out)
    same(wait_end(j, c=c), "CANCELLED", "cancelled")


def plain():
    """The same without PrologFlags."""
    c.kill("slurmctld")
    for n in HOSTS:
        c.kill(n)
    c.meta["conf"].pop("PrologFlags")
    c.write_conf()
    c.start(nodes=HOSTS, wait=60)
    kinds(False)


if "ours" in DAEMONS and DAEMONS != "ours":
    skip("all", "the daemons are of one kind here")
    done()
main(up, contained, unattended, cancelled, plain)
