/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals, cancellation, requeueing and suspension on request. */
#include <signal.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"

enum { SUSPEND_JOB, RESUME_JOB };

bool job_may_act(const struct event *ev, const struct job *j)
{
	return ev->caller.operator_ || ev->caller.root_or_slurm || ev->caller.uid == j->uid;
}

/* To be given its nodes. */
static struct effect *signal_new(struct core *c, struct effects *out, uint16_t type,
				 const struct job *j, uint32_t step_id, uint32_t het_comp,
				 uint16_t signal, uint16_t flags)
{
	struct cancel_tasks_msg *m = effects_body(out, type);
	struct effect *e;

	step_id_fill(j, step_id, &m->step_id);
	m->step_id.step_het_comp = het_comp;
	m->signal = signal;
	m->flags = flags;
	e = effect_nodes(c, out, type, m);
	e->job_id = j->id;
	e->step_id = step_id;
	return e;
}

void effect_signal(struct core *c, struct effects *out, const struct job *j, uint32_t step_id,
		   uint16_t signal, uint16_t flags, const struct bitset *nodes)
{
	struct effect *e = signal_new(c, out, REQUEST_SIGNAL_TASKS, j, step_id, NO_VAL, signal,
				      flags);

	bitset_foreach(i, nodes)
		effect_node_add(e, c->node[i]);
}

void step_signal(struct core *c, const struct job *j, const struct step *s, uint16_t signal,
		 uint16_t flags, const struct bitset *nodes, struct effects *out)
{
	uint16_t type = signal == SIGKILL ? REQUEST_TERMINATE_TASKS : REQUEST_SIGNAL_TASKS;
	struct effect *e = signal_new(c, out, type, j, s->id, s->het_comp, signal, flags);

	for (uint32_t i = 0; i < s->node_count; i++)
		if (!nodes || bitset_test(nodes, s->node[i]))
			effect_node_add(e, c->node[s->node[i]]);
}

static void cancel(struct core *c, struct job *j, uint32_t uid, struct effects *out)
{
	j->req_uid = uid;
	cron_job_cancelled(c, j, out);
	job_end(c, j, JOB_CANCELLED, out);
}

static enum err signal_running(struct core *c, struct job *j, uint16_t signal, uint16_t flags,
			       struct effects *out)
{
	struct bitset *set;

	/* without a word it is for the steps */
	if (!(flags & (KILL_FULL_JOB | KILL_JOB_BATCH | KILL_STEPS_ONLY)))
		flags |= KILL_STEPS_ONLY;
	if (flags & KILL_JOB_BATCH) {
		if (!j->batch)
			return E_JOB_SCRIPT_MISSING;
		if (het_is_part(j))     /* the leader has it */
			return E_OK;
		set = effects_bitset(out, c->node_count);
		bitset_set(set, j->alloc->share[0].node);
		effect_signal(c, out, j, NO_VAL, signal, flags, set);
	} else {
		effect_signal(c, out, j, NO_VAL, signal, flags, j->alloc->nodes);
	}
	return E_OK;
}

enum err job_signal(struct core *c, struct job *j, uint16_t signal, uint16_t flags,
		    uint32_t uid, struct effects *out)
{
	bool whole = !(flags & (KILL_STEPS_ONLY | KILL_JOB_BATCH));

	if (job_is_finished(j))
		return E_ALREADY_DONE;
	if (cron_job_kept(c, j, flags))
		return E_CANNOT_CANCEL_CRON_JOB;
	if (job_is_pending(j)) {
		if (signal != SIGKILL)
			return E_TRANSITION_STATE_NO_UPDATE;
		cancel(c, j, uid, out);
		return E_OK;
	}
	if (!j->alloc)
		return E_TRANSITION_STATE_NO_UPDATE;
	if (signal == SIGKILL && whole) {
		cancel(c, j, uid, out);
		return E_OK;
	}
	if (job_base(j) == JOB_SUSPENDED)
		return E_TRANSITION_STATE_NO_UPDATE;
	return signal_running(c, j, signal, flags, out);
}

