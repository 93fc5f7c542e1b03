/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests: who may send which, and who handles it.  One table, consulted
 * before a body is decoded. */
#ifndef SLURMCTLD_RPC_RPC_H
#define SLURMCTLD_RPC_RPC_H

#include "slurmctld/ctld.h"

enum rpc_who {
	WHO_ANYONE,
	WHO_ADMIN,      /* root or SlurmUser (nodes too); others hear "Invalid user id" */
	WHO_SETTER      /* the same; others hear "Permission denied" */
};

/* Runs in the main thread and owns r: frees it, or passes it on. */
typedef void rpc_handler(struct ctld *c, struct request *r);

struct rpc {
	uint16_t type;
	uint8_t who;
	rpc_handler *handle;
};

/* Any thread.  NULL: nothing we know. */
const struct rpc *rpc_find(uint16_t type);
enum err rpc_may(const struct rpc *rpc, const struct caller *who);

/* Main thread: run the request's handler. */
void rpc_handle(struct ctld *c, struct request *r);

/* Each handler once; the files q_*.c and do_*.c hold them. */
#define RPC(type, who, handler) rpc_handler handler;
#include "slurmctld/rpc/table.def"
#undef RPC

/* A request on a connection that conn_persist made persistent; takes bytes. */
void rpc_persistent(struct ctld *c, uint64_t conn, uint8_t *bytes, size_t len,
		    enum wire_version v);

/* Answer and forget. */
void rpc_answer(struct ctld *c, struct request *r, uint16_t type, const void *body);
void rpc_answer_rc(struct ctld *c, struct request *r, enum err rc);

#define PRIVATE_JOBS  0x0001
#define PRIVATE_NODES 0x0002
#define PRIVATE_PARTS 0x0004
#define PRIVATE_USAGE 0x0008
#define PRIVATE_RESV  0x0040
static inline bool rpc_private(const struct ctld *c, const struct request *r, uint16_t what)
{
	return c->conf->privatedata & what && !r->caller.operator_;
}

#endif
