/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about jobs. */
#include <stdlib.h>

#include "slurmctld/conn.h"
#include "slurmctld/rpc/fill.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/stats.h"
#include "slurmctld/view.h"

/* What a caller may see and asked for. */
struct wanted {
	uint32_t uid;                   /* who asks */
	uint32_t only_uid;              /* NO_VAL: everybody's */
	bool hide_parts, hide_others;
	const uint32_t *ids;            /* sorted; NULL: all */
	uint32_t id_count;
};

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static enum view_choice choose(const struct core *c, const void *object, void *arg)
{
	const struct job *j = object;
	const struct wanted *w = arg;

	(void)c;
	if (w->ids && !bsearch(&j->id, w->ids, w->id_count, sizeof *w->ids, by_number))
		return VIEW_SKIP;
	if (w->only_uid != NO_VAL && j->uid != w->only_uid)
		return VIEW_SKIP;
	if (w->hide_others && j->uid != w->uid)
		return VIEW_SKIP;
	if (w->hide_parts && j->part && !part_visible(j->part, w->uid))
		return VIEW_SKIP;
	return VIEW_SHOW;
}

static bool parts_hidden(const struct core *c)
{
	for (uint32_t i = 0; i < c->part_count; i++)
		if (c->part[i] && !c->part[i]->deleted &&
		    (c->part[i]->flags & PART_FLAG_HIDDEN || c->part[i]->allow_groups))
			return true;
	return false;
}

static void wanted_init(struct ctld *c, const struct request *r, uint16_t flags,
			struct wanted *w)
{
	w->uid = r->caller.uid;
	w->only_uid = NO_VAL;
	w->hide_parts = !r->caller.operator_ && !(flags & SHOW_ALL) && parts_hidden(c->core);
	w->hide_others = rpc_private(c, r, PRIVATE_JOBS);
	w->ids = NULL;
	w->id_count = 0;
}

static bool wants_filter(const struct wanted *w)
{
	return w->ids || w->hide_parts || w->hide_others || w->only_uid != NO_VAL;
}

/* Head of the message with a count, in a->head. */
static void head_pack(struct ctld *c, const struct request *r, uint32_t count, struct answer *a)
{
	struct job_info_msg m;
	struct wire_out o = { 0 };

	wire_init(&job_info_msg_desc, &m);
	m.record_count = count;
	m.last_update = ctld_now_usec(c) / 1000000;
	m.last_backfill = c->core->stats.bf_when;
	wire_pack_head(&o, &job_info_msg_desc, &m, r->version);
	a->head = o.base;
	a->head_len = o.len;
}

static void answer_all(struct ctld *c, struct request *r, uint16_t flags, struct wanted *w)
{
	struct answer *a = answer_new();
	uint32_t n = view_append(c, VIEW_JOBS, r->version, flags & SHOW_DETAIL,
				 wants_filter(w) ? choose : NULL, w, a);

	head_pack(c, r, n, a);
	conn_reply_packed(c, r->conn, RESPONSE_JOB_INFO, a);
	stats_rpc(c->stats, r);
	request_free(r);
}

/* A few records are packed for themselves; they do not deserve a view. */
static void answer_few(struct ctld *c, struct request *r, uint16_t flags, struct job *const *v,
		       uint32_t n)
{
	struct answer *a = answer_new();
	struct wire_out o = { 0 };

	head_pack(c, r, n, a);
	o.base = a->head;
	o.len = o.cap = a->head_len;
	for (uint32_t i = 0; i < n; i++)
		view_pack_one(c, VIEW_JOBS, r->version, flags, v[i], &o);
	a->head = o.base;
	a->head_len = o.len;
	conn_reply_packed(c, r->conn, RESPONSE_JOB_INFO, a);
	stats_rpc(c->stats, r);
	request_free(r);
}

void rpc_q_jobs(struct ctld *c, struct request *r)
{
	const struct job_info_request_msg *q = r->body;
	struct wanted w;

	if (!q->job_ids_count && q->last_update - 1 >= c->core->last_job_update) {
		rpc_answer_rc(c, r, E_NO_CHANGE_IN_DATA);
		return;
	}
	wanted_init(c, r, q->show_flags, &w);
	if (q->job_ids_count && q->job_ids_count != NO_VAL) {
		qsort(q->job_ids, q->job_ids_count, sizeof *q->job_ids, by_number);
		w.ids = q->job_ids;
		w.id_count = q->job_ids_count;
	}
	if (w.ids && w.id_count <= 256) {
		struct job **v = arena_alloc(&r->mem, w.id_count * sizeof *v);
		uint32_t n = 0;

		for (uint32_t i = 0; i < w.id_count; i++) {
			struct job *j = job_find(c->core, w.ids[i]);

			if (j && (!i || w.ids[i] != w.ids[i - 1]) &&
			    choose(c->core, j, &w) == VIEW_SHOW)
				v[n++] = j;
		}
		answer_few(c, r, q->show_flags, v, n);
		return;
	}
	answer_all(c, r, q->show_flags, &w);
}

