#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Steps of a job managed on its first node (24.05 and newer): made, shown,
signalled, waited for, and what survives what."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

KNOWS = VER >= (24, 5)
c = None


def up():
    global c
    if not KNOWS and STOCK:
        skip("a step manager", f"none in Slurm {REL}")
        return
    c = new_cluster(conf={"SlurmctldParameters": "enable_stepmgr", "PrologFlags": "Contain",
                          "KillWait": "2"})
    ok(True, "a cluster with enable_stepmgr")


def step(args):
    """srun of a step whose task is up."""
    p = popen(args + " sh -c 'echo up; exec sleep 200'", c=c)
    ok(p.stdout.readline() == "up\n", "a step")
    return p


def old():
    """A client that knows nothing of it, or a node: steps are the controller's."""
    if c is None:
        return
    r = run("salloc -p normal -N2 -n2 -w c1,c2 bash -c 'srun -l hostname; echo managed by $SLURM_STEPMGR'", c=c)
    same(sorted(re.findall(r"^[01]: (c\d)$", r.out, re.M)), ["c1", "c2"], "steps run", r)
    like(r.out, r"^managed by\s*$", "as ever", r)
    same(r.rc, 0, "and end")


def made():
    r = run("salloc -p normal -N2 --ntasks-per-node=2 --mem=100 -w c1,c2 bash -c 'echo by $SLURM_STEPMGR; srun -l hostname;"
            " srun -n1 sh -c \"echo step \\$SLURM_STEP_ID\"; srun -n1 sh -c \"exit 3\"; echo rc $?;"
            " scontrol show job $SLURM_JOB_ID; srun -n99 hostname; echo rc $?'", c=c)
    like(r.out, r"^by c1$", "the first node's", r)
    same(sorted(re.findall(r"^[0-3]: (c\d)$", r.out, re.M)), ["c1", "c1", "c2", "c2"],
         "a step on all CPUs", r)
    like(r.out, r"^step 1$", "the next one", r)
    like(r.out, r"^rc 3$", "its exit code", r)
    like(r.out, r"^ +StepMgrEnabled=Yes$", "shown by scontrol", r)
    like(r.err, r"^srun: error: Unable to create step for job \d+: More processors requested than permitted$",
         "too large a step is refused in the usual words", r)
    like(r.out, r"^rc 1$", "at once", r)
    r = run("srun -p quantum --gres=qpu:1 -N2 -n2 sh -c 'hostname; echo by $SLURM_STEPMGR'", c=c)
    same(sorted(r.out.split()), ["by", "by", "q1", "q1", "q1", "q2"], "with gres", r)
    r = run("salloc -p quantum --gres=qpu:1 srun --gres=qpu:2 hostname", c=c)
    ok(r.rc != 0 and "Unable to create step" in r.err, "more gres than the job has", r)


def busy():
    r = run("salloc -p normal -N1 -n2 --mem=100 -w c1 bash -c 'srun --exact -n2 sleep 3 & sleep 1;"
            " srun --exact -n2 --mem=0 -I1 true; echo rc $?; srun --exact -n2 echo later; wait'", c=c)
    like(r.err, r"^srun: error: Unable to create step for job \d+: .*(busy|unavailable|disabled)", "no room: --immediate gives up", r)
    like(r.out, r"^rc [1-9]", "with an error", r)
    same(re.findall(r"^later$", r.out, re.M), ["later"] * 2, "another step waits for its turn", r)


def heard(j):
    """Stock's step manager hears of a job a moment after it runs; until then it says there is none."""
    if STOCK:
        wait_for(lambda: run(f"squeue -h -j {j} -o %r", c=c).out.strip() == "None", 10)
        time.sleep(2)


