/* SPDX-License-Identifier: Apache-2.0
 *
 * The scheduler seen from the core: questions about one job, and the main
 * pass in priority order. */
#include <stdlib.h>

#include "wire/base/hostlist.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/sched/sched_i.h"

struct sched *sched_new(struct core *c)
{
	struct sched *s = mem_zalloc(sizeof(*s));

	s->heap_seed = (uint32_t)c->rand_state | 1;
	s->switches_at = INT64_MAX;
	return s;
}

static void entry_free(struct sched_entry *e)
{
	e->job->queued = NULL;
	free(e);
}

static void list_free(struct list_head *l)
{
	while (l->first) {
		struct sched_entry *e = l->first;

		l->first = e->next;
		entry_free(e);
	}
}

static void entries_free(struct knode *n)
{
	struct knode *right;

	for (; n; n = right) {
		right = n->right;
		entries_free(n->left);
		entry_free(entry_of(n));
	}
}

static void groups_free(struct knode *n)
{
	for (; n; n = n->right) {
		groups_free(n->left);
		entries_free(group_of(n)->jobs);
	}
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	backfill_free(s);
	for (uint32_t i = 0; i < s->pq_count; i++)
		groups_free(s->pq[i]->groups);
	entries_free(s->timed);
	list_free(&s->running);
	list_free(&s->aside);
	queue_fini(s);
	arena_fini(&s->feat_mem);
	arena_fini(&s->mem);
	arena_fini(&s->out_mem);
	free(s->cand);
	free(s->runs);
	free(s->zero_gres);
	free(s->share_count);
	free(s->link);
	free(s->link_head);
	bitset_free(s->share_used);
	bitset_free(s->usable);
	bitset_free(s->closed_nodes);
	free(s);
}

void sched_nodes_changed(struct core *c)
{
	struct sched *s = c->sched;

	arena_reset(&s->feat_mem);
	s->feat_names = NULL;
	s->usable_valid = false;
	s->node_gen++;
	queue_resolve(c);
	backfill_dirty(s);
}

void sched_scratch_reset(struct core *c)
{
	struct sched *s = c->sched;

	arena_reset(&s->mem);
	if (s->gres_size != c->gres_type_count + 1) {
		s->gres_size = c->gres_type_count + 1;
		free(s->zero_gres);
		s->zero_gres = mem_zalloc(s->gres_size * sizeof(uint64_t));
	}
	fit_scratch(c);
}

/* ---- could it ever ----------------------------------------------------- */
static uint32_t cand_count(const struct request *r)
{
	struct bitset *all;
	uint32_t n = 0;

	if (!r->alt_count)
		return bitset_count(r->cand);
	for (uint32_t a = 0; a < r->alt_count; a++) {
		all = r->alt[a];
		n = bitset_count_and(all, r->cand) > n ? bitset_count_and(all, r->cand) : n;
	}
	return n;
}

/* Too large for the partition as a whole, which may grow, or for what its nodes
 * are? */
static enum err too_large(struct core *c, const struct request *r, struct err_text *why)
{
	uint32_t job_max = r->job->max_nodes;

	(void)c;
	if (job_max && job_max != NO_VAL && r->job->min_nodes != NO_VAL &&
	    job_max < r->job->min_nodes)
		return err_set(why, E_INVALID_NODE_COUNT, "%s", err_str(E_INVALID_NODE_COUNT));
	if (r->max_nodes < r->min_nodes || r->min_nodes > r->part->total_nodes ||
	    (!r->overcommit && r->min_cpus > r->part->total_cpus))
		return err_set(why, E_REQUESTED_PART_CONFIG_UNAVAILABLE, "%s",
			       err_str(E_REQUESTED_PART_CONFIG_UNAVAILABLE));
	return err_set(why, E_REQUESTED_NODE_CONFIG_UNAVAILABLE, "%s",
		       err_str(E_REQUESTED_NODE_CONFIG_UNAVAILABLE));
}

enum err sched_possible(struct core *c, const struct job *j, const struct part *p,
			struct err_text *why)
{
	struct request r;
	struct placement pl;
	enum err e;

