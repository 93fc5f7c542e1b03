/* SPDX-License-Identifier: Apache-2.0 */
#include "slurmd/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wire/base/log.h"

#define OLD_WAIT_SEC 30

static bool lock_try(int fd, pid_t *holder)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &l) == 0)
		return true;
	l.l_type = F_WRLCK;
	if (fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
		*holder = l.l_pid;
	return false;
}

/* The one who held it removes it as the last thing it does: what we locked may
 * be nobody's file any more. */
static bool still_there(const char *path, int fd)
{
	struct stat a, b;

	return !fstat(fd, &a) && !lstat(path, &b) && a.st_ino == b.st_ino &&
	       a.st_dev == b.st_dev;
}

enum err pidfile_take(const char *path, int *out)
{
	pid_t holder = 0;
	int fd;

	*out = -1;
again:
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0) {
		log_error("Unable to open pidfile `%s': %m", path);
		return E_OK;
	}
	for (int k = 0; !lock_try(fd, &holder); k++) {
		const struct timespec pause = { .tv_nsec = 100000000 };

		if (k == 0 && holder > 0) {
			log_info("killing old slurmd[%d]", (int)holder);
			kill(holder, SIGTERM);
		}
		if (k > OLD_WAIT_SEC * 10) {
			log_error("an older slurmd (pid %d) does not end", (int)holder);
			close(fd);
			return E_FAIL;
		}
		nanosleep(&pause, NULL);
	}
	if (!still_there(path, fd)) {
		close(fd);
		goto again;
	}
	if (ftruncate(fd, 0) || dprintf(fd, "%d\n", (int)getpid()) < 0)
		log_error("%s: %m", path);
	*out = fd;
	return E_OK;
}

void pidfile_drop(const char *path, int fd)
{
	if (fd < 0)
		return;
	if (still_there(path, fd))
		(void)unlink(path);
	close(fd);
}
