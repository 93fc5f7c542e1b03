/* SPDX-License-Identifier: Apache-2.0
 *
 * auth/slurm against tokens that stock programs made: each is opened, and made
 * again byte by byte.  Every way in which one can be wrong; keys; the socket. */
#include "auth/sack.h"
#include "auth/slurm.h"
#include "auth/slurm_ask.h"
#include "wire/base/tap.h"

#include <json-c/json.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY "Sluice's test key for auth/slurm"

static char dir[] = "/tmp/test-slurm-XXXXXX";
static int64_t the_time;

static int64_t clock_test(void)
{
	return the_time ? the_time : time(NULL);
}

static char *in_dir(const char *name)
{
	static char path[2][128];
	static int k;

	k = !k;
	(void)snprintf(path[k], sizeof path[k], "%s/%s", dir, name);
	return path[k];
}

static void file_write(const char *name, const char *text, mode_t mode)
{
	FILE *f = fopen(in_dir(name), "w");

	if (f) {
		(void)fputs(text, f);
		(void)fclose(f);
	}
	(void)chmod(in_dir(name), mode);
}

static struct auth *holder(struct err_text *why)
{
	struct auth *a = auth_new(&(struct auth_options){
		.auth_type = "auth/slurm", .cred_type = "auth/slurm", .key_holder = true,
		.key_dir = dir, .cluster = "linux" }, why);

	if (a) {
		a->slurm->clock = clock_test;
		a->slurm->uid = a->slurm->gid = 0;
	}
	return a;
}

/* ---- tokens of stock --------------------------------------------------- */

struct vector {
	char release[16], context[16], token[8192];
};

/* As the one who made it. */
static void maker_be(struct auth *a, const struct vector *v, struct slurm_token *t)
{
	struct slurm_keys *k = a->slurm;
	enum wire_version ver;

	the_time = t->made;
	k->ttl_sec = (int)(t->expires - t->made);
	(void)snprintf(k->host, sizeof k->host, "%s", t->host);
	if (wire_version_parse(v->release, &ver))
		k->version = wire_version_number(ver);
	k->uid = t->uid, k->gid = t->gid;
	k->slurmd_uid = 0;
}

static uid_t reader_of(const struct slurm_token *t)
{
	struct json_object *v;

	return json_object_object_get_ex(t->json, "ruid", &v) ?
		(uid_t)json_object_get_int64(v) : 0;
}

/* A message's credential, by the functions of the row. */
static char *plain_again(struct auth *a, const struct slurm_token *t)
{
	return slurm_token_make(a->slurm, &(struct slurm_claims){
		.context = t->context, .uid = t->uid, .gid = t->gid, .only_uid = reader_of(t),
		.payload = t->payload, .payload_len = t->payload_len });
}

/* Opened as slurmd does, and signed again as slurmctld does. */
static const char *cred_again(struct auth *a, const struct vector *v, struct slurm_token *t,
			      struct arena *mem, struct err_text *why)
{
	struct slurm_keys *k = a->slurm;
	enum wire_version ver = WIRE_VERSION_NEWEST;
	char *text = NULL;

	(void)wire_version_parse(v->release, &ver);
	k->uid = reader_of(t);
	if (streq(t->context, "launch")) {
		struct cred_signed c;

		wire_init(&cred_signed_desc, &c);
		c.signature = v->token;
		/* not cred_sign: to end a job, stock sends one without memory */
		if (cred_verify(a, &c, ver, 64030, mem, why) ||
		    a->cred->launch_sign(a, &c, ver, mem, why))
			return NULL;
		return c.signature;
	}
	if (streq(t->context, "sbcast")) {
		struct sbcast_cred_signed c;
		struct identity *id = &c.cred.id;

		wire_init(&sbcast_cred_signed_desc, &c);
		c.signature = v->token;
		if (cred_sbcast_verify(a, &c, 64030, mem, why) || !streq(id->pw_name, "alice") ||
		    c.cred.expiration != t->expires)
			return NULL;
		/* a transfer does not read these */
		id->pw_gecos = "";
		id->pw_shell = "/bin/bash";
		id->pw_dir = streq(v->release, "24.11") ? "/tmp/s2411/home/alice" :
							  "/tmp/s2605/home/alice";
		return cred_sbcast_sign(a, &c, ver, mem, why) ? NULL : c.signature;
	}
	if (streq(t->context, "net")) {
		struct slurm_node_alias_addrs m;
		const char *copy;

		if (cred_net_open(a, v->token, ver, 64030, mem, &m, why) || m.node_cnt != 4)
			return NULL;
		k->uid = t->uid;
		if (cred_net_sign(a, &m, ver, &text, why))
			return NULL;
		copy = arena_strdup(mem, text);
		free(text);
		return copy;
	}
	return NULL;
}

