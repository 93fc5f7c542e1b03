/* SPDX-License-Identifier: Apache-2.0
 *
 * A set of 64 bit digests with an end each.  Open addressing; ended entries
 * are swept when the table would grow.  Bounded: when a million credentials
 * are valid at once, the newest are not remembered (stock remembers none). */
#include "auth/seen.h"
#include "auth/auth.h"

#include <stdlib.h>
#include <sys/random.h>

#define SEEN_MIN 1024
#define SEEN_MAX ((size_t)1 << 20)

void seen_init(struct seen *s)
{
	*s = (struct seen){0};
	(void)pthread_mutex_init(&s->lock, NULL);
	/* without random bytes the set works all the same, only guessably */
	(void)!getrandom(s->secret, sizeof s->secret, 0);
}

void seen_fini(struct seen *s)
{
	(void)pthread_mutex_destroy(&s->lock);
	free(s->entry);
	s->entry = NULL;
}

/* Its place, or the empty one where it would be; the table is never full. */
static struct seen_entry *place_of(struct seen_entry *table, size_t cap, uint64_t key)
{
	size_t k = (size_t)key & (cap - 1);

	while (table[k].until && table[k].key != key)
		k = (k + 1) & (cap - 1);
	return &table[k];
}

/* Drop what has ended, and double when that was not enough. */
static void sweep(struct seen *s, time_t now)
{
	size_t live = 0, cap = SEEN_MIN;
	struct seen_entry *table;

	for (size_t k = 0; k < s->cap; k++)
		live += s->entry[k].until >= now && s->entry[k].until;
	while (cap < 4 * live && cap < SEEN_MAX)
		cap *= 2;
	table = mem_zalloc(cap * sizeof *table);
	for (size_t k = 0; k < s->cap; k++)
		if (s->entry[k].until && s->entry[k].until >= now)
			*place_of(table, cap, s->entry[k].key) = s->entry[k];
	free(s->entry);
	s->entry = table;
	s->cap = cap;
	s->used = live;
	s->swept = now;
}

bool seen_before(struct seen *s, const char *cred, time_t now, time_t until)
{
	uint8_t digest[32];
	uint64_t key = 0;
	struct seen_entry *e;
	bool before;

	auth_k12(cred, strlen(cred), s->secret, sizeof s->secret, digest);
	memcpy(&key, digest, sizeof key);
	(void)pthread_mutex_lock(&s->lock);
	/* at its largest and full of live ones: look again next second */
	if (2 * (s->used + 1) > s->cap && (s->cap < SEEN_MAX || now != s->swept))
		sweep(s, now);
	e = place_of(s->entry, s->cap, key);
	before = e->until != 0;
	if (!before && 2 * (s->used + 1) <= s->cap) {
		*e = (struct seen_entry){ key, until > 0 ? until : 1 };
		s->used++;
	}
	(void)pthread_mutex_unlock(&s->lock);
	return before;
}
