/* SPDX-License-Identifier: Apache-2.0
 *
 * A job's step manager: what the controller gives it is enough to decide as the
 * controller would, in every release that has it. */
#include "slurmctld/core/stepmgr.h"
#include "slurmctld/core/test/world.h"

static const char *const manager_conf =
	"ClusterName=test\nSlurmctldHost=ctl\nSlurmUser=root\nSelectType=select/cons_tres\n"
	"SelectTypeParameters=CR_Core_Memory\nSlurmctldParameters=enable_stepmgr\n"
	"PrologFlags=Contain\nGresTypes=qpu\n"
	"NodeName=c[1-4] CPUs=4 RealMemory=4000 Gres=qpu:2\n"
	"NodeName=q1 CPUs=2 RealMemory=2000 Gres=qpu:1\n"
	"PartitionName=normal Nodes=c[1-4] Default=YES MaxTime=7200 DefMemPerCPU=500\n";

struct manager {
	struct core *c;
	struct arena mem;
	struct effects out;
	int64_t now;
};

/* Over the wire and into a core, as slurmstepd does it. */
static enum err manager_begin(struct manager *m, struct world *w, const struct effect *e,
			      enum wire_version v)
{
	const struct prolog_launch_msg *p = e->body;
	struct wire_out o = { 0 };
	struct stepmgr_records *r = arena_alloc(&m->mem, sizeof *r);
	struct conf_node *nodes;
	struct conf *conf;
	struct wire_in in;
	struct err_text why = { "" };
	enum err rc;
	uint8_t *bytes;

	wire_pack(&o, &stepmgr_records_desc, &p->stepmgr_records, v);
	bytes = arena_alloc(&m->mem, o.len);
	memcpy(bytes, o.base, o.len);
	in = (struct wire_in){ .p = bytes, .end = bytes + o.len, .mem = &m->mem };
	wire_unpack(&in, &stepmgr_records_desc, r, v);
	ok(!o.failed && !in.failed && in.p == in.end, "the records of release %s",
	   wire_version_name(v));
	wire_out_fini(&o);
	nodes = calloc(r->nodes_count, sizeof *nodes);
	for (uint32_t i = 0; i < r->nodes_count; i++)
		nodes[i] = *conf_node_find(w->conf, r->nodes[i].name);
	conf = conf_for_nodes(w->conf, nodes, r->nodes_count);
	free(nodes);
	rc = core_new(conf, w->now, 1, &m->c, &why);
	conf_unref(conf);
	if (rc == E_OK)
		rc = stepmgr_load(m->c, r, NULL, &why);
	ok(rc == E_OK, "make a step manager: %s", why.text);
	m->now = w->now;
	return rc;
}

static void manager_end(struct manager *m)
{
	core_free(m->c);
	effects_fini(&m->out);
	arena_fini(&m->mem);
}

static const void *ask(struct manager *m, uint32_t uid, uint16_t type, const void *body,
		       uint16_t want)
{
	struct stepmgr_request q = {
		.type = type, .body = body, .version = V24_11, .now = m->now, .uid = uid,
		.admin = uid == 0, .peer = { .family = 2, .ip = { 127, 0, 0, 1 } },
	};

	effects_reset(&m->out);
	stepmgr_serve(m->c, &q, &m->out);
	for (uint32_t i = 0; i < m->out.count; i++)
		if (m->out.v[i].type == want)
			return m->out.v[i].body;
	return NULL;
}

static int rc_of(const struct manager *m)
{
	for (uint32_t i = 0; i < m->out.count; i++) {
		const struct return_code_msg *r = m->out.v[i].body;

		if (m->out.v[i].type == RESPONSE_SLURM_RC ||
		    m->out.v[i].type == RESPONSE_SLURM_RC_MSG)
			return (int)r->return_code;
	}
	return -999;
}

static void create_init(struct job_step_create_request_msg *c, const struct world *w,
			uint32_t id, uint32_t nodes, uint32_t tasks)
{
	wire_init(&job_step_create_request_msg_desc, c);
	c->step_id.job_id = id;
	c->step_id.step_id = NO_VAL;
	c->user_id = w->uid;
	c->min_nodes = c->max_nodes = nodes;
	c->cpu_count = c->num_tasks = tasks;
	c->name = "hostname";
	c->host = "login";
	c->port = 6000;
	c->task_dist = 1;
	c->plane_size = c->relative = c->resv_port_cnt = NO_VAL16;
	c->ntasks_per_core = INFINITE16;
	c->ntasks_per_tres = c->threads_per_core = NO_VAL16;
	c->time_limit = NO_VAL;
	c->flags = SSF_EXCLUSIVE;
}

