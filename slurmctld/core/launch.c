/* SPDX-License-Identifier: Apache-2.0
 *
 * From a placement to a running job: the allocation is applied, the prolog and
 * the script go to the nodes, and a waiting srun or salloc is told. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/stepmgr.h"

#define NO_LIMIT_SEC (365 * 86400)

bool job_wants_prolog(const struct core *c)
{
	return c->conf->prologflags & PROLOG_FLAG_ALLOC;
}

static const char *text(struct effects *out, const struct job *j, enum job_string s)
{
	return arena_strdup(&out->mem, job_str(j, s));
}

static const char *part_name(struct effects *out, const struct job *j)
{
	return j->part ? arena_strdup(&out->mem, j->part->name) : text(out, j, JS_PARTITION);
}

/* ---- allocation answers ------------------------------------------------ */

/* Variables that the controller itself adds to a job's environment. */
void job_environment_add(struct core *c, struct effects *out, const struct job *j, bool granted,
			 const char ***env, uint32_t *count)
{
	const char *inx = job_str(j, JS_ARRAY_INX);
	struct job_array *a = NULL;
	uint32_t min, max, step, n;
	char **v = arena_alloc(&out->mem, 6 * sizeof(*v));     /* one is the caller's */

	*count = 0;
	*env = (const char **)v;
	if (granted && job_is_managed(c, j))
		v[(*count)++] = arena_printf(&out->mem, "SLURM_STEPMGR=%s",
					     job_str(j, JS_BATCH_HOST));
	if (!j->array_job_id || array_parse(c, inx, &a) != E_OK)
		return;
	n = bitset_count(a->pending);
	min = bitset_next(a->pending, 0);
	max = bitset_last(a->pending);
	/* A step is only named when the whole array has it. */
	step = n > 1 ? bitset_next(a->pending, min + 1) - min : 1;
	if (step > 1 && (uint64_t)step * (n - 1) != max - min)
		step = 1;
	v += *count;
	v[0] = arena_printf(&out->mem, "SLURM_ARRAY_TASK_COUNT=%u", n);
	v[1] = arena_printf(&out->mem, "SLURM_ARRAY_TASK_MIN=%u", min);
	v[2] = arena_printf(&out->mem, "SLURM_ARRAY_TASK_MAX=%u", max);
	v[3] = arena_printf(&out->mem, "SLURM_ARRAY_TASK_STEP=%u", step);
	*count += 4;
	array_free(a);
}

/* What a client should speak to the nodes of its job: the oldest release there
 * that it knows.  (Steps on nodes that it cannot speak to are refused later.) */
uint16_t job_common_release(const struct core *c, const struct job *j, enum wire_version client)
{
	enum wire_version v = client;

	if (!j->alloc)
		return wire_version_number(v);
	bitset_foreach(i, j->alloc->nodes) {
		const struct node *n = c->node[i];

		if (n->version_known && wire_stock_speaks(client, n->version))
			v = wire_version_min(v, n->version);
	}
	return wire_version_number(v);
}

/* mpirun needs it; salloc and srun of 26.05 no longer know themselves. */
static void tasks_told(const struct core *c, struct effects *out, const struct job *j,
		       const char **env, uint32_t *count)
{
	enum wire_version client;

	if (wire_version_find(j->start_protocol, &client) &&
	    wire_version_in(client, SINCE(26_05)) && j->alloc)
		env[(*count)++] = arena_printf(&out->mem, "SLURM_TASKS_PER_NODE=%s",
					       job_tasks_per_node(c, out, j));
}

void alloc_response_fill(struct core *c, struct effects *out, const struct job *j, bool granted,
			 struct resource_allocation_response_msg *m)
{
	enum wire_version client;

