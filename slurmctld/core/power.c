/* SPDX-License-Identifier: Apache-2.0
 *
 * Power saving: nodes that have been idle are given to SuspendProgram, those
 * that jobs or admins want to ResumeProgram.
 *
 *   up --idle for SuspendTime, asked--> POWERING_DOWN --SuspendTimeout--+
 *   ^                                                                   v
 *   +--registers-- POWERING_UP <--allocated, asked-- POWERED_DOWN <-----+
 *                       |                                 ^
 *                       +---ResumeTimeout: DOWN-----------+
 *
 * A job that is given nodes that are down is CONFIGURING until they are up
 * (prep.c).  What is excluded from all this may be changed by request until
 * the configuration is read again. */
#include <stdlib.h>
#include <strings.h>

#include "slurmctld/core/internal.h"
#include "wire/base/strbuf.h"

#define EVERY_SEC 10            /* without a reason to look earlier */
#define POWER_STATES (NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_DOWN | \
		      NODE_STATE_POWERING_UP | NODE_STATE_POWER_DOWN | NODE_STATE_POWER_UP)

/* Not the name of a PowerAction, which are not run. */
static bool is_path(const char *program)
{
	return program && program[0] == '/';
}

bool power_enabled(const struct core *c)
{
	bool any = c->conf->suspendtime != INFINITE && c->conf->suspendtime != NO_VAL;

	if (!is_path(c->conf->suspendprogram) || !is_path(c->conf->resumeprogram))
		return false;
	for (uint32_t i = 0; i < c->part_count && !any; i++) {
		const struct part *p = c->part[i];

		any = p && !p->deleted && p->suspend_time_sec != INFINITE &&
			p->suspend_time_sec != NO_VAL;
	}
	return any;
}

/* ---- times: the longest of a node's partitions, or those of all ----------- */

int64_t power_idle_limit(const struct core *c, const struct node *n)
{
	uint32_t t = NO_VAL;

	for (uint32_t i = 0; n->parts && i < c->part_count; i++) {
		const struct part *p = c->part[i];

		if (p && !p->deleted && bitset_test(n->parts, i) &&
		    p->suspend_time_sec != NO_VAL &&
		    (t == NO_VAL || p->suspend_time_sec > t))
			t = p->suspend_time_sec;
	}
	return t == NO_VAL ? c->conf->suspendtime : t;
}

static int64_t timeout_of(const struct core *c, const struct node *n, bool resume)
{
	uint16_t t = NO_VAL16;

	for (uint32_t i = 0; n->parts && i < c->part_count; i++) {
		const struct part *p = c->part[i];
		uint16_t own = !p ? NO_VAL16 : resume ? p->resume_timeout : p->suspend_timeout;

		if (p && !p->deleted && bitset_test(n->parts, i) && own != NO_VAL16 &&
		    (t == NO_VAL16 || own > t))
			t = own;
	}
	if (t != NO_VAL16)
		return t;
	return resume ? c->conf->resumetimeout : c->conf->suspendtimeout;
}

static uint32_t program_timeout(const struct core *c)
{
	uint32_t t = c->conf->suspendtimeout > c->conf->resumetimeout ?
		c->conf->suspendtimeout : c->conf->resumetimeout;

	for (uint32_t i = 0; i < c->part_count; i++) {
		const struct part *p = c->part[i];

		if (p && !p->deleted && p->resume_timeout != NO_VAL16 && p->resume_timeout > t)
			t = p->resume_timeout;
	}
	return t;
}

/* ---- rates: so many nodes a minute -------------------------------------- */

static uint32_t tokens(const struct core *c, struct power_rate *r, uint32_t per_minute)
{
	int64_t period, got;
	uint32_t max = per_minute * EVERY_SEC / 60;

	if (!per_minute)
		return UINT32_MAX;
	if (!max)
		max = 1;
	period = 60000000 / per_minute;
	if (!r->since || c->now_usec < r->since)
		r->since = c->now_usec;
	got = (c->now_usec - r->since) / period;
	r->since += got * period;
	r->count = got > max || r->count + got > max ? max : r->count + (uint32_t)got;
	return r->count;
}

static void token_spend(struct power_rate *r, uint32_t *left)
{
	if (*left == UINT32_MAX)
		return;
	--*left;
	r->count = *left;
}

/* ---- what is left alone -------------------------------------------------- */

