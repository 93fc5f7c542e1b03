/* SPDX-License-Identifier: Apache-2.0
 *
 * Which node we are, what we register, and what the machine looks like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slurmd/gres.h"
#include "slurmd/site.h"
#include "wire/base/log.h"
#include "wire/base/tap.h"
#include "wire/messages.h"

static char dir[] = "/tmp/site.XXXXXX";

static char *path_of(const char *name)
{
	static char path[1024];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void file_make(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "w");

	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static struct site *load(struct options *o, const struct hw *hw, const char *nodes)
{
	char *text = mem_printf("ClusterName=t\nSlurmctldHost=localhost\nSlurmUser=root\n"
				"SlurmdSpoolDir=/spool/%%n-%%h\nSlurmdPort=7001\n"
				"GresTypes=qpu,gpu,shard\n%s\n", nodes);
	struct site *s = NULL;

	file_make("slurm.conf", text);
	free(text);
	o->conf_path = path_of("slurm.conf");
	(void)site_load(o, hw, NULL, &s);
	return s;
}

static const struct hw machine = { .cpus = 8, .boards = 1, .sockets = 2, .cores = 2,
				   .threads = 2, .memory_mb = 16000, .numa_nodes = 4,
				   .l3_caches = 1 };

static bool registers(const char *node, unsigned cpus, unsigned sockets, unsigned cores,
		      unsigned threads)
{
	struct options o = { .node_name = "n1" };
	struct site *s = load(&o, &machine, node);
	bool good = s && s->cpus == cpus && s->sockets == sockets && s->cores == cores &&
		    s->threads == threads;

	if (s && !good)
		printf("# %u CPUs %u sockets %u cores %u threads\n", s->cpus, s->sockets,
		       s->cores, s->threads);
	site_unref(s);
	return good;
}

static void processors(void)
{
	ok(registers("NodeName=n1 CPUs=8 Sockets=2 CoresPerSocket=2 ThreadsPerCore=2", 8, 2, 2,
		     2), "as configured");
	ok(registers("NodeName=n1 CPUs=8", 8, 8, 1, 1), "only CPUs: each is a core");
	ok(registers("NodeName=n1 CPUs=3", 3, 3, 1, 1), "fewer than there are");
	ok(registers("NodeName=n1 CPUs=16", 8, 2, 2, 2), "more than there are: what was found");
	ok(registers("SlurmdParameters=config_overrides\nNodeName=n1 CPUs=16", 16, 16, 1, 1),
	   "config_overrides");
	ok(registers("NodeName=n1 Sockets=4 CoresPerSocket=1 ThreadsPerCore=2", 8, 2, 2, 2),
	   "other boundaries, as many cores");
	ok(registers("SlurmdParameters=numa_node_as_socket\n"
		     "NodeName=n1 Sockets=4 CoresPerSocket=1 ThreadsPerCore=2", 8, 4, 1, 2),
	   "memory nodes as sockets");
}

static void naming(void)
{
	struct options named = { .node_name = "n2" }, by_host = { 0 }, wrong = { .node_name = "x" };
	struct options dyn = { .node_name = "d1", .dynamic = 2, .dynamic_conf = "Feature=a" };
	char host[128] = "", *line;
	struct site *s;

	gethostname(host, sizeof host - 1);
	host[strcspn(host, ".")] = 0;
	s = load(&named, &machine, "NodeName=n[1-2] CPUs=1 Port=[7101-7102]");
	ok(s && streq(s->name, "n2") && s->port == 7102, "-N and the port of the line");
	ok(s && !strncmp(s->spool_dir, "/spool/n2-", 10), "spool directory with names in it");
	ok(s && site_trusts(s, 0) && !site_trusts(s, 1000), "root alone is trusted");
	site_unref(s);
	line = mem_printf("NodeName=a CPUs=1\nNodeName=b NodeHostname=%s CPUs=1", host);
	s = load(&by_host, &machine, line);
	ok(s && streq(s->name, "b") && s->port == 7001, "found by host name");
	site_unref(s);
	free(line);
	ok(!load(&wrong, &machine, "NodeName=n1 CPUs=1"), "no such node");
	s = load(&dyn, &machine, "NodeName=n1 CPUs=1");
	ok(s && s->node && s->cpus == 8 && s->sockets == 2, "a dynamic node is as found");
	ok(s && s->dynamic_conf && strstr(s->dynamic_conf, "NodeName=d1 CPUs=8 Boards=1") &&
	   strstr(s->dynamic_conf, "RealMemory=16000 Feature=a"), "and says so");
	site_unref(s);
}

static void gres(void)
{
	struct options o = { .node_name = "q1" };
	struct site *s;
	struct wire_out out = { 0 };
	struct gres_conf_info info;
	struct arena mem = { 0 };
	struct wire_in in;

	file_make("gres.conf", "Name=qpu Count=2\n");
	s = load(&o, &machine, "NodeName=q1 CPUs=1 Gres=qpu:2");
	unlink(path_of("gres.conf"));
	if (!ok(s != NULL, "gres.conf"))
		return;
	gres_pack(s, &out);
	in = (struct wire_in){ out.base, out.base + out.len, &mem, false, false };
	wire_unpack(&in, &gres_conf_info_desc, &info, WIRE_VERSION_NEWEST);
	ok(!in.failed && in.p == in.end && info.recs_count == 1, "one record");
	ok(info.recs_count && streq(info.recs[0].name, "qpu") && info.recs[0].count == 2 &&
	   info.recs[0].plugin_id == 0x757071 && info.recs[0].config_flags & 8,
	   "two counted qpus");
	wire_out_fini(&out);
	arena_fini(&mem);
	site_unref(s);
}

/* Parts of GPUs: each GPU is a record, after that of its parts. */
static void gres_parts(void)
{
	struct options o = { .node_name = "g1" };
	struct site *s;
	struct wire_out out = { 0 };
	struct gres_conf_info info;
	struct arena mem = { 0 };
	struct wire_in in;

	file_make("gres.conf", "Name=gpu Type=a File=/dev/x[0-1] Cores=0\nName=shard Count=5\n");
	s = load(&o, &machine, "NodeName=g1 CPUs=1 Gres=gpu:a:2,shard:5");
	unlink(path_of("gres.conf"));
	if (!ok(s != NULL, "gres.conf with parts"))
		return;
	gres_pack(s, &out);
	in = (struct wire_in){ out.base, out.base + out.len, &mem, false, false };
	wire_unpack(&in, &gres_conf_info_desc, &info, WIRE_VERSION_NEWEST);
	ok(!in.failed && info.recs_count == 4, "four records");
	ok(info.recs_count == 4 && streq(info.recs[0].name, "shard") && info.recs[0].count == 2 &&
	   streq(info.recs[1].name, "gpu") && info.recs[1].count == 1 &&
	   streq(info.recs[2].name, "shard") && info.recs[2].count == 3 &&
	   streq(info.recs[2].type_name, "a") && streq(info.recs[3].cpus, "0"), "in their order");
	wire_out_fini(&out);
	arena_fini(&mem);
	site_unref(s);
}

