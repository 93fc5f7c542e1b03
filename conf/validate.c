/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules between keys, and the members of struct conf that follow from keys:
 * the list of controllers, users, flags, old spellings.  What stock refuses
 * to start with is fatal here, what it mends is mended with a warning. */
#include "conf/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "conf/value.h"

#define ORIGIN(p, key) (&(p)->c->origin[CONF_KEY_##key])
#define GIVEN(p, key)  (ORIGIN(p, key)->text != NULL)
#define PROBLEM(p, key, fatal, ...) \
	parse_problem_at(p, ORIGIN(p, key)->file, ORIGIN(p, key)->line, \
			 fatal, __VA_ARGS__)

static bool contains(const char *list, const char *word)
{
	return list && strcasestr(list, word);
}

/* ---- controllers ---- */

static void control_add(struct parse *p, char *host, char *addr)
{
	struct conf *c = p->c;
	uint32_t n = c->control_count;
	char name[256];

	/* "localhost" is this host; its address stays what was written. */
	if (strcasecmp(host, "localhost") == 0 &&
	    gethostname(name, sizeof(name)) == 0) {
		name[sizeof(name) - 1] = '\0';
		name[strcspn(name, ".")] = '\0';
		host = arena_strdup(&c->mem, name);
	}
	for (uint32_t i = 0; i < n; i++)
		if (streq(c->control_hosts[i], host))
			parse_problem_at(p, c->path, 0, true,
					 "SlurmctldHost=%s appears twice",
					 host);
	c->control_hosts[n] = host;
	c->control_addrs[n] = addr;
	c->control_count = n + 1;
}

/* "host" or "host(addr)". */
static void control_record(struct parse *p, const struct record *r)
{
	char *host = arena_strdup(&p->c->mem, r->name);
	char *open = strchr(host, '('), *close = strchr(host, ')');

	if (!open && !close && *host) {
		control_add(p, host, host);
		return;
	}
	if (!open || !close || close < open || close[1] || open == host) {
		record_problem(p, r, true, "bad value SlurmctldHost=%s",
			       r->name);
		return;
	}
	*open = *close = '\0';
	control_add(p, host, open + 1);
}

static void control_legacy(struct parse *p)
{
	struct conf *c = p->c;

	if (!c->controlmachine) {
		parse_problem_at(p, c->path, 0, true, "no SlurmctldHost given");
		return;
	}
	if (strchr(c->controlmachine, ',') && !c->controladdr)
		PROBLEM(p, controlmachine, true, "ControlMachine has several "
			"names, so ControlAddr must be given");
	control_add(p, c->controlmachine,
		    c->controladdr ? c->controladdr : c->controlmachine);
	if (c->backupcontroller)
		control_add(p, c->backupcontroller, c->backupaddr ?
			    c->backupaddr : c->backupcontroller);
	else if (c->backupaddr)
		PROBLEM(p, backupaddr, true,
			"BackupAddr given without BackupController");
}

static void control_build(struct parse *p)
{
	struct conf *c = p->c;
	uint32_t hosts = 0;

	for (uint32_t i = 0; i < p->record_count; i++)
		hosts += p->records[i].kind == LINE_HOST;
	c->control_hosts = arena_zalloc(&c->mem, (hosts + 3) * sizeof(char *));
	c->control_addrs = arena_zalloc(&c->mem, (hosts + 3) * sizeof(char *));
	if (!hosts) {
		control_legacy(p);
		return;
	}
	for (uint32_t i = 0; i < p->record_count; i++)
		if (p->records[i].kind == LINE_HOST)
			control_record(p, &p->records[i]);
#define IGNORED(key, name) \
	if (GIVEN(p, key)) \
		PROBLEM(p, key, false, name " is ignored with SlurmctldHost")
	IGNORED(controlmachine, "ControlMachine");
	IGNORED(controladdr, "ControlAddr");
	IGNORED(backupcontroller, "BackupController");
	IGNORED(backupaddr, "BackupAddr");
#undef IGNORED
}

