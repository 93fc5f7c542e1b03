/* SPDX-License-Identifier: Apache-2.0
 *
 * Loading with the network, which slurmstepd does without: it starts faster
 * than what reads topology.yaml. */
#include "conf/parse.h"

#include <stdlib.h>

struct with {
	const char *path, *more;
};

static enum err with_read(void *ctx, const char *path, char **text, struct err_text *why)
{
	const struct with *w = ctx;
	enum err e = conf_files.read(NULL, path, text, why);
	char *both;

	if (e || !streq(path, w->path))
		return e;
	both = mem_printf("%s\n%s", *text, w->more);
	free(*text);
	*text = both;
	return E_OK;
}

enum err conf_load_with(const char *path, const char *more, struct conf **out,
			struct conf_problems *problems)
{
	struct with w = {path, more};
	const struct conf_reader reader = {with_read, conf_files.uid, &w, conf_topo_read};

	return conf_parse_reader(&reader, path, out, problems);
}

enum err conf_load(const char *path, struct conf **out,
		   struct conf_problems *problems)
{
	const struct conf_reader reader = {conf_files.read, conf_files.uid, NULL, conf_topo_read};

	return conf_parse_reader(&reader, path, out, problems);
}

uint32_t conf_check(const char *path, FILE *out)
{
	struct conf_problems ps = {0};
	struct conf *c = NULL;
	uint32_t errors = 0;

	if (conf_load(path, &c, &ps) == E_OK)
		conf_unref(c);
	for (uint32_t i = 0; i < ps.count; i++) {
		const struct conf_problem *p = &ps.v[i];

		errors += p->fatal;
		if (p->line)
			fprintf(out, "%s:%u: ", p->file, p->line);
		else
			fprintf(out, "%s: ", p->file);
		fprintf(out, "%s: %s\n", p->fatal ? "error" : "warning",
			p->text);
	}
	conf_problems_fini(&ps);
	return errors;
}

