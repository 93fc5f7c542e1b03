/* SPDX-License-Identifier: Apache-2.0
 *
 * Test Anything Protocol for unit tests: ok(cond, "name %d", n) ... and
 * "return tap_done();" at the end of main. */
#ifndef WIRE_BASE_TAP_H
#define WIRE_BASE_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

static int tap_count, tap_failed;

__attribute__((format(printf, 4, 5), unused))
static bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (!good) {
		tap_failed++;
		printf("\n# at %s:%d", file, line);
	}
	putchar('\n');
	fflush(stdout);
	return good;
}

#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, __VA_ARGS__)

__attribute__((unused)) static int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}

#endif
