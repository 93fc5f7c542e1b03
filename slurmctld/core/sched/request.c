/* SPDX-License-Identifier: Apache-2.0
 *
 * What a job asks for, with the defaults and limits of one partition applied:
 * the only place where the job's fields are read for a placement.  A field
 * that a placement depends on is also in request_hash. */
#include "wire/base/hostlist.h"
#include "conf/names.h"
#include "conf/topo.h"
#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/sched/sched_i.h"

static uint32_t set16(uint16_t v)
{
	return v == NO_VAL16 || v == INFINITE16 ? 0 : v;
}

static uint32_t set32(uint32_t v)
{
	return v == NO_VAL || v == INFINITE ? 0 : v;
}

/* ---- equal requests ---------------------------------------------------- */
static uint64_t mix(uint64_t h, uint64_t v)
{
	h ^= v + 0x9e3779b97f4a7c15ull + (h << 6) + (h >> 2);
	h *= 0xff51afd7ed558ccdull;
	return h ^ h >> 32;
}

static uint64_t mix_str(uint64_t h, const char *s)
{
	uint64_t v = 1469598103934665603ull;

	for (; s && *s; s++)
		v = (v ^ (unsigned char)*s) * 1099511628211ull;
	return mix(h, v);
}

uint64_t request_hash(const struct core *c, const struct job *j)
{
	static const enum job_string text[] = {
		JS_FEATURES, JS_PREFER, JS_REQ_NODES, JS_EXC_NODES, JS_LICENSES, JS_RESERVATION,
		JS_CPUS_PER_TRES, JS_MEM_PER_TRES, JS_TRES_PER_JOB, JS_TRES_PER_NODE,
		JS_TRES_PER_SOCKET, JS_TRES_PER_TASK,
	};
	const uint64_t v[] = {
		j->uid, j->time_limit_min, j->time_min_min, j->min_cpus, j->max_cpus,
		j->min_nodes, j->max_nodes, j->num_tasks, j->pn_min_memory, j->pn_min_tmp_disk,
		j->pn_min_cpus, j->cpus_per_task, j->ntasks_per_node, j->ntasks_per_socket,
		j->ntasks_per_core, j->ntasks_per_board, j->ntasks_per_tres,
		j->sockets_per_node, j->cores_per_socket, j->threads_per_core,
		j->boards_per_node, j->sockets_per_board, j->plane_size, j->core_spec,
		j->shared, j->contiguous, j->overcommit, j->task_dist,
		j->batch ? 0 : j->start_protocol, j->het_job_id,
		j->segment_size, j->req_switch, j->wait4switch,
		j->bitflags & (SPREAD_SEGMENTS | SPREAD_JOB | USE_MIN_NODES | JOB_NTASKS_SET | JOB_CPUS_SET |
			       GRES_ENFORCE_BIND | GRES_DISABLE_BIND),
	};
	uint64_t h = 0;

	(void)c;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		h = mix(h, v[i]);
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		h = mix_str(h, job_str(j, text[i]));
	/* an array is held back by its own running tasks, and each has waited for
	 * its switches since a time of its own */
	if ((j->array && j->array->max_running) || j->req_switch)
		h = mix(h, j->id);
	return h;
}

/* ---- limits of the partition ------------------------------------------- */
uint32_t request_limit_min(const struct core *c, const struct job *j, const struct part *p)
{
	uint32_t t = j->time_limit_min;

	(void)c;
	if (t == NO_VAL && p)
		t = p->default_time_min != NO_VAL ? p->default_time_min : p->max_time_min;
	return t == NO_VAL || t == 0 ? INFINITE : t;
}

uint32_t request_part_limit(const struct core *c, const struct job *j, const struct part *p)
{
	uint32_t limit = j->time_min_min && j->time_min_min != NO_VAL ?
		j->time_min_min : request_limit_min(c, j, p);

	if (!(p->state_up & PARTITION_SCHED))
		return p->state_up & PARTITION_SUBMIT ? WAIT_PART_DOWN : WAIT_PART_INACTIVE;
	if (!part_user_allowed(c, p, j->uid))
		return WAIT_ACCOUNT;
	if (p->max_time_min != INFINITE && p->max_time_min != NO_VAL && limit > p->max_time_min)
		return WAIT_PART_TIME_LIMIT;
	if (p->max_nodes != INFINITE && p->max_nodes != NO_VAL &&
	    set32(j->min_nodes) > p->max_nodes)
		return WAIT_PART_NODE_LIMIT;
	if (set32(j->min_nodes) > p->total_nodes)
		return WAIT_PART_NODE_LIMIT;
	if (set32(j->min_cpus) > p->total_cpus && j->overcommit != 1)
		return WAIT_PART_CONFIG;
	/* more than MaxNodes allows, where MinNodes of the job is below it */
	if (set32(j->max_nodes) && p->min_nodes != NO_VAL && j->max_nodes < p->min_nodes)
		return WAIT_PART_NODE_LIMIT;
	if (!mem_limit_job(c, p, j))
		return WAIT_PN_MEM_LIMIT;
	return 0;
}

