#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Drive one controller (stock or ours) through the performance benches.

usage: bench.py @PROFILE BENCH [options]      (see README.md)

A profile is an argument file: one option per line (--label=..., --wrap=...,
--ctld=..., --slurmd=..., --bin=..., --work=..., --munge=..., --proto=...).
Every figure is one line of JSON on stdout, with label, tuning and a time.
"""
import argparse, json, os, shlex, shutil, signal, statistics, subprocess, sys, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import mkconf

TICK = os.sysconf("SC_CLK_TCK")


def log(*a):
    print(*a, file=sys.stderr, flush=True)


def cpu_of(pid):
    """user+sys seconds from /proc/PID/stat"""
    with open(f"/proc/{pid}/stat") as f:
        r = f.read().rsplit(")", 1)[1].split()
    return (int(r[11]) + int(r[12])) / TICK


def kb_of(pid, key="VmRSS"):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    return -1


def private_kb(pid):
    t = 0
    with open(f"/proc/{pid}/smaps_rollup") as f:
        for line in f:
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                t += int(line.split()[1])
    return t


def loadavg():
    return float(open("/proc/loadavg").read().split()[0])


class Sut:
    def __init__(self, a):
        self.a = a
        self.wrap = shlex.split(a.wrap)     # clients
        self.dwrap = self.wrap if a.daemon_wrap is None else shlex.split(a.daemon_wrap)
        self.d = os.path.join(a.work, a.label)
        self.ctld = None
        self.fleet = None
        self.slurmds = []
        os.makedirs(self.d, exist_ok=True)

    # ---- configuration and processes -------------------------------------
    def conf(self, nodes=10, real=0, tuning=None, extra=(), fresh=True):
        self.nodes, self.real = nodes, real
        if fresh:
            for x in os.listdir(self.d):
                p = os.path.join(self.d, x)
                shutil.rmtree(p) if os.path.isdir(p) else os.unlink(p)
        self.tuning = tuning or self.a.tuning
        ex = list(extra) + [x for x in (self.a.extra or [])]
        self.cf = mkconf.conf(self.d, nodes, self.tuning, self.a.port,
                              self.a.node_port, self.a.munge, self.a.cpus,
                              real=real, extra=ex)
        with open(f"{self.d}/cgroup.conf", "w") as f:
            f.write("CgroupPlugin=disabled\n" if self.a.cgroup_off else "")
        self.env = dict(os.environ, SLURM_CONF=self.cf, LC_ALL="C")

    def popen(self, cmd, name, wrap=None):
        out = open(f"{self.d}/{name}.out", "ab")
        return subprocess.Popen((self.dwrap if wrap is None else wrap) + cmd, env=self.env, stdout=out,
                                stderr=out, stdin=subprocess.DEVNULL,
                                start_new_session=True)

    def start(self, wait="ping", timeout=120):
        self.ctld = self.popen(shlex.split(self.a.ctld) + ["-D", "-f", self.cf], "ctld")
        if not os.path.exists(f"{self.a.bin}/sbench"):
            return self.wait_ping(timeout)
        r = self.sb("wait-up", "--what", wait, "--timeout", timeout, "--port", self.a.port)
        if not r or not r.get("ok"):
            raise SystemExit(f"controller did not answer, see {self.d}/ctld.out")
        return r["seconds"]

    def wait_ping(self, timeout):
        t0 = time.time()
        while time.time() - t0 < timeout:
            if "UP" in self.client("scontrol", "ping")[1]:
                return time.time() - t0
            time.sleep(.1)
        raise SystemExit(f"controller did not answer, see {self.d}/ctld.out")

    def start_fleet(self, nodes=None, runtime=0, wait=True, extra=()):
        nodes = nodes or self.nodes
        self.fstat = f"{self.d}/fleet.json"
        if os.path.exists(self.fstat):
            os.unlink(self.fstat)
        self.fleet = self.popen(
            [self.a.fleet, "--proto", str(self.a.proto), "--nodes", str(nodes),
             "--cpus", str(self.a.cpus), "--port", str(self.a.node_port),
             "--ctld-port", str(self.a.port), "--munge", self.a.munge,
             "--version", self.a.version, "--runtime", str(runtime),
             "--stats", self.fstat, *extra], "fleet", wrap=[])
        t0 = time.time()
        while wait and time.time() - t0 < 120:
            f = self.fleet_stats()
            if f and f["registered"] >= nodes:
                break
            time.sleep(0.3)
        return time.time() - t0

    def fleet_stats(self):
        try:
            return json.load(open(self.fstat))
        except Exception:
            return None

    def start_slurmds(self, n):
        for i in range(n):
            p = self.popen(shlex.split(self.a.slurmd) +
                           ["-D", "-f", self.cf, "-N", f"r{i+1}"], f"slurmd{i+1}")
            self.slurmds.append(p)
        t0 = time.time()
        while time.time() - t0 < 60 + n / 2:
            o = self.client("sinfo", "-h", "-o", "%t:%D")[1].split()
            if o == [f"idle:{n}"]:
                return
            time.sleep(0.5)
        log("slurmds not all idle:", o)

    def kill9(self):
        self.kill_tree(self.ctld, signal.SIGKILL)
        self.ctld = None

    def kill_tree(self, p, sig):
        """signal our own child and the children it made (script helper)"""
        kids = []
        try:
            kids = open(f"/proc/{p.pid}/task/{p.pid}/children").read().split()
        except OSError:
            pass
        try:
            p.send_signal(sig)
        except ProcessLookupError:
            pass
        try:
            p.wait(60)
        except subprocess.TimeoutExpired:
            p.kill()
            p.wait()
        for k in kids:
            try:
                os.kill(int(k), signal.SIGKILL)
            except OSError:
                pass

    def stop(self):
        for p in self.slurmds + [self.fleet]:
            if p:
                self.kill_tree(p, signal.SIGTERM)
        self.slurmds, self.fleet = [], None
        if self.ctld:
            self.kill_tree(self.ctld, signal.SIGTERM)
            self.ctld = None

    # ---- client side -------------------------------------------------------
    def sb(self, *args, timeout=1200):
        cmd = self.wrap + [f"{self.a.bin}/sbench"] + [str(x) for x in args]
        cmd += ["--label", self.a.label]
        if self.ctld:
            cmd += ["--pid", str(self.ctld.pid)]
        p = subprocess.run(cmd, env=self.env, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, timeout=timeout)
        try:
            return json.loads(p.stdout.decode().strip().splitlines()[-1])
        except Exception:
            return None

    def client(self, *args, timeout=120):
        t = time.time()
        p = subprocess.run(self.wrap + list(args), env=self.env, cwd="/",
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=timeout)
        return time.time() - t, p.stdout.decode(), p.returncode

    def emit(self, r, **kw):
        if r is None:
            r = {"error": "no result"}
        r = dict(r)
        r["label"] = self.a.label
        r["tuning"] = self.tuning
        r.update(kw)
        r["load"] = loadavg()
        r["t"] = int(time.time())
        print(json.dumps(r), flush=True)
        return r


# ---- benches ---------------------------------------------------------------
def b_submit(s, a):
    """(a) submission: held, array, runnable; 1/8/32 clients"""
    for mode in a.modes.split(","):
        for c in [int(x) for x in a.clients.split(",")]:
            for rep in range(a.reps):
                s.conf(nodes=a.nodes)
                s.start()
                n = a.count
                ex = []
                if mode == "held":
                    ex = ["--hold"]
                elif mode == "array":
                    ex = ["--hold", "--array", 100]
                    n = max(200, n // 4)
                elif mode == "run":
                    s.start_fleet()
                s.emit(s.sb("submit", "--clients", c, "--count", n, *ex),
                       mode=mode, rep=rep)
                s.stop()


def b_query(s, a):
    """(b)+(d) query cost and memory against jobs"""
    s.conf(nodes=a.nodes)
    s.start()
    have = 0
    base = kb_of(s.ctld.pid)
    for j in [int(x) for x in a.jobs.split(",")]:
        if j > have:
            s.sb("submit", "--clients", 8, "--count", j - have, "--hold")
            have = j
            time.sleep(6)       # let the periodic state save finish
        s.emit({"bench": "memory", "when": "before-query", "jobs": j, "nodes": a.nodes,
                "rss_kb": kb_of(s.ctld.pid), "private_kb": private_kb(s.ctld.pid),
                "base_kb": base,
                "kb_per_job": (kb_of(s.ctld.pid) - base) / j if j else 0})
        for what in ("jobs", "nodes", "parts", "ping"):
            s.emit(s.sb("query", "--what", what, "--calls", a.calls,
                        "--seconds", 20), jobs=j, nodes=a.nodes)
        s.emit({"bench": "memory", "when": "after-query", "jobs": j, "nodes": a.nodes,
                "rss_kb": kb_of(s.ctld.pid), "hwm_kb": kb_of(s.ctld.pid, "VmHWM"),
                "private_kb": private_kb(s.ctld.pid), "base_kb": base,
                "kb_per_job": (kb_of(s.ctld.pid) - base) / j if j else 0})
    s.stop()


def b_nodes(s, a):
    """(b)+(d) query cost and memory against nodes"""
    for n in [int(x) for x in a.node_list.split(",")]:
        s.conf(nodes=n)
        up = s.start(timeout=300)
        time.sleep(3)
        for what in ("nodes", "parts"):
            s.emit(s.sb("query", "--what", what, "--calls", a.calls,
                        "--seconds", 20), jobs=0, nodes=n)
        s.emit({"bench": "memory", "jobs": 0, "nodes": n, "start_s": up,
                "rss_kb": kb_of(s.ctld.pid), "private_kb": private_kb(s.ctld.pid)})
        s.stop()


def b_storm(s, a):
    """(b) submissions while squeue-like clients poll the whole queue

    A fresh controller for every point, exactly --jobs held jobs to begin with.
    Clients share the host with the controller: keep --pause above zero, or the
    pollers' own unpacking starves the daemon and the figure says nothing."""
    for j in [int(x) for x in a.jobs.split(",")]:
        for pollers in [int(x) for x in a.pollers.split(",")]:
            s.conf(nodes=a.nodes)
            s.start()
            if j:
                s.sb("submit", "--clients", 8, "--count", j, "--hold")
            time.sleep(6)
            s.emit(s.sb("storm", "--pollers", pollers, "--submitters", a.submitters,
                        "--seconds", a.seconds, "--what", "jobs", "--hold",
                        "--pause", a.pause, "--submit-pause", a.submit_pause),
                   jobs=j, pause=a.pause, submit_pause=a.submit_pause)
            s.stop()


