/* SPDX-License-Identifier: Apache-2.0
 *
 * The devices of a node: what its daemon said when it registered, numbered,
 * with the cores they are near, and which of them are given away.  How many
 * there are to give is the configuration's word alone (node.c). */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"

uint32_t bits_count(uint64_t v)
{
	uint32_t n = 0;

	for (; v; v &= v - 1)
		n++;
	return n;
}

static uint64_t bits_below(uint32_t n)
{
	return n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
}

/* ---- what was said ----------------------------------------------------- */

static bool rec_equal(const struct gres_conf_rec *a, const struct gres_conf_rec *b)
{
	return a->count == b->count && a->config_flags == b->config_flags &&
	       a->cpu_cnt == b->cpu_cnt && a->plugin_id == b->plugin_id &&
	       streq(a->name, b->name) && streq(a->type_name, b->type_name) &&
	       streq(a->cpus, b->cpus) && streq(a->links, b->links);
}

static bool same_as_before(const struct node *n, const struct gres_conf_rec *rec, uint32_t count)
{
	if (!n->devices || n->devices->rec_count != count)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (!rec_equal(&n->devices->rec[i], &rec[i]))
			return false;
	return true;
}

void node_gres_free(struct node *n)
{
	if (!n->devices)
		return;
	arena_fini(&n->devices->mem);
	arena_fini(&n->devices->place_mem);
	free(n->devices);
	n->devices = NULL;
}

bool node_gres_note(struct core *c, struct node *n, const struct gres_conf_rec *rec,
		    uint32_t count)
{
	struct node_devices *d;

	if (same_as_before(n, rec, count))
		return false;
	if (!n->devices)
		n->devices = mem_zalloc(sizeof(*n->devices));
	d = n->devices;
	arena_fini(&d->mem);
	d->rec = arena_zalloc(&d->mem, (count + 1) * sizeof(*d->rec));
	d->rec_count = count;
	for (uint32_t i = 0; i < count; i++) {
		d->rec[i] = rec[i];
		d->rec[i].name = arena_strdup(&d->mem, rec[i].name);
		d->rec[i].type_name = arena_strdup(&d->mem, rec[i].type_name);
		d->rec[i].cpus = arena_strdup(&d->mem, rec[i].cpus);
		d->rec[i].links = arena_strdup(&d->mem, rec[i].links);
		d->rec[i].unique_id = arena_strdup(&d->mem, rec[i].unique_id);
	}
	node_gres_apply(c, n);
	return true;
}

/* ---- what it means ----------------------------------------------------- */

/* "gpu" with "tesla": the type, or the bare name where the configuration has
 * no types. */
static uint32_t type_of_rec(const struct core *c, const struct node *n,
			    const struct gres_conf_rec *r)
{
	uint32_t bare = UINT32_MAX;

	for (uint32_t t = 0; r->name && t < c->gres_type_count; t++) {
		const char *type = strchr(c->gres_type[t], ':');

		if (!n->gres[t].total || strcasecmp(c->gres_name[t], r->name) != 0)
			continue;
		if (!type)
			bare = t;
		else if (r->type_name && strcasecmp(type + 1, r->type_name) == 0)
			return t;
	}
	return bare;
}

/* Units of all types of t's name. */
static uint64_t count_of(const struct node *n, const struct core *c, uint32_t t)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < c->gres_type_count; k++)
		if (streq(c->gres_name[k], c->gres_name[t]))
			sum += n->gres[k].total;
	return sum;
}

static void bits_set(struct core *c, struct node *n)
{
	const struct node_devices *d = n->devices;

	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		struct node_gres *g = &n->gres[t];
		uint64_t sum = count_of(n, c, t);

		g->bits = sum > GRES_DEVICES_MAX ? 0 : (uint32_t)sum;
		if (!g->shared)
			continue;
		g->bits = 0;
		for (uint32_t i = 0; i < d->place_count; i++)
			g->bits += d->place[i].type == t;
	}
}

/* "0-3,6" over the node's cores. */
static struct bitset *cores_parse(struct arena *mem, const struct node *n, const char *text)
{
	struct bitset *b;

	if (!text || !*text)
		return NULL;
	b = arena_alloc(mem, bitset_sizeof(n->cores));
	bitset_init(b, n->cores);
	for (const char *p = text; *p;) {
		char *end;
		unsigned long from = strtoul(p, &end, 10), to = from;

		if (end == p)
			return NULL;
		if (*end == '-')
			to = strtoul(end + 1, &end, 10);
		for (unsigned long k = from; k <= to && k < n->cores; k++)
			bitset_set(b, (uint32_t)k);
		p = end + (*end == ',');
		if (*end && *end != ',')
			return NULL;
	}
	return b;
}

