/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations of so many nodes get others for those that went down or away,
 * and with REPLACE for those that are in use, as soon as others are free. */
#include <stdlib.h>

#include "slurmctld/core/resv_i.h"

static bool is_replaced(const struct resv *r, const struct core *c)
{
	return r->nodes && r->node_text && r->partition && resv_end(c, r) > c->now &&
		!(r->flags & (RESV_SPEC_NODES | RESV_STATIC | RESV_MAINT)) &&
		!(r->core_text && bitset_count(r->nodes) > 1);
}

/* Nodes that stay.  True: not all do. */
static bool some_go(const struct core *c, const struct resv *r, struct bitset *keep)
{
	const struct part *p = part_find(c, r->partition);
	bool go = false;

	bitset_foreach(i, r->nodes) {
		const struct node *n = c->node[i];

		if (n && node_usable(n) && (!p || bitset_test(p->nodes, i)) &&
		    !(r->flags & RESV_REPLACE && n->run_jobs + n->comp_jobs))
			bitset_set(keep, i);
		else
			go = true;
	}
	return go && p;
}

/* As many new nodes as there are, the rest stays as it was. */
static enum err other_nodes(struct change *k, const struct bitset *keep)
{
	struct resv *r = k->r;
	uint32_t want = bitset_count(k->old->nodes) - bitset_count(keep), got, left;

	bitset_clear_all(r->nodes);
	resv_pick_more(k, want);
	got = bitset_count(r->nodes);
	if (!got)
		return E_NODES_BUSY;
	left = want > got ? want - got : 0;
	bitset_foreach(i, k->old->nodes) {
		if (bitset_test(keep, i)) {
			bitset_set(r->nodes, i);
		} else if (left && k->c->node[i]) {
			bitset_set(r->nodes, i);
			left--;
		}
	}
	return E_OK;
}

static enum err other_cores(struct change *k)
{
	uint32_t cpus;

	resv_count_cores(k->c, k->old, &k->core_cnt, &cpus);
	k->node_cnt = 1;
	return k->core_cnt ? resv_pick_cores(k, NULL, k->old->nodes) : E_NODES_BUSY;
}

static bool replace(struct core *c, struct resv *r, struct effects *out)
{
	struct err_text why = { "" };
	struct change k = { .c = c, .old = r, .node_cnt = NO_VAL, .core_cnt = NO_VAL,
			    .why = &why, .out = out };
	struct bitset *keep;
	enum err rc;

	if (!is_replaced(r, c))
		return false;
	keep = bitset_new(c->node_count);
	if (!some_go(c, r, keep)) {
		bitset_free(keep);
		return false;
	}
	k.r = resv_copy(r);
	k.r->flags &= ~RESV_IGN_JOBS;
	rc = r->core_text ? other_cores(&k) : other_nodes(&k, keep);
	k.r->flags = r->flags;
	bitset_free(keep);
	if (rc != E_OK) {
		resv_free(k.r);
		return false;
	}
	resv_nodes_named(k.r, c, &out->mem);
	effect_log(out, 4, "reservation %s has nodes %s instead of %s", r->name, k.r->node_text,
		   r->node_text);
	resv_put_in_place(c, r, k.r);
	resv_dirty(c, k.r);
	return true;
}

void resv_replace_all(struct core *c, struct effects *out)
{
	bool any = false;
	struct resv *next;

	for (struct resv *r = c->resv_first; r; r = next) {
		next = r->next;
		any |= replace(c, r, out);
	}
	if (!any)
		return;
	sched_nodes_changed(c);
	c->wants_sched = true;
}
