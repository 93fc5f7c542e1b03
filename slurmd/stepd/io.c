/* SPDX-License-Identifier: Apache-2.0
 *
 * The I/O engine.  A packet is built once and counted; every client queues a
 * reference, and so does the cache that a late client reads first.  At most
 * PACKETS_MAX exist (an end of stream may exceed it: it must not be lost). */
#include "slurmd/stepd/io.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire/base/log.h"
#include "wire/base/mem.h"

#define PACKETS_MAX 1024
#define CACHE_MAX   128
#define INPUT_MAX   1024        /* packets for the tasks */
#define STREAM_BUF  8192
#define WRITE_BATCH 64

struct packet {
	uint32_t refs;
	uint32_t len;
	uint8_t data[IO_HEADER + IO_PACKET_MAX];
};

/* First in, first out; of packets. */
struct queue {
	struct packet **v;
	uint32_t head, n, cap;  /* cap is a power of two */
};

struct io_file {
	struct io_file *next;
	int fd, width;
	bool label;
};

struct stream {
	struct stream *next;
	struct io *io;
	struct event *ev;
	int fd;
	enum io_type type;
	uint16_t gtid, ltid;
	uint32_t label;
	struct io_file *file;
	bool eof, eof_sent, paused;
	size_t used;
	char buf[STREAM_BUF];
};

struct sink {
	struct sink *next;
	struct io *io;
	struct event *ev;
	int fd;
	uint16_t gtid;
	struct queue q;
	uint32_t sent;
};

struct client {
	struct client *next;
	struct io *io;
	struct event *rd, *wr;
	int fd;
	bool in_eof, out_eof;
	struct queue q;
	uint32_t sent;
	struct packet *in;      /* being read */
	uint32_t got;
};

struct io {
	struct event_base *base;
	bool line_buffered;
	void (*idle)(void *arg);
	void *arg;
	struct stream *streams;
	struct sink *sinks;
	struct client *clients;
	struct io_file *files;
	struct queue cache;
	struct packet *spare;           /* one freed packet kept */
	uint32_t out_count, in_count;
};

/* --- packets and queues --- */

static struct packet *packet_new(struct io *io, uint32_t *count)
{
	struct packet *p = io->spare;

	io->spare = NULL;
	if (!p)
		p = mem_alloc(sizeof *p);
	p->refs = 1;
	p->len = 0;
	(*count)++;
	return p;
}

static void packet_unref(struct io *io, struct packet *p, uint32_t *count)
{
	if (--p->refs)
		return;
	(*count)--;
	if (io->spare)
		free(p);
	else
		io->spare = p;
}

static void queue_push(struct queue *q, struct packet *p)
{
	if (q->n == q->cap) {
		uint32_t cap = q->cap ? q->cap * 2 : 16;
		struct packet **v = mem_alloc(cap * sizeof *v);

		for (uint32_t i = 0; i < q->n; i++)
			v[i] = q->v[(q->head + i) & (q->cap - 1)];
		free(q->v);
		q->v = v;
		q->head = 0;
		q->cap = cap;
	}
	q->v[(q->head + q->n++) & (q->cap - 1)] = p;
	p->refs++;
}

static struct packet *queue_at(const struct queue *q, uint32_t i)
{
	return q->v[(q->head + i) & (q->cap - 1)];
}

static struct packet *queue_pop(struct queue *q)
{
	struct packet *p = queue_at(q, 0);

	q->head = (q->head + 1) & (q->cap - 1);
	q->n--;
	return p;
}

static void queue_clear(struct io *io, struct queue *q, uint32_t *count)
{
	while (q->n)
		packet_unref(io, queue_pop(q), count);
}

static void header_put(struct packet *p, enum io_type type, uint16_t gtid, uint16_t ltid,
		       uint32_t len)
{
	uint8_t *d = p->data;

	d[0] = 0, d[1] = (uint8_t)type;
	d[2] = (uint8_t)(gtid >> 8), d[3] = (uint8_t)gtid;
	d[4] = (uint8_t)(ltid >> 8), d[5] = (uint8_t)ltid;
	d[6] = (uint8_t)(len >> 24), d[7] = (uint8_t)(len >> 16);
	d[8] = (uint8_t)(len >> 8), d[9] = (uint8_t)len;
	p->len = IO_HEADER + len;
}

