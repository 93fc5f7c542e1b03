/* SPDX-License-Identifier: Apache-2.0
 *
 * Which CPUs each task gets.  Acts only when TaskPlugin names affinity, as
 * stock does.  The credential counts cores abstractly, socket by socket
 * (layout.c); the kernel says which CPUs these are.  The tasks are told the
 * outcome as masks (SLURM_CPU_BIND=quiet,mask_cpu:...). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/cred.h"
#include "slurmd/stepd/bind.h"
#include "slurmd/stepd/layout.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

#define ENTITY (CPU_BIND_THREADS | CPU_BIND_CORES | CPU_BIND_SOCKETS | CPU_BIND_LDOMS)
#define MODE   (CPU_BIND_NONE | CPU_BIND_MAP | CPU_BIND_MASK | CPU_BIND_LDRANK | \
		CPU_BIND_LDMAP | CPU_BIND_LDMASK)
#define CORE_SPEC_THREAD 0x8000
#define DIST_BLOCK_DEFAULT 0x1000       /* of SelectTypeParameters */

/* The machine, its CPUs by their abstract numbers, and the step's share. */
struct place {
	struct layout_machine m;
	uint32_t size, spec;            /* CPUs; threads kept for the system */
	int *cpu;                       /* the kernel's number of each */
	cpu_set_t avail;                /* abstract */
	struct layout_whole whole;
};

/* ---- the machine ------------------------------------------------------- */

struct cpu {
	uint32_t package, core;
	int id;
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

static int cpu_cmp(const void *a, const void *b)
{
	const struct cpu *x = a, *y = b;

	if (x->package != y->package)
		return x->package < y->package ? -1 : 1;
	if (x->core != y->core)
		return x->core < y->core ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* The kernel's numbers in the order in which CPUs are counted. */
static int *cpus_in_order(uint32_t size)
{
	long n = sysconf(_SC_NPROCESSORS_CONF);
	struct cpu *v = mem_zalloc((size_t)(n > 0 ? n : 1) * sizeof *v);
	int *order = mem_zalloc((size + 1) * sizeof *order);
	uint32_t k = 0;

	for (int id = 0; id < n && id < CPU_SETSIZE; id++) {
		v[k].id = id;
		k += topology_number(id, "physical_package_id", &v[k].package) &&
		     topology_number(id, "core_id", &v[k].core);
	}
	qsort(v, k, sizeof *v, cpu_cmp);
	for (uint32_t i = 0; i < size; i++)
		order[i] = k ? v[i % k].id : (int)i;
	free(v);
	return order;
}

/* The memory node of a CPU; 0 where the kernel shows none. */
static unsigned numa_of(int cpu)
{
	char path[96];

	for (unsigned node = 0; node < 64; node++) {
		(void)snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/node%u", cpu,
			       node);
		if (access(path, F_OK) == 0)
			return node;
	}
	return 0;
}

static unsigned numa_count(const struct place *p)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < p->size; i++)
		if (numa_of(p->cpu[i]) > n)
			n = numa_of(p->cpu[i]);
	return n + 1;
}

static void numa_add(const struct place *p, unsigned node, cpu_set_t *set)
{
	for (uint32_t i = 0; i < p->size; i++)
		if (numa_of(p->cpu[i]) == node)
			CPU_SET(p->cpu[i], set);
}

/* From abstract numbers to the kernel's; all of each memory node that is
 * touched, when that was asked for. */
static void to_kernel(const struct place *p, uint16_t type, cpu_set_t *set)
{
	cpu_set_t from = *set;

	CPU_ZERO(set);
	for (uint32_t i = 0; i < p->size; i++)
		if (CPU_ISSET(i, &from))
			CPU_SET(p->cpu[i], set);
	if (!(type & CPU_BIND_LDOMS))
		return;
	from = *set;
	for (uint32_t i = 0; i < p->size; i++)
		if (CPU_ISSET(p->cpu[i], &from))
			numa_add(p, numa_of(p->cpu[i]), set);
}

static void mask_add(const struct place *p, struct strbuf *b, const cpu_set_t *set)
{
	char *text = bind_mask_text(set);

	strbuf_sep(b, ",");
	strbuf_add(b, "0x");
	for (uint32_t digits = (p->size + 3) / 4, n = (uint32_t)strlen(text) - 2; n < digits; n++)
		strbuf_add(b, "0");
	strbuf_add(b, text + 2);
	free(text);
}

