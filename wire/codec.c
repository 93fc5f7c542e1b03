/* SPDX-License-Identifier: Apache-2.0
 *
 * Initialise, pack and unpack, each written once over descriptors (what else
 * can be done with a structure is in structure.c).
 *
 * Keeps: nothing is read outside [p, end); nothing is allocated before its
 * count was checked against the bytes left.  May not: know any message. */
#include "wire/codec_i.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/bitset.h"
#include "wire/base/mem.h"
#include "wire/consts.h"

/* Fewest bytes on the wire, and host size, of an element of each codec. */
const uint8_t codec_wire_width[] = {
	[C_u8] = 1, [C_u16] = 2, [C_u32] = 4, [C_u64] = 8, [C_time] = 8, [C_flag] = 1,
	[C_f64] = 8, [C_f32] = 4, [C_ld] = 4, [C_str] = 4, [C_mem] = 4, [C_bits] = 4,
	[C_addr] = 2, [C_rest] = 0, [C_list] = 4, [C_list16] = 2, [C_array] = 4, [C_nlist] = 4,
	[C_layout] = 0,
};
const uint8_t codec_host_width[] = {
	[C_u8] = 1, [C_u16] = 2, [C_u32] = 4, [C_u64] = 8, [C_time] = 8,
	[C_flag] = sizeof(bool), [C_f64] = sizeof(double), [C_f32] = sizeof(double),
	[C_ld] = sizeof(long double), [C_str] = sizeof(char *),
	[C_mem] = sizeof(struct wire_mem), [C_bits] = sizeof(struct bitset *),
	[C_addr] = sizeof(struct wire_addr), [C_rest] = sizeof(struct wire_mem), [C_layout] = 0,
};

/* ---- scalars: the only place that knows widths and byte order ---------- */

uint64_t wire_load(const void *p, unsigned size)
{
	switch (size) {
	case 1: return *(const uint8_t *)p;
	case 2: return *(const uint16_t *)p;
	case 4: return *(const uint32_t *)p;
	default: return *(const uint64_t *)p;
	}
}

void wire_store(void *p, unsigned size, uint64_t v)
{
	switch (size) {
	case 1: *(uint8_t *)p = (uint8_t)v; break;
	case 2: *(uint16_t *)p = (uint16_t)v; break;
	case 4: *(uint32_t *)p = (uint32_t)v; break;
	default: *(uint64_t *)p = v; break;
	}
}

static bool room(struct wire_out *o, size_t n)
{
	size_t cap = o->cap ? o->cap : 512;
	uint8_t *b;

	if (o->cap - o->len >= n)
		return true;
	if (o->failed)
		return false;
	while (cap - o->len < n)
		cap *= 2;
	b = realloc(o->base, cap);
	if (!b) {
		o->failed = true;
		return false;
	}
	o->base = b;
	o->cap = cap;
	return true;
}

void wire_put(struct wire_out *o, uint64_t v, unsigned n)
{
	if (!room(o, 8))
		return;
	for (unsigned k = 0; k < n; k++)
		o->base[o->len + k] = (uint8_t)(v >> (8 * (n - 1 - k)));
	o->len += n;
}

void wire_put_bytes(struct wire_out *o, const void *p, size_t n)
{
	if (n && room(o, n)) {
		memcpy(o->base + o->len, p, n);
		o->len += n;
	}
}

void wire_put_str(struct wire_out *o, const char *s)
{
	size_t n = s ? strlen(s) + 1 : 0;

	wire_put(o, n, 4);
	wire_put_bytes(o, s, n);
}

/* The IPv4 address and every port are stored byte-reversed (vector
 * REQUEST_LAUNCH_TASKS: 127.0.0.1:6817 is 01 00 00 7f a1 1a). */
void wire_put_addr(struct wire_out *o, const struct wire_addr *a)
{
	wire_put(o, a->family, 2);
	if (a->family == FAMILY_IP4) {
		for (int k = 3; k >= 0; k--)
			wire_put(o, a->ip[k], 1);
	} else if (a->family == FAMILY_IP6) {
		wire_put(o, 16, 4);
		wire_put_bytes(o, a->ip, 16);
	} else {
		return;
	}
	wire_put(o, (uint64_t)(a->port & 0xff) << 8 | a->port >> 8, 2);
}

void wire_out_fini(struct wire_out *o)
{
	free(o->base);
	*o = (struct wire_out){0};
}

static size_t left(const struct wire_in *i)
{
	return (size_t)(i->end - i->p);
}

