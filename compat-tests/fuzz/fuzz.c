/* SPDX-License-Identifier: Apache-2.0
 *
 * Bad frames of every message type, sent to a daemon over TCP by somebody whose
 * credential is good.  The types are those of wire/proto/types.def, all releases
 * in turn: a new message is covered by being defined.
 *
 *   fuzz --port N [--auth munge|slurm|none] [--munge SOCKET] [--keys DIR] [--host A]
 *        [--seed S] [--worker W] [--from I] [--count N] [--uid U] [--window N]
 *        [--stats FILE]
 *
 * Message I of worker W is a function of (seed, W, I): --from and --count send
 * it again.  Every so often a proper ping must be answered.  Exit status: 0 when
 * all were sent and the daemon still answers; what failed is on stderr. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/rpc.h"

#ifndef IP_BIND_ADDRESS_NO_PORT
#define IP_BIND_ADDRESS_NO_PORT 24
#endif

#define PING_EVERY   2000
#define PING_MS      30000
#define LATE_SEC     60         /* an answer, or a closed connection, must come by */
#define BODY_MAX     65536
#define WINDOW_MAX   256

/* What is wrong with a message. */
enum kind {
	K_INTACT,               /* nothing: its content makes no sense */
	K_BODY,                 /* body changed before it was signed */
	K_NOISE,                /* a body of random bytes, signed */
	K_HEADER,               /* header changed after signing */
	K_FORWARD,              /* to be sent on, with answers of others in it */
	K_CRED,                 /* credential changed, used before, missing, too long */
	K_HASH,                 /* credential for another body or type */
	K_FRAME,                /* anything in the frame changed, its length too */
	K_SHORT,                /* not all of it, then silence or the end */
	K_COUNT
};
static const uint8_t kind_weight[K_COUNT] = {
	[K_INTACT] = 12, [K_BODY] = 42, [K_NOISE] = 8, [K_HEADER] = 8, [K_FORWARD] = 10,
	[K_CRED] = 8, [K_HASH] = 2, [K_FRAME] = 6, [K_SHORT] = 4,
};

struct slot {
	int fd;
	bool used, stall;
	uint64_t message;
	uint16_t type;
	uint8_t kind;
	struct wire_out out;
	size_t off;
	int64_t until;
	size_t got;
};

static struct {
	struct wire_addr addr;
	uint64_t seed, worker, from, count;
	uid_t uid;
	uint32_t window;
	const char *stats;
} opt = { .seed = 1, .count = 1000, .window = 24 };

static struct auth *auth;
static struct slot slot[WINDOW_MAX];
static int ep;
static uint32_t busy;
static struct {
	uint64_t sent, answered, closed, reset, late, refused, pings, by_kind[K_COUNT];
} total;
static uint32_t *type_sent;     /* by index of type and release */
static char *cred_before;       /* used before */
static uint64_t rng;

static int64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* ---- chance ------------------------------------------------------------- */

static uint64_t next(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng;
}

static size_t below(size_t n)
{
	return n ? (size_t)(next() % n) : 0;
}

static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void chance_start(uint64_t message)
{
	rng = mix(mix(mix(opt.seed) + opt.worker) + message);
	if (!rng)
		rng = 1;
}

static enum kind kind_choose(void)
{
	size_t sum = 0, at, k;

	for (k = 0; k < K_COUNT; k++)
		sum += kind_weight[k];
	at = below(sum);
	for (k = 0; at >= kind_weight[k]; k++)
		at -= kind_weight[k];
	return (enum kind)k;
}

/* ---- content ------------------------------------------------------------ */

/* What a random string never is: names that exist, and words with a meaning. */
static const char *const words[] = {
	"fz1", "fz[1-4]", "fz2,fz3", "fz[1-999999]", "fz[1-", "main", "ghost", "root", "daemon",
	"1", "2", "1_3", "1.0", "1.batch", "1-4294967295", "0", "-1", "", "ALL", "all", "None",
	"UNLIMITED", "gpu:2", "gres/gpu:tesla:2", "cpu=1,mem=10", "afterok:1", "afterok:1?afterany:2",
	"afterok:1,", "singleton", "lic:2", "lic", "/dev/null", "/", "../../x", "%A_%a.%N%%", "\n\t\r",
	"now", "0-3,7", "1-10%2", "1-1000000", "0-9999999999", "{\"a\":[", "%n%s%s%s", "host:1:2",
	"fake signature", "127.0.0.1", "::1", "RESUME", "verbose", "debug5", "#!/bin/sh\nexit 0\n", "*", "-", "@", "&",
};
static const uint64_t numbers[] = {
	0, 1, 2, 3, 4, 100, 1000, 0x7fff, 0xfffd, 0xfffe, 0xffff, 0x7fffffff, 0xfffffff0, 0xfffffffb,
	0xfffffffc, 0xfffffffd, 0xfffffffe, 0xffffffff, UINT64_C(0xfffffffffffffffe), UINT64_MAX,
};

