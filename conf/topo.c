/* SPDX-License-Identifier: Apache-2.0
 *
 * A network over node numbers: built from what was written, changed when a
 * node moves.  Works on memory only. */
#include "conf/topo.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define UNRESOLVED UINT32_MAX

struct builder {
	const struct conf_topo *conf;
	const struct topo_names *names;
	struct topo *t;
	topo_say *say;
	void *arg;
	bool failed;
	struct bitset *placed, *twice;
	struct strbuf unknown;
};

static void tell(struct builder *b, const struct conf_topo_unit *u, bool fatal, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static void tell(struct builder *b, const struct conf_topo_unit *u, bool fatal, const char *fmt, ...)
{
	struct strbuf text = { 0 };
	char line[1024];
	va_list ap;

	b->failed |= fatal;
	if (!b->say)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	strbuf_add(&text, line);
	b->say(b->arg, u, fatal, text.s);
	strbuf_fini(&text);
}

void topo_free(struct topo *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->unit_count; i++) {
		free(t->unit[i].name);
		free(t->unit[i].children);
		free(t->unit[i].nodes_text);
		free(t->unit[i].child);
		bitset_free(t->unit[i].nodes);
	}
	free(t->unit);
	free(t->name);
	bitset_free(t->nodes);
	free(t);
}

static uint32_t unit_find(const struct topo *t, const char *name)
{
	for (uint32_t i = 0; i < t->unit_count; i++)
		if (streq(t->unit[i].name, name))
			return i;
	return TOPO_NONE;
}

static struct topo_unit *unit_add(struct topo *t, const char *name)
{
	struct topo_unit *u;

	t->unit = mem_realloc(t->unit, (t->unit_count + 1) * sizeof(*t->unit));
	u = &t->unit[t->unit_count++];
	memset(u, 0, sizeof(*u));
	u->name = mem_strdup(name);
	u->nodes = bitset_new(t->bits);
	u->parent = TOPO_NONE;
	return u;
}

static void child_add(struct topo *t, uint32_t parent, uint32_t child)
{
	struct topo_unit *u = &t->unit[parent];

	u->child = mem_realloc(u->child, (u->child_count + 1) * sizeof(*u->child));
	u->child[u->child_count++] = child;
	t->unit[child].parent = parent;
}

/* ---- what both kinds have ---------------------------------------------- */

static void nodes_read(struct builder *b, const struct conf_topo_unit *cu, struct topo_unit *u,
		       const char *what)
{
	struct arena mem = { 0 };
	char **names = NULL;
	uint32_t count = 0;

	u->has_nodes = cu->nodes != NULL;
	if (!cu->nodes)
		return;
	if (strcasecmp(cu->nodes, "ALL") == 0) {
		bitset_set_all(u->nodes);
	} else if (hostlist_expand(cu->nodes, &mem, &names, &count, NULL)) {
		tell(b, cu, true, "Invalid node name (%s) in %s config (%s)", cu->nodes, what,
		     cu->name);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n = b->names->find(b->names->ctx, names[i]);

		if (n != TOPO_NONE) {
			bitset_set(u->nodes, n);
			continue;
		}
		strbuf_sep(&b->unknown, ",");
		strbuf_add(&b->unknown, names[i]);
	}
	bitset_foreach(i, u->nodes) {
		if (bitset_test(b->placed, i))
			bitset_set(b->twice, i);
		bitset_set(b->placed, i);
	}
	arena_fini(&mem);
}

static void unit_check(struct builder *b, const struct conf_topo_unit *cu, const char *what)
{
	if (!cu->name || !*cu->name)
		tell(b, cu, true, "Can't create a %s without a name", what);
	else if (unit_find(b->t, cu->name) != TOPO_NONE)
		tell(b, cu, true, "%c%s (%s) has already been defined", what[0] - 'a' + 'A',
		     what + 1, cu->name);
}

/* ---- trees ------------------------------------------------------------- */

