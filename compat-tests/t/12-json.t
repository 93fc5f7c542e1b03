#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is shown to programs: --json has nearly every field of the answers."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def plain(v):
    """A value of any release: {"set", "infinite", "number"} became usual."""
    if isinstance(v, dict) and {"set", "infinite", "number"} <= set(v):
        return v["number"] if v["set"] else "infinite" if v["infinite"] else None
    if isinstance(v, list) and len(v) == 1:
        return v[0]
    return v


def load(cmd, key, name="name"):
    r = run(cmd)
    try:
        return {str(plain(x[name])): x for x in json.loads(r.out)[key]}
    except (ValueError, KeyError):
        raise Exception(f"no JSON: {r}")


def fields(what, got, want):
    """The fields that this release has."""
    for k, v in want.items():
        v = v if isinstance(v, tuple) else (v,)
        if k in got:
            ok(plain(got[k]) in v, f"{what}: {k}", f"got:  {got[k]!r}", f"want: {v!r}")


def cores(job):
    """Node name to the number of its allocated cores."""
    n = job.get("job_resources") or {}
    if "allocated_nodes" in n:          # 22.05
        return {x["nodename"]: sum(len(s["cores"]) for s in x["sockets"].values())
                for x in n["allocated_nodes"]}
    return {x["name"]: sum(c["status"] == ["ALLOCATED"] for s in x["sockets"] for c in s["cores"])
            for x in n.get("nodes", {}).get("allocation", [])}


def flags(job):
    return set(job["flags"])


def failures():
    return re.findall(r"^Jobs failed: +(\d+)$", run("sdiag").out, re.M)


def held():
    global failed
    failed = failures()
    j = sbatch("-p normal -H -J held -t 10 --mem=10 -x c3,c1 -w c4 --mail-type=END --nice=3 "
               "--comment=note -A acc --wckey=wk -n2 --ntasks-per-node=1", wrap="true")
    d = load("squeue -a --json", "jobs", "job_id")[j]
    fields("held", d, {
        "account": "acc", "accrue_time": 0, "array_job_id": 0, "batch_flag": True,
        "batch_host": "", "burst_buffer": "", "cluster": "linux", "comment": "note",
        "contiguous": False, "cpus": (2, "2"), "cpus_per_task": (1, None), "dependency": "",
        "eligible_time": 0, "end_time": 0, "excluded_nodes": "c[1,3]",
        "features": "", "het_job_id": 0, "hold": True, "job_state": "PENDING", "licenses": "",
        "mail_type": "END", "mail_user": "root", "memory_per_node": 10, "memory_per_cpu": None,
        "minimum_cpus_per_node": 1, "nice": 3, "node_count": 2, "nodes": "",
        "partition": "normal", "priority": 0, "qos": ("", None), "reboot": False, "requeue": True,
        "required_nodes": "c4", "restart_cnt": 0, "resv_name": "", "start_time": 0,
        "state_reason": "JobHeldUser", "tasks": 2, "tasks_per_node": 1,
        "tasks_per_tres": (0, None), "time_limit": 10, "tres_alloc_str": "", "wckey": "wk",
    })
    if VER >= (23, 11):
        like(run(f"scontrol show job {j}").out, r"MailUser=root MailType=END", "whose mail it is")
        ok("DEPENDENT" in flags(d), "nobody has looked at a held job", d["flags"])
    run(["scancel", j])


def runs():
    j = sbatch("-p normal -w c1 -n2 --mem=100 -J runs -t 30 --bb=some", wrap="sleep 60")
    wait_state(j, "RUNNING")
    d = load("squeue -a --json", "jobs", "job_id")[j]
    fields("running", d, {
        "batch_host": "c1", "billable_tres": 2, "burst_buffer": "some", "cpus": 2,
        "job_state": "RUNNING", "nodes": "c1", "node_count": 1, "max_nodes": 0, "tasks": 2,
        "tres_alloc_str": "cpu=2,mem=100M,node=1,billing=2",
        "tres_req_str": "cpu=2,mem=100M,node=1,billing=2", "hold": False,
        "state_reason": "None", "pre_sus_time": 0, "suspend_time": 0,
        "end_time": plain(d["start_time"]) + 1800,
    })
    ok("JOB_WAS_RUNNING" in flags(d), "it was running", d["flags"])
    same(cores(d), {"c1": 2}, "its cores")
    r = d["job_resources"].get("nodes")
    if isinstance(r, dict):
        same(r.get("select_type"), ["ONE_ROW"], "its nodes are for jobs of its kind")
    run(["scontrol", "suspend", j])
    d = load("squeue -a --json", "jobs", "job_id")[j]
    fields("suspended", d, {"job_state": "SUSPENDED", "priority": 0, "hold": True})
    like(run("squeue -h -s -o '%i %T %M'").out if VER >= (24, 11) else f"{j}.batch RUNNING",
         rf"{j}\.batch( RUNNING)?", "its steps are shown")
    run(["scontrol", "resume", j])
    d = load("squeue -a --json", "jobs", "job_id")[j]
    fields("resumed", d, {"job_state": "RUNNING", "hold": False})
    run(["scancel", j])
    wait_end(j)


