#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Three controllers; one that hangs."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
from slctlds import TIMEOUT, make, ping, in_control, says  # noqa: E402


# own
def frozen():
    """A primary that hangs, and may go on any moment."""
    if STOCK:       # takes over: two controllers have control when the first goes on
        return skip("a primary that hangs keeps control", "stock has two controllers then")
    c = make()
    c.start_ctld(name="slurmctld2")
    ok(wait_for(lambda: ping(c) == {"slurmctld": "UP", "slurmctld2": "UP"}, 20), "two controllers")
    held = sbatch("-p normal -H -o none", wrap="true", c=c)
    os.kill(c.pid("slurmctld"), signal.SIGSTOP)
    try:
        ok(wait_for(lambda: says(c, "slurmctld2", "waiting for slurmctld on slurmctld (pid "),
                    4 * TIMEOUT + 20), "the standby says whom it waits for")
        same(in_control(c), "slurmctld", "and does not take control")
        check("scontrol takeover", rc=None, out=None, err=None, c=c, timeout=60)
        time.sleep(2)
        same(in_control(c), "slurmctld", "not even when told to")
    finally:
        os.kill(c.pid("slurmctld"), signal.SIGCONT)
    if wait_for(lambda: not c.pid("slurmctld"), 15):    # it was asked to end
        ok(wait_for(lambda: in_control(c) == "slurmctld2", 30), "then the standby has control")
    ok(wait_for(lambda: state(held, c) == "PENDING", 20), "nothing is lost")


def three():
    c = make(3)
    c.start_ctld(name="slurmctld2")
    c.start_ctld(name="slurmctld3")
    up = {"slurmctld": "UP", "slurmctld2": "UP", "slurmctld3": "UP"}
    ok(wait_for(lambda: ping(c) == up, 20), "three controllers answer a ping", ping(c))
    like(run("scontrol ping", c=c).out, r"^Slurmctld\(backup2\) at slurmctld3 is UP\n", "scontrol ping")
    held = sbatch("-p normal -H -o none", wrap="true", c=c)
    if STOCK:
        time.sleep(6)
    check("scontrol takeover 2", out="", err=None, c=c, timeout=60)
    ok(wait_for(lambda: in_control(c) == "slurmctld3", 30), "scontrol takeover 2")
    ok(wait_for(lambda: not c.pid("slurmctld") and not c.pid("slurmctld2"), 10),
       "those before it have ended")
    same(state(held, c), "PENDING", "a job is there")
    if STOCK and VER > (22, 5):     # only the primary takes it from one after it
        return skip("the second takes control from the third", "not since 23.02")
    c.start_ctld(name="slurmctld2")
    ok(wait_for(lambda: in_control(c) == "slurmctld2", 60), "the second takes control from the third")
    ok(wait_for(lambda: state(held, c) == "PENDING", 20), "a job is there")
    c.kill("slurmctld2", signal.SIGKILL)
    ok(wait_for(lambda: in_control(c) == "slurmctld3", 60), "which gets it back when it is killed")
    ok(wait_for(lambda: state(held, c) == "PENDING", 20), "a job is there")
    ok(wait_for(lambda: node_states(c).get("c4") == "idle", 20), "and the nodes", node_states(c))
    check("srun -p normal -w c3 hostname", out="c3\n", c=c)
    if OURS:        # 22.05 does not end a backup that took over twice
        check("scontrol shutdown slurmctld", out=None, err=None, rc=None, c=c)
        ok(wait_for(lambda: not c.pid("slurmctld3"), 15), "scontrol shutdown ends every controller")


main(three, frozen)
