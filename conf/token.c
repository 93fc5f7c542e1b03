/* SPDX-License-Identifier: Apache-2.0
 *
 * The lexical rules are those of stock: '#' starts a comment unless an odd
 * number of backslashes precedes it; a backslash at the end of a line (blanks
 * may follow it) joins the next one; any other backslash takes the character
 * behind it as it is. */
#include "conf/token.h"

#include <ctype.h>
#include <string.h>

/* One character of the hash that daemons compare: a 16 bit CRC step, but kept
 * in 32 bits.  The sign of char takes part in it, as it does in stock, so the
 * value for text beyond ASCII depends on the machine. */
static uint32_t hash_step(uint32_t h, char c)
{
	h ^= (uint32_t)(int)c << 8;
	for (int i = 0; i < 8; i++)
		h = h & 0x8000 ? h << 1 ^ 0x1021 : h << 1;
	return h;
}

/* Length without the comment. */
static size_t cut_comment(const char *s, size_t n)
{
	bool escaped = false;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '#' && !escaped)
			return i;
		escaped = s[i] == '\\' && !escaped;
	}
	return n;
}

/* Does the line go on?  *n loses the backslash and what follows it. */
static bool cut_continuation(const char *s, size_t *n)
{
	size_t end = *n, slashes = 0;

	while (end && isspace((unsigned char)s[end - 1]))
		end--;
	while (slashes < end && s[end - 1 - slashes] == '\\')
		slashes++;
	if (slashes % 2 == 0)
		return false;
	*n = end - 1;
	return true;
}

static void strip_escapes(struct strbuf *b)
{
	size_t to = 0;

	for (size_t i = 0; i < b->len; i++) {
		if (b->s[i] == '\\' && i + 1 == b->len)
			break;
		if (b->s[i] == '\\')
			i++;
		b->s[to++] = b->s[i];
	}
	b->len = to;
	if (b->s)
		b->s[to] = '\0';
}

bool lines_next(struct lines *l)
{
	bool more = true;

	if (!*l->p)
		return false;
	l->text.len = 0;
	strbuf_add(&l->text, "");
	l->line = l->next_line;
	while (more && *l->p) {
		size_t raw = strcspn(l->p, "\n"), n;

		raw += l->p[raw] == '\n';
		if (l->hash)
			for (size_t i = 0; i < raw; i++)
				*l->hash = hash_step(*l->hash, l->p[i]);
		n = cut_comment(l->p, raw);
		more = cut_continuation(l->p, &n);
		strbuf_addn(&l->text, l->p, n);
		l->p += raw;
		l->next_line++;
	}
	strip_escapes(&l->text);
	return true;
}

void lines_fini(struct lines *l)
{
	strbuf_fini(&l->text);
}

const char *skip_space(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static bool is_end(char c)
{
	return c == '\0' || isspace((unsigned char)c);
}

bool keyvalue_next(const char **p, struct keyvalue *kv)
{
	const char *s = skip_space(*p), *close;

	kv->key = s;
	while (isalnum((unsigned char)*s) || *s == '_' || *s == '.')
		s++;
	kv->key_len = (size_t)(s - kv->key);
	s = skip_space(s);
	kv->op = '\0';
	if (*s && strchr("+-*/", *s))
		kv->op = *s++;
	if (!kv->key_len || *s != '=')
		return false;
	s = skip_space(s + 1);
	close = *s == '"' ? strchr(s + 1, '"') : NULL;
	if (close && is_end(close[1])) {
		kv->value = s + 1;
		kv->value_len = (size_t)(close - s - 1);
		*p = close + 1;
		return true;
	}
	kv->value = s;
	while (!is_end(*s))
		s++;
	kv->value_len = (size_t)(s - kv->value);
	if (!kv->value_len)
		return false;
	*p = s;
	return true;
}