static void vector_test(struct auth *a, struct auth *other, const struct vector *v)
{
	struct slurm_token t;
	struct err_text why = {""}, lines = {""};
	struct arena mem = {0};
	struct json_object *claims = NULL;
	char *again, name[64];
	bool message;

	(void)snprintf(name, sizeof name, "%s %s", v->release, v->context);
	ok(jws_open(&a->slurm->keys, v->token, 0, &claims, NULL) == JWS_GOOD &&
	   jws_open(&other->slurm->keys, v->token, 0, &claims, NULL) == JWS_BAD_KEY,
	   "%s: the signature is of our key", name);
	again = jws_sign(&a->slurm->keys.key[0], claims);
	ok(streq(again, v->token), "%s: written as stock writes", name);
	free(again);
	json_object_put(claims);

	the_time = 1795197000;
	if (slurm_token_open(a->slurm, v->token, UINT32_MAX, false, &t, &why, &lines) ==
	    FATE_RESTRICTED)
		ok(strstr(lines.text, "asked to verify token with r_uid=") != NULL,
		   "%s: restricted: %s", name, why.text);
	slurm_token_fini(&t);
	(void)slurm_token_open(a->slurm, v->token, 0, true, &t, &why, NULL);
	the_time = t.expires + 1;
	slurm_token_fini(&t);
	ok(slurm_token_open(a->slurm, v->token, 0, false, &t, &why, &lines) == FATE_EXPIRED &&
	   strstr(lines.text, "token expired at 17951"), "%s: %s", name, why.text);
	maker_be(a, v, &t);
	message = streq(t.context, "auth") || streq(t.context, "sack");
	if (message) {
		again = plain_again(a, &t);
		ok(streq(again, v->token), "%s: made again", name);
		free(again);
	} else {
		const char *s = cred_again(a, v, &t, &mem, &why);

		if (!ok(s && streq(s, v->token), "%s: made again %s", name, why.text))
			printf("# %s\n# %s\n", v->token, s ? s : "");
	}
	slurm_token_fini(&t);
	arena_fini(&mem);
	the_time = 0;
}

static void test_vectors(struct auth *a)
{
	FILE *in = fopen("compat-tests/vectors/tokens.tsv", "r");
	char line[9000];
	struct err_text why;
	struct auth *other;
	struct vector v;
	int n = 0;

	file_write("slurm.key", "another key of thirty-two bytes.", 0600);
	other = holder(&why);
	file_write("slurm.key", KEY, 0600);
	if (!ok(in && other, "tokens.tsv is there"))
		return;
	while (fgets(line, sizeof line, in))
		if (sscanf(line, "%15s %15s %8191s", v.release, v.context, v.token) == 3 &&
		    line[0] != '#') {
			vector_test(a, other, &v);
			n++;
		}
	ok(n >= 14, "%d tokens", n);
	(void)fclose(in);
	auth_free(other);
}

/* ---- what is refused --------------------------------------------------- */

static struct json_object *claims_good(void)
{
	return json_tokener_parse("{\"context\":\"auth\",\"exp\":1060,\"gid\":7,\"host\":\"h\","
				  "\"iat\":1000,\"payload\":\"AQPw\",\"ruid\":4294967295,"
				  "\"uid\":5,\"ver\":11520}");
}

static enum auth_fate read_one(struct auth *a, const char *token, struct auth_identity *id,
			       struct err_text *why)
{
	void *payload = NULL;
	size_t len = 0;
	enum auth_fate fate = a->method->read(a, token, 65536, &payload, &len, id, why, NULL);

