/* SPDX-License-Identifier: Apache-2.0
 *
 * Clients of other clusters: what is told them. */
#include <string.h>

#include "slurmctld/core/internal.h"
#include "wire/base/tap.h"

int main(void)
{
	static const char *const bad[] = { "", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1..2.3", "c1",
					   "1.2.3.4 ", "0001.2.3.4", "::1" };
	struct conf conf = { .clustername = "linux" };
	struct core c = { .conf = &conf };
	uint8_t ip[4];

	ok(remote_parse_ipv4("192.168.4.160", ip) && !memcmp(ip, "\xc0\xa8\x04\xa0", 4),
	   "an address is read");
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(!remote_parse_ipv4(bad[i], ip), "'%s' is none", bad[i]);
	ok(remote_cluster(&c, "other") && !remote_cluster(&c, "linux") &&
	   !remote_cluster(&c, NULL) && !remote_cluster(&c, ""), "another cluster is one with another name");
	return tap_done();
}
