/* SPDX-License-Identifier: Apache-2.0
 *
 * Start, signals, reconfiguration and end of slurmd.
 *
 * Keeps: running steps are never touched by a start or an end of slurmd
 * (except with -c); SIGTERM ends it at once, whatever its workers wait for. */
#include "slurmd/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/sack.h"
#include "slurmd/children.h"
#include "slurmd/confless.h"
#include "slurmd/ctld.h"
#include "slurmd/ended.h"
#include "slurmd/gres.h"
#include "slurmd/jobs.h"
#include "slurmd/pidfile.h"
#include "slurmd/rpc.h"
#include "slurmd/spool.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"

#define WORKERS 3

void daemon_log_setup(struct daemon *d)
{
	const struct conf *c = d->site->conf;
	enum log_level level = (enum log_level)c->slurmddebug;

	if (d->opt.verbose)
		level = (enum log_level)(LVL_INFO + d->opt.verbose);
	if (d->extra_verbose >= 0)
		level = (enum log_level)d->extra_verbose;
	if (level > LVL_DEBUG5)
		level = LVL_DEBUG5;
	log_set_levels(d->opt.foreground ? level : LVL_QUIET,
		       d->site->log_path ? level : LVL_QUIET);
	if (d->site->log_path && log_open_file(d->site->log_path))
		log_error("Unable to open logfile `%s': %m", d->site->log_path);
	log_use_syslog(!d->site->log_path && !d->opt.foreground);
}

void daemon_stop(struct daemon *d)
{
	d->stopping = true;
	event_base_loopbreak(d->base);
}

/* Better said than noticed by the neighbours of a job. */
static void cgroups_tell(const struct site *s)
{
	struct arena mem = { 0 };
	const char *asks = conf_asks_cgroups(s->conf, &mem);

	if (asks)
		log_error("%s: this slurmd makes no cgroups: jobs are followed by their process "
			  "tree, and what cgroup.conf constrains is not enforced", asks);
	arena_fini(&mem);
}

void daemon_reconfigure(struct daemon *d)
{
	struct site *next, *old = d->site;

	log_info("Reconfiguring");
	if (site_load(&d->opt, &d->hw, old->conf_cache, &next)) {
		log_error("the new configuration is not usable, keeping the old one");
		return;
	}
	if (site_auth_make(next)) {
		log_error("keeping the old configuration");
		site_unref(next);
		return;
	}
	if (!streq(auth_name(next->auth), auth_name(old->auth))) {
		log_error("AuthType has changed, which needs a restart of slurmd: keeping the old "
			  "configuration");
		site_unref(next);
		return;
	}
	if (next->port != old->port)
		log_error("SlurmdPort has changed, which needs a restart of slurmd");
	/* A dynamic node that was given another name has a new one, and no steps. */
	if (!streq(next->spool_dir, old->spool_dir) &&
	    (steps_first(d) || spool_make(next->spool_dir)))
		log_error("SlurmdSpoolDir has changed, which needs a restart of slurmd");
	d->site = next;
	if (d->sack)
		sack_auth_set(d->sack, next->auth);
	site_unref(old);
	daemon_log_setup(d);
	cgroups_tell(next);
	register_send(d, 0, false);
}

/* ---- signals ----------------------------------------------------------- */

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	switch (sig) {
	case SIGHUP:
		daemon_reconfigure(d);
		break;
	case SIGUSR2:
		log_reopen();
		break;
	default:
		log_info("Caught %s. Shutting down.", sig == SIGINT ? "SIGINT" :
			 sig == SIGTERM ? "SIGTERM" : "SIGQUIT");
		daemon_stop(d);
	}
}

static void signals_set(struct daemon *d)
{
	static const int handled[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR2 };
	static const int ignored[] = { SIGPIPE, SIGUSR1, SIGTSTP, SIGTTIN, SIGTTOU, SIGALRM };

	for (size_t k = 0; k < sizeof ignored / sizeof *ignored; k++)
		(void)signal(ignored[k], SIG_IGN);
	for (size_t k = 0; k < sizeof handled / sizeof *handled; k++) {
		d->sig_ev[k] = evsignal_new(d->base, handled[k], on_signal, d);
		event_add(d->sig_ev[k], NULL);
	}
}

/* ---- into the background ----------------------------------------------- */

/* The parent returns only when the child serves, so that a script that starts
 * us may go on.  Returns the descriptor to report on, -1 in the foreground. */
static int background(void)
{
	int p[2];
	char good = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC))
		log_fatal("pipe: %m");
	pid = fork();
	if (pid < 0)
		log_fatal("fork: %m");
	if (pid > 0) {
		close(p[1]);
		while (read(p[0], &good, 1) < 0 && errno == EINTR)
			;
		_exit(good == 'y' ? 0 : 1);
	}
	close(p[0]);
	(void)setsid();
	return p[1];
}

static void streams_close(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd < 3; fd++)
		(void)dup2(null, fd);
	if (null > 2)
		close(null);
}

