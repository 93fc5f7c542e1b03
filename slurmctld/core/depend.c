/* SPDX-License-Identifier: Apache-2.0
 *
 * Dependencies: the text is kept as it is shown, "afterok:12_3(unfulfilled)",
 * a condition each (those that are met leave it), and looked at again when a
 * job it names starts or ends. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"

enum depend_kind {
	AFTER, AFTER_ANY, AFTER_OK, AFTER_NOT_OK, AFTER_CORR, AFTER_BURST, EXPAND, SINGLETON, BAD
};
static const struct {
	const char *name;
	enum depend_kind kind;
} kinds[] = {
	{ "aftercorr", AFTER_CORR }, { "afterany", AFTER_ANY }, { "afternotok", AFTER_NOT_OK },
	{ "afterok", AFTER_OK }, { "afterburstbuffer", AFTER_BURST }, { "after", AFTER },
	{ "expand", EXPAND }, { "singleton", SINGLETON },
};

/* One "afterok:12_3" of a list. */
struct cond {
	enum depend_kind kind;
	uint32_t job_id, task;          /* task: NO_VAL all, INFINITE "*" */
	uint32_t delay_min;             /* after:12+5 */
};

static bool all_of_array(struct core *c, const struct cond *d, bool (*f)(const struct job *))
{
	bool any = false;

	for (struct job *t = job_array_first(c, d->job_id); t; t = job_array_next(t)) {
		any = true;
		if (!f(t))
			return false;
	}
	return any;
}

static bool ended(const struct job *j)
{
	return job_is_finished(j) && !job_is_completing(j);
}

static bool ended_ok(const struct job *j)
{
	return ended(j) && job_base(j) == JOB_COMPLETE;
}

static bool begun(const struct job *j)
{
	return !job_is_pending(j);
}

static enum depend_result singleton(struct core *c, const struct job *j)
{
	const char *name = job_str(j, JS_NAME);

	for (struct job *o = c->job_first; o; o = o->next) {
		if (o == j || o->uid != j->uid || !streq(job_str(o, JS_NAME), name))
			continue;
		if (job_is_running(o) || job_base(o) == JOB_SUSPENDED ||
		    (job_is_pending(o) && o->id < j->id))
			return DEPEND_WAIT;
	}
	return DEPEND_MET;
}

static enum depend_result one_job(struct core *c, const struct cond *d, const struct job *o)
{
	switch (d->kind) {
	case AFTER:
		if (job_is_pending(o))
			return DEPEND_WAIT;
		return c->now >= o->start_time + (int64_t)d->delay_min * 60 ? DEPEND_MET :
			DEPEND_WAIT;
	case AFTER_ANY:
	case AFTER_BURST:       /* nothing is staged out here */
		return ended(o) ? DEPEND_MET : DEPEND_WAIT;
	case AFTER_NOT_OK:
		if (!ended(o))
			return DEPEND_WAIT;
		return job_base(o) == JOB_COMPLETE ? DEPEND_NEVER : DEPEND_MET;
	default:
		if (!ended(o))
			return DEPEND_WAIT;
		return job_base(o) == JOB_COMPLETE ? DEPEND_MET : DEPEND_NEVER;
	}
}

static enum depend_result whole_array(struct core *c, const struct cond *d)
{
	switch (d->kind) {
	case AFTER:
		return all_of_array(c, d, begun) ? DEPEND_MET : DEPEND_WAIT;
	case AFTER_ANY:
	case AFTER_BURST:
		return all_of_array(c, d, ended) ? DEPEND_MET : DEPEND_WAIT;
	case AFTER_NOT_OK:
		if (!all_of_array(c, d, ended))
			return DEPEND_WAIT;
		return all_of_array(c, d, ended_ok) ? DEPEND_NEVER : DEPEND_MET;
	default:
		for (struct job *t = job_array_first(c, d->job_id); t; t = job_array_next(t))
			if (ended(t) && !ended_ok(t))
				return DEPEND_NEVER;
		return all_of_array(c, d, ended_ok) ? DEPEND_MET : DEPEND_WAIT;
	}
}

static enum depend_result cond_test(struct core *c, const struct job *j, const struct cond *d)
{
	const struct job *o = job_find(c, d->job_id);
	uint32_t task = d->task;

