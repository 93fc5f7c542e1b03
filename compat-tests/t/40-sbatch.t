#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sbatch: headers, options, output files, scripts."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def basics():
    r = check("sbatch -p normal -o none.out --wrap hostname", out=rx(r"^Submitted batch job \d+\n$"))
    j = r.out.split()[-1]
    same(wait_end(j), "COMPLETED", "it runs")
    like(slurp(shared("none.out"), 5), r"^c\d\n$", "its output file")
    j = sbatch("-p normal", wrap="hostname; pwd")
    wait_end(j)
    like(slurp(shared(f"slurm-{j}.out"), 5), rf"^c\d\n{shared().rstrip('/')}\n$", "slurm-%j.out in the submit directory")
    r = run("sbatch --parsable -p normal", input="#!/bin/bash\necho from stdin $0 $1\n")
    like(r.out, r"^\d+\n$", "--parsable, script from stdin")
    wait_end(r.out.strip())
    with open(shared("args.sh"), "w") as f:
        f.write("#!/bin/bash\necho args \"$@\" $#\n")
    r = run(["sbatch", "--parsable", "-p", "normal", "-o", "args.out", "args.sh", "a b", "c"])
    wait_end(r.out.strip())
    same(slurp(shared("args.out"), 5), "args a b c 2\n", "arguments of the script")
    ok(job(r.out.strip()).get("Command") in (shared("args.sh") + " a b c", shared("args.sh")), "Command")
    check("sbatch nofile", rc=1, err="sbatch: error: Unable to open file nofile\n")
    check("sbatch -p normal", input="echo no interpreter\n", rc=1,
          err=rx("This does not look like a batch script"))


HEADERS = """\
#!/bin/bash

#SBATCH --job-name=headers
#SBATCH --output=h-%j.out
#
#SBATCH --error=h-%j.err
#SBATCH --nodes=2
#SBATCH --ntasks=4
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=1
#SBATCH --partition=normal
#SBATCH --time=00:01:00
#SBATCH --mem=500M
#SBATCH --comment="two words"

sleep .7        # a job that completes has the nodes that still clean up
echo out
echo err >&2
#SBATCH --job-name=toolate
"""


def headers():
    with open(shared("h.sh"), "w") as f:
        f.write(HEADERS)
    j = run("sbatch --parsable h.sh").out.strip()
    f = job(j)
    same((f["JobName"], f["NumNodes"][0], f["NumTasks"], f["Partition"], f["TimeLimit"], f.get("Comment", "").strip()),
         ("headers", "2", "4", "normal", "00:01:00", "two words"), "headers are used")
    same(wait_end(j), "COMPLETED", "it runs")
    same(slurp(shared(f"h-{j}.out"), 5), "out\n", "--output")
    same(slurp(shared(f"h-{j}.err"), 5), "err\n", "--error")
    j = run("sbatch --parsable --nodes=1 --ntasks=2 -J over -t 5 h.sh").out.strip()
    f = job(j)
    same((f["JobName"], f["NumNodes"][0], f["NumTasks"], f["TimeLimit"]), ("over", "1", "2", "00:05:00"),
         "the command line wins")
    wait_end(j)
    like(run(f"scontrol show job {j}").out, r"MinMemoryNode=500M", "memory per node")


def waiting():
    check("sbatch -p normal --wait -o none --wrap 'exit 0'", out=None)
    r = run("sbatch -p normal --wait -o none --wrap 'exit 3'")
    same(r.rc, 3, "--wait returns the exit code", r)
    r = run("sbatch --parsable -p normal --wait -o w.out --wrap 'sleep .3; echo done'")
    same(slurp(shared("w.out")), "done\n", "and the output is there")
    r = run("sbatch --test-only -p normal -N2 --wrap true")
    like(r.err, r"^sbatch: Job \d+ to start at \S+ (a )?using 2 processors on nodes c\[\d[-,]\d\] in partition normal$",
         "--test-only", r)
    same((r.rc, r.out), (0, ""), "--test-only returns 0")
    check("sbatch --test-only -p normal --mem=20G --wrap true", rc=1, out="",
          err=rx("Requested node configuration is not available"))
    check("squeue -h", out="")


