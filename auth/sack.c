/* SPDX-License-Identifier: Apache-2.0
 *
 * Serving the socket.  One thread polls a bounded number of connections; each
 * is one request and has a few seconds.  Making or checking a token is some
 * microseconds of arithmetic, so nobody waits for anybody. */
#include "auth/sack.h"
#include "auth/slurm.h"
#include "auth/slurm_ask.h"
#include "wire/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS     64
#define CLIENT_SEC  5
#define REQUEST_MAX ((size_t)128 << 10)

struct client {
	int fd;                 /* -1: free */
	int64_t until;          /* clock_sec() */
	uint8_t *in;
	size_t len, cap;
};

struct sack {
	pthread_t thread;
	int listen_fd, wake_fd;
	pthread_mutex_t lock;   /* protects auth */
	struct auth *auth;
	struct client client[CLIENTS];  /* the thread's */
};

static int64_t clock_sec(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void client_end(struct client *c)
{
	(void)close(c->fd);
	free(c->in);
	*c = (struct client){ .fd = -1 };
}

/* The socket's buffer takes an answer of this size at once, or the client is
 * not worth waiting for. */
static void answer(struct client *c, const struct wire_out *o)
{
	if (send(c->fd, o->base, o->len, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)o->len)
		log_debug("sack: an answer was not taken");
}

static bool peer_get(const struct client *c, struct ucred *who)
{
	socklen_t n = sizeof *who;

	if (!getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, who, &n))
		return true;
	log_error("sack: cannot tell who asks: %m");
	return false;
}

static void token_create(struct sack *s, struct client *c, struct wire_in *in)
{
	struct wire_out o = {0};
	struct ucred who;
	uid_t only = (uid_t)wire_get(in, 4);
	uint32_t n = (uint32_t)wire_get(in, 4);
	const uint8_t *p = n ? wire_get_bytes(in, n) : NULL;
	char *text;

	if (in->failed || !peer_get(c, &who))
		return;
	(void)pthread_mutex_lock(&s->lock);
	text = slurm_token_make(s->auth->slurm, &(struct slurm_claims){
		.context = "sack", .uid = who.uid, .gid = who.gid, .only_uid = only,
		.payload = p, .payload_len = n });
	(void)pthread_mutex_unlock(&s->lock);
	wire_put_str(&o, text);
	free(text);
	answer(c, &o);
	wire_out_fini(&o);
}

static void token_verify(struct sack *s, struct client *c, struct wire_in *in)
{
	struct wire_out o = {0};
	struct ucred who;
	struct slurm_token t;
	struct err_text why = {""};
	const char *text = wire_get_str(in);
	bool good;

	if (in->failed || !text || !peer_get(c, &who))
		return;
	(void)pthread_mutex_lock(&s->lock);
	good = slurm_token_open(s->auth->slurm, text, who.uid, false, &t, &why, NULL) == FATE_GOOD;
	(void)pthread_mutex_unlock(&s->lock);
	if (good)
		good = streq(t.context, "auth") || streq(t.context, "sack");
	slurm_token_fini(&t);
	if (!good)
		log_debug("sack: a credential that user %u asks about is refused: %s",
			  (unsigned)who.uid, why.text);
	wire_put(&o, good ? 0 : (uint32_t)E_FAIL, 4);
	answer(c, &o);
	wire_out_fini(&o);
}

/* u16 release (of no meaning yet), u32 length (without that), u32 what. */
static void request_serve(struct sack *s, struct client *c)
{
	struct wire_in in = { c->in + 6, c->in + c->len, NULL, false, false };
	uint32_t what = (uint32_t)wire_get(&in, 4);

	if (what == SACK_CREATE)
		token_create(s, c, &in);
	else if (what == SACK_VERIFY)
		token_verify(s, c, &in);
	else
		log_error("sack: unexpected rpc=%u", what);
}

/* True: the client is done with. */
static bool client_read(struct sack *s, struct client *c)
{
	ssize_t n;
	size_t need = 6;

	if (c->len >= 6) {
		need = 2 + ((size_t)c->in[2] << 24 | (size_t)c->in[3] << 16 |
			    (size_t)c->in[4] << 8 | c->in[5]);
		if (need < SACK_HEADER || need > REQUEST_MAX)
			return true;
	}
	if (c->cap < need) {
		c->cap = need < 512 ? 512 : need;
		c->in = mem_realloc(c->in, c->cap);
	}
	if (c->len < need) {
		n = recv(c->fd, c->in + c->len, need - c->len, MSG_DONTWAIT);
		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
		c->len += (size_t)n;
		return !n ? true : c->len == need ? client_read(s, c) : false;
	}
	request_serve(s, c);
	return true;
}

static void client_accept(struct sack *s)
{
	struct client *c = NULL;
	int fd;

	for (int k = 0; k < CLIENTS && !c; k++)
		if (s->client[k].fd < 0)
			c = &s->client[k];
	if (!c)
		return;                         /* not polled for then */
	fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		*c = (struct client){ .fd = fd, .until = clock_sec() + CLIENT_SEC };
}

