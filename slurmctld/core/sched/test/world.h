/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster in memory for the scheduler's tests: nodes and partitions of a
 * slurm.conf text, jobs from the words of an sbatch command line, as stock
 * sbatch would send them. */
#ifndef SCHED_TEST_WORLD_H
#define SCHED_TEST_WORLD_H

#include <stdio.h>
#include <stdlib.h>

#include "wire/base/hostlist.h"
#include "slurmctld/core/internal.h"
#include "slurmctld/core/sched/sched_i.h"
#include "wire/base/strbuf.h"

#define WORLD_HEAD \
	"ClusterName=t\nSlurmctldHost=localhost\nSelectType=select/cons_tres\n" \
	"SchedulerType=sched/backfill\n"

struct world {
	struct job *jobs[4096]; /* to be freed */
	uint32_t job_count;
	struct core *c;
	struct effects out;
	uint32_t next_id;
	struct strbuf log;      /* what the pass did */
};

static struct world W;

__attribute__((unused))
static bool world_new(const char *slurm_conf, const char *gres_conf)
{
	struct conf_problems p = {0};
	struct err_text why = {0};
	struct core *c = mem_zalloc(sizeof(*c));

	memset(&W, 0, sizeof(W));
	if (conf_parse(slurm_conf, gres_conf, NULL, &c->conf, &p)) {
		for (uint32_t i = 0; i < p.count; i++)
			printf("# %u: %s\n", p.v[i].line, p.v[i].text);
		return false;
	}
	conf_problems_fini(&p);
	c->now = 1000000;
	c->now_usec = c->now * 1000000;
	c->next_job_id = 1;
	if (node_build_all(c, &why))
		return false;
	part_build_all(c);
	for (uint32_t i = 0; i < c->node_count; i++)
		c->node[i]->state = NODE_STATE_IDLE;
	for (uint32_t i = 0; i < c->part_count; i++) {
		part_count(c, c->part[i]);
		if (c->part[i]->flags & PART_FLAG_DEFAULT)
			c->default_part = c->part[i];
	}
	part_nodes_index(c);
	c->sched = sched_new(c);
	sched_nodes_changed(c);
	W.c = c;
	W.next_id = 1;
	return true;
}

/* ---- jobs -------------------------------------------------------------- */
struct opts {
	uint32_t n, c, min_n, max_n, tpn, mincpus;
	bool have_n, exclusive, mem_set;
};

static uint32_t minutes(const char *t)
{
	unsigned a = 0, b = 0;

	return sscanf(t, "%u:%u", &a, &b) == 2 ? a * 60 + b : a;
}

static bool flag(const char *word, const char *name, const char **value)
{
	size_t n = strlen(name);

	if (strncmp(word, name, n) != 0)
		return false;
	*value = word + n;
	return true;
}

static void job_dist(struct job *j, const char *v)
{
	static const char *const names[] = {"", "cyclic", "block", "arbitrary", "plane"};
	const char *second = strchr(v, ':');

	for (uint32_t i = 1; i < 5; i++)
		if (strncmp(v, names[i], strlen(names[i])) == 0)
			j->task_dist = i;
	if (strncmp(v, "plane=", 6) == 0)
		j->plane_size = (uint16_t)atoi(v + 6);
	if (second)
		j->task_dist |= second[1] == 'b' ? 0x20 : second[1] == 'f' ? 0x30 : 0x10;
}

