/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows in sqlite3.  Scripts and environments are kept once however many jobs
 * have the same: a cache of the last hashes finds them, and what no job refers
 * to any more is swept from time to time. */
#include "slurmctld/journal_store.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "wire/base/log.h"
#include "wire/base/strbuf.h"

#define FILE_NAME "sluice.db"
#define APP_ID 0x534c4331       /* "SLC1" */
#define CACHE_KB 512
#define RECENT 256              /* power of two */
#define LAST_MAX 32768
#define SWEEP_AFTER 2000        /* deleted scripts */
#define WAL_BYTES (5 << 20)     /* of zeros to begin with */

enum statement {
	ST_PUT,                                 /* + table */
	ST_DEL = ST_PUT + TAB_COUNT,            /* + table */
	ST_SCRIPT_PUT = ST_DEL + TAB_COUNT, ST_SCRIPT_DEL, ST_SCRIPT_GET, ST_BLOB_PUT, ST_BLOB_GET,
	ST_BEGIN, ST_COMMIT, ST_ROLLBACK, ST_SWEEP, ST_COUNT
};

/* By enum journal_table; a table is made for each the core has. */
static const char *const table_name[] = { "meta", "job", "node", "part", "resv", "trigger",
					   "crontab", "sackd" };
_Static_assert(TAB_COUNT <= sizeof table_name / sizeof table_name[0], "a name per table");

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS script(job_id INTEGER PRIMARY KEY, script INTEGER, env INTEGER);"
	"CREATE TABLE IF NOT EXISTS blob(id INTEGER PRIMARY KEY, data BLOB);";

static const char *const fixed_sql[ST_COUNT] = {
	[ST_SCRIPT_PUT] = "INSERT OR REPLACE INTO script VALUES(?1, ?2, ?3)",
	[ST_SCRIPT_DEL] = "DELETE FROM script WHERE job_id = ?1",
	[ST_SCRIPT_GET] = "SELECT script, env FROM script WHERE job_id = ?1",
	[ST_BLOB_PUT] = "INSERT INTO blob(data) VALUES(?1)",
	[ST_BLOB_GET] = "SELECT data FROM blob WHERE id = ?1",
	[ST_BEGIN] = "BEGIN IMMEDIATE",
	[ST_COMMIT] = "COMMIT",
	[ST_ROLLBACK] = "ROLLBACK",
	[ST_SWEEP] = "DELETE FROM blob WHERE id NOT IN "
		     "(SELECT script FROM script UNION SELECT env FROM script)",
};

struct recent {
	uint8_t hash[32];
	int64_t id;                     /* 0: empty */
};

/* The one before, by its bytes: cheaper to compare than to hash. */
struct last_blob {
	void *bytes;
	size_t len;
	int64_t id;                     /* 0: none */
};

struct store {
	sqlite3 *db;
	char *dir, *path;
	sqlite3_stmt *st[ST_COUNT];
	struct recent recent[RECENT];
	struct last_blob last_script, last_env;
	size_t wal;
	enum wire_version layout;       /* of the rows */
	uint32_t script_dels;
	struct strbuf env;
};

/* ---- words ------------------------------------------------------------- */

static enum err fail(struct store *st, int rc, struct err_text *why)
{
	int primary = rc & 0xff, e = st->db ? sqlite3_system_errno(st->db) : 0;

	switch (primary) {
	case SQLITE_FULL:
		return err_set(why, E_FAIL, "%s: the disk is full", st->path);
	case SQLITE_READONLY:
		return err_set(why, E_FAIL, "%s: StateSaveLocation is read-only or belongs to "
			       "somebody else", st->path);
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		if (access(st->dir, W_OK | X_OK) < 0)
			e = errno;
		return err_set(why, E_FAIL, "%s: %s (StateSaveLocation must belong to SlurmUser, "
			       "our uid is %u)", st->path, e ? strerror(e) : "cannot be opened",
			       (unsigned)geteuid());
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(why, E_FAIL, "%s: in use by another slurmctld", st->path);
	case SQLITE_NOTADB:
	case SQLITE_CORRUPT:
		return err_set(why, E_FAIL, "%s: damaged (%s)", st->path, sqlite3_errmsg(st->db));
	default:
		return err_set(why, E_FAIL, "%s: %s%s%s", st->path,
			       st->db ? sqlite3_errmsg(st->db) : sqlite3_errstr(rc),
			       e ? ": " : "", e ? strerror(e) : "");
	}
}

