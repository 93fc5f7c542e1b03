/* SPDX-License-Identifier: Apache-2.0
 *
 * A job on its way in: between submit.c and its parts. */
#ifndef SLUICE_CORE_SUBMIT_I_H
#define SLUICE_CORE_SUBMIT_I_H

#include "slurmctld/core/internal.h"

enum { ENFORCE_NO, ENFORCE_ALL, ENFORCE_ANY };

/* What later checks fill in, beside the request itself (which is borrowed). */
struct draft {
	const struct job_desc_msg *d;
	const struct event *ev;
	bool batch;
	uint32_t uid, gid;
	uint32_t min_cpus, max_cpus, min_nodes, max_nodes, num_tasks, time_limit, priority, nice;
	uint16_t cpus_per_task, pn_min_cpus, ntasks_per_node;
	uint64_t mem, bitflags;
	const char *alloc_node;
	struct part *part[32];
	uint32_t part_count;
	struct bitset *req;
	struct job_array *array;
	struct err_text *why;
};

/* The partitions that are named, who may use them and what they allow; fills
 * in part, req and limits that come from them. */
enum err submit_parts(struct core *c, struct draft *t);

#endif
