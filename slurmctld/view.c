/* SPDX-License-Identifier: Apache-2.0
 *
 * Keeping packed records in step with the core.
 *
 * A walk over the records in key order compares each chunk's signature (keys
 * and generations) with what is there now; only chunks that differ are packed
 * again.  Nothing here is ever seen by another thread but finished chunks. */
#include "slurmctld/view.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "wire/base/log.h"

#define CHUNK_RECORDS 64        /* aimed at */
#define CHUNK_MERGE 16          /* fewer are joined with the next */
#define VIEWS_MAX 48            /* eight releases, jobs and nodes, with and without details */
#define VIEW_KEEP_SEC 2

struct chunk {
	atomic_uint refs;
	uint32_t len;
	uint8_t bytes[];
};

/* A chunk and how to find records in it. */
struct part_of_view {
	struct chunk *chunk;
	uint64_t first_key, signature;
	int64_t expires;
	uint32_t records;
	uint32_t off[];                 /* records + 1 */
};

struct view {
	enum view_kind kind;
	enum wire_version version;
	uint16_t flags;
	bool used;
	struct part_of_view **part;
	uint32_t parts, parts_cap;
	int64_t last_use;               /* monotonic seconds */
};

struct views {
	struct ctld *ctld;
	struct view v[VIEWS_MAX];
	struct watch sweep;
	bool sweeping;
	struct view_count count, said;
};

static const struct view_source *const sources[] = {
	[VIEW_JOBS] = &view_source_jobs,
	[VIEW_NODES] = &view_source_nodes,
};

/* ---- chunks ------------------------------------------------------------ */

struct chunk *chunk_new(const void *bytes, size_t len)
{
	struct chunk *c = mem_alloc(sizeof *c + len);

	atomic_init(&c->refs, 1);
	c->len = (uint32_t)len;
	if (len)
		memcpy(c->bytes, bytes, len);
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add(&c->refs, 1);
	return c;
}

void chunk_unref(struct chunk *c)
{
	if (c && atomic_fetch_sub(&c->refs, 1) == 1)
		free(c);
}

uint8_t *chunk_bytes(struct chunk *c)
{
	return c->bytes;
}

/* ---- building ---------------------------------------------------------- */

static void part_free(struct part_of_view *p)
{
	if (!p)
		return;
	chunk_unref(p->chunk);
	free(p);
}

static void view_drop(struct view *v)
{
	for (uint32_t i = 0; i < v->parts; i++)
		part_free(v->part[i]);
	free(v->part);
	memset(v, 0, sizeof *v);
}

static uint64_t mix(uint64_t h, uint64_t x)
{
	h ^= x + UINT64_C(0x9e3779b97f4a7c15) + (h << 6) + (h >> 2);
	return h * UINT64_C(0xff51afd7ed558ccd);
}

/* The records that one chunk would hold now. */
struct run {
	struct view_record rec[CHUNK_RECORDS * 2];
	uint32_t n;
	uint64_t signature;
};

static int64_t pack_record(const struct view_source *s, const struct core *c,
			   const struct view *v, const void *object, struct arena *mem,
			   struct wire_out *o)
{
	void *msg;
	int64_t until;

	arena_reset(mem);
	msg = arena_zalloc(mem, s->desc->size);
	wire_init(s->desc, msg);
	until = s->fill(c, object, v->flags, v->version, msg, mem);
	wire_pack(o, s->desc, msg, v->version);
	return until;
}

static struct part_of_view *part_build(const struct core *c, const struct view *v,
				       const struct run *r, struct wire_out *o,
				       struct arena *mem, struct view_count *count)
{
	struct part_of_view *p = mem_zalloc(sizeof *p + (r->n + 1) * sizeof p->off[0]);

	o->len = 0;
	p->expires = INT64_MAX;
	p->records = r->n;
	p->first_key = r->rec[0].key;
	p->signature = r->signature;
	for (uint32_t i = 0; i < r->n; i++) {
		int64_t until;

		p->off[i] = (uint32_t)o->len;
		until = pack_record(sources[v->kind], c, v, r->rec[i].object, mem, o);
		if (until < p->expires)
			p->expires = until;
	}
	count->packed += r->n;
	count->packed_bytes += o->len;
	p->off[r->n] = (uint32_t)o->len;
	p->chunk = chunk_new(o->base, o->len);
	return p;
}

