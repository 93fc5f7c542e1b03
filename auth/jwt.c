/* SPDX-License-Identifier: Apache-2.0
 *
 * AuthAltTypes=auth/jwt: tokens that "scontrol token" gives out and portals
 * pass on.  Who has one is the user it names until it ends; it is not bound to
 * a message, and what we answer carries none.  Signed with one key (HS256);
 * tokens that others sign (AuthAltParameters=jwks=) are not taken. */
#include "auth/method.h"

#include <errno.h>
#include <json-c/json.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/jws.h"
#include "wire/base/log.h"

struct jwt {
	pthread_rwlock_t lock;  /* of the key, which may be read anew */
	struct jws_keys keys;
	char *path, *claim;     /* userclaimfield= */
	uid_t slurm_uid;
};

/* A user by name or by number, as stock takes either. */
static bool user_find(const char *name, uid_t *uid, gid_t *gid)
{
	size_t size = 1024;
	struct passwd pw, *found = NULL;
	char *buf = NULL, *end;
	unsigned long n;
	int e;

	do {
		size *= 2;
		buf = mem_realloc(buf, size);
		e = getpwnam_r(name, &pw, buf, size, &found);
		if (!e && !found) {
			n = strtoul(name, &end, 10);
			if (*name >= '0' && *name <= '9' && !*end && n < UINT32_MAX)
				e = getpwuid_r((uid_t)n, &pw, buf, size, &found);
		}
	} while (e == ERANGE && size < (size_t)1 << 20);
	if (found) {
		*uid = found->pw_uid;
		*gid = found->pw_gid;
	}
	free(buf);
	return found != NULL;
}

#define STOCK(...) err_set(stock_lines, E_FAIL, "auth_p_verify: " __VA_ARGS__)

static enum auth_fate signature_refuse(enum jws_fate fate, struct err_text *why,
				       struct err_text *stock_lines)
{
	if (fate == JWS_BAD_KEY) {
		STOCK("jwt_decode failure: Invalid argument");
		err_set(why, E_FAIL, "key: the token was not signed with our JWT key (or was "
			"altered)");
		return FATE_BAD_KEY;
	}
	STOCK("initial jwt_decode failure: Invalid argument");
	err_set(why, E_FAIL, "format: not a token signed with HS256");
	return FATE_MALFORMED;
}

static int64_t claim_time(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_int) ?
		json_object_get_int64(v) : 0;
}

static const char *claim_user(const struct jwt *k, struct json_object *o)
{
	const char *name = jws_text(o, "sun");

	if (!name)
		name = jws_text(o, "username");
	if (!name && k->claim)
		name = jws_text(o, k->claim);
	return name;
}

/* Whom do the claims name?  Root and SlurmUser may speak for others. */
static enum auth_fate claims_check(const struct jwt *k, struct json_object *o, const char *wanted,
				   struct auth_identity *id, struct err_text *why,
				   struct err_text *stock_lines)
{
	const char *name = claim_user(k, o);
	int64_t end = claim_time(o, "exp");
	char ago[32];
	uid_t uid;
	gid_t gid;

	id->encoded = (time_t)claim_time(o, "iat");
	if (end < id->decoded) {
		STOCK("token expired");
		if (end)
			err_set(why, E_FAIL, "clock: the token of '%s' ended %s ago",
				name ? name : "?", auth_span_text(id->decoded - end, ago, sizeof ago));
		else
			err_set(why, E_FAIL, "clock: the token of '%s' does not say when it ends",
				name ? name : "?");
		return FATE_EXPIRED;
	}
	if (!name) {
		STOCK("jwt_get_grant failure");
		err_set(why, E_FAIL, "format: the token names no user");
		return FATE_MALFORMED;
	}
	if (!user_find(name, &uid, &gid)) {
		STOCK("uid_from_string failure");
		err_set(why, E_FAIL, "user: '%s' is not known on this host", name);
		return FATE_MALFORMED;
	}
	if (wanted && !streq(wanted, name)) {
		if (uid != 0 && uid != k->slurm_uid) {
			STOCK("attempt to authenticate as alternate user %s from non-SlurmUser %s",
			      wanted, name);
			err_set(why, E_FAIL, "restriction: '%s' may not speak for '%s'", name, wanted);
			return FATE_RESTRICTED;
		}
		if (!user_find(wanted, &uid, &gid)) {
			err_set(why, E_FAIL, "user: '%s' is not known on this host", wanted);
			return FATE_MALFORMED;
		}
	}
	id->uid = uid;
	id->gid = gid;
	return FATE_GOOD;
}

/* "TOKEN" or "TOKEN:USER", see wire/frame.h. */
static enum auth_fate read_text(struct auth *a, const char *text, size_t max_len,
				void **payload, size_t *len, struct auth_identity *id,
				struct err_text *why, struct err_text *stock_lines)
{
	struct jwt *k = a->jwt;
	struct json_object *claims = NULL;
	enum auth_fate fate;
	enum jws_fate read = JWS_MALFORMED;
	const char *wanted;
	char *token;

