/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes and partitions as sinfo and scontrol show them. */
#include <stdio.h>
#include <stdlib.h>

#include "slurmctld/core/resv.h"
#include "slurmctld/rpc/fill.h"
#include "slurmctld/view.h"
#include "wire/base/strbuf.h"

/* Memory in MB, shortened as stock does: only when nothing is lost. */
static void add_mem(struct strbuf *b, uint64_t mb)
{
	static const char unit[] = "MGTPE";
	unsigned u = 0;

	while (mb && mb % 1024 == 0 && u + 1 < sizeof unit - 1) {
		mb /= 1024;
		u++;
	}
	strbuf_printf(b, "mem=%llu%c", (unsigned long long)mb, unit[u]);
}

const char *fill_tres(struct arena *mem, uint64_t cpus, uint64_t mem_mb, uint32_t nodes,
		      uint64_t billing)
{
	struct strbuf b = { 0 };
	const char *text;

	if (cpus)
		strbuf_printf(&b, "cpu=%llu", (unsigned long long)cpus);
	if (mem_mb) {
		strbuf_sep(&b, ",");
		add_mem(&b, mem_mb);
	}
	if (nodes) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "node=%u", nodes);
	}
	if (billing) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "billing=%llu", (unsigned long long)billing);
	}
	text = b.len ? arena_strdup(mem, b.s) : NULL;
	strbuf_fini(&b);
	return text;
}

/* Is a gres counted as a tracked resource ("gres/qpu" in AccountingStorageTRES)? */
static bool gres_tracked(const struct core *c, const char *name)
{
	return conf_option(c->conf->accountingstoragetres, name, NULL);
}

/* A name without type is the sum of its types. */
static uint64_t gres_sum(const struct core *c, const struct node *n, uint32_t g, bool used)
{
	bool bare = streq(c->gres_type[g], c->gres_name[g]);
	uint64_t sum = 0;

	for (uint32_t k = 0; k < c->gres_type_count; k++)
		if (k == g || (bare && streq(c->gres_name[k], c->gres_name[g])))
			sum += used ? n->gres[k].used : n->gres[k].total;
	return sum;
}

static const char *add_gres_tres(const struct core *c, const struct node *n, bool used,
				 const char *tres, struct arena *mem)
{
	for (uint32_t g = 0; n->gres && g < c->gres_type_count; g++) {
		uint64_t count = gres_sum(c, n, g, used);
		char name[256];

		snprintf(name, sizeof name, "gres/%s", c->gres_type[g]);
		if (!count || !gres_tracked(c, name))
			continue;
		tres = arena_printf(mem, "%s%s%s=%llu", tres ? tres : "", tres ? "," : "", name,
				    (unsigned long long)count);
	}
	return tres;
}

/* What controllers of a release show that others do not. */
#define LISTS_ABSENT_GRES ONLY(22_05)   /* "qpu:0" where the node has none */
#define NO_REASON_IS_ROOT ONLY(24_11)   /* reason_uid of a node without reason */

#define UNTYPED_IS_NULL   UNTIL(26_05)  /* "gpu:(null):1(IDX:0)" */
#define SHARING_HAS_IDX   SINCE(23_11)  /* GPUs of which parts may be given */

/* Of what nodes say where their devices are, numbers are shown. */
static bool shows_numbers(const struct core *c, const struct node *n, uint32_t g,
			  enum wire_version v)
{
	const struct node_devices *d = n->devices;

	if (!n->gres[g].devs && !n->gres[g].shared)
		return false;
	if (SHARING_HAS_IDX >> v & 1 && streq(c->gres_name[g], "gpu"))
		for (uint32_t k = 0; k < c->gres_type_count; k++)
			if (conf_gres_shared(c->gres_name[k]))
				return true;
	for (uint32_t i = 0; d && i < d->place_count; i++)
		if (streq(c->gres_name[d->place[i].type], c->gres_name[g]) && d->place[i].cores)
			return true;
	return n->gres[g].shared;
}

