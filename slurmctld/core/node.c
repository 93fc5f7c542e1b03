/* SPDX-License-Identifier: Apache-2.0
 *
 * Node records: built from the configuration, found by name, and the one place
 * where a node's state changes.
 *
 *   UNKNOWN --registers--> IDLE <--> MIXED <--> ALLOCATED      (node_settle)
 *      |                    |          |            |
 *      |                    +----------+------------+
 *      +--------------------+   silent, failed check, admin
 *                           v
 *                          DOWN ----registers, admin----> IDLE ...
 *   FUTURE ----registers----^ ...
 *
 * DRAIN, FAIL, COMPLETING, NO_RESPOND, INVALID_REG and the power flags stand
 * beside the base state.  Work starts only where node_usable(). */
#include <assert.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/trigger.h"

#define BLOCKING (NODE_STATE_DRAIN | NODE_STATE_FAIL | NODE_STATE_INVALID_REG | \
		  NODE_STATE_POWERING_DOWN | NODE_STATE_REBOOT_ISSUED | NODE_STATE_BLOCKED)

void node_set_str(char **where, const char *value)
{
	char *copy = value && *value ? mem_strdup(value) : NULL;

	free(*where);
	*where = copy;
}

uint64_t name_key(const char *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; name && *name; name++)
		h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
	return h & INT64_MAX;
}

void node_touch(struct core *c, struct node *n)
{
	n->gen++;
	c->resv_look = true;
	c->last_node_update = c->now;
}

void node_dirty(struct core *c, struct node *n)
{
	node_touch(c, n);
	if (n->dirty)
		return;
	n->dirty = true;
	n->dirty_next = c->dirty_nodes;
	c->dirty_nodes = n;
}

uint32_t node_cpu_bind(const struct node *n)
{
	return n->cpu_bind != NO_VAL ? n->cpu_bind : n->conf->cpu_bind;
}

bool node_base_up(const struct node *n)
{
	uint32_t base = n->state & NODE_STATE_BASE;

	return base != NODE_STATE_DOWN && base != NODE_STATE_FUTURE &&
	       !(n->state & (NODE_STATE_DRAIN | NODE_STATE_FAIL));
}

bool node_usable(const struct node *n)
{
	uint32_t base = n->state & NODE_STATE_BASE;

	if (base != NODE_STATE_IDLE && base != NODE_STATE_MIXED && base != NODE_STATE_ALLOCATED)
		return false;
	/* Jobs wait for one that is off, or boots (prep.c). */
	if (n->state & (NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_UP)) {
		if (!n->can_resume)
			return false;
	} else if (n->state & NODE_STATE_NO_RESPOND) {
		return false;
	}
	/* To be powered down when its jobs have ended. */
	if (n->state & NODE_STATE_POWER_DOWN && base == NODE_STATE_IDLE)
		return false;
	return !(n->state & BLOCKING);
}

#define TO(s) (1u << NODE_STATE_##s)
#define WORK (TO(IDLE) | TO(ALLOCATED) | TO(MIXED))
static const uint32_t node_moves[NODE_STATE_END] = {
	[NODE_STATE_UNKNOWN] = TO(UNKNOWN) | TO(DOWN) | TO(FUTURE) | TO(ERROR) | WORK,
	[NODE_STATE_DOWN] = TO(DOWN) | TO(FUTURE) | TO(ERROR) | TO(UNKNOWN) | WORK,
	[NODE_STATE_IDLE] = TO(DOWN) | TO(FUTURE) | TO(ERROR) | TO(UNKNOWN) | WORK,
	[NODE_STATE_ALLOCATED] = TO(DOWN) | TO(ERROR) | TO(UNKNOWN) | WORK,
	[NODE_STATE_ERROR] = TO(DOWN) | TO(ERROR) | TO(FUTURE) | TO(UNKNOWN) | WORK,
	[NODE_STATE_MIXED] = TO(DOWN) | TO(ERROR) | TO(UNKNOWN) | WORK,
	[NODE_STATE_FUTURE] = TO(DOWN) | TO(FUTURE) | TO(UNKNOWN) | WORK,
};

/* What the journal keeps of a state: not which work runs there now. */
static uint32_t lasting(uint32_t state)
{
	uint32_t base = state & NODE_STATE_BASE;

	if (base == NODE_STATE_ALLOCATED || base == NODE_STATE_MIXED)
		state = (state & ~NODE_STATE_BASE) | NODE_STATE_IDLE;
	return state & ~(NODE_STATE_COMPLETING | NODE_STATE_PLANNED | NODE_STATE_RES |
			 NODE_STATE_MAINT);
}

