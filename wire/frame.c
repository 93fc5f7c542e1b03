/* SPDX-License-Identifier: Apache-2.0
 *
 * Frame headers: the one hand-written part of the wire, because a header's
 * shape depends on its own flags and the collected replies carry bodies
 * without a length. */
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

static bool carries(enum wire_version v, uint64_t when)
{
	return wire_version_in(v, when);
}

static void pack_ret(struct wire_out *o, const struct wire_header *h)
{
	wire_put(o, h->ret_cnt, 2);
	for (uint16_t k = 0; k < h->ret_cnt; k++) {
		const struct wire_ret *r = &h->ret[k];

		wire_put(o, r->err, 4);
		wire_put(o, r->type, 2);
		wire_put_str(o, r->node_name);
		if (r->desc)
			wire_pack(o, r->desc, r->body, h->version);
	}
}

static void header_pack(struct wire_out *o, const struct wire_header *h)
{
	if (h->flags & WIRE_FLAG_DBD)
		wire_put(o, h->type, 2);
	wire_put(o, wire_version_number(h->version), 2);
	wire_put(o, h->flags, 2);
	wire_put(o, h->type, 2);
	wire_put(o, h->body_len, 4);
	wire_put(o, h->fwd_cnt, 2);
	if (h->fwd_cnt) {
		wire_put_str(o, h->fwd_nodes);
		wire_put(o, h->fwd_timeout_ms, 4);
		wire_put(o, h->fwd_tree_width, 2);
		if (wire_forwards_addrs(h->version) && h->flags & WIRE_FLAG_PACK_ADDRS)
			wire_put_str(o, h->fwd_net_cred);
		if (carries(h->version, SINCE(24_11)))
			wire_put(o, h->fwd_tree_depth, 2);
	}
	pack_ret(o, h);
	wire_put_addr(o, &h->orig_addr);
}

static void unpack_ret(struct wire_in *i, struct wire_header *h)
{
	/* err, type, empty name: ten bytes each at least */
	if (i->failed || h->ret_cnt > (size_t)(i->end - i->p) / 10) {
		i->failed = true;
		h->ret_cnt = 0;
		return;
	}
	h->ret = arena_zalloc(i->mem, (size_t)h->ret_cnt * sizeof *h->ret + 1);
	for (uint16_t k = 0; k < h->ret_cnt && !i->failed; k++) {
		struct wire_ret *r = &h->ret[k];
		const struct wire_type *t;

		r->err = (uint32_t)wire_get(i, 4);
		r->type = (uint16_t)wire_get(i, 2);
		r->node_name = wire_get_str(i);
		t = wire_type_find(r->type, h->version);
		if (!t) {
			i->failed = true;
			break;
		}
		r->desc = t->body;
		if (!r->desc)
			continue;
		r->body = arena_zalloc(i->mem, r->desc->size);
		wire_unpack(i, r->desc, r->body, h->version);
	}
	if (i->failed)
		h->ret_cnt = 0;
}

/* slurmctld of 22.05 and 23.02 orders all nodes at once to reconfigure or to
 * end, in the oldest release they have: 20.11 or 21.08. Both bodies are since
 * then the same. */
static bool before_window(uint16_t number)
{
	return number == 0x2400 || number == 0x2500;
}

static enum err header_unpack(struct wire_in *i, struct wire_frame *f)
{
	struct wire_header *h = &f->header;

	f->version_number = (uint16_t)wire_get(i, 2);
	if (i->failed)
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	if (f->version_number == REQUEST_PERSIST_INIT)          /* flag DBD: the type comes first */
		f->version_number = (uint16_t)wire_get(i, 2);
	f->before_window = before_window(f->version_number);
	if (f->before_window)
		h->version = WIRE_VERSION_OLDEST;
	else if (!wire_version_find(f->version_number, &h->version))
		return E_PROTOCOL_VERSION_ERROR;
	h->flags = (uint16_t)wire_get(i, 2);
	if (f->before_window)
		(void)wire_get(i, 2);
	h->type = (uint16_t)wire_get(i, 2);
	if (f->before_window && h->type != REQUEST_RECONFIGURE && h->type != REQUEST_SHUTDOWN)
		return E_PROTOCOL_VERSION_ERROR;
	h->body_len = (uint32_t)wire_get(i, 4);
	h->fwd_cnt = (uint16_t)wire_get(i, 2);
	if (h->fwd_cnt) {
		h->fwd_nodes = wire_get_str(i);
		h->fwd_timeout_ms = (uint32_t)wire_get(i, 4);
		h->fwd_tree_width = (uint16_t)wire_get(i, 2);
		if (wire_forwards_addrs(h->version) && h->flags & WIRE_FLAG_PACK_ADDRS)
			h->fwd_net_cred = wire_get_str(i);
		if (carries(h->version, SINCE(24_11)))
			h->fwd_tree_depth = (uint16_t)wire_get(i, 2);
	}
	h->ret_cnt = (uint16_t)wire_get(i, 2);
	if (h->ret_cnt)
		unpack_ret(i, h);
	wire_get_addr(i, &h->orig_addr);
	return i->failed ? E_PROTOCOL_INCOMPLETE_PACKET : E_OK;
}

