/* SPDX-License-Identifier: Apache-2.0
 *
 * Core steps on their way to durability: the effects of a step are carried out
 * in order, after its records are on disk. */
#ifndef SLURMCTLD_STEPS_H
#define SLURMCTLD_STEPS_H

#include "slurmctld/ctld.h"

/* The effects of one core step.  Counted: the step queue holds one reference,
 * sends in flight others. */
struct step_out {
	struct effects eff;
	struct request *req;            /* its memory may be borrowed by effects */
	struct steps *home;
	unsigned refs;
	bool durable;                   /* has records to write */
	struct step_out *next;
};

struct steps *steps_new(struct ctld *c);
void steps_free(struct steps *s);
/* Run the core on ev (now is filled in).  req may be NULL; it is kept as long
 * as needed. */
void steps_run(struct ctld *c, struct event *ev, struct request *req);
/* Effects produced outside core_step (core_start): taken over. */
void steps_take(struct ctld *c, struct effects *eff);
/* Hand what is waiting to the journal, carry out what is durable, run the
 * scheduler; after every batch of events. */
void steps_flush(struct ctld *c);
/* Nothing is waiting for the disk. */
bool steps_idle(const struct ctld *c);

void step_out_hold(struct step_out *o);
void step_out_drop(struct step_out *o);

#endif
