/* SPDX-License-Identifier: Apache-2.0
 *
 * The questions that Slurm's own programs on this node ask a step daemon at
 * its socket: scontrol listpids, pidinfo, and the slurmd of Slurm's own that
 * took this node over while the step ran.  They speak in native integers,
 * several questions a connection, and start with their protocol version,
 * which is never the length of a frame of ours.
 *
 * Keeps: only root's orders change the step; a caller that is silent is left. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slurmd/stepd/io.h"
#include "slurmd/stepd/proc.h"
#include "slurmd/stepd/step.h"
#include "slurmd/stepd_api.h"
#include "wire/base/log.h"

#define IDLE_MS 2000            /* between questions of one caller: a busy node is slow */
#define QUESTIONS_MAX 64

#define TEXT_MAX 65536          /* details, messages, accounting records */

enum question {
	ASK_SLUID = 1, ASK_SIGNAL = 4, ASK_STATE, ASK_PID_IN_STEP = 8, ASK_DAEMON_PID,
	ASK_SUSPEND, ASK_RESUME, ASK_TERMINATE, ASK_TASKS = 14, ASK_PIDS, ASK_RECONFIGURE,
	ASK_COMPLETION = 18, ASK_MEMORY, ASK_UID, ASK_NODE_ID,
	ASK_NOTIFY = REQUEST_JOB_NOTIFY
};

/* One caller. */
struct caller {
	struct step *step;
	int fd;
	enum wire_version version;
	struct arena mem;
};

