/* SPDX-License-Identifier: Apache-2.0
 *
 * Binding tasks to CPUs, and how it is told to them. */
#ifndef STEPD_BIND_H
#define STEPD_BIND_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

enum cpu_bind {
	CPU_BIND_VERBOSE = 0x0001, CPU_BIND_THREADS = 0x0002,
	CPU_BIND_CORES = 0x0004, CPU_BIND_SOCKETS = 0x0008,
	CPU_BIND_LDOMS = 0x0010, CPU_BIND_NONE = 0x0020,
	CPU_BIND_RANK = 0x0040, CPU_BIND_MAP = 0x0080, CPU_BIND_MASK = 0x0100,
	CPU_BIND_LDRANK = 0x0200, CPU_BIND_LDMAP = 0x0400,
	CPU_BIND_LDMASK = 0x0800
};

/* The parts of SLURM_CPU_BIND*; strings are the heap's or static. */
struct bind_text {
	char *all, *type;
	const char *verbose, *list, *prefer, *sort;
};

/* False: nothing to tell. */
bool bind_cpu_text(uint16_t type, const char *list, struct bind_text *out);
bool bind_mem_text(uint16_t type, const char *list, struct bind_text *out);
void bind_text_fini(struct bind_text *t);

/* The n-th entry of "0,2-3,5*4" or of hexadecimal masks "0x3,0xc"; entries
 * repeat from the start when there are fewer.  NULL: bad list. */
char *bind_list_entry(const char *list, uint32_t n);
/* "0x1f" (any length) to a set of CPUs, and back (heap). */
bool bind_mask_parse(const char *text, cpu_set_t *set);
char *bind_mask_text(const cpu_set_t *set);

#endif
