/* SPDX-License-Identifier: Apache-2.0
 *
 * See dbd_conn.h.  The service answers in the release it is spoken to in, and
 * refuses those newer than itself: newest first, then down. */
#include "slurmctld/dbd_conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/rpc.h"
#include "slurmctld/dbd.h"

#define PERSIST_DBD 1
#define ANSWER_SEC 60           /* the database may be busy */

static void keep_alive(int fd)
{
	int on = 1, idle = 30, probes = 3;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof idle);
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

/* The first message has a header and says who we are. */
static enum err init_build(struct auth *auth, const struct conf *conf, enum wire_version v,
			   struct wire_out *o, struct err_text *why)
{
	struct wire_header h = { .flags = WIRE_FLAG_GLOBAL_AUTH_KEY | WIRE_FLAG_DBD };
	struct slurm_persist_init_req_msg m;

	wire_init(&slurm_persist_init_req_msg_desc, &m);
	m.version = wire_version_number(v);
	m.cluster_name = conf->clustername;
	m.persist_type = PERSIST_DBD;
	return rpc_frame_build(auth, &h, v, AUTH_ANY_UID, REQUEST_PERSIST_INIT, &m, o, why);
}

/* E_PROTOCOL_VERSION_ERROR: this release is not spoken there. */
static enum err init_answer(struct dbd_conn *k, enum wire_version v, const char *host,
			    struct err_text *why)
{
	const struct slurm_persist_rc_msg *m;
	const struct wire_type *t;
	struct arena mem = { 0 };
	uint8_t *bytes;
	size_t len;
	void *body;
	enum err e = rpc_recv(k->fd, &mem, &bytes, &len, k->timeout_ms);

	/* closing without a word is how some refuse */
	if (e == E_PROTOCOL_SOCKET_ZERO_BYTES_SENT || e == E_COMMUNICATIONS_RECEIVE_ERROR)
		e = err_set(why, E_PROTOCOL_VERSION_ERROR, "%s closes the connection", host);
	else if (e)
		err_set(why, e, "%s: %s", host, err_str(e));
	else if (wire_dbd_parse(bytes, len, v, &mem, &t, &body) || t->number != DBD_RC)
		e = err_set(why, E_PROTOCOL_VERSION_ERROR, "%s: no answer of a slurmdbd", host);
	if (e) {
		arena_fini(&mem);
		return e;
	}
	m = body;
	if (m->rc == E_ACCESS_DENIED || m->rc == E_USER_ID_MISSING)
		e = err_set(why, (enum err)m->rc, "%s: %s", host,
			    m->comment ? m->comment : err_str((int)m->rc));
	else if (m->rc)         /* an unknown release is just not unpacked */
		e = err_set(why, E_PROTOCOL_VERSION_ERROR, "%s: %s", host,
			    m->comment ? m->comment : err_str((int)m->rc));
	else if (!wire_version_find(m->ret_info, &k->version) || k->version > v)
		k->version = v;
	arena_fini(&mem);
	return e;
}

static enum err try_version(struct dbd_conn *k, struct auth *auth, const struct conf *conf,
			    const struct wire_addr *addr, enum wire_version v, const char *host,
			    struct err_text *why)
{
	struct wire_out o = { 0 };
	enum err e = init_build(auth, conf, v, &o, why);

	if (e) {
		wire_out_fini(&o);
		return e;
	}
	k->fd = rpc_connect(addr, k->timeout_ms);
	if (k->fd < 0) {
		e = err_set(why, E_COMMUNICATIONS_CONNECTION_ERROR, "%s", strerror(errno));
	} else {
		keep_alive(k->fd);
		e = rpc_send(k->fd, o.base, o.len, k->timeout_ms);
		if (e)
			err_set(why, e, "%s: %s", host, err_str(e));
	}
	wire_out_fini(&o);
	if (!e)
		e = init_answer(k, v, host, why);
	if (e)
		dbd_conn_close(k);
	return e;
}

enum err dbd_conn_open(struct dbd_conn *k, struct auth *auth, const struct conf *conf,
		       const char *host, enum wire_version *known, struct err_text *why)
{
	enum wire_version v = *known;
	struct wire_addr addr;
	enum err e;

	k->fd = -1;
	k->timeout_ms = (conf->messagetimeout ? conf->messagetimeout : 10) * 1000;
	if (rpc_resolve(host, conf->accountingstorageport, &addr))
		return err_set(why, E_COMMUNICATIONS_CONNECTION_ERROR, "no address for '%s'", host);
	do
		e = try_version(k, auth, conf, &addr, v, host, why);
	while (e == E_PROTOCOL_VERSION_ERROR && dbd_next_version(&v));
	*known = e ? WIRE_VERSION_NEWEST : k->version;
	if (e == E_PROTOCOL_VERSION_ERROR)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR, "it refuses us whatever "
			       "release we speak: our credential is not good there (compare munge "
			       "keys and clocks; its log tells which)");
	return e;
}

enum err dbd_conn_ask(struct dbd_conn *k, uint16_t type, const void *body, struct arena *mem,
		      const struct wire_type **reply_type, void **reply, struct err_text *why)
{
	struct wire_out o = { 0 };
	uint8_t *bytes;
	size_t len;
	enum err e = E_OK;

	if (!wire_dbd_build(&o, type, body, k->version, true))
		e = err_set(why, E_COMMUNICATIONS_SEND_ERROR, "message %u cannot be packed", type);
	if (!e) {
		e = rpc_send(k->fd, o.base, o.len, k->timeout_ms);
		if (e)
			err_set(why, e, "sending: %s", err_str(e));
	}
	wire_out_fini(&o);
	if (!e) {
		e = rpc_recv(k->fd, mem, &bytes, &len, ANSWER_SEC * 1000);
		if (e)
			err_set(why, e, "receiving: %s", err_str(e));
	}
	if (!e) {
		e = wire_dbd_parse(bytes, len, k->version, mem, reply_type, reply);
		if (e)
			err_set(why, e, "the answer to message %u cannot be decoded", type);
	}
	return e;
}

void dbd_conn_close(struct dbd_conn *k)
{
	if (k->fd >= 0)
		close(k->fd);
	k->fd = -1;
}
