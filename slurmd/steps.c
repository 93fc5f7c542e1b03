/* SPDX-License-Identifier: Apache-2.0
 *
 * See steps.h.  Keeps: a step in the table that is up is watched, so that its
 * end is seen even if an earlier slurmd started it. */
#include "slurmd/steps.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slurmd/jobs.h"
#include "slurmd/spool.h"
#include "slurmd/stock_stepd.h"
#include "wire/base/log.h"

struct steps {
	struct step *first;
};

struct steps *steps_new(void)
{
	return mem_zalloc(sizeof(struct steps));
}

struct step *steps_first(const struct daemon *d)
{
	return d->steps->first;
}

struct step *steps_find(const struct daemon *d, uint32_t job_id, uint32_t step_id,
			uint32_t het_comp)
{
	for (struct step *s = d->steps->first; s; s = s->next)
		if (s->job_id == job_id && s->step_id == step_id &&
		    (s->het_comp == het_comp || het_comp == NO_VAL))
			return s;
	return NULL;
}

const struct step *steps_of_job(const struct daemon *d, uint32_t job_id)
{
	for (struct step *s = d->steps->first; s; s = s->next)
		if (s->job_id == job_id)
			return s;
	return NULL;
}

struct step *steps_reserve(struct daemon *d, uint32_t job_id, uint32_t step_id,
			   uint32_t het_comp, uint32_t uid)
{
	struct step *s;

	if (steps_find(d, job_id, step_id, het_comp))
		return NULL;
	s = mem_zalloc(sizeof *s);
	s->d = d;
	s->job_id = job_id;
	s->step_id = step_id;
	s->het_comp = het_comp;
	s->uid = uid;
	s->pidfd = -1;
	s->next = d->steps->first;
	d->steps->first = s;
	return s;
}

static void unlink_step(struct daemon *d, struct step *s)
{
	struct step **p = &d->steps->first;

	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
}

void steps_drop(struct daemon *d, struct step *s)
{
	unlink_step(d, s);
	if (s->ev)
		event_free(s->ev);
	if (s->pidfd >= 0)
		close(s->pidfd);
	free(s);
}

static void step_gone(struct step *s)
{
	struct daemon *d = s->d;
	struct nj_event ev = { .type = NJ_STEP_GONE, .job_id = s->job_id };
	char path[4096];

	log_debug("step %u.%u has ended", s->job_id, s->step_id);
	stepd_socket_path(path, sizeof path, d->site->spool_dir, d->site->name, s->job_id,
			  s->step_id, s->het_comp);
	unlink(path);                   /* in case it was killed */
	if (s->step_id == STEP_BATCH)
		spool_job_remove(d->site->spool_dir, s->job_id);
	steps_drop(d, s);
	jobs_event(d, &ev);
}

static void on_exit_seen(evutil_socket_t fd, short what, void *arg)
{
	struct step *s = arg;

	(void)fd;
	if (what & EV_READ || (kill(s->pid, 0) && errno == ESRCH))
		step_gone(s);
}

void steps_up(struct daemon *d, struct step *s, pid_t pid)
{
	struct timeval second = { .tv_sec = 1 };

	s->up = true;
	s->pid = pid;
	s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (s->pidfd >= 0) {
		s->ev = event_new(d->base, s->pidfd, EV_READ, on_exit_seen, s);
		event_add(s->ev, NULL);
	} else if (errno == ESRCH) {
		s->ev = event_new(d->base, -1, 0, on_exit_seen, s);
		event_active(s->ev, EV_READ, 0);
	} else {                        /* an old kernel: look every second */
		s->ev = event_new(d->base, -1, EV_PERSIST, on_exit_seen, s);
		event_add(s->ev, &second);
	}
}

/* ---- taking over ------------------------------------------------------- */

static enum err ask_path(const char *path, bool stock, const struct stepd_request *q,
			 struct stepd_reply *r, struct arena *mem, int timeout_ms)
{
	return (stock ? stock_stepd_ask : stepd_ask)(path, q, r, mem, timeout_ms);
}

static void end_at_once(const char *path, bool stock, struct arena *mem)
{
	struct stepd_request q;
	struct stepd_reply r;

	wire_init(&stepd_request_desc, &q);
	q.op = STEPD_TERMINATE;
	q.signal = SIGKILL;
	(void)ask_path(path, stock, &q, &r, mem, 5000);
}

/* Ours, or Slurm's own: the node may have had another slurmd before. */
static enum err who_is(const char *path, struct stepd_reply *r, bool *stock, struct arena *mem)
{
	struct stepd_request q;
	enum err e, other;

	wire_init(&stepd_request_desc, &q);
	q.op = STEPD_INFO;
	*stock = false;
	e = stepd_ask(path, &q, r, mem, 5000);
	if (!e || e == E_D_JOB_NOTRUNNING)
		return e;
	other = stock_stepd_ask(path, &q, r, mem, 5000);
	*stock = !other;
	return other ? e : E_OK;
}

static void adopt(struct daemon *d, const char *path, uint32_t job_id, uint32_t step_id,
		  uint32_t het, bool end, struct arena *mem)
{
	struct stepd_reply r;
	struct nj_event ev = { .type = NJ_STEP_UP, .job_id = job_id };
	struct step *s;
	bool stock;
	enum err e = who_is(path, &r, &stock, mem);

	if (e == E_D_JOB_NOTRUNNING) {
		log_debug("stale domain socket for StepId=%u.%u", job_id, step_id);
		unlink(path);
		return;
	}
	if (e || !r.pid) {
		log_error("step %u.%u does not answer and is not adopted: %s", job_id, step_id,
			  err_str(e));
		return;
	}
	if (end)
		end_at_once(path, stock, mem);
	s = steps_reserve(d, job_id, step_id, het, r.uid);
	if (!s)
		return;
	s->stock = stock;
	log_info("found running step %u.%u%s", job_id, step_id,
		 stock ? " of a slurmd of Slurm's own: adopted" : "");
	jobs_event(d, &ev);
	steps_up(d, s, (pid_t)r.pid);
}

