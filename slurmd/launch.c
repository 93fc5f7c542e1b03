/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting a step daemon: the process by the loop, the talk with it by a
 * worker, the outcome an event of the job. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slurmd/children.h"
#include "slurmd/ctld.h"
#include "slurmd/jobs.h"
#include "slurmd/orphan.h"
#include "slurmd/spool.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"

#define STARTED_TIMEOUT_MS 60000

extern char **environ;

struct stepd_end;
struct launch {
	struct task task;
	struct req *q;
	struct step *step;
	struct stepd_end *end;          /* while the process lives */
	int fd;
	pid_t pid;
	bool extern_step;
	uint16_t ctld_version;
	enum log_level log_level;
	enum err result;
	struct err_text why;
};

/* The step daemon has no key to open a token with: it gets the message with the
 * opened credential in the token's place. */
static void body_fill(struct launch *l, struct stepd_start *m, struct wire_out *plain)
{
	const struct wire_frame *f = &l->q->frame;

	m->body = f->body;
	if (!f->tokens)
		return;
	wire_body_pack(plain, f->header.type, l->q->body, f->header.version);
	m->body = (struct wire_mem){ plain->base, (uint32_t)plain->len };
}

static void order_fill(struct launch *l, struct stepd_start *m)
{
	struct req *q = l->q;
	const struct site *s = q->site;
	const struct wire_header *h = &q->frame.header;

	wire_init(&stepd_start_desc, m);
	m->type = h->type;
	m->version = wire_version_number(h->version);
	m->peer = q->peer;
	m->orig_addr = h->orig_addr;
	m->auth_uid = q->who.uid;
	m->auth_gid = q->who.gid;
	m->ctld_version = l->ctld_version;
	m->conf_path = s->conf_path;
	m->node_name = s->name;
	m->spool_dir = s->spool_dir;
	m->topo_addr = s->topo_addr;
	m->topo_pattern = s->topo_pattern;
	m->job_id = q->job_id;
	m->step_id = l->step->step_id;
	m->cpus = s->hw.cpus;
	m->boards = s->hw.boards;
	m->sockets = s->hw.sockets;
	m->cores = s->hw.cores;
	m->threads = s->hw.threads;
	m->conf_cpus = s->cpus;
	m->conf_sockets = s->sockets;
	m->conf_cores = s->cores;
	m->conf_threads = s->threads;
	m->log_level = (uint16_t)l->log_level;
	m->log_file = s->log_path;
	m->user_name = q->cred ? q->cred->id.pw_name : NULL;
}

static enum err script_make(struct launch *l, struct stepd_start *m, struct arena *mem)
{
	struct req *q = l->q;
	const struct batch_job_launch_msg *b = q->body;

	if (q->frame.header.type != REQUEST_BATCH_JOB_LAUNCH)
		return E_OK;
	if (!b->script)
		return E_D_CREATE_BATCH_SCRIPT_ERROR;
	return spool_script_write(q->site->spool_dir, q->job_id, q->cred->id.uid,
				  q->cred->id.gid, b->script, mem, &m->script_path);
}

static void talk_run(struct task *t)
{
	struct launch *l = task_of(t, struct launch, task);
	struct stepd_start order;
	struct stepd_started answer;
	struct wire_out plain = { 0 };
	struct arena mem = { 0 };

	order_fill(l, &order);
	body_fill(l, &order, &plain);
	l->result = script_make(l, &order, &mem);
	if (!l->result)
		l->result = stepd_send(l->fd, &stepd_start_desc, &order);
	if (!l->result)
		l->result = stepd_recv(l->fd, &stepd_started_desc, &answer, &mem,
				       STARTED_TIMEOUT_MS);
	if (!l->result && answer.rc) {
		l->result = (enum err)answer.rc;
		err_set(&l->why, l->result, "%s", answer.why ? answer.why : "");
		if (l->result == E_D_CPU_BIND_ERROR || l->result == E_D_CPU_LAYOUT_ERROR)
			l->q->why = arena_strdup(&l->q->mem, l->why.text);
	}
	close(l->fd);
	wire_out_fini(&plain);
	arena_fini(&mem);
}

/* Who a step daemon was, for when it ends. */
struct stepd_end {
	struct daemon *d;
	uint32_t job_id, step_id, het_comp, node_rank;
	bool started;
	struct launch *launch;          /* while it starts */
};

static void stepd_exited(void *arg, int status)
{
	struct stepd_end *e = arg;

	if (e->launch)
		e->launch->end = NULL;
	if (WIFSIGNALED(status) && e->started)
		orphan_step(e->d, e->job_id, e->step_id, e->het_comp, e->node_rank, status);
	free(e);
}