static const struct { const char *name; uint32_t flag; } exc_states[] = {
	{ "CLOUD", NODE_STATE_CLOUD }, { "DRAIN", NODE_STATE_DRAIN },
	{ "DYNAMIC_FUTURE", NODE_STATE_DYNAMIC_FUTURE },
	{ "DYNAMIC_NORM", NODE_STATE_DYNAMIC_NORM }, { "FAIL", NODE_STATE_FAIL },
	{ "INVALID_REG", NODE_STATE_INVALID_REG }, { "MAINTENANCE", NODE_STATE_MAINT },
	{ "NOT_RESPONDING", NODE_STATE_NO_RESPOND }, { "PLANNED", NODE_STATE_PLANNED },
	{ "RESERVED", NODE_STATE_RES },
};

static bool word_is(const char *p, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(p, name, len) == 0;
}

static bool state_excluded(const struct core *c, const struct node *n)
{
	for (const char *p = c->power.exc_states; p && *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len = strcspn(p, ",");

		if (word_is(p, len, "DOWN") && (n->state & NODE_STATE_BASE) == NODE_STATE_DOWN)
			return true;
		for (size_t i = 0; i < sizeof(exc_states) / sizeof(*exc_states); i++)
			if (n->state & exc_states[i].flag && word_is(p, len, exc_states[i].name))
				return true;
	}
	return false;
}

static bool suspendable(const struct node *n)
{
	uint32_t base = n->state & NODE_STATE_BASE;

	return (base == NODE_STATE_IDLE || base == NODE_STATE_DOWN) && !n->run_jobs &&
	       !(n->state & (NODE_STATE_COMPLETING | NODE_STATE_POWERING_UP |
			     NODE_STATE_POWERING_DOWN | NODE_STATE_REBOOT_ISSUED |
			     NODE_STATE_REBOOT_REQUESTED));
}

static bool working(const struct node *n)
{
	uint32_t base = n->state & NODE_STATE_BASE;

	return (base == NODE_STATE_IDLE || base == NODE_STATE_MIXED ||
		base == NODE_STATE_ALLOCATED) &&
	       !(n->state & (NODE_STATE_POWERING_DOWN | NODE_STATE_POWERING_UP |
			     NODE_STATE_POWERED_DOWN | NODE_STATE_DRAIN));
}

/* "n[1-9]:4": so many of these are kept up, working ones counted. */
static void keep_some(const struct core *c, const struct bitset *of, int64_t want,
		      struct bitset *keep)
{
	if (want >= bitset_count(of)) {
		bitset_or(keep, of);
		return;
	}
	bitset_foreach(i, of) {
		const struct node *n = c->node[i];

		want -= working(n) && !(suspendable(n) && !(n->state & NODE_STATE_POWERED_DOWN));
	}
	bitset_foreach(i, of) {
		const struct node *n = c->node[i];

		if (want <= 0)
			break;
		if (!suspendable(n) || n->state & NODE_STATE_POWERED_DOWN)
			continue;
		bitset_set(keep, i);
		want--;
	}
}

static size_t item_len(const char *p)
{
	size_t n = 0;

	for (int depth = 0; p[n] && (p[n] != ',' || depth); n++)
		depth += (p[n] == '[') - (p[n] == ']');
	return n;
}

static void keep_nodes(struct core *c, struct bitset *keep)
{
	const char *p = c->power.exc_nodes;

	while (p && *p) {
		size_t len = item_len(p);
		char *item = arena_printf(&c->scratch, "%.*s", (int)len, p);
		char *colon = strchr(item, ':');
		struct bitset *of = arena_alloc(&c->scratch, bitset_sizeof(c->node_count));
		int64_t want = 0;

		bitset_init(of, c->node_count);
		if (colon) {
			want = strtol(colon + 1, NULL, 10);
			*colon = '\0';
		}
		nodes_parse(c, item, of, NULL);
		keep_some(c, of, want ? want : INT64_MAX, keep);
		p += len;
		p += *p == ',';
	}
}

static void keep_parts(struct core *c, struct bitset *keep)
{
	for (const char *p = c->power.exc_parts; p && *p; p += strcspn(p, ","), p += *p == ',') {
		const struct part *part =
			part_find(c, arena_printf(&c->scratch, "%.*s", (int)strcspn(p, ","), p));

		if (part)
			bitset_or(keep, part->nodes);
	}
}

/* ---- programs ------------------------------------------------------------ */

