/* SPDX-License-Identifier: Apache-2.0
 *
 * The content of launch credentials.  Groups and names of the user are added
 * by whoever signs; the core knows numbers only. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

void step_id_fill(const struct job *j, uint32_t step, struct step_id_members *id)
{
	id->sluid = j->sluid;
	id->job_id = j->id;
	id->step_id = step;
	id->step_het_comp = NO_VAL;
}

/* Stock's number for a gres name: its bytes added up, each shifted. */
uint32_t gres_id(const char *name)
{
	uint32_t id = 0, shift = 0;

	for (; *name; name++, shift = (shift + 8) % 32)
		id += (uint32_t)(uint8_t)*name << shift;
	return id;
}

uint32_t cpu_groups(struct effects *out, const struct job *j, uint16_t **value, uint32_t **reps)
{
	const struct job_alloc *a = j->alloc;
	uint32_t n = 0;

	if (!a || !a->node_count)
		return 0;
	*value = arena_alloc(&out->mem, a->node_count * sizeof(**value));
	*reps = arena_alloc(&out->mem, a->node_count * sizeof(**reps));
	for (uint32_t i = 0; i < a->node_count; i++) {
		if (!n || (*value)[n - 1] != a->share[i].cpus) {
			(*value)[n] = a->share[i].cpus;
			(*reps)[n++] = 0;
		}
		(*reps)[n - 1]++;
	}
	return n;
}

static void memory_groups(struct effects *out, const uint64_t *mb, uint32_t count,
			  uint32_t *size, uint64_t **value, uint32_t **reps)
{
	uint32_t n = 0;

	*value = arena_alloc(&out->mem, count * sizeof(**value) + 1);
	*reps = arena_alloc(&out->mem, count * sizeof(**reps) + 1);
	for (uint32_t i = 0; i < count; i++) {
		if (!n || (*value)[n - 1] != mb[i]) {
			(*value)[n] = mb[i];
			(*reps)[n++] = 0;
		}
		(*reps)[n - 1]++;
	}
	*size = n;
}

static void core_groups(struct core *c, struct effects *out, const struct job_alloc *a,
			struct cred *cr)
{
	uint16_t *cores = arena_alloc(&out->mem, a->node_count * sizeof(*cores) + 1);
	uint16_t *sockets = arena_alloc(&out->mem, a->node_count * sizeof(*sockets) + 1);
	uint32_t *reps = arena_alloc(&out->mem, a->node_count * sizeof(*reps) + 1);
	uint32_t n = 0;

	for (uint32_t i = 0; i < a->node_count; i++) {
		const struct node *nd = c->node[a->share[i].node];
		uint16_t s = nd->sockets, k = nd->cores_per_socket;

		if ((uint32_t)s * k != a->share[i].cores) {
			s = 1;
			k = a->share[i].cores;
		}
		if (!n || cores[n - 1] != k || sockets[n - 1] != s) {
			cores[n] = k;
			sockets[n] = s;
			reps[n++] = 0;
		}
		reps[n - 1]++;
	}
	cr->core_array_size = (uint16_t)n;
	cr->cores_per_socket = cores;
	cr->sockets_per_node = sockets;
	cr->sock_core_rep_count = reps;
	cr->cores_per_socket_count = cr->sockets_per_node_count = n;
	cr->sock_core_rep_count_count = n;
}

static struct bitset *bits_copy(struct effects *out, const struct bitset *b)
{
	struct bitset *r = b ? effects_bitset(out, b->bits) : NULL;

	if (r)
		bitset_copy(r, b);
	return r;
}

static uint32_t gres_types_used(const struct core *c, const struct job_alloc *a)
{
	uint32_t n = 0;

	for (uint32_t t = 0; t < c->gres_type_count; t++)
		for (uint32_t i = 0; i < a->node_count; i++)
			if (a->share[i].gres && a->share[i].gres[t]) {
				n++;
				break;
			}
	return n;
}

/* "tesla" of "gpu:tesla", NULL of "qpu". */
static const char *gres_type_name(const struct core *c, uint32_t t)
{
	const char *colon = strchr(c->gres_type[t], ':');

	return colon ? colon + 1 : NULL;
}

static uint64_t *node_counts(struct effects *out, const struct job_alloc *a, uint32_t t,
			     uint64_t *total)
{
	uint64_t *v = arena_zalloc(&out->mem, a->node_count * sizeof(*v) + 1);

	*total = 0;
	for (uint32_t i = 0; i < a->node_count; i++) {
		v[i] = a->share[i].gres ? a->share[i].gres[t] : 0;
		*total += v[i];
	}
	return v;
}

/* Devices of one node as a bitmap over all of their name; NULL: only counted. */
static struct bitset *dev_bits(struct core *c, struct effects *out, uint32_t node, uint32_t t,
			       const uint64_t *devs)
{
	uint32_t bits = devs && devs[t] ? c->node[node]->gres[t].bits : 0;
	struct bitset *b;

	if (!bits)
		return NULL;
	b = effects_bitset(out, bits);
	for (uint32_t k = 0; k < bits && k < 64; k++)
		if (devs[t] >> k & 1)
			bitset_set(b, k);
	return b;
}

