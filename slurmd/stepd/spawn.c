/* SPDX-License-Identifier: Apache-2.0
 *
 * Forking.  All tasks are forked first and wait for a byte; they exec
 * together, when process groups are set and everybody can be signalled. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

/* A child starts with the signals of a fresh process. */
static void signals_reset(void)
{
	static const struct {
		unsigned long handler, flags, restorer, mask;
	} fresh;                        /* the kernel's structure: default action */
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	/* The C library keeps two for its threads and will not reset them. */
	for (int sig = 32; sig <= 33; sig++)
		(void)syscall(SYS_rt_sigaction, sig, &fresh, NULL, 8);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Children have no use for the poll descriptors of libevent and the like. */
static void descriptors_close(int keep)
{
	if (keep > 3)
		close_range(3, (unsigned)keep - 1, 0);
	close_range((unsigned)(keep > 2 ? keep + 1 : 3), ~0u, 0);
}

static void task_stdio(const struct step *s, const struct task *t)
{
	if (s->flags & LAUNCH_PTY && t->gtid == 0) {
		if (login_tty(t->in_fd) < 0)
			log_error("login_tty: %s", strerror(errno));
		return;
	}
	if (dup2(t->in_fd, 0) < 0 || dup2(t->out_fd, 1) < 0 || dup2(t->err_fd, 2) < 0)
		_exit(1);
}

static void task_child(struct step *s, struct task *t, int go)
{
	char byte;

	signals_reset();
	task_stdio(s, t);
	descriptors_close(go);
	log_set_levels(LVL_ERROR, LVL_QUIET);
	if (read(go, &byte, 1) != 1)
		_exit(1);       /* the step was given up */
	close(go);
	child_exec(s, t);
}

/* Said for the step and for each task, on the stream of the first. */
static void cwd_check(struct step *s)
{
	int rc = 0;

	if (user_enter(s) != E_OK)
		return;
	if (chdir(s->cwd) < 0)
		rc = errno;
	user_leave();
	for (uint32_t i = 0; rc && i <= s->task_count; i++)
		log_error("couldn't chdir to `%s': %s: going to /tmp instead", s->cwd,
			  strerror(rc));
	(void)!chdir("/");
}

enum err step_spawn(struct step *s)
{
	cwd_check(s);
	for (uint32_t i = 0; i < s->task_count; i++) {
		struct task *t = &s->tasks[i];
		int go[2];

		if (pipe2(go, O_CLOEXEC) < 0)
			return E_D_FORK_FAILED;
		t->pid = fork();
		if (t->pid == 0) {
			close(go[1]);
			task_child(s, t, go[0]);
		}
		close(go[0]);
		if (t->pid < 0) {
			log_error("child fork: %s", strerror(errno));
			t->pid = 0;
			close(go[1]);
			return E_D_FORK_FAILED;
		}
		t->go_fd = go[1];
		s->task_alive++;
		step_bind(s, t);
		if (i == 0)
			s->pgid = t->pid;
		/* login_tty() makes a session, and with it the group. */
		if (!(s->flags & LAUNCH_PTY) && setpgid(t->pid, s->pgid) < 0)
			log_error("Unable to put task %u (pid %d) into pgrp %d: %s", i,
				  (int)t->pid, (int)s->pgid, strerror(errno));
	}
	s->launched = true;
	return E_OK;
}

void step_go(struct step *s)
{
	for (uint32_t i = 0; i < s->task_count; i++) {
		struct task *t = &s->tasks[i];

		if (t->go_fd < 0)
			continue;
		(void)!write(t->go_fd, "", 1);
		close(t->go_fd);
		t->go_fd = -1;
	}
}

static void script_child(const struct step *s, const char *path, const struct envv *env,
			 int out)
{
	char *argv[] = { (char *)path, NULL };
	int null = open("/dev/null", O_RDWR);

	signals_reset();
	(void)setpgid(0, 0);
	if (user_become(s) != E_OK)
		_exit(127);
	if (chdir(s->cwd) < 0)
		(void)!chdir("/tmp");
	dup2(null, 0);
	if (out >= 0)
		dup2(out, 1);
	close_range(3, ~0u, 0);
	execve(path, argv, env->v);
	log_error("execve(%s): %s", path, strerror(errno));
	_exit(127);
}

/* Read what it prints until it ends or its time is over. */
static void script_output(int fd, pid_t pid, int max_sec, struct strbuf *out)
{
	time_t end = time(NULL) + max_sec;
	bool killed = false;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char buf[4096];
		ssize_t n;

		if (max_sec > 0 && time(NULL) >= end && !killed) {
			kill(-pid, SIGKILL);
			killed = true;
		}
		if (poll(&p, 1, max_sec > 0 ? 500 : -1) <= 0)
			continue;
		n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		if (out && out->len < 1u << 20)
			strbuf_addn(out, buf, (size_t)n);
	}
}

int script_run(const struct step *s, const char *what, const char *path,
	       const struct envv *env, int max_sec, struct strbuf *output)
{
	int fds[2], status = 0;
	pid_t pid;

	log_debug("running %s [%s]", what, path);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0)
		script_child(s, path, env, fds[1]);
	close(fds[1]);
	if (pid > 0) {
		script_output(fds[0], pid, max_sec, output);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		kill(-pid, SIGKILL);
	}
	close(fds[0]);
	if (pid < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : status;
}
