/* SPDX-License-Identifier: Apache-2.0
 *
 * What the accounting service tells us: that something changed in its
 * database, and that it wants to be told where we are. */
#include <errno.h>
#include <stdlib.h>

#include "slurmctld/conn.h"
#include "slurmctld/dbd.h"
#include "slurmctld/rpc/rpc.h"
#include "wire/base/log.h"

#define PERSIST_ACCT_UPDATE 5

/* Associations and QOS are not kept here (they would only matter where limits
 * are enforced): the change is in the service's database already. */
static void update(const struct accounting_update_msg *m)
{
	for (uint32_t i = 0; i < m->count; i++)
		log_debug("slurmdbd: change of type %u in its database", m->objects[i].type);
}

void rpc_do_acct_update(struct ctld *c, struct request *r)
{
	update(r->body);
	rpc_answer_rc(c, r, E_OK);
}

/* Neither has an answer. */
void rpc_do_acct_register(struct ctld *c, struct request *r)
{
	log_info("slurmdbd asks to register again: %s", wire_type_name(r->frame.header.type));
	if (c->dbd)
		dbd_register(c->dbd);
	conn_close(c, r->conn);
	request_free(r);
}

void rpc_do_persist(struct ctld *c, struct request *r)
{
	const struct slurm_persist_init_req_msg *q = r->body;
	struct slurm_persist_rc_msg m;
	enum wire_version v = r->version;

	wire_init(&slurm_persist_rc_msg_desc, &m);
	m.ret_info = q->version;
	if (!r->caller.root_or_slurm) {
		log_error("Security violation, REQUEST_PERSIST_INIT RPC from uid=%u",
			  (unsigned)r->caller.uid);
		m.rc = E_USER_ID_MISSING;
	} else if (!wire_version_find(q->version, &v)) {
		m.rc = E_PROTOCOL_VERSION_ERROR;
	} else if (q->persist_type != PERSIST_ACCT_UPDATE) {
		log_info("a persistent connection of type %u (federation) is not served",
			 q->persist_type);
		m.rc = (uint32_t)E_FAIL;
	} else {
		conn_persist(c, r->conn, v);
	}
	conn_persist_reply(c, r->conn, PERSIST_RC, &m);
	request_free(r);
}

void rpc_persistent(struct ctld *c, uint64_t conn, uint8_t *bytes, size_t len,
		    enum wire_version v)
{
	struct return_code_msg m = { .return_code = E_OK };
	const struct wire_type *t;
	struct arena mem = { 0 };
	void *body;

	if (wire_persist_parse(bytes, len, v, &mem, &t, &body)) {
		log_error("a message of %zu bytes on a persistent connection cannot be decoded",
			  len);
		conn_close(c, conn);
	} else {
		if (t->number == ACCOUNTING_UPDATE_MSG && c->active)
			update(body);
		else
			m.return_code = c->active ? EINVAL : E_IN_STANDBY_MODE;
		conn_persist_reply(c, conn, RESPONSE_SLURM_RC, &m);
	}
	arena_fini(&mem);
	free(bytes);
}
