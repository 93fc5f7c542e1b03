/* SPDX-License-Identifier: Apache-2.0
 *
 * Cores and gres of a step, out of its job's. */
#include <stdlib.h>

#include "slurmctld/core/sched/step_i.h"

static uint32_t cores_alloc(const struct step_req *q, uint32_t k)
{
	const struct job_share *s = &q->alloc->share[k];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->cores; i++)
		n += bitset_test(q->alloc->cores, s->core_off + i);
	return n;
}

uint32_t step_core_cpus(const struct step_req *q, uint32_t k)
{
	uint32_t cores = cores_alloc(q, k), cpus = q->alloc->share[k].cpus;

	return cores ? (cpus + cores - 1) / cores : 1;
}

uint32_t step_cores_used(const struct step_req *q, uint32_t k)
{
	const struct job_share *s = &q->alloc->share[k];
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->cores; i++)
		n += bitset_test(q->alloc->cores_step, s->core_off + i);
	return n;
}

static bool core_open(const struct step_req *q, uint32_t bit, bool all, const struct bitset *out)
{
	if (!bitset_test(q->alloc->cores, bit) || bitset_test(out, bit))
		return false;
	return all || q->overlap || !bitset_test(q->alloc->cores_step, bit);
}

/* Sockets one after another. */
static uint32_t pick_block(const struct step_req *q, const struct job_share *s, uint32_t want,
			   bool all, struct bitset *out)
{
	uint32_t got = 0;

	for (uint32_t i = 0; i < s->cores && got < want; i++) {
		if (!core_open(q, s->core_off + i, all, out))
			continue;
		bitset_set(out, s->core_off + i);
		got++;
	}
	return got;
}

/* A task's cores of each socket in turn. */
static uint32_t pick_cyclic(const struct step_req *q, const struct job_share *s, uint32_t want,
			    uint32_t per_task, bool all, struct bitset *out)
{
	const struct node *n = q->c->node[s->node];
	uint32_t cps = n->cores_per_socket, got = 0, run = 0, before;

	if (!cps)
		return pick_block(q, s, want, all, out);
	do {
		before = got;
		for (uint32_t so = 0; so < n->sockets && got < want; so++) {
			for (uint32_t i = so * cps; i < (so + 1) * cps && got < want; i++) {
				if (!core_open(q, s->core_off + i, all, out))
					continue;
				bitset_set(out, s->core_off + i);
				got++;
				if (++run >= per_task) {
					run = 0;
					break;
				}
			}
		}
	} while (got < want && got > before);
	return got;
}

enum err step_cores_pick(const struct step_req *q, uint32_t k, uint32_t tasks, uint32_t cpus,
			 struct bitset *out)
{
	const struct job_share *s = &q->alloc->share[k];
	uint32_t per = step_core_cpus(q, k), have = cores_alloc(q, k), want, got;
	bool all = q->whole || q->external;

	want = all ? have : (cpus + per - 1) / per;
	if (want > have) {
		if (!q->overcommit)
			return E_TOO_MANY_REQUESTED_CPUS;
		want = have;
	}
	if (!want)
		want = 1;
	if ((q->msg->task_dist & 0xf0) == 0x20)
		got = pick_block(q, s, want, all, out);
	else
		got = pick_cyclic(q, s, want, tasks ? (want + tasks - 1) / tasks : 1, all, out);
	if (got < want && !(q->overcommit && got))
		return E_NODES_BUSY;
	return E_OK;
}

/* ---- gres -------------------------------------------------------------- */
/* "gres:qpu:1" forms of the request.  None named: the step may use what the
 * job has on its nodes. */
enum err step_gres_parse(struct step_req *q, struct err_text *why)
{
	const struct job_step_create_request_msg *m = q->msg;
	const struct { const char *text; size_t at; } kind[] = {
		{m->tres_per_node, offsetof(struct gres_need, node)},
		{m->tres_per_task, offsetof(struct gres_need, task)},
		{m->tres_per_socket, offsetof(struct gres_need, socket)},
		{m->tres_per_step, offsetof(struct gres_need, job)},
		{m->cpus_per_tres, offsetof(struct gres_need, cpus_per)},
		{m->mem_per_tres, offsetof(struct gres_need, mem_per)},
	};
	size_t size = (q->c->gres_type_count + 1) * sizeof(uint64_t);

	q->gres_none = m->tres_per_node && strcasecmp(m->tres_per_node, "NONE") == 0;
	for (size_t k = 0; k < sizeof(kind) / sizeof(kind[0]); k++) {
		uint64_t *units;
		enum err e;

		if (!kind[k].text || !*kind[k].text || q->gres_none)
			continue;
		units = arena_zalloc(q->mem, size);
		e = gres_parse(q->c, kind[k].text, units, why);
		if (e)
			return e;
		for (uint32_t t = 0; t < q->c->gres_type_count; t++) {
			if (!units[t])
				continue;
			if (!q->gres)
				q->gres = arena_zalloc(q->mem, (q->c->gres_type_count + 1) *
						       sizeof(struct gres_need));
			memcpy((char *)&q->gres[t] + kind[k].at, &units[t], sizeof(uint64_t));
		}
	}
	if (q->gres) {
		q->gres_step_left = arena_zalloc(q->mem, size);
		for (uint32_t t = 0; t < q->c->gres_type_count; t++)
			q->gres_step_left[t] = q->gres[t].job;
	}
	return E_OK;
}

static bool of_name(const struct core *c, uint32_t k, uint32_t t)
{
	return k == t || (streq(c->gres_type[t], c->gres_name[t]) &&
			  streq(c->gres_name[k], c->gres_name[t]));
}