/* ---- nodes by name ----------------------------------------------------- */
static struct bitset *scratch_set(struct core *c)
{
	struct bitset *b = arena_zalloc(&c->sched->mem, bitset_sizeof(c->node_count));

	bitset_init(b, c->node_count);
	return b;
}

static struct bitset *scratch_dup(struct core *c, const struct bitset *b)
{
	struct bitset *d = scratch_set(c);

	if (b)
		bitset_copy(d, b);
	return d;
}

static enum err nodes_named(struct core *c, const char *expr, struct bitset **out,
			    const char *const **names_out, uint32_t *count_out,
			    struct err_text *why)
{
	char **names;
	uint32_t count;
	struct bitset *set = scratch_set(c);
	enum err e = hostlist_expand(expr, &c->sched->mem, &names, &count, why);

	if (e)
		return E_INVALID_NODE_NAME;
	for (uint32_t i = 0; i < count; i++) {
		const struct node *n = node_find(c, names[i]);

		if (!n)
			return err_set(why, E_INVALID_NODE_NAME, "node '%s' does not exist",
				       names[i]);
		bitset_set(set, n->index);
	}
	*out = set;
	if (names_out)
		*names_out = (const char *const *)names;
	if (count_out)
		*count_out = count;
	return E_OK;
}

static void fill_gaps(struct bitset *b)
{
	uint32_t first = bitset_next(b, 0);

	for (uint32_t i = first; first != UINT32_MAX && i < bitset_last(b); i++)
		bitset_set(b, i);
}

/* -w: in plain form a set; with an arbitrary distribution each mention of a
 * node is a task there. */
static enum err request_must(struct core *c, struct request *r, struct err_text *why)
{
	const struct job *j = r->job;
	const char *const *names;
	uint32_t count;
	enum err e;

	if (!job_str(j, JS_REQ_NODES))
		return E_OK;
	e = nodes_named(c, job_str(j, JS_REQ_NODES), &r->must, &names, &count, why);
	if (e)
		return e;
	if (j->contiguous == 1)
		fill_gaps(r->must);
	if (bitset_count(r->must) > set32(j->min_nodes)) {
		/* more than it wants: some of these, and no others */
		r->among = r->must;
		r->must = NULL;
		return E_OK;
	}
	if (!bitset_subset(r->must, r->part->nodes))
		return err_set(why, E_REQUESTED_NODES_NOT_IN_PARTITION, "%s",
			       err_str(E_REQUESTED_NODES_NOT_IN_PARTITION));
	if ((j->task_dist & DIST_NODE_MASK) == DIST_ARBITRARY && r->tasks) {
		r->must_tasks = arena_zalloc(&c->sched->mem, c->node_count * sizeof(uint16_t));
		for (uint32_t i = 0; i < count && i < r->tasks; i++)
			r->must_tasks[node_find(c, names[i])->index]++;
	}
	return E_OK;
}

/* srun and salloc speak to nodes themselves: not given nodes whose daemons they
 * have no protocol in common with, unless these are asked for or needed. */
static void request_reachable(const struct request *r, struct bitset *cand, struct core *c)
{
	const struct job *j = r->job;
	enum wire_version client;
	struct bitset *far = NULL;
	uint32_t need = set32(j->min_nodes);

	if (j->batch || !wire_version_find(j->start_protocol, &client))
		return;
	bitset_foreach(i, cand) {
		if (node_meets_client(c->node[i], client) ||
		    (r->must && bitset_test(r->must, i)))
			continue;
		if (!far)
			far = scratch_set(c);
		bitset_set(far, i);
	}
	if (far && bitset_count(cand) - bitset_count(far) >= (need ? need : 1))
		bitset_and_not(cand, far);
}

