/* SPDX-License-Identifier: Apache-2.0
 *
 * What the node adds to the environment that the client or the controller
 * sent.  Names and the order of override are stock's; variables that only
 * some releases set follow the release of the controller. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "conf/names.h"
#include "slurmd/stepd/bind.h"
#include "slurmd/stepd/gresenv.h"
#include "slurmd/stepd/step.h"
#include "wire/base/hostlist.h"

/* "2(x3),1" of values with repetitions. */
static char *compressed(const uint16_t *value, const uint32_t *reps, uint32_t n)
{
	struct strbuf b = {0};

	for (uint32_t i = 0; i < n; i++) {
		uint32_t run = reps ? reps[i] : 1;

		while (!reps && i + 1 < n && value[i + 1] == value[i])
			run++, i++;
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "%u", value[i]);
		if (run > 1)
			strbuf_printf(&b, "(x%u)", run);
	}
	return strbuf_take(&b);
}

/* Tasks by the list of an arbitrary distribution: each mention of a node is
 * one there. */
static void count_named(const char *list, char **node, uint32_t hosts, uint32_t ntasks,
			uint16_t *tasks)
{
	struct arena mem = {0};
	char **name = NULL;
	uint32_t n = 0;

	if (hostlist_expand(list, &mem, &name, &n, NULL) == E_OK)
		for (uint32_t i = 0; i < n && i < ntasks; i++)
			for (uint32_t h = 0; h < hosts; h++)
				tasks[h] += streq(name[i], node[h]);
	arena_fini(&mem);
}

/* One a node in turn while there is a CPU for it, then without asking; or each
 * node filled before the next. */
static void count_turns(const uint32_t *room, uint32_t hosts, uint32_t left, bool pack,
			uint16_t *tasks)
{
	bool over = false;

	for (uint32_t h = 0; pack && h < hosts && left; h++, left--)
		tasks[h] = 1;
	for (uint32_t h = 0; pack && h < hosts; h++)
		for (; left && tasks[h] < room[h]; left--)
			tasks[h]++;
	while (left && hosts) {
		bool any = false;

		for (uint32_t h = 0; h < hosts && left; h++) {
			if (tasks[h] >= room[h] && !over)
				continue;
			tasks[h]++;
			left--;
			any = true;
		}
		over |= !any;
	}
}

/* Controllers up to 25.11 leave SLURM_TASKS_PER_NODE to the node. */
static char *tasks_per_node(const struct step *s, uint32_t hosts, uint32_t ntasks,
			    uint32_t cpus_per_task)
{
	const struct batch_job_launch_msg *m = s->batch;
	const char *arbitrary = envv_get(&s->env, "SLURM_ARBITRARY_NODELIST");
	uint16_t *tasks = mem_zalloc(hosts * sizeof *tasks);
	uint32_t *room = mem_zalloc(hosts * sizeof *room);
	struct arena mem = {0};
	uint32_t h = 0, nodes = 0;
	char **node = NULL, *text;

	for (uint32_t g = 0; g < m->cpus_per_node_count; g++)
		for (uint32_t r = 0; r < m->cpu_count_reps[g] && h < hosts; r++)
			room[h++] = m->cpus_per_node[g] / cpus_per_task;
	if (!ntasks)
		for (h = 0; h < hosts; h++)
			ntasks += room[h];
	if (arbitrary && hostlist_expand(m->nodes, &mem, &node, &nodes, NULL) == E_OK &&
	    nodes == hosts)
		count_named(arbitrary, node, hosts, ntasks, tasks);
	else
		count_turns(room, hosts, ntasks,
			    s->conf->selecttypeparameters & CONF_SELECT_PACK_NODES, tasks);
	text = compressed(tasks, NULL, hosts);
	arena_fini(&mem);
	free(tasks);
	free(room);
	return text;
}

static void set_if(struct envv *e, const char *name, const char *value)
{
	if (value)
		envv_set(e, name, "%s", value);
}

