#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# own
"""Heterogeneous jobs: several components that start and end as one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

PART = "Operation not permitted on individual component of heterogeneous job"
C = None                # the cluster of this program
# srun is run with --mpi=none: its PMIx agents of two components can wait for
# each other for ever
AB = "-p normal -N1 -n2 --mem-per-cpu=10 -J het -o none : -p quantum -N1 -n1 --mem=20"


def r(cmd, **kw):
    return run(cmd, c=C, **kw)


def hetbatch(args, script="#!/bin/bash\nsleep 300\n"):
    """Submit a script; the ids of the leader and its first component."""
    path = C.path("shared", "het.sh")
    with open(path, "w") as f:
        f.write(script)
    os.chmod(path, 0o755)
    p = run(["sbatch", "--parsable"] + words(args) + [path], c=C)
    if p.rc or not re.match(r"\d+", p.out):
        raise Exception(f"sbatch failed: {p}")
    a = int(p.out.split(";")[0])
    return a, a + 1


def states(*ids):
    return [state(i, C) for i in ids]


def wait_all(want, *ids, timeout=60):
    wait_for(lambda: all(s in want.split("|") for s in states(*ids)), timeout, .2)
    return states(*ids)


def gone():
    r("scancel -u root")
    ok(wait_for(lambda: r("squeue -h").out == "", 40), "nothing is left")


def setup():
    global C
    C = new_cluster(conf={"Licenses": "lic:2"})


def batch():
    out = C.path("shared", "env")
    script = f"""#!/bin/bash
