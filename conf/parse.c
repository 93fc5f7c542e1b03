/* SPDX-License-Identifier: Apache-2.0
 *
 * Parsing in two passes: the text of slurm.conf and the files beside it
 * into key values and records, then the records into nodes and partitions.
 * Every problem is noted with its file and line and parsing goes on; the
 * result is only used when none was fatal. */
#include "conf/parse.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/token.h"
#include "conf/value.h"

#define INCLUDE_DEPTH 16
#define PROBLEM_MAX   1000      /* the rest is only counted as failure */

/* ---- problems ---- */

static void problem_add(struct parse *p, const char *file, unsigned line,
			bool fatal, const char *fmt, va_list ap)
{
	struct conf_problems *ps = p->problems;
	struct conf_problem *new;
	char *text = NULL;

	if (fatal)
		p->failed = true;
	if (ps->count >= PROBLEM_MAX)
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	ps->v = mem_realloc(ps->v, (ps->count + 1) * sizeof(*ps->v));
	new = &ps->v[ps->count++];
	new->fatal = fatal;
	new->file = mem_strdup(file ? file : "slurm.conf");
	new->line = line;
	new->text = text;
}

void parse_problem(struct parse *p, bool fatal, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(p, p->file, p->line, fatal, fmt, ap);
	va_end(ap);
}

void parse_problem_at(struct parse *p, const char *file, unsigned line,
		      bool fatal, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(p, file, line, fatal, fmt, ap);
	va_end(ap);
}

void record_problem(struct parse *p, const struct record *r, bool fatal,
		    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	problem_add(p, r->file, r->line, fatal, fmt, ap);
	va_end(ap);
}

void conf_problems_fini(struct conf_problems *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		free(p->v[i].file);
		free(p->v[i].text);
	}
	free(p->v);
	memset(p, 0, sizeof(*p));
}

/* ---- record lines ---- */

static const struct {
	const char *name;
	const char *const *words;
	int count;
} kinds[] = {
#define W(w) #w,
#define K(key, w) [LINE_##w] = { #key, (const char *const []){ \
	w##_WORDS(W) NULL }, sizeof((const char *const []){ \
	w##_WORDS(W) NULL }) / sizeof(char *) - 1 },
	LINE_KINDS(K)
	[LINE_GRES] = { "Name", (const char *const []){ GRES_WORDS(W) NULL },
			GRES_WORD_COUNT },
#undef K
#undef W
};

const char *line_word_name(enum line_kind kind, int word)
{
	return kinds[kind].words[word];
}

const char *line_kind_name(enum line_kind kind)
{
	return kinds[kind].name;
}

static int word_find(enum line_kind kind, const struct keyvalue *kv)
{
	for (int i = 0; i < kinds[kind].count; i++) {
		const char *w = kinds[kind].words[i];

		if (strlen(w) == kv->key_len &&
		    strncasecmp(w, kv->key, kv->key_len) == 0)
			return i;
	}
	return -1;
}

/* Names are defaulted too, but those that say which host it is. */
static bool default_forbidden(enum line_kind kind, int word)
{
	return kind == LINE_NODE && (word == NODE_NodeHostname ||
		word == NODE_NodeAddr || word == NODE_BcastAddr);
}

bool name_valid(const char *name)
{
	return *name && !name[strcspn(name, " \t\r\n\v\f,\"'\\#=")];
}

static struct record *record_add(struct parse *p)
{
	if (p->record_count == p->record_cap) {
		p->record_cap = p->record_cap ? p->record_cap * 2 : 32;
		p->records = mem_realloc(p->records, p->record_cap *
					 sizeof(*p->records));
	}
	return &p->records[p->record_count++];
}

static void unknown_word(struct parse *p, enum line_kind kind,
			 const struct keyvalue *kv)
{
	char *word = mem_strndup(kv->key, kv->key_len);
	const char *near = conf_word_nearest(kinds[kind].words,
					     (uint32_t)kinds[kind].count, word);

	if (near)
		parse_problem(p, true, "%s=: unknown word '%s', did you mean "
			      "'%s'?", kinds[kind].name, word, near);
	else
		parse_problem(p, true, "%s=: unknown word '%s'",
			      kinds[kind].name, word);
	free(word);
}

