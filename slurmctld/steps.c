/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's steps and what becomes of them.
 *
 * Invariant: effects of a step are carried out only when its records and those
 * of all steps before it are durable.  While the journal writes one batch, the
 * next one gathers (group commit). */
#include "slurmctld/steps.h"

#include <stdlib.h>
#include <time.h>

#include "slurmctld/agent.h"
#include "slurmctld/config_files.h"
#include "slurmctld/conn.h"
#include "slurmctld/journal.h"
#include "slurmctld/programs.h"
#include "slurmctld/reply.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/run.h"
#include "slurmctld/scripts.h"
#include "slurmctld/stats.h"
#include "wire/base/log.h"

#define KEEP_FREE 32            /* step records kept for reuse */
#define ARENA_KEEP 65536        /* larger arenas are given back */
#define TICK_MAX_SEC 60

struct step_list {
	struct step_out *first, **last;
	bool durable;
};

struct steps {
	struct ctld *ctld;
	struct step_list gathering, writing;
	bool in_flight;
	bool flushing;
	struct step_out *free_list;
	unsigned free_count;
	struct watch tick, sched;
	bool slice_left;
	bool sched_armed;
	int64_t sched_free_at;          /* monotonic: no pass before */
};

static void list_init(struct step_list *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->durable = false;
}

/* ---- records ----------------------------------------------------------- */

static struct step_out *out_take(struct steps *s)
{
	struct step_out *o = s->free_list;

	if (!o) {
		o = mem_zalloc(sizeof *o);
	} else {
		s->free_list = o->next;
		s->free_count--;
	}
	o->refs = 1;
	o->durable = false;
	o->req = NULL;
	o->next = NULL;
	o->home = s;
	return o;
}

void step_out_hold(struct step_out *o)
{
	o->refs++;
}

void step_out_drop(struct step_out *o)
{
	struct steps *s = o->home;

	if (--o->refs)
		return;
	if (o->req)
		request_free(o->req);
	if (s->free_count >= KEEP_FREE || o->eff.mem.cap > ARENA_KEEP || o->eff.mem.next) {
		effects_fini(&o->eff);
		free(o);
		return;
	}
	effects_reset(&o->eff);
	o->next = s->free_list;
	s->free_list = o;
	s->free_count++;
}

/* ---- carrying out ------------------------------------------------------ */

/* Nodes that have their configuration from us are sent the new one. */
static void with_files(struct ctld *c, struct effect *e, struct step_out *o)
{
	struct config_response_msg *m;

	if (e->type != REQUEST_RECONFIGURE || !config_files_enabled(c->conf))
		return;
	m = arena_alloc(&o->eff.mem, sizeof *m);
	wire_init(&config_response_msg_desc, m);
	config_files_fill(c->conf, true, m, &o->eff.mem);
	e->type = REQUEST_RECONFIGURE_WITH_CONFIG;
	e->body = m;
}

/* Who asked hears whether the files were good. */
static void reconfigure(struct ctld *c, const struct effect *e, const struct step_out *o)
{
	struct err_text why = { "" };
	enum err rc = ctld_reconfigure(c, &why);

	if (rc)
		log_error("reconfigure: %s", why.text);
	if (!o->req || e->conn != o->req->conn)
		return;
	stats_rpc(c->stats, o->req);
	conn_reply_rc(c, e->conn, rc);
}

static void carry_out(struct ctld *c, struct effect *e, struct step_out *o)
{
	if (e->kind == EFF_NODES)
		with_files(c, e, o);
	switch (e->kind) {
	case EFF_REPLY:
		reply_send(c, e, o);
		break;
	case EFF_NODES:
	case EFF_CLIENT:
	case EFF_CLIENT_PING:
		agent_send(c->agent, e, o);
		break;
	case EFF_SCRIPT_REPLY:
		reply_script(c, e);
		break;
	case EFF_LOG:
		log_line((enum log_level)e->level, "%s", e->text);
		break;
	case EFF_COMPLETED:
		run_jobcomp(c, e->text);
		break;
	case EFF_DEBUG_LEVEL:
		c->log_level = e->level;
		ctld_log_setup(c);
		break;
	case EFF_DEBUG_FLAGS:
		c->debug_flags = (c->debug_flags & ~e->flags_minus) | e->flags_plus;
		break;
	case EFF_SHUTDOWN:
		ctld_end(c);
		break;
	case EFF_RECONFIG:
		reconfigure(c, e, o);
		break;
	case EFF_GROUPS:
		run_groups(c, e->part, e->resv_id);
		break;
	case EFF_RUN:
		programs_start(c->programs, e);
		break;
	case EFF_RUN_KILL:
		programs_kill(c->programs, e->job_id);
		break;
	case EFF_PUT:
	case EFF_DEL:
	case EFF_SCRIPT_PUT:
	case EFF_SCRIPT_DEL:
		break;          /* the journal did */
	}
}

