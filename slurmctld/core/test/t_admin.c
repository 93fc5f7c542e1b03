/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes on request: jobs, nodes, partitions, the configuration. */
#include <signal.h>

#include "slurmctld/core/test/world.h"

static struct job_desc_msg *change(struct world *w, uint32_t job_id)
{
	struct job_desc_msg *d = desc(w, false);

	d->min_nodes = d->min_cpus = d->num_tasks = d->time_limit = d->nice = NO_VAL;
	d->cpus_per_task = d->reboot = d->immediate = NO_VAL16;
	d->name = d->work_dir = d->std_out = d->alloc_node = NULL;
	d->step_id.job_id = job_id;
	return d;
}

static void gives_up_nodes(void)
{
	struct job_desc_msg *d;
	const struct job *j;
	struct world w;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, true);
	d->min_nodes = 4;
	d->min_cpus = d->num_tasks = 4;
	id = submit(&w, d);
	sched(&w);
	d = change(&w, id);
	d->min_nodes = 5;
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == E_INVALID_NODE_COUNT, "five of four: %d", reply_rc(&w));
	d->min_nodes = NO_VAL;
	d->req_nodes = "c[2-4]";
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == E_INVALID_NODE_NAME, "not without the script's node");
	d->req_nodes = "c[1,3-4]";
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	j = job_find(w.c, id);
	ok(reply_rc(&w) == E_OK && streq(job_str(j, JS_NODES), "c[1,3-4]"), "c2 leaves");
	ok(find_effect(&w, EFF_NODES, REQUEST_ABORT_JOB), "and is told");
	ok(base(&w, "c2") == NODE_STATE_IDLE && !node_find(w.c, "c2")->cpus_alloc &&
	   !node_find(w.c, "c2")->mem_alloc_mb, "it holds nothing");
	ok(j->total_cpus == 3 && j->total_nodes == 3 && bitset_count(j->alloc->cores) == 3 &&
	   j->resize_time == w.now, "three of each");
	world_restart(&w);
	j = job_find(w.c, id);
	ok(j->alloc->node_count == 3 && j->alloc->share[1].core_off == 4 &&
	   streq(job_str(j, JS_NODES), "c[1,3-4]"), "after a restart as well");
	d->req_nodes = NULL;
	d->min_nodes = 1;
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	j = job_find(w.c, id);
	ok(reply_rc(&w) == E_OK && streq(job_str(j, JS_NODES), "c1"), "down to one by count");
	node_answer(&w, "c1", REQUEST_BATCH_JOB_LAUNCH, id, E_OK, 0);
	batch_complete(&w, id, 0);
	epilog_complete(&w, id, "c1");
	ok(state_of(&w, id) == JOB_COMPLETE && base(&w, "c1") == NODE_STATE_IDLE, "ends on one");
	world_end(&w);
}

/* Another has its cores by the time it is resumed: both run, as with stock */
static void resumed_beside(void)
{
	struct job_desc_msg *d;
	struct suspend_msg s;
	struct world w;
	uint32_t a, b;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, true);
	d->req_nodes = "c1";
	d->min_cpus = d->num_tasks = 4;
	a = submit(&w, d);
	sched(&w);
	wire_init(&suspend_msg_desc, &s);
	s.step_id.job_id = a;
	rpc_as(&w, 0, REQUEST_SUSPEND, &s);
	b = submit(&w, d);
	sched(&w);
	ok(state_of(&w, a) == JOB_SUSPENDED && state_of(&w, b) == JOB_RUNNING, "its cores are given away");
	s.op = 1;
	rpc_as(&w, 0, REQUEST_SUSPEND, &s);
	ok(reply_rc(&w) == E_OK && state_of(&w, a) == JOB_RUNNING &&
	   find_effect(&w, EFF_NODES, REQUEST_SUSPEND_INT), "resumed all the same");
	ok(node_find(w.c, "c1")->cpus_alloc == 4, "and weighs nothing");
	s.op = 0;
	rpc_as(&w, 0, REQUEST_SUSPEND, &s);
	ok(node_find(w.c, "c1")->cpus_alloc == 4, "nor does it leave anything again");
	world_restart(&w);
	s.op = 1;
	rpc_as(&w, 0, REQUEST_SUSPEND, &s);
	node_answer(&w, "c1", REQUEST_BATCH_JOB_LAUNCH, b, E_OK, 0);
	batch_complete(&w, b, 0);
	epilog_complete(&w, b, "c1");
	ok(state_of(&w, a) == JOB_RUNNING && base(&w, "c1") != NODE_STATE_IDLE, "the other ends first");
	batch_complete(&w, a, 0);
	epilog_complete(&w, a, "c1");
	ok(state_of(&w, a) == JOB_COMPLETE && base(&w, "c1") == NODE_STATE_IDLE &&
	   !node_find(w.c, "c1")->cpus_alloc && !bitset_count(node_find(w.c, "c1")->cores_used),
	   "nothing is left of either");
	world_end(&w);
}

