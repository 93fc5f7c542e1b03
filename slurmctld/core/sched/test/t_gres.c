/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts of gres and TRES; features. */
#include "slurmctld/core/sched/test/world.h"
#include "wire/base/tap.h"

static const char conf_text[] =
	WORLD_HEAD "GresTypes=qpu,gpu\nAccountingStorageTRES=gres/qpu\n"
	"NodeName=n[1-2] CPUs=4 RealMemory=4000 Gres=qpu:3,gpu:tesla:2 Feature=a,b\n"
	"NodeName=n[3-4] CPUs=4 RealMemory=4000 Gres=qpu:4096 Feature=b,c\n"
	"PartitionName=p Nodes=ALL Default=YES DefMemPerCPU=100\n";
static const char gres_text[] =
	"NodeName=n[1-2] Name=qpu Count=3\nNodeName=n[1-2] Name=gpu Type=tesla Count=2\n"
	"NodeName=n[3-4] Name=qpu Count=4096\n";

static uint32_t type(const char *name)
{
	for (uint32_t t = 0; t < W.c->gres_type_count; t++)
		if (strcmp(W.c->gres_type[t], name) == 0)
			return t;
	return UINT32_MAX;
}

static void parse(void)
{
	static const struct { const char *text; uint64_t qpu, tesla; bool bad; } rows[] = {
		{"qpu", 1, 0, false}, {"qpu:2", 2, 0, false}, {"gres:qpu:2", 2, 0, false},
		{"gres/qpu:2", 2, 0, false}, {"gres/qpu=2", 2, 0, false},
		{"gpu:tesla", 0, 1, false}, {"gres/gpu:tesla:2,qpu", 1, 2, false},
		{"gpu:2", 0, 0, false}, {"gpu:none", 0, 0, true}, {"gres/none", 0, 0, false},
		{"qpu:2k", 2048, 0, false}, {"qpu:1M", 1048576, 0, false},
		{"cpu:4", 0, 0, false}, {"none", 0, 0, false}, {"", 0, 0, false},
		{"license:a:2,gres:qpu", 1, 0, false},
		{"xpu:1", 0, 0, true}, {"qpu:x", 0, 0, true}, {"gpu:amd:1", 0, 0, true},
		{"qpu=", 0, 0, true}, {"gres:", 0, 0, false},
		{"qpu:99999999999999999999", 0, 0, true},
	};
	uint32_t q = type("qpu"), g = type("gpu:tesla");

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t units[16] = {0};
		struct err_text why = {0};
		enum err e = gres_parse(W.c, rows[i].text, units, &why);

		ok(rows[i].bad ? e == E_INVALID_GRES || e == E_REQUESTED_NODE_CONFIG_UNAVAILABLE :
		   !e && units[q] == rows[i].qpu && units[g] == rows[i].tesla,
		   "'%s'%s%s", rows[i].text, e ? ": " : "", e ? why.text : "");
	}
}

static void mixed(void)
{
	uint64_t units[16] = {0};

	gres_parse(W.c, "gpu:1,qpu:1", units, NULL);
	ok(gres_mixed(W.c, units) == E_OK, "of two names");
	gres_parse(W.c, "gpu:tesla:1", units, NULL);
	ok(gres_mixed(W.c, units) == E_INVALID_GRES_TYPE, "with and without type");
}

static void format(void)
{
	uint64_t gres[16] = {0};
	char *t = tres_format(W.c, 16, 4000, 4, NULL, 16);

	ok(strcmp(t, "cpu=16,mem=4000M,node=4,billing=16") == 0, "%s", t);
	free(t);
	t = tres_format(W.c, 1, 4096, 1, NULL, 1);
	ok(strcmp(t, "cpu=1,mem=4G,node=1,billing=1") == 0, "%s", t);
	free(t);
	t = tres_format(W.c, 1, 1500, 1, NULL, 0);
	ok(strcmp(t, "cpu=1,mem=1500M,node=1") == 0, "%s", t);
	free(t);
	gres[type("qpu")] = 2;
	gres[type("gpu:tesla")] = 1;
	t = tres_format(W.c, 1, 0, 1, gres, 0);
	ok(strcmp(t, "cpu=1,node=1,gres/qpu=2") == 0, "only what AccountingStorageTRES names: %s", t);
	free(t);
}

static void features(void)
{
	static const struct { const char *expr; const char *nodes; } rows[] = {
		{"a", "0-1"}, {"b", "0-3"}, {"a&c", ""}, {"a|c", "0-3"}, {"!a", NULL},
		{"(a|c)&b", "0-3"}, {"a,b", "0-1"}, {"c|b&a", "0-1"}, {"a&", "0-1"},
		{"z", NULL}, {"a|z", NULL}, {"&a", NULL}, {"(a", NULL}, {"a)", NULL}, {"", NULL},
		{"((a))", NULL}, {"[a]&[b]", NULL}, {"(a)b", NULL}, {"[a&]", NULL}, {"a*0", NULL},
		{"a*1&b*1", NULL}, {"[a*1&b*1]", "0-3"}, {"[(a&b)*1&c*1]", "0-3"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct feat_expr f;
		enum err e = feature_parse(W.c, rows[i].expr, &f, NULL);
		char *t = e ? NULL : bitset_to_ranges(f.alt[0]);

		ok(rows[i].nodes ? t && strcmp(t, rows[i].nodes) == 0 : e == E_INVALID_FEATURE,
		   "feature '%s': %s", rows[i].expr, t ? t : "refused");
		free(t);
	}
}

static void placed(const char *args, const char *nodes)
{
	struct job *j = world_submit(args);
	char *t;

	world_pass();
	t = world_alloc_text(j);
	ok(strncmp(t, nodes, strlen(nodes)) == 0, "%s: %s", args, t);
	free(t);
	world_end(j);
}

static void place(void)
{
	placed("-N2 -n2 -C [a|c]", "n[1-2] ");
	placed("-N2 -n2 -C c", "n[3-4] ");
	placed("-N3 -n3 -C [a*1&c*2]", "n[1,3-4] ");
	placed("-N1 -n1 --gres=gpu:tesla:2", "n1 ");
	placed("-N1 -n1 --gres=gpu:1", "n1 ");
	placed("-N1 -n1 --gres=qpu:4", "n3 ");
	placed("-N3 -n3 --gres=gpu:1", "-");
}

int main(void)
{
	world_new(conf_text, gres_text);
	sched_pass(W.c, &world_ops, &W.out, false);
	parse();
	mixed();
	format();
	features();
	place();
	world_free();
	return tap_done();
}
