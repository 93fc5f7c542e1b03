/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations: when they hold which nodes, who may use them, and what
 * happens as they begin and end.  Requests about them are in resv_rpc.c. */
#include <stdlib.h>

#include "slurmctld/core/resv_i.h"

#define YEAR_SEC (365 * 86400)
#define LOOK_SEC 5              /* how often an idle or ended one is looked at */
#define SAFETY 800              /* occurrences compared at most */

struct resv *resv_find(const struct core *c, const char *name)
{
	for (struct resv *r = c->resv_first; name && r; r = r->next)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

void resv_free(struct resv *r)
{
	if (!r)
		return;
	free(r->name);
	free(r->users);
	free(r->groups);
	free(r->accounts);
	free(r->features);
	free(r->licenses);
	free(r->partition);
	free(r->comment);
	free(r->qos);
	free(r->allowed_parts);
	free(r->burst_buffer);
	free(r->core_text);
	free(r->node_text);
	resv_cores_free(r);
	free(r->uids);
	free(r->per_name);
	bitset_free(r->nodes);
	free(r);
}

void resv_free_all(struct core *c)
{
	while (c->resv_first) {
		struct resv *r = c->resv_first;

		c->resv_first = r->next;
		resv_free(r);
	}
}

/* ---- time -------------------------------------------------------------- */

int64_t resv_start(const struct core *c, const struct resv *r)
{
	return r->flags & RESV_TIME_FLOAT ? c->now + r->start : r->start;
}

int64_t resv_end(const struct core *c, const struct resv *r)
{
	if (!(r->flags & RESV_TIME_FLOAT))
		return r->end;
	if (r->duration_min == INFINITE)
		return resv_start(c, r) + YEAR_SEC;
	if (r->duration_min && r->duration_min != NO_VAL)
		return resv_start(c, r) + (int64_t)r->duration_min * 60;
	return r->end;
}

bool resv_is_active(const struct core *c, const struct resv *r)
{
	return resv_start(c, r) <= c->now && c->now < resv_end(c, r);
}

/* Sunday is 0. */
static int weekday(int64_t local)
{
	return (int)((local / 86400 + 4) % 7);
}

static int day_step(uint64_t flags, int wday)
{
	if (flags & RESV_DAILY)
		return 1;
	if (flags & RESV_WEEKLY)
		return 7;
	if (flags & RESV_WEEKDAY)
		return wday == 5 ? 3 : wday == 6 ? 2 : 1;
	if (flags & RESV_WEEKEND)
		return wday == 0 ? 6 : wday == 6 ? 1 : 6 - wday;
	return 0;
}

static void advance(uint64_t flags, int32_t utc_offset, int64_t *start, int64_t *end)
{
	int64_t step = flags & RESV_HOURLY ? 3600 :
		day_step(flags, weekday(*start + utc_offset)) * INT64_C(86400);

	*start += step;
	*end += step;
}

/* Clocks went forward or back: what repeats stays at its hour. */
void resv_follow_clock(struct core *c, int32_t utc_offset)
{
	c->utc_offset = utc_offset;
	for (struct resv *r = c->resv_first; r; r = r->next) {
		int32_t by = utc_offset - r->utc_offset;

		if (!by || !(r->flags & RESV_REPEATS) || resv_is_active(c, r))
			continue;
		if (!(r->flags & RESV_HOURLY)) {
			r->start -= by;
			r->end -= by;
		}
		r->utc_offset = utc_offset;
		c->resv_at = c->now;
		resv_dirty(c, r);
	}
}

/* Do two, with all their repetitions, ever meet? */
bool resv_times_meet(const struct core *c, int64_t s1, int64_t e1, uint64_t f1, int64_t s2,
		     int64_t e2, uint64_t f2)
{
	for (int i = 0; i < SAFETY; i++) {
		if (s1 < e2 && s2 < e1)
			return true;
		if (e1 <= e2) {
			if (!(f1 & RESV_REPEATS))
				return false;
			advance(f1, c->utc_offset, &s1, &e1);
		} else {
			if (!(f2 & RESV_REPEATS))
				return false;
			advance(f2, c->utc_offset, &s2, &e2);
		}
	}
	return false;
}

int64_t resv_next_edge(const struct core *c, int64_t t)
{
	int64_t best = NEVER;

	for (const struct resv *r = c->resv_first; r; r = r->next) {
		if (r->flags & RESV_TIME_FLOAT)
			continue;
		if (r->start > t && r->start < best)
			best = r->start;
		if (r->end > t && r->end < best)
			best = r->end;
	}
	return best;
}

/* ---- who --------------------------------------------------------------- */

static bool listed(const char *list, const char *name)
{
	size_t n = name ? strlen(name) : 0;

	for (const char *p = list; n && p && *p; p += strcspn(p, ","), p += *p == ',') {
		const char *s = *p == '-' ? p + 1 : p;

		if (strcspn(s, ",") == n && strncmp(s, name, n) == 0)
			return true;
	}
	return false;
}

static bool uid_listed(const struct resv *r, uint32_t uid)
{
	for (uint32_t i = 0; i < r->uid_count; i++)
		if (r->uids[i] == uid)
			return true;
	return false;
}

bool resv_allows_user(const struct core *c, const struct resv *r, uint32_t uid)
{
	return uid == 0 || uid == c->conf->slurm_uid || !r->uid_count ||
		uid_listed(r, uid) != r->user_not;
}

/* Of users and accounts both must be right. */
bool resv_allows(const struct core *c, const struct resv *r, uint32_t uid, const char *account)
{
	if (uid == 0 || uid == c->conf->slurm_uid)
		return true;
	return resv_allows_user(c, r, uid) &&
		(!r->accounts || listed(r->accounts, account) != r->account_not);
}

/* Root's jobs go anywhere. */
static bool allows_job(const struct core *c, const struct resv *r, const struct job *j)
{
	if (j->uid == 0 || j->uid == c->conf->slurm_uid)
		return true;
	if (r->allowed_parts && j->part &&
	    listed(r->allowed_parts, j->part->name) == (*r->allowed_parts == '-'))
		return false;
	if (r->qos && listed(r->qos, job_str(j, JS_QOS)) == (*r->qos == '-'))
		return false;
	return resv_allows(c, r, j->uid, job_str(j, JS_ACCOUNT));
}

enum err resv_job_valid(const struct core *c, const struct job *j, const char *names)
{
	for (const char *p = names; p && *p; p += strcspn(p, ","), p += *p == ',') {
		char one[256];
		const struct resv *r;

		snprintf(one, sizeof(one), "%.*s", (int)strcspn(p, ","), p);
		r = resv_find(c, one);
		if (!r)
			return E_RESERVATION_INVALID;
		if (r->flags & RESV_TIME_FLOAT || !allows_job(c, r, j))
			return E_RESERVATION_ACCESS;
	}
	return E_OK;
}

/* Of several that one which is there now, else the first. */
struct resv *resv_of_job(const struct core *c, const struct job *j)
{
	const char *names = c->resv_first ? job_str(j, JS_RESERVATION) : NULL;
	struct resv *first = NULL;

