/* SPDX-License-Identifier: Apache-2.0
 *
 * What reservations leave of the nodes for one request at one time. */
#include "slurmctld/core/resv.h"
#include "slurmctld/core/sched/sched_i.h"

#define YEAR_MIN (365 * 1440)

int64_t window_length_sec(const struct core *c, const struct job *j, const struct part *p)
{
	uint32_t m = j->time_min_min && j->time_min_min != NO_VAL ? j->time_min_min :
		request_limit_min(c, j, p);

	return (int64_t)(m > YEAR_MIN ? YEAR_MIN : m) * 60;
}

static void shut_begin(struct core *c, struct request *r, struct resv_shut *s)
{
	s->mem = &c->sched->mem;
	s->nodes = arena_zalloc(s->mem, bitset_sizeof(c->node_count));
	bitset_init(s->nodes, c->node_count);
	s->cores = NULL;
	s->whole = r->whole;
}

static enum resv_answer ask(struct core *c, struct request *r, int64_t at)
{
	struct resv_shut s;
	enum resv_answer a;

	r->closed = NULL;
	r->shut = NULL;
	if (!c->resv_first && !job_str(r->job, JS_RESERVATION))
		return RESV_FREE;
	shut_begin(c, r, &s);
	a = resv_window(c, r->job, r->part, r->own, at,
			at + window_length_sec(c, r->job, r->part), &s);
	if (a == RESV_CLOSED) {
		r->closed = s.nodes;
		r->shut = s.cores;
	}
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
	const struct resv *own = job_str(r->job, JS_RESERVATION) ? r->own : NULL;
	struct placement pl;
	struct resv_shut s;
	bool fits;

	/* what others have reserved of it may be given back */
	if (!own || !own->nodes || own->flags & (RESV_FLEX | RESV_ANY_NODES) ||
	    !resv_is_active(c, own))
		return true;
	shut_begin(c, r, &s);
	bitset_set_all(s.nodes);
	bitset_and_not(s.nodes, own->nodes);
	r->closed = s.nodes;
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
	struct bitset **shut = r->shut;
	bool small;

	r->shut = NULL;         /* for cores a job only waits */
	small = r->closed && bitset_overlap(r->cand, r->closed) &&
		!fit_up_possible(c, r, r->closed);
	r->shut = shut;
	return small;
}

enum err sched_place_cores(struct core *c, const struct job *like, const struct part *p,
			   const struct bitset *nodes, struct bitset *must,
			   struct bitset **taken, struct arena *mem, struct placement *out)
{
	struct request r;
	enum err rc;

	sched_scratch_reset(c);
	rc = request_build(c, like, p, &r, NULL);
	if (rc != E_OK)
		return rc;
	r.cand = nodes;
	r.must = must;
	r.shut = taken;
	r.own = NULL;
	r.whole = r.whole_user = r.share = false;
	r.rows = 1;
	r.min_nodes = r.want_nodes = like->min_nodes;
	r.max_nodes = like->max_nodes == NO_VAL ? UINT32_MAX : like->max_nodes;
	r.max_cpus_node = INFINITE;
	return fit_request(c, &r, FIT_EMPTY, mem, out);
}