	step_id_fill(j, NO_VAL, &m->step_id);
	m->account = text(out, j, JS_ACCOUNT);
	m->batch_host = text(out, j, JS_BATCH_HOST);
	job_environment_add(c, out, j, granted, &m->environment, &m->environment_count);
	tasks_told(c, out, j, m->environment, &m->environment_count);
	m->gid = j->gid;
	m->uid = j->uid;
	m->user_name = text(out, j, JS_USER_NAME);
	if (j->alloc) {
		m->node_cnt = j->alloc->node_count;
		m->node_list = effects_hostlist(c, out, j->alloc->nodes);
		m->num_cpu_groups = cpu_groups(out, j, &m->cpus_per_node, &m->cpu_count_reps);
		m->cpus_per_node_count = m->cpu_count_reps_count = m->num_cpu_groups;
	}
	m->ntasks_per_board = j->ntasks_per_board;
	m->ntasks_per_core = j->ntasks_per_core;
	m->ntasks_per_tres = j->ntasks_per_tres;
	m->ntasks_per_socket = j->ntasks_per_socket;
	m->partition = part_name(out, j);
	if (j->bitflags & JOB_MEM_SET)
		m->pn_min_memory = j->pn_min_memory;
	m->qos = text(out, j, JS_QOS);
	m->resv_name = text(out, j, JS_RESERVATION);
	m->segment_size = j->segment_size;
	m->start_protocol_ver = j->start_protocol;
	if (wire_version_find(j->start_protocol, &client))
		m->start_protocol_ver = job_common_release(c, j, client);
	m->tres_per_node = text(out, j, JS_TRES_PER_NODE);
	m->tres_per_task = text(out, j, JS_TRES_PER_TASK);
}

void job_tell_srun(struct core *c, struct job *j, uint16_t type, const void *body,
		   struct effects *out)
{
	struct effect *e;
	uint16_t port;

	(void)c;
	if (j->batch || !j->peer.family)
		return;
	port = type == RESPONSE_RESOURCE_ALLOCATION || type == RESPONSE_HET_JOB_ALLOCATION ?
		j->alloc_resp_port : j->other_port;
	if (!port)
		return;
	e = effects_add(out, EFF_CLIENT);
	e->type = type;
	e->body = body;
	e->addr = j->peer;
	e->addr.port = port;
	e->client_version = j->start_protocol;
	e->job_id = j->id;
	e->step_id = NO_VAL;
}

void job_notify_alloc(struct core *c, struct job *j, struct effects *out)
{
	struct resource_allocation_response_msg *m;

	if (j->batch || !j->alloc_resp_port)
		return;
	m = effects_body(out, RESPONSE_RESOURCE_ALLOCATION);
	alloc_response_fill(c, out, j, true, m);
	if (j->remote)
		remote_fill(c, out, j, m);
	job_tell_srun(c, j, RESPONSE_RESOURCE_ALLOCATION, m, out);
}

/* ---- prolog and batch script ------------------------------------------- */

/* A stored list: every element ends in 0x1f (see submit.c). */
void job_list_split(struct effects *out, const struct job *j, enum job_string which,
		    const char ***v, uint32_t *n)
{
	char *s = arena_strdup(&out->mem, job_str(j, which)), *end;

	*n = 0;
	if (!s)
		return;
	*v = arena_alloc(&out->mem, (strlen(s) + 1) * sizeof(**v));
	for (; (end = strchr(s, 0x1f)); s = end + 1) {
		*end = '\0';
		(*v)[(*n)++] = s;
	}
}

static void all_nodes(struct core *c, const struct job *j, struct effect *e)
{
	bitset_foreach(i, j->alloc->nodes)
		effect_node_add(e, c->node[i]);
}

void job_launch_prolog(struct core *c, struct job *j, struct effects *out)
{
	struct prolog_launch_msg *m = effects_body(out, REQUEST_LAUNCH_PROLOG);
	struct effect *e;

	m->job_id = j->id;
	m->het_job_id = j->het_job_id;
	m->uid = j->uid;
	m->gid = j->gid;
	m->nodes = effects_hostlist(c, out, j->alloc->nodes);
	m->std_err = text(out, j, JS_STD_ERR);
	m->std_out = text(out, j, JS_STD_OUT);
	m->work_dir = text(out, j, JS_WORK_DIR);
	m->user_name = text(out, j, JS_USER_NAME);
	gres_prep_fill(c, out, j, &m->job_gres_prep, &m->job_gres_prep_count);
	job_list_split(out, j, JS_SPANK_ENV, &m->spank_job_env, &m->spank_job_env_count);
	cred_fill_job(c, out, j, &m->cred.cred);
	m->cred.cred.step_id.step_id = STEP_EXTERN;
	if (job_is_managed(c, j)) {
		m->stepmgr_here = true;
		stepmgr_records_fill(c, out, j, manager_release(c, j), &m->stepmgr_records);
	}
	e = effect_nodes(c, out, REQUEST_LAUNCH_PROLOG, m);
	all_nodes(c, j, e);
	e->sign_cred = true;
	e->job_id = j->id;
	e->step_id = STEP_EXTERN;
}

