/* SPDX-License-Identifier: Apache-2.0
 *
 * Message structures in memory: compare, print, fill and copy any of them
 * from its rows.  No bytes of the wire here. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/bitset.h"
#include "wire/base/mem.h"
#include "wire/codec_i.h"
#include "wire/consts.h"

static bool equal_value(unsigned codec, const void *p, const void *q, unsigned size)
{
	switch (codec) {
	case C_str:
		return streq(*(const char *const *)p, *(const char *const *)q);
	case C_mem:
	case C_rest: {
		const struct wire_mem *a = p, *b = q;

		return a->len == b->len && (!a->len || !memcmp(a->p, b->p, a->len));
	}
	case C_bits: {
		const struct bitset *a = *(struct bitset *const *)p;
		const struct bitset *b = *(struct bitset *const *)q;

		return a == b || (a && b && bitset_equal(a, b));
	}
	case C_addr: {
		const struct wire_addr *a = p, *b = q;
		size_t n = a->family == FAMILY_IP4 ? 4 : 16;

		return a->family == b->family && (a->family == FAMILY_NONE ||
		       (a->port == b->port && !memcmp(a->ip, b->ip, n)));
	}
	case C_f64:
	case C_f32:
		return !memcmp(p, q, sizeof(double));
	case C_ld:
		return *(const long double *)p == *(const long double *)q;
	default:
		return wire_load(p, size) == wire_load(q, size);
	}
}

/* ---- compare ----------------------------------------------------------- */

static bool equal_elements(const struct wire_field *f, const void *a, const void *b,
			   enum wire_version v)
{
	const char *p = *(char *const *)((const char *)a + f->off);
	const char *q = *(char *const *)((const char *)b + f->off);
	uint32_t n = codec_count_of(f, a);

	if (n != codec_count_of(f, b))
		return false;
	if ((f->codec == C_list || f->codec == C_nlist) && !p != !q)
		return false;
	if (!p || !q)
		return !n || !p == !q;
	for (uint32_t k = 0; k < n; k++) {
		if (f->sub) {
			if (!codec_hidden(f, a, k) &&
			    !wire_equal(f->sub, p + k * f->sub->size,
					q + k * f->sub->size, v))
				return false;
		} else if (!equal_value(f->elem, p + k * codec_host_width[f->elem],
					q + k * codec_host_width[f->elem],
					codec_host_width[f->elem])) {
			return false;
		}
	}
	return true;
}

bool wire_equal(const struct wire_desc *d, const void *a, const void *b,
		enum wire_version v)
{
	const struct wire_field *end;

	for (const struct wire_field *f = codec_rows(d, v, &end); f < end; f++) {
		const char *p = (const char *)a + f->off, *q = (const char *)b + f->off;

		if (f->gap || !codec_present(f, a, v))
			continue;
		if (f->codec == C_nest || f->codec == C_verbatim) {
			if (!wire_equal(f->sub, p, q, codec_part_version(f, a, v, NULL)))
				return false;
		} else if (f->codec >= C_list) {
			if (!equal_elements(f, a, b, v))
				return false;
		} else if (!equal_value(f->codec, p, q, f->size)) {
			return false;
		}
	}
	return true;
}

/* ---- print ------------------------------------------------------------- */

static void print_value(FILE *out, unsigned codec, const void *p, unsigned size)
{
	switch (codec) {
	case C_str: {
		const char *s = *(const char *const *)p;

		fprintf(out, s ? "\"%s\"" : "null", s);
		break;
	}
	case C_mem:
	case C_rest: {
		const struct wire_mem *m = p;

		fprintf(out, "<%u bytes>", m->len);
		break;
	}
	case C_bits: {
		const struct bitset *b = *(struct bitset *const *)p;
		char *s = b ? bitset_to_ranges(b) : NULL;

		if (b)
			fprintf(out, "{%s}/%u", s, b->bits);
		else
			fputs("null", out);
		free(s);
		break;
	}
	case C_addr: {
		const struct wire_addr *a = p;

		if (a->family == FAMILY_IP4)
			fprintf(out, "%u.%u.%u.%u:%u", a->ip[0], a->ip[1], a->ip[2],
				a->ip[3], a->port);
		else
			fprintf(out, "family %u port %u", a->family, a->port);
		break;
	}
	case C_f64:
	case C_f32:
		fprintf(out, "%g", *(const double *)p);
		break;
	case C_ld:
		fprintf(out, "%Lf", *(const long double *)p);
		break;
	default:
		fprintf(out, "%" PRIu64, wire_load(p, size));
	}
}

static void print_elements(FILE *out, const struct wire_field *f, const void *msg,
			   enum wire_version v, int depth)
{
	const char *e = *(char *const *)((const char *)msg + f->off);
	uint32_t n = e ? codec_count_of(f, msg) : 0;

