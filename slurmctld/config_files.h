/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration files that nodes and clients without their own are given. */
#ifndef SLURMCTLD_CONFIG_FILES_H
#define SLURMCTLD_CONFIG_FILES_H

#include "conf/conf.h"
#include "wire/messages.h"

bool config_files_enabled(const struct conf *conf);     /* SlurmctldParameters */
/* Reads the files now; everything in mem. */
void config_files_fill(const struct conf *conf, struct config_response_msg *m,
		       struct arena *mem);

#endif
