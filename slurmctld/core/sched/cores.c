/* SPDX-License-Identifier: Apache-2.0
 *
 * One node and one request: how many CPUs are there for it, and which cores.
 * Cores are numbered socket after socket. */
#include "slurmctld/core/sched/sched_i.h"

/* CPUs that make up a core: a node configured with as many CPUs as cores has
 * one, whatever its threads. */
uint32_t node_tpc(const struct node *n)
{
	uint32_t t = n->cores ? n->cpus / n->cores : 1;

	return t ? t : 1;
}

/* CPUs used of each core by this request. */
static uint32_t core_cpus(const struct request *r, const struct node *n)
{
	uint32_t t = node_tpc(n);

	if (r->use_threads && r->use_threads < t)
		t = r->use_threads;
	if (r->tpcore && r->tpcore * r->cpt < t)
		t = r->tpcore * r->cpt;
	if ((r->cr_type & 0x0100 /* ONE_TASK_PER_CORE */) && !r->tpcore && r->cpt < t)
		t = r->cpt;
	return t ? t : 1;
}

static bool core_is_free(const struct core_view *v, uint32_t k)
{
	return !v->used || !bitset_test(v->used, k);
}

/* Free cores of a socket, in a view without a map of cores: they are taken
 * from the first socket on. */
static uint32_t socket_free(const struct core_view *v, const struct node *n, uint32_t s)
{
	uint32_t cps = n->cores_per_socket, free = 0;

	if (v->used) {
		for (uint32_t k = s * cps; k < (s + 1) * cps; k++)
			free += !bitset_test(v->used, k);
		return free;
	}
	if (v->used_cores >= (s + 1) * cps)
		return 0;
	return v->used_cores <= s * cps ? cps : (s + 1) * cps - v->used_cores;
}

/* Where the devices are that the request asks for. */
static bool socket_near(const struct core_view *v, uint32_t s)
{
	return !v->near || (s < 64 && v->near >> s & 1);
}

static bool node_config_fits(const struct request *r, const struct node *n)
{
	if (r->tmp_disk > n->tmp_disk_mb || r->cfg_sockets > n->sockets ||
	    r->cfg_cores > n->cores_per_socket || r->use_threads > n->threads)
		return false;
	if (r->tpcore && (r->tpcore * r->cpt + n->threads - 1) / n->threads > n->cores)
		return false;
	return true;
}

/* Cores still to be had, socket limits applied. */
static uint32_t free_cores(const struct request *r, const struct node *n,
			   const struct core_view *v, uint32_t tpc, uint32_t *task_limit)
{
	uint32_t total = 0, sockets = 0, tasks = 0;
	bool whole_sockets = r->cr_type & CR_SOCKET;

	for (uint32_t s = 0; s < n->sockets; s++) {
		uint32_t f = v->near_only && !socket_near(v, s) ? 0 : socket_free(v, n, s);

		if (whole_sockets && f < n->cores_per_socket && !r->share)
			f = 0;
		if (r->part->max_cpus_per_socket && r->part->max_cpus_per_socket != NO_VAL &&
		    r->part->max_cpus_per_socket != INFINITE) {
			uint32_t used = n->cores_per_socket - f;
			uint32_t max = r->part->max_cpus_per_socket / tpc;

			f = used >= max ? 0 : f > max - used ? max - used : f;
		}
		if (f < (r->cfg_cores ? r->cfg_cores : 1))
			continue;
		sockets++;
		total += f;
		tasks += r->tps ? (r->tps < f * tpc ? r->tps : f * tpc) : f * tpc;
	}
	if (sockets < (r->cfg_sockets ? r->cfg_sockets : 1))
		return 0;
	*task_limit = tasks;
	return total;
}

