/* SPDX-License-Identifier: Apache-2.0
 *
 * Triggers: what happened is noted while a step runs; at its end it is held
 * against each trigger.  Nothing is noted while there is none. */
#include <errno.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/trigger.h"

#define NODE_EVENTS 6
static const uint32_t node_event[NODE_EVENTS] = {
	TRIGGER_DOWN, TRIGGER_DRAINED, TRIGGER_FAIL, TRIGGER_UP, TRIGGER_DRAINING, TRIGGER_RESUME
};

static const struct { uint32_t type; uint16_t res; const char *name; } other_event[] = {
	{ TRIGGER_PRI_CTLD_FAIL, TRIGGER_RES_SLURMCTLD, "primary_slurmctld_failure" },
	{ TRIGGER_PRI_CTLD_RES_OP, TRIGGER_RES_SLURMCTLD, "primary_slurmctld_resumed_operation" },
	{ TRIGGER_PRI_CTLD_RES_CTRL, TRIGGER_RES_SLURMCTLD, "primary_slurmctld_resumed_control" },
	{ TRIGGER_PRI_CTLD_ACCT_FULL, TRIGGER_RES_SLURMCTLD,
	  "primary_slurmctld_acct_buffer_full" },
	{ TRIGGER_BU_CTLD_FAIL, TRIGGER_RES_SLURMCTLD, "backup_slurmctld_failure" },
	{ TRIGGER_BU_CTLD_RES_OP, TRIGGER_RES_SLURMCTLD, "backup_slurmctld_resumed_operation" },
	{ TRIGGER_BU_CTLD_AS_CTRL, TRIGGER_RES_SLURMCTLD, "backup_slurmctld_assumed_control" },
	{ TRIGGER_PRI_DBD_FAIL, TRIGGER_RES_SLURMDBD, "primary_slurmdbd_failure" },
	{ TRIGGER_PRI_DBD_RES_OP, TRIGGER_RES_SLURMDBD, "primary_slurmdbd_resumed_operation" },
	{ TRIGGER_PRI_DB_FAIL, TRIGGER_RES_DATABASE, "primary_database_failure" },
	{ TRIGGER_PRI_DB_RES_OP, TRIGGER_RES_DATABASE, "primary_database_resumed_operation" },
};

static void trigger_free(struct trigger *t)
{
	free(t->res_id);
	free(t->program);
	free(t->arg);
	free(t);
}

void trigger_free_all(struct core *c)
{
	while (c->trig_first) {
		struct trigger *t = c->trig_first;

		c->trig_first = t->next;
		trigger_free(t);
	}
	for (uint32_t e = 0; e < NODE_EVENTS; e++)
		bitset_free(c->trig_nodes[e]);
}

static void trigger_remove(struct core *c, struct trigger *t)
{
	struct trigger **at = &c->trig_first;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	core_row_gone(c, TAB_TRIGGER, t->id);
	trigger_free(t);
}

/* ---- what happens ------------------------------------------------------ */

static bool drained(uint32_t state)
{
	uint32_t base = state & NODE_STATE_BASE;

	return state & NODE_STATE_DRAIN && !(state & NODE_STATE_COMPLETING) &&
		base != NODE_STATE_ALLOCATED && base != NODE_STATE_MIXED;
}

static void note_node(struct core *c, uint32_t event, const struct node *n)
{
	for (uint32_t e = 0; e < NODE_EVENTS; e++) {
		if (node_event[e] != event)
			continue;
		if (!c->trig_nodes[e])
			c->trig_nodes[e] = bitset_new(c->node_count);
		bitset_set(c->trig_nodes[e], n->index);
	}
	c->trig_any |= event;
}

void trigger_node(struct core *c, const struct node *n, uint32_t old)
{
	uint32_t was = old & NODE_STATE_BASE, is = n->state & NODE_STATE_BASE;
	uint32_t set = n->state & ~old, cleared = old & ~n->state;

	if (!c->trig_first)
		return;
	if (is == NODE_STATE_DOWN && was != NODE_STATE_DOWN)
		note_node(c, TRIGGER_DOWN, n);
	if (was == NODE_STATE_DOWN && (is == NODE_STATE_IDLE || is == NODE_STATE_ALLOCATED ||
				       is == NODE_STATE_MIXED))
		note_node(c, TRIGGER_UP, n);
	if (set & NODE_STATE_DRAIN)
		note_node(c, TRIGGER_DRAINING, n);
	if (drained(n->state) && !drained(old))
		note_node(c, TRIGGER_DRAINED, n);
	if (set & NODE_STATE_FAIL)
		note_node(c, TRIGGER_FAIL, n);
	if (cleared & (NODE_STATE_DRAIN | NODE_STATE_FAIL))
		note_node(c, TRIGGER_RESUME, n);
}

