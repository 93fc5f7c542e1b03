/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about nodes and partitions. */
#include <stdlib.h>

#include "slurmctld/conn.h"
#include "slurmctld/rpc/fill.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/stats.h"
#include "slurmctld/view.h"
#include "wire/base/log.h"

/* Which nodes this caller does not get to see. */
struct hiding {
	struct bitset *hidden;          /* over core->node */
	bool blank;                     /* the release wants a place holder */
};

static bool node_hidden(const struct core *c, const struct node *n, uint32_t uid)
{
	bool any = false;

	for (uint32_t i = 0; i < c->part_count; i++) {
		const struct part *p = c->part[i];

		if (!p || p->deleted || !p->nodes || !bitset_test(p->nodes, n->index))
			continue;
		any = true;
		if (part_visible(p, uid))
			return false;
	}
	return any;
}

static struct bitset *hidden_nodes(struct ctld *c, struct request *r, uint16_t flags)
{
	const struct core *k = c->core;
	struct bitset *b = arena_zalloc(&r->mem, bitset_sizeof(k->node_count));

	bitset_init(b, k->node_count);
	for (uint32_t i = 0; i < k->node_count; i++) {
		const struct node *n = k->node[i];

		if (!n)
			bitset_set(b, i);
		else if ((n->state & NODE_STATE_BASE) == NODE_STATE_FUTURE &&
			 !(flags & SHOW_FUTURE))
			bitset_set(b, i);
		else if (!(flags & SHOW_ALL) && !r->caller.operator_ &&
			 node_hidden(k, n, r->caller.uid))
			bitset_set(b, i);
	}
	return b;
}

static enum view_choice choose(const struct core *c, const void *object, void *arg)
{
	const struct hiding *h = arg;
	const struct node *n = object;

	(void)c;
	if (!bitset_test(h->hidden, n->index))
		return VIEW_SHOW;
	return h->blank ? VIEW_BLANK : VIEW_SKIP;
}

/* Holes in the table of nodes are blank records, too. */
static bool has_holes(const struct core *c)
{
	for (uint32_t i = 0; i < c->node_count; i++)
		if (!c->node[i])
			return true;
	return false;
}

/* Rare: deleted nodes leave holes; records are then packed one by one. */
static void pack_with_holes(struct ctld *c, struct request *r, uint16_t flags,
			    const struct hiding *h, struct wire_out *o)
{
	struct node_info_members blank;

	memset(&blank, 0, sizeof blank);
	for (uint32_t i = 0; i < c->core->node_count; i++) {
		if (!bitset_test(h->hidden, i))
			view_pack_one(c, VIEW_NODES, r->version, flags, c->core->node[i], o);
		else if (h->blank)
			wire_pack(o, &node_info_members_desc, &blank, r->version);
	}
}

void rpc_q_nodes(struct ctld *c, struct request *r)
{
	const struct node_info_request_msg *q = r->body;
	uint16_t shown = q->show_flags & (SHOW_DETAIL);
	struct node_info_msg m;
	struct wire_out o = { 0 };
	struct answer *a;
	struct hiding h;

	if (rpc_private(c, r, PRIVATE_NODES)) {
		log_error("Security violation, REQUEST_NODE_INFO RPC from uid=%u",
			  (unsigned)r->caller.uid);
		rpc_answer_rc(c, r, E_ACCESS_DENIED);
		return;
	}
	if (q->last_update - 1 >= c->core->last_node_update) {
		rpc_answer_rc(c, r, E_NO_CHANGE_IN_DATA);
		return;
	}
	wire_init(&node_info_msg_desc, &m);
	h.hidden = hidden_nodes(c, r, q->show_flags);
	h.blank = !wire_hides_nodes(r->version);
	m.record_count = c->core->node_count;
	m.last_update = ctld_now_usec(c) / 1000000;
	m.hidden_nodes = h.hidden;
	a = answer_new();
	wire_pack_head(&o, &node_info_msg_desc, &m, r->version);
	if (has_holes(c->core))
		pack_with_holes(c, r, shown, &h, &o);
	else
		view_append(c, VIEW_NODES, r->version, shown,
			    bitset_count(h.hidden) ? choose : NULL, &h, a);
	a->head = o.base;
	a->head_len = o.len;
	conn_reply_packed(c, r->conn, RESPONSE_NODE_INFO, a);
	stats_rpc(c->stats, r);
	request_free(r);
}

void rpc_q_node(struct ctld *c, struct request *r)
{
	const struct node_info_single_msg *q = r->body;
	struct node_info_msg m;
	struct node *n;

	if (rpc_private(c, r, PRIVATE_NODES)) {
		log_error("Security violation, REQUEST_NODE_INFO_SINGLE RPC from uid=%u",
			  (unsigned)r->caller.uid);
		rpc_answer_rc(c, r, E_ACCESS_DENIED);
		return;
	}
	wire_init(&node_info_msg_desc, &m);
	n = q->node_name ? node_find(c->core, q->node_name) : NULL;
	m.last_update = ctld_now_usec(c) / 1000000;
	if (n && !(q->show_flags & SHOW_ALL) && !r->caller.operator_ &&
	    node_hidden(c->core, n, r->caller.uid))
		n = NULL;
	m.node_array = arena_zalloc(&r->mem, sizeof *m.node_array);
	m.hidden_nodes = arena_zalloc(&r->mem, bitset_sizeof(1));
	bitset_init(m.hidden_nodes, 1);
	if (n) {
		m.record_count = 1;
		wire_init(&node_info_members_desc, m.node_array);
		fill_node(c->core, n, q->show_flags, r->version, m.node_array, &r->mem);
	}
	rpc_answer(c, r, RESPONSE_NODE_INFO, &m);
}

void rpc_q_parts(struct ctld *c, struct request *r)
{
	const struct part_info_request_msg *q = r->body;
	struct partition_info_msg m;
	const struct core *k = c->core;

	if (rpc_private(c, r, PRIVATE_PARTS)) {
		log_debug("Security violation, PARTITION_INFO RPC from uid=%u",
			  (unsigned)r->caller.uid);
		rpc_answer_rc(c, r, E_ACCESS_DENIED);
		return;
	}
	if (q->last_update - 1 >= k->last_part_update) {
		rpc_answer_rc(c, r, E_NO_CHANGE_IN_DATA);
		return;
	}
	wire_init(&partition_info_msg_desc, &m);
	m.last_update = ctld_now_usec(c) / 1000000;
	m.partition_array = arena_zalloc(&r->mem, (k->part_count + 1) * sizeof *m.partition_array);
	for (uint32_t i = 0; i < k->part_count; i++) {
		const struct part *p = k->part[i];

		if (!p || p->deleted)
			continue;
		if (!(q->show_flags & SHOW_ALL) && !r->caller.operator_ &&
		    !part_visible(p, r->caller.uid))
			continue;
		wire_init(&partition_info_members_desc, &m.partition_array[m.record_count]);
		fill_part(k, p, &m.partition_array[m.record_count++], &r->mem);
	}
	rpc_answer(c, r, RESPONSE_PARTITION_INFO, &m);
}
