/* SPDX-License-Identifier: Apache-2.0
 *
 * See stock_stepd.h.  The socket speaks native integers: both sides name their
 * release, then questions by number, several a connection.
 *
 * Keeps: never blocks longer than the caller allows. */
#include "slurmd/stock_stepd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/states.h"

#define PIDS_MAX 1000000u

enum question {
	ASK_SIGNAL = 4, ASK_DAEMON_PID = 9, ASK_SUSPEND, ASK_RESUME, ASK_TERMINATE,
	ASK_PIDS = 15, ASK_COMPLETION = 18, ASK_UID = 20
};

struct link {
	int fd;
	enum wire_version version;      /* the step daemon's */
	bool broken;
};

static void put(struct link *l, const void *from, size_t n)
{
	if (!l->broken && send(l->fd, from, n, MSG_NOSIGNAL) != (ssize_t)n)
		l->broken = true;
}

static void put_int(struct link *l, int v)
{
	put(l, &v, sizeof v);
}

static void get(struct link *l, void *to, size_t n)
{
	memset(to, 0, n);
	if (!l->broken && recv(l->fd, to, n, MSG_WAITALL) != (ssize_t)n)
		l->broken = true;
}

static int get_int(struct link *l)
{
	int v;

	get(l, &v, sizeof v);
	return v;
}

/* The end of most answers. */
static enum err get_result(struct link *l)
{
	int rc = get_int(l), number = get_int(l);

	if (l->broken)
		return E_D_JOB_NOTRUNNING;
	if (rc == 0)
		return E_OK;
	return rc > 0 ? (enum err)rc : number > 0 ? (enum err)number : E_FAIL;
}

static enum err ask_signal(struct link *l, int sig, uint32_t flags, uint32_t uid)
{
	put_int(l, ASK_SIGNAL);
	put_int(l, sig);
	put_int(l, (int)flags);
	put_int(l, 0);          /* no details */
	put(l, &uid, sizeof uid);
	return get_result(l);
}

static enum err ask_plain(struct link *l, enum question what)
{
	uint16_t specialized = 0;

	put_int(l, (int)what);
	if (what != ASK_TERMINATE && wire_version_in(l->version, UNTIL(23_11)))
		put(l, &specialized, sizeof specialized);
	return get_result(l);
}

static enum err ask_info(struct link *l, struct stepd_reply *r)
{
	uint32_t uid;
	pid_t pid;

	put_int(l, ASK_DAEMON_PID);
	get(l, &pid, sizeof pid);
	put_int(l, ASK_UID);
	get(l, &uid, sizeof uid);
	r->pid = (uint32_t)pid;
	r->uid = uid;
	return l->broken ? E_D_JOB_NOTRUNNING : E_OK;
}

static enum err ask_pids(struct link *l, struct stepd_reply *r, struct arena *mem)
{
	uint32_t n;

	put_int(l, ASK_PIDS);
	get(l, &n, sizeof n);
	if (l->broken || n > PIDS_MAX)
		return E_D_JOB_NOTRUNNING;
	r->pids = arena_alloc(mem, (n + 1) * sizeof *r->pids);
	for (r->pids_count = 0; r->pids_count < n; r->pids_count++)
		get(l, &r->pids[r->pids_count], sizeof *r->pids);
	return l->broken ? E_D_JOB_NOTRUNNING : E_OK;
}

/* A child of its tree has ended. */
static enum err ask_completion(struct link *l, const struct stepd_request *q, struct arena *mem)
{
	struct wire_in in = { q->body.p, q->body.p + q->body.len, mem, false, false };
	struct step_complete_msg m;
	struct wire_out acct = { 0 };
	enum wire_version v;

