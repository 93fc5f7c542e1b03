/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes, partitions, gres; whole files; print and parse again. */
#include "conf/test/util.h"

#include <string.h>

#include "conf/value.h"

/* ---- nodes ---- */

static const struct {
	const char *words;
	uint16_t cpus, boards, sockets, cores, threads;
} shapes[] = {
	/* As stock 22.05 and 26.05 show them. */
	{"", 1, 1, 1, 1, 1},
	{"CPUs=4", 4, 1, 4, 1, 1},
	{"Procs=4", 4, 1, 4, 1, 1},
	{"CPUs=1 CoresPerSocket=1", 1, 1, 1, 1, 1},
	{"CPUs=8 CoresPerSocket=4", 8, 1, 2, 4, 1},
	{"CPUs=8 CoresPerSocket=2 ThreadsPerCore=2", 8, 1, 2, 2, 2},
	{"Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", 16, 1, 2, 4, 2},
	{"CPUs=8 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", 8, 1, 2, 4, 2},
	{"CPUs=2 Sockets=2 CoresPerSocket=4 ThreadsPerCore=2", 2, 1, 2, 4, 2},
	{"CPUs=7 Sockets=2 CoresPerSocket=4", 8, 1, 2, 4, 1},
	{"Boards=2 SocketsPerBoard=2 CoresPerSocket=4", 16, 2, 4, 4, 1},
	{"Boards=2 CoresPerSocket=4", 8, 2, 2, 4, 1},
	{"Boards=4 Sockets=2", 2, 1, 2, 1, 1},
	{"CPUs=0 ThreadsPerCore=0", 1, 1, 1, 1, 1},
	{"CPUs=3 CoresPerSocket=2", 2, 1, 1, 2, 1},
};

static void test_shapes(void)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		char *line = mem_printf("NodeName=n %s\n", shapes[i].words);
		struct conf *c = test_conf(line);
		const struct conf_node *n = c ? &c->nodes[0] : NULL;

		ok(n && n->cpus == shapes[i].cpus &&
		   n->boards == shapes[i].boards &&
		   n->sockets == shapes[i].sockets &&
		   n->cores == shapes[i].cores &&
		   n->threads == shapes[i].threads,
		   "'%s' is %u CPUs, %u:%u:%u:%u", shapes[i].words,
		   n ? n->cpus : 0, n ? n->boards : 0, n ? n->sockets : 0,
		   n ? n->cores : 0, n ? n->threads : 0);
		conf_unref(c);
		free(line);
	}
}

static void test_nodes(void)
{
	struct conf *c = test_conf(
		"SlurmdPort=7000\n"
		"NodeName=DEFAULT RealMemory=100 Features=x,y\n"
		"NodeName=n[8-10] NodeAddr=10.0.0.[8-10] Port=[81-83]\n"
		"NodeName=DEFAULT RealMemory=200\n"
		"NodeName=a NodeHostname=host.example.org Feature=z State=CLOUD "
		"Weight=4294967295 TmpDisk=7\n"
		"NodeName=b[1-2] NodeHostname=same Port=90-91 Reason=\"out of "
		"order\" State=DOWN\n"
		"DownNodes=n[8-9] State=DRAIN\n");
	const struct conf_node *n;

	if (!c)
		return;
	ok(c->node_count == 6 && streq(c->nodes[0].name, "a") &&
	   streq(c->nodes[3].name, "n8") && streq(c->nodes[5].name, "n10"),
	   "natural order");
	n = conf_node_find(c, "n9");
	ok(n && streq(n->addr, "10.0.0.9") && streq(n->hostname, "n9") &&
	   n->port == 82 && n->real_memory_mb == 100, "by position");
	ok(n && streq(n->features, "x,y"), "DEFAULT Features");
	ok(n && n->state == CONF_NODE_DRAIN &&
	   streq(n->reason, "Set in slurm.conf"), "DownNodes");
	n = conf_node_find(c, "a");
	ok(n && n->real_memory_mb == 200 && streq(n->features, "z") &&
	   n->port == 7000 && n->cloud && n->tmp_disk_mb == 7 &&
	   n->weight == 4294967294u, "later DEFAULT");
	ok(n && streq(n->addr, "host.example.org"), "NodeAddr is the host");
	n = conf_node_find(c, "b2");
	ok(n && streq(n->hostname, "same") && n->port == 91 &&
	   streq(n->reason, "out of order") && n->state == CONF_NODE_DOWN,
	   "one host, two ports, quoted reason");
	ok(!conf_node_find(c, "n7") && !conf_node_find(c, "n08"), "not there");
	ok(conf_node_find_host(c, "n10") == conf_node_find(c, "n10") &&
	   conf_node_find_host(c, "host") == conf_node_find(c, "a") &&
	   conf_node_find_host(c, "n8.some.domain") ==
	   conf_node_find(c, "n8") && !conf_node_find_host(c, "zz"),
	   "by host");
	conf_unref(c);
}

