/* SPDX-License-Identifier: Apache-2.0
 *
 * From "has its nodes" to "runs", and the controller's part of the end.
 *
 * A job that has been given nodes is CONFIGURING while PrologSlurmctld runs or
 * nodes boot; only then do node daemons hear of it.  One that ended stays
 * COMPLETING until EpilogSlurmctld is over, too.  Programs that a restart
 * finds unfinished are run again. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "slurmctld/core/internal.h"

#define REQUEUE_DELAY_SEC 121

/* ---- programs ---------------------------------------------------------- */

static uint32_t timeout_of(const struct core *c, bool prolog)
{
	uint16_t own = prolog ? c->conf->prologtimeout : c->conf->epilogtimeout;
	uint16_t both = c->conf->prologepilogtimeout;

	if (own && own != NO_VAL16 && own != INFINITE16)
		return own;
	return both == NO_VAL16 || both == INFINITE16 ? 0 : both;
}

static uint8_t start_all(struct core *c, struct job *j, enum run_kind kind,
			 const struct conf_strings *list, struct effects *out)
{
	const char *context = kind == RUN_PROLOG ? "SLURM_SCRIPT_CONTEXT=prolog_slurmctld" :
		"SLURM_SCRIPT_CONTEXT=epilog_slurmctld";
	const char **env = job_environment(c, out, j, kind == RUN_EPILOG), **all;
	uint32_t n = 0;

	while (env[n])
		n++;
	all = arena_alloc(&out->mem, (n + 2) * sizeof(*all));
	memcpy(all, env, n * sizeof(*all));
	all[n] = context;
	all[n + 1] = NULL;
	j->prep_run = ++c->last_run;
	for (uint32_t i = 0; i < list->count && i < UINT8_MAX; i++) {
		const char **argv = arena_zalloc(&out->mem, 2 * sizeof(*argv));
		struct effect *e = effect_run(out, kind, argv);

		argv[0] = arena_strdup(&out->mem, list->v[i]);
		e->env = all;
		e->env_names = true;
		e->env_uid = j->uid;
		e->env_gid = j->gid;
		e->job_id = j->id;
		e->run = j->prep_run;
		e->timeout_sec = timeout_of(c, kind == RUN_PROLOG);
	}
	job_dirty(c, j);
	return (uint8_t)(list->count < UINT8_MAX ? list->count : UINT8_MAX);
}

/* ---- before ------------------------------------------------------------ */

static bool nodes_ready(const struct core *c, const struct job *j)
{
	/* The script's node will do when the others are on their way. */
	bool all = !j->batch || j->wait_all_nodes || job_str(j, JS_BATCH_FEATURES) ||
		job_wants_prolog(c);

	for (uint32_t i = 0; i < j->alloc->node_count; i++) {
		const struct node *n = c->node[j->alloc->share[i].node];

		if (n->state & (NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_DOWN))
			return false;
		if (n->state & NODE_STATE_POWERING_UP &&
		    (all || !i || n->state & NODE_STATE_CLOUD))
			return false;
	}
	return true;
}

/* Are nodes to be powered up for it? */
static bool wakes_nodes(struct core *c, const struct job *j)
{
	for (uint32_t i = 0; i < j->alloc->node_count; i++)
		if (c->node[j->alloc->share[i].node]->state & NODE_STATE_POWERED_DOWN) {
			power_wanted(c);
			return true;
		}
	return false;
}

static void configured(struct core *c, struct job *j, struct effects *out)
{
	int64_t took = c->now - j->start_time;

	if (j->state & JOB_POWER_UP_NODE)
		j->start_time = c->now;
	else
		j->tot_sus_sec = took;
	if (j->time_limit_min != INFINITE)
		j->end_time = c->now + (int64_t)j->time_limit_min * 60;
	if (took)
		effect_log(out, 3, "Configuration for JobId=%u is complete, after %lld seconds",
			   j->id, (long long)took);
	job_move(c, j, j->state & ~(uint32_t)(JOB_CONFIGURING | JOB_POWER_UP_NODE));
	job_launch(c, j, out);
}

