/* SPDX-License-Identifier: Apache-2.0
 *
 * A new configuration over a running cluster.  Nodes keep their indices: new
 * ones go to the end, those that are configured no more stay as FUTURE records
 * without work.  What is in use is charged again from the jobs. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"

enum { KEEP_PART_INFO = 1, KEEP_PART_STATE = 2 };

/* ---- before: work that cannot go on ------------------------------------ */

static bool same_shape(const struct node *n, const struct conf_node *cn)
{
	uint32_t cores = (uint32_t)cn->sockets * cn->cores;

	return (cores ? cores : cn->cpus) == n->cores;
}

static void stop_lost_work(struct core *c, const struct conf *conf, struct effects *out)
{
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];
		const struct conf_node *cn = conf_node_find(conf, n->name);

		if (!n->run_jobs && !n->comp_jobs)
			continue;
		if (cn && same_shape(n, cn))
			continue;
		effect_log(out, 2, "node %s %s: its jobs end", n->name,
			   cn ? "has other cores now" : "is not configured any more");
		node_kill_jobs(c, n, out);
	}
}

/* ---- gres types: old numbers stay -------------------------------------- */

static void widen(uint16_t **units, uint32_t was, uint32_t is)
{
	if (!*units)
		return;
	*units = mem_realloc(*units, is * sizeof(**units));
	memset(*units + was, 0, (is - was) * sizeof(**units));
}

static void widen_devs(uint64_t **devs, uint32_t was, uint32_t is)
{
	if (!*devs)
		return;
	*devs = mem_realloc(*devs, is * sizeof(**devs));
	memset(*devs + was, 0, (is - was) * sizeof(**devs));
}

static void widen_all(struct core *c, uint32_t was)
{
	uint32_t is = c->gres_type_count;

	for (struct job *j = c->job_first; j && is > was; j = j->next) {
		for (uint32_t i = 0; j->alloc && i < j->alloc->node_count; i++) {
			widen(&j->alloc->share[i].gres, was, is);
			widen(&j->alloc->share[i].gres_step, was, is);
			widen_devs(&j->alloc->share[i].devs, was, is);
			widen_devs(&j->alloc->share[i].devs_step, was, is);
		}
		for (struct step *s = j->steps; s; s = s->next)
			for (uint32_t i = 0; s->gres && i < s->node_count; i++)
				widen(&s->gres[i], was, is);
		for (struct step *s = j->steps; s; s = s->next)
			for (uint32_t i = 0; s->devs && i < s->node_count; i++)
				widen_devs(&s->devs[i], was, is);
	}
}

/* ---- nodes ------------------------------------------------------------- */

static void bits_widen(struct bitset **b, uint32_t bits)
{
	struct bitset *n;

	if (!*b || (*b)->bits == bits)
		return;
	n = bitset_new(bits);
	bitset_foreach(i, *b)
		bitset_set(n, i);
	bitset_free(*b);
	*b = n;
}

static void node_idle_again(struct node *n)
{
	bitset_clear_all(n->cores_used);
	n->cpus_alloc = 0;
	n->mem_alloc_mb = 0;
	n->run_jobs = n->comp_jobs = n->sharing_jobs = 0;
	n->owner_uid = NO_VAL;
	node_gres_idle(n);
}

static void node_retire(struct core *c, struct node *n, struct conf *old)
{
	if (!n->keep)
		n->keep = conf_ref(old);
	if ((n->state & NODE_STATE_BASE) == NODE_STATE_FUTURE)
		return;
	node_move(c, n, NODE_STATE_DOWN);
	node_move(c, n, NODE_STATE_FUTURE);
	core_row_gone(c, TAB_NODE, name_key(n->name));
}

static void nodes_follow(struct core *c, struct conf *old, struct bitset *fresh)
{
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];
		const struct conf_node *cn = conf_node_find(c->conf, n->name);
		char *topology;

		if (!cn) {
			node_retire(c, n, old);
			continue;
		}
		topology = n->state & NODE_STATE_DYNAMIC_NORM ? mem_strdup(n->topology) : NULL;
		node_from_conf(c, n, cn);
		if (topology)           /* nobody's file says otherwise */
			node_set_str(&n->topology, topology);
		free(topology);
		conf_unref(n->keep);
		n->keep = NULL;
		if ((n->state & NODE_STATE_BASE) == NODE_STATE_FUTURE &&
		    (cn->state & NODE_STATE_BASE) != NODE_STATE_FUTURE) {
			node_move(c, n, NODE_STATE_UNKNOWN);
			bitset_set(fresh, i);
		}
		node_dirty(c, n);
	}
}

static uint32_t nodes_add(struct core *c)
{
	uint32_t added = 0;

	for (uint32_t i = 0; i < c->conf->node_count; i++) {
		const struct conf_node *cn = &c->conf->nodes[i];
		struct node *n;

		if (node_find(c, cn->name))
			continue;
		n = node_new(c, cn);
		n->index = c->node_count;
		c->node = mem_realloc(c->node, (c->node_count + 1) * sizeof(*c->node));
		c->node[c->node_count++] = n;
		added++;
	}
	node_hash_build(c);
	return added;
}

