/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that come and go. */
#include <arpa/inet.h>
#include <stdlib.h>

#include "auth/cred.h"
#include "auth/rpc.h"
#include "conf/hostlist.h"
#include "slurmctld/conn.h"
#include "slurmctld/dynamic.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/stats.h"
#include "wire/base/log.h"

#define DYNAMIC_FUTURE 1        /* slurmd -F */
#define DYNAMIC_NORM 2          /* slurmd -Z */

static void answer(struct ctld *c, struct request *r, enum err e, const struct err_text *why)
{
	if (!e) {
		rpc_answer_rc(c, r, E_OK);
		return;
	}
	log_info("%s: %s", wire_type_name(r->frame.header.type), why->text);
	stats_rpc(c->stats, r);
	conn_reply_rc_msg(c, r->conn, e, why->text);
	request_free(r);
}

void rpc_do_create_node(struct ctld *c, struct request *r)
{
	const struct update_node_msg *m = r->body;
	struct err_text why = { "" };
	enum err e = dynamic_add(c, m->extra, true, NULL, &why);

	/* Clients of 22.05 and 23.02 have no words for these. */
	if ((e == E_NODE_TABLE_FULL || e == E_NODE_ALREADY_EXISTS) &&
	    wire_version_in(r->version, UNTIL(23_11)))
		e = E_INVALID_NODE_NAME;
	answer(c, r, e, &why);
}

void rpc_do_delete_node(struct ctld *c, struct request *r)
{
	const struct update_node_msg *m = r->body;
	struct err_text why = { "" };
	enum err e = dynamic_delete(c, m->node_names, &why);

	answer(c, r, e, &why);
}

/* A node that slurm.conf does not name says itself what it is. */
void rpc_do_register(struct ctld *c, struct request *r)
{
	const struct node_registration_status_msg *m = r->body;
	const struct wire_addr *a = &r->caller.peer;
	struct err_text why = { "" };
	char ip[INET6_ADDRSTRLEN] = "";
	enum err e;

	if (m->dynamic_type == DYNAMIC_NORM && m->node_name && m->dynamic_conf &&
	    r->caller.root_or_slurm && !conf_node_find(c->conf, m->node_name)) {
		inet_ntop(a->family == 10 ? AF_INET6 : AF_INET, a->ip, ip, sizeof ip);
		e = dynamic_add(c, m->dynamic_conf, false, ip, &why);
		if (e)
			log_error("node %s cannot be added: %s", m->node_name, why.text);
		else
			log_info("node %s is new: %s", m->node_name, m->dynamic_conf);
	}
	rpc_core(c, r);
}

/* ---- where nodes are that a client's slurm.conf does not name ----------- */

struct addrs_work {
	struct work work;
	struct ctld *ctld;
	uint64_t conn;
	enum wire_version version;
	struct arena mem;
	const char **host;
	struct slurm_node_alias_addrs m;
	char *sealed;
	enum err rc;
	struct err_text why;
};

/* Sealed by us, so that node daemons believe what the client hands on. */
static void addrs_run(struct work *w)
{
	struct addrs_work *k = (struct addrs_work *)w;

	for (uint32_t i = 0; i < k->m.node_cnt; i++) {
		uint16_t port = k->m.node_addrs[i].port;

		if (rpc_resolve(k->host[i], port, &k->m.node_addrs[i]))
			log_error("no address of %s", k->host[i]);
		k->m.node_addrs[i].port = port;
	}
	k->rc = cred_net_sign(k->ctld->auth, &k->m, k->version, &k->sealed, &k->why);
}

static void addrs_done(struct work *w)
{
	struct addrs_work *k = (struct addrs_work *)w;
	struct node_alias_addrs_resp_msg m;

	if (k->rc) {
		log_error("addresses of %s: %s", k->m.node_list, k->why.text);
		conn_reply_rc(k->ctld, k->conn, k->rc);
	} else {
		wire_init(&node_alias_addrs_resp_msg_desc, &m);
		m.tmp_str = k->sealed;
		conn_reply(k->ctld, k->conn, RESPONSE_NODE_ALIAS_ADDRS, &m);
	}
	free(k->sealed);
	arena_fini(&k->mem);
	free(k);
}

void rpc_do_node_addrs(struct ctld *c, struct request *r)
{
	const struct slurm_node_alias_addrs *m = r->body;
	struct addrs_work *k = mem_zalloc(sizeof *k);
	char **names = NULL;
	uint32_t n = 0;
	bool ok = m->node_list && !hostlist_expand(m->node_list, &k->mem, &names, &n, NULL);

	wire_init(&slurm_node_alias_addrs_desc, &k->m);
	k->host = arena_zalloc(&k->mem, (n + 1) * sizeof *k->host);
	k->m.node_addrs = arena_zalloc(&k->mem, (n + 1) * sizeof *k->m.node_addrs);
	for (uint32_t i = 0; ok && i < n; i++) {
		const struct node *node = node_find(c->core, names[i]);

		ok = node != NULL;
		if (!ok)
			break;
		k->host[i] = arena_strdup(&k->mem, node->addr);
		k->m.node_addrs[i].port = node->port ? node->port : c->conf->slurmdport;
	}
	if (!ok || !n) {
		rpc_answer_rc(c, r, E_INVALID_NODE_NAME);
		arena_fini(&k->mem);
		free(k);
		return;
	}
	k->m.node_cnt = k->m.node_addrs_count = n;
	k->m.node_list = arena_strdup(&k->mem, m->node_list);
	k->work.run = addrs_run;
	k->work.done = addrs_done;
	k->ctld = c;
	k->conn = r->conn;
	k->version = r->version;
	stats_rpc(c->stats, r);
	request_free(r);
	pool_submit(c->slow, &k->work);
}
