/* SPDX-License-Identifier: Apache-2.0
 *
 * When is an entry of a crontab due?  Calendar only: the clock and the zone
 * are the caller's. */
#include "slurmctld/core/cron.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_SEC 86400
#define DAYS_MAX (9 * 366)      /* 29 February, across a year without one */

struct field {
	uint32_t wire_bits, first, last, wild_flag;
};

/* Clients send one bit more than they mean for those that count from 0. */
static const struct field fields[CRON_FIELDS] = {
	[CRON_MINUTE] = { 61, 0, 59, 1 << 1 },
	[CRON_HOUR] = { 25, 0, 23, 1 << 2 },
	[CRON_MDAY] = { 32, 1, 31, 1 << 3 },
	[CRON_MONTH] = { 13, 1, 12, 1 << 4 },
	[CRON_WDAY] = { 8, 0, 6, 1 << 5 },
};

static bool has(const struct cron *e, enum cron_field f, uint32_t v)
{
	return e->wild[f] || e->bits[f] >> v & 1;
}

static uint32_t first_of(uint64_t bits)
{
	uint32_t i = 0;

	while (i < 64 && !(bits >> i & 1))
		i++;
	return i;
}

/* Days that no month among the given has would make it wait for ever. */
static bool valid(const struct cron *e)
{
	const uint64_t february = 1 << 2, short_months = february | 1 << 4 | 1 << 6 | 1 << 9 |
		1 << 11;
	uint32_t day = first_of(e->bits[CRON_MDAY]);

	for (int f = 0; f < CRON_FIELDS; f++)
		if (!e->wild[f] && !e->bits[f])
			return false;
	if (e->wild[CRON_MDAY] || e->wild[CRON_MONTH])
		return true;
	if (day == 31)
		return (e->bits[CRON_MONTH] & ~short_months) != 0;
	return day != 30 || e->bits[CRON_MONTH] != february;
}

bool cron_from_wire(const struct cron_entry *e, struct cron *out)
{
	const struct bitset *b[CRON_FIELDS] = {
		e->minute, e->hour, e->day_of_month, e->month, e->day_of_week,
	};
	struct cron r = { { 0 }, { 0 } };

	if (!e->set)
		return false;
	for (int f = 0; f < CRON_FIELDS; f++) {
		if (!b[f] || b[f]->bits != fields[f].wire_bits)
			return false;
		r.wild[f] = e->flags & fields[f].wild_flag;
		for (uint32_t i = fields[f].first; i <= fields[f].last; i++)
			if (bitset_test(b[f], i))
				r.bits[f] |= UINT64_C(1) << i;
	}
	if (!valid(&r))
		return false;
	*out = r;
	return true;
}

/* ---- text -------------------------------------------------------------- */

static int field_text(const struct cron *e, enum cron_field f, char *to, size_t room)
{
	uint32_t last = fields[f].last, end;
	int n = 0;

	if (e->wild[f])
		return snprintf(to, room, "*");
	for (uint32_t i = fields[f].first; i <= last; i = end + 1) {
		end = i;
		if (!(e->bits[f] >> i & 1))
			continue;
		while (end < last && e->bits[f] >> (end + 1) & 1)
			end++;
		n += snprintf(to + n, room - (size_t)n, i == end ? "%s%u" : "%s%u-%u",
			      n ? "," : "", i, end);
	}
	return n;
}

void cron_to_text(const struct cron *e, char text[CRON_TEXT_MAX])
{
	int n = 0;

	for (int f = 0; f < CRON_FIELDS; f++) {
		n += field_text(e, (enum cron_field)f, text + n, CRON_TEXT_MAX - (size_t)n);
		if (f < CRON_FIELDS - 1)
			text[n++] = ' ';
	}
	text[n] = '\0';
}

