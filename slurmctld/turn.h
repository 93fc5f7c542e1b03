/* SPDX-License-Identifier: Apache-2.0
 *
 * Whose turn it is among the controllers of a list: what one that has no
 * control answers, when it asks the others, when it tries to take over.  Pure;
 * times are seconds of a clock that only goes forward. */
#ifndef SLURMCTLD_TURN_H
#define SLURMCTLD_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/base/err.h"

struct turn {
	uint32_t index;                 /* ours; 0 is the primary */
	uint32_t count;
	int64_t timeout;                /* SlurmctldTimeout */
	int64_t heard;                  /* somebody before us was there */
	int64_t looked;                 /* last question to them */
	int64_t missed;                 /* last one that nobody answered ended */
	bool asked;                     /* scontrol takeover */
};

/* Place of this host in the list, -1 if it is not there.  An entry "a,b" (with
 * one address that moves between them) is for either. */
int turn_index(char *const *hosts, uint32_t count, const char *short_name,
	       const char *long_name);

void turn_start(struct turn *t, uint32_t index, uint32_t count, int64_t timeout, int64_t now);
/* Ask those before us whether they are there? */
bool turn_look_due(const struct turn *t, int64_t now);
/* Their silence (and that of the lease, which last changed at lease_changed)
 * has lasted long enough, and was heard to: time that passed while nobody
 * listened does not count. */
bool turn_take_due(const struct turn *t, int64_t lease_changed);

enum turn_act {
	TURN_ANSWER,            /* with the code */
	TURN_STATUS,            /* tell place and time of control */
	TURN_END,               /* answer, then end */
	TURN_TAKE               /* tell the others, answer, take over */
};
enum turn_act turn_request(uint16_t type, bool admin, enum err *code);

/* What a controller that wants control asks of another. */
enum turn_wish { WISH_NOTHING, WISH_CONTROL, WISH_END };
enum turn_wish turn_wish(const struct turn *t, uint32_t other);

#endif
