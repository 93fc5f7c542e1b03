# SPDX-License-Identifier: Apache-2.0
"""A real Slurm cluster in a directory of its own.

Two hosts (network namespaces joined by a veth pair), one munged, one
slurmctld and any number of slurmd, each of a release of its own: the stock
packages of Debian 12, 13 and forky, a Slurm that somebody built and installed
in a directory (see hand_built), or the daemons built here.  Every daemon
gets a mount and a host name space of its own, as it would in a container, so
that nothing is written under /etc and no mount is left behind when it ends.
Needs root.  Everything that is started is ended by its recorded process id;
what jobs leave behind is found by the network namespaces, which are ours.
"""
import ctypes
import fcntl
import glob
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("SLUICE_CACHE", "/var/cache/sluice")
BUILD = os.environ.get("SLUICE_BUILD", os.path.join(TOP, "build"))
RELEASES = ("22.05", "24.11", "26.05")
SUITE = {"24.11": "trixie", "26.05": "forky"}
# Every release of the protocol's window, oldest first
ORDER = ("22.05", "23.02", "23.11", "24.05", "24.11", "25.05", "25.11", "26.05")
NODES = {  # name: (host, port)
    "c1": ("a", 6818), "c2": ("a", 6828), "q1": ("a", 6838),
    "c3": ("b", 6818), "c4": ("b", 6828), "q2": ("b", 6838),
}
CTLDS = {"slurmctld": "a", "slurmctld2": "b", "slurmctld3": "c"}
ADDR = {"a": "192.168.4.160", "b": "192.168.4.164", "c": "192.168.4.166"}
USERS = (("alice", 20001), ("bob", 20002))
GROUPS = (("alice", 20001, ""), ("bob", 20002, ""), ("quantum", 20010, "alice"))

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWNET = 0x20000, 0x4000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE, MS_RDONLY, MS_REMOUNT = 4096, 16384, 1 << 18, 1, 32
libc = ctypes.CDLL(None, use_errno=True)


def syscall(name, *args):
    if getattr(libc, name)(*args) != 0:
        e = ctypes.get_errno()
        raise OSError(e, f"{name}{args}: {os.strerror(e)}")


def mount(src, dst, kind=None, flags=0):
    enc = lambda s: s.encode() if isinstance(s, str) else s
    syscall("mount", enc(src), enc(dst), enc(kind), ctypes.c_ulong(flags), None)


def hand_built():
    """Releases that Debian does not have: {release: the --prefix directory}.

    Each was configured with that prefix and --sysconfdir=/etc/slurm.  They are
    named by SLUICE_RELEASES=25.05=DIR,25.11=DIR or lie below the cache, in a
    directory named by the release."""
    out = {r: os.path.join(CACHE, r) for r in ORDER if r not in RELEASES}
    for word in os.environ.get("SLUICE_RELEASES", "").split(","):
        r, _, d = word.partition("=")
        if d:
            out[r] = os.path.realpath(d)
    return {r: os.path.realpath(d) for r, d in out.items() if r in ORDER and
            os.access(f"{d}/sbin/slurmctld", os.X_OK) and os.access(f"{d}/sbin/slurmd", os.X_OK)}


HAND = hand_built()
PRESENT = tuple(r for r in ORDER if r in RELEASES or r in HAND)


def prefix_of(release):
    """Where a hand-built release is, None for others."""
    return HAND.get(release)


def root_of(release):
    """The file tree the programs of a release run in ("/" for 22.05)."""
    if release in ("ours", "22.05") or release in HAND:
        return "/"
    if release not in SUITE:
        raise ClusterError(f"no Slurm {release} here")
    return os.path.realpath(os.path.join(CACHE, SUITE[release]))


def installed(release, *programs):
    where = f"{BUILD}/sbin" if release == "ours" else \
        f"{HAND[release]}/sbin" if release in HAND else root_of(release) + "/usr/sbin"
    return all(os.access(f"{where}/{p}", os.X_OK) for p in programs or ("slurmctld",))


PROGRAMS = ("slurmctld", "slurmd", "slurmstepd")


