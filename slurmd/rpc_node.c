/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages about the node itself: alive, status, configuration, end. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slurmd/children.h"
#include "slurmd/confless.h"
#include "slurmd/ctld.h"
#include "slurmd/rpc.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"
#include "wire/base/strbuf.h"

#define HEALTH_LIMIT_SEC 60     /* as stock: a health check may not take longer */

extern char **environ;

void rpc_ping(struct req *q)
{
	struct ping_slurmd_resp m;

	wire_init(&ping_slurmd_resp_desc, &m);
	m.cpu_load = hw_cpu_load();
	m.free_mem = hw_free_mem_mb();
	m.node_name = q->site->name;
	req_answer(q, RESPONSE_PING_SLURMD, &m);
}

/* The answer is that of a ping; the facts follow on a connection of our own.
 * Whoever asks may be a new release of the controller. */
void rpc_register(struct req *q)
{
	if (!q->verified || q->reply_type != RESPONSE_PING_SLURMD)
		return;
	ctld_version_forget(q->d);
	register_send(q->d, 0, true);
}

void rpc_config_files(struct req *q)
{
	if (q->site->conf_cache && confless_write(q->site->conf_cache, q->body))
		log_error("the new configuration could not be written to %s",
			  q->site->conf_cache);
}

void rpc_reconfigure(struct req *q)
{
	daemon_reconfigure(q->d);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	daemon_stop(arg);
}

/* A moment, so that nodes below us get the message. */
void rpc_shutdown(struct req *q)
{
	struct timeval tv = { .tv_usec = q->frame.header.fwd_cnt ? 300000 : 1000 };

	log_info("shutdown requested by uid %u", q->who.uid);
	event_base_once(q->d->base, -1, EV_TIMEOUT, on_stop, q->d, &tv);
}

void rpc_debug_level(struct req *q)
{
	const struct set_debug_level_msg *m = q->body;

	if (m->debug_level > LVL_DEBUG5) {
		req_answer_rc(q, EINVAL);
		return;
	}
	q->d->extra_verbose = (int)m->debug_level;
	daemon_log_setup(q->d);
	log_info("Set log level to %u", m->debug_level);
	req_answer_rc(q, 0);
}

void rpc_debug_flags(struct req *q)
{
	const struct set_debug_flags_msg *m = q->body;

	log_info("debug flags: plus 0x%llx, minus 0x%llx",
		 (unsigned long long)m->debug_flags_plus,
		 (unsigned long long)m->debug_flags_minus);
	req_answer_rc(q, 0);
}

static void health_done(void *arg, const struct script_result *r)
{
	struct daemon *d = arg;

	if (r->timed_out)
		log_error("health check timed out");
	else if (r->status)
		log_error("health_check failed: rc:%d output:%s", r->status, r->output);
	d->health_running = false;
}

void health_check_run(struct daemon *d, const char *verdict)
{
	const struct site *s = d->site;
	struct arena mem = { 0 };
	char *env[3];

	if (!s->conf->healthcheckprogram || d->health_running)
		return;
	env[0] = arena_printf(&mem, "SLURMD_NODENAME=%s", s->name);
	env[1] = verdict ? arena_printf(&mem, "SLURM_NODE_IS_HEALTHY=%s", verdict) : NULL;
	env[2] = NULL;
	d->health_running = true;
	script_run(d, s->conf->healthcheckprogram, env, HEALTH_LIMIT_SEC, health_done, d);
	arena_fini(&mem);
}

void rpc_health_check(struct req *q)
{
	req_answer_rc(q, 0);
	health_check_run(q->d, NULL);
}

/* Tells the program what slurmctld thinks of the node. */
void rpc_node_health_check(struct req *q)
{
	const struct node_health_check_msg *m = q->body;
	const char *verdict = m->healthy ? "yes" : "no";

	req_answer_rc(q, 0);
	health_check_run(q->d, verdict);
}