static struct effect *program(struct core *c, struct effects *out, const char *path,
			      const struct bitset *nodes)
{
	const char **argv = arena_zalloc(&out->mem, 3 * sizeof(*argv));
	struct effect *e = effect_run(out, RUN_POWER, argv);

	argv[0] = arena_strdup(&out->mem, path);
	argv[1] = effects_hostlist(c, out, nodes);
	e->timeout_sec = program_timeout(c);
	return e;
}

static void json_add(struct strbuf *b, const char *key, const char *value)
{
	strbuf_printf(b, "\"%s\":", key);
	if (!value) {
		strbuf_add(b, "null");
		return;
	}
	strbuf_addc(b, '"');
	for (; *value; value++) {
		if ((unsigned char)*value < 0x20)
			strbuf_printf(b, "\\u%04x", (unsigned)*value);
		else if (*value == '"' || *value == '\\')
			strbuf_printf(b, "\\%c", *value);
		else
			strbuf_addc(b, *value);
	}
	strbuf_addc(b, '"');
}

/* Which jobs want the nodes that are resumed: ResumeProgram reads it. */
static const char *resume_json(struct core *c, struct effects *out, const struct bitset *wake)
{
	struct strbuf b = { 0 };
	const char *sep = "", *copy;
	char *text;

	strbuf_add(&b, "{\"jobs\":[");
	for (const struct job *j = c->job_first; j; j = j->next) {
		struct bitset *some;

		if (!(j->state & JOB_CONFIGURING) || !j->alloc ||
		    !bitset_overlap(j->alloc->nodes, wake))
			continue;
		some = effects_bitset(out, c->node_count);
		bitset_copy(some, wake);
		bitset_and(some, j->alloc->nodes);
		strbuf_printf(&b, "%s{", sep);
		json_add(&b, "extra", job_str(j, JS_EXTRA));
		strbuf_printf(&b, ",\"job_id\":%u,", j->id);
		json_add(&b, "features", job_str(j, JS_FEATURES));
		strbuf_addc(&b, ',');
		json_add(&b, "nodes_alloc", job_str(j, JS_NODES));
		strbuf_addc(&b, ',');
		json_add(&b, "nodes_resume", effects_hostlist(c, out, some));
		strbuf_addc(&b, ',');
		json_add(&b, "oversubscribe", job_share_text(j));
		strbuf_addc(&b, ',');
		json_add(&b, "partition", j->part ? j->part->name : NULL);
		strbuf_addc(&b, ',');
		json_add(&b, "reservation", job_str(j, JS_RESERVATION));
		strbuf_addc(&b, '}');
		sep = ",";
	}
	strbuf_add(&b, "],");
	json_add(&b, "all_nodes_resume", effects_hostlist(c, out, wake));
	strbuf_addc(&b, '}');
	text = strbuf_take(&b);
	copy = arena_strdup(&out->mem, text);
	free(text);
	return copy;
}

/* ---- the three changes --------------------------------------------------- */

static void wake_node(struct core *c, struct node *n)
{
	n->power_time = c->now;
	node_move(c, n, (n->state & ~(uint32_t)(NODE_STATE_POWER_UP | NODE_STATE_POWERED_DOWN)) |
		  NODE_STATE_POWERING_UP | NODE_STATE_NO_RESPOND);
	node_dirty(c, n);
}

static void sleep_node(struct core *c, struct node *n)
{
	uint32_t clear = NODE_STATE_POWER_DOWN | NODE_STATE_POWERED_DOWN |
		NODE_STATE_NO_RESPOND | NODE_STATE_POWER_DRAIN;
	uint32_t base = n->state & NODE_STATE_BASE;

	/* It was drained to be powered down as soon as possible. */
	if (n->state & NODE_STATE_POWER_DOWN) {
		clear |= n->state & NODE_STATE_DRAIN;
		if (n->state & NODE_STATE_DRAIN && streq(n->reason, "POWER_DOWN_ASAP"))
			node_reason(c, n, NULL, NO_VAL, 0);
	}
	if (conf_option(c->conf->slurmctldparameters, "idle_on_node_suspend", NULL)) {
		base = NODE_STATE_IDLE;
		clear |= NODE_STATE_DRAIN | NODE_STATE_FAIL;
	}
	n->power_time = c->now;
	node_move(c, n, base | (n->state & ~NODE_STATE_BASE & ~clear) |
		  NODE_STATE_POWERING_DOWN);
	node_dirty(c, n);
}

