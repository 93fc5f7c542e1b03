#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The network: topology.conf and topology.yaml, what is shown of it, and where
jobs go because of it."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
import slcluster  # noqa: E402
import sltest  # noqa: E402
from sltest import *  # noqa: E402,F403

# Two processors a node; c1 and c2, c3 and c4, q1 and q2 are neighbours.
NODES_EQUAL = "".join(
    f"NodeName={n} NodeAddr={ADDR[h]} Port={p} CPUs=2 RealMemory=1000 State=UNKNOWN\n"
    for n, (h, p) in NODES.items())
PARTS = "PartitionName=all Default=YES Nodes=ALL MaxTime=INFINITE State=UP\n"
TREE = """\
# comments and Include are as in slurm.conf
SwitchName=s1 Nodes=c[1-2]
SwitchName=s2 Nodes=c[3-4] LinkSpeed=10
SwitchName=s3 Nodes=q[1-2]
SwitchName=left Switches=s[1-2]
SwitchName=top Switches=left,s3
"""
BLOCK = """\
BlockName=b1 Nodes=c[1-2]
BlockName=b2 Nodes=c[3-4]
BlockName=b3 Nodes=q[1-2]
BlockSizes=2,4
"""
YAML = """\
---
- topology: trees
  cluster_default: true
  tree:
    switches:
      - switch: root
        children: s[1-2]
      - switch: s1
        nodes: c[1-2]
      - switch: s2
        nodes: c[3-4],q[1-2]
- topology: blocks
  cluster_default: false
  block:
    block_sizes:
      - 2
      - 4
    blocks:
      - block: b1
        nodes: c[1-2]
      - block: b2
        nodes: c[3-4]
- topology: none
  cluster_default: false
  flat: true
"""


def network(text, name="topology.conf", **conf):
    """A cluster with that network; the tests' own from here on."""
    if sltest._shared:
        sltest._shared.stop()
    c = new_cluster(conf={"SelectTypeParameters": "CR_CPU", **conf}, start=False,
                    node_lines=NODES_EQUAL, part_lines=PARTS)
    for release in ("ours",) + slcluster.PRESENT:
        with open(c.path("etc", release, name), "w") as f:
            f.write(text)
    c.start()
    sltest._shared = c
    return c


def env_of(node):
    out = run(f"srun -w {node} env").out
    return dict(l.split("=", 1) for l in out.splitlines() if l.startswith("SLURM_TOPOLOGY"))


# ---------------------------------------------------------------- a tree

SWITCHES = {
    "s1": "SwitchName=s1 Level=0 LinkSpeed=1 Nodes=c[1-2]\n",
    "s2": "SwitchName=s2 Level=0 LinkSpeed=10 Nodes=c[3-4]\n",
    "s3": "SwitchName=s3 Level=0 LinkSpeed=1 Nodes=q[1-2]\n",
    "left": "SwitchName=left Level=1 LinkSpeed=1 Nodes=c[1-4] Switches=s[1-2]\n",
    "top": "SwitchName=top Level=2 LinkSpeed=1 Nodes=c[1-4],q[1-2] Switches=left,s3\n",
}


