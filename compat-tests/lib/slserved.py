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
    refused = [r[0] for r in rpcs if r[5] == "rpc_no_step_manager"]
    node = {r[0] for r in rpcs} - set(refused)
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
    out += ["", "A step manager on the node (`SlurmctldParameters=enable_stepmgr`, `--stepmgr`, 24.05 and"
            " newer) is not in slurmd:\nbatch jobs and allocations with one run, and what would go to"
            " it is refused with code 2036 and the reason in\nwords, which srun prints: "
            + ", ".join(refused) + "."]
    return "\n".join(out) + "\n"
