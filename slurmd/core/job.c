/* SPDX-License-Identifier: Apache-2.0
 *
 * See job.h.  Keeps: every request named in an event is dropped or answered
 * exactly once; the prolog has ended before a step starts; the epilog runs
 * after the last step is gone, once.  May not: read a clock, log, do I/O. */
#include "slurmd/core/job.h"

#include <stdlib.h>
#include <string.h>

#include "wire/base/err.h"
#include "wire/base/mem.h"

struct waiter {
	uint32_t ref;
	bool batch;
};

struct njob {
	uint32_t job_id;
	enum nj_prolog prolog;
	enum nj_end end;
	enum nj_how how;
	uint32_t running, starting;
	uint32_t prolog_ref;            /* the controller's request to report on */
	uint32_t end_ref;               /* request with the epilog's facts */
	bool end_quiet;                 /* nobody waits for the epilog's message */
	struct waiter *wait;
	uint32_t wait_count, wait_cap;
};

struct nj_jobs {
	struct njob **v;
	size_t count, cap;
};

struct nj_jobs *nj_jobs_new(void)
{
	return mem_zalloc(sizeof(struct nj_jobs));
}

static void job_free(struct njob *b)
{
	free(b->wait);
	free(b);
}

void nj_jobs_free(struct nj_jobs *j)
{
	if (!j)
		return;
	for (size_t k = 0; k < j->count; k++)
		job_free(j->v[k]);
	free(j->v);
	free(j);
}

void nj_effects_fini(struct nj_effects *e)
{
	free(e->v);
	memset(e, 0, sizeof *e);
}

static struct njob *job_find(const struct nj_jobs *j, uint32_t job_id)
{
	for (size_t k = 0; k < j->count; k++)
		if (j->v[k]->job_id == job_id)
			return j->v[k];
	return NULL;
}

static struct njob *job_get(struct nj_jobs *j, uint32_t job_id)
{
	struct njob *b = job_find(j, job_id);

	if (b)
		return b;
	if (j->count == j->cap) {
		j->cap = j->cap ? 2 * j->cap : 8;
		j->v = mem_realloc(j->v, j->cap * sizeof *j->v);
	}
	b = mem_zalloc(sizeof *b);
	b->job_id = job_id;
	j->v[j->count++] = b;
	return b;
}

static void job_forget(struct nj_jobs *j, struct njob *b)
{
	for (size_t k = 0; k < j->count; k++) {
		if (j->v[k] != b)
			continue;
		j->v[k] = j->v[--j->count];
		job_free(b);
		return;
	}
}

bool nj_state(const struct nj_jobs *j, uint32_t job_id, struct nj_state *out)
{
	const struct njob *b = job_find(j, job_id);

	if (!b)
		return false;
	*out = (struct nj_state){ b->prolog, b->end, b->running, b->starting, b->wait_count };
	return true;
}

/* ---- effects ----------------------------------------------------------- */

struct run {                    /* one call of nj_step */
	const struct nj_policy *p;
	struct nj_effects *out;
	struct njob *b;
};

static struct nj_effect *emit(struct run *r, enum nj_effect_type type, uint32_t ref,
			      uint32_t code)
{
	struct nj_effects *o = r->out;
	struct nj_effect *e;

	if (o->count == o->cap) {
		o->cap = o->cap ? 2 * o->cap : 8;
		o->v = mem_realloc(o->v, o->cap * sizeof *o->v);
	}
	e = &o->v[o->count++];
	*e = (struct nj_effect){ .type = type, .job_id = r->b->job_id, .ref = ref,
				 .code = code };
	return e;
}

static void emit_how(struct run *r, enum nj_how how)
{
	emit(r, NJE_STEPS_END, r->b->end_ref, 0)->how = how;
}

static void timer(struct run *r, uint32_t sec)
{
	emit(r, NJE_TIMER, 0, sec > 4000000 ? 4000000000u : sec * 1000);
}

static void reply_drop(struct run *r, uint32_t ref, uint32_t code)
{
	emit(r, NJE_REPLY, ref, code);
	emit(r, NJE_DROP, ref, 0);
}

/* ---- starting ---------------------------------------------------------- */

static void wait_add(struct njob *b, uint32_t ref, bool batch)
{
	if (b->wait_count == b->wait_cap) {
		b->wait_cap = b->wait_cap ? 2 * b->wait_cap : 4;
		b->wait = mem_realloc(b->wait, b->wait_cap * sizeof *b->wait);
	}
	b->wait[b->wait_count++] = (struct waiter){ ref, batch };
}

/* Everyone who waited for the prolog starts, or learns why not. */
static void wait_release(struct run *r, uint32_t code)
{
	struct njob *b = r->b;

	for (uint32_t k = 0; k < b->wait_count; k++) {
		struct waiter w = b->wait[k];

		if (!code) {
			b->starting++;
			emit(r, NJE_START, w.ref, 0);
		} else if (w.batch) {
			emit(r, NJE_LAUNCH_FAILED, w.ref, code);
			emit(r, NJE_DROP, w.ref, 0);
		} else {
			reply_drop(r, w.ref, code);
		}
	}
	b->wait_count = 0;
}