	for (struct resv *r = c->resv_first; names && r; r = r->next) {
		if (!listed(names, r->name))
			continue;
		if (resv_is_active(c, r))
			return r;
		if (!first)
			first = r;
	}
	return first;
}

/* ---- the scheduler's question ------------------------------------------ */

static bool overlaps(const struct core *c, const struct resv *r, int64_t from, int64_t to)
{
	return r->nodes && resv_start(c, r) < to && resv_end(c, r) > from;
}

static void shut_cores(const struct core *c, struct resv_shut *s, uint32_t node,
		       const struct bitset *cores, bool all_but)
{
	uint32_t n = c->node[node]->cores;
	struct bitset *b;

	if (!s->cores)
		s->cores = arena_zalloc(s->mem, (c->node_count + 1) * sizeof(*s->cores));
	b = s->cores[node];
	if (!b) {
		b = s->cores[node] = arena_zalloc(s->mem, bitset_sizeof(n));
		bitset_init(b, n);
	}
	for (uint32_t i = 0; i < n; i++)
		if (bitset_test(cores, i) != all_but)
			bitset_set(b, i);
}

/* All cores of a reservation, or on its nodes all others. */
static void shut_resv(const struct core *c, struct resv_shut *s, const struct resv *r,
		      bool all_but)
{
	bitset_foreach(i, r->nodes)
		if (resv_cores_of(r, i))
			shut_cores(c, s, i, resv_cores_of(r, i), all_but);
}

static enum resv_answer window_own(const struct core *c, const struct job *j,
				   const struct resv *own, int64_t from, int64_t to,
				   struct resv_shut *s)
{
	if (!own || resv_job_valid(c, j, own->name) != E_OK)
		return RESV_OVER;
	if (!(own->flags & RESV_FLEX)) {
		if (from < own->start)
			return RESV_LATER;
		if (from >= own->end)
			return RESV_OVER;
		if (!(own->flags & RESV_ANY_NODES)) {
			if (!own->nodes || bitset_next(own->nodes, 0) == UINT32_MAX)
				return RESV_LATER;
			bitset_set_all(s->nodes);
			bitset_and_not(s->nodes, own->nodes);
		}
	}
	for (const struct resv *r = c->resv_first; r; r = r->next) {
		if (r == own || own->flags & RESV_MAINT || !overlaps(c, r, from, to) ||
		    (own->flags & RESV_OVERLAP && !(r->flags & RESV_MAINT)))
			continue;
		if (!r->core_text)
			bitset_or(s->nodes, r->nodes);
		else if (own->flags & RESV_FLEX)
			shut_resv(c, s, r, false);
	}
	if (own->core_text && !(own->flags & RESV_FLEX))
		shut_resv(c, s, own, true);
	return RESV_CLOSED;
}

/* The whole partition is gone: a job of it has nothing to look for. */
static bool takes_all(const struct resv *r, const struct part *p)
{
	if (r->flags & RESV_ALL_NODES)
		return true;
	if (r->flags & RESV_PART_NODES && r->partition && strcmp(r->partition, p->name) == 0)
		return true;
	return r->flags & RESV_MAINT && bitset_subset(p->nodes, r->nodes);
}

enum resv_answer resv_window(const struct core *c, const struct job *j, const struct part *p,
			     const struct resv *own, int64_t from, int64_t to,
			     struct resv_shut *s)
{
	enum resv_answer a = RESV_FREE;

