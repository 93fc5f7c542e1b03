/* SPDX-License-Identifier: Apache-2.0
 *
 * slurmctld: the command line. */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "slurmctld/ctld.h"
#include "slurmctld/daemon.h"
#include "slurmctld/dynamic.h"
#include "slurmctld/standby.h"
#include "slurmctld/version.h"
#include "wire/base/log.h"

static const char usage_text[] =
	"Usage: slurmctld [OPTIONS]\n"
	"  -B             Do not recover state of bluegene blocks (accepted, no effect).\n"
	"  -c             Clear all previous slurmctld state.\n"
	"  -D             Run daemon in foreground with logging also to standard error.\n"
	"  -f file        Use specified file for slurmctld configuration.\n"
	"  -h             Print this help message.\n"
	"  -i             Leave out saved state that cannot be read.\n"
	"  -L logfile     Log messages to the specified file.\n"
	"  -n value       Run the daemon at the specified nice value.\n"
	"  -q             Log less; may be repeated.\n"
	"  -r             Recover state of jobs, not of partitions (the default).\n"
	"  -R             Recover full state from last checkpoint.\n"
	"  -s             Change working directory to SlurmctldLogFile's or to\n"
	"                 StateSaveLocation.\n"
	"  -t             Check the configuration, print every problem, and exit.\n"
	"  -v             Verbose mode. Multiple -v's increase verbosity.\n"
	"  -V             Print version information and exit.\n";

struct args {
	struct ctld_options opt;
	const char *conf_file;
	bool check, change_dir;
	int nice;
	bool set_nice;
};

static int parse_nice(const char *text)
{
	char *end;
	long v = strtol(text, &end, 10);

	if (*end || end == text || v < -20 || v > 19) {
		fprintf(stderr, "Invalid option for -n option (nice value), ignored\n");
		return 0;
	}
	return (int)v;
}

static void parse(int argc, char **argv, struct args *a)
{
	int c;

	while ((c = getopt(argc, argv, "BcdDf:hiL:n:qrRstvV")) != -1) {
		switch (c) {
		case 'B':
		case 'd':
		case 'r':
			break;  /* what they ask for is how we are */
		case 'c':
			a->opt.clean = true;
			break;
		case 'D':
			a->opt.foreground = true;
			break;
		case 'f':
			a->conf_file = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		case 'i':
			a->opt.ignore_errors = true;
			break;
		case 'L':
			a->opt.log_file = optarg;
			break;
		case 'n':
			a->nice = parse_nice(optarg);
			a->set_nice = true;
			break;
		case 'q':
			a->opt.quiet++;
			break;
		case 'R':
			a->opt.recover_all = true;
			break;
		case 's':
			a->change_dir = true;
			break;
		case 't':
			a->check = true;
			break;
		case 'v':
			a->opt.verbose++;
			break;
		case 'V':
			printf("%s\n", CTLD_VERSION_LINE);
			exit(0);
		default:
			fputs(usage_text, stderr);
			exit(1);
		}
	}
	if (optind < argc) {
		fputs(usage_text, stderr);
		exit(1);
	}
}

static struct conf *load(const char *path)
{
	struct conf_problems problems = { 0 };
	struct conf *conf = NULL;
	enum err e = dynamic_conf_load(path, &conf, &problems);

	for (uint32_t i = 0; i < problems.count; i++) {
		const struct conf_problem *p = &problems.v[i];

		if (p->fatal)
			log_error("%s:%u: %s", p->file, p->line, p->text);
		else
			log_info("%s:%u: %s", p->file, p->line, p->text);
	}
	conf_problems_fini(&problems);
	if (e)
		log_fatal("Unable to process configuration file %s", path);
	if (conf_option(conf->slurmctldparameters, "enable_stepmgr", NULL) &&
	    !(conf->prologflags & PROLOG_FLAG_CONTAIN))
		log_fatal("STEP_MGR not supported without PrologFlags=contain");
	return conf;
}

static void on_ready(void *arg)
{
	(void)arg;
	daemon_ready();
}

static void change_dir(const struct conf *conf)
{
	const char *dir = conf->statesavelocation;

	if (chdir(dir) < 0 && chdir("/var/tmp") < 0)
		log_error("chdir(%s): %m", dir);
}

int main(int argc, char **argv)
{
	struct args a = { 0 };
	char here[4096];
	struct err_text why = { "" };
	struct conf *conf;
	struct ctld *c;
	uint32_t index;
	bool again;

	/* One heap for all threads: the idle daemon is a few megabytes. */
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_TRIM_THRESHOLD, 1 << 20);
	mallopt(M_MMAP_THRESHOLD, 1 << 20);
	log_init("slurmctld");
	parse(argc, argv, &a);
	a.opt.conf_path = conf_path(a.conf_file);
	if (a.opt.conf_path[0] != '/' && getcwd(here, sizeof here))
		a.opt.conf_path = mem_printf("%s/%s", here, a.opt.conf_path);
	if (a.check)
		return conf_check(a.opt.conf_path, stdout) ? 1 : 0;
	conf = load(a.opt.conf_path);
	index = standby_index(conf);
	if (index && a.opt.clean) {     /* what it takes over is never cleared */
		log_info("-c is for the primary slurmctld, ignored");
		a.opt.clean = false;
	}
	daemon_limits();
	if (a.set_nice && setpriority(PRIO_PROCESS, 0, a.nice) < 0)
		log_error("Unable to reset nice value to %d: %m", a.nice);
	if (!a.opt.foreground)
		daemon_background();
	if (daemon_state_dir(conf->statesavelocation, conf->slurm_uid, (gid_t)-1, &why))
		log_fatal("%s", why.text);
	if (daemon_pid_file(conf->slurmctldpidfile, conf->slurm_uid, &why))
		log_error("%s", why.text);
	daemon_own_log(a.opt.log_file ? a.opt.log_file : conf->slurmctldlogfile, conf->slurm_uid);
	daemon_become(conf);
	if (!a.opt.foreground || a.change_dir)
		change_dir(conf);
	do {    /* once for each time that control is taken or waited for */
		c = ctld_new(conf, index, &a.opt);
		ctld_run(c, on_ready, NULL);
		again = c->again;
		conf_unref(conf);
		conf = conf_ref(c->conf);
		ctld_free(c);
		a.opt.clean = false;
	} while (again);
	if (!index)
		standby_run_prog(conf, false);
	daemon_pid_remove(conf->slurmctldpidfile);
	conf_unref(conf);
	return 0;
}
