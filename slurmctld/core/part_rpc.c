/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions made, changed and deleted while running. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"

#define FLAG_CLEAR(f) ((uint32_t)(f) << PART_FLAG_CLEAR_SHIFT)

static bool name_listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && strncmp(p, name, n) == 0)
			return true;
	return false;
}

static void change_flags(struct core *c, struct part *p, uint32_t f)
{
	static const uint32_t all[] = {
		PART_FLAG_DEFAULT, PART_FLAG_HIDDEN, PART_FLAG_NO_ROOT, PART_FLAG_ROOT_ONLY,
		PART_FLAG_REQ_RESV, PART_FLAG_LLN, PART_FLAG_EXCLUSIVE_USER, PART_FLAG_PDOI,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (f & all[i])
			p->flags |= all[i];
		else if (f & FLAG_CLEAR(all[i]))
			p->flags &= ~all[i];
	}
	if (f & PART_FLAG_DEFAULT) {
		if (c->default_part && c->default_part != p) {
			c->default_part->flags &= ~(uint32_t)PART_FLAG_DEFAULT;
			part_dirty(c, c->default_part);
		}
		c->default_part = p;
	} else if (f & FLAG_CLEAR(PART_FLAG_DEFAULT) && c->default_part == p) {
		c->default_part = NULL;
	}
}

/* GANG is the cluster's to set; it stays where it is set. */
static void change_preempt(struct part *p, uint16_t mode)
{
	if (mode == NO_VAL16 || mode & PREEMPT_MODE_GANG ||
	    (mode & ~PREEMPT_MODE_PRIORITY) > PREEMPT_MODE_CANCEL)
		return;
	if (p->preempt_mode != NO_VAL16)
		mode |= p->preempt_mode & PREEMPT_MODE_GANG;
	p->preempt_mode = mode;
}

static void change_scalars(struct part *p, const struct update_partition_msg *m)
{
#define SET32(to, from) if (m->from != NO_VAL) p->to = m->from;
#define SET16(to, from) if (m->from != NO_VAL16) p->to = m->from;
	SET32(max_time_min, max_time)
	if (m->default_time != NO_VAL && m->default_time <= p->max_time_min)
		p->default_time_min = m->default_time;
	SET32(max_nodes, max_nodes)
	SET32(min_nodes, min_nodes)
	SET32(grace_time_sec, grace_time)
	SET32(max_cpus_per_node, max_cpus_per_node)
	SET32(max_cpus_per_socket, max_cpus_per_socket)
	SET16(max_share, max_share)
	SET16(over_time_limit, over_time_limit)
	SET16(priority_job_factor, priority_job_factor)
	SET16(priority_tier, priority_tier)
	SET16(state_up, state_up)
#undef SET16
#undef SET32
	change_preempt(p, m->preempt_mode);
	if (m->cpu_bind && m->cpu_bind != NO_VAL)
		p->cpu_bind = m->cpu_bind == CPU_BIND_OFF ? 0 : m->cpu_bind;
	if (m->def_mem_per_cpu != NO_VAL64)
		p->def_mem = m->def_mem_per_cpu;
	if (m->max_mem_per_cpu != NO_VAL64)
		p->max_mem = m->max_mem_per_cpu;
}

static void change_strings(struct part *p, const struct update_partition_msg *m)
{
	const struct { char **to; const char *from; } all[] = {
		{ &p->allow_accounts, m->allow_accounts }, { &p->allow_groups, m->allow_groups },
		{ &p->allow_qos, m->allow_qos }, { &p->alternate, m->alternate },
		{ &p->alloc_nodes, m->allow_alloc_nodes }, { &p->deny_accounts, m->deny_accounts },
		{ &p->deny_qos, m->deny_qos }, { &p->qos, m->qos_char },
		{ &p->billing_weights, m->billing_weights_str },
		{ &p->job_defaults, m->job_defaults_str },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].from)
			node_set_str(all[i].to, strcasecmp(all[i].from, all[i].to == &p->alternate ?
							   "NONE" : "ALL") == 0 ? NULL :
				     all[i].from);
}

/* "cpu=1.0,mem=0.25G": of resources that are counted here. */
static bool weights_valid(const struct core *c, const char *text)
{
	static const char *const fixed[] = { "cpu", "mem", "energy", "node", "billing", "fs/disk",
					     "vmem", "pages" };
	char key[256], *end;

	for (const char *p = text; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t n = strcspn(p, "=,");
		bool known = false;

		if (p[n] != '=' || n >= sizeof(key))
			return false;
		memcpy(key, p, n);
		key[n] = '\0';
		for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
			known |= strcasecmp(key, fixed[i]) == 0;
		for (uint32_t t = 0; t < c->gres_type_count && !known; t++)
			known = strncasecmp(key, "gres/", 5) == 0 &&
				(strcasecmp(key + 5, c->gres_type[t]) == 0 ||
				 strcasecmp(key + 5, c->gres_name[t]) == 0);
		if (!known && strncasecmp(key, "license/", 8) != 0)
			return false;
		strtod(p + n + 1, &end);
		if (end == p + n + 1 || (*end && *end != ',' && !strchr("KMGTPkmgtp", *end)))
			return false;
	}
	return true;
}

