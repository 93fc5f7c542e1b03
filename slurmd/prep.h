/* SPDX-License-Identifier: Apache-2.0
 *
 * Prolog and epilog: what the scripts are told and running them in order. */
#ifndef SLURMD_PREP_H
#define SLURMD_PREP_H

#include "slurmd/req.h"

/* What a job's scripts see; strings borrowed. */
struct prep_job {
	uint32_t job_id, het_job_id;
	uint64_t sluid;                         /* 0 the release has none */
	enum wire_version release;
	uint32_t uid, gid;
	const char *nodes, *work_dir;
	uint32_t derived_ec, exit_code;         /* epilog */
	const struct cred *cred;                /* or NULL */
	const struct gres_prep *gres;
	uint32_t gres_count;
	const char **spank_env;
	uint32_t spank_env_count;
};

/* From the message that asks for it: a launch, a prolog request or the end. */
bool prep_job_fill(const struct req *q, struct prep_job *out);
/* "NAME=value" strings and a NULL, in mem. */
char **prep_env(const struct site *s, const struct prep_job *j, bool epilog,
		struct arena *mem);
/* Run every Prolog= (Epilog=); done gets 0, E_D_PROLOG_FAILED or _EPILOG_FAILED. */
void prep_run(struct req *q, bool epilog, void (*done)(void *arg, enum err e), void *arg);

#endif
