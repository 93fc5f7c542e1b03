/* SPDX-License-Identifier: Apache-2.0
 *
 * A running job, its nodes and its partition as a controller gives them to the
 * job's step manager: what stock's records say at the time of the prolog. */
#include <stdlib.h>
#include <string.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/show.h"
#include "slurmctld/core/stepmgr.h"

#define TRES_COUNT 8            /* cpu, mem, energy, node, billing, fs, vmem, pages */

static const char *text(struct effects *out, const struct job *j, enum job_string s)
{
	return arena_strdup(&out->mem, job_str(j, s));
}

static void details_fill(struct effects *out, const struct job *j,
			 struct job_details_record *d)
{
	d->accrue_time = j->accrue_time;
	d->begin_time = j->begin_time;
	d->submit_time = j->submit_time;
	d->cluster_features = text(out, j, JS_CLUSTER_FEATURES);
	d->cpu_freq_min = j->cpu_freq_min;
	d->cpu_freq_max = j->cpu_freq_max;
	d->cpu_freq_gov = j->cpu_freq_gov;
	d->dependency = text(out, j, JS_DEPENDENCY);
	d->orig_dependency = text(out, j, JS_ORIG_DEPENDENCY);
	d->nice = j->nice;
	d->ntasks_per_node = j->ntasks_per_node;
	d->ntasks_per_tres = j->ntasks_per_tres;
	d->requeue = j->requeue;
	d->segment_size = j->segment_size;
	d->work_dir = text(out, j, JS_WORK_DIR);
	d->min_cpus = d->orig_min_cpus = j->min_cpus;
	d->max_cpus = d->orig_max_cpus = j->max_cpus;
	d->min_nodes = j->min_nodes;
	d->max_nodes = j->max_nodes;
	d->num_tasks = j->num_tasks;
	d->acctg_freq = text(out, j, JS_ACCTG_FREQ);
	d->contiguous = j->contiguous;
	d->core_spec = j->core_spec;
	d->cpus_per_task = d->orig_cpus_per_task = j->cpus_per_task;
	d->task_dist = j->task_dist;
	d->share_res = j->shared == JOB_SHARED_OK ? 1 : j->shared == NO_VAL16 ? NO_VAL8 : 0;
	d->whole_node = j->shared == JOB_SHARED_NONE ? 1 :
		j->shared == JOB_SHARED_USER || j->shared == JOB_SHARED_MCS ?
		(uint8_t)j->shared : 0;
	d->cpu_bind = text(out, j, JS_CPU_BIND);
	d->cpu_bind_type = j->cpu_bind_type;
	d->mem_bind = text(out, j, JS_MEM_BIND);
	d->mem_bind_type = j->mem_bind_type;
	d->mem_update_delay = j->mem_update_delay;
	d->mem_update_margin = j->mem_update_margin;
	d->open_mode = j->open_mode;
	d->overcommit = j->overcommit;
	d->pn_min_cpus = d->orig_pn_min_cpus = j->pn_min_cpus;
	d->pn_min_memory = d->orig_pn_min_memory = j->pn_min_memory;
	d->oom_kill_step = j->oom_kill_step;
	d->pn_min_tmp_disk = j->pn_min_tmp_disk;
	d->req_nodes = text(out, j, JS_REQ_NODES);
	d->exc_nodes = text(out, j, JS_EXC_NODES);
	d->features = text(out, j, JS_FEATURES);
	d->prefer = text(out, j, JS_PREFER);
	d->features_use = 1;
	d->std_err = text(out, j, JS_STD_ERR);
	d->std_in = text(out, j, JS_STD_IN);
	d->std_out = text(out, j, JS_STD_OUT);
	d->submit_line = text(out, j, JS_SUBMIT_LINE);
	d->resv_port_cnt = j->resv_port_cnt;
	d->qos_req = text(out, j, JS_QOS);
	job_list_split(out, j, JS_ARGV, &d->argv, &d->argv_count);
	d->mc.present = 0xff;
	d->mc.boards_per_node = j->boards_per_node;
	d->mc.sockets_per_board = j->sockets_per_board;
	d->mc.sockets_per_node = j->sockets_per_node;
	d->mc.cores_per_socket = j->cores_per_socket;
	d->mc.threads_per_core = j->threads_per_core;
	d->mc.ntasks_per_board = j->ntasks_per_board;
	d->mc.ntasks_per_socket = j->ntasks_per_socket;
	d->mc.ntasks_per_core = j->ntasks_per_core;
	d->mc.plane_size = j->plane_size;
}

