/* SPDX-License-Identifier: Apache-2.0 */
#include "slurmd/stepd/test/drive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "auth/rpc.h"

#define JOB 77
#define KEY "the key of this step"

static int listen_any(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 32) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) < 0)
		abort();
	*port = ntohs(a.sin_port);
	return fd;
}

static bool start_munged(struct drive *d)
{
	static const char *const opts[] = { "key-file", "socket", "pid-file", "log-file",
					    "seed-file" };
	char arg[5][128], *argv[16] = { "munged", "--foreground", "--force" };
	char key[128];
	int fd, k = 3;
	struct stat st;

	if (geteuid() != 0 || stat("/usr/sbin/munged", &st) < 0)
		return false;
	snprintf(key, sizeof key, "%s/key-file", d->dir);
	fd = open(key, O_WRONLY | O_CREAT, 0600);
	for (int i = 0; i < 128; i++)
		(void)!write(fd, &i, 1);
	close(fd);
	for (int i = 0; i < 5; i++) {
		snprintf(arg[i], sizeof arg[i], "--%s=%s/%s", opts[i], d->dir, opts[i]);
		argv[k++] = arg[i];
	}
	d->munged = fork();
	if (d->munged == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execv("/usr/sbin/munged", argv);
		_exit(1);
	}
	snprintf(key, sizeof key, "%s/socket", d->dir);
	for (int i = 0; i < 100 && stat(key, &st) < 0; i++)
		usleep(50000);
	return stat(key, &st) == 0;
}

bool drive_init(struct drive *d, const char *program, const char *extra_conf)
{
	struct auth_options o = {0};
	char sock[96], *slash;
	FILE *f;

	memset(d, 0, sizeof *d);
	d->io = -1;
	d->version = WIRE_VERSION_NEWEST;
	snprintf(d->stepd, sizeof d->stepd, "%s", program);
	/* build/slurmd/stepd/test/t_x -> build/sbin/slurmstepd */
	slash = strstr(d->stepd, "slurmd/stepd/test/");
	if (!slash)
		return false;
	strcpy(slash, "sbin/slurmstepd");
	if (getenv("SLURMSTEPD"))
		snprintf(d->stepd, sizeof d->stepd, "%s", getenv("SLURMSTEPD"));
	snprintf(d->dir, sizeof d->dir, "/tmp/t_stepd.XXXXXX");
	if (!mkdtemp(d->dir) || chmod(d->dir, 0755) < 0 || !start_munged(d))
		return false;
	(void)signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < PORT_COUNT; i++)
		d->listener[i] = listen_any(&d->port[i]);
	snprintf(d->conf, sizeof d->conf, "%s/slurm.conf", d->dir);
	snprintf(sock, sizeof sock, "%s/socket", d->dir);
	f = fopen(d->conf, "w");
	fprintf(f, "ClusterName=test\nSlurmctldHost=c1(127.0.0.1)\nSlurmctldPort=%u\n"
		"AuthInfo=socket=%s\nProctrackType=proctrack/linuxproc\nKillWait=1\n"
		"NodeName=c[1-9] NodeAddr=127.0.0.1 Port=%u CPUs=4\n"
		"PartitionName=p Nodes=ALL\n%s",
		d->port[PORT_CTLD], sock, d->port[PORT_CTLD], extra_conf ? extra_conf : "");
	fclose(f);
	o.socket = sock;
	o.allow_replay = true;
	d->auth = auth_new(&o, NULL);
	return true;
}

static void step_reset(struct drive *d)
{
	if (d->io >= 0)
		close(d->io);
	d->io = -1;
	for (int e = 0; e < 2; e++)
		for (int t = 0; t < 16; t++)
			strbuf_fini(&d->out[e][t]);
	strbuf_fini(&d->in);
	d->stdout_objs = d->stderr_objs = d->eofs = d->conn_tests = 0;
	d->launches = d->exits = d->completes = d->batches = d->exit_messages = 0;
	d->launch_rc = d->step_rc = d->job_rc = 0;
	d->key_good = d->io_paused = false;
	memset(d->exit_status, 0xff, sizeof d->exit_status);
	arena_fini(&d->mem);
}

