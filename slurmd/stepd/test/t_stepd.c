/* SPDX-License-Identifier: Apache-2.0
 *
 * slurmstepd as a whole, between a played slurmd, srun and slurmctld. */
#include <sys/un.h>

#include "wire/base/tap.h"

/* The makefile knows one source a test. */
#include "slurmd/stepd/acct.h"
#include "slurmd/stepd/test/drive.c"

#ifdef __SANITIZE_ADDRESS__
#define RSS_MAX 60000
#else
#define RSS_MAX 8000
#endif

static struct drive d;
static struct launch_tasks_request_msg m;

static const char *out(int t)
{
	return d.out[0][t].s ? d.out[0][t].s : "";
}

static const char *errs(int t)
{
	return d.out[1][t].s ? d.out[1][t].s : "";
}

/* On one line, for the name of a test. */
static const char *flat(const char *text)
{
	static char buf[2][256];
	static int turn;
	char *b = buf[turn ^= 1];

	(void)snprintf(b, sizeof buf[0], "%s", text);
	for (char *p = b; *p; p++)
		if (*p == '\n' || *p == '\r' || *p == '#')
			*p = '|';
	return b;
}

/* Start a shell command as n tasks. */
static void start(const char *command, uint32_t n)
{
	static const char *argv[4] = { "/bin/sh", "-c", NULL, NULL };

	argv[2] = command;
	drive_launch_init(&d, &m, argv, n);
}

/* Serve until something is true; machines may be busy. */
#define WAIT_FOR(cond) do { \
	for (int tries = 0; tries < 100 && !(cond); tries++) \
		(void)drive_run(&d, 0.1); \
} while (0)

static bool go(double seconds)
{
	return drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL) && drive_run(&d, seconds);
}

static char *slurp(const char *name)
{
	char path[256];
	static char buf[65536];
	FILE *f;
	size_t n;

	snprintf(path, sizeof path, "%s/%s", d.dir, name);
	f = fopen(path, "r");
	n = f ? fread(buf, 1, sizeof buf - 1, f) : 0;
	buf[n] = '\0';
	if (f)
		fclose(f);
	return buf;
}

static void test_simple(void)
{
	static const char *argv[] = { "echo", "hello", NULL };

	for (enum wire_version v = WIRE_VERSION_OLDEST; v < WIRE_VERSION_COUNT; v++) {
		d.version = v;
		drive_launch_init(&d, &m, argv, 2);
		ok(go(10), "%s: step ends", wire_version_name(v));
		ok(d.key_good && d.io_version == wire_version_number(v) && d.io_node == 0 &&
		   d.stdout_objs == 2 && d.stderr_objs == 2, "%s: init message",
		   wire_version_name(v));
		ok(streq(out(0), "hello\n") && streq(out(1), "hello\n"), "%s: output",
		   wire_version_name(v));
		ok(d.eofs == 4, "%s: four ends of stream", wire_version_name(v));
		ok(d.launches == 1 && d.launch_rc == 0 && d.pids[0] && d.pids[1],
		   "%s: launch response", wire_version_name(v));
		ok(d.exits == 2 && !d.exit_status[0] && !d.exit_status[1], "%s: task exits",
		   wire_version_name(v));
		ok(d.completes == 1 && d.first == 0 && d.last == 0 && d.step_rc == 0,
		   "%s: step complete", wire_version_name(v));
		ok(d.acct.present && d.acct.tres_ids_count == 8 &&
		   d.acct.tres_usage_in_max[1] > 100000, "%s: usage", wire_version_name(v));
	}
	d.version = WIRE_VERSION_NEWEST;
}