void trigger_event(struct core *c, uint32_t types)
{
	if (c->trig_first)
		c->trig_any |= types;
}

static const struct bitset *happened(const struct core *c, uint32_t event)
{
	for (uint32_t e = 0; e < NODE_EVENTS; e++)
		if (node_event[e] == event && c->trig_any & event)
			return c->trig_nodes[e];
	return NULL;
}

/* ---- going off --------------------------------------------------------- */

static void go_off(struct core *c, struct effects *out, struct trigger *t, const char *arg,
		   int64_t delay)
{
	free(t->arg);
	t->arg = mem_strdup(arg ? arg : "");
	t->due = c->now + delay;
	image_put_trigger(c, out, t);
}

static int64_t offset(const struct trigger *t)
{
	return (int64_t)t->offset - TRIGGER_OFFSET;
}

static bool nodes_of(const struct core *c, const char *text, struct bitset *set)
{
	if (!text || *text == '*' || !*text)
		bitset_set_all(set);
	else if (nodes_parse(c, text, set, NULL) != E_OK)
		return false;
	return true;
}

/* Those of its nodes to which that happened. */
static bool node_fires(struct core *c, struct effects *out, struct trigger *t,
		       const struct bitset *event, int64_t delay)
{
	struct bitset *set = effects_bitset(out, c->node_count);

	if (!event || !nodes_of(c, t->res_id, set))
		return false;
	bitset_and(set, event);
	if (bitset_next(set, 0) == UINT32_MAX)
		return false;
	go_off(c, out, t, effects_hostlist(c, out, set), delay);
	return true;
}

static const struct bitset *idle_nodes(struct core *c, struct effects *out,
				       const struct trigger *t)
{
	struct bitset *set = effects_bitset(out, c->node_count);

	for (uint32_t i = 0; i < c->node_count; i++)
		if (c->node[i] && (c->node[i]->state & NODE_STATE_BASE) == NODE_STATE_IDLE &&
		    c->node[i]->last_busy <= c->now - offset(t))
			bitset_set(set, i);
	return set;
}

static void test_node(struct core *c, struct effects *out, struct trigger *t)
{
	for (uint32_t e = 0; e < NODE_EVENTS; e++)
		if (t->trig_type & node_event[e] &&
		    node_fires(c, out, t, happened(c, node_event[e]), offset(t)))
			return;
	if (t->trig_type & TRIGGER_IDLE && node_fires(c, out, t, idle_nodes(c, out, t), 0))
		return;
	if (t->trig_type & c->trig_any & TRIGGER_RECONFIG)
		go_off(c, out, t, "reconfig", offset(t));
}

static void test_job(struct core *c, struct effects *out, struct trigger *t)
{
	const struct job *j = job_find(c, t->job_id);
	struct bitset *set = effects_bitset(out, c->node_count);
	char *id = arena_printf(&out->mem, "%u", t->job_id);

	if (t->trig_type & TRIGGER_FINI &&
	    (!j || (job_is_finished(j) && !job_is_completing(j)))) {
		go_off(c, out, t, id, offset(t));
		return;
	}
	if (!j)         /* nothing will happen to it any more */
		return;
	if (t->trig_type & TRIGGER_TIME && job_is_running(j) && j->end_time &&
	    j->end_time - c->now <= -offset(t)) {
		go_off(c, out, t, id, 0);
		return;
	}
	if (!job_str(j, JS_NODES) || nodes_parse(c, job_str(j, JS_NODES), set, NULL) != E_OK)
		return;
	for (uint32_t e = 0; e < NODE_EVENTS; e++) {
		const struct bitset *event = happened(c, node_event[e]);

		if (t->trig_type & node_event[e] & (TRIGGER_DOWN | TRIGGER_FAIL | TRIGGER_UP) &&
		    event && bitset_overlap(set, event)) {
			go_off(c, out, t, id, offset(t));
			return;
		}
	}
}

