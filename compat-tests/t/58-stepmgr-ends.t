#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What ends under a job's step manager: a node, its own node, itself, time."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

KNOWS = VER >= (24, 5)
MINE = DAEMONS.split(",")[-1] == "ours"      # the step managers
HOSTS = ["c1", "c2", "c3", "c4"]
c = None
late = None


def up():
    global c, late
    c = new_cluster(start=False, conf={"SlurmctldParameters": "enable_stepmgr", "PrologFlags": "Contain",
                                       "KillWait": "2", "SlurmdTimeout": "30", "InactiveLimit": "0"})
    c.start(nodes=HOSTS, clients=[REL], wait=60)
    ok(True, "a cluster with enable_stepmgr")
    late = limited()


def die(n):
    """The node daemon and all that it has started are gone."""
    uts = os.stat(f"/proc/{c.pid(n)}/ns/uts").st_ino
    for _ in range(5):
        for p in c.left_over():
            try:
                if os.stat(f"/proc/{p}/ns/uts").st_ino == uts:
                    os.kill(p, signal.SIGKILL)
            except OSError:
                pass
    c.pid(n)
    run(f"scontrol update nodename={n} state=down reason=dead", c=c)


def free(what, *nodes):
    # Stock goes on showing an old allocation as long as another job runs
    want = ("idle", "mixed") if STOCK else ("idle",)
    ok(wait_for(lambda: all(node_states(c).get(n) in want for n in nodes), 60, .2), what, node_states(c))


def alive(n):
    c.start_node(n)
    run(f"scontrol update nodename={n} state=resume", c=c)
    free(f"{n} is back", n)


def allocation(args, name):
    """salloc that waits for its input to end; its job."""
    p = popen(f"salloc -p normal {args} --mem=100 -J {name} bash", c=c, stdin=subprocess.PIPE)
    ok(wait_for(lambda: run(f"squeue -h -t R -n {name} -o %A", c=c).out.strip(), 30), f"salloc {args}")
    j = run(f"squeue -h -n {name} -o %A", c=c).out.strip()
    # Stock's step manager hears of a job a moment after it runs
    ok(wait_for(lambda: run(f"srun --jobid={j} --overlap -N1 -n1 echo by", c=c).out == "by\n", 30, .5), "has a step manager")
    return p, j


def step(j, args):
    p = popen(f"srun -u --jobid={j} --overlap {args} sh -c 'echo up; exec sleep 200'", c=c)
    n = int(re.search(r"-n(\d)", args).group(1))
    same("".join(p.stdout.readline() for _ in range(n)), "up\n" * n, f"a step with {args}")
    return p


def ended(p, what, wait=60):
    try:
        out, err = p.communicate(timeout=wait)
    except subprocess.TimeoutExpired:
        p.kill()
        out, err = p.communicate()
        ok(False, what, "no end", out, err)
        return err
    ok(p.returncode != 0, what, p.returncode, err)
    return err


def on_nodes(j, args, want, what):
    r = run(f"srun --jobid={j} --overlap {args} -l hostname", c=c, timeout=60)
    same(sorted(re.findall(r"^\d: (c\d)$", r.out, re.M)), want, what, r)


def over(p, j, *steps):
    run(["scancel", j], c=c)
    for s in steps:
        ended(s, "a step ends with the job")
    p.communicate(timeout=40)
    same(wait_end(j, 40, c), "CANCELLED", "over")


def node_dies():
    p, j = allocation("-N3 -n3 -w c1,c2,c3 --no-kill", "kept")
    a = step(j, "-N3 -n3")
    b = step(j, "-N1 -n1 -w c1")
    die("c2")
    if MINE:       # Slurm's own tells srun, and leaves the step there
        like(ended(a, "a step on a dead node ends"), "^srun: error: Node failure on c2$", "and is told why")
    ok(b.poll() is None, "one that was elsewhere goes on")
    same(state(j, c), "RUNNING", "--no-kill: so does the job")
    same(job(j, c).get("NodeList"), "c[1,3]", "without the node")
    if MINE:       # the same: it goes on using the node
        on_nodes(j, "-N2 -n2", ["c1", "c3"], "a new step is on the other nodes")
    over(p, j, b, *([] if MINE else [a]))
    alive("c2")


