/* SPDX-License-Identifier: Apache-2.0
 *
 * A running job gives up nodes: `scontrol update job NumNodes=|NodeList=`, and
 * a job submitted with --no-kill whose node failed.
 *
 * What is left keeps its order, so that shares, cores and the steps' cores are
 * the old ones with a piece cut out.  A step that had tasks on a node given up
 * keeps its layout (its srun counts ranks by it) and counts that rank as done. */
#include <signal.h>
#include <stdlib.h>

#include "slurmctld/core/internal.h"

#define STEP_RC_LOST 9          /* what a rank on a node given up ended with */

/* The bits of the shares that stay, moved together. */
static void cores_cut(const struct job_alloc *a, const struct bitset *gone, struct bitset **set)
{
	struct bitset *old = *set, *cut;
	uint32_t to = 0, bits = 0;

	if (!old)
		return;
	for (uint32_t i = 0; i < a->node_count; i++)
		if (!bitset_test(gone, a->share[i].node))
			bits += a->share[i].cores;
	cut = bitset_new(bits);
	for (uint32_t i = 0; i < a->node_count; i++) {
		const struct job_share *s = &a->share[i];

		if (bitset_test(gone, s->node))
			continue;
		for (uint32_t k = 0; k < s->cores; k++, to++)
			if (bitset_test(old, s->core_off + k))
				bitset_set(cut, to);
	}
	bitset_free(old);
	*set = cut;
}

static bool job_has_nodes(const struct job *j, const struct bitset *gone)
{
	for (uint32_t i = 0; i < j->alloc->node_count; i++)
		if (!bitset_test(gone, j->alloc->share[i].node))
			return true;
	return false;
}

/* Its ranks there are over.  With a failed node the whole step goes, unless it
 * asked to stay (srun --no-kill). */
static void step_leave(struct core *c, struct job *j, struct step *s, const struct bitset *gone,
		       bool failed, struct effects *out)
{
	struct bitset *tell = bitset_new(c->node_count);
	bool all = failed && !(s->flags & SSF_NO_KILL), hit = false;

	for (uint32_t i = 0; i < s->node_count; i++) {
		bool left = bitset_test(gone, s->node[i]);

		hit |= left;
		if (left)
			bitset_set(s->done, i);
		/* nobody listens on a failed node */
		if (left ? !failed : all)
			bitset_set(tell, s->node[i]);
	}
	if (hit) {
		if (s->exit_code == NO_VAL || s->exit_code < STEP_RC_LOST)
			s->exit_code = STEP_RC_LOST;
		effect_log(out, 3, "Killing JobId=%u StepId=%u on a node that left the job", j->id,
			   s->id);
		if (bitset_next(tell, 0) != UINT32_MAX)
			step_signal(c, j, s, SIGKILL, 0, tell, out);
	}
	bitset_free(tell);
}

static struct step *step_all_done(struct job *j)
{
	for (struct step *s = j->steps; s; s = s->next)
		if (s->done && s->node_count && bitset_count(s->done) >= s->node_count)
			return s;
	return NULL;
}

static void steps_leave(struct core *c, struct job *j, const struct bitset *gone, bool failed,
			struct effects *out)
{
	struct step *over;

	for (struct step *s = j->steps; s; s = s->next)
		if (s->done)
			step_leave(c, j, s, gone, failed, out);
	/* ending one wakes those that wait, which changes the list */
	while ((over = step_all_done(j)))
		step_ended(c, j, over, out);
	for (struct step *s = j->steps; s; s = s->next)
		if (s->cores && s->cores->bits == j->alloc->cores_step->bits)
			cores_cut(j->alloc, gone, &s->cores);
}

/* Its steps are its step manager's: that ends them first (26.05). */
static void manager_shrink(struct core *c, struct job *j, const struct bitset *gone,
			   bool failed, struct effects *out)
{
	struct job_resize_msg *m;

	if (failed)     /* it heard of the node's failure */
		return;
	m = effects_body(out, REQUEST_STEPMGR_RESIZE_KILL_STEPS);
	step_id_fill(j, NO_VAL, &m->step_id);
	m->nodelist = effects_hostlist(c, out, gone);
	(void)manager_pass(c, j, REQUEST_STEPMGR_RESIZE_KILL_STEPS, m, out);
}

