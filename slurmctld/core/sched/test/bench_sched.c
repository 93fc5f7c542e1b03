/* SPDX-License-Identifier: Apache-2.0
 *
 * How long the scheduler takes: jobs to submit, passes over a full cluster,
 * backfill.  Not a test: prints figures.
 *
 *   bench_sched [JOBS [NODES [KINDS [LEAF]]]]    KINDS: different requests;
 *                           LEAF: nodes of a leaf switch, 20 of these to the next */
#include <time.h>

#include "conf/topo.h"
#include "slurmctld/core/sched/test/world.h"

static double cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Three levels of switches over all nodes. */
static void network(uint32_t nodes, uint32_t leaf)
{
	static struct conf_topo t = {.name = (char *)"default", .kind = CONF_TOPO_TREE};
	uint32_t leaves = (nodes + leaf - 1) / leaf, mids = (leaves + 19) / 20;
	struct conf_topo_unit *u = mem_zalloc((leaves + mids + 1) * sizeof(*u));

	for (uint32_t i = 0; i < leaves; i++, u++, t.unit_count++) {
		u->name = mem_printf("s%u", i);
		u->nodes = mem_printf("n[%u-%u]", i * leaf + 1,
				      (i + 1) * leaf < nodes ? (i + 1) * leaf : nodes);
	}
	for (uint32_t i = 0; i < mids; i++, u++, t.unit_count++) {
		u->name = mem_printf("m%u", i);
		u->children = mem_printf("s[%u-%u]", i * 20,
					 (i + 1) * 20 < leaves ? i * 20 + 19 : leaves - 1);
	}
	u->name = mem_printf("top");
	u->children = mem_printf("m[0-%u]", mids - 1);
	t.unit = u - t.unit_count;
	t.unit_count++;
	W.c->conf->topos = &t;
	W.c->conf->topo_count = 1;
	topo_build_all(W.c);
}

int main(int argc, char **argv)
{
	uint32_t jobs = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000;
	uint32_t nodes = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000;
	uint32_t kinds = argc > 3 ? (uint32_t)atoi(argv[3]) : jobs;
	char *text = mem_printf(WORLD_HEAD "SelectTypeParameters=CR_Core_Memory\n"
		"NodeName=n[1-%u] Sockets=2 CoresPerSocket=8 ThreadsPerCore=2 RealMemory=64000\n"
		"PartitionName=p Nodes=ALL Default=YES DefMemPerCPU=100 MaxTime=INFINITE\n", nodes);
	struct job **v = mem_alloc(jobs * sizeof(*v));
	double t0, t1;
	uint32_t started = 0, slices = 0;
	char args[128];

	if (!world_new(text, NULL))
		return 1;
	if (argc > 4)
		network(nodes, (uint32_t)atoi(argv[4]));
	for (uint32_t i = 0; i < jobs; i++) {
		uint32_t k = i % kinds;

		snprintf(args, sizeof(args), "-n%u -t %u", 1 + k * 7 % 97, 10 + k * 13 % 1997);
		v[i] = world_job(args);
	}
	t0 = cpu();
	for (uint32_t i = 0; i < jobs; i++)
		sched_job_added(W.c, v[i]);
	t1 = cpu();
	printf("%u jobs, %u nodes, %u kinds\nsubmit: %.2f ms, %.2f us each\n", jobs, nodes,
	       W.c->sched->group_count, t1 - t0, (t1 - t0) * 1e3 / jobs);
	t0 = cpu();
	sched_pass(W.c, &world_ops, &W.out, false);
	t1 = cpu();
	for (uint32_t i = 0; i < jobs; i++)
		started += v[i]->alloc != NULL;
	printf("first pass, main and a slice: %.2f ms, %u started\n", t1 - t0, started);
	t0 = cpu();
	while (sched_pass(W.c, &world_ops, &W.out, true))
		slices++;
	t1 = cpu();
	for (uint32_t i = started = 0; i < jobs; i++)
		started += v[i]->alloc != NULL;
	printf("rest of the backfill round: %.2f ms in %u slices, %u started, %u looked at\n",
	       t1 - t0, slices, started, W.c->stats.bf_depth);
	W.c->now_usec += 100000000;
	t0 = cpu();
	sched_pass(W.c, &world_ops, &W.out, false);
	while (sched_pass(W.c, &world_ops, &W.out, true))
		;
	t1 = cpu();
	printf("a full round where nothing fits: %.2f ms\n", t1 - t0);
	W.c->now++;
	t0 = cpu();
	for (uint32_t i = 0, n = 0; i < jobs && n < 100; i++) {
		if (!v[i]->alloc)
			continue;
		world_end(v[i]);
		sched_pass(W.c, &world_ops, &W.out, false);
		n++;
	}
	t1 = cpu();
	printf("100 times a job ends and a pass: %.2f ms each\n", (t1 - t0) / 100);
	return 0;
}
