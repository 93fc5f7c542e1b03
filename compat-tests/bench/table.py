#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of run, from the result lines of the four systems.

usage: table.py RESULTS_DIR

A figure is the median of its repetitions.  Ratios are ours / stock with the
clients of the same release; below 1 is better, except for rates.
"""
import json
import os
import statistics
import sys

RELEASES = ("22.05", "26.05")

# text, which lines, which figure, format, and how repetitions become one number
# (median; min for CPU too, to which other processes only ever add)
ROWS = [
    ("acknowledged jobs lost, kill -9 at once (of 500)",
     dict(bench="durable", delay_s=0.0), "lost", "%d"),
    ("... 3 s later", dict(bench="durable", delay_s=3.0), "lost", "%d"),
    ("job ids issued again (1: yes)", dict(bench="durable"), "id_reused", "%d", max),
    ("controller CPU s per 1,000 submits, median", dict(bench="submit", clients=1),
     "cpu_s_per_1k_rpc", "%.2f"),
    ("... quietest", dict(bench="submit", clients=1), "cpu_s_per_1k_rpc", "%.2f", min),
    ("... 8 clients", dict(bench="submit", clients=8), "cpu_s_per_1k_rpc", "%.2f"),
    ("... 32 clients", dict(bench="submit", clients=32), "cpu_s_per_1k_rpc", "%.2f"),
    ("submits/s, 32 clients", dict(bench="submit", clients=32), "jobs_per_s", "%.0f"),
    ("submit p99 ms, 32 clients poll 10,000 jobs every 4 s",
     dict(bench="storm", pause=4.0), "submit_p99_ms", "%.0f"),
    ("... p50 ms", dict(bench="storm", pause=4.0), "submit_p50_ms", "%.1f"),
    ("submit p99 ms, 32 clients poll without a pause",
     dict(bench="storm", pause=0.0), "submit_p99_ms", "%.0f"),
    ("... p50 ms", dict(bench="storm", pause=0.0), "submit_p50_ms", "%.1f"),
    ("... submits/s", dict(bench="storm", pause=0.0), "submits_per_s", "%.1f"),
    ("... polls/s", dict(bench="storm", pause=0.0), "polls_per_s", "%.0f"),
    ("sbatch to the script's first line, p50 ms, back to back",
     dict(what="sbatch-to-script-start", gap_s=0.2), "p50_ms", "%.0f"),
    ("... 5 s apart", dict(what="sbatch-to-script-start", gap_s=5.0), "p50_ms", "%.0f"),
    ("instant jobs/s, 6 nodes of 4, default",
     dict(bench="e2e", nodes=6, tuning="default", real=None), "jobs_per_s", "%.0f"),
    ("... stock tuned for it", dict(bench="e2e", nodes=6, tuning="fast", real=None),
     "jobs_per_s", "%.0f"),
    ("... six real node daemons", dict(bench="e2e", nodes=6, real=1), "jobs_per_s", "%.0f"),
    ("instant jobs/s, 100 nodes, tuned", dict(bench="e2e", nodes=100), "jobs_per_s", "%.0f"),
    ("... controller CPU s per 1,000 jobs", dict(bench="e2e", nodes=100),
     "cpu_s_per_1k_jobs", "%.2f"),
    ("instant jobs/s, 1,000 nodes, tuned", dict(bench="e2e", nodes=1000), "jobs_per_s",
     "%.0f"),
    ("... controller CPU s per 1,000 jobs", dict(bench="e2e", nodes=1000),
     "cpu_s_per_1k_jobs", "%.2f"),
    ("whole queue of 50,000 jobs, controller CPU ms",
     dict(bench="query", what="jobs", jobs=50000), "ctld_cpu_ms_per_call", "%.0f"),
    ("memory per pending job, kB", dict(bench="memory", when="before-query", jobs=50000),
     "kb_per_job", "%.2f"),
    ("... right after 16 whole queries", dict(bench="memory", when="after-query", jobs=50000),
     "kb_per_job", "%.2f"),
    ("... 6 s after them", dict(bench="memory", when="after-query-6s", jobs=50000),
     "kb_per_job", "%.2f"),
    ("resident MB: slurmctld, 6 nodes idle", dict(bench="slurmd-rss"), "ctld_rss_kb", "MB"),
    ("... slurmd", dict(bench="slurmd-rss"), "rss_kb", "MB"),
    ("srun hostname, 1 node, p50 ms", dict(what="srun-1node"), "p50_ms", "%.0f"),
    ("... the fastest", dict(what="srun-1node"), "min_ms", "%.0f"),
    ("srun hostname, 4 nodes, p50 ms", dict(what="srun-4node"), "p50_ms", "%.0f"),
    ("... the fastest", dict(what="srun-4node"), "min_ms", "%.0f"),
    ("srun step inside an allocation, mean ms", dict(what="srun-step-in-alloc"), "mean_ms",
     "%.0f"),
    ("salloc true, p50 ms", dict(what="salloc-true"), "p50_ms", "%.0f"),
    ("sbatch, p50 ms", dict(what="sbatch-submit"), "p50_ms", "%.0f"),
    ("50,000 jobs on disk: files", dict(bench="recover", jobs=50000), "state_files", "%d"),
    ("... restart, CPU s to the first answer", dict(bench="recover", jobs=50000),
     "start_cpu_s", "%.2f"),
    ("... lost", dict(bench="recover", jobs=50000), "lost", "%d"),
    ("backfill, 10,000 jobs on 1,000 full nodes: ms a pass", dict(bench="backfill"),
     "bf_mean_us", "ms"),
    ("... jobs tested in it", dict(bench="backfill"), "bf_last_depth_try", "%d"),
    ("... us per job tested", dict(bench="backfill"), "bf_mean_us/bf_last_depth_try", "%.0f"),
    ("... submit p99 ms meanwhile", dict(bench="storm", mode="with-backfill"),
     "submit_p99_ms", "%.0f"),
    ("... submit max ms meanwhile", dict(bench="storm", mode="with-backfill"),
     "submit_max_ms", "%.0f"),
]


def load(d):
    out = {}
    for who in ("stock", "ours"):
        for r in RELEASES:
            try:
                with open(f"{d}/{who}-{r}.jsonl") as f:
                    out[who, r] = [json.loads(x) for x in f if x.startswith("{")]
            except FileNotFoundError:
                out[who, r] = []
    return out


def values(lines, match, fig):
    fig, _, per = fig.partition("/")
    return [float(x[fig]) / (x[per] if per else 1) for x in lines
            if all(x.get(k) == v for k, v in match.items()) and
            x.get(fig) is not None and (not per or x.get(per))]


def show(v, fmt):
    if v is None:
        return "-"
    if fmt == "MB":
        return "%.1f" % (v / 1024)
    if fmt == "ms":
        return "%.0f" % (v / 1000) if v >= 10000 else "%.1f" % (v / 1000)
    return fmt % v


def main():
    d = load(sys.argv[1])
    print("| figure | stock 22.05 | ours | ratio | stock 26.05 | ours | ratio |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for text, match, fig, fmt, *how in ROWS:
        cells = []
        for r in RELEASES:
            v = {}
            for who in ("stock", "ours"):
                x = values(d[who, r], match, fig)
                v[who] = (how[0] if how else statistics.median)(x) if x else None
            ratio = "-"
            if v["stock"] and v["ours"] is not None:
                q = v["ours"] / v["stock"]
                ratio = "%.0f" % q if q >= 10 else "%.2f" % q if q >= 0.01 else "%.4f" % q
            cells += [show(v["stock"], fmt), show(v["ours"], fmt), ratio]
        print(f"| {text} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
