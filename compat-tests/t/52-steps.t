#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signals, several steps, overlap, what srun does when told to stop."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def interrupt():
    p = popen(["srun", "-p", "normal", "-J", "intr", "bash", "-c", "echo up; exec sleep 50"])
    p.stdout.readline()
    time.sleep(.3)
    for _ in range(30):     # srun counts in whole seconds, and two at once are one
        if p.poll() is not None:
            break
        p.send_signal(signal.SIGINT)
        time.sleep(.2)
    out, err = p.communicate(timeout=30)
    ok(p.returncode != 0, "interrupted twice, srun ends", p.returncode)
    like(err, r"srun: interrupt \(one more within 1 sec to abort\)", "after asking")
    like(err, r"srun: step:\d+\.0 task 0: running|srun: StepId=\d+\.0 task 0: running", "and showing the tasks")
    like(err, r"srun: sending Ctrl-C to StepId=\d+\.0", "Ctrl-C is sent")
    p = popen(["srun", "-p", "normal", "-J", "term", "bash", "-c",
               "trap 'echo caught; exit 9' TERM; echo up; while :; do sleep .1; done"])
    p.stdout.readline()
    p.send_signal(signal.SIGTERM)
    out, err = p.communicate(timeout=30)
    like(err, r"srun: forcing job termination", "SIGTERM to srun", err)
    ok(wait_for(lambda: run("squeue -h").out == "", 15), "its job ends")
    p = popen(["srun", "-p", "normal", "bash", "-c", "trap 'echo usr' USR1; echo up; sleep 20 & wait; kill %1; echo end"])
    p.stdout.readline()
    p.send_signal(signal.SIGUSR1)
    out, err = p.communicate(timeout=30)
    like(out, "^usr\n", "SIGUSR1 is handed on", out, err)
    p = popen(["srun", "-p", "normal", "-J", "gone", "sleep", "50"])
    ok(wait_for(lambda: "gone" in run("squeue -h -t R -o %j").out, 10), "a job")
    time.sleep(.4)
    p.kill()
    p.communicate()
    ok(wait_for(lambda: run("squeue -h -n gone").out == "", 40), "a killed srun takes its job along")


def cancel_step():
    j = sbatch("-p normal -N1 -o two-%j", script="""\
srun sleep 50; echo first $?
srun -n1 bash -c 'trap "echo sig" USR1; echo up; sleep 20 & wait; kill %1; exit 4'; echo second $?
""")
    ok(wait_for(lambda: f"{j}.0" in run("squeue -h -s -o %i").out, 10), "a step runs")
    time.sleep(.3)
    check(f"scancel {j}.0", out="")
    out = shared(f"two-{j}")
    ok(wait_for(lambda: "up\n" in slurp(out), 20), "its end lets the script go on", slurp(out))
    like(slurp(out), r"^first (143|15|137|9)$", "with a signal's exit code")
    time.sleep(.5)     # stock's step daemon takes signals a moment later
    r = run(f"scancel -s USR1 {j}.1")
    odd = STOCK and r.rc and VER >= (26, 5)    # 26.05 finds no such job
    ok(r.rc == 0 or odd, "scancel -s USR1 of one step", r)
    same(wait_end(j), "COMPLETED", "the job ends")
    ok("sig\n" in slurp(out) or odd, "a signal to one step", slurp(out))
    like(slurp(out), "^second 4$", "and its exit code")


