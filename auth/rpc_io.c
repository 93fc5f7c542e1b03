/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets with deadlines.  Nothing here waits longer than its caller said,
 * whatever the peer does. */
#include "auth/rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* First step of a large frame's buffer. */
#define RECV_STEP ((size_t)64 << 10)

static int64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* Wait for events until the deadline: 1 ready, 0 too late, -1 error. */
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline - clock_ms();
		int n;

		if (left < 0)
			left = 0;
		n = poll(&p, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (n > 0)
			return 1;
		if (n == 0)
			return 0;
		if (errno != EINTR)
			return -1;
	}
}

static void addr_from(const struct sockaddr *sa, uint16_t port, struct wire_addr *out)
{
	*out = (struct wire_addr){ .port = port };
	if (sa->sa_family == AF_INET) {
		out->family = 2;
		memcpy(out->ip, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else {
		out->family = 10;
		memcpy(out->ip, &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr, 16);
	}
}

enum err rpc_resolve(const char *host, uint16_t port, struct wire_addr *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST };
	struct addrinfo *list = NULL, *best = NULL;

	if (!host || !*host)
		return E_UNKNOWN_FORWARD_ADDR;
	if (getaddrinfo(host, NULL, &hints, &list)) {
		hints.ai_flags = 0;
		if (getaddrinfo(host, NULL, &hints, &list))
			return E_UNKNOWN_FORWARD_ADDR;
	}
	for (struct addrinfo *i = list; i; i = i->ai_next) {
		if (i->ai_family != AF_INET && i->ai_family != AF_INET6)
			continue;
		/* IPv4 if there is one: stock daemons listen there by default */
		if (!best || (i->ai_family == AF_INET && best->ai_family != AF_INET))
			best = i;
	}
	if (best)
		addr_from(best->ai_addr, port, out);
	freeaddrinfo(list);
	return best ? E_OK : E_UNKNOWN_FORWARD_ADDR;
}

static socklen_t sockaddr_of(const struct wire_addr *a, struct sockaddr_storage *ss)
{
	memset(ss, 0, sizeof *ss);
	if (a->family == 2) {
		struct sockaddr_in *s4 = (void *)ss;

		s4->sin_family = AF_INET;
		s4->sin_port = htons(a->port);
		memcpy(&s4->sin_addr, a->ip, 4);
		return sizeof *s4;
	}
	if (a->family == 10) {
		struct sockaddr_in6 *s6 = (void *)ss;

		s6->sin6_family = AF_INET6;
		s6->sin6_port = htons(a->port);
		memcpy(&s6->sin6_addr, a->ip, 16);
		return sizeof *s6;
	}
	return 0;
}

int rpc_connect(const struct wire_addr *addr, int timeout_ms)
{
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(addr, &ss);
	int64_t deadline = clock_ms() + timeout_ms;
	int fd, one = 1, ready, failure = 0;
	socklen_t n = sizeof failure;

	if (!len) {
		errno = EAFNOSUPPORT;
		return -1;
	}
	fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&ss, len) == 0)
		return fd;
	if (errno == EINPROGRESS || errno == EINTR) {
		ready = wait_for(fd, POLLOUT, deadline);
		if (ready == 0)
			failure = ETIMEDOUT;
		else if (ready < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &n))
			failure = errno;
		if (!failure)
			return fd;
	} else {
		failure = errno;
	}
	(void)close(fd);
	errno = failure;
	return -1;
}

enum err rpc_send(int fd, const void *bytes, size_t len, int timeout_ms)
{
	const uint8_t *p = bytes;
	int64_t deadline = clock_ms() + timeout_ms;

	while (len) {
		ssize_t n = send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			p += n, len -= (size_t)n;
			continue;
		}
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return E_COMMUNICATIONS_SEND_ERROR;
		switch (wait_for(fd, POLLOUT, deadline)) {
		case 0:
			return E_PROTOCOL_SOCKET_IMPL_TIMEOUT;
		case -1:
			return E_COMMUNICATIONS_SEND_ERROR;
		}
	}
	return E_OK;
}

/* *got is what arrived, also on failure. */
static enum err recv_all(int fd, uint8_t *p, size_t len, size_t *got, int64_t deadline)
{
	*got = 0;
	while (*got < len) {
		ssize_t n = recv(fd, p + *got, len - *got, MSG_DONTWAIT);

		if (n > 0) {
			*got += (size_t)n;
			continue;
		}
		if (n == 0)
			return E_PROTOCOL_SOCKET_ZERO_BYTES_SENT;
		if (errno != EAGAIN && errno != EINTR)
			return E_COMMUNICATIONS_RECEIVE_ERROR;
		switch (wait_for(fd, POLLIN, deadline)) {
		case 0:
			return E_PROTOCOL_SOCKET_IMPL_TIMEOUT;
		case -1:
			return E_COMMUNICATIONS_RECEIVE_ERROR;
		}
	}
	return E_OK;
}

/* The buffer doubles as bytes arrive: a peer that announces much and sends
 * little costs little. */
static enum err recv_growing(int fd, size_t len, uint8_t **out, int64_t deadline)
{
	size_t cap = len < RECV_STEP ? len : RECV_STEP, have = 0, got;
	uint8_t *p = mem_alloc(cap);

	for (;;) {
		enum err e = recv_all(fd, p + have, cap - have, &got, deadline);

		if (e) {
			free(p);
			return e == E_PROTOCOL_SOCKET_ZERO_BYTES_SENT ?
				E_COMMUNICATIONS_RECEIVE_ERROR : e;
		}
		have = cap;
		if (have == len)
			break;
		cap = len / 2 < have ? len : have * 2;
		p = mem_realloc(p, cap);
	}
	*out = p;
	return E_OK;
}

enum err rpc_recv(int fd, struct arena *mem, uint8_t **bytes, size_t *len, int timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;
	uint8_t prefix[4], *p;
	size_t n, got;
	enum err e = recv_all(fd, prefix, sizeof prefix, &got, deadline);

	if (e == E_PROTOCOL_SOCKET_ZERO_BYTES_SENT && got)
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	/* a reset before the first byte is a close without an answer too */
	if (e == E_COMMUNICATIONS_RECEIVE_ERROR && !got && errno == ECONNRESET)
		return E_PROTOCOL_SOCKET_ZERO_BYTES_SENT;
	if (e)
		return e;
	if (!memcmp(prefix, "HTTP", 4))
		return E_PROTOCOL_VERSION_ERROR;
	n = (size_t)prefix[0] << 24 | (size_t)prefix[1] << 16 | (size_t)prefix[2] << 8 | prefix[3];
	if (!n)
		return E_PROTOCOL_SOCKET_IMPL_ZERO_RECV_LENGTH;
	if (n > WIRE_FRAME_MAX_UNAUTH)
		return E_PROTOCOL_INSANE_MSG_LENGTH;
	e = recv_growing(fd, n, &p, deadline);
	if (e)
		return e;
	*bytes = memcpy(arena_alloc(mem, n), p, n);
	*len = n;
	free(p);
	return E_OK;
}
