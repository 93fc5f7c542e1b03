#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is the controller there: what health checks call."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def ping():
    check("scontrol ping", out="Slurmctld(primary) at slurmctld is UP\n")
    check("sinfo --version", out=rx(r"^slurm\S* " + re.escape(REL)))
    check("srun --version", out=rx(r"^slurm\S* " + re.escape(REL)))
    check("scontrol show daemons", out=None)
    check("sdiag", out=rx(r"(?s)^\*{50}.*Jobs submitted: \d+.*Main schedule stat"
                          r".*Backfilling stats.*Remote Procedure Call statistics by message type"))
    r = run("sdiag")
    for key in ("Server thread count", "Agent queue size", "Jobs submitted",
                "Jobs started", "Jobs completed", "Jobs canceled", "Jobs failed",
                "Jobs pending", "Jobs running"):
        like(r.out, rf"^{key}:\s+\d+", f"sdiag shows {key}")
    like(r.out, r"REQUEST_PING|REQUEST_NODE_INFO|MESSAGE_NODE_REG", "sdiag counts messages by type")
    like(r.out, r"^\s+root\s+\(\s+0\) count:\d+", "sdiag counts messages by user")
    check("sdiag --reset", out=rx(r"^Reset scheduling statistics"))
    before = re.search(r"Jobs submitted:\s+(\d+)", run("sdiag").out).group(1)
    same(before, "0", "the counters start again")
    j = sbatch("-p normal --hold", wrap="true")
    like(run("sdiag").out, r"Jobs submitted:\s+1$", "a submission is counted")
    run(["scancel", j])
    like(run("sdiag").out, r"Jobs canceled:\s+1$", "a cancellation is counted")
    check("sdiag -r", user="alice", rc=None, err=None,
          out=rx(r"(?!Reset)|^$"), name="others may not reset the counters")


def hostlists():
    check("scontrol show hostnames c[1-3,5],q1", out="c1\nc2\nc3\nc5\nq1\n")
    check("scontrol show hostnames", env={"SLURM_NODELIST": "c[1-2]"}, out="c1\nc2\n")
    check("scontrol show hostlist c1,c2,c3,q1", out="c[1-3],q1\n")
    check("scontrol show hostlistsorted c3,c1", out="c[1,3]\n")
    check("scontrol show hostnames", out="", err="scontrol: error: host list is empty\n", rc=None)


def levels():
    check("scontrol setdebug debug2", out="")
    like(run("scontrol show config").out, r"^SlurmctldDebug\s+= debug2$", "setdebug works")
    check("scontrol setdebug info", out="")
    like(run("scontrol show config").out, r"^SlurmctldDebug\s+= info$", "and back")
    check("scontrol setdebugflags +backfill", out="")
    like(run("scontrol show config").out, r"^DebugFlags\s+= .*Backfill", "setdebugflags adds")
    check("scontrol setdebugflags -backfill", out="")
    like(run("scontrol show config").out, r"^DebugFlags\s+= (?!.*Backfill)", "and takes away")
    check("scontrol setdebug nonsense", rc=1, err=rx("invalid debug level"), out=None)
    check("scontrol setdebug debug", user="alice", rc=1,
          err=rx("slurm_set_debug_level error: ?Permission denied"), out=None)
    check("scontrol reconfigure", out="")
    check("scontrol reconfigure", user="alice", rc=1, out=None,
          err=rx("slurm_reconfigure error: ?Invalid user id"))


main(ping, hostlists, levels)
