/* SPDX-License-Identifier: Apache-2.0
 *
 * A loaded configuration: references and look-ups. */
#include "conf/parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct conf *conf_ref(struct conf *c)
{
	if (c)
		atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void conf_unref(struct conf *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1,
					    memory_order_acq_rel) != 1)
		return;
	arena_fini(&c->mem);
	conf_unref(c->base);
	free(c);
}

struct conf *conf_for_nodes(struct conf *base, const struct conf_node *nodes, uint32_t count)
{
	struct conf *c = mem_alloc(sizeof(*c));

	memcpy(c, base, sizeof(*c));
	atomic_init(&c->refs, 1);
	c->mem = (struct arena){ 0 };
	c->base = conf_ref(base);
	c->nodes = arena_zalloc(&c->mem, (count + 1) * sizeof(*c->nodes));
	c->node_count = count;
	c->parts = NULL;
	c->nodesets = NULL;
	c->downnodes = NULL;
	c->part_count = c->nodeset_count = c->downnodes_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct conf_node *n = &c->nodes[i];
		char **texts[] = {
			&n->name, &n->hostname, &n->addr, &n->bcast_addr, &n->features,
			&n->gres, &n->reason, &n->cpu_spec_list, &n->topology,
			&n->tres_weights, &n->gres_conf, &n->parameters,
		};

		*n = nodes[i];
		for (size_t k = 0; k < sizeof(texts) / sizeof(*texts); k++)
			*texts[k] = arena_strdup(&c->mem, *texts[k]);
		n->gres_list = NULL;
		n->gres_count = 0;
		n->file = NULL;
	}
	return c;
}

const struct conf_node *conf_node_find(const struct conf *c, const char *name)
{
	uint32_t i = nodes_index(c, name);

	return i == UINT32_MAX ? NULL : &c->nodes[i];
}

/* "n1.example.org" and "n1" are the same host. */
static bool same_host(const char *a, const char *b)
{
	size_t la = strcspn(a, "."), lb = strcspn(b, ".");

	return la == lb && strncasecmp(a, b, la) == 0 &&
	       (!a[la] || !b[lb] || strcasecmp(a + la, b + lb) == 0);
}

const struct conf_node *conf_node_find_host(const struct conf *c,
					    const char *host)
{
	const struct conf_node *n = conf_node_find(c, host);

	for (uint32_t i = 0; !n && i < c->node_count; i++)
		if (streq(c->nodes[i].hostname, host))
			n = &c->nodes[i];
	for (uint32_t i = 0; !n && i < c->node_count; i++)
		if (same_host(c->nodes[i].name, host) ||
		    same_host(c->nodes[i].hostname, host))
			n = &c->nodes[i];
	return n;
}

const struct conf_part *conf_part_find(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->part_count; i++)
		if (streq(c->parts[i].name, name))
			return &c->parts[i];
	return NULL;
}

const char *conf_asks_cgroups(const struct conf *c, struct arena *mem)
{
	const struct { const char *key, *value; } all[] = {
		{ "TaskPlugin", c->taskplugin }, { "ProctrackType", c->proctracktype },
		{ "JobAcctGatherType", c->jobacctgathertype },
	};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (all[i].value && strstr(all[i].value, "cgroup"))
			return arena_printf(mem, "%s=%s", all[i].key, all[i].value);
	return NULL;
}

bool conf_option(const char *list, const char *option, const char **value)
{
	size_t n = strlen(option);

	for (const char *s = list; s && *s;) {
		size_t len = strcspn(s, ",");

		if (len >= n && strncasecmp(s, option, n) == 0 &&
		    (len == n || s[n] == '=')) {
			if (value)
				*value = len == n ? "" : s + n + 1;
			return true;
		}
		s += len;
		s += *s == ',';
	}
	return false;
}

uint32_t conf_restart_keys(const struct conf *old_conf,
			   const struct conf *new_conf, const char **names,
			   uint32_t max)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < conf_slurm_table.count; i++) {
		const struct conf_key *k = &conf_slurm_table.keys[i];

		if (!k->restart || k->type == CONF_LINE ||
		    streq(old_conf->origin[i].text, new_conf->origin[i].text))
			continue;
		if (n < max)
			names[n] = k->name;
		n++;
	}
	return n;
}

const char *conf_key_text(const struct conf *c, const char *name)
{
	const struct conf_key *k = conf_key_find(&conf_slurm_table, name);

	return k ? c->origin[k - conf_slurm_table.keys].text : NULL;
}
