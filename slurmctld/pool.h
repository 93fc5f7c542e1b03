/* SPDX-License-Identifier: Apache-2.0
 *
 * Worker threads and the way back to the main thread.
 *
 * A struct work travels: the main thread submits it, a worker runs it, the
 * main thread gets it back.  Between the two hand-overs it belongs to exactly
 * one thread, so its content needs no lock. */
#ifndef SLURMCTLD_POOL_H
#define SLURMCTLD_POOL_H

#include <pthread.h>

#include "slurmctld/loop.h"

struct work {
	void (*run)(struct work *w);    /* in a worker */
	void (*done)(struct work *w);   /* in the main thread; NULL: run ends it */
	struct work *next;
};

/* Where threads leave finished work for the main thread. */
struct mailbox;
/* after (may be NULL) runs once after each batch of letters. */
struct mailbox *mailbox_new(struct loop *loop, void (*after)(void *), void *arg);
void mailbox_free(struct mailbox *m);
void mailbox_post(struct mailbox *m, struct work *w);   /* any thread */
/* Handle what is there now; from the main thread. */
void mailbox_drain(struct mailbox *m);

struct pool;
struct pool *pool_new(struct mailbox *home, unsigned threads, const char *name);
void pool_submit(struct pool *p, struct work *w);
/* Work submitted and not yet given back. */
unsigned pool_pending(const struct pool *p);
/* Ends the threads after what is queued was run.  Finished work is still in
 * the mailbox. */
void pool_free(struct pool *p);

/* A thread with a small stack, named, signals blocked.  errno or 0. */
int thread_start(pthread_t *t, const char *name, void *(*fn)(void *), void *arg);

#endif
