/* SPDX-License-Identifier: Apache-2.0
 *
 * See ctld.h.  Keeps: a message that ends a job's stay here is repeated until
 * the controller has it; the lock protects what is known of its release. */
#include "slurmd/ctld.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "wire/base/log.h"

#define CTLD_THREADS 2
#define RETRY_MAX_SEC 60
#define LOOK_SEC 5                      /* between two looks for another controller */
#define REQUEUE_LAUNCH_FAILED 0x100u    /* flag of job_requeue_msg */
#define KILL_ARRAY_TASK 0x2u            /* flag of job_step_kill_msg */

struct ctld {
	struct pool *pool;
	pthread_mutex_t lock;
	bool version_known, seen;       /* seen: version holds the last one known */
	enum wire_version version;
	uint32_t last_host;
	/* in the loop: since when it is in control, and when it was last asked */
	time_t in_control, asked;
};

struct ctld *ctld_new(struct daemon *d)
{
	struct ctld *c = mem_zalloc(sizeof *c);

	pthread_mutex_init(&c->lock, NULL);
	c->pool = pool_new(d->base, CTLD_THREADS);
	return c;
}

uint16_t ctld_version_number(struct daemon *d)
{
	struct ctld *c = d->ctld;
	uint16_t n;

	pthread_mutex_lock(&c->lock);
	n = c->version_known ? wire_version_number(c->version) : 0;
	pthread_mutex_unlock(&c->lock);
	return n;
}

void ctld_version_forget(struct daemon *d)
{
	pthread_mutex_lock(&d->ctld->lock);
	d->ctld->version_known = false;
	pthread_mutex_unlock(&d->ctld->lock);
}

static void version_learn(struct ctld *k, const struct rpc_ctld *peer)
{
	pthread_mutex_lock(&k->lock);
	if (k->seen && peer->version != k->version)
		log_info("the controller speaks release %s now, %s before",
			 wire_version_name(peer->version), wire_version_name(k->version));
	k->seen = true;
	k->version_known = peer->version_known;
	k->version = peer->version;
	k->last_host = peer->last_host;
	pthread_mutex_unlock(&k->lock);
}

struct ctld_call *ctld_call_new(struct daemon *d, uint16_t type)
{
	struct ctld_call *c = mem_zalloc(sizeof *c);

	c->d = d;
	c->site = site_ref(d->site);
	c->type = type;
	return c;
}

static void call_free(struct ctld_call *c)
{
	if (c->replied)
		rpc_reply_fini(&c->reply);
	if (c->retry)
		event_free(c->retry);
	arena_fini(&c->mem);
	site_unref(c->site);
	free(c);
}

static void call_run(struct task *t)
{
	struct ctld_call *c = task_of(t, struct ctld_call, task);
	const struct conf *conf = c->site->conf;
	struct ctld *k = c->d->ctld;
	struct rpc_ctld peer = {
		.auth = c->site->auth,
		.hosts = conf_callers(conf),
		.host_count = conf_caller_count(conf),
		.port = conf->slurmctldport,
		.port_count = conf->slurmctldport_count,
		.slurm_uid = conf->slurm_uid,
		.timeout_ms = conf->messagetimeout * 1000,
	};

	pthread_mutex_lock(&k->lock);
	peer.version_known = k->version_known;
	peer.version = k->version;
	peer.last_host = k->last_host;
	pthread_mutex_unlock(&k->lock);
	c->why.text[0] = 0;
	c->result = rpc_ctld_call(&peer, c->type, c->body, &c->reply, &c->why);
	c->delivered = c->result == E_OK;
	c->replied = c->delivered && c->reply.type;
	if (c->delivered)
		version_learn(k, &peer);
	else if (c->result == E_CTLD_COMMUNICATIONS_CONNECTION_ERROR)
		ctld_version_forget(c->d);      /* what comes back may be another release */
	if (!c->replied)
		return;
	if (c->reply.frame.header.type == RESPONSE_SLURM_RC ||
	    c->reply.frame.header.type == RESPONSE_SLURM_RC_MSG)
		c->result = rpc_reply_code(&c->reply);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct ctld_call *c = arg;

	(void)fd;
	(void)what;
	site_unref(c->site);
	c->site = site_ref(c->d->site);
	pool_submit(c->d->ctld->pool, &c->task);
}

static void call_retry(struct ctld_call *c)
{
	unsigned sec = c->tries < 6 ? 1u << c->tries : RETRY_MAX_SEC;
	struct timeval tv = { .tv_sec = sec };

	c->tries++;
	log_info("%s to the controller failed (retry in %us): %s", wire_type_name(c->type), sec,
		 c->why.text[0] ? c->why.text : err_str(c->result));
	if (!c->retry)
		c->retry = event_new(c->d->base, -1, 0, on_retry, c);
	event_add(c->retry, &tv);
}

