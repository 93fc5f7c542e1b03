/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs started as a user, with all that user's groups. */
#include "slurmctld/run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "slurmctld/pool.h"
#include "wire/base/log.h"

#define GROUPS_MAX 1024

struct user_work {
	struct work work;               /* first member */
	uint32_t uid;
	char **argv;
};

/* In the child: nothing but system calls. */
static void child(const struct user_work *k, gid_t gid, const gid_t *groups, size_t count,
		  char *const *env)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	sigemptyset(&none);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (syscall(SYS_setgroups, count, groups) || syscall(SYS_setresgid, gid, gid, gid) ||
	    syscall(SYS_setresuid, k->uid, k->uid, k->uid))
		_exit(126);
	close_range(3, ~0U, 0);
	execve(k->argv[0], k->argv, env);
	_exit(127);
}

static void run(struct work *w)
{
	struct user_work *k = (struct user_work *)w;
	char *env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", NULL };
	struct passwd pw, *found = NULL;
	gid_t groups[GROUPS_MAX];
	int count = GROUPS_MAX;
	char buf[4096];
	pid_t pid;

	if (getpwuid_r(k->uid, &pw, buf, sizeof buf, &found) || !found) {
		log_error("%s: no user %u", k->argv[0], (unsigned)k->uid);
		return;
	}
	if (getgrouplist(pw.pw_name, pw.pw_gid, groups, &count) < 0)
		count = GROUPS_MAX;
	pid = fork();
	if (!pid)
		child(k, pw.pw_gid, groups, (size_t)count, env);
	if (pid < 0)
		log_error("%s: fork: %s", k->argv[0], strerror(errno));
	else
		log_debug("started %s pid=%d uid=%u", k->argv[0], (int)pid, (unsigned)k->uid);
}

static void done(struct work *w)
{
	struct user_work *k = (struct user_work *)w;

	for (char **a = k->argv; *a; a++)
		free(*a);
	free(k->argv);
	free(k);
}

void run_program_as(struct ctld *c, const struct effect *e)
{
	struct user_work *k = mem_zalloc(sizeof *k);
	size_t n = 0;

	while (e->argv[n])
		n++;
	k->work.run = run;
	k->work.done = done;
	k->uid = e->uid;
	k->argv = mem_zalloc((n + 1) * sizeof *k->argv);
	for (size_t i = 0; i < n; i++)
		k->argv[i] = mem_strdup(e->argv[i]);
	pool_submit(c->slow, &k->work);
}