def tree_shown():
    network(TREE, TopologyPlugin="topology/tree")
    like(run("scontrol show config").out, r"^TopologyPlugin +=? *topology/tree$", "show config")
    check("scontrol show topology", out="".join(SWITCHES.values()))
    if VER < (25, 5):
        check("scontrol show topology s2", out=SWITCHES["s2"])
        check("scontrol show topology c3", out="".join(SWITCHES[s] for s in ("s2", "left", "top")))
        check("scontrol show topology q9", out="",
              err="scontrol: error: Topology information contains no switch or node named q9\n",
              rc=None)
    else:
        check("scontrol show topology unit=s2", out=SWITCHES["s2"])
        check("scontrol show topology node=c3", out="".join(SWITCHES[s] for s in ("s2", "left", "top")))
        check("scontrol show topology default unit=left", out=SWITCHES["left"])
        check("scontrol show topology unit=q9", out="", rc=None,
              err="scontrol: error: Topology information contains no switch named q9\n")
        check("scontrol show topology other", out="", rc=None,
              err="slurm_load_topo error: Requested topology configuration is not available\n")
        like(run("scontrol show topoconf").out, r"^- topology: default\n  cluster_default: false\n"
             r"  block: {}\n", "topoconf has no file to show")
    same(env_of("c3"), {"SLURM_TOPOLOGY_ADDR": "top.left.s2.c3",
                        "SLURM_TOPOLOGY_ADDR_PATTERN": "switch.switch.switch.node"},
         "a step knows its switches")
    same(env_of("q1"), {"SLURM_TOPOLOGY_ADDR": "top..s3.q1",
                        "SLURM_TOPOLOGY_ADDR_PATTERN": "switch.switch.switch.node"},
         "one that has none of a level")


def reason(j):
    return run(f"squeue -h -j {j} -o %R").out.strip()


def busy(*nodes):
    """A job on all processors of each of these nodes."""
    jobs = [sbatch(f"-o none -N1 -n2 -w {n}", wrap="sleep 1000") for n in nodes]
    ok(all(wait_state(j, "RUNNING") == "RUNNING" for j in jobs), f"{' '.join(nodes)} busy")
    return jobs


def lies_on(args, nodes, name):
    """Where a job with these options runs; it goes on running."""
    j = sbatch(f"-o none {args}", wrap="sleep 1000")
    wait_state(j, "RUNNING")
    same(job(j).get("NodeList"), nodes, name, reason(j))
    return j


def idle():
    run("scancel -u root")
    wait_for(lambda: run("squeue -h").out == "", 30)
    wait_nodes(dict.fromkeys(NODES, "idle"), 30)


def tree_used():
    busy("c1")
    lies_on("-N2 -n4", "c[3-4]", "a switch that holds the job rather than neighbours by name")
    lies_on("-N2 -n4", "q[1-2]", "the next one")
    idle()
    busy("c3")
    lies_on("-N3 -n6", "c[1-2,4]", "what is near rather than what is large")
    idle()


def switches_waited_for():
    first = busy("c1", "c3", "q1")
    j = sbatch("-o none -N2 -n4 --switches=1", wrap="sleep 1000")
    ok(wait_for(lambda: reason(j) == "(Resources)", 15), "a job waits for one switch", reason(j))
    like(run(f"scontrol show job {j}").out, r" Switches=1@00:05:00", "at most max_switch_wait")
    run(["scancel", first[2]])
    same(wait_state(j, "RUNNING"), "RUNNING", "it runs when one has room")
    same(job(j).get("NodeList"), "q[1-2]", "on that one")
    run(["scancel", j])
    busy("q1")
    j = sbatch("-o none -N2 -n4 --switches=1@20:00", wrap="sleep 1000")
    like(run(f"scontrol show job {j}").out, r" Switches=1@00:05:00", "more is not to be had")
    ok(wait_for(lambda: reason(j) == "(Resources)", 15), "it waits", reason(j))
    run(["scancel", j])
    j = sbatch("-o none -N2 -n4 --switches=1@00:00:02", wrap="sleep 1000")
    same(wait_state(j, "RUNNING", 60), "RUNNING", "one that waits a moment takes two switches then")
    j = sbatch("-o none -N1 -n2 --switches=1@00:00:00", wrap="sleep 1000")
    same(wait_state(j, "RUNNING"), "RUNNING", "one that does not wait")
    idle()


# ---------------------------------------------------------------- blocks

