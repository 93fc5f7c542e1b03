/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sbench - load generator driven through the public client library (libslurm).
 *
 * Because it only uses documented client calls, the same binary loads any
 * controller that answers that release's wire protocol.  Every figure is one
 * line of JSON on stdout.
 *
 *   sbench submit  --clients N --count TOTAL [--hold] [--array K] ...
 *   sbench query   --what jobs|nodes|parts|ping|stats --calls N
 *   sbench storm   --pollers N --submitters M --seconds S [--what jobs]
 *   sbench stats
 *   sbench drain   --target N        wait until N jobs have completed
 *   sbench count                     number of job records by state
 *   sbench wait-up --timeout S       time until the first answered RPC
 *
 * Common: --label TXT  --pid PID (daemon whose CPU is charged)
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

/* ---- byte counting: interpose the two calls libslurm reads sockets with -- */
static _Thread_local uint64_t rx_bytes;

ssize_t recv(int fd, void *buf, size_t n, int fl)
{
	ssize_t r = syscall(SYS_recvfrom, fd, buf, n, fl, NULL, NULL);
	if (r > 0 && !(fl & MSG_PEEK))
		rx_bytes += (uint64_t) r;
	return r;
}

ssize_t read(int fd, void *buf, size_t n)
{
	ssize_t r = syscall(SYS_read, fd, buf, n);
	if (r > 0 && fd > 2)
		rx_bytes += (uint64_t) r;
	return r;
}

/* ---- small helpers ------------------------------------------------------ */
static const char *label = "unlabelled";
static pid_t daemon_pid;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* CPU seconds (user+sys) the daemon has used, exited threads included.
 * clock_getcpuclockid is the same counter as /proc/PID/stat with ns grain. */
static double daemon_cpu(void)
{
	clockid_t c;
	struct timespec t;
	if (!daemon_pid || clock_getcpuclockid(daemon_pid, &c) ||
	    clock_gettime(c, &t))
		return 0.0 / 0.0;
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static long daemon_status_kb(const char *key)
{
	char path[64], line[256];
	long v = -1;
	if (!daemon_pid)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/status", daemon_pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return -1;
	size_t l = strlen(key);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, l)) {
			v = atol(line + l + 1);
			break;
		}
	fclose(f);
	return v;
}

static int cmpf(const void *a, const void *b)
{
	float x = *(const float *) a, y = *(const float *) b;
	return (x > y) - (x < y);
}

static double pct(const float *v, long n, double p)
{
	if (n <= 0)
		return 0;
	long i = (long) (p * (n - 1) + 0.5);
	return v[i];
}

static void *shared(size_t n)
{
	void *p = mmap(NULL, n ? n : 1, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		perror("mmap");
		exit(2);
	}
	return p;
}

/* JSON number or null */
static const char *jnum(double v, char *b, size_t n)
{
	if (v != v)
		return "null";
	snprintf(b, n, "%.6g", v);
	return b;
}
#define J(v) jnum((v), (char[40]){ 0 }, 40)

/* ---- job description ---------------------------------------------------- */
struct jobspec {
	int hold, array, nodes, cpus, env_kb, tlimit, spread_tlimit;
	const char *name, *part, *script;
};

static char *fake_env[300];
static int fake_envc;

static void make_env(int kb)
{
	fake_envc = 0;
	fake_env[fake_envc++] = "PATH=/usr/bin:/bin";
	fake_env[fake_envc++] = "SHELL=/bin/sh";
	for (int i = 0; i < kb * 8 && fake_envc < 298; i++) {
		char *s = malloc(128);
		memset(s, 'x', 127);
		s[127] = 0;
		int n = snprintf(s, 40, "SBENCH_VAR_%03d=", i);
		s[n] = 'y';
		fake_env[fake_envc++] = s;
	}
	fake_env[fake_envc] = NULL;
}

