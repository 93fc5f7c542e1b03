# SPDX-License-Identifier: Apache-2.0
"""What the table of docs/compatibility.md is made of: one function for a
cell.  Each does something a user does, with a client of one release against
one node of one cluster, and raises Red with what went wrong."""
import os
import pty
import re
import select
import signal
import subprocess
import time

from slcluster import ORDER


class Red(Exception):
    """The cell is red, and why."""


class Grey(Exception):
    """Cannot work with any daemon of that release, and why."""


def speaks(program, spoken):
    """Does a stock program of a release speak that of another?"""
    p, s = ORDER.index(program), ORDER.index(spoken)
    return s <= p and p - s <= (3 if p >= ORDER.index("24.11") else 2)


def wait_for(fn, timeout=15, step=0.1):
    end = time.monotonic() + timeout
    while True:
        v = fn()
        if v or time.monotonic() > end:
            return v
        time.sleep(step)


class Bench:
    """A client release and a node of a running cluster."""

    def __init__(self, c, client, node=None, user="alice"):
        self.c, self.client, self.node, self.user = c, client, node, user
        self.ctld = c.meta["ctld"]
        self.daemon = c.meta["nodes"][node] if node else None

    def shared(self, name):
        return self.c.path("shared", name)

    def slurp(self, name):
        try:
            with open(self.shared(name), errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def run(self, *cmd, root=False, want=0, **kw):
        kw.setdefault("timeout", 45)
        r = self.c.run(self.client, cmd, user=None if root else self.user, **kw)
        if want is not None and r.returncode != want:
            raise Red(f"{' '.join(cmd)}: exit code {r.returncode}: "
                      f"{(r.stderr or r.stdout).strip()[:300]}")
        return r

    def popen(self, *cmd, root=False, **kw):
        kw.setdefault("stdout", subprocess.PIPE)
        kw.setdefault("stderr", subprocess.PIPE)
        return self.c.popen(self.client, cmd, text=True,
                            user=None if root else self.user, **kw)

    def sbatch(self, script, *args):
        r = self.run("sbatch", "--parsable", *args, input="#!/bin/bash\n" + script)
        return r.stdout.strip().split(";")[0]

    def on_node(self, script, *args):
        return self.sbatch(script, "-w", self.node, "-N1", "-n1", *args)

    def job(self, jid):
        r = self.run("scontrol", "-o", "show", "job", str(jid), want=None)
        return dict(w.split("=", 1) for w in r.stdout.split() if "=" in w)

    def wait(self, jid, want, timeout=25):
        got = {}

        def there():
            nonlocal got
            got = self.job(jid)
            return got.get("JobState") in want.split("|")
        if not wait_for(there, timeout):
            raise Red(f"job {jid} is {got.get('JobState')} {got.get('Reason', '')}, "
                      f"not {want}")
        return got

    def expect(self, cond, what, *why):
        if not cond:
            raise Red(f"{what}: {' '.join(str(w) for w in why)[:300]}")

    def meets(self):
        """Can this client speak to this node daemon at all?"""
        if self.daemon == "ours":
            return True
        low = min(self.client, self.daemon, key=ORDER.index)
        return speaks(self.client, low) and speaks(self.daemon, low)

    def stop(self, *jobs):
        self.run("scancel", *jobs, want=None)


# ---------------------------------------------------------------- controller

def c_ping(b):
    r = b.run("scontrol", "ping")
    b.expect(re.search(r"is UP", r.stdout), "ping", r.stdout)


def c_sinfo(b):
    for a in (["-N", "-l"], ["-R"], ["-s"], ["-O", "all"]):
        r = b.run("sinfo", *a)
    b.expect(b.run("sinfo", "-h", "-o", "%D").stdout.strip(), "sinfo")


def c_squeue(b):
    for a in ([], ["-l"], ["-s"], ["--start"], ["-O", "all"]):
        b.run("squeue", *a)


def c_show(b):
    for what in ("job", "node", "partition", "config", "step", "reservation",
                 "license", "topology", "daemons"):
        b.run("scontrol", "show", what, want=None if what == "daemons" else 0)
    b.run("sdiag")


def c_update(b):
    j = b.sbatch("sleep 1\n", "-H", "-J", "x")
    b.run("scontrol", "update", f"jobid={j}", "name=y", "comment=z")
    got = b.job(j)
    b.expect(got.get("JobName") == "y" and got.get("Comment") == "z", "update", got)
    b.run("scontrol", "release", j)
    b.wait(j, "COMPLETED")


def c_array(b):
    j = b.sbatch("echo $SLURM_ARRAY_TASK_ID\n", "-a", "1-2", "-o", "arr-%A-%a")
    d = b.sbatch("true\n", "-d", f"afterok:{j}", "-o", "none")
    b.wait(d, "COMPLETED", 40)
    b.expect(b.slurp(f"arr-{j}-2") == "2\n", "array output")


def c_node(b):
    b.run("scontrol", "update", f"nodename={b.c.spare}", "state=drain",
          "reason=try it", root=True)
    r = b.run("sinfo", "-R", "-h")
    b.expect("try it" in r.stdout, "sinfo -R", r.stdout)
    b.run("scontrol", "update", f"nodename={b.c.spare}", "state=resume", root=True)


def c_errors(b):
    r = b.run("sbatch", "-p", "nowhere", "--wrap", "true", want=1)
    b.expect("invalid partition specified" in r.stderr, "partition", r.stderr)
    r = b.run("scancel", "999999", want=None)
    r = b.run("scontrol", "show", "job", "999999", want=1)
    b.expect("Invalid job id specified" in r.stdout + r.stderr, "job id", r)


CONTROLLER = (("ping", c_ping), ("sinfo", c_sinfo), ("squeue", c_squeue),
              ("show, sdiag", c_show), ("update, hold", c_update),
              ("array, dependency", c_array), ("node state", c_node),
              ("refusals", c_errors))


# ---------------------------------------------------------------- nodes, batch

def n_batch(b):
    j = b.on_node("echo $SLURMD_NODENAME $SLURM_JOB_ID $(id -un); exit 3\n", "-o", "b-%j")
    got = b.wait(j, "FAILED|COMPLETED")
    b.expect(got["ExitCode"] == "3:0", "exit code", got["ExitCode"])
    wait_for(lambda: b.slurp(f"b-{j}"), 5)
    b.expect(b.slurp(f"b-{j}") == f"{b.node} {j} alice\n", "output", b.slurp(f"b-{j}"))


def n_signal(b):
    j = b.on_node("trap 'echo usr; exit 4' USR1; echo up; while :; do sleep .1; done\n",
                  "-o", "s-%j")
    wait_for(lambda: "up" in b.slurp(f"s-{j}"))
    b.run("scancel", "-b", "-s", "USR1", j)
    got = b.wait(j, "FAILED")
    b.expect(got["ExitCode"] == "4:0" and "usr" in b.slurp(f"s-{j}"), "trap", got["ExitCode"])


def n_cancel(b):
    j = b.on_node("echo $$; sleep 60\n", "-o", "c-%j")
    wait_for(lambda: b.slurp(f"c-{j}"))
    pid = b.slurp(f"c-{j}").strip()
    b.expect(pid, "the job writes its process id")
    b.run("scancel", j)
    b.wait(j, "CANCELLED")
    b.expect(wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 10), "the process ends")


