#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""srun: launch, layout, standard input and output, exit codes."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def launch():
    r = check("srun -p normal -N4 hostname", out=None)
    same(sorted(r.out.split()), ["c1", "c2", "c3", "c4"], "four nodes, four names")
    check("srun -p quantum --gres=qpu:1 hostname", out=rx(r"^q[12]\n$"))
    check("srun hostname", "the default partition", out=rx(r"^q[12]\n$"))
    check("srun -p normal -w c3 hostname", out="c3\n")
    check("srun -p normal -w c2,c4 -N2 -l hostname", out=None, name="-l")
    r = run("srun -p normal -N4 -l hostname")
    same(sorted(r.out.splitlines()), ["0: c1", "1: c2", "2: c3", "3: c4"], "tasks are numbered in node order")
    r = run("srun -p normal -x c1,c3 -N2 -l hostname")
    same(sorted(r.out.splitlines()), ["0: c2", "1: c4"], "-x")
    r = run("srun -p normal -N2 -n4 --ntasks-per-node=2 -w c1,c2 -l hostname")
    same(sorted(r.out.splitlines()), ["0: c1", "1: c1", "2: c2", "3: c2"], "block distribution")
    r = run("srun -p normal -N2 -n4 -m cyclic -w c1,c2 -l hostname")
    same(sorted(r.out.splitlines()), ["0: c1", "1: c2", "2: c1", "3: c2"], "cyclic distribution")
    r = run("srun -p normal -N2-3 -w c1,c2 hostname")
    ok(set(r.out.split()) >= {"c1", "c2"}, "-N min-max", r)
    check("srun -p normal -n1 -c2 bash -c 'echo $SLURM_CPUS_PER_TASK $SLURM_CPUS_ON_NODE'", out="2 2\n")
    r = run(["srun", "-p", "normal", "bash", "-c", "printf '<%s>' \"$@\"", "x", "a b", '"q"', "", "$HOME", "*"])
    same(r.out, '<a b><"q"><><$HOME><*>', "arguments are passed as they are")
    check("srun -p normal --exclusive --mem=500 -N1 bash -c 'echo $SLURM_CPUS_ON_NODE'", out="4\n")


def std_in():
    r = run("srun -p normal -n2 -N2 -l cat", input="one\ntwo\n")
    same(sorted(r.out.splitlines()), ["0: one", "0: two", "1: one", "1: two"], "stdin goes to all")
    r = run("srun -p normal -n2 -N2 -l -i1 cat", input="x\n")
    same(r.out, "1: x\n", "-i1: to one task")
    r = run("srun -p normal -n2 -l -i none cat", input="x\n")
    same((r.out, r.rc), ("", 0), "-i none")
    r = run(["srun", "-p", "normal", "bash", "-c", "cat /dev/stdin | wc -c"], input="x" * 1000)
    same(r.out.strip(), "1000", "/dev/stdin can be opened")
    big = os.urandom(1 << 20)
    r = run("srun -p normal -N1 cat", input=big)
    ok(r.out == big, f"a megabyte there and back ({len(r.out)} bytes)")
    with open(shared("in"), "w") as f:
        f.write("from a file\n")
    check("srun -p normal -n2 -N2 -i in cat", out="from a file\n" * 2)
    r = run(["srun", "-p", "normal", "bash", "-c", "read a; echo got $a"], input="line\nrest\n")
    same((r.out, r.rc), ("got line\n", 0), "a task need not read all")


