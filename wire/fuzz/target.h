/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done with any bytes, by the fuzzer and by the mutation test: they are
 * taken for a frame, and for the body of any message in any release.  Whatever
 * decodes must say the same after it was packed and decoded again, and must
 * not have cost more memory than its length allows. */
#ifndef WIRE_FUZZ_TARGET_H
#define WIRE_FUZZ_TARGET_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/frame.h"

/* No element of any list is more than this many times larger in memory than on
 * the wire; the rest is blocks of arenas and structures. */
#define TARGET_GROWTH   400
#define TARGET_CONSTANT ((size_t)1 << 20)

/* What a run came to. */
struct target_count {
	unsigned long tried, parsed, decoded;
};

static inline size_t target_arena_size(const struct arena *a)
{
	size_t n = 0;

	for (; a; a = a->next)
		n += a->cap;
	return n;
}

static inline void target_fail(const char *what, const char *message, int release)
{
	fprintf(stderr, "%s: %s in release %d\n", what, message, release);
	abort();
}

/* The body of f in its release. */
static inline bool target_body(const struct wire_frame *f)
{
	struct arena mem = {0}, copy_mem = {0};
	struct wire_out first = {0}, second = {0};
	struct wire_in in;
	enum wire_version v = f->header.version;
	const struct wire_type *t = NULL;
	void *body = NULL, *again, *copy;
	bool good = wire_body_unpack(f, &mem, &t, &body) == E_OK;

	if (target_arena_size(&mem) > TARGET_CONSTANT + TARGET_GROWTH * (size_t)f->body.len)
		target_fail("too much memory", wire_type_name(f->header.type), v);
	if (good && body) {
		/* Some wire forms are not canonical (a NULL list sent as an empty one), so
		 * what is compared is the second packing with the first. */
		wire_pack(&first, t->body, body, v);
		if (first.failed)
			target_fail("does not pack", t->name, v);
		again = arena_zalloc(&mem, t->body->size);
		wire_put(&first, 0, 1);                 /* never an empty buffer */
		first.len--;
		in = (struct wire_in){ first.base, first.base + first.len, &mem, false, false };
		wire_unpack(&in, t->body, again, v);
		if (in.failed || in.p != in.end)
			target_fail("does not unpack again", t->name, v);
		copy = arena_zalloc(&copy_mem, t->body->size);
		wire_copy(t->body, copy, again, &copy_mem);
		wire_pack(&second, t->body, copy, v);
		if (second.len != first.len ||
		    (first.len && memcmp(first.base, second.base, first.len) != 0))
			target_fail("packs differently", t->name, v);
	}
	wire_out_fini(&first);
	wire_out_fini(&second);
	arena_fini(&copy_mem);
	arena_fini(&mem);
	return good;
}

static inline void target_frame(const uint8_t *p, size_t n, struct target_count *c)
{
	struct arena mem = {0};
	struct wire_frame f;

	c->tried++;
	if (wire_frame_parse(p, n, &mem, &f) == E_OK) {
		c->parsed++;
		c->decoded += target_body(&f);
	}
	if (target_arena_size(&mem) > TARGET_CONSTANT + TARGET_GROWTH * n)
		target_fail("too much memory", "a header", 0);
	arena_fini(&mem);
}

/* One byte release, two bytes type, body. */
static inline void target_message(const uint8_t *p, size_t n, struct target_count *c)
{
	struct wire_frame f = {0};

	c->tried++;
	if (n < 3)
		return;
	f.header.version = (enum wire_version)(p[0] % WIRE_VERSION_COUNT);
	f.header.type = wire_types[(p[1] << 8 | p[2]) % wire_type_count].number;
	f.body = (struct wire_mem){ p + 3, (uint32_t)(n - 3) };
	f.header.body_len = f.body.len;
	c->parsed++;
	c->decoded += target_body(&f);
}

#endif