static enum err run_sql(struct store *st, const char *sql, struct err_text *why)
{
	int rc = sqlite3_exec(st->db, sql, NULL, NULL, NULL);

	return rc ? fail(st, rc, why) : E_OK;
}

/* Run a statement that returns no rows. */
static enum err run_st(struct store *st, enum statement which, struct err_text *why)
{
	int rc = sqlite3_step(st->st[which]);

	sqlite3_reset(st->st[which]);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? E_OK : fail(st, rc, why);
}

/* ---- opening ----------------------------------------------------------- */

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
	struct store *st = arg;

	(void)db;
	(void)name;
	st->wal = (size_t)pages * 4096;
	return SQLITE_OK;
}

static enum err prepare_all(struct store *st, struct err_text *why)
{
	for (int i = 0; i < ST_COUNT; i++) {
		char sql[128];
		const char *text = fixed_sql[i];
		int rc;

		if (i < ST_PUT + TAB_COUNT) {
			snprintf(sql, sizeof sql, "INSERT OR REPLACE INTO %s VALUES(?1, ?2)",
				 table_name[i - ST_PUT]);
			text = sql;
		} else if (i < ST_DEL + TAB_COUNT) {
			snprintf(sql, sizeof sql, "DELETE FROM %s WHERE id = ?1",
				 table_name[i - ST_DEL]);
			text = sql;
		}
		rc = sqlite3_prepare_v3(st->db, text, -1, SQLITE_PREPARE_PERSISTENT, &st->st[i],
					NULL);
		if (rc)
			return fail(st, rc, why);
	}
	return E_OK;
}

static int64_t pragma_number(struct store *st, const char *sql)
{
	sqlite3_stmt *s;
	int64_t v = -1;

	if (sqlite3_prepare_v2(st->db, sql, -1, &s, NULL))
		return -1;
	if (sqlite3_step(s) == SQLITE_ROW)
		v = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return v;
}

static enum err set_layout(struct store *st, enum wire_version layout, struct err_text *why)
{
	char sql[48];

	snprintf(sql, sizeof sql, "PRAGMA user_version=%u", state_layout_number(layout));
	return run_sql(st, sql, why);
}

/* All rows of the file are of one layout, which user_version tells. */
static enum err check_identity(struct store *st, struct err_text *why)
{
	const int64_t oldest = state_layout_number(STATE_LAYOUT_OLDEST),
		      newest = state_layout_number(STATE_LAYOUT_NEWEST);
	int64_t id = pragma_number(st, "PRAGMA application_id");
	int64_t v = pragma_number(st, "PRAGMA user_version");
	char sql[48];

	if (id && id != APP_ID)
		return err_set(why, E_FAIL, "%s: some other program's database", st->path);
	if (id == APP_ID && v > newest)
		return err_set(why, E_FAIL, "%s: written by a newer slurmctld (its rows have "
			       "layout %lld, this one knows up to %lld); it cannot be read here",
			       st->path, (long long)v, (long long)newest);
	if (id == APP_ID && v < oldest)
		return err_set(why, E_FAIL, "%s: written by a slurmctld that is too old (its rows "
			       "have layout %lld, this one knows %lld and newer)",
			       st->path, (long long)v, (long long)oldest);
	st->layout = STATE_LAYOUT_NEWEST;
	if (id == APP_ID) {
		st->layout = (enum wire_version)(STATE_LAYOUT_OLDEST + (v - oldest));
		return E_OK;
	}
	snprintf(sql, sizeof sql, "PRAGMA application_id=%d", APP_ID);
	if (run_sql(st, sql, why))
		return E_FAIL;
	return set_layout(st, st->layout, why);
}

