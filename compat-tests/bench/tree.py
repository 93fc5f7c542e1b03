# SPDX-License-Identifier: Apache-2.0
"""What goes to many nodes at once: launches, pings, kills, epilogs.

emulated: one process (fleet.c) answers for all nodes at once, so what is seen
is the controller.  real: slurmd of the system under test, one a node, all on
this machine, so that forwarding itself is seen.  Figures are one line each.
"""
import os
import resource
import statistics
import subprocess
import time

import bench


def median(v):
    return statistics.median(v) if v else None


class Events:
    """The fleet's record, read as it grows."""

    def __init__(self, path):
        self.f = open(path)
        self.seen = []

    def job(self, job):
        for line in self.f:
            w = line.split()
            if len(w) == 5:
                self.seen.append((float(w[0]), w[1], *map(int, w[2:])))
        return [e for e in self.seen if e[2] == job]

    def span(self, ev, kind):
        t = [e[0] for e in ev if e[1] == kind]
        return (min(t), max(t), sum(e[3] for e in ev if e[1] == kind), len(t)) if t else None


def one_batch(s, nodes, limit=120):
    """A job over all nodes; (its id, when it was submitted, when it was complete)"""
    t0 = time.monotonic()
    _, out, rc = s.client("sbatch", "--parsable", "-N", str(nodes), "-o", "/dev/null", "--wrap", "true")
    if rc:
        bench.log("sbatch:", out[:300])
        return None, t0, t0
    job = int(out.split()[-1].split(";")[0])
    while time.monotonic() - t0 < limit:
        _, out, rc = s.client("squeue", "-h", "-t", "all", "-o", "%T", "-j", str(job))
        if rc or out.strip() in ("COMPLETED", "FAILED", "CANCELLED", "NODE_FAIL", ""):
            break
        time.sleep(.02)
    return job, t0, time.monotonic()


def emulated(s, a):
    for width in [int(x) for x in a.widths.split(",")]:
        emulated_one(s, a, width)


def emulated_one(s, a, width):
    extra = ["PrologFlags=Alloc", "EpilogMsgTime=0", "SlurmdTimeout=30"]
    extra += [f"TreeWidth={width}"] if width else []
    s.conf(nodes=a.nodes, tuning="fast", extra=extra)
    s.start()
    s.start_fleet(a.nodes, extra=["--epilog-msg", "--max-out", "1024", "--events", f"{s.d}/events"])
    time.sleep(3)
    ev = Events(f"{s.d}/events")
    total, launch, prolog, kill, storm, cpu = [], [], [], [], [], []
    for i in range(a.n + 1):
        c0 = bench.cpu_of(s.ctld.pid)
        job, t0, t1 = one_batch(s, a.nodes)
        if job is None:
            return
        c1 = bench.cpu_of(s.ctld.pid)
        e = ev.job(job)
        p, l, k, x = (ev.span(e, w) for w in ("prolog", "launch", "kill", "epilog"))
        if not (i and l and k and x):
            if i:
                bench.log("job", job, "without", p, l, k, x)
            continue                # the first one warms caches
        total.append((t1 - t0) * 1e3)
        cpu.append((c1 - c0) * 1e3)
        if p:
            prolog.append((l[0] - p[0]) * 1e3)
        launch.append((l[0] - t0) * 1e3)
        kill.append((k[1] - k[0]) * 1e3)
        storm.append((t1 - k[0]) * 1e3)
        time.sleep(.3)
    s.emit({"bench": "tree-batch", "nodes": a.nodes, "width": width, "n": len(total),
            "total_ms": median(total), "min_ms": min(total, default=None), "to_launch_ms": median(launch),
            "prolog_ms": median(prolog), "kill_out_ms": median(kill), "kill_to_end_ms": median(storm),
            "ctld_cpu_ms": median(cpu)})
    if a.idle:
        ping(s, a, ev, width)
    s.stop()


def ping(s, a, ev, width):
    """Pings at the rate the controller chooses, at rest"""
    ev.job(-1)
    had = len(ev.seen)
    c0, t0 = bench.cpu_of(s.ctld.pid), time.monotonic()
    time.sleep(a.idle)
    c1, dt = bench.cpu_of(s.ctld.pid), time.monotonic() - t0
    ev.job(-1)
    pings = [e for e in ev.seen[had:] if e[1] == "ping"]
    asked = sum(e[3] for e in pings)
    if not asked:
        bench.log("no pings in", a.idle)
        return
    s.emit({"bench": "tree-ping", "nodes": a.nodes, "width": width, "seconds": dt, "pings": asked,
            "frames": len(pings), "ctld_cpu_ms_per_1k_pings": (c1 - c0) * 1e6 / asked,
            "ctld_cpu_ms_per_s": (c1 - c0) * 1e3 / dt})