void job_shrink(struct core *c, struct job *j, const struct bitset *gone, bool failed,
		struct effects *out)
{
	struct bitset *cut = bitset_dup(gone), *cores;
	char *nodes;

	bitset_and(cut, j->alloc->nodes);
	if (bitset_next(cut, 0) == UINT32_MAX || !job_has_nodes(j, cut)) {
		bitset_free(cut);
		return;
	}
	steps_leave(c, j, cut, failed, out);
	/* a step manager speaks of steps only */
	if (!c->stepmgr)
		manager_shrink(c, j, cut, failed, out);
	if (!failed && !c->stepmgr)
		job_abort_nodes(c, j, cut, out);
	cores_cut(j->alloc, cut, &j->alloc->cores_step);
	/* the nodes get back what the job had there; then it is without it */
	cores = bitset_dup(j->alloc->cores);
	cores_cut(j->alloc, cut, &cores);
	alloc_give_up(c, j, cut);
	bitset_free(j->alloc->cores);
	j->alloc->cores = cores;
	bitset_free(cut);
	j->total_cpus = j->alloc->total_cpus;
	j->total_nodes = j->alloc->node_count;
	nodes = job_nodes_text(c, j);
	job_str_set(j, JS_NODES, nodes);
	free(nodes);
	job_tres_note(c, j);
	j->resize_time = c->now;
	job_dirty(c, j);
	c->wants_sched = true;
	/* the nodes given up may have been the last whose prolog was awaited */
	if (j->alloc->prolog && bitset_next(j->alloc->prolog, 0) == UINT32_MAX)
		job_prolog_done(c, j, out);
}

/* ---- on request --------------------------------------------------------- */

static enum err may_shrink(const struct core *c, const struct job *j)
{
	if (conf_option(c->conf->schedulerparameters, "disable_job_shrink", NULL))
		return E_NOT_SUPPORTED;
	return j->alloc ? E_OK : E_JOB_NOT_PENDING;
}

static uint32_t batch_node(const struct core *c, const struct job *j)
{
	const char *host = job_str(j, JS_BATCH_HOST);
	const struct node *n = host ? node_find(c, host) : NULL;

	return n ? n->index : UINT32_MAX;
}

enum err job_resize_to(struct core *c, struct job *j, const char *list, struct effects *out)
{
	struct bitset *keep = bitset_new(c->node_count), *gone = NULL;
	uint32_t host = batch_node(c, j);
	enum err rc = may_shrink(c, j);

	if (rc == E_OK && (!*list || nodes_parse(c, list, keep, NULL) != E_OK ||
			   !bitset_subset(keep, j->alloc->nodes)))
		rc = E_INVALID_NODE_NAME;
	/* the script's own node stays */
	if (rc == E_OK && j->batch && host != UINT32_MAX && !bitset_test(keep, host))
		rc = E_INVALID_NODE_NAME;
	if (rc == E_OK) {
		effect_log(out, 3, "update_job: setting nodes to %s for JobId=%u", list, j->id);
		gone = bitset_dup(j->alloc->nodes);
		bitset_and_not(gone, keep);
		job_shrink(c, j, gone, false, out);
		bitset_free(gone);
	}
	bitset_free(keep);
	return rc;
}

enum err job_resize_count(struct core *c, struct job *j, uint32_t count, struct effects *out)
{
	uint32_t host = batch_node(c, j), kept = 0;
	struct bitset *gone;
	enum err rc;

	if (!j->alloc)
		return E_JOB_NOT_PENDING;
	if (!count || count > j->alloc->node_count)
		return E_INVALID_NODE_COUNT;
	if (count == j->alloc->node_count)
		return E_OK;
	rc = may_shrink(c, j);
	if (rc != E_OK)
		return rc;
	gone = bitset_dup(j->alloc->nodes);
	if (host != UINT32_MAX && bitset_test(gone, host)) {
		bitset_clear(gone, host);
		kept = 1;
	}
	for (uint32_t i = bitset_next(gone, 0); i != UINT32_MAX && kept < count;
	     i = bitset_next(gone, i + 1), kept++)
		bitset_clear(gone, i);
	job_shrink(c, j, gone, false, out);
	bitset_free(gone);
	effect_log(out, 3, "update_job: set nodes to %s for JobId=%u", job_str(j, JS_NODES), j->id);
	return E_OK;
}
