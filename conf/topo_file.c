/* SPDX-License-Identifier: Apache-2.0
 *
 * topology.conf and topology.yaml to struct conf_topo, and whether nodes and
 * partitions name topologies that there are. */
#include "conf/topo.h"
#include "conf/parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/token.h"
#include "conf/topo_yaml.h"
#include "conf/value.h"

/* ---- topology.conf ----------------------------------------------------- */

static struct conf_topo_unit *unit_add(struct parse *p, struct conf_topo *t, const char *name)
{
	struct conf_topo_unit *old = t->unit, *u;

	if (!(t->unit_count & (t->unit_count - 1))) {   /* full: twice the room */
		t->unit = arena_zalloc(&p->c->mem, (t->unit_count ? 2 * t->unit_count : 1) *
				       sizeof(*t->unit));
		if (old)
			memcpy(t->unit, old, t->unit_count * sizeof(*old));
	}
	u = &t->unit[t->unit_count++];
	u->name = arena_strdup(&p->c->mem, name);
	u->link_speed = 1;
	u->file = p->file;
	u->line = p->line;
	return u;
}

static void unit_word(struct parse *p, struct conf_topo_unit *u, bool is_switch,
		      const struct keyvalue *kv)
{
	char *value = arena_strndup(&p->c->mem, kv->value, kv->value_len);
	char *key = arena_strndup(&p->c->mem, kv->key, kv->key_len);
	uint64_t speed;

	if (strcasecmp(key, "Nodes") == 0) {
		u->nodes = value;
	} else if (is_switch && strcasecmp(key, "Switches") == 0) {
		u->children = value;
	} else if (is_switch && strcasecmp(key, "LinkSpeed") == 0) {
		const char *what = value_number(value, UINT32_MAX, &speed);

		if (what)
			parse_problem(p, true, "LinkSpeed=%s %s", value, what);
		else
			u->link_speed = (uint32_t)speed;
	} else {
		parse_problem(p, true, "%s=%s: unknown word '%s'",
			      is_switch ? "SwitchName" : "BlockName", u->name, key);
	}
}

static void sizes_parse(struct parse *p, struct conf_topo *t, const char *text)
{
	char *copy = arena_strdup(&p->c->mem, text), *save = NULL;
	uint64_t v;

	t->size = arena_zalloc(&p->c->mem, (strlen(text) / 2 + 1) * sizeof(*t->size));
	t->size_count = 0;
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (value_number(w, UINT32_MAX, &v) || !v) {
			parse_problem(p, true, "Invalid BlockSizes value: %s", w);
			return;
		}
		t->size[t->size_count++] = (uint32_t)v;
	}
}

/* One line of topology.conf. */
static void topo_line(struct parse *p, const char *key, const char *value, const char **s)
{
	struct conf_topo *t = p->c->topos;
	bool is_switch = t->kind == CONF_TOPO_TREE;
	struct conf_topo_unit *u;
	struct keyvalue kv;

	if (!is_switch && strcasecmp(key, "BlockSizes") == 0) {
		sizes_parse(p, t, value);
		return;
	}
	if (strcasecmp(key, is_switch ? "SwitchName" : "BlockName") != 0) {
		parse_problem(p, true, "unknown key '%s'", key);
		return;
	}
	if (is_switch && strlen(value) > 64)
		parse_problem(p, true, "SwitchName (%s) must be shorter than 64 chars", value);
	u = unit_add(p, t, value);
	while (keyvalue_next(s, &kv))
		unit_word(p, u, is_switch, &kv);
}

static void topo_conf_read(struct parse *p)
{
	const char *plugin = p->c->topologyplugin;
	struct conf_topo *t = arena_zalloc(&p->c->mem, sizeof(*t));

	p->c->topos = t;
	p->c->topo_count = 1;
	t->name = arena_strdup(&p->c->mem, CONF_TOPO_DEFAULT);
	if (plugin && strstr(plugin, "tree"))
		t->kind = CONF_TOPO_TREE;
	else if (plugin && strstr(plugin, "block"))
		t->kind = CONF_TOPO_BLOCK;
	if (t->kind == CONF_TOPO_FLAT)
		return;
	p->other = topo_line;
	if (!parse_side_file(p, "topology.conf"))
		parse_problem_at(p, arena_printf(&p->c->mem, "%s/topology.conf", p->c->dir), 0,
				 true, "cannot be read, and TopologyPlugin=%s needs it", plugin);
	p->other = NULL;
}