/* The words behind "NodeName=..."; *s ends where they end. */
static void record_parse(struct parse *p, enum line_kind kind,
			 const char *name, const char **s)
{
	size_t size = (size_t)(kinds[kind].count + 1) * sizeof(char *);
	const char **own = arena_zalloc(&p->c->mem, size);
	bool is_default = strcasecmp(name, "DEFAULT") == 0 &&
			  (kind == LINE_NODE || kind == LINE_PART);
	struct keyvalue kv;
	const char **dflt;
	struct record *r;

	while (keyvalue_next(s, &kv)) {
		int w = word_find(kind, &kv);

		if (w < 0) {
			unknown_word(p, kind, &kv);
			continue;
		}
		if (is_default && default_forbidden(kind, w)) {
			parse_problem(p, true, "%s not allowed with "
				      "NodeName=DEFAULT", kinds[kind].words[w]);
			continue;
		}
		if (own[w])
			parse_problem(p, false, "%s given more than once, the "
				      "last one counts", kinds[kind].words[w]);
		own[w] = arena_strndup(&p->c->mem, kv.value, kv.value_len);
	}
	dflt = p->dflt[kind];
	if (is_default) {
		/* A new array: earlier records point at the old one. */
		p->dflt[kind] = own;
		for (int i = 0; dflt && i < kinds[kind].count; i++)
			if (!own[i])
				own[i] = dflt[i];
		return;
	}
	/* Node lists are split first, and each name is looked at then. */
	if (kind != LINE_NODE && kind != LINE_DOWN && kind != LINE_GRES &&
	    !name_valid(name))
		parse_problem(p, true, "%s=%s: not a name", kinds[kind].name,
			      name);
	r = record_add(p);
	r->kind = kind;
	r->name = name;
	r->own = own;
	r->dflt = dflt ? dflt : arena_zalloc(&p->c->mem, size);
	r->file = p->file;
	r->line = p->line;
}

const char *record_word(const struct record *r, int word)
{
	return r->own[word] ? r->own[word] : r->dflt[word];
}

char *record_text(struct parse *p, const struct record *r, int w)
{
	return arena_strdup(&p->c->mem, record_word(r, w));
}

static bool record_number(struct parse *p, const struct record *r, int w,
			  uint64_t max, uint64_t *out)
{
	const char *text = record_word(r, w), *what;

	if (!text)
		return false;
	what = value_number(text, max, out);
	if (what)
		record_problem(p, r, true, "%s=%s: %s=%s %s",
			       kinds[r->kind].name, r->name,
			       kinds[r->kind].words[w], text, what);
	return !what;
}

bool record_u16(struct parse *p, const struct record *r, int w, uint16_t *out)
{
	uint64_t v;

	if (!record_number(p, r, w, UINT16_MAX, &v))
		return false;
	*out = (uint16_t)v;
	return true;
}

bool record_u32(struct parse *p, const struct record *r, int w, uint32_t *out)
{
	uint64_t v;

	if (!record_number(p, r, w, UINT32_MAX, &v))
		return false;
	*out = (uint32_t)v;
	return true;
}

bool record_u64(struct parse *p, const struct record *r, int w, uint64_t *out)
{
	return record_number(p, r, w, UINT64_MAX, out);
}

bool record_bool(struct parse *p, const struct record *r, int w, bool *out)
{
	const char *text = record_word(r, w);

	if (!text)
		return false;
	if (value_bool(text, out))
		return true;
	record_problem(p, r, true, "%s=%s: %s=%s is neither YES nor NO",
		       kinds[r->kind].name, r->name, kinds[r->kind].words[w],
		       text);
	return false;
}

bool record_suspend(struct parse *p, const struct record *r, int w,
		    uint32_t *out)
{
	const char *text = record_word(r, w);

	if (!text)
		return false;
	if (value_suspend(text, out))
		return true;
	record_problem(p, r, true, "%s=%s: %s=%s is not a time",
		       kinds[r->kind].name, r->name, kinds[r->kind].words[w],
		       text);
	return false;
}

uint32_t record_cpu_bind(struct parse *p, const struct record *r, int w)
{
	const char *text = record_word(r, w), *bad;
	uint64_t bits = 0;
	int len;

	if (!text)
		return 0;
	if (conf_names_parse(&conf_names_cpubind, text, &bits, &bad, &len))
		return (uint32_t)bits;
	record_problem(p, r, false, "%s=%s: CpuBind=%s is invalid, ignored",
		       kinds[r->kind].name, r->name, text);
	return 0;
}

/* ---- keys ---- */

static void key_unknown(struct parse *p, const char *name)
{
	const char *near = conf_key_nearest(p->table, name);

	if (near)
		parse_problem(p, true, "unknown key '%s', did you mean '%s'?",
			      name, near);
	else
		parse_problem(p, true, "unknown key '%s'", name);
}

