/* SPDX-License-Identifier: Apache-2.0
 *
 * From the message slurmd passed on to a struct step: who runs, where this
 * node stands among the others, which tasks are ours, who wants to hear. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/cred.h"
#include "conf/auth.h"
#include "slurmd/stepd/pattern.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"
#include "wire/base/sluid.h"

static void name_step(struct step *s)
{
	const char *what = s->id.step_id == STEP_BATCH ? "batch" :
			   s->id.step_id == STEP_EXTERN ? "extern" :
			   s->id.step_id == STEP_INTERACTIVE ? "interactive" : NULL;

	if (what)
		snprintf(s->name, sizeof s->name, "%u.%s", s->id.job_id, what);
	else
		snprintf(s->name, sizeof s->name, "%u.%u", s->id.job_id, s->id.step_id);
	if (s->id.step_het_comp != NO_VAL) {
		size_t n = strlen(s->name);

		snprintf(s->name + n, sizeof s->name - n, "+%u", s->id.step_het_comp);
	}
	log_set_tag(s->name);
}

/* This node's index in a host list; NO_VAL when it is not there. */
static uint32_t node_index(struct step *s, const char *list, uint32_t *count,
			   const char **parent, int32_t parent_rank)
{
	struct arena mem = {0};
	char **names = NULL;
	uint32_t n = 0, found = NO_VAL;

	if (hostlist_expand(list, &mem, &names, &n, NULL) != E_OK)
		return NO_VAL;
	for (uint32_t i = 0; i < n; i++)
		if (streq(names[i], s->start.node_name)) {
			found = i;
			break;
		}
	if (count)
		*count = n;
	if (parent && parent_rank >= 0 && (uint32_t)parent_rank < n)
		*parent = arena_strdup(&s->mem, names[parent_rank]);
	arena_fini(&mem);
	return found;
}

/* Where this node stands in the tree that reports the end of the step. */
static void load_tree(struct step *s)
{
	const char *list = s->cred->step_hostlist;
	uint32_t n = 0, rank = list ? node_index(s, list, &n, NULL, -1) : NO_VAL;

	s->tree.parent = -1;
	if (rank == NO_VAL)
		return;
	tree_place(rank, n, &s->tree);
	if (s->tree.parent >= 0)
		(void)node_index(s, list, NULL, &s->parent_node, s->tree.parent);
	if (s->tree.children)
		s->children = bitset_new(s->tree.children);
}

static const struct wire_addr *launch_addr(const struct step *s)
{
	if (s->launch && s->launch->orig_addr.family)
		return &s->launch->orig_addr;
	return s->start.orig_addr.family ? &s->start.orig_addr : &s->start.peer;
}

static void load_srun(struct step *s)
{
	const struct launch_tasks_request_msg *m = s->launch;
	struct peer *p;

	if (s->flags & LAUNCH_LOCAL_IO)
		return;
	p = mem_zalloc(sizeof *p);
	p->version = s->version;
	p->uid = s->uid;
	p->key = m->cred.signature;
	p->bare_key = m->cred.signature_bare;
	if (m->num_resp_port) {
		p->resp = *launch_addr(s);
		p->resp.port = m->resp_port[s->node_id % m->num_resp_port];
	}
	if (m->num_io_port) {
		p->io = *launch_addr(s);
		p->io.port = m->io_port[s->node_id % m->num_io_port];
	}
	s->peers = p;
}

static char **argv_dup(struct step *s, char *const *from, uint32_t n)
{
	char **v = arena_zalloc(&s->mem, (n + 1) * sizeof *v);

	for (uint32_t i = 0; i < n; i++)
		v[i] = arena_strdup(&s->mem, from[i] ? from[i] : "");
	return n ? v : NULL;
}

/* Name of one standard file of one task; NULL: through us. */
static char *task_file(const struct step *s, const char *pattern, uint32_t gtid)
{
	struct pattern_values v = {
		.job_id = s->id.job_id, .step_id = s->id.step_id,
		.array_job_id = s->array_task_id != NO_VAL ? s->array_job_id : 0,
		.array_task_id = s->array_task_id,
		.node_id = s->node_id + s->node_offset,
		.task_id = gtid + s->task_offset,
		.restarts = s->cred->job_restart_cnt,
		.node_name = s->start.node_name, .user = s->user,
		.job_name = envv_get(&s->env, "SLURM_JOB_NAME"),
		.sluid = envv_get(&s->env, "SLURM_JOB_SLUID")
	};
	long only = s->kind == KIND_TASKS ? pattern_single_task(pattern) : -1;

	if (!pattern)
		return NULL;
	if (only < 0)
		return pattern_expand(pattern, s->cwd, &v);
	if ((uint64_t)only >= s->ntasks) {
		log_error("Task ID in filename is invalid");
		return NULL;
	}
	return (uint32_t)only == v.task_id ? NULL : mem_strdup("/dev/null");
}

