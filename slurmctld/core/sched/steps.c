/* SPDX-License-Identifier: Apache-2.0
 *
 * Placing a step inside its job.  A step that cannot start now but could when
 * others of its job end gives E_NODES_BUSY: srun tries again.  Anything else
 * is final. */
#include <stdlib.h>

#include "wire/base/hostlist.h"
#include "conf/names.h"
#include "slurmctld/core/sched/step_i.h"

/* ---- the request ------------------------------------------------------- */
static uint32_t nodes_or_all(uint32_t v, uint32_t all)
{
	return v == 0 || v == NO_VAL || v == INFINITE ? all : v;
}

/* CPUs per task, which srun sends multiplied; 0 when no whole number of tasks
 * of that size fits the job's nodes. */
static uint32_t cpus_per_task(const struct step_req *q)
{
	const char *t = q->msg->tres_per_task ? strstr(q->msg->tres_per_task, "cpu:") : NULL;
	uint32_t cpt;
	int64_t left;

	cpt = t ? (uint32_t)strtoul(t + 4, NULL, 10) : 0;
	if (q->tasks == NO_VAL)
		return cpt;
	if (!cpt) {
		if (q->msg->cpus_per_tres || !q->cpus || q->cpus % q->tasks)
			return 0;
		cpt = q->cpus / q->tasks;
	}
	left = q->tasks;
	for (uint32_t k = 0; k < q->n; k++) {
		if (cpt > q->alloc->share[k].cpus)
			return 0;
		left -= q->alloc->share[k].cpus / cpt;
	}
	return left > 0 ? 0 : cpt;
}

static bool dist_known(uint32_t dist)
{
	uint32_t node = dist & DIST_NODE_MASK, rest = dist & 0xfff0;

	if (rest & ~0x333u)
		return false;
	return node == DIST_CYCLIC || node == DIST_BLOCK ||
		((node == DIST_PLANE || node == DIST_ARBITRARY) && !rest);
}

/* Nodes of the job named by expr, in its order. */
static enum err nodes_of_list(struct step_req *q, const char *expr, bool strict, uint32_t **out,
			      uint32_t *count)
{
	char **names;
	uint32_t n, got = 0, *v;

	if (hostlist_expand(expr, q->mem, &names, &n, NULL))
		return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	v = arena_alloc(q->mem, (n + 1) * sizeof(*v));
	for (uint32_t i = 0; i < n; i++) {
		const struct node *node = node_find(q->c, names[i]);
		uint32_t k;

		for (k = 0; node && k < q->n; k++)
			if (q->alloc->share[k].node == node->index)
				break;
		if (node && k < q->n)
			v[got++] = k;
		else if (strict)
			return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	}
	*out = v;
	*count = got;
	return E_OK;
}

static enum err req_init(struct step_req *q, struct err_text *why)
{
	const struct job_step_create_request_msg *m = q->msg;
	uint32_t dist = m->task_dist & 0xffff;

