/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of keys.def and cgroup_keys.def as data, and what can be done with
 * one: find it by name, set a member from text. */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include "conf/conf.h"
#include "conf/names.h"

enum conf_type {
	CONF_STR, CONF_U16, CONF_U32, CONF_U64, CONF_BOOL, CONF_FLOAT,
	CONF_LIST, CONF_LEVEL, CONF_FLAGS16, CONF_FLAGS32, CONF_FLAGS64,
	CONF_ENUM16, CONF_ENUM32, CONF_SECS, CONF_MINS, CONF_SUSPEND,
	CONF_PORTS, CONF_RANGE16, CONF_LINE,
};

/* Releases in order; since and until of a key. */
enum conf_release {
	CONF_R22_05, CONF_R23_02, CONF_R23_11, CONF_R24_05, CONF_R24_11,
	CONF_R25_05, CONF_R25_11, CONF_R26_05, CONF_RELEASES
};
extern const char *const conf_release_name[CONF_RELEASES];

enum { CONF_READER_C = 1, CONF_READER_D = 2, CONF_READER_U = 4 };

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset;          /* of the member */
	const char *dflt;
	uint64_t lo, hi;        /* hi 0: no limit */
	const struct conf_names *names;
	const char *unset;      /* a value containing it is none */
	uint8_t readers;
	bool restart;           /* a reconfigure is not enough */
	bool gone;              /* retired before the oldest release */
	uint8_t since, until;   /* enum conf_release */
};

struct conf_table {
	const struct conf_key *keys;
	uint32_t count;
};
extern const struct conf_table conf_slurm_table, conf_cgroup_table,
	conf_mpi_table, conf_gather_table;

/* Index in slurm.conf's table, in the order of keys.def: CONF_KEY_treewidth. */
enum conf_key_index {
#define KEY(member, ...) CONF_KEY_##member,
#include "conf/keys.def"
#undef KEY
	CONF_KEY_COUNT
};
enum conf_cgroup_key_index {
#define KEY(member, ...) CONF_CGROUP_KEY_##member,
#include "conf/cgroup_keys.def"
#undef KEY
	CONF_CGROUP_KEY_COUNT
};

enum conf_mpi_key_index {
#define KEY(member, ...) CONF_MPI_KEY_##member,
#include "conf/mpi_keys.def"
#undef KEY
	CONF_MPI_KEY_COUNT
};

enum conf_gather_key_index {
#define KEY(member, ...) CONF_GATHER_KEY_##member,
#include "conf/acct_gather_keys.def"
#undef KEY
	CONF_GATHER_KEY_COUNT
};

/* Any case; NULL when there is none. */
const struct conf_key *conf_key_find(const struct conf_table *t,
				     const char *name);
/* The known name nearest to a wrong one, or NULL when none is near. */
const char *conf_key_nearest(const struct conf_table *t, const char *name);
/* The same over a plain list. */
const char *conf_word_nearest(const char *const *words, uint32_t count,
			      const char *name);

/* Store text in the member of base (a struct conf or conf_cgroup).  LIST keys
 * append.  Strings go to mem. */
enum err conf_key_set(const struct conf_key *k, void *base, struct arena *mem,
		      const char *text, struct err_text *why);
/* Give every key with a default and without a file's text its default. */
void conf_keys_default(const struct conf_table *t, void *base,
		       const struct conf_origin *origin, struct arena *mem);

#endif
