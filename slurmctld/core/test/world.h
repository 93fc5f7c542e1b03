/* SPDX-License-Identifier: Apache-2.0
 *
 * A small cluster for tests of the core: events by hand, effects looked at,
 * journal rows kept as a store would. */
#ifndef CORE_TEST_WORLD_H
#define CORE_TEST_WORLD_H

#include <stdlib.h>
#include <stdio.h>

#include "slurmctld/core/internal.h"
#include "wire/base/tap.h"

#define ROWS 4096
struct row {
	enum journal_table table;
	uint64_t key;
	uint8_t *image;
	size_t len;
};

struct world {
	struct conf *conf;
	struct core *c;
	struct effects out;             /* of the last step */
	int64_t now;
	struct row row[ROWS];           /* what a journal would hold */
	uint32_t rows;
	uint32_t uid;
};

__attribute__((unused))
static void store(struct world *w)
{
	for (uint32_t i = 0; i < w->out.count; i++) {
		const struct effect *e = &w->out.v[i];
		uint32_t k = 0;

		if (e->kind != EFF_PUT && e->kind != EFF_DEL)
			continue;
		while (k < w->rows && (w->row[k].table != e->table || w->row[k].key != e->key))
			k++;
		if (k < w->rows)
			free(w->row[k].image);
		if (e->kind == EFF_DEL) {
			if (k < w->rows)
				w->row[k] = w->row[--w->rows];
			continue;
		}
		if (k == w->rows)
			w->rows++;
		if (w->rows > ROWS)
			abort();
		w->row[k] = (struct row){ e->table, e->key, malloc(e->image_len), e->image_len };
		memcpy(w->row[k].image, e->image, e->image_len);
	}
}

static void step(struct world *w, struct event *ev)
{
	ev->now = w->now;
	ev->now_usec = w->now * 1000000;
	effects_reset(&w->out);
	core_step(w->c, ev, &w->out);
	store(w);
}

/* A request as uid (0: root); the reply is found with reply(). */
__attribute__((unused))
static void rpc_as(struct world *w, uint32_t uid, uint16_t type, const void *body)
{
	struct event ev = {
		.kind = EV_RPC, .conn = 7, .type = type, .body = body,
		.caller = { .uid = uid, .gid = uid, .root_or_slurm = uid == 0,
			    .operator_ = uid == 0, .version = V24_11,
			    .peer = { .family = 2, .ip = { 127, 0, 0, 1 } }, .host = "login" },
	};

	step(w, &ev);
}

__attribute__((unused)) static void tick(struct world *w, int64_t seconds)
{
	struct event ev = { .kind = EV_TICK };

	w->now += seconds;
	step(w, &ev);
}

__attribute__((unused)) static void sched(struct world *w)
{
	struct event ev = { .kind = EV_SCHED };

	step(w, &ev);
}

__attribute__((unused))
static const struct effect *find_effect(const struct world *w, enum effect_kind k, uint16_t type)
{
	for (uint32_t i = 0; i < w->out.count; i++)
		if (w->out.v[i].kind == k && (!type || w->out.v[i].type == type))
			return &w->out.v[i];
	return NULL;
}

__attribute__((unused)) static const void *reply(const struct world *w, uint16_t type)
{
	const struct effect *e = find_effect(w, EFF_REPLY, type);

	return e ? e->body : NULL;
}

__attribute__((unused)) static int reply_rc(const struct world *w)
{
	const struct return_code_msg *m = reply(w, RESPONSE_SLURM_RC);
	const struct return_code2_msg *t = reply(w, RESPONSE_SLURM_RC_MSG);

	return m ? (int)m->return_code : t ? (int)t->return_code : -999;
}

