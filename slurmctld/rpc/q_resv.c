/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations: shown; and the names in requests about them looked up before
 * the core sees them. */
#include <ctype.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>

#include "slurmctld/core/resv.h"
#include "slurmctld/pool.h"
#include "slurmctld/rpc/fill.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/steps.h"

#define NAMES_MAX 512

/* ---- showing ----------------------------------------------------------- */

/* What is counted beside CPUs: the licences of AccountingStorageTRES. */
static char *tres_text(const struct core *c, struct request *r, const struct resv *v,
		       uint32_t cpus)
{
	char *t = cpus ? arena_printf(&r->mem, "cpu=%u", cpus) : NULL, *copy, *save = NULL;

	copy = arena_strdup(&r->mem, v->licenses ? v->licenses : "");
	for (char *p = strtok_r(copy, ",;", &save); p; p = strtok_r(NULL, ",;", &save)) {
		size_t n = strcspn(p, ":=*");

		if (!conf_option(c->conf->accountingstoragetres,
				 arena_printf(&r->mem, "license/%.*s", (int)n, p), NULL))
			continue;
		t = arena_printf(&r->mem, "%s%slicense/%.*s=%lu", t ? t : "", t ? "," : "", (int)n, p,
				 p[n] ? strtoul(p + n + 1, NULL, 10) : 1);
	}
	return t;
}

/* Which cores of each node. */
static void fill_cores(struct ctld *c, struct request *r, const struct resv *v,
		       struct reserve_info_members *m)
{
	struct reserve_info_members_item *item = arena_zalloc(&r->mem, (m->node_cnt + 1) *
							      sizeof *item);

	m->items = item;
	bitset_foreach(i, v->nodes) {
		char *text;

		if (!resv_cores_of(v, i))
			continue;
		text = bitset_to_ranges(resv_cores_of(v, i));
		item[m->core_spec_cnt].node_name = c->core->node[i]->name;
		item[m->core_spec_cnt++].core_id = arena_strdup(&r->mem, text);
		free(text);
	}
}

static void fill_resv(struct ctld *c, struct request *r, const struct resv *v,
		      struct reserve_info_members *m)
{
	uint32_t cpus;

	wire_init(&reserve_info_members_desc, m);
	m->accounts = v->accounts;
	m->burst_buffer = v->burst_buffer;
	m->resv_watts = v->watts;
	m->comment = v->comment;
	m->features = v->features;
	m->flags = v->flags;
	m->licenses = v->licenses;
	m->max_start_delay = v->max_start_delay;
	m->name = v->name;
	m->node_list = v->node_text;
	m->partition = v->partition;
	m->purge_comp_time = v->purge_comp_time;
	m->start_time = resv_start(c->core, v);
	m->end_time = resv_end(c->core, v);
	m->users = v->users;
	m->groups = v->groups;
	m->qos = v->qos;
	m->allowed_parts = v->allowed_parts;
	m->node_inx = v->nodes;
	m->node_cnt = v->nodes ? bitset_count(v->nodes) : 0;
	resv_count_cores(c->core, v, &m->core_cnt, &cpus);
	if (v->core_text)
		fill_cores(c, r, v, m);
	m->tres_str = tres_text(c->core, r, v, cpus);
}

void rpc_q_resv(struct ctld *c, struct request *r)
{
	const struct resv_info_request_msg *q = r->body;
	bool hidden = rpc_private(c, r, PRIVATE_RESV);
	struct reserve_info_msg m;
	uint32_t n = 0;

	if (q->last_update - 1 >= c->core->last_resv_update) {
		rpc_answer_rc(c, r, E_NO_CHANGE_IN_DATA);
		return;
	}
	wire_init(&reserve_info_msg_desc, &m);
	m.last_update = ctld_now_usec(c) / 1000000;
	for (const struct resv *v = c->core->resv_first; v; v = v->next)
		n++;
	m.reservation_array = arena_zalloc(&r->mem, (n + 1) * sizeof *m.reservation_array);
	for (const struct resv *v = c->core->resv_first; v; v = v->next)
		if (!hidden || resv_allows_user(c->core, v, r->caller.uid))
			fill_resv(c, r, v, &m.reservation_array[m.record_count++]);
	rpc_answer(c, r, RESPONSE_RESERVATION_INFO, &m);
}

/* ---- names ------------------------------------------------------------- */

/* A request whose names are looked up in a thread of their own. */
struct lookup {
	struct work work;               /* first member */
	struct request *r;
	struct event_name name[NAMES_MAX];
	uint32_t count;
};

static void uid_add(struct event_name *n, uint32_t uid)
{
	uint32_t *v = (uint32_t *)(uintptr_t)n->uids;

	for (uint32_t i = 0; i < n->uid_count; i++)
		if (v[i] == uid)
			return;
	v = mem_realloc(v, (n->uid_count + 1) * sizeof *v);
	v[n->uid_count++] = uid;
	n->uids = v;
	n->found = true;
}

static void find_user(struct event_name *n)
{
	char buf[4096], *end;
	struct passwd pw, *found = NULL;
	unsigned long uid;

	if (!getpwnam_r(n->name, &pw, buf, sizeof buf, &found) && found) {
		uid_add(n, pw.pw_uid);
		return;
	}
	uid = isdigit((unsigned char)*n->name) ? strtoul(n->name, &end, 10) : 0;
	if (isdigit((unsigned char)*n->name) && !*end)
		uid_add(n, (uint32_t)uid);
}

static void find_group(struct event_name *n)
{
	size_t size = 1 << 18;
	char *buf = mem_alloc(size), pwbuf[4096];
	struct group gr, *found = NULL;
	struct passwd one, *p;

	if (!getgrnam_r(n->name, &gr, buf, size, &found) && found) {
		for (char **m = gr.gr_mem; *m; m++)
			if (!getpwnam_r(*m, &one, pwbuf, sizeof pwbuf, &p) && p)
				uid_add(n, p->pw_uid);
		setpwent();     /* only this pool's one thread walks the list */
		while ((p = getpwent()))
			if (p->pw_gid == gr.gr_gid)
				uid_add(n, p->pw_uid);
		endpwent();
	}
	free(buf);
}

static void look_up(struct lookup *l, const char *text, void (*find)(struct event_name *))
{
	char *copy = arena_strdup(&l->r->mem, text ? text : ""), *save = NULL;

	for (char *p = strtok_r(copy, ",", &save); p && l->count < NAMES_MAX;
	     p = strtok_r(NULL, ",", &save)) {
		struct event_name *n = &l->name[l->count++];

		n->name = p + (*p == '+' || *p == '-');
		find(n);
	}
}

static void lookup_run(struct work *w)
{
	struct lookup *l = (struct lookup *)w;
	const struct update_resv_msg *m = l->r->body;

	look_up(l, m->users, find_user);
	look_up(l, m->groups, find_group);
}

static void lookup_done(struct work *w)
{
	struct lookup *l = (struct lookup *)w;
	struct event ev = {
		.kind = EV_RPC,
		.conn = l->r->conn,
		.caller = l->r->caller,
		.type = l->r->frame.header.type,
		.body = l->r->body,
		.names = l->name,
		.name_count = l->count,
	};

	steps_run(l->r->ctld, &ev, l->r);
	for (uint32_t i = 0; i < l->count; i++)
		free((void *)(uintptr_t)l->name[i].uids);
	free(l);
}

void rpc_do_resv(struct ctld *c, struct request *r)
{
	struct lookup *l = mem_zalloc(sizeof *l);

	l->work.run = lookup_run;
	l->work.done = lookup_done;
	l->r = r;
	pool_submit(c->slow, &l->work);
}