static void task_init(struct task *t, uint32_t ltid, uint32_t gtid)
{
	*t = (struct task){ .ltid = ltid, .gtid = gtid, .in_fd = -1, .out_fd = -1,
			    .err_fd = -1, .go_fd = -1, .status = -1 };
}

static enum err load_tasks(struct step *s, struct err_text *why)
{
	const struct launch_tasks_request_msg *m = s->launch;
	const struct launch_node_tasks *nt;
	uint32_t count = 0;

	s->id = m->step_id;
	s->cwd = m->cwd ? m->cwd : "/";
	s->flags = m->flags;
	s->ntasks = m->ntasks;
	s->open_mode = m->open_mode;
	s->node_offset = m->het_job_node_offset != NO_VAL ? m->het_job_node_offset : 0;
	s->task_offset = m->het_job_task_offset != NO_VAL ? m->het_job_task_offset : 0;
	s->job_id = m->het_job_id != NO_VAL && m->het_job_id ? m->het_job_id : s->id.job_id;
	s->node_id = node_index(s, m->complete_nodelist, &count, NULL, -1);
	if (s->node_id == NO_VAL || s->node_id >= m->nnodes)
		return err_set(why, E_D_INVALID_JOB_CREDENTIAL, "node %s is not in %s",
			       s->start.node_name,
			       m->complete_nodelist ? m->complete_nodelist : "(null)");
	s->node_count = m->nnodes;
	nt = &m->node_tasks[s->node_id];
	if (nt->count > nt->gtids_count || !nt->count)
		return err_set(why, E_D_INVALID_JOB_CREDENTIAL, "no tasks for this node");
	for (uint32_t i = 0; i < m->env_count; i++)
		envv_put(&s->env, m->env[i]);
	if (envv_get(&s->env, "SLURM_ARRAY_JOB_ID"))
		s->array_job_id = (uint32_t)strtoul(envv_get(&s->env, "SLURM_ARRAY_JOB_ID"),
						    NULL, 10);
	if (envv_get(&s->env, "SLURM_ARRAY_TASK_ID"))
		s->array_task_id = (uint32_t)strtoul(envv_get(&s->env,
						"SLURM_ARRAY_TASK_ID"), NULL, 10);
	s->task_count = nt->count;
	s->tasks = mem_zalloc(s->task_count * sizeof *s->tasks);
	for (uint32_t i = 0; i < s->task_count; i++)
		task_init(&s->tasks[i], i, nt->gtids[i]);
	return E_OK;
}

/* What needs the user's name and the environment. */
static void load_task_files(struct step *s)
{
	const struct launch_tasks_request_msg *m = s->launch;
	char **argv = argv_dup(s, (char *const *)m->argv, m->argv_count);

	for (uint32_t i = 0; i < s->task_count; i++) {
		struct task *t = &s->tasks[i];

		t->ifname = task_file(s, m->ifname, t->gtid);
		t->ofname = task_file(s, m->ofname, t->gtid);
		t->efname = task_file(s, m->efname, t->gtid);
		if (!(s->flags & LAUNCH_MULTI_PROG))
			t->argv = argv;
		else if (m->argv_count > 1)
			t->argv = multiprog_argv(m->argv[1], t->gtid, argv + 2, &s->mem,
						 &t->argv_error);
	}
}

static enum err load_batch(struct step *s, struct err_text *why)
{
	const struct batch_job_launch_msg *m = s->batch;
	char **argv;

	s->id = s->cred->step_id;
	if (m->job_id && m->job_id != NO_VAL)
		s->id.job_id = m->job_id;
	s->id.step_id = STEP_BATCH;
	s->id.step_het_comp = NO_VAL;
	s->job_id = s->id.job_id;
	s->cwd = m->work_dir ? m->work_dir : "/";
	s->open_mode = m->open_mode;
	s->array_job_id = m->array_job_id;
	s->array_task_id = m->array_task_id;
	s->ntasks = m->ntasks;
	s->node_count = 1;
	s->cpus = m->cpus_per_node_count ? m->cpus_per_node[0] : 1;
	for (uint32_t i = 0; i < m->environment_count; i++)
		envv_put(&s->env, m->environment[i]);
	if (!s->start.script_path)
		return err_set(why, E_D_CREATE_BATCH_SCRIPT_ERROR, "no batch script");
	argv = arena_zalloc(&s->mem, (m->argv_count + 2) * sizeof *argv);
	argv[0] = arena_strdup(&s->mem, s->start.script_path);
	/* sbatch sends the script's name as the first argument. */
	for (uint32_t i = 1; i < m->argv_count; i++)
		argv[i] = arena_strdup(&s->mem, m->argv[i]);
	s->task_count = 1;
	s->tasks = mem_zalloc(sizeof *s->tasks);
	task_init(&s->tasks[0], 0, 0);
	s->tasks[0].argv = argv;
	return E_OK;
}

