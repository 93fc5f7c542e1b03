/* SPDX-License-Identifier: Apache-2.0
 *
 * The ways to say who one is (AuthType) and to seal credentials (CredType):
 * one row each, in methods.c.  Everything else in auth/ asks the row.
 * Private to auth/. */
#ifndef AUTH_METHOD_H
#define AUTH_METHOD_H

#include "auth/auth.h"
#include "auth/cred.h"
#include "auth/seen.h"

/* What became of a credential. */
enum auth_fate {
	FATE_GOOD,
	FATE_REPLAYED,          /* otherwise good */
	FATE_EXPIRED, FATE_REWOUND,
	FATE_RESTRICTED,        /* made for another user */
	FATE_BAD_KEY,
	FATE_MALFORMED,
	FATE_NO_MUNGED
};

struct munge;
struct slurm_keys;
struct jwt;

struct auth_method {
	const char *name;       /* behind "auth/" and "cred/" */
	uint32_t plugin;        /* AUTH_PLUGIN_* */
	uint64_t when;          /* releases that have it (see wire/version.h) */
	bool hashed;            /* the credential is bound to one message */
	bool tokens;            /* launch credentials travel inside tokens */
	bool alternative;       /* for AuthAltTypes alone */
	bool bare;              /* seals lack a NUL where signatures are opaque bytes */
	/* The credential may be seen by a daemon once only; refusing a second time
	 * is right.  (Two equal messages in one second have one and the same token.) */
	bool unique;

	enum err (*open)(struct auth *a, const struct auth_options *o, struct err_text *why);
	void (*close)(struct auth *a);
	enum err (*test)(struct auth *a, struct err_text *why);
	enum err (*reload)(struct auth *a, struct err_text *why);

	/* A heap string that says "this process, to only_uid: payload".  Patient. */
	enum err (*make)(struct auth *a, uid_t only_uid, const void *p, size_t len, char **text,
			 struct err_text *why);
	/* Fills *id as far as it could be read.  *payload (heap, may be NULL) is set
	 * for FATE_GOOD and FATE_REPLAYED alone.  *why and *stock_lines (both may be
	 * NULL) are set for every fate but FATE_GOOD. */
	enum auth_fate (*read)(struct auth *a, const char *text, size_t max_len, void **payload,
			       size_t *len, struct auth_identity *id, struct err_text *why,
			       struct err_text *stock_lines);

	/* As CredType.  Without tokens: seal packed bytes, and check that a seal is
	 * of just these bytes and made by root or slurm_uid. */
	enum err (*seal)(struct auth *a, const void *p, size_t len, char **text,
			 struct err_text *why);
	enum err (*check)(struct auth *a, const char *text, const void *p, size_t len,
			  uid_t slurm_uid, struct err_text *why);
	/* With tokens: the functions behind those of cred.h. */
	enum err (*launch_sign)(struct auth *a, struct cred_signed *c, enum wire_version v,
				struct arena *mem, struct err_text *why);
	enum err (*launch_open)(struct auth *a, struct cred_signed *c, enum wire_version v,
				struct arena *mem, struct err_text *why);
	enum err (*sbcast_sign)(struct auth *a, struct sbcast_cred_signed *c,
				struct arena *mem, struct err_text *why);
	enum err (*sbcast_open)(struct auth *a, struct sbcast_cred_signed *c,
				struct arena *mem, struct err_text *why);
	/* Either way: addresses of nodes; *text may come out NULL. */
	enum err (*net_sign)(struct auth *a, const struct slurm_node_alias_addrs *m,
			     enum wire_version v, char **text, struct err_text *why);
	enum err (*net_open)(struct auth *a, const char *text, enum wire_version v,
			     uid_t slurm_uid, struct arena *mem,
			     struct slurm_node_alias_addrs *m, struct err_text *why);
};

struct auth {
	const struct auth_method *method, *cred;        /* AuthType, CredType */
	const struct auth_method *alt;                  /* AuthAltTypes, NULL: none */
	bool allow_replay, block_null_hash, block_zero_hash;
	struct seen seen;       /* when allow_replay */
	/* state of the methods in use, NULL of others */
	struct munge *munge;
	struct slurm_keys *slurm;
	struct jwt *jwt;
};

extern const struct auth_method auth_method_munge, auth_method_slurm, auth_method_none,
	auth_method_jwt;

/* "auth/munge", "cred/munge" or "munge"; NULL when there is no such row. */
const struct auth_method *auth_method_find(const char *type);
/* "auth/munge, auth/slurm or auth/none" */
const char *auth_method_list(void);

/* "10 min 3 s" */
const char *auth_span_text(int64_t sec, char *buf, size_t n);

#endif
