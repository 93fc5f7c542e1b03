/* SPDX-License-Identifier: Apache-2.0
 *
 * A program's life: copied out of the effect, started in the thread for slow
 * things, known by its pid from then on, reaped in the main thread.  It may
 * end before the main thread hears that it started: such ends are kept until
 * then. */
#include "slurmctld/programs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slurmctld/pool.h"
#include "slurmctld/steps.h"
#include "wire/base/log.h"

#define GROUPS_MAX 1024
#define EARLY_MAX 256
#define NOT_STARTED (127 << 8)          /* as a shell says it */
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct program {
	struct work work;               /* first member */
	struct programs *all;
	struct program *next;
	struct arena mem;
	enum run_kind kind;
	uint32_t job_id;
	uint64_t run;
	uint32_t timeout_sec;
	uint32_t uid;                   /* runs as; 0: as we do */
	bool names;                     /* env gets the names of these two */
	uint32_t env_uid, env_gid;
	const char *mail_domain;
	char **argv, **env;
	size_t envs;
	const char *file, *file_var;    /* what a file holds that env names */
	struct watch timer;
	int file_fd;                    /* -1 none */
	pid_t pid;                      /* 0: did not start */
	bool timed_out, killed;
};

struct programs {
	struct ctld *ctld;
	struct program *first;          /* running */
	struct { pid_t pid; int status; } early[EARLY_MAX];
	unsigned early_at;
};

/* ---- in the thread for slow things ------------------------------------- */

struct who {
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	int count;
};

/* In the child, which borrows our memory until it executes: system calls
 * only.  Signals are blocked, as in every thread of a pool. */
static void child(const struct program *k, const struct who *id)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	if (k->uid && (syscall(SYS_setgroups, (size_t)id->count, id->groups) ||
		       syscall(SYS_setresgid, id->gid, id->gid, id->gid) ||
		       syscall(SYS_setresuid, k->uid, k->uid, k->uid)))
		_exit(126);
	close_range(3, ~0U, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(k->argv[0], k->argv, k->env);
	_exit(127);
}

static bool who_find(const struct program *k, struct who *id)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(k->uid, &pw, buf, sizeof buf, &found) || !found) {
		log_error("%s: no user %u", k->argv[0], (unsigned)k->uid);
		return false;
	}
	id->gid = pw.pw_gid;
	id->count = GROUPS_MAX;
	if (getgrouplist(pw.pw_name, pw.pw_gid, id->groups, &id->count) < 0)
		id->count = GROUPS_MAX;
	return true;
}

/* Room for these was left. */
static void names_add(struct program *k)
{
	struct passwd pw, *u = NULL;
	struct group gr, *g = NULL;
	char buf[4096];

	if (!getpwuid_r(k->env_uid, &pw, buf, sizeof buf, &u) && u) {
		k->env[k->envs++] = arena_printf(&k->mem, "SLURM_JOB_USER=%s", pw.pw_name);
		if (k->kind == RUN_MAIL && !k->argv[3])
			k->argv[3] = arena_printf(&k->mem, k->mail_domain ? "%s@%s" : "%s",
						  pw.pw_name, k->mail_domain);
	}
	if (!getgrgid_r(k->env_gid, &gr, buf, sizeof buf, &g) && g)
		k->env[k->envs++] = arena_printf(&k->mem, "SLURM_JOB_GROUP=%s", gr.gr_name);
}

/* A file without a name, for us and root: the program may start others as
 * another user, who have nothing but the path. */
static void file_make(struct program *k)
{
	size_t n = strlen(k->file);

	k->file_fd = memfd_create("slurmctld", MFD_CLOEXEC);
	if (k->file_fd < 0 || write(k->file_fd, k->file, n) != (ssize_t)n) {
		log_error("%s: %s: %s", k->argv[0], k->file_var, strerror(errno));
		return;
	}
	k->env[k->envs++] = arena_printf(&k->mem, "%s=/proc/%d/fd/%d", k->file_var,
					 (int)getpid(), k->file_fd);
}

/* A copy of our memory, as fork makes, would cost the main thread. */
static pid_t spawn(const struct program *k, const struct who *id)
{
	pid_t pid = vfork();

	if (!pid)
		child(k, id);
	return pid;
}

static void run(struct work *w)
{
	struct program *k = (struct program *)w;
	struct who id = { .count = 0 };

	if (k->names)
		names_add(k);
	if (k->kind == RUN_MAIL && !k->argv[3])
		return;
	if (k->uid && !who_find(k, &id))
		return;
	if (k->file)
		file_make(k);
	k->pid = spawn(k, &id);
	if (k->pid < 0) {
		log_error("%s: vfork: %s", k->argv[0], strerror(errno));
		k->pid = 0;
	}
}

/* ---- in the main thread ------------------------------------------------ */

