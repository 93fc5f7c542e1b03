/* SPDX-License-Identifier: Apache-2.0
 *
 * Devices of nodes: registered, numbered, given to jobs and steps and taken
 * back; what a restart keeps; a node that has fewer than configured. */
#include "slurmctld/core/internal.h"
#include "slurmctld/core/test/world.h"
#include "wire/base/tap.h"

static const char conf[] =
	"ClusterName=test\nSlurmctldHost=ctl\nSlurmUser=root\nSelectType=select/cons_tres\n"
	"SelectTypeParameters=CR_Core_Memory\nSlurmdTimeout=300\nReturnToService=1\n"
	"GresTypes=qpu,gpu,shard\nMinJobAge=60\n"
	"NodeName=g1 CPUs=8 Sockets=2 CoresPerSocket=4 RealMemory=4000 Gres=gpu:a:2,gpu:b:2\n"
	"NodeName=g2 CPUs=4 RealMemory=4000 Gres=gpu:2,shard:8\n"
	"NodeName=q1 CPUs=2 RealMemory=2000 Gres=qpu:1\n"
	"PartitionName=normal Nodes=ALL Default=YES MaxTime=7200 DefMemPerCPU=100\n";

struct record {
	const char *name, *type;
	uint64_t count;
	const char *cores;
	uint32_t flags;
};
static const struct record g1[] = {
	{ "gpu", "a", 2, "0-3", CONF_GRES_FILE | CONF_GRES_TYPE },
	{ "gpu", "b", 2, "4-7", CONF_GRES_FILE | CONF_GRES_TYPE },
};
static const struct record g2[] = {
	{ "shard", NULL, 4, NULL, CONF_GRES_FILE | CONF_GRES_SHARED },
	{ "gpu", NULL, 1, NULL, CONF_GRES_FILE },
	{ "shard", NULL, 4, NULL, CONF_GRES_FILE | CONF_GRES_SHARED },
	{ "gpu", NULL, 1, NULL, CONF_GRES_FILE },
};
static const struct record q1[] = { { "qpu", NULL, 1, NULL, CONF_GRES_COUNT_ONLY } };

static void register_with(struct world *w, const char *name, const struct record *r, uint32_t count)
{
	struct node_registration_status_msg m;
	const struct node *n = node_find(w->c, name);
	struct gres_conf_rec rec[8];
	struct gres_conf_info info = { .version = 0x2b00, .recs = rec, .recs_count = count };
	struct wire_out out = { 0 };

	for (uint32_t i = 0; i < count; i++) {
		wire_init(&gres_conf_rec_desc, &rec[i]);
		rec[i].name = r[i].name;
		rec[i].type_name = r[i].type;
		rec[i].count = r[i].count;
		rec[i].cpus = r[i].cores;
		rec[i].config_flags = r[i].flags;
	}
	wire_pack(&out, &gres_conf_info_desc, &info, WIRE_VERSION_NEWEST);
	wire_init(&node_registration_status_msg_desc, &m);
	m.node_name = m.hostname = name;
	m.cpus = n->conf->cpus;
	m.boards = n->conf->boards;
	m.sockets = n->conf->sockets;
	m.cores = n->conf->cores;
	m.threads = n->conf->threads;
	m.real_memory = n->conf->real_memory_mb;
	m.hash_val = NO_VAL;
	m.up_time = 5000;
	m.version = "24.11.5";
	m.gres_info = (struct wire_mem){ out.base, (uint32_t)out.len };
	m.gres_info_size = (uint32_t)out.len;
	rpc_as(w, 0, MESSAGE_NODE_REGISTRATION_STATUS, &m);
	wire_out_fini(&out);
}

static void begin(struct world *w)
{
	world_begin(w, conf);
	register_with(w, "g1", g1, 2);
	register_with(w, "g2", g2, 4);
	register_with(w, "q1", q1, 1);
}

static uint32_t run(struct world *w, const char *node, const char *per_node)
{
	struct job_desc_msg *d = desc(w, true);
	uint32_t id;

	d->req_nodes = node;
	d->tres_per_node = per_node;
	id = submit(w, d);
	sched(w);
	return id;
}

