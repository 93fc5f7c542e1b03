/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of administrators to the daemon itself. */
#include <errno.h>

#include "slurmctld/conn.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/standby.h"
#include "wire/base/log.h"

void rpc_do_reconfigure(struct ctld *c, struct request *r)
{
	struct err_text why = { "" };
	enum err e;

	log_info("Processing Reconfiguration Request");
	e = ctld_reconfigure(c, &why);
	if (e)
		log_error("reconfigure: %s", why.text);
	rpc_answer_rc(c, r, e);
}

void rpc_do_control(struct ctld *c, struct request *r)
{
	standby_give_up(c, r);
}

void rpc_do_takeover(struct ctld *c, struct request *r)
{
	log_info("Performing RPC: REQUEST_TAKEOVER : already in controller mode - skipping");
	rpc_answer_rc(c, r, E_OK);
}

void rpc_do_debug_level(struct ctld *c, struct request *r)
{
	static const char *const names[] = {
		"quiet", "fatal", "error", "info", "verbose", "debug", "debug2", "debug3",
		"debug4", "debug5"
	};
	const struct set_debug_level_msg *q = r->body;
	uint32_t level = q->debug_level > LVL_DEBUG5 ? LVL_DEBUG5 : q->debug_level;

	c->log_level = (int)level;
	ctld_log_setup(c);
	log_info("Set debug level to '%s'", names[level]);
	c->core->last_conf_update = ctld_now_usec(c) / 1000000;
	rpc_answer_rc(c, r, E_OK);
}

void rpc_do_debug_flags(struct ctld *c, struct request *r)
{
	const struct set_debug_flags_msg *q = r->body;

	c->debug_flags &= ~q->debug_flags_minus;
	c->debug_flags |= q->debug_flags_plus;
	log_info("Set DebugFlags to %#llx", (unsigned long long)c->debug_flags);
	c->core->last_conf_update = ctld_now_usec(c) / 1000000;
	rpc_answer_rc(c, r, E_OK);
}

/* Takes effect with accounting only; shown by "scontrol show config". */
void rpc_do_dampening(struct ctld *c, struct request *r)
{
	const struct set_fs_dampening_factor_msg *q = r->body;

	c->dampening_factor = q->dampening_factor;
	log_info("Set FairShareDampeningFactor to %u", q->dampening_factor);
	c->core->last_conf_update = ctld_now_usec(c) / 1000000;
	rpc_answer_rc(c, r, E_OK);
}

/* There is no separate log of the scheduler. */
void rpc_do_schedlog(struct ctld *c, struct request *r)
{
	rpc_answer_rc(c, r, E_DISABLED);
}

/* ---- what this controller is not --------------------------------------- */

/* Siblings of a federation speak over persistent connections only. */
void rpc_do_sibling(struct ctld *c, struct request *r)
{
	log_error("Security violation, %s RPC from uid=%u",
		  wire_type_name(r->frame.header.type), (unsigned)r->caller.uid);
	rpc_answer_rc(c, r, E_ACCESS_DENIED);
}

/* There is no certmgr plugin. */
void rpc_do_tls_cert(struct ctld *c, struct request *r)
{
	const struct tls_cert_request_msg *m = r->body;

	if (!r->caller.root_or_slurm) {
		log_error("Security violation, REQUEST_TLS_CERT from uid=%u",
			  (unsigned)r->caller.uid);
		rpc_answer_rc(c, r, E_ACCESS_DENIED);
		return;
	}
	log_error("node %s asks for a certificate: there is no CertmgrType here",
		  m->node_name ? m->node_name : "?");
	rpc_answer_rc(c, r, E_FAIL);
}

/* No front end nodes in this build. */
void rpc_do_front_end(struct ctld *c, struct request *r)
{
	rpc_answer_rc(c, r, E_INVALID_NODE_NAME);
}

/* What a step manager has for the accounting service.  Others are not even
 * answered. */
void rpc_do_dbd_relay(struct ctld *c, struct request *r)
{
	const struct dbd_relay *m = r->body;

	if (!r->caller.root_or_slurm) {
		log_error("Security violation, REQUEST_DBD_RELAY RPC from uid=%u",
			  (unsigned)r->caller.uid);
		conn_close(c, r->conn);
		request_free(r);
		return;
	}
	log_debug2("message %u for the accounting service: there is none", (unsigned)m->msg_type);
	rpc_answer_rc(c, r, E_OK);
}
