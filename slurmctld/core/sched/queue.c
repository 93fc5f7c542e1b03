/* SPDX-License-Identifier: Apache-2.0
 *
 * The pending queue.  Jobs with equal requests form a group, the groups of one
 * partition (or list of partitions) a queue; both are treaps in the order of
 * prio.c, so a submit costs O(log n) whatever waits.  A pass goes through
 * groups, best job first: a request that does not fit is asked once, however
 * many jobs make it.
 *
 * Invariant: a group's key is the key of its best job, and every ready entry
 * is filed under the key it holds (not the job's present one: jobs change
 * before their entry does). */
#include <stdlib.h>

#include "slurmctld/core/sched/sched_i.h"

/* ---- treap ------------------------------------------------------------- */
static struct knode *rotate_right(struct knode *n)
{
	struct knode *l = n->left;

	n->left = l->right;
	l->right = n;
	return l;
}

static struct knode *rotate_left(struct knode *n)
{
	struct knode *r = n->right;

	n->right = r->left;
	r->left = n;
	return r;
}

/* Recursion is as deep as the tree: O(log n) for random heap numbers. */
static struct knode *insert_at(struct knode *t, struct knode *n)
{
	if (!t)
		return n;
	if (sched_key_compare(&n->key, &t->key) < 0) {
		t->left = insert_at(t->left, n);
		return t->left->heap < t->heap ? rotate_right(t) : t;
	}
	t->right = insert_at(t->right, n);
	return t->right->heap < t->heap ? rotate_left(t) : t;
}

void knode_insert(struct knode **root, struct knode *n)
{
	n->left = n->right = NULL;
	*root = insert_at(*root, n);
}

static struct knode *join(struct knode *l, struct knode *r)
{
	if (!l || !r)
		return l ? l : r;
	if (l->heap < r->heap) {
		l->right = join(l->right, r);
		return l;
	}
	r->left = join(l, r->left);
	return r;
}

void knode_remove(struct knode **root, struct knode *n)
{
	struct knode **p = root;

	while (*p && *p != n)
		p = sched_key_compare(&n->key, &(*p)->key) < 0 ? &(*p)->left : &(*p)->right;
	if (*p)
		*p = join(n->left, n->right);
	n->left = n->right = NULL;
}

struct knode *knode_first(struct knode *t)
{
	while (t && t->left)
		t = t->left;
	return t;
}

struct knode *knode_above(struct knode *t, const struct sched_key *after)
{
	struct knode *best = NULL;

	while (t) {
		if (sched_key_compare(&t->key, after) > 0) {
			best = t;
			t = t->left;
		} else {
			t = t->right;
		}
	}
	return best;
}

/* Numbers that keep treaps flat: xorshift, no other randomness needed. */
static uint32_t heap_next(struct sched *s)
{
	uint32_t x = s->heap_seed ? s->heap_seed : 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return s->heap_seed = x;
}

/* ---- lists ------------------------------------------------------------- */
static void list_add(struct list_head *l, struct sched_entry *e)
{
	e->prev = l->last;
	e->next = NULL;
	if (l->last)
		l->last->next = e;
	else
		l->first = e;
	l->last = e;
	l->count++;
}

static void list_del(struct list_head *l, struct sched_entry *e)
{
	if (e->prev)
		e->prev->next = e->next;
	else
		l->first = e->next;
	if (e->next)
		e->next->prev = e->prev;
	else
		l->last = e->prev;
	e->prev = e->next = NULL;
	l->count--;
}

void queue_fresh_done(struct sched *s, struct sched_entry *e)
{
	if (e->fresh) {
		e->fresh = false;
		list_del(&s->fresh, e);
	}
}

/* ---- partitions -------------------------------------------------------- */
static int tier_cmp(const struct part *a, const struct part *b)
{
	if (a->priority_tier != b->priority_tier)
		return a->priority_tier > b->priority_tier ? -1 : 1;
	return 0;
}