def n_suspend(b):
    j = b.on_node("echo $$; for i in $(seq 15); do sleep .1; done\n", "-o", "p-%j")
    wait_for(lambda: b.slurp(f"p-{j}"))
    pid = b.slurp(f"p-{j}").strip()

    def stopped():
        try:
            with open(f"/proc/{pid}/stat") as f:
                return f.read().rsplit(")", 1)[1].split()[0] == "T"
        except OSError:
            return False
    b.run("scontrol", "suspend", j, root=True)
    b.expect(b.job(j).get("JobState") == "SUSPENDED", "state", b.job(j).get("JobState"))
    b.expect(wait_for(stopped, 10), "the process is stopped")
    b.run("scontrol", "resume", j, root=True)
    b.wait(j, "COMPLETED", 30)


def n_requeue(b):
    j = b.on_node("echo run $SLURM_RESTART_COUNT; sleep 2\n", "-o", "r-%j",
                  "--open-mode=append", "--requeue")
    wait_for(lambda: "run" in b.slurp(f"r-{j}"))
    b.run("scontrol", "requeue", j)
    b.expect(wait_for(lambda: int(b.job(j).get("Restarts", 0)) == 1, 15), "restart count")
    b.stop(j)


def n_limit(b):
    j = b.on_node("trap 'echo term' TERM; echo up; for i in $(seq 1200); do sleep .1; done\n",
                  "-o", "l-%j", "-t", "1")
    got = b.wait(j, "TIMEOUT", 110)
    b.expect(wait_for(lambda: "term" in b.slurp(f"l-{j}"), 5), "SIGTERM first", got["RunTime"])


