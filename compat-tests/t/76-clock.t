#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node whose clock is ten minutes off, and back: what is logged where, what
srun says, and that nobody has to do anything when it is right again."""
# own
# once
# limit 480
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

FAKE = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def munged(c, offset, key=None):
    """The munged of c3, its clock off."""
    d = c.path("munge3")
    os.makedirs(d, exist_ok=True)
    if os.path.exists(d + "/key"):
        os.unlink(d + "/key")
    with open(key or c.path("munge", "key"), "rb") as i, open(d + "/key", "wb") as o:
        o.write(i.read())
    os.chmod(d + "/key", 0o400)
    c.kill("munged3")
    env = {"LD_PRELOAD": FAKE, "FAKETIME": offset} if offset else None
    c.spawn("munged3", "22.05", "b", "c3", ["munged", "--force", "--foreground",
            "--key-file", d + "/key", "--socket", d + "/sock", "--pid-file", d + "/pid",
            "--log-file", d + "/log", "--seed-file", d + "/seed"], env=env)
    wait_for(lambda: os.path.exists(d + "/sock"), 5)
    time.sleep(.3)
    rel = c.meta["nodes"]["c3"]
    conf = slurp(c.path("etc", rel, "slurm.conf")).replace(c.path("munge", "sock"), d + "/sock")
    with open(c.path("etc", rel, "other.conf"), "w") as f:
        f.write(conf)


def rel_of(c):
    return c.meta["nodes"]["c3"]


def off(c, offset, stock_word, ours_word):
    log, mine = c.path("log", "slurmctld.log"), c.path("log", "slurmd-c3.log")
    open(log, "w").close()
    c.kill("c3")
    open(mine, "w").close()
    open(c.path("out", "c3"), "w").close()
    munged(c, offset)
    c.start_node("c3", "-f", "/etc/slurm/other.conf")
    said = lambda: slurp(log)
    both = lambda: slurp(mine) + slurp(c.path("out", "c3"))
    ok(wait_for(lambda: f"Munge decode failed: {stock_word} credential" in said(), 15),
       f"{offset}: slurmctld logs stock's word", said()[-800:])
    like(said(), r"MESSAGE_NODE_REGISTRATION_STATUS has authentication error", "for the registration")
    if OURS:
        like(said(), ours_word, "and says which clock is wrong, and by how much", said()[-900:])
    # stock says so with SlurmdDebug=debug only
    ok(rel_of(c) != "ours" or wait_for(lambda: re.search("Unable to register|authentication error|Zero Bytes", both()), 15),
       "slurmd knows too", both()[-600:])
    ok(c.pid("c3"), "and goes on trying")
    r = run("srun -p normal -w c3 -I3 hostname", c=c, timeout=40)
    ok(r.rc not in (0, 124), "srun on that node fails and says so", r)
    check("srun -p normal -w c1 hostname", "other nodes work", out="c1\n", c=c)
    munged(c, None)
    same(wait_nodes({"c3": "idle"}, 60, c), True, "the clock is right: idle by itself")
    check("srun -p normal -w c3 hostname", "and works", out="c3\n", c=c)


def clocks():
    c = new_cluster(start=False)
    c.start(nodes=["c1", "c3"], clients=[REL])
    off(c, "-10m", "Expired", r"clock.*(10 min|[56]\d\d s)")
    off(c, "+10m", "Rewound", r"clock.*(10 min|[56]\d\d s)")


def key():
    """The key of a node that is up changes, and changes back."""
    c = new_cluster(start=False, conf={"SlurmdTimeout": "30"})
    c.start(nodes=["c1"], clients=[REL])
    munged(c, None)
    c.start_node("c3", "-f", "/etc/slurm/other.conf")
    same(wait_nodes({"c3": "idle"}, 30, c), True, "a node with a munged of its own")
    other = c.path("other.key")
    with open(other, "wb") as f:
        f.write(os.urandom(128))
    munged(c, None, other)
    t = time.monotonic()
    r = run("srun -p normal -w c3 hostname", c=c, timeout=60)
    ok(r.rc not in (0, 124), f"with another key srun fails ({time.monotonic() - t:.1f} s)", r)
    like(r.err, r"Zero Bytes were transmitted|authentication error|Protocol authentication", "and says so")
    ok(wait_for(lambda: node_states(c).get("c3", "").endswith("*"), 40),
       "the node is shown as not responding", node_states(c), slurp(c.path("log", "slurmctld.log"))[-3000:],
       slurp(c.path("out", "c3"))[-1500:])
    munged(c, None)
    same(wait_nodes({"c3": "idle"}, 60, c), True, "the old key again: idle by itself")
    check("srun -p normal -w c3 hostname", "and works", out="c3\n", c=c)


if os.path.exists(FAKE):
    main(clocks, key)
else:
    skip("clocks", "libfaketime is not installed")
    done()
