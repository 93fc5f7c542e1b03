/* SPDX-License-Identifier: Apache-2.0
 *
 * Putting the daemon together, its signals, its end. */
#include "slurmctld/ctld.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "auth/sack.h"
#include "conf/auth.h"
#include "slurmctld/agent.h"
#include "slurmctld/conn.h"
#include "slurmctld/dbd.h"
#include "slurmctld/dynamic.h"
#include "slurmctld/journal.h"
#include "slurmctld/lease.h"
#include "slurmctld/programs.h"
#include "slurmctld/replier.h"
#include "slurmctld/run.h"
#include "slurmctld/sackds.h"
#include "slurmctld/scripts.h"
#include "slurmctld/standby.h"
#include "slurmctld/stats.h"
#include "slurmctld/steps.h"
#include "slurmctld/version.h"
#include "slurmctld/view.h"
#include "wire/base/log.h"

#define WORKERS 3
#define END_WAIT_SEC 8          /* a container engine waits 10 */

int64_t ctld_now_usec(struct ctld *c)
{
	struct timespec t;

	(void)c;
	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void ctld_log_setup(struct ctld *c)
{
	int level = c->log_level >= 0 ? c->log_level : c->conf->slurmctlddebug;
	const char *file = c->opt.log_file ? c->opt.log_file : c->conf->slurmctldlogfile;
	int e;

	if (c->log_level < 0)
		level += c->opt.verbose - c->opt.quiet;
	if (level < LVL_QUIET)
		level = LVL_QUIET;
	if (level > LVL_DEBUG5)
		level = LVL_DEBUG5;
	if (!c->ending && file && *file && !c->log_is_open) {
		e = log_open_file(file);
		if (e)
			log_error("cannot open SlurmctldLogFile %s: %s", file, strerror(e));
		c->log_is_open = !e;
	}
	log_use_syslog(!c->log_is_open && !c->opt.foreground);
	log_set_levels(c->opt.foreground || !c->up ? (enum log_level)level : LVL_QUIET,
		       c->log_is_open ? (enum log_level)level : LVL_QUIET);
}

static void flush(struct ctld *c)
{
	if (c->active && !c->lost)
		steps_flush(c);
}

/* ---- reconfiguration --------------------------------------------------- */

static void tell_problems(const struct conf_problems *p, struct err_text *why)
{
	for (uint32_t i = 0; i < p->count; i++) {
		const struct conf_problem *x = &p->v[i];

		if (x->fatal) {
			log_error("%s:%u: %s", x->file, x->line, x->text);
			if (why && !why->text[0])
				err_set(why, E_FAIL, "%s:%u: %s", x->file, x->line, x->text);
		} else {
			log_info("%s:%u: %s", x->file, x->line, x->text);
		}
	}
}

/* Keys that ask for what is not there yet: better said than noticed. */
static void tell_unserved(const struct conf *conf)
{
	static const char *const routes[] = { "Dragonfly", "RoutePart", "RouteTree",
		"SwitchAsNodeRank", "BlockAsNodeRank" };
	const struct { const char *key, *value, *served, *text; } all[] = {
		{ "PreemptType", conf->preempttype, "preempt/none", "no job is preempted" },
		{ "JobSubmitPlugins", conf->jobsubmitplugins, NULL,
		  "no plugin is loaded: jobs are taken as they are submitted" },
		{ "BurstBufferType", conf->burstbuffertype, "burst_buffer/none",
		  "there are no burst buffers" },
		{ "SlurmctldPlugstack", conf->slurmctldplugstack, NULL, "no plugin is loaded" },
	};
	struct arena mem = { 0 };
	const char *cgroups;

	cgroups = conf_asks_cgroups(conf, &mem);
	if (cgroups)
		log_error("%s: nodes that run our slurmd make no cgroups and do not enforce what "
			  "cgroup.conf constrains", cgroups);
	arena_fini(&mem);
	if (conf->accountingstorageenforce)
		log_error("AccountingStorageEnforce: associations, limits and qos are not enforced "
			  "by this slurmctld");
	if (conf->topologyplugin && (strstr(conf->topologyplugin, "3d") ||
				     strstr(conf->topologyplugin, "hypercube") ||
				     strstr(conf->topologyplugin, "ring")))
		log_error("TopologyPlugin=%s: nodes are chosen as if the network were flat by this "
			  "slurmctld", conf->topologyplugin);
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
		if (conf_option(conf->topologyparam, routes[i], NULL))
			log_error("TopologyParam=%s has no effect in this slurmctld", routes[i]);
	for (uint32_t i = 0; i < conf->part_count; i++)
		if (conf->parts[i].exclusive_topo)
			log_error("PartitionName=%s: ExclusiveTopo: jobs get whole nodes, not whole "
				  "blocks, of this slurmctld", conf->parts[i].name);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].value && *all[i].value &&
		    !(all[i].served && streq(all[i].value, all[i].served)))
			log_error("%s=%s: %s by this slurmctld", all[i].key, all[i].value,
				  all[i].text);
}

