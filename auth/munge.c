/* SPDX-License-Identifier: Apache-2.0
 *
 * AuthType=auth/munge, CredType=cred/munge: libmunge, with patience.  munged
 * may be restarting (a changed key), and stock daemons wait it out, so do we.
 * A context belongs to one call; nothing here is shared between threads but
 * two flags. */
#include "auth/method.h"

#include <limits.h>
#include <munge.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_MS    5000
#define PAUSE_USEC     100000
/* Launch credentials hold whole host lists and core maps. */
#define SEAL_TEXT_MAX ((size_t)1 << 20)
/* munged reads no larger request; base64 and its own header need the rest. */
#define SEAL_MAX       ((size_t)700 << 10)

struct munge {
	char *socket;
	int ttl_sec;
	/* munged has been away for as long as we wait: nobody waits again, and one
	 * thread at a time asks whether it is back (libmunge alone takes ten
	 * seconds to give up on a stopped one) */
	atomic_bool away, probing;
};

static int64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* Asking munged, perhaps more than once. */
struct attempt {
	int64_t give_up;        /* on clock_ms() */
	bool probe;             /* munged is away, and we are the one who asks */
};

/* False: munged is away and another thread is asking. */
static bool attempt_begin(struct munge *a, struct attempt *t)
{
	t->probe = atomic_load(&a->away);
	t->give_up = clock_ms() + (t->probe ? 0 : PATIENCE_MS);
	return !t->probe || !atomic_exchange(&a->probing, true);
}

/* Ask again? */
static bool attempt_again(struct munge *a, struct attempt *t, munge_err_t e)
{
	if (e == EMUNGE_SOCKET && clock_ms() < t->give_up) {
		(void)usleep(PAUSE_USEC);
		return true;
	}
	atomic_store(&a->away, e == EMUNGE_SOCKET);
	if (t->probe)
		atomic_store(&a->probing, false);
	return false;
}

static munge_err_t encode(struct munge *a, munge_ctx_t ctx, const void *p, size_t len,
			  char **text)
{
	struct attempt t;
	munge_err_t e;

	if (!attempt_begin(a, &t))
		return EMUNGE_SOCKET;
	do
		e = munge_encode(text, ctx, p, (int)len);
	while (attempt_again(a, &t, e));
	return e;
}

static munge_err_t decode(struct munge *a, munge_ctx_t ctx, const char *text, void **data,
			  int *len, struct auth_identity *id)
{
	struct attempt t;
	munge_err_t e;

	if (!attempt_begin(a, &t))
		return EMUNGE_SOCKET;
	do {
		free(*data);
		*data = NULL;
		e = munge_decode(text, ctx, data, len, &id->uid, &id->gid);
	} while (attempt_again(a, &t, e));
	return e;
}

static munge_ctx_t context_new(const struct munge *a)
{
	munge_ctx_t ctx = munge_ctx_create();

	if (ctx && a->socket &&
	    munge_ctx_set(ctx, MUNGE_OPT_SOCKET, a->socket) != EMUNGE_SUCCESS) {
		munge_ctx_destroy(ctx);
		ctx = NULL;
	}
	return ctx;
}

/* Gone with the next call on the context. */
static const char *reason(munge_ctx_t ctx, munge_err_t e)
{
	const char *s = munge_ctx_strerror(ctx);

	return s ? s : munge_strerror(e);
}

static void no_munged(const struct munge *a, munge_ctx_t ctx, const char *verb,
		      struct err_text *why, struct err_text *stock)
{
	const char *socket = a->socket;
	char said[256];

	(void)snprintf(said, sizeof said, "%s", reason(ctx, EMUNGE_SOCKET));
	if (!socket && munge_ctx_get(ctx, MUNGE_OPT_SOCKET, &socket) != EMUNGE_SUCCESS)
		socket = NULL;
	err_set(why, E_FAIL, "our own munged does not answer at %s: %s",
		socket ? socket : "its default socket", said);
	err_set(stock, E_FAIL,
		"If munged is up, restart with --num-threads=10\nMunge %s failed: %s", verb,
		said);
}

