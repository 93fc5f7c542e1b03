/* SPDX-License-Identifier: Apache-2.0
 *
 * Crontabs: when entries are due, and the life of their jobs. */
#include "slurmctld/core/test/world.h"

#define DAY 86400
#define HOUR 3600
/* Monday 2 March 2026, 00:00 */
#define MONDAY INT64_C(1772409600)

static void texts(void)
{
	static const char *const good[] = {
		"* * * * *", "0 * * * *", "0,30 8-17 * * 1-5", "5 3 1,15,31 1-3,12 *",
		"0-59 0-23 1-31 1-12 0-6", "0 0 29 2 *",
	};
	static const char *const bad[] = {
		"", "*", "* * * *", "* * * * * ", "60 * * * *", "* 24 * * *", "* * 0 * *",
		"* * 32 * *", "* * * 13 *", "* * * * 7", "5-3 * * * *", "1, * * * *",
		"0 0 31 2,4,6,9,11 *", "0 0 30 2 *", "0 0 30,31 2 *", "*/2 * * * *",
	};
	char text[CRON_TEXT_MAX];
	struct cron e;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		bool there = cron_from_text(good[i], &e);

		if (there)
			cron_to_text(&e, text);
		ok(there && streq(text, good[i]), "text and back: %s", good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!cron_from_text(bad[i], &e), "no entry: '%s'", bad[i]);
	memset(&e, 0, sizeof(e));
	for (int f = 0; f < CRON_FIELDS; f++)
		for (uint32_t i = f == CRON_MDAY || f == CRON_MONTH; i < 60; i += 2)
			e.bits[f] |= UINT64_C(1) << i;
	cron_to_text(&e, text);
	ok(strlen(text) < CRON_TEXT_MAX / 2, "the longest text has room");
}

static int64_t due(const char *text, int64_t from)
{
	struct cron e;

	return cron_from_text(text, &e) ? cron_next_local(&e, from) - MONDAY : -1;
}

static void calendar(void)
{
	static const struct {
		const char *text;
		int64_t from, want;     /* seconds after that Monday */
	} t[] = {
		{ "* * * * *", 0, 0 },
		{ "* * * * *", 1, 60 },
		{ "* * * * *", 59 * 60 + 59, HOUR },
		{ "0 * * * *", 1, HOUR },
		{ "30 * * * *", 23 * HOUR + 31 * 60, DAY + 30 * 60 },
		{ "0-59 * * * *", 61, 120 },
		{ "0,20,40 * * * *", 41 * 60, HOUR },
		{ "5 3 * * *", 0, 3 * HOUR + 300 },
		{ "5 3 * * *", 3 * HOUR + 301, DAY + 3 * HOUR + 300 },
		{ "59 23 * * *", 0, DAY - 60 },
		{ "0 8-10 * * *", 9 * HOUR + 1, 10 * HOUR },
		{ "0 8-10 * * *", 10 * HOUR + 1, DAY + 8 * HOUR },
		{ "0 0 * * 1", 0, 0 },
		{ "0 0 * * 0", 0, 6 * DAY },
		{ "0 0 * * 6,0", 1, 5 * DAY },
		{ "0 9 * * 1-5", 4 * DAY + 10 * HOUR, 7 * DAY + 9 * HOUR },
		{ "0 0 15 * *", 0, 13 * DAY },
		{ "0 0 1 * *", 0, 30 * DAY },
		{ "0 0 31 * *", 0, 29 * DAY },
		{ "0 0 31 * *", 30 * DAY, 90 * DAY },           /* April has none */
		{ "0 0 1 1 *", 0, 305 * DAY },
		{ "0 0 * 2 *", 0, 336 * DAY },
		{ "0 0 29 2 *", 0, 729 * DAY },             /* 2028 */
		{ "0 0 15 * 3", 0, 2 * DAY },                   /* either */
		{ "0 0 3 * 5", 0, DAY },
		{ "0 0 15 5 3", 0, 65 * DAY },                  /* Wednesday 6 May */
		{ "0 12 2 3 *", 12 * HOUR, 12 * HOUR },
		{ "0 12 2 3 *", 12 * HOUR + 1, 365 * DAY + 12 * HOUR },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		int64_t got = due(t[i].text, MONDAY + t[i].from);

		ok(got == t[i].want, "%s after %lld: %lld is %lld", t[i].text,
		   (long long)t[i].from, (long long)got, (long long)t[i].want);
	}
}

