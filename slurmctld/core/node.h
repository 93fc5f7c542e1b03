/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes and partitions. */
#ifndef SLURMCTLD_CORE_NODE_H
#define SLURMCTLD_CORE_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "wire/base/bitset.h"
#include "wire/messages.h"
#include "wire/states.h"

struct core;

/* Gres of one type on a node: configured, in use.  Devices have numbers among
 * all of their name, from 0; what has none is only counted. */
struct node_gres {
	uint64_t total, used;
	uint64_t devs, devs_used;       /* bit n: device n is of this type; is given away */
	uint32_t bits;                  /* numbers of devices of the name: 0 to bits - 1 */
	bool shared;                    /* parts of the GPUs: see gres_place.parts */
	bool one;                       /* of which one at a time is given in parts */
	bool explicit_only;             /* not part of a whole node */
};

/* Devices of one type that lie near the same cores. */
struct gres_place {
	uint32_t type;
	uint64_t devs;
	struct bitset *cores;           /* over the node's; NULL: none is nearer */
	uint64_t parts, parts_used;     /* of the one device, when the type is shared */
};

/* What a node daemon said of its gres, and what follows. */
struct node_devices {
	struct arena mem;
	struct gres_conf_rec *rec;
	uint32_t rec_count;
	struct arena place_mem;
	struct gres_place *place;
	uint32_t place_count;
};
#define GRES_DEVICES_MAX 64     /* of one name on a node; more are only counted */

struct node {
	uint32_t index;                 /* in core->node; never changes while running */
	const struct conf_node *conf;   /* borrowed from core->conf */
	const char *name;               /* conf->name */
	struct wire_addr peer;          /* where it registered from */
	char *hostname, *addr;          /* as registered or updated; start from conf */
	uint16_t port;
	uint32_t state;                 /* base | flags; node_move() only */
	uint32_t next_state;
	/* what is scheduled with (configured; see config_overrides) */
	uint16_t cpus, boards, sockets, cores_per_socket, threads;      /* sockets: total */
	uint32_t cores;                 /* sockets * cores_per_socket */
	uint64_t real_memory_mb;
	uint32_t tmp_disk_mb, weight;
	uint32_t cpu_bind;              /* NO_VAL: as configured */
	/* in use */
	struct bitset *cores_used;      /* by jobs that do not share */
	uint16_t cpus_alloc;
	uint64_t mem_alloc_mb;
	struct node_gres *gres;         /* one per core->gres_type */
	struct node_devices *devices;   /* NULL: nothing was said yet */
	uint32_t run_jobs, comp_jobs;   /* jobs here running/suspended; completing */
	uint32_t sharing_jobs;          /* of run_jobs, in OverSubscribe partitions */
	uint32_t beside_jobs;           /* that run on cores others have: resumed too late */
	uint32_t owner_uid;             /* exclusive=user: NO_VAL nobody */
	/* from registrations and updates */
	enum wire_version version;      /* of the node daemon; valid when version_known */
	bool version_known;
	char *version_text, *arch, *os, *features, *features_active, *gres_text, *comment,
	     *extra, *instance_id, *instance_type, *reason, *mcs_label, *cpu_spec_list,
	     *topology;                 /* "name:unit,...": slurm.conf's or an admin's; NULL: the network's */
	uint32_t reason_uid, cpu_load /* x100 */, tmp_disk_found;
	uint64_t free_mem_mb;           /* NO_VAL64 unknown */
	uint16_t reg_cpus, reg_sockets, reg_cores, reg_threads, reg_boards, core_spec_cnt;
	uint64_t reg_memory_mb, mem_spec_limit_mb;
	int64_t boot_time, slurmd_start_time, last_response, last_busy, reason_time,
		resume_after, ping_sent, power_time, reboot_time;   /* reboot_time: ordered then */
	bool ping_pending, reg_pending; /* a request is out */
	bool can_resume;                /* power saving brings it up */
	uint32_t not_responding_logged;
	struct conf *keep;              /* owner of conf when that is no longer core->conf */
	struct bitset *parts;           /* over core->part */
	uint32_t gen;
	bool dirty;
	struct node *dirty_next;
};

/* The one place where a node's state changes (drawing in node.c). */
void node_move(struct core *c, struct node *n, uint32_t new_state);
void node_dirty(struct core *c, struct node *n);
/* CpuBind: an admin's word, else slurm.conf's. */
uint32_t node_cpu_bind(const struct node *n);
/* Recompute ALLOCATED/MIXED/IDLE and COMPLETING from what runs there. */
void node_settle(struct core *c, struct node *n);
/* Set or clear (NULL) the reason with who and when. */
void node_reason(struct core *c, struct node *n, const char *reason, uint32_t uid, int64_t when);
struct node *node_find(const struct core *c, const char *name);
/* May new work start here now (state only)? */
bool node_usable(const struct node *n);
/* Will it come back without an admin (counts for "can ever run")? */
bool node_base_up(const struct node *n);

struct part {
	uint32_t index;
	const struct conf_part *conf;   /* NULL: created by scontrol */
	char *name, *node_text, *allow_groups, *allow_accounts, *deny_accounts, *allow_qos,
	     *deny_qos, *alloc_nodes, *alternate, *qos, *billing_weights, *job_defaults,
	     *nodesets, *topology;
	uint32_t flags;                 /* PART_FLAG_* */
	uint32_t max_time_min, default_time_min, max_nodes, min_nodes, grace_time_sec,
		 max_cpus_per_node, max_cpus_per_socket, cpu_bind, suspend_time_sec;
	uint64_t def_mem, max_mem;
	uint16_t max_share, over_time_limit, preempt_mode, priority_job_factor, priority_tier,
		 state_up, cr_type, resume_timeout, suspend_timeout;
	struct bitset *nodes;           /* over core->node */
	uint32_t total_nodes, total_cpus;
	uint32_t *allow_uids;           /* of AllowGroups, resolved by the shell; NULL: all */
	uint32_t allow_uid_count;
	uint32_t gen;
	bool deleted;
	bool dirty;
	struct part *dirty_next;
};
struct part *part_find(const struct core *c, const char *name);
/* AllowGroups: everybody, or the users found in those groups. */
bool part_user_allowed(const struct core *c, const struct part *p, uint32_t uid);

/* A daemon of ours speaks every release. */
bool node_is_ours(const struct node *n);
/* Can a client of that release speak to the node's daemon? */
bool node_meets_client(const struct node *n, enum wire_version client);

/* CPUs that nobody else can have: a core is held as a whole. */
uint16_t node_cpus_held(const struct node *n);

/* How long a node may be idle before it is powered down, in seconds. */
int64_t power_idle_limit(const struct core *c, const struct node *n);
/* Registered or loaded: the devices are these.  True when that is new. */
bool node_gres_note(struct core *c, struct node *n, const struct gres_conf_rec *rec,
		    uint32_t count);
/* n->gres is new: what the devices mean for it. */
void node_gres_apply(struct core *c, struct node *n);
void node_gres_free(struct node *n);
/* Why the node may not be used, as stock has it: fewer than configured. */
void node_gres_faults(const struct core *c, const struct node *n, char *why, size_t size);
/* Give away or take back: units of a type, and these devices of it. */
void node_gres_use(struct core *c, struct node *n, uint32_t type, uint16_t units, uint64_t devs,
		   bool add);
/* Nothing of it is given away (the counts are cleared with n->gres). */
void node_gres_idle(struct node *n);
/* Devices that are free now; of shared types: that have parts left. */
uint64_t node_gres_open(const struct core *c, const struct node *n, uint32_t type);
uint32_t bits_count(uint64_t v);

#endif