def begin():
    j = sbatch("-p normal --begin=now+2", wrap="true")
    like(run(f"squeue -h -j {j} -o '%t %r'").out, r"^PD BeginTime$|^PD None$", "waits for its time")
    same(wait_end(j, 15), "COMPLETED", "and runs then")
    j = sbatch("-p normal --hold", wrap="true")
    like(run(f"squeue -h -j {j} -o '%t %r'").out, "^PD JobHeldUser$", "--hold")
    run(["scancel", j])
    j = sbatch("-p normal -t 10 --deadline=now+1hour --priority=5", wrap="true")
    wait_end(j)
    same(job(j).get("Priority"), "5", "--priority as root")


def patterns():
    pats = {"%j": "{j}", "p-%x-%u-%N-%n-%t-%s": "p-pat-root-{n}-0-0-batch", "p%%x": "p%x",
            "p4-%4j": None, "p-%A": "p-{j}", "sub%jdir": "sub{j}dir", "p-%J": "p-{j}"}
    for p, want in pats.items():
        if want is None:
            continue
        j = sbatch(["-p", "normal", "-J", "pat", "-o", p], wrap="echo here $SLURMD_NODENAME")
        wait_end(j)
        n = job(j)["BatchHost"]
        want = want.format(j=j, n=n)
        same(slurp(shared(want), 3), f"here {n}\n", f"-o {p} is {want}")
    j = sbatch("-p normal -o app --open-mode=truncate", wrap="echo 1")
    wait_end(j)
    j = sbatch("-p normal -o app --open-mode=append", wrap="echo 2")
    wait_end(j)
    same(slurp(shared("app")), "1\n2\n", "--open-mode=append")
    j = sbatch("-p normal -o app", wrap="echo 3")
    wait_end(j)
    same(slurp(shared("app")), "3\n", "truncated otherwise")
    with open(shared("in.txt"), "w") as f:
        f.write("input\n")
    j = sbatch("-p normal -o in.out -i in.txt", wrap="cat")
    wait_end(j)
    same(slurp(shared("in.out")), "input\n", "--input")
    j = sbatch("-p normal -D /tmp -o /dev/null", wrap="true")
    same(job(j)["WorkDir"], "/tmp", "--chdir")
    wait_end(j)
    j = sbatch("-p normal -o /proc/nowhere/x", wrap="true")
    same(wait_end(j), "FAILED", "an output file that cannot be opened")


def user():
    os.makedirs(shared("alice"), exist_ok=True)
    os.chmod(shared("alice"), 0o777)
    j = sbatch("-p normal -o id.out", wrap="id -u; id -G; umask; pwd", user="alice", cwd=shared("alice"))
    same(wait_end(j), "COMPLETED", "as alice")
    same(slurp(shared("alice/id.out"), 5), f"20001\n20001 20010\n0022\n{shared('alice')}\n",
         "user, groups, umask, directory")
    same(os.stat(shared("alice/id.out")).st_uid, 20001, "the output file is hers")
    js = [popen("sbatch --parsable -p normal -o none --wrap true") for _ in range(6)]
    ids = {p.communicate()[0].strip() for p in js}
    same(len(ids - {""}), 6, "six at once get six ids")
    same({j: wait_end(j) for j in ids}, dict.fromkeys(ids, "COMPLETED"), "and run")


def limits():
    j = sbatch("-p normal -o rl", wrap="ulimit -n; ulimit -c",
               env={"SHELL": "/bin/bash"})
    wait_end(j)
    r = run("bash -c 'ulimit -n; ulimit -c'")
    same(slurp(shared("rl")), r.out, "resource limits of the submitter")


def end():
    ok(cancel_all(), "nothing is left behind")


main(basics, headers, waiting, begin, patterns, user, limits, end)
