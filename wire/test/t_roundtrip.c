/* SPDX-License-Identifier: Apache-2.0
 *
 * Property test over every structure in every release: what is packed unpacks
 * to the same, and packs again to the same bytes; no truncation is accepted;
 * no flipped bit reads outside the message (run it under the sanitizers). */
#include <stdlib.h>
#include <string.h>

#include "wire/base/tap.h"
#include "wire/messages.h"

#define ROUNDS 6

static uint64_t seed = 42;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* A message that ends in "whatever is left" has no wrong length. */
static bool open_ended(const struct wire_desc *d)
{
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++)
		if (f->codec == C_rest)
			return true;
	return false;
}

/* Own heap copy of exactly n bytes, so that one byte too far is seen. */
static void *tight(const void *p, size_t n)
{
	void *c = malloc(n ? n : 1);

	if (n)
		memcpy(c, p, n);
	return c;
}

static bool truncations_fail(const struct wire_desc *d, const struct wire_out *o,
			     void *msg, enum wire_version v)
{
	size_t step = o->len > 400 ? o->len / 200 : 1;
	bool good = true;

	for (size_t cut = 0; cut < o->len; cut += step) {
		struct arena mem = {0};
		uint8_t *c = tight(o->base, cut);
		struct wire_in i = { c, c + cut, &mem, false, false };

		wire_unpack(&i, d, msg, v);
		if (!i.failed && i.p == i.end)
			good = false;
		free(c);
		arena_fini(&mem);
	}
	return good;
}

static void flips_live(const struct wire_desc *d, const struct wire_out *o, void *msg,
		       enum wire_version v)
{
	for (int k = 0; k < 40 && o->len; k++) {
		struct arena mem = {0};
		struct wire_out again = {0};
		uint8_t *c = tight(o->base, o->len);
		struct wire_in i = { c, c + o->len, &mem, false, false };

		c[next() % o->len] ^= (uint8_t)(1u << (next() % 8));
		wire_unpack(&i, d, msg, v);
		if (!i.failed)
			wire_pack(&again, d, msg, v);   /* what was accepted can be sent */
		wire_out_fini(&again);
		free(c);
		arena_fini(&mem);
	}
}

static bool round_trip(const struct wire_desc *d, enum wire_version v, bool deep)
{
	struct arena ma = {0}, mb = {0}, mc = {0};
	struct wire_out o = {0}, o2 = {0}, o3 = {0};
	void *a = malloc(d->size), *b = malloc(d->size), *c = malloc(d->size);
	struct wire_in i;
	bool good;

	wire_fill(d, a, &ma, &seed, 2);
	wire_pack(&o, d, a, v);
	i = (struct wire_in){ o.base, o.base + o.len, &mb, false, false };
	wire_unpack(&i, d, b, v);
	good = !i.failed && i.p == i.end && wire_equal(d, a, b, v);
	wire_pack(&o2, d, b, v);
	good = good && o.len == o2.len && (!o.len || !memcmp(o.base, o2.base, o.len));
	memset(c, 0xa5, d->size);
	wire_copy(d, c, a, &mc);
	wire_pack(&o3, d, c, v);
	good = good && o.len == o3.len && (!o.len || !memcmp(o.base, o3.base, o.len));
	if (deep && good) {
		good = open_ended(d) || truncations_fail(d, &o, b, v);
		flips_live(d, &o, b, v);
	}
	arena_fini(&ma);
	arena_fini(&mb);
	arena_fini(&mc);
	wire_out_fini(&o);
	wire_out_fini(&o2);
	wire_out_fini(&o3);
	free(a);
	free(b);
	free(c);
	return good;
}

/* A structure that holds its own kind would be as deep as its sender likes,
 * and reading it as deep a recursion. */
static bool holds(const struct wire_desc *d, const struct wire_desc *what, int depth)
{
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++)
		if (f->sub && (f->sub == what || depth > 20 || holds(f->sub, what, depth + 1)))
			return true;
	return false;
}

int main(void)
{
	for (size_t k = 0; k < wire_message_count; k++) {
		const struct wire_desc *d = wire_messages[k];
		bool good = true;
		enum wire_version bad = 0;

		if (holds(d, d, 0))
			ok(false, "%s does not hold another %s", d->name, d->name);

		for (enum wire_version v = 0; v < WIRE_LAYOUT_COUNT; v++)
			for (int r = 0; r < ROUNDS && good; r++)
				if (!round_trip(d, v, r < 1)) {
					good = false;
					bad = v;
				}
		ok(good, "%s in every release%s%s", d->name, good ? "" : ", fails at ",
		   good ? "" : wire_version_name(bad));
	}
	for (size_t k = 1; k < wire_type_count; k++)
		if (wire_types[k].number <= wire_types[k - 1].number)
			ok(false, "types ascend at %s", wire_types[k].name);
	ok(wire_type_find(REQUEST_PING, V22_05) != NULL, "types are found by number");
	return tap_done();
}