static void call_done(struct task *t)
{
	struct ctld_call *c = task_of(t, struct ctld_call, task);

	/* An answer, whatever it says, means that it was delivered. */
	if (c->insist && !c->delivered) {
		call_retry(c);
		return;
	}
	if (c->done)
		c->done(c);
	call_free(c);
}

void ctld_call_start(struct ctld_call *c)
{
	c->task = (struct task){ .run = call_run, .done = call_done };
	pool_submit(c->d->ctld->pool, &c->task);
}

static void status_done(struct ctld_call *c)
{
	struct ctld *k = c->d->ctld;
	const struct control_status_msg *m = c->reply.body;

	if (!c->replied || c->reply.frame.header.type != RESPONSE_CONTROL_STATUS)
		return;
	if (k->in_control && m->control_time != k->in_control) {
		ctld_version_forget(c->d);
		register_send(c->d, 0, true);
	}
	k->in_control = m->control_time;
}

/* A controller speaks to a node in what the node last spoke to it, so nothing
 * that it sends tells of an upgrade; but since when it is in control does. */
static void look(struct daemon *d)
{
	struct ctld *k = d->ctld;
	uint16_t number = ctld_version_number(d);
	time_t now = time(NULL);
	struct ctld_call *c;

	if (!number || number == wire_version_number(WIRE_VERSION_NEWEST) ||
	    now - k->asked < LOOK_SEC)
		return;
	k->asked = now;
	c = ctld_call_new(d, REQUEST_CONTROL_STATUS);
	c->done = status_done;
	ctld_call_start(c);
}

void ctld_heard(struct daemon *d, uint16_t type, enum wire_version v)
{
	struct ctld *k = d->ctld;

	pthread_mutex_lock(&k->lock);
	if (k->version_known && v > k->version)
		k->version_known = false;
	pthread_mutex_unlock(&k->lock);
	if (type == REQUEST_PING)
		look(d);
}

void ctld_prolog_complete(struct daemon *d, uint32_t job_id, uint32_t code)
{
	struct ctld_call *c = ctld_call_new(d, REQUEST_COMPLETE_PROLOG);
	struct complete_prolog_msg *m = arena_alloc(&c->mem, sizeof *m);

	wire_init(&complete_prolog_msg_desc, m);
	m->step_id.job_id = job_id;
	m->prolog_rc = code;
	m->node_name = arena_strdup(&c->mem, d->site->name);
	c->body = m;
	c->insist = true;
	ctld_call_start(c);
}

void ctld_epilog_complete(struct daemon *d, uint32_t job_id, uint32_t code)
{
	struct ctld_call *c = ctld_call_new(d, MESSAGE_EPILOG_COMPLETE);
	struct epilog_comp_msg *m = arena_alloc(&c->mem, sizeof *m);

	wire_init(&epilog_comp_msg_desc, m);
	m->step_id.job_id = job_id;
	m->return_code = code;
	m->node_name = arena_strdup(&c->mem, d->site->name);
	c->body = m;
	c->insist = true;
	ctld_call_start(c);
}

static void kill_start(struct daemon *d, uint32_t job_id)
{
	struct ctld_call *c = ctld_call_new(d, REQUEST_KILL_JOB);
	struct job_step_kill_msg *m = arena_alloc(&c->mem, sizeof *m);

	wire_init(&job_step_kill_msg_desc, m);
	m->step_id.job_id = job_id;
	m->sjob_id = arena_printf(&c->mem, "%u", job_id);
	m->signal = SIGKILL;
	m->flags = KILL_ARRAY_TASK;
	c->body = m;
	c->insist = true;
	ctld_call_start(c);
}

static void requeue_done(struct ctld_call *c)
{
	const struct job_requeue_msg *m = c->body;

	if (c->result == E_OK)
		return;
	log_info("Could not launch job %u and not able to requeue it, cancelling job",
		 m->step_id.job_id);
	kill_start(c->d, m->step_id.job_id);
}

void ctld_launch_failed(struct daemon *d, uint32_t job_id, uint32_t code)
{
	struct ctld_call *c;
	struct job_requeue_msg *m;

	if (code == E_D_CREDENTIAL_REVOKED) {   /* it was ended in between */
		kill_start(d, job_id);
		return;
	}
	c = ctld_call_new(d, REQUEST_JOB_REQUEUE);
	m = arena_alloc(&c->mem, sizeof *m);
	wire_init(&job_requeue_msg_desc, m);
	m->step_id.job_id = job_id;
	m->flags = REQUEUE_LAUNCH_FAILED;
	c->body = m;
	c->insist = true;
	c->done = requeue_done;
	ctld_call_start(c);
	if (code == E_D_PROLOG_FAILED || code == E_D_SETUP_ENVIRONMENT_ERROR)
		register_send(d, code, false);  /* the controller drains us */
}
