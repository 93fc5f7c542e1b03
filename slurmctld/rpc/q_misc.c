/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions about the daemon and about things this cluster may not have. */
#include <stdlib.h>

#include "conf/print.h"
#include "slurmctld/config_files.h"
#include "slurmctld/conn.h"
#include "slurmctld/rpc/fill.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/sackds.h"
#include "slurmctld/stats.h"
#include "slurmctld/version.h"
#include "wire/base/log.h"

void rpc_q_ping(struct ctld *c, struct request *r)
{
	rpc_answer_rc(c, r, E_OK);
}

void rpc_q_build(struct ctld *c, struct request *r)
{
	const struct last_update_msg *q = r->body;
	struct conf_runtime rt = c->runtime;
	struct slurm_ctl_conf_msg m;

	if (q->last_update - 1 >= c->core->last_conf_update) {
		rpc_answer_rc(c, r, E_NO_CHANGE_IN_DATA);
		return;
	}
	rt.release = r->version;
	rt.version = CTLD_VERSION;
	rt.now = ctld_now_usec(c) / 1000000;
	rt.boot_time = c->started;
	rt.next_job_id = c->core->next_job_id;
	wire_init(&slurm_ctl_conf_msg_desc, &m);
	conf_to_wire(c->conf, &rt, &m, &r->mem);
	if (c->log_level >= 0)
		m.slurmctld_debug = (uint16_t)c->log_level;
	m.debug_flags = c->debug_flags;
	m.suspend_exc_nodes = c->core->power.exc_nodes;
	m.suspend_exc_parts = c->core->power.exc_parts;
	m.suspend_exc_states = c->core->power.exc_states;
	if (c->dampening_factor)
		m.fs_dampening_factor = c->dampening_factor;
	rpc_answer(c, r, RESPONSE_BUILD_INFO, &m);
}

void rpc_q_stats(struct ctld *c, struct request *r)
{
	const struct stats_request_msg *q = r->body;
	struct stats_response_msg m;

	if (!q->command_id) {   /* reset */
		if (!r->caller.operator_) {
			log_error("Security violation: REQUEST_STATS_INFO reset from uid=%u",
				  (unsigned)r->caller.uid);
			rpc_answer_rc(c, r, E_ACCESS_DENIED);
			return;
		}
		memset(&c->core->stats, 0, sizeof c->core->stats);
		c->core->stats.since = ctld_now_usec(c) / 1000000;
		stats_reset(c->stats);
		rpc_answer_rc(c, r, E_OK);
		return;
	}
	wire_init(&stats_response_msg_desc, &m);
	stats_fill(c, &m, &r->mem);
	rpc_answer(c, r, RESPONSE_STATS_INFO, &m);
}

void rpc_q_fed(struct ctld *c, struct request *r)
{
	struct slurmdb_federation_rec m;

	wire_init(&slurmdb_federation_rec_desc, &m);    /* no federation */
	rpc_answer(c, r, RESPONSE_FED_INFO, &m);
}

/* "matlab:10,ansys:4" of Licenses=, less what running jobs have. */
void rpc_q_licenses(struct ctld *c, struct request *r)
{
	const struct license_info_request_msg *q = r->body;
	struct license_info_msg m;
	char *text, *save = NULL, *p;

	if (q->last_update - 1 >= c->core->last_conf_update &&
	    q->last_update - 1 >= c->core->last_resv_update &&
	    q->last_update - 1 >= c->core->last_job_update) {
		rpc_answer_rc(c, r, E_NO_CHANGE_IN_DATA);
		return;
	}
	wire_init(&license_info_msg_desc, &m);
	m.last_update = ctld_now_usec(c) / 1000000;
	text = arena_strdup(&r->mem, c->conf->licenses ? c->conf->licenses : "");
	m.items = arena_zalloc(&r->mem, (strlen(text) / 2 + 1) * sizeof *m.items);
	for (p = strtok_r(text, ",;", &save); p; p = strtok_r(NULL, ",;", &save)) {
		struct license_item *it = &m.items[m.num_lic++];
		char *colon = strpbrk(p, ":*");

		wire_init(&license_item_desc, it);
		it->total = colon ? (uint32_t)strtoul(colon + 1, NULL, 10) : 1;
		if (colon)
			*colon = '\0';
		it->name = p;
		it->in_use = (uint32_t)licenses_in_use(c->core, p, strlen(p));
		it->reserved = (uint32_t)licenses_reserved(c->core, p, strlen(p));
	}
	rpc_answer(c, r, RESPONSE_LICENSE_INFO, &m);
}

void rpc_q_bb(struct ctld *c, struct request *r)
{
	struct burst_buffer_info_msg m;

	wire_init(&burst_buffer_info_msg_desc, &m);
	rpc_answer(c, r, RESPONSE_BURST_BUFFER_INFO, &m);
}

void rpc_q_bb_status(struct ctld *c, struct request *r)
{
	struct bb_status_resp_msg m;

	wire_init(&bb_status_resp_msg_desc, &m);
	rpc_answer(c, r, RESPONSE_BURST_BUFFER_STATUS, &m);
}

void rpc_q_control(struct ctld *c, struct request *r)
{
	struct control_status_msg m;

	wire_init(&control_status_msg_desc, &m);
	m.backup_inx = (uint16_t)c->index;
	m.control_time = c->started;
	rpc_answer(c, r, RESPONSE_CONTROL_STATUS, &m);
}

