/* SPDX-License-Identifier: Apache-2.0
 *
 * From a permitted, decoded request to its handler. */
#include "slurmctld/rpc/rpc.h"

#include <errno.h>

#include "slurmctld/conn.h"
#include "slurmctld/journal.h"
#include "slurmctld/standby.h"
#include "slurmctld/stats.h"
#include "slurmctld/steps.h"
#include "wire/base/log.h"

static const struct rpc table[] = {
#define RPC(type, who, handler) { type, who, handler },
#include "slurmctld/rpc/table.def"
#undef RPC
};

const struct rpc *rpc_find(uint16_t type)
{
	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (table[i].type == type)
			return &table[i];
	return NULL;
}

enum err rpc_may(const struct rpc *rpc, const struct caller *who)
{
	if (!rpc || rpc->who == WHO_ANYONE || who->root_or_slurm)
		return E_OK;
	return rpc->who == WHO_SETTER ? (enum err)EACCES : E_USER_ID_MISSING;
}

void rpc_handle(struct ctld *c, struct request *r)
{
	log_debug2("Processing RPC: %s from uid=%u", wire_type_name(r->frame.header.type),
		   (unsigned)r->caller.uid);
	if (!c->active) {
		standby_handle(c, r);
		return;
	}
	if (!r->rpc) {
		log_error("invalid RPC msg_type=%s", wire_type_name(r->frame.header.type));
		rpc_answer_rc(c, r, (enum err)EINVAL);
		return;
	}
	r->rpc->handle(c, r);
}

void rpc_answer(struct ctld *c, struct request *r, uint16_t type, const void *body)
{
	conn_reply(c, r->conn, type, body);
	stats_rpc(c->stats, r);
	request_free(r);
}

void rpc_answer_rc(struct ctld *c, struct request *r, enum err rc)
{
	struct return_code_msg m = { .return_code = (uint32_t)rc };

	rpc_answer(c, r, RESPONSE_SLURM_RC, &m);
}

void rpc_unserved(struct ctld *c, struct request *r)
{
	log_info("%s from uid=%u is not supported", wire_type_name(r->frame.header.type),
		 (unsigned)r->caller.uid);
	rpc_answer_rc(c, r, E_NOT_SUPPORTED);
}

/* While the disk is full, these would only wait, and be sent again: better an
 * error at once.  What ends or frees something is still taken. */
static bool adds_work(uint16_t type)
{
	switch (type) {
	case REQUEST_SUBMIT_BATCH_JOB:
	case REQUEST_SUBMIT_BATCH_HET_JOB:
	case REQUEST_RESOURCE_ALLOCATION:
	case REQUEST_HET_JOB_ALLOCATION:
	case REQUEST_UPDATE_JOB:
	case REQUEST_CREATE_PARTITION:
	case REQUEST_UPDATE_PARTITION:
	case REQUEST_CREATE_RESERVATION:
	case REQUEST_UPDATE_RESERVATION:
		return true;
	default:
		return false;
	}
}

/* Everything that changes or asks the core itself. */
void rpc_core(struct ctld *c, struct request *r)
{
	struct event ev = {
		.kind = EV_RPC,
		.conn = r->conn,
		.caller = r->caller,
		.type = r->frame.header.type,
		.body = r->body,
	};

	if (!core_handles(ev.type)) {
		rpc_unserved(c, r);
		return;
	}
	if (adds_work(ev.type) && journal_stuck(c->journal)) {
		rpc_answer_rc(c, r, E_WRITING_TO_FILE);
		return;
	}
	steps_run(c, &ev, r);
}
