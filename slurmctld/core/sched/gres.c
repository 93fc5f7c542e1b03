/* SPDX-License-Identifier: Apache-2.0
 *
 * Generic resources as counts: the text forms in which clients ask for them,
 * and the text of what was given.
 *
 * Every type has an index in core->gres_type, and so has every name without
 * type: that asks for units of any type of the name. */
#include "slurmctld/core/sched/sched_i.h"
#include "wire/base/strbuf.h"

static bool type_is_bare(const struct core *c, uint32_t t)
{
	return streq(c->gres_type[t], c->gres_name[t]);
}

static bool same_name(const struct core *c, uint32_t a, uint32_t b)
{
	return streq(c->gres_name[a], c->gres_name[b]);
}

uint32_t gres_bare(const struct core *c, uint32_t t)
{
	for (uint32_t k = 0; k < c->gres_type_count; k++)
		if (type_is_bare(c, k) && same_name(c, k, t))
			return k;
	return t;
}

uint64_t gres_sum16(const struct core *c, uint32_t t, const uint16_t *v)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < c->gres_type_count; k++)
		if (same_name(c, k, t))
			sum += v[k];
	return sum;
}

/* Index of "name" or "name:type"; UINT32_MAX when nobody has it. */
static uint32_t type_find(const struct core *c, const char *name, size_t len)
{
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (strlen(c->gres_type[t]) == len && memcmp(c->gres_type[t], name, len) == 0)
			return t;
	return UINT32_MAX;
}

/* Is the name, without what follows a colon, one of GresTypes? */
static bool name_known(const struct core *c, const char *name, size_t len)
{
	size_t n = 0;

	while (n < len && name[n] != ':' && name[n] != '=')
		n++;
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (strlen(c->gres_name[t]) == n && memcmp(c->gres_name[t], name, n) == 0)
			return true;
	return false;
}

/* "4", "2k", "1M" ...; false when it is no number. */
static bool count_parse(const char *s, size_t len, uint64_t *out)
{
	uint64_t v = 0;
	size_t i = 0;

	while (i < len && s[i] >= '0' && s[i] <= '9') {
		if (v > UINT64_MAX / 16 / 1024)
			return false;
		v = v * 10 + (uint64_t)(s[i++] - '0');
	}
	if (!i)
		return false;
	if (i < len) {
		static const char mult[] = "kmgtp";
		const char *m = strchr(mult, s[i] | 0x20);

		if (!m || !*m || i + 1 != len)
			return false;
		for (const char *k = mult; k <= m; k++) {
			if (v > UINT64_MAX / 1024)
				return false;
			v *= 1024;
		}
	}
	*out = v;
	return true;
}

/* One item, without its "gres" prefix: name[:type][:count] or name=count. */
static enum err item_parse(const struct core *c, const char *item, size_t len,
			   uint64_t *units, struct err_text *why)
{
	const char *end = item + len, *cut = NULL;
	uint64_t count = 1;
	size_t name_len = len;
	uint32_t t;

	for (const char *p = item; p < end; p++)
		if (*p == ':' || *p == '=')
			cut = p;
	if (cut && count_parse(cut + 1, (size_t)(end - cut - 1), &count))
		name_len = (size_t)(cut - item);
	else if (cut && (*cut == '=' || (cut[1] >= '0' && cut[1] <= '9')))
		return err_set(why, E_INVALID_GRES, "%.*s: no such count", (int)len, item);
	t = type_find(c, item, name_len);
	if (t == UINT32_MAX && name_known(c, item, name_len))
		return err_set(why, E_REQUESTED_NODE_CONFIG_UNAVAILABLE,
			       "no node has a gres '%.*s'", (int)name_len, item);
	if (t == UINT32_MAX)
		return err_set(why, E_INVALID_GRES, "no node has a gres '%.*s'",
			       (int)name_len, item);
	units[t] = count;       /* named twice (by options and by environment): the last */
	return E_OK;
}

static size_t prefix_len(const char *s)
{
	if (strncmp(s, "gres:", 5) == 0 || strncmp(s, "gres/", 5) == 0)
		return 5;
	return 0;
}

enum err gres_parse(const struct core *c, const char *text, uint64_t *units,
		    struct err_text *why)
{
	while (text && *text) {
		size_t len = strcspn(text, ","), skip = prefix_len(text);
		enum err e;

		if (len == skip + 4 && strncmp(text + skip, "none", 4) == 0)
			skip = len;
		/* CPUs, licenses and the like are TRES too, but no gres */
		if (!skip && (strncmp(text, "cpu", 3) == 0 || strncmp(text, "license", 7) == 0) &&
		    strchr(":/=", text[strcspn(text, ":/=,")]))
			skip = len;
		if (len > skip) {
			e = item_parse(c, text + skip, len - skip, units, why);
			if (e)
				return e;
		}
		text += len + (text[len] == ',');
	}
	return E_OK;
}

