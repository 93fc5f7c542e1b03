/* SPDX-License-Identifier: Apache-2.0
 *
 * The step daemons of this node, whoever started them: known by their sockets,
 * watched through their process descriptors. */
#ifndef SLURMD_STEPS_H
#define SLURMD_STEPS_H

#include "slurmd/daemon.h"
#include "slurmd/stepd_api.h"

struct step {
	struct step *next;
	struct daemon *d;
	uint32_t job_id, step_id, het_comp;
	uint32_t uid;
	pid_t pid;                      /* of slurmstepd; 0 while it starts */
	bool up;
	bool stock;                     /* its slurmstepd is Slurm's own, from before us */
	int pidfd;
	struct event *ev;
};

struct steps *steps_new(void);
/* A step is about to start; NULL when there is one of that name already. */
struct step *steps_reserve(struct daemon *d, uint32_t job_id, uint32_t step_id,
			   uint32_t het_comp, uint32_t uid);
void steps_drop(struct daemon *d, struct step *s);      /* it did not start */
/* It runs: watch it; its end becomes an event of the job. */
void steps_up(struct daemon *d, struct step *s, pid_t pid);
struct step *steps_first(const struct daemon *d);
struct step *steps_find(const struct daemon *d, uint32_t job_id, uint32_t step_id,
			uint32_t het_comp);
/* Any step of the job; its owner is the job's. */
const struct step *steps_of_job(const struct daemon *d, uint32_t job_id);

/* At start: take over the steps whose sockets answer; end: or end them, and
 * clear what they left. */
void steps_scan(struct daemon *d, bool end);

/* Ask several steps the same question, each in a worker's time; done runs in
 * the loop when all have answered or failed. */
struct ask {
	struct task task;
	struct daemon *d;
	struct site *site;
	struct arena mem;
	struct stepd_request q;
	uint32_t (*ids)[4];             /* job, step, het of each; is it stock's */
	struct stepd_reply *replies;
	enum err *results;
	uint32_t count, cap;
	int timeout_ms;
	void (*done)(struct ask *a);    /* NULL: nobody waits */
	void *arg;
};
struct ask *ask_new(struct daemon *d, enum stepd_op op, uint32_t uid);
void ask_add(struct ask *a, const struct step *s);
void ask_start(struct ask *a);
void ask_free(struct ask *a);            /* instead of starting it */

#endif
