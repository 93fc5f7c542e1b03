/* SPDX-License-Identifier: Apache-2.0
 *
 * Host list expressions.  A name is literals and bracketed range lists in any
 * number ("r[1-2]n[01-16]"); names are separated by commas or white space.
 * Expansion is bounded by HOSTLIST_MAX names before anything is allocated.
 *
 * Compression follows what stock clients print: only neighbours join, and two
 * numbers join only when one zero padding prints both ("n9,n10" but not
 * "n9,n010"). */
#include "wire/base/hostlist.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/base/strbuf.h"

#define RANGE_MAX 65536         /* hosts in one "lo-hi", as stock */
#define NAME_MAX_LEN 1024       /* of one name, brackets included */
#define GROUPS_MAX 16           /* bracket pairs in one name */

struct span {
	unsigned long lo, hi;
	int width;
};

/* One "[...]" with the literal text in front of it. */
struct group {
	const char *lit;
	int lit_len;
	struct span *spans;
	uint32_t span_count;
	/* odometer: */
	uint32_t at;
	unsigned long value;
};

struct names {
	char **v;
	uint32_t count, cap;
};

static bool is_sep(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n';
}

static void name_add(struct names *n, char *name)
{
	if (n->count == n->cap) {
		n->cap = n->cap ? n->cap * 2 : 16;
		n->v = mem_realloc(n->v, n->cap * sizeof(*n->v));
	}
	n->v[n->count++] = name;
}

/* Digits only, at most 18 so that nothing overflows. */
static bool digits_parse(const char *s, const char *end, unsigned long *out)
{
	const char *p = s;
	unsigned long v = 0;

	while (p < end && *p == '0')
		p++;
	if (s == end || end - p > 18)
		return false;
	for (; p < end; p++) {
		if (!isdigit((unsigned char)*p))
			return false;
		v = v * 10 + (unsigned long)(*p - '0');
	}
	*out = v;
	return true;
}

static enum err span_parse(const char *s, const char *end, struct span *out,
			   struct err_text *why)
{
	const char *dash = memchr(s, '-', (size_t)(end - s));
	const char *lo_end = dash ? dash : end;
	struct span r;

	r.width = (int)(lo_end - s);
	if (!digits_parse(s, lo_end, &r.lo))
		goto bad;
	/* "[1-]" is one host for stock, and so for us. */
	r.hi = r.lo;
	if (dash && dash + 1 < end && !digits_parse(dash + 1, end, &r.hi))
		goto bad;
	if (r.lo > r.hi)
		goto bad;
	if (r.hi - r.lo >= RANGE_MAX)
		return err_set(why, E_INVALID_NODE_NAME,
			       "too many hosts in range '%.*s'",
			       (int)(end - s), s);
	*out = r;
	return E_OK;
bad:
	return err_set(why, E_INVALID_NODE_NAME, "invalid range '%.*s'",
		       (int)(end - s), s);
}

/* The text between two brackets. */
static enum err group_parse(const char *s, const char *end, struct arena *mem,
			    struct group *g, uint64_t *hosts,
			    struct err_text *why)
{
	uint32_t n = 1;
	uint64_t total = 0;

	for (const char *p = s; p < end; p++)
		n += *p == ',';
	g->spans = arena_alloc(mem, n * sizeof(*g->spans));
	g->span_count = 0;
	for (;;) {
		const char *stop = memchr(s, ',', (size_t)(end - s));
		struct span *r = &g->spans[g->span_count];
		enum err rc = span_parse(s, stop ? stop : end, r, why);

		if (rc)
			return rc;
		g->span_count++;
		total += r->hi - r->lo + 1;
		if (!stop)
			break;
		s = stop + 1;
	}
	g->at = 0;
	g->value = g->spans[0].lo;
	*hosts = total;
	return E_OK;
}

/* Next value; true when the group wrapped around. */
static bool group_step(struct group *g)
{
	if (g->value < g->spans[g->at].hi) {
		g->value++;
		return false;
	}
	g->at++;
	if (g->at == g->span_count)
		g->at = 0;
	g->value = g->spans[g->at].lo;
	return g->at == 0;
}

/* The last group turns fastest; of the others the first does.  That is the
 * order of stock: "a[1-2]b[1-2]c[1]" is a1b1c1 a2b1c1 a1b2c1 a2b2c1. */
static bool groups_step(struct group *g, uint32_t count)
{
	if (!group_step(&g[count - 1]))
		return false;
	for (uint32_t i = 0; i + 1 < count; i++)
		if (!group_step(&g[i]))
			return false;
	return true;
}

