/* SPDX-License-Identifier: Apache-2.0
 *
 * Fixed-size bit sets.  Bits past the size are kept clear, so that whole words
 * can be compared and counted. */
#include "wire/base/bitset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/mem.h"
#include "wire/base/strbuf.h"

static uint32_t words(uint32_t bits)
{
	return (uint32_t)(((uint64_t)bits + 63) / 64);
}

size_t bitset_sizeof(uint32_t bits)
{
	return sizeof(struct bitset) + words(bits) * sizeof(uint64_t);
}

void bitset_init(struct bitset *b, uint32_t bits)
{
	memset(b, 0, bitset_sizeof(bits));
	b->bits = bits;
}

struct bitset *bitset_new(uint32_t bits)
{
	struct bitset *b = mem_alloc(bitset_sizeof(bits));

	bitset_init(b, bits);
	return b;
}

struct bitset *bitset_dup(const struct bitset *b)
{
	struct bitset *d;

	if (!b)
		return NULL;
	d = mem_alloc(bitset_sizeof(b->bits));
	memcpy(d, b, bitset_sizeof(b->bits));
	return d;
}

void bitset_free(struct bitset *b)
{
	free(b);
}

void bitset_set_range(struct bitset *b, uint32_t first, uint32_t last)
{
	for (uint32_t i = first; i <= last && i < b->bits; i++)
		bitset_set(b, i);
}

void bitset_clear_all(struct bitset *b)
{
	memset(b->word, 0, words(b->bits) * sizeof(uint64_t));
}

void bitset_set_all(struct bitset *b)
{
	if (!b->bits)
		return;
	memset(b->word, 0xff, words(b->bits) * sizeof(uint64_t));
	if (b->bits % 64)
		b->word[b->bits / 64] = (UINT64_C(1) << (b->bits % 64)) - 1;
}

#define COMBINE(name, op) \
void name(struct bitset *dst, const struct bitset *b) \
{ \
	assert(dst->bits == b->bits); \
	for (uint32_t i = 0; i < words(dst->bits); i++) \
		dst->word[i] op b->word[i]; \
}
COMBINE(bitset_and, &=)
COMBINE(bitset_or, |=)
COMBINE(bitset_and_not, &= ~)
COMBINE(bitset_copy, =)

bool bitset_equal(const struct bitset *a, const struct bitset *b)
{
	return a->bits == b->bits &&
	       !memcmp(a->word, b->word, words(a->bits) * sizeof(uint64_t));
}

bool bitset_overlap(const struct bitset *a, const struct bitset *b)
{
	assert(a->bits == b->bits);
	for (uint32_t i = 0; i < words(a->bits); i++)
		if (a->word[i] & b->word[i])
			return true;
	return false;
}

bool bitset_subset(const struct bitset *small, const struct bitset *big)
{
	assert(small->bits == big->bits);
	for (uint32_t i = 0; i < words(small->bits); i++)
		if (small->word[i] & ~big->word[i])
			return false;
	return true;
}

uint32_t bitset_count(const struct bitset *b)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < words(b->bits); i++)
		n += (uint32_t)__builtin_popcountll(b->word[i]);
	return n;
}

uint32_t bitset_count_and(const struct bitset *a, const struct bitset *b)
{
	uint32_t n = 0;

	assert(a->bits == b->bits);
	for (uint32_t i = 0; i < words(a->bits); i++)
		n += (uint32_t)__builtin_popcountll(a->word[i] & b->word[i]);
	return n;
}

uint32_t bitset_next(const struct bitset *b, uint32_t i)
{
	uint32_t w = i / 64;
	uint64_t v;

	if (i >= b->bits)
		return UINT32_MAX;
	v = b->word[w] >> (i % 64) << (i % 64);
	while (!v) {
		if (++w >= words(b->bits))
			return UINT32_MAX;
		v = b->word[w];
	}
	return w * 64 + (uint32_t)__builtin_ctzll(v);
}

uint32_t bitset_last(const struct bitset *b)
{
	for (uint32_t w = words(b->bits); w-- > 0;)
		if (b->word[w])
			return w * 64 + 63 -
			       (uint32_t)__builtin_clzll(b->word[w]);
	return UINT32_MAX;
}

char *bitset_to_ranges(const struct bitset *b)
{
	struct strbuf s = {0};

	for (uint32_t i = bitset_next(b, 0); i != UINT32_MAX;) {
		uint32_t e = i;

		while (bitset_test(b, e + 1))
			e++;
		strbuf_sep(&s, ",");
		if (e > i)
			strbuf_printf(&s, "%u-%u", i, e);
		else
			strbuf_printf(&s, "%u", i);
		i = bitset_next(b, e + 1);
	}
	return strbuf_take(&s);
}

static bool number(const char **p, uint32_t limit, uint32_t *out)
{
	uint64_t v = 0;
	const char *s = *p;

	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++)
		if ((v = v * 10 + (uint64_t)(*s - '0')) >= limit)
			return false;
	*p = s;
	*out = (uint32_t)v;
	return true;
}

bool bitset_from_ranges(struct bitset *b, const char *p)
{
	while (*p) {
		uint32_t first, last;

		if (!number(&p, b->bits, &first))
			return false;
		last = first;
		if (*p == '-' && (p++, !number(&p, b->bits, &last)))
			return false;
		if (last < first)
			return false;
		bitset_set_range(b, first, last);
		if (*p == ',')
			p++;
		else if (*p)
			return false;
	}
	return true;
}
