/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocking calls against a listener that behaves like the controllers of
 * several releases, and like nobody should. */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include "auth/rpc.h"
#include "auth/test/munged.h"
#include "wire/base/tap.h"

enum manner {
	ACCEPTS,                /* answers what it accepts, rest as `refusal` */
	SILENT,                 /* closes at once */
	HANGS, TRICKLES, HUGE_PREFIX, LYING_PREFIX, ZERO_PREFIX, GARBAGE, CUT
};
enum refusal { CLOSES, SAYS_1007, SAYS_HTTP };

/* A listener and how it behaves; changed only between calls. */
struct fake {
	int fd;
	uint16_t port;
	pthread_t thread;
	struct auth *auth, *reply_auth;
	enum manner manner;
	enum refusal refusal;
	enum wire_version oldest, newest;
	bool refuse_cred;
	uint32_t code;
	int calls;
	uid_t uid;              /* of the last request */
	uint16_t type;
};

static void put(int fd, const void *p, size_t n)
{
	(void)rpc_send(fd, p, n, 1000);
}

static void answer_code(struct fake *s, int fd, enum wire_version v, uint32_t code)
{
	struct wire_out o = {0};
	struct return_code_msg rc = { .return_code = code };
	struct wire_frame req = { .header = { .version = v } };
	struct auth_identity id = { .uid = geteuid() };

	if (!rpc_reply_build(s->reply_auth, NULL, &req, &id, RESPONSE_SLURM_RC, &rc, &o, NULL))
		put(fd, o.base, o.len);
	wire_out_fini(&o);
}

static void answer(struct fake *s, int fd, const uint8_t *bytes, size_t len, struct arena *mem)
{
	struct wire_frame f;
	struct auth_identity id;
	enum err e = wire_frame_parse(bytes, len, mem, &f);

	if (e || f.header.version < s->oldest || f.header.version > s->newest) {
		if (s->refusal == SAYS_1007)
			answer_code(s, fd, s->newest, E_PROTOCOL_AUTHENTICATION_ERROR);
		else if (s->refusal == SAYS_HTTP)
			put(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28);
		return;
	}
	e = auth_verify(s->auth, &f, &id, NULL, NULL);
	s->uid = id.uid;
	s->type = f.header.type;
	if (e || s->refuse_cred) {
		if (s->refusal != CLOSES)
			answer_code(s, fd, f.header.version, E_PROTOCOL_AUTHENTICATION_ERROR);
		return;
	}
	if (wire_message_answered(f.header.type, f.header.version))
		answer_code(s, fd, f.header.version, s->code);
}

static void misbehave(struct fake *s, int fd)
{
	static const uint8_t huge[] = { 0x7f, 0xff, 0xff, 0xff, 1, 2, 3 };
	static const uint8_t lying[] = { 3, 0, 0, 0, 1, 2, 3 };
	static const uint8_t zero[] = { 0, 0, 0, 0 };
	static const uint8_t garbage[] = { 0, 0, 0, 8, 0x2a, 0, 1, 2, 3, 4, 5, 6 };
	static const uint8_t cut[] = { 0, 0, 1, 0, 0x2a, 0 };

	switch (s->manner) {
	case HANGS:
		munged_pause(600);
		break;
	case TRICKLES:
		for (int k = 0; k < 3; k++) {
			put(fd, "\0", 1);
			munged_pause(150);
		}
		break;
	case HUGE_PREFIX:
		put(fd, huge, sizeof huge);
		break;
	case LYING_PREFIX:
		put(fd, lying, sizeof lying);
		break;
	case ZERO_PREFIX:
		put(fd, zero, sizeof zero);
		break;
	case GARBAGE:
		put(fd, garbage, sizeof garbage);
		break;
	case CUT:
		put(fd, cut, sizeof cut);
		break;
	default:
		break;
	}
}

static void *serve(void *arg)
{
	struct fake *s = arg;

	for (;;) {
		struct arena mem = {0};
		uint8_t *bytes;
		size_t len;
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			return NULL;
		s->calls++;
		if (s->manner == SILENT)
			(void)rpc_recv(fd, &mem, &bytes, &len, 1000);
		else if (!rpc_recv(fd, &mem, &bytes, &len, 1000)) {
			if (s->manner == ACCEPTS)
				answer(s, fd, bytes, len, &mem);
			else
				misbehave(s, fd);
		}
		arena_fini(&mem);
		(void)close(fd);
	}
}

