/* SPDX-License-Identifier: Apache-2.0
 *
 * The step manager: a core made of what a controller says about one job, and
 * the requests that it serves.  Placement, credentials and completion are those
 * of the controller (step_rpc.c, sched/steps.c); nothing is decided here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/show.h"
#include "slurmctld/core/stepmgr.h"

#define WAITERS_MAX 64

struct stepmgr_waiter {
	struct wire_addr addr;
	uint16_t version;               /* number */
};

static struct job *the_job(const struct core *c)
{
	return c->job_first;
}

/* ---- from the records --------------------------------------------------- */

/* Name of the gres with stock's number for it: a word of GresTypes. */
static char *gres_name_of(const struct core *c, uint32_t id)
{
	const char *p = c->conf->grestypes;
	size_t n;

	for (; p && *p; p += n + (p[n] == ',')) {
		char *name;

		n = strcspn(p, ",");
		name = mem_strndup(p, n);
		if (gres_id(name) == id)
			return name;
		free(name);
	}
	return NULL;
}

static void gres_type_add(struct core *c, char *name, const char *type)
{
	uint32_t t = c->gres_type_count++;

	c->gres_name[t] = name;
	c->gres_type[t] = type && *type ? mem_printf("%s:%s", name, type) : mem_strdup(name);
}

/* The types of gres that the job has are all there are: first as the records
 * have them, then the names without type, by which steps may ask. */
static void gres_types_of(struct core *c, const struct job_record *r)
{
	uint32_t n = r->gres_alloc_count;

	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		free(c->gres_type[t]);
		free(c->gres_name[t]);
	}
	free(c->gres_type);
	free(c->gres_name);
	c->gres_type_count = 0;
	c->gres_type = mem_zalloc((2 * n + 1) * sizeof(*c->gres_type));
	c->gres_name = mem_zalloc((2 * n + 1) * sizeof(*c->gres_name));
	for (uint32_t i = 0; i < n; i++) {
		const struct gres_job_rec *g = &r->gres_alloc[i];
		char *name = gres_name_of(c, g->plugin_id);

		/* a name that nobody can ask for keeps the place */
		gres_type_add(c, name ? name : mem_strdup(""), g->type_name);
	}
	for (uint32_t i = 0; i < n; i++) {
		bool there = false;

		for (uint32_t k = 0; k < c->gres_type_count && !there; k++)
			there = streq(c->gres_type[k], c->gres_name[i]);
		if (!there)
			gres_type_add(c, mem_strdup(c->gres_name[i]), NULL);
	}
	for (uint32_t i = 0; i < c->node_count; i++) {
		free(c->node[i]->gres);
		c->node[i]->gres = mem_zalloc((c->gres_type_count + 1) *
					      sizeof(*c->node[i]->gres));
	}
}

static void nodes_load(struct core *c, const struct stepmgr_records *r)
{
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];

		n->version_known = wire_version_find(r->nodes[i].protocol_version, &n->version);
		node_set_str(&n->features_active, r->nodes[i].features_act);
		n->state = NODE_STATE_ALLOCATED;
		n->last_response = c->now;
	}
}

static struct part *part_load(struct core *c, const struct part_record *r)
{
	struct part *p = part_new(c, r->name ? r->name : "");

	p->cpu_bind = r->cpu_bind;
	p->flags = r->flags;
	p->max_time_min = r->max_time;
	p->max_nodes = r->max_nodes;
	p->min_nodes = r->min_nodes;
	p->max_cpus_per_node = r->max_cpus_per_node;
	p->max_cpus_per_socket = r->max_cpus_per_socket;
	p->max_share = r->max_share;
	p->cr_type = r->cr_type;
	return p;
}

/* The i-th node's sockets and cores, given as run lengths. */
static void shape_of(const struct job_resources *r, uint32_t i, uint16_t *sockets,
		     uint16_t *cores)
{
	uint32_t k = 0;

	while (k + 1 < r->sock_core_rep_count_count && i >= r->sock_core_rep_count[k])
		i -= r->sock_core_rep_count[k++];
	*sockets = r->sockets_per_node[k];
	*cores = r->cores_per_socket[k];
}

static bool resources_fit(const struct core *c, const struct job_resources *r)
{
	uint64_t cores = 0;

	if (r->nhosts == NO_VAL || r->nhosts != c->node_count || !r->core_bitmap ||
	    r->cpus_count < c->node_count ||
	    (r->memory_allocated_count && r->memory_allocated_count < c->node_count) ||
	    !r->sock_core_rep_count_count ||
	    r->sockets_per_node_count < r->sock_core_rep_count_count ||
	    r->cores_per_socket_count < r->sock_core_rep_count_count)
		return false;
	for (uint32_t i = 0; i < c->node_count; i++) {
		uint16_t s, k;

		shape_of(r, i, &s, &k);
		cores += (uint32_t)s * k;
		if ((uint32_t)s * k > UINT16_MAX)
			return false;
	}
	return cores == r->core_bitmap->bits;
}