/* Reads records up to (not including) key end, or until the run is full. */
static void run_read(const struct view_source *s, const struct core *c, struct view_record *at,
		     bool *more, uint64_t end, uint32_t most, struct run *r)
{
	while (*more && at->key < end && r->n < most) {
		r->signature = mix(mix(r->signature, at->key), at->gen);
		r->rec[r->n++] = *at;
		*more = s->next(c, at);
	}
}

static void view_refresh(struct ctld *ctld, struct view *v)
{
	const struct view_source *s = sources[v->kind];
	const struct core *c = ctld->core;
	int64_t now = ctld_now_usec(ctld) / 1000000;
	struct part_of_view **old = v->part, **new = NULL;
	uint32_t olds = v->parts, news = 0, cap = 0, i = 0;
	struct view_record at = { 0 };
	struct wire_out o = { 0 };
	struct arena mem = { 0 };
	bool more = s->next(c, &at);

	while (more) {
		struct part_of_view *keep = NULL;
		struct run r = { .n = 0 };
		uint64_t end = i + 1 < olds ? old[i + 1]->first_key : UINT64_MAX;

		run_read(s, c, &at, &more, end,
			 end == UINT64_MAX ? CHUNK_RECORDS : CHUNK_RECORDS * 2, &r);
		while (r.n < CHUNK_MERGE && more && i + 1 < olds && at.key >= end) {
			part_free(old[i++]);
			end = i + 1 < olds ? old[i + 1]->first_key : UINT64_MAX;
			run_read(s, c, &at, &more, end, CHUNK_RECORDS, &r);
		}
		if (i < olds && old[i]->signature == r.signature && old[i]->records == r.n &&
		    old[i]->expires > now) {
			keep = old[i];
			old[i++] = NULL;
		} else if (i < olds && (!more || at.key >= end)) {
			part_free(old[i]);
			old[i++] = NULL;
		}
		if (!r.n)
			continue;
		if (news == cap) {
			cap = cap ? cap * 2 : olds + 16;
			new = mem_realloc(new, cap * sizeof *new);
		}
		new[news++] = keep ? keep : part_build(c, v, &r, &o, &mem, &ctld->views->count);
	}
	while (i < olds)
		part_free(old[i++]);
	free(old);
	v->part = new;
	v->parts = news;
	v->parts_cap = cap;
	wire_out_fini(&o);
	arena_fini(&mem);
}

/* ---- what it came to ---------------------------------------------------- */

const struct view_count *views_count(const struct views *s)
{
	return &s->count;
}

/* Since the last time. */
static void count_say(struct views *s)
{
	const struct view_count *a = &s->count, *b = &s->said;
	unsigned releases = 0;

	for (int i = 0; i < VIEWS_MAX; i++)
		releases |= s->v[i].used ? 1u << s->v[i].version : 0;
	if (a->answers != b->answers)
		log_debug("views: %llu answers of %llu bytes in %d releases, %llu records of %llu bytes "
			  "packed for them", (unsigned long long)(a->answers - b->answers),
			  (unsigned long long)(a->answer_bytes - b->answer_bytes),
			  __builtin_popcount(releases),
			  (unsigned long long)(a->packed - b->packed),
			  (unsigned long long)(a->packed_bytes - b->packed_bytes));
	s->said = s->count;
}

/* ---- the set of views -------------------------------------------------- */

static void on_sweep(void *arg, short what)
{
	struct views *s = arg;
	int64_t now = clock_mono_usec() / 1000000;
	bool dropped = false, left = false;

	(void)what;
	count_say(s);
	for (int i = 0; i < VIEWS_MAX; i++) {
		struct view *v = &s->v[i];

		if (!v->used)
			continue;
		if (now - v->last_use >= VIEW_KEEP_SEC) {
			view_drop(v);
			dropped = true;
		} else {
			left = true;
		}
	}
	s->sweeping = left;
	if (left)
		watch_wait(&s->sweep, 0, VIEW_KEEP_SEC * INT64_C(1000000));
	if (dropped)
		malloc_trim(0);
}