/* ---- partitions ---- */

static void test_parts(void)
{
	struct conf *c = test_conf(
		"DisableRootJobs=YES\n"
		"NodeName=n[1-3] Feature=cpu\nNodeName=g[1-2] Feature=gpu,cpu2\n"
		"NodeSet=gpus Feature=gpu\nNodeSet=some Nodes=n2,g1\n"
		"NodeSet=none Feature=none\n"
		"PartitionName=a Nodes=ALL Default=yes\n"
		"PartitionName=DEFAULT MaxTime=1:30:00 State=DOWN Hidden=YES\n"
		"PartitionName=b Nodes=gpus,n1 Priority=7 Shared=FORCE:3 "
		"DisableRootJobs=NO AllowGroups=ALL AllowAccounts=Phys,CHEM\n"
		"PartitionName=c Nodes=\"n3 some\" OverSubscribe=EXCLUSIVE "
		"DefMemPerNode=5 MaxMemPerCPU=6 PreemptMode=requeue,priority "
		"SelectTypeParameters=CR_Socket_Memory State=UP\n"
		"PartitionName=d Nodes=none Exclusive=USER DefaultTime=10\n"
		"PartitionName=e Default=YES OverTimeLimit=UNLIMITED "
		"SuspendTime=NONE DefCpuPerGPU=2 DefMemPerGPU=3 CpuBind=cores,v "
		"MaxNodes=UNLIMITED PriorityTier=3\n");
	const struct conf_part *p;

	if (!c)
		return;
	ok(c->part_count == 5 && c->parts[0].node_count == 5 &&
	   streq(c->parts[0].nodes, "g1,g2,n1,n2,n3") &&
	   streq(c->parts[0].nodesets, "ALL"), "ALL");
	p = &c->parts[0];
	ok(p->max_time_min == CONF_INFINITE && p->max_share == 1 &&
	   p->state_up == CONF_PART_UP && p->max_nodes == CONF_INFINITE &&
	   p->min_nodes == 0 && p->priority_tier == 1 && p->disable_root &&
	   p->default_time_min == CONF_NO_VAL && !p->is_default &&
	   p->preempt_mode == CONF_NO_VAL16, "defaults");
	p = conf_part_find(c, "b");
	ok(p && streq(p->nodes, "g1,g2,n1") && streq(p->nodesets, "gpus") &&
	   p->node_index[2] == 2, "NodeSet by feature");
	ok(p && p->priority_job_factor == 7 && p->priority_tier == 7,
	   "Priority is both");
	ok(p && p->max_share == (3 | CONF_SHARED_FORCE) && !p->disable_root &&
	   !p->allow_groups && streq(p->allow_accounts, "phys,chem"),
	   "Shared, root, lists");
	ok(p && p->max_time_min == 90 && p->state_up == CONF_PART_DOWN &&
	   p->hidden, "from DEFAULT");
	p = conf_part_find(c, "c");
	ok(p && streq(p->nodes, "g1,n2,n3") && p->max_share == 0 &&
	   p->def_mem_mb == 5 && p->max_mem_mb == (6 | CONF_MEM_PER_CPU) &&
	   p->preempt_mode == (CONF_PREEMPT_REQUEUE | CONF_PREEMPT_PRIORITY) &&
	   p->cr_type == 0x12 && p->state_up == CONF_PART_UP, "blanks in Nodes");
	p = conf_part_find(c, "d");
	ok(p && !p->node_count && streq(p->nodes, "") && p->exclusive_user &&
	   p->default_time_min == 10, "an empty set");
	p = conf_part_find(c, "e");
	ok(p && p->is_default && p->over_time_limit_min == CONF_INFINITE16 &&
	   p->suspend_time_sec == CONF_INFINITE && p->def_cpu_per_gpu == 2 &&
	   streq(p->job_defaults, "DefCpuPerGPU=2,DefMemPerGPU=3") &&
	   p->cpu_bind == 5 && p->priority_job_factor == 1 &&
	   p->priority_tier == 3, "the rest");
	ok(!conf_part_find(c, "DEFAULT"), "DEFAULT is none");
	conf_unref(c);
}

