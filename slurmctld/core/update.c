/* SPDX-License-Identifier: Apache-2.0
 *
 * Changes to a job that exists: scontrol update, hold, release, top. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"
#include "slurmctld/core/resv.h"
#include "slurmctld/core/sched/sched_i.h"

#define SID_USER_HOLD 0x00000002u
#define NO_LIMIT_SEC (365 * 86400)

struct change {
	const struct event *ev;
	const struct job_desc_msg *d;
	bool admin;
};

/* ---- texts ------------------------------------------------------------- */

/* Any time while the job is not over; pending: only before it starts. */
static enum err change_strings(struct job *j, const struct change *k)
{
	const struct job_desc_msg *d = k->d;
	const struct { enum job_string s; const char *v; bool pending; } all[] = {
		{ JS_NAME, d->name, false }, { JS_COMMENT, d->comment, false },
		{ JS_ADMIN_COMMENT, d->admin_comment, false }, { JS_EXTRA, d->extra, false },
		{ JS_WCKEY, d->wckey, false },
		{ JS_FEATURES, d->features, true },
		{ JS_PREFER, d->prefer, true },
		{ JS_BATCH_FEATURES, d->batch_features, true },
		{ JS_STD_OUT, d->std_out, true }, { JS_STD_IN, d->std_in, true },
		{ JS_STD_ERR, d->std_err, true }, { JS_WORK_DIR, d->work_dir, true },
		{ JS_NETWORK, d->network, true }, { JS_MAIL_USER, d->mail_user, false },
		{ JS_CPUS_PER_TRES, d->cpus_per_tres, true },
		{ JS_MEM_PER_TRES, d->mem_per_tres, true }, { JS_TRES_BIND, d->tres_bind, true },
		{ JS_TRES_FREQ, d->tres_freq, true }, { JS_TRES_PER_JOB, d->tres_per_job, true },
		{ JS_TRES_PER_NODE, d->tres_per_node, true },
		{ JS_TRES_PER_SOCKET, d->tres_per_socket, true },
		{ JS_TRES_PER_TASK, d->tres_per_task, true },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].v && all[i].pending && !job_is_pending(j))
			return E_JOB_NOT_PENDING;
	/* Without accounting a job keeps the account and QOS it came with. */
	if ((d->account || d->qos) && !job_is_pending(j))
		return E_JOB_NOT_PENDING;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].v)
			job_str_set(j, all[i].s, all[i].v);
	if (d->features)
		feature_str_set(j, JS_FEATURES, d->features);
	if (d->prefer)
		feature_str_set(j, JS_PREFER, d->prefer);
	return E_OK;
}

static enum err change_reservation(struct core *c, struct job *j, const struct change *k)
{
	const char *now = job_str(j, JS_RESERVATION);
	enum err rc;

	if (!k->d->reservation || strcmp(k->d->reservation, now ? now : "") == 0)
		return E_OK;
	if (!job_is_pending(j) && !job_is_running(j))
		return E_JOB_NOT_PENDING_NOR_RUNNING;
	rc = resv_job_valid(c, j, k->d->reservation);
	if (rc != E_OK)
		return rc;
	job_str_set(j, JS_RESERVATION, *k->d->reservation ? k->d->reservation : NULL);
	j->bitflags &= ~JOB_MAGNETIC;
	return E_OK;
}

static enum err change_licenses(const struct core *c, struct job *j, const struct change *k)
{
	const char *text = k->d->licenses, *old = job_str(j, JS_LICENSES);

	if (!text || strcmp(text, old ? old : "") == 0)
		return E_OK;
	if (*text && !licenses_valid(c, text))
		return E_INVALID_LICENSES;
	/* Of what a running job has its user may only give all back. */
	if (job_is_running(j) && !k->admin && *text)
		return E_ACCESS_DENIED;
	if (!job_is_running(j) && !job_is_pending(j))
		return E_JOB_NOT_PENDING_NOR_RUNNING;
	job_str_set(j, JS_LICENSES, *text ? text : NULL);
	return E_OK;
}

/* ---- partition and nodes ----------------------------------------------- */

