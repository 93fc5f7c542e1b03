/* SPDX-License-Identifier: Apache-2.0
 *
 * The time profile.  Each node has a short list of events; its load at a time
 * is what is in use now plus the events until then. */
#include <stdlib.h>

#include "slurmctld/core/sched/profile.h"

#define FAR INT64_MAX

static int64_t round_up(int64_t t, int64_t now, int64_t step)
{
	int64_t d = t - now;

	if (d < 1)
		d = 1;
	if (d > 10 * 365 * 86400)
		return FAR;
	return now + (d + step - 1) / step * step;
}

static void event_add(struct profile *p, uint32_t node, const struct profile_event *e)
{
	uint32_t *at = &p->head[node], i;

	if (p->ev_count + 1 >= p->ev_cap) {
		p->ev_cap = p->ev_cap ? p->ev_cap * 2 : 256;
		p->ev = mem_realloc(p->ev, p->ev_cap * sizeof(*p->ev));
	}
	i = ++p->ev_count;
	p->ev[i] = *e;
	while (*at && p->ev[*at].at <= e->at)
		at = &p->ev[*at].next;
	p->ev[i].next = *at;
	*at = i;
}

static void time_note(struct profile *p, int64_t t)
{
	if (t == FAR)
		return;
	if (p->time_count == p->time_cap) {
		p->time_cap = p->time_cap ? p->time_cap * 2 : 64;
		p->time = mem_realloc(p->time, p->time_cap * sizeof(*p->time));
	}
	p->time[p->time_count++] = t;
}

static int time_cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void times_sort(struct profile *p)
{
	uint32_t n = 0;

	if (!p->time_count)
		return;
	qsort(p->time, p->time_count, sizeof(*p->time), time_cmp);
	for (uint32_t i = 0; i < p->time_count; i++)
		if (!n || p->time[n - 1] != p->time[i])
			p->time[n++] = p->time[i];
	p->time_count = n;
}

static uint32_t share_cpus(const struct core *c, const struct job_alloc *a,
			   const struct job_share *s)
{
	uint32_t cores = 0;

	for (uint32_t k = 0; k < s->cores; k++)
		cores += bitset_test(a->cores, s->core_off + k);
	return cores * node_tpc(c->node[s->node]);
}

static void job_ends(struct core *c, struct profile *p, const struct job *j, int64_t step)
{
	int64_t end = round_up(j->end_time, c->now, step);

	if (job_base(j) == JOB_SUSPENDED)
		end = FAR;
	else if (job_is_completing(j))
		end = c->now + 1;
	if (end == FAR)
		return;
	for (uint32_t i = 0; i < j->alloc->node_count; i++) {
		const struct job_share *s = &j->alloc->share[i];

		if (job_is_completing(j) && j->alloc->completing &&
		    !bitset_test(j->alloc->completing, s->node))
			continue;
		event_add(p, s->node, &(struct profile_event){
			.at = end, .cpus = -(int32_t)share_cpus(c, j->alloc, s), .jobs = -1,
			.mem = -(int64_t)s->mem_mb, .gres = s->gres, .sign = -1});
	}
	time_note(p, end);
}

void profile_build(struct core *c, struct profile *p, int64_t resolution_sec)
{
	uint32_t types = c->gres_type_count + 1;

	arena_reset(&p->mem);
	if (p->node_count != c->node_count) {
		p->node_count = c->node_count;
		p->base = mem_realloc(p->base, (c->node_count + 1) * sizeof(*p->base));
		p->load = mem_realloc(p->load, (c->node_count + 1) * sizeof(*p->load));
		p->head = mem_realloc(p->head, (c->node_count + 1) * sizeof(*p->head));
	}
	memset(p->head, 0, (c->node_count + 1) * sizeof(*p->head));
	p->ev_count = p->time_count = 0;
	for (uint32_t i = 0; i < c->node_count; i++) {
		const struct node *n = c->node[i];
		struct load *b = &p->base[i];

		b->cpus = bitset_count(n->cores_used) * node_tpc(n);
		if (n->sharing_jobs && b->cpus < n->cpus_alloc)
			b->cpus = n->cpus_alloc < n->cpus ? n->cpus_alloc : n->cpus;
		b->jobs = n->run_jobs + n->comp_jobs;
		b->mem = n->mem_alloc_mb;
		b->gres = arena_zalloc(&p->mem, types * sizeof(uint64_t));
		for (uint32_t t = 0; t + 1 < types; t++)
			b->gres[t] = n->gres[t].used;
	}
	for (struct sched_entry *e = c->sched->running.first; e; e = e->next)
		if (e->job->alloc)
			job_ends(c, p, e->job, resolution_sec);
	times_sort(p);
}