static void test_other(struct core *c, struct effects *out, struct trigger *t)
{
	for (size_t i = 0; i < sizeof(other_event) / sizeof(other_event[0]); i++)
		if (other_event[i].res == t->res_type &&
		    t->trig_type & c->trig_any & other_event[i].type) {
			go_off(c, out, t, other_event[i].name, offset(t));
			return;
		}
}

/* The words of the program, then what it is about. */
static void start(struct effects *out, const struct trigger *t)
{
	char *copy = arena_strdup(&out->mem, t->program), *save = NULL;
	const char **argv = arena_zalloc(&out->mem, 65 * sizeof(*argv));
	struct effect *e;
	uint32_t n = 0;

	for (char *p = strtok_r(copy, " ", &save); p && n < 63; p = strtok_r(NULL, " ", &save))
		argv[n++] = p;
	if (!n)
		return;
	argv[n] = arena_strdup(&out->mem, t->arg);
	e = effects_add(out, EFF_RUN);
	e->argv = argv;
	e->uid = t->uid;
	effect_log(out, 3, "trigger[%u]: uid=%u program=%s arg=%s", t->id, t->uid, argv[0],
		   t->arg);
}

void trigger_run(struct core *c, struct effects *out)
{
	struct trigger *next;

	for (struct trigger *t = c->trig_first; t; t = next) {
		next = t->next;
		if (!t->arg && t->res_type == TRIGGER_RES_NODE)
			test_node(c, out, t);
		else if (!t->arg && t->res_type == TRIGGER_RES_JOB)
			test_job(c, out, t);
		else if (!t->arg)
			test_other(c, out, t);
		if (!t->arg && t->res_type == TRIGGER_RES_JOB && !job_find(c, t->job_id)) {
			trigger_remove(c, t);
			continue;
		}
		if (!t->arg || t->due > c->now)
			continue;
		start(out, t);
		if (t->flags & TRIGGER_PERM && t->res_type != TRIGGER_RES_JOB) {
			free(t->arg);
			t->arg = NULL;
			image_put_trigger(c, out, t);
		} else {
			trigger_remove(c, t);
		}
	}
	for (uint32_t e = 0; e < NODE_EVENTS; e++) {
		bitset_free(c->trig_nodes[e]);
		c->trig_nodes[e] = NULL;
	}
	c->trig_any = 0;
}

/* Idle nodes and jobs near their limit make no event: looked at now and then. */
#define LOOK_SEC 5
int64_t trigger_due(const struct core *c)
{
	int64_t at = NEVER;

	for (const struct trigger *t = c->trig_first; t; t = t->next) {
		int64_t d = t->arg ? t->due : NEVER;

		if (!t->arg && (t->trig_type & (TRIGGER_IDLE | TRIGGER_TIME)))
			d = (c->now / LOOK_SEC + 1) * LOOK_SEC;
		if (d < at)
			at = d;
	}
	return at;
}

/* ---- requests ---------------------------------------------------------- */

static bool duplicate(const struct core *c, const struct trigger_item *m, uint32_t uid)
{
	for (const struct trigger *t = c->trig_first; t; t = t->next)
		if (t->flags == m->flags && t->res_type == m->res_type &&
		    t->trig_type == m->trig_type && t->offset == m->offset && t->uid == uid &&
		    strcmp(t->program, m->program) == 0 &&
		    strcmp(t->res_id ? t->res_id : "", m->res_id ? m->res_id : "") == 0)
			return true;
	return false;
}

static enum err set_one(struct core *c, const struct event *ev, const struct trigger_item *m,
			bool runnable, struct effects *out)
{
	struct trigger **at = &c->trig_first, *t;
	uint32_t job_id = 0;

	if (m->res_type == TRIGGER_RES_JOB) {
		const struct job *j;

		job_id = m->res_id ? (uint32_t)strtoul(m->res_id, NULL, 10) : 0;
		j = job_find(c, job_id);
		if (!j)
			return E_INVALID_JOB_ID;
		if (job_is_finished(j))
			return E_ALREADY_DONE;
	} else if (m->res_id && *m->res_id != '*' &&
		   nodes_parse(c, m->res_id, effects_bitset(out, c->node_count), NULL) != E_OK) {
		return E_INVALID_NODE_NAME;
	}
	if (!m->program || !runnable)
		return E_ACCESS_DENIED;
	if (duplicate(c, m, ev->caller.uid))
		return E_TRIGGER_DUP;
	t = mem_zalloc(sizeof(*t));
	t->id = c->next_trigger_id++;
	t->flags = m->flags;
	t->res_type = m->res_type;
	t->trig_type = m->trig_type;
	t->offset = m->offset;
	t->job_id = job_id;
	t->uid = ev->caller.uid;
	t->gid = ev->caller.gid;
	t->res_id = m->res_id ? mem_strdup(m->res_id) : NULL;
	t->program = mem_strdup(m->program);
	while (*at)
		at = &(*at)->next;
	*at = t;
	image_put_trigger(c, out, t);
	return E_OK;
}

