/* SPDX-License-Identifier: Apache-2.0
 *
 * Heterogeneous jobs.  Each component is a job record of its own; the first,
 * the leader, holds the others in the order of their offsets.  They start
 * together and go from the records together; the leader's script or client ends
 * them all.  Here is what is done to all of them, and how they are found. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

struct job *het_leader(const struct core *c, const struct job *j)
{
	struct job *l = j->het_job_id ? job_find(c, j->het_job_id) : NULL;

	return l && l->het_job_id == l->id ? l : NULL;
}

bool het_is_part(const struct job *j)
{
	return j->het_job_id && j->het_job_id != j->id;
}

struct job *het_find(const struct core *c, uint32_t id, uint32_t offset)
{
	struct job *j = job_find(c, id);

	if (!j || (!j->het_job_id && !offset))
		return j;
	if (j->het_job_id && j->het_job_id != id)
		return j->het_job_offset == offset ? j : NULL;
	while (j && j->het_job_offset != offset)
		j = j->het_next;
	return j;
}

void het_link(struct core *c, struct job *j)
{
	struct job *l = het_is_part(j) ? het_leader(c, j) : NULL, **p;

	if (!l)
		return;
	p = &l->het_next;
	while (*p && (*p)->het_job_offset < j->het_job_offset)
		p = &(*p)->het_next;
	if (*p == j)
		return;
	j->het_next = *p;
	*p = j;
}

void het_unlink(struct core *c, struct job *j)
{
	struct job *l = het_is_part(j) ? het_leader(c, j) : NULL, **p, *next;

	for (p = l ? &l->het_next : NULL; p && *p; p = &(*p)->het_next)
		if (*p == j) {
			*p = j->het_next;
			break;
		}
	/* A leader that goes leaves single records behind. */
	for (struct job *k = het_is_part(j) ? NULL : j->het_next; k; k = next) {
		next = k->het_next;
		k->het_next = NULL;
	}
	j->het_next = NULL;
}

void het_link_all(struct core *c)
{
	for (struct job *j = c->job_first; j; j = j->next)
		het_link(c, j);
}

bool het_is_whole(const struct core *c)
{
	return conf_option(c->conf->schedulerparameters, "whole_hetjob", NULL) ||
	       conf_option(c->conf->schedulerparameters, "whole_pack", NULL);
}

/* ---- the queue --------------------------------------------------------- */

int64_t het_begin(const struct job *l)
{
	int64_t t = l->begin_time;

	for (const struct job *k = l->het_next; k; k = k->het_next)
		t = k->begin_time > t ? k->begin_time : t;
	return t;
}

bool het_all_pending(const struct job *l)
{
	for (const struct job *k = l; k; k = k->het_next)
		if (!job_is_pending(k) || job_is_completing(k))
			return false;
	return true;
}

/* ---- the script -------------------------------------------------------- */

static bool script_may_go(const struct core *c, const struct job *l)
{
	bool prolog_first = c->conf->prologflags & PROLOG_FLAG_DEFER_BATCH;

	if (!job_is_running(l) || !l->alloc || l->sent || l->launched)
		return false;
	for (const struct job *k = l; k; k = k->het_next) {
		if (job_is_pending(k) || (job_is_running(k) && k->state & JOB_CONFIGURING))
			return false;
		if (prolog_first && job_is_running(k) && k->alloc && k->alloc->prolog)
			return false;
	}
	return true;
}

void het_launch(struct core *c, struct job *j, struct effects *out)
{
	struct job *l = het_leader(c, j);

	if (l && l->batch && script_may_go(c, l))
		job_launch_batch(c, l, out);
}

static void env_put(struct effects *out, const char ***v, uint32_t *n, const char *name,
		    uint32_t offset, const char *value)
{
	if (!value)
		return;
	(*v)[(*n)++] = arena_printf(&out->mem, "%s_PACK_GROUP_%u=%s", name, offset, value);
	(*v)[(*n)++] = arena_printf(&out->mem, "%s_HET_GROUP_%u=%s", name, offset, value);
}

static void env_component(const struct core *c, struct effects *out, const struct job *j, const char ***v,
			  uint32_t *n)
{
	uint32_t at = j->het_job_offset;
	uint64_t mem = j->pn_min_memory & ~MEM_PER_CPU;

	env_put(out, v, n, "SLURM_JOB_ACCOUNT", at, job_str(j, JS_ACCOUNT));
	env_put(out, v, n, "SLURM_JOB_ID", at, arena_printf(&out->mem, "%u", j->id));
	env_put(out, v, n, "SLURM_JOB_NAME", at, job_str(j, JS_NAME));
	env_put(out, v, n, "SLURM_JOB_PARTITION", at,
		j->part ? j->part->name : job_str(j, JS_PARTITION));
	env_put(out, v, n, "SLURM_JOB_QOS", at, job_str(j, JS_QOS));
	env_put(out, v, n, "SLURM_JOB_RESERVATION", at, job_str(j, JS_RESERVATION));
	if (mem)
		env_put(out, v, n, j->pn_min_memory & MEM_PER_CPU ? "SLURM_MEM_PER_CPU" :
			"SLURM_MEM_PER_NODE", at,
			arena_printf(&out->mem, "%llu", (unsigned long long)mem));
	if (!j->alloc)
		return;
	env_put(out, v, n, "SLURM_JOB_CPUS_PER_NODE", at, job_cpus_per_node(out, j));
	env_put(out, v, n, "SLURM_JOB_NODELIST", at, job_str(j, JS_NODES));
	env_put(out, v, n, "SLURM_JOB_NUM_NODES", at,
		arena_printf(&out->mem, "%u", j->alloc->node_count));
	env_put(out, v, n, "SLURM_TASKS_PER_NODE", at, job_tasks_per_node(c, out, j));
}

