/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a step, in phases that only go forward:
 *
 *   RUN       tasks run (extern: until somebody terminates it)
 *   KILL      the tasks ended; what they left behind is killed
 *   DRAIN     output on its way to srun; at most IO_WAIT_SEC
 *   SETTLE    srun prints it; so that "task exited" follows the task's words
 *   CHILDREN  step daemons below us in the tree have to report
 *   REPORT    srun and the controller are told
 *
 * life_check() is called after every event and moves on when it can. */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "slurmd/stepd/acct.h"
#include "slurmd/stepd/io.h"
#include "slurmd/stepd/manage.h"
#include "slurmd/stepd/report.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

#define IO_WAIT_SEC       60
#define CHILDREN_WAIT_SEC 60
#define EXIT_GROUP_MS     100   /* tasks that end together are reported together */
#define SETTLE_MS         50
#define KILL_RETRY_MS     100

enum phase { PHASE_RUN, PHASE_KILL, PHASE_DRAIN, PHASE_SETTLE,
	     PHASE_CHILDREN, PHASE_REPORT };

static struct life {
	enum phase phase;
	struct event *sigchld, *exits, *phase_timer, *kill_timer, *stop_timer, *sample;
	bool phase_over;                /* its time limit passed */
	bool terminating;               /* extern: asked to end */
	unsigned kill_tries;
} life;

static void timer_set(struct event *ev, long ms)
{
	struct timeval tv = { ms / 1000, ms % 1000 * 1000 };

	event_add(ev, &tv);
}

/* --- talking to the user --- */

/* Our own stderr becomes the first task's, through an open file description
 * of our own: not waiting for a full pipe must not change the task's. */
static void stderr_open(const struct step *s)
{
	int fd = s->task_count ? s->tasks[0].err_fd : -1, own;
	char path[64];

	if (fd < 0)
		return;
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (dup2(own >= 0 ? own : fd, STDERR_FILENO) < 0)
		return;
	if (own >= 0)
		close(own);
	log_stamp_stderr(wire_version_in(s->release, SINCE(25_05)));
	log_set_levels(LVL_ERROR, log_level_file());
}

static void stderr_close(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_set_levels(LVL_QUIET, log_level_file());
	if (null >= 0 && dup2(null, STDERR_FILENO) >= 0)
		close(null);
}

/* Since 25.05 also what ended it when nobody gave a reason. */
static const char *cancel_reason(const struct step *s, uint32_t sig, char *out, size_t size)
{
	bool told = wire_version_in(s->release, SINCE(25_05));

	switch (sig) {
	case SIGTERM:
	case SIGKILL:
		(void)snprintf(out, size, told ? " DUE to SIGNAL %s" : "%.0s",
			       strsignal((int)sig));
		return out;
	case WSIG_TERM_KILL:
		return told ? " DUE TO TASK FAILURE" : "";
	case WSIG_TIME_LIMIT:
		return " DUE TO TIME LIMIT";
	case WSIG_PREEMPTED:
		return " DUE TO PREEMPTION";
	case WSIG_NODE_FAIL:
		return " DUE TO NODE FAILURE, SEE SLURMCTLD LOG FOR DETAILS";
	case WSIG_REQUEUED:
		return " DUE TO JOB REQUEUE";
	default:
		return "";
	}
}

