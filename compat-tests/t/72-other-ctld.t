#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The controller is replaced by one of another release while node daemons run:
they are heard and served in what the new one speaks, jobs that it knows go on,
and jobs that it does not know leave nothing behind."""
# own
# once
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

ALL_STOCK = "ours" not in DAEMONS
FIRST = "24.11" if ALL_STOCK else "22.05"
have = all(slcluster.installed(r) for r in slcluster.RELEASES)
HOSTS = ("c1", "c2")
c = None


def on(cmd, rel, **kw):
    return run(cmd, c=c, rel=rel, **kw)


def now(rel):
    """The controller is this release's now; its clients are of the same."""
    global REL_NOW
    c.kill("slurmctld")
    c.meta["ctld"] = rel
    c.start_ctld()
    ok(wait_for(lambda: "is UP" in on("scontrol ping", client(rel)).out, 20), f"the controller is {rel}")


def client(rel):
    return "24.11" if rel == "ours" else rel


def idle(rel, wait=60):
    def there():
        out = on(["sinfo", "-h", "-N", "-n", ",".join(HOSTS), "-o", "%n %T"], client(rel)).out
        return sorted(set(out.split("\n"))) == ["", *(f"{n} idle" for n in HOSTS)]
    return wait_for(there, wait, .2)


def works(rel):
    """A batch job over both nodes with a step, to its very end."""
    ok(idle(rel), "both nodes are idle", on("sinfo -N -l", client(rel)))
    r = on("sbatch -W -p normal -N2 -n2 -w c1,c2 -o none --wrap 'exit 5'", client(rel), timeout=60)
    same(r.rc, 5, "a batch job ends with its code", r)
    r = on("srun -p normal -N2 -n2 -w c1,c2 -l hostname", client(rel), timeout=60)
    same(sorted(r.out.split("\n")), ["", "0: c1", "1: c2"], "srun", r)
    ok(idle(rel), "nothing stays behind", on("squeue", client(rel)), on("sinfo -N -l", client(rel)))


def speaks(rel):
    """Our slurmd says what it has found."""
    if ALL_STOCK:
        return
    rel = "26.05" if rel == "ours" else rel
    for n in HOSTS:
        log = lambda: re.findall(r"(?:the controller speaks release|registered with the controller as \S+, protocol) ([\d.]+)",  # noqa: E731
                                 slurp(c.path("log", f"slurmd-{n}.log")))
        ok(wait_for(lambda: log()[-1:] == [rel], 60), f"{n} speaks {rel}", log())


def up():
    global c
    c = new_cluster(f"ctld={FIRST},{'24.11' if ALL_STOCK else 'ours'}", start=False,
                    conf={"SlurmdTimeout": "30"})
    c.start(nodes=HOSTS, clients=[FIRST], wait=60)
    ok(True, f"two nodes under a slurmctld of {FIRST}")
    speaks(FIRST)
    works(FIRST)


def tasks():
    """What runs on the nodes for a job."""
    out = []
    for p in c.left_over():
        try:
            with open(f"/proc/{p}/cmdline") as f:
                if "sleep\0" + MARK in f.read():
                    out.append(p)
        except OSError:
            pass
    return out


MARK = "4217"


def change(rel):
    """Jobs of a controller whose state the new one does not read."""
    old = c.meta["ctld"]
    r = on(f"sbatch --parsable -p normal -N2 -w c1,c2 -o none --wrap 'sleep {MARK}'", client(old))
    ok(wait_for(lambda: tasks(), 30), f"a job of the {old} controller runs", r)
    now(rel)
    speaks(rel)
    ok(wait_for(lambda: not tasks(), 60), "is ended by the one that does not know it", tasks())
    works(rel)


def ours():
    change("ours")


def stock():
    change("24.11")


def newer():
    """24.11 becomes 26.05, which reads its state: jobs are kept."""
    r = on("sbatch --parsable -p normal -N2 -w c1,c2 -o kept.out", "24.11",
           input="#!/bin/sh\nsrun -n1 sh -c 'until [ -e end ]; do sleep .2; done; exit 7'\n"
           if ALL_STOCK else "#!/bin/sh\nuntil [ -e end ]; do sleep .2; done; exit 7\n")
    j = r.out.strip()
    ok(wait_for(lambda: on(f"squeue -h -j {j} -o %T", "24.11").out == "RUNNING\n", 30), "a job runs", r)
    p = c.popen("24.11", ["srun", f"--jobid={j}", "--overlap", "-N1", "-w", "c2", "sh", "-c",
                          "echo up; until [ -e go ]; do sleep .2; done; echo over; exit 0"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    same(p.stdout.readline(), "up\n", "and a step in it")
    now("26.05")
    same(on(f"squeue -h -j {j} -o %T", "26.05").out, "RUNNING\n", "the job is kept")
    with open(shared("go", c), "w"):
        pass
    out, err = p.communicate(timeout=60)
    same((out, p.returncode), ("over\n", 0), "its step ends well", err)
    with open(shared("end", c), "w"):       # which takes its steps along
        pass
    ok(wait_for(lambda: re.search(r"JobState=FAILED .*ExitCode=7:0", on(f"scontrol -o show job {j}", "26.05").out), 60),
       "and so does the job, with its code", on(f"scontrol -o show job {j}", "26.05"))
    speaks("26.05")
    works("26.05")


def older():
    """Back: an older one does not speak what the node daemons last did."""
    shutil.rmtree(c.path("state"))
    os.makedirs(c.path("state"))
    shutil.chown(c.path("state"), "slurm", "slurm")
    now("22.05")
    speaks("22.05")
    works("22.05")


if have:
    main(up, *([] if ALL_STOCK else [ours, stock]), newer, *([] if ALL_STOCK else [older]))
else:
    skip("all", "not every stock release is installed")
    done()