static void power_actions_build(struct parse *p)
{
	struct conf *c = p->c;

	c->power_actions = arena_alloc(&c->mem, (p->record_count + 1) *
				       sizeof(*c->power_actions));
	for (uint32_t i = 0; i < p->record_count; i++) {
		const struct record *r = &p->records[i];
		struct conf_power_action *a =
			&c->power_actions[c->power_action_count];
		const char *where;

		if (r->kind != LINE_POWER)
			continue;
		where = record_word(r, POWER_Location);
		a->name = arena_strdup(&c->mem, r->name);
		a->program = record_text(p, r, POWER_Program);
		a->on_slurmctld = where && strcasecmp(where, "slurmctld") == 0;
		if (!where || (!a->on_slurmctld &&
			       strcasecmp(where, "slurmd") != 0))
			record_problem(p, r, true, "PowerAction=%s needs "
				       "Location=slurmctld or slurmd", r->name);
		else if (!a->program || a->program[0] != '/')
			record_problem(p, r, true, "PowerAction=%s needs "
				       "Program= with a full path", r->name);
		else
			c->power_action_count++;
	}
}

/* ---- users and names ---- */

static void user_resolve(struct parse *p, const char *name,
			 const struct conf_origin *o, const char *key,
			 uid_t *uid)
{
	uint64_t n;

	if (isdigit((unsigned char)name[0]) &&
	    !value_number(name, CONF_NO_VAL, &n)) {
		*uid = (uid_t)n;
		return;
	}
	if (!p->reader->uid(p->reader->ctx, name, uid))
		parse_problem_at(p, o->file, o->line, true,
				 "%s=%s: no such user", key, name);
}

static void names_resolve(struct parse *p)
{
	struct conf *c = p->c;

	if (!c->clustername || !*c->clustername)
		parse_problem_at(p, c->path, 0, true, "no ClusterName given");
	for (char *s = c->clustername; s && *s; s++)
		*s = (char)tolower((unsigned char)*s);
	user_resolve(p, c->slurmuser, ORIGIN(p, slurmuser), "SlurmUser",
		     &c->slurm_uid);
	user_resolve(p, c->slurmduser, ORIGIN(p, slurmduser), "SlurmdUser",
		     &c->slurmd_uid);
}

/* ---- old spellings ---- */

static char *replaced(struct arena *mem, const char *s, const char *from,
		      const char *to)
{
	const char *at = s ? strcasestr(s, from) : NULL;

	if (!at)
		return (char *)(uintptr_t)s;
	return arena_printf(mem, "%.*s%s%s", (int)(at - s), s, to,
			    at + strlen(from));
}

/* Move a word of TopologyParam to CommunicationParameters. */
static void topology_move(struct conf *c, const char *word)
{
	if (!contains(c->topologyparam, word) ||
	    contains(c->communicationparameters, word))
		return;
	c->communicationparameters = arena_printf(&c->mem, "%s%s%s",
		c->communicationparameters ? c->communicationparameters : "",
		c->communicationparameters ? "," : "", word);
}

static void spellings_move(struct parse *p)
{
	struct conf *c = p->c;

	if (!c->bcastparameters && c->sbcastparameters) {
		c->bcastparameters = c->sbcastparameters;
		PROBLEM(p, sbcastparameters, false,
			"SbcastParameters is now BcastParameters");
	}
	if (!GIVEN(p, acctgatherinterconnecttype))
		c->acctgatherinterconnecttype = c->acctgatherinfinibandtype;
	c->acctgatherinterconnecttype =
		replaced(&c->mem, c->acctgatherinterconnecttype, "infiniband",
			 "interconnect");
	c->acctgatherenergytype = replaced(&c->mem, c->acctgatherenergytype,
					   "rsmi", "gpu");
	if (!GIVEN(p, credtype) && c->cryptotype)
		c->credtype = replaced(&c->mem, c->cryptotype, "crypto",
				       "cred");
	if (!GIVEN(p, namespacetype))
		c->namespacetype = c->jobcontainertype;
	topology_move(c, "NoInAddrAny");
	topology_move(c, "NoCtldInAddrAny");
	if (contains(c->routeplugin, "tree"))
		c->topologyparam = arena_printf(&c->mem, "%s%sRouteTree",
			c->topologyparam ? c->topologyparam : "",
			c->topologyparam ? "," : "");
	if (c->topologyplugin && (contains(c->topologyplugin, "none") ||
				  contains(c->topologyplugin, "default")))
		c->topologyplugin = arena_strdup(&c->mem, "topology/flat");
	if (!GIVEN(p, prologtimeout))
		c->prologtimeout = c->prologepilogtimeout;
	if (!GIVEN(p, epilogtimeout))
		c->epilogtimeout = c->prologepilogtimeout;
}

