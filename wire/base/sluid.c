/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/base/sluid.h"

#include <string.h>

static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

const char *sluid_text(uint64_t sluid, char out[SLUID_TEXT])
{
	out[0] = 's';
	out[SLUID_TEXT - 1] = '\0';
	for (int i = SLUID_TEXT - 2; i > 0; i--, sluid >>= 5)
		out[i] = digits[sluid & 31];
	return out;
}

uint64_t sluid_parse(const char *text)
{
	uint64_t n = 0;

	if (!text || strlen(text) != SLUID_TEXT - 1 || (*text != 's' && *text != 'S'))
		return 0;
	while (*++text) {
		char c = *text >= 'a' && *text <= 'z' ? (char)(*text - 'a' + 'A') : *text;
		const char *at;

		c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
		at = strchr(digits, c);
		if (!at)
			return 0;
		n = n << 5 | (uint64_t)(at - digits);
	}
	return n;
}
