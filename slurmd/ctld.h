/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls to the controller: made by threads of their own, so that a controller
 * that is away holds up nothing else. */
#ifndef SLURMD_CTLD_H
#define SLURMD_CTLD_H

#include "slurmd/daemon.h"

struct ctld_call {
	struct task task;
	struct daemon *d;
	struct site *site;
	struct arena mem;               /* for the body */
	uint16_t type;
	const void *body;
	enum err result;                /* of the call, or the code it was answered */
	struct err_text why;
	struct rpc_reply reply;         /* valid when result is E_OK and it is not an RC */
	bool delivered, replied;
	unsigned tries;
	bool insist;                    /* try again until it is delivered */
	struct event *retry;
	void (*done)(struct ctld_call *c);      /* loop; the call is freed afterwards */
	void *arg;
};

struct ctld *ctld_new(struct daemon *d);
/* The release the controller was last found to speak; 0 unknown.  Any thread. */
uint16_t ctld_version_number(struct daemon *d);
/* It may have been replaced: find its release anew with the next call. */
void ctld_version_forget(struct daemon *d);
/* It has sent us this: is it still the one that it was? */
void ctld_heard(struct daemon *d, uint16_t type, enum wire_version v);

struct ctld_call *ctld_call_new(struct daemon *d, uint16_t type);
void ctld_call_start(struct ctld_call *c);

/* The messages that slurmd owes the controller. */
void ctld_prolog_complete(struct daemon *d, uint32_t job_id, uint32_t code);
void ctld_epilog_complete(struct daemon *d, uint32_t job_id, uint32_t code);
/* A job that was accepted cannot run: have it requeued, else ended. */
void ctld_launch_failed(struct daemon *d, uint32_t job_id, uint32_t code);

/* register.c: register now (again), with the status that says what failed. */
struct registration *register_new(struct daemon *d);
void register_send(struct daemon *d, uint32_t status, bool want_tres);

#endif
