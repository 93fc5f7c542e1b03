/* SPDX-License-Identifier: Apache-2.0
 *
 * The connection with the accounting service (slurmdbd): open as long as we
 * have control, made again when it breaks.  One thread of its own; the
 * functions here are the main thread's. */
#ifndef SLURMCTLD_DBD_H
#define SLURMCTLD_DBD_H

#include "slurmctld/ctld.h"

struct dbd;

/* NULL without AccountingStorageType=accounting_storage/slurmdbd. */
struct dbd *dbd_new(struct ctld *c);
void dbd_free(struct dbd *d);           /* NULL is a no-op */
/* The service asks for it: tell again where we are and what the cluster has. */
void dbd_register(struct dbd *d);

/* ---- pure, for tests --------------------------------------------------- */
/* "1=8,2=2000,..." for the cluster's nodes. */
void dbd_tres_text(uint64_t cpus, uint64_t memory_mb, uint32_t nodes, char *out, size_t size);
/* Which release to try after v was refused; false: none is left. */
bool dbd_next_version(enum wire_version *v);
/* Seconds to wait before the n-th attempt. */
int dbd_pause_sec(unsigned attempt);

#endif