	free(payload);
	return fate;
}

static void claims_test(struct auth *a, const char *key, const char *json, enum auth_fate want,
			const char *name)
{
	struct json_object *o = claims_good();
	struct auth_identity id;
	struct err_text why = {""};
	char *token;

	json_object_object_del(o, key);
	if (json)
		json_object_object_add(o, key, json_tokener_parse(json));
	token = jws_sign(&a->slurm->keys.key[0], o);
	ok(read_one(a, token, &id, &why) == want &&
	   (want == FATE_GOOD || (id.uid == AUTH_NOBODY && why.text[0])), "%s: %s", name, why.text);
	free(token);
	json_object_put(o);
}

static void test_claims(struct auth *a)
{
	the_time = 1030;
	claims_test(a, "cluster", "\"x\"", FATE_GOOD, "another cluster's name is no reason");
	claims_test(a, "payload", NULL, FATE_GOOD, "no payload");
	claims_test(a, "payload", "\"A*\"", FATE_MALFORMED, "payload that is not base64");
	claims_test(a, "uid", NULL, FATE_MALFORMED, "no uid");
	claims_test(a, "uid", "\"0\"", FATE_MALFORMED, "uid as text");
	claims_test(a, "uid", "-1", FATE_MALFORMED, "negative uid");
	claims_test(a, "uid", "4294967296", FATE_MALFORMED, "uid of 33 bits");
	claims_test(a, "uid", "0.0", FATE_MALFORMED, "uid as a fraction");
	claims_test(a, "gid", "null", FATE_MALFORMED, "gid null");
	claims_test(a, "exp", NULL, FATE_MALFORMED, "no exp");
	claims_test(a, "exp", "1029", FATE_EXPIRED, "expired");
	claims_test(a, "exp", "1030", FATE_GOOD, "just not expired");
	claims_test(a, "iat", NULL, FATE_MALFORMED, "no iat");
	claims_test(a, "host", NULL, FATE_MALFORMED, "no host");
	claims_test(a, "context", NULL, FATE_MALFORMED, "no context");
	claims_test(a, "context", "\"sack\"", FATE_GOOD, "sack's");
	claims_test(a, "context", "\"launch\"", FATE_MALFORMED, "a launch credential's");
	claims_test(a, "ruid", "0", FATE_GOOD, "for us alone");
	claims_test(a, "ruid", "5", FATE_RESTRICTED, "for another");
	the_time = 0;
}

static void test_signature(struct auth *a)
{
	struct json_object *o = claims_good();
	char *good = jws_sign(&a->slurm->keys.key[0], o), *token = mem_strdup(good);
	struct auth_identity id;
	struct err_text why;
	size_t n = strlen(good), refused = 0;
	/* {"alg":"none"}, {"alg":"HS512","typ":"JWT"}, [] */
	static const char *const heads[] = { "eyJhbGciOiJub25lIn0", "W10", "",
		"eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9" };

	the_time = 1030;
	ok(read_one(a, good, &id, &why) == FATE_GOOD && id.uid == 5 && id.gid == 7 &&
	   streq(id.host, "h") && id.ttl_sec == 60, "as it should be");
	/* base64 of 32 bytes has two bits to spare in its last character */
	for (size_t k = 0; k < n - 1; k++) {
		token[k] = good[k] == 'A' ? 'B' : 'A';
		refused += read_one(a, token, &id, &why) != FATE_GOOD && id.uid == AUTH_NOBODY;
		token[k] = good[k];
	}
	ok(refused == n - 1, "a change of any of %zu bytes is seen (%zu)", n - 1, refused);
	refused = 0;
	for (size_t k = 0; k < n; k++) {
		token[k] = '\0';
		refused += read_one(a, token, &id, &why) != FATE_GOOD;
		token[k] = good[k];
	}
	ok(refused == n, "cut anywhere it is refused");
	for (size_t k = 0; k < sizeof heads / sizeof heads[0]; k++) {
		char *t = mem_printf("%s%s", heads[k], strchr(good, '.'));

		ok(read_one(a, t, &id, &why) == FATE_MALFORMED, "header %zu: %s", k, why.text);
		free(t);
	}
	free(token);
	token = mem_printf("%s.", good);
	ok(read_one(a, token, &id, &why) == FATE_MALFORMED, "four parts");
	free(token);
	free(good);
	json_object_put(o);
	the_time = 0;
}

