/* SPDX-License-Identifier: Apache-2.0
 *
 * Words that keys take as values, with the bits they are on the wire. */
#ifndef CONF_NAMES_H
#define CONF_NAMES_H

#include <stdbool.h>
#include <stdint.h>

struct conf_name {
	const char *name;
	uint64_t set, clear;
};

struct conf_names {
	const struct conf_name *v;
	uint32_t count;
	uint64_t base;          /* bits to start from */
	bool inside;            /* a word counts when it contains the name */
	bool abbrev;            /* ... when the name starts with it */
};

#define CONF_NAMES(table) extern const struct conf_names conf_names_##table;
CONF_NAMES(debug)
CONF_NAMES(prolog)
CONF_NAMES(reconfig)
CONF_NAMES(select)
CONF_NAMES(preempt)
CONF_NAMES(priority)
CONF_NAMES(private)
CONF_NAMES(enforce)
CONF_NAMES(store)
CONF_NAMES(health)
CONF_NAMES(task)
CONF_NAMES(governor)
CONF_NAMES(partlimits)
CONF_NAMES(reset)
CONF_NAMES(logtime)
CONF_NAMES(level)
CONF_NAMES(cpubind)
CONF_NAMES(partstate)
#undef CONF_NAMES

/* Bits of struct conf's conf_flags; numbers of the wire. */
enum conf_flag {
	CONF_FLAG_OVERRIDES = 1 << 0,   /* SlurmdParameters=config_overrides */
	CONF_FLAG_STORE_COMMENT = 1 << 1,
	CONF_FLAG_NO_ROOT_JOBS = 1 << 2,
	CONF_FLAG_SPEC_RESOURCES = 1 << 3,
	CONF_FLAG_PAM = 1 << 4,
	CONF_FLAG_WCKEY = 1 << 5,
	CONF_FLAG_IPV4 = 1 << 6,
	CONF_FLAG_IPV6 = 1 << 7,
	CONF_FLAG_STORE_EXTRA = 1 << 8,
	CONF_FLAG_STORE_SCRIPT = 1 << 9,
	CONF_FLAG_STORE_ENV = 1 << 10,
	CONF_FLAG_L3_SOCKET = 1 << 11,
	CONF_FLAG_NUMA_SOCKET = 1 << 12,
	CONF_FLAG_ECORES = 1 << 13,
	CONF_FLAG_SHUTDOWN_REBOOT = 1 << 14,
	CONF_FLAG_CONTAIN_SPANK = 1 << 15,
	CONF_FLAG_NO_STDIO = 1 << 16,
	CONF_FLAG_NO_HTTP = 1 << 17,
	CONF_FLAG_HEALTH_REPORT = 1 << 18,
};

#define CONF_DEBUG_NO_CONF_HASH (UINT64_C(1) << 5)

/* Bits of selecttypeparameters and conf_part.cr_type. */
enum conf_select {
	CONF_SELECT_CPU = 1 << 0,
	CONF_SELECT_SOCKET = 1 << 1,
	CONF_SELECT_CORE = 1 << 2,
	CONF_SELECT_MEMORY = 1 << 4,
	CONF_SELECT_ONE_TASK_PER_CORE = 1 << 8,
	CONF_SELECT_PACK_NODES = 1 << 9,
	CONF_SELECT_LLN = 1 << 14,
};

enum conf_preempt {
	CONF_PREEMPT_SUSPEND = 0x0001,
	CONF_PREEMPT_REQUEUE = 0x0002,
	CONF_PREEMPT_CANCEL = 0x0008,
	CONF_PREEMPT_PRIORITY = 0x2000,
	CONF_PREEMPT_WITHIN = 0x4000,
	CONF_PREEMPT_GANG = 0x8000,
};

enum conf_partition_state {
	CONF_PART_INACTIVE = 0, CONF_PART_DOWN = 1, CONF_PART_DRAIN = 2,
	CONF_PART_UP = 3,
};

/* Initial states a NodeName or DownNodes line can give. */
enum conf_node_state {
	CONF_NODE_UNKNOWN = 0, CONF_NODE_DOWN = 1, CONF_NODE_IDLE = 2,
	CONF_NODE_FUTURE = 6,
	CONF_NODE_EXTERNAL = 1 << 4,
	CONF_NODE_CLOUD = 1 << 7,
	CONF_NODE_DRAIN = 1 << 9,
	CONF_NODE_POWERED_DOWN = 1 << 12,
	CONF_NODE_FAIL = 1 << 13,
};

/* Bits of State= on a node line; false when no release knows the word. */
bool conf_node_state(const char *text, uint32_t *state);

/* One name, any case; NULL when the table has none. */
const struct conf_name *conf_name_find(const struct conf_names *t,
				       const char *word);
/* A list separated by commas (or ';').  On failure *bad is the first word
 * that is wrong (in place, not terminated) and *bad_len its length. */
bool conf_names_parse(const struct conf_names *t, const char *list,
		      uint64_t *bits, const char **bad, int *bad_len);

#endif
