#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a task finds: environment, directory, limits, user."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def env_of(text):
    return dict(l.split("=", 1) for l in text.splitlines() if "=" in l)


def batch_env():
    j = sbatch("--nodes=4 --ntasks=4 -p normal -J envjob -t 1:00 -o env-%j", wrap="env; pwd")
    wait_end(j)
    e = env_of(slurp(shared(f"env-{j}"), 5))
    want = {"SLURMD_NODENAME": "c1", "SLURM_CLUSTER_NAME": "linux", "SLURM_CPUS_ON_NODE": "1",
            "SLURM_CONF": "/etc/slurm/slurm.conf", "SLURM_GTIDS": "0", "SLURM_JOBID": j,
            "SLURM_JOB_CPUS_PER_NODE": "1(x4)", "SLURM_JOB_GID": "0", "SLURM_JOB_ID": j,
            "SLURM_JOB_NAME": "envjob", "SLURM_JOB_NODELIST": "c[1-4]", "SLURM_JOB_NUM_NODES": "4",
            "SLURM_JOB_PARTITION": "normal", "SLURM_JOB_UID": "0", "SLURM_JOB_USER": "root",
            "SLURM_LOCALID": "0", "SLURM_MEM_PER_CPU": "500", "SLURM_NNODES": "4", "SLURM_NODEID": "0",
            "SLURM_NODELIST": "c[1-4]", "SLURM_NPROCS": "4", "SLURM_NTASKS": "4",
            "SLURM_PRIO_PROCESS": str(os.nice(0)), "SLURM_PROCID": "0", "SLURM_SUBMIT_HOST": "login",
            "SLURM_SUBMIT_DIR": shared().rstrip("/"), "SLURM_TASKS_PER_NODE": "1(x4)",
            "SLURM_TOPOLOGY_ADDR": "c1", "SLURM_TOPOLOGY_ADDR_PATTERN": "node",
            "ENVIRONMENT": "BATCH", "HOME": "/root", "USER": "root", "PWD": shared().rstrip("/")}
    for k, v in want.items():
        same(e.get(k), v, f"batch: {k}")
    like(e.get("SLURM_TASK_PID", ""), r"^\d+$", "batch: SLURM_TASK_PID")
    like(e.get("TMPDIR", "/tmp"), "^/tmp", "batch: TMPDIR")
    if VER >= (24, 11):
        for k in ("SLURM_JOB_START_TIME", "SLURM_JOB_END_TIME"):
            if STOCK or k in e:
                like(e.get(k, ""), r"^\d{10}$", f"batch: {k}")
    like(slurp(shared(f"env-{j}")), rf"^{shared().rstrip('/')}$", "batch: directory")
    # what the client put there itself arrives
    if VER >= (24, 11):
        same(e.get("OMPI_MCA_plm_slurm_args"), "--external-launcher", "batch: from the client")


def step_env():
    r = run(["srun", "-p", "normal", "-N2", "-n4", "--ntasks-per-node=2", "-w", "c2,c4", "-J", "stepenv", "bash", "-c",
             "env > step.$SLURM_PROCID"])
    same(r.rc, 0, "a step of four tasks", r)
    for i in range(4):
        e = env_of(slurp(shared(f"step.{i}")))
        node = "c2" if i < 2 else "c4"
        want = {"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i % 2), "SLURM_NODEID": str(i // 2),
                "SLURMD_NODENAME": node, "SLURM_GTIDS": "0,1" if i < 2 else "2,3",
                "SLURM_NTASKS": "4", "SLURM_NPROCS": "4", "SLURM_NNODES": "2",
                "SLURM_JOB_NUM_NODES": "2", "SLURM_NODELIST": "c[2,4]",
                "SLURM_JOB_NODELIST": "c[2,4]", "SLURM_STEP_NODELIST": "c[2,4]",
                "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "4",
                "SLURM_STEP_TASKS_PER_NODE": "2(x2)", "SLURM_TASKS_PER_NODE": "2(x2)",
                "SLURM_STEP_ID": "0", "SLURM_STEPID": "0", "SLURM_JOB_PARTITION": "normal",
                "SLURM_CLUSTER_NAME": "linux", "SLURM_CPUS_ON_NODE": "2", "SLURM_JOB_NAME": "stepenv",
                "SLURM_JOB_USER": "root", "SLURM_JOB_UID": "0", "SLURM_SUBMIT_HOST": "login",
                "SLURM_UMASK": "0022", "SLURM_LAUNCH_NODE_IPADDR": ADDR["a"],
                "SLURM_SRUN_COMM_HOST": ADDR["a"], "SLURM_TOPOLOGY_ADDR": node,
                "SLURM_TOPOLOGY_ADDR_PATTERN": "node", "SLURM_DISTRIBUTION": e.get("SLURM_DISTRIBUTION"),
                "SLURM_JOB_CPUS_PER_NODE": "2(x2)", "PWD": shared().rstrip("/")}
        bad = {k: (e.get(k), v) for k, v in want.items() if e.get(k) != v}
        ok(not bad, f"step: environment of task {i}", bad)
        for k in ("SLURM_TASK_PID", "SLURM_STEP_LAUNCHER_PORT", "SLURM_SRUN_COMM_PORT", "SLURM_JOB_ID", "SLURM_JOBID"):
            ok(re.match(r"^\d+$", e.get(k, "")), f"step: {k} of task {i}")
    r = run(["srun", "-p", "quantum", "--gres=qpu:1", "env"])
    e = env_of(r.out)
    ok("CUDA_VISIBLE_DEVICES" not in e, "a QPU sets no variable of other devices")


