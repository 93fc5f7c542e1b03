/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes whose cores several jobs use at once (OverSubscribe).  A node's
 * cores_used holds the cores of jobs that do not share; this adds the others:
 * to a job that does not share all of them are taken, to one that shares those
 * that are used by as many jobs as its partition allows, or by jobs of
 * another partition. */
#include "slurmctld/core/sched/sched_i.h"

#define CORES_MAX 4096

/* A running job's share of one node; next: of the same node. */
struct share_link {
	const struct job *job;
	const struct job_share *share;
	uint32_t next;
};

/* Who is where.  Made anew when a job started or ended since. */
static void links_build(struct core *c)
{
	struct sched *s = c->sched;
	uint32_t n = 0;

	if (s->links_gen == s->running_gen && s->links_nodes == c->node_count)
		return;
	s->links_gen = s->running_gen;
	s->links_nodes = c->node_count;
	for (struct sched_entry *e = s->running.first; e; e = e->next)
		n += e->job->alloc ? e->job->alloc->node_count : 0;
	s->link = mem_realloc(s->link, (n + 1) * sizeof(*s->link));
	s->link_head = mem_realloc(s->link_head, (c->node_count + 1) * sizeof(uint32_t));
	memset(s->link_head, 0, (c->node_count + 1) * sizeof(uint32_t));
	n = 0;
	for (struct sched_entry *e = s->running.first; e; e = e->next) {
		const struct job_alloc *a = e->job->alloc;

		for (uint32_t i = 0; a && i < a->node_count; i++) {
			uint32_t node = a->share[i].node;

			s->link[++n] = (struct share_link){e->job, &a->share[i],
							   s->link_head[node]};
			s->link_head[node] = n;
		}
	}
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
	links_build(c);
	for (uint32_t i = s->link_head[n->index]; i; i = s->link[i].next)
		if (job_shares(s->link[i].job))
			add_job(s, r, s->link[i].job, s->link[i].share);
	return s->share_used;
}

bool share_only_user(struct core *c, const struct node *n, uint32_t uid)
{
	struct sched *s = c->sched;

	links_build(c);
	for (uint32_t i = s->link_head[n->index]; i; i = s->link[i].next)
		if (s->link[i].job->uid != uid)
			return false;
	return true;
}