static void resources_fill(struct core *c, struct effects *out, const struct job *j,
			   struct job_record *m)
{
	const struct job_alloc *a = j->alloc;
	struct gres_job_rec *g;

	wire_init(&job_resources_desc, &m->resources);
	show_resources(c, j, &m->resources, &out->mem);
	m->resources.node_req = a->whole_node ? 64 : 1;         /* stock: reserved, one row */
	/* The core changes its sets; the message goes out later. */
	m->resources.core_bitmap = effects_bitset(out, a->cores->bits);
	bitset_copy(m->resources.core_bitmap, a->cores);
	m->resources.core_bitmap_used = effects_bitset(out, a->cores->bits);
	m->resources.node_bitmap = effects_bitset(out, c->node_count);
	bitset_copy(m->resources.node_bitmap, a->nodes);
	m->node_bitmap = m->resources.node_bitmap;
	job_gres_fill(c, out, j, &m->gres_alloc, &m->gres_alloc_count);
	for (uint32_t i = 0; i < m->gres_alloc_count; i++) {
		g = &m->gres_alloc[i];
		g->has_bit_alloc = g->has_bit_step_alloc = g->has_cnt_step_alloc = 1;
		g->gres_bit_step_alloc = arena_zalloc(&out->mem, g->node_cnt *
						      sizeof(*g->gres_bit_step_alloc));
		g->gres_cnt_step_alloc = arena_zalloc(&out->mem, g->node_cnt *
						      sizeof(*g->gres_cnt_step_alloc));
	}
	/* Stock asks by the request as well. */
	m->gres_req = m->gres_alloc;
	m->gres_req_count = m->gres_alloc_count;
}

static void job_times_fill(struct core *c, const struct job *j, struct job_record *m)
{
	m->deadline = j->deadline;
	m->last_sched_eval = j->last_sched_eval;
	m->preempt_time = j->preempt_time;
	m->pre_sus_time = j->pre_sus_sec;
	m->resize_time = j->resize_time;
	m->suspend_time = j->suspend_time;
	m->tot_sus_time = j->tot_sus_sec;
	m->prolog_launch_time = c->now;
	m->start_time = j->start_time;
	m->end_time = m->end_time_exp = j->end_time;
	m->time_limit = j->time_limit_min;
	m->time_min = j->time_min_min == NO_VAL ? 0 : j->time_min_min;
}