	q->n = q->alloc->node_count;
	q->flags = m->flags;
	q->external = m->flags & SSF_EXT_LAUNCHER;
	q->overlap = q->external || (m->flags & SSF_OVERLAP_FORCE);
	q->whole = m->flags & SSF_WHOLE;
	q->overcommit = m->flags & SSF_OVERCOMMIT;
	q->tasks = m->num_tasks;
	q->cpus = q->overcommit || q->external ? 0 : m->cpu_count;
	if (q->cpus == NO_VAL)
		q->cpus = 0;
	q->mem_counts = q->c->conf->selecttypeparameters & CR_MEMORY;
	q->mem_mb = q->external || m->pn_min_memory == NO_VAL64 ||
		m->pn_min_memory == MEM_PER_CPU ? 0 : m->pn_min_memory;
	q->min_nodes = m->min_nodes == NO_VAL ? 1 : m->min_nodes;
	q->max_nodes = nodes_or_all(m->max_nodes, q->n);
	if (!q->external) {
		if (q->tasks < 1)
			return E_BAD_TASK_COUNT;
		if (dist && !(dist & DIST_UNKNOWN) && !dist_known(dist))
			return E_BAD_DIST;
		q->cpt = cpus_per_task(q);
		if (step_gres_parse(q, why))
			return E_INVALID_GRES;
	}
	if (q->min_nodes != INFINITE && q->max_nodes < q->min_nodes)
		return E_INVALID_NODE_COUNT;
	if (q->mem_counts && q->mem_mb && !(q->mem_mb & MEM_PER_CPU) &&
	    q->job->pn_min_memory && !(q->job->pn_min_memory & MEM_PER_CPU) &&
	    q->mem_mb > q->job->pn_min_memory)
		return E_INVALID_TASK_MEMORY;
	q->usable = arena_zalloc(q->mem, q->n * sizeof(*q->usable) + 1);
	q->avail = arena_zalloc(q->mem, q->n + 1);
	q->idle = arena_zalloc(q->mem, q->n + 1);
	q->picked = arena_zalloc(q->mem, q->n + 1);
	return E_OK;
}

/* ---- what each node can give ------------------------------------------- */
static bool node_up(const struct node *n)
{
	return (n->state & NODE_STATE_BASE) != NODE_STATE_DOWN;
}

static uint32_t cpus_by_steps(struct step_req *q, uint32_t k)
{
	uint32_t cpus = q->alloc->share[k].cpus, per = step_core_cpus(q, k);
	uint32_t used = step_cores_used(q, k) * per;

	if (q->overlap)
		return cpus;
	if (used > cpus)
		used = cpus;
	q->job_blocked_cpus += used;
	if (used && (q->whole || used == cpus)) {
		q->job_blocked_nodes++;
		return 0;
	}
	cpus -= used;
	if (q->msg->threads_per_core && q->msg->threads_per_core != NO_VAL16 &&
	    q->msg->threads_per_core < per)
		cpus = cpus / per * q->msg->threads_per_core;
	return cpus;
}

/* CPUs under the memory asked for; idle: were no other step there. */
static uint32_t cpus_by_mem(const struct step_req *q, uint32_t k, uint32_t cpus, bool idle)
{
	const struct job_share *s = &q->alloc->share[k];
	uint64_t free_mb = s->mem_mb, per = q->mem_mb & ~MEM_PER_CPU;

	if (!q->mem_counts || !q->mem_mb)
		return cpus;
	if (!idle && !q->overlap)
		free_mb -= s->step_mem_mb < free_mb ? s->step_mem_mb : free_mb;
	if (!(q->mem_mb & MEM_PER_CPU))
		return free_mb < per ? 0 : cpus;
	return free_mb / per < cpus ? (uint32_t)(free_mb / per) : cpus;
}

static bool all_needed(const struct step_req *q)
{
	return q->min_nodes == INFINITE || q->min_nodes == q->n;
}

static enum err look_at_nodes(struct step_req *q)
{
	for (uint32_t k = 0; k < q->n; k++) {
		uint32_t before, ever, now, cpt = q->cpt ? q->cpt : 1;

		if (!node_up(q->c->node[q->alloc->share[k].node]) || !q->avail[k]) {
			q->avail[k] = false;
			continue;
		}
		if (q->gres && !step_gres_limit(q, k, q->alloc->share[k].cpus, true))
			q->gres_impossible++;
		before = cpus_by_steps(q, k);
		q->avail[k] = before;
		if (!before)
			continue;
		now = step_gres_limit(q, k, cpus_by_mem(q, k, before, false), false);
		ever = step_gres_limit(q, k, cpus_by_mem(q, k, before, true), true);
		q->usable[k] = now;
		q->mem_blocked_cpus += ever > now ? ever - now : 0;
		if (now / cpt)
			continue;
		if (all_needed(q)) {
			if (ever / cpt == 0 && q->gres && !step_gres_limit(q, k, before, true))
				return E_INVALID_GRES;
			return E_NODES_BUSY;
		}
		q->avail[k] = false;
		q->mem_blocked_nodes++;
	}
	return E_OK;
}

