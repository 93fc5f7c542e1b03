/* SPDX-License-Identifier: Apache-2.0
 *
 * K12 against the test vectors of RFC 9861, SHA3-256 against FIPS 202. */
#include <stdlib.h>

#include "auth/auth.h"
#include "wire/base/tap.h"

/* The RFC's pattern: 00 01 .. fa repeated. */
static uint8_t *pattern(size_t n)
{
	uint8_t *p = malloc(n + 1);

	for (size_t k = 0; k < n; k++)
		p[k] = (uint8_t)(k % 251);
	return p;
}

static bool is(const uint8_t got[32], const char *hex)
{
	char text[65];

	for (int k = 0; k < 32; k++)
		(void)snprintf(text + 2 * k, 3, "%02x", got[k]);
	if (!strcmp(text, hex))
		return true;
	printf("# got %s\n", text);
	return false;
}

static const struct {
	size_t len, custom_len;
	bool ones;              /* message is len times ff */
	const char *hex;
} k12_vector[] = {
	{ 0, 0, false, "1ac2d450fc3b4205d19da7bfca1b37513c0803577ac7167f06fe2ce1f0ef39e5" },
	{ 1, 0, false, "2bda92450e8b147f8a7cb629e784a058efca7cf7d8218e02d345dfaa65244a1f" },
	{ 17, 0, false, "6bf75fa2239198db4772e36478f8e19b0f371205f6a9a93a273f51df37122888" },
	{ 289, 0, false, "0c315ebcdedbf61426de7dcf8fb725d1e74675d7f5327a5067f367b108ecb67c" },
	{ 4913, 0, false, "cb552e2ec77d9910701d578b457ddf772c12e322e4ee7fe417f92c758f0d59d0" },
	{ 83521, 0, false, "8701045e22205345ff4dda05555cbb5c3af1a771c2b89baef37db43d9998b9fe" },
	{ 1419857, 0, false,
	  "844d610933b1b9963cbdeb5ae3b6b05cc7cbd67ceedf883eb678a0a8e0371682" },
	{ 24137569, 0, false,
	  "3c390782a8a4e89fa6367f72feaaf13255c8d95878481d3cd8ce85f58e880af8" },
	{ 0, 1, true, "fab658db63e94a246188bf7af69a133045f46ee984c56e3c3328caaf1aa1a583" },
	{ 1, 41, true, "d848c5068ced736f4462159b9867fd4c20b808acc3d5bc48e0b06ba0a3762ec4" },
	{ 3, 1681, true, "c389e5009ae57120854c2e8c64670ac01358cf4c1baf89447a724234dc7ced74" },
	{ 7, 68921, true, "75d2f86a2e644566726b4fbcfc5657b9dbcf070c7b0dca06450ab291d7443bcf" },
	{ 8191, 0, false, "1b577636f723643e990cc7d6a659837436fd6a103626600eb8301cd1dbe553d6" },
	{ 8192, 0, false, "48f256f6772f9edfb6a8b661ec92dc93b95ebd05a08a17b39ae3490870c926c3" },
	{ 8192, 8189, false,
	  "3ed12f70fb05ddb58689510ab3e4d23c6c6033849aa01e1d8c220a297fedcd0b" },
	{ 8192, 8190, false,
	  "6a7c1b6a5cd0d8c9ca943a4a216cc64604559a2ea45f78570a15253d67ba00ae" },
};

int main(void)
{
	uint8_t out[32];

	for (size_t k = 0; k < sizeof k12_vector / sizeof *k12_vector; k++) {
		size_t n = k12_vector[k].len, c = k12_vector[k].custom_len;
		uint8_t *m = pattern(n), *custom = pattern(c);

		if (k12_vector[k].ones)
			memset(m, 0xff, n);
		auth_k12(m, n, custom, c, out);
		ok(is(out, k12_vector[k].hex), "K12 of %zu bytes, customised by %zu", n, c);
		free(m);
		free(custom);
	}
	auth_sha3_256("", 0, "", 0, out);
	ok(is(out, "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b80f8434a"),
	   "SHA3-256 of nothing");
	auth_sha3_256("a", 1, "bc", 2, out);
	ok(is(out, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
	   "SHA3-256 of abc");
	return tap_done();
}