	sched_scratch_reset(c);
	e = request_build(c, j, p, &r, why);
	if (e)
		return e;
	if (r.max_nodes < r.min_nodes || cand_count(&r) < r.min_nodes)
		return too_large(c, &r, why);
	c->sched->topo_never = false;
	e = fit_request(c, &r, FIT_EMPTY, &c->sched->mem, &pl);
	if (e && c->sched->topo_never)
		return err_set(why, E_REQUESTED_TOPO_CONFIG_UNAVAILABLE, "%s",
			       err_str(E_REQUESTED_TOPO_CONFIG_UNAVAILABLE));
	if (e)
		return too_large(c, &r, why);
	return window_own_fits(c, &r, why) ? E_OK : E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
}

bool fit_up_possible(struct core *c, struct request *r, const struct bitset *without)
{
	struct bitset *cand = arena_zalloc(&c->sched->mem, bitset_sizeof(c->node_count));
	const struct bitset *keep = r->cand;
	struct placement pl;
	enum err e;

	bitset_init(cand, c->node_count);
	bitset_copy(cand, r->cand);
	bitset_and_not(cand, without);
	r->cand = cand;
	e = fit_request(c, r, FIT_EMPTY, &c->sched->mem, &pl);
	r->cand = keep;
	return e == E_OK;
}

/* ---- why it waits ------------------------------------------------------ */
static char *node_names(struct core *c, const struct bitset *set)
{
	const char **names = arena_alloc(&c->sched->mem,
					 (bitset_count(set) + 1) * sizeof(*names));
	uint32_t n = 0;

	bitset_foreach(i, set)
		names[n++] = c->node[i]->name;
	return hostlist_compress_sorted(names, n);
}

static bool node_down(const struct node *n)
{
	uint32_t base = n->state & NODE_STATE_BASE;

	return base == NODE_STATE_DOWN || base == NODE_STATE_UNKNOWN ||
		(n->state & (NODE_STATE_DRAIN | NODE_STATE_FAIL | NODE_STATE_NO_RESPOND |
			     NODE_STATE_INVALID_REG));
}

/* Nodes that would be candidates were they not down.  Number of the others. */
static uint32_t down_nodes(struct core *c, const struct request *r, struct bitset *down)
{
	uint32_t up = 0;

	bitset_foreach(i, r->cand) {
		if (node_down(c->node[i]))
			bitset_set(down, i);
		else
			up++;
	}
	if (r->must)
		bitset_and(down, r->must);
	return up;
}

static uint32_t not_available(struct core *c, const struct bitset *down, struct err_text *desc)
{
	char *text = node_names(c, down);

	err_set(desc, E_OK, "ReqNodeNotAvail, UnavailableNodes:%s", text);
	free(text);
	return WAIT_NODE_NOT_AVAIL;
}

/* Required nodes that are down: by name.  Otherwise, could the job run were
 * all the nodes that are up empty?  If so it only waits for its turn.
 * first: it is its turn; then stock has other words when nodes are too few. */
static uint32_t unavailable(struct core *c, struct request *r, bool first,
			    struct err_text *desc)
{
	struct bitset *down = arena_zalloc(&c->sched->mem, bitset_sizeof(c->node_count));
	uint32_t up;

	bitset_init(down, c->node_count);
	if (desc)
		desc->text[0] = '\0';
	up = down_nodes(c, r, down);
	if (bitset_next(down, 0) == UINT32_MAX)
		return 0;
	if (r->must)
		return not_available(c, down, desc);
	if (up >= r->min_nodes)
		return fit_up_possible(c, r, down) ? 0 : not_available(c, down, desc);
	if (!first)
		return not_available(c, down, desc);
	err_set(desc, E_OK, "Nodes required for job are DOWN, DRAINED or reserved for jobs "
		"in higher priority partitions");
	return WAIT_RESOURCES;
}

uint32_t fit_reason(struct core *c, struct request *r, struct err_text *desc)
{
	uint32_t reason = unavailable(c, r, true, desc);

	return reason ? reason : WAIT_RESOURCES;
}

