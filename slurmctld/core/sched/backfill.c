/* SPDX-License-Identifier: Apache-2.0
 *
 * Backfill: jobs that fit now and hold up nobody ahead of them.
 *
 * A round goes through the queue in order.  A job that cannot start gets a
 * promise (where and when it could), as long as there are few promises; a job
 * behind starts when it fits beside what runs and what is promised, for as
 * long as it may run.  Equal requests are asked once a round.  A round is cut
 * into slices by work done, never by a clock; between slices the promises and
 * the place in the queue stay, everything else is read anew. */
#include <stdlib.h>

#include "wire/base/hostlist.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/sched/profile.h"

#define SLICE_WORK   150000     /* nodes looked at */
#define PROMISES_MAX 100
#define ESTIMATE_USEC 5000000   /* between rounds on a full cluster */
#define TRIES_MAX    50         /* times tried for one promise */
#define AHEAD_MAX    64         /* groups with several jobs among the promised */

struct backfill {
	bool active, dirty;
	struct sched_key last;          /* done up to here */
	bool last_set;
	uint32_t round, promise_count;
	struct promise *promises, **promise_end;
	struct arena mem;               /* promises */
	struct arena place;             /* one placement */
	struct profile prof;
	struct sched_group *ahead[AHEAD_MAX];   /* of this slice: not only their best job */
	uint32_t ahead_count;
	uint64_t round_work;
	int64_t due_usec;               /* no new round before */
	int64_t free_due_usec;          /* the same, when something is free */
	int64_t end_usec;               /* of the last round */
	struct bitset *planned;         /* nodes last told as planned */
	int64_t planned_since;          /* some were promised all the time; 0 none */
	bool planned_told;
	/* SchedulerParameters */
	int64_t interval_sec;
	int64_t window_sec, resolution_sec;
	uint32_t promises_max;
	struct bitset *all;
};

static struct backfill *bf_get(struct sched *s)
{
	if (!s->bf) {
		s->bf = mem_zalloc(sizeof(*s->bf));
		s->bf->dirty = true;
	}
	return s->bf;
}

void backfill_free(struct sched *s)
{
	struct backfill *b = s->bf;

	if (!b)
		return;
	profile_fini(&b->prof);
	arena_fini(&b->mem);
	arena_fini(&b->place);
	bitset_free(b->all);
	bitset_free(b->planned);
	free(b);
	s->bf = NULL;
}

void backfill_dirty(struct sched *s)
{
	if (s->bf)
		s->bf->dirty = true;
}

int64_t backfill_due(const struct sched *s)
{
	const struct backfill *b = s->bf;
	int64_t t = INT64_MAX;

	if (!b || !s->ready)
		return INT64_MAX;
	if (b->dirty && b->due_usec)
		t = b->due_usec / 1000000 + 1;
	if (b->planned_since && !b->planned_told && b->planned_since + b->interval_sec < t)
		t = b->planned_since + b->interval_sec;
	return t;
}

static int64_t option_number(const struct core *c, const char *name, int64_t def)
{
	const char *v;

	if (!conf_option(c->conf->schedulerparameters, name, &v) || *v < '0' || *v > '9')
		return def;
	return strtoll(v, NULL, 10);
}

static void bf_options(struct core *c, struct backfill *b)
{
	int64_t depth = option_number(c, "bf_max_job_test", PROMISES_MAX);

	b->interval_sec = option_number(c, "bf_interval", 30);
	b->window_sec = option_number(c, "bf_window", 1440) * 60;
	b->resolution_sec = option_number(c, "bf_resolution", 60);
	if (b->resolution_sec < 1)
		b->resolution_sec = 1;
	b->promises_max = depth < 1 ? 1 : depth > PROMISES_MAX ? PROMISES_MAX : (uint32_t)depth;
	if (!b->all || b->all->bits != c->node_count) {
		bitset_free(b->all);
		b->all = bitset_new(c->node_count);
		bitset_set_all(b->all);
	}
}

