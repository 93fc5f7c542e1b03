/* SPDX-License-Identifier: Apache-2.0
 *
 * The step manager: one running job's steps outside the controller, on the
 * job's first node (SlurmctldParameters=enable_stepmgr, --stepmgr).  It is a
 * core that holds this job, its nodes and its partition, and nothing else, and
 * decides as the controller would.  Nothing of it is kept: it lives as long as
 * the job. */
#ifndef SLURMCTLD_CORE_STEPMGR_H
#define SLURMCTLD_CORE_STEPMGR_H

#include "slurmctld/core/core.h"

/* ---- the controller's side ---------------------------------------------- */

/* What the job's step manager needs, in the effects' arena; the job is
 * running.  release: that of the message. */
void stepmgr_records_fill(struct core *c, struct effects *out, const struct job *j,
			  enum wire_version release, struct stepmgr_records *r);

/* ---- the step manager's side -------------------------------------------- */

/* Fill an empty core, whose configuration has the nodes of the records in
 * their order, with the job.  client: where the job's own srun or salloc can be
 * told (family 0: nobody).  E_FAIL: the records contradict each other. */
enum err stepmgr_load(struct core *c, const struct stepmgr_records *r,
		      const struct wire_addr *client, struct err_text *why);

/* One request, from slurmd, which has judged the sender. */
struct stepmgr_request {
	uint16_t type;
	const void *body;
	enum wire_version version;
	int64_t now;
	uint32_t uid;
	bool admin;                     /* root or SlurmUser */
	struct wire_addr peer;          /* where srun listens (port: in the body) */
};
/* Effects: one reply, and messages to nodes and clients, and log lines. */
void stepmgr_serve(struct core *c, const struct stepmgr_request *q, struct effects *out);
/* Time limits of steps: to be called at stepmgr_next_time, INT64_MAX never. */
void stepmgr_tick(struct core *c, int64_t now, struct effects *out);
int64_t stepmgr_next_time(const struct core *c);
/* The job is suspended or runs again. */
void stepmgr_suspended(struct core *c, bool suspended, struct effects *out);
/* It has less memory on each node. */
void stepmgr_memory(struct core *c, uint64_t mb);

#endif