static void gres_load(struct core *c, const struct job_record *r, uint32_t i,
		      struct job_share *s)
{
	for (uint32_t t = 0; t < r->gres_alloc_count; t++) {
		const struct gres_job_rec *g = &r->gres_alloc[t];
		const struct bitset *bits = g->has_bit_alloc && i < g->node_cnt ?
			g->gres_bit_alloc[i] : NULL;
		struct node_gres *n = &c->node[i]->gres[t];

		if (i < g->gres_cnt_node_alloc_count)
			s->gres[t] = (uint16_t)g->gres_cnt_node_alloc[i];
		if (!bits || bits->bits > GRES_DEVICES_MAX)
			continue;
		n->bits = bits->bits;
		n->shared = conf_gres_shared(c->gres_name[t]);
		bitset_foreach(b, bits)
			s->devs[t] |= UINT64_C(1) << b;
	}
}

static struct job_alloc *alloc_load(struct core *c, const struct job_record *r)
{
	const struct job_resources *res = &r->resources;
	struct placement p = { .node_count = c->node_count, .cores = res->core_bitmap };
	struct job_alloc *a;
	struct arena mem = { 0 };
	uint32_t off = 0;

	p.share = arena_zalloc(&mem, c->node_count * sizeof(*p.share));
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct job_share *s = &p.share[i];
		struct node *n = c->node[i];

		shape_of(res, i, &n->sockets, &n->cores_per_socket);
		n->cores = (uint32_t)n->sockets * n->cores_per_socket;
		s->node = i;
		s->cpus = res->cpus[i];
		s->tasks = 1;
		s->core_off = off;
		s->cores = (uint16_t)n->cores;
		s->mem_mb = res->memory_allocated_count ? res->memory_allocated[i] : 0;
		off += s->cores;
		p.total_cpus += s->cpus;
		if (!c->gres_type_count)
			continue;
		s->gres = arena_zalloc(&mem, c->gres_type_count * sizeof(*s->gres));
		s->devs = arena_zalloc(&mem, c->gres_type_count * sizeof(*s->devs));
		gres_load(c, r, i, s);
	}
	p.whole_node = res->whole_node;
	a = alloc_from_placement(c, &p);
	arena_fini(&mem);
	return a;
}

static void strings_load(struct job *j, const struct stepmgr_records *r)
{
	const struct job_record *m = &r->job;
	const struct job_details_record *d = &m->details;
	const struct { enum job_string s; const char *v; } all[] = {
		{ JS_ACCOUNT, m->account }, { JS_ALLOC_NODE, m->alloc_node },
		{ JS_BATCH_HOST, m->batch_host }, { JS_COMMENT, m->comment },
		{ JS_CPUS_PER_TRES, m->cpus_per_tres }, { JS_EXTRA, m->extra },
		{ JS_FEATURES, d->features }, { JS_HET_JOB_ID_SET, m->het_job_id_set },
		{ JS_LICENSES, m->licenses }, { JS_MEM_PER_TRES, m->mem_per_tres },
		{ JS_NAME, m->name }, { JS_NETWORK, m->network }, { JS_NODES, m->nodes },
		{ JS_PARTITION, r->part.name }, { JS_QOS, d->qos_req },
		{ JS_RESERVATION, m->resv_name }, { JS_SELINUX_CONTEXT, m->selinux_context },
		{ JS_STD_ERR, d->std_err }, { JS_STD_IN, d->std_in }, { JS_STD_OUT, d->std_out },
		{ JS_TRES_BIND, m->tres_bind }, { JS_TRES_FREQ, m->tres_freq },
		{ JS_TRES_PER_JOB, m->tres_per_job }, { JS_TRES_PER_NODE, m->tres_per_node },
		{ JS_TRES_PER_SOCKET, m->tres_per_socket },
		{ JS_TRES_PER_TASK, m->tres_per_task }, { JS_USER_NAME, m->user_name },
		{ JS_WCKEY, m->wckey }, { JS_WORK_DIR, d->work_dir },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].v && *all[i].v)
			job_str_set(j, all[i].s, all[i].v);
}

