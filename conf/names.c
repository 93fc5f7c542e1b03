/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of words.  Numbers are those of the wire and the same in all
 * releases unless noted; a bit that changed its meaning has both names. */
#include "conf/names.h"

#include <string.h>
#include <strings.h>

#define BIT(n) (UINT64_C(1) << (n))
#define TABLE(t, ...) const struct conf_names conf_names_##t = { \
	.v = t##_names, .count = sizeof(t##_names) / sizeof(*t##_names), \
	__VA_ARGS__ }

static const struct conf_name debug_names[] = {
	{"Accrue", BIT(50), 0}, {"Agent", BIT(52), 0},
	{"AuditRPCs", BIT(25), 0}, {"AuditTLS", BIT(15), 0},
	{"Backfill", BIT(12), 0}, {"BackfillMap", BIT(27), 0},
	{"BurstBuffer", BIT(40), 0}, {"cgroup", BIT(55), 0},
	{"CPU_Bind", BIT(3), 0}, {"CpuFrequency", BIT(41), 0},
	{"Data", BIT(8), 0}, {"DBD_Agent", BIT(51), 0},
	{"DB_Archive", BIT(44), 0}, {"DB_Assoc", BIT(30), 0},
	{"DB_TRES", BIT(45), 0}, {"DB_Event", BIT(31), 0},
	{"DB_Job", BIT(32), 0}, {"DB_QOS", BIT(33), 0},
	{"DB_Query", BIT(34), 0}, {"DB_Reservation", BIT(35), 0},
	{"DB_Resource", BIT(36), 0}, {"DB_Step", BIT(37), 0},
	{"DB_Usage", BIT(38), 0}, {"DB_WCKey", BIT(39), 0},
	{"Dependency", BIT(53), 0}, {"Elasticsearch", BIT(46), 0},
	{"Energy", BIT(18), 0}, {"ExtSensors", BIT(19), 0},
	{"Federation", BIT(48), 0}, {"FrontEnd", BIT(15), 0},
	{"Gang", BIT(13), 0}, {"GLOB_SILENCE", BIT(23), 0},
	{"Gres", BIT(6), 0}, {"Hetjob", BIT(49), 0},
	{"Interconnect", BIT(22), 0}, {"JobAccountGather", BIT(54), 0},
	{"JAG", BIT(54), 0}, {"JobComp", BIT(46), 0},
	{"JobContainer", BIT(24), 0}, {"License", BIT(20), 0},
	{"Metrics", BIT(57), 0}, {"MPI", BIT(7), 0},
	{"Namespace", BIT(24), 0}, {"Network", BIT(10), 0},
	{"Net", BIT(10), 0}, {"NetworkRaw", BIT(4), 0},
	{"NetRaw", BIT(4), 0}, {"NO_CONF_HASH", BIT(5), 0},
	{"NodeFeatures", BIT(47), 0}, {"Power", BIT(42), 0},
	{"PowerSave", BIT(42), 0}, {"Priority", BIT(11), 0},
	{"Profile", BIT(21), 0}, {"Protocol", BIT(26), 0},
	{"Reservation", BIT(14), 0}, {"Route", BIT(29), 0},
	{"Sack", BIT(16), 0}, {"Script", BIT(56), 0},
	{"SelectType", BIT(0), 0}, {"Steps", BIT(1), 0},
	{"Switch", BIT(17), 0}, {"Task", BIT(3), 0},
	{"Thread", BIT(43), 0}, {"Threads", BIT(43), 0},
	{"TimeCray", BIT(43), 0}, {"TLS", BIT(19) | BIT(15), 0},
	{"TraceJobs", BIT(28), 0}, {"Trigger", BIT(2), 0},
	{"Triggers", BIT(2), 0}, {"WorkQ", BIT(9), 0},
	{"WorkQueue", BIT(9), 0}, {"ConMgr", BIT(9), 0},
};
TABLE(debug, .base = 0);

