/* SPDX-License-Identifier: Apache-2.0
 *
 * Which nodes a request could use, how much of each, and the placement that
 * follows from the nodes chosen (choose.c).  Changes nothing but scratch space. */
#include "slurmctld/core/sched/sched_i.h"

void fit_scratch(struct core *c)
{
	struct sched *s = c->sched;

	if (s->cand_size >= c->node_count && s->usable && s->usable->bits == c->node_count)
		return;
	s->cand_size = c->node_count;
	s->cand = mem_realloc(s->cand, (c->node_count + 1) * sizeof(*s->cand));
	s->runs = mem_realloc(s->runs, (c->node_count + 1) * sizeof(struct run));
	bitset_free(s->usable);
	s->usable = bitset_new(c->node_count);
	bitset_free(s->closed_nodes);
	s->closed_nodes = bitset_new(c->node_count);
	s->usable_valid = false;
}

/* ---- what is there ----------------------------------------------------- */
static uint64_t node_memory(const struct node *n)
{
	return n->real_memory_mb > n->mem_spec_limit_mb ?
		n->real_memory_mb - n->mem_spec_limit_mb : 0;
}

/* Cores reserved for others count as used.  Which cores a load has is not
 * known: those of the reserved that are in use now are taken to be in it, and
 * with a reservation of one's own all that can be. */
static void view_shut(struct core *c, const struct request *r, const struct node *n,
		      enum fit_view view, struct core_view *v)
{
	const struct bitset *shut = r->shut ? r->shut[n->index] : NULL;
	struct bitset *used;
	uint32_t count;

	if (!shut)
		return;
	count = bitset_count(shut);
	if (view == FIT_LOAD) {
		uint32_t both = 0;

		for (uint32_t i = 0; i < n->cores; i++)
			both += bitset_test(shut, i) && (r->own || bitset_test(n->cores_used, i));
		v->used_cores += count - (both < v->used_cores ? both : v->used_cores);
		if (v->used_cores > n->cores)
			v->used_cores = n->cores;
		return;
	}
	used = arena_zalloc(&c->sched->mem, bitset_sizeof(n->cores));
	bitset_init(used, n->cores);
	for (uint32_t i = 0; i < n->cores; i++)
		if (bitset_test(shut, i) || (v->used && bitset_test(v->used, i)))
			bitset_set(used, i);
	v->used = used;
	v->used_cores = bitset_count(used);
}

static void view_all(struct core *c, const struct request *r, const struct node *n,
		     enum fit_view view, struct core_view *v)
{
	struct sched *s = c->sched;

	memset(v, 0, sizeof(*v));
	v->mem_total = node_memory(n);
	if (view == FIT_EMPTY) {
		v->gres_used = s->zero_gres;
		gres_near(c, r, n, view, v);
		return;
	}
	if (view == FIT_LOAD) {
		const struct load *l = &s->load[n->index];
		uint32_t tpc = node_tpc(n);

		v->used_cores = (l->cpus + tpc - 1) / tpc;
		v->mem_used = l->mem;
		v->jobs = l->jobs;
		v->gres_used = l->gres;
		gres_near(c, r, n, view, v);
		return;
	}
	v->used = share_view(c, r, n);
	gres_near(c, r, n, view, v);
	v->used_cores = bitset_count(v->used);
	v->mem_used = n->mem_alloc_mb;
	v->jobs = n->run_jobs + n->comp_jobs;
	if (s->bf_view && s->extra) {
		const struct load *x = &s->extra[n->index];

		v->reserved_cpus = x->cpus;
		v->mem_used += x->mem;
		v->jobs += x->jobs;
		v->gres_used = x->gres;         /* sum of both, made by the caller */
	}
}

void node_view(struct core *c, const struct request *r, const struct node *n,
	       enum fit_view view, struct core_view *v)
{
	view_all(c, r, n, view, v);
	view_shut(c, r, n, view, v);
}

