/* SPDX-License-Identifier: Apache-2.0
 *
 * See asuser.h.  On Linux credentials belong to threads; the C library makes
 * them look like the process's by changing all threads.  The system calls
 * used here change this thread alone: the file system ids, with which the
 * kernel also sets aside root's power over files, and the groups. */
#include "slurmd/asuser.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire/base/log.h"
#include "wire/base/mem.h"

/* The kernel reports the previous id, never an error: ask again. */
static bool fs_ids_set(uid_t uid, gid_t gid)
{
	setfsgid(gid);
	setfsuid(uid);
	return (uid_t)setfsuid((uid_t)-1) == uid && (gid_t)setfsgid((gid_t)-1) == gid;
}

enum err asuser_begin(struct asuser *u, uid_t uid, gid_t gid, const uint32_t *gids,
		      uint32_t count)
{
	*u = (struct asuser){ .uid = geteuid(), .gid = getegid() };
	if (u->uid != 0)
		return uid == u->uid ? E_OK : (enum err)EPERM;
	u->group_count = getgroups(0, NULL);
	if (u->group_count < 0)
		return (enum err)errno;
	u->groups = mem_alloc(((size_t)u->group_count + 1) * sizeof *u->groups);
	u->group_count = getgroups(u->group_count, u->groups);
	u->changed = true;
	if (syscall(SYS_setgroups, (size_t)count, gids) || !fs_ids_set(uid, gid)) {
		asuser_end(u);
		return (enum err)EPERM;
	}
	return E_OK;
}

void asuser_end(struct asuser *u)
{
	if (u->changed &&
	    (!fs_ids_set(u->uid, u->gid) ||
	     syscall(SYS_setgroups, (size_t)u->group_count, u->groups))) {
		log_line(LVL_FATAL, "cannot take back a user's identity: %m");
		abort();
	}
	free(u->groups);
}
