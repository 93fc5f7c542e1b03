/* SPDX-License-Identifier: Apache-2.0
 *
 * Partition records. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"

struct part *part_find(const struct core *c, const char *name)
{
	for (uint32_t i = 0; name && i < c->part_count; i++)
		if (c->part[i] && !c->part[i]->deleted && strcmp(c->part[i]->name, name) == 0)
			return c->part[i];
	return NULL;
}

void part_dirty(struct core *c, struct part *p)
{
	p->gen++;
	c->last_part_update = c->now;
	if (p->dirty)
		return;
	p->dirty = true;
	p->dirty_next = c->dirty_parts;
	c->dirty_parts = p;
}

struct part *part_new(struct core *c, const char *name)
{
	struct part *p = mem_zalloc(sizeof(*p));

	p->name = mem_strdup(name);
	p->nodes = bitset_new(c->node_count);
	c->part = mem_realloc(c->part, (c->part_count + 1) * sizeof(*c->part));
	p->index = c->part_count;
	c->part[c->part_count++] = p;
	p->max_time_min = INFINITE;
	p->default_time_min = NO_VAL;
	p->max_nodes = INFINITE;
	p->min_nodes = 1;
	p->max_cpus_per_node = INFINITE;
	p->max_cpus_per_socket = INFINITE;
	p->max_share = 1;
	p->over_time_limit = NO_VAL16;
	p->preempt_mode = NO_VAL16;
	p->priority_job_factor = 1;
	p->priority_tier = 1;
	p->state_up = PARTITION_UP;
	p->suspend_time_sec = NO_VAL;
	p->resume_timeout = NO_VAL16;
	p->suspend_timeout = NO_VAL16;
	return p;
}

void part_from_conf(struct core *c, struct part *p, const struct conf_part *cp)
{
	p->conf = cp;
	node_set_str(&p->node_text, cp->nodes_text ? cp->nodes_text : cp->nodes);
	node_set_str(&p->nodesets, cp->nodesets);
	node_set_str(&p->allow_groups, cp->allow_groups);
	node_set_str(&p->allow_accounts, cp->allow_accounts);
	node_set_str(&p->deny_accounts, cp->deny_accounts);
	node_set_str(&p->allow_qos, cp->allow_qos);
	node_set_str(&p->deny_qos, cp->deny_qos);
	node_set_str(&p->alloc_nodes, cp->alloc_nodes);
	node_set_str(&p->alternate, cp->alternate);
	node_set_str(&p->qos, cp->qos);
	node_set_str(&p->billing_weights, cp->billing_weights);
	node_set_str(&p->topology, cp->topology);
	node_set_str(&p->job_defaults, cp->job_defaults);
	p->flags = (cp->is_default ? PART_FLAG_DEFAULT : 0) |
		   (cp->hidden ? PART_FLAG_HIDDEN : 0) |
		   (cp->disable_root ? PART_FLAG_NO_ROOT : 0) |
		   (cp->root_only ? PART_FLAG_ROOT_ONLY : 0) |
		   (cp->req_resv ? PART_FLAG_REQ_RESV : 0) |
		   (cp->lln ? PART_FLAG_LLN : 0) |
		   (cp->exclusive_user ? PART_FLAG_EXCLUSIVE_USER : 0) |
		   (cp->power_down_on_idle ? PART_FLAG_PDOI : 0);
	p->max_time_min = cp->max_time_min;
	p->default_time_min = cp->default_time_min;
	p->max_nodes = cp->max_nodes;
	p->min_nodes = cp->min_nodes;
	p->grace_time_sec = cp->grace_time_sec;
	p->max_cpus_per_node = cp->max_cpus_per_node;
	p->max_cpus_per_socket = cp->max_cpus_per_socket;
	p->cpu_bind = cp->cpu_bind;
	p->suspend_time_sec = cp->suspend_time_sec;
	p->def_mem = cp->def_mem_mb;
	p->max_mem = cp->max_mem_mb;
	p->max_share = cp->max_share;
	p->over_time_limit = cp->over_time_limit_min;
	p->preempt_mode = cp->preempt_mode;
	p->priority_job_factor = cp->priority_job_factor;
	p->priority_tier = cp->priority_tier;
	p->state_up = cp->state_up;
	p->cr_type = cp->cr_type;
	p->resume_timeout = cp->resume_timeout_sec;
	p->suspend_timeout = cp->suspend_timeout_sec;
	bitset_free(p->nodes);
	p->nodes = bitset_new(c->node_count);
	for (uint32_t i = 0; i < cp->node_count; i++) {
		const struct node *n = node_find(c, c->conf->nodes[cp->node_index[i]].name);

		if (n)
			bitset_set(p->nodes, n->index);
	}
}

void part_free(struct part *p)
{
	if (!p)
		return;
	free(p->name);
	free(p->node_text);
	free(p->allow_groups);
	free(p->allow_accounts);
	free(p->deny_accounts);
	free(p->allow_qos);
	free(p->deny_qos);
	free(p->alloc_nodes);
	free(p->alternate);
	free(p->qos);
	free(p->billing_weights);
	free(p->topology);
	free(p->job_defaults);
	free(p->nodesets);
	bitset_free(p->nodes);
	free(p->allow_uids);
	free(p);
}

void part_count(struct core *c, struct part *p)
{
	p->total_nodes = p->total_cpus = 0;
	bitset_foreach(i, p->nodes) {
		p->total_nodes++;
		p->total_cpus += c->node[i]->cpus;
	}
}

void part_nodes_index(struct core *c)
{
	for (uint32_t i = 0; i < c->node_count; i++) {
		bitset_free(c->node[i]->parts);
		c->node[i]->parts = bitset_new(c->part_count ? c->part_count : 1);
	}
	for (uint32_t k = 0; k < c->part_count; k++) {
		if (!c->part[k] || c->part[k]->deleted)
			continue;
		bitset_foreach(i, c->part[k]->nodes)
			bitset_set(c->node[i]->parts, k);
	}
}

void part_build_all(struct core *c)
{
	for (uint32_t i = 0; i < c->conf->part_count; i++) {
		const struct conf_part *cp = &c->conf->parts[i];
		struct part *p = part_find(c, cp->name);

		if (!p)
			p = part_new(c, cp->name);
		part_from_conf(c, p, cp);
		part_count(c, p);
		if (p->flags & PART_FLAG_DEFAULT)
			c->default_part = p;
	}
	part_nodes_index(c);
}

bool part_user_allowed(const struct core *c, const struct part *p, uint32_t uid)
{
	if (!p->allow_groups || strcasecmp(p->allow_groups, "ALL") == 0)
		return true;
	if (uid == 0 || uid == c->conf->slurm_uid)
		return true;
	for (uint32_t i = 0; i < p->allow_uid_count; i++)
		if (p->allow_uids[i] == uid)
			return true;
	return false;
}

void groups_apply(struct core *c, const struct event *ev)
{
	struct part *p = ev->part < c->part_count ? c->part[ev->part] : NULL;

	if (ev->resv_id) {
		resv_group_is(c, ev->resv_id, ev->part, ev->uids, ev->uid_count);
		return;
	}
	if (!p)
		return;
	free(p->allow_uids);
	p->allow_uids = mem_alloc((ev->uid_count ? ev->uid_count : 1) * sizeof(uint32_t));
	if (ev->uid_count)
		memcpy(p->allow_uids, ev->uids, ev->uid_count * sizeof(uint32_t));
	p->allow_uid_count = ev->uid_count;
	c->wants_sched = true;
}
