/* SPDX-License-Identifier: Apache-2.0
 *
 * The processes of the step: everything below us in the process tree.  With
 * ProctrackType=proctrack/linuxproc an orphan leaves the tree, as in stock
 * (a worker left behind on purpose survives its step); for other types we
 * are the reaper of orphans, so nothing gets away. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "slurmd/stepd/proc.h"
#include "slurmd/stepd/step.h"

bool proc_stat_read(pid_t pid, struct proc_stat *out)
{
	char path[64], buf[1024], *p;
	int fd;
	ssize_t n;
	unsigned long utime, stime, vsize, majflt;
	long rss;
	int ppid;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof buf - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = '\0';
	/* The name may hold blanks and brackets. */
	p = strrchr(buf, ')');
	if (!p || sscanf(p + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %lu %*u %lu %lu %*d %*d %*d %*d %*d %*d %*u %lu %ld",
			 &out->state, &ppid, &majflt, &utime, &stime, &vsize, &rss) != 7)
		return false;
	out->ppid = (pid_t)ppid;
	out->utime_ticks = utime;
	out->stime_ticks = stime;
	out->pages = majflt;
	out->vsize = vsize;
	out->rss = rss > 0 ? (uint64_t)rss * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
	return true;
}

static int proc_cmp(const void *a, const void *b)
{
	const struct proc *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

uint32_t proc_snapshot(struct proc **out)
{
	struct proc *v = NULL;
	uint32_t n = 0, cap = 0;
	DIR *d = opendir("/proc");
	struct dirent *de;

	while (d && (de = readdir(d))) {
		struct proc p;

		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		p.pid = (pid_t)strtol(de->d_name, NULL, 10);
		if (!proc_stat_read(p.pid, &p.st) || p.st.state == 'Z' || p.st.state == 'X')
			continue;
		if (n == cap) {
			cap = cap ? cap * 2 : 256;
			v = mem_realloc(v, cap * sizeof *v);
		}
		v[n++] = p;
	}
	if (d)
		closedir(d);
	if (n)
		qsort(v, n, sizeof *v, proc_cmp);
	*out = v;
	return n;
}

const struct proc *proc_find(const struct proc *v, uint32_t n, pid_t pid)
{
	struct proc key = { .pid = pid };

	return n ? bsearch(&key, v, n, sizeof *v, proc_cmp) : NULL;
}

static void list_add(struct pid_list *l, pid_t pid)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? l->cap * 2 : 16;
		l->v = mem_realloc(l->v, l->cap * sizeof *l->v);
	}
	l->v[l->n++] = pid;
}

/* Is it below top?  The tree is shallow; a loop (pids reused while we read)
 * ends by the depth. */
static bool below(const struct proc *v, uint32_t n, const struct proc *p, pid_t top)
{
	for (int depth = 0; p && depth < 1000; depth++) {
		if (p->st.ppid == top)
			return true;
		p = proc_find(v, n, p->st.ppid);
	}
	return false;
}

void proc_list(struct pid_list *out)
{
	pid_t me = getpid();
	struct proc *v;
	uint32_t n = proc_snapshot(&v);

	*out = (struct pid_list){0};
	for (uint32_t i = 0; i < n; i++)
		if (below(v, n, &v[i], me))
			list_add(out, v[i].pid);
	free(v);
}

/* Cheap: without children of our own there is no tree. */
bool proc_any(void)
{
	struct pid_list l;
	siginfo_t si = {0};
	bool any;

	if (waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD)
		return false;
	proc_list(&l);
	any = l.n > 0;
	free(l.v);
	return any;
}

int proc_signal(int sig)
{
	struct pid_list l;
	int rc = ESRCH;

	if (!proc_any())
		return ESRCH;
	proc_list(&l);
	/* The youngest first: a shell sees its command end before it ends. */
	for (uint32_t i = l.n; i-- > 0;) {
		if (kill(l.v[i], sig) == 0)
			rc = rc == ESRCH ? 0 : rc;
		else if (errno != ESRCH)
			rc = errno;
	}
	free(l.v);
	return rc;
}
