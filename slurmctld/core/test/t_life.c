/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of jobs and steps, event by event. */
#include <signal.h>

#include "slurmctld/core/test/world.h"

static void batch_life(void)
{
	struct world w;
	const struct effect *e;
	const struct batch_job_launch_msg *b;
	uint32_t id;

	world_begin(&w, NULL);
	ok(find_effect(&w, EFF_NODES, REQUEST_NODE_REGISTRATION_STATUS), "nodes are asked");
	ok(base(&w, "c1") == NODE_STATE_UNKNOWN, "unknown at first");
	register_all(&w);
	ok(reply(&w, RESPONSE_NODE_REGISTRATION), "registration answered");
	ok(base(&w, "c1") == NODE_STATE_IDLE, "idle after registering");
	id = submit(&w, desc(&w, true));
	ok(id == 1, "first job id (rc %d)", reply_rc(&w));
	ok(find_effect(&w, EFF_PUT, 0) && find_effect(&w, EFF_SCRIPT_PUT, 0),
	   "acknowledged with its rows and script");
	ok(state_of(&w, id) == JOB_PENDING && core_wants_sched(w.c), "pending");
	sched(&w);
	ok(state_of(&w, id) == JOB_RUNNING, "started");
	e = find_effect(&w, EFF_NODES, REQUEST_BATCH_JOB_LAUNCH);
	ok(e && e->sign_cred && e->add_script && e->script_id == id, "batch launch");
	b = e ? e->body : NULL;
	ok(b && streq(b->nodes, "c1") && b->cred.cred.tot_core_cnt == 4 &&
	   b->cred.cred.job_mem_alloc_size == 1, "launch holds the allocation");
	ok(base(&w, "c1") == NODE_STATE_MIXED, "node is mixed");
	node_answer(&w, "c1", REQUEST_BATCH_JOB_LAUNCH, id, E_OK, 0);
	ok(job_find(w.c, id)->launched, "launch confirmed");
	batch_complete(&w, id, 0);
	ok(reply_rc(&w) == 0 && state_of(&w, id) == (JOB_COMPLETE | JOB_COMPLETING),
	   "completing");
	ok(find_effect(&w, EFF_NODES, REQUEST_TERMINATE_JOB), "nodes told to clean up");
	batch_complete(&w, id, 0);
	ok(reply_rc(&w) == E_ALREADY_DONE, "second completion is refused");
	clean(&w, id);
	ok(state_of(&w, id) == JOB_COMPLETE && base(&w, "c1") == NODE_STATE_IDLE, "completed");
	tick(&w, 61);
	ok(!job_find(w.c, id), "purged after MinJobAge");
	ok(find_effect(&w, EFF_SCRIPT_DEL, 0) && find_effect(&w, EFF_DEL, 0), "rows go");
	id = submit(&w, desc(&w, true));
	ok(id == 2, "ids go on");
	world_end(&w);
}