static void batch_resources(struct core *c, struct job *j, struct effects *out,
			    struct batch_job_launch_msg *m)
{
	struct cred *cr = &m->cred.cred;
	uint64_t *mb = arena_alloc(&out->mem, sizeof(*mb));
	uint32_t *one = arena_alloc(&out->mem, sizeof(*one));

	m->num_cpu_groups = cpu_groups(out, j, &m->cpus_per_node, &m->cpu_count_reps);
	m->cpus_per_node_count = m->cpu_count_reps_count = m->num_cpu_groups;
	m->nodes = effects_hostlist(c, out, j->alloc->nodes);
	cred_fill_job(c, out, j, cr);
	cr->step_id.step_id = STEP_BATCH;
	cr->step_hostlist = text(out, j, JS_BATCH_HOST);
	/* Only the batch host's memory counts for the batch step. */
	*mb = j->alloc->share[0].mem_mb;
	*one = 1;
	cr->job_mem_alloc = mb;
	cr->job_mem_alloc_rep_count = one;
	cr->job_mem_alloc_size = cr->job_mem_alloc_count = cr->job_mem_alloc_reps = 1;
}

static void batch_fill(struct core *c, struct job *j, struct effects *out,
		       struct batch_job_launch_msg *m)
{
	m->job_id = j->id;
	m->het_job_id = j->het_job_id;
	m->uid = j->uid;
	m->gid = j->gid;
	m->user_name = text(out, j, JS_USER_NAME);
	m->partition = part_name(out, j);
	if (j->bitflags & JOB_NTASKS_SET)
		m->ntasks = j->num_tasks;
	m->pn_min_memory = j->pn_min_memory;
	m->job_mem = j->pn_min_memory;
	m->open_mode = j->open_mode;
	m->overcommit = j->overcommit;
	m->array_job_id = j->array_job_id;
	m->array_task_id = j->array_job_id ? j->array_task_id : NO_VAL;
	m->acctg_freq = text(out, j, JS_ACCTG_FREQ);
	m->container = text(out, j, JS_CONTAINER);
	m->cpu_bind_type = j->cpu_bind_type;
	m->cpu_bind = text(out, j, JS_CPU_BIND);
	m->cpus_per_task = j->cpus_per_task;
	m->restart_cnt = j->restart_cnt;
	m->job_core_spec = j->core_spec;
	m->work_dir = text(out, j, JS_WORK_DIR);
	m->std_err = text(out, j, JS_STD_ERR);
	m->std_in = text(out, j, JS_STD_IN);
	m->std_out = text(out, j, JS_STD_OUT);
	m->account = text(out, j, JS_ACCOUNT);
	m->qos = text(out, j, JS_QOS);
	m->resv_name = text(out, j, JS_RESERVATION);
	m->profile = j->profile;
	m->tres_bind = text(out, j, JS_TRES_BIND);
	m->tres_freq = text(out, j, JS_TRES_FREQ);
	m->tres_per_task = text(out, j, JS_TRES_PER_TASK);
	m->cpu_freq_min = j->cpu_freq_min;
	m->cpu_freq_max = j->cpu_freq_max;
	m->cpu_freq_gov = j->cpu_freq_gov;
	m->oom_kill_step = j->oom_kill_step != NO_VAL16 ? j->oom_kill_step :
		(c->conf->taskpluginparam & 0x100000) != 0;
	job_list_split(out, j, JS_SPANK_ENV, &m->spank_job_env, &m->spank_job_env_count);
	m->environment_count = batch_environment(c, out, j, &m->environment);
	m->envc = m->environment_count;
}