static enum err make_table(struct store *st, int t, struct err_text *why)
{
	char sql[96];

	snprintf(sql, sizeof sql, "CREATE TABLE IF NOT EXISTS %s(id INTEGER PRIMARY KEY, image BLOB)",
		 table_name[t]);
	return run_sql(st, sql, why);
}

static enum err empty_table(struct store *st, int t, struct err_text *why)
{
	char sql[64];

	snprintf(sql, sizeof sql, "DELETE FROM %s", table_name[t]);
	return run_sql(st, sql, why);
}

static enum err prepare_db(struct store *st, bool fresh, struct err_text *why)
{
	char sql[64];
	enum err e;

	/* EXCLUSIVE before WAL: no shared memory file, and no second slurmctld. */
	e = run_sql(st, "PRAGMA locking_mode=EXCLUSIVE", why);
	snprintf(sql, sizeof sql, "PRAGMA cache_size=-%d", CACHE_KB);
	if (!e)
		e = run_sql(st, sql, why);
	if (!e)
		e = run_sql(st, "PRAGMA journal_mode=WAL", why);
	if (!e)
		e = run_sql(st, "PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY", why);
	if (!e)
		e = check_identity(st, why);
	if (!e)
		e = run_sql(st, "BEGIN IMMEDIATE", why);
	if (!e)
		e = run_sql(st, schema, why);
	for (int t = 0; t < TAB_COUNT && !e; t++)
		e = make_table(st, t, why);
	if (!e && fresh)
		e = run_sql(st, "INSERT OR REPLACE INTO meta"   /* ids are not issued again */
			    " SELECT 1, CAST(id AS TEXT) FROM job ORDER BY id DESC LIMIT 1;"
			    "DELETE FROM script; DELETE FROM blob", why);
	for (int t = 0; t < TAB_COUNT && fresh && !e; t++)
		if (t != TAB_META && t != TAB_CRONTAB)  /* what users wrote */
			e = empty_table(st, t, why);
	if (!e)
		e = run_sql(st, "COMMIT", why);
	return e;
}

/* A log that has its size is only written over: a commit then costs the file
 * system no change of the inode.  Zeros are no valid frame, nor a header. */
static void wal_extend(struct store *st)
{
	static const char zeros[65536];
	char *path = mem_printf("%s-wal", st->path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	off_t at = fd < 0 ? WAL_BYTES : lseek(fd, 0, SEEK_END);

	while (at >= 0 && at < WAL_BYTES) {
		ssize_t n = pwrite(fd, zeros, sizeof zeros, at);

		if (n <= 0)     /* it grows as it is used, then */
			break;
		at += n;
	}
	if (fd >= 0)
		close(fd);
	free(path);
}

enum err store_open(const char *dir, bool fresh, struct store **out, struct err_text *why)
{
	struct store *st = mem_zalloc(sizeof *st);
	static bool configured;
	mode_t old = umask(077);        /* scripts and environments are private */
	enum err e;
	int rc;

	if (!configured) {
		sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
		sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 128, 64);
	}
	configured = true;
	st->dir = mem_strdup(dir);
	st->path = mem_printf("%s/%s", dir, FILE_NAME);
	rc = sqlite3_open_v2(st->path, &st->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			     SQLITE_OPEN_NOMUTEX, NULL);
	e = rc ? fail(st, rc, why) : E_OK;
	if (!e) {
		sqlite3_extended_result_codes(st->db, 1);
		e = prepare_db(st, fresh, why);
	}
	if (!e)
		e = prepare_all(st, why);
	umask(old);
	if (e) {
		store_close(st);
		return e;
	}
	wal_extend(st);
	sqlite3_wal_hook(st->db, on_wal, st);   /* replaces automatic checkpoints */
	*out = st;
	return E_OK;
}

