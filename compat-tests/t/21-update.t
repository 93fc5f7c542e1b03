#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scontrol update, hold, release, requeue, write, listpids."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def jobs():
    j = sbatch("-p normal --hold -J one -t 10", wrap="true")
    two = f"two{j}"
    for change, field, want in (
            (f"name={two}", "JobName", two), ("timelimit=30", "TimeLimit", "00:30:00"),
            ("timelimit=1-0", "TimeLimit", "1-00:00:00"),
            ("comment=hello", "Comment", "hello"), ("partition=quantum", "Partition", "quantum"),
            ("partition=normal", "Partition", "normal"), ("numnodes=2", "NumNodes", "2"),
            ("requeue=0", "Requeue", "0"), ("requeue=1", "Requeue", "1"),
            ("features=", "Features", "(null)"),
            ("reqnodelist=c2,c3", "ReqNodeList", "c"), ("dependency=singleton", "Dependency", r"singleton"),
            ("dependency=", "Dependency", "(null)"), ("starttime=2040-01-01T00:00:00", None, None)):
        # stock refuses some changes while its scheduler looks at the job
        wait_for(lambda: "temporarily unavailable" not in
                 run(f"scontrol update jobid={j} {change}").err, 10, .3)
        check(f"scontrol update jobid={j} {change}", out="")
        if field:
            got = job(j).get(field, "")
            ok(got.startswith(want), f"{change}: {field}={got}")
    check(f"scontrol update jobid={j} starttime=now", out="")
    check(f"scontrol update jobname={two} userid=root comment=byname", out="")
    same(job(j).get("Comment"), "byname", "update by name")
    check(f"scontrol update jobid={j} starttime=2040-01-01T00:00:00 nice=100", out="")
    same(job(j).get("Nice"), "100", "nice")
    check(f"scontrol update jobid={j} timelimit=+5", out="")
    same(job(j).get("TimeLimit"), "1-00:05:00", "timelimit=+5")
    check(f"scontrol release {j}", out="")
    check(f"scontrol update jobid={j} priority=123 numnodes=2", out="")
    same(job(j).get("Priority"), "123", "priority")
    same(state(j), "PENDING", "it waits for its time")
    check(f"scontrol update jobid={j} starttime=now", out="")
    same(wait_end(j), "COMPLETED", "then it runs")
    same(job(j).get("NodeList"), "c[2-3]", "on the nodes it asked for")


def hold():
    j = sbatch("-p normal --begin=now+1hour", wrap="true", user="alice")
    like(run(f"squeue -h -j {j} -o %r").out, "BeginTime", "begin time")
    check(f"scontrol hold {j}", out="")
    same(job(j).get("Priority"), "0", "held")
    same(job(j).get("Reason"), "JobHeldAdmin", "by the administrator")
    check(f"scontrol release {j}", user="alice", rc=1, out=None,
          err=rx("Access/permission denied for job|Job/step"))
    check(f"scontrol release {j}", out="")
    check(f"scontrol uhold {j}", out="")
    same(job(j).get("Reason"), "JobHeldUser", "held by the user")
    check(f"scontrol release {j}", user="alice", out="")
    ok(job(j).get("Priority") != "0", "the user released it")
    run(f"scontrol update jobid={j} starttime=now")
    same(wait_end(j), "COMPLETED", "it runs")
    a, b = (sbatch("-p normal --hold", wrap="true") for _ in "ab")
    check(f"scontrol release {a},{b}", out="")
    same([wait_end(a), wait_end(b)], ["COMPLETED"] * 2, "several at once")


def requeue():
    j = sbatch("-p normal -J again -o again-%j", wrap="echo $SLURM_RESTART_COUNT; sleep 60")
    wait_state(j, "RUNNING")
    out = shared(f"again-{j}")
    slurp(out, 5)
    check(f"scontrol requeue {j}", out="")
    ok(wait_for(lambda: job(j).get("Restarts") == "1" and
                run(f"squeue -h -j {j} -o '%t %r'").out == "PD BeginTime\n", 10), "requeued", job(j))
    # elsewhere: stock's node daemon does not take the same job again at once
    check(f"scontrol update jobid={j} starttime=now reqnodelist=c4", out="")
    same(wait_state(j, "RUNNING", 30), "RUNNING", "it runs again")
    ok(wait_for(lambda: slurp(out).strip() == "1", 5), "the restart count is in the environment")
    check(f"scontrol requeuehold {j}", out="")
    ok(wait_for(lambda: job(j).get("JobState") == "PENDING" and
                job(j).get("Priority") == "0", 10), "requeue and hold", job(j))
    run(["scancel", j])
    j = sbatch("-p normal --no-requeue", wrap="sleep 60")
    wait_state(j, "RUNNING")
    check(f"scontrol requeue {j}", rc=1, out=None,
          err=rx(f"(Requested operation is presently disabled|Requested operation not supported on this system).* for job {j}"))
    run(["scancel", j])
    wait_end(j)


