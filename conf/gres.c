/* SPDX-License-Identifier: Apache-2.0
 *
 * Gres= of the nodes and the records of gres.conf, merged: Gres= says how
 * many, gres.conf says which files and cores.  A gres.conf record counts for
 * the nodes it names, or for all, and is cut to the count of Gres=. */
#include "conf/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/value.h"

/* A gres.conf record, read once for all nodes. */
struct source {
	const struct record *r;
	struct conf_gres gres;
	char **names;           /* of the nodes, sorted; NULL: all nodes */
	uint32_t name_count;
};

struct gres_list {
	struct conf_gres *v;
	uint32_t count, cap;
};

static struct conf_gres *list_add(struct gres_list *l)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 8;
		l->v = mem_realloc(l->v, l->cap * sizeof(*l->v));
	}
	memset(&l->v[l->count], 0, sizeof(*l->v));
	return &l->v[l->count++];
}

/* ---- Gres= ---- */

/* "gpu", "gpu:2", "gpu:tesla:2", "gpu:no_consume:2", "gpu:2(S:0-1)". */
static bool gres_parse(struct arena *mem, const char *s, size_t len,
		       struct conf_gres *g)
{
	char *text = arena_strndup(mem, s, len), *last, *paren;

	memset(g, 0, sizeof(*g));
	paren = strchr(text, '(');
	if (paren)
		*paren = '\0';
	g->count = 1;
	g->flags = CONF_GRES_COUNT_ONLY;
	last = strrchr(text, ':');
	if (last && isdigit((unsigned char)last[1])) {
		if (!value_count(last + 1, &g->count))
			return false;
		*last = '\0';
		last = strrchr(text, ':');
	}
	if (last && strcasecmp(last, ":no_consume") == 0)
		*last = '\0';
	g->name = text;
	last = strchr(text, ':');
	if (last) {
		*last = '\0';
		g->type = last + 1;
	}
	return *g->name && (!g->type || (*g->type && !strchr(g->type, ':')));
}

/* Length of one item: up to a comma outside parentheses. */
static size_t item_len(const char *s)
{
	int depth = 0;
	size_t n = 0;

	for (; s[n] && (s[n] != ',' || depth); n++) {
		if (s[n] == '(')
			depth++;
		else if (s[n] == ')' && depth)
			depth--;
	}
	return n;
}

static bool type_known(const struct conf *c, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = c->grestypes; s && *s;) {
		size_t len = strcspn(s, ",");

		if (len == n && strncasecmp(s, name, n) == 0)
			return true;
		s += len;
		s += *s == ',';
	}
	return false;
}

/* ---- gres.conf ---- */

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool source_names(struct parse *p, struct source *s)
{
	struct err_text why;

	if (!s->r->name)
		return true;
	if (hostlist_expand(s->r->name, &p->c->mem, &s->names, &s->name_count,
			    &why)) {
		record_problem(p, s->r, true, "NodeName=%s: %s", s->r->name,
			       why.text);
		return false;
	}
	qsort(s->names, s->name_count, sizeof(*s->names), name_cmp);
	return true;
}

static void source_count(struct parse *p, struct source *s)
{
	const struct record *r = s->r;
	const char *count = record_word(r, GRES_Count);
	struct arena mem = {0};
	char **files;
	uint32_t file_count = 0;
	uint64_t given;

	if (s->gres.file && hostlist_expand(s->gres.file, &mem, &files,
					    &file_count, NULL))
		record_problem(p, r, true, "Name=%s: bad File=%s",
			       s->gres.name, s->gres.file);
	arena_fini(&mem);
	if (record_word(r, GRES_MultipleFiles) && file_count)
		file_count = 1;
	s->gres.count = file_count ? file_count : 1;
	if (!count)
		return;
	if (!value_count(count, &given)) {
		record_problem(p, r, true, "Name=%s: bad Count=%s",
			       s->gres.name, count);
		return;
	}
	/* Parts of a device are more than its files. */
	if (file_count && given != file_count &&
	    strcasecmp(s->gres.name, "mps") != 0 &&
	    strcasecmp(s->gres.name, "shard") != 0)
		record_problem(p, r, true, "Name=%s: Count=%s does not match "
			       "File=%s", s->gres.name, count, s->gres.file);
	s->gres.count = given;
}

/* False when the record describes no gres (AutoDetect only, or wrong). */
static bool source_parse(struct parse *p, const struct record *r,
			 struct source *s)
{
	const int file_words[] = {GRES_File, GRES_Files, GRES_MultipleFiles};

