/* SPDX-License-Identifier: Apache-2.0
 *
 * See prep.h.  The scripts run as root: nothing that a user chose may become
 * the name of a variable here unless it starts with SPANK_. */
#include "slurmd/prep.h"

#include <glob.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "slurmd/children.h"
#include "wire/base/log.h"
#include "wire/base/sluid.h"
#include "wire/base/strbuf.h"

#define CORE_SPEC_THREAD 0x8000u
#define RESTARTS_UNKNOWN 0xffffu

bool prep_job_fill(const struct req *q, struct prep_job *o)
{
	memset(o, 0, sizeof *o);
	o->cred = q->cred;
	o->exit_code = INFINITE;
	switch (q->frame.header.type) {
	case REQUEST_LAUNCH_PROLOG: {
		const struct prolog_launch_msg *m = q->body;

		o->het_job_id = m->het_job_id;
		o->uid = m->uid;
		o->gid = m->gid;
		o->nodes = m->nodes;
		o->work_dir = m->work_dir;
		o->gres = m->job_gres_prep;
		o->gres_count = m->job_gres_prep_count;
		o->spank_env = m->spank_job_env;
		o->spank_env_count = m->spank_job_env_count;
		break;
	}
	case REQUEST_BATCH_JOB_LAUNCH: {
		const struct batch_job_launch_msg *m = q->body;

		o->het_job_id = m->het_job_id;
		o->nodes = m->nodes;
		o->work_dir = m->work_dir;
		o->spank_env = m->spank_job_env;
		o->spank_env_count = m->spank_job_env_count;
		break;
	}
	case REQUEST_LAUNCH_TASKS: {
		const struct launch_tasks_request_msg *m = q->body;

		o->het_job_id = m->het_job_id;
		o->nodes = m->complete_nodelist;
		o->work_dir = m->cwd;
		o->spank_env = m->spank_job_env;
		o->spank_env_count = m->spank_job_env_count;
		break;
	}
	case REQUEST_TERMINATE_JOB:
	case REQUEST_ABORT_JOB:
	case REQUEST_KILL_TIMELIMIT:
	case REQUEST_KILL_PREEMPTED: {
		const struct kill_job_msg *m = q->body;

		o->het_job_id = m->het_job_id;
		o->uid = m->job_uid;
		o->gid = m->job_gid;
		o->nodes = m->nodes;
		o->work_dir = m->work_dir;
		o->derived_ec = m->derived_ec;
		o->exit_code = m->exit_code;
		o->gres = m->job_gres_prep;
		o->gres_count = m->job_gres_prep_count;
		o->spank_env = m->spank_job_env;
		o->spank_env_count = m->spank_job_env_count;
		break;
	}
	default:
		return false;
	}
	o->job_id = q->job_id;
	o->release = q->frame.header.version;
	if (o->cred)
		o->sluid = o->cred->step_id.sluid;
	if (o->cred && (q->frame.header.type == REQUEST_BATCH_JOB_LAUNCH ||
			q->frame.header.type == REQUEST_LAUNCH_TASKS)) {
		o->uid = o->cred->id.uid;
		o->gid = o->cred->id.gid;
	}
	return true;
}

struct env {
	struct arena *mem;
	char **v;
	size_t count, cap;
};

