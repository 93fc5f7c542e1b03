/* SPDX-License-Identifier: Apache-2.0
 *
 * The machine.  hwloc is loaded by a short-lived child: its library and its
 * tables would be half of the daemon's memory, for five numbers. */
#include "slurmd/hw.h"

#include <dirent.h>
#include <dlfcn.h>
#include <hwloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire/base/mem.h"

#define CPUS_MAX 8192

static long sys_number(const char *root, unsigned cpu, const char *leaf)
{
	char path[512];
	long v = -1;
	FILE *f;

	snprintf(path, sizeof path, "%s/sys/devices/system/cpu/cpu%u/topology/%s", root, cpu,
		 leaf);
	f = fopen(path, "re");
	if (!f)
		return -1;
	if (fscanf(f, "%ld", &v) != 1)
		v = -1;
	fclose(f);
	return v;
}

static int long_cmp(const void *a, const void *b)
{
	long x = *(const long *)a, y = *(const long *)b;

	return (x > y) - (x < y);
}

static unsigned distinct(long *v, unsigned n)
{
	unsigned k = 0;

	qsort(v, n, sizeof *v, long_cmp);
	for (unsigned i = 0; i < n; i++)
		if (i == 0 || v[i] != v[i - 1])
			k++;
	return k;
}

void hw_read_sys(const char *root, struct hw *out)
{
	long *package = mem_alloc(CPUS_MAX * sizeof *package);
	long *core = mem_alloc(CPUS_MAX * sizeof *core);
	unsigned n = 0, sockets, cores;

	memset(out, 0, sizeof *out);
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
		long p = sys_number(root, cpu, "physical_package_id");
		long c = sys_number(root, cpu, "core_id");

		if (p < 0 && c < 0) {
			if (cpu > n + 64)
				break;          /* holes are processors switched off */
			continue;
		}
		package[n] = p;
		core[n++] = p * 65536 + c;
	}
	if (n) {
		sockets = distinct(package, n);
		cores = distinct(core, n);
		out->cpus = (uint16_t)n;
		out->boards = 1;
		out->sockets = (uint16_t)sockets;
		out->cores = (uint16_t)(cores / sockets ? cores / sockets : 1);
		out->threads = (uint16_t)(n / cores ? n / cores : 1);
	}
	free(package);
	free(core);
}

/* hwloc through dlopen: only the calls needed. */
struct hwloc_calls {
	int (*init)(hwloc_topology_t *);
	int (*set_flags)(hwloc_topology_t, unsigned long);
	int (*set_filter)(hwloc_topology_t, enum hwloc_type_filter_e);
	int (*load)(hwloc_topology_t);
	int (*type_depth)(hwloc_topology_t, hwloc_obj_type_t);
	unsigned (*count)(hwloc_topology_t, int);
};

static bool calls_find(void *lib, struct hwloc_calls *h)
{
	*(void **)&h->init = dlsym(lib, "hwloc_topology_init");
	*(void **)&h->set_flags = dlsym(lib, "hwloc_topology_set_flags");
	*(void **)&h->set_filter = dlsym(lib, "hwloc_topology_set_io_types_filter");
	*(void **)&h->load = dlsym(lib, "hwloc_topology_load");
	*(void **)&h->type_depth = dlsym(lib, "hwloc_get_type_depth");
	*(void **)&h->count = dlsym(lib, "hwloc_get_nbobjs_by_depth");
	return h->init && h->set_flags && h->set_filter && h->load && h->type_depth &&
	       h->count;
}

static unsigned count_of(const struct hwloc_calls *h, hwloc_topology_t t,
			 hwloc_obj_type_t type)
{
	int depth = h->type_depth(t, type);

	/* memory has a level of its own, with a negative number */
	return depth < 0 && depth != HWLOC_TYPE_DEPTH_NUMANODE ? 0 : h->count(t, depth);
}

static bool read_hwloc(struct hw *out)
{
	void *lib = dlopen("libhwloc.so.15", RTLD_NOW | RTLD_LOCAL);
	struct hwloc_calls h;
	hwloc_topology_t t;
	unsigned cpus, cores, sockets;

	if (!lib || !calls_find(lib, &h) || h.init(&t))
		return false;
	h.set_flags(t, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
	h.set_filter(t, HWLOC_TYPE_FILTER_KEEP_NONE);   /* no devices */
	if (h.load(t))
		return false;
	cpus = count_of(&h, t, HWLOC_OBJ_PU);
	cores = count_of(&h, t, HWLOC_OBJ_CORE);
	sockets = count_of(&h, t, HWLOC_OBJ_PACKAGE);
	if (!cpus)
		return false;
	if (!cores)
		cores = cpus;
	if (!sockets)
		sockets = 1;
	out->cpus = (uint16_t)cpus;
	out->boards = 1;
	out->sockets = (uint16_t)sockets;
	out->cores = (uint16_t)(cores / sockets ? cores / sockets : 1);
	out->threads = (uint16_t)(cpus / cores ? cpus / cores : 1);
	out->numa_nodes = (uint16_t)count_of(&h, t, HWLOC_OBJ_NUMANODE);
	out->l3_caches = (uint16_t)count_of(&h, t, HWLOC_OBJ_L3CACHE);
	return true;
}

static uint64_t memory_mb(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);

	return pages < 1 ? 1 : (uint64_t)pages * (uint64_t)size >> 20;
}

void hw_read(struct hw *out)
{
	int p[2];
	pid_t pid;

	memset(out, 0, sizeof *out);
	if (!pipe(p)) {
		pid = fork();
		if (pid == 0) {
			struct hw h = { 0 };

			if (!read_hwloc(&h))
				_exit(1);
			_exit(write(p[1], &h, sizeof h) != sizeof h);
		}
		close(p[1]);
		if (pid > 0) {
			if (read(p[0], out, sizeof *out) != sizeof *out)
				memset(out, 0, sizeof *out);
			waitpid(pid, NULL, 0);
		}
		close(p[0]);
	}
	if (!out->cpus)
		hw_read_sys("", out);
	if (!out->cpus) {
		long n = sysconf(_SC_NPROCESSORS_ONLN);

		out->cpus = out->sockets = (uint16_t)(n > 0 ? n : 1);
		out->boards = out->cores = out->threads = 1;
	}
	out->memory_mb = memory_mb();
}

uint32_t hw_tmp_disk_mb(const char *dir)
{
	struct statvfs s;

	if (statvfs(dir && *dir ? dir : "/tmp", &s))
		return 0;
	return (uint32_t)((uint64_t)s.f_blocks * s.f_frsize >> 20);
}

uint32_t hw_up_time_sec(void)
{
	struct sysinfo s;

	return sysinfo(&s) ? 0 : (uint32_t)s.uptime;
}

uint32_t hw_cpu_load(void)
{
	struct sysinfo s;

	return sysinfo(&s) ? 0 : (uint32_t)((double)s.loads[1] / (1 << SI_LOAD_SHIFT) * 100);
}

uint64_t hw_free_mem_mb(void)
{
	struct sysinfo s;

	return sysinfo(&s) ? 0 : (uint64_t)s.freeram * s.mem_unit >> 20;
}
