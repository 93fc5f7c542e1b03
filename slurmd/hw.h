/* SPDX-License-Identifier: Apache-2.0
 *
 * What this machine is and how busy it is. */
#ifndef SLURMD_HW_H
#define SLURMD_HW_H

#include <stdint.h>

struct hw {
	uint16_t cpus, boards, sockets, cores, threads; /* sockets: total; cores per socket */
	uint64_t memory_mb;
	uint16_t numa_nodes, l3_caches; /* 0 unknown */
};

/* Processors by hwloc, or by /sys where that cannot be loaded.  hwloc's
 * tables are read in a child process so that they never count as ours. */
void hw_read(struct hw *out);
/* Only /sys; also used by tests with another root.  0 cpus: cannot tell. */
void hw_read_sys(const char *root, struct hw *out);

uint32_t hw_tmp_disk_mb(const char *dir);
uint32_t hw_up_time_sec(void);
uint32_t hw_cpu_load(void);             /* load average times 100 */
uint64_t hw_free_mem_mb(void);

#endif
