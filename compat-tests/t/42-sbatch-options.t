#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# own
"""sbatch: what its options do to a job's record, its nodes and its environment."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

LAYOUT = {  # node: sockets, threads, features
    "c1": (2, 1, "fast,intel,rack1"), "c2": (2, 1, "fast,amd,rack1"),
    "c3": (1, 2, "slow,intel,rack2"), "c4": (1, 2, "slow,amd,rack2")}
NODE_LINES = "".join(
    f"NodeName={n} NodeAddr={ADDR[h]} Port={p} RealMemory=1000 State=UNKNOWN " +
    ("CPUs=4 Sockets={} CoresPerSocket=2 ThreadsPerCore={} Feature={}\n".format(*LAYOUT[n])
     if n in LAYOUT else "CPUs=1 CoresPerSocket=1 Gres=qpu:1\n") for n, (h, p) in NODES.items())
PARTS = """\
PartitionName=normal Default=YES Nodes=c[1-4] MaxTime=5-0 DefaultTime=1:00:00 State=UP
PartitionName=node Nodes=c[1-4] DefMemPerCPU=100 MaxMemPerNode=800 DefaultTime=5 State=UP
PartitionName=cpu Nodes=c[1-4] DefMemPerNode=200 MaxMemPerCPU=150 DefaultTime=5 State=UP
PartitionName=excl Nodes=c[1-4] OverSubscribe=EXCLUSIVE DefaultTime=5 State=UP
PartitionName=down Nodes=c[1-4] DefaultTime=5 State=DOWN
PartitionName=quantum Nodes=q[1-2] DefaultTime=5 State=UP
"""
ENV = 'env | grep "^SLURM"'


def environment(name):
    return dict(l.split("=", 1) for l in slurp(shared(name), 5).splitlines() if "=" in l)


def all_of(cases):
    """Submit them one after another (each has the whole cluster); compare the
    record that is left and the environment that the script had."""
    for n, (args, want) in enumerate(cases):
        name = f"o{n}.out"
        r = run(["sbatch", "--parsable", "-o", name] + words(args) + ["--wrap", ENV])
        jid = r.out.strip().split(";")[0]
        if not ok(r.rc == 0 and jid.isdigit(), f"{args}: accepted", r):
            continue
        state_ = wait_end(jid)
        have = {**environment(name), **job(jid), "state": state_}
        got = {k: have.get(k) for k in want}
        same(got, want, f"{args}: {' '.join(want)}")
        os.unlink(shared(name))


def tasks():
    """SLURM_TASKS_PER_NODE is what mpirun starts."""
    key = "SLURM_TASKS_PER_NODE"
    all_of([
        ("-N1 --exclusive -w c1", {key: "4"}),
        ("-N2 --exclusive -n5 -w c1,c2", {key: "3,2"}),
        ("-p excl -w c1", {key: "4"}),
        ("-O -n6 -N1", {key: "6"}),
        ("-O -N2 -n10", {key: "5(x2)"}),
        ("-N2 --ntasks-per-node=2", {key: "2(x2)", "SLURM_NTASKS": "4"}),
        ("-n3 -c2 -N2 -w c1,c2", {key: "2,1"}),
    ])
    r = run("sbatch --parsable -o o.out -n2 -N1 --wrap '" + ENV + "'",
            env={key: "77"})
    wait_end(r.out.strip())
    same(environment("o.out").get(key), "2", "not that of the job it was submitted from")


def told():
    """What the script finds of its own options."""
    all_of([
        ("--acctg-freq=10", {"SLURM_ACCTG_FREQ": "10"}),
        ("--cpu-freq=high", {"SLURM_CPU_FREQ_REQ": "High"}),
        ("--cpu-freq=low-high:performance", {"SLURM_CPU_FREQ_REQ": "Low-High:Performance"}),
        ("--profile=task", {"SLURM_PROFILE": "Task"}),
        ("--profile=none", {"SLURM_PROFILE": "None"}),
        ("--open-mode=append", {"SLURM_OPEN_MODE": "a"}),
        ("--open-mode=truncate", {"SLURM_OPEN_MODE": "t"}),
        ("-q nothing", {"SLURM_JOB_QOS": None}),      # no database, no QOS
    ])
    j = sbatch("-H --mail-type=BEGIN,END", wrap="true", user="alice")
    f = job(j)
    same((f.get("MailUser"), f.get("MailType", "").strip()), ("alice", "BEGIN,END"), "mail goes to the owner")
    run(f"scancel {j}")


def memory():
    more = VER >= (23, 2)
    cases = [
        ("-p cpu --mem-per-cpu=300 -n2", {"CPUs/Task": "2", "MinMemoryCPU": "150M", "NumCPUs": "4",
                                          "SLURM_MEM_PER_CPU": "150"}),
        ("-p cpu --mem-per-cpu=300 -c2 -w c1", {"CPUs/Task": "4", "SLURM_CPUS_PER_TASK": "4"}),
        ("-p cpu --mem=600 -w c1", {"NumCPUs": "4", "MinCPUsNode": "4"}),
        ("-p node --mem=800", {"state": "COMPLETED"}),
    ]
    if more:
        cases.append(("-p cpu --mem=600 -w c1", {"CPUs/Task": "4", "SLURM_TASKS_PER_NODE": "1"}))
    all_of(cases)
    for args in ("--mem=900", "--mem=0"):
        j = sbatch(f"-p node {args}", wrap="true")
        ok(wait_for(lambda: job(j).get("Reason") == "MaxMemPerLimit"),
           f"-p node {args}: waits, more than MaxMemPerNode", job(j))
        run(f"scancel {j}")


def features():
    all_of([
        ("-C slow", {"NodeList": "c3"}),
        ("-C fast,amd", {"NodeList": "c2", "Features": "fast&amd"}),
        ("-C 'slow|fast&amd' -N2", {"NodeList": "c[2,4]"}),     # from left to right
        ("-C '[rack1|rack2]' -N2", {"NodeList": "c[1-2]"}),
        ("-C '[fast*1&slow*1]' -N2", {"NodeList": "c[1,3]"}),
        ("-C '[(fast&amd)*1&(slow&intel)*1]' -N2", {"NodeList": "c[2-3]"}),
        ("-C 'fast&'", {"NodeList": "c1"}),
        ("--prefer=slow", {"NodeList": "c3"}),
        ("--prefer='slow&amd'", {"NodeList": "c4"}),
    ])
    check(["sbatch", "-C", "fast*1&slow*1", "--wrap", "true"], rc=1, err=rx("^sbatch: error: Batch job submission failed"))
    for expr in ("!fast", "[fast|slow", "(fast", "fast*", "&fast", "((fast))"):
        check(["sbatch", "-C", expr, "--wrap", "true"], f"-C {expr}", rc=1,
              err="sbatch: error: Batch job submission failed: Invalid feature specification\n")
    for args in ("--batch=fast", "--batch=amd -C fast"):
        check(f"sbatch {args} --wrap true", rc=1, err=rx("--batch option is invalid"))
    check("sbatch --prefer=nosuch --wrap true", rc=1, err=rx("Invalid preferred feature"))
    # What is preferred is taken while it can be had
    j = sbatch("--exclusive -C slow -N2", wrap="sleep 60")
    wait_state(j, "RUNNING")
    k = sbatch("--prefer=slow", wrap="true")
    same(wait_end(k), "COMPLETED", "--prefer does not wait")
    same(job(k)["NodeList"], "c1", "for what others have")
    run(f"scancel {j}")
    wait_end(j)
    wait_nodes(dict.fromkeys(LAYOUT, "idle"))


def refused():
    for args, text in (("-N0", "Node count specification invalid"),
                       ("-C nosuch", "Invalid feature specification")):
        check(f"sbatch {args} --wrap true", rc=1,
              err=f"sbatch: error: Batch job submission failed: {text}\n")
    if VER >= (23, 2):
        check("sbatch --signal=R:USR1@10 --wrap true", rc=1, err=rx("Preemption is required"))
        check("sbatch --tres-per-task=license/lic:1 -n2 --wrap true", rc=1,
              err=rx(r"Invalid Trackable RESource \(TRES\) specification"))
    check("srun -p down --immediate=1 true", rc=1, err=rx("Partition in DOWN state"))
    j = sbatch("--bb=capacity=1", wrap="true")
    same(wait_end(j), "COMPLETED", "--bb means nothing without BurstBufferType")


def named():
    """-w with more nodes than wanted."""
    if VER < (23, 2):
        check("sbatch -w c[1-3] -N2 --wrap true", rc=1, err=rx(r"invalid number of nodes \(-N 3-2\)"))
        return
    all_of([("-w c[2-4] -N2", {"NodeList": "c[2-3]", "ReqNodeList": "c[2-4]"})])


def again():
    """scontrol requeue."""
    j = sbatch("-H", wrap="true")
    for order in ("requeue", "requeuehold"):
        check(f"scontrol {order} {j}", f"{order} of a waiting job", rc=1,
              err=f"Job is pending execution for job {j}\n")
    check(f"scontrol requeue incomplete {j}")
    run(f"scancel {j}")
    j = sbatch("", wrap="exit 3")
    wait_end(j)
    check(f"scontrol requeue incomplete {j}")
    same(state(j), "FAILED", "incomplete: what is over stays so")
    check(f"scontrol requeuehold {j}")
    f = job(j)
    same((f["JobState"], f["Restarts"], f["ExitCode"], f["NodeList"]), ("PENDING", "1", "3:0", ""),
         "a job that failed waits again, without nodes")
    run(f"scancel {j}")


def corr():
    a = sbatch("-H", wrap="true")
    j = sbatch(f"-d aftercorr:{a}", wrap="true")
    same(job(j)["Dependency"], f"aftercorr:{a}(unfulfilled)", "aftercorr of a job that is no array")
    run(f"scontrol release {a}")
    same(wait_end(j), "COMPLETED", "is met with it")


import sltest  # noqa: E402
sltest._shared = new_cluster(conf={"MpiDefault": "none", "Licenses": "lic:4"}, node_lines=NODE_LINES, part_lines=PARTS)
main(tasks, told, memory, features, named, refused, again, corr)
