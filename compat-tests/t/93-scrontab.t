#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scrontab: crontabs of users, the jobs made from them, their next times."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

C = None
TAB = """\
# nightly
5 3 * * * true nightly
#SCRON -J weekly -p normal
#SCRON -t 10
30 8-10 * * 1-5 true weekly
"""


def scrontab(args="", text=None, user="alice", **kw):
    kw.setdefault("out", "")
    kw.setdefault("name", f"scrontab {args}")
    return check(f"scrontab {args} -" if text is not None else f"scrontab {args}", c=C, user=user,
                 **({"input": text} if text is not None else {}), **kw)


def jobs(user="alice"):
    """Job ids of a user, ascending."""
    return sorted(run(f"squeue -h -u {user} -o %A", c=C).out.split(), key=int)


def setup():
    global C
    C = new_cluster(conf={"ScronParameters": "enable"})


def install():
    scrontab("-l", rc=1, out="no crontab for alice\n")
    scrontab("", TAB, name="a crontab is taken")
    scrontab("-l", out=TAB, name="and shown as it was")
    two = jobs()
    same(len(two), 2, "a job for each line", run("squeue", c=C).out)
    r = run(f"scontrol show job {two[1]}", c=C).out
    like(r, r'CronJob=Yes CrontabSpec="30 8-10 \* \* 1-5"', "scontrol show job names the entry")
    like(r, r"JobName=weekly", "#SCRON options count")
    like(r, r"Requeue=1", "it can be requeued")
    like(r, r"JobState=PENDING Reason=BeginTime", "it waits")
    like(r, r"StartTime=\S+T(08|09|10):30:00", "for a time of its entry")
    like(run(f"scontrol show job {two[0]}", c=C).out, r"StartTime=\S+T03:05:00", "so does the other")
    same(run(f"squeue -h -j {two[1]} -o %r", c=C).out, "BeginTime\n", "squeue says why")


def refused():
    two = jobs()
    check(f"scontrol hold {two[0]}", c=C, user="alice", rc=1, out=None,
          err=rx("Cannot modify scrontab jobs through scontrol"))
    check(f"scontrol update jobid={two[0]} name=x", c=C, rc=1, out=None,
          err=rx("Cannot modify scrontab jobs through scontrol"))
    check(f"scontrol requeue {two[0]}", c=C, user="alice", rc=1, out=None,
          err=rx("Job is pending execution"))
    scrontab("-u alice -l", user="bob", rc=1, out=None,
             err=rx("slurm_request_crontab failed: (Invalid user id|Access/permission denied)"))
    scrontab("-u alice", "* * * * * true\n", user="bob", rc=1, name="a stranger's crontab",
             out=rx("There was an issue with the job submission on lines (\\(null\\)|)"))
    scrontab("", "0 1 * * * true\n#SCRON -p nosuch\n1 1 * * * true\n", rc=1,
             name="a line that cannot be submitted",
             out=rx("There was an issue with the job submission on lines 2-3\n"
                    "The error code return was: Invalid partition name specified"))
    same(jobs(), two, "nothing changed by that")
    scrontab("", "70 * * * * true\n", rc=1, out="There are errors in your crontab.\n",
             name="a line that is none", err=None)
    scrontab("-l", out=TAB, name="the crontab is still the first")


def disabled():
    two = jobs()
    check(f"scancel {two[1]}", c=C, user="alice")
    same(wait_state(two[1], "CANCELLED", c=C), "CANCELLED", "a cron job is cancelled")
    lines = TAB.splitlines()
    want = "\n".join(lines[:2] + ["#DISABLED: " + x for x in lines[2:]]) + "\n"
    scrontab("-l", out=want, name="its lines are shown as disabled")
    same(jobs(), two[:1], "the other waits on")
    scrontab("-u alice -l", user="root", out=want, name="root may read it")


def replaced():
    one = jobs()
    scrontab("", "@daily true\n", name="another crontab")
    same(wait_state(one[0], "CANCELLED", c=C), "CANCELLED", "jobs of the old one go")
    new = jobs()
    same(len(new), 1, "that of the new one is there")
    like(run(f"scontrol show job {new[0]}", c=C).out, r"StartTime=\S+T00:00:00", "@daily")
    scrontab("", "@hourly true\n", user="root", name="root's own")
    check("scrontab -u alice -r", c=C, user="root", out="")
    scrontab("-l", rc=1, out="no crontab for alice\n", name="removed")
    ok(wait_for(lambda: not jobs(), 10), "with its job")
    same(len(jobs("root")), 1, "root's job is not touched")
    scrontab("-r", user="root")


def runs():
    """One run, across a restart of the controller."""
    scrontab("", "#SCRON -p normal -o cron.out\n* * * * * echo ran >> "
             f"{shared('cron.ran', C)}; env | grep ^SLURM_JOB_ID; echo home $HOME; exit 3\n",
             name="an entry of every minute")
    (j,) = jobs()
    start = job(j, C)["StartTime"]
    if STOCK:
        time.sleep(6)   # its state is saved every five seconds
    c = C
    c.kill("slurmctld")
    c.start_ctld()
    ok(wait_for(lambda: run("scontrol ping", c=C).out.endswith("is UP\n"), 10), "slurmctld is back")
    got = job(j, C)
    ok(got.get("StartTime") == start or got.get("JobState") != "PENDING", "its time is as before",
       start, got)
    like(slurp(shared("cron.ran", C), 80), "^ran", "it ran")
    ok(wait_for(lambda: job(j, C).get("Restarts") == "1" and
                state(j, C) == "PENDING", 30), "and waits again", job(j, C))
    again = job(j, C)
    like(again["StartTime"], r":00$", "for a full minute")
    ok(again["StartTime"] > start, "later than the first", start, again["StartTime"])
    like(slurp(C.path("home", "alice", "cron.out"), 5), f"^SLURM_JOB_ID={j}\nhome .*alice", "its output")
    like(run(f"scontrol show job {j}", c=C).out, r"CronJob=Yes", "it is a cron job still")
    like(slurp(C.path("log", "jobcomp.log"), 5), f"JobId={j} .*JobState=FAILED.*ExitCode=3:0",
         "the run is written down")
    scrontab("-l", out=rx("^\\* \\* \\* \\* \\* echo ran"), name="the crontab outlives a restart")
    scrontab("-r")


def explicit():
    C.write_conf(ScronParameters="enable,explicit_scancel")
    check("scontrol reconfigure", c=C)
    wait_for(lambda: run("scontrol ping", c=C).out.endswith("is UP\n"), 10)
    scrontab("", "@yearly true\n", name="explicit_scancel")
    (j,) = jobs()
    check(f"scancel {j}", c=C, user="alice", rc=None, out=None,
          err=rx("Cannot cancel scrontab jobs without --cron flag"))
    same(state(j, C), "PENDING", "the job is still there")
    check(f"scancel --cron {j}", c=C, user="alice")
    same(wait_state(j, "CANCELLED", c=C), "CANCELLED", "with --cron it goes")


def off():
    C.write_conf(ScronParameters=None)
    check("scontrol reconfigure", c=C)
    wait_for(lambda: run("scontrol ping", c=C).out.endswith("is UP\n"), 10)
    scrontab("-l", rc=1, out=None, err=rx("scrontab is disabled on this cluster"))


if not os.path.exists(slcluster.root_of(REL) + "/usr/bin/scrontab"):
    skip("scrontab", f"Debian's {REL} does not have the program")
    done()
main(setup, install, refused, disabled, replaced, runs, explicit, off)