const char *fill_devices(struct arena *mem, uint64_t devs)
{
	struct bitset *b = arena_zalloc(mem, bitset_sizeof(64));
	char *text;
	const char *copy;

	bitset_init(b, 64);
	for (uint32_t k = 0; k < 64; k++)
		if (devs >> k & 1)
			bitset_set(b, k);
	text = bitset_to_ranges(b);
	copy = arena_strdup(mem, text);
	free(text);
	return copy;
}

/* "0/4,3/4": parts of each device. */
static const char *part_list(const struct node *n, uint32_t g, struct arena *mem)
{
	const char *text = "";

	for (uint32_t i = 0; i < n->devices->place_count; i++) {
		const struct gres_place *p = &n->devices->place[i];

		if (p->type == g)
			text = arena_printf(mem, "%s%s%llu/%llu", text, *text ? "," : "",
					    (unsigned long long)p->parts_used,
					    (unsigned long long)p->parts);
	}
	return text;
}

static const char *gres_used_one(const struct core *c, const struct node *n, uint32_t g,
				 enum wire_version v, struct arena *mem)
{
	const struct node_gres *x = &n->gres[g];
	unsigned long long used = x->used;
	bool bare = streq(c->gres_type[g], c->gres_name[g]);
	const char *null = bare && UNTYPED_IS_NULL >> v & 1 ? ":(null)" : "";

	if (!shows_numbers(c, n, g, v))
		return arena_printf(mem, "%s:%llu", c->gres_type[g], used);
	if (x->shared)
		return arena_printf(mem, "%s%s:%llu(%s)", c->gres_type[g], null, used,
				    part_list(n, g, mem));
	return arena_printf(mem, "%s%s:%llu(IDX:%s)", c->gres_type[g], null, used,
			    x->devs_used & x->devs ?
			    fill_devices(mem, x->devs_used & x->devs) : "N/A");
}

/* "gpu:tesla:1(IDX:0),qpu:1" of what is in use. */
static const char *gres_used_text(const struct core *c, const struct node *n,
				  enum wire_version v, struct arena *mem)
{
	const char *text = NULL;

	for (uint32_t g = 0; n->gres && g < c->gres_type_count; g++) {
		bool absent = LISTS_ABSENT_GRES >> v & 1 &&
			streq(c->gres_type[g], c->gres_name[g]) && !gres_sum(c, n, g, false);

		if (!n->gres[g].total && !absent)
			continue;
		text = arena_printf(mem, "%s%s%s", text ? text : "", text ? "," : "",
				    gres_used_one(c, n, g, v, mem));
	}
	return text;
}

/* Sockets that the devices of a type are near: "(S:0-1)". */
static const char *socket_text(const struct node *n, uint32_t g, struct arena *mem)
{
	uint64_t set = 0;

	for (uint32_t i = 0; n->devices && i < n->devices->place_count; i++) {
		const struct gres_place *p = &n->devices->place[i];

		if (p->type != g || !p->cores)
			continue;
		bitset_foreach(k, p->cores)
			if (n->cores_per_socket && k / n->cores_per_socket < 64)
				set |= UINT64_C(1) << k / n->cores_per_socket;
	}
	return set ? arena_printf(mem, "(S:%s)", fill_devices(mem, set)) : "";
}

/* As configured, or as an administrator changed it; with the sockets. */
static const char *gres_text(const struct core *c, const struct node *n, struct arena *mem)
{
	const char *text = NULL;
	bool any = false;

	if (!n->gres_text || !n->devices || strchr(n->gres_text, '('))
		return n->gres_text;
	for (const char *p = n->gres_text; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len = strcspn(p, ",");
		const char *sockets = "";

		for (uint32_t g = 0; g < c->gres_type_count && !*sockets; g++) {
			size_t k = strlen(c->gres_type[g]);

			if (strncmp(p, c->gres_type[g], k) == 0 && (k == len || p[k] == ':'))
				sockets = socket_text(n, g, mem);
		}
		any |= *sockets != 0;
		text = arena_printf(mem, "%s%s%.*s%s", text ? text : "", text ? "," : "", (int)len,
				    p, sockets);
	}
	return any ? text : n->gres_text;
}

