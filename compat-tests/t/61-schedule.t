#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who runs where and when: QPUs, memory, sharing, priorities."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def reason(j):
    return run(f"squeue -h -j {j} -o %R").out.strip()


def qpus():
    a, b = (sbatch("-p quantum --gres=qpu:1 -o none", wrap="sleep 50") for _ in "ab")
    ok(wait_state(a, "RUNNING") == wait_state(b, "RUNNING") == "RUNNING", "two QPU jobs run")
    same(sorted([job(a)["NodeList"], job(b)["NodeList"]]), ["q1", "q2"], "on both nodes")
    c = sbatch("-p quantum --gres=qpu:1 -o none", wrap="sleep 50")
    ok(wait_for(lambda: reason(c) == "(Resources)", 15), "the third waits for resources", reason(c))
    d = sbatch("-p quantum --gres=qpu:1 -o none", wrap="sleep 50")
    ok(wait_for(lambda: reason(d) == "(Priority)", 15), "the fourth for its priority", reason(d))
    check(["sinfo", "-h", "-p", "quantum", "-o", "%t %D"], out="alloc 2\n")
    check(["sinfo", "-h", "-N", "-n", "q1", "-O", "GresUsed:30"], out=rx(r"^qpu(:\(null\))?:1\b|^qpu(:\(null\))?:0\b"))
    run(["scancel", a])
    same(wait_state(c, "RUNNING", 30), "RUNNING", "the third runs when one ends")
    ok(wait_for(lambda: reason(d) == "(Resources)", 15), "then it is the fourth's turn", reason(d))
    run(["scancel", b, c, d])
    ok(wait_for(lambda: run("squeue -h").out == "", 20), "all gone")
    n = sbatch("-p quantum -o none", wrap="sleep 50")
    wait_state(n, "RUNNING")
    node = job(n)["NodeList"]
    q = [sbatch(f"-p quantum -w {node} --gres=qpu:1 -o none", wrap="true")]
    ok(wait_for(lambda: reason(q[0]) in ("(Resources)", "(Priority)"), 10), "no memory is left beside a job without --mem")
    run(["scancel", n])
    same(wait_end(q[0], 30), "COMPLETED", "then it runs")
    m = [sbatch("-p quantum --mem=100 -w q1 -o none", wrap="sleep 2") for _ in "ab"]
    wait_state(m[0], "RUNNING")
    ok(wait_for(lambda: "Resources" in reason(m[1]) or "Priority" in reason(m[1]), 10), "nor a processor")
    run(["scancel"] + m)


def sharing():
    jobs = [sbatch("-p normal -o none -n1", wrap="sleep 50") for _ in range(8)]
    ok(all(wait_state(j, "RUNNING") == "RUNNING" for j in jobs), "eight jobs of one processor and 500 MB")
    per = sorted(job(j)["NodeList"] for j in jobs)
    same(per, sorted(["c1", "c2", "c3", "c4"] * 2), "two on each node: memory decides")
    j = sbatch("-p normal -o none -n1", wrap="true")
    ok(wait_for(lambda: reason(j) == "(Resources)", 10), "the ninth waits")
    same(set(node_states()[n] for n in ("c1", "c2", "c3", "c4")), {"mixed"}, "the nodes are mixed")
    check("sinfo -h -p normal -o %C", out="8/8/0/16\n")
    small = sbatch("-p normal -o none -n1 --mem-per-cpu=0", wrap="true")
    run(["scancel"] + jobs)
    same(wait_end(j, 30), "COMPLETED", "it runs when they are gone")
    run(["scancel", small])
    wait_for(lambda: run("squeue -h").out == "", 20)
    x = sbatch("-p normal --exclusive --mem=0 -N1 -o none", wrap="sleep 50")
    wait_state(x, "RUNNING")
    node = job(x)["NodeList"]
    same(node_states()[node], "allocated", "--exclusive takes all")
    like(run(f"scontrol show job {x}").out, r"NumCPUs=4 ", "every processor")
    run(["scancel", x])
    a = sbatch("-p normal -n4 --mem-per-cpu=100 -N1 -o none", wrap="sleep 50")
    wait_state(a, "RUNNING")
    like(run(f"scontrol show job {a}").out, r"TRES=cpu=4,mem=400M,node=1,billing=4", "memory per processor")
    b = sbatch("-p normal --mem=600 -n1 -o none -w " + job(a)["NodeList"], wrap="true")
    ok(wait_for(lambda: "Resources" in reason(b) or "Priority" in reason(b), 10), "a full node")
    run(["scancel", a])
    same(wait_end(b, 30), "COMPLETED", "is free again")


def order():
    wait_for(lambda: run("squeue -h").out == "", 20)
    block = sbatch("-p normal -N4 --exclusive --mem=0 -o none", wrap="sleep 50")
    wait_state(block, "RUNNING")
    low = sbatch("-p normal -N4 --exclusive --mem=0 --nice=1000 -o none", wrap="date +%s.%N > low")
    high = sbatch("-p normal -N4 --exclusive --mem=0 -o none", wrap="date +%s.%N > high")
    run(f"scontrol update jobid={low} priority=10")
    run(f"scontrol update jobid={high} priority=20")
    ok(wait_for(lambda: reason(high) == "(Resources)" and reason(low) == "(Priority)", 15), "priorities decide",
       run("squeue -o '%i %Q %R'").out)
    check("squeue -h -t PD -S -p -o %i", out=f"{high}\n{low}\n")
    run(["scancel", block])
    same([wait_end(high, 30), wait_end(low, 30)], ["COMPLETED"] * 2, "both run")
    ok(float(slurp(shared("high"), 5) or 9e9) < float(slurp(shared("low"), 5) or 0), "in that order")
    a = sbatch("-p normal -w c1 --exclusive --mem=0 -t 5 -o none", wrap="sleep 50")
    wait_state(a, "RUNNING")
    big = sbatch("-p normal -N4 --exclusive --mem=0 -t 10 -o none", wrap="sleep 50")
    ok(wait_for(lambda: reason(big) == "(Resources)", 15), "a big job waits", reason(big))
    fill = sbatch("-p normal -N1 -t 1 -o none", wrap="true")
    same(wait_end(fill, 60), "COMPLETED", "a short small one is put in before it")
    same(state(big), "PENDING", "which waits on")
    late = sbatch("-p normal -N1 -t 100 -o none", wrap="true")
    time.sleep(2.5)
    same(state(late), "PENDING", "a long one is not")
    like(run(f"squeue -h --start -j {big} -o %S").out, r"^\d{4}-", "the big one's start is known")
    run(["scancel", a, big, late])


def many():
    t = time.monotonic()
    jobs = [sbatch("-p normal -o none -n1", wrap="true") for _ in range(20)]
    ok(all(wait_end(j, 60) == "COMPLETED" for j in jobs), "twenty short jobs")
    diag(f"took {time.monotonic() - t:.1f} s")


def end():
    ok(cancel_all(), "nothing is left behind")


main(qpus, sharing, order, many, end)