def lost(s, a):
    """Heads of branches, and those behind them, are gone when a job ends: how long until all others are told."""
    s.conf(nodes=a.nodes, tuning="fast", extra=["TreeWidth=16", "EpilogMsgTime=0"])
    s.start()
    s.start_fleet(a.nodes, runtime=1500, extra=["--epilog-msg", "--max-out", "1024", "--events", f"{s.d}/events"])
    time.sleep(3)
    ev = Events(f"{s.d}/events")
    job, _, _ = one_batch(s, a.nodes)
    heads = sorted(e[4] for e in ev.job(job) if e[1] == "kill")
    bench.log(len(heads), "heads:", *heads)
    # three of the heads with the four nodes behind each, not the one with the script
    dead = [h + k for h in heads[1:-1:max(1, len(heads) // 3)][:3] for k in range(5)]
    how = "DROP" if a.how == "silent" else "REJECT --reject-with tcp-reset"
    v = []
    for i in range(a.n):
        _, out, rc = s.client("sbatch", "--parsable", "-N", str(a.nodes), "-o", "/dev/null", "--wrap", "true")
        job = int(out.split()[-1].split(";")[0])
        while not any(e[1] == "launch" for e in ev.job(job)):
            time.sleep(.05)
        for d in dead:
            rule(f"-I INPUT -d 127.10.{(d - 1) // 250}.{1 + (d - 1) % 250} -p tcp --dport {s.a.node_port} -j {how}")
        told, t0 = 0, time.monotonic()
        while told < a.nodes - len(dead) and time.monotonic() - t0 < 200:
            time.sleep(.05)
            k = [e for e in ev.job(job) if e[1] == "kill"]
            told = sum(e[3] for e in k)
        v.append((k[-1][0] - k[0][0]) * 1e3)
        rule("-F INPUT")
        for _ in range(1200):
            if s.client("squeue", "-h", "-o", "%T")[1].strip() == "" and \
                    s.client("sinfo", "-h", "-o", "%t:%D")[1].split() == [f"idle:{a.nodes}"]:
                break
            time.sleep(.1)
    s.emit({"bench": "tree-lost", "how": a.how, "nodes": a.nodes, "dead": len(dead), "n": len(v),
            "told_ms": median(v), "min_ms": min(v), "max_ms": max(v), "told": told})
    s.stop()


def rule(words):
    subprocess.run(["iptables", "-w", *words.split()], check=True)


# ---- real node daemons -------------------------------------------------------

class Group:
    """Processor time of node daemons and all they start, steps included"""

    def __init__(self, label):
        self.d = f"/sys/fs/cgroup/cpuacct/sluice-bench-{label}-{os.getpid()}"
        try:
            os.mkdir(self.d)
        except OSError:
            self.d = None

    def take(self, pids):
        for p in pids if self.d else ():
            with open(self.d + "/cgroup.procs", "w") as f:
                f.write(str(p))

    def seconds(self):
        if not self.d:
            return float("nan")
        with open(self.d + "/cpuacct.usage") as f:
            return int(f.read()) / 1e9

    def end(self):
        for _ in range(50 if self.d else 0):
            try:
                os.rmdir(self.d)
                return
            except OSError:
                time.sleep(.1)


def real(s, a):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for width in [int(x) for x in a.widths.split(",")]:
        real_one(s, a, width)


def real_one(s, a, width):
    n = a.nodes
    extra = [f"TreeWidth={width}"] if width else []
    s.conf(real=n, tuning="fast", extra=extra)
    s.start()
    t0 = time.monotonic()
    s.start_slurmds(n)
    up = time.monotonic() - t0
    pids = [p.pid for p in s.slurmds]
    group = Group(s.a.label)
    group.take(pids)
    time.sleep(3)
    s.emit({"bench": "realtree-start", "nodes": n, "width": width, "seconds": up,
            "slurmd_rss_kb": median([bench.kb_of(p) for p in pids]),
            "slurmd_private_kb": median([bench.private_kb(p) for p in pids]),
            "ctld_rss_kb": bench.kb_of(s.ctld.pid)})

    def series(what, cmd):
        v, c, k, bad = [], [], [], 0
        for i in range(a.n + 1):
            c0, k0, t0 = bench.cpu_of(s.ctld.pid), group.seconds(), time.monotonic()
            if cmd:
                _, out, rc = s.client(*cmd, timeout=300)
            else:
                out, rc = "", 0
                job, t0, _ = one_batch(s, n, 300)
            dt = time.monotonic() - t0
            settle(s, n)
            if rc:
                bad += 1
                bench.log(what, "failed:", out[-300:])
            if i:
                v.append(dt * 1e3)
                c.append((bench.cpu_of(s.ctld.pid) - c0) * 1e3)
                k.append((group.seconds() - k0) * 1e3)
        s.emit({"bench": "realtree", "what": what, "nodes": n, "width": width, "n": len(v), "failed": bad,
                "p50_ms": median(v), "min_ms": min(v), "max_ms": max(v),
                "ctld_cpu_ms": median(c), "nodes_cpu_ms": median(k)})

    series("srun true", ["srun", f"-N{n}", f"-n{n}", "true"])
    series("batch job", None)
    s.stop()
    group.end()


def settle(s, n):
    """Until every node is idle again"""
    for _ in range(600):
        if s.client("sinfo", "-h", "-o", "%t:%D")[1].split() == [f"idle:{n}"]:
            return
        time.sleep(.1)
