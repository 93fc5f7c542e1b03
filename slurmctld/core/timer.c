/* SPDX-License-Identifier: Apache-2.0
 *
 * When does which job need a look?  A heap of (time, job id), filled lazily:
 * an entry counts only while it is the job's own idea of its next time, so
 * nothing is ever searched for or removed. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

/* Nodes that do not report the end of a job are told again. */
#define KILL_AGAIN_SEC 120
/* How exactly delays of dependencies are kept. */
#define DEPEND_DELAY_SEC 15

static int64_t sooner(int64_t a, int64_t b)
{
	return b && b < a ? b : a;
}

static int64_t running_due(const struct core *c, const struct job *j)
{
	int64_t t;

	/* Its time has not begun. */
	if (j->state & JOB_CONFIGURING)
		return sooner(NEVER, j->deadline);
	t = sooner(job_limit_end(c, j), mail_time_due(j));

	if (j->warn_time && !j->warned && j->end_time)
		t = sooner(t, j->end_time - j->warn_time);
	if (j->deadline)
		t = sooner(t, j->deadline);
	for (const struct step *s = j->steps; s; s = s->next)
		t = sooner(t, s->kill_time);
	return sooner(t, j->kill_time);
}

/* The first second in which a pending job can no longer be done in time. */
static int64_t too_late(const struct job *j)
{
	uint32_t min = j->time_min_min && j->time_min_min != NO_VAL ? j->time_min_min :
		j->time_limit_min;

	if (!j->deadline || !min || min == NO_VAL || min == INFINITE)
		return j->deadline;
	return j->deadline - (int64_t)min * 60 + 1;
}

static int64_t pending_due_at(const struct core *c, const struct job *j)
{
	int64_t t = sooner(j->begin_time > c->now ? j->begin_time : NEVER, too_late(j));
	const char *dep = job_str(j, JS_DEPENDENCY);

	/* "after:12+5": nothing happens when the five minutes are over. */
	if (dep && strchr(dep, '+'))
		t = sooner(t, (c->now / DEPEND_DELAY_SEC + 1) * DEPEND_DELAY_SEC);
	return t;
}

static int64_t job_due(const struct core *c, const struct job *j)
{
	if (job_is_completing(j))
		return j->time_last_active + KILL_AGAIN_SEC;
	switch (job_base(j)) {
	case JOB_PENDING:
		return pending_due_at(c, j);
	case JOB_RUNNING:
		return running_due(c, j);
	case JOB_SUSPENDED:
		return NEVER;
	default:
		/* components go with their leader */
		if (!c->conf->minjobage || (het_is_part(j) && het_leader(c, j)))
			return NEVER;
		return het_purge_at(c, j);
	}
}

static void heap_push(struct core *c, struct core_timer t)
{
	uint32_t i = c->timer_count;

	if (i == c->timer_cap) {
		c->timer_cap = i ? i * 2 : 64;
		c->timers = mem_realloc(c->timers, c->timer_cap * sizeof(t));
	}
	c->timer_count++;
	while (i && c->timers[(i - 1) / 2].at > t.at) {
		c->timers[i] = c->timers[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	c->timers[i] = t;
}

static struct core_timer heap_pop(struct core *c)
{
	struct core_timer top = c->timers[0], last = c->timers[--c->timer_count];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < c->timer_count) {
		if (child + 1 < c->timer_count && c->timers[child + 1].at < c->timers[child].at)
			child++;
		if (c->timers[child].at >= last.at)
			break;
		c->timers[i] = c->timers[child];
		i = child;
	}
	if (c->timer_count)
		c->timers[i] = last;
	return top;
}

void timer_set(struct core *c, struct job *j)
{
	int64_t t = job_due(c, j);

	if (t == j->timer)
		return;
	j->timer = t;
	if (t != NEVER)
		heap_push(c, (struct core_timer){ t, j->id });
}

static void pending_due(struct core *c, struct job *j, struct effects *out)
{
	if (time_due(too_late(j), c->now)) {
		j->exit_code = 1;
		job_reason(c, j, FAIL_DEADLINE, NULL);
		job_end(c, j, JOB_DEADLINE, out);
		return;
	}
	depend_refresh(c, j, out);
	if (!job_is_pending(j))
		return;
	sched_job_changed(c, j);
	c->wants_sched = true;
	job_touch(c, j);
}

static void running_warn(struct core *c, struct job *j, struct effects *out)
{
	struct cancel_tasks_msg *m;
	struct effect *e;

	if (!j->warn_time || j->warned || !j->end_time || c->now < j->end_time - j->warn_time)
		return;
	j->warned = 1;
	job_dirty(c, j);
	m = effects_body(out, REQUEST_SIGNAL_TASKS);
	step_id_fill(j, NO_VAL, &m->step_id);
	m->signal = j->warn_signal;
	m->flags = j->warn_flags & 1 ? KILL_JOB_BATCH : KILL_STEPS_ONLY;
	e = effect_nodes(c, out, REQUEST_SIGNAL_TASKS, m);
	if (m->flags & KILL_JOB_BATCH && j->alloc && j->alloc->node_count)
		effect_node_add(e, c->node[j->alloc->share[0].node]);
	else if (j->alloc)
		for (uint32_t i = 0; i < j->alloc->node_count; i++)
			effect_node_add(e, c->node[j->alloc->share[i].node]);
	e->job_id = j->id;
}

static void job_timer(struct core *c, struct job *j, struct effects *out)
{
	if (job_is_completing(j)) {
		j->time_last_active = c->now;
		job_terminate_nodes(c, j, REQUEST_TERMINATE_JOB, out);
	} else if (job_is_pending(j)) {
		pending_due(c, j, out);
	} else if (job_is_running(j)) {
		bool configuring = j->state & JOB_CONFIGURING;

		if (!configuring) {
			running_warn(c, j, out);
			mail_time(c, j, out);
		}
		if (!configuring && c->now >= job_limit_end(c, j))
			job_timed_out(c, j, out);
		else if (time_due(j->deadline, c->now)) {
			job_reason(c, j, FAIL_DEADLINE, NULL);
			job_end(c, j, JOB_DEADLINE, out);
		} else {
			steps_time_limits(c, j, out);
		}
	} else if (job_is_finished(j) && c->now >= het_purge_at(c, j)) {
		job_purge(c, j, out);
		return;
	}
	timer_set(c, j);
}

void timer_run(struct core *c, struct effects *out)
{
	while (c->timer_count && c->timers[0].at <= c->now) {
		struct core_timer t = heap_pop(c);
		struct job *j = job_find(c, t.job_id);

		if (!j || j->timer != t.at)
			continue;
		j->timer = NEVER;
		job_timer(c, j, out);
	}
}

void timer_drop_all(struct core *c)
{
	free(c->timers);
	c->timers = NULL;
	c->timer_count = c->timer_cap = 0;
}
