/* SPDX-License-Identifier: Apache-2.0
 *
 * Fixed-size set of small numbers: nodes, cores, array tasks. */
#ifndef WIRE_BASE_BITSET_H
#define WIRE_BASE_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bitset {
	uint32_t bits;          /* size of the universe, not the count of ones */
	uint64_t word[];
};

struct bitset *bitset_new(uint32_t bits);               /* all clear */
struct bitset *bitset_dup(const struct bitset *b);      /* NULL gives NULL */
/* bitset_free(NULL) is a no-op. */
void bitset_free(struct bitset *b);
size_t bitset_sizeof(uint32_t bits);    /* bytes, for arena placement */
void bitset_init(struct bitset *b, uint32_t bits);      /* caller's storage */

static inline bool bitset_test(const struct bitset *b, uint32_t i)
{
	return i < b->bits && b->word[i / 64] >> (i % 64) & 1;
}
static inline void bitset_set(struct bitset *b, uint32_t i)
{
	if (i < b->bits)
		b->word[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline void bitset_clear(struct bitset *b, uint32_t i)
{
	if (i < b->bits)
		b->word[i / 64] &= ~(UINT64_C(1) << (i % 64));
}
void bitset_set_range(struct bitset *b, uint32_t first, uint32_t last); /* inclusive */
void bitset_clear_all(struct bitset *b);
void bitset_set_all(struct bitset *b);
/* Operands of one size; dst is the left operand. */
void bitset_and(struct bitset *dst, const struct bitset *b);
void bitset_or(struct bitset *dst, const struct bitset *b);
void bitset_and_not(struct bitset *dst, const struct bitset *b);
void bitset_copy(struct bitset *dst, const struct bitset *b);
bool bitset_equal(const struct bitset *a, const struct bitset *b);
bool bitset_overlap(const struct bitset *a, const struct bitset *b);
bool bitset_subset(const struct bitset *small, const struct bitset *big);
uint32_t bitset_count(const struct bitset *b);
uint32_t bitset_count_and(const struct bitset *a, const struct bitset *b);
/* Lowest member at or after i, or UINT32_MAX. */
uint32_t bitset_next(const struct bitset *b, uint32_t i);
uint32_t bitset_last(const struct bitset *b);           /* UINT32_MAX if empty */
#define bitset_foreach(i, b) \
	for (uint32_t i = bitset_next((b), 0); i != UINT32_MAX; i = bitset_next((b), i + 1))

/* "0-3,7": heap string, caller frees; "" for the empty set. */
char *bitset_to_ranges(const struct bitset *b);
/* False (and *b unchanged in part) on bad syntax or a number out of range. */
bool bitset_from_ranges(struct bitset *b, const char *text);

#endif
