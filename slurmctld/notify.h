/* SPDX-License-Identifier: Apache-2.0
 *
 * What happens outside when a job starts or ends: mail to its owner,
 * EpilogSlurmctld. */
#ifndef SLURMCTLD_NOTIFY_H
#define SLURMCTLD_NOTIFY_H

#include "slurmctld/ctld.h"

void notify_started(struct ctld *c, uint32_t job_id);
/* state: the one it ended in (it may be on its way again). */
void notify_ended(struct ctld *c, uint32_t job_id, uint32_t state);

#endif
