/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages to node daemons and to clients' ports: packed and signed in
 * workers, sent over non-blocking connections, through a forwarding tree when
 * there are many, with retries; each node's answer becomes one event. */
#ifndef SLURMCTLD_AGENT_H
#define SLURMCTLD_AGENT_H

#include "slurmctld/ctld.h"

struct step_out;

struct agent *agent_new(struct ctld *c);
void agent_free(struct agent *a);
/* Carry out EFF_NODES or EFF_CLIENT.  The effect's memory is o's, which is
 * kept (steps_hold) until nothing needs it. */
void agent_send(struct agent *a, const struct effect *e, struct step_out *o);
/* The script of a batch launch arrived from the store. */
unsigned agent_queued(const struct agent *a);
unsigned agent_active(const struct agent *a);
/* Forget resolved names (reconfiguration, changed NodeAddr). */
void agent_forget_names(struct agent *a);

/* ---- forwarding tree (agent_tree.c; pure) ------------------------------ */
/* Cut count hosts into at most width branches of consecutive hosts.  start[]
 * gets the first index of each branch and count at the end (width + 1
 * entries).  Returns the number of branches. */
uint32_t agent_tree_split(uint32_t count, uint32_t width, uint32_t *start);
/* Levels below a branch head with that many nodes to forward to. */
uint32_t agent_tree_depth(uint32_t count, uint32_t width);

#endif
