/* SPDX-License-Identifier: Apache-2.0
 *
 * libFuzzer target.  The first byte chooses: 'h' a host list, else files.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. \
 *       conf/fuzz/fuzz_conf.c conf/[a-z]*.c wire/[a-z]*.c wire/base/[a-z]*.c
 */
#include "conf/fuzz/conf_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size && data[0] == 'h')
		return hostlist_fuzz_one(data + 1, size - 1);
	return conf_fuzz_one(data, size);
}