static const struct conf_name prolog_names[] = {
	{"Alloc", 0x01, 0}, {"Contain", 0x05, 0}, {"RunInJob", 0x85, 0},
	{"DeferBatch", 0x21, 0}, {"NoHold", 0x03, 0},
	{"ForceRequeueOnFail", 0x41, 0}, {"Serial", 0x08, 0},
	{"X11", 0x15, 0},
};
TABLE(prolog, .base = 0);

static const struct conf_name reconfig_names[] = {
	{"KeepPartInfo", 1, 0}, {"KeepPartState", 2, 0},
	{"KeepPowerSaveSettings", 4, 0},
};
TABLE(reconfig, .base = 0);

static const struct conf_name select_names[] = {
	{"CR_CPU", 0x01, 0}, {"CR_CPU_Memory", 0x11, 0},
	{"CR_Socket", 0x02, 0}, {"CR_Socket_Memory", 0x12, 0},
	{"CR_Core", 0x04, 0}, {"CR_Core_Memory", 0x14, 0},
	{"CR_Board", 0x08, 0}, {"CR_Board_Memory", 0x18, 0},
	{"CR_Memory", 0x10, 0},
	{"other_cons_res", 0x20, 0}, {"other_cons_tres", 0x800, 0},
	{"ENFORCE_BINDING_GRES", 0x40, 0},
	{"ONE_TASK_PER_SHARING_GRES", 0x80, 0},
	{"CR_ONE_TASK_PER_CORE", 0x100, 0}, {"CR_PACK_NODES", 0x200, 0},
	{"LL_SHARED_GRES", 0x400, 0}, {"CR_NO_DIST_TOPO_BLOCK", 0x800, 0},
	{"CR_CORE_DEFAULT_DIST_BLOCK", 0x1000, 0},
	{"CR_LLN", 0x4000, 0}, {"MULTIPLE_SHARING_GRES_PJ", 0x8000, 0},
	{"CR_ALLOCATE_FULL_SOCKET", 0, 0},
};
TABLE(select, .base = 0);

static const struct conf_name preempt_names[] = {
	{"OFF", 0, 0}, {"CLUSTER", 0, 0},
	{"SUSPEND", CONF_PREEMPT_SUSPEND, 0}, {"ON", CONF_PREEMPT_SUSPEND, 0},
	{"REQUEUE", CONF_PREEMPT_REQUEUE, 0},
	{"CANCEL", CONF_PREEMPT_CANCEL, 0},
	{"PRIORITY", CONF_PREEMPT_PRIORITY, 0},
	{"WITHIN", CONF_PREEMPT_WITHIN, 0}, {"GANG", CONF_PREEMPT_GANG, 0},
};
TABLE(preempt, .base = 0);

static const struct conf_name priority_names[] = {
	{"ACCRUE_ALWAYS", BIT(0), 0}, {"MAX_TRES_GRES", BIT(11), BIT(1)},
	{"MAX_TRES", BIT(1), 0}, {"SMALL_RELATIVE_TO_TIME", BIT(2), 0},
	{"DEPTH_OBLIVIOUS", BIT(3), BIT(5)}, {"CALCULATE_RUNNING", BIT(4), 0},
	{"NO_FAIR_TREE", 0, BIT(5)}, {"FAIR_TREE", 0, 0},
	{"INCR_ONLY", BIT(6), 0},
	{"NO_NORMAL_ALL", BIT(7) | BIT(8) | BIT(9) | BIT(10), 0},
	{"NO_NORMAL_ASSOC", BIT(7), 0}, {"NO_NORMAL_PART", BIT(8), 0},
	{"NO_NORMAL_QOS", BIT(9), 0}, {"NO_NORMAL_TRES", BIT(10), 0},
};
TABLE(priority, .base = BIT(5), .inside = true);