/* Limits that gres put on the CPUs and tasks of a node. */
static uint32_t gres_limit(struct core *c, const struct request *r, const struct node *n,
			   const struct core_view *v, uint32_t cpus, uint32_t *tasks)
{
	*tasks = UINT32_MAX;
	for (uint32_t t = 0; r->any_gres && t < c->gres_type_count; t++) {
		const struct gres_need *g = &r->gres[t];
		uint64_t units;

		if (!g->node && !g->task && !g->socket && !g->job)
			continue;
		units = gres_free(c, n, t, v->gres_used);
		if (units < g->node || !units)
			return 0;
		if (g->task && units / g->task < *tasks)
			*tasks = (uint32_t)(units / g->task);
		if (g->socket && units < g->socket * (r->cfg_sockets ? r->cfg_sockets : 1))
			return 0;
		if (g->cpus_per && g->node && cpus < g->node * g->cpus_per)
			return 0;
		if (g->mem_per && g->node && r->mem_counts &&
		    (v->mem_total < v->mem_used ||
		     v->mem_total - v->mem_used < g->node * g->mem_per))
			return 0;
	}
	if (*tasks < UINT32_MAX) {
		if (!*tasks || (r->tpn && *tasks < r->tpn))
			return 0;
		if (!r->whole && cpus > (uint64_t)*tasks * r->cpt)
			cpus = *tasks * r->cpt;
	}
	return cpus;
}

static bool node_open(struct core *c, const struct request *r, const struct node *n,
		      enum fit_view view)
{
	struct sched *s = c->sched;

	if (r->closed && bitset_test(r->closed, n->index))
		return false;
	if (s->taken && bitset_test(s->taken, n->index))
		return false;
	if (view == FIT_EMPTY)
		return true;
	if (view == FIT_LOAD)
		return bitset_test(s->coming, n->index);
	if (!bitset_test(s->usable, n->index) ||
	    (s->blocked && bitset_test(s->blocked, n->index)))
		return false;
	if (n->owner_uid != NO_VAL && n->owner_uid != r->uid && n->run_jobs + n->comp_jobs)
		return false;
	if (r->whole_user && n->run_jobs && n->owner_uid != r->uid &&
	    !share_only_user(c, n, r->uid))
		return false;
	return true;
}

void fit_prepare(struct core *c)
{
	struct sched *s = c->sched;

	if (s->usable_valid)
		return;
	for (uint32_t i = 0; i < c->node_count; i++) {
		if (c->node[i] && node_usable(c->node[i]))
			bitset_set(s->usable, i);
		else
			bitset_clear(s->usable, i);
	}
	s->usable_valid = true;
}

/* All nodes: CPUs usable by this request.  Number of nodes with any. */
static uint32_t look_at_nodes(struct core *c, struct request *r, enum fit_view view,
			      const struct bitset *alt)
{
	struct cand *cand = c->sched->cand;
	uint32_t found = 0;

	if (view == FIT_NOW)
		fit_prepare(c);
	for (uint32_t i = 0; i < c->node_count; i++)
		cand[i].cpus = 0;
	bitset_foreach(i, r->cand) {
		const struct node *n = c->node[i];
		struct core_view v;

		if (!n || (alt && !bitset_test(alt, i)) || !node_open(c, r, n, view))
			continue;
		c->sched->work++;
		if (view == FIT_NOW && r->rows < 2 && n->cpus_alloc >= n->cpus)
			continue;
		node_view(c, r, n, view, &v);
		cand[i].cpus = cores_avail(r, n, &v);
		cand[i].tasks = UINT32_MAX;
		if (cand[i].cpus && r->any_gres)
			cand[i].cpus = gres_limit(c, r, n, &v, cand[i].cpus, &cand[i].tasks);
		cand[i].cap = cand[i].cpus;
		found += cand[i].cpus != 0;
	}
	return found;
}

/* ---- the placement ----------------------------------------------------- */
/* Tasks and CPUs per node, for nodes with so many CPUs to take: one task
 * each, then what is left of cores begun, then a core's worth in turn. */