static void schedule_check(struct parse *p)
{
	if (GIVEN(p, fastschedule) && p->c->fastschedule == 2)
		PROBLEM(p, fastschedule, false, "FastSchedule=2 is now "
			"SlurmdParameters=config_overrides");
}

/* ---- flags ---- */

static uint32_t option_flag(const char *list, const char *word, uint32_t flag)
{
	return contains(list, word) ? flag : 0;
}

static void flags_build(struct parse *p)
{
	struct conf *c = p->c;
	const char *comm = c->communicationparameters;
	const char *slurmd = c->slurmdparameters;
	uint32_t f = c->accountingstoreflags;

	f |= option_flag(slurmd, "config_override", CONF_FLAG_OVERRIDES);
	if (contains(slurmd, "l3cache_as_socket"))
		f |= CONF_FLAG_L3_SOCKET;
	else
		f |= option_flag(slurmd, "numa_node_as_socket",
				 CONF_FLAG_NUMA_SOCKET);
	f |= option_flag(slurmd, "allow_ecores", CONF_FLAG_ECORES);
	f |= option_flag(slurmd, "shutdown_on_reboot",
			 CONF_FLAG_SHUTDOWN_REBOOT);
	f |= option_flag(slurmd, "contain_spank", CONF_FLAG_CONTAIN_SPANK);
	f |= option_flag(comm, "EnableIPv6", CONF_FLAG_IPV6);
	f |= option_flag(comm, "disable_http", CONF_FLAG_NO_HTTP);
	f |= option_flag(c->slurmctldparameters, "health_check_report",
			 CONF_FLAG_HEALTH_REPORT);
	if (!contains(comm, "DisableIPv4"))
		f |= CONF_FLAG_IPV4;
	if (!(f & (CONF_FLAG_IPV4 | CONF_FLAG_IPV6)))
		PROBLEM(p, communicationparameters, true,
			"both IPv4 and IPv6 are disabled");
	if (c->accountingstorejobcomment)
		f |= CONF_FLAG_STORE_COMMENT;
	if (c->disablerootjobs)
		f |= CONF_FLAG_NO_ROOT_JOBS;
	if (c->allowspecresourcesusage)
		f |= CONF_FLAG_SPEC_RESOURCES;
	if (c->usepam)
		f |= CONF_FLAG_PAM;
	/* Enforcing them is tracking them. */
	if (c->trackwckey || c->accountingstorageenforce & 0x4)
		f |= CONF_FLAG_WCKEY;
	c->conf_flags = f;
	c->config_overrides = f & CONF_FLAG_OVERRIDES;
}

static void memory_build(struct parse *p)
{
	struct conf *c = p->c;

#define MEMORY(out, node, cpu, node_name, cpu_name) \
	if (GIVEN(p, node)) { \
		out = c->node; \
		if (GIVEN(p, cpu)) \
			PROBLEM(p, cpu, false, cpu_name " is ignored with " \
				node_name); \
	} else if (GIVEN(p, cpu)) { \
		out = c->cpu | CONF_MEM_PER_CPU; \
	}
	MEMORY(c->def_mem_mb, defmempernode, defmempercpu, "DefMemPerNode",
	       "DefMemPerCPU")
	MEMORY(c->max_mem_mb, maxmempernode, maxmempercpu, "MaxMemPerNode",
	       "MaxMemPerCPU")
#undef MEMORY
}

/* ---- rules ---- */

