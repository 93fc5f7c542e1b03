/* SPDX-License-Identifier: Apache-2.0
 *
 * Job records: where they are found, their packed strings, and the one place
 * where a job's state changes.
 *
 *                        +------------------------------------------+
 *                        |                requeue                   |
 *                        v                                          |
 *   (submit) ------> PENDING ------> RUNNING <------> SUSPENDED     |
 *                        |              |                 |         |
 *                        |              +--------+--------+         |
 *                        v                       v                  |
 *                 CANCELLED, FAILED,     COMPLETED, CANCELLED,      |
 *                 DEADLINE, NODE_FAIL    FAILED, TIMEOUT, NODE_FAIL,|
 *                        |               PREEMPTED, BOOT_FAIL,      |
 *                        |               DEADLINE, OUT_OF_MEMORY ---+
 *                        |                       | + COMPLETING until
 *                        v                       v   the nodes are clean
 *                     (purged after MinJobAge) <-+
 *
 * A requeued job is PENDING + COMPLETING until its nodes are clean, then
 * plain PENDING, and only then the scheduler sees it. */
#include <assert.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"

#define HASH_FIRST 1024

/* ---- strings: (id byte, text, NUL)... 0xff ----------------------------- */

#define STR_END 0xff
_Static_assert(JS_COUNT < STR_END, "string ids are a byte");

static char *str_find(char *block, uint8_t id)
{
	char *p = block;

	if (!p)
		return NULL;
	while ((uint8_t)*p != STR_END && (uint8_t)*p != id)
		p += strlen(p + 1) + 2;
	return p;
}

const char *job_str(const struct job *j, enum job_string s)
{
	const char *p = str_find(j->strings, (uint8_t)s);

	return p && (uint8_t)*p == s ? p + 1 : NULL;
}

size_t job_strings_size(const char *block)
{
	const char *p = block;

	if (!p)
		return 0;
	while ((uint8_t)*p != STR_END)
		p += strlen(p + 1) + 2;
	return (size_t)(p - block) + 1;
}

bool job_strings_valid(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;

	while (p < end && *p != STR_END) {
		const uint8_t *z = memchr(p + 1, 0, (size_t)(end - p - 1));

		if (!z)
			return false;
		p = z + 1;
	}
	return p + 1 == end;
}

void job_str_set(struct job *j, enum job_string s, const char *value)
{
	size_t total = job_strings_size(j->strings), old_len = 0, new_len, at;
	char *p = str_find(j->strings, (uint8_t)s), *copy = NULL;

	if (value && !*value)
		value = NULL;
	if (!value && (!p || (uint8_t)*p != s))
		return;
	if (p && (uint8_t)*p == s) {
		if (value && strcmp(p + 1, value) == 0)
			return;
		old_len = strlen(p + 1) + 2;
	}
	/* value may point into the block that moves */
	if (value && j->strings && value >= j->strings && value < j->strings + total)
		value = copy = mem_strdup(value);
	new_len = value ? strlen(value) + 2 : 0;
	at = p ? (size_t)(p - j->strings) : 0;
	if (!j->strings) {
		j->strings = mem_alloc(new_len + 1);
		total = 1;
		j->strings[0] = (char)STR_END;
	} else if (new_len > old_len) {
		j->strings = mem_realloc(j->strings, total - old_len + new_len);
	}
	memmove(j->strings + at + new_len, j->strings + at + old_len, total - at - old_len);
	if (value) {
		j->strings[at] = (char)s;
		memcpy(j->strings + at + 1, value, new_len - 1);
	}
	free(copy);
}

/* ---- finding ----------------------------------------------------------- */

static struct job **bucket(const struct core *c, uint32_t id)
{
	return &c->job_hash[id & (c->job_hash_size - 1)];
}

static struct job **array_bucket(const struct core *c, uint32_t id)
{
	return &c->array_hash[id & (c->job_hash_size - 1)];
}

struct job *job_find(const struct core *c, uint32_t id)
{
	struct job *j = c->job_hash_size ? *bucket(c, id) : NULL;

