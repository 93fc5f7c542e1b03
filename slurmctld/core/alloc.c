/* SPDX-License-Identifier: Apache-2.0
 *
 * What an allocation weighs on nodes.  A node's share is charged from the
 * job's start until that node has cleaned up; between, alloc_complete() moves
 * it from the running to the completing count. */
#include <assert.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"

struct job_alloc *alloc_from_placement(struct core *c, const struct placement *p)
{
	struct job_alloc *a = mem_zalloc(sizeof(*a));

	a->node_count = p->node_count;
	a->share = mem_zalloc((p->node_count ? p->node_count : 1) * sizeof(*a->share));
	a->nodes = bitset_new(c->node_count);
	for (uint32_t i = 0; i < p->node_count; i++) {
		struct job_share *s = &a->share[i];
		size_t units = c->gres_type_count * sizeof(*s->gres);

		*s = p->share[i];
		s->step_mem_mb = 0;
		s->gres_step = NULL;
		s->devs = s->devs_step = NULL;
		if (s->gres) {
			size_t size = c->gres_type_count * sizeof(*s->devs);

			s->gres = memcpy(mem_alloc(units), p->share[i].gres, units);
			s->gres_step = mem_zalloc(units);
			s->devs = mem_zalloc(size);
			s->devs_step = mem_zalloc(size);
			if (p->share[i].devs)
				memcpy(s->devs, p->share[i].devs, size);
		}
		bitset_set(a->nodes, s->node);
	}
	a->cores = bitset_dup(p->cores);
	a->cores_step = bitset_new(p->cores->bits);
	a->total_cpus = p->total_cpus;
	a->whole_node = p->whole_node;
	return a;
}

void alloc_free(struct job_alloc *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->node_count; i++) {
		free(a->share[i].gres);
		free(a->share[i].gres_step);
		free(a->share[i].devs);
		free(a->share[i].devs_step);
	}
	free(a->share);
	bitset_free(a->cores);
	bitset_free(a->cores_step);
	bitset_free(a->nodes);
	bitset_free(a->completing);
	bitset_free(a->prolog);
	free(a);
}

void job_past(struct job *j, struct job_alloc *a)
{
	alloc_free(j->past);
	j->past = a;
}

bool alloc_is_whole(const struct core *c, const struct job_alloc *a)
{
	for (uint32_t i = 0; i < a->node_count; i++) {
		const struct job_share *s = &a->share[i];

		if (s->node >= c->node_count || !c->node[s->node] ||
		    c->node[s->node]->cores != s->cores)
			return false;
	}
	return true;
}

uint32_t alloc_find(const struct job_alloc *a, uint32_t node)
{
	for (uint32_t i = 0; a && i < a->node_count; i++)
		if (a->share[i].node == node)
			return i;
	return UINT32_MAX;
}

/* What a suspended job leaves to others. */
static void weigh_cores(struct core *c, struct job *j, struct job_share *s, bool add)
{
	struct node *n = c->node[s->node];

	for (uint32_t k = 0; k < s->cores && k < n->cores && !j->alloc->shares; k++) {
		if (!bitset_test(j->alloc->cores, s->core_off + k))
			continue;
		if (add)
			bitset_set(n->cores_used, k);
		else
			bitset_clear(n->cores_used, k);
	}
	if (add)
		n->cpus_alloc = (uint16_t)(n->cpus_alloc + s->cpus);
	else
		n->cpus_alloc = (uint16_t)(n->cpus_alloc - (n->cpus_alloc < s->cpus ?
							     n->cpus_alloc : s->cpus));
}

static void weigh(struct core *c, struct job *j, struct job_share *s, bool add)
{
	struct node *n = c->node[s->node];

	if (!j->alloc->parked)
		weigh_cores(c, j, s, add);
	for (uint32_t t = 0; s->gres && t < c->gres_type_count; t++)
		node_gres_use(c, n, t, s->gres[t], s->devs ? s->devs[t] : 0, add);
	if (add)
		n->mem_alloc_mb += s->mem_mb;
	else
		n->mem_alloc_mb -= n->mem_alloc_mb < s->mem_mb ? n->mem_alloc_mb : s->mem_mb;
	if (j->alloc->shares)
		n->sharing_jobs = add ? n->sharing_jobs + 1 :
			n->sharing_jobs ? n->sharing_jobs - 1 : 0;
}

static void owner_take(struct core *c, struct node *n, const struct job *j)
{
	if (j->shared == JOB_SHARED_USER ||
	    (j->part && j->part->flags & PART_FLAG_EXCLUSIVE_USER))
		n->owner_uid = j->uid;
	(void)c;
}

/* Does it run on cores that others have?  The nodes count those jobs. */
static void beside(struct core *c, struct job_alloc *a, bool is)
{
	for (uint32_t i = 0; i < a->node_count && a->beside != is; i++) {
		struct node *n = c->node[a->share[i].node];

		n->beside_jobs = is ? n->beside_jobs + 1 : n->beside_jobs - 1;
		node_settle(c, n);
	}
	a->beside = is;
}

