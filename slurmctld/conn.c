/* SPDX-License-Identifier: Apache-2.0
 *
 * A connection carries one request and one answer.  Until a frame is complete
 * a peer costs a small record, what it has sent so far (allocated as it
 * arrives, never as it announces) and MessageTimeout seconds. */
#include "slurmctld/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "conf/names.h"
#include "slurmctld/replier.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/view.h"
#include "wire/base/log.h"

#define BACKLOG 4096
#define LISTENERS_MAX 16
#define ACCEPT_PAUSE_USEC 100000
#define FIRST_READ 65536
#define LINGER_SEC 2
#define DEFER_SEC 1             /* a connection without a word is accepted after */
#define BIG_ANSWER 65536        /* larger ones are written by the replier */

enum conn_state { CS_READING, CS_BUSY, CS_WRITING, CS_LINGER };

struct conn {
	uint64_t id;
	int fd;
	enum conn_state state;
	struct watch watch;
	struct ctld *ctld;
	struct wire_addr peer;
	int64_t deadline;               /* of reading, monotonic */
	uint8_t len_bytes[4];
	uint8_t *buf;
	size_t got, cap, need;          /* need is 0 until the length is known */
	/* for the answer: */
	bool persistent;                /* more requests follow; see conn_persist */
	bool identified, authentic, global;
	enum wire_version version;
	uint16_t type;
	uid_t uid;
	uint8_t hash_type;
	uint32_t plugin;
	struct answer *answer;
	size_t sent;
};

struct listener {
	struct conns *conns;
	struct watch watch;
};

struct conns {
	struct ctld *ctld;
	struct conn **slot;
	uint32_t *generation, *free_slot;
	uint32_t slots, free_count, open, persistent;
	struct listener listener[LISTENERS_MAX];
	unsigned listeners;
	struct watch resume;
};

/* ---- records ----------------------------------------------------------- */

static struct conn *conn_find(struct ctld *c, uint64_t id)
{
	uint32_t i = (uint32_t)id;
	struct conns *s = c->conns;

	return i < s->slots && s->slot[i] && s->slot[i]->id == id ? s->slot[i] : NULL;
}

static uint32_t slot_take(struct conns *s)
{
	uint32_t old = s->slots;

	if (!s->free_count) {
		s->slots = old ? old * 2 : 64;
		s->slot = mem_realloc(s->slot, s->slots * sizeof *s->slot);
		s->generation = mem_realloc(s->generation, s->slots * sizeof *s->generation);
		s->free_slot = mem_realloc(s->free_slot, s->slots * sizeof *s->free_slot);
		for (uint32_t i = s->slots; i-- > old;) {
			s->slot[i] = NULL;
			s->generation[i] = 0;
			s->free_slot[s->free_count++] = i;
		}
	}
	return s->free_slot[--s->free_count];
}

static void conn_detach(struct conn *k)
{
	struct conns *s = k->ctld->conns;
	uint32_t i = (uint32_t)k->id;

	watch_stop(&k->watch);
	s->slot[i] = NULL;
	s->free_slot[s->free_count++] = i;
	s->open--;
	s->persistent -= k->persistent;
	free(k->buf);
	answer_free(k->answer);
	free(k);
}

static void conn_end(struct conn *k)
{
	close(k->fd);
	conn_detach(k);
}

static void wait_for(struct conn *k, short what, int sec)
{
	watch_wait(&k->watch, what, sec * INT64_C(1000000));
}

static int message_timeout(struct ctld *c)
{
	return c->conf->messagetimeout ? c->conf->messagetimeout : 10;
}

/* ---- reading ----------------------------------------------------------- */

/* The answer was sent, or there is none: let the peer finish, so that our
 * answer is not lost to a reset, but not for long. */
static void conn_linger(struct conn *k)
{
	if (shutdown(k->fd, SHUT_WR) < 0) {
		conn_end(k);
		return;
	}
	k->state = CS_LINGER;
	wait_for(k, LOOP_READ, LINGER_SEC);
}

