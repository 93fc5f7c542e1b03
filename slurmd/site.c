/* SPDX-License-Identifier: Apache-2.0
 *
 * See site.h.  The rules by which the registered processor counts follow from
 * the configured and the found ones are those of stock slurmd: what the
 * controller schedules by must win, unless the machine is smaller. */
#include "slurmd/site.h"

#include "conf/topo.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "conf/auth.h"
#include "wire/base/log.h"
#include "wire/base/strbuf.h"

char *site_expand(struct arena *mem, const char *text, const char *node, const char *host)
{
	struct strbuf b = { 0 };
	char *s;

	if (!text)
		return NULL;
	for (const char *p = text; *p; p++) {
		if (p[0] == '%' && p[1] == 'n')
			strbuf_add(&b, node);
		else if (p[0] == '%' && p[1] == 'h')
			strbuf_add(&b, host);
		else if (p[0] == '%' && p[1] == '%')
			strbuf_addc(&b, '%');
		else {
			strbuf_addc(&b, *p);
			continue;
		}
		p++;
	}
	s = arena_strdup(mem, b.s ? b.s : "");
	strbuf_fini(&b);
	return s;
}

struct site *site_ref(struct site *s)
{
	atomic_fetch_add(&s->refs, 1);
	return s;
}

void site_unref(struct site *s)
{
	if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
		return;
	auth_free(s->auth);
	conf_unref(s->dynamic);
	conf_unref(s->conf);
	arena_fini(&s->mem);
	free(s);
}

bool site_trusts(const struct site *s, uid_t uid)
{
	return uid == 0 || uid == s->conf->slurm_uid;
}

static void log_problems(struct conf_problems *p)
{
	for (uint32_t k = 0; k < p->count; k++)
		log_line(p->v[k].fatal ? LVL_ERROR : LVL_INFO, "%s:%u: %s%s",
			 p->v[k].file ? p->v[k].file : "slurm.conf", p->v[k].line,
			 p->v[k].fatal ? "" : "warning: ", p->v[k].text);
	conf_problems_fini(p);
}

static void host_name(struct arena *mem, const char **full, const char **shortened)
{
	char name[256] = "localhost";
	size_t n;

	if (gethostname(name, sizeof name - 1))
		log_error("gethostname: %m");
	n = strcspn(name, ".");
	*full = arena_strdup(mem, name);
	*shortened = arena_strndup(mem, name, n ? n : strlen(name));
}

static bool mentions(const char *text, const char *const *words)
{
	for (; text && *words; words++)
		if (strcasestr(text, *words))
			return true;
	return false;
}

/* What -Z --conf does not say is as we found it. */
static const char *dynamic_text(struct site *s, const struct options *o)
{
	static const char *const processors[] = { "CPUs=", "Boards=", "Sockets=",
		"SocketsPerBoard=", "CoresPerSocket=", "ThreadsPerCore=", NULL };
	static const char *const memory[] = { "RealMemory=", NULL };
	const struct hw *h = &s->hw;
	const char *cpus = "", *mem = "";

	if (!mentions(o->dynamic_conf, processors))
		cpus = arena_printf(&s->mem, "CPUs=%u Boards=%u SocketsPerBoard=%u "
				    "CoresPerSocket=%u ThreadsPerCore=%u ", h->cpus, h->boards,
				    h->sockets / h->boards, h->cores, h->threads);
	if (!mentions(o->dynamic_conf, memory))
		mem = arena_printf(&s->mem, "RealMemory=%llu ",
				   (unsigned long long)h->memory_mb);
	return arena_printf(&s->mem, "NodeName=%s %s%s%s", s->name, cpus, mem,
			    o->dynamic_conf ? o->dynamic_conf : "");
}

