/* SPDX-License-Identifier: Apache-2.0
 *
 * File name patterns.  The letters are those of sbatch(1) and srun(1); a
 * number before the letter pads numbers with zeros, up to ten digits. */
#include "slurmd/stepd/pattern.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/strbuf.h"
#include "wire/consts.h"

static void number(struct strbuf *b, unsigned width, uint32_t n)
{
	strbuf_printf(b, "%0*u", (int)width, n);
}

static void text(struct strbuf *b, const char *s)
{
	strbuf_add(b, s ? s : "");
}

/* False when the letter means nothing. */
static bool letter(struct strbuf *b, char c, unsigned width,
		   const struct pattern_values *v)
{
	bool batch = v->step_id == STEP_BATCH;

	switch (c) {
	case 'A':
		number(b, width, v->array_job_id ? v->array_job_id : v->job_id);
		break;
	case 'a':
		number(b, width, v->array_task_id);
		break;
	case 'b':
		number(b, width, v->array_task_id % 10);
		break;
	case 'j':
		number(b, width, v->job_id);
		break;
	case 'J':
		number(b, width, v->job_id);
		if (!batch)
			strbuf_printf(b, ".%u", v->step_id);
		break;
	case 's':
		if (batch)
			strbuf_add(b, "batch");
		else
			number(b, width, v->step_id);
		break;
	case 'n':
		number(b, width, v->node_id);
		break;
	case 't':
		number(b, width, v->task_id);
		break;
	case 'r':
		number(b, width, v->restarts);
		break;
	case 'N':
		text(b, v->node_name);
		break;
	case 'u':
		text(b, v->user);
		break;
	case 'x':
		text(b, v->job_name);
		break;
	case 'S':
		text(b, v->sluid);
		break;
	default:
		return false;
	}
	return true;
}

char *pattern_expand(const char *pattern, const char *dir,
		     const struct pattern_values *v)
{
	bool literal = strchr(pattern, '\\') != NULL;
	struct strbuf b = {0};
	const char *p = pattern;

	if (*p != '/' && dir) {
		strbuf_add(&b, dir);
		if (!b.len || b.s[b.len - 1] != '/')
			strbuf_addc(&b, '/');
	}
	while (*p) {
		const char *start = p;
		unsigned long width = 0;
		char *end;

		if (literal) {
			if (*p != '\\')
				strbuf_addc(&b, *p);
			p++;
			continue;
		}
		if (*p != '%') {
			strbuf_addc(&b, *p++);
			continue;
		}
		if (p[1] == '%') {
			strbuf_addc(&b, '%');
			p += 2;
			continue;
		}
		p++;
		if (*p >= '0' && *p <= '9') {
			width = strtoul(p, &end, 10);
			p = end;
			if (width > 10)
				width = 10;
		}
		if (*p && letter(&b, *p, (unsigned)width, v)) {
			p++;
			continue;
		}
		if (*p)
			p++;
		strbuf_addn(&b, start, (size_t)(p - start));
	}
	return strbuf_take(&b);
}

long pattern_single_task(const char *pattern)
{
	char *end;
	long n;

	if (!pattern || *pattern < '0' || *pattern > '9')
		return -1;
	n = strtol(pattern, &end, 10);
	return *end ? -1 : n;
}
