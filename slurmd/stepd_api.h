/* SPDX-License-Identifier: Apache-2.0
 *
 * How slurmd and slurmstepd talk, on one node, as root.
 *
 * Start: slurmd forks and executes the slurmstepd beside its own binary, with
 * a socket pair as descriptor 0, and sends one local frame holding struct
 * stepd_start.  slurmstepd verifies nothing again (slurmd has), sets itself
 * up, creates its control socket, and answers one frame with struct
 * stepd_started: rc 0 once the step is set up as far as it can fail, before
 * any task runs.  Descriptor 0 is then closed on both sides; slurmstepd lives
 * on without slurmd, which may restart.
 *
 * Control: SOCK_STREAM at  <spool_dir>/<node>_<job>.<step>[.<het>]  mode 0700,
 * root only; step is decimal, so the batch step is 4294967291.  One
 * stepd_request and one stepd_reply a connection.  slurmd finds running steps
 * by listing the sockets.
 *
 * Local frame: u32 length | packed structure at WIRE_VERSION_NEWEST. */
#ifndef SLURMD_STEPD_API_H
#define SLURMD_STEPD_API_H

#include "wire/base/err.h"
#include "wire/messages.h"

enum stepd_op {
	STEPD_INFO = 1,         /* who are you */
	STEPD_SIGNAL,           /* signal, flags (KILL_* of the wire) to the tasks */
	STEPD_TERMINATE,        /* end the step: TERM, CONT, then KILL after KillWait (signal 0) or at once
				 * (signal KILL); flag KILL_FULL_JOB here and below: its job ends too */
	STEPD_SUSPEND,
	STEPD_RESUME,
	STEPD_STAT,             /* reply body: job_step_stat */
	STEPD_PIDS,             /* pids of every process of the step */
	STEPD_REATTACH,         /* body: REQUEST_REATTACH_TASKS */
	STEPD_COMPLETE,         /* body: REQUEST_STEP_COMPLETE of a child in the reverse tree */
	STEPD_NOTIFY,           /* text for the batch script's or srun's stderr */
	STEPD_TIMELIMIT,        /* say why, then end it: text is stock's message; signal: 0 time limit, 1 preempted, 2 node fail */
	STEPD_SET_DEBUG,        /* flags: level */
	STEPD_MANAGE,           /* extern step, the job's step manager: type, body: any of its requests */
	STEPD_MEMORY            /* the job has less memory now; flags: MB */
};

/* Build the socket's path. */
void stepd_socket_path(char *path, size_t size, const char *spool_dir, const char *node,
		       uint32_t job_id, uint32_t step_id, uint32_t het_comp);
/* The reverse; false when name is not a step socket of this node. */
bool stepd_socket_parse(const char *name, const char *node, uint32_t *job_id,
			uint32_t *step_id, uint32_t *het_comp);

/* Blocking local frames with a time limit. */
enum err stepd_send(int fd, const struct wire_desc *d, const void *msg);
enum err stepd_recv(int fd, const struct wire_desc *d, void *msg, struct arena *mem,
		    int timeout_ms);
/* One request to a step's socket. E_D_JOB_NOTRUNNING: nobody listens. */
enum err stepd_ask(const char *path, const struct stepd_request *q, struct stepd_reply *r,
		   struct arena *mem, int timeout_ms);

#endif
