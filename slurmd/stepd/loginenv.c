/* SPDX-License-Identifier: Apache-2.0
 *
 * SLURM_GET_USER_ENV=1: start from what a login shell of the user sets, and
 * put the job's own environment over it.  Plain fork and exec: this must work
 * in a container that may make no namespaces. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

#define TIMEOUT_SEC 120
#define OUTPUT_MAX  (4u << 20)
#define START "SLUICE-ENVIRONMENT-STARTS-HERE"
#define STOP  "SLUICE-ENVIRONMENT-STOPS-HERE"

static void child_shell(const char *user, int out)
{
	char *env[] = { "ENVIRONMENT=BATCH", NULL };
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		(void)signal(sig, SIG_DFL);
	dup2(null, 0);
	dup2(out, 1);
	dup2(null, 2);
	(void)setsid();
	close_range(3, ~0u, 0);
	execle("/bin/su", "su", "-", user, "-c",
	       "echo; echo " START "; env -0; echo " STOP, (char *)NULL, env);
	_exit(127);
}

static bool read_all(int fd, struct strbuf *b)
{
	time_t end = time(NULL) + TIMEOUT_SEC;

	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char buf[4096];
		time_t now = time(NULL);
		ssize_t n;

		if (now >= end)
			return false;
		if (poll(&p, 1, (int)(end - now) * 1000) < 0 && errno != EINTR)
			return false;
		if (!p.revents)
			continue;
		n = read(fd, buf, sizeof buf);
		if (n == 0)
			return true;
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			strbuf_addn(b, buf, (size_t)n);
		if (b->len > OUTPUT_MAX)
			return false;
		/* A profile may leave something running that holds the pipe. */
		if (b->len && memmem(b->s, b->len, "\0" STOP, sizeof STOP))
			return true;
	}
}

static bool discarded(const char *entry)
{
	return !strncmp(entry, "DISPLAY=", 8) || !strncmp(entry, "ENVIRONMENT=", 12) ||
	       !strncmp(entry, "HOSTNAME=", 9);
}

static bool parse(const struct strbuf *b, struct envv *e)
{
	const char *p = b->len ? memmem(b->s, b->len, "\n" START "\n",
					sizeof START + 1) : NULL;
	const char *end = b->s + b->len;

	if (!p)
		return false;
	for (p += sizeof START + 1; p < end;) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul)
			return !strncmp(p, STOP, strlen(STOP));
		if (!discarded(p))
			envv_put(e, p);
		p = nul + 1;
	}
	return false;
}

void step_login_env(struct step *s)
{
	const char *asked = envv_get(&s->env, "SLURM_GET_USER_ENV");
	struct envv merged = {0};
	struct strbuf out = {0};
	int fds[2];
	pid_t pid;

	if (!streq(asked, "1"))
		return;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		log_error("pipe: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (pid == 0)
		child_shell(s->user, fds[1]);
	close(fds[1]);
	if (pid < 0)
		log_error("fork: %s", strerror(errno));
	else if (!read_all(fds[0], &out) || !parse(&out, &merged))
		log_error("Unable to get the login environment of %s; the job runs with what was submitted",
			  s->user);
	close(fds[0]);
	if (pid > 0) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	strbuf_fini(&out);
	for (uint32_t i = 0; i < s->env.n; i++)
		envv_put(&merged, s->env.v[i]);
	envv_fini(&s->env);
	s->env = merged;
}
