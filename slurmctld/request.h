/* SPDX-License-Identifier: Apache-2.0
 *
 * A request from its last byte to its answer. */
#ifndef SLURMCTLD_REQUEST_H
#define SLURMCTLD_REQUEST_H

#include "auth/auth.h"
#include "slurmctld/core/event.h"
#include "slurmctld/pool.h"

struct ctld;
struct rpc;

struct request {
	struct work work;               /* first member */
	struct ctld *ctld;
	uint64_t conn;
	uint8_t *bytes;                 /* the frame without its length; heap */
	size_t len;
	struct arena mem;
	struct wire_frame frame;
	struct auth_identity id;
	struct caller caller;
	const struct rpc *rpc;
	void *body;
	int64_t start_usec;             /* monotonic, when the frame was complete */
	/* what the worker found: */
	bool close;                     /* no answer, as stock */
	enum err rc;                    /* a refusal */
	bool authentic;
	enum wire_version version;      /* to answer in */
};

/* Takes bytes.  Submits to the workers; ends in request_done. */
void request_start(struct ctld *c, uint64_t conn, const struct wire_addr *peer,
		   uint8_t *bytes, size_t len);
void request_free(struct request *r);

/* "192.168.4.1:6817"; static storage per thread. */
const char *request_addr_text(const struct wire_addr *a);
int64_t clock_mono_usec(void);

#endif
