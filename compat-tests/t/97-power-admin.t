#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power saving on an admin's request."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
from slpower import *  # noqa: E402,F403
from slpower import SLURM, boot, comes, forget, log, power_cluster, states  # noqa: E402

C = None


def setup():
    global C
    C = power_cluster()


def asked():
    states({"c3": "idle~"}, "an idle node is down", 60)
    forget()
    check("scontrol update nodename=c3 state=power_up", c=C)
    comes(rf"^resume {SLURM} c3 ", "power_up")
    states({"c3": "idle#"}, "c3 is POWERING_UP")
    boot("c3")
    states({"c3": "idle"}, "and up")
    j = sbatch("-p normal -w c4 -o none", wrap="sleep 4", c=C)
    wait_state(j, "RUNNING", c=C)
    check("scontrol update nodename=c4 state=power_down_asap", c=C)
    like(run("scontrol show node c4", c=C).out, r"State=MIXED.*\+DRAIN.*\+POWER_DOWN",
         "power_down_asap lets jobs end")
    same(wait_end(j, 20, C), "COMPLETED", "they do")
    comes(rf"^suspend {SLURM} (c4|c\[.*4\]) ", "then it is suspended")
    states({"c4": "idle[%~]"}, "and not drained any more")
    states({"c4": "idle~"}, "but down")
    check("scontrol update nodename=c4 state=power_up", c=C)
    comes(rf"^resume {SLURM} c4 ", "up again")
    boot("c4")
    states({"c4": "idle"}, "c4 is up")
    j = sbatch("-p normal -w c4 -o none", wrap="sleep 60", c=C)
    wait_state(j, "RUNNING", c=C)
    forget()
    check("scontrol update nodename=c4 state=power_down_force", c=C)
    comes(rf"^suspend {SLURM} (c4|c\[.*4\]) ", "power_down_force waits for nobody")
    ok(wait_for(lambda: job(j, C).get("Restarts") == "1", 20), "the job is requeued", job(j, C))
    run(f"scancel {j}", c=C)
    check("scontrol update nodename=c1 state=power_down", user="alice", rc=1, out=None,
          err=rx("Invalid user id"), c=C)


def restart():
    states({n: "idle~" for n in ("c1", "c2", "c3", "c4")}, "all are down", 60)
    if STOCK:
        time.sleep(6)
    C.kill("slurmctld")
    C.start_ctld()
    wait_for(lambda: run("scontrol ping", c=C).out.endswith("is UP\n"), 10)
    states({n: "idle~" for n in ("c1", "c2", "c3", "c4")}, "a restart of slurmctld leaves them alone")


def excluded():
    if VER < (23, 2):
        return skip("scontrol update SuspendExc...", "since 23.02")
    def shown(key):
        return re.search(rf"^{key} += (.*)", run("scontrol show config", c=C).out, re.M).group(1)
    check("scontrol update SuspendExcNodes=c[1-3]", c=C)
    same(shown("SuspendExcNodes"), "c[1-3]", "SuspendExcNodes=")
    check("scontrol update SuspendExcNodes-=c2", c=C)
    same(shown("SuspendExcNodes"), "c[1,3]", "SuspendExcNodes-=")
    check("scontrol update SuspendExcNodes+=c4", c=C)
    same(shown("SuspendExcNodes"), "c[1,3-4]", "SuspendExcNodes+=")
    check("scontrol update SuspendExcParts+=normal", c=C)
    same(shown("SuspendExcParts"), "normal,quantum", "SuspendExcParts+=")
    check("scontrol update SuspendExcParts-=normal", c=C)
    same(shown("SuspendExcParts"), "quantum", "SuspendExcParts-=")
    check("scontrol update SuspendExcStates=DRAIN,DOWN", c=C)
    like(shown("SuspendExcStates"), "(?i)^DRAIN,DOWN$", "SuspendExcStates=")
    check("scontrol update SuspendExcNodes=c1", c=C, user="alice", rc=1, out=None,
          err=rx("Permission denied"))
    check("scontrol update nodename=c1 state=power_up", c=C)
    states({"c1": "idle#"}, "an excluded node is powered up")
    boot("c1")
    states({"c1": "idle"}, "it comes")
    time.sleep(9)
    states({"c1": "idle"}, "and stays", 1)


def off():
    if STOCK and VER >= (26, 5):
        return skip("without power saving", "26.05 takes the request and does nothing")
    C.write_conf(SuspendTime="INFINITE")
    C.kill("slurmctld")
    C.start_ctld()
    wait_for(lambda: run("scontrol ping", c=C).out.endswith("is UP\n"), 10)
    check("scontrol update nodename=q1 state=power_down", c=C, rc=1, out=None,
          err=rx("Invalid node state (specified|transition)"))


main(setup, asked, restart, excluded, off)
