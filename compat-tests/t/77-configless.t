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


def dynamic():
    """slurmd -Z, scontrol create and delete node, slurmd -F."""
    rel = [r for r in combos() if r != "22.05"]     # -Z of 22.05 asks for other keys
    if STOCK and DAEMONS == "22.05" or not rel:
        skip("dynamic nodes", "22.05 has them in another form")
        return
    ctld = "ours" if OURS else rel[0]
    names = {f"d{i}": (r, "a" if i % 2 else "b", 6900 + i) for i, r in enumerate(rel)}
    lines = ("NodeName=f[1-2] CPUs=2 RealMemory=1000 Feature=fut State=FUTURE\n"
             + slcluster.NODE_LINES)
    parts = slcluster.PART_LINES + "PartitionName=dyn Nodes=ALL State=UP\n"
    c = new_cluster(f"ctld={ctld},ours", conf={"MaxNodeCount": "64", "MpiDefault": "none", "TreeWidth": "1"},
                    node_lines=lines, part_lines=parts, start=False)
    c.start(nodes=["c1"], clients=[REL], wait=0)
    wait_nodes({"c1": "idle"}, 20, c)
    for n, (r, host, port) in names.items():
        os.makedirs(c.path("spool", n), exist_ok=True)
        c.spawn(n, r, host, n, [c.program(r, "slurmd"), "-D", "-N", n, "-Z", "--conf",
                                f"CPUs=2 RealMemory=900 Feature=dy Port={port}"])
    for n, (r, host, port) in names.items():
        ok(wait_for(lambda: node_states(c).get(n, "") == "idle", 20),
           f"slurmd -Z of {r} is a new node of {ctld}", node_states(c), slurp(c.path("out", n))[-600:],
           slurp(c.path("log", "slurmctld.log"))[-600:])
        j = sbatch(f"-p dyn -w {n} -o dy-{n}", wrap="hostname", c=c)
        same(wait_end(j, 20, c), "COMPLETED", "a job on it", job(j, c))
        same(slurp(shared(f"dy-{n}", c), 5), f"{n}\n", "its output")
    if VER >= (23, 11):     # older clients know only the nodes of their slurm.conf
        r = run(f"srun -p dyn -w {','.join(names)} -N{len(names)} hostname", c=c)
        same(sorted(r.out.split()), sorted(names), "srun finds them", r)
    # one branch: c1, whose slurm.conf names none of the others, hands on to them
    everyone = ["c1", *names]
    j = sbatch(f"-p dyn -w {','.join(everyone)} -N{len(everyone)} -o none", wrap="true", c=c)
    same(wait_end(j, 20, c), "COMPLETED", "a job over static and dynamic nodes in one branch", job(j, c))
    ok(wait_for(lambda: {node_states(c).get(n, "") for n in everyone} == {"idle"}, 20), "all nodes are told its end",
       node_states(c))
    for n in everyone:
        ok("find address for host" not in slurp(c.path("out", n)), f"{n} finds those behind it",
           slurp(c.path("out", n))[-600:])
    like(run(f"scontrol show node {next(iter(names))}", c=c).out, r"State=[A-Z_+]+\+DYNAMIC_NORM", "and is shown as such")
    check(["scontrol", "create", "NodeName=x1 CPUs=2 RealMemory=500 State=CLOUD"], c=c, out=None)
    like(run("scontrol show node x1", c=c).out, r"^NodeName=x1 ", "scontrol create node")
    r = run(["scontrol", "create", "NodeName=x1 CPUs=2 State=CLOUD"], c=c)
    ok(r.rc != 0 and (r.err or r.out), "twice is refused", r)
    if OURS:
        c.kill("slurmctld")
        c.start_ctld()
        ok(wait_for(lambda: "x1" in run("sinfo -h -N -o %N", c=c).out or
                    "x1" in run("scontrol show node x1", c=c).out, 15), "a restart keeps them")
        first = next(iter(names))
        ok(wait_for(lambda: node_states(c).get(first, "") == "idle", 30), "and they are up", node_states(c))
    if OURS:    # stock refuses while a partition of all nodes has it
        check("scontrol delete nodename=x1", c=c, out=None)
    ok(STOCK or "not found" in str(run("scontrol show node x1", c=c)), "scontrol delete node")
    r = run("scontrol delete nodename=c1", c=c)
    ok(r.rc != 0 or STOCK, "a node of slurm.conf is not deleted", r)
    if STOCK:
        skip("slurmd -F", "stock compares with the hardware of this machine")
        return
    os.makedirs(c.path("spool", "fut"), exist_ok=True)
    c.spawn("fut", rel[-1], "b", "fut", [c.program(rel[-1], "slurmd"), "-D", "-Ffut"])
    ok(wait_for(lambda: "idle" in [node_states(c).get(f"f{i}") for i in (1, 2)] or
                "IDLE+DYNAMIC_FUTURE" in run("scontrol show node f1", c=c).out, 20),
       f"slurmd -F of {rel[-1]} takes a future node", run("scontrol show node f1", c=c),
       slurp(c.path("out", "fut"))[-600:])


main(configless, dynamic)
