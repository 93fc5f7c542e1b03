/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes in a tree of switches, as stock chooses them: below one switch that has
 * enough; then leaf switches, near those in use first, of these the one that is
 * just large enough, else the largest.  Changes nothing but scratch space. */
#include "slurmctld/core/sched/choose_i.h"

#define FAR UINT64_MAX

struct tree {
	struct attempt *a;
	const struct topo *t;
	uint32_t top;
	uint32_t *nodes;                /* per switch: usable and not yet used up */
	uint64_t *cpus, *low;           /* low: the lowest weight */
	uint64_t *dist;                 /* sum of the ways to the switches in use */
	bool *used;
	struct bitset *usable;
	uint32_t *queue, *way;
};

uint32_t tree_leaves(const struct topo *t, const struct bitset *set)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->unit_count; i++)
		n += !t->unit[i].level && bitset_overlap(t->unit[i].nodes, set);
	return n;
}

/* ---- the switch above all ---------------------------------------------- */

static void count_all(struct tree *w)
{
	const struct attempt *a = w->a;

	for (uint32_t i = 0; i < a->c->node_count; i++)
		if (a->cand[i].cpus)
			bitset_set(w->usable, i);
	for (uint32_t s = 0; s < w->t->unit_count; s++) {
		w->low[s] = UINT64_MAX;
		bitset_foreach(i, w->t->unit[s].nodes) {
			uint64_t weight;

			if (!a->cand[i].cpus)
				continue;
			weight = attempt_weight(a, i);
			w->low[s] = weight < w->low[s] ? weight : w->low[s];
			w->cpus[s] += a->cand[i].cpus;
			w->nodes[s]++;
		}
	}
}

/* All required nodes are below it. */
static bool top_of_must(struct tree *w)
{
	const struct bitset *must = w->a->r->must;

	for (uint32_t s = 0; s < w->t->unit_count; s++) {
		w->used[s] = bitset_overlap(w->t->unit[s].nodes, must);
		if (w->used[s] && (w->top == TOPO_NONE ||
				   w->t->unit[s].level > w->t->unit[w->top].level))
			w->top = s;
	}
	if (w->top != TOPO_NONE && bitset_subset(must, w->t->unit[w->top].nodes))
		return true;
	w->a->c->sched->topo_never = true;
	return false;
}

/* The highest of those that have enough, with nodes of the lowest weight. */
static bool top_find(struct tree *w)
{
	uint64_t low = 0;

	if (w->a->r->must)
		return top_of_must(w);
	for (uint32_t s = 0; s < w->t->unit_count; s++) {
		if (!w->nodes[s] || !attempt_enough(w->a, w->nodes[s], w->cpus[s]))
			continue;
		if (w->top != TOPO_NONE && (w->t->unit[s].level < w->t->unit[w->top].level ||
					    w->low[s] > low))
			continue;
		w->top = s;
		low = w->low[s];
	}
	return w->top != TOPO_NONE;
}

/* ---- leaf by leaf ------------------------------------------------------ */

static void way_add(struct tree *w, uint32_t to, uint32_t steps, uint32_t *count)
{
	if (w->way[to] != TOPO_NONE)
		return;
	w->way[to] = steps;
	w->queue[(*count)++] = to;
}

/* Every switch is so much farther from those in use. */
static void dist_add(struct tree *w, uint32_t from)
{
	const struct topo *t = w->t;
	uint32_t count = 0;

	for (uint32_t s = 0; s < t->unit_count; s++)
		w->way[s] = TOPO_NONE;
	way_add(w, from, 0, &count);
	for (uint32_t k = 0; k < count; k++) {
		const struct topo_unit *u = &t->unit[w->queue[k]];
		uint32_t steps = w->way[w->queue[k]] + 1;

		if (u->parent != TOPO_NONE)
			way_add(w, u->parent, steps, &count);
		for (uint32_t c = 0; c < u->child_count; c++)
			way_add(w, u->child[c], steps, &count);
	}
	for (uint32_t s = 0; s < t->unit_count; s++)
		w->dist[s] = w->way[s] == TOPO_NONE || w->dist[s] == FAR ? FAR :
			w->dist[s] + w->way[s];
}

static void nodes_used(struct tree *w, uint32_t leaf, uint32_t count)
{
	for (uint32_t s = leaf; s != TOPO_NONE; s = w->t->unit[s].parent)
		w->nodes[s] -= count < w->nodes[s] ? count : w->nodes[s];
}

static bool fits(const struct tree *w, uint32_t s)
{
	return (int64_t)w->nodes[s] >= w->a->rem_nodes && (int64_t)w->cpus[s] >= w->a->rem_cpus;
}

/* Is leaf x better than y: above 0, below 0, or neither?
 *  1. enough rather than not, of two the one with fewer nodes
 *  2. when neither is enough, what is above them, by the same rule
 *  3. more nodes
 *  4. a lower level */
