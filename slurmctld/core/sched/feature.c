/* SPDX-License-Identifier: Apache-2.0
 *
 * Node features: from an expression to the nodes that satisfy it.
 *
 *   expr   = term { "|" term }
 *   term   = factor { ("&" | ",") factor }
 *   factor = "!" factor | "(" expr ")" | "[" expr "]" | name [ "*" count ]
 *
 * "[a|b]" asks for nodes that are all alike: each side is an alternative of
 * its own.  A count restricts no node; it asks for that many of them. */
#include "slurmctld/core/sched/sched_i.h"

#define DEPTH_MAX 32
#define ALT_MAX 64

struct feat_name {
	struct feat_name *next;
	const char *name;
	struct bitset *nodes;
};

struct parser {
	struct core *c;
	const char *p;
	int depth;
	bool bad;
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

static struct bitset *parse_expr(struct parser *ps, bool alternatives);

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

static struct bitset *parse_name(struct parser *ps)
{
	size_t len = strcspn(ps->p, "&|,*()[]!");
	struct bitset *set = set_new(ps->c);
	uint32_t count = 0;

	if (!len) {
		ps->bad = true;
		return set;
	}
	bitset_copy(set, name_nodes(ps->c, ps->p, len)->nodes);
	if (bitset_next(set, 0) == UINT32_MAX && !ps->unknown)
		ps->unknown = arena_strndup(&ps->c->sched->mem, ps->p, len);
	ps->p += len;
	if (*ps->p != '*')
		return set;
	for (ps->p++; *ps->p >= '0' && *ps->p <= '9'; ps->p++)
		count = count < 1000000 ? count * 10 + (uint32_t)(*ps->p - '0') : count;
	if (!count)
		ps->bad = true;
	need_add(ps, set, count);
	set = set_new(ps->c);
	bitset_set_all(set);
	return set;
}

static struct bitset *parse_factor(struct parser *ps)
{
	struct bitset *set;
	char open = *ps->p;

	if (++ps->depth > DEPTH_MAX) {
		ps->bad = true;
		ps->depth--;
		return set_new(ps->c);
	}
	if (open == '!') {
		struct bitset *all = set_new(ps->c);

		ps->p++;
		set = parse_factor(ps);
		bitset_set_all(all);
		bitset_and_not(all, set);
		set = all;
	} else if (open == '(' || open == '[') {
		ps->p++;
		set = parse_expr(ps, open == '[');
		if (*ps->p != (open == '(' ? ')' : ']'))
			ps->bad = true;
		else
			ps->p++;
	} else {
		set = parse_name(ps);
	}
	ps->depth--;
	return set;
}

static struct bitset *parse_term(struct parser *ps)
{
	struct bitset *set = parse_factor(ps);

	while (!ps->bad && (*ps->p == '&' || *ps->p == ',')) {
		ps->p++;
		bitset_and(set, parse_factor(ps));
	}
	return set;
}

static struct bitset *parse_expr(struct parser *ps, bool alternatives)
{
	struct feat_expr *o = ps->out;
	struct bitset *set = set_new(ps->c), *alt[ALT_MAX];
	uint32_t n = 0;

	for (;;) {
		struct bitset *t = parse_term(ps);

		bitset_or(set, t);
		if (n < ALT_MAX)
			alt[n++] = t;
		if (ps->bad || *ps->p != '|')
			break;
		ps->p++;
	}
	if (alternatives && n > 1 && !o->alt) {
		o->alt = arena_alloc(&ps->c->sched->mem, n * sizeof(struct bitset *));
		memcpy(o->alt, alt, n * sizeof(struct bitset *));
		o->alt_count = n;
	}
	return set;
}

enum err feature_parse(struct core *c, const char *expr, struct feat_expr *out,
		       struct err_text *why)
{
	struct parser ps = {.c = c, .p = expr, .out = out};
	struct bitset *set;

	memset(out, 0, sizeof(*out));
	set = parse_expr(&ps, false);
	if (ps.bad || *ps.p)
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
