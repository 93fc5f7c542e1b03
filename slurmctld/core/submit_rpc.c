/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that make jobs: batch scripts, allocations, "when would it run". */
#include <errno.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/sched/sched_i.h"

static uint32_t record_count(const struct job *j)
{
	return j->array ? j->array->total : 1;
}

static bool at_most(uint16_t want, uint16_t have)
{
	return want == NO_VAL16 || want <= have;
}

/* Stock's words for a request that no node of the partition can satisfy. */
static void config_words(const struct core *c, const struct job *j, struct err_text *why)
{
	uint64_t mem = j->pn_min_memory & ~MEM_PER_CPU;
	bool cpus = false, memory = false, disk = false, shape = false;

	if (j->pn_min_memory & MEM_PER_CPU)
		mem *= j->pn_min_cpus;
	bitset_foreach(i, j->part->nodes) {
		const struct node *n = c->node[i];

		cpus |= j->pn_min_cpus <= n->cpus;
		memory |= mem <= n->real_memory_mb;
		disk |= j->pn_min_tmp_disk <= n->tmp_disk_mb;
		shape |= at_most(j->sockets_per_node, n->sockets) &&
			 at_most(j->cores_per_socket, n->cores_per_socket) &&
			 at_most(j->threads_per_core, n->threads);
	}
	if (!cpus)
		err_set(why, E_OK, "CPU count per node can not be satisfied");
	else if (!memory)
		err_set(why, E_OK, "Memory specification can not be satisfied");
	else if (!disk)
		err_set(why, E_OK, "Temporary disk specification can not be satisfied");
	else if (!shape)
		err_set(why, E_OK, "Socket, core and/or thread specification can not be satisfied");
}

/* Could it run in any of its partitions, ever?  *later: it stays queued with
 * this code (limits or states that may change), E_OK when nothing is amiss. */
static enum err ever_possible(struct core *c, struct job *j, enum err *later,
			      struct err_text *why)
{
	char *copy = mem_strdup(job_str(j, JS_PARTITION)), *save = NULL;
	enum err rc = E_REQUESTED_PART_CONFIG_UNAVAILABLE;
	struct err_text own = { "" };

	*later = E_OK;
	for (char *n = copy ? strtok_r(copy, ",", &save) : NULL; n && rc != E_OK;
	     n = strtok_r(NULL, ",", &save)) {
		struct part *p = part_find(c, n);

		if (!p)
			continue;
		rc = sched_possible(c, j, p, &own);
	}
	free(copy);
	/* Held: looked at when it is released, names apart. */
	if (!j->priority && rc != E_INVALID_FEATURE)
		return E_OK;
	switch (rc) {
	case E_REQUESTED_PART_CONFIG_UNAVAILABLE:
		if (c->conf->enforcepartlimits)
			return rc;
		*later = rc;
		return E_OK;
	case E_NODES_BUSY:
	case E_PARTITION_DOWN:
		return E_OK;
	case E_REQUESTED_NODES_NOT_IN_PARTITION:
		return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	case E_REQUESTED_NODE_CONFIG_UNAVAILABLE:
		/* only what it says of a reservation is for the user */
		if (strncmp(own.text, "Problem", 7) == 0)
			err_set(why, E_OK, "%s", own.text);
		else
			config_words(c, j, why);
		return rc;
	case E_NODE_NOT_AVAIL:
		*later = rc;
		return E_OK;
	default:
		return rc;
	}
}

static enum err features_valid(struct core *c, const struct job_desc_msg *d)
{
	const char *expr = d->prefer, *batch = d->batch_features;
	struct feat_expr f;
	enum err rc = E_OK;

	if (batch && *batch)
		rc = feature_batch_valid(c, batch, d->features);
	if (rc == E_OK && expr && *expr && feature_parse(c, expr, &f, NULL) != E_OK)
		rc = E_INVALID_PREFER;
	arena_reset(&c->sched->mem);
	return rc;
}