/* ---- one job ----------------------------------------------------------- */
static int64_t limit_sec(const struct core *c, const struct job *j, const struct part *p)
{
	uint32_t m = request_limit_min(c, j, p);

	return m == INFINITE ? 10LL * 365 * 86400 : (int64_t)m * 60;
}

static unsigned gres_flag(const struct request *r)
{
	return r->any_gres || r->whole ? PL_GRES : 0;
}

/* What the node has now, as the profile counts it. */
static void loads_now(struct core *c, struct backfill *b, const struct request *r,
		      int64_t limit)
{
	struct profile *p = &b->prof;

	profile_loads(c, p, r->cand, c->now, c->now + limit, PL_PROMISES | gres_flag(r));
	bitset_foreach(i, r->cand) {
		struct load *l = &p->load[i];
		const struct load *base = &p->base[i];

		l->cpus = l->cpus > base->cpus ? l->cpus - base->cpus : 0;
		l->mem = l->mem > base->mem ? l->mem - base->mem : 0;
		l->jobs = l->jobs > base->jobs ? l->jobs - base->jobs : 0;
	}
	c->sched->extra = p->load;
}

static enum err try_now(struct core *c, struct backfill *b, struct request *r, int64_t limit,
			struct placement *out)
{
	const struct resv *own[RESV_CHOICES], *first = r->own;
	enum err e = E_NODES_BUSY;
	uint32_t n;

	if (!licenses_free(c, r->job))
		return E_NODES_BUSY;
	n = resv_choices(c, r->job, window_length_sec(c, r->job, r->part), own);
	for (uint32_t i = 0; i < n && e != E_OK; i++) {
		r->own = own[i];
		if (!window_set(c, r, c->now))
			continue;
		if (b->prof.ev_count)
			loads_now(c, b, r, limit);
		c->sched->bf_view = b->prof.ev_count;
		e = fit_request(c, r, FIT_NOW, &b->place, out);
		if (e == E_OK)
			out->resv_id = own[i] && !job_str(r->job, JS_RESERVATION) ? own[i]->id : 0;
		c->sched->bf_view = false;
		c->sched->extra = NULL;
	}
	r->own = first;
	return e;
}

/* limit 0: at that time, were nothing promised. */
static enum err try_at(struct core *c, struct backfill *b, struct request *r, int64_t at,
		       int64_t limit, struct placement *out)
{
	struct sched *s = c->sched;
	enum err e;

	r->closed = NULL;
	r->shut = NULL;
	if (limit && !window_set(c, r, at))
		return E_NODES_BUSY;
	profile_loads(c, &b->prof, r->cand, at, limit ? at + limit : at + 1,
		      gres_flag(r) | (limit ? PL_PROMISES : 0));
	s->load = b->prof.load;
	s->coming = s->usable;
	e = fit_request(c, r, FIT_LOAD, &b->place, out);
	s->load = NULL;
	return e;
}

static bool promise_time(const struct backfill *b, int64_t after, int64_t *t)
{
	int64_t best = INT64_MAX;

	for (const struct promise *p = b->promises; p; p = p->next)
		if (p->end > after && p->end < best)
			best = p->end;
	*t = best;
	return best != INT64_MAX;
}

/* What is to be placed: a request, or all components of a job. */
struct ask {
	struct request *r;
	int64_t limit;
	struct placement *out;
	struct het *het;
};

static bool het_at(struct core *c, struct backfill *b, struct het *h, int64_t at,
		   bool promises);

static bool ask_at(struct core *c, struct backfill *b, const struct ask *k, int64_t at,
		   bool promises)
{
	if (k->het)
		return het_at(c, b, k->het, at, promises);
	return try_at(c, b, k->r, at, promises ? k->limit : 0, k->out) == E_OK;
}

