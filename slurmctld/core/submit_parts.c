/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions of a request: which, who may, and what they allow, in the order in
 * which stock looks. */
#include <stdlib.h>
#include <strings.h>

#include "conf/topo.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/submit_i.h"

enum err part_list_of(struct core *c, const char *text, struct part **first,
		      struct err_text *why)
{
	char *copy = mem_strdup(text), *save = NULL;
	enum err rc = E_INVALID_PARTITION_NAME;

	for (char *n = copy ? strtok_r(copy, ",", &save) : NULL; n;
	     n = strtok_r(NULL, ",", &save)) {
		struct part *p = part_find(c, n);

		if (!p) {
			rc = err_set(why, E_INVALID_PARTITION_NAME,
				     "invalid partition specified: %s", n);
			*first = NULL;
			break;
		}
		if (rc != E_OK)
			*first = p;
		rc = E_OK;
	}
	free(copy);
	return rc;
}

static enum err alternate(struct core *c, struct part **p)
{
	struct part *alt = *p;

	for (uint32_t hops = 0; !(alt->state_up & PARTITION_SUBMIT); hops++) {
		if (!alt->alternate || hops > c->part_count)
			return E_PARTITION_NOT_AVAIL;
		alt = part_find(c, alt->alternate);
		if (!alt)
			return E_INVALID_PARTITION_NAME;
	}
	*p = alt;
	return E_OK;
}

static enum err find_parts(struct core *c, struct draft *t)
{
	char *copy, *save = NULL;
	enum err rc = E_OK, last = E_PARTITION_NOT_AVAIL;
	struct part *first = NULL;

	if (!t->d->partition || !*t->d->partition) {
		const struct resv *v = resv_find(c, t->d->reservation);

		first = v && v->partition ? part_find(c, v->partition) : NULL;
		if (!first)
			first = c->default_part;
		if (!first)
			return E_DEFAULT_PARTITION_NOT_SET;
		rc = alternate(c, &first);
		t->part[t->part_count++] = first;
		return rc;
	}
	rc = part_list_of(c, t->d->partition, &first, t->why);
	if (rc != E_OK)
		return rc;
	copy = mem_strdup(t->d->partition);
	for (char *n = strtok_r(copy, ",", &save); n && t->part_count < 32;
	     n = strtok_r(NULL, ",", &save)) {
		struct part *p = part_find(c, n);
		bool seen = false;

		last = alternate(c, &p);
		for (uint32_t i = 0; i < t->part_count; i++)
			seen |= t->part[i] == p;
		if (last == E_OK && !seen)
			t->part[t->part_count++] = p;
	}
	free(copy);
	return t->part_count ? E_OK : last;
}

static bool name_listed(const char *list, const char *name)
{
	size_t n = name ? strlen(name) : 0;

	for (const char *p = list; p && *p; p += strcspn(p, ",") , p += *p == ',') {
		if (n && strcspn(p, ",") == n && strncasecmp(p, name, n) == 0)
			return true;
	}
	return false;
}

static enum err part_limits(const struct part *p, const struct draft *t)
{
	if (!(p->state_up & PARTITION_SCHED))
		return E_OK;
	if (t->min_nodes != NO_VAL && t->min_nodes < p->min_nodes)
		return E_INVALID_NODE_COUNT;
	if (t->max_nodes != NO_VAL && t->max_nodes > p->max_nodes)
		return E_INVALID_NODE_COUNT;
	if (t->time_limit != NO_VAL && t->time_limit > p->max_time_min)
		return E_INVALID_TIME_LIMIT;
	return E_OK;
}

static enum err part_people(const struct part *p, const struct draft *t)
{
	const char *account = t->d->account;

	if (p->allow_accounts && strcasecmp(p->allow_accounts, "ALL") != 0) {
		if (account && !name_listed(p->allow_accounts, account))
			return E_INVALID_ACCOUNT;
	} else if (p->deny_accounts && account && name_listed(p->deny_accounts, account)) {
		return E_INVALID_ACCOUNT;
	}
	return E_OK;
}

static enum err part_access(struct core *c, const struct part *p, const struct draft *t)
{
	enum err rc;

	if (p->flags & PART_FLAG_REQ_RESV && (!t->d->reservation || !*t->d->reservation))
		return E_ACCESS_DENIED;
	if (p->flags & PART_FLAG_ROOT_ONLY && !t->ev->caller.root_or_slurm)
		return E_ACCESS_DENIED;
	if (t->uid == 0 && p->flags & PART_FLAG_NO_ROOT)
		return E_USER_ID_MISSING;
	if (!part_user_allowed(c, p, t->uid))
		return E_JOB_MISSING_REQUIRED_PARTITION_GROUP;
	if (p->alloc_nodes && strcasecmp(p->alloc_nodes, "ALL") != 0) {
		struct arena mem = { 0 };
		char **names = NULL;
		uint32_t count = 0;
		bool found = false;

		hostlist_expand(p->alloc_nodes, &mem, &names, &count, NULL);
		for (uint32_t i = 0; i < count; i++)
			found |= streq(names[i], t->alloc_node);
		arena_fini(&mem);
		if (!found)
			return E_ACCESS_DENIED;
	}
	if (p->state_up & PARTITION_SCHED && t->min_cpus != NO_VAL) {
		uint64_t most = p->total_cpus, by_node = (uint64_t)p->max_cpus_per_node *
			p->total_nodes;

		if (t->min_cpus > most || (p->max_cpus_per_node != INFINITE &&
					   p->max_cpus_per_node && t->min_cpus > by_node))
			return E_TOO_MANY_REQUESTED_CPUS;
	}
	if (p->state_up & PARTITION_SCHED && t->min_nodes != NO_VAL &&
	    t->min_nodes > p->total_nodes)
		return E_INVALID_NODE_COUNT;
	if (t->req && bitset_count(t->req) <= t->min_nodes && !bitset_subset(t->req, p->nodes))
		return E_REQUESTED_NODES_NOT_IN_PARTITION;
	rc = part_limits(p, t);
	if (rc == E_OK && c->conf->enforcepartlimits)
		rc = part_people(p, t);
	return rc;
}

