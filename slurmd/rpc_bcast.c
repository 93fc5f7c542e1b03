/* SPDX-License-Identifier: Apache-2.0
 *
 * sbcast: files that arrive in blocks and are written with the user's rights.
 * And data for sockets of a user's processes (PMI).
 *
 * Keeps: a file is opened, once, as the user who sends it; later blocks go to
 * that descriptor.  A transfer that stalls is closed. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "slurmd/asuser.h"
#include "slurmd/core/lz4.h"
#include "slurmd/rpc.h"
#include "wire/base/log.h"

#define BCAST_FORCE      0x01u
#define BCAST_LAST_BLOCK 0x02u
#define BCAST_SO         0x04u          /* a library of the executable sent before */
#define BCAST_EXE        0x08u

#define COMPRESS_NONE 0
#define COMPRESS_LZ4  2
#define BLOCK_MAX (UINT32_C(512) << 20) /* after unpacking */
#define STALLED_SEC 300

struct file {
	struct file *next;
	uint32_t uid, job_id, step_id;
	char *name;
	int fd;
	bool busy;
	time_t used;
};

struct bcast {
	struct file *files;
};

static struct bcast *bcast_of(struct daemon *d)
{
	if (!d->bcast)
		d->bcast = mem_zalloc(sizeof *d->bcast);
	return d->bcast;
}

static bool node_in(const struct req *q, const char *list)
{
	struct arena mem = { 0 };
	char **names;
	uint32_t n;
	bool found = false;

	if (!hostlist_expand(list, &mem, &names, &n, NULL))
		for (uint32_t k = 0; k < n && !found; k++)
			found = streq(names[k], q->site->name);
	arena_fini(&mem);
	return found;
}

/* The first block's credential is looked at in full.  Later ones too where it
 * is a token, which says nothing until it was opened. */
void rpc_bcast_check(struct req *q)
{
	struct file_bcast *m = q->body;
	const struct sbcast_cred *c = &m->cred.cred;
	struct err_text why = { "" };
	enum err e;

	if (m->block_no != 1 && !auth_cred_tokens(q->site->auth))
		return;
	e = cred_sbcast_verify(q->site->auth, &m->cred, q->site->conf->slurm_uid, &q->mem, &why);
	if (!e && c->expiration < time(NULL))
		e = err_set(&why, E_D_INVALID_JOB_CREDENTIAL, "it has expired");
	if (!e && c->id.uid != q->who.uid && !site_trusts(q->site, q->who.uid))
		e = err_set(&why, E_D_INVALID_JOB_CREDENTIAL, "it is for uid %u", c->id.uid);
	if (!e && !node_in(q, c->nodes))
		e = err_set(&why, E_D_INVALID_JOB_CREDENTIAL, "it is for nodes %s",
			    c->nodes ? c->nodes : "(none)");
	if (!e)
		return;
	log_error("sbcast credential of uid %u refused: %s", q->who.uid, why.text);
	req_answer_rc(q, E_D_INVALID_JOB_CREDENTIAL);
}

/* Where the file goes. */
static const char *file_name(struct req *q, const struct file_bcast *m)
{
	const struct sbcast_cred *c = &m->cred.cred;
	const char *name = m->fname;

	if (!name || !*name)
		return NULL;
	if (m->flags & BCAST_SO) {
		if (!m->exe_fname || strchr(name, '/'))
			return NULL;
		name = arena_printf(&q->mem, "%s_libs/%s", m->exe_fname, name);
	} else if (name[strlen(name) - 1] == '/') {
		name = arena_printf(&q->mem, "%sslurm_bcast_%u.%u_%s", name,
				    c->step_id.job_id, c->step_id.step_id, q->site->name);
	}
	return *name == '/' ? name : NULL;
}

static struct file *file_find(struct daemon *d, const struct req *q, const char *name)
{
	const struct file_bcast *m = q->body;

	for (struct file *f = bcast_of(d)->files; f; f = f->next)
		if (f->uid == q->who.uid && f->job_id == m->cred.cred.step_id.job_id &&
		    f->step_id == m->cred.cred.step_id.step_id && streq(f->name, name))
			return f;
	return NULL;
}

