/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests for the step manager of a job (slurmctld/core/stepmgr.h), which is
 * its extern step on the job's first node: who may ask is decided here, the
 * rest there. */
#include <event2/event.h>
#include <string.h>

#include "slurmd/core/job.h"
#include "slurmd/rpc.h"
#include "slurmd/steps.h"
#include "wire/base/log.h"
#include "wire/states.h"

#define STARTING_PAUSE_MS 100
#define STARTING_TRIES    100

/* Whose requests are let through.  As stock: a step is created by the job's
 * owner only, what is shown is anybody's. */
enum manage_who { THE_OWNER, OWNER_OR_ADMIN, EVERYBODY, THE_CONTROLLER };

struct manage {
	uint16_t type;
	enum manage_who who;
	const struct step_id_members *(*id)(const void *body);
};

#define ID_OF(name, type, member) \
	static const struct step_id_members *name(const void *body) \
	{ return &((const struct type *)body)->member; }

ID_OF(id_create, job_step_create_request_msg, step_id)
ID_OF(id_info, job_step_info_req_msg, step_id)
ID_OF(id_kill, job_step_kill_msg, step_id)
ID_OF(id_update, update_job_step_msg, step_id)
ID_OF(id_sbcast, step_alloc_info_msg, step.step_id)
ID_OF(id_alloc, job_alloc_info_msg, step_id)
ID_OF(id_drained, steps_drained_sub_msg, step_id)
ID_OF(id_resize, job_resize_msg, step_id)
ID_OF(id_timeout, srun_timeout_msg, step_id)
ID_OF(id_fail, srun_node_fail_msg, step_id)

static const struct step_id_members *id_itself(const void *body)
{
	return body;
}

static const struct manage manages[] = {
	{ REQUEST_JOB_STEP_CREATE, THE_OWNER, id_create },
	{ REQUEST_JOB_STEP_INFO, EVERYBODY, id_info },
	{ REQUEST_STEP_LAYOUT, EVERYBODY, id_itself },
	{ REQUEST_HET_JOB_ALLOC_INFO, EVERYBODY, id_alloc },
	{ REQUEST_CANCEL_JOB_STEP, OWNER_OR_ADMIN, id_kill },
	{ REQUEST_UPDATE_JOB_STEP, OWNER_OR_ADMIN, id_update },
	{ REQUEST_JOB_SBCAST_CRED, OWNER_OR_ADMIN, id_sbcast },
	{ REQUEST_STEPS_DRAINED_SUBSCRIBE, OWNER_OR_ADMIN, id_drained },
	{ REQUEST_STEPMGR_RESIZE_KILL_STEPS, THE_CONTROLLER, id_resize },
	{ SRUN_JOB_COMPLETE, THE_CONTROLLER, id_itself },
	{ SRUN_TIMEOUT, THE_CONTROLLER, id_timeout },
	{ SRUN_NODE_FAIL, THE_CONTROLLER, id_fail },
};

static bool allowed(const struct req *q, enum manage_who who, uint32_t uid)
{
	bool admin = site_trusts(q->site, q->who.uid);

	switch (who) {
	case THE_OWNER:
		return q->who.uid == uid;
	case OWNER_OR_ADMIN:
		return q->who.uid == uid || admin;
	case EVERYBODY:
		return q->who.uid == uid || admin ||
		       !(q->site->conf->privatedata & PRIVATE_DATA_JOBS);
	case THE_CONTROLLER:
		return admin;
	}
	return false;
}

static void refuse(struct req *q, enum err e, const char *text)
{
	if (!q->rpc->answers)
		return;
	if (text)
		req_answer_rc_msg(q, (uint32_t)e, text);
	else
		req_answer_rc(q, (uint32_t)e);
}

static void managed(struct ask *a)
{
	struct req *q = a->arg;
	const struct stepd_reply *r = &a->replies[0];
	enum wire_version v;

	if (!q->rpc->answers) {
		req_unref(q);
		return;
	}
	if (a->results[0])
		refuse(q, a->results[0], r->why && *r->why ? r->why : NULL);
	else if (!r->type)
		req_answer_rc(q, (uint32_t)E_FAIL);
	else {
		if (r->version && wire_version_find(r->version, &v))
			req_answer_speak(q, v);
		req_answer_packed(q, r->type, r->body.p, r->body.len);
	}
	req_flush(q);
	req_unref(q);
}

/* Will the job's extern step come up?  Its clients are answered then. */
static bool coming(const struct req *q, uint32_t job_id)
{
	struct nj_state st;

	return nj_state(q->d->jobs, job_id, &st) && st.end == END_NO &&
	       (st.prolog == PRO_RUNNING || st.prolog == PRO_EXTERN);
}

static void on_later(evutil_socket_t fd, short what, void *arg)
{
	struct req *q = arg;

	(void)fd, (void)what;
	q->rpc->serve(q);
	if (q->answered)
		req_flush(q);
	req_unref(q);
}

/* The job's extern step here, up; otherwise q is answered, or served later. */
static const struct step *manager_of(struct req *q, uint32_t job_id)
{
	const struct step *s = steps_find(q->d, job_id, STEP_EXTERN, NO_VAL);

	if (((s && !s->up) || (!s && coming(q, job_id))) && q->tries++ < STARTING_TRIES) {
		struct timeval moment = { .tv_usec = STARTING_PAUSE_MS * 1000 };

		event_base_once(q->d->base, -1, EV_TIMEOUT, on_later, req_ref(q), &moment);
		return NULL;
	}
	if (s && !s->up)
		s = NULL;
	if (!s) {
		log_info("%s from uid %u: job %u has no step manager on this node",
			 q->type->name, q->who.uid, job_id);
		refuse(q, E_INVALID_JOB_ID, NULL);
		return NULL;
	}
	return s;
}

static void pass_on(struct req *q, const struct step *s)
{
	struct ask *a = ask_new(q->d, STEPD_MANAGE, q->who.uid);

	a->q.type = q->frame.header.type;
	a->q.version = wire_version_number(q->frame.header.version);
	a->q.body = q->frame.body;
	a->q.peer = q->peer;            /* clients speak to us themselves */
	ask_add(a, s);
	a->done = managed;
	a->arg = req_ref(q);
	ask_start(a);
}

void rpc_manage(struct req *q)
{
	const struct manage *m = NULL;
	const struct step *s;

	for (size_t i = 0; i < sizeof manages / sizeof *manages; i++)
		if (manages[i].type == q->frame.header.type)
			m = &manages[i];
	s = m ? manager_of(q, m->id(q->body)->job_id) : NULL;
	if (!s)
		return;
	if (!allowed(q, m->who, s->uid)) {
		log_error("Security violation, %s from uid %u for job %u of uid %u",
			  q->type->name, q->who.uid, s->job_id, s->uid);
		refuse(q, E_USER_ID_MISSING, NULL);
		return;
	}
	pass_on(q, s);
}

void manage_complete(struct req *q, uint32_t job_id)
{
	const struct step *s = manager_of(q, job_id);

	if (s)
		pass_on(q, s);
}
