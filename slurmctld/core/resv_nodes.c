/* SPDX-License-Identifier: Apache-2.0
 *
 * Which nodes a reservation gets: those named, or so many of a partition.
 * Cores of nodes are chosen in resv_cores.c. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/resv_i.h"
#include "slurmctld/core/sched/sched_i.h"

/* ---- what is in the way ------------------------------------------------ */

static bool jobs_there(struct change *k, const struct bitset *nodes, int64_t start)
{
	for (const struct job *j = k->c->job_first; j; j = j->next) {
		const char *own = job_str(j, JS_RESERVATION);

		if (!job_is_running(j) || !j->alloc || j->end_time <= start ||
		    !bitset_overlap(j->alloc->nodes, nodes))
			continue;
		if (!k->old || !own || strcmp(own, k->old->name) != 0)
			return true;
	}
	return false;
}

bool resv_meets(const struct change *k, const struct resv *o)
{
	const struct resv *r = k->r;

	return o != k->old && o->nodes &&
		resv_times_meet(k->c, resv_start(k->c, r), resv_end(k->c, r), r->flags,
				resv_start(k->c, o), resv_end(k->c, o), o->flags);
}

/* Whole nodes may be reserved over cores that are: the cores stay whose they
 * were. */
static enum err check_overlap(struct change *k)
{
	if (k->r->flags & (RESV_MAINT | RESV_OVERLAP) || !k->r->nodes)
		return E_OK;
	for (const struct resv *o = k->c->resv_first; o; o = o->next)
		if (!(o->flags & (RESV_MAINT | RESV_OVERLAP)) && !o->core_text &&
		    resv_meets(k, o) && bitset_overlap(o->nodes, k->r->nodes))
			return E_RESERVATION_OVERLAP;
	return E_OK;
}

void resv_nodes_named(struct resv *r, const struct core *c, struct arena *mem)
{
	const char **names = arena_alloc(mem, (c->node_count + 1) * sizeof(*names));
	uint32_t n = 0;

	free(r->node_text);
	r->node_text = NULL;
	if (!r->nodes)
		return;
	bitset_foreach(i, r->nodes)
		names[n++] = c->node[i]->name;
	r->node_text = n ? hostlist_compress_sorted(names, n) : NULL;
}

/* The partition the nodes are taken from when they are not named. */
enum err resv_pick_partition(struct change *k, const struct part **p)
{
	const char *first = k->r->allowed_parts;

	if (k->r->partition) {
		*p = part_find(k->c, k->r->partition);
		return *p ? E_OK : E_INVALID_PARTITION_NAME;
	}
	*p = k->c->default_part;
	if (first) {
		first += *first == '-';
		*p = part_find(k->c, arena_strndup(&k->out->mem, first, strcspn(first, ",")));
	}
	if (!*p)
		return E_DEFAULT_PARTITION_NOT_SET;
	node_set_str(&k->r->partition, (*p)->name);
	return E_OK;
}

/* ---- so many nodes ----------------------------------------------------- */

static struct bitset *mem_set(struct change *k, const struct bitset *from)
{
	struct bitset *b = arena_zalloc(&k->out->mem, bitset_sizeof(k->c->node_count));

	bitset_init(b, k->c->node_count);
	if (from)
		bitset_copy(b, from);
	return b;
}

static void cores_taken(struct change *k, struct resv_try *t, uint32_t node,
			const struct bitset *from, uint32_t off)
{
	const struct node *n = k->c->node[node];
	struct bitset *b = t->taken[node];

	if (!b) {
		b = arena_zalloc(&k->out->mem, bitset_sizeof(n->cores));
		bitset_init(b, n->cores);
		t->taken[node] = b;
	}
	for (uint32_t i = 0; i < n->cores; i++)
		if (bitset_test(from, off + i))
			bitset_set(b, i);
}

static bool is_there_then(const struct job *j, int64_t start)
{
	return (job_is_running(j) || job_base(j) == JOB_SUSPENDED) && j->alloc &&
		j->end_time >= start;
}

