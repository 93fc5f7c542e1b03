/* SPDX-License-Identifier: Apache-2.0
 *
 * Talking to munged: the two calls, patience, and what its answers mean in
 * plain words.  Private to auth/. */
#ifndef AUTH_MUNGE_H
#define AUTH_MUNGE_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/seen.h"

struct auth {
	char *socket;
	int ttl_sec;
	bool allow_replay, block_null_hash, block_zero_hash;
	/* munged has been away for as long as we wait: nobody waits again, and one
	 * thread at a time asks whether it is back (libmunge alone takes ten
	 * seconds to give up on a stopped one) */
	atomic_bool away, probing;
	struct seen seen;       /* when allow_replay */
};

/* What became of a credential. */
enum munge_fate {
	FATE_GOOD,
	FATE_REPLAYED,          /* otherwise good */
	FATE_EXPIRED, FATE_REWOUND,
	FATE_RESTRICTED,        /* made for another user */
	FATE_BAD_KEY,
	FATE_MALFORMED,
	FATE_NO_MUNGED
};

/* *text is a heap string. */
enum err munge_seal(struct auth *a, uid_t only_uid, const void *p, size_t len, char **text,
		    struct err_text *why);
/* Fills *id as far as the credential could be read.  *payload (heap, may be
 * NULL) is set for FATE_GOOD and FATE_REPLAYED alone.  *why and *stock_lines
 * (both may be NULL) are set for every fate but FATE_GOOD. */
enum munge_fate munge_unseal(struct auth *a, const char *text, size_t max_len,
			     void **payload, size_t *len, struct auth_identity *id,
			     struct err_text *why, struct err_text *stock_lines);

#endif