static void nonblocking(int fd)
{
	int fl = fcntl(fd, F_GETFL);

	if (fl >= 0)
		(void)fcntl(fd, F_SETFL, fl | O_NONBLOCK);
}

/* --- output: clients --- */

static void streams_resume(struct io *io);

static void client_write(struct client *c)
{
	struct io *io = c->io;

	while (c->q.n && !c->out_eof) {
		struct iovec iov[WRITE_BATCH];
		uint32_t k, skip = c->sent;
		ssize_t n;

		for (k = 0; k < c->q.n && k < WRITE_BATCH; k++) {
			struct packet *p = queue_at(&c->q, k);

			iov[k].iov_base = p->data + skip;
			iov[k].iov_len = p->len - skip;
			skip = 0;
		}
		n = writev(c->fd, iov, (int)k);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			log_debug("client is gone: %s", strerror(errno));
			c->out_eof = true;
			queue_clear(io, &c->q, &io->out_count);
			break;
		}
		while (n > 0) {
			struct packet *p = queue_at(&c->q, 0);
			uint32_t left = p->len - c->sent;

			if ((size_t)n < left) {
				c->sent += (uint32_t)n;
				break;
			}
			n -= (ssize_t)left;
			c->sent = 0;
			packet_unref(io, queue_pop(&c->q), &io->out_count);
		}
	}
	if (c->q.n && !c->out_eof)
		event_add(c->wr, NULL);
	else
		event_del(c->wr);
}

static void client_writable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	struct io *io = c->io;

	(void)fd, (void)what;
	client_write(c);
	streams_resume(io);
	io->idle(io->arg);
}

/* Forget clients that are gone for good.  Never from a client's own event. */
static void clients_sweep(struct io *io)
{
	for (struct client **p = &io->clients, *c; (c = *p);) {
		if (!c->in_eof || !c->out_eof) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		event_free(c->rd);
		event_free(c->wr);
		close(c->fd);
		free(c->q.v);
		free(c);
	}
}

static void clients_flush(struct io *io)
{
	for (struct client *c = io->clients; c; c = c->next)
		client_write(c);
}

static void broadcast(struct io *io, struct packet *p)
{
	for (struct client *c = io->clients; c; c = c->next)
		if (!c->out_eof)
			queue_push(&c->q, p);
}

static void cache_add(struct io *io, struct packet *p)
{
	queue_push(&io->cache, p);
	while (io->cache.n > CACHE_MAX)
		packet_unref(io, queue_pop(&io->cache), &io->out_count);
}

/* --- output: files with labels --- */

static void file_write(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t k = write(fd, p, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return;
		p += k;
		n -= (size_t)k;
	}
}

/* A line that does not end in this packet gets its newline, as in stock. */
static void file_put(const struct io_file *f, uint32_t label, const char *p, size_t n)
{
	char line[IO_PACKET_MAX + 64];

	while (n) {
		const char *nl = memchr(p, '\n', n);
		size_t len = nl ? (size_t)(nl - p) + 1 : n;
		int head = f->label ? snprintf(line, 32, "%*u: ", f->width, label) : 0;

		memcpy(line + head, p, len);
		if (!nl && f->label)
			line[(size_t)head + len] = '\n';
		file_write(f->fd, line, (size_t)head + len + (!nl && f->label));
		p += len;
		n -= len;
	}
}

/* --- output: streams --- */

size_t io_line_cut(const char *buf, size_t used, bool line_buffered, bool eof)
{
	size_t n = used < IO_PACKET_MAX ? used : IO_PACKET_MAX;
	const char *nl;

	if (!line_buffered || eof)
		return n;
	nl = memrchr(buf, '\n', n);
	if (nl)
		return (size_t)(nl - buf) + 1;
	return used >= IO_PACKET_MAX ? IO_PACKET_MAX : 0;
}

