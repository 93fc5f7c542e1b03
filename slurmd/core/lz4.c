/* SPDX-License-Identifier: Apache-2.0
 *
 * A block is a row of sequences: a token with two lengths of four bits, more
 * length bytes while they are 255, literals, and a copy of earlier output at
 * a distance of two bytes; the last sequence ends after its literals. */
#include "slurmd/core/lz4.h"

#include <stdbool.h>
#include <string.h>

static bool length_read(const uint8_t **p, const uint8_t *end, size_t *n)
{
	uint8_t b;

	if (*n != 15)
		return true;
	do {
		if (*p == end)
			return false;
		b = *(*p)++;
		*n += b;
	} while (b == 255);
	return true;
}

ptrdiff_t lz4_unpack(const uint8_t *in, size_t in_len, uint8_t *out, size_t out_len)
{
	const uint8_t *p = in, *end = in + in_len;
	size_t o = 0;

	while (p < end) {
		uint8_t token = *p++;
		size_t n = token >> 4, distance;

		if (!length_read(&p, end, &n) || n > (size_t)(end - p) || n > out_len - o)
			return -1;
		memcpy(out + o, p, n);
		p += n;
		o += n;
		if (p == end)
			return (ptrdiff_t)o;
		if (end - p < 2)
			return -1;
		distance = (size_t)p[0] | (size_t)p[1] << 8;
		p += 2;
		n = token & 15;
		if (!length_read(&p, end, &n))
			return -1;
		n += 4;
		if (!distance || distance > o || n > out_len - o)
			return -1;
		for (; n; n--, o++)             /* may overlap: byte by byte */
			out[o] = out[o - distance];
	}
	return -1;
}
