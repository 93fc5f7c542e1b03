/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of nodes.  A name is looked up once, in a thread of its own:
 * a name service that hangs delays nobody but those who wait for that name. */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

#include "auth/rpc.h"
#include "slurmctld/agent_i.h"
#include "wire/base/log.h"

#define KEEP_SEC 600
#define KEEP_BAD_SEC 10
#define BUCKETS 256
#define THREADS 2

struct waiter {
	struct wire_addr *addr;
	uint16_t port;
	void (*done)(void *arg, enum err e);
	void *arg;
	struct waiter *next;
};

struct host {
	struct work work;
	struct names *home;
	char *name;
	struct wire_addr addr;
	enum err rc;
	bool pending, valid;
	int64_t until;                  /* monotonic seconds */
	struct waiter *waiters;
	struct host *next;
};

struct names {
	struct ctld *ctld;
	struct pool *pool;
	struct host *bucket[BUCKETS];
};

static bool literal(const char *text, struct wire_addr *a)
{
	memset(a, 0, sizeof *a);
	if (inet_pton(AF_INET, text, a->ip) == 1)
		a->family = 2;
	else if (inet_pton(AF_INET6, text, a->ip) == 1)
		a->family = 10;
	return a->family;
}

static void look_up(struct work *w)
{
	struct host *h = (struct host *)w;

	h->rc = rpc_resolve(h->name, 0, &h->addr);
}

static void looked_up(struct work *w)
{
	struct host *h = (struct host *)w;
	struct waiter *k = h->waiters, *next;

	h->pending = false;
	h->valid = true;
	h->until = clock_mono_usec() / 1000000 + (h->rc ? KEEP_BAD_SEC : KEEP_SEC);
	h->waiters = NULL;
	if (h->rc)
		log_error("Unable to resolve \"%s\"", h->name);
	for (; k; k = next) {
		next = k->next;
		if (!h->rc) {
			*k->addr = h->addr;
			k->addr->port = k->port;
		}
		k->done(k->arg, h->rc);
		free(k);
	}
}

static struct host *host_get(struct names *n, const char *name)
{
	uint32_t hash = 5381;
	struct host *h;

	for (const char *p = name; *p; p++)
		hash = hash * 33 + (uint8_t)*p;
	for (h = n->bucket[hash % BUCKETS]; h; h = h->next)
		if (streq(h->name, name))
			return h;
	h = mem_zalloc(sizeof *h);
	h->home = n;
	h->name = mem_strdup(name);
	h->work.run = look_up;
	h->work.done = looked_up;
	h->next = n->bucket[hash % BUCKETS];
	n->bucket[hash % BUCKETS] = h;
	return h;
}

void names_find(struct names *n, const char *host, uint16_t port, struct wire_addr *addr,
		void (*done)(void *arg, enum err e), void *arg)
{
	struct host *h;
	struct waiter *k;

	if (literal(host, addr)) {
		addr->port = port;
		done(arg, E_OK);
		return;
	}
	h = host_get(n, host);
	if (h->valid && !h->pending && clock_mono_usec() / 1000000 < h->until) {
		*addr = h->addr;
		addr->port = port;
		done(arg, h->rc);
		return;
	}
	k = mem_zalloc(sizeof *k);
	*k = (struct waiter){ addr, port, done, arg, h->waiters };
	h->waiters = k;
	if (h->pending)
		return;
	h->pending = true;
	if (!n->pool)           /* most clusters have addresses only */
		n->pool = pool_new(n->ctld->home, THREADS, "ctld-names");
	pool_submit(n->pool, &h->work);
}

void names_forget(struct names *n)
{
	for (int i = 0; i < BUCKETS; i++)
		for (struct host *h = n->bucket[i]; h; h = h->next)
			h->valid = false;
}

struct names *names_new(struct ctld *c)
{
	struct names *n = mem_zalloc(sizeof *n);

	n->ctld = c;
	return n;
}

void names_free(struct names *n)
{
	struct host *h;

	if (!n)
		return;
	/* Its threads may hang in a look-up: they end with the process. */
	for (int i = 0; i < BUCKETS; i++)
		while ((h = n->bucket[i])) {
			n->bucket[i] = h->next;
			while (h->waiters) {
				struct waiter *k = h->waiters;

				h->waiters = k->next;
				free(k);
			}
			free(h->name);
			free(h);
		}
	free(n);
}
