/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines.  The only globals that change at run time are behind one mutex
 * (the file) or atomic (the levels).  Never allocates. */
#include "wire/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static char prog_name[64] = "sluice";
static char tag[64];
static char file_path[4096];
static int file_fd = -1;
static pthread_mutex_t file_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int level_stderr = LVL_INFO;
static _Atomic int level_file = LVL_QUIET;
static _Atomic bool to_syslog;
static _Atomic bool stderr_stamped;

static const char *const prefix[] = {
	[LVL_FATAL] = "fatal: ", [LVL_ERROR] = "error: ", [LVL_INFO] = "",
	[LVL_VERBOSE] = "", [LVL_DEBUG] = "debug:  ", [LVL_DEBUG2] = "debug2: ",
	[LVL_DEBUG3] = "debug3: ", [LVL_DEBUG4] = "debug4: ",
	[LVL_DEBUG5] = "debug5: ",
};

void log_init(const char *prog)
{
	(void)snprintf(prog_name, sizeof prog_name, "%s", prog);
}

void log_set_tag(const char *t)
{
	(void)snprintf(tag, sizeof tag, t ? "[%s] " : "", t);
}

void log_set_levels(enum log_level to_stderr, enum log_level to_file)
{
	level_stderr = to_stderr;
	level_file = to_file;
}

enum log_level log_level_file(void)
{
	return (enum log_level)level_file;
}

void log_use_syslog(bool on)
{
	to_syslog = on;
}

void log_stamp_stderr(bool on)
{
	stderr_stamped = on;
}

static int file_open(const char *path)
{
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

int log_open_file(const char *path)
{
	int fd = -1;

	if (path && (fd = file_open(path)) < 0)
		return errno;
	pthread_mutex_lock(&file_lock);
	if (file_fd >= 0)
		close(file_fd);
	file_fd = fd;
	(void)snprintf(file_path, sizeof file_path, "%s", path ? path : "");
	pthread_mutex_unlock(&file_lock);
	return 0;
}

void log_reopen(void)
{
	pthread_mutex_lock(&file_lock);
	if (file_path[0]) {
		int fd = file_open(file_path);

		if (fd >= 0) {
			close(file_fd);
			file_fd = fd;
		}
	}
	pthread_mutex_unlock(&file_lock);
}

bool log_wanted(enum log_level level)
{
	return (int)level <= level_stderr || (int)level <= level_file;
}

static void log_vline(enum log_level level, const char *fmt, va_list ap)
{
	char line[8192];
	struct timespec now;
	struct tm tm;
	size_t n, head, body;
	int saved = errno;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	head = strftime(line, 64, "[%Y-%m-%dT%H:%M:%S", &tm);
	head += (size_t)snprintf(line + head, 64, ".%03ld] ",
				 now.tv_nsec / 1000000);
	body = head + (size_t)snprintf(line + head, sizeof tag, "%s", tag);
	n = body + (size_t)snprintf(line + body, 32, "%s", prefix[level]);
	errno = saved;
	(void)vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	n += strlen(line + n);
	line[n++] = '\n';

	if ((int)level <= level_file) {
		pthread_mutex_lock(&file_lock);
		if (file_fd >= 0 && write(file_fd, line, n) < 0)
			errno = 0;      /* a full disk must not stop us */
		pthread_mutex_unlock(&file_lock);
	}
	if ((int)level <= level_stderr) {
		char out[sizeof line + 64];
		int k = stderr_stamped ?
			snprintf(out, sizeof out, "%.*s%.*s", (int)head, line,
				 (int)(n - body), line + body) :
			snprintf(out, sizeof out, "%s: %.*s", prog_name,
				 (int)(n - body), line + body);

		if (k > 0 && write(STDERR_FILENO, out, (size_t)k) < 0)
			errno = 0;
	}
	if (to_syslog && level <= LVL_ERROR)
		syslog(LOG_DAEMON | 3, "%.*s", (int)(n - body - 1), line + body);
	errno = saved;
}

void log_line(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (!log_wanted(level) && !to_syslog)
		return;
	va_start(ap, fmt);
	log_vline(level, fmt, ap);
	va_end(ap);
}

void log_fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vline(LVL_FATAL, fmt, ap);
	va_end(ap);
	exit(1);
}