# The two-Pi cluster.  Legacy spellings are meant: sites have them.
CONF = {
    "ClusterName": "linux", "ControlMachine": "slurmctld",
    "ControlAddr": ADDR["a"], "SlurmUser": "slurm", "SlurmctldPort": "6817",
    "SlurmdPort": "6818", "AuthType": "auth/munge",
    "AuthInfo": "socket={dir}/munge/sock", "StateSaveLocation": "{dir}/state",
    "SlurmdSpoolDir": "{dir}/spool/%n", "SwitchType": "switch/none",
    "MpiDefault": "pmix", "SlurmctldPidFile": "{dir}/run/slurmctld.pid",
    "SlurmdPidFile": "{dir}/run/slurmd-%n.pid",
    "ProctrackType": "proctrack/linuxproc", "ReturnToService": "2",
    "SlurmctldTimeout": "300", "SlurmdTimeout": "300", "InactiveLimit": "0",
    "MinJobAge": "300", "KillWait": "30", "Waittime": "0",
    "SchedulerType": "sched/backfill", "SelectType": "select/cons_tres",
    "SelectTypeParameters": "CR_CPU_Memory", "GresTypes": "qpu",
    "SlurmctldDebug": "3", "SlurmctldLogFile": "{dir}/log/slurmctld.log",
    "SlurmdDebug": "3", "SlurmdLogFile": "{dir}/log/slurmd-%n.log",
    "DebugFlags": "GRES", "JobCompType": "jobcomp/filetxt",
    "JobCompLoc": "{dir}/log/jobcomp.log",
    "JobAcctGatherType": "jobacct_gather/linux", "JobAcctGatherFrequency": "30",
    # not in the tutorial: the nodes have more processors than this machine
    "SlurmdParameters": "config_overrides",
}
# The same with less waiting, for tests
QUICK = {"KillWait": "2", "FirstJobId": "1000", "SchedulerParameters":
         "batch_sched_delay=0,sched_min_interval=0,sched_interval=1,bf_interval=1"}
NODE_LINES = """\
NodeName=c1 NodeAddr=192.168.4.160 Port=6818 CPUs=4 RealMemory=1000 State=UNKNOWN
NodeName=c2 NodeAddr=192.168.4.160 Port=6828 CPUs=4 RealMemory=1000 State=UNKNOWN
NodeName=c3 NodeAddr=192.168.4.164 Port=6818 CPUs=4 RealMemory=1000 State=UNKNOWN
NodeName=c4 NodeAddr=192.168.4.164 Port=6828 CPUs=4 RealMemory=1000 State=UNKNOWN
NodeName=q1 NodeAddr=192.168.4.160 Port=6838 CPUs=1 RealMemory=1000 CoresPerSocket=1 Gres=qpu:1 State=UNKNOWN
NodeName=q2 NodeAddr=192.168.4.164 Port=6838 CPUs=1 RealMemory=1000 CoresPerSocket=1 Gres=qpu:1 State=UNKNOWN
"""
PART_LINES = """\
PartitionName=normal Default=NO Nodes=c[1-4] Priority=50 DefMemPerCPU=500 Shared=NO MaxNodes=4 MaxTime=5-00:00:00 DefaultTime=5-00:00:00 State=UP
PartitionName=quantum Default=YES Nodes=q[1-2] MaxTime=INFINITE State=UP
"""
GRES = "NodeName=q1 Name=qpu Count=1\nNodeName=q2 Name=qpu Count=1\n"
CGROUP = """\
ConstrainCores=yes
ConstrainDevices=yes
ConstrainRAMSpace=yes
ConstrainSwapSpace=yes
{plugin}
MaxRAMPercent=98
AllowedSwapSpace=0
AllowedRAMSpace=100
MemorySwappiness=0
"""


class ClusterError(Exception):
    pass


