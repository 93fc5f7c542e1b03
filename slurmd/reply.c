/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers: packed at the request's version, with a credential where the peer's
 * release or the kind of answer wants one, with the answers of the nodes below
 * in the header.
 *
 * Keeps: one answer a request; none before its forwarding has ended. */
#include <stddef.h>
#include <stdlib.h>

#include "slurmd/req.h"
#include "wire/base/log.h"

/* Answers that carry a credential whatever the release. */
static bool always_signed(uint16_t type)
{
	return type == RESPONSE_PING_SLURMD || type == RESPONSE_JOB_STEP_STAT ||
	       type == RESPONSE_REATTACH_TASKS || type == RESPONSE_SLURMD_STATUS;
}

static void answer_set(struct req *q, uint16_t type)
{
	q->answered = true;
	q->reply_type = type;
	q->reply_wants_cred = wire_reply_needs_cred(q->frame.header.version) ||
			      always_signed(type);
}

void req_answer(struct req *q, uint16_t type, const void *body)
{
	if (q->answered)
		return;
	wire_body_pack(&q->reply, type, body, q->frame.header.version);
	if (q->reply.failed) {
		wire_out_fini(&q->reply);
		q->reply = (struct wire_out){ 0 };
		req_answer_rc(q, (uint32_t)E_FAIL);
		return;
	}
	answer_set(q, type);
}

void req_answer_speak(struct req *q, enum wire_version v)
{
	q->reply_other = true;
	q->reply_version = v;
}

void req_answer_packed(struct req *q, uint16_t type, const void *p, size_t len)
{
	if (q->answered)
		return;
	wire_put_bytes(&q->reply, p, len);
	answer_set(q, type);
}

void req_answer_rc(struct req *q, uint32_t code)
{
	struct return_code_msg m = { .return_code = code };

	req_answer(q, RESPONSE_SLURM_RC, &m);
}

void req_answer_rc_msg(struct req *q, uint32_t code, const char *text)
{
	struct return_code2_msg m = { .return_code = code, .err_msg = text };

	req_answer(q, RESPONSE_SLURM_RC_MSG, &m);
}

static void frame_send(struct req *q)
{
	struct wire_header h = {
		.version = q->reply_other ? q->reply_version : q->frame.header.version,
		.flags = q->reply_cred ? 0 : q->frame.header.flags & WIRE_FLAG_GLOBAL_AUTH_KEY,
		.type = q->reply_type,
		.ret_cnt = (uint16_t)q->ret_count,
		.ret = q->ret,
		.orig_addr = q->frame.header.orig_addr,
	};
	struct wire_out o = { 0 };
	struct conn *c = q->conn;

	if (!h.orig_addr.family)
		h.orig_addr = q->peer;
	wire_frame_build(&o, &h, auth_plugin(q->site->auth), q->reply_cred, q->reply.base, q->reply.len);
	wire_out_fini(&q->reply);
	q->reply = (struct wire_out){ 0 };
	q->sent = true;
	q->conn = NULL;
	if (c)
		conn_write(c, &o);
	else
		wire_out_fini(&o);
	req_unref(q);                   /* the connection's reference */
}

struct signing {
	struct task task;
	struct req *q;
};

static void sign_run(struct task *t)
{
	struct req *q = task_of(t, struct signing, task)->q;
	struct err_text why;

	if (auth_sign(q->site->auth, AUTH_ANY_UID, q->reply_type,
		      q->who.hash_type ? q->who.hash_type : 2, q->reply.base, q->reply.len,
		      &q->reply_cred, &why))
		log_error("cannot sign an answer: %s", why.text);
}

static void sign_done(struct task *t)
{
	struct signing *s = task_of(t, struct signing, task);
	struct req *q = s->q;

	free(s);
	if (!q->reply_cred && wire_reply_needs_cred(q->frame.header.version)) {
		struct conn *c = q->conn;       /* it would not be understood */

		q->sent = true;
		q->conn = NULL;
		if (c)
			conn_write(c, NULL);
		req_unref(q);
	} else {
		frame_send(q);
	}
	req_unref(q);
}

void req_flush(struct req *q)
{
	struct signing *s;

	if (!q->answered || q->sent || q->signing || q->fwd)
		return;
	if (!q->conn) {                         /* the peer has gone */
		q->sent = true;
		wire_out_fini(&q->reply);
		q->reply = (struct wire_out){ 0 };
		return;
	}
	if (!q->reply_wants_cred) {
		frame_send(q);
		return;
	}
	q->signing = true;
	s = mem_zalloc(sizeof *s);
	s->task = (struct task){ .run = sign_run, .done = sign_done };
	s->q = req_ref(q);
	pool_submit(q->d->pool, &s->task);
}

void req_finish_silent(struct req *q)
{
	struct conn *c = q->conn;

	q->silent = true;
	if (q->fwd || q->sent)
		return;
	q->sent = true;
	q->conn = NULL;
	if (c) {
		conn_write(c, NULL);
		req_unref(q);
	}
}
