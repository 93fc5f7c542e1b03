/* SPDX-License-Identifier: Apache-2.0
 *
 * A tool, not a test: build and sign a launch credential ourselves, launch one
 * task with it on a stock slurmd, and show what the node daemon says.
 *
 *   launch PORT MUNGE-SOCKET PROTOCOL NODE-NAME CORES [good|old|replay|forged|other-node]
 *
 * Run as root or SlurmUser of that slurmd.  Exit status 0: the answer was the
 * one that the last argument calls for. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/cred.h"
#include "auth/rpc.h"

static struct auth *self;

static int listener(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	socklen_t n = sizeof sin;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(fd, (struct sockaddr *)&sin, n) || listen(fd, 8) ||
	    getsockname(fd, (struct sockaddr *)&sin, &n))
		abort();
	*port = ntohs(sin.sin_port);
	return fd;
}

static void cred_fill(struct cred *c, const char *node, uint32_t job, uint16_t cores,
		      struct arena *mem)
{
	static uint16_t one = 1;
	static uint32_t rep = 1;
	static uint64_t mb = 100;
	static uint32_t gid;
	uint16_t *sockets = arena_alloc(mem, sizeof *sockets);
	struct bitset *b = arena_alloc(mem, bitset_sizeof(cores));

	*sockets = cores;
	bitset_init(b, cores);
	bitset_set(b, 0);
	c->step_id.job_id = job;
	c->step_id.step_id = 0;
	c->step_id.step_het_comp = NO_VAL;
	c->id.uid = geteuid();
	c->id.gid = gid = getegid();
	c->id.gids = &gid, c->id.gids_count = 1;
	c->job_core_spec = (uint16_t)NO_VAL16;
	c->job_partition = "p";
	c->step_hostlist = c->job_hostlist = node;
	c->ctime = time(NULL);
	c->job_start_time = c->ctime;
	c->job_end_time = c->ctime + 600;
	c->tot_core_cnt = cores;
	c->job_core_bitmap = c->step_core_bitmap = b;
	c->core_array_size = 1;
	c->cores_per_socket = &one, c->cores_per_socket_count = 1;
	c->sockets_per_node = sockets, c->sockets_per_node_count = 1;
	c->sock_core_rep_count = &rep, c->sock_core_rep_count_count = 1;
	c->cpu_array_count = 1;
	c->cpu_array = &one, c->cpu_array_n = 1;
	c->cpu_array_reps = &rep, c->cpu_array_reps_count = 1;
	c->job_nhosts = 1;
	c->job_ntasks = 1;
	c->job_mem_alloc_size = 1;
	c->job_mem_alloc = &mb, c->job_mem_alloc_count = 1;
	c->job_mem_alloc_rep_count = &rep, c->job_mem_alloc_reps = 1;
}

static void launch_fill(struct launch_tasks_request_msg *m, uint32_t job, const char *node,
			uint16_t *resp_port, uint16_t *io_port, const char **env)
{
	static const char *argv[] = { "/bin/sh", "-c", "echo task of $SLURM_JOB_ID" };
	static uint32_t tid, rep = 1;
	static uint16_t one = 1;
	static struct launch_node_tasks tasks = { .count = 1, .gtids = &tid, .gtids_count = 1 };

	m->step_id.job_id = job;
	m->step_id.step_id = 0;
	m->step_id.step_het_comp = NO_VAL;
	m->uid = geteuid();
	m->gid = getegid();
	m->user_name = "root";
	m->gids = &tid, m->gids_count = 1;
	m->het_job_node_offset = m->het_job_id = m->het_job_nnodes = NO_VAL;
	m->het_job_ntasks = m->het_job_offset = m->het_job_step_cnt = NO_VAL;
	m->het_job_task_offset = NO_VAL;
	m->ntasks = m->nnodes = 1;
	m->cpus_per_task = 1;
	m->cpt_compact_array = &one, m->cpt_compact_array_count = 1;
	m->cpt_compact_reps = &rep, m->cpt_compact_reps_count = 1;
	m->ntasks_per_board = m->ntasks_per_core = m->ntasks_per_socket = 0xffff;
	m->ntasks_per_tres = m->threads_per_core = (uint16_t)NO_VAL16;
	m->task_dist = 1;
	m->node_cpus = 1;
	m->job_core_spec = (uint16_t)NO_VAL16;
	m->node_tasks = &tasks;
	m->num_resp_port = 1, m->resp_port = resp_port;
	m->num_io_port = 1, m->io_port = io_port;
	env[0] = "PATH=/usr/bin:/bin";
	env[2] = "SLURM_MPI_TYPE=none";
	m->env = env, m->env_count = 3;
	m->cwd = "/tmp";
	m->argv = argv, m->argv_count = 3;
	m->flags = 8;
	m->options.tag = "job_options";
	m->complete_nodelist = node;
	m->cpu_freq_min = m->cpu_freq_max = m->cpu_freq_gov = NO_VAL;
}

/* One message of the step daemon; true when it was the task's end. */
static bool step_message(int listen_fd)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	struct arena mem = {0};
	struct wire_out o = {0};
	struct wire_frame f;
	struct auth_identity id;
	struct err_text why = {0};
	const struct wire_type *t;
	struct return_code_msg rc = {0};
	void *body = NULL;
	uint8_t *bytes;
	size_t len;
	bool last = false;
	enum err e = rpc_recv(fd, &mem, &bytes, &len, 3000);

	if (!e)
		e = wire_frame_parse(bytes, len, &mem, &f);
	if (!e)
		e = auth_verify(self, &f, &id, &why, NULL);
	if (!e)
		e = wire_body_unpack(&f, &mem, &t, &body);
	if (e) {
		printf("step daemon: %s %s\n", err_str(e), why.text);
	} else {
		printf("step daemon: %s\n", t->name);
		if (t->number == RESPONSE_LAUNCH_TASKS)
			printf("  launched with %u\n",
			       ((struct launch_tasks_response_msg *)body)->return_code);
		if (t->number == MESSAGE_TASK_EXIT) {
			printf("  exit status %u\n", ((struct task_exit_msg *)body)->return_code);
			last = true;
		}
		if (!rpc_reply_build(self, NULL, &f, &id, RESPONSE_SLURM_RC, &rc, &o, NULL))
			(void)rpc_send(fd, o.base, o.len, 1000);
	}
	wire_out_fini(&o);
	arena_fini(&mem);
	(void)close(fd);
	return last;
}