static void preempt_check(struct parse *p)
{
	struct conf *c = p->c;
	uint16_t mode = c->preemptmode;
	uint16_t what = mode & (CONF_PREEMPT_SUSPEND | CONF_PREEMPT_REQUEUE |
				CONF_PREEMPT_CANCEL);

	if (what & (what - 1) ||
	    (mode & CONF_PREEMPT_GANG &&
	     mode & (CONF_PREEMPT_WITHIN | CONF_PREEMPT_PRIORITY)))
		PROBLEM(p, preemptmode, true,
			"PreemptMode combines what excludes each other");
	else if (mode == CONF_PREEMPT_SUSPEND)
		PROBLEM(p, preemptmode, true,
			"PreemptMode=SUSPEND requires GANG too");
	else if (!c->preempttype && mode & ~CONF_PREEMPT_GANG)
		PROBLEM(p, preemptmode, true,
			"PreemptMode needs a PreemptType");
	else if (c->preempttype && !what &&
		 (streq(c->preempttype, "preempt/qos") ||
		  streq(c->preempttype, "preempt/partition_prio")))
		PROBLEM(p, preempttype, true,
			"PreemptType needs a PreemptMode");
}

static void jobs_check(struct parse *p)
{
	struct conf *c = p->c;

	if (c->maxjobid > 0x03ffffff) {
		PROBLEM(p, maxjobid, false,
			"MaxJobId is too large, using 67108863");
		c->maxjobid = 0x03ffffff;
	}
	if (c->firstjobid > c->maxjobid)
		PROBLEM(p, firstjobid, true, "FirstJobId > MaxJobId");
	else if (c->maxjobcount > c->maxjobid - c->firstjobid + 1)
		c->maxjobcount = c->maxjobid - c->firstjobid + 1;
	if (GIVEN(p, maxdbdmsgs) && c->maxdbdmsgs < 10000)
		PROBLEM(p, maxdbdmsgs, true, "MaxDBDMsgs is below 10000");
	if (c->minjobage < 2) {
		PROBLEM(p, minjobage, false, "MinJobAge must be at least 2");
		c->minjobage = 2;
	}
	if (c->jobrequeue > 1)
		c->jobrequeue = 1;
	if (GIVEN(p, maxnodecount)) {
		if (c->maxnodecount > 65536)
			PROBLEM(p, maxnodecount, true,
				"MaxNodeCount is above 65536");
		if (!contains(c->selecttype, "cons_tres"))
			PROBLEM(p, maxnodecount, true,
				"MaxNodeCount needs select/cons_tres");
	}
}

static void times_check(struct parse *p)
{
	struct conf *c = p->c;
	uint32_t least = c->messagetimeout * 5u;

	if (c->messagetimeout > 100)
		PROBLEM(p, messagetimeout, false, "MessageTimeout is too high "
			"for effective fault-tolerance");
	if (c->schedulertimeslice < 5) {
		PROBLEM(p, schedulertimeslice, false,
			"SchedulerTimeSlice must be at least 5, using 30");
		c->schedulertimeslice = 30;
	}
	if (c->epilogmsgtime > 100000) {
		PROBLEM(p, epilogmsgtime, false,
			"EpilogMsgTime is above 100000, using 2000");
		c->epilogmsgtime = 2000;
	}
	if (!GIVEN(p, unkillablesteptimeout)) {
		c->unkillablesteptimeout = (uint16_t)(least < 60 ? 60 :
			least > UINT16_MAX ? UINT16_MAX : least);
	} else if (c->unkillablesteptimeout < least) {
		PROBLEM(p, unkillablesteptimeout, false, "UnkillableStepTimeout "
			"should be 5 times MessageTimeout");
	}
	if (c->treewidth == 0) {
		PROBLEM(p, treewidth, false, "TreeWidth=0 is invalid");
		c->treewidth = 16;
	}
	if (!c->prioritydecayhalflife && !c->priorityusageresetperiod)
		PROBLEM(p, prioritydecayhalflife, true, "PriorityDecayHalfLife=0 "
			"needs a PriorityUsageResetPeriod");
	if (!GIVEN(p, keepalivetime))
		return;
	if (c->keepalivetime > INT32_MAX) {
		PROBLEM(p, keepalivetime, false, "KeepAliveTime is too large, "
			"ignored");
		c->keepalivetime = CONF_NO_VAL;
	} else {
		PROBLEM(p, keepalivetime, false, "KeepAliveTime is now a word "
			"of CommunicationParameters");
	}
}

