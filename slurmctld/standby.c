/* SPDX-License-Identifier: Apache-2.0
 *
 * See standby.h.  The rules are in turn.c, the right to write is lease.c's;
 * this file asks, waits and says in the log what it waits for. */
#include "slurmctld/standby.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <unistd.h>

#include "slurmctld/conn.h"
#include "slurmctld/core/trigger.h"
#include "slurmctld/lease.h"
#include "slurmctld/peers.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/steps.h"
#include "slurmctld/turn.h"
#include "wire/base/log.h"

#define TICK_USEC 1000000
#define TAKE_TICK_USEC 200000
#define ASK_AGAIN_SEC 10        /* for control, while it is not given */
#define CONTROL_SEC 30          /* the others write their state first */
#define SAY_AGAIN_SEC 60
#define BEAT_MAX_SEC 30
/* "Unable to takeover, heartbeat file is missing"; another word before 23.11 */
#define NO_HEARTBEAT ((enum err)2041)

enum phase { WATCHING, TAKING, CONTROL };

struct standby {
	struct ctld *ctld;
	struct conf *conf;              /* as at the start: the list; one reference */
	struct peers *peers;
	struct turn turn;
	struct watch tick;
	enum phase phase;
	bool asking;                    /* a round of questions is under way */
	bool wished;                    /* for control; and when */
	int64_t wished_at, said_at;
	struct request *takeover;       /* scontrol waits for our answer */
	bool blind_said;
	uint16_t *types;                /* of a round; by controller */
};

static int64_t now_sec(void)
{
	return clock_mono_usec() / 1000000;
}

/* ---- who we are -------------------------------------------------------- */

uint32_t standby_index(const struct conf *conf)
{
	char full[256] = "", name[256];
	int i;

	if (gethostname(full, sizeof full - 1) < 0)
		log_fatal("gethostname: %m");
	snprintf(name, sizeof name, "%.*s", (int)strcspn(full, "."), full);
	i = turn_index(conf->control_hosts, conf->control_count, name, full);
	if (i < 0) {
		log_error("This host (%s/%s) not a valid controller", name, full);
		exit(1);
	}
	return (uint32_t)i;
}

void standby_run_prog(const struct conf *conf, bool on)
{
	const char *path = on ? conf->slurmctldprimaryonprog : conf->slurmctldprimaryoffprog;
	const char *type = on ? "SlurmctldPrimaryOnProg" : "SlurmctldPrimaryOffProg";
	const char *base = path ? strrchr(path, '/') : NULL;
	char *argv[2] = { NULL, NULL };
	posix_spawnattr_t attr;
	sigset_t none, all;
	pid_t pid;
	int e;

	if (!path || !*path)
		return;
	if (access(path, X_OK) < 0) {
		log_error("Invalid %s: %s: %m", type, path);
		return;
	}
	argv[0] = mem_strdup(base ? base + 1 : path);
	posix_spawnattr_init(&attr);
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
				 POSIX_SPAWN_SETPGROUP);
	e = posix_spawn(&pid, path, NULL, &attr, argv, environ);
	posix_spawnattr_destroy(&attr);
	free(argv[0]);
	if (e)
		log_error("%s: %s: %s", type, path, strerror(e));
	else
		log_info("%s started: %s pid=%d", type, path, (int)pid);
}

/* ---- taking control ---------------------------------------------------- */

static int64_t beat_sec(const struct conf *conf)
{
	int64_t sec = conf->slurmctldtimeout / 4;

	if (sec > BEAT_MAX_SEC)
		sec = BEAT_MAX_SEC;
	return sec < 1 ? 1 : sec;
}

static void wait_tick(struct standby *s)
{
	watch_wait(&s->tick, 0, s->phase == TAKING ? TAKE_TICK_USEC : TICK_USEC);
}

static bool may_say(struct standby *s)
{
	int64_t now = now_sec();

	if (s->said_at && now - s->said_at < SAY_AGAIN_SEC)
		return false;
	s->said_at = now;
	return true;
}

static void answer_takeover(struct standby *s, enum err rc)
{
	struct request *r = s->takeover;

	s->takeover = NULL;
	if (r)
		rpc_answer_rc(s->ctld, r, rc);
}

static void on_wished(void *arg, const struct peer_answer *v)
{
	struct standby *s = arg;
	char **host = s->conf->control_hosts;

	s->asking = false;
	for (uint32_t i = 0; i < s->turn.count; i++) {
		if (!v[i].asked)
			continue;
		if (!v[i].result)
			log_info("slurmctld at %s has given up control", host[i]);
		else
			log_debug("asking %s for control: %s", host[i],
				  err_str(v[i].result));
	}
	answer_takeover(s, E_OK);
}