/* Names of tracked resources, in the order of the configuration. */
static uint32_t tres_names(struct ctld *c, const char ***names, struct arena *mem)
{
	char *text = arena_strdup(mem, c->conf->accountingstoragetres), *save = NULL, *p;
	uint32_t n = 0;

	*names = arena_zalloc(mem, (text ? strlen(text) / 2 + 2 : 1) * sizeof **names);
	for (p = text ? strtok_r(text, ",", &save) : NULL; p; p = strtok_r(NULL, ",", &save))
		(*names)[n++] = p;
	return n;
}

void rpc_q_shares(struct ctld *c, struct request *r)
{
	struct shares_response_msg m;

	wire_init(&shares_response_msg_desc, &m);
	m.tres_names_count = tres_names(c, &m.tres_names, &r->mem);
	rpc_answer(c, r, RESPONSE_SHARE_INFO, &m);
}

void rpc_q_assoc(struct ctld *c, struct request *r)
{
	struct assoc_mgr_info_msg m;

	wire_init(&assoc_mgr_info_msg_desc, &m);
	m.tres_names_count = tres_names(c, &m.tres_names, &r->mem);
	m.assoc_list = arena_zalloc(&r->mem, 1);
	m.qos_list = arena_zalloc(&r->mem, 1);
	m.user_list = arena_zalloc(&r->mem, 1);
	rpc_answer(c, r, RESPONSE_ASSOC_MGR_INFO, &m);
}

void rpc_q_hostlist(struct ctld *c, struct request *r)
{
	const struct hostlist_expansion_request *q = r->body;
	struct hostlist_expansion_response m;
	struct bitset *b;
	char **name;
	uint32_t n;

	if (rpc_private(c, r, PRIVATE_NODES)) {
		rpc_answer_rc(c, r, E_ACCESS_DENIED);
		return;
	}
	if (hostlist_expand(q->data, &r->mem, &name, &n, NULL)) {
		rpc_answer_rc(c, r, E_INVALID_NODE_NAME);
		return;
	}
	b = arena_zalloc(&r->mem, bitset_sizeof(c->core->node_count));
	bitset_init(b, c->core->node_count);
	for (uint32_t i = 0; i < n; i++) {
		const struct node *nd = node_find(c->core, name[i]);

		if (!nd) {
			rpc_answer_rc(c, r, E_INVALID_NODE_NAME);
			return;
		}
		bitset_set(b, nd->index);
	}
	wire_init(&hostlist_expansion_response_desc, &m);
	m.data = show_nodes(c->core, b, &r->mem);
	if (!m.data)
		m.data = "";
	rpc_answer(c, r, RESPONSE_HOSTLIST_EXPANSION, &m);
}

void rpc_q_front_end(struct ctld *c, struct request *r)
{
	struct front_end_info_msg m;

	wire_init(&front_end_info_msg_desc, &m);
	m.last_update = ctld_now_usec(c) / 1000000;
	rpc_answer(c, r, RESPONSE_FRONT_END_INFO, &m);
}

void rpc_q_container(struct ctld *c, struct request *r)
{
	const struct container_id_request_msg *q = r->body;
	struct container_id_response_msg m;
	uint32_t n = 0;

	if (!q->container_id || !q->container_id[0]) {
		rpc_answer_rc(c, r, E_INVALID_CONTAINER_ID);
		return;
	}
	wire_init(&container_id_response_msg_desc, &m);
	for (const struct job *j = c->core->job_first; j; j = j->next)
		for (const struct step *s = j->steps; s; s = s->next)
			n += s->container_id && streq(s->container_id, q->container_id);
	m.steps = arena_zalloc(&r->mem, (n + 1) * sizeof *m.steps);
	for (const struct job *j = c->core->job_first; j; j = j->next)
		for (const struct step *s = j->steps; s; s = s->next) {
			if (!s->container_id || !streq(s->container_id, q->container_id))
				continue;
			if (q->uid != NO_VAL && s->uid != q->uid)
				continue;
			if (!r->caller.operator_ && s->uid != r->caller.uid)
				continue;
			m.steps[m.steps_count].step.job_id = j->id;
			m.steps[m.steps_count].step.step_id = s->id;
			m.steps[m.steps_count++].step.step_het_comp = s->het_comp;
		}
	rpc_answer(c, r, RESPONSE_STEP_BY_CONTAINER_ID, &m);
}

#define CONFIG_FOR_NODE  1
#define CONFIG_FOR_SACKD 2

void rpc_q_config(struct ctld *c, struct request *r)
{
	const struct config_request_msg *q = r->body;
	struct config_response_msg m;

	if (!config_files_enabled(c->conf)) {
		log_error("Rejected request as configless is disabled");
		rpc_answer_rc(c, r, E_CONFIGLESS_DISABLED);
		return;
	}
	if (q->flags & CONFIG_FOR_NODE && !r->caller.root_or_slurm) {
		log_error("Rejected request for slurmd configs by uid=%u",
			  (unsigned)r->caller.uid);
		rpc_answer_rc(c, r, E_USER_ID_MISSING);
		return;
	}
	wire_init(&config_response_msg_desc, &m);
	config_files_fill(c->conf, q->flags & CONFIG_FOR_NODE, &m, &r->mem);
	if (q->flags & CONFIG_FOR_SACKD)
		sackds_add(c, &r->caller, q->port);
	rpc_answer(c, r, RESPONSE_CONFIG, &m);
}
