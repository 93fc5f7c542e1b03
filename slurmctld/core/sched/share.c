/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes whose cores several jobs use at once (OverSubscribe).  A node's
 * cores_used holds the cores of jobs that do not share; this adds the others:
 * to a job that does not share all of them are taken, to one that shares those
 * that are used by as many jobs as its partition allows, or by jobs of
 * another partition. */
#include "slurmctld/core/sched/sched_i.h"

#define CORES_MAX 4096

static const struct job_share *share_on(const struct job_alloc *a, const struct node *n)
{
	if (!a || !bitset_test(a->nodes, n->index))
		return NULL;
	for (uint32_t i = 0; i < a->node_count; i++)
		if (a->share[i].node == n->index)
			return &a->share[i];
	return NULL;
}

static void add_job(struct sched *s, const struct request *r, const struct job *j,
		    const struct job_share *sh)
{
	bool same = j->part == r->part && r->share;

	for (uint32_t k = 0; k < sh->cores && k < CORES_MAX; k++) {
		if (!bitset_test(j->alloc->cores, sh->core_off + k))
			continue;
		if (!same || ++s->share_count[k] >= r->rows)
			bitset_set(s->share_used, k);
	}
}

const struct bitset *share_view(struct core *c, const struct request *r, const struct node *n)
{
	struct sched *s = c->sched;

	if (!n->sharing_jobs)
		return n->cores_used;
	if (!s->share_used || s->share_used->bits < n->cores) {
		bitset_free(s->share_used);
		s->share_used = bitset_new(CORES_MAX);
		s->share_count = mem_realloc(s->share_count, CORES_MAX);
	}
	bitset_clear_all(s->share_used);
	memset(s->share_count, 0, CORES_MAX);
	bitset_foreach(k, n->cores_used)
		bitset_set(s->share_used, k);
	for (struct sched_entry *e = s->running.first; e; e = e->next) {
		const struct job_share *sh;

		if (!job_shares(e->job))
			continue;
		sh = share_on(e->job->alloc, n);
		if (sh)
			add_job(s, r, e->job, sh);
	}
	return s->share_used;
}

bool share_only_user(struct core *c, const struct node *n, uint32_t uid)
{
	for (struct sched_entry *e = c->sched->running.first; e; e = e->next)
		if (e->job->uid != uid && share_on(e->job->alloc, n))
			return false;
	return true;
}