static const struct conf_name private_names[] = {
	{"account", BIT(5), 0}, {"cloud", BIT(7), 0}, {"event", BIT(8), 0},
	{"job", BIT(0), 0}, {"node", BIT(1), 0}, {"partition", BIT(2), 0},
	{"reservation", BIT(6), 0}, {"usage", BIT(3), 0},
	{"user", BIT(4), 0}, {"all", 0xffff, 0},
};
TABLE(private, .inside = true);

static const struct conf_name enforce_names[] = {
	{"associations", 0x01, 0}, {"1", 0x01, 0},
	{"limits", 0x03, 0}, {"2", 0x03, 0}, {"safe", 0x13, 0},
	{"wckeys", 0x05, 0}, {"qos", 0x09, 0}, {"nojobs", 0x60, 0},
	{"nosteps", 0x40, 0}, {"all", 0xff9f, 0x60},
};
TABLE(enforce, .base = 0);

static const struct conf_name store_names[] = {
	{"job_comment", CONF_FLAG_STORE_COMMENT, 0},
	{"job_env", CONF_FLAG_STORE_ENV, 0},
	{"job_extra", CONF_FLAG_STORE_EXTRA, 0},
	{"job_script", CONF_FLAG_STORE_SCRIPT, 0},
	{"no_stdio", CONF_FLAG_NO_STDIO, 0},
};
TABLE(store, .inside = true);

static const struct conf_name health_names[] = {
	{"ANY", 0xff, 0}, {"ALLOC", 2, 0}, {"CYCLE", BIT(8), 0},
	{"IDLE", 1, 0}, {"MIXED", 4, 0}, {"NONDRAINED_IDLE", 8, 0},
	{"START_ONLY", BIT(9), 0}, {"REBOOT_ONLY", BIT(10), 0},
};
TABLE(health, .base = 0);

static const struct conf_name task_names[] = {
	{"none", 0x20, 0}, {"sockets", 0x08, 0}, {"cores", 0x04, 0},
	{"threads", 0x02, 0}, {"verbose", 0x01, 0},
	{"autobind=none", 0, 0}, {"autobind=threads", 0x4000, 0},
	{"autobind=cores", 0x10000, 0}, {"autobind=sockets", 0x20000, 0},
	{"SlurmdOffSpec", 0x40000, 0}, {"OOMKillStep", 0x100000, 0},
	{"SlurmdSpecOverride", 0x200000, 0},
};
TABLE(task, .base = 0);

static const struct conf_name governor_names[] = {
	{"Conservative", 0x88000000, 0}, {"OnDemand", 0x84000000, 0},
	{"Performance", 0x82000000, 0}, {"PowerSave", 0x81000000, 0},
	{"UserSpace", 0x80800000, 0}, {"SchedUtil", 0x80400000, 0},
};
TABLE(governor, .abbrev = true);

static const struct conf_name partlimits_names[] = {
	{"NO", 0, 0}, {"DOWN", 0, 0}, {"FALSE", 0, 0}, {"0", 0, 0},
	{"ALL", 1, 0},
	{"YES", 2, 0}, {"UP", 2, 0}, {"TRUE", 2, 0}, {"1", 2, 0},
	{"ANY", 2, 0},
};
TABLE(partlimits, .base = 0);

static const struct conf_name reset_names[] = {
	{"NONE", 0, 0}, {"NOW", 1, 0}, {"DAILY", 2, 0}, {"WEEKLY", 3, 0},
	{"MONTHLY", 4, 0}, {"QUARTERLY", 5, 0}, {"YEARLY", 6, 0},
};
TABLE(reset, .base = 0);

static const struct conf_name logtime_names[] = {
	{"iso8601_ms", 0, 0}, {"iso8601", 1, 0}, {"rfc5424_ms", 2, 0},
	{"rfc5424", 3, 0}, {"rfc3339", 7, 0}, {"clock", 4, 0},
	{"short", 5, 0}, {"thread_id", 6, 0},
	/* 23.11 to 24.11 combine this one with a format. */
	{"format_stderr", 0, 0},
};
TABLE(logtime, .inside = true);

