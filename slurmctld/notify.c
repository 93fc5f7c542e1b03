/* SPDX-License-Identifier: Apache-2.0
 *
 * Mail and epilog programs: what they need is copied out of the job's record
 * here; users are looked up and programs started in the thread for slow
 * things. */
#include "slurmctld/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>

#include "wire/base/log.h"
#include "wire/base/strbuf.h"

enum mail_type { MAIL_BEGIN = 1, MAIL_END = 2, MAIL_FAIL = 4, MAIL_ARRAY_TASKS = 0x200 };

#define ENV_MAX 40

struct notice {
	struct work work;
	struct arena mem;
	uid_t uid;
	const char *mail_to;            /* NULL: the job's owner */
	const char *domain, *subject;
	const char *mail_prog;          /* NULL: no mail */
	char **epilog;                  /* NULL terminated list of programs */
	char *env[ENV_MAX + 2];
	unsigned envs;
};

/* ---- in the thread for slow things ------------------------------------- */

static void start(const char *prog, char *const argv[], char *const env[])
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid;
	int e;

	posix_spawn_file_actions_init(&files);
	for (int fd = 0; fd < 3; fd++)
		posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETPGROUP);
	e = posix_spawn(&pid, prog, &files, &attr, argv, env);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	if (e)
		log_error("%s: %s", prog, strerror(e));
}

static void notice_run(struct work *w)
{
	struct notice *n = (struct notice *)w;
	char buf[4096];
	struct passwd pw, *found = NULL;
	const char *user = NULL;

	if (!getpwuid_r(n->uid, &pw, buf, sizeof buf, &found) && found)
		user = pw.pw_name;
	if (user)
		n->env[n->envs] = arena_printf(&n->mem, "SLURM_JOB_USER=%s", user);
	if (!n->mail_to && user)
		n->mail_to = n->domain ? arena_printf(&n->mem, "%s@%s", user, n->domain) : user;
	if (n->mail_prog && n->mail_to) {
		char *argv[] = { (char *)(uintptr_t)n->mail_prog, "-s",
				 (char *)(uintptr_t)n->subject, (char *)(uintptr_t)n->mail_to,
				 NULL };

		start(n->mail_prog, argv, n->env);
	}
	for (char **p = n->epilog; p && *p; p++) {
		char *argv[] = { *p, NULL };

		start(*p, argv, n->env);
	}
}

static void notice_done(struct work *w)
{
	struct notice *n = (struct notice *)w;

	arena_fini(&n->mem);
	free(n);
}

/* ---- in the main thread ------------------------------------------------ */

static void env_add(struct notice *n, const char *name, const char *value)
{
	if (value && n->envs < ENV_MAX)
		n->env[n->envs++] = arena_printf(&n->mem, "%s=%s", name, value);
}

static void env_number(struct notice *n, const char *name, long long v)
{
	char text[32];

	snprintf(text, sizeof text, "%lld", v);
	env_add(n, name, text);
}

static const char *span_text(struct arena *mem, int64_t sec)
{
	if (sec < 0)
		sec = 0;
	if (sec >= 86400)
		return arena_printf(mem, "%lld-%02d:%02d:%02d", (long long)(sec / 86400),
				    (int)(sec / 3600 % 24), (int)(sec / 60 % 60),
				    (int)(sec % 60));
	return arena_printf(mem, "%02d:%02d:%02d", (int)(sec / 3600), (int)(sec / 60 % 60),
			    (int)(sec % 60));
}

static const char *state_text(uint32_t state)
{
	static const char *const names[JOB_STATE_END] = {
		"PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT",
		"NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
	};

	state &= JOB_STATE_BASE;
	return state < JOB_STATE_END ? names[state] : "UNKNOWN";
}

static struct notice *notice_new(struct ctld *c, const struct job *j, uint32_t state)
{
	struct notice *n = mem_zalloc(sizeof *n);