static int submit_one(const struct jobspec *js, uint32_t *id, long seq)
{
	static char *argv0[] = { "sbench", NULL };
	job_desc_msg_t d;
	submit_response_msg_t *r = NULL;
	char arr[32];

	slurm_init_job_desc_msg(&d);
	d.name = (char *) js->name;
	d.user_id = getuid();
	d.group_id = getgid();
	d.script = (char *) js->script;
	d.work_dir = "/tmp";
	d.std_out = "/dev/null";
	d.std_err = "/dev/null";
	d.std_in = "/dev/null";
	d.argc = 1;
	d.argv = argv0;
	d.environment = fake_env;
	d.env_size = fake_envc;
	d.min_nodes = js->nodes;
	d.num_tasks = js->nodes;
	d.cpus_per_task = js->cpus;
	d.min_cpus = js->nodes * js->cpus;
	d.time_limit = js->tlimit;
	if (js->spread_tlimit)
		d.time_limit += seq % js->spread_tlimit;
	d.alloc_node = "localhost";
	if (js->part)
		d.partition = (char *) js->part;
	if (js->hold)
		d.priority = 0;
	if (js->array > 0) {
		snprintf(arr, sizeof(arr), "0-%d", js->array - 1);
		d.array_inx = arr;
	}
	int rc = slurm_submit_batch_job(&d, &r);
	if (rc == 0 && r) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
		*id = r->step_id.job_id;
#else
		*id = r->job_id;
#endif
		slurm_free_submit_response_response_msg(r);
		return 0;
	}
	return errno ? errno : -1;
}

/* ---- submit -------------------------------------------------------------- */
struct shm {
	atomic_long next, ok, fail, stop;
	atomic_uint maxid;
	atomic_int lasterr;
};

