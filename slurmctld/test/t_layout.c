/* SPDX-License-Identifier: Apache-2.0
 *
 * Layouts of the journal's rows.  A layout that was written once never
 * changes; a journal of an older layout (journal-<n>.tsv: rows as a slurmctld
 * of that layout left them) is read and rewritten; a newer one is refused. */
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/parse.h"
#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/trigger.h"
#include "slurmctld/journal_store.h"
#include "wire/base/tap.h"

static char dir[] = "/tmp/sluice-layout-XXXXXX";
static char path[64];

/* By number of layout, from 1.  A sum here belongs to a layout that landed: do
 * not change it.  A change of the rows gets a new layout (wire/version.h) and
 * a new line here. */
static const uint64_t sums[] = {
	0x4066e69b53b094fb, 0x5372680958845674, 0xbdd84693c2f7938a,
	0x6177b65c05ef7b3b,
	0x7b16d78ad2ae8341,
	0xf28103a11cbff270,
	0xb30dcadd3f857530,
	0xf4f61ca3eb751593,
	0x90c6fea67235beb7,
	0x7c672094cc45e953,
};

static const struct { const struct wire_desc *row; enum wire_version since; } rows[] = {
	{ &core_state_row_desc, VS1 }, { &job_state_row_desc, VS1 }, { &node_state_row_desc, VS1 },
	{ &part_state_row_desc, VS1 }, { &resv_state_row_desc, VS1 },
	{ &trigger_state_row_desc, VS1 }, { &crontab_state_row_desc, VS3 },
	{ &sackd_state_row_desc, VS10 },
};

static void mix(uint64_t *h, uint64_t v)
{
	for (int k = 0; k < 8; k++, v >>= 8)
		*h = (*h ^ (v & 0xff)) * UINT64_C(0x100000001b3);
}

static void mix_desc(uint64_t *h, const struct wire_desc *d, enum wire_version v)
{
	mix(h, UINT64_C(0x7b));
	for (const struct wire_field *f = d->field; f < d->field + d->count; f++) {
		if (!wire_version_in(v, f->when))
			continue;
		for (const char *s = f->name; *s; s++)
			mix(h, (uint8_t)*s);
		mix(h, f->codec);
		mix(h, f->elem);
		for (int k = 0; k < 2; k++) {
			mix(h, f->cond[k].op);
			mix(h, f->cond[k].value);
		}
		if (f->sub)
			mix_desc(h, f->sub, v);
	}
	mix(h, UINT64_C(0x7d));
}

static void sums_hold(void)
{
	ok(sizeof sums / sizeof sums[0] == state_layout_number(STATE_LAYOUT_NEWEST),
	   "every layout has its sum");
	for (enum wire_version v = STATE_LAYOUT_OLDEST; v <= STATE_LAYOUT_NEWEST; v++) {
		uint64_t h = UINT64_C(0xcbf29ce484222325);
		unsigned n = state_layout_number(v);

		for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++)
			if (v >= rows[k].since)
				mix_desc(&h, rows[k].row, v);
		ok(n <= sizeof sums / sizeof sums[0] && h == sums[n - 1],
		   "layout %u is what it was (0x%llx)", n, (unsigned long long)h);
	}
}

/* ---- journals of older layouts ----------------------------------------- */

static void sql(sqlite3 *db, const char *text)
{
	char *msg = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &msg)) {
		printf("Bail out! %s: %s\n", text, msg);
		exit(1);
	}
}

static int number(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	int n = -1;

	sqlite3_open(path, &db);
	if (!sqlite3_prepare_v2(db, text, -1, &s, NULL) && sqlite3_step(s) == SQLITE_ROW)
		n = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	sqlite3_close(db);
	return n;
}

/* A database as a slurmctld of that layout left it; false: no such file. */
static bool journal_make(unsigned layout)
{
	char name[64], line[16384], text[96];
	sqlite3 *db;
	FILE *f;

	snprintf(name, sizeof name, "slurmctld/test/journal-%u.tsv", layout);
	f = fopen(name, "r");
	if (!f)
		return false;
	unlink(path);
	sqlite3_open(path, &db);
	snprintf(text, sizeof text, "PRAGMA application_id=%d; PRAGMA user_version=%u",
		 0x534c4331, layout);
	sql(db, text);
	sql(db, "BEGIN");
	while (fgets(line, sizeof line, f)) {
		char table[16], key[32], hex[16384], put[17000];

		if (*line == '#' || sscanf(line, "%15s %31s %16383s", table, key, hex) != 3)
			continue;
		snprintf(put, sizeof put, "CREATE TABLE IF NOT EXISTS %s(id INTEGER PRIMARY KEY, "
			 "image BLOB); INSERT INTO %s VALUES(%s, x'%s')", table, table, key, hex);
		sql(db, put);
	}
	sql(db, "COMMIT");
	sqlite3_close(db);
	fclose(f);
	return true;
}

