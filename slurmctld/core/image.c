/* SPDX-License-Identifier: Apache-2.0
 *
 * Journal rows: an object as bytes and back.  The members are listed once, in
 * wire/proto/state_*.def, and copied by including those files here. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/trigger.h"

#define OR(v)

void job_defaults(struct job *j)
{
	struct job_state_rare d;
	struct job_state_run r;

	wire_init(&job_state_rare_desc, &d);
	wire_init(&job_state_run_desc, &r);
#define FIELD(codec, name, ...) j->name = d.name;
#define STATE_JOB_RARE
#include "wire/proto/state_job.def"
#undef STATE_JOB_RARE
#undef FIELD
#define FIELD(codec, name, ...) j->name = r.name;
#define STATE_JOB_RUN
#include "wire/proto/state_job.def"
#undef STATE_JOB_RUN
#undef FIELD
}

/* ---- allocation -------------------------------------------------------- */

static void alloc_to_row(struct core *c, const struct job_alloc *a, struct job_state_alloc *r)
{
	struct arena *m = &c->scratch;
	uint32_t n = a->node_count, types = c->gres_type_count;
	bool any_gres = false;

	r->nodes_count = r->cpus_count = r->tasks_count = r->cores_count = r->mem_count = n;
	r->nodes = arena_alloc(m, n * sizeof(*r->nodes) + 1);
	r->cpus = arena_alloc(m, n * sizeof(*r->cpus) + 1);
	r->tasks = arena_alloc(m, n * sizeof(*r->tasks) + 1);
	r->cores = arena_alloc(m, n * sizeof(*r->cores) + 1);
	r->mem = arena_alloc(m, n * sizeof(*r->mem) + 1);
	for (uint32_t i = 0; i < n; i++) {
		r->nodes[i] = c->node[a->share[i].node]->name;
		r->cpus[i] = a->share[i].cpus;
		r->tasks[i] = a->share[i].tasks;
		r->cores[i] = a->share[i].cores;
		r->mem[i] = a->share[i].mem_mb;
		any_gres |= a->share[i].gres != NULL;
	}
	if (any_gres) {
		r->gres_types = (const char **)(uintptr_t)c->gres_type;
		r->gres_types_count = types;
		r->gres_count = n * types;
		r->gres = arena_zalloc(m, r->gres_count * sizeof(*r->gres) + 1);
		r->devs_count = r->gres_count;
		r->devs = arena_zalloc(m, r->devs_count * sizeof(*r->devs) + 1);
		for (uint32_t i = 0; i < n; i++) {
			if (!a->share[i].gres)
				continue;
			memcpy(r->gres + i * types, a->share[i].gres, types * sizeof(*r->gres));
			memcpy(r->devs + i * types, a->share[i].devs, types * sizeof(*r->devs));
		}
	}
	r->core_bits = a->cores;
	if (a->completing) {
		r->completing = arena_alloc(m, bitset_sizeof(n));
		bitset_init(r->completing, n);
		for (uint32_t i = 0; i < n; i++)
			if (bitset_test(a->completing, a->share[i].node))
				bitset_set(r->completing, i);
	}
	r->prolog = a->prolog;
	r->total_cpus = a->total_cpus;
	r->whole_node = a->whole_node;
	r->shares = a->shares;
	r->parked = a->parked;
}

static uint32_t gres_index(const struct core *c, const char *type)
{
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (streq(c->gres_type[t], type))
			return t;
	return UINT32_MAX;
}

static uint16_t *gres_from_row(const struct core *c, const struct job_state_alloc *r,
			       const uint16_t *units)
{
	uint16_t *g = mem_zalloc((c->gres_type_count ? c->gres_type_count : 1) * sizeof(*g));

	for (uint32_t t = 0; t < r->gres_types_count; t++) {
		uint32_t k = gres_index(c, r->gres_types[t]);

		if (k != UINT32_MAX)
			g[k] = units[t];
	}
	return g;
}

/* Rows of older layouts have none. */
static uint64_t *devs_from_row(const struct core *c, const struct job_state_alloc *r,
			       const uint64_t *devs)
{
	uint64_t *d = mem_zalloc((c->gres_type_count ? c->gres_type_count : 1) * sizeof(*d));

	for (uint32_t t = 0; devs && t < r->gres_types_count; t++) {
		uint32_t k = gres_index(c, r->gres_types[t]);

		if (k != UINT32_MAX)
			d[k] = devs[t];
	}
	return d;
}

