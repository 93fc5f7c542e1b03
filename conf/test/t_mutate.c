/* SPDX-License-Identifier: Apache-2.0
 *
 * The fuzz target over a deterministic mutation of good files: bytes changed,
 * lines dropped, doubled, cut and swapped.  Nothing may crash, and what still
 * parses must survive printing. */
#include "conf/test/util.h"

#include <string.h>

#include "conf/fuzz/conf_fuzz.h"

static uint64_t seed = 20261120;

static uint32_t rnd(uint32_t n)
{
	seed = seed * UINT64_C(6364136223846793005) +
	       UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33) % n;
}

static const char *const words[] = {
	"DEFAULT", "ALL", "UNLIMITED", "-1", "0", "65536", "4294967295", "\"",
	"\\", "\\\n", "#", "=", "[1-3]", "[", "]", "NodeName=", "Include ",
	"n[1-9999999]", " Nodes=ALL", "99999999999999999999", "\n\n", ",", ":",
	"PartitionName=z ", "SlurmctldHost=", "\t", "()", "State=",
};

/* A mutant of text in buf; at most size bytes. */
static size_t mutate(const char *text, size_t len, char *buf, size_t size)
{
	uint32_t changes = 1 + rnd(6);

	memcpy(buf, text, len);
	while (changes--) {
		uint32_t at = len ? rnd((uint32_t)len) : 0;
		const char *word = words[rnd(sizeof(words) / sizeof(*words))];
		size_t n = strlen(word);

		switch (rnd(5)) {
		case 0:         /* one byte */
			if (len)
				buf[at] = (char)rnd(256);
			break;
		case 1:         /* cut a piece */
			n = rnd(20);
			if (at + n < len) {
				memmove(buf + at, buf + at + n, len - at - n);
				len -= n;
			}
			break;
		case 2:         /* double a piece */
			n = rnd(60);
			if (at + n < len && len + n < size) {
				memmove(buf + at + n, buf + at, len - at);
				len += n;
			}
			break;
		default:        /* put a word in */
			if (len + n < size) {
				memmove(buf + at + n, buf + at, len - at);
				memcpy(buf + at, word, n);
				len += n;
			}
		}
	}
	return len;
}

static uint32_t run(const char *text, uint32_t rounds)
{
	size_t len = strlen(text);
	char *buf = mem_alloc(2 * len + 4096);

	for (uint32_t i = 0; i < rounds; i++)
		conf_fuzz_one((uint8_t *)buf,
			      mutate(text, len, buf, 2 * len + 4096));
	free(buf);
	return rounds;
}

static const char small[] = HEAD
	"GresTypes=gpu\nNodeName=DEFAULT CPUs=4\n"
	"NodeName=n[1-3] Gres=gpu:2 Port=[1-3] Feature=a State=UNKNOWN\n"
	"DownNodes=n2 Reason=\"x y\"\nNodeSet=s Feature=a\n"
	"PartitionName=p Nodes=s,n1 Default=YES MaxTime=1-0 "
	"OverSubscribe=FORCE:2 PreemptMode=OFF\n";

int main(void)
{
	static const char *const lists[] = {
		"c[1-4,7],q1", "r[1-2]n[01-16]", "a[1-3]b,x1 y", "n[098-101]",
	};
	char *text = test_slurp("conf/test/tutorial/slurm.conf");
	char buf[512];
	uint32_t i;

	ok(text && run(text, 1500) == 1500, "the tutorial's file");
	free(text);
	ok(run(small, 6000) == 6000, "a small file");
	for (i = 0; i < 10000; i++) {
		const char *s = lists[i % 4];

		hostlist_fuzz_one((uint8_t *)buf,
				  mutate(s, strlen(s), buf, sizeof(buf)));
	}
	ok(true, "host lists");
	return tap_done();
}
