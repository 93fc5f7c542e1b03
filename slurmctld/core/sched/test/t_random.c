/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs that come, end and change at random; nodes that go and come back.  After
 * every pass nothing may be given twice, nothing that fits may be left lying
 * where it is first in line, and the books must agree.
 *
 *   t_random [SEED [STEPS]] */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	WORLD_HEAD "SelectTypeParameters=%s\nGresTypes=qpu\n"
	"NodeName=a[1-6] CPUs=4 RealMemory=1000 Feature=x\n"
	"NodeName=b[1-4] Sockets=2 CoresPerSocket=4 ThreadsPerCore=2 RealMemory=4000 "
	"Feature=y Weight=2\n"
	"NodeName=q[1-2] CPUs=4 RealMemory=1000 Gres=qpu:3\n"
	"PartitionName=p Nodes=a[1-6],b[1-4] Default=YES DefMemPerCPU=100\n"
	"PartitionName=hi Nodes=a[1-3],b[1-2] PriorityTier=5 DefMemPerCPU=100\n"
	"PartitionName=q Nodes=q[1-2] DefMemPerCPU=100\n"
	"PartitionName=sh Nodes=b[1-4] DefMemPerCPU=10 OverSubscribe=YES:3\n"
	"PartitionName=ex Nodes=a[4-6] DefMemPerCPU=10 OverSubscribe=EXCLUSIVE\n";

static const char conf_devices[] =
	WORLD_HEAD "SelectTypeParameters=%s\nGresTypes=gpu,shard\n"
	"NodeName=g[1-2] Sockets=2 CoresPerSocket=4 RealMemory=2000 Gres=gpu:a:2,gpu:b:2\n"
	"NodeName=g3 CPUs=8 RealMemory=2000 Gres=gpu:2,shard:8\n"
	"PartitionName=g Nodes=ALL Default=YES DefMemPerCPU=100\n";

enum { JOBS = 60 };
static bool with_devices;
static struct job *live[JOBS];
static uint32_t seed;
static bool bad;

static uint32_t rnd(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static struct job *random_job(void)
{
	static const char *const parts[] = {"p", "p", "p", "hi", "q", "sh", "ex", "p,hi"};
	static const char *const gres[] = {
		"--gres=gpu:1", "--gres=gpu:3", "--gres=gpu:a:1", "--gres=gpu:b:2,gpu:a:1",
		"--gres=shard:1", "--gres=shard:3", "--gres=gpu:2", "--gres=shard:2",
	};
	const char *part = with_devices ? "g" : parts[rnd(8)];
	char args[512];
	int n = snprintf(args, sizeof(args), "-p %s -t %u", part, 1 + rnd(200));
	uint32_t kind = rnd(12);

	if (with_devices && kind && kind != 6)
		kind = 8;

	if (rnd(2))
		n += snprintf(args + n, sizeof(args) - (size_t)n, " -N%u", 1 + rnd(4));
	if (rnd(2))
		n += snprintf(args + n, sizeof(args) - (size_t)n, " -n%u", 1 + rnd(12));
	if (rnd(4) == 0)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " -c%u", 1 + rnd(4));
	if (kind == 0)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " --exclusive");
	if (kind == 1)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " -C %s", rnd(2) ? "x" : "x|y");
	if (kind == 2)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " --mem=%u", 1 + rnd(1000));
	if (kind == 3)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " --ntasks-per-node=%u", 1 + rnd(3));
	if (kind == 4)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " -x a1,b1");
	if (kind == 5 && strcmp(part, "p") == 0)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " -w a%u", 1 + rnd(6));
	if (kind == 6)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " -s");
	if (kind == 7)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " --spread-job");
	if (strcmp(part, "q") == 0)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " --gres=qpu:%u", 1 + rnd(3));
	if (with_devices)
		n += snprintf(args + n, sizeof(args) - (size_t)n, " %s", gres[rnd(8)]);
	return world_job(args);
}

static void complain(const char *what, const struct job *j, const char *node)
{
	printf("# %s: job %u node %s\n", what, j ? j->id : 0, node);
	bad = true;
}