	while (j && j->id != id)
		j = j->hash_next;
	return j;
}

struct job *job_array_first(const struct core *c, uint32_t array_job_id)
{
	struct job *j = c->job_hash_size && array_job_id ? *array_bucket(c, array_job_id) : NULL;

	while (j && j->array_job_id != array_job_id)
		j = j->array_next;
	return j;
}

struct job *job_array_next(const struct job *j)
{
	uint32_t id = j->array_job_id;

	do
		j = j->array_next;
	while (j && j->array_job_id != id);
	return (struct job *)(uintptr_t)j;
}

struct job *job_find_task(const struct core *c, uint32_t array_job_id, uint32_t task_id)
{
	struct job *head = NULL;

	for (struct job *j = job_array_first(c, array_job_id); j; j = job_array_next(j)) {
		if (j->array_task_id == task_id)
			return j;
		if (j->array && bitset_test(j->array->pending, task_id))
			head = j;
	}
	return head;
}

static void hash_link(struct core *c, struct job *j)
{
	struct job **b = bucket(c, j->id);

	j->hash_next = *b;
	*b = j;
}

void job_array_link(struct core *c, struct job *j)
{
	struct job **b = array_bucket(c, j->array_job_id);

	if (!j->array_job_id)
		return;
	j->array_next = *b;
	*b = j;
}

static void hash_grow(struct core *c)
{
	uint32_t size = c->job_hash_size ? c->job_hash_size * 2 : HASH_FIRST;

	if (c->job_count < c->job_hash_size)
		return;
	free(c->job_hash);
	free(c->array_hash);
	c->job_hash = mem_zalloc(size * sizeof(*c->job_hash));
	c->array_hash = mem_zalloc(size * sizeof(*c->array_hash));
	c->job_hash_size = size;
	for (struct job *j = c->job_first; j; j = j->next) {
		hash_link(c, j);
		job_array_link(c, j);
	}
}

static void hash_unlink(struct core *c, struct job *j)
{
	struct job **b = bucket(c, j->id);

	while (*b != j)
		b = &(*b)->hash_next;
	*b = j->hash_next;
	if (!j->array_job_id)
		return;
	b = array_bucket(c, j->array_job_id);
	while (*b != j)
		b = &(*b)->array_next;
	*b = j->array_next;
}

/* ---- life of a record -------------------------------------------------- */

struct job *job_new(void)
{
	struct job *j = mem_zalloc(sizeof(*j));

	job_defaults(j);
	j->array_task_id = NO_VAL;
	j->timer = NEVER;
	return j;
}

static bool in_queue(const struct job *j)
{
	return job_is_pending(j) && !job_is_completing(j);
}

static void queue_follow(struct core *c, struct job *j)
{
	bool want = in_queue(j);

	if (!c->started || want == j->listed)
		return;
	j->listed = want;
	if (want)
		sched_job_added(c, j);
	else
		sched_job_removed(c, j);
	c->wants_sched = true;
}

void job_add(struct core *c, struct job *j)
{
	struct job *after = c->job_last;

	hash_grow(c);
	hash_link(c, j);
	job_array_link(c, j);
	if (c->started)
		het_link(c, j);
	while (after && after->id > j->id)
		after = after->prev;
	j->prev = after;
	j->next = after ? after->next : c->job_first;
	if (j->next)
		j->next->prev = j;
	else
		c->job_last = j;
	if (after)
		after->next = j;
	else
		c->job_first = j;
	c->job_count++;
	depend_link(c, j);
	queue_follow(c, j);
}

void job_free(struct job *j)
{
	if (!j)
		return;
	while (j->steps) {
		struct step *s = j->steps;

		j->steps = s->next;
		step_free(s);
	}
	alloc_free(j->alloc);
	alloc_free(j->past);
	array_free(j->array);
	bitset_free(j->part_nodes_cache);
	free(j->strings);
	free(j);
}

void core_row_gone(struct core *c, enum journal_table table, uint64_t key)
{
	if (c->gone_count == c->gone_cap) {
		c->gone_cap = c->gone_cap ? c->gone_cap * 2 : 16;
		c->gone = mem_realloc(c->gone, c->gone_cap * sizeof(*c->gone));
	}
	c->gone[c->gone_count++] = (struct core_row){ table, key };
}

