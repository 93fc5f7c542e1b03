/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations made, changed and deleted.  A request is applied to a copy,
 * which takes the place of the record when all of it was good. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/resv_i.h"

#define PAST_SEC 60             /* clocks and typing may be that slow */
#define PURGE_SEC 300
#define KNOWN (RESV_MAINT | RESV_FLEX | RESV_OVERLAP | RESV_IGN_JOBS | RESV_REPEATS | RESV_STATIC | \
	       RESV_ANY_NODES | RESV_PART_NODES | RESV_TIME_FLOAT | RESV_PURGE_COMP | RESV_REPLACE | \
	       RESV_REPLACE_DOWN | RESV_NO_HOLD_JOBS | RESV_MAGNETIC | RESV_USER_DEL | \
	       RESV_TRES_PER_NODE | RESV_FORCE_START)
#define REPLACING (RESV_REPLACE | RESV_REPLACE_DOWN)
#define KEEPING (RESV_STATIC | RESV_MAINT)

static enum err refuse(struct change *k, enum err rc, const char *text)
{
	return err_set(k->why, rc, "%s", text);
}

/* ---- sizes ------------------------------------------------------------- */

static uint32_t sum(const uint32_t *v, uint32_t n)
{
	uint32_t all = 0;

	for (uint32_t i = 0; i < n; i++)
		all += v[i];
	return all;
}

/* Before 23.11 counts come as lists, one number for each component. */
static void read_lists(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	uint32_t n = m->core_cnt_list_count;

	k->node_cnt = m->node_cnt;
	k->core_cnt = m->core_cnt ? m->core_cnt : NO_VAL;
	if (m->node_cnt_list_count)
		k->node_cnt = sum(m->node_cnt_list, m->node_cnt_list_count);
	while (n && !m->core_cnt_list[n - 1])
		n--;
	if (!m->core_cnt_list_count)
		return;
	k->core_cnt = sum(m->core_cnt_list, n);
	if (m->node_list) {
		k->core_each = m->core_cnt_list;
		k->each_count = n;
	}
}

/* Is it one of those that are counted here? */
static bool tres_known(const struct change *k, const char *name)
{
	static const char base[] = "cpu,mem,energy,node,billing,fs/disk,vmem,pages";
	const char *list[] = { base, k->c->conf->accountingstoragetres };
	size_t n = strcspn(name, "=");

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		for (const char *p = list[i]; p && *p; p += strcspn(p, ","), p += *p == ',')
			if (strcspn(p, ",") == n && strncasecmp(p, name, n) == 0)
				return true;
	return false;
}

static enum err read_tres(struct change *k, char *p)
{
	uint32_t n = (uint32_t)strtoul(p + strcspn(p, "=") + (strchr(p, '=') != NULL), NULL, 10);

	if (!tres_known(k, p))
		return E_INVALID_TRES;
	if (strncasecmp(p, "node=", 5) == 0) {
		if (k->node_cnt != NO_VAL)
			return refuse(k, E_INVALID_NODE_COUNT, "TRES=node=<num> and Nodes=<num> "
				      "are mutually exclusive");
		k->node_cnt = n;
	} else if (strncasecmp(p, "cpu=", 4) == 0) {
		if (k->core_cnt != NO_VAL)
			return refuse(k, E_INVALID_CPU_COUNT, "TRES=cpu=<num> and CoreCnt=<num> "
				      "are mutually exclusive");
		k->core_cnt = n ? n : NO_VAL;
	} else if (strncasecmp(p, "license/", 8) == 0) {
		if (k->m->licenses)
			return refuse(k, E_INVALID_LICENSES, "TRES=license/<name>=<num> and "
				      "Licenses=<name>:<num> are mutually exclusive");
		p[8 + strcspn(p + 8, "=")] = ':';
		node_set_str(&k->r->licenses, p + 8);
	} else if (strncasecmp(p, "gres/", 5) == 0) {
		return refuse(k, E_NOT_SUPPORTED, "Reservations of GRES are not supported here");
	}
	return E_OK;
}

