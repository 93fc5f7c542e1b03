/* SPDX-License-Identifier: Apache-2.0
 *
 * A job as squeue and scontrol show it. */
#include <stdio.h>
#include <stdlib.h>

#include "slurmctld/core/resv.h"
#include "slurmctld/rpc/fill.h"
#include "slurmctld/view.h"

static uint16_t shown_shared(const struct job *j)
{
	const struct part *p = j->part;

	if (j->shared != NO_VAL16)
		return j->shared;
	if (!p)
		return NO_VAL16;
	if (p->flags & PART_FLAG_EXCLUSIVE_USER)
		return JOB_SHARED_USER;
	if (p->max_share & SHARED_FORCE && (p->max_share & ~SHARED_FORCE) > 1)
		return JOB_SHARED_OK;
	return p->max_share ? NO_VAL16 : JOB_SHARED_NONE;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* How old the time of the last look may be when it is shown: every look would
 * make a new record of each waiting job. */
#define LOOKED_AT_SEC 30

/* Has the last round of backfill considered it? */
static bool in_queue(const struct core *c, const struct job *j)
{
	if (!job_is_pending(j) || !j->priority || j->bitflags & JOB_DEPENDENT ||
	    !j->eligible_time || j->eligible_time > c->stats.bf_when ||
	    j->submit_time > c->stats.bf_when)
		return false;
	switch (j->reason) {
	case WAIT_NO_REASON:
	case WAIT_RESOURCES:
	case WAIT_PRIORITY:
	case WAIT_LICENSES:
	case WAIT_NODE_NOT_AVAIL:
		return true;
	default:
		return false;
	}
}

static bool waits_for_resv(const struct core *c, const struct job *j)
{
	const struct resv *r = resv_of_job(c, j);

	return r && !resv_is_active(c, r);
}

/* Expected times are never in the past; that is when the record expires. */
static int64_t fill_times(const struct core *c, const struct job *j, struct job_info_members *m)
{
	int64_t expires = INT64_MAX;

	m->submit_time = j->submit_time;
	m->eligible_time = j->eligible_time;
	m->accrue_time = j->accrue_time;
	m->suspend_time = j->suspend_time;
	m->pre_sus_time = j->pre_sus_sec;
	m->resize_time = j->resize_time;
	m->last_sched_eval = j->last_sched_eval;
	m->bitflags = j->bitflags;
	if (in_queue(c, j)) {
		m->last_sched_eval = c->stats.bf_when;
		m->bitflags |= BACKFILL_SCHED;
		expires = c->now + LOOKED_AT_SEC;
	}
	if (j->reason == WAIT_RESERVATION && job_is_pending(j) && waits_for_resv(c, j))
		m->eligible_time = m->accrue_time = 0;
	m->preempt_time = j->preempt_time;
	m->deadline = j->deadline;
	m->time_limit = j->time_limit_min == NO_VAL && j->part ? j->part->max_time_min
							       : j->time_limit_min;
	m->time_min = j->time_min_min == NO_VAL ? 0 : j->time_min_min;
	if (!job_is_pending(j)) {
		m->start_time = j->start_time;
		m->end_time = j->end_time;
		return expires;
	}
	if (j->start_time) {
		m->start_time = later(j->start_time, c->now);
		expires = sooner(expires, later(j->start_time, c->now + 1));
	} else if (j->begin_time > c->now) {
		m->start_time = j->begin_time;
		expires = sooner(expires, j->begin_time);
	}
	if (m->start_time && m->time_limit != NO_VAL)
		m->end_time = later(j->end_time, m->start_time + (int64_t)m->time_limit * 60);
	return expires;
}

static uint32_t most_cpus(const struct core *c, const struct part *p, bool cores)
{
	uint32_t most = 1;

	for (uint32_t i = 0; i < c->node_count; i++) {
		const struct node *n = c->node[i];
		uint32_t x;

		if (!n || (p && p->nodes && !bitset_test(p->nodes, i)))
			continue;
		x = cores ? n->cores : n->cpus;
		if (x > most)
			most = x;
	}
	return most;
}

static uint32_t at_least(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Node counts: what it holds, or a guess of what it will. */
static void fill_node_counts(const struct core *c, const struct job *j,
			     struct job_info_members *m)
{
	uint32_t per, n;

	if (job_is_completing(j) && j->alloc) {
		m->num_nodes = bitset_count(j->alloc->completing);
		return;
	}
	if (!job_is_pending(j)) {
		m->num_nodes = j->total_nodes ? j->total_nodes : j->min_nodes;
		return;
	}
	if (j->ntasks_per_node && j->ntasks_per_node != NO_VAL16) {
		n = (j->num_tasks + j->ntasks_per_node - 1) / j->ntasks_per_node;
	} else if (j->cpus_per_task > 1 && j->cpus_per_task != NO_VAL16) {
		per = at_least(most_cpus(c, j->part, false) / j->cpus_per_task, 1);
		n = (j->num_tasks + per - 1) / per;
	} else if (j->ntasks_per_core && j->ntasks_per_core < NO_VAL16) {
		per = (j->num_tasks + j->ntasks_per_core - 1) / j->ntasks_per_core;
		n = (per + most_cpus(c, j->part, true) - 1) / most_cpus(c, j->part, true);
	} else {
		per = most_cpus(c, j->part, false);
		n = (j->num_tasks + per - 1) / per;
	}
	if (j->num_tasks == NO_VAL)
		n = 0;
	m->num_nodes = at_least(n, j->min_nodes);
	m->max_nodes = j->max_nodes == NO_VAL ? 0 : j->max_nodes;
	if (m->max_nodes)
		m->max_nodes = at_least(m->max_nodes, m->num_nodes);
}

static uint32_t completing_cpus(const struct job *j)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < j->alloc->node_count; i++)
		if (bitset_test(j->alloc->completing, j->alloc->share[i].node))
			n += j->alloc->share[i].cpus;
	return n;
}

