/* SPDX-License-Identifier: Apache-2.0
 *
 * The configuration as clients see it ("scontrol show config"). */
#ifndef CONF_PRINT_H
#define CONF_PRINT_H

#include "conf/conf.h"
#include "wire/messages.h"

/* What the answer needs beyond the files. */
struct conf_runtime {
	enum wire_version release;      /* of the client */
	const char *version;            /* text for SLURM_VERSION */
	int64_t now, boot_time;         /* seconds */
	uint32_t next_job_id;
	const char *plugin_dir;         /* where PluginDir is not set */
	bool have_pmix;                 /* stock's MPI plugin is installed */
};

/* Fill plugin_dir and have_pmix from what is installed here (does I/O; once
 * at start and at each reconfigure). */
void conf_runtime_probe(const struct conf *c, struct conf_runtime *r);

/* Fill *out (every member) with what a stock controller of r->release would
 * answer for the same files: where a key is not set and its default changed
 * from release to release, the default of that one.  Strings are borrowed
 * from c, r and mem. */
void conf_to_wire(const struct conf *c, const struct conf_runtime *r,
		  struct slurm_ctl_conf_msg *out, struct arena *mem);

/* The same for cgroup.conf alone: sorted key and value pairs. */
uint32_t conf_cgroup_pairs(const struct conf *c, enum wire_version release,
			   struct config_key_pair **out, struct arena *mem);

#endif
