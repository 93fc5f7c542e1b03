/* SPDX-License-Identifier: Apache-2.0
 *
 * See gres.h.  A File= is looked for here, where the devices are. */
#include "slurmd/gres.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/base/hostlist.h"

#include "wire/base/log.h"
#include "wire/base/strbuf.h"
#include "wire/messages.h"

#define GRES_MAGIC 0x438a34d4u

/* A kind of gres is known on the wire by a checksum of its name. */
static uint32_t plugin_id(const char *name)
{
	uint32_t id = 0;
	unsigned shift = 0;

	for (; *name; name++, shift = (shift + 8) % 32)
		id += (uint32_t)(unsigned char)*name << shift;
	return id;
}

static struct gres_conf_rec *rec_add(const struct site *s, const struct conf_gres *g,
				     struct gres_conf_info *info)
{
	struct gres_conf_rec *r = &info->recs[info->recs_count++];

	wire_init(&gres_conf_rec_desc, r);
	r->magic = GRES_MAGIC;
	r->count = g->count;
	r->cpu_cnt = (uint32_t)s->sockets * s->cores;
	r->plugin_id = plugin_id(g->name);
	r->name = g->name;
	r->type_name = g->type;
	r->cpus = g->cores;
	r->links = g->links;
	r->config_flags = g->flags;
	return r;
}

/* ---- devices and their parts ------------------------------------------- */

static uint32_t file_count(const struct conf_gres *g)
{
	struct arena mem = { 0 };
	char **names;
	uint32_t n = 0;

	if (g->flags & CONF_GRES_MULT)
		return g->file != NULL;
	if (!g->file || hostlist_expand(g->file, &mem, &names, &n, NULL))
		n = 0;
	arena_fini(&mem);
	return n;
}

static bool is_gpu(const struct conf_gres *g)
{
	return strcasecmp(g->name, "gpu") == 0 && g->file;
}

/* Parts that a device has, of what the records of that kind give: those of its
 * file, or its share of those without.  at: which device of how many. */
static uint64_t parts_of(const struct conf_node *n, const char *kind, const char *file,
			 uint32_t at, uint32_t devices, const struct conf_gres **rec)
{
	struct arena mem = { 0 };
	uint64_t count = 0;

	for (uint32_t k = 0; k < n->gres_count && devices; k++) {
		const struct conf_gres *g = &n->gres_list[k];
		uint32_t files = file_count(g);
		char **names;

		if (strcasecmp(g->name, kind) != 0)
			continue;
		if (!files) {           /* what cannot be divided goes to the last */
			count = g->count * (at + 1) / devices - g->count * at / devices;
			*rec = g;
			continue;
		}
		if (hostlist_expand(g->file, &mem, &names, &files, NULL))
			continue;
		if (!*rec)
			*rec = g;
		for (uint32_t i = 0; i < files; i++)
			if (streq(names[i], file)) {
				count = g->count / files;
				*rec = g;
			}
	}
	arena_fini(&mem);
	return count;
}

static void add_parts(const struct site *s, const struct conf_gres *device, const char *file,
		      uint32_t at, uint32_t devices, struct gres_conf_info *info)
{
	static const char *const kinds[] = { "mps", "shard" };

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
		const struct conf_gres *rec = NULL;
		uint64_t count = parts_of(s->node, kinds[k], file, at, devices, &rec);
		struct gres_conf_rec *r;

		if (!rec)
			continue;
		r = rec_add(s, rec, info);
		r->count = count;
		r->type_name = device->type;
		r->cpus = device->cores;
		r->config_flags |= device->flags;
	}
}

/* A device whose parts are given away is a record of its own, after those of
 * its parts: their order tells which is whose. */
static void add_devices(const struct site *s, const struct conf_gres *g, uint32_t *at,
			uint32_t devices, struct arena *mem, struct gres_conf_info *info)
{
	uint32_t files = file_count(g), n;
	char **names;

	if (hostlist_expand(g->file, mem, &names, &n, NULL))
		return;
	for (uint32_t i = 0; i < files; i++, (*at)++) {
		add_parts(s, g, g->flags & CONF_GRES_MULT ? g->file : names[i], *at, devices,
			  info);
		rec_add(s, g, info)->count = 1;
	}
}