void life_say_cancelled(struct step *s, uint32_t sig)
{
	char entity[64], when[32], why[64];
	time_t now = time(NULL);
	struct tm tm;

	if (s->kind == KIND_EXTERN || s->node_id != 0 || s->cancel_said ||
	    s->state >= STATE_ENDING)
		return;
	s->cancel_said = true;
	if (s->kind == KIND_BATCH)
		(void)snprintf(entity, sizeof entity, "JOB %u", s->id.job_id);
	else
		(void)snprintf(entity, sizeof entity, "STEP %s", s->name);
	if (sig == WSIG_FAILURE) {
		log_error("*** %s ON %s FAILED (non-zero exit code or other failure mode) ***",
			  entity, s->start.node_name);
		return;
	}
	(void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", localtime_r(&now, &tm));
	log_error("*** %s ON %s CANCELLED AT %s%s ***", entity, s->start.node_name, when,
		  cancel_reason(s, sig, why, sizeof why));
}

/* --- signals --- */

int life_signal(struct step *s, int sig, bool by_command)
{
	int rc = proc_signal(sig);

	if (by_command && (sig == SIGTERM || sig == SIGKILL)) {
		for (uint32_t i = 0; i < s->task_count; i++)
			if (!s->tasks[i].exited)
				s->tasks[i].killed_by_cmd = true;
		if (s->state < STATE_CANCELLED)
			s->state = STATE_CANCELLED;
		life.terminating = true;
	}
	log_verbose("sent signal %d", sig);
	return rc;
}

/* KILL whatever is left; output that somebody outside the step holds back is
 * given up. */
static void kill_now(struct step *s)
{
	(void)life_signal(s, SIGKILL, true);
	if (life.phase == PHASE_DRAIN)
		life.phase_over = true;
}

static void on_kill_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	kill_now(arg);
	life_check(arg);
}

void life_terminate(struct step *s, bool at_once)
{
	s->suspended = false;
	if (at_once) {
		kill_now(s);
		return;
	}
	(void)life_signal(s, SIGCONT, false);
	(void)life_signal(s, SIGTERM, true);
	if (!event_pending(life.kill_timer, EV_TIMEOUT, NULL))
		timer_set(life.kill_timer, (long)s->conf->killwait * 1000);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *arg)
{
	struct step *s = arg;

	(void)fd, (void)what;
	if (s->suspended)
		(void)proc_signal(SIGSTOP);
}

/* SIGTSTP first, so that MPI launchers can stop their remote tasks. */
enum err life_suspend(struct step *s)
{
	if (s->suspended)
		return E_D_STEP_SUSPENDED;
	s->suspended = true;
	(void)proc_signal(SIGTSTP);
	timer_set(life.stop_timer, 2000);
	return E_OK;
}

enum err life_resume(struct step *s)
{
	if (!s->suspended)
		return E_D_STEP_NOTSUSPENDED;
	s->suspended = false;
	event_del(life.stop_timer);
	(void)proc_signal(SIGCONT);
	return E_OK;
}

/* --- the end of tasks --- */

static uint32_t exit_code(const struct step *s)
{
	uint32_t rc = 0, all = 0;
	bool any = false;

	for (uint32_t i = 0; i < s->task_count; i++) {
		const struct task *t = &s->tasks[i];
		uint32_t status = (uint32_t)t->status;

		if (t->status < 0)
			continue;
		all = all ? all : status;
		if (t->killed_by_cmd)
			continue;
		any = true;
		if (WIFSIGNALED(t->status))
			return status;
		rc = status > rc ? status : rc;
	}
	return any ? rc : all;
}

static void task_epilog(const struct step *s, const struct envv *e, const char *what,
			const char *path, int max_sec)
{
	int rc;

	if (!path || !*path)
		return;
	rc = script_run(s, what, path, e, max_sec, NULL);
	if (rc)
		log_error("TaskEpilog failed status=%d", rc);
}

/* In a child of our own: other tasks' output goes on meanwhile. */
static pid_t task_epilogs(const struct step *s, const struct task *t)
{
	const char *own = s->launch ? s->launch->task_epilog : NULL;
	const char *site = s->conf->taskepilog;
	struct envv e;
	pid_t pid;

	if ((!own || !*own) && (!site || !*site))
		return 0;
	pid = fork();
	if (pid < 0)
		log_error("fork: %s", strerror(errno));
	if (pid != 0)
		return pid > 0 ? pid : 0;
	envv_copy(&e, &s->env);
	step_env_task(s, t, 0, &e);
	envv_set(&e, "SLURM_SCRIPT_CONTEXT", "epilog_task");
	task_epilog(s, &e, "user task_epilog", own, 5);
	task_epilog(s, &e, "slurm task_epilog", site, 0);
	_exit(0);
}