static enum err change_part(struct core *c, struct job *j, const struct change *k)
{
	struct part *p = NULL;
	enum err rc;

	if (!k->d->partition)
		return E_OK;
	if (!job_is_pending(j))
		return E_JOB_NOT_PENDING;
	rc = part_list_of(c, k->d->partition, &p, NULL);
	if (rc != E_OK)
		return rc;
	if (!(p->state_up & PARTITION_SUBMIT))
		return E_PARTITION_NOT_AVAIL;
	if (p->flags & PART_FLAG_ROOT_ONLY && !k->ev->caller.root_or_slurm)
		return E_ACCESS_DENIED;
	if (!part_user_allowed(c, p, j->uid))
		return E_JOB_MISSING_REQUIRED_PARTITION_GROUP;
	j->part = p;
	job_str_set(j, JS_PARTITION, k->d->partition);
	return E_OK;
}

static enum err change_node_list(struct core *c, struct job *j, enum job_string s,
				 const char *text)
{
	struct bitset *set;
	enum err rc = E_OK;

	if (!text)
		return E_OK;
	if (!job_is_pending(j))
		return E_JOB_NOT_PENDING;
	set = bitset_new(c->node_count);
	if (*text)
		rc = nodes_parse(c, text, set, NULL);
	bitset_free(set);
	if (rc == E_OK)
		job_str_set(j, s, text);
	return rc;
}

/* ---- size -------------------------------------------------------------- */

static bool sizes_given(const struct job_desc_msg *d)
{
	return d->min_cpus != NO_VAL || d->max_cpus != NO_VAL || d->min_nodes != NO_VAL ||
	       (d->max_nodes != NO_VAL && d->max_nodes) || d->num_tasks != NO_VAL ||
	       d->cpus_per_task != NO_VAL16 || d->pn_min_cpus != NO_VAL16 ||
	       d->pn_min_memory != NO_VAL64 || d->pn_min_tmp_disk != NO_VAL ||
	       d->ntasks_per_node != NO_VAL16 || d->shared != NO_VAL16 ||
	       d->contiguous != NO_VAL16 || d->core_spec != NO_VAL16 ||
	       d->sockets_per_node != NO_VAL16 || d->cores_per_socket != NO_VAL16 ||
	       d->threads_per_core != NO_VAL16 || d->reboot != NO_VAL16;
}

/* Running or suspended: a node list or count takes nodes away from it. */
static bool holds_nodes(const struct job *j)
{
	return job_is_running(j) || job_base(j) == JOB_SUSPENDED;
}

/* What the request makes of the number of CPUs. */
static void cpus_wanted(const struct job *j, const struct job_desc_msg *d, struct job *want)
{
	uint32_t per_task = d->cpus_per_task != NO_VAL16 ? d->cpus_per_task :
			    j->cpus_per_task ? j->cpus_per_task : 1;
	uint32_t per_node = d->pn_min_cpus != NO_VAL16 ? d->pn_min_cpus : j->pn_min_cpus;

	if (d->min_cpus != NO_VAL)
		want->min_cpus = d->min_cpus;
	else if (d->pn_min_cpus != NO_VAL16 && d->pn_min_cpus)
		want->min_cpus = d->pn_min_cpus * want->min_nodes;
	else if (d->num_tasks != NO_VAL)
		want->min_cpus = d->num_tasks;
	if (d->max_cpus != NO_VAL)
		want->max_cpus = d->max_cpus;
	if (d->num_tasks != NO_VAL)
		want->num_tasks = d->num_tasks;
	if (d->ntasks_per_node != NO_VAL16 && d->ntasks_per_node) {
		want->num_tasks = d->ntasks_per_node * want->min_nodes;
		want->min_cpus = want->num_tasks * per_task;
	}
	if (d->min_nodes != NO_VAL) {
		uint64_t need, nodes = (uint64_t)per_node * d->min_nodes;

		if (want->num_tasks < d->min_nodes)
			want->num_tasks = d->min_nodes;
		need = (uint64_t)want->num_tasks * per_task;
		need = need < nodes ? nodes : need;
		if (need > want->min_cpus)
			want->min_cpus = need < NO_VAL ? (uint32_t)need : NO_VAL - 1;
	}
}

