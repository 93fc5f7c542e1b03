#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An MPI program over four nodes, started by mpirun from a hostfile."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)),
                                "..", "lib"))
from sltest import *  # noqa: E402,F403


# once
PROGRAM = r"""
#include <mpi.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	int rank, size, sum = 0, len;
	char name[MPI_MAX_PROCESSOR_NAME];

	MPI_Init(&argc, &argv);
	MPI_Comm_rank(MPI_COMM_WORLD, &rank);
	MPI_Comm_size(MPI_COMM_WORLD, &size);
	MPI_Get_processor_name(name, &len);
	MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
	printf("rank %d of %d on %s sum %d\n", rank, size, name, sum);
	MPI_Finalize();
	return 0;
}
"""
SCRIPT = """\
#!/bin/bash
#SBATCH --job-name=mpi
#SBATCH --output=mpi-%j.out
#SBATCH --nodes=4
#SBATCH --ntasks=4
#SBATCH --ntasks-per-node=1
#SBATCH --partition=normal
export OMPI_MCA_btl_tcp_if_include=192.168.4.0/24 OMPI_MCA_oob_tcp_if_include=192.168.4.0/24
[ "$(srun --version)" != "slurm-wlm 22.05.8" ] || unset OMPI_MCA_plm_slurm_args
scontrol show hostnames $SLURM_NODELIST > hostfile.$SLURM_JOB_ID
cat hostfile.$SLURM_JOB_ID
mpirun --allow-run-as-root --hostfile hostfile.$SLURM_JOB_ID -np $SLURM_NTASKS --mca btl tcp,self ./mpi
echo mpirun $?
"""


def compile_it():
    with open(shared("mpi.c"), "w") as f:
        f.write(PROGRAM)
    r = subprocess.run(["mpicc", "-O1", "-o", shared("mpi"), shared("mpi.c")], capture_output=True, text=True)
    same(r.returncode, 0, "mpicc", r.stderr)


def hostfile():
    j = sbatch([], script=SCRIPT)
    same(wait_end(j, 60), "COMPLETED", "the guide's job", slurp(shared(f"mpi-{j}.out")))
    out = slurp(shared(f"mpi-{j}.out"))
    like(out, r"^c1\nc2\nc3\nc4$", "scontrol show hostnames", out)
    same(sorted(re.findall(r"^rank .*$", out, re.M)),
         [f"rank {i} of 4 on c{i + 1} sum 6" for i in range(4)], "four ranks on four nodes", out)
    like(out, r"^mpirun 0$", "mpirun's exit code")
    j = sbatch("-p normal -N2 -n2 -o mpi2-%j", script="""\
export OMPI_MCA_btl_tcp_if_include=192.168.4.0/24 OMPI_MCA_oob_tcp_if_include=192.168.4.0/24
[ "$(srun --version)" != "slurm-wlm 22.05.8" ] || unset OMPI_MCA_plm_slurm_args
mpirun --allow-run-as-root --mca btl tcp,self ./mpi
""")
    same(wait_end(j, 60), "COMPLETED", "without a hostfile")
    same(sorted(re.findall(r"^rank .*$", slurp(shared(f"mpi2-{j}")), re.M)),
         ["rank 0 of 2 on c1 sum 1", "rank 1 of 2 on c2 sum 1"], "the allocation's nodes", slurp(shared(f"mpi2-{j}")))
    j = sbatch("-p normal -N4 -n4 -o bad-%j", script="""\
export OMPI_MCA_btl_tcp_if_include=192.168.4.0/24 OMPI_MCA_oob_tcp_if_include=192.168.4.0/24
[ "$(srun --version)" != "slurm-wlm 22.05.8" ] || unset OMPI_MCA_plm_slurm_args
mpirun --allow-run-as-root bash -c 'exit $(( OMPI_COMM_WORLD_RANK == 2 ? 3 : 0 ))'
echo mpirun $?
""")
    wait_end(j, 60)
    like(slurp(shared(f"bad-{j}")), r"^mpirun 3$", "a rank that fails")
    check("srun --mpi=none -p normal -N2 hostname", out=rx(r"c\d\nc\d\n"))


def end():
    ok(cancel_all(), "nothing is left behind")


if STOCK and REL != "22.05":
    print("1..0 # SKIP the chroots of later releases have no Open MPI")
    sys.exit(0)
main(compile_it, hostfile, end)
