/* SPDX-License-Identifier: Apache-2.0
 *
 * libevent, and nothing else of the project. */
#include "slurmctld/loop.h"

#include <event2/event.h>
#include <event2/event_struct.h>
#include <signal.h>
#include <stdlib.h>

#include "wire/base/log.h"
#include "wire/base/mem.h"

struct loop {
	struct event_base *base;
};

_Static_assert(sizeof(struct event) <= sizeof(((struct watch *)0)->opaque), "room for an event");

static struct event *ev(struct watch *w)
{
	return (struct event *)(void *)w->opaque;
}

struct loop *loop_new(void)
{
	struct loop *l = mem_zalloc(sizeof *l);
	struct event_config *cfg = event_config_new();

	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (!l->base)
		log_fatal("cannot make an event loop: %m");
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	event_base_free(l->base);
	free(l);
}

void loop_run(struct loop *l)
{
	event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_break(struct loop *l)
{
	event_base_loopbreak(l->base);
}

void loop_break_in(struct loop *l, int64_t usec)
{
	struct timeval tv = { usec / 1000000, usec % 1000000 };

	event_base_loopexit(l->base, &tv);
}

static void fire(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	w->fn(w->arg, what);
}

void watch_init(struct watch *w, struct loop *l, int fd, void (*fn)(void *, short), void *arg)
{
	w->fn = fn;
	w->arg = arg;
	w->loop = l;
	w->fd = fd;
	w->armed = false;
}

void watch_wait(struct watch *w, short what, int64_t usec)
{
	struct timeval tv = { usec / 1000000, usec % 1000000 };

	watch_stop(w);
	event_assign(ev(w), w->loop->base, w->fd, what, fire, w);
	event_add(ev(w), usec < 0 ? NULL : &tv);
	w->armed = true;
}

void watch_stop(struct watch *w)
{
	if (w->armed)
		event_del(ev(w));
	w->armed = false;
}

void watch_signal(struct watch *w, struct loop *l, int signo, void (*fn)(void *, short),
		  void *arg)
{
	watch_init(w, l, signo, fn, arg);
	event_assign(ev(w), l->base, signo, EV_SIGNAL | EV_PERSIST, fire, w);
	event_add(ev(w), NULL);
	w->armed = true;
}