/* ---- gres ---- */

static void test_gres(void)
{
	struct test_files files = {
		.slurm = HEAD "GresTypes=gpu,qpu,lic\n"
			 "NodeName=a[1-2] Gres=gpu:tesla:4,qpu\n"
			 "NodeName=b Gres=gpu:k80:2(S:0-1),gpu:tesla:1,lic:2K\n"
			 "NodeName=c\n",
		.gres = "AutoDetect=off\n"
			"NodeName=a[1-2] Name=gpu Type=tesla "
			"File=/dev/nvidia[0-1] Cores=0-3\n"
			"NodeName=a2 Name=gpu Type=tesla File=/dev/x2 Flags=amd_gpu_env\n"
			"Name=gpu Type=k80 File=/dev/k[0-3]\n",
	};
	struct conf_problems ps = {0};
	struct conf *c = NULL;
	const struct conf_node *n;

	if (!ok(test_parse(&files, &c, &ps) == E_OK, "gres.conf parses")) {
		problems_show(&ps);
		return;
	}
	n = conf_node_find(c, "a1");
	ok(n->gres_count == 3 && streq(n->gres_list[0].file, "/dev/nvidia[0-1]")
	   && n->gres_list[0].count == 2 && n->gres_list[0].flags ==
	   (CONF_GRES_FILE | CONF_GRES_TYPE | CONF_GRES_ENV | CONF_GRES_ENV_DEF) &&
	   streq(n->gres_list[0].cores, "0-3"), "files of a1");
	ok(n->gres_list[1].count == 2 &&
	   !n->gres_list[1].file && !(n->gres_list[1].flags & CONF_GRES_FILE) &&
	   streq(n->gres_list[1].type, "tesla"), "what is left is counted");
	ok(streq(n->gres_list[2].name, "qpu") && !n->gres_list[2].type &&
	   n->gres_list[2].count == 1, "a bare name is one");
	n = conf_node_find(c, "a2");
	ok(n->gres_count == 4 && streq(n->gres_list[1].file, "/dev/x2") &&
	   streq(n->gres_list[1].type, "tesla") && n->gres_list[1].flags ==
	   (CONF_GRES_FILE | CONF_GRES_TYPE | CONF_GRES_AMD), "a line for one node");
	n = conf_node_find(c, "b");
	ok(n->gres_count == 3 && n->gres_list[0].count == 2 &&
	   streq(n->gres_list[0].type, "k80") &&
	   streq(n->gres_list[0].file, "/dev/k[0-1]"),
	   "cut to the count of Gres=");
	ok(n->gres_list[2].count == 2048, "2K");
	n = conf_node_find(c, "c");
	ok(!n->gres_count && streq(c->gres_autodetect, "off"), "none");
	conf_problems_fini(&ps);
	conf_unref(c);
}

