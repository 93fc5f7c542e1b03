/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations made, changed and deleted.  A request is applied to a copy,
 * which takes the place of the record when all of it was good. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/sched/sched_i.h"

#define PAST_SEC 60             /* clocks and typing may be that slow */
#define PURGE_SEC 300
#define KNOWN (RESV_MAINT | RESV_FLEX | RESV_OVERLAP | RESV_IGN_JOBS | RESV_REPEATS | RESV_STATIC | \
	       RESV_ANY_NODES | RESV_PART_NODES | RESV_TIME_FLOAT | RESV_PURGE_COMP | RESV_REPLACE | \
	       RESV_REPLACE_DOWN | RESV_NO_HOLD_JOBS | RESV_MAGNETIC | RESV_USER_DEL | \
	       RESV_TRES_PER_NODE)

struct change {
	struct core *c;
	const struct event *ev;
	const struct update_resv_msg *m;
	struct resv *r;                 /* the copy */
	const struct resv *old;         /* NULL: to be created */
	uint32_t node_cnt;              /* NO_VAL: not asked for */
	uint64_t flags;
	struct err_text *why;
	struct effects *out;
};

static enum err refuse(struct change *k, enum err rc, const char *text)
{
	return err_set(k->why, rc, "%s", text);
}

/* ---- names ------------------------------------------------------------- */

struct name_list {
	char *name[256];
	uint32_t n;
};

static void list_read(struct arena *mem, const char *text, struct name_list *l)
{
	char *copy = arena_strdup(mem, text ? text : ""), *save = NULL;

	l->n = 0;
	for (char *p = strtok_r(copy, ",", &save); p && l->n < 256; p = strtok_r(NULL, ",", &save))
		l->name[l->n++] = p;
}

static void list_write(char **to, const struct name_list *l, bool not)
{
	size_t len = 1;
	char *text, *p;

	for (uint32_t i = 0; i < l->n; i++)
		len += strlen(l->name[i]) + 2;
	p = text = mem_alloc(len);
	*p = '\0';
	for (uint32_t i = 0; i < l->n; i++) {
		if (i)
			*p++ = ',';
		if (not)
			*p++ = '-';
		p = stpcpy(p, l->name[i]);
	}
	free(*to);
	*to = l->n ? text : NULL;
	if (!l->n)
		free(text);
}

static uint32_t list_find(const struct name_list *l, const char *name)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (strcmp(l->name[i], name) == 0)
			return i;
	return UINT32_MAX;
}

/* "a,b" is the list; "-a,-b" all but those; "+a,-b" changes it. */
static enum err names_change(struct change *k, char **text, bool *not, const char *change,
			     enum err bad)
{
	struct name_list now, ask;
	uint32_t plus = 0, minus = 0;

	list_read(&k->out->mem, *text, &now);
	for (uint32_t i = 0; i < now.n; i++)
		now.name[i] += *now.name[i] == '-';
	list_read(&k->out->mem, change, &ask);
	for (uint32_t i = 0; i < ask.n; i++) {
		plus += *ask.name[i] == '+';
		minus += *ask.name[i] == '-';
	}
	if ((plus || minus) && plus + minus != ask.n)
		return bad;
	if (!plus && !minus) {
		now.n = 0;
		*not = false;
	} else if (!now.n && minus && !plus) {
		*not = true;
	}
	for (uint32_t i = 0; i < ask.n; i++) {
		char sign = *ask.name[i] == '+' || *ask.name[i] == '-' ? *ask.name[i]++ : '+';
		uint32_t at = list_find(&now, ask.name[i]);
		bool add = (sign == '+') != *not || (!plus && !minus);

		if (!*ask.name[i] || (!add && at == UINT32_MAX))
			return bad;
		if (!add) {
			memmove(now.name + at, now.name + at + 1,
				(--now.n - at) * sizeof(now.name[0]));
		} else if (at == UINT32_MAX && now.n < 256) {
			now.name[now.n++] = ask.name[i];
		}
	}
	if (!now.n)
		*not = false;
	list_write(text, &now, *not);
	return E_OK;
}

/* The uids of each name: from this request, or as they were. */
static enum err uids_follow(struct change *k, const char *old_text, const char *text, enum err bad)
{
	struct resv *r = k->r;
	struct name_list was, now;
	uint32_t *uids = NULL, *per = NULL, n = 0;

