/* SPDX-License-Identifier: Apache-2.0
 *
 * Keccak-p[1600] after FIPS 202, section 3, and a sponge over it.  Lanes are
 * little-endian whatever the machine is; nothing here depends on the values
 * hashed, so timing tells nothing about them. */
#include "auth/keccak.h"

#include <string.h>

static const uint64_t keccak_constant[24] = {
	0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000,
	0x000000000000808b, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
	0x000000000000008a, 0x0000000000000088, 0x0000000080008009, 0x000000008000000a,
	0x000000008000808b, 0x800000000000008b, 0x8000000000008089, 0x8000000000008003,
	0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
	0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

/* Rho and pi walk the lanes in one cycle that starts at lane 1. */
static const uint8_t keccak_turn[24] = {
	1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
};
static const uint8_t keccak_place[24] = {
	10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
};

static inline uint64_t turn(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void keccak_permute(uint64_t a[25], unsigned rounds)
{
	for (unsigned r = 24 - rounds; r < 24; r++) {
		uint64_t c[5], carried;

		for (unsigned x = 0; x < 5; x++)
			c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
		for (unsigned x = 0; x < 5; x++) {
			uint64_t d = c[(x + 4) % 5] ^ turn(c[(x + 1) % 5], 1);

			for (unsigned y = 0; y < 25; y += 5)
				a[x + y] ^= d;
		}
		carried = a[1];
		for (unsigned k = 0; k < 24; k++) {
			uint64_t held = a[keccak_place[k]];

			a[keccak_place[k]] = turn(carried, keccak_turn[k]);
			carried = held;
		}
		for (unsigned y = 0; y < 25; y += 5) {
			memcpy(c, a + y, sizeof c);
			for (unsigned x = 0; x < 5; x++)
				a[x + y] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
		}
		a[0] ^= keccak_constant[r];
	}
}

static void xor_byte(struct keccak *k, unsigned at, uint8_t b)
{
	k->lane[at / 8] ^= (uint64_t)b << (8 * (at % 8));
}

static uint64_t load_lane(const uint8_t *p)
{
	uint64_t v = 0;

	for (unsigned k = 0; k < 8; k++)
		v |= (uint64_t)p[k] << (8 * k);
	return v;
}

void keccak_init(struct keccak *k, unsigned rate, unsigned rounds)
{
	memset(k, 0, sizeof *k);
	k->rate = rate;
	k->rounds = rounds;
}

void keccak_absorb(struct keccak *k, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len) {
		if (!k->pos && len >= k->rate) {
			for (unsigned n = 0; n < k->rate / 8; n++)
				k->lane[n] ^= load_lane(p + 8 * (size_t)n);
			p += k->rate, len -= k->rate;
			keccak_permute(k->lane, k->rounds);
			continue;
		}
		xor_byte(k, k->pos++, *p++);
		len--;
		if (k->pos == k->rate) {
			keccak_permute(k->lane, k->rounds);
			k->pos = 0;
		}
	}
}

void keccak_finish(struct keccak *k, uint8_t domain, uint8_t *out, size_t n)
{
	xor_byte(k, k->pos, domain);
	xor_byte(k, k->rate - 1, 0x80);
	keccak_permute(k->lane, k->rounds);
	for (size_t j = 0; j < n; j++)
		out[j] = (uint8_t)(k->lane[j / 8] >> (8 * (j % 8)));
}