/* Nodes where no step runs that counts. */
static void mark_idle(struct step_req *q)
{
	memcpy(q->idle, q->avail, q->n);
	for (const struct step *s = q->job->steps; s; s = s->next) {
		if (s->id >= STEP_MAX_NORMAL || s->external)
			continue;
		for (uint32_t i = 0; i < s->node_count; i++)
			for (uint32_t k = 0; k < q->n; k++)
				if (q->alloc->share[k].node == s->node[i])
					q->idle[k] = false;
	}
}

static uint32_t count(const struct step_req *q, const bool *set)
{
	uint32_t n = 0;

	for (uint32_t k = 0; k < q->n; k++)
		n += set[k];
	return n;
}

/* ---- choosing ---------------------------------------------------------- */
/* nodes nodes with cpus CPUs together, those with their part of them first. */
static bool pick_from(struct step_req *q, bool *set, uint32_t nodes, uint32_t cpus)
{
	bool *take = arena_zalloc(q->mem, q->n + 1);
	uint32_t target = nodes ? (cpus + nodes - 1) / nodes : 0, got = 0;
	int64_t rem = cpus;

	if (cpus <= nodes) {
		for (uint32_t k = 0; k < q->n && got < nodes; k++)
			if (set[k]) {
				take[k] = true;
				got++;
			}
		rem = 0;
	}
	for (uint32_t k = 0; k < q->n && got < nodes && rem > 0; k++) {
		if (!set[k] || q->usable[k] < target)
			continue;
		take[k] = true;
		got++;
		rem -= q->usable[k];
	}
	while (got < nodes) {   /* the largest of those that are left */
		uint32_t best = UINT32_MAX;

		for (uint32_t k = 0; k < q->n; k++)
			if (set[k] && !take[k] &&
			    (best == UINT32_MAX || q->usable[k] > q->usable[best]))
				best = k;
		if (best == UINT32_MAX)
			break;
		take[best] = true;
		got++;
		rem -= q->usable[best];
	}
	if (got < nodes || rem > 0)
		return false;
	for (uint32_t k = 0; k < q->n; k++) {
		if (!take[k])
			continue;
		q->picked[k] = true;
		q->avail[k] = q->idle[k] = false;
	}
	return true;
}

static uint32_t cpus_missing(const struct step_req *q)
{
	int64_t rem = q->cpus;

	for (uint32_t k = 0; k < q->n; k++)
		if (q->picked[k])
			rem -= q->usable[k];
	return rem > 0 ? (uint32_t)rem : 0;
}

static uint32_t nodes_wanted(const struct step_req *q, uint32_t avail, uint32_t picked)
{
	uint32_t want = q->max_nodes > q->min_nodes ? q->max_nodes : q->min_nodes;

	want = want > picked ? want - picked : 0;
	return want < avail ? want : avail;
}

/* Too few: for now, or for ever? */
static enum err short_of(const struct step_req *q, uint32_t have)
{
	if (q->max_nodes <= have && !q->mem_blocked_cpus && !q->job_blocked_cpus)
		return E_TOO_MANY_REQUESTED_CPUS;
	if (q->mem_blocked_cpus ||
	    q->min_nodes <= have + q->mem_blocked_nodes + q->job_blocked_nodes)
		return E_NODES_BUSY;
	for (uint32_t k = 0; k < q->n; k++)
		if (!node_up(q->c->node[q->alloc->share[k].node]))
			return E_NODES_BUSY;
	return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
}

static enum err use_list(struct step_req *q)
{
	const char *text = q->msg->node_list;
	uint32_t *v, n, distinct = 0;
	bool *named;
	enum err e;

