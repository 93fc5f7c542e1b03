/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking a holder of the key for a token, as every program but the daemons
 * does.  A daemon that restarts is waited for, as munged is. */
#include "auth/slurm.h"
#include "auth/slurm_ask.h"
#include "auth/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_MAX  ((uint32_t)128 << 10)
#define ANSWER_MS   10000
#define PATIENCE_MS 5000
#define PAUSE_USEC  100000

static int path_connect(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof a.sun_path)
		return -1;
	(void)strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

/* The places and their order are stock's. */
static int any_connect(const char *cluster)
{
	static const char *const places[] = {
		"/run/slurm/sack.socket", "/run/slurmctld/sack.socket",
		"/run/slurmdbd/sack.socket",
	};
	const char *given = getenv("SLURM_SACK_SOCKET");
	char path[108];
	int fd = -1;

	if (given)
		return path_connect(given);
	if (cluster && (size_t)snprintf(path, sizeof path, "/run/slurm-%s/sack.socket", cluster) <
		       sizeof path)
		fd = path_connect(path);
	for (size_t k = 0; k < sizeof places / sizeof places[0] && fd < 0; k++)
		fd = path_connect(places[k]);
	return fd;
}

/* Append what was asked for after two bytes and the length. */
static void request_begin(struct wire_out *o, uint32_t what)
{
	wire_put(o, wire_version_number(WIRE_VERSION_NEWEST), 2);
	wire_put(o, 0, 4);
	wire_put(o, what, 4);
}

static enum err answer_read(int fd, char **text, struct err_text *why)
{
	uint8_t head[4];
	uint32_t n;
	char *p;

	if (recv(fd, head, sizeof head, MSG_WAITALL) != sizeof head)
		return err_set(why, E_FAIL, "the socket for tokens (sack) gave no answer");
	n = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];
	if (!text)
		return n ? err_set(why, E_FAIL, "key: the credential is refused by the daemon that "
					"holds our slurm.key (its log tells why)") : E_OK;
	if (!n || n > ANSWER_MAX)
		return err_set(why, E_FAIL, "the socket for tokens (sack) gave no token");
	p = mem_zalloc((size_t)n + 1);
	if (recv(fd, p, n, MSG_WAITALL) != (ssize_t)n) {
		free(p);
		return err_set(why, E_FAIL, "the socket for tokens (sack) gave half a token");
	}
	*text = p;
	return E_OK;
}

/* text NULL: the answer is a code. */
static enum err ask(const char *cluster, struct wire_out *o, char **text, struct err_text *why)
{
	struct timeval limit = { .tv_sec = ANSWER_MS / 1000 };
	size_t n = o->len - 2;
	int fd = any_connect(cluster);
	enum err e;

	for (int waited = 0; fd < 0 && waited < PATIENCE_MS; waited += PAUSE_USEC / 1000) {
		(void)usleep(PAUSE_USEC);
		fd = any_connect(cluster);
	}
	if (fd < 0)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR, "no daemon of this host "
			       "answers at a socket for tokens (/run/slurm/sack.socket)");
	for (unsigned k = 0; k < 4; k++)
		o->base[2 + k] = (uint8_t)(n >> (24 - 8 * k));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	e = rpc_send(fd, o->base, o->len, ANSWER_MS);
	if (!e)
		e = answer_read(fd, text, why);
	(void)close(fd);
	return e ? E_PROTOCOL_AUTHENTICATION_ERROR : E_OK;
}

enum err slurm_ask_token(const char *cluster, uid_t only_uid, const void *p, size_t len,
			 char **text, struct err_text *why)
{
	struct wire_out o = {0};
	enum err e;

	request_begin(&o, SACK_CREATE);
	wire_put(&o, only_uid, 4);
	wire_put(&o, len, 4);
	wire_put_bytes(&o, p, len);
	e = o.failed ? E_PROTOCOL_AUTHENTICATION_ERROR : ask(cluster, &o, text, why);
	wire_out_fini(&o);
	return e;
}

enum err slurm_ask_verify(const char *cluster, const char *text, struct err_text *why)
{
	struct wire_out o = {0};
	enum err e;

	request_begin(&o, SACK_VERIFY);
	wire_put_str(&o, text);
	e = o.failed ? E_PROTOCOL_AUTHENTICATION_ERROR : ask(cluster, &o, NULL, why);
	wire_out_fini(&o);
	return e;
}