struct spread {
	struct core *c;
	const struct request *r;
	struct job_share *share;
	uint32_t count;
	const struct cand *cand;
	uint32_t tid, max;
};

static bool spread_task(struct spread *d, uint32_t i)
{
	struct job_share *s = &d->share[i];
	const struct cand *k = &d->cand[s->node];
	uint32_t cpt = d->r->cpt;

	if (d->tid >= d->max || k->cap < s->cpus + cpt || s->tasks >= k->tasks ||
	    (d->r->tpn && s->tasks >= d->r->tpn))
		return false;
	s->tasks++;
	s->cpus = (uint16_t)(s->cpus + cpt);
	d->tid++;
	return true;
}

static void spread_first(struct spread *d)
{
	for (uint32_t i = 0; i < d->count; i++) {
		struct job_share *s = &d->share[i];
		uint32_t cap = d->cand[s->node].cap;

		if (d->tid >= d->max)
			break;
		s->tasks = 1;
		s->cpus = (uint16_t)(d->r->cpt < cap ? d->r->cpt : cap);
		d->tid++;
	}
}

static void spread_plane(struct spread *d)
{
	bool moved = true;

	while (d->tid < d->max && moved) {
		moved = false;
		for (uint32_t i = 0; i < d->count; i++)
			for (uint32_t k = 0; k < d->r->plane && spread_task(d, i); k++)
				moved = true;
	}
}

static void spread_tasks(struct spread *d)
{
	const struct request *r = d->r;
	bool moved = true;

	if (r->plane && (r->job->task_dist & DIST_NODE_MASK) == DIST_PLANE) {
		spread_plane(d);
		return;
	}
	spread_first(d);
	if (r->overcommit)
		return;
	for (uint32_t i = 0; i < d->count; i++) {
		uint32_t tpc = node_tpc(d->c->node[d->share[i].node]);
		uint32_t fill = d->share[i].cpus % tpc / r->cpt;

		while (fill-- && spread_task(d, i))
			;
	}
	while (d->tid < d->max && moved) {
		moved = false;
		for (uint32_t i = 0; i < d->count; i++) {
			uint32_t tpc = node_tpc(d->c->node[d->share[i].node]);
			uint32_t n = tpc / r->cpt ? tpc / r->cpt : 1;

			while (n-- && spread_task(d, i))
				moved = true;
		}
	}
}

/* Whole nodes: tasks in turn over all CPUs. */
static void spread_whole(struct spread *d)
{
	const struct request *r = d->r;
	bool moved = true;

	for (uint32_t i = 0; i < d->count; i++) {
		d->share[i].tasks = 1;
		d->tid++;
	}
	while (d->tid < d->max && moved) {
		moved = false;
		for (uint32_t i = 0; i < d->count && d->tid < d->max; i++) {
			struct job_share *s = &d->share[i];

			if ((uint32_t)(s->tasks + 1) * r->cpt > d->c->node[s->node]->cpus)
				continue;
			s->tasks++;
			d->tid++;
			moved = true;
		}
	}
}

static uint32_t placement_tasks(const struct request *r, uint32_t nodes)
{
	uint32_t cpus = nodes * (r->tpn ? r->tpn : 1);

	if (r->tpn)
		return r->tpn * nodes;
	if (r->tasks_set)
		return r->tasks;
	if (cpus < r->min_cpus)
		cpus = r->min_cpus;
	if (cpus < nodes * r->pn_cpus)
		cpus = nodes * r->pn_cpus;
	cpus /= r->cpt;
	return cpus ? cpus : 1;
}

static bool wants_parts(const struct core *c, const struct request *r)
{
	for (uint32_t t = 0; r->gres && t < c->gres_type_count; t++)
		if (conf_gres_shared(c->gres_name[t]) &&
		    (r->gres[t].node || r->gres[t].task || r->gres[t].socket || r->gres[t].job))
			return true;
	return false;
}

/* All that is there, but for what must be asked for by name; no GPUs to whom
 * wants parts of one. */
