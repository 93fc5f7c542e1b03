/* SPDX-License-Identifier: Apache-2.0
 *
 * Queues between threads: one list and one lock each, nothing else shared. */
#include "slurmctld/pool.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "wire/base/log.h"
#include "wire/base/mem.h"

#define STACK_BYTES (256 * 1024)

int thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int e;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(t, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (!e)
		pthread_setname_np(*t, name);
	return e;
}

/* ---- mailbox ----------------------------------------------------------- */

struct mailbox {
	pthread_mutex_t lock;
	struct work *first, **last;
	int fd;
	struct watch watch;
	void (*after)(void *);
	void *arg;
};

void mailbox_post(struct mailbox *m, struct work *w)
{
	bool first;

	w->next = NULL;
	pthread_mutex_lock(&m->lock);
	first = !m->first;
	*m->last = w;
	m->last = &w->next;
	pthread_mutex_unlock(&m->lock);
	if (first) {
		uint64_t one = 1;

		if (write(m->fd, &one, sizeof one) < 0 && errno != EAGAIN)
			log_error("mailbox: %m");
	}
}

void mailbox_drain(struct mailbox *m)
{
	struct work *w, *next;

	pthread_mutex_lock(&m->lock);
	w = m->first;
	m->first = NULL;
	m->last = &m->first;
	pthread_mutex_unlock(&m->lock);
	for (; w; w = next) {
		next = w->next;
		w->done(w);
	}
}

static void on_mail(void *arg, short what)
{
	struct mailbox *m = arg;
	uint64_t n;

	(void)what;
	if (read(m->fd, &n, sizeof n) < 0 && errno != EAGAIN)
		log_error("mailbox: %m");
	mailbox_drain(m);
	if (m->after)
		m->after(m->arg);
}

struct mailbox *mailbox_new(struct loop *loop, void (*after)(void *), void *arg)
{
	struct mailbox *m = mem_zalloc(sizeof *m);

	pthread_mutex_init(&m->lock, NULL);
	m->last = &m->first;
	m->after = after;
	m->arg = arg;
	m->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->fd < 0)
		log_fatal("eventfd: %m");
	watch_init(&m->watch, loop, m->fd, on_mail, m);
	watch_wait(&m->watch, LOOP_READ | LOOP_PERSIST, -1);
	return m;
}

void mailbox_free(struct mailbox *m)
{
	if (!m)
		return;
	watch_stop(&m->watch);
	close(m->fd);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

/* ---- pool -------------------------------------------------------------- */

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct work *first, **last;
	bool ending;
	atomic_uint pending;
	struct mailbox *home;
	unsigned threads;
	pthread_t thread[];
};

static void *worker(void *arg)
{
	struct pool *p = arg;

	for (;;) {
		struct work *w;
		bool back;

		pthread_mutex_lock(&p->lock);
		while (!p->first && !p->ending)
			pthread_cond_wait(&p->wake, &p->lock);
		w = p->first;
		if (!w) {
			pthread_mutex_unlock(&p->lock);
			return NULL;
		}
		p->first = w->next;
		if (!p->first)
			p->last = &p->first;
		pthread_mutex_unlock(&p->lock);
		back = w->done;         /* run may free work that does not */
		w->run(w);
		atomic_fetch_sub(&p->pending, 1);
		if (back)
			mailbox_post(p->home, w);
	}
}

struct pool *pool_new(struct mailbox *home, unsigned threads, const char *name)
{
	struct pool *p = mem_zalloc(sizeof *p + threads * sizeof p->thread[0]);

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	p->last = &p->first;
	p->home = home;
	for (p->threads = 0; p->threads < threads; p->threads++) {
		int e = thread_start(&p->thread[p->threads], name, worker, p);

		if (e) {
			errno = e;
			log_fatal("cannot start a thread: %m");
		}
	}
	return p;
}

void pool_submit(struct pool *p, struct work *w)
{
	w->next = NULL;
	atomic_fetch_add(&p->pending, 1);
	pthread_mutex_lock(&p->lock);
	*p->last = w;
	p->last = &w->next;
	pthread_mutex_unlock(&p->lock);
	pthread_cond_signal(&p->wake);  /* unlocked: it would only wait for the lock */
}

unsigned pool_pending(const struct pool *p)
{
	return atomic_load(&p->pending);
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->threads; i++)
		pthread_join(p->thread[i], NULL);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
