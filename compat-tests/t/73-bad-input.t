#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Garbage on the ports: the daemons live on and answer others."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


# once
import random
import socket
import struct


def in_net(code):
    """Run python code inside the cluster's network."""
    c = cluster()
    return subprocess.run(["nsenter", f"--net=/run/netns/{c.netns('a')}", sys.executable, "-c", code],
                          capture_output=True, text=True, timeout=60)


SEND = """
import random, socket, struct, sys, time
def send(port, data, wait=.05, host="192.168.4.160"):
    try:
        s = socket.create_connection((host, port), 5)
        s.sendall(data)
        s.settimeout(wait)
        try:
            return s.recv(65536)
        except OSError:
            return b""
        finally:
            s.close()
    except OSError:
        return b""
random.seed(7)
"""


def alive(what):
    c = cluster()
    t = time.monotonic()
    check("scontrol ping", f"slurmctld answers after {what}", out="Slurmctld(primary) at slurmctld is UP\n")
    ok(time.monotonic() - t < 5, "soon")
    for n in ("slurmctld", "c1"):
        ok(c.pid(n), f"{n} is alive")


def connects():
    in_net(SEND + """
for i in range(100):
    for port in (6817, 6818, 6828, 6838):
        s = socket.create_connection(("192.168.4.160", port), 5)
        s.close()
""")
    r = run(["bash", "-c", "for i in 1 2 3; do echo > /dev/tcp/192.168.4.160/6817 && echo > /dev/tcp/192.168.4.164/6818 && echo OK; done"])
    same(r.out, "OK\nOK\nOK\n", "/dev/tcp as in the guide")
    alive("empty connections")


def garbage():
    in_net(SEND + """
for i in range(60):
    for port in (6817, 6818):
        n = random.choice((1, 3, 4, 5, 10, 100, 3000))
        send(port, random.randbytes(n), .01)
send(6817, b"GET / HTTP/1.0\\r\\n\\r\\n")
send(6818, b"GET / HTTP/1.0\\r\\n\\r\\n")
""")
    alive("garbage")
    in_net(SEND + """
# lengths that lie: huge, zero, more than is sent, and closed halfway
for port in (6817, 6818):
    for n in (0, 1, 7, 0x7fffffff, 0xffffffff, 0x40000000, 1 << 20):
        send(port, struct.pack(">I", n) + b"x" * 20, .01)
# every version in an otherwise empty header
for v in range(0, 12000, 256):
    h = struct.pack(">HHHII", v, 0, 1008, 0, 0) + struct.pack(">HH", 0, 0)
    for port in (6817, 6818):
        send(port, struct.pack(">I", len(h)) + h, .01)
""")
    alive("wrong lengths and versions")
    in_net(SEND + """
socks = []
for i in range(200):
    s = socket.create_connection(("192.168.4.160", 6817), 5)
    s.sendall(struct.pack(">I", 100000)[:random.randint(0, 4)])
    socks.append(s)
time.sleep(1)
""")
    alive("two hundred idle connections")


def replayed():
    """A real conversation, recorded by a proxy, then sent again and bent."""
    c = cluster()
    code = SEND + """
import threading, subprocess, os
ls = socket.create_server(("192.168.4.160", 7817))
got = []
def serve():
    while True:
        a, _ = ls.accept()
        b = socket.create_connection(("192.168.4.160", 6817))
        data = b""
        a.settimeout(5)
        try:
            while len(data) < 4 or len(data) < 4 + struct.unpack(">I", data[:4])[0]:
                d = a.recv(65536)
                if not d:
                    break
                data += d
        except OSError:
            pass
        got.append(data)
        b.sendall(data)
        b.settimeout(5)
        try:
            while True:
                d = b.recv(65536)
                if not d:
                    break
                a.sendall(d)
        except OSError:
            pass
        a.close(); b.close()
threading.Thread(target=serve, daemon=True).start()
conf = open(sys.argv[1]).read().replace("SlurmctldPort=6817", "SlurmctldPort=7817")
open(sys.argv[2], "w").write(conf)
env = dict(os.environ, SLURM_CONF=sys.argv[2])
subprocess.run(["squeue"], env=env, capture_output=True, timeout=20)
subprocess.run(["scontrol", "update", "partitionname=normal", "state=up"], env=env, capture_output=True, timeout=20)
print(len(got), len(got[0]) if got else 0)
for g in got:
    r = send(6817, g, 1)
    print("replayed", len(r))
    for i in range(0, len(g), max(1, len(g) // 120)):
        b = bytearray(g)
        b[i] ^= 1 << random.randint(0, 7)
        send(6817, bytes(b), .02)
        send(6817, g[:i], .005)
"""
    conf, tmp = c.path("etc", "22.05", "slurm.conf"), shared("replay.conf")
    r = c.run("22.05", ["python3", "-c", code, conf, tmp], timeout=120)
    like(r.stdout, r"^[1-9]\d* [1-9]\d+$", "a conversation was recorded", r.stdout, r.stderr)
    alive("replayed and bent requests")
    check("sinfo -h -p normal", out=rx(r"^normal +up 5-00:00:00 +4 +idle c\[1-4\]\n$"))


def foreign():
    """A client with another munge key."""
    c = cluster()
    other = slcluster.Cluster(c.path("shared", "other"))
    os.makedirs(other.path("munge"), exist_ok=True)
    key, sock = other.path("munge", "key"), other.path("munge", "sock")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o400), "wb") as f:
        f.write(os.urandom(64))
    p = subprocess.Popen(["munged", "--foreground", "--force", f"--key-file={key}", f"--socket={sock}",
                          f"--pid-file={other.path('munge', 'pid')}", f"--log-file={other.path('munge', 'log')}",
                          f"--seed-file={other.path('munge', 'seed')}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: os.path.exists(sock), 5)
        conf = slurp(c.path("etc", REL, "slurm.conf")).replace(c.path("munge", "sock"), sock)
        with open(shared("foreign.conf"), "w") as f:
            f.write(conf)
        start = len(slurp(c.path("log", "slurmctld.log")))
        r = run("sinfo", env={"SLURM_CONF": shared("foreign.conf")})
        ok(r.rc != 0, "a foreign key is refused", r)
        like(r.err, r"Protocol authentication error|Zero Bytes were transmitted or received|authentication", "with stock's words", r)
        log = c.path("log", "slurmctld.log")
        ok(wait_for(lambda: "Munge decode failed: Invalid credential" in slurp(log)[start:], 20),
           "logged", slurp(log)[-600:])
    finally:
        p.terminate()
        p.wait(10)
    alive("a foreign key")


def slow():
    """A client that asks and does not read."""
    code = SEND + """
socks = []
for i in range(20):
    s = socket.create_connection(("192.168.4.160", 6817), 5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.sendall(b"\\0\\0\\1\\0")
    socks.append(s)
time.sleep(2)
"""
    p = subprocess.Popen(["nsenter", f"--net=/run/netns/{cluster().netns('a')}", sys.executable, "-c", code])
    time.sleep(.5)
    alive("clients that stall")
    p.wait(20)


def end():
    check("srun -p normal -N4 hostname", "jobs run", out=rx(r"c\d"))
    ok(cancel_all(), "nothing is left behind")


main(connects, garbage, replayed, foreign, slow, end)
