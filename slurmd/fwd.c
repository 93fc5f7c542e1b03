/* SPDX-License-Identifier: Apache-2.0
 *
 * Forwarding: a message whose header names further nodes is sent on, the same
 * credential and body under a new header, to the heads of up to TreeWidth
 * branches; their answers and those they collected go into ours.
 *
 * Keeps: every node named gets exactly one entry; a head that cannot be
 * reached does not cost its branch more than its own time-out: the rest is
 * then contacted by us.  May not: block; names are resolved in a worker. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slurmd/core/split.h"
#include "slurmd/req.h"
#include "wire/base/log.h"

#define PATIENCE_MAX_MS 3600000u
#define DIRECT_MAX 64           /* of an orphaned branch, contacted at once */

struct branch {
	struct task task;               /* resolving */
	struct req *q;
	char **names;                   /* head first; in q->fwd_mem */
	uint32_t count;
	uint16_t width, depth;
	struct wire_addr addr;
	enum err resolved;
	int fd;
	struct event *ev;
	struct wire_out out;
	size_t out_off;
	uint8_t head[4], *buf;          /* buf in q->fwd_mem once complete */
	size_t have, want, cap;
	bool in_body;
};

struct fwd {
	uint32_t pending;               /* branches under way */
};

static void fwd_end(struct req *q)
{
	free(q->fwd);
	q->fwd = NULL;
	if (q->silent)
		req_finish_silent(q);
	else
		req_flush(q);
}

/* Clients know the answers of other nodes as plain codes only: stock node
 * daemons pass an RC_MSG of a child on as an RC. */
static void ret_plain(struct req *q, struct wire_ret *r)
{
	const struct return_code2_msg *m = r->body;
	struct return_code_msg *code;

	if (r->type != RESPONSE_SLURM_RC_MSG || !m)
		return;
	code = arena_zalloc(&q->fwd_mem, sizeof *code);
	code->return_code = m->return_code;
	r->type = RESPONSE_SLURM_RC;
	r->desc = &return_code_msg_desc;
	r->body = code;
}

static void ret_add(struct req *q, const struct wire_ret *r)
{
	if (q->ret_count == q->ret_cap) {
		uint32_t cap = q->ret_cap ? 2 * q->ret_cap : 16;
		struct wire_ret *v = arena_alloc(&q->fwd_mem, cap * sizeof *v);

		if (q->ret_count)
			memcpy(v, q->ret, q->ret_count * sizeof *v);
		q->ret = v;
		q->ret_cap = cap;
	}
	if (q->ret_count == UINT16_MAX)
		return;
	q->ret[q->ret_count] = *r;
	ret_plain(q, &q->ret[q->ret_count++]);
}

static void ret_failed(struct req *q, const char *node, enum err e)
{
	struct wire_ret r = { .err = (uint32_t)e, .type = RESPONSE_FORWARD_FAILED,
			      .node_name = node };

	ret_add(q, &r);
}

static void branch_end(struct branch *b)
{
	struct req *q = b->q;

	if (b->ev)
		event_free(b->ev);
	if (b->fd >= 0)
		close(b->fd);
	wire_out_fini(&b->out);
	free(b->buf);
	free(b);
	if (--q->fwd->pending == 0)
		fwd_end(q);
	req_unref(q);
}

static void branch_start(struct req *q, char **names, uint32_t count, uint16_t width);

static void branches_start(struct req *q, char **names, uint32_t count, uint16_t width)
{
	uint32_t n = count ? split_branches(count, width) : 0;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t first, size;

		split_branch(count, n, k, &first, &size);
		branch_start(q, names + first, size, width);
	}
}

/* The head is lost.  Those behind it may be well: no tree below us for them,
 * unless they are too many. */
static void branch_fail(struct branch *b, enum err e)
{
	log_debug("forward: %s to %s failed: %s", wire_type_name(b->q->frame.header.type),
		  b->names[0], err_str(e));
	ret_failed(b->q, b->names[0], e);
	if (b->count > 1) {
		uint16_t width = b->count - 1 <= DIRECT_MAX ? SPLIT_NO_TREE : b->width;

		branches_start(b->q, b->names + 1, b->count - 1, width);
	}
	branch_end(b);
}

/* ---- the answer -------------------------------------------------------- */

static bool answered_for(const struct req *q, uint32_t from, const char *name)
{
	for (uint32_t k = from; k < q->ret_count; k++)
		if (streq(q->ret[k].node_name, name))
			return true;
	return false;
}

