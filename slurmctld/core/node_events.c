/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens to nodes by themselves: silence, answers, going down.
 *
 * Every SlurmdTimeout/3 all nodes are asked for a sign of life; one that did
 * not answer is shown with "*"; one that was silent for SlurmdTimeout is DOWN,
 * and its jobs start again or fail. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"

#define REQUEUE_DELAY_SEC 121
#define RETRY_DELAY_SEC 2
/* HealthCheckNodeState */
#define HEALTH_IDLE 0x0001u
#define HEALTH_ALLOC 0x0002u
#define HEALTH_MIXED 0x0004u
#define HEALTH_NONDRAINED_IDLE 0x0008u
#define HEALTH_ANY 0x00ffu
#define HEALTH_CYCLE 0x0100u
#define HEALTH_NOT_BY_US 0x0600u        /* when the node daemon starts, at boot */
#define HEALTH_PARTS 10u
#define SILENT_RETRY_SEC 5      /* until a node that fell silent is asked again */
#define KILL_JOB_ALREADY_COMPLETE 4002

static uint32_t base(const struct node *n)
{
	return n->state & NODE_STATE_BASE;
}

/* ---- going down -------------------------------------------------------- */

void job_tell_node_fail(struct core *c, struct job *j, const struct node *n,
			struct effects *out)
{
	struct srun_node_fail_msg *m = effects_body(out, SRUN_NODE_FAIL);

	step_id_fill(j, NO_VAL, &m->step_id);
	m->nodelist = arena_strdup(&out->mem, n->name);
	if (!streq(n->name, job_str(j, JS_BATCH_HOST)) &&
	    manager_pass(c, j, SRUN_NODE_FAIL, m, out))
		return;
	job_tell_srun(c, j, SRUN_NODE_FAIL, m, out);
	for (const struct step *s = j->steps; s; s = s->next) {
		struct effect *e;
		bool here = false;

		for (uint32_t i = 0; i < s->node_count; i++)
			here |= s->node[i] == n->index;
		if (!here || !s->port || !s->peer.family)
			continue;
		e = effects_add(out, EFF_CLIENT);
		e->type = SRUN_NODE_FAIL;
		e->body = m;
		e->addr = s->peer;
		e->addr.port = s->port;
		e->client_version = s->start_protocol;
		e->job_id = j->id;
		e->step_id = s->id;
	}
}

static void job_lost_node(struct core *c, struct job *j, struct node *n, struct effects *out)
{
	if (job_is_completing(j)) {
		job_node_clean(c, j, n, out);
		return;
	}
	if (!job_is_running(j) && job_base(j) != JOB_SUSPENDED)
		return;
	job_tell_node_fail(c, j, n, out);
	/* --no-kill: goes on with the nodes that are left. */
	if (!j->kill_on_node_fail && j->alloc->node_count > 1 &&
	    !(j->state & JOB_CONFIGURING)) {
		struct bitset *gone = bitset_new(c->node_count);

		effect_log(out, 2, "Removing failed node %s from JobId=%u", n->name, j->id);
		bitset_set(gone, n->index);
		job_shrink(c, j, gone, true, out);
		bitset_free(gone);
		return;
	}
	job_str_set(j, JS_FAILED_NODE, n->name);
	if (j->batch && het_may_requeue(c, j)) {
		effect_log(out, 3, "requeue job JobId=%u due to failure of node %s", j->id,
			   n->name);
		het_requeue(c, j, 0, REQUEUE_DELAY_SEC, out);
	} else {
		effect_log(out, 3, "Killing JobId=%u on failed node %s", j->id, n->name);
		if (!j->exit_code)
			j->exit_code = 1;
		job_reason(c, j, FAIL_DOWN_NODE, NULL);
		het_end(c, j, JOB_NODE_FAIL, out);
	}
	/* The node is not coming back to report. */
	if (j->alloc && job_is_completing(j))
		job_node_clean(c, j, n, out);
}

void node_kill_jobs(struct core *c, struct node *n, struct effects *out)
{
	struct job *next;

	for (struct job *j = c->job_first; j && n->run_jobs + n->comp_jobs; j = next) {
		next = j->next;
		if (j->alloc && bitset_test(j->alloc->nodes, n->index))
			job_lost_node(c, j, n, out);
	}
}

void node_down(struct core *c, struct node *n, const char *reason, struct effects *out)
{
	if (reason && !n->reason)
		node_reason(c, n, reason, c->conf->slurm_uid, c->now);
	node_move(c, n, NODE_STATE_DOWN | (n->state & ~NODE_STATE_BASE));
	node_kill_jobs(c, n, out);
	node_settle(c, n);
}

