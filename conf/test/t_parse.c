/* SPDX-License-Identifier: Apache-2.0
 *
 * Lexing, keys, records, problems. */
#include "conf/test/util.h"

#include <string.h>

#include "conf/value.h"

/* ---- every key ---- */

static void test_table(void)
{
	const struct conf_table *t = &conf_slurm_table;
	uint32_t lower = 0, dup = 0;

#define KEY(member, name, ...) { \
	const char *m = #member, *n = #name; \
	while (*m && *m == (*n >= 'A' && *n <= 'Z' ? *n + 32 : *n)) m++, n++; \
	lower += *m || *n; }
#include "conf/keys.def"
#undef KEY
	for (uint32_t i = 0; i + 1 < t->count; i++)
		dup += conf_key_find(t, t->keys[i].name) != &t->keys[i];
	ok(t->count > 240, "%u keys", t->count);
	ok(lower == 0, "members are the names in lower case");
	ok(dup == 0, "no key twice");
}

/* A value that any key of the type takes. */
static const char *sample(const struct conf_key *k)
{
	switch (k->type) {
	case CONF_BOOL:    return "YES";
	case CONF_STR:     return "/some/text";
	case CONF_LIST:    return "/bin/true";
	case CONF_LEVEL:   return "debug2";
	case CONF_PORTS:   return "7000-7002";
	case CONF_RANGE16: return "7000-7002";
	case CONF_SECS: case CONF_MINS: return "1-02:03:04";
	case CONF_SUSPEND: return "600";
	case CONF_FLOAT:   return "98.5";
	case CONF_FLAGS16: case CONF_FLAGS32: case CONF_FLAGS64:
	case CONF_ENUM16: case CONF_ENUM32:
		return k->names->v[0].name;
	default:           return k->lo > 1 ? "1000" : "1";
	}
}

static void test_every_key(void)
{
	struct conf *c = mem_zalloc(sizeof(*c));
	uint32_t bad = 0, bad_dflt = 0, lines = 0;

	for (uint32_t i = 0; i < conf_slurm_table.count; i++) {
		const struct conf_key *k = &conf_slurm_table.keys[i];
		struct err_text why = {""};

		lines += k->type == CONF_LINE;
		if (conf_key_set(k, c, &c->mem, sample(k), &why)) {
			bad++;
			printf("# %s\n", why.text);
		}
		if (k->dflt && conf_key_set(k, c, &c->mem, k->dflt, &why)) {
			bad_dflt++;
			printf("# %s\n", why.text);
		}
	}
	ok(!bad, "every key takes a value of its type");
	ok(!bad_dflt, "every default is a valid value");
	ok(lines == 7, "record lines");
	arena_fini(&c->mem);
	free(c);
}

/* ---- lexing ---- */

static void test_lexing(void)
{
	struct conf *c = test_conf(
		"# a comment\n"
		"SLURMUSER=slurm # and another\n"
		"  slurmctldtimeout  =  77  \n"
		"MailProg=\"/opt/my mail\"\n"
		"Licenses=a,\\\nb,\\   \nc\n"
		"MailDomain=x\\#y # z\n"
		"TmpFS = /scratch\r\n"
		"SchedulerParameters+=bf_interval=3\n"
		"StateSaveLocation=c:\\\\x\n"
		"EpilogMsgTime=0x10\n"
		"Epilog=/a\nEpilog=/b\n"
		"JobCompLoc=\"\"\n"
		"MCSPlugin=\"mcs/account\"\n"
		"Prolog=\"quoted\"tail\n"
		"KillWait=30");

	if (!c)
		return;
	ok(streq(c->slurmuser, "slurm") && c->slurm_uid == 64030, "any case");
	ok(c->slurmctldtimeout == 77, "blanks around =");
	ok(streq(c->mailprog, "/opt/my mail"), "quotes keep blanks");
	ok(streq(c->licenses, "a,b,c"), "continuation: %s", c->licenses);
	ok(streq(c->maildomain, "x#y"), "escaped #: %s", c->maildomain);
	ok(streq(c->tmpfs, "/scratch"), "carriage return is blank");
	ok(streq(c->schedulerparameters, "bf_interval=3"), "+= sets");
	ok(streq(c->statesavelocation, "c:\\x"), "\\\\ is one backslash");
	ok(c->epilogmsgtime == 16, "hexadecimal");
	ok(c->epilog.count == 2 && streq(c->epilog.v[1], "/b"), "lists");
	ok(streq(c->jobcomploc, ""), "empty in quotes");
	ok(c->prolog.count == 1 && streq(c->prolog.v[0], "\"quoted\"tail"),
	   "quotes that do not end the word are text");
	ok(c->killwait == 30, "no newline at the end");
	conf_unref(c);
}