/* NULL when the nodes are not the same any more. */
static struct job_alloc *alloc_from_row(struct core *c, const struct job_state_alloc *r)
{
	uint32_t n = r->nodes_count, off = 0;
	struct job_alloc *a;

	if (r->cpus_count != n || r->tasks_count != n || r->cores_count != n ||
	    r->mem_count != n || !r->core_bits ||
	    (r->gres_count && r->gres_count != n * r->gres_types_count))
		return NULL;
	a = mem_zalloc(sizeof(*a));
	a->share = mem_zalloc((n ? n : 1) * sizeof(*a->share));
	a->nodes = bitset_new(c->node_count);
	a->node_count = n;
	for (uint32_t i = 0; i < n; i++) {
		struct job_share *s = &a->share[i];
		const struct node *nd = node_find(c, r->nodes[i]);

		if (!nd || nd->cores != r->cores[i]) {
			alloc_free(a);
			return NULL;
		}
		s->node = nd->index;
		s->cpus = r->cpus[i];
		s->tasks = r->tasks[i];
		s->cores = r->cores[i];
		s->core_off = off;
		s->mem_mb = r->mem[i];
		off += s->cores;
		bitset_set(a->nodes, s->node);
		if (r->gres_count) {
			s->gres = gres_from_row(c, r, r->gres + i * r->gres_types_count);
			s->devs = devs_from_row(c, r, r->devs_count == r->gres_count ?
						r->devs + i * r->gres_types_count : NULL);
			s->devs_step = devs_from_row(c, r, NULL);
			s->gres_step = mem_zalloc((c->gres_type_count ? c->gres_type_count : 1) *
						  sizeof(*s->gres_step));
		}
	}
	if (r->core_bits->bits != off || (r->completing && r->completing->bits != n)) {
		alloc_free(a);
		return NULL;
	}
	a->cores = bitset_dup(r->core_bits);
	a->cores_step = bitset_new(off);
	if (r->completing) {
		a->completing = bitset_new(c->node_count);
		bitset_foreach(i, r->completing)
			bitset_set(a->completing, a->share[i].node);
	}
	if (r->prolog && r->prolog->bits == n)
		a->prolog = bitset_dup(r->prolog);
	a->total_cpus = r->total_cpus;
	a->whole_node = r->whole_node;
	a->shares = r->shares;
	a->parked = r->parked;
	a->charged = true;
	return a;
}

/* ---- steps ------------------------------------------------------------- */

static void step_to_row(struct core *c, const struct job *j, const struct step *s,
			struct step_state *r)
{
	struct arena *m = &c->scratch;
	uint32_t n = s->node_count, types = c->gres_type_count;

	wire_init(&step_state_desc, r);
#define FIELD(codec, name, ...) r->name = s->name;
#define STATE_STEP_STRINGS
#define STATE_STEP_SCALARS
#include "wire/proto/state_step.def"
#undef STATE_STEP_STRINGS
#undef STATE_STEP_SCALARS
#undef FIELD
	r->node_cnt = r->nodes_count = n;
	r->nodes = arena_alloc(m, n * sizeof(*r->nodes) + 1);
	for (uint32_t i = 0; i < n; i++)
		r->nodes[i] = alloc_find(j->alloc, s->node[i]);
	r->tasks_count = s->tasks ? n : 0;
	r->tasks = s->tasks;
	r->tids = arena_zalloc(m, n * sizeof(*r->tids) + 1);
	for (uint32_t i = 0; s->tids && i < n; i++) {
		r->tids[i].v = s->tids[i];
		r->tids[i].v_count = s->tasks[i];
	}
	r->mem_count = s->mem_mb ? n : 0;
	r->mem = s->mem_mb;
	if (s->gres && types) {
		r->gres_count = n * types;
		r->gres = arena_zalloc(m, r->gres_count * sizeof(*r->gres));
		r->devs_count = r->gres_count;
		r->devs = arena_zalloc(m, r->devs_count * sizeof(*r->devs));
		for (uint32_t i = 0; i < n; i++) {
			if (!s->gres[i])
				continue;
			memcpy(r->gres + i * types, s->gres[i], types * sizeof(*r->gres));
			memcpy(r->devs + i * types, s->devs[i], types * sizeof(*r->devs));
		}
	}
	r->core_bits = s->cores;
	r->done = s->done;
}