	if (own || job_str(j, JS_RESERVATION))
		return window_own(c, j, own, from, to, s);
	for (const struct resv *r = c->resv_first; r; r = r->next) {
		if (!overlaps(c, r, from, to))
			continue;
		/* --signal=R: leaves soon enough when told */
		if (r->max_start_delay && j->warn_time && j->warn_time <= r->max_start_delay &&
		    j->warn_flags & KILL_JOB_RESV)
			continue;
		if (takes_all(r, p))
			return RESV_MAINTAINED;
		if (r->core_text && !s->whole)
			shut_resv(c, s, r, false);
		else
			bitset_or(s->nodes, r->nodes);
		a = RESV_CLOSED;
	}
	return a;
}

/* A magnetic one draws jobs in that could do with what time it has. */
static bool draws(const struct core *c, const struct resv *r, const struct job *j,
		  int64_t limit_sec)
{
	return r->flags & RESV_MAGNETIC && !(r->flags & RESV_TIME_FLOAT) && !j->het_job_id &&
		resv_is_active(c, r) && allows_job(c, r, j) &&
		(r->flags & RESV_FLEX || c->now + limit_sec <= r->end);
}

uint32_t resv_choices(const struct core *c, const struct job *j, int64_t limit_sec,
		      const struct resv **own)
{
	const char *names = c->resv_first ? job_str(j, JS_RESERVATION) : NULL;
	uint32_t n = 0;

	for (const struct resv *r = c->resv_first; r && n < RESV_CHOICES - 1; r = r->next)
		if (names ? listed(names, r->name) && resv_is_active(c, r) :
		    !job_str(j, JS_RESERVATION) && draws(c, r, j, limit_sec))
			own[n++] = r;
	if (!names || !n)
		own[n++] = resv_of_job(c, j);
	return n;
}

void resv_draw_in(struct core *c, struct job *j, uint32_t id)
{
	if (!id && j->bitflags & JOB_MAGNETIC) {
		job_str_set(j, JS_RESERVATION, NULL);
		j->bitflags &= ~JOB_MAGNETIC;
	}
	for (const struct resv *r = c->resv_first; id && r; r = r->next) {
		if (r->id != id || job_str(j, JS_RESERVATION))
			continue;
		job_str_set(j, JS_RESERVATION, r->name);
		j->bitflags |= JOB_MAGNETIC;
	}
}

void resv_shorten(const struct core *c, struct job *j)
{
	const struct resv *own = resv_of_job(c, j);

	for (const struct resv *r = c->resv_first; r; r = r->next) {
		int64_t until = (resv_start(c, r) - c->now) / 60;

		if (r == own || until <= 0 || until >= j->time_limit_min || !r->nodes ||
		    !j->alloc || !bitset_overlap(r->nodes, j->alloc->nodes))
			continue;
		j->time_limit_min = (uint32_t)until > j->time_min_min ? (uint32_t)until :
			j->time_min_min;
	}
}

int64_t resv_job_end(const struct core *c, const struct job *j)
{
	const struct resv *r = resv_of_job(c, j);
	uint16_t over = c->conf->resvoverrun;

	if (!r || r->flags & RESV_FLEX || over == INFINITE16)
		return NEVER;
	return r->end + (int64_t)over * 60;
}

/* ---- beginning and ending ---------------------------------------------- */

void resv_dirty(struct core *c, struct resv *r)
{
	r->dirty = true;
	c->dirty_resvs = true;
	c->last_resv_update = c->now;
}

const struct resv *resv_of_node(const struct core *c, const struct node *n)
{
	const struct resv *found = NULL;

	for (const struct resv *r = c->resv_first; r; r = r->next)
		if (r->nodes && bitset_test(r->nodes, n->index) && resv_is_active(c, r))
			found = r;
	return found;
}

void resv_mark_nodes(struct core *c)
{
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];
		uint32_t want = 0, all = NODE_STATE_RES | NODE_STATE_MAINT;

