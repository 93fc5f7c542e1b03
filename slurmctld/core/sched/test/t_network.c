/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes chosen by the network: what stock 24.11.5 gave for the same sbatch
 * lines with the same nodes drained; segments as 26.05.5. */
#include "conf/topo.h"
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

#define NODES_AND \
	WORLD_HEAD "SelectTypeParameters=CR_CPU\n%s" \
	"NodeName=c[1,4] CPUs=2 Weight=%d\nNodeName=c[2-3] CPUs=2\n" \
	"NodeName=q1 CPUs=2 Weight=%d\nNodeName=q2 CPUs=2\n" \
	"PartitionName=all Nodes=ALL Default=YES\n"

struct row {
	const char *down, *args;
	const char *nodes;              /* NULL: it waits */
};

static const struct conf_topo_unit tree_units[] = {
	{.name = (char *)"s1", .nodes = (char *)"c1,q1"},
	{.name = (char *)"s2", .nodes = (char *)"c2,c4"},
	{.name = (char *)"s3", .nodes = (char *)"c3"},
	{.name = (char *)"s4", .nodes = (char *)"q2"},
	{.name = (char *)"m1", .children = (char *)"s1,s3"},
	{.name = (char *)"m2", .children = (char *)"s[2,4]"},
	{.name = (char *)"top", .children = (char *)"m[1-2]"},
};
static const struct row by_tree[] = {
	{"", "-N1", "c2"}, {"", "-N2", "c2,q2"}, {"", "-N3", "c[2-3],q2"},
	{"", "-N4", "c[2-3],q[1-2]"}, {"", "-N5", "c[1-3],q[1-2]"}, {"", "-N6", "c[1-4],q[1-2]"},
	{"", "-N1-3 -n5", "c[2-3],q2"}, {"", "-n11", "c[1-4],q[1-2]"},
	{"c1,q1,q2", "-N1", "c2"}, {"c1,q1,q2", "-N2", "c[2-3]"}, {"c1,q1,q2", "-N3", "c[2-4]"},
	{"c1,q1,q2", "-N1-5 -n5", "c[2-4]"}, {"c1,q1,q2", "-N4", NULL},
	{"c3,c4", "-N2", "c2,q2"}, {"c3,c4", "-N4", "c[1-2],q[1-2]"}, {"c3,c4", "-n6", "c2,q[1-2]"},
	{"c1,c3,q2", "-N2", "c2,q1"}, {"c1,c3,q2", "-N3", "c[2,4],q1"},
	{"c1,c3,q2", "-N1-2 -n4", "c2,q1"}, {"c2,q1", "-N3", "c[1,3],q2"},
	{"c2,q1", "-N1-5 -n5", "c[1,3-4],q2"}, {"c1,c2,q2", "-N3", "c[3-4],q1"},
	{"c2,c4", "-N4", "c[1,3],q[1-2]"},
};
/* All of one weight: 24.11 and 26.05. */
static const struct conf_topo_unit near_units[] = {
	{.name = (char *)"s1", .nodes = (char *)"c[1-2]"},
	{.name = (char *)"s2", .nodes = (char *)"c[3-4]"},
	{.name = (char *)"s3", .nodes = (char *)"q[1-2]"},
	{.name = (char *)"left", .children = (char *)"s[1-2]"},
	{.name = (char *)"top", .children = (char *)"left,s3"},
};
static const struct row by_near[] = {
	{"c4", "-N1", "c3"}, {"c4", "-N2", "c[1-2]"}, {"c4", "-N3", "c[1-3]"},
	{"c4", "-N4", "c[1-2],q[1-2]"}, {"c1", "-N2 -n4", "c[3-4]"}, {"c3", "-N3 -n6", "c[1-2,4]"},
	{"q2", "-N1", "q1"}, {"c3,c4", "-N3", "c1,q[1-2]"}, {"", "-N2 -w q2", "q[1-2]"},
	{"", "-N3 -w c4", "c[1,3-4]"}, {"c1", "-N2 --contiguous", "c[2-3]"},
};
/* Two trees that do not meet. */
static const struct row by_two[] = {
	{"c3", "-N3", "c4,q[1-2]"}, {"", "-N4", NULL}, {"c1,c2", "-N1-5 -n4", "c4,q[1-2]"},
	{"c4", "-N1-4 -n5", "c[1-3]"}, {"q1,c3,c4", "-N1-2 -n2", "q2"}, {"", "-N2 -w c1,c4", NULL},
};
static const struct conf_topo_unit two_units[] = {
	{.name = (char *)"s1", .nodes = (char *)"c[1-3]"},
	{.name = (char *)"s2", .nodes = (char *)"c4,q[1-2]"},
};
static const struct conf_topo_unit block_units[] = {
	{.name = (char *)"b1", .nodes = (char *)"c1"}, {.name = (char *)"b2", .nodes = (char *)"c2"},
	{.name = (char *)"b3", .nodes = (char *)"c3"}, {.name = (char *)"b4", .nodes = (char *)"c4"},
	{.name = (char *)"b5", .nodes = (char *)"q1"}, {.name = (char *)"b6", .nodes = (char *)"q2"},
};
static const uint32_t block_sizes[] = { 1, 2, 4 };
static const struct row by_block[] = {
	{"", "-N1", "q2"}, {"", "-N2", "q[1-2]"}, {"", "-N3", "c[2-4]"}, {"", "-N4", "c[1-4]"},
	{"", "-N5", NULL}, {"", "--segment=1 -N5", "c[2-4],q[1-2]"}, {"c2,c4", "-N3", NULL},
	{"c2,c4", "--segment=1 -N2", "q[1-2]"}, {"c1", "-N3", "c[2-4]"}, {"c2", "-N3", "c[1,3-4]"},
	{"q1", "-N2", "c[3-4]"}, {"q1", "-n2", "q2"}, {"c2,c3", "--segment=2 -N2", "q[1-2]"},
	{"c2,c3", "--segment=3 -N4", NULL}, {"", "--segment=2 -N6", "c[1-4],q[1-2]"},
	{"", "-N2 -w c1", "c[1-2]"}, {"", "-N2 -w c2,c3", NULL},
};