def n_prolog(b):
    j = b.on_node("true\n", "-o", "none")
    b.wait(j, "COMPLETED")
    for what in ("prolog", "epilog"):
        b.expect(wait_for(lambda: os.path.exists(b.shared(f"{what}-{j}-{b.node}")), 10),
                 f"the {what} ran")


BATCH = (("batch", n_batch), ("prolog, epilog", n_prolog), ("scancel -s", n_signal),
         ("scancel", n_cancel), ("suspend", n_suspend), ("requeue", n_requeue),
         ("time limit", n_limit))


# ---------------------------------------------------------------- steps

def s_srun(b):
    r = b.run("srun", "-w", b.node, "bash", "-c", "hostname; exit 7", want=7)
    b.expect(r.stdout == b.node + "\n", "output", r)


def s_io(b):
    r = b.run("srun", "-w", b.node, "-N1", "-n2", "-l", "bash", "-c", "cat; echo err >&2",
              input="one\ntwo\n")
    b.expect(sorted(r.stdout.split("\n")) == sorted(["0: one", "0: two", "1: one", "1: two", ""]),
             "stdin to all", r.stdout)
    b.expect("1: err" in r.stderr, "stderr", r.stderr)


def s_pty(b):
    m, s = pty.openpty()
    p = b.popen("srun", "-w", b.node, "--pty", "bash", "-c", "tty; echo $((6*7))",
                stdin=s, stdout=s, stderr=s)
    os.close(s)
    out, end = b"", time.monotonic() + 30
    while time.monotonic() < end:
        if select.select([m], [], [], .2)[0]:
            try:
                got = os.read(m, 4096)
            except OSError:
                break
            if not got:
                break
            out += got
        elif p.poll() is not None:
            break
    p.kill() if p.poll() is None else None
    os.close(m)
    b.expect(p.wait() == 0 and b"/dev/pts/" in out and b"42" in out, "terminal", out)


def s_salloc(b):
    r = b.run("salloc", "-w", b.node, "-N1", "bash", "-c", "srun hostname; echo $SLURM_NNODES")
    b.expect(r.stdout == f"{b.node}\n1\n", "output", r)


def s_signal(b):
    p = b.popen("srun", "-w", b.node, "-J", f"sig-{b.node}-{b.client}", "bash", "-c",
                "trap 'echo usr; exit 5' USR1; echo up $SLURM_JOB_ID; while :; do sleep .1; done")
    j = p.stdout.readline().split()
    try:
        b.expect(len(j) == 2, "the step starts", j)
        if b.ctld == "ours":
            b.run("scancel", "-s", "USR1", f"{j[1]}.0")
        else:       # 26.05 does not find a step that has just begun
            wait_for(lambda: b.run("scancel", "-s", "USR1", f"{j[1]}.0",
                                   want=None).returncode == 0, 5, .5)
        wait_for(lambda: p.poll() is not None, 15)
    finally:
        if p.poll() is None and len(j) == 2:
            b.stop(j[1])
            wait_for(lambda: p.poll() is not None, 10)
            p.kill() if p.poll() is None else None
    out, err = p.communicate()
    b.expect("usr" in out and p.returncode == 5, "signal", p.returncode, out, err)