static void without_jobs(struct change *k, struct resv_try *t, bool by_core)
{
	int64_t start = resv_start(k->c, k->r);

	for (const struct job *j = k->c->job_first; j; j = j->next) {
		if (!is_there_then(j, start))
			continue;
		if (!by_core) {
			bitset_and_not(t->nodes, j->alloc->nodes);
			continue;
		}
		for (uint32_t i = 0; i < j->alloc->node_count; i++)
			cores_taken(k, t, j->alloc->share[i].node, j->alloc->cores,
				    j->alloc->share[i].core_off);
	}
}

static void without_resvs(struct change *k, struct resv_try *t, uint32_t n, bool by_core)
{
	for (const struct resv *o = k->c->resv_first; o; o = o->next) {
		if ((n == RESV_TRY_OVERLAP && o->flags & RESV_OVERLAP) || !resv_meets(k, o))
			continue;
		if (!o->core_text || (!by_core && n == RESV_TRY_EMPTY)) {
			bitset_and_not(t->nodes, o->nodes);
			continue;
		}
		if (!by_core)
			continue;
		bitset_foreach(i, o->nodes)
			if (resv_cores_of(o, i))
				cores_taken(k, t, i, resv_cores_of(o, i), 0);
	}
}

/* Best first: nodes nothing is planned for; those with some cores reserved;
 * those of reservations that may be overlapped; with the flags for it any that
 * are up, then any. */
bool resv_try_make(struct change *k, const struct bitset *from, enum resv_try_kind n,
		   bool by_core, bool ignore_jobs, struct resv_try *t)
{
	uint64_t f = k->r->flags;

	if ((n == RESV_TRY_UP && !(f & (RESV_MAINT | RESV_OVERLAP))) ||
	    (n == RESV_TRY_ANY && !(f & RESV_MAINT)) || (n == RESV_TRY_EMPTY && by_core))
		return false;
	t->nodes = mem_set(k, from);
	t->taken = by_core ? arena_zalloc(&k->out->mem, (k->c->node_count + 1) *
					  sizeof(*t->taken)) : NULL;
	for (uint32_t i = 0; i < k->c->node_count; i++)
		if (!k->c->node[i] || (n != RESV_TRY_ANY && !node_usable(k->c->node[i])))
			bitset_clear(t->nodes, i);
	if (n < RESV_TRY_UP)
		without_resvs(k, t, n, by_core);
	if (!ignore_jobs)
		without_jobs(k, t, by_core);
	return true;
}

enum err resv_features(struct change *k, struct feat_expr *f)
{
	memset(f, 0, sizeof(*f));
	if (!k->r->features)
		return E_OK;
	fit_scratch(k->c);
	arena_reset(&k->c->sched->mem);
	return feature_parse(k->c, k->r->features, f, NULL) == E_OK ? E_OK :
		E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
}

/* Nodes that have the features, when these name no numbers of nodes. */
static void only_with_features(struct change *k, const struct feat_expr *f, struct bitset *set)
{
	struct bitset *any;

	if (!f->alt_count)
		return;
	any = mem_set(k, NULL);
	for (uint32_t i = 0; i < f->alt_count; i++)
		bitset_or(any, f->alt[i]);
	bitset_and(set, any);
}

static void take(struct bitset *to, const struct bitset *from, uint32_t *want)
{
	bitset_foreach(i, from) {
		if (!*want)
			break;
		if (bitset_test(to, i))
			continue;
		bitset_set(to, i);
		(*want)--;
	}
}

/* So many of these; E_NODES_BUSY: some were not to be had. */
static enum err take_of(struct change *k, const struct bitset *from, uint32_t *want)
{
	struct resv_try t;

	for (enum resv_try_kind n = 0; n < RESV_TRIES && *want; n++)
		for (int jobs = 0; jobs < (k->r->flags & RESV_IGN_JOBS ? 2 : 1) && *want; jobs++)
			if (resv_try_make(k, from, n, false, jobs, &t))
				take(k->r->nodes, t.nodes, want);
	return *want ? E_NODES_BUSY : E_OK;
}

/* "a*2&b*3": of each so many. */
static enum err take_needs(struct change *k, const struct feat_expr *f,
			   const struct bitset *from, uint32_t *want)
{
	enum err rc = E_OK;

	for (uint32_t i = 0; i < f->need_count && rc == E_OK; i++) {
		struct bitset *some = mem_set(k, from);
		uint32_t n = f->need[i].count, asked = n;

		bitset_and(some, f->need[i].nodes);
		rc = take_of(k, some, &n);
		*want -= asked < *want ? asked : *want;
	}
	return rc;
}

