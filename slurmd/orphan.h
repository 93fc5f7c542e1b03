/* SPDX-License-Identifier: Apache-2.0
 *
 * A step daemon that was killed leaves its tasks behind and its end unsaid:
 * both are made good here. */
#ifndef SLURMD_ORPHAN_H
#define SLURMD_ORPHAN_H

#include "slurmd/daemon.h"

/* node_rank: this node's in the step.  status: of the step daemon. */
void orphan_step(struct daemon *d, uint32_t job_id, uint32_t step_id, uint32_t het_comp,
		 uint32_t node_rank, int status);

#endif