static void jobs(void)
{
	struct world w;
	struct job_desc_msg *d;
	struct job_requeue_msg q;
	struct suspend_msg s;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, true);
	d->priority = 0;
	id = submit(&w, d);
	sched(&w);
	ok(job_is_pending(job_find(w.c, id)) && job_find(w.c, id)->reason == WAIT_HELD_USER, "held");
	d = change(&w, id);
	d->comment = "a word";
	d->time_limit = 10;
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == 0 && job_find(w.c, id)->time_limit_min == 10 &&
	   streq(job_str(job_find(w.c, id), JS_COMMENT), "a word"), "changed by its owner");
	d = change(&w, id);
	d->comment = "another";
	rpc_as(&w, 4711, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == E_USER_ID_MISSING, "not by others");
	d = change(&w, id);
	d->partition = "nope";
	rpc_as(&w, 0, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == E_INVALID_PARTITION_NAME && reply(&w, RESPONSE_SLURM_RC),
	   "no such partition, without words");
	d = change(&w, id);
	d->priority = 5000;
	rpc_as(&w, 0, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == E_JOB_HELD, "a held job has no priority");
	d = change(&w, id);
	d->priority = INFINITE;
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	sched(&w);
	ok(job_is_running(job_find(w.c, id)), "released, runs");
	d = change(&w, id);
	d->num_tasks = 3;
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == E_JOB_NOT_PENDING, "too late for its size");
	d = change(&w, id);
	d->time_limit = 20;
	rpc_as(&w, w.uid, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == E_ACCESS_DENIED, "its owner may not make it longer");
	rpc_as(&w, 0, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == 0 && job_find(w.c, id)->end_time == w.now + 1200, "an admin may");

	wire_init(&suspend_msg_desc, &s);
	s.step_id.job_id = id;
	rpc_as(&w, 0, REQUEST_SUSPEND, &s);
	ok(state_of(&w, id) == JOB_SUSPENDED && find_effect(&w, EFF_NODES, REQUEST_SUSPEND_INT),
	   "suspended");
	w.now += 100;
	s.op = 1;
	rpc_as(&w, 0, REQUEST_SUSPEND, &s);
	ok(state_of(&w, id) == JOB_RUNNING && job_find(w.c, id)->tot_sus_sec == 100 &&
	   job_find(w.c, id)->end_time == w.now + 1200, "resumed with its time");
	rpc_as(&w, 0, REQUEST_SUSPEND, &s);
	ok(reply_rc(&w) == E_JOB_NOT_SUSPENDED, "once");

	wire_init(&job_requeue_msg_desc, &q);
	q.step_id.job_id = id;
	q.flags = JOB_REQUEUE_HOLD;
	rpc_as(&w, 0, REQUEST_JOB_REQUEUE, &q);
	ok(state_of(&w, id) == (JOB_PENDING | JOB_COMPLETING) && job_find(w.c, id)->restart_cnt == 1,
	   "queued again, cleaning up");
	sched(&w);
	ok(!job_is_running(job_find(w.c, id)), "not before it is clean");
	clean(&w, id);
	ok(state_of(&w, id) == JOB_PENDING && job_find(w.c, id)->priority == 0, "and held");
	world_end(&w);
}

static int node_update(struct world *w, const char *names, uint32_t state, const char *reason)
{
	struct update_node_msg m;

	wire_init(&update_node_msg_desc, &m);
	m.node_names = names;
	m.node_state = state;
	m.reason = reason;
	rpc_as(w, 0, REQUEST_UPDATE_NODE, &m);
	return reply_rc(w);
}