	list_read(&k->out->mem, old_text, &was);
	list_read(&k->out->mem, text, &now);
	per = mem_zalloc((now.n + 1) * sizeof(*per));
	for (uint32_t i = 0; i < now.n; i++) {
		const char *name = now.name[i] + (*now.name[i] == '-');
		const uint32_t *from = NULL;
		uint32_t at = list_find(&was, now.name[i]), off = 0;

		for (uint32_t e = 0; e < k->ev->name_count; e++) {
			if (strcmp(k->ev->names[e].name, name) != 0 || !k->ev->names[e].found)
				continue;
			from = k->ev->names[e].uids;
			per[i] = k->ev->names[e].uid_count;
			break;
		}
		for (uint32_t e = 0; !from && at != UINT32_MAX && e < at; e++)
			off += r->per_name[e];
		if (!from && at != UINT32_MAX && at < r->name_count) {
			from = r->uids + off;
			per[i] = r->per_name[at];
		}
		if (!from) {
			free(per);
			free(uids);
			return bad;
		}
		uids = mem_realloc(uids, (n + per[i] + 1) * sizeof(*uids));
		memcpy(uids + n, from, per[i] * sizeof(*uids));
		n += per[i];
	}
	free(r->uids);
	free(r->per_name);
	r->uids = uids;
	r->uid_count = n;
	r->per_name = per;
	r->name_count = now.n;
	return E_OK;
}

static enum err change_people(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	struct resv *r = k->r;
	bool group_not = false, qos_not = r->qos && *r->qos == '-';
	bool part_not = r->allowed_parts && *r->allowed_parts == '-';
	char *before;
	enum err rc = E_OK;

	if (m->qos)
		rc = names_change(k, &r->qos, &qos_not, m->qos, E_INVALID_QOS);
	if (rc == E_OK && m->allowed_parts)
		rc = names_change(k, &r->allowed_parts, &part_not, m->allowed_parts,
				  E_INVALID_PARTITION_NAME);
	if (rc == E_OK && m->accounts)
		rc = names_change(k, &r->accounts, &r->account_not, m->accounts, E_INVALID_ACCOUNT);
	if (rc == E_OK && m->groups) {
		before = r->groups ? arena_strdup(&k->out->mem, r->groups) : NULL;
		rc = names_change(k, &r->groups, &group_not, m->groups, E_GROUP_ID_MISSING);
		if (rc == E_OK && (r->groups || !r->users))
			rc = uids_follow(k, before, r->groups, E_GROUP_ID_MISSING);
		r->user_not = false;
	}
	if (rc == E_OK && m->users) {
		before = r->users ? arena_strdup(&k->out->mem, r->users) : NULL;
		rc = names_change(k, &r->users, &r->user_not, m->users, E_USER_ID_MISSING);
		if (rc == E_OK && (r->users || !r->groups))
			rc = uids_follow(k, before, r->users, E_USER_ID_MISSING);
	}
	if (rc != E_OK)
		return rc;
	if (r->users && r->groups)
		return E_RESERVATION_USER_GROUP;
	return r->users || r->groups || r->accounts || r->qos || r->allowed_parts ? E_OK :
		E_RESERVATION_EMPTY;
}

/* ---- nodes ------------------------------------------------------------- */

static bool jobs_there(struct change *k, const struct bitset *nodes, int64_t start)
{
	for (const struct job *j = k->c->job_first; j; j = j->next) {
		const char *own = job_str(j, JS_RESERVATION);

		if (!job_is_running(j) || !j->alloc || j->end_time <= start ||
		    !bitset_overlap(j->alloc->nodes, nodes))
			continue;
		if (!k->old || !own || strcmp(own, k->old->name) != 0)
			return true;
	}
	return false;
}

/* Another reservation that does not stand for it. */
static bool in_the_way(struct change *k, const struct resv *o, bool strict)
{
	const struct resv *r = k->r;

	if (o == k->old || !o->nodes || (!strict && o->flags & (RESV_MAINT | RESV_OVERLAP)))
		return false;
	return resv_times_meet(k->c, resv_start(k->c, r), resv_end(k->c, r), r->flags,
			       resv_start(k->c, o), resv_end(k->c, o), o->flags);
}

static enum err check_overlap(struct change *k)
{
	if (k->r->flags & (RESV_MAINT | RESV_OVERLAP) || !k->r->nodes)
		return E_OK;
	for (const struct resv *o = k->c->resv_first; o; o = o->next)
		if (in_the_way(k, o, false) && bitset_overlap(o->nodes, k->r->nodes))
			return E_RESERVATION_OVERLAP;
	return E_OK;
}

static void nodes_named(struct change *k)
{
	struct resv *r = k->r;
	const char **names = arena_alloc(&k->out->mem, (k->c->node_count + 1) * sizeof(*names));
	uint32_t n = 0;

	free(r->node_text);
	r->node_text = NULL;
	if (!r->nodes)
		return;
	bitset_foreach(i, r->nodes)
		names[n++] = k->c->node[i]->name;
	r->node_text = hostlist_compress_sorted(names, n);
}

