/* SPDX-License-Identifier: Apache-2.0
 *
 * Text to number.  Nothing here allocates or reports. */
#include "conf/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_infinite(const char *s)
{
	return strcasecmp(s, "UNLIMITED") == 0 || strcasecmp(s, "INFINITE") == 0;
}

const char *value_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v;

	if (is_infinite(text)) {
		*out = max;
		return NULL;
	}
	if (text[0] == '-')
		return "is less than zero";
	if (!isdigit((unsigned char)text[0]))
		return "is not a number";
	errno = 0;
	v = strtoull(text, &end, 0);
	if (errno == ERANGE)
		return "is out of range";
	if (max > UINT16_MAX && (*end == 'k' || *end == 'K')) {
		if (v > UINT64_MAX / 1024)
			return "is out of range";
		v *= 1024;
		end++;
	}
	if (*end)
		return "is not a number";
	if (v > max)
		return "is too large";
	*out = v;
	return NULL;
}

bool value_bool(const char *text, bool *out)
{
	static const char *const yes[] = {"yes", "up", "true", "1"};
	static const char *const no[] = {"no", "down", "false", "0"};

	for (int i = 0; i < 4; i++) {
		if (strcasecmp(text, yes[i]) == 0) {
			*out = true;
			return true;
		}
		if (strcasecmp(text, no[i]) == 0) {
			*out = false;
			return true;
		}
	}
	return false;
}

bool value_count(const char *text, uint64_t *out)
{
	static const char units[] = "KMGTP";
	unsigned long long v, unit = 1;
	const char *u;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return false;
	if (*end) {
		u = strchr(units, toupper((unsigned char)*end));
		if (!u || end[1])
			return false;
		unit = 1ULL << (10 * (u - units + 1));
	}
	if (v > UINT64_MAX / unit || v * unit >= CONF_NO_VAL64)
		return false;
	*out = v * unit;
	return true;
}

/* Up to four numbers and the separator after each. */
struct clock {
	uint64_t n[4];
	char sep[4];
	int count;
};

static bool clock_read(const char *s, struct clock *c)
{
	c->count = 0;
	for (;;) {
		uint64_t v = 0;

		if (c->count == 4)
			return false;
		if (!isdigit((unsigned char)*s))
			return false;
		for (; isdigit((unsigned char)*s); s++) {
			v = v * 10 + (uint64_t)(*s - '0');
			if (v > UINT32_MAX)
				return false;
		}
		c->n[c->count] = v;
		c->sep[c->count++] = *s;
		if (!*s)
			return true;
		if (*s != ':' && *s != '-')
			return false;
		s++;
		/* "7-" is seven days. */
		if (!*s && s[-1] == '-') {
			c->sep[c->count - 1] = '-';
			return true;
		}
	}
}

bool value_seconds(const char *text, uint32_t *out)
{
	struct clock c;
	uint64_t d = 0, h = 0, m = 0, s = 0, total;

	if (is_infinite(text) || strcmp(text, "-1") == 0) {
		*out = CONF_INFINITE;
		return true;
	}
	if (!clock_read(text, &c))
		return false;
	for (int i = 1; i < c.count; i++)
		if (c.sep[i] == '-')
			return false;
	if (c.sep[0] == '-') {
		d = c.n[0];
		h = c.count > 1 ? c.n[1] : 0;
		m = c.count > 2 ? c.n[2] : 0;
		s = c.count > 3 ? c.n[3] : 0;
	} else if (c.count == 3) {
		h = c.n[0];
		m = c.n[1];
		s = c.n[2];
	} else if (c.count < 3) {
		m = c.n[0];
		s = c.count > 1 ? c.n[1] : 0;
	} else {
		return false;
	}
	total = d * 86400 + h * 3600 + m * 60 + s;
	if (total > INT32_MAX)
		return false;
	*out = (uint32_t)total;
	return true;
}

bool value_minutes(const char *text, uint32_t *out)
{
	uint32_t sec;

	if (!value_seconds(text, &sec))
		return false;
	*out = sec == CONF_INFINITE ? sec : (sec + 59) / 60;
	return true;
}

bool value_suspend(const char *text, uint32_t *out)
{
	uint64_t v;

	if (strcasecmp(text, "NONE") == 0 || strcmp(text, "-1") == 0) {
		*out = CONF_INFINITE;
		return true;
	}
	if (value_number(text, CONF_INFINITE, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}