def inner():
    j = sbatch("-p normal -N2 -n2 -o inner-%j", script="""\
srun bash -c 'echo $SLURM_JOB_ID.$SLURM_STEP_ID $SLURM_PROCID $(hostname) $SLURM_NTASKS' | sort
srun -n1 -N1 -w c2 bash -c 'echo $SLURM_STEP_ID $SLURM_STEP_NODELIST $(hostname) $SLURM_NNODES'
""")
    same(wait_end(j), "COMPLETED", "steps inside a batch job")
    same(re.sub("^srun: .*\n", "", slurp(shared(f"inner-{j}"), 5), flags=re.M), f"{j}.0 0 c1 2\n{j}.0 1 c2 2\n1 c2 c2 1\n", "use its allocation")


def export():
    v = {"MINE": "1", "OTHER": "2"}
    r = run(["srun", "-p", "normal", "bash", "-c", "echo $MINE$OTHER"], env=v)
    same(r.out, "12\n", "the caller's environment")
    r = run(["srun", "-p", "normal", "--export=MINE", "/bin/bash", "-c", "echo $MINE,$OTHER"], env=v)
    same(r.out, "1,\n", "srun --export=NAME")
    r = run(["srun", "-p", "normal", "--export=ALL,NP=3", "bash", "-c", "echo $MINE$NP"], env=v)
    same(r.out, "13\n", "srun --export=ALL,NAME=VALUE")
    r = run(["srun", "-p", "normal", "--export=NONE", "/bin/bash", "-c", "echo $MINE,$SLURM_JOB_ID"], env=v)
    like(r.out, r"^,\d+$", "srun --export=NONE")
    out = shared("exp.out")
    for opt, want in (("ALL,NP=1", "1 2 1"), ("MINE,NP=1", "1  1"), ("NONE", "  ")):
        j = sbatch(["-p", "normal", f"--export={opt}", "-o", "exp-%j"], script='echo "$MINE $OTHER $NP"\n', env=v)
        same(wait_end(j, 30), "COMPLETED", f"sbatch --export={opt} runs")
        same(slurp(shared(f"exp-{j}"), 3), want + "\n", "with that environment")
    j = sbatch(["-p", "normal", "--export=NONE", "-o", "login-%j"], script='echo $HOME $USER $LOGNAME\n', user="alice",
               cwd=shared())
    os.chmod(shared(), 0o1777)
    wait_end(j, 30)
    same(slurp(shared(f"login-{j}"), 3), f"{cluster().path('home', 'alice')} alice alice\n",
         "--export=NONE has the user's login environment")


def process():
    r = run(["srun", "-p", "normal", "bash", "-c", "pwd; umask"], cwd="/tmp")
    same(r.out, "/tmp\n0022\n", "directory and umask")
    r = run(["bash", "-c", "umask 027; srun -p normal bash -c umask"])
    same(r.out, "0027\n", "the caller's umask")
    check("srun -p normal -D /usr pwd", out="/usr\n")
    r = run(["srun", "-p", "normal", "bash", "-c", "id -u; id -g; id -G; echo $HOME $USER"], user="alice")
    same(r.out, f"20001\n20001\n20001 20010\n{cluster().path('home', 'alice')} alice\n", "user and groups")
    r = run(["bash", "-c", "ulimit -n 300; ulimit -c 0; srun -p normal bash -c 'ulimit -n; ulimit -c'"])
    same(r.out, "300\n0\n", "resource limits")
    r = run(["srun", "-p", "normal", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"])
    m = re.search(r"SigBlk:\s*(\w+)", r.out)
    # slurmstepd of 25.05 leaves SIGCHLD blocked
    may = (0, 1 << 16) if "25.05" in cluster().meta["nodes"].values() else (0,)
    ok(m and int(m.group(1), 16) in may, "no signal is blocked", r)
    r = run(["srun", "-p", "normal", "bash", "-c", "for f in /proc/$$/fd/*; do echo ${f##*/}; done"])
    ok(set(r.out.split()) <= {"0", "1", "2", "255", "3"} or STOCK, "no descriptor of the daemon leaks", r.out.split())
    r = run(["srun", "-p", "normal", "bash", "-c", "echo $(( $(ps -o pgid= $$) == $$ || 1 )); cat /proc/self/oom_score_adj"])
    same(r.rc, 0, "the task can look at itself")


def end():
    ok(cancel_all(), "nothing is left behind")


main(batch_env, step_env, *([inner] if INNER else []), export, process, end)
