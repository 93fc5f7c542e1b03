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

static const char *const vendor_names[] = {
	"CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES",
	"ZE_AFFINITY_MASK"
};

/* The number by which a gres name travels. */
static uint32_t gres_id(const char *name)
{
	uint32_t id = 0;
	unsigned shift = 0;

	for (; *name; name++, shift = (shift + 8) % 32)
		id += (uint32_t)(unsigned char)*name << shift;
	return id;
}

static bool node_has_gpus(const struct step *s)
{
	const struct conf_node *n = conf_node_find(s->conf, s->start.node_name);

	for (uint32_t i = 0; n && i < n->gres_count; i++)
		if (streq(n->gres_list[i].name, "gpu"))
			return true;
	return false;
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
		memmove(*v + at + 1, *v + at, (*n - at) * sizeof **v);
		(*v)[at] = b;
		(*n)++;
	}
}

/* Devices of the whole job (or of the step) on this node. */
static uint32_t *devices_read(const struct step *s, bool job, uint32_t *count)
{
	const struct cred *c = s->cred;
	uint32_t gpu = gres_id("gpu"), node, *v = NULL;
	struct arena mem = {0};
	struct cred_node_share share;

	*count = 0;
	if (cred_node_share(c, s->start.node_name, &mem, &share, NULL) != E_OK) {
		arena_fini(&mem);
		return NULL;
	}
	node = share.job_node_index;
	arena_fini(&mem);
	for (uint32_t i = 0; job && i < c->job_gres_count; i++) {
		const struct gres_job_rec *g = &c->job_gres[i];

		if (g->plugin_id == gpu && g->has_bit_alloc && node < g->node_cnt)
			devices_add(&v, count, g->gres_bit_alloc[node]);
	}
	for (uint32_t i = 0; !job && i < c->step_gres_count; i++) {
		const struct gres_step_rec *g = &c->step_gres[i];

		if (g->plugin_id == gpu && g->has_bit_alloc && node < g->node_cnt)
			devices_add(&v, count, g->gres_bit_alloc[node]);
	}
	return v;
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

static void vendors_set(const struct step *s, struct envv *e, const uint32_t *v, uint32_t n)
{
	const char *detect = s->conf->gres_autodetect;
	bool nvidia = detect && (strstr(detect, "nvml") || strstr(detect, "nvidia"));

	for (size_t i = 0; i < sizeof vendor_names / sizeof *vendor_names; i++)
		if (i == 0 || !nvidia)
			devices_set(e, vendor_names[i], v, n);
}

void gres_env_node(struct step *s)
{
	bool job = s->kind == KIND_BATCH || s->id.step_id == STEP_INTERACTIVE ||
		   s->flags & LAUNCH_EXT_LAUNCHER;
	uint32_t n, *v;

	if (s->kind == KIND_EXTERN || !node_has_gpus(s))
		return;
	/* What an outer step or the batch script was given is not ours. */
	for (size_t i = 0; i < sizeof vendor_names / sizeof *vendor_names; i++)
		envv_unset(&s->env, vendor_names[i]);
	envv_unset(&s->env, "SLURM_GPUS_ON_NODE");
	envv_unset(&s->env, "SLURM_STEP_GPUS");
	v = devices_read(s, job, &n);
	if (n) {
		vendors_set(s, &s->env, v, n);
		envv_set(&s->env, "SLURM_GPUS_ON_NODE", "%u", n);
		devices_set(&s->env, job ? "SLURM_JOB_GPUS" : "SLURM_STEP_GPUS", v, n);
	}
	free(v);
}

uint32_t gres_bind(const char *bind, uint32_t ltid, uint32_t n, uint32_t *from)
{
	const char *p;
	uint32_t k;

	*from = 0;
	if (!bind || !n)
		return n;
	if ((p = strstr(bind, "gpu:per_task:"))) {
		k = (uint32_t)strtoul(p + 13, NULL, 10);
		*from = k ? ltid * k % n : 0;
		return k && k < n - *from ? k : n - *from;
	}
	if ((p = strstr(bind, "gpu:single:"))) {
		k = (uint32_t)strtoul(p + 11, NULL, 10);
		*from = k ? ltid / k % n : 0;
		return 1;
	}
	return n;
}

/* --gpu-bind and --gpus-per-task: one task's part of the step's devices. */
void gres_env_task(const struct step *s, const struct task *t, struct envv *e)
{
	uint32_t n, from, part, *v;

	if (!s->launch || !s->launch->tres_bind || s->id.step_id == STEP_INTERACTIVE ||
	    !node_has_gpus(s))
		return;
	v = devices_read(s, false, &n);
	part = gres_bind(s->launch->tres_bind, t->ltid, n, &from);
	if (part && part < n) {
		vendors_set(s, e, v + from, part);
		devices_set(e, "SLURM_STEP_GPUS", v + from, part);
	}
	free(v);
}