static const struct conf_name level_names[] = {
	{"quiet", 0, 0}, {"fatal", 1, 0}, {"error", 2, 0}, {"info", 3, 0},
	{"verbose", 4, 0}, {"debug", 5, 0}, {"debug2", 6, 0},
	{"debug3", 7, 0}, {"debug4", 8, 0}, {"debug5", 9, 0},
};
TABLE(level, .base = 0);

static const struct conf_name cpubind_names[] = {
	{"no", 0x20, 0}, {"none", 0x20, 0}, {"socket", 0x08, 0},
	{"sockets", 0x08, 0}, {"ldom", 0x10, 0}, {"ldoms", 0x10, 0},
	{"core", 0x04, 0}, {"cores", 0x04, 0}, {"thread", 0x02, 0},
	{"threads", 0x02, 0}, {"off", 0x80000, 0}, {"v", 0x01, 0},
	{"verbose", 0x01, 0},
};
TABLE(cpubind, .base = 0);

static const struct conf_name partstate_names[] = {
	{"UP", CONF_PART_UP, 0}, {"DOWN", CONF_PART_DOWN, 0},
	{"DRAIN", CONF_PART_DRAIN, 0}, {"INACTIVE", CONF_PART_INACTIVE, 0},
};
TABLE(partstate, .inside = true);

static bool starts(const char *text, const char *word)
{
	return strncasecmp(text, word, strlen(word)) == 0;
}

bool conf_node_state(const char *text, uint32_t *state)
{
	static const struct conf_name exact[] = {
		{"UNKNOWN", CONF_NODE_UNKNOWN, 0}, {"DOWN", CONF_NODE_DOWN, 0},
		{"IDLE", CONF_NODE_IDLE, 0}, {"ALLOCATED", 3, 0},
		{"ERROR", 4, 0}, {"MIXED", 5, 0},
		{"FUTURE", CONF_NODE_FUTURE, 0},
	};

	for (size_t i = 0; i < sizeof(exact) / sizeof(*exact); i++) {
		if (strcasecmp(exact[i].name, text) == 0) {
			*state = (uint32_t)exact[i].set;
			return true;
		}
	}
	if (starts(text, "CLOUD"))
		*state = CONF_NODE_IDLE | CONF_NODE_CLOUD |
			 CONF_NODE_POWERED_DOWN;
	else if (starts(text, "EXTERNAL"))
		*state = CONF_NODE_IDLE | CONF_NODE_EXTERNAL;
	else if (starts(text, "DRAIN"))
		*state = CONF_NODE_UNKNOWN | CONF_NODE_DRAIN;
	else if (starts(text, "FAIL"))
		*state = CONF_NODE_IDLE | CONF_NODE_FAIL;
	else
		return false;
	return true;
}

const struct conf_name *conf_name_find(const struct conf_names *t,
				       const char *word)
{
	for (uint32_t i = 0; i < t->count; i++)
		if (strcasecmp(t->v[i].name, word) == 0)
			return &t->v[i];
	for (uint32_t i = 0; t->inside && i < t->count; i++)
		if (strcasestr(word, t->v[i].name))
			return &t->v[i];
	for (uint32_t i = 0; t->abbrev && word[0] && i < t->count; i++)
		if (strncasecmp(t->v[i].name, word, strlen(word)) == 0)
			return &t->v[i];
	return NULL;
}

bool conf_names_parse(const struct conf_names *t, const char *list,
		      uint64_t *bits, const char **bad, int *bad_len)
{
	uint64_t set = t->base, clear = 0;
	char word[64];

	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ",;");
		const struct conf_name *name = NULL;

		if (n && n < sizeof(word)) {
			memcpy(word, p, n);
			word[n] = '\0';
			name = conf_name_find(t, word);
		}
		if (n && !name) {
			*bad = p;
			*bad_len = (int)n;
			return false;
		}
		if (name) {
			set |= name->set;
			clear |= name->clear;
		}
		p += n;
		p += *p != '\0';
	}
	*bits = set & ~clear;
	return true;
}
