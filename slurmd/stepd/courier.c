/* SPDX-License-Identifier: Apache-2.0
 *
 * A queue and the threads that empty it.  A message is tried once: node
 * daemons are asked again by whoever asked first, commands notice themselves.
 * May not: touch anything but its own messages. */
#include "slurmd/stepd/courier.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/base/log.h"

#define THREADS_MAX 8

struct parcel {
	struct parcel *next;
	struct arena mem;               /* owns body and host */
	const char *host;
	struct wire_addr addr;
	enum wire_version version;
	uid_t only_uid;
	uint16_t type;
	const void *body;
};

struct courier {
	struct auth *auth;
	int timeout_ms;
	pthread_mutex_t lock;           /* protects everything below */
	pthread_cond_t wake, quiet;
	struct parcel *first, **last;
	unsigned waiting, busy;
	bool stop;
	pthread_t threads[THREADS_MAX];
	unsigned thread_count;
};

struct courier *courier_new(struct auth *auth, int timeout_ms)
{
	struct courier *c = mem_zalloc(sizeof *c);

	c->auth = auth;
	c->timeout_ms = timeout_ms;
	c->last = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	pthread_cond_init(&c->quiet, NULL);
	return c;
}

static void parcel_free(struct parcel *p)
{
	arena_fini(&p->mem);
	free(p);
}

static void deliver(struct courier *c, struct parcel *p)
{
	struct rpc_reply reply = { 0 };
	struct err_text why = { "" };
	bool answered = wire_message_answered(p->type, p->version);
	enum err e = E_OK;

	if (p->host)
		e = rpc_resolve(p->host, p->addr.port, &p->addr);
	if (!e)
		e = rpc_call(c->auth, &p->addr, p->version, p->only_uid, p->type, p->body,
			     c->timeout_ms, answered ? &reply : NULL, &why);
	if (!e && answered) {
		e = rpc_reply_code(&reply);
		rpc_reply_fini(&reply);
	}
	if (e)
		log_verbose("%s to %s: %s", wire_type_name(p->type),
			    p->host ? p->host : "a client",
			    why.text[0] ? why.text : err_str((int)e));
}

static void *courier_main(void *arg)
{
	struct courier *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->stop || c->first) {
		struct parcel *p = c->first;

		if (!p) {
			pthread_cond_wait(&c->wake, &c->lock);
			continue;
		}
		c->first = p->next;
		if (!c->first)
			c->last = &c->first;
		c->waiting--;
		c->busy++;
		pthread_mutex_unlock(&c->lock);
		deliver(c, p);
		parcel_free(p);
		pthread_mutex_lock(&c->lock);
		if (!--c->busy && !c->first)
			pthread_cond_broadcast(&c->quiet);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

void courier_send(struct courier *c, const char *host, uint16_t port,
		  const struct wire_addr *addr, enum wire_version v, uid_t only_uid,
		  uint16_t type, const void *body)
{
	const struct wire_type *t = wire_type_find(type, v);
	struct parcel *p;

	if (!t) {
		log_verbose("%s is unknown to a peer of release %s", wire_type_name(type),
			    wire_version_name(v));
		return;
	}
	p = mem_zalloc(sizeof *p);
	if (addr)
		p->addr = *addr;
	else
		p->addr.port = port;
	p->host = host ? arena_strdup(&p->mem, host) : NULL;
	p->version = v;
	p->only_uid = only_uid;
	p->type = type;
	if (t->body && body) {
		void *copy = arena_alloc(&p->mem, t->body->size);

		wire_copy(t->body, copy, body, &p->mem);
		p->body = copy;
	}
	pthread_mutex_lock(&c->lock);
	*c->last = p;
	c->last = &p->next;
	c->waiting++;
	if (c->waiting + c->busy > c->thread_count && c->thread_count < THREADS_MAX &&
	    pthread_create(&c->threads[c->thread_count], NULL, courier_main, c) == 0)
		c->thread_count++;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
}

void courier_free(struct courier *c, int wait_ms)
{
	struct timespec until;
	bool late = false;

	if (!c)
		return;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_ms / 1000;
	pthread_mutex_lock(&c->lock);
	while ((c->first || c->busy) && c->thread_count && !late)
		late = pthread_cond_timedwait(&c->quiet, &c->lock, &until) != 0;
	while (c->first) {
		struct parcel *p = c->first;

		c->first = p->next;
		parcel_free(p);
	}
	c->last = &c->first;
	c->stop = true;
	pthread_cond_broadcast(&c->wake);
	pthread_mutex_unlock(&c->lock);
	for (unsigned i = 0; i < c->thread_count; i++)
		pthread_join(c->threads[i], NULL);
	free(c);
}