/* ---- now --------------------------------------------------------------- */
/* In one partition, in one reservation or outside of all. */
static enum err place_in(struct core *c, const struct job *j, const struct part *p,
			 const struct resv *own, struct arena *mem, struct placement *out,
			 uint32_t *reason, struct err_text *desc, bool *by_node)
{
	struct request r;

	sched_scratch_reset(c);
	if (request_build(c, j, p, &r, desc)) {
		*reason = FAIL_BAD_CONSTRAINTS;
		return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	}
	r.own = own;
	*reason = window_now(c, &r, desc);
	if (*reason)
		return E_RESERVATION_BUSY;
	if (fit_request(c, &r, FIT_NOW, mem, out) == E_OK) {
		out->resv_id = own && !job_str(j, JS_RESERVATION) ? own->id : 0;
		return E_OK;
	}
	if (window_too_small(c, &r)) {
		*reason = WAIT_RESERVATION;
		if (!job_str(j, JS_RESERVATION)) {
			*reason = WAIT_NODE_NOT_AVAIL;
			err_set(desc, E_OK, "ReqNodeNotAvail, May be reserved for other job");
		}
		return E_RESERVATION_BUSY;
	}
	*reason = fit_reason(c, &r, desc);
	*by_node = r.must;
	return E_NODES_BUSY;
}

/* One job, all its partitions.  blocks: its failure keeps others of its
 * partition back. */
static enum err place_job(struct core *c, const struct job *j, struct part *const *part,
			  uint32_t parts, struct arena *mem, struct placement *out,
			  uint32_t *reason, struct err_text *desc, bool *by_node)
{
	enum err e = E_REQUESTED_PART_CONFIG_UNAVAILABLE;
	const struct resv *own[RESV_CHOICES];

	*reason = WAIT_PART_DOWN;
	if (desc)
		desc->text[0] = '\0';
	if (!licenses_free(c, j)) {
		*reason = WAIT_LICENSES;
		return E_INVALID_LICENSES;
	}
	for (uint32_t i = 0; i < parts; i++) {
		uint32_t limit = request_part_limit(c, j, part[i]), n;

		if (limit) {
			*reason = limit;
			continue;
		}
		n = resv_choices(c, j, window_length_sec(c, j, part[i]), own);
		for (uint32_t k = 0; k < n; k++) {
			e = place_in(c, j, part[i], own[k], mem, out, reason, desc, by_node);
			if (e == E_OK)
				return E_OK;
		}
	}
	return e;
}

enum err sched_place(struct core *c, const struct job *j, struct arena *mem,
		     struct placement *out, uint32_t *reason, struct err_text *desc)
{
	struct part *part[JOB_PARTS_MAX];
	bool by_node = false;

	c->sched->usable_valid = false;
	c->sched->blocked = NULL;
	c->sched->bf_view = false;
	return place_job(c, j, part, job_parts(c, j, part, JOB_PARTS_MAX), mem, out, reason,
			 desc, &by_node);
}

/* ---- the main pass ----------------------------------------------------- */
static bool array_full(const struct job *j)
{
	return j->array && j->array->max_running && j->array->running >= j->array->max_running;
}

/* Does it hold for every job with the same request? */
static bool reason_is_common(uint32_t reason)
{
	switch (reason) {
	case WAIT_PART_DOWN: case WAIT_PART_INACTIVE: case WAIT_PART_CONFIG: case WAIT_PART_NODE_LIMIT:
	case WAIT_PART_TIME_LIMIT: case WAIT_NODE_NOT_AVAIL: case FAIL_BAD_CONSTRAINTS:
	case WAIT_PN_MEM_LIMIT:
		return true;
	default:
		return false;
	}
}

static void note_all(struct core *c, const struct sched_ops *ops, struct knode *k,
		     uint32_t reason, const char *desc)
{
	for (; k; k = k->right) {
		note_all(c, ops, k->left, reason, desc);
		ops->reason(c, entry_of(k)->job, reason, desc);
	}
}

/* Tell the reason of a group's best job; the one that had it before is
 * now behind. */
static void note_head(struct core *c, const struct sched_ops *ops, struct sched_group *g,
		      struct sched_entry *e, uint32_t reason, const char *desc)
{
	uint32_t common = reason_is_common(reason) ? reason : 0;

