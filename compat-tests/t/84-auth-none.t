#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AuthType=auth/none, CredType=cred/none, which is for tests: no munged runs."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
from slauth import work  # noqa: E402


# own
def use(c, what):
    ok(c.pid("munged") is None and not os.path.exists(c.path("munge", "sock")), f"{what}: no munged")
    work(c, "auth/none", what)


def daemons():
    use(new_cluster(auth="none"), DAEMONS)


def mixes():
    if DAEMONS != "ours":
        return
    for mix in (f"ctld=ours,c1={REL},c3={REL},ours", f"ctld={REL},c1=ours,c3=ours,{REL}"):
        use(new_cluster(mix, auth="none"), mix)


def strangers():
    """A client with munge is refused, and the log says why."""
    if "munged" not in os.listdir("/usr/sbin"):
        return
    c = new_cluster(auth="none", start=False)
    c.net_up()
    c.start_ctld()
    wait_for(lambda: run("sinfo", c=c).rc == 0, 10)
    m = c.path("munge")
    c.spawn("munged", "22.05", "a", "login", ["munged", "--force", "--foreground", "--key-file", m + "/key",
            "--socket", m + "/sock", "--pid-file", m + "/pid", "--log-file", m + "/log", "--seed-file", m + "/seed"])
    wait_for(lambda: os.path.exists(m + "/sock"), 5)
    d = c.path("etc", REL)
    with open(os.path.join(d, "munge.conf"), "w") as f:
        f.write(slurp(os.path.join(d, "slurm.conf")).replace("AuthType=auth/none", "AuthType=auth/munge\nAuthInfo=socket=" + m + "/sock")
                .replace("CredType=cred/none", "CredType=cred/munge"))
    r = run("sinfo", c=c, env={"SLURM_CONF": "/etc/slurm/munge.conf"})
    ok(r.rc == 1 and r.out == "", "a client of another AuthType is refused", r)
    if not STOCK:
        like(slurp(c.path("log", "slurmctld.log")), r"Refused REQUEST_PARTITION_INFO: plugin: the sender uses "
             r"authentication plugin 101, we use auth/none \(100\)", "our log says why")


main(daemons, mixes, strangers)