def job_dies():
    p, j = allocation("-N2 -n2 -w c1,c2", "lost")
    a = step(j, "-N1 -n1 -w c1")
    die("c2")
    like(ended(a, "without --no-kill all of it ends"), "STEP .* DUE TO NODE FAILURE", "for that reason")
    out, err = p.communicate(timeout=60)
    like(err, r"^salloc: (error: )?Job allocation \d+ has been revoked", "salloc is told", err)
    same(wait_end(j, 60, c), "NODE_FAIL", "the job too", job(j, c))
    alive("c2")
    free("its other node is free", "c1")


def manager_dies():
    p, j = allocation("-N2 -n2 -w c1,c2 --no-kill", "first")
    a = step(j, "-N1 -n1 -w c2")
    die("c1")
    same(job(j, c).get("NodeList"), "c2", "the job goes on with --no-kill", job(j, c))
    ok(a.poll() is None, "and its step")
    r = run(f"srun --jobid={j} --overlap -N1 -n1 -w c2 hostname", c=c, timeout=40)
    like(r.err, r"^srun: error: Unable to create step for job \d+: Connection refused$", "but nobody makes another", r)
    over(p, j, a)
    alive("c1")
    free("c2 is free", "c2")


def shrinks():
    p, j = allocation("-N3 -n3 -w c1,c2,c3", "small")
    a = step(j, "-N1 -n1 -w c3")
    b = step(j, "-N1 -n1 -w c1")
    r = run(f"scontrol update JobId={j} NodeList=c1,c2", c=c)
    same(job(j, c).get("NodeList"), "c[1-2]", "the job is made smaller", r)
    like(ended(a, "a step on the node that left ends"), "^srun: error: c3: task 0: Killed$", "killed")
    ok(b.poll() is None, "the other goes on")
    if MINE and OURS:      # which tells the step manager
        on_nodes(j, "-N2 -n2", ["c1", "c2"], "a new step is on the nodes that are left")
        r = run(f"srun --jobid={j} --overlap -N1 -n1 -w c3 hostname", c=c, timeout=40)
        like(r.err, "Requested node configuration is not available", "the one that left is refused", r)
    free("c3 is free", "c3")
    over(p, j, b)


def stepd_dies():
    """The step manager itself."""
    p, j = allocation("-N2 -n2 -w c1,c2", "alone")
    a = popen(f"srun -u --jobid={j} --overlap -N2 -n2 sh -c 'echo up; until [ -e go ]; do sleep .2; done; echo over'", c=c)
    same(a.stdout.readline() + a.stdout.readline(), "up\nup\n", "a step")
    pid = manager_pid(j)
    ok(pid, "the process of the step manager")
    os.kill(pid, signal.SIGKILL)
    ok(wait_for(lambda: manager_pid(j) is None, 10), "is killed")
    r = run(f"srun --jobid={j} --overlap -N1 -n1 -w c2 hostname", c=c, timeout=40)
    like(r.err, r"^srun: error: Unable to create step for job \d+: ", "nobody makes another step", r)
    same(r.rc, 1, "and srun says so")
    with open(shared("go", c), "w"):
        pass
    out, err = a.communicate(timeout=60)
    same((out, a.returncode), ("over\nover\n", 0), "the step there was ends well", err)
    same(state(j, c), "RUNNING", "the job goes on")
    over(p, j)
    free("the nodes are free", "c1", "c2")


def manager_pid(j):
    """The slurmstepd that listens for the job's extern step on c1."""
    name = c.path("spool", "c1", f"c1_{j}.4294967292")
    inode = [w[6] for l in slurp(f"/proc/{c.pid('c1')}/net/unix").splitlines()
             for w in [l.split()] if len(w) > 7 and w[7] == name]
    for p in c.left_over():
        try:
            for f in os.listdir(f"/proc/{p}/fd"):
                if inode and os.readlink(f"/proc/{p}/fd/{f}") == f"socket:[{inode[0]}]":
                    return p
        except OSError:
            pass
    return None


def limited():
    """A minute is the least that srun can ask for: the others run meanwhile."""
    p, j = allocation("-N1 -n1 -w c4", "late")
    return p, j, popen(f"srun -u --jobid={j} --overlap -t 1 sleep 200", c=c), step(j, "-N1 -n1 -w c4")


def limit():
    p, j, a, b = late
    like(ended(a, "a step is over its time limit", 150), "STEP .* DUE TO TIME LIMIT", "and is told")
    ok(b.poll() is None, "another is not")
    same(state(j, c), "RUNNING", "nor is the job")
    over(p, j, b)


NODES_KNOW = "22.05" not in DAEMONS
if not KNOWS or not NODES_KNOW:
    skip("all", "no step manager here")
    done()
main(up, node_dies, job_dies, manager_dies, shrinks, stepd_dies, limit)