static void linger_read(struct conn *k, short what)
{
	char sink[4096];

	if (!(what & LOOP_TIMEOUT))
		for (int i = 0; i < 16; i++) {
			ssize_t n = recv(k->fd, sink, sizeof sink, MSG_DONTWAIT);

			if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
				wait_for(k, LOOP_READ, LINGER_SEC);
				return;
			}
			if (n <= 0)
				break;
		}
	conn_end(k);
}

/* Refuse before a request exists. */
static void conn_refuse_early(struct conn *k)
{
	k->version = WIRE_VERSION_NEWEST;
	k->state = CS_BUSY;
	conn_reply_rc(k->ctld, k->id, E_PROTOCOL_AUTHENTICATION_ERROR);
}

static void frame_complete(struct conn *k)
{
	uint8_t *bytes = k->buf;
	size_t len = k->need;

	watch_stop(&k->watch);
	k->buf = NULL;
	k->state = CS_BUSY;
	if (k->persistent)
		rpc_persistent(k->ctld, k->id, bytes, len, k->version);
	else
		request_start(k->ctld, k->id, &k->peer, bytes, len);
}

/* Take n bytes; false when the connection has been dealt with. */
static bool take_bytes(struct conn *k, const uint8_t *p, size_t n)
{
	while (n && !k->need) {
		k->len_bytes[k->got++] = *p++;
		n--;
		if (k->got < 4)
			continue;
		k->need = (size_t)k->len_bytes[0] << 24 | (size_t)k->len_bytes[1] << 16 |
			  (size_t)k->len_bytes[2] << 8 | k->len_bytes[3];
		k->got = 0;
		if (!k->need) {
			conn_refuse_early(k);
			return false;
		}
		if (k->need > WIRE_FRAME_MAX_UNAUTH) {
			log_debug("%s announces a message of %zu bytes, closing",
				  request_addr_text(&k->peer), k->need);
			conn_end(k);
			return false;
		}
	}
	if (!k->need || !n)
		return true;
	if (n > k->need - k->got)
		n = k->need - k->got;
	if (k->got + n > k->cap) {
		size_t cap = k->cap ? k->cap * 2 : 512;

		while (cap < k->got + n)
			cap *= 2;
		if (cap > k->need)
			cap = k->need;
		k->buf = mem_realloc(k->buf, cap);
		k->cap = cap;
	}
	memcpy(k->buf + k->got, p, n);
	k->got += n;
	if (k->got < k->need)
		return true;
	frame_complete(k);
	return false;
}

static void conn_read(struct conn *k)
{
	static uint8_t in[FIRST_READ];  /* main thread only */

	for (int round = 0; round < 64; round++) {
		ssize_t n = recv(k->fd, in, sizeof in, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0) {           /* scanners and probes: no word about them */
			conn_end(k);
			return;
		}
		if (!take_bytes(k, in, (size_t)n))
			return;
		if ((size_t)n < sizeof in)
			break;
	}
	if (k->persistent) {
		watch_wait(&k->watch, LOOP_READ, -1);
		return;
	}

	int64_t left = k->deadline - clock_mono_usec();

	if (left <= 0) {
		conn_end(k);
		return;
	}
	wait_for(k, LOOP_READ, (int)(left / 1000000) + 1);
}

/* ---- writing ----------------------------------------------------------- */

/* Wait for the next request. */
static void conn_next(struct conn *k)
{
	answer_free(k->answer);
	k->answer = NULL;
	k->state = CS_READING;
	k->got = k->cap = k->need = 0;
	watch_wait(&k->watch, LOOP_READ, -1);
}

