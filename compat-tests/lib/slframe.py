# SPDX-License-Identifier: Apache-2.0
"""Frames made by hand, sent into a cluster, and what comes back.

The credential is munge's and only names the message type (hash type 1), which
every release takes, so a body may be anything."""
import glob
import os
import re
import socket
import struct
import subprocess

import slcluster

NUMBER = {r: (38 + k) << 8 for k, r in enumerate(slcluster.ORDER)}
MUNGE = 101
CTLD, NODE = 6817, 6818
RC, RC_MSG = 8001, 8002


def types():
    """Name to (number, has it a body, oldest, one after the newest release)."""
    with open(os.path.join(slcluster.TOP, "wire/proto/types.def")) as f:
        text = f.read()
    at = {r.replace(".", "_"): k for k, r in enumerate(slcluster.ORDER)}
    out = {}
    for kind, name, n, when in re.findall(r"^TYPE(0?)\((\w+),\s*(\d+),\s*(.*)\)$", text, re.M):
        low, high = 0, len(at)
        for w, r in re.findall(r"(SINCE|UNTIL|ONLY)\((\w+)\)", when):
            low = at[r] if w in ("SINCE", "ONLY") else low
            high = at[r] + (w == "ONLY") if w in ("UNTIL", "ONLY") else high
        out[name] = (int(n), not kind, low, high)
    return out


def seal(c, kind, user=None, payload=None):
    """A munge credential for a message of this type."""
    if payload is None:
        payload = struct.pack(">BH", 1, kind)
    cmd = ["munge", "-S", c.path("munge", "sock")]
    return subprocess.run(cmd, input=payload, capture_output=True, check=True,
                          user=user, timeout=20).stdout.strip() + b"\0"


def text(b):
    return struct.pack(">I", len(b)) + b


def header(version, kind, length, flags=0, forward=b"\0\0", ret=b"\0\0", addr=b"\0\0"):
    return struct.pack(">HHHI", version, flags, kind, length) + forward + ret + addr


def frame(c, version, kind, body=b"", plugin=MUNGE, cred=None, user=None, length=None, **more):
    if cred is None:
        cred = struct.pack(">I", plugin) + text(seal(c, kind, user))
    h = header(version, kind, len(body) if length is None else length, **more)
    return text(h + cred + body)


class Header:
    """Of an answer; rc is None unless it is one."""

    def __init__(self, data):
        p = data[4:]
        self.version, self.flags, self.kind, length = struct.unpack_from(">HHHI", p)
        self.body = p[len(p) - length:] if length else b""
        self.rc = None
        if self.kind in (RC, RC_MSG):
            self.rc = struct.unpack_from(">I", self.body)[0]


def connect(c, host, port, timeout=5):
    """A socket in the cluster's network."""
    with open("/proc/self/ns/net") as here, open(f"/run/netns/{c.netns('a')}") as there:
        slcluster.syscall("setns", there.fileno(), slcluster.CLONE_NEWNET)
        try:
            return socket.create_connection((slcluster.ADDR[host], port), timeout)
        finally:
            slcluster.syscall("setns", here.fileno(), slcluster.CLONE_NEWNET)


def ask(c, data, port=CTLD, host="a", wait=3.0, half=False):
    """(bytes, how it ended: closed, reset or open)"""
    s = connect(c, host, port)
    got, end = b"", "closed"
    with s:
        s.settimeout(wait)
        try:
            s.sendall(data)
            if half:
                s.shutdown(socket.SHUT_WR)
            while True:
                more = s.recv(65536)
                if not more:
                    break
                got += more
                if len(got) > 4 and len(got) >= 4 + struct.unpack_from(">I", got)[0]:
                    break
        except TimeoutError:
            end = "open"
        except OSError:
            end = "reset"
    return got, end


def said(got, end):
    """What came, in a word that two daemons can be compared by."""
    if not got:
        return end
    if got[:4] == b"HTTP":
        return "HTTP"
    try:
        h = Header(got)
    except struct.error:
        return f"{len(got)} bytes"
    what = f"rc {h.rc}" if h.rc is not None else f"type {h.kind}"
    if h.kind == RC_MSG:
        what = f"rc_msg {h.rc}"
    return f"v{h.version >> 8} {what}"


def vectors(version):
    """Name to bodies of captured messages, the longest first."""
    out = {}
    for path in glob.glob(f"{slcluster.TOP}/compat-tests/vectors/*-v{version >> 8}.tsv"):
        if "/dbd-" in path:
            continue
        with open(path) as f:
            for line in f:
                name, _, data = line.strip().partition("\t")
                p = bytes.fromhex(data)
                if "/persist-" in path:
                    out.setdefault(name, []).append(p[2:])
                    continue
                flags, _, length = struct.unpack_from(">HHI", p, 2)
                out.setdefault(name, []).append(p[len(p) - length:] if length else b"")
    return {k: sorted(v, key=len, reverse=True) for k, v in out.items()}
