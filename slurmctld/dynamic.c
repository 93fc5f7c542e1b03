/* SPDX-License-Identifier: Apache-2.0
 *
 * Nodes that slurm.conf does not name. */
#include "slurmctld/dynamic.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "conf/hostlist.h"
#include "conf/topo.h"
#include "wire/base/log.h"
#include "wire/states.h"

#define TEXT_MAX (16 << 20)

static char *file_path(const struct conf *conf)
{
	return mem_printf("%s/dynamic_nodes.conf", conf->statesavelocation);
}

/* "" when there are none; heap text. */
static char *lines_read(const struct conf *conf)
{
	char *path = file_path(conf), *text = NULL;
	FILE *f = fopen(path, "re");
	size_t len = 0, cap = 0, n;

	if (!f && errno != ENOENT)
		log_error("%s: %m", path);
	free(path);
	do {
		if (len + 4096 > cap) {
			cap = cap ? cap * 2 : 8192;
			text = mem_realloc(text, cap);
		}
		n = f ? fread(text + len, 1, cap - len - 1, f) : 0;
		len += n;
	} while (n && len < TEXT_MAX);
	text[len] = '\0';
	if (f)
		fclose(f);
	return text;
}

/* On the disk before anybody is told. */
static enum err lines_write(const struct conf *conf, const char *text, struct err_text *why)
{
	char *path = file_path(conf), *fresh = mem_printf("%s.new", path);
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int dir = open(conf->statesavelocation, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t len = strlen(text);
	enum err e = E_OK;

	if (fd < 0 || dir < 0 || write(fd, text, len) != (ssize_t)len || fsync(fd) ||
	    rename(fresh, path) || fsync(dir))
		e = err_set(why, E_FAIL, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (dir >= 0)
		close(dir);
	free(fresh);
	free(path);
	return e;
}

/* A line alone, as the nodes of a small cluster. */
static struct conf *line_parse(const char *line, const struct conf *like, struct err_text *why)
{
	struct conf_problems problems = { 0 };
	struct conf *conf = NULL;
	const char *types = like ? like->grestypes : NULL;
	char *text = mem_printf("ClusterName=x\nSlurmctldHost=x\n%s%s\n%s\n",
				types && *types ? "GresTypes=" : "", types && *types ? types : "",
				line);

	if (conf_parse(text, NULL, NULL, &conf, &problems)) {
		conf = NULL;
		for (uint32_t i = 0; i < problems.count && !why->text[0]; i++)
			if (problems.v[i].fatal)
				err_set(why, E_FAIL, "%s", problems.v[i].text);
	}
	conf_problems_fini(&problems);
	free(text);
	return conf;
}

enum err dynamic_conf_load(const char *path, struct conf **out, struct conf_problems *problems)
{
	struct conf_problems more = { 0 };
	struct conf *both = NULL, *extra;
	struct err_text why = { "" };
	enum err e = conf_load(path, out, problems);
	char *lines;

	if (e)
		return e;
	lines = lines_read(*out);
	if (!*lines) {
		free(lines);
		return E_OK;
	}
	if (conf_load_with(path, lines, &both, &more)) {
		for (uint32_t i = 0; i < more.count; i++)
			if (more.v[i].fatal)
				log_error("nodes made at run time are left out: %s", more.v[i].text);
	} else {
		extra = line_parse(lines, *out, &why);
		for (uint32_t i = 0; extra && i < extra->node_count; i++)
			for (uint32_t k = 0; k < both->node_count; k++)
				if (!strcmp(both->nodes[k].name, extra->nodes[i].name))
					both->nodes[k].state |= NODE_STATE_DYNAMIC_NORM;
		conf_unref(extra);
		conf_unref(*out);
		*out = both;
	}
	conf_problems_fini(&more);
	free(lines);
	return E_OK;
}

static bool mentions(const char *line, const char *key)
{
	return strcasestr(line, key) != NULL;
}

enum err dynamic_add(struct ctld *c, const char *line, bool by_admin, const char *addr,
		     struct err_text *why)
{
	char *lines, *text = NULL;
	struct conf *fresh;
	enum err e = E_OK;

	if (!line || strncasecmp(line, "NodeName=", 9) || strpbrk(line, "\r\n"))
		return err_set(why, E_INVALID_NODE_NAME, "a line of nodes begins with NodeName=");
	if (by_admin && !mentions(line, "State=CLOUD") && !mentions(line, "State=FUTURE"))
		return err_set(why, E_INVALID_NODE_STATE,
			       "Only State=FUTURE and State=CLOUD allowed for nodes created by scontrol");
	fresh = line_parse(line, c->conf, why);
	if (!fresh)
		return E_INVALID_NODE_NAME;
	for (uint32_t i = 0; i < fresh->node_count && !e; i++)
		if (conf_node_find(c->conf, fresh->nodes[i].name))
			e = err_set(why, E_NODE_ALREADY_EXISTS, "%s (%s)",
				    err_str(E_NODE_ALREADY_EXISTS), fresh->nodes[i].name);
	/* Without MaxNodeCount there is room for the configured nodes only. */
	if (!e && (c->conf->maxnodecount == NO_VAL ||
		   c->conf->node_count + fresh->node_count > c->conf->maxnodecount))
		e = err_set(why, E_NODE_TABLE_FULL, "%s (%s)", err_str(E_NODE_TABLE_FULL),
			    fresh->node_count ? fresh->nodes[0].name : "");
	for (uint32_t i = 0; i < fresh->node_count && !e; i++)
		if (!topo_text_good(c->core->topo, c->core->topo_count, fresh->nodes[i].topology))
			e = err_set(why, E_REQUESTED_TOPO_CONFIG_UNAVAILABLE, "%s (%s)",
				    err_str(E_REQUESTED_TOPO_CONFIG_UNAVAILABLE),
				    fresh->nodes[i].name);
	conf_unref(fresh);
	if (e)
		return e;
	lines = lines_read(c->conf);
	text = addr && !mentions(line, "NodeAddr=") ?
		mem_printf("%s%s NodeAddr=%s\n", lines, line, addr) :
		mem_printf("%s%s\n", lines, line);
	e = lines_write(c->conf, text, why);
	if (!e)
		e = ctld_reconfigure_quietly(c, why);
	if (e)          /* what cannot be taken up is not kept */
		(void)lines_write(c->conf, lines, NULL);
	free(text);
	free(lines);
	return e;
}

/* Which of the names are in this line: 0 none, all of them the line's count. */
static uint32_t named(const struct conf *line, char **names, uint32_t n, bool *seen)
{
	uint32_t hits = 0;

	for (uint32_t i = 0; i < line->node_count; i++)
		for (uint32_t k = 0; k < n; k++)
			if (!strcmp(line->nodes[i].name, names[k])) {
				seen[k] = true;
				hits++;
			}
	return hits;
}

/* The lines without those of the names; heap text, or NULL. */
static char *lines_without(struct ctld *c, char *lines, char **names, uint32_t n,
			   struct err_text *why)
{
	bool *seen = mem_zalloc(n + 1);
	char *left = mem_strdup(""), *save = NULL, *more;
	struct err_text bad = { "" };

	for (char *l = strtok_r(lines, "\n", &save); l && left; l = strtok_r(NULL, "\n", &save)) {
		struct conf *one = line_parse(l, c->conf, &bad);
		uint32_t hits = one ? named(one, names, n, seen) : 0;

		if (!hits) {
			more = mem_printf("%s%s\n", left, l);
			free(left);
			left = more;
		} else if (hits < one->node_count) {
			err_set(why, E_FAIL, "nodes that were created together are deleted "
				"together: %s", l);
			free(left);
			left = NULL;
		}
		conf_unref(one);
	}
	for (uint32_t k = 0; left && k < n; k++)
		if (!seen[k]) {
			log_info("node %s was not created at run time", names[k]);
			err_set(why, E_FAIL, "failed to delete nodes %s", names[k]);
			free(left);
			left = NULL;
		}
	free(seen);
	return left;
}

enum err dynamic_delete(struct ctld *c, const char *list, struct err_text *why)
{
	struct arena mem = { 0 };
	char **names = NULL, *lines, *left = NULL;
	uint32_t n = 0;
	enum err e = hostlist_expand(list, &mem, &names, &n, why) ? E_INVALID_NODE_NAME : E_OK;

	for (uint32_t k = 0; k < n && !e; k++) {
		const struct node *node = node_find(c->core, names[k]);

		if (!node || !conf_node_find(c->conf, names[k]))
			e = E_INVALID_NODE_NAME;
		else if (node->run_jobs || node->comp_jobs || node->state & NODE_STATE_RES)
			e = E_NODES_BUSY;
		if (e) {
			log_info("node %s cannot be deleted: %s", names[k], err_str((int)e));
			err_set(why, e, "failed to delete nodes %s", names[k]);
		}
	}
	if (!e) {
		lines = lines_read(c->conf);
		left = lines_without(c, lines, names, n, why);
		free(lines);
		e = left ? lines_write(c->conf, left, why) : E_INVALID_NODE_NAME;
	}
	if (!e)
		e = ctld_reconfigure_quietly(c, why);
	free(left);
	arena_fini(&mem);
	return e;
}
