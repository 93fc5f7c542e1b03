/* SPDX-License-Identifier: Apache-2.0
 *
 * srun --multi-prog: a line a group of ranks, "ranks program arguments".
 * Words are split at blanks; '...' quotes, \ takes the next character (or
 * continues the line), %t is the rank and %o its place in the group. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "slurmd/stepd/step.h"

/* Is rank in "0-3,7" or "*"?  *offset: its place in the list. */
static bool in_ranks(const char *spec, size_t len, uint32_t rank, uint32_t *offset)
{
	uint32_t passed = 0;
	const char *p = spec, *end = spec + len;

	if (len == 1 && *spec == '*') {
		*offset = rank;
		return true;
	}
	while (p < end) {
		unsigned long low, high;
		char *q;

		if (!isdigit((unsigned char)*p))
			return false;
		low = high = strtoul(p, &q, 10);
		if (q < end && *q == '-')
			high = strtoul(q + 1, &q, 10);
		if (rank >= low && rank <= high) {
			*offset = passed + (uint32_t)(rank - low);
			return true;
		}
		if (high >= low)
			passed += (uint32_t)(high - low) + 1;
		if (q < end && *q != ',')
			return false;
		p = q + 1;
	}
	return false;
}

/* The end of a line that may go on after a backslash. */
static const char *line_end(const char *p)
{
	while (*p && *p != '\n')
		p += p[0] == '\\' && p[1] ? 2 : 1;
	return p;
}

struct words {
	struct arena *mem;
	char **v;
	uint32_t n, cap;
};

static void words_add(struct words *w, char *word)
{
	if (w->n + 2 > w->cap) {
		char **v = arena_zalloc(w->mem, (w->cap = w->cap * 2 + 16) * sizeof *v);

		if (w->n)
			memcpy(v, w->v, w->n * sizeof *v);
		w->v = v;
	}
	w->v[w->n++] = word;
	w->v[w->n] = NULL;
}

static const char *word(struct words *w, const char *p, const char *end, uint32_t rank,
			uint32_t offset, const char **error)
{
	struct strbuf b = {0};
	const char *close;

	while (p < end && !isspace((unsigned char)*p)) {
		if (*p == '%' && p + 1 < end) {
			if (p[1] == 't' || p[1] == 'o')
				strbuf_printf(&b, "%u", p[1] == 't' ? rank : offset);
			p += 2;
		} else if (*p == '\\' && p + 1 < end) {
			if (p[1] != '\n')
				strbuf_addc(&b, p[1]);
			p += 2;
		} else if (*p == '\'') {
			close = memchr(p + 1, '\'', (size_t)(end - p - 1));
			if (!close) {
				*error = "Program arguments specification format invalid";
				strbuf_fini(&b);
				return end;
			}
			strbuf_addn(&b, p + 1, (size_t)(close - p - 1));
			p = close + 1;
		} else {
			strbuf_addc(&b, *p++);
		}
	}
	words_add(w, arena_strdup(w->mem, b.s ? b.s : ""));
	strbuf_fini(&b);
	return p;
}

char **multiprog_argv(const char *config, uint32_t rank, char *const *extra,
		      struct arena *mem, const char **error)
{
	struct words w = { .mem = mem };

	*error = NULL;
	for (const char *p = config ? config : ""; *p;) {
		const char *end = line_end(p), *spec;
		uint32_t offset;
		size_t len;

		while (p < end && isspace((unsigned char)*p))
			p++;
		spec = p;
		while (p < end && !isspace((unsigned char)*p))
			p++;
		len = (size_t)(p - spec);
		if (len && *spec != '#' && in_ranks(spec, len, rank, &offset)) {
			while (p < end && !*error) {
				while (p < end && (isspace((unsigned char)*p) ||
						   (p[0] == '\\' && p[1] == '\n')))
					p++;
				if (p < end)
					p = word(&w, p, end, rank, offset, error);
			}
			if (!w.n && !*error)
				*error = "No executable program specified for this task";
			for (; !*error && extra && *extra; extra++)
				words_add(&w, *extra);
			return *error ? NULL : w.v;
		}
		p = *end ? end + 1 : end;
	}
	*error = arena_printf(mem, "Program for task rank %u not specified.", rank);
	return NULL;
}
