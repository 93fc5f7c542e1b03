/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of the step manager on their way: a few threads, so that one node
 * that does not answer holds nobody up. */
#ifndef STEPD_COURIER_H
#define STEPD_COURIER_H

#include "auth/rpc.h"

struct courier;

struct courier *courier_new(struct auth *auth, int timeout_ms);
/* The message is copied.  host NULL: to addr, else to that host's port. */
void courier_send(struct courier *c, const char *host, uint16_t port,
		  const struct wire_addr *addr, enum wire_version v, uid_t only_uid,
		  uint16_t type, const void *body);
/* Wait until all are out, at most so long; then end. */
void courier_free(struct courier *c, int wait_ms);

#endif