void profile_fini(struct profile *p)
{
	arena_fini(&p->mem);
	free(p->base);
	free(p->load);
	free(p->head);
	free(p->ev);
	free(p->time);
	memset(p, 0, sizeof(*p));
}

void profile_add(struct core *c, struct profile *p, const struct promise *pr)
{
	(void)c;
	for (uint32_t i = 0; i < pr->node_count; i++) {
		const struct promise_node *n = &pr->node[i];
		struct profile_event e = {.at = pr->start, .cpus = (int32_t)n->cpus, .jobs = 1,
					  .mem = (int64_t)n->mem, .gres = n->gres, .sign = 1,
					  .promised = true};

		if (n->node >= p->node_count)
			continue;
		event_add(p, n->node, &e);
		if (pr->end == FAR)
			continue;
		e.at = pr->end;
		e.cpus = -e.cpus;
		e.mem = -e.mem;
		e.jobs = -1;
		e.sign = -1;
		event_add(p, n->node, &e);
	}
}

/* Running totals; ends of jobs that shared what they used may go below zero. */
struct sums {
	int64_t cpus, jobs, mem;
};

static void sums_max(struct load *l, const struct sums *s)
{
	if (s->cpus > (int64_t)l->cpus)
		l->cpus = (uint32_t)s->cpus;
	if (s->jobs > (int64_t)l->jobs)
		l->jobs = (uint32_t)s->jobs;
	if (s->mem > (int64_t)l->mem)
		l->mem = (uint64_t)s->mem;
}

static void load_gres(struct core *c, struct profile *p, uint32_t node, int64_t from,
		      int64_t to, unsigned what)
{
	uint32_t types = c->gres_type_count;
	struct load *l = &p->load[node];

	l->gres = arena_zalloc(&c->sched->mem, (types + 1) * sizeof(uint64_t));
	for (uint32_t t = 0; t < types; t++) {
		int64_t cur = (int64_t)p->base[node].gres[t], max = -1;

		for (uint32_t i = p->head[node]; i && p->ev[i].at < to; i = p->ev[i].next) {
			if (p->ev[i].promised && !(what & PL_PROMISES))
				continue;
			if (p->ev[i].at > from && cur > max)
				max = cur;
			if (p->ev[i].gres)
				cur += (int64_t)p->ev[i].sign * p->ev[i].gres[t];
		}
		if (cur > max)
			max = cur;
		l->gres[t] = max > 0 ? (uint64_t)max : 0;
	}
}

void profile_loads(struct core *c, struct profile *p, const struct bitset *set, int64_t from,
		   int64_t to, unsigned what)
{
	bitset_foreach(n, set) {
		struct load *l = &p->load[n];
		const struct load *b = &p->base[n];
		struct sums s = {b->cpus, b->jobs, (int64_t)b->mem};

		memset(l, 0, sizeof(*l));
		for (uint32_t i = p->head[n]; i && p->ev[i].at < to; i = p->ev[i].next) {
			const struct profile_event *e = &p->ev[i];

			if (e->promised && !(what & PL_PROMISES))
				continue;
			if (e->at > from)
				sums_max(l, &s);
			s.cpus += e->cpus;
			s.jobs += e->jobs;
			s.mem += e->mem;
		}
		sums_max(l, &s);
		if (what & PL_GRES)
			load_gres(c, p, n, from, to, what);
	}
}

struct promise *promise_new(struct core *c, struct arena *mem, const struct job *j,
			    const struct sched_key *key, const struct placement *pl,
			    int64_t start, int64_t end)
{
	struct promise *p = arena_zalloc(mem, sizeof(*p) +
					 pl->node_count * sizeof(struct promise_node));

	p->job_id = j->id;
	p->key = *key;
	p->start = start;
	p->end = end;
	p->node_count = pl->node_count;
	for (uint32_t i = 0; i < pl->node_count; i++) {
		const struct job_share *s = &pl->share[i];
		uint32_t tpc = node_tpc(c->node[s->node]);

		p->node[i].node = s->node;
		p->node[i].cpus = (s->cpus + tpc - 1) / tpc * tpc;
		p->node[i].mem = s->mem_mb;
		if (s->gres) {
			size_t size = (c->gres_type_count + 1) * sizeof(uint16_t);

			p->node[i].gres = memcpy(arena_alloc(mem, size), s->gres,
						 size - sizeof(uint16_t));
		}
	}
	return p;
}
