/* SPDX-License-Identifier: Apache-2.0
 *
 * The eight releases, as protocol versions, and the layouts of the journal's
 * rows after them.  Compared inside wire/ only; code elsewhere passes
 * enum wire_version through. */
#ifndef WIRE_VERSION_H
#define WIRE_VERSION_H

#include <stdbool.h>
#include <stdint.h>

enum wire_version {
	V22_05, V23_02, V23_11, V24_05, V24_11, V25_05, V25_11, V26_05,
	WIRE_VERSION_COUNT,
	/* Layouts of wire/proto/state.def.  A change that lands takes the next
	 * number: new members are SINCE(S<n>), those dropped UNTIL(S<n>). */
	VS1 = WIRE_VERSION_COUNT,
	VS2,            /* nodes: reboot_time */
	VS3,            /* crontabs, lines of cron jobs */
	VS4,            /* programs at the controller that run for a job */
	VS5,            /* nodes: cpu_bind */
	VS6,            /* nodes: power_time */
	VS7,            /* nodes, partitions: topology */
	VS8,            /* reservations: cores, burst buffer, watts */
	VS9,            /* numbers of gres devices */
	VS10,           /* sackd hosts */
	WIRE_LAYOUT_COUNT
};
#define STATE_LAYOUT_OLDEST VS1
#define STATE_LAYOUT_NEWEST ((enum wire_version)(WIRE_LAYOUT_COUNT - 1))
#define WIRE_VERSION_OLDEST V22_05
#define WIRE_VERSION_NEWEST V26_05

/* Gates for message rows; combine with &. */
#define ALL       UINT64_MAX
#define SINCE(v)  (ALL << V##v)
#define UNTIL(v)  (~(ALL << V##v))              /* before v */
#define ONLY(v)   (UINT64_C(1) << V##v)

/* Is v among the releases of a gate: wire_version_in(v, SINCE(23_11)).  For
 * the few facts outside wire/ that differ by release (defaults of keys). */
static inline bool wire_version_in(enum wire_version v, uint64_t when)
{
	return when >> v & 1;
}

/* Releases to try on a daemon that has not said its own: each is understood by
 * those of several releases, and together by all.  k below WIRE_VERSION_GUESSES. */
#define WIRE_VERSION_GUESSES 3u
static inline enum wire_version wire_version_guess(unsigned k)
{
	static const enum wire_version all[WIRE_VERSION_GUESSES] = { V24_11, V23_11, V22_05 };

	return all[k];
}

/* The number of a journal's layout, from 1. */
static inline unsigned state_layout_number(enum wire_version v)
{
	return (unsigned)v - VS1 + 1;
}

/* The number in a message header: 22.05 is 38 << 8. */
static inline uint16_t wire_version_number(enum wire_version v)
{
	return (uint16_t)((38u + (unsigned)v) << 8);
}

/* False (and *v unchanged) when no release has this number. */
static inline bool wire_version_find(uint16_t number, enum wire_version *v)
{
	unsigned major = number >> 8;

	if (number & 0xff || major < 38 || major >= 38 + WIRE_VERSION_COUNT)
		return false;
	*v = (enum wire_version)(major - 38);
	return true;
}

static inline enum wire_version wire_version_min(enum wire_version a,
						 enum wire_version b)
{
	return a < b ? a : b;
}

/* Does a stock program of one release speak another? */
bool wire_stock_speaks(enum wire_version program, enum wire_version spoken);
/* "22.05"; static. */
const char *wire_version_name(enum wire_version v);
/* Version of a program's text such as "slurm 24.11.5" or "22.05.8". */
bool wire_version_parse(const char *text, enum wire_version *v);

#endif
