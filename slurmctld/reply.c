/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers of the core: which form of a return code, signatures, scripts. */
#include "slurmctld/reply.h"

#include <stdlib.h>

#include "slurmctld/conn.h"
#include "slurmctld/scripts.h"
#include "auth/signing.h"
#include "slurmctld/stats.h"
#include "wire/base/log.h"

/* RC or RC with a text: which one a release expects for a request. */
static const struct {
	uint16_t request;
	uint64_t always_text;           /* releases that always get the text form */
	uint64_t no_text;               /* releases that never do */
} rc_forms[] = {
	{ REQUEST_UPDATE_JOB, SINCE(23_02), UNTIL(23_02) },
	{ REQUEST_SUSPEND, 0, UNTIL(24_11) },
	{ REQUEST_KILL_JOB, 0, UNTIL(24_11) },
};

static void reply_rc(struct ctld *c, const struct effect *e, const struct step_out *o)
{
	uint16_t request = o->req ? o->req->frame.header.type : 0;
	enum wire_version v = o->req ? o->req->version : WIRE_VERSION_NEWEST;
	const struct return_code2_msg *with = e->body;
	const struct return_code_msg *bare = e->body;
	bool text = e->type == RESPONSE_SLURM_RC_MSG;
	enum err rc = (enum err)(text ? with->return_code : bare->return_code);

	for (size_t i = 0; i < sizeof rc_forms / sizeof rc_forms[0]; i++) {
		if (rc_forms[i].request != request)
			continue;
		if (rc_forms[i].always_text >> v & 1) {
			conn_reply_rc_msg(c, e->conn, rc, text ? with->err_msg : NULL);
			return;
		}
		if (rc_forms[i].no_text >> v & 1)
			text = false;
	}
	if (text && with->err_msg)
		conn_reply_rc_msg(c, e->conn, rc, with->err_msg);
	else
		conn_reply_rc(c, e->conn, rc);
}

/* An answer with a credential in it is finished by a worker. */
struct cred_work {
	struct work work;
	struct ctld *ctld;
	const struct effect *e;
	struct step_out *out;
	enum wire_version version;
	struct arena mem;
	void *body;
	enum err rc;
	struct err_text why;
};

static void cred_run(struct work *w)
{
	struct cred_work *k = (struct cred_work *)w;
	const struct wire_type *t = wire_type_find(k->e->type, k->version);

	if (!t || !t->body) {
		k->rc = E_NOT_SUPPORTED;
		return;
	}
	k->body = arena_alloc(&k->mem, t->body->size);
	memcpy(k->body, k->e->body, t->body->size);
	k->rc = signing_prepare(k->ctld->auth, k->e->type, k->body, k->version, &k->mem, &k->why);
}

static void cred_done(struct work *w)
{
	struct cred_work *k = (struct cred_work *)w;

	if (k->rc) {
		log_error("%s: %s", wire_type_name(k->e->type), k->why.text);
		conn_reply_rc(k->ctld, k->e->conn, E_INVALID_JOB_CREDENTIAL);
	} else {
		conn_speak(k->ctld, k->e->conn, k->version);
		conn_reply(k->ctld, k->e->conn, k->e->type, k->body);
	}
	step_out_drop(k->out);
	arena_fini(&k->mem);
	free(k);
}

static void sign_reply(struct ctld *c, const struct effect *e, struct step_out *o)
{
	struct cred_work *k = mem_zalloc(sizeof *k);

	k->work.run = cred_run;
	k->work.done = cred_done;
	k->ctld = c;
	k->e = e;
	k->out = o;
	step_out_hold(o);
	if (!conn_version(c, e->conn, &k->version))
		k->version = WIRE_VERSION_NEWEST;
	if (e->client_version)
		wire_version_find(e->client_version, &k->version);
	pool_submit(c->workers, &k->work);
}

void reply_send(struct ctld *c, const struct effect *e, struct step_out *o)
{
	if (o->req && e->conn == o->req->conn) {
		if (!wire_message_answered(o->req->frame.header.type, o->req->version)) {
			conn_close(c, e->conn);
			return;
		}
		stats_rpc(c->stats, o->req);
	}
	if (e->type == RESPONSE_SLURM_RC || e->type == RESPONSE_SLURM_RC_MSG)
		reply_rc(c, e, o);
	else if (e->sign_cred)
		sign_reply(c, e, o);
	else
		conn_reply(c, e->conn, e->type, e->body);
}

struct script_reply {
	struct ctld *ctld;
	uint64_t conn;
};

static void on_script_reply(void *arg, struct job_script *s)
{
	struct script_reply *r = arg;
	struct job_script_msg m;

	if (!s || !s->script) {
		conn_reply_rc(r->ctld, r->conn, E_INVALID_JOB_ID);
	} else {
		wire_init(&job_script_msg_desc, &m);
		m.msg = s->script;
		conn_reply(r->ctld, r->conn, RESPONSE_BATCH_SCRIPT, &m);
	}
	job_script_unref(s);
	free(r);
}

void reply_script(struct ctld *c, const struct effect *e)
{
	struct script_reply *r = mem_zalloc(sizeof *r);

	r->ctld = c;
	r->conn = e->conn;
	scripts_get(c, e->script_id, on_script_reply, r);
}
