#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""PrologSlurmctld and EpilogSlurmctld: states, environment, failures."""
# own
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

C = None
SLURM = str(pwd.getpwnam("slurm").pw_uid)
SCRIPT = """\
#!/bin/sh
PATH=/usr/bin:/bin
D={dir}
{{ id -u; env; }} > $D/$1-$SLURM_JOB_ID.new
mv $D/$1-$SLURM_JOB_ID.new $D/$1-$SLURM_JOB_ID
i=0
while [ -e $D/hold-$1 ] && [ $i -lt 400 ]; do sleep .1; i=$((i + 1)); done
[ ! -e $D/fail-$1 ]
"""


def flag(name, on=True):
    if on:
        open(shared(name, C), "w").close()
    elif os.path.exists(shared(name, C)):
        os.unlink(shared(name, C))


def seen(what, jid):
    """The environment a program had, when it has begun."""
    text = slurp(shared(f"{what}-{jid}", C), 15).splitlines()
    return dict(x.split("=", 1) for x in text[1:] if "=" in x), (text or [""])[0]


def setup():
    global C
    C = new_cluster(start=False)
    for what in ("prolog", "epilog"):
        path = C.path(f"{what}.sh")
        with open(path, "w") as f:
            f.write(SCRIPT.format(dir=shared("", C)).replace("$1", what))
        os.chmod(path, 0o755)
    C.write_conf(PrologSlurmctld=C.path("prolog.sh"), EpilogSlurmctld=C.path("epilog.sh"))
    C.start()


def batch():
    flag("hold-prolog")
    flag("hold-epilog")
    j = sbatch("-p normal -N2 -J named -o pro.out --comment=hello -t 5", wrap="echo ran; exit 3", c=C)
    env, uid = seen("prolog", j)
    same(uid, SLURM, "PrologSlurmctld runs as SlurmUser")
    got = job(j, C)
    same(got.get("JobState"), "CONFIGURING", "the job is CONFIGURING meanwhile")
    same(run(f"squeue -h -j {j} -o '%t %T'", c=C).out, "CF CONFIGURING\n", "squeue says so")
    want = {"SLURM_JOB_ID": j, "SLURM_JOBID": j, "SLURM_JOB_NAME": "named", "SLURM_JOB_UID": "0",
            "SLURM_JOB_GID": "0", "SLURM_JOB_USER": "root", "SLURM_JOB_GROUP": "root",
            "SLURM_JOB_PARTITION": "normal", "SLURM_JOB_NODELIST": got.get("NodeList"),
            "SLURM_CLUSTER_NAME": "linux", "SLURM_JOB_COMMENT": "hello",
            "SLURM_JOB_RESTART_COUNT": "0", "SLURM_JOB_WORK_DIR": shared("", C).rstrip("/")}
    if VER >= (24, 11):
        want.update({"SLURM_SCRIPT_CONTEXT": "prolog_slurmctld", "SLURM_JOB_NUM_NODES": "2",
                     "SLURM_JOB_CPUS_PER_NODE": "1(x2)"})
    same({k: env.get(k) for k in want}, want, "its environment")
    ok("SLURM_JOB_EXIT_CODE" not in env, "without an exit code")
    ok(not os.path.exists(shared("pro.out", C)), "nothing ran yet")
    flag("hold-prolog", False)
    like(slurp(shared("pro.out", C), 15), "ran", "it runs afterwards")
    env, uid = seen("epilog", j)
    same(uid, SLURM, "EpilogSlurmctld runs as SlurmUser")
    same({k: env.get(k) for k in ("SLURM_JOB_EXIT_CODE", "SLURM_JOB_EXIT_CODE2", "SLURM_JOB_DERIVED_EC")},
         {"SLURM_JOB_EXIT_CODE": "768", "SLURM_JOB_EXIT_CODE2": "3:0",
          "SLURM_JOB_DERIVED_EC": "0"}, "with the exit code")
    same(wait_state(j, "COMPLETING", 10, C), "COMPLETING", "the job is COMPLETING meanwhile")
    flag("hold-epilog", False)
    same(wait_end(j, 20, C), "FAILED", "and ends afterwards")


def interactive():
    flag("hold-prolog")
    p = popen("srun -p normal -N1 hostname", c=C)
    ok(wait_for(lambda: "CONFIGURING" in run("squeue -h -o %T", c=C).out, 15), "srun's job waits too")
    flag("hold-prolog", False)
    out, err = p.communicate(timeout=40)
    ok(p.returncode == 0 and out.startswith("c"), "and runs", out, err)


def failing():
    flag("fail-prolog")
    j = sbatch("-p normal -o none", wrap="true", c=C)
    ok(wait_for(lambda: job(j, C).get("Restarts") == "1", 20), "a batch job is requeued", job(j, C))
    same(wait_state(j, "PENDING", 20, C), "PENDING", "it waits")
    ok(wait_for(lambda: job(j, C).get("Reason") == "BeginTime", 20), "for a while", job(j, C))
    run(f"scancel {j}", c=C)
    j = sbatch("-p normal -o none --no-requeue", wrap="true", c=C)
    same(wait_end(j, 20, C), "CANCELLED", "one that may not be is cancelled")
    p = popen("srun -p normal hostname", c=C)
    out, err = p.communicate(timeout=40)
    ok(p.returncode != 0 and not out, "srun's is cancelled", out, err)
    like(err, "PrologSlurmctld failed, job killed", "and told why")
    flag("fail-prolog", False)


def cancelled():
    flag("hold-prolog")
    j = sbatch("-p normal -o none", wrap="true", c=C)
    seen("prolog", j)
    run(f"scancel {j}", c=C)
    same(wait_end(j, 20, C), "CANCELLED", "a CONFIGURING job is cancelled")
    flag("hold-prolog", False)
    same(wait_nodes({"c1": "idle"}, 20, C), True, "its node is free")


def restart():
    if STOCK and VER >= (25, 11):
        return skip("a restart meanwhile", "25.11 and newer kill the program when they end, and start the job")
    flag("hold-prolog")
    j = sbatch("-p normal -o again.out", wrap="echo ran", c=C)
    seen("prolog", j)
    if STOCK:
        time.sleep(6)
    C.kill("slurmctld")
    os.unlink(shared(f"prolog-{j}", C))
    C.start_ctld()
    env, _ = seen("prolog", j)
    same(env.get("SLURM_JOB_ID"), j, "a restart runs PrologSlurmctld again")
    flag("hold-prolog", False)
    same(wait_end(j, 30, C), "COMPLETED", "and the job after it")


main(setup, batch, interactive, failing, cancelled, restart)