void store_close(struct store *st)
{
	if (!st)
		return;
	for (int i = 0; i < ST_COUNT; i++)
		sqlite3_finalize(st->st[i]);
	sqlite3_close(st->db);
	strbuf_fini(&st->env);
	free(st->last_script.bytes);
	free(st->last_env.bytes);
	free(st->dir);
	free(st->path);
	free(st);
}

void store_abandon(struct store *st)
{
	if (!st)
		return;
	sqlite3_db_config(st->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	store_close(st);
}

/* ---- rows of older layouts --------------------------------------------- */

/* Rewrite the row at s, which holds its id and image.  No cursor stays open
 * over a table that is written. */
static enum err renew_row(struct store *st, int t, sqlite3_stmt *s, bool ignore,
			  struct wire_out *buf, struct err_text *why)
{
	int64_t id = sqlite3_column_int64(s, 0);
	sqlite3_stmt *to = st->st[ST_PUT + t];
	enum err e;

	buf->len = 0;
	e = core_row_renew((enum journal_table)t, (uint64_t)id, st->layout,
			   sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), buf, why);
	sqlite3_reset(s);
	if (e && ignore) {
		log_error("%s; left out (-i)", why->text);
		sqlite3_bind_int64(st->st[ST_DEL + t], 1, id);
		return run_st(st, (enum statement)(ST_DEL + t), why);
	}
	if (e)
		return err_set(why, e, "%s: %.300s (slurmctld -i starts without it)", st->path,
			       strdupa(why->text));
	sqlite3_bind_int64(to, 1, id);
	sqlite3_bind_blob64(to, 2, buf->base, buf->len, SQLITE_STATIC);
	return run_st(st, (enum statement)(ST_PUT + t), why);
}

static enum err renew_table(struct store *st, int t, bool ignore, uint32_t *rows,
			    struct err_text *why)
{
	struct wire_out buf = { 0 };
	int64_t from = INT64_MIN;
	enum err e = E_OK;
	sqlite3_stmt *s;
	char sql[96];
	int rc;

	snprintf(sql, sizeof sql, "SELECT id, image FROM %s WHERE id >= ?1 ORDER BY id LIMIT 1",
		 table_name[t]);
	rc = sqlite3_prepare_v2(st->db, sql, -1, &s, NULL);
	while (!rc && !e) {
		sqlite3_bind_int64(s, 1, from);
		rc = sqlite3_step(s);
		if (rc != SQLITE_ROW)
			break;
		from = sqlite3_column_int64(s, 0);
		e = renew_row(st, t, s, ignore, &buf, why);
		++*rows;
		rc = SQLITE_OK;
		if (from++ == INT64_MAX)
			break;
	}
	sqlite3_finalize(s);
	wire_out_fini(&buf);
	return e || rc == SQLITE_OK || rc == SQLITE_DONE ? e : fail(st, rc, why);
}

/* All or nothing: whoever reads the file meets one layout. */
static enum err renew(struct store *st, bool ignore, struct err_text *why)
{
	enum err e = store_begin(st, why);
	uint32_t rows = 0;

	for (int t = 0; t < TAB_COUNT && !e; t++)
		e = renew_table(st, t, ignore, &rows, why);
	if (!e)
		e = set_layout(st, STATE_LAYOUT_NEWEST, why);
	if (!e)
		e = store_commit(st, why);
	if (e) {
		store_rollback(st);
		return e;
	}
	log_info("%s: %u rows rewritten from layout %u to %u", st->path, rows,
		 state_layout_number(st->layout), state_layout_number(STATE_LAYOUT_NEWEST));
	st->layout = STATE_LAYOUT_NEWEST;
	store_tidy(st);
	return E_OK;
}

/* ---- loading ----------------------------------------------------------- */

