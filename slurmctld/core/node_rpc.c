/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes to nodes on an admin's request. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"

static uint32_t base_of(const struct node *n)
{
	return n->state & NODE_STATE_BASE;
}

/* ---- states ------------------------------------------------------------ */

static bool change_allowed(const struct core *c, const struct node *n, uint32_t want)
{
	uint32_t base = base_of(n);
	bool inval = n->state & NODE_STATE_INVALID_REG;

	switch (want) {
	case NODE_STATE_DOWN:
	case NODE_STATE_DRAIN:
	case NODE_STATE_FAIL:
	case NODE_STATE_NO_RESPOND:
		return true;
	case NODE_STATE_UNDRAIN:
		return !inval;
	case NODE_RESUME:
		if (n->state & NODE_STATE_POWERING_DOWN)
			return true;
		return !inval && (base == NODE_STATE_DOWN || base == NODE_STATE_FUTURE ||
				  n->state & (NODE_STATE_DRAIN | NODE_STATE_FAIL |
					      NODE_STATE_REBOOT_REQUESTED));
	case NODE_STATE_IDLE:
		return !inval && (base == NODE_STATE_DOWN || base == NODE_STATE_IDLE);
	case NODE_STATE_FUTURE:
		return base == NODE_STATE_DOWN || base == NODE_STATE_IDLE;
	case NODE_STATE_REBOOT_CANCEL:
		return n->state & NODE_STATE_REBOOT_REQUESTED;
	default:
		if (power_change_known(want))
			return power_enabled(c);
		return want == n->state;
	}
}

static void make_available(struct core *c, struct node *n, uint32_t clear)
{
	uint32_t base = base_of(n);

	if (base == NODE_STATE_DOWN || base == NODE_STATE_FUTURE)
		base = NODE_STATE_IDLE;
	node_move(c, n, base | (n->state & ~NODE_STATE_BASE & ~clear));
	if (n->state & NODE_STATE_POWERING_DOWN)
		power_is_down(c, n);
	/* It has SlurmdTimeout again to show that it lives. */
	n->last_response = c->now;
	n->last_busy = n->state & NODE_STATE_POWERED_DOWN ? 0 : c->now;
	if (!(n->state & (NODE_STATE_DRAIN | NODE_STATE_FAIL)))
		node_reason(c, n, NULL, NO_VAL, 0);
	node_settle(c, n);
}

static void change_state(struct core *c, struct node *n, uint32_t want, uint32_t uid,
			 struct bitset *ask, struct effects *out)
{
	switch (want) {
	case NODE_STATE_DOWN:
		node_down(c, n, NULL, out);
		break;
	case NODE_STATE_FUTURE:
		node_down(c, n, NULL, out);
		node_move(c, n, NODE_STATE_FUTURE);
		break;
	case NODE_STATE_DRAIN:
	case NODE_STATE_FAIL:
		if (n->run_jobs && n->state & (NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_UP))
			node_kill_jobs(c, n, out);
		node_move(c, n, (n->state & ~(uint32_t)(NODE_STATE_DRAIN | NODE_STATE_FAIL)) |
			  want);
		break;
	case NODE_STATE_UNDRAIN:
		make_available(c, n, NODE_STATE_DRAIN);
		if (node_worth_asking(n))
			bitset_set(ask, n->index);
		break;
	case NODE_RESUME:
	case NODE_STATE_IDLE:
		make_available(c, n, NODE_STATE_DRAIN | NODE_STATE_FAIL |
			       NODE_STATE_REBOOT_REQUESTED | NODE_STATE_REBOOT_ISSUED);
		if (node_worth_asking(n))
			bitset_set(ask, n->index);
		break;
	case NODE_STATE_NO_RESPOND:
		node_move(c, n, n->state | NODE_STATE_NO_RESPOND);
		break;
	case NODE_STATE_REBOOT_CANCEL:
		node_move(c, n, n->state & ~(uint32_t)(NODE_STATE_REBOOT_REQUESTED |
			  (n->next_state != NO_VAL && n->next_state & NODE_STATE_UNDRAIN ?
			   NODE_STATE_DRAIN : 0)));
		n->next_state = NO_VAL;
		node_reason(c, n, NULL, NO_VAL, 0);
		break;
	default:
		if (power_change_known(want))
			power_change(c, n, want, uid, out);
		break;
	}
	node_dirty(c, n);
}

/* ---- other members ----------------------------------------------------- */

static bool feature_listed(const char *list, const char *f, size_t len)
{
	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == len && strncmp(p, f, len) == 0)
			return true;
	return false;
}

