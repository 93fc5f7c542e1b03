/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fleet - one process that plays hundreds or thousands of compute node daemons
 * towards a slurmctld: it registers each node, answers pings, accepts batch
 * launches, reports them finished (after --runtime ms) and confirms terminates.
 *
 * Node i listens (through one wildcard socket) on BASE + block/offset:
 *     127.10.(i / 250).(1 + i % 250) : port
 * which is what mkconf.py writes as NodeAddr.
 *
 * Wire dialects: --proto 38 (22.05), 42 (24.11; also accepted by 25.x/26.05).
 * Authentication is munge through libmunge; the payload is the three byte
 * "no hash" form (1, message type in network order).
 *
 * Single threaded, epoll.  Own code; only message layouts are shared with the
 * protocol.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <munge.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	REQ_REGISTER = 1001, MSG_REGISTER = 1002, REQ_RECONF = 1003,
	REQ_PING = 1008, REQ_HEALTH = 1011,
	REQ_BATCH = 4005, REQ_COMPLETE_BATCH = 5018,
	REQ_PROLOG = 6017, REQ_COMPLETE_PROLOG = 6018,
	RESP_RC = 8001,
};
static uint16_t RESP_PING, REQ_TERMINATE, REQ_KILL_TIMELIMIT, REQ_ABORT,
	REQ_KILL_PREEMPTED, MSG_EPILOG;

#define KILL_ALREADY_COMPLETE 4002

/* ---- buffers ------------------------------------------------------------- */
struct buf {
	uint8_t *p;
	size_t n, cap;
};

static void need(struct buf *b, size_t n)
{
	if (b->n + n > b->cap) {
		b->cap = (b->n + n) * 2 + 256;
		b->p = realloc(b->p, b->cap);
	}
}

static void put(struct buf *b, const void *d, size_t n)
{
	need(b, n);
	memcpy(b->p + b->n, d, n);
	b->n += n;
}
static void p8(struct buf *b, uint8_t v) { put(b, &v, 1); }
static void p16(struct buf *b, uint16_t v) { v = htons(v); put(b, &v, 2); }
static void p32(struct buf *b, uint32_t v) { v = htonl(v); put(b, &v, 4); }
static void p64(struct buf *b, uint64_t v)
{
	p32(b, (uint32_t) (v >> 32));
	p32(b, (uint32_t) v);
}
static void pstr(struct buf *b, const char *s)
{
	if (!s) {
		p32(b, 0);
		return;
	}
	uint32_t l = (uint32_t) strlen(s) + 1;
	p32(b, l);
	put(b, s, l);
}

struct rd {
	const uint8_t *p, *e;
	int bad;
};
static uint32_t gN(struct rd *r, int n)
{
	uint32_t v = 0;
	if (r->e - r->p < n) {
		r->bad = 1;
		return 0;
	}
	while (n--)
		v = v << 8 | *r->p++;
	return v;
}
static uint16_t g16(struct rd *r) { return (uint16_t) gN(r, 2); }
static uint32_t g32(struct rd *r) { return gN(r, 4); }
static const char *gstr(struct rd *r)
{
	uint32_t l = g32(r);
	if (r->bad || l > (size_t) (r->e - r->p)) {
		r->bad = 1;
		return NULL;
	}
	const char *s = l ? (const char *) r->p : NULL;
	r->p += l;
	return s;
}

/* ---- configuration ------------------------------------------------------- */
static int proto = 38, nnodes = 1000, cpus = 4, node_port = 7000, width = 5;
static int ctld_port = 6917, runtime_ms, maxout = 128, verbose, epilog_msg;
static long mem_mb = 16000;
static const char *prefix = "n", *version = "22.05.8", *mpath, *statsfile;
static uint32_t last_job;
static FILE *events;		/* --events: what happened when, for one job or round */
static struct in_addr ctld_addr;
static time_t started;
static munge_ctx_t mctx;
static int ep;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void node_name(int i, char *out)
{
	sprintf(out, "%s%0*d", prefix, width, i + 1);
}

static void node_addr(int i, struct sockaddr_in *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->sin_family = AF_INET;
	sa->sin_addr.s_addr = htonl(0x7f000000u | 10u << 16 |
				    (uint32_t) (i / 250) << 8 |
				    (uint32_t) (1 + i % 250));
}

