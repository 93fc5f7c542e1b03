/* SPDX-License-Identifier: Apache-2.0
 *
 * Programs that the core wants run: triggers, mail, PrologSlurmctld,
 * EpilogSlurmctld, those of power saving.  Users are looked up and programs
 * started in the thread for slow things; their end comes back as EV_PROGRAM
 * where the core asked for it. */
#ifndef SLURMCTLD_PROGRAMS_H
#define SLURMCTLD_PROGRAMS_H

#include "slurmctld/ctld.h"

struct programs;
struct programs *programs_new(struct ctld *c);
/* What the core will ask for again after a restart is killed. */
void programs_free(struct programs *p);
void programs_start(struct programs *p, const struct effect *e);        /* EFF_RUN */
void programs_kill(struct programs *p, uint32_t job_id);                /* EFF_RUN_KILL */
/* Reap what ended (SIGCHLD). */
void programs_reap(struct programs *p);

#endif
