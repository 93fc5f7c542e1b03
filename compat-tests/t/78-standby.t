#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several controllers: standby, takeover, taking back."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
from slctlds import TIMEOUT, make, ping, in_control, says  # noqa: E402


# own
def kill9():
    c = make()
    c.start_ctld(name="slurmctld2")
    ok(wait_for(lambda: ping(c) == {"slurmctld": "UP", "slurmctld2": "UP"}, 20),
       "both controllers answer a ping", ping(c))
    like(run("scontrol ping", c=c).out, r"^Slurmctld\(primary\) at slurmctld is UP\n"
         r"Slurmctld\(backup\) at slurmctld2 is UP\n", "scontrol ping lists them")
    ok(wait_for(lambda: says(c, "slurmctld2", "slurmctld running in background mode"), 10),
       "the second waits in standby")
    runs = sbatch("-p normal -N2 -o runs.out", wrap="sleep 14; echo end", c=c)
    wait_state(runs, "RUNNING", c=c)
    held = sbatch("-p normal -H -J kept -o none", wrap="true", c=c)
    time.sleep(TIMEOUT + 6)
    ok(in_control(c) == "slurmctld", "it goes on waiting while the primary lives")
    if STOCK:
        time.sleep(6)          # its state is on disk only then
    c.kill("slurmctld", signal.SIGKILL)
    ok(wait_for(lambda: in_control(c) == "slurmctld2", 4 * TIMEOUT + 10),
       "it takes over when the primary is killed")
    ok(says(c, "slurmctld2", "ControlMachine slurmctld not responding, BackupController1 "
            "slurmctld2 taking over"), "and says so")
    same(ping(c), {"slurmctld": "DOWN", "slurmctld2": "UP"}, "scontrol ping sees it")
    same(state(held, c), "PENDING", "a job that was acknowledged is there")
    new = sbatch("-p normal -o none", wrap="true", c=c)
    ok(int(new) > int(held), "job ids go on")
    ok(wait_for(lambda: node_states(c).get("c4") in ("idle", "mixed"), 20), "the nodes are there",
       node_states(c))
    same(wait_end(new, 30, c=c), "COMPLETED", "a new job runs")
    same(wait_end(runs, 40, c=c), "COMPLETED", "the running job ends right")
    same(slurp(shared("runs.out", c)), "end\n", "with its output")
    check("srun -p normal -w c3 hostname", out="c3\n", c=c)
    run(f"scontrol release {held}", c=c)
    same(wait_end(held, 30, c=c), "COMPLETED", "the pending one runs when released")
    # the primary takes control back
    c.start_ctld()
    ok(wait_for(lambda: in_control(c) == "slurmctld", 40), "the primary takes control back")
    ok(wait_for(lambda: ping(c) == {"slurmctld": "UP", "slurmctld2": "UP"}, 20),
       "and both answer a ping", ping(c))
    like(slurp(c.path("log", "slurmctld2.log")), r"Performing RPC: REQUEST_CONTROL",
         "it has asked the other")
    same(state(new, c), "COMPLETED", "with what the other did")
    after = sbatch("-p normal -o none", wrap="true", c=c)
    ok(int(after) > int(new), "job ids go on")
    same(wait_end(after, 30, c=c), "COMPLETED", "and run")


def takeover():
    prog = "#!/bin/sh\necho $(hostname) ${0##*/} >> DIR/shared/prog.log\n"
    c = make(SlurmctldPrimaryOnProg="{dir}/shared/on.sh",
             SlurmctldPrimaryOffProg="{dir}/shared/off.sh")
    c.kill("slurmctld")
    for n in ("on.sh", "off.sh"):
        with open(shared(n, c), "w") as f:
            f.write(prog.replace("DIR", c.dir))
        os.chmod(shared(n, c), 0o755)
    c.start_ctld()
    c.start_ctld(name="slurmctld2")
    ok(wait_for(lambda: ping(c) == {"slurmctld": "UP", "slurmctld2": "UP"}, 20),
       "both controllers answer a ping", ping(c))
    runs = sbatch("-p normal -o runs.out", wrap="sleep 6; echo end", c=c)
    wait_state(runs, "RUNNING", c=c)
    check("scontrol takeover 7", rc=1, out=None, err=rx("invalid backup controller index"), c=c)
    check("scontrol takeover", user="alice", rc=1, out=None, err=rx("(?i)invalid user id|standby"),
          c=c)
    check("scontrol takeover 1", out="", err=None, c=c, timeout=60)
    ok(wait_for(lambda: in_control(c) == "slurmctld2", 30), "scontrol takeover")
    ok(wait_for(lambda: not c.pid("slurmctld"), 10), "the primary has ended")
    ok(wait_for(lambda: "c1" in node_states(c), 20), "the second answers")
    same(wait_end(runs, 40, c=c), "COMPLETED", "the running job ends right")
    c.start_ctld()
    ok(wait_for(lambda: in_control(c) == "slurmctld", 40), "the primary takes control back")
    ok(wait_for(lambda: "c1" in node_states(c), 20), "and answers")
    want = {"slurmctld on.sh", "slurmctld off.sh", "slurmctld2 on.sh", "slurmctld2 off.sh"}
    ok(wait_for(lambda: set(slurp(shared("prog.log", c)).splitlines()) == want, 10),
       "SlurmctldPrimaryOnProg and OffProg ran on both", slurp(shared("prog.log", c)))


def wrong_host():
    c = make()
    c.write_conf()
    c.spawn("wrong", c.meta["ctld"], "b", "elsewhere",
            [c.program(c.meta["ctld"], "slurmctld"), "-D"], user="slurm",
            binds=((c.path("out"), c.path("run")),))
    ok(wait_for(lambda: not c.pid("wrong"), 10), "slurmctld ends on a host that is not listed")
    like(slurp(c.path("out", "wrong")) + slurp(c.path("log", "slurmctld.log")),
         r"error: This host \(elsewhere/elsewhere\) not a valid controller", "in stock's words")
    check("sinfo -h -o %P -p normal", out="normal\n", c=c)


main(kill9, takeover, wrong_host)