/* That line, parsed like one of slurm.conf. */
static void dynamic_line(struct site *s, const struct options *o)
{
	struct conf_problems problems = { 0 };
	const char *types = s->conf->grestypes;
	char *text;

	s->dynamic_conf = dynamic_text(s, o);
	text = mem_printf("ClusterName=x\nSlurmctldHost=x\nSlurmdPort=%u\n%s%s%s%s\n",
			  s->conf->slurmdport, types ? "GresTypes=" : "", types ? types : "",
			  types ? "\n" : "", s->dynamic_conf);
	if (conf_parse(text, NULL, NULL, &s->dynamic, &problems) == E_OK)
		s->node = conf_node_find(s->dynamic, s->name);
	log_problems(&problems);
	free(text);
}

static bool node_choose(struct site *s, const struct options *o)
{
	const char *full, *shortened;

	host_name(&s->mem, &full, &shortened);
	s->hostname = shortened;
	if (o->node_name) {
		s->node = conf_node_find(s->conf, o->node_name);
		s->name = arena_strdup(&s->mem, o->node_name);
	} else {
		s->node = conf_node_find_host(s->conf, full);
		if (!s->node)
			s->node = conf_node_find_host(s->conf, shortened);
		if (!s->node && !o->dynamic)
			s->node = conf_node_find_host(s->conf, "localhost");
		s->name = s->node ? s->node->name : shortened;
	}
	if (o->dynamic == 2 && !s->node)
		dynamic_line(s, o);
	if (s->node || o->dynamic)
		return true;
	if (o->node_name)
		log_error("Unable to find node record for %s", s->name);
	else
		log_error("Unable to determine this slurmd's NodeName");
	return false;
}

static void use_found(struct site *s)
{
	s->cpus = s->hw.cpus;
	s->boards = s->hw.boards;
	s->sockets = s->hw.sockets;
	s->cores = s->hw.cores;
	s->threads = s->hw.threads;
}

static void use_configured(struct site *s)
{
	s->cpus = s->node->cpus;
	s->boards = s->node->boards ? s->node->boards : 1;
	s->sockets = s->node->sockets;
	s->cores = s->node->cores;
	s->threads = s->node->threads;
}

/* SlurmdParameters may call other parts of the machine its sockets. */
static void sockets_rename(struct site *s)
{
	const char *p = s->conf->slurmdparameters;
	struct hw *h = &s->hw;
	uint16_t all = h->sockets * h->cores, n = 0;

	if (conf_option(p, "l3cache_as_socket", NULL))
		n = h->l3_caches;
	else if (conf_option(p, "numa_node_as_socket", NULL))
		n = h->numa_nodes;
	if (!n || all % n)
		return;
	h->sockets = n;
	h->cores = all / n;
}

static void processors_choose(struct site *s, const struct options *o)
{
	const struct conf_node *n = s->node;
	struct hw *h = &s->hw;
	bool keep = s->conf->config_overrides;

	sockets_rename(s);
	if (!n || o->dynamic == 1) {
		use_found(s);
		return;
	}
	use_configured(s);
	if (n->sockets == h->cpus && n->cpus == h->cpus && n->cores == 1 && n->threads == 1) {
		/* only CPUs= was given: each is a core of its own, so that
		 * several jobs can share a core */
		h->sockets = h->cpus;
		h->cores = h->threads = 1;
	} else if (o->dynamic == 2) {
		return;
	} else if (!keep && h->cpus < n->cpus) {
		use_found(s);
	} else if (!keep && h->sockets != n->sockets && h->cores != n->cores &&
		   h->sockets * h->cores == n->sockets * n->cores) {
		log_info("Node reconfigured socket/core boundaries SocketsPerBoard=%u:%u(hw) CoresPerSocket=%u:%u(hw)",
			 s->sockets / s->boards, h->sockets / h->boards, s->cores, h->cores);
		s->sockets = h->sockets;
		s->cores = h->cores;
	}
	if ((s->cpus != h->cpus && s->cpus != h->cores && s->cpus != h->sockets) ||
	    s->sockets != h->sockets || s->cores != h->cores || s->threads != h->threads)
		log_line(keep ? LVL_INFO : LVL_ERROR,
			 "Node configuration differs from hardware: CPUs=%u:%u(hw) Boards=%u:%u(hw) SocketsPerBoard=%u:%u(hw) CoresPerSocket=%u:%u(hw) ThreadsPerCore=%u:%u(hw)",
			 s->cpus, h->cpus, s->boards, h->boards, s->sockets / s->boards,
			 h->sockets / h->boards, s->cores, h->cores, s->threads, h->threads);
}

