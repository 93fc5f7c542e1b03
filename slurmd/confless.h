/* SPDX-License-Identifier: Apache-2.0
 *
 * Configuration fetched from the controller instead of read from /etc. */
#ifndef SLURMD_CONFLESS_H
#define SLURMD_CONFLESS_H

#include "slurmd/options.h"
#include "wire/base/err.h"
#include "wire/base/mem.h"
#include "wire/messages.h"

/* Ask the servers ("host[:port],...") until one answers, write its files into
 * the spool directory's conf-cache; *dir in mem.  Blocks; tries for ever with
 * growing pauses unless once is set. */
enum err confless_fetch(const struct options *o, bool once, struct arena *mem,
			const char **dir);
/* Write the files of an answer or a reconfiguration. */
enum err confless_write(const char *dir, const struct config_response_msg *m);
/* Show clients on this machine where the files are: /run/slurm/conf, where
 * they look when there is nothing in /etc. */
void confless_announce(const char *dir);

#endif
