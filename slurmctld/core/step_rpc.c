/* SPDX-License-Identifier: Apache-2.0
 *
 * Job steps: created on srun's request, completed by ranges of ranks. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"
#include "wire/base/strbuf.h"

static bool retry_later(enum err rc)
{
	return rc == E_NODES_BUSY || rc == E_PORTS_BUSY || rc == E_DISABLED;
}

static enum err step_allowed(struct core *c, const struct event *ev,
			     const struct job_step_create_request_msg *m, struct job **out)
{
	struct job *j = job_find(c, m->step_id.job_id);
	uint32_t steps = 0;

	if (j && m->array_task_id != NO_VAL)
		j = job_find_task(c, m->step_id.job_id, m->array_task_id);
	if (!j)
		return E_INVALID_JOB_ID;
	if (ev->caller.uid != j->uid && !ev->caller.root_or_slurm)
		return E_ACCESS_DENIED;
	*out = j;
	if (job_base(j) == JOB_SUSPENDED)
		return E_DISABLED;
	if (job_is_pending(j))
		return E_JOB_PENDING;
	if (job_is_finished(j) || job_is_completing(j))
		return E_ALREADY_DONE;
	/* a step manager does not hear of a longer time limit */
	if (!c->stepmgr && c->now > j->end_time + 60 * 60 * 24)
		return E_ALREADY_DONE;
	if (j->prolog_ctld)
		return E_PROLOG_RUNNING;
	if (j->state & JOB_CONFIGURING)
		return E_NODES_BUSY;
	for (const struct step *s = j->steps; s; s = s->next)
		steps++;
	for (const struct step *s = j->steps; s && m->step_id.step_id < STEP_MAX_NORMAL; s = s->next)
		if (s->id == m->step_id.step_id &&
		    (s->het_comp == NO_VAL || s->het_comp == m->step_id.step_het_comp))
			return E_DUPLICATE_STEP_ID;
	if (steps >= c->conf->maxstepcount || j->next_step_id >= STEP_MAX_NORMAL)
		return E_STEP_LIMIT;
	return E_OK;
}

static void copy_text(char **to, const char *from)
{
	*to = from && *from ? mem_strdup(from) : NULL;
}

/* What is not gres. */
static void copy_items(char **to, const char *list)
{
	struct strbuf b = { 0 };

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
		if (strncmp(p, "gres", 4) == 0)
			continue;
		strbuf_sep(&b, ",");
		strbuf_addn(&b, p, strcspn(p, ","));
	}
	*to = b.len ? strbuf_take(&b) : NULL;
}

/* A step that names no gres has those of its job; "none" gives them up. */
static void tres_copy(struct step *s, const struct job *j,
		      const struct job_step_create_request_msg *m)
{
	const struct { char **to; const char *own; enum job_string of_job; } all[] = {
		{ &s->tres_per_step, m->tres_per_step, JS_TRES_PER_JOB },
		{ &s->tres_per_node, m->tres_per_node, JS_TRES_PER_NODE },
		{ &s->tres_per_socket, m->tres_per_socket, JS_TRES_PER_SOCKET },
		{ &s->tres_per_task, m->tres_per_task, JS_TRES_PER_TASK },
	};
	bool none = m->tres_per_node && strcasecmp(m->tres_per_node, "NONE") == 0;
	bool own = false;

	for (size_t i = 0; i < 4; i++)
		own |= all[i].own && strstr(all[i].own, "gres");
	for (size_t i = 0; i < 4; i++) {
		if (none)
			copy_items(all[i].to, all[i].to == &s->tres_per_node ? NULL : all[i].own);
		else
			copy_text(all[i].to, own ? all[i].own : job_str(j, all[i].of_job));
	}
}