#define ENV_OF_COMPONENT 24     /* two names for each */

uint32_t het_count(const struct job *l)
{
	uint32_t n = 0;

	for (; l; l = l->het_next)
		n++;
	return n;
}

void het_environment(const struct core *c, struct effects *out, const struct job *j,
		     const char ***v, uint32_t *n)
{
	const struct job *l = het_leader(c, j);
	uint32_t count = het_count(l);

	*n = 0;
	*v = NULL;
	if (!l)
		return;
	*v = arena_alloc(&out->mem, (count * ENV_OF_COMPONENT + 2) * sizeof(**v));
	for (const struct job *k = l; k; k = k->het_next)
		env_component(c, out, k, v, n);
	(*v)[(*n)++] = arena_printf(&out->mem, "SLURM_PACK_SIZE=%u", count);
	(*v)[(*n)++] = arena_printf(&out->mem, "SLURM_HET_SIZE=%u", count);
}

/* ---- allocations ------------------------------------------------------- */

struct job_info_list_msg *het_response(struct core *c, struct effects *out, struct job *l,
				       struct job_info_list_msg *m)
{
	m->resp = arena_alloc(&out->mem, het_count(l) * sizeof(*m->resp));
	m->cnt = 0;
	for (struct job *k = l; k; k = k->het_next) {
		wire_init(&resource_allocation_response_msg_desc, &m->resp[m->cnt]);
		alloc_response_fill(c, out, k, false, &m->resp[m->cnt++]);
	}
	return m;
}

void het_notify_alloc(struct core *c, struct job *j, struct effects *out)
{
	struct job *l = het_leader(c, j);

	if (!l || l->batch || !l->alloc_resp_port)
		return;
	for (const struct job *k = l; k; k = k->het_next)
		if (job_is_pending(k))
			return;
	job_tell_srun(c, l, RESPONSE_HET_JOB_ALLOCATION,
		      het_response(c, out, l, effects_body(out, RESPONSE_HET_JOB_ALLOCATION)),
		      out);
}

/* ---- ends -------------------------------------------------------------- */

bool het_may_requeue(const struct core *c, const struct job *j)
{
	const struct job *l = het_leader(c, j);

	return l ? l->requeue && (j == l || !job_is_finished(l)) : j->requeue;
}

/* What no component can do without the others: when one of them fails, or
 * goes back to the queue, all do. */
void het_requeue(struct core *c, struct job *j, uint32_t flags, int64_t delay_sec,
		 struct effects *out)
{
	struct job *l = het_leader(c, j);

	for (struct job *k = l ? l : j; k; k = l ? k->het_next : NULL)
		job_requeue(c, k, flags, delay_sec, out);
}

void het_end(struct core *c, struct job *j, uint32_t state, struct effects *out)
{
	struct job *l = het_leader(c, j);
	uint32_t reason = j->reason, code = j->exit_code;
	char *desc = mem_strdup(job_str(j, JS_STATE_DESC));

	for (struct job *k = l ? l : j; k; k = l ? k->het_next : NULL) {
		if (job_is_finished(k))
			continue;
		if (k != j) {
			k->exit_code = code;
			job_reason(c, k, reason, desc);
		}
		job_end(c, k, state, out);
	}
	free(desc);
}

/* One that never started will not: nor will those that wait with it. */
void het_pending_ended(struct core *c, struct job *j, uint32_t state, struct effects *out)
{
	struct job *l = het_leader(c, j);

	for (struct job *k = l; k; k = k->het_next)
		if (k != j && job_is_pending(k)) {
			job_reason(c, k, j->reason, job_str(j, JS_STATE_DESC));
			job_end(c, k, state, out);
		}
}

/* ---- going ------------------------------------------------------------- */

int64_t het_purge_at(const struct core *c, const struct job *l)
{
	int64_t last = l->end_time;

	for (const struct job *k = l->het_next; k; k = k->het_next) {
		if (!job_is_finished(k) || job_is_completing(k))
			last = c->now;
		last = k->end_time > last ? k->end_time : last;
	}
	return last + c->conf->minjobage;
}
