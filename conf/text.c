/* SPDX-License-Identifier: Apache-2.0
 *
 * A configuration back to text that parses to the same again.  Keys are
 * printed as they were written; records from their members, so that a member
 * the parser got wrong shows. */
#include "conf/parse.h"

#include <inttypes.h>
#include <string.h>

#include "conf/value.h"
#include "wire/base/strbuf.h"

/* A value in quotes where it needs them; '\' and '#' are escaped.  A parsed
 * value has blanks or quotation marks, never both. */
static void value_add(struct strbuf *b, const char *s)
{
	bool quote = !*s || s[strcspn(s, " \t\r\n\v\f")];

	if (quote)
		strbuf_addc(b, '"');
	for (; *s; s++) {
		if (*s == '\\' || *s == '#')
			strbuf_addc(b, '\\');
		strbuf_addc(b, *s);
	}
	if (quote)
		strbuf_addc(b, '"');
}

static void word_str(struct strbuf *b, const char *name, const char *v)
{
	if (!v)
		return;
	strbuf_printf(b, " %s=", name);
	value_add(b, v);
}

/* Left out when it is what a missing word means. */
static void word_num(struct strbuf *b, const char *name, uint64_t v,
		     uint64_t unset)
{
	if (v == unset)
		return;
	if (v == CONF_INFINITE || v == CONF_INFINITE64)
		strbuf_printf(b, " %s=UNLIMITED", name);
	else
		strbuf_printf(b, " %s=%" PRIu64, name, v);
}

static void word_bool(struct strbuf *b, const char *name, bool v)
{
	if (v)
		strbuf_printf(b, " %s=YES", name);
}

static void word_minutes(struct strbuf *b, const char *name, uint32_t v,
			 uint32_t unset)
{
	if (v == CONF_INFINITE && v != unset)
		strbuf_printf(b, " %s=UNLIMITED", name);
	else if (v != unset)
		strbuf_printf(b, " %s=%u", name, v);
}

static void word_memory(struct strbuf *b, const char *node, const char *cpu,
			uint64_t v)
{
	if (v & CONF_MEM_PER_CPU)
		strbuf_printf(b, " %s=%" PRIu64, cpu, v & ~CONF_MEM_PER_CPU);
	else if (v)
		strbuf_printf(b, " %s=%" PRIu64, node, v);
}

static void word_cpu_bind(struct strbuf *b, uint32_t v)
{
	char sep = '=';

	if (!v)
		return;
	strbuf_add(b, " CpuBind");
	for (uint32_t i = 0; i < conf_names_cpubind.count; i++) {
		const struct conf_name *n = &conf_names_cpubind.v[i];

		if (!(v & n->set))
			continue;
		strbuf_printf(b, "%c%s", sep, n->name);
		sep = ',';
		v &= ~(uint32_t)n->set;
	}
}

static const char *node_state_word(uint32_t s)
{
	if (s & CONF_NODE_CLOUD)
		return "CLOUD";
	if (s & CONF_NODE_EXTERNAL)
		return "EXTERNAL";
	if (s & CONF_NODE_DRAIN)
		return "DRAIN";
	if (s & CONF_NODE_FAIL)
		return "FAIL";
	switch (s) {
	case CONF_NODE_DOWN:   return "DOWN";
	case CONF_NODE_IDLE:   return "IDLE";
	case 3:                return "ALLOCATED";
	case 4:                return "ERROR";
	case 5:                return "MIXED";
	case CONF_NODE_FUTURE: return "FUTURE";
	default:               return NULL;
	}
}

