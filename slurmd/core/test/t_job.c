/* SPDX-License-Identifier: Apache-2.0
 *
 * The job state machine: prolog gating, ends in every state, late comers. */
#include <string.h>

#include "slurmd/core/job.h"
#include "wire/base/err.h"
#include "wire/base/strbuf.h"
#include "wire/base/tap.h"

static struct nj_jobs *jobs;
static struct nj_policy policy;
static char trace[4096];

static const char *const names[] = {
	[NJE_RUN_PROLOG] = "prolog", [NJE_PROLOG_REPORT] = "report", [NJE_START] = "start",
	[NJE_START_EXTERN] = "extern", [NJE_REPLY] = "reply", [NJE_LAUNCH_FAILED] = "failed",
	[NJE_STEPS_END] = "end", [NJE_RUN_EPILOG] = "epilog",
	[NJE_EPILOG_COMPLETE] = "complete", [NJE_DROP] = "drop", [NJE_TIMER] = "timer",
	[NJE_FORGET] = "forget",
};

/* One event; the effects as text: "reply(1,0) drop(1)". */
static const char *feed(struct nj_event ev)
{
	struct nj_effects out = { 0 };
	size_t n = 0;

	ev.job_id = 7;
	nj_step(jobs, &policy, &ev, &out);
	trace[0] = 0;
	for (size_t k = 0; k < out.count; k++) {
		const struct nj_effect *e = &out.v[k];

		if (e->type == NJE_TIMER)
			continue;
		n += (size_t)snprintf(trace + n, sizeof trace - n, "%s%s(%u", n ? " " : "",
				      names[e->type], e->ref);
		if (e->type == NJE_REPLY || e->type == NJE_PROLOG_REPORT ||
		    e->type == NJE_LAUNCH_FAILED || e->type == NJE_EPILOG_COMPLETE)
			n += (size_t)snprintf(trace + n, sizeof trace - n, ",%u", e->code);
		if (e->type == NJE_STEPS_END)
			n += (size_t)snprintf(trace + n, sizeof trace - n, ",how%d", (int)e->how);
		n += (size_t)snprintf(trace + n, sizeof trace - n, ")");
	}
	nj_effects_fini(&out);
	return trace;
}

static void fresh(bool prolog, bool epilog, bool alloc, bool contain)
{
	nj_jobs_free(jobs);
	jobs = nj_jobs_new();
	policy = (struct nj_policy){ prolog, epilog, alloc, contain, 30, 20, 60, 120 };
}

#define EV(t, ...) feed((struct nj_event){ .type = t, __VA_ARGS__ })
#define is(got, want, name) do { const char *g_ = (got); \
	ok(!strcmp(g_, want), "%s", name); \
	if (strcmp(g_, want)) printf("# got  %s\n# want %s\n", g_, want); } while (0)

static void plain(void)
{
	fresh(false, false, false, false);
	is(EV(NJ_LAUNCH, .ref = 1), "start(1)", "nothing to wait for");
	is(EV(NJ_STEP_UP, .ref = 1), "drop(1)", "it runs");
	is(EV(NJ_STEP_GONE), "", "its end is no news");
	is(EV(NJ_END, .ref = 2), "reply(2,4002) drop(2)", "nothing left: the reply says so");
	is(EV(NJ_END, .ref = 3), "reply(3,4002) drop(3)", "asked again");
	is(EV(NJ_LAUNCH, .ref = 4), "start(4)", "the same job again, requeued");
}

static void ending(void)
{
	fresh(false, true, false, false);
	EV(NJ_LAUNCH, .ref = 1, .batch = true);
	EV(NJ_STEP_UP, .ref = 1);
	EV(NJ_STEP_UP, .ref = 0);
	is(EV(NJ_END, .ref = 2), "reply(2,0) end(2,how0)", "running steps are told");
	is(EV(NJ_END, .ref = 3), "reply(3,0) drop(3)", "a second request is only acknowledged");
	is(EV(NJ_LAUNCH, .ref = 4), "reply(4,4008) drop(4)", "no launch meanwhile");
	is(EV(NJ_STEP_GONE), "", "one is left");
	is(EV(NJ_TIMER), "end(2,how4)", "it takes too long");
	is(EV(NJ_STEP_GONE), "epilog(2)", "the last one has gone");
	is(EV(NJ_END, .ref = 5), "reply(5,0) drop(5)", "asked during the epilog");
	is(EV(NJ_EPILOG_ENDED, .code = 0), "complete(2,0) drop(2)", "and is reported");
	is(EV(NJ_END, .ref = 6, .how = HOW_TIMELIMIT), "reply(6,0) complete(6,0) drop(6)",
	   "a late time limit gets the message it waits for");
	is(EV(NJ_TIMER), "forget(0)", "forgotten in the end");
}