static uint32_t parts_of_text(const struct core *c, const char *text, struct part **part, uint32_t max)
{
	uint32_t n = 0;
	char name[256];

	while (text && *text) {
		size_t len = strcspn(text, ",");
		struct part *p;

		if (len < sizeof(name) && len > 0) {
			memcpy(name, text, len);
			name[len] = '\0';
			p = part_find(c, name);
			if (p && !p->deleted && n < max) {
				uint32_t at = n++;

				/* stable: equal tiers stay in the order named */
				while (at && tier_cmp(p, part[at - 1]) < 0) {
					part[at] = part[at - 1];
					at--;
				}
				part[at] = p;
			}
		}
		text += len + (text[len] == ',');
	}
	return n;
}

uint32_t job_parts(const struct core *c, const struct job *j, struct part **part, uint32_t max)
{
	const char *text = job_str(j, JS_PARTITION);

	if (text && strchr(text, ','))
		return parts_of_text(c, text, part, max);
	if (!j->part || j->part->deleted || !max)
		return 0;
	part[0] = j->part;
	return 1;
}

static void pqueue_resolve(struct core *c, struct pqueue *q)
{
	struct part *part[JOB_PARTS_MAX];
	uint32_t n = parts_of_text(c, q->text, part, JOB_PARTS_MAX);

	q->part = mem_realloc(q->part, (n + 1) * sizeof(struct part *));
	memcpy(q->part, part, n * sizeof(struct part *));
	q->part_count = n;
}

static struct pqueue *pqueue_get(struct core *c, const struct job *j)
{
	struct sched *s = c->sched;
	const char *text = job_str(j, JS_PARTITION);
	struct pqueue *q;

	/* a single name may have been renamed or defaulted: the record decides */
	if (!text || !strchr(text, ','))
		text = j->part ? j->part->name : "";
	for (uint32_t i = 0; i < s->pq_count; i++)
		if (streq(s->pq[i]->text, text))
			return s->pq[i];
	q = mem_zalloc(sizeof(*q));
	q->text = mem_strdup(text);
	s->pq = mem_realloc(s->pq, (s->pq_count + 1) * sizeof(struct pqueue *));
	s->pq[s->pq_count++] = q;
	pqueue_resolve(c, q);
	return q;
}

void queue_resolve(struct core *c)
{
	for (uint32_t i = 0; i < c->sched->pq_count; i++)
		pqueue_resolve(c, c->sched->pq[i]);
}

/* ---- groups ------------------------------------------------------------ */
static void hash_grow(struct sched *s)
{
	uint32_t size = s->hash_size ? s->hash_size * 2 : 64;
	struct sched_group **h = mem_zalloc(size * sizeof(struct sched_group *));

	for (uint32_t i = 0; i < s->hash_size; i++) {
		for (struct sched_group *g = s->hash[i], *next; g; g = next) {
			next = g->hash_next;
			g->hash_next = h[g->hash & (size - 1)];
			h[g->hash & (size - 1)] = g;
		}
	}
	free(s->hash);
	s->hash = h;
	s->hash_size = size;
}

static struct sched_group *group_get(struct sched *s, struct pqueue *q, uint64_t hash)
{
	struct sched_group *g;

	if (s->group_count >= s->hash_size)
		hash_grow(s);
	for (g = s->hash[hash & (s->hash_size - 1)]; g; g = g->hash_next)
		if (g->hash == hash && g->pq == q)
			return g;
	g = mem_zalloc(sizeof(*g));
	g->hash = hash;
	g->pq = q;
	g->kn.heap = heap_next(s);
	g->hash_next = s->hash[hash & (s->hash_size - 1)];
	s->hash[hash & (s->hash_size - 1)] = g;
	s->group_count++;
	return g;
}

static void group_drop(struct sched *s, struct sched_group *g)
{
	struct sched_group **p = &s->hash[g->hash & (s->hash_size - 1)];

	while (*p != g)
		p = &(*p)->hash_next;
	*p = g->hash_next;
	s->group_count--;
	backfill_group_gone(s, g);
	free(g->desc);
	free(g);
}