void power_is_down(struct core *c, struct node *n)
{
	node_move(c, n, (n->state & ~(uint32_t)(NODE_STATE_INVALID_REG |
						NODE_STATE_POWERING_DOWN)) |
		  NODE_STATE_POWERED_DOWN);
	if (n->state & NODE_STATE_CLOUD) {
		node_set_str(&n->addr, n->name);
		node_set_str(&n->hostname, n->name);
	}
	n->last_busy = 0;
	n->power_time = 0;
	n->cpu_load = NO_VAL;
	n->free_mem_mb = NO_VAL64;
	node_dirty(c, n);
}

static void resume_failed(struct core *c, struct node *n, struct effects *out)
{
	effect_log(out, 3, "node %s not resumed by ResumeTimeout(%lld), setting DOWN and "
		   "POWERED_DOWN", n->name, (long long)timeout_of(c, n, true));
	node_move(c, n, (n->state & ~(uint32_t)(NODE_STATE_DRAIN | NODE_STATE_POWER_DOWN |
						NODE_STATE_POWERING_UP |
						NODE_STATE_NO_RESPOND)) |
		  NODE_STATE_POWERED_DOWN);
	node_down(c, n, "ResumeTimeout reached", out);
	n->last_busy = 0;
	n->power_time = 0;
	node_dirty(c, n);
}

/* ---- a look at all nodes -------------------------------------------------- */

struct look {
	struct core *c;
	struct bitset *keep, *wake, *rest, *failed;
	uint32_t wake_left, rest_left;
	int64_t next;
};

static void due(struct look *l, int64_t at)
{
	if (at <= l->c->now)
		at = l->c->now + 1;
	if (at < l->next)
		l->next = at;
}

static void try_wake(struct look *l, struct node *n)
{
	if (!(n->state & NODE_STATE_POWERED_DOWN) || n->state & NODE_STATE_POWERING_DOWN ||
	    !(n->state & NODE_STATE_POWER_UP || n->run_jobs))
		return;
	if (!l->wake_left) {
		due(l, 0);
		return;
	}
	token_spend(&l->c->power.resume, &l->wake_left);
	wake_node(l->c, n);
	bitset_set(l->wake, n->index);
}

static void try_rest(struct look *l, struct node *n)
{
	int64_t limit = power_idle_limit(l->c, n);

	if (!suspendable(n))
		return;
	if (!(n->state & NODE_STATE_POWER_DOWN)) {
		if (!n->last_busy || limit == INFINITE || limit == NO_VAL ||
		    n->state & NODE_STATE_POWERED_DOWN ||
		    bitset_test(l->keep, n->index) || state_excluded(l->c, n))
			return;
		if (n->last_busy + limit >= l->c->now) {
			due(l, n->last_busy + limit + 1);
			return;
		}
	}
	if (!l->rest_left) {
		due(l, 0);
		return;
	}
	token_spend(&l->c->power.suspend, &l->rest_left);
	sleep_node(l->c, n);
	bitset_set(l->rest, n->index);
}

static void look_at(struct look *l, struct node *n, struct effects *out)
{
	int64_t end;

	try_wake(l, n);
	try_rest(l, n);
	if (n->state & NODE_STATE_POWERING_DOWN) {
		end = n->power_time + timeout_of(l->c, n, false) + 1;
		if (end <= l->c->now)
			power_is_down(l->c, n);
		else
			due(l, end);
	}
	if (n->state & NODE_STATE_POWERING_UP && n->state & NODE_STATE_NO_RESPOND &&
	    n->power_time) {
		end = n->power_time + timeout_of(l->c, n, true) + 1;
		if (end <= l->c->now) {
			resume_failed(l->c, n, out);
			bitset_set(l->failed, n->index);
		} else {
			due(l, end);
		}
	}
}

static void run_programs(struct core *c, struct look *l, struct effects *out)
{
	struct effect *e;

	if (bitset_next(l->rest, 0) != UINT32_MAX) {
		e = program(c, out, c->conf->suspendprogram, l->rest);
		effect_log(out, 3, "power_save: suspending nodes %s", e->argv[1]);
	}
	if (bitset_next(l->wake, 0) != UINT32_MAX) {
		const char *json = resume_json(c, out, l->wake);

		e = program(c, out, c->conf->resumeprogram, l->wake);
		e->file = json;
		e->file_var = "SLURM_RESUME_FILE";
		effect_log(out, 3, "power_save: waking nodes %s", e->argv[1]);
	}
	if (bitset_next(l->failed, 0) != UINT32_MAX && c->conf->resumefailprogram)
		program(c, out, c->conf->resumefailprogram, l->failed);
}