void step_env_batch(struct step *s)
{
	const struct batch_job_launch_msg *m = s->batch;
	struct envv *e = &s->env;
	uint32_t hosts = 0, per_task = 1, ntasks = m->ntasks;
	const char *per_node;
	char *text;

	if (m->cpu_count_reps_count >= m->cpus_per_node_count)
		for (uint32_t i = 0; i < m->cpus_per_node_count; i++)
			hosts += m->cpu_count_reps[i];
	if (m->cpus_per_task && m->cpus_per_task != NO_VAL16)
		per_task = m->cpus_per_task;
	per_node = envv_get(e, "SLURM_NTASKS_PER_NODE");
	if (!ntasks && per_node)
		ntasks = (uint32_t)atoi(per_node) * hosts;
	set_if(e, "SLURM_CLUSTER_NAME", s->conf->clustername);
	envv_set(e, "SLURM_JOB_ID", "%u", s->id.job_id);
	envv_set(e, "SLURM_JOB_NUM_NODES", "%u", hosts);
	if (m->array_task_id != NO_VAL) {
		envv_set(e, "SLURM_ARRAY_JOB_ID", "%u", m->array_job_id);
		envv_set(e, "SLURM_ARRAY_TASK_ID", "%u", m->array_task_id);
	}
	set_if(e, "SLURM_JOB_NODELIST", m->nodes);
	set_if(e, "SLURM_JOB_PARTITION", m->partition);
	if (wire_version_in(s->release, UNTIL(23_11)))
		envv_set(e, "SLURM_NODE_ALIASES", "%s", m->alias_list ? m->alias_list :
			 "(null)");
	text = compressed(m->cpus_per_node, m->cpu_count_reps, m->cpus_per_node_count);
	envv_set(e, "SLURM_JOB_CPUS_PER_NODE", "%s", text);
	free(text);
	envv_set(e, "ENVIRONMENT", "BATCH");
	envv_set(e, "HOSTNAME", "%s", s->start.node_name);
	envv_set(e, "SLURM_JOBID", "%u", s->id.job_id);
	envv_set(e, "SLURM_NNODES", "%u", hosts);
	set_if(e, "SLURM_NODELIST", m->nodes);
	if (envv_get(e, "SLURM_CPUS_PER_TASK"))
		envv_set(e, "SLURM_CPUS_PER_TASK", "%u", per_task);
	if (wire_version_in(s->release, SINCE(25_05)))
		set_if(e, "SLURM_TRES_PER_TASK", m->tres_per_task);
	if (ntasks) {
		envv_set(e, "SLURM_NTASKS", "%u", ntasks);
		envv_set(e, "SLURM_NPROCS", "%u", ntasks);
	}
	/* what is there may be of the job that this one was submitted from */
	if (hosts && !wire_version_in(s->start.version, SINCE(26_05))) {
		text = tasks_per_node(s, hosts, ntasks, per_task);
		envv_set(e, "SLURM_TASKS_PER_NODE", "%s", text);
		free(text);
	}
	if (m->pn_min_memory & MEM_PER_CPU)
		envv_set(e, "SLURM_MEM_PER_CPU", "%llu",
			 (unsigned long long)(m->pn_min_memory & ~MEM_PER_CPU));
	else if (m->pn_min_memory)
		envv_set(e, "SLURM_MEM_PER_NODE", "%llu",
			 (unsigned long long)m->pn_min_memory);
	set_if(e, "SLURM_JOB_ACCOUNT", m->account);
	set_if(e, "SLURM_JOB_QOS", m->qos);
	set_if(e, "SLURM_JOB_RESERVATION", m->resv_name);
	if (m->overcommit)
		envv_set(e, "SLURM_OVERCOMMIT", "1");
	if (m->restart_cnt)
		envv_set(e, "SLURM_RESTART_COUNT", "%u", m->restart_cnt);
}

/* The node's share for steps of any kind. */
void step_env_node(struct step *s)
{
	const char *mpi = envv_get(&s->env, "SLURM_MPI_TYPE");

	gres_env_node(s);
	envv_set(&s->env, "SLURM_TOPOLOGY_ADDR", "%s",
		 s->start.topo_addr ? s->start.topo_addr : s->start.node_name);
	envv_set(&s->env, "SLURM_TOPOLOGY_ADDR_PATTERN", "%s",
		 s->start.topo_pattern ? s->start.topo_pattern : "node");
	if (s->kind == KIND_TASKS && s->id.step_id != STEP_INTERACTIVE && streq(mpi, "none"))
		envv_unset(&s->env, "SLURM_MPI_TYPE");
	/* They are for the slurmctld of sbatch --export, not for the job. */
	envv_unset(&s->env, "SLURM_CONF_SERVER");
}

static void env_bind(const struct step *s, struct envv *e)
{
	const struct launch_tasks_request_msg *m = s->launch;
	struct bind_text t;

	if (s->id.step_id == STEP_INTERACTIVE)
		return;
	if (s->cpu_bind_type && bind_cpu_text(s->cpu_bind_type, s->cpu_bind, &t)) {
		envv_set(e, "SLURM_CPU_BIND", "%s", t.all);
		envv_set(e, "SLURM_CPU_BIND_LIST", "%s", t.list);
		envv_set(e, "SLURM_CPU_BIND_TYPE", "%s", t.type);
		envv_set(e, "SLURM_CPU_BIND_VERBOSE", "%s", t.verbose);
		bind_text_fini(&t);
	}
	if (m->mem_bind_type && bind_mem_text(m->mem_bind_type, m->mem_bind, &t)) {
		envv_unset(e, "SLURM_MEM_BIND_SORT");
		envv_unset(e, "SLURM_MEM_BIND_PREFER");
		envv_set(e, "SLURM_MEM_BIND", "%s", t.all);
		envv_set(e, "SLURM_MEM_BIND_LIST", "%s", t.list);
		envv_set(e, "SLURM_MEM_BIND_TYPE", "%s", t.type);
		envv_set(e, "SLURM_MEM_BIND_VERBOSE", "%s", t.verbose);
		set_if(e, "SLURM_MEM_BIND_PREFER", t.prefer);
		set_if(e, "SLURM_MEM_BIND_SORT", t.sort);
		bind_text_fini(&t);
	}
}