static void *copy_of(const void *p, size_t n)
{
	return n ? memcpy(mem_alloc(n), p, n) : NULL;
}

static void step_from_row(struct core *c, struct job *j, const struct job_state_row *jr,
			  const struct step_state *r)
{
	struct step *s = step_new();
	uint32_t n = r->nodes_count;

#define FIELD(codec, name, ...) s->name = mem_strdup(r->name);
#define STATE_STEP_STRINGS
#include "wire/proto/state_step.def"
#undef STATE_STEP_STRINGS
#undef FIELD
#define FIELD(codec, name, ...) s->name = r->name;
#define STATE_STEP_SCALARS
#include "wire/proto/state_step.def"
#undef STATE_STEP_SCALARS
#undef FIELD
	for (uint32_t i = 0; i < n; i++)
		if (!j->alloc || r->nodes[i] >= j->alloc->node_count)
			n = 0;
	s->node_count = n;
	s->node = mem_alloc(n * sizeof(*s->node) + 1);
	for (uint32_t i = 0; i < n; i++)
		s->node[i] = j->alloc->share[r->nodes[i]].node;
	if (n && r->tasks_count == n) {
		s->tasks = copy_of(r->tasks, n * sizeof(*s->tasks));
		s->tids = mem_zalloc(n * sizeof(*s->tids));
		for (uint32_t i = 0; i < n; i++)
			if (r->tids && r->tids[i].v_count == s->tasks[i])
				s->tids[i] = copy_of(r->tids[i].v, s->tasks[i] * sizeof(uint32_t));
	}
	if (r->mem_count == n)
		s->mem_mb = copy_of(r->mem, n * sizeof(*s->mem_mb));
	if (r->gres_count && r->gres_count == n * jr->alloc.gres_types_count) {
		s->gres = mem_zalloc(n * sizeof(*s->gres));
		s->devs = mem_zalloc(n * sizeof(*s->devs));
		for (uint32_t i = 0; i < n; i++) {
			uint32_t at = i * jr->alloc.gres_types_count;

			s->gres[i] = gres_from_row(c, &jr->alloc, r->gres + at);
			s->devs[i] = devs_from_row(c, &jr->alloc, r->devs_count == r->gres_count ?
						   r->devs + at : NULL);
		}
	}
	s->cores = bitset_dup(r->core_bits);
	s->done = bitset_dup(r->done);
	step_add(j, s);
	step_use(c, j, s, true);
}

/* ---- jobs -------------------------------------------------------------- */

static void put(struct core *c, struct effects *out, enum journal_table t, uint64_t key,
		const struct wire_desc *d, const void *row)
{
	struct effect *e = effects_add(out, EFF_PUT);
	uint8_t *copy;

	c->pack.len = 0;
	wire_pack(&c->pack, d, row, STATE_LAYOUT_NEWEST);
	copy = arena_alloc(&out->mem, c->pack.len);
	memcpy(copy, c->pack.base, c->pack.len);
	e->table = t;
	e->key = key;
	e->image = copy;
	e->image_len = c->pack.len;
	arena_reset(&c->scratch);
}

