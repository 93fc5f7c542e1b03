#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# own
"""Licenses: counted among running jobs, kept by reservations, changed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def licenses():
    c = new_cluster(conf={"Licenses": "foo:4,bar"})

    def lic(name):
        return fields(run(f"scontrol -o show licenses {name}", c).out)

    def waiting(j):
        return run(f"squeue -h -j {j} -o %r", c).out.strip()

    def submit(args, **kw):
        return sbatch("-p normal --mem=100 -t 10 " + args, wrap="sleep 100", c=c, **kw)

    for k, v in (("Total", "4"), ("Used", "0"), ("Free", "4"), ("Remote", "no")):
        same(lic("foo").get(k, "").strip(), v, f"show licenses: {k}")
    same(lic("bar").get("Total"), "1", "a single one")
    for bad in ("nosuch", "foo:5"):
        check(f"sbatch -p normal --mem=100 -L {bad} --wrap=true", c=c, rc=1, out=None,
              err=rx("Invalid license specification"))
    j = submit("-L foo:3", user="alice")
    ok(wait_state(j, "RUNNING", c=c), "it runs")
    same(job(j, c=c).get("Licenses"), "foo:3", "show job: Licenses")
    ok(wait_for(lambda: lic("foo").get("Used") == "3", 10), "three are used")
    k = submit("-L foo:2", user="alice")
    ok(wait_for(lambda: waiting(k) == "Licenses", 20), "too few are left", waiting(k))
    m = submit("-L foo:1,bar", user="bob")
    ok(wait_state(m, "RUNNING", c=c), "a smaller one runs")
    run(f"scancel {m}", c)
    wait_end(m, c=c)
    check(f"scontrol update jobid={k} licenses=nosuch", c=c, rc=1, out=None,
          err=rx("Invalid license specification"))
    check(f"scontrol update jobid={k} licenses=foo:1", c=c, out="")
    ok(wait_state(k, "RUNNING", 60, c=c), "with fewer it runs")
    same(job(k, c=c).get("Licenses"), "foo:1", "as it is now")
    check(f"scontrol update jobid={j} licenses=foo:1", c=c, user="alice", rc=1, out=None,
          err=rx("Access/permission denied"))
    check(f"scontrol update jobid={j} licenses=foo:2", c=c, out="")
    ok(wait_for(lambda: lic("foo").get("Used") == "3", 10), "the administrator takes one back")
    run(f"scancel {j} {k}", c)
    wait_end(j, c=c)
    wait_end(k, c=c)
    check("scontrol create reservation reservationname=l starttime=now duration=60 users=alice "
          "licenses=foo:3 flags=any_nodes", c=c, out="Reservation created: l\n")
    like(run("scontrol -o show reservation l", c).out,
         r"Nodes=\S* NodeCnt=0 CoreCnt=0 .*Flags=ANY_NODES .*Licenses=foo:3 ", "reserved")
    same(lic("foo").get("Reserved"), "3", "show licenses: Reserved")
    j = submit("-L foo:2", user="bob")
    ok(wait_for(lambda: waiting(j) == "Licenses", 20), "reserved for others", waiting(j))
    k = submit("-L foo:2 --reservation=l", user="alice")
    ok(wait_state(k, "RUNNING", c=c), "it has them from its reservation")


main(licenses)
