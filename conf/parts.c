/* SPDX-License-Identifier: Apache-2.0
 *
 * NodeSet and PartitionName records to struct conf_part.  Old spellings
 * (Priority, Shared, ExclusiveUser) end up in the members of the new ones. */
#include "conf/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/value.h"
#include "wire/base/strbuf.h"

static void bad_word(struct parse *p, const struct record *r, int word)
{
	record_problem(p, r, true, "PartitionName=%s: bad value %s=%s", r->name,
		       line_word_name(LINE_PART, word), record_word(r, word));
}

static void lower(char *s)
{
	for (; s && *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* A list where ALL means that there is no limit. */
static char *list_or_all(struct parse *p, const struct record *r, int word)
{
	char *s = record_text(p, r, word);

	return s && strcasecmp(s, "ALL") == 0 ? NULL : s;
}

static void access_fill(struct parse *p, const struct record *r,
			struct conf_part *part)
{
	part->allow_groups = list_or_all(p, r, PART_AllowGroups);
	part->allow_accounts = list_or_all(p, r, PART_AllowAccounts);
	part->allow_qos = list_or_all(p, r, PART_AllowQos);
	part->alloc_nodes = list_or_all(p, r, PART_AllocNodes);
	part->deny_accounts = record_text(p, r, PART_DenyAccounts);
	part->deny_qos = record_text(p, r, PART_DenyQos);
	lower(part->allow_accounts);
	lower(part->allow_qos);
	if (part->allow_accounts && part->deny_accounts)
		record_problem(p, r, false, "PartitionName=%s: DenyAccounts is "
			       "ignored with AllowAccounts", r->name);
	else
		lower(part->deny_accounts);
	if (part->allow_qos && part->deny_qos)
		record_problem(p, r, false, "PartitionName=%s: DenyQos is "
			       "ignored with AllowQos", r->name);
	else
		lower(part->deny_qos);
	part->qos = record_text(p, r, PART_QOS);
	part->alternate = record_text(p, r, PART_Alternate);
}

/* xPerNode, else xPerCPU with its bit. */
static void memory_fill(struct parse *p, const struct record *r, int per_node,
			int per_cpu, uint64_t *out)
{
	uint64_t v;

	if (record_u64(p, r, per_node, out)) {
		if (record_word(r, per_cpu))
			record_problem(p, r, false, "PartitionName=%s: %s is "
				       "ignored with %s", r->name,
				       line_word_name(LINE_PART, per_cpu),
				       line_word_name(LINE_PART, per_node));
	} else if (record_u64(p, r, per_cpu, &v)) {
		*out = v | CONF_MEM_PER_CPU;
	}
}

static void minutes_fill(struct parse *p, const struct record *r, int word,
			 uint32_t *out)
{
	const char *s = record_word(r, word);

	if (s && !value_minutes(s, out))
		bad_word(p, r, word);
}

static void times_fill(struct parse *p, const struct record *r,
		       struct conf_part *part)
{
	part->max_time_min = CONF_INFINITE;
	part->default_time_min = CONF_NO_VAL;
	minutes_fill(p, r, PART_MaxTime, &part->max_time_min);
	minutes_fill(p, r, PART_DefaultTime, &part->default_time_min);
	if (part->default_time_min != CONF_NO_VAL &&
	    part->default_time_min > part->max_time_min) {
		record_problem(p, r, false, "PartitionName=%s: DefaultTime "
			       "exceeds MaxTime, ignored", r->name);
		part->default_time_min = CONF_NO_VAL;
	}
	record_u32(p, r, PART_GraceTime, &part->grace_time_sec);
	part->resume_timeout_sec = part->suspend_timeout_sec = CONF_NO_VAL16;
	record_u16(p, r, PART_ResumeTimeout, &part->resume_timeout_sec);
	record_u16(p, r, PART_SuspendTimeout, &part->suspend_timeout_sec);
	part->suspend_time_sec = CONF_NO_VAL;
	/* This one does not come from PartitionName=DEFAULT. */
	if (r->own[PART_SuspendTime])
		record_suspend(p, r, PART_SuspendTime, &part->suspend_time_sec);
}

static void over_time_fill(struct parse *p, const struct record *r,
			   struct conf_part *part)
{
	const char *s = record_word(r, PART_OverTimeLimit);
	uint64_t v;

	part->over_time_limit_min = CONF_NO_VAL16;
	if (!s)
		return;
	if (value_number(s, CONF_INFINITE, &v))
		record_problem(p, r, false, "PartitionName=%s: bad "
			       "OverTimeLimit=%s, ignored", r->name, s);
	else
		part->over_time_limit_min = v > CONF_NO_VAL16 ?
					    CONF_INFINITE16 : (uint16_t)v;
}

static uint16_t share_count(struct parse *p, const struct record *r,
			    const char *s, long least, uint16_t flag)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (end != s && !*end && n >= least && n < CONF_SHARED_FORCE)
		return (uint16_t)n | flag;
	record_problem(p, r, false, "PartitionName=%s: bad OverSubscribe "
		       "count '%s', using NO", r->name, s);
	return 1;
}

static bool share_parse(struct parse *p, const struct record *r, const char *s,
			uint16_t *out)
{
	if (strcasecmp(s, "NO") == 0)
		*out = 1;
	else if (strcasecmp(s, "EXCLUSIVE") == 0)
		*out = 0;
	else if (strcasecmp(s, "YES") == 0)
		*out = 4;
	else if (strcasecmp(s, "FORCE") == 0)
		*out = 4 | CONF_SHARED_FORCE;
	else if (strncasecmp(s, "YES:", 4) == 0)
		*out = share_count(p, r, s + 4, 2, 0);
	else if (strncasecmp(s, "FORCE:", 6) == 0)
		*out = share_count(p, r, s + 6, 1, CONF_SHARED_FORCE);
	else
		return false;
	return true;
}

/* Exclusive=NO|NODE|USER|TOPO replaces ExclusiveUser, ExclusiveTopo and
 * OverSubscribe=EXCLUSIVE from 26.05 on. */
static void exclusive_fill(struct parse *p, const struct record *r,
			   struct conf_part *part)
{
	const char *s = record_word(r, PART_Exclusive);

	if (part->exclusive_user && part->exclusive_topo) {
		record_problem(p, r, false, "PartitionName=%s: ExclusiveUser "
			       "is ignored with ExclusiveTopo", r->name);
		part->exclusive_user = false;
	}
	if (!s)
		return;
	part->exclusive_user = strcasecmp(s, "USER") == 0;
	part->exclusive_topo = strcasecmp(s, "TOPO") == 0;
	if (strcasecmp(s, "NO") == 0 || strcasecmp(s, "NONE") == 0) {
		if (!part->max_share)
			part->max_share = 1;
	} else if (part->exclusive_topo || strcasecmp(s, "NODE") == 0) {
		part->max_share = 0;
	} else if (!part->exclusive_user) {
		bad_word(p, r, PART_Exclusive);
	}
}

static void share_fill(struct parse *p, const struct record *r,
		       struct conf_part *part)
{
	int word = record_word(r, PART_OverSubscribe) ? PART_OverSubscribe :
		   PART_Shared;
	const char *s = record_word(r, word);

	part->max_share = part->exclusive_topo ? 0 : 1;
	if (s && !share_parse(p, r, s, &part->max_share))
		bad_word(p, r, word);
	exclusive_fill(p, r, part);
}

/* Bits that only the line itself can set are read without the default. */
static void own_bool(struct parse *p, const struct record *r, int word,
		     bool *out)
{
	if (r->own[word])
		record_bool(p, r, word, out);
}

static void flags_fill(struct parse *p, const struct record *r,
		       struct conf_part *part)
{
	part->disable_root = p->c->disablerootjobs;
	own_bool(p, r, PART_DisableRootJobs, &part->disable_root);
	own_bool(p, r, PART_ExclusiveUser, &part->exclusive_user);
	own_bool(p, r, PART_ExclusiveTopo, &part->exclusive_topo);
	own_bool(p, r, PART_PowerDownOnIdle, &part->power_down_on_idle);
	record_bool(p, r, PART_Default, &part->is_default);
	record_bool(p, r, PART_Hidden, &part->hidden);
	record_bool(p, r, PART_RootOnly, &part->root_only);
	record_bool(p, r, PART_ReqResv, &part->req_resv);
	record_bool(p, r, PART_LLN, &part->lln);
}

static void preempt_fill(struct parse *p, const struct record *r,
			 struct conf_part *part)
{
	const char *s = record_word(r, PART_PreemptMode), *bad;
	uint64_t bits;
	int len;

	part->preempt_mode = CONF_NO_VAL16;
	if (!s)
		return;
	if (!conf_names_parse(&conf_names_preempt, s, &bits, &bad, &len)) {
		bad_word(p, r, PART_PreemptMode);
		return;
	}
	if (bits & CONF_PREEMPT_GANG) {
		record_problem(p, r, false, "PartitionName=%s: PreemptMode=GANG "
			       "is for the whole cluster, ignored", r->name);
		bits &= ~(uint64_t)CONF_PREEMPT_GANG;
	}
	part->preempt_mode = (uint16_t)bits;
}

static void select_fill(struct parse *p, const struct record *r,
			struct conf_part *part)
{
	static const struct {
		const char *word;
		uint16_t bits;
	} types[] = {
		{"CR_Core_Memory", CONF_SELECT_CORE | CONF_SELECT_MEMORY},
		{"CR_Core", CONF_SELECT_CORE},
		{"CR_Socket_Memory", CONF_SELECT_SOCKET | CONF_SELECT_MEMORY},
		{"CR_Socket", CONF_SELECT_SOCKET},
	};
	const char *s = r->own[PART_SelectTypeParameters];

	for (size_t i = 0; s && i < sizeof(types) / sizeof(*types); i++) {
		if (strncasecmp(s, types[i].word, strlen(types[i].word)) == 0) {
			part->cr_type = types[i].bits;
			return;
		}
	}
	if (s)
		bad_word(p, r, PART_SelectTypeParameters);
}

static void state_fill(struct parse *p, const struct record *r,
		       struct conf_part *part)
{
	const char *s = record_word(r, PART_State);

	part->state_up = CONF_PART_UP;
	for (uint32_t i = 0; s && i < conf_names_partstate.count; i++) {
		const struct conf_name *n = &conf_names_partstate.v[i];

		if (strncasecmp(s, n->name, strlen(n->name)) == 0) {
			part->state_up = (uint16_t)n->set;
			return;
		}
	}
	if (s)
		bad_word(p, r, PART_State);
}

static void priority_fill(struct parse *p, const struct record *r,
			  struct conf_part *part)
{
	uint16_t both;

	part->priority_job_factor = part->priority_tier = 1;
	record_u16(p, r, PART_PriorityJobFactor, &part->priority_job_factor);
	record_u16(p, r, PART_PriorityTier, &part->priority_tier);
	if (record_u16(p, r, PART_Priority, &both))
		part->priority_job_factor = part->priority_tier = both;
}

static void job_defaults_fill(struct parse *p, const struct record *r,
			      struct conf_part *part)
{
	struct strbuf b = {0};

	part->def_cpu_per_gpu = part->def_mem_per_gpu_mb = CONF_NO_VAL64;
	if (record_u64(p, r, PART_DefCPUPerGPU, &part->def_cpu_per_gpu))
		strbuf_printf(&b, "DefCpuPerGPU=%llu",
			      (unsigned long long)part->def_cpu_per_gpu);
	if (record_u64(p, r, PART_DefMemPerGPU, &part->def_mem_per_gpu_mb)) {
		strbuf_sep(&b, ",");
		strbuf_printf(&b, "DefMemPerGPU=%llu",
			      (unsigned long long)part->def_mem_per_gpu_mb);
	}
	if (b.len)
		part->job_defaults = arena_strdup(&p->c->mem, b.s);
	strbuf_fini(&b);
}

static void limits_fill(struct parse *p, const struct record *r,
			struct conf_part *part)
{
	part->max_nodes = CONF_INFINITE;
	part->max_cpus_per_node = part->max_cpus_per_socket = CONF_INFINITE;
	record_u32(p, r, PART_MaxNodes, &part->max_nodes);
	record_u32(p, r, PART_MinNodes, &part->min_nodes);
	record_u32(p, r, PART_MaxCPUsPerNode, &part->max_cpus_per_node);
	record_u32(p, r, PART_MaxCPUsPerSocket, &part->max_cpus_per_socket);
	memory_fill(p, r, PART_DefMemPerNode, PART_DefMemPerCPU,
		    &part->def_mem_mb);
	memory_fill(p, r, PART_MaxMemPerNode, PART_MaxMemPerCPU,
		    &part->max_mem_mb);
}

/* ---- nodes of a partition ---- */

static const struct conf_nodeset *nodeset_find(const struct conf *c,
					       const char *name)
{
	for (uint32_t i = 0; i < c->nodeset_count; i++)
		if (streq(c->nodesets[i].name, name))
			return &c->nodesets[i];
	return NULL;
}

static bool has_feature(const char *features, const char *feature)
{
	size_t n = strlen(feature);

	for (const char *s = features; s && *s;) {
		size_t len = strcspn(s, ",");

		if (len == n && memcmp(s, feature, n) == 0)
			return true;
		s += len;
		s += *s == ',';
	}
	return false;
}

static void set_used(struct strbuf *used, const char *name)
{
	if (!used)
		return;
	strbuf_sep(used, ",");
	strbuf_add(used, name);
}

/* Mark the nodes of an expression: names, ALL, and, unless used is NULL (a
 * set does not contain sets), names of node sets, which go to used. */
static void nodes_mark(struct parse *p, const struct record *r,
		       const char *expr, bool *in, struct strbuf *used)
{
	const struct conf *c = p->c;
	struct arena mem = {0};
	struct err_text why;
	char **names;
	uint32_t count;

	if (hostlist_expand(expr, &mem, &names, &count, &why)) {
		record_problem(p, r, true, "%s=%s: Nodes=%s: %s",
			       line_kind_name(r->kind), r->name, expr,
			       why.text);
		arena_fini(&mem);
		return;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint32_t at = nodes_index(c, names[i]);
		const struct conf_nodeset *set = used && at == UINT32_MAX ?
						 nodeset_find(c, names[i]) :
						 NULL;

		if (at != UINT32_MAX) {
			in[at] = true;
		} else if (set) {
			set_used(used, names[i]);
			for (uint32_t k = 0; set->feature && k < c->node_count; k++)
				in[k] |= has_feature(c->nodes[k].features,
						     set->feature);
			if (set->nodes)
				nodes_mark(p, r, set->nodes, in, NULL);
		} else if (strcasecmp(names[i], "ALL") == 0) {
			memset(in, true, c->node_count * sizeof(*in));
			set_used(used, "ALL");
		} else {
			record_problem(p, r, true, "%s=%s: no such node %s",
				       line_kind_name(r->kind), r->name,
				       names[i]);
		}
	}
	arena_fini(&mem);
}

static void nodes_fill(struct parse *p, const struct record *r,
		       struct conf_part *part)
{
	struct conf *c = p->c;
	bool *in = mem_zalloc((c->node_count + 1) * sizeof(*in));
	struct strbuf b = {0}, used = {0};

	part->nodes_text = record_text(p, r, PART_Nodes);
	for (char *s = part->nodes_text; s && *s; s++)
		if (isspace((unsigned char)*s))
			*s = ',';
	if (part->nodes_text)
		nodes_mark(p, r, part->nodes_text, in, &used);
	part->node_index = arena_alloc(&c->mem, (c->node_count + 1) *
				       sizeof(*part->node_index));
	for (uint32_t i = 0; i < c->node_count; i++) {
		if (!in[i])
			continue;
		part->node_index[part->node_count++] = i;
		strbuf_sep(&b, ",");
		strbuf_add(&b, c->nodes[i].name);
	}
	part->nodes = arena_strdup(&c->mem, b.s ? b.s : "");
	if (used.len)
		part->nodesets = arena_strdup(&c->mem, used.s);
	strbuf_fini(&used);
	strbuf_fini(&b);
	free(in);
}

static void part_fill(struct parse *p, const struct record *r,
		      struct conf_part *part)
{
	memset(part, 0, sizeof(*part));
	part->name = arena_strdup(&p->c->mem, r->name);
	access_fill(p, r, part);
	limits_fill(p, r, part);
	times_fill(p, r, part);
	over_time_fill(p, r, part);
	flags_fill(p, r, part);
	share_fill(p, r, part);
	preempt_fill(p, r, part);
	priority_fill(p, r, part);
	select_fill(p, r, part);
	state_fill(p, r, part);
	job_defaults_fill(p, r, part);
	nodes_fill(p, r, part);
	part->cpu_bind = record_cpu_bind(p, r, PART_CpuBind);
	part->billing_weights = record_text(p, r, PART_TRESBillingWeights);
	part->topology = record_text(p, r, PART_Topology);
}

static void part_build(struct parse *p, const struct record *r)
{
	struct conf *c = p->c;
	struct conf_part *part = &c->parts[c->part_count];

	for (uint32_t i = 0; i < c->part_count; i++)
		if (streq(c->parts[i].name, r->name))
			record_problem(p, r, true,
				       "PartitionName=%s appears twice",
				       r->name);
	part_fill(p, r, part);
	for (uint32_t i = 0; part->is_default && i < c->part_count; i++) {
		if (!c->parts[i].is_default)
			continue;
		record_problem(p, r, false, "the default partition changes "
			       "from %s to %s", c->parts[i].name, part->name);
		c->parts[i].is_default = false;
	}
	c->part_count++;
}

static void nodeset_build(struct parse *p, const struct record *r)
{
	struct conf *c = p->c;
	struct conf_nodeset *set = &c->nodesets[c->nodeset_count];

	if (nodes_index(c, r->name) != UINT32_MAX)
		record_problem(p, r, true, "NodeSet=%s is also the name of a "
			       "node", r->name);
	if (nodeset_find(c, r->name))
		record_problem(p, r, true, "NodeSet=%s appears twice", r->name);
	set->name = arena_strdup(&c->mem, r->name);
	set->feature = record_text(p, r, NODESET_Feature);
	set->nodes = record_text(p, r, NODESET_Nodes);
	c->nodeset_count++;
}

void parts_build(struct parse *p)
{
	struct conf *c = p->c;

	c->nodesets = arena_alloc(&c->mem, (p->record_count + 1) *
				  sizeof(*c->nodesets));
	c->parts = arena_alloc(&c->mem, (p->record_count + 1) *
			       sizeof(*c->parts));
	for (uint32_t i = 0; i < p->record_count; i++)
		if (p->records[i].kind == LINE_NODESET)
			nodeset_build(p, &p->records[i]);
	for (uint32_t i = 0; i < p->record_count; i++)
		if (p->records[i].kind == LINE_PART)
			part_build(p, &p->records[i]);
}
