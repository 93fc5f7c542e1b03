/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocking RPC calls, for slurmd's workers and slurmstepd (slurmctld has its
 * own asynchronous agent).  One connection per call, as everywhere. */
#ifndef AUTH_RPC_H
#define AUTH_RPC_H

#include "auth/auth.h"

struct rpc_reply {
	struct arena mem;               /* owns everything below */
	struct wire_frame frame;
	const struct wire_type *type;
	void *body;
};
void rpc_reply_fini(struct rpc_reply *r);

/* Append a signed request frame, length included, to *o.  Only the fields of
 * *h that the caller wants (forwarding, flags) need be set; h may be NULL. */
enum err rpc_frame_build(struct auth *a, struct wire_header *h, enum wire_version v,
			 uid_t only_uid, uint16_t type, const void *body, struct wire_out *o,
			 struct err_text *why);
/* The same for the answer to *request, in its release and hash type; with a
 * credential only where the release cannot do without.  h: as above. */
enum err rpc_reply_build(struct auth *a, struct wire_header *h,
			 const struct wire_frame *request, const struct auth_identity *requester,
			 uint16_t type, const void *body, struct wire_out *o,
			 struct err_text *why);

/* Send one message to addr and read the reply (reply NULL: do not wait for
 * one).  Bodies are packed at v.  only_uid: see auth_sign.  timeout_ms is for
 * connecting, sending and receiving together.  A credential in the reply is
 * checked.  On failure *reply is empty (nothing to fini), but
 * E_PROTOCOL_VERSION_ERROR leaves frame.version_number: the release of a peer
 * that refuses ours, or 0 when it did not say.
 * Errors: E_COMMUNICATIONS_CONNECTION_ERROR, _SEND_ERROR, _RECEIVE_ERROR,
 * E_PROTOCOL_SOCKET_IMPL_TIMEOUT, E_PROTOCOL_SOCKET_ZERO_BYTES_SENT (closed
 * without an answer), E_PROTOCOL_VERSION_ERROR, E_PROTOCOL_AUTHENTICATION_ERROR,
 * E_PROTOCOL_INSANE_MSG_LENGTH, E_PROTOCOL_INCOMPLETE_PACKET. */
enum err rpc_call(struct auth *a, const struct wire_addr *addr, enum wire_version v,
		  uid_t only_uid, uint16_t type, const void *body, int timeout_ms,
		  struct rpc_reply *reply, struct err_text *why);

/* The return code in a RESPONSE_SLURM_RC or _RC_MSG; E_UNEXPECTED_MSG_ERROR
 * for any other type. */
enum err rpc_reply_code(const struct rpc_reply *r);

/* Where the controller is: SlurmctldHost entries in order, with the release
 * it speaks (found by trying, newest first, and remembered). */
struct rpc_ctld {
	struct auth *auth;
	char **hosts;                   /* addresses or names, borrowed from the configuration */
	uint32_t host_count;
	uint16_t port, port_count;
	uid_t slurm_uid;
	int timeout_ms;                 /* MessageTimeout */
	bool version_known;
	enum wire_version version;
	uint32_t last_host;             /* the one that answered last; start with 0 */
};
/* Call the controller: next host on connection failure or standby answers.
 * With version unknown, newer releases are tried first and a refusal steps
 * down; the one that works is remembered, and looked for again when it works
 * no more (another release was installed).  A controller that refuses our
 * credential gives E_PROTOCOL_AUTHENTICATION_ERROR, one whose release we do not
 * speak E_PROTOCOL_VERSION_ERROR; both never with the other's words.  All
 * hosts in standby: E_IN_STANDBY_MODE.  A message that the controller's release
 * takes without an answer leaves *reply empty.  Threads may share *c. */
enum err rpc_ctld_call(struct rpc_ctld *c, uint16_t type, const void *body,
		       struct rpc_reply *reply, struct err_text *why);

/* Resolve "host" or "1.2.3.4" to an address; blocking; E_UNKNOWN_FORWARD_ADDR. */
enum err rpc_resolve(const char *host, uint16_t port, struct wire_addr *out);
/* Connect with a time limit; a non-blocking, close-on-exec file descriptor, or
 * -1 (errno). */
int rpc_connect(const struct wire_addr *addr, int timeout_ms);
/* Whole-frame socket I/O with a deadline. */
enum err rpc_send(int fd, const void *bytes, size_t len, int timeout_ms);
/* *bytes in mem, without the length prefix.  Memory grows with what arrives,
 * not with what the prefix announces; above WIRE_FRAME_MAX_UNAUTH it is
 * refused.  An HTTP text in place of a frame (what stock 26.05 sends to a
 * release that it does not speak) is E_PROTOCOL_VERSION_ERROR. */
enum err rpc_recv(int fd, struct arena *mem, uint8_t **bytes, size_t *len, int timeout_ms);

#endif