/* How many parts of each device: of one device all of them. */
static void part_counts(struct core *c, struct effects *out, uint32_t node, uint32_t t,
			uint64_t units, const struct bitset *bits, struct gres_bit_counts *k)
{
	if (!bits || !c->node[node]->gres[t].shared)
		return;
	k->present = 1;
	k->v_count = bits->bits;
	k->v = arena_zalloc(&out->mem, bits->bits * sizeof(*k->v));
	bitset_foreach(b, bits)
		k->v[b] = units;
}

static bool job_bits_fill(struct core *c, struct effects *out, const struct job_alloc *a,
			  uint32_t t, struct bitset ***bits, struct gres_bit_counts *counts)
{
	bool any = false;

	*bits = arena_zalloc(&out->mem, a->node_count * sizeof(**bits) + 1);
	for (uint32_t i = 0; i < a->node_count; i++) {
		const struct job_share *s = &a->share[i];

		(*bits)[i] = dev_bits(c, out, s->node, t, s->devs);
		any |= (*bits)[i] != NULL;
		if (counts && s->gres)
			part_counts(c, out, s->node, t, s->gres[t], (*bits)[i], &counts[i]);
	}
	return any;
}

void job_gres_fill(struct core *c, struct effects *out, const struct job *j,
		   struct gres_job_rec **list, uint32_t *count)
{
	const struct job_alloc *a = j->alloc;
	uint32_t n = gres_types_used(c, a);

	if (!n)
		return;
	*list = arena_alloc(&out->mem, n * sizeof(**list));
	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		struct gres_job_rec *g = &(*list)[*count];
		uint64_t total, *v = node_counts(out, a, t, &total);

		if (!total)
			continue;
		wire_init(&gres_job_rec_desc, g);
		(*count)++;
		g->magic = GRES_MAGIC;
		g->plugin_id = gres_id(c->gres_name[t]);
		g->gres_per_node = v[0];
		g->total_gres = total;
		g->type_name = arena_strdup(&out->mem, gres_type_name(c, t));
		g->node_cnt = a->node_count;
		g->has_cnt_node_alloc = 1;
		g->gres_cnt_node_alloc = v;
		g->gres_cnt_node_alloc_count = a->node_count;
		g->gres_per_bit_alloc = arena_zalloc(&out->mem, a->node_count *
						     sizeof(*g->gres_per_bit_alloc));
		g->gres_per_bit_step_alloc = arena_zalloc(&out->mem, a->node_count *
							  sizeof(*g->gres_per_bit_step_alloc));
		g->has_bit_alloc = job_bits_fill(c, out, a, t, &g->gres_bit_alloc,
						 g->gres_per_bit_alloc);
	}
}

static void step_gres(struct core *c, struct effects *out, const struct job *j,
		      const struct step *s, struct cred *cr)
{
	const struct job_alloc *a = j->alloc;

	if (!s->gres)
		return;
	cr->step_gres = arena_alloc(&out->mem, c->gres_type_count * sizeof(*cr->step_gres));
	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		struct gres_step_rec *g = &cr->step_gres[cr->step_gres_count];
		uint64_t total = 0, *v = arena_zalloc(&out->mem, a->node_count * sizeof(*v));
		struct bitset **bits = arena_zalloc(&out->mem, a->node_count * sizeof(*bits));
		struct gres_bit_counts *parts = arena_zalloc(&out->mem, a->node_count *
							     sizeof(*parts));
		struct bitset *in_use = effects_bitset(out, a->node_count);

		for (uint32_t i = 0; i < s->node_count; i++) {
			uint32_t k = alloc_find(a, s->node[i]);

			if (k == UINT32_MAX || !s->gres[i] || !s->gres[i][t])
				continue;
			v[k] = s->gres[i][t];
			total += v[k];
			bitset_set(in_use, k);
			bits[k] = dev_bits(c, out, s->node[i], t, s->devs ? s->devs[i] : NULL);
			part_counts(c, out, s->node[i], t, v[k], bits[k], &parts[k]);
		}
		if (!total)
			continue;
		wire_init(&gres_step_rec_desc, g);
		cr->step_gres_count++;
		g->magic = GRES_MAGIC;
		g->plugin_id = gres_id(c->gres_name[t]);
		g->total_gres = total;
		g->type_name = arena_strdup(&out->mem, gres_type_name(c, t));
		g->node_cnt = a->node_count;
		g->node_in_use = in_use;
		g->has_cnt_node_alloc = 1;
		g->gres_cnt_node_alloc = v;
		g->gres_cnt_node_alloc_count = a->node_count;
		g->gres_bit_alloc = bits;
		for (uint32_t k = 0; k < a->node_count; k++)
			g->has_bit_alloc |= bits[k] != NULL;
		g->gres_per_bit_alloc = parts;
	}
}