/* ---- whole files ---- */

static struct conf *files_parse_dir(const char *dir, struct conf_problems *ps)
{
	char path[4][200], *text[4];
	static const char *const names[] = {"slurm", "gres", "cgroup", "mpi"};
	struct test_files files = {0};
	struct conf *c = NULL;

	for (int i = 0; i < 4; i++) {
		snprintf(path[i], sizeof(path[i]), "conf/test/%s/%s.conf", dir,
			 names[i]);
		text[i] = test_slurp(path[i]);
	}
	files.slurm = text[0];
	files.gres = text[1];
	files.cgroup = text[2];
	files.mpi = text[3];
	if (!ok(test_parse(&files, &c, ps) == E_OK, "%s parses", dir))
		problems_show(ps);
	for (int i = 0; i < 4; i++)
		free(text[i]);
	return c;
}

static void test_tutorial(void)
{
	struct conf_problems ps = {0};
	struct conf *c = files_parse_dir("tutorial", &ps);
	const struct conf_node *n;
	const struct conf_part *p;

	if (!c)
		return;
	ok(ps.count == 1 && strstr(ps.v[0].text, "FastSchedule"),
	   "one warning");
	ok(c->control_count == 1 && streq(c->control_hosts[0], "slurmctld") &&
	   streq(c->control_addrs[0], "192.168.4.160"), "ControlMachine");
	ok(c->slurm_uid == 64030 && c->slurmctlddebug == 3 &&
	   c->debugflags == 1 << 6 && c->returntoservice == 2 &&
	   c->selecttypeparameters == 0x11 && !c->switchtype &&
	   streq(c->mpidefault, "pmix"), "keys");
	n = conf_node_find(c, "c4");
	ok(c->node_count == 6 && n && n->port == 6828 && n->cpus == 4 &&
	   n->sockets == 4 && n->cores == 1 &&
	   streq(n->addr, "192.168.4.164"), "c4");
	n = conf_node_find(c, "q1");
	ok(n && n->gres_count == 1 && n->gres_list[0].count == 1 &&
	   n->gres_list[0].flags == CONF_GRES_COUNT_ONLY &&
	   streq(n->gres_list[0].name, "qpu"), "q1 has a QPU");
	p = conf_part_find(c, "normal");
	ok(p && streq(p->nodes, "c1,c2,c3,c4") && p->max_time_min == 7200 &&
	   p->def_mem_mb == (500 | CONF_MEM_PER_CPU) && p->max_nodes == 4 &&
	   p->priority_tier == 50 && !p->is_default, "normal");
	p = conf_part_find(c, "quantum");
	ok(p && p->is_default && p->max_time_min == CONF_INFINITE, "quantum");
	ok(c->cgroup.constraincores && c->cgroup.maxrampercent == 98 &&
	   streq(c->cgroup.cgroupplugin, "cgroup/v1"), "cgroup.conf");
	conf_problems_fini(&ps);
	conf_unref(c);
}

static void test_debian(void)
{
	struct conf_problems ps = {0};
	struct conf *c = files_parse_dir("debian", &ps);

	ok(c && ps.count == 0, "without a warning");
	conf_problems_fini(&ps);
	conf_unref(c);
}

/* Print, parse, print: the two texts and the records agree. */
static void round_trip(struct conf *c, const char *name)
{
	char *first = c ? conf_print(c) : NULL, *second = NULL;
	struct test_files files = {.slurm = first};
	struct conf_problems ps = {0};
	struct conf *again = NULL;

	if (c && !ok(test_parse(&files, &again, &ps) == E_OK,
		     "%s: what is printed parses", name))
		problems_show(&ps);
	second = again ? conf_print(again) : NULL;
	if (!ok(streq(first, second) && first, "%s: and is the same", name))
		printf("# %s# ----\n# %s", first ? first : "",
		       second ? second : "");
	conf_problems_fini(&ps);
	conf_unref(again);
	conf_unref(c);
	free(first);
	free(second);
}

