#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Wrong input: stock's words and exit codes."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def submit():
    check("sbatch -p nope --wrap true", rc=1,
          err="sbatch: error: invalid partition specified: nope\n"
          "sbatch: error: Batch job submission failed: Invalid partition name specified\n")
    check("srun -p nope hostname", rc=1,
          err="srun: error: invalid partition specified: nope\n"
          "srun: error: Unable to allocate resources: Invalid partition name specified\n")
    for opt in ("--mem=20G", "--mem-per-cpu=10G"):
        check(f"sbatch -p normal {opt} --wrap true", rc=1,
              err="sbatch: error: Memory specification can not be satisfied\n"
              "sbatch: error: Batch job submission failed: Requested node configuration is not available\n")
    check("sbatch -p quantum --gres=qpu:2 --wrap true", rc=1,
          err="sbatch: error: Batch job submission failed: Requested node configuration is not available\n")
    check("sbatch -p quantum --gres=gpu:1 --wrap true", rc=1,
          err="sbatch: error: Invalid generic resource (gres) specification\n")
    check("srun -p normal -w nope hostname", rc=1,
          err="srun: error: Unable to allocate resources: Invalid node name specified\n")
    check("srun -p normal -w q1 hostname", rc=1,
          err="srun: error: Unable to allocate resources: Requested node configuration is not available\n")
    check("sbatch -p normal -C nofeature --wrap true", rc=1,
          err="sbatch: error: Batch job submission failed: Invalid feature specification\n")
    check("sbatch -p normal --dependency=nonsense --wrap true", rc=1,
          err="sbatch: error: Batch job submission failed: Job dependency problem\n")
    check("sbatch -p normal --reservation=nope --wrap true", rc=1,
          err="sbatch: error: Batch job submission failed: Requested reservation is invalid\n")
    check("sbatch -p normal -t 10 --array=1-2000000 --wrap true", rc=None, out="",
          err=rx("Invalid job array specification"))
    check("sbatch -p normal -L nolicense:1 --wrap true", rc=1,
          err=rx("Batch job submission failed: Invalid license specification"))
    check("sbatch --uid=bob -p normal --wrap true", user="alice", rc=None, out="",
          err="sbatch: error: --uid only permitted by root user\n")


def no_such_job():
    bad = "Invalid job id specified"
    check("scancel 99999")
    check("scancel -v 99999", err=rx(f"Kill job error on job id 99999: {bad}"))
    check("scancel nosuch", rc=1, err="scancel: error: Invalid job id nosuch\n")
    check("scancel", rc=1, err="scancel: error: No job identification provided\n")
    check("scancel -n nothing")
    check("scancel -u alice")
    check("squeue -j 99999", rc=1, err=f"slurm_load_jobs error: {bad}\n")
    check("squeue -h -j 99999,99998", out="")
    check("scontrol update jobid=99999 name=x", rc=1, err=f"{bad} for job 99999\n", out=None)
    for verb in ("hold", "release"):
        check(f"scontrol {verb} 99999", rc=1, out=None,
              err=rx(f"^{bad} for job 99999\nslurm_suspend error: ?{bad}\n$", 0))
    check("scontrol requeue 99999", rc=1, out=None, err=f"{bad} for job 99999\n")
    check("scontrol suspend 99999", rc=1, out=None, err=rx(f"{bad}|Unexpected message received"))
    check("scontrol write batch_script 99999", rc=None, err=rx(f"^job script retrieval failed: {bad}"), out=None)
    # (a controller without any job says that there are no steps)
    sbatch("-p normal -o none", wrap="true")
    check("scontrol show step 99999.0", rc=1, err=rx(bad))
    check("srun --jobid=99999 hostname", rc=1, err=rx(bad))
    check("sattach 99999.0", rc=1, err=None, out=None)