static bool readable(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

static bool get(int fd, void *to, size_t n)
{
	return readable(fd, IDLE_MS) && recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

static bool put(int fd, const void *from, size_t n)
{
	return send(fd, from, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n;
}

bool stock_peek(int fd)
{
	enum wire_version v;
	int first;

	if (!readable(fd, 2000) ||
	    recv(fd, &first, sizeof first, MSG_PEEK | MSG_WAITALL) != sizeof first)
		return false;
	return first > 0 && first <= UINT16_MAX && wire_version_find((uint16_t)first, &v);
}

static bool answer_pids(int fd)
{
	struct pid_list l;
	bool good;

	proc_list(&l);
	good = put(fd, &l.n, sizeof l.n);
	for (uint32_t k = 0; good && k < l.n; k++) {
		uint32_t pid = (uint32_t)l.v[k];

		good = put(fd, &pid, sizeof pid);
	}
	free(l.v);
	return good;
}

static bool answer_pid_in_step(int fd)
{
	struct pid_list l;
	bool found = false;
	pid_t pid;

	if (!get(fd, &pid, sizeof pid))
		return false;
	proc_list(&l);
	for (uint32_t k = 0; k < l.n; k++)
		found |= l.v[k] == pid;
	free(l.v);
	return put(fd, &found, sizeof found);
}

static bool answer_tasks(const struct step *s, int fd)
{
	bool good = put(fd, &s->task_count, sizeof s->task_count);

	for (uint32_t k = 0; good && k < s->task_count; k++) {
		const struct task *t = &s->tasks[k];
		int id = (int)t->ltid, status = t->status;

		good = put(fd, &id, sizeof id) && put(fd, &t->gtid, sizeof t->gtid) &&
		       put(fd, &t->pid, sizeof t->pid) &&
		       put(fd, &t->exited, sizeof t->exited) &&
		       put(fd, &status, sizeof status);
	}
	return good;
}

/* ---- orders of a slurmd ------------------------------------------------- */

/* A text or packed record with its length before it. */
static bool get_text(struct caller *c, char **text, uint32_t *len)
{
	int n;

	if (!get(c->fd, &n, sizeof n) || n < 0 || n > TEXT_MAX)
		return false;
	*text = arena_zalloc(&c->mem, (size_t)n + 1);
	*len = (uint32_t)n;
	return !n || get(c->fd, *text, (size_t)n);
}

static bool put_result(int fd, enum err e)
{
	int rc = e ? -1 : 0, number = (int)e;

	return put(fd, &rc, sizeof rc) && put(fd, &number, sizeof number);
}

static enum err order(struct caller *c, enum stepd_op op, uint32_t sig, uint32_t flags,
		      uint32_t uid)
{
	struct stepd_request q;
	struct stepd_reply r;

	wire_init(&stepd_request_desc, &q);
	wire_init(&stepd_reply_desc, &r);
	q.op = (uint16_t)op;
	q.signal = sig;
	q.flags = flags;
	q.uid = uid;
	return ctl_request(c->step, &q, &r, &c->mem, NULL);
}

static bool take_signal(struct caller *c)
{
	uint32_t len, uid;
	int sig, flags;
	char *details;

	if (!get(c->fd, &sig, sizeof sig) || !get(c->fd, &flags, sizeof flags) ||
	    !get_text(c, &details, &len) || !get(c->fd, &uid, sizeof uid))
		return false;
	/* the end of the job, for which there is nothing to wait */
	if (sig == SIGKILL && c->step->kind == KIND_EXTERN)
		return put_result(c->fd, order(c, STEPD_TERMINATE, SIGKILL, 0, uid));
	return put_result(c->fd, order(c, STEPD_SIGNAL, (uint32_t)sig, (uint32_t)flags, uid));
}

static bool take_suspend(struct caller *c, enum stepd_op op)
{
	uint16_t specialized;

	if (wire_version_in(c->version, UNTIL(23_11)) &&
	    !get(c->fd, &specialized, sizeof specialized))
		return false;
	return put_result(c->fd, order(c, op, 0, 0, 0));
}

/* Nothing of a configuration concerns a step that runs. */
static bool take_reconfigure(struct caller *c)
{
	uint32_t len;
	char *text;

	if (wire_version_in(c->version, SINCE(23_11)) && !get_text(c, &text, &len))
		return false;
	return put_result(c->fd, E_OK);
}

static bool take_notify(struct caller *c)
{
	uint32_t len;
	char *text;
	int rc = 0;

	if (!get_text(c, &text, &len))
		return false;
	log_error("%s", text);
	return put(c->fd, &rc, sizeof rc);
}

/* A child of the step's tree has ended. */
static bool take_completion(struct caller *c)
{
	struct stepd_request q;
	struct stepd_reply r;
	struct step_complete_msg m;
	struct wire_out o = { 0 };
	struct wire_in in;
	enum err e = E_COMMUNICATIONS_RECEIVE_ERROR;
	bool manager = false;
	uint32_t len;
	char *acct;

	wire_init(&step_complete_msg_desc, &m);
	m.step_id = c->step->id;
	if (!get(c->fd, &m.range_first, sizeof m.range_first) ||
	    !get(c->fd, &m.range_last, sizeof m.range_last) ||
	    !get(c->fd, &m.step_rc, sizeof m.step_rc))
		return false;
	if (wire_version_in(c->version, SINCE(24_05)) &&
	    (!get(c->fd, &m.step_id.step_id, sizeof m.step_id.step_id) ||
	     !get(c->fd, &manager, sizeof manager)))
		return false;
	if (!get_text(c, &acct, &len))
		return false;
	in = (struct wire_in){ (uint8_t *)acct, (uint8_t *)acct + len, &c->mem, false, false };
	wire_unpack(&in, &jobacctinfo_desc, &m.jobacct, c->version);
	m.send_to_stepmgr = manager;
	wire_pack(&o, &step_complete_msg_desc, &m, WIRE_VERSION_NEWEST);
	wire_init(&stepd_request_desc, &q);
	wire_init(&stepd_reply_desc, &r);
	q.op = STEPD_COMPLETE;
	q.version = wire_version_number(WIRE_VERSION_NEWEST);
	q.body = (struct wire_mem){ o.base, (uint32_t)o.len };
	if (!in.failed && !o.failed)
		e = ctl_request(c->step, &q, &r, &c->mem, NULL);
	wire_out_fini(&o);
	return put_result(c->fd, e);
}

/* What slurmd looks after (JobAcctGatherParams=OverMemoryKill): of the job, and
 * until 26.05 of the step. */
static bool answer_memory(const struct caller *c)
{
	uint64_t mb = c->step->mem_mb;

	return put(c->fd, &mb, sizeof mb) &&
	       (wire_version_in(c->version, SINCE(26_05)) || put(c->fd, &mb, sizeof mb));
}

static bool answer(struct caller *c, int question)
{
	const struct step *s = c->step;
	uint32_t word = 2;              /* "running" */
	uint64_t sluid = s->id.sluid;
	pid_t pid = getpid();
	int fd = c->fd;

	switch (question) {
	case ASK_SLUID:
		return put(fd, &sluid, sizeof sluid);
	case ASK_SIGNAL:
		return take_signal(c);
	case ASK_STATE:
		return put(fd, &word, sizeof word);
	case ASK_PID_IN_STEP:
		return answer_pid_in_step(fd);
	case ASK_DAEMON_PID:
		return put(fd, &pid, sizeof pid);
	case ASK_SUSPEND:
		return take_suspend(c, STEPD_SUSPEND);
	case ASK_RESUME:
		return take_suspend(c, STEPD_RESUME);
	case ASK_TERMINATE:
		return put_result(fd, order(c, STEPD_TERMINATE, SIGKILL, 0, 0));
	case ASK_TASKS:
		return answer_tasks(s, fd);
	case ASK_PIDS:
		return answer_pids(fd);
	case ASK_RECONFIGURE:
		return take_reconfigure(c);
	case ASK_COMPLETION:
		return take_completion(c);
	case ASK_MEMORY:
		return answer_memory(c);
	case ASK_UID:
		word = s->uid;
		return put(fd, &word, sizeof word);
	case ASK_NODE_ID:
		word = s->node_id;
		return put(fd, &word, sizeof word);
	case ASK_NOTIFY:
		return take_notify(c);
	default:
		log_verbose("question %d of a program of Slurm's own is not answered", question);
		return false;
	}
}

void stock_serve(struct step *s, int fd)
{
	struct caller c = { .step = s, .fd = fd };
	int version, question;

	if (!get(fd, &version, sizeof version) ||
	    !wire_version_find((uint16_t)version, &c.version) ||
	    !put(fd, &version, sizeof version))
		return;
	for (int k = 0; k < QUESTIONS_MAX; k++)
		if (!get(fd, &question, sizeof question) || !answer(&c, question))
			break;
	arena_fini(&c.mem);
}
