/* SPDX-License-Identifier: Apache-2.0
 *
 * See ended.h.  A line a job: "number time".  A line lost in a crash costs
 * nothing but this second line of defence, so nothing is flushed. */
#include "slurmd/ended.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wire/base/log.h"
#include "wire/base/strbuf.h"

#define KEEP_SEC 600            /* longer than any credential is good for */
#define SIZE_MAX_BYTES 65536

static void path_make(const struct daemon *d, const char *suffix, char *out, size_t size)
{
	snprintf(out, size, "%s/%s.ended%s", d->site->spool_dir, d->site->name, suffix);
}

static int file_open(const char *path, int flags)
{
	return open(path, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* The lines that still count; with revoke, they are made to count. */
static void lines_read(struct daemon *d, struct strbuf *kept, bool revoke)
{
	char path[4096], line[80];
	time_t now = time(NULL);
	int fd;
	FILE *f;

	path_make(d, "", path, sizeof path);
	fd = file_open(path, O_RDONLY);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	while (f && fgets(line, sizeof line, f)) {
		char *end;
		unsigned long job = strtoul(line, &end, 10);
		long long when = strtoll(end, &end, 10);

		if (*end != '\n' || !job || job > UINT32_MAX || when > now ||
		    when + KEEP_SEC < now)
			continue;
		strbuf_add(kept, line);
		if (revoke)
			cred_cache_revoke(d->creds, (uint32_t)job, (time_t)when, now);
	}
	if (f)
		fclose(f);
}

static void rewrite(struct daemon *d, bool revoke)
{
	char path[4096], tmp[4096];
	struct strbuf kept = { 0 };
	int fd;

	lines_read(d, &kept, revoke);
	path_make(d, "", path, sizeof path);
	path_make(d, ".new", tmp, sizeof tmp);
	(void)unlink(tmp);
	fd = file_open(tmp, O_WRONLY | O_CREAT | O_EXCL);
	if (fd >= 0) {
		bool good = write(fd, kept.s, kept.len) == (ssize_t)kept.len;

		close(fd);
		if (!good || rename(tmp, path))
			(void)unlink(tmp);
	}
	strbuf_fini(&kept);
}

void ended_load(struct daemon *d)
{
	rewrite(d, true);
}

void ended_add(struct daemon *d, uint32_t job_id, time_t when)
{
	char path[4096], line[80];
	int fd, n = snprintf(line, sizeof line, "%u %lld\n", job_id, (long long)when);
	off_t size;

	path_make(d, "", path, sizeof path);
	fd = file_open(path, O_WRONLY | O_CREAT | O_APPEND);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		log_debug("%s: %m", path);
	size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	if (fd >= 0)
		close(fd);
	if (size > SIZE_MAX_BYTES)
		rewrite(d, false);
}