static enum err make(struct auth *auth, uid_t only_uid, const void *p, size_t len, char **text,
		     struct err_text *why)
{
	struct munge *a = auth->munge;
	munge_ctx_t ctx;
	munge_err_t e;
	char *cred = NULL;

	if (len > SEAL_MAX)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR,
			       "%zu bytes are more than munge can seal", len);
	ctx = context_new(a);
	if (!ctx)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR,
			       "munge refuses the socket path '%s'", a->socket);
	e = munge_ctx_set(ctx, MUNGE_OPT_UID_RESTRICTION, only_uid);
	if (e == EMUNGE_SUCCESS && a->ttl_sec)
		e = munge_ctx_set(ctx, MUNGE_OPT_TTL, a->ttl_sec);
	if (e == EMUNGE_SUCCESS)
		e = encode(a, ctx, p, len, &cred);
	if (e == EMUNGE_SUCCESS)
		*text = cred;
	else if (e == EMUNGE_SOCKET)
		no_munged(a, ctx, "encode", why, NULL);
	else
		err_set(why, E_FAIL, "munge cannot seal: %s", reason(ctx, e));
	munge_ctx_destroy(ctx);
	return e == EMUNGE_SUCCESS ? E_OK : E_PROTOCOL_AUTHENTICATION_ERROR;
}

static const char *time_text(time_t t, char *buf, size_t n)
{
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(buf, n, "%a %b %d %H:%M:%S %Y", &tm))
		(void)snprintf(buf, n, "%lld", (long long)t);
	return buf;
}

static enum auth_fate fate_of(munge_err_t e)
{
	switch (e) {
	case EMUNGE_SUCCESS:
		return FATE_GOOD;
	case EMUNGE_CRED_REPLAYED:
		return FATE_REPLAYED;
	case EMUNGE_CRED_EXPIRED:
		return FATE_EXPIRED;
	case EMUNGE_CRED_REWOUND:
		return FATE_REWOUND;
	case EMUNGE_CRED_UNAUTHORIZED:
		return FATE_RESTRICTED;
	case EMUNGE_CRED_INVALID:
		return FATE_BAD_KEY;
	case EMUNGE_SOCKET:
	case EMUNGE_TIMEOUT:
		return FATE_NO_MUNGED;
	default:
		return FATE_MALFORMED;
	}
}

/* The one place that turns a fate into a sentence. */
static void explain(enum auth_fate fate, const struct auth_identity *id, const char *said,
		    struct err_text *why)
{
	char made[64], read[64], apart[32];

	(void)time_text(id->encoded, made, sizeof made);
	(void)time_text(id->decoded, read, sizeof read);
	(void)auth_span_text(id->decoded - id->encoded, apart, sizeof apart);
	switch (fate) {
	case FATE_EXPIRED:
		err_set(why, E_FAIL, "clock: the sender's clock is %s behind ours, or the message "
			"was that long under way (made %s by its clock, read %s by ours, "
			"valid for %d s)", apart, made, read, id->ttl_sec);
		break;
	case FATE_REWOUND:
		err_set(why, E_FAIL, "clock: the sender's clock is %s ahead of ours (made %s by "
			"its clock, read %s by ours)", apart, made, read);
		break;
	case FATE_REPLAYED:
		err_set(why, E_FAIL, "replay: this credential was used before (made %s by user %u)",
			made, (unsigned)id->uid);
		break;
	case FATE_RESTRICTED:
		err_set(why, E_FAIL, "restriction: the credential was made for another user or "
			"group to read (we are user %u)", (unsigned)geteuid());
		break;
	case FATE_BAD_KEY:
		err_set(why, E_FAIL, "key: the sender's munge key is not ours (or the credential "
			"was altered on its way)");
		break;
	default:
		err_set(why, E_FAIL, "format: not a credential that our munged can read: %s", said);
		break;
	}
}

static void stock_says(munge_ctx_t ctx, munge_err_t e, const char *said,
		       struct err_text *stock)
{
	char lines[2][128], when[64];
	static const munge_opt_t opt[2] = { MUNGE_OPT_ENCODE_TIME, MUNGE_OPT_DECODE_TIME };
	static const char *const word[2] = { "ENCODED", "DECODED" };