def nodes():
    check("scontrol update nodename=c2 state=drain reason=testing", out="")
    f = fields(run("scontrol -o show node c2").out)
    same(f.get("State"), "IDLE+DRAIN", "drained")
    like(f.get("Reason", ""), r"^testing \[root@\d", "reason with who and when")
    r = run("srun -p normal -N4 -I1 hostname")
    ok(r.rc != 0, "no job starts on it")
    check("scontrol update nodename=c2 state=undrain", out="")
    ok(wait_for(lambda: fields(run("scontrol -o show node c2").out).get("State") == "IDLE", 10), "undrained")
    j = sbatch("-p normal -w c2 -o up-%j", wrap="echo up; sleep 60")
    slurp(shared(f"up-{j}"), 10)
    check("scontrol update nodename=c2 state=drain reason=later", out="")
    same(fields(run("scontrol -o show node c2").out).get("State"), "MIXED+DRAIN", "draining")
    check(["sinfo", "-h", "-N", "-n", "c2", "-o", "%t %T"], out="drng draining\n")
    same(state(j), "RUNNING", "its job runs on")
    run(["scancel", j])
    same(wait_nodes({"c2": "drained"}), True, "drained at the end")
    check("scontrol update nodename=c2 state=resume", out="")
    same(wait_nodes({"c2": "idle"}), True, "idle again")
    check("scontrol update nodename=c[1-2] comment=hello weight=5", out="")
    f = fields(run("scontrol -o show node c2").out)
    same((f.get("Weight"), f.get("Comment").strip()), ("5", "hello"), "weight and comment")
    run("scontrol update nodename=c[1-2] comment= weight=1")
    check("scontrol update nodename=c1 state=drain", rc=1, out="", err="You must specify a reason when DOWNING or DRAINING a node. Request denied\n")


def partitions():
    check("scontrol update partitionname=quantum maxtime=10 state=drain", out="")
    f = fields(run("scontrol -o show partition quantum").out)
    same((f.get("MaxTime"), f.get("State")), ("00:10:00", "DRAIN"), "changed")
    check("scontrol update partitionname=quantum maxtime=infinite state=up", out="")
    f = fields(run("scontrol -o show partition quantum").out)
    same((f.get("MaxTime"), f.get("State")), ("UNLIMITED", "UP"), "and back")
    check("scontrol update partitionname=quantum default=no", out="")
    check("scontrol update partitionname=quantum default=yes", out="")


def script():
    text = "#!/bin/sh\n# a line, with \"quotes\" and $dollars\necho hi\nsleep 60\n"
    j = sbatch("-p normal -o scr-%j", script=text)
    check(f"scontrol write batch_script {j} -", out=text)
    check(f"scontrol write batch_script {j} written.sh", out=f"batch script for job {j} written to written.sh\n")
    same(slurp(shared("written.sh")), text, "the file holds the script")
    check(f"scontrol write batch_script {j}", out=f"batch script for job {j} written to slurm-{j}.sh\n")
    same(slurp(shared(f"scr-{j}"), 5), "hi\n", "it runs")
    node = job(j)["NodeList"]
    r = run(f"scontrol show job {j}")
    run(["scancel", j])
    wait_end(j)


def pids():
    r = run(["srun", "-p", "normal", "-n2", "-N1", "bash", "-c",
             "sleep .3; [ $SLURM_PROCID = 0 ] && scontrol listpids $SLURM_JOB_ID; "
             "echo mine $$; sleep .7"])
    lines = [l for l in r.out.split("\n") if re.match(r"\d+ +\d+ +\d+", l)]
    mine = set(re.findall(r"^mine (\d+)", r.out, re.M))
    tasks = {l.split()[0] for l in lines if l.split()[3] in "01"}
    like(r.out, r"^PID +JOBID +STEPID +LOCALID +GLOBALID$", "listpids", r)
    ok(len(mine) == 2 and mine <= tasks, "listpids names the tasks", r)


def end():
    ok(cancel_all(), "nothing is left behind")


main(jobs, hold, requeue, nodes, partitions, script, pids, end)
