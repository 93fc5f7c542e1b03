/* SPDX-License-Identifier: Apache-2.0
 *
 * A node daemon registers: is the node what the configuration says, and does
 * it run what we think it runs? */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"

/* Virtual machines keep some of it for themselves. */
#define CLOUD_MEM_PERCENT 90

typedef struct node_registration_status_msg registration;

static void add_reason(char *text, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void add_reason(char *text, size_t size, const char *fmt, ...)
{
	size_t len = strlen(text);
	va_list ap;

	if (len && len + 2 < size) {
		strcpy(text + len, ", ");
		len += 2;
	}
	va_start(ap, fmt);
	vsnprintf(text + len, size - len, fmt, ap);
	va_end(ap);
}

/* Empty: it has what is configured. */
static void find_faults(const struct core *c, const struct node *n, const registration *m,
			char *why, size_t size)
{
	const struct conf_node *cn = n->conf;
	uint32_t found = (uint32_t)m->sockets * m->cores * m->threads;
	uint32_t wanted = (uint32_t)cn->sockets * cn->cores * cn->threads;
	const char *v = NULL;
	double percent = n->state & NODE_STATE_CLOUD ? CLOUD_MEM_PERCENT : 100;

	*why = '\0';
	node_gres_faults(c, n, why, size);
	if (c->conf->config_overrides)
		return;
	if (found < wanted)
		add_reason(why, size, "Low socket*core*thread count");
	if (m->cpus < cn->cpus)
		add_reason(why, size, "Low CPUs");
	if (conf_option(c->conf->slurmctldparameters, "node_reg_mem_percent", &v) && *v)
		percent = strtod(v, NULL);
	if (cn->real_memory_mb &&
	    (double)m->real_memory * 100 / (double)cn->real_memory_mb < percent)
		add_reason(why, size,
			   "Low RealMemory (reported:%llu < %.2f%% of configured:%llu)",
			   (unsigned long long)m->real_memory, percent,
			   (unsigned long long)cn->real_memory_mb);
	if (m->tmp_disk < cn->tmp_disk_mb)
		add_reason(why, size, "Low TmpDisk");
}

static void note_str(char **where, const char *value, bool *changed)
{
	if (streq(*where, value && *value ? value : NULL))
		return;
	node_set_str(where, value);
	*changed = true;
}

/* The packed list of gres; one that cannot be read says nothing. */
static bool note_devices(struct core *c, struct node *n, const registration *m)
{
	const uint8_t *p = m->gres_info.p;
	struct wire_in in = { p, p + m->gres_info.len, &c->scratch, false, false };
	struct gres_conf_info info;

	if (!m->gres_info.len)
		return false;
	wire_unpack(&in, &gres_conf_info_desc, &info, WIRE_VERSION_NEWEST);
	return !in.failed && node_gres_note(c, n, info.recs, info.recs_count);
}

static void note_facts(struct core *c, struct node *n, const struct event *ev,
		       const registration *m)
{
	bool changed = false;
	int64_t boot = m->up_time <= c->now ? c->now - m->up_time : n->boot_time;

	note_str(&n->version_text, m->version, &changed);
	note_str(&n->arch, m->arch, &changed);
	note_str(&n->os, m->os, &changed);
	if (m->extra)
		note_str(&n->extra, m->extra, &changed);
	if (m->instance_id)
		note_str(&n->instance_id, m->instance_id, &changed);
	if (m->instance_type)
		note_str(&n->instance_type, m->instance_type, &changed);
	if (m->cpu_spec_list)
		note_str(&n->cpu_spec_list, m->cpu_spec_list, &changed);
	changed |= !n->version_known || n->version != ev->caller.version;
	n->version = ev->caller.version;
	n->version_known = true;
	/* Clocks of seconds make it move by one. */
	if (llabs(n->boot_time - boot) > 2) {
		n->boot_time = boot;
		changed = true;
	}
#define NOTE(to, from) changed |= n->to != (from); n->to = (from);
	NOTE(slurmd_start_time, m->slurmd_start_time)
	NOTE(reg_cpus, m->cpus)
	NOTE(reg_boards, m->boards)
	NOTE(reg_sockets, m->sockets)
	NOTE(reg_cores, m->cores)
	NOTE(reg_threads, m->threads)
	NOTE(reg_memory_mb, m->real_memory)
	NOTE(tmp_disk_found, m->tmp_disk)
#undef NOTE
	changed |= note_devices(c, n, m);
	if (changed)
		node_dirty(c, n);
	if (n->cpu_load != m->cpu_load || n->free_mem_mb != m->free_mem) {
		n->cpu_load = m->cpu_load;
		n->free_mem_mb = m->free_mem;
		node_touch(c, n);
	}
}

/* ---- jobs there and jobs here ------------------------------------------ */

static bool reported(const registration *m, uint32_t job_id, uint32_t step_id)
{
	for (uint32_t i = 0; i < m->job_count; i++)
		if (m->step_id[i].job_id == job_id &&
		    (step_id == NO_VAL || m->step_id[i].step_id == step_id))
			return true;
	return false;
}

static void abort_there(struct core *c, struct node *n, const struct job *j, uint32_t job_id,
			uint16_t type, struct effects *out)
{
	struct kill_job_msg *m = effects_body(out, type);
	struct effect *e;

	m->step_id.job_id = job_id;
	m->step_id.step_id = NO_VAL;
	m->step_id.step_het_comp = NO_VAL;
	m->time = c->now;
	m->nodes = arena_strdup(&out->mem, n->name);
	m->job_uid = m->job_gid = NO_VAL;
	if (j) {
		step_id_fill(j, NO_VAL, &m->step_id);
		m->job_state = j->state;
		m->job_uid = j->uid;
		m->job_gid = j->gid;
		m->start_time = j->start_time;
		m->work_dir = arena_strdup(&out->mem, job_str(j, JS_WORK_DIR));
	}
	e = effect_nodes(c, out, type, m);
	effect_node_add(e, n);
	e->job_id = job_id;
}

static void check_reported(struct core *c, struct node *n, const registration *m,
			   struct effects *out)
{
	for (uint32_t i = 0; i < m->job_count; i++) {
		uint32_t id = m->step_id[i].job_id;
		struct job *j = job_find(c, id);
		bool seen = false, here;

		for (uint32_t k = 0; k < i && !seen; k++)
			seen = m->step_id[k].job_id == id;
		if (seen)
			continue;
		here = j && j->alloc && bitset_test(j->alloc->nodes, n->index);
		if (!j || (!here && (job_is_running(j) || job_is_pending(j)))) {
			effect_log(out, 2, "Orphan JobId=%u reported on node %s", id, n->name);
			abort_there(c, n, j, id, REQUEST_ABORT_JOB, out);
		} else if (job_is_completing(j) && here) {
			abort_there(c, n, j, id, REQUEST_TERMINATE_JOB, out);
		} else if (job_is_finished(j) && c->now - j->end_time > c->conf->messagetimeout) {
			abort_there(c, n, j, id, REQUEST_TERMINATE_JOB, out);
		} else if (here && j->batch && j->alloc->share[0].node == n->index &&
			   !j->launched && reported(m, id, STEP_BATCH)) {
			j->launched = true;
			job_dirty(c, j);
		}
	}
}

/* One of our jobs that the node does not mention. */
static void check_missing(struct core *c, struct node *n, struct job *j, const registration *m,
			  struct effects *out)
{
	bool batch_here = j->batch && !het_is_part(j) && j->alloc->share[0].node == n->index;
	bool rebooted = n->boot_time > j->start_time + 2;

	if (job_is_completing(j)) {
		if (!bitset_test(j->alloc->completing, n->index) || reported(m, j->id, NO_VAL))
			return;
		/* Its daemon was restarted and forgot: it says "already
		 * complete" when asked again. */
		if (rebooted)
			job_node_clean(c, j, n, out);
		else
			abort_there(c, n, j, j->id, REQUEST_TERMINATE_JOB, out);
		return;
	}
	if (!job_is_running(j) || j->state & JOB_CONFIGURING)
		return;
	if (rebooted) {
		effect_log(out, 2, "JobId=%u was lost when node %s rebooted", j->id, n->name);
	} else if (batch_here && !reported(m, j->id, STEP_BATCH)) {
		if (!j->launched && j->sent)
			return;         /* on its way */
		if (!j->launched) {
			/* We stopped between deciding and sending. */
			if (j->alloc->prolog)
				job_launch_prolog(c, j, out);
			if (j->het_job_id)
				het_launch(c, j, out);
			else
				job_launch_batch(c, j, out);
			return;
		}
		if (j->start_time + c->conf->batchstarttimeout > c->now)
			return;
		effect_log(out, 2, "Batch JobId=%u missing from batch node %s", j->id, n->name);
	} else {
		return;
	}
	if (j->batch && het_may_requeue(c, j)) {
		het_requeue(c, j, 0, 121, out);
	} else {
		j->exit_code = j->exit_code ? j->exit_code : 1;
		job_reason(c, j, FAIL_DOWN_NODE, NULL);
		het_end(c, j, JOB_NODE_FAIL, out);
	}
}

static void check_jobs(struct core *c, struct node *n, const registration *m,
		       struct effects *out)
{
	struct job *next;

	check_reported(c, n, m, out);
	for (struct job *j = c->job_first; j && n->run_jobs + n->comp_jobs; j = next) {
		next = j->next;
		if (j->alloc && bitset_test(j->alloc->nodes, n->index))
			check_missing(c, n, j, m, out);
	}
}

/* ---- state ------------------------------------------------------------- */

static bool returns_to_service(const struct core *c, const struct node *n, bool rebooted)
{
	if (c->conf->returntoservice == 2 || n->state & NODE_STATE_REBOOT_ISSUED)
		return true;
	return c->conf->returntoservice == 1 && streq(n->reason, "Not responding") && !rebooted;
}

static void come_up(struct core *c, struct node *n, bool rebooted, struct effects *out)
{
	uint32_t base = n->state & NODE_STATE_BASE, flags = n->state & ~NODE_STATE_BASE;

	flags &= ~(uint32_t)(NODE_STATE_NO_RESPOND | NODE_STATE_INVALID_REG |
			     NODE_STATE_POWERING_UP | NODE_STATE_POWERED_DOWN |
			     NODE_STATE_POWERING_DOWN);
	if (n->state & NODE_STATE_NO_RESPOND)
		effect_log(out, 3, "Node %s now responding", n->name);
	if (n->state & NODE_POWER_AWAY) {
		n->last_busy = c->now;
		n->power_time = 0;
		node_dirty(c, n);
	}
	if (base == NODE_STATE_UNKNOWN || base == NODE_STATE_FUTURE) {
		base = NODE_STATE_IDLE;
		n->last_busy = c->now;
	} else if (base == NODE_STATE_DOWN && returns_to_service(c, n, rebooted)) {
		flags &= ~(uint32_t)NODE_STATE_REBOOT_ISSUED;
		if (n->next_state != NO_VAL)
			flags &= ~(uint32_t)NODE_STATE_DRAIN;
		base = n->next_state != NO_VAL &&
		       (n->next_state & NODE_STATE_BASE) == NODE_STATE_DOWN ? NODE_STATE_DOWN :
		       NODE_STATE_IDLE;
		n->next_state = NO_VAL;
		n->last_busy = c->now;
		effect_log(out, 3, "node %s returned to service", n->name);
		if (!(flags & (NODE_STATE_DRAIN | NODE_STATE_FAIL)) && base != NODE_STATE_DOWN)
			node_reason(c, n, NULL, NO_VAL, 0);
		node_dirty(c, n);
	} else if (rebooted && base != NODE_STATE_DOWN && c->conf->returntoservice != 2 &&
		   !(flags & (NODE_STATE_MAINT | NODE_STATE_REBOOT_ISSUED))) {
		node_move(c, n, base | flags);
		if (!n->reason || streq(n->reason, "Not responding"))
			node_reason(c, n, "Node unexpectedly rebooted", c->conf->slurm_uid,
				    c->now);
		effect_log(out, 3, "Node %s unexpectedly rebooted", n->name);
		node_down(c, n, NULL, out);
		return;
	}
	node_move(c, n, base | flags);
	node_settle(c, n);
}

static void invalid(struct core *c, struct node *n, const char *why, struct effects *out)
{
	uint32_t base = n->state & NODE_STATE_BASE;
	bool booted;

	if (!(n->state & NODE_STATE_INVALID_REG) || !streq(n->reason, why))
		effect_log(out, 2, "Setting node %s state to INVAL with reason:%s", n->name, why);
	if (base == NODE_STATE_UNKNOWN)
		base = NODE_STATE_IDLE;
	booted = n->state & NODE_POWER_AWAY;
	node_move(c, n, base | (n->state & ~(uint32_t)(NODE_STATE_BASE | NODE_STATE_NO_RESPOND |
						       NODE_POWER_AWAY)) |
		  NODE_STATE_INVALID_REG | NODE_STATE_DRAIN);
	if (booted)
		node_kill_jobs(c, n, out);
	if (!streq(n->reason, why))
		node_reason(c, n, why, c->conf->slurm_uid, c->now);
}

/* The trackable resources a node daemon shall account for. */
static void tres_fill(struct effects *out, struct node_reg_resp *r)
{
	static const struct { uint32_t id; const char *type, *name; } all[] = {
		{ 1, "cpu", NULL }, { 2, "mem", NULL }, { 3, "energy", NULL },
		{ 4, "node", NULL }, { 5, "billing", NULL }, { 6, "fs", "disk" },
		{ 7, "vmem", NULL }, { 8, "pages", NULL },
	};
	uint32_t n = sizeof(all) / sizeof(*all);

	r->tres_list = arena_alloc(&out->mem, n * sizeof(*r->tres_list));
	r->tres_list_count = n;
	for (uint32_t i = 0; i < n; i++) {
		wire_init(&slurmdb_tres_rec_desc, &r->tres_list[i]);
		r->tres_list[i].id = all[i].id;
		r->tres_list[i].type = all[i].type;
		r->tres_list[i].name = all[i].name;
	}
}

static void answer(const struct event *ev, const struct node *n, const registration *m,
		   struct effects *out)
{
	struct node_reg_resp *r;

	if (!(m->flags & SLURMD_REG_FLAG_RESP)) {
		effect_reply_rc(out, ev, E_OK);
		return;
	}
	r = effect_reply(out, ev, RESPONSE_NODE_REGISTRATION);
	tres_fill(out, r);
	r->node_name = arena_strdup(&out->mem, n->name);
}

#define DYNAMIC_FUTURE 1

static bool feature_in(const char *list, const char *f)
{
	size_t len = strlen(f);

	for (const char *p = list; *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == len && !strncmp(p, f, len))
			return true;
	return false;
}

static bool future_fits(const struct node *n, const registration *m)
{
	const char *f = m->dynamic_feature;

	if (f && *f)
		return n->features && feature_in(n->features, f);
	return n->cpus <= m->cpus && n->sockets <= m->sockets &&
	       n->cores_per_socket <= m->cores && n->threads <= m->threads &&
	       n->real_memory_mb <= m->real_memory;
}

/* slurmd -F: the host becomes one of the nodes that wait for one like it. */
static struct node *future_take(struct core *c, const struct event *ev, const registration *m,
				struct effects *out)
{
	const uint8_t *ip = ev->caller.peer.ip;
	struct node *n = NULL;

	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *k = c->node[i];

		if (k->state & NODE_STATE_DYNAMIC_FUTURE && streq(k->hostname, m->hostname))
			return k;
		if (!n && !k->keep && (k->state & NODE_STATE_BASE) == NODE_STATE_FUTURE &&
		    future_fits(k, m))
			n = k;
	}
	if (!n)
		return NULL;
	node_set_str(&n->hostname, m->hostname);
	node_set_str(&n->addr, ev->caller.peer.family == 2 ?
		     arena_printf(&out->mem, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]) :
		     m->hostname);
	node_move(c, n, NODE_STATE_UNKNOWN | NODE_STATE_DYNAMIC_FUTURE);
	node_dirty(c, n);
	effect_log(out, 3, "dynamic future node %s is host %s", n->name, n->hostname);
	return n;
}

