/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes in blocks, as stock chooses them: a job lies in the smallest block of a
 * size that is configured; there in as few of the next smaller blocks, and in
 * these in as few of the smallest, as it needs.  A job of segments is so many
 * jobs of that size.  Changes nothing but scratch space. */
#include "slurmctld/core/sched/choose_i.h"

struct blocks {
	struct attempt *a;
	const struct topo *t;
	uint32_t base;                  /* number of blocks of the smallest size */
	/* of this segment: */
	uint32_t per_block, block_count;        /* base blocks of a block it lies in */
	uint32_t low;                   /* log2 of base blocks of the next smaller size */
	int64_t low_left;               /* of those it may still begin */
	bool count_low;
	uint32_t *on_base, *on_low, *on_block;
	bool *used;                     /* base blocks in use */
	struct bitset *map;             /* nodes it may have */
	struct bitset *inside;          /* those of the block chosen */
};

static uint32_t ceil_div(uint32_t n, uint32_t by)
{
	return n / by + (n % by != 0);
}

/* Sizes: the lowest configured that holds so many nodes (false: none does), and
 * the one below. */
static bool level_of(const struct topo *t, uint32_t nodes, uint32_t *level, uint32_t *low)
{
	uint32_t need = ceil_div(nodes, t->block_nodes), l = 0;

	while (1u << l < need)
		l++;
	*low = 0;
	for (uint32_t k = 0; k < l; k++)
		if (t->block_levels & 1u << k)
			*low = k;
	for (*level = l; *level < TOPO_BLOCK_SIZES; ++*level)
		if (t->block_levels & 1u << *level)
			return true;
	return false;
}

static void sizes_find(struct blocks *b, uint32_t nodes)
{
	uint32_t level, low_nodes;

	b->per_block = b->base;
	b->block_count = 1;
	if (level_of(b->t, nodes, &level, &b->low)) {
		b->per_block = 1u << level;
		b->block_count = ceil_div(b->base, b->per_block);
	}
	low_nodes = b->t->block_nodes << b->low;
	b->low_left = ceil_div(nodes, low_nodes);
	b->count_low = b->per_block != (1u << b->low) * (uint64_t)b->low_left;
}

/* ---- which block ------------------------------------------------------- */

static void count_nodes(struct blocks *b)
{
	memset(b->on_block, 0, b->block_count * sizeof(*b->on_block));
	memset(b->on_low, 0, b->base * sizeof(*b->on_low));
	for (uint32_t i = 0; i < b->base; i++) {
		uint32_t n = bitset_count_and(b->t->unit[i].nodes, b->map);

		b->on_base[i] = n;
		b->on_block[i / b->per_block] += n;
		b->on_low[i >> b->low] += n;
	}
}

/* Nodes of a block that may be used: of its largest parts only so many. */
static uint32_t usable_of(const struct blocks *b, uint32_t block)
{
	uint32_t parts = b->per_block >> b->low, first = block * parts, sum = 0;
	uint32_t end = ceil_div(b->base, 1u << b->low);
	uint64_t below = UINT64_MAX;
	int64_t left = b->low_left;

	if (!b->count_low)
		return b->on_block[block];
	end = first + parts < end ? first + parts : end;
	while (left > 0) {              /* the largest first, equal ones together */
		uint32_t best = 0, same = 0;

		for (uint32_t k = first; k < end; k++)
			if (b->on_low[k] < below && b->on_low[k] > best)
				best = b->on_low[k];
		if (!best)
			break;
		for (uint32_t k = first; k < end; k++)
			same += b->on_low[k] == best;
		sum += best * (uint32_t)(same < left ? same : left);
		left -= same;
		below = best;
	}
	return sum;
}

static void block_nodes(const struct blocks *b, uint32_t block, struct bitset *out)
{
	uint32_t last = (block + 1) * b->per_block;

	bitset_clear_all(out);
	for (uint32_t i = block * b->per_block; i < last && i < b->base; i++)
		bitset_or(out, b->t->unit[i].nodes);
	bitset_and(out, b->map);
}

