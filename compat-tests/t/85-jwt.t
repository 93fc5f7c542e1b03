#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AuthAltTypes=auth/jwt: scontrol token, and clients that have one in SLURM_JWT."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
import slrest  # noqa: E402
from slrest import token  # noqa: E402


# own
CONF = {"AuthAltTypes": "auth/jwt", "AuthAltParameters": "jwt_key={dir}/jwt.key"}
REFUSED = "Zero Bytes were transmitted or received" if VER < (23, 2) else "Protocol authentication error"


def get(c, args="", **kw):
    r = run(f"scontrol token {args}", c=c, **kw)
    return r.out.strip()[len("SLURM_JWT="):] if r.out.startswith("SLURM_JWT=") else r


def refused(c, what, t):
    r = run("sinfo -h", c=c, user="alice", env={"SLURM_JWT": t})
    ok(r.rc == 1 and r.out == "" and REFUSED in r.err, what, r)


def start():
    c = new_cluster(conf=CONF, start=False)
    key = slrest.write_key(c)
    c.start(nodes=["c1", "c2"], wait=0)
    wait_nodes({"c1": "idle", "c2": "idle"}, 40, c)
    return c, key


def given(c, key):
    t = get(c, user="alice")
    claims = json_of(t)
    same(sorted(claims), ["exp", "iat", "sun"], "scontrol token: what is in it")
    same((claims["sun"], claims["exp"] - claims["iat"]), ("alice", 1800), "who, for half an hour")
    same(t, token(key, exp=claims["exp"], iat=claims["iat"], sun="alice"), "to the byte")
    same(json_of(get(c, "username=bob"))["sun"], "bob", "root gets one of somebody else")
    long = json_of(get(c, "lifespan=9000", user="alice"))
    same(long["exp"] - long["iat"], 9000, "lifespan=")
    same(json_of(get(c, "username=alice", user="alice"))["sun"], "alice", "one's own name may be said")
    r = get(c, "username=alice", user="bob")
    ok(r.rc == 1 and "error with request: Invalid user id" in r.err, "another's may not", r)
    return t


def json_of(t):
    import base64
    import json
    return json.loads(base64.urlsafe_b64decode(t.split(".")[1] + "=="))


def used(c, t):
    """Whoever has it is who it names."""
    env = {"SLURM_JWT": t}
    check("sinfo -h -p normal -o %D", "sinfo", out="4\n", user="bob", env=env, c=c)
    check("squeue -h", "squeue", out="", user="bob", env=env, c=c)
    check("scontrol show node c1", "scontrol show", out=rx("NodeName=c1 "), user="bob", env=env, c=c)
    r = check("sbatch --parsable -p normal -w c1 -o /dev/null --wrap 'sleep 300'", "sbatch", user="alice",
              env=env, c=c)
    j = r.out.strip()
    wait_state(j, "RUNNING", 20, c=c)
    same(job(j, c).get("UserId", "").split("(")[0], "alice", "whose it is")
    check(f"scancel {j}", "scancel", user="bob", env=env, c=c)
    same(wait_end(j, 30, c=c), "CANCELLED", "it is alice's to cancel", job(j, c))
    check("scontrol update nodename=c1 state=drain reason=x", "alice is no operator", rc=1,
          err=rx("Invalid user id"), user="root", env=env, c=c)
    root = {"SLURM_JWT": get(c)}
    check("scontrol update nodename=c2 state=drain reason=x", "root's is root", user="bob", env=root, c=c)
    check("scontrol update nodename=c2 state=resume", "and again", user="bob", env=root, c=c)
    check("scontrol token", "a token is good for another one", out=rx("^SLURM_JWT="), user="bob", env=env, c=c)


def claims(c, key):
    check("sinfo -h -p normal -o %D", "the claim 'username'", out="4\n", user="bob",
          env={"SLURM_JWT": token(key, username="alice")}, c=c)
    refused(c, "a signature that is not ours", token(b"x" * 32, sun="alice"))
    refused(c, "an algorithm 'none'", token(key, alg="none", sun="root"))
    refused(c, "an algorithm that is another", token(key, alg="HS512", sun="root"))
    refused(c, "one that has ended", token(key, sun="alice", exp=int(time.time()) - 5))
    refused(c, "one without an end", token(key, sun="alice", exp=None))
    refused(c, "one without a user", token(key))
    refused(c, "rubbish", "rubbish")
    refused(c, "an empty one", "")
    log = slurp(c.path("log", "slurmctld.log"))
    like(log, r"(auth_p|cred)_verify: jwt_decode failure: Invalid argument", "the log says: signature")
    like(log, r"(auth_p|cred)_verify: token expired", "the log says: expired")
    like(log, r"created token for alice for 1800 seconds", "the log says: given out")
    if OURS:
        like(log, r"Refused REQUEST_PARTITION_INFO: clock: the token of 'alice' ended 5 s ago",
             "in plain words as well")


def limits(c, key):
    c.write_conf(AuthAltParameters="jwt_key={dir}/jwt.key,max_token_lifespan=900")
    restart(c)
    t = json_of(get(c, user="alice"))
    same(t["exp"] - t["iat"], 900, "max_token_lifespan is the default then")
    r = get(c, "lifespan=901", user="alice")
    ok(r.rc == 1 and "Requested time limit is invalid" in r.err, "and more is refused", r)
    t = json_of(get(c, "lifespan=901"))
    same(t["exp"] - t["iat"], 901, "but to root")
    before = get(c, user="alice")
    c.write_conf(AuthAltParameters="disable_token_creation,jwt_key={dir}/jwt.key")
    slrest.write_key(c)
    restart(c)
    r = get(c, user="alice")
    ok(r.rc == 1 and "Access/permission denied" in r.err, "disable_token_creation", r)
    same(json_of(get(c))["sun"], "root", "but to root")
    refused(c, "another key: what was given out is void", before)


def restart(c):
    c.kill("slurmctld")
    c.start_ctld()
    wait_for(lambda: run("scontrol ping", c=c).out.count("is UP"), 20)


def without(c):
    c.write_conf(AuthAltTypes=None, AuthAltParameters=None)
    restart(c)
    r = get(c, user="alice")
    ok(r.rc == 1 and r.out == "", "without AuthAltTypes there are none", r)
    if VER >= (23, 2):
        like(r.err, "Required plugin type not loaded or initi?alized", "and it is said")
    r = run("sinfo -h", c=c, user="alice", env={"SLURM_JWT": token(b"x" * 32, sun="alice")})
    ok(r.rc == 1 and r.out == "", "and none is taken", r)


def bad_key():
    if STOCK and VER < (23, 2):
        return      # does not look
    c = new_cluster(conf=CONF, start=False)
    slrest.write_key(c)
    os.chmod(c.path("jwt.key"), 0o644)
    c.net_up()
    c.start_munge()
    try:
        c.start_ctld()
    except Exception:
        pass
    said = lambda: slurp(c.path("log", "slurmctld.log")) + slurp(c.path("out", "slurmctld"))
    ok(wait_for(lambda: "auth/jwt: key file is insecure" in said(), 10), "a key that everybody reads", said()[-400:])
    ok(wait_for(lambda: c.pid("slurmctld") is None, 10), "ends slurmctld")


def all_of_it():
    if not slrest.plugin("auth_jwt"):
        return skip("auth/jwt", "this Slurm was built without it")
    c, key = start()
    t = given(c, key)
    used(c, t)
    claims(c, key)
    limits(c, key)
    without(c)
    bad_key()


main(all_of_it)
