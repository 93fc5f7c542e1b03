/* SPDX-License-Identifier: Apache-2.0
 *
 * Standard input and output of the tasks: between their pipes, the clients
 * (srun, sattach) and labelled files.  Memory is bounded: a packet that a
 * client has not taken stops the reading of the tasks' output. */
#ifndef STEPD_IO_H
#define STEPD_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/base/err.h"

struct step;
struct peer;
struct event_base;
struct io;

enum io_type { IO_STDIN, IO_STDOUT, IO_STDERR, IO_ALLSTDIN, IO_CONNECTION_TEST };
#define IO_PACKET_MAX 1024
#define IO_HEADER 10

/* idle is called (with arg) whenever nothing may be left to do. */
struct io *io_new(struct event_base *base, bool line_buffered, void (*idle)(void *arg),
		  void *arg);
void io_free(struct io *io);

/* A labelled file for the streams that name it; fd is taken over. */
struct io_file *io_file_add(struct io *io, int fd, bool label, int width);
/* Read a task's output from fd (taken over). file NULL: to the clients. */
void io_stream_add(struct io *io, int fd, enum io_type type, uint16_t gtid,
		   uint16_t ltid, uint32_t label, struct io_file *file);
/* Write what clients send for this task to fd (taken over). */
void io_sink_add(struct io *io, int fd, uint16_t gtid);
/* Serve a connected client (taken over).  backlog: a late one, which gets the
 * recent output first. */
void io_client_add(struct io *io, int fd, bool backlog);
uint32_t io_stream_count(const struct io *io, enum io_type type);
/* All streams ended and every client has everything (or is gone)? */
bool io_finished(const struct io *io);
/* Has every client hung up?  srun does when it has seen all streams end, which
 * is also when it has printed them. */
bool io_hung_up(const struct io *io);
/* Give up on streams that are still open: somebody holds a pipe. */
void io_abandon(struct io *io);
/* No task is left to read: drop what is queued for them. */
void io_sinks_close(struct io *io);

/* Bytes of the next packet to send from a buffer: complete lines, or all when
 * eof or not line buffered; 0 to wait for more.  Pure. */
size_t io_line_cut(const char *buf, size_t used, bool line_buffered, bool eof);

/* iosetup.c: open, as the user, what the tasks need, and connect to srun. */
enum err io_setup(struct step *s);
/* Connect one more client. */
enum err io_attach(struct step *s, const struct peer *p);
/* Our own ends of the tasks' descriptors. */
void io_close_task_fds(struct step *s);

#endif