static enum err request_cand(struct core *c, struct request *r, struct err_text *why)
{
	const struct job *j = r->job;
	struct bitset *cand = scratch_dup(c, r->part->nodes), *exc;
	enum err e = request_must(c, r, why);

	if (e)
		return e;
	if (r->among)
		bitset_and(cand, r->among);
	if (job_str(j, JS_EXC_NODES)) {
		e = nodes_named(c, job_str(j, JS_EXC_NODES), &exc, NULL, NULL, why);
		if (e)
			return e;
		if (r->must && bitset_overlap(exc, r->must))
			return err_set(why, E_INVALID_NODE_NAME, "%s",
				       err_str(E_INVALID_NODE_NAME));
		bitset_and_not(cand, exc);
	}
	request_reachable(r, cand, c);
	if (job_str(j, JS_FEATURES)) {
		struct feat_expr f;

		e = feature_parse(c, job_str(j, JS_FEATURES), &f, why);
		if (e)
			return e;
		r->alt = f.alt;
		r->alt_count = f.alt_count;
		r->feat = f.need;
		r->feat_count = f.need_count;
	}
	r->cand = cand;
	if (job_str(j, JS_PREFER) && *job_str(j, JS_PREFER))
		r->prefers = feature_parse(c, job_str(j, JS_PREFER), &r->prefer, NULL) == E_OK;
	return E_OK;
}

/* ---- numbers ----------------------------------------------------------- */
static void request_nodes(struct core *c, struct request *r)
{
	const struct job *j = r->job;
	const struct part *p = r->part;
	uint32_t job_max = set32(j->max_nodes);

	(void)c;
	r->min_nodes = set32(j->min_nodes);
	if (!r->min_nodes)
		r->min_nodes = 1;
	if (p->min_nodes != NO_VAL && p->min_nodes > r->min_nodes)
		r->min_nodes = p->min_nodes;
	r->max_nodes = job_max ? job_max : UINT32_MAX;
	if (p->max_nodes != NO_VAL && p->max_nodes < r->max_nodes)
		r->max_nodes = p->max_nodes;
	/* a range asks for its upper end, and takes less */
	r->want_nodes = job_max && !(j->bitflags & USE_MIN_NODES) ? r->max_nodes : r->min_nodes;
	if (r->tasks_set && r->want_nodes > r->tasks)
		r->want_nodes = r->tasks;
	if (r->want_nodes < r->min_nodes)
		r->want_nodes = r->min_nodes;
	if (r->must && bitset_count(r->must) > r->min_nodes)
		r->min_nodes = bitset_count(r->must);
	if (r->tpn && r->tasks && !r->must_tasks) {
		uint32_t n = (r->tasks + r->tpn - 1) / r->tpn;

		if (n > r->min_nodes)
			r->min_nodes = n;
		if (r->want_nodes < r->min_nodes)
			r->want_nodes = r->min_nodes;
	}
}

/* Memory, and what a limit per CPU makes of the CPUs: a job that wants more
 * than MaxMemPerCPU per CPU gets more CPUs instead. */
static void request_mem(struct core *c, struct request *r)
{
	const struct part *p = r->part;
	uint64_t mem = r->job->pn_min_memory, max = p->max_mem, limit;

	if (mem == NO_VAL64)
		mem = p->def_mem && p->def_mem != NO_VAL64 ? p->def_mem : c->conf->def_mem_mb;
	if (!max || max == NO_VAL64)
		max = c->conf->max_mem_mb;
	r->mem_per_cpu = mem & MEM_PER_CPU;
	r->mem = mem & ~MEM_PER_CPU;
	if (!r->mem || !(max & MEM_PER_CPU))
		return;
	limit = max & ~MEM_PER_CPU;
	if (!limit || r->mem <= limit)
		return;
	if (r->mem_per_cpu) {
		uint64_t ratio = (r->mem + limit - 1) / limit;

		r->mem = (r->mem + ratio - 1) / ratio;
		r->cpt = (uint32_t)(r->cpt * ratio);
		r->min_cpus = (uint32_t)(r->min_cpus * ratio);
		r->max_cpus = (uint32_t)(r->max_cpus * ratio);
	} else {
		uint32_t cpus = (uint32_t)((r->mem + limit - 1) / limit);

		if (cpus > r->pn_cpus)
			r->pn_cpus = cpus;
	}
}