static void cpu_file(unsigned cpu, int package, int core)
{
	char path[512], text[16];

	snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%u/topology", cpu);
	for (char *p = path; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(path_of(path), 0755);
			*p = '/';
		}
	mkdir(path_of(path), 0755);
	snprintf(text, sizeof text, "%d\n", package);
	snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%u/topology/physical_package_id",
		 cpu);
	file_make(path, text);
	snprintf(text, sizeof text, "%d\n", core);
	snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%u/topology/core_id", cpu);
	file_make(path, text);
}

static void sys_files(void)
{
	struct hw h;

	for (unsigned cpu = 0; cpu < 16; cpu++)
		cpu_file(cpu, cpu / 4 % 2, (int)(cpu % 4));
	hw_read_sys(dir, &h);
	ok(h.cpus == 16 && h.sockets == 2 && h.cores == 4 && h.threads == 2 && h.boards == 1,
	   "two packages of four cores of two threads");
	hw_read_sys("/nonexistent", &h);
	ok(h.cpus == 0, "nothing to read");
	hw_read(&h);
	ok(h.cpus && h.sockets && h.cores && h.threads && h.memory_mb, "this machine");
}

int main(void)
{
	char *cmd;

	if (!mkdtemp(dir))
		return 1;
	log_init("t_site");
	log_set_levels(LVL_QUIET, LVL_QUIET);
	processors();
	naming();
	gres();
	gres_parts();
	sys_files();
	cmd = mem_printf("rm -rf %s", dir);
	ok(system(cmd) == 0, "tidy");
	free(cmd);
	return tap_done();
}