uint64_t wire_get(struct wire_in *i, unsigned n)
{
	uint64_t v = 0;

	if (i->failed || left(i) < n) {
		i->failed = true;
		return 0;
	}
	for (unsigned k = 0; k < n; k++)
		v = v << 8 | *i->p++;
	return v;
}

const uint8_t *wire_get_bytes(struct wire_in *i, size_t n)
{
	const uint8_t *p = i->p;

	if (i->failed || left(i) < n) {
		i->failed = true;
		return NULL;
	}
	i->p += n;
	return p;
}

const char *wire_get_str(struct wire_in *i)
{
	uint32_t n = (uint32_t)wire_get(i, 4);
	const uint8_t *p;

	if (i->failed || !n)
		return NULL;
	p = wire_get_bytes(i, n);
	if (!p || p[n - 1] != '\0') {
		i->failed = true;
		return NULL;
	}
	return (const char *)p;
}

void wire_get_addr(struct wire_in *i, struct wire_addr *a)
{
	const uint8_t *p;
	uint64_t port;

	*a = (struct wire_addr){0};
	a->family = (uint16_t)wire_get(i, 2);
	if (a->family == FAMILY_IP4) {
		for (int k = 3; k >= 0; k--)
			a->ip[k] = (uint8_t)wire_get(i, 1);
	} else if (a->family == FAMILY_IP6) {
		if (wire_get(i, 4) != 16 || !(p = wire_get_bytes(i, 16))) {
			i->failed = true;
			return;
		}
		memcpy(a->ip, p, 16);
	} else {
		return;         /* nothing follows, whatever the number */
	}
	port = wire_get(i, 2);
	a->port = (uint16_t)((port & 0xff) << 8 | port >> 8);
}

/* ---- single values ----------------------------------------------------- */

