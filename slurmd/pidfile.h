/* SPDX-License-Identifier: Apache-2.0
 *
 * One slurmd a node: the pid file, locked while we live. */
#ifndef SLURMD_PIDFILE_H
#define SLURMD_PIDFILE_H

#include "wire/base/err.h"

/* Take the file over; an slurmd that holds it is asked to end first.  *fd
 * stays open.  A directory that cannot be written is only an error in the
 * log: *fd is -1 and E_OK. */
enum err pidfile_take(const char *path, int *fd);
void pidfile_drop(const char *path, int fd);

#endif
