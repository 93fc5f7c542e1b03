/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard files of the tasks.  Everything here happens with the user's
 * identity: a file that the user may not open is not opened. */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "slurmd/stepd/io.h"
#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

#define CONNECT_TIMEOUT_MS 10000

struct named_file {
	const char *name;
	struct io_file *file;
};

static int file_flags(const struct step *s)
{
	bool append = s->open_mode == 1 || (s->open_mode != 2 && s->conf->jobfileappend);

	return O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC | (append ? 0 : O_TRUNC);
}

/* Create the directories above a file. */
static int make_parents(const char *path)
{
	char *copy = mem_strdup(path);
	int rc = 0;

	for (char *p = copy + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(copy, 0755) < 0 && errno != EEXIST) {
			rc = errno;
			break;
		}
		*p = '/';
	}
	free(copy);
	return rc;
}

static int open_output(const struct step *s, const char *what, const char *name)
{
	int fd, rc;

	while ((fd = open(name, file_flags(s), 0666)) < 0 && errno == EINTR)
		;
	if (fd < 0 && errno == ENOENT && wire_version_in(s->release, SINCE(23_02))) {
		if ((rc = make_parents(name)) != 0) {
			log_error("Could not open %s file '%s': '%s'. Recursive path creation failed: '%s'.",
				  what, name, strerror(ENOENT), strerror(rc));
			return -1;
		}
		fd = open(name, file_flags(s), 0666);
	}
	if (fd < 0)
		log_error("Could not open %s file %s: %s", what, name, strerror(errno));
	return fd;
}

