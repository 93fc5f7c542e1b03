/* SPDX-License-Identifier: Apache-2.0
 *
 * Helpers of the configuration tests: parse a string with a head that is
 * enough to be valid, look for a problem. */
#ifndef CONF_TEST_UTIL_H
#define CONF_TEST_UTIL_H

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/parse.h"
#include "wire/base/tap.h"

#define HEAD "ClusterName=c\nSlurmctldHost=h(127.0.0.1)\n"
#define HEAD_LINES 2

struct test_files {
	const char *path;               /* of slurm.conf; NULL: the usual one */
	const char *slurm, *gres, *cgroup, *mpi, *gather;
	const char *more_name, *more;   /* another file, for Include */
};

static enum err test_read(void *ctx, const char *path, char **text,
			  struct err_text *why)
{
	const struct test_files *f = ctx;
	const char *found = streq(path, "/etc/x/slurm.conf") ||
			    streq(path, f->path) ? f->slurm :
			    streq(path, "/etc/x/gres.conf") ? f->gres :
			    streq(path, "/etc/x/cgroup.conf") ? f->cgroup :
			    streq(path, "/etc/x/mpi.conf") ? f->mpi :
			    streq(path, "/etc/x/acct_gather.conf") ?
			    f->gather : streq(path, f->more_name) ? f->more : NULL;

	if (!found)
		return err_set(why, E_FAIL, "%s: no such file", path);
	*text = mem_strdup(found);
	return E_OK;
}

/* Users of the tests: root and slurm, whoever the machine knows. */
static bool test_uid(void *ctx, const char *name, uid_t *uid)
{
	(void)ctx;
	*uid = streq(name, "slurm") ? 64030 : 0;
	return streq(name, "slurm") || streq(name, "root");
}

static enum err test_parse(const struct test_files *files, struct conf **out,
			   struct conf_problems *ps)
{
	const struct conf_reader reader = {test_read, test_uid,
					   (void *)(uintptr_t)files, conf_topo_read};

	return conf_parse_reader(&reader, files->path ? files->path :
				 "/etc/x/slurm.conf", out, ps);
}

__attribute__((unused))
static void problems_show(const struct conf_problems *ps)
{
	for (uint32_t i = 0; i < ps->count; i++)
		printf("# %s:%u: %s: %s\n", ps->v[i].file, ps->v[i].line,
		       ps->v[i].fatal ? "error" : "warning", ps->v[i].text);
}

/* Parse lines after HEAD; NULL and a failed test when that fails. */
__attribute__((unused))
static struct conf *test_conf(const char *lines)
{
	char *text = mem_printf("%s%s", HEAD, lines);
	struct test_files files = {.slurm = text};
	struct conf_problems ps = {0};
	struct conf *c = NULL;

	if (test_parse(&files, &c, &ps)) {
		problems_show(&ps);
		ok(false, "parses: %s", lines);
	}
	conf_problems_fini(&ps);
	free(text);
	return c;
}

/* A whole file into heap memory, NULL when it is missing. */
__attribute__((unused))
static char *test_slurp(const char *path)
{
	FILE *f = fopen(path, "r");
	char *buf = NULL;
	long n;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	buf = mem_alloc((size_t)n + 1);
	n = (long)fread(buf, 1, (size_t)n, f);
	buf[n] = '\0';
	fclose(f);
	return buf;
}

#endif
