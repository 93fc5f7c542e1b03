/* SPDX-License-Identifier: Apache-2.0
 *
 * Which CPUs of a node each task of a step gets.  Pure: CPUs are counted
 * abstractly, thread by thread, core by core, socket by socket; what the kernel
 * calls them is the caller's knowledge. */
#ifndef STEPD_LAYOUT_H
#define STEPD_LAYOUT_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire/base/bitset.h"

struct layout_machine {
	uint32_t sockets, cores, threads;       /* that exist; cores a socket, threads a core */
	uint32_t conf_threads;                  /* a core, as configured */
	bool one_thread;                        /* CPUs= counts cores */
};

struct layout_step {
	uint32_t tasks, cpus_per_task;
	uint32_t per_core, per_socket;          /* tasks at the most; 0 no limit */
	uint32_t threads_per_core;              /* to be used; 0 all */
	uint32_t dist;                          /* task_dist of the wire */
	uint16_t bind;                          /* enum cpu_bind */
	bool overcommit, block_default;         /* CR_CORE_DEFAULT_DIST_BLOCK */
};

/* How much of the machine a set is. */
struct layout_whole {
	uint32_t sockets, cores, threads;       /* whole ones */
	uint32_t part_sockets, part_cores;
	bool node;
};

uint32_t layout_size(const struct layout_machine *m);
/* The CPUs of the cores that the controller counts (n of them); spec: threads
 * kept for the system. */
void layout_avail(const struct layout_machine *m, const struct bitset *cores, uint32_t n,
		  uint32_t spec, cpu_set_t *out);
void layout_whole_count(const struct layout_machine *m, const cpu_set_t *avail,
		  struct layout_whole *out);
/* What stock binds to when nobody asked: a CPU_BIND_ entity, 0 none. */
uint16_t layout_auto(const struct layout_whole *w, uint32_t cpus, uint32_t spec,
		     uint32_t plugin_param);
/* One set a task.  False: they do not fit. */
bool layout_tasks(const struct layout_machine *m, const struct layout_step *s,
		  const cpu_set_t *avail, cpu_set_t *out);

#endif
