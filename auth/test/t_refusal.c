/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/refusal.h"
#include "wire/base/tap.h"

static unsigned ask(struct refusal_limit *l, uint64_t key, int64_t now, unsigned times,
		    uint32_t *left_out)
{
	unsigned n = 0;
	uint32_t out;

	*left_out = 0;
	while (times--)
		if (refusal_take(l, key, now, &out)) {
			n++;
			*left_out += out;
		}
	return n;
}

int main(void)
{
	static struct refusal_limit l;
	unsigned written = 0;
	uint32_t out;

	ok(ask(&l, 1, 100, 1000, &out) == REFUSAL_BURST && !out, "a storm has its burst");
	ok(ask(&l, 2, 100, 5, &out) == 5 && !out, "another sort has its own");
	ok(ask(&l, 1, 101, 10, &out) == 1, "then one a second");
	ok(out == 1000 - REFUSAL_BURST, "which says how many were left out");
	ok(ask(&l, 1, 101 + REFUSAL_BURST, 1000, &out) == REFUSAL_BURST && out == 9,
	   "after a pause there is a burst again");
	for (uint64_t key = 10; key < 10 + 3 * REFUSAL_SORTS; key++)
		written += ask(&l, key, 200, 2, &out);
	ok(written == 2 * 3 * REFUSAL_SORTS, "many sorts at a time");
	ok(ask(&l, 10 + 3 * REFUSAL_SORTS - 1, 200, REFUSAL_BURST, &out) == REFUSAL_BURST - 2,
	   "the latest sorts are kept");
	ok(ask(&l, 1, 200, 1000, &out) == REFUSAL_BURST && !out, "an old one begins anew");
	return tap_done();
}