void node_drain(struct core *c, struct node *n, const char *reason, uint32_t uid)
{
	if (!(n->state & NODE_STATE_DRAIN) || !n->reason)
		node_reason(c, n, reason, uid, c->now);
	node_move(c, n, n->state | NODE_STATE_DRAIN);
}

/* ---- signs of life ----------------------------------------------------- */

void node_responded(struct core *c, struct node *n, struct effects *out)
{
	n->last_response = c->now;
	n->ping_pending = false;
	/* One that boots registers when it has. */
	if (!(n->state & NODE_STATE_NO_RESPOND) || n->state & NODE_STATE_POWERING_UP)
		return;
	effect_log(out, 3, "Node %s now responding", n->name);
	/* A node that is DOWN registers before it works again. */
	if (base(n) == NODE_STATE_DOWN)
		return;
	node_move(c, n, n->state & ~NODE_STATE_NO_RESPOND);
}

static void node_silent(struct core *c, struct node *n, struct effects *out)
{
	n->ping_pending = false;
	if (base(n) == NODE_STATE_FUTURE || n->state & NODE_POWER_AWAY)
		return;
	/* It may only have been restarting: do not leave it marked until the
	 * next round, which is minutes away. */
	if (base(n) != NODE_STATE_DOWN && c->conf->slurmdtimeout &&
	    c->ping_at > c->now + SILENT_RETRY_SEC)
		c->ping_at = c->now + SILENT_RETRY_SEC;
	if (n->state & NODE_STATE_NO_RESPOND)
		return;
	effect_log(out, 2, "Nodes %s not responding", n->name);
	node_move(c, n, n->state | NODE_STATE_NO_RESPOND);
}

void node_ask_register(struct core *c, const struct bitset *nodes, struct effects *out)
{
	struct effect *e;

	if (bitset_next(nodes, 0) == UINT32_MAX)
		return;
	e = effect_nodes(c, out, REQUEST_NODE_REGISTRATION_STATUS, NULL);
	bitset_foreach(i, nodes)
		effect_node_add(e, c->node[i]);
}

bool node_worth_asking(const struct node *n)
{
	return base(n) != NODE_STATE_FUTURE &&
	       !(n->state & (NODE_POWER_AWAY | NODE_STATE_EXTERNAL));
}

static void ping_node(struct core *c, struct node *n, struct bitset *ask, struct bitset *ping,
		      struct effects *out)
{
	if (!node_worth_asking(n))
		return;
	if (base(n) != NODE_STATE_DOWN && n->state & NODE_STATE_NO_RESPOND &&
	    n->last_response + c->conf->slurmdtimeout <= c->now) {
		effect_log(out, 2, "Nodes %s not responding, setting DOWN", n->name);
		node_down(c, n, "Not responding", out);
	}
	if (time_due(n->resume_after, c->now)) {
		n->resume_after = 0;
		node_reason(c, n, NULL, NO_VAL, 0);
		node_move(c, n, n->state & ~(uint32_t)NODE_STATE_DRAIN);
	}
	if (base(n) == NODE_STATE_DOWN) {
		if (n->ping_sent + c->conf->slurmdtimeout / 3 > c->now)
			return;
		bitset_set(ask, n->index);
	} else if (base(n) == NODE_STATE_UNKNOWN || n->state & NODE_STATE_NO_RESPOND)
		bitset_set(ask, n->index);
	else if (n->last_response + c->conf->slurmdtimeout / 3 <= c->now)
		bitset_set(ping, n->index);
	n->ping_sent = c->now;
}

void ping_run(struct core *c, struct effects *out)
{
	int64_t every = c->conf->slurmdtimeout / 3;
	struct bitset *ask, *ping;

	if (c->now < c->ping_at || c->shutting_down)
		return;
	if (!c->conf->slurmdtimeout) {
		c->ping_at = NEVER;
		return;
	}
	c->ping_at = c->now + (every > 0 ? every : 1);
	ask = effects_bitset(out, c->node_count);
	ping = effects_bitset(out, c->node_count);
	for (uint32_t i = 0; i < c->node_count; i++)
		ping_node(c, c->node[i], ask, ping, out);
	node_ask_register(c, ask, out);
	if (bitset_next(ping, 0) != UINT32_MAX) {
		struct effect *e = effect_nodes(c, out, REQUEST_PING, NULL);

		bitset_foreach(i, ping)
			effect_node_add(e, c->node[i]);
	}
}

