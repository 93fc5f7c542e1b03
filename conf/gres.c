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

/* Kinds for which node daemons do more than count. */
static bool gres_known(const char *name)
{
	return strcasecmp(name, "gpu") == 0 || strcasecmp(name, "nic") == 0 ||
		conf_gres_shared(name);
}

/* A gres.conf record, read once for all nodes. */
struct source {
	const struct record *r;
	struct conf_gres gres;
	char **names;           /* of the nodes, sorted; NULL: all nodes */
	uint32_t name_count;
	bool flags_given;
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

/* ---- flags ---- */

static uint32_t flags_default(const char *name)
{
	uint32_t f = 0;

	if (!gres_known(name))
		f |= CONF_GRES_COUNT_ONLY;
	if (strcasecmp(name, "gpu") == 0)
		f |= CONF_GRES_ENV | CONF_GRES_ENV_DEF;
	if (strcasecmp(name, "mps") == 0)
		f |= CONF_GRES_ONE;
	return f | (conf_gres_shared(name) ? CONF_GRES_SHARED : 0);
}

static const struct { const char *word; uint32_t flag; } flag_words[] = {
	{"CountOnly", CONF_GRES_COUNT_ONLY}, {"nvidia_gpu_env", CONF_GRES_NVIDIA},
	{"amd_gpu_env", CONF_GRES_AMD}, {"intel_gpu_env", CONF_GRES_INTEL},
	{"opencl_env", CONF_GRES_OPENCL}, {"one_sharing", CONF_GRES_ONE},
	{"all_sharing", 0}, {"explicit", CONF_GRES_EXPLICIT}, {"no_gpu_env", 0},
};

/* Flags= of a record; words are told apart at commas. */
static uint32_t flags_parse(struct parse *p, const struct record *r, const char *name,
			    const char *text)
{
	uint32_t f = flags_default(name) & (CONF_GRES_COUNT_ONLY | CONF_GRES_SHARED);
	bool one_named = false, none = false;

	while (*text) {
		size_t len = strcspn(text, ","), k, n = sizeof flag_words / sizeof *flag_words;

		for (k = 0; k < n; k++)
			if (strlen(flag_words[k].word) == len &&
			    strncasecmp(flag_words[k].word, text, len) == 0)
				break;
		if (k == n) {
			record_problem(p, r, false, "Name=%s: unknown Flags=%.*s", name,
				       (int)len, text);
		} else {
			f |= flag_words[k].flag;
			one_named |= strcasestr(flag_words[k].word, "sharing") != NULL;
			none |= strcasecmp(flag_words[k].word, "no_gpu_env") == 0;
		}
		text += len + (text[len] == ',');
	}
	if (none && f & CONF_GRES_ENV)
		record_problem(p, r, true, "Name=%s: no_gpu_env with other variables", name);
	if (!one_named && strcasecmp(name, "mps") == 0)
		f |= CONF_GRES_ONE;
	return f;
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
	g->flags = flags_default(g->name) | (g->type ? CONF_GRES_TYPE : 0);
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

/* What is not named in File= is not found. */
void gres_autodetect_check(struct parse *p, const char *value)
{
	if (value && strcasecmp(value, "off") != 0)
		parse_problem(p, false, "AutoDetect=%s is not supported: no device is looked "
			      "for, those of File= are used", value);
}

/* False when the record describes no gres (AutoDetect only, or wrong). */
static bool source_parse(struct parse *p, const struct record *r,
			 struct source *s)
{
	const int file_words[] = {GRES_File, GRES_Files, GRES_MultipleFiles};
	const char *flags = record_word(r, GRES_Flags);

	memset(s, 0, sizeof(*s));
	s->r = r;
	if (record_word(r, GRES_AutoDetect) && !r->name)
		record_problem(p, r, false, "AutoDetect in a line needs "
			       "NodeName to take effect");
	else
		gres_autodetect_check(p, record_word(r, GRES_AutoDetect));
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
	s->gres.links = record_text(p, r, record_word(r, GRES_Links) ?
				    GRES_Links : GRES_Link);
	s->flags_given = flags;
	if (flags)
		s->gres.flags = flags_parse(p, r, s->gres.name, flags);
	else
		s->gres.flags = flags_default(s->gres.name);
	if (s->gres.file)
		s->gres.flags |= CONF_GRES_FILE;
	if (record_word(r, GRES_MultipleFiles))
		s->gres.flags |= CONF_GRES_MULT;
	if (s->gres.type)
		s->gres.flags |= CONF_GRES_TYPE;
	source_count(p, s);
	if (!type_known(p->c, s->gres.name))
		record_problem(p, r, false, "Name=%s is not in GresTypes of "
			       "slurm.conf, ignored", s->gres.name);
	return true;
}

static bool source_is_of(const struct source *s, const char *node, const char *name)
{
	return strcasecmp(s->gres.name, name) == 0 &&
		(!s->r->name || bsearch(&node, s->names, s->name_count, sizeof(*s->names), name_cmp));
}

/* Flags= of a line hold for later lines of the same name and node. */
static uint32_t source_flags(const struct source *first, const struct source *s, const char *node)
{
	const uint32_t own = CONF_GRES_FILE | CONF_GRES_MULT | CONF_GRES_TYPE;

	for (const struct source *k = s; k >= first; k--)
		if (k->flags_given && source_is_of(k, node, s->gres.name))
			return (k->gres.flags & ~own) | (s->gres.flags & own);
	return s->gres.flags;
}

static bool source_matches(const struct source *s, const char *node,
			   const struct conf_gres *want)
{
	if (!source_is_of(s, node, want->name))
		return false;
	return !want->type || (s->gres.type && strcasecmp(s->gres.type, want->type) == 0);
}

/* ---- merge ---- */

/* As many files as devices. */
static void files_cut(struct arena *mem, struct conf_gres *g)
{
	char **names, *text;
	uint32_t n;

	if (!g->file || g->flags & (CONF_GRES_MULT | CONF_GRES_SHARED) ||
	    hostlist_expand(g->file, mem, &names, &n, NULL) || g->count >= n)
		return;
	text = hostlist_compress((const char *const *)names, (uint32_t)g->count);
	g->file = arena_strdup(mem, text);
	free(text);
}

/* Entries for one item of Gres=: its sources up to its count, and the rest
 * without files. */
static void item_merge(struct arena *mem, struct gres_list *l, const struct conf_node *n,
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
		g->flags = source_flags(sources, &sources[i], n->name);
		g->name = want->name;
		g->type = want->type;
		if (!g->type)
			g->flags &= ~CONF_GRES_TYPE;
		if (g->count > left) {
			g->count = left;
			files_cut(mem, g);
		}
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
		item_merge(mem, &l, n, &want, sources, source_count_);
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
