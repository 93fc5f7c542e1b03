/* SPDX-License-Identifier: Apache-2.0
 *
 * The controller's core: all state and all decisions, as a pure function of
 * state and event.  No clock, no I/O, no locks, no logging. */
#ifndef SLURMCTLD_CORE_CORE_H
#define SLURMCTLD_CORE_CORE_H

#include "conf/conf.h"
#include "slurmctld/core/cron.h"
#include "slurmctld/core/event.h"
#include "slurmctld/core/job.h"
#include "slurmctld/core/node.h"

/* What sdiag shows; plain counters, reset by RPC. */
struct core_stats {
	int64_t since;
	uint32_t submitted, started, completed, canceled, failed;
	uint32_t cycle_max_us, cycle_last_us, cycle_count, cycle_depth, cycle_queue;
	uint64_t cycle_sum_us;
	uint32_t bf_het_started, bf_started, bf_started_last, bf_cycles, bf_last_us, bf_max_us, bf_depth,
		 bf_depth_try, bf_queue, bf_depth_sum, bf_depth_try_sum, bf_queue_sum, bf_table,
		 bf_table_sum;
	uint64_t bf_sum_us;
	int64_t bf_when;
	bool bf_active;
};

struct core_row {
	enum journal_table table;
	uint64_t key;
};
struct core_timer {
	int64_t at;
	uint32_t job_id;
};

/* Power saving: power.c. */
struct power_rate {
	int64_t since;                  /* microseconds */
	uint32_t count;
};
struct core_power {
	int64_t at;                     /* next look at all nodes */
	char *exc_nodes, *exc_parts, *exc_states;       /* as configured or changed since */
	struct power_rate suspend, resume;
};

struct topo;                            /* conf/topo.h */
struct sched;                           /* scheduler's own state: core/sched/ */

/* A login host that has its configuration from us. */
struct sackd {
	struct sackd *next;
	uint32_t id;
	char *host;
	struct wire_addr addr;          /* where it listens */
	uint16_t version;               /* number of its release */
};

struct core {
	struct conf *conf;              /* one reference */
	int64_t now, now_usec;          /* of the event being handled */
	uint64_t rand_state;            /* seed given at start: no other randomness */

	struct node **node;             /* by index */
	uint32_t node_count;
	uint32_t *node_hash;            /* open addressing by name; node.c */
	uint32_t node_hash_size;
	struct part **part;             /* in configuration order; deleted ones stay as holes */
	uint32_t part_count;
	struct part *default_part;
	char **gres_type;               /* "qpu", "gpu:tesla" ...; index used everywhere */
	char **gres_name;               /* name without type, per gres_type */
	uint32_t gres_type_count;

	struct job **job_hash;          /* by id */
	uint32_t job_hash_size, job_count;
	struct job *job_first, *job_last;       /* by id, ascending */
	struct job **array_hash;        /* by array_job_id, same size */
	uint32_t next_job_id;           /* persistent, never goes back */
	uint64_t next_sluid;

	int64_t last_job_update, last_node_update, last_part_update, last_conf_update;
	struct job *dirty_jobs;         /* changed during this event */
	struct node *dirty_nodes;
	bool resv_look;                 /* nodes changed: some reservation may want others */
	struct part *dirty_parts;
	struct job *dep_first;          /* jobs with dependencies; depend.c */
	bool dep_busy, dep_again, singletons;
	bool dirty_meta;
	struct core_power power;
	uint64_t last_run;              /* number of programs begun, of this life */
	struct topo **topo;             /* the network; topo.c */
	uint32_t topo_count;
	struct resv *resv_first;        /* by id; resv.c */
	uint32_t next_resv_id;
	int64_t resv_at;                /* next look at them */
	bool dirty_resvs;
	int64_t last_resv_update;
	int32_t utc_offset;             /* of local time */
	struct cron_zone zone;          /* local time, for crontabs */
	struct crontab *crontabs;       /* crontab.c */
	struct sackd *sackd_first;      /* sackd.c */
	uint32_t last_sackd_id;
	struct trigger *trig_first;     /* trigger.c */
	uint32_t next_trigger_id, trig_any;     /* of this event */
	struct bitset *trig_nodes[6];   /* nodes to which what happened */
	struct core_row *gone;          /* rows to delete at the end of this event */
	uint32_t gone_count, gone_cap;
	struct core_timer *timers;      /* heap; see timer.c */
	uint32_t timer_count, timer_cap;
	int64_t ping_at, sweep_at;      /* next look at all nodes */
	int64_t health_at;              /* next HealthCheckProgram; 0 not yet begun */
	uint32_t health_part;
	bool reboot_waiting;            /* a node is to reboot when its jobs have ended */
	int64_t groups_at;              /* AllowGroups are resolved again */
	bool started;                   /* core_start ran */
	uint32_t control_index;         /* ours in the list of controllers; set before core_start */
	bool took_over;                 /* from a primary that is gone; set before core_start */
	uint32_t alloc_reply_job;       /* its allocation is in the answer being made */
	struct arena scratch;           /* within one function */
	struct wire_out pack;           /* likewise: images */
	bool wants_sched;               /* something changed that may let a job start */
	struct sched *sched;
	struct core_stats stats;
	bool shutting_down;
	bool stepmgr;                   /* no controller: one job's steps (stepmgr.h) */
	struct stepmgr_waiter *waiters; /* stepmgr.c: who waits for the end of all steps */
	uint32_t waiter_count;
};

/* conf: a reference is taken.  now: for boot and state times.  Nodes start
 * UNKNOWN; core_load_* may then restore what a journal holds; core_start ends
 * the loading (recomputes everything derived, asks nodes to register). */
enum err core_new(struct conf *conf, int64_t now, uint64_t seed, struct core **out,
		  struct err_text *why);
/* Feed one journal row (any order). E_FAIL: the image is damaged (*why). */
enum err core_load(struct core *c, enum journal_table t, uint64_t key, const uint8_t *image,
		   size_t len, struct err_text *why);
/* A row of layout from in the newest layout, appended to *out. */
enum err core_row_renew(enum journal_table t, uint64_t key, enum wire_version from,
			const uint8_t *image, size_t len, struct wire_out *out,
			struct err_text *why);
void core_start(struct core *c, int64_t now, struct effects *out);
void core_free(struct core *c);

/* Advance by one event.  Appends effects; images of everything that changed
 * come as EFF_PUT/EFF_DEL at the end.  On a failed request nothing changed and
 * the effects hold the error reply. */
void core_step(struct core *c, const struct event *ev, struct effects *out);

/* When EV_TICK is due at the latest (wall clock seconds), INT64_MAX never. */
int64_t core_next_time(const struct core *c);
static inline bool core_wants_sched(const struct core *c) { return c->wants_sched; }

/* Is (type) handled by core_step(EV_RPC)?  (Queries are not: see views.) */
bool core_handles(uint16_t type);

/* ---- between the core's own files -------------------------------------- */
/* One function per request family; job_rpc.c, node_rpc.c, ... */
typedef void core_rpc(struct core *c, const struct event *ev, struct effects *out);

/* Ends a step: put/del effects for all dirty objects. */
void core_flush(struct core *c, struct effects *out);

#endif