static void details_load(struct job *j, const struct job_details_record *d)
{
	j->submit_time = d->submit_time;
	j->begin_time = d->begin_time;
	j->min_cpus = d->min_cpus;
	j->max_cpus = d->max_cpus;
	j->min_nodes = d->min_nodes;
	j->max_nodes = d->max_nodes;
	j->num_tasks = d->num_tasks;
	j->cpus_per_task = d->cpus_per_task;
	j->ntasks_per_node = d->ntasks_per_node;
	j->ntasks_per_tres = d->ntasks_per_tres;
	j->core_spec = d->core_spec;
	j->task_dist = d->task_dist;
	j->overcommit = d->overcommit;
	j->open_mode = d->open_mode;
	j->pn_min_memory = d->pn_min_memory;
	j->pn_min_cpus = (uint16_t)d->pn_min_cpus;
	j->cpu_freq_min = d->cpu_freq_min;
	j->cpu_freq_max = d->cpu_freq_max;
	j->cpu_freq_gov = d->cpu_freq_gov;
	j->oom_kill_step = d->oom_kill_step;
	j->x11 = d->x11;
	j->segment_size = d->segment_size;
	if (!d->mc.present)
		return;
	j->ntasks_per_socket = d->mc.ntasks_per_socket;
	j->ntasks_per_core = d->mc.ntasks_per_core;
	j->ntasks_per_board = d->mc.ntasks_per_board;
	j->threads_per_core = d->mc.threads_per_core;
	j->plane_size = d->mc.plane_size;
}

/* The numbers of two records of sharing are one in the request. */
static uint16_t shared_of(const struct job_details_record *d)
{
	switch (d->whole_node) {
	case 1:
		return JOB_SHARED_NONE;
	case 2:
		return JOB_SHARED_USER;
	case 3:
		return JOB_SHARED_MCS;
	default:
		return d->share_res == 1 ? JOB_SHARED_OK : NO_VAL16;
	}
}

static struct job *job_load(struct core *c, const struct stepmgr_records *r)
{
	const struct job_record *m = &r->job;
	struct job *j = job_new();

	j->id = m->step_id.job_id;
	j->sluid = m->step_id.sluid ? m->step_id.sluid : m->db_index;
	j->array_job_id = m->array_job_id;
	j->array_task_id = m->array_task_id;
	j->het_job_id = m->het_job_id;
	j->het_job_offset = m->het_job_offset;
	j->state = JOB_RUNNING;
	j->uid = m->user_id;
	j->gid = m->group_id;
	j->bitflags = m->bit_flags;
	j->batch = m->batch_flag != 0;
	j->start_protocol = m->start_protocol_ver;
	j->start_time = m->start_time;
	j->end_time = m->end_time;
	j->restart_cnt = m->restart_cnt;
	j->time_limit_min = m->time_limit;
	j->next_step_id = m->next_step_id;
	j->alloc_resp_port = m->alloc_resp_port;
	j->other_port = m->other_port;
	j->alloc_sid = m->alloc_sid;
	j->profile = m->profile;
	j->resv_port_cnt = m->resv_port_cnt;
	j->kill_on_node_fail = m->kill_on_node_fail;
	j->wait_all_nodes = m->wait_all_nodes;
	j->shared = shared_of(&m->details);
	details_load(j, &m->details);
	strings_load(j, r);
	j->alloc = alloc_load(c, m);
	j->total_cpus = j->alloc->total_cpus;
	j->total_nodes = j->alloc->node_count;
	j->part = part_load(c, &r->part);
	return j;
}

enum err stepmgr_load(struct core *c, const struct stepmgr_records *r,
		      const struct wire_addr *client, struct err_text *why)
{
	struct job *j;

	if (r->job.step_id.job_id == NO_VAL || !r->job.step_id.job_id || !r->job.batch_host)
		return err_set(why, E_FAIL, "the step manager's job has no number or no host");
	if (!c->node_count || r->nodes_count != c->node_count ||
	    !resources_fit(c, &r->job.resources))
		return err_set(why, E_FAIL,
			       "the step manager's records of JobId=%u contradict each other",
			       r->job.step_id.job_id);
	if (r->job.steps_count && r->job.steps_count != NO_VAL)
		return err_set(why, E_FAIL, "JobId=%u has steps already",
			       r->job.step_id.job_id);
	c->stepmgr = true;
	gres_types_of(c, &r->job);
	nodes_load(c, r);
	j = job_load(c, r);
	if (client)
		j->peer = *client;
	job_add(c, j);
	alloc_charge(c, j);
	return E_OK;
}

/* ---- at work ------------------------------------------------------------ */

