/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal's database: what is written comes back, equal scripts are kept
 * once, a damaged or foreign file is refused in words. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slurmctld/journal_store.h"
#include "wire/base/tap.h"

static char dir[] = "/tmp/sluice-store-XXXXXX";
static const char *const env_a[] = { "PATH=/bin", "HOME=/root" };
static const char *const env_b[] = { "PATH=/bin", "" };

static enum err put_script(struct store *st, uint32_t id, const char *script,
			   const char *const *env, struct err_text *why)
{
	struct effect e = { .kind = EFF_SCRIPT_PUT, .script_id = id, .script = script,
			    .env = env, .env_count = 2 };

	return store_effect(st, &e, why);
}

static enum err put_row(struct store *st, enum journal_table t, uint64_t key, const char *text,
			struct err_text *why)
{
	struct effect e = { .kind = EFF_PUT, .table = t, .key = key,
			    .image = (const uint8_t *)text, .image_len = strlen(text) };

	return store_effect(st, &e, why);
}

/* One number from the database, opened a second time. */
static int number(const char *sql)
{
	char path[256];
	sqlite3 *db;
	sqlite3_stmt *s;
	int n = -1;

	snprintf(path, sizeof path, "%s/sluice.db", dir);
	sqlite3_open(path, &db);
	if (!sqlite3_prepare_v2(db, sql, -1, &s, NULL) && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

static void writing(void)
{
	struct err_text why = { "" };
	struct job_script *s;
	struct effect del = { .kind = EFF_SCRIPT_DEL, .script_id = 1 };
	struct store *st, *second;

	ok(!store_open(dir, false, &st, &why), "a new database %s", why.text);
	ok(store_open(dir, false, &second, &why) && strstr(why.text, "another slurmctld"),
	   "a second slurmctld is refused: %s", why.text);
	ok(!store_begin(st, &why), "begin");
	for (uint32_t i = 1; i <= 3; i++)
		ok(!put_script(st, i, "#!/bin/sh\ntrue\n", env_a, &why), "script %u", i);
	ok(!put_script(st, 4, "#!/bin/sh\nfalse\n", env_b, &why), "another one");
	ok(!put_row(st, TAB_JOB, UINT64_MAX, "image", &why), "a row with the highest key");
	ok(!store_commit(st, &why), "commit");
	ok(!store_begin(st, &why) && !put_script(st, 9, "lost", env_a, &why), "half a batch");
	store_rollback(st);
	ok(!store_script(st, 9), "is gone after a rollback");
	ok(!store_begin(st, &why) && !store_effect(st, &del, &why) && !store_commit(st, &why),
	   "delete");
	ok(!store_script(st, 1), "a deleted script is gone");
	s = store_script(st, 2);
	ok(s && streq(s->script, "#!/bin/sh\ntrue\n"), "one with the same text is not");
	ok(s && s->env_count == 2 && streq(s->env[1], "HOME=/root"), "with its environment");
	job_script_unref(s);
	s = store_script(st, 4);
	ok(s && s->env_count == 2 && streq(s->env[1], ""), "an empty variable stays one");
	job_script_unref(s);
	ok(store_wal_bytes(st) > 0, "there is a log");
	store_tidy(st);
	ok(store_wal_bytes(st) == 0, "and it can be emptied");
	store_close(st);
	ok(number("SELECT count(*) FROM blob") == 4, "two scripts and two environments are kept");
	ok(number("SELECT count(*) FROM job WHERE id = -1") == 1, "keys keep all their bits");
}

static void again(void)
{
	struct err_text why = { "" };
	struct store *st;

	ok(!store_open(dir, false, &st, &why), "open again");
	ok(!store_begin(st, &why) && !put_row(st, TAB_META, 1, "next id", &why) &&
	   !store_commit(st, &why), "a meta row");
	store_close(st);
	ok(!store_open(dir, true, &st, &why), "start afresh");
	ok(!store_script(st, 2), "forgets scripts");
	store_close(st);
	ok(number("SELECT count(*) FROM job") == 0, "forgets jobs");
	ok(number("SELECT count(*) FROM meta") == 1, "but not which job ids were given out");
}

static void refusals(void)
{
	struct err_text why = { "" };
	struct store *st;
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/sluice.db", dir);
	fd = open(path, O_WRONLY | O_TRUNC);
	ok(write(fd, "certainly no database, but long enough to be looked at as one........"
		 "....................................................................", 137) == 137,
	   "a damaged file");
	close(fd);
	ok(store_open(dir, false, &st, &why) && strstr(why.text, "damaged"), "is refused: %s",
	   why.text);
	unlink(path);
	ok(store_open("/nonexistent/dir", false, &st, &why) && strstr(why.text, "/nonexistent"),
	   "so is a missing directory: %s", why.text);
}

int main(void)
{
	char cmd[300];

	if (!mkdtemp(dir))
		return 1;
	writing();
	again();
	refusals();
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return tap_done();
}
