/* SPDX-License-Identifier: Apache-2.0
 *
 * The parsed configuration: slurm.conf with its node, partition, node set and
 * down-node lines, gres.conf and cgroup.conf.  A struct conf is immutable once
 * loaded and shared by threads; a reconfiguration makes a new one.
 *
 * Scalar keys come from keys.def (one row per key: name, type, default, range,
 * who reads it, reloadable); they are members of struct conf with the name of
 * the key in lower case ("SlurmctldTimeout" is conf->slurmctldtimeout). */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <strings.h>
#include <sys/types.h>

#include "wire/base/hostlist.h"
#include "wire/base/err.h"
#include "wire/base/mem.h"

struct conf_strings {
	char **v;               /* NULL terminated */
	uint32_t count;
};

/* One gres of a node: "gpu:tesla:2" or a gres.conf line. */
struct conf_gres {
	char *name;             /* "qpu" */
	char *type;             /* NULL when untyped */
	uint64_t count;
	char *file;             /* File= expression or NULL (count only) */
	char *cores;            /* Cores= or NULL */
	char *links;            /* Links= or NULL */
	uint32_t flags;         /* CONF_GRES_* */
};
/* As node daemons send them. */
#define CONF_GRES_MULT       0x0001u    /* all files are one device */
#define CONF_GRES_FILE       0x0002u
#define CONF_GRES_TYPE       0x0004u
#define CONF_GRES_COUNT_ONLY 0x0008u
#define CONF_GRES_NVIDIA     0x0020u    /* visible-devices variables: CUDA */
#define CONF_GRES_AMD        0x0040u    /* ROCR */
#define CONF_GRES_OPENCL     0x0080u    /* GPU_DEVICE_ORDINAL */
#define CONF_GRES_ENV_DEF    0x0100u    /* none of them named: all */
#define CONF_GRES_SHARED     0x0200u    /* parts of the devices of another gres */
#define CONF_GRES_ONE        0x0400u    /* parts of one device only at a time */
#define CONF_GRES_INTEL      0x0800u    /* ZE_AFFINITY_MASK */
#define CONF_GRES_EXPLICIT   0x1000u    /* not part of a whole node */
#define CONF_GRES_ENV        0x08e0u
/* Parts of GPUs: "shard", "mps". */
static inline bool conf_gres_shared(const char *name)
{
	return !strcasecmp(name, "shard") || !strcasecmp(name, "mps");
}

struct conf_node {
	char *name;
	char *hostname;         /* NodeHostName, default name */
	char *addr;             /* NodeAddr, default hostname */
	char *bcast_addr;
	uint16_t port;          /* Port=, default SlurmdPort */
	uint16_t cpus, boards, sockets, cores, threads; /* sockets: total; cores per socket */
	uint64_t real_memory_mb;
	uint32_t tmp_disk_mb;
	uint32_t weight;
	char *features;
	char *gres;             /* text as configured */
	struct conf_gres *gres_list; /* of Gres= merged with gres.conf */
	uint32_t gres_count;
	uint32_t state;         /* initial NODE_STATE_* | flags */
	char *reason;
	uint16_t core_spec_cnt;
	char *cpu_spec_list;
	uint64_t mem_spec_limit_mb;
	uint32_t cpu_bind;
	char *topology;
	char *tres_weights;
	char *gres_conf;        /* GresConf= of the line, or NULL */
	char *parameters;
	uint16_t restricted_cores_per_gpu;
	uint32_t suspend_time_sec;      /* NO_VAL unset */
	bool cloud, dynamic;
	const char *file;       /* where its NodeName line is */
	unsigned line;
};