static void do_submit(int clients, long count, struct jobspec *js,
		      const char *acklog)
{
	struct shm *s = shared(sizeof(*s));
	float *lat = shared(sizeof(float) * (size_t) (count + 1));
	uint32_t *ids = shared(sizeof(uint32_t) * (size_t) (count + 1));
	int *go = shared(sizeof(int));
	make_env(js->env_kb);

	pid_t *kids = calloc((size_t) clients, sizeof(pid_t));
	for (int c = 0; c < clients; c++) {
		kids[c] = fork();
		if (kids[c])
			continue;
		while (!*(volatile int *) go)
			usleep(500);
		for (;;) {
			long i = atomic_fetch_add(&s->next, 1);
			if (i >= count)
				_exit(0);
			uint32_t id = 0;
			double t = now();
			int rc = submit_one(js, &id, i);
			lat[i] = (float) ((now() - t) * 1e3);
			if (rc == 0) {
				ids[i] = id;
				atomic_fetch_add(&s->ok, 1);
			} else {
				atomic_store(&s->lasterr, rc);
				if (atomic_fetch_add(&s->fail, 1) > 50 &&
				    atomic_load(&s->ok) == 0)
					_exit(1);
			}
		}
	}
	usleep(100000);
	double c0 = daemon_cpu(), t0 = now();
	*go = 1;
	for (int c = 0; c < clients; c++)
		waitpid(kids[c], NULL, 0);
	double t1 = now(), c1 = daemon_cpu();
	long ok = atomic_load(&s->ok), fail = atomic_load(&s->fail);
	struct rusage ru;
	getrusage(RUSAGE_CHILDREN, &ru);
	double cc = ru.ru_utime.tv_sec + ru.ru_stime.tv_sec +
		(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1e-6;
	if (acklog) {
		FILE *f = fopen(acklog, "w");
		for (long i = 0; f && i < count; i++)
			if (ids[i])
				fprintf(f, "%u\n", ids[i]);
		if (f)
			fclose(f);
	}
	long n = 0;
	for (long i = 0; i < count; i++)
		if (lat[i] > 0)
			lat[n++] = lat[i];
	qsort(lat, (size_t) n, sizeof(float), cmpf);
	int le = atomic_load(&s->lasterr);
	printf("{\"label\":\"%s\",\"bench\":\"submit\",\"clients\":%d,"
	       "\"hold\":%d,\"array\":%d,\"ok\":%ld,\"fail\":%ld,"
	       "\"wall_s\":%.4f,\"jobs_per_s\":%.2f,\"p50_ms\":%.3f,"
	       "\"p90_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f,"
	       "\"ctld_cpu_s\":%s,\"cpu_s_per_1k_rpc\":%s,"
	       "\"client_cpu_s_per_1k\":%s,"
	       "\"rss_kb\":%ld,\"last_error\":\"%s\"}\n",
	       label, clients, js->hold, js->array, ok, fail, t1 - t0,
	       ok / (t1 - t0), pct(lat, n, .50), pct(lat, n, .90),
	       pct(lat, n, .99), n ? lat[n - 1] : 0.0, J(c1 - c0),
	       J(ok ? (c1 - c0) * 1000.0 / ok : 0.0 / 0.0),
	       J(ok ? cc * 1000.0 / ok : 0.0 / 0.0),
	       daemon_status_kb("VmRSS:"), le ? slurm_strerror(le) : "");
}

/* ---- query --------------------------------------------------------------- */
static long query_once(const char *what, long *records)
{
	int rc = -1;
	*records = 0;
	if (!strcmp(what, "jobs")) {
		job_info_msg_t *m = NULL;
		rc = slurm_load_jobs(0, &m, SHOW_ALL);
		if (!rc && m) {
			*records = m->record_count;
			slurm_free_job_info_msg(m);
		}
	} else if (!strcmp(what, "nodes")) {
		node_info_msg_t *m = NULL;
		rc = slurm_load_node(0, &m, SHOW_ALL);
		if (!rc && m) {
			*records = m->record_count;
			slurm_free_node_info_msg(m);
		}
	} else if (!strcmp(what, "parts")) {
		partition_info_msg_t *m = NULL;
		rc = slurm_load_partitions(0, &m, SHOW_ALL);
		if (!rc && m) {
			*records = m->record_count;
			slurm_free_partition_info_msg(m);
		}
	} else if (!strcmp(what, "ping")) {
		rc = slurm_ping(0);
		*records = 1;
	} else if (!strcmp(what, "stats")) {
		stats_info_response_msg_t *m = NULL;
		stats_info_request_msg_t rq = { .command_id = STAT_COMMAND_GET };
		rc = slurm_get_statistics(&m, &rq);
		*records = 1;
	}
	return rc;
}

static void do_query(const char *what, long calls, double maxs)
{
	float *lat = calloc((size_t) calls + 1, sizeof(float));
	long rec = 0, bad = 0, n = 0;
	query_once(what, &rec);	/* warm */
	uint64_t b0 = rx_bytes;
	double c0 = daemon_cpu(), t0 = now();
	for (long i = 0; i < calls; i++) {
		double t = now();
		if (query_once(what, &rec))
			bad++;
		lat[n++] = (float) ((now() - t) * 1e3);
		if (now() - t0 > maxs)
			break;
	}
	double t1 = now(), c1 = daemon_cpu();
	double by = (double) (rx_bytes - b0) / (double) n;
	qsort(lat, (size_t) n, sizeof(float), cmpf);
	printf("{\"label\":\"%s\",\"bench\":\"query\",\"what\":\"%s\","
	       "\"records\":%ld,\"calls\":%ld,\"errors\":%ld,"
	       "\"p50_ms\":%.3f,\"p90_ms\":%.3f,\"p99_ms\":%.3f,"
	       "\"bytes_per_call\":%.0f,\"bytes_per_record\":%.1f,"
	       "\"ctld_cpu_ms_per_call\":%s,\"wall_s\":%.3f,\"rss_kb\":%ld}\n",
	       label, what, rec, n, bad, pct(lat, n, .5), pct(lat, n, .9),
	       pct(lat, n, .99), by, rec ? by / rec : 0,
	       J((c1 - c0) * 1e3 / n), t1 - t0, daemon_status_kb("VmRSS:"));
}

/* ---- storm: pollers and submitters together ------------------------------ */
static void do_storm(int pollers, int submitters, double secs,
		     const char *what, double pause_s, double spause_s,
		     struct jobspec *js)
{
	enum { MAXL = 2000000 };
	struct shm *s = shared(sizeof(*s));
	float *sl = shared(sizeof(float) * MAXL), *pl = shared(sizeof(float) * MAXL);
	atomic_long *ns = shared(sizeof(*ns) * 4);
	make_env(js->env_kb);
	int total = pollers + submitters;
	pid_t *kids = calloc((size_t) total, sizeof(pid_t));
	double c0 = daemon_cpu(), t0 = now();
	for (int k = 0; k < total; k++) {
		kids[k] = fork();
		if (kids[k])
			continue;
		double end = t0 + secs;
		long rec;
		if (k < pollers) {
			if (pause_s > 0)	/* spread the pollers out */
				usleep((useconds_t) (pause_s * 1e6 * k / pollers));
			while (now() < end) {
				double t = now();
				int rc = query_once(what, &rec);
				long i = atomic_fetch_add(&ns[1], 1);
				if (i < MAXL)
					pl[i] = (float) ((now() - t) * 1e3);
				if (rc)
					atomic_fetch_add(&ns[2], 1);
				if (pause_s > 0)
					usleep((useconds_t) (pause_s * 1e6));
			}
		} else {
			while (now() < end) {
				uint32_t id;
				double t = now();
				int rc = submit_one(js, &id, 0);
				long i = atomic_fetch_add(&ns[0], 1);
				if (i < MAXL)
					sl[i] = (float) ((now() - t) * 1e3);
				if (rc)
					atomic_fetch_add(&ns[3], 1);
				if (spause_s > 0)
					usleep((useconds_t) (spause_s * 1e6));
			}
		}
		_exit(0);
	}
	for (int k = 0; k < total; k++)
		waitpid(kids[k], NULL, 0);
	double t1 = now(), c1 = daemon_cpu();
	long n0 = atomic_load(&ns[0]), n1 = atomic_load(&ns[1]);
	qsort(sl, (size_t) n0, sizeof(float), cmpf);
	qsort(pl, (size_t) n1, sizeof(float), cmpf);
	(void) s;
	printf("{\"label\":\"%s\",\"bench\":\"storm\",\"what\":\"%s\","
	       "\"pollers\":%d,\"submitters\":%d,\"wall_s\":%.2f,"
	       "\"submits_per_s\":%.2f,\"submit_p50_ms\":%.2f,"
	       "\"submit_p99_ms\":%.2f,\"submit_max_ms\":%.2f,"
	       "\"submit_errors\":%ld,\"polls_per_s\":%.2f,"
	       "\"poll_p50_ms\":%.2f,\"poll_p99_ms\":%.2f,\"poll_errors\":%ld,"
	       "\"ctld_cpu_s\":%s,\"ctld_cores\":%s}\n",
	       label, what, pollers, submitters, t1 - t0, n0 / (t1 - t0),
	       pct(sl, n0, .5), pct(sl, n0, .99), n0 ? sl[n0 - 1] : 0.0,
	       atomic_load(&ns[3]), n1 / (t1 - t0), pct(pl, n1, .5),
	       pct(pl, n1, .99), atomic_load(&ns[2]), J(c1 - c0),
	       J((c1 - c0) / (t1 - t0)));
}

/* ---- stats / drain / count / wait-up ------------------------------------- */
static stats_info_response_msg_t *get_stats(void)
{
	stats_info_response_msg_t *m = NULL;
	stats_info_request_msg_t rq = { .command_id = STAT_COMMAND_GET };
	if (slurm_get_statistics(&m, &rq))
		return NULL;
	return m;
}

static void do_stats(void)
{
	stats_info_response_msg_t *m = get_stats();
	if (!m) {
		printf("{\"label\":\"%s\",\"bench\":\"stats\",\"error\":\"%s\"}\n",
		       label, slurm_strerror(errno));
		exit(1);
	}
	printf("{\"label\":\"%s\",\"bench\":\"stats\",\"submitted\":%u,"
	       "\"started\":%u,\"completed\":%u,\"pending\":%u,\"running\":%u,"
	       "\"agent_queue\":%u,\"threads\":%u,"
	       "\"sched_cycles\":%u,\"sched_last_us\":%u,\"sched_max_us\":%u,"
	       "\"sched_mean_us\":%.0f,\"sched_mean_depth\":%.1f,"
	       "\"bf_cycles\":%u,\"bf_last_us\":%u,\"bf_max_us\":%u,"
	       "\"bf_mean_us\":%.0f,\"bf_last_depth\":%u,"
	       "\"bf_last_depth_try\":%u,\"bf_queue_len\":%u,\"bf_table\":%u,"
	       "\"bf_jobs\":%u,\"bf_active\":%u,\"ctld_cpu_s\":%s,\"rss_kb\":%ld}\n",
	       label, m->jobs_submitted, m->jobs_started, m->jobs_completed,
	       m->jobs_pending, m->jobs_running, m->agent_queue_size,
	       m->server_thread_count, m->schedule_cycle_counter,
	       m->schedule_cycle_last, m->schedule_cycle_max,
	       m->schedule_cycle_counter ?
	       (double) m->schedule_cycle_sum / m->schedule_cycle_counter : 0.0,
	       m->schedule_cycle_counter ?
	       (double) m->schedule_cycle_depth / m->schedule_cycle_counter : 0.0,
	       m->bf_cycle_counter, m->bf_cycle_last, m->bf_cycle_max,
	       m->bf_cycle_counter ?
	       (double) m->bf_cycle_sum / m->bf_cycle_counter : 0.0,
	       m->bf_last_depth, m->bf_last_depth_try, m->bf_queue_len,
	       m->bf_table_size, m->bf_backfilled_jobs, m->bf_active,
	       J(daemon_cpu()), daemon_status_kb("VmRSS:"));
}

static void do_reset(void)
{
	stats_info_request_msg_t rq = { .command_id = STAT_COMMAND_RESET };
	int rc = slurm_reset_statistics(&rq);
	printf("{\"label\":\"%s\",\"bench\":\"reset\",\"rc\":%d}\n", label, rc);
}

/* end to end: submit `count` runnable jobs, wait until all have completed */
static void do_e2e(int clients, long count, struct jobspec *js, double maxs,
		   long expect)
{
	stats_info_response_msg_t *m = get_stats();
	if (!m) {
		fprintf(stderr, "no stats\n");
		exit(1);
	}
	uint32_t done0 = m->jobs_completed + m->jobs_failed + m->jobs_canceled;
	uint32_t st0 = m->jobs_started;
	make_env(js->env_kb);
	struct shm *s = shared(sizeof(*s));
	double *tsub = shared(sizeof(double) * 2);
	double c0 = daemon_cpu(), t0 = now();
	pid_t boss = fork();
	if (!boss) {
		for (int c = 0; c < clients; c++)
			if (!fork()) {
				while (atomic_fetch_add(&s->next, 1) < count) {
					uint32_t id;
					if (submit_one(js, &id, 0))
						atomic_fetch_add(&s->fail, 1);
					else
						atomic_fetch_add(&s->ok, 1);
				}
				_exit(0);
			}
		while (wait(NULL) > 0)
			;
		tsub[0] = now();
		_exit(0);
	}
	uint32_t done = 0, started = 0, peakrun = 0;
	double tend = 0, thalf = 0, chalf = 0;
	while (now() - t0 < maxs) {
		usleep(count < 50 ? 2000 : 200000);
		m = get_stats();
		if (!m)
			continue;
		done = m->jobs_completed + m->jobs_failed + m->jobs_canceled - done0;
		started = m->jobs_started - st0;
		if (m->jobs_running > peakrun)
			peakrun = m->jobs_running;
		tend = now();
		if (!thalf && done * 2 >= expect)
			thalf = tend, chalf = daemon_cpu();
		if (done >= expect)
			break;
	}
	double c1 = daemon_cpu();
	(void) chalf;
	kill(boss, SIGKILL);
	waitpid(boss, NULL, 0);
	printf("{\"label\":\"%s\",\"bench\":\"e2e\",\"clients\":%d,"
	       "\"submitted\":%ld,\"submit_fail\":%ld,\"array\":%d,"
	       "\"expect\":%ld,\"started\":%u,\"completed\":%u,"
	       "\"submit_wall_s\":%.3f,\"wall_s\":%.3f,\"jobs_per_s\":%.2f,"
	       "\"ctld_cpu_s\":%s,\"cpu_s_per_1k_jobs\":%s,\"peak_running\":%u,"
	       "\"rss_kb\":%ld}\n",
	       label, clients, atomic_load(&s->ok), atomic_load(&s->fail),
	       js->array, expect, started, done,
	       tsub[0] ? tsub[0] - t0 : -1, tend - t0, done / (tend - t0),
	       J(c1 - c0), J(done ? (c1 - c0) * 1e3 / done : 0.0 / 0.0), peakrun,
	       daemon_status_kb("VmRSS:"));
}

static void do_count(void)
{
	job_info_msg_t *m = NULL;
	if (slurm_load_jobs(0, &m, SHOW_ALL) || !m) {
		printf("{\"label\":\"%s\",\"bench\":\"count\",\"error\":\"%s\"}\n",
		       label, slurm_strerror(errno));
		exit(1);
	}
	long st[16] = { 0 };
	long held = 0;
	for (uint32_t i = 0; i < m->record_count; i++) {
		st[m->job_array[i].job_state & 0xf]++;
		if (m->job_array[i].priority == 0)
			held++;
	}
	printf("{\"label\":\"%s\",\"bench\":\"count\",\"records\":%u,"
	       "\"pending\":%ld,\"running\":%ld,\"complete\":%ld,\"held\":%ld}\n",
	       label, m->record_count, st[0], st[1], st[3], held);
}

/* read job ids (one a line) and say how many the controller still knows */
static void do_check(const char *file)
{
	FILE *f = fopen(file, "r");
	job_info_msg_t *m = NULL;
	if (!f || slurm_load_jobs(0, &m, SHOW_ALL) || !m) {
		fprintf(stderr, "check: %s\n", slurm_strerror(errno));
		exit(1);
	}
	uint32_t maxid = 0, id;
	for (uint32_t i = 0; i < m->record_count; i++) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
		id = m->job_array[i].step_id.job_id;
#else
		id = m->job_array[i].job_id;
#endif
		if (id > maxid)
			maxid = id;
	}
	char *have = calloc(maxid + 2, 1);
	for (uint32_t i = 0; i < m->record_count; i++) {
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
		have[m->job_array[i].step_id.job_id] = 1;
#else
		have[m->job_array[i].job_id] = 1;
#endif
	}
	long acked = 0, lost = 0, firstlost = 0;
	while (fscanf(f, "%u", &id) == 1) {
		acked++;
		if (id > maxid || !have[id]) {
			if (!lost)
				firstlost = id;
			lost++;
		}
	}
	printf("{\"label\":\"%s\",\"bench\":\"check\",\"acked\":%ld,"
	       "\"lost\":%ld,\"first_lost\":%ld,\"records\":%u}\n",
	       label, acked, lost, firstlost, m->record_count);
}