	for (int k = 0; k < 2; k++) {
		time_t t = 0;

		lines[k][0] = '\0';
		if (munge_ctx_get(ctx, opt[k], &t) == EMUNGE_SUCCESS)
			(void)snprintf(lines[k], sizeof lines[k],
				       "\nauth/munge: _print_cred: %s: %s", word[k],
				       time_text(t, when, sizeof when));
	}
	err_set(stock, E_FAIL, "Munge decode failed: %s%s%s%s", said, lines[0], lines[1],
		e == EMUNGE_CRED_REWOUND ? "\nCheck for out of sync clocks" : "");
}

/* Worth asking munged?  Nothing is measured beyond max_len. */
static bool looks_sealed(const char *s, size_t max_len)
{
	size_t n = strnlen(s, max_len + 1);

	return n <= max_len && n > 7 && !strncmp(s, "MUNGE:", 6) && s[n - 1] == ':';
}

static void identity_read(munge_ctx_t ctx, struct auth_identity *id)
{
	time_t t;

	if (munge_ctx_get(ctx, MUNGE_OPT_ADDR4, id->addr) != EMUNGE_SUCCESS)
		memset(id->addr, 0, sizeof id->addr);
	if (munge_ctx_get(ctx, MUNGE_OPT_ENCODE_TIME, &t) == EMUNGE_SUCCESS)
		id->encoded = t;
	if (munge_ctx_get(ctx, MUNGE_OPT_DECODE_TIME, &t) == EMUNGE_SUCCESS)
		id->decoded = t;
	if (munge_ctx_get(ctx, MUNGE_OPT_TTL, &id->ttl_sec) != EMUNGE_SUCCESS)
		id->ttl_sec = 0;
}

static enum auth_fate read_text(struct auth *auth, const char *text, size_t max_len,
				void **payload, size_t *len, struct auth_identity *id,
				struct err_text *why, struct err_text *stock_lines)
{
	struct munge *a = auth->munge;
	void *data = NULL;
	int n = 0;
	struct auth_identity as = {0};
	enum auth_fate fate;
	munge_err_t e;
	munge_ctx_t ctx;

	*id = (struct auth_identity){ .uid = AUTH_NOBODY, .gid = AUTH_NOBODY };
	if (!looks_sealed(text, max_len)) {
		const char *said = munge_strerror(EMUNGE_BAD_CRED);

		explain(FATE_MALFORMED, id, said, why);
		err_set(stock_lines, E_FAIL, "Munge decode failed: %s", said);
		return FATE_MALFORMED;
	}
	ctx = context_new(a);
	if (!ctx) {
		err_set(why, E_FAIL, "munge refuses the socket path '%s'", a->socket);
		err_set(stock_lines, E_FAIL, "munge_ctx_set failure");
		return FATE_NO_MUNGED;
	}
	e = decode(a, ctx, text, &data, &n, &as);
	fate = fate_of(e);
	if (fate == FATE_NO_MUNGED) {
		no_munged(a, ctx, "decode", why, stock_lines);
	} else {
		char said[128];

		(void)snprintf(said, sizeof said, "%s", reason(ctx, e));
		identity_read(ctx, id);
		if (fate <= FATE_REWOUND)
			id->uid = as.uid, id->gid = as.gid;
		if (fate != FATE_GOOD) {
			explain(fate, id, said, why);
			stock_says(ctx, e, said, stock_lines);
		}
	}
	munge_ctx_destroy(ctx);
	if (fate > FATE_REPLAYED) {
		free(data);
		return fate;
	}
	*payload = data;
	*len = data && n > 0 ? (size_t)n : 0;
	return fate;
}

/* ---- credentials ------------------------------------------------------- */

static enum err seal(struct auth *a, const void *p, size_t len, char **text,
		     struct err_text *why)
{
	return make(a, AUTH_ANY_UID, p, len, text, why);
}

