#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""squeue: filters and formats."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def setup():
    global held, runs, alices
    held = sbatch("-p normal --hold -J held -t 10 --comment=note", wrap="true")
    runs = sbatch("-p normal -N2 -J runs -t 1:00:00 -o none", wrap="sleep 60")
    alices = sbatch("-p quantum --gres=qpu:1 -J qjob", wrap="sleep 60", user="alice")
    ok(wait_state(runs, "RUNNING") == wait_state(alices, "RUNNING") == "RUNNING", "two jobs run")


def ids(cmd):
    return set(run(cmd).out.split())


def filters():
    h = "squeue -h -o %i "
    same(ids(h), {held, runs, alices}, "squeue shows all")
    same(ids(h + "-u alice"), {alices}, "-u")
    same(ids(h + "-u alice,root"), {held, runs, alices}, "-u a,b")
    same(ids(h + "-t PD"), {held}, "-t PD")
    same(ids(h + "-t RUNNING"), {runs, alices}, "-t RUNNING")
    ok({held, runs, alices} <= ids(h + "-t all"), "-t all")
    same(ids(h + "-p quantum"), {alices}, "-p")
    same(ids(h + "-n held,qjob"), {held, alices}, "-n")
    same(ids(h + f"-j {held},{runs}"), {held, runs}, "-j")
    same(ids(h + "-w q1,q2"), {alices}, "-w")
    same(ids(h + "--me"), {held, runs}, "--me")
    same(run(h + "--sort=i").out.split(), sorted([held, runs, alices], key=int), "--sort")
    same(run(h + "--sort=-i").out.split(), sorted([held, runs, alices], key=int, reverse=True), "--sort=-")
    check(["squeue", "-j", runs, "-h", "-o", "%T"], out="RUNNING\n")
    if VER >= (24, 5):
        check("squeue -h --only-job-state -j 999999", "the state of a job that is not there", out="")
        like(run(f"squeue -h --only-job-state -j {held}").out, rf"{held} +PD", "and of one that is")
    check("squeue -u nobodyx", err=rx("^squeue: error: Invalid user: nobodyx"), out=None)
    check("squeue -t nosuch", rc=1, out="", err=rx("^squeue: error: Invalid job state specified: nosuch"))
    check("squeue -h -p nope", out="")


SUBS = ((r"\d{4}-\d\d-\d\dT[\d:]+", "TIME"),)


def formats():
    head = "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n"
    r = run(f"squeue -j {held},{runs}")
    like(r.out, rf"^ +{held} +normal +held +root PD +0:00 +1 \(JobHeldUser\)$", "pending line")
    like(r.out, rf"^ +{runs} +normal +runs +root +R +0:\d\d +2 c\[\d[-,]\d\]$", "running line")
    same(r.out.split("\n")[0] + "\n", head, "title")
    like(run(f"squeue -l -j {held}").out,
         rf"^ +{held} +normal +held +root +PENDING +0:00 +10:00 +1 \(JobHeldUser\)$", "-l")
    # what the LED programs of the guide read
    check(["squeue", "-t", "RUNNING", "-h", "-o", "%i|%P|%t|%j|%u|%k", "-u", "root"],
          out=f"{runs}|normal|R|runs|root|(null)\n")
    check(["squeue", "-h", "-j", held, "-o", "%i|%P|%t|%j|%u|%k"],
          out=f"{held}|normal|PD|held|root|note\n")
    check(["squeue", "-h", "-t", "RUNNING", "-o", "%P"], out=rx("^quantum\nnormal\n$|^normal\nquantum\n$", 0))
    check(["squeue", "-h", "-j", held, "-o", "%.10i %.12P %.15j"],
          out=f"{held:>10} {'normal':>12} {'held':>15}\n")
    check(["squeue", "-h", "-j", runs, "-o", "%L"], out=rx(r"^(59:[0-5]\d|1:00:00)$"))
    check(["squeue", "-h", "-j", held, "-o", "%L %l %M"], out="10:00 10:00 0:00\n")
    one = "%i|%A|%a|%b|%B|%c|%C|%d|%D|%e|%f|%F|%g|%G|%h|%H|%I|%j|%J|%k|%K|%l|%m|%n|%o|%O|%P|%q|%Q|%r|%S|%t|%T|%u|%U|%v|%V|%w|%W|%X|%Y|%z|%Z"
    sub = lambda t, j: re.sub(rf"\b{j}\b", "ID", t)
    quiet = ((r"\|[1-9]\d{5,}\|", "|P|"), (r"c\[\d[-,]\d\]", "c[1-2]"), (r"\bc[1-4]\b", "c1"),
             (r"\|q[12]\b", "|q1"), (r"\|\d\|JobHeldUser", "|0|JobHeldUser"), (r"\|(OK|NO)\|", "|OK|"))
    text = ""
    for j in (held, runs, alices):
        for f in one.split("|"):
            if f == "%Q" or f == "%h":    # priority and sharing: as the controller has it
                continue
            text += f"{f} " + sub(run(["squeue", "-h", "-j", j, "-o", f]).out, j)
    expect("squeue-o", norm(text, *SUBS, (r"^(%S|%e|%V) TIME", r"\1 TIME"),
                            (r"^%l (UNLIMITED|365-00:00:00)", "%l UNLIMITED"),
                            (r"^%L (UNLIMITED|36[45]-.*)", "%L UNLIMITED"), (r"^%e NONE", "%e TIME"),
                            (r"c\[\d[-,]\d\]", "c[1-2]"), (r"^(%B) c\d", r"\1 c1"),
                            (r"^(%B) q\d", r"\1 q1")))