static enum err size_allowed(const struct core *c, const struct job *j, const struct change *k)
{
	const struct job_desc_msg *d = k->d;

	if (d->core_spec != NO_VAL16 && !c->conf->allowspecresourcesusage)
		return E_ACCESS_DENIED;
	if (k->admin)
		return E_OK;
	/* Users may give up what is theirs, not take more. */
	if ((d->contiguous != NO_VAL16 && d->contiguous >= j->contiguous) ||
	    (d->shared != NO_VAL16 && (j->shared == NO_VAL16 || d->shared >= j->shared)) ||
	    (d->ntasks_per_node != NO_VAL16 && d->ntasks_per_node >= j->ntasks_per_node))
		return E_ACCESS_DENIED;
	return E_OK;
}

static enum err change_size(struct core *c, struct job *j, const struct change *k,
			    struct effects *out)
{
	const struct job_desc_msg *d = k->d;
	struct job want = *j;
	enum err rc;

	if (!sizes_given(d))
		return E_OK;
	if (holds_nodes(j) && d->min_nodes != NO_VAL)
		return job_resize_count(c, j, d->min_nodes, out);
	if (!job_is_pending(j))
		return E_JOB_NOT_PENDING;
	if (d->min_cpus != NO_VAL && !d->min_cpus)
		return E_INVALID_CPU_COUNT;
	if (d->num_tasks != NO_VAL && !d->num_tasks)
		return E_BAD_TASK_COUNT;
	rc = size_allowed(c, j, k);
	if (rc != E_OK)
		return rc;
	if (d->min_nodes != NO_VAL) {
		uint32_t max = d->max_nodes != NO_VAL ? d->max_nodes : 0;

		if (!d->min_nodes || (max && max < d->min_nodes))
			return E_INVALID_NODE_COUNT;
		want.min_nodes = d->min_nodes;
		want.max_nodes = max;
	}
	cpus_wanted(j, d, &want);
	if (want.max_cpus && want.max_cpus != NO_VAL && want.max_cpus < want.min_cpus)
		return E_INVALID_CPU_COUNT;
	j->min_nodes = want.min_nodes;
	j->max_nodes = want.max_nodes;
	j->min_cpus = want.min_cpus;
	j->max_cpus = want.max_cpus;
	j->num_tasks = want.num_tasks;
	if (d->num_tasks != NO_VAL)
		j->bitflags |= JOB_NTASKS_SET;
#define SET16(to, from) if (d->from != NO_VAL16) j->to = d->from;
	SET16(cpus_per_task, cpus_per_task)
	SET16(pn_min_cpus, pn_min_cpus)
	SET16(ntasks_per_node, ntasks_per_node)
	SET16(shared, shared)
	SET16(contiguous, contiguous)
	SET16(core_spec, core_spec)
	SET16(sockets_per_node, sockets_per_node)
	SET16(cores_per_socket, cores_per_socket)
	SET16(threads_per_core, threads_per_core)
	SET16(reboot, reboot)
#undef SET16
	if (d->pn_min_memory != NO_VAL64) {
		j->pn_min_memory = d->pn_min_memory == MEM_PER_CPU ? 0 : d->pn_min_memory;
		j->bitflags |= JOB_MEM_SET;
	}
	if (d->pn_min_tmp_disk != NO_VAL)
		j->pn_min_tmp_disk = d->pn_min_tmp_disk;
	job_note_tres(c, j);
	return E_OK;
}

/* ---- times ------------------------------------------------------------- */

static enum err change_limit(struct core *c, struct job *j, const struct change *k)
{
	uint32_t want = k->d->time_limit;
	uint32_t least = k->d->time_min != NO_VAL ? k->d->time_min : j->time_min_min;
	int64_t was;

