/* SPDX-License-Identifier: Apache-2.0
 *
 * Counters for sdiag. */
#include "slurmctld/stats.h"

#include <stdlib.h>
#include <time.h>

#include "slurmctld/agent.h"
#include "slurmctld/conn.h"

#define TYPES_MAX 100
#define USERS_MAX 200
/* Reasons for a pass of the scheduler, or of backfill, to end.  slurmrestd
 * aborts when there are more than it knows. */
#define EXIT_REASONS 6

struct stats {
	uint16_t type[TYPES_MAX];
	uint32_t type_count[TYPES_MAX];
	uint64_t type_usec[TYPES_MAX];
	uint32_t types;
	uint32_t user[USERS_MAX], user_count[USERS_MAX];
	uint64_t user_usec[USERS_MAX];
	uint32_t users;
	uint32_t bf_cycle;              /* the pass that the last slice was of */
};

struct stats *stats_new(void)
{
	struct stats *s = mem_zalloc(sizeof *s);

	stats_reset(s);
	return s;
}

void stats_free(struct stats *s)
{
	free(s);
}

void stats_reset(struct stats *s)
{
	memset(s, 0, sizeof *s);
	s->users = 1;           /* root comes first */
}

void stats_rpc(struct stats *s, const struct request *r)
{
	uint64_t took = (uint64_t)(clock_mono_usec() - r->start_usec);
	uint32_t i;

	for (i = 0; i < s->types && s->type[i] != r->frame.header.type; i++)
		;
	if (i == s->types && i < TYPES_MAX)
		s->type[s->types++] = r->frame.header.type;
	if (i < TYPES_MAX) {
		s->type_count[i]++;
		s->type_usec[i] += took;
	}
	for (i = 0; i < s->users && s->user[i] != r->caller.uid; i++)
		;
	if (i == s->users && i < USERS_MAX)
		s->user[s->users++] = r->caller.uid;
	if (i < USERS_MAX) {
		s->user_count[i]++;
		s->user_usec[i] += took;
	}
}

void stats_cycle(struct ctld *c, int64_t usec, bool slice)
{
	struct core_stats *k = &c->core->stats;
	uint32_t u = usec > UINT32_MAX ? UINT32_MAX : (uint32_t)usec;

	if (slice) {
		if (c->stats->bf_cycle != k->bf_cycles)
			k->bf_last_us = 0;
		c->stats->bf_cycle = k->bf_cycles;
		k->bf_last_us += u;
		k->bf_sum_us += u;
		if (k->bf_last_us > k->bf_max_us)
			k->bf_max_us = k->bf_last_us;
		return;
	}
	k->cycle_last_us = u;
	k->cycle_sum_us += u;
	k->cycle_count++;
	if (u > k->cycle_max_us)
		k->cycle_max_us = u;
}

static uint32_t clock_latency(void)
{
	struct timespec a, b;

	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 1000; i++)
		clock_gettime(CLOCK_REALTIME, &b);
	clock_gettime(CLOCK_MONOTONIC, &b);
	return (uint32_t)((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
}

static void fill_jobs(struct ctld *c, struct stats_response_msg *m)
{
	const struct core_stats *k = &c->core->stats;

	m->jobs_submitted = k->submitted;
	m->jobs_started = k->started;
	m->jobs_completed = k->completed;
	m->jobs_canceled = k->canceled;
	m->jobs_failed = k->failed;
	for (const struct job *j = c->core->job_first; j; j = j->next) {
		if (job_is_pending(j))
			m->jobs_pending += j->array ? bitset_count(j->array->pending) : 1;
		else if (job_is_running(j))
			m->jobs_running++;
	}
	m->job_states_ts = ctld_now_usec(c) / 1000000;
}

static void fill_cycles(struct ctld *c, struct stats_response_msg *m, struct arena *mem)
{
	const struct core_stats *k = &c->core->stats;

	m->schedule_cycle_max = k->cycle_max_us;
	m->schedule_cycle_last = k->cycle_last_us;
	m->schedule_cycle_sum = k->cycle_sum_us;
	m->schedule_cycle_counter = k->cycle_count;
	m->schedule_cycle_depth = k->cycle_depth;
	m->schedule_queue_len = k->cycle_queue;
	m->schedule_exit_count = EXIT_REASONS;
	m->schedule_exit = arena_zalloc(mem, EXIT_REASONS * sizeof *m->schedule_exit);
	m->schedule_exit[0] = k->cycle_count;
	m->bf_backfilled_jobs = k->bf_started;
	m->bf_backfilled_het_jobs = k->bf_het_started;
	m->bf_last_backfilled_jobs = k->bf_started_last;
	m->bf_cycle_counter = k->bf_cycles;
	m->bf_cycle_sum = k->bf_sum_us;
	m->bf_cycle_last = k->bf_last_us;
	m->bf_cycle_max = k->bf_max_us;
	m->bf_last_depth = k->bf_depth;
	m->bf_last_depth_try = k->bf_depth_try;
	m->bf_queue_len = k->bf_queue;
	m->bf_when_last_cycle = k->bf_when;
	m->bf_depth_sum = k->bf_depth_sum;
	m->bf_depth_try_sum = k->bf_depth_try_sum;
	m->bf_queue_len_sum = k->bf_queue_sum;
	m->bf_table_size = k->bf_table;
	m->bf_table_size_sum = k->bf_table_sum;
	m->bf_active = k->bf_active;
	m->bf_exit_count = EXIT_REASONS;
	m->bf_exit = arena_zalloc(mem, EXIT_REASONS * sizeof *m->bf_exit);
	m->bf_exit[0] = k->bf_cycles;
}

void stats_fill(struct ctld *c, struct stats_response_msg *m, struct arena *mem)
{
	struct stats *s = c->stats;

	m->parts_packed = 1;
	m->req_time = ctld_now_usec(c) / 1000000;
	m->req_time_start = c->core->stats.since;
	m->server_thread_count = conns_open(c->conns);
	m->agent_queue_size = agent_queued(c->agent);
	m->agent_count = agent_active(c->agent);
	m->agent_thread_count = agent_active(c->agent);
	m->gettimeofday_latency = clock_latency();
	fill_jobs(c, m);
	fill_cycles(c, m, mem);
	m->rpc_type_size = s->types;
	m->rpc_type_id_count = m->rpc_type_cnt_count = m->rpc_type_time_count = s->types;
	m->rpc_type_id = s->type;
	m->rpc_type_cnt = s->type_count;
	m->rpc_type_time = s->type_usec;
	m->rpc_user_size = s->users;
	m->rpc_user_id_count = m->rpc_user_cnt_count = m->rpc_user_time_count = s->users;
	m->rpc_user_id = s->user;
	m->rpc_user_cnt = s->user_count;
	m->rpc_user_time = s->user_usec;
}
