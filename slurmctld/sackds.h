/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts whose sackd has its configuration from us (sackd --conf-server).  They
 * are told when it changes.  Main thread; forgotten when the daemon ends. */
#ifndef SLURMCTLD_SACKDS_H
#define SLURMCTLD_SACKDS_H

#include "slurmctld/ctld.h"

struct sackds;

struct sackds *sackds_new(void);
void sackds_free(struct sackds *s);
/* It asked for the configuration; port 0: SlurmdPort. */
void sackds_add(struct ctld *c, const char *host, const struct wire_addr *from, uint16_t port,
		enum wire_version v);
/* Send the files as they are now to all of them. */
void sackds_tell(struct ctld *c);

#endif