static void job_texts_fill(struct effects *out, const struct job *j, struct job_record *m)
{
	const struct { const char **to; enum job_string s; } all[] = {
		{ &m->account, JS_ACCOUNT }, { &m->admin_comment, JS_ADMIN_COMMENT },
		{ &m->alloc_node, JS_ALLOC_NODE }, { &m->batch_features, JS_BATCH_FEATURES },
		{ &m->batch_host, JS_BATCH_HOST }, { &m->burst_buffer, JS_BURST_BUFFER },
		{ &m->comment, JS_COMMENT }, { &m->container, JS_CONTAINER },
		{ &m->container_id, JS_CONTAINER_ID },
		{ &m->container_type, JS_CONTAINER_TYPE },
		{ &m->cpus_per_tres, JS_CPUS_PER_TRES }, { &m->extra, JS_EXTRA },
		{ &m->failed_node, JS_FAILED_NODE }, { &m->gres_used, JS_GRES_ALLOC },
		{ &m->het_job_id_set, JS_HET_JOB_ID_SET }, { &m->licenses, JS_LICENSES },
		{ &m->lic_req, JS_LICENSES }, { &m->licenses_allocated, JS_LICENSES },
		{ &m->mail_user, JS_MAIL_USER }, { &m->mcs_label, JS_MCS_LABEL },
		{ &m->mem_per_tres, JS_MEM_PER_TRES }, { &m->name, JS_NAME },
		{ &m->network, JS_NETWORK }, { &m->resv_name, JS_RESERVATION },
		{ &m->resv_ports, JS_RESV_PORTS }, { &m->selinux_context, JS_SELINUX_CONTEXT },
		{ &m->system_comment, JS_SYSTEM_COMMENT }, { &m->tres_bind, JS_TRES_BIND },
		{ &m->tres_fmt_alloc_str, JS_TRES_ALLOC },
		{ &m->tres_fmt_req_str, JS_TRES_ALLOC }, { &m->tres_freq, JS_TRES_FREQ },
		{ &m->tres_per_job, JS_TRES_PER_JOB }, { &m->tres_per_node, JS_TRES_PER_NODE },
		{ &m->tres_per_socket, JS_TRES_PER_SOCKET },
		{ &m->tres_per_task, JS_TRES_PER_TASK }, { &m->user_name, JS_USER_NAME },
		{ &m->wckey, JS_WCKEY }, { &m->resp_host, JS_RESP_HOST },
		{ &m->alloc_tls_cert, JS_ALLOC_TLS_CERT }, { &m->nodes, JS_NODES },
		{ &m->partition, JS_PARTITION }, { &m->clusters, JS_CLUSTERS },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		*all[i].to = text(out, j, all[i].s);
}

/* Stock's numbers of what it counts: cpu, mem, node, billing. */
static const char *tres_numbers(struct effects *out, const struct job *j)
{
	uint64_t mem = 0;

	for (uint32_t i = 0; i < j->alloc->node_count; i++)
		mem += j->alloc->share[i].mem_mb;
	return arena_printf(&out->mem, "1=%u,2=%llu,4=%u,5=%u", j->alloc->total_cpus,
			    (unsigned long long)mem, j->alloc->node_count,
			    j->alloc->total_cpus);
}

static void job_fill(struct core *c, struct effects *out, const struct job *j,
		     struct job_record *m)
{
	step_id_fill(j, NO_VAL, &m->step_id);
	job_texts_fill(out, j, m);
	job_times_fill(c, j, m);
	m->alloc_sid = j->alloc_sid;
	m->array_job_id = j->array_job_id;
	m->array_task_id = j->array_task_id;
	m->batch_flag = j->batch;
	m->bit_flags = j->bitflags;
	m->billable_tres = j->alloc->total_cpus;
	m->delay_boot = j->delay_boot;
	m->derived_ec = j->derived_ec;
	m->exit_code = j->exit_code;
	m->user_id = j->uid;
	m->group_id = j->gid;
	m->het_job_id = j->het_job_id;
	m->het_job_offset = j->het_job_offset;
	m->job_state = job_base(j);
	m->state_reason = m->state_reason_prev_db = j->reason;
	m->mail_type = j->mail_type;
	m->priority = j->priority;
	m->profile = j->profile;
	m->reboot = (uint8_t)j->reboot;
	m->req_switch = j->req_switch;
	m->wait4switch = j->wait4switch;
	m->restart_cnt = j->restart_cnt;
	m->site_factor = j->site_factor;
	m->start_protocol_ver = j->start_protocol;
	m->total_cpus = m->cpu_cnt = j->alloc->total_cpus;
	m->total_nodes = m->node_cnt = j->alloc->node_count;
	m->db_index = j->sluid;
	m->db_flags = j->db_flags;
	m->next_step_id = j->next_step_id;
	m->direct_set_prio = j->direct_prio;
	m->kill_on_node_fail = j->kill_on_node_fail;
	m->wait_all_nodes = j->wait_all_nodes;
	m->warn_flags = j->warn_flags;
	m->warn_signal = j->warn_signal;
	m->warn_time = j->warn_time;
	m->limit_set.tres = arena_zalloc(&out->mem, TRES_COUNT * sizeof(*m->limit_set.tres));
	m->limit_set.tres_count = TRES_COUNT;
	m->alloc_resp_port = j->alloc_resp_port;
	m->other_port = j->other_port;
	m->resv_port_cnt = j->resv_port_cnt;
	job_list_split(out, j, JS_SPANK_ENV, &m->spank_job_env, &m->spank_job_env_count);
	resources_fill(c, out, j, m);
	m->has_details = true;
	details_fill(out, j, &m->details);
	m->tres_alloc_str = m->tres_req_str = tres_numbers(out, j);
	m->origin_cluster = c->conf->clustername;
}

static void node_fill(struct core *c, struct effects *out, const struct node *n, enum wire_version release,
		      struct node_record *m)
{
	wire_init(&node_record_desc, m);
	m->comm_name = arena_strdup(&out->mem, n->addr);
	m->name = arena_strdup(&out->mem, n->name);
	m->node_hostname = arena_strdup(&out->mem, n->hostname);
	m->features = arena_strdup(&out->mem, n->features);
	m->features_act = arena_strdup(&out->mem, n->features_active);
	m->gres = arena_strdup(&out->mem, n->gres_text);
	node_gres_records(c, out, n, m);
	m->cpu_spec_list = arena_strdup(&out->mem, n->cpu_spec_list);
	m->comment = arena_strdup(&out->mem, n->comment);
	m->extra = arena_strdup(&out->mem, n->extra);
	m->reason = arena_strdup(&out->mem, n->reason);
	m->instance_id = arena_strdup(&out->mem, n->instance_id);
	m->instance_type = arena_strdup(&out->mem, n->instance_type);
	m->mcs_label = arena_strdup(&out->mem, n->mcs_label);
	m->next_state = n->next_state;
	m->node_state = n->state;
	m->cpu_bind = n->cpu_bind != NO_VAL ? n->cpu_bind : n->conf->cpu_bind;
	m->suspend_time = NO_VAL;       /* a manager powers nothing down */
	m->cpus = n->cpus;
	m->boards = n->boards;
	m->tot_cores = (uint16_t)n->cores;
	m->tot_sockets = n->sockets;
	m->cores = n->cores_per_socket;
	m->core_spec_cnt = n->core_spec_cnt;
	m->mem_spec_limit = n->mem_spec_limit_mb;
	m->threads = n->threads;
	m->real_memory = n->real_memory_mb;
	m->tmp_disk = n->tmp_disk_mb;
	m->reason_uid = n->reason ? n->reason_uid : NO_VAL;
	m->reason_time = n->reason_time;
	m->resume_after = n->resume_after;
	m->boot_req_time = n->reboot_time;
	m->power_save_req_time = n->power_time;
	m->last_busy = n->last_busy;
	m->last_response = n->last_response;
	m->port = n->port;
	/* a daemon of ours speaks every release: no reason to choose an older one */
	m->protocol_version = wire_version_number(node_is_ours(n) || !n->version_known ?
						  release : n->version);
	m->tpc = n->threads;
	m->weight = n->weight;
}

static void part_fill(struct effects *out, const struct part *p, struct part_record *m)
{
	m->cpu_bind = p->cpu_bind;
	m->name = arena_strdup(&out->mem, p->name);
	m->grace_time = p->grace_time_sec;
	m->max_time = p->max_time_min;
	m->default_time = p->default_time_min;
	m->max_cpus_per_node = p->max_cpus_per_node;
	m->max_cpus_per_socket = p->max_cpus_per_socket;
	m->max_nodes = p->max_nodes;
	m->min_nodes = p->min_nodes;
	m->flags = p->flags;
	m->max_share = p->max_share;
	m->over_time_limit = p->over_time_limit;
	m->preempt_mode = p->preempt_mode;
	m->priority_job_factor = p->priority_job_factor;
	m->priority_tier = p->priority_tier;
	m->state_up = p->state_up;
	m->cr_type = p->cr_type;
	m->nodes = arena_strdup(&out->mem, p->node_text);
}

void stepmgr_records_fill(struct core *c, struct effects *out, const struct job *j,
			  enum wire_version release, struct stepmgr_records *r)
{
	wire_init(&stepmgr_records_desc, r);
	job_fill(c, out, j, &r->job);
	r->nodes = arena_alloc(&out->mem, j->alloc->node_count * sizeof(*r->nodes) + 1);
	bitset_foreach(i, j->alloc->nodes)
		node_fill(c, out, c->node[i], release, &r->nodes[r->nodes_count++]);
	if (j->part)
		part_fill(out, j->part, &r->part);
}