/* Tell the others that we want control. */
static void wish(struct standby *s)
{
	uint16_t *type = s->types;
	int sec = s->ctld->conf->messagetimeout / 2;

	for (uint32_t i = 0; i < s->turn.count; i++) {
		enum turn_wish w = turn_wish(&s->turn, i);

		type[i] = w == WISH_CONTROL ? REQUEST_CONTROL
			: w == WISH_END ? REQUEST_SHUTDOWN : 0;
	}
	if (sec < 2)
		sec = 2;
	if (sec > CONTROL_SEC || !s->takeover)
		sec = CONTROL_SEC;
	s->asking = true;
	s->wished = true;
	s->wished_at = now_sec();
	peers_ask(s->peers, type, sec, on_wished, s);
}

/* Why we do not have control yet. */
static void say_what_for(struct standby *s, enum lease_answer a)
{
	const struct lease_text *t = &lease_seen(s->ctld->lease)->last;
	const char *dir = s->ctld->conf->statesavelocation;

	if (!may_say(s))
		return;
	if (a == LEASE_WATCH)
		log_info("%s/lease: slurmctld on %s (pid %lld) did not give it back: waiting to "
			 "see whether it still writes", dir, t->host, (long long)t->pid);
	else if (lease_trouble(s->ctld->lease))
		log_error("not taking control: %s/lease cannot be locked: %s", dir,
			  strerror(lease_trouble(s->ctld->lease)));
	else if (a == LEASE_BROKEN)
		log_error("not taking control: slurmctld on %s (pid %lld) still counts in "
			  "%s/lease although its lock could be had: file locks do not work there",
			  t->host, (long long)t->pid, dir);
	else
		log_info("waiting for slurmctld on %s (pid %lld), which holds %s/lease: not "
			 "taking control before it lets go or ends", t->host, (long long)t->pid,
			 dir);
}

static void take_control(struct standby *s)
{
	struct ctld *c = s->ctld;
	int64_t beat = beat_sec(c->conf);
	enum lease_answer a = lease_take(c->lease, 2 * beat + 1, now_sec());

	if (a != LEASE_OURS) {
		say_what_for(s, a);
		return;
	}
	if (s->turn.index)
		log_error("ControlMachine %s not responding, BackupController%u %s taking over",
			  s->conf->control_hosts[0], s->turn.index,
			  s->conf->control_hosts[s->turn.index]);
	s->phase = CONTROL;
	ctld_take_control(c);
}

/* Another answered while we waited for the lease: it was not gone after all. */
static void back_to_watching(struct standby *s)
{
	if (s->phase != TAKING || s->turn.asked || !s->turn.index)
		return;
	log_info("slurmctld running in background mode");
	s->phase = WATCHING;
	s->wished = false;
	s->said_at = 0;
}

/* ---- watching ---------------------------------------------------------- */

static void on_looked(void *arg, const struct peer_answer *v)
{
	struct standby *s = arg;
	bool there = false;

	s->asking = false;
	for (uint32_t i = 0; i < s->turn.index; i++)
		there |= v[i].asked && !v[i].result;
	if (!there) {
		s->turn.missed = now_sec();
		return;
	}
	s->turn.heard = now_sec();
	back_to_watching(s);
}

static void look(struct standby *s)
{
	uint16_t *type = s->types;

	for (uint32_t i = 0; i < s->turn.count; i++)
		type[i] = i < s->turn.index ? REQUEST_CONTROL_STATUS : 0;
	s->turn.looked = now_sec();
	s->asking = true;
	peers_ask(s->peers, type, s->ctld->conf->messagetimeout, on_looked, s);
}

/* Who has control looks whether the others are there to take it. */
static void on_checked(void *arg, const struct peer_answer *v)
{
	struct standby *s = arg;
	struct event ev = { .kind = EV_TOLD, .triggers = TRIGGER_BU_CTLD_FAIL };
	bool gone = false;

	s->asking = false;
	for (uint32_t i = 0; i < s->turn.count; i++)
		gone |= v[i].asked && v[i].result;
	if (!gone || s->ctld->ending)
		return;
	steps_run(s->ctld, &ev, NULL);
	steps_flush(s->ctld);
}

static void check_others(struct standby *s)
{
	uint16_t *type = s->types;

	for (uint32_t i = 0; i < s->turn.count; i++)
		type[i] = i == s->turn.index ? 0 : REQUEST_CONTROL_STATUS;
	s->turn.looked = now_sec();
	s->asking = true;
	peers_ask(s->peers, type, s->ctld->conf->messagetimeout, on_checked, s);
}

static void tick_watching(struct standby *s, int64_t now)
{
	struct lease *l = s->ctld->lease;
	int64_t changed = 0;

	if (!lease_look(l, now)) {
		if (!s->blind_said)
			log_error("Not taking control: %s/lease cannot be read (%m). Something "
				  "is wrong with your StateSaveLocation.",
				  s->ctld->conf->statesavelocation);
		s->blind_said = true;
		return;
	}
	s->blind_said = false;
	/* One after us may have control only until we are there. */
	if (lease_seen(l)->known && lease_seen(l)->last.held &&
	    lease_seen(l)->last.index <= s->turn.index)
		changed = lease_seen(l)->changed_at;
	if (s->asking)
		return;
	if (!turn_take_due(&s->turn, changed)) {
		if (turn_look_due(&s->turn, now))
			look(s);
		return;
	}
	s->phase = TAKING;
	s->said_at = 0;
	s->wished = false;
}

