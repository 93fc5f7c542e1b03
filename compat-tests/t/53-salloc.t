#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""salloc: with a command, holding a shell, giving up."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def command():
    r = run("salloc -p normal -N2 bash -c 'echo $SLURM_JOB_ID $SLURM_JOB_NODELIST $SLURM_NNODES $SLURM_JOB_CPUS_PER_NODE'")
    like(r.err, r"^salloc: Granted job allocation \d+$", "granted")
    like(r.err, r"^salloc: Relinquishing job allocation \d+$", "and given back")
    j = re.search(r"allocation (\d+)", r.err).group(1)
    like(r.out, rf"^{j} c\[\d[-,]\d\] 2 1\(x2\)$", "the command's environment")
    same(r.rc, 0, "returns 0")
    same(wait_end(j), "COMPLETED", "the job is over")
    same(run("salloc -p normal bash -c 'exit 7'").rc, 7, "the command's exit code")
    r = run("salloc -p normal -N2 -n2 srun -l hostname")
    same(len(re.findall(r"^[01]: c\d$", r.out, re.M)), 2, "srun inside", r)
    check("salloc -p nope true", rc=1, err=rx(
        "^salloc: error: Job submit/allocate failed: Invalid partition name specified$"))
    r = run("salloc -p quantum --gres=qpu:1 bash -c 'srun --gres=qpu:1 hostname; scontrol show job $SLURM_JOB_ID'")
    like(r.out, r"^q\d$", "with a QPU")
    like(r.out, r"TresPerNode=gres[:/]qpu:1", "shown")
    r = run("salloc -p normal -N1 --no-shell")
    j = re.search(r"allocation (\d+)", r.err).group(1)
    same(state(j), "RUNNING", "--no-shell leaves the allocation")
    r = run(f"srun --jobid={j} hostname")
    like(r.out, r"^c\d$", "for later steps", r)
    run(["scancel", j])
    same(wait_end(j), "CANCELLED", "until it is cancelled")


def shell():
    p = popen("salloc -p normal -N1 bash", stdin=subprocess.PIPE)
    p.stdin.write("echo in $SLURM_JOB_ID\nsrun hostname </dev/null\nexit 5\n")
    p.stdin.close()
    out, err = p.stdout.read(), p.stderr.read()
    same(p.wait(20), 5, "a shell", out, err)
    like(out, r"^in \d+\nc\d\n", "runs what it is told")


def waiting():
    a = sbatch("-p quantum -N2 -o none", wrap="sleep 50")
    wait_state(a, "RUNNING")
    p = popen("salloc -p quantum -J wait true")
    ok(wait_for(lambda: "wait" in run("squeue -h -t PD -o %j").out, 10), "waits")
    run(["scancel", a])
    out, err = p.communicate(timeout=40)
    like(err, r"^salloc: Pending job allocation \d+\nsalloc: job \d+ queued and waiting for resources\n"
         r"salloc: job \d+ has been allocated resources\nsalloc: Granted job allocation \d+$", "is told when it is its turn")
    same(p.returncode, 0, "and goes on")
    wait_for(lambda: run("squeue -h").out == "", 15)
    a = sbatch("-p quantum -N2 -o none", wrap="sleep 50")
    wait_state(a, "RUNNING")
    check("salloc -p quantum -I1 true", "--immediate gives up", rc=1, err=rx("Unable to allocate resources|submit/allocate failed"))
    for o, why in (("-p quantum -N2", "Requested nodes are busy"),
                   ("-p normal --begin=now+1hour", "Job dependency problem"),
                   ("-p normal -H", "Job dependency problem"),
                   ("-p normal -N6", "Requested (partition configuration|node configuration|nodes)")):
        like(run(f"salloc -I {o} true").err, why, f"--immediate says why: {o}")
    p = popen("srun -p quantum -J sleeper hostname")
    ok(wait_for(lambda: "sleeper" in run("squeue -h -t PD -o %j").out, 10), "srun waits")
    run("scancel -n sleeper")
    out, err = p.communicate(timeout=20)
    like(err, r"srun: (Force Terminated JobId=|Job allocation|error: Unable).*", "until its job is cancelled")
    ok(p.returncode != 0, "and fails")
    p = popen("srun -p quantum -J later hostname")
    ok(wait_for(lambda: "later" in run("squeue -h -t PD -o %j").out, 10), "another waits")
    run(["scancel", a])
    out, err = p.communicate(timeout=40)
    like(out, r"^q\d$", "and runs when it is its turn", err)
    like(err, r"^srun: job \d+ queued and waiting for resources\nsrun: job \d+ has been allocated resources$", "as it says")


def end():
    ok(cancel_all(), "nothing is left behind")


main(command, shell, waiting, end)
