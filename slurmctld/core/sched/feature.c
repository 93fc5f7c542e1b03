/* SPDX-License-Identifier: Apache-2.0
 *
 * Node features: from an expression to the nodes that satisfy it.
 *
 *   expr    = item { ("&" | "," | "|") item } [ "&" | "|" ]
 *   item    = factor | "[" factor [ "*" count ] { ("&" | "|") ... } "]"
 *   factor  = name [ "*" count ] | "(" name { ("&" | "|") name } ")"
 *
 * Read from left to right: no operator binds more than another.  "[a|b]" asks
 * for nodes that are all alike: each side is an alternative of its own.  A
 * count restricts no node; it asks for that many of them, and stands within
 * brackets unless it is all there is.  One pair of brackets, and parentheses
 * hold no others; an operator at the very end means nothing. */
#include "slurmctld/core/sched/sched_i.h"

#define ALT_MAX 64

struct feat_name {
	struct feat_name *next;
	const char *name;
	struct bitset *nodes;
};

struct parser {
	struct core *c;
	const char *p;
	bool bad, in_bracket, in_paren;
	uint32_t brackets, names;
	bool bare_count;                /* a count outside brackets */
	const char *unknown;
	struct feat_expr *out;
};

static bool list_has(const char *list, const char *name, size_t len)
{
	while (list && *list) {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, name, len) == 0)
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

static struct bitset *set_new(struct core *c)
{
	struct bitset *b = arena_zalloc(&c->sched->mem, bitset_sizeof(c->node_count));

	bitset_init(b, c->node_count);
	return b;
}

/* Nodes with a feature by name; kept until nodes change. */
static const struct feat_name *name_nodes(struct core *c, const char *name, size_t len)
{
	struct sched *s = c->sched;
	struct feat_name *f;

	for (f = s->feat_names; f; f = f->next)
		if (strlen(f->name) == len && memcmp(f->name, name, len) == 0)
			return f;
	f = arena_zalloc(&s->feat_mem, sizeof(*f));
	f->name = arena_strndup(&s->feat_mem, name, len);
	f->nodes = arena_zalloc(&s->feat_mem, bitset_sizeof(c->node_count));
	bitset_init(f->nodes, c->node_count);
	for (uint32_t i = 0; i < c->node_count; i++) {
		const struct node *n = c->node[i];

		if (n && list_has(n->features_active ? n->features_active : n->features,
				  name, len))
			bitset_set(f->nodes, i);
	}
	f->next = s->feat_names;
	s->feat_names = f;
	return f;
}

static struct bitset *parse_expr(struct parser *ps, char close);

static void need_add(struct parser *ps, struct bitset *nodes, uint32_t count)
{
	struct feat_expr *o = ps->out;
	struct feat_need *v = arena_alloc(&ps->c->sched->mem,
					  (o->need_count + 1) * sizeof(*v));

	if (o->need_count)
		memcpy(v, o->need, o->need_count * sizeof(*v));
	v[o->need_count++] = (struct feat_need){nodes, count};
	o->need = v;
}

/* A count after it: of these, so many; every node will do for the rest. */
static struct bitset *parse_count(struct parser *ps, struct bitset *set)
{
	uint32_t count = 0;

	if (*ps->p != '*')
		return set;
	for (ps->p++; *ps->p >= '0' && *ps->p <= '9'; ps->p++)
		count = count < 1000000 ? count * 10 + (uint32_t)(*ps->p - '0') : count;
	if (!count || ps->in_paren)
		ps->bad = true;
	ps->bare_count |= !ps->in_bracket;
	need_add(ps, set, count);
	set = set_new(ps->c);
	bitset_set_all(set);
	return set;
}

static struct bitset *parse_name(struct parser *ps)
{
	size_t len = strcspn(ps->p, "&|,*()[]");
	struct bitset *set = set_new(ps->c);

	if (!len) {
		ps->bad = true;
		return set;
	}
	bitset_copy(set, name_nodes(ps->c, ps->p, len)->nodes);
	if (bitset_next(set, 0) == UINT32_MAX && !ps->unknown)
		ps->unknown = arena_strndup(&ps->c->sched->mem, ps->p, len);
	ps->names++;
	ps->p += len;
	return parse_count(ps, set);
}