void node_move(struct core *c, struct node *n, uint32_t new_state)
{
	uint32_t old = n->state;
	bool was = node_usable(n), was_up = node_base_up(n);

	if (new_state == old)
		return;
	assert((new_state & NODE_STATE_BASE) < NODE_STATE_END);
	assert(node_moves[old & NODE_STATE_BASE] & 1u << (new_state & NODE_STATE_BASE));
	n->state = new_state;
	trigger_node(c, n, old);
	if (lasting(old) != lasting(new_state))
		node_dirty(c, n);
	else
		node_touch(c, n);
	if (c->started && (was != node_usable(n) || was_up != node_base_up(n))) {
		sched_nodes_changed(c);
		c->wants_sched = true;
	}
}

uint16_t node_cpus_held(const struct node *n)
{
	uint32_t per = n->cores && n->cpus > n->cores ? n->cpus / n->cores : 1;
	uint32_t held = n->cores_used ? bitset_count(n->cores_used) * per : 0;

	if (n->sharing_jobs && held < n->cpus_alloc)
		held = n->cpus_alloc;
	return (uint16_t)(held < n->cpus ? held : n->cpus);
}

void node_settle(struct core *c, struct node *n)
{
	uint32_t base = n->state & NODE_STATE_BASE, flags = n->state & ~NODE_STATE_BASE;

	if (base == NODE_STATE_IDLE || base == NODE_STATE_MIXED || base == NODE_STATE_ALLOCATED) {
		/* Suspended jobs alone leave a node idle. */
		if (!n->run_jobs || !(n->cpus_alloc || n->beside_jobs))
			base = NODE_STATE_IDLE;
		else
			base = node_cpus_held(n) >= n->cpus ? NODE_STATE_ALLOCATED : NODE_STATE_MIXED;
	}
	if (n->comp_jobs)
		flags |= NODE_STATE_COMPLETING;
	else
		flags &= ~NODE_STATE_COMPLETING;
	node_touch(c, n);
	node_move(c, n, base | flags);
}

void node_reason(struct core *c, struct node *n, const char *reason, uint32_t uid, int64_t when)
{
	node_set_str(&n->reason, reason);
	n->reason_uid = n->reason ? uid : NO_VAL;
	n->reason_time = n->reason ? when : 0;
	node_dirty(c, n);
}

/* ---- finding ----------------------------------------------------------- */

void node_hash_build(struct core *c)
{
	uint32_t size = 64;

	while (size < c->node_count * 2)
		size *= 2;
	free(c->node_hash);
	c->node_hash = mem_alloc(size * sizeof(*c->node_hash));
	memset(c->node_hash, 0xff, size * sizeof(*c->node_hash));
	c->node_hash_size = size;
	for (uint32_t i = 0; i < c->node_count; i++) {
		uint32_t h = (uint32_t)name_key(c->node[i]->name) & (size - 1);

		while (c->node_hash[h] != UINT32_MAX)
			h = (h + 1) & (size - 1);
		c->node_hash[h] = i;
	}
}

struct node *node_find(const struct core *c, const char *name)
{
	uint32_t h;

	if (!name || !c->node_hash_size)
		return NULL;
	h = (uint32_t)name_key(name) & (c->node_hash_size - 1);
	while (c->node_hash[h] != UINT32_MAX) {
		struct node *n = c->node[c->node_hash[h]];

		if (strcmp(n->name, name) == 0)
			return n;
		h = (h + 1) & (c->node_hash_size - 1);
	}
	return NULL;
}

enum err nodes_parse(const struct core *c, const char *text, struct bitset *set,
		     struct err_text *why)
{
	struct arena mem = { 0 };
	char **names = NULL;
	uint32_t count = 0;
	enum err rc = E_OK;

	if (text && strcasecmp(text, "ALL") == 0) {
		bitset_set_all(set);
		return E_OK;
	}
	if (hostlist_expand(text, &mem, &names, &count, why) != E_OK)
		rc = E_INVALID_NODE_NAME;
	for (uint32_t i = 0; rc == E_OK && i < count; i++) {
		struct node *n = node_find(c, names[i]);

		if (n)
			bitset_set(set, n->index);
		else
			rc = err_set(why, E_INVALID_NODE_NAME, "Invalid node name specified: %s",
				     names[i]);
	}
	arena_fini(&mem);
	return rc;
}

/* ---- building ---------------------------------------------------------- */

static uint32_t gres_type_of(const struct core *c, const struct conf_gres *g)
{
	char full[256];

	snprintf(full, sizeof(full), g->type ? "%s:%s" : "%s", g->name, g->type);
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (strcmp(c->gres_type[t], full) == 0)
			return t;
	return UINT32_MAX;
}

