/* SPDX-License-Identifier: Apache-2.0
 *
 * See jobs.h.  A request that the core knows by number is kept alive by a
 * reference of ours from the event that names it to the effect that drops it. */
#include "slurmd/jobs.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "slurmd/ctld.h"
#include "slurmd/prep.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"
#include "wire/states.h"

#define PROLOG_ALLOC   0x01u    /* PrologFlags */
#define PROLOG_NO_HOLD 0x02u
#define PROLOG_CONTAIN 0x04u
#define PROLOG_SERIAL  0x08u

#define JOB_STATE_PENDING   0u  /* a job that ends in this state is requeued */
#define JOB_STATE_FAILED    5u
#define JOB_STATE_NODE_FAIL 7u

struct job_timer {
	struct job_timer *next;
	struct daemon *d;
	uint32_t job_id;
	struct event *ev;
};

/* One prolog or epilog, waiting for its turn (PrologFlags=Serial) or running. */
struct script {
	struct script *next;
	struct req *q;
	bool epilog;
};

struct job_shell {
	struct job_timer *timers;
	struct script *waiting;
	unsigned scripts;               /* running */
	/* the core emits into this; a nested event appends */
	struct nj_effects todo;
	size_t at;
	bool busy;
};

struct job_shell *jobs_new(struct daemon *d)
{
	(void)d;
	return mem_zalloc(sizeof(struct job_shell));
}

static struct nj_policy policy(const struct daemon *d)
{
	const struct conf *c = d->site->conf;

	return (struct nj_policy){
		.has_prolog = c->prolog.count > 0,
		.has_epilog = c->epilog.count > 0,
		.prolog_alloc = c->prologflags & PROLOG_ALLOC,
		.prolog_contain = c->prologflags & PROLOG_CONTAIN,
		.kill_wait_sec = c->killwait,
		.prolog_wait_sec = 2u * c->messagetimeout,
		.unkillable_sec = c->unkillablesteptimeout,
		.forget_sec = 120,
	};
}

/* ---- timers ------------------------------------------------------------ */

static void timer_free(struct daemon *d, uint32_t job_id)
{
	struct job_timer **p = &d->shell->timers, *t;

	while (*p && (*p)->job_id != job_id)
		p = &(*p)->next;
	t = *p;
	if (!t)
		return;
	*p = t->next;
	event_free(t->ev);
	free(t);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct job_timer *t = arg;
	struct daemon *d = t->d;
	struct nj_event ev = { .type = NJ_TIMER, .job_id = t->job_id };

	(void)fd;
	(void)what;
	timer_free(d, ev.job_id);
	jobs_event(d, &ev);
}

static void timer_set(struct daemon *d, uint32_t job_id, uint32_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
	struct job_timer *t;

	timer_free(d, job_id);
	if (!ms)
		return;
	t = mem_zalloc(sizeof *t);
	t->d = d;
	t->job_id = job_id;
	t->ev = event_new(d->base, -1, 0, on_timer, t);
	t->next = d->shell->timers;
	d->shell->timers = t;
	event_add(t->ev, &tv);
}

/* ---- scripts ----------------------------------------------------------- */

static void script_next(struct daemon *d);

struct script_end {
	struct daemon *d;
	uint32_t job_id;
	bool epilog;
};

static void script_done(void *arg, enum err e)
{
	struct script_end *s = arg;
	struct nj_event ev = { .type = s->epilog ? NJ_EPILOG_ENDED : NJ_PROLOG_ENDED,
			       .job_id = s->job_id, .code = (uint32_t)e };
	struct daemon *d = s->d;

	if (s->epilog && !e)
		log_debug("completed epilog for jobid %u", s->job_id);
	free(s);
	d->shell->scripts--;
	jobs_event(d, &ev);
	script_next(d);
}

static void script_next(struct daemon *d)
{
	struct job_shell *s = d->shell;
	bool serial = d->site->conf->prologflags & PROLOG_SERIAL;

	while (s->waiting && (!serial || !s->scripts)) {
		struct script *w = s->waiting;
		struct script_end *end = mem_zalloc(sizeof *end);

		s->waiting = w->next;
		*end = (struct script_end){ d, w->q->job_id, w->epilog };
		s->scripts++;
		prep_run(w->q, w->epilog, script_done, end);
		req_unref(w->q);
		free(w);
	}
}

static void script_queue(struct req *q, bool epilog)
{
	struct script *w = mem_zalloc(sizeof *w), **p = &q->d->shell->waiting;

	w->q = req_ref(q);
	w->epilog = epilog;
	while (*p)
		p = &(*p)->next;
	*p = w;
	script_next(q->d);
}

/* ---- ending steps ------------------------------------------------------ */

