/* SPDX-License-Identifier: Apache-2.0
 *
 * A complete frame goes to a worker, which finds out who sent it, whether they
 * may, and only then decodes the body; the main thread gets the result.
 *
 * The worker reads the configuration's constants and the table of requests;
 * it touches no state of the daemon. */
#include "slurmctld/request.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <time.h>

#include "auth/refusal.h"
#include "slurmctld/conn.h"
#include "slurmctld/ctld.h"
#include "slurmctld/origin.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/unames.h"
#include "wire/base/log.h"

int64_t clock_mono_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

const char *request_addr_text(const struct wire_addr *a)
{
	static _Thread_local char text[64];
	char ip[48] = "?";

	inet_ntop(a->family == 10 ? AF_INET6 : AF_INET, a->ip, ip, sizeof ip);
	snprintf(text, sizeof text, "%s:%u", ip, a->port);
	return text;
}

/* Stock's lines, so that guides and scripts still find them, then ours. */
static void complain(const struct request *r, const struct err_text *why,
		     const struct err_text *stock)
{
	const struct wire_addr *a = &r->caller.peer;
	char ip[48] = "?", peer[64];

	inet_ntop(a->family == 10 ? AF_INET6 : AF_INET, a->ip, ip, sizeof ip);
	snprintf(peer, sizeof peer, "[%s]:%u", ip, a->port);
	auth_refusal_log(&r->frame, peer, E_PROTOCOL_AUTHENTICATION_ERROR, why, stock);
}

/* The release to answer an unknown one in: the highest not above theirs. */
static enum wire_version nearest(uint16_t number)
{
	int v = WIRE_VERSION_NEWEST;

	while (v > WIRE_VERSION_OLDEST && wire_version_number((enum wire_version)v) > number)
		v--;
	return (enum wire_version)v;
}

/* Nobody that is known.  what: the least that a release must tell to be told
 * of this. */
static void refuse(struct request *r, enum wire_refusal what, const struct err_text *why,
		   const struct err_text *stock)
{
	complain(r, why, stock);
	if (wire_refusal(r->version, false) >= what)
		r->rc = E_PROTOCOL_AUTHENTICATION_ERROR;
	else
		r->close = true;
}

static void decide(struct request *r)
{
	struct err_text why = { "" }, stock = { "" };
	const char *peer = request_addr_text(&r->caller.peer);
	const struct wire_type *type;
	enum err e = wire_frame_parse(r->bytes, r->len, &r->mem, &r->frame);

	r->version = nearest(r->frame.version_number);
	if (e == E_PROTOCOL_VERSION_ERROR) {
		refusal_say(peer, 0, "version",
			    "%s speaks protocol version %u, which is not one of %u to %u", peer,
			    r->frame.version_number, wire_version_number(WIRE_VERSION_OLDEST),
			    wire_version_number(WIRE_VERSION_NEWEST));
		r->rc = E_PROTOCOL_AUTHENTICATION_ERROR;
		return;
	}
	if (e == E_PROTOCOL_INCOMPLETE_PACKET) {
		err_set(&why, e, "the header cannot be read");
		refuse(r, REFUSAL_ALL, &why, &stock);
		return;
	}
	if (e == E_PROTOCOL_AUTHENTICATION_ERROR ||
	    (e && r->frame.auth_plugin && !auth_knows(r->ctld->auth, r->frame.auth_plugin))) {
		err_set(&why, e, "plugin: a credential of plugin %u, which cannot be read here",
			r->frame.auth_plugin);
		refuse(r, REFUSAL_ALL, &why, &stock);
		return;
	}
	if (!r->frame.cred) {
		err_set(&why, e, "no credential");
		refuse(r, REFUSAL_CRED, &why, &stock);
		return;
	}
	if (e) {
		r->close = true;
		return;
	}
	e = auth_verify(r->frame.header.flags & WIRE_FLAG_GLOBAL_AUTH_KEY ? r->ctld->auth_global
									  : r->ctld->auth, &r->frame, &r->id, &why, &stock);
	if (e == E_PROTOCOL_AUTHENTICATION_ERROR) {
		refuse(r, auth_knows(r->ctld->auth, r->frame.auth_plugin) ? REFUSAL_CRED : REFUSAL_ALL,
		       &why, &stock);
		return;
	}
	if (e) {
		refusal_say(peer, r->frame.header.type, "hash", "%s: %s from %s", why.text,
			    wire_type_name(r->frame.header.type), peer);
		r->close = true;
		return;
	}
	r->authentic = true;
	r->caller.uid = r->id.uid;
	r->caller.gid = r->id.gid;
	r->caller.root_or_slurm = r->id.uid == 0 || r->id.uid == r->ctld->slurm_uid;
	r->caller.operator_ = r->caller.root_or_slurm;
	if (r->id.host[0])
		(void)snprintf(r->caller.host, sizeof r->caller.host, "%s", r->id.host);
	else
		origin_name(r->id.addr, r->caller.host, sizeof r->caller.host);
	r->frame.tokens = auth_cred_tokens(r->ctld->auth);
	r->frame.loose = true;
	r->rpc = rpc_find(r->frame.header.type);
	r->rc = rpc_may(r->rpc, &r->caller);
	if (r->rc)
		return;
	if (wire_body_unpack(&r->frame, &r->mem, &type, &r->body)) {
		refusal_say(peer, r->frame.header.type, "body", "%s from %s uid=%u cannot be decoded",
			    wire_type_name(r->frame.header.type), peer, (unsigned)r->id.uid);
		r->close = true;
	}
}

/* Who submits is looked up here: it may take its time. */
static void submitter(struct request *r)
{
	switch (r->frame.header.type) {
	case REQUEST_SUBMIT_BATCH_JOB:
	case REQUEST_RESOURCE_ALLOCATION:
	case REQUEST_SUBMIT_BATCH_HET_JOB:
	case REQUEST_HET_JOB_ALLOCATION:
		uname_of(r->caller.uid, r->caller.user, sizeof r->caller.user);
		break;
	default:
		break;
	}
}

static void run(struct work *w)
{
	struct request *r = (struct request *)w;

	decide(r);
	r->caller.version = r->version;
	if (r->authentic && !r->rc)
		submitter(r);
}

static void done(struct work *w)
{
	struct request *r = (struct request *)w;
	struct ctld *c = r->ctld;

	if (r->close) {
		conn_close(c, r->conn);
		request_free(r);
		return;
	}
	conn_identify(c, r);
	if (r->rc && (c->active || !r->authentic)) {
		if (r->authentic)
			refusal_say(request_addr_text(&r->caller.peer), r->frame.header.type,
				    "security", "Security violation, %s RPC from uid=%u",
				    wire_type_name(r->frame.header.type), (unsigned)r->id.uid);
		conn_reply_rc(c, r->conn, r->rc);
		request_free(r);
		return;
	}
	rpc_handle(c, r);
}

void request_start(struct ctld *c, uint64_t conn, const struct wire_addr *peer,
		   uint8_t *bytes, size_t len)
{
	struct request *r = mem_zalloc(sizeof *r);

	r->work.run = run;
	r->work.done = done;
	r->ctld = c;
	r->conn = conn;
	r->caller.peer = *peer;
	r->bytes = bytes;
	r->len = len;
	r->start_usec = clock_mono_usec();
	pool_submit(c->workers, &r->work);
}

void request_free(struct request *r)
{
	arena_fini(&r->mem);
	free(r->bytes);
	free(r);
}
