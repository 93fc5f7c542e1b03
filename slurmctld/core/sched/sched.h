/* SPDX-License-Identifier: Apache-2.0
 *
 * Choosing: which job next, which nodes, cores and gres, and when a job could
 * start.  Pure.  Holds its own queue and indices in struct sched; reads jobs,
 * nodes and partitions; changes nothing but struct sched: the core acts on
 * the choice (job_start in core/). */
#ifndef SLURMCTLD_CORE_SCHED_SCHED_H
#define SLURMCTLD_CORE_SCHED_SCHED_H

#include "slurmctld/core/core.h"

struct sched *sched_new(struct core *c);
void sched_free(struct sched *s);

/* The pending queue, in priority order: one total order (sched_compare, the
 * criteria numbered there: partition tier, priority, submit order...). */
void sched_job_added(struct core *c, struct job *j);    /* pending and eligible or not */
/* No longer pending: started (it holds resources: kept as running), or gone.
 * To be called again when its allocation is freed and when its record is. */
void sched_job_removed(struct core *c, struct job *j);
void sched_job_changed(struct core *c, struct job *j);  /* priority, size, partition... */
void sched_nodes_changed(struct core *c);               /* states, partitions, configuration */
int sched_compare(const struct job *a, const struct job *b);
/* Priority for a new job (priority/basic: falls from 4294901760; multifactor:
 * weights of the configuration). */
uint32_t sched_priority(struct core *c, const struct job *j);
/* What each factor adds under priority/multifactor now (sprio). */
enum sched_tres { SCHED_CPU, SCHED_MEM, SCHED_NODE, SCHED_TRES_COUNT };

struct sched_factors {
	double age, size, part;
	double tres[SCHED_TRES_COUNT], weight[SCHED_TRES_COUNT];
	bool any_tres;                  /* PriorityWeightTRES has one of them */
};
void sched_factors(const struct core *c, const struct job *j, struct sched_factors *out);
const char *sched_tres_name(enum sched_tres t);
bool sched_is_multifactor(const struct core *c);

/* A placement: everything job_alloc needs. Built in mem. */
struct placement {
	uint32_t node_count;
	struct job_share *share;        /* node, cpus, tasks, mem, gres filled; core_off, cores too */
	struct bitset *cores;           /* as in struct job_alloc */
	uint32_t total_cpus;
	bool whole_node;
	struct part *part;              /* the partition of a list that took it */
	uint32_t resv_id;               /* the reservation it is drawn into, or 0 */
};

/* Could this request ever run, with all nodes up and empty (E_OK), and if not,
 * stock's error (E_REQUESTED_NODE_CONFIG_UNAVAILABLE, E_INVALID_NODE_COUNT,
 * E_TOO_MANY_REQUESTED_CPUS, E_REQUESTED_NODES_NOT_IN_PARTITION ...). */
enum err sched_possible(struct core *c, const struct job *j, const struct part *p,
			struct err_text *why);
/* Place the job now on what is free.  E_NODES_BUSY: not now; *reason then says
 * why it waits (WAIT_RESOURCES, WAIT_NODE_NOT_AVAIL, ...), *desc in words. */
enum err sched_place(struct core *c, const struct job *j, struct arena *mem,
		     struct placement *out, uint32_t *reason, struct err_text *desc);
/* Cores for a reservation: of these nodes, of all of must when it is set, but not
 * those taken (per node, NULL: none); whatever runs there. */
enum err sched_place_cores(struct core *c, const struct job *like, const struct part *p,
			   const struct bitset *nodes, struct bitset *must,
			   struct bitset **taken, struct arena *mem, struct placement *out);
/* When and where it could start, considering running jobs' ends (and the
 * jobs ahead of it in the queue when with_queue). */
enum err sched_estimate(struct core *c, const struct job *j, bool with_queue,
			struct arena *mem, int64_t *start, struct placement *out);

/* One scheduling pass: calls start() for each job to be started now, in order
 * (start applies it at once, so later choices see it), and notes the reasons
 * of the others through reason().  Main pass in priority order, then backfill
 * with a time profile; bounded work: returns true when a backfill slice is
 * left (EV_SCHED_SLICE continues it). */
struct sched_ops {
	void (*start)(struct core *c, struct job *j, const struct placement *p, bool backfill,
		      struct effects *out);
	void (*reason)(struct core *c, struct job *j, uint32_t reason, const char *desc);
	/* expected start and nodes of a pending job (squeue --start) */
	void (*planned)(struct core *c, struct job *j, int64_t start, const char *nodes);
	/* all nodes that waiting jobs are planned on; may be NULL */
	void (*planned_nodes)(struct core *c, const struct bitset *nodes);
};
bool sched_pass(struct core *c, const struct sched_ops *ops, struct effects *out, bool slice);
/* When the scheduler wants another pass though nothing happens before: a begin
 * time, a delayed backfill round.  Wall clock seconds, INT64_MAX never: the core
 * counts it into core_next_time() and sets wants_sched when it is due. */
int64_t sched_next_time(const struct core *c);

/* ---- steps ------------------------------------------------------------- */
/* Place a step inside its job: nodes, tasks per node, cores, memory, gres, by
 * the create request.  Fills the step's fields (heap).  E_NODES_BUSY (try
 * later), E_REQUESTED_NODE_CONFIG_UNAVAILABLE, E_INVALID_NODE_COUNT ... */
enum err step_place(struct core *c, const struct job *j,
		    const struct job_step_create_request_msg *req, struct step *out,
		    struct err_text *why);
/* The same for the shell of salloc: one task on the job's first node. */
enum err step_place_interactive(struct core *c, const struct job *j, struct step *out);
/* Tasks a node, as if one step took the whole job: tasks has room for each. */
void job_layout_tasks(const struct core *c, const struct job *j, uint16_t *tasks,
		      struct arena *mem);
/* Global task ids per node for a distribution (block, cyclic, plane, arbitrary). */
void step_layout_tasks(uint32_t dist, uint16_t plane, uint32_t nodes, const uint16_t *tasks,
		       uint32_t num_tasks, uint32_t **tids /* out, each in mem */,
		       struct arena *mem);

/* "gres/qpu:1", "gres:qpu:1", "qpu:1", "gpu:tesla:2,qpu": units per gres_type.
 * E_INVALID_GRES for a name nobody configured. */
enum err gres_parse(const struct core *c, const char *text, uint64_t *units,
		    struct err_text *why);
/* What may not be asked for together: a name with and without type, GPUs and
 * parts of GPUs. */
enum err gres_mixed(const struct core *c, const uint64_t *units);
/* "cpu=4,mem=2000M,node=2,billing=4,gres/qpu=1" of an allocation or request. */
char *tres_format(const struct core *c, uint64_t cpus, uint64_t mem_mb, uint32_t nodes,
		  const uint64_t *gres, uint64_t billing);

#endif
