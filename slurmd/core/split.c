/* SPDX-License-Identifier: Apache-2.0 */
#include "slurmd/core/split.h"

static uint32_t width_of(uint32_t count, uint16_t width)
{
	if (width == SPLIT_NO_TREE || width == UINT16_MAX)
		return count;
	return width ? width : 50;
}

uint32_t split_branches(uint32_t count, uint16_t width)
{
	uint32_t w = width_of(count, width);

	return count < w ? count : w;
}

void split_branch(uint32_t count, uint32_t branches, uint32_t k, uint32_t *first,
		  uint32_t *n)
{
	uint32_t size = count / branches, longer = count % branches;

	*n = size + (k < longer);
	*first = k * size + (k < longer ? k : longer);
}

uint16_t split_depth(uint32_t count, uint16_t width)
{
	uint16_t depth = 0;

	while (count) {
		uint32_t b = split_branches(count, width);

		depth++;
		count = (count + b - 1) / b - 1;        /* the longest branch, less its head */
	}
	return depth;
}
