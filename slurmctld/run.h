/* SPDX-License-Identifier: Apache-2.0
 *
 * What the core asks of the machine besides messages and programs: the job
 * completion file, members of groups. */
#ifndef SLURMCTLD_RUN_H
#define SLURMCTLD_RUN_H

#include "slurmctld/ctld.h"

/* Append a line to JobCompLoc. */
void run_jobcomp(struct ctld *c, const char *line);
/* Resolve AllowGroups of a partition, or that group of a reservation (resv_id is not
 * 0); ends in EV_GROUPS. */
void run_groups(struct ctld *c, uint32_t part, uint32_t resv_id);

#endif
