/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal's database: one file (and its write-ahead log), used by one
 * thread at a time. */
#ifndef SLURMCTLD_JOURNAL_STORE_H
#define SLURMCTLD_JOURNAL_STORE_H

#include "slurmctld/core/core.h"
#include "slurmctld/scripts.h"

struct store;

/* fresh: forget everything but the meta rows (the next job id is one: job ids
 * are never reissued). */
enum err store_open(const char *dir, bool fresh, struct store **out, struct err_text *why);
void store_close(struct store *st);     /* checkpoints */
void store_abandon(struct store *st);   /* touches nothing */
/* ignore: leave out rows the core cannot read, with an error in the log. */
enum err store_load(struct store *st, struct core *core, bool ignore, struct err_text *why);

enum err store_begin(struct store *st, struct err_text *why);
/* PUT, DEL, SCRIPT_PUT, SCRIPT_DEL; others are no-ops. */
enum err store_effect(struct store *st, const struct effect *e, struct err_text *why);
enum err store_commit(struct store *st, struct err_text *why);
void store_rollback(struct store *st);

/* One reference, or NULL. */
struct job_script *store_script(struct store *st, uint32_t job_id);

size_t store_wal_bytes(const struct store *st);
/* Checkpoint; drop scripts nobody refers to now and then. */
void store_tidy(struct store *st);

#endif