static void alloc_and_step(void)
{
	struct world w;
	struct job_desc_msg *d;
	const struct resource_allocation_response_msg *a;
	const struct job_step_create_response_msg *s;
	struct job_step_create_request_msg c;
	struct complete_job_allocation_msg done;
	struct step_complete_msg sc;
	struct job_ready_msg ready;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, false);
	d->min_nodes = d->max_nodes = 2;
	d->num_tasks = d->min_cpus = 2;
	d->alloc_resp_port = 5000;
	d->other_port = 5001;
	rpc_as(&w, w.uid, REQUEST_RESOURCE_ALLOCATION, d);
	a = reply(&w, RESPONSE_RESOURCE_ALLOCATION);
	ok(a && a->node_cnt == 2 && streq(a->node_list, "c[1-2]"), "granted at once: %s",
	   a && a->node_list ? a->node_list : "-");
	id = a ? a->step_id.job_id : 0;
	wire_init(&job_ready_msg_desc, &ready);
	ready.step_id.job_id = id;
	rpc_as(&w, w.uid, REQUEST_JOB_READY, &ready);
	ok(reply(&w, RESPONSE_JOB_READY) &&
	   ((const struct return_code_msg *)reply(&w, RESPONSE_JOB_READY))->return_code == 7,
	   "ready");
	wire_init(&job_step_create_request_msg_desc, &c);
	c.step_id.job_id = id;
	c.step_id.step_id = NO_VAL;
	c.user_id = w.uid;
	c.min_nodes = c.max_nodes = 2;
	c.cpu_count = c.num_tasks = 2;
	c.name = "hostname";
	c.host = "login";
	c.port = 6000;
	c.task_dist = DIST_BLOCK;
	c.plane_size = c.relative = c.resv_port_cnt = NO_VAL16;
	c.ntasks_per_core = INFINITE16;
	c.ntasks_per_tres = c.threads_per_core = NO_VAL16;
	c.time_limit = NO_VAL;
	c.step_het_comp_cnt = 0;
	rpc_as(&w, w.uid, REQUEST_JOB_STEP_CREATE, &c);
	s = reply(&w, RESPONSE_JOB_STEP_CREATE);
	ok(s && s->step_layout.node_cnt == 2 && s->step_layout.task_cnt == 2,
	   "step made (rc %d)", reply_rc(&w));
	ok(s && s->use_protocol_ver == wire_version_number(V24_11) &&
	   streq(s->cred.cred.step_hostlist, "c[1-2]"), "credential and version");
	rpc_as(&w, 99999, REQUEST_JOB_STEP_CREATE, &c);
	ok(reply_rc(&w) == E_ACCESS_DENIED, "not by others");
	wire_init(&step_complete_msg_desc, &sc);
	sc.step_id.job_id = id;
	sc.step_id.step_id = 0;
	sc.range_first = sc.range_last = 0;
	rpc_as(&w, 0, REQUEST_STEP_COMPLETE, &sc);
	ok(step_find(job_find(w.c, id), &(struct step_id_members){ .step_id = 0,
	   .step_het_comp = NO_VAL }), "half of the step is done");
	sc.range_first = sc.range_last = 1;
	rpc_as(&w, 0, REQUEST_STEP_COMPLETE, &sc);
	ok(!step_find(job_find(w.c, id), &(struct step_id_members){ .step_id = 0,
	   .step_het_comp = NO_VAL }), "step is done");
	wire_init(&complete_job_allocation_msg_desc, &done);
	done.step_id.job_id = id;
	rpc_as(&w, w.uid, REQUEST_COMPLETE_JOB_ALLOCATION, &done);
	ok(reply_rc(&w) == 0, "allocation given back");
	clean(&w, id);
	ok(state_of(&w, id) == JOB_COMPLETE, "completed");
	world_end(&w);
}

static void refused(void)
{
	struct world w;
	struct job_desc_msg *d;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, true);
	d->partition = "nope";
	submit(&w, d);
	ok(reply_rc(&w) == E_INVALID_PARTITION_NAME, "no such partition");
	d = desc(&w, true);
	d->user_id = 1;
	submit(&w, d);
	ok(reply_rc(&w) == E_USER_ID_MISSING, "someone else's name");
	d = desc(&w, true);
	d->script = NULL;
	submit(&w, d);
	ok(reply_rc(&w) == E_JOB_SCRIPT_MISSING, "no script");
	d = desc(&w, true);
	d->pn_min_memory = 100000;
	submit(&w, d);
	ok(reply_rc(&w) == E_REQUESTED_NODE_CONFIG_UNAVAILABLE &&
	   reply(&w, RESPONSE_SLURM_RC_MSG), "too much memory: %d", reply_rc(&w));
	d = desc(&w, true);
	d->tres_per_node = "gres:gpu:1";
	submit(&w, d);
	ok(reply_rc(&w) == E_INVALID_GRES, "gres nobody has: %d", reply_rc(&w));
	d = desc(&w, true);
	d->licenses = "matlab";
	submit(&w, d);
	ok(reply_rc(&w) == E_INVALID_LICENSES, "unknown license");
	d = desc(&w, true);
	d->array_inx = "5-1";
	submit(&w, d);
	ok(reply_rc(&w) == E_INVALID_ARRAY, "bad array");
	d = desc(&w, true);
	d->dependency = "afterok:99";
	submit(&w, d);
	ok(reply_rc(&w) == E_DEPENDENCY, "dependency on nothing");
	d = desc(&w, true);
	d->nice = NICE_OFFSET - 5;
	submit(&w, d);
	ok(reply_rc(&w) == E_INVALID_NICE, "negative nice");
	ok(w.c->job_count == 0 && w.c->next_job_id == 1, "nothing was left behind");
	world_end(&w);
}

