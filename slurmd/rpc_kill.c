/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals, suspension and the end of steps and jobs. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "slurmd/ended.h"
#include "slurmd/jobs.h"
#include "slurmd/rpc.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"

#define KILL_JOB_BATCH  0x01u           /* flags of cancel_tasks_msg */
#define KILL_STEPS_ONLY 0x04u
#define KILL_FULL_JOB   0x08u

#define STARTING_PAUSE_MS 20            /* signals wait for a step that starts */
#define STARTING_TRIES    250

#define SUSPEND_JOB 0
#define RESUME_JOB  1

static void job_end(struct req *q, enum nj_how how)
{
	const struct kill_job_msg *m = q->body;
	struct nj_event ev = { .type = NJ_END, .job_id = m->step_id.job_id, .ref = q->ref,
			       .how = how };

	log_debug("%s for job %u, uid = %u", q->type->name, ev.job_id, q->who.uid);
	q->job_id = ev.job_id;
	q->cred = m->has_cred ? &m->cred.cred : NULL;
	cred_cache_revoke(q->d->creds, ev.job_id, (time_t)m->time, time(NULL));
	ended_add(q->d, ev.job_id, (time_t)m->time);
	req_ref(q);
	jobs_event(q->d, &ev);
}

void rpc_terminate_job(struct req *q)
{
	job_end(q, HOW_TERMINATE);
}

void rpc_abort_job(struct req *q)
{
	job_end(q, HOW_ABORT);
}

/* One step of the job is over its limit. */
static void step_limit(struct req *q, enum nj_how how)
{
	const struct kill_job_msg *m = q->body;
	struct step *s = steps_find(q->d, m->step_id.job_id, m->step_id.step_id,
				    m->step_id.step_het_comp);
	char when[32];
	time_t now = time(NULL);
	struct tm tm;
	struct ask *a;

	req_answer_rc(q, 0);
	if (!s)
		return;
	strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", localtime_r(&now, &tm));
	a = ask_new(q->d, STEPD_TIMELIMIT, q->who.uid);
	a->q.signal = how == HOW_TIMELIMIT ? 0 : 1;
	a->q.text = arena_printf(&a->mem, "*** STEP %u.%u ON %s CANCELLED AT %s DUE TO %s ***",
				 s->job_id, s->step_id, q->site->name, when,
				 how == HOW_TIMELIMIT ? "TIME LIMIT" : "PREEMPTION");
	ask_add(a, s);
	ask_start(a);
}

static void limit(struct req *q, enum nj_how how)
{
	const struct kill_job_msg *m = q->body;

	if (m->step_id.step_id != NO_VAL)
		step_limit(q, how);
	else
		job_end(q, how);
}

void rpc_time_limit(struct req *q)
{
	limit(q, HOW_TIMELIMIT);
}

void rpc_preempted(struct req *q)
{
	limit(q, HOW_PREEMPT);
}

/* 0, or why this sender may not touch the job. */
static enum err owner_check(const struct req *q, uint32_t job_id)
{
	const struct step *s = steps_of_job(q->d, job_id);

	if (!s)
		return E_INVALID_JOB_ID;
	if (q->who.uid != s->uid && !site_trusts(q->site, q->who.uid)) {
		log_debug("%s from uid %u for job %u owned by uid %u", q->type->name,
			  q->who.uid, job_id, s->uid);
		return E_USER_ID_MISSING;
	}
	return E_OK;
}

/* Which steps a signal of these flags is for. */
static bool signal_meant(const struct cancel_tasks_msg *m, const struct step *s)
{
	bool batch = s->step_id == STEP_BATCH;

	if (s->job_id != m->step_id.job_id)
		return false;
	if (m->flags & (KILL_FULL_JOB | KILL_JOB_BATCH))
		return batch;
	if (m->flags & KILL_STEPS_ONLY)
		return !batch;
	return s->step_id == m->step_id.step_id &&
	       (s->het_comp == m->step_id.step_het_comp ||
		m->step_id.step_het_comp == NO_VAL);
}

static void asked_done(struct ask *a)
{
	struct req *q = a->arg;
	enum err e = a->count ? E_D_JOB_NOTRUNNING : E_INVALID_JOB_ID;

	for (uint32_t k = 0; k < a->count; k++)
		if (e && k == 0)
			e = a->results[0];
		else if (!a->results[k])
			e = E_OK;
	req_answer_rc(q, (uint32_t)e);
	req_flush(q);
	req_unref(q);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct req *q = arg;

	(void)fd;
	(void)what;
	q->rpc->serve(q);
	if (q->answered)
		req_flush(q);
	req_unref(q);
}

/* The step is not there yet, but will be in a moment. */
static void tasks_later(struct req *q)
{
	struct timeval moment = { .tv_usec = STARTING_PAUSE_MS * 1000 };

	event_base_once(q->d->base, -1, EV_TIMEOUT, on_later, req_ref(q), &moment);
}

static void tasks_ask(struct req *q, enum stepd_op op)
{
	const struct cancel_tasks_msg *m = q->body;
	enum err e = owner_check(q, m->step_id.job_id);
	bool whole = m->flags & (KILL_FULL_JOB | KILL_JOB_BATCH | KILL_STEPS_ONLY);
	bool starting = false;
	struct ask *a;

	if (e) {
		req_answer_rc(q, (uint32_t)e);
		return;
	}
	a = ask_new(q->d, op, q->who.uid);
	if (op == STEPD_SIGNAL) {
		a->q.signal = m->signal;
		a->q.flags = m->flags;
	} else {
		a->q.signal = SIGKILL;
	}
	for (struct step *s = steps_first(q->d); s; s = s->next) {
		if (!signal_meant(m, s))
			continue;
		starting |= !s->up;
		ask_add(a, s);
	}
	if (starting && q->tries++ < STARTING_TRIES) {
		ask_free(a);
		tasks_later(q);
		return;
	}
	if (starting)                   /* the sender shall try again */
		req_answer_rc(q, E_TRANSITION_STATE_NO_UPDATE);
	else if (!a->count)
		req_answer_rc(q, whole ? 0 : E_INVALID_JOB_ID);
	a->done = asked_done;
	a->arg = req_ref(q);
	ask_start(a);
}

void rpc_signal_tasks(struct req *q)
{
	tasks_ask(q, STEPD_SIGNAL);
}

void rpc_terminate_tasks(struct req *q)
{
	tasks_ask(q, STEPD_TERMINATE);
}

void rpc_suspend(struct req *q)
{
	const struct suspend_int_msg *m = q->body;
	struct ask *a;

	if (m->op != SUSPEND_JOB && m->op != RESUME_JOB) {
		log_error("REQUEST_SUSPEND_INT: bad op code %u", m->op);
		req_answer_rc(q, E_NOT_SUPPORTED);
		return;
	}
	req_answer_rc(q, 0);            /* the controller does not wait for the steps */
	a = ask_new(q->d, m->op == SUSPEND_JOB ? STEPD_SUSPEND : STEPD_RESUME, q->who.uid);
	for (struct step *s = steps_first(q->d); s; s = s->next)
		if (s->job_id == m->step_id.job_id)
			ask_add(a, s);
	if (!a->count)
		log_debug2("No steps in jobid %u to suspend/resume", m->step_id.job_id);
	ask_start(a);
}
