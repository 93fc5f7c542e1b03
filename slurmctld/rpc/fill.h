/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's records as messages show them.  Everything that is not in the
 * record itself goes to mem. */
#ifndef SLURMCTLD_RPC_FILL_H
#define SLURMCTLD_RPC_FILL_H

#include "slurmctld/core/show.h"

int64_t fill_job(const struct core *c, const struct job *j, uint16_t show_flags,
		 struct job_info_members *m, struct arena *mem);
void fill_node(const struct core *c, const struct node *n, uint16_t show_flags,
	       enum wire_version v, struct node_info_members *m, struct arena *mem);
void fill_part(const struct core *c, const struct part *p,
	       struct partition_info_members *m, struct arena *mem);
/* "cpu=4,mem=1000M,node=2,billing=4" as stock prints tracked resources;
 * NULL when everything is zero. */
const char *fill_tres(struct arena *mem, uint64_t cpus, uint64_t mem_mb, uint32_t nodes,
		      uint64_t billing);
/* "0-1,3": numbers of devices. */
const char *fill_devices(struct arena *mem, uint64_t devs);
bool part_visible(const struct part *p, uint32_t uid);

#endif