void rpc_q_jobs_user(struct ctld *c, struct request *r)
{
	const struct job_user_msg *q = r->body;
	struct wanted w;

	wanted_init(c, r, q->show_flags, &w);
	w.only_uid = q->user_id;
	answer_all(c, r, q->show_flags, &w);
}

/* A job, or all records of an array or of a heterogeneous job. */
static uint32_t records_of(const struct core *c, uint32_t id, struct job **v, uint32_t most)
{
	struct job *j = job_find(c, id);
	uint32_t n = 0;

	if (j && !j->array_job_id && !j->het_job_id) {
		v[n++] = j;
		return n;
	}
	if (j && j->array_job_id && j->array_job_id != id) {    /* one task by its own id */
		v[n++] = j;
		return n;
	}
	if (j && !j->array_job_id && j->het_job_id != id) {
		v[n++] = j;
		return n;
	}
	if (j)
		v[n++] = j;
	if (j && !j->array_job_id) {
		for (struct job *k = j->next; k && n < most; k = k->next)
			if (k->het_job_id == id)
				v[n++] = k;
		return n;
	}
	for (struct job *k = c->job_last; k && k->id >= id && n < most; k = k->prev)
		if (k->array_job_id == id && k != j)
			v[n++] = k;
	return n;
}

void rpc_q_job(struct ctld *c, struct request *r)
{
	const struct job_ready_msg *q = r->body;
	uint32_t most = c->core->job_count + 1, n, shown = 0;
	struct job **v = arena_alloc(&r->mem, most * sizeof *v);
	struct wanted w;

	wanted_init(c, r, q->show_flags, &w);
	w.hide_parts = false;
	n = records_of(c->core, q->step_id.job_id, v, most);
	for (uint32_t i = 0; i < n; i++)
		if (choose(c->core, v[i], &w) == VIEW_SHOW)
			v[shown++] = v[i];
	if (!shown) {
		rpc_answer_rc(c, r, E_INVALID_JOB_ID);
		return;
	}
	answer_few(c, r, q->show_flags, v, shown);
}

/* ---- states only ------------------------------------------------------- */

static void state_of(const struct job *j, struct job_state_item *it)
{
	it->job_id = j->id;
	it->array_job_id = j->array_job_id;
	it->array_task_id = j->array_job_id ? j->array_task_id : NO_VAL;
	it->array_task_id_bitmap = j->array ? j->array->pending : NULL;
	it->het_job_id = j->het_job_id;
	it->state = j->state;
}

static bool state_matches(const struct job *j, const struct job_state_request_item *it)
{
	if (j->id == it->job_id && it->array_task_id == NO_VAL)
		return true;
	if (j->het_job_id && j->het_job_id == it->job_id)
		return it->het_job_offset == NO_VAL || it->het_job_offset == j->het_job_offset;
	if (!j->array_job_id || j->array_job_id != it->job_id)
		return false;
	return it->array_task_id == NO_VAL || it->array_task_id == j->array_task_id ||
	       (j->array && bitset_test(j->array->pending, it->array_task_id));
}

void rpc_q_job_state(struct ctld *c, struct request *r)
{
	const struct job_state_request_msg *q = r->body;
	struct job_state_response_msg m;
	struct wanted w;

	wire_init(&job_state_response_msg_desc, &m);
	wanted_init(c, r, 0, &w);
	m.jobs = arena_zalloc(&r->mem, (c->core->job_count + 1) * sizeof *m.jobs);
	for (const struct job *j = c->core->job_first; j; j = j->next) {
		bool hit = !q->count;

		for (uint32_t i = 0; i < q->count && !hit; i++)
			hit = state_matches(j, &q->items[i]);
		if (hit && choose(c->core, j, &w) == VIEW_SHOW)
			state_of(j, &m.jobs[m.jobs_count++]);
	}
	rpc_answer(c, r, RESPONSE_JOB_STATE, &m);
}

/* ---- steps ------------------------------------------------------------- */

/* Steps that every job of a kind has: shown, but nothing is kept of them. */
static bool own_step(const struct core *c, const struct job *j, uint32_t id)
{
	if (!j->alloc || job_is_completing(j) ||
	    !(job_is_running(j) || job_base(j) == JOB_SUSPENDED))
		return false;
	if (id == STEP_BATCH)
		return j->batch && !het_is_part(j);
	return c->conf->prologflags & PROLOG_FLAG_CONTAIN;
}

