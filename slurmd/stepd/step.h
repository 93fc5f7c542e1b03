/* SPDX-License-Identifier: Apache-2.0
 *
 * One step on one node, as slurmstepd sees it.  The main thread owns
 * everything here; the reporter thread (report.c) gets copies. */
#ifndef STEPD_STEP_H
#define STEPD_STEP_H

#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "auth/auth.h"
#include "auth/rpc.h"
#include "conf/conf.h"
#include "wire/base/strbuf.h"
#include "slurmd/stepd/envv.h"
#include "slurmd/stepd/tree.h"
#include "slurmd/stepd_api.h"

struct event;
struct event_base;
struct io;
struct reporter;

/* Flags of REQUEST_LAUNCH_TASKS. */
enum launch_flag {
	LAUNCH_MULTI_PROG = 1 << 1,
	LAUNCH_PTY = 1 << 2,
	LAUNCH_BUFFERED_IO = 1 << 3,
	LAUNCH_LABEL_IO = 1 << 4,
	LAUNCH_EXT_LAUNCHER = 1 << 5,
	LAUNCH_NO_ALLOC = 1 << 6,
	LAUNCH_OVERCOMMIT = 1 << 7,
	LAUNCH_NO_SIG_FAIL = 1 << 8,
	LAUNCH_KILL_ON_BAD_EXIT = 1 << 11,
	LAUNCH_LOCAL_IO = 1 << 12
};

/* Signal numbers of the protocol that no kernel knows. */
enum wire_signal {
	WSIG_TERM_KILL = 991, WSIG_REQUEUED = 993,
	WSIG_PREEMPTED = 994, WSIG_DEBUG_WAKE = 995, WSIG_TIME_LIMIT = 996,
	WSIG_ABORT = 997, WSIG_NODE_FAIL = 998, WSIG_FAILURE = 999
};

/* Flags of a signal request. */
enum kill_flag {
	KILL_JOB_BATCH = 1 << 0, KILL_STEPS_ONLY = 1 << 2,
	KILL_FULL_JOB = 1 << 3, KILL_NO_SIG_FAIL = 1 << 10
};

enum step_kind { KIND_TASKS, KIND_BATCH, KIND_EXTERN };

/* Numbers shown by STEPD_INFO; those of stock's local protocol. */
enum stepd_state {
	STATE_STARTING = 1, STATE_RUNNING, STATE_CANCELLED, STATE_ENDING
};

/* Somebody who wants to hear of this step: srun, or sattach. */
struct peer {
	struct peer *next;
	enum wire_version version;
	struct wire_addr resp, io;      /* family 0: none */
	const char *key;                /* for the I/O connection */
	bool bare_key;                  /* sent without its NUL: the signature came so */
	uid_t uid;
};

struct task {
	uint32_t gtid, ltid;            /* number in the step; on this node */
	pid_t pid;                      /* 0: not started */
	char **argv;                    /* NULL terminated; NULL: none found */
	const char *argv_error;         /* why not */
	char *ifname, *ofname, *efname; /* NULL: through us.  Heap */
	int in_fd, out_fd, err_fd;      /* the task's ends; -1 once it runs */
	int go_fd;                      /* write a byte: exec now */
	bool reaped;                    /* its process ended */
	bool exited;                    /* ... and its epilogs */
	bool exit_sent, killed_by_cmd;
	pid_t epilog_pid;               /* 0 none */
	int status;                     /* as from wait4 */
	struct rusage rusage;
	cpu_set_t *cpus;                /* bind to these; NULL none */
	uint64_t rss;                   /* bytes, at the last look */
	uint64_t max_rss, max_vsize, read_bytes, write_bytes, pages;
};

struct step {
	enum step_kind kind;
	enum stepd_state state;
	struct arena mem;               /* everything decoded */
	struct stepd_start start;
	enum wire_version version;      /* of the body */
	enum wire_version release;      /* that the cluster has: we act as its nodes do */
	struct conf *conf;
	struct auth *auth;
	struct rpc_ctld ctld;
	struct event_base *base;
	const struct launch_tasks_request_msg *launch;
	const struct batch_job_launch_msg *batch;
	const struct prolog_launch_msg *prolog;
	const struct cred *cred;