static void arrays(void)
{
	struct world w;
	struct job_desc_msg *d;
	struct job *t;
	struct job_step_kill_msg k;
	uint32_t id, running = 0;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, true);
	d->array_inx = "1-5%2";
	id = submit(&w, d);
	sched(&w);
	for (struct job *j = w.c->job_first; j; j = j->next)
		running += job_is_running(j);
	ok(running == 2, "two of five run: %u", running);
	t = job_find_task(w.c, id, 1);
	ok(t && t->id != id && t->array_task_id == 1, "task 1 has a record of its own");
	ok(job_find(w.c, id)->array && bitset_count(job_find(w.c, id)->array->pending) == 3,
	   "three wait");
	world_restart(&w);
	ok(job_find(w.c, id)->array->running == 2, "counted again after a restart");
	register_all(&w);
	t = job_find_task(w.c, id, 1);
	batch_complete(&w, t->id, 0);
	clean(&w, t->id);
	sched(&w);
	ok(job_is_running(job_find_task(w.c, id, 3)), "the next one starts");
	wire_init(&job_step_kill_msg_desc, &k);
	k.signal = SIGKILL;
	k.step_id.job_id = NO_VAL;
	k.step_id.step_id = NO_VAL;
	k.sjob_id = mem_printf("%u_5", id);
	rpc_as(&w, w.uid, REQUEST_KILL_JOB, &k);
	ok(reply_rc(&w) == 0 && !bitset_test(job_find(w.c, id)->array->pending, 5),
	   "a waiting task is cancelled alone");
	free((char *)(uintptr_t)k.sjob_id);
	k.sjob_id = mem_printf("%u", id);
	rpc_as(&w, w.uid, REQUEST_KILL_JOB, &k);
	ok(reply_rc(&w) == 0, "all others with the array's id");
	running = 0;
	for (struct job *j = w.c->job_first; j; j = j->next)
		running += !job_is_finished(j);
	ok(running == 0, "nothing goes on");
	free((char *)(uintptr_t)k.sjob_id);
	world_end(&w);
}

static void dependencies(void)
{
	struct world w;
	struct job_desc_msg *d;
	uint32_t a, b, n;
	char text[40];

	world_begin(&w, NULL);
	register_all(&w);
	a = submit(&w, desc(&w, true));
	snprintf(text, sizeof(text), "afterok:%u", a);
	d = desc(&w, true);
	d->dependency = text;
	b = submit(&w, d);
	ok(job_find(w.c, b)->reason == WAIT_DEPENDENCY, "waits");
	snprintf(text, sizeof(text), "afternotok:%u", a);
	n = submit(&w, d);
	sched(&w);
	ok(job_is_running(job_find(w.c, a)) && job_is_pending(job_find(w.c, b)), "order kept");
	batch_complete(&w, a, 0);
	clean(&w, a);
	sched(&w);
	ok(job_is_running(job_find(w.c, b)), "afterok runs");
	ok(job_find(w.c, n)->reason == WAIT_DEP_INVALID, "afternotok never will");
	world_end(&w);
}

static void limits_and_signals(void)
{
	struct world w;
	struct job_step_kill_msg k;
	struct job_desc_msg *d;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, true);
	d->time_limit = 1;
	id = submit(&w, d);
	sched(&w);
	ok(core_next_time(w.c) <= w.now + 60, "a look is due");
	tick(&w, 61);
	ok(state_of(&w, id) == (JOB_TIMEOUT | JOB_COMPLETING) &&
	   find_effect(&w, EFF_NODES, REQUEST_KILL_TIMELIMIT), "time limit");
	clean(&w, id);
	id = submit(&w, desc(&w, true));
	sched(&w);
	wire_init(&job_step_kill_msg_desc, &k);
	k.step_id.job_id = id;
	k.signal = SIGUSR1;
	k.flags = KILL_JOB_BATCH;
	rpc_as(&w, w.uid, REQUEST_KILL_JOB, &k);
	ok(find_effect(&w, EFF_NODES, REQUEST_SIGNAL_TASKS) && job_is_running(job_find(w.c, id)),
	   "a signal for the script");
	k.signal = SIGKILL;
	k.flags = 0;
	rpc_as(&w, 4242, REQUEST_KILL_JOB, &k);
	ok(reply_rc(&w) == E_ACCESS_DENIED, "not by others");
	rpc_as(&w, w.uid, REQUEST_KILL_JOB, &k);
	ok(state_of(&w, id) == (JOB_CANCELLED | JOB_COMPLETING), "cancelled");
	node_answer(&w, "c1", REQUEST_TERMINATE_JOB, id, E_OK, 4002);
	ok(state_of(&w, id) == JOB_CANCELLED, "nothing was left on the node");
	rpc_as(&w, w.uid, REQUEST_KILL_JOB, &k);
	ok(reply_rc(&w) == E_ALREADY_DONE, "once is enough");
	world_end(&w);
}