/* Earliest start after now.  Were there no promises, more would be free at
 * every later end: the first end that can do is found by halving; from there
 * on all ends are tried. */
static enum err earliest(struct core *c, struct backfill *b, const struct ask *k,
			 int64_t *start)
{
	const struct profile *p = &b->prof;
	uint32_t lo = 0, hi = p->time_count;
	int64_t t = c->now, horizon = c->now + b->window_sec;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (ask_at(c, b, k, p->time[mid], false))
			hi = mid;
		else
			lo = mid + 1;
	}
	/* it may fit now but for a promise: then its end is what counts */
	if (lo > 0)
		t = p->time[lo - 1];
	for (uint32_t tries = 0; tries < TRIES_MAX; tries++) {
		int64_t next = INT64_MAX, end;

		while (lo < p->time_count && p->time[lo] <= t)
			lo++;
		if (lo < p->time_count)
			next = p->time[lo];
		if (promise_time(b, t, &end) && end < next)
			next = end;
		if (resv_next_edge(c, t) < next)
			next = resv_next_edge(c, t);
		if (next == INT64_MAX || next > horizon)
			return E_NODES_BUSY;
		t = next;
		if (ask_at(c, b, k, t, true)) {
			*start = t;
			return E_OK;
		}
	}
	return E_NODES_BUSY;
}

static char *placement_nodes(struct core *c, const struct placement *pl)
{
	const char **names = arena_alloc(&c->sched->mem, (pl->node_count + 1) * sizeof(*names));

	for (uint32_t i = 0; i < pl->node_count; i++)
		names[i] = c->node[pl->share[i].node]->name;
	return hostlist_compress_sorted(names, pl->node_count);
}

static void promise_add(struct core *c, struct backfill *b, const struct sched_ops *ops,
			struct job *j, const struct sched_key *key, const struct placement *pl,
			int64_t start, int64_t limit)
{
	struct promise *p = promise_new(c, &b->mem, j, key, pl, start, start + limit);
	char *nodes = placement_nodes(c, pl);

	*b->promise_end = p;
	b->promise_end = &p->next;
	profile_add(c, &b->prof, p);
	if (ops->planned)
		ops->planned(c, j, start, nodes);
	free(nodes);
}

enum outcome { BF_STARTED, BF_PROMISED, BF_SKIPPED, BF_WAITS };

/* ---- heterogeneous jobs ------------------------------------------------ */
struct het_when {
	struct backfill *b;
	int64_t at;                     /* 0: now */
	bool promises;
};

static bool het_one(struct core *c, struct job *j, struct placement *pl, void *arg)
{
	const struct het_when *w = arg;
	struct part *part[JOB_PARTS_MAX];
	uint32_t n = job_parts(c, j, part, JOB_PARTS_MAX);

	for (uint32_t i = 0; i < n; i++) {
		int64_t limit = limit_sec(c, j, part[i]);
		struct request r;
		enum err e;

		arena_reset(&c->sched->mem);
		if (request_part_limit(c, j, part[i]) || request_build(c, j, part[i], &r, NULL))
			continue;
		if (!w->at)
			e = try_now(c, w->b, &r, limit, pl);
		else
			e = try_at(c, w->b, &r, w->at, w->promises ? limit : 0, pl);
		if (e == E_OK)
			return true;
	}
	return false;
}

static bool het_at(struct core *c, struct backfill *b, struct het *h, int64_t at,
		   bool promises)
{
	struct het_when w = {b, at, promises};

	return het_place(c, h, het_one, &w);
}

static enum outcome bf_try_het(struct core *c, struct backfill *b, const struct sched_ops *ops,
			       struct effects *out, struct sched_entry *e)
{
	struct sched_key key = e->kn.key;
	struct het h;
	struct ask k = {.het = &h};
	int64_t start;

