/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses that go with a message: the head of a branch cannot find nodes
 * which its slurm.conf does not name, or whose names only we can resolve
 * (dynamic and cloud nodes).  Sealed by us, so that node daemons believe them.
 *
 * Releases whose header has no room for them get such nodes addressed by us,
 * one by one. */
#include <stdlib.h>

#include "auth/cred.h"
#include "slurmctld/agent_i.h"
#include "wire/base/log.h"

bool agent_others_know(const struct ctld *c, const struct node *n)
{
	if (n->state & (NODE_STATE_DYNAMIC_FUTURE | NODE_STATE_DYNAMIC_NORM))
		return false;
	return !(n->state & NODE_STATE_CLOUD) ||
	       conf_option(c->conf->slurmctldparameters, "cloud_dns", NULL);
}

void send_addrs_note(struct send *s)
{
	struct ctld *c = s->agent->ctld;
	struct core *k = c->core;
	uint32_t n = 0;

	for (uint32_t i = 1; i < s->count; i++)
		n += !agent_others_know(c, k->node[s->node[i]]);
	if (!n)
		return;
	s->told = arena_zalloc(&s->keep, n * sizeof *s->told);
	for (uint32_t i = 1; i < s->count; i++) {
		const struct node *node = k->node[s->node[i]];

		if (agent_others_know(c, node))
			continue;
		s->told[s->told_count++] = (struct told){
			.name = arena_strdup(&s->keep, node->name),
			.host = arena_strdup(&s->keep, node->addr ? node->addr : node->name),
			.port = node->port ? node->port : c->conf->slurmdport,
		};
	}
}

static void one_found(void *arg, enum err e)
{
	struct send *s = arg;

	(void)e;                        /* an address without a family is none */
	if (--s->told_pending == 0)
		s->told_then(s);
}

void send_addrs_find(struct send *s, void (*then)(struct send *s))
{
	s->told_then = then;
	s->told_pending = s->told_count + 1;
	for (uint32_t i = 0; i < s->told_count; i++)
		names_find(s->agent->names, s->told[i].host, s->told[i].port, &s->told[i].addr,
			   one_found, s);
	one_found(s, E_OK);
}

enum err send_addrs_seal(struct send *s, char **sealed)
{
	struct slurm_node_alias_addrs m;
	const char **names = arena_alloc(&s->mem, s->told_count * sizeof *names);
	enum err e;

	wire_init(&slurm_node_alias_addrs_desc, &m);
	m.node_addrs = arena_zalloc(&s->mem, s->told_count * sizeof *m.node_addrs);
	for (uint32_t i = 0; i < s->told_count; i++) {
		if (!s->told[i].addr.family)
			continue;
		names[m.node_cnt] = s->told[i].name;
		m.node_addrs[m.node_cnt++] = s->told[i].addr;
	}
	if (!m.node_cnt)
		return E_OK;
	m.node_addrs_count = m.node_cnt;
	/* in the order of the addresses, so not a sorted list */
	m.node_list = hostlist_compress(names, m.node_cnt);
	e = cred_net_sign(s->agent->ctld->auth, &m, s->version, sealed, &s->why);
	free((char *)m.node_list);
	return e;
}
