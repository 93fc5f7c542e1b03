/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of the configuration files: numbers, booleans, times. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* What the wire and the configuration use for "unset" and "no limit". */
#define CONF_NO_VAL16     UINT16_C(0xfffe)
#define CONF_INFINITE16   UINT16_C(0xffff)
#define CONF_NO_VAL       UINT32_C(0xfffffffe)
#define CONF_INFINITE     UINT32_C(0xffffffff)
#define CONF_NO_VAL64     UINT64_C(0xfffffffffffffffe)
#define CONF_INFINITE64   UINT64_C(0xffffffffffffffff)

/* A number up to max, decimal, octal (0...) or hexadecimal (0x...), K for
 * 1024 allowed above 16 bits.  UNLIMITED and INFINITE give max.  On failure
 * returns what is wrong with it, as the end of a sentence; NULL if fine. */
const char *value_number(const char *text, uint64_t max, uint64_t *out);
bool value_bool(const char *text, bool *out);
/* Byte counts: 10, 10K, 10M, 10G, 10T, 10P. */
bool value_count(const char *text, uint64_t *out);
/* "minutes", "minutes:seconds", "hours:minutes:seconds", "days-hours",
 * "days-hours:minutes[:seconds]", UNLIMITED, INFINITE, -1.  Seconds. */
bool value_seconds(const char *text, uint32_t *out);
/* The same in minutes, rounded up. */
bool value_minutes(const char *text, uint32_t *out);
/* NONE, INFINITE, -1 or seconds. */
bool value_suspend(const char *text, uint32_t *out);

#endif
