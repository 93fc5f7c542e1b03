/* SPDX-License-Identifier: Apache-2.0
 *
 * slurmstepd: runs one step of one job on this node.  slurmd starts it with a
 * socket as descriptor 0 and tells it what to run (slurmd/stepd_api.h); from
 * then on it lives without slurmd. */
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slurmd/stepd/io.h"
#include "slurmd/stepd/manage.h"
#include "slurmd/stepd/report.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

#define START_TIMEOUT_MS 60000

static struct step step;

/* The end of a step is decided by what happens to its tasks, never by a
 * signal to us: a user's kill of a process group must not orphan the job. */
static void signals_ignore(void)
{
	static const int ignored[] = { SIGINT, SIGTERM, SIGTSTP, SIGQUIT, SIGPIPE, SIGUSR1,
				       SIGUSR2, SIGALRM, SIGHUP };
	sigset_t none;

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)signal(SIGCHLD, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Jobs may dump core unless their own limits forbid it, whatever the shell
 * that started slurmd thought of it. */
static void core_limit_raise(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_CORE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_CORE, &r);
	}
}

/* Four descriptors a task; a node may have hundreds. */
static void file_limit_raise(struct step *s)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	s->nofile = r;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}

/* Standard descriptors that belong to nobody. */
static void descriptors_clean(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		if (fd != null)
			(void)dup2(null, fd);
	if (null > 2)
		close(null);
}

static void log_start(const struct stepd_start *m)
{
	log_init("slurmstepd");
	log_set_levels(LVL_QUIET, (enum log_level)m->log_level);
	if (m->log_file && log_open_file(m->log_file) != 0)
		log_set_levels(LVL_QUIET, LVL_QUIET);
}

static enum err tools_load(struct step *s, struct err_text *why)
{
	struct conf_problems problems = {0};
	enum err e = conf_load_step(s->start.conf_path, &s->conf, &problems);

	if (e != E_OK) {
		err_set(why, E_D_SETUP_ENVIRONMENT_ERROR, "%s: %s", s->start.conf_path,
			problems.count ? problems.v[0].text : "cannot be read");
		conf_problems_fini(&problems);
		return E_D_SETUP_ENVIRONMENT_ERROR;
	}
	conf_problems_fini(&problems);
	s->auth = step_auth_new(s, false, why); /* keys stay with slurmd, which makes tokens */
	if (!s->auth)
		return E_D_SETUP_ENVIRONMENT_ERROR;
	s->ctld = (struct rpc_ctld){
		.auth = s->auth, .hosts = conf_callers(s->conf),
		.host_count = conf_caller_count(s->conf), .port = s->conf->slurmctldport,
		.port_count = s->conf->slurmctldport_count,
		.slurm_uid = s->conf->slurm_uid,
		.timeout_ms = (int)s->conf->messagetimeout * 1000,
	};
	s->ctld.version_known = wire_version_find(s->start.ctld_version, &s->ctld.version);
	return E_OK;
}

/* Read the order, get ready, answer. */
static enum err begin(struct step *s)
{
	struct stepd_started answer;
	struct err_text why = {""};
	enum err e = stepd_recv(0, &stepd_start_desc, &s->start, &s->mem, START_TIMEOUT_MS);

	if (e != E_OK)
		return e;
	log_start(&s->start);
	e = tools_load(s, &why);
	if (e == E_OK)
		e = step_load(s, &why);
	if (e == E_OK)
		e = ctl_open(s, &why);
	wire_init(&stepd_started_desc, &answer);
	answer.rc = (uint32_t)e;
	answer.why = why.text;
	answer.pid = (uint32_t)getpid();
	if (e != E_OK)
		log_error("%s", why.text);
	(void)stepd_send(0, &stepd_started_desc, &answer);
	return e;
}

int main(int argc, char **argv)
{
	struct step *s = &step;
	struct event_config *cfg;

	if (argc > 1 && streq(argv[1], "-V")) {
		printf("slurm %s (Sluice)\n", wire_version_name(WIRE_VERSION_NEWEST));
		return 0;
	}
	log_init("slurmstepd");
	(void)setsid();
	signals_ignore();
	core_limit_raise();
	file_limit_raise(s);
	cfg = event_config_new();
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	s->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	if (begin(s) != E_OK) {
		ctl_close(s);
		return 1;
	}
	descriptors_clean();
	(void)chdir("/");
	step_prepare(s);
	life_start(s);
	event_base_dispatch(s->base);
	log_verbose("done with step");
	ctl_close(s);
	manage_stop();
	report_free(s->reporter);
	io_free(s->io);
	return 0;
}