static const char *const world_conf =
	"ClusterName=test\nSlurmctldHost=ctl\nSlurmUser=root\nSelectType=select/cons_tres\n"
	"SelectTypeParameters=CR_Core_Memory\nSlurmdTimeout=300\nReturnToService=1\n"
	"GresTypes=qpu\nMinJobAge=60\n"
	"NodeName=c[1-4] CPUs=4 RealMemory=4000\n"
	"NodeName=q1 CPUs=2 RealMemory=2000 Gres=qpu:1\n"
	"PartitionName=normal Nodes=c[1-4] Default=YES MaxTime=7200 DefMemPerCPU=500\n"
	"PartitionName=quantum Nodes=q1 MaxTime=60 DefMemPerCPU=500\n";

static void core_begin(struct world *w)
{
	struct err_text why = { "" };

	if (core_new(w->conf, w->now, 42, &w->c, &why) != E_OK) {
		printf("Bail out! core_new: %s\n", why.text);
		exit(1);
	}
	for (uint32_t i = 0; i < w->rows; i++)
		if (core_load(w->c, w->row[i].table, w->row[i].key, w->row[i].image,
			      w->row[i].len, &why) != E_OK) {
			printf("Bail out! core_load: %s\n", why.text);
			exit(1);
		}
	effects_reset(&w->out);
	core_start(w->c, w->now, &w->out);
	store(w);
}

__attribute__((unused)) static void world_begin(struct world *w, const char *text)
{
	struct conf_problems p = { 0 };

	memset(w, 0, sizeof(*w));
	w->now = 1000000;
	w->uid = 1000;
	if (conf_parse(text ? text : world_conf, NULL, NULL, &w->conf, &p) != E_OK) {
		printf("Bail out! conf: %s\n", p.count ? p.v[0].text : "?");
		exit(1);
	}
	conf_problems_fini(&p);
	core_begin(w);
}

/* kill -9 and start: everything that is not in a row is gone. */
__attribute__((unused)) static void world_restart(struct world *w)
{
	core_free(w->c);
	core_begin(w);
}

__attribute__((unused)) static void world_end(struct world *w)
{
	core_free(w->c);
	conf_unref(w->conf);
	effects_fini(&w->out);
	for (uint32_t i = 0; i < w->rows; i++)
		free(w->row[i].image);
}

__attribute__((unused))
static void register_node(struct world *w, const char *name, uint32_t up_time,
			  const struct step_id_members *steps, uint32_t count)
{
	struct node_registration_status_msg m;
	const struct node *n = node_find(w->c, name);

	wire_init(&node_registration_status_msg_desc, &m);
	m.node_name = m.hostname = name;
	m.cpus = n->conf->cpus;
	m.boards = n->conf->boards;
	m.sockets = n->conf->sockets;
	m.cores = n->conf->cores;
	m.threads = n->conf->threads;
	m.real_memory = n->conf->real_memory_mb;
	m.tmp_disk = n->conf->tmp_disk_mb;
	m.hash_val = NO_VAL;
	m.up_time = up_time;
	m.flags = SLURMD_REG_FLAG_RESP;
	m.version = "24.11.5";
	m.step_id = (struct step_id_members *)(uintptr_t)steps;
	m.job_count = count;
	rpc_as(w, 0, MESSAGE_NODE_REGISTRATION_STATUS, &m);
}

__attribute__((unused)) static void register_all(struct world *w)
{
	for (uint32_t i = 0; i < w->c->node_count; i++)
		register_node(w, w->c->node[i]->name, 5000, NULL, 0);
}

