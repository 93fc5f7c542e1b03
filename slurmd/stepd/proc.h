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

/* One process of a snapshot. */
struct proc {
	pid_t pid;
	struct proc_stat st;
};
/* All processes, ascending by pid; free(*v).  Zombies are left out. */
uint32_t proc_snapshot(struct proc **v);
const struct proc *proc_find(const struct proc *v, uint32_t n, pid_t pid);

#endif
