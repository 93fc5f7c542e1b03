/* SPDX-License-Identifier: Apache-2.0
 *
 * Connections: listening, reading one frame within limits, answering, closing.
 * Main thread only. */
#ifndef SLURMCTLD_CONN_H
#define SLURMCTLD_CONN_H

#include "slurmctld/ctld.h"

struct chunk;

/* A piece of an answer shared with others. */
struct span {
	struct chunk *chunk;    /* one reference */
	uint32_t off, len;
};

/* Bytes for one connection: a head of its own, then shared pieces.  Heap;
 * belongs to whoever sends it. */
struct answer {
	uint8_t *head;
	size_t head_len;
	struct span *span;
	uint32_t spans;
	size_t total;
};
struct answer *answer_new(void);
void answer_free(struct answer *a);

struct conns *conns_new(struct ctld *c);
void conns_free(struct conns *s);
/* Listen on all addresses, ports first..first+count-1.  errno or 0. */
int conns_listen(struct conns *s, uint16_t first, uint16_t count);
void conns_stop_listening(struct conns *s);
unsigned conns_open(const struct conns *s);

/* What follows on the connection is said in another release. */
void conn_speak(struct ctld *c, uint64_t conn, enum wire_version v);
/* The release the peer spoke; false when the connection is gone. */
bool conn_version(struct ctld *c, uint64_t conn, enum wire_version *v);
/* What a worker learnt about the sender, for the answer. */
void conn_identify(struct ctld *c, const struct request *r);
/* Answer and close.  Packs at once; body is not kept. */
void conn_reply(struct ctld *c, uint64_t conn, uint16_t type, const void *body);
void conn_reply_rc(struct ctld *c, uint64_t conn, enum err rc);
void conn_reply_rc_msg(struct ctld *c, uint64_t conn, enum err rc, const char *text);
/* Answer with a body already packed: head and spans of a (taken). */
void conn_reply_packed(struct ctld *c, uint64_t conn, uint16_t type, struct answer *a);
void conn_close(struct ctld *c, uint64_t conn);
/* The peer keeps the connection for more requests, without headers and
 * credentials: what it is was settled by the first. */
void conn_persist(struct ctld *c, uint64_t conn, enum wire_version v);
/* Answer on such a connection, or refuse to have one and close. */
void conn_persist_reply(struct ctld *c, uint64_t conn, uint16_t type, const void *body);
/* Answer r with "done" when partings_send is called: after our last record. */
void conn_reply_at_end(struct ctld *c, const struct request *r);
void partings_send(struct ctld *c);

#endif
