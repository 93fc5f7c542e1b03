/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the files about reservations.  Not for others. */
#ifndef SLURMCTLD_CORE_RESV_I_H
#define SLURMCTLD_CORE_RESV_I_H

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"

/* A request about a reservation, applied to a copy of it. */
struct change {
	struct core *c;
	const struct event *ev;
	const struct update_resv_msg *m;
	struct resv *r;                 /* the copy */
	const struct resv *old;         /* NULL: to be created */
	uint32_t node_cnt;              /* NO_VAL: not asked for */
	uint32_t core_cnt;              /* the same; of all nodes together */
	uint32_t per_node;              /* cores of each node at least */
	const uint32_t *core_each;      /* cores of each node named, in order, or NULL */
	uint32_t each_count;
	uint64_t flags;
	struct err_text *why;
	struct effects *out;
};

struct resv *resv_copy(const struct resv *o);
/* The record gives way to its changed copy. */
void resv_put_in_place(struct core *c, struct resv *old, struct resv *r);

/* resv_names.c: who may use it. */
enum err resv_change_people(struct change *k);

/* resv_nodes.c: nodes of the request; and so many more whole nodes. */
enum err resv_first_nodes(struct change *k);
enum err resv_change_nodes(struct change *k);
enum err resv_pick_more(struct change *k, uint32_t want);
enum err resv_pick_partition(struct change *k, const struct part **p);
void resv_nodes_named(struct resv *r, const struct core *c, struct arena *mem);
/* Do the two meet in time? */
bool resv_meets(const struct change *k, const struct resv *o);
struct feat_expr;
enum err resv_features(struct change *k, struct feat_expr *f);
/* Nodes are looked for in so many ways, one after the other. */
enum resv_try_kind {
	RESV_TRY_EMPTY, RESV_TRY_NOT_RESERVED, RESV_TRY_OVERLAP, RESV_TRY_UP, RESV_TRY_ANY,
	RESV_TRIES
};
/* Nodes that may be taken, and what of their cores not; both in mem of the
 * effects. */
struct resv_try {
	struct bitset *nodes;
	struct bitset **taken;          /* per node; by_core only */
};
/* False: not in this way. */
bool resv_try_make(struct change *k, const struct bitset *from, enum resv_try_kind n,
		   bool by_core, bool ignore_jobs, struct resv_try *t);

/* resv_cores.c: k->core_cnt cores of the named nodes, or of any but those. */
enum err resv_pick_cores(struct change *k, struct bitset *named, const struct bitset *but);
void resv_cores_free(struct resv *r);
void resv_cores_copy(struct resv *to, const struct resv *from);

#endif
