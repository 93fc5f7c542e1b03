/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may use a reservation: lists of users, groups, accounts and partitions,
 * set anew or changed by "+name" and "-name". */
#include <stdlib.h>

#include "slurmctld/core/resv_i.h"

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

/* Signs make no sense in the first list, but for "all but". */
static bool first_is_plain(const struct change *k, const char *text, bool not_too)
{
	if (k->old)
		return true;
	for (const char *p = text; *p; p += strcspn(p, ","), p += *p == ',')
		if (*p == '+' || (*p == '-' && !not_too))
			return false;
	return true;
}

/* What is not in the list of groups can be taken away for nothing. */
static const char *groups_known(struct change *k, const char *change)
{
	struct name_list now, ask;
	char *text = arena_alloc(&k->out->mem, strlen(change) + 1), *p = text;

	list_read(&k->out->mem, k->r->groups, &now);
	list_read(&k->out->mem, change, &ask);
	for (uint32_t i = 0; i < ask.n; i++) {
		if (*ask.name[i] == '-' && list_find(&now, ask.name[i] + 1) == UINT32_MAX)
			continue;
		if (p > text)
			*p++ = ',';
		p = stpcpy(p, ask.name[i]);
	}
	*p = '\0';
	return *change && !*text ? NULL : text;
}

static enum err change_groups(struct change *k)
{
	struct resv *r = k->r;
	const char *before = r->groups ? arena_strdup(&k->out->mem, r->groups) : NULL;
	const char *text = groups_known(k, k->m->groups);
	bool not = false;
	enum err rc;

	if (!first_is_plain(k, k->m->groups, false))
		return E_GROUP_ID_MISSING;
	if (!text)
		return E_OK;
	rc = names_change(k, &r->groups, &not, text, E_GROUP_ID_MISSING);
	if (rc == E_OK && (r->groups || !r->users))
		rc = uids_follow(k, before, r->groups, E_GROUP_ID_MISSING);
	r->user_not = false;
	return rc;
}

static enum err change_users(struct change *k)
{
	struct resv *r = k->r;
	const char *before = r->users ? arena_strdup(&k->out->mem, r->users) : NULL;
	enum err rc;

	if (!first_is_plain(k, k->m->users, true))
		return E_USER_ID_MISSING;
	rc = names_change(k, &r->users, &r->user_not, k->m->users, E_USER_ID_MISSING);
	if (rc == E_OK && (r->users || !r->groups))
		rc = uids_follow(k, before, r->users, E_USER_ID_MISSING);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Partitions that exist, in the order of their names. */
static enum err change_parts(struct change *k)
{
	struct resv *r = k->r;
	bool not = r->allowed_parts && *r->allowed_parts == '-';
	struct name_list l;
	enum err rc;

	if (!first_is_plain(k, k->m->allowed_parts, true))
		return E_INVALID_PARTITION_NAME;
	rc = names_change(k, &r->allowed_parts, &not, k->m->allowed_parts,
			  E_INVALID_PARTITION_NAME);
	if (rc != E_OK)
		return rc;
	list_read(&k->out->mem, r->allowed_parts, &l);
	for (uint32_t i = 0; i < l.n; i++) {
		l.name[i] += not;
		if (!part_find(k->c, l.name[i]))
			return E_INVALID_PARTITION_NAME;
	}
	qsort(l.name, l.n, sizeof(l.name[0]), by_name);
	list_write(&r->allowed_parts, &l, not);
	return E_OK;
}

enum err resv_change_people(struct change *k)
{
	const struct update_resv_msg *m = k->m;
	struct resv *r = k->r;
	enum err rc = E_OK;

	/* which QOS there are only an accounting we do not keep could say */
	if (m->qos && *m->qos)
		rc = E_INVALID_QOS;
	if (rc == E_OK && m->allowed_parts)
		rc = change_parts(k);
	if (rc == E_OK && m->accounts)
		rc = names_change(k, &r->accounts, &r->account_not, m->accounts, E_INVALID_ACCOUNT);
	if (rc == E_OK && m->groups)
		rc = change_groups(k);
	if (rc == E_OK && m->users)
		rc = change_users(k);
	if (rc != E_OK)
		return rc;
	if (r->users && r->groups)
		return E_RESERVATION_USER_GROUP;
	return r->users || r->groups || r->accounts || r->qos || r->allowed_parts ? E_OK :
		E_RESERVATION_EMPTY;
}
