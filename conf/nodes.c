/* SPDX-License-Identifier: Apache-2.0
 *
 * NodeName and DownNodes records to struct conf_node.  The topology rules are
 * those of stock: what is missing follows from what is given, and what does
 * not fit together is corrected with a warning. */
#include "conf/parse.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/value.h"

/* Names of one record with what goes with each by position. */
struct columns {
	char **names, **hosts, **addrs, **bcasts, **ports;
	uint32_t name_count, host_count, addr_count, bcast_count, port_count;
};

static void warn(struct parse *p, const struct record *r, const char *what)
{
	record_problem(p, r, false, "NodeName=%s: %s", r->name, what);
}

static void one_at_least(struct parse *p, const struct record *r, uint16_t *v,
			 const char *name)
{
	if (*v)
		return;
	record_problem(p, r, false, "NodeName=%s: %s=0 is invalid, reset to 1",
		       r->name, name);
	*v = 1;
}

/* CPUs, boards, sockets, cores and threads from those that are given. */
static void topology_fill(struct parse *p, const struct record *r,
			  struct conf_node *n)
{
	uint16_t per_board = 1;
	bool has_cpus, has_sockets, has_per_board;
	uint32_t threads_per_socket, cpus;

	n->boards = n->cores = n->threads = n->cpus = n->sockets = 1;
	record_u16(p, r, NODE_Boards, &n->boards);
	record_u16(p, r, NODE_CoresPerSocket, &n->cores);
	record_u16(p, r, NODE_ThreadsPerCore, &n->threads);
	has_cpus = record_u16(p, r, NODE_CPUs, &n->cpus) ||
		   record_u16(p, r, NODE_Procs, &n->cpus);
	has_sockets = record_u16(p, r, NODE_Sockets, &n->sockets);
	has_per_board = record_u16(p, r, NODE_SocketsPerBoard, &per_board);

	one_at_least(p, r, &n->cores, "CoresPerSocket");
	one_at_least(p, r, &n->cpus, "CPUs");
	one_at_least(p, r, &n->threads, "ThreadsPerCore");
	one_at_least(p, r, &per_board, "SocketsPerBoard");
	one_at_least(p, r, &n->sockets, "Sockets");
	one_at_least(p, r, &n->boards, "Boards");
	if (has_per_board && has_sockets)
		warn(p, r, "Sockets and SocketsPerBoard exclude each other, "
		     "using SocketsPerBoard");

	threads_per_socket = (uint32_t)n->cores * n->threads;
	if (has_per_board)
		n->sockets = (uint16_t)(n->boards * per_board);
	else if (!has_sockets && has_cpus && n->cpus >= threads_per_socket &&
		 n->cpus % threads_per_socket == 0)
		n->sockets = (uint16_t)(n->cpus / threads_per_socket);
	else if (!has_sockets)
		n->sockets = n->boards;
	one_at_least(p, r, &n->sockets, "Sockets");

	cpus = n->sockets * threads_per_socket;
	if (!has_cpus)
		n->cpus = (uint16_t)cpus;
	if (n->sockets < n->boards) {
		warn(p, r, "fewer Sockets than Boards, resetting Boards=1");
		n->boards = 1;
	}
	if (n->cpus != n->sockets &&
	    n->cpus != (uint32_t)n->sockets * n->cores && n->cpus != cpus) {
		warn(p, r, "CPUs match no Sockets, Sockets*CoresPerSocket or "
		     "Sockets*CoresPerSocket*ThreadsPerCore; resetting CPUs");
		n->cpus = (uint16_t)cpus;
	}
	if (cpus > UINT16_MAX)
		record_problem(p, r, true, "NodeName=%s: more than 65535 CPUs",
			       r->name);
}

/* CPUSpecList is a list such as "0-1,4". */
static bool cpu_list_valid(const char *s, uint32_t cpus)
{
	while (*s) {
		char *end;
		unsigned long lo = strtoul(s, &end, 10), hi = lo;

		if (end == s || *s == '-' || *s == '+')
			return false;
		if (*end == '-') {
			s = end + 1;
			hi = strtoul(s, &end, 10);
			if (end == s)
				return false;
		}
		if (lo > hi || hi >= cpus)
			return false;
		s = end;
		if (*s && *s++ != ',')
			return false;
	}
	return true;
}

