/* SPDX-License-Identifier: Apache-2.0
 *
 * Which GPUs a job or step may use, as vendors' libraries and scripts expect
 * to be told.  The numbers are those of the node's list of devices.  A gres
 * without device files is only counted, and nobody is told anything. */
#include <stdlib.h>
#include <string.h>

#include "auth/cred.h"
#include "slurmd/stepd/gresenv.h"
#include "slurmd/stepd/step.h"

static const struct { const char *name; uint32_t flag; } vendors[] = {
	{ "CUDA_VISIBLE_DEVICES", CONF_GRES_NVIDIA },
	{ "GPU_DEVICE_ORDINAL", CONF_GRES_OPENCL },
	{ "ROCR_VISIBLE_DEVICES", CONF_GRES_AMD },
	{ "ZE_AFFINITY_MASK", CONF_GRES_INTEL },
};
#define VENDORS (sizeof vendors / sizeof *vendors)

/* The number by which a gres name travels. */
static uint32_t gres_id(const char *name)
{
	uint32_t id = 0;
	unsigned shift = 0;

	for (; *name; name++, shift = (shift + 8) % 32)
		id += (uint32_t)(unsigned char)*name << shift;
	return id;
}

/* Variables that the node's GPUs want; 0 and false: it has none. */
static bool node_has_gpus(const struct step *s, uint32_t *flags)
{
	const struct conf_node *n = conf_node_find(s->conf, s->start.node_name);
	bool any = false;

	*flags = 0;
	for (uint32_t i = 0; n && i < n->gres_count; i++)
		if (strcasecmp(n->gres_list[i].name, "gpu") == 0) {
			*flags |= n->gres_list[i].flags;
			any = true;
		}
	return any;
}

static void devices_add(uint32_t **v, uint32_t *n, const struct bitset *bits)
{
	if (!bits)
		return;
	*v = mem_realloc(*v, (*n + bitset_count(bits) + 1) * sizeof **v);
	bitset_foreach (b, bits) {
		uint32_t at = *n;

		while (at > 0 && (*v)[at - 1] > b)
			at--;
		if (at > 0 && (*v)[at - 1] == b)
			continue;
		memmove(*v + at + 1, *v + at, (*n - at) * sizeof **v);
		(*v)[at] = b;
		(*n)++;
	}
}

/* What the job (or the step) has on this node. */
struct have {
	uint32_t *v, count;             /* devices, those with parts of it given too */
	uint64_t shards;
};

static void have_add(struct have *h, uint32_t plugin, const struct bitset *bits, uint64_t units)
{
	if (plugin != gres_id("gpu") && plugin != gres_id("shard") && plugin != gres_id("mps"))
		return;
	devices_add(&h->v, &h->count, bits);
	if (plugin == gres_id("shard"))
		h->shards += units;
}

static struct have devices_read(const struct step *s, bool job)
{
	const struct cred *c = s->cred;
	struct arena mem = {0};
	struct cred_node_share share;
	struct have h = {0};
	uint32_t node;

	if (cred_node_share(c, s->start.node_name, &mem, &share, NULL) != E_OK) {
		arena_fini(&mem);
		return h;
	}
	node = share.job_node_index;
	arena_fini(&mem);
	for (uint32_t i = 0; job && i < c->job_gres_count; i++) {
		const struct gres_job_rec *g = &c->job_gres[i];

		if (node < g->node_cnt)
			have_add(&h, g->plugin_id, g->has_bit_alloc ? g->gres_bit_alloc[node] : NULL,
				 node < g->gres_cnt_node_alloc_count ?
				 g->gres_cnt_node_alloc[node] : 0);
	}
	for (uint32_t i = 0; !job && i < c->step_gres_count; i++) {
		const struct gres_step_rec *g = &c->step_gres[i];

		if (node < g->node_cnt)
			have_add(&h, g->plugin_id, g->has_bit_alloc ? g->gres_bit_alloc[node] : NULL,
				 node < g->gres_cnt_node_alloc_count ?
				 g->gres_cnt_node_alloc[node] : 0);
	}
	return h;
}

static void devices_set(struct envv *e, const char *name, const uint32_t *v, uint32_t n)
{
	struct strbuf b = {0};

	for (uint32_t i = 0; i < n; i++) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "%u", v[i]);
	}
	envv_set(e, name, "%s", b.s ? b.s : "");
	strbuf_fini(&b);
}

static void vendors_set(uint32_t flags, struct envv *e, const uint32_t *v, uint32_t n)
{
	for (size_t i = 0; i < VENDORS; i++)
		if (flags & vendors[i].flag)
			devices_set(e, vendors[i].name, v, n);
}