	n->work.run = notice_run;
	n->work.done = notice_done;
	n->uid = j->uid;
	n->mail_to = arena_strdup(&n->mem, job_str(j, JS_MAIL_USER));
	n->domain = arena_strdup(&n->mem, c->conf->maildomain);
	env_add(n, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	env_add(n, "SLURM_CLUSTER_NAME", c->conf->clustername);
	env_number(n, "SLURM_JOB_ID", j->id);
	env_number(n, "SLURM_JOBID", j->id);
	env_number(n, "SLURM_JOB_UID", j->uid);
	env_number(n, "SLURM_JOB_GID", j->gid);
	env_add(n, "SLURM_JOB_NAME", job_str(j, JS_NAME));
	env_add(n, "SLURM_JOB_ACCOUNT", job_str(j, JS_ACCOUNT));
	env_add(n, "SLURM_JOB_PARTITION", j->part ? j->part->name : job_str(j, JS_PARTITION));
	env_add(n, "SLURM_JOB_NODELIST", job_str(j, JS_NODES));
	env_add(n, "SLURM_JOB_WORK_DIR", job_str(j, JS_WORK_DIR));
	env_add(n, "SLURM_JOB_STDOUT", job_str(j, JS_STD_OUT));
	env_add(n, "SLURM_JOB_COMMENT", job_str(j, JS_COMMENT));
	env_add(n, "SLURM_JOB_RESERVATION", job_str(j, JS_RESERVATION));
	env_add(n, "SLURM_JOB_CONSTRAINTS", job_str(j, JS_FEATURES));
	env_add(n, "SLURM_JOB_DEPENDENCY", job_str(j, JS_DEPENDENCY));
	env_number(n, "SLURM_JOB_RESTART_COUNT", j->restart_cnt);
	env_add(n, "SLURM_JOB_STATE", state_text(state));
	if (j->array_job_id) {
		env_number(n, "SLURM_ARRAY_JOB_ID", j->array_job_id);
		if (j->array_task_id != NO_VAL)
			env_number(n, "SLURM_ARRAY_TASK_ID", j->array_task_id);
	}
	if (state > JOB_SUSPENDED) {
		env_number(n, "SLURM_JOB_EXIT_CODE", j->exit_code);
		env_number(n, "SLURM_JOB_DERIVED_EC", j->derived_ec);
	}
	return n;
}

static const char *name_of(struct arena *mem, const struct job *j)
{
	const char *name = job_str(j, JS_NAME);

	if (j->array_job_id && j->array_task_id != NO_VAL)
		return arena_printf(mem, "Slurm Array Task Job_id=%u_%u (%u) Name=%s",
				    j->array_job_id, j->array_task_id, j->id, name ? name : "");
	return arena_printf(mem, "Slurm Job_id=%u Name=%s", j->id, name ? name : "");
}

static void mail(struct ctld *c, struct notice *n, const char *type, const char *subject)
{
	n->mail_prog = arena_strdup(&n->mem, c->conf->mailprog);
	n->subject = subject;
	env_add(n, "SLURM_JOB_MAIL_TYPE", type);
}

void notify_started(struct ctld *c, uint32_t job_id)
{
	struct job *j = job_find(c->core, job_id);
	struct notice *n;

	if (!j || !(j->mail_type & MAIL_BEGIN) || !c->conf->mailprog)
		return;
	n = notice_new(c, j, JOB_RUNNING);
	mail(c, n, "Began", arena_printf(&n->mem, "%s Began, Queued time %s", name_of(&n->mem, j),
					 span_text(&n->mem, j->start_time - j->submit_time)));
	pool_submit(c->slow, &n->work);
}

void notify_ended(struct ctld *c, uint32_t job_id, uint32_t state)
{
	const struct conf_strings *epilog = &c->conf->epilogslurmctld;
	struct job *j = job_find(c->core, job_id);
	struct notice *n;
	bool failed = (state & JOB_STATE_BASE) != JOB_COMPLETE, wants;

	if (!j)
		return;
	wants = c->conf->mailprog &&
		(j->mail_type & MAIL_END || (failed && j->mail_type & MAIL_FAIL));
	if (!wants && !epilog->count)
		return;
	n = notice_new(c, j, state & JOB_STATE_BASE);
	if (wants)
		mail(c, n, failed && j->mail_type & MAIL_FAIL ? "Failed" : "Ended",
		     arena_printf(&n->mem, "%s %s, Run time %s, %s, ExitCode %u",
				  name_of(&n->mem, j),
				  failed && j->mail_type & MAIL_FAIL ? "Failed" : "Ended",
				  span_text(&n->mem, j->start_time ? j->end_time - j->start_time : 0),
				  state_text(state), j->exit_code >> 8 & 0xff));
	n->epilog = arena_zalloc(&n->mem, (epilog->count + 1) * sizeof *n->epilog);
	for (uint32_t i = 0; i < epilog->count; i++)
		n->epilog[i] = arena_strdup(&n->mem, epilog->v[i]);
	pool_submit(c->slow, &n->work);
}
