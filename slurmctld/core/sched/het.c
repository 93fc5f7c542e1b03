/* SPDX-License-Identifier: Apache-2.0
 *
 * Heterogeneous jobs: all components are placed at once or none is, and no
 * node is in two of them.  The leader stands for the job in the queue. */
#include "slurmctld/core/sched/sched_i.h"

bool sched_is_het(const struct job *j)
{
	return j->het_job_id && j->het_job_id == j->id;
}

void het_gather(struct core *c, struct job *leader, struct arena *mem, struct het *h)
{
	uint32_t n = 0;

	for (struct job *k = leader; k; k = k->het_next)
		n++;
	h->count = n;
	h->job = arena_alloc(mem, n * sizeof(*h->job));
	h->pl = arena_zalloc(mem, n * sizeof(*h->pl));
	h->order = arena_alloc(mem, n * sizeof(*h->order));
	h->taken = arena_zalloc(mem, bitset_sizeof(c->node_count));
	bitset_init(h->taken, c->node_count);
	h->failed = 0;
	n = 0;
	for (struct job *k = leader; k; k = k->het_next) {
		h->order[n] = n;
		h->job[n++] = k;
	}
}

/* Number of those placed, in the present order. */
static uint32_t place_in_order(struct core *c, struct het *h, het_try *one, void *arg)
{
	uint32_t n = 0;

	bitset_clear_all(h->taken);
	c->sched->taken = h->taken;
	for (; n < h->count; n++) {
		struct placement *pl = &h->pl[h->order[n]];

		if (!one(c, h->job[h->order[n]], pl, arg))
			break;
		for (uint32_t i = 0; i < pl->node_count; i++)
			bitset_set(h->taken, pl->share[i].node);
	}
	c->sched->taken = NULL;
	return n;
}

/* What one takes may be all that another could have: then that one chooses
 * before it.  A component that finds nothing though it chooses first ends it. */
bool het_place(struct core *c, struct het *h, het_try *one, void *arg)
{
	for (uint32_t tries = 0; tries < h->count; tries++) {
		uint32_t n = place_in_order(c, h, one, arg), k;

		if (n == h->count)
			return true;
		k = h->failed = h->order[n];
		if (!n)
			return false;
		for (; n; n--)
			h->order[n] = h->order[n - 1];
		h->order[0] = k;
	}
	return false;
}

void het_start(struct core *c, const struct sched_ops *ops, struct effects *out,
	       const struct het *h, bool backfill)
{
	for (uint32_t i = 0; i < h->count; i++)
		ops->start(c, h->job[i], &h->pl[i], backfill, out);
}
