/* SPDX-License-Identifier: Apache-2.0
 *
 * Changing identity.  Nothing of the user's is opened or run with ours. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

static gid_t *saved_groups;
static int saved_count;

/* The groups to take: those the controller sent, else the node's own data. */
enum err user_groups(struct step *s)
{
	struct passwd *pw = getpwuid(s->uid);
	const struct identity *id = &s->cred->id;
	const uint32_t *gids = id->gids;
	uint32_t n = id->gids_count;
	struct group *gr;

	if (!n && s->launch)
		gids = s->launch->gids, n = s->launch->gids_count;
	if (!n && s->batch)
		gids = s->batch->gids, n = s->batch->gids_count;
	if (id->pw_name)
		s->user = arena_strdup(&s->mem, id->pw_name);
	else if (pw)
		s->user = arena_strdup(&s->mem, pw->pw_name);
	if (id->pw_dir)
		s->home = arena_strdup(&s->mem, id->pw_dir);
	else if (pw)
		s->home = arena_strdup(&s->mem, pw->pw_dir);
	gr = getgrgid(s->gid);
	s->group = gr ? arena_strdup(&s->mem, gr->gr_name) : NULL;
	if (!s->user)
		return E_USER_ID_MISSING;
	if (n) {
		s->gids = arena_alloc(&s->mem, n * sizeof *s->gids);
		for (uint32_t i = 0; i < n; i++)
			s->gids[i] = gids[i];
		s->gid_count = n;
		return E_OK;
	}
	for (int room = 64; room <= 65536; room *= 4) {
		int count = room;

		s->gids = arena_alloc(&s->mem, (size_t)room * sizeof *s->gids);
		if (getgrouplist(s->user, s->gid, s->gids, &count) >= 0) {
			s->gid_count = (uint32_t)count;
			return E_OK;
		}
	}
	return E_D_GID_NOT_FOUND;
}

static void saved_load(void)
{
	if (saved_groups)
		return;
	saved_count = getgroups(0, NULL);
	saved_groups = mem_alloc(((size_t)saved_count + 1) * sizeof *saved_groups);
	saved_count = getgroups(saved_count, saved_groups);
}

enum err user_enter(const struct step *s)
{
	if (geteuid() != 0)
		return E_OK;    /* a slurmd that is not root serves its own user */
	saved_load();
	if (setgroups(s->gid_count, s->gids) < 0 || setegid(s->gid) < 0 ||
	    seteuid(s->uid) < 0) {
		log_error("cannot act as uid %u: %s", s->uid, strerror(errno));
		user_leave();
		return E_D_SET_UID_OR_GID_ERROR;
	}
	return E_OK;
}

void user_leave(void)
{
	if (getuid() != 0)
		return;
	/* Going on with the wrong identity would be worse than ending. */
	if (seteuid(0) < 0 || setegid(getgid()) < 0 ||
	    setgroups((size_t)(saved_count > 0 ? saved_count : 0), saved_groups) < 0) {
		log_error("cannot become root again: %s", strerror(errno));
		_exit(1);
	}
}

enum err user_become(const struct step *s)
{
	if (getuid() == 0 &&
	    (setgroups(s->gid_count, s->gids) < 0 || setgid(s->gid) < 0 ||
	     setuid(s->uid) < 0))
		return E_D_SET_UID_OR_GID_ERROR;
	if (getuid() != s->uid || geteuid() != s->uid || getegid() != s->gid)
		return E_D_SET_UID_OR_GID_ERROR;
	if (s->uid != 0 && setuid(0) == 0)
		return E_D_SET_UID_OR_GID_ERROR;
	return E_OK;
}