static void put_bits(struct wire_out *o, const struct bitset *b)
{
	static const char digit[] = "0123456789ABCDEF";
	uint32_t n;

	if (!b) {
		wire_put(o, NO_VAL, 4);
		return;
	}
	n = (b->bits + 3) / 4;
	wire_put(o, b->bits, 4);
	wire_put(o, (uint64_t)n + 3, 4);
	if (!room(o, (size_t)n + 3))
		return;
	o->base[o->len++] = '0';
	o->base[o->len++] = 'x';
	for (uint32_t k = n; k-- > 0;)
		o->base[o->len++] = (uint8_t)digit[b->word[k / 16] >> (k % 16 * 4) & 15];
	o->base[o->len++] = '\0';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The count is believed only as far as the digits reach. */
static struct bitset *get_bits(struct wire_in *i)
{
	uint32_t bits = (uint32_t)wire_get(i, 4);
	const char *s;
	struct bitset *b;
	size_t n;

	if (i->failed || bits == NO_VAL)
		return NULL;
	s = wire_get_str(i);
	if (!s) {
		i->failed = true;
		return NULL;
	}
	if (s[0] == '0' && s[1] == 'x')
		s += 2;
	n = strlen(s);
	if (n != ((size_t)bits + 3) / 4) {
		i->failed = true;
		return NULL;
	}
	b = arena_alloc(i->mem, bitset_sizeof(bits));
	bitset_init(b, bits);
	for (size_t k = 0; k < n; k++) {
		int v = hex(s[n - 1 - k]);

		if (v < 0 || (k == n - 1 && bits % 4 && v >> (bits % 4))) {
			i->failed = true;
			return b;
		}
		b->word[k / 16] |= (uint64_t)v << (k % 16 * 4);
	}
	return b;
}

static void put_float(struct wire_out *o, double v, unsigned n)
{
	v *= 1000000.0;
	if (n == 8) {
		uint64_t u;

		memcpy(&u, &v, 8);
		wire_put(o, u, 8);
	} else {
		float f = (float)v;
		uint32_t u;

		memcpy(&u, &f, 4);
		wire_put(o, u, 4);
	}
}

static double get_float(struct wire_in *i, unsigned n)
{
	uint64_t u = wire_get(i, n);
	double v;

	if (n == 8) {
		memcpy(&v, &u, 8);
	} else {
		uint32_t w = (uint32_t)u;
		float f;

		memcpy(&f, &w, 4);
		v = (double)f;
	}
	return v / 1000000.0;
}

static void put_value(struct wire_out *o, unsigned codec, const void *p, unsigned size)
{
	switch (codec) {
	case C_str:
		wire_put_str(o, *(const char *const *)p);
		break;
	case C_mem: {
		const struct wire_mem *m = p;

		wire_put(o, m->len, 4);
		wire_put_bytes(o, m->p, m->len);
		break;
	}
	case C_rest: {
		const struct wire_mem *m = p;

		wire_put_bytes(o, m->p, m->len);
		break;
	}
	case C_bits:
		put_bits(o, *(struct bitset *const *)p);
		break;
	case C_addr:
		wire_put_addr(o, p);
		break;
	case C_f64:
	case C_f32:
		put_float(o, *(const double *)p, codec_wire_width[codec]);
		break;
	case C_ld: {
		char text[5120];

		(void)snprintf(text, sizeof text, "%Lf", *(const long double *)p);
		wire_put_str(o, text);
		break;
	}
	case C_flag:
		wire_put(o, wire_load(p, size) != 0, 1);
		break;
	default:
		wire_put(o, wire_load(p, size), codec_wire_width[codec]);
	}
}

static void get_value(struct wire_in *i, unsigned codec, void *p, unsigned size)
{
	switch (codec) {
	case C_str:
		*(const char **)p = wire_get_str(i);
		break;
	case C_mem: {
		struct wire_mem *m = p;
		uint32_t n = (uint32_t)wire_get(i, 4);

		m->p = n ? wire_get_bytes(i, n) : NULL;
		m->len = m->p ? n : 0;
		break;
	}
	case C_rest: {
		struct wire_mem *m = p;
		size_t n = i->failed ? 0 : left(i);

		m->p = n ? wire_get_bytes(i, n) : NULL;
		m->len = (uint32_t)n;
		break;
	}
	case C_bits:
		*(struct bitset **)p = get_bits(i);
		break;
	case C_addr:
		wire_get_addr(i, p);
		break;
	case C_f64:
	case C_f32:
		*(double *)p = get_float(i, codec_wire_width[codec]);
		break;
	case C_ld: {
		const char *s = wire_get_str(i);

		*(long double *)p = s ? strtold(s, NULL) : 0.0L;
		break;
	}
	case C_flag:
		wire_store(p, size, wire_get(i, 1) != 0);
		break;
	default:
		wire_store(p, size, wire_get(i, codec_wire_width[codec]));
	}
}

/* ---- which rows apply -------------------------------------------------- */

/* First row of the layout that version v uses; *end is set past its last. */
const struct wire_field *codec_rows(const struct wire_desc *d, enum wire_version v,
				     const struct wire_field **end)
{
	const struct wire_field *f = d->field, *last = f + d->count, *start = f;

	for (; f < last; f++)
		if (f->codec == C_layout && wire_version_in(v, f->when))
			start = f + 1;
	for (f = start; f < last && f->codec != C_layout; f++)
		;
	*end = f;
	return start;
}

static bool cond_holds(const struct wire_cond *c, const void *msg)
{
	uint64_t v = wire_load((const char *)msg + c->off, c->size);

	switch (c->op) {
	case COND_SET: return v != 0;
	case COND_UNSET: return v == 0;
	case COND_VAL: return v != NO_VAL;
	case COND_BELOW: return v < NO_VAL;
	case COND_ONE_OF: return v < 32 && c->value >> v & 1;
	default: return v == c->value;
	}
}

bool codec_present(const struct wire_field *f, const void *msg, enum wire_version v)
{
	if (!wire_version_in(v, f->when))
		return false;
	for (int k = 0; k < 2; k++)
		if (f->cond[k].op != COND_NONE && !cond_holds(&f->cond[k], msg))
			return false;
	return true;
}

/* Version of a part that carries its own number; the message's when the
 * number is 0 or unknown (an unknown one fails the reading, see below). */
enum wire_version codec_part_version(const struct wire_field *f, const void *msg,
				      enum wire_version v, bool *bad)
{
	uint16_t number;

	if (!f->at_off)
		return v;
	number = (uint16_t)wire_load((const char *)msg + f->at_off - 1, 2);
	if (number && !wire_version_find(number, &v) && bad)
		*bad = true;
	return v;
}

bool codec_hidden(const struct wire_field *f, const void *msg, uint32_t k)
{
	const struct bitset *b;

	if (!f->hidden_off)
		return false;
	b = *(struct bitset *const *)((const char *)msg + f->hidden_off - 1);
	return b && bitset_test(b, k);
}

/* Fewest bytes one record can take: bounds what a count may claim. */
static size_t wire_min(const struct wire_desc *d, enum wire_version v)
{
	const struct wire_field *end;
	size_t n = 0;

	for (const struct wire_field *f = codec_rows(d, v, &end); f < end; f++) {
		if (!wire_version_in(v, f->when) || f->cond[0].op != COND_NONE ||
		    f->codec == C_rep || f->codec == C_items)
			continue;
		if (f->codec == C_nest || f->codec == C_verbatim)
			n += f->at_off ? 1 : wire_min(f->sub, v);
		else
			n += codec_wire_width[f->codec];
	}
	return n ? n : 1;
}

uint32_t codec_count_of(const struct wire_field *f, const void *msg)
{
	return (uint32_t)wire_load((const char *)msg + f->count_off, f->count_size);
}

/* ---- initialise -------------------------------------------------------- */

void wire_init(const struct wire_desc *d, void *msg)
{
	memset(msg, 0, d->size);
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++) {
		if (f->gap || f->part || f->codec == C_layout)
			continue;
		if (f->codec == C_nest || f->codec == C_verbatim)
			wire_init(f->sub, (char *)msg + f->off);
		else if (f->dflt)
			wire_store((char *)msg + f->off, f->size, f->dflt);
	}
}