static enum err pick_partition(struct change *k, const struct part **p)
{
	if (k->r->partition) {
		*p = part_find(k->c, k->r->partition);
		return *p ? E_OK : E_INVALID_PARTITION_NAME;
	}
	*p = k->c->default_part;
	if (!*p)
		return E_DEFAULT_PARTITION_NOT_SET;
	node_set_str(&k->r->partition, (*p)->name);
	return E_OK;
}

static enum err only_with_features(struct change *k, struct bitset *set)
{
	struct feat_expr f = { 0 };
	struct bitset *any;

	if (!k->r->features)
		return E_OK;
	arena_reset(&k->c->sched->mem);
	if (feature_parse(k->c, k->r->features, &f, NULL) != E_OK)
		return E_REQUESTED_NODE_CONFIG_UNAVAILABLE;
	if (f.need_count)
		return E_INVALID_FEATURE;
	any = bitset_new(k->c->node_count);
	for (uint32_t i = 0; i < f.alt_count; i++)
		bitset_or(any, f.alt[i]);
	bitset_and(set, any);
	bitset_free(any);
	return bitset_next(set, 0) == UINT32_MAX ? E_REQUESTED_NODE_CONFIG_UNAVAILABLE : E_OK;
}

static void take(struct bitset *to, const struct bitset *from, uint32_t *want)
{
	bitset_foreach(i, from) {
		if (!*want)
			break;
		if (bitset_test(to, i))
			continue;
		bitset_set(to, i);
		(*want)--;
	}
}

static void without_jobs(struct change *k, struct bitset *set)
{
	int64_t start = resv_start(k->c, k->r);

	for (const struct job *j = k->c->job_first; j; j = j->next)
		if ((job_is_running(j) || job_base(j) == JOB_SUSPENDED) && j->alloc &&
		    j->end_time >= start)
			bitset_and_not(set, j->alloc->nodes);
}

/* Add so many nodes: those that nothing is planned for, then, where the flags
 * allow it, those of other reservations and of running jobs. */
static enum err pick_more(struct change *k, uint32_t want)
{
	struct resv *r = k->r;
	const struct part *p = NULL;
	enum err rc = pick_partition(k, &p);
	struct bitset *set, *free_set;

	if (rc != E_OK)
		return rc;
	set = bitset_dup(p->nodes);
	if (!r->nodes)
		r->nodes = bitset_new(k->c->node_count);
	bitset_and_not(set, r->nodes);
	for (uint32_t i = 0; i < k->c->node_count; i++)
		if (!(r->flags & RESV_MAINT) && k->c->node[i] && !node_usable(k->c->node[i]))
			bitset_clear(set, i);
	rc = only_with_features(k, set);
	if (rc == E_OK) {
		free_set = bitset_dup(set);
		for (const struct resv *o = k->c->resv_first; o; o = o->next)
			if (in_the_way(k, o, true))
				bitset_and_not(free_set, o->nodes);
		for (const struct resv *o = k->c->resv_first; o; o = o->next)
			if (!(r->flags & (RESV_MAINT | RESV_OVERLAP)) && in_the_way(k, o, false))
				bitset_and_not(set, o->nodes);
		without_jobs(k, free_set);
		take(r->nodes, free_set, &want);
		bitset_free(free_set);
		free_set = bitset_dup(set);
		without_jobs(k, free_set);
		take(r->nodes, free_set, &want);
		bitset_free(free_set);
		if (r->flags & RESV_IGN_JOBS)
			take(r->nodes, set, &want);
		rc = want ? E_NODES_BUSY : E_OK;
	}
	bitset_free(set);
	return rc;
}

static void drop_some(struct change *k, uint32_t keep)
{
	struct resv *r = k->r;
	uint32_t n = bitset_count(r->nodes);

	for (uint32_t busy = 0; busy < 2; busy++)
		for (uint32_t i = 0; i < k->c->node_count && n > keep; i++) {
			uint32_t at = busy ? k->c->node_count - 1 - i : i;

			if (!bitset_test(r->nodes, at) ||
			    (!busy && k->c->node[at]->run_jobs + k->c->node[at]->comp_jobs))
				continue;
			bitset_clear(r->nodes, at);
			n--;
		}
}

/* "ALL", "c[1-3]", or "+c4,-c1" of an existing one. */
static enum err name_nodes(struct change *k, const char *text)
{
	struct resv *r = k->r;
	struct bitset *set = bitset_new(k->c->node_count);
	const struct part *p = r->partition ? part_find(k->c, r->partition) : NULL;
	enum err rc = E_OK;