/* HealthCheckNodeState: is it the turn of nodes like this one? */
static bool health_wanted(const struct core *c, const struct node *n)
{
	uint32_t states = c->conf->healthchecknodestate;
	uint32_t base = n->state & NODE_STATE_BASE;

	if (base == NODE_STATE_FUTURE || base == NODE_STATE_UNKNOWN ||
	    n->state & (NODE_STATE_INVALID_REG | NODE_STATE_NO_RESPOND |
			NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_DOWN |
			NODE_STATE_POWERING_UP | NODE_STATE_REBOOT_ISSUED))
		return false;
	if ((states & HEALTH_ANY) == HEALTH_ANY)
		return true;
	if (n->cpus_alloc)
		return states & (node_cpus_held(n) < n->cpus ? HEALTH_MIXED : HEALTH_ALLOC);
	return base == NODE_STATE_IDLE &&
	       (states & HEALTH_IDLE ||
		(states & HEALTH_NONDRAINED_IDLE && !(n->state & NODE_STATE_DRAIN)));
}

/* Nodes run HealthCheckProgram when told to: all at once, or (CYCLE) in ten parts
 * spread over the interval. */
void health_run(struct core *c, struct effects *out)
{
	uint32_t states = c->conf->healthchecknodestate, every = c->conf->healthcheckinterval;
	uint32_t parts = states & HEALTH_CYCLE ? HEALTH_PARTS : 1;
	bool first = !c->health_at;
	struct effect *e = NULL;

	if (!every || !c->conf->healthcheckprogram || states & HEALTH_NOT_BY_US ||
	    c->shutting_down) {
		c->health_at = NEVER;
		return;
	}
	if (c->now < c->health_at)
		return;
	c->health_at = c->now + (every > parts ? every / parts : 1);
	c->health_part = (c->health_part + 1) % parts;
	if (first)      /* node daemons do it by themselves when they start */
		return;
	for (uint32_t i = c->health_part; i < c->node_count; i += parts) {
		if (!health_wanted(c, c->node[i]))
			continue;
		if (!e)
			e = effect_nodes(c, out, REQUEST_HEALTH_CHECK, NULL);
		effect_node_add(e, c->node[i]);
	}
}

/* A node that does not come back from a reboot. */
static void reboot_overdue(struct core *c)
{
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];

		if (!(n->state & NODE_STATE_REBOOT_ISSUED) || !n->reboot_time ||
		    c->now < n->reboot_time + c->conf->resumetimeout)
			continue;
		n->reboot_time = 0;
		n->next_state = NO_VAL;
		node_move(c, n, n->state & ~(uint32_t)NODE_STATE_REBOOT_ISSUED);
		node_reason(c, n, "reboot timed out", c->conf->slurm_uid, c->now);
	}
}

/* An admin asked for a reboot while jobs ran there. */
void reboot_idle(struct core *c, struct effects *out)
{
	struct bitset *set;
	bool waiting = false;

	if (!c->reboot_waiting)
		return;
	set = effects_bitset(out, c->node_count);
	for (uint32_t i = 0; i < c->node_count; i++) {
		const struct node *n = c->node[i];

		if (!(n->state & NODE_STATE_REBOOT_REQUESTED))
			continue;
		if (n->run_jobs || n->comp_jobs)
			waiting = true;
		else
			bitset_set(set, i);
	}
	c->reboot_waiting = waiting;
	if (bitset_next(set, 0) != UINT32_MAX)
		nodes_reboot(c, set, NULL, out);
}

/* InactiveLimit: does the srun or salloc of an idle allocation still live? */
static void ping_clients(struct core *c, struct effects *out)
{
	for (struct job *j = c->job_first; j && c->conf->inactivelimit; j = j->next) {
		struct effect *e;

		if (!job_is_running(j) || j->batch || j->steps || !j->other_port ||
		    c->now - j->time_last_active < c->conf->inactivelimit)
			continue;
		e = effects_add(out, EFF_CLIENT_PING);
		e->type = SRUN_PING;
		e->addr = j->peer;
		e->addr.port = j->other_port;
		e->client_version = j->start_protocol;
		e->job_id = j->id;
		e->step_id = NO_VAL;
	}
}

void sweep_run(struct core *c, struct effects *out)
{
	if (c->now < c->sweep_at || c->shutting_down)
		return;
	c->sweep_at = c->now + SWEEP_SEC;
	reboot_overdue(c);
	ping_clients(c, out);
	if (!c->conf->groupupdatetime || c->now < c->groups_at)
		return;
	c->groups_at = c->now + c->conf->groupupdatetime;
	for (uint32_t i = 0; i < c->part_count; i++)
		if (c->part[i]->allow_groups && !c->part[i]->deleted)
			effects_add(out, EFF_GROUPS)->part = i;
	resv_ask_groups(c, out);
}