static void end_proceed(struct run *r);

static void prolog_finish(struct run *r, uint32_t code)
{
	struct njob *b = r->b;

	b->prolog = code ? PRO_FAILED : PRO_DONE;
	if (b->prolog_ref) {
		emit(r, NJE_PROLOG_REPORT, b->prolog_ref, code);
		emit(r, NJE_DROP, b->prolog_ref, 0);
		b->prolog_ref = 0;
	}
	if (b->end == END_ASKED) {
		wait_release(r, E_D_CREDENTIAL_REVOKED);
		end_proceed(r);
	} else {
		wait_release(r, code);
	}
}

static void prolog_ran(struct run *r, uint32_t code)
{
	struct njob *b = r->b;

	if (!code && r->p->prolog_contain && b->prolog_ref && b->end == END_NO) {
		b->prolog = PRO_EXTERN;
		b->starting++;
		emit(r, NJE_START_EXTERN, b->prolog_ref, 0);
		return;
	}
	prolog_finish(r, code);
}

static void prolog_begin(struct run *r, uint32_t ref)
{
	if (r->p->has_prolog) {
		r->b->prolog = PRO_RUNNING;
		emit(r, NJE_RUN_PROLOG, ref, 0);
	} else {
		prolog_ran(r, 0);
	}
}

/* The same job id comes back after its end: a requeued job. */
static void reopen(struct run *r)
{
	struct njob *b = r->b;

	if (b->end != END_DONE)
		return;
	b->prolog = PRO_NONE;
	b->end = END_NO;
	b->end_quiet = false;
	emit(r, NJE_TIMER, 0, 0);
}

static void on_prolog_asked(struct run *r, const struct nj_event *ev)
{
	struct njob *b = r->b;

	reopen(r);
	if (b->end != END_NO) {         /* came too late: nothing to prepare */
		emit(r, NJE_PROLOG_REPORT, ev->ref, 0);
		emit(r, NJE_DROP, ev->ref, 0);
		return;
	}
	switch (b->prolog) {
	case PRO_AWAITED:
		timer(r, 0);
		/* fall through */
	case PRO_NONE:
		b->prolog_ref = ev->ref;
		prolog_begin(r, ev->ref);
		return;
	case PRO_RUNNING:
	case PRO_EXTERN:
		if (b->prolog_ref)
			emit(r, NJE_DROP, ev->ref, 0);  /* asked again; reported once */
		else
			b->prolog_ref = ev->ref;
		return;
	case PRO_DONE:
	case PRO_FAILED:
		emit(r, NJE_PROLOG_REPORT, ev->ref,
		     b->prolog == PRO_DONE ? 0 : E_D_PROLOG_FAILED);
		emit(r, NJE_DROP, ev->ref, 0);
		return;
	}
}

static void on_launch(struct run *r, const struct nj_event *ev)
{
	struct njob *b = r->b;

	reopen(r);
	if (b->end != END_NO) {
		reply_drop(r, ev->ref, E_D_CREDENTIAL_REVOKED);
		return;
	}
	if (b->prolog == PRO_FAILED) {
		reply_drop(r, ev->ref, E_D_PROLOG_FAILED);
		return;
	}
	if (ev->batch)
		emit(r, NJE_REPLY, ev->ref, 0);
	if (b->prolog == PRO_DONE) {
		b->starting++;
		emit(r, NJE_START, ev->ref, 0);
		return;
	}
	wait_add(b, ev->ref, ev->batch);
	if (b->prolog != PRO_NONE)
		return;
	if (r->p->prolog_alloc) {
		b->prolog = PRO_AWAITED;
		timer(r, r->p->prolog_wait_sec);
	} else {
		prolog_begin(r, ev->ref);
	}
}

static void on_step_up(struct run *r, const struct nj_event *ev)
{
	struct njob *b = r->b;
	bool external = b->prolog == PRO_EXTERN && ev->ref && ev->ref == b->prolog_ref;

	b->running++;
	if (ev->ref && b->starting)
		b->starting--;
	if (!ev->ref && b->prolog == PRO_NONE)
		b->prolog = PRO_DONE;           /* found running at start */
	if (b->end == END_STEPS)
		emit_how(r, b->how);            /* it missed the call */
	if (external)
		prolog_finish(r, 0);            /* drops the request */
	else if (ev->ref)
		emit(r, NJE_DROP, ev->ref, 0);
}

/* ---- ending ------------------------------------------------------------ */

static void end_done(struct run *r, uint32_t code)
{
	struct njob *b = r->b;

	if (!b->end_quiet)
		emit(r, NJE_EPILOG_COMPLETE, b->end_ref, code);
	emit(r, NJE_DROP, b->end_ref, 0);
	b->end_ref = 0;
	b->end = END_DONE;
	timer(r, r->p->forget_sec);
}

