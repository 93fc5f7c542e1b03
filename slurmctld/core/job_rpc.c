/* SPDX-License-Identifier: Apache-2.0
 *
 * What clients and step daemons ask about one running job. */
#include <errno.h>

#include "slurmctld/core/internal.h"

/* The allocation of a job that has one now. */
static enum err allocated(const struct core *c, uint32_t id, struct job **out)
{
	struct job *j = job_find(c, id);

	if (!j)
		return E_INVALID_JOB_ID;
	if (job_is_finished(j))
		return E_ALREADY_DONE;
	if (job_is_pending(j))
		return E_JOB_PENDING;
	*out = j;
	return E_OK;
}

void rpc_alloc_info(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_alloc_info_msg *m = ev->body;
	struct resource_allocation_response_msg *r;
	struct job *j;
	enum err rc = allocated(c, m->step_id.job_id, &j);

	if (rc != E_OK) {
		effect_reply_rc(out, ev, rc);
		return;
	}
	r = effect_reply(out, ev, RESPONSE_JOB_ALLOCATION_INFO);
	alloc_response_fill(c, out, j, false, r);
	if (remote_cluster(c, m->req_cluster))
		remote_fill(c, out, j, r);
	r->start_protocol_ver = job_common_release(c, j, ev->caller.version);
}

void rpc_het_alloc_info(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_alloc_info_msg *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);
	struct job_info_list_msg *r;
	bool over = true, waits = false;

	for (const struct job *k = j; k; k = k->het_next) {
		over &= job_is_finished(k);
		waits |= job_is_pending(k);
	}
	if (!j || over || waits || het_is_part(j)) {
		effect_reply_rc(out, ev, !j ? E_INVALID_JOB_ID : over ? E_ALREADY_DONE :
				waits ? E_JOB_PENDING : E_NOT_HET_JOB_LEADER);
		return;
	}
	r = het_response(c, out, j, effect_reply(out, ev, RESPONSE_HET_JOB_ALLOCATION));
	for (uint32_t i = 0; i < r->cnt; i++, j = j->het_next)
		r->resp[i].start_protocol_ver = job_common_release(c, j, ev->caller.version);
}

void rpc_job_ready(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_ready_msg *m = ev->body;
	const struct job *j = job_find(c, m->step_id.job_id);
	struct return_code_msg *r;
	bool runs;

	if (!j) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	if (j->state & JOB_CONFIGURING) {
		effect_reply_rc(out, ev, (enum err)EAGAIN);
		return;
	}
	runs = job_is_running(j) || job_base(j) == JOB_SUSPENDED;
	r = effect_reply(out, ev, j->reason == WAIT_PROLOG ? RESPONSE_PROLOG_EXECUTING :
			 RESPONSE_JOB_READY);
	r->return_code = READY_PROLOG_STATE | (runs ? READY_NODE_STATE | READY_JOB_STATE : 0);
}

void rpc_job_end_time(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_alloc_info_msg *m = ev->body;
	const struct job *j = job_find(c, m->step_id.job_id);
	struct srun_timeout_msg *r;

	if (!j) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	r = effect_reply(out, ev, SRUN_TIMEOUT);
	step_id_fill(j, NO_VAL, &r->step_id);
	r->timeout = j->end_time;
}

void rpc_batch_script(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_ready_msg *m = ev->body;
	const struct job *j = job_find(c, m->step_id.job_id);
	struct effect *e;

	if (!j) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
	} else if (!job_may_act(ev, j)) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
	} else if (!j->batch || het_is_part(j)) {
		effect_reply_rc(out, ev, E_JOB_SCRIPT_MISSING);
	} else {
		e = effects_add(out, EFF_SCRIPT_REPLY);
		e->conn = ev->conn;
		e->job_id = j->id;
		e->script_id = j->array_job_id ? j->array_job_id : j->id;
	}
}