/* The one with nodes of the lowest weight, then with the fewest nodes. */
static uint32_t block_find(struct blocks *b)
{
	const struct bitset *must = b->a->r->must;
	struct bitset *set = attempt_set(b->a);
	uint32_t best = TOPO_NONE;
	uint64_t best_weight = 0;

	for (uint32_t k = 0; k < b->block_count; k++) {
		uint64_t cpus = 0, weight = UINT64_MAX;

		block_nodes(b, k, set);
		if (must && bitset_overlap(set, must))
			return k;
		bitset_foreach(i, set) {
			cpus += b->a->cand[i].cpus;
			if (attempt_weight(b->a, i) < weight)
				weight = attempt_weight(b->a, i);
		}
		if (must || !b->on_block[k] || (int64_t)cpus < b->a->rem_cpus ||
		    (int64_t)usable_of(b, k) < b->a->rem_nodes)
			continue;
		if (best == TOPO_NONE || weight < best_weight ||
		    (weight == best_weight && b->on_block[k] <= b->on_block[best])) {
			best = k;
			best_weight = weight;
		}
	}
	return best;
}

/* ---- inside of it ------------------------------------------------------ */

static bool low_in_use(const struct blocks *b, uint32_t i)
{
	uint32_t first = i >> b->low << b->low, last = first + (1u << b->low);

	for (uint32_t k = first; k < last && k < b->base; k++)
		if (b->used[k])
			return true;
	return false;
}

static void base_use(struct blocks *b, uint32_t i)
{
	if (b->count_low && !low_in_use(b, i))
		b->low_left--;
	b->used[i] = true;
}

static void use_all_of(struct blocks *b, uint32_t block, const struct bitset *set)
{
	uint32_t last = (block + 1) * b->per_block;

	for (uint32_t i = block * b->per_block; i < last && i < b->base; i++)
		if (!b->used[i] && bitset_overlap(b->t->unit[i].nodes, set))
			base_use(b, i);
}

static bool take_base(struct blocks *b, const struct bitset *best, uint32_t i)
{
	struct bitset *set = attempt_set(b->a);

	bitset_copy(set, b->t->unit[i].nodes);
	bitset_and(set, best);
	return attempt_take_set(b->a, set);
}

/* Is base block x better than best, of those in different blocks of the next
 * size (1-3) or anywhere (4)?
 *  1. one in use already
 *  2. enough rather than not
 *  3. of two that are enough the smaller, of two that are not the larger
 *  4. the same of the base blocks themselves */
static int low_better(const struct blocks *b, uint32_t x, uint32_t best, bool same,
		      bool best_same)
{
	uint32_t nx = b->on_low[x >> b->low], nb = b->on_low[best >> b->low];
	bool fx = (int64_t)nx >= b->a->rem_nodes, fb = (int64_t)nb >= b->a->rem_nodes;

	if (same != best_same)
		return same ? 1 : -1;
	if (fx != fb)
		return fx ? 1 : -1;
	if (nx == nb)
		return 0;
	return fx == (nx < nb) ? 1 : -1;
}

static uint32_t base_best(const struct blocks *b, uint32_t block, bool *in_use)
{
	uint32_t best = TOPO_NONE, last = (block + 1) * b->per_block;
	bool best_fit = false;

	*in_use = true;
	for (uint32_t i = block * b->per_block; i < last && i < b->base; i++) {
		bool fit = (int64_t)b->on_base[i] >= b->a->rem_nodes, same;
		int order = 0;

		if (b->used[i])
			continue;
		same = !b->count_low || low_in_use(b, i);
		if (best == TOPO_NONE)
			order = 1;
		else if (b->count_low && best >> b->low != i >> b->low)
			order = low_better(b, i, best, same, *in_use);
		if (order < 0)
			continue;
		if (!order && !(fit ? !best_fit || b->on_base[i] <= b->on_base[best] :
				!best_fit && b->on_base[i] >= b->on_base[best]))
			continue;
		best = i;
		best_fit = fit;
		*in_use = same;
	}
	return best;
}

static bool fill_bases(struct blocks *b, uint32_t block, const struct bitset *best)
{
	int64_t before = b->a->rem_nodes + 1;

	while (before != b->a->rem_nodes && b->a->nodes_left > 0) {
		bool in_use;
		uint32_t i = base_best(b, block, &in_use);

		before = b->a->rem_nodes;
		if (i == TOPO_NONE || (b->low_left <= 0 && !in_use))
			break;
		base_use(b, i);
		if (take_base(b, best, i))
			return true;
	}
	return b->a->rem_min <= 0 && b->a->rem_cpus <= 0;
}

