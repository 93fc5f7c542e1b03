/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's life: building, loading, stepping, flushing.  Which request is
 * handled where is one table. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/trigger.h"

struct rpc_row {
	uint16_t type;
	core_rpc *handler;
};

static const struct rpc_row rpc_table[] = {
	{ REQUEST_SUBMIT_BATCH_JOB, rpc_submit_batch },
	{ REQUEST_RESOURCE_ALLOCATION, rpc_alloc },
	{ REQUEST_JOB_WILL_RUN, rpc_will_run },
	{ REQUEST_SUBMIT_BATCH_HET_JOB, rpc_submit_het },
	{ REQUEST_HET_JOB_ALLOCATION, rpc_alloc_het },
	{ REQUEST_JOB_ALLOCATION_INFO, rpc_alloc_info },
	{ REQUEST_HET_JOB_ALLOC_INFO, rpc_het_alloc_info },
	{ REQUEST_JOB_READY, rpc_job_ready },
	{ REQUEST_JOB_END_TIME, rpc_job_end_time },
	{ REQUEST_BATCH_SCRIPT, rpc_batch_script },
	{ REQUEST_JOB_NOTIFY, rpc_job_notify },
	{ REQUEST_JOB_SBCAST_CRED, rpc_sbcast_cred },
	{ REQUEST_SBCAST_CRED_NO_JOB, rpc_sbcast_cred_no_job },
	{ REQUEST_RESOURCE_LAYOUT, rpc_resource_layout },
	{ REQUEST_COMPLETE_JOB_ALLOCATION, rpc_complete_alloc },
	{ REQUEST_COMPLETE_BATCH_SCRIPT, rpc_complete_batch },
	{ REQUEST_COMPLETE_PROLOG, rpc_complete_prolog },
	{ MESSAGE_EPILOG_COMPLETE, rpc_epilog_complete },
	{ REQUEST_JOB_REQUEUE, rpc_requeue },
	{ REQUEST_KILL_JOB, rpc_kill_job },
	{ REQUEST_KILL_JOBS, rpc_kill_jobs },
	{ REQUEST_CANCEL_JOB_STEP, rpc_cancel_step },
	{ REQUEST_SUSPEND, rpc_suspend },
	{ REQUEST_UPDATE_JOB, rpc_update_job },
	{ REQUEST_UPDATE_JOB_STEP, rpc_update_step },
	{ REQUEST_TOP_JOB, rpc_top_job },
	{ REQUEST_JOB_STEP_CREATE, rpc_step_create },
	{ REQUEST_STEP_COMPLETE, rpc_step_complete },
	{ REQUEST_STEP_LAYOUT, rpc_step_layout },
	{ MESSAGE_NODE_REGISTRATION_STATUS, rpc_node_register },
	{ REQUEST_UPDATE_NODE, rpc_update_node },
	{ REQUEST_REBOOT_NODES, rpc_reboot_nodes },
	{ REQUEST_CREATE_PARTITION, rpc_create_part },
	{ REQUEST_UPDATE_PARTITION, rpc_update_part },
	{ REQUEST_DELETE_PARTITION, rpc_delete_part },
	{ REQUEST_CREATE_RESERVATION, rpc_create_resv },
	{ REQUEST_UPDATE_RESERVATION, rpc_update_resv },
	{ REQUEST_DELETE_RESERVATION, rpc_delete_resv },
	{ REQUEST_SET_SUSPEND_EXC_NODES, rpc_suspend_exc },
	{ REQUEST_SET_SUSPEND_EXC_PARTS, rpc_suspend_exc },
	{ REQUEST_SET_SUSPEND_EXC_STATES, rpc_suspend_exc },
	{ REQUEST_CRONTAB, rpc_crontab },
	{ REQUEST_UPDATE_CRONTAB, rpc_update_crontab },
	{ REQUEST_TRIGGER_SET, rpc_trigger_set },
	{ REQUEST_TRIGGER_CLEAR, rpc_trigger_clear },
	{ REQUEST_TRIGGER_PULL, rpc_trigger_pull },
	{ REQUEST_SHUTDOWN, rpc_shutdown },
	{ REQUEST_RECONFIGURE, rpc_reconfigure },
	{ REQUEST_SET_DEBUG_LEVEL, rpc_debug_level },
	{ REQUEST_SET_DEBUG_FLAGS, rpc_debug_flags },
	{ REQUEST_TAKEOVER, rpc_takeover },
	{ REQUEST_CONTROL, rpc_control },
};

