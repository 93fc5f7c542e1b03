/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends of jobs: final states, cleaning up on the nodes, requeueing, purging. */
#include <assert.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"

/* Node daemons remember the credentials of an ended job: a job that starts
 * again under its id waits until those have expired. */
#define CRED_LIFE_SEC 120

int64_t job_limit_end(const struct core *c, const struct job *j)
{
	uint32_t over = c->conf->overtimelimit;
	int64_t resv_end = c->resv_first ? resv_job_end(c, j) : NEVER, end;

	if (!j->end_time || j->time_limit_min == INFINITE)
		return resv_end;
	if (j->part && j->part->over_time_limit != NO_VAL16)
		over = j->part->over_time_limit;
	if (over == INFINITE16)
		return resv_end;
	end = j->end_time + (int64_t)over * 60;
	return end < resv_end ? end : resv_end;
}

/* ---- telling nodes and clients ----------------------------------------- */

static void tell_nodes(struct core *c, struct job *j, uint16_t type, const struct bitset *nodes,
		       struct effects *out)
{
	struct kill_job_msg *m = effects_body(out, type);
	struct effect *e;
	bool any = false;

	m->has_cred = 1;
	cred_fill_job(c, out, j, &m->cred.cred);
	m->details = arena_strdup(&out->mem, job_str(j, JS_STATE_DESC));
	m->derived_ec = j->derived_ec;
	m->exit_code = j->exit_code;
	gres_prep_fill(c, out, j, &m->job_gres_prep, &m->job_gres_prep_count);
	step_id_fill(j, NO_VAL, &m->step_id);
	m->het_job_id = j->het_job_id;
	m->job_state = j->state;
	m->job_uid = j->uid;
	m->job_gid = j->gid;
	m->nodes = effects_hostlist(c, out, j->alloc->nodes);
	m->start_time = j->start_time;
	m->time = c->now;
	m->work_dir = arena_strdup(&out->mem, job_str(j, JS_WORK_DIR));
	e = effect_nodes(c, out, type, m);
	bitset_foreach(i, nodes) {
		if ((c->node[i]->state & NODE_STATE_BASE) == NODE_STATE_DOWN)
			continue;
		effect_node_add(e, c->node[i]);
		any = true;
	}
	e->sign_cred = true;
	e->job_id = j->id;
	if (!any)
		out->count--;
}

void job_terminate_nodes(struct core *c, struct job *j, uint16_t type, struct effects *out)
{
	if (j->alloc && j->alloc->completing)
		tell_nodes(c, j, type, j->alloc->completing, out);
}

void job_abort_nodes(struct core *c, struct job *j, const struct bitset *nodes,
		     struct effects *out)
{
	tell_nodes(c, j, REQUEST_ABORT_JOB, nodes, out);
}

static void step_tell(const struct job *j, const struct step *s, struct effects *out)
{
	struct step_id_members *id;
	struct effect *e;

	if (!s->port || !s->peer.family)
		return;
	id = effects_body(out, SRUN_JOB_COMPLETE);
	step_id_fill(j, NO_VAL, id);
	e = effects_add(out, EFF_CLIENT);
	e->type = SRUN_JOB_COMPLETE;
	e->body = id;
	e->addr = s->peer;
	e->addr.port = s->port;
	e->client_version = s->start_protocol;
	e->job_id = j->id;
	e->step_id = s->id;
}

void job_srun_complete(struct core *c, struct job *j, struct effects *out)
{
	struct step_id_members *all;

	/* The manager tells the job's own srun as well, but ends with the job:
	 * clients take the second word for the same. */
	if (job_is_managed(c, j)) {
		all = effects_body(out, SRUN_JOB_COMPLETE);
		step_id_fill(j, NO_VAL, all);
		(void)manager_pass(c, j, SRUN_JOB_COMPLETE, all, out);
	}
	if (!j->batch && j->other_port) {
		struct step_id_members *id = effects_body(out, SRUN_JOB_COMPLETE);

		step_id_fill(j, NO_VAL, id);
		job_tell_srun(c, j, SRUN_JOB_COMPLETE, id, out);
	}
	for (const struct step *s = j->steps; s; s = s->next)
		step_tell(j, s, out);
}

/* It waits at another port as long as it has no allocation. */
static void waiting_srun_complete(struct core *c, struct job *j, struct effects *out)
{
	uint16_t port = j->other_port;

	j->other_port = j->alloc_resp_port;
	job_srun_complete(c, j, out);
	j->other_port = port;
}

