#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scancel by everything it knows."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def jobs():
    mk = lambda *a, **k: sbatch(["-o", "none", *a], wrap="exec sleep 60", **k)
    left = lambda: set(run("squeue -h -o %i").out.split())
    a, b = mk("-p", "normal", "--hold"), mk("-p", "normal", "--hold")
    check(f"scancel {a} {b}", out="")
    same(left(), set(), "by id")
    same([state(a), state(b)], ["CANCELLED"] * 2, "cancelled")
    a, b = mk("-p", "normal", "-J", "x", "--hold"), mk("-p", "normal", "-J", "y", "--hold")
    check("scancel -n x")
    same(left(), {b}, "by name")
    check("scancel --name=y")
    a, b = mk("-p", "normal", "--hold", user="alice"), mk("-p", "normal", "--hold")
    check("scancel -u alice")
    same(left(), {b}, "by user")
    c = mk("-p", "quantum", "--hold")
    check("scancel -p normal")
    same(left(), {c}, "by partition")
    d = mk("-p", "normal")
    wait_state(d, "RUNNING")
    check("scancel --state=PENDING")
    same(left(), {d}, "by state")
    check("scancel -t RUNNING -u bob")
    same(left(), {d}, "all filters count")
    n = job(d)["NodeList"]
    check(f"scancel -w {n}", out="")
    same(wait_end(d), "CANCELLED", "by node")
    like(run(f"scontrol show job {d}").out, r"ExitCode=0:15", "exit code of a cancelled job")
    r = run("scancel -v 99999")
    like(r.err, r"error: Kill job error on job id 99999: Invalid job id specified", "no such job")
    d = mk("-p", "normal", "--hold", user="alice")
    check(f"scancel {d}", "not one's own", user="bob", rc=None, err=rx("Access/permission denied"))
    same(state(d), "PENDING", "stays")
    check(f"scancel {d}", "one's own", user="alice")
    check(f"scancel -Q {d}", "over already")
    check("scancel --me", out="")


def signals():
    j = sbatch("-p normal -o sig-%j", script="""\
trap 'echo usr1' USR1
trap 'echo usr2' USR2
bash -c 'trap "echo child" USR1 USR2; echo ready; for i in 1 2 3 4 5 6 7 8; do sleep .5; done' &
while ! wait; do :; done
""")
    out = shared(f"sig-{j}")
    ok(wait_for(lambda: "ready" in slurp(out), 15), "a script with traps")
    check(f"scancel -b -s USR1 {j}", out="")
    ok(wait_for(lambda: "usr1" in slurp(out), 5), "-b: the batch shell gets it")
    ok("child" not in slurp(out), "and nobody else")
    check(f"scancel -f -s USR2 {j}", out="")
    ok(wait_for(lambda: "usr2" in slurp(out) and "child" in slurp(out), 5), "-f: everybody", slurp(out))
    same(state(j), "RUNNING", "the job runs on")
    check(f"scancel -s KILL {j}", out="")
    ok(wait_end(j) in ("CANCELLED", "FAILED"), "KILL ends it")
    j = sbatch("-p normal -o stop-%j", wrap="while :; do date +%N; sleep .1; done")
    out = shared(f"stop-{j}")
    slurp(out, 10)
    check(f"scancel -f -s STOP {j}", out="")
    time.sleep(.4)
    size = os.path.getsize(out)
    time.sleep(.5)
    same(os.path.getsize(out), size, "STOP stops")
    check(f"scancel -f -s CONT {j}", out="")
    ok(wait_for(lambda: os.path.getsize(out) > size, 5), "CONT goes on")
    run(["scancel", j])
    same(wait_end(j), "CANCELLED", "cancelled")
    like(slurp(out), rf"(slurmstepd-c\d: )?error: \*\*\* JOB {j} ON c\d CANCELLED AT \S+ (DUE to SIGNAL Terminated )?\*\*\*", "the job's output says so")
    j = sbatch("-p normal -o none", wrap="trap '' TERM; while :; do sleep .2; done")
    wait_state(j, "RUNNING")
    time.sleep(.5)
    t = time.monotonic()
    run(["scancel", j])
    same(wait_end(j, 30), "CANCELLED", "a job that ignores SIGTERM")
    ok(wait_for(lambda: run("squeue -h").out == "", 30), "is killed after KillWait")
    ok(time.monotonic() - t < 20, "soon")
    j = sbatch("-p normal -N2 --signal=B:USR1@58 -t 1 -o warn-%j", script="trap 'echo warned; exit 0' USR1\nwhile :; do sleep .2; done\n")
    ok(wait_for(lambda: "warned" in slurp(shared(f"warn-{j}")), 30), "--signal")
    wait_end(j)


def end():
    ok(cancel_all(), "nothing is left behind")


main(jobs, signals, end)
