/* SPDX-License-Identifier: Apache-2.0
 *
 * Branches of the forwarding tree cover every node once; LZ4 blocks. */
#include <string.h>

#include "slurmd/core/lz4.h"
#include "slurmd/core/split.h"
#include "wire/base/tap.h"

static bool covers(uint32_t count, uint16_t width)
{
	uint32_t n = split_branches(count, width), next = 0, least = UINT32_MAX, most = 0;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t first, size;

		split_branch(count, n, k, &first, &size);
		if (first != next || !size)
			return false;
		next += size;
		least = size < least ? size : least;
		most = size > most ? size : most;
	}
	return next == count && most - least <= 1 && (width == SPLIT_NO_TREE || n <= width);
}

static void splitting(void)
{
	bool good = true;

	for (uint32_t count = 1; count < 300; count++)
		for (uint16_t width = 1; width < 60; width++)
			good &= covers(count, width);
	ok(good, "every node is in one branch, branches are even");
	ok(covers(1000, SPLIT_NO_TREE) && split_branches(1000, SPLIT_NO_TREE) == 1000,
	   "no tree: one branch a node");
	ok(split_branches(100, 0) == 50, "no width: 50");
	ok(split_depth(0, 2) == 0 && split_depth(2, 2) == 1 && split_depth(3, 2) == 2 &&
	   split_depth(6, 2) == 2 && split_depth(7, 2) == 3, "depth");
	ok(split_depth(5, 1) == 5, "a chain");
}

static void unpacking(void)
{
	/* "abcabcabcabcX": literals abc, copy 9 from 3 back, literal X */
	static const uint8_t block[] = { 0x35, 'a', 'b', 'c', 3, 0, 0x10, 'X' };
	/* 20 literals: length 15 + 5 */
	static const uint8_t lits[] = { 0xf0, 5, '0', '1', '2', '3', '4', '5', '6', '7', '8',
					'9', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' };
	static const uint8_t far[] = { 0x10, 'a', 9, 0, 0x00 };
	uint8_t out[64];

	ok(lz4_unpack(block, sizeof block, out, sizeof out) == 13 &&
	   !memcmp(out, "abcabcabcabcX", 13), "a block with an overlapping copy");
	ok(lz4_unpack(lits, sizeof lits, out, sizeof out) == 20 &&
	   !memcmp(out, "01234567890123456789", 20), "long literals");
	ok(lz4_unpack(block, sizeof block, out, 12) == -1, "does not fit");
	ok(lz4_unpack(far, sizeof far, out, sizeof out) == -1, "a copy from before the start");
	for (size_t n = 0; n < sizeof block - 2; n++)
		if (n != 4 && lz4_unpack(block, n, out, sizeof out) != -1)
			ok(false, "truncated at %zu", n);
	ok(lz4_unpack(block, 0, out, sizeof out) == -1, "an empty block");
}

int main(void)
{
	splitting();
	unpacking();
	return tap_done();
}