	arena_reset(&b->place);
	het_gather(c, e->job, &b->place, &h);
	if (het_at(c, b, &h, 0, true)) {
		het_start(c, ops, out, &h, true);
		return BF_STARTED;
	}
	if (b->promise_count >= b->promises_max)
		return BF_WAITS;
	b->promise_count++;
	if (earliest(c, b, &k, &start))
		return BF_WAITS;
	for (uint32_t i = 0; i < h.count; i++)
		promise_add(c, b, ops, h.job[i], &key, &h.pl[i], start,
			    limit_sec(c, h.job[i], h.pl[i].part));
	return BF_PROMISED;
}

static enum outcome bf_try(struct core *c, struct backfill *b, const struct sched_ops *ops,
			   struct effects *out, struct sched_entry *e)
{
	struct pqueue *q = e->group->pq;
	struct job *j = e->job;
	struct placement pl, best_pl;
	int64_t start, best = INT64_MAX, best_limit = 0;
	bool promise = b->promise_count < b->promises_max;

	if (sched_is_het(j))
		return bf_try_het(c, b, ops, out, e);
	if (j->array && j->array->max_running && j->array->running >= j->array->max_running)
		return BF_SKIPPED;
	arena_reset(&b->place);
	for (uint32_t i = 0; i < q->part_count; i++) {
		int64_t limit = limit_sec(c, j, q->part[i]);
		struct request r;

		if (request_part_limit(c, j, q->part[i]))
			continue;
		arena_reset(&c->sched->mem);
		if (request_build(c, j, q->part[i], &r, NULL))
			continue;
		if (try_now(c, b, &r, limit, &pl) == E_OK) {
			ops->start(c, j, &pl, true, out);
			return BF_STARTED;
		}
		if (promise && earliest(c, b, &(struct ask){&r, limit, &pl, NULL}, &start) == E_OK &&
		    start < best) {
			best = start;
			best_limit = limit;
			best_pl = pl;
		}
	}
	b->promise_count += promise;    /* also those that got none: they cost the same */
	if (best == INT64_MAX)
		return BF_WAITS;
	promise_add(c, b, ops, j, &e->kn.key, &best_pl, best, best_limit);
	return BF_PROMISED;
}

/* ---- the round --------------------------------------------------------- */
/* Next in the queue: best job of a group not reached yet, or a further job of
 * a group whose best was promised. */
static struct sched_entry *bf_next(struct core *c, struct backfill *b)
{
	struct sched *s = c->sched;
	struct knode *best = NULL;

	for (uint32_t i = 0; i < s->pq_count; i++) {
		struct knode *n = b->last_set ? knode_above(s->pq[i]->groups, &b->last) :
			knode_first(s->pq[i]->groups);

		n = n ? &group_head(group_of(n))->kn : NULL;
		if (n && (!best || sched_key_compare(&n->key, &best->key) < 0))
			best = n;
	}
	for (uint32_t i = 0; i < b->ahead_count; i++) {
		struct knode *n = knode_above(b->ahead[i]->jobs, &b->last);

		if (n && (!best || sched_key_compare(&n->key, &best->key) < 0))
			best = n;
	}
	return best ? entry_of(best) : NULL;
}

static void ahead_add(struct backfill *b, struct sched_group *g)
{
	for (uint32_t i = 0; i < b->ahead_count; i++)
		if (b->ahead[i] == g)
			return;
	if (b->ahead_count < AHEAD_MAX)
		b->ahead[b->ahead_count++] = g;
}

static void ahead_drop(struct backfill *b, const struct sched_group *g)
{
	for (uint32_t i = 0; i < b->ahead_count; i++)
		if (b->ahead[i] == g)
			b->ahead[i--] = b->ahead[--b->ahead_count];
}

void backfill_group_gone(struct sched *s, const struct sched_group *g)
{
	if (s->bf)
		ahead_drop(s->bf, g);
}

static void profile_renew(struct core *c, struct backfill *b)
{
	profile_build(c, &b->prof, b->resolution_sec);
	for (const struct promise *p = b->promises; p; p = p->next)
		profile_add(c, &b->prof, p);
}

