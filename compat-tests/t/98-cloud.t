#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes of a cloud: State=CLOUD, there when a job wants them."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
from slpower import SLURM, comes, power_cluster, states  # noqa: E402

C = None


def setup():
    global C
    lines = slcluster.NODE_LINES.replace("NodeName=c3 NodeAddr=192.168.4.164 ", "NodeName=c3 ")
    lines = re.sub(r"(NodeName=c3 .*)State=UNKNOWN", r"\1State=CLOUD", lines)
    C = power_cluster(nodes=[n for n in NODES if n != "c3"], node_lines=lines)


def life():
    states({"c4": "idle", "q1": "idle"}, "nodes that are there")
    like(run("scontrol -a show node c3", c=C).out, r"State=IDLE\+CLOUD\+POWERED_DOWN", "one that is not")
    j = sbatch("-p normal -w c3 -o cloud.out", wrap="hostname", c=C)
    comes(rf"^resume {SLURM} c3 ", "a job wants it")
    same(job(j, C).get("JobState"), "CONFIGURING", "and waits")
    C.start_node("c3", "-b")
    same(wait_end(j, 40, C), "COMPLETED", "it runs when the node is there", job(j, C))
    same(slurp(shared("cloud.out", C), 5), "c3\n", "there")
    like(run("scontrol show node c3", c=C).out, r"NodeAddr=192.168.4.164 ", "its address is what it came from")
    ok(wait_for(lambda: "c3" in str(run("scontrol show node c3", c=C)) and
                re.search(r"State=IDLE\+CLOUD\+POWERED_DOWN",
                          run("scontrol -a show node c3", c=C).out), 60, .3), "then it goes again")
    C.kill("c3")
    like(run("scontrol -a show node c3", c=C).out, r"NodeAddr=c3 ", "and its address with it")


if STOCK and REL == "22.05":
    skip("nodes of a cloud", "22.05 hides them and does not note where they are")
    done()
main(setup, life)