def b_e2e(s, a):
    """(c) jobs started and completed per second, tasks instant"""
    for n in [int(x) for x in a.node_list.split(",")]:
        for rep in range(a.reps):
            s.conf(nodes=n)
            s.start()
            reg = s.start_fleet(n)
            time.sleep(2)
            m0 = cpu_of(int(open(os.path.join(os.path.dirname(a.munge), "pid")).read()))
            ex = ["--array", a.array] if a.array else []
            r = s.sb("e2e", "--clients", 8, "--count", a.count, "--seconds",
                     a.seconds, *ex, timeout=a.seconds + 60)
            m1 = cpu_of(int(open(os.path.join(os.path.dirname(a.munge), "pid")).read()))
            st = s.sb("stats") or {}
            s.emit(r, nodes=n, rep=rep, register_s=round(reg, 2), munged_cpu_s=m1 - m0,
                   fleet_cpu_s=cpu_of(s.fleet.pid), fleet=s.fleet_stats(),
                   sched_mean_us=st.get("sched_mean_us"),
                   sched_cycles=st.get("sched_cycles"), bf_cycles=st.get("bf_cycles"))
            s.stop()


def script_start(s, n, gap):
    """sbatch until the script runs; gap = pause after the previous one ran"""
    v = []
    for i in range(n):
        time.sleep(gap)
        mark = f"{s.d}/mark.{i}"
        t0 = time.time()
        s.client("sbatch", "-N1", "-o", "/dev/null", "--wrap", f"echo x > {mark}")
        while not os.path.exists(mark) and time.time() - t0 < 60:
            time.sleep(0.001)
        v.append((time.time() - t0) * 1e3)
        if os.path.exists(mark):
            os.unlink(mark)
    v.sort()
    s.emit({"bench": "latency", "what": "sbatch-to-script-start", "gap_s": gap, "n": n,
            "p50_ms": statistics.median(v), "p90_ms": v[int(.9 * (n - 1))],
            "min_ms": v[0], "max_ms": v[-1]})


