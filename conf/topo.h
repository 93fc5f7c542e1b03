/* SPDX-License-Identifier: Apache-2.0
 *
 * The network: what topology.conf or topology.yaml say (struct conf_topo), and
 * the same over node numbers (struct topo), which is what nodes are chosen by
 * and what is shown. */
#ifndef CONF_TOPO_H
#define CONF_TOPO_H

#include "conf/conf.h"
#include "wire/base/bitset.h"
#include "wire/base/strbuf.h"

enum conf_topo_kind { CONF_TOPO_FLAT, CONF_TOPO_TREE, CONF_TOPO_BLOCK };

/* A switch or a block, as written. */
struct conf_topo_unit {
	char *name;
	char *nodes;            /* NULL: not given */
	char *children;         /* switches: Switches= or children: */
	uint32_t link_speed;
	const char *file;
	unsigned line;
};

struct conf_topo {
	char *name;             /* "default" unless topology.yaml names it */
	enum conf_topo_kind kind;
	bool cluster_default, yaml;
	bool flat_given, step_rank;     /* flat: is "true" or has alpha_step_rank */
	bool step_rank_given;
	struct conf_topo_unit *unit;
	uint32_t unit_count;
	uint32_t *size;         /* BlockSizes */
	uint32_t size_count;
	const char *file;
};

/* TopologyPlugin has an effect only without topology.yaml. */
#define CONF_TOPO_DEFAULT "default"

#define TOPO_NONE UINT32_MAX

struct topo_unit {
	char *name;
	char *children;         /* as written, and what was added since; NULL none */
	char *nodes_text;       /* blocks: as written until a node moves; else NULL */
	uint32_t link_speed;
	uint32_t level;         /* of switches: 0 has nodes; of blocks: 0 is no sum of others */
	uint32_t parent;        /* TOPO_NONE */
	uint32_t *child;
	uint32_t child_count;
	uint32_t index;         /* blocks: the number they are shown with */
	uint32_t first, last;   /* sums: blocks from first to last */
	bool has_nodes;         /* Nodes= was given or some have come */
	struct bitset *nodes;   /* all below it */
};

#define TOPO_BLOCK_SIZES 16

struct topo {
	char *name;
	enum conf_topo_kind kind;
	uint32_t bits;          /* of all sets of nodes */
	struct topo_unit *unit;
	uint32_t unit_count;    /* switches, or blocks and the sums of blocks after them */
	uint32_t base_count;    /* blocks that are no sums; switches: all */
	uint32_t levels;        /* highest level of a switch */
	uint32_t block_nodes;   /* of a block, nominally */
	uint32_t block_levels;  /* bit n: 2^n blocks are a block of higher order */
	struct bitset *nodes;   /* blocks: all nodes in any */
};

/* How names of nodes become numbers; TOPO_NONE for a name nobody has. */
struct topo_names {
	uint32_t (*find)(const void *ctx, const char *name);
	const void *ctx;
	uint32_t bits;
	bool quiet;             /* nodes without a switch are not worth a word */
	const char *(*name)(const void *ctx, uint32_t node);    /* for messages; may be NULL */
};
typedef void topo_say(void *arg, const struct conf_topo_unit *u, bool fatal, const char *text);

/* NULL when it cannot be built; say (may be NULL) was then called with fatal. */
struct topo *topo_new(const struct conf_topo *t, const struct topo_names *names, topo_say *say,
		      void *arg);
void topo_free(struct topo *t);         /* NULL is a no-op */

/* Move a node to a switch or block: "unit", or for a tree a path from a switch
 * that exists through others, which are made; NULL: to none.  On failure
 * nothing has changed. */
enum err topo_put(struct topo *t, uint32_t node, const char *unit);
/* All topologies of a node: "name:unit,name2:unit2"; those not named do not
 * have it any more.  NULL or "": none has it. */
enum err topo_put_all(struct topo **all, uint32_t count, uint32_t node, const char *text);
/* Could they be put there? */
bool topo_text_good(struct topo *const *all, uint32_t count, const char *text);

/* The unit's nodes and children as they are shown; heap, NULL for none.
 * name_of gives the name of a node. */
typedef const char *topo_name_of(const void *ctx, uint32_t node);
char *topo_unit_nodes(const struct topo *t, const struct topo_unit *u, topo_name_of *name_of,
		      const void *ctx);
/* "default:top:s1" of each topology that has the node; heap, "" for none. */
char *topo_where(struct topo *const *all, uint32_t count, uint32_t node);

/* SLURM_TOPOLOGY_ADDR and its pattern; name: the node's. Heap. */
void topo_address(const struct topo *t, uint32_t node, const char *name, char **addr,
		  char **pattern);
/* Its first topology's address of a node of the configuration. */
void conf_topo_address(const struct conf *c, const char *node, char **addr, char **pattern);

/* The leaf switch or the block that has the node; TOPO_NONE. */
uint32_t topo_leaf(const struct topo *t, uint32_t node);

/* topology.yaml as it is shown; all: with the kinds of network 26.05 knows. Heap. */
char *topo_yaml(const struct conf *c, struct topo *const *now, topo_name_of *name_of,
		const void *ctx, bool all);

#endif