def shown():
    j = sbatch("-p normal -N2 -n4 --mem=200 -w c1,c2 -o none", wrap="sleep 200", c=c)
    same(wait_state(j, "RUNNING", c=c), "RUNNING", "a batch job")
    heard(j)
    p = popen(f"srun -u --jobid={j} -N2 -n2 --mem=50 -J shown --overlap sh -c 'echo here; sleep 200'", c=c)
    same(p.stdout.readline() + p.stdout.readline(), "here\nhere\n", "with a step")
    info = {}
    ok(wait_for(lambda: info.update(fields(run(f"scontrol -o show step {j}.0", c=c).out)) or
                info.get("State") == "RUNNING", 20), "scontrol show step", info)
    same((info.get("NodeList"), info.get("Tasks"), info.get("Name"), info.get("Nodes"),
          info.get("Partition")), ("c[1-2]", "2", "shown", "2", "normal"), "says what it is")
    like(info.get("TRES", ""), r"^cpu=\d,mem=100M,node=2$", "and has")
    r = run(f"sstat -a -n -P -j {j}.0 -o JobID,NTasks", c=c)
    like(r.out, rf"^{j}\.0\|2$", "sstat", r)
    a = popen(f"sattach -l {j}.0", c=c)
    time.sleep(1)
    ok(a.poll() is None, "sattach stays with the step")
    r = run(["bash", "-c", f"SLURM_JOB_ID={j} sbcast -f /etc/passwd /tmp/sl-stepmgr-{os.getpid()}-$$"], c=c)
    same(r.rc, 0, "sbcast", r)
    same(run(f"scontrol update StepId={j}.0 TimeLimit=3", c=c).rc, 0, "its time limit")
    ok(wait_for(lambda: fields(run(f"scontrol -o show step {j}.0", c=c).out).get("TimeLimit") == "00:03:00", 10),
       "is shorter now", run(f"scontrol -o show step {j}.0", c=c))
    r = run(f"scancel {j}.0", c=c)
    same(r.rc, 0, "scancel", r)
    out, err = p.communicate(timeout=30)
    ok(p.returncode != 0 and re.search(r"error: c[12]: task \d: (Killed|Terminated)|STEP .* CANCELLED|error: Timed out waiting for job step", err),
       "ends the step", out, err)
    same(a.wait(20) is not None, True, "and sattach")
    p = step(f"srun -u --jobid={j} -n1 --overlap")
    run(f"scancel -s USR1 {j}.1", c=c)
    out, err = p.communicate(timeout=30)
    like(err, r"task 0: User defined signal 1", "gets a signal", out)
    r = run(f"scancel {j}.7", c=c)
    same(r.rc in (0, 1), True, "a step that is not there", r)
    run(["scancel", j], c=c)
    same(wait_end(j, c=c), "CANCELLED", "over")


def told():
    """The job ends under its steps."""
    p = popen("salloc -p normal -N2 -n2 --mem=100 -w c1,c2 -J told bash -c 'srun sleep 200; echo rc $?'", c=c)
    ok(wait_for(lambda: run("squeue -h -t R -n told -o %A", c=c).out.strip(), 20), "salloc")
    j = run("squeue -h -t R -n told -o %A", c=c).out.strip()
    ok(wait_for(lambda: "RUNNING" in run(f"scontrol -o show step {j}.0", c=c).out, 20), "its step")
    run(["scancel", j], c=c)
    out, err = p.communicate(timeout=40)
    like(err, r"^salloc: Job allocation \d+ has been revoked", "salloc is told", out)
    like(err, r"^srun: (Force Terminated|forcing job termination|Job step aborted|error: .*task)", "srun too")
    same(wait_end(j, c=c), "CANCELLED", "over")


