/* SPDX-License-Identifier: Apache-2.0
 *
 * Heterogeneous jobs in the core: one request, several records. */
#include "slurmctld/core/test/world.h"

static const char conf_text[] =
	"ClusterName=test\nSlurmctldHost=ctl\nSlurmUser=root\nSelectType=select/cons_tres\n"
	"SchedulerType=sched/backfill\nLicenses=lic:2\n"
	"SelectTypeParameters=CR_Core_Memory\nSlurmdTimeout=300\nReturnToService=1\n"
	"GresTypes=qpu\nMinJobAge=60\n"
	"NodeName=c[1-4] CPUs=4 RealMemory=4000\n"
	"NodeName=q1 CPUs=2 RealMemory=2000 Gres=qpu:1\n"
	"PartitionName=normal Nodes=c[1-4] Default=YES MaxTime=7200 DefMemPerCPU=500\n"
	"PartitionName=quantum Nodes=q1 MaxTime=60 DefMemPerCPU=500\n";

static struct world w;
static struct job_desc_msg part[3];

/* Two components: two nodes of "normal", the one of "quantum". */
static struct job_desc_list_msg *request(bool batch)
{
	static struct job_desc_list_msg m;

	part[0] = *desc(&w, batch);
	part[0].min_nodes = part[0].max_nodes = 2;
	part[0].min_cpus = part[0].num_tasks = 2;
	part[1] = *desc(&w, false);
	part[1].min_cpus = part[1].num_tasks = 2;
	part[1].partition = "quantum";
	part[0].alloc_resp_port = part[1].alloc_resp_port = batch ? 0 : 5000;
	part[0].other_port = part[1].other_port = batch ? 0 : 5001;
	m = (struct job_desc_list_msg){ .cnt = 2, .tmp_msg = part };
	return &m;
}

static uint32_t submit_two(void)
{
	const struct submit_response_msg *r;

	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, request(true));
	r = reply(&w, RESPONSE_SUBMIT_BATCH_JOB);
	return r ? r->step_id.job_id : 0;
}

static uint32_t bases(uint32_t id)
{
	return state_of(&w, id) & JOB_STATE_BASE;
}

static bool both(uint32_t id, uint32_t state)
{
	if (bases(id) == state && bases(id + 1) == state)
		return true;
	printf("# states %u, %u\n", state_of(&w, id), state_of(&w, id + 1));
	return false;
}

static void begin(void)
{
	world_begin(&w, conf_text);
	register_all(&w);
}

static int kill_as(uint32_t uid, const char *text, uint16_t signal)
{
	struct job_step_kill_msg m;

	wire_init(&job_step_kill_msg_desc, &m);
	m.sjob_id = text;
	m.step_id.job_id = m.step_id.step_id = NO_VAL;
	m.signal = signal;
	rpc_as(&w, uid, REQUEST_KILL_JOB, &m);
	return reply_rc(&w);
}

static const char *env_of(const struct batch_job_launch_msg *m, const char *name)
{
	size_t n = strlen(name);

	for (uint32_t i = 0; i < m->environment_count; i++)
		if (strncmp(m->environment[i], name, n) == 0 && m->environment[i][n] == '=')
			return m->environment[i] + n + 1;
	return "-";
}