	if (want == NO_VAL || want == j->time_limit_min)
		return E_OK;
	if (!k->admin && want > j->time_limit_min &&
	    !(job_is_pending(j) && j->part && j->part->max_time_min >= want))
		return E_ACCESS_DENIED;
	if (least != NO_VAL && want < least)
		return E_INVALID_TIME_MIN_LIMIT;
	was = j->time_limit_min == INFINITE ? NO_LIMIT_SEC : (int64_t)j->time_limit_min * 60;
	j->time_limit_min = want;
	if (job_is_pending(j))
		return E_OK;
	if (want == INFINITE)
		j->end_time = c->now + NO_LIMIT_SEC;
	else
		j->end_time += (int64_t)want * 60 - was;
	if (j->end_time < c->now)
		j->end_time = c->now;
	return E_OK;
}

static enum err change_times(struct core *c, struct job *j, const struct change *k)
{
	const struct job_desc_msg *d = k->d;
	enum err rc = change_limit(c, j, k);

	if (rc != E_OK)
		return rc;
	if (d->time_min != NO_VAL && job_is_pending(j)) {
		if (d->time_min > j->time_limit_min)
			return E_INVALID_TIME_MIN_LIMIT;
		j->time_min_min = d->time_min;
	}
	if (d->end_time && d->end_time != NO_VAL) {
		if (!job_is_running(j))
			return E_JOB_NOT_RUNNING;
		if (d->end_time < c->now)
			return E_INVALID_TIME_VALUE;
		if (!k->admin && d->end_time > j->end_time)
			return E_ACCESS_DENIED;
		if (j->time_limit_min != INFINITE)
			j->time_limit_min = (uint32_t)((int64_t)j->time_limit_min +
						       (d->end_time - j->end_time + 30) / 60);
		j->end_time = d->end_time;
	}
	if (d->deadline && d->deadline != NO_VAL && !job_is_running(j)) {
		if (d->deadline < c->now)
			return E_INVALID_TIME_VALUE;
		if (!k->admin)
			return E_ACCESS_DENIED;
		j->deadline = d->deadline;
	}
	if (d->begin_time && d->begin_time != NO_VAL) {
		if (!job_is_pending(j))
			return E_JOB_NOT_PENDING;
		j->begin_time = d->begin_time;
		if (j->begin_time > c->now) {
			j->eligible_time = j->begin_time;
			if (j->priority && !(j->bitflags & JOB_DEPENDENT))
				job_reason(c, j, WAIT_TIME, NULL);
		} else {
			if (j->eligible_time > c->now)
				j->eligible_time = c->now;
			if (j->reason == WAIT_TIME)
				job_reason(c, j, WAIT_NO_REASON, NULL);
		}
	}
	return E_OK;
}

/* ---- priority ---------------------------------------------------------- */

static void hold(struct core *c, struct job *j, const struct change *k)
{
	bool user = !k->admin || k->d->alloc_sid == SID_USER_HOLD;

	j->priority = 0;
	j->direct_prio = false;
	if (job_is_pending(j))
		job_reason(c, j, user ? WAIT_HELD_USER : WAIT_HELD, NULL);
}

static void release(struct core *c, struct job *j)
{
	j->direct_prio = false;
	j->priority = 1;
	j->priority = sched_priority(c, j);
	if (!job_str(j, JS_DEPENDENCY))
		j->bitflags &= ~JOB_DEPENDENT;
	job_move(c, j, j->state & ~(uint32_t)(JOB_SPECIAL_EXIT | JOB_RESV_DEL_HOLD));
	if (!j->eligible_time && !(j->bitflags & JOB_DEPENDENT))
		j->eligible_time = j->begin_time > c->now ? j->begin_time : c->now;
	if (j->begin_time > c->now)
		job_reason(c, j, WAIT_TIME, NULL);
	else if (j->bitflags & JOB_DEPENDENT)
		job_reason(c, j, WAIT_DEPENDENCY, NULL);
	else
		job_reason(c, j, WAIT_NO_REASON, NULL);
}

/* SchedulerParameters=whole_hetjob: a hold, or its release, is for all components. */
static void others_follow(struct core *c, struct job *j, const struct change *k)
{
	struct job *l = het_is_whole(c) ? het_leader(c, j) : NULL;

	for (; l; l = l->het_next) {
		if (l == j || job_is_finished(l) || !l->priority == !k->d->priority)
			continue;
		if (k->d->priority)
			release(c, l);
		else
			hold(c, l, k);
		job_dirty(c, l);
		if (l->listed)
			sched_job_changed(c, l);
	}
}