static void count_best(struct blocks *b, const struct bitset *best)
{
	memset(b->on_low, 0, b->base * sizeof(*b->on_low));
	for (uint32_t i = 0; i < b->base; i++) {
		b->on_base[i] = b->used[i] ? 0 : bitset_count_and(b->t->unit[i].nodes, best);
		b->on_low[i >> b->low] += b->on_base[i];
	}
}

/* What is wanted now, in one block. */
static bool choose_one(struct blocks *b, uint32_t nodes)
{
	struct attempt *a = b->a;
	const struct bitset *must = a->r->must;
	struct by_weight by = { 0 };
	uint32_t block;

	sizes_find(b, nodes);
	memset(b->used, 0, b->base * sizeof(*b->used));
	count_nodes(b);
	block = block_find(b);
	if (block == TOPO_NONE)
		return false;
	block_nodes(b, block, b->inside);
	if (must && !bitset_subset(must, b->inside))
		return false;
	if (must)
		use_all_of(b, block, must);
	if (b->low_left < 0)
		return false;
	if (must && attempt_done(a))
		return true;
	attempt_by_weight(a, b->inside, &by);
	if (!by.enough)
		return false;
	if (by.lower) {
		if (attempt_take_set(a, by.lower))
			return true;
		use_all_of(b, block, by.lower);
		if (b->low_left < 0)
			return false;
	}
	for (uint32_t i = 0; i < b->base && (must || by.lower); i++)
		if (b->used[i] && take_base(b, by.best, i))
			return true;
	count_best(b, by.best);
	return fill_bases(b, block, by.best);
}

/* ---- segments ---------------------------------------------------------- */

static void segment_begin(struct blocks *b, uint32_t segments)
{
	const struct request *r = b->a->r;
	struct attempt *a = b->a;

	a->rem_nodes = a->rem_min = r->min_nodes / segments;
	a->nodes_left = r->max_nodes / segments;
	a->rem_cpus = r->overcommit && !r->pn_cpus ? r->min_nodes / segments :
		r->min_cpus / segments;
	a->rem_max = r->max_cpus / segments;
}

static bool choose_segments(struct blocks *b, uint32_t size)
{
	struct attempt *a = b->a;
	struct bitset *must = a->r->must, *all = attempt_set(a);
	uint32_t segments = a->r->min_nodes / size;
	bool good = true;

	if (must)
		bitset_and(b->map, must);
	bitset_clear_all(a->taken);     /* what is required is chosen segment by segment */
	a->taken_count = 0;
	a->r->must = NULL;
	for (uint32_t k = 0; k < segments && good; k++) {
		segment_begin(b, segments);
		good = choose_one(b, size);
		bitset_or(all, a->taken);
		bitset_and_not(b->map, a->taken);
		for (uint32_t i = 0; i < b->base && a->r->spread_segments; i++)
			if (bitset_overlap(b->t->unit[i].nodes, a->taken))
				bitset_and_not(b->map, b->t->unit[i].nodes);
		bitset_clear_all(a->taken);
	}
	a->r->must = must;
	bitset_or(a->taken, all);
	a->taken_count = bitset_count(a->taken);
	return good;
}

bool choose_block(struct attempt *a, const struct topo *t)
{
	struct arena *mem = &a->c->sched->mem;
	struct blocks b = { .a = a, .t = t, .base = t->base_count };
	uint32_t size = a->r->segment;

	if (a->r->must_tasks || (a->r->must && !bitset_subset(a->r->must, t->nodes)))
		return false;
	b.on_base = arena_zalloc(mem, (b.base + 1) * sizeof(*b.on_base));
	b.on_low = arena_zalloc(mem, (b.base + 1) * sizeof(*b.on_low));
	b.on_block = arena_zalloc(mem, (b.base + 1) * sizeof(*b.on_block));
	b.used = arena_zalloc(mem, b.base + 1);
	b.inside = attempt_set(a);
	b.map = attempt_set(a);
	bitset_foreach(i, t->nodes)
		if (a->cand[i].cpus)
			bitset_set(b.map, i);
	if (size > a->r->min_nodes)
		size = 0;
	if (size && (a->r->min_nodes % size ||
		     (size < a->r->min_nodes && a->r->must &&
		      bitset_count(a->r->must) < a->r->min_nodes))) {
		a->c->sched->topo_never = true;
		return false;
	}
	if (size && a->r->min_nodes / size > 1)
		return choose_segments(&b, size);
	return choose_one(&b, a->r->min_nodes);
}
