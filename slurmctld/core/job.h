/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs.  A struct job is compact: a site keeps 100,000 of them in memory, so
 * scalars are small and all strings of a job share one packed block.  Script
 * and environment are not here: they live in the journal's database only. */
#ifndef SLURMCTLD_CORE_JOB_H
#define SLURMCTLD_CORE_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/base/bitset.h"
#include "wire/messages.h"
#include "wire/states.h"

struct core;
struct step;
struct job;

/* The strings of a job: a row each, kept packed (job_str).  Times and sizes
 * never live here.  The place in this list is kept in the journal: new rows go
 * to the end, old ones are never removed. */
#define JOB_STRINGS(X) \
	X(NAME) X(PARTITION) X(ACCOUNT) X(QOS) X(WCKEY) X(ALLOC_NODE) X(WORK_DIR) X(STD_IN) \
	X(STD_OUT) X(STD_ERR) X(COMMAND) X(SUBMIT_LINE) X(FEATURES) X(PREFER) \
	X(CLUSTER_FEATURES) X(BATCH_FEATURES) X(REQ_NODES) X(EXC_NODES) X(LICENSES) \
	X(DEPENDENCY) X(ORIG_DEPENDENCY) X(COMMENT) X(ADMIN_COMMENT) X(SYSTEM_COMMENT) X(EXTRA) \
	X(NETWORK) X(RESERVATION) X(MCS_LABEL) X(BURST_BUFFER) X(CONTAINER) X(CONTAINER_ID) \
	X(CONTAINER_TYPE) X(CPUS_PER_TRES) X(MEM_PER_TRES) X(TRES_BIND) X(TRES_FREQ) \
	X(TRES_PER_JOB) X(TRES_PER_NODE) X(TRES_PER_SOCKET) X(TRES_PER_TASK) X(MAIL_USER) \
	X(ARRAY_INX) X(STATE_DESC) X(RESP_HOST) X(BATCH_HOST) X(NODES) X(FAILED_NODE) \
	X(SELINUX_CONTEXT) X(JOB_SIZE) X(CPU_BIND) X(MEM_BIND) X(ACCTG_FREQ) X(SPANK_ENV) \
	X(ARGV) X(USER_NAME) X(TRES_REQ) X(TRES_ALLOC) X(ALLOC_TLS_CERT) X(CRONSPEC) X(CLUSTERS) \
	X(SCHED_NODES) X(RESV_PORTS) X(HET_JOB_ID_SET) X(GRES_ALLOC)
enum job_string {
#define X(n) JS_##n,
	JOB_STRINGS(X)
#undef X
	JS_COUNT
};

/* One node's part of an allocation, in node order. */
struct job_share {
	uint32_t node;          /* index in core->node */
	uint16_t cpus;          /* logical CPUs charged */
	uint16_t tasks;         /* tasks the layout would put here; batch step: 1 */
	uint32_t core_off;      /* of this node's cores in job_alloc.cores */
	uint16_t cores;         /* number of cores the node has (not: allocated) */
	uint64_t mem_mb;        /* charged */
	uint64_t step_mem_mb;   /* used by running steps */
	uint16_t *gres;         /* units per core->gres_type, NULL: none */
	uint16_t *gres_step;    /* of those, in use by running steps */
	uint64_t *devs;         /* which, by number (struct node_gres); with gres */
	uint64_t *devs_step;    /* of those, in use by running steps */
};

/* Resources held: from the moment a job is started until its last node has
 * cleaned up. */
struct job_alloc {
	uint32_t node_count;
	struct job_share *share;
	struct bitset *cores;           /* allocated, over the nodes' cores one after another */
	struct bitset *cores_step;      /* of those, in use by steps that do not overlap */
	struct bitset *nodes;           /* over core->node */
	struct bitset *completing;      /* nodes that still have to report epilog complete */
	struct bitset *prolog;          /* over share: prolog not reported yet; NULL none awaited */
	uint32_t total_cpus;
	bool whole_node;
	bool parked;                    /* suspended, or was: its cores are free for others */
	bool beside;                    /* parked and running: others had its cores */
	bool charged;                   /* alloc_charge ran */
	bool shares;                    /* was charged as sharing: as job_shares() said then */
	bool counted;                   /* nodes count it as running (run_jobs), else completing */
};
/* Are its nodes still there, as they were? */
bool alloc_is_whole(const struct core *c, const struct job_alloc *a);
/* Does it keep to the partition's MaxMemPerNode and MaxMemPerCPU? */
struct part;
bool mem_limit_job(const struct core *c, const struct part *p, const struct job *j);
/* How it shares, in the two numbers of 26.05. */
uint16_t job_exclusive(const struct job *j);
uint16_t job_oversubscribe(const struct job *j);
/* Does it leave its cores to other sharing jobs as well (OverSubscribe)?  What
 * holds resources stays with the answer it was charged by. */