/* All child names become numbers. */
static void children_find(struct builder *b)
{
	struct topo *t = b->t;

	for (uint32_t i = 0; i < t->unit_count; i++) {
		const struct conf_topo_unit *cu = &b->conf->unit[i];
		struct arena mem = { 0 };
		char **names = NULL;
		uint32_t count = 0;

		if (t->unit[i].level != UNRESOLVED)
			continue;
		if (hostlist_expand(cu->children, &mem, &names, &count, NULL))
			tell(b, cu, true, "Invalid switches: %s", cu->children);
		for (uint32_t k = 0; k < count; k++) {
			uint32_t child = unit_find(t, names[k]);

			if (child == TOPO_NONE || child == i)
				tell(b, cu, true, "Switch configuration %s has invalid child (%s)",
				     cu->name, names[k]);
			else
				child_add(t, i, child);
		}
		arena_fini(&mem);
	}
}

/* A switch is one above the highest of its children. */
static bool level_resolve(struct topo *t, struct topo_unit *u)
{
	uint32_t level = 0;

	for (uint32_t k = 0; k < u->child_count; k++) {
		uint32_t below = t->unit[u->child[k]].level;

		if (below == UNRESOLVED)
			return false;
		if (below + 1 > level)
			level = below + 1;
	}
	u->level = level;
	for (uint32_t k = 0; k < u->child_count; k++)
		bitset_or(u->nodes, t->unit[u->child[k]].nodes);
	return true;
}

static void levels_find(struct builder *b)
{
	struct topo *t = b->t;
	uint32_t left = 0, before;

	for (uint32_t i = 0; i < t->unit_count; i++)
		left += t->unit[i].level == UNRESOLVED;
	do {
		before = left;
		for (uint32_t i = 0; i < t->unit_count; i++)
			if (t->unit[i].level == UNRESOLVED && level_resolve(t, &t->unit[i]))
				left--;
	} while (left && left != before);
	if (left)
		tell(b, NULL, true, "Switch configuration is not a tree");
	for (uint32_t i = 0; !left && i < t->unit_count; i++)
		if (t->unit[i].level > t->levels)
			t->levels = t->unit[i].level;
}

static void tree_build(struct builder *b)
{
	struct topo *t = b->t;

	for (uint32_t i = 0; i < b->conf->unit_count && !b->failed; i++) {
		const struct conf_topo_unit *cu = &b->conf->unit[i];
		struct topo_unit *u;

		unit_check(b, cu, "switch");
		if (cu->nodes && cu->children && !b->conf->yaml)
			tell(b, cu, true, "switch %s has both child switches and nodes", cu->name);
		else if (cu->nodes && cu->children)
			tell(b, cu, false, "Ignoring children switches for %s", cu->name);
		u = unit_add(t, cu->name);
		u->link_speed = cu->link_speed;
		nodes_read(b, cu, u, "switch");
		if (!cu->nodes && cu->children) {
			u->children = mem_strdup(cu->children);
			u->level = UNRESOLVED;
		}
		u->has_nodes = true;
	}
	t->base_count = t->unit_count;
	if (!b->failed)
		children_find(b);
	if (!b->failed)
		levels_find(b);
	if (!t->unit_count)
		tell(b, NULL, true, "No switches configured, failed to create context for "
		     "topology plugin");
}

/* ---- blocks ------------------------------------------------------------ */

static bool size_level(const struct topo *t, uint32_t size, uint32_t *level)
{
	uint32_t n = t->block_nodes ? size / t->block_nodes : 0;

	if (!size || size % t->block_nodes || n & (n - 1))
		return false;
	for (*level = 0; n >>= 1;)
		++*level;
	return *level < TOPO_BLOCK_SIZES;
}

/* Sizes are those of blocks of nodes in a row, each 2^n times the first. */
static void sizes_read(struct builder *b)
{
	const struct conf_topo *c = b->conf;
	struct topo *t = b->t;

	if (!c->size_count)
		t->block_levels = 0x1f;
	for (uint32_t i = 0; i < c->size_count; i++) {
		uint32_t level;

		if (!t->block_nodes)
			t->block_nodes = c->size[i];
		if (!size_level(t, c->size[i], &level)) {
			tell(b, NULL, true, "Invalid BlockSizes value: %u", c->size[i]);
			return;
		}
		t->block_levels |= 1u << level;
	}
}