void image_put_job(struct core *c, struct effects *out, const struct job *j)
{
	struct job_state_row r;
	struct job_state_rare rare0;
	struct job_state_run run0;
	uint32_t n = 0;

	wire_init(&job_state_row_desc, &r);
	wire_init(&job_state_rare_desc, &rare0);
	wire_init(&job_state_run_desc, &run0);
#define FIELD(codec, name, ...) r.base.name = j->name;
#define STATE_JOB_BASE
#include "wire/proto/state_job.def"
#undef STATE_JOB_BASE
#undef FIELD
#define FIELD(codec, name, ...) r.rare.name = j->name; r.has_rare |= j->name != rare0.name;
#define STATE_JOB_RARE
#include "wire/proto/state_job.def"
#undef STATE_JOB_RARE
#undef FIELD
#define FIELD(codec, name, ...) r.run.name = j->name; r.has_run |= j->name != run0.name;
#define STATE_JOB_RUN
#include "wire/proto/state_job.def"
#undef STATE_JOB_RUN
#undef FIELD
	r.strings.p = (const uint8_t *)j->strings;
	r.strings.len = (uint32_t)job_strings_size(j->strings);
	if (j->array) {
		r.array_pending = j->array->pending;
		r.array_total = j->array->total;
		r.array_max_running = j->array->max_running;
	}
	if (j->alloc || (j->past && alloc_is_whole(c, j->past))) {
		r.has_alloc = true;
		alloc_to_row(c, j->alloc ? j->alloc : j->past, &r.alloc);
	}
	for (const struct step *s = j->steps; s; s = s->next)
		n++;
	r.steps = arena_alloc(&c->scratch, n * sizeof(*r.steps) + 1);
	for (const struct step *s = j->steps; s; s = s->next)
		step_to_row(c, j, s, &r.steps[r.steps_count++]);
	put(c, out, TAB_JOB, j->id, &job_state_row_desc, &r);
}

static enum err load_job(struct core *c, struct wire_in *in, uint64_t key, struct err_text *why)
{
	struct job_state_row r;
	struct job *j;

	wire_unpack(in, &job_state_row_desc, &r, STATE_LAYOUT_NEWEST);
	if (in->failed || r.base.id != key ||
	    (r.strings.len && !job_strings_valid(r.strings.p, r.strings.len)) ||
	    (r.base.state & JOB_STATE_BASE) >= JOB_STATE_END)
		return err_set(why, E_FAIL, "job row %llu is damaged", (unsigned long long)key);
	if (job_find(c, r.base.id))
		return err_set(why, E_FAIL, "job %u is there twice", r.base.id);
	j = job_new();
#define FIELD(codec, name, ...) j->name = r.base.name;
#define STATE_JOB_BASE
#include "wire/proto/state_job.def"
#undef STATE_JOB_BASE
#undef FIELD
#define FIELD(codec, name, ...) j->name = r.rare.name;
#define STATE_JOB_RARE
#include "wire/proto/state_job.def"
#undef STATE_JOB_RARE
#undef FIELD
#define FIELD(codec, name, ...) j->name = r.run.name;
#define STATE_JOB_RUN
#include "wire/proto/state_job.def"
#undef STATE_JOB_RUN
#undef FIELD
	j->strings = copy_of(r.strings.p, r.strings.len);
	if (r.array_pending) {
		j->array = mem_zalloc(sizeof(*j->array));
		j->array->pending = bitset_dup(r.array_pending);
		j->array->total = r.array_total;
		j->array->max_running = r.array_max_running;
	}
	if (r.has_alloc)
		j->alloc = alloc_from_row(c, &r.alloc);
	for (uint32_t i = 0; j->alloc && i < r.steps_count; i++)
		step_from_row(c, j, &r, &r.steps[i]);
	j->last_sched_eval = j->start_time ? j->start_time : j->submit_time;
	job_spec_hash(j);
	job_add(c, j);
	return E_OK;
}

/* ---- nodes, partitions, meta ------------------------------------------- */

void image_put_node(struct core *c, struct effects *out, const struct node *n)
{
	struct node_state_row r;

	wire_init(&node_state_row_desc, &r);
	r.name = n->name;
	r.state = n->state;
	r.version = n->version_known ? wire_version_number(n->version) : 0;
#define FIELD(codec, name, ...) r.name = n->name;
#define STATE_NODE_STRINGS
#define STATE_NODE_SCALARS
#include "wire/proto/state_node.def"
#undef STATE_NODE_STRINGS
#undef STATE_NODE_SCALARS
#undef FIELD
	if (n->devices) {
		r.devices = n->devices->rec;
		r.devices_count = n->devices->rec_count;
	}
	put(c, out, TAB_NODE, name_key(n->name), &node_state_row_desc, &r);
}

static enum err load_node(struct core *c, struct wire_in *in, uint64_t key, struct err_text *why)
{
	struct node_state_row r;
	struct node *n;
	uint32_t base;