/* ---- the end ----------------------------------------------------------- */

static void count_end(struct core *c, uint32_t base)
{
	/* "failed" are those that the system failed, not their scripts */
	if (base == JOB_CANCELLED)
		c->stats.canceled++;
	else if (base == JOB_NODE_FAIL || base == JOB_BOOT_FAIL)
		c->stats.failed++;
	else
		c->stats.completed++;
}

static void array_task_ended(struct core *c, struct job *j)
{
	struct job *head = array_head(c, j);

	if (head && head != j && head->array->running) {
		head->array->running--;
		job_touch(c, head);
		sched_job_changed(c, head);
		c->wants_sched = true;
	}
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static const char *limit_text(struct effects *out, const struct job *j)
{
	if (j->time_limit_min == NO_VAL)
		return "Partition_Limit";
	if (j->time_limit_min == INFINITE)
		return "UNLIMITED";
	return arena_printf(&out->mem, "%u", j->time_limit_min);
}

/* The line of jobcomp/filetxt; what only the shell knows (names, the zone of
 * times) is marked: @u uid, @g gid, @t time, each ended by "@". */
static void completed_line(struct core *c, struct job *j, uint32_t state, struct effects *out)
{
	const char *nodes = job_str(j, JS_NODES);
	struct effect *e;

	if (!c->conf->jobcomptype)
		return;
	e = effects_add(out, EFF_COMPLETED);
	e->text = arena_printf(&out->mem,
		"JobId=%u UserId=@u%u@(%u) GroupId=@g%u@(%u) Name=%s JobState=%s Partition=%s "
		"TimeLimit=%s StartTime=@t%lld@ EndTime=@t%lld@ NodeList=%s NodeCnt=%u ProcCnt=%u "
		"WorkDir=%s ReservationName=%s Tres=%s Account=%s QOS=%s WcKey=%s Cluster=%s "
		"SubmitTime=@t%lld@ EligibleTime=@t%lld@ DerivedExitCode=%u:%u ExitCode=%u:%u ",
		j->id, j->uid, j->uid, j->gid, j->gid, or_empty(job_str(j, JS_NAME)),
		job_state_text(state), or_empty(job_str(j, JS_PARTITION)),
		limit_text(out, j), (long long)j->start_time, (long long)j->end_time,
		nodes ? nodes : "(null)", j->total_nodes, j->total_cpus,
		or_empty(job_str(j, JS_WORK_DIR)), or_empty(job_str(j, JS_RESERVATION)),
		or_empty(job_str(j, JS_TRES_ALLOC)), or_empty(job_str(j, JS_ACCOUNT)),
		or_empty(job_str(j, JS_QOS)), or_empty(job_str(j, JS_WCKEY)),
		or_empty(c->conf->clustername), (long long)j->submit_time,
		(long long)j->eligible_time, j->derived_ec >> 8 & 0xff, j->derived_ec & 0x7f,
		j->exit_code >> 8 & 0xff, j->exit_code & 0x7f);
}

/* The running part of a job is over: state is what it becomes. */
static void run_ended(struct core *c, struct job *j, uint32_t state, uint16_t message,
		      struct effects *out)
{
	/* No node daemon was told of it yet. */
	bool unheard = j->state & JOB_CONFIGURING;

	if (job_base(j) == JOB_SUSPENDED) {
		j->tot_sus_sec += c->now - j->suspend_time;
		j->end_time = j->suspend_time;
	} else {
		j->end_time = c->now;
	}
	j->time_last_active = c->now;
	j->bitflags &= ~JOB_WAS_RUNNING;
	/* Stock's word for steps that end with their job */
	if (j->steps || j->batch)
		j->bitflags |= TRES_STR_CALC;
	array_task_ended(c, j);
	job_srun_complete(c, j, out);
	if (!j->alloc) {
		job_move(c, j, state);
		return;
	}
	alloc_complete(c, j);
	job_move(c, j, state | JOB_COMPLETING);
	prep_end(c, j, out);
	if (!unheard)
		job_terminate_nodes(c, j, message, out);
	/* Nobody there will ever report. */
	for (uint32_t i = 0; j->alloc && i < j->alloc->node_count; i++) {
		struct node *n = c->node[j->alloc->share[i].node];

		if (unheard || (n->state & NODE_STATE_BASE) == NODE_STATE_DOWN ||
		    n->state & (NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_UP))
			job_node_clean(c, j, n, out);
	}
}

static void end_with(struct core *c, struct job *j, uint32_t state, uint16_t message,
		     struct effects *out)
{
	bool ran = job_is_running(j) || job_base(j) == JOB_SUSPENDED;

	assert(!job_is_finished(j));
	count_end(c, state & JOB_STATE_BASE);
	if (ran) {
		run_ended(c, j, state, message, out);
	} else {
		j->start_time = j->end_time = c->now;
		job_str_set(j, JS_SCHED_NODES, NULL);
		job_move(c, j, state | (j->state & JOB_COMPLETING));
		if (!j->batch)
			waiting_srun_complete(c, j, out);
	}
	mail_ended(c, j, state, false, out);
	completed_line(c, j, state, out);
	depend_wake(c, j, out);
	if (!ran)
		het_pending_ended(c, j, state, out);
	else if (het_is_part(j))
		het_launch(c, j, out);
}

void job_end(struct core *c, struct job *j, uint32_t state, struct effects *out)
{
	end_with(c, j, state, REQUEST_TERMINATE_JOB, out);
}

void job_timed_out(struct core *c, struct job *j, struct effects *out)
{
	struct srun_timeout_msg *m = effects_body(out, SRUN_TIMEOUT);

	step_id_fill(j, NO_VAL, &m->step_id);
	m->timeout = c->now;
	(void)manager_pass(c, j, SRUN_TIMEOUT, m, out);
	job_tell_srun(c, j, SRUN_TIMEOUT, m, out);
	job_reason(c, j, FAIL_TIMEOUT, NULL);
	end_with(c, j, JOB_TIMEOUT, REQUEST_KILL_TIMELIMIT, out);
}

static bool number_listed(const char *list, uint32_t n)
{
	char *copy = mem_strdup(list), *save = NULL;
	bool found = false;

	for (char *t = copy ? strtok_r(copy, ", ", &save) : NULL; t;
	     t = strtok_r(NULL, ", ", &save)) {
		char *end;
		unsigned long a = strtoul(t, &end, 10), b = a;

		if (*end == '-')
			b = strtoul(end + 1, NULL, 10);
		found |= n >= a && n <= b;
	}
	free(copy);
	return found;
}

/* RequeueExit and RequeueExitHold. */
static bool requeue_by_exit(struct core *c, struct job *j, uint32_t code, struct effects *out)
{
	uint32_t flags = 0;

	if (!j->batch || !code)
		return false;
	if (number_listed(c->conf->requeueexithold, code))
		flags = JOB_REQUEUE_HOLD | JOB_SPECIAL_EXIT;
	else if (!number_listed(c->conf->requeueexit, code))
		return false;
	het_requeue(c, j, flags, CRED_LIFE_SEC + 1, out);
	return true;
}

void job_end_status(struct core *c, struct job *j, uint32_t status, struct effects *out)
{
	char desc[80];

	if ((status & 0xff) == SIG_OOM) {
		j->exit_code = status;
		job_reason(c, j, FAIL_OOM, NULL);
		job_end(c, j, JOB_OOM, out);
	} else if (WIFEXITED((int)status) && WEXITSTATUS((int)status)) {
		if (requeue_by_exit(c, j, WEXITSTATUS((int)status), out))
			return;
		j->exit_code = status;
		job_reason(c, j, FAIL_EXIT_CODE, NULL);
		job_end(c, j, JOB_FAILED, out);
	} else if (WIFSIGNALED((int)status)) {
		j->exit_code = status;
		snprintf(desc, sizeof(desc), "RaisedSignal:%d(%s)", WTERMSIG((int)status),
			 strsignal(WTERMSIG((int)status)));
		job_reason(c, j, FAIL_SIGNAL, desc);
		job_end(c, j, JOB_FAILED, out);
	} else if (job_is_running(j) && c->now > job_limit_end(c, j)) {
		job_reason(c, j, FAIL_TIMEOUT, NULL);
		job_end(c, j, JOB_TIMEOUT, out);
	} else {
		j->exit_code = status;
		job_end(c, j, JOB_COMPLETE, out);
	}
}

/* ---- cleaned up -------------------------------------------------------- */

static void job_forget_nodes(struct job *j)
{
	job_str_set(j, JS_NODES, NULL);
	job_str_set(j, JS_BATCH_HOST, NULL);
	job_str_set(j, JS_TRES_ALLOC, NULL);
}

static void job_cleaned(struct core *c, struct job *j, struct effects *out)
{
	steps_remove_all(c, j);
	job_past(j, j->alloc);
	j->alloc = NULL;
	sched_job_removed(c, j);
	if (job_is_pending(j) || j->bitflags & CRON_JOB) {
		job_past(j, NULL);
		job_forget_nodes(j);
		j->total_cpus = j->total_nodes = 0;
	}
	job_move(c, j, j->state & ~JOB_COMPLETING);
	if (j->bitflags & CRON_JOB && job_is_finished(j))
		job_requeue(c, j, 0, 0, out);
	if (job_is_pending(j))
		depend_refresh(c, j, out);
	depend_wake(c, j, out);
}

void job_node_clean(struct core *c, struct job *j, struct node *n, struct effects *out)
{
	uint32_t k = alloc_find(j->alloc, n->index);

	if (k == UINT32_MAX || !job_is_completing(j))
		return;
	job_dirty(c, j);
	if (alloc_release_node(c, j, k) && !j->epilog_ctld)
		job_cleaned(c, j, out);
}

void job_clean_check(struct core *c, struct job *j, struct effects *out)
{
	if (job_is_completing(j) && !j->epilog_ctld &&
	    bitset_next(j->alloc->completing, 0) == UINT32_MAX)
		job_cleaned(c, j, out);
}

/* ---- again ------------------------------------------------------------- */

/* A cron job waits for the next time of its entry, never the same minute. */
static int64_t begin_again(const struct core *c, const struct job *j, int64_t delay_sec)
{
	int64_t soon = c->now + delay_sec, minute = (c->now / 60 + 1) * 60;
	int64_t due = cron_job_next(c, j, soon - soon % 60 > minute ? soon - soon % 60 : minute);

	return due ? due : soon;
}

void job_requeue(struct core *c, struct job *j, uint32_t flags, int64_t delay_sec,
		 struct effects *out)
{
	bool ran = job_is_running(j) || job_base(j) == JOB_SUSPENDED;
	bool finished = job_is_finished(j);
	uint32_t keep = flags & JOB_SPECIAL_EXIT;

	/* A suspended job waits with its own priority again */
	if (job_base(j) == JOB_SUSPENDED && !j->priority) {
		j->priority = 1;
		j->priority = sched_priority(c, j);
	}
	j->bitflags &= ~TRES_STR_CALC;
	if (flags & (JOB_REQUEUE_HOLD | JOB_SPECIAL_EXIT)) {
		j->priority = 0;
		job_reason(c, j, WAIT_HELD_USER, flags & JOB_REQUEUE_HOLD ?
			   "job requeued in held state" : "job requeued in special exit state");
	} else {
		job_reason(c, j, WAIT_NO_REASON, NULL);
	}
	if (!ran && !finished) {
		sched_job_changed(c, j);
		job_move(c, j, JOB_PENDING | (j->state & JOB_COMPLETING) | keep);
		job_dirty(c, j);
		return;
	}
	if (ran) {
		run_ended(c, j, JOB_PENDING | keep, REQUEST_TERMINATE_JOB, out);
		mail_ended(c, j, JOB_PENDING, true, out);
	}
	resv_draw_in(c, j, 0);
	if (finished) {
		job_past(j, NULL);
		if (!j->alloc)
			job_forget_nodes(j);
	}
	j->restart_cnt++;
	j->launched = false;
	if (!finished)
		j->exit_code = j->derived_ec = 0;
	j->warned = 0;
	j->start_time = j->end_time = 0;
	j->suspend_time = j->tot_sus_sec = j->pre_sus_sec = 0;
	j->submit_time = c->now;
	j->begin_time = begin_again(c, j, delay_sec);
	j->eligible_time = j->begin_time;
	j->accrue_time = j->begin_time;
	j->next_step_id = 0;
	if (j->priority)
		job_reason(c, j, WAIT_TIME, NULL);
	j->sluid = job_next_sluid(c);
	if (j->priority && !j->direct_prio)
		j->priority = sched_priority(c, j);
	if (finished)
		job_move(c, j, JOB_PENDING | (j->state & JOB_COMPLETING) | keep);
	job_dirty(c, j);
	if (j->listed)
		sched_job_changed(c, j);
	depend_refresh(c, j, out);
}

void job_purge(struct core *c, struct job *j, struct effects *out)
{
	uint32_t script = j->array_job_id ? j->array_job_id : j->id;
	bool batch = j->batch;

	while (!het_is_part(j) && j->het_next)
		job_remove(c, j->het_next);
	job_remove(c, j);
	/* Tasks of an array share one script. */
	if (batch && !job_find(c, script) && !job_array_first(c, script))
		effects_add(out, EFF_SCRIPT_DEL)->script_id = script;
}