/* Levels in use: up to the first that takes in all blocks. */
static uint32_t block_steps(const struct topo *t, uint32_t *size)
{
	uint32_t n = 0;

	for (uint32_t l = 0; l < TOPO_BLOCK_SIZES; l++) {
		if (!(t->block_levels & 1u << l))
			continue;
		size[n++] = 1u << l;
		if (1u << l >= t->base_count)
			break;
	}
	return n;
}

static void sum_finish(struct topo *t, struct topo_unit *u)
{
	const char **names = mem_alloc((u->last - u->first + 1) * sizeof(*names));

	bitset_clear_all(u->nodes);
	for (uint32_t i = u->first; i <= u->last; i++) {
		names[i - u->first] = t->unit[i].name;
		bitset_or(u->nodes, t->unit[i].nodes);
	}
	free(u->name);
	u->name = hostlist_compress(names, u->last - u->first + 1);
	u->has_nodes = true;
	free(names);
}

/* Blocks of higher order are numbered as they begin, and listed by size. */
static void sums_build(struct topo *t)
{
	uint32_t size[TOPO_BLOCK_SIZES], steps = block_steps(t, size), index = t->base_count;
	uint32_t base = t->base_count, at;

	for (uint32_t i = 0; i < base; i++) {
		for (uint32_t j = 1; j < steps; j++) {
			struct topo_unit *u;

			if (i % size[j] || (size[j] > base - i && size[j - 1] >= base - i))
				continue;
			u = unit_add(t, "");
			u->index = index++;
			u->level = j;
			u->first = i;
			u->last = (i + size[j] > base ? base : i + size[j]) - 1;
			sum_finish(t, u);
		}
	}
	for (uint32_t i = base + 1; i < t->unit_count; i++) {
		struct topo_unit u = t->unit[i];

		for (at = i; at > base && t->unit[at - 1].level > u.level; at--)
			t->unit[at] = t->unit[at - 1];
		t->unit[at] = u;
	}
}

static void block_build(struct builder *b)
{
	struct topo *t = b->t;

	sizes_read(b);
	for (uint32_t i = 0; i < b->conf->unit_count && !b->failed; i++) {
		const struct conf_topo_unit *cu = &b->conf->unit[i];
		struct topo_unit *u;

		unit_check(b, cu, "block");
		u = unit_add(t, cu->name);
		u->index = i;
		nodes_read(b, cu, u, "block");
		u->nodes_text = mem_strdup(cu->nodes);
		if (!t->block_nodes)
			t->block_nodes = bitset_count(u->nodes);
	}
	if (b->failed)
		return;
	t->base_count = t->unit_count;
	t->nodes = bitset_dup(b->placed);
	if (!t->unit_count)
		tell(b, NULL, true, "No blocks configured, failed to create context for "
		     "topology plugin");
	else if (!t->block_nodes)
		tell(b, NULL, true, "Blocks do not contain any nodes and the BlockSizes are not set");
	else
		sums_build(t);
}

/* ---- building ---------------------------------------------------------- */

static void tell_nodes(struct builder *b, const char *what, const struct bitset *set)
{
	const char **names = mem_alloc((bitset_count(set) + 1) * sizeof(*names));
	uint32_t n = 0;
	char *text;

	bitset_foreach(i, set)
		names[n++] = b->names->name(b->names->ctx, i);
	text = hostlist_compress_sorted(names, n);
	tell(b, NULL, false, "%s %s", what, text);
	free(text);
	free(names);
}

