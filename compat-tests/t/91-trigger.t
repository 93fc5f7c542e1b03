#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""strigger: programs started when something happens."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

PROG = ""
LOG = ""


def setup():
    global PROG, LOG
    PROG, LOG = shared("trigger.sh"), shared("trigger.log")
    with open(PROG, "w") as f:
        f.write(f'#!/bin/sh\necho "$(id -u) $*" >> {LOG}\n')
    os.chmod(PROG, 0o755)
    run("strigger --clear --user=root --quiet")


def lines():
    try:
        with open(LOG) as f:
            return f.read().splitlines()
    except OSError:
        return []


def comes(line, name):
    ok(wait_for(lambda: line in lines(), 40, .2), name, f"want: {line}", f"got: {lines()}")


def shown():
    check("strigger --get", out=rx(r"^ *TRIG_ID +RES_TYPE +RES_ID +TYPE +OFFSET +USER +PROGRAM"))
    check(f"strigger --set --node=c1,c2 --down --program={PROG}", out="")
    check(f"strigger --set --node=c1,c2 --down --program={PROG}", rc=1, out=None,
          err=rx("Duplicate event trigger"))
    check(f"strigger --set --node=c9 --down --program={PROG}", rc=1, out=None,
          err=rx("Invalid node name"))
    check(f"strigger --set --jobid=999999 --fini --program={PROG}", rc=1, out=None,
          err=rx("Invalid job id"))
    check("strigger --set --node=c1 --down --program=/nosuch", rc=1, out=None,
          err=rx("Access/permission denied"))
    check(f"strigger --set --node=c1 --down --program={PROG}", user="alice", rc=1, out=None,
          err=rx("Access/permission denied"))
    got = run("strigger --get --node").out
    like(got, rf"^ +\d+ +node +c1,c2 +down +0 +root +{PROG[:20]}", "strigger --get")
    t = got.splitlines()[-1].split()[0]
    check(f"strigger --clear --id={t}", out="")
    check(f"strigger --clear --id={t}", rc=1, out=None, err=rx("No such process"))
    same(len(run("strigger --get").out.splitlines()), 1, "none left")


def nodes():
    check(f"strigger --set --node=c1,c2 --down --flags=perm --program='{PROG} down'", out="")
    check(f"strigger --set --node=c1 --up --program='{PROG} up'", out="")
    check(f"strigger --set --node --drained --program='{PROG} drained'", out="")
    check("scontrol update nodename=c1 state=down reason=test", out="")
    comes("0 down c1", "a node down")
    check("scontrol update nodename=c1 state=idle", out="")
    comes("0 up c1", "a node up")
    check("scontrol update nodename=c3 state=drain reason=test", out="")
    comes("0 drained c3", "a node drained")
    check("scontrol update nodename=c3 state=resume", out="")
    got = [w for w in run("strigger --get --noheader").out.splitlines()]
    ok(len(got) == 1 and " down " in got[0], "only the permanent one is left", *got)
    check("strigger --clear --user=root", out="")


def jobs():
    j = sbatch("-p normal --mem=100", wrap="sleep 1")
    check(f"strigger --set --jobid={j} --fini --program='{PROG} fini'", out="")
    comes(f"0 fini {j}", "a job's end")
    check(f"strigger --set --jobid={j} --fini --program={PROG}", rc=1, out=None,
          err=rx("Job/step already completing or completed"))
    j = sbatch("-p normal --mem=100 -t 5", wrap="sleep 60")
    wait_state(j, "RUNNING")
    check(f"strigger --set --jobid={j} --time --offset=-1000 --program='{PROG} time'", out="")
    comes(f"0 time {j}", "a job near its limit")
    run(f"scancel {j}")


def cluster_events():
    check(f"strigger --set --reconfig --program='{PROG} reconfig'", out="")
    check("scontrol reconfigure", out="")
    comes("0 reconfig reconfig", "reconfiguration")


main(setup, shown, nodes, jobs, cluster_events, cancel_all)
