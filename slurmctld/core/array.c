/* SPDX-License-Identifier: Apache-2.0
 *
 * Job arrays.  Tasks that have not started share one record, the head, whose
 * id is the array's.  A task gets a record and an id of its own when it starts
 * (or is changed alone); the last one keeps the head's. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

void array_free(struct job_array *a)
{
	if (!a)
		return;
	bitset_free(a->pending);
	free(a);
}

static bool number(const char **p, uint32_t max, uint32_t *out)
{
	char *end;
	unsigned long v;

	if (**p < '0' || **p > '9')
		return false;
	v = strtoul(*p, &end, 10);
	if (v >= max)
		return false;
	*p = end;
	*out = (uint32_t)v;
	return true;
}

/* "3", "1-7", "1-7:2" */
static bool range(const char **p, uint32_t max, struct bitset *set)
{
	uint32_t a, b, step = 1;

	if (!number(p, max, &a))
		return false;
	b = a;
	if (**p == '-') {
		++*p;
		if (!number(p, max, &b))
			return false;
		if (**p == ':') {
			++*p;
			if (!number(p, UINT32_MAX, &step) || !step)
				return false;
		}
	}
	if (b < a)
		return false;
	for (uint64_t i = a; i <= b; i += step)
		bitset_set(set, (uint32_t)i);
	return true;
}

enum err array_parse(const struct core *c, const char *text, struct job_array **out)
{
	uint32_t max = c->conf->maxarraysize, last;
	struct job_array *a;
	struct bitset *set;
	const char *p = text;
	bool bracket;

	if (!p || !max)
		return E_INVALID_ARRAY;
	bracket = *p == '[';
	if (bracket)
		p++;
	a = mem_zalloc(sizeof(*a));
	set = a->pending = bitset_new(max);
	while (range(&p, max, set) && *p == ',')
		p++;
	if (bracket && *p == ']')
		p++;
	if (*p == '%') {
		char *end;
		unsigned long v = strtoul(p + 1, &end, 10);

		bool bad = end == p + 1 || v >= UINT32_MAX;

		a->max_running = bad ? 0 : (uint32_t)v;         /* 0: no limit */
		p = end;
		if (bracket && *p == ']')
			p++;
		if (bad)
			p = "bad";
	}
	last = bitset_last(set);
	if (*p || last == UINT32_MAX) {
		array_free(a);
		return E_INVALID_ARRAY;
	}
	/* No larger than needed. */
	a->pending = bitset_new(last + 1);
	bitset_foreach(i, set)
		bitset_set(a->pending, i);
	bitset_free(set);
	a->total = bitset_count(a->pending);
	*out = a;
	return E_OK;
}

struct job *array_head(const struct core *c, const struct job *j)
{
	struct job *h = j->array_job_id ? job_find(c, j->array_job_id) : NULL;

	return h && h->array ? h : NULL;
}

static struct job *copy_of(struct core *c, const struct job *head)
{
	struct job *j = job_new();
	size_t n = job_strings_size(head->strings);

	*j = *head;
	j->strings = n ? memcpy(mem_alloc(n), head->strings, n) : NULL;
	j->part_nodes_cache = NULL;
	j->alloc = j->past = NULL;
	j->array = NULL;
	j->steps = NULL;
	j->hash_next = j->prev = j->next = j->array_next = NULL;
	j->queued = NULL;
	j->dirty = j->listed = j->dep_listed = false;
	j->dirty_next = NULL;
	j->timer = NEVER;
	j->id = job_next_id(c);
	j->sluid = job_next_sluid(c);
	return j;
}

struct job *array_split(struct core *c, struct job *head, uint32_t task)
{
	struct job *j;

	if (bitset_count(head->array->pending) <= 1) {
		head->array_task_id = task;
		array_free(head->array);
		head->array = NULL;
		job_dirty(c, head);
		return head;
	}
	j = copy_of(c, head);
	bitset_clear(head->array->pending, task);
	j->array_task_id = task;
	job_add(c, j);
	job_dirty(c, j);
	job_dirty(c, head);
	return j;
}
