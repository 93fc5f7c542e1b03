/* SPDX-License-Identifier: Apache-2.0
 *
 * Backfill: who may pass whom; promises; estimates. */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	WORLD_HEAD "SelectTypeParameters=CR_CPU_Memory\nGresTypes=qpu\n"
	"NodeName=n[1-4] CPUs=4 RealMemory=4000\n"
	"NodeName=q1 CPUs=4 RealMemory=4000 Gres=qpu:2\n"
	"PartitionName=p Nodes=n[1-4] Default=YES DefMemPerCPU=100 MaxTime=INFINITE\n"
	"PartitionName=q Nodes=q1 DefMemPerCPU=100 MaxTime=INFINITE\n";

static void pass_later(void)
{
	W.c->now_usec += 60000000;
	world_pass();
}

static void simple(void)
{
	struct job *run, *top, *fits, *too_long, *small;

	world_new(conf_text, NULL);
	run = world_submit("-N3 -n12 -t 60");
	world_pass();
	top = world_submit("-N4 -n16 -t 60");
	too_long = world_submit("-n4 -t 120");
	fits = world_submit("-n2 -t 30");
	world_pass();
	ok(run->alloc && !top->alloc, "the top job waits");
	ok(top->reason == WAIT_RESOURCES, "for resources");
	ok(!too_long->alloc, "a longer one behind must not delay it");
	ok(fits->alloc, "a short one passes: %s", W.log.s);
	ok(top->start_time == W.c->now + 3600 && streq(job_str(top, JS_SCHED_NODES), "n[1-4]"),
	   "the top job is planned for the end of the first");
	ok(too_long->start_time == top->start_time + 3600,
	   "the long one after it: %lld", (long long)(too_long->start_time - W.c->now));
	small = world_submit("-n2 -t 61");
	pass_later();
	ok(!small->alloc, "one minute too long");
	world_free();
}

/* The promise needs only what the running job gives back: the rest of the
 * node is free for others, however long. */
static void beside(void)
{
	struct job *top, *beside_it;

	world_new(conf_text, NULL);
	world_submit("-N1 -n2 -w n1 -t 60");
	world_submit("-N1 -n4 -w n2 -t 6000");
	world_submit("-N1 -n4 -w n3 -t 6000");
	world_submit("-N1 -n4 -w n4 -t 6000");
	world_pass();
	top = world_submit("-N1 -n3 -t 60");
	world_pass();
	ok(!top->alloc && top->start_time == W.c->now + 3600, "three CPUs: at the end of the first");
	beside_it = world_submit("-n1 -t 6000");
	pass_later();
	ok(beside_it->alloc != NULL, "one CPU beside the three that are promised");
	beside_it = world_submit("-n1 -t 6000");
	pass_later();
	ok(!beside_it->alloc, "the other one is promised");
	world_free();
}

static void memory_and_gres(void)
{
	struct job *top, *j;

	world_new(conf_text, NULL);
	world_submit("-p q --gres=qpu:1 -n1 -t 60");
	world_pass();
	top = world_submit("-p q --gres=qpu:2 -n1 -t 60");
	j = world_submit("-p q --gres=qpu:1 -n1 -t 100");
	pass_later();
	ok(!top->alloc && !j->alloc, "the second unit is promised");
	j = world_submit("-p q --gres=qpu:1 -n1 -t 50");
	pass_later();
	ok(j->alloc != NULL, "to be used until then");
	j = world_submit("-p q -n1 -t 1000");
	pass_later();
	ok(j->alloc != NULL, "a job without gres does not mind");
	world_free();

	world_new(conf_text, NULL);
	world_submit("-p q --mem=3000 -n1 -t 60");
	world_pass();
	top = world_submit("-p q --mem=3500 -n1 -t 60");
	j = world_submit("-p q --mem=600 -n1 -t 100");
	pass_later();
	ok(!top->alloc && !j->alloc, "memory is promised as well");
	j = world_submit("-p q --mem=500 -n1 -t 100");
	pass_later();
	ok(j->alloc != NULL, "what is beside it is free");
	world_free();
}

static void exclusive(void)
{
	struct job *top, *j;

	world_new(conf_text, NULL);
	world_submit("-N4 -n4 -t 60");
	world_pass();
	top = world_submit("-N4 --exclusive -t 60");
	j = world_submit("-n1 -t 90");
	pass_later();
	ok(!top->alloc && top->start_time == W.c->now + 3600, "whole nodes, once they are empty");
	ok(!j->alloc, "nothing stays on them beyond that");
	j = world_submit("-n1 -t 59");
	pass_later();
	ok(j->alloc != NULL, "something shorter may");
	world_free();
}