/* Nothing is kept. */
static void forget(struct core *c)
{
	for (struct job *j = c->dirty_jobs; j; j = j->dirty_next)
		j->dirty = false;
	for (struct node *n = c->dirty_nodes; n; n = n->dirty_next)
		n->dirty = false;
	c->dirty_jobs = NULL;
	c->dirty_nodes = NULL;
	c->dirty_meta = c->wants_sched = false;
}

void stepmgr_suspended(struct core *c, bool suspended, struct effects *out)
{
	job_move(c, the_job(c), suspended ? JOB_SUSPENDED : JOB_RUNNING);
	if (!suspended)
		steps_wake(the_job(c), out);
	forget(c);
}

/* Steps keep what they have, but no more than the job. */
void stepmgr_memory(struct core *c, uint64_t mb)
{
	struct job *j = the_job(c);

	j->pn_min_memory = mb;
	for (struct step *s = j->steps; s; s = s->next) {
		step_use(c, j, s, false);
		for (uint32_t i = 0; s->mem_mb && i < s->node_count; i++)
			if (s->mem_mb[i] > mb)
				s->mem_mb[i] = mb;
		step_use(c, j, s, true);
	}
	for (uint32_t i = 0; i < j->alloc->node_count; i++)
		if (j->alloc->share[i].mem_mb > mb)
			j->alloc->share[i].mem_mb = mb;
	forget(c);
}

static bool busy(const struct core *c)
{
	return the_job(c)->steps != NULL;
}

/* swait of 26.05: tell me when no step is left. */
static void rpc_subscribe(struct core *c, const struct event *ev, struct effects *out)
{
	const struct steps_drained_sub_msg *m = ev->body;
	struct stepmgr_waiter *w;

	if (!m->host || !*m->host || !m->port || !ev->caller.peer.family) {
		effect_reply_rc(out, ev, E_INVALID_NODE_NAME);
	} else if (!busy(c)) {
		effect_reply_rc(out, ev, E_STEPS_DRAINED);
	} else if (c->waiter_count >= WAITERS_MAX) {
		effect_reply_rc(out, ev, (enum err)EAGAIN);
	} else {
		c->waiters = mem_realloc(c->waiters, (c->waiter_count + 1) * sizeof(*w));
		w = &c->waiters[c->waiter_count++];
		w->addr = ev->caller.peer;
		w->addr.port = m->port;
		w->version = wire_version_number(ev->caller.version);
		effect_reply_rc(out, ev, E_OK);
	}
}

static void waiters_tell(struct core *c, struct effects *out)
{
	for (uint32_t i = 0; i < c->waiter_count; i++) {
		struct effect *e = effects_add(out, EFF_CLIENT);

		e->type = SRUN_STEPS_DRAINED;
		e->addr = c->waiters[i].addr;
		e->client_version = c->waiters[i].version;
		e->job_id = the_job(c)->id;
	}
	free(c->waiters);
	c->waiters = NULL;
	c->waiter_count = 0;
}

static void rpc_steps_info(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_step_info_req_msg *q = ev->body;
	const struct job *j = the_job(c);
	struct job_step_info_response_msg *m = effect_reply(out, ev, RESPONSE_JOB_STEP_INFO);
	uint32_t n = 0;

	for (const struct step *s = j->steps; s; s = s->next)
		n++;
	m->job_steps = arena_zalloc(&out->mem, (n + 1) * sizeof(*m->job_steps));
	for (const struct step *s = j->steps; s; s = s->next) {
		struct job_step_info_members *i = &m->job_steps[m->job_step_count];

		if (q->step_id.step_id != NO_VAL && s->id != q->step_id.step_id)
			continue;
		wire_init(&job_step_info_members_desc, i);
		show_step(c, j, s, i, &out->mem);
		m->job_step_count++;
	}
	m->last_update = c->now;
	m->stepmgr_jobs_count = NO_VAL;
}

/* The controller tells its client's commands through us. */
static void rpc_job_complete(struct core *c, const struct event *ev, struct effects *out)
{
	(void)ev;
	job_srun_complete(c, the_job(c), out);
}

static void rpc_job_timeout(struct core *c, const struct event *ev, struct effects *out)
{
	const struct srun_timeout_msg *m = ev->body;
	struct job *j = the_job(c);
	struct srun_timeout_msg *t;

	for (const struct step *s = j->steps; s; s = s->next) {
		struct effect *e;

		if (!s->port || !s->peer.family)
			continue;
		t = effects_body(out, SRUN_TIMEOUT);
		step_id_fill(j, s->id, &t->step_id);
		t->timeout = m->timeout;
		e = effects_add(out, EFF_CLIENT);
		e->type = SRUN_TIMEOUT;
		e->body = t;
		e->addr = s->peer;
		e->addr.port = s->port;
		e->client_version = s->start_protocol;
		e->job_id = j->id;
	}
	t = effects_body(out, SRUN_TIMEOUT);
	step_id_fill(j, NO_VAL, &t->step_id);
	t->timeout = m->timeout;
	job_tell_srun(c, j, SRUN_TIMEOUT, t, out);
}

