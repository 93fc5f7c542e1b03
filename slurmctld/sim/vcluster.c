/* SPDX-License-Identifier: Apache-2.0
 *
 * See vcluster.h. */
#include "slurmctld/sim/vcluster.h"

#include <signal.h>

static uint32_t rnd(struct vcluster *v, uint32_t n)
{
	v->seed ^= v->seed << 13;
	v->seed ^= v->seed >> 7;
	v->seed ^= v->seed << 17;
	return (uint32_t)(v->seed >> 16) % n;
}

static void trace(struct vcluster *v, uint64_t x)
{
	v->trace = (v->trace ^ x) * UINT64_C(0x100000001b3);
}

static void fault(struct vcluster *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void fault(struct vcluster *v, const char *fmt, ...)
{
	va_list ap;

	if (v->fault[0])
		return;
	va_start(ap, fmt);
	vsnprintf(v->fault, sizeof(v->fault), fmt, ap);
	va_end(ap);
}

/* ---- mail -------------------------------------------------------------- */

static void mail(struct vcluster *v, struct vmail m)
{
	if (v->mails < VMAIL)
		v->mail[v->mails++] = m;
}

/* Places in the core's table change with the configuration. */
static uint32_t vnode_of(const struct vcluster *v, uint32_t index)
{
	uint32_t i = 0;

	while (i < VNODES - 1 && strcmp(v->node[i].name, v->w.c->node[index]->name) != 0)
		i++;
	return i;
}

static void collect_nodes(struct vcluster *v, const struct effect *e)
{
	bitset_foreach(i, e->nodes) {
		struct vmail m = { .kind = MAIL_TO_NODE, .node = vnode_of(v, i),
				   .type = e->type, .job_id = e->job_id };

		if (e->type == REQUEST_BATCH_JOB_LAUNCH) {
			const struct batch_job_launch_msg *b = e->body;

			m.sluid = b->cred.cred.step_id.sluid;
		} else if (e->type == REQUEST_TERMINATE_JOB || e->type == REQUEST_KILL_TIMELIMIT) {
			m.sluid = ((const struct kill_job_msg *)e->body)->step_id.sluid;
		}
		mail(v, m);
	}
}

/* What the last step wants done.  lost: the controller died before it was. */
static void collect(struct vcluster *v, bool lost)
{
	for (uint32_t i = 0; i < v->w.out.count; i++) {
		const struct effect *e = &v->w.out.v[i];

		trace(v, (uint64_t)e->kind << 32 | e->type);
		trace(v, e->job_id);
		if (e->kind == EFF_NODES && !lost)
			collect_nodes(v, e);
	}
}

static void send(struct vcluster *v, uint32_t uid, uint16_t type, const void *body)
{
	rpc_as(&v->w, uid, type, body);
	collect(v, false);
}

/* ---- nodes ------------------------------------------------------------- */

static struct vtask *task_find(struct vnode *n, uint32_t job_id)
{
	for (uint32_t i = 0; i < n->tasks; i++)
		if (n->task[i].job_id == job_id)
			return &n->task[i];
	return NULL;
}

static void task_drop(struct vnode *n, struct vtask *t)
{
	*t = n->task[--n->tasks];
}

static uint32_t node_launch(struct vcluster *v, struct vnode *n, const struct vmail *m)
{
	struct vtask *t = task_find(n, m->job_id);

	if (t && t->batch)
		return E_D_STEP_EXISTS;
	if (!t && n->tasks == VTASKS)
		return E_D_TOOMANYSTEPS;
	if (!t)
		t = &n->task[n->tasks++];
	*t = (struct vtask){
		.job_id = m->job_id, .sluid = m->sluid, .batch = true,
		.ends = v->w.now + 1 + rnd(v, 200),
		.status = rnd(v, 4) ? 0 : rnd(v, 2) ? 1 << 8 : SIGSEGV,
	};
	return 0;
}

static uint32_t node_kill(struct vcluster *v, struct vnode *n, const struct vmail *m)
{
	struct vtask *t = task_find(n, m->job_id);

	if (!t)
		return 4002;
	if (t->batch)
		mail(v, (struct vmail){ .kind = MAIL_BATCH_DONE, .node = m->node,
					.job_id = m->job_id, .sluid = t->sluid,
					.status = SIGTERM });
	task_drop(n, t);
	mail(v, (struct vmail){ .kind = MAIL_EPILOG, .node = m->node, .job_id = m->job_id,
				.sluid = m->sluid });
	return 0;
}

static void to_node(struct vcluster *v, const struct vmail *m)
{
	struct vnode *n = &v->node[m->node];
	struct vmail r = { .kind = MAIL_RESULT, .node = m->node, .type = m->type,
			   .job_id = m->job_id };

	if (!n->up) {
		r.result = E_COMMUNICATIONS_CONNECTION_ERROR;
		mail(v, r);
		return;
	}
	switch (m->type) {
	case REQUEST_BATCH_JOB_LAUNCH:
		r.status = node_launch(v, n, m);
		break;
	case REQUEST_TERMINATE_JOB:
	case REQUEST_KILL_TIMELIMIT:
	case REQUEST_ABORT_JOB:
		r.status = node_kill(v, n, m);
		break;
	case REQUEST_NODE_REGISTRATION_STATUS:
		mail(v, (struct vmail){ .kind = MAIL_REGISTER, .node = m->node });
		break;
	default:
		break;
	}
	/* Now and then the answer is lost and the sender only sees a time-out. */
	if (!v->calm && rnd(v, 25) == 0)
		r.result = E_PROTOCOL_SOCKET_IMPL_TIMEOUT;
	mail(v, r);
}

static void node_registers(struct vcluster *v, uint32_t i)
{
	struct step_id_members ids[VTASKS];
	struct vnode *n = &v->node[i];

	if (!n->up || !node_find(v->w.c, n->name))
		return;
	for (uint32_t k = 0; k < n->tasks; k++) {
		ids[k].job_id = n->task[k].job_id;
		ids[k].step_id = n->task[k].batch ? STEP_BATCH : STEP_EXTERN;
		ids[k].step_het_comp = NO_VAL;
		ids[k].sluid = n->task[k].sluid;
	}
	register_node(&v->w, n->name, (uint32_t)(v->w.now - n->booted), ids, n->tasks);
	collect(v, false);
}

static void deliver(struct vcluster *v, const struct vmail *m)
{
	struct complete_batch_script_msg b;
	struct epilog_comp_msg e;

	trace(v, (uint64_t)m->kind << 40 | (uint64_t)m->type << 16 | m->node);
	switch (m->kind) {
	case MAIL_TO_NODE:
		to_node(v, m);
		break;
	case MAIL_RESULT:
		if (!node_find(v->w.c, v->node[m->node].name))
			break;
		node_answer(&v->w, v->node[m->node].name, m->type, m->job_id, m->result, m->status);
		collect(v, false);
		break;
	case MAIL_BATCH_DONE:
		wire_init(&complete_batch_script_msg_desc, &b);
		b.step_id.job_id = m->job_id;
		b.step_id.sluid = m->sluid;
		b.step_id.step_id = STEP_BATCH;
		b.job_rc = m->status;
		b.node_name = v->node[m->node].name;
		send(v, 0, REQUEST_COMPLETE_BATCH_SCRIPT, &b);
		break;
	case MAIL_EPILOG:
		wire_init(&epilog_comp_msg_desc, &e);
		e.step_id.job_id = m->job_id;
		e.step_id.sluid = m->sluid;
		e.node_name = v->node[m->node].name;
		send(v, 0, MESSAGE_EPILOG_COMPLETE, &e);
		break;
	case MAIL_REGISTER:
		node_registers(v, m->node);
		break;
	}
}

static void some_mail(struct vcluster *v)
{
	struct vmail m;
	uint32_t i;

	if (!v->mails)
		return;
	i = v->calm ? 0 : rnd(v, v->mails);
	m = v->mail[i];
	/* Repeated: it stays under way. */
	if (v->calm || m.kind == MAIL_RESULT || rnd(v, 12)) {
		memmove(&v->mail[i], &v->mail[i + 1], (v->mails - i - 1) * sizeof(m));
		v->mails--;
	}
	deliver(v, &m);
}

static void tasks_end(struct vcluster *v)
{
	for (uint32_t i = 0; i < VNODES; i++) {
		struct vnode *n = &v->node[i];

		for (uint32_t k = 0; k < n->tasks; k++) {
			struct vtask *t = &n->task[k];

			if (!t->batch || t->ends > v->w.now)
				continue;
			t->batch = false;       /* the allocation stays until it is ended */
			mail(v, (struct vmail){ .kind = MAIL_BATCH_DONE, .node = i,
						.job_id = t->job_id, .sluid = t->sluid,
						.status = t->status });
		}
	}
}

/* ---- users ------------------------------------------------------------- */

static struct job *any_job(struct vcluster *v)
{
	uint32_t k = v->w.c->job_count ? rnd(v, v->w.c->job_count) : 0;
	struct job *j = v->w.c->job_first;

	while (j && k--)
		j = j->next;
	return j;
}

static void ack(struct vcluster *v, uint32_t id)
{
	if (id >= v->acked_size) {
		uint32_t size = id * 2 + 64;

		v->acked = mem_realloc(v->acked, size);
		memset(v->acked + v->acked_size, 0, size - v->acked_size);
		v->acked_size = size;
	}
	if (v->acked[id])
		fault(v, "job id %u was given out twice", id);
	v->acked[id] = 1;
}

static void user_submits(struct vcluster *v)
{
	struct job_desc_msg *d = desc(&v->w, true);
	const struct job *on = any_job(v);
	char text[40];
	uint32_t id;

	d->min_nodes = 1 + rnd(v, 3);
	d->max_nodes = d->min_nodes;
	d->num_tasks = d->min_cpus = d->min_nodes * (1 + rnd(v, 4));
	d->time_limit = 1 + rnd(v, 4);
	d->requeue = (uint16_t)rnd(v, 2);
	if (rnd(v, 6) == 0)
		d->array_inx = rnd(v, 2) ? "1-4" : "0-9%3";
	if (rnd(v, 5) == 0)
		d->shared = JOB_SHARED_NONE;
	if (rnd(v, 6) == 0) {
		d->partition = "quantum";
		d->min_nodes = d->max_nodes = d->num_tasks = d->min_cpus = 1;
		d->tres_per_node = "gres:qpu:1";
	}
	if (on && rnd(v, 5) == 0) {
		snprintf(text, sizeof(text), "%s:%u", rnd(v, 2) ? "afterany" : "afterok", on->id);
		d->dependency = text;
		d->bitflags |= KILL_INV_DEP;
	}
	if (rnd(v, 8) == 0)
		d->begin_time = v->w.now + rnd(v, 300);
	id = submit(&v->w, d);
	collect(v, false);
	if (id)
		ack(v, id);
	else if (reply_rc(&v->w) == -999)
		fault(v, "a submission was not answered");
}

/* Two or three components, acknowledged by the leader's number. */
static void user_submits_het(struct vcluster *v)
{
	const struct submit_response_msg *r;
	struct job_desc_msg part[3];
	struct job_desc_list_msg m = { .cnt = (uint16_t)(2 + rnd(v, 2)), .tmp_msg = part };

	for (uint32_t i = 0; i < m.cnt; i++) {
		part[i] = *desc(&v->w, !i);
		/* no more than there are in all */
		part[i].min_nodes = part[i].max_nodes = i ? 1 : 1 + rnd(v, 2);
		part[i].num_tasks = part[i].min_cpus = part[i].min_nodes * (1 + rnd(v, 4));
		part[i].time_limit = 1 + rnd(v, 4);
		part[i].requeue = (uint16_t)rnd(v, 2);
		if (i == 1 && rnd(v, 2)) {
			part[i].partition = "quantum";
			part[i].min_nodes = part[i].max_nodes = 1;
			part[i].num_tasks = part[i].min_cpus = 1;
		}
		if (rnd(v, 8) == 0)
			part[i].begin_time = v->w.now + rnd(v, 300);
	}
	rpc_as(&v->w, v->w.uid, REQUEST_SUBMIT_BATCH_HET_JOB, &m);
	r = reply(&v->w, RESPONSE_SUBMIT_BATCH_JOB);
	if (!r && reply_rc(&v->w) == -999)
		fault(v, "a submission was not answered");
	collect(v, false);
	for (const struct job *k = r ? job_find(v->w.c, r->step_id.job_id) : NULL; k;
	     k = k->het_next)
		ack(v, k->id);
}

/* A request that changes nothing yet. */
static struct job_desc_msg *change_desc(struct vcluster *v, const struct job *j)
{
	struct job_desc_msg *d = desc(&v->w, false);

	d->min_nodes = d->min_cpus = d->num_tasks = d->time_limit = d->nice = NO_VAL;
	d->cpus_per_task = d->reboot = d->immediate = NO_VAL16;
	d->name = d->work_dir = d->std_out = d->alloc_node = NULL;
	d->step_id.job_id = j->id;
	return d;
}

static void user_suspends(struct vcluster *v, const struct job *j)
{
	struct suspend_msg m;

	wire_init(&suspend_msg_desc, &m);
	m.step_id.job_id = j->het_job_id ? j->het_job_id : j->id;
	m.op = job_base(j) == JOB_SUSPENDED;
	send(v, 0, REQUEST_SUSPEND, &m);
}

static void user_changes(struct vcluster *v)
{
	struct job *j = any_job(v);
	struct job_step_kill_msg k;
	struct job_requeue_msg q;
	struct job_desc_msg *d;

	if (!j)
		return;
	switch (rnd(v, 5)) {
	case 4:
		user_suspends(v, j);
		break;
	case 0:
		wire_init(&job_step_kill_msg_desc, &k);
		k.step_id.job_id = j->id;
		k.signal = SIGKILL;
		k.flags = rnd(v, 2) ? KILL_ARRAY_TASK : 0;
		send(v, 0, REQUEST_KILL_JOB, &k);
		break;
	case 1:
		wire_init(&job_requeue_msg_desc, &q);
		q.step_id.job_id = j->id;
		send(v, 0, REQUEST_JOB_REQUEUE, &q);
		break;
	case 2:         /* hold, release */
		d = change_desc(v, j);
		d->priority = rnd(v, 2) ? 0 : INFINITE;
		send(v, 0, REQUEST_UPDATE_JOB, d);
		break;
	default:
		d = change_desc(v, j);
		d->time_limit = 1 + rnd(v, 5);
		send(v, 0, REQUEST_UPDATE_JOB, d);
		break;
	}
}

/* ---- trouble ----------------------------------------------------------- */

static void node_trouble(struct vcluster *v)
{
	struct vnode *n = &v->node[rnd(v, VNODES)];

	if (!n->up) {
		n->up = true;
		mail(v, (struct vmail){ .kind = MAIL_REGISTER,
					.node = (uint32_t)(n - v->node) });
		return;
	}
	if (rnd(v, 3))
		return;
	n->up = false;
	v->crashes++;
	if (rnd(v, 2)) {        /* the whole machine, not only its daemon */
		n->tasks = 0;
		n->booted = v->w.now + 1;
	}
}

/* Rows make the same core again. */
static void controller_dies(struct vcluster *v)
{
	struct row before[64];
	uint32_t n = 0;

	v->restarts++;
	for (uint32_t i = 0; i < v->w.rows && n < 64; i++)
		if (v->w.row[i].table == TAB_JOB) {
			before[n] = v->w.row[i];
			before[n].image = memcpy(malloc(before[n].len), v->w.row[i].image,
						 before[n].len);
			n++;
		}
	world_restart(&v->w);
	collect(v, false);
	for (uint32_t i = 0; i < n; i++) {
		struct job *j = job_find(v->w.c, (uint32_t)before[i].key);
		struct effects out = { 0 };

		if (!j)
			fault(v, "job %u is gone after a restart", (uint32_t)before[i].key);
		/* Nodes and kinds of gres that are gone leave their jobs. */
		if (j && !v->reconfigs) {
			image_put_job(v->w.c, &out, j);
			if (out.v[0].image_len != before[i].len ||
			    memcmp(out.v[0].image, before[i].image, before[i].len) != 0)
				fault(v, "job %u is not the same after a restart", j->id);
		}
		effects_fini(&out);
		free(before[i].image);
	}
	/* Answers to the dead one go nowhere. */
	for (uint32_t i = 0; i < v->mails;)
		if (v->mail[i].kind == MAIL_RESULT)
			v->mail[i] = v->mail[--v->mails];
		else
			i++;
}

static const char *const confs[] = {
	NULL,   /* world_conf */
	/* c4 goes, c5 comes */
	"ClusterName=test\nSlurmctldHost=ctl\nSlurmUser=root\nSelectType=select/cons_tres\n"
	"SelectTypeParameters=CR_Core_Memory\nReturnToService=1\nGresTypes=qpu\nMinJobAge=60\n"
	"NodeName=c[1-3] CPUs=4 RealMemory=4000\nNodeName=c5 CPUs=8 RealMemory=8000\n"
	"NodeName=q1 CPUs=2 RealMemory=2000 Gres=qpu:2\n"
	"PartitionName=normal Nodes=c[1-3],c5 Default=YES MaxTime=7200 DefMemPerCPU=500\n"
	"PartitionName=quantum Nodes=q1 MaxTime=60 DefMemPerCPU=500\n",
	/* other shapes, shared cores, another gres, all five */
	"ClusterName=test\nSlurmctldHost=ctl\nSlurmUser=root\nSelectType=select/cons_tres\n"
	"SelectTypeParameters=CR_Core_Memory\nReturnToService=2\nGresTypes=qpu,gpu\nMinJobAge=60\n"
	"NodeName=c[1-5] CPUs=8 RealMemory=4000\n"
	"NodeName=q1 CPUs=2 RealMemory=2000 Gres=qpu:1,gpu:1\n"
	"PartitionName=normal Nodes=c[1-5] Default=YES MaxTime=7200 DefMemPerCPU=500 "
	"OverSubscribe=FORCE:2\n"
	"PartitionName=quantum Nodes=q1 MaxTime=60 DefMemPerCPU=500\n",
};

static void reconfigure(struct vcluster *v, const char *text)
{
	struct event ev = { .kind = EV_RECONFIG };

	if (conf_parse(text ? text : world_conf, NULL, NULL, &ev.conf, NULL) != E_OK) {
		fault(v, "the configuration is bad");
		return;
	}
	v->reconfigs++;
	step(&v->w, &ev);
	collect(v, false);
	conf_unref(v->w.conf);
	v->w.conf = ev.conf;
}

/* ---- what must always be true ------------------------------------------ */

static void check_job(struct vcluster *v, const struct job *j)
{
	uint32_t b = job_base(j);

	if (b >= JOB_STATE_END)
		fault(v, "job %u in state %x", j->id, j->state);
	if ((b == JOB_RUNNING || b == JOB_SUSPENDED || job_is_completing(j)) && !j->alloc)
		fault(v, "job %u in state %x holds nothing", j->id, j->state);
	if ((b == JOB_PENDING || b > JOB_SUSPENDED) && !job_is_completing(j) && j->alloc)
		fault(v, "job %u in state %x holds resources", j->id, j->state);
	if (j->array && (b == JOB_RUNNING || bitset_next(j->array->pending, 0) == UINT32_MAX))
		fault(v, "array head %u is wrong", j->id);
	if (j->listed != (b == JOB_PENDING && !job_is_completing(j)))
		fault(v, "job %u and the queue disagree", j->id);
}

/* Components run together or wait together, on nodes of their own; and they
 * find each other. */
static void check_het(struct vcluster *v, const struct job *j)
{
	bool runs = false, waits = false;

	if (!j->het_job_id)
		return;
	if (!het_leader(v->w.c, j))
		fault(v, "component %u has lost its leader", j->id);
	if (het_is_part(j)) {
		if (het_find(v->w.c, j->het_job_id, j->het_job_offset) != j)
			fault(v, "component %u is not found", j->id);
		return;
	}
	for (const struct job *k = j; k; k = k->het_next) {
		runs |= job_is_running(k) || job_base(k) == JOB_SUSPENDED;
		waits |= job_is_pending(k);
		for (const struct job *o = k->het_next; o; o = o->het_next)
			if (k->alloc && o->alloc && k->alloc->nodes->bits == o->alloc->nodes->bits &&
			    k->alloc->counted && o->alloc->counted &&
			    bitset_overlap(k->alloc->nodes, o->alloc->nodes))
				fault(v, "components %u and %u share a node", k->id, o->id);
	}
	if (runs && waits)
		fault(v, "components of %u run while others wait", j->id);
}

static void check_node(struct vcluster *v, struct node *n)
{
	struct bitset *used = bitset_new(n->cores);
	uint32_t run = 0, comp = 0, cpus = 0, qpus = 0;
	uint64_t mem = 0;

	for (const struct job *j = v->w.c->job_first; j; j = j->next) {
		uint32_t k = alloc_find(j->alloc, n->index);
		const struct job_share *s;

		if (k == UINT32_MAX)
			continue;
		if (!j->alloc->counted && !bitset_test(j->alloc->completing, n->index))
			continue;
		s = &j->alloc->share[k];
		run += j->alloc->counted;
		comp += !j->alloc->counted;
		cpus += j->alloc->parked ? 0 : s->cpus;
		mem += s->mem_mb;
		qpus += s->gres ? s->gres[0] : 0;
		for (uint32_t i = 0; i < s->cores && !j->alloc->shares && !j->alloc->parked;
		     i++) {
			if (!bitset_test(j->alloc->cores, s->core_off + i))
				continue;
			if (bitset_test(used, i))
				fault(v, "core %u of %s is given out twice", i, n->name);
			bitset_set(used, i);
		}
	}
	if (!bitset_equal(used, n->cores_used))
		fault(v, "cores in use of %s are not what its jobs have", n->name);
	if (run != n->run_jobs || comp != n->comp_jobs)
		fault(v, "%s counts %u+%u jobs, has %u+%u", n->name, n->run_jobs, n->comp_jobs, run,
		      comp);
	if (cpus != n->cpus_alloc || (cpus > n->cpus && !n->sharing_jobs))
		fault(v, "%s counts %u CPUs, has %u of %u", n->name, n->cpus_alloc, cpus, n->cpus);
	if (mem != n->mem_alloc_mb || (mem > n->real_memory_mb && !v->reconfigs))
		fault(v, "%s has %llu MB given out", n->name, (unsigned long long)mem);
	if (v->w.c->gres_type_count && (qpus != n->gres[0].used ||
					 (qpus > n->gres[0].total && !v->reconfigs)))
		fault(v, "%s has %u gres given out", n->name, qpus);
	bitset_free(used);
}

static void check(struct vcluster *v)
{
	for (struct job *j = v->w.c->job_first; j; j = j->next) {
		check_job(v, j);
		check_het(v, j);
		if (j->id < v->acked_size && v->acked[j->id] == 1 && job_is_finished(j))
			v->acked[j->id] = 2;
		if (j->id >= v->w.c->next_job_id)
			fault(v, "id %u is to be given out again", j->id);
		if (j->array_job_id && j->id != j->array_job_id && j->id < v->acked_size &&
		    v->acked[j->id] == 1)
			fault(v, "task got the id %u of a job", j->id);
	}
	for (uint32_t id = 0; id < v->acked_size; id++)
		if (v->acked[id] == 1 && !job_find(v->w.c, id))
			fault(v, "acknowledged job %u does not exist", id);
	for (uint32_t i = 0; i < v->w.c->node_count; i++)
		check_node(v, v->w.c->node[i]);
	/* Rows are exactly the jobs. */
	for (uint32_t i = 0; i < v->w.rows; i++)
		if (v->w.row[i].table == TAB_JOB && !job_find(v->w.c, (uint32_t)v->w.row[i].key))
			fault(v, "row of job %u that does not exist", (uint32_t)v->w.row[i].key);
}

/* ---- driving ----------------------------------------------------------- */

void vcluster_begin(struct vcluster *v, uint64_t seed)
{
	memset(v, 0, sizeof(*v));
	v->seed = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	world_begin(&v->w, NULL);
	for (uint32_t i = 0; i < VNODES; i++) {
		v->node[i].name = ((const char *[]){ "c1", "c2", "c3", "c4", "q1", "c5" })[i];
		v->node[i].up = true;
		v->node[i].booted = v->w.now - 10000;
	}
	collect(v, false);
}

void vcluster_end(struct vcluster *v)
{
	world_end(&v->w);
	free(v->acked);
}

static void time_passes(struct vcluster *v, int64_t seconds)
{
	tick(&v->w, seconds);
	collect(v, false);
	tasks_end(v);
}

static void schedule(struct vcluster *v)
{
	for (int i = 0; i < 20 && core_wants_sched(v->w.c); i++) {
		sched(&v->w);
		collect(v, false);
	}
}

bool vcluster_step(struct vcluster *v)
{
	uint32_t what = rnd(v, 100);

	if (what < 15 && rnd(v, 6) == 0)
		user_submits_het(v);
	else if (what < 15)
		user_submits(v);
	else if (what < 20)
		user_changes(v);
	else if (what < 70)
		some_mail(v);
	else if (what < 85)
		time_passes(v, 1 + rnd(v, 20));
	else if (what < 90)
		node_trouble(v);
	else if (what < 92)
		controller_dies(v);
	else if (what < 93)
		reconfigure(v, confs[rnd(v, 3)]);
	else
		schedule(v);
	check(v);
	return !v->fault[0];
}

static void release_all(struct vcluster *v)
{
	for (struct job *j = v->w.c->job_first; j; j = j->next) {
		if (job_base(j) == JOB_SUSPENDED)
			user_suspends(v, j);
	}
	for (struct job *j = v->w.c->job_first; j; j = j->next) {
		struct job_desc_msg *d = change_desc(v, j);

		if (j->priority || job_is_finished(j))
			continue;
		d->priority = INFINITE;
		send(v, 0, REQUEST_UPDATE_JOB, d);
	}
}

/* ReturnToService=1: who rebooted unasked waits for this. */
static void resume_all(struct vcluster *v)
{
	struct update_node_msg m;

	for (uint32_t i = 0; i < v->w.c->node_count; i++) {
		const char *name = v->w.c->node[i]->name;

		if (base(&v->w, name) != NODE_STATE_DOWN)
			continue;
		wire_init(&update_node_msg_desc, &m);
		m.node_names = name;
		m.node_state = NODE_RESUME;
		send(v, 0, REQUEST_UPDATE_NODE, &m);
	}
}

static bool all_over(struct vcluster *v)
{
	for (const struct job *j = v->w.c->job_first; j; j = j->next)
		if ((!job_is_finished(j) || job_is_completing(j)) && j->priority &&
		    j->reason != WAIT_DEP_INVALID)
			return false;
	return true;
}

bool vcluster_settle(struct vcluster *v)
{
	v->calm = true;
	reconfigure(v, NULL);
	for (uint32_t i = 0; i < VNODES; i++)
		if (!v->node[i].up) {
			v->node[i].up = true;
			node_registers(v, i);
		}
	release_all(v);
	for (int round = 0; round < 4000 && !v->fault[0]; round++) {
		for (int i = 0; i < 200 && v->mails; i++)
			some_mail(v);
		resume_all(v);
		release_all(v);
		schedule(v);
		check(v);
		if (all_over(v))
			return true;
		time_passes(v, 30);
	}
	for (const struct job *j = v->w.c->job_first; j; j = j->next)
		if ((!job_is_finished(j) || job_is_completing(j)) && j->priority)
			fault(v, "job %u does not end: state %x reason %u after %s", j->id,
			      j->state, j->reason,
			      job_str(j, JS_DEPENDENCY) ? job_str(j, JS_DEPENDENCY) : "-");
	return false;
}