static void task_ended(struct step *s, struct task *t)
{
	t->exited = true;
	s->task_alive--;
	if (s->task_alive && !event_pending(life.exits, EV_TIMEOUT, NULL))
		timer_set(life.exits, EXIT_GROUP_MS);
}

static void task_reaped(struct step *s, struct task *t, int status,
			const struct rusage *ru)
{
	t->reaped = true;
	t->status = status;
	t->rusage = *ru;
	if (WIFSIGNALED(status))
		log_verbose("task %u (%d) exited. Killed by signal %d%s.", t->gtid,
			    (int)t->pid, WTERMSIG(status),
			    WCOREDUMP(status) ? " (core dumped)" : "");
	else
		log_verbose("task %u (%d) exited with exit code %d.", t->gtid, (int)t->pid,
			    WEXITSTATUS(status));
	t->epilog_pid = task_epilogs(s, t);
	if (!t->epilog_pid)
		task_ended(s, t);
}

static void reap(struct step *s)
{
	struct rusage ru;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &ru)) > 0)
		for (uint32_t i = 0; i < s->task_count; i++) {
			struct task *t = &s->tasks[i];

			if (t->pid == pid && !t->reaped)
				task_reaped(s, t, status, &ru);
			else if (t->epilog_pid == pid && !t->exited)
				task_ended(s, t);
		}
}

static void on_sigchld(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	reap(arg);
	life_check(arg);
}

static void on_exits(evutil_socket_t fd, short what, void *arg)
{
	struct step *s = arg;

	(void)fd, (void)what;
	/* The last ones are reported at the end of the step. */
	if (s->task_alive)
		report_exits(s);
}

/* JobAcctGatherParams=OverMemoryKill, where no cgroup keeps the limit. */
static void memory_check(struct step *s)
{
	uint64_t limit = s->mem_mb << 20, used = 0;
	const char *params = s->conf->jobacctgatherparams;

	if (!limit || !params || !conf_option(params, "OverMemoryKill", NULL))
		return;
	for (uint32_t i = 0; i < s->task_count; i++)
		if (!s->tasks[i].reaped)
			used += s->tasks[i].rss;
	if (used <= limit || s->over_memory)
		return;
	log_error("StepId=%s exceeded memory limit (%llu > %llu), being killed", s->name,
		  (unsigned long long)used, (unsigned long long)limit);
	s->over_memory = true;
	report_over_memory(s);
}

static void on_sample(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	acct_sample(arg);
	memory_check(arg);
}

/* --- phases --- */

static void on_phase_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd, (void)what;
	life.phase_over = true;
	life_check(arg);
}

static void enter(enum phase p)
{
	log_debug2("phase %d", (int)p);
	life.phase = p;
	life.phase_over = false;
	event_del(life.phase_timer);
}

static bool run_over(struct step *s)
{
	if (s->kind == KIND_EXTERN)
		return life.terminating;
	return s->task_alive == 0;
}

static bool kill_over(struct step *s)
{
	uint32_t limit_ms = s->conf->unkillablesteptimeout ?
		s->conf->unkillablesteptimeout * 1000u : 60000u;

	reap(s);
	if (!proc_any())
		return true;
	if (life.kill_tries * KILL_RETRY_MS >= limit_ms) {
		log_error("processes remain that do not end");
		return true;
	}
	if (event_pending(life.phase_timer, EV_TIMEOUT, NULL))
		return false;
	/* Again and again: a process may be forking. */
	if (life.kill_tries++ % 10 == 0)
		(void)proc_signal(SIGKILL);
	timer_set(life.phase_timer, life.kill_tries < 5 ? 10 : KILL_RETRY_MS);
	return false;
}