static bool answers(const struct step_out *o)
{
	for (uint32_t i = 0; i < o->eff.count; i++) {
		const struct effect *e = &o->eff.v[i];

		if ((e->kind == EFF_REPLY || e->kind == EFF_SCRIPT_REPLY ||
		     e->kind == EFF_RECONFIG) &&
		    e->conn == o->req->conn)
			return true;
	}
	return false;
}

static void list_carry_out(struct ctld *c, struct step_list *l)
{
	struct step_out *o = l->first, *next;

	list_init(l);
	for (; o; o = next) {
		next = o->next;
		for (uint32_t i = 0; i < o->eff.count; i++)
			carry_out(c, &o->eff.v[i], o);
		if (o->req && !answers(o))      /* a message without an answer */
			conn_close(c, o->req->conn);
		step_out_drop(o);
	}
}

/* ---- running ----------------------------------------------------------- */

static void gather(struct steps *s, struct step_out *o)
{
	for (uint32_t i = 0; i < o->eff.count; i++) {
		const struct effect *e = &o->eff.v[i];

		switch (e->kind) {
		case EFF_SCRIPT_PUT:
			scripts_put(s->ctld, e);
			o->durable = true;
			break;
		case EFF_SCRIPT_DEL:
			scripts_del(s->ctld, e->script_id);
			o->durable = true;
			break;
		case EFF_PUT:
		case EFF_DEL:
			o->durable = true;
			break;
		default:
			break;
		}
	}
	s->gathering.durable |= o->durable;
	*s->gathering.last = o;
	s->gathering.last = &o->next;
}

static void set_tick(struct steps *s)
{
	int64_t now = ctld_now_usec(s->ctld), at = core_next_time(s->ctld->core), wait;

	if (at > now / 1000000 + TICK_MAX_SEC)
		at = now / 1000000 + TICK_MAX_SEC;
	wait = at * 1000000 - now;
	watch_wait(&s->tick, 0, wait < 1000 ? 1000 : wait);
}

static int32_t utc_offset(int64_t at)
{
	time_t t = (time_t)at;
	struct tm tm = { 0 };

	localtime_r(&t, &tm);
	return (int32_t)tm.tm_gmtoff;
}

/* When does the offset change within a year and a bit?  0: it does not. */
static int64_t offset_change(int64_t now, int32_t offset)
{
	int64_t before = now, after = now, middle;

	for (int week = 0; week < 56 && utc_offset(after) == offset; week++) {
		before = after;
		after += 7 * 86400;
	}
	if (utc_offset(after) == offset)
		return 0;
	while (after - before > 1) {
		middle = before + (after - before) / 2;
		if (utc_offset(middle) == offset)
			before = middle;
		else
			after = middle;
	}
	return after;
}

/* Offsets change at full quarters of an hour only. */
static void local_time(struct event *ev)
{
	static int64_t quarter = -1, day = -1, change;
	static int32_t offset, after;

	if (ev->now / 900 != quarter) {
		int32_t was = offset;

		offset = utc_offset(ev->now);
		quarter = ev->now / 900;
		if (was != offset || ev->now / 86400 != day) {
			change = offset_change(ev->now, offset);
			after = change ? utc_offset(change) : 0;
			day = ev->now / 86400;
		}
	}
	ev->utc_offset = offset;
	ev->utc_change_at = change;
	ev->utc_after = after;
}