def blocks_shown():
    if VER < (24, 11):
        return skip("blocks", "since 23.11, shown like this since 24.11")
    network(BLOCK, TopologyPlugin="topology/block")
    check("scontrol show topology", out="""\
BlockName=b1 BlockIndex=0 Nodes=c[1-2] BlockSize=2
BlockName=b2 BlockIndex=1 Nodes=c[3-4] BlockSize=2
BlockName=b3 BlockIndex=2 Nodes=q[1-2] BlockSize=2
AggregatedBlock=b[1-2] BlockIndex=3 Nodes=c[1-4] BlockSize=4
""")
    same(env_of("q2"), {"SLURM_TOPOLOGY_ADDR": "b3.q2", "SLURM_TOPOLOGY_ADDR_PATTERN": "block.node"},
         "a step knows its block")


def blocks_used():
    if VER < (24, 11):
        return
    busy("c1")
    lies_on("-N2 -n4", "q[1-2]", "a job in one block")
    idle()
    busy("c1")
    j = sbatch("-o none -N4 -n8", wrap="sleep 1000")
    # stock 26.05 has words of its own for it
    ok(wait_for(lambda: reason(j) in ("(Resources)", "(No suitable topology unit found)"), 15),
       "no block has room for four", reason(j))
    run(["scancel", j])
    lies_on("-N4 -n8 --segment=2", "c[3-4],q[1-2]", "in two segments they have")
    idle()
    busy("c1")
    lies_on("-N3 -n6", "c[2-4]", "three nodes in a block of four")
    idle()
    if VER < (26, 5):       # later the client itself refuses
        check("sbatch -N4 --segment=3 --wrap true", rc=1, err="sbatch: error: Batch job submission failed: "
              "Requested topology configuration is not available\n")
    check("sbatch -N5 --wrap true", rc=1, err="sbatch: error: Batch job submission failed: "
          "Requested node configuration is not available\n")


# ---------------------------------------------------------------- several

TREE2 = """\
SwitchName=root Level=1 LinkSpeed=0 Nodes=c[1-4]{2},q[1-2] Switches=s[1-2]
SwitchName=s1 Level=0 LinkSpeed=0 Nodes={0}
SwitchName=s2 Level=0 LinkSpeed=0 Nodes={1}
"""


def made_and_restarted():
    """Nodes made at run time; what a restart keeps and what it does not."""
    if VER < (25, 11):
        return skip("nodes made at run time", "their topology, as it is here, since 25.11")
    c = network(YAML, "topology.yaml", MaxNodeCount="9")
    check("scontrol create nodename=d1 topology=trees:s1 state=cloud cpus=2")
    check("scontrol show topology", out=TREE2.format("c[1-2],d1", "c[3-4],q[1-2]", ",d1"))
    check("scontrol create nodename=d2 topology=trees:s9 state=cloud cpus=2", rc=1, out=None, err="\
scontrol: error: Requested topology configuration is not available (d2)\n\
Error creating node(s): Requested topology configuration is not available\n")
    check("scontrol update nodename=d1,c1 topology=trees:s2")
    check("scontrol show topology", out=TREE2.format("c2", "c[1,3-4],d1,q[1-2]", ",d1"))
    c.kill("slurmctld")
    c.start_ctld()
    ok(wait_for(lambda: run("scontrol ping").out.count("UP"), 20), "slurmctld is there again")
    check("scontrol show topology", "of slurm.conf's nodes the file counts again",
          out=TREE2.format("c[1-2]", "c[3-4],d1,q[1-2]", ",d1"))
    check("scontrol delete nodename=d1")
    check("scontrol show topology", out=TREE2.format("c[1-2]", "c[3-4],q[1-2]", ""))