/* Cut the buffer into packets while there is room for them. */
static void stream_route(struct stream *st)
{
	struct io *io = st->io;
	size_t at = 0, n;

	while (at < st->used && io->out_count < PACKETS_MAX &&
	       (n = io_line_cut(st->buf + at, st->used - at, io->line_buffered,
				st->eof)) > 0) {
		struct packet *p = packet_new(io, &io->out_count);

		header_put(p, st->type, st->gtid, st->ltid, (uint32_t)n);
		memcpy(p->data + IO_HEADER, st->buf + at, n);
		if (st->file)
			file_put(st->file, st->label, st->buf + at, n);
		else
			broadcast(io, p);
		cache_add(io, p);
		packet_unref(io, p, &io->out_count);
		at += n;
	}
	if (at) {
		st->used -= at;
		memmove(st->buf, st->buf + at, st->used);
	}
	if (st->eof && !st->used && !st->eof_sent) {
		struct packet *p = packet_new(io, &io->out_count);

		header_put(p, st->type, st->gtid, st->ltid, 0);
		broadcast(io, p);
		packet_unref(io, p, &io->out_count);
		st->eof_sent = true;
	}
}

static void stream_end(struct stream *st)
{
	st->eof = true;
	if (st->fd >= 0) {
		event_free(st->ev);
		close(st->fd);
		st->fd = -1;
	}
}

static void stream_pause(struct stream *st)
{
	bool full = st->used == sizeof st->buf;

	if (st->fd < 0 || full == st->paused)
		return;
	st->paused = full;
	if (full)
		event_del(st->ev);
	else
		event_add(st->ev, NULL);
}

static void stream_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stream *st = arg;
	struct io *io = st->io;
	ssize_t n = read((int)fd, st->buf + st->used, sizeof st->buf - st->used);

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		st->used += (size_t)n;
	else
		stream_end(st);
	stream_route(st);
	stream_pause(st);
	clients_flush(io);
	clients_sweep(io);
	streams_resume(io);
	io->idle(io->arg);
}

/* Packets were freed: go on with streams that had to wait. */
static void streams_resume(struct io *io)
{
	bool moved = true;

	while (moved && io->out_count < PACKETS_MAX) {
		moved = false;
		for (struct stream *st = io->streams; st; st = st->next) {
			size_t before = st->used;

			if ((!st->used && !st->eof) || st->eof_sent)
				continue;
			stream_route(st);
			stream_pause(st);
			moved |= st->used != before || st->eof_sent;
		}
		if (moved)
			clients_flush(io);
	}
}

/* --- input --- */

static void clients_resume(struct io *io)
{
	for (struct client *c = io->clients; c; c = c->next)
		if (!c->in_eof)
			event_add(c->rd, NULL);
}

static void sink_close(struct sink *k)
{
	if (k->fd < 0)
		return;
	event_free(k->ev);
	close(k->fd);
	k->fd = -1;
	queue_clear(k->io, &k->q, &k->io->in_count);
	k->sent = 0;
}

static void sink_write(struct sink *k)
{
	struct io *io = k->io;

	while (k->fd >= 0 && k->q.n) {
		struct packet *p = queue_at(&k->q, 0);
		ssize_t n;

		if (p->len == IO_HEADER) {      /* end of input */
			sink_close(k);
			return;
		}
		n = write(k->fd, p->data + IO_HEADER + k->sent,
			  p->len - IO_HEADER - k->sent);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			event_add(k->ev, NULL);
			return;
		}
		if (n < 0) {
			sink_close(k);
			return;
		}
		k->sent += (uint32_t)n;
		if (k->sent == p->len - IO_HEADER) {
			k->sent = 0;
			packet_unref(io, queue_pop(&k->q), &io->in_count);
		}
	}
}