static void life(void)
{
	const struct batch_job_launch_msg *b;
	const struct effect *e;
	const struct job *j, *k;
	uint32_t id, launches = 0;

	begin();
	id = submit_two();
	j = job_find(w.c, id);
	k = job_find(w.c, id + 1);
	ok(j && k && j->het_job_id == id && k->het_job_id == id && !j->het_job_offset &&
	   k->het_job_offset == 1, "a record for each component");
	ok(j && k && streq(job_str(k, JS_HET_JOB_ID_SET), "1-2") && k->batch, "that knows the others");
	ok(find_effect(&w, EFF_SCRIPT_PUT, 0)->script_id == id, "the leader's script is kept");
	sched(&w);
	for (uint32_t i = 0; i < w.out.count; i++)
		launches += w.out.v[i].kind == EFF_NODES &&
			w.out.v[i].type == REQUEST_BATCH_JOB_LAUNCH;
	ok(both(id, JOB_RUNNING) && launches == 1, "both start, one script goes");
	e = find_effect(&w, EFF_NODES, REQUEST_BATCH_JOB_LAUNCH);
	b = e ? e->body : NULL;
	ok(b && b->job_id == id && bitset_test(e->nodes, node_find(w.c, "c1")->index),
	   "to the leader's first node");
	ok(b && streq(env_of(b, "SLURM_HET_SIZE"), "2") &&
	   streq(env_of(b, "SLURM_JOB_NODELIST_HET_GROUP_0"), "c[1-2]") &&
	   streq(env_of(b, "SLURM_JOB_NODELIST_HET_GROUP_1"), "q1") &&
	   streq(env_of(b, "SLURM_JOB_ID_PACK_GROUP_1"), "2"), "with what it needs to know");
	batch_complete(&w, id, 3 << 8);
	ok(both(id, JOB_FAILED) && k->exit_code == 3 << 8, "the script's end is that of all");
	clean(&w, id);
	tick(&w, 61);
	ok(job_find(w.c, id), "the leader stays as long as a component cleans up");
	clean(&w, id + 1);
	tick(&w, 61);
	ok(!job_find(w.c, id) && !job_find(w.c, id + 1), "then all are forgotten");
	world_end(&w);
}

static void allocation(void)
{
	struct complete_job_allocation_msg done;
	const struct job_info_list_msg *r;
	struct job_alloc_info_msg ask;
	uint32_t id;

	begin();
	rpc_as(&w, w.uid, REQUEST_HET_JOB_ALLOCATION, request(false));
	r = reply(&w, RESPONSE_HET_JOB_ALLOCATION);
	ok(r && r->cnt == 2 && streq(r->resp[0].node_list, "c[1-2]") &&
	   streq(r->resp[1].node_list, "q1"), "granted at once");
	id = r ? r->resp[0].step_id.job_id : 0;
	wire_init(&job_alloc_info_msg_desc, &ask);
	ask.step_id.job_id = id;
	rpc_as(&w, w.uid, REQUEST_HET_JOB_ALLOC_INFO, &ask);
	r = reply(&w, RESPONSE_HET_JOB_ALLOCATION);
	ok(r && r->cnt == 2 && r->resp[1].step_id.job_id == id + 1, "asked for again");
	ask.step_id.job_id = id + 1;
	rpc_as(&w, w.uid, REQUEST_HET_JOB_ALLOC_INFO, &ask);
	ok(reply_rc(&w) == E_NOT_HET_JOB_LEADER, "of the leader");
	rpc_as(&w, w.uid, REQUEST_HET_JOB_ALLOCATION, request(false));
	r = reply(&w, RESPONSE_HET_JOB_ALLOCATION);
	ok(r && r->cnt == 2 && !r->resp[0].node_cnt && !r->resp[1].node_cnt, "another one waits");
	wire_init(&complete_job_allocation_msg_desc, &done);
	done.step_id.job_id = id;
	rpc_as(&w, w.uid, REQUEST_COMPLETE_JOB_ALLOCATION, &done);
	ok(both(id, JOB_COMPLETE), "given back, all of it");
	clean(&w, id);
	clean(&w, id + 1);
	sched(&w);
	ok(both(id + 2, JOB_RUNNING), "the other one starts");
	r = find_effect(&w, EFF_CLIENT, RESPONSE_HET_JOB_ALLOCATION) ?
		find_effect(&w, EFF_CLIENT, RESPONSE_HET_JOB_ALLOCATION)->body : NULL;
	ok(r && r->cnt == 2 && r->resp[1].node_cnt == 1, "its client is told, once for all");
	world_end(&w);
}