	wire_init(&step_complete_msg_desc, &m);
	if (!wire_version_find(q->version, &v))
		return E_PROTOCOL_VERSION_ERROR;
	wire_unpack(&in, &step_complete_msg_desc, &m, v);
	wire_pack(&acct, &jobacctinfo_desc, &m.jobacct, l->version);
	if (in.failed || acct.failed) {
		wire_out_fini(&acct);
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	}
	put_int(l, ASK_COMPLETION);
	put_int(l, (int)m.range_first);
	put_int(l, (int)m.range_last);
	put_int(l, (int)m.step_rc);
	if (wire_version_in(l->version, SINCE(24_05))) {
		bool manager = m.send_to_stepmgr;

		put(l, &m.step_id.step_id, sizeof m.step_id.step_id);
		put(l, &manager, sizeof manager);
	}
	put_int(l, (int)acct.len);
	put(l, acct.base, acct.len);
	wire_out_fini(&acct);
	return get_result(l);
}

/* At once, or so that it can end by itself. */
static enum err ask_end(struct link *l, uint32_t sig, uint32_t word, uint32_t uid)
{
	if (sig == SIGKILL) {
		(void)ask_signal(l, SIGKILL, 0, uid);
		return ask_plain(l, ASK_TERMINATE);
	}
	if (word)
		(void)ask_signal(l, (int)word, 0, uid);
	(void)ask_signal(l, SIGCONT, 0, uid);
	return ask_signal(l, SIGTERM, 0, uid);
}

static enum err ask_any(struct link *l, const struct stepd_request *q, struct stepd_reply *r,
			struct arena *mem)
{
	static const uint32_t words[] = { SIG_TIME_LIMIT, SIG_PREEMPTED, SIG_NODE_FAIL };

	switch (q->op) {
	case STEPD_INFO:
		return ask_info(l, r);
	case STEPD_SIGNAL:
		return ask_signal(l, (int)q->signal, q->flags, q->uid);
	case STEPD_TERMINATE:
		return ask_end(l, q->signal, 0, q->uid);
	case STEPD_TIMELIMIT:
		return ask_end(l, SIGTERM, q->signal < 3 ? words[q->signal] : 0, q->uid);
	case STEPD_SUSPEND:
		return ask_plain(l, ASK_SUSPEND);
	case STEPD_RESUME:
		return ask_plain(l, ASK_RESUME);
	case STEPD_PIDS:
		return ask_pids(l, r, mem);
	case STEPD_COMPLETE:
		return ask_completion(l, q, mem);
	default:
		r->why = "The step was started by another slurmd: its slurmstepd cannot be asked for this";
		return E_NOT_SUPPORTED;
	}
}

/* Theirs below our own number is refused by some: say the newest first. */
static enum err hello(struct link *l)
{
	int theirs;

	put_int(l, wire_version_number(WIRE_VERSION_NEWEST));
	theirs = get_int(l);
	if (l->broken || theirs <= 0 || theirs > UINT16_MAX ||
	    !wire_version_find((uint16_t)theirs, &l->version))
		return E_PROTOCOL_VERSION_ERROR;
	return E_OK;
}

enum err stock_stepd_ask(const char *path, const struct stepd_request *q,
			 struct stepd_reply *r, struct arena *mem, int timeout_ms)
{
	struct timeval limit = { .tv_sec = timeout_ms / 1000,
				 .tv_usec = timeout_ms % 1000 * 1000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct link l = { .broken = false };
	enum err e;

	wire_init(&stepd_reply_desc, r);
	if (strlen(path) >= sizeof a.sun_path)
		return E_D_INVALID_SOCKET_NAME_LEN;
	strcpy(a.sun_path, path);
	l.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (l.fd < 0)
		return E_D_JOB_NOTRUNNING;
	(void)setsockopt(l.fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	(void)setsockopt(l.fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (connect(l.fd, (struct sockaddr *)&a, sizeof a)) {
		close(l.fd);
		return E_D_JOB_NOTRUNNING;
	}
	e = hello(&l);
	if (!e)
		e = ask_any(&l, q, r, mem);
	close(l.fd);
	return e;
}