static enum err notify(struct core *c, const struct event *ev, struct job *j,
		       const struct job_notify *m, struct effects *out)
{
	struct srun_user_msg *u;
	struct job_notify *b;

	if (!job_may_act(ev, j))
		return E_USER_ID_MISSING;
	if (job_is_finished(j))
		return E_ALREADY_DONE;
	if (!j->batch && j->other_port) {
		u = effects_body(out, SRUN_USER_MSG);
		step_id_fill(j, NO_VAL, &u->step_id);
		u->msg = arena_strdup(&out->mem, m->message);
		job_tell_srun(c, j, SRUN_USER_MSG, u, out);
		return E_OK;
	}
	if (j->batch && j->alloc && job_is_running(j)) {
		struct effect *e;

		b = effects_body(out, REQUEST_JOB_NOTIFY);
		step_id_fill(j, STEP_BATCH, &b->step_id);
		b->message = arena_strdup(&out->mem, m->message);
		e = effect_nodes(c, out, REQUEST_JOB_NOTIFY, b);
		effect_node_add(e, c->node[j->alloc->share[0].node]);
		e->no_reply = true;
		return E_OK;
	}
	return E_DISABLED;
}

void rpc_job_notify(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_notify *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);

	effect_reply_rc(out, ev, j ? notify(c, ev, j, m, out) : E_INVALID_JOB_ID);
}

/* The job a file is for: a task of an array, one component, or a whole
 * heterogeneous job with the nodes of all its components. */
static enum err sbcast_job(struct core *c, const struct step_alloc_info_msg *m,
			   struct bitset *nodes, struct job **out)
{
	uint32_t id = m->step.step_id.job_id, task = m->step.array_task_id;
	struct job *j = NULL, *other;
	enum err rc;

	if (m->step.het_job_offset != NO_VAL) {
		j = het_find(c, id, m->step.het_job_offset);
		id = j ? j->id : id;
	} else if (task != NO_VAL && task) {
		rc = allocated(c, id, &j);
		if (rc != E_OK)
			return rc;
		j = job_find_task(c, id, task);
		id = j ? j->id : id;
	} else {
		j = job_find(c, id);
	}
	rc = j ? allocated(c, id, &j) : E_INVALID_JOB_ID;
	if (rc != E_OK)
		return rc;
	bitset_or(nodes, j->alloc->nodes);
	for (struct job *k = j->het_next; k && m->step.het_job_offset == NO_VAL && rc == E_OK &&
	     !het_is_part(j); k = k->het_next) {
		rc = allocated(c, k->id, &other);
		if (rc == E_OK)
			bitset_or(nodes, k->alloc->nodes);
	}
	*out = j;
	return rc;
}

