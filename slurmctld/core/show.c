/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs and steps as clients and step managers are shown them: pure functions
 * of the state, used by the controller's answers and by a step manager. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/show.h"

const char *show_nodes(const struct core *c, const struct bitset *nodes, struct arena *mem)
{
	const char **names, *text;
	uint32_t n = 0;
	char *heap;

	if (!nodes)
		return NULL;
	names = mem_alloc((bitset_count(nodes) + 1) * sizeof *names);
	bitset_foreach(i, nodes)
		if (i < c->node_count && c->node[i])
			names[n++] = c->node[i]->name;
	heap = hostlist_compress_sorted(names, n);
	text = n ? arena_strdup(mem, heap) : NULL;
	free(heap);
	free(names);
	return text;
}

static const char *index_text(const struct core *c, const struct step *s, struct arena *mem,
			      struct bitset **bits)
{
	struct bitset *b = arena_zalloc(mem, bitset_sizeof(c->node_count));

	bitset_init(b, c->node_count);
	for (uint32_t i = 0; i < s->node_count; i++)
		bitset_set(b, s->node[i]);
	*bits = b;
	return s->node_list ? s->node_list : show_nodes(c, b, mem);
}

/* Its job's time of suspension is its own, of what came after its start. */
static int64_t step_ran(const struct core *c, const struct job *j, const struct step *s)
{
	bool still = job_base(j) == JOB_SUSPENDED;
	int64_t ran = s->pre_sus_sec;

	if (!s->start_time)
		return 0;
	if (!still)
		ran += c->now - (j->suspend_time > s->start_time ? j->suspend_time :
				 s->start_time);
	return ran > 0 ? ran : 0;
}

/* Where a srun waits for room: nothing but where and for whom. */
static void show_waiting(const struct job *j, struct job_step_info_members *m)
{
	m->start_time = m->run_time = 0;
	m->name = NULL;
	m->nodes = job_str(j, JS_NODES);
	m->node_inx = j->alloc ? j->alloc->nodes : NULL;
	m->task_dist = DIST_UNKNOWN;
	m->cpu_freq_min = m->cpu_freq_max = m->cpu_freq_gov = 0;
}

void show_step(const struct core *c, const struct job *j, const struct step *s,
	       struct job_step_info_members *m, struct arena *mem)
{
	m->array_job_id = j->array_job_id;
	m->array_task_id = j->array_task_id;
	m->step_id.job_id = j->id;
	m->step_id.step_id = s->id;
	m->step_id.step_het_comp = s->het_comp;
	m->user_id = s->uid;
	m->num_cpus = s->cpu_count;
	m->cpu_freq_min = s->cpu_freq_min;
	m->cpu_freq_max = s->cpu_freq_max;
	m->cpu_freq_gov = s->cpu_freq_gov;
	m->num_tasks = s->num_tasks;
	m->task_dist = s->task_dist;
	m->time_limit = s->time_limit_min;
	m->state = s->state;
	m->srun_pid = s->srun_pid;
	m->start_time = s->start_time;
	m->run_time = step_ran(c, j, s);
	m->cluster = c->conf->clustername;
	m->container = s->container;
	m->container_id = s->container_id;
	m->partition = j->part ? j->part->name : job_str(j, JS_PARTITION);
	m->srun_host = s->host;
	m->nodes = index_text(c, s, mem, &m->node_inx);
	m->name = s->name;
	if (s->state == JOB_PENDING)
		show_waiting(j, m);
	m->network = s->network;
	m->tres_alloc_str = s->tres_alloc;
	m->tres_fmt_alloc_str = s->tres_alloc;
	m->start_protocol_ver = s->start_protocol;
	m->cpus_per_tres = s->cpus_per_tres;
	m->mem_per_tres = s->mem_per_tres;
	m->job_name = job_str(j, JS_NAME);
	m->cwd = s->cwd;
	m->std_err = s->std_err;
	m->std_in = s->std_in;
	m->std_out = s->std_out;
	m->submit_line = s->submit_line;
	m->tres_bind = s->tres_bind;
	m->tres_freq = s->tres_freq;
	m->tres_per_step = s->tres_per_step;
	m->tres_per_node = s->tres_per_node;
	m->tres_per_socket = s->tres_per_socket;
	m->tres_per_task = s->tres_per_task;
}

