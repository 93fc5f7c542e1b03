/* SPDX-License-Identifier: Apache-2.0
 *
 * Being a daemon: background, pid file, user, limits, state directory. */
#ifndef SLURMCTLD_DAEMON_H
#define SLURMCTLD_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

#include "conf/conf.h"

/* Fork; the parent waits until daemon_ready (exit 0) or the child's end
 * (exit 1).  Returns in the child. */
void daemon_background(void);
/* Tell the waiting parent and let go of the terminal.  No-op in foreground. */
void daemon_ready(void);

/* As SlurmUser from here on, when started as root; fatal when we are somebody
 * else altogether. */
void daemon_become(const struct conf *conf);
void daemon_limits(void);
/* Write our pid; E_FAIL when another live slurmctld has it.  fd stays open. */
enum err daemon_pid_file(const char *path, uid_t owner, struct err_text *why);
void daemon_pid_remove(const char *path);

/* Started as root: make the log file where SlurmUser could not, and his. */
void daemon_own_log(const char *path, uid_t owner);

/* May we keep state in dir?  Makes the last component when it is missing. */
enum err daemon_state_dir(const char *dir, uid_t owner, gid_t group, struct err_text *why);

#endif
