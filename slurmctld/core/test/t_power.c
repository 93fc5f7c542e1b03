/* SPDX-License-Identifier: Apache-2.0
 *
 * Power saving: which nodes are suspended and resumed, and when. */
#include "slurmctld/core/test/world.h"

#define CONF "SuspendProgram=/s\nResumeProgram=/r\nResumeFailProgram=/f\nSuspendTime=100\n" \
	"SuspendTimeout=10\nResumeTimeout=60\nSuspendRate=0\nResumeRate=0\n"

static void begin(struct world *w, const char *lines)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s%s%s", world_conf, CONF, lines);
	world_begin(w, text);
	register_all(w);
	tick(w, 1);
}

/* The nodes a program was given in the last step, "" none. */
static const char *given(const struct world *w, const char *program)
{
	for (uint32_t i = 0; i < w->out.count; i++) {
		const struct effect *e = &w->out.v[i];

		if (e->kind == EFF_RUN && e->run_kind == RUN_POWER && streq(e->argv[0], program))
			return e->argv[1];
	}
	return "";
}

static bool is(const struct world *w, const char *node, uint32_t base_state, uint32_t flags)
{
	return node_find(w->c, node)->state == (base_state | flags);
}

static void boot(struct world *w, const char *node)
{
	register_node(w, node, 0, NULL, 0);
}

static void ask(struct world *w, const char *node, uint32_t state)
{
	struct update_node_msg m;

	wire_init(&update_node_msg_desc, &m);
	m.node_names = node;
	m.node_state = state;
	rpc_as(w, 0, REQUEST_UPDATE_NODE, &m);
}

static void life(void)
{
	struct world w;
	uint32_t id;

	begin(&w, "SuspendExcParts=quantum\n");
	tick(&w, 99);
	ok(streq(given(&w, "/s"), ""), "not before its time");
	tick(&w, 3);
	ok(streq(given(&w, "/s"), "c[1-4]"), "idle nodes are suspended: %s", given(&w, "/s"));
	ok(is(&w, "c1", NODE_STATE_IDLE, NODE_STATE_POWERING_DOWN) &&
	   is(&w, "q1", NODE_STATE_IDLE, 0), "all but the excluded");
	id = submit(&w, desc(&w, true));
	sched(&w);
	ok(state_of(&w, id) == JOB_PENDING, "nothing starts on the way down");
	tick(&w, 12);
	ok(is(&w, "c1", NODE_STATE_IDLE, NODE_STATE_POWERED_DOWN), "down");
	sched(&w);
	ok(state_of(&w, id) == (JOB_RUNNING | JOB_CONFIGURING | JOB_POWER_UP_NODE),
	   "then it waits for a node");
	tick(&w, 0);
	ok(streq(given(&w, "/r"), "c1"), "which is resumed: %s", given(&w, "/r"));
	world_restart(&w);
	ok(is(&w, "c1", NODE_STATE_MIXED, NODE_STATE_POWERING_UP | NODE_STATE_NO_RESPOND) &&
	   is(&w, "c2", NODE_STATE_IDLE, NODE_STATE_POWERED_DOWN), "a restart knows all that");
	register_node(&w, "c1", 5000, NULL, 0);
	ok(state_of(&w, id) & JOB_CONFIGURING, "a daemon that was only restarted does not count");
	tick(&w, 20);
	boot(&w, "c1");
	ok(state_of(&w, id) == JOB_RUNNING && job_find(w.c, id)->start_time == w.now &&
	   find_effect(&w, EFF_NODES, REQUEST_BATCH_JOB_LAUNCH), "it starts when the node has booted");
	id = submit(&w, desc(&w, true));
	sched(&w);
	ok(state_of(&w, id) == JOB_RUNNING && streq(job_str(job_find(w.c, id), JS_NODES), "c1"),
	   "the next goes where a node is up");
	world_end(&w);
}

static void failing(void)
{
	struct world w;
	uint32_t id;

	begin(&w, "");
	tick(&w, 102);
	tick(&w, 12);
	id = submit(&w, desc(&w, true));
	sched(&w);
	tick(&w, 0);
	tick(&w, 62);
	ok(is(&w, "c1", NODE_STATE_DOWN, NODE_STATE_POWERED_DOWN) &&
	   streq(node_find(w.c, "c1")->reason, "ResumeTimeout reached"), "a node that does not come");
	ok(streq(given(&w, "/f"), "c1"), "ResumeFailProgram is told");
	ok(state_of(&w, id) == JOB_PENDING && job_find(w.c, id)->restart_cnt == 1,
	   "its job is requeued");
	ask(&w, "c1", NODE_RESUME);
	ok(is(&w, "c1", NODE_STATE_IDLE, NODE_STATE_POWERED_DOWN), "resumed by an admin");
	world_end(&w);
}

