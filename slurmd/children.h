/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting programs and reaping every child, also those that were left to us
 * as the first process of a container. */
#ifndef SLURMD_CHILDREN_H
#define SLURMD_CHILDREN_H

#include "slurmd/daemon.h"

struct children *children_new(struct daemon *d);

/* Start a program in a session of its own, all signals at their defaults.
 * fd0: its standard input, or -1 for /dev/null; out: where stdout and stderr
 * go, or -1 for /dev/null.  -1 and errno on failure.  exited (may be NULL)
 * runs in the loop with the wait status. */
pid_t children_start(struct daemon *d, const char *path, char *const argv[],
		     char *const env[], int fd0, int out,
		     void (*exited)(void *arg, int status), void *arg);

/* Run a script as root: at most limit_sec (0: no limit), its whole session is
 * killed then.  The first kilobyte of its output is given to done. */
struct script_result {
	int status;                     /* of wait; -1 did not start */
	bool timed_out;
	const char *output;
};
void script_run(struct daemon *d, const char *path, char *const env[], uint32_t limit_sec,
		void (*done)(void *arg, const struct script_result *r), void *arg);
/* The same with arguments; argv[0] is the program. */
void script_run_args(struct daemon *d, char *const argv[], char *const env[],
		     uint32_t limit_sec,
		     void (*done)(void *arg, const struct script_result *r), void *arg);

#endif
