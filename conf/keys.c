/* SPDX-License-Identifier: Apache-2.0
 *
 * The key tables and the one function that turns text into a member. */
#include "conf/keys.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/value.h"

const char *const conf_release_name[CONF_RELEASES] = {
	"22.05", "23.02", "23.11", "24.05", "24.11", "25.05", "25.11", "26.05",
};

/* Words of the rows. */
#define ANY             .lo = 0
#define RANGE(a, b)     .lo = (a), .hi = (b)
#define NAMES(t)        .names = &conf_names_##t
#define UNSET(text)     .unset = #text
#define C               CONF_READER_C
#define D               CONF_READER_D
#define U               CONF_READER_U
#define RELOAD          .restart = false
#define RESTART         .restart = true
#define ALL             .until = CONF_R26_05
#define SINCE(r)        .since = CONF_R##r, .until = CONF_R26_05
#define UNTIL(r)        .until = CONF_R##r
#define GONE            .gone = true

/* offsetof cannot name the member of a LINE key: there is none. */
#define OFF_STR(m)      offsetof(struct BASE, m)
#define OFF_U16         OFF_STR
#define OFF_U32         OFF_STR
#define OFF_U64         OFF_STR
#define OFF_BOOL        OFF_STR
#define OFF_FLOAT       OFF_STR
#define OFF_LIST        OFF_STR
#define OFF_LEVEL       OFF_STR
#define OFF_FLAGS16     OFF_STR
#define OFF_FLAGS32     OFF_STR
#define OFF_FLAGS64     OFF_STR
#define OFF_ENUM16      OFF_STR
#define OFF_ENUM32      OFF_STR
#define OFF_SECS        OFF_STR
#define OFF_MINS        OFF_STR
#define OFF_SUSPEND     OFF_STR
#define OFF_PORTS       OFF_STR
#define OFF_RANGE16     OFF_STR
#define OFF_LINE(m)     0

#define KEY(m, n, t, dflt_text, check, who, when, rel) { \
	.name = #n, .type = CONF_##t, .offset = OFF_##t(m), \
	.dflt = dflt_text, check, .readers = who, when, rel },

#define BASE conf
static const struct conf_key slurm_keys[] = {
#include "conf/keys.def"
};
#undef BASE
#define BASE conf_cgroup
static const struct conf_key cgroup_keys[] = {
#include "conf/cgroup_keys.def"
};
#undef BASE
#define BASE conf_mpi
static const struct conf_key mpi_keys[] = {
#include "conf/mpi_keys.def"
};
#undef BASE
#define BASE conf_gather
static const struct conf_key gather_keys[] = {
#include "conf/acct_gather_keys.def"
};
#undef BASE
#undef KEY

const struct conf_table conf_slurm_table = {
	slurm_keys, sizeof(slurm_keys) / sizeof(*slurm_keys)
};
const struct conf_table conf_cgroup_table = {
	cgroup_keys, sizeof(cgroup_keys) / sizeof(*cgroup_keys)
};
const struct conf_table conf_mpi_table = {
	mpi_keys, sizeof(mpi_keys) / sizeof(*mpi_keys)
};
const struct conf_table conf_gather_table = {
	gather_keys, sizeof(gather_keys) / sizeof(*gather_keys)
};

const struct conf_key *conf_key_find(const struct conf_table *t,
				     const char *name)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (strcasecmp(t->keys[i].name, name) == 0)
			return &t->keys[i];
	return NULL;
}