static struct view *view_find(struct views *s, enum view_kind kind, enum wire_version version,
			      uint16_t flags)
{
	struct view *best = &s->v[0];
	int64_t now = clock_mono_usec() / 1000000;

	for (int i = 0; i < VIEWS_MAX; i++) {
		struct view *v = &s->v[i];

		if (v->used && v->kind == kind && v->version == version && v->flags == flags) {
			v->last_use = now;
			return v;
		}
		if (best->used && (!v->used || v->last_use < best->last_use))
			best = v;
	}
	view_drop(best);
	best->used = true;
	best->kind = kind;
	best->version = version;
	best->flags = flags;
	best->last_use = now;
	if (!s->sweeping) {
		s->sweeping = true;
		watch_wait(&s->sweep, 0, VIEW_KEEP_SEC * INT64_C(1000000));
	}
	return best;
}

/* ---- answers ----------------------------------------------------------- */

static void span_add(struct answer *a, uint32_t *cap, struct chunk *c, uint32_t off, uint32_t len)
{
	if (!len)
		return;
	if (a->spans) {
		struct span *last = &a->span[a->spans - 1];

		if (last->chunk == c && last->off + last->len == off) {
			last->len += len;
			return;
		}
	}
	if (a->spans == *cap) {
		*cap = *cap ? *cap * 2 : 64;
		a->span = mem_realloc(a->span, *cap * sizeof *a->span);
	}
	a->span[a->spans++] = (struct span){ chunk_ref(c), off, len };
}

static struct chunk *blank_chunk(struct ctld *c, const struct view *v)
{
	const struct wire_desc *d = sources[v->kind]->desc;
	void *msg = mem_zalloc(d->size);
	struct wire_out o = { 0 };
	struct chunk *k;

	(void)c;
	wire_pack(&o, d, msg, v->version);
	k = chunk_new(o.base, o.len);
	wire_out_fini(&o);
	free(msg);
	return k;
}

static uint32_t append_filtered(struct ctld *c, struct view *v, view_filter *filter, void *arg,
				struct answer *a, uint32_t *cap)
{
	const struct view_source *s = sources[v->kind];
	struct view_record at = { 0 };
	struct chunk *blank = NULL;
	uint32_t shown = 0;

	for (uint32_t i = 0; i < v->parts; i++) {
		struct part_of_view *p = v->part[i];

		for (uint32_t k = 0; k < p->records; k++) {
			if (!s->next(c->core, &at))
				goto out;
			switch (filter(c->core, at.object, arg)) {
			case VIEW_SHOW:
				span_add(a, cap, p->chunk, p->off[k], p->off[k + 1] - p->off[k]);
				shown++;
				break;
			case VIEW_BLANK:
				if (!blank)
					blank = blank_chunk(c, v);
				span_add(a, cap, blank, 0, blank->len);
				shown++;
				break;
			case VIEW_SKIP:
				break;
			}
		}
	}
out:
	chunk_unref(blank);
	return shown;
}

uint32_t view_append(struct ctld *c, enum view_kind kind, enum wire_version version,
		     uint16_t flags, view_filter *filter, void *arg, struct answer *a)
{
	struct view *v = view_find(c->views, kind, version, flags);
	uint32_t cap = a->spans, shown = 0;

	view_refresh(c, v);
	if (filter)
		shown = append_filtered(c, v, filter, arg, a, &cap);
	else
		for (uint32_t i = 0; i < v->parts; i++) {
			span_add(a, &cap, v->part[i]->chunk, 0, v->part[i]->chunk->len);
			shown += v->part[i]->records;
		}
	c->views->count.answers++;
	for (uint32_t i = 0; i < a->spans; i++)
		c->views->count.answer_bytes += a->span[i].len;
	return shown;
}

void view_pack_one(struct ctld *c, enum view_kind kind, enum wire_version version,
		   uint16_t flags, const void *object, struct wire_out *o)
{
	struct view v = { .kind = kind, .version = version, .flags = flags };
	struct arena mem = { 0 };

	pack_record(sources[kind], c->core, &v, object, &mem, o);
	arena_fini(&mem);
}

struct views *views_new(struct ctld *c)
{
	struct views *s = mem_zalloc(sizeof *s);

	s->ctld = c;
	watch_init(&s->sweep, c->loop, -1, on_sweep, s);
	return s;
}

void views_free(struct views *s)
{
	if (!s)
		return;
	for (int i = 0; i < VIEWS_MAX; i++)
		view_drop(&s->v[i]);
	watch_stop(&s->sweep);
	free(s);
}
