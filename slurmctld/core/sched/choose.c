/* SPDX-License-Identifier: Apache-2.0
 *
 * The choice of nodes.  What stock's cons_tres chooses: nodes of the lowest
 * weight; runs of neighbouring nodes, the smallest that is enough; inside a run
 * the one node that fits tightest when one can do, else from the lowest index
 * on.  Changes nothing but scratch space. */
#include <stdlib.h>

#include "slurmctld/core/sched/choose_i.h"

/* Nodes that are up come first, whatever their weight. */
#define BOOT_WEIGHT (UINT64_C(1) << 40)

static const uint64_t *view_gres(const struct attempt *a, uint32_t i)
{
	const struct sched *s = a->c->sched;

	switch (a->view) {
	case FIT_EMPTY: return s->zero_gres;
	case FIT_LOAD: return s->load[i].gres;
	default: return s->bf_view && s->extra ? s->extra[i].gres : NULL;
	}
}

static bool gres_done(const struct attempt *a)
{
	for (uint32_t t = 0; a->gres_left && t < a->c->gres_type_count; t++)
		if (a->gres_left[t])
			return false;
	return true;
}

bool attempt_done(const struct attempt *a)
{
	return a->rem_nodes <= 0 && a->rem_cpus <= 0 && gres_done(a);
}

/* CPUs to take of a node: the job's largest count, less a core or a task's
 * CPUs for each node that is still to come; whole tasks. */
static uint32_t cpus_to_take(const struct attempt *a, uint32_t i)
{
	const struct request *r = a->r;
	const struct node *n = a->c->node[i];
	uint32_t cpus = a->cand[i].cpus, each = r->use_threads ? r->use_threads : node_tpc(n);
	uint32_t least = r->pn_cpus > r->cpt ? r->pn_cpus : r->cpt;
	int64_t left = a->rem_max;

	if (r->whole)
		return cpus;
	if (r->must_tasks && r->must_tasks[i]) {
		uint32_t want = r->must_tasks[i] * r->cpt;

		return want > cpus && !r->overcommit ? 0 : want < cpus ? want : cpus;
	}
	if (each < r->cpt)
		each = r->cpt;
	if (r->cr_type & CR_SOCKET)
		each *= n->cores_per_socket;
	if (a->rem_min > 1)
		left -= (a->rem_min - 1) * (int64_t)each;
	if (cpus > left) {
		cpus = left > (int64_t)least ? (uint32_t)left : least;
		if (cpus > r->cpt)
			cpus -= cpus % r->cpt;
		if (cpus < r->pn_cpus)
			cpus = r->pn_cpus;
	}
	return cpus < a->cand[i].cpus ? cpus : a->cand[i].cpus;
}

bool attempt_take(struct attempt *a, uint32_t i)
{
	uint32_t cpus = cpus_to_take(a, i);

	if (!cpus)
		return false;
	a->cand[i].cap = cpus;
	bitset_set(a->taken, i);
	a->taken_count++;
	a->rem_cpus -= cpus;
	a->rem_max -= cpus;
	a->rem_nodes--;
	a->rem_min--;
	a->nodes_left--;
	for (uint32_t t = 0; a->gres_left && t < a->c->gres_type_count; t++) {
		uint64_t units = a->gres_left[t] ?
			gres_free(a->c, a->c->node[i], t, view_gres(a, i)) : 0;

		a->gres_left[t] -= units < a->gres_left[t] ? units : a->gres_left[t];
	}
	return true;
}

/* All that the whole job still needs is on this one node. */
static bool job_gres_on(const struct attempt *a, uint32_t i)
{
	for (uint32_t t = 0; a->gres_left && t < a->c->gres_type_count; t++)
		if (a->gres_left[t] &&
		    gres_free(a->c, a->c->node[i], t, view_gres(a, i)) < a->gres_left[t])
			return false;
	return true;
}

/* Required nodes come first. */
static bool take_must(struct attempt *a)
{
	if (!a->r->must)
		return true;
	bitset_foreach(i, a->r->must) {
		if (a->nodes_left <= 0 || !a->cand[i].cpus || !attempt_take(a, i))
			return false;
	}
	return true;
}

