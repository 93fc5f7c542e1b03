/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs whose steps are not the controller's but their step manager's, on the
 * job's first node (SlurmctldParameters=enable_stepmgr, --stepmgr; stepmgr.h).
 *
 * A job gets one when its client and all of its nodes can: node daemons and
 * commands of 24.05 and newer.  Others go on as without the option. */
#include "slurmctld/core/internal.h"
#include "wire/frame.h"

static bool knows(enum wire_version v)
{
	return wire_version_in(v, SINCE(24_05));
}

static const struct node *manager_node(const struct core *c, const struct job *j)
{
	const char *host = job_str(j, JS_BATCH_HOST);

	return host ? node_find(c, host) : NULL;
}

void manager_wish(struct core *c, const struct event *ev, struct job *j)
{
	bool always = conf_option(c->conf->slurmctldparameters, "enable_stepmgr", NULL);

	if ((always || j->bitflags & STEPMGR_ENABLED) && knows(ev->caller.version) &&
	    c->conf->prologflags & PROLOG_FLAG_CONTAIN && j->het_job_offset == NO_VAL)
		j->bitflags |= STEPMGR_ENABLED;
	else
		j->bitflags &= ~STEPMGR_ENABLED;
}

enum wire_version manager_release(const struct core *c, const struct job *j)
{
	enum wire_version v = WIRE_VERSION_NEWEST;

	(void)wire_version_find(j->start_protocol, &v);
	bitset_foreach(i, j->alloc->nodes)
		if (c->node[i]->version_known)
			v = wire_version_min(v, c->node[i]->version);
	return v;
}

/* Every node must understand what the step manager is and says, and the job's
 * commands must be able to speak to its node. */
static bool nodes_can(const struct core *c, const struct job *j, enum wire_version client,
		      const struct node **cannot)
{
	const struct node *m = manager_node(c, j);
	enum wire_version v = manager_release(c, j);

	*cannot = m;
	if (!m || !m->version_known)
		return false;
	if (!node_is_ours(m) && !wire_stock_speaks(m->version, client))
		return false;
	bitset_foreach(i, j->alloc->nodes) {
		const struct node *n = c->node[i];

		*cannot = n;
		if (!n->version_known || !knows(n->version) ||
		    (!node_is_ours(n) && !wire_stock_speaks(n->version, v)))
			return false;
	}
	return true;
}

void manager_choose(struct core *c, struct job *j, struct effects *out)
{
	enum wire_version client = WIRE_VERSION_NEWEST;
	const struct node *cannot = NULL;

	(void)wire_version_find(j->start_protocol, &client);
	if (!(j->bitflags & STEPMGR_ENABLED) || nodes_can(c, j, client, &cannot))
		return;
	effect_log(out, 3, "JobId=%u: its steps stay with slurmctld, node %s cannot take part in a step manager for a client of release %s",
		   j->id, cannot ? cannot->name : "?", wire_version_name(client));
	j->bitflags &= ~STEPMGR_ENABLED;
}

bool job_is_managed(const struct core *c, const struct job *j)
{
	return !c->stepmgr && j->bitflags & STEPMGR_ENABLED && j->alloc &&
	       (job_is_running(j) || job_base(j) == JOB_SUSPENDED || job_is_completing(j));
}

bool manager_starts(const struct core *c, const struct job *j)
{
	const struct node *n = manager_node(c, j);
	uint32_t k = n && job_is_managed(c, j) ? alloc_find(j->alloc, n->index) : UINT32_MAX;

	return k != UINT32_MAX && j->alloc->prolog && bitset_test(j->alloc->prolog, k);
}

bool manager_reroute(struct core *c, const struct event *ev, const struct job *j,
		     struct effects *out)
{
	struct reroute_msg *m;

	if (!job_is_managed(c, j))
		return false;
	if (!knows(ev->caller.version)) {
		effect_reply_rc_msg(out, ev, E_NOT_SUPPORTED,
				    "The steps of this job are managed on its first node (--stepmgr); commands older than Slurm 24.05 cannot reach them");
		return true;
	}
	m = effect_reply(out, ev, RESPONSE_SLURM_REROUTE_MSG);
	m->stepmgr = arena_strdup(&out->mem, job_str(j, JS_BATCH_HOST));
	return true;
}

bool manager_pass(struct core *c, const struct job *j, uint16_t type, const void *body,
		  struct effects *out)
{
	const struct node *n = job_is_managed(c, j) ? manager_node(c, j) : NULL;
	struct effect *e;

	if (!n || !n->version_known || !wire_type_find(type, n->version) ||
	    (n->state & NODE_STATE_BASE) == NODE_STATE_DOWN)
		return false;
	e = effect_nodes(c, out, type, body);
	effect_node_add(e, n);
	e->no_reply = !wire_message_answered(type, n->version);
	e->job_id = j->id;
	return true;
}
