# SPDX-License-Identifier: Apache-2.0
"""Run programs that print TAP, one after the other, and add them up."""
import os
import re
import signal
import subprocess
import sys
import threading
import time

LIMIT = int(os.environ.get("SLUICE_TIMEOUT", "180"))
lock = threading.Lock()


class Total:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped


def say(text):
    with lock:
        sys.stdout.write(text)
        sys.stdout.flush()


def limit_of(path):
    """A program that waits for stock's time-outs says "# limit SECONDS"."""
    with open(path, errors="replace") as f:
        m = re.search(r"^# limit (\d+)$", f.read(4000), re.M)
    return max(LIMIT, int(m.group(1))) if m else LIMIT


def run_program(argv, label=None, env=None, limit=LIMIT):
    """Run one program; returns its Total.  Prints failures whole."""
    label = label or os.path.basename(argv[0])
    t = Total()
    start = time.monotonic()
    timed_out = False
    try:
        p = subprocess.Popen(argv, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                             env=env, text=True, errors="replace",
                             start_new_session=True)
    except OSError as e:
        t.failed = 1
        say(f"not ok {label}: {e}\n")
        return t

    def stop():
        nonlocal timed_out
        timed_out = True
        os.killpg(p.pid, signal.SIGTERM)
        time.sleep(15)
        if p.poll() is None:
            os.killpg(p.pid, signal.SIGKILL)
    timer = threading.Timer(limit, stop)
    timer.daemon = True
    timer.start()
    plan = None
    bad = False          # inside the diagnostics of a failed point
    complaints, points, other = [], 0, []
    skip_all = ""
    for line in p.stdout:
        m = re.match(r"(not )?ok\b(?:\s+\d+)?(.*)", line)
        if m:
            points += 1
            bad = False
            if re.search(r"#\s*skip", m.group(2), re.I):
                t.skipped += 1
            elif m.group(1) and not re.search(r"#\s*todo", m.group(2), re.I):
                t.failed += 1
                bad = True
                complaints.append(line)
            else:
                t.passed += 1
            other = []
            continue
        m = re.match(r"1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$", line, re.I)
        if m:
            plan = int(m.group(1))
            skip_all = m.group(2) or ""
            continue
        if bad:
            complaints.append("    " + line)
        else:
            other.append("    " + line)
            del other[:-40]
    rc = p.wait()
    timer.cancel()
    why = ""
    if timed_out:
        why = f"no end after {limit} s"
    elif rc < 0:
        why = f"killed by signal {-rc}"
    elif plan is not None and plan != points:
        why = f"planned {plan} tests but ran {points}"
    elif plan is None:
        why = "no plan"
    elif rc and not t.failed:
        why = f"exit code {rc}"
    if why:
        t.failed += 1
        complaints.append(f"not ok - {why}\n")
        complaints.extend(other)
    took = time.monotonic() - start
    skipped = f", {t.skipped} skipped" if t.skipped else ""
    if skip_all:
        skipped = f", skipped: {skip_all}"
    word = "not ok" if t.failed else "ok"
    say(f"{word} {label}: {t.passed} passed, {t.failed} failed{skipped}"
        f" ({took:.1f} s)\n" + "".join(f"  {c}" for c in complaints))
    return t


def report(total):
    """The closing line, and the exit code."""
    if total.skipped:
        say(f"({total.skipped} skipped)\n")
    say(f"{total.passed} passed, {total.failed} failed\n")
    return 1 if total.failed or not total.passed else 0
