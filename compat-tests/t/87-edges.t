#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages that are wrong on the outside: what slurmctld and slurmd of a
release answer, and so ours in that release."""
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
import slframe  # noqa: E402
from slframe import CTLD, MUNGE, NODE, NUMBER, frame, seal, text  # noqa: E402


# own
V = NUMBER[REL]
PING = 1008
SAYS = f"v{V >> 8} rc 1007"
UNSERVED, DEFUNCT = 1001, 9999


def refusals(node):
    """What strangers hear: with a credential that is bad, with none that can be read."""
    if VER < ((25, 5) if node else (24, 11)):
        return "closed", "closed"
    return SAYS, SAYS if VER < (26, 5) else "closed"


def cases(c, node):
    good = f"v{V >> 8} type 1016" if node else f"v{V >> 8} rc 0"
    broken = f"v{V >> 8} rc 5003" if node else "closed"
    bad, unread = refusals(node)
    cred = lambda t: struct.pack(">I", MUNGE) + text(t)
    yield "a ping", frame(c, V, PING), good
    yield "an origin of a family that nobody knows", frame(c, V, PING, addr=struct.pack(">H", 99)), good
    yield "bytes where there is no body", frame(c, V, PING, b"abc"), good
    yield "a flag that nobody knows", frame(c, V, PING, flags=0x8000), good
    yield "no hash", frame(c, V, PING, cred=cred(seal(c, PING, payload=b""))), good
    yield "a hash of something else", frame(c, V, PING, cred=cred(seal(c, PING, payload=b"\2" + b"x" * 32))), broken
    yield "a credential for another type", frame(c, V, PING, cred=cred(seal(c, PING + 1))), broken
    yield "rubbish for a credential", frame(c, V, PING, cred=cred(b"MUNGE:rubbish:\0")), bad
    yield "NULL for a credential", frame(c, V, PING, cred=cred(b"")), bad
    if VER > (23, 2):
        yield "no credential, which the flag says", frame(c, V, PING, flags=0x40, cred=b""), bad
    yield "no credential", frame(c, V, PING, cred=b""), unread
    for plugin in (0, 104, 999):
        yield f"plugin {plugin}", frame(c, V, PING, plugin=plugin), unread
    yield "a body longer than announced", frame(c, V, PING, b"abc", length=0), broken
    yield "a body shorter than announced", frame(c, V, PING, length=7), broken
    yield "a type that nobody knows", frame(c, V, DEFUNCT), broken
    yield "an answer for a request", frame(c, V, 8001, struct.pack(">I", 0)), f"v{V >> 8} rc 22"
    if not node:
        yield "a request for slurmd", frame(c, V, UNSERVED), f"v{V >> 8} rc 22"
        yield "a body cut short", frame(c, V, 2007, b"\0\0\0"), "closed"


def edges():
    c = new_cluster(nodes=["c1"], wait=0)
    for node, port in ((False, CTLD), (True, NODE)):
        if node and "ours" in DAEMONS and not (DAEMONS == "ours" or c.meta["nodes"]["c1"] == REL):
            continue
        wait_for(lambda: connects(c, port), 20)
        for what, data, want in cases(c, node):
            got = slframe.said(*slframe.ask(c, data, port, wait=10))
            if got == "reset":
                got = "closed"
            same(got, want, f"{'slurmd' if node else 'slurmctld'}: {what}")
    good = frame(c, V, PING)
    same(slframe.said(*slframe.ask(c, good)), f"v{V >> 8} rc 0", "and then it answers")
    if OURS:
        same(slframe.said(*slframe.ask(c, good)) == f"v{V >> 8} rc 0", False, "but not the same message again")
        like(slurp(c.path("log", "slurmctld.log")), "plugin: .* plugin 999", "the log says what was wrong")


def connects(c, port):
    try:
        slframe.connect(c, "a", port).close()
        return True
    except OSError:
        return False


main(edges)