bool job_shares(const struct job *j);

/* Array bookkeeping of the record that stands for tasks not yet started.
 * A task gets a record of its own when it starts. */
struct job_array {
	struct bitset *pending;         /* task ids still in this record */
	uint32_t total;                 /* tasks at submission */
	uint32_t max_running;           /* %N, 0 no limit */
	uint32_t running;               /* of this array, counted at its head */
};

struct job {
	uint32_t id;
	uint32_t array_job_id;          /* 0 not an array */
	uint32_t array_task_id;         /* NO_VAL for the pending record */
	uint32_t state;                 /* base | flags; job_move() only */
	uint32_t reason;                /* enum job_reason */
	uint32_t uid, gid;
	uint32_t priority;              /* 0 held */
	uint32_t nice;                  /* NICE_OFFSET added */
	uint32_t site_factor;
	uint32_t time_limit_min, time_min_min;          /* NO_VAL unset, INFINITE */
	uint32_t min_cpus, max_cpus, min_nodes, max_nodes, num_tasks;
	uint64_t pn_min_memory;         /* MB, MEM_PER_CPU flag */
	uint32_t pn_min_tmp_disk;
	uint16_t pn_min_cpus, cpus_per_task, ntasks_per_node, ntasks_per_socket,
		 ntasks_per_core, ntasks_per_board, ntasks_per_tres;
	uint16_t sockets_per_node, cores_per_socket, threads_per_core, boards_per_node,
		 sockets_per_board, plane_size, core_spec;
	uint16_t shared, requeue, contiguous, reboot, wait_all_nodes, kill_on_node_fail;
	uint16_t restart_cnt, mail_type, warn_flags, warn_signal, warn_time, alloc_resp_port,
		 other_port, show_flags, x11, segment_size, resv_port_cnt, oom_kill_step;
	uint16_t cpu_bind_type, mem_bind_type, mem_update_delay, mem_update_margin;
	uint8_t open_mode, overcommit, batch, warned;
	uint16_t start_protocol;        /* number: release of the submitting client */
	uint32_t task_dist, profile, cpu_freq_min, cpu_freq_max, cpu_freq_gov, delay_boot,
		 req_switch, wait4switch;
	uint32_t alloc_sid, exit_code, derived_ec;
	uint32_t het_job_id, het_job_offset;
	uint32_t cron_line_start, cron_line_end;        /* of the crontab; JS_CRONSPEC */
	uint32_t db_flags, req_uid;
	uint64_t bitflags;
	/* Wall clock, seconds; 0 unset. */
	int64_t submit_time, eligible_time, accrue_time, start_time, end_time, begin_time,
		deadline, suspend_time, pre_sus_sec, tot_sus_sec, resize_time, last_sched_eval,
		preempt_time, kill_time /* KILL is due */, time_last_active;
	uint32_t total_cpus, total_nodes;       /* of the (last) allocation */
	uint32_t next_step_id;
	uint64_t sluid;
	bool launched;                  /* batch: the node has the script; restart: do not send again */
	uint8_t prolog_ctld, epilog_ctld;       /* programs at the controller that run */
	bool direct_prio;               /* priority was set by hand */
	bool remote;                    /* its srun is another cluster's; not kept over a restart */
	struct wire_addr peer;          /* where srun/salloc can be reached (the connection's address) */
	uint64_t spec_hash;             /* not persistent; equal requests have equal hashes: the scheduler groups by it */

	char *strings;                  /* packed, see job_str */
	struct bitset *part_nodes_cache;/* scheduler's, may be NULL */
	struct job_alloc *alloc;        /* NULL unless it holds resources */
	struct job_alloc *past;         /* what it held before it ended, to be shown */
	struct job_array *array;        /* of the pending record, else NULL */
	struct step *steps;             /* list, by id */
	struct part *part;              /* first or chosen partition */

	/* not persistent: */
	struct job *hash_next, *prev, *next;    /* all jobs, by id */
	struct job *array_next;         /* records of the same array */
	struct job *het_next;           /* next component of a heterogeneous job */
	struct job *dep_prev, *dep_next;/* those that wait for others */
	bool dep_listed;
	bool awaited;                   /* others depend on it */
	struct sched_entry *queued;             /* scheduler's; core only zeroes it in a new record */
	uint32_t gen;                   /* changes with every visible change (views) */
	bool dirty;                     /* in core->dirty of this event */
	struct job *dirty_next;
	bool sent;                      /* batch launch went out in this life of the core */
	bool listed;                    /* in the scheduler's queue */
	uint64_t prep_run;              /* those programs; one of them failed */
	bool prep_failed;
	int64_t timer;                  /* when it next needs a look; INT64_MAX never */
};

