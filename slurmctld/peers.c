/* SPDX-License-Identifier: Apache-2.0
 *
 * See peers.h. */
#include "slurmctld/peers.h"

#include <stdlib.h>

#include "auth/rpc.h"
#include "slurmctld/core/trigger.h"
#include "wire/base/log.h"

#define THREADS_MAX 8
#define SHUTDOWN_CTLD 2         /* slurmctld only, nodes stay */

struct round {
	struct peers *peers;
	unsigned left;
	struct peer_answer *answer;
	void (*done)(void *arg, const struct peer_answer *v);
	void *arg;
};

struct ask {
	struct work work;               /* first member */
	struct round *round;
	uint32_t index;
	uint16_t type;
	int timeout_sec;
	struct peer_answer answer;
};

struct peers {
	struct ctld *ctld;
	struct pool *pool;
	struct conf *conf;              /* one reference: names and addresses */
	uint32_t own;
};

static void call_init(const struct peers *p, uint32_t index, int timeout_sec,
		      struct rpc_ctld *call)
{
	*call = (struct rpc_ctld){
		.auth = p->ctld->auth,
		.hosts = &p->conf->control_addrs[index],
		.host_count = 1,
		.port = p->conf->slurmctldport,
		.port_count = p->conf->slurmctldport_count,
		.slurm_uid = p->ctld->slurm_uid,
		.timeout_ms = timeout_sec * 1000,
	};
}

static void ask_run(struct work *w)
{
	struct ask *a = (struct ask *)w;
	const struct shutdown_msg end = { .options = SHUTDOWN_CTLD };
	struct rpc_reply reply = { 0 };
	struct err_text why = { "" };
	struct rpc_ctld call;

	call_init(a->round->peers, a->index, a->timeout_sec, &call);
	a->answer.asked = true;
	a->answer.result = rpc_ctld_call(&call, a->type,
					 a->type == REQUEST_SHUTDOWN ? &end : NULL, &reply, &why);
	if (a->answer.result) {
		log_debug("%s to %s: %s", wire_type_name(a->type),
			  a->round->peers->conf->control_hosts[a->index], why.text);
		return;
	}
	if (reply.frame.header.type == RESPONSE_CONTROL_STATUS) {
		const struct control_status_msg *m = reply.body;

		a->answer.has_control = m->control_time != 0;
		if (m->backup_inx != a->index)
			log_error("the slurmctld at %s says that it is number %u of the list of "
				  "SlurmctldHost, here it is %u: compare the configuration files",
				  a->round->peers->conf->control_hosts[a->index], m->backup_inx,
				  a->index);
	} else {
		a->answer.result = rpc_reply_code(&reply);
	}
	rpc_reply_fini(&reply);
}

static void ask_done(struct work *w)
{
	struct ask *a = (struct ask *)w;
	struct round *r = a->round;

	r->answer[a->index] = a->answer;
	free(a);
	if (--r->left)
		return;
	r->done(r->arg, r->answer);
	free(r->answer);
	free(r);
}

void peers_ask(struct peers *p, const uint16_t *type, int timeout_sec,
	       void (*done)(void *arg, const struct peer_answer *v), void *arg)
{
	struct round *r = mem_zalloc(sizeof *r);
	uint32_t n = p->conf->control_count;

	r->peers = p;
	r->answer = mem_zalloc(n * sizeof *r->answer);
	r->done = done;
	r->arg = arg;
	r->left = 1;
	for (uint32_t i = 0; i < n; i++) {
		struct ask *a;

		if (!type[i] || i == p->own)
			continue;
		a = mem_zalloc(sizeof *a);
		a->work.run = ask_run;
		a->work.done = ask_done;
		a->round = r;
		a->index = i;
		a->type = type[i];
		a->timeout_sec = timeout_sec;
		r->left++;
		pool_submit(p->pool, &a->work);
	}
	if (--r->left)
		return;
	done(arg, r->answer);
	free(r->answer);
	free(r);
}

/* ---- telling ----------------------------------------------------------- */

struct tell {
	struct work work;               /* first member */
	struct peers *peers;
};

static void tell_run(struct work *w)
{
	const struct peers *p = ((struct tell *)w)->peers;
	struct trigger_item item;
	struct trigger_msg m;

	wire_init(&trigger_msg_desc, &m);
	wire_init(&trigger_item_desc, &item);
	item.res_type = TRIGGER_RES_SLURMCTLD;
	item.trig_type = TRIGGER_BU_CTLD_RES_OP;
	item.res_id = "*";
	item.control_inx = p->own;
	m.record_count = 1;
	m.items = &item;
	for (uint32_t i = 0; i < p->conf->control_count; i++) {
		struct rpc_reply reply = { 0 };
		struct err_text why = { "" };
		struct rpc_ctld call;
		enum err e;

		if (i == p->own)
			continue;
		call_init(p, i, p->conf->messagetimeout, &call);
		e = rpc_ctld_call(&call, REQUEST_TRIGGER_PULL, &m, &reply, &why);
		rpc_reply_fini(&reply);
		if (!e)
			return;
		log_debug("telling %s that we are up: %s", p->conf->control_hosts[i], why.text);
	}
}

static void tell_done(struct work *w)
{
	free(w);
}

void peers_tell_up(struct peers *p)
{
	struct tell *t = mem_zalloc(sizeof *t);

	t->work.run = tell_run;
	t->work.done = tell_done;
	t->peers = p;
	pool_submit(p->pool, &t->work);
}

struct peers *peers_new(struct ctld *c, uint32_t own)
{
	struct peers *p = mem_zalloc(sizeof *p);
	uint32_t n = c->conf->control_count;

	p->ctld = c;
	p->own = own;
	p->conf = conf_ref(c->conf);
	p->pool = pool_new(c->home, n < THREADS_MAX ? n : THREADS_MAX, "ctld-peers");
	return p;
}

void peers_free(struct peers *p)
{
	if (!p)
		return;
	pool_free(p->pool);
	conf_unref(p->conf);
	free(p);
}
