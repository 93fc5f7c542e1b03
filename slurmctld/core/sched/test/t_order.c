/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of jobs: one job worse in each criterion, with the numbers of
 * prio.c; the queue gives them in that order; priorities. */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	WORLD_HEAD "PriorityType=priority/basic\n"
	"NodeName=n[1-2] CPUs=2 RealMemory=1000\n"
	"PartitionName=low Nodes=ALL Default=YES PriorityTier=1 PriorityJobFactor=1 "
	"DefMemPerCPU=1\n"
	"PartitionName=high Nodes=ALL PriorityTier=2 PriorityJobFactor=4 DefMemPerCPU=1\n";

static const char multi_text[] =
	WORLD_HEAD "PriorityType=priority/multifactor\nPriorityWeightAge=1000\n"
	"PriorityWeightJobSize=1000\nPriorityWeightPartition=1000\nPriorityMaxAge=1-0\n"
	"NodeName=n[1-2] CPUs=2 RealMemory=1000\n"
	"PartitionName=low Nodes=ALL Default=YES PriorityJobFactor=1 DefMemPerCPU=1\n"
	"PartitionName=high Nodes=ALL PriorityJobFactor=4 DefMemPerCPU=1\n";

static void order(void)
{
	struct part *low, *high;
	struct job best, worse;
	static const char *const what[] = {"tier", "priority", "id", "array task"};

	world_new(conf_text, NULL);
	low = part_find(W.c, "low");
	high = part_find(W.c, "high");
	for (int n = 0; n < 4; n++) {
		best = (struct job){.part = high, .priority = 10, .id = 5,
				    .array_job_id = 5, .array_task_id = 1};
		worse = best;
		/* worse in n, better in all that come later */
		switch (n) {
		case 0:
			worse.part = low;
			worse.priority = 11;
			/* fall through */
		case 1:
			if (n == 1)
				worse.priority = 9;
			worse.array_job_id = 4;
			/* fall through */
		case 2:
			if (n == 2)
				worse.array_job_id = 6;
			worse.array_task_id = 0;
			break;
		default:
			worse.array_task_id = NO_VAL;
		}
		ok(sched_compare(&best, &worse) < 0 && sched_compare(&worse, &best) > 0,
		   "%d. %s", n + 1, what[n]);
	}
	ok(sched_compare(&best, &best) == 0, "equal to itself only");
	world_free();
}

static void queue(void)
{
	struct job *a, *b, *high, *first, *held;

	world_new(conf_text, NULL);
	first = world_submit("-N2 -n4 -t 10");  /* fills all */
	world_pass();
	a = world_submit("-n1 -t 10");
	b = world_submit("-n1 -t 10");
	high = world_submit("-n1 -t 10 -p high");
	held = world_job("-n1 -t 10");
	held->priority = 0;
	sched_job_added(W.c, held);
	ok(W.c->sched->ready == 3 && W.c->sched->group_count == 2,
	   "equal requests of a partition are one group");
	world_pass();
	ok(high->reason == WAIT_RESOURCES, "best of its partition: Resources");
	ok(a->reason == WAIT_RESOURCES, "first of the other partition: Resources");
	ok(b->reason == WAIT_PRIORITY, "behind it: Priority");
	b->priority = a->priority + 5;
	sched_job_changed(W.c, b);
	world_pass();
	ok(b->reason == WAIT_RESOURCES && a->reason == WAIT_PRIORITY,
	   "with more priority they change places, and reasons");
	strbuf_fini(&W.log);
	world_end(first);
	world_pass();
	ok(streq(W.log.s, "4 3 2"), "started in order: %s", W.log.s);
	ok(!held->alloc, "a held job is not looked at");
	held->priority = 1;
	sched_job_changed(W.c, held);
	world_pass();
	ok(held->alloc != NULL, "released: starts");
	world_free();
}

static void begin(void)
{
	struct job *j;

	world_new(conf_text, NULL);
	j = world_job("-n1");
	j->begin_time = W.c->now + 60;
	sched_job_added(W.c, j);
	world_pass();
	ok(!j->alloc && sched_next_time(W.c) == j->begin_time, "waits for its begin time");
	W.c->now += 60;
	world_pass();
	ok(j->alloc && sched_next_time(W.c) == INT64_MAX, "and starts then");
	world_free();
}

static void many(void)
{
	enum { N = 2000 };
	struct job **v = mem_alloc(N * sizeof(*v));
	uint32_t seed = 1;
	bool sorted = true;

	world_new(conf_text, NULL);
	for (int i = 0; i < N; i++) {
		char args[64];

		seed = seed * 1103515245 + 12345;
		snprintf(args, sizeof(args), "-n%u -t %u", 1 + seed / 65536 % 4,
			 1 + seed / 65536 % 7);
		v[i] = world_job(args);
		v[i]->priority = 1 + seed / 65536 % 50;
		sched_job_added(W.c, v[i]);
	}
	for (int i = 0; i < N; i += 3) {
		v[i]->priority = 1 + (uint32_t)i % 60;
		sched_job_changed(W.c, v[i]);
	}
	for (int i = 1; i < N; i += 5)
		world_end(v[i]);
	queue_rewind(W.c->sched);
	for (struct sched_group *g, *last = NULL; (g = queue_next(W.c->sched)); last = g) {
		if (last && sched_key_compare(&last->kn.key, &g->kn.key) >= 0)
			sorted = false;
		g->pq->cursor = g->kn.key;
		g->pq->cursor_set = true;
	}
	ok(sorted, "groups come in order after many changes");
	ok(W.c->sched->ready == N - N / 5, "%u are left", W.c->sched->ready);
	for (int i = 0; i < N; i++)
		if (v[i]->queued)
			world_end(v[i]);
	ok(W.c->sched->ready == 0 && W.c->sched->group_count == 0, "and none in the end");
	world_free();
	free(v);
}

static void basic(void)
{
	struct job *a, *b, *n;

	world_new(conf_text, NULL);
	a = world_job("-n1");
	b = world_job("-n1");
	n = world_job("-n1");
	ok(a->priority == 4294901760u && b->priority == a->priority - 1,
	   "basic: falls from 4294901760");
	n->nice = NICE_OFFSET + 100;
	ok(sched_priority(W.c, n) < b->priority - 100, "nice lowers it");
	world_free();
}

static void multifactor(void)
{
	struct job *a, *b;

	world_new(multi_text, NULL);
	a = world_job("-n1");
	b = world_job("-n1 -p high");
	ok(b->priority - a->priority == 750, "partition factor");
	b = world_job("-N2 -n4");
	ok(b->priority > a->priority, "size factor");
	W.c->now += 43200;
	ok(sched_priority(W.c, a) - a->priority == 500, "age factor: half of the maximum");
	a->nice = NICE_OFFSET + 1;
	ok(sched_priority(W.c, a) - a->priority == 499, "nice");
	a->nice = NICE_OFFSET + 100000;
	ok(sched_priority(W.c, a) == 1, "never down to held");
	world_free();
}

int main(void)
{
	order();
	queue();
	begin();
	many();
	basic();
	multifactor();
	return tap_done();
}