static void finish(struct world *w, uint32_t id, const char *node)
{
	batch_complete(w, id, 0);
	epilog_complete(w, id, node);
}

/* Devices that a job has, of all types of a name. */
static uint64_t devs(const struct world *w, uint32_t id, const char *name)
{
	const struct job *j = job_find(w->c, id);
	uint64_t set = 0;

	for (uint32_t t = 0; j && j->alloc && t < w->c->gres_type_count; t++)
		if (streq(w->c->gres_name[t], name) && j->alloc->share[0].devs)
			set |= j->alloc->share[0].devs[t];
	return set;
}

static uint64_t in_use(const struct world *w, const char *node)
{
	const struct node *n = node_find(w->c, node);
	uint64_t set = 0;

	for (uint32_t t = 0; t < w->c->gres_type_count; t++)
		set |= n->gres[t].devs_used;
	return set;
}

static void numbers(void)
{
	struct world w;
	uint32_t a, b, d;

	begin(&w);
	ok(base(&w, "g1") == NODE_STATE_IDLE && base(&w, "q1") == NODE_STATE_IDLE, "nodes come up");
	a = run(&w, "g1", "gres/gpu:b:1");
	ok(devs(&w, a, "gpu") == 0x4, "numbers go over all types");
	ok(bitset_next(job_find(w.c, a)->alloc->cores, 0) == 4, "cores near the device");
	b = run(&w, "g1", "gres/gpu:3");
	ok(devs(&w, b, "gpu") == 0xb && in_use(&w, "g1") == 0xf, "any type: what is left");
	d = run(&w, "g1", "gres/gpu:1");
	ok(job_is_pending(job_find(w.c, d)), "and none for another");
	world_restart(&w);
	ok(devs(&w, a, "gpu") == 0x4 && devs(&w, b, "gpu") == 0xb && in_use(&w, "g1") == 0xf &&
	   node_find(w.c, "g1")->devices && node_find(w.c, "g1")->devices->place_count == 2,
	   "a restart keeps numbers and devices");
	finish(&w, a, "g1");
	ok(in_use(&w, "g1") == 0xb, "given back");
	sched(&w);
	ok(devs(&w, d, "gpu") == 0x4, "and given on");
	finish(&w, b, "g1");
	finish(&w, d, "g1");
	ok(!in_use(&w, "g1"), "nothing is left");
	world_end(&w);
}

static void parts(void)
{
	struct world w;
	uint32_t a, b, d, e;

	begin(&w);
	a = run(&w, "g2", "gres/shard:3");
	b = run(&w, "g2", "gres/gpu:1");
	ok(devs(&w, a, "shard") == 0x1 && devs(&w, b, "gpu") == 0x2, "a part of one, another whole");
	d = run(&w, "g2", "gres/gpu:1");
	ok(job_is_pending(job_find(w.c, d)), "what is in parts is not given whole");
	e = run(&w, "g2", "gres/shard:2");
	ok(job_is_pending(job_find(w.c, e)), "nor the whole one in parts");
	world_restart(&w);
	sched(&w);
	ok(job_is_pending(job_find(w.c, d)) && job_is_pending(job_find(w.c, e)), "after a restart");
	finish(&w, b, "g2");
	sched(&w);
	ok(devs(&w, d, "gpu") == 0x2 || devs(&w, e, "shard") == 0x2, "one of them gets it");
	world_end(&w);
}

static void fewer(void)
{
	struct world w;
	struct record one = g1[0];
	const struct node *n;

	world_begin(&w, conf);
	one.count = 1;
	register_with(&w, "g1", &one, 1);
	n = node_find(w.c, "g1");
	ok(n->state & NODE_STATE_INVALID_REG && n->state & NODE_STATE_DRAIN &&
	   streq(n->reason, "gres/gpu count reported lower than configured (1 < 4)"),
	   "fewer than configured: %s", n->reason ? n->reason : "(null)");
	register_with(&w, "g1", g1, 2);
	ok(!(n->state & NODE_STATE_INVALID_REG), "all of them: it may come back");
	ok(n->gres[2].bits == 4, "four numbers");
	world_end(&w);
}

int main(void)
{
	numbers();
	parts();
	fewer();
	return tap_done();
}
