#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Nodes without files of their own, and nodes that slurm.conf does not name."""
# own
# once
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

ORDER = ["22.05", "24.11", "26.05"]


def bare(c, node, release, *flags):
    """slurmd with an empty /etc/slurm and munged where it is by default."""
    d = c.path("bare")
    os.makedirs(d, exist_ok=True)
    os.makedirs(c.path("spool", node), exist_ok=True)
    link = c.path("munge", "munge.socket.2")
    if not os.path.lexists(link):
        os.symlink("sock", link)
    script = (f"mount --bind {d} /etc/slurm && mkdir -p /run/munge && "
              f"mount --bind {c.path('munge')} /run/munge && exec \"$@\"")
    c.spawn(node, release, NODES[node][0], node,
            ["/bin/sh", "-c", script, "sh", c.program(release, "slurmd"), "-D", *flags])


def combos():
    if OURS:
        return [r for r in ORDER if slcluster.installed(r)] + ["ours"]
    rel = DAEMONS if DAEMONS in ORDER else REL
    return [rel, "ours"]


def configless():
    rel = combos()
    names = dict(zip(("c1", "c2", "c3", "c4"), rel))
    ctld = "ours" if OURS else rel[0]
    c = new_cluster(f"ctld={ctld}," + ",".join(f"{n}={r}" for n, r in names.items()) +
                    f",{rel[0]}", conf={"SlurmctldParameters": "enable_configless"}, start=False)
    c.start(nodes=[], clients=[REL], wait=0)
    wait_for(lambda: run("sinfo -h", c=c).rc == 0, 15)
    for n, r in names.items():
        bare(c, n, r, "-N", n, "--conf-server", "slurmctld:6817")
    same(wait_nodes(dict.fromkeys(names, "idle"), 40, c), True,
         f"slurmd of {', '.join(rel)} without configuration register with {ctld}",
         *(slurp(c.path("out", n))[-400:] for n in names))
    for n, r in names.items():
        j = sbatch(f"-p normal -w {n} -o cl-{n}", wrap="hostname", c=c)
        same(wait_end(j, 20, c), "COMPLETED", f"a job on configless {r}", job(j, c))
        same(slurp(shared(f"cl-{n}", c), 5), f"{n}\n", "its output")
    c.write_conf(Epilog=c.path("epi.sh"))
    with open(c.path("epi.sh"), "w") as f:
        f.write(f"#!/bin/sh\ntouch {c.path('shared')}/epi-$(hostname)\n")
    os.chmod(c.path("epi.sh"), 0o755)
    check("scontrol reconfigure", c=c)
    time.sleep(1)
    same(wait_nodes(dict.fromkeys(names, "idle"), 30, c), True, "after scontrol reconfigure all are idle")
    for n, r in names.items():
        j = sbatch(f"-p normal -w {n} -o none", wrap="true", c=c)
        wait_end(j, 20, c)
        ok(wait_for(lambda: os.path.exists(shared(f"epi-{n}", c)), 10),
           f"configless {r} has the changed file", slurp(c.path("out", n))[-600:])


main(configless)
