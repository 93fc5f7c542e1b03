/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes over the socket of auth/sack.h:
 *   u16 release | u32 length of all that follows, with itself | u32 what |
 *     SACK_CREATE: u32 who may read it, mem payload; answer: str token
 *     SACK_VERIFY: str token;                        answer: u32 0 or a failure
 * Private to auth/. */
#ifndef AUTH_SLURM_ASK_H
#define AUTH_SLURM_ASK_H

enum { SACK_CREATE = 64001, SACK_VERIFY = 64002 };
#define SACK_HEADER 10

#endif
