/* SPDX-License-Identifier: Apache-2.0
 *
 * The codec: pack, unpack, initialise, compare, print and fill any message
 * from its table of rows (wire/proto).  Nothing else in the project
 * touches message bytes.
 *
 * Decoding borrows: strings and opaque bytes point into the input, everything
 * else lives in the arena.  Counts and lengths are checked against the bytes
 * left before anything is allocated.  Readers and writers keep a sticky
 * failure flag: run straight through, check once. */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "wire/base/bitset.h"
#include "wire/base/mem.h"
#include "wire/version.h"

enum wire_codec {
	C_u8, C_u16, C_u32, C_u64, C_time, C_flag, C_f64, C_f32, C_ld, C_str, C_mem, C_bits,
	C_addr, C_rest,
	/* kinds of rows that hold others: */
	C_nest, C_verbatim, C_list, C_list16, C_array, C_nlist, C_rep, C_items, C_layout
};

/* Opaque bytes; borrowed.  {NULL, 0} when absent. */
struct wire_mem {
	const uint8_t *p;
	uint32_t len;
};

/* Socket address as messages carry it. */
struct wire_addr {
	uint16_t family;        /* 0 none, 2 IPv4, 10 IPv6: the wire's numbers */
	uint16_t port;          /* host order */
	uint8_t ip[16];         /* network order; IPv4 in the first four bytes */
};

enum wire_cond_op { COND_NONE, COND_SET, COND_UNSET, COND_VAL, COND_BELOW, COND_EQ,
		    COND_ONE_OF };
struct wire_cond {
	uint16_t off;
	uint8_t size;           /* of the member, in bytes */
	uint8_t op;             /* enum wire_cond_op */
	uint32_t value;         /* for COND_EQ; COND_ONE_OF: a bit per value below 32 */
};

struct wire_desc;
struct wire_field {
	uint16_t off;           /* of the member */
	uint16_t count_off;     /* of its count; C_verbatim: of the raw bytes */
	uint16_t size;          /* of the member */
	uint16_t at_off;        /* 1 + offset of the u16 version of this part, or 0 */
	uint16_t hidden_off;    /* 1 + offset of the bits that hide records, or 0 */
	uint16_t bare_off;      /* TEXT: 1 + offset of the bool "came without its NUL", or 0 */
	uint8_t count_size;
	uint8_t codec, elem;    /* enum wire_codec; of array elements */
	bool gap;               /* constant on write, skipped on read */
	bool refuse;            /* as gap, but any other value fails the reading */
	bool part;              /* the member is declared by another row */
	struct wire_cond cond[2];
	uint64_t when;          /* bit per version */
	uint64_t dflt;          /* value when absent from the wire */
	const struct wire_desc *sub;
	const char *name;
};
struct wire_desc {
	const char *name;
	const struct wire_field *field;
	uint16_t count;
	uint32_t size;
};

/* Output grows on the heap; wire_out_fini frees.  tokens: what VERBATIM rows
 * hold travels inside a token (auth/slurm), and only the token is on the wire. */
struct wire_out {
	uint8_t *base;
	size_t len, cap;
	bool failed, tokens;
};
struct wire_in {
	const uint8_t *p, *end;
	struct arena *mem;
	bool failed, tokens;
};

/* Everything absent: zero, NULL, or the row's default. */
void wire_init(const struct wire_desc *d, void *msg);
void wire_pack(struct wire_out *o, const struct wire_desc *d, const void *msg,
	       enum wire_version v);
/* Only what precedes the first repeated records; the caller appends those,
 * packed before. */
void wire_pack_head(struct wire_out *o, const struct wire_desc *d, const void *msg,
		    enum wire_version v);
/* msg is initialised first.  On failure i->failed is set and *msg holds what
 * was read so far (never garbage). */
void wire_unpack(struct wire_in *i, const struct wire_desc *d, void *msg,
		 enum wire_version v);
/* Compares what version v carries. */
bool wire_equal(const struct wire_desc *d, const void *a, const void *b,
		enum wire_version v);
/* One "name: value" line a member that version v carries. */
void wire_print(FILE *f, const struct wire_desc *d, const void *msg,
		enum wire_version v, int depth);
/* Deterministic pseudo-random content, for tests. */
void wire_fill(const struct wire_desc *d, void *msg, struct arena *mem, uint64_t *seed,
	       int depth);
/* Deep copy of a message into mem: nothing in *to points outside mem and
 * static storage.  (All versions' members are copied.) */
void wire_copy(const struct wire_desc *d, void *to, const void *from, struct arena *mem);

/* Primitives, for the header (frame.c) and step I/O. */
void wire_put(struct wire_out *o, uint64_t value, unsigned bytes);
void wire_put_bytes(struct wire_out *o, const void *p, size_t n);
void wire_put_str(struct wire_out *o, const char *s);
void wire_put_addr(struct wire_out *o, const struct wire_addr *a);
uint64_t wire_get(struct wire_in *i, unsigned bytes);
const uint8_t *wire_get_bytes(struct wire_in *i, size_t n);     /* borrowed; NULL on failure */
const char *wire_get_str(struct wire_in *i);                    /* borrowed; may be NULL */
void wire_get_addr(struct wire_in *i, struct wire_addr *a);
void wire_out_fini(struct wire_out *o);

/* Read or write a scalar member of 1, 2, 4 or 8 bytes. */
uint64_t wire_load(const void *p, unsigned size);
void wire_store(void *p, unsigned size, uint64_t v);

#endif