static void put(struct env *e, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void put_raw(struct env *e, char *text)
{
	if (e->count + 1 >= e->cap) {
		size_t cap = e->cap ? 2 * e->cap : 64;
		char **v = arena_alloc(e->mem, cap * sizeof *v);

		if (e->count)
			memcpy(v, e->v, e->count * sizeof *v);
		e->v = v;
		e->cap = cap;
	}
	e->v[e->count++] = text;
	e->v[e->count] = NULL;
}

static void put(struct env *e, const char *name, const char *fmt, ...)
{
	char value[8192];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(value, sizeof value, fmt, ap);
	va_end(ap);
	put_raw(e, arena_printf(e->mem, "%s=%s", name, value));
}

static void put_str(struct env *e, const char *name, const char *value)
{
	if (value)
		put_raw(e, arena_printf(e->mem, "%s=%s", name, value));
}

static void put_cpus(struct env *e, const struct cred *c)
{
	struct strbuf b = { 0 };

	for (uint32_t k = 0; k < c->cpu_array_n && k < c->cpu_array_reps_count; k++) {
		strbuf_sep(&b, ",");
		if (c->cpu_array_reps[k] > 1)
			strbuf_printf(&b, "%u(x%u)", c->cpu_array[k], c->cpu_array_reps[k]);
		else
			strbuf_printf(&b, "%u", c->cpu_array[k]);
	}
	if (b.len)
		put_str(e, "SLURM_JOB_CPUS_PER_NODE", b.s);
	strbuf_fini(&b);
}

static const char *share_name(uint16_t v)
{
	static const char *const names[] = { "NO", "YES", "OK", "USER", "MCS" };

	if (v == NO_VAL16)
		return "OK";
	return v < sizeof names / sizeof *names ? names[v] : "OK";
}

static const char *exclusive_name(uint16_t v)
{
	static const char *const names[] = { "NO", "NODE", "USER", "MCS", "TOPO" };

	return v < sizeof names / sizeof *names ? names[v] : "NO";
}

static void put_cred(struct env *e, const struct cred *c, enum wire_version release)
{
	bool threads = c->job_core_spec != NO_VAL16 && c->job_core_spec & CORE_SPEC_THREAD;

	put_str(e, "SLURM_JOB_ACCOUNT", c->job_account);
	put_str(e, "SLURM_JOB_COMMENT", c->job_comment);
	put_str(e, "SLURM_JOB_CONSTRAINTS", c->job_constraints);
	put_cpus(e, c);
	put_str(e, "SLURM_JOB_PARTITION", c->job_partition);
	put_str(e, "SLURM_JOB_RESERVATION", c->job_reservation);
	put_str(e, "SLURM_JOB_STDERR", c->job_std_err);
	put_str(e, "SLURM_JOB_STDIN", c->job_std_in);
	put_str(e, "SLURM_JOB_STDOUT", c->job_std_out);
	if (c->job_restart_cnt != RESTARTS_UNKNOWN)
		put(e, "SLURM_JOB_RESTART_COUNT", "%u", c->job_restart_cnt);
	if (c->job_nhosts)
		put(e, "SLURM_JOB_NUM_NODES", "%u", c->job_nhosts);
	if (c->job_ntasks)
		put(e, "SLURM_JOB_NTASKS", "%u", c->job_ntasks);
	if (wire_version_in(release, UNTIL(23_02)))
		return;
	put(e, "SLURM_JOB_CORE_SPEC_COUNT", "%u", c->job_core_spec == NO_VAL16 ? 0u :
	    c->job_core_spec & ~CORE_SPEC_THREAD);
	put_str(e, "SLURM_JOB_CORE_SPEC_TYPE", threads ? "threads" : "cores");
	if (c->job_end_time)
		put(e, "SLURM_JOB_END_TIME", "%lld", (long long)c->job_end_time);
	put_str(e, "SLURM_JOB_EXTRA", c->job_extra);
	put_str(e, "SLURM_JOB_LICENSES", c->job_licenses);
	put_str(e, "SLURM_JOB_OVERSUBSCRIBE", share_name(c->job_oversubscribe));
	if (wire_version_in(release, SINCE(26_05)))
		put_str(e, "SLURM_JOB_EXCLUSIVE", exclusive_name(c->job_exclusive));
	put_str(e, "SLURM_JOB_QOS", c->job_qos);
	if (c->job_start_time)
		put(e, "SLURM_JOB_START_TIME", "%lld", (long long)c->job_start_time);
}

static void put_user(struct env *e, const struct prep_job *j)
{
	struct passwd pw, *found = NULL;
	char buf[16384];

	if (j->cred && j->cred->id.pw_name) {
		put_str(e, "SLURM_JOB_USER", j->cred->id.pw_name);
		return;
	}
	if (!getpwuid_r(j->uid, &pw, buf, sizeof buf, &found) && found)
		put_str(e, "SLURM_JOB_USER", found->pw_name);
	else
		put(e, "SLURM_JOB_USER", "%u", j->uid);
}

/* Variables that tell of visible devices, as gres.conf's Flags= have them. */
static void put_devices(struct env *e, const struct site *s, const struct bitset *bits)
{
	static const struct { const char *name; uint32_t flag; } vendors[] = {
		{ "CUDA_VISIBLE_DEVICES", CONF_GRES_NVIDIA },
		{ "ROCR_VISIBLE_DEVICES", CONF_GRES_AMD },
		{ "ZE_AFFINITY_MASK", CONF_GRES_INTEL },
		{ "GPU_DEVICE_ORDINAL", CONF_GRES_OPENCL },
	};
	struct strbuf b = { 0 };
	uint32_t flags = 0;

	for (uint32_t k = 0; s->node && k < s->node->gres_count; k++)
		if (strcasecmp(s->node->gres_list[k].name, "gpu") == 0)
			flags |= s->node->gres_list[k].flags;
	bitset_foreach (i, bits) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "%u", i);
	}
	for (size_t k = 0; b.s && k < sizeof vendors / sizeof *vendors; k++)
		if (flags & vendors[k].flag)
			put_str(e, vendors[k].name, b.s);
	if (b.s)
		put_str(e, "SLURM_JOB_GPUS", b.s);
	strbuf_fini(&b);
}