enum err resv_pick_more(struct change *k, uint32_t want)
{
	struct resv *r = k->r;
	const struct part *p = NULL;
	enum err rc = resv_pick_partition(k, &p);
	struct feat_expr f;
	struct bitset *set;

	if (rc != E_OK)
		return rc;
	if (!r->nodes)
		r->nodes = bitset_new(k->c->node_count);
	set = mem_set(k, p->nodes);
	bitset_and_not(set, k->old && k->old->nodes ? k->old->nodes : r->nodes);
	rc = resv_features(k, &f);
	if (rc != E_OK)
		return rc;
	if (f.need_count) {
		rc = take_needs(k, &f, set, &want);
	} else {
		only_with_features(k, &f, set);
		if (bitset_next(set, 0) == UINT32_MAX && r->features)
			return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	}
	return rc == E_OK ? take_of(k, set, &want) : rc;
}

static void drop_some(struct change *k, uint32_t keep)
{
	struct resv *r = k->r;
	uint32_t n = bitset_count(r->nodes);

	for (uint32_t busy = 0; busy < 2; busy++)
		for (uint32_t i = 0; i < k->c->node_count && n > keep; i++) {
			uint32_t at = busy ? k->c->node_count - 1 - i : i;

			if (!bitset_test(r->nodes, at) ||
			    (!busy && k->c->node[at]->run_jobs + k->c->node[at]->comp_jobs))
				continue;
			bitset_clear(r->nodes, at);
			n--;
		}
}

static enum err resize(struct change *k)
{
	uint32_t have = k->r->nodes ? bitset_count(k->r->nodes) : 0;

	if (k->old && !k->node_cnt && have && !(k->r->flags & RESV_ANY_NODES))
		return E_RESERVATION_INVALID;
	k->r->flags &= ~(RESV_PART_NODES | RESV_ALL_NODES);
	if (k->node_cnt > have)
		return resv_pick_more(k, k->node_cnt - have);
	if (k->node_cnt < have)
		drop_some(k, k->node_cnt);
	return E_OK;
}

/* ---- named nodes ------------------------------------------------------- */

static void all_nodes(struct change *k, struct bitset *set)
{
	struct resv *r = k->r;
	const struct part *p = r->partition ? part_find(k->c, r->partition) : NULL;

	if (r->flags & RESV_PART_NODES && p) {
		bitset_copy(set, p->nodes);
		return;
	}
	r->flags = (r->flags & ~RESV_PART_NODES) | RESV_ALL_NODES;
	for (uint32_t i = 0; i < k->c->node_count; i++)
		if (k->c->node[i] && (k->c->node[i]->state & NODE_STATE_BASE) != NODE_STATE_FUTURE)
			bitset_set(set, i);
}

/* "+c4,-c[1-2]": signs begin parts; commas may be in brackets. */
static enum err more_and_fewer(struct change *k, const char *text, struct bitset *set)
{
	char *at = arena_strdup(&k->out->mem, text);
	enum err rc = E_OK;

	if (k->r->nodes)
		bitset_copy(set, k->r->nodes);
	while (*at && rc == E_OK) {
		char sign = *at++, *end = at;
		struct bitset *some = mem_set(k, NULL);

		while (*end && !(*end == ',' && (end[1] == '+' || end[1] == '-')))
			end++;
		if (*end)
			*end++ = '\0';
		rc = nodes_parse(k->c, at, some, NULL) == E_OK ? E_OK : E_INVALID_NODE_NAME;
		if (sign == '+')
			bitset_or(set, some);
		else
			bitset_and_not(set, some);
		at = end;
	}
	return rc;
}

/* "ALL", "c[1-3]", or "+c4,-c1" of an existing one. */
static enum err name_nodes(struct change *k, const char *text)
{
	struct resv *r = k->r;
	struct bitset *set = mem_set(k, NULL);
	enum err rc = E_OK;

