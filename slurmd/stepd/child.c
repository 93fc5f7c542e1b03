/* SPDX-License-Identifier: Apache-2.0
 *
 * The last steps of a task before its program: become the user, environment,
 * task prologs, limits, exec.  Runs in the forked child; log lines of level
 * error go to the task's stderr, and so to the user. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

static void go_home(const struct step *s)
{
	if (chdir(s->cwd) == 0)
		return;
	/* spawn.c has said so */
	if (chdir("/tmp") < 0) {
		log_error("couldn't chdir to /tmp either. dying.");
		_exit(1);
	}
}

/* PropagatePrioProcess: 1 as on the submit host, 2 at least one nicer than
 * slurmd. */
static void priority(const struct step *s, struct envv *e)
{
	const char *text = envv_get(e, "SLURM_PRIO_PROCESS");
	int prio = text ? atoi(text) : 0, own;

	if (!s->conf->propagateprioprocess)
		return;
	if (!text)
		log_error("Couldn't find SLURM_PRIO_PROCESS in environment");
	envv_unset(e, "SLURM_PRIO_PROCESS");
	own = getpriority(PRIO_PROCESS, 0);
	if (s->conf->propagateprioprocess == 2 && prio < own + 1)
		prio = own + 1;
	if (setpriority(PRIO_PROCESS, 0, prio) < 0)
		log_error("setpriority(PRIO_PROCESS, %d): %s", prio, strerror(errno));
}

static const char *skip_blanks(const char *p)
{
	while (*p == ' ' || *p == '\t')
		p++;
	return p;
}

/* Lines of a task prolog: "export NAME=value", "unset NAME", "print text". */
static void prolog_line(struct envv *e, char *line)
{
	if (!strncmp(line, "print ", 6)) {
		const char *text = skip_blanks(line + 6);

		(void)!write(1, text, strlen(text));
		(void)!write(1, "\n", 1);
	} else if (!strncmp(line, "export ", 7)) {
		char *entry = (char *)skip_blanks(line + 7), *eq = strchr(entry, '=');
		char *end = eq;

		if (!eq)
			return;
		while (end > entry && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		*end = '\0';
		envv_set(e, entry, "%s", eq + 1);
	} else if (!strncmp(line, "unset ", 6)) {
		char *name = (char *)skip_blanks(line + 6);

		name[strcspn(name, " \t")] = '\0';
		envv_unset(e, name);
	}
}

static void task_prolog(struct step *s, struct envv *e, const char *what, const char *path,
			const char *complaint)
{
	struct strbuf out = {0};
	int rc;

	if (!path || !*path)
		return;
	envv_set(e, "SLURM_SCRIPT_CONTEXT", "prolog_task");
	if (access(path, X_OK) < 0) {
		log_error("run_command: %s can not be executed (%s) %s", what, path,
			  strerror(errno));
		log_error("%s did not exit normally. reason: Run command failed - configuration error",
			  what);
		log_error("%s failed status=1", complaint);
		_exit(1);
	}
	rc = script_run(s, what, path, e, 0, &out);
	for (char *p = out.s, *nl; p && *p; p = nl) {
		nl = p + strcspn(p, "\n");
		if (*nl)
			*nl++ = '\0';
		prolog_line(e, p);
	}
	strbuf_fini(&out);
	if (rc) {
		log_error("%s failed status=%d", complaint, rc);
		_exit(rc & 0xff ? rc & 0xff : 1);
	}
}

static void temporary_directory(struct envv *e)
{
	const char *dir = envv_get(e, "TMPDIR");
	struct stat st;
	int rc;

	if (!dir) {
		envv_set(e, "TMPDIR", "/tmp");
		return;
	}
	if (mkdir(dir, 0700) == 0)
		return;
	rc = errno;
	if (stat(dir, &st) < 0)
		log_error("Unable to create TMPDIR [%s]: %s", dir, strerror(rc));
	else if (!S_ISDIR(st.st_mode))
		log_error("TMPDIR [%s] is not a directory", dir);
	else if (faccessat(AT_FDCWD, dir, X_OK | W_OK, AT_EACCESS) < 0)
		log_error("TMPDIR [%s] is not writeable", dir);
	else
		return;
	log_error("Setting TMPDIR to /tmp");
	envv_set(e, "TMPDIR", "/tmp");
}

/* The program's path, found as stock finds it: PATH of the job, any file that
 * is not a directory. */
static char *program_path(const char *name, const struct envv *e)
{
	const char *path = envv_get(e, "PATH");
	struct stat st;

	if (*name == '/')
		return mem_strdup(name);
	if (*name == '.') {
		char cwd[PATH_MAX];

		return mem_printf("%s/%s", getcwd(cwd, sizeof cwd) ? cwd : ".", name);
	}
	for (const char *p = path; p && *p;) {
		size_t len = strcspn(p, ":");
		char *full = mem_printf("%.*s/%s", (int)len, p, name);

		if (len && stat(full, &st) == 0 && !S_ISDIR(st.st_mode))
			return full;
		free(full);
		p += len + (p[len] == ':');
	}
	return mem_strdup(name);
}

static void exec_failed(const char *path, int rc)
{
	char buf[256] = "";
	int fd = rc == ENOENT ? open(path, O_RDONLY) : -1;

	if (fd >= 0 && read(fd, buf, sizeof buf - 1) >= 3 && !strncmp(buf, "#!", 2)) {
		buf[strcspn(buf, "\n")] = '\0';
		log_error("execve(): bad interpreter(%s): %s", buf + 2, strerror(rc));
	} else {
		log_error("execve(): %s: %s", path, strerror(rc));
	}
	_exit(rc);
}

void child_exec(struct step *s, struct task *t)
{
	struct envv e;
	char *path;

	envv_copy(&e, &s->env);
	if (user_become(s) != E_OK) {
		log_error("cannot become uid %u", s->uid);
		_exit(1);
	}
	/* As the user: the wish comes from the user's environment. */
	priority(s, &e);
	go_home(s);
	step_env_task(s, t, getpid(), &e);
	if (s->kind == KIND_TASKS || s->kind == KIND_BATCH)
		task_prolog(s, &e, "slurm task_prolog", s->conf->taskprolog, "TaskProlog");
	if (s->launch)
		task_prolog(s, &e, "user task_prolog", s->launch->task_prolog,
			    "--task-prolog");
	if (t->ltid == 0)
		temporary_directory(&e);
	if (!t->argv || !t->argv[0]) {
		log_error("%s", t->argv_error ? t->argv_error :
			  "No executable program specified for this task");
		_exit(2);
	}
	path = program_path(t->argv[0], &e);
	/* srun --bcast to a directory. */
	if (*path && path[strlen(path) - 1] == '/')
		path = mem_printf("%sslurm_bcast_%u.%u_%s", path, s->id.job_id,
				  s->id.step_id, s->start.node_name);
	(void)setrlimit(RLIMIT_NOFILE, &s->nofile);
	step_limits(s, &e);
	if (t->argv[0][0] != '/')
		t->argv[0] = path;
	/* slurmd wrote the script; a process that it forked just then for
	 * another step holds the file open for writing until its own exec. */
	for (int i = 0; i < 200; i++) {
		execve(path, t->argv, e.v);
		if (errno != ETXTBSY)
			break;
		usleep(5000);
	}
	exec_failed(path, errno);
	_exit(1);
}