__attribute__((unused)) static struct job_desc_msg *desc(struct world *w, bool batch)
{
	static struct job_desc_msg d;
	static const char *env[] = { "PATH=/bin", "HOME=/" };
	static const char *argv[] = { "job.sh" };
	const struct wire_desc *t = &job_desc_msg_desc;

	wire_init(t, &d);
	for (const struct wire_field *f = t->field; f < t->field + t->count; f++) {
		if (f->codec == C_u32)
			wire_store((char *)&d + f->off, 4, NO_VAL);
		else if (f->codec == C_u16)
			wire_store((char *)&d + f->off, 2, NO_VAL16);
		else if (f->codec == C_u64)
			wire_store((char *)&d + f->off, 8, NO_VAL64);
		else if (f->codec == C_u8)
			wire_store((char *)&d + f->off, 1, NO_VAL8);
	}
	d.bitflags = 0;
	d.fed_siblings_active = d.fed_siblings_viable = 0;
	d.user_id = d.group_id = w->uid;
	d.min_nodes = d.min_cpus = d.num_tasks = 1;
	d.cpus_per_task = 1;
	d.name = "job";
	d.work_dir = "/tmp";
	d.alloc_node = "login";
	d.std_out = "/tmp/out";
	d.immediate = 0;
	d.x11 = 0;
	d.reboot = 0;
	d.nice = NICE_OFFSET;
	d.time_limit = 5;
	d.warn_flags = d.warn_signal = d.warn_time = 0;
	d.begin_time = d.end_time = d.deadline = 0;
	d.environment_count = d.spank_job_env_count = d.argv_count = 0;
	d.alloc_resp_port = d.other_port = 0;
	d.priority = NO_VAL;
	if (batch) {
		d.script = "#!/bin/sh\ntrue\n";
		d.environment = env;
		d.environment_count = 2;
		d.argv = argv;
		d.argv_count = 1;
	}
	return &d;
}

/* Job id, or 0 (then see reply_rc). */
__attribute__((unused)) static uint32_t submit(struct world *w, const struct job_desc_msg *d)
{
	const struct submit_response_msg *m;

	rpc_as(w, w->uid, REQUEST_SUBMIT_BATCH_JOB, d);
	m = reply(w, RESPONSE_SUBMIT_BATCH_JOB);
	return m ? m->step_id.job_id : 0;
}

__attribute__((unused))
static void batch_complete(struct world *w, uint32_t job_id, uint32_t status)
{
	const struct job *j = job_find(w->c, job_id);
	struct complete_batch_script_msg m;

	wire_init(&complete_batch_script_msg_desc, &m);
	m.step_id.job_id = job_id;
	m.step_id.step_id = STEP_BATCH;
	m.job_rc = status;
	m.node_name = j ? job_str(j, JS_BATCH_HOST) : NULL;
	rpc_as(w, 0, REQUEST_COMPLETE_BATCH_SCRIPT, &m);
}

__attribute__((unused))
static void epilog_complete(struct world *w, uint32_t job_id, const char *node)
{
	struct epilog_comp_msg m;

	wire_init(&epilog_comp_msg_desc, &m);
	m.step_id.job_id = job_id;
	m.node_name = node;
	rpc_as(w, 0, MESSAGE_EPILOG_COMPLETE, &m);
}

/* Every node that is still cleaning up after the job reports. */
__attribute__((unused)) static void clean(struct world *w, uint32_t job_id)
{
	for (uint32_t i = 0; i < w->c->node_count; i++) {
		const struct job *j = job_find(w->c, job_id);

		if (j && j->alloc && j->alloc->completing && bitset_test(j->alloc->completing, i))
			epilog_complete(w, job_id, w->c->node[i]->name);
	}
}

__attribute__((unused))
static void node_answer(struct world *w, const char *node, uint16_t sent, uint32_t job_id,
			enum err result, uint32_t rc)
{
	struct return_code_msg m = { .return_code = rc };
	struct event ev = {
		.kind = EV_NODE_RESULT, .node = node_find(w->c, node)->index, .sent_type = sent,
		.job_id = job_id, .step_id = NO_VAL, .result = result, .reply = result ? NULL : &m,
		.reply_type = result ? 0 : RESPONSE_SLURM_RC,
	};

	step(w, &ev);
}

__attribute__((unused)) static uint32_t base(const struct world *w, const char *node)
{
	return node_find(w->c, node)->state & NODE_STATE_BASE;
}

__attribute__((unused)) static uint32_t state_of(const struct world *w, uint32_t job_id)
{
	const struct job *j = job_find(w->c, job_id);

	return j ? j->state : UINT32_MAX;
}

#endif