static void zones(void)
{
	/* 02:00 to 03:00 forward a day later, and 03:00 to 02:00 back */
	const struct cron_zone spring = { HOUR, MONDAY + DAY + HOUR, 2 * HOUR };
	const struct cron_zone autumn = { 2 * HOUR, MONDAY + DAY + HOUR, HOUR };
	const struct cron_zone fixed = { -5 * HOUR, 0, 0 };
	const int64_t change = spring.change_at;
	struct cron at_230, at_noon, hourly;

	cron_from_text("30 2 * * *", &at_230);
	cron_from_text("0 12 * * *", &at_noon);
	cron_from_text("0 * * * *", &hourly);
	ok(cron_next(&at_noon, &fixed, MONDAY) == MONDAY + 17 * HOUR, "west of Greenwich");
	ok(cron_next(&at_230, &spring, MONDAY) == MONDAY + HOUR + 1800, "before the change");
	ok(cron_next(&at_noon, &spring, MONDAY + 12 * HOUR) == MONDAY + DAY + 10 * HOUR,
	   "across the change its own clock counts");
	ok(cron_next(&at_230, &spring, MONDAY + 2 * HOUR) == change + 1800,
	   "a time that is left out comes later");
	ok(cron_next(&hourly, &spring, change - 60) == change, "hours go on");
	ok(cron_next(&at_noon, &spring, change + HOUR) == MONDAY + DAY + 10 * HOUR,
	   "when the change has come");
	ok(cron_next(&at_noon, &autumn, MONDAY + 12 * HOUR) == MONDAY + DAY + 11 * HOUR,
	   "back again");
	ok(cron_next(&at_230, &autumn, MONDAY + 12 * HOUR) == change - 1800,
	   "a time that comes twice is the first");
}

/* ---- jobs -------------------------------------------------------------- */

static struct bitset *bits(uint32_t size, uint32_t first)
{
	struct bitset *b = bitset_new(size);

	bitset_set(b, first);
	return b;
}

/* Minute 0 or 30 of every hour. */
static void entry_fill(struct cron_entry *e, uint32_t line)
{
	e->set = 1;
	e->flags = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5;
	e->minute = bits(61, 0);
	bitset_set(e->minute, 30);
	e->hour = bits(25, 24);
	e->day_of_month = bits(32, 0);
	e->month = bits(13, 0);
	e->day_of_week = bits(8, 7);
	e->cronspec = "whatever the client says";
	e->line_start = line;
	e->line_end = line + 1;
}

static void entry_free(struct cron_entry *e)
{
	bitset_free(e->minute);
	bitset_free(e->hour);
	bitset_free(e->day_of_month);
	bitset_free(e->month);
	bitset_free(e->day_of_week);
}

static const struct crontab_update_response_msg *update(struct world *w, const char *text,
							uint32_t n)
{
	struct crontab_update_request_msg q = { .crontab = text, .uid = 1000, .gid = 1000 };
	struct job_desc_msg d[4];

	for (uint32_t i = 0; i < n; i++) {
		d[i] = *desc(w, true);
		entry_fill(&d[i].crontab_entry, 2 * i + 1);
	}
	q.jobs.cnt = (uint16_t)n;
	q.jobs.tmp_msg = d;
	rpc_as(w, 1000, REQUEST_UPDATE_CRONTAB, &q);
	for (uint32_t i = 0; i < n; i++)
		entry_free(&d[i].crontab_entry);
	return reply(w, RESPONSE_UPDATE_CRONTAB);
}

static const struct crontab_response_msg *list(struct world *w, uint32_t as, uint32_t uid)
{
	struct crontab_request_msg q = { .uid = uid };

	rpc_as(w, as, REQUEST_CRONTAB, &q);
	return reply(w, RESPONSE_CRONTAB);
}

static void begin(struct world *w, const char *line)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s%s", world_conf, line);
	world_begin(w, text);
}

