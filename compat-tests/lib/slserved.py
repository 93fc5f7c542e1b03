# SPDX-License-Identifier: Apache-2.0
"""Which messages are served, from the tables that the daemons are built of."""
import os
import re

from slcluster import TOP

# Neither daemon gets these from anybody: answers, what srun and salloc are
# told, what goes to slurmdbd, and numbers that no release sends.
CLIENTS = "srun, salloc or sattach"


def rows(path, macro):
    with open(os.path.join(TOP, path)) as f:
        text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
    return [[w.strip() for w in m.split(",")]
            for m in re.findall(rf"^{macro}\(([^\n]*)\)\s*$", text, re.M)]


def types():
    return [(r[0], int(r[1]), r[2]) for r in rows("wire/proto/types.def", "TYPE0?")]


def releases(gate):
    gate = gate.replace("_", ".")
    return {"ALL": ""}.get(gate, re.sub(r"(SINCE|UNTIL|ONLY)\((.*?)\)",
                                        lambda m: {"SINCE": "since ", "UNTIL": "before ",
                                                   "ONLY": "only "}[m[1]] + m[2], gate))


def markdown():
    ctld = {r[0]: r[2] for r in rows("slurmctld/rpc/table.def", "RPC")}
    with open(os.path.join(TOP, "slurmctld/core/core.c")) as f:
        core = set(re.findall(r"\{ ((?:REQUEST|MESSAGE)_\w+),", f.read()))
    for n, h in ctld.items():
        if h == "rpc_core" and n not in core:
            ctld[n] = "rpc_unserved"
    rpcs = rows("slurmd/rpcs.def", "RPC")
    node = {r[0] for r in rpcs}
    served = sum(h != "rpc_unserved" for h in ctld.values())
    out = ["## Messages\n",
           f"slurmctld serves {served} types of message, slurmd {len(node)}; the codec knows"
           f" {len(types())} types (with their\nforms in each release).  Requests that are"
           " declared and not served yet:\n",
           "| Message | Number | Releases | slurmctld answers | slurmd answers |", "|---|---|---|---|---|"]
    for n, num, gate in types():
        if not re.match(r"REQUEST_|MESSAGE_|ACCOUNTING_", n):
            continue
        if n in node or ctld.get(n, "rpc_unserved") != "rpc_unserved":
            continue
        c = "2036 Requested operation not supported on this system" \
            if n in ctld else "22 Invalid argument"
        out.append(f"| {n} | {num} | {releases(gate)} | {c} | 22 Invalid argument |")
    managed = [r[0] for r in rpcs if r[5] == "rpc_manage"]
    out += ["", "## Step manager\n",
            "`SlurmctldParameters=enable_stepmgr` and `--stepmgr` (24.05 and newer, with `PrologFlags=Contain`)"
            " give a job's steps\nto its extern step on its first node, with our slurmctld over stock"
            " node daemons, with our slurmd under a stock\nslurmctld, and with both mixed"
            " (`compat-tests/t/56-stepmgr.t`).  slurmd passes these on to it:\n"
            + ", ".join(managed) + ".\n",
            "- Our slurmctld gives a job a step manager when the submitting client and every node of"
            " the job know of it\n  (24.05 and newer, or ours) and the first node's daemon speaks the"
            " client's release.  The steps of any other job stay\n  with slurmctld, which logs why:"
            " clients and nodes of 22.05 to 23.11 are served as without the option.",
            "- A heterogeneous job has none, as with stock.",
            "- Commands older than 24.05 cannot make steps in a job that has one (its submitter was"
            " newer); they are told so.",
            "- `srun --async` (26.05) is refused in words: our step manager launches nothing itself.",
            "- Steps are accounted by nobody while they are a step manager's of ours"
            " (REQUEST_DBD_RELAY is not sent).",
            "- Step managers of both kinds end with their slurmstepd: the job's running steps go on,"
            " new ones cannot be made."]
    return "\n".join(out) + "\n"
