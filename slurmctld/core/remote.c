/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients of other clusters (srun -M): their slurm.conf names neither us nor
 * our nodes, so the answer to their allocation does. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

#define FAMILY_IPV4 2
#define CLUSTER_FLAG_MULTSD 0x80u
#define SELECT_CONS_TRES 109

bool remote_cluster(const struct core *c, const char *name)
{
	return name && *name && c->conf->clustername && !streq(name, c->conf->clustername);
}

bool remote_parse_ipv4(const char *text, uint8_t ip[4])
{
	for (int i = 0; i < 4; i++) {
		char *end;
		unsigned long v;

		if (*text < '0' || *text > '9')
			return false;
		v = strtoul(text, &end, 10);
		if (v > 255 || end - text > 3 || *end != (i < 3 ? '.' : '\0'))
			return false;
		ip[i] = (uint8_t)v;
		text = end + 1;
	}
	return true;
}

/* NodeAddr if it is one, else where the node registered from. */
static void node_addr(const struct core *c, const struct node *n, struct wire_addr *a)
{
	*a = n->peer;
	if (n->addr && remote_parse_ipv4(n->addr, a->ip))
		a->family = FAMILY_IPV4;
	a->port = n->port ? n->port : c->conf->slurmdport;
}

void remote_fill(const struct core *c, struct effects *out, const struct job *j,
		 struct resource_allocation_response_msg *m)
{
	struct slurmdb_cluster_rec *r = &m->working_cluster_rec;

	if (!j->alloc || c->control_index >= c->conf->control_count)
		return;
	m->has_node_addr = 1;
	m->node_addr = arena_zalloc(&out->mem, j->alloc->node_count * sizeof *m->node_addr);
	bitset_foreach(i, j->alloc->nodes)
		node_addr(c, c->node[i], &m->node_addr[m->node_addr_count++]);
	m->has_cluster = 1;
	wire_init(&slurmdb_cluster_rec_desc, r);
	r->present = true;
	r->name = c->conf->clustername;
	r->control_host = c->conf->control_addrs[c->control_index];
	r->control_port = c->conf->slurmctldport;
	r->dimensions = 1;
	r->flags = CLUSTER_FLAG_MULTSD;
	r->plugin_id_select = SELECT_CONS_TRES;
	r->rpc_version = j->start_protocol;
}
