/* SPDX-License-Identifier: Apache-2.0
 *
 * Writing big answers: an event loop of its own.  It touches only what it was
 * given; the pieces of an answer are immutable and counted.
 *
 * A reader on this machine takes its processor time from the same processors:
 * dozens that unpack a long queue at once would leave none for the others.
 * They are served in turns, and the next has its turn when the one before has
 * closed, or after TURN_USEC; readers elsewhere need no turn. */
#include "slurmctld/replier.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
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
#define TURN_USEC 100000        /* a turn is no longer, read or not */
#define QUEUE_USEC 2000000      /* when the wait is this long, one more at once */

struct writing {
	struct replier *home;
	int fd, timeout_sec;
	struct answer *a;
	size_t head_sent;
	uint32_t span;                  /* first not completely sent */
	uint32_t span_sent;             /* bytes of it */
	int64_t born;
	struct watch watch;
	bool turn, drained;
	int64_t turn_end;
	struct writing *next;           /* in the inbox or the queue */
};

struct replier {
	struct loop *loop;
	pthread_t thread;
	pthread_mutex_t lock;
	struct writing *inbox;
	atomic_bool ending;
	int fd;
	struct watch wake;
	unsigned live;
	struct writing *queue, **queue_last;
	unsigned turns, turns_max;
	bool admitting;
};

static void admit(struct replier *r);

static void turn_over(struct writing *w)
{
	if (!w->turn)
		return;
	w->turn = false;
	w->home->turns--;
}

static void writing_end(struct writing *w)
{
	struct replier *r = w->home;

	watch_stop(&w->watch);
	close(w->fd);
	answer_free(w->a);
	turn_over(w);
	free(w);
	r->live--;
	if (r->ending && !r->live)
		loop_break(r->loop);
	else
		admit(r);
}

/* Until it may go on, its turn ends or the reader is given up. */
static void writing_wait(struct writing *w, short what)
{
	int64_t usec = w->timeout_sec * INT64_C(1000000);

	if (w->turn) {
		usec = w->turn_end - clock_mono_usec();
		if (usec < 1000)
			usec = 1000;
	}
	watch_wait(&w->watch, what, usec);
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
				writing_wait(w, LOOP_WRITE);
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
	if (!w->turn || shutdown(w->fd, SHUT_WR) < 0) {
		writing_end(w);
		return;
	}
	w->drained = true;
	writing_wait(w, LOOP_READ);
}

static void on_writing(void *arg, short what)
{
	struct writing *w = arg;
	struct replier *r = w->home;

	if (w->drained || (what & LOOP_TIMEOUT && !w->turn)) {
		writing_end(w);
	} else if (what & LOOP_TIMEOUT) {
		turn_over(w);
		writing_wait(w, LOOP_WRITE);
		admit(r);
	} else {
		write_some(w);
	}
}

static void admit(struct replier *r)
{
	if (r->admitting)
		return;
	r->admitting = true;
	while (r->queue) {
		struct writing *w = r->queue;
		int64_t now = clock_mono_usec();

		if (r->turns >= r->turns_max + (unsigned)((now - w->born) / QUEUE_USEC))
			break;
		r->queue = w->next;
		if (!r->queue)
			r->queue_last = &r->queue;
		w->turn = true;
		w->turn_end = now + TURN_USEC;
		r->turns++;
		write_some(w);
	}
	r->admitting = false;
}

/* Both ends have one address. */
static bool is_local(int fd)
{
	struct sockaddr_storage a, b;
	socklen_t la = sizeof a, lb = sizeof b;

	if (getsockname(fd, (struct sockaddr *)&a, &la) < 0 ||
	    getpeername(fd, (struct sockaddr *)&b, &lb) < 0 || a.ss_family != b.ss_family)
		return false;
	if (a.ss_family == AF_INET)
		return !memcmp(&((struct sockaddr_in *)&a)->sin_addr,
			       &((struct sockaddr_in *)&b)->sin_addr, sizeof(struct in_addr));
	return a.ss_family == AF_INET6 &&
	       !memcmp(&((struct sockaddr_in6 *)&a)->sin6_addr,
		       &((struct sockaddr_in6 *)&b)->sin6_addr, sizeof(struct in6_addr));
}

static void writing_start(struct replier *r, struct writing *w)
{
	r->live++;
	watch_init(&w->watch, r->loop, w->fd, on_writing, w);
	if (!is_local(w->fd)) {
		write_some(w);
		return;
	}
	w->next = NULL;
	*r->queue_last = w;
	r->queue_last = &w->next;
	admit(r);
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

		writing_start(r, w);
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
	r->queue_last = &r->queue;
	r->turns_max = sysconf(_SC_NPROCESSORS_ONLN) > 2 ?
		       (unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1 : 1;
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