static void tell_strays(struct builder *b)
{
	bool tree = b->t->kind == CONF_TOPO_TREE, root = !tree;
	struct bitset *out = bitset_dup(b->placed);
	char what[64];

	bitset_set_all(out);
	bitset_and_not(out, b->placed);
	snprintf(what, sizeof what, "%s lack access to %u nodes:", tree ? "switches" : "Blocks",
		 bitset_count(out));
	if (bitset_next(out, 0) != UINT32_MAX && !b->names->quiet)
		tell_nodes(b, what, out);
	bitset_free(out);
	if (b->unknown.len)
		tell(b, NULL, false, "Invalid hostnames in %s configuration: %s",
		     tree ? "switch" : "block", b->unknown.s);
	if (tree && bitset_next(b->twice, 0) != UINT32_MAX)
		tell_nodes(b, "Multiple leaf switches contain nodes:", b->twice);
	for (uint32_t i = 0; i < b->t->unit_count && !root; i++)
		root = bitset_count(b->t->unit[i].nodes) == b->t->bits;
	if (!root && !b->names->quiet)
		tell(b, NULL, false, "TOPOLOGY: no switch can reach all nodes through its "
		     "descendants. If this is not intentional, fix the topology.conf file.");
}

struct topo *topo_new(const struct conf_topo *c, const struct topo_names *names, topo_say *say,
		      void *arg)
{
	struct builder b = { .conf = c, .names = names, .say = say, .arg = arg };

	b.t = mem_zalloc(sizeof(*b.t));
	b.t->name = mem_strdup(c->name);
	b.t->kind = c->kind;
	b.t->bits = names->bits;
	b.placed = bitset_new(names->bits);
	b.twice = bitset_new(names->bits);
	if (c->kind == CONF_TOPO_TREE)
		tree_build(&b);
	else if (c->kind == CONF_TOPO_BLOCK)
		block_build(&b);
	if (c->kind != CONF_TOPO_FLAT && !b.failed && say)
		tell_strays(&b);
	bitset_free(b.placed);
	bitset_free(b.twice);
	strbuf_fini(&b.unknown);
	if (!b.failed)
		return b.t;
	topo_free(b.t);
	return NULL;
}

/* ---- nodes move -------------------------------------------------------- */

/* Nodes above a leaf follow from those below. */
static void tree_sum(struct topo *t)
{
	for (uint32_t l = 1; l <= t->levels; l++) {
		for (uint32_t i = 0; i < t->unit_count; i++) {
			struct topo_unit *u = &t->unit[i];

			if (u->level != l)
				continue;
			bitset_clear_all(u->nodes);
			for (uint32_t k = 0; k < u->child_count; k++)
				bitset_or(u->nodes, t->unit[u->child[k]].nodes);
		}
	}
}

static void switch_make(struct topo *t, uint32_t parent, const char *name)
{
	char *all;
	uint32_t below = 0;

	unit_add(t, name)->has_nodes = true;
	child_add(t, parent, t->unit_count - 1);
	t->base_count = t->unit_count;
	all = t->unit[parent].children ? mem_printf("%s,%s", t->unit[parent].children, name) :
		mem_strdup(name);
	free(t->unit[parent].children);
	t->unit[parent].children = all;
	for (uint32_t p = parent; p != TOPO_NONE; p = t->unit[p].parent) {
		if (t->unit[p].level <= below)
			t->unit[p].level = below + 1;
		below = t->unit[p].level;
	}
	if (below > t->levels)
		t->levels = below;
}

/* Can the path be walked?  The switches at its end may have to be made, below
 * one that has switches or no nodes. */
static bool path_good(const struct topo *t, const char *path)
{
	uint32_t last = TOPO_NONE;
	bool make = false;

	for (const char *s = path; *s;) {
		size_t n = strcspn(s, ":");
		char *word = mem_strndup(s, n);
		uint32_t u = unit_find(t, word);

		free(word);
		if (u == TOPO_NONE && last == TOPO_NONE)
			return false;
		if (u == TOPO_NONE && !make && !t->unit[last].level &&
		    bitset_next(t->unit[last].nodes, 0) != UINT32_MAX)
			return false;
		make |= u == TOPO_NONE;
		if (u != TOPO_NONE)
			last = u;
		s += n;
		s += *s == ':';
	}
	return make || (last != TOPO_NONE && !t->unit[last].level);
}

static enum err tree_put(struct topo *t, uint32_t node, const char *path)
{
	uint32_t to = TOPO_NONE;