class Cluster:
    """One cluster.  Its state is the directory; objects may come and go."""

    def __init__(self, directory):
        self.dir = os.path.realpath(directory)
        self.meta = {"ctld": "22.05", "nodes": {n: "22.05" for n in NODES},
                     "conf": {}, "extra": "", "part_lines": None,
                     "node_lines": None, "gres": None, "ns": None, "resolve": True,
                     "third": False, "auth": "munge"}
        try:
            with open(self.path("cluster.json")) as f:
                self.meta.update(json.load(f))
        except FileNotFoundError:
            pass

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def save(self):
        tmp = self.path("cluster.json.new")
        with open(tmp, "w") as f:
            json.dump(self.meta, f, indent=1)
        os.rename(tmp, self.path("cluster.json"))

    # ------------------------------------------------------------ directory

    def create(self, daemons="22.05", **meta):
        """Make the directory.  daemons: one release, or a list such as
        "ctld=ours,c1=22.05,c2=24.11" whose first plain word is the rest."""
        self.meta.update(meta)
        rest = "22.05"
        named = {}
        for word in str(daemons).split(","):
            if "=" in word:
                k, v = word.split("=", 1)
                named[k] = v
            elif word:
                rest = word
        self.meta["ctld"] = named.pop("ctld", rest)
        self.meta["nodes"] = {n: named.pop(n, named.get("slurmd", rest))
                              for n in NODES}
        named.pop("slurmd", None)
        if named:
            raise ClusterError(f"no such daemon: {', '.join(named)}")
        if not installed(self.meta["ctld"], "slurmctld"):
            raise ClusterError(f"slurmctld of {self.meta['ctld']} is not installed")
        for r in set(self.meta["nodes"].values()):
            if not installed(r, "slurmd", "slurmstepd"):
                raise ClusterError(f"slurmd of {r} is not installed")
        slurm = pwd.getpwnam("slurm")
        for d, mode, owner in (("", 0o755, 0), ("etc", 0o755, 0),
                               ("munge", 0o755, 0), ("state", 0o755, 1),
                               ("spool", 0o755, 0), ("run", 0o755, 1),
                               ("log", 0o755, 1), ("pid", 0o755, 0),
                               ("out", 0o755, 0),
                               ("home", 0o755, 0), ("shared", 0o1777, 0)):
            p = self.path(d)
            os.makedirs(p, exist_ok=True)
            os.chmod(p, mode)
            if owner:
                os.chown(p, slurm.pw_uid, slurm.pw_gid)
        for name, uid in USERS:
            os.makedirs(self.path("home", name), exist_ok=True)
            os.chown(self.path("home", name), uid, uid)
        if self.meta["auth"] != "munge":
            # /run/slurm and /run/slurmctld, for the sockets of auth/slurm: a
            # directory a host name, as hosts have it
            for name in ("slurmctld", "login", *NODES):
                for d in ("slurm", "slurmctld"):
                    os.makedirs(self.path("sack", name, d), exist_ok=True)
            for d in (("slurmctld", "slurmctld"), ("login", "slurm")):
                os.chown(self.path("sack", *d), slurm.pw_uid, slurm.pw_gid)
            self.meta["conf"] = {"AuthType": f"auth/{self.meta['auth']}",
                                 "CredType": f"cred/{self.meta['auth']}",
                                 "AuthInfo": None, **self.meta["conf"]}
        key = self.path("munge", "key")
        if not os.path.exists(key):
            fd = os.open(key, os.O_WRONLY | os.O_CREAT, 0o400)
            os.write(fd, os.urandom(128))
            os.close(fd)
        tag = hashlib.sha1((self.dir + str(os.getpid())).encode()).hexdigest()[:8]
        self.meta["ns"] = f"sluice-{tag}"
        if "ours" in (self.meta["ctld"], *self.meta["nodes"].values()):
            self.install()
        self.write_conf()
        self.save()
        return self

    def install(self):
        """Our daemons, copied: user slurm may not see the build directory."""
        os.makedirs(self.path("sbin"), exist_ok=True)
        for p in PROGRAMS:
            if not installed("ours", p):
                continue
            shutil.copy(f"{BUILD}/sbin/{p}", self.path("sbin", p + ".new"))
            os.rename(self.path("sbin", p + ".new"), self.path("sbin", p))

    def program(self, release, name):
        return self.path("sbin", name) if release == "ours" else f"/usr/sbin/{name}"

    def conf_text(self, release):
        conf = dict(CONF)
        # Debian's 26.05 has no pmix plugin, and those of the others fail now
        # and then when several node daemons share one machine
        if release == "26.05" or release in HAND or set(self.meta["nodes"].values()) != {"ours"}:
            conf["MpiDefault"] = "none"
        for k, v in self.meta["conf"].items():
            if v is None:
                conf.pop(k, None)
            else:
                conf[k] = v
        text = "".join(f"{k}={v}\n" for k, v in conf.items())
        text = text.replace("{dir}", self.dir)
        text += (self.meta["node_lines"] or NODE_LINES)
        text += (self.meta["part_lines"] or PART_LINES)
        return text + self.meta["extra"]

    def write_key(self, key, *releases):
        """slurm.key, for user slurm alone."""
        slurm = pwd.getpwnam("slurm")
        for release in releases or ("ours",) + PRESENT:
            path = self.path("etc", release, "slurm.key")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as f:
                f.write(key)
            os.chown(path, slurm.pw_uid, slurm.pw_gid)

    def write_conf(self, **changes):
        """(Re)write the files below etc/; changes override keys for good."""
        self.meta["conf"].update(changes)
        if self.meta["auth"] == "slurm" and not os.path.exists(self.path("etc", "ours", "slurm.key")):
            self.write_key(os.urandom(64))
        for release in ("ours",) + PRESENT:
            d = self.path("etc", release)
            os.makedirs(d, exist_ok=True)
            plugin = "CgroupPlugin=cgroup/v1" if release in ("ours", "22.05", "23.02", "23.11") \
                else "CgroupPlugin=disabled"
            for name, text in (("slurm.conf", self.conf_text(release)),
                               ("gres.conf", (self.meta["gres"] or GRES).replace("{dir}", self.dir)),
                               ("cgroup.conf", CGROUP.format(plugin=plugin))):
                with open(os.path.join(d, name), "w") as f:
                    f.write(text)
        root_files = self.path("etc", "sys")
        for release in ("ours",) + PRESENT:
            root = root_of(release)
            if not os.path.exists(root + "/etc/passwd"):
                continue
            d = os.path.join(root_files, release)
            os.makedirs(d, exist_ok=True)
            with open(root + "/etc/passwd") as f:
                passwd = [l for l in f if l.split(":")[0] not in dict(USERS)]
            passwd += [f"{n}:*:{u}:{u}::{self.path('home', n)}:/bin/bash\n"
                       for n, u in USERS]
            with open(root + "/etc/group") as f:
                group = [l for l in f
                         if l.split(":")[0] not in [g[0] for g in GROUPS]]
            group += [f"{n}:x:{g}:{m}\n" for n, g, m in GROUPS]
            hosts = ["127.0.0.1 localhost\n"]
            if self.meta["resolve"]:
                names = {**CTLDS, "login": "a"}
                names.update({n: h for n, (h, _) in NODES.items()})
                hosts += [f"{ADDR[h]} {n}\n" for n, h in names.items()]
            for name, lines in (("passwd", passwd), ("group", group),
                                ("hosts", hosts), ("resolv.conf", [])):
                with open(os.path.join(d, name), "w") as f:
                    f.writelines(lines)
        self.save()

    # ------------------------------------------------------------ namespaces

    def netns(self, host):
        return f"{self.meta['ns']}{host}"

    def net_up(self):
        def ip(*a):
            subprocess.run(("ip",) + a, check=True)
        a, b = self.netns("a"), self.netns("b")
        if os.path.exists(f"/run/netns/{a}"):
            return
        hosts = "abc" if self.meta.get("third") else "ab"
        # the first user of named namespaces prepares /run/netns: one at a time
        with open("/run/netns.sluice", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for h in hosts:
                ip("netns", "add", self.netns(h))
        va, vb = f"{self.meta['ns'][-8:]}a", f"{self.meta['ns'][-8:]}b"
        for h in hosts:
            ip("-n", self.netns(h), "link", "set", "lo", "up")
        if hosts == "abc":      # a link between every two
            for x, y in ("ab", "ac", "bc"):
                ip("-n", self.netns(x), "link", "add", f"v{y}", "type", "veth",
                   "peer", "name", f"v{x}", "netns", self.netns(y))
                for h, o in ((x, y), (y, x)):
                    ip("-n", self.netns(h), "addr", "add", f"{ADDR[h]}/32", "dev", f"v{o}")
                    ip("-n", self.netns(h), "link", "set", f"v{o}", "up")
                    ip("-n", self.netns(h), "route", "add", ADDR[o], "dev", f"v{o}",
                       "src", ADDR[h])
            return
        ip("-n", a, "link", "add", va, "type", "veth", "peer", "name", vb,
           "netns", b)
        for host, ns, v in (("a", a, va), ("b", b, vb)):
            ip("-n", ns, "addr", "add", f"{ADDR[host]}/24", "dev", v)
            ip("-n", ns, "link", "set", v, "up")

    def enter(self, release, host, hostname, binds=()):
        """Move this (single threaded, about to exec) process inside."""
        with open(f"/run/netns/{self.netns(host)}") as f:
            syscall("setns", f.fileno(), CLONE_NEWNET)
        syscall("unshare", CLONE_NEWNS | CLONE_NEWUTS)
        syscall("sethostname", hostname.encode(), len(hostname))
        mount("none", "/", None, MS_REC | MS_PRIVATE)
        root = root_of(release)
        if root != "/":
            for d in ("/proc", "/sys", "/dev"):
                mount(d, root + d, None, MS_BIND | MS_REC)
            os.makedirs(root + self.dir, exist_ok=True)
            mount(self.dir, root + self.dir, None, MS_BIND)
        else:
            root = ""
        for src, dst in binds:
            mount(src, root + dst, None, MS_BIND)
        os.makedirs(root + "/etc/slurm", exist_ok=True)
        mount(self.path("etc", release), root + "/etc/slurm", None, MS_BIND)
        if self.meta["auth"] != "munge":
            # the login host is where the controller runs
            for d, of in (("slurm", hostname),
                          ("slurmctld", "slurmctld" if hostname == "login" else hostname)):
                os.makedirs(f"{root}/run/{d}", exist_ok=True)
                mount(self.path("sack", of, d), f"{root}/run/{d}", None, MS_BIND)
        for name in ("passwd", "group", "hosts", "resolv.conf"):
            dst = root + "/etc/" + name
            if os.path.islink(dst):
                dst = os.path.realpath(dst)
            if root and not os.path.exists(dst):
                open(dst, "a").close()
            if os.path.exists(dst):
                mount(self.path("etc", "sys", release, name), dst, None, MS_BIND)
        if root:
            os.chroot(root)
        elif prefix_of(release):
            self.overlay(prefix_of(release))
        os.chdir(self.path("shared"))

    @staticmethod
    def overlay(prefix):
        """Put the programs of a hand-built release over those of the host."""
        for d in ("bin", "sbin"):
            try:
                syscall("mount", b"overlay", f"/usr/{d}".encode(), b"overlay", ctypes.c_ulong(0),
                        f"lowerdir={prefix}/{d}:/usr/{d}".encode())
                continue
            except OSError:         # no overlay file system here
                pass
            for p in os.listdir(f"{prefix}/{d}"):
                dst = os.path.realpath(f"/usr/{d}/{p}")
                if os.path.exists(dst):
                    mount(f"{prefix}/{d}/{p}", dst, None, MS_BIND)

    def spawn(self, name, release, host, hostname, argv, user=None, env=None,
              binds=()):
        """Start a daemon inside; its pid goes to pid/NAME."""
        out = os.open(self.path("out", name), os.O_WRONLY | os.O_CREAT |
                      os.O_APPEND, 0o644)
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(r)
                os.setsid()
                null = os.open("/dev/null", os.O_RDONLY)
                self.enter(release, host, hostname, binds)
                os.dup2(null, 0)
                os.dup2(out, 1)
                os.dup2(out, 2)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                os.umask(0o022)
                e = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C",
                     "TZ": os.environ.get("TZ", "UTC"), "HOME": "/root"}
                for k in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"):
                    if k in os.environ:
                        e[k] = os.environ[k]
                e.update(env or {})
                if user:
                    p = pwd.getpwnam(user)
                    os.initgroups(user, p.pw_gid)
                    os.setgid(p.pw_gid)
                    os.setuid(p.pw_uid)
                os.set_inheritable(w, False)
                os.closerange(3, w)
                os.execvpe(argv[0], argv, e)
            except BaseException as ex:
                os.write(w, str(ex).encode())
                os._exit(127)
        os.close(w)
        os.close(out)
        why = os.read(r, 4096)
        os.close(r)
        if why:
            os.waitpid(pid, 0)
            raise ClusterError(f"{name}: {why.decode()}")
        with open(self.path("pid", name), "w") as f:
            f.write(f"{pid}\n")
        return pid

    def pid(self, name):
        """The recorded process, if it still runs and is one of ours."""
        try:
            with open(self.path("pid", name)) as f:
                pid = int(f.read())
            with open(f"/proc/{pid}/stat") as f:
                if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                    try:
                        os.waitpid(pid, os.WNOHANG)
                    except ChildProcessError:
                        pass
                    return None
            if os.stat(f"/proc/{pid}/ns/net").st_ino not in self.net_inodes():
                return None
            return pid
        except (OSError, ValueError):
            return None

    def net_inodes(self):
        out = set()
        for h in ADDR:
            try:
                out.add(os.stat(f"/run/netns/{self.netns(h)}").st_ino)
            except OSError:
                pass
        return out

    def kill(self, name, sig=signal.SIGTERM, wait=12.0):
        pid = self.pid(name)
        if pid is None:
            return True
        os.kill(pid, sig)
        end = time.monotonic() + wait
        while time.monotonic() < end:
            if self.pid(name) is None:
                return True
            time.sleep(0.02)
        return False

    # ------------------------------------------------------------ daemons

    def start_munge(self):
        if self.pid("munged") or self.meta["auth"] != "munge":
            return
        m = self.path("munge")
        self.spawn("munged", "22.05", "a", "slurmctld",
                   ["munged", "--force", "--foreground", "--key-file", m + "/key",
                    "--socket", m + "/sock", "--pid-file", m + "/pid",
                    "--log-file", m + "/log", "--seed-file", m + "/seed",
                    "--num-threads", "4"])
        end = time.monotonic() + 5
        while not os.path.exists(m + "/sock") and time.monotonic() < end:
            time.sleep(0.02)

    def start_ctld(self, *flags, release=None, env=None, name="slurmctld"):
        if self.pid(name):
            return
        rel = release or self.meta["ctld"]
        if name != "slurmctld":   # another controller: CTLDS has its host
            run = self.path("run-" + name)
            os.makedirs(run, exist_ok=True)
            slurm = pwd.getpwnam("slurm")
            os.chown(run, slurm.pw_uid, slurm.pw_gid)
            self.spawn(name, rel, CTLDS[name], name,
                       [self.program(rel, "slurmctld"), "-D", "-L",
                        self.path("log", name + ".log"), *(flags or ("-i",))],
                       user="slurm", env=env, binds=((run, self.path("run")),))
            return
        self.spawn("slurmctld", rel, "a", "slurmctld",
                   [self.program(rel, "slurmctld"), "-D", *(flags or ("-i",))],
                   user="slurm", env=env)

    def start_node(self, node, *flags, release=None):
        if self.pid(node):
            return
        rel = release or self.meta["nodes"][node]
        os.makedirs(self.path("spool", node), exist_ok=True)
        self.spawn(node, rel, NODES[node][0] if node in NODES else
                   self.meta["hosts"][node], node,
                   [self.program(rel, "slurmd"), "-D", "-N", node, *flags])

    def holder(self, release, host="a"):
        """The process whose namespaces the clients of a release run in."""
        name = f"holder-{release}-{host}"
        pid = self.pid(name)
        if pid is None:
            pid = self.spawn(name, release, host, "login", ["sleep", "infinity"])
        return pid

    def start(self, nodes=None, clients=(), wait=30):
        self.net_up()
        self.start_munge()
        self.start_ctld()
        for n in nodes if nodes is not None else self.meta["nodes"]:
            self.start_node(n)
        for c in clients:
            self.holder(c)
        if wait:
            self.wait_idle(wait, nodes)
        return self

    def default_client(self):
        r = self.meta["ctld"]
        if r == "ours":         # 22.05 does not have auth/slurm
            r = "24.11" if self.meta["auth"] == "slurm" else "22.05"
        return r

    def wait_idle(self, timeout=30, nodes=None, client=None):
        want = set(nodes if nodes is not None else self.meta["nodes"])
        end = time.monotonic() + timeout
        out = ""
        while time.monotonic() < end:
            r = self.run(client or self.default_client(),
                         ["sinfo", "-N", "-h", "-o", "%N %T"])
            out = r.stdout
            if r.returncode == 0:
                up = {l.split()[0] for l in out.splitlines()
                      if len(l.split()) == 2 and l.split()[1] == "idle"}
                if want <= up:
                    return
            if not self.pid("slurmctld"):
                break
            time.sleep(0.1)
        raise ClusterError("the nodes did not become idle: " +
                           " ".join(out.split("\n")) + r.stderr[-300:] +
                           ("" if self.pid("slurmctld") else " (slurmctld ended)"))

    def stop(self):
        if not self.meta["ns"]:
            return
        names = [os.path.basename(p) for p in glob.glob(self.path("pid", "*"))]
        daemons = [n for n in names if n in NODES or n in CTLDS]
        for n in daemons:
            pid = self.pid(n)
            if pid:
                os.kill(pid, signal.SIGTERM)
        for n in daemons:
            if not self.kill(n, signal.SIGTERM, wait=8):
                self.kill(n, signal.SIGKILL)
        for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
            left = self.left_over()
            if not left:
                break
            for pid in left:
                try:
                    os.kill(pid, sig)
                except OSError:
                    pass
            end = time.monotonic() + 1.5
            while self.left_over() and time.monotonic() < end:
                time.sleep(0.03)
        for h in ADDR:
            if os.path.exists(f"/run/netns/{self.netns(h)}"):
                subprocess.run(["ip", "netns", "del", self.netns(h)])

    def left_over(self):
        """Every process inside our network namespaces."""
        inodes, out = self.net_inodes(), []
        for p in os.listdir("/proc"):
            if p.isdigit():
                try:
                    if os.stat(f"/proc/{p}/ns/net").st_ino in inodes:
                        with open(f"/proc/{p}/stat") as f:
                            if f.read().rsplit(")", 1)[1].split()[0] != "Z":
                                out.append(int(p))
                except OSError:
                    pass
        me = os.getpid()
        return [p for p in out if p != me]

    # ------------------------------------------------------------ clients

    def argv(self, release, cmd, host="a", user=None, cwd=None):
        """The command line that runs cmd as a client of the release."""
        if not self.meta["ns"]:
            raise ClusterError(f"no cluster in {self.dir}")
        pid = self.holder(release, host)
        a = ["nsenter", "-t", str(pid), "-n", "-m", "-u", "-r",
             "-W", cwd or self.path("shared")]
        if user:
            uid = dict(USERS).get(user) or pwd.getpwnam(user).pw_uid
            groups = ",".join(str(g) for n, g, m in GROUPS
                              if g == uid or user in m.split(","))
            cmd = ["setpriv", f"--reuid={uid}", f"--regid={uid}",
                   f"--groups={groups or uid}"] + list(cmd)
        return a + list(cmd)

    def env(self, user=None, extra=None):
        e = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C",
             "TZ": os.environ.get("TZ", "UTC"), "TERM": "dumb",
             "HOME": self.path("home", user) if user else "/root",
             "USER": user or "root", "SHELL": "/bin/bash"}
        e.update(extra or {})
        return e

    def popen(self, release, cmd, host="a", user=None, cwd=None, env=None, **kw):
        kw.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(release, cmd, host, user, cwd),
                                env=self.env(user, env), **kw)

    def run(self, release, cmd, timeout=60, input=None, **kw):
        """Run a client to its end; a time-out gives return code 124."""
        text = not isinstance(input, bytes) and not kw.pop("binary", False)
        p = self.popen(release, cmd, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE,
                       stdin=subprocess.DEVNULL if input is None
                       else subprocess.PIPE,
                       text=text, errors="replace" if text else None, **kw)
        try:
            out, err = p.communicate(input, timeout)
            rc = p.returncode
        except subprocess.TimeoutExpired:
            p.kill()
            out, err = p.communicate()
            note = f"\n[no end after {timeout} s]"
            err, rc = err + (note if text else note.encode()), 124
        return subprocess.CompletedProcess(cmd, rc, out, err)
