/* SPDX-License-Identifier: Apache-2.0
 *
 * The name of the host a credential was made on. */
#ifndef SLURMCTLD_ORIGIN_H
#define SLURMCTLD_ORIGIN_H

#include <stddef.h>
#include <stdint.h>

/* Any thread.  The name when a look-up gave one in time, else the address as
 * text: a name service that is dead delays a worker once for an address, and
 * then only for an instant. */
void origin_name(const uint8_t addr[4], char *out, size_t size);

#endif
