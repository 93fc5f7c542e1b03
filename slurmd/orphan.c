/* SPDX-License-Identifier: Apache-2.0
 *
 * See orphan.h.  The tasks are known by the environment they were started
 * with; whoever cleared it has left the step for good. */
#include "slurmd/orphan.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slurmd/ctld.h"
#include "wire/base/log.h"

#define ENVIRON_MAX 131072

/* The value of a variable in "A=1\0B=2\0", or NULL. */
static const char *env_value(const char *env, size_t len, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = env; p < env + len; p += strlen(p) + 1)
		if (!strncmp(p, name, n) && p[n] == '=')
			return p + n + 1;
	return NULL;
}

static bool belongs(const char *env, size_t len, const char *node, uint32_t job_id,
		    uint32_t step_id)
{
	const char *job = env_value(env, len, "SLURM_JOB_ID");
	const char *step = env_value(env, len, "SLURM_STEP_ID");
	const char *where = env_value(env, len, "SLURMD_NODENAME");

	if (!job || !where || !streq(where, node) || strtoul(job, NULL, 10) != job_id)
		return false;
	if (step_id <= STEP_MAX_NORMAL)
		return step && strtoul(step, NULL, 10) == step_id;
	return !step;                   /* the batch script's own processes */
}

static unsigned tasks_kill(const char *node, uint32_t job_id, uint32_t step_id)
{
	char *env = mem_alloc(ENVIRON_MAX + 1), path[280];
	DIR *proc = opendir("/proc");
	struct dirent *f;
	unsigned killed = 0;

	while (proc && (f = readdir(proc))) {
		ssize_t n;
		int fd;

		if (!isdigit((unsigned char)f->d_name[0]))
			continue;
		snprintf(path, sizeof path, "/proc/%s/environ", f->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		n = read(fd, env, ENVIRON_MAX);
		close(fd);
		if (n <= 0)
			continue;
		env[n] = 0;
		if (belongs(env, (size_t)n, node, job_id, step_id) &&
		    kill((pid_t)atoi(f->d_name), SIGKILL) == 0)
			killed++;
	}
	if (proc)
		closedir(proc);
	free(env);
	return killed;
}

static void batch_report(struct daemon *d, uint32_t job_id, int status)
{
	struct ctld_call *c = ctld_call_new(d, REQUEST_COMPLETE_BATCH_SCRIPT);
	struct complete_batch_script_msg *m = arena_alloc(&c->mem, sizeof *m);

	wire_init(&complete_batch_script_msg_desc, m);
	m->step_id.job_id = job_id;
	m->step_id.step_id = STEP_BATCH;
	m->job_rc = (uint32_t)status;
	m->node_name = arena_strdup(&c->mem, d->site->name);
	c->body = m;
	c->insist = true;
	ctld_call_start(c);
}

static void step_report(struct daemon *d, uint32_t job_id, uint32_t step_id,
			uint32_t het_comp, uint32_t rank, int status)
{
	struct ctld_call *c = ctld_call_new(d, REQUEST_STEP_COMPLETE);
	struct step_complete_msg *m = arena_alloc(&c->mem, sizeof *m);

	wire_init(&step_complete_msg_desc, m);
	m->step_id.job_id = job_id;
	m->step_id.step_id = step_id;
	m->step_id.step_het_comp = het_comp;
	m->range_first = m->range_last = rank;
	m->step_rc = (uint32_t)status;
	c->body = m;
	c->insist = true;
	ctld_call_start(c);
}

void orphan_step(struct daemon *d, uint32_t job_id, uint32_t step_id, uint32_t het_comp,
		 uint32_t node_rank, int status)
{
	unsigned n = 0;

	if (step_id != STEP_EXTERN)
		n = tasks_kill(d->site->name, job_id, step_id);
	log_error("slurmstepd of step %u.%u was killed by signal %d; %u of its processes were ended",
		  job_id, step_id, WTERMSIG(status), n);
	if (step_id == STEP_BATCH)
		batch_report(d, job_id, status);
	else
		step_report(d, job_id, step_id, het_comp, node_rank, status);
}