static void tick_taking(struct standby *s, int64_t now)
{
	if (s->asking)
		return;
	if (!s->wished || now - s->wished_at >= ASK_AGAIN_SEC) {
		wish(s);
		if (s->asking)
			return;
	}
	take_control(s);
	if (s->phase == TAKING && s->turn.index && !s->turn.asked && !s->asking &&
	    turn_look_due(&s->turn, now))
		look(s);
}

static void on_tick(void *arg, short what)
{
	struct standby *s = arg;
	int64_t now = now_sec();

	(void)what;
	if (s->ctld->ending)
		return;
	if (s->phase == WATCHING)
		tick_watching(s, now);
	else if (s->phase == TAKING)
		tick_taking(s, now);
	else if (!s->asking && s->turn.timeout && now - s->turn.looked > s->turn.timeout)
		check_others(s);
	wait_tick(s);
}

/* ---- requests ---------------------------------------------------------- */

static void request_takeover(struct standby *s, struct request *r)
{
	log_info("Performing background RPC: REQUEST_TAKEOVER");
	if (!lease_look(s->ctld->lease, now_sec())) {
		log_error("%s/lease cannot be read", s->ctld->conf->statesavelocation);
		rpc_answer_rc(s->ctld, r, wire_version_in(r->version, SINCE(23_11))
			      ? NO_HEARTBEAT : (enum err)EIO);
		return;
	}
	answer_takeover(s, E_OK);       /* one is enough to keep waiting */
	s->takeover = r;
	s->turn.asked = true;
	s->phase = TAKING;
	s->said_at = 0;
	s->wished = false;
	watch_wait(&s->tick, 0, 1);
}

static void answer_status(struct standby *s, struct request *r)
{
	struct control_status_msg m;

	wire_init(&control_status_msg_desc, &m);
	m.backup_inx = (uint16_t)s->turn.index;
	rpc_answer(s->ctld, r, RESPONSE_CONTROL_STATUS, &m);
}

void standby_handle(struct ctld *c, struct request *r)
{
	struct standby *s = c->standby;
	uint16_t type = r->frame.header.type;
	enum err rc;

	switch (turn_request(type, r->caller.root_or_slurm, &rc)) {
	case TURN_STATUS:
		answer_status(s, r);
		break;
	case TURN_END:
		log_info("Performing background RPC: REQUEST_SHUTDOWN");
		rpc_answer_rc(c, r, E_OK);
		ctld_end(c);
		break;
	case TURN_TAKE:
		request_takeover(s, r);
		break;
	case TURN_ANSWER:
		if (type == REQUEST_CONTROL) {
			s->turn.heard = now_sec();
			back_to_watching(s);
		} else if (type == REQUEST_CONFIG) {
			log_error("REQUEST_CONFIG received while in standby.");
		} else if (rc) {
			log_error("Invalid RPC received %s while in standby mode",
				  wire_type_name(type));
		}
		rpc_answer_rc(c, r, rc);
		break;
	}
}

/* A primary ends; the others wait again.  The answer goes out when the last
 * record is on disk and the lease is back: see ctld_free. */
void standby_give_up(struct ctld *c, struct request *r)
{
	log_info("Performing RPC: REQUEST_CONTROL");
	conn_reply_at_end(c, r);
	request_free(r);
	c->again = c->index > 0;
	ctld_end(c);
}

/* ---- beginning and end ------------------------------------------------- */

struct standby *standby_start(struct ctld *c)
{
	struct standby *s = mem_zalloc(sizeof *s);

	s->ctld = c;
	s->conf = conf_ref(c->conf);
	turn_start(&s->turn, c->index, c->conf->control_count, c->conf->slurmctldtimeout,
		   now_sec());
	s->peers = peers_new(c, c->index);
	s->types = mem_zalloc(c->conf->control_count * sizeof *s->types);
	watch_init(&s->tick, c->loop, -1, on_tick, s);
	if (c->index) {
		log_info("slurmctld running in background mode");
		standby_run_prog(c->conf, false);
		peers_tell_up(s->peers);
	} else {
		s->phase = TAKING;
	}
	watch_wait(&s->tick, 0, 1);
	return s;
}

void standby_free(struct standby *s)
{
	if (!s)
		return;
	watch_stop(&s->tick);
	if (s->takeover)
		request_free(s->takeover);
	peers_free(s->peers);
	conf_unref(s->conf);
	free(s->types);
	free(s);
}
