# SPDX-License-Identifier: Apache-2.0
"""What the black-box tests are written with.

A test program asserts what unmodified stock commands print and return.  The
same program runs with stock daemons (SLUICE_DAEMONS=stock: those of the
client's own release) and with ours; where it does not run on a cluster that
is up already (SLUICE_CLUSTER) it makes one.  Texts that are too long to be
written in the program are kept in expect/RELEASE/NAME, as stock printed them
(SLUICE_RECORD=1 with stock daemons writes them), normalised by norm().
"""
import atexit
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import slcluster
from slcluster import TOP, NODES, ADDR, QUICK  # noqa: F401

REL = os.environ.get("SLUICE_CLIENT", "22.05")
DAEMONS = os.environ.get("SLUICE_DAEMONS", "stock")
if DAEMONS == "stock":
    DAEMONS = REL
DAEMONS = DAEMONS.replace("CLIENT", REL)
STOCK = DAEMONS != "ours" and "ctld=ours" not in DAEMONS   # the controller
OURS = not STOCK
RECORD = os.environ.get("SLUICE_RECORD") == "1" and "ours" not in DAEMONS
EXPECT = os.path.join(TOP, "compat-tests", "expect", REL)
VER = tuple(int(x) for x in REL.split("."))
# What jobs find on a node of ours is 22.05: may they use it as a client?
INNER = not STOCK or "ours" not in DAEMONS or REL == "22.05"

_count = 0
_failed = 0
_clusters = []
_shared = None


def _at_end():
    for c in _clusters:
        c.stop()
        if not os.environ.get("SLUICE_KEEP"):
            shutil.rmtree(c.dir, ignore_errors=True)


atexit.register(_at_end)
signal.signal(signal.SIGTERM, lambda *a: sys.exit(1))


def new_cluster(daemons=None, conf=None, start=True, **kw):
    """A cluster for this program alone, gone when the program ends."""
    base = os.environ.get("SLUICE_TMP") or tempfile.gettempdir()
    d = tempfile.mkdtemp(prefix="sl-", dir=base)
    os.chmod(d, 0o755)
    c = slcluster.Cluster(d)
    _clusters.append(c)
    create = {k: kw.pop(k) for k in ("extra", "part_lines", "node_lines", "gres",
                                     "resolve", "third", "auth") if k in kw}
    c.create(daemons or DAEMONS, conf={**QUICK, **(conf or {})}, **create)
    if start:
        c.start(**kw)
    return c


def cluster():
    """The cluster under test."""
    global _shared
    if _shared is None:
        d = os.environ.get("SLUICE_CLUSTER")
        _shared = slcluster.Cluster(d) if d else new_cluster()
    return _shared


# ---------------------------------------------------------------- assertions

def diag(text):
    for line in str(text).rstrip("\n").split("\n")[:60]:
        print(f"# {line if len(line) < 500 else line[:500] + ' ...'}")


def ok(cond, name, *why):
    global _count, _failed
    _count += 1
    print(f"{'ok' if cond else 'not ok'} {_count} - {name}")
    if not cond:
        _failed += 1
        for w in why:
            diag(w)
    sys.stdout.flush()
    return bool(cond)


def skip(name, why):
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}")
    sys.stdout.flush()


def same(got, want, name, *why):
    return ok(got == want, name, f"got:  {got!r}", f"want: {want!r}", *why)


def like(got, pattern, name, *why):
    return ok(re.search(pattern, got, re.M) is not None, name,
              f"got:  {got!r}", f"want: /{pattern}/", *why)


def done():
    print(f"1..{_count}")
    sys.stdout.flush()
    sys.exit(1 if _failed else 0)


def main(*functions):
    """Run test functions; an exception is a failed test, not the end."""
    for f in functions:
        try:
            f()
        except Exception as e:
            ok(False, f"{f.__name__}: {e}", traceback.format_exc())
    done()


# ---------------------------------------------------------------- commands

class Result:
    def __init__(self, p):
        self.rc, self.out, self.err, self.cmd = p.returncode, p.stdout, p.stderr, p.args

    def __str__(self):
        return f"{self.cmd}\nrc {self.rc}\nstdout: {self.out!r}\nstderr: {self.err!r}"


def words(cmd):
    return shlex.split(cmd) if isinstance(cmd, str) else list(cmd)


def run(cmd, c=None, rel=None, **kw):
    """Run a stock client to its end: a command line or a list of words."""
    return Result((c or cluster()).run(rel or REL, words(cmd), **kw))


def popen(cmd, c=None, rel=None, **kw):
    kw.setdefault("stdout", subprocess.PIPE)
    kw.setdefault("stderr", subprocess.PIPE)
    kw.setdefault("text", True)
    return (c or cluster()).popen(rel or REL, words(cmd), **kw)


