/* SPDX-License-Identifier: Apache-2.0
 *
 * AuthType=auth/slurm: tokens signed with the cluster's key.  This file makes
 * and reads them; it is the only one that decides whether one is good.
 *
 * There is no memory of tokens seen: equal messages of one user in one second
 * have one and the same token, so a second sight proves nothing (and stock has
 * none).  What must not be done twice is kept by its own means: cred_cache. */
#include "auth/slurm.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <unistd.h>

static void add(struct json_object *o, const char *key, struct json_object *v)
{
	if (v)
		json_object_object_add(o, key, v);
}

static int64_t clock_now(void)
{
	return time(NULL);
}

/* Stock writes claims in alphabetical order; so does this. */
char *slurm_token_make(struct slurm_keys *k, const struct slurm_claims *c)
{
	struct json_object *o = json_object_new_object();
	int64_t now = k->clock();
	char *payload, *text;

	if (k->cluster)
		add(o, "cluster", json_object_new_string(k->cluster));
	add(o, "context", json_object_new_string(c->context));
	add(o, "exp", json_object_new_int64(now + k->ttl_sec));
	add(o, "gid", json_object_new_int64(c->gid));
	add(o, "host", json_object_new_string(k->host));
	add(o, "iat", json_object_new_int64(now));
	add(o, "id", c->id);
	add(o, "net", c->net);
	add(o, "netcred", c->netcred);
	if (c->payload_len) {
		payload = jws_base64(c->payload, c->payload_len);
		add(o, "payload", json_object_new_string(payload));
		free(payload);
	}
	add(o, "ruid", json_object_new_int64(c->only_uid));
	add(o, "sbcast", c->sbcast);
	add(o, "uid", json_object_new_int64(c->uid));
	add(o, "ver", json_object_new_int64(k->version));
	(void)pthread_rwlock_rdlock(&k->lock);
	text = jws_sign(&k->keys.key[k->keys.signing], o);
	(void)pthread_rwlock_unlock(&k->lock);
	json_object_put(o);
	return text;
}

/* ---- reading ----------------------------------------------------------- */

static bool claim_int(struct json_object *o, const char *key, int64_t max, int64_t *out)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v) || !json_object_is_type(v, json_type_int))
		return false;
	*out = json_object_get_int64(v);
	return *out >= 0 && *out <= max;
}

/* NULL, or what is wrong. */
static const char *claims_read(struct slurm_token *t, int64_t *only_uid)
{
	const char *payload = jws_text(t->json, "payload");
	int64_t uid, gid;

	if (!claim_int(t->json, "exp", INT64_MAX, &t->expires))
		return "exp";
	if (!claim_int(t->json, "iat", INT64_MAX, &t->made))
		return "iat";
	if (!claim_int(t->json, "ruid", UINT32_MAX, only_uid))
		return "ruid";
	if (!claim_int(t->json, "uid", UINT32_MAX, &uid))
		return "uid";
	if (!claim_int(t->json, "gid", UINT32_MAX, &gid))
		return "gid";
	t->host = jws_text(t->json, "host");
	if (!t->host)
		return "host";
	t->context = jws_text(t->json, "context");
	if (!t->context)
		return "context";
	if (payload) {
		t->payload = jws_base64_decode(payload, strlen(payload), false, &t->payload_len);
		if (!t->payload)
			return "payload";
	}
	t->uid = (uid_t)uid;
	t->gid = (gid_t)gid;
	return NULL;
}

void slurm_token_fini(struct slurm_token *t)
{
	free(t->payload);
	json_object_put(t->json);
	*t = (struct slurm_token){0};
}

static const char *time_text(int64_t at, char *buf, size_t n)
{
	time_t t = (time_t)at;
	struct tm tm;

	if (!localtime_r(&t, &tm) || !strftime(buf, n, "%a %b %d %H:%M:%S %Y", &tm))
		(void)snprintf(buf, n, "%lld", (long long)at);
	return buf;
}

/* What stock's own two functions would have logged. */
#define STOCK(...) err_set(stock_lines, E_FAIL, "decode_jwt: " __VA_ARGS__)