	if (path && !path_good(t, path))
		return E_REQUESTED_TOPO_CONFIG_UNAVAILABLE;
	for (const char *s = path ? path : ""; *s;) {
		size_t n = strcspn(s, ":");
		char *word = mem_strndup(s, n);
		uint32_t u = unit_find(t, word);

		if (u == TOPO_NONE) {
			switch_make(t, to, word);
			u = t->unit_count - 1;
		}
		free(word);
		to = u;
		s += n;
		s += *s == ':';
	}
	for (uint32_t i = 0; i < t->unit_count; i++)
		if (!t->unit[i].level)
			(i == to ? bitset_set : bitset_clear)(t->unit[i].nodes, node);
	tree_sum(t);
	return E_OK;
}

static enum err block_put(struct topo *t, uint32_t node, const char *name)
{
	uint32_t to = name ? unit_find(t, name) : TOPO_NONE;

	if (name && to >= t->base_count)
		return E_REQUESTED_TOPO_CONFIG_UNAVAILABLE;
	for (uint32_t i = 0; i < t->base_count; i++) {
		struct topo_unit *u = &t->unit[i];

		if (bitset_test(u->nodes, node) == (i == to))
			continue;
		(i == to ? bitset_set : bitset_clear)(u->nodes, node);
		u->has_nodes = true;
		free(u->nodes_text);
		u->nodes_text = NULL;
	}
	(to != TOPO_NONE ? bitset_set : bitset_clear)(t->nodes, node);
	for (uint32_t i = t->base_count; i < t->unit_count; i++)
		sum_finish(t, &t->unit[i]);
	return E_OK;
}

enum err topo_put(struct topo *t, uint32_t node, const char *unit)
{
	if (unit && !*unit)
		unit = NULL;
	switch (t->kind) {
	case CONF_TOPO_TREE: return tree_put(t, node, unit);
	case CONF_TOPO_BLOCK: return block_put(t, node, unit);
	case CONF_TOPO_FLAT: break;
	}
	return E_OK;
}

/* Which topology "name:unit" is for, its unit; false: none. */
static bool word_split(struct topo *const *all, uint32_t count, char *word, uint32_t *which,
		       char **unit)
{
	char *colon = strchr(word, ':');

	*unit = NULL;
	if (colon) {
		*colon = '\0';
		*unit = colon + 1;
	}
	for (*which = 0; *which < count; ++*which)
		if (streq(all[*which]->name, word))
			return true;
	return false;
}

static bool unit_good(const struct topo *t, const char *unit)
{
	if (!unit || !*unit || t->kind == CONF_TOPO_FLAT)
		return true;
	if (t->kind == CONF_TOPO_TREE)
		return path_good(t, unit);
	return unit_find(t, unit) < t->base_count;
}

bool topo_text_good(struct topo *const *all, uint32_t count, const char *text)
{
	char *copy = mem_strdup(text ? text : ""), *save = NULL, *unit;
	bool good = true;
	uint32_t i;

	for (char *w = strtok_r(copy, ",", &save); w && good; w = strtok_r(NULL, ",", &save))
		good = word_split(all, count, w, &i, &unit) && unit_good(all[i], unit);
	free(copy);
	return good;
}

enum err topo_put_all(struct topo **all, uint32_t count, uint32_t node, const char *text)
{
	char *copy, *save = NULL, *unit;
	uint32_t i;

	if (!topo_text_good(all, count, text))
		return E_REQUESTED_TOPO_CONFIG_UNAVAILABLE;
	for (i = 0; i < count; i++)
		(void)topo_put(all[i], node, NULL);
	copy = mem_strdup(text ? text : "");
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
		if (word_split(all, count, w, &i, &unit))
			(void)topo_put(all[i], node, unit);
	free(copy);
	return E_OK;
}

/* ---- what is shown ----------------------------------------------------- */

char *topo_unit_nodes(const struct topo *t, const struct topo_unit *u, topo_name_of *name_of,
		      const void *ctx)
{
	const char **names;
	uint32_t n = 0;
	char *text;

	(void)t;
	if (u->nodes_text)
		return mem_strdup(u->nodes_text);
	if (!u->has_nodes)
		return NULL;
	names = mem_alloc((bitset_count(u->nodes) + 1) * sizeof(*names));
	bitset_foreach(i, u->nodes)
		names[n++] = name_of(ctx, i);
	text = hostlist_compress_sorted(names, n);
	free(names);
	return text;
}

