/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations: nodes kept for some users for some time. */
#ifndef SLURMCTLD_CORE_RESV_H
#define SLURMCTLD_CORE_RESV_H

#include <stdbool.h>
#include <stdint.h>

#include "slurmctld/core/event.h"
#include "wire/base/bitset.h"

struct core;
struct job;
struct node;
struct part;

/* Flags of a reservation; BIT(n + 1) of most takes BIT(n) away in an update. */
#define RESV_BIT(n)         (UINT64_C(1) << (n))
#define RESV_MAINT          RESV_BIT(0)
#define RESV_NO_MAINT       RESV_BIT(1)
#define RESV_DAILY          RESV_BIT(2)
#define RESV_NO_DAILY       RESV_BIT(3)
#define RESV_WEEKLY         RESV_BIT(4)
#define RESV_NO_WEEKLY      RESV_BIT(5)
#define RESV_IGN_JOBS       RESV_BIT(6)
#define RESV_NO_IGN_JOBS    RESV_BIT(7)
#define RESV_ANY_NODES      RESV_BIT(8)
#define RESV_NO_ANY_NODES   RESV_BIT(9)
#define RESV_STATIC         RESV_BIT(10)
#define RESV_NO_STATIC      RESV_BIT(11)
#define RESV_PART_NODES     RESV_BIT(12)
#define RESV_NO_PART_NODES  RESV_BIT(13)
#define RESV_OVERLAP        RESV_BIT(14)
#define RESV_SPEC_NODES     RESV_BIT(15)
#define RESV_TIME_FLOAT     RESV_BIT(17)
#define RESV_REPLACE        RESV_BIT(18)
#define RESV_ALL_NODES      RESV_BIT(19)
#define RESV_PURGE_COMP     RESV_BIT(20)
#define RESV_WEEKDAY        RESV_BIT(21)
#define RESV_NO_WEEKDAY     RESV_BIT(22)
#define RESV_WEEKEND        RESV_BIT(23)
#define RESV_NO_WEEKEND     RESV_BIT(24)
#define RESV_FLEX           RESV_BIT(25)
#define RESV_NO_FLEX        RESV_BIT(26)
#define RESV_DUR_PLUS       RESV_BIT(27)
#define RESV_DUR_MINUS      RESV_BIT(28)
#define RESV_NO_HOLD_JOBS   RESV_BIT(29)
#define RESV_REPLACE_DOWN   RESV_BIT(30)
#define RESV_NO_PURGE_COMP  RESV_BIT(31)
#define RESV_MAGNETIC       RESV_BIT(32)
#define RESV_NO_MAGNETIC    RESV_BIT(33)
#define RESV_SKIP           RESV_BIT(34)
#define RESV_HOURLY         RESV_BIT(35)
#define RESV_NO_HOURLY      RESV_BIT(36)
#define RESV_TRES_PER_NODE  RESV_BIT(38)
#define RESV_USER_DEL       RESV_BIT(39)
#define RESV_NO_USER_DEL    RESV_BIT(40)
#define RESV_FORCE_START    RESV_BIT(42)
#define RESV_REPEATS (RESV_HOURLY | RESV_DAILY | RESV_WEEKLY | RESV_WEEKDAY | RESV_WEEKEND)

struct resv {
	uint32_t id;
	char *name, *users, *groups, *accounts, *features, *licenses, *partition, *comment,
	     *qos, *allowed_parts, *burst_buffer;
	char *core_text;                /* "c1:0-1;c2:3": its cores, or NULL: whole nodes */
	uint64_t flags;
	int64_t start, end;
	int32_t utc_offset;             /* of local time, when those were set */
	uint32_t duration_min;          /* NO_VAL: the end was given */
	uint32_t max_start_delay, purge_comp_time;
	uint32_t watts;                 /* told by 22.05 to 23.11 only */
	char *node_text;                /* names of nodes, for the journal */
	struct bitset *nodes;           /* over core->node */
	struct bitset **cores;          /* per node of core_count; NULL: none of it */
	uint32_t core_count;
	uint32_t *uids;                 /* of users or groups, in their order */
	uint32_t uid_count;
	uint32_t *per_name;             /* how many of uids each name stands for */
	uint32_t name_count;
	bool user_not, account_not;     /* the lists are of those who may not */
	int64_t idle_since;             /* no job of it runs or waits */
	bool active;                    /* node flags are set for it */
	bool dirty, gone;
	struct resv *next;              /* by id */
};