static bool drain_over(struct step *s)
{
	if (!s->io || io_finished(s->io))
		return true;
	if (life.phase_over) {
		log_info("Abandoning IO %d secs after job shutdown initiated", IO_WAIT_SEC);
		io_abandon(s->io);
		return true;
	}
	if (!event_pending(life.phase_timer, EV_TIMEOUT, NULL))
		timer_set(life.phase_timer, IO_WAIT_SEC * 1000);
	return false;
}

static bool settle_over(struct step *s)
{
	if (!s->io || s->setup_rc || life.phase_over || io_hung_up(s->io) ||
	    !(io_stream_count(s->io, IO_STDOUT) + io_stream_count(s->io, IO_STDERR)))
		return true;
	if (!event_pending(life.phase_timer, EV_TIMEOUT, NULL))
		timer_set(life.phase_timer, SETTLE_MS);
	return false;
}

static bool children_over(struct step *s)
{
	if (!s->children || s->aborted || life.phase_over ||
	    bitset_count(s->children) == s->children->bits)
		return true;
	if (!event_pending(life.phase_timer, EV_TIMEOUT, NULL))
		timer_set(life.phase_timer, (CHILDREN_WAIT_SEC +
			  3L * (s->tree.max_depth - s->tree.depth)) * 1000);
	return false;
}

/* Remove the script; its directory stays until the controller knows, so that
 * slurmd does not report the job missing. */
static void batch_cleanup(struct step *s, bool all)
{
	char *dir;

	if (s->kind != KIND_BATCH || !s->start.script_path)
		return;
	if (!all) {
		(void)unlink(s->start.script_path);
		return;
	}
	dir = mem_strdup(s->start.script_path);
	if (strrchr(dir, '/')) {
		*strrchr(dir, '/') = '\0';
		(void)rmdir(dir);
	}
	free(dir);
}

static uint32_t final_code(const struct step *s)
{
	uint32_t rc = s->kind == KIND_EXTERN ? 0 : exit_code(s);

	if (rc == 0 && s->setup_rc)
		rc = s->setup_rc;
	return s->worst_status > rc ? s->worst_status : rc;
}

/* Tell the controller.  Early where nobody else has to be waited for: the next
 * srun of a script may follow at once and needs these CPUs. */
static void report_end(struct step *s)
{
	if (s->reported)
		return;
	s->reported = true;
	if (s->kind == KIND_BATCH) {
		batch_cleanup(s, false);
		if (!s->aborted)
			report_batch(s, final_code(s), 0);
	} else if (!(s->flags & LAUNCH_NO_ALLOC)) {
		report_complete(s, final_code(s));
	}
}

void life_check(struct step *s)
{
	if (life.phase == PHASE_RUN && run_over(s)) {
		manage_over();
		s->state = STATE_ENDING;
		event_del(life.sample);
		event_del(life.exits);
		enter(PHASE_KILL);
	}
	if (life.phase == PHASE_KILL && kill_over(s)) {
		stderr_close();
		if (s->io)
			io_sinks_close(s->io);
		enter(PHASE_DRAIN);
	}
	if (life.phase == PHASE_DRAIN && drain_over(s)) {
		if (!s->children)
			report_end(s);
		enter(PHASE_SETTLE);
	}
	if (life.phase == PHASE_SETTLE && settle_over(s)) {
		if (s->setup_rc)
			report_launch(s, s->setup_rc);
		else
			report_exits(s);
		enter(PHASE_CHILDREN);
	}
	if (life.phase == PHASE_CHILDREN && children_over(s)) {
		enter(PHASE_REPORT);
		report_end(s);
	}
	if (life.phase == PHASE_REPORT && report_idle(s->reporter)) {
		batch_cleanup(s, true);
		event_base_loopexit(s->base, NULL);     /* also before it runs */
	}
}

