#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dependencies and job arrays."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def depend():
    good = sbatch("-p normal -o none", wrap="sleep .5")
    a = sbatch(f"-p normal -o none --dependency=afterok:{good}", wrap="true")
    like(run(f"squeue -h -j {a} -o '%t %r %E'").out, rf"^PD Dependency afterok:{good}", "afterok waits")
    same(wait_end(a), "COMPLETED", "and runs")
    bad = sbatch("-p normal -o none", wrap="sleep .3; exit 1")
    notok = sbatch(f"-p normal -o none --dependency=afternotok:{bad}", wrap="true")
    anyj = sbatch(f"-p normal -o none --dependency=afterany:{bad}", wrap="true")
    never = sbatch(f"-p normal -o none --dependency=afterok:{bad}", wrap="true")
    kill = sbatch(f"-p normal -o none --kill-on-invalid-dep=yes --dependency=afterok:{bad}", wrap="true")
    same(wait_end(notok), "COMPLETED", "afternotok")
    same(wait_end(anyj), "COMPLETED", "afterany")
    ok(wait_for(lambda: run(f"squeue -h -j {never} -o %r").out == "DependencyNeverSatisfied\n", 10),
       "DependencyNeverSatisfied")
    same(wait_end(kill), "CANCELLED", "--kill-on-invalid-dep")
    run(["scancel", never])
    one = sbatch("-p normal -o none -J single", wrap="sleep 1")
    two = sbatch("-p normal -o none -J single --dependency=singleton", wrap="true")
    wait_state(one, "RUNNING")
    like(run(f"squeue -h -j {two} -o %r").out, "Dependency", "singleton waits")
    same(wait_end(two), "COMPLETED", "and runs")
    start = lambda j: job(j)["StartTime"]
    ok(start(two) >= job(one)["EndTime"], "after the other")
    many = sbatch(f"-p normal -o none -d afterok:{good}:{a},afterany:{bad}", wrap="true")
    same(wait_end(many), "COMPLETED", "several kinds")
    either = sbatch("-p normal -o none --hold", wrap="true")
    any2 = sbatch(f"-p normal -o none -d 'afterany:{good}?afterany:{either}'", wrap="true")
    same(wait_end(any2), "COMPLETED", "one of them")
    aft = sbatch(f"-p normal -o none -d after:{good}", wrap="true")
    same(wait_end(aft), "COMPLETED", "after")
    run(["scancel", either])


def arrays():
    a = sbatch("-p normal --array=1-3 -o arr-%A_%a.out",
               wrap="echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_COUNT $SLURM_ARRAY_TASK_MIN $SLURM_ARRAY_TASK_MAX $SLURM_ARRAY_TASK_STEP")
    ok(wait_for(lambda: run("squeue -h").out == "", 15), "an array ends")
    for i in (1, 2, 3):
        same(slurp(shared(f"arr-{a}_{i}.out"), 3), f"{a} {i} 3 1 3 1\n", f"task {i}")
    r = run(f"scontrol show job {a}_2")
    like(r.out, rf"ArrayJobId={a} ArrayTaskId=2", "show job of one task")
    a = sbatch("-p normal --hold --array=0-9:3%2 -J arr -o none", wrap="sleep 30")
    like(run(f"squeue -h -j {a} -o '%i %F %K %t'").out, rf"^{a}_\[0,3,6,9%2\] {a} 0,3,6,9%2 PD$|^{a}_\[0-9:3%2\] {a} 0-9:3%2 PD$",
         "pending tasks in one line")
    same(len(run(f"squeue -h -r -j {a}").out.splitlines()), 4, "squeue -r shows each")
    check(f"scancel {a}_9", out="")
    same(len(run(f"squeue -h -r -j {a}").out.splitlines()), 3, "one task is cancelled")
    check(f"scontrol release {a}", out="")
    ok(wait_for(lambda: len(run(f"squeue -h -t R -j {a}").out.splitlines()) == 2, 15), "%2: two run at a time")
    time.sleep(.5)
    same(len(run(f"squeue -h -t R -j {a}").out.splitlines()), 2, "and not more")
    like(run(f"squeue -h -t PD -j {a} -o %r").out, "JobArrayTaskLimit", "the third waits for them")
    check(f"scancel {a}_[0,3]", out="")
    ok(wait_for(lambda: run(f"squeue -h -t R -j {a} -o %i").out == f"{a}_6\n", 20), "then the third runs")
    check(f"scancel {a}", out="")
    ok(wait_for(lambda: run("squeue -h").out == "", 15), "scancel takes the whole array")
    a = sbatch("-p normal --array=1,5-6 -o none", wrap="[ $SLURM_ARRAY_TASK_ID != 5 ]")
    d = sbatch(f"-p normal -o none --dependency=afterany:{a}", wrap="true")
    e = sbatch(f"-p normal -o none --dependency=afterok:{a}_6", wrap="true")
    same(wait_end(e), "COMPLETED", "dependency on one task")
    same(wait_end(d), "COMPLETED", "dependency on an array")
    same([re.search(r"JobState=(\w+)", run(f"scontrol show job {a}_{i}").out).group(1) for i in (1, 5, 6)],
         ["COMPLETED", "FAILED", "COMPLETED"], "each task has its own end")
    c = sbatch("-p normal --array=1-2 -o corr-%a -d aftercorr:" + a.replace(a, sbatch("-p normal --array=1-2 -o none", wrap="true")), wrap="true")
    ok(wait_for(lambda: run(f"squeue -h -j {c}").out == "", 15), "aftercorr")


def end():
    ok(cancel_all(), "nothing is left behind")


main(depend, arrays, end)
