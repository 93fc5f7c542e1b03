/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes into the core and what comes out.
 *
 * Events carry decoded messages and, always, the time.  Effects are data; the
 * shell carries them out, in order, and only after the records of the same
 * step are durable. */
#ifndef SLURMCTLD_CORE_EVENT_H
#define SLURMCTLD_CORE_EVENT_H

#include "wire/base/bitset.h"
#include "wire/base/err.h"
#include "wire/messages.h"

enum event_kind {
	EV_RPC,         /* a request from the network that changes or asks the core */
	EV_TICK,        /* time passed; sent at core_next_time() or earlier */
	EV_SCHED,       /* run the scheduler (the shell sends it when core_wants_sched()) */
	EV_SCHED_SLICE, /* continue a long backfill pass */
	EV_NODE_RESULT, /* an effect of kind EFF_NODES ended for one node */
	EV_CLIENT_GONE, /* nobody listens at a client's port (srun died) */
	EV_RECONFIG,    /* new configuration loaded */
	EV_GROUPS,      /* AllowGroups resolved: uids per partition */
	EV_SACKD,       /* the caller's host has a sackd that listens at the caller's port */
	EV_TOLD,        /* something happened for which there may be triggers */
	EV_PROGRAM      /* a program of EFF_RUN with a run number ended */
};

/* What a program at the controller is for. */
enum run_kind { RUN_PLAIN, RUN_MAIL, RUN_PROLOG, RUN_EPILOG, RUN_POWER };

/* Who asks.  Decided by the credential; roles by the configuration. */
struct caller {
	uint32_t uid, gid;
	bool root_or_slurm;             /* uid 0 or SlurmUser */
	bool operator_;                 /* may act for others (AdminLevel; now root_or_slurm) */
	enum wire_version version;
	struct wire_addr peer;          /* address of the connection */
	char host[256];                 /* name the credential's address resolves to, or "" */
	char user[64];                  /* name of who submits a job, "" unknown */
};

/* A user or group named in a request, as the shell found it. */
struct event_name {
	const char *name;               /* without a sign before it */
	bool found;
	const uint32_t *uids;
	uint32_t uid_count;
};

struct event {
	enum event_kind kind;
	int64_t now;                    /* wall clock, seconds */
	int64_t now_usec;               /* the same in microseconds */
	int32_t utc_offset;             /* of local time, now */
	int64_t utc_change_at;          /* when it changes next; 0 never */
	int32_t utc_after;              /* what it is then */
	/* EV_RPC */
	uint64_t conn;                  /* names the connection in replies */
	struct caller caller;
	uint16_t type;                  /* enum msg_type */
	const void *body;               /* the message's structure, borrowed */
	const struct event_name *names; /* of reservation requests: users, groups */
	uint32_t name_count;
	/* EV_NODE_RESULT: the message that was sent, the node's answer */
	uint32_t node;
	uint16_t sent_type;
	enum err result;                /* E_OK, a wire error, or a connection error */
	uint32_t job_id, step_id;       /* as given in the effect */
	const void *reply;              /* decoded body of the node's answer, or NULL */
	uint16_t reply_type;
	enum wire_version reply_version;
	bool reply_version_known;
	/* EV_RECONFIG */
	struct conf *conf;
	bool quiet;                     /* node daemons need not know */
	/* EV_TOLD */
	uint32_t triggers;              /* TRIGGER_... */
	/* EV_PROGRAM: of job_id, as given in the effect */
	enum run_kind run_kind;
	uint64_t run;
	int status;                     /* as of waitpid */
	bool timed_out;
	/* EV_GROUPS */
	uint32_t part, resv_id;         /* of a reservation: part is the group's place */
	const uint32_t *uids;
	uint32_t uid_count;
};

