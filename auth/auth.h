/* SPDX-License-Identifier: Apache-2.0
 *
 * Who sent a message.  Identity comes from the credential alone (AuthType says
 * which kind, see auth/method.h); the credential carries a hash (K12) of the
 * body, so that neither can be swapped.  All functions may block on the local
 * service that makes credentials, and may be called from any thread. */
#ifndef AUTH_AUTH_H
#define AUTH_AUTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "wire/frame.h"

struct auth;

#define AUTH_ANY_UID ((uid_t)-1)

struct auth_options {
	const char *auth_type, *cred_type;      /* NULL: munge */
	const char *socket;     /* munged's socket; NULL: munge's default */
	int ttl_sec;            /* 0: the method's default */
	/* Several daemons share one munged (as Debian's builds allow): its word that
	 * a credential was used before does not count, our own memory does. */
	bool allow_replay;
	bool block_null_hash;   /* CommunicationParameters=block_null_hash */
	bool block_zero_hash;   /* CommunicationParameters=block_zero_hash */
	int cred_expire_sec;    /* AuthInfo cred_expire=, for cred_cache_new; 120 unless given */

	/* of auth/slurm */
	bool key_holder;        /* a daemon, which reads the key; others ask one that does */
	const char *key_dir;    /* where slurm.key or slurm.jwks is */
	const char *cluster;    /* ClusterName, put into tokens */
	uid_t slurm_uid, slurmd_uid;    /* whose the key should be; who reads launch credentials */
	bool disable_sack;      /* AuthInfo=disable_sack: see auth/sack.h */
	bool use_client_ids;    /* AuthInfo=use_client_ids: not served, see auth_new */

	/* AuthAltTypes and AuthAltParameters (NULL: none), StateSaveLocation */
	const char *alt_types, *alt_params, *state_dir;
};

/* What a credential says, also filled as far as known when it is refused. */
struct auth_identity {
	uid_t uid;
	gid_t gid;
	uint8_t addr[4];        /* IPv4 address of the encoding host; 0 unknown */
	char host[65];          /* its name, when the credential says that; else "" */
	time_t encoded, decoded;/* by the encoder's and by our clock; 0 unknown */
	int ttl_sec;
	uint8_t hash_type;      /* 1 none, 2 K12, 4 SHA3; what a reply must use */
	uint32_t plugin;        /* AUTH_PLUGIN_*, likewise */
};
enum { AUTH_HASH_NONE = 1, AUTH_HASH_K12 = 2, AUTH_HASH_SHA3 = 4 };

/* Users of this number are refused, as stock does from 23.11 on. */
#define AUTH_NOBODY 99

/* Options are copied (AuthInfo: see auth_options_parse).  NULL when there is no
 * such method or its key cannot be used; why says so. */
struct auth *auth_new(const struct auth_options *o, struct err_text *why);
void auth_free(struct auth *a);         /* NULL is a no-op */
/* Parse AuthInfo= ("socket=/path,ttl=60,...") and CommunicationParameters=;
 * strings in *o point into mem. */
void auth_options_parse(struct auth_options *o, const char *auth_info,
			const char *comm_params, struct arena *mem);

/* "munge", "slurm" or "none". */
const char *auth_name(const struct auth *a);
/* AUTH_PLUGIN_*, for frames. */
uint32_t auth_plugin(const struct auth *a);
/* Are credentials of this plugin read? */
bool auth_knows(const struct auth *a, uint32_t plugin);
/* Do launch credentials travel inside tokens?  For wire_out, wire_frame. */
bool auth_cred_tokens(const struct auth *a);

/* At start-up: does it work?  E_PROTOCOL_AUTHENTICATION_ERROR: identities would
 * mean nothing, do not start.  E_FAIL: not yet (munged is away), but it may. */
enum err auth_self_test(struct auth *a, struct err_text *why);

/* Read keys anew (scontrol reconfigure).  On failure the old ones are kept. */
enum err auth_reload(struct auth *a, struct err_text *why);

/* Sign a body.  only_uid: who may decode it, or AUTH_ANY_UID.  hash_type: of the
 * request that is answered, or 0 for K12.  *cred is a heap string; caller frees.
 * When munged is away it is asked again for five seconds; never hold a lock
 * here.  Once it has been away that long, calls fail at once until it is back. */
enum err auth_sign(struct auth *a, uid_t only_uid, uint16_t msg_type, uint8_t hash_type,
		   const void *body, size_t len, char **cred, struct err_text *why);

/* The same for the answer to a message with a credential of this plugin. */
enum err auth_sign_answer(struct auth *a, uint32_t plugin, uid_t only_uid, uint16_t msg_type,
			  uint8_t hash_type, const void *body, size_t len, char **cred,
			  struct err_text *why);

/* A heap string that lets its holder speak for a user, for so many seconds.
 * E_PLUGIN_NOT_LOADED: AuthAltTypes does not say auth/jwt. */
enum err auth_token_make(struct auth *a, const char *user, int64_t lifespan, char **token,
			 struct err_text *why);
bool auth_has_tokens(const struct auth *a);

/* Check a frame's credential and hash.  E_PROTOCOL_AUTHENTICATION_ERROR: the
 * credential is bad; *why says in plain words which of key, clock (and by how
 * much the clocks differ), replay or restriction it was; stock_lines (may be
 * NULL) gets the lines stock logs ("Munge decode failed: Expired credential"
 * ...), newline separated.  E_COMMUNICATIONS_RECEIVE_ERROR: the hash does not
 * match the body (stock: close without a reply). */
enum err auth_verify(struct auth *a, const struct wire_frame *f, struct auth_identity *id,
		     struct err_text *why, struct err_text *stock_lines);
/* Log a refusal: stock's lines in stock's order and one line of plain words.
 * peer: "[host]:port" or what is known of it.  A storm is cut short (refusal.h). */
void auth_refusal_log(const struct wire_frame *f, const char *peer, enum err e,
		      const struct err_text *why, const struct err_text *stock_lines);
/* Equal?  In a time that does not depend on the bytes. */
bool auth_bytes_equal(const void *a, const void *b, size_t len);

/* KangarooTwelve (RFC 9861) of in, customised, 32 bytes out. */
void auth_k12(const void *in, size_t len, const void *custom, size_t custom_len,
	      uint8_t out[32]);
/* SHA3-256 of in followed by more. */
void auth_sha3_256(const void *in, size_t len, const void *more, size_t more_len,
		   uint8_t out[32]);

#endif
