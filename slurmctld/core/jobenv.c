/* SPDX-License-Identifier: Apache-2.0
 *
 * The environment of programs that run at the controller for a job.  What
 * only the shell knows, names of user and group, it adds. */
#include <stdlib.h>
#include <sys/wait.h>

#include "slurmctld/core/internal.h"

#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define NAMES_MAX 64

struct env {
	struct effects *out;
	const char **v;
	size_t n, cap;
};

static void add(struct env *e, const char *name, const char *value)
{
	if (value && e->n < e->cap)
		e->v[e->n++] = arena_printf(&e->out->mem, "%s=%s", name, value);
}

static void add_number(struct env *e, const char *name, long long v)
{
	if (e->n < e->cap)
		e->v[e->n++] = arena_printf(&e->out->mem, "%s=%lld", name, v);
}

const char *job_share_text(const struct job *j)
{
	switch (j->shared) {
	case JOB_SHARED_NONE:
		return "NO";
	case JOB_SHARED_OK:
		return "YES";
	case JOB_SHARED_USER:
		return "USER";
	case JOB_SHARED_MCS:
		return "MCS";
	}
	return "OK";
}

/* "4(x2),2" */
const char *job_cpus_per_node(struct effects *out, const struct job *j)
{
	uint16_t *value;
	uint32_t *reps, n = cpu_groups(out, j, &value, &reps);
	const char *s = "";

	for (uint32_t i = 0; i < n; i++)
		s = arena_printf(&out->mem, reps[i] > 1 ? "%s%s%u(x%u)" : "%s%s%u", s,
				 i ? "," : "", value[i], reps[i]);
	return s;
}

const char *job_tasks_per_node(const struct core *c, struct effects *out, const struct job *j)
{
	uint32_t n = j->alloc->node_count, run;
	uint16_t *tasks = arena_zalloc(&out->mem, (n + 1) * sizeof(*tasks));
	char *s = NULL;

	job_layout_tasks(c, j, tasks, &out->mem);
	for (uint32_t i = 0; i < n; i += run) {
		for (run = 1; i + run < n && tasks[i + run] == tasks[i]; run++)
			;
		s = arena_printf(&out->mem, run > 1 ? "%s%s%u(x%u)" : "%s%s%u", s ? s : "",
				 s ? "," : "", tasks[i], run);
	}
	return s;
}

enum { EXCL_NONE, EXCL_NODE, EXCL_USER, EXCL_MCS };
enum { OVER_NO, OVER_YES, OVER_OK };

uint16_t job_exclusive(const struct job *j)
{
	switch (j->shared) {
	case JOB_SHARED_OK:
		return EXCL_NONE;
	case JOB_SHARED_NONE:
		return EXCL_NODE;
	case JOB_SHARED_USER:
		return EXCL_USER;
	case JOB_SHARED_MCS:
		return EXCL_MCS;
	}
	if (j->part && j->part->flags & PART_FLAG_EXCLUSIVE_USER)
		return EXCL_USER;
	return j->part && !j->part->max_share ? EXCL_NODE : EXCL_NONE;
}

uint16_t job_oversubscribe(const struct job *j)
{
	if (j->shared == JOB_SHARED_OK)
		return OVER_YES;
	if (j->shared == NO_VAL16 && j->part &&
	    (j->part->max_share > 1 || j->part->max_share & SHARED_FORCE))
		return OVER_OK;
	return OVER_NO;
}

/* Plugins of the submitting command passed these on: "SPANK_X=y" 0x1f ... */
static void add_spank(struct env *e, const struct job *j)
{
	char *s = arena_strdup(&e->out->mem, job_str(j, JS_SPANK_ENV)), *end;

	for (; s && (end = strchr(s, 0x1f)); s = end + 1) {
		*end = '\0';
		if (strncmp(s, "SPANK_", 6) == 0 && e->n < e->cap)
			e->v[e->n++] = s;
	}
}

/* The leader's programs are told the nodes of all components. */
static void add_het(struct env *e, struct core *c, const struct job *j)
{
	struct bitset *nodes;
	const char *list;

	if (!j->het_job_id)
		return;
	add_number(e, "SLURM_PACK_JOB_ID", j->het_job_id);
	add_number(e, "SLURM_PACK_JOB_OFFSET", j->het_job_offset);
	add_number(e, "SLURM_HET_JOB_ID", j->het_job_id);
	add_number(e, "SLURM_HET_JOB_OFFSET", j->het_job_offset);
	if (het_is_part(j))
		return;
	nodes = effects_bitset(e->out, c->node_count);
	for (const struct job *k = j; k; k = k->het_next)
		if (k->alloc)
			bitset_or(nodes, k->alloc->nodes);
	list = effects_hostlist(c, e->out, nodes);
	add(e, "SLURM_PACK_JOB_NODELIST", list);
	add(e, "SLURM_HET_JOB_NODELIST", list);
}

