/* SPDX-License-Identifier: Apache-2.0
 *
 * Usage of tasks.  INFINITE64 means "not known", as on the wire. */
#include "slurmd/stepd/acct.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slurmd/stepd/proc.h"
#include "slurmd/stepd/step.h"

static void side_init(struct acct_side *s)
{
	for (int i = 0; i < ACCT_COUNT; i++) {
		s->max[i] = s->max_node[i] = s->max_task[i] = INFINITE64;
		s->min[i] = s->min_node[i] = s->min_task[i] = INFINITE64;
		s->tot[i] = INFINITE64;
	}
}

void acct_init(struct acct *a)
{
	memset(a, 0, sizeof *a);
	side_init(&a->in);
	side_init(&a->out);
}

static void side_add(struct acct_side *s, enum acct_tres i, uint64_t v, uint64_t node,
		     uint64_t task)
{
	if (s->max[i] == INFINITE64 || v > s->max[i])
		s->max[i] = v, s->max_node[i] = node, s->max_task[i] = task;
	if (s->min[i] == INFINITE64 || v < s->min[i])
		s->min[i] = v, s->min_node[i] = node, s->min_task[i] = task;
	s->tot[i] = s->tot[i] == INFINITE64 ? v : s->tot[i] + v;
}

void acct_add_task(struct acct *a, const struct acct_task *t)
{
	a->user_usec += t->user_usec;
	a->sys_usec += t->sys_usec;
	side_add(&a->in, ACCT_CPU, (t->user_usec + t->sys_usec) / 1000, t->node, t->task);
	side_add(&a->in, ACCT_MEM, t->rss, t->node, t->task);
	side_add(&a->in, ACCT_DISK, t->read_bytes, t->node, t->task);
	side_add(&a->in, ACCT_VMEM, t->vsize, t->node, t->task);
	side_add(&a->in, ACCT_PAGES, t->pages, t->node, t->task);
	side_add(&a->in, ACCT_ENERGY, 0, t->node, INFINITE64);
	side_add(&a->out, ACCT_ENERGY, 0, t->node, INFINITE64);
	side_add(&a->out, ACCT_DISK, t->write_bytes, t->node, t->task);
}

static void side_merge(struct acct_side *a, const struct acct_side *b)
{
	for (int i = 0; i < ACCT_COUNT; i++) {
		if (b->max[i] != INFINITE64 &&
		    (a->max[i] == INFINITE64 || b->max[i] > a->max[i])) {
			a->max[i] = b->max[i];
			a->max_node[i] = b->max_node[i];
			a->max_task[i] = b->max_task[i];
		}
		if (b->min[i] != INFINITE64 &&
		    (a->min[i] == INFINITE64 || b->min[i] < a->min[i])) {
			a->min[i] = b->min[i];
			a->min_node[i] = b->min_node[i];
			a->min_task[i] = b->min_task[i];
		}
		if (b->tot[i] != INFINITE64)
			a->tot[i] = a->tot[i] == INFINITE64 ? b->tot[i] :
							      a->tot[i] + b->tot[i];
	}
}

void acct_merge(struct acct *a, const struct acct *b)
{
	a->user_usec += b->user_usec;
	a->sys_usec += b->sys_usec;
	if (!a->cpu_freq)
		a->cpu_freq = b->cpu_freq;
	side_merge(&a->in, &b->in);
	side_merge(&a->out, &b->out);
}

static uint64_t *array(const uint64_t *v, uint32_t *n, struct arena *mem)
{
	uint64_t *copy = arena_alloc(mem, ACCT_COUNT * sizeof *copy);

	memcpy(copy, v, ACCT_COUNT * sizeof *copy);
	*n = ACCT_COUNT;
	return copy;
}

static struct slurmdb_tres_rec *tres_list(struct arena *mem)
{
	static const char *const type[] = { "cpu", "mem", "energy", "node", "billing",
					    "fs", "vmem", "pages" };
	struct slurmdb_tres_rec *v = arena_zalloc(mem, ACCT_COUNT * sizeof *v);