static void file_free(struct daemon *d, struct file *f)
{
	struct file **p = &bcast_of(d)->files;

	while (*p && *p != f)
		p = &(*p)->next;
	if (*p)
		*p = f->next;
	if (f->fd >= 0)
		close(f->fd);
	free(f->name);
	free(f);
}

static void stalled_close(struct daemon *d)
{
	struct file *next;

	for (struct file *f = bcast_of(d)->files; f; f = next) {
		next = f->next;
		if (!f->busy && f->used + STALLED_SEC < time(NULL)) {
			log_error("sbcast: transfer of %s for uid %u has stalled", f->name,
				  f->uid);
			file_free(d, f);
		}
	}
}

struct block {
	struct task task;
	struct req *q;
	struct file *file;
	uint32_t code;
};

/* Opens block->file as the sender. */
static uint32_t file_open(struct block *b, const struct file_bcast *m)
{
	const struct identity *id = &m->cred.cred.id;
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC;
	struct asuser u;
	enum err e;
	uint32_t code = 0;

	flags |= m->flags & BCAST_FORCE ? O_TRUNC : O_EXCL;
	e = asuser_begin(&u, b->q->who.uid, b->q->who.gid, id->gids, id->gids_count);
	if (e)
		return (uint32_t)e;
	b->file->fd = open(b->file->name, flags, 0700);
	if (b->file->fd < 0) {
		code = (uint32_t)errno;
	} else if (m->flags & BCAST_EXE) {
		char *libs = mem_printf("%s_libs", b->file->name);

		if (mkdir(libs, 0700) && (errno != EEXIST || !(m->flags & BCAST_FORCE)))
			code = (uint32_t)errno;
		free(libs);
	}
	asuser_end(&u);
	if (code)
		log_error("sbcast: uid %u: unable to open %s: %s", b->q->who.uid, b->file->name,
			  strerror((int)code));
	return code;
}

static uint32_t data_write(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k > 0) {
			p += k;
			n -= (size_t)k;
		} else if (k < 0 && errno != EINTR && errno != EAGAIN) {
			return (uint32_t)errno;
		}
	}
	return 0;
}

static uint32_t block_write(int fd, const struct file_bcast *m)
{
	uint8_t *plain;
	ptrdiff_t n;
	uint32_t code;

	if (m->compress == COMPRESS_NONE)
		return data_write(fd, m->block.p, m->block.len);
	if (m->compress != COMPRESS_LZ4 || m->uncomp_len > BLOCK_MAX)
		return (uint32_t)E_FAIL;
	plain = mem_alloc(m->uncomp_len ? m->uncomp_len : 1);
	n = lz4_unpack(m->block.p, m->block.len, plain, m->uncomp_len);
	code = n < 0 ? (uint32_t)E_FAIL : data_write(fd, plain, (size_t)n);
	free(plain);
	return code;
}

static void last_touches(const struct req *q, const struct file *f, const struct file_bcast *m)
{
	struct timespec t[2] = { { .tv_sec = m->atime }, { .tv_sec = m->mtime } };

	if (fchmod(f->fd, m->modes & 0777))
		log_error("sbcast: uid:%u can't chmod `%s`: %m", f->uid, f->name);
	if (fchown(f->fd, q->who.uid, q->who.gid))
		log_error("sbcast: uid:%u can't chown `%s`: %m", f->uid, f->name);
	if (m->atime && futimens(f->fd, t))
		log_error("sbcast: uid:%u can't set times of `%s`: %m", f->uid, f->name);
}

static void block_run(struct task *t)
{
	struct block *b = task_of(t, struct block, task);
	const struct file_bcast *m = b->q->body;

	if (b->file->fd < 0)
		b->code = file_open(b, m);
	if (!b->code)
		b->code = block_write(b->file->fd, m);
	if (!b->code && m->flags & BCAST_LAST_BLOCK)
		last_touches(b->q, b->file, m);
}