def restart():
    """Without its node's slurmd for a while."""
    j = sbatch("-p normal -N2 -n2 --mem=200 -w c1,c2 -o none", wrap="sleep 200", c=c)
    same(wait_state(j, "RUNNING", c=c), "RUNNING", "a batch job")
    heard(j)
    p = popen(f"srun -u --jobid={j} -N2 -n2 --mem=50 --overlap sh -c 'echo up; sleep 9; echo done'", c=c)
    same(p.stdout.readline() + p.stdout.readline(), "up\nup\n", "with a step")
    c.kill("c1", signal.SIGKILL)
    c.start_node("c1")
    ok(wait_for(lambda: "RUNNING" in run(f"scontrol -o show step {j}.0", c=c).out, 20),
       "its step manager lives through a restart of slurmd")
    out, err = p.communicate(timeout=40)
    same((out, p.returncode), ("done\ndone\n", 0), "the step ends well", err)
    ok(wait_for(lambda: "RUNNING" not in run(f"scontrol -o show step {j}.0", c=c).out, 10), "and is gone")
    r = run(f"srun --jobid={j} -N2 -n2 --overlap sh -c 'echo $SLURM_STEP_ID'", c=c)
    same(r.out, "1\n1\n", "the next one", r)
    run(["scancel", j], c=c)
    same(wait_end(j, c=c), "CANCELLED", "over")


def killed():
    """An srun that is gone without a word."""
    j = sbatch("-p normal -N1 -n2 --mem=200 -w c1 -o none", wrap="sleep 200", c=c)
    same(wait_state(j, "RUNNING", c=c), "RUNNING", "a batch job")
    heard(j)
    p = step(f"srun -u --jobid={j} -n1 --overlap")
    p.kill()
    p.wait(10)
    run(f"scancel {j}.0", c=c)
    ok(wait_for(lambda: "RUNNING" not in run(f"scontrol -o show step {j}.0", c=c).out, 20),
       "the step can be cancelled without its srun")
    run(f"scontrol suspend {j}", c=c)
    ok(wait_for(lambda: state(j, c) == "SUSPENDED", 10), "suspended")
    run(f"scontrol resume {j}", c=c)
    ok(wait_for(lambda: state(j, c) == "RUNNING", 10), "and resumed")
    r = run(f"srun -v --jobid={j} -n1 --overlap echo on", c=c)
    same(r.out, "on\n", "the next step runs", r)
    run(["scancel", j], c=c)
    same(wait_end(j, c=c), "CANCELLED", "over")


def again():
    j = sbatch("-p normal -N1 --mem=100 -w c1 --requeue -o none", wrap="sleep 200", c=c)
    same(wait_state(j, "RUNNING", c=c), "RUNNING", "a batch job")
    heard(j)
    r = run(f"srun --jobid={j} --overlap sh -c 'echo $SLURM_STEP_ID'", c=c)
    same(r.out, "0\n", "with a step", r)
    run(f"scontrol requeue {j}", c=c)
    ok(wait_for(lambda: state(j, c) == "PENDING", 20), "is queued again")
    wait_for(lambda: node_states(c).get("c1") == "idle", 20)
    # a credential made in the second of the job's end counts as revoked, with stock too
    time.sleep(1.5)
    run(f"scontrol update JobId={j} StartTime=now", c=c)
    same(wait_state(j, "RUNNING", 30, c=c), "RUNNING", "and runs", job(j, c))
    ok(wait_for(lambda: run(f"srun --jobid={j} --overlap hostname", c=c).out == "c1\n", 20, 1),
       "with a step manager of its own")
    run(["scancel", j], c=c)
    wait_end(j, c=c)


def asked():
    """--stepmgr on a cluster that does not always have it."""
    d = new_cluster(conf={"PrologFlags": "Contain"})
    r = run("srun -p normal -w c1 sh -c 'echo by $SLURM_STEPMGR'", c=d)
    same(r.out, "by\n", "not asked for", r)
    r = run("srun -p normal -w c1 --stepmgr sh -c 'echo by $SLURM_STEPMGR'", c=d)
    same(r.out, "by c1\n", "--stepmgr", r)


def end():
    if c is not None:
        ok(cancel_all(c=c), "nothing is left behind")


NODES_KNOW = "22.05" not in DAEMONS
main(up, *([made, busy, shown, told, restart, killed, again, asked] if KNOWS and NODES_KNOW else [old]), end)