static void test_failures(void)
{
	static const char *none[] = { "no-such-program", NULL };
	static const char *dir[] = { "/etc/passwd", NULL };

	drive_launch_init(&d, &m, none, 1);
	ok(go(10) && d.exit_status[0] == 2 << 8, "program not found: exit 2");
	ok(strstr(errs(0), "] error: execve(): no-such-program: No such file or directory\n"),
	   "stock's words: %s", flat(errs(0)));
	drive_launch_init(&d, &m, dir, 1);
	ok(go(10) && d.exit_status[0] == 13 << 8, "not executable: exit 13");
	start("exit $((SLURM_PROCID * 3))", 3);
	ok(go(10) && d.exit_status[0] == 0 && d.exit_status[1] == 3 << 8 &&
	   d.exit_status[2] == 6 << 8 && d.step_rc == 6 << 8, "exit codes of tasks");
	start("kill -SEGV $$", 1);
	ok(go(10) && (d.exit_status[0] & 0x7f) == SIGSEGV && (d.step_rc & 0x7f) == SIGSEGV,
	   "a signal's status");
	start("pwd; cat /proc/self/status | grep -c SigIgn:.0000000000000000", 1);
	m.cwd = "/no/such/place";
	ok(go(10) && streq(out(0), "/tmp\n1\n"), "bad cwd becomes /tmp; signals reset");
	ok(strstr(errs(0), "] error: couldn't chdir to `/no/such/place': No such file or directory: going to /tmp instead\n"),
	   "and says so");
}

static void test_env(void)
{
	start("env | sort; umask; echo $0 $#", 2);
	m.cpu_bind_type = 0x20;
	ok(go(10), "environment step ends");
	ok(strstr(out(1), "\nSLURM_PROCID=1\n") && strstr(out(1), "\nSLURM_LOCALID=1\n") &&
	   strstr(out(1), "\nSLURM_GTIDS=0,1\n") && strstr(out(1), "\nSLURM_NODEID=0\n"),
	   "place of the task");
	ok(strstr(out(0), "\nSLURM_JOB_ID=77\n") && strstr(out(0), "\nSLURM_STEP_ID=0\n") &&
	   strstr(out(0), "\nSLURM_CPUS_ON_NODE=4\n") &&
	   strstr(out(0), "\nSLURM_JOB_USER=root\n") &&
	   strstr(out(0), "\nSLURM_LAUNCH_NODE_IPADDR=127.0.0.1\n") &&
	   strstr(out(0), "\nTMPDIR=/tmp\n"), "the job's variables");
	ok(strstr(out(0), "\nSLURM_CPU_BIND=quiet,none\n") &&
	   strstr(out(0), "SLURM_CPU_BIND_TYPE=none\n"), "binding");
	ok(!strstr(out(0), "SLURM_MPI_TYPE") && !strstr(out(0), "PMIX_"), "no MPI");
	ok(strstr(out(0), "\n0022\n"), "umask");
}

static void test_input(void)
{
	static char big[1000];
	size_t total = 0;

	start("read a; echo got $a; cat | wc -c", 2);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "stdin step starts");
	WAIT_FOR(d.io >= 0);
	drive_send(&d, 3, 0xffff, "all\n", 4);
	memset(big, 'x', sizeof big);
	for (int i = 0; i < 2000; i++, total += sizeof big) {
		drive_send(&d, 3, 0xffff, big, sizeof big);
		if (i % 50 == 0)
			(void)drive_run(&d, 0.01);
	}
	drive_send(&d, 0, 1, "yy", 2);
	drive_send(&d, 4, 0, NULL, 0);
	drive_send(&d, 3, 0xffff, NULL, 0);
	ok(drive_run(&d, 10), "ends at end of input");
	ok(streq(out(0), "got all\n2000000\n") && streq(out(1), "got all\n2000002\n"),
	   "input to all and to one: %s %s", flat(out(0)), flat(out(1)));
	ok(d.conn_tests == 1, "connection test is answered");
}

static void test_volume(void)
{
	long rss = 0;
	char line[256], path[64];
	FILE *f;

	start("i=0; seq 1 2000000; seq 1 10 >&2", 1);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "loud step starts");
	d.io_paused = true;
	(void)drive_run(&d, 1.5);
	snprintf(path, sizeof path, "/proc/%d/status", (int)d.pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof line, f))
		(void)sscanf(line, "VmRSS: %ld", &rss);
	if (f)
		fclose(f);
	ok(rss > 0 && rss < RSS_MAX, "memory while srun does not read: %ld kB", rss);
	d.io_paused = false;
	ok(drive_run(&d, 30), "ends");
	ok(d.out[0][0].len == 14888896 && strstr(errs(0), "\n10\n"), "every byte: %zu",
	   d.out[0][0].len);
	start("printf aaa; sleep 0.3; printf 'bbb\\nccc'", 1);
	m.flags = 0;
	ok(go(10) && streq(out(0), "aaabbb\nccc"), "unbuffered");
	start("printf %3000s x", 1);
	ok(go(10) && d.out[0][0].len == 3000, "long lines");
}