/* Nodes that are no longer the job's. */
static void nodes_leave(struct core *c, const char *list, bool failed, struct effects *out)
{
	struct job *j = the_job(c);
	struct bitset *set = bitset_new(c->node_count);

	(void)nodes_parse(c, list, set, NULL);
	if (failed)
		bitset_foreach(i, set)
			job_tell_node_fail(c, j, c->node[i], out);
	job_shrink(c, j, set, failed, out);
	bitset_free(set);
}

static void rpc_node_fail(struct core *c, const struct event *ev, struct effects *out)
{
	const struct srun_node_fail_msg *m = ev->body;

	if (m->nodelist)
		nodes_leave(c, m->nodelist, true, out);
}

/* The job gives up nodes (26.05): what runs there ends first, and nothing new
 * goes there. */
static void rpc_resized(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_resize_msg *m = ev->body;

	if (m->nodelist)
		nodes_leave(c, m->nodelist, false, out);
	effect_reply_rc(out, ev, E_OK);
}

static void rpc_cancel(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_step_kill_msg *m = ev->body;

	if (m->step_id.step_id != NO_VAL)
		rpc_cancel_step(c, ev, out);
	else            /* jobs are the controller's */
		effect_reply_rc(out, ev, E_NOT_SUPPORTED);
}

static void rpc_create(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_step_create_request_msg *m = ev->body;

	/* --async of 26.05: no srun is left to run it */
	if (m->flags & SSF_ASYNC)
		effect_reply_rc_msg(out, ev, E_INVALID_FEATURE,
				    "srun --async is not supported by this node's step manager");
	else
		rpc_step_create(c, ev, out);
}

static const struct {
	uint16_t type;
	core_rpc *handler;
} served[] = {
	{ REQUEST_JOB_STEP_CREATE, rpc_create },
	{ REQUEST_STEP_COMPLETE, rpc_step_complete },
	{ REQUEST_STEP_LAYOUT, rpc_step_layout },
	{ REQUEST_CANCEL_JOB_STEP, rpc_cancel },
	{ REQUEST_UPDATE_JOB_STEP, rpc_update_step },
	{ REQUEST_JOB_SBCAST_CRED, rpc_sbcast_cred },
	{ REQUEST_HET_JOB_ALLOC_INFO, rpc_het_alloc_info },
	{ REQUEST_JOB_STEP_INFO, rpc_steps_info },
	{ REQUEST_STEPS_DRAINED_SUBSCRIBE, rpc_subscribe },
	{ REQUEST_STEPMGR_RESIZE_KILL_STEPS, rpc_resized },
	{ SRUN_JOB_COMPLETE, rpc_job_complete },
	{ SRUN_TIMEOUT, rpc_job_timeout },
	{ SRUN_NODE_FAIL, rpc_node_fail },
};

static core_rpc *handler_of(uint16_t type)
{
	for (size_t i = 0; i < sizeof(served) / sizeof(*served); i++)
		if (served[i].type == type)
			return served[i].handler;
	return NULL;
}

static void at(struct core *c, int64_t now)
{
	c->now = now;
	c->now_usec = now * 1000000;
}

void stepmgr_serve(struct core *c, const struct stepmgr_request *q, struct effects *out)
{
	core_rpc *handler = handler_of(q->type);
	struct event ev = {
		.kind = EV_RPC, .now = q->now, .now_usec = q->now * 1000000, .type = q->type,
		.body = q->body,
		.caller = { .uid = q->uid, .root_or_slurm = q->admin, .operator_ = q->admin,
			    .version = q->version, .peer = q->peer },
	};

	at(c, q->now);
	if (handler)
		handler(c, &ev, out);
	else
		effect_reply_rc(out, &ev, E_NOT_SUPPORTED);
	if (!busy(c))
		waiters_tell(c, out);
	forget(c);
}

void stepmgr_tick(struct core *c, int64_t now, struct effects *out)
{
	at(c, now);
	if (job_is_running(the_job(c)))
		steps_time_limits(c, the_job(c), out);
	forget(c);
}

int64_t stepmgr_next_time(const struct core *c)
{
	int64_t t = NEVER;

	for (const struct step *s = the_job(c)->steps; s; s = s->next)
		if (s->kill_time && s->kill_time < t)
			t = s->kill_time;
	return t;
}