static void nodes(void)
{
	struct world w;
	struct job_desc_msg *d;
	struct update_node_msg m;
	uint32_t id, other;

	world_begin(&w, NULL);
	register_all(&w);
	id = submit(&w, desc(&w, true));
	sched(&w);
	ok(node_update(&w, "c[1-2]", NODE_STATE_DRAIN, "disk") == 0 &&
	   node_find(w.c, "c1")->state == (NODE_STATE_MIXED | NODE_STATE_DRAIN) &&
	   streq(node_find(w.c, "c2")->reason, "disk"), "draining");
	d = desc(&w, true);
	d->req_nodes = "c2";
	other = submit(&w, d);
	sched(&w);
	ok(job_is_running(job_find(w.c, id)) && job_is_pending(job_find(w.c, other)),
	   "what runs goes on, nothing starts");
	ok(job_find(w.c, other)->reason == WAIT_NODE_NOT_AVAIL ||
	   job_find(w.c, other)->reason == WAIT_RESOURCES, "and says why");
	world_restart(&w);
	ok(node_find(w.c, "c2")->state & NODE_STATE_DRAIN &&
	   streq(node_find(w.c, "c2")->reason, "disk"), "a restart keeps it");
	register_all(&w);
	ok(node_update(&w, "c2", NODE_RESUME, NULL) == 0 && !node_find(w.c, "c2")->reason, "resumed");
	sched(&w);
	ok(job_is_running(job_find(w.c, other)), "the other runs");
	ok(node_update(&w, "c2", NODE_STATE_DOWN, "broken") == 0 && base(&w, "c2") == NODE_STATE_DOWN,
	   "set down");
	ok(state_of(&w, other) == JOB_PENDING, "its job is queued again");
	ok(node_update(&w, "c9", NODE_STATE_DOWN, "x") == E_INVALID_NODE_NAME, "no such node");
	ok(node_update(&w, "c3", NODE_STATE_POWER_DOWN, NULL) == E_INVALID_NODE_STATE,
	   "no power saving");
	wire_init(&update_node_msg_desc, &m);
	m.node_names = "c3";
	m.node_state = NODE_STATE_DRAIN;
	rpc_as(&w, 1000, REQUEST_UPDATE_NODE, &m);
	ok(reply_rc(&w) == E_USER_ID_MISSING, "not by users");
	world_end(&w);
}

static void low_memory(void)
{
	struct world w;
	struct node_registration_status_msg m;
	struct node *n;

	world_begin(&w, NULL);
	wire_init(&node_registration_status_msg_desc, &m);
	m.node_name = "c1";
	m.cpus = 4;
	m.boards = 1;
	m.sockets = 4;
	m.cores = m.threads = 1;
	m.real_memory = 3000;
	m.hash_val = NO_VAL;
	m.up_time = 100;
	rpc_as(&w, 0, MESSAGE_NODE_REGISTRATION_STATUS, &m);
	n = node_find(w.c, "c1");
	ok(n->state & NODE_STATE_INVALID_REG && n->state & NODE_STATE_DRAIN &&
	   streq(n->reason, "Low RealMemory (reported:3000 < 100.00% of configured:4000)"),
	   "less than configured: %s", n->reason ? n->reason : "-");
	rpc_as(&w, 1000, MESSAGE_NODE_REGISTRATION_STATUS, &m);
	ok(reply_rc(&w) == E_USER_ID_MISSING, "users are no nodes");
	m.node_name = "c77";
	rpc_as(&w, 0, MESSAGE_NODE_REGISTRATION_STATUS, &m);
	ok(reply_rc(&w) == E_INVALID_NODE_NAME, "nor are strangers");
	world_end(&w);
}

