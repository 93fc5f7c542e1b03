/* SPDX-License-Identifier: Apache-2.0
 *
 * Text of a 24.11+ job number that is unique over time: "s" and 13 digits of
 * base 32, without the letters that look like digits. */
#ifndef WIRE_BASE_SLUID_H
#define WIRE_BASE_SLUID_H

#include <stdint.h>

#define SLUID_TEXT 15

/* Returns out. */
const char *sluid_text(uint64_t sluid, char out[SLUID_TEXT]);
/* 0 when it is not one. */
uint64_t sluid_parse(const char *text);

#endif
