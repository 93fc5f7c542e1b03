/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread that writes big answers, so that a slow reader costs nobody
 * anything but its buffer. */
#ifndef SLURMCTLD_REPLIER_H
#define SLURMCTLD_REPLIER_H

#include <stddef.h>

struct replier;
struct answer;

struct replier *replier_new(void);
/* Waits a moment for what is being written. */
void replier_free(struct replier *r);
/* Takes the socket and the answer, of whose head `sent` bytes are gone already.
 * From any thread.  A reader that takes nothing for timeout_sec is dropped. */
void replier_send(struct replier *r, int fd, struct answer *a, size_t sent, int timeout_sec);

#endif
