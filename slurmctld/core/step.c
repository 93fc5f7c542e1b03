/* SPDX-License-Identifier: Apache-2.0
 *
 * Step records and what they use of their job's allocation. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

struct step *step_new(void)
{
	struct step *s = mem_zalloc(sizeof(*s));

	s->het_comp = NO_VAL;
	s->time_limit_min = INFINITE;
	return s;
}

bool step_matches(const struct step *s, const struct step_id_members *id)
{
	return s->id == id->step_id &&
	       (id->step_het_comp == NO_VAL || s->het_comp == id->step_het_comp);
}

struct step *step_find(const struct job *j, const struct step_id_members *id)
{
	for (struct step *s = j->steps; s; s = s->next)
		if (step_matches(s, id))
			return s;
	return NULL;
}

void step_add(struct job *j, struct step *s)
{
	struct step **p = &j->steps;

	while (*p && ((*p)->id < s->id || ((*p)->id == s->id && (*p)->het_comp < s->het_comp)))
		p = &(*p)->next;
	s->next = *p;
	*p = s;
}

void step_free(struct step *s)
{
	char **strings[] = {
		&s->name, &s->host, &s->network, &s->tres_per_step, &s->tres_per_node,
		&s->tres_per_socket, &s->tres_per_task, &s->cpus_per_tres, &s->mem_per_tres,
		&s->tres_bind, &s->tres_freq, &s->submit_line, &s->container, &s->container_id,
		&s->cwd, &s->std_in, &s->std_out, &s->std_err, &s->tres_alloc, &s->node_list,
	};

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		free(*strings[i]);
	for (uint32_t i = 0; i < s->node_count; i++) {
		if (s->tids)
			free(s->tids[i]);
		if (s->gres)
			free(s->gres[i]);
		if (s->devs)
			free(s->devs[i]);
	}
	free(s->node);
	free(s->tasks);
	free(s->tids);
	free(s->mem_mb);
	free(s->gres);
	free(s->devs);
	bitset_free(s->cores);
	bitset_free(s->done);
	free(s);
}

/* A step that overlaps others counts for nothing.  A step's gres per type need
 * the number of types: kept by whoever built both (see job_share.gres_step). */
static void step_charge(struct job *j, struct step *s, bool add)
{
	struct job_alloc *a = j->alloc;

	if (!a || s->overlap || s->external)
		return;
	if (s->cores && s->cores->bits == a->cores_step->bits) {
		if (add)
			bitset_or(a->cores_step, s->cores);
		else
			bitset_and_not(a->cores_step, s->cores);
	}
	for (uint32_t i = 0; i < s->node_count; i++) {
		uint32_t k = alloc_find(a, s->node[i]);
		uint64_t mem = s->mem_mb && !(s->flags & SSF_MEM_ZERO) ? s->mem_mb[i] : 0;

		if (k == UINT32_MAX)
			continue;
		a->share[k].step_mem_mb = add ? a->share[k].step_mem_mb + mem :
			a->share[k].step_mem_mb - (a->share[k].step_mem_mb < mem ?
						   a->share[k].step_mem_mb : mem);
	}
}

static void gres_charge(struct core *c, struct job *j, const struct step *s, bool add)
{
	for (uint32_t i = 0; s->gres && i < s->node_count; i++) {
		uint32_t k = alloc_find(j->alloc, s->node[i]);
		struct job_share *sh = k == UINT32_MAX ? NULL : &j->alloc->share[k];

		for (uint32_t t = 0; sh && sh->gres_step && s->gres[i] && t < c->gres_type_count;
		     t++) {
			uint16_t u = s->gres[i][t], *used = &sh->gres_step[t];
			uint64_t devs = s->devs && s->devs[i] ? s->devs[i][t] : 0;

			*used = (uint16_t)(add ? *used + u : *used - (*used < u ? *used : u));
			if (!sh->devs_step || c->node[sh->node]->gres[t].shared)
				continue;
			sh->devs_step[t] = add ? sh->devs_step[t] | devs :
				sh->devs_step[t] & ~devs;
		}
	}
}

void step_use(struct core *c, struct job *j, struct step *s, bool add)
{
	step_charge(j, s, add);
	if (j->alloc && !s->overlap && !s->external)
		gres_charge(c, j, s, add);
}

void step_remove(struct core *c, struct job *j, struct step *s)
{
	struct step **p = &j->steps;

	while (*p && *p != s)
		p = &(*p)->next;
	if (*p)
		*p = s->next;
	step_use(c, j, s, false);
	step_free(s);
	job_dirty(c, j);
}

void steps_remove_all(struct core *c, struct job *j)
{
	while (j->steps)
		step_remove(c, j, j->steps);
}