static const char *field_parse(const char *p, const struct field *k, uint64_t *bits, bool *wild)
{
	*wild = *p == '*';
	if (*wild)
		return p + 1;
	for (;; p++) {
		char *end;
		unsigned long a, b;

		if (*p < '0' || *p > '9')
			return NULL;
		a = b = strtoul(p, &end, 10);
		if (*end == '-')
			b = strtoul(end + 1, &end, 10);
		if (a < k->first || b > k->last || a > b)
			return NULL;
		while (a <= b)
			*bits |= UINT64_C(1) << a++;
		p = end;
		if (*p != ',')
			return p;
	}
}

bool cron_from_text(const char *text, struct cron *out)
{
	struct cron r = { { 0 }, { 0 } };
	const char *p = text;

	for (int f = 0; p && f < CRON_FIELDS; f++) {
		p = field_parse(p, &fields[f], &r.bits[f], &r.wild[f]);
		if (p && *p++ != (f < CRON_FIELDS - 1 ? ' ' : '\0'))
			p = NULL;
	}
	if (!p || !valid(&r))
		return false;
	*out = r;
	return true;
}

/* ---- calendar ---------------------------------------------------------- */

struct day {
	uint32_t year, month, mday, wday;
};

static uint32_t month_days(const struct day *d)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (d->year % 4 == 0 && d->year % 100 != 0) || d->year % 400 == 0;

	return d->month == 2 && leap ? 29 : days[d->month - 1];
}

/* Days since 1 January 1970, a Thursday. */
static struct day day_from_number(int64_t n)
{
	struct day d = { 1970, 1, 1, (uint32_t)((n + 4) % 7) };

	for (;;) {
		bool leap = (d.year % 4 == 0 && d.year % 100 != 0) || d.year % 400 == 0;

		if (n < 365 + leap)
			break;
		n -= 365 + leap;
		d.year++;
	}
	while (n >= month_days(&d)) {
		n -= month_days(&d);
		d.month++;
	}
	d.mday = (uint32_t)n + 1;
	return d;
}

static void day_next(struct day *d)
{
	d->wday = (d->wday + 1) % 7;
	if (++d->mday <= month_days(d))
		return;
	d->mday = 1;
	if (++d->month <= 12)
		return;
	d->month = 1;
	d->year++;
}

static bool day_matches(const struct cron *e, const struct day *d)
{
	if (!has(e, CRON_MONTH, d->month))
		return false;
	if (e->wild[CRON_MDAY])
		return has(e, CRON_WDAY, d->wday);
	if (e->wild[CRON_WDAY])
		return has(e, CRON_MDAY, d->mday);
	return has(e, CRON_MDAY, d->mday) || has(e, CRON_WDAY, d->wday);
}

/* First minute of a day at or after `from`; 1440 none. */
static uint32_t minute_in_day(const struct cron *e, uint32_t from)
{
	for (uint32_t m = from; m < 1440; m++) {
		if (!has(e, CRON_HOUR, m / 60))
			m += 59 - m % 60;
		else if (has(e, CRON_MINUTE, m % 60))
			return m;
	}
	return 1440;
}

int64_t cron_next_local(const struct cron *e, int64_t from)
{
	int64_t minute = from <= 0 ? 0 : (from + 59) / 60, n = minute / 1440;
	uint32_t start = (uint32_t)(minute % 1440);
	struct day d = day_from_number(n);

	for (int i = 0; i < DAYS_MAX; i++, n++, day_next(&d), start = 0) {
		uint32_t m = day_matches(e, &d) ? minute_in_day(e, start) : 1440;

		if (m < 1440)
			return n * DAY_SEC + (int64_t)m * 60;
	}
	return INT64_MAX;
}

int64_t cron_next(const struct cron *e, const struct cron_zone *z, int64_t from)
{
	bool changed = z->change_at && from >= z->change_at;
	int64_t local = cron_next_local(e, from + (changed ? z->after : z->offset)), t;

	if (local == INT64_MAX)
		return local;
	if (changed)
		return local - z->after;
	t = local - z->offset;
	if (!z->change_at || t < z->change_at)
		return t;
	/* Beyond the change: its own clock counts, unless that is before it. */
	return local - z->after >= z->change_at ? local - z->after : t;
}