		if (!n)
			continue;
		for (const struct resv *r = c->resv_first; r; r = r->next)
			if (r->nodes && bitset_test(r->nodes, i) && resv_is_active(c, r))
				want |= NODE_STATE_RES |
					(r->flags & RESV_MAINT ? NODE_STATE_MAINT : 0);
		if ((n->state & all) != want)
			node_move(c, n, (n->state & ~all) | want);
	}
}

static void name_drop(struct job *j, const char *name)
{
	const char *list = job_str(j, JS_RESERVATION);
	char rest[4096] = "";
	size_t n = 0;

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len = strcspn(p, ",");

		if ((len == strlen(name) && strncmp(p, name, len) == 0) ||
		    n + len + 2 > sizeof(rest))
			continue;
		n += (size_t)snprintf(rest + n, sizeof(rest) - n, "%s%.*s", n ? "," : "",
				      (int)len, p);
	}
	job_str_set(j, JS_RESERVATION, *rest ? rest : NULL);
}

/* Its jobs go without it; those that wait are held. */
static void jobs_leave(struct core *c, const struct resv *r)
{
	for (struct job *j = c->job_first; j; j = j->next) {
		char text[320];

		if (!listed(job_str(j, JS_RESERVATION), r->name))
			continue;
		name_drop(j, r->name);
		if (job_is_pending(j) && !job_str(j, JS_RESERVATION) && j->priority &&
		    !(r->flags & RESV_NO_HOLD_JOBS)) {
			snprintf(text, sizeof(text), "Reservation %s was deleted", r->name);
			job_move(c, j, j->state | JOB_RESV_DEL_HOLD);
			job_reason(c, j, WAIT_RESV_DELETED, text);
			j->priority = 0;
		}
		job_spec_hash(j);
		job_dirty(c, j);
		if (j->listed)
			sched_job_changed(c, j);
	}
}

