/* SPDX-License-Identifier: Apache-2.0
 *
 * topology.conf and topology.yaml: read, refused, changed, printed. */
#include "conf/test/util.h"

#include "conf/topo.h"

#define BASE "ClusterName=t\nSlurmctldHost=h\nNodeName=n[1-8] CPUs=2\n" \
	     "PartitionName=p Nodes=ALL\n"
#define TREE BASE "TopologyPlugin=topology/tree\n"
#define BLOCK BASE "TopologyPlugin=topology/block\n"

static struct conf *read_conf(const char *slurm, const char *name, const char *text,
			      struct conf_problems *ps)
{
	char path[64];
	struct test_files f = { .slurm = slurm, .more_name = path, .more = text };
	struct conf *c = NULL;

	snprintf(path, sizeof path, "/etc/x/%s", name);
	return test_parse(&f, &c, ps) ? NULL : c;
}

static uint32_t find(const void *ctx, const char *name)
{
	const struct conf_node *n = conf_node_find(ctx, name);

	return n ? (uint32_t)(n - ((const struct conf *)ctx)->nodes) : TOPO_NONE;
}

static const char *name_of(const void *ctx, uint32_t i)
{
	return ((const struct conf *)ctx)->nodes[i].name;
}

static struct topo *build(const struct conf *c, uint32_t k)
{
	struct topo_names names = { .find = find, .ctx = c, .bits = c->node_count };

	return topo_new(&c->topos[k], &names, NULL, NULL);
}

/* "s1=n[1-2] s2=..." */
static bool units_are(const struct conf *c, const struct topo *t, const char *want)
{
	struct strbuf b = { 0 };
	bool same;

	for (uint32_t i = 0; i < t->unit_count; i++) {
		char *nodes = topo_unit_nodes(t, &t->unit[i], name_of, c);

		strbuf_sep(&b, " ");
		strbuf_printf(&b, "%s=%s", t->unit[i].name, nodes ? nodes : "-");
		free(nodes);
	}
	same = streq(b.s, want);
	if (!same)
		printf("# got %s\n", b.s);
	strbuf_fini(&b);
	return same;
}

static bool refused(const char *slurm, const char *name, const char *text, const char *why)
{
	struct conf_problems ps = { 0 };
	struct conf *c = read_conf(slurm, name, text, &ps);
	bool found = false;

	for (uint32_t i = 0; i < ps.count; i++)
		found |= ps.v[i].fatal && strstr(ps.v[i].text, why);
	if (!found)
		problems_show(&ps);
	conf_problems_fini(&ps);
	conf_unref(c);
	return !c && found;
}

static bool warned(const struct conf_problems *ps, const char *what)
{
	for (uint32_t i = 0; i < ps->count; i++)
		if (!ps->v[i].fatal && strstr(ps->v[i].text, what))
			return true;
	return false;
}

