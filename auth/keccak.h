/* SPDX-License-Identifier: Apache-2.0
 *
 * The Keccak sponge: what K12 (12 rounds) and SHA3-256 (24 rounds) share.
 * Private to auth/. */
#ifndef AUTH_KECCAK_H
#define AUTH_KECCAK_H

#include <stddef.h>
#include <stdint.h>

struct keccak {
	uint64_t lane[25];
	unsigned rate;          /* bytes per block, at most 168 */
	unsigned rounds;        /* 12 or 24 */
	unsigned pos;           /* bytes of the open block */
};

void keccak_init(struct keccak *k, unsigned rate, unsigned rounds);
void keccak_absorb(struct keccak *k, const void *p, size_t len);
/* Pad with the domain byte and take n bytes out, n at most one block. */
void keccak_finish(struct keccak *k, uint8_t domain, uint8_t *out, size_t n);

#endif