static enum err read_counts(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	char *copy = arena_strdup(&k->out->mem, m->tres_str ? m->tres_str : ""), *save = NULL;
	bool partly = k->old && k->old->core_text;
	enum err rc = E_OK;

	read_lists(k);
	for (char *p = strtok_r(copy, ",", &save); p && rc == E_OK; p = strtok_r(NULL, ",", &save))
		rc = read_tres(k, p);
	if (rc != E_OK)
		return rc;
	if (m->tres_str && k->flags & RESV_TRES_PER_NODE && k->core_cnt != NO_VAL &&
	    k->node_cnt != NO_VAL) {
		k->per_node = k->core_cnt;
		k->core_cnt *= k->node_cnt;
	}
	if (k->core_cnt != NO_VAL && k->c->conf->selecttype &&
	    strstr(k->c->conf->selecttype, "linear"))
		return refuse(k, E_NOT_SUPPORTED, "CoreCnt only supported with cons_tres.");
	if (k->old && ((partly && (k->node_cnt != NO_VAL || m->node_list)) || k->core_cnt != NO_VAL))
		return refuse(k, E_CORE_RESERVATION_UPDATE, "Updating core/node TRES not supported "
			      "for core-based reservations");
	return E_OK;
}

static enum err change_licenses(struct change *k)
{
	const char *text = k->m->licenses ? k->m->licenses : k->r->licenses;

	if (text && !licenses_valid(k->c, text))
		return E_INVALID_LICENSES;
	if (k->old && k->m->licenses && !*k->m->licenses &&
	    (!k->node_cnt || (k->node_cnt == NO_VAL && !k->r->node_text)))
		return E_INVALID_LICENSES;
	if (k->m->licenses)
		node_set_str(&k->r->licenses, k->m->licenses);
	return E_OK;
}

static enum err change_partition(struct change *k)
{
	if (!k->m->partition)
		return E_OK;
	if (!*k->m->partition && k->old)
		return refuse(k, E_INVALID_PARTITION_NAME, "Reservation partition cannot be removed");
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
	if (m->burst_buffer)
		node_set_str(&r->burst_buffer, m->burst_buffer);
	if (m->resv_watts != NO_VAL)
		r->watts = m->resv_watts;
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
	if (r->start + (r->flags & RESV_FORCE_START ? (int64_t)m->duration * 60 : 0) <
	    now - PAST_SEC)
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
	if (f & REPLACING && m->node_list)
		return refuse(k, E_INVALID_NODE_NAME, "REPLACE or REPLACE_DOWN flags should be used "
			      "with the NodeCnt reservation option; do not specify Nodes");
	if (f & REPLACING && k->core_cnt != NO_VAL)
		return refuse(k, E_INVALID_CPU_COUNT, "REPLACE or REPLACE_DOWN flags should be used "
			      "with the NodeCnt reservation option; do not specify CoreCnt");
	if (f & REPLACING && f & KEEPING)
		return refuse(k, E_NOT_SUPPORTED, "REPLACE and REPLACE_DOWN flags cannot be used "
			      "with STATIC_ALLOC or MAINT flags");
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
	if (f & REPLACING && (r->flags & RESV_SPEC_NODES || r->core_text))
		return refuse(k, E_NOT_SUPPORTED, "Reservation can't be updated with REPLACE or "
			      "REPLACE_DOWN flags; they should be updated on a NodeCnt reservation");
	r->flags |= f & RESV_REPLACE ? RESV_REPLACE : f & RESV_REPLACE_DOWN;
	if (r->flags & REPLACING && r->flags & KEEPING)
		return refuse(k, E_NOT_SUPPORTED, "REPLACE and REPLACE_DOWN flags cannot be used "
			      "with STATIC_ALLOC or MAINT flags");
	if (f & RESV_PART_NODES) {
		if (!r->partition && !k->m->partition)
			return E_INVALID_PARTITION_NAME;
		if (!k->m->node_list || strcasecmp(k->m->node_list, "ALL") != 0)
			return E_INVALID_NODE_NAME;
		if (r->flags & REPLACING)
			return E_NOT_SUPPORTED;
		r->flags |= RESV_PART_NODES;
	}
	if (f & RESV_TIME_FLOAT)
		return E_INVALID_TIME_VALUE;
	if (f & RESV_SKIP && !(r->flags & RESV_REPEATS))
		return E_RESERVATION_NO_SKIP;
	return change_repeats(k);
}

