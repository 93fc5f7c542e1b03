/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens of auth/slurm: JSON web signatures (RFC 7515, compact form, HS256),
 * and the keys that sign them.  Knows no claim.  Private to auth/. */
#ifndef AUTH_JWS_H
#define AUTH_JWS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/base/err.h"
#include "wire/base/mem.h"

struct json_object;

struct jws_key {
	char *kid;              /* NULL: tokens do not name it */
	uint8_t *key;
	size_t len;
	int64_t expires;        /* 0: never */
};
struct jws_keys {
	struct jws_key *key;
	uint32_t count, signing;        /* signing: index of the one that signs */
	bool named;             /* from slurm.jwks: tokens may name theirs */
};

/* Read dir/slurm.jwks or else dir/slurm.key; the environment may name other
 * files, as stock's (SLURM_SACK_JWKS, SLURM_SACK_KEY).  Refused: files that
 * others may read or write.  *k is untouched on failure. */
enum err jws_keys_read(const char *dir, uid_t slurm_uid, struct jws_keys *k,
		       struct err_text *why);
/* One key without a name: the bytes of a file.  who begins the words of *why. */
enum err jws_key_read(const char *who, const char *path, uid_t slurm_uid, struct jws_keys *k,
		      struct err_text *why);
void jws_keys_fini(struct jws_keys *k);

/* A heap string. */
char *jws_sign(const struct jws_key *k, struct json_object *claims);

enum jws_fate { JWS_GOOD, JWS_BAD_KEY, JWS_UNKNOWN_KID, JWS_EXPIRED_KEY, JWS_MALFORMED };
/* Check the signature at this time and read the claims (an object; the caller
 * puts it).  *claims is set for JWS_GOOD alone.  keys NULL: somebody who has
 * them said that it is good; only read it.  kid (may be NULL) gets the name of
 * a key that the token names. */
enum jws_fate jws_open(const struct jws_keys *keys, const char *token, int64_t now,
		       struct json_object **claims, char kid[64]);

/* A member that is a string, borrowed; else NULL. */
const char *jws_text(struct json_object *o, const char *key);

/* Base64 with padding; heap string. */
char *jws_base64(const void *p, size_t len);
/* Either alphabet's text with or without padding; heap memory, NULL when it is
 * not base64. */
uint8_t *jws_base64_decode(const char *s, size_t n, bool url, size_t *len);

#endif
