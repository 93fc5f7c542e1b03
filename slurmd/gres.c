/* SPDX-License-Identifier: Apache-2.0
 *
 * See gres.h.  A File= is checked here, where the devices are. */
#include "slurmd/gres.h"

#include <stdlib.h>
#include <string.h>

#include "wire/base/log.h"
#include "wire/messages.h"

#define GRES_MAGIC 0x438a34d4u
#define GRES_HAS_FILE   0x0002u
#define GRES_HAS_TYPE   0x0004u
#define GRES_COUNT_ONLY 0x0008u
#define GRES_ENV_DEF    0x0100u
#define GRES_ENV_ALL    0x08e0u         /* each kind of visible-devices variable */

/* A kind of gres is known on the wire by a checksum of its name. */
static uint32_t plugin_id(const char *name)
{
	uint32_t id = 0;
	unsigned shift = 0;

	for (; *name; name++, shift = (shift + 8) % 32)
		id += (uint32_t)(unsigned char)*name << shift;
	return id;
}

/* Kinds for which controllers have more than a counter. */
static bool has_plugin(const char *name)
{
	static const char *const known[] = { "gpu", "mps", "nic", "shard" };

	for (size_t k = 0; k < sizeof known / sizeof *known; k++)
		if (streq(name, known[k]))
			return true;
	return false;
}

static void rec_fill(const struct site *s, const struct conf_gres *g, struct gres_conf_rec *r)
{
	wire_init(&gres_conf_rec_desc, r);
	r->magic = GRES_MAGIC;
	r->count = g->count;
	r->cpu_cnt = (uint32_t)s->sockets * s->cores;
	r->plugin_id = plugin_id(g->name);
	r->name = g->name;
	r->type_name = g->type;
	r->cpus = g->cores;
	if (g->type)
		r->config_flags |= GRES_HAS_TYPE;
	if (g->file)
		r->config_flags |= GRES_HAS_FILE;
	if (!has_plugin(g->name) || g->flags & CONF_GRES_COUNT_ONLY)
		r->config_flags |= GRES_COUNT_ONLY;
	else if (streq(g->name, "gpu"))
		r->config_flags |= GRES_ENV_DEF | GRES_ENV_ALL;
}

static void info_fill(const struct site *s, struct arena *mem, struct gres_conf_info *info)
{
	uint32_t n = s->node ? s->node->gres_count : 0;

	wire_init(&gres_conf_info_desc, info);
	info->version = wire_version_number(WIRE_VERSION_NEWEST);
	info->recs = arena_zalloc(mem, (n ? n : 1) * sizeof *info->recs);
	for (uint32_t k = 0; k < n; k++)
		rec_fill(s, &s->node->gres_list[k], &info->recs[info->recs_count++]);
}

void gres_pack(const struct site *s, struct wire_out *out)
{
	struct gres_conf_info info;
	struct arena mem = { 0 };

	info_fill(s, &mem, &info);
	wire_pack(out, &gres_conf_info_desc, &info, WIRE_VERSION_NEWEST);
	arena_fini(&mem);
}

void gres_print(const struct site *s)
{
	struct gres_conf_info info;
	struct arena mem = { 0 };

	info_fill(s, &mem, &info);
	for (uint32_t k = 0; k < info.recs_count; k++) {
		const struct gres_conf_rec *r = &info.recs[k];
		const char *file = s->node->gres_list[k].file;

		log_info("Gres Name=%s Type=%s Count=%llu ID=%u%s%s%s%s Flags=%s%s%s", r->name,
			 r->type_name ? r->type_name : "(null)", (unsigned long long)r->count,
			 r->plugin_id, file ? " File=" : "", file ? file : "",
			 r->cpus ? " Cores=" : "", r->cpus ? r->cpus : "",
			 r->config_flags & GRES_HAS_FILE ? "HAS_FILE," : "",
			 r->config_flags & GRES_HAS_TYPE ? "HAS_TYPE," : "",
			 r->config_flags & GRES_COUNT_ONLY ? "COUNT_ONLY" : "");
	}
	arena_fini(&mem);
}