static void node_print(struct strbuf *b, const struct conf *c,
		       const struct conf_node *n)
{
	strbuf_printf(b, "NodeName=%s", n->name);
	if (!streq(n->hostname, n->name))
		word_str(b, "NodeHostname", n->hostname);
	if (!streq(n->addr, n->hostname))
		word_str(b, "NodeAddr", n->addr);
	word_str(b, "BcastAddr", n->bcast_addr);
	word_num(b, "Port", n->port, c->slurmdport);
	strbuf_printf(b, " CPUs=%u Sockets=%u", n->cpus, n->sockets);
	word_num(b, "Boards", n->boards, 1);
	word_num(b, "CoresPerSocket", n->cores, 1);
	word_num(b, "ThreadsPerCore", n->threads, 1);
	word_num(b, "RealMemory", n->real_memory_mb, 1);
	word_num(b, "TmpDisk", n->tmp_disk_mb, 0);
	word_num(b, "Weight", n->weight, 1);
	word_str(b, "Feature", n->features);
	word_str(b, "Gres", n->gres);
	word_str(b, "GresConf", n->gres_conf);
	word_str(b, "State", node_state_word(n->state));
	word_str(b, "Reason", n->reason);
	word_num(b, "CoreSpecCount", n->core_spec_cnt, 0);
	word_str(b, "CPUSpecList", n->cpu_spec_list);
	word_num(b, "MemSpecLimit", n->mem_spec_limit_mb, 0);
	word_num(b, "RestrictedCoresPerGPU", n->restricted_cores_per_gpu, 0);
	word_cpu_bind(b, n->cpu_bind);
	word_minutes(b, "SuspendTime", n->suspend_time_sec, CONF_NO_VAL);
	word_str(b, "Topology", n->topology);
	word_str(b, "TRESWeights", n->tres_weights);
	word_str(b, "Parameters", n->parameters);
	strbuf_addc(b, '\n');
}

static void share_print(struct strbuf *b, uint16_t v)
{
	if (v & CONF_SHARED_FORCE)
		strbuf_printf(b, " OverSubscribe=FORCE:%u",
			      v & ~CONF_SHARED_FORCE);
	else if (v == 0)
		strbuf_add(b, " OverSubscribe=EXCLUSIVE");
	else if (v > 1)
		strbuf_printf(b, " OverSubscribe=YES:%u", v);
}

static void preempt_print(struct strbuf *b, uint16_t v)
{
	char sep = '=';

	if (v == CONF_NO_VAL16)
		return;
	strbuf_add(b, " PreemptMode");
	if (!v)
		strbuf_add(b, "=OFF");
	for (uint32_t i = 0; i < conf_names_preempt.count; i++) {
		const struct conf_name *n = &conf_names_preempt.v[i];

		if (!(v & n->set))
			continue;
		strbuf_printf(b, "%c%s", sep, n->name);
		sep = ',';
		v &= (uint16_t)~n->set;
	}
}

static void part_limits_print(struct strbuf *b, const struct conf_part *p)
{
	word_minutes(b, "MaxTime", p->max_time_min, CONF_INFINITE);
	word_minutes(b, "DefaultTime", p->default_time_min, CONF_NO_VAL);
	word_num(b, "MaxNodes", p->max_nodes, CONF_INFINITE);
	word_num(b, "MinNodes", p->min_nodes, 0);
	word_num(b, "GraceTime", p->grace_time_sec, 0);
	word_num(b, "MaxCPUsPerNode", p->max_cpus_per_node, CONF_INFINITE);
	word_num(b, "MaxCPUsPerSocket", p->max_cpus_per_socket, CONF_INFINITE);
	word_memory(b, "DefMemPerNode", "DefMemPerCPU", p->def_mem_mb);
	word_memory(b, "MaxMemPerNode", "MaxMemPerCPU", p->max_mem_mb);
	word_num(b, "DefCPUPerGPU", p->def_cpu_per_gpu, CONF_NO_VAL64);
	word_num(b, "DefMemPerGPU", p->def_mem_per_gpu_mb, CONF_NO_VAL64);
	share_print(b, p->max_share);
	word_num(b, "OverTimeLimit", p->over_time_limit_min, CONF_NO_VAL16);
	preempt_print(b, p->preempt_mode);
	word_num(b, "PriorityJobFactor", p->priority_job_factor, 1);
	word_num(b, "PriorityTier", p->priority_tier, 1);
	word_num(b, "ResumeTimeout", p->resume_timeout_sec, CONF_NO_VAL16);
	word_num(b, "SuspendTimeout", p->suspend_timeout_sec, CONF_NO_VAL16);
	word_minutes(b, "SuspendTime", p->suspend_time_sec, CONF_NO_VAL);
}

