/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool directory: made by us, root's, and never believed to be free of
 * traps where users can write. */
#ifndef SLURMD_SPOOL_H
#define SLURMD_SPOOL_H

#include "slurmd/daemon.h"

/* Make the directory if it is missing, and ours; E_FAIL is logged. */
enum err spool_make(const char *dir);
/* jobNNNNN/slurm_script below dir, both the user's and private.  *path in mem.
 * Blocks; called by workers. */
enum err spool_script_write(const char *dir, uint32_t job_id, uid_t uid, gid_t gid,
			    const char *text, struct arena *mem, const char **path);
void spool_job_remove(const char *dir, uint32_t job_id);
/* Remove directories of jobs that no longer run. */
void spool_clean(struct daemon *d);

#endif
