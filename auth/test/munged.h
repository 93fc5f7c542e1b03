/* SPDX-License-Identifier: Apache-2.0
 *
 * A munged of the test's own: key, socket and everything else below one
 * temporary directory, gone at the end.  With a shift, its clock differs from
 * the machine's by so many seconds (a preloaded time(), compiled on the spot). */
#ifndef AUTH_TEST_MUNGED_H
#define AUTH_TEST_MUNGED_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct munged {
	char dir[64], socket[96], key[96];
	int shift_sec;
	pid_t pid;
};

static inline bool munged_there(void)
{
	return !access("/usr/sbin/munged", X_OK);
}

static inline void munged_pause(int ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000L };

	(void)nanosleep(&t, NULL);
}

static inline void munged_write(const char *path, const char *text, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, n) != (ssize_t)n)
		abort();
	(void)close(fd);
}

/* The clock of the process it is loaded into, shifted. */
static inline bool munged_clock_build(const char *dir)
{
	static const char source[] =
		"#include <stdlib.h>\n#include <time.h>\n"
		"time_t time(time_t *p)\n{\n\tstruct timespec t;\n\ttime_t r;\n"
		"\tclock_gettime(CLOCK_REALTIME, &t);\n"
		"\tr = t.tv_sec + atol(getenv(\"CLOCK_SHIFT\"));\n"
		"\tif (p)\n\t\t*p = r;\n\treturn r;\n}\n";
	char path[128], cmd[512];

	(void)snprintf(path, sizeof path, "%s/clock.c", dir);
	munged_write(path, source, sizeof source - 1);
	(void)snprintf(cmd, sizeof cmd, "cc -shared -fPIC -o %s/clock.so %s 2>/dev/null", dir, path);
	return system(cmd) == 0;
}

/* False when it does not come up within five seconds. */
static inline bool munged_start(struct munged *m)
{
	char o[6][160];

	(void)snprintf(o[0], sizeof o[0], "--key-file=%s", m->key);
	(void)snprintf(o[1], sizeof o[1], "--socket=%s", m->socket);
	(void)snprintf(o[2], sizeof o[2], "--pid-file=%s/pid", m->dir);
	(void)snprintf(o[3], sizeof o[3], "--log-file=%s/log", m->dir);
	(void)snprintf(o[4], sizeof o[4], "--seed-file=%s/seed", m->dir);
	(void)unlink(m->socket);
	fflush(stdout);
	m->pid = fork();
	if (!m->pid) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 0), (void)dup2(null, 1), (void)dup2(null, 2);
		if (m->shift_sec) {
			char so[128], shift[32];

			(void)snprintf(so, sizeof so, "%s/clock.so", m->dir);
			(void)snprintf(shift, sizeof shift, "%d", m->shift_sec);
			(void)setenv("LD_PRELOAD", so, 1);
			(void)setenv("CLOCK_SHIFT", shift, 1);
		}
		execl("/usr/sbin/munged", "munged", "--foreground", "--force", o[0], o[1], o[2],
		      o[3], o[4], "--num-threads=2", (char *)NULL);
		_exit(127);
	}
	for (int k = 0; k < 250; k++) {
		if (!access(m->socket, F_OK))
			return true;
		munged_pause(20);
	}
	return false;
}

static inline void munged_stop(struct munged *m)
{
	if (m->pid <= 0)
		return;
	(void)kill(m->pid, SIGTERM);
	(void)waitpid(m->pid, NULL, 0);
	m->pid = 0;
}

/* Prepare a directory; key: any 32 or more bytes. */
static inline bool munged_init(struct munged *m, const char *key, int shift_sec)
{
	*m = (struct munged){ .shift_sec = shift_sec };
	(void)snprintf(m->dir, sizeof m->dir, "/tmp/test-munged-XXXXXX");
	if (!mkdtemp(m->dir))
		return false;
	(void)chmod(m->dir, 0755);      /* other users' processes reach the socket */
	(void)snprintf(m->socket, sizeof m->socket, "%s/socket", m->dir);
	(void)snprintf(m->key, sizeof m->key, "%s/key", m->dir);
	munged_write(m->key, key, strlen(key));
	return !shift_sec || munged_clock_build(m->dir);
}

static inline void munged_fini(struct munged *m)
{
	char cmd[128];

	munged_stop(m);
	(void)snprintf(cmd, sizeof cmd, "rm -rf -- %s", m->dir);
	if (strstr(m->dir, "/test-munged-") && system(cmd))
		fprintf(stderr, "%s is left\n", m->dir);
}

#endif