void steps_run(struct ctld *c, struct event *ev, struct request *req)
{
	struct steps *s = c->steps;
	struct step_out *o = out_take(s);

	ev->now_usec = ctld_now_usec(c);
	ev->now = ev->now_usec / 1000000;
	local_time(ev);
	o->req = req;
	core_step(c->core, ev, &o->eff);
	if (!o->eff.count && !req)
		step_out_drop(o);
	else
		gather(s, o);
}

void steps_take(struct ctld *c, struct effects *eff)
{
	struct step_out *o = out_take(c->steps);

	effects_fini(&o->eff);
	o->eff = *eff;
	memset(eff, 0, sizeof *eff);
	gather(c->steps, o);
}

/* A pass may use a third of the time when it is long: requests come first. */
static void sched_pass(struct steps *s, bool slice)
{
	struct ctld *c = s->ctld;
	struct event ev = { .kind = slice ? EV_SCHED_SLICE : EV_SCHED };
	int64_t start = clock_mono_usec(), took;

	steps_run(c, &ev, NULL);
	took = clock_mono_usec() - start;
	stats_cycle(c, took, slice);
	s->sched_free_at = clock_mono_usec() + (took > 2000 ? 2 * took : 0);
	s->slice_left = c->core->stats.bf_active;
}

static void sched_when_free(struct steps *s)
{
	int64_t wait;

	for (int round = 0; round < 4; round++) {
		bool fresh = core_wants_sched(s->ctld->core);

		if (s->ctld->ending || (!fresh && !s->slice_left))
			return;
		wait = s->sched_free_at - clock_mono_usec();
		if (wait > 0 || round == 3) {
			if (!s->sched_armed)
				watch_wait(&s->sched, 0, wait > 0 ? wait : 1);
			s->sched_armed = true;
			return;
		}
		sched_pass(s, !fresh);
	}
}

static void on_durable(void *arg);

static void hand_over(struct steps *s)
{
	struct ctld *c = s->ctld;

	if (s->in_flight || !s->gathering.first)
		return;
	s->writing = s->gathering;
	if (s->writing.last == &s->gathering.first)
		s->writing.last = &s->writing.first;
	list_init(&s->gathering);
	if (s->writing.durable && c->journal) {
		s->in_flight = true;
		journal_write(c->journal, s->writing.first, on_durable, s);
		return;
	}
	list_carry_out(c, &s->writing);
}

static void on_durable(void *arg)
{
	struct steps *s = arg;

	s->in_flight = false;
	list_carry_out(s->ctld, &s->writing);
}

void steps_flush(struct ctld *c)
{
	struct steps *s = c->steps;

	if (s->flushing)
		return;
	s->flushing = true;
	sched_when_free(s);
	for (int round = 0; round < 8 && !s->in_flight && s->gathering.first; round++)
		hand_over(s);
	set_tick(s);
	s->flushing = false;
}

static void on_tick(void *arg, short what)
{
	struct steps *s = arg;
	struct event ev = { .kind = EV_TICK };

	(void)what;
	steps_run(s->ctld, &ev, NULL);
	steps_flush(s->ctld);
}

static void on_sched(void *arg, short what)
{
	struct steps *s = arg;

	(void)what;
	s->sched_armed = false;
	steps_flush(s->ctld);
}

bool steps_idle(const struct ctld *c)
{
	return !c->steps->in_flight && !c->steps->gathering.first;
}

struct steps *steps_new(struct ctld *c)
{
	struct steps *s = mem_zalloc(sizeof *s);

	s->ctld = c;
	list_init(&s->gathering);
	list_init(&s->writing);
	watch_init(&s->tick, c->loop, -1, on_tick, s);
	watch_init(&s->sched, c->loop, -1, on_sched, s);
	return s;
}

void steps_free(struct steps *s)
{
	struct step_out *o;

	if (!s)
		return;
	watch_stop(&s->tick);
	watch_stop(&s->sched);
	while ((o = s->gathering.first)) {
		s->gathering.first = o->next;
		if (o->req)
			request_free(o->req);
		effects_fini(&o->eff);
		free(o);
	}
	while ((o = s->free_list)) {
		s->free_list = o->next;
		effects_fini(&o->eff);
		free(o);
	}
	free(s);
}