	r->flags |= RESV_SPEC_NODES;
	if (strcasecmp(text, "ALL") == 0) {
		all_nodes(k, set);
	} else {
		r->flags &= ~(RESV_PART_NODES | RESV_ALL_NODES);
		if (k->old && (*text == '+' || *text == '-'))
			rc = more_and_fewer(k, text, set);
		else if (nodes_parse(k->c, text, set, NULL) != E_OK)
			rc = k->old ? E_RESERVATION_INVALID : E_INVALID_NODE_NAME;
	}
	if (rc == E_OK && bitset_next(set, 0) == UINT32_MAX)
		rc = k->old ? E_RESERVATION_INVALID : E_INVALID_NODE_NAME;
	if (rc != E_OK)
		return rc;
	bitset_free(r->nodes);
	r->nodes = bitset_dup(set);
	return E_OK;
}

/* ---- the requests ------------------------------------------------------ */

static enum err first_named(struct change *k)
{
	struct resv *r = k->r;
	enum err rc = name_nodes(k, k->m->node_list);
	uint32_t count;

	if (rc == E_OK)
		rc = check_overlap(k);
	if (rc != E_OK)
		return rc;
	count = bitset_count(r->nodes);
	if (k->node_cnt == NO_VAL || k->node_cnt < count) {
		k->node_cnt = count;
		if (r->flags & RESV_TRES_PER_NODE && k->core_cnt != NO_VAL) {
			k->per_node = k->core_cnt;
			k->core_cnt *= count;
		}
	}
	if (k->core_cnt == NO_VAL)
		return !(r->flags & RESV_IGN_JOBS) && jobs_there(k, r->nodes, resv_start(k->c, r)) ?
			E_NODES_BUSY : E_OK;
	return resv_pick_cores(k, mem_set(k, r->nodes), NULL);
}

enum err resv_first_nodes(struct change *k)
{
	struct resv *r = k->r;
	enum err rc = E_OK;

	if (k->m->node_list) {
		rc = first_named(k);
	} else if (!(r->flags & RESV_ANY_NODES)) {
		r->flags &= ~RESV_PART_NODES;
		if (k->core_cnt != NO_VAL)
			rc = resv_pick_cores(k, NULL, NULL);
		else if (k->node_cnt == NO_VAL || !k->node_cnt)
			rc = E_INVALID_NODE_NAME;
		else
			rc = resv_pick_more(k, k->node_cnt);
	} else if (k->core_cnt != NO_VAL) {
		rc = E_INVALID_CPU_COUNT;
	}
	if (rc != E_OK)
		return rc;
	resv_nodes_named(r, k->c, &k->out->mem);
	return r->node_text || r->licenses || r->burst_buffer ? E_OK : E_RESERVATION_INVALID;
}

/* Without nodes only licenses are reserved, and only by who said so. */
static enum err check_empty(const struct change *k)
{
	const struct resv *r = k->r;

	if (r->node_text)
		return E_OK;
	return r->flags & RESV_ANY_NODES && (r->licenses || r->burst_buffer) ? E_OK :
		E_RESERVATION_INVALID;
}

enum err resv_change_nodes(struct change *k)
{
	struct resv *r = k->r;
	const char *list = k->m->node_list;
	uint32_t had = r->nodes ? bitset_count(r->nodes) : 0;
	enum err rc = E_OK;

	if (list && !*list) {           /* others, as many */
		r->flags &= ~(RESV_SPEC_NODES | RESV_ALL_NODES);
		bitset_free(r->nodes);
		r->nodes = NULL;
		if (k->node_cnt == NO_VAL || !k->node_cnt)
			k->node_cnt = had;
		list = NULL;
	}
	if (list && r->flags & (RESV_REPLACE | RESV_REPLACE_DOWN))
		return err_set(k->why, E_NOT_SUPPORTED, "Reservation can't be updated with Nodes "
			       "option; it is incompatible with REPLACE[_DOWN]");
	if (list)
		rc = name_nodes(k, list);
	if (rc == E_OK && k->node_cnt != NO_VAL)
		rc = resize(k);
	if (rc != E_OK)
		return rc;
	resv_nodes_named(r, k->c, &k->out->mem);
	rc = check_overlap(k);
	if (rc == E_OK && r->nodes && !(r->flags & RESV_IGN_JOBS) &&
	    jobs_there(k, r->nodes, resv_start(k->c, r)))
		rc = E_NODES_BUSY;
	return rc == E_OK ? check_empty(k) : rc;
}
