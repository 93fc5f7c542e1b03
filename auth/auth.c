/* SPDX-License-Identifier: Apache-2.0
 *
 * Identity and integrity of a message: the method says who made the credential,
 * and the hash inside it says which body it was made for.  A message is from
 * somebody only when both hold. */
#include "auth/method.h"
#include "wire/base/log.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* A message's credential holds 33 bytes; with munge's own header, the realm and
 * base64 it stays far below this, and a token with the identity of a user in
 * many groups does too.  Longer ones are refused unread. */
#define CRED_TEXT_MAX 65536

static enum err method_open(struct auth *a, const struct auth_method *m,
			    const struct auth_options *o, struct err_text *why)
{
	return m->open ? m->open(a, o, why) : E_OK;
}

static const struct auth_method *method_choose(const char *key, const char *type,
					       struct err_text *why)
{
	const struct auth_method *m = auth_method_find(type);

	if (m && m->alternative)
		m = NULL;
	if (!m)
		err_set(why, E_FAIL, "%s=%s is not supported, only %s are", key, type,
			auth_method_list());
	return m;
}

/* AuthAltTypes: a list, of which one row can be served. */
static enum err alternatives_open(struct auth *a, const struct auth_options *o,
				  struct err_text *why)
{
	const char *p = o->alt_types ? o->alt_types : "";
	char name[64];

	while (*p) {
		size_t n = strcspn(p, ",");
		const struct auth_method *m;

		(void)snprintf(name, sizeof name, "%.*s", (int)n, p);
		m = auth_method_find(name);
		if (!m || (!m->alternative && m != a->method))
			return err_set(why, E_FAIL, "AuthAltTypes=%s is not supported, only "
				       "auth/jwt is", name);
		if (m->alternative)
			a->alt = m;
		p += n;
		p += strspn(p, ", ");
	}
	return a->alt ? method_open(a, a->alt, o, why) : E_OK;
}

struct auth *auth_new(const struct auth_options *o, struct err_text *why)
{
	const struct auth_method *m, *c = NULL;
	struct auth *a;
	enum err e;

	m = method_choose("AuthType", o->auth_type ? o->auth_type : "auth/munge", why);
	if (m)
		c = method_choose("CredType", o->cred_type ? o->cred_type : "cred/munge", why);
	if (!c)
		return NULL;
	a = mem_zalloc(sizeof *a);
	a->method = m;
	a->cred = c;
	a->allow_replay = o->allow_replay;
	a->block_null_hash = o->block_null_hash;
	a->block_zero_hash = o->block_zero_hash;
	seen_init(&a->seen);
	e = method_open(a, m, o, why);
	if (!e && c != m)
		e = method_open(a, c, o, why);
	if (!e)
		e = alternatives_open(a, o, why);
	if (!e)
		return a;
	auth_free(a);
	return NULL;
}

void auth_free(struct auth *a)
{
	if (!a)
		return;
	if (a->method->close)
		a->method->close(a);
	if (a->cred->close)
		a->cred->close(a);
	if (a->alt && a->alt->close)
		a->alt->close(a);
	seen_fini(&a->seen);
	free(a);
}

const char *auth_name(const struct auth *a)
{
	return a->method->name;
}

uint32_t auth_plugin(const struct auth *a)
{
	return a->method->plugin;
}

bool auth_knows(const struct auth *a, uint32_t plugin)
{
	return plugin == a->method->plugin || (a->alt && plugin == a->alt->plugin);
}

bool auth_has_tokens(const struct auth *a)
{
	return a->jwt;
}

bool auth_cred_tokens(const struct auth *a)
{
	return a->cred->tokens;
}

/* The value of "key=value" in a comma separated list, or NULL. */
static const char *option_value(const char *list, const char *key, size_t *len)
{
	size_t k = strlen(key);

	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',') {
		p += strspn(p, " \t");
		if (!strncasecmp(p, key, k) && p[k] == '=') {
			*len = strcspn(p + k + 1, ",");
			return p + k + 1;
		}
	}
	return NULL;
}

static int option_seconds(const char *list, const char *key, int otherwise)
{
	size_t len;
	const char *v = option_value(list, key, &len);
	char *end;
	long n;

	if (!v)
		return otherwise;
	n = strtol(v, &end, 10);
	return end == v || n < 0 || n > INT_MAX ? otherwise : (int)n;
}

