/* SPDX-License-Identifier: Apache-2.0
 *
 * Start-up only: everything here may be fatal. */
#include "slurmctld/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "wire/base/log.h"

static int ready_fd = -1;
static int pid_fd = -1;

void daemon_background(void)
{
	int fd[2], status;
	char ok = 0;
	pid_t pid;

	if (pipe2(fd, O_CLOEXEC) < 0)
		log_fatal("pipe: %m");
	pid = fork();
	if (pid < 0)
		log_fatal("fork: %m");
	if (pid) {
		close(fd[1]);
		while (read(fd[0], &ok, 1) < 0 && errno == EINTR)
			;
		if (ok)
			_exit(0);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
	}
	close(fd[0]);
	ready_fd = fd[1];
	setsid();
}

void daemon_ready(void)
{
	int null;

	if (ready_fd < 0)
		return;
	if (write(ready_fd, "1", 1) < 0)
		log_debug("nobody waits for our start");
	close(ready_fd);
	ready_fd = -1;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return;
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	close(null);
}

void daemon_become(const struct conf *conf)
{
	uid_t want = conf->slurm_uid;
	struct passwd *pw;

	if (geteuid() == want)
		return;
	if (geteuid() != 0)
		log_fatal("You are running slurmctld as something other than user %s "
			  "(SlurmUser, uid %u); our uid is %u", conf->slurmuser, (unsigned)want,
			  (unsigned)geteuid());
	pw = getpwuid(want);
	if (!pw)
		log_fatal("SlurmUser %s is not known here", conf->slurmuser);
	if (initgroups(pw->pw_name, pw->pw_gid) < 0 || setgid(pw->pw_gid) < 0 ||
	    setuid(want) < 0)
		log_fatal("cannot become %s: %m", pw->pw_name);
	log_debug("running as %s uid=%u", pw->pw_name, (unsigned)want);
}

void daemon_limits(void)
{
	struct rlimit r;

	if (!getrlimit(RLIMIT_NOFILE, &r) && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
	if (!getrlimit(RLIMIT_CORE, &r) && r.rlim_cur < r.rlim_max) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_CORE, &r);
	}
	signal(SIGPIPE, SIG_IGN);
	/* between two lives of the loop, which has handlers for these */
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	umask(022);
}

enum err daemon_pid_file(const char *path, uid_t owner, struct err_text *why)
{
	char text[32];
	int n;

	if (!path || !*path)
		return E_OK;
	pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (pid_fd < 0)
		return err_set(why, E_FAIL, "Unable to open pidfile `%s': %s", path,
			       strerror(errno));
	/* One that was just killed may not be quite gone. */
	for (int tries = 0; flock(pid_fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		const struct timespec pause = { 0, 20000000 };

		if (tries < 250) {
			nanosleep(&pause, NULL);
			continue;
		}
		close(pid_fd);
		pid_fd = -1;
		return err_set(why, E_FAIL, "another slurmctld holds %s", path);
	}
	n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
	if (ftruncate(pid_fd, 0) < 0 || write(pid_fd, text, (size_t)n) != n)
		return err_set(why, E_FAIL, "Unable to write pidfile `%s': %s", path,
			       strerror(errno));
	if (geteuid() == 0 && fchown(pid_fd, owner, (gid_t)-1) < 0)
		log_error("Unable to reset owner of pidfile: %m");
	return E_OK;
}

void daemon_own_log(const char *path, uid_t owner)
{
	struct stat st;
	int fd;

	if (geteuid() != 0 || !path || !*path)
		return;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;         /* said when it is really opened */
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid != owner &&
	    fchown(fd, owner, (gid_t)-1) < 0)
		log_error("chown of %s: %m", path);
	close(fd);
}

/* The directory may no longer be ours to change; an empty file is as good. */
void daemon_pid_remove(const char *path)
{
	if (pid_fd < 0)
		return;
	if (unlink(path) < 0 && ftruncate(pid_fd, 0) < 0)
		log_debug("%s: %m", path);
	close(pid_fd);
	pid_fd = -1;
}

enum err daemon_state_dir(const char *dir, uid_t owner, gid_t group, struct err_text *why)
{
	struct stat st;

	if (stat(dir, &st) < 0) {
		if (errno != ENOENT)
			return err_set(why, E_FAIL, "StateSaveLocation %s: %s", dir,
				       strerror(errno));
		if (mkdir(dir, 0755) < 0)
			return err_set(why, E_FAIL, "cannot make StateSaveLocation %s: %s", dir,
				       strerror(errno));
		if (geteuid() == 0 && chown(dir, owner, group) < 0)
			return err_set(why, E_FAIL, "StateSaveLocation %s: %s", dir,
				       strerror(errno));
		return E_OK;
	}
	if (!S_ISDIR(st.st_mode))
		return err_set(why, E_FAIL, "StateSaveLocation %s is not a directory", dir);
	return E_OK;
}
