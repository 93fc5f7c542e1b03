#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the node does for a job, seen from inside the job and by its admins."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

# own
C = None
STDERR = r"(slurmstepd(-c1)?:|\[[\d:.T-]+\]) error: "


def setup():
    global C
    C = new_cluster(conf={"TaskPlugin": "task/affinity"}, nodes=["c1", "c2"])
    os.chmod(shared("", C), 0o1777)


def batch(args, **kw):
    """Run a batch job to its end: state, exit code and output."""
    j = sbatch(f"-p normal -w c1 -o out-%j {args}", c=C, user="alice", **kw)
    wait_end(j, 30, C)
    return job(j, C), slurp(shared(f"out-{j}", C))


def processes():
    """Steps are found by their title, as admins do."""
    p = popen("srun -p normal -w c1 sleep 60", c=C, user="alice")
    title = wait_for(lambda: next((t for t in titles() if ".0]" in t), None))
    like(title or "", r"^slurmstepd: \[\d+\.0\]\s*$", "ps shows slurmstepd: [JOB.STEP]")
    run("scancel -u alice", c=C)
    p.communicate(timeout=30)


def titles():
    out = []
    for pid in C.left_over():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                text = f.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text.startswith("slurmstepd"):
            out.append(text)
    return out


def script():
    got, out = batch("", wrap="stat -c '%a %U' $0; stat -c '%a %U %G' $(dirname $0)")
    same(out, "700 alice\n750 root alice\n", "the script is the user's, its directory is not")
    got, out = batch("", wrap="grep Cpus_allowed_list /proc/self/status; env | grep -c ^SLURM_CPU_BIND")
    like(out, r"^Cpus_allowed_list:\s0\n0$", "task/affinity keeps the script on the job's CPUs")


def binding():
    r = run("srun -p normal -N1 -w c1 -n2 --cpu-bind=verbose,cores -l true", c=C, user="alice")
    same(sorted(x[:3] for x in r.err.splitlines() if "cpu-bind" in x), ["0: ", "0: "],
         "what is told of bindings comes from the first task", r)
    like(r.err, r"^0: cpu-bind=MASK - c1, task  1  1 \[\d+\]: mask 0x2 set$", "in these words", r)
    r = run("srun -p normal -w c1 -n1 --cpu-bind=verbose,none true", c=C, user="alice")
    like(r.err, r"cpu-bind=(MASK - c1, task  0  0 \[\d+\]: mask 0x1 set|"
         r"NONE - c1, task  0  0 \[\d+\]: mask 0x3)$", "none is the job's CPUs", r)
    r = run("srun -p normal -w c1 -n1 --cpu-bind=map_cpu:1 true", c=C, user="alice")
    ok(r.rc and "CPU binding outside of job step allocation, allocated CPUs are: 0x" in r.err,
       "CPUs of others are refused", r)
    r = run("srun -p normal -N1 -w c1 -n2 --cpu-bind=cores sh -c 'echo $SLURM_CPU_BIND'", c=C, user="alice")
    same(r.out, "quiet,mask_cpu:0x1,0x2\n" * 2, "a mask a task", r)


def failures():
    r = run("srun -p normal -N1 -w c1 -n2 -l -D /no/dir pwd", c=C, user="alice")
    lines = [x for x in r.err.splitlines() if not x.startswith("srun: job ")]
    same(sorted(r.out.splitlines()), ["0: /tmp", "1: /tmp"], "no working directory: /tmp")
    ok(len(lines) == 3 and all(re.match("0: " + STDERR + "couldn't chdir to `/no/dir': No such file or "
       "directory: going to /tmp instead", x) for x in lines), "the first task's stderr says so", r)
    got, out = batch("-o /no/dir/out", wrap="true")
    same(got.get("ExitCode"), "0:53", "no place for the output: the exit code tells")
    same(got.get("JobState"), "FAILED", "the job failed")
    same(node_states(C).get("c1"), "idle", "and the node did not")
    open(shared("taskprolog", C), "w").close()
    r = run(["srun", "-p", "normal", "-w", "c1", "--task-prolog=/no/prolog", "true"], c=C, user="alice")
    same(r.rc, 1, "no task prolog: 1", r)
    like(r.err, STDERR + "--task-prolog failed status=1$", "and why", r)