def several():
    j = sbatch("-p normal -N1 -n2 --mem=500 -o par-%j", script="""\
date +%s.%N
for i in 1 2; do srun -n1 --exact --mem=100 bash -c "date +%s.%N; sleep .8; echo step $SLURM_STEP_ID" & done
wait
date +%s.%N
""")
    same(wait_end(j), "COMPLETED", "two steps at once")
    n = [float(x) for x in re.findall(r"^\d+\.\d+$", slurp(shared(f"par-{j}")), re.M)]
    ok(len(n) == 4 and abs(n[1] - n[2]) < .7, "start together", n, slurp(shared(f"par-{j}")))
    j = sbatch("-p normal -N1 -n1 -o ser-%j", script="""\
for i in 1 2; do srun -n1 --exclusive bash -c "date +%s.%N; sleep .8" & done
wait
""")
    same(wait_end(j, 40), "COMPLETED", "two exclusive steps on one processor")
    n = [float(x) for x in re.findall(r"^\d+\.\d+$", slurp(shared(f"ser-{j}")), re.M)]
    ok(len(n) == 2 and abs(n[0] - n[1]) >= .75, "run one after the other", n)
    j = sbatch("-p normal -N1 -n1 -o ovl-%j", script="""\
for i in 1 2; do srun -n1 --overlap bash -c "date +%s.%N; sleep .8" & done
wait
""")
    same(wait_end(j, 40), "COMPLETED", "two steps with --overlap")
    n = [float(x) for x in re.findall(r"^\d+\.\d+$", slurp(shared(f"ovl-{j}")), re.M)]
    ok(len(n) == 2 and abs(n[0] - n[1]) < .7, "share the processor", n)
    j = sbatch("-p normal -N2 -n2 -o many-%j", script="for i in $(seq 8); do srun -n1 -N1 true; done; squeue -h -s -j $SLURM_JOB_ID -o %i; srun -n2 bash -c 'echo last $SLURM_STEP_ID'")
    same(wait_end(j, 40), "COMPLETED", "nine steps in a row")
    like(slurp(shared(f"many-{j}")), r"^last 8$", "are numbered")


def show():
    j = sbatch("-p normal -N2 -n4 -J shown -o none", script="srun -J inner sleep 50\n")
    ok(wait_for(lambda: f"{j}.0" in run("squeue -h -s -o %i").out, 10), "a step runs")
    r = run(f"scontrol show step {j}.0")
    like(r.out, rf"^StepId={j}\.0 UserId=0 StartTime=\S+ TimeLimit=\S+$", "show step")
    like(r.out, r"^   State=RUNNING Partition=normal NodeList=c\[\d[-,]\d\]$", "state, partition, nodes")
    like(r.out, r"^   Nodes=2 CPUs=4 Tasks=4 Name=inner Network=\(null\)$", "tasks")
    like(r.out, r"^   TRES=cpu=4,mem=2000M,node=2$", "resources")
    like(r.out, r"^   SrunHost:Pid=\S+:\d+$", "where srun is")
    check(f"scontrol -o show step {j}", out=rx(rf"^StepId={j}\.(0|batch) "))
    r = run(f"srun --jobid={j} --overlap -N1 -n1 hostname")
    like(r.out, r"^c\d$", "srun --jobid joins a job", r)
    p = popen(f"sattach {j}.0")
    time.sleep(.5)
    run(["scancel", j])
    p.communicate(timeout=20)
    ok(True, "sattach ends with the step")
    same(wait_end(j), "CANCELLED", "the job is cancelled")


def external():
    j = sbatch("-p normal -N2 -n2 -o ext-%j", script="""\
srun -n2 -N2 --external-launcher sleep 3 &
sleep .7
srun -n2 -N2 --overlap bash -c 'echo beside $SLURM_PROCID'
srun --ntasks-per-node=1 --kill-on-bad-exit --mpi=none --cpu-bind=none --nodes=1 --nodelist=c2 --ntasks=1 --overlap bash -c 'echo $(hostname) $SLURM_STEP_NODELIST $SLURM_NODEID'
wait
""")
    same(wait_end(j, 30), "COMPLETED", "a launcher's step beside others")
    like(slurp(shared(f"ext-{j}")), r"beside 0", "another step runs", slurp(shared(f"ext-{j}")))
    like(slurp(shared(f"ext-{j}")), r"^c2 c2 0$", "on a subset of the nodes")


def end():
    ok(cancel_all(), "nothing is left behind")


if not INNER:
    main(interrupt, end)
tests = [interrupt, cancel_step, several, show]
if VER >= (24, 11) and "ours" not in DAEMONS:    # jobs on our nodes find 22.05
    tests.append(external)
main(*tests, end)
