/* SPDX-License-Identifier: Apache-2.0
 *
 * Reservations and triggers over time and restarts. */
#include "slurmctld/core/resv.h"
#include "slurmctld/core/test/world.h"
#include "slurmctld/core/trigger.h"

static struct update_resv_msg blank(const char *name)
{
	struct update_resv_msg m;

	wire_init(&update_resv_msg_desc, &m);
	m.name = name;
	m.start_time = m.end_time = (int64_t)NO_VAL;
	m.duration = m.max_start_delay = m.purge_comp_time = NO_VAL;
	m.node_cnt = m.core_cnt = NO_VAL;
	m.flags = NO_VAL64;
	return m;
}

static void request(struct world *w, uint16_t type, const struct update_resv_msg *m)
{
	static const uint32_t uid = 1000;
	static const struct event_name alice = { "alice", true, &uid, 1 };
	struct event ev = {
		.kind = EV_RPC, .conn = 7, .type = type, .body = m, .names = &alice,
		.name_count = 1,
		.caller = { .root_or_slurm = true, .operator_ = true, .version = V24_11 },
	};

	step(w, &ev);
}

static void make(struct world *w, const char *name, int64_t start, uint32_t minutes,
		 uint64_t flags, const char *nodes)
{
	struct update_resv_msg m = blank(name);

	m.start_time = start;
	m.duration = minutes;
	m.flags = flags;
	m.node_list = nodes;
	m.users = "alice";
	request(w, REQUEST_CREATE_RESERVATION, &m);
}

static void repeats(void)
{
	struct event clock = { .kind = EV_TICK, .utc_offset = 3600 };
	struct world w;
	struct resv *r;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	make(&w, "day", w.now + 60, 10, RESV_DAILY, "c1");
	r = resv_find(w.c, "day");
	ok(r && !resv_is_active(w.c, r), "made, for later");
	tick(&w, 60);
	ok(node_find(w.c, "c1")->state & NODE_STATE_RES, "its node is reserved in time");
	world_restart(&w);
	r = resv_find(w.c, "day");
	ok(r && r->uid_count == 1 && r->uids[0] == 1000 && streq(r->users, "alice") &&
	   bitset_count(r->nodes) == 1, "it is there after a restart");
	ok(node_find(w.c, "c1")->state & NODE_STATE_RES, "so is the node's mark");
	id = r->id;
	tick(&w, 601);
	r = resv_find(w.c, "day");
	ok(r && r->start == 1000060 + 86400 && r->id != id, "comes again the next day");
	ok(!(node_find(w.c, "c1")->state & NODE_STATE_RES), "the node is free meanwhile");
	make(&w, "later", r->start + 5 * 86400, 5, 0, "c1");
	ok(reply_rc(&w) == E_RESERVATION_OVERLAP, "another one would meet it on the sixth day");
	clock.now = w.now += 10;
	effects_reset(&w.out);
	clock.now_usec = w.now * 1000000;
	core_step(w.c, &clock, &w.out);
	ok(resv_find(w.c, "day")->start == 1000060 + 86400 - 3600, "clocks change: the same hour");
	world_end(&w);
}

static void ends(void)
{
	struct update_resv_msg m = blank("short");
	struct job_desc_msg *d;
	struct world w;
	uint32_t id, other;

	world_begin(&w, NULL);
	register_all(&w);
	make(&w, "short", w.now, 10, 0, "c[1-4]");
	d = desc(&w, true);
	d->time_limit = 60;
	other = submit(&w, d);
	d->reservation = "short";
	id = submit(&w, d);
	sched(&w);
	ok(job_is_running(job_find(w.c, id)), "a job of it runs");
	ok(job_is_pending(job_find(w.c, other)) &&
	   job_find(w.c, other)->reason == WAIT_NODE_NOT_AVAIL, "another does not");
	m.users = "-alice";
	request(&w, REQUEST_UPDATE_RESERVATION, &m);
	ok(reply_rc(&w) == E_RESERVATION_EMPTY, "it needs users");
	d->reservation = "nope";
	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_JOB, d);
	ok(reply_rc(&w) == E_RESERVATION_INVALID, "no such reservation");
	tick(&w, 601);
	ok(!job_is_running(job_find(w.c, id)), "its end is the job's end");
	tick(&w, 10);
	ok(!resv_find(w.c, "short"), "it is gone");
	world_restart(&w);
	ok(!resv_find(w.c, "short"), "for good");
	world_end(&w);
}