	wire_unpack(in, &node_state_row_desc, &r, STATE_LAYOUT_NEWEST);
	base = r.state & NODE_STATE_BASE;
	if (in->failed || !r.name || name_key(r.name) != key || base >= NODE_STATE_END)
		return err_set(why, E_FAIL, "node row %llu is damaged", (unsigned long long)key);
	n = node_find(c, r.name);
	if (!n)
		return E_OK;    /* no longer configured */
#define FIELD(codec, name, ...) node_set_str(&n->name, r.name);
#define STATE_NODE_STRINGS
#include "wire/proto/state_node.def"
#undef STATE_NODE_STRINGS
#undef FIELD
#define FIELD(codec, name, ...) n->name = r.name;
#define STATE_NODE_SCALARS
#include "wire/proto/state_node.def"
#undef STATE_NODE_SCALARS
#undef FIELD
	n->version_known = wire_version_find(r.version, &n->version);
	/* Where slurm.conf names a node, its word counts again after a restart. */
	if (!r.topology || (!(r.state & NODE_STATE_DYNAMIC_NORM) &&
			    (!(r.state & NODE_STATE_CLOUD) ||
			     r.state & (NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_DOWN))))
		node_set_str(&n->topology, n->conf->topology);
	if (r.devices_count && r.devices_count != NO_VAL)
		node_gres_note(c, n, r.devices, r.devices_count);
	if (base == NODE_STATE_ALLOCATED || base == NODE_STATE_MIXED)
		base = NODE_STATE_IDLE;
	n->state = base | (r.state & ~(NODE_STATE_BASE | NODE_STATE_COMPLETING |
				       NODE_STATE_PLANNED | NODE_STATE_RES | NODE_STATE_MAINT));
	return E_OK;
}

void image_put_part(struct core *c, struct effects *out, const struct part *p)
{
	struct part_state_row r;

	wire_init(&part_state_row_desc, &r);
#define FIELD(codec, name, ...) r.name = p->name;
#define STATE_PART_STRINGS
#define STATE_PART_SCALARS
#include "wire/proto/state_part.def"
#undef STATE_PART_STRINGS
#undef STATE_PART_SCALARS
#undef FIELD
	r.deleted = p->deleted;
	put(c, out, TAB_PART, name_key(p->name), &part_state_row_desc, &r);
}

static enum err load_part(struct core *c, struct wire_in *in, uint64_t key, struct err_text *why)
{
	struct part_state_row r;
	struct part *p;
	bool same_nodes;

	wire_unpack(in, &part_state_row_desc, &r, STATE_LAYOUT_NEWEST);
	if (in->failed || !r.name || name_key(r.name) != key)
		return err_set(why, E_FAIL, "partition row %llu is damaged",
			       (unsigned long long)key);
	p = part_find(c, r.name);
	if (!p)
		p = part_new(c, r.name);
	same_nodes = streq(p->node_text, r.node_text);
#define FIELD(codec, name, ...) node_set_str(&p->name, r.name);
#define STATE_PART_STRINGS
#include "wire/proto/state_part.def"
#undef STATE_PART_STRINGS
#undef FIELD
#define FIELD(codec, name, ...) p->name = r.name;
#define STATE_PART_SCALARS
#include "wire/proto/state_part.def"
#undef STATE_PART_SCALARS
#undef FIELD
	p->deleted = r.deleted;
	if (!same_nodes) {
		bitset_clear_all(p->nodes);
		/* Nodes that are gone do not stop the others. */
		nodes_parse(c, p->node_text, p->nodes, NULL);
	}
	return E_OK;
}

void image_put_resv(struct core *c, struct effects *out, const struct resv *r)
{
	struct resv_state_row w;

	wire_init(&resv_state_row_desc, &w);
#define FIELD(codec, name, ...) w.name = r->name;
#define STATE_RESV
#include "wire/proto/state_resv.def"
#undef STATE_RESV
#undef FIELD
	w.uids = r->uids;
	w.uids_count = r->uid_count;
	w.per_name = r->per_name;
	w.per_name_count = r->name_count;
	w.utc_offset = (uint32_t)r->utc_offset;
	put(c, out, TAB_RESV, r->id, &resv_state_row_desc, &w);
}

#define COPY_str(v) mem_strdup(v)
#define COPY_u32(v) (v)
#define COPY_u64(v) (v)
#define COPY_time(v) (v)
#define COPY_flag(v) (v)
static enum err load_resv(struct core *c, struct wire_in *in, uint64_t key, struct err_text *why)
{
	struct resv **at = &c->resv_first, *r;
	struct resv_state_row w;