/* A task that never got a record of its own just leaves the array. */
enum err array_task_signal(struct core *c, const struct job_target *t, uint16_t signal,
			    uint32_t uid, struct effects *out)
{
	struct job *head = t->j;

	if (signal != SIGKILL)
		return E_TRANSITION_STATE_NO_UPDATE;
	if (!head->array || !bitset_test(head->array->pending, t->task))
		return E_ALREADY_DONE;
	if (bitset_count(head->array->pending) == 1) {
		cancel(c, head, uid, out);
		return E_OK;
	}
	bitset_clear(head->array->pending, t->task);
	c->stats.canceled++;
	job_dirty(c, head);
	sched_job_changed(c, head);
	return E_OK;
}

/* Best answer for a set: success when one succeeded, unless all had ended. */
enum err job_targets_signal(struct core *c, const struct event *ev, struct job_targets *t,
			    uint16_t signal, uint16_t flags, struct effects *out)
{
	enum err rc = E_OK, one;
	bool done = false;

	for (uint32_t i = 0; i < t->count; i++) {
		struct job_target *v = &t->v[i];

		if (!job_may_act(ev, v->j))
			one = E_ACCESS_DENIED;
		else if (v->task != NO_VAL)
			one = array_task_signal(c, v, signal, ev->caller.uid, out);
		else
			one = job_signal(c, v->j, signal, flags, ev->caller.uid, out);
		done |= one == E_OK;
		if (one != E_OK && (rc == E_OK || one != E_ALREADY_DONE))
			rc = one;
	}
	return done && rc == E_ALREADY_DONE ? E_OK : rc;
}

/* A component that runs can be signaled alone; one that waits cannot, since
 * the others would wait for ever. */
static enum err het_signal_rule(struct core *c, struct arena *mem, struct job_targets *t)
{
	struct job *j = t->v[0].j;

	if (t->by_offset && !j->het_job_id)
		return E_NOT_HET_JOB;
	if (t->by_offset ? !t->part || het_is_whole(c) : t->part && het_is_whole(c))
		job_targets_whole(c, mem, t);
	else if (t->part && job_is_pending(j) && het_leader(c, j))
		return E_NOT_WHOLE_HET_JOB;
	return E_OK;
}

void rpc_kill_job(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_step_kill_msg *m = ev->body;
	struct arena mem = { 0 };
	struct job_targets t;
	enum err rc = job_targets_find(c, m->sjob_id, m->step_id.job_id, &mem, &t);

	if (rc == E_OK && m->flags & KILL_ARRAY_TASK && !m->sjob_id && !t.v[0].j->het_job_id) {
		/* The number is meant as a job id, not as an array's. */
		t.v[0] = (struct job_target){ job_find(c, m->step_id.job_id), NO_VAL };
		t.count = 1;
		if (!t.v[0].j)
			rc = E_INVALID_JOB_ID;
	}
	if (rc == E_OK && job_may_act(ev, t.v[0].j))
		rc = het_signal_rule(c, &mem, &t);
	if (rc == E_OK)
		rc = job_targets_signal(c, ev, &t, m->signal, m->flags, out);
	if (rc == E_ACCESS_DENIED)
		effect_log(out, 2, "Security violation, REQUEST_KILL_JOB RPC for JobId=%s from uid=%u",
			   m->sjob_id ? m->sjob_id : "?", ev->caller.uid);
	effect_reply_rc(out, ev, rc);
	arena_fini(&mem);
}

/* ---- steps ------------------------------------------------------------- */

static enum err step_kill(struct core *c, struct job *j, const struct job_step_kill_msg *m,
			  struct effects *out)
{
	struct step *s = step_find(j, &m->step_id), *next;
	struct bitset *set;

