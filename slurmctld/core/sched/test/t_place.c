/* SPDX-License-Identifier: Apache-2.0
 *
 * Placements.  What stock 26.05.5 gave for the same sbatch lines, one after
 * the other, as scontrol show job -d printed it; 22.05.8 differs in the cores
 * of gres jobs and where a core is used with fewer tasks than threads. */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

#define conf_text \
	WORLD_HEAD \
	"SelectTypeParameters=%s\n" \
	"GresTypes=qpu\n" \
	"NodeName=c[1-4] CPUs=4 RealMemory=1000\n" \
	"NodeName=d[1-4] Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 RealMemory=16000 Feature=x,y\n" \
	"NodeName=q[1-2] CPUs=4 RealMemory=1000 Gres=qpu:2\n" \
	"PartitionName=normal Nodes=c[1-4] DefMemPerCPU=500 Default=YES MaxNodes=4\n" \
	"PartitionName=big Nodes=d[1-4] DefMemPerCPU=100\n" \
	"PartitionName=nomem Nodes=d[1-4]\n" \
	"PartitionName=share Nodes=d[1-4] DefMemPerCPU=10 OverSubscribe=FORCE:2\n" \
	"PartitionName=quantum Nodes=q[1-2]\n" \
	"PartitionName=excl Nodes=d[1-4] DefMemPerCPU=10 OverSubscribe=EXCLUSIVE\n"
static const char gres_text[] = "NodeName=q[1-2] Name=qpu Count=2\n";

