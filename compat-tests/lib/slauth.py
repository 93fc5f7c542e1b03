# SPDX-License-Identifier: Apache-2.0
"""What the tests of AuthType do whatever its value."""
import os

from sltest import check, job, like, run, rx, same, sbatch, shared, slurp, wait_end


def work(c, auth, what):
    """What people do, as root and as a user."""
    check("scontrol show config", f"{what}: AuthType", out=rx(rf"^AuthType += {auth}$"), c=c)
    check("sinfo -h -p normal -o %D", f"{what}: sinfo as a user", out="4\n", user="alice", c=c)
    r = run("srun -p normal -N4 hostname", c=c)
    same(sorted(r.out.split()), ["c1", "c2", "c3", "c4"], f"{what}: srun on four nodes", r)
    check("srun -Q -p normal -N2 id -un", f"{what}: as a user", out="alice\nalice\n", user="alice", c=c)
    check("srun -Q -p normal -n1 cat", f"{what}: input and output", out="some text\n",
          input="some text\n", user="alice", c=c)
    j = sbatch("-p normal -N2 -o j%j.out", wrap="id -un; hostname", user="alice", c=c)
    same(wait_end(j, 30, c=c), "COMPLETED", f"{what}: sbatch", job(j, c))
    like(slurp(shared(f"j{j}.out", c), 10), r"\Aalice\nc\d\n\Z", f"{what}: its output")
    with open(shared("src", c), "w") as f:
        f.write("x" * 3000000)
    os.chmod(shared("src", c), 0o644)
    dst = shared("copy", c)
    check(f"salloc -Q -p normal -N2 sbcast -f {shared('src', c)} {dst}", f"{what}: sbcast",
          user="alice", c=c)
    same(len(slurp(dst)), 3000000, f"{what}: the copy is all there")
    os.unlink(dst)
    check("scontrol update nodename=c1 state=drain reason=x", f"{what}: a user is no operator",
          rc=1, err=rx("Invalid user id"), user="alice", c=c)
