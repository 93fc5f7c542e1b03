# SPDX-License-Identifier: Apache-2.0
"""A cluster with power saving, for the tests of it."""
import os
import pwd
import re

from sltest import (ok, new_cluster, node_states, shared, slurp, wait_for)

SLURM = str(pwd.getpwnam("slurm").pw_uid)
C = None
SCRIPT = """\
#!/bin/sh
PATH=/usr/bin:/bin
echo "{what} $(id -u) $1 $(cat "${{SLURM_RESUME_FILE:-/dev/null}}")" >> {log}
"""


def power_cluster(nodes=None, **kw):
    global C
    C = new_cluster(start=False, **kw)
    for what in ("suspend", "resume", "fail"):
        with open(C.path(f"{what}.sh"), "w") as f:
            f.write(SCRIPT.format(what=what, log=shared("power.log", C)))
        os.chmod(C.path(f"{what}.sh"), 0o755)
    open(shared("power.log", C), "w").close()
    os.chmod(shared("power.log", C), 0o666)
    C.write_conf(SuspendProgram=C.path("suspend.sh"), ResumeProgram=C.path("resume.sh"),
                 ResumeFailProgram=C.path("fail.sh"), SuspendTime="5", SuspendTimeout="3",
                 ResumeTimeout="20", SuspendRate="0", ResumeRate="0", SuspendExcNodes="c4",
                 SuspendExcParts="quantum", DebugFlags="Power",
                 SlurmctldParameters="power_save_interval=1")
    C.start(**({} if nodes is None else {"nodes": nodes, "wait": 0}))
    return C


def log():
    return slurp(shared("power.log", C))


def comes(pattern, name, timeout=30):
    ok(wait_for(lambda: re.search(pattern, log(), re.M), timeout), name, f"want: {pattern}", log())


def states(want, name, timeout=40):
    got = {}

    def there():
        got.clear()
        got.update(node_states(C))
        return all(re.fullmatch(v, got.get(k, "")) for k, v in want.items())
    ok(wait_for(there, timeout, .2), name, f"want: {want}", f"got: {got}")


def boot(node):
    """What ResumeProgram would bring about."""
    C.kill(node)
    C.start_node(node, "-b")     # as if the machine had booted


def forget():
    open(shared("power.log", C), "w").close()