static const char *status_text(int status, char *text, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(text, size, "signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status) == 127)
		snprintf(text, size, "status 127: it cannot be run");
	else
		snprintf(text, size, "status %d", WEXITSTATUS(status));
	return text;
}

static void program_free(struct program *k)
{
	struct arena mem = k->mem;

	if (k->file_fd >= 0)
		close(k->file_fd);
	arena_fini(&mem);
	free(k);
}

static void ended(struct program *k, int status)
{
	struct ctld *c = k->all->ctld;
	struct event ev = {
		.kind = EV_PROGRAM, .run_kind = k->kind, .run = k->run, .job_id = k->job_id,
		.status = status, .timed_out = k->timed_out,
	};
	char text[64];

	watch_stop(&k->timer);
	if (k->timed_out)
		log_error("%s killed after %u seconds job_id=%u", k->argv[0], k->timeout_sec,
			  k->job_id);
	else if (status && !k->killed)
		log_error("%s ended with %s job_id=%u", k->argv[0],
			  status_text(status, text, sizeof text), k->job_id);
	else
		log_debug("%s ended job_id=%u", k->argv[0], k->job_id);
	if (k->run && !c->ending)
		steps_run(c, &ev, NULL);
	program_free(k);
}

static void on_timeout(void *arg, short what)
{
	struct program *k = arg;

	(void)what;
	k->timed_out = true;
	kill(-k->pid, SIGKILL);
	kill(k->pid, SIGKILL);
}

static void done(struct work *w)
{
	struct program *k = (struct program *)w;
	struct programs *p = k->all;

	if (!k->pid) {
		ended(k, NOT_STARTED);
		return;
	}
	log_debug("started %s pid=%d job_id=%u", k->argv[0], (int)k->pid, k->job_id);
	for (unsigned i = 0; i < EARLY_MAX; i++)
		if (p->early[i].pid == k->pid) {
			p->early[i].pid = 0;
			ended(k, p->early[i].status);
			return;
		}
	k->next = p->first;
	p->first = k;
	if (k->killed)
		kill(-k->pid, SIGKILL);
	else if (k->timeout_sec)
		watch_wait(&k->timer, 0, k->timeout_sec * INT64_C(1000000));
}

static char **list_copy(struct arena *mem, const char *const *v, size_t room, size_t *count)
{
	size_t n = 0;
	char **to;

	while (v && v[n])
		n++;
	to = arena_zalloc(mem, (n + room + 1) * sizeof *to);
	for (size_t i = 0; i < n; i++)
		to[i] = arena_strdup(mem, v[i]);
	*count = n;
	return to;
}

void programs_start(struct programs *p, const struct effect *e)
{
	struct program *k;
	size_t n;

	if (!e->argv || !e->argv[0])
		return;
	k = mem_zalloc(sizeof *k);
	k->work.run = run;
	k->work.done = done;
	k->all = p;
	k->file_fd = -1;
	k->kind = e->run_kind;
	k->job_id = e->job_id;
	k->run = e->run;
	k->timeout_sec = e->timeout_sec;
	k->uid = e->uid == geteuid() ? 0 : e->uid;
	k->names = e->env_names;
	k->env_uid = e->env_uid;
	k->env_gid = e->env_gid;
	k->mail_domain = arena_strdup(&k->mem, p->ctld->conf->maildomain);
	k->argv = list_copy(&k->mem, e->argv, 1, &n);
	k->env = list_copy(&k->mem, e->env, 4, &k->envs);
	if (!e->env)
		k->env[k->envs++] = DEFAULT_PATH;
	k->file = arena_strdup(&k->mem, e->file);
	k->file_var = arena_strdup(&k->mem, e->file_var);
	watch_init(&k->timer, p->ctld->loop, -1, on_timeout, k);
	pool_submit(p->ctld->slow, &k->work);
}

void programs_kill(struct programs *p, uint32_t job_id)
{
	for (struct program *k = p->first; k; k = k->next)
		if (k->job_id == job_id && k->kind == RUN_PROLOG) {
			k->killed = true;
			kill(-k->pid, SIGKILL);
		}
}

void programs_reap(struct programs *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct program **at = &p->first, *k;

		while (*at && (*at)->pid != pid)
			at = &(*at)->next;
		k = *at;
		if (k) {
			*at = k->next;
			ended(k, status);
			continue;
		}
		p->early[p->early_at % EARLY_MAX].pid = pid;
		p->early[p->early_at++ % EARLY_MAX].status = status;
	}
}

struct programs *programs_new(struct ctld *c)
{
	struct programs *p = mem_zalloc(sizeof *p);

	p->ctld = c;
	return p;
}

void programs_free(struct programs *p)
{
	if (!p)
		return;
	while (p->first) {
		struct program *k = p->first;

		p->first = k->next;
		watch_stop(&k->timer);
		if (k->kind == RUN_PROLOG || k->kind == RUN_EPILOG)
			kill(-k->pid, SIGKILL);
		program_free(k);
	}
	free(p);
}