	if (d->kind == SINGLETON)
		return singleton(c, j);
	if (d->kind == AFTER_CORR && j->array_job_id && j->array_task_id != NO_VAL &&
	    job_array_first(c, d->job_id))
		task = j->array_task_id;
	if (task != NO_VAL && task != INFINITE) {
		o = job_find_task(c, d->job_id, task);
		if (o && o->array && !job_is_finished(o))
			return DEPEND_WAIT;
	} else if (job_array_first(c, d->job_id)) {
		return whole_array(c, d);
	}
	/* Ended long ago and forgotten: counts as over. */
	if (!o)
		return d->kind == AFTER_NOT_OK ? DEPEND_NEVER : DEPEND_MET;
	return one_job(c, d, o);
}

/* ---- text -------------------------------------------------------------- */

static bool number(const char **p, uint32_t *out)
{
	char *end;
	unsigned long v = strtoul(*p, &end, 10);

	if (end == *p || v >= NO_VAL)
		return false;
	*p = end;
	*out = (uint32_t)v;
	return true;
}

/* ":12_3+5"; *p is after it. */
static bool target(const char **p, struct cond *d)
{
	d->task = NO_VAL;
	d->delay_min = 0;
	if (**p != ':')
		return false;
	++*p;
	if (!number(p, &d->job_id))
		return false;
	if (**p == '_') {
		++*p;
		if (**p == '*') {
			d->task = INFINITE;
			++*p;
		} else if (!number(p, &d->task)) {
			return false;
		}
	}
	if (**p == '+') {
		++*p;
		if (d->kind != AFTER || !number(p, &d->delay_min))
			return false;
	}
	if (**p == '(')         /* "(unfulfilled)" as shown to users */
		*p += strcspn(*p, ")") + 1;
	return true;
}

static enum depend_kind kind_of(const char **p)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		size_t n = strlen(kinds[i].name);

		if (strncasecmp(*p, kinds[i].name, n) == 0 &&
		    ((*p)[n] == ':' || kinds[i].kind == SINGLETON)) {
			*p += n;
			return kinds[i].kind;
		}
	}
	return BAD;
}

/* Calls visit for every condition; false on bad syntax.  *any: conditions are
 * separated by "?": one is enough. */
static bool walk(const char *text, bool *any,
		 void (*visit)(void *arg, const struct cond *d, const char *from, const char *to),
		 void *arg)
{
	const char *p = text;
	char sep = 0;

	*any = false;
	while (*p) {
		struct cond d = { .kind = AFTER_OK };
		const char *from = p;

		if (*p >= '0' && *p <= '9') {   /* old form: plain job id is afterany */
			d.kind = AFTER_ANY;
			d.task = NO_VAL;
			if (!number(&p, &d.job_id))
				return false;
			visit(arg, &d, from, p);
		} else {
			d.kind = kind_of(&p);
			if (d.kind == BAD)
				return false;
			if (d.kind == SINGLETON) {
				if (*p == '(')
					p += strcspn(p, ")") + 1;
				visit(arg, &d, from, p);
			} else {
				do {
					if (!target(&p, &d))
						return false;
					visit(arg, &d, from, p);
				} while (*p == ':');
			}
		}
		if (!*p)
			break;
		if ((*p != ',' && *p != '?') || (sep && *p != sep))
			return false;
		sep = *p++;
		*any = sep == '?';
		if (!*p)
			return false;
	}
	return true;
}

struct check {
	struct core *c;
	struct job *j;
	enum err rc;
	bool any, met, wait, never;
	uint32_t look_for;
};

/* ---- as it is shown ---------------------------------------------------- */

struct shown {
	struct core *c;
	struct job *j;
	char *text;
	const char *sep;
	bool judge;                     /* else nothing was looked at yet */
};

static const char *kind_name(enum depend_kind kind)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (kinds[i].kind == kind)
			return kinds[i].name;
	return "";
}

static bool is_in(const char *list, const char *one, char sep)
{
	size_t n = strlen(one);

	for (const char *p = list; p && *p; p = strchr(p, sep), p = p ? p + 1 : NULL)
		if (strncmp(p, one, n) == 0 && (!p[n] || p[n] == sep))
			return true;
	return false;
}