static void step_copy(struct step *s, const struct event *ev, const struct job *j,
		      const struct job_step_create_request_msg *m, int64_t now)
{
	s->state = JOB_RUNNING;
	s->uid = j->uid;
	s->flags = m->flags;
	s->time_limit_min = m->time_limit == NO_VAL || !m->time_limit ? INFINITE :
		m->time_limit;
	s->srun_pid = m->srun_pid;
	if (m->cpu_freq_min == NO_VAL && m->cpu_freq_max == NO_VAL &&
	    m->cpu_freq_gov == NO_VAL) {
		s->cpu_freq_min = j->cpu_freq_min;
		s->cpu_freq_max = j->cpu_freq_max;
		s->cpu_freq_gov = j->cpu_freq_gov;
	} else {
		s->cpu_freq_min = m->cpu_freq_min;
		s->cpu_freq_max = m->cpu_freq_max;
		s->cpu_freq_gov = m->cpu_freq_gov;
	}
	s->port = m->port;
	s->start_protocol = wire_version_number(ev->caller.version);
	s->plane_size = m->plane_size;
	s->start_time = now;
	s->peer = ev->caller.peer;
	s->exit_code = NO_VAL;
	copy_text(&s->name, m->name);
	copy_text(&s->host, m->host);
	copy_text(&s->network, m->network);
	tres_copy(s, j, m);
	copy_text(&s->cpus_per_tres, m->cpus_per_tres);
	copy_text(&s->mem_per_tres, m->mem_per_tres);
	copy_text(&s->tres_bind, m->tres_bind);
	copy_text(&s->tres_freq, m->tres_freq);
	copy_text(&s->submit_line, m->submit_line);
	copy_text(&s->container, m->container);
	copy_text(&s->container_id, m->container_id);
	copy_text(&s->cwd, m->cwd);
	copy_text(&s->std_in, m->std_in);
	copy_text(&s->std_out, m->std_out);
	copy_text(&s->std_err, m->std_err);
	if (s->time_limit_min != INFINITE && s->time_limit_min)
		s->kill_time = now + (int64_t)s->time_limit_min * 60;
}

static void interactive_copy(struct step *s, const struct event *ev, const struct job *j,
			     const struct job_step_create_request_msg *m)
{
	s->id = STEP_INTERACTIVE;
	s->state = JOB_RUNNING;
	s->uid = j->uid;
	s->flags = SSF_INTERACTIVE | SSF_MEM_ZERO;
	s->srun_pid = m->srun_pid;
	s->cpu_freq_min = s->cpu_freq_max = s->cpu_freq_gov = NO_VAL;
	s->port = m->port;
	s->start_time = j->start_time;
	s->peer = ev->caller.peer;
	s->exit_code = NO_VAL;
	s->name = mem_strdup("interactive");
	copy_text(&s->host, m->host);
	copy_text(&s->submit_line, m->submit_line);
	copy_text(&s->container, job_str(j, JS_CONTAINER));
}

static void tres_note(struct core *c, struct step *s)
{
	uint32_t types = c->gres_type_count;
	uint64_t mem = 0, *gres = mem_zalloc((types + 1) * sizeof(*gres));

	for (uint32_t i = 0; i < s->node_count; i++) {
		mem += s->mem_mb ? s->mem_mb[i] : 0;
		for (uint32_t t = 0; s->gres && s->gres[i] && t < types; t++)
			gres[t] += s->gres[i][t];
	}
	free(s->tres_alloc);
	s->tres_alloc = tres_format(c, s->cpu_count, mem, s->node_count, gres, 0);
	free(gres);
}

/* Oldest of srun's release and those of the step's nodes. */
static enum wire_version step_version(const struct core *c, const struct event *ev,
				      const struct step *s)
{
	enum wire_version v = ev->caller.version;

	for (uint32_t i = 0; i < s->node_count; i++) {
		const struct node *n = c->node[s->node[i]];

		if (n->version_known)
			v = wire_version_min(v, n->version);
	}
	return v;
}

bool node_is_ours(const struct node *n)
{
	return n->version_text && strstr(n->version_text, "sluice");
}

bool node_meets_client(const struct node *n, enum wire_version client)
{
	enum wire_version v;

	if (!n->version_known || node_is_ours(n))
		return true;
	v = wire_version_min(n->version, client);
	return wire_stock_speaks(n->version, v) && wire_stock_speaks(client, v);
}

/* A client addresses node daemons itself: can it speak to this one, in a release
 * of v?  Better to say so than to let it wait for answers. */