def long_formats():
    every = ("Account,ArrayJobID,ArrayTaskID,BatchFlag,BatchHost,BoardsPerNode,BurstBuffer,"
             "Cluster,ClusterFeature,Command,Comment,Contiguous,Cores,CPUFreq,cpus-per-task,"
             "cpus-per-tres,Deadline,DelayBoot,Dependency,DerivedEC,EligibleTime,ExcNodes,"
             "exit_code,Feature,GroupID,GroupName,JobArrayID,JobID,LastSchedEval,Licenses,"
             "MaxCPUs,MaxNodes,MCSLabel,mem-per-tres,MinCpus,MinMemory,MinTmpDisk,"
             "Name,Network,Nice,Nodes,NTPerBoard,NTPerCore,NTPerNode,NTPerSocket,NumCPUs,"
             "NumNodes,NumTasks,Origin,OriginRaw,Partition,PendingTime,PreemptTime,Prefer,Profile,"
             "QOS,Reason,ReasonList,Reboot,ReqNodes,ReqSwitch,Requeue,Reservation,ResizeTime,"
             "RestartCnt,ResvPort,SchedNodes,SCT,SiblingsActive,SiblingsViable,Sockets,"
             "SPerBoard,StartTime,State,StateCompact,STDIN,StepID,SubmitTime,"
             "SystemComment,Threads,TimeLeft,TimeLimit,TimeUsed,tres-alloc,tres-bind,tres-freq,"
             "tres-per-job,tres-per-node,tres-per-socket,tres-per-step,tres-per-task,UserID,"
             "UserName,Wait4Switch,WCKey,WorkDir")
    text = ""
    for f in every.split(","):
        r = run(["squeue", "-h", "-j", held, "-O", f"{f}:100"])
        text += f"{f}: " + re.sub(" +$", "", r.out or "\n", flags=re.M) + r.err
    expect("squeue-O", norm(text, (rf"\b{held}\b", "ID"), (r"PendingTime: .*", "PendingTime:")))


def steps_and_start():
    p = popen("srun -p normal -N1 -J stepper sleep 20")
    try:
        got = wait_for(lambda: re.search(
            r"^ *(\d+)\.0 +stepper +normal +root +\d:\d\d c\d$", run("squeue -s").out, re.M), 5)
        ok(got, "squeue -s shows the step", run("squeue -s").out)
        if got:
            j = got.group(1)
            check(["squeue", "-h", "-s", "-j", j, "-o", "%i|%j|%P|%u|%N"],
                  out=rx(rf"(?m)^{j}\.0\|stepper\|normal\|root\|c\d$"))
            check(["squeue", "-h", "-s", f"{j}.0", "-o", "%i"], out=f"{j}.0\n")
    finally:
        run("scancel -n stepper")
        p.wait(20)
    check(f"squeue -h --start -j {held}", out=rx(rf"^ +{held} +normal +held +root PD +N/A +1 \(null\) +\(JobHeldUser\)"))


def end():
    ok(cancel_all(), "nothing is left behind")
    check("squeue -h", out="")
    check(f"squeue -h -j {held} -t all -o %T", out="CANCELLED\n")


main(setup, filters, formats, long_formats, steps_and_start, end)
