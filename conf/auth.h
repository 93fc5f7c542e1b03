/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_AUTH_H
#define CONF_AUTH_H

#include "auth/auth.h"
#include "conf/conf.h"

/* AuthType, AuthInfo and what else auth_new wants to know; *o is zero, or has a
 * key_dir to use instead of the directory of slurm.conf. */
void conf_auth_options(const struct conf *c, struct auth_options *o, struct arena *mem);

/* ... and AuthAltTypes, of slurmctld alone. */
void conf_auth_alternatives(const struct conf *c, struct auth_options *o);

#endif
