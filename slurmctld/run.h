/* SPDX-License-Identifier: Apache-2.0
 *
 * What the core asks of the machine besides messages: programs, the job
 * completion file, members of groups. */
#ifndef SLURMCTLD_RUN_H
#define SLURMCTLD_RUN_H

#include "slurmctld/ctld.h"

/* Start e->argv (MailProg, EpilogSlurmctld ...) detached from us. */
void run_program(struct ctld *c, const struct effect *e);
/* The same as the user e->uid. */
void run_program_as(struct ctld *c, const struct effect *e);
/* Append a line to JobCompLoc. */
void run_jobcomp(struct ctld *c, const char *line);
/* Resolve AllowGroups of a partition; ends in EV_GROUPS. */
void run_groups(struct ctld *c, uint32_t part);
/* Reap what ended (SIGCHLD). */
void run_reap(struct ctld *c);

#endif