static void test_defaults(void)
{
	struct conf *c = test_conf("");

	if (!c)
		return;
	ok(c->slurmctldport == 6817 && c->slurmctldport_count == 1, "ports");
	ok(c->treewidth == 16 && c->killwait == 30 && c->minjobage == 300,
	   "numbers");
	ok(c->prioritydecayhalflife == 604800 && c->prioritycalcperiod == 300,
	   "times");
	ok(c->selecttypeparameters == 0x14, "select flags");
	ok(c->priorityflags == 0x20, "FAIR_TREE");
	ok(c->suspendtime == CONF_INFINITE, "SuspendTime");
	ok(c->slurmctlddebug == 3 && c->slurmctldsyslogdebug == 10, "levels");
	ok(c->unkillablesteptimeout == 60, "UnkillableStepTimeout");
	ok(!c->switchtype && !c->jobcomptype, "none is unset");
	ok(c->prologtimeout == 65534, "PrologTimeout");
	ok(c->conf_flags == CONF_FLAG_IPV4, "flags");
	ok(streq(c->control_hosts[0], "h") &&
	   streq(c->control_addrs[0], "127.0.0.1"), "controller");
	ok(conf_callers(c) == c->control_addrs && conf_caller_count(c) == 1,
	   "which is called where it is");
	c->slurmctldaddr = "10.0.0.1";
	ok(streq(conf_callers(c)[0], "10.0.0.1") && conf_caller_count(c) == 1,
	   "or at SlurmctldAddr");
	c->slurmctldaddr = NULL;
	ok(!conf_key_text(c, "TreeWidth") && conf_key_text(c, "clustername"),
	   "origin is known");
	conf_unref(c);
}

static void test_values(void)
{
	static const struct {
		const char *text;
		uint32_t sec;
	} times[] = {
		{"5", 300}, {"5:30", 330}, {"1:00:00", 3600}, {"7-0", 604800},
		{"7-", 604800}, {"1-2:3", 93780}, {"1-02:03:04", 93784},
		{"UNLIMITED", CONF_INFINITE}, {"infinite", CONF_INFINITE},
		{"-1", CONF_INFINITE}, {"0", 0},
	};
	static const char *const bad[] = {
		"", "x", "5m", "1:2:3:4", "1-2-3", "1:2-3", ":5", "-5", "5:",
		"99999999999", "1--2",
	};
	uint32_t v;
	uint64_t n;

	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++)
		ok(value_seconds(times[i].text, &v) && v == times[i].sec,
		   "time %s", times[i].text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(!value_seconds(bad[i], &v), "no time: '%s'", bad[i]);
	ok(value_minutes("0:01", &v) && v == 1, "minutes round up");
	ok(value_count("2K", &n) && n == 2048 && value_count("1g", &n) &&
	   n == 1 << 30 && !value_count("1KB", &n) && !value_count("K", &n) &&
	   !value_count("-1", &n) &&
	   !value_count("18446744073709551615P", &n), "counts");
	ok(!value_number("65535", 65535, &n) && n == 65535 &&
	   value_number("65536", 65535, &n) && value_number("-1", 65535, &n) &&
	   value_number("1x", 65535, &n) && value_number("", 65535, &n) &&
	   value_number("1k", 65535, &n) && !value_number("2k", 1 << 20, &n) &&
	   n == 2048, "numbers");
}

/* ---- problems ---- */

static const struct conf_problem *problem_find(const struct conf_problems *ps,
					       const char *text)
{
	for (uint32_t i = 0; i < ps->count; i++)
		if (strstr(ps->v[i].text, text))
			return &ps->v[i];
	return NULL;
}

