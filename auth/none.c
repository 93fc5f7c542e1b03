/* SPDX-License-Identifier: Apache-2.0
 *
 * AuthType=auth/none, CredType=cred/none: everybody is who they say they are,
 * and the seal of a credential is one fixed text.  For tests alone. */
#include "auth/method.h"

#include <stdlib.h>
#include <unistd.h>

#define SEAL "fake signature"

/* Written on the wire as three fields (see wire/frame.h). */
static enum err make(struct auth *a, uid_t only_uid, const void *p, size_t len, char **text,
		     struct err_text *why)
{
	char host[65] = "localhost";

	(void)a, (void)only_uid, (void)p, (void)len, (void)why;
	(void)gethostname(host, sizeof host - 1);
	host[strcspn(host, ".")] = '\0';
	*text = mem_printf("%u:%u:%s", (unsigned)geteuid(), (unsigned)getegid(), host);
	return E_OK;
}

static enum auth_fate read_text(struct auth *a, const char *text, size_t max_len,
				void **payload, size_t *len, struct auth_identity *id,
				struct err_text *why, struct err_text *stock_lines)
{
	char *end;

	(void)a, (void)max_len, (void)why, (void)stock_lines;
	*id = (struct auth_identity){ .decoded = time(NULL) };
	id->encoded = id->decoded;
	id->uid = (uid_t)strtoul(text, &end, 10);
	id->gid = *end ? (gid_t)strtoul(end + 1, &end, 10) : AUTH_NOBODY;
	if (*end)
		(void)snprintf(id->host, sizeof id->host, "%s", end + 1);
	*payload = NULL;
	*len = 0;
	return FATE_GOOD;
}

static enum err seal(struct auth *a, const void *p, size_t len, char **text,
		     struct err_text *why)
{
	(void)a, (void)p, (void)len, (void)why;
	*text = mem_strdup(SEAL);
	return E_OK;
}

static enum err check(struct auth *a, const char *text, const void *p, size_t len,
		      uid_t slurm_uid, struct err_text *why)
{
	(void)a, (void)p, (void)len, (void)slurm_uid;
	return streq(text, SEAL) ? E_OK :
		err_set(why, E_D_INVALID_JOB_CREDENTIAL, "it does not say '" SEAL "'");
}

/* As stock: there are none. */
static enum err net_sign(struct auth *a, const struct slurm_node_alias_addrs *m,
			 enum wire_version v, char **text, struct err_text *why)
{
	(void)a, (void)m, (void)v, (void)why;
	*text = NULL;
	return E_OK;
}

static enum err net_open(struct auth *a, const char *text, enum wire_version v,
			 uid_t slurm_uid, struct arena *mem,
			 struct slurm_node_alias_addrs *m, struct err_text *why)
{
	(void)a, (void)text, (void)v, (void)slurm_uid, (void)mem, (void)m;
	return err_set(why, E_D_INVALID_JOB_CREDENTIAL, "cred/none seals no addresses");
}

const struct auth_method auth_method_none = {
	.name = "none", .plugin = AUTH_PLUGIN_NONE, .when = ALL, .bare = true,
	.make = make, .read = read_text,
	.seal = seal, .check = check, .net_sign = net_sign, .net_open = net_open,
};
