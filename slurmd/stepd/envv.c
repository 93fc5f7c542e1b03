/* SPDX-License-Identifier: Apache-2.0
 *
 * Environments.  Names are unique: the first entry of a name is the only one,
 * so that what a program reads does not depend on which duplicate it finds. */
#include "slurmd/stepd/envv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/mem.h"

static uint32_t find(const struct envv *e, const char *name, size_t len)
{
	uint32_t i;

	for (i = 0; i < e->n; i++)
		if (!strncmp(e->v[i], name, len) && e->v[i][len] == '=')
			break;
	return i;
}

static void put_owned(struct envv *e, char *entry, size_t name_len)
{
	uint32_t i = find(e, entry, name_len);

	if (i < e->n) {
		free(e->v[i]);
		e->v[i] = entry;
		return;
	}
	if (e->n + 2 > e->cap) {
		e->cap = e->cap ? e->cap * 2 : 64;
		e->v = mem_realloc(e->v, e->cap * sizeof *e->v);
	}
	e->v[e->n++] = entry;
	e->v[e->n] = NULL;
}

void envv_put(struct envv *e, const char *entry)
{
	const char *eq = entry ? strchr(entry, '=') : NULL;

	if (eq && eq != entry)
		put_owned(e, mem_strdup(entry), (size_t)(eq - entry));
}

void envv_set(struct envv *e, const char *name, const char *fmt, ...)
{
	size_t len = strlen(name);
	char *value, *entry;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&value, fmt, ap) < 0)
		abort();
	va_end(ap);
	entry = mem_alloc(len + strlen(value) + 2);
	memcpy(entry, name, len);
	entry[len] = '=';
	memcpy(entry + len + 1, value, strlen(value) + 1);
	free(value);
	put_owned(e, entry, len);
}

const char *envv_get(const struct envv *e, const char *name)
{
	size_t len = strlen(name);
	uint32_t i = find(e, name, len);

	return i < e->n ? e->v[i] + len + 1 : NULL;
}

static void drop(struct envv *e, uint32_t i)
{
	free(e->v[i]);
	memmove(e->v + i, e->v + i + 1, (e->n - i) * sizeof *e->v);
	e->n--;
}

void envv_unset(struct envv *e, const char *name)
{
	uint32_t i = find(e, name, strlen(name));

	if (i < e->n)
		drop(e, i);
}

void envv_unset_prefix(struct envv *e, const char *prefix)
{
	size_t len = strlen(prefix);

	for (uint32_t i = 0; i < e->n;)
		if (!strncmp(e->v[i], prefix, len))
			drop(e, i);
		else
			i++;
}

void envv_copy(struct envv *to, const struct envv *from)
{
	*to = (struct envv){0};
	to->cap = from->n + 32;
	to->v = mem_alloc(to->cap * sizeof *to->v);
	for (uint32_t i = 0; i < from->n; i++)
		to->v[i] = mem_strdup(from->v[i]);
	to->n = from->n;
	to->v[to->n] = NULL;
}

void envv_fini(struct envv *e)
{
	for (uint32_t i = 0; i < e->n; i++)
		free(e->v[i]);
	free(e->v);
	*e = (struct envv){0};
}
