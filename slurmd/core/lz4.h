/* SPDX-License-Identifier: Apache-2.0
 *
 * Unpack one LZ4 block (the format of sbcast --compress=lz4).  Pure. */
#ifndef SLURMD_CORE_LZ4_H
#define SLURMD_CORE_LZ4_H

#include <stddef.h>
#include <stdint.h>

/* Bytes written to out, or -1 when in is damaged or does not fit. */
ptrdiff_t lz4_unpack(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len);

#endif