void power_run(struct core *c, struct effects *out)
{
	struct look l = { .c = c, .next = c->now + EVERY_SEC };

	if (c->now < c->power.at || c->shutting_down)
		return;
	if (!power_enabled(c)) {
		c->power.at = NEVER;
		return;
	}
	l.wake_left = tokens(c, &c->power.resume, c->conf->resumerate);
	l.rest_left = tokens(c, &c->power.suspend, c->conf->suspendrate);
	l.keep = effects_bitset(out, c->node_count);
	l.wake = effects_bitset(out, c->node_count);
	l.rest = effects_bitset(out, c->node_count);
	l.failed = effects_bitset(out, c->node_count);
	keep_nodes(c, l.keep);
	keep_parts(c, l.keep);
	arena_reset(&c->scratch);
	for (uint32_t i = 0; i < c->node_count; i++)
		if ((c->node[i]->state & NODE_STATE_BASE) != NODE_STATE_FUTURE)
			look_at(&l, c->node[i], out);
	run_programs(c, &l, out);
	c->power.at = l.next;
}

void power_wanted(struct core *c)
{
	if (c->power.at > c->now && c->power.at != NEVER)
		c->power.at = c->now;
}

/* ---- configuration -------------------------------------------------------- */

static void set(char **where, const char *value)
{
	free(*where);
	*where = value && *value ? mem_strdup(value) : NULL;
}

void power_setup(struct core *c)
{
	bool enabled = power_enabled(c);

	set(&c->power.exc_nodes, c->conf->suspendexcnodes);
	set(&c->power.exc_parts, c->conf->suspendexcparts);
	set(&c->power.exc_states, c->conf->suspendexcstates);
	c->power.at = enabled ? c->now : NEVER;
	for (uint32_t i = 0; i < c->node_count; i++) {
		struct node *n = c->node[i];

		n->can_resume = enabled;
		/* Nobody would ever wake it. */
		if (!enabled && n->state & POWER_STATES && !(n->conf->state & POWER_STATES))
			node_move(c, n, n->state & ~(uint32_t)POWER_STATES);
	}
}

void power_free(struct core *c)
{
	free(c->power.exc_nodes);
	free(c->power.exc_parts);
	free(c->power.exc_states);
}

/* ---- requests ------------------------------------------------------------- */

enum { UPDATE_SET, UPDATE_ADD, UPDATE_REMOVE };

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool listed(const char *list, const char *item)
{
	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (word_is(p, strcspn(p, ","), item))
			return true;
	return false;
}

static uint32_t words(struct effects *out, const char *list, char **v, uint32_t n)
{
	char *copy = arena_strdup(&out->mem, list), *save = NULL;

	for (char *p = copy ? strtok_r(copy, ",", &save) : NULL; p;
	     p = strtok_r(NULL, ",", &save))
		v[n++] = p;
	return n;
}

/* Sorted, as stock's lists are after a change. */
static void list_change(struct effects *out, char **where, const char *text, uint32_t mode)
{
	size_t most = (*where ? strlen(*where) : 0) + strlen(text) + 2;
	char **v = arena_alloc(&out->mem, most * sizeof(*v));
	struct strbuf b = { 0 };
	uint32_t n = words(out, *where, v, 0);

	if (mode == UPDATE_ADD)
		n = words(out, text, v, n);
	qsort(v, n, sizeof(*v), by_name);
	for (uint32_t i = 0; i < n; i++) {
		if ((i && strcmp(v[i], v[i - 1]) == 0) ||
		    (mode == UPDATE_REMOVE && listed(text, v[i])))
			continue;
		strbuf_sep(&b, ",");
		strbuf_add(&b, v[i]);
	}
	free(*where);
	*where = b.len ? strbuf_take(&b) : NULL;
}

/* Node by node, so that n[1-4] less n2 is n[1,3-4]. */
static void nodes_change(struct core *c, struct effects *out, char **where, const char *text,
			 uint32_t mode)
{
	struct bitset *have = effects_bitset(out, c->node_count);
	struct bitset *named = effects_bitset(out, c->node_count);

	if (*where)
		nodes_parse(c, *where, have, NULL);
	nodes_parse(c, text, named, NULL);
	if (mode == UPDATE_ADD)
		bitset_or(have, named);
	else
		bitset_foreach(i, named)
			bitset_clear(have, i);
	set(where, effects_hostlist(c, out, have));
}

