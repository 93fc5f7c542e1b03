/* SPDX-License-Identifier: Apache-2.0 */
#include "slurmctld/sackds.h"

#include <stdlib.h>

#include "slurmctld/config_files.h"
#include "slurmctld/steps.h"
#include "wire/base/log.h"

#define HOSTS_MAX 4096          /* anybody may claim to be one */

struct sackd {
	char host[256];
	struct wire_addr addr;
	enum wire_version version;
};

struct sackds {
	struct sackd *v;
	uint32_t count;
};

struct sackds *sackds_new(void)
{
	return mem_zalloc(sizeof(struct sackds));
}

void sackds_free(struct sackds *s)
{
	if (!s)
		return;
	free(s->v);
	free(s);
}

void sackds_add(struct ctld *c, const char *host, const struct wire_addr *from, uint16_t port,
		enum wire_version v)
{
	struct sackds *s = c->sackds;
	uint32_t k = 0;

	while (k < s->count && !streq(s->v[k].host, host))
		k++;
	if (k == s->count) {
		if (k == HOSTS_MAX) {
			log_error("sackd of %s is not noted: there are %u others", host, k);
			return;
		}
		s->v = mem_realloc(s->v, (k + 1) * sizeof *s->v);
		s->count++;
	}
	s->v[k] = (struct sackd){ .addr = *from, .version = v };
	(void)snprintf(s->v[k].host, sizeof s->v[k].host, "%s", host);
	s->v[k].addr.port = port ? port : c->conf->slurmdport;
	log_debug("sackd of %s is noted", host);
}

void sackds_tell(struct ctld *c)
{
	const struct sackds *s = c->sackds;
	struct effects out = { 0 };
	struct config_response_msg *m;

	if (!s->count || !config_files_enabled(c->conf))
		return;
	m = arena_alloc(&out.mem, sizeof *m);
	wire_init(&config_response_msg_desc, m);
	config_files_fill(c->conf, false, m, &out.mem);
	for (uint32_t k = 0; k < s->count; k++) {
		struct effect *e = effects_add(&out, EFF_CLIENT);

		e->type = REQUEST_RECONFIGURE_SACKD;
		e->body = m;
		e->addr = s->v[k].addr;
		e->client_version = wire_version_number(s->v[k].version);
	}
	log_debug("%u sackd are told of the new configuration", s->count);
	steps_take(c, &out);
}
