/* SPDX-License-Identifier: Apache-2.0
 *
 * What this node says about its generic resources. */
#ifndef SLURMD_GRES_H
#define SLURMD_GRES_H

#include "slurmd/site.h"

/* The list that a registration carries, packed; *out is heap memory of the
 * caller's wire_out.  Never empty: a registration without it crashes a 22.05
 * controller. */
void gres_pack(const struct site *s, struct wire_out *out);
/* Are the devices there?  Waits for those that are not. */
bool gres_check(const struct site *s);
/* "-G": one line a record. */
void gres_print(const struct site *s);

#endif