static void fill_cpu_counts(const struct job *j, struct job_info_members *m)
{
	if (job_is_completing(j) && j->alloc && completing_cpus(j)) {
		m->num_cpus = completing_cpus(j);
		return;
	}
	if (!job_is_pending(j) && j->total_cpus) {
		m->num_cpus = j->total_cpus;
		return;
	}
	m->num_cpus = j->min_cpus;
	m->max_cpus = job_is_pending(j) && j->max_cpus != NO_VAL ? j->max_cpus : 0;
}

/* ---- what --details shows ---------------------------------------------- */

/* "gpu:tesla:2(IDX:0-1)" per node; "qpu(CNT:1)" of what is only counted; parts:
 * "shard:3(3/4,0/4)". */
static const char *detail_one(const struct core *c, const struct job_share *s, uint32_t t,
			      struct arena *mem)
{
	const struct node *n = c->node[s->node];
	const char *text = NULL;

	if (!s->devs || !s->devs[t])
		return arena_printf(mem, "%s(CNT:%u)", c->gres_type[t], s->gres[t]);
	if (!n->gres[t].shared)
		return arena_printf(mem, "%s:%u(IDX:%s)", c->gres_type[t], s->gres[t],
				    fill_devices(mem, s->devs[t]));
	for (uint32_t i = 0; n->devices && i < n->devices->place_count; i++) {
		const struct gres_place *p = &n->devices->place[i];

		if (p->type == t)
			text = arena_printf(mem, "%s%s%u/%llu", text ? text : "", text ? "," : "",
					    p->devs & s->devs[t] ? s->gres[t] : 0,
					    (unsigned long long)p->parts);
	}
	return arena_printf(mem, "%s:%u(%s)", c->gres_type[t], s->gres[t], text ? text : "");
}

static void fill_gres_detail(const struct core *c, const struct job *j,
			     struct job_info_members *m, struct arena *mem)
{
	const struct job_alloc *a = j->alloc;
	uint64_t *total = arena_zalloc(mem, (c->gres_type_count + 1) * sizeof *total);
	bool any = false;