static void node_dies(void)
{
	struct world w;
	struct job_desc_msg *d;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	d = desc(&w, true);
	d->time_limit = 100;
	id = submit(&w, d);
	sched(&w);
	node_answer(&w, "c1", REQUEST_BATCH_JOB_LAUNCH, id, E_OK, 0);
	tick(&w, 101);
	ok(find_effect(&w, EFF_NODES, REQUEST_PING), "pinged");
	node_answer(&w, "c1", REQUEST_PING, 0, E_COMMUNICATIONS_CONNECTION_ERROR, 0);
	ok(node_find(w.c, "c1")->state == (NODE_STATE_MIXED | NODE_STATE_NO_RESPOND), "mixed*");
	for (int i = 0; i < 3; i++) {
		tick(&w, 100);
		for (int k = 2; k <= 4; k++) {
			char n[8];

			snprintf(n, sizeof(n), "c%d", k);
			node_answer(&w, n, REQUEST_PING, 0, E_OK, 0);
		}
	}
	ok(base(&w, "c1") == NODE_STATE_DOWN && streq(node_find(w.c, "c1")->reason,
						      "Not responding"), "down*");
	ok(base(&w, "c2") == NODE_STATE_IDLE, "others live");
	ok(state_of(&w, id) == JOB_PENDING && job_find(w.c, id)->restart_cnt == 1 &&
	   job_find(w.c, id)->begin_time > w.now, "its job waits to start again: state %x, %u, %d",
	   state_of(&w, id), job_find(w.c, id)->restart_cnt,
	   (int)(job_find(w.c, id)->begin_time - w.now));
	register_node(&w, "c1", 5400, NULL, 0);
	ok(base(&w, "c1") == NODE_STATE_IDLE && !node_find(w.c, "c1")->reason,
	   "back with ReturnToService=1");
	tick(&w, 130);
	sched(&w);
	ok(job_is_running(job_find(w.c, id)), "and runs again");
	world_end(&w);
}

static void restart(void)
{
	struct world w;
	struct job_desc_msg *d;
	struct step_id_members there = { .job_id = 0, .step_id = STEP_BATCH };
	uint32_t run, wait, rows;
	uint16_t cpus;

	world_begin(&w, NULL);
	register_all(&w);
	run = submit(&w, desc(&w, true));
	d = desc(&w, true);
	d->min_nodes = 1;
	d->priority = 0;
	d->comment = "held one";
	wait = submit(&w, d);
	sched(&w);
	node_answer(&w, "c1", REQUEST_BATCH_JOB_LAUNCH, run, E_OK, 0);
	cpus = node_find(w.c, "c1")->cpus_alloc;
	rows = w.rows;
	world_restart(&w);
	ok(w.rows == rows, "no row was lost");
	ok(job_is_running(job_find(w.c, run)) && job_is_pending(job_find(w.c, wait)), "all there");
	ok(streq(job_str(job_find(w.c, wait), JS_COMMENT), "held one") &&
	   job_find(w.c, wait)->reason == WAIT_HELD_USER, "with what it said");
	ok(node_find(w.c, "c1")->cpus_alloc == cpus && base(&w, "c1") == NODE_STATE_MIXED,
	   "charged again");
	there.job_id = run;
	register_node(&w, "c1", 5000, &there, 1);
	ok(!find_effect(&w, EFF_NODES, REQUEST_ABORT_JOB) && job_is_running(job_find(w.c, run)),
	   "goes on");
	batch_complete(&w, run, 3 << 8);
	clean(&w, run);
	ok(state_of(&w, run) == JOB_FAILED && job_find(w.c, run)->exit_code == 3 << 8, "failed 3:0");
	there.job_id = 4711;
	register_node(&w, "c2", 5000, &there, 1);
	ok(find_effect(&w, EFF_NODES, REQUEST_ABORT_JOB), "unknown work is ended");
	ok(submit(&w, desc(&w, true)) == 3, "ids are not given twice");
	world_end(&w);
}

static void lost_launch(void)
{
	struct world w;
	uint32_t id;

	world_begin(&w, NULL);
	register_all(&w);
	id = submit(&w, desc(&w, true));
	sched(&w);
	world_restart(&w);
	register_node(&w, "c1", 5000, NULL, 0);
	ok(find_effect(&w, EFF_NODES, REQUEST_BATCH_JOB_LAUNCH) && job_is_running(job_find(w.c, id)),
	   "a launch that was never sent is sent");
	register_node(&w, "c1", 5000, NULL, 0);
	ok(!find_effect(&w, EFF_NODES, REQUEST_BATCH_JOB_LAUNCH), "but once");
	world_end(&w);
}

int main(void)
{
	batch_life();
	alloc_and_step();
	refused();
	arrays();
	dependencies();
	limits_and_signals();
	node_dies();
	restart();
	lost_launch();
	return tap_done();
}
