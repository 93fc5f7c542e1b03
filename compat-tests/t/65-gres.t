#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# own
"""Generic resources: which devices a job, a step and a task are given, what
is shown of them, two nodes with a QPU each."""
import os
import stat
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

NODES_GPU = """\
NodeName=c1 NodeAddr=192.168.4.160 Port=6818 CPUs=4 Sockets=2 CoresPerSocket=2 RealMemory=1000 Gres=gpu:tesla:2,gpu:k80:2,lic:10 State=UNKNOWN
NodeName=c2 NodeAddr=192.168.4.160 Port=6828 CPUs=4 RealMemory=1000 Gres=gpu:tesla:4 State=UNKNOWN
NodeName=c3 NodeAddr=192.168.4.164 Port=6818 CPUs=4 RealMemory=1000 Gres=gpu:2 State=UNKNOWN
NodeName=c4 NodeAddr=192.168.4.164 Port=6828 CPUs=4 RealMemory=1000 Gres=gpu:2,shard:8 State=UNKNOWN
NodeName=q1 NodeAddr=192.168.4.160 Port=6838 CPUs=1 RealMemory=1000 CoresPerSocket=1 Gres=qpu:1 State=UNKNOWN
NodeName=q2 NodeAddr=192.168.4.164 Port=6838 CPUs=1 RealMemory=1000 CoresPerSocket=1 Gres=qpu:1 State=UNKNOWN
"""
PARTS = """\
PartitionName=normal Default=YES Nodes=c[1-4] DefMemPerCPU=100 MaxTime=INFINITE State=UP
PartitionName=quantum Nodes=q[1-2] DefMemPerCPU=100 MaxTime=INFINITE State=UP
"""
GRES = """\
AutoDetect=off
NodeName=q[1-2] Name=qpu Count=1
NodeName=c1 Name=gpu Type=tesla File={dir}/dev/x[0-1] Cores=0-1
NodeName=c1 Name=gpu Type=k80 File={dir}/dev/x[2-3] Cores=2-3
NodeName=c1 Name=lic Count=10
NodeName=c2 Name=gpu Type=tesla File={dir}/dev/x[4-7]
NodeName=c3 Name=gpu File={dir}/dev/x[0-1] Flags=amd_gpu_env
NodeName=c4 Name=gpu File={dir}/dev/x[0-1]
NodeName=c4 Name=shard Count=8
"""
VENDORS = ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK")
NAMES = VENDORS + ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS", "SLURM_GPUS_ON_NODE", "SLURM_SHARDS_ON_NODE")
SHOW = "echo task $SLURM_PROCID; env | grep -E '^(" + "|".join(NAMES) + ")=' | sed \"s/^/$SLURM_PROCID /\""
c = None


