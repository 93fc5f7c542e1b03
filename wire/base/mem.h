/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory: allocation that aborts when small requests fail, and the arena that
 * a request's decoded message lives in. */
#ifndef WIRE_BASE_MEM_H
#define WIRE_BASE_MEM_H

#include <stddef.h>
#include <string.h>
#include <stdbool.h>

/* Like malloc/calloc/realloc/strdup, but abort when memory is gone.  For
 * sizes the program chose; sizes from outside are limited first. */
void *mem_alloc(size_t n);
void *mem_zalloc(size_t n);
void *mem_realloc(void *p, size_t n);
char *mem_strdup(const char *s);                /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static inline bool streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Bump allocator.  Zero-initialised is empty.  Nothing is freed singly. */
struct arena {
	char *base;
	size_t len, cap;
	struct arena *next;
};

void *arena_alloc(struct arena *a, size_t n);   /* 16-byte aligned, not zeroed */
void *arena_zalloc(struct arena *a, size_t n);
char *arena_strdup(struct arena *a, const char *s);     /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void arena_reset(struct arena *a);              /* keeps one block */
void arena_fini(struct arena *a);               /* frees all; reusable */

#endif