static void conn_write(struct conn *k)
{
	struct answer *a = k->answer;

	while (k->sent < a->head_len) {
		ssize_t n = send(k->fd, a->head + k->sent, a->head_len - k->sent,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			k->state = CS_WRITING;
			wait_for(k, LOOP_WRITE, message_timeout(k->ctld));
			return;
		}
		if (n <= 0) {
			conn_end(k);
			return;
		}
		k->sent += (size_t)n;
	}
	if (k->persistent)
		conn_next(k);
	else if (k->identified)
		conn_end(k);    /* the whole request was read: a plain close is safe */
	else
		conn_linger(k);
}

static void on_event(void *arg, short what)
{
	struct conn *k = arg;

	if (k->state == CS_LINGER) {
		linger_read(k, what);
		return;
	}
	if (what & LOOP_TIMEOUT) {
		log_debug("%s took too long to %s, closing", request_addr_text(&k->peer),
			  k->state == CS_READING ? "send its request" : "read its answer");
		conn_end(k);
		return;
	}
	if (k->state == CS_READING)
		conn_read(k);
	else if (k->state == CS_WRITING)
		conn_write(k);
}

/* Whole frame in a; big ones leave the main thread together with the socket. */
static void conn_send(struct conn *k, struct answer *a)
{
	if (a->total > BIG_ANSWER) {
		int fd = k->fd;
		struct ctld *c = k->ctld;

		conn_detach(k);
		replier_send(c->replier, fd, a, 0, message_timeout(c));
		return;
	}
	for (uint32_t i = 0; i < a->spans; i++) {
		struct span *s = &a->span[i];

		a->head = mem_realloc(a->head, a->head_len + s->len);
		memcpy(a->head + a->head_len, chunk_bytes(s->chunk) + s->off, s->len);
		a->head_len += s->len;
	}
	k->answer = a;
	k->sent = 0;
	conn_write(k);
}

/* ---- answers ----------------------------------------------------------- */

struct answer *answer_new(void)
{
	return mem_zalloc(sizeof(struct answer));
}

void answer_free(struct answer *a)
{
	if (!a)
		return;
	for (uint32_t i = 0; i < a->spans; i++)
		chunk_unref(a->span[i].chunk);
	free(a->span);
	free(a->head);
	free(a);
}

/* Signing an answer for a release that wants a credential on it.  The worker
 * owns the socket and sends what it has signed: nothing comes back. */
struct sign_work {
	struct work work;
	struct ctld *ctld;
	struct auth *auth;
	bool global;
	int fd, timeout_sec;
	enum wire_version version;
	uint16_t type;
	uid_t only_uid;
	uint8_t hash_type;
	uint32_t plugin;
	struct answer *body;
};

/* Put header and credential before the body in a->head. */
static void answer_frame(struct answer *a, enum wire_version v, uint16_t type,
			 bool global, uint32_t plugin, const char *cred)
{
	struct wire_out o = { 0 };
	struct wire_header h = { .version = v, .type = type,
				 .flags = global ? WIRE_FLAG_GLOBAL_AUTH_KEY : 0 };
	size_t body = a->head_len, spans = 0;

	for (uint32_t i = 0; i < a->spans; i++)
		spans += a->span[i].len;
	wire_frame_build_split(&o, &h, plugin, cred, a->head, body, spans);
	free(a->head);
	a->head = o.base;
	a->head_len = o.len;
	a->total = o.len + spans;
}

