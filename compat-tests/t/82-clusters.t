#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Two clusters and their accounting service: -M."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
import sldbd  # noqa: E402

# own
ACCT = {"AccountingStorageType": "accounting_storage/slurmdbd",
        "AccountingStorageHost": ADDR["a"],
        "AccountingStoragePass": "socket={dir}/munge/sock", "SlurmctldTimeout": "10",
        "MpiDefault": "none"}
c = b = dbd = None


def clusters():
    """Name to (host, port, release) as the service has them."""
    r = run("sacctmgr -n -P list cluster format=Cluster,ControlHost,ControlPort,RPC", c=c)
    return {l.split("|")[0]: tuple(l.split("|")[1:]) for l in r.out.splitlines() if "|" in l}


def registered(*names):
    got = clusters()
    return all(n in got and got[n][1] != "0" for n in names)


def start():
    global c, b, dbd
    ok(sldbd.available(REL), f"slurmdbd of {REL} and a database are installed")
    c = new_cluster(conf=ACCT, start=False)
    b = sldbd.second(c, "other", REL, **ACCT)
    import atexit
    atexit.register(lambda: shutil.rmtree(b.dir, ignore_errors=True))
    dbd = sldbd.Dbd(c, REL).start()
    b.start_munge()
    c.start_ctld()
    b.start_ctld()
    for n in c.meta["nodes"]:
        if n in ("c1", "c3"):
            c.start_node(n)
    for n in b.meta["nodes"]:
        b.start_node(n)
    ok(wait_for(lambda: registered("linux", "other"), 30, .3), "both clusters have registered",
       clusters(), slurp(c.path("log", "slurmdbd.log"))[-2000:])
    same(clusters()["linux"][:2], (ADDR["a"], "6817"), "with the address of the controller")
    like(run("sacctmgr -n -P list cluster format=Cluster,RPC", c=c).out,
         rf"linux\|{clusters()['other'][2]}", "and the release of the service")
    c.wait_idle(30, nodes=["c1", "c3"])
    b.wait_idle(30, nodes=["d1", "d2"], client=REL)


def ask():
    for where in (c, b):
        at = where.meta["conf"].get("ClusterName", "linux")
        like(run("sinfo -M linux,other -o %P", c=where).out,
             r"CLUSTER: linux\nPARTITION\nnormal\nquantum\*\n\s*CLUSTER: other\nPARTITION\nother\*\n",
             f"sinfo -M of both, from {at}")
        like(run("sinfo -M all -o %P", c=where).out, r"CLUSTER: linux\n(.|\n)*CLUSTER: other",
             f"sinfo -M all, from {at}")
        like(run("scontrol -M linux show node c1", c=where).out, r"NodeName=c1 ",
             f"scontrol -M linux, from {at}")
        like(run("scontrol -M other show node d1", c=where).out, r"NodeName=d1 ",
             f"scontrol -M other, from {at}")
        check("sinfo -M nowhere", rc=1, out=None, err=rx("No cluster 'nowhere'"), c=where)


def submit():
    for where, there, name, part in ((b, c, "linux", "normal -w c1"), (c, b, "other", "other")):
        r = run(f"sbatch -M {name} -p {part} -o {there.path('shared', 'm.out')} --wrap hostname",
                c=where)
        like(r.out, rf"^Submitted batch job \d+ on cluster {name}$", f"sbatch -M {name}")
        jid = re.search(r"\d+", r.out).group(0) if re.search(r"\d+", r.out) else "0"
        same(wait_end(jid, 25, c=there), "COMPLETED", "the job runs there")
        like(slurp(there.path("shared", "m.out")), r"^[cd]\d$", "with its output")
        r = run(f"sbatch -M {name} -p {part} --hold --parsable -o none --wrap true", c=where)
        like(r.out, rf"^\d+;{name}$", "sbatch --parsable names the cluster")
        jid = r.out.split(";")[0]
        like(run(f"squeue -h -M {name} -o '%i %T'", c=where).out, rf"{jid} PENDING", f"squeue -M {name}")
        check(f"scontrol -M {name} update jobid={jid} comment=far", c=where, out=None)
        same(job(jid, there).get("Comment"), "far", f"scontrol -M {name} update")
        check(f"scancel -M {name} {jid}", c=where)
        same(state(jid, there), "CANCELLED", f"scancel -M {name}")


def srun():
    check("srun -D /tmp -M linux -p normal -w c3 hostname", out="c3\n", c=b, timeout=40)
    check("srun -D /tmp -M other -N2 hostname", out=rx(r"d1\nd2|d2\nd1"), c=c, timeout=40)


def changes():
    check("sacctmgr -i add qos urgent", out=None, c=c)
    check("sacctmgr -i add account lab cluster=linux", out=None, c=c)
    check("sacctmgr -i add user alice account=lab cluster=linux", out=None, c=c)
    if REL == "22.05":      # each change is a message of its own
        time.sleep(1)
    check("sinfo -h -p normal -o %P", out="normal\n", c=c)
    ok("cannot" not in "".join(l for l in slurp(c.path("log", "slurmctld.log")).splitlines()
                               if "slurmdbd" in l or "persistent" in l),
       "changes of the database are taken")


def away():
    c.kill("slurmdbd")
    check("sinfo -h -p normal -o %P", out="normal\n", c=c)
    dbd.start_dbd()
    dbd.wait()
    ok(wait_for(lambda: registered("linux", "other"), 40, .5), "registered again", clusters())
    like(run("sinfo -h -M linux -o %P", c=b).out, r"normal", "and -M works")
    c.kill("slurmctld")
    ok(wait_for(lambda: not registered("linux"), 10, .3), "a controller that ended has no address",
       clusters())
    c.start_ctld()
    ok(wait_for(lambda: registered("linux"), 30, .3), "one that is back has", clusters())


if sldbd.without_database(REL):
    print(f"1..0 # SKIP Slurm {REL} was built without a database here")
    sys.exit(0)
main(start, ask, submit, srun, changes, away)