/* Units of one type that the step may still have; what out was given for
 * another part of the request is gone. */
static uint64_t type_left(const struct step_req *q, uint32_t k, uint32_t t, bool idle,
			  const uint16_t *given)
{
	const struct job_share *s = &q->alloc->share[k];
	uint64_t used;

	if (!s->gres)
		return 0;
	used = idle || q->overlap || !s->gres_step ? 0 : s->gres_step[t];
	used += given ? given[t] : 0;
	return s->gres[t] > used ? s->gres[t] - used : 0;
}

/* A name without type is any of its types. */
static uint64_t units_left(const struct step_req *q, uint32_t k, uint32_t t, bool idle)
{
	uint64_t sum = 0;

	for (uint32_t x = 0; x < q->c->gres_type_count; x++)
		if (of_name(q->c, x, t))
			sum += type_left(q, k, x, idle, NULL);
	return sum;
}

uint32_t step_gres_limit(const struct step_req *q, uint32_t k, uint32_t cpus, bool idle)
{
	for (uint32_t t = 0; q->gres && t < q->c->gres_type_count; t++) {
		const struct gres_need *g = &q->gres[t];
		uint64_t have;

		if (!g->node && !g->task && !g->socket && !g->job)
			continue;
		have = units_left(q, k, t, idle);
		if (!have || have < g->node || have < g->socket)
			return 0;
		if (g->task) {
			uint64_t tasks = have / g->task, c = tasks * (q->cpt ? q->cpt : 1);

			if (c < cpus)
				cpus = (uint32_t)c;
		}
		if (g->cpus_per && g->node && cpus < g->node * g->cpus_per)
			return 0;
	}
	return cpus;
}

/* The lowest of the job's devices that no other step has. */
static uint64_t devices_pick(const struct step_req *q, const struct job_share *s, uint32_t t,
			     uint16_t units)
{
	uint64_t open = s->devs ? s->devs[t] : 0, took = 0;
	uint32_t n = 0;

	if (q->c->node[s->node]->gres[t].shared)
		return units ? open : 0;
	if (!q->overlap && s->devs_step)
		open &= ~s->devs_step[t];
	for (uint32_t b = 0; b < 64 && n < units; b++) {
		if (!(open >> b & 1))
			continue;
		took |= UINT64_C(1) << b;
		n++;
	}
	return took;
}

/* Units of t, of its own type first. */
static void give(struct step_req *q, uint16_t *out, uint32_t k, uint32_t t, uint64_t want)
{
	for (uint32_t pass = 0; pass < 2; pass++) {
		for (uint32_t x = 0; x < q->c->gres_type_count && want; x++) {
			uint64_t n;

			if ((x == t) != (pass == 0) || !of_name(q->c, x, t))
				continue;
			n = type_left(q, k, x, false, out);
			n = n < want ? n : want;
			out[x] = (uint16_t)(out[x] + n);
			want -= n;
		}
	}
}

/* Sockets of a node that the step has cores of. */
static uint32_t step_sockets(const struct step_req *q, const struct step *out, uint32_t k)
{
	const struct job_share *s = &q->alloc->share[k];
	uint32_t cps = q->c->node[s->node]->cores_per_socket, n = 0;

	for (uint32_t from = 0; cps && from < s->cores; from += cps) {
		bool any = false;

		for (uint32_t i = from; i < from + cps && i < s->cores; i++)
			any |= bitset_test(out->cores, s->core_off + i);
		n += any;
	}
	return n ? n : 1;
}

/* Did the job ask for gres, or was it given what its nodes have? */
static bool job_asked(const struct job *j)
{
	static const enum job_string all[] = {
		JS_TRES_PER_JOB, JS_TRES_PER_NODE, JS_TRES_PER_SOCKET, JS_TRES_PER_TASK,
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		const char *s = job_str(j, all[i]);

		if (s && strstr(s, "gres"))
			return true;
	}
	return false;
}

void step_gres_give(struct step_req *q, struct step *out, uint32_t i, uint32_t k, uint32_t tasks)
{
	const struct job_share *s = &q->alloc->share[k];
	uint32_t types = q->c->gres_type_count;
	uint16_t *to;

	if (!s->gres || q->gres_none || (!q->gres && !job_asked(q->job)))
		return;
	if (!out->gres) {
		out->gres = mem_zalloc(out->node_count * sizeof(uint16_t *));
		out->devs = mem_zalloc(out->node_count * sizeof(uint64_t *));
	}
	to = out->gres[i] = mem_zalloc((types + 1) * sizeof(uint16_t));
	out->devs[i] = mem_zalloc((types + 1) * sizeof(uint64_t));
	for (uint32_t t = 0; t < types; t++) {
		const struct gres_need *g = q->gres ? &q->gres[t] : NULL;
		uint64_t have, want;

		if (!g) {       /* as the job: all of it, shared with later steps that fit */
			to[t] = (uint16_t)type_left(q, k, t, false, NULL);
			continue;
		}
		have = units_left(q, k, t, false);
		want = g->node + g->task * tasks + g->socket * step_sockets(q, out, k);
		if (g->job && !want) {
			uint64_t left = have - (want < have ? want : have);
			uint64_t more = q->gres_step_left[t] < left ? q->gres_step_left[t] : left;

			q->gres_step_left[t] -= more;
			want += more;
		}
		give(q, to, k, t, want);
	}
	for (uint32_t t = 0; t < types; t++)
		out->devs[i][t] = devices_pick(q, s, t, to[t]);
}