/* What ps shows, and admins look for: "slurmstepd: [5.batch]". */
static void title_fill(const struct req *q, uint32_t step_id, char *out, size_t size)
{
	const char *word = step_id == STEP_BATCH ? "batch" : step_id == STEP_EXTERN ? "extern" :
			   step_id == STEP_INTERACTIVE ? "interactive" : NULL;
	char step[16], comp[16] = "";

	snprintf(step, sizeof step, "%u", step_id);
	if (q->het_comp != NO_VAL)
		snprintf(comp, sizeof comp, "+%u", q->het_comp);
	snprintf(out, size, "slurmstepd: [%u.%s%s]", q->job_id, word ? word : step, comp);
}

static pid_t stepd_spawn(struct launch *l, int fd)
{
	const struct req *q = l->q;
	char *argv[] = { NULL, NULL };
	struct stepd_end *e = mem_zalloc(sizeof *e);
	char title[64];
	pid_t pid;

	*e = (struct stepd_end){ q->d, q->job_id, l->step->step_id, q->het_comp,
				 q->share ? q->share->step_node_index : 0, false, l };
	title_fill(q, l->step->step_id, title, sizeof title);
	argv[0] = title;
	pid = children_start(q->d, q->site->stepd_path, argv, environ, fd, -1, stepd_exited, e);
	if (pid < 0) {
		log_error("cannot start %s: %m", q->site->stepd_path);
		free(e);
	} else {
		l->end = e;
	}
	return pid;
}

static void failed(struct launch *l)
{
	struct req *q = l->q;
	struct daemon *d = q->d;
	struct nj_event ev = {
		.type = NJ_STEP_FAILED, .job_id = q->job_id, .ref = q->ref,
		.code = (uint32_t)l->result,
		.batch = q->frame.header.type == REQUEST_BATCH_JOB_LAUNCH,
	};

	/* the words of the local protocol mean nothing to a client */
	if (ev.code >= 1000 && ev.code < 1100)
		ev.code = E_D_SETUP_ENVIRONMENT_ERROR;
	log_error("step %u.%u did not start: %s%s%s", q->job_id, l->step->step_id,
		  err_str(l->result), l->why.text[0] ? ": " : "", l->why.text);
	if (l->pid > 0)
		kill(l->pid, SIGKILL);
	steps_drop(d, l->step);
	jobs_event(d, &ev);
}

static void talk_done(struct task *t)
{
	struct launch *l = task_of(t, struct launch, task);
	struct req *q = l->q;
	struct daemon *d = q->d;

	if (l->end) {
		l->end->started = !l->result;
		l->end->launch = NULL;
	}
	if (l->result) {
		failed(l);
	} else {
		struct nj_event ev = { .type = NJ_STEP_UP, .job_id = q->job_id,
				       .ref = q->ref };

		log_debug("step %u.%u started, pid %d", q->job_id, l->step->step_id,
			  (int)l->pid);
		if (q->frame.header.type == REQUEST_LAUNCH_TASKS) {
			req_answer_rc_msg(q, 0, NULL);
			req_flush(q);
		}
		l->step->up = true;
		l->step->pid = l->pid;
		jobs_event(d, &ev);
		steps_up(d, l->step, l->pid);
	}
	req_unref(q);
	free(l);
}

void launch_start(struct req *q, bool extern_step)
{
	struct daemon *d = q->d;
	struct launch *l = mem_zalloc(sizeof *l);
	uint32_t step_id = extern_step ? STEP_EXTERN : q->step_id;
	int p[2] = { -1, -1 };

	l->q = req_ref(q);
	l->fd = -1;
	l->extern_step = extern_step;
	l->ctld_version = ctld_version_number(d);
	l->log_level = log_level_file();
	l->step = steps_find(d, q->job_id, step_id, q->het_comp);
	if (!l->step)
		l->step = steps_reserve(d, q->job_id, step_id, q->het_comp,
					q->cred ? q->cred->id.uid : NO_VAL);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p)) {
		log_error("socketpair: %m");
		l->result = E_D_FORK_FAILED;
	} else {
		l->pid = stepd_spawn(l, p[1]);
		if (l->pid < 0) {
			l->result = E_D_FORK_FAILED;
			close(p[0]);
		}
		close(p[1]);
		l->fd = p[0];
	}
	if (l->result) {
		failed(l);
		req_unref(q);
		free(l);
		return;
	}
	l->task = (struct task){ .run = talk_run, .done = talk_done };
	pool_submit(d->pool, &l->task);
}