static void add_ids(struct env *e, struct core *c, const struct job *j)
{
	add(e, "SLURM_CLUSTER_NAME", c->conf->clustername);
	add_number(e, "SLURM_JOB_ID", j->id);
	add_number(e, "SLURM_JOBID", j->id);
	add_number(e, "SLURM_JOB_UID", j->uid);
	add_number(e, "SLURM_JOB_GID", j->gid);
	add_het(e, c, j);
	if (!j->array_job_id || j->array_task_id == NO_VAL)
		return;
	add_number(e, "SLURM_ARRAY_JOB_ID", j->array_job_id);
	add_number(e, "SLURM_ARRAY_TASK_ID", j->array_task_id);
}

static void add_end(struct env *e, const struct job *j)
{
	int status = (int)j->exit_code;

	add_number(e, "SLURM_JOB_EXIT_CODE", j->exit_code);
	add_number(e, "SLURM_JOB_DERIVED_EC", j->derived_ec);
	add(e, "SLURM_JOB_EXIT_CODE2",
	    arena_printf(&e->out->mem, "%d:%d", WIFEXITED(status) ? WEXITSTATUS(status) : 0,
			 WIFSIGNALED(status) ? WTERMSIG(status) : 0));
}

static void add_array(struct env *e, struct core *c, const struct job *j, bool granted)
{
	const char **v = NULL;
	uint32_t n = 0;

	job_environment_add(c, e->out, j, granted, &v, &n);
	for (uint32_t i = 0; i < n && e->n < e->cap; i++)
		e->v[e->n++] = v[i];
}

const char **job_environment(struct core *c, struct effects *out, const struct job *j,
			     bool has_ended)
{
	static const struct { const char *name; enum job_string s; } texts[] = {
		{ "SLURM_JOB_NAME", JS_NAME }, { "SLURM_JOB_ACCOUNT", JS_ACCOUNT },
		{ "SLURM_JOB_QOS", JS_QOS }, { "SLURM_WCKEY", JS_WCKEY },
		{ "SLURM_JOB_NODELIST", JS_NODES }, { "SLURM_JOB_LICENSES", JS_LICENSES },
		{ "SLURM_JOB_RESERVATION", JS_RESERVATION }, { "SLURM_JOB_COMMENT", JS_COMMENT },
		{ "SLURM_JOB_EXTRA", JS_EXTRA }, { "SLURM_JOB_CONSTRAINTS", JS_FEATURES },
		{ "SLURM_JOB_STDIN", JS_STD_IN }, { "SLURM_JOB_STDOUT", JS_STD_OUT },
		{ "SLURM_JOB_STDERR", JS_STD_ERR }, { "SLURM_JOB_WORK_DIR", JS_WORK_DIR },
		{ "SLURM_JOB_SELINUX_CONTEXT", JS_SELINUX_CONTEXT },
		{ "SLURM_JOB_DEPENDENCY", JS_DEPENDENCY },
	};
	const char *spank = job_str(j, JS_SPANK_ENV);
	struct env e = { .out = out, .cap = NAMES_MAX + (spank ? strlen(spank) / 2 : 0) };

	e.v = arena_zalloc(&out->mem, (e.cap + 1) * sizeof(*e.v));
	e.v[e.n++] = DEFAULT_PATH;
	add_ids(&e, c, j);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		add(&e, texts[i].name, job_str(j, texts[i].s));
	add(&e, "SLURM_JOB_PARTITION", j->part ? j->part->name : job_str(j, JS_PARTITION));
	add(&e, "SLURM_JOB_OVERSUBSCRIBE", job_share_text(j));
	add_number(&e, "SLURM_JOB_RESTART_COUNT", j->restart_cnt);
	add_number(&e, "SLURM_JOB_START_TIME", j->start_time);
	add_number(&e, "SLURM_JOB_END_TIME", j->end_time);
	if (j->alloc) {
		add(&e, "SLURM_JOB_CPUS_PER_NODE", job_cpus_per_node(out, j));
		add_number(&e, "SLURM_JOB_NUM_NODES", j->alloc->node_count);
	}
	add_array(&e, c, j, false);
	if (has_ended)
		add_end(&e, j);
	add_spank(&e, j);
	return e.v;
}