def topoconf(c1="c[1-2]", c3="c[3-4],q[1-2]", b1="c[1-2]", b2="c[3-4]"):
    flat, flat3, more = ("false", "true", "") if VER < (26, 5) else \
        ("{}", "true", "  ring: {}\n  torus3d: {}\n")
    return f"""\
%YAML 1.1
---
- topology: trees
  cluster_default: true
  block: {{}}
  flat: {flat}
{more}  tree:
    switches:
    - switch: root
      children: s[1-2]
      nodes:
    - switch: s1
      children:
      nodes: {c1}
    - switch: s2
      children:
      nodes: {c3}
- topology: blocks
  cluster_default: false
  block:
    block_sizes:
    - 2
    - 4
    blocks:
    - block: b1
      nodes: {b1}
    - block: b2
      nodes: {b2}
  flat: {flat}
{more}  tree: {{}}
- topology: none
  cluster_default: false
  block: {{}}
  flat: {flat3}
{more}  tree: {{}}
...
"""


NO_TOPO = "slurm_update error: Requested topology configuration is not available\n"


def several():
    if VER < (25, 5):
        return skip("topology.yaml", "since 25.05")
    network(YAML, "topology.yaml")
    tree = """\
SwitchName=root Level=1 LinkSpeed=0 Nodes=c[1-4],q[1-2] Switches=s[1-2]
SwitchName=s1 Level=0 LinkSpeed=0 Nodes={0}
SwitchName=s2 Level=0 LinkSpeed=0 Nodes={1}
"""
    blocks = """\
BlockName=b1 BlockIndex=0 Nodes={0} BlockSize=2
BlockName=b2 BlockIndex=1 Nodes={1} BlockSize=2
AggregatedBlock=b[1-2] BlockIndex=2 Nodes=c[1-4] BlockSize=4
"""
    check("scontrol show topology", out=tree.format("c[1-2]", "c[3-4],q[1-2]"))
    check("scontrol show topology blocks", out=blocks.format("c[1-2]", "c[3-4]"))
    check("scontrol show topology none", out="")
    same(run("scontrol show topoconf").out.strip(), topoconf().strip(), "show topoconf")
    same(env_of("c1").get("SLURM_TOPOLOGY_ADDR"), "root.s1.c1", "the first is the cluster's own")

    check("scontrol update partition=all topology=blocks")
    like(run("scontrol show partition all").out, r"\bTopology=blocks\b", "a partition's topology")
    check("scontrol update partition=all topology=other", rc=1, err=NO_TOPO)
    like(run("scontrol show partition all").out, r"\bTopology=blocks\b", "stays when another is refused")
    check("scontrol update partition=all topology=trees")

    ok("Topology=" not in run("scontrol show node c1").out, "a node says nothing of the file's")
    check("scontrol update nodename=c1 topology=trees:s2,blocks:b2")
    like(run("scontrol show node c1").out, r"^   Topology=trees:s2,blocks:b2$", "it is moved")
    check("scontrol show topology", out=tree.format("c2", "c[1,3-4],q[1-2]"))
    check("scontrol show topology blocks", out=blocks.format("c2", "c[1,3-4]"))
    same(run("scontrol show topoconf").out.strip(),
         topoconf("c2", "c[1,3-4],q[1-2]", "c2", "c[1,3-4]").strip(), "topoconf follows")
    for bad in ("trees:s9", "other:s1", "trees:root") + (("blocks:b9",) if VER > (25, 5) else ()):
        check(f"scontrol update nodename=c1 topology={bad}", rc=1, err=NO_TOPO)
    like(run("scontrol show node c1").out, r"^   Topology=trees:s2,blocks:b2$", "nothing else is taken")
    check("scontrol show topology", out=tree.format("c2", "c[1,3-4],q[1-2]"))
    check("scontrol update nodename=c1 topology=trees:root:s7,blocks:b1")
    check("scontrol show topology", "a switch that is new below the root",
          out=tree.format("c2", "c[3-4],q[1-2]").replace("s[1-2]\n", "s[1-2],s7\n") +
          "SwitchName=s7 Level=0 LinkSpeed=0 Nodes=c1\n")


if __name__ == "__main__":
    main(tree_shown, tree_used, switches_waited_for, blocks_shown, blocks_used, several,
         made_and_restarted)