/* Which devices each job has: as many as units, nobody else's, as the books say. */
static void check_devices(const struct node *n)
{
	uint64_t whole = 0, parts = 0, books = 0;

	for (uint32_t i = 0; i < JOBS; i++) {
		const struct job *j = live[i];
		uint32_t k = j && j->alloc ? alloc_find(j->alloc, n->index) : UINT32_MAX;
		const struct job_share *s = k == UINT32_MAX ? NULL : &j->alloc->share[k];

		for (uint32_t t = 0; s && s->gres && t < W.c->gres_type_count; t++) {
			if (n->gres[t].shared) {
				parts |= s->devs[t];
				if (bits_count(s->devs[t]) != (s->gres[t] != 0))
					complain("parts of how many devices", j, n->name);
				continue;
			}
			if (n->gres[t].devs && bits_count(s->devs[t]) != s->gres[t])
				complain("devices and units", j, n->name);
			if (s->devs[t] & (whole | ~n->gres[t].devs))
				complain("a device given twice", j, n->name);
			whole |= s->devs[t];
		}
	}
	for (uint32_t t = 0; t < W.c->gres_type_count; t++)
		books |= n->gres[t].devs_used;
	if (whole & parts)
		complain("whole and in parts", NULL, n->name);
	if (books != whole)
		complain("books of devices", NULL, n->name);
}

static void device(struct gres_conf_rec *r, const char *name, const char *type, uint64_t count,
		   const char *cores, uint32_t flags)
{
	wire_init(&gres_conf_rec_desc, r);
	r->name = name;
	r->type_name = type;
	r->count = count;
	r->cpus = cores;
	r->config_flags = CONF_GRES_FILE | flags;
}

static void devices_register(void)
{
	struct gres_conf_rec r[4];

	device(&r[0], "gpu", "a", 2, "0-3", 0);
	device(&r[1], "gpu", "b", 2, "4-7", 0);
	node_gres_note(W.c, node_find(W.c, "g1"), r, 2);
	node_gres_note(W.c, node_find(W.c, "g2"), r, 2);
	for (uint32_t i = 0; i < 4; i += 2) {
		device(&r[i], "shard", NULL, 4, NULL, CONF_GRES_SHARED);
		device(&r[i + 1], "gpu", NULL, 1, NULL, 0);
	}
	node_gres_note(W.c, node_find(W.c, "g3"), r, 4);
}

/* Everything that is given, counted anew. */
static void check_node(const struct node *n)
{
	uint64_t mem = 0, gres = 0;
	uint32_t cpus = 0, jobs = 0;
	uint8_t used[64] = {0}, own[64] = {0};
	bool whole = false;

	for (uint32_t i = 0; i < JOBS; i++) {
		struct job *j = live[i];
		uint32_t k = j && j->alloc ? alloc_find(j->alloc, n->index) : UINT32_MAX;
		const struct job_share *s;
		uint32_t cores = 0;

		if (k == UINT32_MAX)
			continue;
		s = &j->alloc->share[k];
		jobs++;
		mem += s->mem_mb;
		cpus += s->cpus;
		whole |= j->alloc->whole_node;
		if (s->gres && W.c->gres_type_count)
			gres += s->gres[0];
		for (uint32_t b = 0; b < s->cores; b++) {
			if (!bitset_test(j->alloc->cores, s->core_off + b))
				continue;
			cores++;
			used[b]++;
			own[b] = (uint8_t)(own[b] + !job_shares(j));
		}
		if (!s->cpus || cores * node_tpc(n) < s->cpus)
			complain("more CPUs than cores", j, n->name);
	}
	for (uint32_t b = 0; b < n->cores; b++) {
		if (used[b] > 3 || (own[b] && used[b] > 1))
			complain("a core given twice", NULL, n->name);
		if (bitset_test(n->cores_used, b) != (own[b] != 0))
			complain("books of cores", NULL, n->name);
	}
	if (mem > n->real_memory_mb || mem != n->mem_alloc_mb)
		complain("memory", NULL, n->name);
	if (W.c->gres_type_count && (gres > n->gres[0].total || gres != n->gres[0].used))
		complain("gres", NULL, n->name);
	if (whole && jobs > 1)
		complain("not alone", NULL, n->name);
	if (jobs != n->run_jobs)
		complain("number of jobs", NULL, n->name);
}