static void asked(void)
{
	struct world w;
	uint32_t id;

	begin(&w, "");
	id = submit(&w, desc(&w, true));
	sched(&w);
	ask(&w, "c1", NODE_STATE_POWER_DOWN | NODE_STATE_POWER_DRAIN);
	tick(&w, 1);
	ok(state_of(&w, id) == JOB_RUNNING &&
	   is(&w, "c1", NODE_STATE_MIXED, NODE_STATE_POWER_DOWN | NODE_STATE_DRAIN),
	   "power_down_asap waits for the job");
	batch_complete(&w, id, 0);
	clean(&w, id);
	tick(&w, 0);
	ok(streq(given(&w, "/s"), "c1") &&
	   is(&w, "c1", NODE_STATE_IDLE, NODE_STATE_POWERING_DOWN), "then it goes");
	tick(&w, 12);
	ask(&w, "c1", NODE_STATE_POWER_UP);
	tick(&w, 0);
	ok(streq(given(&w, "/r"), "c1"), "power_up");
	boot(&w, "c1");
	id = submit(&w, desc(&w, true));
	sched(&w);
	ask(&w, "c1", NODE_STATE_POWER_DOWN | NODE_STATE_POWERED_DOWN);
	ok(state_of(&w, id) == JOB_PENDING && job_find(w.c, id)->restart_cnt == 1,
	   "power_down_force requeues the job");
	tick(&w, 0);
	ok(streq(given(&w, "/s"), "c1"), "and does not wait");
	ask(&w, "c1", NODE_RESUME);
	ok(is(&w, "c1", NODE_STATE_IDLE, NODE_STATE_POWERED_DOWN), "resume: it is down already");
	world_end(&w);
	world_begin(&w, NULL);
	ask(&w, "c1", NODE_STATE_POWER_DOWN);
	ok(reply_rc(&w) == E_INVALID_NODE_STATE, "not without power saving");
	world_end(&w);
}

static void excluding(void)
{
	struct world w;
	struct suspend_exc_update_msg m = { .update_str = "c2", .mode = 2 };

	begin(&w, "SuspendExcNodes=c[1-4]:3,q1\n");
	tick(&w, 102);
	ok(streq(given(&w, "/s"), "c4"), "three of four are kept: %s", given(&w, "/s"));
	rpc_as(&w, 0, REQUEST_SET_SUSPEND_EXC_NODES, &m);
	ok(reply_rc(&w) == E_INVALID_NODE_NAME, "a count can only be assigned");
	m = (struct suspend_exc_update_msg){ .update_str = "c[1-3]", .mode = 0 };
	rpc_as(&w, 0, REQUEST_SET_SUSPEND_EXC_NODES, &m);
	ok(reply_rc(&w) == 0 && streq(w.c->power.exc_nodes, "c[1-3]"), "assigned");
	m = (struct suspend_exc_update_msg){ .update_str = "c2", .mode = 2 };
	rpc_as(&w, 0, REQUEST_SET_SUSPEND_EXC_NODES, &m);
	ok(streq(w.c->power.exc_nodes, "c[1,3]"), "one less");
	tick(&w, 1);
	ok(streq(given(&w, "/s"), "c2,q1"), "takes effect: %s", given(&w, "/s"));
	m = (struct suspend_exc_update_msg){ .update_str = "quantum,normal", .mode = 1 };
	rpc_as(&w, 0, REQUEST_SET_SUSPEND_EXC_PARTS, &m);
	ok(streq(w.c->power.exc_parts, "normal,quantum"), "partitions are added");
	m = (struct suspend_exc_update_msg){ .update_str = "normal", .mode = 2 };
	rpc_as(&w, 0, REQUEST_SET_SUSPEND_EXC_PARTS, &m);
	ok(streq(w.c->power.exc_parts, "quantum"), "and removed");
	m = (struct suspend_exc_update_msg){ .update_str = "drain", .mode = 0 };
	rpc_as(&w, 0, REQUEST_SET_SUSPEND_EXC_STATES, &m);
	ask(&w, "c1", NODE_STATE_DRAIN);
	m = (struct suspend_exc_update_msg){ .update_str = "", .mode = 0 };
	rpc_as(&w, 0, REQUEST_SET_SUSPEND_EXC_NODES, &m);
	tick(&w, 1);
	ok(streq(given(&w, "/s"), "c3"), "a state is excluded: %s", given(&w, "/s"));
	world_end(&w);
}

static void rates(void)
{
	struct world w;
	char text[2048];

	snprintf(text, sizeof(text), "%sSuspendProgram=/s\nResumeProgram=/r\nSuspendTime=100\n"
		 "SuspendRate=6\n", world_conf);
	world_begin(&w, text);
	register_all(&w);
	tick(&w, 1);
	tick(&w, 102);
	ok(streq(given(&w, "/s"), "c1"), "six a minute: %s", given(&w, "/s"));
	tick(&w, 5);
	ok(streq(given(&w, "/s"), ""), "not yet");
	tick(&w, 6);
	ok(streq(given(&w, "/s"), "c2"), "one more: %s", given(&w, "/s"));
	world_end(&w);
}

int main(void)
{
	life();
	failing();
	asked();
	excluding();
	rates();
	return tap_done();
}
