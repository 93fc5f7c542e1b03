/* SPDX-License-Identifier: Apache-2.0
 *
 * Seeded runs of the virtual cluster.  t_sim [first seed [seeds [steps]]]; a
 * failing run is one number and fails the same way everywhere. */
#include "slurmctld/sim/vcluster.h"

static uint64_t run(uint64_t seed, uint32_t steps, bool tell)
{
	static struct vcluster v;
	uint64_t hash;
	uint32_t i;

	vcluster_begin(&v, seed);
	for (i = 0; i < steps && vcluster_step(&v); i++)
		;
	if (!v.fault[0])
		vcluster_settle(&v);
	if (tell)
		ok(!v.fault[0], "seed %llu: %u steps, %u jobs, %u crashes, %u restarts, %u reconfigurations%s%s",
		   (unsigned long long)seed, i, v.w.c->next_job_id - 1, v.crashes, v.restarts, v.reconfigs,
		   v.fault[0] ? ": " : "", v.fault);
	hash = v.trace;
	vcluster_end(&v);
	return hash;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint32_t seeds = argc > 2 ? (uint32_t)atoi(argv[2]) : 25;
	uint32_t steps = argc > 3 ? (uint32_t)atoi(argv[3]) : 600;

	for (uint64_t s = first; s < first + seeds; s++)
		run(s, steps, true);
	ok(run(first, steps, false) == run(first, steps, false), "a seed is a run");
	return tap_done();
}
