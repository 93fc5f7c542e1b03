/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing big answers: an event loop of its own.  It touches only what it was
 * given; the pieces of an answer are immutable and counted. */
#include "slurmctld/replier.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "slurmctld/conn.h"
#include "slurmctld/view.h"
#include "wire/base/log.h"

#define IOV_MAX_OURS 512
#define LIVE_MAX_SEC 1800       /* nobody reads one answer for longer */

#define END_WAIT_USEC 2000000

struct writing {
	struct replier *home;
	int fd, timeout_sec;
	struct answer *a;
	size_t head_sent;
	uint32_t span;                  /* first not completely sent */
	uint32_t span_sent;             /* bytes of it */
	int64_t born;
	struct watch watch;
	struct writing *next;           /* in the inbox */
};

struct replier {
	struct loop *loop;
	pthread_t thread;
	pthread_mutex_t lock;
	struct writing *inbox;
	bool ending;
	int fd;
	struct watch wake;
	unsigned live;
};

static void writing_end(struct writing *w)
{
	watch_stop(&w->watch);
	close(w->fd);
	answer_free(w->a);
	w->home->live--;
	if (w->home->ending && !w->home->live)
		loop_break(w->home->loop);
	free(w);
}

static int gather(struct writing *w, struct iovec *iov)
{
	struct answer *a = w->a;
	int n = 0;

	if (w->head_sent < a->head_len) {
		iov[n].iov_base = a->head + w->head_sent;
		iov[n++].iov_len = a->head_len - w->head_sent;
	}
	for (uint32_t i = w->span; i < a->spans && n < IOV_MAX_OURS; i++) {
		uint32_t skip = i == w->span ? w->span_sent : 0;

		iov[n].iov_base = chunk_bytes(a->span[i].chunk) + a->span[i].off + skip;
		iov[n++].iov_len = a->span[i].len - skip;
	}
	return n;
}

static void advance(struct writing *w, size_t n)
{
	size_t head = w->a->head_len - w->head_sent;

	if (n < head)
		head = n;
	w->head_sent += head;
	n -= head;
	while (n && w->span < w->a->spans) {
		uint32_t left = w->a->span[w->span].len - w->span_sent;

		if (n < left) {
			w->span_sent += (uint32_t)n;
			return;
		}
		n -= left;
		w->span++;
		w->span_sent = 0;
	}
}

static void write_some(struct writing *w)
{
	struct iovec iov[IOV_MAX_OURS + 1];

	for (;;) {
		struct msghdr m = { .msg_iov = iov };
		ssize_t n;

		m.msg_iovlen = (size_t)gather(w, iov);
		if (!m.msg_iovlen)
			break;
		n = sendmsg(w->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (clock_mono_usec() - w->born > LIVE_MAX_SEC * INT64_C(1000000))
				writing_end(w);
			else
				watch_wait(&w->watch, LOOP_WRITE,
					   w->timeout_sec * INT64_C(1000000));
			return;
		}
		if (n <= 0) {
			writing_end(w);
			return;
		}
		advance(w, (size_t)n);
	}
	/* The pieces can go before the peer has closed. */
	answer_free(w->a);
	w->a = NULL;
	writing_end(w);
}

static void on_writable(void *arg, short what)
{
	if (what & LOOP_TIMEOUT)
		writing_end(arg);
	else
		write_some(arg);
}

static void on_inbox(void *arg, short what)
{
	struct replier *r = arg;
	struct writing *w;
	uint64_t n;

	(void)what;
	if (read(r->fd, &n, sizeof n) < 0 && errno != EAGAIN)
		log_error("replier: %m");
	pthread_mutex_lock(&r->lock);
	w = r->inbox;
	r->inbox = NULL;
	pthread_mutex_unlock(&r->lock);
	while (w) {
		struct writing *next = w->next;

		r->live++;
		watch_init(&w->watch, r->loop, w->fd, on_writable, w);
		write_some(w);
		w = next;
	}
	if (r->ending && !r->live)
		loop_break(r->loop);
	else if (r->ending)     /* slow readers do not hold up the end */
		loop_break_in(r->loop, END_WAIT_USEC);
}

static void *replier_main(void *arg)
{
	struct replier *r = arg;

	loop_run(r->loop);
	return NULL;
}

static void wake(struct replier *r)
{
	uint64_t one = 1;

	if (write(r->fd, &one, sizeof one) < 0 && errno != EAGAIN)
		log_error("replier: %m");
}

void replier_send(struct replier *r, int fd, struct answer *a, size_t sent, int timeout_sec)
{
	struct writing *w = mem_zalloc(sizeof *w);

	w->home = r;
	w->fd = fd;
	w->a = a;
	w->head_sent = sent;
	w->timeout_sec = timeout_sec;
	w->born = clock_mono_usec();
	pthread_mutex_lock(&r->lock);
	w->next = r->inbox;
	r->inbox = w;
	pthread_mutex_unlock(&r->lock);
	wake(r);
}

struct replier *replier_new(void)
{
	struct replier *r = mem_zalloc(sizeof *r);
	int e;

	pthread_mutex_init(&r->lock, NULL);
	r->loop = loop_new();
	r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (r->fd < 0)
		log_fatal("cannot make the writing thread: %m");
	watch_init(&r->wake, r->loop, r->fd, on_inbox, r);
	watch_wait(&r->wake, LOOP_READ | LOOP_PERSIST, -1);
	e = thread_start(&r->thread, "ctld-reply", replier_main, r);
	if (e) {
		errno = e;
		log_fatal("cannot start a thread: %m");
	}
	return r;
}

void replier_free(struct replier *r)
{
	if (!r)
		return;
	pthread_mutex_lock(&r->lock);
	r->ending = true;
	pthread_mutex_unlock(&r->lock);
	wake(r);
	pthread_join(r->thread, NULL);
	watch_stop(&r->wake);
	loop_free(r->loop);
	close(r->fd);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
