/* SPDX-License-Identifier: Apache-2.0
 *
 * What reservations leave of the nodes for one request at one time. */
#include "slurmctld/core/resv.h"
#include "slurmctld/core/sched/sched_i.h"

#define YEAR_MIN (365 * 1440)

static int64_t length_sec(const struct core *c, const struct job *j, const struct part *p)
{
	uint32_t m = j->time_min_min && j->time_min_min != NO_VAL ? j->time_min_min :
		request_limit_min(c, j, p);

	return (int64_t)(m > YEAR_MIN ? YEAR_MIN : m) * 60;
}

static enum resv_answer ask(struct core *c, struct request *r, int64_t at)
{
	struct bitset *closed;
	enum resv_answer a;

	r->closed = NULL;
	if (!c->resv_first && !job_str(r->job, JS_RESERVATION))
		return RESV_FREE;
	closed = arena_zalloc(&c->sched->mem, bitset_sizeof(c->node_count));
	bitset_init(closed, c->node_count);
	a = resv_window(c, r->job, r->part, at, at + length_sec(c, r->job, r->part), closed);
	if (a == RESV_CLOSED)
		r->closed = closed;
	return a;
}

bool window_set(struct core *c, struct request *r, int64_t at)
{
	enum resv_answer a = ask(c, r, at);

	return a == RESV_FREE || a == RESV_CLOSED;
}

uint32_t window_now(struct core *c, struct request *r, struct err_text *desc)
{
	switch (ask(c, r, c->now)) {
	case RESV_LATER:
	case RESV_OVER:
		return WAIT_RESERVATION;
	case RESV_MAINTAINED:
		err_set(desc, E_OK, "ReqNodeNotAvail, Reserved for maintenance");
		return WAIT_NODE_NOT_AVAIL;
	case RESV_FREE:
	case RESV_CLOSED:
		break;
	}
	if (r->closed && job_str(r->job, JS_RESERVATION) && bitset_subset(r->cand, r->closed)) {
		err_set(desc, E_OK, "ReqNodeNotAvail, Reserved for maintenance");
		return WAIT_NODE_NOT_AVAIL;
	}
	if (!r->closed || !r->must || !bitset_overlap(r->must, r->closed))
		return 0;
	if (job_str(r->job, JS_RESERVATION))
		return WAIT_RESERVATION;
	err_set(desc, E_OK, "ReqNodeNotAvail, May be reserved for other job");
	return WAIT_NODE_NOT_AVAIL;
}

bool window_own_fits(struct core *c, struct request *r, struct err_text *why)
{
	const struct resv *own = resv_of_job(c, r->job);
	struct placement pl;
	struct bitset *closed;
	bool fits;

	/* what others have reserved of it may be given back */
	if (!own || !own->nodes || own->flags & (RESV_FLEX | RESV_ANY_NODES) ||
	    !resv_is_active(c, own))
		return true;
	closed = arena_zalloc(&c->sched->mem, bitset_sizeof(c->node_count));
	bitset_init(closed, c->node_count);
	bitset_set_all(closed);
	bitset_and_not(closed, own->nodes);
	r->closed = closed;
	if (r->must && bitset_overlap(r->must, r->closed)) {
		err_set(why, E_OK, "Problem using reservation");
		return false;
	}
	fits = fit_request(c, r, FIT_EMPTY, &c->sched->mem, &pl) == E_OK;
	r->closed = NULL;
	return fits;
}

bool window_too_small(struct core *c, struct request *r)
{
	return r->closed && bitset_overlap(r->cand, r->closed) &&
		!fit_up_possible(c, r, r->closed);
}