struct row {
	const char *args;       /* NULL: all jobs end */
	const char *result;
};
static const struct row by_cpu[] = {
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

static const struct row by_core[] = {
	{"-p big -n1", "d1 cpus 2 tasks 1 d1:0-1:200"},
	{"-p big -n1", "d1 cpus 2 tasks 1 d1:2-3:200"},
	{"-p big -n3", "d1 cpus 4 tasks 3 d1:4-5,8-9:400"},
	{"-p big -n2 -c3", "d1 cpus 6 tasks 2 d1:6-7,10-13:600"},
	{"-p big -n17", "d[1-2] cpus 18 tasks 17 d1:14-15:200 d2:0-15:1600"},
	{NULL, NULL},
	{"-p big -N2 -n4", "d[1-2] cpus 4 tasks 4 d[1-2]:0-1:200"},
	{"-p big -N2 -n5", "d[1-2] cpus 6 tasks 5 d1:2-3,8-9:400 d2:2-3:200"},
	{"-p big -N3 -n20", "d[1-3] cpus 20 tasks 20 d1:4-7,10-15:1000 d2:4-11:800 d3:0-1:200"},
	{"-p big -N4 --ntasks-per-node=2", "Resources"},
	{NULL, NULL},
	{"-p big -n4 --ntasks-per-core=1", "d1 cpus 8 tasks 4 d1:0-3,8-11:800"},
	{"-p big -n4 --ntasks-per-socket=2", "d1 cpus 4 tasks 4 d1:4-5,12-13:400"},
	{"-p big -n6 --ntasks-per-socket=1", "d[1-3] cpus 6 tasks 6 d1:6-7:200 d[2-3]:0-1:200"},
	{"-p big -n2 --threads-per-core=1", "d2 cpus 4 tasks 2 d2:2-3,8-9:200"},
	{"-p big -n5 -c2 --threads-per-core=1", "d[2-3] cpus 20 tasks 5 d2:4-7,10-13:400 d3:2-13:600"},
	{NULL, NULL},
	{"-p big -n1 --mem-per-cpu=9000", "E_REQUESTED_NODE_CONFIG_UNAVAILABLE"},
	{"-p big -n1 --mem=9000", "d1 cpus 2 tasks 1 d1:0-1:9000"},
	{"-p big -n3 --mem-per-cpu=3000", "d2 cpus 4 tasks 3 d2:0-1,8-9:12000"},
	{NULL, NULL},
	{"-p big -n1 --exclusive", "d1 cpus 16 tasks 1 d1:0-15:1600"},
	{"-p big -N2 --exclusive", "d[2-3] cpus 32 tasks 2 d[2-3]:0-15:1600"},
	{"-p big -n1", "d4 cpus 2 tasks 1 d4:0-1:200"},
	{"-p big -n1 --exclusive=user", "d4 cpus 2 tasks 1 d4:2-3:200"},
	{NULL, NULL},
	{"-p big -n4 -m block:block", "d1 cpus 4 tasks 4 d1:0-3:400"},
	{"-p big -n4 -m cyclic:cyclic", "d1 cpus 4 tasks 4 d1:4-5,8-9:400"},
	{"-p big -n4 -m plane=2", "d1 cpus 4 tasks 4 d1:10-13:400"},
	{"-p big -N2 -n6 -m plane=2", "d[1-2] cpus 6 tasks 6 d1:6-7,14-15:400 d2:0-1:200"},
	{NULL, NULL},
	{"-p big -n1 -C x", "d1 cpus 2 tasks 1 d1:0-1:200"},
	{"-p big -n1 -C z", "E_INVALID_FEATURE"},
	{"-p big -n1 -C x&y", "d1 cpus 2 tasks 1 d1:2-3:200"},
	{"-p big -n1 -C z|y", "E_INVALID_FEATURE"},
	{NULL, NULL},
	{"-n4", "c[1-2] cpus 4 tasks 4 c[1-2]:0-1:1000"},
	{"-n4", "c[3-4] cpus 4 tasks 4 c[3-4]:0-1:1000"},
	{"-N2 -n2 -c2", "Resources"},
	{"-N1 -n1", "Priority"},
	{NULL, NULL},
	{"-p quantum --gres=qpu:2 -n1 --mem=10", "q1 cpus 1 tasks 1 q1:0:10"},
	{"-p quantum --gres=qpu:1 -n2 --mem=10", "q2 cpus 2 tasks 2 q2:0-1:10"},
	{"-p quantum -n4 --mem=10", "q[1-2] cpus 4 tasks 4 q1:1-3:10 q2:2:10"},
	{"-p quantum --gres=qpu:3 -n1 --mem=10", "E_REQUESTED_NODE_CONFIG_UNAVAILABLE"},
	{"-p quantum --gres=qpu:1 -N2 -n2 --mem=10", "Resources"},
	{NULL, NULL},
	{"-p big -B 2:2:1 -n4", "d1 cpus 8 tasks 4 d1:0-3,8-11:400"},
	{"-p big --sockets-per-node=2 -n2", "d1 cpus 2 tasks 2 d1:4-5:200"},
	{"-p big --cores-per-socket=5 -n2", "E_REQUESTED_NODE_CONFIG_UNAVAILABLE"},
	{"-p big --mincpus=17 -n1", "E_REQUESTED_NODE_CONFIG_UNAVAILABLE"},
	{"-p big -N5", "E_REQUESTED_PART_CONFIG_UNAVAILABLE"},
	{"-p big --tmp=10 -n1", "E_REQUESTED_NODE_CONFIG_UNAVAILABLE"},
	{"-p big --mem=20000 -n1", "E_REQUESTED_NODE_CONFIG_UNAVAILABLE"},
	{"-p big -n65", "E_REQUESTED_PART_CONFIG_UNAVAILABLE"},
	{"-p normal -w d1 -n1", "E_REQUESTED_NODES_NOT_IN_PARTITION"},
};

static const struct { const char *name; enum err e; } refusals[] = {
	{"E_REQUESTED_NODE_CONFIG_UNAVAILABLE", E_REQUESTED_NODE_CONFIG_UNAVAILABLE},
	{"E_REQUESTED_PART_CONFIG_UNAVAILABLE", E_REQUESTED_PART_CONFIG_UNAVAILABLE},
	{"E_REQUESTED_NODES_NOT_IN_PARTITION", E_REQUESTED_NODES_NOT_IN_PARTITION},
	{"E_INVALID_FEATURE", E_INVALID_FEATURE},
};

static bool refused_so(const char *name, enum err e)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (strcmp(refusals[i].name, name) == 0)
			return refusals[i].e == e;
	return false;
}

static void check(const struct row *r)
{
	struct job *j = world_job(r->args);
	struct err_text why = {0};
	enum err e;
	char *t;

	e = sched_possible(W.c, j, j->part, &why);
	if (e) {
		ok(refused_so(r->result, e), "%s: refused, %s", r->args, why.text);
		return;
	}
	sched_job_added(W.c, j);
	world_pass();
	if (!j->alloc) {
		ok(j->reason == (strcmp(r->result, "Priority") == 0 ? WAIT_PRIORITY :
				 WAIT_RESOURCES), "%s: waits, %s", r->args, r->result);
		return;
	}
	t = world_alloc_text(j);
	ok(strcmp(t, r->result) == 0, "%s: %s", r->args, t);
	if (strcmp(t, r->result) != 0)
		printf("# stock: %s\n", r->result);
	free(t);
}

static void run(const char *select, const struct row *rows, size_t count)
{
	char *text = mem_printf(conf_text, select);

	if (!ok(world_new(text, gres_text), "a cluster with %s", select))
		return;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].args) {
			check(&rows[i]);
		} else {
			world_free();
			world_new(text, gres_text);
		}
	}
	world_free();
	free(text);
}

int main(void)
{
	run("CR_CPU_Memory", by_cpu, sizeof(by_cpu) / sizeof(by_cpu[0]));
	run("CR_Core_Memory", by_core, sizeof(by_core) / sizeof(by_core[0]));
	return tap_done();
}
