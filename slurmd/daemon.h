/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of slurmd and how they meet.  Everything here belongs to the loop
 * thread unless a comment says otherwise. */
#ifndef SLURMD_DAEMON_H
#define SLURMD_DAEMON_H

#include <event2/event.h>
#include <time.h>

#include "auth/cred.h"
#include "slurmd/core/job.h"
#include "slurmd/options.h"
#include "slurmd/pool.h"
#include "slurmd/site.h"

struct req;
struct steps;
struct ctld;
struct children;
struct job_shell;
struct bcast;
struct registration;

struct daemon {
	struct event_base *base;
	struct options opt;
	struct site *site;              /* the one in force; requests hold their own */
	struct hw hw;
	struct pool *pool;              /* munge, step daemons, files */
	struct ctld *ctld;              /* calls to the controller, with threads of its own */
	struct registration *reg;
	struct children *children;      /* processes we started */
	struct steps *steps;            /* step daemons on this node */
	struct nj_jobs *jobs;
	struct job_shell *shell;        /* what effects of the jobs need */
	struct sack *sack;              /* with auth/slurm */
	struct cred_cache *creds;
	struct bcast *bcast;
	struct req *requests;
	uint32_t next_ref;
	uint32_t conn_count;
	int listen_fd;
	struct event *listen_ev, *sig_ev[8];
	time_t started, boot_time, last_ctld_msg, foreign_seen;
	int extra_verbose;              /* set by REQUEST_SET_DEBUG_LEVEL, or -1 */
	int lock_fd;                    /* of the pid file */
	bool stopping, health_running;
};

/* main.c's only call: everything after the options.  Returns the exit code. */
int daemon_run(const struct options *o);
void daemon_stop(struct daemon *d);     /* leave the loop soon */
void daemon_reconfigure(struct daemon *d);
void daemon_log_setup(struct daemon *d);

/* conn.c: listening and the life of a connection */
enum err conn_listen(struct daemon *d);
void conn_close_listener(struct daemon *d);

#endif
