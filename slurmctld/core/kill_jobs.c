/* SPDX-License-Identifier: Apache-2.0
 *
 * scancel --ctld: many jobs at once, by their numbers, by filters, or both.
 * All are looked at before any is signalled; array records come first, so that
 * none of their tasks starts meanwhile. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

/* What is to be signalled: a record, or tasks still inside one. */
struct mark {
	struct job *j;
	struct slurm_selected_step id;  /* as the client named it: tasks only */
	struct bitset *tasks;
	bool leader;
};

struct sweep {
	struct core *c;
	const struct event *ev;
	const struct kill_jobs_msg *m;
	struct effects *out;
	struct arena mem;
	struct mark *mark;
	uint32_t marks, marks_cap;
	struct kill_jobs_item *item;
	uint32_t items, items_cap;
	uint32_t leader;                /* last one that is meant: its components go with it */
};

/* ---- answers ----------------------------------------------------------- */

static void id_init(struct slurm_selected_step *id, uint32_t job_id)
{
	wire_init(&slurm_selected_step_desc, id);
	id->step_id.job_id = job_id;
	id->step_id.step_id = id->step_id.step_het_comp = NO_VAL;
	id->array_task_id = id->het_job_offset = NO_VAL;
}

static void id_of_job(struct slurm_selected_step *id, const struct job *j)
{
	bool part = het_is_part(j);

	id_init(id, j->array_task_id != NO_VAL && j->array_job_id ? j->array_job_id :
		part ? j->het_job_id : j->id);
	id->step_id.sluid = j->sluid;
	id->array_task_id = j->array_job_id ? j->array_task_id : NO_VAL;
	if (part)
		id->het_job_offset = j->het_job_offset;
}

static void *grown(struct arena *mem, void *v, uint32_t count, uint32_t *cap, size_t size)
{
	void *more;

	if (count < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 16;
	more = arena_alloc(mem, *cap * size);
	if (count)
		memcpy(more, v, count * size);
	return more;
}

static void answer(struct sweep *s, const struct slurm_selected_step *id, uint32_t job_id,
		   enum err rc, const char *text)
{
	struct kill_jobs_item *k;

	s->item = grown(&s->out->mem, s->item, s->items, &s->items_cap, sizeof(*s->item));
	k = &s->item[s->items++];
	wire_init(&kill_jobs_item_desc, k);
	k->id = *id;
	k->real_job_id = job_id;
	k->error_code = (uint32_t)rc;
	if (text)
		k->error_msg = arena_printf(&s->out->mem, "%s: %s", text, err_str((int)rc));
	else if (rc != E_OK)
		k->error_msg = arena_strdup(&s->out->mem, err_str((int)rc));
}

/* ---- filters ----------------------------------------------------------- */

static bool listed(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && strncmp(p, name, n) == 0)
			return true;
	return false;
}

static bool on_nodes(struct core *c, const struct job *j, const char *list)
{
	struct bitset *set = bitset_new(c->node_count);
	bool hit;

	nodes_parse(c, list, set, NULL);
	hit = bitset_overlap(j->alloc->nodes, set);
	bitset_free(set);
	return hit;
}

static const char *or_null(const char *s)
{
	return s ? s : "(null)";
}

static bool in_part(const struct job *j, const char *name)
{
	if (job_is_pending(j))
		return listed(job_str(j, JS_PARTITION), name);
	return streq(j->part ? j->part->name : job_str(j, JS_PARTITION), name);
}

static bool has_wckey(const struct job *j, const char *want)
{
	const char *have = job_str(j, JS_WCKEY);

	if (have && *have == '*' && *want != '*')
		have++;
	return streq(have, want);
}