static enum err reconfigure(struct ctld *c, bool quiet, struct err_text *why)
{
	struct conf_problems problems = { 0 };
	struct err_text keys = { "" };
	struct event ev = { .kind = EV_RECONFIG, .quiet = quiet };
	struct conf *conf = NULL;
	enum err e = dynamic_conf_load(c->conf->path, &conf, &problems);

	tell_problems(&problems, why);
	conf_problems_fini(&problems);
	if (e)
		return e;
	if (conf->slurm_uid != c->slurm_uid) {
		log_error("SlurmUser changed: restart slurmctld to take it up");
		conf->slurm_uid = c->slurm_uid;
	}
	ev.conf = conf;
	if (c->active)
		steps_run(c, &ev, NULL);
	conf_unref(c->conf);
	c->conf = conf;
	c->log_level = -1;
	c->debug_flags = conf->debugflags;
	c->dampening_factor = 0;
	conf_runtime_probe(conf, &c->runtime);
	agent_forget_names(c->agent);
	ctld_log_setup(c);
	tell_unserved(conf);
	if (auth_reload(c->auth, &keys))
		log_error("the key is not taken up: %s", keys.text);
	sackds_tell(c);
	log_info("reconfigured from %s", conf->path);
	return E_OK;
}

enum err ctld_reconfigure(struct ctld *c, struct err_text *why)
{
	return reconfigure(c, false, why);
}

enum err ctld_reconfigure_quietly(struct ctld *c, struct err_text *why)
{
	return reconfigure(c, true, why);
}

/* ---- signals and the end ----------------------------------------------- */

static void on_signal(void *arg, short what)
{
	struct ctld *c = arg;

	(void)what;
	log_info("Terminate signal (SIGINT or SIGTERM) received");
	ctld_end(c);
}

static void on_hup(void *arg, short what)
{
	struct ctld *c = arg;
	struct err_text why = { "" };

	(void)what;
	log_info("Reconfigure signal (SIGHUP) received");
	log_reopen();
	if (ctld_reconfigure(c, &why))
		log_error("reconfigure failed, going on as before: %s", why.text);
	flush(c);
}

static void on_usr2(void *arg, short what)
{
	(void)arg;
	(void)what;
	log_reopen();
	log_info("Logrotate signal (SIGUSR2) received");
}

static void on_child(void *arg, short what)
{
	struct ctld *c = arg;

	(void)what;
	programs_reap(c->programs);
	flush(c);
}

/* Break the loop once nothing is on its way any more. */
static void on_end(void *arg, short what)
{
	struct ctld *c = arg;

	(void)what;
	flush(c);
	if (c->lost || (steps_idle(c) && !agent_active(c->agent) && !conns_open(c->conns)) ||
	    clock_mono_usec() > c->end_by)
		loop_break(c->loop);
	else
		watch_wait(&c->end_timer, 0, 20000);
}

void ctld_end(struct ctld *c)
{
	if (c->ending)
		return;
	c->ending = true;
	conns_stop_listening(c->conns);
	c->end_by = clock_mono_usec() + END_WAIT_SEC * INT64_C(1000000) / 4;
	watch_wait(&c->end_timer, 0, 20000);
}

/* After every batch of finished work. */
static void after_mail(void *arg)
{
	flush(arg);
}

/* ---- building ---------------------------------------------------------- */

/* The lease is ours; the database of one that was just killed is free a moment
 * after it. */
static enum err open_journal(struct ctld *c, struct err_text *why)
{
	const struct timespec pause = { 0, 20000000 };
	enum err e;

	for (int tries = 0;; tries++) {
		e = journal_open(c, c->conf->statesavelocation, c->opt.clean, &c->journal, why);
		if (!e || tries >= 25)
			return e;
		nanosleep(&pause, NULL);
	}
}

