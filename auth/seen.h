/* SPDX-License-Identifier: Apache-2.0
 *
 * Credentials this process has accepted.  Daemons that share one munged must
 * not believe its word on replays, for it has seen the credential for all of
 * them; what each has accepted itself, it knows here.  Private to auth/. */
#ifndef AUTH_SEEN_H
#define AUTH_SEEN_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct seen_entry {
	uint64_t key;
	int64_t until;          /* 0: empty */
};

struct seen {
	pthread_mutex_t lock;   /* of everything below; held for a look-up */
	struct seen_entry *entry;
	size_t cap, used;
	time_t swept;
	uint8_t secret[16];     /* nobody can make two credentials collide */
};

void seen_init(struct seen *s);
void seen_fini(struct seen *s);
/* True when this credential was given before; else remember it until then. */
bool seen_before(struct seen *s, const char *cred, time_t now, time_t until);

#endif