static void specialization_fill(struct parse *p, const struct record *r,
				struct conf_node *n)
{
	record_u16(p, r, NODE_CoreSpecCount, &n->core_spec_cnt);
	if (n->core_spec_cnt >= (uint32_t)n->sockets * n->cores) {
		warn(p, r, "CoreSpecCount leaves no core, reset to 1");
		n->core_spec_cnt = 1;
	}
	n->cpu_spec_list = record_text(p, r, NODE_CPUSpecList);
	if (n->cpu_spec_list && !cpu_list_valid(n->cpu_spec_list, n->cpus)) {
		warn(p, r, "CPUSpecList does not fit CPUs, ignored");
		n->cpu_spec_list = NULL;
	}
	if (n->core_spec_cnt && n->cpu_spec_list) {
		warn(p, r, "CoreSpecCount is ignored with CPUSpecList");
		n->core_spec_cnt = 0;
	}
	record_u64(p, r, NODE_MemSpecLimit, &n->mem_spec_limit_mb);
	if (n->mem_spec_limit_mb &&
	    n->mem_spec_limit_mb >= n->real_memory_mb) {
		warn(p, r, "MemSpecLimit leaves no memory, reset to 0");
		n->mem_spec_limit_mb = 0;
	}
}

/* Feature and Features are one word; the line goes before its default. */
static char *features_text(struct parse *p, const struct record *r)
{
	const char *s = r->own[NODE_Feature] ? r->own[NODE_Feature] :
			r->own[NODE_Features] ? r->own[NODE_Features] :
			r->dflt[NODE_Feature] ? r->dflt[NODE_Feature] :
			r->dflt[NODE_Features];

	return arena_strdup(&p->c->mem, s);
}

static void state_fill(struct parse *p, const struct record *r, int word,
		       uint32_t *state)
{
	const char *text = record_word(r, word);

	if (text && !conf_node_state(text, state))
		record_problem(p, r, true, "%s=%s: State=%s is not a state",
			       line_kind_name(r->kind), r->name, text);
}

/* Everything of a node but its names. */
static void node_fill(struct parse *p, const struct record *r,
		      struct conf_node *n)
{
	memset(n, 0, sizeof(*n));
	n->file = r->file;
	n->line = r->line;
	topology_fill(p, r, n);
	n->real_memory_mb = 1;
	n->weight = 1;
	n->suspend_time_sec = CONF_NO_VAL;
	record_u64(p, r, NODE_RealMemory, &n->real_memory_mb);
	record_u32(p, r, NODE_TmpDisk, &n->tmp_disk_mb);
	if (record_u32(p, r, NODE_Weight, &n->weight) &&
	    n->weight == CONF_INFINITE)
		n->weight--;
	specialization_fill(p, r, n);
	n->features = features_text(p, r);
	n->gres = record_text(p, r, NODE_Gres);
	n->gres_conf = arena_strdup(&p->c->mem, r->own[NODE_GresConf]);
	n->reason = record_text(p, r, NODE_Reason);
	n->topology = record_text(p, r, NODE_Topology);
	n->tres_weights = record_text(p, r, NODE_TRESWeights);
	n->parameters = record_text(p, r, NODE_Parameters);
	n->cpu_bind = record_cpu_bind(p, r, NODE_CpuBind);
	record_u16(p, r, NODE_RestrictedCoresPerGPU,
		   &n->restricted_cores_per_gpu);
	record_suspend(p, r, NODE_SuspendTime, &n->suspend_time_sec);
	state_fill(p, r, NODE_State, &n->state);
	n->cloud = n->state & CONF_NODE_CLOUD;
	n->port = p->c->slurmdport;
}

/* ---- names, addresses, ports ---- */

