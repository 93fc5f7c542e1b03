/* SPDX-License-Identifier: Apache-2.0
 *
 * Which job is better: one total order, and the number it is mostly made of.
 * Nothing else in the scheduler compares two jobs. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/names.h"
#include "slurmctld/core/sched/sched_i.h"

/* The order, best first:
 *  1. higher priority tier of its partition (the best one of a list)
 *  2. higher priority
 *  3. submitted earlier: lower id, an array's tasks by the id of the array
 *  4. lower array task; the record of the tasks not yet started comes last
 *  No two jobs are equal in all four. */
int sched_key_compare(const struct sched_key *a, const struct sched_key *b)
{
	if (a->tier != b->tier)
		return a->tier > b->tier ? -1 : 1;
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->second != b->second)
		return a->second < b->second ? -1 : 1;
	return 0;
}

static uint32_t job_tier(const struct core *c, const struct job *j)
{
	const char *list = job_str(j, JS_PARTITION);
	uint32_t tier = j->part ? j->part->priority_tier : 0;
	struct part *part[JOB_PARTS_MAX];
	uint32_t n;

	if (!c || !list || !strchr(list, ','))
		return tier;
	n = job_parts(c, j, part, JOB_PARTS_MAX);
	return n ? part[0]->priority_tier : tier;
}

/* SchedulerParameters=bf_hetjob_prio: a heterogeneous job counts as the least,
 * the most or the mean of its components; without a word as its leader. */
static uint32_t het_priority(const struct core *c, const struct job *leader)
{
	uint64_t low = leader->priority, high = low, sum = 0;
	const char *how;
	uint32_t n = 0;

	if (!sched_is_het(leader) ||
	    !conf_option(c->conf->schedulerparameters, "bf_hetjob_prio", &how) || !how)
		return leader->priority;
	for (const struct job *k = leader; k; k = k->het_next, n++) {
		low = k->priority < low ? k->priority : low;
		high = k->priority > high ? k->priority : high;
		sum += k->priority;
	}
	return (uint32_t)(strncmp(how, "min", 3) == 0 ? low : strncmp(how, "max", 3) == 0 ? high :
			  sum / n);
}

struct sched_key sched_job_key(const struct core *c, const struct job *j)
{
	struct sched_key k = {.tier = job_tier(c, j), .priority = het_priority(c, j)};

	/* 4: a single job has one record only, so its second key says nothing */
	k.first = j->array_job_id ? j->array_job_id : j->id;
	k.second = j->array_job_id ? j->array_task_id : 0;
	return k;
}

int sched_compare(const struct job *a, const struct job *b)
{
	struct sched_key ka = sched_job_key(NULL, a), kb = sched_job_key(NULL, b);

	return sched_key_compare(&ka, &kb);
}

/* ---- priority ---------------------------------------------------------- */
#define PRIORITY_TOP 4294901760u        /* of the first job under priority/basic */

/* The nice value as a signed number. */
static int64_t job_nice(const struct job *j)
{
	return j->nice ? (int64_t)j->nice - (int64_t)NICE_OFFSET : 0;
}

static int64_t job_site(const struct job *j)
{
	return j->site_factor ? (int64_t)j->site_factor - (int64_t)NICE_OFFSET : 0;
}

static uint32_t priority_clip(double p)
{
	if (p < 1)      /* 0 means held */
		return 1;
	if (p > (double)(NO_VAL - 1))
		return NO_VAL - 1;
	return (uint32_t)p;
}

/* Every job a little below the lowest one before it: first come, first served.
 * Nice lowers (or raises) a job without moving the start of the next. */
static uint32_t priority_basic(struct core *c, const struct job *j)
{
	struct sched *s = c->sched;
	uint32_t p = s->basic_last ? s->basic_last - 1 : PRIORITY_TOP;
	int64_t with_nice;

	if (p < 1)
		p = 1;
	s->basic_last = p;
	with_nice = (int64_t)p - job_nice(j);
	return priority_clip((double)with_nice);
}

static double factor_age(const struct core *c, const struct job *j)
{
	int64_t since = j->accrue_time ? j->accrue_time :
		j->eligible_time ? j->eligible_time : c->now;
	double max = (double)c->conf->prioritymaxage;

	if (max <= 0 || c->now <= since)
		return 0;
	return (double)(c->now - since) >= max ? 1 : (double)(c->now - since) / max;
}

static uint32_t cluster_cpus(const struct core *c)
{
	uint32_t cpus = 0;

	for (uint32_t i = 0; i < c->node_count; i++)
		cpus += c->node[i]->cpus;
	return cpus ? cpus : 1;
}

#define SMALL_RELATIVE_TO_TIME BIT(2)