void gres_env_node(struct step *s)
{
	bool job = s->kind == KIND_BATCH || s->id.step_id == STEP_INTERACTIVE ||
		   s->flags & LAUNCH_EXT_LAUNCHER;
	struct have h;
	uint32_t flags;

	if (s->kind == KIND_EXTERN || !node_has_gpus(s, &flags))
		return;
	/* What an outer step or the batch script was given is not ours. */
	for (size_t i = 0; i < VENDORS; i++)
		envv_unset(&s->env, vendors[i].name);
	envv_unset(&s->env, "SLURM_GPUS_ON_NODE");
	envv_unset(&s->env, "SLURM_SHARDS_ON_NODE");
	envv_unset(&s->env, "SLURM_STEP_GPUS");
	h = devices_read(s, job);
	if (h.shards)
		envv_set(&s->env, "SLURM_SHARDS_ON_NODE", "%llu", (unsigned long long)h.shards);
	if (h.count) {
		vendors_set(flags, &s->env, h.v, h.count);
		envv_set(&s->env, "SLURM_GPUS_ON_NODE", "%u", h.count);
		devices_set(&s->env, job ? "SLURM_JOB_GPUS" : "SLURM_STEP_GPUS", h.v, h.count);
	}
	free(h.v);
}

/* A task's word of "1,0*2,0x3": the list begins again when it is over. */
static uint64_t list_word(const char *list, uint32_t ltid)
{
	for (uint32_t at = 0;;) {
		for (const char *p = list; *p && *p != '+'; p += *p == ',') {
			char *end;
			uint64_t value = strtoull(p, &end, 0), times = 1;

			if (end == p)
				return 0;
			if (*end == '*')
				times = strtoull(end + 1, &end, 10);
			times = times ? times : 1;
			if (ltid < at + times)
				return value;
			at += (uint32_t)times;
			p = end + strcspn(end, ",+");
		}
		if (!at)
			return 0;
	}
}

uint64_t gres_bind(const char *bind, uint32_t ltid, const uint32_t *v, uint32_t n)
{
	uint64_t all = n < 64 ? (UINT64_C(1) << n) - 1 : UINT64_MAX, mask = 0, word;
	const char *p;
	uint32_t k, from;

	if (!bind || !n)
		return all;
	if ((p = strstr(bind, "gpu:per_task:"))) {
		k = (uint32_t)strtoul(p + 13, NULL, 10);
		from = k ? (uint32_t)((uint64_t)ltid * k % n) : 0;
		for (uint32_t i = from; i < n && i < 64 && i - from < k; i++)
			mask |= UINT64_C(1) << i;
		return k ? mask : all;
	}
	if ((p = strstr(bind, "gpu:single:"))) {
		k = (uint32_t)strtoul(p + 11, NULL, 10);
		from = k ? ltid / k % n : 0;
		return from < 64 ? UINT64_C(1) << from : all;
	}
	if ((p = strstr(bind, "map_gpu:")))
		word = list_word(p + 8, ltid);
	else if ((p = strstr(bind, "mask_gpu:")))
		word = list_word(p + 9, ltid);
	else
		return all;
	for (uint32_t i = 0; i < n && i < 64; i++)
		if (*p == 'm' && p[2] == 'p' ? v[i] == word : v[i] < 64 && word >> v[i] & 1)
			mask |= UINT64_C(1) << i;
	return mask;
}

/* --gpu-bind and --gpus-per-task: one task's part of the step's devices. */
void gres_env_task(const struct step *s, const struct task *t, struct envv *e)
{
	uint32_t n = 0, flags, *v;
	uint64_t mask;
	struct have h;

	if (!s->launch || !s->launch->tres_bind || s->id.step_id == STEP_INTERACTIVE ||
	    !node_has_gpus(s, &flags))
		return;
	h = devices_read(s, false);
	v = mem_alloc((h.count + 1) * sizeof *v);
	mask = gres_bind(s->launch->tres_bind, t->ltid, h.v, h.count);
	for (uint32_t i = 0; i < h.count; i++)
		if (i < 64 && mask >> i & 1)
			v[n++] = h.v[i];
	if (n && n < h.count) {
		vendors_set(flags, e, v, n);
		devices_set(e, "SLURM_STEP_GPUS", v, n);
	} else if (!n && h.count) {     /* bound to what it has not */
		for (size_t i = 0; i < VENDORS; i++)
			envv_unset(e, vendors[i].name);
		envv_unset(e, "SLURM_STEP_GPUS");
	}
	free(v);
	free(h.v);
}
