/* SPDX-License-Identifier: Apache-2.0
 *
 * Between the scheduler's own files.  Not for the core. */
#ifndef SLURMCTLD_CORE_SCHED_SCHED_I_H
#define SLURMCTLD_CORE_SCHED_SCHED_I_H

#include "slurmctld/core/sched/sched.h"
#include "wire/consts.h"

/* ---- queue ------------------------------------------------------------- */
/* Place in the total order; the criteria are numbered in prio.c. */
struct sched_key {
	uint32_t tier, priority, first, second;
};
int sched_key_compare(const struct sched_key *a, const struct sched_key *b);
struct sched_key sched_job_key(const struct core *c, const struct job *j);

/* Node of a treap ordered by key. */
struct knode {
	struct sched_key key;
	uint32_t heap;
	struct knode *left, *right;
};

enum sched_where {
	Q_NONE,
	Q_ASIDE,        /* held or waiting for other jobs: never looked at */
	Q_TIMED,        /* waits for its begin time */
	Q_READY,        /* in its group */
	Q_RUNNING       /* holds resources */
};

/* What the scheduler knows about one job. */
struct sched_entry {
	struct knode kn;        /* in group->jobs or sched->timed */
	struct job *job;
	struct sched_group *group;
	struct sched_entry *prev, *next;        /* fresh, running or aside list */
	enum sched_where where;
	bool fresh;             /* no reason was noted since it came */
	int64_t switches_since; /* it waits for fewer switches; 0 not looked at */
};

/* Pending jobs whose requests are equal: when one does not fit, none does. */
struct sched_group {
	struct knode kn;        /* in pqueue->groups, key of the best job */
	uint64_t hash;
	struct sched_group *hash_next;
	struct pqueue *pq;
	struct knode *jobs;
	uint32_t count;
	struct sched_entry *lead;       /* its reason was noted as something but Priority */
	uint32_t common;                /* reason of all of them (partition down...), or 0 */
	char *desc;                     /* its words, or NULL */
	uint32_t node_gen;              /* looked at for nodes that are down */
};

/* Jobs of one partition (or of one list of partitions). */
struct pqueue {
	char *text;             /* as the jobs name it */
	struct part **part;     /* tier order */
	uint32_t part_count;
	struct knode *groups;
	/* of the pass: */
	struct sched_key cursor;
	bool cursor_set, closed;
};

struct list_head {
	struct sched_entry *first, *last;
	uint32_t count;
};

/* ---- requests ---------------------------------------------------------- */
struct gres_need {
	uint64_t node, task, socket, job;       /* units */
	uint64_t cpus_per, mem_per;             /* per unit */
};

struct feat_need {
	struct bitset *nodes;
	uint32_t count;
};

struct feat_expr {
	uint32_t alt_count;
	struct bitset **alt;
	uint32_t need_count;
	struct feat_need *need;         /* "a*4&b*2" */
};