static enum err start_core(struct ctld *c, struct err_text *why)
{
	struct effects eff = { 0 };
	int64_t now = ctld_now_usec(c) / 1000000;
	uint64_t seed = 0;
	enum err e;

	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		seed = (uint64_t)ctld_now_usec(c);
	e = core_new(c->conf, now, seed, &c->core, why);
	if (e)
		return e;
	e = open_journal(c, why);
	if (!e)
		e = journal_load(c->journal, c->core, c->opt.ignore_errors, why);
	if (e)
		return e;
	c->core->took_over = c->index > 0;
	c->core->control_index = c->index;
	core_start(c->core, now, &eff);
	c->started = now;
	c->active = true;
	steps_take(c, &eff);
	c->dbd = dbd_new(c);
	return E_OK;
}

/* Only one controller is configured: whoever has the lease is in the way. */
static void take_alone(struct ctld *c)
{
	struct err_text why = { "" };
	const struct lease_text *t;

	const struct timespec pause = { 0, 20000000 };
	bool ours = false;

	/* One that was just killed may not be quite gone. */
	for (int tries = 0; tries < 100 && !ours; tries++) {
		if (tries)
			nanosleep(&pause, NULL);
		ours = lease_take(c->lease, 0, clock_mono_usec() / 1000000) == LEASE_OURS;
	}
	if (!ours && lease_trouble(c->lease))
		log_fatal("%s/lease cannot be locked: %s", c->conf->statesavelocation,
			  strerror(lease_trouble(c->lease)));
	if (!ours) {
		t = &lease_seen(c->lease)->last;
		log_fatal("%s: in use by another slurmctld, on %s, pid %lld",
			  c->conf->statesavelocation, t->host, (long long)t->pid);
	}
	if (start_core(c, &why))
		log_fatal("%s", why.text);
	log_info("Running as primary controller");
	standby_run_prog(c->conf, true);
}

void ctld_take_control(struct ctld *c)
{
	struct err_text why = { "" };

	if (start_core(c, &why))
		log_fatal("%s", why.text);
	journal_beat_every(c->journal, c->conf->slurmctldtimeout / 4);
	log_info("Running as primary controller");
	standby_run_prog(c->conf, true);
	flush(c);
}

void ctld_lost(struct ctld *c)
{
	if (c->lost)
		return;
	c->lost = true;
	c->again = true;
	ctld_end(c);
}

/* Messages between clusters and to slurmdbd may have a munged of their own. */
static void start_auth_global(struct ctld *c)
{
	struct auth_options o = { .key_holder = true }, pass = { 0 };
	struct arena mem = { 0 };
	struct err_text why = { "" };

	c->auth_global = c->auth;
	if (!c->conf->accountingstoragepass || !streq(auth_name(c->auth), "munge"))
		return;
	conf_auth_options(c->conf, &o, &mem);
	conf_auth_alternatives(c->conf, &o);
	auth_options_parse(&pass, c->conf->accountingstoragepass, NULL, &mem);
	o.socket = pass.socket;
	c->auth_global = auth_new(&o, &why);
	if (!c->auth_global)
		log_fatal("AccountingStoragePass: %s", why.text);
	arena_fini(&mem);
}

/* Who asks us is known; clients of this host without the key ask here. */
static void serve_tokens(struct ctld *c, const struct auth_options *o)
{
	struct err_text why = { "" };

	if (!streq(auth_name(c->auth), "slurm"))
		return;
	if (o->use_client_ids)
		log_error("AuthInfo=use_client_ids is not served: users must be known on this "
			  "host");
	if (!o->disable_sack &&
	    sack_start(c->auth, "/run/slurmctld", c->conf->slurm_uid, &c->sack, &why))
		log_fatal("%s", why.text);
}

static void start_auth(struct ctld *c)
{
	struct auth_options o = { .key_holder = true };
	struct arena mem = { 0 };
	struct err_text why = { "" };
	enum err e;

	conf_auth_options(c->conf, &o, &mem);
	conf_auth_alternatives(c->conf, &o);
	c->auth = auth_new(&o, &why);
	if (!c->auth)
		log_fatal("%s", why.text);
	e = auth_self_test(c->auth, &why);
	if (e == E_PROTOCOL_AUTHENTICATION_ERROR)
		log_fatal("%s", why.text);
	if (e)
		log_error("auth/%s does not work yet: %s", auth_name(c->auth), why.text);
	serve_tokens(c, &o);
	arena_fini(&mem);
}

