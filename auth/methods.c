/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of methods, and words that several of them need. */
#include "auth/method.h"

static const struct auth_method *const methods[] = {
	&auth_method_munge, &auth_method_slurm, &auth_method_none,
	&auth_method_jwt,
};
#define METHODS (sizeof methods / sizeof methods[0])

const struct auth_method *auth_method_find(const char *type)
{
	/* stock takes the bare name too, and either word before a CredType */
	if (!strncmp(type, "auth/", 5) || !strncmp(type, "cred/", 5))
		type += 5;
	for (size_t k = 0; k < METHODS; k++)
		if (streq(methods[k]->name, type))
			return methods[k];
	return NULL;
}

const char *auth_method_list(void)
{
	return "auth/munge, auth/slurm and auth/none";
}

const char *auth_span_text(int64_t sec, char *buf, size_t n)
{
	if (sec < 0)
		sec = -sec;
	if (sec < 60)
		(void)snprintf(buf, n, "%d s", (int)sec);
	else if (sec < 3600)
		(void)snprintf(buf, n, "%d min %d s", (int)(sec / 60), (int)(sec % 60));
	else if (sec < 86400)
		(void)snprintf(buf, n, "%d h %d min", (int)(sec / 3600), (int)(sec / 60 % 60));
	else
		(void)snprintf(buf, n, "%lld days %d h", (long long)(sec / 86400),
			       (int)(sec / 3600 % 24));
	return buf;
}
