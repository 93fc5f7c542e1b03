/* SPDX-License-Identifier: Apache-2.0
 *
 * Mail to owners of jobs: MailProg -s SUBJECT RECIPIENT, at the events that
 * --mail-type names.  An array is one thing, unless its tasks are asked for
 * (ARRAY_TASKS). */
#include <stdlib.h>
#include <sys/wait.h>

#include "slurmctld/core/internal.h"

#define MAIL_TIMEOUT_SEC 15

static const struct { uint16_t type; const char *text; } words[] = {
	{ MAIL_BEGIN, "Began" }, { MAIL_END, "Ended" }, { MAIL_FAIL, "Failed" },
	{ MAIL_REQUEUE, "Requeued" }, { MAIL_TIME100, "Reached time limit" },
	{ MAIL_TIME90, "Reached 90% of time limit" }, { MAIL_TIME80, "Reached 80% of time limit" },
	{ MAIL_TIME50, "Reached 50% of time limit" }, { MAIL_INVALID_DEPEND, "Invalid dependency" },
};

static const char *word(uint16_t type)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (words[i].type == type)
			return words[i].text;
	return "unknown";
}

static const char *span(struct arena *mem, int64_t sec)
{
	if (sec < 0)
		sec = 0;
	if (sec >= 86400)
		return arena_printf(mem, "%lld-%02d:%02d:%02d", (long long)(sec / 86400),
				    (int)(sec / 3600 % 24), (int)(sec / 60 % 60),
				    (int)(sec % 60));
	return arena_printf(mem, "%02d:%02d:%02d", (int)(sec / 3600), (int)(sec / 60 % 60),
			    (int)(sec % 60));
}

/* What a message is made of, and its environment with room for more. */
struct letter {
	struct arena *mem;
	const char **env;
	uint32_t n;
};

#define MORE 8

static void add(struct letter *l, const char *name, const char *value)
{
	l->env[l->n++] = arena_printf(l->mem, "%s=%s", name, value);
}

static const char *times(struct letter *l, const struct core *c, const struct job *j,
			 uint16_t type)
{
	int64_t end = type & (MAIL_END | MAIL_FAIL | MAIL_REQUEUE) ? j->end_time : c->now;
	const char *s;

	if (type == MAIL_BEGIN) {
		s = span(l->mem, j->start_time - j->submit_time);
		add(l, "SLURM_JOB_QUEUED_TIME", s);
		return arena_printf(l->mem, ", Queued time %s", s);
	}
	if (type == MAIL_INVALID_DEPEND || !j->start_time || !end)
		return "";
	s = span(l->mem, j->suspend_time ? end - j->suspend_time + j->pre_sus_sec :
		 end - j->start_time);
	add(l, "SLURM_JOB_RUN_TIME", s);
	return arena_printf(l->mem, ", Run time %s", s);
}

static const char *result(struct letter *l, const struct job *j, uint16_t type)
{
	int status = (int)j->exit_code;
	const char *code;

	if (!(type & (MAIL_END | MAIL_FAIL)))
		return "";
	if (!WIFEXITED(status)) {
		add(l, "SLURM_JOB_EXIT_CODE_MAX", "0");
		return arena_printf(l->mem, ", %s", job_state_text(j->state));
	}
	code = arena_printf(l->mem, "%d", WEXITSTATUS(status));
	add(l, "SLURM_JOB_EXIT_CODE_MAX", code);
	return arena_printf(l->mem, ", %s, ExitCode %s", job_state_text(j->state), code);
}

/* All tasks of an array together. */
static const char *array_result(struct letter *l, const struct core *c, const struct job *j,
				uint16_t type)
{
	uint32_t min = UINT32_MAX, max = 0;
	const char *state;

	if (!(type & (MAIL_END | MAIL_FAIL)))
		return "";
	for (const struct job *t = job_array_first(c, j->array_job_id); t; t = job_array_next(t)) {
		min = t->exit_code < min ? t->exit_code : min;
		max = t->exit_code > max ? t->exit_code : max;
	}
	if (!WIFEXITED((int)max)) {
		add(l, "SLURM_JOB_TERM_SIGNAL_MAX",
		    arena_printf(l->mem, "%d", WTERMSIG((int)max)));
		return arena_printf(l->mem, ", Mixed, MaxSignal [%d]", WTERMSIG((int)max));
	}
	min = (uint32_t)WEXITSTATUS((int)min);
	max = (uint32_t)WEXITSTATUS((int)max);
	add(l, "SLURM_JOB_EXIT_CODE_MIN", arena_printf(l->mem, "%u", min));
	add(l, "SLURM_JOB_EXIT_CODE_MAX", arena_printf(l->mem, "%u", max));
	state = !min && max ? "Mixed" : job_state_text(j->state);
	return arena_printf(l->mem, ", %s, ExitCode [%u-%u]", state, min, max);
}

static bool as_array(const struct job *j)
{
	return j->array_job_id && !(j->mail_type & MAIL_ARRAY_TASKS);
}