enum err client_may_meet(const struct event *ev, const struct node *n, enum wire_version v,
			 struct err_text *why)
{
	if (!n->version_known || node_is_ours(n))
		return E_OK;
	if (wire_stock_speaks(n->version, v) && wire_stock_speaks(ev->caller.version, v))
		return E_OK;
	return err_set(why, E_PROTOCOL_VERSION_ERROR,
		       "This command speaks Slurm %s, the node daemon of %s Slurm %s: "
		       "they have no protocol in common (batch jobs run there)",
		       wire_version_name(ev->caller.version), n->conf->name,
		       wire_version_name(n->version));
}

static enum err may_meet(struct core *c, const struct event *ev, const struct step *s,
			 struct err_text *why)
{
	enum wire_version v = step_version(c, ev, s);
	enum err rc = E_OK;

	for (uint32_t i = 0; i < s->node_count && rc == E_OK; i++)
		rc = client_may_meet(ev, c->node[s->node[i]], v, why);
	return rc;
}

static void layout_fill(struct effects *out, const struct step *s, uint16_t release,
			struct step_layout *l)
{
	uint32_t n = s->node_count;
	uint16_t *cpt = arena_alloc(&out->mem, sizeof(*cpt));
	uint32_t *reps = arena_alloc(&out->mem, sizeof(*reps));

	l->present = 1;
	l->node_list = arena_strdup(&out->mem, s->node_list);
	l->node_cnt = n;
	l->start_protocol_ver = release;
	l->task_cnt = s->num_tasks;
	l->task_dist = s->task_dist;
	l->tids = arena_zalloc(&out->mem, n * sizeof(*l->tids) + 1);
	for (uint32_t i = 0; i < n && s->tids; i++) {
		size_t bytes = s->tasks[i] * sizeof(uint32_t);

		l->tids[i].v_count = s->tasks[i];
		l->tids[i].v = memcpy(arena_alloc(&out->mem, bytes + 1), s->tids[i], bytes);
	}
	*cpt = s->cpus_per_task ? s->cpus_per_task : 1;
	*reps = n;
	l->cpt_compact_array = cpt;
	l->cpt_compact_reps = reps;
	l->cpt_compact_array_count = l->cpt_compact_reps_count = n ? 1 : 0;
}

/* Where (node) is among those of a layout; at the end when it is new. */
static uint32_t layout_place(struct core *c, const struct step *s, uint32_t i, char **names,
			     uint32_t count)
{
	uint32_t k = 0;

	while (k < count && !streq(names[k], c->node[s->node[i]]->name))
		k++;
	return k;
}

/* A further component of the same step: its tasks join those of its nodes. */
static void layout_merge(struct core *c, struct effects *out, const struct step *s,
			 struct step_layout *l)
{
	uint32_t n = l->node_cnt, old = 0;
	char **names = NULL, *text;
	const char **all = arena_alloc(&out->mem, (n + s->node_count) * sizeof(*all));
	struct u32_list *tids = arena_zalloc(&out->mem, (n + s->node_count) * sizeof(*tids));

	if (!s->tids || hostlist_expand(l->node_list, &out->mem, &names, &old, NULL) != E_OK ||
	    old != n)
		return;
	memcpy(all, names, n * sizeof(*all));
	memcpy(tids, l->tids, n * sizeof(*tids));
	for (uint32_t i = 0; i < s->node_count; i++) {
		uint32_t k = layout_place(c, s, i, (char **)(uintptr_t)all, n);
		uint32_t have = k < n ? tids[k].v_count : 0;
		uint32_t *v = arena_alloc(&out->mem, (have + s->tasks[i]) * sizeof(*v) + 1);

		if (have)
			memcpy(v, tids[k].v, have * sizeof(*v));
		memcpy(v + have, s->tids[i], s->tasks[i] * sizeof(*v));
		tids[k].v = v;
		tids[k].v_count = have + s->tasks[i];
		all[k] = c->node[s->node[i]]->name;
		n += k == n;
	}
	text = hostlist_compress(all, n);
	l->node_list = arena_strdup(&out->mem, text);
	free(text);
	l->tids = tids;
	l->node_cnt = n;
	l->task_cnt += s->num_tasks;
}