static void part_print(struct strbuf *b, const struct conf *c,
		       const struct conf_part *p)
{
	static const char *const states[] = {"INACTIVE", "DOWN", "DRAIN", NULL};

	strbuf_printf(b, "PartitionName=%s", p->name);
	word_str(b, "Nodes", p->nodes_text);
	word_bool(b, "Default", p->is_default);
	word_bool(b, "Hidden", p->hidden);
	if (p->disable_root != c->disablerootjobs)
		strbuf_printf(b, " DisableRootJobs=%s",
			      p->disable_root ? "YES" : "NO");
	word_bool(b, "ExclusiveUser", p->exclusive_user);
	word_bool(b, "ExclusiveTopo", p->exclusive_topo);
	word_bool(b, "LLN", p->lln);
	word_bool(b, "RootOnly", p->root_only);
	word_bool(b, "ReqResv", p->req_resv);
	word_bool(b, "PowerDownOnIdle", p->power_down_on_idle);
	word_str(b, "AllowGroups", p->allow_groups);
	word_str(b, "AllowAccounts", p->allow_accounts);
	word_str(b, "DenyAccounts", p->deny_accounts);
	word_str(b, "AllowQos", p->allow_qos);
	word_str(b, "DenyQos", p->deny_qos);
	word_str(b, "AllocNodes", p->alloc_nodes);
	word_str(b, "Alternate", p->alternate);
	word_str(b, "QOS", p->qos);
	part_limits_print(b, p);
	if (p->cr_type)
		strbuf_printf(b, " SelectTypeParameters=CR_%s%s",
			      p->cr_type & CONF_SELECT_CORE ? "Core" : "Socket",
			      p->cr_type & CONF_SELECT_MEMORY ? "_Memory" : "");
	word_str(b, "State", states[p->state_up & 3]);
	word_cpu_bind(b, p->cpu_bind);
	word_str(b, "TRESBillingWeights", p->billing_weights);
	word_str(b, "Topology", p->topology);
	strbuf_addc(b, '\n');
}

static void hosts_print(struct strbuf *b, const struct conf *c)
{
	/* The old keys, where they were used, are printed as keys. */
	if (c->controlmachine && c->control_count &&
	    streq(c->control_hosts[0], c->controlmachine))
		return;
	for (uint32_t i = 0; i < c->control_count; i++) {
		strbuf_printf(b, "SlurmctldHost=%s", c->control_hosts[i]);
		if (!streq(c->control_hosts[i], c->control_addrs[i]))
			strbuf_printf(b, "(%s)", c->control_addrs[i]);
		strbuf_addc(b, '\n');
	}
}

static void keys_print(struct strbuf *b, const struct conf *c)
{
	for (uint32_t i = 0; i < conf_slurm_table.count; i++) {
		const struct conf_key *k = &conf_slurm_table.keys[i];
		const struct conf_strings *l;

		if (!c->origin[i].text)
			continue;
		if (k->type != CONF_LIST) {
			strbuf_printf(b, "%s=", k->name);
			value_add(b, c->origin[i].text);
			strbuf_addc(b, '\n');
			continue;
		}
		l = (const void *)((const char *)c + k->offset);
		for (uint32_t n = 0; n < l->count; n++) {
			strbuf_printf(b, "%s=", k->name);
			value_add(b, l->v[n]);
			strbuf_addc(b, '\n');
		}
	}
}

char *conf_print(const struct conf *c)
{
	struct strbuf b = {0};

	keys_print(&b, c);
	hosts_print(&b, c);
	for (uint32_t i = 0; i < c->power_action_count; i++) {
		strbuf_printf(&b, "PowerAction=%s Location=%s",
			      c->power_actions[i].name,
			      c->power_actions[i].on_slurmctld ? "slurmctld" :
			      "slurmd");
		word_str(&b, "Program", c->power_actions[i].program);
		strbuf_addc(&b, '\n');
	}
	for (uint32_t i = 0; i < c->node_count; i++)
		node_print(&b, c, &c->nodes[i]);
	for (uint32_t i = 0; i < c->downnodes_count; i++) {
		const char *state = node_state_word(c->downnodes[i].state);

		strbuf_add(&b, "DownNodes=");
		value_add(&b, c->downnodes[i].nodes);
		word_str(&b, "State", state ? state : "UNKNOWN");
		word_str(&b, "Reason", c->downnodes[i].reason);
		strbuf_addc(&b, '\n');
	}
	for (uint32_t i = 0; i < c->nodeset_count; i++) {
		strbuf_printf(&b, "NodeSet=%s", c->nodesets[i].name);
		word_str(&b, "Feature", c->nodesets[i].feature);
		word_str(&b, "Nodes", c->nodesets[i].nodes);
		strbuf_addc(&b, '\n');
	}
	for (uint32_t i = 0; i < c->part_count; i++)
		part_print(&b, c, &c->parts[i]);
	return strbuf_take(&b);
}
