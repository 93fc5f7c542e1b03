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
            if len(w) == 4:
                self.seen.append((float(w[0]), w[1], int(w[2]), int(w[3])))
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
    if a.dead:
        dead_nodes(s, a)
    s.start()
    s.start_fleet(a.nodes, extra=["--epilog-msg", "--max-out", "1024", "--events", f"{s.d}/events"])
    if a.dead:
        s.client("scontrol", "update", f"nodename={s.dead_list}", "state=resume")
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
    s.emit({"bench": "tree-batch", "nodes": a.nodes, "width": width, "dead": a.dead, "n": len(total),
            "total_ms": median(total), "min_ms": min(total, default=None), "to_launch_ms": median(launch),
            "prolog_ms": median(prolog), "kill_out_ms": median(kill), "kill_to_end_ms": median(storm),
            "ctld_cpu_ms": median(cpu)})
    if a.idle and not a.dead:
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


def dead_nodes(s, a):
    """Every so many nodes one that refuses, or one that says nothing at all."""
    step = a.nodes // a.dead
    dead = [i for i in range(a.nodes) if i % step == step // 2][:a.dead]
    s.dead_list = ",".join(f"n{i + 1:05d}" for i in dead)
    if a.how == "silent":
        subprocess.run("ip link add dead type dummy; ip link set dead up; ip route replace 10.98.0.0/16 dev dead; "
                       "ip neigh replace 10.98.0.1 lladdr 2:0:0:0:0:1 dev dead", shell=True, stderr=subprocess.DEVNULL)
    lines, out = open(s.cf).read().splitlines(), []
    for line in lines:
        if not line.startswith("NodeName="):
            out.append(line)
    for i in range(a.nodes):
        addr = f"127.10.{i // 250}.{1 + i % 250}"
        port = s.a.node_port
        if i in dead:
            addr, port = ("10.98.0.1", port) if a.how == "silent" else (addr, 9)
        out.insert(-1, f"NodeName=n{i + 1:05d} NodeAddr={addr} Port={port} CPUs={a.cpus} "
                   f"CoresPerSocket={a.cpus} RealMemory=16000 State=UNKNOWN")
    with open(s.cf, "w") as f:
        f.write("\n".join(out) + "\n")


# ---- real node daemons -------------------------------------------------------

def cpu_all(pids, children=False):
    """Their processor seconds, with those of children waited for"""
    t = 0
    for p in pids:
        try:
            with open(f"/proc/{p}/stat") as f:
                r = f.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        t += int(r[11]) + int(r[12]) + (int(r[13]) + int(r[14]) if children else 0)
    return t / bench.TICK


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
    time.sleep(3)
    pids = [p.pid for p in s.slurmds]
    s.emit({"bench": "realtree-start", "nodes": n, "width": width, "seconds": up,
            "slurmd_rss_kb": median([bench.kb_of(p) for p in pids]),
            "ctld_rss_kb": bench.kb_of(s.ctld.pid), "slurmd_cpu_s": cpu_all(pids)})

    def series(what, cmd):
        v, c, k, bad = [], [], [], 0
        for i in range(a.n + 1):
            c0, k0, t0 = bench.cpu_of(s.ctld.pid), cpu_all(pids, True), time.monotonic()
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
                k.append((cpu_all(pids, True) - k0) * 1e3)
        s.emit({"bench": "realtree", "what": what, "nodes": n, "width": width, "n": len(v), "failed": bad,
                "p50_ms": median(v), "min_ms": min(v), "max_ms": max(v),
                "ctld_cpu_ms": median(c), "slurmd_cpu_ms": median(k)})

    series("srun true", ["srun", f"-N{n}", f"-n{n}", "true"])
    series("batch job", None)
    s.stop()


def settle(s, n):
    """Until every node is idle again"""
    for _ in range(600):
        if s.client("sinfo", "-h", "-o", "%t:%D")[1].split() == [f"idle:{n}"]:
            return
        time.sleep(.1)
