/* SPDX-License-Identifier: Apache-2.0
 *
 * The way of a request through slurmd: checked in a worker (who sent it, may
 * he, does it decode), forwarded, served.
 *
 * Keeps: the permission table is consulted before a body is decoded, and
 * nothing is forwarded for a sender who is not known. */
#include "slurmd/req.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/refusal.h"
#include "slurmd/ctld.h"
#include "slurmd/rpc.h"
#include "wire/base/log.h"

static const struct rpc rpcs[] = {
#define RPC(t, w, a, c, work, serve) { t, WHO_##w, a, c, work, serve },
#include "slurmd/rpcs.def"
#undef RPC
};

const struct rpc *rpc_find(uint16_t type)
{
	for (size_t k = 0; k < sizeof rpcs / sizeof *rpcs; k++)
		if (rpcs[k].type == type)
			return &rpcs[k];
	return NULL;
}

struct req *req_new(struct daemon *d, struct conn *c, const struct wire_addr *peer,
		    uint8_t *bytes, size_t len)
{
	struct req *q = mem_zalloc(sizeof *q);

	if (++d->next_ref == 0)
		d->next_ref = 1;
	q->ref = d->next_ref;
	q->refs = 1;
	q->d = d;
	q->conn = c;
	q->peer = *peer;
	q->bytes = bytes;
	q->len = len;
	q->site = site_ref(d->site);
	q->next = d->requests;
	if (q->next)
		q->next->prev = q;
	d->requests = q;
	return q;
}

struct req *req_ref(struct req *q)
{
	q->refs++;
	return q;
}

void req_unref(struct req *q)
{
	if (!q || --q->refs)
		return;
	if (q->next)
		q->next->prev = q->prev;
	if (q->prev)
		q->prev->next = q->next;
	else
		q->d->requests = q->next;
	wire_out_fini(&q->reply);
	free(q->reply_cred);
	arena_fini(&q->fwd_mem);
	arena_fini(&q->mem);
	free(q->bytes);
	site_unref(q->site);
	free(q);
}

struct req *req_find(struct daemon *d, uint32_t ref)
{
	for (struct req *q = d->requests; q; q = q->next)
		if (q->ref == ref)
			return q;
	return NULL;
}

/* ---- in a worker ------------------------------------------------------- */

static const char *peer_text(const struct req *q, char *out, size_t size)
{
	char ip[INET6_ADDRSTRLEN] = "?";

	inet_ntop(q->peer.family == 10 ? AF_INET6 : AF_INET, q->peer.ip, ip, sizeof ip);
	snprintf(out, size, "[%s]:%u", ip, q->peer.port);
	return out;
}

/* The sender is not known.  Newer releases answer; what: the least that one
 * must tell to be told of this. */
static void refuse_unknown(struct req *q, enum wire_refusal what, const struct err_text *why,
			   const struct err_text *stock)
{
	char peer[80];

	auth_refusal_log(&q->frame, peer_text(q, peer, sizeof peer),
			 E_PROTOCOL_AUTHENTICATION_ERROR, why, stock);
	q->verified = false;
	if (wire_refusal(q->frame.header.version, true) < what) {
		q->silent = true;
		return;
	}
	req_answer_rc(q, E_PROTOCOL_AUTHENTICATION_ERROR);
}

/* False: nothing more to do with it. */
static bool sender_check(struct req *q)
{
	struct err_text why = { "" }, lines = { "" };
	enum err parsed = wire_frame_parse(q->bytes, q->len, &q->mem, &q->frame), e;
	char peer[80];

	if (parsed == E_PROTOCOL_VERSION_ERROR) {
		peer_text(q, peer, sizeof peer);
		refusal_say(peer, 0, "version", "Invalid Protocol Version %u from %s",
			    q->frame.version_number, peer);
		q->silent = q->foreign = true;
		return false;
	}
	if (parsed == E_PROTOCOL_INCOMPLETE_PACKET) {
		err_set(&why, parsed, "the header cannot be read");
		refuse_unknown(q, REFUSAL_ALL, &why, NULL);
		return false;
	}
	if (parsed == E_PROTOCOL_AUTHENTICATION_ERROR ||
	    (parsed && q->frame.auth_plugin && !auth_knows(q->site->auth, q->frame.auth_plugin))) {
		err_set(&why, parsed, "plugin: a credential of plugin %u, which cannot be read here",
			q->frame.auth_plugin);
		refuse_unknown(q, REFUSAL_ALL, &why, NULL);
		return false;
	}
	if (!q->frame.cred && !q->frame.version_number) {
		log_verbose("garbage from %s", peer_text(q, peer, sizeof peer));
		q->silent = true;
		return false;
	}
	if (!q->frame.cred) {
		err_set(&why, parsed, "%s", "it has no credential");
		refuse_unknown(q, REFUSAL_CRED, &why, NULL);
		return false;
	}
	e = auth_verify(q->site->auth, &q->frame, &q->who, &why, &lines);
	if (e && e != E_COMMUNICATIONS_RECEIVE_ERROR) {
		refuse_unknown(q, auth_knows(q->site->auth, q->frame.auth_plugin) ? REFUSAL_CRED
			       : REFUSAL_ALL, &why, &lines);
		return false;
	}
	if (e || parsed) {
		peer_text(q, peer, sizeof peer);
		refusal_say(peer, q->frame.header.type, "damaged",
			    "%s from uid %u at %s is damaged: %s",
			    wire_type_name(q->frame.header.type), q->who.uid, peer,
			    e ? why.text : "wrong length");
		req_answer_rc(q, E_PROTOCOL_INCOMPLETE_PACKET);
		return false;
	}
	q->verified = true;
	q->frame.tokens = auth_cred_tokens(q->site->auth);
	q->frame.loose = true;
	return true;
}

