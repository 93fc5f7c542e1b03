/* SPDX-License-Identifier: Apache-2.0
 *
 * Licenses: "Licenses=matlab:4,ansys" of the configuration, counted among
 * running jobs. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

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

bool licenses_free(const struct core *c, const struct job *j)
{
	const char *text = job_str(j, JS_LICENSES), *name;
	uint64_t want;
	size_t len;

	/* "a|b": one of them is enough. */
	if (text && strchr(text, '|')) {
		while (item(&text, &name, &len, &want))
			if (licenses_in_use(c, name, len) + want <= count_of(c->conf->licenses, name, len))
				return true;
		return false;
	}
	while (item(&text, &name, &len, &want))
		if (licenses_in_use(c, name, len) + want > count_of(c->conf->licenses, name, len))
			return false;
	return true;
}
