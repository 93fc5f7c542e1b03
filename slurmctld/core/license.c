/* SPDX-License-Identifier: Apache-2.0
 *
 * Licenses: "Licenses=matlab:4,ansys" of the configuration, counted among
 * running jobs. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"

/* One item of a list; *p goes to the next.  False at the end. */
static bool item(const char **p, const char **name, size_t *len, uint64_t *count)
{
	const char *s = *p;
	size_t n;

	if (!s || !*s)
		return false;
	n = strcspn(s, ",|");
	*name = s;
	*len = strcspn(s, ":*=,|");
	*count = *len < n ? strtoull(s + *len + 1, NULL, 10) : 1;
	*p = s[n] ? s + n + 1 : s + n;
	return true;
}

static uint64_t count_of(const char *list, const char *name, size_t len)
{
	const char *s;
	uint64_t total = 0, n;
	size_t k;

	while (item(&list, &s, &k, &n))
		if (k == len && strncmp(s, name, len) == 0)
			total += n;
	return total;
}

bool licenses_valid(const struct core *c, const char *text)
{
	const char *name;
	uint64_t want;
	size_t len;

	while (item(&text, &name, &len, &want))
		if (!len || !want || want > count_of(c->conf->licenses, name, len))
			return false;
	return true;
}

uint64_t licenses_in_use(const struct core *c, const char *name, size_t len)
{
	uint64_t n = 0;

	for (const struct job *j = c->job_first; j; j = j->next)
		if (job_is_running(j) || job_base(j) == JOB_SUSPENDED)
			n += count_of(job_str(j, JS_LICENSES), name, len);
	return n;
}

/* Reserved for others at some time while the job would run. */
static uint64_t kept_for_others(const struct core *c, const struct job *j, const char *name,
				size_t len)
{
	const struct resv *own = c->resv_first ? resv_of_job(c, j) : NULL;
	uint32_t min = j->time_limit_min != NO_VAL ? j->time_limit_min :
		j->part ? j->part->max_time_min : INFINITE;
	int64_t end = c->now + (min > 365 * 1440 ? 365 * 1440 : min) * INT64_C(60);
	uint64_t n = 0;

	for (const struct resv *r = c->resv_first; r; r = r->next)
		if (r != own && resv_start(c, r) < end && resv_end(c, r) > c->now)
			n += count_of(r->licenses, name, len);
	return n;
}

uint64_t licenses_reserved(const struct core *c, const char *name, size_t len)
{
	uint64_t n = 0;

	for (const struct resv *r = c->resv_first; r; r = r->next)
		if (r->flags & RESV_FLEX || resv_is_active(c, r))
			n += count_of(r->licenses, name, len);
	return n;
}

static bool enough(const struct core *c, const struct job *j, const char *name, size_t len,
		   uint64_t want)
{
	return licenses_in_use(c, name, len) + kept_for_others(c, j, name, len) + want <=
		count_of(c->conf->licenses, name, len);
}

bool licenses_free(const struct core *c, const struct job *j)
{
	const char *text = job_str(j, JS_LICENSES), *name;
	uint64_t want;
	size_t len;

	/* "a|b": one of them is enough. */
	if (text && strchr(text, '|')) {
		while (item(&text, &name, &len, &want))
			if (enough(c, j, name, len, want))
				return true;
		return false;
	}
	while (item(&text, &name, &len, &want))
		if (!enough(c, j, name, len, want))
			return false;
	return true;
}