/* ---- partitions -------------------------------------------------------- */

static void parts_follow(struct core *c)
{
	uint16_t keep = c->conf->reconfigflags;

	c->default_part = NULL;
	for (uint32_t i = 0; i < c->part_count; i++) {
		struct part *p = c->part[i];
		const struct conf_part *cp = conf_part_find(c->conf, p->name);
		uint16_t state = p->state_up;

		bits_widen(&p->nodes, c->node_count);
		if (!cp) {
			/* Made by an admin while running: stays. */
			p->deleted |= p->conf != NULL;
			p->conf = NULL;
			continue;
		}
		if (keep & KEEP_PART_INFO) {
			p->conf = cp;
			continue;
		}
		part_from_conf(c, p, cp);
		p->deleted = false;
		if (keep & KEEP_PART_STATE)
			p->state_up = state;
		else
			core_row_gone(c, TAB_PART, name_key(p->name));
		p->gen++;
	}
	part_build_all(c);
	for (uint32_t i = 0; i < c->part_count; i++) {
		struct part *p = c->part[i];

		part_count(c, p);
		if (!p->deleted && p->flags & PART_FLAG_DEFAULT)
			c->default_part = p;
	}
	part_nodes_index(c);
	c->last_part_update = c->now;
}

/* ---- jobs -------------------------------------------------------------- */

static void jobs_follow(struct core *c, struct effects *out)
{
	struct job *next;

	for (struct job *j = c->job_first; j; j = j->next) {
		bits_widen(j->alloc ? &j->alloc->nodes : &(struct bitset *){ NULL }, c->node_count);
		if (j->alloc)
			bits_widen(&j->alloc->completing, c->node_count);
		if (j->alloc) {
			alloc_charge(c, j);
			job_dirty(c, j);
		}
	}
	for (struct job *j = c->job_first; j; j = next) {
		next = j->next;
		if (!job_is_pending(j) || !j->part || !j->part->deleted)
			continue;
		if (part_list_of(c, job_str(j, JS_PARTITION), &j->part, NULL) == E_OK)
			continue;
		job_reason(c, j, FAIL_DOWN_PARTITION, NULL);
		job_end(c, j, JOB_CANCELLED, out);
	}
}

static void queue_again(struct core *c)
{
	for (struct job *j = c->job_first; j; j = j->next) {
		if (j->alloc)
			sched_job_removed(c, j);
		if (!job_is_pending(j) || job_is_completing(j))
			continue;
		j->listed = true;
		sched_job_added(c, j);
	}
}

void reconfig_apply(struct core *c, const struct event *ev, struct effects *out)
{
	struct bitset *fresh;
	struct conf *old = c->conf;
	uint32_t types = c->gres_type_count, first_new;

	stop_lost_work(c, ev->conf, out);
	for (struct job *j = c->job_first; j; j = j->next) {
		bitset_free(j->part_nodes_cache);
		j->part_nodes_cache = NULL;
		j->listed = false;
		j->queued = NULL;
	}
	sched_free(c->sched);
	c->sched = NULL;
	c->started = false;             /* no calls into the scheduler meanwhile */
	c->conf = conf_ref(ev->conf);
	gres_types_build(c);
	widen_all(c, types);
	first_new = c->node_count;
	nodes_add(c);
	fresh = effects_bitset(out, c->node_count);
	for (uint32_t i = 0; i < c->node_count; i++)
		node_idle_again(c->node[i]);
	nodes_follow(c, old, fresh);
	for (uint32_t i = first_new; i < c->node_count; i++)
		bitset_set(fresh, i);
	parts_follow(c);
	topo_build_all(c);
	c->sched = sched_new(c);
	c->started = true;
	jobs_follow(c, out);
	for (uint32_t i = 0; i < c->node_count; i++)
		node_settle(c, c->node[i]);
	resv_settle(c);
	power_setup(c);
	sched_nodes_changed(c);
	queue_again(c);
	conf_unref(old);
	c->last_conf_update = c->last_node_update = c->now;
	if (c->ping_at == NEVER)
		c->ping_at = c->now;
	c->health_at = 0;
	c->wants_sched = true;
	for (uint32_t i = 0; i < c->part_count; i++)
		if (c->part[i]->allow_groups && !c->part[i]->deleted)
			effects_add(out, EFF_GROUPS)->part = i;
	node_ask_register(c, fresh, out);
	if (first_new && !ev->quiet) {
		struct effect *e = effect_nodes(c, out, REQUEST_RECONFIGURE, NULL);

		for (uint32_t i = 0; i < first_new; i++)
			if ((c->node[i]->state & NODE_STATE_BASE) != NODE_STATE_FUTURE)
				effect_node_add(e, c->node[i]);
	}
}
