/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of effects and helpers to fill it.  Bodies live in the list's own
 * arena: they stay valid after the core has moved on. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"

struct effect *effects_add(struct effects *out, enum effect_kind kind)
{
	struct effect *e;

	if (out->count == out->cap) {
		out->cap = out->cap ? out->cap * 2 : 16;
		out->v = mem_realloc(out->v, out->cap * sizeof(*out->v));
	}
	e = &out->v[out->count++];
	memset(e, 0, sizeof(*e));
	e->kind = kind;
	return e;
}

void effects_reset(struct effects *out)
{
	out->count = 0;
	arena_reset(&out->mem);
}

void effects_fini(struct effects *out)
{
	free(out->v);
	arena_fini(&out->mem);
	memset(out, 0, sizeof(*out));
}

static const struct wire_desc *body_desc(uint16_t type)
{
	for (int v = WIRE_VERSION_NEWEST; v >= WIRE_VERSION_OLDEST; v--) {
		const struct wire_type *t = wire_type_find(type, (enum wire_version)v);

		if (t)
			return t->body;
	}
	return NULL;
}

void *effects_body(struct effects *out, uint16_t type)
{
	const struct wire_desc *d = body_desc(type);
	void *p;

	if (!d)
		return NULL;
	p = arena_alloc(&out->mem, d->size);
	wire_init(d, p);
	return p;
}

void *effect_reply(struct effects *out, const struct event *ev, uint16_t type)
{
	void *body = effects_body(out, type);
	struct effect *e = effects_add(out, EFF_REPLY);

	e->conn = ev->conn;
	e->type = type;
	e->body = body;
	return body;
}

void effect_reply_rc(struct effects *out, const struct event *ev, enum err rc)
{
	struct return_code_msg *m = effect_reply(out, ev, RESPONSE_SLURM_RC);

	m->return_code = (uint32_t)rc;
}

void effect_reply_rc_msg(struct effects *out, const struct event *ev, enum err rc,
			 const char *text)
{
	struct return_code2_msg *m;

	if (!text || !*text) {
		effect_reply_rc(out, ev, rc);
		return;
	}
	m = effect_reply(out, ev, RESPONSE_SLURM_RC_MSG);
	m->return_code = (uint32_t)rc;
	m->err_msg = arena_strdup(&out->mem, text);
}

void effect_log(struct effects *out, int level, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	struct effect *e;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	e = effects_add(out, EFF_LOG);
	e->level = level;
	e->text = arena_strdup(&out->mem, line);
}

struct bitset *effects_bitset(struct effects *out, uint32_t bits)
{
	struct bitset *b = arena_alloc(&out->mem, bitset_sizeof(bits));

	bitset_init(b, bits);
	return b;
}

struct effect *effect_nodes(struct core *c, struct effects *out, uint16_t type,
			    const void *body)
{
	struct bitset *b = effects_bitset(out, c->node_count);
	struct effect *e = effects_add(out, EFF_NODES);

	e->type = type;
	e->body = body;
	e->nodes = b;
	e->step_id = NO_VAL;
	return e;
}

void effect_node_add(struct effect *e, const struct node *n)
{
	/* The set is ours: effect_nodes made it. */
	bitset_set((struct bitset *)(uintptr_t)e->nodes, n->index);
}

char *effects_hostlist(struct core *c, struct effects *out, const struct bitset *nodes)
{
	uint32_t count = bitset_count(nodes), k = 0;
	const char **names = arena_alloc(&out->mem, (count + 1) * sizeof(*names));
	char *text, *copy;

	bitset_foreach(i, nodes)
		names[k++] = c->node[i]->name;
	text = hostlist_compress_sorted(names, k);
	copy = arena_strdup(&out->mem, text);
	free(text);
	return copy;
}