static void end_check(struct run *r)
{
	struct njob *b = r->b;

	if (b->end != END_STEPS || b->running || b->starting)
		return;
	if (!r->p->has_epilog) {
		end_done(r, 0);
		return;
	}
	b->end = END_EPILOG;
	emit(r, NJE_TIMER, 0, 0);
	emit(r, NJE_RUN_EPILOG, b->end_ref, 0);
}

static void end_proceed(struct run *r)
{
	struct njob *b = r->b;

	b->end = END_STEPS;
	if (b->running) {
		emit_how(r, b->how);
		timer(r, (r->p->kill_wait_sec > 5 ? r->p->kill_wait_sec : 5) + 5);
	}
	end_check(r);
}

/* Nothing runs and nothing will: the reply itself tells the controller. */
static bool end_trivial(const struct run *r)
{
	const struct njob *b = r->b;

	return !b->running && !b->starting && b->prolog != PRO_RUNNING &&
	       !r->p->has_epilog;
}

static void on_end(struct run *r, const struct nj_event *ev)
{
	struct njob *b = r->b;
	bool asks = ev->how == HOW_TERMINATE;   /* waits for the answer's meaning */

	if (b->end == END_DONE) {
		emit(r, NJE_REPLY, ev->ref, asks ? E_D_KILL_JOB_ALREADY_COMPLETE : 0);
		if (ev->how == HOW_TIMELIMIT || ev->how == HOW_PREEMPT)
			emit(r, NJE_EPILOG_COMPLETE, ev->ref, 0);
		emit(r, NJE_DROP, ev->ref, 0);
		return;
	}
	if (b->end != END_NO) {                 /* under way */
		emit(r, NJE_REPLY, ev->ref, 0);
		if (b->end == END_STEPS && ev->how == HOW_ABORT)
			emit_how(r, HOW_ABORT);
		emit(r, NJE_DROP, ev->ref, 0);
		return;
	}
	wait_release(r, E_D_CREDENTIAL_REVOKED);
	b->how = ev->how;
	b->end_ref = ev->ref;
	b->end_quiet = ev->how == HOW_ABORT;
	if (b->prolog == PRO_AWAITED)
		b->prolog = PRO_NONE;
	if (asks && end_trivial(r)) {
		b->end_quiet = true;
		emit(r, NJE_REPLY, ev->ref, E_D_KILL_JOB_ALREADY_COMPLETE);
		end_done(r, 0);
		return;
	}
	emit(r, NJE_REPLY, ev->ref, 0);
	if (b->prolog == PRO_RUNNING)
		b->end = END_ASKED;
	else
		end_proceed(r);
}

static void on_step_failed(struct run *r, const struct nj_event *ev)
{
	struct njob *b = r->b;

	if (b->starting)
		b->starting--;
	if (b->prolog == PRO_EXTERN && ev->ref == b->prolog_ref) {
		prolog_finish(r, ev->code);
	} else if (ev->batch) {
		emit(r, NJE_LAUNCH_FAILED, ev->ref, ev->code);
		emit(r, NJE_DROP, ev->ref, 0);
	} else {
		reply_drop(r, ev->ref, ev->code);
	}
	end_check(r);
}

static void on_timer(struct nj_jobs *j, struct run *r)
{
	struct njob *b = r->b;

	if (b->prolog == PRO_AWAITED) {
		b->prolog = PRO_NONE;
		wait_release(r, E_D_PROLOG_FAILED);
	} else if (b->end == END_STEPS) {
		emit_how(r, HOW_KILL);
		timer(r, r->p->unkillable_sec > 5 ? r->p->unkillable_sec : 5);
	} else if (b->end == END_DONE) {
		emit(r, NJE_FORGET, 0, 0);
		job_forget(j, b);
	}
}

void nj_step(struct nj_jobs *j, const struct nj_policy *p, const struct nj_event *ev,
	     struct nj_effects *out)
{
	bool creates = ev->type == NJ_PROLOG_ASKED || ev->type == NJ_LAUNCH ||
		       ev->type == NJ_END || ev->type == NJ_STEP_UP;
	struct run r = { p, out, creates ? job_get(j, ev->job_id) : job_find(j, ev->job_id) };

	if (!r.b)
		return;
	switch (ev->type) {
	case NJ_PROLOG_ASKED:
		on_prolog_asked(&r, ev);
		break;
	case NJ_PROLOG_ENDED:
		if (r.b->prolog == PRO_RUNNING)
			prolog_ran(&r, ev->code);
		break;
	case NJ_LAUNCH:
		on_launch(&r, ev);
		break;
	case NJ_STEP_UP:
		on_step_up(&r, ev);
		break;
	case NJ_STEP_FAILED:
		on_step_failed(&r, ev);
		break;
	case NJ_STEP_GONE:
		if (r.b->running)
			r.b->running--;
		end_check(&r);
		break;
	case NJ_END:
		on_end(&r, ev);
		break;
	case NJ_EPILOG_ENDED:
		if (r.b->end == END_EPILOG)
			end_done(&r, ev->code);
		break;
	case NJ_TIMER:
		on_timer(j, &r);
		break;
	}
}
