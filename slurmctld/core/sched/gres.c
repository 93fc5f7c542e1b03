/* SPDX-License-Identifier: Apache-2.0
 *
 * Generic resources as counts: the text forms in which clients ask for them,
 * and the text of what was given.
 *
 * Every type has an index in core->gres_type.  A name without a type asks for
 * units of any type of that name; it is counted at the index of the bare name,
 * or of the name's first type when nothing bare is configured. */
#include "slurmctld/core/sched/sched_i.h"
#include "wire/base/strbuf.h"

static bool type_is_bare(const struct core *c, uint32_t t)
{
	return streq(c->gres_type[t], c->gres_name[t]);
}

/* Index of "name" or "name:type"; UINT32_MAX when nobody has it. */
static uint32_t type_find(const struct core *c, const char *name, size_t len)
{
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (strlen(c->gres_type[t]) == len && memcmp(c->gres_type[t], name, len) == 0)
			return t;
	for (uint32_t t = 0; t < c->gres_type_count; t++)
		if (strlen(c->gres_name[t]) == len && memcmp(c->gres_name[t], name, len) == 0)
			return t;
	return UINT32_MAX;
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
	else if (cut && *cut == '=')
		return err_set(why, E_INVALID_GRES, "%.*s: no such count", (int)len, item);
	t = type_find(c, item, name_len);
	if (t == UINT32_MAX)
		return err_set(why, E_INVALID_GRES, "no node has a gres '%.*s'",
			       (int)name_len, item);
	units[t] += count;
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

		if (len == 4 && strncmp(text, "none", 4) == 0)
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

/* Units of type t that node n has free for a request by name: all types of
 * the name count for a bare one. */
uint64_t gres_free(const struct core *c, const struct node *n, uint32_t t, const uint64_t *used)
{
	uint64_t sum = 0;

	for (uint32_t k = 0; k < c->gres_type_count; k++) {
		uint64_t u = used ? used[k] : n->gres[k].used;

		if (k != t && !(type_is_bare(c, t) && streq(c->gres_name[k], c->gres_name[t])))
			continue;
		if (n->gres[k].total > u)
			sum += n->gres[k].total - u;
	}
	return sum;
}

/* Take `want` units of a request for type t from the node's own types. */
void gres_take(const struct core *c, const struct node *n, uint32_t t, uint64_t want,
	       const uint64_t *used, uint16_t *out)
{
	for (uint32_t pass = 0; pass < 2 && want; pass++) {
		for (uint32_t k = 0; k < c->gres_type_count && want; k++) {
			uint64_t left, u = (used ? used[k] : n->gres[k].used) + out[k];

			/* its own index first, then other types of the name */
			if ((k == t) != (pass == 0))
				continue;
			if (k != t && !(type_is_bare(c, t) &&
					streq(c->gres_name[k], c->gres_name[t])))
				continue;
			left = n->gres[k].total > u ? n->gres[k].total - u : 0;
			if (left > want)
				left = want;
			out[k] = (uint16_t)(out[k] + left);
			want -= left;
		}
	}
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
