/* SPDX-License-Identifier: Apache-2.0
 *
 * See pool.h.  The queue's mutex is the only lock of slurmd besides the one
 * of the controller's address (ctld.c). */
#include "slurmd/pool.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "wire/base/log.h"
#include "wire/base/mem.h"

struct fifo {
	struct task *head, **tail;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct fifo todo, finished;
	int wake;                       /* eventfd: something is finished */
	bool stop;
	struct event *ev;
};

static void fifo_put(struct fifo *f, struct task *t)
{
	t->next = NULL;
	*f->tail = t;
	f->tail = &t->next;
}

static struct task *fifo_take(struct fifo *f)
{
	struct task *t = f->head;

	if (t) {
		f->head = t->next;
		if (!f->head)
			f->tail = &f->head;
	}
	return t;
}

static void *worker(void *arg)
{
	struct pool *p = arg;
	const uint64_t one = 1;

	for (;;) {
		struct task *t;

		pthread_mutex_lock(&p->lock);
		while (!p->stop && !p->todo.head)
			pthread_cond_wait(&p->work, &p->lock);
		t = p->stop ? NULL : fifo_take(&p->todo);
		pthread_mutex_unlock(&p->lock);
		if (!t)
			return NULL;
		t->run(t);
		pthread_mutex_lock(&p->lock);
		fifo_put(&p->finished, t);
		pthread_mutex_unlock(&p->lock);
		while (write(p->wake, &one, sizeof one) < 0)
			;
	}
}

static void on_finished(evutil_socket_t fd, short what, void *arg)
{
	struct pool *p = arg;
	struct task *t, *next;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof n) < 0)
		return;
	pthread_mutex_lock(&p->lock);
	t = p->finished.head;
	p->finished.head = NULL;
	p->finished.tail = &p->finished.head;
	pthread_mutex_unlock(&p->lock);
	for (; t; t = next) {
		next = t->next;
		t->done(t);
	}
}

struct pool *pool_new(struct event_base *base, unsigned threads)
{
	struct pool *p = mem_zalloc(sizeof *p);
	pthread_attr_t a;
	sigset_t all, old;

	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	p->todo.tail = &p->todo.head;
	p->finished.tail = &p->finished.head;
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake < 0)
		log_fatal("eventfd: %m");
	p->ev = event_new(base, p->wake, EV_READ | EV_PERSIST, on_finished, p);
	event_add(p->ev, NULL);
	pthread_attr_init(&a);
	pthread_attr_setstacksize(&a, 512 * 1024);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);                       /* signals are the loop's business */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned k = 0; k < threads; k++) {
		pthread_t id;

		if (pthread_create(&id, &a, worker, p))
			log_fatal("cannot create a thread: %m");
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&a);
	return p;
}

void pool_submit(struct pool *p, struct task *t)
{
	pthread_mutex_lock(&p->lock);
	fifo_put(&p->todo, t);
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
}

void pool_stop(struct pool *p)
{
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
}
