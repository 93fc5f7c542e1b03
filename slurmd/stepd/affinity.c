/* SPDX-License-Identifier: Apache-2.0
 *
 * Which CPUs each task gets.  Acts only when TaskPlugin names affinity, as
 * stock does.  The credential counts cores abstractly, socket by socket; the
 * kernel says which CPUs these are.  The tasks are told the outcome as masks
 * (SLURM_CPU_BIND=quiet,mask_cpu:...). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/cred.h"
#include "slurmd/stepd/bind.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

#define ENTITY (CPU_BIND_THREADS | CPU_BIND_CORES | CPU_BIND_SOCKETS | CPU_BIND_LDOMS)
#define LISTED (CPU_BIND_MAP | CPU_BIND_MASK)
#define DIST_SOCKET_BLOCK 0x20          /* second word of --distribution */

/* One core of this machine. */
struct core {
	uint32_t package, id;
	cpu_set_t cpus;
};

/* One core of the step. */
struct share_core {
	uint32_t socket;
	bool used;
	cpu_set_t cpus;
};

static bool topology_number(int cpu, const char *what, uint32_t *out)
{
	char path[96];
	bool good;
	FILE *f;

	(void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/%s", cpu,
		       what);
	f = fopen(path, "re");
	good = f && fscanf(f, "%u", out) == 1;
	if (f)
		fclose(f);
	return good;
}

static int core_cmp(const void *a, const void *b)
{
	const struct core *x = a, *y = b;

	if (x->package != y->package)
		return x->package < y->package ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Cores of the machine in the order in which they are counted. */
static struct core *cores_read(uint32_t *count)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	struct core *v = mem_zalloc((size_t)n * sizeof *v);
	uint32_t k = 0;

	for (int cpu = 0; cpu < n && cpu < CPU_SETSIZE; cpu++) {
		struct core c = {0};
		uint32_t i;

		if (!topology_number(cpu, "physical_package_id", &c.package) ||
		    !topology_number(cpu, "core_id", &c.id))
			continue;
		for (i = 0; i < k && core_cmp(&v[i], &c); i++)
			;
		if (i == k)
			v[k++] = c;
		CPU_SET(cpu, &v[i].cpus);
	}
	qsort(v, k, sizeof *v, core_cmp);
	*count = k;
	return v;
}

/* The step's cores that exist here and that we may use. */
static struct share_core *share_read(const struct step *s, uint32_t *count)
{
	struct arena mem = {0};
	struct cred_node_share share;
	struct share_core *v = NULL;
	uint32_t real, n = 0;
	struct core *cores = cores_read(&real);
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof allowed, &allowed) == 0 &&
	    cred_node_share(s->cred, s->start.node_name, &mem, &share, NULL) == E_OK &&
	    share.step_cores) {
		v = mem_zalloc(((size_t)bitset_count(share.step_cores) + 1) * sizeof *v);
		bitset_foreach (c, share.step_cores) {
			if (c >= real)
				continue;
			v[n].socket = share.cores_per_socket ? c / share.cores_per_socket : 0;
			CPU_AND(&v[n].cpus, &cores[c].cpus, &allowed);
			n += CPU_COUNT(&v[n].cpus) > 0;
		}
	}
	arena_fini(&mem);
	free(cores);
	*count = n;
	return v;
}

static void all_cpus(const struct share_core *v, uint32_t n, cpu_set_t *set)
{
	CPU_ZERO(set);
	for (uint32_t i = 0; i < n; i++)
		CPU_OR(set, set, &v[i].cpus);
}

/* The next free core, on this socket if it has one; all taken: start over. */
static struct share_core *next_core(struct share_core *v, uint32_t n, uint32_t socket)
{
	struct share_core *other = NULL;

	for (uint32_t i = 0; i < n; i++) {
		if (v[i].used)
			continue;
		if (v[i].socket == socket)
			return &v[i];
		other = other ? other : &v[i];
	}
	if (other)
		return other;
	for (uint32_t i = 0; i < n; i++)
		v[i].used = false;
	return &v[0];
}

/* Sockets in turn, which is the default, or one after the other. */
static uint32_t socket_of(const struct share_core *v, uint32_t n, uint32_t task, bool block)
{
	uint32_t sockets = 0, last = UINT32_MAX;

	if (block)
		return v[0].socket;
	for (uint32_t i = 0; i < n; i++)
		if (v[i].socket != last)
			sockets++, last = v[i].socket;
	task %= sockets;
	last = v[0].socket;
	for (uint32_t i = 0; i < n; i++)
		if (v[i].socket != last) {
			last = v[i].socket;
			if (--task == 0)
				return last;
		} else if (task == 0) {
			return last;
		}
	return last;
}