/* Which devices of this node the job has. */
static void put_gres(struct env *e, const struct site *s, const struct prep_job *j)
{
	struct arena mem = { 0 };
	struct bitset *all = NULL;
	char **names = NULL;
	uint32_t count = 0, here = UINT32_MAX;

	if (!j->gres_count || hostlist_expand(j->nodes, &mem, &names, &count, NULL))
		goto out;
	for (uint32_t k = 0; k < count; k++)
		if (streq(names[k], s->name))
			here = k;
	for (uint32_t k = 0; k < j->gres_count && here != UINT32_MAX; k++) {
		const struct gres_prep *g = &j->gres[k];

		if (g->plugin_id != 0x757067u)          /* "gpu" */
			continue;
		if (!g->has_bit_alloc || here >= g->node_cnt || !g->gres_bit_alloc[here])
			continue;
		if (!all)
			all = bitset_dup(g->gres_bit_alloc[here]);
		else if (all->bits == g->gres_bit_alloc[here]->bits)
			bitset_or(all, g->gres_bit_alloc[here]);        /* another type */
	}
	if (all)
		put_devices(e, s, all);
	bitset_free(all);
out:
	arena_fini(&mem);
}

char **prep_env(const struct site *s, const struct prep_job *j, bool epilog,
		struct arena *mem)
{
	struct env e = { .mem = mem };
	char sluid[SLUID_TEXT];

	for (uint32_t k = 0; k < j->spank_env_count; k++)
		if (j->spank_env[k] && !strncmp(j->spank_env[k], "SPANK_", 6))
			put_raw(&e, arena_strdup(mem, j->spank_env[k]));
	put_gres(&e, s, j);
	put_str(&e, "SLURMD_NODENAME", s->name);
	put_str(&e, "SLURM_CONF", s->conf_path);
	put_str(&e, "SLURM_CLUSTER_NAME", s->conf->clustername);
	put(&e, "SLURM_JOB_ID", "%u", j->job_id);
	put(&e, "SLURM_JOB_UID", "%u", j->uid);
	put(&e, "SLURM_JOB_GID", "%u", j->gid);
	put_str(&e, "SLURM_JOB_WORK_DIR", j->work_dir);
	put(&e, "SLURM_JOBID", "%u", j->job_id);
	if (j->sluid)
		put_str(&e, "SLURM_JOB_SLUID", sluid_text(j->sluid, sluid));
	if (j->het_job_id && j->het_job_id != NO_VAL) {
		put(&e, "SLURM_PACK_JOB_ID", "%u", j->het_job_id);
		put(&e, "SLURM_HET_JOB_ID", "%u", j->het_job_id);
	}
	put(&e, "SLURM_UID", "%u", j->uid);
	put_str(&e, "SLURM_NODELIST", j->nodes);
	if (wire_version_in(j->release, SINCE(23_02)))
		put_str(&e, "SLURM_JOB_NODELIST", j->nodes);
	put_str(&e, "SLURM_SCRIPT_CONTEXT", epilog ? "epilog_slurmd" : "prolog_slurmd");
	if (epilog && j->exit_code != INFINITE) {
		int st = (int)j->exit_code;

		put(&e, "SLURM_JOB_DERIVED_EC", "%u", j->derived_ec);
		put(&e, "SLURM_JOB_EXIT_CODE", "%u", j->exit_code);
		put(&e, "SLURM_JOB_EXIT_CODE2", "%d:%d", WIFEXITED(st) ? WEXITSTATUS(st) : 0,
		    WIFSIGNALED(st) ? WTERMSIG(st) : 0);
	}
	if (j->cred)
		put_cred(&e, j->cred, j->release);
	put_user(&e, j);
	return e.v;
}

