/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that slurm.conf does not name: made by "scontrol create node" or by
 * slurmd -Z.  Their lines are kept in a file beside the journal and read as if
 * they stood at the end of slurm.conf, so that everything else is as with
 * other nodes. */
#ifndef SLURMCTLD_DYNAMIC_H
#define SLURMCTLD_DYNAMIC_H

#include "slurmctld/ctld.h"

/* conf_load, and the lines kept in its StateSaveLocation. */
enum err dynamic_conf_load(const char *path, struct conf **out,
			   struct conf_problems *problems);

/* Add the nodes of a NodeName= line and take them up.  by_admin: State=CLOUD or
 * FUTURE is asked for; addr (may be NULL): where the node is, unless the line says. */
enum err dynamic_add(struct ctld *c, const char *line, bool by_admin, const char *addr,
		     struct err_text *why);
/* Names: a host list of nodes that were added. */
enum err dynamic_delete(struct ctld *c, const char *names, struct err_text *why);

#endif
