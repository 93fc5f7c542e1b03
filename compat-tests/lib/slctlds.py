# SPDX-License-Identifier: Apache-2.0
"""Clusters with several controllers."""
import re

import slcluster
from sltest import ADDR, new_cluster, run, slurp

HOSTS = "".join(f"SlurmctldHost={n}({a})\n" for n, a in
                (("slurmctld", ADDR["a"]), ("slurmctld2", ADDR["b"]),
                 ("slurmctld3", ADDR["c"])))
TIMEOUT = 4


def make(count=2, **conf):
    c = new_cluster(extra="".join(HOSTS.splitlines(True)[:count]), third=count > 2,
                    conf={"ControlMachine": None, "ControlAddr": None,
                          "SlurmctldTimeout": str(TIMEOUT), **conf}, start=False)
    c.start()
    return c


def ping(c):
    """Controller to UP or DOWN; an answer of a standby is UP as well."""
    out = run("scontrol ping", c=c).out
    return dict(re.findall(r"at (\S+) is (\w+)", out))


def in_control(c):
    """The place in the list of the controller that answers clients: the one
    whose log says so last."""
    last = ("", "")
    for n in slcluster.CTLDS:
        for line in slurp(c.path("log", n + ".log")).splitlines():
            if "Running as primary controller" in line:
                last = max(last, (line[:24], n))
    return last[1]


def says(c, name, text):
    return text in slurp(c.path("log", name + ".log"))