	if (job_is_finished(j))
		return E_ALREADY_DONE;
	if (!job_is_running(j) || !j->alloc)
		return job_is_pending(j) ? E_TRANSITION_STATE_NO_UPDATE : E_ALREADY_DONE;
	if (m->step_id.step_id == STEP_BATCH || m->step_id.step_id == STEP_EXTERN) {
		set = effects_bitset(out, c->node_count);
		if (m->step_id.step_id == STEP_BATCH)
			bitset_set(set, j->alloc->share[0].node);
		else
			bitset_copy(set, j->alloc->nodes);
		effect_signal(c, out, j, m->step_id.step_id, m->signal,
			      m->step_id.step_id == STEP_BATCH ? m->flags | KILL_JOB_BATCH :
			      m->flags, set);
		return E_OK;
	}
	if (!s && manager_pass(c, j, REQUEST_CANCEL_JOB_STEP, m, out))
		return E_OK;
	if (!s)
		return E_INVALID_JOB_ID;
	/* All components of a step that has several, unless one is named. */
	for (; s; s = next) {
		next = s->next;
		if (!step_matches(s, &m->step_id))
			continue;
		if (s->node_count)
			step_signal(c, j, s, m->signal, m->flags, NULL, out);
		else                    /* waits for room */
			step_remove(c, j, s);
	}
	return E_OK;
}

/* A step over several components has a record in each. */
static enum err steps_kill(struct core *c, struct job *j, const struct job_step_kill_msg *m,
			   struct effects *out)
{
	enum err rc = E_OK, one;
	bool done = false;

	for (struct job *k = j; k; k = het_is_part(j) ? NULL : k->het_next) {
		one = step_kill(c, k, m, out);
		done |= one == E_OK;
		if (one != E_OK && rc == E_OK)
			rc = one;
	}
	return done ? E_OK : rc;
}

void rpc_cancel_step(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_step_kill_msg *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);

	/* Without a step it is about the job. */
	if (m->step_id.step_id == NO_VAL) {
		rpc_kill_job(c, ev, out);
		return;
	}
	if (!j)
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
	else if (!job_may_act(ev, j))
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
	else
		effect_reply_rc(out, ev, steps_kill(c, j, m, out));
}

/* ---- requeue ----------------------------------------------------------- */

/* One order to every job that a request names, answered for each. */
typedef enum err target_fn(struct core *c, const struct event *ev, struct job *j,
			   uint32_t arg, struct effects *out);

/* by_offset, part: codes for a component that is named alone. */
static void each_target(struct core *c, const struct event *ev, const char *text, uint32_t id,
			target_fn *one, uint32_t arg, enum err by_offset, enum err part,
			struct effects *out)
{
	struct arena mem = { 0 };
	struct job_targets t;
	enum err rc = job_targets_find(c, text, id, &mem, &t), *each;

	if (rc == E_OK && (t.by_offset || t.part))
		rc = t.by_offset ? by_offset : part;
	if (rc != E_OK && !t.missing) {
		effect_reply_rc(out, ev, rc);
	} else {
		each = arena_alloc(&mem, t.count * sizeof(*each) + 1);
		for (uint32_t i = 0; i < t.count; i++)
			each[i] = one(c, ev, t.v[i].j, arg, out);
		job_targets_reply(c, ev, &t, each, NULL, out);
	}
	arena_fini(&mem);
}

static enum err requeue_one(struct core *c, const struct event *ev, struct job *j,
			    uint32_t flags, struct effects *out)
{
	if (!job_may_act(ev, j))
		return E_ACCESS_DENIED;
	/* "incomplete": what does not run is left alone */
	if ((flags & JOB_STATE_BASE) == JOB_RUNNING && !job_is_running(j) &&
	    job_base(j) != JOB_SUSPENDED)
		return E_OK;
	if (!j->batch)
		return E_BATCH_ONLY;
	if (!het_may_requeue(c, j))
		return E_DISABLED;
	if (job_is_pending(j))
		return E_JOB_PENDING;
	job_requeue(c, j, flags & (JOB_REQUEUE_HOLD | JOB_SPECIAL_EXIT), 121, out);
	if (flags & JOB_LAUNCH_FAILED && flags & JOB_REQUEUE_HOLD)
		job_reason(c, j, WAIT_HELD_USER, "launch failed requeued held");
	return E_OK;
}

