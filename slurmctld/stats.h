/* SPDX-License-Identifier: Apache-2.0
 *
 * What sdiag counts outside the core: requests by type and by user, and the
 * time their handling took.  Main thread only. */
#ifndef SLURMCTLD_STATS_H
#define SLURMCTLD_STATS_H

#include "slurmctld/ctld.h"

struct stats *stats_new(void);
void stats_free(struct stats *s);
void stats_reset(struct stats *s);
/* The request was answered. */
void stats_rpc(struct stats *s, const struct request *r);
/* A scheduling pass took so long. */
void stats_cycle(struct ctld *c, int64_t usec, bool slice);
/* Fill the answer; arrays borrow from s. */
void stats_fill(struct ctld *c, struct stats_response_msg *m, struct arena *mem);

#endif
