/* SPDX-License-Identifier: Apache-2.0
 *
 * scontrol show topology and topoconf.  Changes nothing. */
#include "conf/topo.h"

#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/rpc/rpc.h"

enum { TOPO_FLAT = 100, TOPO_TREE = 102, TOPO_BLOCK = 103 };

static const char *node_name(const void *ctx, uint32_t i)
{
	const struct core *c = ctx;

	return c->node[i]->name;
}

static char *nodes_of(const struct core *c, const struct topo *t, const struct topo_unit *u,
		      struct arena *mem)
{
	char *text = topo_unit_nodes(t, u, node_name, c), *copy = arena_strdup(mem, text);

	free(text);
	return copy;
}

static void fill_switches(const struct core *c, const struct topo *t, struct topo_info_msg *m,
			  struct arena *mem)
{
	m->plugin_id = TOPO_TREE;
	m->switches = arena_zalloc(mem, (t->unit_count + 1) * sizeof(*m->switches));
	m->record_count = t->unit_count;
	for (uint32_t i = 0; i < t->unit_count; i++) {
		struct topo_switch *s = &m->switches[i];

		s->level = (uint16_t)t->unit[i].level;
		s->link_speed = t->unit[i].link_speed;
		s->name = t->unit[i].name;
		s->nodes = nodes_of(c, t, &t->unit[i], mem);
		s->switches = t->unit[i].children;
	}
}

static uint32_t block_size(const struct topo *t, const struct topo_unit *u)
{
	uint32_t n = 0;

	for (uint32_t l = 0; l < TOPO_BLOCK_SIZES; l++)
		if (t->block_levels & 1u << l && n++ == u->level)
			return t->block_nodes << l;
	return t->block_nodes;
}

/* Before 24.11 only blocks themselves are listed. */
static void fill_blocks(const struct core *c, const struct topo *t, struct topo_info_msg *m,
			enum wire_version v, struct arena *mem)
{
	uint32_t n = wire_version_in(v, SINCE(24_11)) ? t->unit_count : t->base_count;

	m->plugin_id = TOPO_BLOCK;
	m->blocks = arena_zalloc(mem, (n + 1) * sizeof(*m->blocks));
	m->block_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct topo_block *b = &m->blocks[i];

		b->aggregated = i >= t->base_count;
		b->block_index = (uint16_t)t->unit[i].index;
		b->name = t->unit[i].name;
		b->nodes = nodes_of(c, t, &t->unit[i], mem);
		b->size = block_size(t, &t->unit[i]);
	}
}

void rpc_q_topo(struct ctld *c, struct request *r)
{
	const struct topo_info_request_msg *q = r->body;
	const struct topo *t = topo_named(c->core, q ? q->name : NULL);
	struct topo_info_msg m;

	if (!t) {
		rpc_answer_rc(c, r, E_REQUESTED_TOPO_CONFIG_UNAVAILABLE);
		return;
	}
	wire_init(&topo_info_msg_desc, &m);
	m.plugin_id = TOPO_FLAT;
	if (t->kind == CONF_TOPO_TREE)
		fill_switches(c->core, t, &m, &r->mem);
	else if (t->kind == CONF_TOPO_BLOCK)
		fill_blocks(c->core, t, &m, r->version, &r->mem);
	rpc_answer(c, r, RESPONSE_TOPO_INFO, &m);
}

void rpc_q_topo_config(struct ctld *c, struct request *r)
{
	struct topo_config_msg m;
	char *text = topo_yaml(c->conf, c->core->topo, node_name, c->core,
			       wire_version_in(r->version, SINCE(26_05)));

	wire_init(&topo_config_msg_desc, &m);
	m.config = text;
	rpc_answer(c, r, RESPONSE_TOPO_CONFIG, &m);
	free(text);
}