struct sched_entry *group_head(const struct sched_group *g)
{
	return entry_of(knode_first(g->jobs));
}

/* File the group under its best job. */
static void group_refile(struct sched_group *g, bool filed)
{
	struct knode *head = knode_first(g->jobs);

	if (filed && head && sched_key_compare(&head->key, &g->kn.key) == 0)
		return;
	if (filed)
		knode_remove(&g->pq->groups, &g->kn);
	if (head) {
		g->kn.key = head->key;
		knode_insert(&g->pq->groups, &g->kn);
	}
}

static void ready_add(struct core *c, struct sched_entry *e)
{
	struct sched *s = c->sched;
	struct job *j = e->job;
	struct sched_group *g;
	bool filed;

	j->spec_hash = request_hash(c, j);
	e->kn.key = sched_job_key(c, j);
	e->kn.heap = heap_next(s);
	g = group_get(s, pqueue_get(c, j), j->spec_hash);
	filed = g->jobs;
	knode_insert(&g->jobs, &e->kn);
	g->count++;
	e->group = g;
	e->where = Q_READY;
	group_refile(g, filed);
	e->fresh = true;
	list_add(&s->fresh, e);
	s->ready++;
}

static void ready_del(struct sched *s, struct sched_entry *e)
{
	struct sched_group *g = e->group;

	queue_fresh_done(s, e);
	if (g->lead == e)
		g->lead = NULL;
	knode_remove(&g->jobs, &e->kn);
	g->count--;
	group_refile(g, true);
	if (!g->count)
		group_drop(s, g);
	e->group = NULL;
	s->ready--;
}

/* ---- where a job belongs ----------------------------------------------- */
/* Held jobs and those that wait for other jobs come back by
 * sched_job_changed: nothing here can make them ready. */
static bool job_is_aside(const struct job *j)
{
	if (j->priority == 0 || (j->bitflags & JOB_DEPENDENT))
		return true;
	switch (j->reason) {
	case WAIT_DEPENDENCY: case WAIT_DEP_INVALID: case WAIT_HELD: case WAIT_HELD_USER:
		return true;
	default:
		return false;
	}
}

/* The leader of a heterogeneous job waits for what any component waits for. */
static bool het_is_aside(const struct job *leader)
{
	for (const struct job *k = leader; k; k = k->het_next)
		if (job_is_aside(k))
			return true;
	return !het_all_pending(leader);
}

static enum sched_where where_of(const struct core *c, const struct job *j)
{
	if (!job_is_pending(j) || (j->state & (JOB_COMPLETING | JOB_REVOKED)))
		return Q_NONE;
	if (het_is_part(j) || het_is_aside(j))
		return Q_ASIDE;
	return het_begin(j) > c->now ? Q_TIMED : Q_READY;
}

static void entry_out(struct sched *s, struct sched_entry *e)
{
	switch (e->where) {
	case Q_TIMED:
		knode_remove(&s->timed, &e->kn);
		break;
	case Q_RUNNING:
		s->running_gen++;
		list_del(&s->running, e);
		break;
	case Q_ASIDE:
		list_del(&s->aside, e);
		break;
	case Q_READY:
		ready_del(s, e);
		break;
	default:
		break;
	}
	e->where = Q_NONE;
}

/* What is due in the year 2106 is as good as never. */
static uint32_t begin_key(int64_t t)
{
	return t > UINT32_MAX ? UINT32_MAX : (uint32_t)t;
}