static void job_word(struct job *j, struct opts *o, const char *w, const char *next)
{
	const char *v;
	char text[256];

	if (flag(w, "--mem-per-cpu=", &v)) {
		j->pn_min_memory = strtoull(v, NULL, 10) | MEM_PER_CPU;
		o->mem_set = true;
	} else if (flag(w, "--mem=", &v)) {
		j->pn_min_memory = strtoull(v, NULL, 10);
		o->mem_set = true;
	} else if (flag(w, "--ntasks-per-node=", &v)) {
		o->tpn = j->ntasks_per_node = (uint16_t)atoi(v);
	} else if (flag(w, "--ntasks-per-socket=", &v)) {
		j->ntasks_per_socket = (uint16_t)atoi(v);
	} else if (flag(w, "--ntasks-per-core=", &v)) {
		j->ntasks_per_core = (uint16_t)atoi(v);
	} else if (flag(w, "--threads-per-core=", &v)) {
		j->threads_per_core = (uint16_t)atoi(v);
	} else if (strcmp(w, "--hint=nomultithread") == 0) {
		j->threads_per_core = 1;
	} else if (flag(w, "--gres=", &v)) {
		snprintf(text, sizeof(text), "gres/%s", v);
		job_str_set(j, JS_TRES_PER_NODE, text);
	} else if (strcmp(w, "--exclusive") == 0) {
		j->shared = JOB_SHARED_NONE;
		o->exclusive = true;
	} else if (strcmp(w, "--exclusive=user") == 0) {
		j->shared = JOB_SHARED_USER;
	} else if (strcmp(w, "-s") == 0) {
		j->shared = JOB_SHARED_OK;
	} else if (strcmp(w, "--contiguous") == 0) {
		j->contiguous = 1;
	} else if (strcmp(w, "--spread-job") == 0) {
		j->bitflags |= SPREAD_JOB;
	} else if (strcmp(w, "--use-min-nodes") == 0) {
		j->bitflags |= USE_MIN_NODES;
	} else if (strcmp(w, "-O") == 0) {
		j->overcommit = 1;
	} else if (flag(w, "--mincpus=", &v)) {
		o->mincpus = (uint32_t)atoi(v);
	} else if (flag(w, "--tmp=", &v)) {
		j->pn_min_tmp_disk = (uint32_t)atoi(v);
	} else if (flag(w, "--sockets-per-node=", &v)) {
		j->sockets_per_node = (uint16_t)atoi(v);
	} else if (flag(w, "--cores-per-socket=", &v)) {
		j->cores_per_socket = (uint16_t)atoi(v);
	} else if (strcmp(w, "-B") == 0) {
		unsigned a = 0, b = 0, c = 0;

		sscanf(next, "%u:%u:%u", &a, &b, &c);
		j->sockets_per_node = (uint16_t)a;
		j->cores_per_socket = (uint16_t)b;
		j->threads_per_core = (uint16_t)c;
	} else if (strcmp(w, "-m") == 0) {
		job_dist(j, next);
	} else if (strcmp(w, "-p") == 0) {
		job_str_set(j, JS_PARTITION, next);
	} else if (strcmp(w, "-w") == 0) {
		job_str_set(j, JS_REQ_NODES, next);
	} else if (strcmp(w, "-x") == 0) {
		job_str_set(j, JS_EXC_NODES, next);
	} else if (strcmp(w, "-C") == 0) {
		job_str_set(j, JS_FEATURES, next);
	} else if (strcmp(w, "-t") == 0) {
		j->time_limit_min = minutes(next);
	} else if (strcmp(w, "-u") == 0) {
		j->uid = (uint32_t)atoi(next);
	} else if (flag(w, "-n", &v)) {
		o->n = (uint32_t)atoi(v);
		o->have_n = true;
	} else if (flag(w, "-c", &v)) {
		o->c = (uint32_t)atoi(v);
	} else if (flag(w, "-N", &v)) {
		o->min_n = (uint32_t)atoi(v);
		o->max_n = strchr(v, '-') ? (uint32_t)atoi(strchr(v, '-') + 1) : o->min_n;
	}
}

/* As sbatch fills the request in. */
__attribute__((unused))
static struct job *world_job(const char *args)
{
	struct job *j = job_new();
	struct opts o = {.c = 1};
	char buf[1024], *words[64], *save = NULL;
	int count = 0;

	job_defaults(j);
	snprintf(buf, sizeof(buf), "%s", args);
	for (char *w = strtok_r(buf, " ", &save); w && count < 63; w = strtok_r(NULL, " ", &save))
		words[count++] = w;
	words[count] = NULL;
	j->shared = NO_VAL16;
	j->uid = 1000;
	j->pn_min_memory = NO_VAL64;
	j->time_limit_min = NO_VAL;
	j->bitflags = 0;
	for (int i = 0; i < count; i++)
		job_word(j, &o, words[i], words[i + 1] ? words[i + 1] : "");
	if (!o.have_n)
		o.n = o.min_n ? o.min_n : 1;
	if (!o.have_n && o.tpn)
		o.n *= o.tpn;
	j->num_tasks = o.n;
	if (o.have_n)
		j->bitflags |= JOB_NTASKS_SET;
	j->cpus_per_task = (uint16_t)o.c;
	j->min_cpus = j->overcommit ? (o.min_n ? o.min_n : 1) : o.n * o.c;
	j->max_cpus = NO_VAL;
	j->min_nodes = o.min_n ? o.min_n : 1;
	j->max_nodes = o.max_n;
	j->pn_min_cpus = 1;
	if (o.tpn && o.c * o.tpn > 1)
		j->pn_min_cpus = (uint16_t)(o.c * o.tpn);
	else if (o.c > 1)
		j->pn_min_cpus = (uint16_t)o.c;
	if (o.mincpus > j->pn_min_cpus)
		j->pn_min_cpus = (uint16_t)o.mincpus;
	if (!job_str(j, JS_PARTITION))
		job_str_set(j, JS_PARTITION, W.c->default_part->name);
	part_list_of(W.c, job_str(j, JS_PARTITION), &j->part, NULL);
	if (!o.mem_set && j->part)
		j->pn_min_memory = j->part->def_mem && j->part->def_mem != NO_VAL64 ?
			j->part->def_mem : 0;
	j->id = W.next_id++;
	j->state = JOB_PENDING;
	j->submit_time = j->eligible_time = W.c->now;
	j->priority = sched_priority(W.c, j);
	if (W.job_count < 4096)
		W.jobs[W.job_count++] = j;
	return j;
}