static void sink_writable(evutil_socket_t fd, short what, void *arg)
{
	struct sink *k = arg;
	struct io *io = k->io;

	(void)fd, (void)what;
	sink_write(k);
	if (io->in_count < INPUT_MAX)
		clients_resume(io);
}

static void client_gone(struct client *c)
{
	c->in_eof = true;
	event_del(c->rd);
	if (c->in)
		packet_unref(c->io, c->in, &c->io->in_count);
	c->in = NULL;
}

/* A whole packet came in. */
static bool client_input(struct client *c)
{
	struct io *io = c->io;
	struct packet *p = c->in;
	unsigned type = (unsigned)p->data[0] << 8 | p->data[1];
	uint16_t gtid = (uint16_t)(p->data[2] << 8 | p->data[3]);

	c->in = NULL;
	if (type == IO_CONNECTION_TEST) {
		struct packet *a = packet_new(io, &io->out_count);

		header_put(a, IO_CONNECTION_TEST, 0, 0, 0);
		if (!c->out_eof)
			queue_push(&c->q, a);
		packet_unref(io, a, &io->out_count);
		client_write(c);
	} else if (type == IO_STDIN || type == IO_ALLSTDIN) {
		for (struct sink *k = io->sinks; k; k = k->next)
			if (k->fd >= 0 && (type == IO_ALLSTDIN || k->gtid == gtid)) {
				queue_push(&k->q, p);
				sink_write(k);
			}
	} else {
		log_error("client sent a packet of type %u", type);
		packet_unref(io, p, &io->in_count);
		return false;
	}
	packet_unref(io, p, &io->in_count);
	return true;
}

static void client_readable(evutil_socket_t fd, short what, void *arg)
{
	struct client *c = arg;
	struct io *io = c->io;

	(void)what;
	for (int budget = 64; budget && !c->in_eof; budget--) {
		uint32_t want = IO_HEADER, len = 0;
		struct packet *p;
		ssize_t n;

		if (!c->in && io->in_count >= INPUT_MAX) {
			/* The tasks are slow: all clients wait. */
			event_del(c->rd);
			break;
		}
		if (!c->in) {
			c->in = packet_new(io, &io->in_count);
			c->got = 0;
		}
		p = c->in;
		if (c->got >= IO_HEADER) {
			len = (uint32_t)p->data[6] << 24 | (uint32_t)p->data[7] << 16 |
			      (uint32_t)p->data[8] << 8 | p->data[9];
			want = IO_HEADER + len;
		}
		n = read((int)fd, p->data + c->got, want - c->got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n <= 0) {
			client_gone(c);
			break;
		}
		c->got += (uint32_t)n;
		if (c->got < IO_HEADER)
			continue;
		len = (uint32_t)p->data[6] << 24 | (uint32_t)p->data[7] << 16 |
		      (uint32_t)p->data[8] << 8 | p->data[9];
		if (len > IO_PACKET_MAX) {
			log_error("Message length of %u exceeds maximum of %u", len,
				  IO_PACKET_MAX);
			client_gone(c);
			break;
		}
		p->len = IO_HEADER + len;
		if (c->got == p->len && !client_input(c))
			client_gone(c);
	}
	io->idle(io->arg);
}

/* --- the outside --- */

struct io *io_new(struct event_base *base, bool line_buffered, void (*idle)(void *arg),
		  void *arg)
{
	struct io *io = mem_zalloc(sizeof *io);

	io->base = base;
	io->line_buffered = line_buffered;
	io->idle = idle;
	io->arg = arg;
	return io;
}

struct io_file *io_file_add(struct io *io, int fd, bool label, int width)
{
	struct io_file *f = mem_zalloc(sizeof *f);

	*f = (struct io_file){ .next = io->files, .fd = fd, .label = label,
			       .width = width };
	io->files = f;
	return f;
}

