/* SPDX-License-Identifier: Apache-2.0
 *
 * Reverse tree: walk down from the root to the rank. */
#include "slurmd/stepd/tree.h"

void tree_place(uint32_t rank, uint32_t nodes, struct tree_place *out)
{
	uint64_t total = 1, power = 1, size;
	uint32_t at = 0, depth = 0, max_depth = 0;
	int32_t parent = -1;

	*out = (struct tree_place){ .parent = -1 };
	if (nodes < TREE_WIDTH || rank >= nodes)
		return;
	while (total < nodes) {
		power *= TREE_WIDTH;
		total += power;
		max_depth++;
	}
	/* size: descendants of "at", itself included for the root only. */
	size = total;
	while (at != rank) {
		uint64_t below = size / TREE_WIDTH - 1;
		uint64_t child = (rank - at - 1) / (below + 1);

		parent = (int32_t)at;
		at += 1 + (uint32_t)(child * (below + 1));
		size = below;
		depth++;
	}
	out->parent = parent;
	out->depth = depth;
	out->max_depth = max_depth;
	if (depth == 0)
		out->children = nodes - 1;
	else
		out->children = size < nodes - 1 - rank ? (uint32_t)size : nodes - 1 - rank;
}
