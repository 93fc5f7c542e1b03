/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames: the header around a message body, the credential section, replies
 * collected from other nodes, and forwarding.  Bytes only; who the sender is
 * gets decided in auth/.
 *
 * On the wire:  u32 length | header | [credential] | body
 * The functions here work on what follows the length. */
#ifndef WIRE_FRAME_H
#define WIRE_FRAME_H

#include "wire/base/err.h"
#include "wire/messages.h"

/* Refuse longer frames before reading them. */
#define WIRE_FRAME_MAX (UINT32_C(1) << 30)
/* ... and, from peers that have not proved who they are, anything above this
 * unless the site raises it: a submission carries at most a script (4 MB by
 * default) and an environment. */
#define WIRE_FRAME_MAX_UNAUTH (UINT32_C(64) << 20)

/* One node's answer inside a collected reply. */
struct wire_ret {
	uint32_t err;                   /* errno or wire error of that node, 0 ok */
	uint16_t type;
	const char *node_name;
	const struct wire_desc *desc;   /* NULL: no body */
	void *body;
};

struct wire_header {
	enum wire_version version;
	uint16_t flags;                 /* WIRE_FLAG_* */
	uint16_t type;                  /* enum msg_type */
	uint32_t body_len;
	uint16_t fwd_cnt;               /* further nodes; the rest is 0 when 0 */
	const char *fwd_nodes;          /* host list expression */
	uint32_t fwd_timeout_ms;
	uint16_t fwd_tree_width;
	const char *fwd_net_cred;
	uint16_t fwd_tree_depth;
	uint16_t ret_cnt;
	struct wire_ret *ret;
	struct wire_addr orig_addr;
};

struct wire_frame {
	struct wire_header header;
	uint16_t version_number;        /* as sent, also when unknown */
	bool before_window;             /* an order in 20.11 or 21.08, told as the oldest */
	uint32_t auth_plugin;           /* 0: no credential section */
	/* Text of the credential, or NULL.  auth/none sends three fields in its
	 * place: here "UID:GID:HOST", or "UID:GID" when the host is NULL.  auth/jwt
	 * sends two: "TOKEN:USER", or "TOKEN" when the user is NULL. */
	const char *cred;
	bool tokens;                    /* set by the reader: how the body is decoded, see wire_in */
	bool loose;                     /* likewise: bytes behind the body do not matter */
	struct wire_mem body;
};

/* Split a frame (without its length).  Borrows from bytes; header.ret bodies
 * are decoded into mem.  E_PROTOCOL_VERSION_ERROR: unknown version
 * (version_number is set).  E_PROTOCOL_INCOMPLETE_PACKET: the header,
 * E_PROTOCOL_AUTHENTICATION_ERROR: the credential section cannot be read.
 * E_COMMUNICATIONS_RECEIVE_ERROR: no header at all, or the body has another
 * length; the credential was read. */
enum err wire_frame_parse(const uint8_t *bytes, size_t len, struct arena *mem,
			  struct wire_frame *out);

/* Decode the body of a parsed frame into a structure in mem.  *body is NULL
 * for a message without body.  Fails unless every byte is consumed, or f->loose. */
enum err wire_body_unpack(const struct wire_frame *f, struct arena *mem,
			  const struct wire_type **type, void **body);

/* Pack only a body (to be hashed and signed before the frame is built). */
void wire_body_pack(struct wire_out *o, uint16_t type, const void *body,
		    enum wire_version v);

/* Append a whole frame, length included.  h->body_len is set from body.
 * cred NULL: no credential section, and the NO_AUTH_CRED flag is set.
 * auth_plugin: AUTH_PLUGIN_MUNGE normally. */
void wire_frame_build(struct wire_out *o, struct wire_header *h, uint32_t auth_plugin,
		      const char *cred, const void *body, size_t body_len);

/* The same for a body whose last more bytes the caller sends itself. */
void wire_frame_build_split(struct wire_out *o, struct wire_header *h, uint32_t auth_plugin,
			    const char *cred, const void *body, size_t body_len, size_t more);

/* Does a peer of this release refuse replies without a credential? */
bool wire_reply_needs_cred(enum wire_version v);

/* What does a controller (or node daemon) of this release say to a message whose
 * sender it does not know?  Once nothing; from 24.11 (25.05) on 1007, until 25.11
 * also when header or credential section made no sense. */
enum wire_refusal { REFUSAL_SILENT, REFUSAL_CRED, REFUSAL_ALL };
enum wire_refusal wire_refusal(enum wire_version v, bool node);

/* Are hidden nodes left out of RESPONSE_NODE_INFO?  Earlier releases get empty
 * records instead. */
bool wire_hides_nodes(enum wire_version v);

/* Has the header room for addresses of the nodes that a message is forwarded to? */
bool wire_forwards_addrs(enum wire_version v);

/* Does a controller of this release answer the message at all? */
bool wire_message_answered(uint16_t type, enum wire_version v);

/* A frame received is forwarded with the same credential and body bytes under
 * a new header. */
void wire_frame_forward(struct wire_out *o, const struct wire_frame *f,
			const struct wire_header *h);

/* Messages on persistent connections: u32 length | u16 type | body.
 * (docs/wire.md, persistent connections.) */
void wire_persist_build(struct wire_out *o, uint16_t type, const void *body, size_t len);
/* A message of the accounting service, packed in v; without its length for a
 * list of messages.  False: no such message there, or it cannot be packed. */
bool wire_dbd_build(struct wire_out *o, uint16_t type, const void *body, enum wire_version v,
		    bool with_length);
/* The same from bytes without their length. */
enum err wire_dbd_parse(const uint8_t *bytes, size_t len, enum wire_version v, struct arena *mem,
			const struct wire_type **type, void **body);
/* Messages on other persistent connections: the numbers are the usual ones. */
enum err wire_persist_parse(const uint8_t *bytes, size_t len, enum wire_version v,
			    struct arena *mem, const struct wire_type **type, void **body);

#endif
