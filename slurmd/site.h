/* SPDX-License-Identifier: Apache-2.0
 *
 * Who this node is, where its files are and which configuration is in force.
 * Immutable once made and shared by threads; a reconfiguration makes a new one. */
#ifndef SLURMD_SITE_H
#define SLURMD_SITE_H

#include <stdatomic.h>

#include "auth/auth.h"
#include "auth/rpc.h"
#include "conf/conf.h"
#include "slurmd/hw.h"
#include "slurmd/options.h"

struct site {
	atomic_uint refs;
	struct arena mem;               /* owns the strings below */
	struct conf *conf;
	struct conf *dynamic;           /* holds the node line of -Z, or NULL */
	const struct conf_node *node;   /* our line; NULL for a node without one (-F) */
	struct auth *auth;
	const char *name, *hostname;
	const char *conf_path;          /* slurm.conf in use */
	const char *conf_cache;         /* directory, when configless */
	const char *spool_dir, *pid_path, *log_path, *tmp_fs, *cpu_spec_list;
	const char *stepd_path;
	const char *topo_addr, *topo_pattern;   /* SLURM_TOPOLOGY_ADDR */
	const char *dynamic_conf;       /* -Z: our whole node line */
	uint16_t port;
	bool sack;                      /* AuthInfo does not forbid to serve tokens */
	struct hw hw;                   /* found */
	uint16_t cpus, boards, sockets, cores, threads; /* as registered */
	uint32_t tmp_disk_mb;
};

/* Read the configuration and decide all of the above.  Problems are logged;
 * E_FAIL leaves *out untouched.  conf_cache: NULL unless configless. */
enum err site_load(const struct options *o, const struct hw *hw, const char *conf_cache,
		   struct site **out);
/* Once, after that: s->auth.  Problems are logged. */
enum err site_auth_make(struct site *s);
struct site *site_ref(struct site *s);
void site_unref(struct site *s);        /* NULL is a no-op */

/* "%n" node name, "%h" host name, "%%"; in mem. */
char *site_expand(struct arena *mem, const char *text, const char *node, const char *host);
/* root or SlurmUser */
bool site_trusts(const struct site *s, uid_t uid);
/* Address of a node by its line in slurm.conf.  Blocks on names that are not
 * addresses.  bcast: BcastAddr where there is one. */
enum err site_node_addr(const struct site *s, const char *node, bool bcast,
			struct wire_addr *out);

#endif