	*id = (struct auth_identity){ .uid = AUTH_NOBODY, .gid = AUTH_NOBODY,
				      .decoded = time(NULL) };
	*payload = NULL;
	*len = 0;
	if (strnlen(text, max_len + 1) > max_len)
		return signature_refuse(read, why, stock_lines);
	wanted = strchr(text, ':');
	token = mem_strndup(text, wanted ? (size_t)(wanted - text) : strlen(text));
	(void)pthread_rwlock_rdlock(&k->lock);
	read = jws_open(&k->keys, token, id->decoded, &claims, NULL);
	(void)pthread_rwlock_unlock(&k->lock);
	free(token);
	if (read)
		return signature_refuse(read, why, stock_lines);
	fate = claims_check(k, claims, wanted ? wanted + 1 : NULL, id, why, stock_lines);
	json_object_put(claims);
	return fate;
}

/* Answers say nothing about us: who asks cannot check it. */
static enum err make(struct auth *a, uid_t only_uid, const void *p, size_t len, char **text,
		     struct err_text *why)
{
	(void)a, (void)only_uid, (void)p, (void)len, (void)why;
	*text = mem_strdup("");
	return E_OK;
}

enum err auth_token_make(struct auth *a, const char *user, int64_t lifespan, char **token,
			 struct err_text *why)
{
	struct json_object *o;
	int64_t now = time(NULL);

	if (!a->jwt)
		return err_set(why, E_PLUGIN_NOT_LOADED, "AuthAltTypes has no auth/jwt");
	if (lifespan <= 0 || lifespan >= INT32_MAX)
		return err_set(why, E_AUTH_UNABLE_TO_GENERATE_TOKEN,
			       "cannot issue token: requested lifespan %llds not supported",
			       (long long)lifespan);
	o = json_object_new_object();
	json_object_object_add(o, "exp", json_object_new_int64(now + lifespan));
	json_object_object_add(o, "iat", json_object_new_int64(now));
	json_object_object_add(o, "sun", json_object_new_string(user));
	(void)pthread_rwlock_rdlock(&a->jwt->lock);
	*token = jws_sign(&a->jwt->keys.key[0], o);
	(void)pthread_rwlock_unlock(&a->jwt->lock);
	json_object_put(o);
	return E_OK;
}

static void jwt_close(struct auth *a)
{
	struct jwt *k = a->jwt;

	if (!k)
		return;
	jws_keys_fini(&k->keys);
	(void)pthread_rwlock_destroy(&k->lock);
	free(k->path);
	free(k->claim);
	free(k);
	a->jwt = NULL;
}

/* The value of "key=value" among AuthAltParameters. */
static char *parameter(const char *list, const char *key)
{
	const char *s = list ? strstr(list, key) : NULL;

	return s ? mem_strndup(s + strlen(key), strcspn(s + strlen(key), ",")) : NULL;
}

static enum err jwt_open(struct auth *a, const struct auth_options *o, struct err_text *why)
{
	struct jwt *k = mem_zalloc(sizeof *k);
	const char *more = o->alt_params ? o->alt_params : "";

	a->jwt = k;
	(void)pthread_rwlock_init(&k->lock, NULL);
	k->slurm_uid = o->slurm_uid;
	k->claim = parameter(more, "userclaimfield=");
	k->path = parameter(more, "jwt_key=");
	if (strstr(more, "use_jwt_client_ids"))
		log_error("AuthAltParameters=use_jwt_client_ids is not served: users must be "
			  "known on this host");
	if (strstr(more, "jwks=") && !k->path)
		return err_set(why, E_FAIL, "AuthAltParameters=jwks= is not supported, only "
			       "jwt_key= is");
	if (strstr(more, "jwks="))
		log_error("AuthAltParameters=jwks= is not served: only tokens signed with jwt_key= "
			  "are taken");
	if (!k->path)
		k->path = mem_printf("%s/jwt_hs256.key", o->state_dir ? o->state_dir : ".");
	return jws_key_read("auth/jwt", k->path, k->slurm_uid, &k->keys, why);
}

static enum err jwt_reload(struct auth *a, struct err_text *why)
{
	struct jwt *k = a->jwt;
	struct jws_keys now, was;
	enum err e = jws_key_read("auth/jwt", k->path, k->slurm_uid, &now, why);

	if (e)
		return e;
	(void)pthread_rwlock_wrlock(&k->lock);
	was = k->keys;
	k->keys = now;
	(void)pthread_rwlock_unlock(&k->lock);
	jws_keys_fini(&was);
	return E_OK;
}

const struct auth_method auth_method_jwt = {
	.name = "jwt", .plugin = AUTH_PLUGIN_JWT, .when = ALL, .alternative = true,
	.open = jwt_open, .close = jwt_close, .reload = jwt_reload,
	.make = make, .read = read_text,
};
