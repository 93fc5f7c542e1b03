/* SPDX-License-Identifier: Apache-2.0
 *
 * "12", "12_3", "12_[1-4,7]", "12_*", "12+1": which records (and which tasks still
 * inside an array's pending record) a request means. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

static void add(struct job_targets *t, struct arena *mem, struct job *j, uint32_t task)
{
	struct job_target *v;

	if ((t->count & (t->count - 1)) == 0) {
		v = arena_alloc(mem, (t->count ? t->count * 2 : 1) * sizeof(*v));
		if (t->count)
			memcpy(v, t->v, t->count * sizeof(*v));
		t->v = v;
	}
	t->v[t->count++] = (struct job_target){ j, task };
}

static enum err add_all(struct core *c, uint32_t id, struct arena *mem, struct job_targets *t)
{
	struct job *j = job_array_first(c, id);

	/* The id of one task names that task only. */
	if (!j) {
		j = job_find(c, id);
		if (!j)
			return E_INVALID_JOB_ID;
		t->part = het_is_part(j);
		for (; j; j = het_is_part(j) && t->part ? NULL : j->het_next)
			add(t, mem, j, NO_VAL);
		return E_OK;
	}
	t->array = true;
	for (; j; j = job_array_next(j))
		add(t, mem, j, NO_VAL);
	return E_OK;
}

static enum err add_tasks(struct core *c, uint32_t id, const char *text, struct arena *mem,
			  struct job_targets *t)
{
	struct job_array *a = NULL;
	enum err rc = array_parse(c, text, &a);

	if (rc != E_OK)
		return E_INVALID_JOB_ID;
	t->array = bitset_count(a->pending) > 1;
	bitset_foreach(i, a->pending) {
		struct job *j = job_find_task(c, id, i);

		if (j)
			add(t, mem, j, j->array ? i : NO_VAL);
	}
	array_free(a);
	return t->count ? E_OK : E_INVALID_JOB_ID;
}

/* "12+1" */
static enum err add_component(struct core *c, uint32_t id, const char *text, struct arena *mem,
			      struct job_targets *t)
{
	struct job *j;
	char *end;
	unsigned long offset;

	if (*text < '0' || *text > '9')
		return E_INVALID_JOB_ID;
	offset = strtoul(text, &end, 10);
	if (*end || offset >= NO_VAL)
		return E_INVALID_JOB_ID;
	j = het_find(c, id, (uint32_t)offset);
	if (!j)
		return E_INVALID_JOB_ID;
	add(t, mem, j, NO_VAL);
	t->part = het_is_part(j);
	t->by_offset = true;
	return E_OK;
}

enum err job_targets_find(struct core *c, const char *text, uint32_t id, struct arena *mem,
			  struct job_targets *t)
{
	char *end;
	unsigned long n;

	memset(t, 0, sizeof(*t));
	if (!text || !*text)
		return id && id != NO_VAL ? add_all(c, id, mem, t) : E_INVALID_JOB_ID;
	n = strtoul(text, &end, 10);
	if (end == text || !n || n >= NO_VAL)
		return E_INVALID_JOB_ID;
	if (!*end)
		return add_all(c, (uint32_t)n, mem, t);
	if (streq(end, "_*") || streq(end, "_[*]"))
		return add_all(c, (uint32_t)n, mem, t);
	if (*end == '_')
		return add_tasks(c, (uint32_t)n, end + 1, mem, t);
	if (*end == '+')
		return add_component(c, (uint32_t)n, end + 1, mem, t);
	return E_INVALID_JOB_ID;
}

/* The same for the whole job. */
void job_targets_whole(struct core *c, struct arena *mem, struct job_targets *t)
{
	struct job *l = het_leader(c, t->v[0].j);

	if (!l)
		return;
	t->count = 0;
	t->part = t->by_offset = false;
	for (struct job *k = l; k; k = k->het_next)
		add(t, mem, k, NO_VAL);
}

struct job *job_target_alone(struct core *c, const struct job_target *t)
{
	return t->task == NO_VAL || !t->j->array ? t->j : array_split(c, t->j, t->task);
}
