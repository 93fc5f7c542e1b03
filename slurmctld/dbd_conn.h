/* SPDX-License-Identifier: Apache-2.0
 *
 * One persistent connection to slurmdbd, blocking. */
#ifndef SLURMCTLD_DBD_CONN_H
#define SLURMCTLD_DBD_CONN_H

#include "auth/auth.h"
#include "conf/conf.h"
#include "wire/messages.h"

struct dbd_conn {
	int fd;
	enum wire_version version;      /* agreed: the newest that the service speaks */
	int timeout_ms;
};

/* Connect and agree on a release; *known is tried first, and remembers it. */
enum err dbd_conn_open(struct dbd_conn *k, struct auth *auth, const struct conf *conf,
		       const char *host, enum wire_version *known, struct err_text *why);
/* Send one message and read its answer (in mem). */
enum err dbd_conn_ask(struct dbd_conn *k, uint16_t type, const void *body, struct arena *mem,
		      const struct wire_type **reply_type, void **reply, struct err_text *why);
void dbd_conn_close(struct dbd_conn *k);

#endif