	desc = desc && *desc ? desc : NULL;
	if (g->lead && g->lead != e && !common)
		ops->reason(c, g->lead->job, WAIT_PRIORITY, NULL);
	g->lead = reason == WAIT_PRIORITY ? NULL : e;
	if (common != g->common) {
		g->common = common;
		free(g->desc);
		g->desc = common && desc ? mem_strdup(desc) : NULL;
		note_all(c, ops, g->jobs, common ? common : WAIT_PRIORITY, common ? desc : NULL);
	}
	queue_fresh_done(c->sched, e);
	ops->reason(c, e->job, reason, desc);
}

/* After a job that must wait no other of its partition may pass it here
 * (backfill knows when that does no harm), nor take its nodes from elsewhere.
 * A job that waits for nodes it named holds back only those. */
static void hold_back(struct core *c, struct pqueue *q, const struct job *j, bool by_node)
{
	struct sched *s = c->sched;

	s->blocked = s->closed_nodes;
	if (job_str(j, JS_RESERVATION)) {       /* only those who wait for the same */
		const struct resv *v = resv_of_job(c, j);

		if (v && v->nodes)
			bitset_or(s->closed_nodes, v->nodes);
		return;
	}
	if (by_node) {
		struct part *p = q->part_count ? q->part[0] : NULL;
		struct request r;

		if (p && request_build(c, j, p, &r, NULL) == E_OK && r.must)
			bitset_or(s->closed_nodes, r.must);
		return;
	}
	for (uint32_t i = 0; i < q->part_count; i++)
		bitset_or(s->closed_nodes, q->part[i]->nodes);
	q->closed = true;
}

/* Components of a heterogeneous job hold back each its own partitions. */
static void hold_back_het(struct core *c, struct pqueue *q, const struct job *leader)
{
	struct part *part[JOB_PARTS_MAX];

	hold_back(c, q, leader, false);
	for (const struct job *k = leader->het_next; k; k = k->het_next) {
		uint32_t n = job_parts(c, k, part, JOB_PARTS_MAX);

		for (uint32_t i = 0; i < n && !job_str(k, JS_RESERVATION); i++)
			bitset_or(c->sched->closed_nodes, part[i]->nodes);
	}
}

struct main_het {
	uint32_t reason;
	struct err_text desc;
	enum err err;
};

static bool main_het_try(struct core *c, struct job *j, struct placement *pl, void *arg)
{
	struct part *part[JOB_PARTS_MAX];
	uint32_t n = job_parts(c, j, part, JOB_PARTS_MAX);
	struct main_het *m = arg;
	bool by_node = false;

	m->err = place_job(c, j, part, n, &c->sched->out_mem, pl, &m->reason, &m->desc, &by_node);
	return m->err == E_OK;
}

static bool main_try_het(struct core *c, const struct sched_ops *ops, struct effects *out,
			 struct sched_group *g)
{
	struct sched_entry *e = group_head(g);
	struct pqueue *q = g->pq;
	struct job *j = e->job;
	struct main_het m;
	struct het h;
	bool started;

	het_gather(c, j, &c->sched->out_mem, &h);
	started = het_place(c, &h, main_het_try, &m);
	if (started)
		het_start(c, ops, out, &h, false);
	arena_reset(&c->sched->out_mem);
	if (started)
		return true;
	note_head(c, ops, g, e, m.reason, m.desc.text);
	if (m.err == E_NODES_BUSY)
		hold_back_het(c, q, j);
	return false;
}

/* Try the best job of a group.  True: started. */
static bool main_try(struct core *c, const struct sched_ops *ops, struct effects *out,
		     struct sched_group *g)
{
	struct sched_entry *e = group_head(g);
	struct pqueue *q = g->pq;
	struct job *j = e->job;
	struct placement pl;
	struct err_text desc;
	uint32_t reason;
	bool by_node = false;
	enum err err;

	q->cursor = g->kn.key;
	q->cursor_set = true;
	if (sched_is_het(j))
		return main_try_het(c, ops, out, g);
	if (array_full(j)) {
		note_head(c, ops, g, e, WAIT_ARRAY_TASK_LIMIT, NULL);
		return false;
	}
	err = place_job(c, j, q->part, q->part_count, &c->sched->out_mem, &pl, &reason, &desc,
			&by_node);
	if (err == E_OK) {
		ops->start(c, j, &pl, false, out);
		arena_reset(&c->sched->out_mem);
		return true;
	}
	arena_reset(&c->sched->out_mem);
	note_head(c, ops, g, e, reason, desc.text);
	if (err == E_NODES_BUSY)
		hold_back(c, q, j, by_node);
	return false;
}