void drive_fini(struct drive *d)
{
	char cmd[128];

	step_reset(d);
	if (d->munged > 0) {
		kill(d->munged, SIGTERM);
		waitpid(d->munged, NULL, 0);
	}
	auth_free(d->auth);
	snprintf(cmd, sizeof cmd, "rm -rf %s", d->dir);
	(void)!system(cmd);
}

static void cred_fill(struct drive *d, struct cred *c, uint32_t step_id)
{
	static uint16_t one[] = { 1 }, four[] = { 4 }, cpus[] = { 4 };
	static uint32_t reps[] = { 1 };
	static uint64_t mem[] = { 100 };
	static uint32_t gids[] = { 0 };
	struct bitset *all = arena_zalloc(&d->mem, bitset_sizeof(4));

	bitset_init(all, 4);
	bitset_set_all(all);
	c->job_core_bitmap = c->step_core_bitmap = all;
	c->step_id.job_id = JOB;
	c->step_id.step_id = step_id;
	c->step_id.step_het_comp = NO_VAL;
	c->id.pw_name = "root";
	c->id.gids = gids;
	c->id.gids_count = 1;
	c->job_end_time = 2000000000;
	c->step_hostlist = c->job_hostlist = "c1";
	c->tot_core_cnt = 4;
	c->core_array_size = 1;
	c->cores_per_socket = one, c->cores_per_socket_count = 1;
	c->sockets_per_node = four, c->sockets_per_node_count = 1;
	c->sock_core_rep_count = reps, c->sock_core_rep_count_count = 1;
	c->cpu_array_count = 1;
	c->cpu_array = cpus, c->cpu_array_n = 1;
	c->cpu_array_reps = reps, c->cpu_array_reps_count = 1;
	c->job_nhosts = 1;
	c->job_mem_alloc_size = 1;
	c->job_mem_alloc = mem, c->job_mem_alloc_count = 1;
	c->job_mem_alloc_rep_count = reps, c->job_mem_alloc_reps = 1;
}

/* The credential is kept as the bytes it was signed as. */
static void cred_pack(struct drive *d, struct cred_signed *c)
{
	struct wire_out o = {0};
	uint8_t *p;

	wire_pack(&o, &cred_desc, &c->cred, d->version);
	p = arena_alloc(&d->mem, o.len);
	memcpy(p, o.base, o.len);
	c->raw = (struct wire_mem){ p, (uint32_t)o.len };
	c->signature = KEY;
	wire_out_fini(&o);
}

void drive_launch_init(struct drive *d, struct launch_tasks_request_msg *m,
		       const char *const *argv, uint32_t ntasks)
{
	static const char *env[] = { "PATH=/usr/bin:/bin", "SLURM_JOB_NAME=test",
				     "SLURM_MPI_TYPE=none", "SLURM_UMASK=0022" };

	step_reset(d);
	wire_init(&launch_tasks_request_msg_desc, m);
	m->step_id.job_id = JOB;
	m->step_id.step_id = 0;
	m->user_name = "root";
	m->ntasks = ntasks;
	m->nnodes = 1;
	m->het_job_id = m->het_job_offset = m->het_job_task_offset = NO_VAL;
	m->node_tasks = arena_zalloc(&d->mem, sizeof *m->node_tasks);
	m->node_tasks[0].count = (uint16_t)ntasks;
	m->node_tasks[0].gtids_count = ntasks;
	m->node_tasks[0].gtids = arena_alloc(&d->mem, ntasks * sizeof(uint32_t));
	for (uint32_t i = 0; i < ntasks; i++)
		m->node_tasks[0].gtids[i] = i;
	m->complete_nodelist = "c1";
	m->num_resp_port = m->num_io_port = 1;
	m->resp_port = &d->port[PORT_RESP];
	m->io_port = &d->port[PORT_IO];
	m->env = env;
	m->env_count = sizeof env / sizeof *env;
	m->cwd = d->dir;
	m->argv = (const char **)argv;
	while (argv && argv[m->argv_count])
		m->argv_count++;
	m->flags = 8;
	m->options.tag = "job_options";
	m->cred_version = wire_version_number(d->version);
	cred_fill(d, &m->cred.cred, 0);
	cred_pack(d, &m->cred);
}

static void batch_cred(struct drive *d, struct batch_job_launch_msg *m)
{
	cred_fill(d, &m->cred.cred, STEP_BATCH);
	m->cred_version = wire_version_number(d->version);
	cred_pack(d, &m->cred);
}

