/* SPDX-License-Identifier: Apache-2.0
 *
 * Reverse look-ups in a thread of their own, remembered. */
#include "slurmctld/origin.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "slurmctld/pool.h"
#include "wire/base/mem.h"

#define SLOTS 128               /* power of two */
#define KEEP_SEC 600
#define KEEP_BAD_SEC 60
#define WAIT_MSEC 30

struct origin {
	uint8_t addr[4];
	bool used, asked, found;
	time_t until;
	char name[256];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t answered = PTHREAD_COND_INITIALIZER;
static pthread_cond_t wanted = PTHREAD_COND_INITIALIZER;
static struct origin *table;
static bool running;

static void look_up(const uint8_t addr[4], char *name, size_t size)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	memcpy(&in.sin_addr, addr, 4);
	if (getnameinfo((struct sockaddr *)&in, sizeof in, name, (socklen_t)size, NULL, 0,
			NI_NAMEREQD))
		name[0] = '\0';
}

static void *asker(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	for (;;) {
		struct origin *o = NULL;
		char name[256];
		uint8_t addr[4];

		for (int i = 0; i < SLOTS && !o; i++)
			if (table[i].used && table[i].asked)
				o = &table[i];
		if (!o) {
			pthread_cond_wait(&wanted, &lock);
			continue;
		}
		memcpy(addr, o->addr, 4);
		pthread_mutex_unlock(&lock);
		look_up(addr, name, sizeof name);
		pthread_mutex_lock(&lock);
		if (memcmp(o->addr, addr, 4) == 0) {
			o->asked = false;
			o->found = name[0];
			o->until = time(NULL) + (name[0] ? KEEP_SEC : KEEP_BAD_SEC);
			memcpy(o->name, name, sizeof o->name);
		}
		pthread_cond_broadcast(&answered);
	}
	return NULL;
}

static void ask(struct origin *o)
{
	pthread_t t;

	o->asked = true;
	if (!running && !thread_start(&t, "ctld-origin", asker, NULL)) {
		pthread_detach(t);
		running = true;
	}
	pthread_cond_signal(&wanted);
}

static void wait_for_answer(struct origin *o, const uint8_t addr[4])
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += WAIT_MSEC * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	while (o->asked && memcmp(o->addr, addr, 4) == 0)
		if (pthread_cond_timedwait(&answered, &lock, &t))
			return;
}

void origin_name(const uint8_t addr[4], char *out, size_t size)
{
	struct origin *o;

	if (addr[0] == 127) {
		if (gethostname(out, size))
			snprintf(out, size, "localhost");
		return;
	}
	snprintf(out, size, "%u.%u.%u.%u", addr[0], addr[1], addr[2], addr[3]);
	if (!(addr[0] | addr[1] | addr[2] | addr[3]))
		return;
	pthread_mutex_lock(&lock);
	if (!table)
		table = mem_zalloc(SLOTS * sizeof *table);
	o = &table[(addr[3] ^ addr[2] * 7u) & (SLOTS - 1)];
	if (!o->used || memcmp(o->addr, addr, 4) != 0) {
		memset(o, 0, sizeof *o);
		o->used = true;
		memcpy(o->addr, addr, 4);
		ask(o);
		wait_for_answer(o, addr);
	} else if (!o->asked && time(NULL) >= o->until) {
		ask(o);         /* the old answer will do meanwhile */
	}
	if (memcmp(o->addr, addr, 4) == 0 && o->found)
		snprintf(out, size, "%s", o->name);
	pthread_mutex_unlock(&lock);
}