/* The client library sleeps a second after a refused connection, so first wait
 * with plain connects until somebody listens, then ask a real question. */
static void wait_port(int port, double end)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t) port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	while (port && now() < end) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		int rc = connect(fd, (void *) &sa, sizeof(sa));
		close(fd);
		if (!rc)
			return;
		usleep(2000);
	}
}

static void do_waitup(double maxs, const char *what, int port)
{
	double t0 = now(), tl;
	wait_port(port, t0 + maxs);
	tl = now() - t0;
	long rec = 0;
	int rc = -1;
	while (now() - t0 < maxs) {
		/* one process per try: the library keeps no stale state */
		pid_t p = fork();
		if (!p) {
			freopen("/dev/null", "w", stderr);
			slurm_init(NULL);
			_exit(query_once(what, &rec) ? 1 : 0);
		}
		int st;
		double w0 = now();
		while (waitpid(p, &st, WNOHANG) == 0) {
			if (now() - w0 > 60)
				kill(p, SIGKILL);
			usleep(1000);
		}
		rc = !(WIFEXITED(st) && WEXITSTATUS(st) == 0);
		if (!rc)
			break;
		usleep(5000);
	}
	printf("{\"label\":\"%s\",\"bench\":\"wait-up\",\"what\":\"%s\","
	       "\"ok\":%d,\"listening_s\":%.3f,\"seconds\":%.3f}\n",
	       label, what, !rc, tl, now() - t0);
	exit(rc);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: sbench submit|query|storm|stats|reset|e2e|"
			"count|check|wait-up [options]; see README.md\n");
		return 2;
	}
	const char *cmd = argv[1], *what = "jobs", *file = NULL;
	struct jobspec js = { .nodes = 1, .cpus = 1, .env_kb = 2, .tlimit = 5,
		.name = "sb", .script = "#!/bin/sh\nexit 0\n" };
	int clients = 1, pollers = 32, submitters = 1, port = 0;
	long count = 1000, calls = 50, expect = -1;
	double seconds = 20, pause_s = 0, spause_s = 0;

	for (int i = 2; i < argc; i++) {
		const char *o = argv[i];
		if (!strcmp(o, "--hold")) {
			js.hold = 1;
			continue;
		}
		if (i + 1 >= argc) {
			fprintf(stderr, "option %s needs a value\n", o);
			return 2;
		}
		const char *v = argv[++i];
		if (!strcmp(o, "--label")) label = v;
		else if (!strcmp(o, "--pid")) daemon_pid = atoi(v);
		else if (!strcmp(o, "--clients")) clients = atoi(v);
		else if (!strcmp(o, "--count")) count = atol(v);
		else if (!strcmp(o, "--expect")) expect = atol(v);
		else if (!strcmp(o, "--calls")) calls = atol(v);
		else if (!strcmp(o, "--array")) js.array = atoi(v);
		else if (!strcmp(o, "--nodes")) js.nodes = atoi(v);
		else if (!strcmp(o, "--cpus")) js.cpus = atoi(v);
		else if (!strcmp(o, "--env-kb")) js.env_kb = atoi(v);
		else if (!strcmp(o, "--time-limit")) js.tlimit = atoi(v);
		else if (!strcmp(o, "--spread-limit")) js.spread_tlimit = atoi(v);
		else if (!strcmp(o, "--partition")) js.part = v;
		else if (!strcmp(o, "--name")) js.name = v;
		else if (!strcmp(o, "--what")) what = v;
		else if (!strcmp(o, "--pollers")) pollers = atoi(v);
		else if (!strcmp(o, "--submitters")) submitters = atoi(v);
		else if (!strcmp(o, "--seconds") || !strcmp(o, "--timeout")) seconds = atof(v);
		else if (!strcmp(o, "--pause")) pause_s = atof(v);
		else if (!strcmp(o, "--port")) port = atoi(v);
		else if (!strcmp(o, "--submit-pause")) spause_s = atof(v);
		else if (!strcmp(o, "--ids")) file = v;
		else {
			fprintf(stderr, "unknown option %s\n", o);
			return 2;
		}
	}
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(cmd, "wait-up"))
		slurm_init(NULL);
	if (!strcmp(cmd, "submit"))
		do_submit(clients, count, &js, file);
	else if (!strcmp(cmd, "query"))
		do_query(what, calls, seconds);
	else if (!strcmp(cmd, "storm"))
		do_storm(pollers, submitters, seconds, what, pause_s, spause_s, &js);
	else if (!strcmp(cmd, "stats"))
		do_stats();
	else if (!strcmp(cmd, "reset"))
		do_reset();
	else if (!strcmp(cmd, "e2e"))
		do_e2e(clients, count, &js, seconds,
		       expect >= 0 ? expect : count * (js.array > 0 ? js.array : 1));
	else if (!strcmp(cmd, "count"))
		do_count();
	else if (!strcmp(cmd, "check"))
		do_check(file);
	else if (!strcmp(cmd, "wait-up"))
		do_waitup(seconds, what, port);
	else {
		fprintf(stderr, "unknown command %s\n", cmd);
		return 2;
	}
	return 0;
}