/* Why the job is not meant; NULL: it is. */
static const char *misses(struct sweep *s, const struct job *j)
{
	const struct kill_jobs_msg *m = s->m;
	struct arena *mem = &s->mem;

	if (m->account && !streq(m->account, job_str(j, JS_ACCOUNT)))
		return arena_printf(mem, "Job account %s != filter account %s",
				    or_null(job_str(j, JS_ACCOUNT)), m->account);
	if (m->job_name && !streq(m->job_name, job_str(j, JS_NAME)))
		return arena_printf(mem, "Job name %s != filter name %s",
				    or_null(job_str(j, JS_NAME)), m->job_name);
	if (m->partition && !in_part(j, m->partition))
		return arena_printf(mem, "Job partition %s does not include filter partition %s",
				    or_null(job_str(j, JS_PARTITION)), m->partition);
	if (m->qos)     /* without accounting no job has one */
		return arena_printf(mem, "Job qos NULL != filter qos %s", m->qos);
	if (m->reservation && !listed(job_str(j, JS_RESERVATION), m->reservation))
		return arena_printf(mem, "Job reservation %s does not include filter reservation %s",
				    or_null(job_str(j, JS_RESERVATION)), m->reservation);
	if ((m->state & JOB_STATE_BASE) < JOB_STATE_END && job_base(j) != m->state)
		return arena_printf(mem, "Job state %s != filter state %s",
				    job_state_text(job_base(j)), job_state_text(m->state));
	if (m->user_name && m->user_id != j->uid)
		return arena_printf(mem, "Job user id %u != filter user id %u", j->uid, m->user_id);
	if (m->nodelist && !j->alloc)
		return arena_printf(mem, "Job does not have nodes but filter has nodes %s",
				    m->nodelist);
	if (m->nodelist && !on_nodes(s->c, j, m->nodelist))
		return arena_printf(mem, "Job nodes %s does not intersect with filter nodes %s",
				    or_null(job_str(j, JS_NODES)), m->nodelist);
	if (m->wckey && !has_wckey(j, m->wckey))
		return arena_printf(mem, "Job wckey %s != filter wckey %s",
				    or_null(job_str(j, JS_WCKEY)), m->wckey);
	return NULL;
}

/* Is the job meant, and may the caller signal it?  Jobs that were named are
 * answered for when not. */
static bool wanted(struct sweep *s, const struct job *j, const struct slurm_selected_step *id)
{
	struct slurm_selected_step own;
	const char *why;

	id_of_job(&own, j);
	if (job_is_finished(j)) {
		if (id)
			answer(s, &own, j->id, E_ALREADY_DONE, NULL);
		return false;
	}
	why = misses(s, j);
	if (why) {
		if (id)
			answer(s, &own, j->id, E_JOB_SIGNAL_FAILED, why);
		return false;
	}
	if (het_is_part(j) && s->leader == j->het_job_id)
		return false;
	if (het_is_part(j) && (job_is_pending(j) || het_is_whole(s->c))) {
		answer(s, &own, j->id, E_NOT_WHOLE_HET_JOB, NULL);
		return false;
	}
	if (!job_may_act(s->ev, j)) {
		answer(s, id ? id : &own, j->id, E_ACCESS_DENIED, NULL);
		return false;
	}
	if (j->het_job_id && !het_is_part(j))
		s->leader = j->id;
	return true;
}

/* ---- which ------------------------------------------------------------- */

static struct mark *mark_add(struct sweep *s, struct job *j)
{
	struct mark *k;

	s->mark = grown(&s->mem, s->mark, s->marks, &s->marks_cap, sizeof(*s->mark));
	k = &s->mark[s->marks++];
	*k = (struct mark){ .j = j, .leader = j->array != NULL };
	return k;
}

static struct bitset *task_set(struct sweep *s)
{
	struct bitset *b = arena_alloc(&s->out->mem, bitset_sizeof(s->c->conf->maxarraysize));

	bitset_init(b, s->c->conf->maxarraysize);
	return b;
}

/* Tasks "12_3", "12_[3-5]": those inside the array's record are one mark. */
static void mark_tasks(struct sweep *s, const struct job_targets *t,
		       const struct slurm_selected_step *id)
{
	struct mark *inside = NULL;
	bool looked = false;

	for (uint32_t i = 0; i < t->count; i++) {
		struct job *j = t->v[i].j;

		if (t->v[i].task == NO_VAL || !j->array) {
			if (wanted(s, j, id))
				mark_add(s, j);
			continue;
		}
		if (!looked && wanted(s, j, id)) {
			inside = mark_add(s, j);
			inside->id = *id;
			inside->tasks = task_set(s);
		}
		looked = true;
		if (inside)
			bitset_set(inside->tasks, t->v[i].task);
	}
}

