/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of forwarding trees.  Pure. */
#include "slurmctld/agent.h"

uint32_t agent_tree_split(uint32_t count, uint32_t width, uint32_t *start)
{
	uint32_t branches = count < width ? count : width, at = 0;

	if (!width)
		branches = count ? 1 : 0;
	for (uint32_t i = 0; i < branches; i++) {
		start[i] = at;
		at += count / branches + (i < count % branches);
	}
	start[branches] = count;
	return branches;
}

uint32_t agent_tree_depth(uint32_t count, uint32_t width)
{
	uint32_t depth = 0;
	uint64_t level = 1, reach = 0;

	while (reach < count) {
		level *= width ? width : 1;
		reach += level;
		depth++;
	}
	return depth;
}