/* String of a job; NULL when unset.  Valid until the job's next job_str_set. */
const char *job_str(const struct job *j, enum job_string s);
void job_str_set(struct job *j, enum job_string s, const char *value);  /* copies; NULL unsets */

/* The one place where a job's state changes.  The drawing of the machine and
 * the table of allowed moves are in job.c; a move that is not allowed aborts
 * (a bug, never input).  Marks the job dirty. */
void job_move(struct core *c, struct job *j, uint32_t new_state);
void job_reason(struct core *c, struct job *j, uint32_t reason, const char *desc);
void job_dirty(struct core *c, struct job *j);

/* Its steps are its step manager's now (managed.c). */
bool job_is_managed(const struct core *c, const struct job *j);

/* "RUNNING": without what flags say. */
const char *job_state_text(uint32_t state);

static inline uint32_t job_base(const struct job *j) { return j->state & JOB_STATE_BASE; }
static inline bool job_is_pending(const struct job *j) { return job_base(j) == JOB_PENDING; }
static inline bool job_is_running(const struct job *j) { return job_base(j) == JOB_RUNNING; }
static inline bool job_is_completing(const struct job *j) { return j->state & JOB_COMPLETING; }
static inline bool job_is_finished(const struct job *j) { return job_base(j) > JOB_SUSPENDED; }

/* Are the licenses it asks for free now? */
bool licenses_free(const struct core *c, const struct job *j);
/* How many of one license running jobs have. */
uint64_t licenses_in_use(const struct core *c, const char *name, size_t len);
uint64_t licenses_reserved(const struct core *c, const char *name, size_t len);

struct job *job_find(const struct core *c, uint32_t id);

/* Heterogeneous jobs (het.c): a record for each component; the leader is the
 * first and holds the others (het_next). */
/* The first component of the job that j is one of; NULL when it is none. */
struct job *het_leader(const struct core *c, const struct job *j);
/* A component that is not the leader. */
bool het_is_part(const struct job *j);
int64_t het_begin(const struct job *leader);            /* latest of the begin times */
bool het_all_pending(const struct job *leader);
/* "12", "12_3", "12_[1-4,7]", "12+1": resolve for update/kill/show.  For an
 * array task still inside the pending record, *task gets its id, else NO_VAL. */
struct job *job_find_task(const struct core *c, uint32_t array_job_id, uint32_t task_id);

/* ---- steps ------------------------------------------------------------- */
struct step {
	uint32_t id, het_comp;
	uint32_t state;                 /* job state numbers */
	uint32_t uid;
	uint32_t flags;                 /* SSF_* of the create request */
	uint32_t num_tasks, cpu_count, time_limit_min, task_dist, srun_pid;
	uint32_t cpu_freq_min, cpu_freq_max, cpu_freq_gov;
	uint16_t cpus_per_task, port, start_protocol, plane_size;
	uint64_t pn_min_memory;
	int64_t start_time, pre_sus_sec, tot_sus_sec, kill_time;
	uint32_t exit_code;
	char *name, *host, *network, *tres_per_step, *tres_per_node, *tres_per_socket,
	     *tres_per_task, *cpus_per_tres, *mem_per_tres, *tres_bind, *tres_freq,
	     *submit_line, *container, *container_id, *cwd, *std_in, *std_out, *std_err,
	     *tres_alloc;
	uint32_t node_count;
	uint32_t *node;                 /* indices into core->node, in layout order */
	char *node_list;                /* host list in layout order */
	uint16_t *tasks;                /* per node of the step */
	uint32_t **tids;                /* global task ids per node */
	struct bitset *cores;           /* over the job's cores */
	uint64_t *mem_mb;               /* per node of the step */
	uint16_t **gres;                /* per node of the step: units per gres type; NULL none */
	uint64_t **devs;                /* and which: there where gres is */
	struct bitset *done;            /* ranks that reported completion */
	bool overlap, external, whole;
	struct wire_addr peer;
	struct step *next;
};
/* A component that is not named (NO_VAL) is any. */
bool step_matches(const struct step *s, const struct step_id_members *id);
struct step *step_find(const struct job *j, const struct step_id_members *id);

#endif