static const char *subject(struct letter *l, const struct core *c, const struct job *j,
			   uint16_t type)
{
	const char *name = job_str(j, JS_NAME), *when, *how;

	name = name ? name : "";
	when = times(l, c, j, type);
	if (as_array(j)) {
		how = array_result(l, c, j, type);
		return arena_printf(l->mem, "Slurm Array Summary Job_id=%u_* (%u) Name=%s %s%s",
				    j->array_job_id, j->id, name, word(type), how);
	}
	how = result(l, j, type);
	if (j->array_job_id && j->array_task_id != NO_VAL)
		return arena_printf(l->mem, "Slurm Array Task Job_id=%u_%u (%u) Name=%s %s%s%s",
				    j->array_job_id, j->array_task_id, j->id, name, word(type),
				    when, how);
	return arena_printf(l->mem, "Slurm Job_id=%u Name=%s %s%s%s", j->id, name, word(type),
			    when, how);
}

static void send(struct core *c, const struct job *j, uint16_t type, struct effects *out)
{
	const char **env = job_environment(c, out, j, type & (MAIL_END | MAIL_FAIL));
	const char **argv = arena_zalloc(&out->mem, 5 * sizeof(*argv));
	struct letter l = { .mem = &out->mem };
	struct effect *e;

	while (env[l.n])
		l.n++;
	l.env = arena_zalloc(&out->mem, (l.n + MORE) * sizeof(*l.env));
	memcpy(l.env, env, l.n * sizeof(*l.env));
	add(&l, "SLURM_JOB_STATE", job_state_text(j->state));
	add(&l, "SLURM_JOB_MAIL_TYPE", word(type));
	argv[0] = arena_strdup(&out->mem, c->conf->mailprog);
	argv[1] = "-s";
	argv[2] = subject(&l, c, j, type);
	argv[3] = arena_strdup(&out->mem, job_str(j, JS_MAIL_USER));
	e = effect_run(out, RUN_MAIL, argv);
	e->env = l.env;
	e->env_names = true;
	e->env_uid = j->uid;
	e->env_gid = j->gid;
	e->job_id = j->id;
	e->timeout_sec = MAIL_TIMEOUT_SEC;
}

void mail_event(struct core *c, const struct job *j, uint16_t type, struct effects *out)
{
	if (j->mail_type & type && c->conf->mailprog)
		send(c, j, type, out);
}

void mail_started(struct core *c, const struct job *j, struct effects *out)
{
	if (!(j->mail_type & MAIL_BEGIN))
		return;
	if (as_array(j))
		for (const struct job *t = job_array_first(c, j->array_job_id); t;
		     t = job_array_next(t))
			if (t != j && !job_is_pending(t))
				return;
	mail_event(c, j, MAIL_BEGIN, out);
}

void mail_ended(struct core *c, const struct job *j, uint32_t state, bool again,
		struct effects *out)
{
	uint32_t base = state & JOB_STATE_BASE;
	bool failed = base >= JOB_FAILED && (base != JOB_PREEMPTED || !again);

	if (!(j->mail_type & (MAIL_END | MAIL_FAIL | MAIL_REQUEUE)))
		return;
	if (as_array(j) && !again)
		for (const struct job *t = job_array_first(c, j->array_job_id); t;
		     t = job_array_next(t)) {
			if (t != j && !job_is_finished(t))
				return;
			failed |= WIFEXITED((int)t->exit_code) &&
				WEXITSTATUS((int)t->exit_code);
		}
	if (again)
		mail_event(c, j, MAIL_REQUEUE, out);
	else if (failed && j->mail_type & MAIL_FAIL)
		mail_event(c, j, MAIL_FAIL, out);
	else if (base >= JOB_COMPLETE)
		mail_event(c, j, MAIL_END, out);
}

/* ---- parts of the time limit ------------------------------------------- */

static const struct { uint16_t type; int64_t percent; } parts[] = {
	{ MAIL_TIME50, 50 }, { MAIL_TIME80, 80 }, { MAIL_TIME90, 90 }, { MAIL_TIME100, 100 },
};

static int64_t part_at(const struct job *j, int64_t percent)
{
	return j->end_time - (int64_t)j->time_limit_min * 60 * (100 - percent) / 100;
}

int64_t mail_time_due(const struct job *j)
{
	if (!j->mail_type || !j->end_time || j->time_limit_min == INFINITE)
		return NEVER;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (j->mail_type & parts[i].type)
			return part_at(j, parts[i].percent);
	return NEVER;
}

void mail_time(struct core *c, struct job *j, struct effects *out)
{
	if (mail_time_due(j) > c->now)
		return;
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (!(j->mail_type & parts[i].type) || part_at(j, parts[i].percent) > c->now)
			continue;
		mail_event(c, j, parts[i].type, out);
		j->mail_type = (uint16_t)(j->mail_type & ~parts[i].type);
		job_dirty(c, j);
	}
}
