/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory of a job that runs (26.05): how much it uses here, and a lower limit.
 *
 * Keeps: credentials from before a lower limit start nothing any more; the
 * controller hears of the outcome however often it must be told. */
#include <string.h>

#include "slurmd/ctld.h"
#include "slurmd/rpc.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"

#define TRES_MEM 2u             /* its number in lists of resources */

static uint64_t rss_of(const struct jobacctinfo *a)
{
	for (uint32_t i = 0; i < a->tres_ids_count && i < a->in_tot_count; i++)
		if (a->tres_ids[i] == TRES_MEM && a->tres_usage_in_tot[i] != INFINITE64)
			return a->tres_usage_in_tot[i];
	return 0;
}

static uint64_t rss_of_reply(const struct stepd_reply *r, struct arena *mem)
{
	struct wire_in in = { r->body.p, r->body.p + r->body.len, mem, false, false };
	struct job_step_stat st;

	wire_unpack(&in, &job_step_stat_desc, &st, WIRE_VERSION_NEWEST);
	return in.failed ? 0 : rss_of(&st.jobacct);
}

static struct ask *ask_job(struct req *q, enum stepd_op op, uint32_t job_id)
{
	struct ask *a = ask_new(q->d, op, q->who.uid);

	for (const struct step *s = steps_first(q->d); s; s = s->next)
		if (s->job_id == job_id)
			ask_add(a, s);
	return a;
}

static bool is_extern(const struct ask *a, uint32_t k)
{
	return a->ids[k][1] == STEP_EXTERN;
}

static void usage_done(struct ask *a)
{
	const struct job_mem_usage_msg *m;
	struct job_mem_usage_resp_msg r;
	struct req *q = a->arg;
	uint64_t bytes = 0;
	bool there = false;

	m = q->body;
	for (uint32_t k = 0; k < a->count; k++) {
		if (a->results[k])
			continue;
		there |= is_extern(a, k);
		bytes += rss_of_reply(&a->replies[k], &a->mem);
	}
	if (!there) {
		req_answer_rc(q, E_INVALID_JOB_ID);
	} else {
		wire_init(&job_mem_usage_resp_msg_desc, &r);
		r.step_id = m->step_id;
		r.mem_usage = bytes >> 20 ? bytes >> 20 : 1;
		req_answer(q, RESPONSE_JOB_MEM_USAGE, &r);
	}
	req_flush(q);
	req_unref(q);
}

void rpc_mem_usage(struct req *q)
{
	const struct job_mem_usage_msg *m = q->body;
	struct ask *a = ask_job(q, STEPD_STAT, m->step_id.job_id);

	a->q.version = wire_version_number(WIRE_VERSION_NEWEST);
	a->done = usage_done;
	a->arg = req_ref(q);
	ask_start(a);
}

static void tell_controller(struct req *q, const struct update_job_mem_msg *m, enum err e)
{
	struct ctld_call *c = ctld_call_new(q->d, RESPONSE_UPDATE_JOB_MEM);
	struct response_update_job_mem_msg *r = arena_alloc(&c->mem, sizeof *r);

	wire_init(&response_update_job_mem_msg_desc, r);
	r->step_id = m->step_id;
	r->node_name = arena_strdup(&c->mem, q->site->name);
	r->job_mem_per_node = m->job_mem_per_node;
	r->return_code = (uint32_t)e;
	c->body = r;
	c->insist = true;
	ctld_call_start(c);
}

static void update_done(struct ask *a)
{
	struct req *q = a->arg;
	const struct update_job_mem_msg *m = q->body;
	enum err e = E_INVALID_JOB_ID;

	for (uint32_t k = 0; k < a->count; k++) {
		if (a->results[k])
			log_error("the memory of step %u.%u is not limited anew: %s",
				  a->ids[k][0], a->ids[k][1], err_str(a->results[k]));
		else if (is_extern(a, k))
			e = E_OK;
	}
	if (m->notify_ctld) {
		tell_controller(q, m, e);
	} else {
		req_answer_rc(q, (uint32_t)e);
		req_flush(q);
	}
	req_unref(q);
}

void rpc_update_mem(struct req *q)
{
	const struct update_job_mem_msg *m = q->body;
	struct ask *a = ask_job(q, STEPD_MEMORY, m->step_id.job_id);
	time_t now = time(NULL);

	log_debug("memory of job %u: %llu MB now", m->step_id.job_id,
		  (unsigned long long)m->job_mem_per_node);
	cred_cache_revoke(q->d->creds, m->step_id.job_id, now, now);
	a->q.flags = m->job_mem_per_node > UINT32_MAX ? UINT32_MAX :
		(uint32_t)m->job_mem_per_node;
	a->done = update_done;
	a->arg = req_ref(q);
	if (m->notify_ctld)
		req_answer_rc(q, 0);    /* the outcome is a message of its own */
	ask_start(a);
}