static enum err change_priority(struct core *c, struct job *j, const struct change *k)
{
	uint32_t want = k->d->priority;

	if (want == NO_VAL)
		return E_OK;
	if (want == j->priority) {
		if (!want && k->admin && job_is_pending(j))
			job_reason(c, j, k->d->alloc_sid == SID_USER_HOLD ? WAIT_HELD_USER :
				   WAIT_HELD, NULL);
		return E_OK;
	}
	if (!j->priority) {
		if (want != INFINITE)
			return E_JOB_HELD;
		if (!k->admin && j->reason != WAIT_HELD_USER && j->reason != WAIT_RESV_DELETED)
			return E_ACCESS_DENIED;
		release(c, j);
		others_follow(c, j, k);
		return E_OK;
	}
	if (!want) {
		hold(c, j, k);
		others_follow(c, j, k);
		return E_OK;
	}
	if (want == INFINITE) {
		if (k->admin) {
			j->nice = NICE_OFFSET;
			release(c, j);
		}
		return E_OK;
	}
	if (!k->admin && want > j->priority)
		return E_ACCESS_DENIED;
	j->nice = NICE_OFFSET;
	j->priority = want;
	if (!k->admin)
		return E_PRIO_RESET_FAIL;
	j->direct_prio = true;
	return E_OK;
}

static enum err change_nice(struct core *c, struct job *j, const struct change *k)
{
	uint32_t want = k->d->nice;
	int64_t p;

	if (want == NO_VAL || want == j->nice || (j->direct_prio && j->priority))
		return E_OK;
	if (!k->admin && want < NICE_OFFSET)
		return E_ACCESS_DENIED;
	p = (int64_t)j->priority + (int64_t)j->nice - (int64_t)want;
	j->nice = want;
	if (j->priority && job_is_pending(j))
		j->priority = p < 2 ? 2 : p > NO_VAL - 1 ? NO_VAL - 1 : (uint32_t)p;
	(void)c;
	return E_OK;
}

/* ---- the rest ---------------------------------------------------------- */

static enum err change_throttle(struct core *c, struct job *j, const struct change *k)
{
	const char *t = k->d->array_inx;
	struct job *head = array_head(c, j);
	char *end, *inx;
	unsigned long n;

	if (!t)
		return E_OK;
	if (!head)
		return j->array_job_id ? E_OK : E_NOT_SUPPORTED;
	if (*t == '%')
		t++;
	n = strtoul(t, &end, 10);
	if (end == t || *end)
		return E_BAD_TASK_COUNT;
	head->array->max_running = (uint32_t)n;
	inx = mem_strdup(job_str(head, JS_ARRAY_INX));
	if (inx) {
		char *text;

		inx[strcspn(inx, "%")] = '\0';
		text = n ? mem_printf("%s%%%lu", inx, n) : mem_strdup(inx);
		job_str_set(head, JS_ARRAY_INX, text);
		free(text);
		free(inx);
	}
	job_dirty(c, head);
	if (head->listed)
		sched_job_changed(c, head);
	return E_OK;
}

/* What a site without such plugins or a federation cannot do. */
static enum err change_absent(const struct job *j, const struct change *k)
{
	const struct job_desc_msg *d = k->d;

	if (d->clusters || d->cluster_features)
		return E_FAIL;
	if (d->site_factor != NO_VAL && !k->admin)
		return E_ACCESS_DENIED;
	if (d->bitflags & RESET_ACCRUE_TIME && !job_is_pending(j))
		return E_JOB_NOT_PENDING;
	return E_OK;
}

static enum err change_features(struct core *c, const struct job *j, const struct change *k)
{
	const char *const expr[] = { k->d->features, k->d->prefer };
	struct feat_expr f;

	for (int i = 0; i < 2; i++) {
		enum err rc;

		if (!expr[i] || !*expr[i] || !job_is_pending(j))
			continue;
		rc = feature_parse(c, expr[i], &f, NULL);
		arena_reset(&c->sched->mem);
		if (rc != E_OK)
			return i ? E_INVALID_PREFER : rc;
	}
	return E_OK;
}