void job_launch_batch(struct core *c, struct job *j, struct effects *out)
{
	struct batch_job_launch_msg *m = effects_body(out, REQUEST_BATCH_JOB_LAUNCH);
	struct node *n = c->node[j->alloc->share[0].node];
	struct effect *e;

	batch_fill(c, j, out, m);
	batch_resources(c, j, out, m);
	job_list_split(out, j, JS_ARGV, &m->argv, &m->argv_count);
	m->argc = m->argv_count;
	if (n->version_known)
		m->cred_version = wire_version_number(n->version);
	e = effect_nodes(c, out, REQUEST_BATCH_JOB_LAUNCH, m);
	effect_node_add(e, n);
	e->each_alone = true;
	e->sign_cred = true;
	e->add_script = true;
	e->script_id = j->array_job_id ? j->array_job_id : j->id;
	j->sent = true;
	e->job_id = j->id;
	e->step_id = STEP_BATCH;
}

void job_prolog_done(struct core *c, struct job *j, struct effects *out)
{
	bitset_free(j->alloc->prolog);
	j->alloc->prolog = NULL;
	if (j->reason == WAIT_PROLOG)
		job_reason(c, j, WAIT_NO_REASON, NULL);
	job_dirty(c, j);
	if (!j->batch || !(c->conf->prologflags & PROLOG_FLAG_DEFER_BATCH))
		return;
	if (j->het_job_id)
		het_launch(c, j, out);
	else
		job_launch_batch(c, j, out);
}

/* ---- start ------------------------------------------------------------- */

/* (Stock's backfill has no job without an end.) */
static void start_times(struct core *c, struct job *j, bool backfill)
{
	if (j->time_limit_min == NO_VAL)
		j->time_limit_min = j->part->default_time_min != NO_VAL ?
			j->part->default_time_min : j->part->max_time_min;
	if (backfill && j->time_limit_min == INFINITE && j->part->default_time_min == NO_VAL)
		j->time_limit_min = NO_LIMIT_SEC / 60;
	if (c->resv_first && j->time_min_min && j->time_min_min != NO_VAL)
		resv_shorten(c, j);
	j->exit_code = j->derived_ec = 0;       /* of a run before */
	j->start_time = c->now;
	j->end_time = c->now + (j->time_limit_min == INFINITE ? NO_LIMIT_SEC :
				(int64_t)j->time_limit_min * 60);
	if (!j->eligible_time || j->eligible_time > c->now)
		j->eligible_time = c->now;
	j->tot_sus_sec = j->pre_sus_sec = j->suspend_time = 0;
	j->last_sched_eval = c->now;
	j->time_last_active = c->now;
	j->kill_time = 0;
	j->warned = 0;
}

void job_tres_note(struct core *c, struct job *j)
{
	uint32_t types = c->gres_type_count;
	uint64_t mem = 0, *gres = mem_zalloc((types + 1) * sizeof(*gres));
	char *s;

	for (uint32_t i = 0; i < j->alloc->node_count; i++) {
		const struct job_share *sh = &j->alloc->share[i];

		mem += sh->mem_mb;
		for (uint32_t t = 0; sh->gres && t < types; t++)
			gres[t] += sh->gres[t];
	}
	s = tres_format(c, j->alloc->total_cpus, mem, j->alloc->node_count, gres,
			j->alloc->total_cpus);
	job_str_set(j, JS_TRES_ALLOC, s);
	free(s);
	free(gres);
}

static void start_alloc(struct core *c, struct job *j, const struct placement *p)
{
	char *nodes;

	if (p->part)
		j->part = p->part;
	job_str_set(j, JS_PARTITION, j->part->name);
	job_past(j, NULL);
	j->alloc = alloc_from_placement(c, p);
	j->total_cpus = p->total_cpus;
	j->total_nodes = p->node_count;
	nodes = job_nodes_text(c, j);
	job_str_set(j, JS_NODES, nodes);
	free(nodes);
	job_str_set(j, JS_BATCH_HOST, c->node[j->alloc->share[0].node]->name);
	job_str_set(j, JS_SCHED_NODES, NULL);
	job_tres_note(c, j);
}