static void test_files(void)
{
	struct stat st;
	char path[128];

	start("echo out$SLURM_PROCID; echo err$SLURM_PROCID >&2", 2);
	m.ofname = "deep/o-%j-%2t-%N-%%";
	m.efname = "e.%t";
	ok(go(10) && d.stdout_objs == 0 && d.stderr_objs == 0, "files on the node");
	ok(streq(slurp("deep/o-77-00-c1-%"), "out0\n") &&
	   streq(slurp("deep/o-77-01-c1-%"), "out1\n") && streq(slurp("e.1"), "err1\n"),
	   "a file a task");
	start("echo out; echo err >&2", 1);
	m.ofname = m.efname = "both";
	ok(go(10) && streq(slurp("both"), "out\nerr\n"), "one file for both");
	ok(go(10) && streq(slurp("both"), "out\nerr\n"), "truncated by default");
	m.open_mode = 1;
	ok(go(10) && streq(slurp("both"), "out\nerr\nout\nerr\n"), "appended on request");
	start("echo line; printf part", 2);
	m.ofname = "labelled";
	m.flags |= 0x10;
	ok(go(10) && strstr(slurp("labelled"), "0: line\n") &&
	   strstr(slurp("labelled"), "1: part\n"), "labels: %s", flat(slurp("labelled")));
	start("cat", 1);
	m.ifname = "both";
	ok(go(10) && strstr(out(0), "out\nerr\n"), "input from a file");
	start("echo mine; id -u; id -G", 1);
	m.cred.cred.id.uid = 65534;
	m.cred.cred.id.gid = 65534;
	m.cred.cred.id.pw_name = "nobody";
	m.cwd = "/tmp";
	((uint32_t *)m.cred.cred.id.gids)[0] = 65534;
	cred_pack(&d, &m.cred);
	ok(go(10) && streq(out(0), "mine\n65534\n65534\n"), "runs as the user: %s", flat(out(0)));
	snprintf(path, sizeof path, "%s/key-file", d.dir);
	m.ofname = path;
	ok(go(10) && d.launch_rc == 4021 && d.step_rc && stat(path, &st) == 0 &&
	   st.st_size == 128, "a file that is not the user's stays as it is: %u", d.launch_rc);
	((uint32_t *)m.cred.cred.id.gids)[0] = 0;
}

/* What scontrol listpids does, on a node that is busy */
static bool slow_caller(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int version = 0x2a00, pids = 15;
	uint32_t n = 0;
	bool good;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	stepd_socket_path(a.sun_path, sizeof a.sun_path, d.dir, "c1", 77, 0, NO_VAL);
	good = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
	       send(fd, &version, sizeof version, MSG_NOSIGNAL) > 0 &&
	       recv(fd, &version, sizeof version, MSG_WAITALL) > 0;
	usleep(600000);
	good = good && send(fd, &pids, sizeof pids, MSG_NOSIGNAL) > 0 &&
	       recv(fd, &n, sizeof n, MSG_WAITALL) > 0;
	close(fd);
	return good && n >= 2;
}