/* Edit distance without case, one row at a time. */
static uint32_t distance(const char *a, const char *b)
{
	uint32_t row[64], n = (uint32_t)strlen(b);

	if (n >= 64 || strlen(a) >= 64)
		return UINT32_MAX;
	for (uint32_t j = 0; j <= n; j++)
		row[j] = j;
	for (uint32_t i = 1; *a; a++, i++) {
		uint32_t diag = row[0];

		row[0] = i;
		for (uint32_t j = 1; j <= n; j++) {
			uint32_t same = strncasecmp(a, b + j - 1, 1) != 0;
			uint32_t best = diag + same;

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diag = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

struct nearest {
	const char *name;
	uint32_t dist;
};

static void nearer(struct nearest *best, const char *known, const char *name)
{
	uint32_t d = distance(name, known);

	if (d < best->dist) {
		best->dist = d;
		best->name = known;
	}
}

/* Worth suggesting: at most a third of the letters differ. */
static struct nearest nearest_init(const char *name)
{
	return (struct nearest){.dist = (uint32_t)strlen(name) / 3 + 2};
}

const char *conf_key_nearest(const struct conf_table *t, const char *name)
{
	struct nearest best = nearest_init(name);

	for (uint32_t i = 0; i < t->count; i++)
		nearer(&best, t->keys[i].name, name);
	return best.name;
}

const char *conf_word_nearest(const char *const *words, uint32_t count,
			      const char *name)
{
	struct nearest best = nearest_init(name);

	for (uint32_t i = 0; i < count; i++)
		nearer(&best, words[i], name);
	return best.name;
}

static void list_add(struct conf_strings *l, struct arena *mem,
		     const char *text)
{
	char **v = arena_alloc(mem, (l->count + 2) * sizeof(*v));

	if (l->count)
		memcpy(v, l->v, l->count * sizeof(*v));
	v[l->count++] = arena_strdup(mem, text);
	v[l->count] = NULL;
	l->v = v;
}

static enum err bad_value(const struct conf_key *k, const char *text,
			  const char *what, struct err_text *why)
{
	return err_set(why, E_FAIL, "%s=%s %s", k->name, text, what);
}

static enum err set_names(const struct conf_key *k, const char *text,
			  uint64_t *out, struct err_text *why)
{
	const char *bad;
	int len;

	if (conf_names_parse(k->names, text, out, &bad, &len))
		return E_OK;
	return err_set(why, E_FAIL, "%s: unknown word '%.*s'", k->name, len,
		       bad);
}

static enum err set_one_name(const struct conf_key *k, const char *text,
			     uint64_t *out, struct err_text *why)
{
	const struct conf_name *n = conf_name_find(k->names, text);

	if (!n)
		return bad_value(k, text, "is not a known value", why);
	*out = n->set;
	return E_OK;
}

static enum err set_level(const struct conf_key *k, const char *text,
			  uint64_t *out, struct err_text *why)
{
	const struct conf_name *n = conf_name_find(&conf_names_level, text);

	if (n) {
		*out = n->set;
		return E_OK;
	}
	if (value_number(text, UINT16_MAX, out))
		return bad_value(k, text, "is not a debug level", why);
	if (*out > 10)
		*out = 9;
	return E_OK;
}

static bool parse_ports(const char *text, uint64_t *lo, uint64_t *hi)
{
	char first[8];
	size_t n = strcspn(text, "-");

	if (n >= sizeof(first))
		return false;
	memcpy(first, text, n);
	first[n] = '\0';
	if (value_number(first, UINT16_MAX, lo))
		return false;
	*hi = *lo;
	return !text[n] || !value_number(text + n + 1, UINT16_MAX, hi);
}

/* What kind of number a type keeps, and how wide. */
static uint64_t type_max(enum conf_type t)
{
	switch (t) {
	case CONF_U64: case CONF_FLAGS64:
		return UINT64_MAX;
	case CONF_U32: case CONF_FLAGS32: case CONF_ENUM32: case CONF_SECS:
	case CONF_MINS: case CONF_SUSPEND:
		return UINT32_MAX;
	default:
		return UINT16_MAX;
	}
}

static enum err parse_time(const struct conf_key *k, const char *text,
			   uint64_t *out, struct err_text *why)
{
	uint32_t v;

	if (k->type == CONF_SUSPEND ? !value_suspend(text, &v) :
	    k->type == CONF_SECS ? !value_seconds(text, &v) :
	    !value_minutes(text, &v))
		return bad_value(k, text, "is not a time", why);
	if (k->type == CONF_MINS && v != CONF_INFINITE)
		v *= 60;
	*out = v;
	return E_OK;
}

static enum err parse_number(const struct conf_key *k, const char *text,
			     uint64_t *out, struct err_text *why)
{
	const char *what;
	uint64_t v = 0;
	enum err rc = E_OK;

	switch (k->type) {
	case CONF_LEVEL:
		rc = set_level(k, text, &v, why);
		break;
	case CONF_FLAGS16: case CONF_FLAGS32: case CONF_FLAGS64:
		rc = set_names(k, text, &v, why);
		break;
	case CONF_ENUM16: case CONF_ENUM32:
		rc = set_one_name(k, text, &v, why);
		break;
	case CONF_SECS: case CONF_MINS: case CONF_SUSPEND:
		rc = parse_time(k, text, &v, why);
		break;
	default:
		what = value_number(text, type_max(k->type), &v);
		if (what)
			rc = bad_value(k, text, what, why);
	}
	if (rc)
		return rc;
	if (k->hi && (v < k->lo || v > k->hi))
		return err_set(why, E_FAIL, "%s=%s is not within %llu to %llu",
			       k->name, text, (unsigned long long)k->lo,
			       (unsigned long long)k->hi);
	*out = v;
	return E_OK;
}

static enum err set_pair(const struct conf_key *k, uint16_t *at,
			 const char *text, struct err_text *why)
{
	uint64_t lo, hi;

	if (!parse_ports(text, &lo, &hi) || !lo || hi < lo ||
	    (k->type == CONF_RANGE16 && hi == lo))
		return bad_value(k, text, "is not a range of ports", why);
	at[0] = (uint16_t)lo;
	at[1] = (uint16_t)(k->type == CONF_PORTS ? hi - lo + 1 : hi);
	return E_OK;
}

enum err conf_key_set(const struct conf_key *k, void *base, struct arena *mem,
		      const char *text, struct err_text *why)
{
	void *at = (char *)base + k->offset;
	uint64_t v = 0;
	enum err rc;
	char *end;

	switch (k->type) {
	case CONF_LINE:
		return E_OK;
	case CONF_STR:
		*(char **)at = k->unset && strcasestr(text, k->unset) ?
			       NULL : arena_strdup(mem, text);
		return E_OK;
	case CONF_LIST:
		list_add(at, mem, text);
		return E_OK;
	case CONF_BOOL:
		if (!value_bool(text, at))
			return bad_value(k, text, "is neither YES nor NO", why);
		return E_OK;
	case CONF_FLOAT: {
		float f = strtof(text, &end);

		/* The comparison is also false for NaN. */
		if (end == text || *end || !(f >= 0 && f < 1e18f))
			return bad_value(k, text, "is not a number", why);
		*(float *)at = f;
		return E_OK;
	}
	case CONF_PORTS: case CONF_RANGE16:
		return set_pair(k, at, text, why);
	default:
		rc = parse_number(k, text, &v, why);
		if (rc)
			return rc;
	}
	if (type_max(k->type) == UINT64_MAX)
		*(uint64_t *)at = v;
	else if (type_max(k->type) == UINT32_MAX)
		*(uint32_t *)at = (uint32_t)v;
	else
		*(uint16_t *)at = (uint16_t)v;
	return E_OK;
}

void conf_keys_default(const struct conf_table *t, void *base,
		       const struct conf_origin *origin, struct arena *mem)
{
	for (uint32_t i = 0; i < t->count; i++) {
		const struct conf_key *k = &t->keys[i];

		if (k->dflt && !origin[i].text)
			conf_key_set(k, base, mem, k->dflt, NULL);
	}
}