	r->flags |= RESV_SPEC_NODES;
	if (strcasecmp(text, "ALL") == 0 && r->flags & RESV_PART_NODES && p) {
		bitset_copy(set, p->nodes);
	} else if (strcasecmp(text, "ALL") == 0) {
		r->flags = (r->flags & ~RESV_PART_NODES) | RESV_ALL_NODES;
		for (uint32_t i = 0; i < k->c->node_count; i++)
			if (k->c->node[i] &&
			    (k->c->node[i]->state & NODE_STATE_BASE) != NODE_STATE_FUTURE)
				bitset_set(set, i);
	} else if (k->old && (*text == '+' || *text == '-')) {
		char *copy = arena_strdup(&k->out->mem, text), *at = copy;

		r->flags &= ~(RESV_PART_NODES | RESV_ALL_NODES);
		if (r->nodes)
			bitset_copy(set, r->nodes);
		while (*at && rc == E_OK) {     /* signs begin parts; commas may be in brackets */
			char sign = *at++, *end = at;
			struct bitset *some = bitset_new(k->c->node_count);

			while (*end && !(*end == ',' && (end[1] == '+' || end[1] == '-')))
				end++;
			if (*end)
				*end++ = '\0';
			rc = nodes_parse(k->c, at, some, NULL);
			if (sign == '+')
				bitset_or(set, some);
			else
				bitset_and_not(set, some);
			bitset_free(some);
			at = end;
		}
	} else {
		r->flags &= ~(RESV_PART_NODES | RESV_ALL_NODES);
		rc = nodes_parse(k->c, text, set, NULL);
	}
	if (rc != E_OK || bitset_next(set, 0) == UINT32_MAX) {
		bitset_free(set);
		return E_INVALID_NODE_NAME;
	}
	bitset_free(r->nodes);
	r->nodes = set;
	return E_OK;
}

static enum err resize(struct change *k)
{
	uint32_t have = k->r->nodes ? bitset_count(k->r->nodes) : 0;

	if (k->old && !k->node_cnt && have && !(k->r->flags & RESV_ANY_NODES))
		return E_RESERVATION_INVALID;
	k->r->flags &= ~(RESV_PART_NODES | RESV_ALL_NODES);
	if (k->node_cnt > have)
		return pick_more(k, k->node_cnt - have);
	if (k->node_cnt < have)
		drop_some(k, k->node_cnt);
	return E_OK;
}

static enum err change_nodes(struct change *k)
{
	const char *list = k->m->node_list;
	uint32_t had = k->r->nodes ? bitset_count(k->r->nodes) : 0;
	enum err rc = E_OK;

	if (list && !*list && k->old) {         /* others, as many */
		k->r->flags &= ~(RESV_SPEC_NODES | RESV_ALL_NODES);
		bitset_free(k->r->nodes);
		k->r->nodes = NULL;
		if (k->node_cnt == NO_VAL || !k->node_cnt)
			k->node_cnt = had;
		list = NULL;
	}
	if (list)
		rc = name_nodes(k, list);
	if (rc == E_OK && k->node_cnt != NO_VAL && (k->old || !list))
		rc = resize(k);
	if (rc != E_OK)
		return rc;
	nodes_named(k);
	rc = check_overlap(k);
	if (rc == E_OK && k->r->nodes && !(k->r->flags & RESV_IGN_JOBS) &&
	    (list || k->old) && jobs_there(k, k->r->nodes, resv_start(k->c, k->r)))
		rc = E_NODES_BUSY;
	return rc;
}

/* ---- sizes ------------------------------------------------------------- */

