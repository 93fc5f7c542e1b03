/* SPDX-License-Identifier: Apache-2.0
 *
 * sprio: what the priorities of waiting jobs are made of. */
#include <string.h>

#include "slurmctld/core/sched/sched.h"
#include "slurmctld/rpc/rpc.h"

static bool wanted(const struct priority_factors_request_msg *q, const struct job *j)
{
	bool hit = !q->job_ids_count;

	for (uint32_t i = 0; i < q->job_ids_count && !hit; i++)
		hit = q->job_ids[i] == j->id || (j->array_job_id && q->job_ids[i] == j->array_job_id);
	if (!hit || !q->uids_count)
		return hit;
	for (uint32_t i = 0; i < q->uids_count; i++)
		if (q->uids[i] == j->uid)
			return true;
	return false;
}

static void tres_fill(const struct sched_factors *f, struct priority_factors_object *o,
		      struct arena *mem)
{
	struct priority_factors *p = &o->prio_factors;
	const char **name;

	if (!f->any_tres)
		return;
	name = arena_alloc(mem, SCHED_TRES_COUNT * sizeof *name);
	o->priority_tres = p->priority_tres = arena_alloc(mem, sizeof f->tres);
	o->tres_weights = p->tres_weights = arena_alloc(mem, sizeof f->weight);
	o->tres_names = p->tres_names = name;
	memcpy(p->priority_tres, f->tres, sizeof f->tres);
	memcpy(p->tres_weights, f->weight, sizeof f->weight);
	for (int t = 0; t < SCHED_TRES_COUNT; t++)
		name[t] = sched_tres_name((enum sched_tres)t);
	o->priority_tres_count = p->priority_tres_count = SCHED_TRES_COUNT;
	o->tres_weights_count = p->tres_weights_count = SCHED_TRES_COUNT;
	o->tres_names_count = p->tres_names_count = SCHED_TRES_COUNT;
	o->tres_cnt = SCHED_TRES_COUNT;
}

static void factors_fill(const struct core *c, const struct job *j,
			 struct priority_factors_object *o, struct arena *mem)
{
	struct sched_factors f;

	wire_init(&priority_factors_object_desc, o);
	sched_factors(c, j, &f);
	tres_fill(&f, o, mem);
	o->job_id = j->id;
	o->step_id.job_id = j->id;
	o->step_id.sluid = j->sluid;
	o->user_id = j->uid;
	o->account = job_str(j, JS_ACCOUNT);
	o->qos = job_str(j, JS_QOS);
	o->partition = j->part->name;
	if (j->direct_prio)
		o->direct_prio = j->priority;
	o->priority_age = o->prio_factors.priority_age = f.age;
	o->priority_js = o->prio_factors.priority_js = f.size;
	o->priority_part = o->prio_factors.priority_part = f.part;
	o->priority_site = o->prio_factors.priority_site = j->site_factor ? j->site_factor
									  : NICE_OFFSET;
	o->nice = o->prio_factors.nice = j->nice ? j->nice : NICE_OFFSET;
}

void rpc_q_priority(struct ctld *c, struct request *r)
{
	const struct priority_factors_request_msg *q = r->body;
	struct priority_factors_response_msg m;
	int64_t now = ctld_now_usec(c) / 1000000;
	uint32_t n = 0;

	wire_init(&priority_factors_response_msg_desc, &m);
	if (sched_is_multifactor(c->core))
		m.priority_factors_list = arena_alloc(&r->mem, (c->core->job_count + 1) *
						      sizeof *m.priority_factors_list);
	for (const struct job *j = c->core->job_first; j && m.priority_factors_list; j = j->next) {
		if (!job_is_pending(j) || !j->priority || !j->part || !wanted(q, j))
			continue;
		if (!j->eligible_time || j->eligible_time > now)
			continue;
		if (rpc_private(c, r, PRIVATE_JOBS) && j->uid != r->caller.uid)
			continue;
		factors_fill(c->core, j, &m.priority_factors_list[n++],
			     &r->mem);
	}
	m.priority_factors_list_count = n;
	if (!n)
		m.priority_factors_list = NULL;
	rpc_answer(c, r, RESPONSE_PRIORITY_FACTORS, &m);
}
