/* SPDX-License-Identifier: Apache-2.0
 *
 * The accounting service: what is pure about talking to it. */
#include <string.h>

#include "slurmctld/dbd.h"
#include "wire/base/tap.h"

int main(void)
{
	enum wire_version v = WIRE_VERSION_NEWEST;
	char text[160];
	int n = 0;

	dbd_tres_text(20, 5000, 5, text, sizeof text);
	ok(strcmp(text, "1=20,2=5000,3=0,4=5,5=20,6=0,7=0,8=0") == 0, "resources: %s", text);
	while (dbd_next_version(&v))
		n++;
	ok(v == WIRE_VERSION_OLDEST && n == WIRE_VERSION_COUNT - 1, "every release is tried");
	ok(dbd_pause_sec(1) == 1 && dbd_pause_sec(5) == 5 && dbd_pause_sec(1000) == 10,
	   "pauses grow to ten seconds");
	return tap_done();
}