static void fake_start(struct fake *s, struct auth *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t n = sizeof sin;

	*s = (struct fake){ .auth = a, .reply_auth = a, .newest = V26_05 };
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->fd, (struct sockaddr *)&sin, sizeof sin) || listen(s->fd, 16) ||
	    getsockname(s->fd, (struct sockaddr *)&sin, &n) ||
	    pthread_create(&s->thread, NULL, serve, s))
		abort();
	s->port = ntohs(sin.sin_port);
}

static void fake_stop(struct fake *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
}

static char *local[] = { (char *)"127.0.0.1" };

static struct rpc_ctld ctld_of(const struct fake *s, struct auth *a)
{
	return (struct rpc_ctld){ .auth = a, .hosts = local, .host_count = 1, .port = s->port,
				  .slurm_uid = geteuid(), .timeout_ms = 2000 };
}

static void test_resolve(void)
{
	struct wire_addr a;

	ok(!rpc_resolve("10.1.2.3", 6817, &a) && a.family == 2 && a.port == 6817 &&
	   !memcmp(a.ip, "\x0a\x01\x02\x03", 4), "IPv4 address");
	ok(!rpc_resolve("::1", 1, &a) && a.family == 10 && a.ip[15] == 1, "IPv6 address");
	ok(!rpc_resolve("localhost", 1, &a) && a.family == 2 && a.ip[0] == 127, "localhost");
	ok(rpc_resolve("", 1, &a) == E_UNKNOWN_FORWARD_ADDR &&
	   rpc_resolve(NULL, 1, &a) == E_UNKNOWN_FORWARD_ADDR, "nothing");
}

static void test_releases(struct fake *s, struct auth *a)
{
	static const struct {
		const char *what;
		enum wire_version oldest, newest;
		enum refusal refusal;
		int calls;
	} kind[] = {
		{ "22.05", V22_05, V22_05, CLOSES, 8 },
		{ "24.11", V23_02, V24_11, SAYS_1007, 2 },
		{ "26.05", V24_11, V26_05, SAYS_HTTP, 1 },
		{ "25.05 with HTTP", V23_11, V25_05, SAYS_HTTP, 3 },
		{ "Sluice", V22_05, V26_05, SAYS_1007, 1 },
	};
	struct err_text why;

	for (size_t k = 0; k < sizeof kind / sizeof *kind; k++) {
		struct rpc_ctld c = ctld_of(s, a);
		struct rpc_reply r;
		enum err e;

		s->oldest = kind[k].oldest, s->newest = kind[k].newest;
		s->refusal = kind[k].refusal;
		s->calls = 0;
		e = rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why);
		ok(e == E_OK && rpc_reply_code(&r) == E_OK && c.version_known &&
		   c.version == kind[k].newest && s->calls == kind[k].calls,
		   "like %s: found with %d calls", kind[k].what, s->calls);
		rpc_reply_fini(&r);
		s->calls = 0;
		e = rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why);
		ok(e == E_OK && s->calls == 1, "... and remembered");
		rpc_reply_fini(&r);
		s->refuse_cred = true;
		e = rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why);
		ok(e == E_PROTOCOL_AUTHENTICATION_ERROR, "... credential refused: %s", why.text);
		c = ctld_of(s, a);
		e = rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why);
		ok(e == E_PROTOCOL_AUTHENTICATION_ERROR,
		   "... also when the release is not known");
		s->refuse_cred = false;
	}
}