/* Limits are as on the wire: minutes, NO_VAL where unset, INFINITE. */
struct conf_part {
	char *name;
	bool is_default, hidden, disable_root, exclusive_user, lln, root_only, req_resv,
	     power_down_on_idle, exclusive_topo;
	char *nodes;            /* expanded to names, NodeSets resolved */
	uint32_t *node_index;   /* of each, into conf->nodes, ascending */
	uint32_t node_count;
	char *nodes_text;       /* Nodes= as written, blanks made commas */
	char *nodesets;         /* node sets in Nodes=, "ALL" among them */
	char *allow_groups, *allow_accounts, *deny_accounts, *allow_qos, *deny_qos;
	char *alloc_nodes, *alternate, *qos;
	uint32_t max_time_min, default_time_min, max_nodes, min_nodes, grace_time_sec;
	uint32_t max_cpus_per_node, max_cpus_per_socket;
	uint64_t def_mem_mb, max_mem_mb;        /* CONF_MEM_PER_CPU flag in the top bit; 0 unset */
	uint16_t max_share;     /* OverSubscribe count; CONF_SHARED_FORCE flag; 0 EXCLUSIVE, 1 NO */
	uint16_t over_time_limit_min, preempt_mode, priority_job_factor, priority_tier;
	uint16_t state_up;      /* wire PARTITION_* bits */
	uint16_t cr_type;
	uint32_t cpu_bind;
	uint16_t resume_timeout_sec, suspend_timeout_sec;
	uint32_t suspend_time_sec;
	char *billing_weights, *job_defaults, *topology;
	/* "DefCpuPerGPU=1,DefMemPerGPU=2" is also here, NO_VAL64 unset: */
	uint64_t def_cpu_per_gpu, def_mem_per_gpu_mb;
};
#define CONF_MEM_PER_CPU  UINT64_C(0x8000000000000000)
#define CONF_SHARED_FORCE 0x8000

struct conf_nodeset {
	char *name, *feature, *nodes;   /* as written */
};

/* DownNodes= line: initial state of some nodes. */
struct conf_downnodes {
	char *nodes, *reason;
	uint32_t state;         /* NODE_STATE_* | flags */
};

/* PowerAction= line (26.05). */
struct conf_power_action {
	char *name, *program;
	bool on_slurmctld;
};

/* cgroup.conf: members are the keys of cgroup_keys.def in lower case. */
struct conf_cgroup {
#define CONF_MEMBERS_CGROUP
#include "conf/conf_members.h"
#undef CONF_MEMBERS_CGROUP
};

/* mpi.conf: members are the keys of mpi_keys.def in lower case. */
struct conf_mpi {
#define CONF_MEMBERS_MPI
#include "conf/conf_members.h"
#undef CONF_MEMBERS_MPI
};

/* acct_gather.conf: members are the keys of acct_gather_keys.def. */
struct conf_gather {
#define CONF_MEMBERS_GATHER
#include "conf/conf_members.h"
#undef CONF_MEMBERS_GATHER
};

/* Where the text of a key came from; text NULL when no file set it. */
struct conf_origin {
	const char *text, *file;
	unsigned line;
};

/* One problem found while parsing. */
struct conf_problem {
	bool fatal;             /* false: a warning */
	char *file;
	unsigned line;
	char *text;
};
struct conf_problems {
	struct conf_problem *v;
	uint32_t count;
};

struct conf {
	atomic_uint refs;
	struct arena mem;       /* owns every pointer below, or base does */
	struct conf *base;      /* conf_for_nodes: one reference */
	char *path;             /* slurm.conf */
	char *dir;              /* its directory: gres.conf, cgroup.conf, plugstack.conf */
	uint32_t hash_val;      /* of the text, for the node registration check */
#include "conf/conf_members.h"  /* generated by preprocessor from keys.def */
	struct conf_cgroup cgroup;
	struct conf_mpi mpi;
	struct conf_gather gather;
	/* per key: */
	struct conf_origin *origin, *cgroup_origin, *mpi_origin, *gather_origin;
	struct conf_node *nodes;        /* natural order of names */
	uint32_t node_count;
	struct conf_part *parts;
	uint32_t part_count;    /* in the order of the file */
	struct conf_nodeset *nodesets;
	uint32_t nodeset_count;
	struct conf_downnodes *downnodes;       /* already applied to nodes */
	uint32_t downnodes_count;
	struct conf_power_action *power_actions;
	uint32_t power_action_count;
	bool have_cgroup_conf, have_gres_conf, have_mpi_conf;
	char *gres_autodetect;          /* AutoDetect= of gres.conf */
	/* resolved values: */
	uint64_t def_mem_mb, max_mem_mb;        /* CONF_MEM_PER_CPU bit; 0 unset */
	uint32_t conf_flags;            /* wire CONF_FLAG_* bits, see names.h */
	bool config_overrides;          /* SlurmdParameters=config_overrides */
	uid_t slurm_uid, slurmd_uid;
	char **control_hosts, **control_addrs;  /* SlurmctldHost list */
	uint32_t control_count;
	struct conf_topo *topos;        /* conf/topo.h; the cluster's own first, at least one */
	uint32_t topo_count;
};