/* CPUs that tasks can use, of so many. */
static uint32_t cpus_for_tasks(const struct request *r, uint32_t cpus, uint32_t tpc,
			       uint32_t *tasks)
{
	uint32_t n;

	if (r->cpt < 2)
		return *tasks < cpus ? *tasks : cpus;
	if (r->tpcore == 1 && r->cpt > tpc) {
		uint32_t task_cpus = (r->cpt + tpc - 1) / tpc * tpc;

		n = cpus / task_cpus;
		if (n > *tasks)
			n = *tasks;
		*tasks = n;
		return n * r->cpt;
	}
	n = cpus / r->cpt;
	if (n < *tasks)
		*tasks = n;
	return *tasks * r->cpt;
}

/* Memory per CPU takes CPUs away until the rest fits. */
static uint32_t cpus_for_mem(const struct request *r, const struct node *n, uint32_t cpus,
			     uint64_t avail)
{
	uint32_t unit = r->cr_type & CR_CORE ? core_cpus(r, n) :
		r->cr_type & CR_SOCKET ? n->cores_per_socket * node_tpc(n) : 1;
	uint64_t charged = 1;

	if (!r->mem_per_cpu)
		return r->mem <= avail ? cpus : 0;
	if (r->whole && r->mem * cpus > avail)
		return 0;
	/* a core is charged with all its threads when the job uses one of them */
	if (r->cr_type & (CR_CORE | CR_SOCKET) && core_cpus(r, n) < node_tpc(n) &&
	    !r->use_threads)
		charged = node_tpc(n) / core_cpus(r, n);
	while (cpus && r->mem * cpus * charged > avail)
		cpus = cpus >= unit ? cpus - unit : 0;
	if (r->cpt > 1)
		cpus -= cpus % r->cpt;
	return cpus < r->tpn ? 0 : cpus;
}

static bool mem_fits(const struct request *r, const struct core_view *v)
{
	uint64_t need = r->mem;

	if (!r->mem_counts)
		return true;
	if (!r->mem)            /* all of it */
		return v->mem_used == 0;
	if (r->mem_per_cpu) {
		uint32_t cpus = r->tpn > r->pn_cpus ? r->tpn : r->pn_cpus;

		if (r->cpt > cpus)
			cpus = r->cpt;
		need *= cpus;
	}
	return v->mem_total >= v->mem_used && v->mem_total - v->mem_used >= need;
}

uint32_t cores_avail(const struct request *r, const struct node *n, const struct core_view *v)
{
	uint32_t tpc = core_cpus(r, n), cores, cpus, tasks, need;

	if (!node_config_fits(r, n) || !n->cores)
		return 0;
	if (r->whole && (v->jobs || v->used_cores))
		return 0;
	if (!mem_fits(r, v))
		return 0;
	cores = free_cores(r, n, v, tpc, &tasks);
	if (!cores)
		return 0;
	cpus = cores * tpc;
	if (cpus > n->cpus)
		cpus = n->cpus;
	if (v->reserved_cpus >= cpus)
		return 0;
	cpus -= v->reserved_cpus;
	if (cpus < r->pn_cpus)
		return 0;
	if (r->max_cpus_node != INFINITE) {
		uint32_t used = v->used_cores * node_tpc(n);

		if (used >= r->max_cpus_node || (r->whole && n->cpus > r->max_cpus_node))
			return 0;
		if (cpus > r->max_cpus_node - used)
			cpus = r->max_cpus_node - used;
	}
	if (r->tpn && !r->whole && tasks > r->tpn && !r->any_gres)
		tasks = r->tpn;
	if (!r->whole)
		cpus = cpus_for_tasks(r, cpus, tpc, &tasks);
	if (r->tpn && !r->overcommit && tasks < r->tpn)
		return 0;
	if (cpus < r->pn_cpus)
		cpus = 0;
	need = r->tpn ? r->tpn : r->overcommit ? 1 :
		r->max_nodes == 1 && r->tasks ? r->tasks : 1;
	if (r->overcommit && r->tpn)
		need = 1;
	if (cpus < need * r->cpt)
		return 0;
	if (r->mem_counts && r->mem)
		cpus = cpus_for_mem(r, n, cpus, v->mem_total - v->mem_used);
	return cpus;
}

