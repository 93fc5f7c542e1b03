/* SPDX-License-Identifier: Apache-2.0
 *
 * The event loop: libevent behind a few names of our own, because its struct
 * event is not the core's. */
#ifndef SLURMCTLD_LOOP_H
#define SLURMCTLD_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

enum { LOOP_TIMEOUT = 1, LOOP_READ = 2, LOOP_WRITE = 4, LOOP_SIGNAL = 8, LOOP_PERSIST = 16 };

/* A file descriptor, a timer or a signal being waited for.  Lives in its
 * owner's record; the owner stops it before the record goes. */
struct watch {
	void (*fn)(void *arg, short what);
	void *arg;
	struct loop *loop;
	int fd;
	bool armed;
	uint64_t opaque[24];
};

struct loop *loop_new(void);
void loop_free(struct loop *l);
void loop_run(struct loop *l);          /* until loop_break */
void loop_break(struct loop *l);
void loop_break_in(struct loop *l, int64_t usec);

/* fd -1: a timer. */
void watch_init(struct watch *w, struct loop *l, int fd, void (*fn)(void *, short), void *arg);
/* Wait for what (replaces an earlier wait); usec < 0: no time limit. */
void watch_wait(struct watch *w, short what, int64_t usec);
void watch_stop(struct watch *w);
void watch_signal(struct watch *w, struct loop *l, int signo, void (*fn)(void *, short),
		  void *arg);

#endif