	/* the srun that made the allocation names its nodes again */
	if (!text || !*text || (streq(text, job_str(q->job, JS_REQ_NODES)) &&
				(q->msg->task_dist & DIST_NODE_MASK) != DIST_ARBITRARY))
		return E_OK;
	e = nodes_of_list(q, text, true, &v, &n);
	if (e)
		return e;
	q->list = v;
	q->list_count = n;
	named = arena_zalloc(q->mem, q->n + 1);
	for (uint32_t i = 0; i < n; i++) {
		distinct += !named[v[i]];
		named[v[i]] = true;
		if (!q->avail[v[i]])
			return q->job_blocked_nodes || q->mem_blocked_nodes ? E_NODES_BUSY :
				E_INVALID_TASK_MEMORY;
	}
	if ((q->msg->task_dist & DIST_NODE_MASK) == DIST_ARBITRARY)
		q->min_nodes = distinct;
	if (distinct > q->max_nodes)
		return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	for (uint32_t k = 0; k < q->n; k++) {
		if (q->min_nodes && distinct > q->min_nodes) {
			q->avail[k] = named[k];         /* choose among them */
		} else if (named[k]) {
			q->picked[k] = true;
			q->avail[k] = false;
		}
	}
	return E_OK;
}

/* Without -n: as many tasks as the largest nodes hold. */
static enum err default_tasks(struct step_req *q, const bool *set)
{
	uint32_t cpt = q->cpt ? q->cpt : 1, nodes = q->max_nodes, tasks = 0;
	bool *used = arena_zalloc(q->mem, q->n + 1);

	if (q->tasks != NO_VAL || q->external)
		return E_OK;
	while (nodes--) {
		uint32_t best = UINT32_MAX;

		for (uint32_t k = 0; k < q->n; k++)
			if (set[k] && !used[k] &&
			    (best == UINT32_MAX ||
			     q->alloc->share[k].cpus > q->alloc->share[best].cpus))
				best = k;
		if (best == UINT32_MAX)
			break;
		used[best] = true;
		tasks += q->alloc->share[best].cpus / cpt;
	}
	if (!tasks)
		return E_TOO_MANY_REQUESTED_CPUS;
	q->tasks = tasks;
	q->cpus = tasks * cpt;
	return E_OK;
}

/* Where all nodes of the job are alike the CPU count is a node count. */
static enum err cpus_to_nodes(struct step_req *q)
{
	uint32_t each = q->alloc->share[0].cpus, nodes;

	if (!q->cpus || !each)
		return E_OK;
	for (uint32_t k = 1; k < q->n; k++)
		if (q->alloc->share[k].cpus != each)
			return E_OK;
	nodes = (q->cpus + each - 1) / each;
	if (nodes > q->min_nodes)
		q->min_nodes = nodes;
	if (q->msg->task_dist & 0x800000u)
		q->max_nodes = q->min_nodes;
	return q->max_nodes < q->min_nodes ? E_TOO_MANY_REQUESTED_CPUS : E_OK;
}

static enum err pick_min(struct step_req *q, bool relative)
{
	uint32_t have = count(q, q->picked), avail = count(q, q->avail), need;

	if (avail + have < q->min_nodes)
		return q->min_nodes > q->n ? short_of(q, avail + have) : E_NODES_BUSY;
	need = q->min_nodes > have ? q->min_nodes - have : 0;
	if (!need)
		return E_OK;
	if (!relative && count(q, q->idle) >= need &&
	    pick_from(q, q->idle, nodes_wanted(q, count(q, q->idle), have), cpus_missing(q)))
		return E_OK;
	if (pick_from(q, q->avail, nodes_wanted(q, avail, have), cpus_missing(q)))
		return E_OK;
	return short_of(q, avail + have);
}

/* More nodes for the CPUs still missing. */
static enum err pick_more(struct step_req *q)
{
	uint32_t have = count(q, q->picked), missing = cpus_missing(q);