	m->gres_detail_str = arena_zalloc(mem, a->node_count * sizeof *m->gres_detail_str + 1);
	for (uint32_t i = 0; i < a->node_count; i++) {
		const char *text = NULL;

		for (uint32_t g = 0; a->share[i].gres && g < c->gres_type_count; g++) {
			if (!a->share[i].gres[g])
				continue;
			text = arena_printf(mem, "%s%s%s", text ? text : "", text ? "," : "",
					    detail_one(c, &a->share[i], g, mem));
			total[g] += a->share[i].gres[g];
			any = true;
		}
		m->gres_detail_str[i] = text;
	}
	m->gres_detail_str_count = any ? a->node_count : 0;
	for (uint32_t g = 0; g < c->gres_type_count; g++)
		if (total[g])
			m->gres_total = arena_printf(mem, "%s%s%s:%llu",
						     m->gres_total ? m->gres_total : "",
						     m->gres_total ? "," : "", c->gres_type[g],
						     (unsigned long long)total[g]);
}

/* ---- the rest ---------------------------------------------------------- */

static void fill_strings(const struct job *j, struct job_info_members *m)
{
	m->account = job_str(j, JS_ACCOUNT);
	m->admin_comment = job_str(j, JS_ADMIN_COMMENT);
	m->alloc_node = job_str(j, JS_ALLOC_NODE);
	m->batch_features = job_str(j, JS_BATCH_FEATURES);
	m->batch_host = job_str(j, JS_BATCH_HOST);
	m->burst_buffer = job_str(j, JS_BURST_BUFFER);
	m->comment = job_str(j, JS_COMMENT);
	m->container = job_str(j, JS_CONTAINER);
	m->container_id = job_str(j, JS_CONTAINER_ID);
	m->container_type = job_str(j, JS_CONTAINER_TYPE);
	m->cpus_per_tres = job_str(j, JS_CPUS_PER_TRES);
	m->extra = job_str(j, JS_EXTRA);
	m->failed_node = job_str(j, JS_FAILED_NODE);
	m->het_job_id_set = job_str(j, JS_HET_JOB_ID_SET);
	m->licenses = job_str(j, JS_LICENSES);
	if (!job_is_pending(j))
		m->licenses_allocated = job_str(j, JS_LICENSES);
	m->mail_user = job_str(j, JS_MAIL_USER);
	m->mcs_label = job_str(j, JS_MCS_LABEL);
	m->mem_per_tres = job_str(j, JS_MEM_PER_TRES);
	m->name = job_str(j, JS_NAME);
	m->network = job_str(j, JS_NETWORK);
	m->resv_name = job_str(j, JS_RESERVATION);
	m->resv_ports = job_str(j, JS_RESV_PORTS);
	m->selinux_context = job_str(j, JS_SELINUX_CONTEXT);
	m->state_desc = job_str(j, JS_STATE_DESC);
	m->system_comment = job_str(j, JS_SYSTEM_COMMENT);
	m->tres_bind = job_str(j, JS_TRES_BIND);
	m->tres_alloc_str = job_str(j, JS_TRES_ALLOC);
	m->tres_req_str = job_str(j, JS_TRES_REQ);
	m->tres_freq = job_str(j, JS_TRES_FREQ);
	m->tres_per_job = job_str(j, JS_TRES_PER_JOB);
	m->tres_per_node = job_str(j, JS_TRES_PER_NODE);
	m->tres_per_socket = job_str(j, JS_TRES_PER_SOCKET);
	m->tres_per_task = job_str(j, JS_TRES_PER_TASK);
	m->user_name = job_str(j, JS_USER_NAME);
	m->wckey = job_str(j, JS_WCKEY);
	m->sched_nodes = job_str(j, JS_SCHED_NODES);
	m->qos = job_str(j, JS_QOS);
	m->cluster_features = job_str(j, JS_CLUSTER_FEATURES);
	m->dependency = job_str(j, JS_DEPENDENCY);
	m->work_dir = job_str(j, JS_WORK_DIR);
	m->features = job_str(j, JS_FEATURES);
	m->command = job_str(j, JS_COMMAND);
	m->submit_line = job_str(j, JS_SUBMIT_LINE);
	m->cronspec = job_str(j, JS_CRONSPEC);
	m->req_nodes = job_str(j, JS_REQ_NODES);
	m->exc_nodes = job_str(j, JS_EXC_NODES);
	m->std_err = job_str(j, JS_STD_ERR);
	m->std_in = job_str(j, JS_STD_IN);
	m->std_out = job_str(j, JS_STD_OUT);
	if (job_is_pending(j))
		m->prefer = job_str(j, JS_PREFER);
}