static bool features_subset(const char *active, const char *all)
{
	for (const char *p = active; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (!feature_listed(all, p, strcspn(p, ",")))
			return false;
	return true;
}

static enum err change_features(struct core *c, struct node *n,
				const struct update_node_msg *m)
{
	const char *all = m->features ? m->features : n->features;
	const char *active = m->features_act ? m->features_act : n->features_active;

	if (!m->features && !m->features_act)
		return E_OK;
	if (!features_subset(active, all))
		return E_ACTIVE_FEATURE_NOT_SUBSET;
	if (m->features && !m->features_act)
		active = m->features;
	if (m->features)
		node_set_str(&n->features, m->features);
	node_set_str(&n->features_active, active);
	sched_nodes_changed(c);
	node_dirty(c, n);
	return E_OK;
}

static void change_members(struct core *c, struct node *n, const struct update_node_msg *m,
			   uint32_t count, uint32_t i, char **addrs, char **hosts)
{
	if (addrs && count)
		node_set_str(&n->addr, addrs[i]);
	if (hosts && count)
		node_set_str(&n->hostname, hosts[i]);
	if (m->weight != NO_VAL) {
		n->weight = m->weight;
		sched_nodes_changed(c);
	}
	if (m->cpu_bind)
		n->cpu_bind = m->cpu_bind == CPU_BIND_OFF ? 0 : m->cpu_bind;
	if (m->comment)
		node_set_str(&n->comment, m->comment);
	if (m->extra)
		node_set_str(&n->extra, m->extra);
	if (m->instance_id)
		node_set_str(&n->instance_id, m->instance_id);
	if (m->instance_type)
		node_set_str(&n->instance_type, m->instance_type);
	if (m->gres)
		node_set_str(&n->gres_text, m->gres);
	node_dirty(c, n);
}

static void change_resume(struct core *c, struct node *n, const struct update_node_msg *m)
{
	if (m->resume_after != NO_VAL && (m->node_state == NODE_STATE_DOWN ||
					  m->node_state == NODE_STATE_DRAIN))
		n->resume_after = m->resume_after == INFINITE ? 0 : c->now + m->resume_after;
	else if (m->node_state != NO_VAL)
		n->resume_after = 0;
}

static enum err change_node(struct core *c, const struct event *ev, struct node *n,
			    struct bitset *ask, struct effects *out)
{
	const struct update_node_msg *m = ev->body;
	enum err rc = change_features(c, n, m);

	if (m->topology_str && node_topology_set(c, n, m->topology_str))
		rc = E_REQUESTED_TOPO_CONFIG_UNAVAILABLE;
	change_resume(c, n, m);
	if (m->reason && *m->reason)
		node_reason(c, n, m->reason, ev->caller.uid, c->now);
	if (m->node_state == NO_VAL)
		return rc;
	if (!change_allowed(c, n, m->node_state)) {
		effect_log(out, 3, "Invalid node state transition requested for node %s", n->name);
		return wire_version_in(ev->caller.version, SINCE(25_11)) ?
			E_INVALID_NODE_STATE_TRANSITION : E_INVALID_NODE_STATE;
	}
	change_state(c, n, m->node_state, ev->caller.uid, ask, out);
	effect_log(out, 3, "update_node: node %s state set by uid=%u", n->name, ev->caller.uid);
	return rc;
}

/* A list for as many nodes as are named, or nothing. */
static enum err name_list(const char *text, uint32_t want, struct arena *mem, char ***v)
{
	uint32_t n = 0;

	*v = NULL;
	if (!text)
		return E_OK;
	if (hostlist_expand(text, mem, v, &n, NULL) != E_OK || n != want)
		return E_INVALID_NODE_NAME;
	return E_OK;
}

static enum err update_nodes(struct core *c, const struct event *ev, struct effects *out)
{
	const struct update_node_msg *m = ev->body;
	struct bitset *ask = effects_bitset(out, c->node_count);
	char **names = NULL, **addrs, **hosts;
	struct arena *mem = &c->scratch;
	enum err rc = E_OK, one;
	uint32_t count = 0;

	if (!m->node_names || !*m->node_names)
		return E_INVALID_NODE_NAME;
	if (strcasecmp(m->node_names, "ALL") == 0) {
		names = arena_alloc(mem, c->node_count * sizeof(*names));
		for (; count < c->node_count; count++)
			names[count] = arena_strdup(mem, c->node[count]->name);
	} else if (hostlist_expand(m->node_names, mem, &names, &count, NULL) != E_OK) {
		return E_INVALID_NODE_NAME;
	}
	if (name_list(m->node_addr, count, mem, &addrs) != E_OK ||
	    name_list(m->node_hostname, count, mem, &hosts) != E_OK)
		return E_INVALID_NODE_NAME;
	for (uint32_t i = 0; i < count; i++)
		if (!node_find(c, names[i]))
			return E_INVALID_NODE_NAME;
	for (uint32_t i = 0; i < count; i++) {
		struct node *n = node_find(c, names[i]);

		change_members(c, n, m, count, i, addrs, hosts);
		one = change_node(c, ev, n, ask, out);
		rc = one != E_OK ? one : rc;
	}
	node_ask_register(c, ask, out);
	c->wants_sched = true;
	return rc;
}

void rpc_update_node(struct core *c, const struct event *ev, struct effects *out)
{
	enum err rc;

	if (!ev->caller.root_or_slurm && !ev->caller.operator_) {
		effect_log(out, 2, "Security violation, UPDATE_NODE RPC from uid=%u",
			   ev->caller.uid);
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	rc = update_nodes(c, ev, out);
	arena_reset(&c->scratch);
	effect_reply_rc(out, ev, rc);
}

/* ---- reboot ------------------------------------------------------------ */

#define REBOOT_ASAP 0x0001

static void reboot_mark(struct core *c, struct node *n, const struct reboot_msg *m, uint32_t uid)
{
	bool asap = m->flags & REBOOT_ASAP;

	n->next_state = m->next_state;
	if (m->reason)
		node_reason(c, n, m->reason, uid, c->now);
	else if (asap && !n->reason)
		node_reason(c, n, "Reboot ASAP", uid, c->now);
	/* Whoever drained the node earlier undrains it; a drain of ours ends. */
	if (asap && !(n->state & NODE_STATE_DRAIN))
		n->next_state = n->next_state == NO_VAL ? NODE_STATE_UNDRAIN :
				n->next_state | NODE_STATE_UNDRAIN;
	node_move(c, n, n->state | NODE_STATE_REBOOT_REQUESTED | (asap ? NODE_STATE_DRAIN : 0));
}

/* m: the request, NULL when it was made earlier. */
void nodes_reboot(struct core *c, const struct bitset *set, const struct reboot_msg *m,
		  struct effects *out)
{
	struct reboot_msg *copy = effects_body(out, REQUEST_REBOOT_NODES);
	struct effect *e;

	copy->features = m ? arena_strdup(&out->mem, m->features) : NULL;
	copy->next_state = m ? m->next_state : NO_VAL;
	copy->node_list = effects_hostlist(c, out, set);
	e = effect_nodes(c, out, REQUEST_REBOOT_NODES, copy);
	bitset_foreach(i, set) {
		struct node *n = c->node[i];

		effect_node_add(e, n);
		n->reboot_time = c->now;
		node_move(c, n, NODE_STATE_DOWN | NODE_STATE_REBOOT_ISSUED |
			  (n->state & ~(uint32_t)(NODE_STATE_BASE | NODE_STATE_REBOOT_REQUESTED)));
	}
}

void rpc_reboot_nodes(struct core *c, const struct event *ev, struct effects *out)
{
	const struct reboot_msg *m = ev->body;
	struct bitset *set = effects_bitset(out, c->node_count), *now;

	if (!ev->caller.root_or_slurm && !ev->caller.operator_) {
		effect_reply_rc(out, ev, E_ACCESS_DENIED);
		return;
	}
	if (!c->conf->rebootprogram || !*c->conf->rebootprogram) {
		effect_reply_rc_msg(out, ev, E_DISABLED, "RebootProgram isn't defined");
		return;
	}
	if (nodes_parse(c, m->node_list, set, NULL) != E_OK) {
		effect_reply_rc(out, ev, E_INVALID_NODE_NAME);
		return;
	}
	now = effects_bitset(out, c->node_count);
	bitset_foreach(i, set) {
		struct node *n = c->node[i];

		if (n->state & (NODE_STATE_REBOOT_REQUESTED | NODE_STATE_REBOOT_ISSUED))
			continue;
		reboot_mark(c, n, m, ev->caller.uid);
		if (!n->run_jobs && !n->comp_jobs)
			bitset_set(now, i);
		else
			c->reboot_waiting = true;
	}
	effect_reply_rc(out, ev, E_OK);
	if (bitset_next(now, 0) != UINT32_MAX)
		nodes_reboot(c, now, m, out);
}