	fprintf(out, e ? "[%u]" : "null", n);
	if (!f->sub) {
		for (uint32_t k = 0; k < n; k++) {
			fputc(' ', out);
			print_value(out, f->elem, e + k * codec_host_width[f->elem],
				    codec_host_width[f->elem]);
		}
		fputc('\n', out);
		return;
	}
	fputc('\n', out);
	for (uint32_t k = 0; k < n; k++) {
		if (codec_hidden(f, msg, k))
			continue;
		fprintf(out, "%*s- #%u\n", depth * 2, "", k);
		wire_print(out, f->sub, e + k * f->sub->size, v, depth + 1);
	}
}

void wire_print(FILE *out, const struct wire_desc *d, const void *msg,
		enum wire_version v, int depth)
{
	const struct wire_field *end;

	for (const struct wire_field *f = codec_rows(d, v, &end); f < end; f++) {
		const char *p = (const char *)msg + f->off;

		if (f->gap || !codec_present(f, msg, v))
			continue;
		fprintf(out, "%*s%s: ", depth * 2, "", f->name);
		if (f->codec == C_nest || f->codec == C_verbatim) {
			fputc('\n', out);
			wire_print(out, f->sub, p, codec_part_version(f, msg, v, NULL), depth + 1);
		} else if (f->codec >= C_list) {
			print_elements(out, f, msg, v, depth + 1);
		} else {
			print_value(out, f->codec, p, f->size);
			fputc('\n', out);
		}
	}
}

/* ---- fill -------------------------------------------------------------- */

static uint64_t next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

static void fill_value(unsigned codec, void *p, unsigned size, struct arena *mem,
		       uint64_t *seed)
{
	switch (codec) {
	case C_str: {
		size_t n = next(seed) % 24;
		char *s;

		if (next(seed) % 3 == 0)
			break;
		s = arena_alloc(mem, n + 1);
		for (size_t k = 0; k < n; k++)
			s[k] = (char)(1 + next(seed) % 255);
		s[n] = '\0';
		*(const char **)p = s;
		break;
	}
	case C_mem:
	case C_rest: {
		struct wire_mem *m = p;
		uint8_t *b;

		m->len = (uint32_t)(next(seed) % 20);
		b = arena_alloc(mem, m->len + 1);
		for (uint32_t k = 0; k < m->len; k++)
			b[k] = (uint8_t)next(seed);
		m->p = m->len ? b : NULL;
		break;
	}
	case C_bits: {
		uint32_t bits = (uint32_t)(1 + next(seed) % 200);
		struct bitset *b;

		if (next(seed) % 4 == 0)
			break;
		b = arena_alloc(mem, bitset_sizeof(bits));
		bitset_init(b, bits);
		for (uint32_t k = 0; k < bits; k++)
			if (next(seed) & 1)
				bitset_set(b, k);
		*(struct bitset **)p = b;
		break;
	}
	case C_addr: {
		static const uint16_t families[] = { FAMILY_NONE, FAMILY_IP4, FAMILY_IP6 };
		struct wire_addr *a = p;

		a->family = families[next(seed) % 3];
		a->port = (uint16_t)next(seed);
		for (int k = 0; k < 16; k++)
			a->ip[k] = (uint8_t)next(seed);
		break;
	}
	case C_f64:
	case C_f32:     /* few enough bits to survive the scaling and a float */
		*(double *)p = (double)(next(seed) % 16) / 4;
		break;
	case C_ld:
		*(long double *)p = (long double)(next(seed) % 1000) / 8;
		break;
	case C_flag:
		wire_store(p, size, next(seed) & 1);
		break;
	default:
		if (codec_wire_width[codec] < size)   /* not more than the wire carries */
			wire_store(p, size, next(seed) >> (64 - 8 * codec_wire_width[codec]));
		else
			wire_store(p, size, next(seed));
	}
}

static void fill_elements(const struct wire_field *f, void *msg, struct arena *mem,
			  uint64_t *seed, int depth, uint32_t n)
{
	size_t host = f->sub ? f->sub->size : codec_host_width[f->elem];
	char *e = arena_zalloc(mem, n * host + 1);

	*(char **)((char *)msg + f->off) = e;
	wire_store((char *)msg + f->count_off, f->count_size, n);
	for (uint32_t k = 0; k < n; k++, e += host) {
		if (f->sub)
			wire_fill(f->sub, e, mem, seed, depth - 1);
		else
			fill_value(f->elem, e, (unsigned)host, mem, seed);
	}
}