/* Parse everything at and below path (slurm.conf; gres.conf and cgroup.conf
 * beside it).  On success *out holds one reference.  All problems are appended
 * to *problems (may be NULL), also on success (warnings).  E_FAIL when any is
 * fatal; *out is then untouched. */
enum err conf_load(const char *path, struct conf **out, struct conf_problems *problems);
/* The same for who does not need the network: topology.conf is not read. */
enum err conf_load_step(const char *path, struct conf **out, struct conf_problems *problems);
/* The same with more lines at the end of the file. */
enum err conf_load_with(const char *path, const char *more, struct conf **out,
			struct conf_problems *problems);
/* The same from strings, without touching files (tests, configless). */
enum err conf_parse(const char *slurm_conf, const char *gres_conf, const char *cgroup_conf,
		    struct conf **out, struct conf_problems *problems);
void conf_problems_fini(struct conf_problems *p);

/* The same settings for other nodes, which are copied; without partitions and
 * node sets.  One reference; base is kept alive. */
struct conf *conf_for_nodes(struct conf *base, const struct conf_node *nodes, uint32_t count);

struct conf *conf_ref(struct conf *c);
void conf_unref(struct conf *c);        /* NULL is a no-op */

/* For "slurmctld -t": parse everything, print every problem to out, one per
 * line ("slurm.conf:12: error: ...").  Returns the number of errors. */
uint32_t conf_check(const char *path, FILE *out);

/* Print what was configured so that it parses again.  Heap string. */
char *conf_print(const struct conf *c);

/* Names of keys that differ between two configurations and that a running
 * daemon cannot take up: at most max of them to names (static text).  Returns
 * how many there are. */
uint32_t conf_restart_keys(const struct conf *old_conf,
			   const struct conf *new_conf, const char **names,
			   uint32_t max);

/* Did a file set the key, and with which text?  NULL when it is at its
 * default or no release knows it. */
const char *conf_key_text(const struct conf *c, const char *name);

/* Find the file the stock programs would use: explicit path (-f), else
 * $SLURM_CONF, else /etc/slurm/slurm.conf.  Static or borrowed storage. */
const char *conf_path(const char *explicit_path);

const struct conf_node *conf_node_find(const struct conf *c, const char *name);
/* Node whose NodeName or NodeHostname equals the (short) host name. */
const struct conf_node *conf_node_find_host(const struct conf *c, const char *host);
const struct conf_part *conf_part_find(const struct conf *c, const char *name);

/* True if option appears in a comma list of "opt" or "opt=value", such as
 * SlurmctldParameters; *value (may be NULL) points at the value or "". */
bool conf_option(const char *list, const char *option, const char **value);

/* What asks for control groups, as "Key=value"; NULL: nothing does.  In mem. */
const char *conf_asks_cgroups(const struct conf *c, struct arena *mem);

/* Where to call the controller: SlurmctldAddr, which moves to whoever has
 * control, or each SlurmctldHost. */
static inline char **conf_callers(const struct conf *c)
{
	return c->slurmctldaddr ? (char **)(uintptr_t)&c->slurmctldaddr : c->control_addrs;
}
static inline uint32_t conf_caller_count(const struct conf *c)
{
	return c->slurmctldaddr ? 1 : c->control_count;
}

#endif
