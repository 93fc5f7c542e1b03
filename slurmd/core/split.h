/* SPDX-License-Identifier: Apache-2.0
 *
 * How a list of nodes becomes branches of a forwarding tree.  Pure. */
#ifndef SLURMD_CORE_SPLIT_H
#define SLURMD_CORE_SPLIT_H

#include <stdint.h>

#define SPLIT_NO_TREE 0xfffd    /* TreeWidth that means: talk to every node */

/* Number of branches for count nodes; 0 width takes 50. */
uint32_t split_branches(uint32_t count, uint16_t width);
/* Branch k of them covers names[*first] ... + *n; sizes differ by one at
 * most, the longer ones first. */
void split_branch(uint32_t count, uint32_t branches, uint32_t k, uint32_t *first,
		  uint32_t *n);
/* Hops from here to the last node: 1 when all are contacted directly. */
uint16_t split_depth(uint32_t count, uint16_t width);

#endif
