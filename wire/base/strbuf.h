/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing string.  Zero-initialised is empty. */
#ifndef WIRE_BASE_STRBUF_H
#define WIRE_BASE_STRBUF_H

#include <stddef.h>

struct strbuf {
	char *s;                /* NUL terminated once anything was added */
	size_t len, cap;
};

void strbuf_add(struct strbuf *b, const char *s);
void strbuf_addn(struct strbuf *b, const char *s, size_t n);
void strbuf_addc(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Add sep first unless the buffer is empty. */
void strbuf_sep(struct strbuf *b, const char *sep);
char *strbuf_take(struct strbuf *b);    /* heap string, caller frees; never NULL */
void strbuf_fini(struct strbuf *b);

#endif