/* Nothing could be started: the tasks count as failed. */
static void setup_failed(struct step *s, enum err e)
{
	log_error("exiting abnormally: %s", err_str((int)e));
	s->setup_rc = (uint32_t)e;
	for (uint32_t i = 0; i < s->task_count; i++) {
		struct task *t = &s->tasks[i];

		if (t->go_fd >= 0) {
			close(t->go_fd);        /* a forked one gives up */
			t->go_fd = -1;
		} else if (!t->pid) {
			t->exited = true;
		}
	}
	/* A batch job's code is then the error itself. */
	if (s->task_count && s->kind != KIND_BATCH)
		s->tasks[0].status = 1 << 8;
}

static void io_idle(void *arg)
{
	life_check(arg);
}

/* What the step asks for and does not get.  The lack of PMI is not told to the
 * user: MpiDefault asks for it on behalf of every program, and most need none. */
static void tell_unserved(const struct step *s)
{
	if (!s->launch)
		return;
	if (s->launch->x11)
		log_error("X11 forwarding is not supported on node %s", s->start.node_name);
	if (s->launch->mpi_plugin_id != NO_VAL && s->launch->mpi_plugin_id > MPI_PLUGIN_NONE)
		log_info("StepId=%u.%u asks for MPI plugin %u: there is no PMI server, its tasks "
			 "start without one", s->launch->step_id.job_id, s->launch->step_id.step_id,
			 s->launch->mpi_plugin_id);
}

static void launch(struct step *s)
{
	enum err e;

	s->io = io_new(s->base, s->flags & LAUNCH_BUFFERED_IO, io_idle, s);
	e = io_setup(s);
	if (e == E_OK) {
		stderr_open(s);
		tell_unserved(s);
		e = step_spawn(s);
	}
	io_close_task_fds(s);
	if (e != E_OK) {
		setup_failed(s, e);
		return;
	}
	report_launch(s, 0);
	s->state = STATE_RUNNING;
	step_go(s);
}

/* "30" or "task=30,energy=0". */
static long sample_sec(const struct step *s)
{
	const char *text = s->conf->jobacctgatherfrequency, *task = NULL;

	if (!s->conf->jobacctgathertype || !text)
		return 0;
	if (conf_option(text, "task", &task) && task)
		return atol(task);
	return atol(text);
}

/* The extern step of a job's first node may be the job's step manager. */
static void manager_start(struct step *s)
{
	const struct stepmgr_records *r = &s->prolog->stepmgr_records;
	struct manage_config m = {
		.base = s->base, .conf = s->conf, .records = r,
		.cred = s->cred, .node_name = s->start.node_name,
	};
	struct err_text why = {""};

	if (!s->prolog->stepmgr_here || !streq(r->job.batch_host, s->start.node_name))
		return;
	/* it signs, so it needs the key itself */
	m.auth = step_auth_new(s, true, &why);
	if (!m.auth || manage_start(&m, &why) != E_OK)
		log_error("no step manager for job %u: %s", s->id.job_id, why.text);
	else
		log_verbose("step manager of job %u", s->id.job_id);
}

void life_start(struct step *s)
{
	const char *track = s->conf->proctracktype;
	long sec = sample_sec(s);

	/* All types of tracking but linuxproc keep orphans. */
	if (!track || !strstr(track, "linuxproc"))
		(void)prctl(PR_SET_CHILD_SUBREAPER, 1);
	life.sigchld = evsignal_new(s->base, SIGCHLD, on_sigchld, s);
	event_add(life.sigchld, NULL);
	life.exits = evtimer_new(s->base, on_exits, s);
	life.phase_timer = evtimer_new(s->base, on_phase_timer, s);
	life.kill_timer = evtimer_new(s->base, on_kill_timer, s);
	life.stop_timer = evtimer_new(s->base, on_stop_timer, s);
	life.sample = event_new(s->base, -1, EV_PERSIST, on_sample, s);
	s->reporter = report_new(s, life_check);
	s->start_time = time(NULL);
	if (s->kind == KIND_EXTERN) {
		s->state = STATE_RUNNING;
		manager_start(s);
	} else {
		launch(s);
	}
	if (sec > 0 && s->kind != KIND_EXTERN)
		timer_set(life.sample, sec * 1000);
	life_check(s);
}