def check(cmd, name=None, rc=0, out=None, err="", **kw):
    """Run a client and compare: strings exactly, patterns (re.compile) by
    search, None not at all."""
    r = run(cmd, **kw)
    bad = []
    for what, got, want in (("rc", r.rc, rc), ("stdout", r.out, out),
                            ("stderr", r.err, err)):
        if want is None:
            continue
        if isinstance(want, re.Pattern):
            if not want.search(got):
                bad.append(f"{what}: wanted /{want.pattern}/")
        elif got != want:
            bad.append(f"{what}: wanted {want!r}")
    ok(not bad, name or (cmd if isinstance(cmd, str) else " ".join(cmd)), r, *bad)
    return r


def rx(pattern, flags=re.M):
    return re.compile(pattern, flags)


def wait_for(fn, timeout=15, step=0.05):
    end = time.monotonic() + timeout
    while True:
        v = fn()
        if v or time.monotonic() > end:
            return v
        time.sleep(step)


# ---------------------------------------------------------------- jobs

def sbatch(args, script=None, wrap=None, **kw):
    """Submit; returns the job id."""
    a = ["sbatch", "--parsable"] + words(args)
    if wrap is not None:
        a += ["--wrap", wrap]
    elif script is not None:
        kw["input"] = script if script.startswith("#!") else "#!/bin/bash\n" + script
    r = run(a, **kw)
    if r.rc or not re.match(r"\d+", r.out):
        raise Exception(f"sbatch failed: {r}")
    return r.out.strip().split(";")[0]


def fields(text):
    """key=value words of a scontrol record, as a dictionary."""
    out = {}
    for w in re.findall(r"(?:^|\s)([A-Za-z][\w:/]*)=((?:[^\s]|\s(?!\s*[A-Za-z][\w:/]*=))*)",
                        text):
        out.setdefault(w[0], w[1])
    return out


def job(jid, c=None, **kw):
    r = run(["scontrol", "-o", "show", "job", str(jid)], c=c, **kw)
    return fields(r.out) if r.rc == 0 else {}


def state(jid, c=None, **kw):
    return job(jid, c, **kw).get("JobState", "")


def wait_state(jid, want, timeout=20, c=None, **kw):
    """Wait until a job is in one of the states; returns the last one seen."""
    want = want.split("|")
    last = ""

    def there():
        nonlocal last
        last = state(jid, c, **kw)
        return last in want
    wait_for(there, timeout)
    return last


ENDED = "COMPLETED|FAILED|TIMEOUT|CANCELLED|NODE_FAIL|OUT_OF_MEMORY|BOOT_FAIL|DEADLINE|PREEMPTED"


def wait_end(jid, timeout=20, c=None, **kw):
    return wait_state(jid, ENDED, timeout, c, **kw)


def shared(name="", c=None):
    return (c or cluster()).path("shared", name)


def slurp(path, timeout=0):
    """What a file holds; waits for it to be there and not empty."""
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path), timeout)
    try:
        with open(path, errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def node_states(c=None):
    """Node name to state as sinfo has it, '*' and '$' included."""
    r = run(["sinfo", "-h", "-N", "-o", "%n %T"], c=c)
    return dict(l.split() for l in r.out.splitlines() if len(l.split()) == 2)


def wait_nodes(want, timeout=20, c=None):
    """Wait for nodes to be in these states; True, or the states found."""
    got = {}
    poke = time.monotonic()

    def there():
        nonlocal got, poke
        got = node_states(c)
        if all(got.get(n) == s for n, s in want.items()):
            return True
        # Stock may go on showing an allocation that ended in the second of
        # the last query, until some node changes
        if STOCK and time.monotonic() - poke > 1.2:
            poke = time.monotonic()
            for n in want:
                run(f"scontrol update nodename={n} weight=1", c=c)
    return wait_for(there, timeout) or got


def cancel_all(c=None):
    """Leave nothing behind for the next test."""
    for user in ("root", "alice", "bob"):
        run(["scancel", "-u", user], c=c)

    empty = wait_for(lambda: run("squeue -h", c=c).out == "", 30)
    return empty and wait_nodes(dict.fromkeys(NODES, "idle"), 30, c) is True


# ---------------------------------------------------------------- expected text

def norm(text, *subs, c=None):
    """Replace what differs between two runs of the same thing."""
    d = (c or cluster()).dir
    text = text.replace(d, "DIR")
    for pat, by in subs + (
            (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", "TIME"),
            (r"Linux 3?[\w.+-]+ .*", "Linux"),
    ):
        text = re.sub(pat, by, text, flags=re.M)
    return text


def expect(name, text):
    """Compare with what stock printed."""
    path = os.path.join(EXPECT, name)
    if RECORD:
        os.makedirs(EXPECT, exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return ok(True, f"recorded {REL}/{name}")
    if not os.path.exists(path):
        return ok(False, f"expect/{REL}/{name} exists")
    with open(path) as f:
        want = f.read()
    if text == want:
        return ok(True, f"text is stock's: {name}")
    import difflib
    d = difflib.unified_diff(want.splitlines(), text.splitlines(), "stock",
                             "here", lineterm="", n=1)
    return ok(False, f"text is stock's: {name}", "\n".join(d))
