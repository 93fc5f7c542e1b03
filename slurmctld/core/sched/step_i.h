/* SPDX-License-Identifier: Apache-2.0
 *
 * Between steps.c, step_cores.c and layout.c. */
#ifndef SLURMCTLD_CORE_SCHED_STEP_I_H
#define SLURMCTLD_CORE_SCHED_STEP_I_H

#include "slurmctld/core/sched/sched_i.h"

/* A step request against its job.  Arrays are over the job's nodes. */
struct step_req {
	struct core *c;
	const struct job *job;
	struct job_alloc *alloc;
	const struct job_step_create_request_msg *msg;
	struct arena *mem;
	uint32_t flags;
	bool overlap, external, whole, overcommit;
	uint32_t n;                     /* nodes of the job */
	uint32_t min_nodes, max_nodes, tasks, cpus, cpt;
	uint64_t mem_mb;                /* with MEM_PER_CPU; 0 all of the job's */
	bool mem_counts;
	uint32_t *usable;               /* CPUs */
	bool *avail, *idle, *picked;
	uint32_t job_blocked_nodes, job_blocked_cpus, mem_blocked_nodes, mem_blocked_cpus;
	struct gres_need *gres;         /* NULL: as the job's */
	uint64_t *gres_step_left;
	bool gres_none;
	uint32_t gres_impossible;       /* nodes that can never give the gres */
	const uint32_t *list;           /* arbitrary: job node index per task */
	uint32_t list_count;
};

void layout_count(uint32_t dist, uint32_t plane, bool pack, uint32_t nodes,
		  const uint32_t *slots, uint32_t tasks, uint16_t *out);

/* Cores of the job on its node k; CPUs that one stands for. */
uint32_t step_core_cpus(const struct step_req *q, uint32_t k);
uint32_t step_cores_used(const struct step_req *q, uint32_t k);
/* Take cores for tasks on node k. E_NODES_BUSY, E_TOO_MANY_REQUESTED_CPUS. */
enum err step_cores_pick(const struct step_req *q, uint32_t k, uint32_t tasks, uint32_t cpus,
			 struct bitset *out);
/* Fill out->gres for node i of the step, which is node k of the job. */
void step_gres_give(struct step_req *q, struct step *out, uint32_t i, uint32_t k,
		    uint32_t tasks);
enum err step_gres_parse(struct step_req *q, struct err_text *why);
/* CPUs usable on node k under the gres asked for; *ever: with no other step there. */
uint32_t step_gres_limit(const struct step_req *q, uint32_t k, uint32_t cpus, bool idle);
#endif