/* Answer the step daemon until its task has ended. */
static void attend(int resp_fd, int io_fd)
{
	struct pollfd p[3] = { { .fd = resp_fd, .events = POLLIN },
			       { .fd = io_fd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };
	char buf[4096];

	while (poll(p, 3, 5000) > 0) {
		if (p[1].revents)
			p[2].fd = accept4(io_fd, NULL, NULL, SOCK_CLOEXEC);
		if (p[2].revents) {
			ssize_t n = read(p[2].fd, buf, sizeof buf);

			if (n <= 0) {
				(void)close(p[2].fd);
				p[2].fd = -1;
			}
			for (ssize_t k = 0; k + 7 < n; k++)
				if (!memcmp(buf + k, "task of ", 8))
					printf("output: %.*s", (int)(n - k), buf + k);
		}
		if (p[0].revents && step_message(resp_fd))
			return;
	}
}

int main(int argc, char **argv)
{
	const char *how = argc > 6 ? argv[6] : "good";
	struct launch_tasks_request_msg m;
	struct cred_signed other;
	struct arena mem = {0};
	struct err_text why = {0};
	struct rpc_reply r;
	struct wire_addr to;
	enum wire_version v;
	uint16_t resp_port, io_port;
	const char *env[3];
	uint32_t job = 100000 + (uint32_t)getpid() % 100000;
	int resp_fd = listener(&resp_port), io_fd = listener(&io_port), code = -1;
	enum err e;

	if (argc < 6 || !wire_version_find((uint16_t)(atoi(argv[3]) << 8), &v))
		return 2;
	self = auth_new(&(struct auth_options){ .socket = argv[2], .allow_replay = true }, NULL);
	wire_init(&launch_tasks_request_msg_desc, &m);
	launch_fill(&m, job, argv[4], &resp_port, &io_port, env);
	/* until 23.02 the plugin's number, then what the environment says */
	m.mpi_plugin_id = atoi(argv[3]) < 40 ? 101 : NO_VAL;
	env[1] = arena_printf(&mem, "SLURM_JOB_ID=%u", job);
	m.cred_version = wire_version_number(v);
	cred_fill(&m.cred.cred, streq(how, "other-node") ? "elsewhere" : argv[4], job,
		  (uint16_t)atoi(argv[5]), &mem);
	if (streq(how, "old"))
		m.cred.cred.ctime -= 200;
	e = cred_sign(self, &m.cred, v, &mem, &why);
	if (!e && streq(how, "forged")) {       /* the signature of another one */
		other = m.cred;
		other.cred.job_ntasks = 2;
		other.raw.len = 0;
		e = cred_sign(self, &other, v, &mem, &why);
		m.cred.signature = other.signature;
	}
	if (!e)
		e = rpc_resolve("127.0.0.1", (uint16_t)atoi(argv[1]), &to);
	for (int k = streq(how, "replay") ? 0 : 1; !e && k < 2; k++) {
		e = rpc_call(self, &to, v, AUTH_ANY_UID, REQUEST_LAUNCH_TASKS, &m, 10000, &r, &why);
		if (!e) {
			code = rpc_reply_code(&r);
			if (r.type->number == RESPONSE_LAUNCH_TASKS)
				code = (int)((struct launch_tasks_response_msg *)r.body)->return_code;
			rpc_reply_fini(&r);
		}
		if (!e && code == 0)
			attend(resp_fd, io_fd);
	}
	printf("%s %s: %d %s; %s\n", wire_version_name(v), how, e ? (int)e : code,
	       err_str(e ? (int)e : code), why.text);
	arena_fini(&mem);
	auth_free(self);
	return (e ? (int)e : code) != 0 && streq(how, "good");
}
