#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AuthType=auth/none, CredType=cred/none, which is for tests: no munged runs."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


# own
def use(c, what):
    ok(c.pid("munged") is None and not os.path.exists(c.path("munge", "sock")), f"{what}: no munged")
    check("scontrol show config", f"{what}: AuthType", out=rx(r"^AuthType += auth/none$"), c=c)
    check("sinfo -h -p normal -o %D", f"{what}: sinfo as a user", out="4\n", user="alice", c=c)
    r = run("srun -p normal -N4 hostname", c=c)
    same(sorted(r.out.split()), ["c1", "c2", "c3", "c4"], f"{what}: srun on four nodes", r)
    check("srun -Q -p normal -N2 id -un", f"{what}: as a user", out="alice\nalice\n", user="alice", c=c)
    check("srun -Q -p normal -n1 cat", f"{what}: input and output", out="some text\n",
          input="some text\n", user="alice", c=c)
    j = sbatch("-p normal -N2 -o j%j.out", wrap="id -un; hostname", user="alice", c=c)
    same(wait_end(j, 30, c=c), "COMPLETED", f"{what}: sbatch", job(j, c))
    like(slurp(shared(f"j{j}.out", c), 10), r"\Aalice\nc\d\n\Z", f"{what}: its output")
    with open(shared("src", c), "w") as f:
        f.write("x" * 3000000)
    os.chmod(shared("src", c), 0o644)
    dst = shared("copy", c)
    check(f"salloc -Q -p normal -N2 sbcast -f {shared('src', c)} {dst}", f"{what}: sbcast",
          user="alice", c=c)
    same(len(slurp(dst)), 3000000, f"{what}: the copy is all there")
    os.unlink(dst)
    check("scontrol update nodename=c1 state=drain reason=x", f"{what}: a user is still no operator",
          rc=1, err=rx("Invalid user id"), user="alice", c=c)


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