static void cores(void)
{
	struct update_resv_msg m = blank("two");
	struct job_desc_msg *d;
	struct world w;
	struct resv *r;
	uint32_t a, b;

	world_begin(&w, NULL);
	register_all(&w);
	m.start_time = w.now;
	m.duration = 60;
	m.flags = 0;
	m.users = "alice";
	m.node_list = "c1";
	m.core_cnt = 2;
	request(&w, REQUEST_CREATE_RESERVATION, &m);
	world_restart(&w);
	r = resv_find(w.c, "two");
	ok(r && resv_cores_of(r, 0) && bitset_count(resv_cores_of(r, 0)) == 2 &&
	   bitset_test(resv_cores_of(r, 0), 0) && !resv_cores_of(r, 1),
	   "two cores of c1, after a restart too");
	register_all(&w);
	d = desc(&w, true);
	d->req_nodes = "c1";
	d->num_tasks = d->min_cpus = 2;
	d->time_limit = 10;
	a = submit(&w, d);
	d->reservation = "two";
	b = submit(&w, d);
	sched(&w);
	ok(job_is_running(job_find(w.c, a)) &&
	   !bitset_overlap(job_find(w.c, a)->alloc->cores, resv_cores_of(r, 0)),
	   "a job beside it");
	ok(job_is_running(job_find(w.c, b)) &&
	   bitset_equal(job_find(w.c, b)->alloc->cores, resv_cores_of(r, 0)), "a job in it");
	m.name = "more";
	m.core_cnt = 1;
	request(&w, REQUEST_CREATE_RESERVATION, &m);
	ok(reply_rc(&w) == E_NODES_BUSY, "no core is left");
	world_end(&w);
}

static void replaced(void)
{
	struct update_resv_msg m = blank("one");
	struct update_node_msg down;
	struct world w;

	world_begin(&w, NULL);
	register_all(&w);
	m.start_time = w.now;
	m.duration = 60;
	m.flags = 0;
	m.users = "alice";
	m.partition = "normal";
	m.node_cnt = 1;
	request(&w, REQUEST_CREATE_RESERVATION, &m);
	ok(streq(resv_find(w.c, "one")->node_text, "c1"), "some node");
	wire_init(&update_node_msg_desc, &down);
	down.node_names = "c1";
	down.node_state = NODE_STATE_DOWN;
	down.reason = "test";
	rpc_as(&w, 0, REQUEST_UPDATE_NODE, &down);
	ok(streq(resv_find(w.c, "one")->node_text, "c2"), "another for the one that is down");
	ok(node_find(w.c, "c2")->state & NODE_STATE_RES &&
	   !(node_find(w.c, "c1")->state & NODE_STATE_RES), "and its mark");
	world_restart(&w);
	ok(streq(resv_find(w.c, "one")->node_text, "c2"), "for good");
	world_end(&w);
}

static void triggers(void)
{
	struct event_name runnable = { .found = true };
	struct trigger_item item;
	struct trigger_msg m = { .record_count = 1, .items = &item };
	struct event ev = {
		.kind = EV_RPC, .conn = 7, .type = REQUEST_TRIGGER_SET, .body = &m,
		.names = &runnable, .name_count = 1,
		.caller = { .root_or_slurm = true, .operator_ = true, .version = V24_11 },
	};
	const struct effect *e;
	struct update_node_msg u;
	struct world w;

	world_begin(&w, NULL);
	register_all(&w);
	wire_init(&trigger_item_desc, &item);
	item.res_type = TRIGGER_RES_NODE;
	item.res_id = "c[1-2]";
	item.trig_type = TRIGGER_DOWN;
	item.offset = TRIGGER_OFFSET + 5;
	item.program = "/bin/tell down";
	step(&w, &ev);
	ok(reply_rc(&w) == 0 && w.c->trig_first, "set");
	step(&w, &ev);
	ok(reply_rc(&w) == E_TRIGGER_DUP, "not twice");
	world_restart(&w);
	register_all(&w);
	wire_init(&update_node_msg_desc, &u);
	u.node_names = "c2";
	u.node_state = NODE_STATE_DOWN;
	u.reason = "test";
	rpc_as(&w, 0, REQUEST_UPDATE_NODE, &u);
	ok(!find_effect(&w, EFF_RUN, 0) && w.c->trig_first->arg, "goes off, in five seconds");
	world_restart(&w);
	tick(&w, 5);
	e = find_effect(&w, EFF_RUN, 0);
	ok(e && streq(e->argv[0], "/bin/tell") && streq(e->argv[1], "down") &&
	   streq(e->argv[2], "c2") && !e->argv[3], "its program is told the node");
	ok(!w.c->trig_first, "and it is gone");
	world_restart(&w);
	ok(!w.c->trig_first, "for good");
	world_end(&w);
}

int main(void)
{
	repeats();
	ends();
	cores();
	replaced();
	triggers();
	return tap_done();
}