/* Whole cores for each task's CPUs. */
static void give_cores(struct step *s, struct share_core *v, uint32_t n, uint32_t per_task)
{
	bool block = (s->launch->task_dist >> 4 & 0xf) == DIST_SOCKET_BLOCK >> 4;

	for (uint32_t t = 0; t < s->task_count; t++) {
		uint32_t socket = socket_of(v, n, t, block), got = 0;

		CPU_ZERO(s->tasks[t].cpus);
		while (got < per_task) {
			struct share_core *c = next_core(v, n, socket);

			c->used = true;
			CPU_OR(s->tasks[t].cpus, s->tasks[t].cpus, &c->cpus);
			got += (uint32_t)CPU_COUNT(&c->cpus);
		}
	}
}

/* One CPU after the other of the step's. */
static void give_threads(struct step *s, const cpu_set_t *all, uint32_t per_task)
{
	int cpu = -1;

	for (uint32_t t = 0; t < s->task_count; t++) {
		CPU_ZERO(s->tasks[t].cpus);
		for (uint32_t k = 0; k < per_task; k++) {
			do
				cpu = (cpu + 1) % CPU_SETSIZE;
			while (!CPU_ISSET(cpu, all));
			CPU_SET(cpu, s->tasks[t].cpus);
		}
	}
}

/* The lists of --cpu-bind=map_cpu: and mask_cpu:. */
static void give_listed(struct step *s)
{
	for (uint32_t t = 0; t < s->task_count; t++) {
		char *entry = bind_list_entry(s->cpu_bind, t);
		cpu_set_t *set = s->tasks[t].cpus;

		CPU_ZERO(set);
		if (entry && s->cpu_bind_type & CPU_BIND_MAP)
			CPU_SET((int)(strtoul(entry, NULL, 0) % CPU_SETSIZE), set);
		else if (entry && !bind_mask_parse(entry, set))
			CPU_ZERO(set);
		free(entry);
	}
}

/* Tell the tasks: one mask a task, or one when all are alike. */
static void tell_masks(struct step *s)
{
	struct strbuf b = {0};
	bool alike = true;

	for (uint32_t t = 1; t < s->task_count; t++)
		alike = alike && CPU_EQUAL(s->tasks[t].cpus, s->tasks[0].cpus);
	for (uint32_t t = 0; t < (alike ? 1 : s->task_count); t++) {
		char *text = bind_mask_text(s->tasks[t].cpus);

		strbuf_sep(&b, ",");
		strbuf_add(&b, text);
		free(text);
	}
	s->cpu_bind = arena_strdup(&s->mem, b.s);
	s->cpu_bind_type = (s->cpu_bind_type & CPU_BIND_VERBOSE) | CPU_BIND_MASK;
	strbuf_fini(&b);
}

static void give(struct step *s, struct share_core *v, uint32_t n)
{
	uint32_t cpt = s->launch->cpus_per_task ? s->launch->cpus_per_task : 1;
	uint16_t type = s->cpu_bind_type;
	cpu_set_t all;
	uint32_t cpus;

	all_cpus(v, n, &all);
	cpus = (uint32_t)CPU_COUNT(&all);
	if (type & CPU_BIND_RANK) {
		give_threads(s, &all, 1);
		return;
	}
	if (type & CPU_BIND_THREADS)
		give_threads(s, &all, cpt);
	else if (type & CPU_BIND_CORES || (!(type & ENTITY) && s->task_count * cpt == cpus))
		give_cores(s, v, n, cpt);
	else
		for (uint32_t t = 0; t < s->task_count; t++)
			*s->tasks[t].cpus = all;
	tell_masks(s);
}

void step_affinity(struct step *s)
{
	struct share_core *v;
	uint32_t n;

	s->cpu_bind_type = s->launch->cpu_bind_type;
	s->cpu_bind = s->launch->cpu_bind;
	if (!s->conf->taskplugin || !strstr(s->conf->taskplugin, "affinity") ||
	    s->cpu_bind_type & CPU_BIND_NONE)
		return;
	v = share_read(s, &n);
	if (n || s->cpu_bind_type & LISTED)
		for (uint32_t t = 0; t < s->task_count; t++)
			s->tasks[t].cpus = arena_zalloc(&s->mem, sizeof(cpu_set_t));
	if (s->cpu_bind_type & LISTED)
		give_listed(s);
	else if (n)
		give(s, v, n);
	free(v);
}

void child_bind(const struct step *s, const struct task *t)
{
	bool good;
	char *mask;

	if (!t->cpus || !CPU_COUNT(t->cpus))
		return;
	good = sched_setaffinity(0, sizeof *t->cpus, t->cpus) == 0;
	mask = bind_mask_text(t->cpus);
	if (!good)
		log_error("sched_setaffinity(%s): %s", mask, strerror(errno));
	if (s->cpu_bind_type & CPU_BIND_VERBOSE)
		dprintf(STDERR_FILENO, "cpu-bind=%s - %s, task %2u %2u [%d]: mask %s%s\n",
			s->cpu_bind_type & CPU_BIND_MAP ? "MAP " :
			s->cpu_bind_type & CPU_BIND_RANK ? "RANK" : "MASK",
			s->start.node_name, t->gtid, t->ltid, (int)getpid(), mask,
			good ? " set" : " FAILED");
	free(mask);
}