static void test_signals(void)
{
	struct stepd_request q;
	struct stepd_reply r;

	start("trap 'echo usr1' USR1; trap 'echo term; exit 5' TERM; echo up; while :; do sleep 0.1; done", 2);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "step to be signalled starts");
	WAIT_FOR(*out(0) && *out(1));
	wire_init(&stepd_request_desc, &q);
	q.op = STEPD_INFO;
	ok(drive_ask(&d, &q, &r) == E_OK && r.job_id == 77 && r.step_id == 0 && r.state == 2,
	   "info");
	q.op = STEPD_PIDS;
	ok(drive_ask(&d, &q, &r) == E_OK && r.pids_count >= 2, "pids");
	ok(slow_caller(), "who asks slowly is answered");
	q.op = STEPD_STAT;
	ok(drive_ask(&d, &q, &r) == E_OK && r.type == RESPONSE_JOB_STEP_STAT && r.body.len,
	   "stat");
	q.op = STEPD_SIGNAL;
	q.signal = SIGUSR1;
	ok(drive_ask(&d, &q, &r) == E_OK && r.rc == 0, "signal");
	WAIT_FOR(strstr(out(0), "usr1"));
	ok(streq(out(0), "up\nusr1\n"), "arrives");
	q.op = STEPD_NOTIFY;
	q.text = "beware";
	(void)drive_ask(&d, &q, &r);
	WAIT_FOR(strstr(errs(0), "beware"));
	ok(strstr(errs(0), "] error: beware\n"), "notice: %s", flat(errs(0)));
	q.op = STEPD_TIMELIMIT;
	q.signal = 0;
	(void)drive_ask(&d, &q, &r);
	ok(drive_run(&d, 5), "time limit ends it");
	ok(strstr(errs(0), "] error: *** STEP 77.0 ON c1 CANCELLED AT 20") &&
	   strstr(errs(0), " DUE TO TIME LIMIT ***\n"), "and says why");
	ok(d.exit_status[0] == 5 << 8 && strstr(out(1), "term\n"), "TERM comes first");
	start("trap '' TERM; echo up; while :; do sleep 0.1; done", 1);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "stubborn step starts");
	WAIT_FOR(*out(0));
	q.op = STEPD_TERMINATE;
	(void)drive_ask(&d, &q, &r);
	ok(drive_run(&d, 5) && (d.exit_status[0] & 0x7f) == SIGKILL, "killed after KillWait");
	start("sleep 60 & echo $! > held; exec true", 1);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL) && !drive_run(&d, 1),
	   "who holds the output keeps the step");
	(void)drive_ask(&d, &q, &r);
	ok(drive_run(&d, 5), "until it is terminated");
	(void)kill(atoi(slurp("held")), SIGKILL);
	start("sleep 60 >/dev/null 2>&1 & echo $! > left; exec sleep 0.1", 1);
	ok(go(5), "a task may leave something behind");
	ok(kill(atoi(slurp("left")), SIGKILL) == 0, "which linuxproc does not kill");
}

static void test_batch(void)
{
	static const char *env[] = { "PATH=/usr/bin:/bin", "SLURM_JOB_NAME=b", "MINE=1",
				     "SLURM_UMASK=0027", "SLURM_RLIMIT_CORE=0" };
	struct batch_job_launch_msg b;
	static uint16_t cpus[] = { 2 };
	static uint32_t reps[] = { 3 };
	char dir[128], script[160];
	struct stat st;
	FILE *f;

	wire_init(&batch_job_launch_msg_desc, &b);
	b.job_id = 77;
	b.user_name = "root";
	b.array_task_id = NO_VAL;
	b.ntasks = 4;
	b.num_cpu_groups = b.cpus_per_node_count = b.cpu_count_reps_count = 1;
	b.cpus_per_node = cpus;
	b.cpu_count_reps = reps;
	b.nodes = "c[1-3]";
	b.partition = "p";
	b.pn_min_memory = MEM_PER_CPU | 500;
	b.work_dir = d.dir;
	b.environment = env;
	b.environment_count = b.envc = sizeof env / sizeof *env;
	snprintf(dir, sizeof dir, "%s/job00077", d.dir);
	snprintf(script, sizeof script, "%s/slurm_script", dir);
	mkdir(dir, 0750);
	f = fopen(script, "w");
	fprintf(f, "#!/bin/sh\necho \"$@\"; env | sort; umask; echo oops >&2; exit 3\n");
	fclose(f);
	chmod(script, 0700);
	ok(drive_start(&d, REQUEST_BATCH_JOB_LAUNCH, &b, STEP_BATCH, script) &&
	   drive_run(&d, 10), "batch job ends");
	ok(d.batches == 1 && d.job_rc == 3 << 8 && d.slurm_rc == 0, "its exit code");
	ok(strstr(slurp("slurm-77.out"), "\noops\n"), "output file");
	ok(strstr(slurp("slurm-77.out"), "\nSLURM_TASKS_PER_NODE=2,1(x2)\n") &&
	   strstr(slurp("slurm-77.out"), "\nSLURM_JOB_CPUS_PER_NODE=2(x3)\n") &&
	   strstr(slurp("slurm-77.out"), "\nSLURM_MEM_PER_CPU=500\n") &&
	   strstr(slurp("slurm-77.out"), "\nSLURM_NTASKS=4\n") &&
	   strstr(slurp("slurm-77.out"), "\nENVIRONMENT=BATCH\n") &&
	   strstr(slurp("slurm-77.out"), "\nSLURMD_NODENAME=c1\n"), "its environment");
	ok(strstr(slurp("slurm-77.out"), "\nSLURM_STEP_ID=-5\n") &&
	   !strstr(slurp("slurm-77.out"), "SLURM_UMASK") &&
	   !strstr(slurp("slurm-77.out"), "SLURM_RLIMIT") &&
	   strstr(slurp("slurm-77.out"), "\n0027\n"), "and what is not in it");
	ok(stat(dir, &st) < 0, "the script is gone");
}