static enum auth_fate signature_refuse(enum jws_fate fate, const char *kid,
				       struct err_text *why, struct err_text *stock_lines)
{
	switch (fate) {
	case JWS_BAD_KEY:
		STOCK("jwt_decode (with key%s%s) failure: Invalid argument\n"
		      "verify_internal: decode_jwt() failed", *kid ? " kid=" : "", kid);
		err_set(why, E_FAIL, "key: the sender's slurm.key%s is not ours (or the "
			"credential was altered on its way)", *kid ? " (slurm.jwks)" : "");
		return FATE_BAD_KEY;
	case JWS_UNKNOWN_KID:
		STOCK("could not find kid=%s\nverify_internal: decode_jwt() failed",
		      kid);
		err_set(why, E_FAIL, "key: the sender signs with key '%s', which is not in our "
			"slurm.jwks", kid);
		return FATE_BAD_KEY;
	case JWS_EXPIRED_KEY:
		STOCK("token received for expired key kid=%s\n"
		      "verify_internal: decode_jwt() failed", kid);
		err_set(why, E_FAIL, "key: key '%s' of slurm.jwks has expired", kid);
		return FATE_BAD_KEY;
	default:
		STOCK("jwt_decode failure: Invalid argument\n"
		      "verify_internal: decode_jwt() failed");
		err_set(why, E_FAIL, "format: not a token signed with HS256");
		return FATE_MALFORMED;
	}
}

static enum auth_fate claims_check(struct slurm_token *t, uid_t reader, int64_t now,
				   struct err_text *why, struct err_text *stock_lines)
{
	char made[64], read[64], apart[32];
	int64_t only_uid;
	const char *bad = claims_read(t, &only_uid);

	if (bad) {
		STOCK("jwt_get_grant failure for %s", bad);
		err_set(why, E_FAIL, "format: the token's claim '%s' is missing or not as it "
			"should be", bad);
		return FATE_MALFORMED;
	}
	if (t->expires < now) {
		STOCK("token expired at %lld\nverify_internal: decode_jwt() failed",
		      (long long)t->expires);
		err_set(why, E_FAIL, "clock: the sender's clock is %s behind ours, or the message "
			"was that long under way (made %s by its clock, read %s by ours, "
			"valid for %lld s)", auth_span_text(now - t->made, apart, sizeof apart),
			time_text(t->made, made, sizeof made),
			time_text(now, read, sizeof read), (long long)(t->expires - t->made));
		return FATE_EXPIRED;
	}
	if (only_uid != UINT32_MAX && only_uid != reader) {
		STOCK("asked to verify token with r_uid=%lld for uid=%u, rejecting\n"
		      "verify_internal: decode_jwt() failed", (long long)only_uid,
		      (unsigned)reader);
		err_set(why, E_FAIL, "restriction: the credential was made for user %lld to read, "
			"we are user %u", (long long)only_uid, (unsigned)reader);
		return FATE_RESTRICTED;
	}
	return FATE_GOOD;
}

enum auth_fate slurm_token_open(struct slurm_keys *k, const char *text, uid_t reader,
				bool asked, struct slurm_token *t, struct err_text *why,
				struct err_text *stock_lines)
{
	int64_t now = k->clock();
	char kid[64] = "";
	enum jws_fate fate;

	*t = (struct slurm_token){0};
	(void)pthread_rwlock_rdlock(&k->lock);
	fate = jws_open(asked ? NULL : &k->keys, text, now, &t->json, kid);
	(void)pthread_rwlock_unlock(&k->lock);
	if (fate)
		return signature_refuse(fate, kid, why, stock_lines);
	return claims_check(t, reader, now, why, stock_lines);
}

/* ---- the row ----------------------------------------------------------- */

static enum err make(struct auth *a, uid_t only_uid, const void *p, size_t len, char **text,
		     struct err_text *why)
{
	struct slurm_keys *k = a->slurm;

	if (!k->holder)
		return slurm_ask_token(k->cluster, only_uid, p, len, text, why);
	*text = slurm_token_make(k, &(struct slurm_claims){
		.context = "auth", .uid = k->uid, .gid = k->gid, .only_uid = only_uid,
		.payload = p, .payload_len = len });
	return E_OK;
}

