/* SPDX-License-Identifier: Apache-2.0
 *
 * The questions that Slurm's own programs on this node ask a step daemon at
 * its socket: scontrol listpids, pidinfo.  They speak in native integers,
 * several questions a connection, and start with their protocol version,
 * which is never the length of a frame of ours.
 *
 * Keeps: nothing here changes the step; a caller that is silent is left. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "slurmd/stepd/io.h"
#include "slurmd/stepd/proc.h"
#include "slurmd/stepd/step.h"

#define IDLE_MS 2000            /* between questions of one caller: a busy node is slow */
#define QUESTIONS_MAX 64

enum question {
	ASK_SLUID = 1, ASK_STATE = 5, ASK_PID_IN_STEP = 8, ASK_DAEMON_PID = 9, ASK_TASKS = 14,
	ASK_PIDS = 15, ASK_UID = 20, ASK_NODE_ID = 21
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

static bool answer(const struct step *s, int fd, int question)
{
	uint32_t word = 2;              /* "running" */
	uint64_t sluid = s->id.sluid;
	pid_t pid = getpid();

	switch (question) {
	case ASK_SLUID:
		return put(fd, &sluid, sizeof sluid);
	case ASK_STATE:
		return put(fd, &word, sizeof word);
	case ASK_PID_IN_STEP:
		return answer_pid_in_step(fd);
	case ASK_DAEMON_PID:
		return put(fd, &pid, sizeof pid);
	case ASK_TASKS:
		return answer_tasks(s, fd);
	case ASK_PIDS:
		return answer_pids(fd);
	case ASK_UID:
		word = s->uid;
		return put(fd, &word, sizeof word);
	case ASK_NODE_ID:
		word = s->node_id;
		return put(fd, &word, sizeof word);
	default:
		return false;
	}
}

void stock_serve(const struct step *s, int fd)
{
	int version, question;

	if (!get(fd, &version, sizeof version) || !put(fd, &version, sizeof version))
		return;
	for (int k = 0; k < QUESTIONS_MAX; k++)
		if (!get(fd, &question, sizeof question) || !answer(s, fd, question))
			return;
}