static void test_pty(void)
{
	start("tty; stty -echo; stty size; read a; echo \"<$a>\"; echo bad >&2", 2);
	m.flags = 4;
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "pty step starts");
	WAIT_FOR(strstr(out(0), "0 0"));
	drive_send(&d, 3, 0xffff, "typed\n", 6);
	ok(drive_run(&d, 5), "pty step ends");
	ok(d.stdout_objs == 1 && d.stderr_objs == 0 && strstr(out(0), "/dev/pts/") &&
	   strstr(out(0), "<typed>\r\nbad\r\n"), "terminal: %s", flat(out(0)));
}

static void test_attach(void)
{
	struct reattach_tasks_request_msg a;
	struct wire_out o = {0};
	struct stepd_request q;
	struct stepd_reply r;

	start("echo early; sleep 2; echo late", 1);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "step to attach to starts");
	WAIT_FOR(*out(0) && d.launches);
	close(d.io);            /* srun goes away, sattach comes */
	d.io = -1;
	strbuf_fini(&d.out[0][0]);
	wire_init(&reattach_tasks_request_msg_desc, &a);
	a.step_id = m.step_id;
	a.io_key = "the key of this step";
	a.num_resp_port = a.num_io_port = 1;
	a.resp_port = &d.port[PORT_RESP];
	a.io_port = &d.port[PORT_IO];
	wire_body_pack(&o, REQUEST_REATTACH_TASKS, &a, d.version);
	wire_init(&stepd_request_desc, &q);
	q.op = STEPD_REATTACH;
	q.body = (struct wire_mem){ o.base, (uint32_t)o.len };
	q.peer = (struct wire_addr){ .family = AF_INET, .ip = { 127, 0, 0, 1 } };
	ok(drive_ask(&d, &q, &r) == E_OK && r.rc == 0 && r.type == RESPONSE_REATTACH_TASKS,
	   "attached");
	ok(drive_run(&d, 5) && streq(out(0), "early\nlate\n") && d.key_good,
	   "backlog, then what is new: %s", flat(out(0)));
	ok(d.exit_messages == 2, "both are told of the end");
	wire_out_fini(&o);
}

static void test_tree(void)
{
	static struct launch_node_tasks nodes[9];
	struct stepd_request q;
	struct stepd_reply r;
	struct step_complete_msg c;
	struct acct_task use = { .node = 3, .task = 3, .user_usec = 5000000 };
	struct acct a;

	start("true", 1);
	m.nnodes = m.ntasks = 9;
	m.complete_nodelist = "c[1-9]";
	for (int i = 0; i < 9; i++)
		nodes[i] = m.node_tasks[0];
	m.node_tasks = nodes;
	m.cred.cred.step_hostlist = "c[1-9]";
	cred_pack(&d, &m.cred);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "first of nine nodes");
	WAIT_FOR(d.exits);
	ok(d.exits == 1 && d.completes == 0, "srun is told before the children report");
	wire_init(&step_complete_msg_desc, &c);
	wire_init(&stepd_request_desc, &q);
	c.step_id = m.step_id;
	c.step_rc = 9;
	acct_init(&a);
	acct_add_task(&a, &use);
	acct_to_wire(&a, &c.jobacct, false, &d.mem);
	q.op = STEPD_COMPLETE;
	for (uint32_t rank = 1; rank < 9; rank += 4) {
		struct wire_out o = {0};

		c.range_first = rank;
		c.range_last = rank + 3;
		wire_body_pack(&o, REQUEST_STEP_COMPLETE, &c, d.version);
		q.body = (struct wire_mem){ o.base, (uint32_t)o.len };
		ok(drive_ask(&d, &q, &r) == E_OK && r.rc == 0, "ranks from %u", rank);
		wire_out_fini(&o);
	}
	ok(drive_run(&d, 5), "ends when all are there");
	ok(d.completes == 1 && d.first == 0 && d.last == 8 && d.step_rc == 9 &&
	   d.acct.user_cpu_sec == 10, "one message for all");
}

