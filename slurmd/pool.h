/* SPDX-License-Identifier: Apache-2.0
 *
 * A few threads for work that blocks: munge, step daemons, the controller.
 * Tasks go in from the loop thread; each comes back to it when it has run. */
#ifndef SLURMD_POOL_H
#define SLURMD_POOL_H

struct event_base;

/* Embed in what the task works on. */
struct task {
	void (*run)(struct task *t);    /* in a worker */
	void (*done)(struct task *t);   /* in the loop; the task may be freed */
	struct task *next;
};

struct pool;
struct pool *pool_new(struct event_base *base, unsigned threads);
void pool_submit(struct pool *p, struct task *t);
/* Tell the threads to stop after what they do now; does not wait for them:
 * they may be inside a call that takes its time. */
void pool_stop(struct pool *p);

/* The structure of type that holds this task. */
#define task_of(t, type, member) ((type *)(void *)((char *)(t) - offsetof(type, member)))

#endif