static uint16_t whole_gres(const struct core *c, const struct request *r, const struct node *n,
			   uint32_t t, uint64_t want)
{
	const struct node_gres *g = &n->gres[t];

	if (g->shared || g->explicit_only)
		return (uint16_t)want;
	return streq(c->gres_name[t], "gpu") && wants_parts(c, r) ? 0 : (uint16_t)g->total;
}

static void share_gres(struct core *c, const struct request *r, const struct bitset *cores,
		       struct job_share *s, const uint64_t *used, uint64_t *job_left,
		       uint32_t later, struct arena *mem)
{
	const struct node *n = c->node[s->node];

	if (!r->any_gres && !r->whole)
		return;
	s->gres = arena_zalloc(mem, (c->gres_type_count + 1) * sizeof(*s->gres));
	s->devs = arena_zalloc(mem, (c->gres_type_count + 1) * sizeof(*s->devs));
	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		struct gres_need none = {0};
		const struct gres_need *g = r->gres ? &r->gres[t] : &none;
		uint64_t want = g->node + g->task * s->tasks +
			g->socket * (r->cfg_sockets ? r->cfg_sockets : 1), extra, got;

		if (r->whole) {
			s->gres[t] = whole_gres(c, r, n, t, want);
			continue;
		}
		extra = want ? 0 : gres_free(c, n, t, used);
		/* of what the job asks for as a whole, each node has some */
		if (extra > 1 && job_left[t] > later && extra > job_left[t] - later)
			extra = job_left[t] - later;
		if (extra > job_left[t])
			extra = job_left[t];
		job_left[t] -= extra;
		want += extra;
		got = want && !used ? gres_take_sockets(c, n, t, g->socket, want, cores, s,
							s->gres) : 0;
		if (want > got)
			gres_take(c, n, t, want - got, used, s->gres);
	}
}

static uint64_t share_mem(const struct core *c, const struct request *r, const struct node *n,
			  const struct job_share *s)
{
	uint64_t per_gres = 0;

	if (!r->mem_counts)
		return 0;
	for (uint32_t t = 0; s->gres && r->gres && t < r->gres_types; t++)
		per_gres += r->gres[t].mem_per * gres_sum16(c, t, s->gres);
	if (per_gres)
		return per_gres;
	if (!r->mem)
		return node_memory(n);
	if (!r->mem_per_cpu)
		return r->mem;
	/* threads that the job does not want cost no memory */
	if (r->use_threads && r->use_threads < node_tpc(n) && r->cr_type & (CR_CORE | CR_SOCKET))
		return r->mem * (s->cpus / node_tpc(n) * r->use_threads);
	return r->mem * s->cpus;
}

/* Fill in what the chosen nodes give. */
enum err fit_place(struct core *c, struct request *r, enum fit_view view,
		   const struct bitset *nodes, struct arena *mem, struct placement *out)
{
	uint32_t count = bitset_count(nodes), at = 0, off = 0;
	struct job_share *share = arena_zalloc(mem, (count + 1) * sizeof(*share));
	struct spread d = {.c = c, .r = r, .share = share, .count = count,
			   .cand = c->sched->cand, .max = placement_tasks(r, count)};
	uint64_t *job_left = arena_zalloc(&c->sched->mem,
					  (c->gres_type_count + 1) * sizeof(uint64_t));

	bitset_foreach(i, nodes) {
		share[at].node = i;
		share[at].core_off = off;
		share[at].cores = (uint16_t)c->node[i]->cores;
		off += c->node[i]->cores;
		at++;
	}
	if (r->must_tasks) {
		for (uint32_t i = 0; i < count; i++) {
			share[i].tasks = r->must_tasks[share[i].node];
			share[i].cpus = (uint16_t)d.cand[share[i].node].cap;
		}
	} else if (r->whole) {
		spread_whole(&d);
	} else {
		spread_tasks(&d);
		if (d.tid < d.max && !r->overcommit)
			return E_NODES_BUSY;
	}
	for (uint32_t t = 0; r->gres && t < c->gres_type_count; t++)
		job_left[t] = r->gres[t].job;
	memset(out, 0, sizeof(*out));
	out->cores = arena_zalloc(mem, bitset_sizeof(off));
	bitset_init(out->cores, off);
	for (uint32_t i = 0; i < count; i++) {
		struct job_share *s = &share[i];
		const struct node *n = c->node[s->node];
		struct core_view v;
		uint32_t cpus = s->cpus;

		if (cpus < r->pn_cpus)
			cpus = r->pn_cpus;
		if (r->overcommit && cpus < d.cand[s->node].cap)
			cpus = d.cand[s->node].cap;
		node_view(c, r, n, view, &v);
		s->cpus = (uint16_t)cores_pick(r, n, &v, cpus, out->cores, s->core_off);
		out->total_cpus += s->cpus;
		share_gres(c, r, out->cores, s, v.gres_used, job_left, count - 1 - i, mem);
		if (view == FIT_NOW && !gres_pick(c, r, out->cores, s))
			return E_NODES_BUSY;
		s->mem_mb = share_mem(c, r, n, s);
	}
	out->node_count = count;
	out->share = share;
	out->whole_node = r->whole;
	out->part = c->part[r->part->index];
	return E_OK;
}