static void answer_take(struct branch *b)
{
	struct req *q = b->q;
	uint32_t from = q->ret_count;
	uint8_t *bytes = arena_alloc(&q->fwd_mem, b->want);
	struct wire_frame f;
	struct wire_ret own = { .node_name = b->names[0] };
	const struct wire_type *type;

	memcpy(bytes, b->buf, b->want);
	if (wire_frame_parse(bytes, b->want, &q->fwd_mem, &f) ||
	    f.header.version != q->frame.header.version ||
	    wire_body_unpack(&f, &q->fwd_mem, &type, &own.body)) {
		branch_fail(b, E_COMMUNICATIONS_RECEIVE_ERROR);
		return;
	}
	own.type = f.header.type;
	own.desc = type->body;
	ret_add(q, &own);
	for (uint16_t k = 0; k < f.header.ret_cnt; k++)
		ret_add(q, &f.header.ret[k]);
	for (uint32_t k = 1; k < b->count; k++)
		if (!answered_for(q, from, b->names[k]))
			ret_failed(q, b->names[k], E_COMMUNICATIONS_CONNECTION_ERROR);
	branch_end(b);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct branch *b = arg;
	ssize_t n;

	if (what & EV_TIMEOUT) {
		branch_fail(b, E_PROTOCOL_SOCKET_IMPL_TIMEOUT);
		return;
	}
	for (;;) {
		if (!b->in_body)
			n = read(fd, b->head + b->have, 4 - b->have);
		else
			n = read(fd, b->buf + b->have, b->cap - b->have);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			branch_fail(b, E_COMMUNICATIONS_RECEIVE_ERROR);
			return;
		}
		b->have += (size_t)n;
		if (!b->in_body) {
			if (b->have < 4)
				continue;
			b->want = (size_t)b->head[0] << 24 | (size_t)b->head[1] << 16 |
				  (size_t)b->head[2] << 8 | b->head[3];
			if (!b->want || b->want > WIRE_FRAME_MAX_UNAUTH) {
				branch_fail(b, E_COMMUNICATIONS_RECEIVE_ERROR);
				return;
			}
			b->in_body = true;
			b->have = 0;
		}
		if (b->have == b->want)
			break;
		if (b->have == b->cap) {
			b->cap = b->cap ? 2 * b->cap : 1024;
			if (b->cap > b->want)
				b->cap = b->want;
			b->buf = mem_realloc(b->buf, b->cap);
		}
	}
	event_del(b->ev);
	answer_take(b);
}

/* ---- sending ----------------------------------------------------------- */

/* What the sender allows for one hop, times the hops below the head, so that
 * we always wait longer than those we wait for. */
static struct timeval patience(const struct branch *b)
{
	uint32_t hop = b->q->site->conf->messagetimeout * 1000u;
	uint64_t ms;

	if (hop < 1000)
		hop = 10000;
	ms = (uint64_t)hop * (b->depth + 1u);
	if (ms < b->q->frame.header.fwd_timeout_ms)
		ms = b->q->frame.header.fwd_timeout_ms;
	if (ms > PATIENCE_MAX_MS)
		ms = PATIENCE_MAX_MS;
	return (struct timeval){ .tv_sec = (time_t)(ms / 1000), .tv_usec = 0 };
}

static void on_sendable(evutil_socket_t fd, short what, void *arg)
{
	struct branch *b = arg;
	struct timeval limit;
	int e = 0;
	socklen_t n = sizeof e;
	ssize_t k;

	if (what & EV_TIMEOUT) {
		branch_fail(b, E_COMMUNICATIONS_CONNECTION_ERROR);
		return;
	}
	if (!b->out_off && (getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) || e)) {
		branch_fail(b, E_COMMUNICATIONS_CONNECTION_ERROR);
		return;
	}
	k = send(fd, b->out.base + b->out_off, b->out.len - b->out_off, MSG_NOSIGNAL);
	if (k < 0 && errno != EAGAIN && errno != EINTR) {
		branch_fail(b, E_COMMUNICATIONS_SEND_ERROR);
		return;
	}
	if (k > 0)
		b->out_off += (size_t)k;
	if (b->out_off < b->out.len)
		return;
	event_del(b->ev);
	if (b->q->rpc && !b->q->rpc->answers) { /* nor are these */
		branch_end(b);
		return;
	}
	limit = patience(b);
	event_assign(b->ev, b->q->d->base, fd, EV_READ | EV_PERSIST, on_answer, b);
	event_add(b->ev, &limit);
}