enum err store_load(struct store *st, struct core *core, bool ignore, struct err_text *why)
{
	/* What others refer to comes first. */
	enum journal_table order[TAB_COUNT] = { TAB_META, TAB_PART, TAB_NODE };
	enum err e = st->layout == STATE_LAYOUT_NEWEST ? E_OK : renew(st, ignore, why);

	for (int i = 3; i < TAB_COUNT - 1; i++)
		order[i] = (enum journal_table)(TAB_PART + 1 + i - 3);
	order[TAB_COUNT - 1] = TAB_JOB;
	for (int i = 0; i < TAB_COUNT && !e; i++) {
		sqlite3_stmt *s;
		char sql[96];
		int rc;

		snprintf(sql, sizeof sql, "SELECT id, image FROM %s ORDER BY id",
			 table_name[order[i]]);
		rc = sqlite3_prepare_v2(st->db, sql, -1, &s, NULL);
		if (rc)
			return fail(st, rc, why);
		while (!e && (rc = sqlite3_step(s)) == SQLITE_ROW) {
			e = core_load(core, order[i], (uint64_t)sqlite3_column_int64(s, 0),
				      sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1),
				      why);
			if (e && ignore) {
				log_error("%s; left out (-i)", why->text);
				e = E_OK;
			} else if (e) {
				err_set(why, e, "%s: %.300s (slurmctld -i starts without it)",
					st->path, strdupa(why->text));
			}
		}
		sqlite3_finalize(s);
		if (!e && rc != SQLITE_DONE)
			e = fail(st, rc, why);
	}
	sqlite3_db_release_memory(st->db);
	return e;
}

/* ---- writing ----------------------------------------------------------- */

static void blobs_forget(struct store *st)
{
	memset(st->recent, 0, sizeof st->recent);
	st->last_script.id = st->last_env.id = 0;
}

enum err store_begin(struct store *st, struct err_text *why)
{
	return run_st(st, ST_BEGIN, why);
}

enum err store_commit(struct store *st, struct err_text *why)
{
	return run_st(st, ST_COMMIT, why);
}

void store_rollback(struct store *st)
{
	if (!sqlite3_get_autocommit(st->db))
		run_st(st, ST_ROLLBACK, NULL);
	blobs_forget(st);       /* may name rows that are gone */
}

/* Row id of these bytes, written if they are not among the recent ones. */
static enum err blob_hashed(struct store *st, const void *p, size_t n, int64_t *id,
			struct err_text *why)
{
	uint8_t hash[32];
	struct recent *r;
	enum err e;

	auth_k12(p, n, NULL, 0, hash);
	r = &st->recent[hash[0] & (RECENT - 1)];
	if (r->id && memcmp(r->hash, hash, sizeof hash) == 0) {
		*id = r->id;
		return E_OK;
	}
	sqlite3_bind_blob64(st->st[ST_BLOB_PUT], 1, p, n, SQLITE_STATIC);
	e = run_st(st, ST_BLOB_PUT, why);
	if (e)
		return e;
	memcpy(r->hash, hash, sizeof hash);
	r->id = *id = sqlite3_last_insert_rowid(st->db);
	return E_OK;
}

static enum err blob_id(struct store *st, struct last_blob *last, const void *p, size_t n,
			int64_t *id, struct err_text *why)
{
	enum err e;

	if (last->id && last->len == n && memcmp(last->bytes, p, n) == 0) {
		*id = last->id;
		return E_OK;
	}
	e = blob_hashed(st, p, n, id, why);
	if (e || n > LAST_MAX)
		return e;
	last->bytes = mem_realloc(last->bytes, n + 1);
	memcpy(last->bytes, p, n);
	last->len = n;
	last->id = *id;
	return E_OK;
}

static enum err script_put(struct store *st, const struct effect *e, struct err_text *why)
{
	int64_t script = 0, env = 0;
	enum err rc;