void gres_prep_fill(struct core *c, struct effects *out, const struct job *j,
		    struct gres_prep **list, uint32_t *count)
{
	const struct job_alloc *a = j->alloc;

	*count = 0;
	if (!a || !gres_types_used(c, a))
		return;
	*list = arena_alloc(&out->mem, c->gres_type_count * sizeof(**list));
	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		struct gres_prep *g = &(*list)[*count];
		uint64_t total, *v = node_counts(out, a, t, &total);

		if (!total)
			continue;
		wire_init(&gres_prep_desc, g);
		(*count)++;
		g->magic = GRES_MAGIC;
		g->plugin_id = gres_id(c->gres_name[t]);
		g->node_cnt = a->node_count;
		g->has_cnt_node_alloc = 1;
		g->gres_cnt_node_alloc = v;
		g->gres_cnt_node_alloc_count = a->node_count;
		g->has_bit_alloc = job_bits_fill(c, out, a, t, &g->gres_bit_alloc, NULL);
	}
}

static const char *text(struct effects *out, const struct job *j, enum job_string s)
{
	return arena_strdup(&out->mem, job_str(j, s));
}

static void cred_resources(struct core *c, struct effects *out, const struct job *j,
			   struct cred *cr)
{
	const struct job_alloc *a = j->alloc;
	uint64_t *mb = arena_alloc(&out->mem, a->node_count * sizeof(*mb) + 1);

	cr->tot_core_cnt = a->cores->bits;
	cr->job_core_bitmap = bits_copy(out, a->cores);
	cr->step_core_bitmap = cr->job_core_bitmap;
	core_groups(c, out, a, cr);
	cr->cpu_array_count = cpu_groups(out, j, &cr->cpu_array, &cr->cpu_array_reps);
	cr->cpu_array_n = cr->cpu_array_reps_count = cr->cpu_array_count;
	cr->job_nhosts = a->node_count;
	cr->job_hostlist = effects_hostlist(c, out, a->nodes);
	for (uint32_t i = 0; i < a->node_count; i++)
		mb[i] = a->share[i].mem_mb;
	memory_groups(out, mb, a->node_count, &cr->job_mem_alloc_size, &cr->job_mem_alloc,
		      &cr->job_mem_alloc_rep_count);
	cr->job_mem_alloc_count = cr->job_mem_alloc_reps = cr->job_mem_alloc_size;
	job_gres_fill(c, out, j, &cr->job_gres, &cr->job_gres_count);
}

void cred_fill_job(struct core *c, struct effects *out, const struct job *j, struct cred *cr)
{
	wire_init(&cred_desc, cr);
	step_id_fill(j, NO_VAL, &cr->step_id);
	cr->id.uid = j->uid;
	cr->id.gid = j->gid;
	cr->job_core_spec = j->core_spec;
	cr->job_account = text(out, j, JS_ACCOUNT);
	cr->job_comment = text(out, j, JS_COMMENT);
	cr->job_constraints = text(out, j, JS_FEATURES);
	cr->job_end_time = j->end_time;
	cr->job_extra = text(out, j, JS_EXTRA);
	cr->job_oversubscribe = j->shared;
	cr->job_exclusive = job_exclusive(j);
	cr->job_partition = j->part ? arena_strdup(&out->mem, j->part->name) :
		text(out, j, JS_PARTITION);
	cr->job_qos = text(out, j, JS_QOS);
	cr->job_reservation = text(out, j, JS_RESERVATION);
	cr->job_restart_cnt = j->restart_cnt;
	cr->job_start_time = j->start_time;
	cr->job_std_err = text(out, j, JS_STD_ERR);
	cr->job_std_in = text(out, j, JS_STD_IN);
	cr->job_std_out = text(out, j, JS_STD_OUT);
	cr->job_x11 = j->x11;
	cr->ctime = c->now;
	cr->job_ntasks = j->num_tasks;
	cr->job_licenses = text(out, j, JS_LICENSES);
	cr->job_selinux_context = text(out, j, JS_SELINUX_CONTEXT);
	if (j->alloc)
		cred_resources(c, out, j, cr);
	cr->step_hostlist = cr->job_hostlist;
}

void cred_fill_step(struct core *c, struct effects *out, const struct job *j,
		    const struct step *s, struct cred *cr)
{
	cred_fill_job(c, out, j, cr);
	step_id_fill(j, s->id, &cr->step_id);
	cr->step_id.step_het_comp = s->het_comp;
	cr->step_hostlist = arena_strdup(&out->mem, s->node_list);
	cr->step_core_bitmap = bits_copy(out, s->cores);
	if (s->mem_mb) {
		memory_groups(out, s->mem_mb, s->node_count, &cr->step_mem_alloc_size,
			      &cr->step_mem_alloc, &cr->step_mem_alloc_rep_count);
		cr->step_mem_alloc_count = cr->step_mem_alloc_reps = cr->step_mem_alloc_size;
	}
	step_gres(c, out, j, s, cr);
}
