/* SPDX-License-Identifier: Apache-2.0
 *
 * File access with a user's rights, for one thread at a time. */
#ifndef SLURMD_ASUSER_H
#define SLURMD_ASUSER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/base/err.h"

struct asuser {
	gid_t *groups;
	int group_count;
	uid_t uid;
	gid_t gid;
	bool changed;
};

/* From now on this thread's file system access is the user's.  Fails when we
 * are not root and he is not us; nothing has changed then. */
enum err asuser_begin(struct asuser *u, uid_t uid, gid_t gid, const uint32_t *gids,
		      uint32_t count);
/* Back to what we were; does not return when that is impossible. */
void asuser_end(struct asuser *u);

#endif