/* Before 23.11 counts come as a list that ends with 0. */
static enum err read_counts(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	char *copy, *save = NULL;
	bool cores = m->core_cnt != NO_VAL || (m->core_cnt_list_count && m->core_cnt_list[0]);

	k->node_cnt = m->node_cnt;
	if (m->node_cnt_list_count) {
		k->node_cnt = 0;
		for (uint32_t i = 0; i < m->node_cnt_list_count; i++)
			k->node_cnt += m->node_cnt_list[i];
	}
	copy = arena_strdup(&k->out->mem, m->tres_str ? m->tres_str : "");
	for (char *p = strtok_r(copy, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		if (strncasecmp(p, "node=", 5) == 0) {
			if (k->node_cnt != NO_VAL)
				return E_INVALID_NODE_COUNT;
			k->node_cnt = (uint32_t)strtoul(p + 5, NULL, 10);
		} else if (strncasecmp(p, "cpu=", 4) == 0) {
			cores = true;
		} else if (strncasecmp(p, "license/", 8) == 0 && !m->licenses) {
			p[8 + strcspn(p + 8, "=")] = ':';
			node_set_str(&k->r->licenses, p + 8);
		} else {
			return refuse(k, E_INVALID_TRES, "Some given TRES is not supported");
		}
	}
	if (!cores)
		return E_OK;
	return k->old ? refuse(k, E_CORE_RESERVATION_UPDATE,
			       "Updating core/node TRES not supported for core-based reservations") :
		refuse(k, E_NOT_SUPPORTED, "Reservations of single cores are not supported here");
}

static enum err change_licenses(struct change *k)
{
	const char *text = k->m->licenses ? k->m->licenses : k->r->licenses;

	if (text && !licenses_valid(k->c, text))
		return E_INVALID_LICENSES;
	if (k->m->licenses)
		node_set_str(&k->r->licenses, k->m->licenses);
	return E_OK;
}

static enum err change_partition(struct change *k)
{
	if (!k->m->partition)
		return E_OK;
	if (*k->m->partition && !part_find(k->c, k->m->partition))
		return E_INVALID_PARTITION_NAME;
	node_set_str(&k->r->partition, k->m->partition);
	return E_OK;
}

static void change_texts(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	struct resv *r = k->r;

	if (m->comment)
		node_set_str(&r->comment, m->comment);
	if (m->max_start_delay != NO_VAL)
		r->max_start_delay = m->max_start_delay;
	if (m->purge_comp_time != NO_VAL)
		r->purge_comp_time = m->purge_comp_time;
}

/* ---- times ------------------------------------------------------------- */

static enum err first_times(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	struct resv *r = k->r;
	int64_t now = k->c->now;

	r->utc_offset = k->c->utc_offset;
	r->start = m->start_time == (int64_t)NO_VAL ? now : m->start_time;
	if (r->flags & RESV_TIME_FLOAT && r->start < now)
		r->start = now;
	if (r->start < now - PAST_SEC)
		return E_INVALID_TIME_VALUE;
	r->duration_min = m->duration;
	if (m->end_time != (int64_t)NO_VAL) {
		if (m->end_time < now - PAST_SEC)
			return E_INVALID_TIME_VALUE;
		r->end = m->end_time;
	} else if (m->duration == INFINITE || m->duration == NO_VAL) {
		r->end = r->start + 365 * 86400;
	} else if (m->duration) {
		r->end = r->start + (int64_t)m->duration * 60;
	} else {
		r->end = INFINITE;
	}
	if (r->flags & RESV_TIME_FLOAT)
		r->start -= now;
	return E_OK;
}

static enum err change_times(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	struct resv *r = k->r;
	int64_t now = k->c->now;

	if (m->start_time != (int64_t)NO_VAL) {
		if (r->start <= now)
			return E_RSV_ALREADY_STARTED;
		if (m->start_time < now - PAST_SEC)
			return E_INVALID_TIME_VALUE;
		r->start = m->start_time;
		r->utc_offset = k->c->utc_offset;
		if (r->duration_min != NO_VAL)
			r->end = r->start + (int64_t)r->duration_min * 60;
	}
	if (m->end_time != (int64_t)NO_VAL) {
		if (m->end_time < now - PAST_SEC)
			return E_INVALID_TIME_VALUE;
		r->end = m->end_time;
		r->duration_min = NO_VAL;
	}
	if (m->duration != NO_VAL) {
		uint32_t d = m->duration == INFINITE ? 365 * 1440 : m->duration;
		uint32_t had = r->duration_min != NO_VAL ? r->duration_min :
			(uint32_t)((r->end - r->start) / 60);

		if (m->duration != INFINITE && k->flags & RESV_DUR_PLUS)
			d = had + d;
		else if (m->duration != INFINITE && k->flags & RESV_DUR_MINUS)
			d = had > d ? had - d : 0;
		r->duration_min = d;
		r->end = r->start + (int64_t)d * 60;
		if (r->end < now)
			r->end = now;
	}
	return r->start >= r->end ? E_INVALID_TIME_VALUE : E_OK;
}

/* ---- flags ------------------------------------------------------------- */

static bool several(uint64_t repeats)
{
	return repeats & (repeats - 1);
}

static enum err first_flags(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	uint64_t f = k->flags & KNOWN;

	if (several(f & RESV_REPEATS))
		return refuse(k, E_NOT_SUPPORTED, "Reservation has multiple reoccurring flags. "
			      "Please specify only one reoccurring flag");
	if (f & (RESV_REPLACE | RESV_REPLACE_DOWN) && m->node_list)
		return refuse(k, E_INVALID_NODE_NAME, "REPLACE or REPLACE_DOWN flags should be used "
			      "with the NodeCnt reservation option; do not specify Nodes");
	if (f & (RESV_REPLACE | RESV_REPLACE_DOWN))
		return refuse(k, E_NOT_SUPPORTED, "Replacing nodes is not supported here");
	if (f & RESV_PART_NODES && (!m->partition || !*m->partition))
		return E_INVALID_PARTITION_NAME;
	if (f & RESV_PART_NODES && (!m->node_list || strcasecmp(m->node_list, "ALL") != 0))
		return E_INVALID_NODE_NAME;
	if (f & RESV_TIME_FLOAT && f & RESV_REPEATS)
		return refuse(k, E_NOT_SUPPORTED, "Reservation request has mutually exclusive flags. "
			      "Repeating floating reservations are not supported.");
	k->r->flags = f;
	return E_OK;
}

static enum err change_repeats(struct change *k)
{
	uint64_t have = k->r->flags & RESV_REPEATS, want = k->flags & RESV_REPEATS;

	if (!want)
		return E_OK;
	if (k->r->flags & RESV_TIME_FLOAT)
		return refuse(k, E_NOT_SUPPORTED,
			      "Cannot add a reoccurring flag to a floating reservation");
	if ((have && have != want) || several(want))
		return refuse(k, E_NOT_SUPPORTED, "Cannot update reservation to have multiple "
			      "reoccurring flags. Please specify only one reoccurring flag");
	k->r->flags |= want;
	return E_OK;
}

static enum err change_flags(struct change *k)
{
	static const struct { uint64_t set, clear; } pair[] = {
		{ RESV_FLEX, RESV_NO_FLEX }, { RESV_MAINT, RESV_NO_MAINT }, { RESV_OVERLAP, 0 },
		{ RESV_IGN_JOBS, RESV_NO_IGN_JOBS }, { RESV_ANY_NODES, RESV_NO_ANY_NODES },
		{ RESV_STATIC, RESV_NO_STATIC }, { RESV_PURGE_COMP, RESV_NO_PURGE_COMP },
		{ RESV_NO_HOLD_JOBS, 0 }, { RESV_MAGNETIC, RESV_NO_MAGNETIC },
		{ RESV_USER_DEL, RESV_NO_USER_DEL },
	};
	static const struct { uint64_t take, clear; } gone[] = {
		{ RESV_HOURLY, RESV_NO_HOURLY }, { RESV_DAILY, RESV_NO_DAILY },
		{ RESV_WEEKDAY, RESV_NO_WEEKDAY }, { RESV_WEEKEND, RESV_NO_WEEKEND },
		{ RESV_WEEKLY, RESV_NO_WEEKLY }, { RESV_PART_NODES, RESV_NO_PART_NODES },
	};
	uint64_t f = k->flags;
	struct resv *r = k->r;

	for (size_t i = 0; i < sizeof(pair) / sizeof(pair[0]); i++) {
		if (f & pair[i].set)
			r->flags |= pair[i].set;
		if (f & pair[i].clear)
			r->flags &= ~pair[i].set;
	}
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		if (f & gone[i].clear)
			r->flags &= ~gone[i].take;
	if (f & RESV_NO_PURGE_COMP && k->m->purge_comp_time == NO_VAL)
		r->purge_comp_time = PURGE_SEC;
	if (f & (RESV_REPLACE | RESV_REPLACE_DOWN))
		return refuse(k, E_NOT_SUPPORTED, r->flags & RESV_SPEC_NODES ? "Reservation can't be "
			      "updated with REPLACE or REPLACE_DOWN flags; they should be updated on "
			      "a NodeCnt reservation" : "Replacing nodes is not supported here");
	if (f & RESV_PART_NODES) {
		if (!r->partition && !k->m->partition)
			return E_INVALID_PARTITION_NAME;
		if (!k->m->node_list || strcasecmp(k->m->node_list, "ALL") != 0)
			return E_INVALID_NODE_NAME;
		r->flags |= RESV_PART_NODES;
	}
	if (f & RESV_TIME_FLOAT)
		return E_INVALID_TIME_VALUE;
	if (f & RESV_SKIP && !(r->flags & RESV_REPEATS))
		return E_RESERVATION_NO_SKIP;
	return change_repeats(k);
}

/* ---- the requests ------------------------------------------------------ */

static struct resv *copy(const struct resv *o)
{
	struct resv *r = mem_zalloc(sizeof(*r));

	if (!o)
		return r;
	*r = *o;
	r->name = mem_strdup(o->name);
	r->users = mem_strdup(o->users);
	r->groups = mem_strdup(o->groups);
	r->accounts = mem_strdup(o->accounts);
	r->features = mem_strdup(o->features);
	r->licenses = mem_strdup(o->licenses);
	r->partition = mem_strdup(o->partition);
	r->comment = mem_strdup(o->comment);
	r->qos = mem_strdup(o->qos);
	r->allowed_parts = mem_strdup(o->allowed_parts);
	r->node_text = mem_strdup(o->node_text);
	r->nodes = bitset_dup(o->nodes);
	r->uids = mem_alloc((o->uid_count + 1) * sizeof(*r->uids));
	memcpy(r->uids, o->uids ? o->uids : r->uids, o->uid_count * sizeof(*r->uids));
	r->per_name = mem_alloc((o->name_count + 1) * sizeof(*r->per_name));
	memcpy(r->per_name, o->per_name ? o->per_name : r->per_name,
	       o->name_count * sizeof(*r->per_name));
	return r;
}

static void changed(struct core *c, struct resv *r, struct effects *out)
{
	resv_dirty(c, r);
	for (struct job *j = c->job_first; j; j = j->next)
		if (job_str(j, JS_RESERVATION) && job_is_running(j))
			timer_set(c, j);
	resv_run(c, out);
}

static void give_name(struct core *c, struct resv *r)
{
	const char *from = r->accounts ? r->accounts : r->users ? r->users :
		r->groups ? r->groups : "resv";

	from += *from == '-';
	do {
		free(r->name);
		r->id = c->next_resv_id++;
		r->name = mem_printf("%.*s_%u", (int)strcspn(from, ","), from, r->id);
	} while (resv_find(c, r->name));
}

static enum err create(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	struct resv *r = k->r;
	enum err rc;

	r->purge_comp_time = PURGE_SEC;
	rc = read_counts(k);
	if (rc == E_OK)
		rc = first_flags(k);
	if (rc == E_OK)
		rc = first_times(k);
	if (rc == E_OK)
		rc = change_partition(k);
	if (rc == E_OK)
		rc = change_people(k);
	if (rc == E_OK)
		rc = change_licenses(k);
	if (rc == E_OK && m->burst_buffer && *m->burst_buffer)
		rc = E_INVALID_BURST_BUFFER_REQUEST;
	if (rc != E_OK)
		return rc;
	change_texts(k);
	node_set_str(&r->features, m->features);
	if (!m->node_list && (k->node_cnt == NO_VAL || !k->node_cnt)) {
		if (!(r->flags & RESV_ANY_NODES))
			return E_INVALID_NODE_NAME;
		return r->licenses ? E_OK : E_RESERVATION_INVALID;
	}
	return change_nodes(k);
}

static enum err update(struct change *k)
{
	enum err rc = read_counts(k);

	if (rc == E_OK)
		rc = change_flags(k);
	if (rc == E_OK)
		rc = change_partition(k);
	if (rc == E_OK && k->m->features && *k->m->features)
		rc = E_NOT_SUPPORTED;
	if (rc == E_OK && k->m->burst_buffer && *k->m->burst_buffer)
		rc = E_INVALID_BURST_BUFFER_REQUEST;
	if (rc == E_OK)
		rc = change_licenses(k);
	if (rc == E_OK)
		rc = change_people(k);
	if (rc == E_OK)
		rc = change_times(k);
	if (rc != E_OK)
		return rc;
	if (k->m->features)
		node_set_str(&k->r->features, NULL);
	change_texts(k);
	return change_nodes(k);
}

static void told(struct effects *out, const char *what, const struct resv *r)
{
	effect_log(out, 3, "sched: %s reservation=%s users=%s groups=%s accounts=%s nodes=%s "
		   "licenses=%s", what, r->name, r->users ? r->users : "",
		   r->groups ? r->groups : "", r->accounts ? r->accounts : "",
		   r->node_text ? r->node_text : "", r->licenses ? r->licenses : "");
}

static bool admin(const struct event *ev, struct effects *out, const char *what)
{
	if (ev->caller.root_or_slurm || ev->caller.operator_)
		return true;
	effect_log(out, 2, "Security violation, %s_RESERVATION RPC from uid=%u", what,
		   ev->caller.uid);
	effect_reply_rc(out, ev, E_USER_ID_MISSING);
	return false;
}

void rpc_create_resv(struct core *c, const struct event *ev, struct effects *out)
{
	const struct update_resv_msg *m = ev->body;
	struct err_text why = { "" };
	struct change k = { .c = c, .ev = ev, .m = m, .why = &why, .out = out,
			    .flags = m->flags == NO_VAL64 ? 0 : m->flags };
	struct resv **at = &c->resv_first;
	enum err rc;

	if (!admin(ev, out, "CREATE"))
		return;
	k.r = copy(NULL);
	rc = create(&k);
	if (rc == E_OK && m->name && resv_find(c, m->name))
		rc = E_RESERVATION_NAME_DUP;
	if (rc != E_OK) {
		resv_free(k.r);
		effect_log(out, 3, "create reservation=%s: %s", m->name ? m->name : "", err_str(rc));
		effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	if (m->name && *m->name) {
		k.r->name = mem_strdup(m->name);
		k.r->id = c->next_resv_id++;
	} else {
		give_name(c, k.r);
	}
	while (*at)
		at = &(*at)->next;
	*at = k.r;
	told(out, "Created", k.r);
	((struct resv_name_msg *)effect_reply(out, ev, RESPONSE_CREATE_RESERVATION))->name =
		arena_strdup(&out->mem, k.r->name);
	changed(c, k.r, out);
}

/* Jobs that would no longer be let in. */
static uint32_t shut_out(const struct core *c, const struct resv *old, const struct resv *r)
{
	for (const struct job *j = c->job_first; j; j = j->next) {
		const char *own = job_str(j, JS_RESERVATION);

		if (job_is_finished(j) || !own || strcmp(own, old->name) != 0)
			continue;
		if (!resv_allows(c, r, j->uid, job_str(j, JS_ACCOUNT)))
			return j->id;
	}
	return 0;
}

static void put_in_place(struct core *c, struct resv *old, struct resv *r)
{
	struct resv **at = &c->resv_first;

	while (*at != old)
		at = &(*at)->next;
	*at = r;
	r->next = old->next;
	resv_free(old);
}

void rpc_update_resv(struct core *c, const struct event *ev, struct effects *out)
{
	const struct update_resv_msg *m = ev->body;
	struct resv *old = resv_find(c, m->name);
	struct update_resv_msg only_skip;
	struct err_text why = { "" };
	struct change k = { .c = c, .ev = ev, .m = m, .why = &why, .out = out, .old = old,
			    .flags = m->flags == NO_VAL64 ? 0 : m->flags };
	uint32_t id;
	enum err rc;

	/* Users it lets in may let an occurrence pass when they may delete it. */
	if (!ev->caller.operator_ && !ev->caller.root_or_slurm && old &&
	    old->flags & RESV_USER_DEL && k.flags & RESV_SKIP &&
	    resv_allows(c, old, ev->caller.uid, NULL)) {
		wire_init(&update_resv_msg_desc, &only_skip);
		only_skip.start_time = only_skip.end_time = (int64_t)NO_VAL;
		only_skip.duration = only_skip.max_start_delay = only_skip.purge_comp_time = NO_VAL;
		only_skip.node_cnt = only_skip.core_cnt = NO_VAL;
		only_skip.flags = k.flags = RESV_SKIP;
		k.m = &only_skip;
	} else if (!admin(ev, out, "UPDATE")) {
		return;
	}
	if (!old) {
		effect_reply_rc_msg(out, ev, E_RESERVATION_INVALID, "");
		return;
	}
	k.r = copy(old);
	rc = update(&k);
	id = rc == E_OK ? shut_out(c, old, k.r) : 0;
	if (id)
		rc = err_set(&why, E_RESERVATION_BUSY,
			     "Reservation update rejected because of JobId=%u", id);
	if (rc != E_OK) {
		resv_free(k.r);
		effect_log(out, 3, "update reservation=%s: %s", old->name, err_str(rc));
		effect_reply_rc_msg(out, ev, rc, why.text);
		return;
	}
	put_in_place(c, old, k.r);
	if (k.flags & RESV_SKIP)
		resv_advance(c, k.r);
	told(out, "Updated", k.r);
	effect_reply_rc(out, ev, E_OK);
	changed(c, k.r, out);
}

void rpc_delete_resv(struct core *c, const struct event *ev, struct effects *out)
{
	const struct resv_name_msg *m = ev->body;
	struct resv *r = resv_find(c, m->name);
	uint32_t run, wait;

	if (!(r && r->flags & RESV_USER_DEL && resv_allows(c, r, ev->caller.uid, NULL)) &&
	    !admin(ev, out, "DELETE"))
		return;
	if (!r) {
		effect_log(out, 3, "Reservation %s not found for deletion", m->name ? m->name : "");
		effect_reply_rc(out, ev, m->name ? E_RESERVATION_INVALID : E_INVALID_PARTITION_NAME);
		return;
	}
	resv_count_jobs(c, r, &run, &wait);
	if (run || wait) {
		effect_reply_rc(out, ev, E_RESERVATION_BUSY);
		return;
	}
	told(out, "Deleted", r);
	resv_remove(c, r);
	effect_reply_rc(out, ev, E_OK);
	resv_run(c, out);
}