static void visit_show(void *arg, const struct cond *d, const char *from, const char *to)
{
	struct shown *s = arg;
	enum depend_result r = s->judge ? cond_test(s->c, s->j, d) : DEPEND_WAIT;
	char which[64] = "", *one;
	int n = 0;

	(void)from;
	(void)to;
	if (r == DEPEND_MET)
		return;
	if (d->kind != SINGLETON)
		n = snprintf(which, sizeof(which), ":%u", d->job_id);
	if (d->kind != SINGLETON && d->task != NO_VAL && d->task != INFINITE)
		n += snprintf(which + n, sizeof(which) - (size_t)n, "_%u", d->task);
	else if (d->kind != SINGLETON && job_array_first(s->c, d->job_id))
		n += snprintf(which + n, sizeof(which) - (size_t)n, "_*");
	if (d->delay_min)
		snprintf(which + n, sizeof(which) - (size_t)n, "+%u", d->delay_min);
	one = mem_printf("%s%s(%s)", kind_name(d->kind), which,
			 r == DEPEND_NEVER ? "failed" : "unfulfilled");
	if (!is_in(s->text, one, *s->sep)) {
		char *more = mem_printf("%s%s%s", s->text ? s->text : "", s->text ? s->sep : "",
					one);

		free(s->text);
		s->text = more;
	}
	free(one);
}

/* Heap text; NULL when nothing is left. */
static char *text_show(struct core *c, struct job *j, const char *text, bool judge)
{
	struct shown s = { .c = c, .j = j, .sep = strchr(text, '?') ? "?" : ",", .judge = judge };
	bool any;

	walk(text, &any, visit_show, &s);
	return s.text;
}

/* "after:12_[4-5]" is "after:12_4:12_5".  Heap text; NULL: bad. */
static char *tasks_expand(struct core *c, const char *text)
{
	char *out = mem_strdup(""), *more;
	const char *p;

	while (out && (p = strstr(text, "_["))) {
		const char *id = p, *end = strchr(p, ']');
		char *list = end ? mem_printf("%.*s", (int)(end - p), p + 1) : NULL;
		struct job_array *a = NULL;

		while (id > text && id[-1] >= '0' && id[-1] <= '9')
			id--;
		more = mem_printf("%s%.*s", out, (int)(id - text), text);
		free(out);
		out = more;
		if (!list || id == p || array_parse(c, list, &a) != E_OK) {
			free(out);
			out = NULL;
		} else {
			const char *sep = "";

			bitset_foreach(i, a->pending) {
				more = mem_printf("%s%s%.*s_%u", out, sep, (int)(p - id), id, i);
				free(out);
				out = more;
				sep = ":";
			}
			array_free(a);
			text = end + 1;
		}
		free(list);
	}
	if (!out)
		return NULL;
	more = mem_printf("%s%s", out, text);
	free(out);
	return more;
}

/* ---- checks ------------------------------------------------------------ */

static bool known(struct core *c, const struct cond *d)
{
	if (d->task != NO_VAL && d->task != INFINITE)
		return job_find_task(c, d->job_id, d->task) != NULL;
	return job_find(c, d->job_id) || job_array_first(c, d->job_id);
}

static void visit_check(void *arg, const struct cond *d, const char *from, const char *to)
{
	struct check *k = arg;
	enum wire_version v;

	(void)from;
	(void)to;
	if (d->kind == SINGLETON)
		return;
	if (k->j->id && (d->job_id == k->j->id ||
			 (k->j->array_job_id && d->job_id == k->j->array_job_id)))
		k->rc = E_DEPENDENCY;
	if (d->kind == EXPAND)
		k->rc = E_NOT_SUPPORTED;
	/* Jobs not known any more may have ended long ago, how is not known: an error
	 * since 23.02.  Ids never given out are mistakes. */
	if (d->job_id >= k->c->next_job_id ||
	    ((d->kind == AFTER_OK || d->kind == AFTER_NOT_OK) && !known(k->c, d) &&
	     !(wire_version_find(k->j->start_protocol, &v) && wire_version_in(v, UNTIL(23_02)))))
		k->rc = E_DEPENDENCY;
}

static void visit_test(void *arg, const struct cond *d, const char *from, const char *to)
{
	struct check *k = arg;

	(void)from;
	(void)to;
	switch (cond_test(k->c, k->j, d)) {
	case DEPEND_MET: k->met = true; break;
	case DEPEND_WAIT: k->wait = true; break;
	case DEPEND_NEVER: k->never = true; break;
	}
}

