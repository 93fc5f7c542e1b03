#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of docs/compatibility.md: read as it was written, and what a run
has lost is seen."""
# own
# once
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
import sltable  # noqa: E402

A = ("batch", ("Sluice", "22.05", "24.11"), "batch")
B = ("step", ("26.05", "24.11", "26.05"), "srun")
C = ("client", ("Sluice", "25.05"), "ping")
CELLS = {A: ("ok", ""), B: ("grey", "a | b has a reason"), C: ("ok", ""),
         ("daemon", ("Sluice", "Sluice"), "reboot"): ("red", "it broke")}


def whole():
    text = sltable.markdown(CELLS)
    same(sltable.parse(text), CELLS, "what is written is read again")
    like(text, r"^\| Sluice \| 25\.05\* \| ok \|$", "a hand-built release is marked")


def compare():
    everything = lambda key: True   # noqa: E731
    same(sltable.lost(CELLS, CELLS, everything), [], "the same again loses nothing")
    worse = dict(CELLS)
    worse[A] = ("grey", "why not")
    same(sltable.lost(CELLS, worse, everything), [(A, "grey", "why not")], "green to grey is lost")
    worse[A] = ("red", "broken")
    same(sltable.lost(CELLS, worse, everything), [(A, "red", "broken")], "green to red is lost")
    gone = {k: v for k, v in CELLS.items() if k != A}
    same(sltable.lost(CELLS, gone, everything), [(A, "missing", "")], "a cell that was not run is lost")
    same(sltable.lost(CELLS, gone, lambda key: False), [], "unless the run could not have it")
    same([sltable.stock_alone(k) for k in (A, B, C)], [False, True, False], "cells of Slurm alone")
    better = dict(CELLS)
    better[B] = ("ok", "")
    same(sltable.lost(CELLS, better, everything), [], "better is no loss")


def carry():
    new = {A: ("ok", "")}
    same(sltable.carried(CELLS, new, slcluster.RELEASES), {C: ("ok", "")},
         "rows of a release that is not here stay")
    same(sltable.carried(CELLS, new, slcluster.ORDER), {}, "no others do")


main(whole, compare, carry)