static uint16_t usable_cpus(const struct node *n)
{
	uint16_t spec = n->core_spec_cnt ? n->core_spec_cnt : n->conf->core_spec_cnt;

	spec = (uint16_t)(spec * (n->threads ? n->threads : 1));
	return spec < n->cpus ? (uint16_t)(n->cpus - spec) : n->cpus;
}

void fill_node(const struct core *c, const struct node *n, uint16_t show_flags,
	       enum wire_version v, struct node_info_members *m, struct arena *mem)
{
	m->name = n->name;
	m->node_hostname = n->hostname;
	m->node_addr = n->addr;
	m->bcast_address = n->conf->bcast_addr;
	m->port = n->port;
	m->next_state = n->next_state;
	m->node_state = n->state;
	m->version = n->version_text;
	m->cpus = n->cpus;
	m->boards = n->boards;
	m->sockets = n->sockets;
	m->cores = n->cores_per_socket;
	m->threads = n->threads;
	m->real_memory = n->real_memory_mb;
	m->tmp_disk = n->tmp_disk_mb;
	m->mcs_label = n->mcs_label;
	m->owner = n->owner_uid;
	m->core_spec_cnt = n->core_spec_cnt ? n->core_spec_cnt : n->conf->core_spec_cnt;
	m->cpu_bind = node_cpu_bind(n);
	m->mem_spec_limit = n->mem_spec_limit_mb ? n->mem_spec_limit_mb : n->conf->mem_spec_limit_mb;
	m->cpu_spec_list = n->cpu_spec_list ? n->cpu_spec_list : n->conf->cpu_spec_list;
	m->cpus_efctv = usable_cpus(n);
	/* Clients since 24.11 print NO_VAL as a number. */
	m->cpu_load = n->cpu_load == NO_VAL ? 0 : n->cpu_load;
	m->free_mem = n->free_mem_mb;
	m->weight = n->weight;
	m->res_cores_per_gpu = n->conf->restricted_cores_per_gpu;
	m->reason_uid = n->reason ? n->reason_uid : NO_REASON_IS_ROOT >> v & 1 ? 0 : NO_VAL;
	m->suspend_time = n->conf->suspend_time_sec == NO_VAL ? (uint32_t)power_idle_limit(c, n)
							      : n->conf->suspend_time_sec;
	m->boot_time = n->boot_time;
	m->last_busy = n->last_busy;
	m->reason_time = n->reason_time;
	m->resume_after = n->resume_after;
	m->slurmd_start_time = n->slurmd_start_time;
	m->alloc_cpus = node_cpus_held(n);
	m->alloc_memory = n->mem_alloc_mb;
	m->alloc_tres_fmt_str = add_gres_tres(c, n, true,
					      fill_tres(mem, m->alloc_cpus, n->mem_alloc_mb, 0, 0),
					      mem);
	m->alloc_tres_weighted = m->alloc_cpus;
	m->arch = n->arch;
	m->features = n->features;
	m->features_act = n->features_active;
	m->gres = gres_text(c, n, mem);
	if (show_flags & SHOW_DETAIL) {
		m->gres_drain = "N/A";
		m->gres_used = gres_used_text(c, n, v, mem);
	}
	m->os = n->os;
	m->comment = n->comment;
	m->extra = n->extra;
	m->instance_id = n->instance_id;
	m->instance_type = n->instance_type;
	m->parameters = n->conf->parameters;
	m->reason = n->reason;
	m->ext_sensors.consumed_energy = NO_VAL64;
	m->ext_sensors.temperature = NO_VAL;
	m->power.cap_watts = NO_VAL;
	m->tres_fmt_str = add_gres_tres(c, n, false,
					fill_tres(mem, n->cpus, n->real_memory_mb, 0, n->cpus),
					mem);
	m->topology_str = n->topology;
	if (n->state & NODE_STATE_RES && resv_of_node(c, n))
		m->resv_name = resv_of_node(c, n)->name;
}

static bool nodes_next(const struct core *c, struct view_record *at)
{
	uint32_t i = at->object ? ((const struct node *)at->object)->index + 1 : 0;

	while (i < c->node_count && !c->node[i])
		i++;
	if (i >= c->node_count)
		return false;
	at->object = c->node[i];
	at->key = i;
	at->gen = c->node[i]->gen ^ (uint64_t)c->last_conf_update << 32;
	return true;
}

