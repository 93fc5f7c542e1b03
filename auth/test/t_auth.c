/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials against real munged processes of the test's own: every way in
 * which one can be wrong, and what is said then. */
#include "auth/method.h"
#include "auth/seen.h"
#include "auth/test/munged.h"
#include "wire/base/tap.h"

#include <munge.h>

#define KEY  "0123456789abcdef0123456789abcdef"
#define KEY2 "fedcba9876543210fedcba9876543210"

static const char body_text[] = "sixteen tons and what do you get";

static struct wire_frame frame_of(const char *cred, uint16_t type, const void *body, size_t len)
{
	return (struct wire_frame){
		.header = { .version = V24_11, .type = type, .body_len = (uint32_t)len },
		.auth_plugin = AUTH_PLUGIN_MUNGE, .cred = cred,
		.body = { body, (uint32_t)len },
	};
}

static struct auth *auth_at(const struct munged *m, struct auth_options o)
{
	o.socket = m->socket;
	return auth_new(&o, NULL);
}

/* Sign here, verify there. */
static enum err pass(struct auth *from, struct auth *to, uid_t only, uint8_t hash,
		     struct auth_identity *id, struct err_text *why, struct err_text *lines)
{
	char *cred = NULL;
	struct wire_frame f;
	enum err e = auth_sign(from, only, REQUEST_PING, hash, body_text, sizeof body_text, &cred,
			       why);

	if (e) {
		printf("# not signed: %s\n", why->text);
		return e;
	}
	f = frame_of(cred, REQUEST_PING, body_text, sizeof body_text);
	e = auth_verify(to, &f, id, why, lines);
	free(cred);
	return e;
}

static char *seal_raw(const struct munged *m, const void *p, int n)
{
	munge_ctx_t c = munge_ctx_create();
	char *text = NULL;

	(void)munge_ctx_set(c, MUNGE_OPT_SOCKET, m->socket);
	(void)munge_encode(&text, c, p, n);
	munge_ctx_destroy(c);
	return text;
}

static enum err verify_raw(const struct munged *m, struct auth *a, const void *p, int n,
			   struct auth_identity *id)
{
	char *text = seal_raw(m, p, n);
	struct wire_frame f = frame_of(text, 0x1234, "abc", 3);
	enum err e = auth_verify(a, &f, id, NULL, NULL);

	free(text);
	return e;
}

static void test_options(void)
{
	struct auth_options o = {0};
	struct arena mem = {0};

	auth_options_parse(&o, "socket=/run/x.sock,ttl=60, cred_expire=30", "Foo,BLOCK_NULL_HASH",
			   &mem);
	ok(streq(o.socket, "/run/x.sock") && o.ttl_sec == 60 && o.cred_expire_sec == 30 &&
	   o.block_null_hash && !o.block_zero_hash, "AuthInfo and CommunicationParameters");
	o = (struct auth_options){0};
	auth_options_parse(&o, "/run/old.sock", NULL, &mem);
	ok(streq(o.socket, "/run/old.sock") && o.cred_expire_sec == 120, "a bare socket path");
	o = (struct auth_options){0};
	auth_options_parse(&o, "ttl=-5,cred_expire=1,xsocket=/no", "", &mem);
	ok(!o.socket && !o.ttl_sec && o.cred_expire_sec == 120, "nonsense keeps the defaults");
	arena_fini(&mem);
}

