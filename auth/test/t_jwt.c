/* SPDX-License-Identifier: Apache-2.0
 *
 * auth/jwt beside auth/none: tokens made, opened, refused, and on the wire. */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/jws.h"
#include "wire/base/tap.h"

static char dir[] = "/tmp/sluice-jwt-XXXXXX";
static const uint8_t key[] = "0123456789abcdef0123456789abcdef";

static void key_write(const uint8_t *p, mode_t mode)
{
	char path[64];
	int fd;

	(void)snprintf(path, sizeof path, "%s/jwt_hs256.key", dir);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
	(void)!write(fd, p, 32);
	(void)fchmod(fd, mode);
	(void)close(fd);
}

static struct auth *auth_make(const char *alt, const char *more, struct err_text *why)
{
	const struct auth_options o = {
		.auth_type = "auth/none", .cred_type = "cred/none", .alt_types = alt,
		.alt_params = more, .state_dir = dir, .slurm_uid = getuid(),
	};

	return auth_new(&o, why);
}

/* A token with these claims; NULL or 0 leaves one out. */
static char *token_of(const uint8_t *k, const char *claim, const char *user, int64_t end)
{
	struct jws_key with = { .key = (uint8_t *)(uintptr_t)k, .len = 32 };
	struct json_object *o = json_object_new_object();
	char *t;

	if (end)
		json_object_object_add(o, "exp", json_object_new_int64(end));
	if (user)
		json_object_object_add(o, claim, json_object_new_string(user));
	t = jws_sign(&with, o);
	json_object_put(o);
	return t;
}

/* Over the wire and back. */
static enum err verify(struct auth *a, const char *token, const char *user,
		       struct auth_identity *id, struct err_text *why)
{
	struct wire_header h = { .version = WIRE_VERSION_NEWEST, .type = REQUEST_PING };
	struct wire_out o = { 0 };
	struct wire_frame f;
	struct arena mem = { 0 };
	char *cred = user ? mem_printf("%s:%s", token, user) : mem_strdup(token);
	enum err e;

	wire_frame_build(&o, &h, AUTH_PLUGIN_JWT, cred, NULL, 0);
	e = wire_frame_parse(o.base + 4, o.len - 4, &mem, &f);
	ok(!e && f.auth_plugin == AUTH_PLUGIN_JWT && streq(f.cred, cred), "as it was sent");
	e = auth_verify(a, &f, id, why, NULL);
	free(cred);
	wire_out_fini(&o);
	arena_fini(&mem);
	return e;
}

#define REFUSED E_PROTOCOL_AUTHENTICATION_ERROR

static void test_tokens(struct auth *a)
{
	int64_t now = time(NULL);
	struct auth_identity id;
	struct err_text why = { "" };
	const struct {
		const char *name, *claim, *user, *wanted, *words;
		int64_t end;
		enum err want;
		uid_t uid;
	} all[] = {
		{ "sun", "sun", "daemon", NULL, "", now + 60, E_OK, 1 },
		{ "username", "username", "daemon", NULL, "", now + 60, E_OK, 1 },
		{ "userclaimfield", "login", "daemon", NULL, "", now + 60, E_OK, 1 },
		{ "a number", "sun", "1", NULL, "", now + 60, E_OK, 1 },
		{ "the same beside it", "sun", "daemon", "daemon", "", now + 60, E_OK, 1 },
		{ "root for another", "sun", "root", "daemon", "", now + 60, E_OK, 1 },
		{ "another claim", "name", "daemon", NULL, "names no user", now + 60, REFUSED, 99 },
		{ "no such user", "sun", "no-such-user", NULL, "not known", now + 60, REFUSED, 99 },
		{ "ended", "sun", "daemon", NULL, "ended", now - 10, REFUSED, 99 },
		{ "no end", "sun", "daemon", NULL, "does not say", 0, REFUSED, 99 },
		{ "a user for root", "sun", "daemon", "root", "may not speak", now + 60, REFUSED, 99 },
		{ "root for nobody", "sun", "root", "no-such-user", "not known", now + 60, REFUSED, 99 },
		{ "root for \"\"", "sun", "root", "", "not known", now + 60, REFUSED, 99 },
	};

	for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
		char *t = token_of(key, all[k].claim, all[k].user, all[k].end);
		enum err e = verify(a, t, all[k].wanted, &id, &why);

		ok(e == all[k].want && id.uid == all[k].uid && (!e || strstr(why.text, all[k].words)),
		   "%s: %s", all[k].name, e ? why.text : "taken");
		free(t);
	}
}