/* lines follow HEAD; line counts from 1 within them, 0: any. */
static void expect_problem(const char *lines, bool fatal, unsigned line,
			   const char *text)
{
	char *all = mem_printf("%s%s", HEAD, lines);
	struct test_files files = {.slurm = all};
	struct conf_problems ps = {0};
	struct conf *c = NULL;
	enum err rc = test_parse(&files, &c, &ps);
	const struct conf_problem *p = problem_find(&ps, text);

	ok(p && p->fatal == fatal && (rc != E_OK) == fatal && !!c == !fatal &&
	   (!line || p->line == line + HEAD_LINES) &&
	   streq(p->file, "/etc/x/slurm.conf"), "%s '%s'",
	   fatal ? "refused:" : "warned:", text);
	if (!p)
		problems_show(&ps);
	conf_problems_fini(&ps);
	free(all);
	conf_unref(c);
}

#define NODE "NodeName=n[1-4]\n"

static void test_problems(void)
{
	expect_problem("SlurmctldTimout=3\n", true, 1,
		       "did you mean 'SlurmctldTimeout'?");
	expect_problem("\n\nXyzzyPlugh=3\n", true, 3,
		       "unknown key 'XyzzyPlugh'");
	expect_problem("KillWait=many\n", true, 1, "KillWait=many");
	expect_problem("KillWait=70000\n", true, 1, "KillWait=70000");
	expect_problem("KillWait=-1\n", true, 1, "less than zero");
	expect_problem("KillWait\n", true, 1, "cannot be parsed: 'KillWait'");
	expect_problem("KillWait=\n", true, 1, "cannot be parsed");
	expect_problem("KillWait=3 MinJobAge=4\n", true, 1,
		       "cannot be parsed: 'MinJobAge=4'");
	expect_problem("UsePAM=maybe\n", true, 1, "neither YES nor NO");
	expect_problem("DebugFlags=Gres,Foo\n", true, 1, "unknown word 'Foo'");
	expect_problem("Include /no/such\n", true, 1, "/no/such");
	expect_problem("Include *.conf\n", true, 1, "does not expand");
	expect_problem("SlurmUser=nosuchuser\n", true, 1, "no such user");
	expect_problem("SlurmctldPort=0\n", true, 1, "range of ports");
	expect_problem("SrunPortRange=9-8\n", true, 1, "range of ports");
	expect_problem("NodeName=n1 CPU=4\n", true, 1, "did you mean 'CPUs'?");
	expect_problem("NodeName=n[1-2\n", true, 1, "missing ']'");
	expect_problem(NODE "NodeName=n3\n", true, 2, "n3 appears twice");
	expect_problem("NodeName=ALL\n", true, 1, "reserved");
	expect_problem("NodeName=DEFAULT NodeAddr=x\n", true, 1, "not allowed");
	expect_problem("NodeName=n[1-3] NodeAddr=a[1-2]\n", true, 1,
		       "2 entries for 3");
	expect_problem("NodeName=n1 Port=70000\n", true, 1, "not a port");
	expect_problem("NodeName=n1 State=SLEEPY\n", true, 1, "not a state");
	expect_problem("NodeName=n1 CPUs=6 Sockets=2 CoresPerSocket=2\n", false,
		       1, "match no Sockets");
	expect_problem(NODE "PartitionName=p Nodes=n[1-5]\n", true, 2,
		       "no such node n5");
	expect_problem(NODE "PartitionName=p\nPartitionName=p\n", true, 3,
		       "p appears twice");
	expect_problem("PartitionName=p State=ON\n", true, 1, "State=ON");
	expect_problem("PartitionName=p Shared=PERHAPS\n", true, 1, "Shared=");
	expect_problem("PartitionName=p MaxTime=soon\n", true, 1, "MaxTime");
	expect_problem("PartitionName=p MaxTime=5 DefaultTime=9\n", false, 1,
		       "exceeds MaxTime");
	expect_problem("PartitionName=a Default=YES\n"
		       "PartitionName=b Default=YES\n", false, 2,
		       "from a to b");
	expect_problem(NODE "NodeSet=n2 Feature=x\n", true, 2,
		       "also the name of a node");
	expect_problem("KillWait=3\nKillWait=4\n", false, 2, "more than once");
	expect_problem("FastSchedule=1\n", false, 1, "retired");
	expect_problem("LaunchType=launch/slurm\n", false, 1,
		       "last used by Slurm 22.05");
	expect_problem("SlurmctldPlugstack=x\n", false, 1, "retired");
	expect_problem("FrontendName=f State=UP\n", false, 1, "retired");
	expect_problem("FirstJobId=10\nMaxJobId=5\n", true, 1, "FirstJobId >");
	expect_problem("PreemptMode=SUSPEND\n", true, 1, "requires GANG");
	expect_problem("PreemptMode=REQUEUE\n", true, 1, "PreemptType");
	expect_problem("PropagateResourceLimits=FOO\n", true, 1, "FOO");
	expect_problem("SlurmctldHost=h\n", true, 0, "h appears twice");
	expect_problem("SlurmctldHost=a(b\n", true, 1, "a(b");
	expect_problem("ControlMachine=x\n", false, 1, "ignored");
	expect_problem("PowerAction=x Location=moon Program=/a\n", true, 1,
		       "Location=");
	expect_problem("PrologFlags=NoHold,Contain\n", true, 1, "NoHold");
	expect_problem("DownNodes=x1\n", false, 1, "no such node x1");
	expect_problem("NodeName=n1 Gres=gpu:x:\n", true, 1, "cannot be parsed");
	expect_problem("NodeName=n1 Gres=gpu:2\n", false, 1, "GresTypes");
}