/* ---- topology.yaml ----------------------------------------------------- */

static bool topo_yaml_read(struct parse *p)
{
	char *path = arena_printf(&p->c->mem, "%s/topology.yaml", p->c->dir), *text;
	struct err_text why = { "" };

	if (p->reader->read(p->reader->ctx, path, &text, &why))
		return false;
	if (conf_topo_yaml_parse(text, path, &p->c->mem, &p->c->topos, &p->c->topo_count, &why)) {
		parse_problem_at(p, path, 0, true, "%s", why.text);
		p->c->topo_count = 0;
	}
	free(text);
	for (uint32_t i = 0; i < p->c->topo_count; i++)
		p->c->topos[i].file = path;
	return true;
}

/* The cluster's own comes first. */
static void topo_sort(struct conf *c)
{
	for (uint32_t i = 1; i < c->topo_count; i++) {
		struct conf_topo t = c->topos[i];

		if (!t.cluster_default || c->topos[0].cluster_default)
			continue;
		memmove(&c->topos[1], &c->topos[0], i * sizeof(t));
		c->topos[0] = t;
		break;
	}
}

/* ---- what others say of it --------------------------------------------- */

struct check {
	struct parse *p;
	const struct conf_topo *t;
};

static void check_say(void *arg, const struct conf_topo_unit *u, bool fatal, const char *text)
{
	struct check *k = arg;
	const char *file = u && u->file ? u->file : k->t->file;

	parse_problem_at(k->p, file ? file : "topology.conf", u ? u->line : 0, fatal, "%s", text);
}

static uint32_t check_index(const void *ctx, const char *name)
{
	return nodes_index(ctx, name);
}

static const char *check_name(const void *ctx, uint32_t node)
{
	return ((const struct conf *)ctx)->nodes[node].name;
}

static void parts_check(struct parse *p)
{
	for (uint32_t i = 0; i < p->c->part_count; i++) {
		const struct conf_part *part = &p->c->parts[i];
		bool found = !part->topology || !*part->topology;

		for (uint32_t k = 0; k < p->c->topo_count && !found; k++)
			found = streq(p->c->topos[k].name, part->topology);
		if (!found)
			parse_problem_at(p, p->c->path, 0, true, "PartitionName=%s: Topology=%s: "
					 "there is no such topology", part->name, part->topology);
	}
}

static void nodes_check(struct parse *p, struct topo **all, uint32_t count)
{
	for (uint32_t i = 0; i < p->c->node_count; i++) {
		const struct conf_node *n = &p->c->nodes[i];

		if (n->topology && *n->topology && topo_put_all(all, count, i, n->topology))
			parse_problem_at(p, n->file ? n->file : p->c->path, n->line, true,
					 "Invalid node topology specified %s for %s", n->topology,
					 n->name);
	}
}

void conf_topo_read(struct parse *p)
{
	struct topo_names names = { .find = check_index, .ctx = p->c, .bits = p->c->node_count,
				    .name = check_name };
	struct topo **all;

	if (!topo_yaml_read(p))
		topo_conf_read(p);
	if (p->failed)
		return;
	topo_sort(p->c);
	all = arena_zalloc(&p->c->mem, (p->c->topo_count + 1) * sizeof(*all));
	for (uint32_t i = 0; i < p->c->topo_count; i++) {
		struct check k = { p, &p->c->topos[i] };

		names.quiet = i > 0;
		all[i] = topo_new(&p->c->topos[i], &names, check_say, &k);
	}
	if (!p->failed) {
		parts_check(p);
		nodes_check(p, all, p->c->topo_count);
	}
	for (uint32_t i = 0; i < p->c->topo_count; i++)
		topo_free(all[i]);
}