static void request_cpus(struct core *c, struct request *r)
{
	const struct job *j = r->job;

	(void)c;
	r->overcommit = j->overcommit == 1;
	r->tasks = set32(j->num_tasks);
	r->tasks_set = r->tasks && (j->bitflags & JOB_NTASKS_SET);
	r->cpt = set16(j->cpus_per_task);
	if (!r->cpt)
		r->cpt = 1;
	r->tpn = set16(j->ntasks_per_node);
	r->tps = set16(j->ntasks_per_socket);
	r->tpcore = set16(j->ntasks_per_core);
	r->pn_cpus = set16(j->pn_min_cpus);
	r->min_cpus = set32(j->min_cpus);
	if (!r->min_cpus)
		r->min_cpus = 1;
	r->max_cpus = set32(j->max_cpus);
	if (r->max_cpus < r->min_cpus)
		r->max_cpus = r->min_cpus;
	r->cfg_sockets = set16(j->sockets_per_node);
	r->cfg_cores = set16(j->cores_per_socket);
	r->use_threads = set16(j->threads_per_core);
	r->core_spec = set16(j->core_spec);
	r->tmp_disk = set32(j->pn_min_tmp_disk);
	r->plane = j->plane_size == NO_VAL16 ? 0 : j->plane_size;
}

/* How it may share: 0 and 1 on the wire's OverSubscribe of the partition mean
 * EXCLUSIVE and NO; a number above lets that many jobs use a core, of those
 * that ask for it, or of all with FORCE. */
static void request_share(struct core *c, struct request *r)
{
	const struct job *j = r->job;
	const struct part *p = r->part;
	uint16_t max = p->max_share & (uint16_t)~SHARED_FORCE;
	bool force = p->max_share & SHARED_FORCE;

	r->rows = 1;
	if (c->conf->selecttype && strstr(c->conf->selecttype, "linear"))
		r->whole = true;
	if (max == 0 || (j->shared == JOB_SHARED_NONE && !force))
		r->whole = true;
	if (force || (max > 1 && j->shared == JOB_SHARED_OK)) {
		r->share = max > 1;
		r->rows = max ? max : 1;
		r->whole = max == 0;
	}
	if (j->shared == JOB_SHARED_USER || (p->flags & PART_FLAG_EXCLUSIVE_USER))
		r->whole_user = true;
	if (set16(j->core_spec))
		r->whole = true;
}

static enum err request_gres(struct core *c, struct request *r, struct err_text *why)
{
	const struct job *j = r->job;
	uint64_t *units;
	static const struct { enum job_string s; size_t at; } kind[] = {
		{JS_TRES_PER_NODE, offsetof(struct gres_need, node)},
		{JS_TRES_PER_TASK, offsetof(struct gres_need, task)},
		{JS_TRES_PER_SOCKET, offsetof(struct gres_need, socket)},
		{JS_TRES_PER_JOB, offsetof(struct gres_need, job)},
		{JS_CPUS_PER_TRES, offsetof(struct gres_need, cpus_per)},
		{JS_MEM_PER_TRES, offsetof(struct gres_need, mem_per)},
	};

	r->gres_types = c->gres_type_count;
	for (size_t k = 0; k < sizeof(kind) / sizeof(kind[0]); k++) {
		const char *text = job_str(j, kind[k].s);
		enum err e;

		if (!text || !*text)
			continue;
		if (!r->gres)
			r->gres = arena_zalloc(&c->sched->mem, (c->gres_type_count + 1) *
					       sizeof(struct gres_need));
		units = arena_zalloc(&c->sched->mem,
				     (c->gres_type_count + 1) * sizeof(uint64_t));
		e = gres_parse(c, text, units, why);
		if (e)
			return e;
		for (uint32_t t = 0; t < c->gres_type_count; t++) {
			memcpy((char *)&r->gres[t] + kind[k].at, &units[t], sizeof(uint64_t));
			if (units[t])
				r->any_gres = true;
		}
	}
	return E_OK;
}

/* Few switches are worth some waiting, from the first look at the job on. */
static uint32_t switches_now(struct core *c, const struct job *j)
{
	struct sched *s = c->sched;
	struct sched_entry *e = j->queued;
	int64_t until;

	if (!e)                 /* not in the queue yet */
		return j->wait4switch ? j->req_switch : 0;
	if (!e->switches_since)
		e->switches_since = c->now;
	until = e->switches_since + j->wait4switch;
	if (c->now >= until)
		return 0;
	if (until < s->switches_at)
		s->switches_at = until;
	return j->req_switch;
}

