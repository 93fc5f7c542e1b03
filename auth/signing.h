/* SPDX-License-Identifier: Apache-2.0
 *
 * What a worker adds to a message before it is packed: the user's groups and
 * the signature of a credential, for one release. */
#ifndef AUTH_SIGNING_H
#define AUTH_SIGNING_H

#include "auth/cred.h"

/* body: a copy of the message's structure that may be changed; what is added
 * lives in mem.  v: release the message goes out in. */
enum err signing_prepare(struct auth *a, uint16_t type, void *body, enum wire_version v,
			 struct arena *mem, struct err_text *why);

#endif