/* ---- pack -------------------------------------------------------------- */

static void pack_gap(struct wire_out *o, const struct wire_field *f)
{
	if (f->codec == C_str)
		wire_put(o, 0, 4);
	else
		wire_put(o, f->dflt, codec_wire_width[f->codec]);
}

static void pack_records(struct wire_out *o, const struct wire_field *f, const void *msg,
			 uint32_t n, enum wire_version v)
{
	const char *e = *(char *const *)((const char *)msg + f->off);

	for (uint32_t k = 0; e && k < n; k++, e += f->sub->size)
		if (!codec_hidden(f, msg, k))
			wire_pack(o, f->sub, e, v);
}

static void pack_items(struct wire_out *o, const struct wire_field *f, const void *msg,
		       uint32_t n)
{
	const char *e = *(char *const *)((const char *)msg + f->off);

	for (uint32_t k = 0; e && k < n; k++, e += codec_host_width[f->elem])
		put_value(o, f->elem, e, codec_host_width[f->elem]);
}

/* A string whose NUL may be missing on the wire; in memory it is there. */
static void pack_text(struct wire_out *o, const struct wire_field *f, const void *msg)
{
	const char *s = *(const char *const *)((const char *)msg + f->off);
	bool bare = *(const bool *)((const char *)msg + f->bare_off - 1);
	size_t n = s ? strlen(s) + !bare : 0;

	wire_put(o, n, 4);
	wire_put_bytes(o, s, n);
}

static void unpack_text(struct wire_in *i, const struct wire_field *f, void *msg)
{
	uint32_t n = (uint32_t)wire_get(i, 4);
	const uint8_t *p = n ? wire_get_bytes(i, n) : NULL;
	bool bare = p && p[n - 1] != '\0';

	/* one that ends early could not be written again */
	if (p && memchr(p, '\0', n - !bare)) {
		i->failed = true;
		return;
	}
	*(bool *)((char *)msg + f->bare_off - 1) = bare;
	*(const char **)((char *)msg + f->off) =
		bare ? arena_strndup(i->mem, (const char *)p, n) : (const char *)p;
}

static void pack_row(struct wire_out *o, const struct wire_field *f, const void *msg,
		     enum wire_version v)
{
	const char *p = (const char *)msg + f->off;
	const void *list;
	uint32_t n;

	switch (f->codec) {
	case C_nest:
		wire_pack(o, f->sub, p, codec_part_version(f, msg, v, NULL));
		break;
	case C_verbatim: {
		const struct wire_mem *raw = (const void *)((const char *)msg + f->count_off);

		if (o->tokens)
			break;
		if (raw->len)
			wire_put_bytes(o, raw->p, raw->len);
		else
			wire_pack(o, f->sub, p, v);
		break;
	}
	case C_list:
	case C_list16:
	case C_array:
	case C_nlist:
		list = *(void *const *)p;
		n = list ? codec_count_of(f, msg) : 0;
		if (!list && (f->codec == C_list || f->codec == C_nlist))
			n = NO_VAL;
		wire_put(o, n, f->codec == C_list16 ? 2 : 4);
		if (!list)
			break;
		if (f->sub)
			pack_records(o, f, msg, n, v);
		else
			pack_items(o, f, msg, n);
		break;
	case C_rep:
		pack_records(o, f, msg, codec_count_of(f, msg), v);
		break;
	case C_items:
		pack_items(o, f, msg, codec_count_of(f, msg));
		break;
	default:
		if (f->bare_off)
			pack_text(o, f, msg);
		else
			put_value(o, f->codec, p, f->size);
	}
}