static void test_upgrade(struct fake *s, struct auth *a)
{
	struct rpc_ctld c = ctld_of(s, a);
	struct rpc_reply r;
	struct err_text why;
	static const struct {
		enum wire_version oldest, newest, used;
		enum refusal refusal;
	} step[] = {
		{ V22_05, V22_05, V22_05, CLOSES }, { V23_02, V24_11, V24_11, SAYS_1007 },
		/* what works is kept */
		{ V24_11, V26_05, V24_11, SAYS_HTTP }, { V22_05, V22_05, V22_05, CLOSES },
		{ V24_11, V26_05, V26_05, SAYS_HTTP },
	};

	for (size_t k = 0; k < sizeof step / sizeof *step; k++) {
		s->oldest = step[k].oldest, s->newest = step[k].newest;
		s->refusal = step[k].refusal;
		ok(!rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why) && c.version == step[k].used,
		   "controller replaced by %s: followed", wire_version_name(s->newest));
		rpc_reply_fini(&r);
	}
	s->oldest = s->newest = V26_05;
	s->manner = SILENT;
	ok(rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why) == E_PROTOCOL_AUTHENTICATION_ERROR,
	   "silent for every release");
	s->manner = ACCEPTS;
	s->oldest = V26_05 + 1, s->newest = V26_05 + 1, s->refusal = SAYS_HTTP;
	ok(rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why) == E_PROTOCOL_VERSION_ERROR,
	   "HTTP for every release: %s", why.text);
	s->oldest = V22_05, s->newest = V26_05;
}

/* What 22.05 takes in silence is not lost when the controller becomes another. */
static void test_unanswered(struct fake *s, struct auth *a)
{
	static const struct {
		enum wire_version oldest, newest;
		enum refusal refusal;
		int calls;
	} step[] = {
		{ V22_05, V22_05, CLOSES, 9 }, { V22_05, V22_05, CLOSES, 1 },
		{ V23_02, V24_11, SAYS_1007, 4 }, { V24_11, V24_11, SAYS_1007, 1 },
		{ V22_05, V22_05, CLOSES, 10 }, { V24_11, V26_05, SAYS_HTTP, 4 },
	};
	struct rpc_ctld c = ctld_of(s, a);
	struct epilog_comp_msg m;
	struct rpc_reply r;
	struct err_text why;

	wire_init(&epilog_comp_msg_desc, &m);
	m.step_id.job_id = 7;
	m.node_name = "n";
	for (size_t k = 0; k < sizeof step / sizeof *step; k++) {
		enum err e;

		s->oldest = step[k].oldest, s->newest = step[k].newest;
		s->refusal = step[k].refusal;
		s->calls = s->type = 0;
		e = rpc_ctld_call(&c, MESSAGE_EPILOG_COMPLETE, &m, &r, &why);
		ok(!e && s->type == MESSAGE_EPILOG_COMPLETE && s->calls == step[k].calls &&
		   !r.type == !wire_message_answered(MESSAGE_EPILOG_COMPLETE, s->newest),
		   "MESSAGE_EPILOG_COMPLETE to %s: %d calls", wire_version_name(s->newest),
		   s->calls);
		rpc_reply_fini(&r);
	}
	s->oldest = V22_05, s->newest = V26_05;
}