/* ---- messages ---------------------------------------------------------- */

static struct wire_frame frame_of(const char *cred, const char *body)
{
	return (struct wire_frame){
		.header = { .version = V24_11, .type = REQUEST_PING },
		.auth_plugin = AUTH_PLUGIN_SLURM, .cred = cred,
		.body = { (const uint8_t *)body, (uint32_t)strlen(body) },
	};
}

static void test_message(struct auth *a)
{
	struct auth_identity id;
	struct err_text why = {""};
	struct wire_frame f;
	char *cred = NULL;

	ok(auth_sign(a, AUTH_ANY_UID, REQUEST_PING, 0, "body", 4, &cred, &why) == E_OK, "signed");
	f = frame_of(cred, "body");
	ok(auth_verify(a, &f, &id, &why, NULL) == E_OK && id.uid == 0 &&
	   id.hash_type == AUTH_HASH_K12, "verified %s", why.text);
	ok(auth_verify(a, &f, &id, &why, NULL) == E_OK,
	   "again: equal messages have equal tokens, so that is no replay");
	f = frame_of(cred, "tube");
	ok(auth_verify(a, &f, &id, &why, NULL) == E_COMMUNICATIONS_RECEIVE_ERROR,
	   "another body: %s", why.text);
	f.auth_plugin = AUTH_PLUGIN_MUNGE;
	ok(auth_verify(a, &f, &id, &why, NULL) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "another plugin: %s", why.text);
	free(cred);
	a->slurm->uid = AUTH_NOBODY;
	(void)auth_sign(a, AUTH_ANY_UID, REQUEST_PING, 0, "body", 4, &cred, &why);
	f = frame_of(cred, "body");
	ok(auth_verify(a, &f, &id, &why, NULL) == E_PROTOCOL_AUTHENTICATION_ERROR, "%s", why.text);
	free(cred);
	a->slurm->uid = 0;
}

/* Three fields in place of a text. */
static void test_none(void)
{
	struct auth *a = auth_new(&(struct auth_options){ .auth_type = "none",
							   .cred_type = "none" }, NULL);
	static const char *const creds[] = { "1000:100:host.a:b", "7:8:", "7:8", NULL };
	struct auth_identity id;
	struct err_text why;
	struct arena mem = {0};
	struct wire_frame f;
	char *own = NULL;

	for (int k = 0; k < 4; k++) {
		struct wire_header h = { .version = V22_05, .type = REQUEST_PING };
		struct wire_out o = {0};
		const char *cred = creds[k];

		if (!cred) {
			(void)auth_sign(a, AUTH_ANY_UID, REQUEST_PING, 0, NULL, 0, &own, &why);
			cred = own;
		}
		wire_frame_build(&o, &h, auth_plugin(a), cred, NULL, 0);
		ok(!o.failed && !wire_frame_parse(o.base + 4, o.len - 4, &mem, &f) &&
		   f.auth_plugin == AUTH_PLUGIN_NONE && streq(f.cred, cred) &&
		   auth_verify(a, &f, &id, &why, NULL) == E_OK &&
		   id.uid == (k == 0 ? 1000 : k < 3 ? 7 : geteuid()), "'%s' there and back", cred);
		wire_out_fini(&o);
	}
	free(own);
	f.cred = "99:99:h";
	ok(auth_verify(a, &f, &id, &why, NULL) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "nobody is nobody here too");
	arena_fini(&mem);
	auth_free(a);
}

/* ---- keys -------------------------------------------------------------- */

static bool refused(const char *what)
{
	struct err_text why = {""};
	struct auth *a = holder(&why);
	bool good = !a && strstr(why.text, what);

	if (!good)
		printf("# %s\n", a ? "accepted" : why.text);
	auth_free(a);
	return good;
}

