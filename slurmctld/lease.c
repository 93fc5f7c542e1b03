/* SPDX-License-Identifier: Apache-2.0
 *
 * See lease.h.  The lock belongs to the open file description, not to the
 * process: another descriptor of ours that is closed does not lose it. */
#include "slurmctld/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "wire/base/mem.h"

#define FILE_NAME "lease"
#define WORD "sluice-lease"

struct lease {
	int fd;
	char *path;
	struct lease_text own;
	struct lease_seen seen;
	char written[LEASE_BYTES];
	bool locked, ours;
	int trouble;                    /* errno of locking, when nobody else has it */
};

/* ---- pure -------------------------------------------------------------- */

void lease_print(const struct lease_text *t, char out[LEASE_BYTES])
{
	int n;

	memset(out, ' ', LEASE_BYTES);
	n = snprintf(out, LEASE_BYTES, WORD " 1 %s host=%.255s index=%u pid=%lld taken=%lld "
		     "beat=%llu", t->held ? "held" : "free", t->host, t->index,
		     (long long)t->pid, (long long)t->taken, (unsigned long long)t->beat);
	out[n] = ' ';
	out[LEASE_BYTES - 1] = '\n';
}

bool lease_parse(const char *text, struct lease_text *t)
{
	char state[8];
	long long pid, taken;
	unsigned long long beat;

	memset(t, 0, sizeof *t);
	if (sscanf(text, WORD " 1 %7s host=%255s index=%u pid=%lld taken=%lld beat=%llu", state,
		   t->host, &t->index, &pid, &taken, &beat) != 6)
		return false;
	t->pid = pid;
	t->taken = taken;
	t->beat = beat;
	t->held = strcmp(state, "held") == 0;
	return true;
}

static bool text_equal(const struct lease_text *a, const struct lease_text *b)
{
	return a->held == b->held && a->pid == b->pid && a->taken == b->taken &&
		a->beat == b->beat && a->index == b->index && strcmp(a->host, b->host) == 0;
}

void lease_seen_note(struct lease_seen *s, const struct lease_text *now, int64_t at)
{
	if (!s->known || !text_equal(&s->last, now))
		s->changed_at = at;
	s->known = true;
	s->last = *now;
}

enum lease_answer lease_judge(const struct lease_seen *s, bool locked, const char *our_host,
			      int64_t wait_sec, int64_t now)
{
	if (!locked)
		return LEASE_HELD;
	/* On one host the kernel's word is enough. */
	if (!s->known || !s->last.held || strcmp(s->last.host, our_host) == 0)
		return LEASE_OURS;
	return now - s->changed_at >= wait_sec ? LEASE_OURS : LEASE_WATCH;
}

/* ---- the file ---------------------------------------------------------- */

enum err lease_open(const char *dir, const char *host, uint32_t index, struct lease **out,
		    struct err_text *why)
{
	struct lease *l;
	char *path = mem_printf("%s/" FILE_NAME, dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		enum err e = err_set(why, E_FAIL, "%s: %s", path, strerror(errno));

		free(path);
		return e;
	}
	l = mem_zalloc(sizeof *l);
	l->fd = fd;
	l->path = path;
	snprintf(l->own.host, sizeof l->own.host, "%s", host);
	l->own.index = index;
	l->own.pid = getpid();
	*out = l;
	return E_OK;
}

/* A file that somebody removed is nobody's lease: the next one to open it makes
 * another. */
static bool file_current(const struct lease *l)
{
	struct stat ours, there;

	return !fstat(l->fd, &ours) && !stat(l->path, &there) && ours.st_ino == there.st_ino &&
		ours.st_dev == there.st_dev;
}

static bool lock_try(struct lease *l)
{
	struct flock k = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!l->locked) {
		l->locked = fcntl(l->fd, F_OFD_SETLK, &k) == 0;
		l->trouble = l->locked || errno == EAGAIN || errno == EACCES ? 0 : errno;
	}
	return l->locked;
}

static void unlock(struct lease *l)
{
	struct flock k = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	if (l->locked)
		(void)fcntl(l->fd, F_OFD_SETLK, &k);
	l->locked = false;
}

/* As long as we have no lock the file may be another by now. */
static void reopen(struct lease *l)
{
	int fd;

	if (file_current(l))
		return;
	fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	close(l->fd);
	l->fd = fd;
	l->locked = false;
}

bool lease_look(struct lease *l, int64_t now)
{
	char text[LEASE_BYTES + 1] = "";
	struct lease_text t;

	if (!l->locked)
		reopen(l);
	if (pread(l->fd, text, LEASE_BYTES, 0) < 0)
		return false;
	if (lease_parse(text, &t))
		lease_seen_note(&l->seen, &t, now);
	return true;
}

const struct lease_seen *lease_seen(const struct lease *l)
{
	return &l->seen;
}

int lease_trouble(const struct lease *l)
{
	return l->trouble;
}

static enum err text_write(struct lease *l, struct err_text *why)
{
	lease_print(&l->own, l->written);
	if (pwrite(l->fd, l->written, LEASE_BYTES, 0) != LEASE_BYTES || fdatasync(l->fd) < 0)
		return err_set(why, E_FAIL, "%s: %s", l->path, strerror(errno));
	return E_OK;
}

enum lease_answer lease_take(struct lease *l, int64_t wait_sec, int64_t now)
{
	struct lease_text before = l->seen.last;
	bool had = l->locked;
	struct err_text why;
	enum lease_answer a;

	if (!lease_look(l, now) || !lock_try(l))
		return LEASE_HELD;
	lease_look(l, now);
	if (had && l->seen.last.held && before.held && !text_equal(&before, &l->seen.last)) {
		unlock(l);
		return LEASE_BROKEN;
	}
	a = lease_judge(&l->seen, true, l->own.host, wait_sec, now);
	if (a != LEASE_OURS)
		return a;
	l->own.held = true;
	l->own.taken = time(NULL);
	l->own.beat = 0;
	if (text_write(l, &why)) {
		unlock(l);
		return LEASE_HELD;
	}
	l->ours = true;
	return LEASE_OURS;
}

enum err lease_check(struct lease *l, struct err_text *why)
{
	char text[LEASE_BYTES + 1] = "";
	struct lease_text t;
	struct stat st;

	if (pread(l->fd, text, LEASE_BYTES, 0) == LEASE_BYTES &&
	    memcmp(text, l->written, LEASE_BYTES) == 0 && !fstat(l->fd, &st) && st.st_nlink)
		return E_OK;
	if (lease_parse(text, &t) && !text_equal(&t, &l->own))
		return err_set(why, E_FAIL, "%s now names slurmctld on %s, pid %lld", l->path,
			       t.host, (long long)t.pid);
	return err_set(why, E_FAIL, "%s was removed or changed", l->path);
}

enum err lease_beat(struct lease *l, struct err_text *why)
{
	enum err e = lease_check(l, why);

	if (e)
		return e;
	l->own.beat++;
	return text_write(l, why);
}

void lease_close(struct lease *l)
{
	struct err_text why;

	if (!l)
		return;
	if (l->ours && !lease_check(l, &why)) {
		l->own.held = false;
		(void)text_write(l, &why);
	}
	close(l->fd);
	free(l->path);
	free(l);
}