	for (uint32_t k = 0; k < q->n && missing && have < q->max_nodes; k++) {
		if (!q->avail[k] || !q->usable[k])
			continue;
		q->avail[k] = false;
		q->picked[k] = true;
		have++;
		missing = cpus_missing(q);
	}
	if (!missing)
		return E_OK;
	if (missing <= q->mem_blocked_cpus + q->job_blocked_cpus)
		return E_NODES_BUSY;
	return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
}

static enum err apply_features(struct step_req *q)
{
	struct feat_expr f;

	if (!q->msg->features || !*q->msg->features ||
	    streq(q->msg->features, job_str(q->job, JS_FEATURES)))
		return E_OK;
	if (feature_parse(q->c, q->msg->features, &f, NULL))
		return E_INVALID_FEATURE;
	for (uint32_t k = 0; k < q->n; k++)
		if (!bitset_test(f.alt[0], q->alloc->share[k].node))
			q->avail[k] = false;
	return E_OK;
}

static enum err pick_nodes(struct step_req *q)
{
	bool relative = q->msg->relative != NO_VAL16;
	enum err e;

	memset(q->avail, true, q->n);
	if (q->msg->exc_nodes && *q->msg->exc_nodes) {
		uint32_t *v, n;

		e = nodes_of_list(q, q->msg->exc_nodes, false, &v, &n);
		if (e)
			return e;
		for (uint32_t i = 0; i < n; i++)
			q->avail[v[i]] = false;
	}
	e = apply_features(q);
	if (!e)
		e = look_at_nodes(q);
	if (e)
		return e;
	if (q->gres && q->gres_impossible + (q->min_nodes == INFINITE ? q->n : q->min_nodes) > q->n)
		return E_INVALID_GRES;
	if (q->min_nodes == INFINITE) {
		e = default_tasks(q, q->avail);
		memcpy(q->picked, q->avail, q->n);
		return e ? e : count(q, q->picked) ? E_OK : E_NODES_BUSY;
	}
	e = use_list(q);
	if (e)
		return e;
	if (relative) {
		if (q->msg->relative > q->n)
			return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
		memset(q->avail, false, q->msg->relative);
	} else {
		mark_idle(q);
	}
	if (q->tasks == NO_VAL && !q->external) {
		const bool *set = q->overlap || relative ? q->avail : q->idle;

		if (count(q, set) + count(q, q->picked) < q->min_nodes)
			return E_NODES_BUSY;
		e = default_tasks(q, count(q, q->picked) ? q->picked : set);
		if (e)
			return e;
	}
	e = cpus_to_nodes(q);
	if (!e)
		e = pick_min(q, relative);
	if (!e)
		e = pick_more(q);
	return e;
}

/* ---- filling in -------------------------------------------------------- */
static void fill_nodes(struct step_req *q, struct step *out, uint32_t *share)
{
	const char **names = arena_alloc(q->mem, (q->n + 1) * sizeof(*names));
	uint32_t n = 0;

	out->node_count = count(q, q->picked);
	out->node = mem_zalloc((out->node_count + 1) * sizeof(uint32_t));
	for (uint32_t k = 0; k < q->n; k++) {
		if (!q->picked[k])
			continue;
		share[n] = k;
		out->node[n] = q->alloc->share[k].node;
		names[n] = q->c->node[out->node[n]]->name;
		n++;
	}
	out->node_list = hostlist_compress(names, n);
}

/* Arbitrary: the list says where each task goes. */
static enum err tasks_by_list(struct step_req *q, struct step *out, const uint32_t *share)
{
	if (q->list_count < out->num_tasks)
		return E_BAD_TASK_COUNT;
	for (uint32_t i = 0; i < out->node_count; i++) {
		out->tids[i] = mem_zalloc((out->num_tasks + 1) * sizeof(uint32_t));
		for (uint32_t t = 0; t < out->num_tasks; t++)
			if (q->list[t] == share[i])
				out->tids[i][out->tasks[i]++] = t;
		if (!out->tasks[i])
			return E_BAD_TASK_COUNT;
	}
	return E_OK;
}