def devices():
    """Files that look like devices; False where we may not make any."""
    os.makedirs(c.path("dev"))
    try:
        for i in range(8):
            os.mknod(c.path("dev", f"x{i}"), 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except OSError:
        return False
    return True


def tasks(out):
    """Variables by task."""
    got = {}
    for l in out.splitlines():
        if l.startswith("task "):
            got.setdefault(l[5:], {})
        else:
            n, _, kv = l.partition(" ")
            got.setdefault(n, {})[kv.partition("=")[0]] = kv.partition("=")[2]
    return [got[k] for k in sorted(got)]


def gpus(devs, step=True, vendors=VENDORS, **more):
    """What a task that has these devices is told."""
    if not devs:
        return more
    v = dict.fromkeys(vendors, devs)
    v["SLURM_STEP_GPUS" if step else "SLURM_JOB_GPUS"] = devs
    v["SLURM_GPUS_ON_NODE"] = str(len(devs.split(",")))
    v.update(more)
    return v


def idle():
    """Nothing holds a device any more."""
    return wait_for(lambda: run("squeue -h", c).out == "", 30)


def told(args, want, name=None):
    idle()
    r = run(["srun"] + words(args) + ["sh", "-c", SHOW], c=c)
    got = tasks(r.out)
    same(got, want, name or f"srun {args}", r.err)


def shows():
    r = run("scontrol -d show node c1", c)
    like(r.out, r"Gres=gpu:tesla:2\(S:0\),gpu:k80:2\(S:1\),lic:10$", "show node: with sockets")
    like(r.out, r"GresUsed=(qpu:0,)?gpu:tesla:0\(IDX:N/A\),gpu:k80:0\(IDX:N/A\),lic:0(,shard:0)?$",
         "nothing is used")
    like(run("scontrol show node c2", c).out, r"Gres=gpu:tesla:4$", "without")
    same(run("sinfo -h -N -n c4,q1 -o %G", c).out.split(), ["gpu:2,shard:8", "qpu:1"], "sinfo")


def one_task():
    told("-w c1 --gres=gpu:1", [gpus("0")])
    told("-w c1 --gres=gpu:k80:2", [gpus("2,3")], "by type")
    told("-w c1 --gres=gpu:k80:1,gpu:tesla:1", [gpus("0,2")], "of two types")
    told("-w c1 --gres=gpu:3", [gpus("0,1,2")], "of whatever type")
    told("-w c1 --gpus=2", [gpus("0,1")])
    told("-w c1 --gpus=tesla:2", [gpus("0,1")])
    told("-w c3 --gres=gpu:2", [gpus("0,1", vendors=["ROCR_VISIBLE_DEVICES"])], "Flags=amd_gpu_env")
    told("-w c1 --gres=lic:3", [{}], "what has no files")
    told("-w c1 --exclusive", [{}], "a step of a whole node that asks for none")
    told("-w c4 --gres=shard:3", [gpus("0", SLURM_SHARDS_ON_NODE="3")], "parts of a GPU")
    told("-w c1 -n2 --sockets-per-node=2 --gpus-per-socket=1", [gpus("0,2")] * 2)


def many_tasks():
    def each(devs, on_node):
        return [gpus(d, SLURM_GPUS_ON_NODE=str(on_node)) for d in devs]
    told("-N1 -w c2 -n4 --gpus-per-task=1", each("0123", 4))
    told("-w c2 -n2 --gres=gpu:2 --gpu-bind=single:1", each("01", 2))
    told("-w c2 -n2 --gres=gpu:2 --gpu-bind=map_gpu:1,0", each("10", 2))
    told("-w c2 -n2 --gres=gpu:2 --gpu-bind=mask_gpu:1,3", each(("0", "0,1"), 2))
    told("-N1 -w c2 -n4 --gpus=4 --ntasks-per-gpu=1", each("0123", 4))
    if VER >= (23, 11):
        told("-w c2 -n2 --gpus-per-task=tesla:2", each(("0,1", "2,3"), 4))
        told("-w c1 -n1 --tres-per-task=gres/gpu:1", [gpus("0")])
    told("-N2 -w c1,c2 -n2 --gpus-per-node=2", [gpus("0,1")] * 2)
    idle()
    r = run(["srun", "-N2", "-n2", "-w", "c1,c2", "--gpus=3", "sh", "-c", SHOW], c=c)
    same(sorted(t.get("SLURM_GPUS_ON_NODE", "") for t in tasks(r.out)), ["1", "2"],
         "three of two nodes", r)


def used(node):
    m = re.search(r"GresUsed=(\S+)", run(f"scontrol -d show node {node}", c).out)
    return m.group(1) if m else ""


def detail(j):
    m = re.search(r" GRES=(\S+)", run(f"scontrol -d show job {j}", c).out)
    return m.group(1) if m else ""


def jobs():
    idle()
    out = shared("%j", c)
    a = sbatch(f"-w c1 --gres=gpu:tesla:1 -o {out}", wrap=SHOW + "; echo end; sleep 100", c=c)
    same(wait_state(a, "RUNNING", c=c), "RUNNING", "a batch job")
    same(detail(a), "gpu:tesla:1(IDX:0)", "show job: which device")
    ok(wait_for(lambda: "SLURM_JOB_GPUS=0" in slurp(shared(a, c)), 20), "its script is told",
       slurp(shared(a, c)))
    wait_for(lambda: "end" in slurp(shared(a, c)), 20)
    like(slurp(shared(a, c)), "CUDA_VISIBLE_DEVICES=0", "as its programs are")
    like(slurp(shared("prolog", c)), rf"^{a} 0 0$", "its prolog was told")
    b = sbatch("-w c1 --gres=gpu:tesla:1,gpu:k80:1,lic:2 -o none", wrap="sleep 100", c=c)
    same(wait_state(b, "RUNNING", c=c), "RUNNING", "another, of two types")
    has = "gpu:tesla:1(IDX:1),gpu:k80:1(IDX:2),lic(CNT:2)"
    same(sorted(detail(b).split(",")), sorted(has.split(",")), "has what is left")
    like(used("c1"), r"gpu:tesla:2\(IDX:0-1\),gpu:k80:1\(IDX:2\),lic:2", "show node: GresUsed")
    like(run(["sinfo", "-h", "-n", "c1", "-O", "GresUsed:70"], c).out,
         r"gpu:tesla:2\(IDX:0-1\),gpu:k80:1\(IDX:2\)", "sinfo")
    d = sbatch("-w c1 --gres=gpu:tesla:1 -o none", wrap="sleep 100", c=c)
    ok(wait_for(lambda: job(d, c).get("Reason", "").startswith("Resources"), 20), "a third waits",
       job(d, c))
    c.kill("slurmctld")
    c.start_ctld()
    ok(wait_for(lambda: node_states(c).get("c1") == "mixed", 30), "slurmctld is back", node_states(c))
    same([detail(a), sorted(detail(b).split(","))], ["gpu:tesla:1(IDX:0)", sorted(has.split(","))],
         "after a restart of slurmctld they have the same")
    run(f"scancel {b}", c)
    same(wait_state(d, "RUNNING", 30, c=c), "RUNNING", "it starts when one is free")
    same(detail(d), "gpu:tesla:1(IDX:1)", "with the free one")
    run(f"scancel {a} {d}", c)
    ok(wait_for(lambda: "tesla:0(IDX:N/A)" in used("c1"), 20), "all are given back", used("c1"))


def steps():
    idle()
    inner = ("srun sh -c 'echo all $CUDA_VISIBLE_DEVICES'; "
             "srun --gres=none sh -c 'echo none $CUDA_VISIBLE_DEVICES'; "
             "srun --gres=gpu:tesla:1 sh -c 'echo one $CUDA_VISIBLE_DEVICES'; "
             "srun --overlap --gres=gpu:tesla:2 sh -c 'echo two $CUDA_VISIBLE_DEVICES'")
    r = run(["salloc", "-w", "c1", "--gres=gpu:tesla:2", "sh", "-c", inner], c)
    same(sorted(r.out.splitlines()), ["all 0,1", "none", "one 0", "two 0,1"],
         "steps have what they name, or all", r)
    flag = shared("both", c)
    body = (f"echo $CUDA_VISIBLE_DEVICES; touch {flag}.$SLURM_STEP_ID; "
            f"for i in $(seq 200); do [ $(ls {flag}.* | wc -l) -lt 2 ] || break; sleep 0.1; done")
    cmd = f"srun -n1 --exact --gres=gpu:tesla:1 sh -c '{body}'"
    idle()
    r = run(["salloc", "-w", "c1", "-n2", "--gres=gpu:tesla:2", "sh", "-c",
             f"{cmd} & {cmd} & wait"], c)
    same(sorted(r.out.split()), ["0", "1"], "steps at the same time have each their own", r)
    r = run("salloc -w c1 --gres=gpu:tesla:1 srun --gres=gpu:tesla:2 true", c)
    ok(r.rc and "Invalid generic resource" in r.err, "more than the job has", r)


def cores():
    idle()
    j = sbatch("-w c1 -n1 --gres=gpu:k80:1 -o none", wrap="sleep 100", c=c)
    wait_state(j, "RUNNING", c=c)
    like(run(f"scontrol -d show job {j}", c).out, r"CPU_IDs=2 .*GRES=gpu:k80:1\(IDX:2\)",
         "cores near the device")
    run(f"scancel {j}", c)
    idle()
    j = sbatch("-w c1 -n2 --gres=gpu:k80:1 --gres-flags=enforce-binding -o none", wrap="sleep 100", c=c)
    wait_state(j, "RUNNING", c=c)
    like(run(f"scontrol -d show job {j}", c).out, r"CPU_IDs=2-3 ", "--gres-flags=enforce-binding")
    run(f"scancel {j}", c)


def shards():
    if c.meta["ctld"] == "22.05":
        return skip("parts and wholes", "slurmctld 22.05 gives a GPU away whole and in parts")
    idle()
    j = sbatch("-w c4 --gres=shard:3 -o none", wrap="sleep 100", c=c)
    k = sbatch("-w c4 --gres=gpu:1 -o none", wrap="sleep 100", c=c)
    same([wait_state(x, "RUNNING", c=c) for x in (j, k)], ["RUNNING"] * 2, "a part and a whole GPU")
    same(detail(k), "gpu:1(IDX:1)", "the whole one is another")
    n = sbatch("-w c4 --gres=shard:1 -o none", wrap="sleep 100", c=c)
    same(wait_state(n, "RUNNING", 30, c=c), "RUNNING", "another part")
    m = sbatch("-w c4 --gres=gpu:1 -o none", wrap="sleep 100", c=c)
    ok(wait_for(lambda: job(m, c).get("Reason", "").startswith("Resources"), 20), "no third GPU",
       job(m, c))
    run(f"scancel {j} {k} {m} {n}", c)


def errors():
    for a in ("-w c1 --gres=gpu:tesla:5", "-w c1 --gres=gpu:foo:1", "-w c1 --gres=qpu:none"):
        check(f"sbatch {a} --wrap=true", c=c, rc=1, out=None,
              err="sbatch: error: Batch job submission failed: Requested node configuration is not "
                  "available\n")
    check("sbatch --gres=gpu:1,gpu:tesla:1 --wrap=true", c=c, rc=1, out=None,
          err=rx("with and without type identification"))
    check("sbatch --gres=none -o none --wrap=true", c=c, out=None)


def qpus():
    told("-p quantum -N2 -n2 --gres=qpu:1", [{}, {}], "two QPUs")
    a, b = (sbatch("-p quantum --gres=qpu:1 -o none", wrap="sleep 100", c=c) for _ in "ab")
    same([wait_state(j, "RUNNING", c=c) for j in (a, b)], ["RUNNING"] * 2, "a job each")
    like(detail(a), r"^qpu(:1|\(CNT:1\))$", "counted, no number")
    like(used("q1"), r"^qpu:1\b", "in use")
    d = sbatch("-p quantum --gres=qpu:1 -o none", wrap="sleep 100", c=c)
    ok(wait_for(lambda: job(d, c).get("Reason", "").startswith("Resources"), 20), "a third waits")
    run(f"scancel {a}", c)
    same(wait_state(d, "RUNNING", 30, c=c), "RUNNING", "until one ends")
    run(f"scancel {b} {d}", c)


c = new_cluster(conf={"GresTypes": "qpu,gpu,lic,shard", "Prolog": "{dir}/prolog", "PrologFlags": "Alloc",
                      "SelectTypeParameters": "CR_Core_Memory"},
                node_lines=NODES_GPU, part_lines=PARTS, gres=GRES, start=False)
if devices():
    with open(c.path("prolog"), "w") as f:
        f.write(f"""#!/bin/sh
[ "$SLURM_JOB_GPUS" ] && echo $SLURM_JOB_ID $SLURM_JOB_GPUS $CUDA_VISIBLE_DEVICES >> {shared("prolog", c)}
exit 0
""")
    os.chmod(c.path("prolog"), 0o755)
    c.start(clients=[REL], wait=60)
    main(shows, one_task, many_tasks, jobs, steps, cores, shards, errors, qpus)
else:
    skip("gres", "no devices can be made here")
    done()
