/* SPDX-License-Identifier: Apache-2.0
 *
 * Calling the controller: which host, and which release it speaks.
 *
 * The protocol has no negotiation.  A controller that does not accept a
 * release says so in one of three ways (docs/wire.md): it closes without a
 * byte (22.05), answers 1007 in its own release (24.11), or answers in HTTP
 * (26.05).  A refused credential looks the same from 22.05 and is 1007 in our
 * release from the others.  So: 1007 in our own release is a refused
 * credential; another release in the header is the one to use; silence means
 * the next older release, and silence down to the oldest is a refused
 * credential after all, for the oldest is the one that every silent controller
 * accepts. */
#include "auth/rpc.h"

#include <stdlib.h>
#include <unistd.h>

/* Waits of 1, 2, 3 s when the controller asks us to slow down. */
#define BACKOFF_MAX 3

static bool version_get(const struct rpc_ctld *c, enum wire_version *v)
{
	if (!__atomic_load_n(&c->version_known, __ATOMIC_ACQUIRE))
		return false;
	*v = __atomic_load_n(&c->version, __ATOMIC_RELAXED);
	return true;
}

static void version_set(struct rpc_ctld *c, enum wire_version v)
{
	__atomic_store_n(&c->version, v, __ATOMIC_RELAXED);
	__atomic_store_n(&c->version_known, true, __ATOMIC_RELEASE);
}

/* The newest release not tried yet in which the message exists. */
static bool version_next(unsigned tried, uint16_t type, enum wire_version *v)
{
	for (int k = WIRE_VERSION_NEWEST; k >= (int)WIRE_VERSION_OLDEST; k--)
		if (!(tried & 1u << k) && wire_type_find(type, (enum wire_version)k)) {
			*v = (enum wire_version)k;
			return true;
		}
	return false;
}

/* What refusals were seen while releases were tried. */
struct refusals {
	bool silence, other;
	uint16_t spoken;        /* the release the controller named last, or 0 */
};

static enum err refused_explain(const struct refusals *r, const char *host,
				struct err_text *why)
{
	if (r->silence && !r->other)
		return err_set(why, E_PROTOCOL_AUTHENTICATION_ERROR,
			       "the controller at %s closes the connection whatever release we "
			       "speak: it refuses our credential (compare keys and clocks; "
			       "its log tells which)", host);
	if (r->silence)
		return err_set(why, E_PROTOCOL_SOCKET_ZERO_BYTES_SENT, "the controller at %s "
			       "speaks our release but closes the connection on this message",
			       host);
	if (r->spoken)
		return err_set(why, E_PROTOCOL_VERSION_ERROR, "the controller at %s speaks "
			       "protocol %u, we speak %u to %u", host, r->spoken >> 8,
			       wire_version_number(WIRE_VERSION_OLDEST) >> 8,
			       wire_version_number(WIRE_VERSION_NEWEST) >> 8);
	return err_set(why, E_PROTOCOL_VERSION_ERROR, "the controller at %s speaks none of the "
		       "releases %s to %s", host, wire_version_name(WIRE_VERSION_OLDEST),
		       wire_version_name(WIRE_VERSION_NEWEST));
}

/* One host, any release. */
static enum err host_call(struct rpc_ctld *c, const char *host, const struct wire_addr *addr,
			  uint16_t type, const void *body, struct rpc_reply *reply,
			  struct err_text *why)
{
	enum wire_version v = WIRE_VERSION_NEWEST;
	struct refusals seen = {0};
	unsigned tried = 0;

	if (!version_get(c, &v) && !version_next(0, type, &v))
		return err_set(why, E_UNEXPECTED_MSG_ERROR, "message type %u is unknown", type);
	for (;;) {
		enum err e = rpc_call(c->auth, addr, v, c->slurm_uid, type, body, c->timeout_ms,
				      reply, why);

		tried |= 1u << v;
		if (e == E_OK) {
			version_set(c, v);
			return E_OK;
		}
		if (e == E_PROTOCOL_SOCKET_ZERO_BYTES_SENT) {
			seen.silence = true;
		} else if (e == E_PROTOCOL_VERSION_ERROR) {
			seen.other = true;
			seen.spoken = reply->frame.version_number;
			if (wire_version_find(seen.spoken, &v) && !(tried & 1u << v))
				continue;
			if (seen.spoken)
				break;
		} else {
			return e;
		}
		if (!version_next(tried, type, &v))
			break;
	}
	return refused_explain(&seen, host, why);
}

/* A message that some releases do not answer: silence says nothing then, so a
 * ping finds out the release first, and again when it is another one now. */
static enum err host_tell(struct rpc_ctld *c, const char *host, const struct wire_addr *addr,
			  uint16_t type, const void *body, struct rpc_reply *reply,
			  struct err_text *why)
{
	enum wire_version v = WIRE_VERSION_OLDEST;
	enum err e = E_OK;