/* ---- which cores ------------------------------------------------------- */
/* Lowest core of a socket that is free and not yet taken. */
static uint32_t core_next(const struct core_view *v, const struct node *n, uint32_t s,
			  const struct bitset *taken, uint32_t off)
{
	uint32_t cps = n->cores_per_socket;

	for (uint32_t k = s * cps; k < (s + 1) * cps; k++)
		if (core_is_free(v, k) && !bitset_test(taken, off + k))
			return k;
	return UINT32_MAX;
}

/* Block: sockets that hold all that is left best, fullest first fit. */
static uint32_t pick_block(const struct core_view *v, const struct node *n, uint32_t cores,
			   bool near, struct bitset *taken, uint32_t off)
{
	uint32_t got = 0, free[256];

	for (uint32_t s = 0; s < n->sockets && s < 256; s++)
		free[s] = socket_near(v, s) == near ? socket_free(v, n, s) : 0;
	while (got < cores) {
		uint32_t best = UINT32_MAX, want = cores - got, k;

		for (uint32_t s = 0; s < n->sockets && s < 256; s++) {
			bool enough = free[s] >= want;

			if (!free[s])
				continue;
			if (best == UINT32_MAX || (enough && free[best] < want) ||
			    (enough && free[s] < free[best]) ||
			    (!enough && free[best] < want && free[s] > free[best]))
				best = s;
		}
		if (best == UINT32_MAX)
			break;
		while (got < cores && (k = core_next(v, n, best, taken, off)) != UINT32_MAX) {
			bitset_set(taken, off + k);
			got++;
		}
		free[best] = 0;
	}
	return got;
}

/* Cyclic: a core (or a task's cores) of each socket in turn. */
static uint32_t pick_cyclic(const struct request *r, const struct core_view *v,
			    const struct node *n, uint32_t cores, bool near,
			    struct bitset *taken, uint32_t off)
{
	uint32_t got = 0, before, tpc = core_cpus(r, n);
	uint32_t step = r->cpt > 1 ? (r->cpt + tpc - 1) / tpc : 1;

	do {
		before = got;
		for (uint32_t s = 0; s < n->sockets && got < cores; s++) {
			for (uint32_t i = 0; i < step && got < cores; i++) {
				uint32_t k = socket_near(v, s) == near ?
					core_next(v, n, s, taken, off) : UINT32_MAX;

				if (k == UINT32_MAX)
					break;
				bitset_set(taken, off + k);
				got++;
			}
		}
	} while (got < cores && got > before);
	return got;
}

/* Those near the devices first. */
static uint32_t pick(const struct request *r, const struct core_view *v, const struct node *n,
		     uint32_t cores, struct bitset *taken, uint32_t off)
{
	bool cyclic = r->cyclic && !(r->cr_type & CR_SOCKET);
	uint32_t got = 0;

	for (int pass = 0; pass < 2 && got < cores; pass++) {
		if (cyclic)
			got += pick_cyclic(r, v, n, cores - got, pass == 0, taken, off);
		else
			got += pick_block(v, n, cores - got, pass == 0, taken, off);
	}
	return got;
}

uint32_t cores_pick(const struct request *r, const struct node *n, const struct core_view *v,
		    uint32_t cpus, struct bitset *taken, uint32_t off)
{
	uint32_t tpc = core_cpus(r, n), cores = (cpus + tpc - 1) / tpc, charged;

	if (r->whole) {
		for (uint32_t k = 0; k < n->cores; k++)
			bitset_set(taken, off + k);
		return n->cpus;
	}
	if (r->cr_type & CR_SOCKET) {
		uint32_t per = n->cores_per_socket ? n->cores_per_socket : 1;

		cores = (cores + per - 1) / per * per;
	}
	cores = pick(r, v, n, cores, taken, off);
	if (!(r->cr_type & (CR_CORE | CR_SOCKET)))
		return cpus;
	/* cores are given whole: all their threads are charged */
	charged = cores * node_tpc(n);
	return charged > n->cpus ? n->cpus : charged;
}