/* Without these nobody could talk to us, and would not know why. */
static void refuse_unserved(const struct conf *conf)
{
	if (conf->tlstype && !strstr(conf->tlstype, "none"))
		log_fatal("TLSType=%s is not supported, only tls/none is", conf->tlstype);
}

/* A controller that was just killed holds its port until its last thread has
 * come back from the disk.  While it does, its journal is not ours to read. */
static int listen_soon(struct ctld *c, const struct conf *conf)
{
	const struct timespec pause = { 0, 20000000 };
	int e = 0;

	for (int tries = 0; tries < 250; tries++) {
		e = conns_listen(c->conns, conf->slurmctldport, conf->slurmctldport_count);
		if (e != EADDRINUSE)
			break;
		conns_stop_listening(c->conns);
		nanosleep(&pause, NULL);
	}
	return e;
}

struct ctld *ctld_new(struct conf *conf, uint32_t index, const struct ctld_options *opt)
{
	struct ctld *c = mem_zalloc(sizeof *c);
	struct err_text why = { "" };
	int e;

	c->conf = conf_ref(conf);
	c->opt = *opt;
	c->index = index;
	c->slurm_uid = conf->slurm_uid;
	c->log_level = -1;
	c->debug_flags = conf->debugflags;
	c->started = ctld_now_usec(c) / 1000000;
	ctld_log_setup(c);
	refuse_unserved(conf);
	conf_runtime_probe(conf, &c->runtime);
	c->loop = loop_new();
	c->conns = conns_new(c);
	e = listen_soon(c, conf);
	if (e)
		log_fatal("slurm_init_msg_engine_port error %s: port %u", strerror(e),
			  conf->slurmctldport);
	c->home = mailbox_new(c->loop, after_mail, c);
	c->workers = pool_new(c->home, WORKERS, "ctld-auth");
	c->slow = pool_new(c->home, 1, "ctld-files");
	start_auth(c);
	start_auth_global(c);
	c->replier = replier_new();
	c->views = views_new(c);
	c->stats = stats_new();
	c->scripts = scripts_new();
	c->programs = programs_new(c);
	c->steps = steps_new(c);
	c->agent = agent_new(c);
	watch_init(&c->end_timer, c->loop, -1, on_end, c);
	if (lease_open(conf->statesavelocation, conf->control_hosts[index], index, &c->lease,
		       &why))
		log_fatal("%s", why.text);
	if (conf->control_count == 1)
		take_alone(c);
	tell_unserved(conf);
	return c;
}

void ctld_run(struct ctld *c, void (*ready)(void *), void *arg)
{
	watch_signal(&c->signals[0], c->loop, SIGTERM, on_signal, c);
	watch_signal(&c->signals[1], c->loop, SIGINT, on_signal, c);
	watch_signal(&c->signals[2], c->loop, SIGHUP, on_hup, c);
	watch_signal(&c->signals[3], c->loop, SIGUSR2, on_usr2, c);
	watch_signal(&c->signals[4], c->loop, SIGCHLD, on_child, c);
	log_info("slurmctld version %s started on cluster %s", CTLD_VERSION_LINE + 6,
		 c->conf->clustername);
	if (ready)
		ready(arg);
	c->up = true;
	ctld_log_setup(c);
	if (c->conf->control_count > 1)
		c->standby = standby_start(c);
	flush(c);
	loop_run(c->loop);
	log_info("slurmctld ends");
}

void ctld_free(struct ctld *c)
{
	if (!c)
		return;
	for (int i = 0; i < 5; i++)
		watch_stop(&c->signals[i]);
	watch_stop(&c->end_timer);
	standby_free(c->standby);
	dbd_free(c->dbd);
	agent_free(c->agent);
	conns_free(c->conns);
	pool_free(c->workers);
	pool_free(c->slow);
	programs_free(c->programs);
	replier_free(c->replier);
	if (c->lost)
		journal_abandon(c->journal);
	else
		journal_close(c->journal);
	lease_close(c->lease);
	partings_send(c);
	steps_free(c->steps);
	views_free(c->views);
	scripts_free(c->scripts);
	stats_free(c->stats);
	mailbox_free(c->home);
	core_free(c->core);
	sack_stop(c->sack);
	if (c->auth_global != c->auth)
		auth_free(c->auth_global);
	auth_free(c->auth);
	loop_free(c->loop);
	conf_unref(c->conf);
	free(c);
}