static void round_begin(struct core *c, struct backfill *b)
{
	bf_options(c, b);
	b->active = true;
	b->dirty = false;
	b->last_set = false;
	b->round++;
	b->round_work = 0;
	b->promise_count = 0;
	b->promises = NULL;
	b->promise_end = &b->promises;
	arena_reset(&b->mem);
	c->stats.bf_cycles++;
	c->stats.bf_when = c->now;
	c->stats.bf_queue = c->sched->ready;
	c->stats.bf_queue_sum += c->sched->ready;
	c->stats.bf_depth = c->stats.bf_depth_try = 0;
	c->stats.bf_started_last = 0;
}

/* Nodes are called planned once jobs have waited for them for the interval of
 * backfill: before, nobody need know. */
static void tell_planned(struct core *c, struct backfill *b, const struct sched_ops *ops)
{
	struct bitset *set;

	if (!ops->planned_nodes)
		return;
	set = bitset_new(c->node_count);
	for (const struct promise *p = b->promises; p; p = p->next)
		for (uint32_t i = 0; i < p->node_count; i++)
			bitset_set(set, p->node[i].node);
	if (bitset_next(set, 0) == UINT32_MAX)
		b->planned_since = 0;
	else if (!b->planned_since)
		b->planned_since = c->now;
	b->planned_told = b->planned_since && c->now >= b->planned_since + b->interval_sec;
	if (!b->planned_told)
		bitset_clear_all(set);
	if (b->planned_told || b->planned)
		ops->planned_nodes(c, set);
	bitset_free(b->planned);
	b->planned = NULL;
	if (b->planned_told)
		b->planned = set;
	else
		bitset_free(set);
}

void backfill_idle(struct core *c, const struct sched_ops *ops)
{
	struct backfill *b = c->sched->bf;

	if (!b || c->sched->ready || !b->planned_since)
		return;
	b->promises = NULL;
	b->promise_end = &b->promises;
	b->promise_count = 0;
	b->active = false;
	tell_planned(c, b, ops);
}

static void round_end(struct core *c, struct backfill *b)
{
	b->active = false;
	/* at most a fifth of the time goes into rounds; a microsecond is
	 * about ten nodes looked at */
	b->free_due_usec = b->round_work < 20000 ? 0 :
		c->now_usec + (int64_t)(b->round_work / 10 * 4);
	b->due_usec = b->free_due_usec;
	b->end_usec = c->now_usec;
	c->stats.bf_depth_sum += c->stats.bf_depth;
	c->stats.bf_depth_try_sum += c->stats.bf_depth_try;
	c->stats.bf_table = b->prof.time_count;
	c->stats.bf_table_sum += b->prof.time_count;
}

/* One entry of the round. */
static void bf_step(struct core *c, struct backfill *b, const struct sched_ops *ops,
		    struct effects *out, struct sched_entry *e)
{
	struct sched_group *g = e->group;
	struct sched_key key = e->kn.key, before = b->last;
	bool before_set = b->last_set;
	uint32_t left = e->job->array ? bitset_count(e->job->array->pending) : 0;

	b->last = key;
	b->last_set = true;
	c->stats.bf_depth++;
	c->stats.bf_depth_try++;
	switch (bf_try(c, b, ops, out, e)) {
	case BF_STARTED:
		c->sched->usable_valid = false;
		profile_renew(c, b);
		if (left > 1) {         /* the array's record is next again */
			b->last = before;
			b->last_set = before_set;
		}
		break;          /* the group, if it is left, has a new best job */
	case BF_PROMISED:
		if (g->count > 1)
			ahead_add(b, g);
		break;
	default:
		ahead_drop(b, g);
		break;
	}
	if (b->promise_count >= b->promises_max)
		b->ahead_count = 0;
}

