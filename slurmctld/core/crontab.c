/* SPDX-License-Identifier: Apache-2.0
 *
 * scrontab: the crontabs of users and the jobs made from them.  A cron job is
 * a batch job that goes back to the queue when it has ended, with the next
 * time of its entry as begin time. */
#include <errno.h>
#include <stdlib.h>

#include "slurmctld/core/cron.h"
#include "slurmctld/core/internal.h"

static bool enabled(const struct core *c)
{
	return conf_option(c->conf->scronparameters, "enable", NULL);
}

static struct crontab *crontab_find(const struct core *c, uint32_t uid)
{
	for (struct crontab *t = c->crontabs; t; t = t->next)
		if (t->uid == uid)
			return t;
	return NULL;
}

struct crontab *crontab_put(struct core *c, uint32_t uid, const char *text)
{
	struct crontab *t = crontab_find(c, uid);

	if (!t) {
		t = mem_zalloc(sizeof(*t));
		t->uid = uid;
		t->next = c->crontabs;
		c->crontabs = t;
	}
	free(t->text);
	free(t->disabled);
	t->text = mem_strdup(text);
	t->disabled = NULL;
	return t;
}

static void crontab_free(struct crontab *t)
{
	free(t->text);
	free(t->disabled);
	free(t);
}

static void crontab_remove(struct core *c, uint32_t uid)
{
	for (struct crontab **at = &c->crontabs; *at; at = &(*at)->next) {
		struct crontab *t = *at;

		if (t->uid != uid)
			continue;
		*at = t->next;
		crontab_free(t);
		core_row_gone(c, TAB_CRONTAB, uid);
		return;
	}
}

void crontab_free_all(struct core *c)
{
	while (c->crontabs) {
		struct crontab *t = c->crontabs;

		c->crontabs = t->next;
		crontab_free(t);
	}
}

/* ---- jobs -------------------------------------------------------------- */

int64_t cron_job_next(const struct core *c, const struct job *j, int64_t from)
{
	const char *spec = job_str(j, JS_CRONSPEC);
	struct cron e;
	int64_t t;

	if (!(j->bitflags & CRON_JOB) || !spec || !cron_from_text(spec, &e))
		return 0;
	t = cron_next(&e, &c->zone, from);
	return t == INT64_MAX ? 0 : t;
}

bool cron_job_kept(const struct core *c, const struct job *j, uint16_t flags)
{
	return j->bitflags & CRON_JOB && !(flags & KILL_CRON) &&
		conf_option(c->conf->scronparameters, "explicit_scancel", NULL);
}

void cron_job_cancelled(struct core *c, struct job *j, struct effects *out)
{
	struct crontab *t = crontab_find(c, j->uid);
	char *list;

	if (!(j->bitflags & CRON_JOB))
		return;
	j->bitflags &= ~CRON_JOB;
	effect_log(out, 2, "cancelling cron job JobId=%u, lines %u %u of the crontab of uid=%u",
		   j->id, j->cron_line_start, j->cron_line_end, j->uid);
	if (!t)
		return;
	list = mem_printf("%s%s%u-%u", t->disabled ? t->disabled : "", t->disabled ? "," : "",
			  j->cron_line_start, j->cron_line_end);
	free(t->disabled);
	t->disabled = list;
	image_put_crontab(c, out, t);
}

/* Jobs of the crontab before: those that wait are cancelled, those that run
 * do so for the last time. */
static void drop_jobs(struct core *c, uint32_t uid, struct effects *out)
{
	struct job *next;

	for (struct job *j = c->job_first; j; j = next) {
		next = j->next;
		if (j->uid != uid || !(j->bitflags & CRON_JOB))
			continue;
		j->bitflags &= ~CRON_JOB;
		job_dirty(c, j);
		if (!job_is_pending(j))
			continue;
		j->exit_code = 1;
		job_end(c, j, JOB_CANCELLED, out);
	}
}

void cron_follow_clock(struct core *c, const struct cron_zone *zone)
{
	c->zone = *zone;
	for (struct job *j = c->job_first; j; j = j->next) {
		int64_t t;

		if (!(j->bitflags & CRON_JOB) || !job_is_pending(j) || j->begin_time <= c->now)
			continue;
		t = cron_job_next(c, j, (c->now / 60 + 1) * 60);
		if (!t || t == j->begin_time)
			continue;
		j->begin_time = j->eligible_time = t;
		job_dirty(c, j);
		if (j->listed)
			sched_job_changed(c, j);
	}
}

/* ---- requests ---------------------------------------------------------- */

