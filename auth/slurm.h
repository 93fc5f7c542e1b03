/* SPDX-License-Identifier: Apache-2.0
 *
 * auth/slurm: what its files share.  A token is a JSON object of claims, signed;
 * who holds the key makes and checks tokens, everybody else asks the socket of
 * one who does (auth/sack.h).  Private to auth/. */
#ifndef AUTH_SLURM_H
#define AUTH_SLURM_H

#include <pthread.h>

#include "auth/jws.h"
#include "auth/method.h"

#define SLURM_TTL_SEC 60        /* of a token, unless AuthInfo says otherwise */

struct slurm_keys {
	bool holder;
	pthread_rwlock_t lock;  /* of keys: they may be read anew */
	struct jws_keys keys;   /* of a holder */
	char *dir, *cluster;
	uid_t slurm_uid, slurmd_uid;
	int ttl_sec;
	char host[65];
	/* what this process is; a test may say otherwise */
	uid_t uid;
	gid_t gid;
	uint16_t version;       /* in claim "ver", which nobody reads */
	int64_t (*clock)(void);
};

/* What every token says.  Integers fit the wire's u32. */
struct slurm_claims {
	const char *context;    /* "auth", "sack", "launch", "sbcast", "net" */
	uid_t uid, only_uid;    /* about whom; who may read it */
	gid_t gid;
	const void *payload;
	size_t payload_len;
	/* objects of the contexts, or NULL; taken over */
	struct json_object *id, *net, *netcred, *sbcast;
};
/* A holder's signature under the claims, from now on; heap string. */
char *slurm_token_make(struct slurm_keys *k, const struct slurm_claims *c);

/* A token that was opened; json owns the strings. */
struct slurm_token {
	struct json_object *json;
	const char *context, *host;
	uid_t uid;
	gid_t gid;
	int64_t made, expires;
	uint8_t *payload;       /* heap */
	size_t payload_len;
};
void slurm_token_fini(struct slurm_token *t);
/* Check and read one that only_uid may read.  *t holds what could be read (to
 * be fini'd in any case).  asked: another holder has said that it is good.
 * *why and *stock_lines (both may be NULL) are set unless it is. */
enum auth_fate slurm_token_open(struct slurm_keys *k, const char *text, uid_t reader,
				bool asked, struct slurm_token *t, struct err_text *why,
				struct err_text *stock_lines);

/* The socket's client: a token for this process, E_OK when a token is good. */
enum err slurm_ask_token(const char *cluster, uid_t only_uid, const void *p, size_t len,
			 char **text, struct err_text *why);
enum err slurm_ask_verify(const char *cluster, const char *text, struct err_text *why);

/* slurm_cred.c */
enum err slurm_launch_sign(struct auth *a, struct cred_signed *c, enum wire_version v,
			   struct arena *mem, struct err_text *why);
enum err slurm_launch_open(struct auth *a, struct cred_signed *c, enum wire_version v,
			   struct arena *mem, struct err_text *why);
enum err slurm_sbcast_sign(struct auth *a, struct sbcast_cred_signed *c, struct arena *mem,
			   struct err_text *why);
enum err slurm_sbcast_open(struct auth *a, struct sbcast_cred_signed *c, struct arena *mem,
			   struct err_text *why);
enum err slurm_net_sign(struct auth *a, const struct slurm_node_alias_addrs *m,
			enum wire_version v, char **text, struct err_text *why);
enum err slurm_net_open(struct auth *a, const char *text, enum wire_version v,
			uid_t slurm_uid, struct arena *mem, struct slurm_node_alias_addrs *m,
			struct err_text *why);

#endif