void job_remove(struct core *c, struct job *j)
{
	j->listed = false;
	sched_job_removed(c, j);
	for (struct job **p = &c->dirty_jobs; *p; p = &(*p)->dirty_next)
		if (*p == j) {
			*p = j->dirty_next;
			break;
		}
	het_unlink(c, j);
	hash_unlink(c, j);
	depend_unlink(c, j);
	*(j->prev ? &j->prev->next : &c->job_first) = j->next;
	*(j->next ? &j->next->prev : &c->job_last) = j->prev;
	c->job_count--;
	if (j->id + 1 >= c->next_job_id || (j->sluid & SLUID_TIME) >= c->next_sluid)
		c->dirty_meta = true;   /* the row that told a restart goes */
	core_row_gone(c, TAB_JOB, j->id);
	c->last_job_update = c->now;
	job_free(j);
}

void job_touch(struct core *c, struct job *j)
{
	j->gen++;
	c->last_job_update = c->now;
}

void job_dirty(struct core *c, struct job *j)
{
	job_touch(c, j);
	if (j->dirty)
		return;
	j->dirty = true;
	j->dirty_next = c->dirty_jobs;
	c->dirty_jobs = j;
}

uint32_t job_next_id(struct core *c)
{
	uint32_t id = c->next_job_id;

	do {
		if (id < c->conf->firstjobid || id >= c->conf->maxjobid) {
			id = c->conf->firstjobid;
			c->dirty_meta = true;
		}
		if (!job_find(c, id) && !job_array_first(c, id))
			break;
		id++;
	} while (id != c->next_job_id);
	c->next_job_id = id + 1;        /* the job's row says so: see job_remove */
	return id;
}

/* 12 bits of cluster, 42 of milliseconds, 10 of sequence: sorts by time. */
uint64_t job_next_sluid(struct core *c)
{
	uint64_t now = ((uint64_t)c->now_usec / 1000) << 10 & SLUID_TIME;
	uint64_t cluster = 2 + name_key(c->conf->clustername) % 4094;

	c->next_sluid = now > c->next_sluid ? now : c->next_sluid + 1;
	return cluster << 52 | c->next_sluid;
}

/* ---- state ------------------------------------------------------------- */

#define TO(s) (1u << JOB_##s)
#define ENDS (TO(COMPLETE) | TO(CANCELLED) | TO(FAILED) | TO(TIMEOUT) | TO(NODE_FAIL) | \
	      TO(PREEMPTED) | TO(BOOT_FAIL) | TO(DEADLINE) | TO(OOM))
static const uint32_t job_moves[JOB_STATE_END] = {
	[JOB_PENDING] = TO(PENDING) | TO(RUNNING) | ENDS,
	[JOB_RUNNING] = TO(RUNNING) | TO(SUSPENDED) | TO(PENDING) | ENDS,
	[JOB_SUSPENDED] = TO(SUSPENDED) | TO(RUNNING) | TO(PENDING) | ENDS,
	[JOB_COMPLETE] = TO(COMPLETE) | TO(PENDING),
	[JOB_CANCELLED] = TO(CANCELLED) | TO(PENDING),
	[JOB_FAILED] = TO(FAILED) | TO(PENDING),
	[JOB_TIMEOUT] = TO(TIMEOUT) | TO(PENDING),
	[JOB_NODE_FAIL] = TO(NODE_FAIL) | TO(PENDING),
	[JOB_PREEMPTED] = TO(PREEMPTED) | TO(PENDING),
	[JOB_BOOT_FAIL] = TO(BOOT_FAIL) | TO(PENDING),
	[JOB_DEADLINE] = TO(DEADLINE) | TO(PENDING),
	[JOB_OOM] = TO(OOM) | TO(PENDING),
};

