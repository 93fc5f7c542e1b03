/* SPDX-License-Identifier: Apache-2.0
 *
 * The daemon around the core: who is who.  struct ctld belongs to the main
 * thread; the members marked "any" never change after start-up and may be read
 * by every thread. */
#ifndef SLURMCTLD_CTLD_H
#define SLURMCTLD_CTLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "auth/auth.h"
#include "conf/print.h"
#include "slurmctld/core/core.h"
#include "slurmctld/pool.h"
#include "slurmctld/request.h"

struct journal;
struct agent;
struct views;
struct replier;
struct conns;
struct scripts;
struct stats;
struct steps;
struct standby;
struct lease;
struct dbd;
struct parting;
struct programs;


/* What the command line said. */
struct ctld_options {
	const char *conf_path;
	const char *log_file;           /* -L */
	int verbose;                    /* -v count */
	int quiet;
	bool foreground;                /* -D */
	bool clean;                     /* -c */
	bool recover_all;               /* -R: partitions too */
	bool ignore_errors;             /* -i: leave out rows that cannot be read */
};

struct ctld {
	struct loop *loop;
	struct mailbox *home;
	struct pool *workers;           /* munge, decoding, packing for nodes */
	struct pool *slow;              /* what may hang: names, groups, files */
	struct auth *auth;              /* any */
	struct sack *sack;              /* with auth/slurm */
	struct auth *auth_global;       /* any: between clusters; may be the same */
	uid_t slurm_uid;                /* any */
	struct core *core;
	struct conf *conf;              /* one reference */
	struct conns *conns;
	struct replier *replier;
	struct journal *journal;
	struct lease *lease;            /* the right to write StateSaveLocation */
	struct standby *standby;        /* NULL: we are the only controller */
	uint32_t index;                 /* in the list of SlurmctldHost */
	bool active;                    /* we have control: core and journal are there */
	bool again;                     /* after the end, wait in standby */
	bool lost;                      /* the lease: nothing may be written any more */
	struct dbd *dbd;                /* NULL: no accounting */
	struct parting *parting;        /* answers for when everything is written */
	struct agent *agent;
	struct views *views;
	struct stats *stats;
	struct programs *programs;
	struct scripts *scripts;        /* those just submitted */

	struct steps *steps;            /* core steps on their way to durability */
	struct ctld_options opt;
	struct conf_runtime runtime;    /* what conf_to_wire needs of this machine */
	int64_t started;                /* when we took control */
	int log_level;                  /* setdebug; -1: as configured */
	uint64_t debug_flags;
	uint16_t dampening_factor;      /* as changed by scontrol; 0 as configured */
	bool log_is_open;
	bool up;
	bool ending;
	int64_t end_by;                 /* monotonic */
	struct watch end_timer;
	struct watch signals[5];
};

/* The loop's clock: microseconds of wall time, read once per wake-up. */
int64_t ctld_now_usec(struct ctld *c);

/* Start everything on an open listener; run until the end; fini. */
struct ctld *ctld_new(struct conf *conf, uint32_t index, const struct ctld_options *opt);
void ctld_run(struct ctld *c, void (*ready)(void *), void *arg);
void ctld_free(struct ctld *c);
/* The lease is ours: read the state, begin to work. */
void ctld_take_control(struct ctld *c);
/* The lease was taken from us: end without writing. */
void ctld_lost(struct ctld *c);
/* Begin a clean end: no more requests, last records written. */
void ctld_end(struct ctld *c);
/* Re-read the configuration; *why says what is wrong with it. */
enum err ctld_reconfigure(struct ctld *c, struct err_text *why);
/* The same without telling the nodes. */
enum err ctld_reconfigure_quietly(struct ctld *c, struct err_text *why);
void ctld_log_setup(struct ctld *c);

#endif
