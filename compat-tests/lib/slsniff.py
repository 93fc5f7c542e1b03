# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire of a cluster, as frames.

A packet socket in each network namespace of a cluster records TCP segments;
afterwards the streams are put together and cut into RPC frames."""
import collections
import os
import re
import select
import signal
import socket
import struct

import slcluster

OUTGOING = 4
SO_RCVBUFFORCE = 33


def types():
    """Number to name, from the table that the codec is built of."""
    with open(os.path.join(slcluster.TOP, "wire/proto/types.def")) as f:
        text = f.read()
    return {int(n): t for t, n in re.findall(r"^TYPE0?\((\w+),\s*(\d+),", text, re.M)}


class Sniffer:
    """Records into a file, in a process of its own."""

    def __init__(self, cluster, path):
        r, w = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(r)
                self.record(cluster, path, w)
            finally:
                os._exit(0)
        os.close(w)
        os.read(r, 1)
        os.close(r)

    @staticmethod
    def record(cluster, path, ready):
        stop = []
        signal.signal(signal.SIGTERM, lambda *a: stop.append(1))
        socks = {}
        for host in "ab":
            with open(f"/run/netns/{cluster.netns(host)}") as f:
                slcluster.syscall("setns", f.fileno(), slcluster.CLONE_NEWNET)
            s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(0x0800))
            s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
            s.setblocking(False)
            socks[s] = host
        os.write(ready, b"x")
        os.close(ready)
        with open(path, "wb") as out:
            while not stop:
                for s in select.select(list(socks), [], [], .2)[0]:
                    for _ in range(500):
                        try:
                            data, addr = s.recvfrom(1 << 17)
                        except BlockingIOError:
                            break
                        # each segment once: where it arrives
                        if addr[2] != OUTGOING and len(data) > 40 and data[9] == 6:
                            own = addr[0] == "lo" and socks[s] == "b"
                            out.write(struct.pack("<IB", len(data), own) + data)

    def stop(self):
        os.kill(self.pid, signal.SIGTERM)
        os.waitpid(self.pid, 0)


def streams(path):
    """Each TCP stream's bytes, one direction a stream."""
    return (s for _, s in ends(path))


def ends(path):
    """((host, addresses, ports), bytes) of each direction of each stream."""
    open_, done = {}, []
    with open(path, "rb") as f:
        while True:
            head = f.read(5)
            if len(head) < 5:
                break
            n, host = struct.unpack("<IB", head)
            p = f.read(n)
            if len(p) < n:
                break
            ihl, total = (p[0] & 15) * 4, struct.unpack(">H", p[2:4])[0] or n
            key = (host, p[12:20], p[ihl:ihl + 4])
            seq = struct.unpack(">I", p[ihl + 4:ihl + 8])[0]
            flags, data = p[ihl + 13], p[ihl + (p[ihl + 12] >> 4) * 4:total]
            if flags & 2:
                if key in open_:
                    done.append((key, open_.pop(key)))
                open_[key] = (seq + 1, {})
            elif data and key in open_:
                base, parts = open_[key]
                at = (seq - base) & 0xffffffff
                if at < 1 << 30 and len(parts.get(at, b"")) < len(data):
                    parts[at] = data
    for key, (base, parts) in done + list(open_.items()):
        out = b""
        for at in sorted(parts):
            if at > len(out):
                break               # something was lost
            out = out[:at] + parts[at] if at + len(parts[at]) > len(out) else out
        if out:
            yield key, out


def frames(path):
    """(name, version, frame without its length) of every whole RPC frame."""
    known = types()
    for s in streams(path):
        while len(s) > 18:
            n = struct.unpack(">I", s[:4])[0]
            f = s[4:4 + n]
            if n < 14 or len(f) < n:
                break
            at = 2 if f[:2] == b"\x19\x64" else 0     # a database's stream begins so
            if len(f) < at + 14:
                break
            version, _, kind, _, fwd, ret = struct.unpack(">HHHIHH", f[at:at + 14])
            if version & 0xff or not 38 <= version >> 8 <= 45 or kind not in known:
                break
            yield (known[kind] + ("+fwd" if fwd else "") + ("+ret" if ret else ""),
                   version >> 8, f)
            s = s[4 + n:]


PERSIST_INIT, TO_DATABASE = 6500, 1
CTLD_MULT, CTLD_MULT_ANSWER = 4500, 4501


def inside(m):
    """The messages in one between siblings."""
    count, at = struct.unpack(">I", m[2:6])[0], 6
    for _ in range(count if count < 1000 else 0):
        # the length stands there twice
        n = struct.unpack(">I", m[at + 4:at + 8].ljust(4, b"\xff"))[0]
        if at + 8 + n > len(m) or n < 2:
            break
        yield m[at + 8:at + 8 + n]
        at += 8 + n


def persistent(path):
    """(name, version, type and body) of the messages that follow an opened
    persistent connection, in both directions; those of a database have the
    numbers of dbd_types.def."""
    with open(os.path.join(slcluster.TOP, "wire/proto/dbd_types.def")) as f:
        dbd = {int(n): t for t, n in re.findall(r"^\w+\((\w+),\s*(\d+),", f.read(), re.M)}
    normal = types()
    every = list(ends(path))
    for key, s in every:
        f = s[4:4 + struct.unpack(">I", s[:4])[0]] if len(s) > 4 else b""
        at = 2 if f[:2] == b"\x19\x64" else 0
        if len(f) < at + 14 or struct.unpack(">H", f[at + 4:at + 6])[0] != PERSIST_INIT:
            continue
        version = f[at]
        length = struct.unpack(">I", f[at + 6:at + 10])[0]
        kind = struct.unpack(">H", f[len(f) - 4:len(f) - 2])[0] if length > 6 else 0
        known = dbd if kind == TO_DATABASE else normal
        back = (key[1][4:] + key[1][:4], key[2][2:] + key[2][:2])
        for t in [s[4 + len(f):]] + [o for k, o in every if k[1:] == back]:
            while len(t) > 6:
                n, number = struct.unpack(">IH", t[:6])
                m, t = t[4:4 + n], t[4 + n:]
                if len(m) < n or number not in known and number != 1433:
                    break
                yield known.get(number, "PERSIST_RC"), version, kind == TO_DATABASE, m
                for i in inside(m) if number in (CTLD_MULT, CTLD_MULT_ANSWER) else ():
                    number = struct.unpack(">H", i[:2])[0]
                    if number in normal:
                        yield normal[number], version, False, i


def choose(found, have, most=3):
    """Of all frames those worth keeping: a few of every type and release, of
    different lengths.  have: what the vectors hold already, (name, version)
    to the lengths."""
    groups = collections.defaultdict(dict)
    for name, version, f in found:
        groups[name, version].setdefault(len(f), f)
    out = collections.defaultdict(list)
    for (name, version), by in sorted(groups.items()):
        old = have.get((name, version), ())
        lens = [n for n in sorted(by) if n not in old]
        room = max(most - len(old), 1 if not old else 0)
        if len(lens) > room:        # the shortest, the longest, one between
            step = (len(lens) - 1) / max(room - 1, 1)
            lens = [lens[round(i * step)] for i in range(room)]
        for n in dict.fromkeys(lens):
            if n <= 24000 or (not old and n == min(by)):
                out[version].append((name, by[n]))
    return out