/* Fill p; how many, and the slot of each client. */
static nfds_t poll_fill(const struct sack *s, struct pollfd *p, int *slot)
{
	nfds_t n = 1;

	p[0] = (struct pollfd){ .fd = s->wake_fd, .events = POLLIN };
	for (int k = 0; k < CLIENTS; k++)
		if (s->client[k].fd >= 0) {
			p[n] = (struct pollfd){ .fd = s->client[k].fd, .events = POLLIN };
			slot[n++] = k;
		}
	/* when all are taken, others wait in the backlog */
	if (n - 1 < CLIENTS) {
		p[n] = (struct pollfd){ .fd = s->listen_fd, .events = POLLIN };
		slot[n++] = -1;
	}
	return n;
}

static void *serve(void *arg)
{
	struct sack *s = arg;
	struct pollfd p[CLIENTS + 2];
	int slot[CLIENTS + 2];

	for (;;) {
		nfds_t n = poll_fill(s, p, slot);
		int64_t now;

		if (poll(p, n, n > 2 ? CLIENT_SEC * 1000 : -1) < 0 && errno != EINTR) {
			log_error("sack: poll: %m");
			break;
		}
		if (p[0].revents)
			break;
		now = clock_sec();
		for (nfds_t k = 1; k < n; k++) {
			struct client *c = slot[k] < 0 ? NULL : &s->client[slot[k]];

			if (!c && p[k].revents)
				client_accept(s);
			else if (c && ((p[k].revents && client_read(s, c)) || now > c->until))
				client_end(c);
		}
	}
	for (int k = 0; k < CLIENTS; k++)
		if (s->client[k].fd >= 0)
			client_end(&s->client[k]);
	return NULL;
}

/* ---- start and end ----------------------------------------------------- */

/* As stock: only a directory of this owner or of root will do. */
static enum err dir_prepare(const char *dir, uid_t owner, struct err_text *why)
{
	struct stat st;
	int fd = open(dir, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		if (mkdir(dir, 0755))
			return err_set(why, E_FAIL, "failed to create %s: %s", dir,
				       strerrordesc_np(errno));
		if (owner != geteuid() && lchown(dir, owner, (gid_t)-1))
			return err_set(why, E_FAIL, "failed to change ownership of %s to uid %u: %s",
				       dir, (unsigned)owner, strerrordesc_np(errno));
		return E_OK;
	}
	if (fd < 0)
		return err_set(why, E_FAIL, "%s: %s", dir, strerrordesc_np(errno));
	if (fstat(fd, &st) || (st.st_uid != owner && st.st_uid)) {
		(void)close(fd);
		return err_set(why, E_FAIL, "%s exists but is owned by %u", dir,
			       (unsigned)st.st_uid);
	}
	if (unlinkat(fd, "sack.socket", 0) && errno != ENOENT) {
		(void)close(fd);
		return err_set(why, E_FAIL, "failed to remove %s/sack.socket: %s", dir,
			       strerrordesc_np(errno));
	}
	(void)close(fd);
	return E_OK;
}

/* Everybody may connect; the kernel tells who it is. */
static int socket_listen(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof a.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	(void)strcpy(a.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || chmod(path, 0777) || listen(fd, 4096)) {
		int e = errno;

		(void)close(fd);
		errno = e;
		return -1;
	}
	return fd;
}

enum err sack_start(struct auth *a, const char *dir, uid_t owner, struct sack **out,
		    struct err_text *why)
{
	struct sack *s;
	char *path;
	sigset_t all, was;
	int fd, failed;
	enum err e = dir_prepare(dir, owner, why);

	if (e)
		return e;
	path = mem_printf("%s/sack.socket", dir);
	fd = socket_listen(path);
	if (fd < 0)
		e = err_set(why, E_FAIL, "%s: %s", path, strerrordesc_np(errno));
	free(path);
	if (e)
		return e;
	s = mem_zalloc(sizeof *s);
	s->listen_fd = fd;
	s->wake_fd = eventfd(0, EFD_CLOEXEC);
	s->auth = a;
	(void)pthread_mutex_init(&s->lock, NULL);
	for (int k = 0; k < CLIENTS; k++)
		s->client[k].fd = -1;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &was);
	failed = s->wake_fd < 0 ? errno : pthread_create(&s->thread, NULL, serve, s);
	(void)pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (failed) {
		(void)close(fd);
		free(s);
		return err_set(why, E_FAIL, "no thread for %s/sack.socket: %s", dir,
			       strerrordesc_np(failed));
	}
	*out = s;
	return E_OK;
}

void sack_auth_set(struct sack *s, struct auth *a)
{
	(void)pthread_mutex_lock(&s->lock);
	s->auth = a;
	(void)pthread_mutex_unlock(&s->lock);
}

void sack_stop(struct sack *s)
{
	const uint64_t one = 1;

	if (!s)
		return;
	(void)!write(s->wake_fd, &one, sizeof one);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->wake_fd);
	(void)close(s->listen_fd);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}