static void created(struct core *c, const struct event *ev, struct job *j, struct step *s,
		    struct effects *out)
{
	struct job_step_create_response_msg *r = effect_reply(out, ev, RESPONSE_JOB_STEP_CREATE);
	enum wire_version v = step_version(c, ev, s);

	out->v[out->count - 1].sign_cred = true;
	/* As stock: the whole answer is in the release of the step. */
	out->v[out->count - 1].client_version = wire_version_number(v);
	s->start_protocol = wire_version_number(v);
	step_id_fill(j, s->id, &r->step_id);
	r->step_id.step_het_comp = s->het_comp;
	r->def_cpu_bind_type = j->part && j->part->cpu_bind ? j->part->cpu_bind :
		c->conf->taskpluginparam;
	for (uint32_t i = 0; i < s->node_count; i++)
		if (node_cpu_bind(c->node[s->node[i]]))
			r->def_cpu_bind_type = node_cpu_bind(c->node[s->node[i]]);
	layout_fill(out, s, s->start_protocol, &r->step_layout);
	if (c->stepmgr)
		r->stepmgr = arena_strdup(&out->mem, job_str(j, JS_BATCH_HOST));
	r->has_cred = true;
	r->use_protocol_ver = wire_version_number(v);
	r->state = s->state;
	cred_fill_step(c, out, j, s, &r->cred.cred);
}