static void reboot_done(void *arg, const struct script_result *r)
{
	struct daemon *d = arg;

	if (r->status)
		log_error("RebootProgram returned %d: %s", r->status, r->output);
	if (conf_option(d->site->conf->slurmdparameters, "shutdown_on_reboot", NULL))
		daemon_stop(d);
}

void rpc_reboot(struct req *q)
{
	const struct reboot_msg *m = q->body;
	const char *program = q->site->conf->rebootprogram;
	char *words, *save, *argv[32];
	int n = 0;

	if (!program) {
		log_error("RebootProgram isn't defined in config");
		return;
	}
	words = arena_strdup(&q->mem, program);
	for (char *w = strtok_r(words, " ", &save); w && n < 30; w = strtok_r(NULL, " ", &save))
		argv[n++] = w;
	if (n && m->features && *m->features) {
		log_info("Node reboot request with features %s being processed", m->features);
		n = 1;
		argv[n++] = (char *)m->features;
	} else {
		log_info("Node reboot request being processed");
	}
	argv[n] = NULL;
	if (!n || access(argv[0], R_OK | X_OK))
		log_error("Cannot run RebootProgram [%s]: %m", program);
	else
		script_run_args(q->d, argv, environ, 0, reboot_done, q->d);
}

static void energy_answer(struct req *q)
{
	struct acct_gather_node_resp_msg m;
	struct acct_gather_energy e;

	wire_init(&acct_gather_energy_desc, &e);
	wire_init(&acct_gather_node_resp_msg_desc, &m);
	e.poll_time = time(NULL);
	m.node_name = q->site->name;
	m.sensor_cnt = 1;
	m.e = &e;
	req_answer(q, q->frame.header.type == REQUEST_ACCT_GATHER_UPDATE ?
		   RESPONSE_ACCT_GATHER_UPDATE : RESPONSE_ACCT_GATHER_ENERGY, &m);
}

void rpc_energy_update(struct req *q)
{
	energy_answer(q);
}

void rpc_energy(struct req *q)
{
	energy_answer(q);
}

/* "StepId=7.0,StepId=7.batch", as slurmd of old wrote it. */
static char *step_list(const struct daemon *d)
{
	struct strbuf b = { 0 };

	for (struct step *s = steps_first(d); s; s = s->next) {
		if (!s->up)
			continue;
		strbuf_sep(&b, ", ");
		if (s->step_id == STEP_BATCH)
			strbuf_printf(&b, "%u", s->job_id);
		else if (s->step_id == STEP_EXTERN)
			strbuf_printf(&b, "%u.extern", s->job_id);
		else if (s->step_id == STEP_INTERACTIVE)
			strbuf_printf(&b, "%u.interactive", s->job_id);
		else
			strbuf_printf(&b, "%u.%u", s->job_id, s->step_id);
	}
	if (!b.len)
		strbuf_add(&b, "NONE");
	return strbuf_take(&b);
}

void rpc_daemon_status(struct req *q)
{
	struct daemon *d = q->d;
	const struct site *s = d->site;
	struct slurmd_status m;
	char *list = step_list(d);

	wire_init(&slurmd_status_desc, &m);
	m.booted = d->started;
	m.last_slurmctld_msg = d->last_ctld_msg;
	m.slurmd_debug = (uint16_t)log_level_file();
	m.actual_cpus = s->hw.cpus;
	m.actual_boards = s->hw.boards;
	m.actual_sockets = s->hw.sockets;
	m.actual_cores = s->hw.cores;
	m.actual_threads = s->hw.threads;
	m.actual_real_mem = s->hw.memory_mb;
	m.actual_tmp_disk = s->tmp_disk_mb;
	m.pid = (uint32_t)getpid();
	m.hostname = s->name;
	m.slurmd_logfile = s->log_path;
	m.step_list = list;
	m.version = SLUICE_VERSION;
	req_answer(q, RESPONSE_SLURMD_STATUS, &m);
	free(list);
}
