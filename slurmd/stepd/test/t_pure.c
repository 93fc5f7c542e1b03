/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of slurmstepd that only compute. */
#include <stdlib.h>
#include <string.h>

#include "slurmd/stepd/acct.h"
#include "slurmd/stepd/bind.h"
#include "slurmd/stepd/gresenv.h"
#include "slurmd/stepd/io.h"
#include "slurmd/stepd/pattern.h"
#include "slurmd/stepd/step.h"
#include "wire/base/tap.h"

static void test_pattern(void)
{
	static const struct {
		const char *pattern, *batch, *step;
	} row[] = {
		{ "slurm-%j.out", "/w/slurm-12.out", "/w/slurm-12.out" },
		{ "/a/%5j", "/a/00012", "/a/00012" },
		{ "%J", "/w/12", "/w/12.3" },
		{ "%A_%a", "/w/10_7", "/w/10_7" },
		{ "%s-%3s", "/w/batch-batch", "/w/3-003" },
		{ "%n.%t.%2t", "/w/1.4.04", "/w/1.4.04" },
		{ "%N-%u-%x", "/w/c1-me-job", "/w/c1-me-job" },
		{ "%%j%%", "/w/%j%", "/w/%j%" },
		{ "%99j", "/w/0000000012", "/w/0000000012" },
		{ "%q%", "/w/%q%", "/w/%q%" },
		{ "a\\%j", "/w/a%j", "/w/a%j" },
		{ "%b", "/w/7", "/w/7" },
	};
	struct pattern_values v = {
		.job_id = 12, .array_job_id = 10, .array_task_id = 7, .node_id = 1,
		.task_id = 4, .node_name = "c1", .user = "me", .job_name = "job"
	};
	char *array;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		char *s;

		v.step_id = STEP_BATCH;
		s = pattern_expand(row[i].pattern, "/w", &v);
		ok(streq(s, row[i].batch), "batch %s: %s", row[i].pattern, s);
		free(s);
		v.step_id = 3;
		s = pattern_expand(row[i].pattern, "/w", &v);
		ok(streq(s, row[i].step), "step %s: %s", row[i].pattern, s);
		free(s);
	}
	v.array_job_id = 0;
	array = pattern_expand("%A", "/", &v);
	ok(streq(array, "/12"), "no array: the job");
	free(array);
	ok(pattern_single_task("3") == 3 && pattern_single_task("3a") == -1 &&
	   pattern_single_task("") == -1, "a task's number alone");
}

/* Every node's parent counts it once, and no node waits for one that is not
 * there. */
static void test_tree(void)
{
	struct tree_place p;
	bool good = true;

	tree_place(3, 6, &p);
	ok(p.parent == -1 && p.children == 0, "six nodes: no tree");
	tree_place(0, 7, &p);
	ok(p.parent == -1 && p.children == 6, "seven nodes: the first waits for six");
	tree_place(6, 7, &p);
	ok(p.parent == 0 && p.children == 0 && p.depth == 1 && p.max_depth == 1, "a leaf");
	tree_place(1, 9, &p);
	ok(p.parent == 0 && p.children == 7, "nine nodes: the captured tree (1..8)");
	tree_place(8, 9, &p);
	ok(p.parent == 1 && p.children == 0 && p.depth == 2, "nine nodes: its last leaf");
	for (uint32_t n = 7; n <= 3000 && good; n = n * 5 / 4 + 1)
		for (uint32_t r = 0; r < n && good; r++) {
			struct tree_place up;

			tree_place(r, n, &p);
			good = r + p.children < n && p.depth <= p.max_depth;
			if (r == 0)
				good = good && p.parent == -1 && p.children == n - 1;
			if (p.parent < 0)
				continue;
			tree_place((uint32_t)p.parent, n, &up);
			good = good && p.parent < (int32_t)r && up.depth + 1 == p.depth &&
			       r + p.children <= (uint32_t)p.parent + up.children;
		}
	ok(good, "every size up to 3000 is a tree");
}

static void test_env(void)
{
	struct envv e = {0}, c;

	envv_put(&e, "A=1");
	envv_put(&e, "AB=2");
	envv_put(&e, "=x");
	envv_put(&e, "none");
	envv_set(&e, "A", "%d", 3);
	ok(e.n == 2 && streq(envv_get(&e, "A"), "3") && streq(envv_get(&e, "AB"), "2") &&
	   !envv_get(&e, "B"), "names are unique");
	envv_copy(&c, &e);
	envv_unset(&e, "A");
	ok(!envv_get(&e, "A") && streq(envv_get(&c, "A"), "3") && !e.v[e.n], "copy, unset");
	envv_unset_prefix(&c, "A");
	ok(c.n == 0 && !c.v[0], "unset by prefix");
	envv_fini(&e);
	envv_fini(&c);
}

static void test_lines(void)
{
	char big[3000];

	memset(big, 'x', sizeof big);
	ok(io_line_cut("ab", 2, true, false) == 0, "part of a line waits");
	ok(io_line_cut("ab", 2, true, true) == 2, "not at the end");
	ok(io_line_cut("ab", 2, false, false) == 2, "nor when unbuffered");
	ok(io_line_cut("a\nb\nc", 5, true, false) == 4, "whole lines go together");
	ok(io_line_cut(big, 1023, true, false) == 0 &&
	   io_line_cut(big, 1024, true, false) == 1024, "a long line goes in pieces");
	big[1500] = '\n';
	ok(io_line_cut(big, sizeof big, true, true) == 1024, "never more than a packet");
}

