/* SPDX-License-Identifier: Apache-2.0
 *
 * Asking the other controllers of the list, all at once, away from the main
 * thread. */
#ifndef SLURMCTLD_PEERS_H
#define SLURMCTLD_PEERS_H

#include "slurmctld/ctld.h"

struct peers;

struct peer_answer {
	bool asked;
	enum err result;                /* of the call, or the code it was answered */
	bool has_control;               /* REQUEST_CONTROL_STATUS */
};

struct peers *peers_new(struct ctld *c, uint32_t own);
void peers_free(struct peers *p);       /* waits for those under way */

/* Ask each controller i for which type[i] is not 0.  body may be NULL; it is
 * not kept longer than done, which gets an answer for each controller. */
void peers_ask(struct peers *p, const uint16_t *type, int timeout_sec,
	       void (*done)(void *arg, const struct peer_answer *v), void *arg);
/* Tell whoever has control that we are there (for triggers). */
void peers_tell_up(struct peers *p);

#endif