static void check_all(void)
{
	uint32_t ready = 0, running = 0;

	for (uint32_t i = 0; i < W.c->node_count; i++)
		check_node(W.c->node[i]);
	for (uint32_t i = 0; i < W.c->node_count; i++)
		check_devices(W.c->node[i]);
	for (uint32_t i = 0; i < JOBS; i++) {
		struct job *j = live[i];

		if (!j)
			continue;
		if (j->alloc) {
			running++;
			if (j->num_tasks && j->bitflags & JOB_NTASKS_SET && !j->alloc->whole_node) {
				uint32_t tasks = 0;

				for (uint32_t k = 0; k < j->alloc->node_count; k++)
					tasks += j->alloc->share[k].tasks;
				if (tasks < j->num_tasks)
					complain("too few tasks", j, "");
			}
			if (j->alloc->node_count < j->min_nodes ||
			    (j->max_nodes && j->alloc->node_count > j->max_nodes))
				complain("number of nodes", j, "");
		} else if (j->queued && j->queued->where == Q_READY) {
			ready++;
		}
	}
	if (ready != W.c->sched->ready || running != W.c->sched->running.count)
		complain("books of the queue", NULL, "");
}

/* The first in the queue of all must not wait for what is there. */
static void check_first(void)
{
	struct sched_group *g;
	struct placement pl;
	struct arena mem = {0};
	uint32_t reason;
	struct err_text desc;

	queue_rewind(W.c->sched);
	g = queue_next(W.c->sched);
	if (g && sched_place(W.c, group_head(g)->job, &mem, &pl, &reason, &desc) == E_OK)
		complain("the first job could start", group_head(g)->job, "");
	arena_fini(&mem);
}

static void job_gone(uint32_t i)
{
	world_end(live[i]);
	for (uint32_t k = 0; k < W.job_count; k++)
		if (W.jobs[k] == live[i])
			W.jobs[k] = W.jobs[--W.job_count];
	job_free(live[i]);
	live[i] = NULL;
}

static void one_step(void)
{
	uint32_t i = rnd(JOBS), what = rnd(10);
	struct node *n = W.c->node[rnd(W.c->node_count)];

	if (!live[i]) {
		struct job *j = random_job();

		if (sched_possible(W.c, j, j->part, NULL)) {
			W.job_count--;
			job_free(j);
			return;
		}
		if (rnd(10) == 0)
			j->begin_time = W.c->now + rnd(100);
		live[i] = j;
		sched_job_added(W.c, j);
	} else if (live[i]->alloc ? what < 4 : what < 1) {
		job_gone(i);
	} else if (what < 5 && !live[i]->alloc) {
		live[i]->priority = rnd(20);
		sched_job_changed(W.c, live[i]);
	} else if (what == 5) {
		n->state ^= NODE_STATE_DRAIN;
		sched_nodes_changed(W.c);
	} else if (what == 6) {
		W.c->now += rnd(60);
		W.c->now_usec = W.c->now * 1000000;
	}
	if (rnd(3) == 0) {
		bool more = sched_pass(W.c, &world_ops, &W.out, false);

		check_first();
		while (more && rnd(3))
			more = sched_pass(W.c, &world_ops, &W.out, true);
	}
}

static void run(const char *select, uint32_t steps, bool devices)
{
	char *text = mem_printf(devices ? conf_devices : conf_text, select);
	uint32_t first = seed, started = 0;

	world_new(text, NULL);
	with_devices = devices;
	if (devices)
		devices_register();
	bad = false;
	for (uint32_t i = 0; i < steps && !bad; i++) {
		uint32_t before = seed;

		one_step();
		check_all();
		if (bad)
			printf("# %s, seed %u, step %u (%u)\n", select, first, i, before);
	}
	for (char *p = W.log.s; p && *p; p++)
		started += *p == ' ';
	ok(!bad, "%s: %u steps, %u jobs started", select, steps, started);
	for (uint32_t i = 0; i < JOBS; i++)
		if (live[i])
			job_gone(i);
	ok(W.c->sched->ready == 0 && W.c->sched->group_count == 0 &&
	   W.c->sched->running.count == 0 && W.c->sched->aside.count == 0, "all gone");
	world_free();
	free(text);
}

int main(int argc, char **argv)
{
	uint32_t steps = argc > 2 ? (uint32_t)atoi(argv[2]) : 4000;

	seed = argc > 1 ? (uint32_t)atoi(argv[1]) : 7;
	run("CR_CPU_Memory", steps, false);
	run("CR_Core_Memory", steps, false);
	run("CR_Socket_Memory", steps, false);
	run("CR_CPU", steps, false);
	run("CR_CPU_Memory", steps, true);
	run("CR_Core_Memory", steps, true);
	return tap_done();
}
