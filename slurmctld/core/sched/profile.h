/* SPDX-License-Identifier: Apache-2.0
 *
 * What will be in use on each node, over time: from what runs now, when it
 * ends, and what is promised to waiting jobs. */
#ifndef SLURMCTLD_CORE_SCHED_PROFILE_H
#define SLURMCTLD_CORE_SCHED_PROFILE_H

#include "slurmctld/core/sched/sched_i.h"

/* Something that begins or ends on a node. */
struct profile_event {
	int64_t at;
	uint32_t next;                  /* of the same node, by time; 0 none */
	int32_t cpus, jobs;
	int64_t mem;
	const uint16_t *gres;           /* times sign, per type; or NULL */
	int32_t sign;
	bool promised;
};

struct profile {
	struct arena mem;
	uint32_t node_count;
	struct load *base;              /* now; gres always set */
	uint32_t *head;                 /* first event of each node */
	struct profile_event *ev;       /* from 1 on */
	uint32_t ev_count, ev_cap;
	int64_t *time;                  /* when running jobs end, ascending, distinct */
	uint32_t time_count, time_cap;
	struct load *load;              /* answer of profile_loads */
};

/* Promise to a waiting job. */
struct promise {
	struct promise *next;
	uint32_t job_id;
	struct sched_key key;
	int64_t start, end;
	uint32_t node_count;
	struct promise_node {
		uint32_t node, cpus;
		uint64_t mem;
		uint16_t *gres;
	} node[];
};

/* What runs now.  resolution_sec: ends are rounded up to it. */
void profile_build(struct core *c, struct profile *p, int64_t resolution_sec);
void profile_fini(struct profile *p);
void profile_add(struct core *c, struct profile *p, const struct promise *pr);
/* For all nodes of set: the highest load in [from, to) into p->load.  PL_GRES:
 * gres too, else NULL. */
#define PL_GRES     1u
#define PL_PROMISES 2u          /* promises count */
void profile_loads(struct core *c, struct profile *p, const struct bitset *set, int64_t from,
		   int64_t to, unsigned what);
struct promise *promise_new(struct core *c, struct arena *mem, const struct job *j,
			    const struct sched_key *key, const struct placement *pl,
			    int64_t start, int64_t end);
#endif
