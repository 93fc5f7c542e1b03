/* SPDX-License-Identifier: Apache-2.0
 *
 * File name patterns of -i, -o and -e ("slurm-%j.out").  Pure. */
#ifndef STEPD_PATTERN_H
#define STEPD_PATTERN_H

#include <stdint.h>

struct pattern_values {
	uint32_t job_id, step_id;
	uint32_t array_job_id, array_task_id;   /* task NO_VAL: no array */
	uint32_t node_id, task_id, restarts;
	const char *node_name, *user, *job_name, *sluid;
};

/* Expand pattern; a relative one is put below dir.  A backslash anywhere
 * means "as it is": backslashes are dropped and nothing is expanded.
 * Heap string, caller frees. */
char *pattern_expand(const char *pattern, const char *dir,
		     const struct pattern_values *v);

/* srun's "-o 3": the number when the whole text is one, else -1. */
long pattern_single_task(const char *pattern);

#endif