static bool job_defaults_valid(const char *text)
{
	static const char *const key[] = { "DefCpuPerGPU=", "DefMemPerGPU=" };

	for (const char *p = text; *p; p += strcspn(p, ","), p += *p == ',') {
		char *end = NULL;

		for (size_t i = 0; i < 2; i++)
			if (strncasecmp(p, key[i], strlen(key[i])) == 0)
				strtoull(p + strlen(key[i]), &end, 10);
		if (!end || end[-1] == '=' || (*end && *end != ','))
			return false;
	}
	return true;
}

/* "c1,c2", "+c3" (more), "-c1" (fewer). */
static enum err change_nodes(struct core *c, struct part *p, const char *text,
			     struct err_text *why)
{
	struct bitset *set = bitset_new(c->node_count), *next;
	char sign = *text == '+' || *text == '-' ? *text++ : 0;
	const char **names;
	uint32_t count = 0;
	char *list;
	enum err rc = nodes_parse(c, text, set, why);

	if (rc != E_OK) {
		bitset_free(set);
		return rc;
	}
	next = bitset_dup(sign ? p->nodes : set);
	if (sign == '+')
		bitset_or(next, set);
	if (sign == '-')
		bitset_and_not(next, set);
	bitset_free(set);
	bitset_free(p->nodes);
	p->nodes = next;
	names = mem_alloc((c->node_count + 1) * sizeof(*names));
	bitset_foreach(i, next)
		names[count++] = c->node[i]->name;
	list = hostlist_compress_sorted(names, count);
	node_set_str(&p->node_text, list);
	node_set_str(&p->nodesets, NULL);
	free(list);
	free(names);
	part_count(c, p);
	part_nodes_index(c);
	resv_follow_nodes(c);
	return E_OK;
}

static enum err change(struct core *c, struct part *p, const struct update_partition_msg *m,
		       struct err_text *why, struct effects *out)
{
	enum err rc = E_OK;

	if (m->billing_weights_str && !weights_valid(c, m->billing_weights_str))
		return E_INVALID_TRES_BILLING_WEIGHTS;
	if (m->job_defaults_str && !job_defaults_valid(m->job_defaults_str))
		return E_INVALID_JOB_DEFAULTS;
	if (m->topology_name && !topo_named(c, m->topology_name))
		return E_REQUESTED_TOPO_CONFIG_UNAVAILABLE;
	if (m->nodes)
		rc = change_nodes(c, p, m->nodes, why);
	if (rc != E_OK)
		return rc;
	change_flags(c, p, m->flags);
	change_scalars(p, m);
	change_strings(p, m);
	if (m->topology_name)
		node_set_str(&p->topology, m->topology_name);
	part_dirty(c, p);
	if (m->allow_groups) {
		free(p->allow_uids);
		p->allow_uids = NULL;
		p->allow_uid_count = 0;
		if (p->allow_groups)
			effects_add(out, EFF_GROUPS)->part = p->index;
	}
	sched_nodes_changed(c);
	c->wants_sched = true;
	return E_OK;
}

static bool admin(const struct event *ev, struct effects *out)
{
	if (ev->caller.root_or_slurm || ev->caller.operator_)
		return true;
	effect_log(out, 2, "Security violation, UPDATE_PARTITION RPC from uid=%u",
		   ev->caller.uid);
	effect_reply_rc(out, ev, E_USER_ID_MISSING);
	return false;
}

void rpc_create_part(struct core *c, const struct event *ev, struct effects *out)
{
	const struct update_partition_msg *m = ev->body;
	struct err_text why = { "" };
	struct part *p;
	enum err rc;

	if (!admin(ev, out))
		return;
	if (!m->name || !*m->name || strlen(m->name) > 255 || part_find(c, m->name)) {
		effect_reply_rc_msg(out, ev, E_INVALID_PARTITION_NAME,
				    m->name && *m->name ? "partition exists already" : "");
		return;
	}
	p = part_new(c, m->name);
	rc = change(c, p, m, &why, out);
	if (rc != E_OK) {
		/* Nothing knows it yet. */
		c->part_count--;
		part_free(p);
	} else {
		part_nodes_index(c);
	}
	effect_reply_rc_msg(out, ev, rc, why.text);
}

void rpc_update_part(struct core *c, const struct event *ev, struct effects *out)
{
	const struct update_partition_msg *m = ev->body;
	struct part *p = part_find(c, m->name);
	struct err_text why = { "" };
	enum err rc;

	if (!admin(ev, out))
		return;
	rc = p ? change(c, p, m, &why, out) : E_INVALID_PARTITION_NAME;
	effect_reply_rc_msg(out, ev, rc, why.text);
}

static bool in_use(const struct core *c, const struct part *p)
{
	for (const struct job *j = c->job_first; j; j = j->next)
		if ((!job_is_finished(j) || job_is_completing(j)) &&
		    (j->part == p || name_listed(job_str(j, JS_PARTITION), p->name)))
			return true;
	return false;
}

void rpc_delete_part(struct core *c, const struct event *ev, struct effects *out)
{
	const struct delete_partition_msg *m = ev->body;
	struct part *p = part_find(c, m->name);

	if (!admin(ev, out))
		return;
	if (!p) {
		effect_reply_rc(out, ev, E_INVALID_PARTITION_NAME);
		return;
	}
	if (in_use(c, p)) {
		effect_reply_rc(out, ev, E_PARTITION_IN_USE);
		return;
	}
	p->deleted = true;
	if (c->default_part == p)
		c->default_part = NULL;
	part_dirty(c, p);
	part_nodes_index(c);
	sched_nodes_changed(c);
	effect_reply_rc(out, ev, E_OK);
}