static int open_input(const char *name)
{
	int fd;

	while ((fd = open(name, O_RDONLY | O_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (fd < 0)
		log_error("Could not open stdin file %s: %s", name, strerror(errno));
	return fd;
}

/* srun -u: the task writes to a terminal, so that its C library does not
 * hold lines back; but nothing may be translated on the way. */
static bool pair_unbuffered(int fds[2])
{
	struct termios tio;

	if (openpty(&fds[0], &fds[1], NULL, NULL, NULL) < 0) {
		log_error("openpty: %s", strerror(errno));
		return false;
	}
	if (tcgetattr(fds[1], &tio) == 0) {
		tio.c_oflag &= ~(tcflag_t)OPOST;
		(void)tcsetattr(fds[1], TCSANOW, &tio);
	}
	(void)fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return true;
}

/* The file that labelled output of this name goes to; one for all tasks. */
static struct io_file *labelled(struct step *s, struct named_file *files, uint32_t *n,
				const char *what, const char *name)
{
	int fd, width = 1;

	for (uint32_t i = 0; i < *n; i++)
		if (streq(files[i].name, name))
			return files[i].file;
	if ((fd = open_output(s, what, name)) < 0)
		return NULL;
	for (uint32_t k = s->task_count - 1; k >= 10; k /= 10)
		width++;
	files[*n].name = name;
	files[*n].file = io_file_add(s->io, fd, s->flags & LAUNCH_LABEL_IO, width);
	return files[(*n)++].file;
}

struct setup {
	struct named_file *files;
	uint32_t n;
};

/* One output of one task: a file of its own, or a stream through us. */
static bool task_output(struct step *s, struct setup *u, struct task *t, bool err)
{
	const char *name = err ? t->efname : t->ofname, *what = err ? "stderr" : "stdout";
	int *fd = err ? &t->err_fd : &t->out_fd;
	struct io_file *file = NULL;
	int fds[2];

	if (name && (!(s->flags & LAUNCH_LABEL_IO) || streq(name, "/dev/null") ||
		     s->kind == KIND_BATCH)) {
		*fd = open_output(s, what, name);
		return *fd >= 0;
	}
	if (name && !(file = labelled(s, u->files, &u->n, what, name)))
		return false;
	if (!err && !(s->flags & LAUNCH_BUFFERED_IO)) {
		if (!pair_unbuffered(fds))
			return false;
	} else if (pipe2(fds, O_CLOEXEC) < 0) {
		log_error("pipe: %s", strerror(errno));
		return false;
	}
	*fd = fds[1];
	io_stream_add(s->io, fds[0], err ? IO_STDERR : IO_STDOUT, (uint16_t)t->gtid,
		      (uint16_t)t->ltid, t->gtid + s->task_offset, file);
	return true;
}

static bool task_input(struct step *s, struct task *t)
{
	int fds[2];

	if (!t->ifname && s->flags & LAUNCH_LOCAL_IO)
		t->ifname = mem_strdup("/dev/null");
	if (t->ifname)
		return (t->in_fd = open_input(t->ifname)) >= 0;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		log_error("stdin pipe: %s", strerror(errno));
		return false;
	}
	t->in_fd = fds[0];
	io_sink_add(s->io, fds[1], (uint16_t)t->gtid);
	return true;
}

/* --- srun --pty --- */

static unsigned env_number(const struct step *s, const char *name)
{
	const char *text = envv_get(&s->env, name);

	return text ? (unsigned)strtoul(text, NULL, 10) : 0;
}

struct window {
	struct event *ev;
	int fd, pty;
	uint8_t buf[4];
	unsigned got;
};

/* srun sends columns and rows whenever its own window changes. */
static void window_readable(evutil_socket_t fd, short what, void *arg)
{
	struct window *w = arg;
	ssize_t n = read((int)fd, w->buf + w->got, sizeof w->buf - w->got);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		event_free(w->ev);
		close(w->fd);
		close(w->pty);
		free(w);
		return;
	}
	w->got += (unsigned)n;
	if (w->got == sizeof w->buf) {
		struct winsize ws = {
			.ws_col = (unsigned short)(w->buf[0] << 8 | w->buf[1]),
			.ws_row = (unsigned short)(w->buf[2] << 8 | w->buf[3])
		};

		w->got = 0;
		(void)ioctl(w->pty, TIOCSWINSZ, &ws);   /* signals the job */
	}
}

static void window_watch(struct step *s, int pty)
{
	struct winsize ws = {
		.ws_col = (unsigned short)env_number(s, "SLURM_PTY_WIN_COL"),
		.ws_row = (unsigned short)env_number(s, "SLURM_PTY_WIN_ROW")
	};
	struct wire_addr a;
	struct window *w;

	if (ws.ws_col && ws.ws_row)
		(void)ioctl(pty, TIOCSWINSZ, &ws);
	if (!s->peers || !s->peers->io.family || !env_number(s, "SLURM_PTY_PORT"))
		return;
	a = s->peers->io;
	a.port = (uint16_t)env_number(s, "SLURM_PTY_PORT");
	w = mem_zalloc(sizeof *w);
	w->fd = rpc_connect(&a, CONNECT_TIMEOUT_MS);
	if (w->fd < 0) {
		log_error("cannot connect to srun for the window size: %s", strerror(errno));
		free(w);
		return;
	}
	(void)fcntl(w->fd, F_SETFD, FD_CLOEXEC);
	w->pty = fcntl(pty, F_DUPFD_CLOEXEC, 3);
	w->ev = event_new(s->base, w->fd, EV_READ | EV_PERSIST, window_readable, w);
	event_add(w->ev, NULL);
}

static bool task_pty(struct step *s, struct task *t)
{
	int master, slave;

	if (t->gtid != 0) {
		t->in_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		t->out_fd = fcntl(t->in_fd, F_DUPFD_CLOEXEC, 3);
		t->err_fd = fcntl(t->in_fd, F_DUPFD_CLOEXEC, 3);
		return t->in_fd >= 0 && t->err_fd >= 0;
	}
	if (openpty(&master, &slave, NULL, NULL, NULL) < 0) {
		log_error("stdin openpty: %s", strerror(errno));
		return false;
	}
	(void)fcntl(master, F_SETFD, FD_CLOEXEC);
	(void)fcntl(slave, F_SETFD, FD_CLOEXEC);
	t->in_fd = slave;
	t->out_fd = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	t->err_fd = fcntl(slave, F_DUPFD_CLOEXEC, 3);
	window_watch(s, master);
	io_sink_add(s->io, fcntl(master, F_DUPFD_CLOEXEC, 3), (uint16_t)t->gtid);
	io_stream_add(s->io, master, IO_STDOUT, (uint16_t)t->gtid, (uint16_t)t->ltid,
		      t->gtid + s->task_offset, NULL);
	return true;
}

/* --- clients --- */

/* The first bytes on a client's connection say who we are. */
static enum err send_init(struct step *s, int fd, const struct peer *p, bool attach)
{
	struct wire_out o = {0};
	size_t key = strlen(p->key) + !p->bare_key;
	enum err e;

	wire_put(&o, 2 + 4 + 4 + 4 + 4 + key, 4);
	wire_put(&o, wire_version_number(p->version), 2);
	/* sattach sees the components of one job's step as one step, those of a
	 * heterogeneous job each alone */
	wire_put(&o, s->node_id + (attach && s->id.step_het_comp != NO_VAL ?
				   s->node_offset : 0), 4);
	wire_put(&o, io_stream_count(s->io, IO_STDOUT), 4);
	wire_put(&o, io_stream_count(s->io, IO_STDERR), 4);
	wire_put(&o, key, 4);
	wire_put_bytes(&o, p->key, key);
	e = o.failed ? E_FAIL : rpc_send(fd, o.base, o.len, CONNECT_TIMEOUT_MS);
	wire_out_fini(&o);
	return e;
}

static enum err client_connect(struct step *s, const struct peer *p, bool attach)
{
	int fd;

	if (!p->io.family || !p->io.port || !p->key)
		return E_OK;
	fd = rpc_connect(&p->io, CONNECT_TIMEOUT_MS);
	if (fd < 0) {
		log_error("connect io: %s", strerror(errno));
		return E_D_IO_ERROR;
	}
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (send_init(s, fd, p, attach) != E_OK) {
		log_error("Couldn't sent slurm_io_init_msg");
		close(fd);
		return E_D_IO_ERROR;
	}
	io_client_add(s->io, fd, attach);
	return E_OK;
}

enum err io_attach(struct step *s, const struct peer *p)
{
	return client_connect(s, p, true);
}

enum err io_setup(struct step *s)
{
	struct setup u = {0};
	bool good = true;
	enum err e = user_enter(s);

	if (e != E_OK)
		return e;
	u.files = mem_zalloc((size_t)s->task_count * 2 * sizeof *u.files);
	for (uint32_t i = 0; i < s->task_count && good; i++) {
		struct task *t = &s->tasks[i];

		if (s->flags & LAUNCH_PTY)
			good = task_pty(s, t);
		else
			good = task_input(s, t) && task_output(s, &u, t, false) &&
			       task_output(s, &u, t, true);
	}
	free(u.files);
	user_leave();
	if (!good)
		return E_D_IO_ERROR;
	return s->peers ? client_connect(s, s->peers, false) : E_OK;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void io_close_task_fds(struct step *s)
{
	for (uint32_t i = 0; i < s->task_count; i++) {
		close_fd(&s->tasks[i].in_fd);
		close_fd(&s->tasks[i].out_fd);
		close_fd(&s->tasks[i].err_fd);
	}
}