static void network(enum conf_topo_kind kind, const struct conf_topo_unit *u, uint32_t count,
		    int weight, int q_weight, const char *more)
{
	static struct conf_topo t;
	char *text = mem_printf(NODES_AND, more, weight, q_weight);

	ok(world_new(text, NULL), "a cluster");
	free(text);
	t = (struct conf_topo){ .name = (char *)(uintptr_t)"default", .kind = kind,
		.unit = (struct conf_topo_unit *)(uintptr_t)u, .unit_count = count,
		.size = (uint32_t *)(uintptr_t)block_sizes, .size_count = 3 };
	W.c->conf->topos = &t;
	W.c->conf->topo_count = 1;
	topo_build_all(W.c);
	ok(W.c->topo[0]->kind == kind, "and its network");
}

static void drain(const char *list)
{
	struct bitset *down = bitset_new(W.c->node_count);

	nodes_parse(W.c, *list ? list : NULL, down, NULL);
	for (uint32_t i = 0; i < W.c->node_count; i++)
		W.c->node[i]->state = NODE_STATE_IDLE |
			(bitset_test(down, i) ? NODE_STATE_DRAIN : 0);
	bitset_free(down);
	sched_nodes_changed(W.c);
}

static char *place(struct job *j)
{
	struct arena mem = { 0 };
	const char *names[16];
	struct placement pl;
	uint32_t reason;
	char *text = NULL;

	if (sched_place(W.c, j, &mem, &pl, &reason, NULL) == E_OK) {
		for (uint32_t i = 0; i < pl.node_count; i++)
			names[i] = W.c->node[pl.share[i].node]->name;
		text = hostlist_compress_sorted(names, pl.node_count);
	}
	arena_fini(&mem);
	return text;
}

static void run(const struct row *r, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *segment = strstr(r[i].args, "--segment=");
		struct job *j = world_job(segment ? strchr(segment, ' ') + 1 : r[i].args);
		char *got;

		j->segment_size = segment ? (uint16_t)atoi(segment + 10) : 0;
		drain(r[i].down);
		got = place(j);
		ok(streq(got, r[i].nodes), "without '%s': %s: %s", r[i].down, r[i].args,
		   got ? got : "waits");
		free(got);
	}
}

#define RUN(rows) run(rows, sizeof(rows) / sizeof(rows[0]))

/* One switch, for as long as it is worth waiting for. */
static void switches(void)
{
	struct job *j = world_job("-N2 -n4");
	char *got;

	j->req_switch = 1;
	j->wait4switch = 60;
	drain("c1,c3,q1");
	sched_job_added(W.c, j);
	got = place(j);
	ok(!got, "two switches are too many");
	free(got);
	ok(sched_next_time(W.c) == W.c->now + 60, "it is looked at again when it has waited enough");
	drain("c1,c3");
	got = place(j);
	ok(streq(got, "q[1-2]"), "one switch will do");
	free(got);
	drain("c1,c3,q1");
	W.c->now += 60;
	got = place(j);
	ok(streq(got, "c[2,4]"), "it has waited: %s", got ? got : "waits");
	free(got);
	j->wait4switch = 0;
	j->queued->switches_since = 0;
	got = place(j);
	ok(streq(got, "c[2,4]"), "it does not wait");
	free(got);
	/* a range of nodes is cut down to one switch */
	j->wait4switch = 60;
	j->max_nodes = 3;
	j->min_nodes = 1;
	j->num_tasks = 3;
	j->min_cpus = 2;
	j->queued->switches_since = W.c->now;
	drain("c1");
	got = place(j);
	ok(streq(got, "c[3-4]"), "fewer nodes on one switch: %s", got ? got : "waits");
	free(got);
	sched_job_removed(W.c, j);
}

int main(void)
{
	network(CONF_TOPO_TREE, tree_units, 7, 5, 2, "");
	RUN(by_tree);
	world_free();
	network(CONF_TOPO_TREE, near_units, 5, 1, 1, "");
	RUN(by_near);
	switches();
	world_free();
	network(CONF_TOPO_TREE, two_units, 2, 1, 1, "");
	RUN(by_two);
	world_free();
	network(CONF_TOPO_BLOCK, block_units, 6, 1, 1, "");
	RUN(by_block);
	world_free();
	network(CONF_TOPO_TREE, near_units, 5, 1, 1, "TopologyParam=TopoOptional\n");
	run(&(struct row){"c1", "-N2 -n4", "c[2-3]"}, 1);
	world_free();
	return tap_done();
}