/* A round that took long waits before it comes again; and as long as nothing
 * is free a round can only tell estimates, which is not urgent. */
static bool too_early(const struct core *c, struct backfill *b)
{
	bool any_free = false;

	for (uint32_t i = 0; i < c->node_count && !any_free; i++)
		any_free = c->node[i]->cpus_alloc < c->node[i]->cpus && node_usable(c->node[i]);
	if (!any_free && b->due_usec < b->end_usec + ESTIMATE_USEC)
		b->due_usec = b->end_usec + ESTIMATE_USEC;
	else if (any_free)
		b->due_usec = b->free_due_usec;
	return b->due_usec && c->now_usec < b->due_usec &&
		b->due_usec - c->now_usec < 10000000;
}

static bool tell_due(const struct core *c, const struct backfill *b)
{
	return b->planned_since && !b->planned_told &&
		c->now >= b->planned_since + b->interval_sec;
}

bool backfill_pass(struct core *c, const struct sched_ops *ops, struct effects *out, bool slice)
{
	struct sched *s = c->sched;
	struct backfill *b = bf_get(s);
	uint64_t start = s->work;
	struct sched_entry *e = NULL;

	if (!b->active) {
		if (slice || (!tell_due(c, b) && (!b->dirty || too_early(c, b))))
			return false;
		round_begin(c, b);
	}
	s->blocked = NULL;
	s->usable_valid = false;
	fit_prepare(c);
	b->ahead_count = 0;
	profile_renew(c, b);
	while (s->work - start < SLICE_WORK && (e = bf_next(c, b)) != NULL)
		bf_step(c, b, ops, out, e);
	b->round_work += s->work - start;
	if (e)
		return true;
	round_end(c, b);
	tell_planned(c, b, ops);
	return false;
}

/* ---- estimates --------------------------------------------------------- */
enum err sched_estimate(struct core *c, const struct job *j, bool with_queue,
			struct arena *mem, int64_t *start, struct placement *out)
{
	struct sched *s = c->sched;
	struct backfill *b = bf_get(s), own = {0};
	struct part *part[JOB_PARTS_MAX];
	uint32_t parts = job_parts(c, j, part, JOB_PARTS_MAX);
	struct sched_key key = sched_job_key(c, j);
	enum err result = E_NODES_BUSY;
	int64_t best = INT64_MAX;

	bf_options(c, &own);
	own.window_sec = 10LL * 365 * 86400;
	s->blocked = NULL;
	s->usable_valid = false;
	arena_reset(&s->mem);
	fit_prepare(c);
	profile_build(c, &own.prof, 1);
	own.promise_end = &own.promises;
	for (const struct promise *p = with_queue ? b->promises : NULL; p; p = p->next) {
		struct promise *copy;
		size_t size = sizeof(*p) + p->node_count * sizeof(struct promise_node);

		if (p->job_id == j->id || sched_key_compare(&p->key, &key) > 0)
			continue;
		copy = memcpy(arena_alloc(&own.mem, size), p, size);
		copy->next = NULL;
		*own.promise_end = copy;
		own.promise_end = &copy->next;
		profile_add(c, &own.prof, copy);
	}
	for (uint32_t i = 0; i < parts; i++) {
		int64_t limit = limit_sec(c, j, part[i]), t = c->now;
		struct placement pl;
		struct request r;
		enum err e = request_build(c, j, part[i], &r, NULL);

		if (e) {
			result = e;
			continue;
		}
		e = try_now(c, &own, &r, limit, &pl);
		if (e)
			e = earliest(c, &own, &(struct ask){&r, limit, &pl, NULL}, &t);
		if (e || t >= best)
			continue;
		best = t;
		result = E_OK;
		placement_copy(c, mem, &pl, out);
	}
	if (result == E_OK)
		*start = best;
	profile_fini(&own.prof);
	arena_fini(&own.mem);
	arena_fini(&own.place);
	bitset_free(own.all);
	return result;
}
