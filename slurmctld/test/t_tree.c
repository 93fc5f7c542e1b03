/* SPDX-License-Identifier: Apache-2.0
 *
 * Shapes of forwarding trees. */
#include "slurmctld/agent.h"
#include "wire/base/tap.h"

static bool covers(uint32_t count, uint32_t width)
{
	uint32_t start[64], n = agent_tree_split(count, width, start);

	if (n != (count < width ? count : width))
		return false;
	for (uint32_t i = 0; i < n; i++)        /* no gap, no empty branch, even sizes */
		if (start[i + 1] <= start[i] || start[i + 1] - start[i] > count / n + 1)
			return false;
	return start[0] == 0 && start[n] == count;
}

int main(void)
{
	uint32_t start[8];

	for (uint32_t count = 1; count < 40; count++)
		for (uint32_t width = 1; width < 40; width++)
			if (!covers(count, width))
				ok(false, "%u hosts in %u branches", count, width);
	ok(true, "every host is in exactly one branch");
	ok(agent_tree_split(0, 16, start) == 0, "no hosts, no branches");
	ok(agent_tree_split(5, 2, start) == 2 && start[1] == 3, "five hosts by two: three and two");
	ok(agent_tree_split(7, 0, start) == 1 && start[1] == 7, "width nought is one branch");
	ok(agent_tree_depth(0, 16) == 0, "nobody to forward to");
	ok(agent_tree_depth(16, 16) == 1, "one level");
	ok(agent_tree_depth(17, 16) == 2, "two levels");
	ok(agent_tree_depth(16 + 256 + 1, 16) == 3, "three levels");
	ok(agent_tree_depth(5, 1) == 5, "a chain");
	return tap_done();
}