static void test_tree(void)
{
	struct conf_problems ps = { 0 };
	struct conf *c = read_conf(TREE, "topology.conf",
				   "SwitchName=top Switches=left,s3 # c\n"
				   "SwitchName=left Switches=s[1-2]\n"
				   "SwitchName=s1 Nodes=n[1-2] LinkSpeed=7\nSwitchName=s2 Nodes=n[3-4],x1\n"
				   "SwitchName=s3 Nodes=n[4-6]\n", &ps);
	struct topo *t = c ? build(c, 0) : NULL;
	char *addr, *pattern, *where;

	ok(t && t->levels == 2 && t->unit[2].link_speed == 7, "a tree of three levels");
	ok(warned(&ps, "lack access to 2 nodes: n[7-8]"), "nodes on no switch");
	ok(warned(&ps, "Invalid hostnames in switch configuration: x1"), "nodes nobody knows");
	ok(warned(&ps, "Multiple leaf switches contain nodes: n4"), "nodes on two switches");
	ok(warned(&ps, "no switch can reach all nodes"), "no root");
	ok(units_are(c, t, "top=n[1-6] left=n[1-4] s1=n[1-2] s2=n[3-4] s3=n[4-6]"), "nodes of each");
	topo_address(t, 2, "n3", &addr, &pattern);
	ok(streq(addr, "top.left.s2.n3") && streq(pattern, "switch.switch.switch.node"), "%s", addr);
	free(addr);
	free(pattern);
	conf_topo_address(c, "n7", &addr, &pattern);
	ok(streq(addr, "...n7"), "%s: on no switch", addr);
	free(addr);
	free(pattern);
	ok(topo_put_all(&t, 1, 0, "default:s3") == E_OK &&
	   units_are(c, t, "top=n[1-6] left=n[2-4] s1=n2 s2=n[3-4] s3=n[1,4-6]"), "a node moves");
	ok(topo_put_all(&t, 1, 6, "default:top:s9") == E_OK && streq(t->unit[0].children, "left,s3,s9") &&
	   topo_leaf(t, 6) == 5, "a switch is made");
	where = topo_where(&t, 1, 6);
	ok(streq(where, "default:top:s9"), "it is at %s", where);
	free(where);
	ok(topo_put_all(&t, 1, 0, "default:top") && topo_put_all(&t, 1, 0, "default:s8") &&
	   topo_put_all(&t, 1, 0, "x:s1") && topo_put_all(&t, 1, 0, "default:s2:s8") &&
	   topo_leaf(t, 0) == 4, "what is wrong changes nothing");
	ok(topo_put_all(&t, 1, 0, "") == E_OK && topo_leaf(t, 0) == TOPO_NONE, "on none");
	topo_free(t);
	conf_problems_fini(&ps);
	conf_unref(c);
}

static void test_tree_refused(void)
{
	ok(refused(TREE, "none", "", "TopologyPlugin=topology/tree needs it"), "no file");
	ok(refused(TREE, "topology.conf", "", "No switches configured"), "nothing in it");
	ok(refused(TREE, "topology.conf", "SwitchName=a Nodes=n1\nSwitchName=a Nodes=n2\n",
		   "Switch (a) has already been defined"), "twice");
	ok(refused(TREE, "topology.conf", "SwitchName=a Nodes=n1\nSwitchName=b Switches=a,c\n",
		   "Switch configuration b has invalid child (c)"), "no such child");
	ok(refused(TREE, "topology.conf", "SwitchName=a Switches=b\nSwitchName=b Switches=a\n",
		   "Switch configuration is not a tree"), "a loop");
	ok(refused(TREE, "topology.conf", "SwitchName=a Switches=a\n", "invalid child (a)"), "itself");
	ok(refused(TREE, "topology.conf", "SwitchName=a Nodes=n1 Switches=b\nSwitchName=b Nodes=n2\n",
		   "has both child switches and nodes"), "both");
	ok(refused(TREE, "topology.conf", "SwitchName=a Nodes=n1 Colour=1\n", "unknown word 'Colour'"),
	   "a word");
	ok(refused(TREE, "topology.conf", "BlockName=a Nodes=n1\n", "unknown key 'BlockName'"), "a key");
	ok(refused(TREE "NodeName=m1 Topology=default:s9\n", "topology.conf", "SwitchName=a Nodes=n1\n",
		   "Invalid node topology specified default:s9 for m1"), "a node's word");
	ok(refused(TREE "PartitionName=q Nodes=n1 Topology=x\n", "topology.conf",
		   "SwitchName=a Nodes=n1\n", "there is no such topology"), "a partition's word");
}