enum err gres_mixed(const struct core *c, const uint64_t *units)
{
	bool parts = false, whole = false;

	for (uint32_t t = 0; t < c->gres_type_count; t++) {
		uint32_t bare = gres_bare(c, t);

		if (!units[t])
			continue;
		parts |= conf_gres_shared(c->gres_name[t]);
		whole |= streq(c->gres_name[t], "gpu");
		if (bare != t && units[bare])
			return E_INVALID_GRES_TYPE;
	}
	return parts && whole ? E_INVALID_GRES : E_OK;
}

/* Most parts that one device has, left (live) or at all. */
static uint64_t parts_max(const struct core *c, const struct node *n, uint32_t t, bool live)
{
	uint64_t most = 0, open = live ? node_gres_open(c, n, t) : UINT64_MAX;

	for (uint32_t i = 0; n->devices && i < n->devices->place_count; i++) {
		const struct gres_place *p = &n->devices->place[i];
		uint64_t left = p->parts - (live ? p->parts_used : 0);

		if (p->type == t && p->devs & open && left > most)
			most = left;
	}
	return most;
}

/* Units of one type, free. */
static uint64_t type_free(const struct core *c, const struct node *n, uint32_t k,
			  const uint64_t *used)
{
	const struct node_gres *g = &n->gres[k];
	uint64_t u = used ? used[k] : g->used, left = g->total > u ? g->total - u : 0, cap;

	if (g->shared)
		cap = parts_max(c, n, k, !used);
	else if (used || bits_count(g->devs) < g->total)
		return left;
	else
		cap = bits_count(node_gres_open(c, n, k));
	return left < cap ? left : cap;
}

/* Units of type t that node n has free for a request by name: all types of
 * the name count for a bare one. */
uint64_t gres_free(const struct core *c, const struct node *n, uint32_t t, const uint64_t *used)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < c->gres_type_count; k++)
		if (k == t || (type_is_bare(c, t) && same_name(c, k, t)))
			sum += type_free(c, n, k, used);
	return sum;
}

/* Take `want` units of a request for type t from the node's own types. */
void gres_take(const struct core *c, const struct node *n, uint32_t t, uint64_t want,
	       const uint64_t *used, uint16_t *out)
{
	for (uint32_t pass = 0; pass < 2 && want; pass++) {
		for (uint32_t k = 0; k < c->gres_type_count && want; k++) {
			uint64_t left;

			/* its own index first, then other types of the name */
			if ((k == t) != (pass == 0))
				continue;
			if (k != t && !(type_is_bare(c, t) && same_name(c, k, t)))
				continue;
			left = type_free(c, n, k, used);
			left = left > out[k] ? left - out[k] : 0;
			if (left > want)
				left = want;
			out[k] = (uint16_t)(out[k] + left);
			want -= left;
		}
	}
}

/* ---- devices ----------------------------------------------------------- */
static bool of_request(const struct core *c, uint32_t k, uint32_t t)
{
	return k == t || (type_is_bare(c, t) && same_name(c, k, t));
}

/* Units of t that one node may have to give; 0: t is not asked for. */
static uint64_t node_want(const struct request *r, uint32_t t)
{
	const struct gres_need *g = &r->gres[t];
	bool one = r->min_nodes == 1;

	if (g->node)
		return g->node;
	if (g->socket)          /* of each: one socket alone will not do */
		return UINT64_MAX;
	if (g->task)
		return g->task * (one && r->tasks ? r->tasks : 1);
	return g->job ? one ? g->job : 1 : 0;
}

static uint64_t sockets_of(const struct node *n, const struct bitset *cores)
{
	uint64_t set = 0;

	bitset_foreach(k, cores)
		if (n->cores_per_socket && k / n->cores_per_socket < 64)
			set |= UINT64_C(1) << k / n->cores_per_socket;
	return set;
}

/* Sockets near which devices for t are free; *alone: each has enough.  False:
 * they lie near all. */
static bool sockets_for(const struct core *c, const struct request *r, const struct node *n,
			enum fit_view view, uint32_t t, uint64_t *any, uint64_t *alone)
{
	const struct node_devices *d = n->devices;
	uint64_t want = node_want(r, t);
	uint32_t count[64] = {0};