/* Most answers fit into the socket's buffer. */
static void send_and_close(struct ctld *c, int fd, struct answer *a, int timeout_sec)
{
	ssize_t n = 0;

	if (!a->spans && a->total <= BIG_ANSWER)
		n = send(fd, a->head, a->head_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if ((size_t)n == a->total || (n < 0 && errno != EAGAIN && errno != EINTR)) {
		close(fd);
		answer_free(a);
		return;
	}
	replier_send(c->replier, fd, a, n > 0 ? (size_t)n : 0, timeout_sec);
}

static void sign_run(struct work *w)
{
	struct sign_work *s = (struct sign_work *)w;
	struct answer *a = s->body;
	struct err_text why = { "" };
	char *cred = NULL;

	/* A shared body is not hashed: the credential then covers the type only,
	 * which every release accepts by default. */
	auth_sign_answer(s->auth, s->plugin, s->only_uid, s->type, a->spans ? 1 : s->hash_type,
			 a->head, a->spans ? 0 : a->head_len, &cred, &why);
	if (cred) {
		answer_frame(a, s->version, s->type, s->global, s->plugin, cred);
		send_and_close(s->ctld, s->fd, a, s->timeout_sec);
	} else {
		log_error("cannot sign %s: %s", wire_type_name(s->type), why.text);
		close(s->fd);
		answer_free(a);
	}
	free(cred);
	free(s);
}

static void conn_answer(struct conn *k, uint16_t type, struct answer *a)
{
	struct ctld *c = k->ctld;
	struct sign_work *s;

	if (!wire_reply_needs_cred(k->version)) {
		answer_frame(a, k->version, type, k->global, 0, NULL);
		conn_send(k, a);
		return;
	}
	if (!k->authentic) {    /* as that release: no word to strangers */
		answer_free(a);
		conn_linger(k);
		return;
	}
	s = mem_zalloc(sizeof *s);
	s->work.run = sign_run;
	s->ctld = c;
	s->auth = k->global ? c->auth_global : c->auth;
	s->global = k->global;
	s->fd = k->fd;
	s->timeout_sec = message_timeout(c);
	s->version = k->version;
	s->type = type;
	s->hash_type = k->hash_type;
	s->plugin = k->plugin;
	s->only_uid = k->uid == 0 || k->uid == c->slurm_uid ? AUTH_ANY_UID : k->uid;
	s->body = a;
	conn_detach(k);
	pool_submit(c->workers, &s->work);
}

void conn_reply_packed(struct ctld *c, uint64_t conn, uint16_t type, struct answer *a)
{
	struct conn *k = conn_find(c, conn);

	if (k)
		conn_answer(k, type, a);
	else
		answer_free(a);
}

void conn_reply(struct ctld *c, uint64_t conn, uint16_t type, const void *body)
{
	struct conn *k = conn_find(c, conn);
	struct wire_out o = { .tokens = auth_cred_tokens(c->auth) };
	struct answer *a;

	if (!k)
		return;
	if (!wire_type_find(type, k->version)) {
		log_error("no %s for a peer of release %s", wire_type_name(type),
			  wire_version_name(k->version));
		conn_reply_rc(c, conn, E_NOT_SUPPORTED);
		return;
	}
	wire_body_pack(&o, type, body, k->version);
	if (o.failed) {
		log_error("%s cannot be packed for %s", wire_type_name(type),
			  wire_version_name(k->version));
		wire_out_fini(&o);
		conn_end(k);
		return;
	}
	a = answer_new();
	a->head = o.base;
	a->head_len = o.len;
	conn_answer(k, type, a);
}

void conn_reply_rc(struct ctld *c, uint64_t conn, enum err rc)
{
	struct return_code_msg m = { .return_code = (uint32_t)rc };

	conn_reply(c, conn, RESPONSE_SLURM_RC, &m);
}

void conn_reply_rc_msg(struct ctld *c, uint64_t conn, enum err rc, const char *text)
{
	struct return_code2_msg m = { .return_code = (uint32_t)rc, .err_msg = text };

	conn_reply(c, conn, RESPONSE_SLURM_RC_MSG, &m);
}

bool conn_version(struct ctld *c, uint64_t conn, enum wire_version *v)
{
	struct conn *k = conn_find(c, conn);

	if (k)
		*v = k->version;
	return k;
}

void conn_speak(struct ctld *c, uint64_t conn, enum wire_version v)
{
	struct conn *k = conn_find(c, conn);

	if (k)
		k->version = v;
}

void conn_identify(struct ctld *c, const struct request *r)
{
	struct conn *k = conn_find(c, r->conn);

	if (!k)
		return;
	k->identified = true;
	k->authentic = r->authentic;
	k->version = r->version;
	k->type = r->frame.header.type;
	k->global = r->frame.header.flags & WIRE_FLAG_GLOBAL_AUTH_KEY;
	k->uid = r->id.uid;
	k->hash_type = r->id.hash_type;
	k->plugin = r->id.plugin;
}

void conn_close(struct ctld *c, uint64_t conn)
{
	struct conn *k = conn_find(c, conn);

	if (k)
		conn_end(k);
}

/* ---- persistent connections -------------------------------------------- */

void conn_persist(struct ctld *c, uint64_t conn, enum wire_version v)
{
	struct conn *k = conn_find(c, conn);
	int on = 1;

	if (!k || k->persistent)
		return;
	setsockopt(k->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	k->persistent = true;
	k->version = v;
	c->conns->persistent++;
}

void conn_persist_reply(struct ctld *c, uint64_t conn, uint16_t type, const void *body)
{
	struct conn *k = conn_find(c, conn);
	struct wire_out o = { 0 };

	if (!k)
		return;
	wire_body_pack(&o, type, body, k->version);
	k->answer = answer_new();
	if (o.failed) {
		conn_end(k);
	} else {
		struct wire_out frame = { 0 };

		wire_persist_build(&frame, type, o.base, o.len);
		k->answer->head = frame.base;
		k->answer->head_len = k->answer->total = frame.len;
		k->sent = 0;
		conn_write(k);
	}
	wire_out_fini(&o);
}

/* ---- the last word ----------------------------------------------------- */

struct parting {
	struct parting *next;
	int fd;
	struct answer *answer;
};

void conn_reply_at_end(struct ctld *c, const struct request *r)
{
	struct conn *k = conn_find(c, r->conn);
	struct return_code_msg m = { .return_code = E_OK };
	struct wire_out o = { 0 };
	struct err_text why = { "" };
	struct parting *p;
	char *cred = NULL;

	if (!k)
		return;
	wire_body_pack(&o, RESPONSE_SLURM_RC, &m, k->version);
	if (wire_reply_needs_cred(k->version) &&
	    auth_sign_answer(c->auth, k->plugin, AUTH_ANY_UID, RESPONSE_SLURM_RC, k->hash_type,
			     o.base, o.len, &cred, &why))
		log_error("Munge encode failed: %s", why.text);
	p = mem_zalloc(sizeof *p);
	p->answer = answer_new();
	p->answer->head = o.base;
	p->answer->head_len = o.len;
	answer_frame(p->answer, k->version, RESPONSE_SLURM_RC, k->global, k->plugin, cred);
	free(cred);
	p->fd = k->fd;
	p->next = c->parting;
	c->parting = p;
	conn_detach(k);
}

void partings_send(struct ctld *c)
{
	struct parting *p;

	while ((p = c->parting)) {
		c->parting = p->next;
		if (send(p->fd, p->answer->head, p->answer->head_len, MSG_NOSIGNAL) < 0)
			log_debug("the answer to REQUEST_CONTROL: %m");
		close(p->fd);
		answer_free(p->answer);
		free(p);
	}
}

/* ---- listening --------------------------------------------------------- */

static void peer_from(struct wire_addr *a, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in *in = (const void *)ss;
	const struct sockaddr_in6 *in6 = (const void *)ss;

	memset(a, 0, sizeof *a);
	if (ss->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		a->family = 2;
		a->port = ntohs(in6->sin6_port);
		memcpy(a->ip, in6->sin6_addr.s6_addr + 12, 4);
	} else if (ss->ss_family == AF_INET6) {
		a->family = 10;
		a->port = ntohs(in6->sin6_port);
		memcpy(a->ip, &in6->sin6_addr, 16);
	} else {
		a->family = 2;
		a->port = ntohs(in->sin_port);
		memcpy(a->ip, &in->sin_addr, 4);
	}
}

static void conn_new(struct conns *s, int fd, const struct sockaddr_storage *ss)
{
	struct conn *k = mem_zalloc(sizeof *k);
	uint32_t i = slot_take(s);
	int on = 1;

	k->ctld = s->ctld;
	k->fd = fd;
	k->id = (uint64_t)++s->generation[i] << 32 | i;
	s->slot[i] = k;
	s->open++;
	peer_from(&k->peer, ss);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	k->deadline = clock_mono_usec() + message_timeout(s->ctld) * INT64_C(1000000);
	watch_init(&k->watch, s->ctld->loop, fd, on_event, k);
	conn_read(k);           /* the request is often there already */
}

static void on_resume(void *arg, short what)
{
	struct conns *s = arg;

	(void)what;
	for (unsigned i = 0; i < s->listeners; i++)
		watch_wait(&s->listener[i].watch, LOOP_READ | LOOP_PERSIST, -1);
}

static void on_accept(void *arg, short what)
{
	struct listener *l = arg;
	struct conns *s = l->conns;

	(void)what;
	for (int round = 0; round < 64; round++) {
		struct sockaddr_storage ss;
		socklen_t len = sizeof ss;
		int k = accept4(l->watch.fd, (struct sockaddr *)&ss, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (k >= 0) {
			conn_new(s, k, &ss);
			continue;
		}
		if (errno == EINTR || errno == ECONNABORTED)
			continue;
		if (errno != EAGAIN) {
			log_error("accept: %m");
			for (unsigned i = 0; i < s->listeners; i++)
				watch_stop(&s->listener[i].watch);
			watch_wait(&s->resume, 0, ACCEPT_PAUSE_USEC);
		}
		return;
	}
}

static int listen_one(struct conns *s, uint16_t port)
{
	struct sockaddr_in6 any6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool v6 = s->ctld->conf->conf_flags & CONF_FLAG_IPV6;
	struct listener *l;
	int on = 1, off = 0, defer = DEFER_SEC;
	int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	if (bind(fd, v6 ? (struct sockaddr *)&any6 : (struct sockaddr *)&any4,
		 v6 ? sizeof any6 : sizeof any4) < 0 || listen(fd, BACKLOG) < 0) {
		int e = errno;

		close(fd);
		return e;
	}
	/* Clients connect, then ask munge, then send: wake up once, not twice. */
	setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer, sizeof defer);
	l = &s->listener[s->listeners++];
	l->conns = s;
	watch_init(&l->watch, s->ctld->loop, fd, on_accept, l);
	watch_wait(&l->watch, LOOP_READ | LOOP_PERSIST, -1);
	return 0;
}

int conns_listen(struct conns *s, uint16_t first, uint16_t count)
{
	for (unsigned i = 0; i < (count ? count : 1u) && s->listeners < LISTENERS_MAX; i++) {
		int e = listen_one(s, (uint16_t)(first + i));

		if (e)
			return e;
	}
	return 0;
}

void conns_stop_listening(struct conns *s)
{
	for (unsigned i = 0; i < s->listeners; i++) {
		watch_stop(&s->listener[i].watch);
		close(s->listener[i].watch.fd);
	}
	s->listeners = 0;
	watch_stop(&s->resume);
}

unsigned conns_open(const struct conns *s)
{
	return s->open - s->persistent;
}

struct conns *conns_new(struct ctld *c)
{
	struct conns *s = mem_zalloc(sizeof *s);

	s->ctld = c;
	watch_init(&s->resume, c->loop, -1, on_resume, s);
	return s;
}

void conns_free(struct conns *s)
{
	if (!s)
		return;
	conns_stop_listening(s);
	for (uint32_t i = 0; i < s->slots; i++)
		if (s->slot[i])
			conn_end(s->slot[i]);
	free(s->slot);
	free(s->generation);
	free(s->free_slot);
	free(s);
}