static void refused(void)
{
	struct job_desc_list_msg *m;

	begin();
	m = request(true);
	part[1].partition = "nope";
	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, m);
	ok(reply_rc(&w) == E_INVALID_PARTITION_NAME && !w.c->job_count, "no partition: none is made");
	m = request(true);
	part[1].licenses = "lic:1";
	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, m);
	ok(reply_rc(&w) == E_INVALID_LICENSES, "licenses are the leader's");
	m = request(true);
	part[0].array_inx = "1-2";
	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, m);
	ok(reply_rc(&w) == E_INVALID_ARRAY, "no arrays");
	m = request(true);
	part[1].tres_per_node = "gres/qpu:2";
	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, m);
	ok(reply_rc(&w) == E_REQUESTED_NODE_CONFIG_UNAVAILABLE, "no node could have it");
	m = request(false);
	part[0].immediate = 1;
	rpc_as(&w, w.uid, REQUEST_HET_JOB_ALLOCATION, m);
	ok(reply_rc(&w) == E_CAN_NOT_START_IMMEDIATELY, "not at once or never");
	m->cnt = 0;
	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, m);
	ok(reply_rc(&w) == E_FAIL, "nothing asked for");
	m = request(true);
	part[0].req_nodes = "c1";
	part[0].min_nodes = part[0].max_nodes = part[0].min_cpus = part[0].num_tasks = 1;
	rpc_as(&w, w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, m);
	ok(streq(job_str(w.c->job_last, JS_EXC_NODES), "c1"), "what one names the others leave");
	world_end(&w);
}

static void orders(void)
{
	struct job_desc_msg *d;
	uint32_t id;

	begin();
	id = submit_two();
	ok(kill_as(w.uid, "1+1", 9) == E_NOT_WHOLE_HET_JOB && kill_as(w.uid, "2", 9) ==
	   E_NOT_WHOLE_HET_JOB, "one that waits is not cancelled alone");
	ok(kill_as(999, "1+1", 9) == E_ACCESS_DENIED, "nor by others");
	d = desc(&w, false);
	d->work_dir = d->std_out = NULL;
	d->cpus_per_task = NO_VAL16;
	d->nice = NO_VAL;
	d->job_id_str = "1+1";
	d->min_cpus = d->max_cpus = d->min_nodes = d->num_tasks = d->time_limit = NO_VAL;
	d->name = "x";
	rpc_as(&w, 0, REQUEST_UPDATE_JOB, d);
	ok(reply_rc(&w) == 0 && streq(job_str(job_find(w.c, id + 1), JS_NAME), "x") &&
	   streq(job_str(job_find(w.c, id), JS_NAME), "job"), "one is changed");
	sched(&w);
	ok(kill_as(w.uid, "1+1", 9) == 0 && bases(id) == JOB_RUNNING &&
	   bases(id + 1) == JOB_CANCELLED, "one that runs is");
	ok(kill_as(w.uid, "1", 9) == 0 && bases(id) == JOB_CANCELLED, "the leader ends all");
	clean(&w, id);
	clean(&w, id + 1);
	id = submit_two();
	ok(kill_as(w.uid, "3+0", 9) == 0 && both(id, JOB_CANCELLED), "also as +0");
	ok(kill_as(w.uid, "3+2", 9) == E_INVALID_JOB_ID, "there is no +2");
	world_end(&w);
}

static void node_lost(void)
{
	uint32_t id;

	begin();
	id = submit_two();
	job_find(w.c, id)->requeue = job_find(w.c, id + 1)->requeue = 1;
	sched(&w);
	node_down(w.c, node_find(w.c, "q1"), "lost", &w.out);
	ok(both(id, JOB_PENDING), "a lost node sends all back");
	clean(&w, id);
	tick(&w, 200);
	sched(&w);
	ok(both(id, JOB_PENDING), "where they wait for each other");
	register_node(&w, "q1", 10, NULL, 0);
	world_end(&w);
}

static void restarted(void)
{
	uint32_t run, wait;

	begin();
	run = submit_two();
	sched(&w);
	wait = submit_two();
	world_restart(&w);
	register_all(&w);
	sched(&w);
	ok(both(run, JOB_RUNNING) && both(wait, JOB_PENDING), "as they were");
	ok(het_leader(w.c, job_find(w.c, wait + 1)) == job_find(w.c, wait) &&
	   job_find(w.c, wait)->het_next == job_find(w.c, wait + 1), "the records find each other");
	ok(kill_as(w.uid, "3+1", 9) == E_NOT_WHOLE_HET_JOB, "and are one job");
	batch_complete(&w, run, 0);
	ok(both(run, JOB_COMPLETE), "they end together");
	clean(&w, run);
	clean(&w, run + 1);
	sched(&w);
	ok(both(wait, JOB_RUNNING), "and start together");
	world_end(&w);
}

