/* SPDX-License-Identifier: Apache-2.0
 *
 * An environment: NULL terminated "NAME=value" strings, on the heap. */
#ifndef STEPD_ENVV_H
#define STEPD_ENVV_H

#include <stdbool.h>
#include <stdint.h>

struct envv {
	char **v;               /* NULL terminated once anything was added */
	uint32_t n, cap;
};

/* Set NAME to a formatted value, replacing any earlier one. */
void envv_set(struct envv *e, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Set from "NAME=value" text; text without '=' or with an empty name is
 * ignored. */
void envv_put(struct envv *e, const char *entry);
/* Value, or NULL.  Valid until the entry is changed. */
const char *envv_get(const struct envv *e, const char *name);
void envv_unset(struct envv *e, const char *name);
/* Unset every name that starts with prefix. */
void envv_unset_prefix(struct envv *e, const char *prefix);
void envv_copy(struct envv *to, const struct envv *from);
void envv_fini(struct envv *e);

#endif
