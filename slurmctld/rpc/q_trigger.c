/* SPDX-License-Identifier: Apache-2.0
 *
 * Triggers: shown; and the programs of new ones looked at before the core
 * takes them. */
#include <ctype.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "slurmctld/core/trigger.h"
#include "slurmctld/pool.h"
#include "slurmctld/rpc/rpc.h"
#include "slurmctld/steps.h"
#include "wire/base/log.h"

void rpc_q_triggers(struct ctld *c, struct request *r)
{
	struct trigger_msg m;
	uint32_t n = 0;

	wire_init(&trigger_msg_desc, &m);
	for (const struct trigger *t = c->core->trig_first; t; t = t->next)
		n++;
	m.items = arena_zalloc(&r->mem, (n + 1) * sizeof *m.items);
	for (const struct trigger *t = c->core->trig_first; t; t = t->next) {
		struct trigger_item *i = &m.items[m.record_count];

		if (t->arg)     /* went off, waits for its time */
			continue;
		m.record_count++;
		wire_init(&trigger_item_desc, i);
		i->flags = t->flags;
		i->trig_id = t->id;
		i->res_type = t->res_type;
		i->res_id = t->res_id;
		i->trig_type = t->trig_type;
		i->offset = t->offset;
		i->user_id = t->uid;
		i->program = t->program;
	}
	rpc_answer(c, r, RESPONSE_TRIGGER_GET, &m);
}

struct lookup {
	struct work work;               /* first member */
	struct request *r;
	struct event_name *program;
};

static bool may_run(struct request *r, const char *program)
{
	char *path = arena_strdup(&r->mem, program ? program : "");
	struct stat st;
	unsigned mode;

	for (char *p = path; *p; p++)
		if (isspace((unsigned char)*p))
			*p-- = '\0';
	if (stat(path, &st)) {
		log_info("trigger program %s not found", path);
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		log_info("trigger program %s not a regular file", path);
		return false;
	}
	mode = st.st_uid == r->caller.uid ? st.st_mode >> 6 :
		st.st_gid == r->caller.gid ? st.st_mode >> 3 : st.st_mode;
	if (!(mode & 1))
		log_info("trigger program %s not executable", path);
	return mode & 1;
}

static void lookup_run(struct work *w)
{
	struct lookup *l = (struct lookup *)w;
	const struct trigger_msg *m = l->r->body;

	l->program = arena_zalloc(&l->r->mem, (m->record_count + 1) * sizeof *l->program);
	for (uint32_t i = 0; i < m->record_count; i++)
		l->program[i].found = may_run(l->r, m->items[i].program);
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
		.names = l->program,
		.name_count = ((const struct trigger_msg *)l->r->body)->record_count,
	};

	steps_run(l->r->ctld, &ev, l->r);
	free(l);
}

void rpc_do_trigger_set(struct ctld *c, struct request *r)
{
	struct lookup *l = mem_zalloc(sizeof *l);

	l->work.run = lookup_run;
	l->work.done = lookup_done;
	l->r = r;
	pool_submit(c->slow, &l->work);
}
