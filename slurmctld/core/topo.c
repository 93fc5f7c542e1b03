/* SPDX-License-Identifier: Apache-2.0
 *
 * The network the nodes are in: built from the configuration whenever that
 * changes, then kept up as admins move nodes. */
#include "conf/topo.h"

#include <stdlib.h>

#include "slurmctld/core/internal.h"

static uint32_t index_of(const void *ctx, const char *name)
{
	const struct node *n = node_find(ctx, name);

	return n && !n->keep ? n->index : TOPO_NONE;    /* not one that is gone */
}

void topo_free_all(struct core *c)
{
	for (uint32_t i = 0; i < c->topo_count; i++)
		topo_free(c->topo[i]);
	free(c->topo);
	c->topo = NULL;
	c->topo_count = 0;
}

void topo_build_all(struct core *c)
{
	const struct topo_names names = { .find = index_of, .ctx = c, .bits = c->node_count };
	struct conf_topo flat = { .name = (char *)(uintptr_t)CONF_TOPO_DEFAULT };
	const struct conf *conf = c->conf;
	uint32_t count = conf->topo_count ? conf->topo_count : 1;

	topo_free_all(c);
	c->topo = mem_zalloc(count * sizeof(*c->topo));
	for (uint32_t i = 0; i < count; i++) {
		const struct conf_topo *t = conf->topo_count ? &conf->topos[i] : &flat;
		struct topo *built = topo_new(t, &names, NULL, NULL);

		/* what cannot be built was refused when it was read */
		if (!built) {
			flat.name = t->name;
			built = topo_new(&flat, &names, NULL, NULL);
		}
		c->topo[c->topo_count++] = built;
	}
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];

		if (n->topology && !n->keep && topo_put_all(c->topo, c->topo_count, i, n->topology))
			node_set_str(&n->topology, NULL);
	}
}

enum err node_topology_set(struct core *c, struct node *n, const char *text)
{
	enum err e = topo_put_all(c->topo, c->topo_count, n->index, text);

	if (e)
		return e;
	node_set_str(&n->topology, text);
	node_dirty(c, n);
	sched_nodes_changed(c);
	c->wants_sched = true;
	return E_OK;
}

struct topo *topo_named(const struct core *c, const char *name)
{
	if (!name || !*name)
		return c->topo_count ? c->topo[0] : NULL;
	for (uint32_t i = 0; i < c->topo_count; i++)
		if (streq(c->topo[i]->name, name))
			return c->topo[i];
	return NULL;
}

const struct topo *part_topo(const struct core *c, const struct part *p)
{
	const struct topo *t = topo_named(c, p ? p->topology : NULL);

	return t ? t : topo_named(c, NULL);
}

uint32_t switch_wait(const struct core *c, uint32_t asked)
{
	const char *v;
	uint32_t most = 300;

	if (conf_option(c->conf->schedulerparameters, "max_switch_wait", &v) && *v >= '0' &&
	    *v <= '9')
		most = (uint32_t)strtoul(v, NULL, 10);
	return asked < most ? asked : most;
}