static struct bitset *parse_nested(struct parser *ps, bool *inside, char close)
{
	struct bitset *set;

	if (*inside || ps->in_paren) {
		ps->bad = true;
		return set_new(ps->c);
	}
	*inside = true;
	ps->p++;
	set = parse_expr(ps, close);
	*inside = false;
	if (*ps->p != close)
		ps->bad = true;
	else
		ps->p++;
	return set;
}

static struct bitset *parse_factor(struct parser *ps)
{
	if (*ps->p == '(')
		return parse_count(ps, parse_nested(ps, &ps->in_paren, ')'));
	if (*ps->p != '[')
		return parse_name(ps);
	if (ps->brackets++)
		ps->bad = true;
	return parse_nested(ps, &ps->in_bracket, ']');
}

static void alternatives_note(struct parser *ps, struct bitset **alt, uint32_t n)
{
	struct feat_expr *o = ps->out;

	if (n < 2 || o->alt)
		return;
	o->alt = arena_alloc(&ps->c->sched->mem, n * sizeof(struct bitset *));
	memcpy(o->alt, alt, n * sizeof(struct bitset *));
	o->alt_count = n;
}

/* Up to the end or a closing sign. */
static struct bitset *parse_expr(struct parser *ps, char close)
{
	struct bitset *set = set_new(ps->c), *alt[ALT_MAX];
	uint32_t n = 0;
	char op = '|';

	for (;;) {
		struct bitset *t = parse_factor(ps);

		if (op == '|') {
			bitset_or(set, t);
			if (n < ALT_MAX)
				alt[n++] = t;
		} else {
			bitset_and(set, t);
			bitset_and(alt[n - 1], t);
		}
		if (ps->bad || (*ps->p != '|' && *ps->p != '&' && *ps->p != ','))
			break;
		op = *ps->p++;
		if (!close && !*ps->p)
			break;
	}
	if (close != ']')
		return set;
	alternatives_note(ps, alt, n);
	bitset_clear_all(set);
	for (uint32_t i = 0; i < n; i++)
		bitset_or(set, alt[i]);
	return set;
}

/* --batch: words of the constraint, each or one of them some node's. */
enum err feature_batch_valid(struct core *c, const char *batch, const char *constraint)
{
	bool any = strchr(batch, '|') != NULL, one = false, all = true;

	if (!constraint || !*constraint)
		return E_BATCH_CONSTRAINT;
	for (const char *p = batch; *p; p += *p != '\0') {
		size_t len = strcspn(p, "&|");
		const char *q = constraint;
		bool named = false;

		while (*q && !named) {
			size_t n = strcspn(q, "&|,*()[]");

			named = n == len && memcmp(p, q, n) == 0;
			q += n + (q[n] != '\0');
		}
		if (len && !named)
			return E_BATCH_CONSTRAINT;
		if (len) {
			named = bitset_next(name_nodes(c, p, len)->nodes, 0) != UINT32_MAX;
			one |= named;
			all &= named;
		}
		p += len;
	}
	return (any ? one : all) ? E_OK : E_BATCH_CONSTRAINT;
}

enum err feature_parse(struct core *c, const char *expr, struct feat_expr *out,
		       struct err_text *why)
{
	struct parser ps = {.c = c, .p = expr, .out = out};
	struct bitset *set;

	memset(out, 0, sizeof(*out));
	set = parse_expr(&ps, 0);
	if (ps.bad || *ps.p || (ps.bare_count && ps.names > 1))
		return err_set(why, E_INVALID_FEATURE, "%s", err_str(E_INVALID_FEATURE));
	if (ps.unknown)
		return err_set(why, E_INVALID_FEATURE, "no node has the feature '%s'",
			       ps.unknown);
	if (!out->alt) {
		out->alt = arena_alloc(&c->sched->mem, sizeof(struct bitset *));
		out->alt[0] = set;
		out->alt_count = 1;
		return E_OK;
	}
	for (uint32_t i = 0; i < out->alt_count; i++)
		bitset_and(out->alt[i], set);
	return E_OK;
}