static void request_network(struct core *c, struct request *r)
{
	const struct job *j = r->job;
	const struct topo *t = part_topo(c, r->part);

	if (!t || t->kind == CONF_TOPO_FLAT)
		return;
	if (t->kind == CONF_TOPO_BLOCK) {
		r->segment = set16(j->segment_size);
		r->spread_segments = j->bitflags & SPREAD_SEGMENTS;
	} else if (j->req_switch) {
		r->max_switches = switches_now(c, j);
	} else if (conf_option(c->conf->topologyparam, "TopoOptional", NULL)) {
		return;
	}
	r->topo = t;
}

/* --ntasks-per-gpu without --gpus: as many as the tasks want.  So many GPUs,
 * so many on a node: there are nodes for it. */
static enum err request_gpus(struct core *c, struct request *r, struct err_text *why)
{
	uint32_t per = r->job->ntasks_per_tres, gpu = UINT32_MAX;
	uint64_t job = 0, node = 0;
	bool named = false;

	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		const struct gres_need *g = r->gres ? &r->gres[t] : NULL;

		if (!streq(c->gres_name[t], "gpu"))
			continue;
		if (streq(c->gres_type[t], "gpu"))
			gpu = t;
		if (g && (g->node || g->task || g->socket || g->job)) {
			named = true;
			job += g->job;
			node += g->node;
		}
	}
	if (job && node && (job + node - 1) / node > r->min_nodes)
		r->min_nodes = (uint32_t)((job + node - 1) / node);
	if (named || !set16((uint16_t)per) || !r->tasks || gpu == UINT32_MAX)
		return E_OK;
	if (r->tasks % per)
		return err_set(why, E_INVALID_GRES, "%u tasks are not a multiple of %u per GPU",
			       r->tasks, per);
	if (!r->gres)
		r->gres = arena_zalloc(&c->sched->mem, (c->gres_type_count + 1) *
				       sizeof(struct gres_need));
	r->gres[gpu].job = r->tasks / per;
	r->any_gres = true;
	return E_OK;
}

enum err request_build(struct core *c, const struct job *j, const struct part *p,
		       struct request *r, struct err_text *why)
{
	uint32_t dist = j->task_dist;
	enum err e;

	memset(r, 0, sizeof(*r));
	r->job = j;
	r->part = p;
	r->uid = j->uid;
	r->own = c->resv_first ? resv_of_job(c, j) : NULL;
	r->cr_type = c->conf->selecttypeparameters;
	if (p->cr_type)
		r->cr_type = (uint16_t)((r->cr_type & ~(CR_CPU | CR_CORE | CR_SOCKET)) |
					p->cr_type);
	r->mem_counts = r->cr_type & CR_MEMORY;
	if (!(r->cr_type & (CR_CPU | CR_CORE | CR_SOCKET | CR_BOARD)))
		r->cr_type |= CR_CPU;
	request_cpus(c, r);
	request_share(c, r);
	request_mem(c, r);
	e = request_cand(c, r, why);
	if (e)
		return e;
	request_nodes(c, r);
	e = request_gres(c, r, why);
	if (!e)
		e = request_gpus(c, r, why);
	if (e)
		return e;
	r->max_cpus_node = p->max_cpus_per_node;
	if (!r->max_cpus_node || r->max_cpus_node == NO_VAL)
		r->max_cpus_node = INFINITE;
	r->contiguous = j->contiguous == 1;
	request_network(c, r);
	r->lln = (p->flags & PART_FLAG_LLN) || (r->cr_type & CONF_SELECT_LLN);
	r->spread = j->bitflags & SPREAD_JOB;
	r->serial_end = conf_option(c->conf->schedulerparameters, "pack_serial_at_end", NULL);
	/* sockets in turn, unless blocks of cores are asked for */
	r->cyclic = (r->cr_type & (CR_CORE | CR_SOCKET)) && (dist & 0xf0) != 0x20 &&
		(dist & DIST_NODE_MASK) != DIST_PLANE;
	if ((r->cr_type & 0x1000) && !(dist & 0xf0))
		r->cyclic = false;
	return E_OK;
}
