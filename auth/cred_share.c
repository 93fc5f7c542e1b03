/* SPDX-License-Identifier: Apache-2.0
 *
 * One node's part of a launch credential.  Works on a credential that
 * cred_verify has passed; the counts are checked again where they index. */
#include "auth/cred.h"
#include "wire/base/hostlist.h"

/* No node has more; a map of one node is never allocated larger. */
#define NODE_CORES_MAX (UINT32_C(1) << 20)

static enum err host_index(const char *expr, const char *name, struct arena *mem,
			   uint32_t *index, uint32_t *count, struct err_text *why)
{
	char **names;
	enum err e = hostlist_expand(expr, mem, &names, count, why);

	if (e)
		return err_set(why, E_D_INVALID_JOB_CREDENTIAL,
			       "host list '%s' cannot be read", expr ? expr : "");
	for (uint32_t k = 0; k < *count; k++)
		if (streq(names[k], name)) {
			*index = k;
			return E_OK;
		}
	return err_set(why, E_D_INVALID_JOB_CREDENTIAL, "node %s is not in host list '%s'", name,
		       expr ? expr : "");
}

/* The element that describes node `index`, or n when none does. */
static uint32_t rep_index(const uint32_t *rep, uint32_t n, uint32_t index)
{
	uint64_t end = 0;

	for (uint32_t k = 0; k < n; k++) {
		end += rep[k];
		if (index < end)
			return k;
	}
	return n;
}

/* Cores of the nodes before this one. */
static enum err core_range(const struct cred *c, uint32_t index, uint64_t *first,
			   struct cred_node_share *out, struct err_text *why)
{
	uint64_t at = 0, left = index;

	for (uint32_t k = 0; k < c->core_array_size; k++) {
		uint64_t node = (uint64_t)c->sockets_per_node[k] * c->cores_per_socket[k];
		uint64_t before = left < c->sock_core_rep_count[k] ?
				  left : c->sock_core_rep_count[k];

		at += node * before;            /* below 2^64: see shape_check in cred.c */
		if (left < c->sock_core_rep_count[k]) {
			if (node > NODE_CORES_MAX || at + node > c->tot_core_cnt)
				break;
			*first = at;
			out->sockets = c->sockets_per_node[k];
			out->cores_per_socket = c->cores_per_socket[k];
			return E_OK;
		}
		left -= before;
	}
	return err_set(why, E_D_INVALID_JOB_CREDENTIAL,
		       "the credential does not describe the cores of node %u", index);
}

static struct bitset *part_of(const struct bitset *all, uint64_t first, uint32_t n,
			      struct arena *mem)
{
	struct bitset *b = arena_alloc(mem, bitset_sizeof(n));

	bitset_init(b, n);
	for (uint32_t k = 0; all && k < n; k++)
		if (bitset_test(all, (uint32_t)(first + k)))
			bitset_set(b, k);
	return b;
}

static void cpus_count(const struct cred *c, struct cred_node_share *out)
{
	uint32_t job = bitset_count(out->job_cores);
	uint32_t k = rep_index(c->cpu_array_reps, c->cpu_array_count, out->job_node_index);

	out->job_cpus = job;
	if (k < c->cpu_array_count && c->cpu_array[k])
		out->job_cpus = c->cpu_array[k];
}

uint32_t cred_step_cpus(const struct cred_node_share *s, uint32_t node_cpus)
{
	uint32_t cores = s->step_cores->bits, step = bitset_count(s->step_cores);

	return (step ? step : 1) * (cores && node_cpus > cores ? node_cpus / cores : 1);
}

static void memory_find(const struct cred *c, struct cred_node_share *out)
{
	uint32_t n = c->job_mem_alloc_size, k;

	/* a batch step's credential describes its one node alone */
	k = c->step_id.step_id == STEP_BATCH ? 0 :
	    rep_index(c->job_mem_alloc_rep_count, n, out->job_node_index);
	if (k < n)
		out->job_mem_mb = c->job_mem_alloc[k];
	n = c->step_mem_alloc_size;
	k = rep_index(c->step_mem_alloc_rep_count, n, out->step_node_index);
	if (k < n)
		out->step_mem_mb = c->step_mem_alloc[k];
	if (!out->step_mem_mb)
		out->step_mem_mb = out->job_mem_mb;
}

enum err cred_node_share(const struct cred *c, const char *node_name, struct arena *mem,
			 struct cred_node_share *out, struct err_text *why)
{
	struct cred_node_share s = {0};
	uint32_t hosts = 0, cores;
	uint64_t first = 0;
	enum err e = host_index(c->step_hostlist, node_name, mem, &s.step_node_index, &hosts, why);

	if (!e)
		e = host_index(c->job_hostlist, node_name, mem, &s.job_node_index, &hosts, why);
	if (!e && s.job_node_index >= c->job_nhosts)
		e = err_set(why, E_D_INVALID_JOB_CREDENTIAL,
			    "node %s is number %u of %u in the credential", node_name,
			    s.job_node_index, c->job_nhosts);
	if (!e)
		e = core_range(c, s.job_node_index, &first, &s, why);
	if (e)
		return e;
	cores = (uint32_t)s.sockets * s.cores_per_socket;
	s.job_cores = part_of(c->job_core_bitmap, first, cores, mem);
	s.step_cores = part_of(c->step_core_bitmap, first, cores, mem);
	cpus_count(c, &s);
	memory_find(c, &s);
	*out = s;
	return E_OK;
}
