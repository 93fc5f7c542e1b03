/* SPDX-License-Identifier: Apache-2.0
 *
 * Which variants of a row did the vectors have: conditions that held and that
 * did not, lists that were absent, empty, full?  For t_vectors --rows. */
#ifndef WIRE_TEST_ROWS_SEEN_H
#define WIRE_TEST_ROWS_SEEN_H

#include "wire/codec_i.h"
#include "wire/messages.h"

enum { ROW_ABSENT = 1, ROW_PRESENT = 2, LIST_NONE = 4, LIST_EMPTY = 8, LIST_FULL = 16,
       ROW_TOLD = 32 };
#define ROWS_MAX 32768          /* a power of two, twice what there are */

struct row_seen {
	const struct wire_field *row;
	uint8_t bits;
};

static struct row_seen rows_seen[ROWS_MAX];

static struct row_seen *row_at(const struct wire_field *f)
{
	size_t k = (uintptr_t)f / sizeof *f * 2654435761u % ROWS_MAX;

	while (rows_seen[k].row && rows_seen[k].row != f)
		k = (k + 1) % ROWS_MAX;
	rows_seen[k].row = f;
	return &rows_seen[k];
}

static bool row_is_list(const struct wire_field *f)
{
	return f->codec >= C_list && f->codec <= C_items;
}

static void rows_look(const struct wire_desc *d, const void *msg, enum wire_version v);

static void rows_look_inside(const struct wire_field *f, const void *msg, enum wire_version v)
{
	const char *p = (const char *)msg + f->off;
	uint32_t n;

	if (f->codec == C_nest || f->codec == C_verbatim) {
		rows_look(f->sub, p, codec_part_version(f, msg, v, NULL));
		return;
	}
	if (!row_is_list(f))
		return;
	p = *(const char *const *)p;
	n = codec_count_of(f, msg);
	row_at(f)->bits |= n && p ? LIST_FULL : p ? LIST_EMPTY : LIST_NONE;
	for (uint32_t k = 0; f->sub && p && k < n; k++)
		if (!codec_hidden(f, msg, k))
			rows_look(f->sub, p + k * f->sub->size, v);
}

static void rows_look(const struct wire_desc *d, const void *msg, enum wire_version v)
{
	const struct wire_field *end;

	for (const struct wire_field *f = codec_rows(d, v, &end); f < end; f++) {
		if (!wire_version_in(v, f->when))
			continue;
		if (!codec_present(f, msg, v)) {
			row_at(f)->bits |= ROW_ABSENT;
			continue;
		}
		row_at(f)->bits |= ROW_PRESENT;
		if (!f->gap && !f->refuse)
			rows_look_inside(f, msg, v);
	}
}

/* What no vector had, of one structure and what is in it. */
static unsigned rows_tell(const struct wire_desc *d)
{
	unsigned missing = 0;

	for (uint16_t k = 0; k < d->count; k++) {
		const struct wire_field *f = &d->field[k];
		struct row_seen *r;
		const char *what = NULL;

		if (f->codec == C_layout)
			continue;
		r = row_at(f);
		if (r->bits & ROW_TOLD)
			continue;
		if (!(r->bits & ROW_PRESENT))
			what = "never there";
		else if (f->cond[0].op != COND_NONE && !(r->bits & ROW_ABSENT))
			what = "always there";
		else if (row_is_list(f) && !(r->bits & LIST_FULL))
			what = "never filled";
		else if (row_is_list(f) && !(r->bits & (LIST_NONE | LIST_EMPTY)))
			what = "never empty";
		r->bits |= ROW_TOLD;
		if (what) {
			printf("# row %s.%s: %s\n", d->name, f->name ? f->name : "(gap)", what);
			missing++;
		}
		if (f->sub && r->bits & ROW_PRESENT)
			missing += rows_tell(f->sub);
	}
	return missing;
}

#endif