static void test_multiprog(void)
{
	static const char conf[] =
		"# comment\n\n0-1,5  first %t %o\n"
		" 2 second 'two words' a\\ b \\\n  more\n* rest %o\n";
	char *extra[] = { "x", NULL };
	struct arena mem = {0};
	const char *why;
	char **v;

	v = multiprog_argv(conf, 5, extra, &mem, &why);
	ok(v && streq(v[0], "first") && streq(v[1], "5") && streq(v[2], "2") &&
	   streq(v[3], "x") && !v[4], "rank and offset");
	v = multiprog_argv(conf, 2, NULL, &mem, &why);
	ok(v && streq(v[1], "two words") && streq(v[2], "a b") && streq(v[3], "more") &&
	   !v[4], "quotes and continuation");
	v = multiprog_argv(conf, 4, NULL, &mem, &why);
	ok(v && streq(v[0], "rest") && streq(v[1], "4"), "all others");
	v = multiprog_argv("0 a\n", 1, NULL, &mem, &why);
	ok(!v && streq(why, "Program for task rank 1 not specified."), "nothing for a rank");
	v = multiprog_argv("0 a 'b\n", 0, NULL, &mem, &why);
	ok(!v && why, "open quote");
	arena_fini(&mem);
}

static void test_bind(void)
{
	struct bind_text t;

	bind_cpu_text(CPU_BIND_NONE, NULL, &t);
	ok(streq(t.all, "quiet,none") && streq(t.type, "none") && !*t.list, "none");
	bind_text_fini(&t);
	bind_cpu_text(CPU_BIND_VERBOSE | CPU_BIND_CORES | CPU_BIND_MASK, "0x1,0x2", &t);
	ok(streq(t.all, "verbose,cores,mask_cpu:0x1,0x2") && streq(t.type, "cores,mask_cpu:"),
	   "masks: %s", t.all);
	bind_text_fini(&t);
	bind_mem_text(0x81 | 0x20, NULL, &t);
	ok(streq(t.all, "verbose,prefer,local"), "memory: %s", t.all);
	bind_text_fini(&t);
	for (uint32_t i = 0; i < 3; i++) {
		char *entry = bind_list_entry("0,2*2,7", i + 2);
		static const char *const want[] = { "2", "7", "0" };

		ok(streq(entry, want[i]), "entry %u of a list: %s", i + 2, entry);
		free(entry);
	}
	ok(!bind_list_entry("", 0), "an empty list has none");
}

static void test_gres(void)
{
	static const uint32_t v[] = { 0, 1, 4, 5 };

	ok(gres_bind("gpu:per_task:2", 1, v, 4) == 0xc, "two devices a task");
	ok(gres_bind("gres/gpu:single:2", 3, v, 4) == 0x2, "two tasks a device");
	ok(gres_bind("gpu:per_task:3", 1, v, 4) == 0x8, "too few devices");
	ok(gres_bind("gpu:closest", 1, v, 4) == 0xf, "all for everybody");
	ok(gres_bind("gpu:map_gpu:4,1", 0, v, 4) == 0x4 && gres_bind("gpu:map_gpu:4,1", 3, v, 4) == 0x2 &&
	   gres_bind("gpu:map_gpu:0*2,7", 1, v, 4) == 0x1 &&
	   gres_bind("gpu:map_gpu:0*2,7", 2, v, 4) == 0, "a device by its number");
	ok(gres_bind("gpu:verbose,mask_gpu:0x3,0x30", 1, v, 4) == 0xc, "devices by a mask");
	ok(gres_bind("gpu:single:0", 1, v, 4) == 0x1 && gres_bind("gpu:per_task:0", 1, v, 4) == 0xf &&
	   gres_bind("gpu:map_gpu:", 1, v, 4) == 0x1 && gres_bind("gpu:mask_gpu:x", 1, v, 4) == 0,
	   "nonsense is harmless");
}

static void test_acct(void)
{
	struct acct_task one = { .node = 0, .task = 1, .user_usec = 2500000, .rss = 100 };
	struct acct_task two = { .node = 1, .task = 2, .sys_usec = 1000000, .rss = 300 };
	struct acct a, b, c;
	struct arena mem = {0};
	struct jobacctinfo w;

	acct_init(&a);
	acct_init(&b);
	acct_add_task(&a, &one);
	acct_add_task(&b, &two);
	acct_merge(&a, &b);
	ok(a.in.max[ACCT_MEM] == 300 && a.in.max_task[ACCT_MEM] == 2 &&
	   a.in.min[ACCT_MEM] == 100 && a.in.min_node[ACCT_MEM] == 0 &&
	   a.in.tot[ACCT_MEM] == 400 && a.in.tot[ACCT_CPU] == 3500, "two nodes");
	acct_to_wire(&a, &w, true, &mem);
	ok(w.user_cpu_sec == 2 && w.user_cpu_usec == 500000 && w.sys_cpu_sec == 1 &&
	   w.tres_ids[7] == 8 && w.tres_usage_in_max[ACCT_NODE] == INFINITE64 &&
	   streq(w.tres_list[5].name, "disk"), "on the wire");
	acct_from_wire(&c, &w);
	ok(!memcmp(&a, &c, sizeof a), "and back");
	arena_fini(&mem);
}

int main(void)
{
	test_pattern();
	test_tree();
	test_env();
	test_lines();
	test_multiprog();
	test_bind();
	test_acct();
	test_gres();
	return tap_done();
}