static const char *long_text(struct arena *mem)
{
	size_t n = 1 + below(20000);
	char *s = arena_alloc(mem, n + 1);

	memset(s, "a[,1]%/"[below(7)], n);
	s[n] = '\0';
	return s;
}

/* Is the member at this place how many records another row has in memory? */
static bool counts(const struct wire_desc *d, size_t off)
{
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++)
		if (f->codec >= C_list && f->codec < C_layout &&
		    (f->count_off == off || (f->hidden_off && f->hidden_off - 1u == off)))
			return true;
	return false;
}

/* Make the content more like what means something.  d lies at `at` in outer,
 * whose rows may speak of its members. */
static void season(const struct wire_desc *d, void *msg, struct arena *mem, int depth,
		   const struct wire_desc *outer, size_t at)
{
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++) {
		char *p = (char *)msg + f->off;

		if (f->gap || f->part || f->codec == C_layout || counts(d, f->off) ||
		    counts(outer, at + f->off))
			continue;
		if (f->codec == C_nest || f->codec == C_verbatim) {
			season(f->sub, p, mem, depth, outer, at + f->off);
		} else if (f->codec == C_str && below(2)) {
			*(const char **)p = below(60) ? words[below(sizeof words / sizeof *words)]
						      : long_text(mem);
		} else if (f->codec <= C_time && !below(3)) {
			wire_store(p, f->size, numbers[below(sizeof numbers / sizeof *numbers)]);
		} else if (f->codec >= C_list && f->sub && depth && *(char **)p) {
			uint64_t n = wire_load((char *)msg + f->count_off, f->count_size);

			for (uint64_t k = 0; k < n && k < 4; k++)
				season(f->sub, *(char **)p + k * f->sub->size, mem, depth - 1,
				       f->sub, 0);
		}
	}
}

/* The release in which to write a body that v does not know. */
static enum wire_version body_version(const struct wire_type *t, enum wire_version v)
{
	while (t->when && !wire_version_in(v, t->when))
		v = (enum wire_version)((v + 1) % WIRE_VERSION_COUNT);
	return v;
}