	wire_unpack(in, &resv_state_row_desc, &w, STATE_LAYOUT_NEWEST);
	if (in->failed || !w.name || w.id != key)
		return err_set(why, E_FAIL, "reservation row %llu is damaged",
			       (unsigned long long)key);
	r = mem_zalloc(sizeof(*r));
#define FIELD(codec, name, ...) r->name = COPY_##codec(w.name);
#define STATE_RESV
#include "wire/proto/state_resv.def"
#undef STATE_RESV
#undef FIELD
	r->uids = copy_of(w.uids, w.uids_count * sizeof(*r->uids));
	r->uid_count = w.uids_count;
	r->per_name = copy_of(w.per_name, w.per_name_count * sizeof(*r->per_name));
	r->name_count = w.per_name_count;
	r->utc_offset = (int32_t)w.utc_offset;
	while (*at)
		at = &(*at)->next;
	*at = r;
	return E_OK;
}

void image_put_trigger(struct core *c, struct effects *out, const struct trigger *t)
{
	struct trigger_state_row w;

	wire_init(&trigger_state_row_desc, &w);
	w.id = t->id;
	w.flags = t->flags;
	w.res_type = t->res_type;
	w.offset = t->offset;
	w.trig_type = t->trig_type;
	w.job_id = t->job_id;
	w.uid = t->uid;
	w.gid = t->gid;
	w.res_id = t->res_id;
	w.program = t->program;
	w.arg = t->arg;
	w.fired = t->arg != NULL;
	w.due = t->due;
	put(c, out, TAB_TRIGGER, t->id, &trigger_state_row_desc, &w);
}

static enum err load_trigger(struct core *c, struct wire_in *in, uint64_t key,
			     struct err_text *why)
{
	struct trigger **at = &c->trig_first, *t;
	struct trigger_state_row w;

	wire_unpack(in, &trigger_state_row_desc, &w, STATE_LAYOUT_NEWEST);
	if (in->failed || w.id != key || !w.program)
		return err_set(why, E_FAIL, "trigger row %llu is damaged",
			       (unsigned long long)key);
	t = mem_zalloc(sizeof(*t));
	t->id = w.id;
	t->flags = w.flags;
	t->res_type = w.res_type;
	t->offset = w.offset;
	t->trig_type = w.trig_type;
	t->job_id = w.job_id;
	t->uid = w.uid;
	t->gid = w.gid;
	t->res_id = mem_strdup(w.res_id);
	t->program = mem_strdup(w.program);
	t->arg = w.fired ? mem_strdup(w.arg ? w.arg : "") : NULL;
	t->due = w.due;
	while (*at)
		at = &(*at)->next;
	*at = t;
	if (t->id >= c->next_trigger_id)
		c->next_trigger_id = t->id + 1;
	return E_OK;
}

void image_put_crontab(struct core *c, struct effects *out, const struct crontab *t)
{
	struct crontab_state_row r;

	wire_init(&crontab_state_row_desc, &r);
	r.uid = t->uid;
	r.text = t->text;
	r.disabled = t->disabled;
	put(c, out, TAB_CRONTAB, t->uid, &crontab_state_row_desc, &r);
}

static enum err load_crontab(struct core *c, struct wire_in *in, uint64_t key,
			     struct err_text *why)
{
	struct crontab_state_row r;

	wire_unpack(in, &crontab_state_row_desc, &r, STATE_LAYOUT_NEWEST);
	if (in->failed || r.uid != key || !r.text)
		return err_set(why, E_FAIL, "the crontab of uid %llu is damaged",
			       (unsigned long long)key);
	crontab_put(c, r.uid, r.text)->disabled = mem_strdup(r.disabled);
	return E_OK;
}

void image_put_sackd(struct core *c, struct effects *out, const struct sackd *s)
{
	struct sackd_state_row r;

	wire_init(&sackd_state_row_desc, &r);
	r.id = s->id;
	r.host = s->host;
	r.addr = s->addr;
	r.version = s->version;
	put(c, out, TAB_SACKD, s->id, &sackd_state_row_desc, &r);
}