void auth_options_parse(struct auth_options *o, const char *auth_info,
			const char *comm_params, struct arena *mem)
{
	size_t len;
	const char *s;

	o->cred_expire_sec = 120;
	if (auth_info && *auth_info) {
		s = option_value(auth_info, "socket", &len);
		if (s)
			o->socket = arena_strndup(mem, s, len);
		else if (!strchr(auth_info, '='))       /* the spelling of old: a bare path */
			o->socket = arena_strdup(mem, auth_info);
		o->ttl_sec = option_seconds(auth_info, "ttl", 0);
		o->cred_expire_sec = option_seconds(auth_info, "cred_expire", 120);
		if (o->cred_expire_sec < 5)             /* as stock: too short is not meant */
			o->cred_expire_sec = 120;
		o->disable_sack = strstr(auth_info, "disable_sack");
		o->use_client_ids = strstr(auth_info, "use_client_ids");
	}
	o->block_null_hash = comm_params && strcasestr(comm_params, "block_null_hash");
	o->block_zero_hash = comm_params && strcasestr(comm_params, "block_zero_hash");
}

bool auth_bytes_equal(const void *a, const void *b, size_t len)
{
	const volatile uint8_t *p = a, *q = b;
	uint8_t differs = 0;

	for (size_t k = 0; k < len; k++)
		differs |= p[k] ^ q[k];
	return !differs;
}

/* The record that goes into the credential; its length, or 0 for a type that
 * nobody defines. */
static size_t hash_record(uint8_t hash_type, uint16_t msg_type, const void *body, size_t len,
			  uint8_t out[33])
{
	const uint8_t type[2] = { (uint8_t)(msg_type >> 8), (uint8_t)msg_type };

	out[0] = hash_type;
	switch (hash_type) {
	case AUTH_HASH_NONE:
		memcpy(out + 1, type, sizeof type);
		return 3;
	case AUTH_HASH_K12:
		auth_k12(body, len, type, sizeof type, out + 1);
		return 33;
	case AUTH_HASH_SHA3:
		auth_sha3_256(body, len, type, sizeof type, out + 1);
		return 33;
	default:
		return 0;
	}
}

static const struct auth_method *method_of(const struct auth *a, uint32_t plugin)
{
	return a->alt && a->alt->plugin == plugin ? a->alt : a->method;
}

enum err auth_sign(struct auth *a, uid_t only_uid, uint16_t msg_type, uint8_t hash_type,
		   const void *body, size_t len, char **cred, struct err_text *why)
{
	return auth_sign_answer(a, a->method->plugin, only_uid, msg_type, hash_type, body, len,
				cred, why);
}

enum err auth_sign_answer(struct auth *a, uint32_t plugin, uid_t only_uid, uint16_t msg_type,
			  uint8_t hash_type, const void *body, size_t len, char **cred,
			  struct err_text *why)
{
	const struct auth_method *m = method_of(a, plugin);
	uint8_t record[33];
	size_t n;

	if (!m->hashed)
		return m->make(a, only_uid, NULL, 0, cred, why);
	n = hash_record(hash_type ? hash_type : AUTH_HASH_K12, msg_type, body, len, record);
	if (!n)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR, "no hash has number %u",
			       hash_type);
	return m->make(a, only_uid, record, n, cred, why);
}

/* Does the record in the credential fit this message? */
static enum err hash_check(const struct auth *a, const struct wire_frame *f,
			   const uint8_t *given, size_t len, struct auth_identity *id,
			   struct err_text *why)
{
	uint8_t want[33];
	size_t n;

