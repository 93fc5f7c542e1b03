/* SPDX-License-Identifier: Apache-2.0 */
#include "slurmctld/sackds.h"

#include "slurmctld/config_files.h"
#include "slurmctld/steps.h"
#include "wire/base/log.h"

void sackds_add(struct ctld *c, const struct caller *who, uint16_t port)
{
	struct event ev = { .kind = EV_SACKD, .caller = *who };

	ev.caller.peer.port = port ? port : c->conf->slurmdport;
	log_debug("sackd of %s is noted", who->host);
	steps_run(c, &ev, NULL);
}

void sackds_tell(struct ctld *c)
{
	struct effects out = { 0 };
	struct config_response_msg *m;
	uint32_t count = 0;

	if (!c->core->sackd_first || !config_files_enabled(c->conf))
		return;
	m = arena_alloc(&out.mem, sizeof *m);
	wire_init(&config_response_msg_desc, m);
	config_files_fill(c->conf, false, m, &out.mem);
	for (const struct sackd *s = c->core->sackd_first; s; s = s->next, count++) {
		struct effect *e = effects_add(&out, EFF_CLIENT);

		e->type = REQUEST_RECONFIGURE_SACKD;
		e->body = m;
		e->addr = s->addr;
		e->client_version = s->version;
	}
	log_debug("%u sackd are told of the new configuration", count);
	steps_take(c, &out);
}