static uint16_t or_infinite(uint16_t v)
{
	return v == NO_VAL16 ? INFINITE16 : v;
}

/* Absent unless the request named one of these. */
static void fill_shape(const struct job *j, struct multi_core_data *mc)
{
	if (j->sockets_per_node == NO_VAL16 && j->cores_per_socket == NO_VAL16 &&
	    j->threads_per_core == NO_VAL16 && j->ntasks_per_socket == NO_VAL16 &&
	    j->ntasks_per_core == NO_VAL16 && j->plane_size == NO_VAL16)
		return;
	mc->present = 0xff;     /* stock refuses other values */
	mc->sockets_per_node = j->sockets_per_node;
	mc->cores_per_socket = j->cores_per_socket;
	mc->threads_per_core = j->threads_per_core;
	mc->ntasks_per_socket = or_infinite(j->ntasks_per_socket);
	mc->ntasks_per_core = or_infinite(j->ntasks_per_core);
	mc->plane_size = j->plane_size == NO_VAL16 ? 0 : j->plane_size;
}

static void fill_requirements(const struct core *c, const struct job *j,
			      struct job_info_members *m)
{
	m->requeue = j->requeue;
	m->ntasks_per_node = j->ntasks_per_node == NO_VAL16 ? 0 : j->ntasks_per_node;
	m->ntasks_per_tres = j->ntasks_per_tres == NO_VAL16 ? 0 : j->ntasks_per_tres;
	m->num_tasks = j->num_tasks;
	if (!j->num_tasks)
		m->num_tasks = job_is_pending(j) ? j->min_nodes
						 : (j->total_nodes ? j->total_nodes : NO_VAL);
	m->shared = shown_shared(j);
	m->exclusive = job_exclusive(j);
	m->oversubscribe = job_oversubscribe(j);
	m->cpu_freq_min = j->cpu_freq_min;
	m->cpu_freq_max = j->cpu_freq_max;
	m->cpu_freq_gov = j->cpu_freq_gov;
	m->contiguous = j->contiguous == NO_VAL16 ? 0 : j->contiguous;
	m->core_spec = j->core_spec;
	m->cpus_per_task = j->cpus_per_task == NO_VAL16 ? 1 : j->cpus_per_task;
	m->pn_min_cpus = j->pn_min_cpus;
	m->pn_min_memory = j->pn_min_memory;
	m->pn_min_tmp_disk = j->pn_min_tmp_disk;
	m->oom_kill_step = j->oom_kill_step;
	m->segment_size = j->segment_size;
	m->mem_update_delay = j->mem_update_delay == NO_VAL16 ? 0 : j->mem_update_delay;
	m->mem_update_margin = j->mem_update_margin == NO_VAL16 ? 0 : j->mem_update_margin;
	fill_shape(j, &m->mc_ptr);
	fill_cpu_counts(j, m);
	fill_node_counts(c, j, m);
}

static uint32_t array_limit(const struct core *c, const struct job *j)
{
	const struct job *head;

	if (j->array)
		return j->array->max_running;
	if (!j->array_job_id)
		return 0;
	head = job_find(c, j->array_job_id);
	return head && head->array ? head->array->max_running : 0;
}

/* Tasks still waiting, as the clients expect them: a hexadecimal mask. */
static const char *array_mask(const struct bitset *b, struct arena *mem)
{
	uint32_t n = (b->bits + 3) / 4;
	char *s = arena_alloc(mem, n + 3);

	s[0] = '0';
	s[1] = 'x';
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bit = (n - 1 - i) * 4;

		s[2 + i] = "0123456789ABCDEF"[b->word[bit / 64] >> (bit % 64) & 15];
	}
	s[n + 2] = '\0';
	return s;
}

