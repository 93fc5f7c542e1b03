/* SPDX-License-Identifier: Apache-2.0
 *
 * Placements.  What stock 26.05.5 gave for the same sbatch lines, one after
 * the other, as scontrol show job -d printed it; 22.05.8 differs in the cores
 * of gres jobs and where a core is used with fewer tasks than threads. */
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

struct row {
	const char *args;       /* NULL: all jobs end */
	const char *result;
};
static const struct row rows[] = {
	{"-n1", "c1 cpus 1 tasks 1 c1:0:500"},
	{"-n1", "c1 cpus 1 tasks 1 c1:1:500"},
	{"-n1", "c2 cpus 1 tasks 1 c2:0:500"},
	{"-n8", "Resources"},
	{NULL, NULL},
	{"-N4", "c[1-4] cpus 4 tasks 4 c[1-4]:0:500"},
	{"-N2", "c[1-2] cpus 2 tasks 2 c[1-2]:1:500"},
	{NULL, NULL},
	{"-n6", "c[1-3] cpus 6 tasks 6 c[1-3]:0-1:1000"},
	{"-n4", "Resources"},
	{NULL, NULL},
	{"-N2 -n3", "c[1-2] cpus 3 tasks 3 c1:0-1:1000 c2:0:500"},
	{"-N2-4", "c[2-4] cpus 3 tasks 3 c2:1:500 c[3-4]:0:500"},
	{NULL, NULL},
	{"-N1 -c2", "c1 cpus 2 tasks 1 c1:0-1:1000"},
	{"-c3", "E_REQUESTED_NODE_CONFIG_UNAVAILABLE"},
	{NULL, NULL},
	{"-p big -n1", "d1 cpus 1 tasks 1 d1:0-1:100"},
	{"-p big -n1", "d1 cpus 1 tasks 1 d1:2-3:100"},
	{"-p big -n2", "d1 cpus 2 tasks 2 d1:4-5:200"},
	{"-p big -n3", "d1 cpus 3 tasks 3 d1:8-11:300"},
	{"-p big -n17", "d[1-2] cpus 17 tasks 17 d1:6-7,12-15:600 d2:0-11:1100"},
	{NULL, NULL},
	{"-p big -N2 -n4", "d[1-2] cpus 4 tasks 4 d[1-2]:0-1:200"},
	{"-p big -N2 -n5", "d[1-2] cpus 5 tasks 5 d1:2-5:300 d2:2-3:200"},
	{"-p big -N3 -n20", "d[1-3] cpus 20 tasks 20 d1:6-15:1000 d2:8-15:800 d3:0-1:200"},
	{NULL, NULL},
	{"-p big -n4 -c3", "d1 cpus 12 tasks 4 d1:0-11:1200"},
	{"-p big -n2 --ntasks-per-node=1", "d[1-2] cpus 2 tasks 2 d1:12-13:100 d2:0-1:100"},
	{"-p big -N2 --ntasks-per-node=4", "d[2-3] cpus 8 tasks 8 d2:2-5:400 d3:0-3:400"},
	{"-p big -n3 -c2 --exclusive", "d4 cpus 16 tasks 3 d4:0-15:1600"},
	{NULL, NULL},
	{"-p nomem -n1", "d1 cpus 1 tasks 1 d1:0-1:16000"},
	{"-p nomem -n1", "d2 cpus 1 tasks 1 d2:0-1:16000"},
	{"-p nomem -n1", "d3 cpus 1 tasks 1 d3:0-1:16000"},
	{"-p nomem -n1", "d4 cpus 1 tasks 1 d4:0-1:16000"},
	{"-p nomem -n1", "Resources"},
	{NULL, NULL},
	{"-p quantum --gres=qpu:1 -n1", "q1 cpus 1 tasks 1 q1:0:1000"},
	{"-p quantum --gres=qpu:1 -n1", "q2 cpus 1 tasks 1 q2:0:1000"},
	{"-p quantum --gres=qpu:1 -n1", "Resources"},
	{NULL, NULL},
	{"-p quantum --gres=qpu:1 -n1 --mem=300", "q1 cpus 1 tasks 1 q1:0:300"},
	{"-p quantum --gres=qpu:1 -n1 --mem=300", "q1 cpus 1 tasks 1 q1:1:300"},
	{"-p quantum --gres=qpu:1 -n1 --mem=300", "q2 cpus 1 tasks 1 q2:0:300"},
	{NULL, NULL},
	{"-p share -n16", "d1 cpus 16 tasks 16 d1:0-15:160"},
	{"-p share -n16", "d2 cpus 16 tasks 16 d2:0-15:160"},
	{"-p share -N4 -n64", "d[1-4] cpus 64 tasks 64 d[1-4]:0-15:160"},
	{"-p share -n4", "d3 cpus 4 tasks 4 d3:0-3:40"},
	{NULL, NULL},
	{"-p excl -n1", "d1 cpus 16 tasks 1 d1:0-15:160"},
	{"-p big -n1 -w d1", "Resources"},
	{NULL, NULL},
	{"--mem=600", "c1 cpus 1 tasks 1 c1:0:600"},
	{"--mem=600", "c2 cpus 1 tasks 1 c2:0:600"},
	{"-n3 --mem=300", "c1 cpus 3 tasks 3 c1:1-3:300"},
	{NULL, NULL},
	{"-p big --contiguous -N2 -n2", "d[1-2] cpus 2 tasks 2 d[1-2]:0-1:100"},
	{"-p big -x d1 -n1", "d2 cpus 1 tasks 1 d2:2-3:100"},
	{"-p big -w d3 -N2 -n2", "d[3-4] cpus 2 tasks 2 d[3-4]:0-1:100"},
	{NULL, NULL},
	{"-p big -n8 --ntasks-per-socket=1", "d[1-4] cpus 8 tasks 8 d[1-4]:0-1:200"},
	{"-p big -n4 --ntasks-per-core=1", "d1 cpus 4 tasks 4 d1:8-15:400"},
	{"-p big -n4 --threads-per-core=1", "d2 cpus 4 tasks 4 d2:8-15:400"},
	{"-p big -n4 --hint=nomultithread", "d3 cpus 4 tasks 4 d3:8-15:400"},
	{NULL, NULL},
	{"-p big -N1 -n32 -O", "d1 cpus 1 tasks 1 d1:0-1:100"},
	{"-p big -n40 --spread-job", "d[1-4] cpus 40 tasks 40 d1:2-3,8-15:1000 d[2-4]:0-9:1000"},
	{"-p big -N2-3 -n3", "d[1-3] cpus 3 tasks 3 d1:4-5:100 d[2-3]:10-11:100"},
	{"-p big -n4 --mem-per-cpu=5000", "d[1-2] cpus 4 tasks 4 d1:6-7:10000 d2:12-13:10000"},
	{"-p big -N2 -n4 --mem-per-cpu=5000", "d[3-4] cpus 4 tasks 4 d3:12-13:10000 d4:10-11:10000"},
};

static void check(const struct row *r)
{
	struct job *j = world_job(r->args);
	struct err_text why = {0};
	char *t;

	if (sched_possible(W.c, j, j->part, &why)) {
		ok(strncmp(r->result, "E_", 2) == 0, "%s: refused, %s", r->args, why.text);
		return;
	}
	sched_job_added(W.c, j);
	world_pass();
	if (!j->alloc) {
		ok(strcmp(r->result, "Resources") == 0 && j->reason == WAIT_RESOURCES,
		   "%s: waits for resources", r->args);
		return;
	}
	t = world_alloc_text(j);
	ok(strcmp(t, r->result) == 0, "%s: %s", r->args, t);
	if (strcmp(t, r->result) != 0)
		printf("# stock: %s\n", r->result);
	free(t);
}

int main(void)
{
	if (!world_new(conf_text, gres_text))
		return 1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].args) {
			check(&rows[i]);
		} else {
			world_free();
			world_new(conf_text, gres_text);
		}
	}
	world_free();
	return tap_done();
}
