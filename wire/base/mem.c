/* SPDX-License-Identifier: Apache-2.0
 *
 * Aborting allocators and the arena. */
#include "wire/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_BLOCK 4096

void *mem_alloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *mem_zalloc(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		abort();
	return p;
}

void *mem_realloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		abort();
	return p;
}

char *mem_strndup(const char *s, size_t n)
{
	char *d = mem_alloc(n + 1);

	memcpy(d, s, n);
	d[n] = '\0';
	return d;
}

char *mem_strdup(const char *s)
{
	return s ? mem_strndup(s, strlen(s)) : NULL;
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s = NULL;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		abort();
	va_end(ap);
	return s;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p;

	if (n > SIZE_MAX / 2)
		abort();
	n = (n + 15) & ~(size_t)15;
	if (a->cap - a->len < n) {
		struct arena *old = NULL;
		size_t cap = a->cap ? a->cap * 2 : ARENA_BLOCK;

		if (a->base) {
			old = mem_alloc(sizeof *old);
			*old = *a;
		}
		if (cap > (size_t)1 << 20)
			cap = (size_t)1 << 20;
		a->cap = n > cap ? n : cap;
		a->len = 0;
		a->next = old;
		a->base = mem_alloc(a->cap);
	}
	p = a->base + a->len;
	a->len += n;
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	return n ? memset(p, 0, n) : p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *d = arena_alloc(a, n + 1);

	memcpy(d, s, n);
	d[n] = '\0';
	return d;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	int n;
	char *s;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	s = arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	(void)vsnprintf(s, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return s;
}

void arena_reset(struct arena *a)
{
	while (a->next) {
		struct arena *n = a->next;

		free(a->base);
		*a = *n;
		free(n);
	}
	a->len = 0;
}

void arena_fini(struct arena *a)
{
	arena_reset(a);
	free(a->base);
	*a = (struct arena){0};
}