	for (uint32_t i = 0; i < d->place_count; i++) {
		const struct gres_place *p = &d->place[i];
		uint64_t open = p->devs, set;

		if (!of_request(c, p->type, t))
			continue;
		if (view == FIT_NOW)
			open &= node_gres_open(c, n, p->type);
		if (!open)
			continue;
		if (!p->cores)
			return false;
		set = sockets_of(n, p->cores);
		*any |= set;
		for (uint32_t k = 0; k < 64; k++)
			count[k] += set >> k & 1 ? bits_count(open) : 0;
	}
	for (uint32_t k = 0; k < 64; k++)
		if (count[k] < want)
			*alone &= ~(UINT64_C(1) << k);
	return true;
}

/* Of sockets that are enough each, the one with the most free cores. */
static uint64_t best_socket(const struct node *n, uint64_t alone, const struct core_view *v)
{
	uint32_t best = 0, most = 0;

	for (uint32_t k = 0; k < n->sockets && k < 64; k++) {
		uint32_t cps = n->cores_per_socket, open = 0;

		for (uint32_t i = k * cps; i < (k + 1) * cps; i++)
			open += !v->used || !bitset_test(v->used, i);
		if (!(alone >> k & 1) || open <= most)
			continue;
		best = k;
		most = open;
	}
	return most ? UINT64_C(1) << best : 0;
}

void gres_near(const struct core *c, const struct request *r, const struct node *n,
	       enum fit_view view, struct core_view *v)
{
	uint64_t any = 0, alone = UINT64_MAX;

	if (!r->any_gres || r->whole || !n->devices)
		return;
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (node_want(r, t) && !sockets_for(c, r, n, view, t, &any, &alone))
			return;
	v->near_only = any && (r->job->bitflags & GRES_ENFORCE_BIND ||
			       c->conf->selecttypeparameters & CR_ENFORCE_BINDING_GRES);
	v->near = v->near_only ? any : best_socket(n, any & alone, v);
	if (!v->near)
		v->near = any;
}

/* Devices of a place that lie near one of these cores. */
static bool place_near(const struct gres_place *p, const struct bitset *cores,
		       const struct job_share *s, uint32_t from, uint32_t to)
{
	if (!p->cores)
		return false;
	for (uint32_t k = from; k < to && k < s->cores; k++)
		if (bitset_test(p->cores, k) && bitset_test(cores, s->core_off + k))
			return true;
	return false;
}

/* Up to want devices of type t that lie near cores from..to, or (near false)
 * anywhere. */
static uint32_t take_devices(const struct node *n, uint32_t t, uint64_t *open, uint32_t want,
			     const struct bitset *cores, struct job_share *s, bool near,
			     uint32_t from, uint32_t to)
{
	uint32_t got = 0;

	for (uint32_t i = 0; i < n->devices->place_count && got < want; i++) {
		const struct gres_place *p = &n->devices->place[i];

		if (p->type != t || (near && !place_near(p, cores, s, from, to)))
			continue;
		for (uint32_t b = 0; b < 64 && got < want; b++) {
			uint64_t bit = UINT64_C(1) << b;

			if (!(p->devs & *open & bit))
				continue;
			*open &= ~bit;
			s->devs[t] |= bit;
			got++;
		}
	}
	return got;
}

static bool pick_devices(const struct core *c, const struct request *r, const struct node *n,
			 const struct bitset *cores, struct job_share *s, uint32_t t)
{
	uint64_t open = node_gres_open(c, n, t);
	uint32_t want = s->gres[t], got = 0, cps = n->cores_per_socket;
	uint64_t per_socket = r->gres ? r->gres[t].socket + r->gres[gres_bare(c, t)].socket : 0;

	for (uint32_t k = 0; per_socket && k < n->sockets && got < want; k++) {
		uint32_t most = want - got < per_socket ? want - got : (uint32_t)per_socket;

		got += take_devices(n, t, &open, most, cores, s, true, k * cps, (k + 1) * cps);
	}
	got += take_devices(n, t, &open, want - got, cores, s, true, 0, s->cores);
	got += take_devices(n, t, &open, want - got, cores, s, false, 0, 0);
	return got == want;
}

/* Parts are all of one device. */
static bool pick_part(const struct core *c, const struct node *n, const struct bitset *cores,
		      struct job_share *s, uint32_t t)
{
	uint64_t open = node_gres_open(c, n, t);

	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < n->devices->place_count; i++) {
			const struct gres_place *p = &n->devices->place[i];

			if (p->type != t || !(p->devs & open) ||
			    p->parts - p->parts_used < s->gres[t] ||
			    (pass == 0 && !place_near(p, cores, s, 0, s->cores)))
				continue;
			s->devs[t] = p->devs;
			return true;
		}
	}
	return false;
}