static void test_keys(void)
{
	static const struct {
		const char *keys, *says;
	} bad[] = {
		{ "", "no key file" }, { "{}", "no list" }, { "{\"keys\":[]}", "no list" },
		{ "{\"keys\":[{}]}", "no kid" },
		{ "{\"keys\":[{\"kid\":\"a\",\"kty\":\"RSA\"}]}", "kty field must be oct" },
		{ "{\"keys\":[{\"kid\":\"a\",\"kty\":\"oct\",\"alg\":\"none\"}]}", "must be HS256" },
		{ "{\"keys\":[{\"kid\":\"a\",\"kty\":\"oct\",\"alg\":\"HS256\"}]}", "no k" },
		{ "{\"keys\":[{\"kid\":\"a\",\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"c2hvcnQ\"}]}",
		  "entropy" },
		{ "{\"keys\":[{\"kid\":\"a\",\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"?\"}]}",
		  "decode" },
	};
	static const char two[] = "{\"keys\":["
		"{\"kid\":\"old\",\"kty\":\"oct\",\"alg\":\"HS256\",\"exp\":2000,"
		"\"k\":\"c2l4dGVlbiBieXRlcyBpdCBpcw==\"},"
		"{\"kid\":\"new\",\"kty\":\"oct\",\"alg\":\"HS256\",\"use\":\"default\","
		"\"k\":\"U2x1aWNlJ3MgdGVzdCBrZXkgZm9yIGF1dGgvc2x1cm0\"}]}";
	struct err_text why = {""};
	struct auth_identity id;
	struct json_object *o = claims_good();
	struct auth *a;
	char *token;

	(void)unlink(in_dir("slurm.key"));
	ok(refused("cannot open key file"), "no key");
	file_write("slurm.key", KEY, 0644);
	ok(refused("key file is insecure: '"), "a key that everybody reads");
	file_write("slurm.key", KEY, 0640);
	auth_free(a = holder(&why));
	ok(a != NULL, "its group may read it");
	for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
		file_write("slurm.jwks", bad[k].keys, 0600);
		ok(refused(bad[k].says), "slurm.jwks: %s", bad[k].says);
	}
	file_write("slurm.jwks", two, 0600);
	a = holder(&why);
	if (!ok(a && a->slurm->keys.count == 2 && a->slurm->keys.signing == 1,
		"two named keys: %s", why.text))
		return;
	the_time = 1030;
	token = jws_sign(&a->slurm->keys.key[0], o);
	ok(read_one(a, token, &id, &why) == FATE_GOOD, "the one that does not sign is good too");
	the_time = 2001;
	ok(read_one(a, token, &id, &why) == FATE_BAD_KEY, "%s", why.text);
	free(token);
	the_time = 1030;
	a->slurm->keys.key[0].kid[0] = 'x';
	token = jws_sign(&a->slurm->keys.key[0], o);
	a->slurm->keys.key[0].kid[0] = 'o';
	ok(read_one(a, token, &id, &why) == FATE_BAD_KEY, "%s", why.text);
	free(token);
	(void)unlink(in_dir("slurm.jwks"));
	file_write("slurm.key", KEY, 0600);
	ok(auth_reload(a, &why) == E_OK && a->slurm->keys.count == 1 && !a->slurm->keys.named,
	   "read anew: a plain key");
	token = jws_sign(&a->slurm->keys.key[0], o);
	ok(read_one(a, token, &id, &why) == FATE_GOOD, "and used");
	free(token);
	(void)unlink(in_dir("slurm.key"));
	ok(auth_reload(a, &why) == E_FAIL && a->slurm->keys.count == 1, "none: the old is kept");
	json_object_put(o);
	auth_free(a);
	the_time = 0;
	file_write("slurm.key", KEY, 0600);
}

static void test_methods(void)
{
	struct err_text why = {""};
	struct auth *a;

	ok(!auth_new(&(struct auth_options){ .auth_type = "auth/jwt" }, &why), "%s", why.text);
	ok(!auth_new(&(struct auth_options){ .cred_type = "cred/x" }, &why), "%s", why.text);
	a = auth_new(&(struct auth_options){ .auth_type = "auth/slurm", .cred_type = "cred/munge",
					     .key_holder = true, .key_dir = dir }, &why);
	ok(a && a->munge && a->slurm && !auth_cred_tokens(a) &&
	   auth_plugin(a) == AUTH_PLUGIN_SLURM, "one for messages, another for credentials");
	auth_free(a);
}

