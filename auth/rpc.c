/* SPDX-License-Identifier: Apache-2.0
 *
 * One call: pack, sign, connect, send, receive, check, unpack. */
#include "auth/rpc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int64_t clock_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

static int left_ms(int64_t deadline)
{
	int64_t left = deadline - clock_ms();

	return left < 0 ? 0 : (int)left;
}

void rpc_reply_fini(struct rpc_reply *r)
{
	arena_fini(&r->mem);
	*r = (struct rpc_reply){0};
}

static enum err body_pack(struct wire_out *o, uint16_t type, const void *body,
			  enum wire_version v, struct err_text *why)
{
	wire_body_pack(o, type, body, v);
	if (!o->failed)
		return E_OK;
	return err_set(why, E_COMMUNICATIONS_SEND_ERROR, "%s cannot be sent to release %s",
		       wire_type_name(type), wire_version_name(v));
}

/* sign: 0 for no credential, else the hash type. */
static enum err frame_build(struct auth *a, struct wire_header *h, uid_t only_uid,
			    uint8_t sign, const void *body, struct wire_out *o,
			    struct err_text *why)
{
	struct wire_out b = { .tokens = auth_cred_tokens(a) };
	char *cred = NULL;
	enum err e = body_pack(&b, h->type, body, h->version, why);

	if (!e && sign)
		e = auth_sign(a, only_uid, h->type, sign, b.base, b.len, &cred, why);
	if (!e) {
		wire_frame_build(o, h, auth_plugin(a), cred, b.base, b.len);
		if (o->failed)
			e = err_set(why, E_COMMUNICATIONS_SEND_ERROR, "%s cannot be packed",
				    wire_type_name(h->type));
	}
	free(cred);
	wire_out_fini(&b);
	return e;
}

enum err rpc_frame_build(struct auth *a, struct wire_header *h, enum wire_version v,
			 uid_t only_uid, uint16_t type, const void *body, struct wire_out *o,
			 struct err_text *why)
{
	struct wire_header plain = {0};

	if (!h)
		h = &plain;
	h->version = v;
	h->type = type;
	return frame_build(a, h, only_uid, AUTH_HASH_K12, body, o, why);
}

enum err rpc_reply_build(struct auth *a, struct wire_header *h,
			 const struct wire_frame *request, const struct auth_identity *requester,
			 uint16_t type, const void *body, struct wire_out *o,
			 struct err_text *why)
{
	struct wire_header plain = {0};
	enum wire_version v = request->header.version;
	uint8_t hash = requester->hash_type ? requester->hash_type : AUTH_HASH_K12;

	if (!h)
		h = &plain;
	h->version = v;
	h->type = type;
	/* which key the credential needs is the only flag that means anything to
	 * the receiver of a reply */
	h->flags |= request->header.flags & WIRE_FLAG_GLOBAL_AUTH_KEY;
	return frame_build(a, h, requester->uid, wire_reply_needs_cred(v) ? hash : 0, body, o, why);
}

static const char *addr_text(const struct wire_addr *a, char *buf, size_t n)
{
	char ip[INET6_ADDRSTRLEN] = "?";

	(void)inet_ntop(a->family == 10 ? AF_INET6 : AF_INET, a->ip, ip, sizeof ip);
	(void)snprintf(buf, n, "%s:%u", ip, a->port);
	return buf;
}

static enum err receive_explain(enum err e, const char *peer, int timeout_ms,
				struct err_text *why)
{
	switch (e) {
	case E_PROTOCOL_SOCKET_ZERO_BYTES_SENT:
		return err_set(why, e, "%s closed the connection without an answer", peer);
	case E_PROTOCOL_SOCKET_IMPL_TIMEOUT:
		return err_set(why, e, "no answer from %s within %d ms", peer, timeout_ms);
	case E_PROTOCOL_VERSION_ERROR:
		return err_set(why, e, "%s does not speak our release", peer);
	default:
		return err_set(why, e, "answer of %s: %s", peer, err_str(e));
	}
}