/* How it holds its nodes: with others, with jobs of its kind, alone. */
static uint32_t node_use(const struct job *j)
{
	enum { USE_AVAILABLE, USE_ONE_ROW, USE_RESERVED = 64000 };
	uint16_t most = j->part ? j->part->max_share : 1;

	if (!most)
		return USE_RESERVED;
	if (most & SHARED_FORCE || (most > 1 && j->shared == JOB_SHARED_OK))
		return USE_AVAILABLE;
	return USE_ONE_ROW;
}

/* CPUs of the cores that steps have for themselves. */
static uint16_t cpus_in_steps(const struct job_alloc *a, const struct job_share *s,
			      const struct node *n)
{
	uint32_t cores = 0, cpus;

	for (uint32_t k = 0; a->cores_step && k < s->cores; k++)
		cores += bitset_test(a->cores_step, s->core_off + k);
	cpus = cores * (n->cores && n->cpus > n->cores ? n->cpus / n->cores : 1);
	return (uint16_t)(cpus < s->cpus ? cpus : s->cpus);
}

void show_resources(const struct core *c, const struct job *j, struct job_resources *r,
		    struct arena *mem)
{
	const struct job_alloc *a = j->alloc ? j->alloc : j->past;
	uint32_t n = a->node_count, k = 0;

	r->nhosts = n;
	/* of a whole node what was asked for */
	r->ncpus = a->whole_node && j->min_cpus < a->total_cpus ? j->min_cpus : a->total_cpus;
	r->nodes = show_nodes(c, a->nodes, mem);
	r->whole_node = a->whole_node;
	r->node_req = node_use(j);
	r->threads_per_core = j->threads_per_core;
	r->cr_type = c->conf->selecttypeparameters;
	r->cpus = arena_zalloc(mem, n * sizeof *r->cpus + 1);
	r->cpus_used = arena_zalloc(mem, n * sizeof *r->cpus_used + 1);
	r->memory_allocated = arena_zalloc(mem, n * sizeof *r->memory_allocated + 1);
	r->memory_used = arena_zalloc(mem, n * sizeof *r->memory_used + 1);
	r->sockets_per_node = arena_zalloc(mem, n * sizeof *r->sockets_per_node + 1);
	r->cores_per_socket = arena_zalloc(mem, n * sizeof *r->cores_per_socket + 1);
	r->sock_core_rep_count = arena_zalloc(mem, n * sizeof *r->sock_core_rep_count + 1);
	r->cpu_array_value = arena_zalloc(mem, n * sizeof *r->cpu_array_value + 1);
	r->cpu_array_reps = arena_zalloc(mem, n * sizeof *r->cpu_array_reps + 1);
	r->cpus_count = r->cpus_used_count = n;
	r->memory_allocated_count = r->memory_used_count = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct job_share *s = &a->share[i];
		const struct node *nd = c->node[s->node];

		r->cpus[i] = s->cpus;
		r->cpus_used[i] = cpus_in_steps(a, s, nd);
		r->memory_allocated[i] = s->mem_mb;
		r->memory_used[i] = s->step_mem_mb;
		if (k && r->sockets_per_node[k - 1] == nd->sockets &&
		    r->cores_per_socket[k - 1] == nd->cores_per_socket) {
			r->sock_core_rep_count[k - 1]++;
		} else {
			r->sockets_per_node[k] = nd->sockets;
			r->cores_per_socket[k] = nd->cores_per_socket;
			r->sock_core_rep_count[k++] = 1;
		}
	}
	r->sockets_per_node_count = r->cores_per_socket_count = k;
	r->sock_core_rep_count_count = k;
	k = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (k && r->cpu_array_value[k - 1] == r->cpus[i]) {
			r->cpu_array_reps[k - 1]++;
		} else {
			r->cpu_array_value[k] = r->cpus[i];
			r->cpu_array_reps[k++] = 1;
		}
	}
	r->cpu_array_value_count = r->cpu_array_reps_count = k;
	r->core_bitmap = a->cores;
	r->core_bitmap_used = a->cores_step;
	r->node_bitmap = a->nodes;
}
