/* SPDX-License-Identifier: Apache-2.0
 *
 * KangarooTwelve as RFC 9861 defines it (KT128, 32 bytes out), and SHA3-256
 * (FIPS 202): the two hashes that bind a message body to its credential. */
#include "auth/auth.h"
#include "auth/keccak.h"

#include <string.h>

#define CHUNK      8192
#define RATE_128   168
#define RATE_256   136
#define CV_BYTES   32

/* Message, customisation and its length are one stream, cut into chunks.  The
 * first chunk goes to the outer sponge itself; each later one is hashed on its
 * own and only its 32 byte chaining value goes there. */
struct k12 {
	struct keccak outer, leaf;
	size_t room;            /* bytes left in the open chunk */
	uint64_t leaves;        /* chunks after the first, the open one included */
};

static void leaf_close(struct k12 *h)
{
	uint8_t cv[CV_BYTES];

	keccak_finish(&h->leaf, 0x0b, cv, sizeof cv);
	keccak_absorb(&h->outer, cv, sizeof cv);
}

static void k12_absorb(struct k12 *h, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	while (len) {
		size_t n;

		if (!h->room) {
			static const uint8_t tree[8] = { 3 };

			if (h->leaves++)
				leaf_close(h);
			else
				keccak_absorb(&h->outer, tree, sizeof tree);
			keccak_init(&h->leaf, RATE_128, 12);
			h->room = CHUNK;
		}
		n = len < h->room ? len : h->room;
		keccak_absorb(h->leaves ? &h->leaf : &h->outer, p, n);
		p += n, len -= n, h->room -= n;
	}
}

/* Big-endian without leading zeros, then the count of those bytes. */
static size_t length_encode(uint64_t x, uint8_t out[9])
{
	size_t n = 0;

	for (int shift = 56; shift >= 0; shift -= 8)
		if (n || x >> shift & 0xff)
			out[n++] = (uint8_t)(x >> shift);
	out[n] = (uint8_t)n;
	return n + 1;
}

void auth_k12(const void *in, size_t len, const void *custom, size_t custom_len,
	      uint8_t out[32])
{
	static const uint8_t end[2] = { 0xff, 0xff };
	struct k12 h = { .room = CHUNK };
	uint8_t enc[9];

	keccak_init(&h.outer, RATE_128, 12);
	k12_absorb(&h, in, len);
	k12_absorb(&h, custom, custom_len);
	k12_absorb(&h, enc, length_encode(custom_len, enc));
	if (!h.leaves) {
		keccak_finish(&h.outer, 0x07, out, 32);
		return;
	}
	leaf_close(&h);
	keccak_absorb(&h.outer, enc, length_encode(h.leaves, enc));
	keccak_absorb(&h.outer, end, sizeof end);
	keccak_finish(&h.outer, 0x06, out, 32);
}

void auth_sha3_256(const void *in, size_t len, const void *more, size_t more_len,
		   uint8_t out[32])
{
	struct keccak k;

	keccak_init(&k, RATE_256, 24);
	keccak_absorb(&k, in, len);
	keccak_absorb(&k, more, more_len);
	keccak_finish(&k, 0x06, out, 32);
}
