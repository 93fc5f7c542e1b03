#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sprio: what priorities are made of, and what a cluster with keys shows of them."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
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


sltest._shared = new_cluster(conf={
    "PriorityType": "priority/multifactor", "PriorityWeightPartition": "500",
    "PriorityWeightTRES": "CPU=100,Mem=50", "TrackWCKey": "yes"})
main(factors)
