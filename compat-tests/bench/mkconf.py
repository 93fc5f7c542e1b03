#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a slurm.conf for a bench run.

Tunings:
  default  nothing in SchedulerParameters (MaxJobCount raised so the load fits)
  guide    the parameter set printed in the vendor's high throughput guide
  tuned    what gave the best throughput here: defer, deep queue, FIFO priority
  fast     schedule as often as it will: best latency on a small cluster
  builtin  tuned, with sched/builtin instead of backfill
  bfdeep   backfill made to look at the whole queue
"""
import argparse, os, socket

TUNING = {
    "default": [],
    "guide": [
        "SchedulerParameters=batch_sched_delay=20,bf_continue,bf_interval=300,"
        "bf_min_age_reserve=10800,bf_resolution=600,bf_yield_interval=1000000,"
        "partition_job_depth=500,sched_max_job_start=200,sched_min_interval=2000000",
        "PriorityType=priority/basic", "MinJobAge=10", "MessageTimeout=60",
        "SlurmctldDebug=error"],
    "tuned": [
        "SchedulerParameters=defer,batch_sched_delay=1,sched_min_interval=500000,"
        "sched_interval=5,default_queue_depth=10000,partition_job_depth=10000,"
        "bf_interval=120,bf_continue,bf_yield_interval=1000000,max_rpc_cnt=150",
        "PriorityType=priority/basic", "MinJobAge=10", "MessageTimeout=60",
        "SlurmctldDebug=error"],
    "fast": [
        "SchedulerParameters=batch_sched_delay=0,sched_min_interval=0,"
        "sched_interval=1,default_queue_depth=1000,bf_interval=120",
        "PriorityType=priority/basic", "MinJobAge=10", "MessageTimeout=60",
        "SlurmctldDebug=error"],
    "builtin": [
        "SchedulerType=sched/builtin",
        "SchedulerParameters=defer,batch_sched_delay=1,sched_min_interval=500000,"
        "sched_interval=5,default_queue_depth=10000,partition_job_depth=10000,max_rpc_cnt=150",
        "PriorityType=priority/basic", "MinJobAge=10", "MessageTimeout=60",
        "SlurmctldDebug=error"],
    "bfdeep": [
        "SchedulerParameters=bf_continue,bf_max_job_test=100000,bf_interval=30,"
        "bf_max_time=600,bf_window=1440,bf_yield_interval=100000000",
        "PriorityType=priority/basic"],
}


def node_lines(n, port, cpus, mem, prefix="n", width=5):
    out, i = [], 0
    while i < n:
        k = min(250, n - i)
        a, b = i + 1, i + k
        name = f"{prefix}[{a:0{width}d}-{b:0{width}d}]" if k > 1 else f"{prefix}{a:0{width}d}"
        addr = f"127.10.{i // 250}.[1-{k}]" if k > 1 else f"127.10.{i // 250}.1"
        out.append(f"NodeName={name} NodeAddr={addr} Port={port} CPUs={cpus} "
                   f"CoresPerSocket={cpus} RealMemory={mem} State=UNKNOWN")
        i += k
    return out


def conf(d, nodes=1000, tuning="default", port=6917, node_port=7000, munge="",
         cpus=4, mem=16000, real=0, extra=()):
    tune = TUNING[tuning]
    keys = {t.split("=", 1)[0] for t in tune}
    base = {
        "ClusterName": "bench", "SlurmUser": "root", "SlurmdUser": "root",
        "SlurmctldHost": f"{socket.gethostname().split('.')[0]}(127.0.0.1)",
        "SlurmctldPort": port, "SlurmdPort": node_port, "AuthType": "auth/munge",
        "StateSaveLocation": f"{d}/state", "SlurmdSpoolDir": f"{d}/spool.%n",
        "SlurmctldPidFile": f"{d}/ctld.pid", "SlurmdPidFile": f"{d}/slurmd.%n.pid",
        "SlurmctldLogFile": f"{d}/ctld.log", "SlurmdLogFile": f"{d}/slurmd.%n.log",
        "SlurmctldDebug": "info", "SlurmdDebug": "info",
        "ProctrackType": "proctrack/linuxproc", "SwitchType": "",
        "TaskPlugin": "task/none", "JobAcctGatherType": "jobacct_gather/none",
        "AccountingStorageType": "", "ReturnToService": 2, "MpiDefault": "none",
        "SelectType": "select/cons_tres", "SelectTypeParameters": "CR_CPU",
        "SchedulerType": "sched/backfill", "SlurmctldTimeout": 600,
        "SlurmdTimeout": 3600, "InactiveLimit": 0, "MinJobAge": 300,
        "MaxJobCount": 300000, "MaxArraySize": 100001, "GresTypes": "",
    }
    if munge:
        base["AuthInfo"] = f"socket={munge}"
    if real:
        base["SlurmdParameters"] = "config_overrides"
    lines = [f"{k}={v}" for k, v in base.items() if v != "" and k not in keys]
    lines += tune + list(extra)
    if real:
        for i in range(real):
            lines.append(f"NodeName=r{i+1} NodeAddr=127.0.{1+i//250}.{1+i%250} NodeHostname="
                         f"{socket.gethostname().split('.')[0]} Port={node_port + i} "
                         f"CPUs={cpus} CoresPerSocket={cpus} RealMemory=1000 State=UNKNOWN")
        lines.append(f"PartitionName=main Nodes=r[1-{real}] Default=YES MaxTime=INFINITE State=UP")
    else:
        lines += node_lines(nodes, node_port, cpus, mem)
        lines.append("PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP")
    os.makedirs(f"{d}/state", exist_ok=True)
    with open(f"{d}/slurm.conf", "w") as f:
        f.write("\n".join(lines) + "\n")
    with open(f"{d}/cgroup.conf", "w") as f:
        f.write("")
    return f"{d}/slurm.conf"


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--nodes", type=int, default=1000)
    p.add_argument("--real", type=int, default=0)
    p.add_argument("--tuning", choices=TUNING, default="default")
    p.add_argument("--port", type=int, default=6917)
    p.add_argument("--node-port", type=int, default=7000)
    p.add_argument("--munge", default="")
    p.add_argument("--cpus", type=int, default=4)
    a = p.parse_args()
    print(conf(a.dir, a.nodes, a.tuning, a.port, a.node_port, a.munge, a.cpus, real=a.real))
