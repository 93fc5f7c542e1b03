/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks on CPUs: blocks of CPUs in their order, or round the sockets. */
#include "slurmd/stepd/layout.h"

#include <stdlib.h>
#include <string.h>

#include "slurmd/stepd/bind.h"
#include "wire/base/mem.h"

#define DIST_NODE_SOCKET 0xf0ff         /* the first two words of --distribution */
#define DIST_PLANE       0x0004
#define SOCKET_WORD      0x00f0
#define SOCKET_BLOCK     0x0020
#define SOCKET_FULL      0x0030
#define AUTO_THREADS     0x04000
#define AUTO_CORES       0x10000
#define AUTO_SOCKETS     0x20000

/* The walk over the machine: what is taken, by core and by socket. */
struct walk {
	const struct layout_machine *m;
	const struct layout_step *s;
	const cpu_set_t *avail;
	cpu_set_t *out;
	uint32_t size, per_task, threads_per_core;
	uint32_t *core_tasks, *core_threads, *socket_tasks;
	uint32_t *next;                 /* round the sockets: the next CPU of each */
	uint32_t task, have;            /* being filled; CPUs it has */
};

uint32_t layout_size(const struct layout_machine *m)
{
	uint32_t n = m->sockets * m->cores * m->threads;

	return n < CPU_SETSIZE ? n : CPU_SETSIZE;
}

void layout_avail(const struct layout_machine *m, const struct bitset *cores, uint32_t n,
		  uint32_t spec, cpu_set_t *out)
{
	uint32_t size = layout_size(m), real = m->sockets * m->cores;
	uint32_t k = n < real ? n : real;

	CPU_ZERO(out);
	if (!k || !size)
		return;
	/* More cores configured than there are: several share one. */
	for (uint32_t c = 0; c < n; c++)
		for (uint32_t t = 0; bitset_test(cores, c) && t < m->conf_threads; t++)
			CPU_SET((c % k * m->threads + t) % size, out);
	/* From the end: the last thread of the last core of each socket. */
	for (uint32_t t = m->threads; t-- > 0 && spec;)
		for (uint32_t c = m->cores; c-- > 0 && spec;)
			for (uint32_t s = m->sockets; s-- > 0 && spec; spec--)
				CPU_CLR((s * m->cores + c) * m->threads + t, out);
}

void layout_whole_count(const struct layout_machine *m, const cpu_set_t *avail,
		  struct layout_whole *out)
{
	uint32_t i = 0;

	*out = (struct layout_whole){ .node = true };
	for (uint32_t s = 0; s < m->sockets; s++) {
		uint32_t whole = out->cores, any = out->threads;

		for (uint32_t c = 0; c < m->cores; c++) {
			uint32_t hit = 0;

			for (uint32_t t = 0; t < m->threads; t++)
				hit += CPU_ISSET(i++, avail) != 0;
			out->threads += hit;
			out->cores += hit == m->threads;
			out->part_cores += hit && hit < m->threads;
		}
		if (out->cores - whole == m->cores) {
			out->sockets++;
		} else {
			out->part_sockets += out->threads > any;
			out->node = false;
		}
	}
}

uint16_t layout_auto(const struct layout_whole *w, uint32_t cpus, uint32_t spec,
		     uint32_t plugin_param)
{
	if ((cpus == w->sockets && !w->part_sockets) ||
	    (spec && cpus == w->sockets + w->part_sockets))
		return CPU_BIND_SOCKETS;
	if ((cpus == w->cores && !w->part_cores) ||
	    (spec && cpus == w->cores + w->part_cores))
		return CPU_BIND_CORES;
	if (cpus == w->threads || plugin_param & AUTO_THREADS)
		return CPU_BIND_THREADS;
	return plugin_param & AUTO_CORES ? CPU_BIND_CORES :
	       plugin_param & AUTO_SOCKETS ? CPU_BIND_SOCKETS : 0;
}

/* May the task being filled take this CPU? */
static bool open_for_task(const struct walk *w, uint32_t cpu)
{
	uint32_t core = cpu / w->m->threads;

	return CPU_ISSET(cpu, w->avail) &&
	       (!w->s->per_core || w->core_tasks[core] < w->s->per_core) &&
	       (!w->threads_per_core || w->core_threads[core] < w->threads_per_core);
}

/* Give it; true: the task has all it needs, and the next is begun. */
static bool take(struct walk *w, uint32_t cpu)
{
	uint32_t core = cpu / w->m->threads;

	CPU_SET(cpu, &w->out[w->task]);
	w->core_threads[core]++;
	if (++w->have < w->per_task)
		return false;
	w->core_tasks[core]++;
	w->socket_tasks[core / w->m->cores]++;
	w->have = 0;
	w->task++;
	return true;
}

/* Threads of its last core that a task leaves to nobody. */
static uint32_t threads_skipped(const struct walk *w)
{
	if (!(w->s->bind & CPU_BIND_CORES) && w->s->per_core != 1)
		return 0;
	return w->per_task < w->m->threads ? w->m->threads - w->per_task :
					     w->per_task % w->m->threads;
}

