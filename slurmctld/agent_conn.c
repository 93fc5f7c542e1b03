/* SPDX-License-Identifier: Apache-2.0
 *
 * One connection to a node or a client: connect, write, read one frame. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slurmctld/agent_i.h"
#include "slurmctld/conn.h"
#include "wire/base/log.h"

#define ANSWER_MAX (64u << 20)
#define RETRIES 2
#define RETRY_USEC 400000

void send_hang_up(struct send *s)
{
	watch_stop(&s->watch);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void wait_for(struct send *s, short what)
{
	int64_t left = s->deadline - clock_mono_usec();

	watch_wait(&s->watch, what, left > 0 ? left : 1);
}

static int64_t reply_time(const struct send *s)
{
	return (int64_t)s->timeout_sec * (1 + 2 * (int64_t)s->depth) * 1000000;
}

static void on_event(void *arg, short what);

/* A daemon that restarts is back in a moment. */
static void connect_failed(struct send *s, int e)
{
	bool again = s->e->kind == EFF_NODES && s->e->type != REQUEST_PING &&
		     s->e->type != REQUEST_NODE_REGISTRATION_STATUS && s->attempts < RETRIES &&
		     !s->agent->ctld->ending;

	send_hang_up(s);
	if (!again) {
		log_debug2("%s: connect to %s: %s", wire_type_name(s->e->type),
			   request_addr_text(&s->addr), strerror(e));
		send_finish(s, E_COMMUNICATIONS_CONNECTION_ERROR);
		return;
	}
	s->attempts++;
	s->repack = s->repack || s->count > 1;
	send_without_rest(s);
	s->state = SEND_PAUSE;
	watch_init(&s->watch, s->agent->ctld->loop, -1, on_event, s);
	watch_wait(&s->watch, 0, RETRY_USEC);
}

static void write_some(struct send *s)
{
	while (s->done < s->bytes.len) {
		ssize_t n = send(s->fd, s->bytes.base + s->done, s->bytes.len - s->done,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			wait_for(s, LOOP_WRITE);
			return;
		}
		if (n <= 0) {
			send_finish(s, E_COMMUNICATIONS_SEND_ERROR);
			return;
		}
		s->done += (size_t)n;
	}
	s->state = SEND_READ;
	s->in_got = 0;
	s->deadline = clock_mono_usec() + reply_time(s);
	wait_for(s, LOOP_READ);
}

static bool length_known(struct send *s)
{
	size_t len = (size_t)s->len_bytes[0] << 24 | (size_t)s->len_bytes[1] << 16 |
		     (size_t)s->len_bytes[2] << 8 | s->len_bytes[3];

	if (!len || len > ANSWER_MAX)
		return false;
	s->in_len = len;
	free(s->in);
	s->in = mem_alloc(len);
	return true;
}

static void read_some(struct send *s)
{
	for (;;) {
		uint8_t *to = s->in_got < 4 ? s->len_bytes + s->in_got : s->in + s->in_got - 4;
		size_t want = s->in_got < 4 ? 4 - s->in_got : s->in_len - (s->in_got - 4);
		ssize_t n = recv(s->fd, to, want, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			wait_for(s, LOOP_READ);
			return;
		}
		if (n <= 0) {
			send_finish(s, E_COMMUNICATIONS_RECEIVE_ERROR);
			return;
		}
		s->in_got += (size_t)n;
		if (s->in_got == 4 && !length_known(s)) {
			send_finish(s, E_COMMUNICATIONS_RECEIVE_ERROR);
			return;
		}
		if (s->in_got > 4 && s->in_got - 4 == s->in_len) {
			send_answered(s);
			return;
		}
	}
}

static void connected(struct send *s)
{
	int e = 0;
	socklen_t len = sizeof e;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &len) < 0)
		e = errno;
	if (e) {
		connect_failed(s, e);
		return;
	}
	s->state = SEND_WRITE;
	s->done = 0;
	s->deadline = clock_mono_usec() + (int64_t)s->timeout_sec * 1000000;
	write_some(s);
}

static void on_event(void *arg, short what)
{
	struct send *s = arg;
	struct ctld *c = s->agent->ctld;

	if (s->state == SEND_PAUSE && s->repack) {
		s->repack = false;
		send_again(s);
	} else if (s->state == SEND_PAUSE) {
		send_connect(s);
	} else if (what & LOOP_TIMEOUT && s->state == SEND_CONNECT) {
		connect_failed(s, ETIMEDOUT);
	} else if (what & LOOP_TIMEOUT) {
		send_finish(s, s->state == SEND_WRITE ? E_COMMUNICATIONS_SEND_ERROR
						      : E_COMMUNICATIONS_READ_TIMEOUT);
	} else if (s->state == SEND_CONNECT) {
		connected(s);
	} else if (s->state == SEND_WRITE) {
		write_some(s);
	} else {
		read_some(s);
	}
	steps_flush(c);
}

void send_connect(struct send *s)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(s->addr.port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(s->addr.port) };
	bool v6 = s->addr.family == 10;
	struct ctld *c = s->agent->ctld;
	int on = 1, tcp = c->conf->tcptimeout ? c->conf->tcptimeout : 2;

	send_hang_up(s);
	memcpy(&in.sin_addr, s->addr.ip, 4);
	memcpy(&in6.sin6_addr, s->addr.ip, 16);
	s->fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0) {
		log_error("socket: %m");
		send_finish(s, E_COMMUNICATIONS_CONNECTION_ERROR);
		return;
	}
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	s->state = SEND_CONNECT;
	s->deadline = clock_mono_usec() + tcp * INT64_C(1000000);
	watch_init(&s->watch, c->loop, s->fd, on_event, s);
	if (!connect(s->fd, v6 ? (struct sockaddr *)&in6 : (struct sockaddr *)&in,
		     v6 ? sizeof in6 : sizeof in)) {
		connected(s);
		return;
	}
	if (errno == EINPROGRESS)
		wait_for(s, LOOP_WRITE);
	else
		connect_failed(s, errno);
}
