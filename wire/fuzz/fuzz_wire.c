/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target over frames and all messages.  An even first byte: the rest
 * is a frame; an odd one: release, type, body.  To build and run:
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. \
 *         wire/fuzz/fuzz_wire.c wire/ *.c wire/base/ *.c -lm -o fuzz_wire
 *   build/wire/test/t_mutate --corpus corpus; ./fuzz_wire corpus
 *
 * (without the two spaces before the asterisks). */
#include "wire/fuzz/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct target_count c = {0};

	if (!n)
		return 0;
	if (p[0] & 1)
		target_message(p + 1, n - 1, &c);
	else
		target_frame(p + 1, n - 1, &c);
	return 0;
}