/* slurmstepd lives beside us unless -d says otherwise. */
static const char *stepd_find(struct arena *mem, const struct options *o)
{
	char path[4096];
	ssize_t n;
	char *slash;

	if (o->stepd_path)
		return arena_strdup(mem, o->stepd_path);
	n = readlink("/proc/self/exe", path, sizeof path - 1);
	if (n <= 0)
		return "/usr/sbin/slurmstepd";
	path[n] = 0;
	slash = strrchr(path, '/');
	if (slash)
		*slash = 0;
	return arena_printf(mem, "%s/slurmstepd", path);
}

enum err site_auth_make(struct site *s)
{
	struct auth_options a = { .key_holder = true };
	struct err_text why = { "" };

	if (s->conf->tlstype && !strstr(s->conf->tlstype, "none")) {
		log_error("TLSType=%s is not supported, only tls/none is", s->conf->tlstype);
		return E_FAIL;
	}
	conf_auth_options(s->conf, &a, &s->mem);
	a.allow_replay = true;          /* several nodes may share one munged */
	s->sack = !a.disable_sack;
	s->auth = auth_new(&a, &why);
	if (s->auth)
		return E_OK;
	log_error("%s", why.text);
	return E_FAIL;
}

static void topo_note(struct site *s)
{
	char *addr, *pattern;

	conf_topo_address(s->conf, s->name, &addr, &pattern);
	s->topo_addr = arena_strdup(&s->mem, addr);
	s->topo_pattern = arena_strdup(&s->mem, pattern);
	free(addr);
	free(pattern);
}

enum err site_load(const struct options *o, const struct hw *hw, const char *conf_cache,
		   struct site **out)
{
	struct site *s = mem_zalloc(sizeof *s);
	struct conf_problems problems = { 0 };
	enum err e;

	atomic_init(&s->refs, 1);
	s->hw = *hw;
	if (conf_cache) {
		s->conf_cache = arena_strdup(&s->mem, conf_cache);
		s->conf_path = arena_printf(&s->mem, "%s/slurm.conf", conf_cache);
	} else {
		s->conf_path = arena_strdup(&s->mem, conf_path(o->conf_path));
	}
	e = conf_load(s->conf_path, &s->conf, &problems);
	log_problems(&problems);
	if (e || !node_choose(s, o)) {
		site_unref(s);
		return E_FAIL;
	}
	processors_choose(s, o);
	s->port = s->node && s->node->port ? s->node->port : s->conf->slurmdport;
	s->spool_dir = site_expand(&s->mem, s->conf->slurmdspooldir, s->name, s->hostname);
	s->pid_path = site_expand(&s->mem, s->conf->slurmdpidfile, s->name, s->hostname);
	s->tmp_fs = site_expand(&s->mem, s->conf->tmpfs, s->name, s->hostname);
	s->log_path = site_expand(&s->mem, o->log_path ? o->log_path : s->conf->slurmdlogfile,
				  s->name, s->hostname);
	s->cpu_spec_list = s->node ? s->node->cpu_spec_list : NULL;
	s->stepd_path = stepd_find(&s->mem, o);
	s->tmp_disk_mb = hw_tmp_disk_mb(s->tmp_fs);
	topo_note(s);
	*out = s;
	return E_OK;
}

enum err site_node_addr(const struct site *s, const char *node, bool bcast,
			struct wire_addr *out)
{
	const struct conf_node *n = conf_node_find(s->conf, node);
	const char *addr;

	if (!n)
		return E_UNKNOWN_FORWARD_ADDR;
	addr = bcast && n->bcast_addr ? n->bcast_addr : n->addr;
	return rpc_resolve(addr ? addr : n->name, n->port ? n->port : s->conf->slurmdport, out);
}
