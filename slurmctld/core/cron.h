/* SPDX-License-Identifier: Apache-2.0
 *
 * scrontab: when an entry is due, and the crontabs of users. */
#ifndef SLURMCTLD_CORE_CRON_H
#define SLURMCTLD_CORE_CRON_H

#include <stdbool.h>
#include <stdint.h>

#include "slurmctld/core/event.h"

struct core;
struct job;

enum cron_field { CRON_MINUTE, CRON_HOUR, CRON_MDAY, CRON_MONTH, CRON_WDAY, CRON_FIELDS };

/* The five fields of an entry.  Minutes, hours and weekdays count from 0
 * (Sunday), days and months from 1.  A wild field is "*". */
struct cron {
	uint64_t bits[CRON_FIELDS];
	bool wild[CRON_FIELDS];
};

#define CRON_TEXT_MAX 512

/* From a client's bit strings.  False: of wrong size, a field is empty, or no
 * month has such a day. */
bool cron_from_wire(const struct cron_entry *e, struct cron *out);
/* The fields as text, "0,30 8-17 * * 1-5", and back. */
void cron_to_text(const struct cron *e, char text[CRON_TEXT_MAX]);
bool cron_from_text(const char *text, struct cron *out);

/* The first minute at or after `from` (seconds of local time, as if it were
 * UTC) that the entry means; INT64_MAX when there is none within nine years.
 * A day is meant when it matches the day of the month or that of the week,
 * if both are given. */
int64_t cron_next_local(const struct cron *e, int64_t from);

/* What is known of local time: its offset now, and the next change of it. */
struct cron_zone {
	int32_t offset;
	int64_t change_at;              /* 0: none is known */
	int32_t after;                  /* offset from then on */
};

/* The same in real time.  A minute that a change leaves out comes as much
 * later as the clock was moved; one that occurs twice is the first. */
int64_t cron_next(const struct cron *e, const struct cron_zone *z, int64_t from);

/* ---- crontab.c --------------------------------------------------------- */
struct crontab {
	uint32_t uid;
	char *text;
	char *disabled;                 /* "2-3,7-7", NULL none */
	struct crontab *next;
};

/* When a cron job runs next, not before `from`; 0: it is none. */
int64_t cron_job_next(const struct core *c, const struct job *j, int64_t from);
/* A cron job is cancelled: it is a common job from now on, and its lines of
 * the crontab are marked. */
void cron_job_cancelled(struct core *c, struct job *j, struct effects *out);
/* May it be cancelled by a request that does not say so (--cron)? */
bool cron_job_kept(const struct core *c, const struct job *j, uint16_t flags);
/* The clocks were changed, or will be at another time. */
void cron_follow_clock(struct core *c, const struct cron_zone *zone);
struct crontab *crontab_put(struct core *c, uint32_t uid, const char *text);
void crontab_free_all(struct core *c);

#endif