static void plugins_check(struct parse *p)
{
	struct conf *c = p->c;

	if (c->mcsparameters && !c->mcsplugin)
		PROBLEM(p, mcsparameters, !GIVEN(p, mcsplugin),
			"MCSParameters without MCSPlugin");
	if (streq(c->mcsplugin, "mcs/group") && !c->mcsparameters)
		PROBLEM(p, mcsplugin, true,
			"MCSPlugin=mcs/group needs MCSParameters");
	if (contains(c->accountingstoragetype, "mysql"))
		PROBLEM(p, accountingstoragetype, true, "AccountingStorageType="
			"accounting_storage/mysql is for slurmdbd only");
	if (contains(c->jobacctgatherparams, "UsePSS") &&
	    contains(c->jobacctgatherparams, "NoShared"))
		PROBLEM(p, jobacctgatherparams, true, "JobAcctGatherParams: "
			"UsePSS and NoShared exclude each other");
	if (contains(c->launchparameters, "enable_nss_slurm") &&
	    contains(c->launchparameters, "disable_send_gids"))
		PROBLEM(p, launchparameters, true, "LaunchParameters: "
			"enable_nss_slurm and disable_send_gids exclude each "
			"other");
	if (c->slurmschedloglevel && !c->slurmschedlogfile)
		PROBLEM(p, slurmschedloglevel, true,
			"SlurmSchedLogLevel needs SlurmSchedLogFile");
	if (contains(c->mpidefault, "openmpi"))
		c->mpidefault = NULL;
	if (streq(c->selecttype, "select/linear") &&
	    streq(c->topologyplugin, "topology/tree"))
		PROBLEM(p, topologyplugin, true,
			"topology/tree does not go with select/linear");
	if (streq(c->selecttype, "select/cons_res"))
		PROBLEM(p, selecttype, false,
			"select/cons_res ended with 23.02, using cons_tres");
}

static void prolog_check(struct parse *p)
{
	struct conf *c = p->c;
	uint16_t f = c->prologflags;

	if (f & 0x02 && f & 0x04)
		PROBLEM(p, prologflags, true, "PrologFlags: NoHold does not go "
			"with Contain or X11");
	if (f & 0x80 && f & 0x08)
		PROBLEM(p, prologflags, false, "PrologFlags: Serial does not "
			"go with RunInJob");
	if (f & 0x10 && streq(c->proctracktype, "proctrack/linuxproc"))
		PROBLEM(p, prologflags, true, "PrologFlags: X11 does not go "
			"with proctrack/linuxproc");
	if (c->namespacetype && !(f & 0x04))
		PROBLEM(p, namespacetype, true, "NamespaceType needs "
			"PrologFlags=Contain");
}