/* Whoever sealed it must be the controller. */
static enum err unseal(struct auth *a, const char *text, uid_t slurm_uid, void **payload,
		       size_t *len, struct err_text *why)
{
	struct auth_identity id;
	void *p = NULL;
	size_t n = 0;
	enum auth_fate fate = read_text(a, text, SEAL_TEXT_MAX, &p, &n, &id, why, NULL);
	enum err e = E_D_INVALID_JOB_CREDENTIAL;

	if (fate == FATE_REPLAYED && !a->allow_replay)
		e = E_D_CREDENTIAL_REPLAYED;
	else if (fate == FATE_GOOD || fate == FATE_REPLAYED)
		e = id.uid == 0 || id.uid == slurm_uid ? E_OK :
		    err_set(why, E_D_INVALID_JOB_CREDENTIAL,
			    "the credential was signed by user %u, not by SlurmUser %u",
			    (unsigned)id.uid, (unsigned)slurm_uid);
	if (e) {
		free(p);
		return e;
	}
	*payload = p;
	*len = n;
	return E_OK;
}

static enum err check(struct auth *a, const char *text, const void *p, size_t len,
		      uid_t slurm_uid, struct err_text *why)
{
	void *payload;
	size_t n;
	enum err e = unseal(a, text, slurm_uid, &payload, &n, why);

	if (e)
		return e;
	if (n != len || !auth_bytes_equal(payload, p, len))
		e = err_set(why, E_D_INVALID_JOB_CREDENTIAL,
			    "the credential is not the one that was signed");
	free(payload);
	return e;
}

static enum err net_sign(struct auth *a, const struct slurm_node_alias_addrs *m,
			 enum wire_version v, char **text, struct err_text *why)
{
	struct wire_out o = {0};
	enum err e;

	wire_pack(&o, &slurm_node_alias_addrs_desc, m, v);
	e = o.failed ? E_FAIL : seal(a, o.base, o.len, text, why);
	wire_out_fini(&o);
	return e;
}

static enum err net_open(struct auth *a, const char *text, enum wire_version v,
			 uid_t slurm_uid, struct arena *mem,
			 struct slurm_node_alias_addrs *m, struct err_text *why)
{
	void *payload;
	uint8_t *copy;
	size_t len;
	struct wire_in in;
	enum err e = unseal(a, text, slurm_uid, &payload, &len, why);

	if (e)
		return e;
	copy = arena_alloc(mem, len + 1);
	memcpy(copy, payload, len);
	free(payload);
	in = (struct wire_in){ copy, copy + len, mem, false, false };
	wire_unpack(&in, &slurm_node_alias_addrs_desc, m, v);
	return in.failed ? err_set(why, E_COMMUNICATIONS_RECEIVE_ERROR, "they cannot be decoded") :
			   E_OK;
}

/* ---- life -------------------------------------------------------------- */

static enum err munge_open(struct auth *a, const struct auth_options *o, struct err_text *why)
{
	(void)why;
	a->munge = mem_zalloc(sizeof *a->munge);
	a->munge->socket = mem_strdup(o->socket);
	a->munge->ttl_sec = o->ttl_sec;
	atomic_init(&a->munge->away, false);
	atomic_init(&a->munge->probing, false);
	return E_OK;
}

static void munge_close(struct auth *a)
{
	if (!a->munge)
		return;
	free(a->munge->socket);
	free(a->munge);
	a->munge = NULL;
}

/* munged can be built so that root reads what is meant for others, and then
 * restrictions mean nothing. */
static enum err self_test(struct auth *a, struct err_text *why)
{
	struct auth_identity id;
	enum auth_fate fate;
	void *payload = NULL;
	size_t len = 0;
	char *text;
	enum err e = make(a, geteuid() + 1, NULL, 0, &text, why);

	if (e)
		return E_FAIL;
	fate = read_text(a, text, SEAL_TEXT_MAX, &payload, &len, &id, why, NULL);
	free(text);
	free(payload);
	if (fate == FATE_GOOD || fate == FATE_REPLAYED)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR,
			       "MUNGE allows root to decode any credential");
	return fate == FATE_RESTRICTED ? E_OK : E_FAIL;
}

const struct auth_method auth_method_munge = {
	.name = "munge", .plugin = AUTH_PLUGIN_MUNGE, .when = ALL, .hashed = true,
	.unique = true,
	.open = munge_open, .close = munge_close, .test = self_test,
	.make = make, .read = read_text,
	.seal = seal, .check = check, .net_sign = net_sign, .net_open = net_open,
};
