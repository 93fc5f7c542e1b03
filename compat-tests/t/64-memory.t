#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A running job gives up memory (26.05): what its slurmctld asks of nodes."""
# own
# once
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

R = "26.05"
HOSTS = ["c1", "c2"]
c = None


def up():
    global c
    c = new_cluster(f"ctld={R},{'ours' if 'ours' in DAEMONS else R}", start=False,
                    conf={"PrologFlags": "Contain"})
    c.start(nodes=HOSTS, clients=[R], wait=60)
    ok(True, f"two nodes under a slurmctld of {R}")


def mem(j):
    f = job(j, c, rel=R)
    return f.get("JobState"), f.get("MinMemoryNode"), re.search(r"mem=\w+", f.get("AllocTRES") or f.get("TRES", "-") + " mem=?").group(0)


def less(flag):
    r = run(["sbatch", "--parsable", "-p", "normal", "-N2", "-n2", "--mem=300", "-w", "c1,c2", "-o", "none", *flag,
             "--wrap", "sleep 300"], c=c, rel=R)
    j = r.out.strip()
    same(wait_state(j, "RUNNING", c=c, rel=R), "RUNNING", f"a job {' '.join(flag)}", r)
    p = c.popen(R, ["srun", f"--jobid={j}", "--overlap", "-N2", "-n2", "--mem=200", "sh", "-c", "echo up; exec sleep 300"],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    same(p.stdout.readline() + p.stdout.readline(), "up\nup\n", "with a step on both nodes")
    r = run(f"scontrol update JobId={j} MinMemoryNode=400", c=c, rel=R)
    ok(r.rc != 0, "more memory is refused", r)
    r = run(f"scontrol update JobId={j} MinMemoryNode=100", c=c, rel=R)
    same(r.rc, 0, "less is not", r)
    ok(wait_for(lambda: mem(j) == ("RUNNING", "100M", "mem=200M"), 30), "both nodes have done it", mem(j),
       run(f"scontrol show job {j}", c=c, rel=R))
    ok(p.poll() is None, "the step goes on")
    # credentials from before, and from the same second, are worth nothing now
    time.sleep(1.5)
    r = run(f"srun --jobid={j} --overlap -N2 -n2 -l --mem=100 hostname", c=c, rel=R)
    same(sorted(r.out.split("\n")), ["", "0: c1", "1: c2"], "a new step of that size", r)
    r = run(f"srun --jobid={j} --overlap -N1 -n1 -I1 --mem=200 hostname", c=c, rel=R, timeout=60)
    ok(r.rc != 0, "not of more", r)
    run(["scancel", j], c=c, rel=R)
    p.communicate(timeout=40)
    same(wait_end(j, 40, c, rel=R), "CANCELLED", "over")


def plain():
    less([])


def managed():
    less(["--stepmgr"])


if slcluster.installed(R):
    main(up, plain, managed)
else:
    skip("all", f"Slurm {R} is not installed")
    done()
