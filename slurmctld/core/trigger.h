/* SPDX-License-Identifier: Apache-2.0
 *
 * Triggers: programs that users have started when something happens. */
#ifndef SLURMCTLD_CORE_TRIGGER_H
#define SLURMCTLD_CORE_TRIGGER_H

#include <stdint.h>

struct bitset;
struct core;
struct effects;
struct node;

#define TRIGGER_PERM 0x0001             /* stays after it went off */

enum trigger_res {
	TRIGGER_RES_JOB = 1, TRIGGER_RES_NODE = 2, TRIGGER_RES_SLURMCTLD = 3,
	TRIGGER_RES_SLURMDBD = 4, TRIGGER_RES_DATABASE = 5, TRIGGER_RES_FRONT_END = 6,
	TRIGGER_RES_OTHER = 7
};

#define TRIGGER_UP                 (1u << 0)
#define TRIGGER_DOWN               (1u << 1)
#define TRIGGER_FAIL               (1u << 2)
#define TRIGGER_TIME               (1u << 3)
#define TRIGGER_FINI               (1u << 4)
#define TRIGGER_RECONFIG           (1u << 5)
#define TRIGGER_IDLE               (1u << 7)
#define TRIGGER_DRAINED            (1u << 8)
#define TRIGGER_PRI_CTLD_FAIL      (1u << 9)
#define TRIGGER_PRI_CTLD_RES_OP    (1u << 10)
#define TRIGGER_PRI_CTLD_RES_CTRL  (1u << 11)
#define TRIGGER_PRI_CTLD_ACCT_FULL (1u << 12)
#define TRIGGER_BU_CTLD_FAIL       (1u << 13)
#define TRIGGER_BU_CTLD_RES_OP     (1u << 14)
#define TRIGGER_BU_CTLD_AS_CTRL    (1u << 15)
#define TRIGGER_PRI_DBD_FAIL       (1u << 16)
#define TRIGGER_PRI_DBD_RES_OP     (1u << 17)
#define TRIGGER_PRI_DB_FAIL        (1u << 18)
#define TRIGGER_PRI_DB_RES_OP      (1u << 19)
#define TRIGGER_DRAINING           (1u << 21)
#define TRIGGER_RESUME             (1u << 22)

#define TRIGGER_OFFSET 0x8000           /* seconds are sent with this added */

struct trigger {
	uint32_t id;
	uint16_t flags, res_type, offset;
	uint32_t trig_type, job_id, uid, gid;
	char *res_id, *program;
	char *arg;                      /* what it went off for; NULL: armed */
	int64_t due;                    /* when the program is started, then */
	struct trigger *next;
};

/* A node's state changed from old. */
void trigger_node(struct core *c, const struct node *n, uint32_t old);
/* Something that is neither a node nor a job. */
void trigger_event(struct core *c, uint32_t types);
/* What went off; at the end of every step. */
void trigger_run(struct core *c, struct effects *out);
int64_t trigger_due(const struct core *c);
void trigger_free_all(struct core *c);

#endif
