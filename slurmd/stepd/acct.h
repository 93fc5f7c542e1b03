/* SPDX-License-Identifier: Apache-2.0
 *
 * What the step used, in the form the controller expects. */
#ifndef STEPD_ACCT_H
#define STEPD_ACCT_H

#include "wire/messages.h"

/* Order of the arrays on the wire: ids 1 to 8. */
enum acct_tres {
	ACCT_CPU, ACCT_MEM, ACCT_ENERGY, ACCT_NODE, ACCT_BILLING, ACCT_DISK,
	ACCT_VMEM, ACCT_PAGES, ACCT_COUNT
};

struct acct_side {
	uint64_t max[ACCT_COUNT], max_node[ACCT_COUNT], max_task[ACCT_COUNT];
	uint64_t min[ACCT_COUNT], min_node[ACCT_COUNT], min_task[ACCT_COUNT];
	uint64_t tot[ACCT_COUNT];
};
struct acct {
	uint64_t user_usec, sys_usec;
	uint32_t cpu_freq;
	struct acct_side in, out;
};

/* One task's use; all in bytes, milliseconds for CPU. */
struct acct_task {
	uint64_t node, task;
	uint64_t user_usec, sys_usec;
	uint64_t rss, vsize, read_bytes, write_bytes, pages;
};

void acct_init(struct acct *a);                 /* nothing known */
void acct_add_task(struct acct *a, const struct acct_task *t);
void acct_merge(struct acct *a, const struct acct *b);
/* Convert; arrays live in mem. with_tres: name the TRES (JOB_STEP_STAT). */
void acct_to_wire(const struct acct *a, struct jobacctinfo *out, bool with_tres,
		  struct arena *mem);
void acct_from_wire(struct acct *a, const struct jobacctinfo *in);

struct step;
/* Look at the living processes: a task's greatest use so far. */
void acct_sample(struct step *s);
/* All tasks of this node, finished or not. */
void acct_step(const struct step *s, struct acct *a);

#endif
