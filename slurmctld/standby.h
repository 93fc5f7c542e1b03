/* SPDX-License-Identifier: Apache-2.0
 *
 * Being one of several controllers: waiting in standby, taking control, giving
 * it up again. */
#ifndef SLURMCTLD_STANDBY_H
#define SLURMCTLD_STANDBY_H

#include "slurmctld/ctld.h"

struct standby;

/* This host's place in the list; fatal (in stock's words) when it has none. */
uint32_t standby_index(const struct conf *conf);

/* Begin: the primary takes control at once, others watch.  ctld_take_control is
 * called when the lease is ours. */
struct standby *standby_start(struct ctld *c);
void standby_free(struct standby *s);

/* A request while we have no control; owns r. */
void standby_handle(struct ctld *c, struct request *r);
/* Somebody entitled to it wants control: answered once everything is written. */
void standby_give_up(struct ctld *c, struct request *r);

/* SlurmctldPrimaryOnProg, SlurmctldPrimaryOffProg. */
void standby_run_prog(const struct conf *conf, bool on);

#endif