static bool column(struct parse *p, const struct record *r, int word,
		   const char *text, char ***v, uint32_t *count)
{
	const char *name = word < 0 ? "NodeName" :
			   line_word_name(LINE_NODE, word);
	struct err_text why;

	if (hostlist_expand(text, &p->c->mem, v, count, &why) == E_OK)
		return true;
	record_problem(p, r, true, "%s=%s: %s", name, text, why.text);
	return false;
}

/* "7001-7004" and "7001,7003" are ranges even without brackets. */
static const char *ports_text(struct parse *p, const struct record *r)
{
	const char *s = record_word(r, NODE_Port);

	if (s && s[0] != '[' && strpbrk(s, "-,"))
		return arena_printf(&p->c->mem, "[%s]", s);
	return s;
}

static bool count_fits(struct parse *p, const struct record *r, int word,
		       uint32_t count, uint32_t names)
{
	if (count <= 1 || count == names)
		return true;
	record_problem(p, r, true, "NodeName=%s: %s has %u entries for %u "
		       "nodes", r->name, line_word_name(LINE_NODE, word),
		       count, names);
	return false;
}

static bool columns_read(struct parse *p, const struct record *r,
			 struct columns *c)
{
	const char *host = r->own[NODE_NodeHostname];
	const char *addr = r->own[NODE_NodeAddr];

	host = host ? host : r->name;
	addr = addr ? addr : host;
	if (!column(p, r, -1, r->name, &c->names, &c->name_count) ||
	    !column(p, r, NODE_NodeHostname, host, &c->hosts, &c->host_count) ||
	    !column(p, r, NODE_NodeAddr, addr, &c->addrs, &c->addr_count) ||
	    !column(p, r, NODE_BcastAddr, r->own[NODE_BcastAddr], &c->bcasts,
		    &c->bcast_count) ||
	    !column(p, r, NODE_Port, ports_text(p, r), &c->ports,
		    &c->port_count))
		return false;
	if (!c->name_count || !c->host_count || !c->addr_count) {
		record_problem(p, r, true, "NodeName= without a name");
		return false;
	}
	return count_fits(p, r, NODE_NodeHostname, c->host_count,
			  c->name_count) &&
	       count_fits(p, r, NODE_NodeAddr, c->addr_count, c->name_count) &&
	       count_fits(p, r, NODE_BcastAddr, c->bcast_count,
			  c->name_count) &&
	       count_fits(p, r, NODE_Port, c->port_count, c->name_count);
}

static char *cell(char **v, uint32_t count, uint32_t i)
{
	return count ? v[i < count ? i : count - 1] : NULL;
}

static void node_name(struct parse *p, const struct record *r,
		      struct conf_node *n, const struct columns *c, uint32_t i)
{
	const char *port = cell(c->ports, c->port_count, i);
	uint64_t v;

	n->name = c->names[i];
	n->hostname = cell(c->hosts, c->host_count, i);
	n->addr = cell(c->addrs, c->addr_count, i);
	n->bcast_addr = cell(c->bcasts, c->bcast_count, i);
	if (!name_valid(n->name) || !name_valid(n->hostname) ||
	    !name_valid(n->addr) || (n->bcast_addr && !name_valid(n->bcast_addr)))
		record_problem(p, r, true, "NodeName=%s: not a name", n->name);
	if (strcasecmp(n->name, "ALL") == 0 || strcasecmp(n->name, "DEFAULT") == 0)
		record_problem(p, r, true, "NodeName=%s is a reserved word",
			       n->name);
	if (!port)
		return;
	/* Port=010 is ten, not eight: hosts lists are decimal. */
	while (port[0] == '0' && port[1])
		port++;
	if (value_number(port, UINT16_MAX, &v) || !v)
		record_problem(p, r, true, "NodeName=%s: Port=%s is not a port",
			       n->name, port);
	else
		n->port = (uint16_t)v;
}

