/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of users by their number, remembered for a while: asking the system
 * may mean asking a directory service.  Any thread may ask. */
#ifndef SLURMCTLD_UNAMES_H
#define SLURMCTLD_UNAMES_H

#include <stddef.h>
#include <stdint.h>

/* "" when there is no such user. */
void uname_of(uint32_t uid, char *name, size_t size);

#endif