void rpc_requeue(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_requeue_msg *m = ev->body;

	each_target(c, ev, m->job_id_str, m->step_id.job_id, requeue_one, m->flags,
		    E_INVALID_JOB_ID, E_NOT_HET_JOB_LEADER, out);
}

/* ---- suspend ----------------------------------------------------------- */

static void tell_suspend(struct core *c, struct job *j, uint16_t op, struct effects *out)
{
	struct suspend_int_msg *m = effects_body(out, REQUEST_SUSPEND_INT);
	struct effect *e;

	step_id_fill(j, NO_VAL, &m->step_id);
	m->op = op;
	m->indf_susp = 1;
	m->job_core_spec = j->core_spec;
	e = effect_nodes(c, out, REQUEST_SUSPEND_INT, m);
	bitset_foreach(i, j->alloc->nodes)
		effect_node_add(e, c->node[i]);
	e->job_id = j->id;
}

static enum err suspend_one(struct core *c, const struct event *ev, struct job *j, uint32_t op,
			    struct effects *out)
{
	if (!ev->caller.operator_ && !ev->caller.root_or_slurm)
		return E_ACCESS_DENIED;
	if (job_is_pending(j))
		return E_JOB_PENDING;
	if (job_is_finished(j))
		return E_ALREADY_DONE;
	if (op == SUSPEND_JOB) {
		if (!job_is_running(j))
			return E_OK;
		for (struct step *s = j->steps; s; s = s->next)
			if (s->start_time)
				s->pre_sus_sec += c->now - (j->suspend_time > s->start_time ?
							    j->suspend_time : s->start_time);
		j->pre_sus_sec += c->now - (j->suspend_time ? j->suspend_time : j->start_time);
		j->suspend_time = c->now;
		j->priority = 0;
		tell_suspend(c, j, (uint16_t)op, out);
		alloc_park(c, j);
		job_move(c, j, JOB_SUSPENDED | (j->state & ~JOB_STATE_BASE));
		return E_OK;
	}
	if (op != RESUME_JOB)
		return E_NOT_SUPPORTED;
	if (job_base(j) != JOB_SUSPENDED)
		return E_JOB_NOT_SUSPENDED;
	/* Who resumes a job wants it to run, whoever has its cores by now */
	(void)alloc_unpark(c, j);
	j->tot_sus_sec += c->now - j->suspend_time;
	j->suspend_time = c->now;
	if (j->time_limit_min != INFINITE)
		j->end_time = c->now + (int64_t)j->time_limit_min * 60 - j->pre_sus_sec;
	j->priority = 1;
	j->priority = sched_priority(c, j);
	tell_suspend(c, j, (uint16_t)op, out);
	job_move(c, j, JOB_RUNNING | (j->state & ~JOB_STATE_BASE));
	steps_wake(j, out);
	prep_check(c, j, out);
	return E_OK;
}

/* Stock answers nothing when there is no job of the first number; clients say
 * "Unexpected message received" then. */
static bool suspend_answered(const struct core *c, const struct suspend_msg *m)
{
	const char *s = m->job_id_str;
	uint32_t id = m->step_id.job_id;

	if (s && *s != 's' && (id == NO_VAL || !id))
		id = (uint32_t)strtoul(s, NULL, 10);
	return (s && *s == 's') || job_find(c, id);
}

void rpc_suspend(struct core *c, const struct event *ev, struct effects *out)
{
	const struct suspend_msg *m = ev->body;

	if (!suspend_answered(c, m)) {
		effect_log(out, 3, "suspend or resume of JobId=%s: %s",
			   m->job_id_str ? m->job_id_str : "?", err_str(E_INVALID_JOB_ID));
		return;
	}
	each_target(c, ev, m->job_id_str, m->step_id.job_id, suspend_one, m->op,
		    E_NOT_WHOLE_HET_JOB, E_NOT_WHOLE_HET_JOB, out);
}
