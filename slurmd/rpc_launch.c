/* SPDX-License-Identifier: Apache-2.0
 *
 * Launching: is the credential the controller's, is it for this node, this
 * step and this user?  Then it is the job's business (core/job.c).
 *
 * Keeps: nothing starts that the controller has not signed. */
#include <stdlib.h>
#include <string.h>

#include "slurmd/jobs.h"
#include "slurmd/rpc.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"

/* Signature, node and cores.  Sets q->cred and q->share.  from_ctld: the
 * message itself proves that it is the controller's; stock controllers do not
 * sign the credential inside then. */
static enum err cred_check(struct req *q, struct cred_signed *c, uint16_t version,
			   bool from_ctld)
{
	enum wire_version v = q->frame.header.version;
	struct err_text why = { "" };
	enum err e = E_OK;

	if (version)
		(void)wire_version_find(version, &v);   /* decoding has refused a bad one */
	if (!from_ctld || (c->signature && *c->signature))
		e = cred_verify(q->site->auth, c, v, q->site->conf->slurm_uid, &q->mem, &why);
	if (!e) {
		q->share = arena_zalloc(&q->mem, sizeof *q->share);
		e = cred_node_share(&c->cred, q->site->name, &q->mem, q->share, &why);
	}
	if (e) {
		log_error("Invalid job credential from uid %u: %s", q->who.uid, why.text);
		return E_D_INVALID_JOB_CREDENTIAL;
	}
	q->cred = &c->cred;
	return E_OK;
}

static enum err tasks_cred_check(struct req *q, struct launch_tasks_request_msg *m)
{
	const struct cred *c = &m->cred.cred;
	enum err e = cred_check(q, &m->cred, m->cred_version, false);

	if (e)
		return e;
	if (c->step_id.job_id != m->step_id.job_id ||
	    c->step_id.step_id != m->step_id.step_id ||
	    c->step_id.step_het_comp != m->step_id.step_het_comp) {
		log_error("job credential for StepId=%u.%u, expected StepId=%u.%u",
			  c->step_id.job_id, c->step_id.step_id, m->step_id.job_id,
			  m->step_id.step_id);
		return E_D_INVALID_JOB_CREDENTIAL;
	}
	if (q->who.uid != c->id.uid && !site_trusts(q->site, q->who.uid)) {
		log_error("job credential of uid %u used by uid %u", c->id.uid, q->who.uid);
		return E_D_INVALID_JOB_CREDENTIAL;
	}
	return E_OK;
}

static bool node_listed(const struct req *q, const char *list)
{
	struct arena mem = { 0 };
	char **names;
	uint32_t count;
	bool found = false;

	if (!hostlist_expand(list, &mem, &names, &count, NULL))
		for (uint32_t k = 0; k < count && !found; k++)
			found = streq(names[k], q->site->name);
	arena_fini(&mem);
	return found;
}

void rpc_tasks_check(struct req *q)
{
	struct launch_tasks_request_msg *m = q->body;
	enum err e;

	q->job_id = m->step_id.job_id;
	q->step_id = m->step_id.step_id;
	q->het_comp = m->step_id.step_het_comp;
	log_info("launch task StepId=%u.%u request from UID:%u GID:%u", q->job_id, q->step_id,
		 q->who.uid, q->who.gid);
	if (!node_listed(q, m->complete_nodelist)) {
		log_info("launch task: Invalid node list (%s not in %s)", q->site->name,
			 m->complete_nodelist ? m->complete_nodelist : "(null)");
		req_answer_rc_msg(q, E_INVALID_NODE_NAME, NULL);
		return;
	}
	e = tasks_cred_check(q, m);
	if (e)
		req_answer_rc_msg(q, (uint32_t)e, NULL);
}

void rpc_batch_check(struct req *q)
{
	struct batch_job_launch_msg *m = q->body;
	enum err e = cred_check(q, &m->cred, m->cred_version, true);

	q->step_id = STEP_BATCH;
	q->het_comp = NO_VAL;
	q->job_id = m->cred.cred.step_id.job_id;
	if (!e && m->job_id && m->job_id != q->job_id) {
		log_error("batch job %u came with the credential of job %u", m->job_id,
			  q->job_id);
		e = E_D_INVALID_JOB_CREDENTIAL;
	}
	if (e)
		req_answer_rc(q, (uint32_t)e);
}

void rpc_prolog_check(struct req *q)
{
	struct prolog_launch_msg *m = q->body;
	enum err e = cred_check(q, &m->cred, 0, true);

	q->step_id = STEP_EXTERN;
	q->het_comp = NO_VAL;
	q->job_id = m->cred.cred.step_id.job_id;
	if (e)
		req_answer_rc(q, (uint32_t)e);
}

static void refuse(struct req *q, enum err e)
{
	if (q->frame.header.type == REQUEST_LAUNCH_TASKS)
		req_answer_rc_msg(q, (uint32_t)e, NULL);
	else
		req_answer_rc(q, (uint32_t)e);
	req_flush(q);
}

static bool admitted(struct req *q)
{
	enum err e = cred_cache_admit(q->d->creds, q->cred, time(NULL));

	if (!e)
		return true;
	log_error("launch of StepId=%u.%u refused: %s", q->job_id, q->step_id, err_str(e));
	refuse(q, e);
	return false;
}

void rpc_launch(struct req *q)
{
	struct daemon *d = q->d;
	struct nj_event ev = {
		.type = NJ_LAUNCH, .job_id = q->job_id, .ref = q->ref,
		.batch = q->frame.header.type == REQUEST_BATCH_JOB_LAUNCH,
	};

	if (steps_find(d, q->job_id, q->step_id, q->het_comp)) {
		if (ev.batch)
			log_error("Job %u already running, do not launch second copy",
				  q->job_id);
		refuse(q, ev.batch ? E_DUPLICATE_JOB_ID : E_D_STEP_EXISTS);
		return;
	}
	if (!admitted(q))
		return;
	if (ev.batch)
		log_info("Launching batch job %u for UID %u", q->job_id, q->cred->id.uid);
	(void)steps_reserve(d, q->job_id, q->step_id, q->het_comp, q->cred->id.uid);
	req_ref(q);
	jobs_event(d, &ev);
}

void rpc_prolog(struct req *q)
{
	struct nj_event ev = { .type = NJ_PROLOG_ASKED, .job_id = q->job_id, .ref = q->ref };

	/* it may run longer than anyone would wait */
	req_answer_rc(q, 0);
	req_flush(q);
	req_ref(q);
	jobs_event(q->d, &ev);
}