/* All checks; *out is not in any list yet. */
enum err submit_prepare(struct core *c, const struct event *ev, const struct job_desc_msg *d,
			bool batch, struct job **out, enum err *later, struct err_text *why)
{
	struct job *j = NULL;
	enum err rc;

	*out = NULL;
	rc = submit_build(c, ev, d, batch, &j, why);
	if (rc != E_OK)
		return rc;
	rc = features_valid(c, d);
	if (rc == E_OK && (uint64_t)c->job_count + record_count(j) >= c->conf->maxjobcount)
		rc = (enum err)EAGAIN;
	if (rc == E_OK)
		rc = ever_possible(c, j, later, why);
	if (rc != E_OK) {
		job_free(j);
		return rc;
	}
	*out = j;
	return E_OK;
}

/* leader: of a heterogeneous job; j is its next component, or itself. */
void submit_enter(struct core *c, const struct job_desc_msg *d, struct job *j,
		  const struct job *leader)
{
	j->id = d->step_id.job_id != NO_VAL ? d->step_id.job_id : job_next_id(c);
	j->sluid = job_next_sluid(c);
	if (j->array)
		j->array_job_id = j->id;
	if (leader) {
		j->het_job_id = leader->id;
		if (!job_str(j, JS_DEPENDENCY))
			j->bitflags &= ~JOB_DEPENDENT;
	}
	job_add(c, j);
	job_dirty(c, j);
	c->stats.submitted += record_count(j);
	c->wants_sched = true;
}

void submit_keep_script(const struct job_desc_msg *d, const struct job *j, struct effects *out)
{
	struct effect *e = effects_add(out, EFF_SCRIPT_PUT);
	const char **env = arena_alloc(&out->mem, (d->environment_count + 1) * sizeof(*env));

	for (uint32_t i = 0; i < d->environment_count; i++)
		env[i] = arena_strdup(&out->mem, d->environment[i]);
	env[d->environment_count] = NULL;
	e->job_id = e->script_id = j->id;
	e->script = arena_strdup(&out->mem, d->script);
	e->env = env;
	e->env_count = d->environment_count;
}

enum err submit_batch_prepare(struct core *c, const struct event *ev, struct job **out,
			      enum err *later, struct err_text *why)
{
	const struct job_desc_msg *d = ev->body;
	enum err rc = submit_prepare(c, ev, d, true, out, later, why);

	if (rc == E_OK && !d->environment_count && !d->container) {
		job_free(*out);
		rc = E_ENVIRONMENT_MISSING;
	}
	return rc;
}

void submit_batch_enter(struct core *c, const struct job_desc_msg *d, struct job *j,
			struct effects *out)
{
	submit_enter(c, d, j, NULL);
	submit_keep_script(d, j, out);
}

