/* SPDX-License-Identifier: Apache-2.0
 *
 * Where tasks are put: expectations are what stock's task/affinity decides. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slurmd/stepd/bind.h"
#include "slurmd/stepd/layout.h"
#include "wire/base/mem.h"

#include "wire/base/tap.h"

/* Two sockets of four cores of two threads. */
static const struct layout_machine big = { 2, 4, 2, 2, false };
static char text[512];

#define num(got, want, what) ok((got) == (want), "%s", what)

static void is(const char *got, const char *want, const char *what)
{
	ok(!strcmp(got, want), "%s: %s", what, got);
}

static const char *masks(const cpu_set_t *v, uint32_t n)
{
	text[0] = '\0';
	for (uint32_t i = 0; i < n; i++) {
		char *m = bind_mask_text(&v[i]);

		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", i ? "," : "", m);
		free(m);
	}
	return text;
}

static const char *avail_of(const struct layout_machine *m, const char *ranges, uint32_t n,
			    uint32_t spec, cpu_set_t *out)
{
	struct bitset *b = bitset_new(n);

	bitset_from_ranges(b, ranges);
	layout_avail(m, b, n, spec, out);
	bitset_free(b);
	return masks(out, 1);
}

static const char *lay(const struct layout_machine *m, const char *ranges,
		       struct layout_step s)
{
	cpu_set_t avail, v[16];

	avail_of(m, ranges, 8, 0, &avail);
	return layout_tasks(m, &s, &avail, v) ? masks(v, s.tasks) : "no";
}
#define LAY(ranges, ...) lay(&big, ranges, (struct layout_step){ __VA_ARGS__ })

static void test_avail(void)
{
	static const struct layout_machine two = { 1, 2, 1, 1, true };
	cpu_set_t s;

	is(avail_of(&big, "0-1,4", 8, 0, &s), "0x30f", "both threads of each core");
	is(avail_of(&big, "0-7", 8, 2, &s), "0x7f7f", "the last thread of each socket is kept");
	is(avail_of(&two, "0,3", 4, 0, &s), "0x3", "configured cores share the real ones");
}

static void test_auto(void)
{
	struct layout_whole w;
	cpu_set_t s;

	avail_of(&big, "0-3", 8, 0, &s);
	layout_whole_count(&big, &s, &w);
	ok(w.sockets == 1 && w.cores == 4 && w.threads == 8 && !w.node && !w.part_sockets,
	   "one whole socket");
	num(layout_auto(&w, 1, 0, 0), CPU_BIND_SOCKETS, "one CPU wanted: the socket");
	num(layout_auto(&w, 4, 0, 0), CPU_BIND_CORES, "four: the cores");
	num(layout_auto(&w, 8, 0, 0), CPU_BIND_THREADS, "eight: the threads");
	num(layout_auto(&w, 3, 0, 0), 0, "three: not bound one by one");
	num(layout_auto(&w, 3, 0, 0x10000), CPU_BIND_CORES, "unless TaskPluginParam says how");
	avail_of(&big, "0-4", 8, 0, &s);
	layout_whole_count(&big, &s, &w);
	ok(w.sockets == 1 && w.part_sockets == 1, "and a part of the other");
	num(layout_auto(&w, 1, 0, 0), 0, "then not the socket");
	avail_of(&big, "0-7", 8, 0, &s);
	layout_whole_count(&big, &s, &w);
	ok(w.node, "the whole node");
}

static void test_tasks(void)
{
	is(LAY("0-7", .tasks = 4, .cpus_per_task = 1, .bind = CPU_BIND_CORES), "0x3,0x300,0xc,0xc00",
	   "round the sockets, core by core");
	is(LAY("0-7", .tasks = 4, .cpus_per_task = 1, .bind = CPU_BIND_CORES, .dist = 0x22),
	   "0x3,0xc,0x30,0xc0", "block:block");
	is(LAY("0-7", .tasks = 4, .cpus_per_task = 1, .bind = CPU_BIND_THREADS, .dist = 0x22),
	   "0x1,0x2,0x4,0x8", "threads one by one");
	is(LAY("0-7", .tasks = 2, .cpus_per_task = 4, .bind = CPU_BIND_CORES), "0xf,0xf00",
	   "several CPUs a task: neighbours");
	is(LAY("0-7", .tasks = 2, .cpus_per_task = 2, .bind = CPU_BIND_THREADS, .dist = 0x31),
	   "0x101,0x202", "cyclic:fcyclic spreads a task's own CPUs");
	is(LAY("0-7", .tasks = 2, .cpus_per_task = 1, .bind = CPU_BIND_SOCKETS), "0xff,0xff00",
	   "a socket each");
	is(LAY("0-7", .tasks = 3, .cpus_per_task = 1, .bind = CPU_BIND_CORES, .dist = 0x4),
	   "0x3,0xc,0x30", "plane is laid out in blocks");
	is(LAY("0-7", .tasks = 2, .cpus_per_task = 1, .bind = CPU_BIND_CORES,
	       .block_default = true), "0x3,0xc", "CR_CORE_DEFAULT_DIST_BLOCK");
	is(LAY("0-3", .tasks = 4, .cpus_per_task = 1, .bind = CPU_BIND_THREADS, .dist = 0x22,
	       .threads_per_core = 1), "0x1,0x4,0x10,0x40", "--threads-per-core=1");
	is(LAY("0-7", .tasks = 4, .cpus_per_task = 1, .bind = CPU_BIND_CORES, .dist = 0x22,
	       .per_socket = 2), "0x3,0xc,0x300,0xc00", "--ntasks-per-socket=2");
	is(LAY("0", .tasks = 3, .cpus_per_task = 1), "no", "more tasks than CPUs");
	is(LAY("0-1", .tasks = 2, .cpus_per_task = 4, .bind = CPU_BIND_CORES, .dist = 0x22),
	   "0x3,0xc", "overcommitted CPUs are cut");
}

int main(void)
{
	test_avail();
	test_auto();
	test_tasks();
	return tap_done();
}