static void test_good(const struct munged *m)
{
	struct auth *a = auth_at(m, (struct auth_options){ .ttl_sec = 60 });
	struct auth_identity id;
	struct err_text why, lines;
	static const uint8_t types[] = { 0, AUTH_HASH_NONE, AUTH_HASH_K12, AUTH_HASH_SHA3 };

	ok(auth_self_test(a, &why) == E_OK, "self test");
	for (size_t k = 0; k < sizeof types; k++) {
		enum err e = pass(a, a, AUTH_ANY_UID, types[k], &id, &why, &lines);

		ok(e == E_OK && id.uid == geteuid() && id.gid == getegid() && id.ttl_sec == 60 &&
		   id.encoded && id.decoded >= id.encoded && !*lines.text &&
		   id.hash_type == (types[k] ? types[k] : AUTH_HASH_K12), "hash type %u", types[k]);
	}
	ok(pass(a, a, AUTH_ANY_UID, 3, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "nobody defines hash type 3");
	ok(pass(a, a, geteuid(), 0, &id, &why, &lines) == E_OK, "restricted to ourselves");
	auth_free(a);
}

static void test_hash(const struct munged *m)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	struct auth *strict = auth_at(m, (struct auth_options){ .block_null_hash = true,
								.block_zero_hash = true });
	struct auth_identity id;
	struct err_text why;
	uint8_t record[34] = { AUTH_HASH_K12 };
	char *cred = NULL;
	struct wire_frame f;

	(void)auth_sign(a, AUTH_ANY_UID, REQUEST_PING, 0, "abc", 3, &cred, &why);
	f = frame_of(cred, REQUEST_PING, "abd", 3);
	ok(auth_verify(a, &f, &id, &why, NULL) == E_COMMUNICATIONS_RECEIVE_ERROR &&
	   strstr(why.text, "another message"), "another body: %s", why.text);
	free(cred);
	(void)auth_sign(a, AUTH_ANY_UID, REQUEST_PING, 0, "abc", 3, &cred, &why);
	f = frame_of(cred, REQUEST_SHUTDOWN, "abc", 3);
	ok(auth_verify(a, &f, &id, &why, NULL) == E_COMMUNICATIONS_RECEIVE_ERROR,
	   "another message type");
	free(cred);
	auth_k12("abc", 3, "\x12\x34", 2, record + 1);
	ok(verify_raw(m, a, record, 33, &id) == E_OK, "the record of stock's clients");
	ok(verify_raw(m, a, record, 32, &id) != E_OK, "a short record");
	ok(verify_raw(m, a, record, 34, &id) != E_OK, "a long record");
	ok(verify_raw(m, a, "\2", 1, &id) != E_OK, "a record of one byte");
	ok(verify_raw(m, a, "\1\x12\x34", 3, &id) == E_OK && id.hash_type == AUTH_HASH_NONE,
	   "the type alone");
	ok(verify_raw(m, a, "\1\x34\x12", 3, &id) != E_OK, "the type in the wrong order");
	ok(verify_raw(m, strict, "\1\x12\x34", 3, &id) != E_OK, "block_zero_hash");
	ok(verify_raw(m, a, "", 0, &id) == E_OK && id.hash_type == AUTH_HASH_K12, "no record");
	ok(verify_raw(m, strict, "", 0, &id) != E_OK, "block_null_hash");
	record[0] = 3;
	ok(verify_raw(m, a, record, 33, &id) != E_OK, "hash type 3");
	auth_free(a);
	auth_free(strict);
}