uint32_t topo_leaf(const struct topo *t, uint32_t node)
{
	for (uint32_t i = 0; i < t->base_count; i++)
		if (!t->unit[i].level && bitset_test(t->unit[i].nodes, node))
			return i;
	return TOPO_NONE;
}

/* From the switch above all others down to the leaf. */
static void tree_where(const struct topo *t, uint32_t node, struct strbuf *b)
{
	uint32_t at = TOPO_NONE;

	for (uint32_t i = 0; i < t->unit_count && at == TOPO_NONE; i++)
		if (t->unit[i].parent == TOPO_NONE && bitset_test(t->unit[i].nodes, node))
			at = i;
	if (at == TOPO_NONE)
		return;
	strbuf_sep(b, ",");
	strbuf_printf(b, "%s:%s", t->name, t->unit[at].name);
	while (t->unit[at].child_count) {
		uint32_t k = 0;

		while (k < t->unit[at].child_count &&
		       !bitset_test(t->unit[t->unit[at].child[k]].nodes, node))
			k++;
		if (k == t->unit[at].child_count)
			break;
		at = t->unit[at].child[k];
		strbuf_printf(b, ":%s", t->unit[at].name);
	}
}

char *topo_where(struct topo *const *all, uint32_t count, uint32_t node)
{
	struct strbuf b = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		uint32_t leaf;

		if (all[i]->kind == CONF_TOPO_TREE)
			tree_where(all[i], node, &b);
		if (all[i]->kind != CONF_TOPO_BLOCK)
			continue;
		leaf = topo_leaf(all[i], node);
		if (leaf == TOPO_NONE)
			continue;
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "%s:%s", all[i]->name, all[i]->unit[leaf].name);
	}
	return strbuf_take(&b);
}

/* All switches of a level that have the node, from the top on. */
static void tree_address(const struct topo *t, uint32_t node, struct strbuf *addr,
			 struct strbuf *pattern)
{
	const char **names = mem_alloc((t->unit_count + 1) * sizeof(*names));

	for (uint32_t l = t->levels + 1; l-- > 0;) {
		uint32_t n = 0;
		char *text;

		for (uint32_t i = 0; i < t->unit_count; i++)
			if (t->unit[i].level == l && bitset_test(t->unit[i].nodes, node))
				names[n++] = t->unit[i].name;
		text = hostlist_compress(names, n);
		strbuf_printf(addr, "%s.", text);
		strbuf_add(pattern, "switch.");
		free(text);
	}
	free(names);
}

void topo_address(const struct topo *t, uint32_t node, const char *name, char **addr,
		  char **pattern)
{
	struct strbuf a = { 0 }, p = { 0 };
	uint32_t leaf = t->kind == CONF_TOPO_BLOCK ? topo_leaf(t, node) : TOPO_NONE;

	if (t->kind == CONF_TOPO_TREE && node != TOPO_NONE)
		tree_address(t, node, &a, &p);
	if (leaf != TOPO_NONE) {
		strbuf_printf(&a, "%s.", t->unit[leaf].name);
		strbuf_add(&p, "block.");
	}
	strbuf_add(&a, name);
	strbuf_add(&p, "node");
	*addr = strbuf_take(&a);
	*pattern = strbuf_take(&p);
}

/* ---- nodes of a configuration ------------------------------------------ */

static uint32_t conf_index(const void *ctx, const char *name)
{
	const struct conf *c = ctx;
	const struct conf_node *n = conf_node_find(c, name);

	return n ? (uint32_t)(n - c->nodes) : TOPO_NONE;
}

void conf_topo_address(const struct conf *c, const char *node, char **addr, char **pattern)
{
	struct topo_names names = { .find = conf_index, .ctx = c, .bits = c->node_count };
	struct topo *t = c->topo_count ? topo_new(&c->topos[0], &names, NULL, NULL) : NULL;
	struct topo flat = { .kind = CONF_TOPO_FLAT };

	topo_address(t ? t : &flat, conf_index(c, node), node, addr, pattern);
	topo_free(t);
}
