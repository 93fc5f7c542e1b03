/* SPDX-License-Identifier: Apache-2.0
 *
 * One request: the bytes that came in, who sent them, what they mean, and the
 * answer.  Made by conn.c, checked by verify.c in a worker, served by the
 * handler that rpcs.def names, answered by reply.c.
 *
 * Counted; the connection holds one reference until the answer is out, and
 * whoever needs the message later (a job that ends, say) holds another. */
#ifndef SLURMD_REQ_H
#define SLURMD_REQ_H

#include "slurmd/daemon.h"
#include "wire/frame.h"

struct conn;
struct fwd;
struct req;

/* Who may send a message: decided before its body is decoded. */
enum rpc_who {
	WHO_CONTROLLER,         /* root or SlurmUser */
	WHO_ANY                 /* any user; the handler checks whose job it is */
};
struct rpc {
	uint16_t type;
	enum rpc_who who;
	bool answers;           /* false: the sender does not wait for an answer */
	bool from_ctld;         /* counts as a sign of life of the controller */
	void (*work)(struct req *q);    /* in a worker, may block; or NULL */
	void (*serve)(struct req *q);   /* in the loop, unless answered; or NULL */
};
const struct rpc *rpc_find(uint16_t type);

struct req {
	struct req *next, *prev;
	uint32_t ref;                   /* number, never 0 */
	unsigned refs;                  /* loop only */
	struct daemon *d;
	struct site *site;
	struct conn *conn;              /* NULL once answered or gone */
	struct task task;
	struct arena mem;               /* worker or handler, one at a time */
	uint8_t *bytes;
	size_t len;
	struct wire_addr peer;
	struct wire_frame frame;
	struct auth_identity who;
	const struct wire_type *type;
	void *body;
	const struct rpc *rpc;
	bool silent;                    /* close without a word */
	bool foreign;                   /* of a release that we do not speak */
	bool verified;                  /* the sender is known: may be forwarded */
	bool worked;
	/* launches */
	struct cred_node_share *share;
	const struct cred *cred;
	uint32_t job_id, step_id, het_comp;
	unsigned tries;
	const char *why;                /* what else there is to say of a failure */
	/* the answer */
	bool answered, signing, sent;
	uint16_t reply_type;
	bool reply_other;               /* not in the request's release but: */
	enum wire_version reply_version;
	bool reply_wants_cred;
	char *reply_cred;
	struct wire_out reply;          /* packed body */
	/* forwarding */
	char **alias_names;             /* nodes whose addresses came along, signed */
	uint32_t alias_count;
	const struct wire_addr *alias_addrs;
	struct fwd *fwd;
	struct arena fwd_mem;
	struct wire_ret *ret;
	uint32_t ret_count, ret_cap;
};

struct req *req_new(struct daemon *d, struct conn *c, const struct wire_addr *peer,
		    uint8_t *bytes, size_t len);        /* takes bytes */
struct req *req_ref(struct req *q);
void req_unref(struct req *q);
struct req *req_find(struct daemon *d, uint32_t ref);
/* Submit to a worker: check the sender, decode, run the work handler. */
void req_start(struct req *q);

/* Set the answer; callable from handlers anywhere.  The first one counts. */
void req_answer(struct req *q, uint16_t type, const void *body);
void req_answer_rc(struct req *q, uint32_t code);
void req_answer_rc_msg(struct req *q, uint32_t code, const char *text);
/* A body packed already at the request's version. */
void req_answer_packed(struct req *q, uint16_t type, const void *p, size_t len);
/* The answer goes out in another release than the request came in. */
void req_answer_speak(struct req *q, enum wire_version v);
/* Loop: send the answer when forwarding has ended too.  Called after every
 * handler and by the effects of jobs. */
void req_flush(struct req *q);
/* Loop: no answer is due; close once forwarding has ended. */
void req_finish_silent(struct req *q);

/* fwd.c.  Loop: send the message on to the nodes named in its header; q->ret
 * fills up and req_flush is called at the end. */
void fwd_start(struct req *q);

/* conn.c: hand over a whole frame (taken) to write, then close; NULL closes. */
void conn_write(struct conn *c, struct wire_out *frame);

#endif
