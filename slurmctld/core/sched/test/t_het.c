/* SPDX-License-Identifier: Apache-2.0
 *
 * Heterogeneous jobs: all components at one moment, or none. */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	WORLD_HEAD "SelectTypeParameters=CR_CPU_Memory\nGresTypes=qpu\n"
	"NodeName=n[1-4] CPUs=4 RealMemory=4000\n"
	"NodeName=q1 CPUs=4 RealMemory=4000 Gres=qpu:2 Feature=far\n"
	"PartitionName=p Nodes=n[1-4] Default=YES DefMemPerCPU=100 MaxTime=INFINITE\n"
	"PartitionName=q Nodes=q1 DefMemPerCPU=100 MaxTime=INFINITE\n"
	"PartitionName=all Nodes=ALL DefMemPerCPU=100 MaxTime=INFINITE\n";

/* The components of one job; the leader is the first. */
static struct job *het(struct job **part, uint32_t count, const char *const *args)
{
	struct job *leader = NULL, **next = NULL;

	for (uint32_t i = 0; i < count; i++) {
		struct job *j = world_job(args[i]);

		leader = leader ? leader : j;
		j->het_job_id = leader->id;
		j->het_job_offset = i;
		if (next)
			*next = j;
		next = &j->het_next;
		part[i] = j;
	}
	for (uint32_t i = 0; i < count; i++)
		sched_job_added(W.c, part[i]);
	return leader;
}

/* Hours pass between rounds of backfill. */
static void pass_later(void)
{
	W.c->now_usec += 60000000;
	world_pass();
}

static bool on(const struct job *j, const char *nodes)
{
	char *text = job_nodes_text(W.c, j);
	bool same = streq(text, nodes);

	if (!same)
		printf("# %u: %s, expected %s\n", j->id, text ? text : "-", nodes);
	free(text);
	return same;
}

static void together(void)
{
	static const char *const args[] = { "-N1 -n2", "-p q -n1", "-N2" };
	struct job *j[3];

	world_new(conf_text, NULL);
	het(j, 3, args);
	world_pass();
	ok(j[0]->alloc && j[1]->alloc && j[2]->alloc, "all start in one pass: %s", W.log.s);
	ok(on(j[0], "n1") && on(j[1], "q1") && on(j[2], "n[2-3]"), "on nodes of their own");
	world_free();
}

static void none_alone(void)
{
	static const char *const args[] = { "-N1 -n2 -t 60", "-p q -n4 -t 60" };
	struct job *j[2], *run;

	world_new(conf_text, NULL);
	run = world_submit("-p q -n4 -t 30");
	world_pass();
	het(j, 2, args);
	world_pass();
	ok(run->alloc && !j[0]->alloc && !j[1]->alloc, "one that fits waits for one that does not");
	ok(j[0]->reason == WAIT_RESOURCES, "for resources");
	ok(j[0]->start_time == W.c->now + 1800 && j[1]->start_time == W.c->now + 1800,
	   "both are planned for one time: %lld, %lld",
	   (long long)(j[0]->start_time - W.c->now), (long long)(j[1]->start_time - W.c->now));
	ok(streq(job_str(j[0], JS_SCHED_NODES), "n1") && streq(job_str(j[1], JS_SCHED_NODES), "q1"),
	   "each on its nodes");
	world_end(run);
	pass_later();
	ok(j[0]->alloc && j[1]->alloc, "then both start");
	world_free();
}

/* What is planned for a component is promised like any job's. */
static void promised(void)
{
	static const char *const args[] = { "-N4 -n16 -t 60", "-p q -n4 -t 60" };
	struct job *j[2], *run, *small, *long_one;

	world_new(conf_text, NULL);
	run = world_submit("-p q -n4 -t 30");
	world_pass();
	het(j, 2, args);
	small = world_submit("-n1 -t 20");
	long_one = world_submit("-n1 -t 40");
	world_pass();
	ok(small->alloc, "a short job passes");
	ok(!long_one->alloc, "one that would hold up a component does not");
	world_end(run);
	world_end(small);
	pass_later();
	ok(j[0]->alloc && j[1]->alloc && !long_one->alloc, "the components start");
	world_free();
}

/* The first takes what only the second can use: they change turns. */
static void turns(void)
{
	static const char *const args[] = { "-p all -N1 -x n[1-3]", "-p all -N1 -w n4" };
	static const char *const three[] = { "-p all -N1", "-p all -N4 -x q1", "-p all -N1 -C far" };
	struct job *j[3];

	world_new(conf_text, NULL);
	het(j, 2, args);
	world_pass();
	ok(j[0]->alloc && j[1]->alloc && on(j[0], "q1") && on(j[1], "n4"),
	   "the one with less choice chooses first");
	world_free();
	world_new(conf_text, NULL);
	het(j, 3, three);
	world_pass();
	ok(!j[0]->alloc && !j[1]->alloc && !j[2]->alloc, "there is no way: none starts");
	world_free();
}

static void aside(void)
{
	static const char *const args[] = { "-N1", "-p q -n1" };
	struct job *j[2], *other;

	world_new(conf_text, NULL);
	het(j, 2, args);
	j[1]->priority = 0;
	sched_job_changed(W.c, j[0]);
	world_pass();
	ok(!j[0]->alloc && !j[1]->alloc, "a held component holds all");
	j[1]->priority = 100;
	j[1]->begin_time = W.c->now + 100;
	sched_job_changed(W.c, j[0]);
	world_pass();
	ok(!j[0]->alloc && sched_next_time(W.c) == W.c->now + 100,
	   "one with a begin time makes all wait for it");
	W.c->now += 100;
	W.c->now_usec = W.c->now * 1000000;
	world_pass();
	ok(j[0]->alloc && j[1]->alloc, "when that has come they start");
	world_end(j[0]);
	world_end(j[1]);
	other = world_submit("-N4");
	world_pass();
	ok(other->alloc != NULL, "and leave nothing behind");
	world_free();
}

/* Two jobs whose requests are the same are still two. */
static void alike(void)
{
	static const char *const args[] = { "-N2 -n8", "-p q -n4" };
	struct job *a[2], *b[2];

	world_new(conf_text, NULL);
	het(a, 2, args);
	het(b, 2, args);
	world_pass();
	ok(a[0]->alloc && a[1]->alloc && !b[0]->alloc && !b[1]->alloc, "the first starts");
	world_end(a[0]);
	world_end(a[1]);
	pass_later();
	ok(b[0]->alloc && b[1]->alloc, "then the second");
	world_free();
}

int main(void)
{
	together();
	none_alone();
	promised();
	turns();
	aside();
	alike();
	return tap_done();
}
