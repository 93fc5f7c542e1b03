/* SPDX-License-Identifier: Apache-2.0
 *
 * The one list of failures.  A function that can fail returns enum err; the
 * numbers are those of the wire (docs/errors: 22.05 to 26.05 agree on all of
 * them), so a handler's result is the client's return code.
 */
#ifndef WIRE_BASE_ERR_H
#define WIRE_BASE_ERR_H

#include <stddef.h>
#include <stdint.h>

enum err {
	E_OK = 0,
	E_FAIL = -1,            /* SLURM_ERROR: no better word exists */
#define ERR(name, number, text) E_##name = number,
#include "wire/base/err.def"
#undef ERR
};

/* Why something failed, in words a user will read.  Optional everywhere. */
struct err_text {
	char text[512];
};

/* Store a formatted reason in *why (may be NULL) and return code. */
enum err err_set(struct err_text *why, enum err code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Static text of a code, as stock clients print it; never NULL.  Plain errno
 * values (below 1000) give strerror()'s text. */
const char *err_str(int code);

#endif