static enum err fill_tasks(struct step_req *q, struct step *out, const uint32_t *share)
{
	uint32_t *slots = arena_zalloc(q->mem, (out->node_count + 1) * sizeof(*slots)), **tids;
	uint32_t plane = q->msg->plane_size == NO_VAL16 ? 0 : q->msg->plane_size;
	bool is_plane = (out->task_dist & DIST_NODE_MASK) == DIST_PLANE;

	out->tasks = mem_zalloc((out->node_count + 1) * sizeof(uint16_t));
	out->tids = mem_zalloc((out->node_count + 1) * sizeof(uint32_t *));
	if ((out->task_dist & DIST_NODE_MASK) == DIST_ARBITRARY && q->list)
		return tasks_by_list(q, out, share);
	for (uint32_t i = 0; i < out->node_count; i++) {
		slots[i] = q->usable[share[i]] / (q->cpt ? q->cpt : 1);
		if (!slots[i])
			slots[i] = 1;
		/* with other distributions the plane is ntasks-per-node */
		if (plane && !is_plane && slots[i] > plane)
			slots[i] = plane;
	}
	layout_count(out->task_dist, plane,
		     q->c->conf->selecttypeparameters & CONF_SELECT_PACK_NODES,
		     out->node_count, slots, out->num_tasks, out->tasks);
	tids = arena_alloc(q->mem, (out->node_count + 1) * sizeof(*tids));
	step_layout_tasks(out->task_dist, (uint16_t)plane, out->node_count, out->tasks,
			  out->num_tasks, tids, q->mem);
	for (uint32_t i = 0; i < out->node_count; i++) {
		size_t size = out->tasks[i] * sizeof(uint32_t);

		if (!out->tasks[i])
			return E_BAD_TASK_COUNT;
		out->tids[i] = memcpy(mem_alloc(size), tids[i], size);
	}
	return E_OK;
}

/* Memory on a node of the step.  None asked: all of the job's, and nobody else
 * is kept from it. */
static uint64_t step_mem(struct step_req *q, struct step *out, uint32_t k, uint32_t cpus)
{
	uint64_t all = q->alloc->share[k].mem_mb;

	if (!q->mem_counts)
		return 0;
	if (!q->mem_mb) {
		out->flags |= SSF_MEM_ZERO;
		return all;
	}
	if (q->mem_mb & MEM_PER_CPU)
		return (q->mem_mb & ~MEM_PER_CPU) * cpus;
	return q->mem_mb;
}

static enum err fill_resources(struct step_req *q, struct step *out, const uint32_t *share)
{
	enum err e = E_OK;
	bool all = !q->overcommit && !q->external && q->cpus == q->alloc->total_cpus;

	out->mem_mb = mem_zalloc((out->node_count + 1) * sizeof(uint64_t));
	out->cores = bitset_new(q->alloc->cores->bits);
	out->cpu_count = 0;
	for (uint32_t i = 0; i < out->node_count && !e; i++) {
		uint32_t k = share[i], cpus = out->tasks[i] * (q->cpt ? q->cpt : 1);
		const struct job_share *s = &q->alloc->share[k];

		if (q->whole || all)
			cpus = s->cpus;
		if (q->overcommit && cpus > s->cpus)
			cpus = s->cpus;
		e = step_cores_pick(q, k, out->tasks[i], cpus, out->cores);
		out->cpu_count += q->external ? 0 : cpus;
		out->mem_mb[i] = step_mem(q, out, k, cpus);
		step_gres_give(q, out, i, k, out->tasks[i]);
	}
	return e;
}

static void fill_tres(struct step_req *q, struct step *out)
{
	uint64_t mem = 0, *gres;

	if (q->external)
		return;
	gres = arena_zalloc(q->mem, (q->c->gres_type_count + 1) * sizeof(*gres));
	for (uint32_t i = 0; i < out->node_count; i++) {
		mem += out->mem_mb[i];
		for (uint32_t t = 0; out->gres && out->gres[i] && t < q->c->gres_type_count; t++)
			gres[t] += out->gres[i][t];
	}
	out->tres_alloc = tres_format(q->c, out->cpu_count, mem, out->node_count, gres, 0);
}