def b_start(s, a):
    """(e) only the batch start latency, close together and far apart"""
    s.conf(real=6)
    s.start()
    s.start_slurmds(6)
    time.sleep(5)
    for gap in (0.2, 5.0):
        script_start(s, a.n, gap)
    s.stop()


def b_real(s, a):
    """(c)+(e) real node daemons on this host: throughput, launch, RSS, idle"""
    s.conf(real=6)
    s.start()
    s.start_slurmds(6)
    time.sleep(5)
    pids = [p.pid for p in s.slurmds]
    s.emit({"bench": "slurmd-rss", "rss_kb": statistics.median(kb_of(p) for p in pids),
            "private_kb": statistics.median(private_kb(p) for p in pids),
            "threads": kb_of(pids[0], "Threads"),
            "ctld_rss_kb": kb_of(s.ctld.pid)})
    c0, d0, t0 = [cpu_of(p) for p in pids], cpu_of(s.ctld.pid), time.time()
    time.sleep(a.idle)
    dt = time.time() - t0
    s.emit({"bench": "idle-cpu", "seconds": dt,
            "slurmd_cpu_ms_per_min": 60e3 * sum(cpu_of(p) - c for p, c in zip(pids, c0)) / len(pids) / dt,
            "ctld_cpu_ms_per_min": 60e3 * (cpu_of(s.ctld.pid) - d0) / dt})

    def series(name, n, cmd):
        v, bad = [], 0
        c, k = cpu_of(s.ctld.pid), sum(cpu_of(p) for p in pids)
        for _ in range(n):
            t, o, rc = s.client(*cmd)
            v.append(t * 1e3)
            bad += rc != 0
            if rc and bad == 1:
                log(name, o[:400])
        c = cpu_of(s.ctld.pid) - c
        k = sum(cpu_of(p) for p in pids) - k
        v.sort()
        s.emit({"bench": "latency", "what": name, "n": n, "failed": bad,
                "p50_ms": statistics.median(v), "p90_ms": v[int(.9 * (n - 1))],
                "min_ms": v[0], "max_ms": v[-1], "ctld_cpu_ms_each": c * 1e3 / n,
                "slurmd_cpu_ms_each": k * 1e3 / n})

    n = a.n
    series("srun-version(no RPC)", n, ["srun", "--version"])
    series("srun-1node", n, ["srun", "-N1", "-n1", "hostname"])
    series("srun-4node", n, ["srun", "-N4", "-n4", "hostname"])
    series("salloc-true", n, ["salloc", "-N1", "true"])
    series("sbatch-submit", n, ["sbatch", "-N1", "-o", "/dev/null", "--wrap", "true"])
    time.sleep(5)
    # step launch inside one allocation
    inner = ("s=$(date +%s%N); for i in $(seq 20); do srun -N1 -n1 true; done; "
             "e=$(date +%s%N); echo $(( (e-s)/20000 ))")
    t, o, rc = s.client("salloc", "-N1", "sh", "-c", inner, timeout=300)
    num = [x for x in o.splitlines() if x.strip().isdigit()]
    if num:
        s.emit({"bench": "latency", "what": "srun-step-in-alloc", "n": 20,
                "mean_ms": int(num[-1]) / 1e3})
    else:
        log("step series:", o[-300:])
    n = max(8, n // 4)
    for gap in (0.2, 5.0):
        script_start(s, n, gap)
    # batch: submit to job recorded as completed
    v = []
    for i in range(n):
        r = s.sb("e2e", "--clients", 1, "--count", 1, "--seconds", 30)
        if r and r["completed"]:
            v.append(r["wall_s"] * 1e3)
    v.sort()
    if v:
        s.emit({"bench": "latency", "what": "submit-to-completed", "n": len(v),
                "p50_ms": statistics.median(v), "p90_ms": v[int(.9 * (len(v) - 1))],
                "min_ms": v[0], "max_ms": v[-1]})
    # throughput with real daemons
    k = sum(cpu_of(p) for p in pids)
    r = s.sb("e2e", "--clients", 4, "--count", a.count, "--seconds", 240)
    k = sum(cpu_of(p) for p in pids) - k
    s.emit(r, nodes=6, real=1, slurmd_cpu_s=k)
    s.emit({"bench": "slurmd-rss-after", "rss_kb": statistics.median(kb_of(p) for p in pids),
            "private_kb": statistics.median(private_kb(p) for p in pids)})
    s.stop()


def b_recover(s, a):
    """(f) kill -9 with many jobs, time to the first answered RPC, jobs lost"""
    for j in [int(x) for x in a.jobs.split(",")]:
        s.conf(nodes=a.nodes)
        s.start()
        ids = f"{s.d}/acked"
        s.sb("submit", "--clients", 8, "--count", j, "--hold", "--ids", ids)
        time.sleep(a.settle)
        for rep in range(a.reps):
            s.kill9()
            t0 = time.time()
            w = s.start(wait="jobs", timeout=600)
            cpu = cpu_of(s.ctld.pid)
            c = s.sb("check", "--ids", ids)
            sz = sum(os.path.getsize(os.path.join(r, f))
                     for r, _, fs in os.walk(f"{s.d}/state") for f in fs)
            nf = sum(len(fs) for _, _, fs in os.walk(f"{s.d}/state"))
            s.emit(dict(c or {}, bench="recover", jobs=j, up_s=w, start_cpu_s=cpu,
                        state_bytes=sz, state_files=nf), rep=rep, settle=a.settle)
            time.sleep(2)
        s.stop()


def b_queue(s, a):
    """(b)+(d)+(f) one deep queue: memory, whole queries, files, restart"""
    s.conf(nodes=a.nodes)
    s.start()
    base = kb_of(s.ctld.pid)
    j = int(a.jobs.split(",")[0])
    ids = f"{s.d}/acked"
    s.sb("submit", "--clients", 8, "--count", j, "--hold", "--ids", ids)
    time.sleep(a.settle)        # stock saves its state every 5 s

    def memory(when):
        s.emit({"bench": "memory", "when": when, "jobs": j, "nodes": a.nodes,
                "rss_kb": kb_of(s.ctld.pid), "base_kb": base,
                "kb_per_job": (kb_of(s.ctld.pid) - base) / j})

    memory("before-query")
    s.emit(s.sb("query", "--what", "jobs", "--calls", a.calls, "--seconds", 20),
           jobs=j, nodes=a.nodes)
    memory("after-query")
    time.sleep(6)
    memory("after-query-6s")
    s.kill9()
    size, files = 0, 0
    for r, _, fs in os.walk(f"{s.d}/state"):
        for x in fs:
            size += os.path.getsize(os.path.join(r, x))
            files += 1
    up = s.start(wait="jobs", timeout=600)
    cpu = cpu_of(s.ctld.pid)
    s.emit(s.sb("check", "--ids", ids), bench="recover", jobs=j, up_s=up, start_cpu_s=cpu,
           state_bytes=size, state_files=files)
    s.stop()


def b_durable(s, a):
    """(f) acknowledged submissions lost by kill -9 at once"""
    for k in [int(x) for x in a.jobs.split(",")]:
        for delay in [float(x) for x in a.delays.split(",")]:
            for rep in range(a.reps):
                s.conf(nodes=10)
                s.start()
                time.sleep(7)           # past the first periodic save
                ids = f"{s.d}/acked"
                r = s.sb("submit", "--clients", 4, "--count", k, "--hold", "--ids", ids)
                time.sleep(delay)
                s.kill9()
                s.start(wait="jobs", timeout=600)
                c = s.sb("check", "--ids", ids)
                # is the number of a lost job handed out a second time?
                s.sb("submit", "--count", 1, "--hold", "--ids", ids + ".new")
                new = int(open(ids + ".new").read().split()[0])
                top = max(int(x) for x in open(ids))
                s.emit(dict(c or {}, bench="durable", acked_in_s=r["wall_s"] if r else None),
                       delay_s=delay, rep=rep, max_acked_id=top, next_id=new,
                       id_reused=new <= top)
                s.stop()


def b_window(s, a):
    """(f) steady submissions, kill -9 at a random moment: seconds of loss"""
    import random
    for rep in range(a.reps):
        s.conf(nodes=10)
        s.start()
        ids = f"{s.d}/acked"
        cmd = s.wrap + [f"{a.bin}/sbench", "submit", "--clients", "2", "--count", "1000000",
                        "--hold", "--env-kb", "1"]
        # paced stream: one sbench per burst of 20, so each ack is on disk
        log_ids = open(ids, "w")
        end = time.time() + 8 + random.random() * 6
        marks = []
        while time.time() < end:
            p = subprocess.run(s.wrap + [f"{a.bin}/sbench", "submit", "--clients", "1", "--count",
                               "20", "--hold", "--ids", ids + ".b"], env=s.env,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for x in open(ids + ".b"):
                marks.append((time.time(), int(x)))
            time.sleep(0.05)
        tk = time.time()
        s.kill9()
        for _, x in marks:
            log_ids.write(f"{x}\n")
        log_ids.close()
        s.start(wait="jobs", timeout=600)
        c = s.sb("check", "--ids", ids)
        fl = c["first_lost"]
        age = max([tk - t for t, x in marks if fl and x >= fl], default=0.0)
        s.emit(dict(c, bench="window", loss_window_s=round(age, 3)), rep=rep)
        s.stop()


def b_backfill(s, a):
    """(g) scheduling cycle cost with a deep queue on a full machine"""
    for j in [int(x) for x in a.jobs.split(",")]:
        s.conf(nodes=a.nodes)
        s.start()
        s.start_fleet(a.nodes, runtime=100000000)
        time.sleep(2)
        # fill every node with a whole-node job that outlives the bench
        s.sb("submit", "--clients", 8, "--count", a.nodes, "--cpus", a.cpus,
             "--time-limit", 600, "--spread-limit", 600)
        t0 = time.time()
        while time.time() - t0 < 180:
            st = s.sb("stats")
            c = s.sb("count")
            if c and c["running"] >= a.nodes:
                break
            time.sleep(2)
        run = c["running"]
        # the queue: 1..8 node jobs of varied length
        per = j // 4
        for nn in (1, 2, 4, 8):
            s.sb("submit", "--clients", 8, "--count", per, "--nodes", nn, "--cpus",
                 a.cpus, "--time-limit", 30, "--spread-limit", 300)
        s.sb("reset")
        c0, t0 = cpu_of(s.ctld.pid), time.time()
        st = {}
        while time.time() - t0 < a.seconds:
            time.sleep(5)
            st = s.sb("stats") or st
            if st.get("bf_cycles", 0) >= a.cycles:
                break
        c1, t1 = cpu_of(s.ctld.pid), time.time()
        s.emit(dict(st, bench="backfill"), jobs=j, nodes=a.nodes, running=run,
               ctld_cpu_s=c1 - c0, ctld_cores=(c1 - c0) / (t1 - t0), window_s=t1 - t0,
               us_per_tested_job=(st.get("bf_mean_us", 0) / st["bf_last_depth_try"]
                                  if st.get("bf_last_depth_try") else None))
        # a submitter every 50 ms for longer than one backfill interval
        b0 = (s.sb("stats") or {}).get("bf_cycles", 0)
        r = s.sb("storm", "--pollers", 0, "--submitters", 1, "--seconds", 40,
                 "--submit-pause", 0.05, "--hold")
        b1 = (s.sb("stats") or {}).get("bf_cycles", 0)
        s.emit(r, jobs=j, mode="with-backfill", bf_cycles_seen=b1 - b0)
        s.stop()


def b_tree(s, a):
    """(h) batch jobs, pings and epilogs of emulated nodes"""
    import tree
    tree.emulated(s, a)


def b_mixed(s, a):
    """(i) clients of several releases beside each other (ours alone counts packings)"""
    import mixed
    mixed.mixed(s, a)


def b_lost(s, a):
    """(h) nodes that are gone when something is to be sent through them"""
    import tree
    tree.lost(s, a)


def b_realtree(s, a):
    """(h) srun and sbatch over hundreds of real node daemons"""
    import tree
    tree.real(s, a)


BENCHES = {k[2:]: v for k, v in globals().items() if k.startswith("b_")}


def main():
    p = argparse.ArgumentParser(fromfile_prefix_chars="@")
    p.add_argument("bench", choices=sorted(BENCHES))
    p.add_argument("--label", required=True)
    p.add_argument("--wrap", default="")
    p.add_argument("--daemon-wrap", help="as --wrap, for the daemons (default: the same)")
    p.add_argument("--fleet", default="fleet")
    p.add_argument("--ctld", default="slurmctld")
    p.add_argument("--slurmd", default="slurmd")
    p.add_argument("--bin", required=True)
    p.add_argument("--work", required=True)
    p.add_argument("--munge", required=True)
    p.add_argument("--proto", type=int, default=38)
    p.add_argument("--version", default="22.05.8")
    p.add_argument("--port", type=int, default=6917)
    p.add_argument("--node-port", type=int, default=7000)
    p.add_argument("--cgroup-off", action="store_true")
    p.add_argument("--extra", action="append")
    p.add_argument("--tuning", default="default", choices=list(mkconf.TUNING))
    p.add_argument("--nodes", type=int, default=10)
    p.add_argument("--node-list", default="10,1000,10000")
    p.add_argument("--cpus", type=int, default=4)
    p.add_argument("--clients", default="1,8,32")
    p.add_argument("--modes", default="held,array,run")
    p.add_argument("--count", type=int, default=2000)
    p.add_argument("--array", type=int, default=0)
    p.add_argument("--calls", type=int, default=50)
    p.add_argument("--jobs", default="0,1000,10000,50000")
    p.add_argument("--pollers", default="32")
    p.add_argument("--submitters", type=int, default=1)
    p.add_argument("--pause", type=float, default=4)
    p.add_argument("--submit-pause", type=float, default=0.05)
    p.add_argument("--seconds", type=float, default=120)
    p.add_argument("--settle", type=float, default=15)
    p.add_argument("--delays", default="0,2,6,12")
    p.add_argument("--cycles", type=int, default=3)
    p.add_argument("--idle", type=float, default=60)
    p.add_argument("--reps", type=int, default=1)
    p.add_argument("-n", type=int, default=50)
    p.add_argument("--widths", default="16,50,0", help="TreeWidth; 0: the default")
    p.add_argument("--others", help="RELEASE=WRAP;... further clients")
    p.add_argument("--how", default="refuse", choices=("refuse", "silent"))
    a = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if subprocess.run(["munge", "-n", "-S", a.munge], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
        sys.exit(f"no munged answers at {a.munge}: start one, see run")
    s = Sut(a)
    try:
        BENCHES[a.bench](s, a)
    finally:
        s.stop()


if __name__ == "__main__":
    main()
