/* SPDX-License-Identifier: Apache-2.0
 *
 * The shell around core/job.c: events in, effects carried out. */
#ifndef SLURMD_JOBS_H
#define SLURMD_JOBS_H

#include "slurmd/req.h"

struct job_shell *jobs_new(struct daemon *d);
/* Feed one event and carry out what follows from it. */
void jobs_event(struct daemon *d, const struct nj_event *ev);

/* launch.c: start slurmstepd for a request; its outcome becomes an event. */
void launch_start(struct req *q, bool extern_step);

#endif
