#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""strigger: programs started when something happens."""
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

PROG = ""
LOG = ""
# where SlurmUser is not root only SlurmUser may set triggers
SLURM = str(pwd.getpwnam("slurm").pw_uid)


def strigger(args, **kw):
    return check(f"strigger {args}", user="slurm", **kw)


def setup():
    global PROG, LOG
    PROG, LOG = shared("trigger.sh"), shared("trigger.log")
    with open(PROG, "w") as f:
        f.write(f'#!/bin/sh\necho "$(id -u) $*" >> {LOG}\n')
    os.chmod(PROG, 0o755)
    open(LOG, "w").close()
    os.chmod(LOG, 0o666)
    run("strigger --clear --user=slurm --quiet", user="slurm")


def lines():
    try:
        with open(LOG) as f:
            return f.read().splitlines()
    except OSError:
        return []


def comes(line, name):
    line = f"{SLURM} {line}"
    ok(wait_for(lambda: line in lines(), 25, .2), name, f"want: {line}", f"got: {lines()}")


def shown():
    strigger("--get", out="")
    strigger(f"--set --node=c1,c2 --down --program={PROG}", out="")
    strigger(f"--set --node=c1,c2 --down --program={PROG}", rc=1, out=None,
          err=rx("Duplicate event trigger"))
    strigger(f"--set --node=c9 --down --program={PROG}", rc=1, out=None,
          err=rx("Invalid node name"))
    strigger(f"--set --jobid=999999 --fini --program={PROG}", rc=1, out=None,
          err=rx("Invalid job id"))
    strigger("--set --node=c1 --down --program=/nosuch", rc=1, out=None,
          err=rx("file not found|Access/permission denied"))
    check(f"strigger --set --node=c1 --down --program={PROG} ", user="alice", rc=1, out=None,
          err=rx("Access/permission denied"))
    got = run("strigger --get --node", user="slurm").out
    like(got, rf"^ +\d+ +node +c1,c2 +down +0 +slurm +{PROG[:20]}", "strigger --get")
    t = got.splitlines()[-1].split()[0]
    strigger(f"--clear --id={t}", out="")
    strigger(f"--clear --id={t}", rc=1, out=None, err=rx("No such process"))
    same(len(run("strigger --get", user="slurm").out.splitlines()), 0, "none left")


def nodes():
    strigger(f"--set --node=c1,c2 --down --flags=perm --program='{PROG} down'", out="")
    strigger(f"--set --node=c1 --up --program='{PROG} up'", out="")
    # (of any node, stock would tell of those drained before as well)
    strigger(f"--set --node=c3 --drained --program='{PROG} drained'", out="")
    check("scontrol update nodename=c1 state=down reason=test", out="")
    comes("down c1", "a node down")
    check("scontrol update nodename=c1 state=idle", out="")
    comes("up c1", "a node up")
    check("scontrol update nodename=c3 state=drain reason=test", out="")
    comes("drained c3", "a node drained")
    check("scontrol update nodename=c3 state=resume", out="")
    got = [w for w in run("strigger --get --noheader").out.splitlines()]
    ok(len(got) == 1 and " down " in got[0], "only the permanent one is left", *got)
    strigger("--clear --user=slurm", out="")


def jobs():
    j = sbatch("-p normal --mem=100", wrap="sleep 1")
    strigger(f"--set --jobid={j} --fini --program='{PROG} fini'", out="")
    comes(f"fini {j}", "a job's end")
    strigger(f"--set --jobid={j} --fini --program={PROG}", rc=1, out=None,
          err=rx("Job/step already completing or completed"))
    j = sbatch("-p normal --mem=100 -t 5", wrap="sleep 60")
    wait_state(j, "RUNNING")
    strigger(f"--set --jobid={j} --time --offset=-1000 --program='{PROG} time'", out="")
    comes(f"time {j}", "a job near its limit")
    run(f"scancel {j}")


main(setup, shown, nodes, jobs, cancel_all)