/* ---- message assembly ----------------------------------------------------- */
static void put_auth(struct buf *b, uint16_t type)
{
	uint8_t pl[3] = { 1, (uint8_t) (type >> 8), (uint8_t) type };
	char *cred = NULL;
	munge_err_t e = munge_encode(&cred, mctx, pl, 3);
	if (e != EMUNGE_SUCCESS) {
		fprintf(stderr, "munge: %s\n", munge_strerror(e));
		usleep(10000);
		e = munge_encode(&cred, mctx, pl, 3);
	}
	p32(b, 101);		/* auth/munge */
	pstr(b, cred ? cred : "");
	free(cred);
}

/* header + auth + body, with the 4 byte length in front */
static void message(struct buf *out, uint16_t type, const struct buf *body,
		    uint16_t nret, const struct buf *ret)
{
	out->n = 0;
	p32(out, 0);
	p16(out, (uint16_t) (proto << 8));
	p16(out, 0);			/* flags */
	p16(out, type);
	p32(out, (uint32_t) body->n);
	p16(out, 0);			/* forward count */
	p16(out, nret);
	if (nret)
		put(out, ret->p, ret->n);
	p16(out, 0);			/* origin address: none */
	put_auth(out, type);
	put(out, body->p, body->n);
	uint32_t l = htonl((uint32_t) (out->n - 4));
	memcpy(out->p, &l, 4);
}

static void body_register(struct buf *b, int node)
{
	char name[64];
	node_name(node, name);
	b->n = 0;
	p64(b, (uint64_t) time(NULL));
	p64(b, (uint64_t) started);
	p32(b, 0);			/* status */
	if (proto >= 40)
		pstr(b, NULL);		/* extra */
	pstr(b, NULL);			/* features active, available */
	pstr(b, NULL);
	pstr(b, name);			/* hostname */
	if (proto >= 40) {
		pstr(b, NULL);		/* instance id, type */
		pstr(b, NULL);
	}
	pstr(b, name);
	pstr(b, "x86_64");
	pstr(b, NULL);			/* cpu spec list */
	pstr(b, "Linux fleet");
	p16(b, (uint16_t) cpus);
	p16(b, 1);			/* boards */
	p16(b, 1);			/* sockets */
	p16(b, (uint16_t) cpus);	/* cores */
	p16(b, 1);			/* threads */
	p64(b, (uint64_t) mem_mb);
	p32(b, 1000);			/* tmp disk */
	p32(b, (uint32_t) (time(NULL) - started));
	p32(b, 0xfffffffeu);		/* conf hash: not set */
	p32(b, 0);			/* load */
	p64(b, (uint64_t) mem_mb);	/* free */
	p32(b, 0);			/* jobs */
	p16(b, 0);			/* flags */
	p32(b, 4);			/* gres: an empty list (version, count) */
	p32(b, 4);
	p16(b, (uint16_t) (proto << 8));
	p16(b, 0);
	p64(b, 0); p32(b, 0); p64(b, 0); p32(b, 0); p64(b, 0); p64(b, 0);
	if (proto >= 42)
		p64(b, 0);
	pstr(b, version);
	p8(b, 0);			/* dynamic */
	pstr(b, NULL);
	pstr(b, NULL);
}

static void body_ping(struct buf *b)
{
	b->n = 0;
	p32(b, 0);
	p64(b, (uint64_t) mem_mb);
}

static void body_rc(struct buf *b, uint32_t rc)
{
	b->n = 0;
	p32(b, rc);
}

static void body_complete(struct buf *b, int node, uint32_t job, uint32_t uid)
{
	char name[64];
	node_name(node, name);
	b->n = 0;
	p8(b, 0);			/* no accounting record */
	p32(b, job);
	p32(b, 0);			/* exit code */
	p32(b, 0);			/* slurm rc */
	p32(b, uid);
	pstr(b, name);
}

static void body_epilog(struct buf *b, int node, uint32_t job)
{
	char name[64];
	node_name(node, name);
	b->n = 0;
	p32(b, job);
	p32(b, 0);
	pstr(b, name);
}

static void body_prolog(struct buf *b, int node, uint32_t job)
{
	char name[64];
	node_name(node, name);
	b->n = 0;
	p32(b, job);
	pstr(b, name);
	p32(b, 0);
}