def words_of_the_end():
    j = sbatch("-p normal -w c1 -o requeued --requeue --open-mode=append", c=C, user="alice",
               wrap='echo up $SLURM_RESTART_COUNT; [ -n "$SLURM_RESTART_COUNT" ] || sleep 60')
    wait_for(lambda: "up" in slurp(shared("requeued", C)))
    run(f"scontrol requeue {j}", c=C, user="alice")
    wait_for(lambda: "***" in slurp(shared("requeued", C)))
    like(slurp(shared("requeued", C)),
         STDERR + rf"\*\*\* JOB {j} ON c1 CANCELLED AT \S+ DUE TO JOB REQUEUE \*\*\*$",
         "a requeued job's output says so", slurp(shared("requeued", C)))
    run(f"scancel {j}", c=C)
    wait_end(j, 30, C)


def environment():
    got, out = batch("", wrap="env")
    env = dict(x.split("=", 1) for x in out.splitlines() if "=" in x)
    if not OURS:
        same("SLURM_OOM_KILL_STEP" in env, VER >= (24, 11), "variables of this release only")
        same("SLURM_NODE_ALIASES" in env, VER < (23, 11), "and of older ones")
        same(env.get("SLURM_STEP_ID"), "-5" if VER >= (26, 5) else None, "the step's number")
    r = run("srun -p normal -w c1 -n1 -c2 env", c=C, user="alice")
    env = dict(x.split("=", 1) for x in r.out.splitlines() if "=" in x)
    same(env.get("SLURM_TRES_PER_TASK"), None if VER < (23, 11) else "cpu=2", "TRES of a task, once", r)


def prolog():
    """Its environment, and what becomes of a node whose prolog fails."""
    path = C.path("prolog.sh")
    with open(path, "w") as f:
        f.write(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{{ ulimit -c; env; }} > {shared('prolog-env', C)}.new\n"
                f"mv {shared('prolog-env', C)}.new {shared('prolog-env', C)}\n"
                f"[ ! -e {shared('prolog-fails', C)} ]\n")
    os.chmod(path, 0o755)
    C.write_conf(Prolog=path)
    run("scontrol reconfigure", c=C)

    def told():
        run("srun -p normal -w c1 true", c=C, user="alice")
        return slurp(shared("prolog-env", C))
    text = wait_for(told, 30) or ""
    env = dict(x.split("=", 1) for x in text.splitlines() if "=" in x)
    same(env.get("SLURM_JOB_USER"), "alice", "scontrol reconfigure brings a Prolog", text)
    same(text.split("\n")[0], "unlimited", "no core limit of our shell")
    if not OURS:
        same("SLURM_JOB_NODELIST" in env, VER >= (23, 2), "variables of the release")
        same(env.get("SLURM_JOB_EXCLUSIVE"), "NO" if VER >= (26, 5) else None, "and of the newest")
    open(shared("prolog-fails", C), "w").close()
    r = run("srun -p normal -w c1 true", c=C, user="alice", timeout=30)
    ok("prolog failed" in r.err.lower() or r.rc, "srun fails with its prolog", r)
    same(wait_nodes({"c1": "drained"}, 30, C), True, "the node is drained")
    like(run("scontrol show node c1", c=C).out, r"Reason=Prolog error", "and why")
    os.unlink(shared("prolog-fails", C))
    run("scancel -u alice", c=C)
    run("scontrol update nodename=c1 state=resume", c=C)
    same(wait_nodes({"c1": "idle"}, 30, C), True, "resumed")


def memory():
    C.write_conf(JobAcctGatherParams="OverMemoryKill", JobAcctGatherFrequency="1")
    run("scontrol reconfigure", c=C)
    hog = "perl -e '$x = q(a) x (200<<20); sleep 30'"
    got, out = batch("--mem=30", wrap=hog)
    same(got.get("ExitCode"), "0:9", "OverMemoryKill: the job is killed", out, got)
    like(out, STDERR + r"StepId=\d+\.batch exceeded memory limit \(\d+ > 31457280\), being killed$",
         "and told why", out)


main(setup, processes, script, binding, failures, words_of_the_end, environment, prolog, memory)
