/* SPDX-License-Identifier: Apache-2.0
 *
 * The shell of the step manager: time, sockets and signatures around the core.
 * One request at a time, in slurmstepd's loop; what goes out is the courier's.
 *
 * Keeps: an answer names only what the core has decided; nothing is stored: a
 * step manager that dies takes its job's steps with it, as stock's does. */
#include "slurmd/stepd/manage.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "auth/signing.h"
#include "slurmctld/core/stepmgr.h"
#include "slurmd/stepd/courier.h"
#include "wire/base/log.h"

#define STOP_WAIT_MS 5000

static struct manage {
	struct manage_config cfg;
	struct core *core;
	struct courier *courier;
	struct event *tick;
	bool over;                      /* the job's clients were told of its end */
	struct err_text broken;         /* why there is none */
} manage;

/* ---- from the records to a core ------------------------------------------ */

/* What the configuration says of a node, with the controller's word before it. */
static void node_conf(const struct conf *conf, const struct node_record *r,
		      struct conf_node *n)
{
	const struct conf_node *known = r->name ? conf_node_find(conf, r->name) : NULL;

	memset(n, 0, sizeof *n);
	if (known)
		*n = *known;
	n->name = (char *)(uintptr_t)r->name;
	n->hostname = (char *)(uintptr_t)(r->node_hostname ? r->node_hostname : r->name);
	/* NodeAddr as seen from here; a dynamic node is known by its address only */
	if (!known || !n->addr)
		n->addr = (char *)(uintptr_t)(r->comm_name ? r->comm_name : n->hostname);
	n->port = r->port ? r->port : n->port;
	n->cpus = r->cpus;
	n->boards = r->boards;
	n->sockets = r->tot_sockets;
	n->cores = r->cores;
	n->threads = r->threads;
	n->real_memory_mb = r->real_memory;
	n->tmp_disk_mb = r->tmp_disk;
	n->weight = r->weight;
	n->core_spec_cnt = r->core_spec_cnt;
	n->mem_spec_limit_mb = r->mem_spec_limit;
	n->cpu_bind = r->cpu_bind;
	n->features = (char *)(uintptr_t)r->features;
	n->gres = (char *)(uintptr_t)r->gres;
}

static enum err core_make(struct manage *m, struct err_text *why)
{
	const struct stepmgr_records *r = m->cfg.records;
	struct conf_node *nodes = mem_alloc((r->nodes_count + 1) * sizeof *nodes);
	struct wire_addr client = { 0 };
	struct conf *conf;
	enum err e;

	for (uint32_t i = 0; i < r->nodes_count; i++) {
		if (!r->nodes[i].name) {
			free(nodes);
			return err_set(why, E_FAIL, "a node without a name");
		}
		node_conf(m->cfg.conf, &r->nodes[i], &nodes[i]);
	}
	conf = conf_for_nodes(m->cfg.conf, nodes, r->nodes_count);
	free(nodes);
	e = core_new(conf, time(NULL), 1, &m->core, why);
	conf_unref(conf);
	if (e)
		return e;
	if (r->job.other_port && r->job.resp_host &&
	    rpc_resolve(r->job.resp_host, r->job.other_port, &client))
		log_verbose("cannot resolve %s, where the job's srun or salloc is",
			    r->job.resp_host);
	e = stepmgr_load(m->core, r, &client, why);
	if (e) {
		core_free(m->core);
		m->core = NULL;
	}
	return e;
}

/* ---- what it decided ----------------------------------------------------- */

static void to_nodes(struct manage *m, const struct effect *e)
{
	bitset_foreach(i, e->nodes) {
		const struct node *n = m->core->node[i];
		enum wire_version v = n->version_known ? n->version : WIRE_VERSION_NEWEST;

		courier_send(m->courier, n->addr, n->port, NULL, v, m->cfg.conf->slurmd_uid,
			     e->type, e->body);
	}
}

static void to_client(struct manage *m, const struct effect *e)
{
	enum wire_version v;

	if (!wire_version_find(e->client_version, &v))
		v = WIRE_VERSION_NEWEST;
	courier_send(m->courier, NULL, 0, &e->addr, v, m->cfg.cred->id.uid, e->type, e->body);
}

/* Who the user is was signed by the controller: no look-up here. */
static void identity_put(const struct manage *m, uint16_t type, void *body)
{
	const struct identity *id = &m->cfg.cred->id;

	if (!id->pw_name)
		return;
	if (type == RESPONSE_JOB_STEP_CREATE)
		((struct job_step_create_response_msg *)body)->cred.cred.id = *id;
	else if (type == RESPONSE_JOB_SBCAST_CRED)
		((struct job_sbcast_cred_msg *)body)->cred.cred.id = *id;
}

static void answer(struct manage *m, const struct effect *e, enum wire_version v,
		   struct stepd_reply *r, struct arena *mem, struct wire_out *o)
{
	const void *body = e->body;
	struct err_text why = { "" };
	enum err rc = E_OK;

	if (e->sign_cred) {
		const struct wire_type *t = wire_type_find(e->type, v);
		void *copy = t && t->body ? arena_alloc(mem, t->body->size) : NULL;

		if (e->client_version)
			(void)wire_version_find(e->client_version, &v);
		if (copy) {
			memcpy(copy, e->body, t->body->size);
			identity_put(m, e->type, copy);
			rc = signing_prepare(m->cfg.auth, e->type, copy, v, mem, &why);
		} else {
			rc = E_NOT_SUPPORTED;
		}
		body = copy;
	}
	o->tokens = auth_cred_tokens(m->cfg.auth);
	if (!rc)
		wire_body_pack(o, e->type, body, v);
	if (rc || o->failed) {
		log_error("%s: %s", wire_type_name(e->type),
			  why.text[0] ? why.text : "cannot be packed");
		r->rc = (uint32_t)E_INVALID_JOB_CREDENTIAL;
		return;
	}
	r->type = e->type;
	r->version = wire_version_number(v);
	r->body = (struct wire_mem){ o->base, (uint32_t)o->len };
}