static void block_done(struct task *t)
{
	struct block *b = task_of(t, struct block, task);
	struct req *q = b->q;
	const struct file_bcast *m = q->body;

	b->file->busy = false;
	b->file->used = time(NULL);
	if (b->code || m->flags & BCAST_LAST_BLOCK)
		file_free(q->d, b->file);
	req_answer_rc(q, b->code);
	req_flush(q);
	req_unref(q);
	free(b);
}

static struct file *file_new(struct req *q, const char *name)
{
	const struct file_bcast *m = q->body;
	struct file *f = mem_zalloc(sizeof *f);

	f->uid = q->who.uid;
	f->job_id = m->cred.cred.step_id.job_id;
	f->step_id = m->cred.cred.step_id.step_id;
	f->name = mem_strdup(name);
	f->fd = -1;
	f->next = bcast_of(q->d)->files;
	bcast_of(q->d)->files = f;
	log_info("sbcast req_uid=%u job_id=%u fname=%s block_no=1", f->uid, f->job_id, name);
	return f;
}

void rpc_bcast(struct req *q)
{
	const struct file_bcast *m = q->body;
	const char *name = file_name(q, m);
	struct daemon *d = q->d;
	struct file *f;
	struct block *b;
	time_t now = time(NULL);

	stalled_close(d);
	if (m->block_no == 1) {
		cred_cache_sbcast_add(d->creds, &m->cred, now);
	} else if (!cred_cache_sbcast_known(d->creds, &m->cred, now)) {
		req_answer_rc(q, E_D_INVALID_JOB_CREDENTIAL);
		return;
	}
	if (!name) {
		req_answer_rc(q, EINVAL);
		return;
	}
	f = file_find(d, q, name);
	if (f && m->block_no == 1 && !f->busy) {
		file_free(d, f);                /* it begins anew */
		f = NULL;
	}
	if (!f && m->block_no == 1)
		f = file_new(q, name);
	if (!f || f->busy) {
		log_error("No registered file transfer for uid %u file `%s`.", q->who.uid, name);
		req_answer_rc(q, (uint32_t)E_FAIL);
		return;
	}
	f->busy = true;
	b = mem_zalloc(sizeof *b);
	b->q = req_ref(q);
	b->file = f;
	b->task = (struct task){ .run = block_run, .done = block_done };
	pool_submit(d->pool, &b->task);
}

/* ---- data for a user's socket ------------------------------------------ */

static uint32_t socket_connect(const struct req *q, const char *path, int *fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct asuser u;
	enum err e;
	uint32_t code = 0;

	if (strlen(path) >= sizeof a.sun_path)
		return EINVAL;
	strcpy(a.sun_path, path);
	e = asuser_begin(&u, q->who.uid, q->who.gid, NULL, 0);
	if (e)
		return (uint32_t)e;
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0 || connect(*fd, (struct sockaddr *)&a, sizeof a))
		code = (uint32_t)errno;
	asuser_end(&u);
	return code;
}

void rpc_forward_data(struct req *q)
{
	const struct forward_data_msg *m = q->body;
	struct timeval limit = { .tv_sec = 10 };
	struct wire_out o = { 0 };
	int fd = -1;
	uint32_t code;

	if (!m->address) {
		req_answer_rc(q, EINVAL);
		return;
	}
	code = socket_connect(q, site_expand(&q->mem, m->address, q->site->name, q->site->name),
			      &fd);
	if (!code) {
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
		wire_put(&o, q->who.uid, 4);
		wire_put(&o, m->data.len, 4);
		wire_put_bytes(&o, m->data.p, m->data.len);
		for (size_t at = 0; !code && at < o.len;) {
			ssize_t n = send(fd, o.base + at, o.len - at, MSG_NOSIGNAL);

			if (n > 0)
				at += (size_t)n;
			else if (errno != EINTR)
				code = (uint32_t)errno;
		}
	}
	if (fd >= 0)
		close(fd);
	wire_out_fini(&o);
	req_answer_rc(q, code);
}
