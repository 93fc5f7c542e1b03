/* SPDX-License-Identifier: Apache-2.0
 *
 * Launch credentials: slurmctld signs what a step or batch job may use; slurmd
 * believes nothing else.  And the credential of sbcast. */
#ifndef AUTH_CRED_H
#define AUTH_CRED_H

#include "auth/auth.h"

/* Pack c->cred for release v, seal it, and set c->raw and c->signature (both
 * in mem).  With tokens (auth_cred_tokens) the token is the signature, and all
 * that is sent.  E_INVALID_JOB_CREDENTIAL when its parts contradict each other (a
 * stock slurmd would die of that). */
enum err cred_sign(struct auth *a, struct cred_signed *c, enum wire_version v,
		   struct arena *mem, struct err_text *why);
enum err cred_sbcast_sign(struct auth *a, struct sbcast_cred_signed *c, enum wire_version v,
			  struct arena *mem, struct err_text *why);

/* Check that the signature seals exactly c->raw, that root or slurm_uid sealed
 * it and that its parts fit together.  A token is opened: what was in it, packed
 * for release v, goes into c->raw and c->cred (in mem), which say nothing before.
 * E_D_INVALID_JOB_CREDENTIAL otherwise, or E_D_CREDENTIAL_REPLAYED when munged
 * has seen the text before and allow_replay is off. */
enum err cred_verify(struct auth *a, struct cred_signed *c, enum wire_version v,
		     uid_t slurm_uid, struct arena *mem, struct err_text *why);
enum err cred_sbcast_verify(struct auth *a, struct sbcast_cred_signed *c, uid_t slurm_uid,
			    struct arena *mem, struct err_text *why);

/* Addresses of nodes that a client's slurm.conf does not name, sealed so that
 * node daemons believe what the client hands on.  *text is a heap string, or
 * NULL where the method has none. */
enum err cred_net_sign(struct auth *a, const struct slurm_node_alias_addrs *m,
		       enum wire_version v, char **text, struct err_text *why);
enum err cred_net_open(struct auth *a, const char *text, enum wire_version v, uid_t slurm_uid,
		       struct arena *mem, struct slurm_node_alias_addrs *m,
		       struct err_text *why);

/* What a node remembers of credentials: seen ones (a replay is refused) and
 * revoked jobs.  Single-threaded. */
struct cred_cache;
struct cred_cache *cred_cache_new(int expire_sec);      /* cred_expire=, 120 by default */
void cred_cache_free(struct cred_cache *k);
/* E_OK once per credential; E_D_CREDENTIAL_REPLAYED, _REVOKED, _EXPIRED. */
enum err cred_cache_admit(struct cred_cache *k, const struct cred *c, time_t now);
/* A job ended: refuse its credentials made at or before this time. */
void cred_cache_revoke(struct cred_cache *k, uint32_t job_id, time_t when, time_t now);
/* Would a credential of this job made at that time be refused as revoked? */
bool cred_cache_revoked(const struct cred_cache *k, uint32_t job_id, time_t made);

/* sbcast sends one credential with every block: after cred_sbcast_verify has
 * passed, remember it; later blocks are known by the same bytes.  Known only
 * until it expires. */
void cred_cache_sbcast_add(struct cred_cache *k, const struct sbcast_cred_signed *c,
			   time_t now);
bool cred_cache_sbcast_known(struct cred_cache *k, const struct sbcast_cred_signed *c,
			     time_t now);

/* This node's part of a credential.  E_D_INVALID_JOB_CREDENTIAL when the node
 * is not in it. */
struct cred_node_share {
	uint32_t job_node_index, step_node_index;       /* in the host lists */
	uint32_t job_cpus;      /* allocated here, as the controller counts */
	struct bitset *job_cores, *step_cores;          /* abstract core ids of this node, in mem */
	uint64_t job_mem_mb, step_mem_mb;               /* 0: no limit given */
	uint16_t sockets, cores_per_socket;             /* as the controller counts them */
};
enum err cred_node_share(const struct cred *c, const char *node_name, struct arena *mem,
			 struct cred_node_share *out, struct err_text *why);
/* The step's CPUs on a node that has node_cpus of them by its configuration:
 * whole cores, whether its tasks use all their threads or not; 1 at least. */
uint32_t cred_step_cpus(const struct cred_node_share *s, uint32_t node_cpus);

#endif