/* Devices of a name have numbers in the order of the records. */
static void place_add(struct core *c, struct node *n, const struct gres_conf_rec *r, uint32_t t,
		      uint32_t *next)
{
	struct node_devices *d = n->devices;
	struct gres_place *p = &d->place[d->place_count];
	struct node_gres *g = &n->gres[t];
	uint32_t bits = (uint32_t)count_of(n, c, t), at = *next, end;

	memset(p, 0, sizeof(*p));
	p->type = t;
	p->cores = cores_parse(&d->place_mem, n, r->cpus);
	g->explicit_only = r->config_flags & CONF_GRES_EXPLICIT;
	if (r->config_flags & CONF_GRES_SHARED) {
		g->shared = true;
		g->one = r->config_flags & CONF_GRES_ONE;
		(*next)++;
		if (at >= GRES_DEVICES_MAX)
			return;
		p->devs = UINT64_C(1) << at;
		p->parts = r->count;
		d->place_count++;
		return;
	}
	end = r->count > bits - (at < bits ? at : bits) ? bits : at + (uint32_t)r->count;
	*next = end;
	p->devs = at < end ? bits_below(end) & ~bits_below(at) : 0;
	g->devs |= p->devs;
	d->place_count++;
}

void node_gres_apply(struct core *c, struct node *n)
{
	struct node_devices *d = n->devices;
	struct gres_place *before;
	uint32_t before_count, *next;
	struct arena old;

	if (!d)
		return;
	before = d->place;
	before_count = d->place_count;
	old = d->place_mem;
	memset(&d->place_mem, 0, sizeof(d->place_mem));
	d->place = arena_zalloc(&d->place_mem, (d->rec_count + 1) * sizeof(*d->place));
	d->place_count = 0;
	next = arena_zalloc(&d->place_mem, (c->gres_type_count + 1) * sizeof(*next));
	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		n->gres[t].devs = 0;
		n->gres[t].shared = n->gres[t].one = n->gres[t].explicit_only = false;
	}
	for (uint32_t i = 0; i < d->rec_count; i++) {
		const struct gres_conf_rec *r = &d->rec[i];
		uint32_t t = type_of_rec(c, n, r), name = 0;

		if (t == UINT32_MAX || !(r->config_flags & CONF_GRES_FILE))
			continue;
		while (!streq(c->gres_name[name], c->gres_name[t]))
			name++;         /* one counter for all types of a name */
		if (r->config_flags & CONF_GRES_SHARED || count_of(n, c, t) <= GRES_DEVICES_MAX)
			place_add(c, n, r, t, &next[name]);
	}
	/* parts given away stay so */
	for (uint32_t i = 0; i < d->place_count; i++)
		for (uint32_t k = 0; k < before_count; k++)
			if (before[k].type == d->place[i].type && before[k].devs == d->place[i].devs)
				d->place[i].parts_used = before[k].parts_used;
	arena_fini(&old);
	bits_set(c, n);
}

void node_gres_faults(const struct core *c, const struct node *n, char *why, size_t size)
{
	const struct node_devices *d = n->devices;

	for (uint32_t t = 0; d && !*why && t < c->gres_type_count; t++) {
		uint64_t want = count_of(n, c, t), found = 0;

		for (uint32_t i = 0; i < d->rec_count; i++)
			if (d->rec[i].name && strcasecmp(d->rec[i].name, c->gres_name[t]) == 0)
				found += d->rec[i].count;
		if (found < want)
			snprintf(why, size, "gres/%s count reported lower than configured "
				 "(%llu < %llu)", c->gres_name[t], (unsigned long long)found,
				 (unsigned long long)want);
	}
}

/* ---- in use ------------------------------------------------------------ */

void node_gres_use(struct core *c, struct node *n, uint32_t type, uint16_t units, uint64_t devs,
		   bool add)
{
	struct node_gres *g = &n->gres[type];
	struct node_devices *d = n->devices;

	(void)c;
	if (add)
		g->used += units;
	else
		g->used -= g->used < units ? g->used : units;
	if (!g->shared) {
		g->devs_used = add ? g->devs_used | devs : g->devs_used & ~devs;
		return;
	}
	for (uint32_t i = 0; d && devs && i < d->place_count; i++) {
		struct gres_place *p = &d->place[i];

		if (p->type != type || p->devs != devs)
			continue;
		if (add)
			p->parts_used += units;
		else
			p->parts_used -= p->parts_used < units ? p->parts_used : units;
	}
}

void node_gres_idle(struct node *n)
{
	for (uint32_t i = 0; n->devices && i < n->devices->place_count; i++)
		n->devices->place[i].parts_used = 0;
}

