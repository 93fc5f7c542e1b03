/* SPDX-License-Identifier: Apache-2.0
 *
 * Tasks of a step: how many on each node, and which. */
#include "conf/names.h"
#include "slurmctld/core/sched/step_i.h"

#define DIST_PACK    0x800000u
#define DIST_NO_PACK 0x400000u

/* One task each round while there is a CPU for it; when all are full, go on
 * without asking. */
static void count_in_turn(uint32_t nodes, const uint32_t *slots, uint32_t tasks, uint16_t *out)
{
	uint32_t tid = 0;
	bool over = false;

	for (uint32_t j = 0; tid < tasks; j++) {
		bool space = false;

		for (uint32_t i = 0; i < nodes && tid < tasks; i++) {
			if (j >= slots[i] && !over)
				continue;
			out[i]++;
			tid++;
			space |= j + 1 < slots[i];
		}
		over |= !space;
	}
}

static void count_packed(uint32_t nodes, const uint32_t *slots, uint32_t tasks, uint16_t *out)
{
	uint32_t tid = 0;

	for (uint32_t i = 0; i < nodes && tid < tasks; i++, tid++)
		out[i] = 1;
	for (uint32_t i = 0; i < nodes; i++)
		for (; out[i] < slots[i] && tid < tasks; tid++)
			out[i]++;
	while (tid < tasks)
		for (uint32_t i = 0; i < nodes && tid < tasks; i++, tid++)
			out[i]++;
}

static void count_planes(uint32_t nodes, const uint32_t *slots, uint32_t tasks, uint32_t plane,
			 uint16_t *out)
{
	uint32_t tid = 0;
	bool over = false;

	for (uint32_t i = 0; i < nodes && tid < tasks; i++, tid++)
		out[i] = 1;
	for (uint32_t j = 0; tid < tasks; j++) {
		bool space = false;

		for (uint32_t i = 0; i < nodes && tid < tasks; i++) {
			for (uint32_t k = j == 0; k < plane && tid < tasks; k++) {
				if (out[i] >= slots[i] && !over)
					continue;
				out[i]++;
				tid++;
				space |= out[i] < slots[i];
			}
		}
		over |= !space;
	}
}

void layout_count(uint32_t dist, uint32_t plane, bool pack, uint32_t nodes,
		  const uint32_t *slots, uint32_t tasks, uint16_t *out)
{
	memset(out, 0, nodes * sizeof(*out));
	if (!nodes)
		return;
	if (dist & DIST_PACK)
		pack = true;
	else if (dist & DIST_NO_PACK)
		pack = false;
	switch (dist & DIST_NODE_MASK) {
	case DIST_PLANE:
		count_planes(nodes, slots, tasks, plane ? plane : 1, out);
		break;
	case DIST_CYCLIC:
		count_in_turn(nodes, slots, tasks, out);
		break;
	default:
		if (pack)
			count_packed(nodes, slots, tasks, out);
		else
			count_in_turn(nodes, slots, tasks, out);
	}
}

/* As if one step took the whole job. */
void job_layout_tasks(const struct core *c, const struct job *j, uint16_t *tasks,
		      struct arena *mem)
{
	const struct job_alloc *a = j->alloc;
	uint32_t *slots = arena_zalloc(mem, (a->node_count + 1) * sizeof(*slots));
	uint32_t cpt = j->cpus_per_task ? j->cpus_per_task : 1, sum = 0;

	if ((j->task_dist & DIST_NODE_MASK) == DIST_ARBITRARY) {
		for (uint32_t i = 0; i < a->node_count; i++)
			tasks[i] = a->share[i].tasks;
		return;
	}
	for (uint32_t i = 0; i < a->node_count; i++)
		sum += slots[i] = a->share[i].cpus / cpt;
	if (j->bitflags & JOB_NTASKS_SET && j->num_tasks)
		sum = j->num_tasks;
	else if (j->ntasks_per_node)
		sum = (uint32_t)j->ntasks_per_node * a->node_count;
	layout_count(j->task_dist, j->plane_size,
		     c->conf->selecttypeparameters & CONF_SELECT_PACK_NODES, a->node_count, slots,
		     sum, tasks);
}

void step_layout_tasks(uint32_t dist, uint16_t plane, uint32_t nodes, const uint16_t *tasks,
		       uint32_t num_tasks, uint32_t **tids, struct arena *mem)
{
	uint32_t *at = arena_zalloc(mem, (nodes + 1) * sizeof(*at));
	uint32_t tid = 0, block = UINT32_MAX;
	bool moved = true;

	for (uint32_t i = 0; i < nodes; i++)
		tids[i] = arena_zalloc(mem, (tasks[i] + 1u) * sizeof(uint32_t));
	if ((dist & DIST_NODE_MASK) == DIST_CYCLIC)
		block = 1;
	else if ((dist & DIST_NODE_MASK) == DIST_PLANE)
		block = plane ? plane : 1;
	while (tid < num_tasks && moved) {
		moved = false;
		for (uint32_t i = 0; i < nodes; i++) {
			for (uint32_t k = 0; k < block && at[i] < tasks[i]; k++) {
				tids[i][at[i]++] = tid++;
				moved = true;
			}
		}
	}
}