static void header_make(struct branch *b, struct wire_header *h)
{
	const struct wire_header *in = &b->q->frame.header;

	*h = *in;
	h->ret_cnt = 0;
	h->ret = NULL;
	if (!h->orig_addr.family)
		h->orig_addr = b->q->peer;
	h->fwd_cnt = (uint16_t)(b->count - 1);
	h->fwd_nodes = NULL;
	h->fwd_tree_width = b->width == SPLIT_NO_TREE ? in->fwd_tree_width : b->width;
	h->fwd_tree_depth = b->depth;
	h->fwd_timeout_ms = (uint32_t)((uint64_t)in->fwd_timeout_ms * b->depth /
				       (b->depth + 1u));
	if (h->fwd_cnt) {
		char *text = hostlist_compress((const char *const *)b->names + 1,
					       b->count - 1);

		h->fwd_nodes = arena_strdup(&b->q->fwd_mem, text);
		free(text);
	}
}

static void branch_connect(struct branch *b)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(b->addr.port) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(b->addr.port) };
	struct timeval limit = { .tv_sec = b->q->site->conf->tcptimeout };
	struct wire_header h;
	bool v6 = b->addr.family == 10;
	int rc;

	memcpy(&a4.sin_addr, b->addr.ip, 4);
	memcpy(&a6.sin6_addr, b->addr.ip, 16);
	header_make(b, &h);
	wire_frame_forward(&b->out, &b->q->frame, &h);
	b->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (b->fd < 0 || b->out.failed) {
		branch_fail(b, E_COMMUNICATIONS_CONNECTION_ERROR);
		return;
	}
	rc = v6 ? connect(b->fd, (struct sockaddr *)&a6, sizeof a6)
		: connect(b->fd, (struct sockaddr *)&a4, sizeof a4);
	if (rc && errno != EINPROGRESS) {
		branch_fail(b, E_COMMUNICATIONS_CONNECTION_ERROR);
		return;
	}
	b->ev = event_new(b->q->d->base, b->fd, EV_WRITE | EV_PERSIST, on_sendable, b);
	event_add(b->ev, &limit);
}

static void resolve_run(struct task *t)
{
	struct branch *b = task_of(t, struct branch, task);

	b->resolved = site_node_addr(b->q->site, b->names[0],
				     b->q->frame.header.flags & WIRE_FLAG_BCAST_NETWORK,
				     &b->addr);
}

static void resolve_done(struct task *t)
{
	struct branch *b = task_of(t, struct branch, task);

	if (b->resolved) {
		log_error("forward: can't find address for host %s, check slurm.conf",
			  b->names[0]);
		branch_fail(b, E_UNKNOWN_FORWARD_ADDR);
	} else {
		branch_connect(b);
	}
}

/* A numeric address needs no worker. */
static bool resolve_now(struct branch *b)
{
	const struct conf_node *n = conf_node_find(b->q->site->conf, b->names[0]);
	struct in_addr ip;

	for (uint32_t k = 0; k < b->q->alias_count; k++)
		if (streq(b->q->alias_names[k], b->names[0])) {
			b->addr = b->q->alias_addrs[k];
			return b->addr.family != 0;
		}
	if (!n || !n->addr || b->q->frame.header.flags & WIRE_FLAG_BCAST_NETWORK ||
	    inet_pton(AF_INET, n->addr, &ip) != 1)
		return false;
	b->addr.family = 2;
	b->addr.port = n->port ? n->port : b->q->site->conf->slurmdport;
	memcpy(b->addr.ip, &ip, 4);
	return true;
}

static void branch_start(struct req *q, char **names, uint32_t count, uint16_t width)
{
	struct branch *b = mem_zalloc(sizeof *b);

	b->q = req_ref(q);
	b->fd = -1;
	b->names = names;
	b->count = count;
	b->width = width;
	b->depth = split_depth(count - 1, width);
	q->fwd->pending++;
	if (resolve_now(b)) {
		branch_connect(b);
		return;
	}
	b->task = (struct task){ .run = resolve_run, .done = resolve_done };
	pool_submit(q->d->pool, &b->task);
}

void fwd_start(struct req *q)
{
	uint16_t width = q->frame.header.fwd_tree_width;
	struct err_text why;
	uint32_t count = 0;
	char **names;

	if (!width)
		width = q->site->conf->treewidth;
	if (hostlist_expand(q->frame.header.fwd_nodes, &q->fwd_mem, &names, &count, &why)) {
		log_error("forward: bad node list: %s", why.text);
		return;
	}
	if (!count)
		return;
	q->fwd = mem_zalloc(sizeof *q->fwd);
	q->fwd->pending = 1;            /* until all branches are started */
	branches_start(q, names, count, width);
	if (--q->fwd->pending == 0)
		fwd_end(q);
}
