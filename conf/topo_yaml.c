/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading topology.yaml (25.05 and later).  libyaml makes a tree of nodes of
 * it; what the tree may hold is said here.  Works on memory only. */
#include "conf/topo_yaml.h"

#include <strings.h>
#include <yaml.h>

#include "conf/value.h"

#define TOPOS_MAX 64

struct reader {
	yaml_document_t doc;
	struct arena *mem;
	const char *path;
	struct err_text *why;
	bool failed;
};

static void fail(struct reader *r, const yaml_node_t *n, const char *what, const char *name)
{
	if (!r->failed)
		err_set(r->why, E_FAIL, "line %zu: %s%s%s", n ? n->start_mark.line + 1 : 1, what,
			name ? " " : "", name ? name : "");
	r->failed = true;
}

static const char *scalar(struct reader *r, const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE) {
		fail(r, n, "a plain value is expected here", NULL);
		return "";
	}
	return (const char *)n->data.scalar.value;
}

/* null, ~ and nothing at all are not given. */
static char *text_of(struct reader *r, const yaml_node_t *n)
{
	const char *s = scalar(r, n);

	if (n->type == YAML_SCALAR_NODE && n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	    (!*s || streq(s, "~") || strcasecmp(s, "null") == 0))
		return NULL;
	return arena_strdup(r->mem, s);
}

static bool bool_of(struct reader *r, const yaml_node_t *n)
{
	static const char *const yes[] = { "true", "yes", "on", "y" };
	static const char *const no[] = { "false", "no", "off", "n" };
	const char *s = scalar(r, n);

	for (int i = 0; i < 4; i++) {
		if (strcasecmp(s, yes[i]) == 0)
			return true;
		if (strcasecmp(s, no[i]) == 0)
			return false;
	}
	fail(r, n, "true or false is expected, not", s);
	return false;
}

/* Each element of a list, each pair of a map. */
typedef void on_item(struct reader *r, yaml_node_t *n, void *arg);
typedef bool on_pair(struct reader *r, const char *key, yaml_node_t *n, void *arg);

static void list_each(struct reader *r, yaml_node_t *n, on_item *fn, void *arg)
{
	if (n->type != YAML_SEQUENCE_NODE) {
		fail(r, n, "a list is expected here", NULL);
		return;
	}
	for (yaml_node_item_t *i = n->data.sequence.items.start;
	     i < n->data.sequence.items.top && !r->failed; i++)
		fn(r, yaml_document_get_node(&r->doc, *i), arg);
}

static void map_each(struct reader *r, yaml_node_t *n, on_pair *fn, void *arg)
{
	if (n->type == YAML_SCALAR_NODE && !text_of(r, n))
		return;
	if (n->type != YAML_MAPPING_NODE) {
		fail(r, n, "keys and values are expected here", NULL);
		return;
	}
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start;
	     p < n->data.mapping.pairs.top && !r->failed; p++) {
		yaml_node_t *key = yaml_document_get_node(&r->doc, p->key);
		yaml_node_t *value = yaml_document_get_node(&r->doc, p->value);

		if (!fn(r, scalar(r, key), value, arg))
			fail(r, key, "unknown key", scalar(r, key));
	}
}

static uint32_t list_size(const yaml_node_t *n)
{
	return n->type != YAML_SEQUENCE_NODE ? 0 :
		(uint32_t)(n->data.sequence.items.top - n->data.sequence.items.start);
}

/* ---- switches and blocks ----------------------------------------------- */

static bool switch_pair(struct reader *r, const char *key, yaml_node_t *n, void *arg)
{
	struct conf_topo_unit *u = arg;

	if (streq(key, "switch"))
		u->name = text_of(r, n);
	else if (streq(key, "children"))
		u->children = text_of(r, n);
	else if (streq(key, "nodes"))
		u->nodes = text_of(r, n);
	else
		return false;
	return true;
}

static bool block_pair(struct reader *r, const char *key, yaml_node_t *n, void *arg)
{
	struct conf_topo_unit *u = arg;

	if (streq(key, "block"))
		u->name = text_of(r, n);
	else if (streq(key, "nodes"))
		u->nodes = text_of(r, n);
	else
		return false;
	return true;
}

static void unit_item(struct reader *r, yaml_node_t *n, void *arg)
{
	struct conf_topo *t = arg;
	struct conf_topo_unit *u = &t->unit[t->unit_count++];

	u->line = (unsigned)n->start_mark.line + 1;
	u->file = r->path;
	map_each(r, n, t->kind == CONF_TOPO_TREE ? switch_pair : block_pair, u);
}

static void units_read(struct reader *r, yaml_node_t *n, struct conf_topo *t)
{
	t->unit = arena_zalloc(r->mem, (list_size(n) + 1) * sizeof(*t->unit));
	t->unit_count = 0;
	list_each(r, n, unit_item, t);
}