void io_stream_add(struct io *io, int fd, enum io_type type, uint16_t gtid,
		   uint16_t ltid, uint32_t label, struct io_file *file)
{
	struct stream *st = mem_alloc(sizeof *st);

	st->next = io->streams;
	st->io = io;
	st->fd = fd;
	st->type = type;
	st->gtid = gtid;
	st->ltid = ltid;
	st->label = label;
	st->file = file;
	st->eof = st->eof_sent = st->paused = false;
	st->used = 0;
	io->streams = st;
	nonblocking(fd);
	st->ev = event_new(io->base, fd, EV_READ | EV_PERSIST, stream_readable, st);
	event_add(st->ev, NULL);
}

void io_sink_add(struct io *io, int fd, uint16_t gtid)
{
	struct sink *k = mem_zalloc(sizeof *k);

	k->next = io->sinks;
	k->io = io;
	k->fd = fd;
	k->gtid = gtid;
	io->sinks = k;
	nonblocking(fd);
	k->ev = event_new(io->base, fd, EV_WRITE, sink_writable, k);
}

static void client_backlog(struct client *c)
{
	struct io *io = c->io;

	for (uint32_t i = 0; i < io->cache.n; i++)
		queue_push(&c->q, queue_at(&io->cache, i));
	for (struct stream *st = io->streams; st; st = st->next)
		if (st->eof_sent) {
			struct packet *p = packet_new(io, &io->out_count);

			header_put(p, st->type, st->gtid, st->ltid, 0);
			queue_push(&c->q, p);
			packet_unref(io, p, &io->out_count);
		}
}

void io_client_add(struct io *io, int fd, bool backlog)
{
	struct client *c = mem_zalloc(sizeof *c);

	c->next = io->clients;
	c->io = io;
	c->fd = fd;
	io->clients = c;
	nonblocking(fd);
	c->rd = event_new(io->base, fd, EV_READ | EV_PERSIST, client_readable, c);
	c->wr = event_new(io->base, fd, EV_WRITE | EV_PERSIST, client_writable, c);
	event_add(c->rd, NULL);
	if (backlog) {
		client_backlog(c);
		client_write(c);
	}
}

uint32_t io_stream_count(const struct io *io, enum io_type type)
{
	uint32_t n = 0;

	for (const struct stream *st = io->streams; st; st = st->next)
		n += st->type == type;
	return n;
}

bool io_finished(const struct io *io)
{
	for (const struct stream *st = io->streams; st; st = st->next)
		if (!st->eof_sent)
			return false;
	for (const struct client *c = io->clients; c; c = c->next)
		if (c->q.n && !c->out_eof)
			return false;
	return true;
}

bool io_hung_up(const struct io *io)
{
	for (const struct client *c = io->clients; c; c = c->next)
		if (!c->in_eof && !c->out_eof)
			return false;
	return true;
}

void io_abandon(struct io *io)
{
	for (struct stream *st = io->streams; st; st = st->next) {
		stream_end(st);
		st->eof_sent = true;
	}
	for (struct client *c = io->clients; c; c = c->next) {
		c->out_eof = true;
		queue_clear(io, &c->q, &io->out_count);
	}
}

void io_sinks_close(struct io *io)
{
	for (struct sink *k = io->sinks; k; k = k->next)
		sink_close(k);
	clients_resume(io);
}

void io_free(struct io *io)
{
	if (!io)
		return;
	io_abandon(io);
	io_sinks_close(io);
	for (struct stream *st = io->streams, *next; st; st = next) {
		next = st->next;
		free(st);
	}
	for (struct sink *k = io->sinks, *next; k; k = next) {
		next = k->next;
		free(k->q.v);
		free(k);
	}
	for (struct client *c = io->clients, *next; c; c = next) {
		next = c->next;
		if (c->in)
			packet_unref(io, c->in, &io->in_count);
		event_free(c->rd);
		event_free(c->wr);
		close(c->fd);
		free(c->q.v);
		free(c);
	}
	for (struct io_file *f = io->files, *next; f; f = next) {
		next = f->next;
		close(f->fd);
		free(f);
	}
	queue_clear(io, &io->cache, &io->out_count);
	free(io->cache.v);
	free(io->spare);
	free(io);
}