void rpc_submit_batch(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_desc_msg *d = ev->body;
	struct submit_response_msg *m;
	struct err_text why = { "" };
	enum err later, rc;
	struct job *j;

	rc = submit_batch_prepare(c, ev, &j, &later, &why);
	if (rc == E_OK && d->immediate && d->immediate != NO_VAL16) {
		job_free(j);
		rc = E_CAN_NOT_START_IMMEDIATELY;
	}
	if (rc != E_OK) {
		effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	submit_batch_enter(c, d, j, out);
	m = effect_reply(out, ev, RESPONSE_SUBMIT_BATCH_JOB);
	step_id_fill(j, STEP_BATCH, &m->step_id);
	m->error_code = (uint32_t)later;
	effect_log(out, 3, "sched: submitted JobId=%u InitPrio=%u usec=0", j->id, j->priority);
	if (job_str(j, JS_DEPENDENCY))
		depend_refresh(c, j, out);
}

/* ---- allocations ------------------------------------------------------- */

static enum err waiting_code(const struct job *j, enum err later)
{
	if (j->alloc)
		return E_OK;
	if (!j->priority)
		return E_JOB_HELD;
	if (j->reason == WAIT_NODE_NOT_AVAIL)
		return E_NODE_NOT_AVAIL;
	return later;
}

/* Why not at once: what is not eligible "depends", on whatever it is. */
static enum err not_now_code(const struct core *c, const struct job *j, enum err later)
{
	if (j->bitflags & JOB_DEPENDENT || !j->priority || j->begin_time > c->now)
		return E_DEPENDENCY;
	switch (j->reason) {
	case WAIT_RESERVATION:
		return E_DEPENDENCY;
	case WAIT_PRIORITY:
		return E_NOT_TOP_PRIORITY;
	case WAIT_PART_DOWN:
		return E_PARTITION_DOWN;
	case WAIT_PART_NODE_LIMIT:
	case WAIT_PART_TIME_LIMIT:
		return E_REQUESTED_PART_CONFIG_UNAVAILABLE;
	case WAIT_NODE_NOT_AVAIL:
		return E_NODE_NOT_AVAIL;
	case WAIT_LICENSES:
	case WAIT_RESOURCES:
		return E_NODES_BUSY;
	}
	return later ? later : E_CAN_NOT_START_IMMEDIATELY;
}

void rpc_alloc(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_desc_msg *d = ev->body;
	struct resource_allocation_response_msg *m;
	struct err_text why = { "" };
	bool immediate = d->immediate && d->immediate != NO_VAL16;
	enum err later, rc;
	struct job *j;

	rc = submit_prepare(c, ev, d, false, &j, &later, &why);
	if (rc != E_OK) {
		effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	submit_enter(c, d, j, NULL);
	c->alloc_reply_job = j->id;
	sched_pass(c, &core_sched_ops, out, false);
	c->alloc_reply_job = 0;
	if (!j->alloc && immediate) {
		rc = not_now_code(c, j, later);
		job_reason(c, j, FAIL_BAD_CONSTRAINTS, NULL);
		j->alloc_resp_port = j->other_port = 0;
		job_end(c, j, JOB_FAILED, out);
		j->exit_code = 1;
		effect_reply_rc(out, ev, rc);
		return;
	}
	if (!j->alloc)
		j->accrue_time = j->eligible_time;
	m = effect_reply(out, ev, RESPONSE_RESOURCE_ALLOCATION);
	alloc_response_fill(c, out, j, true, m);
	if (j->remote)
		remote_fill(c, out, j, m);
	m->error_code = (uint32_t)waiting_code(j, later);
	effect_log(out, 3, "sched: JobId=%u %s NodeList=%s", j->id,
		   j->alloc ? "allocated" : "queued", m->node_list ? m->node_list : "(null)");
}

void rpc_will_run(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_desc_msg *d = ev->body;
	struct will_run_response_msg *m;
	struct placement p = { 0 };
	struct err_text why = { "" };
	enum err later, rc;
	struct bitset *set;
	struct job *j;
	int64_t start = 0;

	rc = submit_prepare(c, ev, d, d->script != NULL, &j, &later, &why);
	if (rc == E_OK) {
		rc = sched_estimate(c, j, true, &c->scratch, &start, &p);
		if (rc != E_OK)
			job_free(j);
	}
	if (rc != E_OK) {
		arena_reset(&c->scratch);
		effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	m = effect_reply(out, ev, RESPONSE_JOB_WILL_RUN);
	m->step_id.job_id = c->next_job_id;
	m->step_id.step_id = NO_VAL;
	m->start_time = start;
	m->proc_cnt = p.total_cpus;
	m->part_name = arena_strdup(&out->mem, p.part ? p.part->name : j->part->name);
	set = effects_bitset(out, c->node_count);
	for (uint32_t i = 0; i < p.node_count; i++)
		bitset_set(set, p.share[i].node);
	m->node_list = effects_hostlist(c, out, set);
	job_free(j);
	arena_reset(&c->scratch);
}