static void test_misbehaviour(struct fake *s, struct auth *a, struct auth *stranger)
{
	static const struct { enum manner manner; enum err e; const char *what; } bad[] = {
		{ SILENT, E_PROTOCOL_SOCKET_ZERO_BYTES_SENT, "closes" },
		{ HANGS, E_PROTOCOL_SOCKET_IMPL_TIMEOUT, "hangs" },
		{ TRICKLES, E_PROTOCOL_SOCKET_IMPL_TIMEOUT, "trickles" },
		{ HUGE_PREFIX, E_PROTOCOL_INSANE_MSG_LENGTH, "announces 2 GiB" },
		{ LYING_PREFIX, E_COMMUNICATIONS_RECEIVE_ERROR, "announces 48 MiB, sends 3 bytes" },
		{ ZERO_PREFIX, E_PROTOCOL_SOCKET_IMPL_ZERO_RECV_LENGTH, "announces nothing" },
		{ GARBAGE, E_COMMUNICATIONS_RECEIVE_ERROR, "sends garbage" },
		{ CUT, E_COMMUNICATIONS_RECEIVE_ERROR, "stops half way" },
	};
	struct wire_addr to;
	struct rpc_reply r;
	struct err_text why;

	(void)rpc_resolve("127.0.0.1", s->port, &to);
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		enum err e;

		s->manner = bad[k].manner;
		e = rpc_call(a, &to, V24_11, AUTH_ANY_UID, REQUEST_PING, NULL, 300, &r, &why);
		if (e == E_PROTOCOL_SOCKET_IMPL_TIMEOUT)
			munged_pause(500);              /* the listener is still at it */
		ok(e == bad[k].e && !r.body && !r.mem.base, "a peer that %s: %d %s", bad[k].what, e,
		   why.text);
	}
	s->manner = ACCEPTS;
	s->reply_auth = stranger;
	ok(rpc_call(a, &to, V22_05, AUTH_ANY_UID, REQUEST_PING, NULL, 2000, &r, &why) ==
	   E_PROTOCOL_AUTHENTICATION_ERROR, "a 22.05 answer of a stranger: %s", why.text);
	s->reply_auth = a;
	ok(!rpc_call(a, &to, V22_05, AUTH_ANY_UID, REQUEST_PING, NULL, 2000, &r, &why) &&
	   r.frame.cred, "a 22.05 answer carries a credential");
	rpc_reply_fini(&r);
	ok(!rpc_call(a, &to, V23_02, AUTH_ANY_UID, REQUEST_PING, NULL, 2000, &r, &why) &&
	   !r.frame.cred, "a newer one does not");
	rpc_reply_fini(&r);
	ok(rpc_call(stranger, &to, V24_11, AUTH_ANY_UID, REQUEST_PING, NULL, 2000, &r, &why) ==
	   E_OK && rpc_reply_code(&r) == E_PROTOCOL_AUTHENTICATION_ERROR && s->uid == AUTH_NOBODY,
	   "a stranger's request is refused");
	rpc_reply_fini(&r);
}

static void test_hosts(struct fake *s, struct auth *a)
{
	static char *hosts[] = { (char *)"127.0.0.2", (char *)"127.0.0.1" };
	struct rpc_ctld c = ctld_of(s, a);
	struct rpc_reply r;
	struct err_text why;

	c.hosts = hosts, c.host_count = 2;
	ok(!rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why) && c.last_host == 1,
	   "the first host is down: the second answers");
	rpc_reply_fini(&r);
	s->code = E_IN_STANDBY_USE_BACKUP;
	ok(rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why) == E_IN_STANDBY_MODE,
	   "all down or in standby: %s", why.text);
	s->code = 0;
	s->type = 0;
	c = ctld_of(s, a);
	ok(!rpc_ctld_call(&c, REQUEST_HEALTH_CHECK, NULL, NULL, &why), "sent without a reply");
	for (int k = 0; k < 100 && s->type != REQUEST_HEALTH_CHECK; k++)
		munged_pause(10);
	ok(s->type == REQUEST_HEALTH_CHECK && s->uid == geteuid(), "... and arrived");
	c.host_count = 0;
	ok(rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why) ==
	   E_CTLD_COMMUNICATIONS_CONNECTION_ERROR, "no host: %s", why.text);
	c = ctld_of(s, a);
	c.port = 1;
	ok(rpc_ctld_call(&c, REQUEST_PING, NULL, &r, &why) ==
	   E_CTLD_COMMUNICATIONS_CONNECTION_ERROR, "nobody listens: %s", why.text);
}

int main(void)
{
	struct munged m, m2;
	struct auth *a, *stranger;
	struct fake s;

	(void)signal(SIGPIPE, SIG_IGN);
	test_resolve();
	if (!munged_there()) {
		printf("# munged is not installed: the rest is left out\n");
		return tap_done();
	}
	if (ok(munged_init(&m, "0123456789abcdef0123456789abcdef", 0) && munged_start(&m) &&
	       munged_init(&m2, "another key, just as long as that", 0) && munged_start(&m2),
	       "two munged of our own")) {
		a = auth_new(&(struct auth_options){ .socket = m.socket }, NULL);
		stranger = auth_new(&(struct auth_options){ .socket = m2.socket }, NULL);
		fake_start(&s, a);
		test_releases(&s, a);
		test_upgrade(&s, a);
	test_unanswered(&s, a);
		test_misbehaviour(&s, a, stranger);
		test_hosts(&s, a);
		fake_stop(&s);
		auth_free(a);
		auth_free(stranger);
	}
	munged_fini(&m);
	munged_fini(&m2);
	return tap_done();
}