def std_out():
    r = run(["srun", "-p", "normal", "-n1", "bash", "-c", "echo out; echo err >&2"])
    same((r.out, r.err), ("out\n", "err\n"), "stdout and stderr are apart")
    r = run(["srun", "-p", "normal", "-n3", "-w", "c1,c2,c3", "-o", "so-%t-%n-%N", "-e", "se-%j-%t", "bash", "-c",
             "echo out $SLURM_PROCID $SLURM_JOB_ID; echo err $SLURM_PROCID >&2"])
    waited = re.sub(r"srun: job \d+ (queued and waiting|has been allocated).*\n", "", r.err)
    same((r.out, waited, r.rc), ("", "", 0), "-o and -e with patterns")
    text = "".join(slurp(shared(f"so-{i}-{i}-c{i + 1}")) for i in range(3))
    m = re.findall(r"out (\d) (\d+)", text)
    same([x[0] for x in m], ["0", "1", "2"], "a file for each task")
    if m:
        same(slurp(shared(f"se-{m[0][1]}-2")), "err 2\n", "%j and %t")
    run("srun -p normal -n2 -N2 -o both.out hostname")
    same(sorted(slurp(shared("both.out")).split()), ["c1", "c2"], "one file for all")
    check("srun -p normal -n2 -o none hostname", out="")
    r = run("srun -p normal -n2 -N2 -o 1 hostname")
    same(len(r.out.split()), 1, "-o TASK: only that task's output")
    r = run(["srun", "-p", "normal", "-n4", "-N4", "-l", "bash", "-c",
             "for i in {1..3000}; do echo $SLURM_PROCID line $i of a longer text; done"], timeout=60)
    lines = r.out.splitlines()
    per = {str(t): [l for l in lines if l.startswith(f"{t}: {t} line ")] for t in range(4)}
    ok(all([l.split()[3] for l in per[t]] == [str(i) for i in range(1, 3001)] for t in per),
       "four times 3,000 lines, each task's in order", len(lines), r.err)
    r = run(["srun", "-p", "normal", "-N1", "bash", "-c", "head -c 8000000 /dev/zero | tr '\\0' x"], timeout=60)
    same(len(r.out), 8000000, "eight megabytes on one line")
    p = popen(["srun", "-p", "normal", "--unbuffered", "bash", "-c", "printf 'part'; sleep 1; echo ial"],
              stdin=subprocess.DEVNULL)
    got = os.read(p.stdout.fileno(), 100)
    same(got, b"part", "--unbuffered gives what there is")
    p.communicate(timeout=20)
    r = run(["srun", "-p", "normal", "bash", "-c", "printf 'no newline'"])
    same(r.out, "no newline", "a last line without its end")
    # a reader that sleeps
    p = popen(["srun", "-p", "normal", "bash", "-c", "seq 1 200000"])
    time.sleep(1)
    out = p.communicate(timeout=40)[0]
    same(out.count("\n"), 200000, "a slow reader gets everything")


def codes():
    for n in (0, 1, 7, 255):
        r = run(["srun", "-p", "normal", "bash", "-c", f"exit {n}"])
        same(r.rc, n, f"exit code {n}")
        if n:
            like(r.err, rf"^srun: error: c\d: task 0: Exited with exit code {n}$", "and its message")
    r = run(["srun", "-p", "normal", "-n3", "bash", "-c", "exit $SLURM_PROCID"])
    same(r.rc, 2, "the highest exit code")
    r = run(["srun", "-p", "normal", "bash", "-c", "kill -SEGV $$"])
    same(r.rc, 139, "killed by a signal")
    like(r.err, r"^srun: error: c\d: task 0: Segmentation fault", "its name")
    r = run(["srun", "-p", "normal", "bash", "-c", "kill -TERM $$"])
    same(r.rc, 143, "SIGTERM")
    like(r.err, r"^srun: error: c\d: task 0: Terminated", "its name")
    r = run("srun -p normal nosuchprogram")
    same(r.rc, 2, "no such program")
    like(r.err, r"error: execve\(\): nosuchprogram: No such file or directory", "said by the step daemon")
    r = run("srun -p normal /etc")
    same(r.rc, 13, "not executable")
    r = run("srun -p normal -D /nowhere pwd")
    same(r.out, "/tmp\n", "a directory that is not there", r)
    like(r.err, r"error: couldn't chdir to `/nowhere': No such file or directory: going to /tmp instead", "is said")


def bad_exit():
    t = time.monotonic()
    r = run(["srun", "-p", "normal", "-n2", "-N2", "--kill-on-bad-exit", "bash", "-c",
             "[ $SLURM_PROCID = 0 ] && exit 5; sleep 50"], timeout=40)
    ok(r.rc != 0 and time.monotonic() - t < 30, "--kill-on-bad-exit ends the step", r)
    like(r.err, r"task 0: Exited with exit code 5", "and tells why")
    t = time.monotonic()
    r = run(["srun", "-p", "normal", "-n2", "-N2", "-W1", "bash", "-c",
             "[ $SLURM_PROCID = 0 ] && exit 0; sleep 50"], timeout=40)
    ok(r.rc != 0 and time.monotonic() - t < 30, "-W ends the step", r)
    like(r.err, r"First task exited 1s? ?s?ago|First task exited", "and tells why")


def waits():
    t = time.monotonic()
    r = run(["srun", "-p", "normal", "bash", "-c", "sleep 1.5 & echo done"])
    same((r.out, r.rc), ("done\n", 0), "a child that holds stdout", r)
    ok(time.monotonic() - t >= 1.3, "srun waits for it")
    t = time.monotonic()
    r = run(["srun", "-p", "normal", "-J", "left", "bash", "-c",
             "sleep 8 >/dev/null 2>&1 </dev/null & echo $! > left.pid"])
    ok(r.rc == 0 and time.monotonic() - t < 5, "one that does not is left alone")
    ok(os.path.exists(f"/proc/{slurp(shared('left.pid')).strip()}"), "and lives on (proctrack/linuxproc)")
    check("scancel -n left", out="")


def end():
    ok(cancel_all(), "nothing is left behind")


main(launch, std_in, std_out, codes, bad_exit, waits, end)