void job_move(struct core *c, struct job *j, uint32_t new_state)
{
	uint32_t from = job_base(j), to = new_state & JOB_STATE_BASE;
	bool cleaning = job_is_completing(j);

	if (new_state == j->state)
		return;
	assert(to < JOB_STATE_END && job_moves[from] & 1u << to);
	/* What still cleans up cannot run, and only what ran has to clean up. */
	assert(!(cleaning && to == JOB_RUNNING));
	assert(!(new_state & JOB_COMPLETING) || (j->alloc && to != JOB_RUNNING));
	j->state = new_state;
	queue_follow(c, j);
	job_dirty(c, j);
	/* Room, or a dependency, may have come free. */
	if (job_is_finished(j) || (cleaning && !job_is_completing(j)))
		c->wants_sched = true;
}

void job_reason(struct core *c, struct job *j, uint32_t reason, const char *desc)
{
	if (j->reason == reason && streq(job_str(j, JS_STATE_DESC), desc))
		return;
	j->reason = reason;
	job_str_set(j, JS_STATE_DESC, desc);
	job_touch(c, j);
}

const char *job_state_text(uint32_t state)
{
	static const char *const names[JOB_STATE_END] = {
		"PENDING", "RUNNING", "SUSPENDED", "COMPLETED", "CANCELLED", "FAILED", "TIMEOUT",
		"NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "DEADLINE", "OUT_OF_MEMORY",
	};

	state &= JOB_STATE_BASE;
	return state < JOB_STATE_END ? names[state] : "UNKNOWN";
}

bool job_shares(const struct job *j)
{
	uint16_t max = j->part ? j->part->max_share : 1;

	if (j->alloc && j->alloc->charged)
		return j->alloc->shares;
	if ((max & ~SHARED_FORCE) <= 1)
		return false;
	return max & SHARED_FORCE || j->shared == JOB_SHARED_OK;
}

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
	const uint8_t *b = p;

	while (n--)
		h = (h ^ *b++) * UINT64_C(0x100000001b3);
	return h;
}

/* Everything that decides where a job may be placed. */
void job_spec_hash(struct job *j)
{
	static const enum job_string strings[] = {
		JS_PARTITION, JS_FEATURES, JS_PREFER, JS_REQ_NODES, JS_EXC_NODES, JS_LICENSES,
		JS_RESERVATION, JS_TRES_PER_JOB, JS_TRES_PER_NODE, JS_TRES_PER_SOCKET,
		JS_TRES_PER_TASK, JS_CPUS_PER_TRES, JS_MEM_PER_TRES, JS_QOS, JS_MCS_LABEL,
	};
	uint64_t h = UINT64_C(0xcbf29ce484222325);

#define MIX(f) h = mix(h, &j->f, sizeof(j->f));
	MIX(uid) MIX(time_limit_min) MIX(time_min_min) MIX(min_cpus) MIX(max_cpus)
	MIX(min_nodes) MIX(max_nodes) MIX(num_tasks) MIX(pn_min_memory) MIX(pn_min_tmp_disk)
	MIX(pn_min_cpus) MIX(cpus_per_task) MIX(ntasks_per_node) MIX(ntasks_per_socket)
	MIX(ntasks_per_core) MIX(ntasks_per_board) MIX(ntasks_per_tres) MIX(sockets_per_node)
	MIX(cores_per_socket) MIX(threads_per_core) MIX(shared) MIX(contiguous) MIX(core_spec)
	MIX(overcommit) MIX(task_dist) MIX(plane_size) MIX(reboot) MIX(deadline)
#undef MIX
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
		const char *s = job_str(j, strings[i]);

		h = mix(h, s ? s : "", s ? strlen(s) + 1 : 1);
	}
	j->spec_hash = h;
}

char *job_nodes_text(struct core *c, const struct job *j)
{
	const char **names;
	char *text;

	if (!j->alloc || !j->alloc->node_count)
		return NULL;
	names = mem_alloc(j->alloc->node_count * sizeof(*names));
	for (uint32_t i = 0; i < j->alloc->node_count; i++)
		names[i] = c->node[j->alloc->share[i].node]->name;
	text = hostlist_compress_sorted(names, j->alloc->node_count);
	free(names);
	return text;
}