static void change_site_factor(struct core *c, struct job *j, const struct change *k)
{
	if (k->d->site_factor == NO_VAL)
		return;
	j->site_factor = k->d->site_factor;
	if (j->priority && !j->direct_prio && job_is_pending(j))
		j->priority = sched_priority(c, j);
}

static enum err change_gres(struct core *c, const struct change *k)
{
	uint64_t *units = mem_zalloc((c->gres_type_count + 1) * sizeof(*units));
	const char *t = k->d->tres_per_node;
	enum err rc = E_OK;

	if (t && *t && strstr(t, "gres"))
		rc = gres_parse(c, t, units, NULL);
	if (!rc)
		rc = gres_mixed(c, units);
	free(units);
	return rc;
}

static void change_scalars(const struct core *c, struct job *j, const struct job_desc_msg *d)
{
	if (d->requeue != NO_VAL16)
		j->requeue = d->requeue != 0;
	if (d->delay_boot != NO_VAL)
		j->delay_boot = d->delay_boot;
	if (d->mail_type != NO_VAL16)
		j->mail_type = d->mail_type;
	if (d->bitflags & RESET_ACCRUE_TIME && j->accrue_time)
		j->accrue_time = c->now;
	if (d->req_switch != NO_VAL)
		j->req_switch = d->req_switch;
	if (d->wait4switch != NO_VAL)
		j->wait4switch = switch_wait(c, d->wait4switch);
}

static enum err change_depend(struct core *c, struct job *j, const struct change *k)
{
	enum err rc;

	if (!k->d->dependency)
		return E_OK;
	if (!job_is_pending(j))
		return E_JOB_NOT_PENDING;
	rc = depend_set(c, j, k->d->dependency, NULL);
	if (rc != E_OK)
		return rc;
	j->bitflags &= ~JOB_DEPENDENT;
	if (j->reason == WAIT_DEPENDENCY || j->reason == WAIT_DEP_INVALID)
		job_reason(c, j, WAIT_NO_REASON, NULL);
	if (job_str(j, JS_DEPENDENCY)) {
		j->bitflags |= JOB_DEPENDENT;
		j->eligible_time = 0;
	} else if (!j->eligible_time) {
		j->eligible_time = j->begin_time > c->now ? j->begin_time : c->now;
	}
	return E_OK;
}

/* Each part either changes the job or leaves it; the first failure ends it,
 * as in stock. */
static enum err update_one(struct core *c, const struct event *ev, struct job *j,
			   struct effects *out)
{
	struct change k = {
		.ev = ev, .d = ev->body,
		.admin = ev->caller.operator_ || ev->caller.root_or_slurm,
	};
	enum err rc;

	if (j->bitflags & CRON_JOB)
		return E_CANNOT_MODIFY_CRON_JOB;
	if (!k.admin && ev->caller.uid != j->uid) {
		effect_log(out, 2, "Security violation, JOB_UPDATE RPC from uid %u",
			   ev->caller.uid);
		return E_USER_ID_MISSING;
	}
	if (k.d->burst_buffer)
		return E_NOT_SUPPORTED;
	rc = change_throttle(c, j, &k);
	if (rc != E_OK)
		return rc;
	if (job_is_finished(j))
		return k.d->array_inx ? E_OK : E_JOB_FINISHED;
	if (k.d->admin_comment && !ev->caller.root_or_slurm)
		return E_ACCESS_DENIED;
	rc = change_absent(j, &k);
	if (rc == E_OK)
		rc = change_features(c, j, &k);
	if (rc == E_OK)
		rc = change_reservation(c, j, &k);
	if (rc == E_OK)
		rc = change_licenses(c, j, &k);
	if (rc == E_OK)
		rc = change_gres(c, &k);
	if (rc == E_OK)
		rc = change_part(c, j, &k);
	if (rc == E_OK)
		rc = holds_nodes(j) && k.d->req_nodes ?
			job_resize_to(c, j, k.d->req_nodes, out) :
			change_node_list(c, j, JS_REQ_NODES, k.d->req_nodes);
	if (rc == E_OK)
		rc = change_node_list(c, j, JS_EXC_NODES, k.d->exc_nodes);
	if (rc == E_OK)
		rc = change_strings(j, &k);
	if (rc == E_OK)
		rc = change_size(c, j, &k, out);
	if (rc == E_OK)
		rc = change_times(c, j, &k);
	if (rc == E_OK)
		change_scalars(c, j, k.d);
	if (rc == E_OK)
		change_site_factor(c, j, &k);
	if (rc == E_OK)
		rc = change_priority(c, j, &k);
	if (rc == E_OK || rc == E_PRIO_RESET_FAIL) {
		enum err nice = change_nice(c, j, &k);

		rc = nice != E_OK ? nice : rc;
	}
	if (rc == E_OK)
		rc = change_depend(c, j, &k);
	job_spec_hash(j);
	job_dirty(c, j);
	if (j->listed)
		sched_job_changed(c, j);
	c->wants_sched = true;
	if (rc == E_OK && job_str(j, JS_DEPENDENCY))
		depend_refresh(c, j, out);
	return rc;
}