def ended():
    j = sbatch("-p normal -w c2 -n2 --mem=20 -J ends", wrap="exit 3")
    wait_end(j)
    wait_for(lambda: "COMPLETING" not in run(f"scontrol show job {j}").out)
    d = load("squeue -a -t all --json", "jobs", "job_id")[j]
    fields("ended", d, {
        "job_state": "FAILED", "state_reason": "NonZeroExitCode", "nodes": "c2",
        "batch_host": "c2", "cpus": 2, "tres_alloc_str": "cpu=2,mem=20M,node=1,billing=2",
        "max_nodes": 0,
    })
    ok("JOB_WAS_RUNNING" not in flags(d), "no longer running", d["flags"])
    same(cores(d), {"c2": 2}, "the cores it had are still told")
    like(run(f"scontrol -d show job {j}").out, r"^     Nodes=c2 CPU_IDs=0-1 Mem=20 GRES=",
         "and shown")


def again():
    j = sbatch("-p normal -w c2 -J again --requeue", wrap="sleep 60")
    wait_state(j, "RUNNING")
    run(["scontrol", "requeuehold", j])
    wait_state(j, "PENDING|REQUEUE_HOLD")
    wait_for(lambda: state(j) == "PENDING")
    d = load("squeue -a --json", "jobs", "job_id")[j]
    fields("requeued and held", d, {
        "state_description": "job requeued in held state", "priority": 0, "restart_cnt": 1,
        "accrue_time": plain(d["eligible_time"]), "nodes": "", "tres_alloc_str": "",
    })
    same(cores(d), {}, "nothing is left of the run before")
    f = sbatch("-p normal -J bad", wrap="false")
    wait_end(f)
    k = sbatch(f"-p normal -d afterok:{f} --kill-on-invalid-dep=no -J never", wrap="true")
    same(wait_for(lambda: job(k).get("Reason") == "DependencyNeverSatisfied" and job(k)["Reason"]),
         "DependencyNeverSatisfied", "what can never be met is said at once")
    d = load("squeue -a --json", "jobs", "job_id")[k]
    fields("never", d, {"dependency": f"afterok:{f}(failed)", "eligible_time": 0})
    k2 = sbatch(f"-p normal -d afterok:{f} --kill-on-invalid-dep=yes -J never2", wrap="true")
    same(wait_end(k2), "CANCELLED", "or ends it")
    run(["scancel", j, k])


def nodes():
    d = load("scontrol show nodes --json" if VER >= (23, 2) else "sinfo --json", "nodes")
    same(sorted(d), ["c1", "c2", "c3", "c4", "q1", "q2"], "all nodes")
    fields("c1", d["c1"], {
        "architecture": "x86_64", "cpus": 4, "cores": 1, "real_memory": 1000, "gres": "",
        "hostname": "c1", "address": "192.168.4.160", "port": 6818, "weight": 1, "threads": 1,
        "sockets": 4, "state": ("IDLE", "idle"), "alloc_cpus": 0, "alloc_memory": 0,
        "tres": "cpu=4,mem=1000M,billing=4", "tres_used": ("", None), "partitions": "normal",
        "specialized_cores": 0, "specialized_memory": 0, "tres_weighted": 0, "owner": ("", None),
        "reason": ("", None), "comment": ("", None), "effective_cpus": 4,
    })
    fields("q1", d["q1"], {"gres": "qpu:1", "cpus": 1, "partitions": "quantum"})
    j = sbatch("-p normal -w c1 -n3 --mem=30", wrap="sleep 60")
    wait_state(j, "RUNNING")
    d = load("scontrol show nodes --json" if VER >= (23, 2) else "sinfo --json", "nodes")
    fields("c1 in use", d["c1"], {
        "alloc_cpus": 3, "alloc_memory": 30, "tres_used": "cpu=3,mem=30M", "tres_weighted": 3,
        "state": ("MIXED", "mixed", "ALLOCATED"), "alloc_idle_cpus": 1, "idle_cpus": 1,
    })
    run(["scancel", j])
    wait_end(j)


def others():
    same(failures(), failed, "a script's failure is not the system's")
    if VER >= (23, 2):
        check("sdiag --json", out=rx(r'"statistics"'))
        d = load("scontrol show partitions --json", "partitions")
        same(sorted(d), ["normal", "quantum"], "partitions")
        same(d["normal"]["nodes"]["configured"], "c[1-4]", "their nodes")
        same(plain(d["normal"]["maximums"]["time"]), 7200, "their limits")
        p = json.loads(run("scontrol ping --json").out)["pings"][0]
        ok(p.get("pinged") == "UP" or p.get("responding") is True, "ping", p)


if run("squeue --json").rc:
    skip("all", "this squeue has no --json")
    done()
if VER == (23, 2):
    skip("all", "without slurmdbd this release dumps jobs up to the first that ran")
    done()
main(held, runs, ended, again, nodes, others)
