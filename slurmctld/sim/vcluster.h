/* SPDX-License-Identifier: Apache-2.0
 *
 * A virtual cluster around the real core: nodes that crash and come back,
 * messages that are lost, late or repeated, a controller killed at any record.
 * Everything follows from one seed. */
#ifndef SLURMCTLD_SIM_VCLUSTER_H
#define SLURMCTLD_SIM_VCLUSTER_H

#include "slurmctld/core/test/world.h"

#define VNODES 6
#define VTASKS 64
#define VMAIL  1024

/* A job on a node. */
struct vtask {
	uint32_t job_id;
	uint64_t sluid;
	bool batch;             /* has the script, else only the allocation */
	int64_t ends;
	uint32_t status;
};

struct vnode {
	const char *name;
	bool up;
	int64_t booted;
	struct vtask task[VTASKS];
	uint32_t tasks;
};

enum vmail_kind {
	MAIL_TO_NODE,           /* an effect for one node */
	MAIL_RESULT,            /* its answer */
	MAIL_BATCH_DONE, MAIL_EPILOG, MAIL_REGISTER
};

/* A message under way. */
struct vmail {
	enum vmail_kind kind;
	uint32_t node;
	uint16_t type;
	uint32_t job_id, status;
	uint64_t sluid;
	enum err result;
	bool batch_here;        /* the node is the job's batch host */
};

struct vcluster {
	struct world w;
	uint64_t seed;
	struct vnode node[VNODES];
	struct vmail mail[VMAIL];
	uint32_t mails;
	uint8_t *acked;         /* by job id: 1 acknowledged, 2 seen finished */
	uint32_t max_id, acked_size;
	uint64_t trace;         /* hash of everything that happened */
	char fault[400];        /* first broken invariant */
	bool calm;              /* no more trouble: let everything end */
	uint32_t restarts, crashes, reconfigs;
};

void vcluster_begin(struct vcluster *v, uint64_t seed);
void vcluster_end(struct vcluster *v);
/* One random happening.  False when an invariant broke (v->fault). */
bool vcluster_step(struct vcluster *v);
/* Trouble is over: true when every job that is not held comes to an end. */
bool vcluster_settle(struct vcluster *v);

#endif
