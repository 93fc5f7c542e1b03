/* SPDX-License-Identifier: Apache-2.0
 *
 * The node's own protocol between slurmd and slurmstepd: socket names, frames
 * with a time limit, one question and one answer.  Used by both sides.
 *
 * Keeps: never blocks longer than the caller allows; never trusts a length
 * above the local limit.  May not: decide anything. */
#include "slurmd/stepd_api.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* A launch of 100,000 tasks with a large environment is far below. */
#define LOCAL_FRAME_MAX (UINT32_C(256) << 20)

void stepd_socket_path(char *path, size_t size, const char *spool_dir, const char *node,
		       uint32_t job_id, uint32_t step_id, uint32_t het_comp)
{
	if (het_comp == NO_VAL)
		snprintf(path, size, "%s/%s_%u.%u", spool_dir, node, job_id, step_id);
	else
		snprintf(path, size, "%s/%s_%u.%u.%u", spool_dir, node, job_id, step_id,
			 het_comp);
}

/* A decimal number without sign or blanks; *end is set behind it. */
static bool number_read(const char *s, const char **end, uint32_t *out)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (uint64_t)(*p - '0');
		if (v > UINT32_MAX)
			return false;
	}
	if (p == s || (*s == '0' && p > s + 1))
		return false;
	*out = (uint32_t)v;
	*end = p;
	return true;
}

bool stepd_socket_parse(const char *name, const char *node, uint32_t *job_id,
			uint32_t *step_id, uint32_t *het_comp)
{
	size_t n = strlen(node);
	uint32_t job, step, het = NO_VAL;

	if (strncmp(name, node, n) || name[n] != '_')
		return false;
	name += n + 1;
	if (!number_read(name, &name, &job) || *name != '.' ||
	    !number_read(name + 1, &name, &step))
		return false;
	if (*name == '.' && !number_read(name + 1, &name, &het))
		return false;
	if (*name)
		return false;
	*job_id = job;
	*step_id = step;
	*het_comp = het;
	return true;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait until fd can be read or written, or the deadline passes. */
static bool ready(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline - now_ms();
		int n;

		if (left < 0)
			left = 0;
		n = poll(&p, 1, left > 3600000 ? 3600000 : (int)left);
		if (n > 0)
			return true;
		if (n == 0 || errno != EINTR)
			return false;
	}
}

/* Both ways stop at the deadline even on a blocking descriptor. */
static enum err put_all(int fd, const uint8_t *p, size_t n, int64_t deadline)
{
	while (n) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (k < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			if (!ready(fd, POLLOUT, deadline))
				return E_COMMUNICATIONS_WRITE_TIMEOUT;
		} else if (k < 0 && errno != EINTR) {
			return E_COMMUNICATIONS_SEND_ERROR;
		}
	}
	return E_OK;
}

static enum err get_all(int fd, uint8_t *p, size_t n, int64_t deadline)
{
	while (n) {
		ssize_t k = recv(fd, p, n, MSG_DONTWAIT);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (k == 0) {
			return E_COMMUNICATIONS_RECEIVE_ERROR;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			if (!ready(fd, POLLIN, deadline))
				return E_COMMUNICATIONS_READ_TIMEOUT;
		} else if (errno != EINTR) {
			return E_COMMUNICATIONS_RECEIVE_ERROR;
		}
	}
	return E_OK;
}

enum err stepd_send(int fd, const struct wire_desc *d, const void *msg)
{
	struct wire_out o = { 0 };
	enum err e = E_COMMUNICATIONS_SEND_ERROR;

	wire_put(&o, 0, 4);
	wire_pack(&o, d, msg, WIRE_VERSION_NEWEST);
	if (!o.failed && o.len - 4 <= LOCAL_FRAME_MAX) {
		uint32_t n = (uint32_t)(o.len - 4);

		for (unsigned k = 0; k < 4; k++)
			o.base[k] = (uint8_t)(n >> (24 - 8 * k));
		e = put_all(fd, o.base, o.len, now_ms() + 30000);
	}
	wire_out_fini(&o);
	return e;
}

enum err stepd_recv(int fd, const struct wire_desc *d, void *msg, struct arena *mem,
		    int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	uint8_t head[4], *body;
	struct wire_in i;
	uint32_t n;
	enum err e = get_all(fd, head, sizeof head, deadline);

	if (e)
		return e;
	n = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 |
	    head[3];
	if (n > LOCAL_FRAME_MAX)
		return E_PROTOCOL_INSANE_MSG_LENGTH;
	body = arena_alloc(mem, n ? n : 1);
	e = get_all(fd, body, n, deadline);
	if (e)
		return e;
	i = (struct wire_in){ body, body + n, mem, false, false };
	wire_unpack(&i, d, msg, WIRE_VERSION_NEWEST);
	return i.failed || i.p != i.end ? E_COMMUNICATIONS_RECEIVE_ERROR : E_OK;
}

enum err stepd_ask(const char *path, const struct stepd_request *q, struct stepd_reply *r,
		   struct arena *mem, int timeout_ms)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	enum err e;
	int fd;

	if (strlen(path) >= sizeof a.sun_path)
		return E_D_INVALID_SOCKET_NAME_LEN;
	strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return E_D_JOB_NOTRUNNING;
	if (connect(fd, (struct sockaddr *)&a, sizeof a)) {
		close(fd);
		return E_D_JOB_NOTRUNNING;
	}
	e = stepd_send(fd, &stepd_request_desc, q);
	if (!e)
		e = stepd_recv(fd, &stepd_reply_desc, r, mem, timeout_ms);
	close(fd);
	return e;
}