/* ---- what a placement is ----------------------------------------------- */
static void cpu_ids(struct strbuf *b, const struct job_alloc *a, const struct job_share *s)
{
	const struct node *n = W.c->node[s->node];
	uint32_t tpc = node_tpc(n);
	struct bitset *cpus = bitset_new(n->cores * tpc);
	char *t;

	for (uint32_t k = 0; k < s->cores; k++)
		for (uint32_t i = 0; i < tpc && bitset_test(a->cores, s->core_off + k); i++)
			bitset_set(cpus, k * tpc + i);
	t = bitset_to_ranges(cpus);
	strbuf_add(b, t);
	free(t);
	bitset_free(cpus);
}

static void share_text(struct strbuf *b, const struct job_alloc *a, const struct job_share *s)
{
	cpu_ids(b, a, s);
	strbuf_printf(b, ":%llu", (unsigned long long)s->mem_mb);
}

/* "c[1-2] cpus 3 tasks 3 c1:0-1:1000 c2:0:500", as scontrol show job -d has it. */
__attribute__((unused))
static char *world_alloc_text(const struct job *j)
{
	const struct job_alloc *a = j->alloc;
	struct strbuf b = {0};
	const char *names[4096];
	uint32_t tasks = 0, n = 0;
	char *list;

	if (!a)
		return mem_strdup("-");
	for (uint32_t i = 0; i < a->node_count; i++) {
		names[n++] = W.c->node[a->share[i].node]->name;
		tasks += a->share[i].tasks;
	}
	list = hostlist_compress(names, n);
	strbuf_printf(&b, "%s cpus %u tasks %u", list, a->total_cpus, tasks);
	free(list);
	for (uint32_t i = 0; i < a->node_count; ) {
		struct strbuf one = {0}, other = {0};
		uint32_t k = i + 1;

		share_text(&one, a, &a->share[i]);
		for (; k < a->node_count; k++) {
			strbuf_fini(&other);
			share_text(&other, a, &a->share[k]);
			if (strcmp(one.s, other.s) != 0)
				break;
		}
		list = hostlist_compress(names + i, k - i);
		strbuf_printf(&b, " %s:%s", list, one.s);
		free(list);
		strbuf_fini(&one);
		strbuf_fini(&other);
		i = k;
	}
	return strbuf_take(&b);
}

/* ---- starting and ending ----------------------------------------------- */
__attribute__((unused))
static void world_start(struct core *c, struct job *j, const struct placement *p,
			bool backfill, struct effects *out)
{
	(void)out;
	if (p->part)
		j->part = p->part;
	j->alloc = alloc_from_placement(c, p);
	j->state = JOB_RUNNING;
	j->start_time = c->now;
	j->end_time = j->time_limit_min == INFINITE || j->time_limit_min == NO_VAL ?
		c->now + 365 * 86400 : c->now + (int64_t)j->time_limit_min * 60;
	sched_job_removed(c, j);
	alloc_charge(c, j);
	strbuf_sep(&W.log, " ");
	strbuf_printf(&W.log, "%u%s", j->id, backfill ? "b" : "");
}

__attribute__((unused))
static void world_reason(struct core *c, struct job *j, uint32_t reason, const char *desc)
{
	(void)c;
	j->reason = reason;
	job_str_set(j, JS_STATE_DESC, desc);
}

__attribute__((unused))
static void world_planned(struct core *c, struct job *j, int64_t start, const char *nodes)
{
	(void)c;
	j->start_time = start;
	job_str_set(j, JS_SCHED_NODES, nodes);
}

static const struct sched_ops world_ops = {world_start, world_reason, world_planned,
					     NULL};

__attribute__((unused))
static void world_end(struct job *j)
{
	struct core *c = W.c;

	if (j->alloc) {
		j->state = JOB_COMPLETE | JOB_COMPLETING;
		alloc_complete(c, j);
		alloc_release_all(c, j);
		alloc_free(j->alloc);
		j->alloc = NULL;
	}
	j->state = JOB_COMPLETE;
	sched_job_removed(c, j);
}

__attribute__((unused))
static struct job *world_submit(const char *args)
{
	struct job *j = world_job(args);

	sched_job_added(W.c, j);
	return j;
}

__attribute__((unused))
static void world_pass(void)
{
	while (sched_pass(W.c, &world_ops, &W.out, false))
		;
}

__attribute__((unused))
static void world_free(void)
{
	struct core *c = W.c;

	sched_free(c->sched);
	topo_free_all(c);
	while (W.job_count)
		job_free(W.jobs[--W.job_count]);
	strbuf_fini(&W.log);
	effects_fini(&W.out);
	for (uint32_t i = 0; i < c->node_count; i++)
		node_free(c->node[i]);
	for (uint32_t i = 0; i < c->part_count; i++)
		part_free(c->part[i]);
	for (uint32_t i = 0; i < c->gres_type_count; i++) {
		free(c->gres_type[i]);
		free(c->gres_name[i]);
	}
	free(c->gres_type);
	free(c->gres_name);
	free(c->node);
	free(c->part);
	free(c->node_hash);
	conf_unref(c->conf);
	free(c);
}

#endif
