/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing string. */
#include "wire/base/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/mem.h"

static void room(struct strbuf *b, size_t n)
{
	if (b->cap - b->len > n)
		return;
	b->cap = (b->cap + n + 1) * 2;
	b->s = mem_realloc(b->s, b->cap);
}

void strbuf_addn(struct strbuf *b, const char *s, size_t n)
{
	room(b, n);
	memcpy(b->s + b->len, s, n);
	b->len += n;
	b->s[b->len] = '\0';
}

void strbuf_add(struct strbuf *b, const char *s)
{
	if (s)
		strbuf_addn(b, s, strlen(s));
}

void strbuf_addc(struct strbuf *b, char c)
{
	strbuf_addn(b, &c, 1);
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		abort();
	room(b, (size_t)n);
	va_start(ap, fmt);
	(void)vsnprintf(b->s + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void strbuf_sep(struct strbuf *b, const char *sep)
{
	if (b->len)
		strbuf_add(b, sep);
}

char *strbuf_take(struct strbuf *b)
{
	char *s = b->s ? b->s : mem_strdup("");

	*b = (struct strbuf){0};
	return s;
}

void strbuf_fini(struct strbuf *b)
{
	free(b->s);
	*b = (struct strbuf){0};
}
