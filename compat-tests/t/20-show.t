#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scontrol show: the records as stock prints them."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


# What may differ from run to run, or with the release of the controller
JOB = ((r"JobId=\d+", "JobId=N"), (r"AllocNode:Sid=\S+", "AllocNode:Sid=X"),
       (r"Priority=[1-9]\d*", "Priority=P"), (r"slurm-\d+", "slurm-N"),
       (r"OverSubscribe=\w+ Exclusive=\w+", "OverSubscribe=X Exclusive=X"),
       (r"RunTime=00:00:\d\d", "RunTime=T"), (r" Scheduler=\w+", " Scheduler=X"),
       (r"OverSubscribe=\w+", "OverSubscribe=X"), (r"StdErr=\S*", "StdErr=X"),
       (r"SLUID=\S+", "SLUID=X"), (r"TimeLimit=365-00:00:00", "TimeLimit=UNLIMITED"),
       (r"EndTime=Unknown (Deadline)", r"EndTime=TIME \1"),
       (r"LastSchedEval=\S+", "LastSchedEval=TIME"), (r"NumNodes=1\b(?!-)", "NumNodes=1-1"))
NODE = ((r"CPULoad=\S+", "CPULoad=L"), (r"FreeMem=\S+", "FreeMem=M"),
        (r"Version=\S+", "Version=V"), (r"OS=.*", "OS=Linux "),
        (r"^   Reason=.*\n", ""),
        (r"LastBusyTime=\S+", "LastBusyTime=TIME"))


def jobs():
    j = sbatch("-p normal --hold -J held -t 10 --comment=note -N2 --ntasks-per-node=2", wrap="true")
    expect("show-job-held", norm(run(["scontrol", "show", "job", j]).out, *JOB))
    expect("show-job-held-o", norm(run(["scontrol", "-o", "show", "job", j]).out, *JOB))
    run(["scancel", j])
    like(run(["scontrol", "show", "job", j]).out, r"JobState=CANCELLED Reason=", "cancelled")
    j = sbatch("-p quantum --gres=qpu:1 -J q", wrap="sleep 60")
    wait_state(j, "RUNNING")
    r = run(["scontrol", "show", "job", j])
    like(r.out, r"^   TresPerNode=gres[:/]qpu:1", "the QPU is shown as programs look for it")
    expect("show-job-quantum", norm(r.out, *JOB))
    check(["scontrol", "-d", "show", "job", j], out=rx(
        r"^     Nodes=q\d CPU_IDs=0 Mem=1000 GRES=qpu(:1|\(CNT:1\)|:\(null\):1)"), name="scontrol -d show job")
    run(["scancel", j])
    wait_end(j)
    r = run("srun -p normal -N2 -J done hostname")
    jid = re.findall(r"JobId=(\d+)", run("scontrol show job").out)[-1]
    wait_end(jid)
    expect("show-job-done", norm(run(["scontrol", "show", "job", jid]).out, *JOB,
           (r"c\[\d,\d\]|c\[1-2\]", "c[1-2]")))
    check("scontrol show job 99999", rc=1, out="",
          err="slurm_load_jobs error: Invalid job id specified\n")
    check("scontrol show jobid", out=rx("^JobId="))


def nodes():
    for n in ("q1", "c3"):
        expect(f"show-node-{n}", norm(run(["scontrol", "show", "node", n]).out, *NODE))
    r = run("scontrol show nodes")
    same(re.findall(r"^NodeName=(\w+)", r.out, re.M),
         ["c1", "c2", "c3", "c4", "q1", "q2"], "every node")
    same(len(re.findall("CPUTot=[0-9]", r.out)), 6, "CPUTot as scripts count it")
    same(len(re.findall("RealMemory=[0-9]", r.out)), 6, "RealMemory as scripts count it")
    check("scontrol -o show nodes", out=rx(r"\ANodeName=c1 [^\n]* Partitions=normal [^\n]*\nNodeName=c2 "))
    like(r.out, r"Version=\d\d\.\d\d", "the node's version")
    check("scontrol show node nope", rc=1, out="Node nope not found\n")
    check("scontrol show node c[1-2]", out=rx(r"(?s)NodeName=c1 .*NodeName=c2 "))


def partitions():
    for p in ("normal", "quantum"):
        expect(f"show-partition-{p}", norm(run(["scontrol", "show", "partition", p]).out))
    check("scontrol show partition nope", rc=1, out="Partition nope not found\n")
    r = run("scontrol -o show partition")
    same(len(r.out.strip().split("\n")), 2, "one line each")


def others():
    check("scontrol show step", out="No job steps in the system\n")
    check("scontrol show reservation", out="No reservations in the system\n")
    check("scontrol show licenses", out=rx("No licenses configured"))
    check("scontrol show topology", out=None, rc=None, err=None)
    check("scontrol show nonsense", rc=1, out=None, err=None)


def config():
    text = norm(run("scontrol show config").out,
                (r"^(SLURM_VERSION|BOOT_TIME|NEXT_JOB_ID|HASH_VAL|MaxJobId)\b.*", r"\1"),
                (r"^(Configuration data as of).*", r"\1"),
                (r"^(PluginDir|PlugStackConfig|SlurmctldAddr|TmpFS|MailProg|MpiDefault)\b.*", r"\1"))
    # which plugins are asked for is the cluster's business, not the text's
    text = re.sub(r"\n\nMPI Plugins Configuration:\n(\S.*\n)*", "\n", text)
    expect("show-config", text.rstrip("\n") + "\n")


main(jobs, nodes, partitions, others, config)
