/* SPDX-License-Identifier: Apache-2.0
 *
 * The job's step manager inside its extern step (slurmctld/core/stepmgr.h): a
 * core without a controller, whose answers go to slurmd and whose orders go to
 * node daemons and clients.  Apart from step.h: both have a struct step. */
#ifndef STEPD_MANAGE_H
#define STEPD_MANAGE_H

#include "auth/auth.h"
#include "conf/conf.h"
#include "slurmd/stepd_api.h"

struct event_base;

struct manage_config {
	struct event_base *base;
	struct conf *conf;
	struct auth *auth;
	const struct stepmgr_records *records;
	const struct cred *cred;        /* of the extern step: who the user is */
	const char *node_name;
};

/* E_FAIL: the records are of no use; requests are then refused with the reason. */
enum err manage_start(const struct manage_config *m, struct err_text *why);
/* One request of slurmd (STEPD_MANAGE). */
enum err manage_request(const struct stepd_request *q, struct stepd_reply *r,
			struct arena *mem, struct wire_out *o);
void manage_suspended(bool suspended);
/* The job has less memory on each node now. */
void manage_memory(uint64_t mb);
/* The job ends: whoever waits for a step of it is told, once. */
void manage_over(void);
/* Everything that is still to be sent goes out, for a while. */
void manage_stop(void);

#endif