	for (uint32_t i = 0; i < ACCT_COUNT; i++) {
		v[i].id = i + 1;
		v[i].type = type[i];
		v[i].name = i == ACCT_DISK ? "disk" : NULL;
	}
	return v;
}

#define SIDE(dir, from) do { \
	out->tres_usage_##dir##_max = array((from).max, &out->dir##_max_count, mem); \
	out->tres_usage_##dir##_max_nodeid = \
		array((from).max_node, &out->dir##_max_nodeid_count, mem); \
	out->tres_usage_##dir##_max_taskid = \
		array((from).max_task, &out->dir##_max_taskid_count, mem); \
	out->tres_usage_##dir##_min = array((from).min, &out->dir##_min_count, mem); \
	out->tres_usage_##dir##_min_nodeid = \
		array((from).min_node, &out->dir##_min_nodeid_count, mem); \
	out->tres_usage_##dir##_min_taskid = \
		array((from).min_task, &out->dir##_min_taskid_count, mem); \
	out->tres_usage_##dir##_tot = array((from).tot, &out->dir##_tot_count, mem); \
} while (0)

void acct_to_wire(const struct acct *a, struct jobacctinfo *out, bool with_tres,
		  struct arena *mem)
{
	wire_init(&jobacctinfo_desc, out);
	out->present = 1;
	out->user_cpu_sec = a->user_usec / 1000000;
	out->user_cpu_usec = (uint32_t)(a->user_usec % 1000000);
	out->sys_cpu_sec = a->sys_usec / 1000000;
	out->sys_cpu_usec = (uint32_t)(a->sys_usec % 1000000);
	out->act_cpufreq = a->cpu_freq;
	out->tres_ids = arena_alloc(mem, ACCT_COUNT * sizeof *out->tres_ids);
	out->tres_ids_count = ACCT_COUNT;
	for (uint32_t i = 0; i < ACCT_COUNT; i++)
		out->tres_ids[i] = i + 1;
	if (with_tres) {
		out->tres_list = tres_list(mem);
		out->tres_list_count = ACCT_COUNT;
	}
	SIDE(in, a->in);
	SIDE(out, a->out);
}

/* Other releases may send more kinds; ours are those with ids 1 to 8. */
static void fetch(uint64_t *to, const uint64_t *from, uint32_t n, const uint32_t *ids,
		  uint32_t id_count)
{
	for (uint32_t k = 0; k < n && k < id_count; k++)
		if (ids[k] >= 1 && ids[k] <= ACCT_COUNT)
			to[ids[k] - 1] = from[k];
}

#define FETCH(side, part, dir, name, cnt) \
	fetch(a->side.part, in->tres_usage_##dir##_##name, in->dir##_##cnt, \
	      in->tres_ids, in->tres_ids_count)

void acct_from_wire(struct acct *a, const struct jobacctinfo *in)
{
	acct_init(a);
	if (!in->present)
		return;
	a->user_usec = in->user_cpu_sec * 1000000 + in->user_cpu_usec;
	a->sys_usec = in->sys_cpu_sec * 1000000 + in->sys_cpu_usec;
	a->cpu_freq = in->act_cpufreq;
	FETCH(in, max, in, max, max_count);
	FETCH(in, max_node, in, max_nodeid, max_nodeid_count);
	FETCH(in, max_task, in, max_taskid, max_taskid_count);
	FETCH(in, min, in, min, min_count);
	FETCH(in, min_node, in, min_nodeid, min_nodeid_count);
	FETCH(in, min_task, in, min_taskid, min_taskid_count);
	FETCH(in, tot, in, tot, tot_count);
	FETCH(out, max, out, max, max_count);
	FETCH(out, max_node, out, max_nodeid, max_nodeid_count);
	FETCH(out, max_task, out, max_taskid, max_taskid_count);
	FETCH(out, min, out, min, min_count);
	FETCH(out, min_node, out, min_nodeid, min_nodeid_count);
	FETCH(out, min_task, out, min_taskid, min_taskid_count);
	FETCH(out, tot, out, tot, tot_count);
}

static void io_bytes(pid_t pid, uint64_t *rd, uint64_t *wr)
{
	char path[64], buf[512], *p;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%d/io", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	n = read(fd, buf, sizeof buf - 1);
	close(fd);
	if (n <= 0)
		return;
	buf[n] = '\0';
	if ((p = strstr(buf, "rchar: ")))
		*rd += strtoull(p + 7, NULL, 10);
	if ((p = strstr(buf, "wchar: ")))
		*wr += strtoull(p + 7, NULL, 10);
}

/* Sums over one task's processes. */
struct use {
	uint64_t rss, vsize, rd, wr, pages, utime, stime;
};

static void use_add(struct use *u, const struct proc *p)
{
	u->rss += p->st.rss;
	u->vsize += p->st.vsize;
	u->pages += p->st.pages;
	u->utime += p->st.utime_ticks;
	u->stime += p->st.stime_ticks;
	io_bytes(p->pid, &u->rd, &u->wr);
}

static struct timeval ticks_time(uint64_t ticks, uint64_t hz)
{
	return (struct timeval){ (time_t)(ticks / hz),
				 (suseconds_t)(ticks % hz * 1000000 / hz) };
}

static void use_keep(struct task *t, const struct use *u)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK);

	t->rss = u->rss;
	t->max_rss = u->rss > t->max_rss ? u->rss : t->max_rss;
	t->max_vsize = u->vsize > t->max_vsize ? u->vsize : t->max_vsize;
	t->pages = u->pages > t->pages ? u->pages : t->pages;
	t->read_bytes = u->rd > t->read_bytes ? u->rd : t->read_bytes;
	t->write_bytes = u->wr > t->write_bytes ? u->wr : t->write_bytes;
	t->rusage.ru_utime = ticks_time(u->utime, hz);
	t->rusage.ru_stime = ticks_time(u->stime, hz);
}

/* The task whose process this is, or is an ancestor; task_count: none. */
static uint32_t owner(const struct step *s, const struct proc *v, uint32_t n,
		      const struct proc *p)
{
	for (int depth = 0; p && depth < 1000; depth++) {
		for (uint32_t i = 0; i < s->task_count; i++)
			if (s->tasks[i].pid == p->pid)
				return i;
		p = proc_find(v, n, p->st.ppid);
	}
	return s->task_count;
}

void acct_sample(struct step *s)
{
	struct use *use = mem_zalloc(((size_t)s->task_count + 1) * sizeof *use);
	struct pid_list mine;
	struct proc *v;
	uint32_t n = proc_snapshot(&v);

	proc_list(&mine);
	for (uint32_t i = 0; i < mine.n; i++) {
		const struct proc *p = proc_find(v, n, mine.v[i]);
		uint32_t t = p ? owner(s, v, n, p) : s->task_count;

		if (t < s->task_count)
			use_add(&use[t], p);
	}
	for (uint32_t i = 0; i < s->task_count; i++)
		if (s->tasks[i].pid && !s->tasks[i].reaped)
			use_keep(&s->tasks[i], &use[i]);
	free(mine.v);
	free(v);
	free(use);
}

static uint64_t usec(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

void acct_step(const struct step *s, struct acct *a)
{
	acct_init(a);
	for (uint32_t i = 0; i < s->task_count; i++) {
		const struct task *t = &s->tasks[i];
		uint64_t rss = (uint64_t)t->rusage.ru_maxrss << 10;
		struct acct_task use = {
			.node = s->node_id + s->node_offset,
			.task = t->gtid + s->task_offset,
			.user_usec = usec(t->rusage.ru_utime),
			.sys_usec = usec(t->rusage.ru_stime),
			.rss = rss > t->max_rss ? rss : t->max_rss,
			.vsize = t->max_vsize, .read_bytes = t->read_bytes,
			.write_bytes = t->write_bytes, .pages = t->pages
		};

		if (t->pid)
			acct_add_task(a, &use);
	}
}
