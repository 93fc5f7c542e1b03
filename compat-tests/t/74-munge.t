#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""munged away for a while, a wrong key, a wrong clock."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


# own
def away():
    c = new_cluster()
    j = sbatch("-p normal -o done.out", wrap="echo up; sleep 2; echo done", c=c)
    ok("up" in slurp(shared("done.out", c), 10), "a job runs")
    c.kill("munged", signal.SIGKILL)
    try:
        os.unlink(c.path("munge", "sock"))
    except FileNotFoundError:
        pass
    r = run("sinfo", c=c, timeout=60)
    ok(r.rc != 0, "without munged sinfo fails", r)
    like(r.err, r"Munge encode failed: Failed to (access|connect to) ", "and says why")
    time.sleep(4)
    ok(c.pid("slurmctld") and all(c.pid(n) for n in NODES), "the daemons live on")
    c.start_munge()
    ok(wait_for(lambda: run("sinfo -h", c=c).rc == 0, 15), "when it is back so is sinfo")
    same(wait_end(j, 90, c=c), "COMPLETED", "a job that ended meanwhile", job(j, c))
    like(slurp(shared("done.out", c)), r"^done$", "its output is there")
    check("srun -p normal -N4 hostname", "and jobs start", out=rx(r"c\d"), c=c)
    same(run("scontrol show job 99", c=c).rc, 1, "all as before")


def wrong_key():
    c = new_cluster(start=False)
    c.start(nodes=["c1", "q1"])
    # a second munged for c2, with another key
    d = c.path("munge2")
    os.makedirs(d, exist_ok=True)
    key = os.path.join(d, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o400), "wb") as f:
        f.write(os.urandom(128))
    c.spawn("munged2", "22.05", "a", "c2", ["munged", "--force", "--foreground", "--key-file", key,
            "--socket", d + "/sock", "--pid-file", d + "/pid", "--log-file", d + "/log", "--seed-file", d + "/seed"])
    wait_for(lambda: os.path.exists(d + "/sock"), 5)
    rel = c.meta["nodes"]["c2"]
    conf = slurp(c.path("etc", rel, "slurm.conf")).replace(c.path("munge", "sock"), d + "/sock")
    with open(c.path("etc", rel, "other.conf"), "w") as f:
        f.write(conf)
    c.start_node("c2", "-f", "/etc/slurm/other.conf")
    log = c.path("log", "slurmctld.log")
    ok(wait_for(lambda: "Munge decode failed: Invalid credential" in slurp(log), 15), "slurmctld logs the wrong key")
    ok(wait_for(lambda: "authentication error" in slurp(log), 10), "as an authentication error")
    both = lambda: slurp(c.path("out", "c2")) + slurp(c.path("log", "slurmd-c2.log"))
    ok(wait_for(lambda: re.search("authentication error|Zero Bytes were transmitted|Unable to register", both()), 15),
       "so does slurmd", both()[-600:])
    ok(node_states(c).get("c2") != "idle", "the node is not idle", node_states(c))
    check("srun -p normal hostname", "others are", out="c1\n", c=c)
    # the right key, by restarting munged: heals without an administrator
    c.kill("munged2")
    os.chmod(key, 0o600)
    with open(c.path("munge", "key"), "rb") as f, open(key, "wb") as o:
        o.write(f.read())
    os.chmod(key, 0o400)
    c.spawn("munged2", "22.05", "a", "c2", ["munged", "--force", "--foreground", "--key-file", key,
            "--socket", d + "/sock", "--pid-file", d + "/pid", "--log-file", d + "/log", "--seed-file", d + "/seed"])
    same(wait_nodes({"c2": "idle"}, 45, c), True, "with the right key it comes back by itself")


main(away, wrong_key)