/* A job's request for one partition, with all defaults applied. */
struct resv;
struct request {
	const struct job *job;
	const struct part *part;
	uint32_t uid;
	uint32_t min_nodes, max_nodes, want_nodes;
	uint32_t min_cpus, max_cpus;    /* max: never NO_VAL, at least min */
	uint32_t tasks;                 /* 0: unknown */
	bool tasks_set;                 /* by the user; else they follow from the CPUs */
	uint32_t cpt, tpn, tps, tpcore; /* CPUs per task; tasks per node, socket, core; 0 unset */
	uint32_t pn_cpus;               /* least CPUs of a node used */
	uint32_t cfg_sockets, cfg_cores, cfg_threads;   /* least of a node's configuration */
	uint32_t use_threads;           /* threads used of a core; 0: all */
	uint32_t core_spec;
	uint64_t mem;                   /* MB; 0: all of the node */
	bool mem_per_cpu, mem_counts;
	uint32_t tmp_disk;
	uint16_t cr_type;
	bool whole, whole_user, share, overcommit, contiguous, lln, spread, serial_end, cyclic,
	     pack;
	uint16_t rows;                  /* jobs that may share a core */
	uint16_t plane;
	uint32_t max_cpus_node;
	bool any_gres;
	struct gres_need *gres;         /* per gres type */
	uint32_t gres_types;
	const struct bitset *cand;      /* nodes that match in name, features, partition */
	const struct resv *own;         /* the reservation it would run in, or NULL */
	const struct bitset *closed;    /* reserved for others (window.c), or NULL */
	struct bitset **shut;           /* cores of other nodes that are, per node; or NULL */
	const struct topo *topo;        /* the network, where it is not flat */
	uint32_t max_switches;          /* leaf switches it may have now; 0 any */
	uint32_t segment;               /* nodes that stay together in a block; 0 all */
	bool spread_segments;           /* each in blocks of its own */
	struct bitset *must;            /* -w, or NULL */
	struct bitset *among;           /* -w with more nodes than wanted, or NULL */
	const char *const *must_order;
	uint16_t *must_tasks;           /* arbitrary distribution: tasks per node of must, in index order */
	uint32_t feat_count;            /* counts to be reached: */
	struct feat_need *feat;
	uint32_t alt_count;             /* alternatives of the features, tried in turn */
	struct bitset **alt;
	bool prefers;                   /* --prefer: instead of these while it can be had */
	struct feat_expr prefer;
};
/* Load of a node that is not what runs there now. */
struct load {
	uint32_t cpus, jobs;
	uint64_t mem;
	uint64_t *gres;
};

enum fit_view {
	FIT_NOW,        /* what is free now, less s->extra when set */
	FIT_EMPTY,      /* nothing runs anywhere, all nodes up */
	FIT_LOAD        /* s->load */
};

/* One node seen by one request. */
struct cand {
	uint32_t cpus;          /* usable for this job; 0: not this node */
	uint32_t cap;           /* what the choice will take of it */
	uint32_t tasks;         /* gres' limit on tasks, UINT32_MAX none */
};

/* Neighbouring usable nodes of one weight. */
struct run {
	uint32_t first, last;           /* last: inclusive */
	uint32_t nodes;
	uint64_t cpus, weight;
	uint32_t must;                  /* a required node among them, or UINT32_MAX */
};

struct sched {
	struct pqueue **pq;
	uint32_t pq_count;
	struct sched_group **hash;
	uint32_t hash_size, group_count;
	struct list_head fresh, running, aside;
	struct knode *timed;            /* by begin time */
	uint32_t ready;
	uint32_t node_gen, noted_gen;   /* changes with nodes; told up to */
	uint32_t heap_seed;
	uint32_t basic_last;            /* lowest priority given (priority/basic) */

	struct arena feat_mem;          /* nodes per feature, until nodes change */
	struct feat_name *feat_names;
	/* scratch of one question; reused */
	struct arena mem;
	struct cand *cand;              /* per node */
	struct run *runs;               /* choose.c */
	uint64_t work;                  /* nodes looked at, ever */
	const struct bitset *coming;    /* nodes that view FIT_LOAD counts on */
	uint32_t cand_size;
	struct load *load;              /* per node: view FIT_LOAD */
	struct load *extra;             /* per node: reserved for others (backfill) */
	const struct bitset *blocked;   /* nodes of partitions closed in this pass */
	bool topo_never;                /* the network cannot hold such a job */
	int64_t switches_at;            /* when a job has waited long enough for them */
	const struct bitset *taken;     /* chosen for other components of the same job */
	struct bitset *usable;          /* node_usable() of all nodes */
	struct bitset *closed_nodes;
	bool usable_valid;

	struct share_link *link;        /* share.c: jobs per node */
	uint32_t *link_head;
	uint32_t links_gen, links_nodes, running_gen;
	struct bitset *share_used;      /* cores of one node, of jobs that share too */
	uint8_t *share_count;
	uint64_t *zero_gres;            /* none in use */
	uint32_t gres_size;
	struct arena out_mem;           /* placement handed to start() */
	bool bf_view;                   /* s->extra counts */

