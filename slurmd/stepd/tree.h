/* SPDX-License-Identifier: Apache-2.0
 *
 * The tree by which the step daemons of a step report its end.  Every release
 * numbers it alike: ranks are depth first numbers of the full tree of width 7
 * that holds all nodes; those beyond the last node do not exist.  Pure. */
#ifndef STEPD_TREE_H
#define STEPD_TREE_H

#include <stdint.h>

#define TREE_WIDTH 7

struct tree_place {
	int32_t parent;         /* rank, or -1: slurmctld */
	uint32_t children;      /* descendants that exist: ranks rank+1 ... rank+children */
	uint32_t depth, max_depth;
};

void tree_place(uint32_t rank, uint32_t nodes, struct tree_place *out);

#endif