static void test_forged(struct auth *a)
{
	static const uint8_t other[33] = "another key, another key, anothe";
	struct auth_identity id;
	struct err_text why = { "" };
	char *t = token_of(other, "sun", "root", time(NULL) + 60);

	ok(verify(a, t, NULL, &id, &why) == REFUSED && strstr(why.text, "key:"), "another key");
	free(t);
	/* {"alg":"none","typ":"JWT"}.{"exp":4000000000,"sun":"root"}. */
	ok(verify(a, "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJleHAiOjQwMDAwMDAwMDAsInN1biI6InJvb3QifQ.",
		  NULL, &id, &why) == REFUSED && strstr(why.text, "format:"), "no algorithm");
	ok(verify(a, "", NULL, &id, &why) == REFUSED, "nothing");
	ok(verify(a, "a.b.c", NULL, &id, &why) == REFUSED, "nothing of the kind");
}

static void test_made(struct auth *a)
{
	struct auth_identity id;
	struct err_text why = { "" };
	char *t = NULL, *cred = NULL;

	ok(auth_token_make(a, "daemon", 30, &t, &why) == E_OK, "a token is made");
	ok(verify(a, t, NULL, &id, &why) == E_OK && id.uid == 1 && id.plugin == AUTH_PLUGIN_JWT,
	   "and taken");
	free(t);
	ok(auth_token_make(a, "daemon", 0, &t, &why) == E_AUTH_UNABLE_TO_GENERATE_TOKEN &&
	   auth_token_make(a, "daemon", INT32_MAX, &t, &why), "but for a time that makes sense");
	ok(!auth_sign_answer(a, AUTH_PLUGIN_JWT, AUTH_ANY_UID, 1, 2, "x", 1, &cred, &why) &&
	   streq(cred, ""), "an answer says nothing of us");
	free(cred);
}

static void test_reload(struct auth *a)
{
	static const uint8_t other[33] = "fedcba9876543210fedcba9876543210";
	struct auth_identity id;
	struct err_text why = { "" };
	char *t = token_of(other, "sun", "daemon", time(NULL) + 60);

	ok(verify(a, t, NULL, &id, &why) == REFUSED, "a key of tomorrow");
	key_write(other, 0644);
	ok(auth_reload(a, &why) && strstr(why.text, "insecure"), "is not read when all may: %s",
	   why.text);
	key_write(other, 0600);
	ok(!auth_reload(a, &why) && !verify(a, t, NULL, &id, &why), "is taken once it is read");
	free(t);
}

static void test_options(void)
{
	struct err_text why = { "" };
	struct auth *a = auth_make(NULL, NULL, &why);
	char *t;

	ok(a && !auth_has_tokens(a) && auth_token_make(a, "root", 9, &t, &why) == E_PLUGIN_NOT_LOADED,
	   "not unless asked for");
	auth_free(a);
	ok(!auth_make("auth/jwt,auth/munge", NULL, &why), "others are no alternatives: %s", why.text);
	ok(!auth_make("auth/jwt", "jwks=/x", &why), "no keys of others: %s", why.text);
	ok(!auth_make("auth/jwt", "jwt_key=/nowhere/at/all", &why), "no key: %s", why.text);
	a = auth_make("auth/none,jwt", NULL, &why);
	ok(a != NULL, "what is there already may be named");
	auth_free(a);
}

int main(void)
{
	struct err_text why = { "" };
	struct auth *a;
	char path[64];

	if (!mkdtemp(dir))
		return 1;
	key_write(key, 0600);
	a = auth_make("auth/jwt", "userclaimfield=login,x=y", &why);
	if (ok(a != NULL, "auth/jwt %s", why.text)) {
		test_tokens(a);
		test_forged(a);
		test_made(a);
		test_reload(a);
	}
	auth_free(a);
	test_options();
	(void)snprintf(path, sizeof path, "%s/jwt_hs256.key", dir);
	(void)unlink(path);
	(void)rmdir(dir);
	return tap_done();
}
