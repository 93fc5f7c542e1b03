#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--mail-type: MailProg at the events of jobs and arrays."""
# own
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403

C = None
SCRIPT = """\
#!/bin/sh
PATH=/usr/bin:/bin
echo "$3 <$2> $SLURM_JOB_MAIL_TYPE $SLURM_JOB_STATE" >> {log}
"""


def setup():
    global C
    C = new_cluster(start=False)
    with open(C.path("mail.sh"), "w") as f:
        f.write(SCRIPT.format(log=shared("mail.log", C)))
    os.chmod(C.path("mail.sh"), 0o755)
    open(shared("mail.log", C), "w").close()
    os.chmod(shared("mail.log", C), 0o666)
    C.write_conf(MailProg=C.path("mail.sh"), MailDomain="example.org")
    C.start()


def comes(pattern, name):
    ok(wait_for(lambda: re.search(pattern, slurp(shared("mail.log", C)), re.M), 20), name,
       f"want: {pattern}", slurp(shared("mail.log", C)))


T = r"\d\d:\d\d:\d\d"


def jobs():
    j = sbatch("-p normal -o none -J good --mail-type=ALL", wrap="true", c=C, user="alice")
    comes(rf"^alice@example.org <Slurm Job_id={j} Name=good Began, Queued time {T}> Began RUNNING$",
          "a job begins")
    comes(rf"^alice@example.org <Slurm Job_id={j} Name=good Ended, Run time {T}, COMPLETED, "
          "ExitCode 0> Ended COMPLETED$", "and ends")
    j = sbatch("-p normal -o none -J bad --mail-type=FAIL --mail-user=who@where", wrap="exit 7", c=C,
               user="alice")
    comes(rf"^who@where <Slurm Job_id={j} Name=bad Failed, Run time {T}, FAILED, ExitCode 7> "
          "Failed FAILED$", "one fails, and somebody else is told")
    ok(f"Job_id={j} Name=bad Began" not in slurp(shared("mail.log", C)), "of that only")
    j = sbatch("-p normal -o none -J again --mail-type=REQUEUE", wrap="sleep 60", c=C, user="alice")
    wait_state(j, "RUNNING", c=C)
    run(f"scontrol requeue {j}", c=C)
    comes(rf"<Slurm Job_id={j} Name=again Requeued", "one is requeued")
    run(f"scancel {j}", c=C)
    first = sbatch("-p normal -o none --begin=now+1hour", wrap="true", c=C, user="alice")
    j = sbatch(f"-p normal -o none -J never --mail-type=INVALID_DEPEND -d afterok:{first}", wrap="true",
               c=C, user="alice")
    run(f"scancel {first}", c=C)
    comes(rf"<Slurm Job_id={j} Name=never Invalid dependency", "what it waits for will never be")
    run(f"scancel {j}", c=C)


def arrays():
    j = sbatch("-p normal -o none -a 1-3 -J arr --mail-type=BEGIN,END", wrap="exit $SLURM_ARRAY_TASK_ID", c=C,
               user="alice")
    comes(rf"<Slurm Array Summary Job_id={j}_\* \(\d+\) Name=arr Began> ", "an array begins once")
    comes(rf"<Slurm Array Summary Job_id={j}_\* \(\d+\) Name=arr Ended, FAILED, ExitCode \[1-3\]> ",
          "and ends once")
    same(slurp(shared("mail.log", C)).count("Name=arr"), 2, "nothing else about it",
         slurp(shared("mail.log", C)))
    j = sbatch("-p normal -o none -a 1-2 -J task --mail-type=END,ARRAY_TASKS", wrap="true", c=C, user="alice")
    for t in (1, 2):
        comes(rf"<Slurm Array Task Job_id={j}_{t} \(\d+\) Name=task Ended, Run time {T}, COMPLETED, "
              "ExitCode 0> ", f"task {t} when tasks are asked for")


main(setup, jobs, arrays)