static void pack_rows(struct wire_out *o, const struct wire_desc *d, const void *msg,
		      enum wire_version v, bool head_only)
{
	const struct wire_field *end;

	for (const struct wire_field *f = codec_rows(d, v, &end); f < end; f++) {
		if (!codec_present(f, msg, v))
			continue;
		if (head_only && f->codec == C_rep)
			return;
		if (f->gap)
			pack_gap(o, f);
		else
			pack_row(o, f, msg, v);
	}
}

void wire_pack(struct wire_out *o, const struct wire_desc *d, const void *msg,
	       enum wire_version v)
{
	pack_rows(o, d, msg, v, false);
}

void wire_pack_head(struct wire_out *o, const struct wire_desc *d, const void *msg,
		    enum wire_version v)
{
	pack_rows(o, d, msg, v, true);
}

/* ---- unpack ------------------------------------------------------------ */

static void unpack_gap(struct wire_in *i, const struct wire_field *f)
{
	if (f->codec == C_str) {
		(void)wire_get_str(i);
	} else if (wire_get(i, codec_wire_width[f->codec]) != f->dflt && f->refuse) {
		i->failed = true;
	}
}

/* Read n elements of row f into the arena.  True when the array was made. */
static bool unpack_elements(struct wire_in *i, const struct wire_field *f, void *msg,
			    uint32_t n, enum wire_version v)
{
	size_t host = f->sub ? f->sub->size : codec_host_width[f->elem];
	size_t min = f->sub ? wire_min(f->sub, v) : codec_wire_width[f->elem];
	uint32_t on_wire = n;
	char *e;

	if (f->hidden_off && n) {
		const struct bitset *b =
			*(struct bitset **)((char *)msg + f->hidden_off - 1);

		/* A hidden record takes no bytes, but its bit did. */
		if (b)
			bitset_foreach(k, b)
				on_wire -= k < n;
	}
	if (i->failed || on_wire > left(i) / min) {
		i->failed = true;
		return false;
	}
	e = arena_zalloc(i->mem, (size_t)n * host + 1);
	*(char **)((char *)msg + f->off) = e;
	for (uint32_t k = 0; k < n && !i->failed; k++, e += host) {
		if (!f->sub)
			get_value(i, f->elem, e, (unsigned)host);
		else if (codec_hidden(f, msg, k))
			wire_init(f->sub, e);
		else
			wire_unpack(i, f->sub, e, v);
	}
	/* Rest of a failed array: safe to walk. */
	return true;
}

static void unpack_row(struct wire_in *i, const struct wire_field *f, void *msg,
		       enum wire_version v)
{
	char *p = (char *)msg + f->off;
	uint32_t n;

	switch (f->codec) {
	case C_nest: {
		bool bad = false;
		enum wire_version pv = codec_part_version(f, msg, v, &bad);

		if (bad)
			i->failed = true;
		else
			wire_unpack(i, f->sub, p, pv);
		break;
	}
	case C_verbatim: {
		struct wire_mem *raw = (void *)((char *)msg + f->count_off);
		const uint8_t *start = i->p;

		if (i->tokens)
			break;
		wire_unpack(i, f->sub, p, v);
		raw->p = start;
		raw->len = i->failed ? 0 : (uint32_t)(i->p - start);
		break;
	}
	case C_list:
	case C_list16:
	case C_array:
	case C_nlist:
		n = (uint32_t)wire_get(i, f->codec == C_list16 ? 2 : 4);
		if (i->failed)
			break;
		if (n == NO_VAL && (f->codec == C_list || f->codec == C_nlist))
			break;
		if (!n && (f->codec == C_array || f->codec == C_list16))
			break;
		if (unpack_elements(i, f, msg, n, v))
			wire_store((char *)msg + f->count_off, f->count_size, n);
		break;
	case C_rep:
	case C_items:
		n = codec_count_of(f, msg);
		if (n && !unpack_elements(i, f, msg, n, v))
			wire_store((char *)msg + f->count_off, f->count_size, 0);
		break;
	default:
		if (f->bare_off)
			unpack_text(i, f, msg);
		else
			get_value(i, f->codec, p, f->size);
	}
}

void wire_unpack(struct wire_in *i, const struct wire_desc *d, void *msg,
		 enum wire_version v)
{
	const struct wire_field *end;

	wire_init(d, msg);
	for (const struct wire_field *f = codec_rows(d, v, &end); f < end && !i->failed; f++) {
		if (!codec_present(f, msg, v))
			continue;
		if (f->gap)
			unpack_gap(i, f);
		else
			unpack_row(i, f, msg, v);
	}
}