static enum err load_sackd(struct core *c, struct wire_in *in, uint64_t key,
			   struct err_text *why)
{
	struct sackd_state_row r;

	wire_unpack(in, &sackd_state_row_desc, &r, STATE_LAYOUT_NEWEST);
	if (in->failed || r.id != key || !r.host)
		return err_set(why, E_FAIL, "sackd row %llu is damaged", (unsigned long long)key);
	sackd_put(c, r.id, r.host, &r.addr, r.version);
	return E_OK;
}

void image_put_meta(struct core *c, struct effects *out)
{
	struct core_state_row r;

	wire_init(&core_state_row_desc, &r);
	r.next_job_id = c->next_job_id;
	r.next_sluid = c->next_sluid;
	put(c, out, TAB_META, 0, &core_state_row_desc, &r);
}

/* The last job id, in digits, before the jobs were cleared away. */
#define META_LAST_ID 1
static void load_last_id(struct core *c, struct wire_in *in)
{
	uint32_t id = 0;

	for (; in->p < in->end && *in->p >= '0' && *in->p <= '9'; in->p++)
		id = id * 10 + (uint32_t)(*in->p - '0');
	if (id >= c->next_job_id)
		c->next_job_id = id + 1;
}

static enum err load_meta(struct core *c, struct wire_in *in, uint64_t key, struct err_text *why)
{
	struct core_state_row r;

	if (key == META_LAST_ID) {
		load_last_id(c, in);
		return E_OK;
	}
	wire_unpack(in, &core_state_row_desc, &r, STATE_LAYOUT_NEWEST);
	if (in->failed)
		return err_set(why, E_FAIL, "the controller's own row is damaged");
	c->next_job_id = r.next_job_id; /* row 0 comes first; see also job_settle */
	c->next_sluid = r.next_sluid;
	return E_OK;
}

enum err image_load(struct core *c, enum journal_table t, uint64_t key, const uint8_t *image,
		    size_t len, struct err_text *why)
{
	struct wire_in in = { .p = image, .end = image + len, .mem = &c->scratch };
	enum err rc = E_FAIL;

	switch (t) {
	case TAB_META: rc = load_meta(c, &in, key, why); break;
	case TAB_JOB: rc = load_job(c, &in, key, why); break;
	case TAB_NODE: rc = load_node(c, &in, key, why); break;
	case TAB_PART: rc = load_part(c, &in, key, why); break;
	case TAB_RESV: rc = load_resv(c, &in, key, why); break;
	case TAB_TRIGGER: rc = load_trigger(c, &in, key, why); break;
	case TAB_CRONTAB: rc = load_crontab(c, &in, key, why); break;
	case TAB_SACKD: rc = load_sackd(c, &in, key, why); break;
	case TAB_COUNT: break;
	}
	arena_reset(&c->scratch);
	return rc;
}

/* ---- older layouts ----------------------------------------------------- */

static const struct wire_desc *const row_desc[TAB_COUNT] = {
	[TAB_META] = &core_state_row_desc, [TAB_JOB] = &job_state_row_desc,
	[TAB_NODE] = &node_state_row_desc, [TAB_PART] = &part_state_row_desc,
	[TAB_RESV] = &resv_state_row_desc, [TAB_TRIGGER] = &trigger_state_row_desc,
	[TAB_CRONTAB] = &crontab_state_row_desc, [TAB_SACKD] = &sackd_state_row_desc,
};

enum err core_row_renew(enum journal_table t, uint64_t key, enum wire_version from,
			const uint8_t *image, size_t len, struct wire_out *out,
			struct err_text *why)
{
	const struct wire_desc *d = row_desc[t];
	struct arena mem = { 0 };
	struct wire_in in = { .p = image, .end = image + len, .mem = &mem };
	void *row;
	enum err rc = E_OK;

	if (t == TAB_META && key == META_LAST_ID) {
		wire_put_bytes(out, image, len);
		return E_OK;
	}
	row = arena_zalloc(&mem, d->size);
	wire_unpack(&in, d, row, from);
	if (in.failed || in.p != in.end)
		rc = err_set(why, E_FAIL, "%s %llu is damaged", d->name, (unsigned long long)key);
	else
		wire_pack(out, d, row, STATE_LAYOUT_NEWEST);
	arena_fini(&mem);
	return rc;
}