/* ---- answers ----------------------------------------------------------- */

static uint32_t answer_code(const struct event *ev)
{
	if (ev->reply && ev->reply_type == RESPONSE_SLURM_RC)
		return ((const struct return_code_msg *)ev->reply)->return_code;
	if (ev->reply && ev->reply_type == RESPONSE_SLURM_RC_MSG)
		return ((const struct return_code2_msg *)ev->reply)->return_code;
	return (uint32_t)ev->result;
}

static void launch_again(struct core *c, struct job *j, struct effects *out)
{
	bool enough = j->restart_cnt >= c->conf->maxbatchrequeue;

	het_requeue(c, j, enough ? JOB_REQUEUE_HOLD : 0, RETRY_DELAY_SEC, out);
	if (enough)
		job_reason(c, j, WAIT_MAX_REQUEUE, NULL);
}

static void batch_answer(struct core *c, struct job *j, struct node *n, uint32_t code,
			 bool silent, struct effects *out)
{
	if (!job_is_running(j) || !j->alloc || j->alloc->share[0].node != n->index)
		return;
	if (silent) {
		effect_log(out, 2, "batch launch of JobId=%u failed: node %s does not respond",
			   j->id, n->name);
		if (het_may_requeue(c, j)) {
			het_requeue(c, j, 0, REQUEUE_DELAY_SEC, out);
		} else {
			j->exit_code = 1;
			job_reason(c, j, FAIL_DOWN_NODE, NULL);
			het_end(c, j, JOB_NODE_FAIL, out);
		}
		return;
	}
	if (!code || code == E_DUPLICATE_JOB_ID || code == E_D_STEP_EXISTS) {
		if (!j->launched) {
			j->launched = true;
			job_dirty(c, j);
		}
		return;
	}
	/* We ended an earlier run of it there in this very second. */
	if (code == E_D_CREDENTIAL_REVOKED && het_may_requeue(c, j)) {
		launch_again(c, j, out);
		return;
	}
	/* slurmd itself asks for another try then. */
	if (code == E_D_PROLOG_FAILED)
		return;
	effect_log(out, 2, "Killing non-startable batch JobId=%u: %s", j->id,
		   err_str((int)code));
	j->exit_code = 1 << 8;
	job_reason(c, j, FAIL_LAUNCH, NULL);
	het_end(c, j, JOB_FAILED, out);
}

static void ping_answer(struct core *c, struct node *n, const struct event *ev)
{
	const struct ping_slurmd_resp *p = ev->reply;

	if (!p || ev->reply_type != RESPONSE_PING_SLURMD)
		return;
	if (n->cpu_load == p->cpu_load && n->free_mem_mb == p->free_mem)
		return;
	n->cpu_load = p->cpu_load;
	n->free_mem_mb = p->free_mem;
	node_touch(c, n);
}

void node_result(struct core *c, const struct event *ev, struct effects *out)
{
	struct node *n = ev->node < c->node_count ? c->node[ev->node] : NULL;
	bool silent = ev->result != E_OK && !ev->reply_type;
	struct job *j = job_find(c, ev->job_id);
	uint32_t code = answer_code(ev);

	if (!n)
		return;
	/* It does not know us: its key or its clock is another.  No good to us. */
	silent |= code == E_PROTOCOL_AUTHENTICATION_ERROR;
	if (silent) {
		node_silent(c, n, out);
	} else {
		node_responded(c, n, out);
		if (ev->reply_version_known && !n->version_known) {
			n->version = ev->reply_version;
			n->version_known = true;
		}
	}
	switch (ev->sent_type) {
	case REQUEST_PING:
		ping_answer(c, n, ev);
		break;
	case REQUEST_BATCH_JOB_LAUNCH:
		if (j)
			batch_answer(c, j, n, code, silent, out);
		break;
	case REQUEST_LAUNCH_PROLOG:
		/* An allocation would wait for its prolog until the node is DOWN. */
		if (j && !j->batch && job_is_running(j) && j->alloc->prolog &&
		    ev->result == E_COMMUNICATIONS_CONNECTION_ERROR && !ev->reply_type)
			job_lost_node(c, j, n, out);
		break;
	case REQUEST_TERMINATE_JOB:
	case REQUEST_KILL_TIMELIMIT:
	case REQUEST_KILL_PREEMPTED:
	case REQUEST_ABORT_JOB:
		/* Nothing of the job is left there: no epilog will report. */
		if (j && j->alloc && !silent && code == KILL_JOB_ALREADY_COMPLETE &&
		    ev->step_id == NO_VAL)
			job_node_clean(c, j, n, out);
		break;
	default:
		break;
	}
}