static void test_all_at_once(void)
{
	struct test_files files = {
		.slurm = "KillWait=x\nFoo=1\nNodeName=n1 Bar=2\n"
			 "PartitionName=p Nodes=n9 State=Q\n",
		.gres = "Nam=gpu\n", .cgroup = "ConstrainCore=yes\n",
	};
	struct conf_problems ps = {0};
	struct conf *c = NULL;
	enum err rc = test_parse(&files, &c, &ps);

	ok(rc == E_FAIL && !c && ps.count == 9, "every problem at once (%u)",
	   ps.count);
	if (ps.count != 9)
		problems_show(&ps);
	ok(problem_find(&ps, "ConstrainCores") &&
	   streq(problem_find(&ps, "ConstrainCores")->file,
		 "/etc/x/cgroup.conf"), "with the file it is in");
	ok(problem_find(&ps, "no ClusterName") &&
	   problem_find(&ps, "no SlurmctldHost"), "what is missing");
	conf_problems_fini(&ps);
}

/* ---- include, hash ---- */

static void test_include(void)
{
	struct test_files files = {
		.slurm = HEAD "Include c-%c.conf\nKillWait=9\n",
		.more_name = "/etc/x/c-c.conf",
		.more = "TreeWidth=33\nBadKey=1\n",
	};
	struct conf_problems ps = {0};
	struct conf *c = NULL;

	ok(test_parse(&files, &c, &ps) == E_FAIL && ps.count == 1 &&
	   streq(ps.v[0].file, "/etc/x/c-c.conf") && ps.v[0].line == 2,
	   "a problem of an included file");
	conf_problems_fini(&ps);
	files.more = "TreeWidth=33\n";
	ok(test_parse(&files, &c, &ps) == E_OK && c->treewidth == 33 &&
	   c->killwait == 9, "include with %%c, relative");
	conf_unref(c);
	conf_problems_fini(&ps);
	files.more = "Include c-%c.conf\n";
	ok(test_parse(&files, &c, &ps) == E_FAIL, "include of itself ends");
	conf_problems_fini(&ps);
}

static void test_hash(void)
{
	/* Values that stock daemons have for the same text. */
	struct test_files a = {.slurm = HEAD}, b = {.slurm = HEAD "#\n"};
	struct conf *ca = NULL, *cb = NULL;

	ok(test_parse(&a, &ca, NULL) == E_OK &&
	   test_parse(&b, &cb, NULL) == E_OK &&
	   ca->hash_val != cb->hash_val, "a comment changes the hash");
	conf_unref(ca);
	conf_unref(cb);
}

int main(void)
{
	test_table();
	test_every_key();
	test_lexing();
	test_defaults();
	test_values();
	test_problems();
	test_all_at_once();
	test_include();
	test_hash();
	return tap_done();
}