	if (!len) {
		id->hash_type = AUTH_HASH_K12;          /* what we answer with */
		return a->block_null_hash ?
			err_set(why, E_COMMUNICATIONS_RECEIVE_ERROR, "hash: the credential holds "
				"none, and block_null_hash is set") : E_OK;
	}
	if (given[0] == AUTH_HASH_NONE && a->block_zero_hash)
		return err_set(why, E_COMMUNICATIONS_RECEIVE_ERROR,
			       "hash: the credential only names the message type, and "
			       "block_zero_hash is set");
	/* the length first: a body is not hashed for a record that cannot match */
	if (len != (given[0] == AUTH_HASH_NONE ? 3 : 33))
		n = 0;
	else
		n = hash_record(given[0], f->header.type, f->body.p, f->body.len, want);
	if (!n)
		return err_set(why, E_COMMUNICATIONS_RECEIVE_ERROR,
			       "hash: the credential holds %zu bytes of unknown type %u", len,
			       given[0]);
	if (n == 3 && f->before_window) {       /* they took the type as their processor has it */
		uint8_t first = want[1];

		want[1] = want[2];
		want[2] = first;
	}
	if (!auth_bytes_equal(given, want, n))
		return err_set(why, E_COMMUNICATIONS_RECEIVE_ERROR,
			       "hash: the credential was made for another message (hash type %u)",
			       given[0]);
	id->hash_type = given[0];
	return E_OK;
}

static bool fate_accepted(const struct auth *a, enum auth_fate fate)
{
	return fate == FATE_GOOD || (fate == FATE_REPLAYED && a->allow_replay);
}

/* munged's memory is shared with other daemons; this is ours.  A credential
 * ends its life by munged's clock, which is ours, or by its own. */
static enum err replay_check(struct auth *a, const char *cred, const struct auth_identity *id,
			     struct err_text *why, struct err_text *stock_lines)
{
	time_t last = id->encoded > id->decoded ? id->encoded : id->decoded;

	if (!seen_before(&a->seen, cred, id->decoded, last + id->ttl_sec))
		return E_OK;
	err_set(stock_lines, E_OK, "Munge decode failed: Replayed credential");
	return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR,
		       "replay: this credential was used here before (by user %u)",
		       (unsigned)id->uid);
}

static enum err plugin_check(const struct auth *a, const struct wire_frame *f,
			     struct err_text *why, struct err_text *stock_lines)
{
	const struct auth_method *ours = method_of(a, f->auth_plugin);

	if (f->cred && f->auth_plugin == ours->plugin)
		return E_OK;
	if (!f->auth_plugin)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR,
			       "plugin: the message carries no credential");
	if (f->auth_plugin != ours->plugin)
		err_set(stock_lines, E_OK, "authentication plugin %u not found", f->auth_plugin);
	return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR, "plugin: the sender uses "
		       "authentication plugin %u, we use auth/%s (%u): compare AuthType",
		       f->auth_plugin, ours->name, ours->plugin);
}

enum err auth_verify(struct auth *a, const struct wire_frame *f, struct auth_identity *id,
		     struct err_text *why, struct err_text *stock_lines)
{
	const struct auth_method *m = method_of(a, f->auth_plugin);
	void *payload = NULL;
	size_t len = 0;
	enum auth_fate fate;
	enum err e;

	err_set(stock_lines, E_OK, "%s", "");
	*id = (struct auth_identity){ .uid = AUTH_NOBODY, .gid = AUTH_NOBODY };
	e = plugin_check(a, f, why, stock_lines);
	if (e)
		return e;
	fate = m->read(a, f->cred, CRED_TEXT_MAX, &payload, &len, id, why, stock_lines);
	if (!fate_accepted(a, fate)) {
		free(payload);
		return E_PROTOCOL_AUTHENTICATION_ERROR;
	}
	err_set(stock_lines, E_OK, "%s", "");
	if (id->uid == AUTH_NOBODY || id->gid == AUTH_NOBODY)
		e = err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR,
			    "user: 'nobody' (99) may not authenticate");
	else if (m->hashed)
		e = hash_check(a, f, payload, len, id, why);
	id->plugin = m->plugin;
	free(payload);
	if (!e && a->allow_replay && m->unique)
		e = replay_check(a, f->cred, id, why, stock_lines);
	return e;
}

enum err auth_self_test(struct auth *a, struct err_text *why)
{
	return a->method->test ? a->method->test(a, why) : E_OK;
}

static enum err method_reload(struct auth *a, const struct auth_method *m, struct err_text *why)
{
	return m->reload ? m->reload(a, why) : E_OK;
}

enum err auth_reload(struct auth *a, struct err_text *why)
{
	enum err e = method_reload(a, a->method, why);

	if (!e && a->cred != a->method)
		e = method_reload(a, a->cred, why);
	return e || !a->alt ? e : method_reload(a, a->alt, why);
}