static void partitions(void)
{
	struct world w;
	struct update_partition_msg m;
	struct delete_partition_msg del = { .name = "new" };
	struct job_desc_msg *d;
	const struct wire_desc *t = &update_partition_msg_desc;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	wire_init(t, &m);
	for (const struct wire_field *f = t->field; f < t->field + t->count; f++)
		if (f->codec == C_u32 || f->codec == C_u16 || f->codec == C_u64)
			wire_store((char *)&m + f->off, f->size, f->size == 2 ? NO_VAL16 :
				   f->size == 4 ? NO_VAL : NO_VAL64);
	m.flags = 0;
	m.cpu_bind = 0;
	m.name = "new";
	m.nodes = "c[3-4]";
	m.max_time = 5;
	rpc_as(&w, 1000, REQUEST_CREATE_PARTITION, &m);
	ok(reply_rc(&w) == E_USER_ID_MISSING, "users make no partitions");
	rpc_as(&w, 0, REQUEST_CREATE_PARTITION, &m);
	ok(reply_rc(&w) == 0 && part_find(w.c, "new")->total_nodes == 2, "made");
	d = desc(&w, true);
	d->partition = "new";
	id = submit(&w, d);
	sched(&w);
	ok(job_is_running(job_find(w.c, id)) && streq(job_str(job_find(w.c, id), JS_NODES), "c3"),
	   "a job runs there");
	rpc_as(&w, 0, REQUEST_DELETE_PARTITION, &del);
	ok(reply_rc(&w) == E_PARTITION_IN_USE, "not while it is used");
	world_restart(&w);
	ok(part_find(w.c, "new") && job_find(w.c, id)->part == part_find(w.c, "new"),
	   "a restart keeps both");
	batch_complete(&w, id, 0);
	clean(&w, id);
	rpc_as(&w, 0, REQUEST_DELETE_PARTITION, &del);
	ok(reply_rc(&w) == 0 && !part_find(w.c, "new"), "deleted");
	m.name = "normal";
	m.nodes = NULL;
	m.max_time = NO_VAL;
	m.state_up = PARTITION_DRAIN;
	rpc_as(&w, 0, REQUEST_UPDATE_PARTITION, &m);
	submit(&w, desc(&w, true));
	ok(reply_rc(&w) == E_PARTITION_NOT_AVAIL, "a draining partition takes nothing");
	world_end(&w);
}

static void groups(void)
{
	struct world w;
	struct event ev = { .kind = EV_GROUPS };
	uint32_t uids[] = { 1000 };
	uint32_t id;

	world_begin(&w, "ClusterName=t\nSlurmctldHost=x\nNodeName=a CPUs=2 RealMemory=1000\n"
		    "EnforcePartLimits=ALL\n"
		    "PartitionName=p Nodes=a Default=YES AllowGroups=users\n");
	ok(find_effect(&w, EFF_GROUPS, 0), "groups are asked for");
	register_all(&w);
	submit(&w, desc(&w, true));
	ok(reply_rc(&w) == E_JOB_MISSING_REQUIRED_PARTITION_GROUP, "not before they are known");
	ev.uids = uids;
	ev.uid_count = 1;
	step(&w, &ev);
	id = submit(&w, desc(&w, true));
	sched(&w);
	ok(id && job_is_running(job_find(w.c, id)), "a member may");
	world_end(&w);
}

static void requeue_by_exit(void)
{
	struct world w;
	uint32_t id;

	world_begin(&w, "ClusterName=t\nSlurmctldHost=x\nNodeName=a CPUs=2 RealMemory=1000\n"
		    "RequeueExit=3,10-12\nRequeueExitHold=20\n"
		    "PartitionName=p Nodes=a Default=YES\n");
	register_all(&w);
	id = submit(&w, desc(&w, true));
	sched(&w);
	batch_complete(&w, id, 11 << 8);
	clean(&w, id);
	ok(state_of(&w, id) == JOB_PENDING && job_find(w.c, id)->begin_time > w.now,
	   "again after exit 11");
	tick(&w, 200);
	sched(&w);
	ok(job_is_running(job_find(w.c, id)), "runs again");
	batch_complete(&w, id, 20 << 8);
	clean(&w, id);
	ok(state_of(&w, id) == (JOB_PENDING | JOB_SPECIAL_EXIT) && !job_find(w.c, id)->priority,
	   "held after exit 20");
	world_end(&w);
}

int main(void)
{
	resumed_beside();
	jobs();
	gives_up_nodes();
	nodes();
	low_memory();
	partitions();
	groups();
	requeue_by_exit();
	return tap_done();
}