int64_t fill_job(const struct core *c, const struct job *j, uint16_t show_flags,
		 struct job_info_members *m, struct arena *mem)
{
	m->step_id.job_id = j->id;
	m->step_id.sluid = j->sluid;
	m->array_job_id = j->array_job_id;
	m->array_task_id = j->array_task_id;
	m->array_task_str = j->array ? array_mask(j->array->pending, mem) : NULL;
	m->array_max_tasks = array_limit(c, j);
	m->delay_boot = j->delay_boot;
	m->user_id = j->uid;
	m->group_id = j->gid;
	m->het_job_id = j->het_job_id;
	m->het_job_offset = j->het_job_id ? j->het_job_offset : 0;
	m->profile = j->profile;
	m->job_state = j->state;
	m->batch_flag = j->batch;
	m->state_reason = j->reason;
	m->reboot = j->reboot == NO_VAL16 ? 0 : (uint8_t)j->reboot;
	m->restart_cnt = j->restart_cnt;
	m->show_flags = show_flags;
	m->alloc_sid = j->alloc_sid;
	m->nice = j->nice;
	m->priority = j->priority;
	m->billable_tres = j->total_cpus ? (double)j->total_cpus : (double)NO_VAL;
	m->cluster = c->conf->clustername;
	m->site_factor = j->site_factor;
	m->exit_code = j->exit_code;
	m->derived_ec = j->derived_ec;
	m->req_switch = j->req_switch;
	m->wait4switch = j->wait4switch;
	m->start_protocol_ver = j->start_protocol;
	m->mail_type = j->mail_type;
	m->has_detail = true;
	fill_strings(j, m);
	m->std_out_told = m->std_out;
	if (!m->std_out && j->batch)
		m->std_out_told = j->array_job_id ? "slurm-%A_%a.out" : "slurm-%j.out";
	m->partition = !job_is_pending(j) && j->part ? j->part->name : job_str(j, JS_PARTITION);
	if (job_is_completing(j) && j->alloc) {
		m->nodes = show_nodes(c, j->alloc->completing, mem);
		m->node_inx = j->alloc->completing;
	} else {
		m->nodes = job_str(j, JS_NODES);
		m->node_inx = j->alloc ? j->alloc->nodes : NULL;
	}
	m->job_resrcs.nhosts = NO_VAL;
	if (show_flags & SHOW_DETAIL && (j->alloc || (j->past && alloc_is_whole(c, j->past)))) {
		show_resources(c, j, &m->job_resrcs, mem);
		if (!job_is_finished(j) && j->alloc->share && j->alloc->share[0].gres)
			fill_gres_detail(c, j, m, mem);
	}
	fill_requirements(c, j, m);
	return fill_times(c, j, m);
}

/* ---- as a view --------------------------------------------------------- */

static bool jobs_next(const struct core *c, struct view_record *at)
{
	const struct job *j = at->object ? ((const struct job *)at->object)->next : c->job_first;

	at->object = j;
	if (!j)
		return false;
	at->key = j->id;
	at->gen = j->gen ^ (uint64_t)c->last_part_update << 32;
	if (j->array_job_id && !j->array)       /* shows its head's limit */
		at->gen ^= (uint64_t)array_limit(c, j) << 8;
	return true;
}

/* These numbers mean something else there. */
#define HAS_NO_FAIL_SIGNAL ONLY(22_05)

static int64_t jobs_fill(const struct core *c, const void *object, uint16_t flags,
			 enum wire_version v, void *msg, struct arena *mem)
{
	struct job_info_members *m = msg;
	int64_t expires = fill_job(c, object, flags, m, mem);

	if (m->state_reason == FAIL_SIGNAL && HAS_NO_FAIL_SIGNAL >> v & 1)
		m->state_reason = FAIL_LAUNCH;
	return expires;
}

const struct view_source view_source_jobs = {
	&job_info_members_desc, jobs_next, jobs_fill
};