/* "a*4": that many nodes with the feature, before any others. */
static bool take_counted(struct attempt *a)
{
	for (uint32_t k = 0; k < a->r->feat_count; k++) {
		const struct feat_need *f = &a->r->feat[k];
		uint32_t have = bitset_count_and(a->taken, f->nodes);

		bitset_foreach(i, f->nodes) {
			if (have >= f->count)
				break;
			if (bitset_test(a->taken, i) || !a->cand[i].cpus ||
			    a->nodes_left <= 0 || !attempt_take(a, i))
				continue;
			have++;
		}
		if (have < f->count)
			return false;
	}
	return true;
}

uint64_t attempt_weight(const struct attempt *a, uint32_t i)
{
	const struct node *n = a->c->node[i];

	if (a->r->contiguous)
		return 0;
	return n->weight | (n->state & NODE_STATE_POWERED_DOWN ? BOOT_WEIGHT : 0);
}

/* Runs of neighbours.  A required node is in its run but counts as taken. */
static uint32_t runs_build(struct attempt *a, struct run *run)
{
	uint32_t n = 0;
	bool open = false;

	for (uint32_t i = 0; i < a->c->node_count; i++) {
		bool must = bitset_test(a->taken, i);

		if (!a->cand[i].cpus) {
			open = false;
			continue;
		}
		if (!open || run[n - 1].weight != attempt_weight(a, i)) {
			run[n++] = (struct run){.first = i, .weight = attempt_weight(a, i),
						.must = UINT32_MAX};
			open = true;
		}
		run[n - 1].last = i;
		if (must) {
			if (run[n - 1].must == UINT32_MAX)
				run[n - 1].must = i;
			continue;
		}
		run[n - 1].nodes++;
		run[n - 1].cpus += a->cand[i].cpus;
	}
	return n;
}

bool attempt_enough(const struct attempt *a, uint64_t nodes, uint64_t cpus)
{
	int64_t need = a->rem_nodes;

	if (a->want_nodes > a->r->min_nodes)
		need -= a->want_nodes - a->r->min_nodes;
	return (int64_t)cpus >= a->rem_cpus && (int64_t)nodes >= need;
}

static bool run_enough(const struct attempt *a, const struct run *run)
{
	return attempt_enough(a, run->nodes, run->cpus);
}

/* Which of two runs to take first:
 *  1. the one with required nodes
 *  2. lower weight
 *  3. enough rather than not
 *  4. of two that are enough the smaller, of two that are not the larger
 *  5. the lower index */
static bool run_better(const struct attempt *a, const struct run *x, const struct run *best)
{
	bool ex, eb;

	if ((x->must != UINT32_MAX) != (best->must != UINT32_MAX))
		return x->must != UINT32_MAX;
	if (x->weight != best->weight)
		return x->weight < best->weight;
	ex = run_enough(a, x);
	eb = run_enough(a, best);
	if (ex != eb)
		return ex;
	if (x->cpus != best->cpus)
		return ex ? x->cpus < best->cpus : x->cpus > best->cpus;
	return false;
}

static void take_range(struct attempt *a, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last && !attempt_done(a) && a->nodes_left > 0; i++) {
		if (bitset_test(a->taken, i) || !a->cand[i].cpus)
			continue;
		/* only one more may come, and this one would not do */
		if (a->nodes_left == 1 && (int64_t)a->cand[i].cpus < a->rem_cpus)
			continue;
		attempt_take(a, i);
	}
}

/* The one node that does, with the fewest CPUs. */
static uint32_t tightest(const struct attempt *a, const struct run *run)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = run->first; i <= run->last; i++) {
		if (bitset_test(a->taken, i) || !a->cand[i].cpus ||
		    (int64_t)a->cand[i].cpus < a->rem_cpus || !job_gres_on(a, i))
			continue;
		if (best == UINT32_MAX || a->cand[i].cpus < a->cand[best].cpus)
			best = i;
	}
	return best;
}

static void take_run(struct attempt *a, const struct run *run)
{
	uint32_t one;

	if (run->must != UINT32_MAX) {  /* upwards from the required node, then down */
		take_range(a, run->must, run->last);
		for (uint32_t i = run->must; i-- > run->first && !attempt_done(a) &&
		     a->nodes_left > 0; )
			if (!bitset_test(a->taken, i) && a->cand[i].cpus)
				attempt_take(a, i);
		return;
	}
	one = a->rem_nodes <= 1 ? tightest(a, run) : UINT32_MAX;
	if (one != UINT32_MAX)
		attempt_take(a, one);
	else
		take_range(a, run->first, run->last);
}

