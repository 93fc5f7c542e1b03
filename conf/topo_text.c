/* SPDX-License-Identifier: Apache-2.0
 *
 * Topologies as "scontrol show topoconf" has them: topology.yaml with the nodes
 * where they are now.  Values are plain, as stock writes them. */
#include "conf/topo.h"

#include <stdlib.h>

struct text {
	struct strbuf b;
	topo_name_of *name_of;
	const void *ctx;
};

static void pair(struct text *x, const char *key, const char *value)
{
	strbuf_printf(&x->b, "      %s:%s%s\n", key, value && *value ? " " : "",
		      value ? value : "");
}

static void unit_put(struct text *x, const struct topo *t, uint32_t i)
{
	const struct topo_unit *u = &t->unit[i];
	bool tree = t->kind == CONF_TOPO_TREE;
	char *nodes = tree && u->level ? NULL : topo_unit_nodes(t, u, x->name_of, x->ctx);

	strbuf_printf(&x->b, "    - %s: %s\n", tree ? "switch" : "block", u->name);
	if (tree)
		pair(x, "children", u->children);
	pair(x, "nodes", nodes);
	free(nodes);
}

static void block_put(struct text *x, const struct conf_topo *c, const struct topo *t)
{
	if (!c->yaml || c->kind != CONF_TOPO_BLOCK) {
		strbuf_add(&x->b, "  block: {}\n");
		return;
	}
	strbuf_printf(&x->b, "  block:\n    block_sizes:%s\n", c->size_count ? "" : " []");
	for (uint32_t i = 0; i < c->size_count; i++)
		strbuf_printf(&x->b, "    - %u\n", c->size[i]);
	strbuf_add(&x->b, "    blocks:\n");
	for (uint32_t i = 0; i < t->base_count; i++)
		unit_put(x, t, i);
}

static void flat_put(struct text *x, const struct conf_topo *c, bool all)
{
	if (c->flat_given || !all)
		strbuf_printf(&x->b, "  flat: %s\n", c->flat_given ? "true" : "false");
	else if (c->step_rank_given)
		strbuf_printf(&x->b, "  flat:\n    alpha_step_rank: %s\n",
			      c->step_rank ? "true" : "false");
	else
		strbuf_add(&x->b, "  flat: {}\n");
}

static void tree_put(struct text *x, const struct conf_topo *c, const struct topo *t)
{
	if (!c->yaml || c->kind != CONF_TOPO_TREE) {
		strbuf_add(&x->b, "  tree: {}\n");
		return;
	}
	strbuf_add(&x->b, "  tree:\n    switches:\n");
	for (uint32_t i = 0; i < t->unit_count; i++)
		unit_put(x, t, i);
}

char *topo_yaml(const struct conf *c, struct topo *const *now, topo_name_of *name_of,
		const void *ctx, bool all)
{
	struct text x = { .name_of = name_of, .ctx = ctx };

	strbuf_add(&x.b, "%YAML 1.1\n---\n");
	for (uint32_t i = 0; i < c->topo_count; i++) {
		const struct conf_topo *t = &c->topos[i];

		strbuf_printf(&x.b, "- topology: %s\n  cluster_default: %s\n", t->name,
			      t->cluster_default ? "true" : "false");
		block_put(&x, t, now[i]);
		flat_put(&x, t, all);
		if (all)
			strbuf_add(&x.b, "  ring: {}\n  torus3d: {}\n");
		tree_put(&x, t, now[i]);
	}
	strbuf_add(&x.b, "...\n");
	return strbuf_take(&x.b);
}