def with_step(b, fn):
    p = b.popen("srun", "-w", b.node, "bash", "-c",
                "echo up $SLURM_JOB_ID; for i in $(seq 80); do echo tick $i; sleep .1; done")
    j = p.stdout.readline().split()
    try:
        b.expect(len(j) == 2, "the step starts", j)
        time.sleep(.3)
        fn(j[1])
    finally:
        if len(j) == 2:
            b.stop(j[1])
        try:
            p.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            p.kill()
            p.communicate()


def s_sattach(b):
    def look(j):
        p = b.popen("sattach", f"{j}.0")
        line = wait_line(p, 15)
        p.send_signal(signal.SIGKILL)
        out, err = p.communicate()
        b.expect("tick" in line or "up" in line, "sattach", line, err)
    with_step(b, look)


def wait_line(p, timeout):
    return p.stdout.readline() if select.select([p.stdout], [], [], timeout)[0] else ""


def s_sstat(b):
    def look(j):
        r = b.run("sstat", "-n", "-P", "-o", "JobID,NTasks", "-j", f"{j}.0")
        b.expect(r.stdout == f"{j}.0|1\n", "sstat", r)
    with_step(b, look)


def s_listpids(b):
    def look(j):
        r = b.run("scontrol", "listpids", f"{j}.0", b.node, root=True)
        b.expect(re.search(rf"^\d+ +{j} +0 +", r.stdout, re.M), "listpids", r.stdout, r.stderr)
    with_step(b, look)


def s_sbcast(b):
    name = f"bcast-{b.node}-{b.client}"
    b.run("salloc", "-w", b.node, "-N1", "bash", "-c",
          f"sbcast -f /etc/slurm/slurm.conf {b.shared(name)} && srun test -s {b.shared(name)}")
    with open(b.c.path("etc", b.client, "slurm.conf")) as f:
        b.expect(b.slurp(name) == f.read(), "the copy differs")


def s_refused(b):
    """Where client and node have no protocol in common: said at once."""
    t = time.monotonic()
    r = b.run("srun", "-w", b.node, "hostname", want=None, timeout=20)
    b.expect(r.returncode not in (0, 124) and time.monotonic() - t < 10 and r.stderr,
             "not refused at once", r)
    if b.ctld == "ours":
        b.expect("no protocol in common" in r.stderr, "plain words", r.stderr)


STEP = (("srun", s_srun), ("stdin, -l", s_io), ("--pty", s_pty), ("salloc", s_salloc),
        ("scancel -s step", s_signal), ("sattach", s_sattach), ("sstat", s_sstat),
        ("listpids", s_listpids), ("sbcast", s_sbcast))


# ---------------------------------------------------------------- several nodes

def m_batch(b):
    nodes = ",".join(b.c.meta["nodes"])
    k = len(b.c.meta["nodes"])
    j = b.sbatch("echo $SLURM_JOB_NUM_NODES\n", "-w", nodes, f"-N{k}", "-o", "m-%j")
    b.wait(j, "COMPLETED", 60)
    wait_for(lambda: b.slurp(f"m-{j}"), 5)
    b.expect(b.slurp(f"m-{j}") == f"{k}\n", "output", b.slurp(f"m-{j}"))
    for n in b.c.meta["nodes"]:
        b.expect(wait_for(lambda: os.path.exists(b.shared(f"epilog-{j}-{n}")), 15),
                 f"the epilog ran on {n}")


def reachable(b):
    out = [n for n in b.c.meta["nodes"] if Bench(b.c, b.client, n).meets()]
    # A queued srun of 25.11 and newer is told by a stock controller to speak
    # that, whatever the nodes speak
    if b.ctld != "ours" and ORDER.index(b.client) >= ORDER.index("25.11"):
        out = [n for n in out if b.c.meta["nodes"][n] in ("ours", b.client)]
    return out


def m_srun(b):
    n = reachable(b)
    r = b.run("srun", "-w", ",".join(n), f"-N{len(n)}", "hostname", timeout=60)
    b.expect(sorted(r.stdout.split()) == sorted(n), "output", r)