static enum err token_expand(const char *s, const char *end, struct arena *mem,
			     struct names *out, struct err_text *why)
{
	struct group groups[GROUPS_MAX];
	uint32_t count = 0;
	uint64_t total = 1;
	const char *lit = s;
	struct strbuf b = {0};
	enum err rc;

	if (end - s > NAME_MAX_LEN * 64)
		return err_set(why, E_INVALID_NODE_NAME, "host name too long");
	for (const char *open; lit < end &&
	     (open = memchr(lit, '[', (size_t)(end - lit)));) {
		const char *close = memchr(open, ']', (size_t)(end - open));
		struct group *g = &groups[count];
		uint64_t hosts;

		if (!close)
			return err_set(why, E_INVALID_NODE_NAME,
				       "missing ']' in '%.*s'",
				       (int)(end - s), s);
		if (count == GROUPS_MAX)
			return err_set(why, E_INVALID_NODE_NAME,
				       "more than %d ranges in one name",
				       GROUPS_MAX);
		rc = group_parse(open + 1, close, mem, g, &hosts, why);
		if (rc)
			return rc;
		g->lit = lit;
		g->lit_len = (int)(open - lit);
		total *= hosts;
		if (total > HOSTLIST_MAX - (uint64_t)out->count)
			return err_set(why, E_INVALID_NODE_NAME,
				       "more than %d hosts", HOSTLIST_MAX);
		count++;
		lit = close + 1;
	}
	if (!count) {
		if (end - s > NAME_MAX_LEN)
			return err_set(why, E_INVALID_NODE_NAME,
				       "host name too long");
		if (out->count >= HOSTLIST_MAX)
			return err_set(why, E_INVALID_NODE_NAME,
				       "more than %d hosts", HOSTLIST_MAX);
		name_add(out, arena_strndup(mem, s, (size_t)(end - s)));
		return E_OK;
	}
	do {
		b.len = 0;
		for (uint32_t i = 0; i < count; i++) {
			struct group *g = &groups[i];

			strbuf_addn(&b, g->lit, (size_t)g->lit_len);
			if (g->spans[g->at].width > NAME_MAX_LEN)
				goto too_long;
			strbuf_printf(&b, "%0*lu", g->spans[g->at].width,
				      g->value);
		}
		strbuf_addn(&b, lit, (size_t)(end - lit));
		if (b.len > NAME_MAX_LEN)
			goto too_long;
		name_add(out, arena_strndup(mem, b.s, b.len));
	} while (!groups_step(groups, count));
	strbuf_fini(&b);
	return E_OK;
too_long:
	strbuf_fini(&b);
	return err_set(why, E_INVALID_NODE_NAME, "host name too long");
}

enum err hostlist_expand(const char *expr, struct arena *mem, char ***names,
			 uint32_t *count, struct err_text *why)
{
	struct names out = {0};
	const char *p = expr ? expr : "";
	enum err rc = E_OK;

	while (!rc) {
		const char *s;
		bool inside = false;

		while (is_sep(*p))
			p++;
		if (!*p)
			break;
		for (s = p; *p && (inside || !is_sep(*p)); p++) {
			if (*p == '[')
				inside = true;
			else if (*p == ']')
				inside = false;
		}
		rc = token_expand(s, p, mem, &out, why);
	}
	if (!rc) {
		*names = arena_alloc(mem, (out.count + 1) * sizeof(**names));
		if (out.count)
			memcpy(*names, out.v, out.count * sizeof(**names));
		(*names)[out.count] = NULL;
		*count = out.count;
	}
	free(out.v);
	return rc;
}

/* ---- compression ---- */

/* A run of hosts with one prefix.  width 0: a name without a number. */
struct run {
	const char *name;       /* prefix is name[0..len) */
	size_t len;
	unsigned long lo, hi;
	int width;
};

static struct run run_of(const char *name)
{
	struct run r = {.name = name, .len = strlen(name)};
	size_t n = r.len;

	while (n && isdigit((unsigned char)name[n - 1]))
		n--;
	if (n < r.len && digits_parse(name + n, name + r.len, &r.lo)) {
		r.width = (int)(r.len - n);
		r.hi = r.lo;
		r.len = n;
	}
	return r;
}

static int digits_of(unsigned long v)
{
	int n = 1;

	while (v /= 10)
		n++;
	return n;
}

static int padding(unsigned long v, int width)
{
	int n = digits_of(v);

	return width > n ? width - n : 0;
}

/* Can one width print a's number at width wa and b's at wb?  *width is it. */
static bool width_joins(unsigned long a, int wa, unsigned long b, int wb,
			int *width)
{
	if (wa == wb || padding(b, wb) == padding(b, wa)) {
		*width = wa;
		return true;
	}
	if (padding(a, wa) == padding(a, wb)) {
		*width = wb;
		return true;
	}
	return false;
}