static enum auth_fate read_text(struct auth *a, const char *text, size_t max_len,
				void **payload, size_t *len, struct auth_identity *id,
				struct err_text *why, struct err_text *stock_lines)
{
	struct slurm_keys *k = a->slurm;
	struct slurm_token t;
	enum auth_fate fate;

	*id = (struct auth_identity){ .uid = AUTH_NOBODY, .gid = AUTH_NOBODY };
	if (strnlen(text, max_len + 1) > max_len)
		return signature_refuse(JWS_MALFORMED, "", why, stock_lines);
	if (!k->holder && slurm_ask_verify(k->cluster, text, why))
		return FATE_BAD_KEY;
	fate = slurm_token_open(k, text, k->uid, !k->holder, &t, why, stock_lines);
	if (fate == FATE_GOOD && !streq(t.context, "auth") && !streq(t.context, "sack")) {
		fate = FATE_MALFORMED;
		err_set(why, E_FAIL, "format: a token for '%s' does not say who sent a message",
			t.context);
	}
	id->encoded = (time_t)t.made;
	id->decoded = time(NULL);
	id->ttl_sec = t.expires - t.made > INT32_MAX || t.expires < t.made ? 0 :
		      (int)(t.expires - t.made);
	if (fate == FATE_GOOD) {
		id->uid = t.uid;
		id->gid = t.gid;
		(void)snprintf(id->host, sizeof id->host, "%s", t.host);
		*payload = t.payload;
		*len = t.payload_len;
		t.payload = NULL;
	}
	slurm_token_fini(&t);
	return fate;
}

static void slurm_close(struct auth *a)
{
	struct slurm_keys *k = a->slurm;

	if (!k)
		return;
	jws_keys_fini(&k->keys);
	(void)pthread_rwlock_destroy(&k->lock);
	free(k->dir);
	free(k->cluster);
	free(k);
	a->slurm = NULL;
}

static enum err slurm_open(struct auth *a, const struct auth_options *o, struct err_text *why)
{
	struct slurm_keys *k = mem_zalloc(sizeof *k);

	a->slurm = k;
	(void)pthread_rwlock_init(&k->lock, NULL);
	k->holder = o->key_holder;
	k->dir = mem_strdup(o->key_dir);
	k->cluster = mem_strdup(o->cluster);
	k->slurm_uid = o->slurm_uid;
	k->slurmd_uid = o->slurmd_uid;
	k->uid = getuid();
	k->gid = getgid();
	k->version = wire_version_number(WIRE_VERSION_NEWEST);
	k->clock = clock_now;
	k->ttl_sec = o->ttl_sec ? o->ttl_sec : SLURM_TTL_SEC;
	(void)gethostname(k->host, sizeof k->host - 1);
	k->host[strcspn(k->host, ".")] = '\0';
	return k->holder ? jws_keys_read(k->dir, k->slurm_uid, &k->keys, why) : E_OK;
}

static enum err slurm_reload(struct auth *a, struct err_text *why)
{
	struct slurm_keys *k = a->slurm;
	struct jws_keys now, was;
	enum err e = k->holder ? jws_keys_read(k->dir, k->slurm_uid, &now, why) : E_OK;

	if (e || !k->holder)
		return e;
	(void)pthread_rwlock_wrlock(&k->lock);
	was = k->keys;
	k->keys = now;
	(void)pthread_rwlock_unlock(&k->lock);
	jws_keys_fini(&was);
	return E_OK;
}

const struct auth_method auth_method_slurm = {
	.name = "slurm", .plugin = AUTH_PLUGIN_SLURM, .when = SINCE(23_11), .hashed = true,
	.tokens = true,
	.open = slurm_open, .close = slurm_close, .reload = slurm_reload,
	.make = make, .read = read_text,
	.launch_sign = slurm_launch_sign, .launch_open = slurm_launch_open,
	.sbcast_sign = slurm_sbcast_sign, .sbcast_open = slurm_sbcast_open,
	.net_sign = slurm_net_sign, .net_open = slurm_net_open,
};