static uint32_t two_nodes(struct world *w)
{
	struct job_desc_msg *d = desc(w, false);
	const struct resource_allocation_response_msg *a;
	bool env = false;

	d->min_nodes = d->max_nodes = 2;
	d->num_tasks = d->min_cpus = 8;
	d->ntasks_per_node = 4;
	d->tres_per_node = "gres/qpu:1";
	d->alloc_resp_port = 5000;
	d->other_port = 5001;
	rpc_as(w, w->uid, REQUEST_RESOURCE_ALLOCATION, d);
	a = reply(w, RESPONSE_RESOURCE_ALLOCATION);
	for (uint32_t i = 0; a && i < a->environment_count; i++)
		env |= streq(a->environment[i], "SLURM_STEPMGR=c1");
	ok(env, "the client is told where its step manager is (rc %d)", reply_rc(w));
	return a ? a->step_id.job_id : 0;
}

static void steps(struct world *w, struct manager *m, uint32_t id)
{
	const struct job_step_create_response_msg *s;
	const struct job_step_info_response_msg *info;
	struct job_step_create_request_msg c;
	struct job_step_info_req_msg q;
	struct step_complete_msg done;
	struct job_step_kill_msg kill;

	create_init(&c, w, id, 2, 8);
	s = ask(m, w->uid, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(s && streq(s->step_layout.node_list, "c[1-2]") && s->step_layout.task_cnt == 8,
	   "a step on all CPUs (rc %d)", rc_of(m));
	ok(s && streq(s->stepmgr, "c1"), "whose end is to be told to c1");
	ok(s && s->cred.cred.step_id.job_id == id && s->cred.cred.job_nhosts == 2 &&
	   bitset_count(s->cred.cred.step_core_bitmap) == 8 && s->cred.cred.job_gres_count == 1 &&
	   s->cred.cred.job_gres[0].total_gres == 2, "its credential");
	c.port = 6001;
	ask(m, w->uid, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(rc_of(m) == E_NODES_BUSY, "no room for another");
	create_init(&c, w, id, 1, 99);
	c.port = 0;
	ask(m, w->uid, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(rc_of(m) > 0 && rc_of(m) != E_NODES_BUSY, "never for so many tasks");
	ask(m, 4711, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(rc_of(m) == E_ACCESS_DENIED, "nor for others");
	wire_init(&job_step_info_req_msg_desc, &q);
	q.step_id.job_id = id;
	q.step_id.step_id = 0;
	info = ask(m, w->uid, REQUEST_JOB_STEP_INFO, &q, RESPONSE_JOB_STEP_INFO);
	ok(info && info->job_step_count == 1 && streq(info->job_steps[0].nodes, "c[1-2]"),
	   "the step is shown");
	wire_init(&job_step_kill_msg_desc, &kill);
	kill.step_id.job_id = id;
	kill.step_id.step_id = 0;
	kill.signal = 9;
	ok(ask(m, w->uid, REQUEST_CANCEL_JOB_STEP, &kill, REQUEST_TERMINATE_TASKS) &&
	   rc_of(m) == E_OK, "and cancelled");
	wire_init(&step_complete_msg_desc, &done);
	done.step_id.job_id = id;
	done.step_id.step_id = 0;
	done.range_last = 1;
	ok(ask(m, 0, REQUEST_STEP_COMPLETE, &done, SRUN_STEP_SIGNAL) != NULL,
	   "its end wakes who waited for room");
	create_init(&c, w, id, 2, 8);
	s = ask(m, w->uid, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(s && s->step_id.step_id == 1, "who gets it");
}

static void ends(struct world *w, struct manager *m, uint32_t id)
{
	struct steps_drained_sub_msg sub;
	struct job_resize_msg resize;
	struct step_complete_msg done;
	struct update_job_step_msg up;
	struct job_step_create_request_msg c;
	struct step_id_members over;
	const struct job_step_create_response_msg *s;
	struct effects out = { 0 };

	wire_init(&steps_drained_sub_msg_desc, &sub);
	sub.step_id.job_id = id;
	sub.host = "login";
	sub.port = 7000;
	ask(m, w->uid, REQUEST_STEPS_DRAINED_SUBSCRIBE, &sub, RESPONSE_SLURM_RC);
	ok(rc_of(m) == E_OK, "somebody waits for the last step");
	wire_init(&update_job_step_msg_desc, &up);
	up.step_id.job_id = id;
	up.step_id.step_id = 1;
	up.time_limit = 1;
	ask(m, w->uid, REQUEST_UPDATE_JOB_STEP, &up, RESPONSE_SLURM_RC);
	ok(rc_of(m) == E_OK && stepmgr_next_time(m->c) == m->now + 60, "a time limit");
	m->now += 61;
	stepmgr_tick(m->c, m->now, &out);
	ok(out.count && stepmgr_next_time(m->c) == INT64_MAX, "is kept");
	effects_fini(&out);
	wire_init(&job_resize_msg_desc, &resize);
	resize.step_id.job_id = id;
	resize.nodelist = "c2";
	ask(m, 0, REQUEST_STEPMGR_RESIZE_KILL_STEPS, &resize, RESPONSE_SLURM_RC);
	ok(rc_of(m) == E_OK && m->c->job_first->alloc->node_count == 1, "the job gives up a node");
	wire_init(&step_complete_msg_desc, &done);
	done.step_id.job_id = id;
	done.step_id.step_id = 1;
	ask(m, 0, REQUEST_STEP_COMPLETE, &done, RESPONSE_SLURM_RC);
	ok(!m->c->job_first->steps, "the step ends without it");
	ok(m->out.count && m->out.v[m->out.count - 1].type == SRUN_STEPS_DRAINED,
	   "who waited is told");
	ask(m, w->uid, REQUEST_STEPS_DRAINED_SUBSCRIBE, &sub, RESPONSE_SLURM_RC);
	ok(rc_of(m) == E_STEPS_DRAINED, "and answered at once now");
	effects_reset(&m->out);
	stepmgr_suspended(m->c, true, &m->out);
	create_init(&c, w, id, 1, 1);
	ask(m, w->uid, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(rc_of(m) == E_DISABLED, "no step in a suspended job");
	effects_reset(&m->out);
	stepmgr_suspended(m->c, false, &m->out);
	ok(m->out.count == 1 && m->out.v[0].type == SRUN_STEP_SIGNAL, "until it goes on");
	s = ask(m, w->uid, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(s && streq(s->step_layout.node_list, "c1"), "on the node that is left");
	c.flags |= SSF_ASYNC;
	ask(m, w->uid, REQUEST_JOB_STEP_CREATE, &c, RESPONSE_JOB_STEP_CREATE);
	ok(rc_of(m) == E_INVALID_FEATURE, "--async is refused");
	wire_init(&step_id_members_desc, &over);
	over.job_id = id;
	ok(ask(m, 0, SRUN_JOB_COMPLETE, &over, SRUN_JOB_COMPLETE) != NULL, "the job ends");
}

/* The controller has no step of it, but knows who has. */
static void controller(struct world *w, uint32_t id)
{
	struct job_step_create_request_msg c;
	struct job_step_kill_msg kill;
	struct complete_prolog_msg prolog;
	const struct reroute_msg *r;

	create_init(&c, w, id, 1, 1);
	rpc_as(w, w->uid, REQUEST_JOB_STEP_CREATE, &c);
	ok(reply_rc(w) == E_NODES_BUSY, "not before its node's prolog has ended");
	wire_init(&complete_prolog_msg_desc, &prolog);
	prolog.step_id.job_id = id;
	prolog.node_name = "c1";
	rpc_as(w, 0, REQUEST_COMPLETE_PROLOG, &prolog);
	ok(find_effect(w, EFF_CLIENT, SRUN_STEP_SIGNAL) != NULL, "then who asked is woken");
	rpc_as(w, w->uid, REQUEST_JOB_STEP_CREATE, &c);
	r = reply(w, RESPONSE_SLURM_REROUTE_MSG);
	ok(r && streq(r->stepmgr, "c1"), "and sent there");
	wire_init(&job_step_kill_msg_desc, &kill);
	kill.step_id.job_id = id;
	kill.step_id.step_id = 3;
	kill.signal = 9;
	rpc_as(w, w->uid, REQUEST_CANCEL_JOB_STEP, &kill);
	ok(reply_rc(w) == E_OK && find_effect(w, EFF_NODES, REQUEST_CANCEL_JOB_STEP),
	   "orders for a step are passed on");
}

int main(void)
{
	static const enum wire_version all[] = { V24_05, V24_11, V25_05, V25_11, V26_05 };
	struct world w = { 0 };
	const struct effect *e;
	uint32_t id;

	world_begin(&w, manager_conf);
	register_all(&w);
	id = two_nodes(&w);
	e = find_effect(&w, EFF_NODES, REQUEST_LAUNCH_PROLOG);
	ok(e && ((const struct prolog_launch_msg *)e->body)->stepmgr_here,
	   "the nodes get the records");
	for (size_t i = 0; e && i < sizeof all / sizeof *all; i++) {
		struct manager m = { 0 };

		if (manager_begin(&m, &w, e, all[i]) == E_OK) {
			steps(&w, &m, id);
			ends(&w, &m, id);
		}
		manager_end(&m);
	}
	controller(&w, id);
	world_end(&w);
	return tap_done();
}
