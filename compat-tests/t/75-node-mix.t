#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our controller over node daemons of every release: a forwarding node dies,
a node changes its release with and without a job, peers of no known release."""
# own
# once
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

MIX = "ctld=ours,c1=24.11,c2=26.05,c3=22.05,c4=ours,q1=24.11,q2=26.05"
ALL = "c[1-4],q[1-2]"
have = all(slcluster.installed(r) for r in slcluster.RELEASES)
c = None


def up():
    global c
    epilog = {"TreeWidth": "2", "KillWait": "2", "SlurmdTimeout": "60",
              "PrologFlags": "Alloc"}
    parts = f"PartitionName=all Default=YES Nodes={ALL} MaxTime=INFINITE State=UP\n"
    lines = slcluster.NODE_LINES.replace("Gres=qpu:1 ", "").replace("CPUs=1 ", "CPUs=4 ")
    c = new_cluster(MIX, conf=epilog, part_lines=parts, node_lines=lines, start=False)
    c.start(clients=[REL], wait=90)
    ok(True, "six nodes of four releases, a tree of width two")


def reach():
    """Which nodes a client is given: those that it can speak to."""
    from slprobe import speaks, ORDER

    def meets(daemon):
        low = min(REL, daemon, key=ORDER.index)
        return speaks(REL, low) and speaks(daemon, low)
    far = [n for n, r in c.meta["nodes"].items() if r != "ours" and not meets(r)]
    near = [n for n in c.meta["nodes"] if n not in far]
    for k in (1, 2):
        r = run(f"srun -N{k} hostname", c=c)
        ok(r.rc == 0 and set(r.out.split()) <= set(near), f"srun -N{k} is given nodes it can speak to", r)
    r = run(f"srun -w {','.join(near)} -N{len(near)} hostname", c=c)
    same(sorted(r.out.split()), sorted(near), "srun on all of those", r)
    if far:
        t = time.monotonic()
        r = run(f"srun -w {far[0]} hostname", c=c)
        like(r.err, "no protocol in common", "others are refused in plain words")
        ok(r.rc and time.monotonic() - t < 5, "at once", r)


def middle():
    j = sbatch(f"-w {ALL} -N6 -o none", wrap="sleep 60", c=c)
    same(wait_state(j, "RUNNING", c=c), "RUNNING", "a job on all nodes")
    time.sleep(1)
    for n in ("c2", "c4"):
        c.kill(n, signal.SIGKILL)
    t = time.monotonic()
    run(["scancel", j], c=c)
    same(wait_state(j, ENDED + "|COMPLETING", 5, c) in ("COMPLETING", "CANCELLED"), True,
         "is cancelled with two node daemons gone", job(j, c))

    def free():
        s = node_states(c)
        return all(s.get(n, "").rstrip("*") in ("idle",) for n in ("c1", "c3", "q1", "q2"))
    ok(wait_for(free, 12), f"the others are free ({time.monotonic() - t:.1f} s)", node_states(c))
    run("scontrol reconfigure", c=c)
    k = sbatch("-w c1,c3,q1,q2 -N4 -o four-%j", wrap="echo $SLURM_JOB_NUM_NODES", c=c)
    same(wait_end(k, 30, c), "COMPLETED", "a job on the others")
    for n in ("c2", "c4"):
        c.start_node(n)
    same(wait_nodes(dict.fromkeys(NODES, "idle"), 60, c), True, "all come back")


def version_of(n):
    return fields(run(f"scontrol -o show node {n}", c=c).out).get("Version", "")


def become(n, release, want, under_job):
    j = None
    if under_job:
        j = sbatch(f"-w {n} -n1 -o none", wrap="sleep 5; exit 6", c=c)
        wait_state(j, "RUNNING", c=c)
        time.sleep(1)
    was = c.meta["nodes"][n]
    c.kill(n)
    c.start_node(n, release=release)
    what = f"{was} becomes {release}{' under a job' if under_job else ''}"
    ok(wait_for(lambda: version_of(n) == want, 20), f"{n}: {what}", version_of(n))
    if j:
        s = wait_end(j, 40, c)
        code = job(j, c).get("ExitCode", "")
        same((s, code), ("FAILED", "6:0"), f"{n}: its job goes on", slurp(c.path("log", f"slurmd-{n}.log"))[-900:])
    same(wait_nodes({n: "idle"}, 40, c), True, f"{n}: idle")
    k = sbatch(f"-w {n} -n1 -o ver-%j", wrap="echo here", c=c)
    same(wait_end(k, 30, c), "COMPLETED", f"{n}: a batch job after it", job(k, c))
    c.meta["nodes"][n] = release


def upgrade():
    become("c1", "26.05", "26.05.5", False)
    become("c1", "ours", "26.05.0-sluice", False)
    become("c1", "24.11", "24.11.5", False)
    become("q1", "26.05", "26.05.5", True)
    become("q1", "ours", "26.05.0-sluice", True)
    become("c3", "ours", "26.05.0-sluice", True)
    become("c4", "22.05", "22.05.8", True)


def frame(version, kind=1008):
    cred = b"MUNGE:none:\0"
    head = struct.pack(">HHHIHHH", version, 0, kind, 0, 0, 0, 0)
    body = head + struct.pack(">II", 101, len(cred)) + cred
    return struct.pack(">I", len(body)) + body


def talk(port, host, data):
    """What comes back for raw bytes; run inside the network of a client."""
    code = ("import socket,sys\n"
            f"s=socket.create_connection(('{host}',{port}),5)\n"
            "s.settimeout(5)\n"
            f"s.sendall(bytes.fromhex('{data.hex()}'))\n"
            "b=b''\n"
            "try:\n"
            "    while 1:\n"
            "        d=s.recv(4096)\n"
            "        if not d: break\n"
            "        b+=d\n"
            "except (OSError,socket.timeout): b+=b'TIMEOUT'\n"
            "print(b.hex())\n")
    return bytes.fromhex(run([sys.executable, "-c", code], c=c, rel="22.05").out.strip())


def edges():
    for v, what in ((37 << 8, "too old"), (46 << 8, "too new"), (45 << 8 | 1, "one off"),
                    (0x4745, "not ours at all")):
        b = talk(6817, ADDR["a"], frame(v))
        got = struct.unpack(">H", b[4:6])[0] if len(b) > 6 else 0
        if v > 38 << 8:
            ok(b[-4:] == struct.pack(">I", 1007) and 38 << 8 <= got <= min(v, 45 << 8),
               f"slurmctld: {what}: RC 1007 in a release it may know", b.hex())
        else:
            ok(b"TIMEOUT" not in b, f"slurmctld: {what}: closed", b.hex())
        b = talk(NODES["q1"][1], ADDR["a"], frame(v))
        ok(b"TIMEOUT" not in b, f"slurmd: {what}: no silence", b.hex())
    check("scontrol ping", "all is well after it", out=rx("is UP"), c=c)
    ok(all(c.pid(n) for n in ("slurmctld", *NODES)), "every daemon lives")


if have:
    main(up, reach, middle, upgrade, edges)
else:
    skip("all", "not every stock release is installed")
    done()
