/* SPDX-License-Identifier: Apache-2.0
 *
 * Step daemons of Slurm's own that were started on this node before us: they
 * are adopted, as far as their socket goes. */
#ifndef SLURMD_STOCK_STEPD_H
#define SLURMD_STOCK_STEPD_H

#include "slurmd/stepd_api.h"

/* As stepd_ask.  What cannot be asked (sattach, sstat, a step manager) is
 * E_NOT_SUPPORTED.  STEPD_TERMINATE and STEPD_TIMELIMIT only begin the end:
 * who asks sends STEPD_TERMINATE with SIGKILL after KillWait. */
enum err stock_stepd_ask(const char *path, const struct stepd_request *q,
			 struct stepd_reply *r, struct arena *mem, int timeout_ms);

#endif