static void test_malformed(const struct munged *m)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	struct auth_identity id;
	struct err_text why, lines;
	char *huge = malloc(1 << 20);
	const char *bad[] = { "", "MUNGE:", "MUNGE::", "hello", "MUNGE:AAAA:", "MUNGE:%%%%%%%%:",
			      huge };
	struct wire_frame f;
	char *cred = NULL;

	memset(huge, 'A', (1 << 20) - 1);
	huge[(1 << 20) - 1] = '\0';
	memcpy(huge, "MUNGE:", 6);
	huge[(1 << 20) - 2] = ':';
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		f = frame_of(bad[k], REQUEST_PING, "", 0);
		ok(auth_verify(a, &f, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
		   id.uid == AUTH_NOBODY && strstr(lines.text, "Munge decode failed"),
		   "malformed %zu: %s", k, why.text);
	}
	free(huge);
	f = frame_of(NULL, REQUEST_PING, "", 0);
	ok(auth_verify(a, &f, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR, "no text");
	f.auth_plugin = 0;
	ok(auth_verify(a, &f, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "no credential: %s", why.text);
	(void)auth_sign(a, AUTH_ANY_UID, REQUEST_PING, 0, "", 0, &cred, &why);
	f = frame_of(cred, REQUEST_PING, "", 0);
	f.auth_plugin = AUTH_PLUGIN_SLURM;
	ok(auth_verify(a, &f, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "another plugin: %s", why.text);
	f.auth_plugin = AUTH_PLUGIN_MUNGE;
	cred[strlen(cred) / 2] ^= 1;
	ok(auth_verify(a, &f, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "one bit changed: %s", why.text);
	free(cred);
	auth_free(a);
}

static void test_replay(const struct munged *m)
{
	struct auth *once = auth_at(m, (struct auth_options){0});
	struct auth *shared = auth_at(m, (struct auth_options){ .allow_replay = true });
	struct auth_identity id;
	struct err_text why, lines;
	char *cred = NULL;
	struct wire_frame f;

	(void)auth_sign(once, AUTH_ANY_UID, REQUEST_PING, 0, "", 0, &cred, &why);
	f = frame_of(cred, REQUEST_PING, "", 0);
	ok(auth_verify(once, &f, &id, &why, &lines) == E_OK, "first use");
	ok(auth_verify(once, &f, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
	   strstr(why.text, "replay:"), "second use: %s", why.text);
	ok(!strncmp(lines.text, "Munge decode failed: Replayed credential\n", 41),
	   "stock's line for it");
	ok(auth_verify(shared, &f, &id, &why, &lines) == E_OK && id.uid == geteuid() &&
	   !*lines.text, "a shared munged: accepted");
	ok(auth_verify(shared, &f, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
	   strstr(why.text, "replay:"), "... once by each: %s", why.text);
	f.body = (struct wire_mem){ (const uint8_t *)"x", 1 };
	ok(auth_verify(shared, &f, &id, &why, &lines) != E_OK, "... but for this body only");
	free(cred);
	auth_free(once);
	auth_free(shared);
}

static void test_seen(void)
{
	struct seen s;
	char text[32];
	bool right = true;

	seen_init(&s);
	for (int k = 0; k < 20000; k++) {
		(void)snprintf(text, sizeof text, "MUNGE:%d:", k);
		right = !seen_before(&s, text, 1000, 1000 + k % 300) && right;
	}
	ok(right && s.used == 20000, "20000 credentials, all new");
	for (int k = 0; k < 20000; k++) {
		(void)snprintf(text, sizeof text, "MUNGE:%d:", k);
		right = seen_before(&s, text, 1000, 1300) && right;
	}
	ok(right, "all known");
	for (int k = 0; k < 40000; k++) {
		(void)snprintf(text, sizeof text, "MUNGE:later %d:", k);
		(void)seen_before(&s, text, 2000, 2300);
	}
	ok(s.used < 70000 && s.cap <= 262144, "those of the past are forgotten: %zu in %zu", s.used,
	   s.cap);
	for (int k = 0; k < 600000; k++) {
		(void)snprintf(text, sizeof text, "MUNGE:flood %d:", k);
		(void)seen_before(&s, text, 2000, 2300);
	}
	ok(s.cap == (size_t)1 << 20, "never more than a million places");
	seen_fini(&s);
}

/* In a child with another identity. */
static enum err verify_as(const struct munged *m, uid_t uid, gid_t gid, const char *cred)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct auth *a;
		struct auth_identity id;
		struct err_text why = {0};
		struct wire_frame f = frame_of(cred, REQUEST_PING, "", 0);
		enum err e;

		if (setgid(gid) || setuid(uid))
			_exit(100);
		a = auth_at(m, (struct auth_options){0});
		e = auth_verify(a, &f, &id, &why, NULL);
		auth_free(a);
		_exit(e == E_OK ? 0 : strstr(why.text, "restriction:") ? 2 : 1);
	}
	(void)waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void test_restriction(const struct munged *m)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	struct auth_identity id;
	struct err_text why, lines;
	char *cred = NULL;

	ok(pass(a, a, 4242, 0, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
	   strstr(why.text, "restriction:"), "made for another user: %s", why.text);
	ok(!strncmp(lines.text, "Munge decode failed: Unauthorized credential", 44),
	   "stock's line for it");
	if (geteuid() == 0) {
		(void)auth_sign(a, 4242, REQUEST_PING, 0, "", 0, &cred, &why);
		ok(verify_as(m, 4243, 4243, cred) == 2, "a third user cannot read it");
		ok(verify_as(m, 4242, 4242, cred) == 0, "the right one can");
		free(cred);
	}
	auth_free(a);
}

/* User or group 99 encodes; nobody believes it. */
static void test_nobody(const struct munged *m)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	struct auth_identity id;
	struct err_text why;
	static const uid_t who[][2] = { { 99, 1000 }, { 1000, 99 }, { 1000, 1000 } };

	for (int k = 0; k < 3 && geteuid() == 0; k++) {
		char cred[4096];
		struct wire_frame f = frame_of(cred, REQUEST_PING, "", 0);
		int fd[2];
		ssize_t n;
		pid_t pid;
		enum err e;

		if (pipe(fd))
			abort();
		pid = fork();
		if (!pid) {
			char *text;

			if (setgid(who[k][1]) || setuid(who[k][0]) ||
			    auth_sign(a, AUTH_ANY_UID, REQUEST_PING, 0, "", 0, &text, NULL) ||
			    write(fd[1], text, strlen(text)) < 0)
				_exit(1);
			_exit(0);
		}
		(void)waitpid(pid, NULL, 0);
		n = read(fd[0], cred, sizeof cred - 1);
		cred[n > 0 ? n : 0] = '\0';
		(void)close(fd[0]), (void)close(fd[1]);
		e = auth_verify(a, &f, &id, &why, NULL);
		ok(k < 2 ? e == E_PROTOCOL_AUTHENTICATION_ERROR : e == E_OK,
		   "encoded by %u:%u", who[k][0], who[k][1]);
	}
	auth_free(a);
}

static void test_seal(const struct munged *m)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	const struct auth_method *r = &auth_method_munge;
	struct err_text why;
	size_t big = 600 << 10;
	uint8_t *p = malloc(1 << 20);
	char *text = NULL;

	for (size_t k = 0; k < 1 << 20; k++)
		p[k] = (uint8_t)(k * 2654435761u >> 24);
	ok(r->seal(a, p, big, &text, &why) == E_OK, "600 KiB can be sealed");
	ok(text && r->check(a, text, p, big, geteuid(), &why) == E_OK, "... and opened");
	ok(text && r->check(a, text, p, big, geteuid(), &why) == E_D_CREDENTIAL_REPLAYED,
	   "... once: %s", why.text);
	free(text);
	ok(r->seal(a, p, 1 << 20, &text, &why) != E_OK, "more cannot: %s", why.text);
	free(p);
	auth_free(a);
}

static void test_key(const struct munged *m, const struct munged *other)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	struct auth *b = auth_at(other, (struct auth_options){0});
	struct auth_identity id;
	struct err_text why, lines;

	ok(pass(b, a, AUTH_ANY_UID, 0, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
	   strstr(why.text, "key:"), "another key: %s", why.text);
	ok(!strncmp(lines.text, "Munge decode failed: Invalid credential\n"
		    "auth/munge: _print_cred: ENCODED: ", 74) && id.uid == AUTH_NOBODY,
	   "stock's lines for it");
	auth_free(a);
	auth_free(b);
}

static void test_clock(const struct munged *m, const struct munged *behind,
		       const struct munged *ahead)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	struct auth *b = auth_at(behind, (struct auth_options){0});
	struct auth *c = auth_at(ahead, (struct auth_options){0});
	struct auth_identity id;
	struct err_text why, lines;

	ok(pass(b, a, AUTH_ANY_UID, 0, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
	   strstr(why.text, "10 min") && strstr(why.text, "behind ours"), "behind: %s", why.text);
	ok(id.decoded - id.encoded >= 600 && id.decoded - id.encoded < 610 && id.ttl_sec == 300,
	   "the difference is known");
	ok(!strncmp(lines.text, "Munge decode failed: Expired credential\n", 40) &&
	   strstr(lines.text, "DECODED: ") && !strstr(lines.text, "Check for"),
	   "stock's lines for it");
	ok(pass(c, a, AUTH_ANY_UID, 0, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
	   strstr(why.text, "ahead of ours"), "ahead: %s", why.text);
	ok(id.encoded - id.decoded > 590 && id.encoded - id.decoded <= 600,
	   "the difference is known");
	ok(!strncmp(lines.text, "Munge decode failed: Rewound credential\n", 40) &&
	   strstr(lines.text, "\nCheck for out of sync clocks"), "stock's lines for it");
	auth_free(a);
	auth_free(b);
	auth_free(c);
}

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* munged away for a second is waited out; for longer, no more than once. */
static void test_away(struct munged *m)
{
	struct auth *a = auth_at(m, (struct auth_options){0});
	struct auth_identity id;
	struct err_text why, lines;
	int64_t start;
	pid_t pid;

	munged_stop(m);
	pid = fork();
	if (!pid) {
		munged_pause(1000);
		_exit(munged_start(m) ? 0 : 1);         /* munged stays; its pid is in dir/pid */
	}
	ok(pass(a, a, AUTH_ANY_UID, 0, &id, &why, &lines) == E_OK, "back after a second");
	(void)waitpid(pid, NULL, 0);
	{
		char path[128], text[32] = "";
		FILE *f;

		(void)snprintf(path, sizeof path, "%s/pid", m->dir);
		f = fopen(path, "r");
		if (f && fgets(text, sizeof text, f))
			(void)kill(atoi(text), SIGTERM);
		if (f)
			fclose(f);
		for (int k = 0; k < 100 && !access(m->socket, F_OK); k++)
			munged_pause(20);
	}
	m->pid = 0;
	start = now_ms();
	ok(pass(a, a, AUTH_ANY_UID, 0, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "gone: %s", why.text);
	start = now_ms() - start;
	ok(start >= 4900 && start < 6000, "given up after %d ms", (int)start);
	start = now_ms();
	ok(pass(a, a, AUTH_ANY_UID, 0, &id, &why, &lines) == E_PROTOCOL_AUTHENTICATION_ERROR &&
	   now_ms() - start < 1500, "still gone: not waited for again");
	ok(munged_start(m), "munged started again");
	ok(pass(a, a, AUTH_ANY_UID, 0, &id, &why, &lines) == E_OK, "and used at once");
	auth_free(a);
}

int main(void)
{
	struct munged m, other, behind, ahead;

	(void)signal(SIGPIPE, SIG_IGN);
	test_options();
	test_seen();
	if (!munged_there()) {
		printf("# munged is not installed: the rest is left out\n");
		return tap_done();
	}
	ok(munged_init(&m, KEY, 0) && munged_start(&m) &&
	   munged_init(&other, KEY2, 0) && munged_start(&other), "two munged of our own");
	test_good(&m);
	test_hash(&m);
	test_malformed(&m);
	test_replay(&m);
	test_restriction(&m);
	test_nobody(&m);
	test_seal(&m);
	test_key(&m, &other);
	if (ok(munged_init(&behind, KEY, -600) && munged_start(&behind) &&
	       munged_init(&ahead, KEY, 600) && munged_start(&ahead), "two with wrong clocks"))
		test_clock(&m, &behind, &ahead);
	munged_fini(&behind);
	munged_fini(&ahead);
	test_away(&m);
	munged_fini(&m);
	munged_fini(&other);
	return tap_done();
}
