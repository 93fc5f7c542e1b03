# SPDX-License-Identifier: Apache-2.0
"""A stock slurmdbd with a database of its own, in a cluster's directory.

MariaDB listens on a socket only.  Everything runs in the cluster's network namespaces and ends with it."""
import fcntl
import os
import pwd
import shutil
import subprocess
import time

import slcluster


AIO = ("--innodb-use-native-aio=0",)    # the kernel's queues are few


def available(release):
    return os.path.exists("/usr/sbin/mariadbd") and \
        slcluster.installed(release, "slurmdbd") and not without_database(release)


def without_database(release):
    """Was it built by hand where no library of the database was?"""
    prefix = slcluster.prefix_of(release)
    return prefix is not None and not os.path.exists(
        f"{prefix}/lib/slurm/accounting_storage_mysql.so")


class Dbd:
    def __init__(self, c, release):
        self.c, self.release = c, release
        self.dir = c.path("db")
        self.sock = c.path("db", "sock")

    def make_db(self):
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)
        # on a busy machine several at once run out of something now and then
        for _ in range(4):
            with open("/run/sluice-mariadb.lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                r = subprocess.run(
                    ["mariadb-install-db", "--no-defaults", "--user=root",
                     f"--datadir={self.dir}/data", "--skip-test-db", *AIO,
                     "--auth-root-authentication-method=normal"],
                    capture_output=True, text=True)
            if r.returncode == 0:
                return
            shutil.rmtree(self.dir + "/data", ignore_errors=True)
        raise slcluster.ClusterError("mariadb-install-db: " + (r.stdout + r.stderr)[-800:])

    def start_db(self):
        c = self.c
        c.spawn("mariadbd", "22.05", "a", "slurmctld",
                ["/usr/sbin/mariadbd", "--no-defaults", "--user=root",
                 f"--datadir={self.dir}/data", f"--socket={self.sock}",
                 "--skip-networking", *AIO, "--innodb-buffer-pool-size=32M",
                 "--innodb-flush-log-at-trx-commit=0", "--innodb-lock-wait-timeout=900",
                 f"--pid-file={self.dir}/pid"])
        sql = ("create user if not exists slurm@localhost identified by 'pw';"
               "grant all on slurm_acct_db.* to slurm@localhost")
        end = time.monotonic() + 60
        while True:
            r = subprocess.run(["mariadb", "--no-defaults", f"--socket={self.sock}", "-uroot",
                                "-e", sql], capture_output=True, text=True)
            if r.returncode == 0:
                return
            if time.monotonic() > end or not c.pid("mariadbd"):
                raise slcluster.ClusterError("mariadbd does not start: " + r.stderr[-300:])
            time.sleep(.1)

    def write_conf(self):
        c, slurm = self.c, pwd.getpwnam("slurm")
        path = c.path("etc", self.release, "slurmdbd.conf")
        with open(path, "w") as f:
            f.write(f"AuthType=auth/munge\nAuthInfo=socket={c.dir}/munge/sock\n"
                    f"DbdHost=slurmctld\nDbdPort=6819\nSlurmUser=slurm\nDebugLevel=debug\n"
                    f"LogFile={c.path('log', 'slurmdbd.log')}\n"
                    f"PidFile={c.path('run', 'slurmdbd.pid')}\n"
                    "StorageType=accounting_storage/mysql\nStorageHost=localhost\n"
                    "StorageUser=slurm\nStoragePass=pw\nStorageLoc=slurm_acct_db\n")
        os.chmod(path, 0o600)
        os.chown(path, slurm.pw_uid, slurm.pw_gid)

    def start_dbd(self):
        c = self.c
        self.write_conf()
        c.spawn("slurmdbd", self.release, "a", "slurmctld", ["/usr/sbin/slurmdbd", "-D"],
                user="slurm", env={"MYSQL_UNIX_PORT": self.sock})

    def wait(self, timeout=60):
        """Until sacctmgr gets an answer."""
        end = time.monotonic() + timeout
        while True:
            r = self.c.run(self.release, ["sacctmgr", "-n", "list", "cluster"])
            if r.returncode == 0:
                return
            if time.monotonic() > end or not self.c.pid("slurmdbd"):
                raise slcluster.ClusterError("slurmdbd does not answer: " + r.stderr[-300:])
            time.sleep(.3)

    def start(self):
        self.c.net_up()
        self.c.start_munge()
        if not os.path.exists(self.dir):
            self.make_db()
        self.start_db()
        self.start_dbd()
        self.wait()
        return self


def second(c, name, ctld, port=7817, **conf):
    """Another cluster beside c, on the same hosts, with other ports."""
    d = c.dir + "-" + name
    os.makedirs(d + "/munge")
    shutil.copy(c.path("munge", "key"), d + "/munge/key")
    os.chmod(d, 0o755)
    b = slcluster.Cluster(d)
    lines = "".join(f"NodeName=d{i} NodeAddr={slcluster.ADDR[h]} Port={port + i} CPUs=4 "
                    "RealMemory=1000\n" for i, h in ((1, "a"), (2, "b")))
    b.meta["nodes"] = {}
    b.create(ctld, node_lines=lines,
             part_lines="PartitionName=other Default=YES Nodes=d[1-2] MaxTime=INFINITE\n",
             conf={**slcluster.QUICK, "ClusterName": name, "SlurmctldPort": str(port),
                   "SlurmdPort": str(port + 1), "GresTypes": None, "DebugFlags": None, **conf})
    b.meta["nodes"] = {"d1": ctld, "d2": ctld}
    b.meta["hosts"] = {"d1": "a", "d2": "b"}
    b.meta["ns"] = c.meta["ns"]
    for release in os.listdir(b.path("etc")):
        gres = b.path("etc", release, "gres.conf")
        if os.path.exists(gres):
            os.unlink(gres)
    b.save()
    return b