	struct backfill *bf;
};

static inline struct sched_entry *entry_of(struct knode *k)
{
	return (struct sched_entry *)(void *)k;
}
static inline struct sched_group *group_of(struct knode *k)
{
	return (struct sched_group *)(void *)k;
}

void knode_insert(struct knode **root, struct knode *n);
void knode_remove(struct knode **root, struct knode *n);
struct knode *knode_first(struct knode *root);
/* Lowest key above *after. */
struct knode *knode_above(struct knode *root, const struct sched_key *after);

void queue_fini(struct sched *s);
void queue_fresh_done(struct sched *s, struct sched_entry *e);
/* Begin times that have come. */
void queue_wake(struct core *c);
struct sched_entry *group_head(const struct sched_group *g);
/* Best group not yet passed, over all queues; NULL when the pass is done. */
struct sched_group *queue_next(struct sched *s);
void queue_rewind(struct sched *s);
void queue_resolve(struct core *c);

void sched_priority_seen(struct sched *s, uint32_t priority);

/* Everything a placement depends on, but for the partition. */
uint64_t request_hash(const struct core *c, const struct job *j);

/* Partitions of a job in the order they are tried. */
uint32_t job_parts(const struct core *c, const struct job *j, struct part **part, uint32_t max);
#define JOB_PARTS_MAX 64

enum err request_build(struct core *c, const struct job *j, const struct part *p,
		       struct request *r, struct err_text *why);
/* Minutes a job may run in this partition; INFINITE. */
uint32_t request_limit_min(const struct core *c, const struct job *j, const struct part *p);
/* Does the partition take this job at all: WAIT_* or 0. */
uint32_t request_part_limit(const struct core *c, const struct job *j, const struct part *p);

/* Features: nodes that satisfy expr.  *alts: alternatives ("[a|b]"), each a
 * set; without brackets one. */
enum err feature_parse(struct core *c, const char *expr, struct feat_expr *out,
		       struct err_text *why);
/* --batch beside --constraint: E_BATCH_CONSTRAINT unless it is a part of it. */
enum err feature_batch_valid(struct core *c, const char *batch, const char *constraint);

/* Choose from s->cand; NULL when it cannot be done.  In scratch space. */
struct bitset *choose_nodes(struct core *c, struct request *r, enum fit_view view);
/* What these nodes give. */
enum err fit_place(struct core *c, struct request *r, enum fit_view view,
		   const struct bitset *nodes, struct arena *mem, struct placement *out);
/* Which nodes take work now. */
void fit_prepare(struct core *c);
void placement_copy(struct core *c, struct arena *mem, const struct placement *p,
		    struct placement *out);
/* Both, trying all alternatives of the features.  E_OK: *out filled in mem. */
enum err fit_request(struct core *c, struct request *r, enum fit_view view,
		     struct arena *mem, struct placement *out);
void fit_scratch(struct core *c);
/* A new question: scratch space is empty again, nodes are as they are. */
void sched_scratch_reset(struct core *c);

/* share.c: cores in use as this request sees them, with the rows of partitions
 * that share.  Scratch space of one node. */
const struct bitset *share_view(struct core *c, const struct request *r, const struct node *n);
/* Nothing runs on the node but this user's jobs. */
bool share_only_user(struct core *c, const struct node *n, uint32_t uid);

/* Why not now: for a request that does not fit. */
uint32_t fit_reason(struct core *c, struct request *r, struct err_text *desc);
/* Were it alone, without these nodes: would it fit? */
bool fit_up_possible(struct core *c, struct request *r, const struct bitset *without);

/* window.c: reservations.  Sets r->closed for a start at that time; false when
 * it cannot start then. */