/* What users find in the output of a job that was ended from outside. */
/* What the step says of its end: the place in slurmstepd's list. */
static bool end_word(uint32_t state, enum nj_how how, uint32_t *out)
{
	if (how == HOW_TIMELIMIT)
		*out = 0;
	else if (how == HOW_PREEMPT)
		*out = 1;
	else if (state == JOB_STATE_NODE_FAIL)
		*out = 2;
	else if (how == HOW_TERMINATE && state == JOB_STATE_PENDING)
		*out = 3;
	else
		return false;
	return true;
}

static void step_end(struct daemon *d, const struct step *s, const struct req *q,
		     enum nj_how how)
{
	const struct kill_job_msg *m = q ? q->body : NULL;
	uint32_t state = m ? m->job_state & JOB_STATE_BASE : NO_VAL;
	bool at_once = how == HOW_ABORT || how == HOW_KILL;
	uint32_t word;
	struct ask *a;

	if (!at_once && end_word(state, how, &word)) {
		a = ask_new(d, STEPD_TIMELIMIT, 0);
		a->q.signal = word;
	} else {
		a = ask_new(d, STEPD_TERMINATE, 0);
		a->q.signal = at_once ? SIGKILL : 0;
	}
	a->q.flags = KILL_FULL_JOB;
	ask_add(a, s);
	ask_start(a);
}

static void steps_end(struct daemon *d, uint32_t job_id, const struct req *q,
		      enum nj_how how)
{
	if (how == HOW_KILL)
		log_error("steps of job %u have not ended in time, killing them again", job_id);
	for (struct step *s = steps_first(d); s; s = s->next)
		if (s->job_id == job_id && s->up)
			step_end(d, s, q, how);
}

/* ---- effects ----------------------------------------------------------- */

/* The number under which the controller knows a component of a het job. */
static uint32_t leader_id(const struct req *q)
{
	struct prep_job j;

	if (prep_job_fill(q, &j) && j.het_job_id && j.het_job_id != NO_VAL)
		return j.het_job_id;
	return q->job_id;
}

static void prolog_report(struct daemon *d, struct req *q, uint32_t code)
{
	if (!(q->site->conf->prologflags & PROLOG_NO_HOLD))
		ctld_prolog_complete(d, q->job_id, code);
	if (!code)
		return;
	cred_cache_revoke(d->creds, q->job_id, time(NULL), time(NULL));
	ctld_launch_failed(d, leader_id(q), code);
}

static void reply(struct req *q, uint32_t code)
{
	if (q->frame.header.type == REQUEST_LAUNCH_TASKS) {
		req_answer_rc_msg(q, code, q->why);
		/* Nobody but srun would hear of it: the controller drains us. */
		if (code == E_D_PROLOG_FAILED)
			register_send(q->d, code, false);
	} else {
		req_answer_rc(q, code);
	}
	req_flush(q);
}

/* A launch that never came to be gives its place in the table back. */
static void request_drop(struct daemon *d, struct req *q)
{
	uint16_t type = q->frame.header.type;
	struct step *s = NULL;

	if (type == REQUEST_LAUNCH_TASKS || type == REQUEST_BATCH_JOB_LAUNCH)
		s = steps_find(d, q->job_id, q->step_id, q->het_comp);
	if (s && !s->up)
		steps_drop(d, s);
	req_unref(q);
}

static void effect_run(struct daemon *d, const struct nj_effect *e)
{
	struct req *q = e->ref ? req_find(d, e->ref) : NULL;

	switch (e->type) {
	case NJE_RUN_PROLOG:
		if (q)
			script_queue(q, false);
		break;
	case NJE_PROLOG_REPORT:
		if (q)
			prolog_report(d, q, e->code);
		break;
	case NJE_START:
	case NJE_START_EXTERN:
		if (q)
			launch_start(q, e->type == NJE_START_EXTERN);
		break;
	case NJE_REPLY:
		if (q)
			reply(q, e->code);
		break;
	case NJE_LAUNCH_FAILED:
		if (q)
			ctld_launch_failed(d, leader_id(q), e->code);
		break;
	case NJE_STEPS_END:
		steps_end(d, e->job_id, q, e->how);
		break;
	case NJE_RUN_EPILOG:
		if (q)
			script_queue(q, true);
		break;
	case NJE_EPILOG_COMPLETE:
		ctld_epilog_complete(d, e->job_id, e->code);
		break;
	case NJE_DROP:
		if (q)
			request_drop(d, q);
		break;
	case NJE_TIMER:
		timer_set(d, e->job_id, e->code);
		break;
	case NJE_FORGET:
		timer_free(d, e->job_id);
		break;
	}
}

void jobs_event(struct daemon *d, const struct nj_event *ev)
{
	struct job_shell *s = d->shell;
	struct nj_policy p = policy(d);

	nj_step(d->jobs, &p, ev, &s->todo);
	if (s->busy)
		return;                         /* the outer call goes on with ours */
	s->busy = true;
	while (s->at < s->todo.count) {
		struct nj_effect e = s->todo.v[s->at++];

		effect_run(d, &e);
	}
	s->at = 0;
	s->todo.count = 0;
	s->busy = false;
}