static core_rpc *rpc_find(uint16_t type)
{
	for (size_t i = 0; i < sizeof(rpc_table) / sizeof(*rpc_table); i++)
		if (rpc_table[i].type == type)
			return rpc_table[i].handler;
	return NULL;
}

bool core_handles(uint16_t type)
{
	return rpc_find(type) != NULL;
}

/* ---- life -------------------------------------------------------------- */

enum err core_new(struct conf *conf, int64_t now, uint64_t seed, struct core **out,
		  struct err_text *why)
{
	struct core *c = mem_zalloc(sizeof(*c));
	enum err rc;

	c->conf = conf_ref(conf);
	c->now = now;
	c->now_usec = now * 1000000;
	c->rand_state = seed ? seed : 1;
	c->next_job_id = conf->firstjobid;
	c->stats.since = now;
	c->last_job_update = c->last_node_update = c->last_part_update = now;
	c->last_conf_update = c->last_resv_update = now;
	c->next_resv_id = c->next_trigger_id = 1;
	rc = node_build_all(c, why);
	if (rc != E_OK) {
		core_free(c);
		return rc;
	}
	part_build_all(c);
	c->sched = sched_new(c);
	*out = c;
	return E_OK;
}

enum err core_load(struct core *c, enum journal_table t, uint64_t key, const uint8_t *image,
		   size_t len, struct err_text *why)
{
	return image_load(c, t, key, image, len, why);
}

static void parts_settle(struct core *c)
{
	c->default_part = NULL;
	for (uint32_t i = 0; i < c->part_count; i++) {
		struct part *p = c->part[i];

		if (!p || p->deleted)
			continue;
		part_count(c, p);
		if (p->flags & PART_FLAG_DEFAULT)
			c->default_part = p;
	}
	part_nodes_index(c);
}

/* What a job's row does not hold. */
static void job_settle(struct core *c, struct job *j)
{
	struct job *head;

	part_list_of(c, job_str(j, JS_PARTITION), &j->part, NULL);
	if (j->alloc && (job_is_running(j) || job_base(j) == JOB_SUSPENDED ||
			 job_is_completing(j)))
		alloc_charge(c, j);
	else if (j->alloc && !job_is_completing(j)) {
		job_past(j, j->alloc);
		j->alloc = NULL;
		if (!job_is_finished(j))
			job_past(j, NULL);
	}
	head = array_head(c, j);
	if (head && head != j && (job_is_running(j) || job_base(j) == JOB_SUSPENDED))
		head->array->running++;
	if (j->id >= c->next_job_id)
		c->next_job_id = j->id + 1;
	if ((j->sluid & SLUID_TIME) > c->next_sluid)
		c->next_sluid = j->sluid & SLUID_TIME;
	timer_set(c, j);
}