static void aborted(void)
{
	fresh(false, true, false, false);
	EV(NJ_STEP_UP);
	is(EV(NJ_END, .ref = 2, .how = HOW_ABORT), "reply(2,0) end(2,how1)", "abort");
	is(EV(NJ_STEP_GONE), "epilog(2)", "still runs the epilog");
	is(EV(NJ_EPILOG_ENDED), "drop(2)", "and tells nobody");
}

static void prolog(void)
{
	fresh(true, false, false, false);
	is(EV(NJ_LAUNCH, .ref = 1, .batch = true), "reply(1,0) prolog(1)",
	   "a batch job is answered before its prolog");
	is(EV(NJ_LAUNCH, .ref = 2), "", "a step waits");
	is(EV(NJ_PROLOG_ENDED, .code = 0), "start(1) start(2)", "both start");
	fresh(true, false, false, false);
	EV(NJ_LAUNCH, .ref = 1, .batch = true);
	EV(NJ_LAUNCH, .ref = 2);
	is(EV(NJ_PROLOG_ENDED, .code = E_D_PROLOG_FAILED),
	   "failed(1,4022) drop(1) reply(2,4022) drop(2)", "the prolog failed");
	is(EV(NJ_LAUNCH, .ref = 3), "reply(3,4022) drop(3)", "and stays failed");
}

static void prolog_alloc(void)
{
	fresh(true, false, true, true);
	is(EV(NJ_LAUNCH, .ref = 1), "", "waits for the controller's request");
	is(EV(NJ_PROLOG_ASKED, .ref = 2), "prolog(2)", "which comes");
	is(EV(NJ_PROLOG_ASKED, .ref = 3), "drop(3)", "twice");
	is(EV(NJ_PROLOG_ENDED, .code = 0), "extern(2)", "then the extern step");
	is(EV(NJ_STEP_UP, .ref = 2), "report(2,0) drop(2) start(1)", "then all others");
	is(EV(NJ_PROLOG_ASKED, .ref = 4), "report(4,0) drop(4)", "asked once more");
	fresh(true, false, true, false);
	EV(NJ_LAUNCH, .ref = 1);
	is(EV(NJ_TIMER), "reply(1,4022) drop(1)", "the request never came");
	fresh(true, false, true, false);
	EV(NJ_PROLOG_ASKED, .ref = 1);
	EV(NJ_LAUNCH, .ref = 2);
	is(EV(NJ_END, .ref = 3), "reply(2,4008) drop(2) reply(3,0)", "ended during the prolog");
	is(EV(NJ_PROLOG_ENDED), "report(1,0) drop(1) complete(3,0) drop(3)",
	   "done when the prolog is");
	is(EV(NJ_PROLOG_ASKED, .ref = 9), "prolog(9)", "a requeued job has a prolog again");
}

static void starting(void)
{
	fresh(false, false, false, false);
	EV(NJ_LAUNCH, .ref = 1);
	is(EV(NJ_END, .ref = 2), "reply(2,0)", "ended while a step starts");
	is(EV(NJ_STEP_UP, .ref = 1), "end(2,how0) drop(1)", "it is told as soon as it is up");
	is(EV(NJ_STEP_GONE), "complete(2,0) drop(2)", "and then it is over");
	fresh(false, false, false, false);
	EV(NJ_LAUNCH, .ref = 1);
	EV(NJ_END, .ref = 2);
	is(EV(NJ_STEP_FAILED, .ref = 1, .code = 4020),
	   "reply(1,4020) drop(1) complete(2,0) drop(2)", "or it never came up");
	fresh(false, false, false, false);
	EV(NJ_LAUNCH, .ref = 1, .batch = true);
	is(EV(NJ_STEP_FAILED, .ref = 1, .code = 4020, .batch = true),
	   "failed(1,4020) drop(1)", "a batch job that cannot start");
}

int main(void)
{
	plain();
	ending();
	aborted();
	prolog();
	prolog_alloc();
	starting();
	nj_jobs_free(jobs);
	return tap_done();
}