static double factor_size(const struct core *c, const struct job *j)
{
	double nodes = (double)(c->node_count ? c->node_count : 1);
	double cpus = (double)cluster_cpus(c), f;
	uint32_t min_nodes = j->min_nodes ? j->min_nodes : 1;
	uint32_t min_cpus = j->min_cpus ? j->min_cpus : 1;

	if (c->conf->priorityflags & SMALL_RELATIVE_TO_TIME) {
		uint32_t limit = j->time_limit_min;
		uint32_t max = j->part ? j->part->max_time_min : INFINITE;

		if (limit == NO_VAL)
			limit = max;
		if (limit == INFINITE || limit == 0)
			limit = 365 * 24 * 60;
		f = (double)min_cpus / (double)limit;
		if (!c->conf->priorityfavorsmall)
			f = f / cpus;
		else
			f = 1 - f / cpus;
		return f < 0 ? 0 : f > 1 ? 1 : f;
	}
	if (c->conf->priorityfavorsmall)
		f = ((nodes - min_nodes) / nodes + (cpus - min_cpus) / cpus) / 2;
	else
		f = (min_nodes / nodes + min_cpus / cpus) / 2;
	return f < 0 ? 0 : f > 1 ? 1 : f;
}

#define NO_NORMAL_PART BIT(8)

static double factor_part(const struct core *c, const struct job *j)
{
	uint32_t max = 0;

	if (!j->part)
		return 0;
	if (c->conf->priorityflags & NO_NORMAL_PART)
		return j->part->priority_job_factor;
	for (uint32_t i = 0; i < c->part_count; i++)
		if (c->part[i] && !c->part[i]->deleted &&
		    c->part[i]->priority_job_factor > max)
			max = c->part[i]->priority_job_factor;
	return max ? (double)j->part->priority_job_factor / max : 0;
}

const char *sched_tres_name(enum sched_tres t)
{
	static const char *const name[SCHED_TRES_COUNT] = { "cpu", "mem", "node" };

	return name[t];
}

static double tres_weight(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strncasecmp(p, name, n) == 0 && p[n] == '=')
			return strtod(p + n + 1, NULL);
	return 0;
}

#define NO_NORMAL_TRES BIT(10)

/* What it asks for, as a part of what its partition has. */
static void factors_tres(const struct core *c, const struct job *j, struct sched_factors *out)
{
	const char *weights = c->conf->priorityweighttres;
	double want[SCHED_TRES_COUNT] = { 0 }, has[SCHED_TRES_COUNT] = { 0 };
	uint32_t nodes = j->min_nodes ? j->min_nodes : 1;

	for (int t = 0; t < SCHED_TRES_COUNT; t++) {
		out->weight[t] = tres_weight(weights, sched_tres_name((enum sched_tres)t));
		out->any_tres |= out->weight[t] > 0;
	}
	if (!out->any_tres || !j->part)
		return;
	want[SCHED_CPU] = j->min_cpus;
	want[SCHED_NODE] = nodes;
	want[SCHED_MEM] = (double)(j->pn_min_memory & ~MEM_PER_CPU) *
		(j->pn_min_memory & MEM_PER_CPU ? j->min_cpus : nodes);
	has[SCHED_CPU] = j->part->total_cpus;
	has[SCHED_NODE] = j->part->total_nodes;
	for (uint32_t i = 0; j->part->nodes && i < c->node_count; i++)
		if (c->node[i] && bitset_test(j->part->nodes, i))
			has[SCHED_MEM] += (double)c->node[i]->real_memory_mb;
	for (int t = 0; t < SCHED_TRES_COUNT; t++) {
		if (!(c->conf->priorityflags & NO_NORMAL_TRES))
			want[t] = has[t] > 0 ? want[t] / has[t] : 0;
		out->tres[t] = want[t] * out->weight[t];
	}
}

/* Without accounting there is no association, share or QOS to weigh: those
 * factors are 0. */
void sched_factors(const struct core *c, const struct job *j, struct sched_factors *out)
{
	const struct conf *f = c->conf;

	memset(out, 0, sizeof(*out));
	factors_tres(c, j, out);
	out->age = (double)f->priorityweightage * factor_age(c, j);
	out->size = (double)f->priorityweightjobsize * factor_size(c, j);
	out->part = (double)f->priorityweightpartition * factor_part(c, j);
}

static uint32_t priority_multifactor(const struct core *c, const struct job *j)
{
	struct sched_factors f;

	sched_factors(c, j, &f);
	for (int t = 0; t < SCHED_TRES_COUNT; t++)
		f.part += f.tres[t];
	return priority_clip(f.age + f.size + f.part + (double)job_site(j) -
			     (double)job_nice(j));
}

bool sched_is_multifactor(const struct core *c)
{
	const char *type = c->conf->prioritytype;

	return type && strstr(type, "multifactor");
}

uint32_t sched_priority(struct core *c, const struct job *j)
{
	return sched_is_multifactor(c) ? priority_multifactor(c, j) : priority_basic(c, j);
}

void sched_priority_seen(struct sched *s, uint32_t priority)
{
	if (priority && priority <= PRIORITY_TOP &&
	    (!s->basic_last || priority < s->basic_last))
		s->basic_last = priority;
}