static bool place_read(const struct step *s, struct place *p)
{
	const struct stepd_start *m = &s->start;
	uint16_t spec = s->cred->job_core_spec;
	struct cred_node_share share;
	struct arena mem = {0};

	if (cred_node_share(s->cred, m->node_name, &mem, &share, NULL) != E_OK ||
	    !share.step_cores || !m->sockets || !m->cores || !m->threads) {
		arena_fini(&mem);
		return false;
	}
	*p = (struct place){ .m = { m->sockets, m->cores, m->threads, m->conf_threads,
				    m->conf_cpus == m->conf_sockets * m->conf_cores } };
	if (!p->m.conf_threads)
		p->m.conf_threads = p->m.threads;
	if (spec != NO_VAL16 && spec & CORE_SPEC_THREAD)
		p->spec = spec & ~CORE_SPEC_THREAD;
	p->size = layout_size(&p->m);
	p->cpu = cpus_in_order(p->size);
	layout_avail(&p->m, share.step_cores,
		     (uint32_t)share.sockets * share.cores_per_socket, p->spec, &p->avail);
	layout_whole_count(&p->m, &p->avail, &p->whole);
	arena_fini(&mem);
	return true;
}

/* All that the step has, as the one mask of every task. */
static void bind_to_avail(struct step *s, const struct place *p)
{
	struct strbuf b = {0};
	cpu_set_t all = p->avail;

	to_kernel(p, s->cpu_bind_type, &all);
	mask_add(p, &b, &all);
	s->cpu_bind = arena_strdup(&s->mem, b.s);
	s->cpu_bind_type = (uint16_t)((s->cpu_bind_type & ~MODE) | CPU_BIND_MASK);
	strbuf_fini(&b);
}

/* ---- what was asked for ------------------------------------------------ */

static const char *outside(struct step *s, const cpu_set_t *avail)
{
	char *mask = bind_mask_text(avail);
	const char *text = arena_printf(&s->mem,
		"CPU binding outside of job step allocation, allocated CPUs are: %s.", mask);

	free(mask);
	return text;
}

/* NULL, or what is wrong with --cpu-bind=map_cpu: */
static const char *map_check(struct step *s, const cpu_set_t *avail)
{
	if (!s->cpu_bind)
		return "No list of CPU IDs provided to --cpu-bind=map_cpu:<list>";
	for (const char *p = s->cpu_bind; *p; p += strcspn(p, ","), p += *p == ',') {
		int cpu = atoi(p);

		if (cpu < 0 || cpu >= CPU_SETSIZE || !CPU_ISSET(cpu, avail))
			return outside(s, avail);
	}
	return NULL;
}

static const char *mask_check(const struct step *s, const cpu_set_t *avail)
{
	if (!s->cpu_bind)
		return "No list of CPU masks provided to --cpu-bind=mask_cpu:<list>";
	for (const char *p = s->cpu_bind; *p;) {
		size_t len = strcspn(p, ",");
		char *word = mem_strndup(p, len);
		cpu_set_t set, both;
		bool good = bind_mask_parse(word, &set);

		free(word);
		if (!good)
			return "Failed to convert cpu bind string into hex for CPU bind mask";
		CPU_AND(&both, &set, avail);
		if (!CPU_EQUAL(&both, &set))
			return outside((struct step *)s, avail);
		p += len + (p[len] == ',');
	}
	return NULL;
}

static const char *type_words(uint16_t type)
{
	return type & CPU_BIND_LDRANK ? "rank_ldom" : type & CPU_BIND_LDMAP ? "map_ldom" :
	       type & CPU_BIND_LDMASK ? "mask_ldom" : "rank";
}

static enum err bind_as_told(struct step *s, const struct place *p, uint16_t modes,
			     struct err_text *why)
{
	const char *wrong = NULL;
	cpu_set_t avail = p->avail;
	bool listed = s->cpu_bind_type & (CPU_BIND_MAP | CPU_BIND_MASK);