static void walk_clear(struct walk *w)
{
	uint32_t cores = w->m->sockets * w->m->cores;

	memset(w->core_tasks, 0, cores * sizeof *w->core_tasks);
	memset(w->core_threads, 0, cores * sizeof *w->core_threads);
	memset(w->socket_tasks, 0, w->m->sockets * sizeof *w->socket_tasks);
	memset(w->next, 0, w->m->sockets * sizeof *w->next);
}

static bool walk_block(struct walk *w)
{
	uint32_t per_socket = w->m->cores * w->m->threads, done = UINT32_MAX;

	while (w->task < w->s->tasks) {
		if (w->task == done)
			return false;
		if (w->task)
			walk_clear(w);  /* all is taken once: again */
		done = w->task;
		for (uint32_t i = 0; i < w->size && w->task < w->s->tasks; i++) {
			if (!open_for_task(w, i) ||
			    (w->s->per_socket &&
			     w->socket_tasks[i / per_socket] >= w->s->per_socket))
				continue;
			if (take(w, i))
				i += threads_skipped(w);
		}
	}
	return true;
}

/* The next CPU of the sockets' round, whether free or not. */
static uint32_t round_next(struct walk *w, uint32_t *socket)
{
	uint32_t per_socket = w->m->cores * w->m->threads, from = *socket;

	while (w->next[*socket] >= per_socket) {
		*socket = (*socket + 1) % w->m->sockets;
		if (*socket == from)
			walk_clear(w);
	}
	return (w->next[*socket]++ + *socket * per_socket) % w->size;
}

static bool walk_round(struct walk *w)
{
	bool full = (w->s->dist & SOCKET_WORD) == SOCKET_FULL;
	uint32_t socket = 0, done = UINT32_MAX;

	while (w->task < w->s->tasks) {
		if (w->task == done)
			return false;
		done = w->task;
		for (uint32_t i = 0; i < w->size && w->task < w->s->tasks; i++) {
			uint32_t cpu = round_next(w, &socket);
			bool last;

			if (!open_for_task(w, cpu))
				continue;
			last = take(w, cpu);
			/* A task's own CPUs go round as well. */
			if (full)
				socket = (socket + 1) % w->m->sockets;
			if (last)
				w->next[socket] += threads_skipped(w);
			if (last && !full)
				socket = (socket + 1) % w->m->sockets;
		}
	}
	return true;
}

/* To all available CPUs of the units the set touches. */
static void widen(cpu_set_t *set, const cpu_set_t *avail, uint32_t size, uint32_t unit)
{
	cpu_set_t was = *set;

	for (uint32_t i = 0; unit && i < size; i++)
		if (CPU_ISSET(i, &was))
			for (uint32_t j = i / unit * unit; j < i / unit * unit + unit; j++)
				if (CPU_ISSET(j, avail))
					CPU_SET(j, set);
}

static bool block_wanted(const struct layout_step *s)
{
	uint32_t d = s->dist & DIST_NODE_SOCKET;

	if (d == DIST_PLANE)
		return true;
	if (d & SOCKET_WORD)
		return (d & SOCKET_WORD) == SOCKET_BLOCK;
	return s->block_default;
}

bool layout_tasks(const struct layout_machine *m, const struct layout_step *s,
		  const cpu_set_t *avail, cpu_set_t *out)
{
	uint32_t free_cpus = (uint32_t)CPU_COUNT(avail), cores = m->sockets * m->cores;
	struct walk w = { .m = m, .s = s, .avail = avail, .out = out, .size = layout_size(m),
			  .per_task = s->cpus_per_task ? s->cpus_per_task : 1 };
	uint32_t unit;
	bool good;

	w.threads_per_core = s->threads_per_core ? s->threads_per_core : m->one_thread;
	if (w.threads_per_core && m->conf_threads <= m->threads &&
	    free_cpus < w.per_task * (m->conf_threads / w.threads_per_core))
		return false;
	if (!s->tasks || free_cpus < s->tasks)
		return false;
	if (free_cpus < s->tasks * w.per_task)
		w.per_task = free_cpus / s->tasks;
	for (uint32_t t = 0; t < s->tasks; t++)
		CPU_ZERO(&out[t]);
	w.core_tasks = mem_zalloc(cores * sizeof *w.core_tasks);
	w.core_threads = mem_zalloc(cores * sizeof *w.core_threads);
	w.socket_tasks = mem_zalloc(m->sockets * sizeof *w.socket_tasks);
	w.next = mem_zalloc(m->sockets * sizeof *w.next);
	good = block_wanted(s) ? walk_block(&w) : walk_round(&w);
	unit = s->bind & CPU_BIND_THREADS ? 1 : s->bind & CPU_BIND_CORES ? m->threads :
	       s->bind & CPU_BIND_SOCKETS ? m->cores * m->threads : 1;
	for (uint32_t t = 0; good && t < s->tasks; t++)
		widen(&out[t], avail, w.size, unit);
	free(w.core_tasks);
	free(w.core_threads);
	free(w.socket_tasks);
	free(w.next);
	return good;
}
