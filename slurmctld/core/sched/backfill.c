/* SPDX-License-Identifier: Apache-2.0
 *
 * Backfill. */
#include "slurmctld/core/sched/sched_i.h"

bool backfill_pass(struct core *c, const struct sched_ops *ops, struct effects *out, bool slice)
{
	(void)c; (void)ops; (void)out; (void)slice;
	return false;
}
void backfill_free(struct sched *s) { (void)s; }
void backfill_dirty(struct sched *s) { (void)s; }
int64_t backfill_due(const struct sched *s) { (void)s; return INT64_MAX; }
enum err sched_estimate(struct core *c, const struct job *j, bool with_queue,
			struct arena *mem, int64_t *start, struct placement *out)
{
	(void)c; (void)j; (void)with_queue; (void)mem; (void)start; (void)out;
	return E_NODES_BUSY;
}
