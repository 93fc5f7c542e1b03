/* SPDX-License-Identifier: Apache-2.0
 *
 * What the configuration says to auth/. */
#include "conf/auth.h"

void conf_auth_options(const struct conf *c, struct auth_options *o, struct arena *mem)
{
	char *slash;

	auth_options_parse(o, c->authinfo, c->communicationparameters, mem);
	o->auth_type = c->authtype;
	o->cred_type = c->credtype;
	o->cluster = c->clustername;
	o->slurm_uid = c->slurm_uid;
	o->slurmd_uid = c->slurmd_uid;
	if (o->key_dir || !c->path)
		return;
	slash = strrchr(c->path, '/');
	o->key_dir = slash ? arena_strndup(mem, c->path, (size_t)(slash - c->path)) : ".";
}

void conf_auth_alternatives(const struct conf *c, struct auth_options *o)
{
	o->alt_types = c->authalttypes;
	o->alt_params = c->authaltparameters;
	o->state_dir = c->statesavelocation;
}