	st->env.len = 0;
	for (uint32_t i = 0; i < e->env_count; i++)
		strbuf_addn(&st->env, e->env[i], strlen(e->env[i]) + 1);
	rc = blob_id(st, &st->last_script, e->script ? e->script : "", e->script ? strlen(e->script) : 0, &script,
		     why);
	if (!rc)
		rc = blob_id(st, &st->last_env, st->env.s ? st->env.s : "", st->env.len, &env, why);
	if (rc)
		return rc;
	sqlite3_bind_int64(st->st[ST_SCRIPT_PUT], 1, e->script_id);
	sqlite3_bind_int64(st->st[ST_SCRIPT_PUT], 2, script);
	sqlite3_bind_int64(st->st[ST_SCRIPT_PUT], 3, env);
	return run_st(st, ST_SCRIPT_PUT, why);
}

enum err store_effect(struct store *st, const struct effect *e, struct err_text *why)
{
	sqlite3_stmt *s;

	switch (e->kind) {
	case EFF_PUT:
		s = st->st[ST_PUT + e->table];
		sqlite3_bind_int64(s, 1, (int64_t)e->key);
		sqlite3_bind_blob64(s, 2, e->image, e->image_len, SQLITE_STATIC);
		return run_st(st, (enum statement)(ST_PUT + e->table), why);
	case EFF_DEL:
		sqlite3_bind_int64(st->st[ST_DEL + e->table], 1, (int64_t)e->key);
		return run_st(st, (enum statement)(ST_DEL + e->table), why);
	case EFF_SCRIPT_PUT:
		return script_put(st, e, why);
	case EFF_SCRIPT_DEL:
		st->script_dels++;
		sqlite3_bind_int64(st->st[ST_SCRIPT_DEL], 1, e->script_id);
		return run_st(st, ST_SCRIPT_DEL, why);
	default:
		return E_OK;
	}
}

/* ---- reading scripts --------------------------------------------------- */

static void *blob_get(struct store *st, int64_t id, size_t *n)
{
	sqlite3_stmt *s = st->st[ST_BLOB_GET];
	void *p = NULL;

	*n = 0;
	sqlite3_bind_int64(s, 1, id);
	if (sqlite3_step(s) == SQLITE_ROW) {
		*n = (size_t)sqlite3_column_bytes(s, 0);
		p = mem_alloc(*n + 1);
		if (*n)
			memcpy(p, sqlite3_column_blob(s, 0), *n);
	}
	sqlite3_reset(s);
	return p;
}

struct job_script *store_script(struct store *st, uint32_t job_id)
{
	sqlite3_stmt *s = st->st[ST_SCRIPT_GET];
	struct job_script *out = NULL;
	char *script, *env;
	size_t script_len, env_len;
	int64_t ids[2];
	bool found;

	sqlite3_bind_int64(s, 1, job_id);
	found = sqlite3_step(s) == SQLITE_ROW;
	for (int i = 0; i < 2 && found; i++)
		ids[i] = sqlite3_column_int64(s, i);
	sqlite3_reset(s);
	if (!found)
		return NULL;
	script = blob_get(st, ids[0], &script_len);
	env = blob_get(st, ids[1], &env_len);
	if (script && env)
		out = job_script_new(job_id, script, script_len, env, env_len);
	free(script);
	free(env);
	return out;
}

/* ---- upkeep ------------------------------------------------------------ */

size_t store_wal_bytes(const struct store *st)
{
	return st->wal;
}

void store_tidy(struct store *st)
{
	struct err_text why;
	int rc;

	if (st->script_dels >= SWEEP_AFTER) {
		st->script_dels = 0;
		blobs_forget(st);
		if (run_st(st, ST_SWEEP, &why))
			log_error("sweeping old scripts: %s", why.text);
	}
	/* Not TRUNCATE: see wal_extend. */
	rc = sqlite3_wal_checkpoint_v2(st->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (rc)
		log_error("checkpoint: %s", sqlite3_errmsg(st->db));
	st->wal = 0;
	sqlite3_db_release_memory(st->db);
}