static void body_make(struct wire_out *o, const struct wire_type *t, enum wire_version v)
{
	struct arena mem = {0};
	bool tokens = o->tokens;
	void *msg;
	uint64_t seed = next() | 1;

	v = body_version(t, v);
	if (t->body) {
		msg = arena_zalloc(&mem, t->body->size);
		wire_fill(t->body, msg, &mem, &seed, 1 + (int)below(3));
		if (below(4)) {
			struct wire_out first = { .tokens = tokens };

			/* seasoning may break a rule of the message that the fill kept */
			wire_pack(&first, t->body, msg, v);
			season(t->body, msg, &mem, 2, t->body, 0);
			wire_pack(o, t->body, msg, v);
			if (o->failed) {
				wire_out_fini(o);
				*o = first;
				first = (struct wire_out){ .tokens = tokens };
			}
			wire_out_fini(&first);
		} else {
			wire_pack(o, t->body, msg, v);
		}
	}
	if (o->failed) {
		wire_out_fini(o);
		*o = (struct wire_out){0};
	}
	arena_fini(&mem);
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

/* One change of what o holds from byte `from` on. */
static void change(struct wire_out *o, size_t from)
{
	static const uint32_t odd[] = { 0, 1, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
					0xfffffffd, 0xfffffffe, 0xffffffff, 0x40000000, 0x3fffffff };
	size_t n = o->len > from ? o->len - from : 0, at, k;

	if (n < 4) {
		wire_put(o, next(), 8);
		return;
	}
	at = from + below(n);
	switch (below(7)) {
	case 0:
		o->base[at] ^= (uint8_t)(1u << below(8));
		break;
	case 1:
		o->base[at] = (uint8_t)next();
		break;
	case 2:
	case 3:                                         /* a count or length that lies */
		put32(o->base + from + below(n - 3), odd[below(sizeof odd / sizeof *odd)]);
		break;
	case 4:                                         /* cut */
		o->len = at;
		break;
	case 5:                                         /* a piece is missing */
		k = below(o->len - at);
		memmove(o->base + at, o->base + at + k, o->len - at - k);
		o->len -= k;
		break;
	default:                                        /* a piece twice */
		k = 1 + below(o->len - at);
		if (o->len + k > BODY_MAX)
			break;
		for (size_t j = 0; j < k; j++)
			wire_put(o, 0, 1);
		memmove(o->base + at + k, o->base + at, o->len - at - k);
	}
}

static void noise(struct wire_out *o, size_t n)
{
	for (o->len = 0; o->len < n;)
		wire_put(o, next(), 8);
	o->len = n;
}

/* Messages that end the daemon when somebody with the right to it sends them:
 * nobody proves to be one. */
static bool ends_daemon(uint16_t type)
{
	return type == REQUEST_SHUTDOWN || type == REQUEST_CONTROL || type == REQUEST_TAKEOVER;
}

/* ---- frames ------------------------------------------------------------- */

static char *sign(uint16_t type, uint8_t hash, const struct wire_out *body)
{
	struct err_text why = { "" };
	char *cred = NULL;

	if (auth_sign(auth, AUTH_ANY_UID, type, hash, body->base, body->len, &cred, &why)) {
		(void)fprintf(stderr, "fuzz: cannot sign: %s\n", why.text);
		exit(2);
	}
	return cred;
}

/* Answers of others, of any type: they come without a length. */
static void answers_make(struct wire_header *h, struct arena *mem)
{
	h->ret_cnt = (uint16_t)(1 + below(3));
	h->ret = arena_zalloc(mem, h->ret_cnt * sizeof *h->ret);
	for (uint16_t k = 0; k < h->ret_cnt; k++) {
		const struct wire_type *t = &wire_types[below(wire_type_count)];
		uint64_t seed = next() | 1;
		void *body = NULL;

		if (!wire_version_in(h->version, t->when))
			t = wire_type_find(RESPONSE_SLURM_RC, h->version);
		if (t->body) {
			body = arena_zalloc(mem, t->body->size);
			wire_fill(t->body, body, mem, &seed, 2);
		}
		h->ret[k] = (struct wire_ret){ (uint32_t)next(), t->number, "fz2", t->body, body };
	}
}

/* Sent on to nodes that are there, are not, and have no address. */
static void forward_make(struct wire_header *h, struct arena *mem)
{
	static const char *const nodes[] = {
		"fz2", "fz[2-4]", "fz1", "ghost", "fz[1-4],ghost[1-3]", "fz[2-", "", "fz[1-70000]",
		"fz2,fz2,fz2", "fz[3-2]",
	};

	h->fwd_cnt = (uint16_t)(below(3) ? 1 + below(4) : next());
	h->fwd_nodes = nodes[below(sizeof nodes / sizeof *nodes)];
	h->fwd_timeout_ms = (uint32_t)(below(2) ? 1000 : next());
	h->fwd_tree_width = (uint16_t)(below(2) ? below(4) : next());
	h->fwd_tree_depth = (uint16_t)next();
	if (below(2)) {
		h->flags |= WIRE_FLAG_PACK_ADDRS;
		h->fwd_net_cred = below(2) ? "MUNGE:xxxx:" : cred_before;
	}
	if (!below(3))
		answers_make(h, mem);
}

static void cred_damage(struct wire_header *h, uint32_t *plugin, char **cred)
{
	static const uint32_t plugins[] = { 0, 100, AUTH_PLUGIN_JWT, AUTH_PLUGIN_SLURM, 0xffffffff };
	char *longer;

	switch (below(6)) {
	case 0:
		(*cred)[below(strlen(*cred))] ^= (char)(1 << below(7));
		break;
	case 1:                                         /* replayed */
		if (cred_before) {
			free(*cred);
			*cred = mem_strdup(cred_before);
		}
		break;
	case 2:
		free(*cred);
		*cred = NULL;
		break;
	case 3:
		(*cred)[below(strlen(*cred))] = '\0';
		break;
	case 4:
		longer = mem_printf("%s%0*d", *cred, (int)below(20000), 0);
		free(*cred);
		*cred = longer;
		break;
	default:
		*plugin = plugins[below(sizeof plugins / sizeof *plugins)];
		h->flags |= (uint16_t)next();
	}
}

/* Whatever was done to it: a message that would end the daemon loses its
 * credential, or where that proves nothing all of itself. */
static void spare_daemon(struct wire_out *o)
{
	struct arena mem = {0};
	struct wire_frame f;

	if (o->len > 4 && wire_frame_parse(o->base + 4, o->len - 4, &mem, &f) == E_OK &&
	    ends_daemon(f.header.type)) {
		if (auth_plugin(auth) == AUTH_PLUGIN_NONE)
			o->len = 4;
		else if (f.cred)        /* it stands in the frame */
			o->base[(const uint8_t *)f.cred - o->base + strlen(f.cred) / 2] ^= 1;
	}
	arena_fini(&mem);
}

static void frame_make(struct slot *s, const struct wire_type *t, enum wire_version v)
{
	struct arena mem = {0};
	struct wire_header h = { .version = v, .type = t->number };
	struct wire_out body = { .tokens = auth_cred_tokens(auth) };
	uint8_t hash = !below(8) ? AUTH_HASH_NONE : !below(8) ? AUTH_HASH_SHA3 : AUTH_HASH_K12;
	uint32_t plugin = auth_plugin(auth);
	size_t head;
	char *cred = NULL;

	body_make(&body, t, v);
	if (s->kind == K_BODY)
		for (size_t n = 1 + below(3); n; n--)
			change(&body, 0);
	else if (s->kind == K_NOISE)
		noise(&body, below(4) ? below(200) : below(BODY_MAX));
	if (s->kind == K_FORWARD)
		forward_make(&h, &mem);
	if (s->kind != K_SHORT && s->kind != K_FRAME)
		cred = sign(t->number, hash, &body);
	else if (cred_before)
		cred = mem_strdup(cred_before);
	if (s->kind == K_HASH && below(2))
		change(&body, 0);
	else if (s->kind == K_HASH)
		h.type = wire_types[below(wire_type_count)].number;
	if (s->kind == K_CRED)
		cred_damage(&h, &plugin, &cred);
	wire_frame_build(&s->out, &h, plugin, cred, body.base, body.len);
	head = s->out.len - body.len;
	if (s->kind == K_HEADER) {
		size_t at = 4 + below(head - 4 > 40 ? 40 : head - 4);

		s->out.base[at] = (uint8_t)(below(2) ? next() : s->out.base[at] ^ 1u << below(8));
	} else if (s->kind == K_FRAME) {
		for (size_t n = 1 + below(3); n; n--)
			change(&s->out, below(3) ? 4 : 0);
		if (!below(6))
			noise(&s->out, below(300));
	} else if (s->kind == K_SHORT) {
		s->out.len = below(s->out.len);
		s->stall = !below(4);
	}
	spare_daemon(&s->out);
	if (cred && (!cred_before || !below(50))) {
		free(cred_before);
		cred_before = mem_strdup(cred);
	}
	free(cred);
	wire_out_fini(&body);
	arena_fini(&mem);
}

/* ---- connections -------------------------------------------------------- */

static void slot_end(struct slot *s)
{
	const struct linger hard = { 1, 0 };    /* leave nothing behind in the kernel */

	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	(void)close(s->fd);
	wire_out_fini(&s->out);
	*s = (struct slot){ .fd = -1 };
	busy--;
}

static int dial(uint64_t message)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(opt.addr.port) };
	struct sockaddr_in me = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

	memcpy(&to.sin_addr, opt.addr.ip, 4);
	/* many addresses: a port is not used again while the other side remembers it */
	me.sin_addr.s_addr = htonl(0x7f020000u | (uint32_t)(opt.worker & 63) << 8 |
				   (uint32_t)(1 + message % 250));
	(void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if ((opt.addr.ip[0] == 127 && bind(fd, (struct sockaddr *)&me, sizeof me)) ||
	    (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static void slot_send(struct slot *s)
{
	ssize_t n;

	while (s->off < s->out.len) {
		n = send(s->fd, s->out.base + s->off, s->out.len - s->off, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
			return;
		if (n < 0) {            /* refused before all was read: as good as an answer */
			if (errno == ECONNREFUSED)
				total.refused++;
			else
				total.reset++;
			slot_end(s);
			return;
		}
		s->off += (size_t)n;
	}
	/* a length that promises more is not waited for */
	if (!s->stall && (s->kind == K_FRAME || s->kind == K_SHORT || s->kind == K_HEADER))
		(void)shutdown(s->fd, SHUT_WR);
	(void)epoll_ctl(ep, EPOLL_CTL_MOD, s->fd,
			&(struct epoll_event){ .events = EPOLLIN, .data.ptr = s });
}

static void slot_read(struct slot *s)
{
	static char sink[65536];
	ssize_t n;

	while ((n = recv(s->fd, sink, sizeof sink, 0)) > 0)
		s->got += (size_t)n;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		total.reset++;
	else if (s->got)
		total.answered++;
	else
		total.closed++;
	slot_end(s);
}

static void start(uint64_t message)
{
	size_t which = (size_t)((message + opt.worker * 7919) % wire_type_count);
	unsigned v = (unsigned)(message / wire_type_count) % WIRE_VERSION_COUNT;
	struct slot *s = slot;

	while (s->used)
		s++;
	chance_start(message);
	*s = (struct slot){ .fd = -1, .used = true, .message = message,
			    .type = wire_types[which].number, .kind = (uint8_t)kind_choose() };
	frame_make(s, &wire_types[which], (enum wire_version)v);
	for (int k = 0; (s->fd = dial(message + (uint64_t)k)) < 0; k++) {
		if (k == 50) {
			(void)fprintf(stderr, "fuzz: cannot connect: %s\n", strerror(errno));
			exit(1);
		}
		(void)usleep(100000);
	}
	s->until = now_ms() + (s->stall ? 1000 : LATE_SEC * 1000);
	busy++;
	total.sent++;
	total.by_kind[s->kind]++;
	type_sent[which * WIRE_VERSION_COUNT + v]++;
	(void)epoll_ctl(ep, EPOLL_CTL_ADD, s->fd,
			&(struct epoll_event){ .events = EPOLLIN | EPOLLOUT, .data.ptr = s });
}

static void overdue(void)
{
	int64_t now = now_ms();

	for (uint32_t k = 0; k < opt.window; k++) {
		struct slot *s = &slot[k];

		if (!s->used || now < s->until)
			continue;
		if (!s->stall) {
			total.late++;
			(void)fprintf(stderr, "fuzz: no answer in %d s: %s, kind %u, --worker=%llu "
				      "--from=%llu\n", LATE_SEC, wire_type_name(s->type), s->kind,
				      (unsigned long long)opt.worker,
				      (unsigned long long)s->message);
		}
		slot_end(s);
	}
}

static void pump(int wait_ms)
{
	struct epoll_event ev[64];
	int n = epoll_wait(ep, ev, 64, wait_ms);

	for (int k = 0; k < n; k++) {
		struct slot *s = ev[k].data.ptr;

		if (s->off < s->out.len && ev[k].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			slot_send(s);
		else if (s->used)
			slot_read(s);
	}
}

/* ---- is it well? -------------------------------------------------------- */

static bool alive(void)
{
	struct err_text why = { "" };
	struct rpc_reply r;
	enum wire_version v = (enum wire_version)(total.pings % WIRE_VERSION_COUNT);
	enum err e = rpc_call(auth, &opt.addr, v, AUTH_ANY_UID, REQUEST_PING, NULL, PING_MS, &r,
			      &why);

	total.pings++;
	if (e) {
		(void)fprintf(stderr, "fuzz: a ping of release %s is not answered: %s\n",
			      wire_version_name(v), why.text);
		return false;
	}
	rpc_reply_fini(&r);
	return true;
}

static void stats_write(bool end)
{
	static const char *const names[K_COUNT] = {
		"intact", "body", "noise", "header", "forward", "cred", "hash", "frame", "short",
	};
	uint32_t least = UINT32_MAX;
	FILE *f;
	char tmp[512];

	if (!opt.stats)
		return;
	(void)snprintf(tmp, sizeof tmp, "%s.new", opt.stats);
	f = fopen(tmp, "w");
	if (!f)
		return;
	for (size_t k = 0; k < wire_type_count * WIRE_VERSION_COUNT; k++)
		if (type_sent[k] < least)
			least = type_sent[k];
	(void)fprintf(f, "{\"sent\": %llu, \"answered\": %llu, \"closed\": %llu, \"reset\": %llu, "
		      "\"late\": %llu, \"refused\": %llu, \"pings\": %llu, \"types\": %zu, "
		      "\"least\": %u, \"end\": %d",
		      (unsigned long long)total.sent, (unsigned long long)total.answered,
		      (unsigned long long)total.closed, (unsigned long long)total.reset,
		      (unsigned long long)total.late, (unsigned long long)total.refused,
		      (unsigned long long)total.pings, wire_type_count, least, end);
	for (int k = 0; k < K_COUNT; k++)
		(void)fprintf(f, ", \"%s\": %llu", names[k], (unsigned long long)total.by_kind[k]);
	(void)fprintf(f, "}\n");
	(void)fclose(f);
	(void)rename(tmp, opt.stats);
}

static void in_flight(void)
{
	for (uint32_t k = 0; k < opt.window; k++)
		if (slot[k].used)
			(void)fprintf(stderr, "fuzz: under way: %s, kind %u, --worker=%llu "
				      "--from=%llu\n", wire_type_name(slot[k].type), slot[k].kind,
				      (unsigned long long)opt.worker,
				      (unsigned long long)slot[k].message);
}

static int run(void)
{
	int64_t said = now_ms(), swept = said;

	for (uint64_t k = opt.from; k < opt.from + opt.count || busy;) {
		int64_t now = now_ms();

		while (busy < opt.window && k < opt.from + opt.count) {
			start(k++);
			if (k % PING_EVERY == 0 && !alive()) {
				in_flight();
				return 1;
			}
		}
		pump(200);
		if (total.refused > 100) {
			(void)fprintf(stderr, "fuzz: connections are refused\n");
			in_flight();
			return 1;
		}
		if (now - swept > 500)
			overdue(), swept = now;
		if (now - said > 1000)
			stats_write(false), said = now;
	}
	if (!alive())
		return 1;
	stats_write(true);
	return total.late ? 1 : 0;
}

static bool options_read(int argc, char **argv, struct auth_options *ao)
{
	static const struct option longs[] = {
		{ "port", 1, 0, 'p' }, { "host", 1, 0, 'h' }, { "munge", 1, 0, 'm' },
		{ "seed", 1, 0, 's' }, { "worker", 1, 0, 'w' }, { "from", 1, 0, 'f' },
		{ "count", 1, 0, 'n' }, { "uid", 1, 0, 'u' }, { "window", 1, 0, 'W' },
		{ "stats", 1, 0, 'S' }, { "auth", 1, 0, 'a' }, { "keys", 1, 0, 'k' }, { 0 },
	};
	int c;

	opt.addr = (struct wire_addr){ .family = 2, .ip = { 127, 0, 0, 1 } };
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'p': opt.addr.port = (uint16_t)atoi(optarg); break;
		case 'h':
			if (inet_pton(AF_INET, optarg, opt.addr.ip) != 1)
				return false;
			break;
		case 'a': ao->auth_type = ao->cred_type = optarg; break;
		case 'k': ao->key_dir = optarg; break;
		case 'm': ao->socket = optarg; break;
		case 's': opt.seed = strtoull(optarg, NULL, 0); break;
		case 'w': opt.worker = strtoull(optarg, NULL, 0); break;
		case 'f': opt.from = strtoull(optarg, NULL, 0); break;
		case 'n': opt.count = strtoull(optarg, NULL, 0); break;
		case 'u': opt.uid = (uid_t)atoi(optarg); break;
		case 'W': opt.window = (uint32_t)atoi(optarg); break;
		case 'S': opt.stats = optarg; break;
		default: return false;
		}
	}
	return opt.addr.port && opt.window && opt.window <= WINDOW_MAX && optind == argc;
}

int main(int argc, char **argv)
{
	struct auth_options ao = { .key_holder = true, .cluster = "fuzz" };
	struct err_text why = { "" };
	int rc;

	if (!options_read(argc, argv, &ao)) {
		(void)fprintf(stderr, "usage: fuzz --port N [--munge SOCKET] [--seed S] ...\n");
		return 2;
	}
	auth = auth_new(&ao, &why);             /* before the key is out of reach */
	if (!auth) {
		(void)fprintf(stderr, "fuzz: %s\n", why.text);
		return 2;
	}
	if (opt.uid && (setgroups(0, NULL) || setgid(opt.uid) || setuid(opt.uid))) {
		perror("fuzz: setuid");
		return 2;
	}
#ifndef __SANITIZE_ADDRESS__
	(void)setrlimit(RLIMIT_AS, &(struct rlimit){ (rlim_t)1 << 30, (rlim_t)1 << 30 });
#endif
	ep = epoll_create1(EPOLL_CLOEXEC);
	type_sent = mem_zalloc(wire_type_count * WIRE_VERSION_COUNT * sizeof *type_sent);
	rc = run();
	free(type_sent);
	free(cred_before);
	auth_free(auth);
	return rc;
}
