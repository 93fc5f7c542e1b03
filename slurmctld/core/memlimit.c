/* SPDX-License-Identifier: Apache-2.0
 *
 * MaxMemPerNode and MaxMemPerCPU: whether a request keeps to them, and what
 * becomes of one that wants more per CPU.  It gets more CPUs instead. */
#include "slurmctld/core/internal.h"

struct ask {
	uint64_t mem;
	uint32_t tasks, min_nodes, max_nodes, min_cpus, max_cpus;
	uint32_t cpt, per_node;         /* 0: not said */
	uint32_t pn_cpus;
	bool whole;
};

static uint32_t roundup(uint64_t a, uint64_t b)
{
	return b ? (uint32_t)((a + b - 1) / b) : 0;
}

static uint32_t said16(uint16_t v)
{
	return v == NO_VAL16 ? 0 : v;
}

static uint32_t said32(uint32_t v)
{
	return v == NO_VAL ? 0 : v;
}

static uint32_t max32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* Both per CPU: less for each of more. */
static void more_cpus(struct ask *a, uint64_t limit)
{
	uint64_t mem = a->mem & ~MEM_PER_CPU;
	uint32_t ratio = roundup(mem, limit);

	if (mem <= limit)
		return;
	a->cpt = (a->cpt ? a->cpt : 1) * ratio;
	a->mem = roundup(mem, ratio) | MEM_PER_CPU;
	if (!a->tasks) {
		a->pn_cpus = a->cpt;
		return;
	}
	a->min_cpus = a->tasks * a->cpt;
	if (a->max_cpus && a->max_cpus < a->min_cpus)
		a->max_cpus = a->min_cpus;
}

/* Memory of a node under a limit per CPU: as many CPUs as it takes. */
static void cpus_for_node(struct ask *a, uint64_t mem, uint64_t limit)
{
	uint32_t cpus = roundup(mem, limit);

	if (a->pn_cpus >= cpus)
		return;
	a->pn_cpus = cpus;
	if (cpus > a->min_cpus) {
		a->min_cpus = cpus;
		if (a->max_cpus)
			a->max_cpus = max32(cpus, a->max_cpus);
	}
	if (a->per_node) {
		a->cpt = roundup(a->pn_cpus, a->per_node);
		a->pn_cpus = max32(a->cpt * a->per_node, a->pn_cpus);
	} else if (a->tasks && a->min_nodes) {
		a->cpt = roundup((uint64_t)cpus * a->min_nodes, a->tasks);
		a->pn_cpus = a->cpt * a->tasks / a->min_nodes;
		a->min_cpus = max32(a->min_cpus, a->pn_cpus);
	} else {
		a->cpt = max32(a->pn_cpus, a->cpt);
	}
}

static uint32_t cpus_on_node(const struct part *p, const struct ask *a)
{
	uint32_t n = a->per_node ? a->per_node : 1;

	if (!p->max_share || a->whole)
		return p->total_nodes ? p->total_cpus / p->total_nodes : 1;
	if (a->tasks && a->max_nodes)
		n = max32(n, roundup(a->tasks, a->max_nodes));
	if (a->cpt)
		n *= a->cpt;
	return max32(n, a->pn_cpus);
}

static bool within(const struct core *c, const struct part *p, struct ask *a)
{
	uint64_t max = p->max_mem ? p->max_mem : c->conf->max_mem_mb, mem = a->mem;
	uint64_t limit = max & ~MEM_PER_CPU;

	if (!limit || max == NO_VAL64)
		return true;
	if (mem & max & MEM_PER_CPU) {
		more_cpus(a, limit);
		return true;
	}
	if (!mem) {
		uint32_t first = bitset_next(p->nodes, 0);

		if (first != UINT32_MAX)
			mem = c->node[first]->real_memory_mb - c->node[first]->mem_spec_limit_mb;
	}
	if (!((mem | max) & MEM_PER_CPU))
		return mem <= limit;
	if (mem & MEM_PER_CPU)
		return (mem & ~MEM_PER_CPU) * cpus_on_node(p, a) <= limit;
	cpus_for_node(a, mem, limit);
	return true;
}

bool mem_limit_desc(const struct core *c, const struct part *p, const struct job_desc_msg *d,
		    uint64_t mem, uint32_t tasks)
{
	struct ask a = {
		.mem = mem, .tasks = said32(tasks), .min_nodes = said32(d->min_nodes),
		.max_nodes = said32(d->max_nodes), .cpt = said16(d->cpus_per_task),
		.per_node = said16(d->ntasks_per_node), .pn_cpus = said16(d->pn_min_cpus),
		.whole = !d->shared,
	};

	return within(c, p, &a);
}

static void ask_of_job(const struct job *j, struct ask *a)
{
	*a = (struct ask){
		.mem = j->pn_min_memory, .tasks = said32(j->num_tasks),
		.min_nodes = said32(j->min_nodes), .max_nodes = said32(j->max_nodes),
		.min_cpus = said32(j->min_cpus), .max_cpus = said32(j->max_cpus),
		.cpt = said16(j->cpus_per_task), .per_node = said16(j->ntasks_per_node),
		.pn_cpus = said16(j->pn_min_cpus), .whole = !j->shared,
	};
}

bool mem_limit_job(const struct core *c, const struct part *p, const struct job *j)
{
	struct ask a;

	ask_of_job(j, &a);
	return within(c, p, &a);
}

/* "cpu=2" of TresPerTask. */
static void tell_cpus(struct job *j, uint32_t cpt)
{
	const char *old = job_str(j, JS_TRES_PER_TASK), *at = old ? strstr(old, "cpu=") : NULL;
	char text[1200];

	if (!at || !(j->bitflags & JOB_CPUS_SET))
		return;
	snprintf(text, sizeof(text), "%.*scpu=%u%s", (int)(at - old), old, cpt,
		 at + 4 + strspn(at + 4, "0123456789"));
	job_str_set(j, JS_TRES_PER_TASK, text);
}

void mem_limit_apply(const struct core *c, const struct part *p, struct job *j)
{
	struct ask a, was;

	ask_of_job(j, &a);
	was = a;
	if (!within(c, p, &a) || (a.mem == was.mem && a.pn_cpus == was.pn_cpus &&
				  a.cpt == was.cpt && a.min_cpus == was.min_cpus))
		return;
	j->pn_min_memory = a.mem;
	j->cpus_per_task = (uint16_t)a.cpt;
	j->pn_min_cpus = (uint16_t)a.pn_cpus;
	j->min_cpus = a.min_cpus;
	if (said32(j->max_cpus))
		j->max_cpus = a.max_cpus;
	if (a.cpt != was.cpt)
		tell_cpus(j, a.cpt);
}