static void choose_runs(struct attempt *a)
{
	struct run *run = a->c->sched->runs;
	uint32_t n = runs_build(a, run);

	while (!attempt_done(a) && a->nodes_left > 0) {
		struct run *best = NULL;

		for (uint32_t i = 0; i < n; i++) {
			if (!run[i].nodes)
				continue;
			if (a->r->contiguous && (!run_enough(a, &run[i]) ||
			    (a->r->must && run[i].must == UINT32_MAX)))
				continue;
			if (!best || run_better(a, &run[i], best))
				best = &run[i];
		}
		if (!best)
			break;
		take_run(a, best);
		best->nodes = 0;
		if (a->r->contiguous)
			break;
	}
}

/* Least loaded: the largest share of idle CPUs, then the lowest index. */
static uint32_t least_loaded(const struct attempt *a)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t i = 0; i < a->c->node_count; i++) {
		const struct node *n = a->c->node[i], *b;

		if (bitset_test(a->taken, i) || !a->cand[i].cpus)
			continue;
		if (best == UINT32_MAX) {
			best = i;
			continue;
		}
		b = a->c->node[best];
		if (attempt_weight(a, i) != attempt_weight(a, best)) {
			if (attempt_weight(a, i) < attempt_weight(a, best))
				best = i;
		} else if ((uint64_t)(n->cpus - n->cpus_alloc) * b->cpus >
			   (uint64_t)(b->cpus - b->cpus_alloc) * n->cpus) {
			best = i;
		}
	}
	return best;
}

static void choose_least_loaded(struct attempt *a)
{
	while (!attempt_done(a) && a->nodes_left > 0) {
		uint32_t i = least_loaded(a);

		if (i == UINT32_MAX)
			break;
		if (!attempt_take(a, i))
			a->cand[i].cpus = 0;
	}
}

/* Could the nodes not yet taken give so many CPUs, none more than level? */
static bool level_enough(const struct attempt *a, uint32_t level, int64_t cpus)
{
	for (uint32_t i = 0; i < a->c->node_count && cpus > 0; i++)
		if (!bitset_test(a->taken, i))
			cpus -= a->cand[i].cpus < level ? a->cand[i].cpus : level;
	return cpus <= 0;
}

/* Over as many nodes as there are tasks, evenly: none gets more than the
 * lowest level at which all together are enough. */
static void choose_spread(struct attempt *a)
{
	uint32_t most = a->r->tasks ? a->r->tasks : UINT32_MAX, cpt = a->r->cpt, level = cpt;
	uint32_t max = 0;

	for (uint32_t i = 0; i < a->c->node_count; i++)
		if (a->cand[i].cpus > max)
			max = a->cand[i].cpus;
	while (level < max && !level_enough(a, level, a->rem_cpus))
		level += cpt;
	for (uint32_t i = 0; i < a->c->node_count && a->nodes_left > 0 &&
	     a->taken_count < most; i++) {
		if (!a->cand[i].cpus || bitset_test(a->taken, i))
			continue;
		if (!a->r->whole && a->cand[i].cpus > level)
			a->cand[i].cpus = level;
		a->rem_min = 0;
		attempt_take(a, i);
	}
}

static void choose_last(struct attempt *a)
{
	for (uint32_t i = a->c->node_count; i-- > 0 && !attempt_done(a); )
		if (!bitset_test(a->taken, i) && (int64_t)a->cand[i].cpus >= a->rem_cpus &&
		    a->cand[i].cpus && job_gres_on(a, i))
			attempt_take(a, i);
}

static bool attempt_good(const struct attempt *a)
{
	if (!gres_done(a) || a->rem_cpus > 0 || a->taken_count < a->r->min_nodes)
		return false;
	return true;
}

struct bitset *attempt_set(struct attempt *a)
{
	struct bitset *b = arena_zalloc(&a->c->sched->mem, bitset_sizeof(a->c->node_count));

	bitset_init(b, a->c->node_count);
	return b;
}

/* ---- by the network ---------------------------------------------------- */

struct weighed {
	uint64_t weight;
	uint32_t node;
};

static int weighed_cmp(const void *x, const void *y)
{
	const struct weighed *a = x, *b = y;

	if (a->weight != b->weight)
		return a->weight < b->weight ? -1 : 1;
	return (a->node > b->node) - (a->node < b->node);
}