bool drive_start(struct drive *d, uint16_t type, const void *body, uint32_t step_id,
		 const char *script)
{
	struct wire_out o = {0};
	struct stepd_start s;
	int fds[2];
	bool good;

	if (type == REQUEST_BATCH_JOB_LAUNCH) {
		step_reset(d);
		batch_cred(d, (struct batch_job_launch_msg *)body);
	}
	wire_init(&stepd_start_desc, &s);
	wire_body_pack(&o, type, body, d->version);
	s.type = type;
	s.version = wire_version_number(d->version);
	s.body = (struct wire_mem){ o.base, (uint32_t)o.len };
	s.peer = (struct wire_addr){ .family = AF_INET, .ip = { 127, 0, 0, 1 } };
	s.ctld_version = wire_version_number(d->version);
	s.conf_path = d->conf;
	s.node_name = "c1";
	s.spool_dir = d->dir;
	s.job_id = JOB;
	s.step_id = step_id;
	s.script_path = script;
	s.cpus = 4, s.sockets = 4, s.cores = s.threads = s.boards = 1;
	s.log_level = 7;
	s.log_file = arena_printf(&d->mem, "%s/log", d->dir);
	s.user_name = "root";
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	d->pid = fork();
	if (d->pid == 0) {
		dup2(fds[0], 0);
		close(fds[0]);
		close(fds[1]);
		execl(d->stepd, "slurmstepd", (char *)NULL);
		_exit(99);
	}
	close(fds[0]);
	good = stepd_send(fds[1], &stepd_start_desc, &s) == E_OK &&
	       stepd_recv(fds[1], &stepd_started_desc, &d->started, &d->mem, 10000) == E_OK;
	close(fds[1]);
	wire_out_fini(&o);
	if (!good || d->started.rc != 0)
		printf("# not started: %s\n", good && d->started.why ? d->started.why : "?");
	return good && d->started.rc == 0;
}

static void answer(struct drive *d, int fd, const struct wire_frame *f, uint32_t rc)
{
	struct wire_header h = { .version = f->header.version, .type = RESPONSE_SLURM_RC };
	struct return_code_msg b = { .return_code = rc };
	struct wire_out body = {0}, o = {0};
	char *cred = NULL;

	wire_body_pack(&body, h.type, &b, h.version);
	if (auth_sign(d->auth, AUTH_ANY_UID, h.type, 2, body.base, body.len, &cred, NULL) == E_OK) {
		wire_frame_build(&o, &h, AUTH_PLUGIN_MUNGE, cred, body.base, body.len);
		(void)rpc_send(fd, o.base, o.len, 2000);
	}
	free(cred);
	wire_out_fini(&body);
	wire_out_fini(&o);
}

static void note(struct drive *d, uint16_t type, const void *body)
{
	const struct launch_tasks_response_msg *l = body;
	const struct task_exit_msg *t = body;
	const struct step_complete_msg *c = body;
	const struct complete_batch_script_msg *b = body;

	if (type == RESPONSE_LAUNCH_TASKS) {
		d->launches++;
		d->launch_rc = l->return_code;
		for (uint32_t i = 0; i < l->local_pids_count && i < 16; i++)
			d->pids[i] = l->local_pids[i];
	} else if (type == MESSAGE_TASK_EXIT) {
		d->exit_messages++;
		for (uint32_t i = 0; i < t->task_id_list_count; i++, d->exits++)
			d->exit_status[t->task_id_list[i] & 15] = t->return_code;
	} else if (type == REQUEST_STEP_COMPLETE) {
		d->completes++;
		d->first = c->range_first;
		d->last = c->range_last;
		d->step_rc = c->step_rc;
		wire_copy(&jobacctinfo_desc, &d->acct, &c->jobacct, &d->mem);
	} else if (type == REQUEST_CANCEL_JOB_STEP) {
		d->kills_asked++;
	} else if (type == REQUEST_COMPLETE_BATCH_SCRIPT) {
		d->batches++;
		d->job_rc = b->job_rc;
		d->slurm_rc = b->slurm_rc;
		wire_copy(&jobacctinfo_desc, &d->acct, &b->jobacct, &d->mem);
	}
}