/* Where a node of the cloud is, only it can tell. */
static void cloud_place(struct node *n, const struct event *ev, const registration *m,
			struct effects *out)
{
	const uint8_t *ip = ev->caller.peer.ip;

	node_set_str(&n->hostname, m->hostname);
	if (ev->caller.peer.family == 2)
		node_set_str(&n->addr, arena_printf(&out->mem, "%u.%u.%u.%u", ip[0], ip[1], ip[2],
						    ip[3]));
}

/* It was off: jobs may wait for it. */
static void start_waiting(struct core *c, struct node *n, struct effects *out)
{
	struct job *next;

	for (struct job *j = c->job_first; j; j = next) {
		next = j->next;
		if (j->state & JOB_CONFIGURING && j->alloc &&
		    bitset_test(j->alloc->nodes, n->index))
			prep_check(c, j, out);
	}
}

void rpc_node_register(struct core *c, const struct event *ev, struct effects *out)
{
	const registration *m = ev->body;
	struct node *n = node_find(c, m->node_name);
	char why[512];
	bool rebooted, away;

	if (!ev->caller.root_or_slurm) {
		effect_log(out, 2, "Security violation, NODE_REGISTER RPC from uid=%u",
			   ev->caller.uid);
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	if (!n && m->dynamic_type == DYNAMIC_FUTURE)
		n = future_take(c, ev, m, out);
	if (!n) {
		effect_log(out, 2, "node %s registered but is not configured",
			   m->node_name ? m->node_name : "(null)");
		effect_reply_rc(out, ev, E_INVALID_NODE_NAME);
		return;
	}
	n->peer = ev->caller.peer;
	if (m->hash_val != NO_VAL && m->hash_val != c->conf->hash_val)
		effect_log(out, 2, "Node %s appears to have a different slurm.conf than the "
			   "slurmctld.  This could cause issues with communication and "
			   "functionality.  Please review both files and make sure they are "
			   "the same.  If this is expected ignore, and set "
			   "DebugFlags=NO_CONF_HASH in your slurm.conf.", n->name);
	answer(ev, n, m, out);
	n->reg_pending = false;
	note_facts(c, n, ev, m);
	/* It was told to reboot and has not yet. */
	if (n->state & NODE_STATE_REBOOT_ISSUED && n->boot_time < n->reboot_time)
		return;
	/* Its daemon was only restarted: it is on its way down, or not yet up. */
	if (n->state & (NODE_STATE_POWERING_UP | NODE_STATE_POWERING_DOWN) &&
	    n->boot_time < n->power_time)
		return;
	rebooted = n->boot_time > n->last_response + 2 &&
		   (n->state & NODE_STATE_BASE) != NODE_STATE_UNKNOWN &&
		   !(n->state & NODE_STATE_POWERING_UP);
	away = n->state & NODE_POWER_AWAY;
	if (n->state & NODE_STATE_CLOUD)
		cloud_place(n, ev, m, out);
	check_jobs(c, n, m, out);
	find_faults(c, n, m, why, sizeof(why));
	if (*why)
		invalid(c, n, why, out);
	else if (m->status == E_D_PROLOG_FAILED || m->status == E_D_SETUP_ENVIRONMENT_ERROR)
		node_drain(c, n, m->status == E_D_PROLOG_FAILED ? "Prolog error" :
			   "Job env setup error", c->conf->slurm_uid);
	else
		come_up(c, n, rebooted, out);
	n->last_response = c->now;
	n->ping_pending = false;
	if (away)
		start_waiting(c, n, out);
	c->wants_sched = true;
}
