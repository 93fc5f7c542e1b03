/* SPDX-License-Identifier: Apache-2.0
 *
 * The socket at which programs without the key get tokens (auth/slurm).  The
 * kernel says who asks; a token is always about the one who asks, and one is
 * looked at as if the one who asks had read it. */
#ifndef AUTH_SACK_H
#define AUTH_SACK_H

#include "auth/auth.h"

struct sack;

/* Serve dir/sack.socket in a thread of its own; dir is made, and must be
 * owner's or root's.  a: of AuthType=auth/slurm, with the key. */
enum err sack_start(struct auth *a, const char *dir, uid_t owner, struct sack **out,
		    struct err_text *why);
/* From now on with these keys; a may be freed once this was called with
 * another. */
void sack_auth_set(struct sack *s, struct auth *a);
/* The socket file stays: it may be another daemon's by now.  NULL is a no-op. */
void sack_stop(struct sack *s);

#endif