/* Judge what came back.  Borrows from r->mem. */
static enum err reply_open(struct auth *a, const uint8_t *bytes, size_t len,
			   enum wire_version v, const char *peer, struct rpc_reply *r,
			   struct err_text *why)
{
	struct auth_identity id;
	enum err e = wire_frame_parse(bytes, len, &r->mem, &r->frame);

	if (e == E_PROTOCOL_VERSION_ERROR)
		return err_set(why, e, "%s answered in protocol %u.%u, which we do not know", peer,
			       r->frame.version_number >> 8, r->frame.version_number & 0xff);
	if (e == E_PROTOCOL_INCOMPLETE_PACKET)
		e = E_COMMUNICATIONS_RECEIVE_ERROR;
	if (e)
		return err_set(why, e, "answer of %s: %s", peer, err_str(e));
	if (r->frame.header.version != v)
		return err_set(why, E_PROTOCOL_VERSION_ERROR,
			       "%s speaks release %s and refused %s", peer,
			       wire_version_name(r->frame.header.version), wire_version_name(v));
	if (r->frame.cred) {
		e = auth_verify(a, &r->frame, &id, why, NULL);
		if (e)
			return e;
	}
	r->frame.tokens = auth_cred_tokens(a);
	e = wire_body_unpack(&r->frame, &r->mem, &r->type, &r->body);
	if (e)
		return err_set(why, E_PROTOCOL_INCOMPLETE_PACKET, "%s from %s cannot be unpacked",
			       wire_type_name(r->frame.header.type), peer);
	return E_OK;
}

/* Connect, send, receive: *bytes in mem. */
static enum err exchange(const struct wire_addr *addr, const struct wire_out *o,
			 int timeout_ms, const char *peer, struct arena *mem, uint8_t **bytes,
			 size_t *len, struct err_text *why)
{
	int64_t deadline = clock_ms() + timeout_ms;
	enum err e, r;
	int fd = rpc_connect(addr, timeout_ms);

	if (fd < 0)
		return err_set(why, E_COMMUNICATIONS_CONNECTION_ERROR, "connect to %s: %s", peer,
			       strerrordesc_np(errno));
	e = rpc_send(fd, o->base, o->len, left_ms(deadline));
	if (mem) {
		/* a peer may answer and close before it has read everything */
		r = rpc_recv(fd, mem, bytes, len, left_ms(deadline));
		if (!e || !r)
			e = r;
	}
	(void)close(fd);
	return e ? receive_explain(e, peer, timeout_ms, why) : E_OK;
}

enum err rpc_call(struct auth *a, const struct wire_addr *addr, enum wire_version v,
		  uid_t only_uid, uint16_t type, const void *body, int timeout_ms,
		  struct rpc_reply *reply, struct err_text *why)
{
	struct wire_out o = {0};
	struct rpc_reply r = {0};
	uint8_t *bytes;
	size_t len;
	char peer[80];
	enum err e = rpc_frame_build(a, NULL, v, only_uid, type, body, &o, why);

	(void)addr_text(addr, peer, sizeof peer);
	if (!e)
		e = exchange(addr, &o, timeout_ms, peer, reply ? &r.mem : NULL, &bytes, &len, why);
	wire_out_fini(&o);
	if (!e && reply)
		e = reply_open(a, bytes, len, v, peer, &r, why);
	if (e) {
		uint16_t number = r.frame.version_number;

		rpc_reply_fini(&r);
		if (e == E_PROTOCOL_VERSION_ERROR)
			r.frame.version_number = number;
	}
	if (reply)
		*reply = r;
	return e;
}

enum err rpc_reply_code(const struct rpc_reply *r)
{
	const struct return_code_msg *rc = r->body;

	/* both bodies begin with the code */
	if (!r->type || !rc || (r->type->number != RESPONSE_SLURM_RC &&
				r->type->number != RESPONSE_SLURM_RC_MSG))
		return E_UNEXPECTED_MSG_ERROR;
	if (r->type->number == RESPONSE_SLURM_RC_MSG)
		return (enum err)((const struct return_code2_msg *)r->body)->return_code;
	return (enum err)rc->return_code;
}