/* Addresses of nodes that are not in slurm.conf, sealed by the controller. */
static void aliases_read(struct req *q)
{
	const struct wire_header *h = &q->frame.header;
	struct slurm_node_alias_addrs *m = arena_alloc(&q->mem, sizeof *m);
	struct err_text why = { "" };

	if (cred_net_open(q->site->auth, h->fwd_net_cred, h->version, q->site->conf->slurm_uid,
			  &q->mem, m, &why)) {
		log_error("addresses in the header cannot be read: %s", why.text);
		return;
	}
	if (hostlist_expand(m->node_list, &q->mem, &q->alias_names, &q->alias_count, &why) ||
	    q->alias_count > m->node_addrs_count) {
		log_error("addresses in the header are not usable");
		q->alias_count = 0;
		return;
	}
	q->alias_addrs = m->node_addrs;
}

/* May this sender send this?  Then decode it. */
static bool body_check(struct req *q)
{
	uint16_t type = q->frame.header.type;
	char peer[80];

	q->rpc = rpc_find(type);
	if (q->rpc && q->rpc->who == WHO_CONTROLLER && !site_trusts(q->site, q->who.uid)) {
		refusal_say(peer_text(q, peer, sizeof peer), type, "security",
			    "Security violation, %s from uid %u", wire_type_name(type), q->who.uid);
		if (q->rpc->answers)
			req_answer_rc(q, E_USER_ID_MISSING);
		else
			q->silent = true;
		return false;
	}
	if (wire_body_unpack(&q->frame, &q->mem, &q->type, &q->body)) {
		refusal_say(peer_text(q, peer, sizeof peer), type, "body",
			    "%s from uid %u cannot be decoded", wire_type_name(type), q->who.uid);
		req_answer_rc(q, E_PROTOCOL_INCOMPLETE_PACKET);
		return false;
	}
	if (!q->rpc) {
		log_error("slurmd_req: invalid request msg type %u", type);
		req_answer_rc(q, EINVAL);
		return false;
	}
	return true;
}

static void check_run(struct task *t)
{
	struct req *q = task_of(t, struct req, task);

	if (!sender_check(q))
		return;
	if (q->frame.header.fwd_cnt && q->frame.header.fwd_net_cred)
		aliases_read(q);
	if (!body_check(q))
		return;
	log_debug2("Processing RPC: %s", q->type->name);
	if (!q->frame.header.fwd_cnt && q->rpc->work) {
		q->rpc->work(q);
		q->worked = true;
	}
}

/* ---- in the loop ------------------------------------------------------- */

/* A controller that has just started and does not know us yet speaks the
 * oldest release it can, which may be older than any of ours: show up.  Not
 * more often than every few seconds, for anyone can cause this. */
static void register_again(struct daemon *d)
{
	time_t now = time(NULL);

	if (now - d->foreign_seen < 5)
		return;
	d->foreign_seen = now;
	register_send(d, 0, true);
}

static void serve(struct req *q)
{
	struct daemon *d = q->d;

	if (q->foreign)
		register_again(d);
	if (q->rpc && q->rpc->from_ctld && q->verified && !q->silent) {
		d->last_ctld_msg = time(NULL);
		ctld_heard(d, q->frame.header.type, q->frame.header.version);
	}
	if (q->rpc && q->rpc->serve && !q->silent &&
	    (!q->answered || q->rpc->serve == rpc_register))
		q->rpc->serve(q);
	if (q->answered)
		req_flush(q);
	else if (q->silent || (q->rpc && !q->rpc->answers))
		req_finish_silent(q);
}

static void work_run(struct task *t)
{
	struct req *q = task_of(t, struct req, task);

	q->rpc->work(q);
	q->worked = true;
}

static void work_done(struct task *t)
{
	struct req *q = task_of(t, struct req, task);

	serve(q);
	req_unref(q);
}

static void check_done(struct task *t)
{
	struct req *q = task_of(t, struct req, task);

	if (q->verified && q->frame.header.fwd_cnt)
		fwd_start(q);
	if (q->rpc && q->rpc->work && !q->worked && !q->answered && !q->silent) {
		q->task = (struct task){ .run = work_run, .done = work_done };
		pool_submit(q->d->pool, &q->task);
		return;
	}
	serve(q);
	req_unref(q);
}

void req_start(struct req *q)
{
	req_ref(q);
	q->task = (struct task){ .run = check_run, .done = check_done };
	pool_submit(q->d->pool, &q->task);
}