void prep_check(struct core *c, struct job *j, struct effects *out)
{
	if (j->state & JOB_CONFIGURING && job_is_running(j) && !j->prolog_ctld &&
	    nodes_ready(c, j))
		configured(c, j, out);
}

void prep_begin(struct core *c, struct job *j, struct effects *out)
{
	j->prep_failed = false;
	j->prolog_ctld = 0;
	if (c->conf->prologslurmctld.count)
		j->prolog_ctld = start_all(c, j, RUN_PROLOG, &c->conf->prologslurmctld, out);
	if (!j->prolog_ctld && nodes_ready(c, j)) {
		job_launch(c, j, out);
		return;
	}
	job_move(c, j, j->state | JOB_CONFIGURING |
		 (wakes_nodes(c, j) ? JOB_POWER_UP_NODE : 0));
}

static void tell_owner(struct core *c, struct job *j, const char *text, struct effects *out)
{
	struct srun_user_msg *m = effects_body(out, SRUN_USER_MSG);

	step_id_fill(j, NO_VAL, &m->step_id);
	m->msg = text;
	job_tell_srun(c, j, SRUN_USER_MSG, m, out);
}

static void prolog_failed(struct core *c, struct job *j, struct effects *out)
{
	j->prep_failed = false;
	if (j->batch && het_may_requeue(c, j)) {
		het_requeue(c, j, 0, REQUEUE_DELAY_SEC, out);
		return;
	}
	effect_log(out, 3, "unable to requeue JobId=%u: %s", j->id,
		   err_str(j->batch ? E_DISABLED : E_BATCH_ONLY));
	tell_owner(c, j, "PrologSlurmctld failed, job killed", out);
	j->req_uid = 0;
	het_end(c, j, JOB_CANCELLED, out);
}

static void prolog_over(struct core *c, struct job *j, const struct event *ev,
			struct effects *out)
{
	if (!j->prolog_ctld)
		return;
	/* Killed but for its time: somebody ended the job, or us. */
	if (ev->timed_out || (WIFEXITED(ev->status) && WEXITSTATUS(ev->status))) {
		effect_log(out, 2, "PrologSlurmctld of JobId=%u failed", j->id);
		j->prep_failed = true;
	}
	if (--j->prolog_ctld)
		return;
	job_dirty(c, j);
	if (j->prep_failed)
		prolog_failed(c, j, out);
	else
		prep_check(c, j, out);
}

/* ---- after ------------------------------------------------------------- */

void prep_end(struct core *c, struct job *j, struct effects *out)
{
	if (j->prolog_ctld)
		effects_add(out, EFF_RUN_KILL)->job_id = j->id;
	j->prolog_ctld = 0;
	j->epilog_ctld = 0;
	if (c->conf->epilogslurmctld.count)
		j->epilog_ctld = start_all(c, j, RUN_EPILOG, &c->conf->epilogslurmctld, out);
}

static void epilog_over(struct core *c, struct job *j, struct effects *out)
{
	if (!j->epilog_ctld || --j->epilog_ctld)
		return;
	job_dirty(c, j);
	job_clean_check(c, j, out);
}

void prep_program(struct core *c, const struct event *ev, struct effects *out)
{
	struct job *j = job_find(c, ev->job_id);

	/* Of an earlier life of the job. */
	if (!j || j->prep_run != ev->run)
		return;
	if (ev->run_kind == RUN_PROLOG)
		prolog_over(c, j, ev, out);
	else if (ev->run_kind == RUN_EPILOG)
		epilog_over(c, j, out);
}

void prep_restart(struct core *c, struct job *j, struct effects *out)
{
	if (job_is_completing(j) && j->epilog_ctld) {
		prep_end(c, j, out);
		job_clean_check(c, j, out);
	} else if (j->state & JOB_CONFIGURING && j->prolog_ctld) {
		job_move(c, j, j->state & ~(uint32_t)JOB_CONFIGURING);
		prep_begin(c, j, out);
	} else {
		prep_check(c, j, out);
	}
}