#SBATCH -p normal -N1 -n2 --mem-per-cpu=10 -J het -o none
#SBATCH hetjob
#SBATCH -p quantum -N1 -n1 --mem=20 -J other
env | grep ^SLURM > {out}.new; mv {out}.new {out}
hostname > {out}.host
while [ ! -e {out}.go ]; do sleep .1; done
exit 3
"""
    a, b = hetbatch("", script)
    same(wait_all("RUNNING", a, b), ["RUNNING"] * 2, "both components run")
    lines = set(r("squeue -h -t R -o '%i %A %F %P %j %N'").out.splitlines())
    want = {rf"{a}\+0 {a} {a} normal het c\d", rf"{a}\+1 {b} {b} quantum other q\d"}
    ok(len(lines) == 2 and all(any(re.fullmatch(w, l) for l in lines) for w in want),
       "squeue shows them as ID+OFFSET", lines)
    shown = r(f"scontrol show job {a}").out
    same(re.findall(r"^JobId=(\d+) HetJobId=(\d+) HetJobOffset=(\d+)", shown, re.M),
         [(str(a), str(a), "0"), (str(b), str(a), "1")], "scontrol shows all components")
    same(re.findall(r"HetJobIdSet=(\S+)", shown), [f"{a}-{b}"] * 2, "and which they are")
    same(re.findall(r"BatchFlag=(\d)", shown), ["1", "1"], "all of a batch job")
    shown = r(f"scontrol show job {a}+1").out
    same(re.findall(r"^JobId=(\d+)", shown, re.M), [str(b)], "or the one that is named")
    same(re.findall(r"^JobId=(\d+)", r(f"scontrol show job {b}").out, re.M), [str(b)],
         "by its own number too")
    wait_for(lambda: os.path.exists(out), 20)
    env = dict(l.split("=", 1) for l in slurp(out, 10).splitlines())
    place = {n: job(n, C).get("NodeList") for n in (a, b)}
    want = {"SLURM_JOB_ID": str(a), "SLURM_JOBID": str(a), "SLURM_HET_SIZE": "2",
            "SLURM_PACK_SIZE": "2", "SLURM_NTASKS": "2", "SLURM_JOB_NODELIST": place[a],
            "SLURM_JOB_PARTITION": "normal", "SLURM_JOB_NAME": "het", "SLURM_NNODES": "1"}
    for n, (jid, part, name, cpus, mem) in enumerate((
            (a, "normal", "het", "2", ("SLURM_MEM_PER_CPU", "10")),
            (b, "quantum", "other", "1", ("SLURM_MEM_PER_NODE", "20")))):
        for g in ("HET", "PACK"):
            e = f"_{g}_GROUP_{n}"
            want.update({
                "SLURM_JOB_ID" + e: str(jid), "SLURM_JOB_NAME" + e: name,
                "SLURM_JOB_PARTITION" + e: part, "SLURM_JOB_NODELIST" + e: place[jid],
                "SLURM_JOB_NUM_NODES" + e: "1", "SLURM_JOB_CPUS_PER_NODE" + e: cpus,
                "SLURM_TASKS_PER_NODE" + e: cpus, mem[0] + e: mem[1],
                "SLURM_NTASKS" + e: cpus})
    wrong = {k: (env.get(k), v) for k, v in want.items() if env.get(k) != v}
    same(wrong, {}, "the script's environment tells of every component")
    same(slurp(out + ".host", 5).strip(), place[a], "it runs on the first node of the leader")
    same(re.findall(r"^StepId=(\S+)", r("scontrol show steps").out, re.M),
         [f"{a}.batch"] + ([f"{a}.extern"] if "extern" in r("scontrol show steps").out else []),
         "and is the only one")
    open(out + ".go", "w").close()
    same(wait_all(ENDED, a, b), ["FAILED"] * 2, "its end is the end of all")
    same([job(n, C).get("ExitCode") for n in (a, b)], ["3:0"] * 2, "with its exit code")
    same(r("squeue -h").out, "", "squeue lists none of them")
    gone()


def steps():
    p = r("salloc -p normal -N1 -n2 --mem=20 : -p quantum -N1 -n1 --mem=20 bash -c '"
          "echo env $SLURM_JOB_ID $SLURM_HET_SIZE $SLURM_JOB_ID_HET_GROUP_1 "
          "$SLURM_JOB_PARTITION_HET_GROUP_1; "
          "echo A; srun --mpi=none -l --het-group=0,1 hostname; "
          "echo B; srun --mpi=none -l hostname; echo C; srun --mpi=none -l --het-group=1 hostname; "
          "echo D; srun --mpi=none -l -n1 hostname : -n1 hostname; "
          "echo E; srun --mpi=none --het-group=0,1 bash -c \"echo id=\\$SLURM_JOB_ID.\\$SLURM_STEP_ID rank=\\$SLURM_PROCID"
          "/\\$SLURM_NTASKS node=\\$SLURM_NODEID/\\$SLURM_NNODES local=\\$SLURM_LOCALID gtids=\\$SLURM_GTIDS "
          "tasks=\\$SLURM_STEP_TASKS_PER_NODE nodes=\\$SLURM_STEP_NUM_NODES\"; "
          "echo F; srun --mpi=none --het-group=0,1 bash -c \"exit \\$SLURM_PROCID\"; echo rc $?; "
          "echo G; srun --mpi=none --het-group=2 hostname; echo rc $?'", timeout=120)
    a = int(re.search(r"Granted job allocation (\d+)", p.err).group(1))
    like(p.out, rf"^env {a} 2 {a + 1} quantum$", "salloc a : b", p)
    part = dict(re.findall(r"^([A-G])\n((?:(?![A-G]\n).*\n)*)", p.out, re.M))
    lines = {k: sorted(v.splitlines()) for k, v in part.items()}
    ok(re.fullmatch(r"0: c\d\n1: c\d\n2: q\d", "\n".join(lines["A"])),
       "srun --het-group=0,1: one step over both, labels go on", lines["A"])
    ok(re.fullmatch(r"0: c\d\n1: c\d", "\n".join(lines["B"])),
       "srun: in the first component", lines["B"])
    ok(re.fullmatch(r"0: q\d", "\n".join(lines["C"])), "srun --het-group=1", lines["C"])
    ok(re.fullmatch(r"0: c\d\n1: q\d", "\n".join(lines["D"])), "srun a : b", lines["D"])
    same(lines["E"], [
        f"id={a}.4 rank=0/3 node=0/2 local=0 gtids=0,1 tasks=2,1 nodes=2",
        f"id={a}.4 rank=1/3 node=0/2 local=1 gtids=0,1 tasks=2,1 nodes=2",
        f"id={a}.4 rank=2/3 node=1/2 local=0 gtids=2 tasks=2,1 nodes=2"],
        "tasks, nodes and steps are numbered over all components")
    same(lines["F"], ["rc 2"], "the step's exit code is the highest")
    same(lines["G"], ["rc 1"], "there is no third component")
    like(p.err, rf"^salloc: Relinquishing job allocation {a}$", "given back")
    same(wait_all(ENDED, a, a + 1), [wait_end(a, c=C)] * 2, "all of it")
    gone()


def top_srun():
    p = r("srun --mpi=none -l -p normal -N1 -n2 --mem-per-cpu=10 -J one hostname : "
          "-p quantum -N1 -n1 --mem=20 bash -c 'echo two $SLURM_PROCID $SLURMD_NODENAME'",
          timeout=90)
    same(p.rc, 0, "srun a : b", p)
    ok(re.fullmatch(r"0: c\d\n1: c\d\n2: two 2 q\d", "\n".join(sorted(p.out.splitlines()))),
       "each component has its command", p)
    # (srun reads it for each component, whichever is quicker, 1,024 bytes at a time)
    text = "".join(f"line {i:010}\n" for i in range(200))
    p = r("srun --mpi=none -p normal -N1 -n1 --mem=10 cat : -p quantum -N1 -n1 --mem=20 cat",
          input=text, timeout=90)
    same(sorted(p.out.splitlines()), text.splitlines(), "all of stdin arrives", p)
    d = C.path("shared")
    p = r(f"srun --mpi=none -p normal -N1 -n1 --mem=10 -o {d}/het-%t.out hostname : "
          f"-p quantum -N1 -n1 --mem=20 -o {d}/het-%t.out hostname", timeout=90)
    like(slurp(f"{d}/het-0.out", 5), r"^c\d\n", "the first component's file", p)
    # (before 26.05, stock adds the number of the component to the task's)
    ok(wait_for(lambda: any(re.match(r"q\d\n", slurp(f"{d}/het-{i}.out")) for i in (1, 2)), 5),
       "the second's", os.listdir(d), p)


def ordinary():
    """Groups of tasks in a job that is not heterogeneous."""
    p = r("salloc -p normal -N2 -n4 --ntasks-per-node=2 --mem-per-cpu=10 bash -c '"
          "srun --mpi=none -l -N1 -n1 bash -c \"echo a \\$SLURM_PROCID \\$SLURM_NODEID \\$SLURM_JOB_ID\" : "
          "-N1 -n2 bash -c \"echo b \\$SLURM_PROCID \\$SLURM_NODEID \\$SLURM_JOB_ID\"; "
          "srun --mpi=none -N1 -n1 sleep 50 : -N1 -n2 sleep 50& "
          "for i in $(seq 50); do sleep .2; [ $(squeue -h -s | grep -c sleep) -gt 1 ] && break; done; "
          "squeue -h -s -o \"%i %N\" | grep [.]1; scancel $SLURM_JOB_ID.1; wait; "
          "for i in $(seq 50); do squeue -h -s | grep -q sleep || echo gone; "
          "squeue -h -s | grep -q sleep || break; sleep .2; done; srun --mpi=none -n1 echo next $SLURM_STEP_ID'", timeout=120)
    a = re.search(r"Granted job allocation (\d+)", p.err).group(1)
    same(sorted(re.findall(r"^\d: .*", p.out, re.M)), [f"0: a 0 0 {a}", f"1: b 1 1 {a}", f"2: b 2 1 {a}"],
         "srun a : b in an ordinary job", p)
    steps = re.findall(rf"^({a}\.1\S*) (\S+)$", p.out, re.M)
    # (squeue of 26.05 leaves out the component)
    ok(sorted(s[0] for s in steps) in ([f"{a}.1+0", f"{a}.1+1"], [f"{a}.1"] * 2),
       "one step of two components", p)
    same(len({s[1] for s in steps}), 2, "on two nodes")
    like(p.out, "^gone$", "scancel of the step is for both", p)
    like(p.out, r"^next", "and steps go on", p)
    gone()


def together():
    """None starts before all can."""
    fill = sbatch("-p quantum -N2 -o none -t 60", wrap="sleep 300", c=C)
    wait_state(fill, "RUNNING", c=C)
    a, b = hetbatch(AB + " -t 10")
    p = popen("salloc -p normal -N1 --mem=10 -J waits : -p quantum -N1 --mem=20 "
              "bash -c 'srun --mpi=none -l --het-group=0,1 hostname'", c=C)
    ok(wait_for(lambda: len(r("squeue -h -t PD -o %i -n waits").out.split()) in (1, 2), 20),
       "salloc waits too")
    time.sleep(2)
    same(states(a, b), ["PENDING"] * 2, "no component starts while another cannot")
    run(["scancel", fill], c=C)
    same(wait_all("RUNNING", a, b), ["RUNNING"] * 2, "then both start")
    same(len({job(n, C).get("StartTime") for n in (a, b)}), 1, "at the same time")
    out, err = p.communicate(timeout=90)
    like(err, r"^salloc: Pending job allocation \d+$", "salloc was queued")
    like(err, r"^salloc: Granted job allocation \d+$", "and was told")
    ok(re.fullmatch(r"0: c\d\n1: q\d", "\n".join(sorted(out.splitlines()))),
       "its step runs in both", out, err)
    gone()
    ids = hetbatch("-p normal -N2 -o none : -p normal -N1 : -p normal -N1")
    ids = (ids[0], ids[0] + 1, ids[0] + 2)
    wait_all("RUNNING", *ids)
    nodes = [n for i in ids for n in
             r(["scontrol", "show", "hostnames", job(i, C).get("NodeList", "")]).out.split()]
    same(sorted(nodes), ["c1", "c2", "c3", "c4"], "components share no node")
    gone()


def orders():
    a, b = hetbatch(AB.replace("-J het", "-J het --begin=now+1000"))
    check(f"scancel {a}+1", "one that waits cannot be cancelled", rc=60, c=C,
          err=f"scancel: error: Kill job error on job id {a}+1: {PART}\n")
    check(f"scancel {b}", "by neither name", rc=60, c=C,
          err=f"scancel: error: Kill job error on job id {b}: {PART}\n")
    check(f"scontrol suspend {a}+1", "nor suspended", rc=1, err=rx(f"{PART} for job {a}\\+1"),
          out=None, c=C)
    check(f"scontrol suspend {b}", "either", rc=1, err=rx(f"{PART} for job {b}"), out=None, c=C)
    check(f"scontrol requeue {a}+1", "nor requeued", rc=1, out=None, c=C,
          err=rx(f"Invalid job id specified for job {a}\\+1"))
    check(f"scontrol requeue {b}", "only the leader can", rc=1, out=None, c=C,
          err=rx(f"Job not heterogeneous job leader for job {b}"))
    check(f"scontrol update job={a}+1 name=xx", "one can be changed", c=C)
    same([job(n, C).get("JobName") for n in (a, b)], ["het", "xx"], "for itself")
    check(f"scontrol update job={a} name=yy", "by the leader's number all are", c=C)
    same([job(n, C).get("JobName") for n in (a, b)], ["yy", "yy"], "changed")
    check(f"scontrol update job={a}+7 name=zz", "there is no +7", rc=1, out=None, c=C,
          err=rx(rf"Invalid job id specified for job {a}\+7"))
    check(f"scontrol hold {a}", c=C)
    same([job(n, C).get("Priority") for n in (a, b)], ["0", "0"], "hold is for all")
    run(f"scontrol update job={a} starttime=now", c=C)
    run(f"scontrol release {a}+0", c=C)
    same([job(n, C).get("Priority") == "0" for n in (a, b)], [False, True], "release of one")
    time.sleep(2)
    same(states(a, b), ["PENDING"] * 2, "does not start it")
    check(f"scontrol release {a}", c=C)
    same(wait_all("RUNNING", a, b), ["RUNNING"] * 2, "that of the last does")
    check(f"scancel {a}+1", "one that runs can be cancelled", c=C)
    same(wait_end(b, c=C), "CANCELLED", "alone")
    time.sleep(1)
    same(state(a, C), "RUNNING", "the leader goes on")
    check(f"scancel {a}", c=C)
    same(wait_end(a, c=C), "CANCELLED", "until it is cancelled")
    gone()
    a, b = hetbatch(AB)
    wait_all("RUNNING", a, b)
    if not STOCK or VER != (22, 5):
        check(f"scontrol suspend {a}", "suspend is for all", c=C)
        same(states(a, b), ["SUSPENDED"] * 2, "components")
        check(f"scontrol resume {a}", "resume as well", c=C)
        same(states(a, b), ["RUNNING"] * 2, "all run again")
    check(f"scontrol requeue {a}", "requeue is for all", c=C)
    same(wait_all("PENDING", a, b), ["PENDING"] * 2, "all go back to the queue")
    same([job(n, C).get("Restarts") for n in (a, b)], ["1", "1"], "once")
    check(f"scancel {a}", c=C)
    same(wait_all(ENDED, a, b), ["CANCELLED"] * 2, "scancel is for all")
    gone()


def signals():
    p = popen(["salloc"] + words("-p normal -N1 -n1 --mem=10 : -p quantum -N1 -n1 --mem=20") + [
        "srun", "--mpi=none", "--het-group=0,1", "bash", "-c",
        "trap 'echo got $SLURM_PROCID; exit' USR1; echo ready; for i in $(seq 300); do sleep .2; done"],
        c=C, bufsize=1)
    a = ""
    while not a:
        a = "".join(re.findall(r"Granted job allocation (\d+)", p.stderr.readline()))
    same([p.stdout.readline() for i in range(2)], ["ready\n"] * 2, "a step in both components")
    check(f"scancel -s USR1 {a}", c=C)
    same(sorted(p.stdout.readline() for i in range(2)), ["got 0\n", "got 1\n"],
         "a signal reaches the tasks of both")
    p.communicate(timeout=60)
    gone()


def depend():
    a, b = hetbatch(AB, "#!/bin/bash\nsleep 2\n")
    n = sbatch(f"-p normal -o none -d afterok:{a}", wrap="true", c=C)
    h, i = hetbatch(f"-d afterok:{n} {AB}", "#!/bin/bash\ntrue\n")
    same([job(x, C).get("Reason") for x in (n, h)], ["Dependency"] * 2, "they wait for each other")
    same(wait_end(n, 60, c=C), "COMPLETED", "a job after a heterogeneous one")
    same(wait_all(ENDED, h, i), ["COMPLETED"] * 2, "and the other way round")
    gone()


def refused():
    het = C.path("shared", "het.sh")
    jobs = r("squeue -h -t all").out
    for args, text in (
            ("-p normal -N1 : -p nope -N1", "invalid partition specified: nope|Invalid partition name"),
            ("-p normal -N1 : -p quantum -N1 --gres=qpu:9", "node configuration is not available"),
            ("-p normal -N1 -a 1-3 : -p quantum -N1", "[Aa]rray")):
        check(f"sbatch {args} {het}", rc=1, out=None, err=rx(text), c=C)
    if OURS or VER > (22, 5):
        check("sbatch -p normal -N1 : -p quantum -N1 -L lic:1 " + het, rc=1, out=None, c=C,
              err=rx("^sbatch: error: 1: license request allowed only on leader job\n"
                     "sbatch: error: Batch job submission failed: Invalid license specification$")
              if VER > (22, 5) else rx("Invalid license specification"))
    same(r("squeue -h").out, "", "none of it was queued", jobs)
    check("sbatch -o none -p normal -N1 -L lic:1 : -p quantum -N1 " + het,
          "the leader may have licenses", out=None, c=C)
    gone()


def node_fails():
    a, b = hetbatch(AB)
    wait_all("RUNNING", a, b)
    node = job(b, C).get("NodeList")
    run(f"scontrol update nodename={node} state=down reason=gone", c=C)
    same(wait_all("PENDING", a, b), ["PENDING"] * 2, "a node of one component fails: all start again")
    run(f"scontrol update nodename={node} state=resume", c=C)
    gone()
    a, b = hetbatch("--no-requeue " + AB.replace("-p quantum", "--no-requeue -p quantum"))
    wait_all("RUNNING", a, b)
    node = job(b, C).get("NodeList")
    run(f"scontrol update nodename={node} state=down reason=gone", c=C)
    same(wait_all(ENDED, a, b), ["NODE_FAIL"] * 2, "or all fail")
    run(f"scontrol update nodename={node} state=resume", c=C)
    gone()


def restart():
    a, b = hetbatch(AB)
    wait_all("RUNNING", a, b)
    p, q = hetbatch(AB.replace("-J het", "-J het --begin=now+1000"))
    n = popen("salloc -p normal -N1 --mem=10 : -p quantum -N1 --mem=20 "
              "bash -c 'sleep 7; srun --mpi=none -l --het-group=0,1 hostname'", c=C)
    wait_for(lambda: len(r("squeue -h -t R").out.splitlines()) == 4, 60)
    def kept(j):
        return re.findall(r"(JobId|HetJobId|HetJobOffset|HetJobIdSet|JobState|Partition|TimeLimit"
                          r"|SubmitTime|JobName|BatchFlag|StartTime)=(\S+)", r(f"scontrol show job {j}").out)
    before = {x: kept(x) for x in (a, p)}
    ok(all(len(x) >= 20 for x in before.values()), "two jobs are shown", before)
    C.kill("slurmctld")
    C.start_ctld()
    ok(wait_for(lambda: run("scontrol ping", c=C).out == "Slurmctld(primary) at slurmctld is UP\n",
                20), "slurmctld is restarted")
    after = {x: kept(x) for x in (a, p)}
    same(after[p], before[p], "one that waits is as it was")
    same(after[a], before[a], "one that runs as well")
    out, err = n.communicate(timeout=90)
    ok(re.fullmatch(r"0: c\d\n1: q\d", "\n".join(sorted(out.splitlines()))),
       "an allocation goes on", out, err)
    check(f"scancel {p}+1", "its components still belong together", rc=60, err=None, c=C)
    run(f"scontrol update job={p} starttime=now", c=C)
    same(wait_all("RUNNING", p, q), ["RUNNING"] * 2, "and start together")
    check(f"scancel {a}", c=C)
    same(wait_all(ENDED, a, b), ["CANCELLED"] * 2, "and end together")
    gone()


main(setup, batch, steps, top_srun, ordinary, together, orders, signals, depend, refused, node_fails, restart)
