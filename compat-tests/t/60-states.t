#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How jobs end: states, reasons, exit codes."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def ends():
    j = sbatch("-p normal -o none", wrap="exit 3")
    same(wait_end(j), "FAILED", "exit 3")
    f = job(j)
    same((f["ExitCode"], f["Reason"]), ("3:0", "NonZeroExitCode"), "exit code and reason")
    j = sbatch("-p normal -o none", script="kill -9 $$\n")
    same(wait_end(j), "FAILED", "a signal")
    f = job(j)
    same(f["ExitCode"], "0:9", "its exit code")
    ok(f["Reason"] in ("RaisedSignal:9(Killed)", "JobLaunchFailure"), "and reason", f["Reason"])
    if INNER:
        j = sbatch("-p normal -o none", script="srun bash -c 'exit 5'\nexit 0\n")
        same(wait_end(j), "COMPLETED", "a step that fails")
        like(run(f"scontrol -d show job {j}").out, r"DerivedExitCode=5:0", "is remembered")
    j = sbatch("-p normal -o none", wrap="exec sleep 50")
    wait_state(j, "RUNNING")
    f = job(j)
    same((f["ExitCode"], f["Reason"], f["BatchHost"]), ("0:0", "None", f["NodeList"]), "while it runs")
    check(["squeue", "-h", "-j", j, "-o", "%t %T %r"], out="R RUNNING None\n")
    run(["scancel", j])
    same(wait_end(j), "CANCELLED", "cancelled")
    same(job(j)["ExitCode"], "0:15", "its exit code")
    check(["squeue", "-h", "-j", j, "-t", "all", "-o", "%t %T"], out="CA CANCELLED\n")
    j = sbatch("-p normal --hold", wrap="true")
    run(["scancel", j])
    f = job(j)
    same((f["JobState"], f["ExitCode"], f.get("NodeList", "")), ("CANCELLED", "0:0", ""), "cancelled before it ran")
    r = run("srun -p normal -J failing bash -c 'exit 2'")
    same(wait_end(re.findall(r"JobId=(\d+)", run("scontrol show job").out)[-1]), "FAILED", "srun's job")


def timeouts():
    r = run("sbatch --parsable -p normal -t 0:01 -o tl-%j", input="#!/bin/bash\nsleep 200\n")
    j = r.out.strip()
    same(job(j)["TimeLimit"], "00:01:00", "seconds are rounded up to minutes")
    wait_state(j, "RUNNING")
    s = sbatch("-p normal -t 1 -o tls-%j", wrap="sleep 200")
    wait_state(s, "RUNNING")
    like(run(f"squeue -h -j {j} -o '%l %L'").out, r"^1:00 (0:\d\d|1:00)$", "limit and what is left")
    # do not wait a minute: the tests are run often.  The limit itself is
    # tested where it can be made to pass quickly
    check(f"scontrol update jobid={j} timelimit=2", out="")
    same(job(j)["TimeLimit"], "00:02:00", "changed while running")
    wait_for(lambda: job(s)["EndTime"] > job(s)["StartTime"], 5)
    f = job(s)
    ok(f["EndTime"] > f["StartTime"], "an end is foreseen")
    run(["scancel", j, s])
    wait_end(j)
    wait_end(s)


def completing():
    j = sbatch("-p normal -N1 -o none", wrap="trap '' TERM; while :; do sleep .1; done")
    wait_state(j, "RUNNING")
    time.sleep(.5)
    n = job(j)["NodeList"]
    run(["scancel", j])
    seen = wait_for(lambda: run(["squeue", "-h", "-j", j, "-o", "%t"]).out.strip() == "CG", 5)
    ok(seen, "completing while KillWait passes")
    like(run("squeue -h -t CG -o %i").out, rf"^{j}$", "squeue -t CG")
    ok(node_states()[n].startswith("completing"), "so is its node", node_states())
    same(state(j), "COMPLETING", "scontrol says so too")
    ok(wait_for(lambda: run("squeue -h").out == "", 20), "then it is over")
    same(state(j), "CANCELLED", "and was cancelled")


def requeue_on_fail():
    with open(shared("first"), "w") as f:
        f.write("")
    j = sbatch("-p normal -o none --requeue", wrap="sleep 50")
    wait_state(j, "RUNNING")
    same(job(j)["Requeue"], "1", "may be requeued")
    run(["scancel", j])
    wait_end(j)


def resumed():
    """A job whose cores another has by now is resumed all the same."""
    a, b = (sbatch("-p normal -w c1 -n4 --mem=100 -o none", wrap="sleep 90") for _ in "ab")
    wait_state(a, "RUNNING")
    check(["scontrol", "suspend", a], out="")
    same(state(a), "SUSPENDED", "suspended")
    same(wait_state(b, "RUNNING", 15), "RUNNING", "another has its cores")
    check(["scontrol", "resume", a], out="")
    same((state(a), state(b)), ("RUNNING", "RUNNING"), "resumed beside it")
    run(["scancel", b])
    wait_end(b)
    same(state(a), "RUNNING", "and outlives it")
    run(["scancel", a])
    same(wait_end(a), "CANCELLED", "until it is cancelled")


def jobcomp():
    j = sbatch("-p quantum --gres=qpu:1 -J comp -o none", wrap="exit 2")
    wait_end(j)
    path = cluster().path("log", "jobcomp.log")
    wait_for(lambda: f"JobId={j} " in slurp(path), 15)
    line = [l for l in slurp(path).split("\n") if l.startswith(f"JobId={j} ")]
    ok(line, "a line in the completion log")
    if line:
        T = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
        like(line[0], rf"^JobId={j} UserId=root\(0\) GroupId=root\(0\) Name=comp JobState=FAILED Partition=quantum "
             rf"TimeLimit=(UNLIMITED|525600) StartTime={T} EndTime={T} NodeList=q\d NodeCnt=1 ProcCnt=1 WorkDir=\S+ "
             rf"ReservationName= Tres=cpu=1,mem=1000M,node=1,billing=1 Account=\S* QOS=\S* WcKey=\S* Cluster=\S+ "
             rf"SubmitTime={T} EligibleTime={T} DerivedExitCode=\d:0 ExitCode=2:0", "as stock writes it")


def end():
    ok(cancel_all(), "nothing is left behind")


main(ends, timeouts, completing, requeue_on_fail, resumed, jobcomp, end)