	for (int k = 0; k < 2; k++) {
		struct rpc_reply pong = {0};

		if (k || !version_get(c, &v)) {
			e = host_call(c, host, addr, REQUEST_PING, NULL, &pong, why);
			rpc_reply_fini(&pong);
			if (e)
				return e;
			(void)version_get(c, &v);
		}
		e = rpc_call(c->auth, addr, v, c->slurm_uid, type, body, c->timeout_ms, reply,
			     why);
		if (e == E_PROTOCOL_SOCKET_ZERO_BYTES_SENT && !wire_message_answered(type, v)) {
			*reply = (struct rpc_reply){0};
			return E_OK;
		}
		if (e != E_PROTOCOL_SOCKET_ZERO_BYTES_SENT && e != E_PROTOCOL_VERSION_ERROR)
			return e;
	}
	return e;
}

static bool always_answered(uint16_t type)
{
	return wire_message_answered(type, WIRE_VERSION_OLDEST);
}

static bool in_standby(const struct rpc_reply *r)
{
	enum err code = rpc_reply_code(r);

	return code == E_IN_STANDBY_MODE || code == E_IN_STANDBY_USE_BACKUP;
}

/* One of the hosts.  False: worth trying the next, which *e says why. */
static bool host_try(struct rpc_ctld *c, uint32_t n, uint16_t type, const void *body,
		     struct rpc_reply *reply, enum err *e, struct err_text *why)
{
	uint16_t port = c->port;
	struct wire_addr addr;

	if (c->port_count > 1)                  /* any of the range will do */
		port = (uint16_t)(port + (unsigned)getpid() % c->port_count);
	if (rpc_resolve(c->hosts[n], port, &addr)) {
		*e = err_set(why, E_CTLD_COMMUNICATIONS_CONNECTION_ERROR, "no address for '%s'",
			     c->hosts[n]);
		return false;
	}
	*e = (reply && !always_answered(type) ? host_tell : host_call)
		(c, c->hosts[n], &addr, type, body, reply, why);
	if (*e == E_COMMUNICATIONS_CONNECTION_ERROR) {
		*e = E_CTLD_COMMUNICATIONS_CONNECTION_ERROR;
		return false;
	}
	if (*e == E_OK && reply && in_standby(reply)) {
		rpc_reply_fini(reply);
		*e = err_set(why, E_IN_STANDBY_MODE, "%s is in standby", c->hosts[n]);
		return false;
	}
	return true;
}

/* Every host once, the one that answered last first. */
static enum err hosts_call(struct rpc_ctld *c, uint16_t type, const void *body,
			   struct rpc_reply *reply, struct err_text *why)
{
	uint32_t first = __atomic_load_n(&c->last_host, __ATOMIC_RELAXED);
	enum err result = err_set(why, E_CTLD_COMMUNICATIONS_CONNECTION_ERROR,
				  "no controller is configured");

	for (uint32_t k = 0; k < c->host_count; k++) {
		uint32_t n = (first + k) % c->host_count;
		struct err_text said = {0};
		enum err e;

		if (host_try(c, n, type, body, reply, &e, &said)) {
			if (e)
				return err_set(why, e, "%s", said.text);
			__atomic_store_n(&c->last_host, n, __ATOMIC_RELAXED);
			return E_OK;
		}
		/* a host in standby says more than one that is down */
		if (result != E_IN_STANDBY_MODE)
			result = err_set(why, e, "%s", said.text);
	}
	return result;
}

enum err rpc_ctld_call(struct rpc_ctld *c, uint16_t type, const void *body,
		       struct rpc_reply *reply, struct err_text *why)
{
	struct rpc_reply own = {0};
	enum wire_version v;
	enum err e;

	if (!reply) {
		/* a message without a reply cannot find out the release */
		if (!version_get(c, &v)) {
			e = rpc_ctld_call(c, REQUEST_PING, NULL, &own, why);
			rpc_reply_fini(&own);
			if (e)
				return e;
		}
		return hosts_call(c, type, body, NULL, why);
	}
	for (unsigned wait = 1;; wait++) {
		enum err code;

		*reply = (struct rpc_reply){0};
		e = hosts_call(c, type, body, reply, why);
		if (e)
			return e;
		code = rpc_reply_code(reply);
		if (code == E_PROTOCOL_AUTHENTICATION_ERROR) {
			rpc_reply_fini(reply);
			return err_set(why, code, "the controller refuses our credential (compare "
				       "keys and clocks; its log tells which)");
		}
		if (code != E_CTLD_COMMUNICATIONS_BACKOFF || wait > BACKOFF_MAX)
			return E_OK;
		rpc_reply_fini(reply);
		(void)sleep(wait);
	}
}