static int leaf_better(const struct tree *w, uint32_t x, uint32_t y, bool *x_fits)
{
	const struct topo_unit *u = w->t->unit;

	for (;;) {
		bool fx = fits(w, x), fy = fits(w, y);

		*x_fits = fx;
		if (fx && fy && w->nodes[x] != w->nodes[y])
			return w->nodes[x] < w->nodes[y] ? 1 : -1;
		if (fx != fy)
			return fx ? 1 : -1;
		if (fx || u[x].parent == u[y].parent || u[x].parent == TOPO_NONE ||
		    u[y].parent == TOPO_NONE)
			break;
		x = u[x].parent;
		y = u[y].parent;
	}
	if (w->nodes[x] != w->nodes[y])
		return w->nodes[x] > w->nodes[y] ? 1 : -1;
	return (u[x].level < u[y].level) - (u[x].level > u[y].level);
}

static uint32_t leaf_best(const struct tree *w)
{
	uint32_t best = TOPO_NONE;

	for (uint32_t s = 0; s < w->t->unit_count; s++) {
		bool fit = false;
		int order;

		if (w->used[s] || w->t->unit[s].level || !w->nodes[s] || w->dist[s] == FAR)
			continue;
		if (best == TOPO_NONE) {
			best = s;
			continue;
		}
		order = leaf_better(w, s, best, &fit);
		if ((w->dist[s] < w->dist[best] && fit) ||
		    (w->dist[s] == w->dist[best] && order > 0))
			best = s;
	}
	return best;
}

static bool take_leaf(struct tree *w, const struct bitset *from, uint32_t leaf)
{
	struct bitset *set = attempt_set(w->a);

	bitset_copy(set, from);
	bitset_and(set, w->t->unit[leaf].nodes);
	return attempt_take_set(w->a, set);
}

/* What is left on switches in use already. */
static bool fill_used(struct tree *w, const struct bitset *best)
{
	uint32_t taken = 0;

	for (uint32_t s = 0; s < w->t->unit_count; s++) {
		uint32_t before = w->a->taken_count;

		if (!w->used[s] || w->t->unit[s].level)
			continue;
		if (take_leaf(w, best, s))
			return true;
		taken += w->a->taken_count - before;
		nodes_used(w, s, taken);
	}
	return false;
}

static void fill_leaves(struct tree *w, const struct bitset *best)
{
	int64_t before = w->a->rem_nodes + 1;

	while (before != w->a->rem_nodes && w->a->nodes_left > 0) {
		uint32_t leaf = leaf_best(w);

		before = w->a->rem_nodes;
		if (leaf == TOPO_NONE)
			break;
		dist_add(w, leaf);
		if (take_leaf(w, best, leaf))
			return;
		nodes_used(w, leaf, w->nodes[leaf]);
	}
}

/* Nodes of the lowest weights are in, whatever their switch. */
static bool take_lower(struct tree *w, const struct by_weight *by)
{
	if (attempt_take_set(w->a, by->lower))
		return true;
	for (uint32_t s = 0; s < w->t->unit_count; s++)
		w->used[s] |= bitset_overlap(w->t->unit[s].nodes, by->lower);
	return false;
}

static void tree_init(struct tree *w, struct attempt *a, const struct topo *t)
{
	struct arena *mem = &a->c->sched->mem;
	size_t n = t->unit_count + 1;

	*w = (struct tree){ .a = a, .t = t, .top = TOPO_NONE };
	w->nodes = arena_zalloc(mem, n * sizeof(*w->nodes));
	w->cpus = arena_zalloc(mem, n * sizeof(*w->cpus));
	w->low = arena_zalloc(mem, n * sizeof(*w->low));
	w->dist = arena_zalloc(mem, n * sizeof(*w->dist));
	w->used = arena_zalloc(mem, n * sizeof(*w->used));
	w->queue = arena_zalloc(mem, n * sizeof(*w->queue));
	w->way = arena_zalloc(mem, n * sizeof(*w->way));
	w->usable = attempt_set(a);
}

bool choose_tree(struct attempt *a, const struct topo *t)
{
	struct by_weight by = { 0 };
	struct tree w;

	tree_init(&w, a, t);
	count_all(&w);
	if (!top_find(&w))
		return false;
	if (attempt_done(a))
		return true;
	bitset_and(w.usable, t->unit[w.top].nodes);
	attempt_by_weight(a, w.usable, &by);
	if (!by.enough) {
		a->give_up = w.usable;          /* other trees may do */
		return false;
	}
	if (by.lower && take_lower(&w, &by))
		return true;
	bitset_or(by.best, a->taken);
	for (uint32_t s = 0; s < t->unit_count; s++)
		w.nodes[s] = bitset_count_and(t->unit[s].nodes, by.best);
	if ((a->r->must || by.lower) && fill_used(&w, by.best))
		return true;
	for (uint32_t s = 0; s < t->unit_count; s++)
		if (w.used[s])
			dist_add(&w, s);
	fill_leaves(&w, by.best);
	return true;
}