static void key_retired(struct parse *p, const struct conf_key *k)
{
	if (k->gone)
		parse_problem(p, false, "%s is retired, no release since 22.05 uses it",
			      k->name);
	else if (k->until < CONF_R26_05)
		parse_problem(p, false, "%s is retired, last used by Slurm %s",
			      k->name, conf_release_name[k->until]);
}

static enum line_kind line_kind_of(const struct conf_key *k)
{
	for (int i = 0; i < LINE_GRES; i++)
		if (strcasecmp(kinds[i].name, k->name) == 0)
			return (enum line_kind)i;
	return LINE_KIND_COUNT;
}

static void key_store(struct parse *p, const struct conf_key *k,
		      const char *value)
{
	struct conf_origin *o = &p->origin[k - p->table->keys];
	struct err_text why;

	if (o->text && k->type != CONF_LIST)
		parse_problem(p, false, "%s given more than once, the last one "
			      "counts", k->name);
	if (conf_key_set(k, p->base, &p->c->mem, value, &why)) {
		parse_problem(p, true, "%s", why.text);
		return;
	}
	o->text = value;
	o->file = p->file;
	o->line = p->line;
}

static void leftover_check(struct parse *p, const char *s)
{
	s = skip_space(s);
	if (*s)
		parse_problem(p, true, "cannot be parsed: '%.*s'",
			      (int)strcspn(s, "\r\n"), s);
}

/* "Name=gpu ..." is for all nodes: such a record has no name of its own. */
static void gres_record(struct parse *p, const char *key, const char *value,
			const char **s)
{
	struct record *r;

	record_parse(p, LINE_GRES, value, s);
	r = &p->records[p->record_count - 1];
	if (strcasecmp(key, "Name") == 0) {
		r->own[GRES_Name] = value;
		r->name = NULL;
	}
}

static void key_parse(struct parse *p, const char *s)
{
	struct keyvalue kv;
	const struct conf_key *k;
	char *name, *value;

	if (!keyvalue_next(&s, &kv)) {
		leftover_check(p, s);
		return;
	}
	name = mem_strndup(kv.key, kv.key_len);
	value = arena_strndup(&p->c->mem, kv.value, kv.value_len);
	k = p->table ? conf_key_find(p->table, name) : NULL;
	if (p->other) {
		p->other(p, name, value, &s);
	} else if (p->gres) {
		if (strcasecmp(name, "AutoDetect") == 0) {
			p->c->gres_autodetect = value;
			gres_autodetect_check(p, value);
		} else if (strcasecmp(name, "Name") == 0 ||
			   strcasecmp(name, "NodeName") == 0) {
			gres_record(p, name, value, &s);
		} else
			parse_problem(p, true, "unknown key '%s'", name);
	} else if (!k) {
		key_unknown(p, name);
		free(name);
		return;
	} else if (k->type == CONF_LINE) {
		key_retired(p, k);
		record_parse(p, line_kind_of(k), value, &s);
	} else {
		key_retired(p, k);
		key_store(p, k, value);
	}
	free(name);
	leftover_check(p, s);
}

/* ---- files ---- */

static void file_parse(struct parse *p, const char *path, const char *text);

/* Put the cluster's name for each %c. */
static char *include_path(struct parse *p, const char *s, size_t len)
{
	struct strbuf b = {0};
	const char *cluster = p->c->clustername;
	char *path;

	if (*s != '/')
		strbuf_printf(&b, "%s/", p->c->dir);
	for (size_t i = 0; i < len; i++) {
		if (s[i] != '%' || i + 1 == len || s[i + 1] != 'c') {
			strbuf_addc(&b, s[i]);
			continue;
		}
		if (!cluster) {
			parse_problem(p, true,
				      "Include with %%c before ClusterName");
			strbuf_fini(&b);
			return NULL;
		}
		for (const char *c = cluster; *c; c++)
			strbuf_addc(&b, (char)tolower((unsigned char)*c));
		i++;
	}
	path = arena_strdup(&p->c->mem, b.s ? b.s : "");
	strbuf_fini(&b);
	return path;
}

static void include_file(struct parse *p, const char *path)
{
	const char *file = p->file;
	unsigned line = p->line;
	struct err_text why = {""};
	char *text;

	if (p->depth >= INCLUDE_DEPTH) {
		parse_problem(p, true, "Include nested deeper than %d",
			      INCLUDE_DEPTH);
		return;
	}
	if (strchr(path, '*')) {
		parse_problem(p, true, "Include does not expand '*': %s", path);
		return;
	}
	if (p->reader->read(p->reader->ctx, path, &text, &why)) {
		parse_problem(p, true, "Include failed: %s", why.text);
		return;
	}
	p->depth++;
	file_parse(p, path, text);
	p->depth--;
	p->file = file;
	p->line = line;
	free(text);
}