	to_kernel(p, s->cpu_bind_type, &avail);
	if (!p->whole.node && s->cred->job_core_spec == NO_VAL16 && !listed) {
		if (!(s->cpu_bind_type & CPU_BIND_NONE))
			wrong = arena_printf(&s->mem, "Entire node must be allocated for %s%s",
					     s->cpu_bind_type & CPU_BIND_VERBOSE ? "verbose," :
					     "", type_words(s->cpu_bind_type));
		s->cpu_bind_type &= (uint16_t)~modes;
		bind_to_avail(s, p);
	} else if (s->cred->job_core_spec == NO_VAL16 && listed) {
		wrong = s->cpu_bind_type & CPU_BIND_MASK ? mask_check(s, &avail) :
			map_check(s, &avail);
	}
	return wrong ? err_set(why, E_D_CPU_BIND_ERROR, "%s", wrong) : E_OK;
}

/* ---- what is decided --------------------------------------------------- */

static enum err bind_by_layout(struct step *s, const struct place *p, struct err_text *why)
{
	const struct launch_tasks_request_msg *m = s->launch;
	uint16_t tpc = m->threads_per_core;
	struct layout_step l = {
		.tasks = s->task_count, .cpus_per_task = m->cpus_per_task,
		.per_core = m->ntasks_per_core, .per_socket = m->ntasks_per_socket,
		.threads_per_core = tpc == NO_VAL16 ? 0 : tpc, .dist = m->task_dist,
		.bind = s->cpu_bind_type,
		.block_default = (s->conf->selecttypeparameters & DIST_BLOCK_DEFAULT) != 0,
	};
	cpu_set_t *sets = mem_zalloc(s->task_count * sizeof *sets);
	struct strbuf b = {0};
	enum err e = E_OK;

	if (layout_tasks(&p->m, &l, &p->avail, sets)) {
		for (uint32_t t = 0; t < s->task_count; t++) {
			to_kernel(p, s->cpu_bind_type, &sets[t]);
			mask_add(p, &b, &sets[t]);
		}
		s->cpu_bind = arena_strdup(&s->mem, b.s);
		s->cpu_bind_type = (uint16_t)((s->cpu_bind_type & ~ENTITY) | CPU_BIND_MASK);
	} else {
		bind_to_avail(s, p);
		if (!(s->flags & LAUNCH_OVERCOMMIT))
			e = err_set(why, E_D_CPU_LAYOUT_ERROR,
				    "JobId=%u failed to distribute tasks (bind_type:%s) - this should never happen",
				    s->id.job_id, "mask_cpu");
	}
	strbuf_fini(&b);
	free(sets);
	return e;
}

static enum err decide(struct step *s, const struct place *p, struct err_text *why)
{
	uint32_t cpt = s->launch->cpus_per_task ? s->launch->cpus_per_task : 1;
	uint16_t modes = MODE;

	if (wire_version_in(s->release, UNTIL(24_11)))
		modes |= CPU_BIND_RANK;
	/* salloc's shell is told "none" and may roam, since 25.11. */
	if (s->id.step_id == STEP_INTERACTIVE && s->cpu_bind_type & CPU_BIND_NONE &&
	    wire_version_in(s->release, SINCE(25_11)))
		return E_OK;
	if (s->cpu_bind_type & modes)
		return bind_as_told(s, p, modes, why);
	if (!(s->cpu_bind_type & ENTITY)) {
		uint16_t unit = layout_auto(&p->whole, s->task_count * cpt, p->spec,
					    s->conf->taskpluginparam);

		if (!unit) {
			bind_to_avail(s, p);
			return E_OK;
		}
		s->cpu_bind_type |= unit;
	}
	return bind_by_layout(s, p, why);
}

/* ---- each task --------------------------------------------------------- */

static bool ldom_list(const struct place *p, const char *entry, cpu_set_t *set)
{
	cpu_set_t nodes;
	unsigned n = numa_count(p);

	if (!bind_mask_parse(entry, &nodes))
		return false;
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &nodes))
			numa_add(p, i % n, set);
	return true;
}