static uint32_t nodes_add(struct parse *p, const struct record *r,
			  uint32_t cap)
{
	struct conf *c = p->c;
	struct columns col = {0};
	struct conf_node all;

	if (!columns_read(p, r, &col))
		return cap;
	node_fill(p, r, &all);
	if (c->node_count + col.name_count > HOSTLIST_MAX) {
		record_problem(p, r, true, "more than %d nodes", HOSTLIST_MAX);
		return cap;
	}
	if (c->node_count + col.name_count > cap) {
		cap = (c->node_count + col.name_count) * 2;
		c->nodes = mem_realloc(c->nodes, cap * sizeof(*c->nodes));
	}
	for (uint32_t i = 0; i < col.name_count; i++) {
		struct conf_node *n = &c->nodes[c->node_count++];

		*n = all;
		node_name(p, r, n, &col, i);
	}
	return cap;
}

static int node_cmp(const void *a, const void *b)
{
	const struct conf_node *na = a, *nb = b;

	return hostlist_name_cmp(na->name, nb->name);
}

uint32_t nodes_index(const struct conf *c, const char *name)
{
	uint32_t lo = 0, hi = c->node_count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int rc = hostlist_name_cmp(c->nodes[mid].name, name);

		if (rc == 0)
			return streq(c->nodes[mid].name, name) ?
			       mid : UINT32_MAX;
		if (rc < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return UINT32_MAX;
}

static void duplicates_check(struct parse *p)
{
	const struct conf *c = p->c;

	for (uint32_t i = 1; i < c->node_count; i++) {
		const struct conf_node *a = &c->nodes[i - 1], *b = &c->nodes[i];

		if (!streq(a->name, b->name))
			continue;
		if (a->line > b->line)
			b = a;
		parse_problem_at(p, b->file, b->line, true,
				 "NodeName=%s appears twice", b->name);
	}
}

/* ---- DownNodes ---- */

static void down_apply(struct parse *p, const struct record *r,
		       const struct conf_downnodes *d)
{
	struct arena mem = {0};
	struct err_text why;
	char **names;
	uint32_t count, at;

	if (hostlist_expand(d->nodes, &mem, &names, &count, &why)) {
		record_problem(p, r, true, "DownNodes=%s: %s", d->nodes,
			       why.text);
		count = 0;
	}
	for (uint32_t i = 0; i < count; i++) {
		at = nodes_index(p->c, names[i]);
		if (at == UINT32_MAX) {
			record_problem(p, r, false, "DownNodes=%s: no such node "
				       "%s", d->nodes, names[i]);
			continue;
		}
		if (d->state != CONF_NODE_UNKNOWN)
			p->c->nodes[at].state = d->state;
		p->c->nodes[at].reason = d->reason;
	}
	arena_fini(&mem);
}

static void downnodes_build(struct parse *p)
{
	struct conf *c = p->c;

	c->downnodes = arena_alloc(&c->mem, p->record_count *
				   sizeof(*c->downnodes));
	for (uint32_t i = 0; i < p->record_count; i++) {
		const struct record *r = &p->records[i];
		struct conf_downnodes *d = &c->downnodes[c->downnodes_count];

		if (r->kind != LINE_DOWN)
			continue;
		d->nodes = arena_strdup(&c->mem, r->name);
		d->reason = record_text(p, r, DOWN_Reason);
		if (!d->reason)
			d->reason = arena_strdup(&c->mem, "Set in slurm.conf");
		d->state = CONF_NODE_DOWN;
		state_fill(p, r, DOWN_State, &d->state);
		c->downnodes_count++;
		down_apply(p, r, d);
	}
}

void nodes_build(struct parse *p)
{
	struct conf *c = p->c;
	struct conf_node *built;
	uint32_t cap = 0;

	for (uint32_t i = 0; i < p->record_count; i++)
		if (p->records[i].kind == LINE_NODE)
			cap = nodes_add(p, &p->records[i], cap);
	if (c->node_count)
		qsort(c->nodes, c->node_count, sizeof(*c->nodes), node_cmp);
	/* From the growing array into the arena. */
	built = arena_alloc(&c->mem, (c->node_count + 1) * sizeof(*built));
	if (c->node_count)
		memcpy(built, c->nodes, c->node_count * sizeof(*built));
	free(c->nodes);
	c->nodes = built;
	duplicates_check(p);
	downnodes_build(p);
}
