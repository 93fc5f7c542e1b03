/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests about the daemon itself. */
#include "slurmctld/core/internal.h"

enum { SHUTDOWN_ALL, SHUTDOWN_ABORT, SHUTDOWN_CTLD };

static bool only_root(const struct event *ev, struct effects *out, const char *what)
{
	if (ev->caller.root_or_slurm)
		return true;
	effect_log(out, 2, "Security violation, %s RPC from uid=%u", what, ev->caller.uid);
	effect_reply_rc(out, ev, E_USER_ID_MISSING);
	return false;
}

static void tell_all_nodes(struct core *c, uint16_t type, const void *body, bool no_reply,
			   struct effects *out)
{
	struct effect *e = effect_nodes(c, out, type, body);

	for (uint32_t i = 0; i < c->node_count; i++)
		if ((c->node[i]->state & NODE_STATE_BASE) != NODE_STATE_FUTURE)
			effect_node_add(e, c->node[i]);
	e->no_reply = no_reply;
}

void rpc_shutdown(struct core *c, const struct event *ev, struct effects *out)
{
	const struct shutdown_msg *m = ev->body;

	if (!only_root(ev, out, "SHUTDOWN"))
		return;
	effect_reply_rc(out, ev, E_OK);
	effect_log(out, 3, "performing RPC: REQUEST_SHUTDOWN");
	if (m->options == SHUTDOWN_ALL) {
		struct shutdown_msg *s = effects_body(out, REQUEST_SHUTDOWN);

		s->options = m->options;
		tell_all_nodes(c, REQUEST_SHUTDOWN, s, false, out);
	}
	c->shutting_down = true;
	effects_add(out, EFF_SHUTDOWN);
}

void rpc_reconfigure(struct core *c, const struct event *ev, struct effects *out)
{
	struct effect *e;

	(void)c;
	if (!only_root(ev, out, "RECONFIGURE"))
		return;
	/* The shell reads the files, hands them back as EV_RECONFIG, and answers:
	 * it knows whether they were good. */
	e = effects_add(out, EFF_RECONFIG);
	e->conn = ev->conn;
}

void rpc_debug_level(struct core *c, const struct event *ev, struct effects *out)
{
	const struct set_debug_level_msg *m = ev->body;
	struct effect *e;

	(void)c;
	if (!ev->caller.operator_ && !only_root(ev, out, "SET_DEBUG_LEVEL"))
		return;
	e = effects_add(out, EFF_DEBUG_LEVEL);
	e->level = (int)m->debug_level;
	effect_reply_rc(out, ev, E_OK);
}

void rpc_debug_flags(struct core *c, const struct event *ev, struct effects *out)
{
	const struct set_debug_flags_msg *m = ev->body;
	struct effect *e;

	(void)c;
	if (!ev->caller.operator_ && !only_root(ev, out, "SET_DEBUG_FLAGS"))
		return;
	e = effects_add(out, EFF_DEBUG_FLAGS);
	e->flags_plus = m->debug_flags_plus;
	e->flags_minus = m->debug_flags_minus;
	effect_reply_rc(out, ev, E_OK);
}

/* We are the only controller: nothing to take over from. */
void rpc_takeover(struct core *c, const struct event *ev, struct effects *out)
{
	(void)c;
	if (!only_root(ev, out, "TAKEOVER"))
		return;
	effect_log(out, 3, "Performing RPC: REQUEST_TAKEOVER, already in primary mode");
	effect_reply_rc(out, ev, E_OK);
}

/* Another controller wants to be the one in charge. */
void rpc_control(struct core *c, const struct event *ev, struct effects *out)
{
	if (!only_root(ev, out, "REQUEST_CONTROL"))
		return;
	effect_reply_rc(out, ev, E_OK);
	c->shutting_down = true;
	effects_add(out, EFF_SHUTDOWN);
}