/* ---- the requests ------------------------------------------------------ */

struct resv *resv_copy(const struct resv *o)
{
	struct resv *r = mem_zalloc(sizeof(*r));

	r->watts = NO_VAL;
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
	r->burst_buffer = mem_strdup(o->burst_buffer);
	r->core_text = mem_strdup(o->core_text);
	r->node_text = mem_strdup(o->node_text);
	resv_cores_copy(r, o);
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
		rc = resv_change_people(k);
	if (rc == E_OK)
		rc = change_licenses(k);
	if (rc != E_OK)
		return rc;
	change_texts(k);
	node_set_str(&r->features, m->features);
	return resv_first_nodes(k);
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
	if (rc == E_OK)
		rc = change_licenses(k);
	if (rc == E_OK)
		rc = resv_change_people(k);
	if (rc == E_OK)
		rc = change_times(k);
	if (rc != E_OK)
		return rc;
	if (k->m->features)
		node_set_str(&k->r->features, NULL);
	change_texts(k);
	return resv_change_nodes(k);
}

static void told(struct effects *out, const char *what, const struct resv *r)
{
	effect_log(out, 3, "sched: %s reservation=%s users=%s groups=%s accounts=%s nodes=%s "
		   "licenses=%s", what, r->name, r->users ? r->users : "",
		   r->groups ? r->groups : "", r->accounts ? r->accounts : "",
		   r->node_text ? r->node_text : "", r->licenses ? r->licenses : "");
}

/* Users it lets in may delete it, or let an occurrence pass. */
static bool by_user(const struct core *c, const struct event *ev, const struct resv *r)
{
	return r && (r->flags & RESV_USER_DEL ||
		     conf_option(c->conf->slurmctldparameters, "user_resv_delete", NULL)) &&
		resv_allows_user(c, r, ev->caller.uid);
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
	k.r = resv_copy(NULL);
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

static bool in_use(const struct core *c, const struct resv *r)
{
	uint32_t run, wait;

	resv_count_jobs(c, r, &run, &wait);
	return run || wait;
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

void resv_put_in_place(struct core *c, struct resv *old, struct resv *r)
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

	if (!ev->caller.operator_ && !ev->caller.root_or_slurm && k.flags & RESV_SKIP &&
	    by_user(c, ev, old)) {
		wire_init(&update_resv_msg_desc, &only_skip);
		only_skip.start_time = only_skip.end_time = (int64_t)NO_VAL;
		only_skip.duration = only_skip.max_start_delay = only_skip.purge_comp_time = NO_VAL;
		only_skip.node_cnt = only_skip.core_cnt = only_skip.resv_watts = NO_VAL;
		only_skip.flags = k.flags = RESV_SKIP;
		k.m = &only_skip;
	} else if (!admin(ev, out, "UPDATE")) {
		return;
	}
	if (!old) {
		effect_reply_rc_msg(out, ev, E_RESERVATION_INVALID, "");
		return;
	}
	k.r = resv_copy(old);
	rc = update(&k);
	if (rc == E_OK && k.flags & RESV_SKIP && in_use(c, old))
		rc = E_RESERVATION_BUSY;
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
	resv_put_in_place(c, old, k.r);
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

	if (!by_user(c, ev, r) && !admin(ev, out, "DELETE"))
		return;
	if (!r) {
		effect_log(out, 3, "Reservation %s not found for deletion", m->name ? m->name : "");
		effect_reply_rc(out, ev, m->name ? E_RESERVATION_INVALID : E_INVALID_PARTITION_NAME);
		return;
	}
	if (in_use(c, r)) {
		effect_reply_rc(out, ev, E_RESERVATION_BUSY);
		return;
	}
	told(out, "Deleted", r);
	resv_remove(c, r);
	effect_reply_rc(out, ev, E_OK);
	resv_run(c, out);
}

