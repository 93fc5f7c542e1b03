/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that come and go. */
#include <arpa/inet.h>

#include "slurmctld/conn.h"
#include "slurmctld/dynamic.h"
#include "slurmctld/rpc/rpc.h"
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
	conn_reply_rc_msg(c, r->conn, e, why->text);
	request_free(r);
}

void rpc_do_create_node(struct ctld *c, struct request *r)
{
	const struct update_node_msg *m = r->body;
	struct err_text why = { "" };
	enum err e = dynamic_add(c, m->extra, true, NULL, &why);

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