enum effect_kind {
	EFF_REPLY,      /* answer conn with (type, body) */
	EFF_NODES,      /* send (type, body) to nodes */
	EFF_CLIENT,     /* send (type, body) to a client's port (srun, salloc) */
	EFF_PUT,        /* journal: put row (table, key, image) */
	EFF_DEL,        /* journal: delete row */
	EFF_SCRIPT_PUT, /* journal: keep a job's script and environment */
	EFF_SCRIPT_DEL,
	EFF_SCRIPT_REPLY,/* answer conn with RESPONSE_BATCH_SCRIPT of job_id from the store */
	EFF_COMPLETED,  /* a job ended: job completion line (text) */
	EFF_LOG,        /* a line for the log */
	EFF_SHUTDOWN,   /* end the daemon */
	EFF_RECONFIG,   /* re-read the configuration, then EV_RECONFIG */
	EFF_GROUPS,     /* resolve AllowGroups of a partition, or a group of a reservation */
	EFF_RUN,        /* start a program; EV_PROGRAM when it ends, if run is not 0 */
	EFF_RUN_KILL,   /* kill PrologSlurmctld of job_id */
	EFF_DEBUG_LEVEL,/* log level: level (enum log_level as slurm numbers it, 0..9) */
	EFF_DEBUG_FLAGS,/* DebugFlags: flags_plus, flags_minus */
	EFF_CLIENT_PING /* as EFF_CLIENT, and EV_CLIENT_GONE when nobody listens */
};

enum journal_table { TAB_META, TAB_JOB, TAB_NODE, TAB_PART, TAB_RESV, TAB_TRIGGER, TAB_CRONTAB,
		     TAB_SACKD, TAB_COUNT };

struct effect {
	enum effect_kind kind;
	/* REPLY, CLIENT, NODES: */
	uint64_t conn;
	uint16_t type;
	const void *body;               /* in the effects' arena */
	/* NODES: */
	const struct bitset *nodes;     /* over core->node, in the effects' arena */
	bool no_reply;                  /* do not wait for answers, make no event */
	bool each_alone;                /* no forwarding tree (bodies differ per node or one node) */
	bool sign_cred;                 /* body holds a cred_signed to be signed for the release sent to */
	bool add_script;                /* batch launch: script of script_id from the store, and its
					 * environment before what the body already has */
	uint32_t script_id;             /* SCRIPT_*, add_script: key in the store (arrays share one) */
	uint32_t job_id, step_id;
	uint32_t timeout_sec;           /* 0: MessageTimeout */
	/* CLIENT: */
	struct wire_addr addr;
	uint16_t client_version;        /* number; REPLY with sign_cred: 0 is the request's */
	/* PUT, DEL: */
	enum journal_table table;
	uint64_t key;
	const uint8_t *image;
	size_t image_len;
	/* SCRIPT_PUT: */
	const char *script;
	const char *const *env;
	uint32_t env_count;
	/* LOG, RUN, COMPLETED: */
	int level;                      /* enum log_level */
	const char *text;
	uint32_t part, resv_id;
	const char *const *argv;        /* RUN: NULL terminated */
	uint32_t uid;                   /* RUN: as whom, 0 the daemon's own user */
	enum run_kind run_kind;         /* RUN_MAIL: argv[3] NULL is the owner of env_uid */
	uint64_t run;
	bool env_names;                 /* add names of env_uid and env_gid to env */
	uint32_t env_uid, env_gid;
	const char *file, *file_var;    /* a file with that content, named in env */
	uint64_t flags_plus, flags_minus;       /* DEBUG_FLAGS */
};

/* Growing list with its arena.  Zero-initialised is empty. */
struct effects {
	struct arena mem;
	struct effect *v;
	uint32_t count, cap;
};
struct effect *effects_add(struct effects *out, enum effect_kind kind); /* zeroed */
void effects_reset(struct effects *out);
void effects_fini(struct effects *out);

/* Reply helpers: RC (or RC_MSG with text where the release and type ask for
 * it: see wire/messages; the shell packs), and a typed body. */
void effect_reply_rc(struct effects *out, const struct event *ev, enum err rc);
void effect_reply_rc_msg(struct effects *out, const struct event *ev, enum err rc,
			 const char *text);
void *effect_reply(struct effects *out, const struct event *ev, uint16_t type);
	/* zero/initialised body structure of that type, to be filled in place */
void effect_log(struct effects *out, int level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