void steps_scan(struct daemon *d, bool end)
{
	DIR *dir = opendir(d->site->spool_dir);
	struct arena mem = { 0 };
	struct dirent *f;
	char path[4096];
	uint32_t job, step, het;

	if (!dir)
		return;
	while ((f = readdir(dir))) {
		if (!stepd_socket_parse(f->d_name, d->site->name, &job, &step, &het))
			continue;
		snprintf(path, sizeof path, "%s/%s", d->site->spool_dir, f->d_name);
		adopt(d, path, job, step, het, end, &mem);
		arena_reset(&mem);
	}
	closedir(dir);
	arena_fini(&mem);
	spool_clean(d);
}

/* ---- asking ------------------------------------------------------------ */

struct ask *ask_new(struct daemon *d, enum stepd_op op, uint32_t uid)
{
	struct ask *a = mem_zalloc(sizeof *a);

	a->d = d;
	a->site = site_ref(d->site);
	a->timeout_ms = 10000;
	wire_init(&stepd_request_desc, &a->q);
	a->q.op = (uint16_t)op;
	a->q.uid = uid;
	return a;
}

void ask_add(struct ask *a, const struct step *s)
{
	if (!s->up)
		return;
	if (a->count == a->cap) {
		a->cap = a->cap ? 2 * a->cap : 4;
		a->ids = mem_realloc(a->ids, a->cap * sizeof *a->ids);
	}
	a->ids[a->count][0] = s->job_id;
	a->ids[a->count][1] = s->step_id;
	a->ids[a->count][2] = s->het_comp;
	a->ids[a->count++][3] = s->stock;
}

static void ask_run(struct task *t)
{
	struct ask *a = task_of(t, struct ask, task);
	char path[4096];

	for (uint32_t k = 0; k < a->count; k++) {
		struct stepd_request q = a->q;

		stepd_socket_path(path, sizeof path, a->site->spool_dir, a->site->name,
				  a->ids[k][0], a->ids[k][1], a->ids[k][2]);
		/* an extern step has nothing that could end by itself */
		if (a->ids[k][3] && a->ids[k][1] == STEP_EXTERN && q.op == STEPD_TERMINATE)
			q.signal = SIGKILL;
		a->results[k] = ask_path(path, a->ids[k][3], &q, &a->replies[k], &a->mem,
					 a->timeout_ms);
		if (a->results[k] == E_NOT_SUPPORTED && a->replies[k].why)
			log_info("step %u.%u: %s", a->ids[k][0], a->ids[k][1],
				 a->replies[k].why);
		else if (a->results[k])
			log_debug("step %u.%u: %s", a->ids[k][0], a->ids[k][1],
				  err_str(a->results[k]));
		else if (a->replies[k].rc)
			a->results[k] = (enum err)a->replies[k].rc;
	}
}

void ask_free(struct ask *a)
{
	free(a->ids);
	site_unref(a->site);
	arena_fini(&a->mem);
	free(a);
}

/* Steps of Slurm's own that were asked to end and have not: what our own
 * slurmstepd does by itself after KillWait. */
static void on_kill_wait(evutil_socket_t fd, short what, void *arg)
{
	struct ask *a = arg;
	uint32_t left = 0;

	(void)fd;
	(void)what;
	for (uint32_t k = 0; k < a->count; k++)
		if (steps_find(a->d, a->ids[k][0], a->ids[k][1], a->ids[k][2]))
			memmove(a->ids[left++], a->ids[k], sizeof a->ids[k]);
	a->count = left;
	if (left)
		ask_start(a);
	else
		ask_free(a);
}

static void kill_later(const struct ask *a)
{
	struct timeval wait = { .tv_sec = a->site->conf->killwait };
	struct ask *kill;

	if (a->q.op != STEPD_TIMELIMIT &&
	    (a->q.op != STEPD_TERMINATE || a->q.signal == SIGKILL))
		return;
	kill = ask_new(a->d, STEPD_TERMINATE, a->q.uid);
	kill->q.signal = SIGKILL;
	for (uint32_t k = 0; k < a->count; k++) {
		const struct step *s = steps_find(a->d, a->ids[k][0], a->ids[k][1],
						  a->ids[k][2]);

		if (s && s->stock)
			ask_add(kill, s);
	}
	if (kill->count)
		event_base_once(a->d->base, -1, EV_TIMEOUT, on_kill_wait, kill, &wait);
	else
		ask_free(kill);
}

static void ask_done(struct task *t)
{
	struct ask *a = task_of(t, struct ask, task);

	kill_later(a);
	if (a->done)
		a->done(a);
	ask_free(a);
}

void ask_start(struct ask *a)
{
	uint32_t n = a->count ? a->count : 1;

	a->replies = arena_zalloc(&a->mem, n * sizeof *a->replies);
	a->results = arena_zalloc(&a->mem, n * sizeof *a->results);
	a->task = (struct task){ .run = ask_run, .done = ask_done };
	pool_submit(a->d->pool, &a->task);
}