static void size_item(struct reader *r, yaml_node_t *n, void *arg)
{
	struct conf_topo *t = arg;
	uint64_t v = 0;

	if (value_number(scalar(r, n), UINT32_MAX, &v) || !v)
		fail(r, n, "Invalid BlockSizes value", scalar(r, n));
	t->size[t->size_count++] = (uint32_t)v;
}

static bool tree_pair(struct reader *r, const char *key, yaml_node_t *n, void *arg)
{
	if (!streq(key, "switches"))
		return false;
	units_read(r, n, arg);
	return true;
}

static bool blocks_pair(struct reader *r, const char *key, yaml_node_t *n, void *arg)
{
	struct conf_topo *t = arg;

	if (streq(key, "blocks")) {
		units_read(r, n, t);
	} else if (streq(key, "block_sizes")) {
		t->size = arena_zalloc(r->mem, (list_size(n) + 1) * sizeof(*t->size));
		t->size_count = 0;
		list_each(r, n, size_item, t);
	} else {
		return false;
	}
	return true;
}

static bool flat_pair(struct reader *r, const char *key, yaml_node_t *n, void *arg)
{
	struct conf_topo *t = arg;

	if (!streq(key, "alpha_step_rank"))
		return false;
	t->step_rank_given = true;
	t->step_rank = bool_of(r, n);
	return true;
}

/* ---- a topology -------------------------------------------------------- */

/* "tree: {}" is the same as no tree. */
static bool is_empty(const yaml_node_t *n)
{
	return n->type == YAML_MAPPING_NODE &&
	       n->data.mapping.pairs.start == n->data.mapping.pairs.top;
}

static bool topo_pair(struct reader *r, const char *key, yaml_node_t *n, void *arg)
{
	struct conf_topo *t = arg;

	if (streq(key, "topology")) {
		t->name = text_of(r, n);
	} else if (streq(key, "cluster_default")) {
		t->cluster_default = bool_of(r, n);
	} else if (streq(key, "tree")) {
		if (is_empty(n))
			return true;
		t->kind = CONF_TOPO_TREE;
		map_each(r, n, tree_pair, t);
	} else if (streq(key, "block")) {
		if (is_empty(n))
			return true;
		t->kind = CONF_TOPO_BLOCK;
		map_each(r, n, blocks_pair, t);
	} else if (streq(key, "flat")) {
		if (n->type == YAML_MAPPING_NODE) {
			t->step_rank_given = true;
			map_each(r, n, flat_pair, t);
		} else {
			t->flat_given = bool_of(r, n);
		}
	} else if (streq(key, "ring") || streq(key, "torus3d")) {
		if (!is_empty(n))
			fail(r, n, "this slurmctld does not serve topologies of the kind", key);
	} else {
		return false;
	}
	return true;
}

struct topos {
	struct conf_topo *v;
	uint32_t count;
};

static void topo_item(struct reader *r, yaml_node_t *n, void *arg)
{
	struct topos *all = arg;
	struct conf_topo *t = &all->v[all->count];

	t->yaml = true;
	t->file = r->path;
	map_each(r, n, topo_pair, t);
	if (!t->name || !*t->name || strpbrk(t->name, ",:"))
		fail(r, n, "a topology needs a name without ',' and ':'", NULL);
	for (uint32_t i = 0; i < all->count; i++)
		if (streq(all->v[i].name, t->name))
			fail(r, n, "there are two topologies named", t->name);
	all->count++;
}

enum err conf_topo_yaml_parse(const char *text, const char *path, struct arena *mem,
			      struct conf_topo **out, uint32_t *count, struct err_text *why)
{
	struct reader r = { .mem = mem, .path = path, .why = why };
	struct topos all = { 0 };
	yaml_parser_t parser;
	yaml_node_t *root;

	if (!yaml_parser_initialize(&parser))
		return err_set(why, E_FAIL, "out of memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	if (!yaml_parser_load(&parser, &r.doc)) {
		err_set(why, E_FAIL, "line %zu: %s", parser.problem_mark.line + 1,
			parser.problem ? parser.problem : "is not YAML");
		yaml_parser_delete(&parser);
		return E_FAIL;
	}
	root = yaml_document_get_root_node(&r.doc);
	if (!root || !list_size(root))
		fail(&r, root, "a list of topologies is expected", NULL);
	else if (list_size(root) > TOPOS_MAX)
		fail(&r, root, "there are too many topologies", NULL);
	if (!r.failed) {
		all.v = arena_zalloc(mem, (list_size(root) + 1) * sizeof(*all.v));
		list_each(&r, root, topo_item, &all);
	}
	yaml_document_delete(&r.doc);
	yaml_parser_delete(&parser);
	if (r.failed)
		return E_FAIL;
	*out = all.v;
	*count = all.count;
	return E_OK;
}