/* ---- the socket -------------------------------------------------------- */

static int raw_connect(const char *path)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)strcpy(u.sun_path, path);
	return connect(fd, (struct sockaddr *)&u, sizeof u) ? -1 : fd;
}

/* As user 4242, in a process of its own: 0 when all is as it should be. */
static int stranger(struct auth *a)
{
	struct auth *me = auth_new(&(struct auth_options){ .auth_type = "auth/slurm",
							    .cluster = "linux" }, NULL);
	struct auth_identity id;
	struct err_text why;
	struct wire_frame f;
	char *cred = NULL, *own;

	if (setgid(4242) || setuid(4242))
		return 1;
	me->slurm->uid = 4242;
	own = slurm_token_make(a->slurm, &(struct slurm_claims){
		.context = "auth", .uid = 0, .only_uid = 0 });
	if (slurm_ask_verify("linux", own, &why) == E_OK)
		return 2;               /* that was for root to read */
	if (auth_sign(me, AUTH_ANY_UID, REQUEST_PING, 0, "body", 4, &cred, &why))
		return 3;
	f = frame_of(cred, "body");
	if (auth_verify(a, &f, &id, &why, NULL) || id.uid != 4242 || id.gid != 4242)
		return 4;
	if (auth_verify(me, &f, &id, &why, NULL) || id.uid != 4242)
		return 5;
	cred[strlen(cred) - 2] ^= 1;
	f = frame_of(cred, "body");
	return auth_verify(me, &f, &id, &why, NULL) == E_PROTOCOL_AUTHENTICATION_ERROR ? 0 : 6;
}

static void test_socket(struct auth *a)
{
	char *path = mem_strdup(in_dir("sack/sack.socket")), big[64] = {0};
	struct sack *s = NULL, *second = NULL;
	struct err_text why = {""};
	int silent[3], status, fd;
	pid_t pid;

	(void)setenv("SLURM_SACK_SOCKET", path, 1);
	if (!ok(sack_start(a, in_dir("sack"), geteuid(), &s, &why) == E_OK, "served %s", why.text))
		return;
	for (int k = 0; k < 3; k++)
		silent[k] = raw_connect(path);  /* these say nothing, and nobody minds */
	pid = fork();
	if (pid == 0)
		_exit(stranger(a));
	(void)waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a token is about who asks (%d)",
	   WEXITSTATUS(status));
	fd = raw_connect(path);
	memset(big, 0xff, sizeof big);
	(void)!write(fd, big, sizeof big);
	ok(recv(fd, big, sizeof big, 0) <= 0, "an absurd length: closed");
	(void)close(fd);
	for (int k = 0; k < 3; k++)
		(void)close(silent[k]);
	ok(sack_start(a, in_dir("sack"), geteuid(), &second, &why) == E_OK,
	   "a second daemon takes the place over");
	sack_stop(s);
	ok((fd = raw_connect(path)) >= 0, "the end of the first does not take it away");
	(void)close(fd);
	sack_stop(second);
	if (geteuid() == 0) {
		(void)chown(in_dir("sack"), 4242, 0);
		ok(sack_start(a, in_dir("sack"), 64030, &s, &why) == E_FAIL, "%s", why.text);
	}
	(void)unlink(path);
	free(path);
	(void)rmdir(in_dir("sack"));
	(void)unsetenv("SLURM_SACK_SOCKET");
}

int main(void)
{
	struct err_text why = {""};
	struct auth *a;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)unsetenv("SLURM_SACK_KEY");
	(void)unsetenv("SLURM_SACK_JWKS");
	if (!mkdtemp(dir) || chmod(dir, 0755))
		return 1;
	file_write("slurm.key", KEY, 0600);
	a = holder(&why);
	if (ok(a != NULL, "a key of our own: %s", why.text)) {
		test_claims(a);
		test_signature(a);
		test_message(a);
		test_none();
		if (geteuid() == 0)
			test_socket(a);
		test_keys();
		test_methods();
		test_vectors(a);
	}
	auth_free(a);
	(void)unlink(in_dir("slurm.key"));
	(void)rmdir(dir);
	return tap_done();
}