void attempt_by_weight(struct attempt *a, const struct bitset *from, struct by_weight *w)
{
	uint32_t n = 0, most = bitset_count(from), at = 0;
	struct weighed *v = arena_alloc(&a->c->sched->mem, (most + 1) * sizeof(*v));
	uint64_t nodes = 0, cpus = 0;
	bool all = false, sorted = true;

	w->best = attempt_set(a);
	w->lower = NULL;
	bitset_foreach(i, from)
		if (a->cand[i].cpus && !bitset_test(a->taken, i)) {
			v[n] = (struct weighed){ attempt_weight(a, i), i };
			sorted &= !n || v[n - 1].weight <= v[n].weight;
			n++;
		}
	if (!sorted)
		qsort(v, n, sizeof(*v), weighed_cmp);
	while (!all && at < n) {
		uint64_t weight = v[at].weight;

		if (nodes && !w->lower)
			w->lower = attempt_set(a);
		if (nodes)
			bitset_or(w->lower, w->best);
		for (; at < n && v[at].weight == weight; at++) {
			bitset_set(w->best, v[at].node);
			cpus += a->cand[v[at].node].cpus;
			nodes++;
		}
		w->enough |= attempt_enough(a, nodes, cpus);
		all = (int64_t)nodes >= a->rem_nodes && (int64_t)cpus >= a->rem_cpus;
	}
	w->enough |= !n && attempt_enough(a, 0, 0);
}

bool attempt_take_set(struct attempt *a, const struct bitset *set)
{
	bitset_foreach(i, set) {
		if (a->nodes_left <= 0)
			break;
		if (bitset_test(a->taken, i) || !a->cand[i].cpus || !attempt_take(a, i))
			continue;
		if (attempt_done(a))
			return true;
	}
	return false;
}

/* True: the network decides, *good tells whether it could. */
static bool choose_by_network(struct attempt *a, bool *good)
{
	const struct topo *t = a->r->topo;

	if (!t || t->kind != CONF_TOPO_TREE || a->r->contiguous || a->r->must_tasks ||
	    a->r->spread || a->r->lln ||
	    (a->r->serial_end && a->r->min_cpus == 1 && a->want_nodes == 1))
		return false;
	*good = choose_tree(a, t);
	return true;
}

static const struct bitset *usable(struct attempt *a)
{
	struct bitset *b = attempt_set(a);

	for (uint32_t i = 0; i < a->c->node_count; i++)
		if (a->cand[i].cpus)
			bitset_set(b, i);
	return b;
}

/* The limits of the whole job, and the nodes it insists on. */
static bool attempt_begin(struct attempt *a)
{
	const struct request *r = a->r;

	bitset_clear_all(a->taken);
	a->taken_count = 0;
	a->rem_cpus = r->min_cpus;
	a->rem_max = r->max_cpus;
	a->rem_nodes = a->want_nodes;
	a->give_up = NULL;
	a->rem_min = r->min_nodes;
	a->nodes_left = r->max_nodes;
	if (r->overcommit && !r->pn_cpus)
		a->rem_cpus = r->min_nodes;
	for (uint32_t t = 0; a->gres_left && t < a->c->gres_type_count; t++)
		a->gres_left[t] = r->gres[t].job;
	return take_must(a) && take_counted(a);
}

static bool attempt_run(struct attempt *a)
{
	const struct request *r = a->r;
	bool good;

	if (!attempt_begin(a))
		return false;
	if (r->topo && r->topo->kind == CONF_TOPO_BLOCK && bitset_overlap(r->topo->nodes, usable(a)))
		return choose_block(a, r->topo) && attempt_good(a);
	if (choose_by_network(a, &good))
		return good && attempt_good(a);
	if (attempt_done(a))
		return true;
	if (r->spread) {
		choose_spread(a);
	} else if (r->lln) {
		choose_least_loaded(a);
	} else if (r->serial_end && r->min_cpus == 1 && r->want_nodes == 1) {
		choose_last(a);
	} else {
		choose_runs(a);
	}
	return attempt_good(a);
}