static void partitions(void)
{
	struct job *top, *other;

	world_new(conf_text, NULL);
	world_submit("-N4 -n16 -t 60");
	world_pass();
	top = world_submit("-N4 -n16 -t 60");
	other = world_submit("-p q -n1");
	world_pass();
	ok(!top->alloc && other->alloc, "a full partition does not stop another");
	world_free();
}

static void estimates(void)
{
	struct job *j;
	struct arena mem = {0};
	struct placement pl;
	int64_t start = 0;

	world_new(conf_text, NULL);
	world_submit("-N2 -n8 -t 60");
	world_submit("-N2 -n8 -t 30");
	world_pass();
	j = world_job("-N1 -n1");
	ok(sched_estimate(W.c, j, false, &mem, &start, &pl) == E_OK &&
	   start == W.c->now + 1800 && pl.share[0].node == 2, "one CPU: n3, in 30 minutes");
	j = world_job("-N3 -n3");
	ok(sched_estimate(W.c, j, false, &mem, &start, &pl) == E_OK &&
	   start == W.c->now + 3600, "three nodes: in 60");
	world_submit("-N4 -n16 -t 100");
	pass_later();
	j = world_job("-N1 -n1 -t 40");
	ok(sched_estimate(W.c, j, true, &mem, &start, &pl) == E_OK &&
	   start == W.c->now + 3600 + 6000, "behind the queue: later, %lld",
	   (long long)(start - W.c->now));
	j = world_job("-N1 -n1 -t 20");
	ok(sched_estimate(W.c, j, true, &mem, &start, &pl) == E_OK &&
	   start == W.c->now + 1800, "a short one before the next");
	j = world_job("-N5 -n5");
	ok(sched_estimate(W.c, j, false, &mem, &start, &pl) != E_OK, "never");
	arena_fini(&mem);
	world_free();
}

static uint32_t planned_count;

static void note_planned(struct core *c, const struct bitset *nodes)
{
	(void)c;
	planned_count = bitset_count(nodes);
}

static void planned(void)
{
	struct sched_ops ops = world_ops;
	struct job *run, *top;

	ops.planned_nodes = note_planned;
	world_new(conf_text, NULL);
	run = world_submit("-N1 -n4 -t 60");
	sched_pass(W.c, &ops, &W.out, false);
	top = world_submit("-N4 -n16 -t 60");
	sched_pass(W.c, &ops, &W.out, false);
	ok(!top->alloc && planned_count == 0 && sched_next_time(W.c) == W.c->now + 30,
	   "not yet planned, in 30 s");
	W.c->now += 30;
	W.c->now_usec += 30000000;
	sched_pass(W.c, &ops, &W.out, false);
	ok(planned_count == 4 && sched_next_time(W.c) > W.c->now, "four nodes are planned");
	world_end(run);
	sched_pass(W.c, &ops, &W.out, false);
	ok(top->alloc && planned_count == 0, "and not when the job has them");
	world_free();
}

static void reasons(void)
{
	struct job *j;

	world_new(conf_text, NULL);
	W.c->node[1]->state = NODE_STATE_DOWN;
	sched_nodes_changed(W.c);
	j = world_submit("-N1 -n1 -w n2");
	world_pass();
	ok(j->reason == WAIT_NODE_NOT_AVAIL &&
	   streq(job_str(j, JS_STATE_DESC), "ReqNodeNotAvail, UnavailableNodes:n2"),
	   "%s", job_str(j, JS_STATE_DESC));
	world_end(j);
	j = world_submit("-N4 -n4");
	world_pass();
	ok(j->reason == WAIT_RESOURCES && job_str(j, JS_STATE_DESC) &&
	   strstr(job_str(j, JS_STATE_DESC), "DOWN, DRAINED"), "%s", job_str(j, JS_STATE_DESC));
	world_end(j);
	j = world_submit("-N3 -n3");
	world_pass();
	ok(j->alloc != NULL, "three are up");
	W.c->part[0]->state_up = PARTITION_DOWN;
	j = world_submit("-n1");
	world_pass();
	ok(j->reason == WAIT_PART_DOWN, "partition down");
	W.c->part[0]->state_up = PARTITION_UP;
	W.c->part[0]->max_time_min = 10;
	world_end(j);
	j = world_submit("-n1 -t 20");
	world_pass();
	ok(j->reason == WAIT_PART_TIME_LIMIT, "partition time limit");
	world_end(j);
	W.c->part[0]->max_nodes = 2;
	j = world_submit("-N3 -n3 -t 5");
	world_pass();
	ok(j->reason == WAIT_PART_NODE_LIMIT, "partition node limit");
	world_free();
}

int main(void)
{
	simple();
	beside();
	memory_and_gres();
	exclusive();
	partitions();
	estimates();
	planned();
	reasons();
	return tap_done();
}
