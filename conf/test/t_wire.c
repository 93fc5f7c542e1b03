/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer of "scontrol show config", byte for byte: stock/<release>.bin is
 * the body a stock controller of that release sent for stock/slurm.conf (the
 * tutorial's file without accounting) at /etc/slurm/slurm.conf. */
#include "conf/test/util.h"

#include <string.h>

#include "conf/print.h"

static uint8_t *body_read(const char *name, size_t *len)
{
	char path[200];
	uint8_t *buf = mem_alloc(1 << 16);
	FILE *f;

	snprintf(path, sizeof(path), "conf/test/stock/%s.bin", name);
	f = fopen(path, "rb");
	*len = f ? fread(buf, 1, 1 << 16, f) : 0;
	if (f)
		fclose(f);
	return buf;
}

static void difference_show(const void *ours, const void *stock,
			    enum wire_version v)
{
	printf("# stock:\n");
	wire_print(stdout, &slurm_ctl_conf_msg_desc, stock, v, 0);
	printf("# ours:\n");
	wire_print(stdout, &slurm_ctl_conf_msg_desc, ours, v, 0);
}

static void test_release(const struct conf *c, const char *name,
			 enum wire_version v, bool pmix)
{
	struct slurm_ctl_conf_msg stock, ours;
	struct arena mem = {0};
	struct wire_out o = {0};
	size_t len;
	uint8_t *body = body_read(name, &len);
	struct wire_in in = {.p = body, .end = body + len, .mem = &mem};
	struct conf_runtime r = {.release = v, .have_pmix = pmix};

	wire_unpack(&in, &slurm_ctl_conf_msg_desc, &stock, v);
	if (!ok(len && !in.failed && in.p == in.end, "%s: stock's body", name))
		goto out;
	/* What is not in the files. */
	r.version = stock.version;
	r.now = stock.last_update;
	r.boot_time = stock.boot_time;
	r.next_job_id = stock.next_job_id;
	r.plugin_dir = stock.plugindir;
	conf_to_wire(c, &r, &ours, &mem);
	ours.slurm_user_id = stock.slurm_user_id;
	ok(ours.hash_val == stock.hash_val, "%s: hash 0x%x", name,
	   ours.hash_val);
	wire_pack(&o, &slurm_ctl_conf_msg_desc, &ours, v);
	if (!ok(!o.failed && o.len == len && memcmp(o.base, body, len) == 0,
		"%s: the same bytes", name))
		difference_show(&ours, &stock, v);
	wire_out_fini(&o);
out:
	arena_fini(&mem);
	free(body);
}

/* Every release gets something that packs and unpacks. */
static void test_every_release(const struct conf *c)
{
	uint32_t bad = 0;

	for (int v = 0; v < WIRE_VERSION_COUNT; v++) {
		struct slurm_ctl_conf_msg ours, back;
		struct arena mem = {0};
		struct wire_out o = {0};
		struct conf_runtime r = {.release = (enum wire_version)v,
					 .version = "x", .have_pmix = true};
		struct wire_in in = {.mem = &mem};

		conf_to_wire(c, &r, &ours, &mem);
		wire_pack(&o, &slurm_ctl_conf_msg_desc, &ours,
			  (enum wire_version)v);
		in.p = o.base;
		in.end = o.base + o.len;
		wire_unpack(&in, &slurm_ctl_conf_msg_desc, &back,
			    (enum wire_version)v);
		bad += o.failed || in.failed || in.p != in.end ||
		       !wire_equal(&slurm_ctl_conf_msg_desc, &ours, &back,
				   (enum wire_version)v);
		wire_out_fini(&o);
		arena_fini(&mem);
	}
	ok(!bad, "every release packs");
}

static void test_details(void)
{
	struct conf *c = test_conf(
		"TaskPlugin=affinity,task/cgroup\nEpilog=/a\nEpilog=/b\n"
		"AccountingStorageTRES=gres/gpu,cpu\nTreeWidth=50\n"
		"HealthCheckNodeState=IDLE,CYCLE\nDefMemPerGPU=10\n"
		"DebugFlags=NO_CONF_HASH\nNodeName=n[1-3]\n");
	struct conf_runtime r = {.release = V22_05};
	struct slurm_ctl_conf_msg m;
	struct arena mem = {0};

	if (!c)
		return;
	conf_to_wire(c, &r, &m, &mem);
	ok(streq(m.task_plugin, "affinity,task/cgroup"), "22.05 TaskPlugin");
	ok(streq(m.epilog, "/a"), "one epilog");
	ok(streq(m.accounting_storage_tres, "gres/gpu,cpu,cpu,mem,energy,node,"
		 "billing,fs/disk,vmem,pages"), "22.05 TRES");
	ok(m.tree_width == 50 && m.health_check_node_state == 0x8001,
	   "22.05 numbers");
	ok(m.hash_val == 0xfffffffe, "NO_CONF_HASH");
	ok(m.max_node_cnt == 3, "node count");
	r.release = V26_05;
	conf_to_wire(c, &r, &m, &mem);
	ok(streq(m.task_plugin, "task/cgroup,task/affinity"),
	   "sorted TaskPlugin");
	ok(m.epilog_list_count == 2 && streq(m.epilog_list[1], "/b"),
	   "two epilogs");
	ok(streq(m.accounting_storage_tres, "cpu,mem,energy,node,billing,"
		 "fs/disk,vmem,pages,gres/gpu,gres/gpumem,gres/gpuutil"),
	   "TRES: %s", m.accounting_storage_tres);
	ok(m.health_check_node_state == 0x101, "state bits");
	ok(m.job_defaults_list_count == 1 && m.job_defaults_list[0].type == 2 &&
	   m.job_defaults_list[0].value == 10, "job defaults");
	ok(m.cgroup_conf_count > 10 &&
	   streq(m.cgroup_conf[0].name, "AllowedRAMSpace"), "cgroup pairs");
	arena_fini(&mem);
	conf_unref(c);
}

static void test_gather(void)
{
	struct test_files files = {
		.slurm = HEAD "AcctGatherProfileType=acct_gather_profile/hdf5\n"
			 "AcctGatherEnergyType=acct_gather_energy/ipmi\n",
		.gather = "ProfileHDF5Dir=/tmp\nEnergyIPMIFrequency=10\n"
			  "EnergyIPMIPassword=secret\nSysfsInterfaces=eth0\n",
	};
	struct conf_runtime r = {.release = V24_11};
	struct slurm_ctl_conf_msg m;
	struct arena mem = {0};
	struct conf *c = NULL;

	if (!ok(test_parse(&files, &c, NULL) == E_OK, "acct_gather.conf"))
		return;
	conf_to_wire(c, &r, &m, &mem);
	ok(m.acct_gather_conf_count == 3 &&
	   streq(m.acct_gather_conf[0].value, "10") &&
	   streq(m.acct_gather_conf[1].name, "ProfileHDF5Default") &&
	   streq(m.acct_gather_conf[2].value, "/tmp"),
	   "what the plugins in use read, without secrets");
	arena_fini(&mem);
	conf_unref(c);
}

static void test_restart(void)
{
	struct conf *a = test_conf("KillWait=3\nSelectType=select/linear\n");
	struct conf *b = test_conf("KillWait=4\nSlurmctldPort=99\n");
	const char *names[4];

	ok(a && b && conf_restart_keys(a, b, names, 4) == 2 &&
	   streq(names[0], "SelectType") && streq(names[1], "SlurmctldPort") &&
	   conf_restart_keys(a, a, names, 4) == 0, "keys that need a restart");
	conf_unref(a);
	conf_unref(b);
}

int main(void)
{
	char *text = test_slurp("conf/test/stock/slurm.conf");
	struct test_files files = {.path = "/etc/slurm/slurm.conf",
				   .slurm = text};
	struct conf *c = NULL;

	if (ok(text && test_parse(&files, &c, NULL) == E_OK, "parses")) {
		test_release(c, "22.05", V22_05, true);
		test_release(c, "23.02", V23_02, true);
		test_release(c, "23.11", V23_11, true);
		test_release(c, "24.05", V24_05, true);
		test_release(c, "24.11", V24_11, true);
		test_release(c, "25.05", V25_05, true);
		test_release(c, "25.11", V25_11, true);
		test_release(c, "26.05", V26_05, false);
		test_every_release(c);
		conf_unref(c);
	}
	free(text);
	test_details();
	test_gather();
	test_restart();
	return tap_done();
}