/* Can the rest do, by numbers alone?  Saves attempts that must fail. */
static bool enough_in_sum(const struct attempt *a)
{
	uint64_t cpus = 0;
	uint32_t nodes = 0;

	for (uint32_t i = 0; i < a->c->node_count; i++) {
		cpus += a->cand[i].cpus;
		nodes += a->cand[i].cpus != 0;
	}
	return nodes >= a->r->min_nodes && (a->r->overcommit || cpus >= a->r->min_cpus);
}

/* Leave the nodes with the fewest CPUs out, for a job that may not have more
 * nodes: false when all are alike. */
static bool drop_smallest(struct attempt *a)
{
	uint32_t low = UINT32_MAX, high = 0;

	for (uint32_t i = 0; i < a->c->node_count; i++) {
		uint32_t cpus = a->cand[i].cpus;

		if (!cpus || (a->r->must && bitset_test(a->r->must, i)))
			continue;
		if (cpus < low)
			low = cpus;
		if (cpus > high)
			high = cpus;
	}
	if (low >= high)
		return false;
	for (uint32_t i = 0; i < a->c->node_count; i++)
		if (a->cand[i].cpus == low && !(a->r->must && bitset_test(a->r->must, i)))
			a->cand[i].cpus = 0;
	return true;
}

/* The nodes with the most CPUs, whatever their weight and place: what a job
 * that may not have more nodes can start on when leaving out whole sizes left
 * too few of them.  (Stock makes such a job wait.) */
static bool choose_largest(struct attempt *a, const uint32_t *cpus)
{
	const struct request *r = a->r;
	struct weighed *v;
	uint32_t n = 0;

	if (r->contiguous || r->topo)
		return false;
	for (uint32_t i = 0; i < a->c->node_count; i++)
		a->cand[i].cpus = cpus[i];
	if (!attempt_begin(a))
		return false;
	v = arena_alloc(&a->c->sched->mem, (a->c->node_count + 1) * sizeof(*v));
	for (uint32_t i = 0; i < a->c->node_count; i++)
		if (cpus[i] && !bitset_test(a->taken, i))
			v[n++] = (struct weighed){ UINT32_MAX - cpus[i], i };
	qsort(v, n, sizeof(*v), weighed_cmp);
	for (uint32_t k = 0; k < n && !attempt_done(a) && a->nodes_left > 0; k++)
		attempt_take(a, v[k].node);
	return attempt_good(a);
}

/* Could not: leave out nodes that cannot help, or those with the fewest CPUs. */
static bool attempt_reduce(struct attempt *a)
{
	if (!a->give_up)
		return drop_smallest(a);
	bitset_foreach(i, a->give_up)
		a->cand[i].cpus = 0;
	return true;
}

/* More leaf switches than the job asks for: with fewer nodes, where a range
 * allows it; else it waits for a better time. */
static bool switches_good(struct attempt *a, bool *again)
{
	*again = false;
	if (!a->r->max_switches ||
	    tree_leaves(a->r->topo, a->taken) <= a->r->max_switches)
		return true;
	*again = a->want_nodes > a->r->min_nodes;
	a->want_nodes -= *again;
	return false;
}

static uint32_t *cpus_keep(const struct attempt *a)
{
	uint32_t *cpus = arena_alloc(&a->c->sched->mem, a->c->node_count * sizeof(*cpus));

	for (uint32_t i = 0; i < a->c->node_count; i++)
		cpus[i] = a->cand[i].cpus;
	return cpus;
}

struct bitset *choose_nodes(struct core *c, struct request *r, enum fit_view view)
{
	struct attempt a = {.c = c, .r = r, .cand = c->sched->cand, .view = view,
			    .want_nodes = r->want_nodes};
	uint32_t *cpus = NULL;
	bool again;

	if (r->topo && r->topo->kind == CONF_TOPO_BLOCK)
		a.want_nodes = r->min_nodes;    /* no more than it needs */
	a.taken = attempt_set(&a);
	if (r->any_gres)
		a.gres_left = arena_zalloc(&c->sched->mem,
					   (c->gres_type_count + 1) * sizeof(uint64_t));
	while (enough_in_sum(&a)) {
		if (attempt_run(&a)) {
			if (view == FIT_EMPTY || switches_good(&a, &again))
				return a.taken;
			if (again)
				continue;
			break;
		}
		if (!cpus)
			cpus = cpus_keep(&a);
		if (!attempt_reduce(&a))
			break;
	}
	return cpus && choose_largest(&a, cpus) ? a.taken : NULL;
}