static int64_t nodes_fill(const struct core *c, const void *object, uint16_t flags,
			  enum wire_version v, void *msg, struct arena *mem)
{
	fill_node(c, object, flags, v, msg, mem);
	return INT64_MAX;
}

const struct view_source view_source_nodes = {
	&node_info_members_desc, nodes_next, nodes_fill
};

/* ---- partitions -------------------------------------------------------- */

bool part_visible(const struct part *p, uint32_t uid)
{
	if (p->flags & PART_FLAG_HIDDEN)
		return false;
	if (!p->allow_groups || !p->allow_uids)
		return true;
	for (uint32_t i = 0; i < p->allow_uid_count; i++)
		if (p->allow_uids[i] == uid)
			return true;
	return uid == 0;
}

/* "DefCpuPerGPU=1,DefMemPerGPU=2"; the type is the wire's number. */
static void part_job_defaults(const struct part *p, struct partition_info_members *m,
			      struct arena *mem)
{
	static const char *const names[] = { NULL, "DefCpuPerGPU", "DefMemPerGPU" };
	struct job_defaults *d = arena_zalloc(mem, 2 * sizeof *d);
	const char *value;
	uint32_t n = 0;

	for (uint16_t type = 1; type <= 2; type++) {
		if (!conf_option(p->job_defaults, names[type], &value))
			continue;
		d[n].type = type;
		d[n++].value = strtoull(value, NULL, 10);
	}
	m->job_defaults_list = n ? d : NULL;
	m->job_defaults_list_count = n;
}

void fill_part(const struct core *c, const struct part *p,
	       struct partition_info_members *m, struct arena *mem)
{
	uint64_t mem_mb = 0;

	m->name = p->name;
	m->cpu_bind = p->cpu_bind;
	m->grace_time = p->grace_time_sec;
	m->max_time = p->max_time_min;
	m->default_time = p->default_time_min;
	m->max_nodes = p->max_nodes;
	m->min_nodes = p->min_nodes;
	m->total_nodes = p->total_nodes;
	m->total_cpus = p->total_cpus;
	m->def_mem_per_cpu = p->def_mem;
	m->max_cpus_per_node = p->max_cpus_per_node;
	m->max_cpus_per_socket = p->max_cpus_per_socket;
	m->max_mem_per_cpu = p->max_mem;
	m->flags = p->flags & ~PART_FLAG_DEFAULT;
	if (p == c->default_part)
		m->flags |= PART_FLAG_DEFAULT;
	m->max_share = p->max_share;
	m->over_time_limit = p->over_time_limit;
	m->preempt_mode = p->preempt_mode;
	m->priority_job_factor = p->priority_job_factor;
	m->priority_tier = p->priority_tier;
	m->state_up = p->state_up;
	m->cr_type = p->cr_type;
	m->resume_timeout = p->resume_timeout;
	m->suspend_timeout = p->suspend_timeout;
	m->suspend_time = p->suspend_time_sec;
	m->allow_accounts = p->allow_accounts;
	m->allow_groups = p->allow_groups;
	m->allow_alloc_nodes = p->alloc_nodes;
	m->allow_qos = p->allow_qos;
	m->qos_char = p->qos;
	m->alternate = p->alternate;
	m->deny_accounts = p->deny_accounts;
	m->deny_qos = p->deny_qos;
	/* The nodes themselves, also for Nodes=ALL and node sets. */
	m->nodes = p->nodes ? show_nodes(c, p->nodes, mem) : p->node_text;
	part_job_defaults(p, m, mem);
	m->nodesets = p->nodesets;
	m->node_inx = p->nodes;
	m->billing_weights_str = p->billing_weights;
	m->topology_name = p->topology;
	for (uint32_t i = 0; p->nodes && i < c->node_count; i++)
		if (c->node[i] && bitset_test(p->nodes, i))
			mem_mb += c->node[i]->real_memory_mb;
	m->tres_fmt_str = fill_tres(mem, p->total_cpus, mem_mb, p->total_nodes, p->total_cpus);
}