def updates():
    check("scontrol update nodename=nope state=drain reason=x", rc=1, out=None,
          err="slurm_update error: Invalid node name specified\n")
    check("scontrol update partitionname=nope state=down", rc=1, out=None,
          err="slurm_update error: Invalid partition name specified\n")
    check("scontrol update nodename=c1 state=resume", rc=None, out=None, err=rx(
        "^$|slurm_update error: Invalid node state specified"))
    check("scontrol update nodename=c1 state=drain reason=no", user="alice", rc=1,
          out=None, err=rx("^slurm_update error: ?Invalid user id\n"))
    check("scontrol update partitionname=normal state=down", user="alice", rc=1,
          out=None, err=rx("^slurm_update error: ?Invalid user id\n"))
    j = sbatch("-p normal --hold", wrap="true")
    for change in ("name=stolen", "timelimit=1", "priority=7"):
        check(f"scontrol update jobid={j} {change}", user="alice", rc=1, out=None,
              err=f"Invalid user id for job {j}\n")
    check(f"scancel {j}", user="alice", rc=None, err=rx(
        rf"scancel: error: Kill job error on job id {j}: Access/permission denied"))
    check(f"scontrol write batch_script {j} -", user="alice", rc=None, out=None,
          err=rx("job script retrieval failed: Invalid user id"))
    same(state(j), "PENDING", "none of that changed the job")
    check(f"scontrol update jobid={j} partition=nope", rc=1, out=None,
          err=f"Invalid partition name specified for job {j}\n")
    check(f"scontrol update jobid={j} nosuch=1", rc=1, out=None,
          err=f"Update of this parameter is not supported: nosuch=1\nRequest aborted\n")
    run(["scancel", j])
    check(f"scontrol update jobid={j} name=late", rc=1, out=None,
          err=f"Job has already finished for job {j}\n")
    j = sbatch("-p normal", wrap="sleep 60", user="alice")
    wait_state(j, "RUNNING")
    check(f"scontrol update jobid={j} timelimit=9-0", user="alice", rc=1, out=None,
          err=f"Access/permission denied for job {j}\n")
    check(f"scontrol update jobid={j} numnodes=3", rc=1, out=None, err=None)
    check(f"scontrol release {j}", rc=None, out=None, err=None)
    same(state(j), "RUNNING", "the running job still runs")
    run(["scancel", j])
    wait_end(j)


def shut_off():
    run("scontrol update partitionname=quantum state=down")
    check("sinfo -h -p quantum", out=rx(r"^quantum\* +down "))
    j = sbatch("-p quantum", wrap="true")
    wait_for(lambda: job(j).get("Reason") == "PartitionDown", 5)
    same(job(j).get("Reason"), "PartitionDown", "a job in a partition that is down waits")
    run(["scancel", j])
    run("scontrol update partitionname=quantum state=inactive")
    check("sbatch -p quantum --wrap true", "submission to an inactive partition",
          rc=1, err=rx(r"Required partition not available \(inactive or drain\)"))
    run("scontrol update partitionname=quantum state=up")
    run("scontrol update partitionname=quantum rootonly=yes")
    check("sbatch -p quantum --wrap true", "root only partition", user="alice", rc=1,
          err=rx("Batch job submission failed: "))
    run("scontrol update partitionname=quantum rootonly=no")
    run("scontrol update partitionname=quantum allowgroups=quantum")
    r = run("sbatch --parsable -p quantum --wrap true", user="bob")
    if r.rc:    # 22.05 says so at once, later ones let the job wait
        like(r.err, "User's group not permitted to use this partition", "user outside AllowGroups")
    else:
        time.sleep(1.5)
        same(state(r.out.strip()), "PENDING", "user outside AllowGroups")
        run(["scancel", r.out.strip()])
    r = check("sbatch --parsable -p quantum --wrap true", "user in AllowGroups", user="alice",
              out=rx(r"^\d+"))
    wait_end(r.out.strip())
    run("scontrol update partitionname=quantum allowgroups=all")
    wait_nodes({"q1": "idle", "q2": "idle"}, 10)
    check("sinfo -h -p quantum", out="quantum*     up   infinite      2   idle q[1-2]\n")


def after():
    ok(cancel_all(), "nothing is left behind")


main(submit, no_such_job, updates, shut_off, after)
