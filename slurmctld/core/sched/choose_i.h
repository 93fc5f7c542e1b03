/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the ways to choose nodes: what one attempt has and still wants. */
#ifndef SLURMCTLD_CORE_SCHED_CHOOSE_I_H
#define SLURMCTLD_CORE_SCHED_CHOOSE_I_H

#include "conf/topo.h"
#include "slurmctld/core/sched/sched_i.h"

struct attempt {
	struct core *c;
	struct request *r;
	struct cand *cand;
	enum fit_view view;
	struct bitset *taken;
	uint32_t taken_count;
	uint32_t want_nodes;            /* tried with; r's, or fewer */
	int64_t rem_cpus, rem_max, rem_nodes, rem_min, nodes_left;
	uint64_t *gres_left;            /* of what the whole job asks for */
	struct bitset *give_up;         /* nodes to try without; NULL none in particular */
};

/* Take a node, or not (false). */
bool attempt_take(struct attempt *a, uint32_t i);
bool attempt_done(const struct attempt *a);
/* Weight of a node, higher for those that are off. */
uint64_t attempt_weight(const struct attempt *a, uint32_t i);
/* Are so many nodes and CPUs enough for what is left? */
bool attempt_enough(const struct attempt *a, uint64_t nodes, uint64_t cpus);
struct bitset *attempt_set(struct attempt *a);  /* empty, in scratch */

/* Nodes of a set by weight, in classes: those of the lower weights are all
 * taken before any of a higher one. */
struct by_weight {
	struct bitset *best;            /* classes looked at so far */
	struct bitset *lower;           /* all of them but the last; NULL one was enough */
	bool enough;                    /* they can do */
};
/* Required nodes, which are taken already, are not among them. */
void attempt_by_weight(struct attempt *a, const struct bitset *from, struct by_weight *w);
/* Take nodes of set in order; true: done. */
bool attempt_take_set(struct attempt *a, const struct bitset *set);

/* Required nodes are taken and more is wanted.  False: not like this; whether
 * what was taken is enough is for the caller to see. */
bool choose_tree(struct attempt *a, const struct topo *t);
bool choose_block(struct attempt *a, const struct topo *t);
/* Leaf switches with nodes of the set. */
uint32_t tree_leaves(const struct topo *t, const struct bitset *set);

#endif