/* ---- batch scripts ------------------------------------------------------ */

static const char *profile_text(struct effects *out, uint32_t profile)
{
	static const char *const word[] = { "Energy", "Task", "Lustre", "Network" };
	static const uint8_t order[] = { 0, 2, 3, 1 };  /* as stock lists them */
	const char *s = "";

	if (profile & 1)
		return "None";
	for (size_t i = 0; i < sizeof(order); i++)
		if (profile & 2u << order[i])
			s = arena_printf(&out->mem, "%s%s%s", s, *s ? "," : "", word[order[i]]);
	return s;
}

#define FREQ_WORD 0x80000000u   /* a word, not kHz */

static const char *freq_text(struct effects *out, uint32_t v)
{
	static const struct { uint32_t v; const char *word; } all[] = {
		{ 0x80000001, "Low" }, { 0x80000002, "Medium" }, { 0x80000003, "High" },
		{ 0x80000004, "Highm1" }, { 0x88000000, "Conservative" },
		{ 0x84000000, "OnDemand" }, { 0x82000000, "Performance" },
		{ 0x81000000, "PowerSave" }, { 0x80800000, "UserSpace" },
		{ 0x80400000, "SchedUtil" },
	};

	if (!v || v == NO_VAL)
		return NULL;
	if (!(v & FREQ_WORD))
		return arena_printf(&out->mem, "%u", v);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].v == v)
			return all[i].word;
	return "Unknown";
}

/* "Low-High:Performance", as --cpu-freq takes it. */
static const char *cpu_freq_text(struct effects *out, const struct job *j)
{
	const char *min = freq_text(out, j->cpu_freq_min), *max = freq_text(out, j->cpu_freq_max);
	const char *gov = freq_text(out, j->cpu_freq_gov);

	if (min && max && gov)
		return arena_printf(&out->mem, "%s-%s:%s", min, max, gov);
	if (min && max)
		return arena_printf(&out->mem, "%s-%s", min, max);
	return max ? max : gov;
}

static void add_batch(struct env *e, struct core *c, const struct job *j)
{
	static const char *const exclusive[] = { "NO", "NODE", "USER", "MCS" };
	static const char *const over[] = { "NO", "YES", "OK" };

	add(e, "SLURM_JOB_NAME", job_str(j, JS_NAME));
	add(e, "SLURM_JOB_OVERSUBSCRIBE", over[job_oversubscribe(j)]);
	add(e, "SLURM_JOB_EXCLUSIVE", exclusive[job_exclusive(j)]);
	if (j->open_mode)
		add(e, "SLURM_OPEN_MODE", j->open_mode == OPEN_MODE_APPEND ? "a" : "t");
	add(e, "SLURM_JOB_DEPENDENCY", job_str(j, JS_DEPENDENCY));
	if (j->profile && j->profile != NO_VAL)
		add(e, "SLURM_PROFILE", profile_text(e->out, j->profile));
	add(e, "SLURM_ACCTG_FREQ", job_str(j, JS_ACCTG_FREQ));
	add(e, "SLURM_NETWORK", job_str(j, JS_NETWORK));
	add(e, "SLURM_CPU_FREQ_REQ", cpu_freq_text(e->out, j));
	if (j->segment_size)
		add_number(e, "SLURM_JOB_SEGMENT_SIZE", j->segment_size);
	add(e, "SLURM_TASKS_PER_NODE", job_tasks_per_node(c, e->out, j));
}

/* What commands and node daemons of newer releases leave to the controller. */
uint32_t batch_environment(struct core *c, struct effects *out, const struct job *j,
			   const char ***env)
{
	const char **het;
	uint32_t hets;
	struct env e = { .out = out };

	het_environment(c, out, j, &het, &hets);
	e.cap = NAMES_MAX + hets;
	e.v = arena_alloc(&out->mem, e.cap * sizeof(*e.v));
	add_array(&e, c, j, true);
	for (uint32_t i = 0; i < hets; i++)
		e.v[e.n++] = het[i];
	add_batch(&e, c, j);
	*env = e.v;
	return (uint32_t)e.n;
}

struct effect *effect_run(struct effects *out, enum run_kind kind, const char *const *argv)
{
	struct effect *e = effects_add(out, EFF_RUN);

	e->run_kind = kind;
	e->argv = argv;
	return e;
}