/* GPUs of which parts are given away, and GPUs given away whole. */
static void gpus_taken(const struct core *c, const struct node *n, uint32_t but, uint64_t *parts,
		       uint64_t *whole)
{
	const struct node_devices *d = n->devices;

	*parts = *whole = 0;
	for (uint32_t i = 0; d && i < d->place_count; i++)
		if (d->place[i].type != but && d->place[i].parts_used)
			*parts |= d->place[i].devs;
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (streq(c->gres_name[t], "gpu"))
			*whole |= n->gres[t].devs_used;
}

uint64_t node_gres_open(const struct core *c, const struct node *n, uint32_t type)
{
	const struct node_gres *g = &n->gres[type];
	uint64_t parts, whole, open = 0, begun = 0;

	gpus_taken(c, n, type, &parts, &whole);
	if (!g->shared)
		return g->devs & ~g->devs_used & (streq(c->gres_name[type], "gpu") ? ~parts :
						  UINT64_MAX);
	for (uint32_t i = 0; n->devices && i < n->devices->place_count; i++) {
		const struct gres_place *p = &n->devices->place[i];

		if (p->type == type && p->parts_used < p->parts)
			open |= p->devs;
		if (p->type == type && p->parts_used)
			begun |= p->devs;
	}
	if (g->one && begun)
		open &= begun;
	return open & ~whole & ~parts;
}

/* ---- for step managers ------------------------------------------------- */

static struct bitset *bits_of(struct effects *out, uint64_t devs, uint32_t bits)
{
	struct bitset *b = effects_bitset(out, bits);

	for (uint32_t k = 0; k < bits; k++)
		if (devs >> k & 1)
			bitset_set(b, k);
	return b;
}

static void place_record(struct core *c, struct effects *out, const struct node *n,
			 const struct gres_place *p, struct gres_node_rec *m)
{
	const struct node_gres *g = &n->gres[p->type];
	const char *type = strchr(c->gres_type[p->type], ':');
	uint32_t i = m->topo_cnt++;

	if (p->cores) {
		m->topo[i].cores = effects_bitset(out, p->cores->bits);
		bitset_copy(m->topo[i].cores, p->cores);
	}
	m->topo[i].gres = bits_of(out, p->devs, g->bits);
	m->topo_gres_cnt_avail[i] = g->shared ? p->parts : bits_count(p->devs);
	m->topo_gres_cnt_alloc[i] = g->shared ? p->parts_used : bits_count(p->devs & g->devs_used);
	m->topo_type_name[i] = type ? arena_strdup(&out->mem, type + 1) : NULL;
	m->topo_type_id[i] = type ? gres_id(type + 1) : 0;
}

void node_gres_records(struct core *c, struct effects *out, const struct node *n,
		       struct node_record *m)
{
	const struct node_devices *d = n->devices;
	uint32_t places = d ? d->place_count : 0;

	if (!d)
		return;
	m->gres_list = arena_zalloc(&out->mem, (c->gres_type_count + 1) * sizeof(*m->gres_list));
	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		struct gres_node_rec *g = &m->gres_list[m->gres_list_count];

		if (!streq(c->gres_type[t], c->gres_name[t]) || !count_of(n, c, t))
			continue;
		wire_init(&gres_node_rec_desc, g);
		m->gres_list_count++;
		g->magic = GRES_MAGIC;
		g->plugin_id = gres_id(c->gres_name[t]);
		g->gres_cnt_avail = count_of(n, c, t);
		g->topo = arena_zalloc(&out->mem, (places + 1) * sizeof(*g->topo));
		g->topo_gres_cnt_alloc = arena_zalloc(&out->mem, (places + 1) * sizeof(uint64_t));
		g->topo_gres_cnt_avail = arena_zalloc(&out->mem, (places + 1) * sizeof(uint64_t));
		g->topo_type_id = arena_zalloc(&out->mem, (places + 1) * sizeof(uint32_t));
		g->topo_type_name = arena_zalloc(&out->mem, (places + 1) * sizeof(char *));
		for (uint32_t i = 0; i < d->rec_count; i++)
			if (d->rec[i].name && strcasecmp(d->rec[i].name, c->gres_name[t]) == 0)
				g->config_flags |= d->rec[i].config_flags;
		for (uint32_t i = 0; i < places; i++) {
			if (!streq(c->gres_name[d->place[i].type], c->gres_name[t]))
				continue;
			place_record(c, out, n, &d->place[i], g);
			g->gres_bitmap_size = (uint16_t)n->gres[d->place[i].type].bits;
		}
		g->topo_alloc_count = g->topo_avail_count = g->topo_cnt;
		g->topo_type_id_count = g->topo_type_name_count = g->topo_cnt;
	}
}