static void by_name(struct sweep *s, const char *text)
{
	struct slurm_selected_step id;
	struct job_targets t;
	const char *tasks = strchr(text, '_');
	enum err rc = job_targets_find(s->c, text, NO_VAL, &s->mem, &t);

	id_init(&id, (uint32_t)strtoul(text, NULL, 10));
	if (!tasks || tasks[1] == '*') {
		if (rc != E_OK)
			answer(s, &id, NO_VAL, rc, NULL);
		for (uint32_t i = 0; rc == E_OK && i < t.count; i++)
			if (wanted(s, t.v[i].j, &id))
				mark_add(s, t.v[i].j);
		return;
	}
	if (tasks[1] != '[')
		id.array_task_id = (uint32_t)strtoul(tasks + 1, NULL, 10);
	if (rc != E_OK && !t.missing) {
		answer(s, &id, NO_VAL, rc, NULL);
		return;
	}
	mark_tasks(s, &t, &id);
	if (!t.missing)
		return;
	if (tasks[1] == '[') {
		id.array_bitmap = task_set(s);
		bitset_foreach(b, t.missing)
			if (b < id.array_bitmap->bits)
				bitset_set(id.array_bitmap, b);
	}
	answer(s, &id, NO_VAL, E_INVALID_JOB_ID, NULL);
}

/* ---- doing it ---------------------------------------------------------- */

static void comment(struct sweep *s, struct job *j)
{
	if (!s->m->admin_comment)
		return;
	job_str_set(j, JS_ADMIN_COMMENT, s->m->admin_comment);
	job_dirty(s->c, j);
}

static void signal_record(struct sweep *s, struct job *j)
{
	struct job_target one = { j, NO_VAL };
	struct job_targets t = { .v = &one, .count = 1 };
	struct slurm_selected_step id;
	enum err rc;

	comment(s, j);
	id_of_job(&id, j);
	if (j->het_job_id && !het_is_part(j))
		job_targets_whole(s->c, &s->mem, &t);
	rc = job_targets_signal(s->c, s->ev, &t, s->m->signal, s->m->flags, s->out);
	if (rc != E_OK || s->m->flags & KILL_JOBS_VERBOSE)
		answer(s, &id, j->id, rc, NULL);
}

static void signal_tasks(struct sweep *s, struct mark *k)
{
	enum err rc = E_OK;

	comment(s, k->j);
	bitset_foreach(b, k->tasks) {
		struct job_target t = { k->j, b };
		enum err one = array_task_signal(s->c, &t, s->m->signal, s->ev->caller.uid, s->out);

		rc = one != E_OK ? one : rc;
	}
	k->id.array_bitmap = k->tasks;
	if (rc != E_OK || s->m->flags & KILL_JOBS_VERBOSE)
		answer(s, &k->id, k->j->id, rc, NULL);
}

static void signal_all(struct sweep *s)
{
	for (int pass = 0; pass < 3; pass++)
		for (uint32_t i = 0; i < s->marks; i++) {
			struct mark *k = &s->mark[i];

			if (pass == 1 && k->tasks)
				signal_tasks(s, k);
			else if (pass != 1 && !k->tasks && k->leader == (pass == 0))
				signal_record(s, k->j);
		}
}

void rpc_kill_jobs(struct core *c, const struct event *ev, struct effects *out)
{
	const struct kill_jobs_msg *m = ev->body;
	struct sweep s = { .c = c, .ev = ev, .m = m, .out = out };
	bool any = m->account || m->job_name || m->partition || m->qos || m->reservation ||
		   m->wckey || m->nodelist || m->user_name ||
		   (m->state & JOB_STATE_BASE) < JOB_STATE_END;
	struct kill_jobs_resp_msg *r;

	if (!m->jobs_array_count && !any) {
		effect_reply_rc(out, ev, E_SIGNAL_JOBS_INVALID);
		return;
	}
	for (uint32_t i = 0; i < m->jobs_array_count; i++)
		by_name(&s, m->jobs_array[i] ? m->jobs_array[i] : "");
	for (struct job *j = m->jobs_array_count ? NULL : c->job_first; j; j = j->next)
		if (wanted(&s, j, NULL))
			mark_add(&s, j);
	signal_all(&s);
	r = effect_reply(out, ev, RESPONSE_KILL_JOBS);
	r->items = s.item;
	r->jobs_cnt = s.items;
	arena_fini(&s.mem);
}
