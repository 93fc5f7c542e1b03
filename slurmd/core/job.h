/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of jobs on one node, as a pure state machine: when the prolog runs
 * and who waits for it, when steps may start, how a job ends.  Events come in,
 * effects come out; requests are known by number only.  No clock, no I/O.
 *
 *   prolog:  NONE -> AWAITED -> RUNNING -> EXTERN -> DONE | FAILED
 *            (AWAITED: PrologFlags=Alloc, the controller will ask for it;
 *             EXTERN: PrologFlags=Contain, the extern step is starting)
 *   end:     NO -> ASKED -> STEPS -> EPILOG -> DONE
 *            (ASKED: the prolog still runs; STEPS: told to end, not gone yet) */
#ifndef SLURMD_CORE_JOB_H
#define SLURMD_CORE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nj_prolog { PRO_NONE, PRO_AWAITED, PRO_RUNNING, PRO_EXTERN, PRO_DONE, PRO_FAILED };
enum nj_end { END_NO, END_ASKED, END_STEPS, END_EPILOG, END_DONE };

/* How a job is asked to end. */
enum nj_how { HOW_TERMINATE, HOW_ABORT, HOW_TIMELIMIT, HOW_PREEMPT, HOW_KILL };

/* From the configuration in force; passed with every event. */
struct nj_policy {
	bool has_prolog, has_epilog;
	bool prolog_alloc, prolog_contain;      /* PrologFlags */
	uint32_t kill_wait_sec;
	uint32_t prolog_wait_sec;               /* for the controller's request */
	uint32_t unkillable_sec;
	uint32_t forget_sec;                    /* ended jobs are remembered */
};

enum nj_event_type {
	NJ_PROLOG_ASKED,        /* the controller: run the prolog */
	NJ_PROLOG_ENDED,        /* code: 0 or a wire error */
	NJ_LAUNCH,              /* a step or batch script wants to start */
	NJ_STEP_UP,             /* ref 0: found running at start */
	NJ_STEP_FAILED,         /* code: why it did not start */
	NJ_STEP_GONE,
	NJ_END,                 /* how */
	NJ_EPILOG_ENDED,        /* code */
	NJ_TIMER
};
struct nj_event {
	enum nj_event_type type;
	uint32_t job_id;
	uint32_t ref;           /* request number, 0 none */
	uint32_t code;
	enum nj_how how;
	bool batch;             /* NJ_LAUNCH: answered at once, fails later */
};

enum nj_effect_type {
	NJE_RUN_PROLOG, NJE_PROLOG_REPORT,      /* code: result for the controller */
	NJE_START, NJE_START_EXTERN,
	NJE_REPLY,                              /* code */
	NJE_LAUNCH_FAILED,                      /* answered batch job will not run: code */
	NJE_STEPS_END,                          /* how */
	NJE_RUN_EPILOG, NJE_EPILOG_COMPLETE,    /* code */
	NJE_DROP,                               /* request no longer needed */
	NJE_TIMER,                              /* code: milliseconds from now, 0 off */
	NJE_FORGET
};
struct nj_effect {
	enum nj_effect_type type;
	uint32_t job_id, ref, code;
	enum nj_how how;
};
struct nj_effects {
	struct nj_effect *v;
	size_t count, cap;
};
void nj_effects_fini(struct nj_effects *e);

struct nj_jobs;                                 /* every job of the node */
struct nj_jobs *nj_jobs_new(void);
void nj_jobs_free(struct nj_jobs *j);           /* NULL is a no-op */

/* Advance.  Appends to *out. */
void nj_step(struct nj_jobs *j, const struct nj_policy *p, const struct nj_event *ev,
	     struct nj_effects *out);

/* For tests and status; NULL when unknown. */
struct nj_state {
	enum nj_prolog prolog;
	enum nj_end end;
	uint32_t running, starting, waiting;
};
bool nj_state(const struct nj_jobs *j, uint32_t job_id, struct nj_state *out);

#endif
