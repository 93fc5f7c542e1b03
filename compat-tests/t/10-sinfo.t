#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sinfo in the forms that people and scripts use."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


def tables():
    check("sinfo", out="""\
PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST
normal       up 5-00:00:00      4   idle c[1-4]
quantum*     up   infinite      2   idle q[1-2]
""")
    check("sinfo -s", out="""\
PARTITION AVAIL  TIMELIMIT   NODES(A/I/O/T) NODELIST
normal       up 5-00:00:00          0/4/0/4 c[1-4]
quantum*     up   infinite          0/2/0/2 q[1-2]
""")
    check("sinfo -N", out="""\
NODELIST   NODES PARTITION STATE 
c1             1    normal idle  
c2             1    normal idle  
c3             1    normal idle  
c4             1    normal idle  
q1             1  quantum* idle  
q2             1  quantum* idle  
""")
    check("sinfo -R", out="REASON               USER      TIMESTAMP           NODELIST\n")
    r = run("sinfo -l")
    expect("sinfo-l", norm(r.out, (r"^\w+ \w+ \d+ [\d:]+ \d+$", "DATE")))
    r = run("sinfo -Nl")
    expect("sinfo-Nl", norm(r.out, (r"^\w+ \w+ \d+ [\d:]+ \d+$", "DATE")))


def scripts():
    each = "".join(f"{n} idle\n" for n in ("c1", "c2", "c3", "c4", "q1", "q2"))
    check(["sinfo", "-N", "-h", "-o", "%N %T"], out=each)
    check(["sinfo", "-N", "-h", "-o", "%n %T"], out=each)
    check(["sinfo", "-h", "-o", "%N %T"], out="c[1-4],q[1-2] idle\n")
    check(["sinfo", "-h", "-o", "%T"], out="idle\n")
    check("sinfo -h -p quantum", out="quantum*     up   infinite      2   idle q[1-2]\n")
    check("sinfo -h -n c1,q2 -N", out="c1             1    normal idle  \n"
                                     "q2             1  quantum* idle  \n")
    check("sinfo -h -t down", out=rx(r"normal +up 5-00:00:00 +0 +n/a"))
    check("sinfo -h -t idle -p normal -o %D", out="4\n")
    check(["sinfo", "-h", "-p", "normal", "-o",
           "%P|%a|%l|%D|%t|%N|%c|%m|%X|%Y|%Z|%z|%d|%w|%f|%G|%E|%g|%h|%r|%s|%S|%p|%L|%R|%C|%F|%A|%M"],
          out="normal|up|5-00:00:00|4|idle|c[1-4]|4|1000|4|1|1|4:1:1|0|1|(null)|(null)|none|all|NO|no|1-4|all|50|5-00:00:00|normal|0/16/0/16|0/4/0/4|0/4|OFF\n")
    check(["sinfo", "-h", "-p", "quantum", "-o", "%P|%G|%l|%L|%p|%m|%c|%s"],
          out="quantum*|qpu:1|infinite|n/a|1|1000|1|1-infinite\n")
    check("sinfo -p nope", out="PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\n")
    check("sinfo -n nope", out=rx(r"normal +up 5-00:00:00 +0 +n/a \n"))


def long_fields():
    every = ("AllocMem,AllocNodes,Available,Cores,CPUs,CPUsState,DefaultTime,Disk,"
             "Features,features_act,Gres,GresUsed,Groups,MaxCPUsPerNode,Memory,"
             "NodeAddr,NodeAI,NodeAIOT,NodeHost,NodeList,Nodes,OverSubscribe,"
             "Partition,PartitionName,Port,PreemptMode,PriorityJobFactor,"
             "PriorityTier,Reason,Root,Size,SocketCoreThread,Sockets,StateCompact,"
             "StateLong,StateComplete,Threads,Time,TimeStamp,Weight,Cluster")
    text = ""
    for f in every.split(","):
        r = run(["sinfo", "-h", "-N", "-n", "c1,q1", "-O", f"{f}:80"])
        text += f"{f}: rc {r.rc}\n" + re.sub(" +$", "", r.out + r.err, flags=re.M)
    expect("sinfo-O", norm(text))
    r = run(["sinfo", "-h", "-N", "-n", "c1", "-O", "CPUsLoad:1,FreeMem:20,Version:10"])
    like(r.out, r"^\d+ +\d+\.\d+", "load, free memory and version are there")


def states():
    run("scontrol update nodename=c1,c3 state=drain reason='two words'")
    check(["sinfo", "-h", "-p", "normal"], out=rx(r"""^normal +up 5-00:00:00 +2 +drain c\[1,3\]
normal +up 5-00:00:00 +2 +idle c\[2,4\]
$""", 0))
    check("sinfo -h -R", out=rx(r"^two words +root +20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d c\[1,3\]\n$", 0))
    check(["sinfo", "-h", "-R", "-o", "%E|%u|%U|%N|%T"],
          out="two words|root|root(0)|c[1,3]|drained\n")
    check(["sinfo", "-h", "-N", "-n", "c1,c2", "-o", "%n %t %T"],
          out="c1 drain drained\nc2 idle idle\n")
    run("scontrol update nodename=c4 state=down reason=broken")
    check(["sinfo", "-h", "-n", "c4", "-N", "-o", "%t %T %E"], out="down down broken\n")
    run("scontrol update nodename=c[1,3-4] state=resume")
    wait_for(lambda: "idle c[1-4]" in run("sinfo -h -p normal").out)
    check("sinfo -h -p normal", "back after resume",
          out="normal       up 5-00:00:00      4   idle c[1-4]\n")
    check("sinfo -h -R", out="")


main(tables, scripts, long_fields, states)
