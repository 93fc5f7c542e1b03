/* SPDX-License-Identifier: Apache-2.0
 *
 * The control socket: slurmd's questions and orders, one a connection.  Only
 * root (or the user we run as) can connect; slurmd has decided who may ask. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "slurmd/stepd/acct.h"
#include "slurmd/stepd/io.h"
#include "slurmd/stepd/manage.h"
#include "slurmd/stepd/report.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

#define REQUEST_TIMEOUT_MS 2000

static struct {
	int fd;
	struct event *ev;
	char path[sizeof ((struct sockaddr_un *)0)->sun_path];
} ctl = { .fd = -1 };

static void reply_body(struct stepd_reply *r, uint16_t type, const void *body,
		       uint16_t version, struct wire_out *o)
{
	enum wire_version v;

	if (!wire_version_find(version, &v))
		v = WIRE_VERSION_NEWEST;
	wire_body_pack(o, type, body, v);
	r->type = type;
	r->body = (struct wire_mem){ o->base, (uint32_t)o->len };
}

static const void *request_body(const struct stepd_request *q, const struct wire_desc *d,
				struct arena *mem)
{
	void *body = arena_alloc(mem, d->size);
	struct wire_in in = { q->body.p, q->body.p + q->body.len, mem, false, false };
	enum wire_version v;

	if (!wire_version_find(q->version, &v))
		return NULL;
	wire_unpack(&in, d, body, v);
	return in.failed || in.p != in.end ? NULL : body;
}

static void do_info(struct step *s, struct stepd_reply *r)
{
	r->uid = s->uid;
	r->job_id = s->id.job_id;
	r->step_id = s->id.step_id;
	r->step_het_comp = s->id.step_het_comp;
	r->pid = (uint32_t)getpid();
	r->state = s->state;
	r->start_time = s->start_time;
}

/* Signals whose numbers are words of the protocol. */
static bool word_signal(struct step *s, uint32_t sig)
{
	switch (sig) {
	case WSIG_TIME_LIMIT:
	case WSIG_PREEMPTED:
	case WSIG_NODE_FAIL:
	case WSIG_REQUEUED:
	case WSIG_FAILURE:
		life_say_cancelled(s, sig);
		return true;
	case WSIG_DEBUG_WAKE:
		return true;
	case WSIG_TERM_KILL:
		life_say_cancelled(s, sig);
		life_terminate(s, false);
		return true;
	default:
		return false;
	}
}

static enum err do_signal(struct step *s, const struct stepd_request *q)
{
	uint32_t sig = q->signal;
	int rc;

	if (q->flags & KILL_NO_SIG_FAIL)
		s->flags |= LAUNCH_NO_SIG_FAIL;
	if (s->kind != KIND_EXTERN && !s->launched)
		return E_D_JOB_NOTRUNNING;
	if (word_signal(s, sig))
		return E_OK;
	if (sig == WSIG_ABORT) {
		s->aborted = true;
		sig = SIGKILL;
	}
	if (sig >= (uint32_t)NSIG)
		return E_D_JOB_NOTRUNNING;
	if (sig == SIGTERM || sig == SIGKILL)
		life_say_cancelled(s, sig);
	if (s->suspended && sig != SIGKILL)
		return E_D_STEP_SUSPENDED;
	if (s->kind == KIND_BATCH && q->flags & (KILL_JOB_BATCH | KILL_FULL_JOB)) {
		rc = q->flags & KILL_FULL_JOB ? killpg(s->pgid, (int)sig) :
						kill(s->pgid, (int)sig);
		if (sig == SIGTERM || sig == SIGKILL)
			s->tasks[0].killed_by_cmd = !s->tasks[0].exited;
		return rc == 0 ? E_OK : (enum err)errno;
	}
	rc = life_signal(s, (int)sig, true);
	return rc == 0 || rc == ESRCH ? E_OK : (enum err)rc;
}

static void do_terminate(struct step *s, const struct stepd_request *q)
{
	if (q->flags & KILL_FULL_JOB && s->reporter)
		report_job_over(s->reporter);
	life_say_cancelled(s, q->signal ? q->signal : SIGTERM);
	life_terminate(s, q->signal == SIGKILL);
}

static void do_timelimit(struct step *s, const struct stepd_request *q)
{
	static const uint32_t words[] = { WSIG_TIME_LIMIT, WSIG_PREEMPTED, WSIG_NODE_FAIL,
					  WSIG_REQUEUED };

	if (q->signal < 4)
		life_say_cancelled(s, words[q->signal]);
	life_terminate(s, false);
}