static void event(const char *what, uint32_t job, int count, int node)
{
	if (events)
		fprintf(events, "%.6f %s %u %d %d\n", now(), what, job, count, node + 1);
}

/* ---- connections ----------------------------------------------------------- */
enum { K_LISTEN, K_IN, K_OUT };
struct conn {
	int kind, fd, node;
	struct buf in, out;
	size_t sent;
	struct todo *todo;	/* for K_OUT */
	double t0;
	int connected;
};

struct todo {			/* a message a node owes the controller */
	struct todo *next;
	double when;
	int node, what, tries;	/* what: 0 register, 1 complete, 2 epilog, 3 prolog */
	uint32_t job;
	size_t hix;
};

/* min heap on `when` */
static struct todo **heap;
static size_t hn, hcap;
static int nout;
static struct {
	long reg, launch, complete, term, ping, other, fwd, retry, err, badrc;
	double last_complete, first_launch;
} st;

static void hpush(struct todo *t)
{
	if (hn == hcap) {
		hcap = hcap ? hcap * 2 : 1024;
		heap = realloc(heap, hcap * sizeof(*heap));
	}
	size_t i = hn++;
	while (i && heap[(i - 1) / 2]->when > t->when) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = t;
}

static struct todo *hpop(void)
{
	struct todo *r = heap[0], *l = heap[--hn];
	size_t i = 0;
	for (;;) {
		size_t c = 2 * i + 1;
		if (c >= hn)
			break;
		if (c + 1 < hn && heap[c + 1]->when < heap[c]->when)
			c++;
		if (heap[c]->when >= l->when)
			break;
		heap[i] = heap[c];
		i = c;
	}
	if (hn)
		heap[i] = l;
	return r;
}

static void owe(int node, int what, uint32_t job, double delay)
{
	struct todo *t = calloc(1, sizeof(*t));
	t->node = node;
	t->what = what;
	t->job = job;
	t->when = now() + delay;
	hpush(t);
}

static void drop(struct conn *c, int again)
{
	if (c->kind == K_OUT) {
		nout--;
		if (again) {
			c->todo->tries++;
			c->todo->when = now() + 0.2 * c->todo->tries;
			st.retry++;
			hpush(c->todo);
		} else
			free(c->todo);
	}
	close(c->fd);
	free(c->in.p);
	free(c->out.p);
	free(c);
}

static void arm(struct conn *c, uint32_t ev, int op)
{
	struct epoll_event e = { .events = ev, .data.ptr = c };
	epoll_ctl(ep, op, c->fd, &e);
}