void rpc_suspend_exc(struct core *c, const struct event *ev, struct effects *out)
{
	const struct suspend_exc_update_msg *m = ev->body;
	bool nodes = ev->type == REQUEST_SET_SUSPEND_EXC_NODES;
	bool parts = ev->type == REQUEST_SET_SUSPEND_EXC_PARTS;
	char **where = nodes ? &c->power.exc_nodes : parts ? &c->power.exc_parts :
		&c->power.exc_states;
	const char *text = m->update_str ? m->update_str : "";

	if (nodes && m->mode != UPDATE_SET &&
	    (strchr(text, ':') || (*where && strchr(*where, ':')))) {
		effect_log(out, 2, "Append and remove from SuspendExcNodes with ':' is not "
			   "supported, assign it instead");
		effect_reply_rc(out, ev, E_INVALID_NODE_NAME);
		return;
	}
	if (m->mode == UPDATE_SET)
		set(where, text);
	else if (m->mode == UPDATE_ADD || m->mode == UPDATE_REMOVE) {
		if (nodes)
			nodes_change(c, out, where, text, m->mode);
		else
			list_change(out, where, text, m->mode);
	}
	effect_log(out, 3, "Setting %s to '%s'", nodes ? "SuspendExcNodes" :
		   parts ? "SuspendExcParts" : "SuspendExcStates", *where ? *where : "(null)");
	c->last_conf_update = c->now;
	power_wanted(c);
	effect_reply_rc(out, ev, E_OK);
}

/* ---- scontrol update nodename=... state=power_... ---------------------------- */

bool power_change_known(uint32_t want)
{
	switch (want) {
	case NODE_STATE_POWER_DOWN:
	case NODE_STATE_POWER_UP:
	case NODE_STATE_POWER_DOWN | NODE_STATE_POWER_UP:
	case NODE_STATE_POWER_DOWN | NODE_STATE_POWERED_DOWN:
	case NODE_STATE_POWER_DOWN | NODE_STATE_POWER_DRAIN:
		return true;
	default:
		return false;
	}
}

static void want_up(struct core *c, struct node *n)
{
	if (n->state & NODE_STATE_POWERED_DOWN)
		node_move(c, n, n->state | NODE_STATE_POWER_UP);
	else if (n->state & NODE_STATE_POWERING_UP)
		node_move(c, n, n->state | NODE_STATE_POWERED_DOWN | NODE_STATE_POWER_UP);
}

void power_change(struct core *c, struct node *n, uint32_t want, uint32_t uid,
		  struct effects *out)
{
	n->next_state = NO_VAL;
	power_wanted(c);
	if (want == NODE_STATE_POWER_UP) {
		want_up(c, n);
		return;
	}
	if (want & NODE_STATE_POWER_UP && n->state & NODE_STATE_POWERING_UP) {
		node_move(c, n, n->state & ~(uint32_t)NODE_STATE_POWERING_UP);
		return;
	}
	if (n->state & (NODE_STATE_REBOOT_REQUESTED | NODE_STATE_REBOOT_ISSUED)) {
		uint32_t base = n->state & NODE_STATE_BASE;

		if (n->state & NODE_STATE_REBOOT_ISSUED && base == NODE_STATE_DOWN)
			base = NODE_STATE_IDLE;
		node_move(c, n, base | (n->state & ~NODE_STATE_BASE &
					~(uint32_t)(NODE_STATE_REBOOT_REQUESTED |
						    NODE_STATE_REBOOT_ISSUED)));
		node_reason(c, n, NULL, NO_VAL, 0);
		effect_log(out, 3, "Canceling REBOOT on node %s", n->name);
	}
	if (n->state & NODE_STATE_POWERING_DOWN)
		return;
	effect_log(out, 3, "powering down node %s", n->name);
	/* Before its jobs go: they may not come back to it. */
	node_move(c, n, n->state | NODE_STATE_POWER_DOWN);
	if (want & NODE_STATE_POWERED_DOWN) {
		node_kill_jobs(c, n, out);
		node_move(c, n, n->state & ~(uint32_t)NODE_STATE_POWERING_UP);
	} else if (want & NODE_STATE_POWER_DRAIN) {
		node_drain(c, n, "POWER_DOWN_ASAP", uid);
	}
	if ((n->state & NODE_STATE_BASE) == NODE_STATE_DOWN)
		node_move(c, n, n->state & ~(uint32_t)NODE_STATE_POWERING_UP);
}
