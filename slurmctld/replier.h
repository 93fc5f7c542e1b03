/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that writes big answers, so that a slow reader costs nobody
 * anything but its buffer. */
#ifndef SLURMCTLD_REPLIER_H
#define SLURMCTLD_REPLIER_H

struct replier;
struct answer;

struct replier *replier_new(void);
/* Waits a moment for what is being written. */
void replier_free(struct replier *r);
/* Takes the socket and the answer.  A reader that takes nothing for
 * timeout_sec is dropped. */
void replier_send(struct replier *r, int fd, struct answer *a, int timeout_sec);

#endif
