/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations of some cores of nodes: which, and how they are chosen - as those
 * of a job with one task on each. */
#include <stdlib.h>

#include "slurmctld/core/resv_i.h"
#include "slurmctld/core/sched/sched_i.h"

/* ---- the record -------------------------------------------------------- */

const struct bitset *resv_cores_of(const struct resv *r, uint32_t node)
{
	return node < r->core_count ? r->cores[node] : NULL;
}

void resv_cores_free(struct resv *r)
{
	for (uint32_t i = 0; i < r->core_count; i++)
		bitset_free(r->cores[i]);
	free(r->cores);
	r->cores = NULL;
	r->core_count = 0;
}

static void cores_alloc(struct resv *r, uint32_t nodes)
{
	resv_cores_free(r);
	r->cores = mem_zalloc((nodes + 1) * sizeof(*r->cores));
	r->core_count = nodes;
}

void resv_cores_copy(struct resv *to, const struct resv *from)
{
	to->cores = NULL;
	to->core_count = 0;
	if (!from->cores)
		return;
	cores_alloc(to, from->core_count);
	for (uint32_t i = 0; i < from->core_count; i++)
		to->cores[i] = bitset_dup(from->cores[i]);
}

void resv_count_cores(const struct core *c, const struct resv *r, uint32_t *cores,
		      uint32_t *cpus)
{
	/* of cores given whole all threads count */
	bool whole = c->conf->selecttypeparameters & (CR_CORE | CR_SOCKET);

	*cores = *cpus = 0;
	if (!r->nodes)
		return;
	bitset_foreach(i, r->nodes) {
		const struct node *n = c->node[i];
		const struct bitset *some = resv_cores_of(r, i);

		if (!n || (r->core_text && !some))
			continue;
		*cores += some ? bitset_count(some) : n->cores;
		*cpus += some ? bitset_count(some) * (whole ? node_tpc(n) : 1) :
			n->cpus;
	}
}

static void text_make(const struct core *c, struct resv *r)
{
	char *text = NULL;

	bitset_foreach(i, r->nodes) {
		char *ranges = bitset_to_ranges(r->cores[i]), *was = text;

		text = mem_printf("%s%s%s:%s", was ? was : "", was ? ";" : "", c->node[i]->name,
				  ranges);
		free(was);
		free(ranges);
	}
	free(r->core_text);
	r->core_text = text;
}

void resv_cores_settle(const struct core *c, struct resv *r)
{
	char *copy, *save = NULL;

	resv_cores_free(r);
	if (!r->core_text)
		return;
	cores_alloc(r, c->node_count);
	copy = mem_strdup(r->core_text);
	for (char *p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save)) {
		char *colon = strchr(p, ':');
		const struct node *n;

		if (!colon)
			continue;
		*colon = '\0';
		n = node_find(c, p);
		if (!n || n->index >= r->core_count || r->cores[n->index])
			continue;
		/* a node that has fewer now gives what it has of them */
		r->cores[n->index] = bitset_new(n->cores);
		bitset_from_ranges(r->cores[n->index], colon + 1);
	}
	free(copy);
}

/* ---- choosing ---------------------------------------------------------- */

/* So many of each node, as lists of 22.05 have it: the lowest that are free. */
static enum err cores_each(struct change *k, const struct bitset *named, const struct resv_try *t)
{
	uint32_t at = 0;

	cores_alloc(k->r, k->c->node_count);
	bitset_foreach(i, named) {
		const struct node *n = k->c->node[i];
		struct bitset *set = k->r->cores[i] = bitset_new(n->cores);
		uint32_t want = k->core_each[at++];

		for (uint32_t b = 0; b < n->cores && want; b++) {
			if (t->taken[i] && bitset_test(t->taken[i], b))
				continue;
			bitset_set(set, b);
			want--;
		}
		if (want || !bitset_test(t->nodes, i))
			return E_NODES_BUSY;
	}
	return E_OK;
}

static void cores_of_placement(struct change *k, const struct placement *pl)
{
	struct resv *r = k->r;

	cores_alloc(r, k->c->node_count);
	if (!r->nodes)
		r->nodes = bitset_new(k->c->node_count);
	bitset_clear_all(r->nodes);
	for (uint32_t i = 0; i < pl->node_count; i++) {
		const struct job_share *s = &pl->share[i];
		struct bitset *set = r->cores[s->node] = bitset_new(s->cores);

		for (uint32_t b = 0; b < s->cores; b++)
			if (bitset_test(pl->cores, s->core_off + b))
				bitset_set(set, b);
		bitset_set(r->nodes, s->node);
	}
}

static void as_job(struct change *k, uint32_t nodes, struct job *j)
{
	memset(j, 0, sizeof(*j));
	job_defaults(j);
	j->num_tasks = j->min_cpus = k->core_cnt;
	j->max_cpus = NO_VAL;
	j->min_nodes = nodes;
	j->max_nodes = k->node_cnt == NO_VAL ? NO_VAL : nodes;
	j->cpus_per_task = j->ntasks_per_core = j->threads_per_core = 1;
	j->pn_min_cpus = (uint16_t)(k->per_node ? k->per_node : 1);
	j->pn_min_memory = NO_VAL64;
	j->shared = NO_VAL16;
	j->bitflags = JOB_NTASKS_SET | USE_MIN_NODES;
	j->batch = 1;
}

static enum err cores_fit(struct change *k, const struct part *p, struct bitset *named,
			  const struct resv_try *t)
{
	uint32_t nodes = named ? bitset_count(named) : k->node_cnt == NO_VAL ? 1 : k->node_cnt;
	struct placement pl;
	struct feat_expr f;
	struct job j;
	enum err rc;

	if (k->core_each)
		return cores_each(k, named, t);
	as_job(k, nodes, &j);
	rc = resv_features(k, &f);
	if (rc != E_OK || f.need_count)
		return rc != E_OK ? rc : E_INVALID_FEATURE;
	if (k->r->features)
		job_str_set(&j, JS_FEATURES, k->r->features);
	rc = sched_place_cores(k->c, &j, p, t->nodes, named, t->taken, &k->out->mem, &pl);
	free(j.strings);
	if (rc == E_OK)
		cores_of_placement(k, &pl);
	return rc;
}

enum err resv_pick_cores(struct change *k, struct bitset *named, const struct bitset *but)
{
	const struct part *p = NULL;
	enum err rc = resv_pick_partition(k, &p);
	struct bitset *from;
	struct resv_try t;

	if (rc != E_OK)
		return rc;
	if (named && k->core_each && k->each_count != bitset_count(named))
		return E_INVALID_CORE_CNT;
	if ((k->node_cnt != NO_VAL && k->node_cnt > k->core_cnt) || (named && !k->core_cnt))
		return E_INVALID_CORE_CNT;
	if (!k->core_cnt)
		return E_NODES_BUSY;
	from = bitset_dup(named ? named : p->nodes);
	if (but)
		bitset_and_not(from, but);
	rc = E_NODES_BUSY;
	for (enum resv_try_kind n = 0; n < RESV_TRIES && rc != E_OK; n++)
		for (int jobs = 0; jobs < (k->r->flags & RESV_IGN_JOBS ? 2 : 1) && rc != E_OK; jobs++)
			if (resv_try_make(k, from, n, true, jobs, &t))
				rc = cores_fit(k, p, named, &t);
	bitset_free(from);
	if (rc == E_OK)
		text_make(k->c, k->r);
	return rc;
}