static struct core *core_made(void)
{
	static const char text[] =
		"ClusterName=test\nSlurmctldHost=ctl\nSlurmUser=root\nGresTypes=qpu\n"
		"SelectType=select/cons_tres\nSelectTypeParameters=CR_Core_Memory\n"
		"NodeName=c[1-4] CPUs=4 RealMemory=1000\n"
		"NodeName=q[1-2] CPUs=1 RealMemory=1000 Gres=qpu:1\n"
		"PartitionName=normal Nodes=c[1-4] DefMemPerCPU=500\n"
		"PartitionName=quantum Default=YES Nodes=q[1-2]\n";
	struct conf_problems p = { 0 };
	struct err_text why = { "" };
	struct conf *conf;
	struct core *c;

	if (conf_parse(text, NULL, NULL, &conf, &p) != E_OK ||
	    core_new(conf, 1000000, 1, &c, &why) != E_OK) {
		printf("Bail out! no core: %s\n", why.text);
		exit(1);
	}
	conf_problems_fini(&p);
	conf_unref(conf);
	return c;
}

static void state_is_there(const struct core *c)
{
	const struct step_id_members first = { .step_id = 0, .step_het_comp = NO_VAL };
	const struct job *j = job_find(c, 1), *a = job_find(c, 2), *d = job_find(c, 8);
	const struct node *n = node_find(c, "c4");
	const struct resv *r = resv_find(c, "r1");

	ok(j && job_is_running(j) && streq(job_str(j, JS_NAME), "running") &&
	   streq(job_str(j, JS_COMMENT), "x") && j->time_limit_min == 60, "a running job");
	ok(j && j->alloc && j->alloc->node_count == 2 && step_find(j, &first) &&
	   step_find(j, &first)->num_tasks == 4, "with its nodes and step");
	ok(a && a->array && bitset_count(a->array->pending) == 3 && a->array->max_running == 2,
	   "the tasks of an array that wait");
	ok(d && d->time_min_min == 2 && d->warn_time == 30 && d->deadline, "what few jobs have");
	ok(n && n->state & NODE_STATE_DRAIN && streq(n->reason, "ce test") && !n->reboot_time,
	   "a drained node, what it did not have is nothing");
	ok(part_find(c, "pnew") && part_find(c, "pnew")->max_time_min == 60, "a new partition");
	ok(r && r->duration_min == 60 && r->uid_count == 2, "a reservation");
	ok(c->trig_first && streq(c->trig_first->program, "/bin/true"), "a trigger");
	ok(c->next_job_id == 9 && c->next_sluid == 7, "the next job id");
}

static void older_is_read(unsigned layout)
{
	struct err_text why = { "" };
	struct store *st;
	struct core *c;

	for (int round = 0; round < 2; round++) {
		c = core_made();
		ok(!store_open(dir, false, &st, &why) && !store_load(st, c, false, &why),
		   "layout %u is read%s %s", layout, round ? " again" : "", why.text);
		state_is_there(c);
		store_close(st);
		core_free(c);
		ok(number("PRAGMA user_version") == (int)state_layout_number(STATE_LAYOUT_NEWEST),
		   "and is of the newest layout now");
	}
}

static void damage(unsigned layout)
{
	struct err_text why = { "" };
	struct store *st;
	struct core *c = core_made();
	sqlite3 *db;

	journal_make(layout);
	sqlite3_open(path, &db);
	sql(db, "UPDATE job SET image = x'0001' WHERE id = 6");
	sqlite3_close(db);
	ok(!store_open(dir, false, &st, &why) && store_load(st, c, false, &why) &&
	   strstr(why.text, "damaged"), "a damaged row: %s", why.text);
	store_close(st);
	core_free(c);
	ok(number("PRAGMA user_version") == (int)layout, "nothing was rewritten");
	c = core_made();
	ok(!store_open(dir, false, &st, &why) && !store_load(st, c, true, &why), "but with -i");
	ok(!job_find(c, 6), "without it");
	state_is_there(c);
	store_close(st);
	core_free(c);
}

static void newer_is_refused(void)
{
	struct err_text why = { "" };
	struct store *st;
	sqlite3 *db;
	char text[48];

	sqlite3_open(path, &db);
	snprintf(text, sizeof text, "PRAGMA user_version=%u",
		 state_layout_number(STATE_LAYOUT_NEWEST) + 1);
	sql(db, text);
	sqlite3_close(db);
	ok(store_open(dir, false, &st, &why) && strstr(why.text, "newer slurmctld"),
	   "a newer layout is refused: %s", why.text);
}

int main(void)
{
	char cmd[64];

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof path, "%s/sluice.db", dir);
	sums_hold();
	for (unsigned n = 1; n < state_layout_number(STATE_LAYOUT_NEWEST); n++)
		if (journal_make(n))
			older_is_read(n);
	if (STATE_LAYOUT_NEWEST > VS1)
		damage(1);
	newer_is_refused();
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	if (system(cmd))
		return 1;
	return tap_done();
}