static void serve_rpc(struct drive *d, int listener)
{
	struct arena mem = {0};
	const struct wire_type *t;
	struct wire_frame f;
	uint8_t *bytes;
	size_t len;
	void *body;
	int fd = accept(listener, NULL, NULL);

	if (rpc_recv(fd, &mem, &bytes, &len, 3000) == E_OK &&
	    wire_frame_parse(bytes, len, &mem, &f) == E_OK &&
	    wire_body_unpack(&f, &mem, &t, &body) == E_OK) {
		note(d, f.header.type, body);
		answer(d, fd, &f, 0);
	}
	close(fd);
	arena_fini(&mem);
}

static uint32_t number(const uint8_t *p, int bytes)
{
	uint32_t v = 0;

	while (bytes--)
		v = v << 8 | *p++;
	return v;
}

static void serve_connect(struct drive *d)
{
	uint8_t b[4096];
	uint32_t len;
	int fd = accept(d->listener[PORT_IO], NULL, NULL);

	if (recv(fd, b, 4, MSG_WAITALL) != 4 || (len = number(b, 4)) > sizeof b ||
	    recv(fd, b, len, MSG_WAITALL) != (ssize_t)len) {
		close(fd);
		return;
	}
	d->io_version = (uint16_t)number(b, 2);
	d->io_node = number(b + 2, 4);
	d->stdout_objs = number(b + 6, 4);
	d->stderr_objs = number(b + 10, 4);
	d->key_good = number(b + 14, 4) == sizeof KEY && !memcmp(b + 18, KEY, sizeof KEY);
	d->io = fd;
}

static bool packet(struct drive *d)
{
	const uint8_t *p = (const uint8_t *)d->in.s;
	uint32_t type, task, len;

	if (d->in.len < 10 || d->in.len < 10 + (len = number(p + 6, 4)))
		return false;
	type = number(p, 2);
	task = number(p + 2, 2) & 15;
	if (type == 4)
		d->conn_tests++;
	else if (len == 0)
		d->eofs++;
	else
		strbuf_addn(&d->out[type == 2][task], d->in.s + 10, len);
	d->in.len -= 10 + len;
	memmove(d->in.s, d->in.s + 10 + len, d->in.len);
	return true;
}

static void serve_io(struct drive *d)
{
	char b[4096];
	ssize_t n = recv(d->io, b, sizeof b, 0);

	if (n <= 0) {
		close(d->io);
		d->io = -1;
		return;
	}
	strbuf_addn(&d->in, b, (size_t)n);
	while (packet(d))
		;
	if (d->eofs == d->stdout_objs + d->stderr_objs && d->eofs) {
		close(d->io);
		d->io = -1;
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool drive_run(struct drive *d, double seconds)
{
	double end = now() + seconds;
	int status;

	while (now() < end) {
		struct pollfd p[4] = {
			{ .fd = d->listener[PORT_IO], .events = POLLIN },
			{ .fd = d->listener[PORT_RESP], .events = POLLIN },
			{ .fd = d->listener[PORT_CTLD], .events = POLLIN },
			{ .fd = d->io_paused ? -1 : d->io, .events = POLLIN }
		};

		if (poll(p, 4, 20) > 0) {
			if (p[0].revents)
				serve_connect(d);
			if (p[1].revents)
				serve_rpc(d, p[1].fd);
			if (p[2].revents)
				serve_rpc(d, p[2].fd);
			if (p[3].revents && d->io >= 0)
				serve_io(d);
			continue;
		}
		if (waitpid(d->pid, &status, WNOHANG) == d->pid)
			return true;
	}
	return false;
}

enum err drive_ask(struct drive *d, struct stepd_request *q, struct stepd_reply *r)
{
	char path[128];

	stepd_socket_path(path, sizeof path, d->dir, "c1", JOB, 0, NO_VAL);
	if (q->version == 0)
		q->version = wire_version_number(d->version);
	return stepd_ask(path, q, r, &d->mem, 3000);
}

void drive_send(struct drive *d, uint16_t type, uint16_t gtid, const void *p, size_t n)
{
	uint8_t h[10] = { 0, (uint8_t)type, (uint8_t)(gtid >> 8), (uint8_t)gtid, 0xff, 0xff,
			  0, 0, (uint8_t)(n >> 8), (uint8_t)n };

	(void)!send(d->io, h, sizeof h, MSG_NOSIGNAL);
	if (n)
		(void)!send(d->io, p, n, MSG_NOSIGNAL);
}
