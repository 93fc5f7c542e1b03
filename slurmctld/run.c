/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and group lookups, away from the main thread. */
#include "slurmctld/run.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "slurmctld/core/resv.h"
#include "slurmctld/steps.h"
#include "wire/base/log.h"
#include "wire/base/strbuf.h"

/* ---- job completion file ----------------------------------------------- */

struct comp_work {
	struct work work;
	char *path, *line;
	int err;
};

/* "@u0@": what only a daemon can tell; see the core's completed_line. */
static void comp_word(struct strbuf *b, char kind, long long v)
{
	char buf[4096], *text = NULL;
	struct passwd pw, *u = NULL;
	struct group gr, *g = NULL;
	struct tm tm;
	time_t t = (time_t)v;

	if (kind == 'u' && !getpwuid_r((uid_t)v, &pw, buf, sizeof buf, &u) && u)
		text = pw.pw_name;
	else if (kind == 'g' && !getgrgid_r((gid_t)v, &gr, buf, sizeof buf, &g) && g)
		text = gr.gr_name;
	else if (kind == 't' && t && localtime_r(&t, &tm) &&
		 strftime(buf, sizeof buf, "%Y-%m-%dT%H:%M:%S", &tm))
		text = buf;
	if (text)
		strbuf_add(b, text);
	else if (kind == 't')
		strbuf_add(b, "Unknown");
	else
		strbuf_printf(b, "%lld", v);
}

static char *comp_expand(const char *line)
{
	struct strbuf b = { 0 };

	for (const char *p = line; *p; p++) {
		char *end = NULL;
		long long v = 0;

		if (p[0] == '@' && p[1] && strchr("ugt", p[1]))
			v = strtoll(p + 2, &end, 10);
		if (!end || end == p + 2 || *end != '@') {
			strbuf_addc(&b, *p);
			continue;
		}
		comp_word(&b, p[1], v);
		p = end;
	}
	return strbuf_take(&b);
}

static void comp_run(struct work *w)
{
	struct comp_work *k = (struct comp_work *)w;
	int fd = open(k->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	char *line = comp_expand(k->line);
	size_t n;

	free(k->line);
	k->line = line;
	n = strlen(line);

	if (fd < 0) {
		k->err = errno;
		return;
	}
	if (write(fd, k->line, n) != (ssize_t)n)
		k->err = errno ? errno : EIO;
	close(fd);
}

static void comp_done(struct work *w)
{
	struct comp_work *k = (struct comp_work *)w;

	if (k->err)
		log_error("%s: %s", k->path, strerror(k->err));
	free(k->path);
	free(k->line);
	free(k);
}

void run_jobcomp(struct ctld *c, const char *line)
{
	const char *type = c->conf->jobcomptype;
	struct comp_work *k;

	if (!type || !strstr(type, "filetxt") || !line)
		return;
	k = mem_zalloc(sizeof *k);
	k->work.run = comp_run;
	k->work.done = comp_done;
	k->path = mem_strdup(c->conf->jobcomploc ? c->conf->jobcomploc
						 : "/var/log/slurm_jobcomp.log");
	k->line = mem_printf("%s\n", line);
	pool_submit(c->slow, &k->work);
}

/* ---- groups ------------------------------------------------------------ */

struct group_work {
	struct work work;
	struct ctld *ctld;
	uint32_t part, resv_id;
	char *groups;
	uint32_t *uids, count, cap;
};

static void add_uid(struct group_work *k, uint32_t uid)
{
	for (uint32_t i = 0; i < k->count; i++)
		if (k->uids[i] == uid)
			return;
	if (k->count == k->cap) {
		k->cap = k->cap ? k->cap * 2 : 16;
		k->uids = mem_realloc(k->uids, k->cap * sizeof *k->uids);
	}
	k->uids[k->count++] = uid;
}

static void add_members(struct group_work *k, const char *name, char *buf, size_t size)
{
	struct group gr, *found = NULL;
	struct passwd *pw;

	if (getgrnam_r(name, &gr, buf, size, &found) || !found) {
		log_error("Could not find configured group %s", name);
		return;
	}
	for (char **m = gr.gr_mem; *m; m++) {
		char pwbuf[4096];
		struct passwd one, *p = NULL;

		if (!getpwnam_r(*m, &one, pwbuf, sizeof pwbuf, &p) && p)
			add_uid(k, p->pw_uid);
	}
	/* ... and those whose primary group it is; this pool has one thread. */
	setpwent();
	while ((pw = getpwent()))
		if (pw->pw_gid == gr.gr_gid)
			add_uid(k, pw->pw_uid);
	endpwent();
}

static void group_run(struct work *w)
{
	struct group_work *k = (struct group_work *)w;
	size_t size = 1 << 18;
	char *buf = mem_alloc(size), *save = NULL;

	for (char *p = strtok_r(k->groups, ",", &save); p; p = strtok_r(NULL, ",", &save))
		add_members(k, p, buf, size);
	free(buf);
}

static void group_done(struct work *w)
{
	struct group_work *k = (struct group_work *)w;
	uint32_t none = 0;
	struct event ev = {
		.kind = EV_GROUPS,
		.part = k->part,
		.resv_id = k->resv_id,
		.uids = k->uids ? k->uids : &none,
		.uid_count = k->count,
	};

	steps_run(k->ctld, &ev, NULL);
	free(k->groups);
	free(k->uids);
	free(k);
}

static char *groups_of_part(const struct core *c, uint32_t part)
{
	return part < c->part_count && c->part[part] ? mem_strdup(c->part[part]->allow_groups) : NULL;
}

static char *group_of_resv(const struct core *c, uint32_t id, uint32_t index)
{
	const struct resv *r = c->resv_first;
	const char *p;

	while (r && r->id != id)
		r = r->next;
	p = r ? r->groups : NULL;
	for (; p && index; index--)
		p = strchr(p, ',') ? strchr(p, ',') + 1 : NULL;
	return p ? mem_strndup(p, strcspn(p, ",")) : NULL;
}

void run_groups(struct ctld *c, uint32_t part, uint32_t resv_id)
{
	char *groups = resv_id ? group_of_resv(c->core, resv_id, part) :
		groups_of_part(c->core, part);
	struct group_work *k;

	if (!groups)
		return;
	k = mem_zalloc(sizeof *k);
	k->work.run = group_run;
	k->work.done = group_done;
	k->ctld = c;
	k->part = part;
	k->resv_id = resv_id;
	k->groups = groups;
	pool_submit(c->slow, &k->work);
}
