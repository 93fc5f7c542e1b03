/* SPDX-License-Identifier: Apache-2.0
 *
 * Plays everybody around slurmstepd for its tests: slurmd that starts it and
 * asks on its socket, srun's two listeners, slurmctld's port.  One process,
 * one poll loop, real frames, a munged of its own. */
#ifndef TEST_DRIVE_H
#define TEST_DRIVE_H

#include "auth/auth.h"
#include "slurmd/stepd_api.h"
#include "wire/base/strbuf.h"

enum { PORT_IO, PORT_RESP, PORT_CTLD, PORT_COUNT };

struct drive {
	char dir[64], conf[96], stepd[256];
	pid_t munged;
	struct auth *auth;
	int listener[PORT_COUNT];
	uint16_t port[PORT_COUNT];
	enum wire_version version;
	/* of the running step */
	pid_t pid;
	struct stepd_started started;
	int io;                         /* srun's end, -1 */
	uint16_t io_version;
	uint32_t io_node, stdout_objs, stderr_objs, eofs;
	bool key_good, io_paused;
	struct strbuf out[2][16];       /* stdout, stderr by task */
	struct strbuf in;               /* partial packet */
	uint32_t conn_tests;
	uint32_t launch_rc, launches, pids[16];
	uint32_t exits, exit_status[16], exit_messages;
	uint32_t kills_asked;           /* of the controller */
	uint32_t completes, first, last, step_rc;
	struct jobacctinfo acct;
	uint32_t batches, job_rc, slurm_rc;
	struct arena mem;
};

/* False: no munged here, or not root; nothing was started. */
bool drive_init(struct drive *d, const char *program, const char *extra_conf);
void drive_fini(struct drive *d);

/* A launch of n tasks on node c1, alone. */
void drive_launch_init(struct drive *d, struct launch_tasks_request_msg *m,
		       const char *const *argv, uint32_t ntasks);
/* Start slurmstepd with this body; false when it says no. */
bool drive_start(struct drive *d, uint16_t type, const void *body, uint32_t step_id,
		 const char *script);
/* Serve until slurmstepd ended or seconds passed; true when it ended. */
bool drive_run(struct drive *d, double seconds);
/* Ask on the control socket. */
enum err drive_ask(struct drive *d, struct stepd_request *q, struct stepd_reply *r);
/* Send a packet to the step, as srun does. */
void drive_send(struct drive *d, uint16_t type, uint16_t gtid, const void *p, size_t n);

#endif
