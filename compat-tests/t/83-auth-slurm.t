#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""AuthType=auth/slurm: commands, jobs and steps in every mix, keys that are
wrong, missing, open to everybody or changed, and sackd."""
import base64
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403
from slauth import work  # noqa: E402


# own
NODE = DAEMONS.rsplit(",", 1)[-1]
SACK = os.path.join(slcluster.root_of(REL), "usr/sbin/sackd")


def use(c, what):
    work(c, "auth/slurm", what)
    j = sbatch("-p normal -N2", wrap="sleep 300", user="bob", c=c)
    wait_state(j, "RUNNING", 20, c=c)
    r = run(f"scancel {j}", user="alice", c=c)
    ok(r.rc != 0 or "Access/permission denied" in r.err, f"{what}: another user may not cancel", r)
    same(state(j, c), "RUNNING", f"{what}: and did not")
    check(f"scancel {j}", f"{what}: its own may", user="bob", c=c)
    same(wait_end(j, 30, c=c), "CANCELLED", f"{what}: cancelled", job(j, c))


def daemons():
    c = new_cluster(auth="slurm")
    use(c, DAEMONS)
    check("scontrol reconfigure", "reconfigure", c=c)
    ok(wait_for(lambda: run("srun -p normal -N4 true", c=c, timeout=20).rc == 0, 30),
       "and all goes on")
    log = slurp(c.path("log", "slurmctld.log"))
    ok("decode_jwt" not in log, "nothing was refused", log[-600:])


def mixes():
    if DAEMONS != "ours":
        return
    for mix in (f"ctld=ours,c1={REL},c3={REL},ours", f"ctld={REL},c1=ours,c3=ours,{REL}"):
        use(new_cluster(mix, auth="slurm"), mix)


def start_with_key(c, node, path):
    rel = c.meta["nodes"][node]
    os.makedirs(c.path("spool", node), exist_ok=True)
    c.spawn(node, rel, NODES[node][0], node, [c.program(rel, "slurmd"), "-D", "-N", node],
            env={"SLURM_SACK_KEY": path})


def other_key(c):
    path = c.path("other.key")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
        f.write(os.urandom(64))
    return path


def wrong_key():
    c = new_cluster(auth="slurm", start=False)
    c.start(nodes=["c1"])
    start_with_key(c, "c2", other_key(c))
    log = c.path("log", "slurmctld.log")
    both = lambda: slurp(c.path("out", "c2")) + slurp(c.path("log", "slurmd-c2.log"))
    stock = r"error: decode_jwt: jwt_decode \(with key\) failure: Invalid argument$"
    ok(wait_for(lambda: re.search(stock, slurp(log), re.M), 15), "slurmctld logs the wrong key", slurp(log)[-900:])
    like(slurp(log), r"error: verify_internal: decode_jwt\(\) failed$", "in stock's words")
    like(slurp(log), r"slurm_unpack_received_msg: \S+ auth_g_verify: MESSAGE_NODE_REGISTRATION_STATUS has "
         r"authentication error: Unspecified error$", "as an authentication error")
    if not STOCK:
        like(slurp(log), r"Refused MESSAGE_NODE_REGISTRATION_STATUS: key: the sender's slurm\.key is not ours",
             "and in plain ones")
    ok(node_states(c).get("c2") != "idle", "the node is not idle", node_states(c))
    # a command of the node's host gets its tokens from the node's daemon
    os.symlink(c.path("sack", "c2", "slurm", "sack.socket"), c.path("sack", "login", "slurm", "sack.socket"))
    ok(wait_for(lambda: os.path.exists(c.path("sack", "c2", "slurm", "sack.socket")), 10), "slurmd serves its socket")
    r = run("sinfo", c=c)
    same((r.rc, r.out, r.err.strip()), (1, "", "slurm_load_partitions: Protocol authentication error"),
         "what a command says", r)
    os.unlink(c.path("sack", "login", "slurm", "sack.socket"))
    check("srun -Q -p normal hostname", "with the right one all is well", out="c1\n", c=c)
    ok(both(), "slurmd has a log")
    c.kill("c2")
    c.start_node("c2")
    same(wait_nodes({"c2": "idle"}, 45, c), True, "with the right key the node comes back")


def step_manager():
    """Steps that the node signs, with the key that is there."""
    if VER < (24, 5):
        return
    c = new_cluster(auth="slurm", conf={"SlurmctldParameters": "enable_stepmgr", "PrologFlags": "Contain"})
    check("salloc -Q --stepmgr -p normal -N2 srun -N2 id -un", "a step of a step manager",
          out="alice\nalice\n", user="alice", c=c)
    check("srun -Q -p normal -N2 id -un", "and one of the controller", out="alice\nalice\n", user="alice", c=c)


def no_socket():
    c = new_cluster(auth="slurm", start=False, conf={"AuthInfo": "disable_sack"})
    c.net_up()
    c.start_ctld()
    ok(wait_for(lambda: "slurmctld" in slurp(c.path("log", "slurmctld.log")), 10), "slurmctld runs")
    r = run("sinfo", c=c)
    ok(r.rc == 1 and "failed to connect to any sack sockets" in r.err and
       "Protocol authentication error" in r.err, "AuthInfo=disable_sack: nobody gives tokens", r)


def bad_files():
    rel = c_rel = DAEMONS if DAEMONS in ("ours", REL) else None
    if not rel:
        return
    c = new_cluster(auth="slurm", start=False)
    c.net_up()
    key = c.path("etc", c_rel, "slurm.key")
    for what, change, text in (
            ("a key that everybody reads", lambda: os.chmod(key, 0o644),
             r"auth/slurm: key file is insecure: '/etc/slurm/slurm.key' mode=0644"),
            ("no key", lambda: os.unlink(key), r"auth/slurm: cannot (stat|open key file) '/etc/slurm/slurm.key'")):
        change()
        c.start_ctld()
        said = lambda: slurp(c.path("out", "slurmctld")) + slurp(c.path("log", "slurmctld.log"))
        ok(wait_for(lambda: c.pid("slurmctld") is None, 15), f"{what}: slurmctld does not start")
        like(said(), text, f"{what}: and says why")


def named_keys():
    """slurm.jwks: one key signs, all are accepted; changed without a stop."""
    if VER < (24, 5):
        return
    c = new_cluster(auth="slurm", start=False)
    keys = {n: base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=") for n in ("one", "two")}
    slurm = pwd.getpwnam("slurm")

    def write(signs, names):
        text = ",".join(f'{{"kid":"{n}","kty":"oct","alg":"HS256","k":"{keys[n]}"' +
                        (',"use":"default"' if n == signs else "") + "}" for n in names)
        for release in os.listdir(c.path("etc")):
            if release == "sys":
                continue
            path = c.path("etc", release, "slurm.jwks")
            with open(path + ".new", "w") as f:
                f.write('{"keys":[' + text + "]}")
            os.chmod(path + ".new", 0o600)
            os.chown(path + ".new", slurm.pw_uid, slurm.pw_gid)
            os.rename(path + ".new", path)

    def works(what):
        ok(wait_for(lambda: run("srun -p normal -N2 true", c=c, timeout=20).rc == 0, 40), what,
           slurp(c.path("log", "slurmctld.log"))[-900:])

    write("one", ["one"])
    c.start(nodes=["c1", "c2"])
    works("with a named key")
    for signs, names, what in (("one", ["one", "two"], "a second is known"),
                               ("two", ["one", "two"], "it signs"), ("two", ["two"], "the first is gone")):
        write(signs, names)
        check("scontrol reconfigure", f"{what}: reconfigure", c=c)
        works(f"{what}: steps start")
    log = c.path("log", "slurmctld.log")
    ok("could not find kid" not in slurp(log), "nothing was refused on the way", slurp(log)[-600:])


def sackd():
    """A login host with sackd alone."""
    if not os.access(SACK, os.X_OK):
        skip("sackd", "not installed")
        return
    c = new_cluster(auth="slurm", conf={"AuthInfo": "disable_sack"}, start=False)
    c.net_up()
    c.start_ctld()
    for n in ("c1", "c2"):
        c.start_node(n)
    c.spawn("sackd", REL, "a", "login", ["/usr/sbin/sackd", "-D", "-v"], user="slurm")
    ok(wait_for(lambda: os.path.exists(c.path("sack", "login", "slurm", "sack.socket")), 10), "sackd serves",
       slurp(c.path("out", "sackd"))[-600:])
    same(wait_nodes({"c1": "idle", "c2": "idle"}, 30, c), True, "nodes register without it")
    # (step daemons have nobody to ask here, of stock neither)
    check("sinfo -h -p normal -o %D", "a command asks it", out="4\n", user="alice", c=c)


def sackd_files():
    """One that has its configuration from the controller is told of changes."""
    if not os.access(SACK, os.X_OK):
        skip("sackd --conf-server", "not installed")
        return
    c = new_cluster(auth="slurm", conf={"SlurmctldParameters": "enable_configless"}, start=False)
    c.net_up()
    c.start_ctld()
    wait_for(lambda: run("sinfo", c=c).rc == 0, 10)
    c.spawn("sackd", REL, "b", "login", ["/usr/sbin/sackd", "-D", "--conf-server", ADDR["a"] + ":6817"],
            user="slurm")
    conf = c.path("sack", "login", "slurm", "conf", "slurm.conf")
    ok(wait_for(lambda: "KillWait=2\n" in slurp(conf), 15), "sackd has its files from the controller",
       slurp(c.path("out", "sackd"))[-600:])
    # it listens a moment later
    wait_for(lambda: c.run(REL, ["bash", "-c", f"</dev/tcp/{ADDR['b']}/6818"]).returncode == 0, 15)
    c.write_conf(KillWait="7")
    check("scontrol reconfigure", "the configuration changes", c=c)
    ok(wait_for(lambda: "KillWait=7\n" in slurp(conf), 20), "and sackd has the new one",
       slurp(c.path("out", "sackd"))[-600:])
    if STOCK and VER < (24, 5):
        return
    c.kill("slurmctld")
    c.start_ctld()
    ok(wait_for(lambda: run("sinfo", c=c).rc == 0, 15), "slurmctld is started anew")
    c.write_conf(KillWait="9")
    check("scontrol reconfigure", "the configuration changes again", c=c)
    ok(wait_for(lambda: "KillWait=9\n" in slurp(conf), 20), "sackd is told as before",
       slurp(c.path("out", "sackd"))[-600:], slurp(c.path("log", "slurmctld.log"))[-600:])


if VER < (23, 11):
    skip("auth/slurm", f"{REL} does not have it")
    done()
prefix = slcluster.prefix_of(REL)
if prefix and not os.path.exists(f"{prefix}/lib/slurm/auth_slurm.so"):
    skip("auth/slurm", f"Slurm {REL} was built without it here")
    done()
main(daemons, mixes, step_manager, wrong_key, no_socket, bad_files, named_keys, sackd, sackd_files)