static void test_scripts(void)
{
	static const char script[] = "#!/bin/sh\n"
		"echo export FROM_PROLOG=yes\necho print hello from prolog\n"
		"echo unset SLURM_JOB_NAME\n";
	static const char epilog[] = "#!/bin/sh\n"
		"echo $SLURM_SCRIPT_CONTEXT $SLURM_PROCID >> ${0%/*}/epilog-ran\n";
	char path[2][128];
	FILE *f;

	for (int i = 0; i < 2; i++) {
		snprintf(path[i], sizeof path[i], "%s/script%d", d.dir, i);
		f = fopen(path[i], "w");
		fputs(i ? epilog : script, f);
		fclose(f);
		chmod(path[i], 0755);
	}
	start("echo $FROM_PROLOG/$SLURM_JOB_NAME/", 1);
	m.task_prolog = path[0];
	m.task_epilog = path[1];
	ok(go(5) && streq(out(0), "hello from prolog\nyes//\n"), "task prolog: %s", flat(out(0)));
	ok(streq(slurp("epilog-ran"), "epilog_task 0\n"), "task epilog");
}

static void test_login(void)
{
	static const char *env[] = { "SLURM_GET_USER_ENV=1", "SLURM_JOB_NAME=b", "NP=1" };
	struct batch_job_launch_msg b;
	char script[128];
	FILE *f;

	wire_init(&batch_job_launch_msg_desc, &b);
	b.job_id = 77;
	b.array_job_id = 70;
	b.array_task_id = 7;
	b.work_dir = d.dir;
	b.environment = env;
	b.environment_count = b.envc = sizeof env / sizeof *env;
	snprintf(script, sizeof script, "%s/login_script", d.dir);
	f = fopen(script, "w");
	fprintf(f, "#!/bin/sh\necho $HOME $NP $SLURM_ARRAY_TASK_ID\n");
	fclose(f);
	chmod(script, 0700);
	ok(drive_start(&d, REQUEST_BATCH_JOB_LAUNCH, &b, STEP_BATCH, script) &&
	   drive_run(&d, 20), "job with a login environment ends");
	ok(streq(slurp("slurm-70_7.out"), "/root 1 7\n"), "its environment: %s",
	   flat(slurp("slurm-70_7.out")));
}

static void test_memory(void)
{
	struct stepd_request q;
	struct stepd_reply r;

	start("x=$(head -c 200000000 /dev/zero | tr '\\0' x); sleep 20", 1);
	ok(drive_start(&d, REQUEST_LAUNCH_TASKS, &m, 0, NULL), "step of too much memory starts");
	WAIT_FOR(d.kills_asked);
	ok(d.kills_asked == 1 && strstr(errs(0), "exceeded memory limit"),
	   "the controller is asked to kill it: %u %s", d.kills_asked, flat(errs(0)));
	wire_init(&stepd_request_desc, &q);
	q.op = STEPD_SIGNAL;
	q.signal = SIGKILL;
	ok(drive_ask(&d, &q, &r) == E_OK && drive_run(&d, 10) && d.exit_status[0] == SIGKILL &&
	   d.step_rc == SIGKILL, "and does: %u", d.exit_status[0]);
}

int main(int argc, char **argv)
{
	(void)argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!drive_init(&d, argv[0], "JobAcctGatherType=jobacct_gather/linux\n"
			"JobAcctGatherFrequency=1\nJobAcctGatherParams=OverMemoryKill\n")) {
		ok(true, "not root or no munged # SKIP");
		drive_fini(&d);
		return tap_done();
	}
	test_simple();
	test_failures();
	test_env();
	test_input();
	test_volume();
	test_files();
	test_signals();
	test_batch();
	test_pty();
	test_attach();
	test_tree();
	test_scripts();
	test_login();
	test_memory();
	if (tap_failed)
		printf("# %s", slurp("log"));
	drive_fini(&d);
	return tap_done();
}
