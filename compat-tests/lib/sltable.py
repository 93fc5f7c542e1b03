# SPDX-License-Identifier: Apache-2.0
"""docs/compatibility.md: written from the cells of a run, and read again to
see what a later run has lost.

A cell is keyed (table, row, column), a row is controller, node and client as
far as the table has them.  Its value is "ok", "red" or "grey", and why."""
import re

import slcluster
import slprobe
import slserved

HEADS = ("Controller", "Node", "Client")
TEXT = {
    "client": ("Clients and controllers", ("Controller", "Client"),
               "Commands that only need the controller."),
    "batch": ("Batch jobs", HEADS,
              "Work that needs the controller and the node; the client only asks."),
    "step": ("Steps and what else speaks to nodes", HEADS,
             "`srun`, `sattach`, `sstat` and `sbcast` speak to node daemons themselves."),
    "refused": ("No protocol in common", HEADS,
                "A stock client speaks its own and two older releases (three from 24.11 on),"
                " and so does a stock\nnode daemon.  Where they cannot meet, Sluice's"
                " slurmctld says so when the step is created; batch jobs run."),
    "many": ("All nodes of a mixed cluster at once", ("Controller", "Client"),
             "Six nodes of as many releases as the controller can have, `TreeWidth=2`."
             "  Steps take the nodes that the client can speak to."),
    "daemon": ("Node daemons", ("Controller", "Node"), "What needs no client of its own."),
}
INTRO = """# Compatibility

Written by `compat-tests/matrix`; do not edit.  Every cell is one or more commands that were run
against real daemons of Debian's releases 22.05.8, 24.11.5 and 26.05.5 and ours, in mixed clusters.
Releases with a `*` are not Debian's: they were built from Slurm's source by hand.  A run on a machine
that has none of them leaves their rows as they were.
Combinations that are not listed cannot be: a stock controller serves its own and two older releases
(three from 24.11 on), node daemons and clients alike.
"""
MARK = "*"


def mark(release):
    return release + MARK if release in slprobe.ORDER and \
        release not in slcluster.RELEASES else release


def column_order():
    return [c for fam in (slprobe.CONTROLLER, slprobe.BATCH, slprobe.STEP,
                          slprobe.MANY, slprobe.DAEMON) for c, _ in fam]


def section(t, cells):
    title, heads, text = TEXT[t]
    rows = list(dict.fromkeys(r for _, r, _ in cells))
    cols = list(dict.fromkeys(c for _, _, c in cells))
    order, known = column_order(), ("Sluice", *slprobe.ORDER)
    cols.sort(key=lambda x: order.index(x) if x in order else 99)
    rows.sort(key=lambda r: [known.index(x) if x in known else 99 for x in r])
    out = [f"## {title}\n\n{text}\n", "| " + " | ".join(heads + tuple(cols)) + " |",
           "|" + "---|" * (len(heads) + len(cols))]
    notes = []
    for r in rows:
        line = [mark(x) for x in r]
        for col in cols:
            v, why = cells.get((t, r, col), ("", ""))
            if v in ("red", "grey"):
                if why not in notes:
                    notes.append(why)
                v = f"{'**no**' if v == 'red' else '–'} ({notes.index(why) + 1})"
            line.append(v)
        out.append("| " + " | ".join(line) + " |")
    out.append("")
    out += [f"{i + 1}. {why}" for i, why in enumerate(notes)]
    if notes:
        out.append("")
    return out


def markdown(cells):
    out = [INTRO]
    for t in TEXT:
        mine = {k: v for k, v in cells.items() if k[0] == t}
        if mine:
            out += section(t, mine)
    out.append(slserved.markdown())
    return "\n".join(out)


def parse(text):
    """The cells of a table that markdown() wrote."""
    cells, waiting, t, heads, notes = {}, [], None, [], {}

    def flush():
        for key, v, n in waiting:
            cells[key] = (v, notes.get(n, ""))
        waiting.clear()
        notes.clear()
    titles = {title: k for k, (title, _, _) in TEXT.items()}
    for line in text.split("\n"):
        if line.startswith("## "):
            flush()
            t, heads = titles.get(line[3:]), []
        elif t and line.startswith("| "):
            words = [w.strip() for w in line.strip("|").split("|")]
            if not heads:
                heads = words
                continue
            k = sum(h in HEADS for h in heads)
            row = tuple(w.rstrip(MARK) for w in words[:k])
            for h, w in zip(heads[k:], words[k:]):
                n = re.search(r"\((\d+)\)$", w)
                v = "ok" if w == "ok" else "red" if "no" in w else "grey" if w else ""
                if v:
                    waiting.append(((t, row, h), v, n and n[1]))
        elif t and re.match(r"\d+\. ", line):
            n, _, why = line.partition(". ")
            notes[n] = why
    flush()
    return cells


def read(path):
    try:
        with open(path) as f:
            return parse(f.read())
    except OSError:
        return {}


def lost(old, new, ran):
    """Cells that were green and are not: worse now, or not there although
    ran(key) says that this run had all they need."""
    out = []
    for key, (v, _) in old.items():
        if v != "ok":
            continue
        now = new.get(key, ("missing" if ran(key) else "ok", ""))
        if now[0] != "ok":
            out.append((key, *now))
    return out


def stock_alone(key):
    """No program of ours takes part in the cell."""
    return key[0] in ("batch", "step", "refused", "daemon") and "Sluice" not in key[1]


def carried(old, new, present):
    """What of the old table a run could not do: rows of absent releases."""
    return {k: v for k, v in old.items() if k not in new and
            any(x in slprobe.ORDER and x not in present for x in k[1])}
