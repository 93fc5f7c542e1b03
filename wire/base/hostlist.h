/* SPDX-License-Identifier: Apache-2.0
 *
 * Host list expressions: "c[1-4,7],q1", "r[1-2]n[01-16]" (several ranges in
 * one name), zero padding kept.  Pure; no lookups. */
#ifndef WIRE_BASE_HOSTLIST_H
#define WIRE_BASE_HOSTLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/base/err.h"
#include "wire/base/mem.h"

/* More hosts than this in one expression is refused (E_INVALID_NODE_NAME). */
#define HOSTLIST_MAX 262144

/* Expand expr in order, duplicates kept.  *names is an array in mem of
 * *count strings in mem; untouched on failure.  NULL or "" gives 0 names. */
enum err hostlist_expand(const char *expr, struct arena *mem, char ***names,
			 uint32_t *count, struct err_text *why);

/* The compressed form that stock prints for these names in this order:
 * consecutive numbers become ranges ("c[1-4]"), order is kept, duplicates are
 * kept.  Heap string, caller frees; "" for none. */
char *hostlist_compress(const char *const *names, uint32_t count);

/* Same after sorting by (prefix, width, number) and dropping duplicates, as
 * node bitmaps are printed. */
char *hostlist_compress_sorted(const char *const *names, uint32_t count);

/* The order hostlist_compress_sorted uses: <0, 0, >0. */
int hostlist_name_cmp(const char *a, const char *b);

#endif