def m_kill(b):
    n = reachable(b)
    r = b.run("srun", "-K", "-w", ",".join(n), f"-N{len(n)}", "bash", "-c",
              "if [ $SLURM_PROCID = 0 ]; then sleep .5; exit 9; fi; sleep 60", want=None)
    b.expect(r.returncode in (9, 137, 143) and r.returncode != 124, "-K", r)


def m_sbcast(b):
    n = reachable(b)
    # sbcast speaks its own release to every node
    n = [x for x in n if b.c.meta["nodes"][x] in ("ours", b.client)]
    d = b.shared(f"mb-{b.client}")
    b.run("salloc", "-w", ",".join(n), f"-N{len(n)}", "bash", "-c",
          f"sbcast -F3 -f /etc/slurm/slurm.conf {d} && srun -N{len(n)} test -s {d}", timeout=60)


def m_het(b):
    """A heterogeneous job, each component on a node of another kind."""
    # slurmd 25.05.3 dies of a step over components that an older srun starts,
    # and srun 25.05.3 starts none on an older slurmd
    def known_bad(d):
        old = [r for r in (d, b.client) if r != "ours" and ORDER.index(r) < ORDER.index("25.05")]
        return old and "25.05" in (d, b.client)
    there = [x for x in reachable(b) if not known_bad(b.c.meta["nodes"][x])]
    n, kinds = [], set()
    for x in there:
        if b.c.meta["nodes"][x] not in kinds:
            kinds.add(b.c.meta["nodes"][x])
            n.append(x)
    n = (n + [x for x in there if x not in n])[:max(2, len(n))]
    cmd = []
    for x in n:
        cmd += ["-w", x, "-N1", "-n1", "hostname", ":"]
    r = b.run("srun", "--mpi=none", "-l", *cmd[:-1], timeout=90)
    b.expect(sorted(r.stdout.splitlines()) == [f"{i}: {x}" for i, x in enumerate(n)], "output", r)


MANY = (("batch", m_batch), ("srun", m_srun), ("-K", m_kill), ("sbcast -F3", m_sbcast),
        ("srun a : b", m_het))


# ---------------------------------------------------------------- the node itself

def d_version(b):
    r = b.run("scontrol", "-o", "show", "node", b.node)
    want = "26.05.0-sluice" if b.daemon == "ours" else b.daemon
    b.expect(f"Version={want}" in r.stdout, "version", r.stdout)


def d_health(b):
    b.expect(wait_for(lambda: os.path.exists(b.shared(f"health-{b.node}")), 30), "health check")


def d_reconfigure(b):
    j = b.on_node("sleep 3\n", "-o", "none")
    b.wait(j, "RUNNING")
    b.run("scontrol", "reconfigure", root=True)
    time.sleep(.5)
    b.wait(j, "COMPLETED", 30)
    n_batch(b)


def d_restart(b):
    """slurmd ends and comes back under a running job."""
    j = b.on_node("sleep 4; exit 6\n", "-o", "none")
    b.wait(j, "RUNNING")
    time.sleep(.5)
    b.expect(b.c.kill(b.node), "slurmd ends")
    b.c.start_node(b.node)
    got = b.wait(j, "FAILED|COMPLETED|NODE_FAIL", 40)
    b.expect(got["ExitCode"] == "6:0", "exit code", got["ExitCode"])
    n_batch(b)


def d_reboot(b):
    b.run("scontrol", "reboot", "ASAP", b.node, root=True)
    b.expect(wait_for(lambda: os.path.exists(b.shared(f"reboot-{b.node}")), 20),
             "RebootProgram ran")
    b.c.kill(b.node)
    b.c.start_node(b.node, "-b")
    b.expect(wait_for(lambda: b.run("sinfo", "-h", "-n", b.node, "-o", "%T").stdout.strip()
                      == "idle", 40), "idle again",
             b.run("sinfo", "-h", "-n", b.node, "-o", "%T").stdout)


DAEMON = (("version", d_version), ("health check", d_health),
          ("reconfigure", d_reconfigure), ("restart under a job", d_restart),
          ("reboot", d_reboot))
