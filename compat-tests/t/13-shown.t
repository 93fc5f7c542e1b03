#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the usual cluster has not: parts of priorities, keys, cores of two threads."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
import slcluster  # noqa: E402
import sltest  # noqa: E402


def factors():
    busy = sbatch("-p quantum -w q1 -J busy", wrap="sleep 100")
    wait_state(busy, "RUNNING")
    j = sbatch("-p quantum -w q1 --mem=400 -J waits", wrap="true")
    k = sbatch("-p quantum -w q1 --mem=400 --nice=20 -J nice", wrap="true")
    wait_for(lambda: run(f"sprio -h -j {j} -o %i").out.strip() == j)
    # 1 of 50; 1 of 2 CPUs; 400 of 2000 MB
    same(run(f"sprio -h -j {j} -o '%i %P %T'").out.split(), [j, "10", "cpu=50,mem=10"], "its parts")
    same(run(f"sprio -n -h -j {j} -o '%p %t'").out.split(), ["0.0200000", "cpu=0.50,mem=0.20"],
         "normalised")
    same(run(f"sprio -h -j {j} -o %Y").out.strip(), "70", "their sum")
    same(run(f"squeue -h -j {j} -o %Q").out.strip(), "70", "is its priority")
    same(run(f"sprio -h -j {k} -o '%Y %N'").out.split(), ["50", "20"], "nice is taken from it")
    same(run("sprio -w -h -o '%P %T'").out.split(), ["500", "CPU=100,Mem=50"], "weights")
    same(run(f"squeue -h -j {j} -o %w").out.strip(), "*", "a key that nobody has chosen")
    named = sbatch("-p normal -H --wckey=own", wrap="true")
    same(run(f"squeue -h -j {named} -o %w").out.strip(), "own", "one that somebody has")
    run(["scancel", j, k, busy, named])


def cpus(want):
    """The counts of c3, "allocated/idle/other/total"."""
    same(wait_nodes({"c3": want.split()[1]}), True, "c3 is " + want.split()[1])
    same(run("sinfo -h -N -p normal -n c3 -o '%C %T'").out.strip(), want, f"c3 has {want}")


def threads():
    for n, want in ((1, "2/6/0/8 mixed"), (5, "6/2/0/8 mixed"), (7, "8/0/0/8 allocated")):
        j = sbatch(f"-p normal -w c3 -n{n} --mem=10", wrap="sleep 100")
        wait_state(j, "RUNNING")
        cpus(want)
        a = want.split("/")[0]
        like(run("scontrol -o show node c3").out, rf"CPUAlloc={a} .* AllocTRES=cpu={a},mem=10M",
             f"{n} of 8 threads hold {a}")
        same(job(j).get("NumCPUs"), str(n), "the job has its own")
        run(["scancel", j])
        wait_end(j)
        cpus("0/8/0/8 idle")
    for n, want in ((1, "2"), (3, "4")):
        r = run(f"srun -p normal -w c3 -n{n} --mem=10 bash -c 'echo $SLURM_CPUS_ON_NODE'")
        same(set(r.out.split()), {want}, f"whole cores are a step's: {n} tasks", r)


LINES = slcluster.NODE_LINES.replace("Port=6818 CPUs=4 RealMemory=1000 State=UNKNOWN\nNodeName=c4",
    "Port=6818 CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2 RealMemory=1000 "
    "State=UNKNOWN\nNodeName=c4")
sltest._shared = new_cluster(node_lines=LINES, conf={
    "PriorityType": "priority/multifactor", "PriorityWeightPartition": "500",
    "PriorityWeightTRES": "CPU=100,Mem=50", "TrackWCKey": "yes"})
main(factors, threads)