static void do_stat(struct step *s, const struct stepd_request *q, struct stepd_reply *r,
		    struct arena *mem, struct wire_out *o)
{
	struct job_step_stat st;
	struct pid_list l;
	struct acct a;

	wire_init(&job_step_stat_desc, &st);
	acct_sample(s);
	acct_step(s, &a);
	acct_to_wire(&a, &st.jobacct, true, mem);
	st.num_tasks = s->task_count;
	proc_list(&l);
	st.step_pids.node_name = s->start.node_name;
	st.step_pids.pid = arena_alloc(mem, (l.n + 1) * sizeof *st.step_pids.pid);
	st.step_pids.pid_count = l.n;
	for (uint32_t i = 0; i < l.n; i++)
		st.step_pids.pid[i] = (uint32_t)l.v[i];
	free(l.v);
	reply_body(r, RESPONSE_JOB_STEP_STAT, &st, q->version, o);
}

static void do_pids(struct stepd_reply *r, struct arena *mem)
{
	struct pid_list l;

	proc_list(&l);
	r->pids = arena_alloc(mem, (l.n + 1) * sizeof *r->pids);
	r->pids_count = l.n;
	for (uint32_t i = 0; i < l.n; i++)
		r->pids[i] = (uint32_t)l.v[i];
	free(l.v);
}

/* sattach: a further client and a further listener for task exits. */
static enum err do_reattach(struct step *s, const struct stepd_request *q,
			    struct stepd_reply *r, struct arena *mem, struct wire_out *o)
{
	const struct reattach_tasks_request_msg *m =
		request_body(q, &reattach_tasks_request_msg_desc, mem);
	struct reattach_tasks_response_msg a;
	const char **names;
	struct peer *p;
	enum err e;

	if (!m)
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	if (s->kind != KIND_TASKS || s->state != STATE_RUNNING)
		return E_D_JOB_NOTRUNNING;
	p = mem_zalloc(sizeof *p);
	if (!wire_version_find(q->version, &p->version))
		p->version = s->version;
	p->uid = q->uid;
	p->key = arena_strdup(&s->mem, m->io_key ? m->io_key : m->cred.signature);
	p->bare_key = !m->io_key && m->cred.signature_bare;
	if (m->num_resp_port) {
		p->resp = q->peer;
		p->resp.port = m->resp_port[s->node_id % m->num_resp_port];
	}
	if (m->num_io_port) {
		p->io = q->peer;
		p->io.port = m->io_port[s->node_id % m->num_io_port];
	}
	if (!p->key || (e = io_attach(s, p)) != E_OK) {
		free(p);
		return E_D_IO_ERROR;
	}
	for (struct peer **at = &s->peers;; at = &(*at)->next)
		if (!*at) {
			*at = p;
			break;
		}
	wire_init(&reattach_tasks_response_msg_desc, &a);
	a.node_name = s->start.node_name;
	a.ntasks = a.gtids_count = a.local_pids_count = s->task_count;
	a.gtids = arena_alloc(mem, s->task_count * sizeof *a.gtids);
	a.local_pids = arena_alloc(mem, s->task_count * sizeof *a.local_pids);
	names = arena_zalloc(mem, s->task_count * sizeof *names);
	for (uint32_t i = 0; i < s->task_count; i++) {
		a.gtids[i] = s->tasks[i].gtid;
		a.local_pids[i] = (uint32_t)s->tasks[i].pid;
		names[i] = s->tasks[i].argv ? s->tasks[i].argv[0] : NULL;
	}
	a.executable_names = names;
	reply_body(r, RESPONSE_REATTACH_TASKS, &a, q->version, o);
	return E_OK;
}

/* A child in the tree has ended on its nodes. */
static enum err do_complete(struct step *s, const struct stepd_request *q,
			    struct arena *mem)
{
	const struct step_complete_msg *m = request_body(q, &step_complete_msg_desc, mem);
	uint32_t first = s->node_id + 1;
	struct acct a;

	if (!m)
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	if (!s->children || s->reported || m->range_first < first ||
	    m->range_last < m->range_first ||
	    m->range_last - first >= s->children->bits)
		return E_FAIL;
	if (bitset_test(s->children, m->range_first - first))
		return E_OK;    /* repeated */
	bitset_set_range(s->children, m->range_first - first, m->range_last - first);
	if (m->step_rc > s->worst_status)
		s->worst_status = m->step_rc;
	acct_from_wire(&a, &m->jobacct);
	if (!s->acct_children) {
		s->acct_children = mem_alloc(sizeof *s->acct_children);
		acct_init(s->acct_children);
	}
	acct_merge(s->acct_children, &a);
	return E_OK;
}