static void test_block(void)
{
	struct conf_problems ps = { 0 };
	struct conf *c = read_conf(BLOCK, "topology.conf", "BlockName=b1 Nodes=n1,n2\n"
				   "BlockName=b2 Nodes=n[3-4]\nBlockName=b3 Nodes=n[5-6]\nBlockName=b4\n"
				   "BlockSizes=2,4,8\n", &ps);
	struct topo *t = c ? build(c, 0) : NULL;

	ok(t && t->block_nodes == 2 && t->block_levels == 7 && t->base_count == 4, "blocks");
	ok(units_are(c, t, "b1=n1,n2 b2=n[3-4] b3=n[5-6] b4=- b[1-2]=n[1-4] b[3-4]=n[5-6] "
		     "b[1-4]=n[1-6]"), "and sums of them");
	ok(t->unit[4].index == 4 && t->unit[5].index == 6 && t->unit[6].index == 5,
	   "numbered as they begin, listed by size");
	ok(topo_put(t, 6, "b4") == E_OK && topo_put(t, 0, "b4") == E_OK &&
	   units_are(c, t, "b1=n2 b2=n[3-4] b3=n[5-6] b4=n[1,7] b[1-2]=n[2-4] b[3-4]=n[1,5-7] "
		     "b[1-4]=n[1-7]"), "nodes move");
	ok(topo_put(t, 1, "b[1-2]") && topo_put(t, 1, "b9"), "not to a sum, nor to nothing");
	topo_free(t);
	conf_problems_fini(&ps);
	conf_unref(c);
	ok(refused(BLOCK, "topology.conf", "BlockName=a Nodes=n1\nBlockSizes=2,6\n",
		   "Invalid BlockSizes value: 6"), "sizes are 2^n times the first");
	ok(refused(BLOCK, "topology.conf", "BlockName=a\n", "Blocks do not contain any nodes"), "no nodes");
	ok(refused(BLOCK, "topology.conf", "BlockSizes=2\n", "No blocks configured"), "no blocks");
}

static const char yaml[] =
	"---\n- topology: t1\n  tree:\n    switches:\n      - switch: r\n        children: s[1-2]\n"
	"      - {switch: s1, nodes: 'n[1-4]'}\n      - switch: s2\n        nodes: n[5-8]\n"
	"- topology: t2\n  cluster_default: true\n  block:\n    block_sizes: [4]\n    blocks:\n"
	"      - block: b1\n        nodes: n[1-4]\n- topology: t3\n  flat: true\n";

static const char shown[] =
	"%YAML 1.1\n---\n- topology: t2\n  cluster_default: true\n  block:\n    block_sizes:\n"
	"    - 4\n    blocks:\n    - block: b1\n      nodes: n[1-4]\n  flat: {}\n  ring: {}\n"
	"  torus3d: {}\n  tree: {}\n- topology: t1\n  cluster_default: false\n  block: {}\n"
	"  flat: {}\n  ring: {}\n  torus3d: {}\n  tree:\n    switches:\n    - switch: r\n"
	"      children: s[1-2]\n      nodes:\n    - switch: s1\n      children:\n"
	"      nodes: n[1-4]\n    - switch: s2\n      children:\n      nodes: n[5-8]\n"
	"- topology: t3\n  cluster_default: false\n  block: {}\n  flat: true\n  ring: {}\n"
	"  torus3d: {}\n  tree: {}\n...\n";

static void test_yaml(void)
{
	struct conf_problems ps = { 0 };
	struct conf *c = read_conf(BASE, "topology.yaml", yaml, &ps);
	struct topo *t[3];
	char *text;

	ok(c && c->topo_count == 3 && streq(c->topos[0].name, "t2"), "the cluster's own is first");
	for (uint32_t i = 0; i < 3; i++)
		t[i] = build(c, i);
	text = topo_yaml(c, t, name_of, c, true);
	ok(streq(text, shown), "printed as stock prints it");
	if (!streq(text, shown))
		printf("# %s\n", text);
	free(text);
	for (uint32_t i = 0; i < 3; i++)
		topo_free(t[i]);
	conf_problems_fini(&ps);
	conf_unref(c);
	ok(refused(BASE, "topology.yaml", "- topology: [", "line"), "not YAML");
	ok(refused(BASE, "topology.yaml", "", "a list of topologies is expected"), "nothing");
	ok(refused(BASE, "topology.yaml", "- topology: a\n  colour: b\n", "line 2: unknown key colour"),
	   "a key");
	ok(refused(BASE, "topology.yaml", "- topology: a\n- topology: a\n", "two topologies named a"),
	   "a name twice");
	ok(refused(BASE, "topology.yaml", "- topology: a\n  ring:\n    rings: []\n",
		   "does not serve topologies of the kind ring"), "a kind that is not served");
	ok(refused(BASE, "topology.yaml", "- topology: a\n  tree:\n    switches:\n      - switch: x\n"
		   "        nodes: [1]\n", "line 5: a plain value is expected"), "a list for a value");
}

int main(void)
{
	test_tree();
	test_tree_refused();
	test_block();
	test_yaml();
	return tap_done();
}