/* auth/none's three fields, as one text (see wire/frame.h). */
static const char *get_plain_cred(struct wire_in *i)
{
	uint32_t uid = (uint32_t)wire_get(i, 4), gid = (uint32_t)wire_get(i, 4);
	const char *host = wire_get_str(i);

	if (i->failed)
		return NULL;
	return host ? arena_printf(i->mem, "%u:%u:%s", uid, gid, host) :
		      arena_printf(i->mem, "%u:%u", uid, gid);
}

static void put_plain_cred(struct wire_out *o, const char *text)
{
	char *end;

	wire_put(o, strtoul(text, &end, 10), 4);
	wire_put(o, *end ? strtoul(end + 1, &end, 10) : 0, 4);
	wire_put_str(o, *end ? end + 1 : NULL);
}

/* auth/jwt's two strings, as one text; no token has a colon in it. */
static const char *get_jwt_cred(struct wire_in *i)
{
	const char *token = wire_get_str(i), *user = wire_get_str(i);

	if (i->failed || (token && strchr(token, ':')))
		return NULL;
	if (!token)
		token = "";
	return user ? arena_printf(i->mem, "%s:%s", token, user) : token;
}

static void put_jwt_cred(struct wire_out *o, const char *text)
{
	size_t n = strcspn(text, ":");

	wire_put(o, n ? n + 1 : 0, 4);
	wire_put_bytes(o, text, n);
	if (n)
		wire_put(o, 0, 1);
	wire_put_str(o, text[n] ? text + n + 1 : NULL);
}

enum err wire_frame_parse(const uint8_t *bytes, size_t len, struct arena *mem,
			  struct wire_frame *out)
{
	struct wire_in i = { bytes, bytes + len, mem, false, false };
	enum err e;

	memset(out, 0, sizeof *out);
	e = header_unpack(&i, out);
	if (e)
		return e;
	if (!(out->header.flags & WIRE_FLAG_NO_AUTH_CRED)) {
		out->auth_plugin = (uint32_t)wire_get(&i, 4);
		if (out->auth_plugin == AUTH_PLUGIN_MUNGE || out->auth_plugin == AUTH_PLUGIN_SLURM)
			out->cred = wire_get_str(&i);
		else if (out->auth_plugin == AUTH_PLUGIN_NONE)
			out->cred = get_plain_cred(&i);
		else if (out->auth_plugin == AUTH_PLUGIN_JWT)
			out->cred = get_jwt_cred(&i);
		else
			return E_PROTOCOL_AUTHENTICATION_ERROR;
	}
	if (i.failed)
		return E_PROTOCOL_AUTHENTICATION_ERROR;
	if (out->header.body_len != (size_t)(i.end - i.p))
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	out->body.p = i.p;
	out->body.len = out->header.body_len;
	return E_OK;
}

enum err wire_body_unpack(const struct wire_frame *f, struct arena *mem,
			  const struct wire_type **type, void **body)
{
	struct wire_in i = { f->body.p, f->body.p + f->body.len, mem, false, f->tokens };
	const struct wire_type *t = wire_type_find(f->header.type, f->header.version);
	void *b = NULL;

	if (!t)
		return E_UNEXPECTED_MSG_ERROR;
	if (t->body) {
		b = arena_zalloc(mem, t->body->size);
		wire_unpack(&i, t->body, b, f->header.version);
	}
	if (i.failed || (i.p != i.end && !f->loose))
		return E_COMMUNICATIONS_RECEIVE_ERROR;
	*type = t;
	*body = b;
	return E_OK;
}

void wire_body_pack(struct wire_out *o, uint16_t type, const void *body,
		    enum wire_version v)
{
	const struct wire_type *t = wire_type_find(type, v);

	if (!t)
		o->failed = true;
	else if (t->body)
		wire_pack(o, t->body, body, v);
}

static size_t frame_start(struct wire_out *o)
{
	wire_put(o, 0, 4);
	return o->len;
}

static void frame_end(struct wire_out *o, size_t start)
{
	size_t n = o->len - start;

	if (o->failed)
		return;
	for (unsigned k = 0; k < 4; k++)
		o->base[start - 4 + k] = (uint8_t)(n >> (24 - 8 * k));
}

