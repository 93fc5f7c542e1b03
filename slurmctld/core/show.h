/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SLURMCTLD_CORE_SHOW_H
#define SLURMCTLD_CORE_SHOW_H

#include "slurmctld/core/core.h"

/* "n[1-4]" in mem; NULL for none. */
const char *show_nodes(const struct core *c, const struct bitset *nodes, struct arena *mem);
/* Both fill initialised structures, borrowing from the core. */
void show_step(const struct core *c, const struct job *j, const struct step *s,
	       struct job_step_info_members *m, struct arena *mem);
/* What the job holds; it has an allocation. */
void show_resources(const struct core *c, const struct job *j, struct job_resources *r,
		    struct arena *mem);

#endif
