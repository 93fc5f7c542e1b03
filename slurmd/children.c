/* SPDX-License-Identifier: Apache-2.0
 *
 * See children.h.  Children are started and reaped by the loop thread alone,
 * so an exit is never seen before the child is in the table. */
#include "slurmd/children.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/base/log.h"

#define OUTPUT_KEPT 1024

struct child {
	struct child *next;
	pid_t pid;
	void (*exited)(void *arg, int status);
	void *arg;
};

struct children {
	struct child *first;
	struct event *ev;
};

static void reap(evutil_socket_t sig, short what, void *arg)
{
	struct children *k = arg;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child **p = &k->first, *c;

		while (*p && (*p)->pid != pid)
			p = &(*p)->next;
		c = *p;
		if (!c)
			continue;               /* an orphan of someone else's */
		*p = c->next;
		if (c->exited)
			c->exited(c->arg, status);
		free(c);
	}
}

struct children *children_new(struct daemon *d)
{
	struct children *k = mem_zalloc(sizeof *k);

	k->ev = evsignal_new(d->base, SIGCHLD, reap, k);
	event_add(k->ev, NULL);
	return k;
}

static void set_defaults(posix_spawnattr_t *a)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGKILL);
	sigdelset(&set, SIGSTOP);
	posix_spawnattr_setsigdefault(a, &set);
	sigemptyset(&set);
	posix_spawnattr_setsigmask(a, &set);
	posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
				    POSIX_SPAWN_SETSID);
}

pid_t children_start(struct daemon *d, const char *path, char *const argv[],
		     char *const env[], int fd0, int out,
		     void (*exited)(void *arg, int status), void *arg)
{
	posix_spawn_file_actions_t f;
	posix_spawnattr_t a;
	struct child *c;
	pid_t pid;
	int e;

	posix_spawn_file_actions_init(&f);
	posix_spawnattr_init(&a);
	set_defaults(&a);
	if (fd0 >= 0)
		posix_spawn_file_actions_adddup2(&f, fd0, 0);
	else
		posix_spawn_file_actions_addopen(&f, 0, "/dev/null", O_RDONLY, 0);
	for (int fd = 1; fd <= 2; fd++) {
		if (out >= 0)
			posix_spawn_file_actions_adddup2(&f, out, fd);
		else
			posix_spawn_file_actions_addopen(&f, fd, "/dev/null", O_WRONLY, 0);
	}
	(void)posix_spawn_file_actions_addclosefrom_np(&f, 3);
	e = posix_spawn(&pid, path, &f, &a, argv, env);
	posix_spawn_file_actions_destroy(&f);
	posix_spawnattr_destroy(&a);
	if (e) {
		errno = e;
		return -1;
	}
	c = mem_zalloc(sizeof *c);
	*c = (struct child){ .next = d->children->first, .pid = pid, .exited = exited,
			     .arg = arg };
	d->children->first = c;
	return pid;
}

/* ---- scripts ----------------------------------------------------------- */

struct script {
	struct daemon *d;
	pid_t pid;
	int fd;                         /* its output; -1 closed */
	struct event *read_ev, *limit_ev;
	char output[OUTPUT_KEPT + 1];
	size_t have;
	bool timed_out;
	void (*done)(void *arg, const struct script_result *r);
	void *arg;
};

static void script_end(struct script *s, int status)
{
	struct script_result r = { .status = status, .timed_out = s->timed_out,
				   .output = s->output };

	while (s->have && s->output[s->have - 1] == '\n')
		s->output[--s->have] = 0;
	s->done(s->arg, &r);
	if (s->read_ev)
		event_free(s->read_ev);
	if (s->limit_ev)
		event_free(s->limit_ev);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

static void drain(struct script *s)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(s->fd, buf, sizeof buf)) > 0) {
		size_t room = OUTPUT_KEPT - s->have;
		size_t k = (size_t)n < room ? (size_t)n : room;

		memcpy(s->output + s->have, buf, k);
		s->have += k;
	}
	if (n == 0)
		event_del(s->read_ev);
}

static void on_output(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drain(arg);
}

static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct script *s = arg;

	(void)fd;
	(void)what;
	s->timed_out = true;
	kill(-s->pid, SIGKILL);         /* its session is its process group */
}

static void script_exited(void *arg, int status)
{
	struct script *s = arg;

	drain(s);
	script_end(s, status);
}

void script_run(struct daemon *d, const char *path, char *const env[], uint32_t limit_sec,
		void (*done)(void *arg, const struct script_result *r), void *arg)
{
	char *argv[] = { (char *)path, NULL };

	script_run_args(d, argv, env, limit_sec, done, arg);
}

void script_run_args(struct daemon *d, char *const argv[], char *const env[],
		     uint32_t limit_sec,
		     void (*done)(void *arg, const struct script_result *r), void *arg)
{
	const char *path = argv[0];
	struct script *s = mem_zalloc(sizeof *s);
	struct timeval tv = { .tv_sec = limit_sec };
	int p[2];

	s->d = d;
	s->done = done;
	s->arg = arg;
	s->fd = -1;
	if (pipe2(p, O_CLOEXEC)) {
		log_error("pipe: %m");
		script_end(s, -1);
		return;
	}
	s->pid = children_start(d, path, argv, env, -1, p[1], script_exited, s);
	if (s->pid < 0)
		(void)snprintf(s->output, sizeof s->output, "%s: %s", path, strerror(errno));
	close(p[1]);
	s->fd = p[0];
	if (s->pid < 0) {
		s->have = strlen(s->output);
		script_end(s, -1);
		return;
	}
	(void)fcntl(s->fd, F_SETFL, O_NONBLOCK);
	s->read_ev = event_new(d->base, s->fd, EV_READ | EV_PERSIST, on_output, s);
	event_add(s->read_ev, NULL);
	if (limit_sec) {
		s->limit_ev = event_new(d->base, -1, 0, on_limit, s);
		event_add(s->limit_ev, &tv);
	}
}
