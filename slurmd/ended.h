/* SPDX-License-Identifier: Apache-2.0
 *
 * Which jobs ended here lately, kept in the spool directory: a credential of
 * such a job must stay refused when slurmd is started anew. */
#ifndef SLURMD_ENDED_H
#define SLURMD_ENDED_H

#include "slurmd/daemon.h"

/* At start: revoke what the file says and forget what no longer matters. */
void ended_load(struct daemon *d);
void ended_add(struct daemon *d, uint32_t job_id, time_t when);

#endif