static bool same_prefix(const struct run *a, const struct run *b)
{
	return a->width && b->width && a->len == b->len &&
	       memcmp(a->name, b->name, a->len) == 0;
}

static void run_print(struct strbuf *b, const struct run *r)
{
	if (!r->width)
		return;
	strbuf_printf(b, "%0*lu", r->width, r->lo);
	if (r->hi > r->lo)
		strbuf_printf(b, "-%0*lu", r->width, r->hi);
}

static char *runs_print(const struct run *runs, uint32_t n)
{
	struct strbuf b = {0};

	for (uint32_t i = 0; i < n;) {
		bool bracket = runs[i].hi > runs[i].lo ||
			       (i + 1 < n && same_prefix(&runs[i], &runs[i + 1]));
		uint32_t first = i;

		strbuf_sep(&b, ",");
		strbuf_addn(&b, runs[i].name, runs[i].len);
		if (bracket)
			strbuf_addc(&b, '[');
		do {
			if (i > first)
				strbuf_addc(&b, ',');
			run_print(&b, &runs[i]);
			i++;
		} while (i < n && same_prefix(&runs[first], &runs[i]));
		if (bracket)
			strbuf_addc(&b, ']');
	}
	return strbuf_take(&b);
}

/* Append r, joined to the last run where it continues it. */
static void run_push(struct run *runs, uint32_t *n, struct run r)
{
	struct run *tail = *n ? &runs[*n - 1] : NULL;
	int width;

	if (tail && same_prefix(tail, &r) && tail->hi + 1 == r.lo &&
	    width_joins(tail->lo, tail->width, r.lo, r.width, &width)) {
		tail->hi = r.hi;
		tail->width = width;
		return;
	}
	runs[(*n)++] = r;
}

char *hostlist_compress(const char *const *names, uint32_t count)
{
	struct run *runs = mem_alloc((count + 1) * sizeof(*runs));
	uint32_t n = 0;
	char *s;

	for (uint32_t i = 0; i < count; i++)
		run_push(runs, &n, run_of(names[i]));
	s = runs_print(runs, n);
	free(runs);
	return s;
}

/* Order of prefixes: digits inside them count as numbers, except that a run
 * of digits starting with zero is compared digit by digit. */
static int natural_cmp(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t i = 0, j = 0;

	while (i < alen && j < blen) {
		unsigned char ca = (unsigned char)a[i], cb = (unsigned char)b[j];
		size_t na = 0, nb = 0;
		int diff = 0;

		if (!isdigit(ca) || !isdigit(cb)) {
			if (ca != cb)
				return ca < cb ? -1 : 1;
			i++;
			j++;
			continue;
		}
		while (i + na < alen && isdigit((unsigned char)a[i + na]))
			na++;
		while (j + nb < blen && isdigit((unsigned char)b[j + nb]))
			nb++;
		if (ca != '0' && cb != '0' && na != nb)
			return na < nb ? -1 : 1;
		diff = memcmp(a + i, b + j, na < nb ? na : nb);
		if (diff)
			return diff;
		if (na != nb)
			return na < nb ? -1 : 1;
		i += na;
		j += nb;
	}
	if (alen - i == blen - j)
		return 0;
	return alen - i < blen - j ? -1 : 1;
}

/* (prefix, names without number first, then number; numbers whose padding
 * cannot be shared go by width). */
static int run_cmp(const void *va, const void *vb)
{
	const struct run *a = va, *b = vb;
	int rc = natural_cmp(a->name, a->len, b->name, b->len), width;

	if (rc)
		return rc;
	if (!a->width != !b->width)
		return a->width ? 1 : -1;
	if (a->width != b->width &&
	    !width_joins(a->lo, a->width, b->lo, b->width, &width))
		return a->width - b->width;
	return (a->lo > b->lo) - (a->lo < b->lo);
}

int hostlist_name_cmp(const char *a, const char *b)
{
	struct run ra = run_of(a), rb = run_of(b);

	return run_cmp(&ra, &rb);
}

char *hostlist_compress_sorted(const char *const *names, uint32_t count)
{
	struct run *in = mem_alloc((count + 1) * sizeof(*in));
	struct run *runs = mem_alloc((count + 1) * sizeof(*runs));
	uint32_t n = 0;
	char *s;

	for (uint32_t i = 0; i < count; i++)
		in[i] = run_of(names[i]);
	qsort(in, count, sizeof(*in), run_cmp);
	for (uint32_t i = 0; i < count; i++) {
		if (i && run_cmp(&in[i - 1], &in[i]) == 0)
			continue;
		run_push(runs, &n, in[i]);
	}
	s = runs_print(runs, n);
	free(runs);
	free(in);
	return s;
}
