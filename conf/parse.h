/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of conf: the state of one parse, shared by parse.c and by the files
 * that turn records into nodes, partitions and gres. */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "conf/conf.h"
#include "conf/keys.h"
#include "conf/lines.h"

struct parse;

/* How a parse reaches the world.  load.c has the real one. */
struct conf_reader {
	/* The text of a file, heap; E_FAIL with *why when there is none. */
	enum err (*read)(void *ctx, const char *path, char **text,
			 struct err_text *why);
	/* User name to number; false when unknown. */
	bool (*uid)(void *ctx, const char *name, uid_t *uid);
	void *ctx;
	void (*topo)(struct parse *p);  /* conf_topo_read; NULL: the network is not read */
};

/* load.c: the files and users of this machine, without the network. */
extern const struct conf_reader conf_files;

/* One record line: value of its first key, and of its words (NULL: not
 * given).  dflt holds what the DEFAULT lines before it gave. */
struct record {
	enum line_kind kind;
	const char *name;
	const char **own, **dflt;
	const char *file;
	unsigned line;
};

struct parse {
	struct conf *c;
	struct conf_problems *problems; /* never NULL */
	const struct conf_reader *reader;
	bool failed;                    /* a fatal problem was seen */
	/* the file being read: */
	const char *file;
	unsigned line;
	unsigned depth;                 /* of Include */
	uint32_t *hash;
	const struct conf_table *table;
	void *base;
	struct conf_origin *origin;
	bool gres;                      /* it is gres.conf */
	/* another file, with its own keys: */
	void (*other)(struct parse *p, const char *key, const char *value, const char **s);
	/* records, in order: */
	struct record *records;
	uint32_t record_count, record_cap;
	const char **dflt[LINE_KIND_COUNT];
};

/* Report at the current line, at a record, at the key's line. */
void parse_problem(struct parse *p, bool fatal, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void parse_problem_at(struct parse *p, const char *file, unsigned line,
		      bool fatal, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void record_problem(struct parse *p, const struct record *r, bool fatal,
		    const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A word: the record's own, else the default, else NULL. */
const char *record_word(const struct record *r, int word);
/* Numbers and the like: true when the word was given and is good; a bad one
 * is reported and leaves *out. */
bool record_u16(struct parse *p, const struct record *r, int w, uint16_t *out);
bool record_u32(struct parse *p, const struct record *r, int w, uint32_t *out);
bool record_u64(struct parse *p, const struct record *r, int w, uint64_t *out);
bool record_bool(struct parse *p, const struct record *r, int w, bool *out);
bool record_suspend(struct parse *p, const struct record *r, int w,
		    uint32_t *out);
/* CpuBind; 0 and a warning when wrong. */
uint32_t record_cpu_bind(struct parse *p, const struct record *r, int w);
/* Copy to the conf's arena; NULL for NULL. */
char *record_text(struct parse *p, const struct record *r, int w);
/* Name of a word, for messages. */
const char *line_word_name(enum line_kind kind, int word);
/* Nothing in a name of a node, partition or host that a line or a list would
 * take for something else. */
bool name_valid(const char *name);
/* Key that starts such a line. */
const char *line_kind_name(enum line_kind kind);

/* nodes.c: NodeName and DownNodes records. */
void nodes_build(struct parse *p);
/* Index of a node or UINT32_MAX. */
uint32_t nodes_index(const struct conf *c, const char *name);
/* parts.c: NodeSet and PartitionName records. */
void parts_build(struct parse *p);
/* gres.c: Gres= of nodes merged with the gres.conf records. */
void gres_build(struct parse *p);
void gres_autodetect_check(struct parse *p, const char *value);
/* validate.c: rules between keys, and the members that follow from keys. */
void conf_validate(struct parse *p);

/* A file beside slurm.conf, whose lines go to p->other; false: there is none. */
bool parse_side_file(struct parse *p, const char *name);
/* topo_file.c: topology.yaml or topology.conf. */
void conf_topo_read(struct parse *p);

/* Parse with an own reader.  path is slurm.conf for it. */
enum err conf_parse_reader(const struct conf_reader *reader, const char *path,
			   struct conf **out, struct conf_problems *problems);

#endif
