/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends and beginnings that clients and node daemons report.  All of these may
 * arrive late, twice, or from a node that no longer has the job. */
#include "slurmctld/core/internal.h"

/* Stock's clients end a cancelled allocation with this status. */
#define RC_CANCELLED NO_VAL

static enum err alloc_done(struct core *c, const struct event *ev, struct job *j, uint32_t rc,
			   struct effects *out)
{
	if (job_is_finished(j)) {
		if (!j->exit_code) {
			j->exit_code = rc;
			job_dirty(c, j);
		}
		return E_ALREADY_DONE;
	}
	if (job_is_completing(j) || (job_is_pending(j) && j->batch))
		return E_OK;
	/* Its own srun or salloc is the one that tells us. */
	j->other_port = 0;
	effect_log(out, 3, "_job_complete: JobId=%u done", j->id);
	if (job_is_pending(j) || rc == RC_CANCELLED) {
		j->req_uid = ev->caller.uid;
		job_end(c, j, JOB_CANCELLED, out);
	} else {
		job_end_status(c, j, rc, out);
	}
	return E_OK;
}

void rpc_complete_alloc(struct core *c, const struct event *ev, struct effects *out)
{
	const struct complete_job_allocation_msg *m = ev->body;
	enum err rc = E_ALREADY_DONE;
	struct job *j = job_find(c, m->step_id.job_id);

	if (!j) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	if (!ev->caller.root_or_slurm && ev->caller.uid != j->uid) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	/* That of a leader is that of all. */
	for (struct job *k = j; k; k = het_is_part(j) ? NULL : k->het_next)
		if (alloc_done(c, ev, k, m->job_rc, out) == E_OK)
			rc = E_OK;
	effect_reply_rc(out, ev, rc);
}

/* Codes of slurmd that are not its node's fault. */
static bool harmless(uint32_t rc)
{
	return rc == E_D_JOB_NOTRUNNING || rc == E_ALREADY_DONE || rc == E_D_CREDENTIAL_REVOKED;
}

static bool no_drain(uint32_t rc)
{
	return rc == E_COMMUNICATIONS_SEND_ERROR || rc == E_USER_ID_MISSING ||
	       rc == E_D_INVALID_ACCT_FREQ;
}

static void batch_done(struct core *c, struct job *j, const struct complete_batch_script_msg *m,
		       struct node *n, struct effects *out)
{
	uint32_t slurm_rc = harmless(m->slurm_rc) ? 0 : m->slurm_rc;

	effect_log(out, 3, "_job_complete: JobId=%u WEXITSTATUS %u", j->id, m->job_rc >> 8);
	if (slurm_rc) {
		effect_log(out, 2, "slurmd error running JobId=%u on nodes=%s: %s", j->id,
			   m->node_name ? m->node_name : "?", err_str((int)slurm_rc));
		if (!no_drain(slurm_rc) && n) {
			node_drain(c, n, "batch job complete failure", c->conf->slurm_uid);
			if (m->job_rc && het_may_requeue(c, j)) {
				het_requeue(c, j, 0, 121, out);
				return;
			}
		}
	}
	/* The script was that of all components. */
	for (struct job *k = j; k; k = het_is_part(j) ? NULL : k->het_next)
		if (k->alloc && (job_is_running(k) || job_base(k) == JOB_SUSPENDED))
			job_end_status(c, k, m->job_rc, out);
}

/* The job ended before its script did.  How that ended is worth keeping; of
 * components that still run it is the end. */
static void batch_late(struct core *c, struct job *j, uint32_t rc, struct effects *out)
{
	for (struct job *k = j; k; k = het_is_part(j) ? NULL : k->het_next) {
		if (k->alloc && job_is_running(k)) {
			job_end_status(c, k, rc, out);
		} else if (job_is_finished(k) && !k->exit_code && rc && k->batch) {
			k->exit_code = rc;
			job_dirty(c, k);
		}
	}
}

/* Does it, or another component, have that node? */
static bool is_on_node(const struct job *j, const struct node *n)
{
	for (const struct job *k = j; k && n; k = het_is_part(j) ? NULL : k->het_next)
		if (alloc_find(k->alloc, n->index) != UINT32_MAX)
			return true;
	return false;
}

void rpc_complete_batch(struct core *c, const struct event *ev, struct effects *out)
{
	const struct complete_batch_script_msg *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);
	struct node *n = node_find(c, m->node_name);

	if (!ev->caller.root_or_slurm) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	if (!j) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	if (job_is_finished(j)) {
		batch_late(c, j, m->job_rc, out);
		effect_reply_rc(out, ev, E_ALREADY_DONE);
		return;
	}
	effect_reply_rc(out, ev, E_OK);
	/* From its life before a requeue: since 24.11 each has a number. */
	if (m->step_id.sluid && m->step_id.sluid != j->sluid)
		return;
	/* Cleaning up before it starts again, or a node that had it before. */
	if (job_is_pending(j) || !j->alloc)
		return;
	/* An allocation has no script; but its node may be unable to serve it. */
	if (!j->batch) {
		if (m->slurm_rc && !harmless(m->slurm_rc))
			batch_done(c, j, m, n, out);
		return;
	}
	if (m->node_name && *m->node_name && !streq(m->node_name, job_str(j, JS_BATCH_HOST)) &&
	    !is_on_node(j, n))
		return;
	batch_done(c, j, m, n, out);
}

void rpc_complete_prolog(struct core *c, const struct event *ev, struct effects *out)
{
	const struct complete_prolog_msg *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);
	const struct node *n = node_find(c, m->node_name);
	uint32_t k;

	if (!ev->caller.root_or_slurm) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	if (!j) {
		effect_reply_rc(out, ev, E_INVALID_JOB_ID);
		return;
	}
	effect_reply_rc(out, ev, E_OK);
	if (m->prolog_rc)
		effect_log(out, 2, "Prolog launch failure, JobId=%u on %s: %s", j->id,
			   m->node_name ? m->node_name : "?", err_str((int)m->prolog_rc));
	if (job_is_completing(j) || !j->alloc || !j->alloc->prolog || !n)
		return;
	k = alloc_find(j->alloc, n->index);
	if (k == UINT32_MAX)
		return;
	bitset_clear(j->alloc->prolog, k);
	job_dirty(c, j);
	if (job_is_managed(c, j) && !manager_starts(c, j))
		steps_wake(j, out);
	if (bitset_next(j->alloc->prolog, 0) == UINT32_MAX)
		job_prolog_done(c, j, out);
}

void rpc_epilog_complete(struct core *c, const struct event *ev, struct effects *out)
{
	const struct epilog_comp_msg *m = ev->body;
	struct job *j = job_find(c, m->step_id.job_id);
	struct node *n = node_find(c, m->node_name);

	if (!ev->caller.root_or_slurm) {
		effect_reply_rc(out, ev, E_USER_ID_MISSING);
		return;
	}
	effect_reply_rc(out, ev, E_OK);
	if (!j || !n)
		return;
	/* A cleaning job that is queued again has its next number already. */
	if (m->step_id.sluid && m->step_id.sluid != j->sluid && !job_is_completing(j))
		return;
	if (m->return_code) {
		effect_log(out, 2, "JobId=%u epilog error on %s, draining the node", j->id,
			   n->name);
		node_drain(c, n, "Epilog error", c->conf->slurm_uid);
	}
	if (j->alloc)
		job_node_clean(c, j, n, out);
}