void rpc_sbcast_cred(struct core *c, const struct event *ev, struct effects *out)
{
	const struct step_alloc_info_msg *m = ev->body;
	const struct step_id_members *id = &m->step.step_id;
	struct bitset *nodes = effects_bitset(out, c->node_count);
	struct job_sbcast_cred_msg *r;
	struct sbcast_cred *cr;
	struct err_text why;
	const struct step *s = NULL;
	struct job *j = NULL;
	enum err rc;

	rc = sbcast_job(c, m, nodes, &j);
	if (rc == E_OK && !job_may_act(ev, j))
		rc = E_USER_ID_MISSING;
	if (rc == E_OK && manager_reroute(c, ev, j, out))
		return;
	if (rc == E_OK && id->step_id < STEP_MAX_NORMAL) {
		s = step_find(j, id);
		rc = s ? E_OK : E_INVALID_JOB_ID;
	}
	/* sbcast speaks its own release, whatever that of the nodes is. */
	if (rc == E_OK)
		bitset_foreach(i, nodes)
			if (rc == E_OK)
				rc = client_may_meet(ev, c->node[i], ev->caller.version, &why);
	if (rc == E_PROTOCOL_VERSION_ERROR) {
		effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	if (rc != E_OK) {
		effect_reply_rc(out, ev, rc);
		return;
	}
	r = effect_reply(out, ev, RESPONSE_JOB_SBCAST_CRED);
	out->v[out->count - 1].sign_cred = true;
	r->job_id = j->id;
	r->node_list = s ? arena_strdup(&out->mem, s->node_list) :
		effects_hostlist(c, out, nodes);
	cr = &r->cred.cred;
	cr->ctime = c->now;
	cr->expiration = j->end_time;
	step_id_fill(j, id->step_id, &cr->step_id);
	cr->het_job_id = j->het_job_id;
	cr->id.uid = j->uid;
	cr->id.gid = j->gid;
	cr->nodes = r->node_list;
}

#define NO_JOB_CRED_SEC 3600

/* sbcast -Z: root copies to nodes without a job. */
void rpc_sbcast_cred_no_job(struct core *c, const struct event *ev, struct effects *out)
{
	const struct sbcast_cred_no_job_msg *m = ev->body;
	struct bitset *nodes = effects_bitset(out, c->node_count);
	struct job_sbcast_cred_msg *r;
	struct sbcast_cred *cr;

	if (!m->node_list || !*m->node_list || nodes_parse(c, m->node_list, nodes, NULL) != E_OK) {
		effect_reply_rc(out, ev, E_INVALID_NODE_NAME);
		return;
	}
	r = effect_reply(out, ev, RESPONSE_JOB_SBCAST_CRED);
	out->v[out->count - 1].sign_cred = true;
	r->node_list = arena_strdup(&out->mem, m->node_list);
	cr = &r->cred.cred;
	cr->ctime = c->now;
	cr->expiration = c->now + NO_JOB_CRED_SEC;
	cr->id.uid = ev->caller.uid;
	cr->id.gid = ev->caller.gid;
	cr->nodes = r->node_list;
}

/* ---- what a running job has on each node ------------------------------- */

static const char *hex_mask(struct arena *mem, const struct bitset *b, uint32_t from, uint32_t bits)
{
	uint32_t digits = (bits + 3) / 4;
	char *s = arena_alloc(mem, digits + 3), *p = stpcpy(s, "0x");

	for (uint32_t d = digits; d-- > 0;) {
		unsigned v = 0;

		for (uint32_t k = 0; k < 4 && d * 4 + k < bits; k++)
			v |= (unsigned)bitset_test(b, from + d * 4 + k) << k;
		*p++ = "0123456789ABCDEF"[v];
	}
	*p = '\0';
	return s;
}

static void gres_layout(const struct core *c, const struct job_share *s, struct node_layout *l,
			struct arena *mem)
{
	if (!s->gres)
		return;
	l->gres = arena_zalloc(mem, c->gres_type_count * sizeof(*l->gres) + 1);
	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		struct node_gres_layout *g = &l->gres[l->gres_count];
		size_t n = strlen(c->gres_name[t]);

		if (!s->gres[t])
			continue;
		wire_init(&node_gres_layout_desc, g);
		g->name = arena_strdup(mem, c->gres_name[t]);
		if (c->gres_type[t][n] == ':')
			g->type = arena_strdup(mem, c->gres_type[t] + n + 1);
		g->count = s->gres[t];
		l->gres_count++;
	}
}

void rpc_resource_layout(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_ready_msg *m = ev->body;
	const struct job *j = job_find(c, m->step_id.job_id);
	struct resource_layout_msg *r;

	if (!j || (m->step_id.sluid && m->step_id.sluid != j->sluid)) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	if (!job_may_act(ev, j)) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	if (!job_is_running(j) || !j->alloc) {
		effect_reply_rc(out, ev, E_JOB_NOT_RUNNING);
		return;
	}
	r = effect_reply(out, ev, RESPONSE_RESOURCE_LAYOUT);
	r->nodes_count = j->alloc->node_count;
	r->nodes = arena_zalloc(&out->mem, r->nodes_count * sizeof(*r->nodes) + 1);
	for (uint32_t i = 0; i < r->nodes_count; i++) {
		const struct job_share *s = &j->alloc->share[i];
		const struct node *n = c->node[s->node];
		struct node_layout *l = &r->nodes[i];

		wire_init(&node_layout_desc, l);
		l->node = arena_strdup(&out->mem, n->name);
		l->mem_alloc = s->mem_mb;
		l->sockets_per_node = n->sockets;
		l->cores_per_socket = n->cores_per_socket;
		l->channel = NO_VAL;            /* no switch plugin */
		l->core_bitmap = hex_mask(&out->mem, j->alloc->cores, s->core_off, s->cores);
		gres_layout(c, s, l, &out->mem);
	}
}
