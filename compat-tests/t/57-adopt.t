#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node daemon is replaced by another one while jobs run: the new one adopts
their steps, whoever made them."""
# own
import os
import sys
from glob import glob

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

ALL_STOCK = "ours" not in DAEMONS
CTLD = REL if STOCK else "ours"
HOSTS = ["c1", "c2"]
MARK = "5163"
c = None
round_ = 0


def processes():
    """What jobs of this program have left on the nodes."""
    out = []
    for p in c.left_over():
        try:
            with open(f"/proc/{p}/cmdline") as f:
                if MARK in f.read():
                    out.append(p)
        except OSError:
            pass
    return out


def up():
    global c
    # the programs of a release that no node has yet must be there as well
    c = new_cluster(f"ctld={CTLD},{'' if ALL_STOCK else 'q2=ours,'}{REL}", start=False, conf={"PrologFlags": "Contain"})
    c.start(nodes=HOSTS, clients=[REL], wait=60)
    ok(True, f"two nodes of {REL}")


def seen(j, want):
    """Both new daemons have told the controller of the job's steps."""
    ids = set()

    def there():
        ids.clear()
        for n in HOSTS:
            ids.update(os.path.basename(p).split("_", 1)[1] for p in glob(c.path("spool", n, f"{n}_{j}.*")))
        return len(ids) == want and all(node_states(c).get(n) == "mixed" for n in HOSTS)
    return ok(wait_for(there, 40, .2), "its step daemons are there", ids, node_states(c))


def both(to):
    global round_
    was = c.meta["nodes"]["c1"]
    tag = round_ = round_ + 1
    j = sbatch(f"-p normal -N2 -n2 --mem=100 -w c1,c2 -o a-{tag} -J long", c=c, script=f"""\
srun -N2 -n2 --overlap sh -c 'echo step up; until [ -e go-{tag} ]; do sleep .2; done; exit 4'
echo step $?
exit 9
""")
    ok(wait_for(lambda: slurp(shared(f"a-{tag}", c)).count("up") == 2, 40), f"{was}: a job with a step on both nodes",
       slurp(shared(f"a-{tag}", c)))
    s = popen(["srun", f"--jobid={j}", "-N1", "-n1", "-w", "c2", "--overlap", "bash", "-c",
               "trap 'echo sig' USR1; trap 'exit 3' USR2; echo up; while :; do sleep .2; done"], c=c)
    same(s.stdout.readline(), "up\n", "and a step from elsewhere")
    k = sbatch(f"-p normal -N2 -n2 --mem=100 -w c1,c2 -o none", c=c, script=f"srun -N2 -n2 sh -c 'sleep {MARK}' & sleep {MARK}\n")
    ok(wait_for(lambda: len([p for p in processes()]) >= 3, 40), "another job")
    m = sbatch(f"-p normal -w c2 -n1 --mem=100 -o none", c=c, wrap=f"until [ -e gone-{tag} ]; do sleep .2; done; exit 6")
    same(wait_state(m, "RUNNING", c=c), "RUNNING", "a third")
    for n in HOSTS:
        c.kill(n)
        c.meta["nodes"][n] = to
    with open(shared(f"gone-{tag}", c), "w"):
        pass
    ok(wait_for(lambda: not glob(c.path("spool", "c2", f"c2_{m}.{0xfffffffb}")), 30), "which ends while there is no daemon")
    for n in HOSTS:
        c.start_node(n)
    seen(j, 4)
    same(wait_end(m, 60, c), "FAILED", f"{was} to {to}: that job's end is known", job(m, c))
    same(job(m, c).get("ExitCode"), "6:0", "with its code")
    same((state(j, c), state(k, c)), ("RUNNING", "RUNNING"), "the others run", slurp(c.path("log", "slurmd-c1.log"))[-1500:])
    r = run(f"scancel -s USR1 {j}.1", c=c)
    same(s.stdout.readline(), "sig\n", "a step that was there before is signalled", r)
    run(f"scancel -s USR2 {j}.1", c=c)
    out, err = s.communicate(timeout=40)
    same(s.returncode, 3, "and ends with its code", out, err)
    # Slurm's own does not know that the job's prolog has run under another
    if to == was or to == "ours":
        r = run(f"srun --jobid={j} -N2 -n2 --overlap -l hostname", c=c)
        same(sorted(r.out.split("\n")), ["", "0: c1", "1: c2"], "a new step in the old job", r)
    r = run(f"scontrol suspend {k}", c=c)
    stopped = lambda: {open(f"/proc/{p}/stat").read().rsplit(')', 1)[1].split()[0] for p in processes()}  # noqa: E731
    ok(wait_for(lambda: stopped() == {"T"}, 20), "suspend", r, stopped())
    run(f"scontrol resume {k}", c=c)
    ok(wait_for(lambda: "T" not in stopped(), 20), "resume")
    run(["scancel", k], c=c)
    same(wait_end(k, 60, c), "CANCELLED", "a job is cancelled")
    ok(wait_for(lambda: not processes(), 40), "nothing of it is left", processes())
    with open(shared(f"go-{tag}", c), "w"):
        pass
    same(wait_end(j, 60, c), "FAILED", "the first one ends", job(j, c))
    same(job(j, c).get("ExitCode"), "9:0", "with its code")
    like(slurp(shared(f"a-{tag}", c)), r"^step 4$", "and so did its step")
    same(wait_nodes(dict.fromkeys(HOSTS, "idle"), 60, c), True, "the nodes are free")
    same([p for n in HOSTS for p in glob(c.path("spool", n, f"{n}_*"))], [], "no socket is left")


def first():
    both(REL if ALL_STOCK else "ours")


def back():
    both(REL)


def again():
    both("ours")
    both("ours")


# Jobs on nodes of ours find the srun of 22.05, which no newer slurmctld speaks to
INSIDE = ALL_STOCK or CTLD == "ours" or REL == "22.05"
main(up, first, *([back] if INSIDE else []), *([again] if INSIDE and not ALL_STOCK else []))
