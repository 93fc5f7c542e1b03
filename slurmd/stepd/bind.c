/* SPDX-License-Identifier: Apache-2.0
 *
 * The words and lists of --cpu-bind and --mem-bind. */
#include "slurmd/stepd/bind.h"

#include <stdlib.h>
#include <string.h>

#include "wire/base/mem.h"
#include "wire/base/strbuf.h"

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

bool bind_mask_parse(const char *text, cpu_set_t *set)
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

char *bind_mask_text(const cpu_set_t *set)
{
	struct strbuf b = {0};

	strbuf_add(&b, "0x");
	for (int nibble = CPU_SETSIZE / 4 - 1; nibble >= 0; nibble--) {
		int v = 0;

		for (int bit = 0; bit < 4; bit++)
			v |= CPU_ISSET(nibble * 4 + bit, set) ? 1 << bit : 0;
		if (v || b.len > 2 || nibble == 0)
			strbuf_printf(&b, "%x", v);
	}
	return strbuf_take(&b);
}