void alloc_charge(struct core *c, struct job *j)
{
	struct job_alloc *a = j->alloc;

	if (!a->charged)
		a->shares = job_shares(j);
	a->charged = true;
	a->counted = !job_is_completing(j);
	beside(c, a, a->parked && a->counted && job_base(j) == JOB_RUNNING);
	for (uint32_t i = 0; i < a->node_count; i++) {
		struct node *n = c->node[a->share[i].node];

		if (!a->counted && !bitset_test(a->completing, n->index))
			continue;
		weigh(c, j, &a->share[i], true);
		if (a->counted)
			n->run_jobs++;
		else
			n->comp_jobs++;
		owner_take(c, n, j);
		if (a->counted && n->can_resume && j->part && j->part->flags & PART_FLAG_PDOI)
			node_move(c, n, n->state | NODE_STATE_POWER_DOWN);
		node_settle(c, n);
	}
}

void alloc_park(struct core *c, struct job *j)
{
	if (j->alloc->parked) {
		beside(c, j->alloc, false);
		return;
	}
	for (uint32_t i = 0; i < j->alloc->node_count; i++) {
		weigh_cores(c, j, &j->alloc->share[i], false);
		node_settle(c, c->node[j->alloc->share[i].node]);
	}
	j->alloc->parked = true;
	c->wants_sched = true;
}

static bool cores_free(const struct core *c, const struct job_alloc *a)
{
	for (uint32_t i = 0; i < a->node_count && !a->shares; i++) {
		const struct job_share *s = &a->share[i];
		const struct node *n = c->node[s->node];

		if ((uint32_t)n->cpus_alloc + s->cpus > n->cpus)
			return false;
		for (uint32_t k = 0; k < s->cores; k++)
			if (bitset_test(a->cores, s->core_off + k) && bitset_test(n->cores_used, k))
				return false;
	}
	return true;
}

bool alloc_unpark(struct core *c, struct job *j)
{
	struct job_alloc *a = j->alloc;

	if (!cores_free(c, a)) {
		beside(c, a, true);
		return false;
	}
	for (uint32_t i = 0; i < a->node_count; i++) {
		weigh_cores(c, j, &a->share[i], true);
		node_settle(c, c->node[a->share[i].node]);
	}
	a->parked = false;
	return true;
}

void alloc_complete(struct core *c, struct job *j)
{
	struct job_alloc *a = j->alloc;

	assert(a->counted);
	beside(c, a, false);
	a->counted = false;
	bitset_free(a->completing);
	a->completing = bitset_dup(a->nodes);
	bitset_free(a->prolog);
	a->prolog = NULL;
	for (uint32_t i = 0; i < a->node_count; i++) {
		struct node *n = c->node[a->share[i].node];

		assert(n->run_jobs);
		n->run_jobs--;
		n->comp_jobs++;
		n->last_busy = c->now;
		node_settle(c, n);
	}
}

bool alloc_release_node(struct core *c, struct job *j, uint32_t share)
{
	struct job_alloc *a = j->alloc;
	struct node *n = c->node[a->share[share].node];

	if (!a->completing || !bitset_test(a->completing, n->index))
		return false;
	bitset_clear(a->completing, n->index);
	weigh(c, j, &a->share[share], false);
	assert(n->comp_jobs);
	n->comp_jobs--;
	if (!n->comp_jobs && !n->run_jobs)
		n->owner_uid = NO_VAL;
	n->last_busy = c->now;
	node_settle(c, n);
	if (n->state & NODE_STATE_POWER_DOWN)
		power_wanted(c);
	c->wants_sched = true;
	return bitset_next(a->completing, 0) == UINT32_MAX;
}

void alloc_release_all(struct core *c, struct job *j)
{
	if (!j->alloc)
		return;
	if (j->alloc->counted)
		alloc_complete(c, j);
	for (uint32_t i = 0; i < j->alloc->node_count; i++)
		alloc_release_node(c, j, i);
}

void alloc_give_up(struct core *c, struct job *j, const struct bitset *gone)
{
	struct job_alloc *a = j->alloc;
	uint32_t kept = 0, off = 0;
	struct bitset *prolog = a->prolog ? bitset_new(a->node_count) : NULL;

	for (uint32_t i = 0; i < a->node_count; i++) {
		struct job_share *s = &a->share[i];
		struct node *n = c->node[s->node];

		if (!bitset_test(gone, s->node)) {
			if (prolog && bitset_test(a->prolog, i))
				bitset_set(prolog, kept);
			s->core_off = off;
			off += s->cores;
			a->share[kept++] = *s;
			continue;
		}
		weigh(c, j, s, false);
		if (a->beside)
			n->beside_jobs--;
		a->total_cpus -= s->cpus;
		bitset_clear(a->nodes, s->node);
		assert(n->run_jobs);
		n->run_jobs--;
		if (!n->comp_jobs && !n->run_jobs)
			n->owner_uid = NO_VAL;
		n->last_busy = c->now;
		node_settle(c, n);
		free(s->gres);
		free(s->gres_step);
		free(s->devs);
		free(s->devs_step);
	}
	a->node_count = kept;
	bitset_free(a->prolog);
	a->prolog = prolog;
}