enum err ctl_request(struct step *s, const struct stepd_request *q, struct stepd_reply *r,
		     struct arena *mem, struct wire_out *o)
{
	log_debug("request %u signal %u flags 0x%x", q->op, q->signal, q->flags);
	switch (q->op) {
	case STEPD_INFO:
		do_info(s, r);
		return E_OK;
	case STEPD_SIGNAL:
		return do_signal(s, q);
	case STEPD_TERMINATE:
		do_terminate(s, q);
		return E_OK;
	case STEPD_SUSPEND:
		manage_suspended(true);
		return life_suspend(s);
	case STEPD_RESUME:
		manage_suspended(false);
		return life_resume(s);
	case STEPD_STAT:
		do_stat(s, q, r, mem, o);
		return E_OK;
	case STEPD_PIDS:
		do_pids(r, mem);
		return E_OK;
	case STEPD_REATTACH:
		return do_reattach(s, q, r, mem, o);
	case STEPD_COMPLETE:
		return do_complete(s, q, mem);
	case STEPD_NOTIFY:
		if (q->text)
			log_error("%s", q->text);
		return E_OK;
	case STEPD_TIMELIMIT:
		do_timelimit(s, q);
		return E_OK;
	case STEPD_MANAGE:
		return manage_request(q, r, mem, o);
	case STEPD_MEMORY:
		if (!s->mem_mb || s->mem_mb > q->flags)
			s->mem_mb = q->flags;
		manage_memory(q->flags);
		return E_OK;
	case STEPD_SET_DEBUG:
		log_set_levels(LVL_ERROR, (enum log_level)q->flags);
		return E_OK;
	default:
		return E_NOT_SUPPORTED;
	}
}

static bool peer_allowed(int fd)
{
	struct ucred c;
	socklen_t n = sizeof c;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) == 0 &&
	       (c.uid == 0 || c.uid == getuid());
}

static void on_connect(evutil_socket_t listener, short what, void *arg)
{
	struct step *s = arg;
	struct arena mem = {0};
	struct wire_out o = { .tokens = auth_cred_tokens(s->auth) };
	struct stepd_request q;
	struct stepd_reply r;
	int fd = accept4((int)listener, NULL, NULL, SOCK_CLOEXEC);

	(void)what;
	if (fd < 0)
		return;
	wire_init(&stepd_reply_desc, &r);
	if (peer_allowed(fd) && stock_peek(fd))
		stock_serve(s, fd);
	else if (peer_allowed(fd) &&
	    stepd_recv(fd, &stepd_request_desc, &q, &mem, REQUEST_TIMEOUT_MS) == E_OK) {
		r.rc = (uint32_t)ctl_request(s, &q, &r, &mem, &o);
		(void)stepd_send(fd, &stepd_reply_desc, &r);
	}
	close(fd);
	wire_out_fini(&o);
	arena_fini(&mem);
	life_check(s);
}

enum err ctl_open(struct step *s, struct err_text *why)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	mode_t mask;
	int rc;

	stepd_socket_path(ctl.path, sizeof ctl.path, s->start.spool_dir, s->start.node_name,
			  s->id.job_id, s->id.step_id, s->id.step_het_comp);
	memcpy(a.sun_path, ctl.path, sizeof a.sun_path);
	ctl.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (ctl.fd < 0)
		return err_set(why, E_FAIL, "socket: %s", strerror(errno));
	(void)unlink(ctl.path);
	mask = umask(0077);
	rc = bind(ctl.fd, (struct sockaddr *)&a, sizeof a);
	(void)umask(mask);
	if (rc < 0 || chmod(ctl.path, 0700) < 0 || listen(ctl.fd, 64) < 0)
		return err_set(why, E_FAIL, "%s: %s", ctl.path, strerror(errno));
	ctl.ev = event_new(s->base, ctl.fd, EV_READ | EV_PERSIST, on_connect, s);
	event_add(ctl.ev, NULL);
	return E_OK;
}

void ctl_close(struct step *s)
{
	(void)s;
	if (ctl.fd < 0)
		return;
	(void)unlink(ctl.path);
	if (ctl.ev)
		event_free(ctl.ev);
	close(ctl.fd);
	ctl.fd = -1;
}
