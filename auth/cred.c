/* SPDX-License-Identifier: Apache-2.0
 *
 * Signing and checking launch credentials.  What is sealed are packed bytes:
 * they are compared with what arrived, or came sealed, and are never re-packed.
 * How they are sealed is the method's business (auth/method.h). */
#include "auth/method.h"

#include <stdlib.h>

/* Arrays with repetition counts; n is what the credential says, the others
 * what arrived. */
static bool counts_agree(uint32_t n, uint32_t a, uint32_t b)
{
	return a == (n ? n : a) && b == (n ? n : b);
}

/* Nodes that the repetition counts cover. */
static uint64_t reps_sum(const uint32_t *rep, uint32_t n)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < n; k++)
		sum += rep[k];
	return sum;
}

static enum err core_map_check(const struct cred *c, enum err code, struct err_text *why)
{
	uint64_t cores = 0;

	for (uint32_t k = 0; k < c->core_array_size; k++) {
		uint64_t node = (uint64_t)c->sockets_per_node[k] * c->cores_per_socket[k];

		/* each at most 2^32 * 2^32; stop before the sum can wrap */
		if (node && c->sock_core_rep_count[k] > UINT32_MAX / node)
			return err_set(why, code, "credential: more cores than can be counted");
		cores += node * c->sock_core_rep_count[k];
		if (cores > UINT32_MAX)
			return err_set(why, code, "credential: more cores than can be counted");
	}
	if (c->core_array_size && cores != c->tot_core_cnt)
		return err_set(why, code, "credential: %u cores, but its nodes have %llu",
			       c->tot_core_cnt, (unsigned long long)cores);
	if ((c->job_core_bitmap && c->job_core_bitmap->bits != c->tot_core_cnt) ||
	    (c->step_core_bitmap && c->step_core_bitmap->bits != c->tot_core_cnt))
		return err_set(why, code, "credential: core map of another size than %u cores",
			       c->tot_core_cnt);
	return E_OK;
}

/* Do the parts fit together?  What follows may index one by the other. */
static enum err shape_check(const struct cred *c, enum err code, struct err_text *why)
{
	uint32_t n = c->core_array_size;

	if (n && (c->cores_per_socket_count != n || c->sockets_per_node_count != n ||
		  c->sock_core_rep_count_count != n))
		return err_set(why, code, "credential: arrays of different length");
	if (!counts_agree(c->cpu_array_count, c->cpu_array_n, c->cpu_array_reps_count) ||
	    !counts_agree(c->job_mem_alloc_size, c->job_mem_alloc_count,
			  c->job_mem_alloc_reps) ||
	    !counts_agree(c->step_mem_alloc_size, c->step_mem_alloc_count,
			  c->step_mem_alloc_reps))
		return err_set(why, code, "credential: arrays of different length");
	if (n && reps_sum(c->sock_core_rep_count, n) < c->job_nhosts)
		return err_set(why, code, "credential: fewer nodes described than it has");
	return core_map_check(c, code, why);
}

static enum err seal(struct auth *a, const struct wire_desc *d, const void *body,
		     enum wire_version v, struct wire_mem *raw, const char **signature,
		     struct arena *mem, struct err_text *why)
{
	struct wire_out o = {0};
	char *text;
	uint8_t *copy;
	enum err e;

	wire_pack(&o, d, body, v);
	if (o.failed) {
		wire_out_fini(&o);
		return err_set(why, E_INVALID_JOB_CREDENTIAL, "the credential cannot be packed");
	}
	e = a->cred->seal(a, o.base, o.len, &text, why);
	if (!e) {
		copy = arena_alloc(mem, o.len);
		memcpy(copy, o.base, o.len);
		*raw = (struct wire_mem){ copy, (uint32_t)o.len };
		*signature = arena_strdup(mem, text);
		free(text);
	}
	wire_out_fini(&o);
	return e;
}

enum err cred_sign(struct auth *a, struct cred_signed *c, enum wire_version v,
		   struct arena *mem, struct err_text *why)
{
	enum err e = shape_check(&c->cred, E_INVALID_JOB_CREDENTIAL, why);

	if (e)
		return e;
	if (!c->cred.job_mem_alloc_size || !c->cred.core_array_size ||
	    !c->cred.job_core_bitmap || !c->cred.step_core_bitmap)
		return err_set(why, E_INVALID_JOB_CREDENTIAL,
			       "credential: memory or cores are missing");
	if (a->cred->tokens)
		return a->cred->launch_sign(a, c, v, mem, why);
	c->signature_bare = a->cred->bare;
	return seal(a, &cred_desc, &c->cred, v, &c->raw, &c->signature, mem, why);
}

enum err cred_sbcast_sign(struct auth *a, struct sbcast_cred_signed *c, enum wire_version v,
			  struct arena *mem, struct err_text *why)
{
	if (a->cred->tokens)
		return a->cred->sbcast_sign(a, c, mem, why);
	c->signature_bare = a->cred->bare;
	return seal(a, &sbcast_cred_desc, &c->cred, v, &c->raw, &c->signature, mem, why);
}

static enum err check(struct auth *a, const struct wire_mem *raw, const char *signature,
		      uid_t slurm_uid, struct err_text *why)
{
	if (!signature || !raw->len)
		return err_set(why, E_D_INVALID_JOB_CREDENTIAL, "the credential is not signed");
	return a->cred->check(a, signature, raw->p, raw->len, slurm_uid, why);
}

enum err cred_verify(struct auth *a, struct cred_signed *c, enum wire_version v,
		     uid_t slurm_uid, struct arena *mem, struct err_text *why)
{
	enum err e;

	if (a->cred->tokens)
		e = a->cred->launch_open(a, c, v, mem, why);
	else
		e = check(a, &c->raw, c->signature, slurm_uid, why);
	return e ? e : shape_check(&c->cred, E_D_INVALID_JOB_CREDENTIAL, why);
}

enum err cred_sbcast_verify(struct auth *a, struct sbcast_cred_signed *c, uid_t slurm_uid,
			    struct arena *mem, struct err_text *why)
{
	if (a->cred->tokens)
		return a->cred->sbcast_open(a, c, mem, why);
	return check(a, &c->raw, c->signature, slurm_uid, why);
}

enum err cred_net_sign(struct auth *a, const struct slurm_node_alias_addrs *m,
		       enum wire_version v, char **text, struct err_text *why)
{
	return a->cred->net_sign(a, m, v, text, why);
}

enum err cred_net_open(struct auth *a, const char *text, enum wire_version v, uid_t slurm_uid,
		       struct arena *mem, struct slurm_node_alias_addrs *m,
		       struct err_text *why)
{
	return a->cred->net_open(a, text, v, slurm_uid, mem, m, why);
}
