/* SPDX-License-Identifier: Apache-2.0
 *
 * Placements.  What stock 22.05.8 gave for the same sbatch lines, one after
 * the other on an empty cluster, as scontrol show job -d printed it. */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	WORLD_HEAD
	"SelectTypeParameters=CR_CPU_Memory\n"
	"GresTypes=qpu\n"
	"NodeName=c[1-4] CPUs=4 RealMemory=1000\n"
	"NodeName=d[1-4] Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 RealMemory=16000 Feature=x,y\n"
	"NodeName=q[1-2] CPUs=4 RealMemory=1000 Gres=qpu:2\n"
	"PartitionName=normal Nodes=c[1-4] DefMemPerCPU=500 Default=YES MaxNodes=4\n"
	"PartitionName=big Nodes=d[1-4] DefMemPerCPU=100\n"
	"PartitionName=nomem Nodes=d[1-4]\n"
	"PartitionName=share Nodes=d[1-4] DefMemPerCPU=10 OverSubscribe=FORCE:2\n"
	"PartitionName=quantum Nodes=q[1-2]\n"
	"PartitionName=excl Nodes=d[1-4] DefMemPerCPU=10 OverSubscribe=EXCLUSIVE\n";
static const char gres_text[] = "NodeName=q[1-2] Name=qpu Count=2\n";

int main(int argc, char **argv)
{
	FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
	char line[1024];

	if (!f)
		return 1;
	if (!world_new(conf_text, gres_text))
		return 1;
	while (fgets(line, sizeof(line), f)) {
		struct job *j;
		struct err_text why = {0};
		enum err e;
		char *t;

		line[strcspn(line, "\n")] = '\0';
		if (!line[0]) {
			world_free();
			world_new(conf_text, gres_text);
			puts("");
			continue;
		}
		j = world_job(line);
		e = sched_possible(W.c, j, j->part, &why);
		if (e) {
			printf("%s => %s\n", line, why.text);
			continue;
		}
		sched_job_added(W.c, j);
		world_pass();
		t = world_alloc_text(j);
		if (j->alloc)
			printf("%s => R  %s\n", line, t);
		else
			printf("%s => PENDING %u %s\n", line, j->reason, job_str(j, JS_STATE_DESC) ? job_str(j, JS_STATE_DESC) : "");
		free(t);
	}
	return 0;
}
