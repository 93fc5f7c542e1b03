# SPDX-License-Identifier: Apache-2.0
"""What clients of several releases cost beside each other.

Ours packs a record once for each release in use and each change of it, and
says how many in its log at debug.  Clients poll the whole queue and all nodes;
a submitter changes the queue meanwhile.
"""
import re
import shlex
import subprocess
import time

import bench

CLIENTS = 4             # of each release, each polls once a second


def mixed(s, a):
    s.conf(nodes=a.nodes, extra=["SlurmctldDebug=debug"])
    s.start()
    s.start_fleet(a.nodes)
    jobs = int(a.jobs.split(",")[0])
    s.sb("submit", "--clients", 8, "--count", jobs, "--hold")
    wraps = {"22.05": s.wrap} | {x.partition("=")[0]: shlex.split(x.partition("=")[2])
                                 for x in (a.others or "").split(";") if x}
    names = sorted(wraps)
    for n in range(1, len(names) + 1):
        phase(s, a, jobs, {r: wraps[r] for r in names[:n]}, False)
        phase(s, a, jobs, {r: wraps[r] for r in names[:n]}, True)
    s.stop()


def phase(s, a, jobs, wraps, changing):
    polls, procs = 0, {}
    time.sleep(5)               # views of the phase before are gone
    at = len(log_of(s))
    c0, t0 = bench.cpu_of(s.ctld.pid), time.monotonic()
    due = {(r, k): t0 + k / CLIENTS for r in wraps for k in range(CLIENTS)}
    feed = None
    if changing:
        feed = subprocess.Popen(s.wrap + [f"{s.a.bin}/sbench", "storm", "--pollers", "0", "--submitters", "1",
                                          "--seconds", str(a.seconds), "--submit-pause", "0.1", "--hold"],
                                env=s.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    while time.monotonic() - t0 < a.seconds:
        for key, when in due.items():
            if time.monotonic() < when or (key in procs and procs[key].poll() is None):
                continue
            if key in procs:
                polls += 1
            cmd = "squeue -h -a -o %i; sinfo -h -a -N -o %N"
            procs[key] = subprocess.Popen(wraps[key[0]] + ["sh", "-c", cmd], env=s.env, cwd="/",
                                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            due[key] = max(when + 1, time.monotonic())
        time.sleep(.02)
    for p in procs.values():
        p.wait()
    if feed:
        feed.wait()
    dt, c1 = time.monotonic() - t0, bench.cpu_of(s.ctld.pid)
    time.sleep(3)               # the last count is said when nobody asks any more
    sums = [0] * 4
    for m in re.finditer(r"views: (\d+) answers of (\d+) bytes in \d+ releases, (\d+) records of (\d+) bytes",
                         log_of(s)[at:]):
        sums = [x + int(y) for x, y in zip(sums, m.groups())]
    s.emit({"bench": "mixed", "releases": len(wraps), "changing": changing, "jobs": jobs, "nodes": a.nodes,
            "clients": len(wraps) * CLIENTS, "polls_per_s": polls / dt, "answers": sums[0],
            "answer_mb": sums[1] / 1e6, "records_packed": sums[2], "packed_mb": sums[3] / 1e6,
            "packs_per_s": sums[2] / dt, "packs_per_s_and_release": sums[2] / dt / len(wraps),
            "packed_mb_per_s": sums[3] / 1e6 / dt, "ctld_cpu_ms_per_s": (c1 - c0) * 1e3 / dt})


def log_of(s):
    with open(f"{s.d}/ctld.log", errors="replace") as f:
        return f.read()