/* Replies go to r, when there is one. */
static void carry_out(struct manage *m, const struct effects *out, enum wire_version v,
		      struct stepd_reply *r, struct arena *mem, struct wire_out *o)
{
	for (uint32_t i = 0; i < out->count; i++) {
		const struct effect *e = &out->v[i];

		switch (e->kind) {
		case EFF_REPLY:
			if (r && !r->type && !r->rc)
				answer(m, e, v, r, mem, o);
			break;
		case EFF_NODES:
			to_nodes(m, e);
			break;
		case EFF_CLIENT:
		case EFF_CLIENT_PING:
			to_client(m, e);
			break;
		case EFF_LOG:
			log_info("%s", e->text);
			break;
		default:        /* nothing is stored */
			break;
		}
	}
}

/* ---- requests and time --------------------------------------------------- */

static const void *body_of(const struct stepd_request *q, enum wire_version v,
			   struct arena *mem)
{
	const struct wire_type *t = wire_type_find(q->type, v);
	struct wire_in in = { q->body.p, q->body.p + q->body.len, mem, false, false };
	void *body;

	if (!t || !t->body)
		return NULL;
	body = arena_alloc(mem, t->body->size);
	wire_unpack(&in, t->body, body, v);
	return in.failed || in.p != in.end ? NULL : body;
}

static void tick_arm(struct manage *m)
{
	int64_t at = stepmgr_next_time(m->core), now = time(NULL);
	struct timeval tv = { .tv_usec = 0 };

	if (at == INT64_MAX) {
		event_del(m->tick);
		return;
	}
	tv.tv_sec = at > now ? (time_t)(at - now) : 0;
	tv.tv_usec = at > now ? 0 : 1000;
	event_add(m->tick, &tv);
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct manage *m = arg;
	struct effects out = { 0 };

	(void)fd, (void)what;
	stepmgr_tick(m->core, time(NULL), &out);
	carry_out(m, &out, WIRE_VERSION_NEWEST, NULL, NULL, NULL);
	effects_fini(&out);
	tick_arm(m);
}

/* Who a waiting swait is, in an address. */
static void waiter_resolve(const struct stepmgr_request *q, struct wire_addr *peer)
{
	const struct steps_drained_sub_msg *d = q->body;

	if (q->type == REQUEST_STEPS_DRAINED_SUBSCRIBE && d->host && *d->host &&
	    rpc_resolve(d->host, d->port, peer))
		peer->family = 0;
}

enum err manage_request(const struct stepd_request *q, struct stepd_reply *r,
			struct arena *mem, struct wire_out *o)
{
	struct manage *m = &manage;
	struct stepmgr_request req = { .type = q->type, .now = time(NULL), .uid = q->uid };
	struct effects out = { 0 };

	if (!m->core) {
		r->why = m->broken.text[0] ? m->broken.text :
			"This node has no step manager for the job";
		return E_NOT_SUPPORTED;
	}
	if (!wire_version_find(q->version, &req.version))
		return E_PROTOCOL_VERSION_ERROR;
	req.body = body_of(q, req.version, mem);
	if (!req.body)
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	req.admin = q->uid == 0 || q->uid == m->cfg.conf->slurm_uid;
	req.peer = q->peer;
	waiter_resolve(&req, &req.peer);
	m->over |= q->type == SRUN_JOB_COMPLETE;
	log_debug("step manager: %s of uid %u", wire_type_name(q->type), q->uid);
	stepmgr_serve(m->core, &req, &out);
	carry_out(m, &out, req.version, r, mem, o);
	effects_fini(&out);
	tick_arm(m);
	return (enum err)r->rc;
}

void manage_suspended(bool suspended)
{
	struct effects out = { 0 };

	if (!manage.core)
		return;
	stepmgr_suspended(manage.core, suspended, &out);
	carry_out(&manage, &out, WIRE_VERSION_NEWEST, NULL, NULL, NULL);
	effects_fini(&out);
}

void manage_memory(uint64_t mb)
{
	if (manage.core)
		stepmgr_memory(manage.core, mb);
}

enum err manage_start(const struct manage_config *cfg, struct err_text *why)
{
	struct manage *m = &manage;
	enum err e;

	m->cfg = *cfg;
	e = core_make(m, why);
	if (e) {
		m->broken = *why;
		return e;
	}
	m->courier = courier_new(cfg->auth, (int)cfg->conf->messagetimeout * 1000);
	m->tick = evtimer_new(cfg->base, on_tick, m);
	return E_OK;
}

void manage_over(void)
{
	struct manage *m = &manage;
	struct stepmgr_request q = { .type = SRUN_JOB_COMPLETE, .now = time(NULL),
				     .version = WIRE_VERSION_NEWEST, .admin = true };
	struct effects out = { 0 };

	if (!m->core || m->over)
		return;
	m->over = true;
	stepmgr_serve(m->core, &q, &out);
	carry_out(m, &out, q.version, NULL, NULL, NULL);
	effects_fini(&out);
}

void manage_stop(void)
{
	struct manage *m = &manage;

	if (!m->core)
		return;
	courier_free(m->courier, STOP_WAIT_MS);
	event_free(m->tick);
	core_free(m->core);
	m->core = NULL;
}