struct resv *resv_find(const struct core *c, const char *name);
void resv_free(struct resv *r);
void resv_dirty(struct core *c, struct resv *r);
void resv_remove(struct core *c, struct resv *r);
/* Floating ones begin so many seconds from now, always. */
int64_t resv_start(const struct core *c, const struct resv *r);
int64_t resv_end(const struct core *c, const struct resv *r);
bool resv_is_active(const struct core *c, const struct resv *r);
/* The reservation that holds a node now, for display. */
const struct resv *resv_of_node(const struct core *c, const struct node *n);

/* Cores of a node that are reserved; NULL: none of it, or whole nodes are. */
const struct bitset *resv_cores_of(const struct resv *r, uint32_t node);
/* All its cores and the CPUs they have. */
void resv_count_cores(const struct core *c, const struct resv *r, uint32_t *cores,
		      uint32_t *cpus);
/* From core_text, for the nodes as they are now. */
void resv_cores_settle(const struct core *c, struct resv *r);

bool resv_times_meet(const struct core *c, int64_t s1, int64_t e1, uint64_t f1, int64_t s2,
		     int64_t e2, uint64_t f2);
/* Local time is so many seconds before UTC now. */
void resv_follow_clock(struct core *c, int32_t utc_offset);
void resv_advance(struct core *c, struct resv *r);
void resv_count_jobs(const struct core *c, const struct resv *r, uint32_t *run, uint32_t *wait);
bool resv_allows_user(const struct core *c, const struct resv *r, uint32_t uid);
bool resv_allows(const struct core *c, const struct resv *r, uint32_t uid, const char *account);

/* May the job use the reservations it names?  E_OK when it names none. */
enum err resv_job_valid(const struct core *c, const struct job *j, const char *names);
/* First of those it names that still exists. */
struct resv *resv_of_job(const struct core *c, const struct job *j);

/* ---- for the scheduler ------------------------------------------------- */
enum resv_answer {
	RESV_FREE,      /* nothing in the way */
	RESV_CLOSED,    /* the nodes of *closed are not for this job */
	RESV_LATER,     /* its own reservation has not begun (or has no nodes) */
	RESV_OVER,      /* its own reservation has ended or is not for it */
	RESV_MAINTAINED /* all nodes of the partition are reserved */
};
/* What is not for the job. */
struct resv_shut {
	struct bitset *nodes;           /* over core->node; all clear to begin with */
	struct bitset **cores;          /* per node, of nodes that are not; NULL: none */
	struct arena *mem;              /* of cores */
	bool whole;                     /* the job takes no part of a node */
};
/* From when to when is the job wanted to run; own: the reservation it would run
 * in, NULL outside of all. */
enum resv_answer resv_window(const struct core *c, const struct job *j, const struct part *p,
			     const struct resv *own, int64_t from, int64_t to,
			     struct resv_shut *s);
/* Reservations to try the job in, in turn; NULL for outside.  At least one. */
#define RESV_CHOICES 16
uint32_t resv_choices(const struct core *c, const struct job *j, int64_t limit_sec,
		      const struct resv **own);
/* It was drawn into this one, or runs again: then it is in none. */
void resv_draw_in(struct core *c, struct job *j, uint32_t id);
/* Next moment after t at which an answer of resv_window may change. */
int64_t resv_next_edge(const struct core *c, int64_t t);

/* ---- for the core ------------------------------------------------------ */
int64_t resv_due(const struct core *c);
void resv_run(struct core *c, struct effects *out);
/* Other nodes for those that are down or, with REPLACE, in use. */
void resv_replace_all(struct core *c, struct effects *out);
/* Node flags RES and MAINT as they should be now. */
void resv_mark_nodes(struct core *c);
/* After loading, and when the nodes changed. */
void resv_settle(struct core *c);
/* Those of all nodes, or all of a partition, have what there is now. */
void resv_follow_nodes(struct core *c);
/* Members of groups are looked up again: EFF_GROUPS each, and the answer. */
void resv_ask_groups(const struct core *c, struct effects *out);
void resv_group_is(struct core *c, uint32_t id, uint32_t index, const uint32_t *uids,
		   uint32_t count);
/* A job that may end sooner (--time-min) does so before its nodes are reserved. */
void resv_shorten(const struct core *c, struct job *j);
/* Latest moment a job may run for its reservation's sake, or INT64_MAX. */
int64_t resv_job_end(const struct core *c, const struct job *j);
void resv_free_all(struct core *c);

#endif
