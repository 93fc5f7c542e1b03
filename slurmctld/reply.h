/* SPDX-License-Identifier: Apache-2.0
 *
 * Carrying out the core's answers. */
#ifndef SLURMCTLD_REPLY_H
#define SLURMCTLD_REPLY_H

#include "slurmctld/steps.h"

void reply_send(struct ctld *c, const struct effect *e, struct step_out *o);    /* EFF_REPLY */
void reply_script(struct ctld *c, const struct effect *e);      /* EFF_SCRIPT_REPLY */

#endif