static void info_fill(const struct site *s, struct arena *mem, struct gres_conf_info *info)
{
	uint32_t n = s->node ? s->node->gres_count : 0, devices = 0, at = 0;
	bool parts = false;

	wire_init(&gres_conf_info_desc, info);
	info->version = wire_version_number(WIRE_VERSION_NEWEST);
	for (uint32_t k = 0; k < n; k++) {
		parts |= conf_gres_shared(s->node->gres_list[k].name);
		devices += is_gpu(&s->node->gres_list[k]) ? file_count(&s->node->gres_list[k]) : 0;
	}
	info->recs = arena_zalloc(mem, (n + 3 * devices + 1) * sizeof *info->recs);
	for (uint32_t k = 0; k < n; k++) {
		const struct conf_gres *g = &s->node->gres_list[k];

		if (parts && is_gpu(g))
			add_devices(s, g, &at, devices, mem, info);
		else if (!conf_gres_shared(g->name))
			rec_add(s, g, info);
	}
}

/* How long drivers may take to make their devices. */
#define DEVICE_WAIT_SEC 20

bool gres_check(const struct site *s)
{
	uint32_t n = s->node ? s->node->gres_count : 0, count, waited = 0;
	struct arena mem = { 0 };
	bool good = true;
	char **names;

	for (uint32_t k = 0; k < n && good; k++) {
		const struct conf_gres *g = &s->node->gres_list[k];

		if (!g->file || hostlist_expand(g->file, &mem, &names, &count, NULL))
			continue;
		for (uint32_t i = 0; i < count && good; ) {
			struct stat st;

			if (stat(names[i], &st) == 0) {
				i++;
			} else if (errno != ENOENT || waited++ >= DEVICE_WAIT_SEC) {
				log_error("can't stat gres.conf file %s: %m", names[i]);
				good = false;
			} else {
				if (waited == 1)
					log_info("gres/%s: waiting for %s to be there", g->name,
						 names[i]);
				sleep(1);
			}
		}
	}
	arena_fini(&mem);
	return good;
}

void gres_pack(const struct site *s, struct wire_out *out)
{
	struct gres_conf_info info;
	struct arena mem = { 0 };

	info_fill(s, &mem, &info);
	wire_pack(out, &gres_conf_info_desc, &info, WIRE_VERSION_NEWEST);
	arena_fini(&mem);
}

static const char *const flag_names[] = {
	"HAS_MULT", "HAS_FILE", "HAS_TYPE", "COUNT_ONLY", NULL, "ENV_NVML", "ENV_RSMI",
	"ENV_OPENCL", "ENV_DEFAULT", "SHARED", "ONE_SHARING", "ENV_ONEAPI", "EXPLICIT",
};

void gres_print(const struct site *s)
{
	struct gres_conf_info info;
	struct arena mem = { 0 };

	info_fill(s, &mem, &info);
	for (uint32_t k = 0; k < info.recs_count; k++) {
		const struct gres_conf_rec *r = &info.recs[k];
		struct strbuf f = { 0 };

		for (size_t w = 0; w < sizeof flag_names / sizeof *flag_names; w++)
			if (r->config_flags & 1u << w && flag_names[w]) {
				strbuf_sep(&f, ",");
				strbuf_add(&f, flag_names[w]);
			}
		log_info("Gres Name=%s Type=%s Count=%llu ID=%u%s%s%s%s Flags=%s", r->name,
			 r->type_name ? r->type_name : "(null)", (unsigned long long)r->count,
			 r->plugin_id, r->cpus ? " Cores=" : "", r->cpus ? r->cpus : "",
			 r->links ? " Links=" : "", r->links ? r->links : "", f.s ? f.s : "");
		strbuf_fini(&f);
	}
	for (uint32_t k = 0; s->node && k < s->node->gres_count; k++)
		if (s->node->gres_list[k].file)
			log_info("Gres Name=%s File=%s", s->node->gres_list[k].name,
				 s->node->gres_list[k].file);
	arena_fini(&mem);
}