void resv_remove(struct core *c, struct resv *r)
{
	struct resv **at = &c->resv_first;

	jobs_leave(c, r);
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	core_row_gone(c, TAB_RESV, r->id);
	resv_free(r);
	c->last_resv_update = c->now;
}

void resv_count_jobs(const struct core *c, const struct resv *r, uint32_t *run, uint32_t *wait)
{
	*run = *wait = 0;
	for (const struct job *j = c->job_first; j; j = j->next) {
		if (job_is_finished(j) || !listed(job_str(j, JS_RESERVATION), r->name))
			continue;
		if (job_is_pending(j))
			(*wait)++;
		else
			(*run)++;
	}
}

static void script(const struct resv *r, const char *program, struct effects *out)
{
	const char **argv;

	if (!program || !*program)
		return;
	argv = arena_zalloc(&out->mem, 3 * sizeof(*argv));
	argv[0] = arena_strdup(&out->mem, program);
	argv[1] = arena_strdup(&out->mem, r->name);
	effects_add(out, EFF_RUN)->argv = argv;
}

/* The next time; a repetition is a reservation of its own to accounting. */
void resv_advance(struct core *c, struct resv *r)
{
	core_row_gone(c, TAB_RESV, r->id);
	advance(r->flags, c->utc_offset, &r->start, &r->end);
	r->id = c->next_resv_id++;
	r->idle_since = 0;
	resv_dirty(c, r);
}

/* Nobody used it for a while.  True: removed. */
static bool purged(struct core *c, struct resv *r, struct effects *out)
{
	uint32_t run, wait;

	if (!(r->flags & RESV_PURGE_COMP) || !resv_is_active(c, r))
		return false;
	resv_count_jobs(c, r, &run, &wait);
	if (run || wait)
		r->idle_since = 0;
	else if (!r->idle_since)
		r->idle_since = c->now;
	if (!r->idle_since || c->now - r->idle_since < r->purge_comp_time)
		return false;
	effect_log(out, 3, "Reservation %s has no more jobs for %u seconds, ending it", r->name,
		   r->purge_comp_time);
	script(r, c->conf->resvepilog, out);
	r->active = false;
	if (r->flags & RESV_REPEATS) {
		resv_advance(c, r);
		return false;
	}
	resv_remove(c, r);
	return true;
}

static void look_at(struct core *c, struct resv *r, struct effects *out)
{
	bool now = resv_is_active(c, r);
	uint32_t run, wait;

	if (now && !r->active)
		script(r, c->conf->resvprolog, out);
	if (!now && r->active)
		script(r, c->conf->resvepilog, out);
	if (now != r->active)
		c->last_resv_update = c->now;
	r->active = now;
	if (purged(c, r, out) || resv_end(c, r) > c->now)
		return;
	if (r->flags & RESV_REPEATS) {
		for (int i = 0; i < SAFETY && r->end <= c->now; i++)
			resv_advance(c, r);
		return;
	}
	resv_count_jobs(c, r, &run, &wait);
	if (run && !(r->flags & RESV_FLEX))
		return;
	effect_log(out, 4, "Purging vestigial reservation %s", r->name);
	resv_remove(c, r);
}

int64_t resv_due(const struct core *c)
{
	return c->resv_first ? c->resv_at : NEVER;
}

void resv_run(struct core *c, struct effects *out)
{
	struct resv *next;

	for (struct resv *r = c->resv_first; r; r = next) {
		next = r->next;
		look_at(c, r, out);
	}
	resv_mark_nodes(c);
	c->resv_at = resv_next_edge(c, c->now);
	for (const struct resv *r = c->resv_first; r; r = r->next)
		if ((r->end <= c->now || r->flags & RESV_PURGE_COMP) &&
		    c->resv_at > c->now + LOOK_SEC)
			c->resv_at = c->now + LOOK_SEC;
	sched_nodes_changed(c);
	c->wants_sched = true;
}