static enum err parts_access(struct core *c, struct draft *t)
{
	uint16_t enforce = c->conf->enforcepartlimits;
	enum err rc, fail = E_OK;
	bool any = false;

	for (uint32_t i = 0; i < t->part_count; i++) {
		rc = part_access(c, t->part[i], t);
		if (rc == E_OK) {
			any = true;
			continue;
		}
		fail = rc;
		if (rc == E_ACCESS_DENIED || rc == E_USER_ID_MISSING ||
		    rc == E_JOB_MISSING_REQUIRED_PARTITION_GROUP)
			return rc;
	}
	if (!enforce || fail == E_OK)
		return E_OK;
	return enforce == ENFORCE_ANY && any ? E_OK : fail;
}

static enum err part_times(struct core *c, struct draft *t, uint32_t max_time)
{
	const struct job_desc_msg *d = t->d;
	bool has_min = d->time_min != NO_VAL && d->time_min;
	int64_t begin = d->begin_time > c->now ? d->begin_time : c->now;

	if (t->time_limit == NO_VAL && t->part[0]->default_time_min == 0)
		return E_INVALID_TIME_LIMIT;
	if (t->time_limit == NO_VAL && t->part[0]->default_time_min != NO_VAL)
		t->time_limit = t->part[0]->default_time_min;
	if (has_min && d->time_min > max_time)
		return E_INVALID_TIME_MIN_LIMIT;
	if (t->time_limit != NO_VAL && t->time_limit > max_time && !has_min &&
	    c->conf->enforcepartlimits)
		return E_INVALID_TIME_LIMIT;
	if (has_min && d->time_min > t->time_limit)
		return E_INVALID_TIME_MIN_LIMIT;
	if (d->deadline && d->deadline != NO_VAL) {
		if (d->deadline < begin)
			return E_INVALID_TIME_LIMIT;
		if (has_min && d->deadline < begin + (int64_t)d->time_min * 60)
			return E_INVALID_TIME_MIN_LIMIT;
		if (!has_min && t->time_limit && t->time_limit != NO_VAL &&
		    d->deadline < begin + (int64_t)t->time_limit * 60)
			return E_INVALID_TIME_LIMIT;
	}
	return E_OK;
}

enum err submit_parts(struct core *c, struct draft *t)
{
	uint32_t least = INFINITE, most = 1, max_time = 0;
	bool needs_nodes = t->array || !t->d->script || !c->conf->burstbuffertype;
	enum err rc;

	if (t->d->req_nodes) {
		t->req = bitset_new(c->node_count);
		rc = nodes_parse(c, t->d->req_nodes, t->req, NULL);
		if (rc != E_OK)
			return E_INVALID_NODE_NAME;
	}
	if (t->max_nodes == 0 && needs_nodes)
		return E_INVALID_NODE_COUNT;
	rc = find_parts(c, t);
	if (rc != E_OK)
		return rc;
	rc = parts_access(c, t);
	if (rc != E_OK)
		return rc;
	for (uint32_t i = 0; i < t->part_count; i++) {
		const struct topo *net = part_topo(c, t->part[i]);

		if (t->d->shared == JOB_SHARED_TOPO && net && net->kind == CONF_TOPO_BLOCK)
			return err_set(t->why, E_NOT_SUPPORTED, "--exclusive=topo: no job gets "
				       "whole blocks of this slurmctld");
		least = t->part[i]->min_nodes < least ? t->part[i]->min_nodes : least;
		most = t->part[i]->max_nodes > most ? t->part[i]->max_nodes : most;
		max_time = t->part[i]->max_time_min > max_time ? t->part[i]->max_time_min :
			max_time;
	}
	if (t->min_nodes > most && c->conf->enforcepartlimits)
		return E_INVALID_NODE_COUNT;
	if (t->min_nodes < least && (t->max_nodes == NO_VAL || t->max_nodes >= least))
		t->min_nodes = least;
	if (t->max_nodes != NO_VAL && c->conf->enforcepartlimits && t->max_nodes < least)
		return E_INVALID_NODE_COUNT;
	if (t->min_nodes == 0 && needs_nodes)
		return E_INVALID_NODE_COUNT;
	return part_times(c, t, max_time);
}