static int flush_out(struct conn *c)
{
	while (c->sent < c->out.n) {
		ssize_t r = send(c->fd, c->out.p + c->sent, c->out.n - c->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (r < 0) {
			if (errno == EAGAIN)
				return 1;
			return -1;
		}
		c->sent += (size_t) r;
	}
	return 0;
}

static void start_out(struct todo *t)
{
	static struct buf body;
	struct conn *c = calloc(1, sizeof(*c));
	struct sockaddr_in sa;
	int one = 1;

	c->kind = K_OUT;
	c->todo = t;
	c->node = t->node;
	c->t0 = now();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	nout++;
	if (c->fd < 0) {
		drop(c, 1);
		return;
	}
	setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	node_addr(t->node, &sa);
	bind(c->fd, (void *) &sa, sizeof(sa));
	memset(&sa, 0, sizeof(sa));
	sa.sin_family = AF_INET;
	sa.sin_addr = ctld_addr;
	sa.sin_port = htons((uint16_t) ctld_port);
	uint16_t type;
	if (t->what == 0) {
		body_register(&body, t->node);
		type = MSG_REGISTER;
	} else if (t->what == 1) {
		body_complete(&body, t->node, t->job, getuid());
		type = REQ_COMPLETE_BATCH;
	} else if (t->what == 3) {
		body_prolog(&body, t->node, t->job);
		type = REQ_COMPLETE_PROLOG;
	} else {
		body_epilog(&body, t->node, t->job);
		type = MSG_EPILOG;
	}
	message(&c->out, type, &body, 0, NULL);
	if (connect(c->fd, (void *) &sa, sizeof(sa)) && errno != EINPROGRESS) {
		drop(c, 1);
		return;
	}
	arm(c, EPOLLOUT, EPOLL_CTL_ADD);
}

/* expand "n[00001-00050,00060]" or a comma list of such; count only names we
 * own; returns number and calls fn */
static int expand(const char *s, void (*fn)(const char *, void *), void *arg)
{
	int n = 0;
	char pre[64], name[128];
	while (s && *s) {
		size_t l = strcspn(s, "[,");
		if (l >= sizeof(pre))
			return n;
		memcpy(pre, s, l);
		pre[l] = 0;
		s += l;
		if (*s == '[') {
			s++;
			while (*s && *s != ']') {
				char *e;
				long a = strtol(s, &e, 10), b;
				int w = (int) (e - s);
				b = a;
				if (*e == '-')
					b = strtol(e + 1, &e, 10);
				for (long k = a; k <= b; k++) {
					snprintf(name, sizeof(name), "%s%0*ld",
						 pre, w, k);
					fn(name, arg);
					n++;
				}
				s = *e == ',' ? e + 1 : e;
			}
			if (*s == ']')
				s++;
		} else if (l) {
			fn(pre, arg);
			n++;
		}
		if (*s == ',')
			s++;
	}
	return n;
}

struct fwd {
	struct buf *ret;
	const struct buf *body;
	uint16_t type, req;
	uint32_t job;
	int what;		/* owed by each, or -1 */
};

static void fwd_one(const char *name, void *a)
{
	struct fwd *f = a;
	p32(f->ret, 0);
	p16(f->ret, f->type);
	pstr(f->ret, name);
	put(f->ret, f->body->p, f->body->n);
	st.fwd++;
	if (f->what >= 0)
		owe(atoi(name + strlen(prefix)) - 1, f->what, f->job, 0);
}

static int handle(struct conn *c)
{
	static struct buf body, ret;
	struct rd r = { c->in.p + 4, c->in.p + c->in.n, 0 };
	uint16_t ver = g16(&r), flags = g16(&r), type = g16(&r);
	uint32_t blen = g32(&r);
	uint16_t fcnt = g16(&r);
	const char *flist = NULL;

	if (fcnt) {
		flist = gstr(&r);
		g32(&r);
		g16(&r);
		if (flags & 0x0080 && proto >= 40)	/* packed addresses */
			gstr(&r);
		if (ver >= (42 << 8))
			g16(&r);
	}
	if (r.bad || (size_t) blen > c->in.n)
		return -1;
	const uint8_t *bp = c->in.p + c->in.n - blen;
	struct rd b = { bp, bp + blen, 0 };
	uint16_t rtype = RESP_RC;
	uint32_t job = 0;
	int what = -1;

	if (verbose)
		fprintf(stderr, "node %d type %u fwd %u body %u\n", c->node + 1,
			type, fcnt, blen);
	body_rc(&body, 0);
	if (type == REQ_PING || type == REQ_REGISTER) {
		rtype = RESP_PING;
		body_ping(&body);
		st.ping++;
		if (type == REQ_REGISTER)
			owe(c->node, what = 0, 0, 0);
		event(type == REQ_PING ? "ping" : "ask", 0, fcnt + 1, c->node);
	} else if (type == REQ_PROLOG) {
		if (g16(&b) == 0)
			owe(c->node, what = 3, job = g32(&b), 0);
		event("prolog", job, fcnt + 1, c->node);
	} else if (type == REQ_BATCH) {
		job = g32(&b);
		event("launch", job, 1, c->node);
		last_job = job;
		if (!st.launch++)
			st.first_launch = now();
		owe(c->node, 1, job, runtime_ms / 1000.0);
	} else if (type == REQ_TERMINATE || type == REQ_KILL_TIMELIMIT ||
		   type == REQ_ABORT || type == REQ_KILL_PREEMPTED) {
		st.term++;
		if (!epilog_msg || type != REQ_TERMINATE)
			body_rc(&body, KILL_ALREADY_COMPLETE);
		else {
			struct rd k = { bp, bp + blen, 0 };
			job = last_job;		/* behind a credential: the one there is */
			if (gN(&k, 1) == 0) {
				gstr(&k);
				g32(&k);
				g32(&k);
				g16(&k);
				if (proto >= 42)
					g32(&k), g32(&k);
				job = g32(&k);
			}
			owe(c->node, what = 2, job, 0);
		}
		event("kill", job, fcnt + 1, c->node);
	} else
		st.other++;

	ret.n = 0;
	uint16_t nret = 0;
	if (fcnt && flist) {
		struct fwd f = { &ret, &body, rtype, type, job, what };
		nret = (uint16_t) expand(flist, fwd_one, &f);
	}
	message(&c->out, rtype, &body, nret, &ret);
	return 0;
}

/* read what there is; 1 = whole message in, 0 = more to come, -1 = gone */
static int slurp(struct conn *c)
{
	for (;;) {
		size_t want = 65536;
		need(&c->in, want);
		ssize_t n = recv(c->fd, c->in.p + c->in.n, c->in.cap - c->in.n,
				 MSG_DONTWAIT);
		if (n == 0)
			return -1;
		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->in.n += (size_t) n;
		if (c->in.n >= 4) {
			uint32_t l;
			memcpy(&l, c->in.p, 4);
			if (c->in.n >= 4u + ntohl(l))
				return 1;
		}
	}
}

static void on_event(struct conn *c, uint32_t ev)
{
	if (c->kind == K_LISTEN) {
		for (int k = 0; k < 256; k++) {
			struct sockaddr_in sa;
			socklen_t sl = sizeof(sa);
			int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK);
			if (fd < 0)
				return;
			struct conn *n = calloc(1, sizeof(*n));
			int one = 1;
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
			n->kind = K_IN;
			n->fd = fd;
			getsockname(fd, (void *) &sa, &sl);
			uint32_t a = ntohl(sa.sin_addr.s_addr);
			n->node = (int) ((a >> 8 & 0xff) * 250 + (a & 0xff) - 1);
			arm(n, EPOLLIN, EPOLL_CTL_ADD);
		}
		return;
	}
	if (c->kind == K_IN) {
		if (c->out.n == 0) {
			int r = slurp(c);
			if (r < 0 || (r == 1 && handle(c) < 0)) {
				drop(c, 0);
				return;
			}
			if (r == 0)
				return;
		}
		int f = flush_out(c);
		if (f == 1)
			arm(c, EPOLLOUT, EPOLL_CTL_MOD);
		else
			drop(c, 0);
		return;
	}
	/* K_OUT */
	if (ev & (EPOLLERR | EPOLLHUP) && !(ev & EPOLLIN)) {
		st.err++;
		drop(c, 1);
		return;
	}
	if (ev & EPOLLOUT) {
		int f = flush_out(c);
		if (f < 0) {
			st.err++;
			drop(c, 1);
			return;
		}
		if (f == 0) {
			if (c->todo->what == 2) {	/* one way message */
				event("epilog", c->todo->job, 1, c->node);
				st.complete++;
				drop(c, 0);
				return;
			}
			arm(c, EPOLLIN, EPOLL_CTL_MOD);
		}
		return;
	}
	int r = slurp(c);
	if (r == 0)
		return;
	if (r < 0) {
		st.err++;
		drop(c, 1);
		return;
	}
	struct rd h = { c->in.p + 4, c->in.p + c->in.n, 0 };
	g16(&h);
	g16(&h);
	uint16_t type = g16(&h);
	uint32_t blen = g32(&h);
	uint32_t rc = 0;
	if (type == RESP_RC && blen >= 4 && blen <= c->in.n) {
		struct rd b = { c->in.p + c->in.n - blen, c->in.p + c->in.n, 0 };
		rc = g32(&b);
	}
	if (c->todo->what == 3)
		event("prologue", c->todo->job, 1, c->node);
	else if (c->todo->what == 0)
		st.reg++;
	else if (c->todo->what == 1) {
		st.complete++;
		st.last_complete = now();
	}
	if (rc) {
		st.badrc++;
		if (verbose || st.badrc < 4)
			fprintf(stderr, "fleet: node %d what %d job %u rc %u\n",
				c->node + 1, c->todo->what, c->todo->job, rc);
	}
	drop(c, 0);
}