/* All nodes of the partition, or all there are, whichever these are now. */
static const struct bitset *all_of(const struct core *c, const struct resv *r,
				   struct bitset *scratch)
{
	const struct part *p = r->flags & RESV_PART_NODES && r->partition ?
		part_find(c, r->partition) : NULL;

	if (p)
		return p->nodes;
	if (!(r->flags & RESV_ALL_NODES))
		return NULL;
	bitset_clear_all(scratch);
	for (uint32_t i = 0; i < c->node_count; i++)
		if (c->node[i] && (c->node[i]->state & NODE_STATE_BASE) != NODE_STATE_FUTURE)
			bitset_set(scratch, i);
	return scratch;
}

void resv_follow_nodes(struct core *c)
{
	struct bitset *scratch = bitset_new(c->node_count);
	bool any = false;

	for (struct resv *r = c->resv_first; r; r = r->next) {
		const struct bitset *want = r->core_text ? NULL : all_of(c, r, scratch);

		if (!want || !r->nodes || bitset_equal(want, r->nodes))
			continue;
		bitset_copy(r->nodes, want);
		resv_nodes_named(r, c, &c->scratch);
		resv_dirty(c, r);
		any = true;
	}
	bitset_free(scratch);
	if (any)
		resv_mark_nodes(c);
}

/* The members of one of its groups, of which there may be others now. */
void resv_group_is(struct core *c, uint32_t id, uint32_t index, const uint32_t *uids,
		   uint32_t count)
{
	uint32_t off = 0, had;
	struct resv *r = c->resv_first;

	while (r && r->id != id)
		r = r->next;
	if (!r || !r->groups || index >= r->name_count)
		return;
	for (uint32_t i = 0; i < index; i++)
		off += r->per_name[i];
	had = r->per_name[index];
	if (had == count && memcmp(r->uids + off, uids, count * sizeof(*uids)) == 0)
		return;
	if (count > had)
		r->uids = mem_realloc(r->uids, (r->uid_count + count - had) * sizeof(*uids));
	memmove(r->uids + off + count, r->uids + off + had,
		(r->uid_count - off - had) * sizeof(*uids));
	memcpy(r->uids + off, uids, count * sizeof(*uids));
	r->uid_count += count - had;
	r->per_name[index] = count;
	resv_dirty(c, r);
	c->wants_sched = true;
}

void resv_ask_groups(const struct core *c, struct effects *out)
{
	for (const struct resv *r = c->resv_first; r; r = r->next)
		for (uint32_t i = 0; r->groups && i < r->name_count; i++) {
			struct effect *e = effects_add(out, EFF_GROUPS);

			e->resv_id = r->id;
			e->part = i;
		}
}

/* Its partition or all its nodes are no more. */
static bool is_lost(const struct core *c, const struct resv *r)
{
	if (r->partition && !part_find(c, r->partition))
		return true;
	return r->node_text && bitset_next(r->nodes, 0) == UINT32_MAX;
}

static void nodes_settle(struct core *c, struct resv *r)
{
	char *was = r->node_text;

	bitset_free(r->nodes);
	r->nodes = NULL;
	if (!was)
		return;
	r->nodes = bitset_new(c->node_count);
	nodes_parse(c, was, r->nodes, NULL);
	if (bitset_next(r->nodes, 0) == UINT32_MAX)
		return;
	r->node_text = NULL;
	resv_nodes_named(r, c, &c->scratch);
	if (!streq(was, r->node_text))
		resv_dirty(c, r);
	free(was);
}

void resv_settle(struct core *c)
{
	struct resv *next;

	for (struct resv *r = c->resv_first; r; r = next) {
		next = r->next;
		nodes_settle(c, r);
		resv_cores_settle(c, r);
		if (r->id >= c->next_resv_id)
			c->next_resv_id = r->id + 1;
		r->active = resv_is_active(c, r);
		if (is_lost(c, r))
			resv_remove(c, r);
	}
	resv_follow_nodes(c);
	resv_mark_nodes(c);
	c->resv_at = c->now;
}