bool gres_pick(const struct core *c, const struct request *r, const struct bitset *cores,
	       struct job_share *s)
{
	const struct node *n = c->node[s->node];
	bool good = true;

	for (uint32_t t = 0; s->gres && good && t < c->gres_type_count; t++) {
		const struct node_gres *g = &n->gres[t];

		if (!s->gres[t] || !n->devices)
			continue;
		if (g->shared)
			good = pick_part(c, n, cores, s, t);
		else if (g->devs)
			good = pick_devices(c, r, n, cores, s, t) || bits_count(g->devs) < g->total;
	}
	return good;
}

/* Up to `each` units of t that lie near the job's cores of one socket. */
static uint64_t take_socket(const struct core *c, const struct node *n, uint32_t t, uint64_t each,
			    const struct bitset *cores, const struct job_share *s, uint32_t k,
			    uint64_t *seen, uint16_t *out)
{
	uint32_t cps = n->cores_per_socket;
	uint64_t got = 0;

	for (uint32_t i = 0; i < n->devices->place_count && got < each; i++) {
		const struct gres_place *p = &n->devices->place[i];
		uint64_t open, here;

		if (!of_request(c, p->type, t) || n->gres[p->type].shared ||
		    !place_near(p, cores, s, k * cps, (k + 1) * cps))
			continue;
		open = p->devs & node_gres_open(c, n, p->type) & ~*seen;
		for (here = 0; open && got + here < each; open &= open - 1, here++)
			*seen |= open & ~(open - 1);
		out[p->type] = (uint16_t)(out[p->type] + here);
		got += here;
	}
	return got;
}

/* Units of t near the sockets that the job has cores of, types as they lie
 * there: `each` of every socket, or (each 0) in turn.  Those counted, at the
 * most want; the rest is taken anywhere. */
uint64_t gres_take_sockets(const struct core *c, const struct node *n, uint32_t t, uint64_t each,
			   uint64_t want, const struct bitset *cores, const struct job_share *s,
			   uint16_t *out)
{
	uint64_t got = 0, seen = 0, before;

	if (!n->devices || !n->cores_per_socket)
		return 0;
	do {
		before = got;
		for (uint32_t k = 0; k < n->sockets && (each || got < want); k++)
			got += take_socket(c, n, t, each ? each : 1, cores, s, k, &seen, out);
	} while (!each && got > before && got < want);
	return got;
}

/* ---- text -------------------------------------------------------------- */
/* Megabytes with the largest unit that keeps them a whole number: 1500M, 4G. */
static void mem_text(struct strbuf *b, uint64_t mb)
{
	static const char unit[] = "MGTPE";
	const char *u = unit;

	while (mb >= 1024 && mb % 1024 == 0 && u[1]) {
		mb /= 1024;
		u++;
	}
	strbuf_printf(b, "mem=%llu%c", (unsigned long long)mb, *u);
}

/* Gres are shown when AccountingStorageTRES names them. */
static bool gres_tracked(const struct core *c, const char *name)
{
	const char *list = c->conf->accountingstoragetres;
	size_t len = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strncmp(p, "gres/", 5) == 0 && strcspn(p + 5, ",") == len &&
		    memcmp(p + 5, name, len) == 0)
			return true;
	return false;
}

char *tres_format(const struct core *c, uint64_t cpus, uint64_t mem_mb, uint32_t nodes,
		  const uint64_t *gres, uint64_t billing)
{
	struct strbuf b = {0};

	if (cpus)
		strbuf_printf(&b, "cpu=%llu", (unsigned long long)cpus);
	if (mem_mb) {
		strbuf_sep(&b, ",");
		mem_text(&b, mem_mb);
	}
	if (nodes) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "node=%u", nodes);
	}
	if (billing) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "billing=%llu", (unsigned long long)billing);
	}
	for (uint32_t t = 0; gres && t < c->gres_type_count; t++) {
		uint64_t sum = gres[t];

		if (type_is_bare(c, t))
			for (uint32_t k = 0; k < c->gres_type_count; k++)
				if (k != t && streq(c->gres_name[k], c->gres_name[t]))
					sum += gres[k];
		if (!sum || !gres_tracked(c, c->gres_type[t]))
			continue;
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "gres/%s=%llu", c->gres_type[t], (unsigned long long)sum);
	}
	return strbuf_take(&b);
}