/* The nodes are ready for it: prologs and the script go there. */
void job_launch(struct core *c, struct job *j, struct effects *out)
{
	if (job_wants_prolog(c)) {
		if (!(c->conf->prologflags & PROLOG_FLAG_NOHOLD)) {
			j->alloc->prolog = bitset_new(j->alloc->node_count);
			bitset_set_all(j->alloc->prolog);
			job_reason(c, j, WAIT_PROLOG, NULL);
		}
		job_launch_prolog(c, j, out);
	}
	if (j->het_job_id)
		het_launch(c, j, out);
	else if (j->batch && !(j->alloc->prolog &&
			       c->conf->prologflags & PROLOG_FLAG_DEFER_BATCH))
		job_launch_batch(c, j, out);
}

void job_start(struct core *c, struct job *head, const struct placement *p, bool backfill,
	       struct effects *out)
{
	struct job *j = head;

	if (head->array)
		j = array_split(c, head, bitset_next(head->array->pending, 0));
	start_alloc(c, j, p);
	mem_limit_apply(c, j->part, j);
	resv_draw_in(c, j, p->resv_id);
	start_times(c, j, backfill);
	j->launched = j->sent = false;
	if (backfill)
		j->bitflags |= BACKFILL_SCHED;
	else
		j->bitflags &= ~BACKFILL_SCHED;
	j->bitflags |= JOB_WAS_RUNNING;
	job_reason(c, j, WAIT_NO_REASON, NULL);
	job_move(c, j, JOB_RUNNING);
	alloc_charge(c, j);
	manager_choose(c, j, out);
	head = array_head(c, j);
	if (head && head != j)
		head->array->running++;
	c->stats.started++;
	mail_started(c, j, out);
	prep_begin(c, j, out);
	depend_wake(c, j, out);
}

static void op_start(struct core *c, struct job *j, const struct placement *p, bool backfill,
		     struct effects *out)
{
	bool interactive = !j->batch;

	job_start(c, j, p, backfill, out);
	if (backfill) {
		c->stats.bf_started++;
		c->stats.bf_started_last++;
		c->stats.bf_het_started += j->het_job_id != 0;
	}
	/* An array is batch work: j is the started job itself here. */
	if (!interactive)
		return;
	if (j->het_job_id && j->het_job_id != c->alloc_reply_job)
		het_notify_alloc(c, j, out);
	else if (!j->het_job_id && j->id != c->alloc_reply_job)
		job_notify_alloc(c, j, out);
}

/* The scheduler speaks of a heterogeneous job by its leader.  A component that
 * holds up the others by itself keeps its own reason. */
static void op_reason(struct core *c, struct job *j, uint32_t reason, const char *desc)
{
	job_reason(c, j, reason, desc);
	for (struct job *k = j->het_next; k && !het_is_part(j); k = k->het_next)
		if (k->priority && !(k->bitflags & JOB_DEPENDENT))
			job_reason(c, k, reason, desc);
}

static void op_planned(struct core *c, struct job *j, int64_t start, const char *nodes)
{
	if (j->start_time == start && streq(job_str(j, JS_SCHED_NODES), nodes))
		return;
	j->start_time = start;
	job_str_set(j, JS_SCHED_NODES, nodes);
	job_touch(c, j);
}

static void op_planned_nodes(struct core *c, const struct bitset *nodes)
{
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];
		uint32_t base = n->state & NODE_STATE_BASE;
		bool want = (base == NODE_STATE_IDLE || base == NODE_STATE_MIXED) &&
			bitset_test(nodes, i);

		if (want != !!(n->state & NODE_STATE_PLANNED))
			node_move(c, n, n->state ^ NODE_STATE_PLANNED);
	}
}

const struct sched_ops core_sched_ops = { op_start, op_reason, op_planned, op_planned_nodes };
