/* SPDX-License-Identifier: Apache-2.0
 *
 * One input for everything that parses text here: the configuration files and
 * the host lists. */
#ifndef CONF_FUZZ_CONF_FUZZ_H
#define CONF_FUZZ_CONF_FUZZ_H

#include <stdlib.h>

#include "conf/conf.h"
#include "conf/parse.h"
#include "conf/print.h"

/* The input is slurm.conf, then after each NUL gres.conf and cgroup.conf. */
struct conf_fuzz {
	const char *part[3];
};

static enum err conf_fuzz_read(void *ctx, const char *path, char **text,
			       struct err_text *why)
{
	const struct conf_fuzz *f = ctx;
	const char *found = streq(path, "/x/slurm.conf") ? f->part[0] :
			    streq(path, "/x/gres.conf") ? f->part[1] :
			    streq(path, "/x/cgroup.conf") ? f->part[2] : NULL;

	if (!found)
		return err_set(why, E_FAIL, "%s: no such file", path);
	*text = mem_strdup(found);
	return E_OK;
}

static bool conf_fuzz_uid(void *ctx, const char *name, uid_t *uid)
{
	(void)ctx;
	*uid = 0;
	return streq(name, "root") || streq(name, "slurm");
}

static void conf_fuzz_fail(const char *what, const char *first,
			   const char *second)
{
	fprintf(stderr, "%s\n----\n%s----\n%s", what, first,
		second ? second : "");
	abort();
}

/* Whatever parses prints, parses again, and prints the same. */
static void conf_fuzz_again(struct conf *c)
{
	struct slurm_ctl_conf_msg msg;
	struct conf_runtime run = {.release = V22_05, .version = ""};
	struct conf_fuzz f = {{conf_print(c), NULL, NULL}};
	const struct conf_reader reader = {conf_fuzz_read, conf_fuzz_uid, &f, conf_topo_read};
	struct arena mem = {0};
	struct conf *again = NULL;
	char *second;

	conf_to_wire(c, &run, &msg, &mem);
	arena_fini(&mem);
	if (conf_parse_reader(&reader, "/x/slurm.conf", &again, NULL))
		conf_fuzz_fail("does not parse again", f.part[0], NULL);
	second = conf_print(again);
	if (!streq(f.part[0], second))
		conf_fuzz_fail("prints differently", f.part[0], second);
	free(second);
	free((char *)(uintptr_t)f.part[0]);
	conf_unref(again);
}

static int conf_fuzz_one(const uint8_t *data, size_t size)
{
	char *text = mem_alloc(size + 1);
	struct conf_fuzz f = {{NULL, NULL, NULL}};
	const struct conf_reader reader = {conf_fuzz_read, conf_fuzz_uid, &f, conf_topo_read};
	struct conf *c = NULL;

	memcpy(text, data, size);
	text[size] = '\0';
	f.part[0] = text;
	for (size_t i = 0, n = 1; i < size && n < 3; i++)
		if (!text[i])
			f.part[n++] = text + i + 1;
	if (conf_parse_reader(&reader, "/x/slurm.conf", &c, NULL) == E_OK) {
		conf_fuzz_again(c);
		conf_unref(c);
	}
	free(text);
	return 0;
}

static int hostlist_fuzz_one(const uint8_t *data, size_t size)
{
	char *text = mem_strndup((const char *)data, size);
	struct arena mem = {0};
	char **names;
	uint32_t count;

	/* Long lists are slow and not interesting. */
	if (size < 64 &&
	    hostlist_expand(text, &mem, &names, &count, NULL) == E_OK &&
	    count < 1000) {
		char *list = hostlist_compress((const char *const *)names,
					       count);
		char **again;
		uint32_t n;

		if (hostlist_expand(list, &mem, &again, &n, NULL) ||
		    n != count)
			conf_fuzz_fail("host list differs", text, list);
		for (uint32_t i = 0; i < n; i++)
			if (!streq(names[i], again[i]))
				conf_fuzz_fail("host differs", text, list);
		free(list);
		free(hostlist_compress_sorted((const char *const *)names,
					      count));
	}
	arena_fini(&mem);
	free(text);
	return 0;
}

#endif