/* ---- running ----------------------------------------------------------- */

struct prep {
	struct req *q;
	struct arena mem;
	bool epilog;
	char **env;
	char **paths;
	uint32_t count, next, cap;
	enum err result;
	void (*done)(void *arg, enum err e);
	void *arg;
};

static void paths_add(struct prep *p, const char *path)
{
	if (p->count == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 4;
		p->paths = mem_realloc(p->paths, p->cap * sizeof *p->paths);
	}
	p->paths[p->count++] = arena_strdup(&p->mem, path);
}

static void paths_find(struct prep *p, const struct conf_strings *list)
{
	const struct site *s = p->q->site;

	for (uint32_t k = 0; k < list->count; k++) {
		const char *text = list->v[k];
		glob_t g;

		if (*text != '/')
			text = arena_printf(&p->mem, "%s/%s", s->conf->dir, text);
		if (glob(text, GLOB_ERR, NULL, &g) == 0) {
			for (size_t i = 0; i < g.gl_pathc; i++)
				paths_add(p, g.gl_pathv[i]);
			globfree(&g);
		} else {
			log_error("%s: Unable to create list of paths [%s]",
				  p->epilog ? "epilog" : "prolog", text);
			p->result = p->epilog ? E_D_EPILOG_FAILED : E_D_PROLOG_FAILED;
		}
	}
}

static uint32_t time_limit(const struct prep *p)
{
	const struct conf *c = p->q->site->conf;
	uint16_t own = p->epilog ? c->epilogtimeout : c->prologtimeout;

	if (own && own != NO_VAL16 && own != INFINITE16)
		return own;
	own = c->prologepilogtimeout;
	return own == NO_VAL16 || own == INFINITE16 ? 0 : own;
}

static void run_next(struct prep *p);

static void script_done(void *arg, const struct script_result *r)
{
	struct prep *p = arg;
	const char *kind = p->epilog ? "epilog" : "prolog";

	if (r->status == 0 && !r->timed_out) {
		log_debug2("%s success output:%s", kind, r->output);
	} else {
		if (r->timed_out)
			log_error("%s timed out output:%s", kind, r->output);
		else if (r->status == -1)
			log_error("%s didn't run: %s", kind, r->output);
		else if (WIFSIGNALED(r->status))
			log_error("%s killed by signal %u output:%s", kind, WTERMSIG(r->status),
				  r->output);
		else
			log_error("%s failed: rc:%u output:%s", kind, WEXITSTATUS(r->status),
				  r->output);
		log_error("[job %u] %s failed status=%d:%d", p->q->job_id, kind,
			  r->status != -1 && WIFEXITED(r->status) ? WEXITSTATUS(r->status) : 0,
			  r->status != -1 && WIFSIGNALED(r->status) ? WTERMSIG(r->status) : 0);
		p->result = p->epilog ? E_D_EPILOG_FAILED : E_D_PROLOG_FAILED;
	}
	run_next(p);
}

static void run_next(struct prep *p)
{
	if (p->next < p->count && !p->result) {
		script_run(p->q->d, p->paths[p->next++], p->env, time_limit(p), script_done, p);
		return;
	}
	p->done(p->arg, p->result);
	req_unref(p->q);
	arena_fini(&p->mem);
	free(p->paths);
	free(p);
}

void prep_run(struct req *q, bool epilog, void (*done)(void *arg, enum err e), void *arg)
{
	struct prep *p = mem_zalloc(sizeof *p);
	struct prep_job j;

	p->q = req_ref(q);
	p->epilog = epilog;
	p->done = done;
	p->arg = arg;
	paths_find(p, epilog ? &q->site->conf->epilog : &q->site->conf->prolog);
	if (prep_job_fill(q, &j))
		p->env = prep_env(q->site, &j, epilog, &p->mem);
	run_next(p);
}