static void entry_in(struct core *c, struct sched_entry *e, enum sched_where where)
{
	switch (where) {
	case Q_TIMED:
		e->kn.key = (struct sched_key){.first = begin_key(het_begin(e->job)),
					       .second = e->job->id};
		e->kn.heap = heap_next(c->sched);
		knode_insert(&c->sched->timed, &e->kn);
		break;
	case Q_RUNNING:
		c->sched->running_gen++;
		list_add(&c->sched->running, e);
		break;
	case Q_ASIDE:
		list_add(&c->sched->aside, e);
		break;
	case Q_READY:
		ready_add(c, e);
		break;
	default:
		break;
	}
	e->where = where;
}

static struct sched_entry *entry_get(struct job *j)
{
	if (!j->queued) {
		j->queued = mem_zalloc(sizeof(struct sched_entry));
		j->queued->job = j;
	}
	return j->queued;
}

void sched_job_added(struct core *c, struct job *j)
{
	sched_priority_seen(c->sched, j->priority);
	sched_job_changed(c, j);
}

static void entry_refile(struct core *c, struct job *j, enum sched_where where)
{
	struct sched_entry *e = entry_get(j);

	entry_out(c->sched, e);
	entry_in(c, e, where);
}

/* A component was held, released, ...: that is about the whole job. */
static void leader_refile(struct core *c, const struct job *j)
{
	struct job *l = het_is_part(j) ? het_leader(c, j) : NULL;
	enum sched_where where = l ? where_of(c, l) : Q_NONE;

	if (where != Q_NONE && l->queued)
		entry_refile(c, l, where);
}

void sched_job_changed(struct core *c, struct job *j)
{
	enum sched_where where = where_of(c, j);

	backfill_dirty(c->sched);
	if (where == Q_NONE) {
		sched_job_removed(c, j);
		return;
	}
	entry_refile(c, j, where);
	leader_refile(c, j);
}

void sched_job_removed(struct core *c, struct job *j)
{
	struct sched_entry *e = j->queued;

	backfill_dirty(c->sched);
	if (j->alloc && (!job_is_finished(j) || job_is_completing(j))) {
		e = entry_get(j);
		if (e->where != Q_RUNNING) {
			entry_out(c->sched, e);
			entry_in(c, e, Q_RUNNING);
			leader_refile(c, j);
		}
		return;
	}
	if (!e)
		return;
	entry_out(c->sched, e);
	free(e);
	j->queued = NULL;
	leader_refile(c, j);
}

void queue_wake(struct core *c)
{
	struct knode *n;

	/* the key is the begin time it was filed with: the job may have changed */
	while ((n = knode_first(c->sched->timed)) != NULL && n->key.first <= c->now) {
		struct sched_entry *e = entry_of(n);

		entry_out(c->sched, e);
		entry_in(c, e, where_of(c, e->job) == Q_NONE ? Q_ASIDE :
			 where_of(c, e->job));
	}
}

/* ---- a pass ------------------------------------------------------------ */
void queue_rewind(struct sched *s)
{
	for (uint32_t i = 0; i < s->pq_count; i++) {
		s->pq[i]->cursor_set = false;
		s->pq[i]->closed = false;
	}
}

static struct knode *pqueue_next(const struct pqueue *q)
{
	if (q->closed)
		return NULL;
	return q->cursor_set ? knode_above(q->groups, &q->cursor) : knode_first(q->groups);
}

struct sched_group *queue_next(struct sched *s)
{
	struct knode *best = NULL;

	for (uint32_t i = 0; i < s->pq_count; i++) {
		struct knode *n = pqueue_next(s->pq[i]);

		if (n && (!best || sched_key_compare(&n->key, &best->key) < 0))
			best = n;
	}
	return best ? group_of(best) : NULL;
}

void queue_fini(struct sched *s)
{
	for (uint32_t i = 0; i < s->hash_size; i++) {
		for (struct sched_group *g = s->hash[i], *next; g; g = next) {
			next = g->hash_next;
			free(g->desc);
			free(g);
		}
	}
	free(s->hash);
	for (uint32_t i = 0; i < s->pq_count; i++) {
		free(s->pq[i]->text);
		free(s->pq[i]->part);
		free(s->pq[i]);
	}
	free(s->pq);
}