void core_start(struct core *c, int64_t now, struct effects *out)
{
	struct bitset *all;
	struct job *next;

	c->now = now;
	c->now_usec = now * 1000000;
	parts_settle(c);
	topo_build_all(c);
	het_link_all(c);
	for (struct job *j = c->job_first; j; j = j->next)
		job_settle(c, j);
	for (uint32_t i = 0; i < c->node_count; i++) {
		c->node[i]->last_response = now;
		node_settle(c, c->node[i]);
	}
	resv_settle(c);
	power_setup(c);
	c->started = true;
	depend_await_all(c);
	sched_nodes_changed(c);
	for (struct job *j = c->job_first; j; j = next) {
		next = j->next;
		if (job_is_pending(j) && !job_is_completing(j)) {
			j->listed = true;
			sched_job_added(c, j);
		} else if (j->alloc) {
			sched_job_changed(c, j);
		} else if ((job_is_running(j) || job_base(j) == JOB_SUSPENDED)) {
			/* Its nodes are not configured as they were. */
			effect_log(out, 2, "JobId=%u lost its nodes: configuration changed", j->id);
			job_end(c, j, JOB_NODE_FAIL, out);
		} else if (job_is_completing(j)) {
			job_move(c, j, j->state & ~JOB_COMPLETING);
		}
		if (j->alloc)
			prep_restart(c, j, out);
	}
	all = effects_bitset(out, c->node_count);
	for (uint32_t i = 0; i < c->node_count; i++)
		if (node_worth_asking(c->node[i]))
			bitset_set(all, i);
	node_ask_register(c, all, out);
	for (uint32_t i = 0; i < c->part_count; i++)
		if (c->part[i] && c->part[i]->allow_groups && !c->part[i]->deleted)
			effects_add(out, EFF_GROUPS)->part = i;
	c->ping_at = now;
	c->sweep_at = now + SWEEP_SEC;
	c->reboot_waiting = true;
	c->wants_sched = true;
	trigger_event(c, c->took_over ? TRIGGER_PRI_CTLD_FAIL | TRIGGER_BU_CTLD_AS_CTRL
				      : TRIGGER_PRI_CTLD_RES_OP | TRIGGER_PRI_CTLD_RES_CTRL);
	if (c->trig_first)
		trigger_run(c, out);
	core_flush(c, out);
}

void core_free(struct core *c)
{
	struct job *next;

	if (!c)
		return;
	sched_free(c->sched);
	topo_free_all(c);
	resv_free_all(c);
	trigger_free_all(c);
	crontab_free_all(c);
	sackd_free_all(c);
	power_free(c);
	for (struct job *j = c->job_first; j; j = next) {
		next = j->next;
		job_free(j);
	}
	for (uint32_t i = 0; i < c->node_count; i++)
		node_free(c->node[i]);
	for (uint32_t i = 0; i < c->part_count; i++)
		part_free(c->part[i]);
	for (uint32_t i = 0; i < c->gres_type_count; i++) {
		free(c->gres_type[i]);
		free(c->gres_name[i]);
	}
	free(c->gres_type);
	free(c->gres_name);
	free(c->node);
	free(c->node_hash);
	free(c->part);
	free(c->job_hash);
	free(c->array_hash);
	free(c->gone);
	free(c->waiters);
	timer_drop_all(c);
	arena_fini(&c->scratch);
	wire_out_fini(&c->pack);
	conf_unref(c->conf);
	free(c);
}

/* ---- stepping ---------------------------------------------------------- */

void core_flush(struct core *c, struct effects *out)
{
	while (c->dirty_jobs) {
		struct job *j = c->dirty_jobs;

		c->dirty_jobs = j->dirty_next;
		j->dirty = false;
		timer_set(c, j);
		image_put_job(c, out, j);
	}
	while (c->dirty_nodes) {
		struct node *n = c->dirty_nodes;

		c->dirty_nodes = n->dirty_next;
		n->dirty = false;
		image_put_node(c, out, n);
	}
	while (c->dirty_parts) {
		struct part *p = c->dirty_parts;

		c->dirty_parts = p->dirty_next;
		p->dirty = false;
		image_put_part(c, out, p);
	}
	for (struct resv *r = c->dirty_resvs ? c->resv_first : NULL; r; r = r->next) {
		if (r->dirty)
			image_put_resv(c, out, r);
		r->dirty = false;
	}
	c->dirty_resvs = false;
	for (uint32_t i = 0; i < c->gone_count; i++) {
		struct effect *e = effects_add(out, EFF_DEL);

		e->table = c->gone[i].table;
		e->key = c->gone[i].key;
	}
	c->gone_count = 0;
	if (c->dirty_meta)
		image_put_meta(c, out);
	c->dirty_meta = false;
}

