/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of a configuration file to logical lines, and lines to key=value.
 * Works on memory only. */
#ifndef CONF_TOKEN_H
#define CONF_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/base/strbuf.h"

struct lines {
	const char *p;          /* rest of the text */
	unsigned next_line;     /* number of the line at p, from 1 */
	uint32_t *hash;         /* of everything read, or NULL */
	/* The line found: comments cut, continuations joined, escapes
	 * resolved.  Valid until the next call. */
	struct strbuf text;
	unsigned line;          /* where it starts */
};

/* False at the end; blank lines are returned too. */
bool lines_next(struct lines *l);
void lines_fini(struct lines *l);

/* One "key = value", "key += value" or "key = "quoted value"". */
struct keyvalue {
	const char *key, *value;        /* not terminated */
	size_t key_len, value_len;
	char op;                /* '+', '-', '*', '/' or '\0' */
};
/* Read one at *p and move *p behind the value; false: none there, *p stays. */
bool keyvalue_next(const char **p, struct keyvalue *kv);

/* First character that is not white space. */
const char *skip_space(const char *p);

#endif