static bool same_addr(const struct wire_addr *a, const struct wire_addr *b)
{
	return a->family == b->family && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* Not now: remember who asked. */
static void step_wait(struct core *c, const struct event *ev, struct job *j,
		      const struct job_step_create_request_msg *m, struct step *s)
{
	bool known = m->immediate || !m->port;

	for (const struct step *o = j->steps; o; o = o->next)
		known |= o->id == STEP_PENDING && o->port == m->port &&
			same_addr(&o->peer, &ev->caller.peer);
	if (known) {
		step_free(s);
		return;
	}
	step_copy(s, ev, j, m, c->now);
	s->kill_time = 0;
	s->state = JOB_PENDING;
	s->id = STEP_PENDING;
	s->num_tasks = m->num_tasks;
	s->cpu_count = m->cpu_count;
	step_add(j, s);
	job_dirty(c, j);
}

/* Steps of all components are numbered together, so that one over several has
 * the same number in each: the leader counts. */
static uint32_t next_step_id(struct core *c, struct job *j)
{
	struct job *l = het_is_part(j) ? het_leader(c, j) : NULL;
	uint32_t id;

	if (!l)
		return j->next_step_id++;
	id = l->next_step_id++;
	job_dirty(c, l);
	if (j->next_step_id <= id)
		j->next_step_id = id + 1;
	return id;
}

/* The record is complete: it starts. */
static void step_start(struct core *c, const struct event *ev, struct job *j, struct step *s,
		       struct effects *out)
{
	s->done = bitset_new(s->node_count);
	step_add(j, s);
	step_use(c, j, s, true);
	created(c, ev, j, s, out);
	job_dirty(c, j);
}

/* The one step of its kind that a job may have. */
static void interactive_create(struct core *c, const struct event *ev, struct job *j,
			       const struct job_step_create_request_msg *m, struct effects *out)
{
	struct job *l = het_is_part(j) ? het_leader(c, j) : j;
	struct err_text why = { "" };
	struct step *s = step_new();
	enum err rc = E_OK;

	for (const struct step *o = l ? l->steps : NULL; o; o = o->next)
		if (o->id == STEP_INTERACTIVE)
			rc = E_DUPLICATE_STEP_ID;
	if (rc == E_OK)
		rc = l ? step_place_interactive(c, l, s) : E_INVALID_JOB_ID;
	if (rc == E_OK)
		rc = may_meet(c, ev, s, &why);
	if (rc != E_OK) {
		step_free(s);
		effect_reply_rc_msg(out, ev, rc, why.text[0] ? why.text : NULL);
		return;
	}
	interactive_copy(s, ev, l, m);
	step_start(c, ev, l, s, out);
}

void rpc_step_create(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_step_create_request_msg *m = ev->body;
	struct err_text why = { "" };
	struct job *j = NULL;
	struct step *s;
	enum err rc = step_allowed(c, ev, m, &j);

	if (rc == E_OK && manager_starts(c, j))
		rc = E_NODES_BUSY;
	if (rc != E_OK) {
		if (rc == E_DISABLED || rc == E_NODES_BUSY)
			step_wait(c, ev, j, m, step_new());
		effect_reply_rc(out, ev, rc);
		return;
	}
	if (manager_reroute(c, ev, j, out))
		return;
	/* srun has gone by then: only a step manager could run it */
	if (m->flags & SSF_ASYNC) {
		effect_reply_rc(out, ev, E_INVALID_FEATURE);
		return;
	}
	if (m->flags & SSF_INTERACTIVE) {
		interactive_create(c, ev, j, m, out);
		return;
	}
	s = step_new();
	rc = step_place(c, j, m, s, &why);
	if (rc != E_OK) {
		if (rc == E_NODES_BUSY)
			step_wait(c, ev, j, m, s);
		else
			step_free(s);
		if (retry_later(rc))
			effect_reply_rc(out, ev, rc);
		else
			effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	rc = may_meet(c, ev, s, &why);
	if (rc != E_OK) {
		step_free(s);
		effect_log(out, 3, "%s", why.text);
		effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	step_copy(s, ev, j, m, c->now);
	if (m->step_id.step_id < STEP_MAX_NORMAL) {
		s->id = m->step_id.step_id;
		if (s->id >= j->next_step_id)
			j->next_step_id = s->id + 1;
	} else {
		s->id = next_step_id(c, j);
	}
	s->het_comp = m->step_id.step_het_comp;
	tres_note(c, s);
	step_start(c, ev, j, s, out);
}

/* ---- completion -------------------------------------------------------- */

static bool worse(uint32_t a, uint32_t b)
{
	return b == NO_VAL || a > b;
}

/* An srun that found no room waits at its port to be told to ask again. */
void steps_wake(struct job *j, struct effects *out)
{
	struct step **p = &j->steps;

	while (*p) {
		struct step *s = *p;
		struct job_step_kill_msg *m;
		struct effect *e;

		if (s->id != STEP_PENDING) {
			p = &s->next;
			continue;
		}
		m = effects_body(out, SRUN_STEP_SIGNAL);
		step_id_fill(j, s->id, &m->step_id);
		e = effects_add(out, EFF_CLIENT);
		e->type = SRUN_STEP_SIGNAL;
		e->body = m;
		e->addr = s->peer;
		e->addr.port = s->port;
		e->client_version = s->start_protocol;
		e->job_id = j->id;
		*p = s->next;
		step_free(s);
	}
}

void step_ended(struct core *c, struct job *j, struct step *s, struct effects *out)
{
	uint32_t code = s->exit_code == NO_VAL ? 0 : s->exit_code;

	if (s->id < STEP_MAX_NORMAL && code > j->derived_ec)
		j->derived_ec = code;
	j->time_last_active = c->now;
	step_remove(c, j, s);
	steps_wake(j, out);
}

void rpc_step_complete(struct core *c, const struct event *ev, struct effects *out)
{
	const struct step_complete_msg *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);
	struct step *s = j ? step_find(j, &m->step_id) : NULL;

	if (!j || (!s && !job_is_completing(j) && !job_is_running(j))) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	if (!ev->caller.root_or_slurm && ev->caller.uid != j->uid) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	/* The daemon's own steps have no record here. */
	if (!s) {
		effect_reply_rc(out, ev, m->step_id.step_id >= STEP_MAX_NORMAL ? E_OK :
				E_ALREADY_DONE);
		return;
	}
	effect_reply_rc(out, ev, E_OK);
	if (worse(m->step_rc, s->exit_code))
		s->exit_code = m->step_rc;
	if (m->range_first > m->range_last || m->range_first >= s->node_count)
		return;
	bitset_set_range(s->done, m->range_first,
			 m->range_last < s->node_count ? m->range_last : s->node_count - 1);
	job_dirty(c, j);
	if (bitset_count(s->done) >= s->node_count)
		step_ended(c, j, s, out);
}

void rpc_step_layout(struct core *c, const struct event *ev, struct effects *out)
{
	const struct step_id_members *id = ev->body;
	const struct job *j = job_find(c, id->job_id);
	const struct step *s = j ? step_find(j, id) : NULL;
	struct step_layout *l;
	struct err_text why;

	if (j && !s && manager_reroute(c, ev, j, out))
		return;
	if (!s)
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
	else if (!ev->caller.root_or_slurm && !ev->caller.operator_ && ev->caller.uid != j->uid)
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
	else if (may_meet(c, ev, s, &why) != E_OK)
		effect_reply_rc(out, ev, E_PROTOCOL_VERSION_ERROR);
	else {
		l = effect_reply(out, ev, RESPONSE_STEP_LAYOUT);
		layout_fill(out, s, wire_version_number(step_version(c, ev, s)), l);
		for (s = s->next; s && id->step_het_comp == NO_VAL; s = s->next)
			if (step_matches(s, id) && s->het_comp != NO_VAL)
				layout_merge(c, out, s, l);
	}
}

/* ---- time limits ------------------------------------------------------- */

static void step_limit_kill(struct core *c, struct job *j, struct step *s, struct effects *out)
{
	struct kill_job_msg *m = effects_body(out, REQUEST_KILL_TIMELIMIT);
	struct effect *e;

	step_id_fill(j, s->id, &m->step_id);
	m->step_id.step_het_comp = s->het_comp;
	m->het_job_id = j->het_job_id;
	m->job_state = j->state;
	m->job_uid = j->uid;
	m->job_gid = j->gid;
	m->nodes = effects_hostlist(c, out, j->alloc->nodes);
	m->time = c->now;
	m->start_time = j->start_time;
	e = effect_nodes(c, out, REQUEST_KILL_TIMELIMIT, m);
	for (uint32_t i = 0; i < s->node_count; i++)
		effect_node_add(e, c->node[s->node[i]]);
	e->job_id = j->id;
	e->step_id = s->id;
}

void steps_time_limits(struct core *c, struct job *j, struct effects *out)
{
	for (struct step *s = j->steps; s; s = s->next) {
		struct srun_timeout_msg *m;

		if (!time_due(s->kill_time, c->now))
			continue;
		s->kill_time = 0;
		job_dirty(c, j);
		m = effects_body(out, SRUN_TIMEOUT);
		step_id_fill(j, s->id, &m->step_id);
		m->timeout = c->now;
		if (s->port && s->peer.family) {
			struct effect *e = effects_add(out, EFF_CLIENT);

			e->type = SRUN_TIMEOUT;
			e->body = m;
			e->addr = s->peer;
			e->addr.port = s->port;
			e->client_version = s->start_protocol;
		}
		s->state = JOB_TIMEOUT;
		step_limit_kill(c, j, s, out);
	}
}

void rpc_update_step(struct core *c, const struct event *ev, struct effects *out)
{
	const struct update_job_step_msg *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);
	bool any = false;

	if (!j) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	/* The owner may only shorten. */
	if (!ev->caller.operator_ && !ev->caller.root_or_slurm && ev->caller.uid != j->uid) {
		effect_reply_rc(out, ev, E_ACCESS_DENIED);
		return;
	}
	for (struct step *s = j->steps; s; s = s->next) {
		if (m->step_id.step_id != NO_VAL && s->id != m->step_id.step_id)
			continue;
		if (m->time_limit == NO_VAL)
			continue;
		if (!ev->caller.operator_ && !ev->caller.root_or_slurm &&
		    m->time_limit > s->time_limit_min) {
			effect_reply_rc(out, ev, E_ACCESS_DENIED);
			return;
		}
		s->time_limit_min = m->time_limit;
		s->kill_time = m->time_limit == INFINITE ? 0 :
			s->start_time + (int64_t)m->time_limit * 60;
		any = true;
	}
	if (!any && manager_pass(c, j, REQUEST_UPDATE_JOB_STEP, m, out))
		any = true;
	else if (any)
		job_dirty(c, j);
	effect_reply_rc(out, ev, any || m->time_limit == NO_VAL ? E_OK : E_INVALID_JOB_ID);
}