static void rpc(struct core *c, const struct event *ev, struct effects *out)
{
	core_rpc *handler = rpc_find(ev->type);

	if (handler)
		handler(c, ev, out);
	else
		effect_reply_rc(out, ev, E_NOT_SUPPORTED);
}

static void client_gone(struct core *c, const struct event *ev, struct effects *out)
{
	struct job *j = job_find(c, ev->job_id);

	if (!j || !job_is_running(j) || j->batch || j->steps || !c->conf->inactivelimit ||
	    c->now - j->time_last_active < c->conf->inactivelimit)
		return;
	effect_log(out, 3, "JobId=%u: its srun or salloc is gone, InactiveLimit", j->id);
	job_reason(c, j, FAIL_INACTIVE_LIMIT, NULL);
	job_end(c, j, JOB_TIMEOUT, out);
}

static void schedule(struct core *c, bool slice, struct effects *out)
{
	c->wants_sched = false;
	if (c->shutting_down)
		return;
	if (sched_pass(c, &core_sched_ops, out, slice))
		c->stats.bf_active = true;
	else
		c->stats.bf_active = false;
	/* What it started does not ask for another look. */
	c->wants_sched = false;
}

void core_step(struct core *c, const struct event *ev, struct effects *out)
{
	c->now = ev->now;
	c->now_usec = ev->now_usec ? ev->now_usec : ev->now * 1000000;
	if (ev->utc_offset != c->utc_offset)
		resv_follow_clock(c, ev->utc_offset);
	if (ev->utc_offset != c->zone.offset || ev->utc_change_at != c->zone.change_at)
		cron_follow_clock(c, &(struct cron_zone){ ev->utc_offset, ev->utc_change_at,
							  ev->utc_after });
	switch (ev->kind) {
	case EV_RPC:
		rpc(c, ev, out);
		break;
	case EV_TICK:
		timer_run(c, out);
		ping_run(c, out);
		sweep_run(c, out);
		health_run(c, out);
		reboot_idle(c, out);
		power_run(c, out);
		if (resv_due(c) <= c->now)
			resv_run(c, out);
		if (sched_next_time(c) <= c->now)
			c->wants_sched = true;
		break;
	case EV_SCHED:
		schedule(c, false, out);
		break;
	case EV_SCHED_SLICE:
		schedule(c, true, out);
		break;
	case EV_NODE_RESULT:
		node_result(c, ev, out);
		break;
	case EV_CLIENT_GONE:
		client_gone(c, ev, out);
		break;
	case EV_RECONFIG:
		reconfig_apply(c, ev, out);
		trigger_event(c, TRIGGER_RECONFIG);
		break;
	case EV_SACKD:
		sackd_note(c, ev, out);
		break;
	case EV_TOLD:
		trigger_event(c, ev->triggers);
		break;
	case EV_PROGRAM:
		prep_program(c, ev, out);
		break;
	case EV_GROUPS:
		groups_apply(c, ev);
		break;
	}
	/* an update or a registration may have set a node's state anew */
	if (c->resv_first && c->resv_look)
		resv_replace_all(c, out);
	if (c->resv_first && c->dirty_nodes)
		resv_mark_nodes(c);
	c->resv_look = false;
	if (c->trig_first && (c->trig_any || c->dirty_jobs || ev->kind == EV_TICK ||
			      ev->kind == EV_RPC))
		trigger_run(c, out);
	core_flush(c, out);
}

int64_t core_next_time(const struct core *c)
{
	int64_t t = c->ping_at < c->sweep_at ? c->ping_at : c->sweep_at;

	if (c->health_at < t)
		t = c->health_at;
	if (c->power.at < t)
		t = c->power.at;
	if (c->timer_count && c->timers[0].at < t)
		t = c->timers[0].at;
	if (sched_next_time(c) < t)
		t = sched_next_time(c);
	if (resv_due(c) < t)
		t = resv_due(c);
	if (trigger_due(c) < t)
		t = trigger_due(c);
	return t;
}