/* Words of PropagateResourceLimits. */
static bool limits_valid(const char *list)
{
	static const char *const words[] = {
		"ALL", "NONE", "AS", "CORE", "CPU", "DATA", "FSIZE", "MEMLOCK",
		"NOFILE", "NPROC", "RSS", "STACK",
	};

	for (const char *s = list; s && *s;) {
		size_t len = strcspn(s, ", \t\n"), i;

		if (len > 7 && strncasecmp(s, "RLIMIT_", 7) == 0) {
			s += 7;
			len -= 7;
		}
		for (i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (strlen(words[i]) == len &&
			    strncasecmp(s, words[i], len) == 0)
				break;
		if (len && i == sizeof(words) / sizeof(*words))
			return false;
		s += len;
		s += *s != '\0';
	}
	return true;
}

static void lists_check(struct parse *p)
{
	struct conf *c = p->c;

	if (!limits_valid(c->propagateresourcelimits))
		PROBLEM(p, propagateresourcelimits, true,
			"bad value PropagateResourceLimits=%s",
			c->propagateresourcelimits);
	if (!limits_valid(c->propagateresourcelimitsexcept))
		PROBLEM(p, propagateresourcelimitsexcept, true,
			"bad value PropagateResourceLimitsExcept=%s",
			c->propagateresourcelimitsexcept);
	if (c->propagateresourcelimitsexcept)
		c->propagateresourcelimits = NULL;
	if (strcasecmp(c->bcastexclude, "none") == 0)
		return;
	for (const char *s = c->bcastexclude; *s;) {
		if (*s != '/') {
			PROBLEM(p, bcastexclude, true,
				"BcastExclude takes full paths");
			return;
		}
		s += strcspn(s, ",");
		s += *s == ',';
	}
}

static void select_check(struct parse *p)
{
	struct conf *c = p->c;
	uint16_t f = c->selecttypeparameters;
	uint16_t unit = f & (CONF_SELECT_CPU | CONF_SELECT_CORE |
			     CONF_SELECT_SOCKET | 0x08);

	if (!GIVEN(p, selecttypeparameters)) {
		if (!contains(c->selecttype, "cons_"))
			c->selecttypeparameters = 0;
		return;
	}
	if (unit & (unit - 1))
		PROBLEM(p, selecttypeparameters, true, "SelectTypeParameters "
			"names more than one unit");
	if (f & CONF_SELECT_CPU && f & CONF_SELECT_ONE_TASK_PER_CORE)
		PROBLEM(p, selecttypeparameters, true, "SelectTypeParameters: "
			"CR_ONE_TASK_PER_CORE does not go with CR_CPU");
}

/* Accounting counts what it always counts, then what was asked for. */
static bool in_list(const char *list, const char *word, size_t len)
{
	for (const char *s = list; *s;) {
		size_t n = strcspn(s, ",");

		if (n == len && strncasecmp(s, word, len) == 0)
			return true;
		s += n;
		s += *s == ',';
	}
	return false;
}

static void tres_build(struct parse *p)
{
	const struct conf_key *k =
		&conf_slurm_table.keys[CONF_KEY_accountingstoragetres];
	struct conf *c = p->c;
	char *all = arena_strdup(&c->mem, k->dflt);

	if (!GIVEN(p, accountingstoragetres))
		return;
	for (const char *s = c->accountingstoragetres; *s;) {
		size_t n = strcspn(s, ",");

		if (n && !in_list(all, s, n))
			all = arena_printf(&c->mem, "%s,%.*s", all, (int)n, s);
		s += n;
		s += *s == ',';
	}
	c->accountingstoragetres = all;
}

static void ports_fill(struct parse *p)
{
	struct conf *c = p->c;

	if (!GIVEN(p, accountingstorageport) &&
	    streq(c->accountingstoragetype, "accounting_storage/slurmdbd"))
		c->accountingstorageport = 6819;
	if (!GIVEN(p, jobcompport) && streq(c->jobcomptype, "job_comp/mysql"))
		c->jobcompport = 3306;
}

static void task_plugin_check(struct parse *p)
{
	struct conf *c = p->c;
	uint32_t f = c->taskpluginparam;
	uint32_t unit = f & (0x20 | 0x08 | 0x04 | 0x02);

	if (unit & (unit - 1))
		PROBLEM(p, taskpluginparam, true,
			"TaskPluginParam names more than one unit");
	if (f & (0x100000 | 0x200000) && !contains(c->taskplugin, "cgroup"))
		PROBLEM(p, taskpluginparam, true, "TaskPluginParam: "
			"OOMKillStep and SlurmdSpecOverride need task/cgroup");
	if (f & 0x40000 && f & 0x200000)
		PROBLEM(p, taskpluginparam, true, "TaskPluginParam: "
			"SlurmdOffSpec and SlurmdSpecOverride exclude each "
			"other");
}

void conf_validate(struct parse *p)
{
	names_resolve(p);
	control_build(p);
	power_actions_build(p);
	spellings_move(p);
	schedule_check(p);
	flags_build(p);
	memory_build(p);
	preempt_check(p);
	jobs_check(p);
	times_check(p);
	plugins_check(p);
	prolog_check(p);
	lists_check(p);
	select_check(p);
	tres_build(p);
	ports_fill(p);
	task_plugin_check(p);
}
