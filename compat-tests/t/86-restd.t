#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""slurmrestd: what portals ask and do, as a user of the host and with a token."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
import slrest  # noqa: E402


# own
def number(x):
    """Newer ones say whether a number is one."""
    return x["number"] if isinstance(x, dict) else x


def states(x):
    return x if isinstance(x, list) else [x]


def well(got, name):
    status, j = got
    ok(status == 200 and isinstance(j, dict) and j.get("errors") == [], name, str(got)[:400])
    return j if isinstance(j, dict) else {}


def failed(got, code, name):
    status, j = got
    errors = j.get("errors") if isinstance(j, dict) else None
    ok(status != 200 and errors and code in [e.get(k) for e in errors for k in
                                             ("error_number", "error_code", "errno")], name, str(got)[:400])


def request(c, script, **more):
    d = {"name": "rest", "partition": "normal", "current_working_directory": c.path("shared"),
         "standard_output": c.path("shared", "rest.out"), **more}
    env = {"PATH": "/bin:/usr/bin"}
    if VER < (23, 11):
        return {"job": {**d, "environment": env}, "script": script}
    d["environment"] = [f"{k}={v}" for k, v in env.items()]
    return {"job": {**d, "script": script}} if VER > (24, 11) else {"job": d, "script": script}


def look(c, r):
    j = well(r.ask("GET", "ping"), "ping")
    like(str(j.get("pings")), "slurmctld", "the controller's name")
    j = well(r.ask("GET", "diag"), "diag")
    ok(number(j.get("statistics", {}).get("server_thread_count", -1)) >= 0, "its counters", str(j)[:300])
    j = well(r.ask("GET", "nodes"), "nodes")
    same(sorted(n["name"] for n in j.get("nodes", [])), sorted(NODES), "all of them")
    j = well(r.ask("GET", "node/c1"), "one node")
    same([(n["name"], states(n["state"])[0].lower(), n["cpus"]) for n in j.get("nodes", [])],
         [("c1", "idle", 4)], "its state")
    j = well(r.ask("GET", "partitions"), "partitions")
    same(sorted(p["name"] for p in j.get("partitions", [])), ["normal", "quantum"], "their names")
    well(r.ask("GET", "partition/normal"), "one partition")
    well(r.ask("GET", "licenses"), "licenses")
    same(well(r.ask("GET", "reservations"), "reservations").get("reservations"), [], "none yet")
    check("scontrol create reservation reservationname=r1 start=now+1hour duration=10 users=alice nodes=c4",
          "one is made", c=c)
    j = well(r.ask("GET", "reservation/r1"), "one reservation")
    same([(x["name"], x["node_list"], x["users"]) for x in j.get("reservations", [])],
         [("r1", "c4", "alice")], "as it is")
    if VER > (23, 2):
        well(r.ask("GET", "shares"), "shares")
        well(r.ask("GET", "jobs/state"), "states of jobs")


def jobs(c, r):
    j = well(r.ask("POST", "job/submit", request(c, "#!/bin/bash\nid -un\n")), "a job is submitted")
    jid = j.get("job_id", 0)
    same(wait_end(jid, 30, c=c), "COMPLETED", "it runs", job(jid, c))
    like(slurp(c.path("shared", "rest.out"), 10), r"\Aalice\n\Z", "as the user of slurmrestd")
    j = well(r.ask("GET", f"job/{jid}"), "it is shown")
    same([(x["job_id"], x["name"], states(x["job_state"])[0], x["user_name"]) for x in j.get("jobs", [])],
         [(jid, "rest", "COMPLETED", "alice")], "as it is")
    j = well(r.ask("GET", "jobs"), "all jobs")
    ok(jid in [x["job_id"] for x in j.get("jobs", [])], "with it")
    jid = well(r.ask("POST", "job/submit", request(c, "#!/bin/bash\nsleep 300\n")), "another").get("job_id", 0)
    wait_state(jid, "RUNNING", 20, c=c)
    well(r.ask("POST", f"job/{jid}", {"comment": "from afar"}), "it is changed")
    same(job(jid, c).get("Comment"), "from afar", "indeed")
    well(r.ask("DELETE", f"job/{jid}"), "it is cancelled")
    same(wait_end(jid, 30, c=c), "CANCELLED", "and ends", job(jid, c))


def refusals(c, r):
    failed(r.ask("GET", "job/999999"), 2017, "no such job")
    bad = request(c, "#!/bin/bash\ntrue\n", partition="nowhere")
    failed(r.ask("POST", "job/submit", bad), 2000, "no such partition")
    if VER > (23, 2):
        failed(r.ask("POST", "node/c1", {"state": ["DRAIN"], "reason": "x"}), 2010, "a user is no operator")
        failed(r.ask("GET", "reconfigure"), 2010, "not to reconfigure either")


def tokens(c):
    """One slurmrestd for everybody: who asks is in the request."""
    key = slrest.write_key(c)
    c.write_conf(AuthAltTypes="auth/jwt", AuthAltParameters="jwt_key={dir}/jwt.key")
    c.kill("slurmctld")
    c.start_ctld()
    wait_for(lambda: run("scontrol ping", c=c).out.count("is UP"), 20)
    wait_nodes({"c1": "idle", "c2": "idle", "c3": "idle"}, 40, c)
    r = slrest.Rest(c, "rest_auth/jwt", "bob")
    j = well(r.ask("POST", "job/submit", request(c, "#!/bin/bash\nsleep 300\n"),
                   token=slrest.token(key, sun="alice"), name="alice"), "submitted with alice's token")
    jid = j.get("job_id", 0)
    like(job(jid, c).get("UserId", ""), r"alice\(", "alice's job")
    bob = dict(token=slrest.token(key, sun="bob"), name="bob")
    if OURS and VER > (23, 2):      # 22.05 asks nobody, a stock slurmctld ends here
        r.ask("DELETE", f"job/{jid}", **bob)
        ok(state(jid, c) in ("RUNNING", "PENDING"), "bob's does not cancel it", state(jid, c))
    status, _ = r.ask("GET", "jobs", token=slrest.token(key, sun="bob"), name="alice")
    ok(status != 200, "bob's token does not make one alice", status)
    status, _ = r.ask("GET", "jobs", token=slrest.token(b"x" * 32, sun="alice"), name="alice")
    ok(status != 200, "nor one of another key", status)
    well(r.ask("DELETE", f"job/{jid}", token=slrest.token(key, sun="root"), name="alice"),
         "root's token may speak for alice")
    same(wait_end(jid, 30, c=c), "CANCELLED", "who cancels it", job(jid, c))
    r.end()


def all_of_it():
    if not slrest.installed():
        return skip("slurmrestd", "this release has none here")
    c = new_cluster()
    r = slrest.Rest(c)
    look(c, r)
    jobs(c, r)
    refusals(c, r)
    r.end()
    if slrest.plugin("rest_auth_jwt") and slrest.plugin("auth_jwt"):
        tokens(c)


main(all_of_it)
