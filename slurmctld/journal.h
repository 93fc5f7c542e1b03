/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal: rows in a database in StateSaveLocation, written by one thread,
 * a transaction for everything that waits.  It writes only while the lease
 * (lease.h) is ours, which it looks at before every transaction. */
#ifndef SLURMCTLD_JOURNAL_H
#define SLURMCTLD_JOURNAL_H

#include "slurmctld/ctld.h"

struct step_out;
struct journal;

struct job_script;

/* Open (or make) the database in dir and start the thread.  E_FAIL with *why:
 * somebody else's directory, read-only, damaged, in use by another slurmctld. */
enum err journal_open(struct ctld *c, const char *dir, bool fresh, struct journal **out,
		      struct err_text *why);
/* Feed all rows to the core; before any other use.  ignore: see store_load. */
enum err journal_load(struct journal *j, struct core *core, bool ignore, struct err_text *why);
/* Write the records of a list of steps in one transaction; done(arg) runs in
 * the main thread when they are durable.  One at a time. */
void journal_write(struct journal *j, struct step_out *first, void (*done)(void *), void *arg);
/* Fetch a script; done gets it (NULL: there is none; else a reference of its
 * own) in the main thread. */
void journal_script(struct journal *j, uint32_t job_id,
		    void (*done)(void *arg, struct job_script *s), void *arg);
/* The disk has not taken a record for some time. */
bool journal_stuck(const struct journal *j);
/* Count up in the lease that often, for those who watch it. */
void journal_beat_every(struct journal *j, int64_t sec);
/* Write what is queued, checkpoint, close. */
void journal_close(struct journal *j);
/* Close without a write: the lease is another's. */
void journal_abandon(struct journal *j);

#endif