void rpc_crontab(struct core *c, const struct event *ev, struct effects *out)
{
	const struct crontab_request_msg *q = ev->body;
	const struct crontab *t = crontab_find(c, q->uid);
	struct crontab_response_msg *m;

	if (!enabled(c)) {
		effect_log(out, 2, "scrontab is disabled on this cluster: ScronParameters");
		effect_reply_rc(out, ev, E_FAIL);
	} else if (q->uid != ev->caller.uid && !ev->caller.operator_ &&
		   !ev->caller.root_or_slurm) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
	} else if (!t) {
		effect_reply_rc(out, ev, E_JOB_SCRIPT_MISSING);
	} else {
		m = effect_reply(out, ev, RESPONSE_CRONTAB);
		m->crontab = arena_strdup(&out->mem, t->text);
		m->disabled_lines = arena_strdup(&out->mem, t->disabled);
	}
}

/* One entry as a job, in no list yet. */
static enum err entry_build(struct core *c, const struct event *ev,
			    const struct crontab_update_request_msg *q,
			    struct job_desc_msg *d, struct job **out, struct err_text *why)
{
	struct event own = *ev;
	char text[CRON_TEXT_MAX];
	struct cron e;
	int64_t begin;
	enum err rc, later;

	if (!cron_from_wire(&d->crontab_entry, &e))
		return E_FAIL;
	begin = cron_next(&e, &c->zone, (c->now / 60 + 1) * 60);
	if (begin == INT64_MAX)
		return E_FAIL;
	d->begin_time = begin;
	d->user_id = q->uid;
	d->group_id = q->gid;
	d->requeue = 1;
	d->array_inx = NULL;
	d->step_id.job_id = NO_VAL;
	own.body = d;
	/* What root or SlurmUser submits for somebody else is that user's. */
	if (q->uid != ev->caller.uid) {
		own.caller.uid = q->uid;
		own.caller.gid = q->gid;
		own.caller.root_or_slurm = q->uid == 0;
		own.caller.operator_ = q->uid == 0;
	}
	rc = submit_batch_prepare(c, &own, out, &later, why);
	if (rc != E_OK)
		return rc;
	cron_to_text(&e, text);
	job_str_set(*out, JS_CRONSPEC, text);
	(*out)->cron_line_start = d->crontab_entry.line_start;
	(*out)->cron_line_end = d->crontab_entry.line_end;
	(*out)->bitflags |= CRON_JOB;
	return E_OK;
}

/* Which lines, and why.  An entry that is none has no lines either. */
static void update_failed(const struct cron_entry *e, enum err rc, const struct err_text *why,
			  struct crontab_update_response_msg *m, struct effects *out)
{
	if (rc != E_FAIL)
		m->failed_lines = arena_printf(&out->mem, "%u-%u", e->line_start, e->line_end);
	if (why->text[0])
		m->err_msg = arena_strdup(&out->mem, why->text);
}

static enum err update(struct core *c, const struct event *ev,
		       struct crontab_update_response_msg *m, struct effects *out)
{
	const struct crontab_update_request_msg *q = ev->body;
	uint32_t n = q->crontab ? q->jobs.cnt : 0;
	struct job_desc_msg *d = arena_alloc(&out->mem, (n + 1) * sizeof(*d));
	struct job **made = arena_alloc(&out->mem, (n + 1) * sizeof(struct job *));
	struct err_text why = { "" };

	if ((q->uid != ev->caller.uid || q->gid != ev->caller.gid) && !ev->caller.root_or_slurm)
		return E_USER_ID_MISSING;
	if (!ev->caller.host[0])
		return E_INVALID_NODE_NAME;
	for (uint32_t i = 0; i < n; i++) {
		enum err rc;

		d[i] = q->jobs.tmp_msg[i];
		rc = entry_build(c, ev, q, &d[i], &made[i], &why);
		if (rc == E_OK && (uint64_t)c->job_count + i + 1 >= c->conf->maxjobcount) {
			job_free(made[i]);
			rc = (enum err)EAGAIN;
		}
		if (rc == E_OK)
			continue;
		update_failed(&d[i].crontab_entry, rc, &why, m, out);
		while (i-- > 0)
			job_free(made[i]);
		return rc;
	}
	drop_jobs(c, q->uid, out);
	if (!q->crontab) {
		crontab_remove(c, q->uid);
		return E_OK;
	}
	m->jobids = arena_alloc(&out->mem, (n + 1) * sizeof(*m->jobids));
	for (uint32_t i = 0; i < n; i++) {
		submit_batch_enter(c, &d[i], made[i], out);
		m->jobids[m->jobids_count++] = made[i]->id;
		effect_log(out, 3, "Added JobId=%u from crontab entry from uid=%u, next start is "
			   "%lld", made[i]->id, q->uid, (long long)made[i]->begin_time);
	}
	image_put_crontab(c, out, crontab_put(c, q->uid, q->crontab));
	return E_OK;
}

void rpc_update_crontab(struct core *c, const struct event *ev, struct effects *out)
{
	struct crontab_update_response_msg *m;

	if (!enabled(c)) {
		effect_log(out, 2, "scrontab is disabled on this cluster: ScronParameters");
		effect_reply_rc(out, ev, E_FAIL);
		return;
	}
	m = effect_reply(out, ev, RESPONSE_UPDATE_CRONTAB);
	m->return_code = (uint32_t)update(c, ev, m, out);
}