static uint32_t gres_type_add(struct core *c, const struct conf_gres *g)
{
	uint32_t t = gres_type_of(c, g);

	if (t != UINT32_MAX)
		return t;
	t = c->gres_type_count++;
	c->gres_type = mem_realloc(c->gres_type, (t + 1) * sizeof(char *));
	c->gres_name = mem_realloc(c->gres_name, (t + 1) * sizeof(char *));
	c->gres_type[t] = g->type ? mem_printf("%s:%s", g->name, g->type) : mem_strdup(g->name);
	c->gres_name[t] = mem_strdup(g->name);
	return t;
}

/* Names in the order of GresTypes, each without type first, then its types. */
void gres_types_build(struct core *c)
{
	for (const char *p = c->conf->grestypes; p && *p; p += strcspn(p, ","), p += *p == ',') {
		char *name = mem_strndup(p, strcspn(p, ","));
		const struct conf_gres bare = {.name = name};

		if (*name)
			gres_type_add(c, &bare);
		for (uint32_t i = 0; i < c->conf->node_count; i++) {
			const struct conf_node *cn = &c->conf->nodes[i];

			for (uint32_t k = 0; k < cn->gres_count; k++)
				if (strcasecmp(cn->gres_list[k].name, name) == 0)
					gres_type_add(c, &cn->gres_list[k]);
		}
		free(name);
	}
}

/* All that the configuration decides; what is in use stays. */
void node_from_conf(struct core *c, struct node *n, const struct conf_node *cn)
{
	n->conf = cn;
	n->name = cn->name;
	node_set_str(&n->hostname, cn->hostname ? cn->hostname : cn->name);
	node_set_str(&n->addr, cn->addr ? cn->addr : n->hostname);
	n->port = cn->port;
	n->cpus = cn->cpus;
	n->boards = cn->boards ? cn->boards : 1;
	n->sockets = cn->sockets;
	n->cores_per_socket = cn->cores;
	n->threads = cn->threads ? cn->threads : 1;
	n->cores = (uint32_t)cn->sockets * cn->cores;
	if (!n->cores)
		n->cores = cn->cpus;
	n->real_memory_mb = cn->real_memory_mb;
	n->tmp_disk_mb = cn->tmp_disk_mb;
	n->weight = cn->weight;
	n->core_spec_cnt = cn->core_spec_cnt;
	n->mem_spec_limit_mb = cn->mem_spec_limit_mb;
	node_set_str(&n->cpu_spec_list, cn->cpu_spec_list);
	node_set_str(&n->features, cn->features);
	node_set_str(&n->features_active, cn->features);
	node_set_str(&n->gres_text, cn->gres);
	node_set_str(&n->topology, cn->topology);
	if (!n->cores_used || n->cores_used->bits != n->cores) {
		bitset_free(n->cores_used);
		n->cores_used = bitset_new(n->cores);
	}
	free(n->gres);
	n->gres = mem_zalloc((c->gres_type_count ? c->gres_type_count : 1) * sizeof(*n->gres));
	for (uint32_t k = 0; k < cn->gres_count; k++) {
		uint32_t t = gres_type_of(c, &cn->gres_list[k]);

		if (t != UINT32_MAX)
			n->gres[t].total += cn->gres_list[k].count;
	}
	node_gres_apply(c, n);
}

struct node *node_new(struct core *c, const struct conf_node *cn)
{
	struct node *n = mem_zalloc(sizeof(*n));

	n->owner_uid = NO_VAL;
	n->cpu_bind = NO_VAL;
	n->reason_uid = NO_VAL;
	n->next_state = NO_VAL;
	n->free_mem_mb = NO_VAL64;
	n->state = cn->state;
	n->cpu_load = NO_VAL;
	node_from_conf(c, n, cn);
	n->last_response = c->now;
	if (cn->reason) {
		node_set_str(&n->reason, cn->reason);
		n->reason_uid = 0;      /* nobody's, of no time: as stock has it */
	}
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	free(n->hostname);
	free(n->addr);
	free(n->version_text);
	free(n->arch);
	free(n->os);
	free(n->features);
	free(n->features_active);
	free(n->gres_text);
	free(n->comment);
	free(n->extra);
	free(n->instance_id);
	free(n->instance_type);
	free(n->reason);
	free(n->mcs_label);
	free(n->cpu_spec_list);
	free(n->topology);
	free(n->gres);
	node_gres_free(n);
	bitset_free(n->cores_used);
	bitset_free(n->parts);
	conf_unref(n->keep);
	free(n);
}

enum err node_build_all(struct core *c, struct err_text *why)
{
	if (!c->conf->node_count)
		return err_set(why, E_FAIL, "no nodes configured");
	gres_types_build(c);
	c->node = mem_zalloc(c->conf->node_count * sizeof(*c->node));
	for (uint32_t i = 0; i < c->conf->node_count; i++) {
		c->node[i] = node_new(c, &c->conf->nodes[i]);
		c->node[i]->index = i;
	}
	c->node_count = c->conf->node_count;
	node_hash_build(c);
	return E_OK;
}