bool window_set(struct core *c, struct request *r, int64_t at);
/* Seconds the job is wanted for at least. */
int64_t window_length_sec(const struct core *c, const struct job *j, const struct part *p);
/* The same for now: 0, or why it waits. */
uint32_t window_now(struct core *c, struct request *r, struct err_text *desc);
/* The job's own reservation has begun: could its nodes hold the job? */
bool window_own_fits(struct core *c, struct request *r, struct err_text *why);
/* What is not reserved could not hold it even when empty. */
bool window_too_small(struct core *c, struct request *r);

/* What is in use on one node, as one request sees it. */
struct core_view {
	const struct bitset *used;      /* cores; NULL: only the number is known */
	uint32_t used_cores;
	uint32_t reserved_cpus;         /* free now, promised to others */
	uint32_t jobs;
	uint64_t mem_total, mem_used;
	const uint64_t *gres_used;      /* NULL: the node's own counts */
	uint64_t near;                  /* sockets with the devices wanted; 0: all alike */
	bool near_only;                 /* no others will do */
};
void node_view(struct core *c, const struct request *r, const struct node *n,
	       enum fit_view view, struct core_view *v);
uint32_t node_tpc(const struct node *n);
/* CPUs of the node that the request could use; 0: none. */
uint32_t cores_avail(const struct request *r, const struct node *n, const struct core_view *v);
/* Take cores for so many CPUs: bits in taken from off on.  CPUs charged. */
uint32_t cores_pick(const struct request *r, const struct node *n, const struct core_view *v,
		    uint32_t cpus, struct bitset *taken, uint32_t off);

/* het.c: the components of a heterogeneous job, placed together. */
struct het {
	uint32_t count;
	struct job **job;               /* by offset */
	struct placement *pl;           /* of each */
	uint32_t *order;                /* in which they choose */
	struct bitset *taken;
	uint32_t failed;                /* the one that found nothing */
};
/* Place one component; the nodes of those before it are closed (sched->taken). */
typedef bool het_try(struct core *c, struct job *j, struct placement *pl, void *arg);
bool sched_is_het(const struct job *j);
void het_gather(struct core *c, struct job *leader, struct arena *mem, struct het *h);
/* All, in some order: h->pl is filled. */
bool het_place(struct core *c, struct het *h, het_try *one, void *arg);
void het_start(struct core *c, const struct sched_ops *ops, struct effects *out,
	       const struct het *h, bool backfill);

bool backfill_pass(struct core *c, const struct sched_ops *ops, struct effects *out, bool slice);
void backfill_free(struct sched *s);
void backfill_dirty(struct sched *s);
void backfill_group_gone(struct sched *s, const struct sched_group *g);
int64_t backfill_due(const struct sched *s);
/* Nobody waits: no node is planned any more. */
void backfill_idle(struct core *c, const struct sched_ops *ops);

/* Units of a type (or of any type of a bare name) not in use; used: per type
 * instead of the node's own counts. */
uint64_t gres_free(const struct core *c, const struct node *n, uint32_t t, const uint64_t *used);
/* Index of the name without type. */
uint32_t gres_bare(const struct core *c, uint32_t t);
/* Units of all types of t's name; of v, which is per type. */
uint64_t gres_sum16(const struct core *c, uint32_t t, const uint16_t *v);
/* Sockets that a request should have cores of, for its devices. */
void gres_near(const struct core *c, const struct request *r, const struct node *n,
	       enum fit_view view, struct core_view *v);
uint64_t gres_take_sockets(const struct core *c, const struct node *n, uint32_t t, uint64_t each,
			   uint64_t want, const struct bitset *cores, const struct job_share *s,
			   uint16_t *out);
/* Which devices: those near the cores first.  False: they are not there. */
bool gres_pick(const struct core *c, const struct request *r, const struct bitset *cores,
	       struct job_share *s);
void gres_take(const struct core *c, const struct node *n, uint32_t t, uint64_t want,
	       const uint64_t *used, uint16_t *out);
#endif
