/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts whose sackd has its configuration from us (sackd --conf-server).  They
 * are told when it changes.  The core keeps them (core/sackd.c).  Main thread. */
#ifndef SLURMCTLD_SACKDS_H
#define SLURMCTLD_SACKDS_H

#include "slurmctld/core/event.h"
#include "slurmctld/ctld.h"

/* It asked for the configuration; port 0: SlurmdPort. */
void sackds_add(struct ctld *c, const struct caller *who, uint16_t port);
/* Send the files as they are now to all of them. */
void sackds_tell(struct ctld *c);

#endif