	struct step_id_members id;
	uint32_t job_id;                /* id.job_id, or the first of a het job */
	uint32_t array_job_id, array_task_id;
	char name[48];                  /* "5.0", "5.batch", "5.extern" */
	uid_t uid;
	gid_t gid;
	gid_t *gids;
	uint32_t gid_count;
	char *user, *home, *group;      /* group: NULL without a name */
	const char *cwd;
	uint32_t flags;                 /* enum launch_flag */
	uint32_t node_count, node_id, node_offset, task_offset;
	uint32_t ntasks;                /* of the whole step */
	uint32_t cpus;                  /* SLURM_CPUS_ON_NODE */
	uint64_t mem_mb;                /* limit of the step here; 0 none */
	uint16_t cpu_bind_type;         /* enum cpu_bind, as the tasks see it */
	const char *cpu_bind;
	bool binds;                     /* TaskPlugin has affinity */
	struct tree_place tree;
	const char *parent_node;
	uint8_t open_mode;              /* wire: 1 append, 2 truncate */
	mode_t umask;
	bool have_umask;
	struct rlimit nofile;           /* slurmd's; we raised ours */
	struct envv env;
	struct task *tasks;
	uint32_t task_count, task_alive;
	struct peer *peers;             /* first is srun */
	struct io *io;
	struct reporter *reporter;

	pid_t pgid;
	int64_t start_time;
	bool launched;                  /* tasks were forked */
	bool suspended, aborted, cancel_said, over_memory;
	bool reported;                  /* the end was sent up the tree */
	uint32_t setup_rc;              /* wire error: the step could not start */
	uint32_t worst_status;          /* of the children in the tree too */
	struct bitset *children;        /* descendants heard of; NULL none */
	struct acct *acct_children;     /* usage they reported */
};

/* load.c: decode start->body into the step and resolve user and node. */
enum err step_load(struct step *s, struct err_text *why);
/* Identity by the configuration; with the key itself, or by asking slurmd. */
struct auth *step_auth_new(struct step *s, bool key_holder, struct err_text *why);
/* Complete the environment and the names of files; slurmd has its answer. */
void step_prepare(struct step *s);

/* user.c */
/* Work as the user for a moment, and back.  Only while single threaded. */
enum err user_enter(const struct step *s);
void user_leave(void);
/* In a child: become the user for good. */
enum err user_become(const struct step *s);
enum err user_groups(struct step *s);

/* env.c: what the node adds to the environment. */
void step_env_batch(struct step *s);
void step_env_node(struct step *s);
void step_env_task(const struct step *s, const struct task *t, pid_t pid, struct envv *e);

/* limits.c */
void step_umask(struct step *s);
void step_limits(const struct step *s, struct envv *e);

/* multiprog.c: the line of the --multi-prog file for one rank.  argv in mem;
 * NULL and *error on failure. */
char **multiprog_argv(const char *config, uint32_t rank, char *const *extra,
		      struct arena *mem, const char **error);

/* loginenv.c: SLURM_GET_USER_ENV=1. */
void step_login_env(struct step *s);

/* spawn.c */
enum err step_spawn(struct step *s);
/* Let them exec. */
void step_go(struct step *s);
/* Run a script as the user with this environment; its exit status. */
int script_run(const struct step *s, const char *what, const char *path,
	       const struct envv *env, int max_sec, struct strbuf *output);
/* child.c: the rest of a task's life. Never returns. */
void child_exec(struct step *s, struct task *t) __attribute__((noreturn));
/* affinity.c: decide, and do it to a task that was forked. */
enum err step_affinity(struct step *s, struct err_text *why);
void step_bind(const struct step *s, const struct task *t);

/* proc.c: the processes of this step. */
struct pid_list {
	pid_t *v;
	uint32_t n, cap;
};
void proc_list(struct pid_list *out);           /* all descendants; free(out->v) */
bool proc_any(void);
int proc_signal(int sig);                       /* all; errno of the last failure, ESRCH none */

/* life.c: from start to end. */
void life_start(struct step *s);        /* events set up; the loop may run */
void life_check(struct step *s);        /* something changed: is it over? */
/* Signal every process; TERM and KILL by_command do not count as failures of
 * the tasks. errno, ESRCH: none there. */
int life_signal(struct step *s, int sig, bool by_command);
/* TERM and CONT now, KILL after KillWait; or KILL at once. */
void life_terminate(struct step *s, bool at_once);
/* Tell the user why, once, on the first task's stderr. */
void life_say_cancelled(struct step *s, uint32_t sig);
enum err life_suspend(struct step *s);
enum err life_resume(struct step *s);

/* ctl.c: the control socket. */
enum err ctl_open(struct step *s, struct err_text *why);
void ctl_close(struct step *s);
/* One request, wherever it came from; o: where an answer with a body is packed. */
enum err ctl_request(struct step *s, const struct stepd_request *q, struct stepd_reply *r,
		     struct arena *mem, struct wire_out *o);

/* stock.c: questions of Slurm's own programs on this node */
bool stock_peek(int fd);
void stock_serve(struct step *s, int fd);

#endif
