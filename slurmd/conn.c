/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections: accept, read one frame, later write one frame, close.
 *
 * Keeps: memory for a frame grows only with bytes that arrived; a peer that
 * says nothing, or reads nothing, is closed after the message time-out; a
 * connection that closes at once leaves no trace.  May not: look into frames. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slurmd/req.h"
#include "wire/base/log.h"

#define READ_MAX_SEC 300        /* a large block over a slow line */
#define CONN_MAX 4096           /* more wait in the kernel's queue */

struct conn {
	struct daemon *d;
	int fd;
	struct event *ev;
	struct wire_addr peer;
	uint8_t head[4];
	size_t have, want;              /* of head, then of buf */
	bool in_body;
	uint8_t *buf;
	size_t cap;
	struct wire_out out;
	size_t out_off;
	time_t deadline;                /* for the whole request to arrive */
};

static struct timeval time_limit(const struct daemon *d)
{
	return (struct timeval){ .tv_sec = d->site->conf->messagetimeout };
}

static void conn_free(struct conn *c)
{
	struct daemon *d = c->d;

	event_free(c->ev);
	close(c->fd);
	free(c->buf);
	wire_out_fini(&c->out);
	free(c);
	if (d->conn_count-- == CONN_MAX && d->listen_ev)
		event_add(d->listen_ev, NULL);
}

static void frame_done(struct conn *c)
{
	struct req *q;
	uint8_t *bytes = c->buf;

	event_del(c->ev);
	c->buf = NULL;
	q = req_new(c->d, c, &c->peer, bytes, c->want);
	req_start(q);
}

static bool length_read(struct conn *c)
{
	size_t n = (size_t)c->head[0] << 24 | (size_t)c->head[1] << 16 |
		   (size_t)c->head[2] << 8 | c->head[3];

	if (n == 0 || n > WIRE_FRAME_MAX_UNAUTH)
		return false;
	c->in_body = true;
	c->want = n;
	c->have = 0;
	return true;
}

static bool buffer_grow(struct conn *c)
{
	if (c->have < c->cap)
		return true;
	c->cap = c->cap ? 2 * c->cap : 4096;
	if (c->cap > c->want)
		c->cap = c->want;
	c->buf = mem_realloc(c->buf, c->cap);
	return true;
}

/* One read; false: close. */
static bool conn_read(struct conn *c)
{
	ssize_t n;

	if (!c->in_body) {
		n = read(c->fd, c->head + c->have, sizeof c->head - c->have);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		c->have += (size_t)n;
		if (c->have < sizeof c->head)
			return true;
		if (!length_read(c))
			return false;
	}
	do {
		buffer_grow(c);
		n = read(c->fd, c->buf + c->have, c->cap - c->have);
		if (n <= 0)
			return n < 0 && (errno == EAGAIN || errno == EINTR);
		c->have += (size_t)n;
	} while (c->have < c->want);
	return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	if (what & EV_TIMEOUT || !conn_read(c) || time(NULL) > c->deadline)
		conn_free(c);
	else if (c->in_body && c->have == c->want)
		frame_done(c);
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	ssize_t n;

	if (what & EV_TIMEOUT) {
		conn_free(c);
		return;
	}
	n = send(fd, c->out.base + c->out_off, c->out.len - c->out_off, MSG_NOSIGNAL);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->out_off += (size_t)n;
	if (n < 0 || c->out_off == c->out.len)
		conn_free(c);
}

void conn_write(struct conn *c, struct wire_out *frame)
{
	struct timeval limit = time_limit(c->d);

	if (!frame || frame->failed) {
		if (frame)
			wire_out_fini(frame);
		conn_free(c);
		return;
	}
	c->out = *frame;
	c->out_off = 0;
	event_assign(c->ev, c->d->base, c->fd, EV_WRITE | EV_PERSIST, on_writable, c);
	event_add(c->ev, &limit);
	on_writable(c->fd, EV_WRITE, c);        /* nearly always all of it at once */
}

static void addr_set(struct wire_addr *a, const struct sockaddr_storage *s)
{
	memset(a, 0, sizeof *a);
	if (s->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)s;

		a->family = 2;
		a->port = ntohs(in->sin_port);
		memcpy(a->ip, &in->sin_addr, 4);
	} else if (s->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const void *)s;
		static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

		a->port = ntohs(in->sin6_port);
		if (!memcmp(&in->sin6_addr, mapped, sizeof mapped)) {
			a->family = 2;
			memcpy(a->ip, (const uint8_t *)&in->sin6_addr + 12, 4);
		} else {
			a->family = 10;
			memcpy(a->ip, &in->sin6_addr, 16);
		}
	}
}

static void conn_new(struct daemon *d, int fd, const struct sockaddr_storage *from)
{
	struct timeval limit = time_limit(d);
	struct conn *c = mem_zalloc(sizeof *c);
	int one = 1;

	c->d = d;
	c->fd = fd;
	c->deadline = time(NULL) + READ_MAX_SEC;
	addr_set(&c->peer, from);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	c->ev = event_new(d->base, fd, EV_READ | EV_PERSIST, on_readable, c);
	event_add(c->ev, &limit);
	if (++d->conn_count == CONN_MAX)
		event_del(d->listen_ev);
}

static void on_resume(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (d->listen_ev && d->conn_count < CONN_MAX)
		event_add(d->listen_ev, NULL);
}

/* No descriptor is left: wait for some, without spinning. */
static void listener_pause(struct daemon *d)
{
	struct timeval moment = { .tv_usec = 100000 };

	log_error("no descriptor left for a connection: %m");
	event_del(d->listen_ev);
	event_base_once(d->base, -1, EV_TIMEOUT, on_resume, d, &moment);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	for (int k = 0; k < 64 && d->conn_count < CONN_MAX; k++) {
		struct sockaddr_storage from;
		socklen_t n = sizeof from;
		int c = accept4(fd, (struct sockaddr *)&from, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (c >= 0) {
			conn_new(d, c, &from);
		} else if (errno == EMFILE || errno == ENFILE) {
			listener_pause(d);
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

static int socket_bind(int family, uint16_t port)
{
	int one = 1, zero = 0, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int rc;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (family == AF_INET6) {
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
		rc = bind(fd, (struct sockaddr *)&a6, sizeof a6);
	} else {
		rc = bind(fd, (struct sockaddr *)&a4, sizeof a4);
	}
	if (rc || listen(fd, 4096)) {
		rc = errno;
		close(fd);
		errno = rc;
		return -1;
	}
	return fd;
}

enum err conn_listen(struct daemon *d)
{
	bool v6 = conf_option(d->site->conf->communicationparameters, "EnableIPv6", NULL);
	int fd = socket_bind(v6 ? AF_INET6 : AF_INET, d->site->port);

	if (fd < 0) {
		log_error("Unable to bind listen port (%u): %m", d->site->port);
		return E_COMMUNICATIONS_CONNECTION_ERROR;
	}
	d->listen_fd = fd;
	d->listen_ev = event_new(d->base, fd, EV_READ | EV_PERSIST, on_accept, d);
	event_add(d->listen_ev, NULL);
	return E_OK;
}

void conn_close_listener(struct daemon *d)
{
	if (!d->listen_ev)
		return;
	event_free(d->listen_ev);
	close(d->listen_fd);
	d->listen_ev = NULL;
	d->listen_fd = -1;
}