static void systemd_notify(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char text[64];
	int fd, n;

	if (!path || strlen(path) >= sizeof a.sun_path)
		return;
	strcpy(a.sun_path, path);
	if (*path == '@')
		a.sun_path[0] = 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	n = snprintf(text, sizeof text, "READY=1\nMAINPID=%d", (int)getpid());
	(void)sendto(fd, text, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&a,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	close(fd);
}

static void ready_report(struct daemon *d, int fd)
{
	if (d->opt.systemd)
		systemd_notify();
	if (fd < 0)
		return;
	streams_close();
	(void)!write(fd, "y", 1);
	close(fd);
}

/* ---- start ------------------------------------------------------------- */

static void limits_set(const struct options *o)
{
	static const enum __rlimit_resource lifted[] = { RLIMIT_CORE, RLIMIT_CPU };
	struct rlimit r;

	/* few arenas and early trimming: a daemon that idles shall be small */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 64 * 1024);
	mallopt(M_MMAP_THRESHOLD, 128 * 1024);
	if (!getrlimit(RLIMIT_NOFILE, &r)) {
		rlim_t want = r.rlim_max < 65536 ? r.rlim_max : 65536;

		if (r.rlim_cur < want) {
			r.rlim_cur = want;
			(void)setrlimit(RLIMIT_NOFILE, &r);
		}
	}
	/* Scripts and jobs have limits of their own, not those of our shell. */
	for (size_t i = 0; i < sizeof lifted / sizeof *lifted; i++)
		if (!getrlimit(lifted[i], &r) && r.rlim_cur != r.rlim_max) {
			r.rlim_cur = r.rlim_max;
			(void)setrlimit(lifted[i], &r);
		}
	/* Nor its descriptors. */
	(void)close_range(3, ~0u, 0);
	if (o->nice && setpriority(PRIO_PROCESS, 0, o->nice))
		log_error("Unable to reset nice value to %d: %m", o->nice);
	if (o->lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE))
		log_error("failed to mlock() slurmd pages: %m");
}

static enum err site_first(struct daemon *d)
{
	struct arena mem = { 0 };
	const char *cache = NULL;
	enum err e = E_OK;

	if (d->opt.conf_server)
		e = confless_fetch(&d->opt, false, &mem, &cache);
	if (!e)
		e = site_load(&d->opt, &d->hw, cache, &d->site);
	if (!e)
		e = site_auth_make(d->site);
	if (!e && !gres_check(d->site))
		e = E_FAIL;
	if (!e && cache) {
		setenv("SLURM_CONF", d->site->conf_path, 1);
		confless_announce(cache);
	}
	arena_fini(&mem);
	return e;
}

static void work_dir_set(const struct daemon *d)
{
	const struct site *s = d->site;
	char dir[4096];
	char *slash;

	if (!d->opt.set_cwd)
		return;
	snprintf(dir, sizeof dir, "%s", s->log_path ? s->log_path : s->spool_dir);
	slash = s->log_path ? strrchr(dir, '/') : NULL;
	if (slash)
		*slash = 0;
	if (chdir(dir) && chdir("/var/tmp"))
		log_error("chdir(%s): %m", dir);
}

static int expire_sec(const struct conf *c)
{
	const char *v;

	if (conf_option(c->authinfo, "cred_expire", &v) && atoi(v) > 0)
		return atoi(v);
	return 120;
}

static enum err parts_start(struct daemon *d)
{
	d->base = event_base_new();
	if (!d->base)
		return E_FAIL;
	d->children = children_new(d);
	d->steps = steps_new();
	d->jobs = nj_jobs_new();
	d->shell = jobs_new(d);
	d->creds = cred_cache_new(expire_sec(d->site->conf));
	d->pool = pool_new(d->base, WORKERS);
	d->ctld = ctld_new(d);
	d->reg = register_new(d);
	signals_set(d);
	ended_load(d);
	steps_scan(d, d->opt.clean);
	return conn_listen(d);
}

static void event_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_error("libevent: %s", text);
}

static bool auth_start(struct daemon *d)
{
	const struct site *s = d->site;
	struct err_text why = { "" };
	enum err e = auth_self_test(s->auth, &why);

	if (e == E_PROTOCOL_AUTHENTICATION_ERROR) {
		log_error("fatal: %s", why.text);
		return false;
	}
	if (e)
		log_error("auth/%s does not work yet: %s", auth_name(s->auth), why.text);
	/* our step daemons and this host's clients get their tokens here */
	if (streq(auth_name(s->auth), "slurm") && s->sack &&
	    sack_start(s->auth, "/run/slurm", s->conf->slurmd_uid, &d->sack, &why)) {
		log_error("fatal: %s", why.text);
		return false;
	}
	return true;
}

static int serve(struct daemon *d, int ready_fd)
{
	const struct site *s = d->site;

	if (!auth_start(d))
		return 1;
	if (spool_make(s->spool_dir) || pidfile_take(s->pid_path, &d->lock_fd))
		return 1;
	work_dir_set(d);
	event_set_log_callback(event_log);
	d->started = time(NULL);
	if (d->opt.boot)
		d->boot_time = d->started;
	if (parts_start(d)) {
		pidfile_drop(s->pid_path, d->lock_fd);
		return 1;
	}
	log_info("slurmd version %s started", SLUICE_VERSION);
	log_info("slurmd started on %ld", (long)d->started);
	cgroups_tell(s);
	ready_report(d, ready_fd);
	if (s->conf->healthcheckinterval)
		health_check_run(d, NULL);
	register_send(d, 0, true);
	event_base_dispatch(d->base);
	conn_close_listener(d);
	pool_stop(d->pool);
	pidfile_drop(d->site->pid_path, d->lock_fd);
	log_info("Slurmd shutdown completing");
	return 0;
}

int daemon_run(const struct options *o)
{
	struct daemon d = { .opt = *o, .extra_verbose = -1, .lock_fd = -1, .listen_fd = -1 };
	int ready = -1, code;

	log_init("slurmd");
	log_set_levels((enum log_level)(LVL_INFO + o->verbose), LVL_QUIET);
	limits_set(o);
	hw_read(&d.hw);
	if (site_first(&d))
		return 1;
	if (!o->foreground && !o->systemd)
		ready = background();
	daemon_log_setup(&d);
	if (ready >= 0)                 /* errors of the start are for the caller */
		log_set_levels(LVL_ERROR, log_level_file());
	code = serve(&d, ready);
	fflush(NULL);
	/* workers may sit in a call that takes its time: do not wait */
	_exit(code);
}