static enum err fit_once(struct core *c, struct request *r, enum fit_view view,
			 struct arena *mem, struct placement *out)
{
	uint32_t alts = r->alt_count ? r->alt_count : 1;

	c->sched->work += 16;
	for (uint32_t a = 0; a < alts; a++) {
		uint32_t found = look_at_nodes(c, r, view, r->alt_count ? r->alt[a] : NULL);
		struct bitset *nodes;

		if (found < r->min_nodes)
			continue;
		nodes = choose_nodes(c, r, view);
		if (nodes && fit_place(c, r, view, nodes, mem, out) == E_OK)
			return E_OK;
	}
	return E_NODES_BUSY;
}

/* A job that shares takes free cores if there are enough, else those that
 * others use as well. */
static enum err fit_shared(struct core *c, struct request *r, enum fit_view view,
			   struct arena *mem, struct placement *out)
{
	uint16_t rows = r->rows;
	enum err e;

	fit_scratch(c);
	if (rows < 2 || view != FIT_NOW)
		return fit_once(c, r, view, mem, out);
	r->rows = 1;
	e = fit_once(c, r, view, mem, out);
	r->rows = rows;
	return e ? fit_once(c, r, view, mem, out) : E_OK;
}

enum err fit_request(struct core *c, struct request *r, enum fit_view view,
		     struct arena *mem, struct placement *out)
{
	struct request liked;

	if (r->prefers && view == FIT_NOW) {
		liked = *r;
		liked.alt = r->prefer.alt;
		liked.alt_count = r->prefer.alt_count;
		liked.feat = r->prefer.need;
		liked.feat_count = r->prefer.need_count;
		if (fit_shared(c, &liked, view, mem, out) == E_OK)
			return E_OK;
	}
	return fit_shared(c, r, view, mem, out);
}

void placement_copy(struct core *c, struct arena *mem, const struct placement *p,
		    struct placement *out)
{
	size_t gres = (c->gres_type_count + 1) * sizeof(uint16_t);
	size_t devs = (c->gres_type_count + 1) * sizeof(uint64_t);
	size_t size = p->node_count * sizeof(*p->share);

	*out = *p;
	out->share = memcpy(arena_alloc(mem, size + 1), p->share, size);
	out->cores = arena_zalloc(mem, bitset_sizeof(p->cores->bits));
	bitset_init(out->cores, p->cores->bits);
	bitset_copy(out->cores, p->cores);
	for (uint32_t i = 0; i < p->node_count; i++) {
		if (p->share[i].gres)
			out->share[i].gres = memcpy(arena_alloc(mem, gres), p->share[i].gres,
						    gres);
		if (p->share[i].devs)
			out->share[i].devs = memcpy(arena_alloc(mem, devs), p->share[i].devs,
						    devs);
	}
}