static void fill_row(const struct wire_field *f, void *msg, struct arena *mem,
		     uint64_t *seed, int depth, uint32_t repeats)
{
	char *p = (char *)msg + f->off;
	uint32_t n = depth > 0 || !f->sub ? (uint32_t)(next(seed) % 4) : 0;

	switch (f->codec) {
	case C_nest:
	case C_verbatim:
		wire_fill(f->sub, p, mem, seed, depth);
		break;
	case C_list:
	case C_nlist:
		if (next(seed) % 4)
			fill_elements(f, msg, mem, seed, depth, n);
		break;
	case C_array:
	case C_list16:
		if (n)
			fill_elements(f, msg, mem, seed, depth, n);
		break;
	case C_rep:
	case C_items:
		fill_elements(f, msg, mem, seed, depth, repeats);
		break;
	default:
		fill_value(f->codec, p, f->size, mem, seed);
	}
}

void wire_fill(const struct wire_desc *d, void *msg, struct arena *mem, uint64_t *seed,
	       int depth)
{
	/* One number for all repetitions: several may share a count. */
	uint32_t repeats = depth > 0 ? (uint32_t)(next(seed) % 3) : 0;

	wire_init(d, msg);
	/* Repetitions last, so that their counts are not overwritten. */
	for (int pass = 0; pass < 2; pass++)
		for (const struct wire_field *f = d->field; f < d->field + d->count; f++) {
			bool rep = f->codec == C_rep || f->codec == C_items;

			if (f->gap || f->part || f->codec == C_layout || rep != (pass == 1))
				continue;
			fill_row(f, msg, mem, seed, depth, repeats);
		}
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++) {
		char *p = (char *)msg + f->off;

		/* A part's own version: none, so the message's. */
		if (f->at_off)
			wire_store((char *)msg + f->at_off - 1, 2, 0);
		/* Not more than the narrowest release carries. */
		if (f->part && f->codec <= C_time && codec_wire_width[f->codec] < f->size)
			wire_store(p, f->size, wire_load(p, f->size) &
				   ((UINT64_C(1) << 8 * codec_wire_width[f->codec]) - 1));
		/* Choices: make each alternative likely. */
		if (f->cond[0].op == COND_EQ && next(seed) & 1)
			wire_store((char *)msg + f->cond[0].off, f->cond[0].size,
				   f->cond[0].value);
		if (f->cond[0].op == COND_ONE_OF && next(seed) & 1)
			wire_store((char *)msg + f->cond[0].off, f->cond[0].size,
				   (uint64_t)__builtin_ctz(f->cond[0].value));
	}
}

/* ---- copy -------------------------------------------------------------- */

static void copy_value(unsigned codec, void *to, const void *from, struct arena *mem)
{
	memcpy(to, from, codec_host_width[codec]);
	if (codec == C_str) {
		*(char **)to = arena_strdup(mem, *(const char *const *)from);
	} else if (codec == C_mem || codec == C_rest) {
		struct wire_mem *m = to;

		if (m->len)
			m->p = memcpy(arena_alloc(mem, m->len), m->p, m->len);
	} else if (codec == C_bits && *(struct bitset **)to) {
		const struct bitset *b = *(struct bitset *const *)from;

		*(struct bitset **)to = memcpy(arena_alloc(mem, bitset_sizeof(b->bits)), b,
					       bitset_sizeof(b->bits));
	}
}

static void copy_elements(const struct wire_field *f, void *to, const void *from,
			  struct arena *mem)
{
	const char *e = *(char *const *)((const char *)from + f->off);
	size_t host = f->sub ? f->sub->size : codec_host_width[f->elem];
	uint32_t n = codec_count_of(f, from);
	char *c;

	if (!e || n == NO_VAL)
		return;
	c = arena_zalloc(mem, n * host + 1);
	*(char **)((char *)to + f->off) = c;
	for (uint32_t k = 0; k < n; k++) {
		if (f->sub)
			wire_copy(f->sub, c + k * host, e + k * host, mem);
		else
			copy_value(f->elem, c + k * host, e + k * host, mem);
	}
}

void wire_copy(const struct wire_desc *d, void *to, const void *from, struct arena *mem)
{
	if (to != from)
		memcpy(to, from, d->size);
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++) {
		char *t = (char *)to + f->off;
		const char *s = (const char *)from + f->off;

		if (f->gap || f->part || f->codec == C_layout)
			continue;
		if (f->codec == C_verbatim)
			copy_value(C_mem, (char *)to + f->count_off,
				   (const char *)from + f->count_off, mem);
		if (f->codec == C_nest || f->codec == C_verbatim)
			wire_copy(f->sub, t, s, mem);
		else if (f->codec >= C_list)
			copy_elements(f, to, from, mem);
		else if (f->codec == C_str || f->codec == C_mem || f->codec == C_rest ||
			 f->codec == C_bits)
			copy_value(f->codec, t, s, mem);
	}
}