/* Steps are numbered by the leader. */
static void steps(void)
{
	struct job_step_create_request_msg c;
	const struct job_step_create_response_msg *s;
	uint32_t id;

	begin();
	rpc_as(&w, w.uid, REQUEST_HET_JOB_ALLOCATION, request(false));
	id = w.c->job_first->id;
	wire_init(&job_step_create_request_msg_desc, &c);
	c.step_id.step_id = NO_VAL;
	c.user_id = w.uid;
	c.min_nodes = c.max_nodes = 1;
	c.cpu_count = c.num_tasks = 1;
	c.name = "step";
	c.host = "login";
	c.port = 6000;
	c.task_dist = DIST_BLOCK;
	c.plane_size = c.relative = c.resv_port_cnt = NO_VAL16;
	c.ntasks_per_core = INFINITE16;
	c.ntasks_per_tres = c.threads_per_core = NO_VAL16;
	c.time_limit = NO_VAL;
	c.step_id.job_id = id + 1;
	rpc_as(&w, w.uid, REQUEST_JOB_STEP_CREATE, &c);
	s = reply(&w, RESPONSE_JOB_STEP_CREATE);
	ok(s && s->step_id.job_id == id + 1 && s->step_id.step_id == 0, "the second component's");
	c.step_id.job_id = id;
	rpc_as(&w, w.uid, REQUEST_JOB_STEP_CREATE, &c);
	s = reply(&w, RESPONSE_JOB_STEP_CREATE);
	ok(s && s->step_id.job_id == id && s->step_id.step_id == 1, "the first's has the next number");
	c.step_id.step_id = 1;
	rpc_as(&w, w.uid, REQUEST_JOB_STEP_CREATE, &c);
	ok(reply_rc(&w) == E_DUPLICATE_STEP_ID, "a number is given once");
	c.step_id.job_id = id + 1;
	c.step_id.step_id = 2;
	c.flags |= SSF_OVERLAP_FORCE;
	rpc_as(&w, w.uid, REQUEST_JOB_STEP_CREATE, &c);
	s = reply(&w, RESPONSE_JOB_STEP_CREATE);
	ok(s && s->step_id.step_id == 2, "or once for each component (rc %d)", reply_rc(&w));
	/* components of a step in one job */
	c.step_id.job_id = id;
	c.step_id.step_id = 5;
	c.step_id.step_het_comp = 0;
	rpc_as(&w, w.uid, REQUEST_JOB_STEP_CREATE, &c);
	c.step_id.step_het_comp = 1;
	rpc_as(&w, w.uid, REQUEST_JOB_STEP_CREATE, &c);
	s = reply(&w, RESPONSE_JOB_STEP_CREATE);
	ok(s && s->step_id.step_id == 5 && s->step_id.step_het_comp == 1 &&
	   s->cred.cred.step_id.step_het_comp == 1, "a step of two components in one job");
	world_end(&w);
}

/* whole_hetjob: orders to one are orders to all. */
static void whole(void)
{
	static char text[4096];
	struct job_desc_msg *d;
	uint32_t id;

	snprintf(text, sizeof(text), "%sSchedulerParameters=whole_hetjob\n", conf_text);
	world_begin(&w, text);
	register_all(&w);
	id = submit_two();
	d = desc(&w, false);
	d->work_dir = d->std_out = NULL;
	d->cpus_per_task = NO_VAL16;
	d->nice = d->min_cpus = d->min_nodes = d->num_tasks = d->time_limit = NO_VAL;
	d->name = NULL;
	d->job_id_str = "1+1";
	d->priority = 0;
	rpc_as(&w, 0, REQUEST_UPDATE_JOB, d);
	ok(!job_find(w.c, id)->priority && !job_find(w.c, id + 1)->priority, "all are held");
	d->priority = INFINITE;
	rpc_as(&w, 0, REQUEST_UPDATE_JOB, d);
	ok(job_find(w.c, id)->priority && job_find(w.c, id + 1)->priority, "all are released");
	sched(&w);
	ok(kill_as(w.uid, "2", 9) == 0 && both(id, JOB_CANCELLED), "all are cancelled");
	world_end(&w);
}

int main(void)
{
	life();
	allocation();
	refused();
	orders();
	node_lost();
	restarted();
	steps();
	whole();
	return tap_done();
}