/* ---- the request ------------------------------------------------------- */

void rpc_update_job(struct core *c, const struct event *ev, struct effects *out)
{
	const struct job_desc_msg *d = ev->body;
	struct arena mem = { 0 };
	struct job_targets t;
	const char *why = NULL;
	enum err rc = job_targets_find(c, d->job_id_str, d->step_id.job_id, &mem, &t), *each;

	if (rc != E_OK && !t.missing) {
		effect_reply_rc(out, ev, rc);
		arena_fini(&mem);
		return;
	}
	each = arena_alloc(&mem, t.count * sizeof(*each) + 1);
	if (d->array_inx && (!t.array || strchr(d->job_id_str ? d->job_id_str : "", '_')))
		why = "Update of ArrayTaskThrottle is only allowed on ArrayJobId";
	for (uint32_t i = 0; why && i < t.count; i++)
		each[i] = E_NOT_SUPPORTED;
	for (uint32_t i = 0; !why && i < t.count; i++) {
		struct job *j = job_target_alone(c, &t.v[i]);

		/* Splitting may have given the head's record to the task. */
		t.v[i].j = j;
		t.v[i].task = NO_VAL;
		each[i] = update_one(c, ev, j, out);
	}
	job_targets_reply(c, ev, &t, each, why, out);
	arena_fini(&mem);
}

/* ---- scontrol top ------------------------------------------------------ */

static uint32_t best_priority(const struct core *c, const struct job *of, bool all_users)
{
	uint32_t best = 0;

	for (const struct job *j = c->job_first; j; j = j->next)
		if (job_is_pending(j) && j != of && (all_users || j->uid == of->uid) &&
		    j->part == of->part && j->priority > best)
			best = j->priority;
	return best;
}

void rpc_top_job(struct core *c, const struct event *ev, struct effects *out)
{
	const struct top_job_msg *m = ev->body;
	bool admin = ev->caller.operator_ || ev->caller.root_or_slurm;
	struct arena mem = { 0 };
	struct job_targets t;
	enum err rc = E_OK;

	if (!admin && !conf_option(c->conf->schedulerparameters, "enable_user_top", NULL)) {
		effect_reply_rc(out, ev, E_ACCESS_DENIED);
		return;
	}
	rc = job_targets_find(c, m->job_id_str, m->job_id, &mem, &t);
	for (uint32_t i = 0; rc == E_OK && i < t.count; i++) {
		struct job *j = t.v[i].j;
		uint32_t best;

		if (!admin && j->uid != ev->caller.uid)
			rc = E_ACCESS_DENIED;
		else if (!job_is_pending(j))
			rc = E_JOB_NOT_PENDING;
		else if (!j->priority)
			rc = E_JOB_HELD;
		if (rc != E_OK)
			break;
		best = best_priority(c, j, admin);
		if (best < j->priority)
			continue;
		j->nice -= best + 1 - j->priority;
		j->priority = best + 1;
		job_dirty(c, j);
		if (j->listed)
			sched_job_changed(c, j);
		c->wants_sched = true;
	}
	effect_reply_rc(out, ev, rc);
	arena_fini(&mem);
}
