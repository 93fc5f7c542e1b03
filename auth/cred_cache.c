/* SPDX-License-Identifier: Apache-2.0
 *
 * What a node remembers of credentials.  Everything here ends by itself: a
 * credential older than the window is refused for its age, so neither it nor
 * a revocation that only hits older ones needs to be kept. */
#include "auth/cred.h"

#include <stdlib.h>

#define BUCKETS 256

enum entry_kind { ENTRY_SEEN, ENTRY_REVOKED, ENTRY_SBCAST };

struct entry {
	struct entry *next;
	enum entry_kind kind;
	time_t drop_after;
	uint32_t job_id, step_id, step_het_comp;
	time_t when;            /* made, or revoked */
	uint8_t digest[32];     /* ENTRY_SBCAST */
};

struct cred_cache {
	struct entry *bucket[BUCKETS];
	int expire_sec;
	time_t purged;
};

struct cred_cache *cred_cache_new(int expire_sec)
{
	struct cred_cache *k = mem_zalloc(sizeof *k);

	k->expire_sec = expire_sec > 0 ? expire_sec : 120;
	return k;
}

void cred_cache_free(struct cred_cache *k)
{
	if (!k)
		return;
	for (int b = 0; b < BUCKETS; b++)
		while (k->bucket[b]) {
			struct entry *e = k->bucket[b];

			k->bucket[b] = e->next;
			free(e);
		}
	free(k);
}

/* No sender's time makes this overflow. */
static time_t later(time_t t, int sec)
{
	time_t sum;

	return __builtin_add_overflow(t, sec, &sum) ? t : sum;
}

/* At most once a second. */
static void purge(struct cred_cache *k, time_t now)
{
	if (now == k->purged)
		return;
	k->purged = now;
	for (int b = 0; b < BUCKETS; b++)
		for (struct entry **p = &k->bucket[b]; *p;) {
			struct entry *e = *p;

			if (now > e->drop_after) {
				*p = e->next;
				free(e);
			} else {
				p = &e->next;
			}
		}
}

static struct entry *entry_add(struct cred_cache *k, enum entry_kind kind, uint32_t job_id,
			       time_t when, time_t drop_after)
{
	struct entry *e = mem_zalloc(sizeof *e), **head = &k->bucket[job_id % BUCKETS];

	*e = (struct entry){ .next = *head, .kind = kind, .drop_after = drop_after,
			     .job_id = job_id, .when = when };
	*head = e;
	return e;
}

static struct entry *revocation_find(const struct cred_cache *k, uint32_t job_id)
{
	struct entry *e = k->bucket[job_id % BUCKETS];

	while (e && (e->kind != ENTRY_REVOKED || e->job_id != job_id))
		e = e->next;
	return e;
}

bool cred_cache_revoked(const struct cred_cache *k, uint32_t job_id, time_t made)
{
	const struct entry *e = revocation_find(k, job_id);

	return e && made <= e->when;
}

/* Steps of one job that were made in one second differ in their numbers. */
static bool seen(const struct cred_cache *k, const struct cred *c)
{
	const struct entry *e = k->bucket[c->step_id.job_id % BUCKETS];

	for (; e; e = e->next)
		if (e->kind == ENTRY_SEEN && e->job_id == c->step_id.job_id &&
		    e->step_id == c->step_id.step_id && e->when == c->ctime &&
		    e->step_het_comp == c->step_id.step_het_comp)
			return true;
	return false;
}

enum err cred_cache_admit(struct cred_cache *k, const struct cred *c, time_t now)
{
	struct entry *e;

	purge(k, now);
	if (now > later(c->ctime, k->expire_sec))
		return E_D_CREDENTIAL_EXPIRED;
	if (cred_cache_revoked(k, c->step_id.job_id, c->ctime))
		return E_D_CREDENTIAL_REVOKED;
	if (seen(k, c))
		return E_D_CREDENTIAL_REPLAYED;
	e = entry_add(k, ENTRY_SEEN, c->step_id.job_id, c->ctime, later(c->ctime, k->expire_sec));
	e->step_id = c->step_id.step_id;
	e->step_het_comp = c->step_id.step_het_comp;
	return E_OK;
}

void cred_cache_revoke(struct cred_cache *k, uint32_t job_id, time_t when, time_t now)
{
	struct entry *e;

	purge(k, now);
	e = revocation_find(k, job_id);
	if (!e)
		entry_add(k, ENTRY_REVOKED, job_id, when, later(when, k->expire_sec));
	else if (when > e->when)
		e->when = when, e->drop_after = later(when, k->expire_sec);
}

static void sbcast_digest(const struct sbcast_cred_signed *c, uint8_t out[32])
{
	const char *s = c->signature ? c->signature : "";

	/* the signature alone would do; with the bytes nobody can pair it with others */
	auth_k12(c->raw.p, c->raw.len, s, strlen(s), out);
}

static struct entry *sbcast_find(const struct cred_cache *k,
				 const struct sbcast_cred_signed *c, const uint8_t digest[32])
{
	struct entry *e = k->bucket[c->cred.step_id.job_id % BUCKETS];

	while (e && (e->kind != ENTRY_SBCAST || !auth_bytes_equal(e->digest, digest, 32)))
		e = e->next;
	return e;
}

void cred_cache_sbcast_add(struct cred_cache *k, const struct sbcast_cred_signed *c,
			   time_t now)
{
	uint8_t digest[32];
	struct entry *e;

	purge(k, now);
	sbcast_digest(c, digest);
	if (now > c->cred.expiration || sbcast_find(k, c, digest))
		return;
	e = entry_add(k, ENTRY_SBCAST, c->cred.step_id.job_id, now, c->cred.expiration);
	memcpy(e->digest, digest, sizeof e->digest);
}

bool cred_cache_sbcast_known(struct cred_cache *k, const struct sbcast_cred_signed *c,
			     time_t now)
{
	uint8_t digest[32];

	purge(k, now);
	sbcast_digest(c, digest);
	return now <= c->cred.expiration && sbcast_find(k, c, digest);
}