static void visit_find(void *arg, const struct cond *d, const char *from, const char *to)
{
	struct check *k = arg;

	(void)from;
	(void)to;
	if (d->kind != SINGLETON && d->job_id == k->look_for)
		k->met = true;
}

static bool circular(struct core *c, struct job *j, const struct job *at, unsigned depth)
{
	const char *text = job_str(at, JS_DEPENDENCY);
	struct check k = { .c = c, .look_for = j->id };
	bool any;

	if (!text || !j->id || depth > 20)
		return false;
	walk(text, &any, visit_find, &k);
	if (k.met)
		return true;
	for (struct job *o = c->job_first; o; o = o->next) {
		struct check t = { .c = c, .look_for = o->id };

		if (o == j || o == at || !job_str(o, JS_DEPENDENCY))
			continue;
		walk(text, &any, visit_find, &t);
		if (t.met && circular(c, j, o, depth + 1))
			return true;
	}
	return false;
}

static enum err set(struct core *c, struct job *j, const char *text, struct err_text *why)
{
	struct check k = { .c = c, .j = j, .rc = E_OK };
	struct job probe;
	char *shown;
	bool any;

	if (!walk(text, &any, visit_check, &k))
		k.rc = E_DEPENDENCY;
	if (k.rc != E_OK)
		return err_set(why, k.rc, "%s", err_str((int)k.rc));
	if (j->id) {
		probe = *j;
		probe.strings = NULL;
		job_str_set(&probe, JS_DEPENDENCY, text);
		any = circular(c, j, &probe, 0);
		free(probe.strings);
		if (any)
			return err_set(why, E_CIRCULAR_DEPENDENCY, "%s",
				       err_str(E_CIRCULAR_DEPENDENCY));
	}
	shown = text_show(c, j, text, false);
	job_str_set(j, JS_DEPENDENCY, shown);
	free(shown);
	if (j->id)
		depend_link(c, j);
	return E_OK;
}

enum err depend_set(struct core *c, struct job *j, const char *text, struct err_text *why)
{
	char *plain;
	enum err rc;

	if (!text || !*text || streq(text, "0")) {
		job_str_set(j, JS_DEPENDENCY, NULL);
		return E_OK;
	}
	plain = tasks_expand(c, text);
	rc = plain ? set(c, j, plain, why) :
		err_set(why, E_DEPENDENCY, "%s", err_str(E_DEPENDENCY));
	free(plain);
	return rc;
}

enum depend_result depend_test(struct core *c, struct job *j)
{
	struct check k = { .c = c, .j = j };
	const char *text = job_str(j, JS_DEPENDENCY);
	bool any;

	if (!text)
		return DEPEND_MET;
	if (!walk(text, &any, visit_test, &k))
		return DEPEND_NEVER;
	if (any)
		return k.met ? DEPEND_MET : k.wait ? DEPEND_WAIT : DEPEND_NEVER;
	return k.never ? DEPEND_NEVER : k.wait ? DEPEND_WAIT : DEPEND_MET;
}

/* ---- changes ----------------------------------------------------------- */

static bool kill_invalid(const struct core *c, const struct job *j)
{
	if (j->bitflags & KILL_INV_DEP)
		return true;
	if (j->bitflags & NO_KILL_INV_DEP)
		return false;
	return conf_option(c->conf->schedulerparameters, "kill_invalid_depend", NULL) ||
	       conf_option(c->conf->dependencyparameters, "kill_invalid_depend", NULL);
}

/* Its tasks follow those of another array one by one. */
static void refresh_tasks(struct core *c, struct job *head)
{
	bool more = true;

	for (uint32_t i = 0; more && i < head->array->pending->bits; i++) {
		struct job probe = *head, *j;

		if (!bitset_test(head->array->pending, i))
			continue;
		probe.array_task_id = i;
		if (depend_test(c, &probe) != DEPEND_MET)
			continue;
		more = bitset_count(head->array->pending) > 1;
		j = array_split(c, head, i);
		job_str_set(j, JS_DEPENDENCY, NULL);
		j->bitflags &= ~JOB_DEPENDENT;
		job_reason(c, j, WAIT_NO_REASON, NULL);
		j->eligible_time = j->begin_time > c->now ? j->begin_time : c->now;
		job_dirty(c, j);
		sched_job_changed(c, j);
		c->wants_sched = true;
	}
}