static void env_launch(const struct step *s, struct envv *e)
{
	const struct launch_tasks_request_msg *m = s->launch;
	const struct wire_addr *a = s->start.orig_addr.family ? &s->start.orig_addr :
								&s->start.peer;
	char ip[INET6_ADDRSTRLEN];

	env_bind(s, e);
	if (m->num_resp_port)
		envv_set(e, "SLURM_SRUN_COMM_PORT", "%u",
			 m->resp_port[s->node_id % m->num_resp_port]);
	if (a->family && inet_ntop(a->family, a->ip, ip, sizeof ip)) {
		envv_set(e, "SLURM_LAUNCH_NODE_IPADDR", "%s", ip);
		envv_set(e, "SLURM_SRUN_COMM_HOST", "%s", ip);
	}
	set_if(e, "SLURMD_TRES_BIND", m->tres_bind);
	set_if(e, "SLURMD_TRES_FREQ", m->tres_freq);
}

/* The controller as 22.05 and 23.02 name it to their tasks. */
static const char *conf_addr(const struct step *s)
{
	return s->conf->slurmctldaddr ? s->conf->slurmctldaddr :
	       s->conf->control_addrs ? s->conf->control_addrs[0] : "";
}

void step_env_task(const struct step *s, const struct task *t, pid_t pid, struct envv *e)
{
	struct strbuf gtids = {0};
	bool oom_kill = s->launch ? s->launch->oom_kill_step :
			s->batch ? s->batch->oom_kill_step : false;

	for (uint32_t i = 0; i < s->task_count; i++) {
		strbuf_sep(&gtids, ",");
		strbuf_printf(&gtids, "%u", s->tasks[i].gtid + s->task_offset);
	}
	envv_set(e, "SLURM_CONF", "%s", s->start.conf_path);
	envv_unset(e, "SLURM_CONF_SERVER");
	if (s->cpus)
		envv_set(e, "SLURM_CPUS_ON_NODE", "%u", s->cpus);
	if (wire_version_in(s->release, SINCE(24_11)))
		envv_set(e, "SLURM_OOM_KILL_STEP", "%d", oom_kill);
	if (wire_version_in(s->release, UNTIL(23_11)))
		envv_set(e, "SLURM_WORKING_CLUSTER", "%s:%s:%u:%u:%u", s->conf->clustername,
			 conf_addr(s), s->ctld.port, wire_version_number(s->release),
			 SELECT_CONS_TRES);
	if (s->cred->job_end_time)
		envv_set(e, "SLURM_JOB_END_TIME", "%lld", (long long)s->cred->job_end_time);
	if (s->cred->job_start_time)
		envv_set(e, "SLURM_JOB_START_TIME", "%lld",
			 (long long)s->cred->job_start_time);
	set_if(e, "SLURM_JOB_LICENSES", s->cred->job_licenses);
	envv_set(e, "SLURM_JOB_ID", "%u", s->job_id);
	envv_set(e, "SLURM_JOBID", "%u", s->job_id);
	if (s->launch)
		env_launch(s, e);
	/* 26.05 names the others too, as negative numbers. */
	if (s->id.step_id < STEP_MAX_NORMAL || wire_version_in(s->release, SINCE(26_05))) {
		envv_set(e, "SLURM_STEP_ID", "%d", (int)s->id.step_id);
		envv_set(e, "SLURM_STEPID", "%d", (int)s->id.step_id);
	}
	if (pid)
		envv_set(e, "SLURM_TASK_PID", "%d", (int)pid);
	envv_set(e, "SLURM_NODEID", "%u", s->node_id + s->node_offset);
	envv_set(e, "SLURM_PROCID", "%u", t->gtid + s->task_offset);
	envv_set(e, "SLURM_LOCALID", "%u", t->ltid);
	envv_set(e, "SLURM_GTIDS", "%s", gtids.s);
	envv_set(e, "SLURM_JOB_UID", "%u", s->uid);
	envv_set(e, "SLURM_JOB_GID", "%u", s->gid);
	envv_set(e, "SLURM_JOB_USER", "%s", s->user);
	set_if(e, "SLURM_JOB_GROUP", s->group);
	envv_set(e, "SLURMD_NODENAME", "%s", s->start.node_name);
	gres_env_task(s, t, e);
	strbuf_fini(&gtids);
}
