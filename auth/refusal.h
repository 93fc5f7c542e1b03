/* SPDX-License-Identifier: Apache-2.0
 *
 * How often a refusal is written down.  Refusals cost their sender nothing, so
 * a storm of them must not fill the log; but one host's storm, or one kind of
 * message, must not hide another's.  Each sort has an allowance of its own. */
#ifndef SLUICE_AUTH_REFUSAL_H
#define SLUICE_AUTH_REFUSAL_H

#include <stdbool.h>
#include <stdint.h>

#define REFUSAL_BURST 20u       /* lines in a row, then one a second */
#define REFUSAL_SORTS 64u       /* remembered at a time */

struct refusal_limit {
	struct refusal_sort {
		uint64_t key;
		int64_t sec;            /* when last asked for */
		uint32_t used;          /* of the burst */
		uint32_t left_out;      /* since the last line */
	} sort[REFUSAL_SORTS];
};

/* May one of this sort (any hash of it) be written at now, in seconds of a
 * clock that never goes back?  If so *left_out is how many were not since the
 * last that was.  A sort that nobody asked for lately gives up its place. */
bool refusal_take(struct refusal_limit *l, uint64_t key, int64_t now, uint32_t *left_out);

/* One line at error level about a message from peer ("host:port"), unless its
 * host has had its share of lines of this sort (a word) and type. */
__attribute__((format(printf, 4, 5)))
void refusal_say(const char *peer, uint16_t type, const char *sort, const char *fmt, ...);

#endif