static void fill_own_step(const struct core *c, const struct job *j, uint32_t id,
			  struct job_step_info_members *m, struct arena *mem)
{
	uint32_t nodes = id == STEP_BATCH ? 1 : j->alloc->node_count;
	uint32_t *index = arena_alloc(mem, nodes * sizeof *index);
	struct step s = {
		.id = id, .het_comp = NO_VAL, .state = JOB_RUNNING, .uid = j->uid,
		.num_tasks = nodes, .time_limit_min = INFINITE, .start_time = j->start_time,
		.start_protocol = j->start_protocol, .node_count = nodes, .node = index,
		.pre_sus_sec = j->pre_sus_sec,
		.name = id == STEP_BATCH ? (char[]){ "batch" } : (char[]){ "extern" },
	};

	for (uint32_t i = 0; i < nodes; i++)
		index[i] = j->alloc->share[i].node;
	show_step(c, j, &s, m, mem);
	m->name = id == STEP_BATCH ? "batch" : "extern";
}

static bool job_matches(const struct job *j, const struct step_id_members *id)
{
	return id->job_id == NO_VAL || !id->job_id || j->id == id->job_id ||
	       (j->array_job_id && j->array_job_id == id->job_id) ||
	       (j->het_job_id && j->het_job_id == id->job_id);
}

/* Where to ask on for the steps of one job; 1 when there is somebody.  Not for
 * all jobs at once: the client would ask each. */
static uint32_t manager_show(const struct core *c, const struct job *j,
			     const struct job_step_info_req_msg *q,
			     struct job_step_info_response_msg *m)
{
	struct slurm_stepmgr_job_info *i;

	if (!q->step_id.job_id || q->step_id.job_id == NO_VAL || !job_is_managed(c, j) ||
	    !job_is_running(j))
		return 0;
	if (!m)
		return 1;
	i = &m->stepmgr_jobs[m->stepmgr_jobs_count++];
	wire_init(&slurm_stepmgr_job_info_desc, i);
	i->step_id.sluid = j->sluid;
	i->step_id.job_id = j->id;
	i->step_id.step_id = q->step_id.step_id;
	i->stepmgr = job_str(j, JS_BATCH_HOST);
	return 1;
}

void rpc_q_steps(struct ctld *c, struct request *r)
{
	const struct job_step_info_req_msg *q = r->body;
	struct job_step_info_response_msg m;
	struct wanted w;
	uint32_t n = 0, managers = 0;
	bool known = false;

	if (q->last_update - 1 >= c->core->last_job_update) {
		rpc_answer_rc(c, r, E_NO_CHANGE_IN_DATA);
		return;
	}
	wire_init(&job_step_info_response_msg_desc, &m);
	wanted_init(c, r, q->show_flags, &w);
	for (int pass = 0; pass < 2; pass++) {
		if (pass && managers)
			m.stepmgr_jobs = arena_zalloc(&r->mem, managers * sizeof *m.stepmgr_jobs);
		if (pass)
			m.job_steps = arena_zalloc(&r->mem, (n + 1) * sizeof *m.job_steps);
		for (const struct job *j = c->core->job_first; j; j = j->next) {
			if (!job_matches(j, &q->step_id) || choose(c->core, j, &w) != VIEW_SHOW)
				continue;
			known = true;
			managers += manager_show(c->core, j, q, pass ? &m : NULL);
			for (uint32_t id = STEP_EXTERN; id >= STEP_BATCH; id--) {
				if (!own_step(c->core, j, id) ||
				    (q->step_id.step_id != NO_VAL && id != q->step_id.step_id))
					continue;
				if (!pass) {
					n++;
					continue;
				}
				wire_init(&job_step_info_members_desc,
					  &m.job_steps[m.job_step_count]);
				fill_own_step(c->core, j, id,
					      &m.job_steps[m.job_step_count++], &r->mem);
			}
			for (const struct step *s = j->steps; s; s = s->next) {
				if (q->step_id.step_id != NO_VAL && s->id != q->step_id.step_id)
					continue;
				if (!pass) {
					n++;
					continue;
				}
				wire_init(&job_step_info_members_desc,
					  &m.job_steps[m.job_step_count]);
				show_step(c->core, j, s, &m.job_steps[m.job_step_count++],
					  &r->mem);
			}
		}
	}
	if (!m.job_step_count && !known && c->core->job_count && q->step_id.job_id != NO_VAL &&
	    q->step_id.job_id) {
		rpc_answer_rc(c, r, E_INVALID_JOB_ID);
		return;
	}
	m.last_update = ctld_now_usec(c) / 1000000;
	if (!m.stepmgr_jobs_count)
		m.stepmgr_jobs_count = NO_VAL;
	rpc_answer(c, r, RESPONSE_JOB_STEP_INFO, &m);
}