void wire_frame_build_split(struct wire_out *o, struct wire_header *h, uint32_t auth_plugin,
			    const char *cred, const void *body, size_t body_len, size_t more)
{
	size_t start = frame_start(o), n;

	h->body_len = (uint32_t)(body_len + more);
	if (cred)
		h->flags &= (uint16_t)~WIRE_FLAG_NO_AUTH_CRED;
	else
		h->flags |= WIRE_FLAG_NO_AUTH_CRED;
	header_pack(o, h);
	if (cred) {
		wire_put(o, auth_plugin, 4);
		if (auth_plugin == AUTH_PLUGIN_NONE)
			put_plain_cred(o, cred);
		else if (auth_plugin == AUTH_PLUGIN_JWT)
			put_jwt_cred(o, cred);
		else
			wire_put_str(o, cred);
	}
	wire_put_bytes(o, body, body_len);
	n = o->len - start + more;
	if (o->failed)
		return;
	for (unsigned k = 0; k < 4; k++)
		o->base[start - 4 + k] = (uint8_t)(n >> (24 - 8 * k));
}

void wire_frame_build(struct wire_out *o, struct wire_header *h, uint32_t auth_plugin,
		      const char *cred, const void *body, size_t body_len)
{
	wire_frame_build_split(o, h, auth_plugin, cred, body, body_len, 0);
}

enum wire_refusal wire_refusal(enum wire_version v, bool node)
{
	if (node ? carries(v, UNTIL(25_05)) : carries(v, UNTIL(24_11)))
		return REFUSAL_SILENT;
	return carries(v, UNTIL(26_05)) ? REFUSAL_ALL : REFUSAL_CRED;
}

bool wire_hides_nodes(enum wire_version v)
{
	return carries(v, SINCE(24_11));
}

bool wire_forwards_addrs(enum wire_version v)
{
	return carries(v, SINCE(23_11));
}

bool wire_reply_needs_cred(enum wire_version v)
{
	return carries(v, ONLY(22_05));
}

bool wire_message_answered(uint16_t type, enum wire_version v)
{
	return type != MESSAGE_EPILOG_COMPLETE || carries(v, SINCE(24_05));
}

void wire_frame_forward(struct wire_out *o, const struct wire_frame *f,
			const struct wire_header *h)
{
	struct wire_header copy = *h;

	wire_frame_build(o, &copy, f->auth_plugin, f->cred, f->body.p, f->body.len);
}

void wire_persist_build(struct wire_out *o, uint16_t type, const void *body, size_t len)
{
	size_t start = frame_start(o);

	wire_put(o, type, 2);
	wire_put_bytes(o, body, len);
	frame_end(o, start);
}

bool wire_dbd_build(struct wire_out *o, uint16_t type, const void *body, enum wire_version v,
		    bool with_length)
{
	const struct wire_type *t = wire_dbd_type_find(type, v);
	size_t start = 0;

	if (!t)
		return false;
	if (with_length)
		start = frame_start(o);
	wire_put(o, type, 2);
	wire_pack(o, t->body, body, v);
	if (with_length)
		frame_end(o, start);
	return !o->failed;
}

static enum err persist_body(const uint8_t *bytes, size_t len, enum wire_version v,
			     struct arena *mem, const struct wire_type *t, void **body)
{
	struct wire_in i = { .p = bytes + 2, .end = bytes + len, .mem = mem };

	*body = NULL;
	if (t->body) {
		*body = arena_zalloc(mem, t->body->size);
		wire_unpack(&i, t->body, *body, v);
	}
	return i.failed || i.p != i.end ? E_PROTOCOL_INCOMPLETE_PACKET : E_OK;
}

static uint16_t persist_type(const uint8_t *bytes, size_t len)
{
	return len < 2 ? 0 : (uint16_t)(bytes[0] << 8 | bytes[1]);
}

enum err wire_dbd_parse(const uint8_t *bytes, size_t len, enum wire_version v, struct arena *mem,
			const struct wire_type **type, void **body)
{
	*type = wire_dbd_type_find(persist_type(bytes, len), v);
	if (!*type)
		return E_UNEXPECTED_MSG_ERROR;
	return persist_body(bytes, len, v, mem, *type, body);
}

enum err wire_persist_parse(const uint8_t *bytes, size_t len, enum wire_version v,
			    struct arena *mem, const struct wire_type **type, void **body)
{
	*type = wire_type_find(persist_type(bytes, len), v);
	if (!*type)
		return E_UNEXPECTED_MSG_ERROR;
	return persist_body(bytes, len, v, mem, *type, body);
}
