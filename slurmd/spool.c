/* SPDX-License-Identifier: Apache-2.0
 *
 * See spool.h.  Every step below the spool directory is by descriptor and
 * without following links. */
#include "slurmd/spool.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/base/log.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static bool parents_make(const char *dir)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s", dir) >= (int)sizeof path)
		return false;
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return false;
		*p = '/';
	}
	return mkdir(path, 0755) == 0 || errno == EEXIST;
}

enum err spool_make(const char *dir)
{
	struct stat s;

	if (!parents_make(dir) || stat(dir, &s)) {
		log_error("SlurmdSpoolDir %s: %m", dir);
		return E_FAIL;
	}
	if (!S_ISDIR(s.st_mode) || s.st_mode & S_ISVTX) {
		log_error("SlurmdSpoolDir %s is not a directory for one daemon alone", dir);
		return E_FAIL;
	}
	/* Packages and images give it to SlurmUser.  What lies in it is run as
	 * root, so it becomes ours. */
	if (s.st_uid != geteuid() && chown(dir, geteuid(), (gid_t)-1)) {
		log_error("SlurmdSpoolDir %s belongs to uid %u: %m", dir, s.st_uid);
		return E_FAIL;
	}
	if (s.st_mode & 022 && chmod(dir, s.st_mode & 0755)) {
		log_error("SlurmdSpoolDir %s can be written by others: %m", dir);
		return E_FAIL;
	}
	return E_OK;
}

static void job_dir_name(char *out, size_t size, uint32_t job_id)
{
	snprintf(out, size, "job%05u", job_id);
}

static bool write_all(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t k = write(fd, text, n);

		if (k > 0) {
			text += k;
			n -= (size_t)k;
		} else if (k < 0 && errno != EINTR) {
			return false;
		}
	}
	return true;
}

static enum err script_at(int job, uid_t uid, gid_t gid, const char *text)
{
	int fd;
	enum err e = E_OK;

	/* The user may read it here, and put nothing else in its place. */
	if (fchown(job, geteuid(), gid) || fchmod(job, 0750))
		return E_D_CREATE_BATCH_DIR_ERROR;
	(void)unlinkat(job, "slurm_script", 0);
	fd = openat(job, "slurm_script", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0700);
	if (fd < 0)
		return E_D_CREATE_BATCH_SCRIPT_ERROR;
	if (!write_all(fd, text, strlen(text)))
		e = E_D_CREATE_BATCH_SCRIPT_ERROR;
	else if (fchown(fd, uid, (gid_t)-1) || fchmod(fd, 0700))
		e = E_D_MODIFY_BATCH_SCRIPT_ERROR;
	if (close(fd) && !e)
		e = E_D_CREATE_BATCH_SCRIPT_ERROR;
	return e;
}

enum err spool_script_write(const char *dir, uint32_t job_id, uid_t uid, gid_t gid,
			    const char *text, struct arena *mem, const char **path)
{
	char name[32];
	int spool = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), job;
	enum err e = E_D_CREATE_BATCH_DIR_ERROR;

	if (spool < 0)
		return e;
	job_dir_name(name, sizeof name, job_id);
	if (mkdirat(spool, name, 0700) == 0 || errno == EEXIST) {
		job = openat(spool, name, DIR_FLAGS);
		if (job >= 0) {
			e = script_at(job, uid, gid, text);
			close(job);
		}
	}
	if (e)
		log_error("cannot write the script of job %u below %s: %m", job_id, dir);
	else
		*path = arena_printf(mem, "%s/%s/slurm_script", dir, name);
	close(spool);
	return e;
}

/* Empty a directory whose owner is a user; depth-limited. */
static void empty_at(int fd, int depth)
{
	DIR *d = fdopendir(fd);
	struct dirent *f;

	if (!d) {
		close(fd);
		return;
	}
	while ((f = readdir(d))) {
		int sub;

		if (streq(f->d_name, ".") || streq(f->d_name, ".."))
			continue;
		if (!unlinkat(dirfd(d), f->d_name, 0) || depth == 0)
			continue;
		sub = openat(dirfd(d), f->d_name, DIR_FLAGS);
		if (sub >= 0)
			empty_at(sub, depth - 1);
		(void)unlinkat(dirfd(d), f->d_name, AT_REMOVEDIR);
	}
	closedir(d);
}

void spool_job_remove(const char *dir, uint32_t job_id)
{
	char name[32];
	int spool = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), job;

	if (spool < 0)
		return;
	job_dir_name(name, sizeof name, job_id);
	job = openat(spool, name, DIR_FLAGS);
	if (job >= 0) {
		empty_at(job, 8);
		(void)unlinkat(spool, name, AT_REMOVEDIR);
	}
	close(spool);
}

/* Does a step daemon of any node have its socket here for this job?  Nodes
 * that share a machine may share the directory. */
static bool socket_of_job(DIR *dir, uint32_t job_id)
{
	char want[32];
	struct dirent *f;
	bool found = false;

	snprintf(want, sizeof want, "_%u.", job_id);
	rewinddir(dir);
	while (!found && (f = readdir(dir)))
		found = strstr(f->d_name, want) != NULL;
	return found;
}

void spool_clean(struct daemon *d)
{
	DIR *sockets = opendir(d->site->spool_dir);
	DIR *dir = opendir(d->site->spool_dir);
	struct dirent *f;

	while (dir && sockets && (f = readdir(dir))) {
		char *end;
		unsigned long id;

		if (strncmp(f->d_name, "job", 3) || !isdigit((unsigned char)f->d_name[3]))
			continue;
		id = strtoul(f->d_name + 3, &end, 10);
		if (!*end && id <= UINT32_MAX && !socket_of_job(sockets, (uint32_t)id))
			spool_job_remove(d->site->spool_dir, (uint32_t)id);
	}
	if (sockets)
		closedir(sockets);
	if (dir)
		closedir(dir);
}
