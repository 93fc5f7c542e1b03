/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests that make heterogeneous jobs: all components are accepted, or none. */
#include <errno.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "wire/base/strbuf.h"

/* One request while it is looked at. */
struct het_submit {
	struct job_desc_msg *desc;      /* copies, as they are meant */
	struct job **job;
	uint32_t count;
	enum err later;
	struct err_text why;
	struct arena mem;
};

static void submit_fini(struct het_submit *t, bool failed)
{
	for (uint32_t i = 0; failed && i < t->count; i++)
		job_free(t->job[i]);
	arena_fini(&t->mem);
}

/* Nodes that one component names are not for the others: each could take what
 * another waits for. */
static void exclude_named(struct het_submit *t)
{
	for (uint32_t i = 0; i < t->count; i++) {
		struct job_desc_msg *d = &t->desc[i];

		for (uint32_t k = 0; k < t->count; k++) {
			const char *named = t->desc[k].req_nodes;

			if (k == i || !named || !*named)
				continue;
			d->exc_nodes = d->exc_nodes && *d->exc_nodes ?
				arena_printf(&t->mem, "%s,%s", d->exc_nodes, named) : named;
		}
	}
}

static void desc_copy(struct het_submit *t, const struct job_desc_list_msg *m, bool batch)
{
	t->count = m->cnt;
	t->desc = arena_alloc(&t->mem, m->cnt * sizeof(*t->desc));
	t->job = arena_zalloc(&t->mem, m->cnt * sizeof(*t->job));
	for (uint32_t i = 0; i < m->cnt; i++) {
		t->desc[i] = m->tmp_msg[i];
		if (!i)
			continue;
		/* mail tells of the leader; its script is that of all */
		t->desc[i].mail_type = 0;
		t->desc[i].mail_user = NULL;
		if (batch)
			t->desc[i].script = m->tmp_msg[0].script;
	}
	exclude_named(t);
}

static enum err component_check(struct core *c, const struct event *ev, struct het_submit *t,
				uint32_t i, bool batch)
{
	const struct job_desc_msg *d = &t->desc[i];
	struct job *j = NULL;
	enum err later = E_OK, rc;

	if (d->array_inx && *d->array_inx)
		return E_INVALID_ARRAY;
	if (d->immediate && d->immediate != NO_VAL16)
		return E_CAN_NOT_START_IMMEDIATELY;
	if (batch && !i && !d->environment_count && !d->container)
		return E_ENVIRONMENT_MISSING;
	if (i && d->licenses)
		return err_set(&t->why, E_INVALID_LICENSES,
			       "%u: license request allowed only on leader job", i);
	rc = submit_prepare(c, ev, d, batch, &j, &later, &t->why);
	if (rc != E_OK)
		return rc;
	/* its steps are numbered over all components: nobody but we can */
	j->bitflags &= ~STEPMGR_ENABLED;
	t->job[i] = j;
	if (t->later == E_OK)
		t->later = later;
	return E_OK;
}

static enum err submit_check(struct core *c, const struct event *ev, struct het_submit *t,
			     bool batch)
{
	enum err rc = E_OK;

	/* as for stock, whose backfill alone starts such jobs */
	if (!c->conf->schedulertype || !strstr(c->conf->schedulertype, "backfill"))
		return err_set(&t->why, E_NOT_SUPPORTED,
			       "heterogeneous jobs need SchedulerType=sched/backfill");
	if (!t->count)
		return E_FAIL;
	if ((uint64_t)c->job_count + t->count > c->conf->maxjobcount)
		return (enum err)EAGAIN;
	for (uint32_t i = 0; i < t->count && rc == E_OK; i++)
		rc = component_check(c, ev, t, i, batch);
	return rc;
}

/* "12-14", "12,15" */
static char *id_set(const struct het_submit *t)
{
	struct strbuf b = { 0 };
	uint32_t run;

	for (uint32_t i = 0; i < t->count; i += run) {
		uint32_t first = t->job[i]->id;

		for (run = 1; i + run < t->count && t->job[i + run]->id == first + run; run++)
			;
		strbuf_sep(&b, ",");
		strbuf_printf(&b, run > 1 ? "%u-%u" : "%u", first, first + run - 1);
	}
	return strbuf_take(&b);
}

static struct job *submit_all(struct core *c, struct het_submit *t)
{
	struct job *leader = t->job[0];
	char *ids;

	for (uint32_t i = 0; i < t->count; i++) {
		t->job[i]->het_job_offset = i;
		submit_enter(c, &t->desc[i], t->job[i], leader);
	}
	ids = id_set(t);
	for (uint32_t i = 0; i < t->count; i++)
		job_str_set(t->job[i], JS_HET_JOB_ID_SET, ids);
	free(ids);
	return leader;
}

void rpc_submit_het(struct core *c, const struct event *ev, struct effects *out)
{
	struct het_submit t = { .later = E_OK };
	struct submit_response_msg *m;
	struct job *leader;
	enum err rc;

	desc_copy(&t, ev->body, true);
	rc = submit_check(c, ev, &t, true);
	if (rc != E_OK) {
		effect_reply_rc_msg(out, ev, rc, t.why.text);
	} else {
		leader = submit_all(c, &t);
		submit_keep_script(&t.desc[0], leader, out);
		m = effect_reply(out, ev, RESPONSE_SUBMIT_BATCH_JOB);
		step_id_fill(leader, STEP_BATCH, &m->step_id);
		m->error_code = (uint32_t)t.later;
		effect_log(out, 3, "sched: submitted HetJobId=%u components=%u", leader->id,
			   t.count);
	}
	submit_fini(&t, rc != E_OK);
}

void rpc_alloc_het(struct core *c, const struct event *ev, struct effects *out)
{
	struct het_submit t = { .later = E_OK };
	struct job *leader;
	enum err rc;

	desc_copy(&t, ev->body, false);
	rc = submit_check(c, ev, &t, false);
	if (rc != E_OK) {
		effect_reply_rc_msg(out, ev, rc, t.why.text);
	} else {
		leader = submit_all(c, &t);
		c->alloc_reply_job = leader->id;
		sched_pass(c, &core_sched_ops, out, false);
		c->alloc_reply_job = 0;
		het_response(c, out, leader, effect_reply(out, ev, RESPONSE_HET_JOB_ALLOCATION));
		effect_log(out, 3, "sched: HetJobId=%u components=%u %s", leader->id, t.count,
			   leader->alloc ? "allocated" : "queued");
	}
	submit_fini(&t, rc != E_OK);
}
