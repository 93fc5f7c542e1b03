/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs in workers: looks users up (may be slow) and asks munged to sign. */
#include "auth/signing.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <time.h>

#include "wire/states.h"

#define USERS 64                /* remembered; power of two */
#define KEEP_SEC 60
#define GROUPS_MAX 256

/* A user as the last look-up found it. */
struct user {
	bool known;
	uid_t uid;
	gid_t gid;
	time_t when;
	char name[64], gecos[128], dir[256], shell[128];
	uint32_t gid_count;
	gid_t gids[GROUPS_MAX];
};

static pthread_mutex_t users_lock = PTHREAD_MUTEX_INITIALIZER;
static struct user *users[USERS];

static void user_look_up(uid_t uid, gid_t gid, struct user *u)
{
	char buf[4096];
	struct passwd pw, *found = NULL;
	int n = GROUPS_MAX;

	memset(u, 0, sizeof *u);
	u->uid = uid;
	u->gid = gid;
	u->when = time(NULL);
	u->gid_count = 1;
	u->gids[0] = gid;
	if (getpwuid_r(uid, &pw, buf, sizeof buf, &found) || !found)
		return;
	u->known = true;
	snprintf(u->name, sizeof u->name, "%s", pw.pw_name);
	snprintf(u->gecos, sizeof u->gecos, "%s", pw.pw_gecos ? pw.pw_gecos : "");
	snprintf(u->dir, sizeof u->dir, "%s", pw.pw_dir ? pw.pw_dir : "");
	snprintf(u->shell, sizeof u->shell, "%s", pw.pw_shell ? pw.pw_shell : "");
	if (getgrouplist(pw.pw_name, gid, u->gids, &n) < 0)
		n = GROUPS_MAX;
	u->gid_count = (uint32_t)n;
}

static void user_get(uid_t uid, gid_t gid, struct user *out)
{
	struct user **slot = &users[uid & (USERS - 1)];
	bool fresh;

	pthread_mutex_lock(&users_lock);
	fresh = *slot && (*slot)->uid == uid && (*slot)->gid == gid &&
		time(NULL) - (*slot)->when < KEEP_SEC;
	if (fresh)
		*out = **slot;
	pthread_mutex_unlock(&users_lock);
	if (fresh)
		return;
	user_look_up(uid, gid, out);
	pthread_mutex_lock(&users_lock);
	if (!*slot)
		*slot = mem_alloc(sizeof **slot);
	**slot = *out;
	pthread_mutex_unlock(&users_lock);
}

static uint32_t gids_into(const struct user *u, uint32_t **gids, struct arena *mem)
{
	*gids = arena_alloc(mem, u->gid_count * sizeof **gids + 1);
	for (uint32_t i = 0; i < u->gid_count; i++)
		(*gids)[i] = u->gids[i];
	return u->gid_count;
}

static void identity_fill(struct identity *id, struct user *u, struct arena *mem)
{
	user_get(id->uid, id->gid, u);
	if (!id->gids_count)
		id->gids_count = gids_into(u, &id->gids, mem);
	if (id->pw_name || !u->known)
		return;
	/* Step daemons of 26.05 cannot live without. */
	id->pw_name = arena_strdup(mem, u->name);
	id->pw_gecos = arena_strdup(mem, u->gecos);
	id->pw_dir = arena_strdup(mem, u->dir);
	id->pw_shell = arena_strdup(mem, u->shell);
}

/* The request's one number became two; the first changed its meaning. */
static void sharing_split(struct cred *c, enum wire_version v)
{
	uint16_t shared = c->job_oversubscribe;

	c->job_exclusive = shared == JOB_SHARED_NONE ? 1 :
			   shared == JOB_SHARED_USER || shared == JOB_SHARED_MCS ? shared : 0;
	if (SINCE(25_05) >> v & 1)
		c->job_oversubscribe = shared == JOB_SHARED_OK;
}

static enum err sign(struct auth *a, struct cred_signed *c, enum wire_version v,
		     struct user *u, struct arena *mem, struct err_text *why)
{
	identity_fill(&c->cred.id, u, mem);
	sharing_split(&c->cred, v);
	return cred_sign(a, c, v, mem, why);
}

enum err signing_prepare(struct auth *a, uint16_t type, void *body, enum wire_version v,
			 struct arena *mem, struct err_text *why)
{
	struct user *u = arena_alloc(mem, sizeof *u);

	switch (type) {
	case RESPONSE_JOB_STEP_CREATE: {
		struct job_step_create_response_msg *m = body;

		if (!m->use_protocol_ver)
			m->use_protocol_ver = wire_version_number(v);
		wire_version_find(m->use_protocol_ver, &v);
		return sign(a, &m->cred, v, u, mem, why);
	}
	case RESPONSE_JOB_SBCAST_CRED: {
		struct job_sbcast_cred_msg *m = body;

		identity_fill(&m->cred.cred.id, u, mem);
		return cred_sbcast_sign(a, &m->cred, v, mem, why);
	}
	case REQUEST_BATCH_JOB_LAUNCH: {
		struct batch_job_launch_msg *m = body;

		/* Step daemons from 25.05 on leave the default to the controller. */
		if (!m->std_out)
			m->std_out = m->array_job_id ? "slurm-%A_%a.out" : "slurm-%j.out";
		if (!m->cred.cred.job_std_out)
			m->cred.cred.job_std_out = m->std_out;
		if (!m->cred_version)
			m->cred_version = wire_version_number(v);
		wire_version_find(m->cred_version, &v);
		return sign(a, &m->cred, v, u, mem, why);
	}
	case REQUEST_LAUNCH_PROLOG: {
		struct prolog_launch_msg *m = body;
		enum err e = sign(a, &m->cred, v, u, mem, why);

		if (!m->user_name && u->known)
			m->user_name = arena_strdup(mem, u->name);
		return e;
	}
	case REQUEST_TERMINATE_JOB:
	case REQUEST_ABORT_JOB:
	case REQUEST_KILL_TIMELIMIT:
	case REQUEST_KILL_PREEMPTED: {
		struct kill_job_msg *m = body;

		return m->has_cred ? sign(a, &m->cred, v, u, mem, why) : E_OK;
	}
	}
	return E_OK;
}
