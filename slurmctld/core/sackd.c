/* SPDX-License-Identifier: Apache-2.0
 *
 * Hosts whose sackd has its configuration from us, to be told when it changes.
 * One row of the journal each: a controller that was restarted knows them. */
#include <stdlib.h>

#include "slurmctld/core/internal.h"

#define HOSTS_MAX 4096          /* anybody may claim to be one */

static struct sackd **place_of(struct core *c, const char *host, uint32_t *count)
{
	struct sackd **at = &c->sackd_first;

	for (*count = 0; *at && !streq((*at)->host, host); ++*count)
		at = &(*at)->next;
	return at;
}

struct sackd *sackd_put(struct core *c, uint32_t id, const char *host, const struct wire_addr *addr,
			uint16_t version)
{
	uint32_t count;
	struct sackd **at = place_of(c, host, &count), *s = *at;

	if (!s) {
		s = *at = mem_zalloc(sizeof *s);
		s->host = mem_strdup(host);
		s->id = id;
		if (id > c->last_sackd_id)
			c->last_sackd_id = id;
	}
	s->addr = *addr;
	s->version = version;
	return s;
}

void sackd_note(struct core *c, const struct event *ev, struct effects *out)
{
	const struct wire_addr *addr = &ev->caller.peer;
	uint16_t version = wire_version_number(ev->caller.version);
	uint32_t count;
	struct sackd *s = *place_of(c, ev->caller.host, &count);

	if (s && s->version == version && s->addr.family == addr->family &&
	    s->addr.port == addr->port && !memcmp(s->addr.ip, addr->ip, sizeof addr->ip))
		return;
	if (!s && count >= HOSTS_MAX) {
		effect_log(out, 2, "sackd of %s is not noted: there are %u others",
			   ev->caller.host, count);
		return;
	}
	image_put_sackd(c, out, sackd_put(c, c->last_sackd_id + 1, ev->caller.host, addr, version));
}

void sackd_free_all(struct core *c)
{
	struct sackd *s;

	while ((s = c->sackd_first)) {
		c->sackd_first = s->next;
		free(s->host);
		free(s);
	}
}