/* True when the line was an Include. */
static bool include_parse(struct parse *p, const char *s)
{
	const char *name, *end;
	char *path;

	if (strncasecmp(s, "include", 7) != 0 || !isspace((unsigned char)s[7]))
		return false;
	name = skip_space(s + 7);
	for (end = name; *end && !isspace((unsigned char)*end); end++)
		;
	if (end == name) {
		parse_problem(p, true, "Include without a file");
		return true;
	}
	leftover_check(p, end);
	path = include_path(p, name, (size_t)(end - name));
	if (path)
		include_file(p, path);
	return true;
}

static void file_parse(struct parse *p, const char *path, const char *text)
{
	struct lines l = {.p = text, .next_line = 1, .hash = p->hash};

	p->file = arena_strdup(&p->c->mem, path);
	while (lines_next(&l)) {
		p->line = l.line;
		const char *s = skip_space(l.text.s);

		if (*s && !include_parse(p, s))
			key_parse(p, s);
	}
	lines_fini(&l);
}

/* gres.conf and the like: beside slurm.conf, and may be missing. */
bool parse_side_file(struct parse *p, const char *name)
{
	char *path = arena_printf(&p->c->mem, "%s/%s", p->c->dir, name);
	struct err_text why = {""};
	char *text;

	if (p->reader->read(p->reader->ctx, path, &text, &why))
		return false;
	p->hash = NULL;
	file_parse(p, path, text);
	free(text);
	return true;
}

/* Keys go to table's members of base from here on. */
static void keys_begin(struct parse *p, const struct conf_table *t, void *base,
		       struct conf_origin **origin)
{
	*origin = arena_zalloc(&p->c->mem, t->count * sizeof(**origin));
	p->table = t;
	p->base = base;
	p->origin = *origin;
}

static void keys_end(struct parse *p)
{
	conf_keys_default(p->table, p->base, p->origin, &p->c->mem);
	p->table = NULL;
}

static void files_parse(struct parse *p, const char *text)
{
	struct conf *c = p->c;

	keys_begin(p, &conf_slurm_table, c, &c->origin);
	p->hash = &c->hash_val;
	file_parse(p, c->path, text);
	keys_end(p);

	keys_begin(p, &conf_cgroup_table, &c->cgroup, &c->cgroup_origin);
	c->have_cgroup_conf = parse_side_file(p, "cgroup.conf");
	keys_end(p);

	keys_begin(p, &conf_mpi_table, &c->mpi, &c->mpi_origin);
	c->have_mpi_conf = parse_side_file(p, "mpi.conf");
	keys_end(p);

	keys_begin(p, &conf_gather_table, &c->gather, &c->gather_origin);
	parse_side_file(p, "acct_gather.conf");
	keys_end(p);

	p->gres = true;
	c->have_gres_conf = parse_side_file(p, "gres.conf");
	p->gres = false;
}

static char *dir_of(struct arena *mem, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_strdup(mem, ".");
	if (slash == path)
		return arena_strdup(mem, "/");
	return arena_strndup(mem, path, (size_t)(slash - path));
}

enum err conf_parse_reader(const struct conf_reader *reader, const char *path,
			   struct conf **out, struct conf_problems *problems)
{
	struct conf_problems own = {0};
	struct parse p = {.reader = reader,
			  .problems = problems ? problems : &own};
	struct conf *c = mem_zalloc(sizeof(*c));
	struct err_text why = {""};
	char *text = NULL;

	p.c = c;
	atomic_init(&c->refs, 1);
	c->path = arena_strdup(&c->mem, path);
	c->dir = dir_of(&c->mem, path);
	p.file = c->path;
	if (reader->read(reader->ctx, path, &text, &why)) {
		parse_problem(&p, true, "%s", why.text);
	} else {
		files_parse(&p, text);
		conf_validate(&p);
		nodes_build(&p);
		gres_build(&p);
		parts_build(&p);
		if (reader->topo && !p.failed)
			reader->topo(&p);
	}
	free(text);
	free(p.records);
	conf_problems_fini(&own);
	if (p.failed) {
		conf_unref(c);
		return E_FAIL;
	}
	*out = c;
	return E_OK;
}