static void life(void)
{
	struct world w;
	const struct crontab_update_response_msg *r;
	const struct crontab_response_msg *l;
	struct job_step_kill_msg kill = { .signal = 9 };
	struct job *j;
	uint32_t a, b;
	int64_t first;

	begin(&w, "ScronParameters=enable\n");
	register_all(&w);
	ok(!list(&w, 1000, 1000) && reply_rc(&w) == E_JOB_SCRIPT_MISSING, "none at first");
	r = update(&w, "text\n", 2);
	ok(r && !r->return_code && r->jobids_count == 2, "two jobs");
	a = r ? r->jobids[0] : 0;
	b = r ? r->jobids[1] : 0;
	j = job_find(w.c, a);
	ok(j && j->bitflags & CRON_JOB && streq(job_str(j, JS_CRONSPEC), "0,30 * * * *"),
	   "the entry is kept in our words");
	first = j->begin_time;
	ok(first > w.now && first % 1800 == 0 && first <= w.now + 1800, "the next half hour");
	l = list(&w, 1000, 1000);
	ok(l && streq(l->crontab, "text\n") && !l->disabled_lines, "the text is shown");
	ok(!list(&w, 2000, 1000) && reply_rc(&w) == E_USER_ID_MISSING, "not to everybody");
	sched(&w);
	ok(job_is_pending(j), "it waits");
	world_restart(&w);
	register_all(&w);
	ok(list(&w, 0, 1000) != NULL, "the crontab outlives a restart");
	j = job_find(w.c, a);
	ok(j && j->begin_time == first && j->cron_line_start == 1 && j->cron_line_end == 2,
	   "so does the job");
	tick(&w, (int)(first - w.now));
	sched(&w);
	ok(job_is_running(job_find(w.c, a)), "started when due");
	batch_complete(&w, a, 3 << 8);
	ok(state_of(&w, a) == (JOB_FAILED | JOB_COMPLETING), "ends as it ends");
	clean(&w, a);
	j = job_find(w.c, a);
	ok(state_of(&w, a) == JOB_PENDING && j->begin_time == first + 1800 && j->restart_cnt == 1 &&
	   !j->alloc && !job_str(j, JS_NODES), "and waits for the next time");
	kill.step_id.job_id = a;
	kill.step_id.step_id = NO_VAL;
	rpc_as(&w, 1000, REQUEST_KILL_JOB, &kill);
	ok(reply_rc(&w) == 0 && state_of(&w, a) == JOB_CANCELLED &&
	   !(job_find(w.c, a)->bitflags & CRON_JOB), "cancelled for good");
	l = list(&w, 1000, 1000);
	ok(l && streq(l->disabled_lines, "1-2"), "its lines are disabled");
	ok(job_is_running(job_find(w.c, b)), "the other runs");
	r = update(&w, "new\n", 1);
	ok(r && !r->return_code && job_is_running(job_find(w.c, b)) &&
	   !(job_find(w.c, b)->bitflags & CRON_JOB), "it may end when the crontab is replaced");
	batch_complete(&w, b, 0);
	clean(&w, b);
	ok(state_of(&w, b) == JOB_COMPLETE, "and does not come back");
	world_end(&w);
}

static void refusals(void)
{
	struct world w;
	const struct crontab_update_response_msg *r;
	struct crontab_update_request_msg q = { .crontab = "x\n", .uid = 1000, .gid = 1000 };
	struct job_desc_msg d[2];
	struct job_step_kill_msg kill = { .signal = 9 };
	uint32_t id;

	begin(&w, "ScronParameters=enable,explicit_scancel\n");
	register_all(&w);
	d[0] = *desc(&w, true);
	d[1] = *desc(&w, true);
	entry_fill(&d[0].crontab_entry, 1);
	entry_fill(&d[1].crontab_entry, 3);
	d[1].partition = "nosuch";
	q.jobs.cnt = 2;
	q.jobs.tmp_msg = d;
	rpc_as(&w, 1000, REQUEST_UPDATE_CRONTAB, &q);
	r = reply(&w, RESPONSE_UPDATE_CRONTAB);
	ok(r && r->return_code == E_INVALID_PARTITION_NAME && streq(r->failed_lines, "3-4") &&
	   !r->jobids_count, "one bad entry fails all, and is named");
	ok(!w.c->job_count && !w.c->crontabs, "nothing is left of it");
	rpc_as(&w, 2000, REQUEST_UPDATE_CRONTAB, &q);
	r = reply(&w, RESPONSE_UPDATE_CRONTAB);
	ok(r && r->return_code == E_USER_ID_MISSING, "a stranger's crontab");
	bitset_clear(d[0].crontab_entry.minute, 0);
	bitset_clear(d[0].crontab_entry.minute, 30);
	rpc_as(&w, 1000, REQUEST_UPDATE_CRONTAB, &q);
	r = reply(&w, RESPONSE_UPDATE_CRONTAB);
	ok(r && r->return_code == (uint32_t)E_FAIL && !r->failed_lines, "an empty field");
	entry_free(&d[0].crontab_entry);
	entry_free(&d[1].crontab_entry);
	r = update(&w, "x\n", 1);
	id = r ? r->jobids[0] : 0;
	kill.step_id.job_id = id;
	kill.step_id.step_id = NO_VAL;
	rpc_as(&w, 1000, REQUEST_KILL_JOB, &kill);
	ok(reply_rc(&w) == E_CANNOT_CANCEL_CRON_JOB && state_of(&w, id) == JOB_PENDING,
	   "scancel without --cron");
	kill.flags = KILL_CRON;
	rpc_as(&w, 1000, REQUEST_KILL_JOB, &kill);
	ok(reply_rc(&w) == 0 && state_of(&w, id) == JOB_CANCELLED, "scancel --cron");
	world_end(&w);
	world_begin(&w, NULL);
	update(&w, "x\n", 1);
	ok(reply_rc(&w) == E_FAIL, "off unless ScronParameters=enable");
	world_end(&w);
}

int main(void)
{
	texts();
	calendar();
	zones();
	life();
	refusals();
	return tap_done();
}
