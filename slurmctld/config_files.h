/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration files that nodes and clients without their own are given. */
#ifndef SLURMCTLD_CONFIG_FILES_H
#define SLURMCTLD_CONFIG_FILES_H

#include "conf/conf.h"
#include "wire/messages.h"

bool config_files_enabled(const struct conf *conf);     /* SlurmctldParameters */
/* Reads the files now; everything in mem.  for_node: all of them; a client gets
 * what commands read. */
void config_files_fill(const struct conf *conf, bool for_node, struct config_response_msg *m,
		       struct arena *mem);

#endif
