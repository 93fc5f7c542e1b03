/* SPDX-License-Identifier: Apache-2.0
 *
 * What /proc says of one process. */
#ifndef STEPD_PROC_H
#define STEPD_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char state;
	pid_t ppid;
	uint64_t utime_ticks, stime_ticks, vsize, rss, pages;
};
bool proc_stat_read(pid_t pid, struct proc_stat *out);

struct pid_list;
/* All descendants of top (not top itself); free(out->v). */
void proc_tree(pid_t top, struct pid_list *out);

#endif