static void main_pass(struct core *c, const struct sched_ops *ops, struct effects *out)
{
	struct sched *s = c->sched;
	struct sched_group *g;

	queue_rewind(s);
	bitset_clear_all(s->closed_nodes);
	s->blocked = NULL;
	s->bf_view = false;
	s->usable_valid = false;
	s->switches_at = INT64_MAX;
	while ((g = queue_next(s)) != NULL) {
		struct pqueue *q = g->pq;
		struct sched_key before = q->cursor;
		bool set = q->cursor_set;
		struct job *j = group_head(g)->job;
		uint32_t left = j->array ? bitset_count(j->array->pending) : 0;

		if (!main_try(c, ops, out, g))
			continue;
		s->usable_valid = false;
		/* an array's record stays while tasks are left: it is next again */
		if (left > 1) {
			q->cursor = before;
			q->cursor_set = set;
		}
	}
}

/* Does a group that was not reached need nodes that are down, in each of its
 * partitions?  Asked once until nodes change. */
static void group_check(struct core *c, struct sched_group *g)
{
	struct sched *s = c->sched;
	const struct job *j = group_head(g)->job;
	uint32_t reason = 0;
	struct err_text desc = {0};

	if (g->node_gen == s->node_gen)
		return;
	g->node_gen = s->node_gen;
	for (uint32_t i = 0; i < g->pq->part_count; i++) {
		struct request r;

		sched_scratch_reset(c);
		if (request_part_limit(c, j, g->pq->part[i]) ||
		    request_build(c, j, g->pq->part[i], &r, NULL))
			continue;
		reason = unavailable(c, &r, false, &desc);
		if (!reason)
			break;
	}
	if (g->common && g->common != WAIT_NODE_NOT_AVAIL)
		return;
	g->common = reason;
	free(g->desc);
	g->desc = reason ? mem_strdup(desc.text) : NULL;
}

/* Jobs that came since the last pass and were not reached: they wait for
 * those ahead. */
static void note_fresh(struct core *c, const struct sched_ops *ops)
{
	struct sched *s = c->sched;

	while (s->fresh.first) {
		struct sched_entry *e = s->fresh.first;
		struct sched_group *g = e->group;

		queue_fresh_done(s, e);
		group_check(c, g);
		ops->reason(c, e->job, g->common ? g->common : WAIT_PRIORITY, g->desc);
	}
}

/* Nodes went or came: those who wait for them, or need them, are told. */
static void note_nodes(struct core *c, const struct sched_ops *ops)
{
	struct sched *s = c->sched;

	if (s->noted_gen == s->node_gen)
		return;
	s->noted_gen = s->node_gen;
	for (uint32_t i = 0; i < s->hash_size; i++) {
		for (struct sched_group *g = s->hash[i]; g; g = g->hash_next) {
			uint32_t before = g->common;

			/* the best job may have been told better in the pass */
			if (before != WAIT_NODE_NOT_AVAIL || group_head(g) == g->lead)
				continue;
			group_check(c, g);
			if (g->common != before)
				note_all(c, ops, g->jobs, WAIT_PRIORITY, NULL);
		}
	}
}

bool sched_pass(struct core *c, const struct sched_ops *ops, struct effects *out, bool slice)
{
	struct sched *s = c->sched;
	bool more = false;

	fit_scratch(c);
	if (!slice) {
		queue_wake(c);
		main_pass(c, ops, out);
		note_nodes(c, ops);
		note_fresh(c, ops);
	}
	if (s->ready && c->conf->schedulertype && strstr(c->conf->schedulertype, "backfill"))
		more = backfill_pass(c, ops, out, slice);
	else
		backfill_idle(c, ops);
	return more;
}

int64_t sched_next_time(const struct core *c)
{
	int64_t t = backfill_due(c->sched);

	struct knode *n = knode_first(c->sched->timed);

	if (c->sched->switches_at < t)
		t = c->sched->switches_at;
	return n && n->key.first < t ? n->key.first : t;
}