/* What is met leaves the text of a job that waits on. */
static void show_again(struct core *c, struct job *j)
{
	char *now = text_show(c, j, job_str(j, JS_DEPENDENCY), true);

	if (now && !streq(now, job_str(j, JS_DEPENDENCY))) {
		job_str_set(j, JS_DEPENDENCY, now);
		job_dirty(c, j);
	}
	free(now);
}

void depend_refresh(struct core *c, struct job *j, struct effects *out)
{
	/* Held jobs are looked at when they are released. */
	if (!job_is_pending(j) || !job_str(j, JS_DEPENDENCY) || !j->priority)
		return;
	if (j->array && strcasestr(job_str(j, JS_DEPENDENCY), "aftercorr"))
		refresh_tasks(c, j);
	if (!job_str(j, JS_DEPENDENCY))
		return;
	switch (depend_test(c, j)) {
	case DEPEND_MET:
		job_str_set(j, JS_DEPENDENCY, NULL);
		j->bitflags &= ~JOB_DEPENDENT;
		if (j->reason == WAIT_DEPENDENCY || j->reason == WAIT_DEP_INVALID)
			job_reason(c, j, WAIT_NO_REASON, NULL);
		if (!j->eligible_time || j->eligible_time > c->now)
			j->eligible_time = j->begin_time > c->now ? j->begin_time : c->now;
		job_dirty(c, j);
		if (j->listed)
			sched_job_changed(c, j);
		c->wants_sched = true;
		break;
	case DEPEND_WAIT:
		depend_link(c, j);      /* one that was over and starts again left the list */
		show_again(c, j);
		if (j->priority)
			job_reason(c, j, WAIT_DEPENDENCY, NULL);
		break;
	case DEPEND_NEVER:
		show_again(c, j);
		if (j->reason != WAIT_DEP_INVALID)
			mail_event(c, j, MAIL_INVALID_DEPEND, out);
		job_reason(c, j, WAIT_DEP_INVALID, NULL);
		if (kill_invalid(c, j))
			job_end(c, j, JOB_CANCELLED, out);
		break;
	}
}

static void visit_await(void *arg, const struct cond *d, const char *from, const char *to)
{
	struct check *k = arg;
	struct job *o = job_find(k->c, d->job_id);

	(void)from;
	(void)to;
	if (d->kind == SINGLETON)
		k->c->singletons = true;
	else if (o)
		o->awaited = true;
	for (o = job_array_first(k->c, d->job_id); o && d->kind != SINGLETON;
	     o = job_array_next(o))
		o->awaited = true;
}

/* Tell those it waits for. */
static void await(struct core *c, struct job *j)
{
	struct check k = { .c = c, .j = j };
	bool any;

	walk(job_str(j, JS_DEPENDENCY), &any, visit_await, &k);
}

void depend_await_all(struct core *c)
{
	for (struct job *j = c->dep_first; j; j = j->dep_next)
		if (job_str(j, JS_DEPENDENCY))
			await(c, j);
}

void depend_link(struct core *c, struct job *j)
{
	if (!job_str(j, JS_DEPENDENCY))
		return;
	if (c->started)
		await(c, j);
	if (j->dep_listed)
		return;
	j->dep_listed = true;
	j->dep_prev = NULL;
	j->dep_next = c->dep_first;
	if (c->dep_first)
		c->dep_first->dep_prev = j;
	c->dep_first = j;
}

void depend_unlink(struct core *c, struct job *j)
{
	if (!j->dep_listed)
		return;
	j->dep_listed = false;
	*(j->dep_prev ? &j->dep_prev->dep_next : &c->dep_first) = j->dep_next;
	if (j->dep_next)
		j->dep_next->dep_prev = j->dep_prev;
}

static void wake_all(struct core *c, struct effects *out)
{
	struct job *next;

	for (struct job *o = c->dep_first; o; o = next) {
		next = o->dep_next;
		if (job_is_finished(o) || !job_str(o, JS_DEPENDENCY))
			depend_unlink(c, o);
		else
			depend_refresh(c, o, out);
	}
}

void depend_wake(struct core *c, const struct job *j, struct effects *out)
{
	if (!c->started || (!j->awaited && !c->singletons))
		return;
	/* Ending a job that can never run wakes others in turn. */
	c->dep_again = true;
	if (c->dep_busy)
		return;
	c->dep_busy = true;
	while (c->dep_again) {
		c->dep_again = false;
		wake_all(c, out);
	}
	c->dep_busy = false;
}
