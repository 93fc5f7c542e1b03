/* SPDX-License-Identifier: Apache-2.0
 *
 * See turn.h. */
#include "slurmctld/turn.h"

#include <string.h>

#include "wire/messages.h"

static bool listed(const char *entry, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = entry; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (strncmp(p, name, n) == 0 && (!p[n] || p[n] == ','))
			return true;
	}
	return false;
}

int turn_index(char *const *hosts, uint32_t count, const char *short_name,
	       const char *long_name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(hosts[i], short_name) == 0 || strcmp(hosts[i], long_name) == 0)
			return (int)i;
	if (count && (listed(hosts[0], short_name) || listed(hosts[0], long_name)))
		return 0;
	return -1;
}

void turn_start(struct turn *t, uint32_t index, uint32_t count, int64_t timeout, int64_t now)
{
	*t = (struct turn){ .index = index, .count = count, .timeout = timeout,  .heard = now,
			    .missed = now, .looked = now - timeout };
}

bool turn_look_due(const struct turn *t, int64_t now)
{
	return t->asked || now - t->looked >= t->timeout / 3;
}

bool turn_take_due(const struct turn *t, int64_t lease_changed)
{
	int64_t since = lease_changed > t->heard ? lease_changed : t->heard;

	if (!t->index || t->asked)
		return true;
	return t->missed - since > t->timeout;
}

enum turn_act turn_request(uint16_t type, bool admin, enum err *code)
{
	*code = E_OK;
	switch (type) {
	case REQUEST_PING:
		return TURN_ANSWER;
	case REQUEST_CONTROL_STATUS:
		return TURN_STATUS;
	case REQUEST_CONFIG:
		*code = E_IN_STANDBY_USE_BACKUP;
		return TURN_ANSWER;
	case REQUEST_SHUTDOWN:
		if (admin)
			return TURN_END;
		break;
	case REQUEST_TAKEOVER:
		if (admin)
			return TURN_TAKE;
		break;
	case REQUEST_CONTROL:
		if (admin) {
			*code = E_DISABLED;     /* there is none to give */
			return TURN_ANSWER;
		}
		break;
	default:
		break;
	}
	*code = E_IN_STANDBY_MODE;
	return TURN_ANSWER;
}

enum turn_wish turn_wish(const struct turn *t, uint32_t other)
{
	if (other == t->index || other >= t->count)
		return WISH_NOTHING;
	/* The primary was silent, or was told by whoever asked us to take over. */
	if (!other && !t->asked)
		return WISH_NOTHING;
	/* One before us would only take control back at once. */
	if (other < t->index)
		return WISH_END;
	return WISH_CONTROL;
}
