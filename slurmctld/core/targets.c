/* SPDX-License-Identifier: Apache-2.0
 *
 * "12", "12_3", "12_[1-4,7]", "12_*", "12+1", "s0123456789ABC": which records
 * (and which tasks still inside an array's pending record) a request means. */
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
	t->id = id;
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
	t->array = true;
	t->id = id;
	bitset_foreach(i, a->pending) {
		struct job *j = job_find_task(c, id, i);

		if (j) {
			add(t, mem, j, j->array ? i : NO_VAL);
			continue;
		}
		if (!t->missing) {
			t->missing = arena_alloc(mem, bitset_sizeof(a->pending->bits));
			bitset_init(t->missing, a->pending->bits);
		}
		bitset_set(t->missing, i);
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

/* The digits are Crockford's: no I, L, O, U; case and look-alikes are forgiven. */
static uint64_t sluid_read(const char *text)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint64_t v = 0;

	if (strlen(text) != 14)
		return 0;
	for (text++; *text; text++) {
		char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 32) : *text;
		const char *at;

		c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
		at = strchr(digits, c);
		if (!at)
			return 0;
		v = v << 5 | (uint64_t)(at - digits);
	}
	return v;
}

static enum err add_sluid(struct core *c, const char *text, struct arena *mem,
			  struct job_targets *t)
{
	uint64_t sluid = sluid_read(text);

	if (!sluid)
		return E_INVALID_SLUID;
	for (struct job *j = c->job_first; j; j = j->next)
		if (j->sluid == sluid) {
			add(t, mem, j, NO_VAL);
			return E_OK;
		}
	return E_INVALID_JOB_ID;
}

enum err job_targets_find(struct core *c, const char *text, uint32_t id, struct arena *mem,
			  struct job_targets *t)
{
	char *end;
	unsigned long n;

	memset(t, 0, sizeof(*t));
	if (!text || !*text)
		return id && id != NO_VAL ? add_all(c, id, mem, t) : E_INVALID_JOB_ID;
	if (*text == 's')
		return add_sluid(c, text, mem, t);
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

/* ---- answers ----------------------------------------------------------- */

static struct bitset *of_array(struct arena *mem, const struct core *c)
{
	uint32_t bits = c->conf->maxarraysize + 1;
	struct bitset *b = arena_alloc(mem, bitset_sizeof(bits));

	bitset_init(b, bits);
	return b;
}

static void mark(struct bitset *set, uint32_t task)
{
	if (task < set->bits)
		bitset_set(set, task);
}

/* The tasks that got this code. */
static struct bitset *who(struct arena *mem, const struct core *c, const struct job_targets *t,
			  const enum err *rc, enum err code)
{
	struct bitset *set = of_array(mem, c);

	for (uint32_t i = 0; i < t->count; i++) {
		const struct job *j = t->v[i].j;

		if (rc[i] != code)
			continue;
		if (j->array && t->v[i].task == NO_VAL)
			bitset_foreach(b, j->array->pending)
				mark(set, b);
		else
			mark(set, t->v[i].task != NO_VAL ? t->v[i].task : j->array_task_id);
	}
	if (t->missing && code == E_INVALID_JOB_ID)
		bitset_foreach(b, t->missing)
			mark(set, b);
	return set;
}

void job_targets_reply(struct core *c, const struct event *ev, const struct job_targets *t,
		       const enum err *rc, const char *why, struct effects *out)
{
	const char *form = wire_version_in(ev->caller.version, SINCE(26_05)) ? "%u_[%s]" : "%u_%s";
	uint32_t n = t->count + (t->missing != NULL), codes = 0;
	struct bitset **set;
	struct job_array_resp_msg *r;
	enum err *code;

	if (!t->array) {        /* of components the first failure */
		uint32_t i = 0;

		while (i + 1 < t->count && rc[i] == E_OK)
			i++;
		effect_reply_rc_msg(out, ev, t->count ? rc[i] : E_INVALID_JOB_ID,
				    t->count && rc[i] == E_NOT_SUPPORTED ? why : NULL);
		return;
	}
	set = arena_alloc(&out->mem, n * sizeof(*set) + 1);
	code = arena_alloc(&out->mem, n * sizeof(*code) + 1);
	for (uint32_t i = 0; i < n; i++) {
		enum err one = i < t->count ? rc[i] : E_INVALID_JOB_ID;
		struct bitset *of;
		uint32_t k = 0;

		while (k < codes && code[k] != one)
			k++;
		if (k < codes)
			continue;
		of = who(&out->mem, c, t, rc, one);
		/* In order of the first task. */
		for (k = codes++; k && bitset_next(of, 0) < bitset_next(set[k - 1], 0); k--) {
			set[k] = set[k - 1];
			code[k] = code[k - 1];
		}
		set[k] = of;
		code[k] = one;
	}
	r = effect_reply(out, ev, RESPONSE_JOB_ARRAY_ERRORS);
	r->items = arena_zalloc(&out->mem, codes * sizeof(*r->items) + 1);
	r->job_array_count = codes;
	for (uint32_t k = 0; k < codes; k++) {
		char *ranges = bitset_to_ranges(set[k]);

		r->items[k].error_code = (uint32_t)code[k];
		r->items[k].err_msg = code[k] == E_NOT_SUPPORTED ? why : NULL;
		r->items[k].job_array_id = arena_printf(&out->mem, form, t->id, ranges);
		free(ranges);
	}
}
