/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU binding by sched_setaffinity.  Acts only when TaskPlugin asks for
 * affinity, as stock does; SLURM_CPU_BIND* is set in any case. */
#include "slurmd/stepd/bind.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "auth/cred.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

static char *joined(const char *verbose, const char *extra, const char *type,
		    const char *list)
{
	struct strbuf b = {0};

	strbuf_add(&b, verbose);
	if (extra)
		strbuf_printf(&b, ",%s", extra);
	if (*type)
		strbuf_printf(&b, ",%s%s", type, list);
	return strbuf_take(&b);
}

bool bind_cpu_text(uint16_t type, const char *list, struct bind_text *out)
{
	const char *to = type & CPU_BIND_THREADS ? "threads" :
			 type & CPU_BIND_CORES ? "cores" :
			 type & CPU_BIND_SOCKETS ? "sockets" :
			 type & CPU_BIND_LDOMS ? "ldoms" : NULL;
	const char *how = type & CPU_BIND_NONE ? "none" :
			  type & CPU_BIND_RANK ? "rank" :
			  type & CPU_BIND_MAP ? "map_cpu:" :
			  type & CPU_BIND_MASK ? "mask_cpu:" :
			  type & CPU_BIND_LDRANK ? "rank_ldom" :
			  type & CPU_BIND_LDMAP ? "map_ldom:" :
			  type & CPU_BIND_LDMASK ? "mask_ldom:" : NULL;
	bool listed = type & (CPU_BIND_RANK | CPU_BIND_MAP | CPU_BIND_MASK |
			      CPU_BIND_LDMAP | CPU_BIND_LDMASK);

	*out = (struct bind_text){
		.verbose = type & CPU_BIND_VERBOSE ? "verbose" : "quiet",
		.list = listed && list && !(type & CPU_BIND_NONE) ? list : "",
		.type = mem_printf("%s%s%s", to ? to : "", to && how ? "," : "",
				   how ? how : "")
	};
	out->all = joined(out->verbose, NULL, out->type, out->list);
	return true;
}

bool bind_mem_text(uint16_t type, const char *list, struct bind_text *out)
{
	const char *how = type & 0x02 ? "none" : type & 0x04 ? "rank" :
			  type & 0x08 ? "map_mem:" : type & 0x10 ? "mask_mem:" :
			  type & 0x20 ? "local" : "";

	*out = (struct bind_text){
		.verbose = type & 0x01 ? "verbose" : "quiet",
		.prefer = type & 0x80 ? "prefer" : NULL,
		.sort = type & 0x40 ? "sort" : NULL,
		.list = list ? list : "", .type = mem_strdup(how)
	};
	out->all = joined(out->verbose, out->prefer, how, out->list);
	return true;
}

void bind_text_fini(struct bind_text *t)
{
	free(t->all);
	free(t->type);
}

/* One entry of the list; *next moves on.  Counts "x*3" as three. */
static uint32_t entry_weight(const char *p, size_t len)
{
	const char *star = memchr(p, '*', len);

	return star ? (uint32_t)strtoul(star + 1, NULL, 10) : 1;
}

char *bind_list_entry(const char *list, uint32_t n)
{
	uint32_t total = 0;

	if (!list || !*list)
		return NULL;
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");

		total += entry_weight(p, len);
		p += len + (p[len] == ',');
	}
	if (!total)
		return NULL;
	n %= total;
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");
		uint32_t w = entry_weight(p, len);

		if (n < w)
			return mem_strndup(p, strcspn(p, ",*"));
		n -= w;
		p += len + (p[len] == ',');
	}
	return NULL;
}

/* "0x1f" (any length) to a set of CPUs. */
static bool mask_parse(const char *text, cpu_set_t *set)
{
	size_t len;

	if (text[0] == '0' && (text[1] | 32) == 'x')
		text += 2;
	len = strlen(text);
	CPU_ZERO(set);
	for (size_t i = 0; i < len; i++) {
		char c = text[len - 1 - i];
		int digit = c >= '0' && c <= '9' ? c - '0' :
			    (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;

		if (digit < 0)
			return false;
		for (unsigned bit = 0; bit < 4; bit++)
			if (digit >> bit & 1 && i * 4 + bit < CPU_SETSIZE)
				CPU_SET((int)(i * 4 + bit), set);
	}
	return len > 0;
}

/* CPUs of the node share of the step: its cores times their threads. */
static bool step_cpus(const struct step *s, cpu_set_t *set, uint32_t *cores,
		      uint32_t *core_count)
{
	struct arena mem = {0};
	struct cred_node_share share;
	uint32_t threads = s->start.threads ? s->start.threads : 1;
	bool found = false;

	CPU_ZERO(set);
	*core_count = 0;
	if (cred_node_share(s->cred, s->start.node_name, &mem, &share, NULL) == E_OK &&
	    share.step_cores) {
		bitset_foreach (c, share.step_cores) {
			for (uint32_t t = 0; t < threads && c * threads + t < CPU_SETSIZE; t++)
				CPU_SET((int)(c * threads + t), set);
			if (*core_count < CPU_SETSIZE)
				cores[(*core_count)++] = c;
			found = true;
		}
	}
	arena_fini(&mem);
	return found;
}

/* The CPUs of one task; false: leave it alone. */
static bool task_set(const struct step *s, const struct task *t, cpu_set_t *set)
{
	const struct launch_tasks_request_msg *m = s->launch;
	uint32_t cores[CPU_SETSIZE], n, per, threads = s->start.threads ? s->start.threads : 1;
	uint16_t type = m->cpu_bind_type;
	cpu_set_t mine;
	char *entry;
	bool good;

	if (type & CPU_BIND_NONE)
		return false;
	if (type & (CPU_BIND_MAP | CPU_BIND_MASK)) {
		if (!(entry = bind_list_entry(m->cpu_bind, t->ltid)))
			return false;
		if (type & CPU_BIND_MAP) {
			CPU_ZERO(set);
			CPU_SET((int)(strtoul(entry, NULL, 0) % CPU_SETSIZE), set);
			good = true;
		} else {
			good = mask_parse(entry, set);
		}
		free(entry);
		return good;
	}
	if (!step_cpus(s, &mine, cores, &n))
		return false;
	*set = mine;
	if (!(type & (CPU_BIND_THREADS | CPU_BIND_CORES)) || !n)
		return true;
	per = m->cpus_per_task ? (m->cpus_per_task + threads - 1) / threads : 1;
	if (type & CPU_BIND_THREADS && m->cpus_per_task <= 1 && s->task_count > n) {
		uint32_t k = t->ltid % (n * threads);

		CPU_ZERO(set);
		CPU_SET((int)(cores[k % n] * threads + k / n), set);
		return true;
	}
	CPU_ZERO(set);
	for (uint32_t i = 0; i < per; i++) {
		uint32_t c = cores[(t->ltid * per + i) % n];

		for (uint32_t k = 0; k < threads && c * threads + k < CPU_SETSIZE; k++)
			CPU_SET((int)(c * threads + k), set);
	}
	return true;
}

void child_bind(const struct step *s, const struct task *t)
{
	cpu_set_t set, allowed, both;

	if (!s->launch || !s->conf->taskplugin ||
	    !strstr(s->conf->taskplugin, "affinity") || !task_set(s, t, &set))
		return;
	/* Nodes may be configured with more CPUs than there are. */
	if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
		return;
	CPU_AND(&both, &set, &allowed);
	if (!CPU_COUNT(&both))
		return;
	if (sched_setaffinity(0, sizeof both, &both) < 0)
		log_error("sched_setaffinity: %s", strerror(errno));
}