static void fill_undo(struct step *out)
{
	for (uint32_t i = 0; i < out->node_count; i++) {
		if (out->tids)
			free(out->tids[i]);
		if (out->gres)
			free(out->gres[i]);
		if (out->devs)
			free(out->devs[i]);
	}
	free(out->node);
	free(out->node_list);
	free(out->tasks);
	free(out->tids);
	free(out->mem_mb);
	free(out->gres);
	free(out->devs);
	bitset_free(out->cores);
	out->node_count = 0;
	out->node = NULL;
	out->node_list = NULL;
	out->tasks = NULL;
	out->tids = NULL;
	out->mem_mb = NULL;
	out->gres = NULL;
	out->devs = NULL;
	out->cores = NULL;
}

static enum err fill(struct step_req *q, struct step *out)
{
	uint32_t *share = arena_alloc(q->mem, (q->n + 1) * sizeof(*share));
	uint32_t dist = q->msg->task_dist;
	enum err e;

	if ((dist & 0xffff) == 0 || (dist & DIST_UNKNOWN))
		dist = (dist & 0xff0000) | DIST_BLOCK;
	fill_nodes(q, out, share);
	out->flags = q->flags;
	out->overlap = q->overlap;
	out->external = q->external;
	out->whole = q->whole;
	out->task_dist = dist;
	out->plane_size = q->msg->plane_size;
	out->pn_min_memory = q->mem_mb;
	out->cpus_per_task = (uint16_t)q->cpt;
	out->num_tasks = q->external ? out->node_count : q->tasks;
	if (q->external)
		out->task_dist = DIST_BLOCK;
	e = fill_tasks(q, out, share);
	if (!e)
		e = fill_resources(q, out, share);
	if (e) {
		fill_undo(out);
		return e;
	}
	fill_tres(q, out);
	return E_OK;
}

enum err step_place(struct core *c, const struct job *j,
		    const struct job_step_create_request_msg *req, struct step *out,
		    struct err_text *why)
{
	struct step_req q = {.c = c, .job = j, .alloc = j->alloc, .msg = req,
			     .mem = &c->sched->mem};
	enum err e;

	if (!j->alloc || !j->alloc->node_count)
		return err_set(why, E_REQUESTED_NODE_CONFIG_UNAVAILABLE, "%s",
			       err_str(E_REQUESTED_NODE_CONFIG_UNAVAILABLE));
	arena_reset(q.mem);
	e = req_init(&q, why);
	if (!e)
		e = pick_nodes(&q);
	if (!e)
		e = fill(&q, out);
	if (e)
		err_set(why, e, "%s", err_str((int)e));
	return e;
}

/* The shell that salloc starts on the job's first node (use_interactive_step):
 * it sees all that the job has and takes nothing from other steps. */
enum err step_place_interactive(struct core *c, const struct job *j, struct step *out)
{
	const struct job_share *s = j->alloc && j->alloc->node_count ? j->alloc->share : NULL;

	if (!s)
		return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	out->node_count = 1;
	out->node = mem_alloc(sizeof(*out->node));
	out->node[0] = s->node;
	out->node_list = mem_strdup(c->node[s->node]->name);
	out->num_tasks = 1;
	out->tasks = mem_alloc(sizeof(*out->tasks));
	out->tasks[0] = 1;
	out->tids = mem_alloc(sizeof(*out->tids));
	out->tids[0] = mem_zalloc(sizeof(**out->tids));
	out->mem_mb = mem_alloc(sizeof(*out->mem_mb));
	out->mem_mb[0] = c->conf->selecttypeparameters & CR_MEMORY ? s->mem_mb : 0;
	out->cores = bitset_new(j->alloc->cores->bits);
	bitset_copy(out->cores, j->alloc->cores);
	out->overlap = out->external = true;
	return E_OK;
}