static void load_batch_files(struct step *s)
{
	const struct batch_job_launch_msg *m = s->batch;
	struct task *t = &s->tasks[0];
	const char *out = m->std_out;

	if (!out || !*out)
		out = s->array_task_id == NO_VAL ? "slurm-%j.out" : "slurm-%A_%a.out";
	t->ifname = task_file(s, m->std_in && *m->std_in ? m->std_in : "/dev/null", 0);
	t->ofname = task_file(s, out, 0);
	t->efname = task_file(s, m->std_err && *m->std_err ? m->std_err : out, 0);
}

static void load_extern(struct step *s)
{
	const struct prolog_launch_msg *m = s->prolog;

	s->id = s->cred->step_id;
	if (m->job_id && m->job_id != NO_VAL)
		s->id.job_id = m->job_id;
	s->id.step_id = STEP_EXTERN;
	s->id.step_het_comp = NO_VAL;
	s->job_id = s->id.job_id;
	s->cwd = m->work_dir ? m->work_dir : "/";
	s->node_id = node_index(s, m->nodes, &s->node_count, NULL, -1);
	if (s->node_id == NO_VAL)
		s->node_id = 0;
}

static enum err decode(struct step *s, struct err_text *why)
{
	const struct wire_type *t = wire_type_find(s->start.type, s->version);
	struct wire_in in = { s->start.body.p, s->start.body.p + s->start.body.len,
			      &s->mem, false, false };
	void *body;

	if (!t || !t->body)
		return err_set(why, E_UNEXPECTED_MSG_ERROR, "no such message: %u",
			       s->start.type);
	body = arena_alloc(&s->mem, t->body->size);
	wire_unpack(&in, t->body, body, s->version);
	if (in.failed || in.p != in.end)
		return err_set(why, E_COMMUNICATIONS_RECEIVE_ERROR, "cannot decode %s",
			       t->name);
	switch (s->start.type) {
	case REQUEST_LAUNCH_TASKS:
		s->launch = body;
		s->cred = &s->launch->cred.cred;
		s->kind = KIND_TASKS;
		return E_OK;
	case REQUEST_BATCH_JOB_LAUNCH:
		s->batch = body;
		s->cred = &s->batch->cred.cred;
		s->kind = KIND_BATCH;
		return E_OK;
	case REQUEST_LAUNCH_PROLOG:
		s->prolog = body;
		s->cred = &s->prolog->cred.cred;
		s->kind = KIND_EXTERN;
		return E_OK;
	default:
		return err_set(why, E_UNEXPECTED_MSG_ERROR, "%s starts no step", t->name);
	}
}

static void load_share(struct step *s)
{
	struct cred_node_share share = {0};
	struct err_text why;

	if (cred_node_share(s->cred, s->start.node_name, &s->mem, &share, &why) != E_OK) {
		log_debug("credential: %s", why.text);
		return;
	}
	if (s->kind == KIND_TASKS)
		s->cpus = cred_step_cpus(&share, s->start.conf_cpus);
	s->mem_mb = share.step_mem_mb ? share.step_mem_mb : share.job_mem_mb;
}

struct auth *step_auth_new(struct step *s, bool key_holder, struct err_text *why)
{
	struct auth_options o = { .key_holder = key_holder };

	conf_auth_options(s->conf, &o, &s->mem);
	return auth_new(&o, why);
}

enum err step_load(struct step *s, struct err_text *why)
{
	char text[SLUID_TEXT];
	const char *sluid;
	enum err e;

	s->array_task_id = NO_VAL;
	if (!wire_version_find(s->start.version, &s->version))
		return err_set(why, E_PROTOCOL_VERSION_ERROR, "unknown release %u",
			       s->start.version);
	/* Our own controller speaks for all releases: then srun's counts. */
	s->release = s->ctld.version_known && s->ctld.version < s->version ? s->ctld.version :
		     s->version;
	if ((e = decode(s, why)) != E_OK)
		return e;
	s->uid = s->cred->id.uid;
	s->gid = s->cred->id.gid;
	if (s->kind == KIND_TASKS)
		e = load_tasks(s, why);
	else if (s->kind == KIND_BATCH)
		e = load_batch(s, why);
	else
		load_extern(s);
	if (e != E_OK)
		return e;
	name_step(s);
	if ((e = user_groups(s)) != E_OK)
		return err_set(why, e, "no user %u on this node", s->uid);
	load_share(s);
	load_tree(s);
	sluid = s->id.sluid ? sluid_text(s->id.sluid, text) : NULL;
	if (sluid)
		envv_set(&s->env, "SLURM_JOB_SLUID", "%s", sluid);
	if (s->kind == KIND_TASKS)
		load_srun(s);
	return s->kind == KIND_EXTERN ? E_OK : step_affinity(s, why);
}

/* May take long: a login shell, a home directory on a slow server. */
void step_prepare(struct step *s)
{
	if (s->kind == KIND_BATCH) {
		step_login_env(s);
		step_env_batch(s);
		load_batch_files(s);
	} else if (s->kind == KIND_TASKS) {
		load_task_files(s);
	}
	step_env_node(s);
	step_umask(s);
}