	memset(s, 0, sizeof(*s));
	s->r = r;
	if (record_word(r, GRES_AutoDetect) && !r->name)
		record_problem(p, r, false, "AutoDetect in a line needs "
			       "NodeName to take effect");
	if (!source_names(p, s))
		return false;
	s->gres.name = record_text(p, r, GRES_Name);
	if (!s->gres.name) {
		if (!record_word(r, GRES_AutoDetect))
			record_problem(p, r, true,
				       "NodeName=%s: no gres Name", r->name);
		return false;
	}
	s->gres.type = record_text(p, r, GRES_Type);
	s->gres.cores = record_text(p, r, record_word(r, GRES_Cores) ?
				    GRES_Cores : GRES_CPUs);
	for (int i = 0; i < 3 && !s->gres.file; i++)
		s->gres.file = record_text(p, r, file_words[i]);
	s->gres.flags = s->gres.file ? 0 : CONF_GRES_COUNT_ONLY;
	source_count(p, s);
	if (!type_known(p->c, s->gres.name))
		record_problem(p, r, false, "Name=%s is not in GresTypes of "
			       "slurm.conf, ignored", s->gres.name);
	return true;
}

static bool source_matches(const struct source *s, const char *node,
			   const struct conf_gres *want)
{
	if (strcasecmp(s->gres.name, want->name) != 0)
		return false;
	if (s->gres.type && want->type &&
	    strcasecmp(s->gres.type, want->type) != 0)
		return false;
	return !s->r->name || bsearch(&node, s->names, s->name_count,
				      sizeof(*s->names), name_cmp);
}

/* ---- merge ---- */

/* Entries for one item of Gres=: its sources up to its count, and the rest
 * without files. */
static void item_merge(struct gres_list *l, const struct conf_node *n,
		       const struct conf_gres *want, struct source *sources,
		       uint32_t source_count_)
{
	uint64_t left = want->count;

	for (uint32_t i = 0; i < source_count_ && left; i++) {
		struct conf_gres *g;

		if (!source_matches(&sources[i], n->name, want))
			continue;
		g = list_add(l);
		*g = sources[i].gres;
		g->name = want->name;
		if (!g->type)
			g->type = want->type;
		if (g->count > left)
			g->count = left;
		left -= g->count;
	}
	if (left || !want->count) {
		struct conf_gres *g = list_add(l);

		*g = *want;
		g->count = left;
	}
}

static void node_problem(struct parse *p, const struct conf_node *n,
			 bool fatal, const char *what)
{
	parse_problem_at(p, n->file, n->line, fatal, "NodeName=%s: Gres=%s %s",
			 n->name, n->gres, what);
}

static void node_merge(struct parse *p, struct conf_node *n,
		       struct source *sources, uint32_t source_count_)
{
	struct arena *mem = &p->c->mem;
	struct gres_list l = {0};
	size_t len;

	for (const char *s = n->gres; *s; s += len + (s[len] == ',')) {
		struct conf_gres want;

		len = item_len(s);
		if (!len)
			continue;
		if (!gres_parse(mem, s, len, &want)) {
			node_problem(p, n, true, "cannot be parsed");
			break;
		}
		if (!type_known(p->c, want.name)) {
			node_problem(p, n, false, "is not in GresTypes, "
				     "ignored");
			continue;
		}
		item_merge(&l, n, &want, sources, source_count_);
	}
	n->gres_list = arena_alloc(mem, (l.count + 1) * sizeof(*l.v));
	if (l.count)
		memcpy(n->gres_list, l.v, l.count * sizeof(*l.v));
	n->gres_count = l.count;
	free(l.v);
}

/* Nodes of one line share the result when gres.conf does not tell them
 * apart; that is every large cluster. */
void gres_build(struct parse *p)
{
	struct conf *c = p->c;
	struct source *sources = mem_alloc((p->record_count + 1) *
					   sizeof(*sources));
	uint32_t count = 0;
	bool by_name = false;
	const struct conf_node *last = NULL;

	for (uint32_t i = 0; i < p->record_count; i++) {
		const struct record *r = &p->records[i];

		if (r->kind == LINE_GRES &&
		    source_parse(p, r, &sources[count]))
			by_name |= sources[count++].r->name != NULL;
	}
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct conf_node *n = &c->nodes[i];

		if (!n->gres)
			continue;
		if (!by_name && last && last->gres == n->gres) {
			n->gres_list = last->gres_list;
			n->gres_count = last->gres_count;
			continue;
		}
		node_merge(p, n, sources, count);
		last = n;
	}
	free(sources);
}