static volatile sig_atomic_t quit;
static void on_term(int s) { (void) s; quit = 1; }

static void dump_stats(FILE *f)
{
	fprintf(f, "{\"bench\":\"fleet\",\"nodes\":%d,\"registered\":%ld,"
		"\"launched\":%ld,\"completed\":%ld,\"terminated\":%ld,"
		"\"pings\":%ld,\"forwarded\":%ld,\"other\":%ld,\"retries\":%ld,"
		"\"errors\":%ld,\"bad_rc\":%ld,\"queue\":%zu,\"in_flight\":%d}\n",
		nnodes, st.reg, st.launch, st.complete, st.term, st.ping,
		st.fwd, st.other, st.retry, st.err, st.badrc, hn, nout);
	fflush(f);
}

int main(int argc, char **argv)
{
	inet_aton("127.0.0.1", &ctld_addr);
	for (int i = 1; i < argc; i++) {
		const char *o = argv[i];
		if (!strcmp(o, "-v")) { verbose = 1; continue; }
		if (!strcmp(o, "--epilog-msg")) { epilog_msg = 1; continue; }
		if (i + 1 >= argc) {
			fprintf(stderr, "option %s needs a value\n", o);
			return 2;
		}
		const char *v = argv[++i];
		if (!strcmp(o, "--proto")) proto = atoi(v);
		else if (!strcmp(o, "--nodes")) nnodes = atoi(v);
		else if (!strcmp(o, "--cpus")) cpus = atoi(v);
		else if (!strcmp(o, "--mem")) mem_mb = atol(v);
		else if (!strcmp(o, "--port")) node_port = atoi(v);
		else if (!strcmp(o, "--ctld-port")) ctld_port = atoi(v);
		else if (!strcmp(o, "--ctld-addr")) inet_aton(v, &ctld_addr);
		else if (!strcmp(o, "--runtime")) runtime_ms = atoi(v);
		else if (!strcmp(o, "--max-out")) maxout = atoi(v);
		else if (!strcmp(o, "--munge")) mpath = v;
		else if (!strcmp(o, "--version")) version = v;
		else if (!strcmp(o, "--prefix")) prefix = v;
		else if (!strcmp(o, "--width")) width = atoi(v);
		else if (!strcmp(o, "--stats")) statsfile = v;
		else if (!strcmp(o, "--events")) {
			events = fopen(v, "w");
			if (events)
				setlinebuf(events);
		}
		else {
			fprintf(stderr, "unknown option %s\n", o);
			return 2;
		}
	}
	/* message numbers: stable since 22.05 for everything used here */
	RESP_PING = 1016;
	REQ_TERMINATE = 6011;
	MSG_EPILOG = 6012;
	REQ_ABORT = 6013;
	REQ_KILL_TIMELIMIT = 6009;
	REQ_KILL_PREEMPTED = 6016;

	started = time(NULL);
	mctx = munge_ctx_create();
	if (mpath)
		munge_ctx_set(mctx, MUNGE_OPT_SOCKET, mpath);
	signal(SIGTERM, on_term);
	signal(SIGINT, on_term);
	signal(SIGPIPE, SIG_IGN);

	ep = epoll_create1(0);
	struct conn *l = calloc(1, sizeof(*l));
	int one = 1;
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t) node_port) };
	l->kind = K_LISTEN;
	l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(l->fd, (void *) &sa, sizeof(sa)) || listen(l->fd, 4096)) {
		perror("fleet: listen");
		return 1;
	}
	arm(l, EPOLLIN, EPOLL_CTL_ADD);
	for (int i = 0; i < nnodes; i++)
		owe(i, 0, 0, 0);

	double lastdump = 0;
	while (!quit) {
		struct epoll_event ev[256];
		double t = now();
		while (hn && nout < maxout && heap[0]->when <= t)
			start_out(hpop());
		int to = 500;
		if (hn && nout < maxout) {
			double d = (heap[0]->when - now()) * 1000;
			to = d < 0 ? 0 : d > 500 ? 500 : (int) d + 1;
		}
		int n = epoll_wait(ep, ev, 256, to);
		for (int i = 0; i < n; i++)
			on_event(ev[i].data.ptr, ev[i].events);
		if (statsfile && now() - lastdump > 0.5) {
			char tmp[512];
			snprintf(tmp, sizeof(tmp), "%s.tmp", statsfile);
			FILE *f = fopen(tmp, "w");
			if (f) {
				dump_stats(f);
				fclose(f);
				rename(tmp, statsfile);
			}
			lastdump = now();
		}
	}
	dump_stats(stdout);
	return 0;
}