/* The CPUs of one task; false: it is not bound. */
static bool task_set(const struct step *s, const struct place *p, uint32_t ltid,
		     cpu_set_t *set)
{
	uint16_t type = s->cpu_bind_type;
	char *entry;
	bool good = true;

	CPU_ZERO(set);
	if (type & CPU_BIND_NONE)
		return false;
	if (type & CPU_BIND_LDRANK) {
		numa_add(p, ltid % numa_count(p), set);
		return true;
	}
	if (type & CPU_BIND_RANK) {
		CPU_SET(ltid % (p->size ? p->size : 1), set);
		return true;
	}
	entry = bind_list_entry(s->cpu_bind, ltid);
	if (!entry)
		return false;
	if (type & CPU_BIND_MASK)
		good = bind_mask_parse(entry, set);
	else if (type & CPU_BIND_MAP)
		CPU_SET((int)(strtoul(entry, NULL, strncmp(entry, "0x", 2) ? 10 : 16) %
			      CPU_SETSIZE), set);
	else if (type & CPU_BIND_LDMASK)
		good = ldom_list(p, entry, set);
	else if (type & CPU_BIND_LDMAP)
		numa_add(p, (unsigned)strtoul(entry, NULL, 0) % numa_count(p), set);
	else
		good = false;
	free(entry);
	return good;
}

static void tasks_set(struct step *s, const struct place *p)
{
	for (uint32_t t = 0; t < s->task_count; t++) {
		cpu_set_t set;

		if (!task_set(s, p, t, &set))
			continue;
		s->tasks[t].cpus = arena_alloc(&s->mem, sizeof set);
		*s->tasks[t].cpus = set;
	}
}

enum err step_affinity(struct step *s, struct err_text *why)
{
	struct place p;
	enum err e = E_OK;

	if (s->launch) {
		s->cpu_bind_type = s->launch->cpu_bind_type;
		s->cpu_bind = s->launch->cpu_bind;
	}
	if (!s->conf->taskplugin || !strstr(s->conf->taskplugin, "affinity"))
		return E_OK;
	s->binds = true;
	if (!place_read(s, &p)) {
		log_error("Could not determine allocated CPUs");
		return E_OK;
	}
	if (s->launch) {
		e = decide(s, &p, why);
	} else {
		s->cpu_bind_type = s->conf->taskpluginparam & CPU_BIND_VERBOSE;
		bind_to_avail(s, &p);
	}
	if (e == E_OK)
		tasks_set(s, &p);
	log_verbose("cpu bind: type 0x%x %s", s->cpu_bind_type, s->cpu_bind ? s->cpu_bind : "");
	free(p.cpu);
	return e;
}

static const char *kind_words(uint16_t type)
{
	return type & CPU_BIND_NONE ? "NONE" : type & CPU_BIND_RANK ? "RANK" :
	       type & CPU_BIND_MAP ? "MAP " : type & CPU_BIND_MASK ? "MASK" :
	       type & CPU_BIND_LDRANK ? "LDRANK" : type & CPU_BIND_LDMAP ? "LDMAP " :
	       type & CPU_BIND_LDMASK ? "LDMASK" :
	       type & ~CPU_BIND_VERBOSE ? "UNK " : "NULL";
}

/* Here and not in the child: what is told about all tasks comes from one. */
void step_bind(const struct step *s, const struct task *t)
{
	cpu_set_t now;
	bool good = true;
	char *mask;

	if (!s->binds)
		return;
	if (t->cpus)
		good = sched_setaffinity(t->pid, sizeof *t->cpus, t->cpus) == 0;
	if (!good)
		log_verbose("sched_setaffinity of task %u: %s", t->gtid, strerror(errno));
	if (!(s->cpu_bind_type & CPU_BIND_VERBOSE))
		return;
	CPU_ZERO(&now);
	if (t->cpus && good)
		now = *t->cpus;
	else
		(void)sched_getaffinity(t->pid, sizeof now, &now);
	mask = bind_mask_text(&now);
	dprintf(s->tasks[0].err_fd >= 0 ? s->tasks[0].err_fd : s->tasks[0].in_fd,
		"cpu-bind=%s - %s, task %2u %2u [%d]: mask %s%s%s\n",
		kind_words(s->cpu_bind_type), s->start.node_name, t->gtid, t->ltid,
		(int)t->pid, mask,
		s->cpu_bind_type & (uint16_t)~CPU_BIND_VERBOSE && !(s->cpu_bind_type & CPU_BIND_NONE) ?
		" set" : "", good ? "" : " FAILED");
	free(mask);
}
