/* SPDX-License-Identifier: Apache-2.0
 *
 * Scripts and environments of batch jobs.  They live in the journal; the last
 * few submitted ones are kept here, because most jobs that start do so at
 * once.  Main thread only, but for reading a script one holds. */
#ifndef SLURMCTLD_SCRIPTS_H
#define SLURMCTLD_SCRIPTS_H

#include "slurmctld/ctld.h"

struct job_script {
	unsigned refs;                  /* main thread */
	uint32_t job_id;
	char *script;
	const char **env;               /* pointers into block */
	uint32_t env_count;
	size_t size;
	char block[];
};

struct scripts *scripts_new(void);
void scripts_free(struct scripts *s);
void scripts_put(struct ctld *c, const struct effect *e);
void scripts_del(struct ctld *c, uint32_t job_id);
/* done gets a reference it must drop, or NULL; perhaps at once. */
void scripts_get(struct ctld *c, uint32_t job_id,
		 void (*done)(void *arg, struct job_script *s), void *arg);

/* One reference.  env: env_count strings one after another, each with its NUL,
 * env_len bytes together. */
struct job_script *job_script_new(uint32_t job_id, const char *script, size_t script_len,
				  const char *env, size_t env_len);
void job_script_unref(struct job_script *s);

#endif