static void test_round_trip(void)
{
	struct conf_problems ps = {0};

	round_trip(files_parse_dir("tutorial", &ps), "tutorial");
	round_trip(files_parse_dir("debian", &ps), "debian");
	conf_problems_fini(&ps);
	round_trip(test_conf(
		"MailProg=\"/a b\"\nPrEpParameters=a\\#b\\\\c\nEpilog=/a\n"
		"Epilog=/b\nSlurmctldHost=h2(1.2.3.4)\nGresTypes=gpu\n"
		"NodeName=n[1-2] Reason=\"a b\" State=DRAIN Gres=gpu:2 "
		"CpuBind=cores,v Port=[70-71] CoreSpecCount=0 SuspendTime=5 "
		"MemSpecLimit=0 Weight=3 NodeHostname=x TRESWeights=CPU=1 "
		"Sockets=1 CoresPerSocket=4 ThreadsPerCore=2 BcastAddr=b[1-2]\n"
		"NodeName=f State=FUTURE\nNodeName=g State=FAIL\n"
		"DownNodes=n1 State=FAIL Reason=\"x y\"\n"
		"NodeSet=s Feature=f Nodes=n1\n"
		"PartitionName=p Nodes=s,n2 OverSubscribe=YES:5 MaxTime=7 "
		"PreemptMode=SUSPEND AllowQos=a AllocNodes=l GraceTime=3 "
		"SelectTypeParameters=CR_Core LLN=YES ReqResv=YES State=INACTIVE "
		"MaxCPUsPerNode=4 SuspendTime=NONE ResumeTimeout=4 QOS=q\n"
		"PartitionName=q Nodes=ALL OverSubscribe=EXCLUSIVE "
		"DefaultTime=UNLIMITED DefCPUPerGPU=1 DefMemPerGPU=2 "
		"PreemptMode=OFF TRESBillingWeights=\"CPU=1.0,Mem=0.25G\"\n"),
		"all sorts");
}

static void test_option(void)
{
	const char *v = NULL;

	ok(conf_option("a,bc=d,e", "e", NULL) && !conf_option("abc", "a", NULL)
	   && !conf_option(NULL, "a", NULL) && !conf_option("", "a", NULL) &&
	   conf_option("x,BC=d,e", "bc", &v) && strncmp(v, "d,e", 3) == 0 &&
	   conf_option("bc", "bc", &v) && streq(v, ""), "options");
}

static void test_many_nodes(void)
{
	struct conf *c = test_conf("NodeName=n[1-60000] CPUs=4\n"
				   "PartitionName=p Nodes=ALL\n"
				   "PartitionName=q Nodes=n[1-60000]\n");

	ok(c && c->node_count == 60000 && c->parts[1].node_count == 60000 &&
	   conf_node_find(c, "n59999"), "60000 nodes");
	conf_unref(c);
}

static void test_check(void)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	uint32_t n = conf_check("conf/test/bad/slurm.conf", f);

	fclose(f);
	ok(n == 5, "five errors (%u)", n);
	ok(strstr(text, "conf/test/bad/slurm.conf:4: error: unknown key "
			"'SlurmctldTimout', did you mean 'SlurmctldTimeout'?")
	   && strstr(text, "conf/test/bad/more.conf:2: error: ") &&
	   strstr(text, ": warning: "), "with file and line");
	if (n != 5)
		printf("# %s", text);
	free(text);
}

int main(void)
{
	test_shapes();
	test_nodes();
	test_parts();
	test_gres();
	test_tutorial();
	test_debian();
	test_round_trip();
	test_option();
	test_many_nodes();
	test_check();
	return tap_done();
}