void rpc_trigger_set(struct core *c, const struct event *ev, struct effects *out)
{
	const struct trigger_msg *m = ev->body;
	const char *params = c->conf->slurmctldparameters;
	enum err rc = E_OK;

	if (conf_option(params, "disable_triggers", NULL))
		rc = E_DISABLED;
	else if (!ev->caller.root_or_slurm && !conf_option(params, "allow_user_triggers", NULL))
		rc = E_ACCESS_DENIED;
	else if (c->conf->slurm_uid && c->conf->slurm_uid != ev->caller.uid)
		rc = E_ACCESS_DENIED;
	for (uint32_t i = 0; rc != E_DISABLED && rc != E_ACCESS_DENIED && i < m->record_count; i++) {
		enum err one = set_one(c, ev, &m->items[i],
				       i < ev->name_count && ev->names[i].found, out);

		if (one != E_OK)
			rc = one;
	}
	effect_reply_rc(out, ev, rc);
}

void rpc_trigger_clear(struct core *c, const struct event *ev, struct effects *out)
{
	const struct trigger_msg *m = ev->body;
	const struct trigger_item *q = m->record_count == 1 ? m->items : NULL;
	struct trigger *next;
	enum err rc = (enum err)ESRCH;
	uint32_t job_id = 0;

	if (q && q->res_type == TRIGGER_RES_JOB) {
		job_id = q->res_id ? (uint32_t)strtoul(q->res_id, NULL, 10) : 0;
		if (!job_id) {
			rc = E_INVALID_JOB_ID;
			q = NULL;
		}
	} else if (q && !q->trig_id && q->user_id == NO_VAL) {
		rc = (enum err)EINVAL;
		q = NULL;
	}
	for (struct trigger *t = q ? c->trig_first : NULL; t; t = next) {
		next = t->next;
		if ((q->trig_id && q->trig_id != t->id) || (job_id && job_id != t->job_id) ||
		    (q->user_id != NO_VAL && q->user_id != t->uid))
			continue;
		if (ev->caller.uid && t->uid != ev->caller.uid) {
			rc = E_ACCESS_DENIED;
			continue;
		}
		trigger_remove(c, t);
		rc = E_OK;
	}
	effect_reply_rc(out, ev, rc);
}

/* Another daemon tells of itself. */
void rpc_trigger_pull(struct core *c, const struct event *ev, struct effects *out)
{
	const struct trigger_msg *m = ev->body;
	const struct trigger_item *q = m->record_count == 1 ? m->items : NULL;
	const uint32_t told = TRIGGER_PRI_CTLD_ACCT_FULL | TRIGGER_BU_CTLD_FAIL |
		TRIGGER_BU_CTLD_RES_OP | TRIGGER_BU_CTLD_AS_CTRL | TRIGGER_PRI_DBD_FAIL |
		TRIGGER_PRI_DBD_RES_OP | TRIGGER_PRI_DB_FAIL | TRIGGER_PRI_DB_RES_OP;
	enum err rc = E_OK;

	if (!q) {
		rc = (enum err)ESRCH;
	} else if (q->res_type < TRIGGER_RES_SLURMCTLD || q->res_type > TRIGGER_RES_DATABASE) {
		rc = (enum err)EINVAL;
	} else {
		for (const struct trigger *t = c->trig_first; t; t = t->next) {
			if (t->res_type != q->res_type || t->trig_type != q->trig_type)
				continue;
			if (q->trig_type & told)
				trigger_event(c, q->trig_type);
			else
				rc = (enum err)EINVAL;
		}
	}
	effect_reply_rc(out, ev, rc);
}
