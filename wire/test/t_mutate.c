/* SPDX-License-Identifier: Apache-2.0
 *
 * Deterministic mutation of the golden vectors: flipped, cut, spliced and
 * with impossible lengths, as frames and as bodies of every release.  What
 * still decodes must hold what wire/fuzz/target.h asks for; run it under the
 * sanitizers.
 *
 *   t_mutate [--rounds N] [--seed N] [--corpus DIR]
 *
 * --corpus writes one fuzzer input a vector instead. */
#include <sys/stat.h>

#include "wire/base/tap.h"
#include "wire/fuzz/target.h"

#if defined(__SANITIZE_ADDRESS__)
#define ROUNDS 60
#else
#define ROUNDS 1000
#endif
/* Larger vectors are mutated less often, so that no one of them takes the time. */
#define LARGE 8192

struct vector {
	uint8_t *p;
	size_t n;
};

static struct vector *vectors;
static size_t vector_count;
static uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static size_t below(size_t n)
{
	return n ? (size_t)(next() % n) : 0;
}

static int nibble(int c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void vector_add(const char *hex)
{
	size_t n = strcspn(hex, "\r\n") / 2;
	uint8_t *p = malloc(n + 1);

	for (size_t k = 0; k < n; k++)
		p[k] = (uint8_t)(nibble(hex[2 * k]) << 4 | nibble(hex[2 * k + 1]));
	if (!(vector_count & (vector_count + 1)))
		vectors = realloc(vectors, (2 * vector_count + 2) * sizeof *vectors);
	vectors[vector_count++] = (struct vector){ p, n };
}

static bool vectors_read(const char *set, int major)
{
	char path[128], *line = NULL;
	size_t cap = 0;
	FILE *in;

	(void)snprintf(path, sizeof path, "compat-tests/vectors/%s-v%d.tsv", set, major);
	in = fopen(path, "r");
	if (!in)
		return false;
	while (getline(&line, &cap, in) > 0)
		if (strchr(line, '\t'))
			vector_add(strchr(line, '\t') + 1);
	free(line);
	(void)fclose(in);
	return true;
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24), p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8), p[3] = (uint8_t)v;
}

/* One change of p, n bytes in room for cap; the new length. */
static size_t mutate(uint8_t *p, size_t n, size_t cap)
{
	static const uint32_t odd[] = { 0, 1, 0x7f, 0xff, 0xffff, 0x10000, 0x7fffffff, 0x80000000,
					0xfffffffd, 0xfffffffe, 0xffffffff, 0x40000000, 0x3fffffff };
	size_t at = below(n), k;

	if (n < 8)
		return n;
	switch (below(8)) {
	case 0:
		p[at] ^= (uint8_t)(1u << below(8));
		return n;
	case 1:
		p[at] = (uint8_t)next();
		return n;
	case 2:
	case 3:                                         /* a count or length that lies */
		put32(p + below(n - 4), odd[below(sizeof odd / sizeof *odd)]);
		return n;
	case 4:                                         /* cut */
		return at;
	case 5:                                         /* a piece is missing */
		k = below(n - at);
		memmove(p + at, p + at + k, n - at - k);
		return n - k;
	case 6: {                                       /* a piece of another */
		const struct vector *v = &vectors[below(vector_count)];

		k = below(v->n < cap - at ? v->n : cap - at);
		memcpy(p + at, v->p + below(v->n - k), k);
		return at + k > n ? at + k : n;
	}
	default:                                        /* a piece twice */
		k = below(n - at);
		if (k > cap - n)
			k = cap - n;
		memmove(p + at + k, p + at, n - at);
		return n + k;
	}
}

/* Header: version, flags, type, body length.  Only the plain shape is mended. */
static void body_length_mend(uint8_t *p, size_t n, size_t old_n)
{
	uint32_t len;

	if (n < 10 || old_n < 10)
		return;
	len = (uint32_t)p[6] << 24 | (uint32_t)p[7] << 16 | (uint32_t)p[8] << 8 | p[9];
	if (n >= old_n || len >= old_n - n)
		put32(p + 6, (uint32_t)(len + n - old_n));
}

static void vector_mutate(const struct vector *v, struct target_count *c, size_t rounds)
{
	size_t cap = v->n + 512;
	uint8_t *p = malloc(cap), *tight;

	if (v->n > LARGE)
		rounds = rounds / (v->n / LARGE + 1) + 1;
	for (size_t r = 0; r < rounds; r++) {
		size_t n = v->n, skip, changes = 1 + below(3);
		struct arena mem = {0};
		struct wire_frame f;

		memcpy(p, v->p, n);
		if (r % 3 == 2 && !wire_frame_parse(v->p, v->n, &mem, &f)) {
			/* the body alone, so that every change is inside it */
			skip = v->n - f.body.len;
			n = skip + mutate(p + skip, n - skip, cap - skip);
			f.body = (struct wire_mem){ NULL, (uint32_t)(n - skip) };
			tight = malloc(n - skip + 1);
			memcpy(tight, p + skip, n - skip);
			f.body.p = tight;
			c->tried++, c->parsed++;
			c->decoded += target_body(&f);
		} else {
			while (changes--)
				n = mutate(p, n, cap);
			if (r & 1)
				body_length_mend(p, n, v->n);
			tight = malloc(n + 1);
			memcpy(tight, p, n);
			target_frame(tight, n, c);
		}
		free(tight);
		arena_fini(&mem);
	}
	free(p);
}

/* The bodies of one release read as those of the others. */
static void release_swap(const struct vector *v, struct target_count *c)
{
	for (uint8_t major = 38; major <= 45; major++) {
		uint8_t *p = malloc(v->n + 1);

		memcpy(p, v->p, v->n);
		p[0] = major;
		target_frame(p, v->n, c);
		free(p);
	}
}

static void noise(struct target_count *c, size_t rounds)
{
	for (size_t r = 0; r < rounds; r++) {
		size_t n = 3 + below(200);
		uint8_t *p = malloc(n);

		for (size_t k = 0; k < n; k++)
			p[k] = below(3) ? 0 : (uint8_t)next();
		p[0] = (uint8_t)r;
		p[1] = (uint8_t)(r / 8 >> 8), p[2] = (uint8_t)(r / 8);
		target_message(p, n, c);
		free(p);
	}
}

static int corpus_write(const char *dir)
{
	(void)mkdir(dir, 0777);
	for (size_t k = 0; k < vector_count; k++) {
		char path[256];
		FILE *f;

		(void)snprintf(path, sizeof path, "%s/%05zu", dir, k);
		f = fopen(path, "w");
		if (!f || putc(0, f) == EOF ||
		    fwrite(vectors[k].p, 1, vectors[k].n, f) != vectors[k].n || fclose(f))
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct target_count plain = {0}, c = {0};
	size_t rounds = ROUNDS;
	const char *corpus = NULL;

	for (int k = 1; k + 1 < argc; k += 2) {
		if (!strcmp(argv[k], "--rounds"))
			rounds = (size_t)strtoul(argv[k + 1], NULL, 10);
		else if (!strcmp(argv[k], "--seed"))
			seed ^= strtoull(argv[k + 1], NULL, 0) << 1;
		else if (!strcmp(argv[k], "--corpus"))
			corpus = argv[k + 1];
	}
	for (int major = 38; major <= 45; major++)
		if (!vectors_read("rpc", major) || !vectors_read("more", major))
			ok(false, "vectors of protocol %d are there", major);
	if (corpus)
		return corpus_write(corpus);
	for (size_t k = 0; k < vector_count; k++)
		target_frame(vectors[k].p, vectors[k].n, &plain);
	ok(plain.decoded == vector_count && vector_count > 1000, "%zu vectors unchanged",
	   vector_count);
	for (size_t k = 0; k < vector_count; k++)
		vector_mutate(&vectors[k], &c, rounds);
	ok(c.tried > vector_count * rounds / 2, "%lu mutations: %lu frames, %lu messages", c.tried,
	   c.parsed, c.decoded);
	c = (struct target_count){0};
	for (size_t k = 0; k < vector_count; k++)
		release_swap(&vectors[k], &c);
	ok(c.tried == 8 * vector_count, "%lu in another release: %lu messages", c.tried,
	   c.decoded);
	c = (struct target_count){0};
	noise(&c, wire_type_count * 8 * (rounds / 4 + 1));
	ok(c.tried > 0, "%lu of noise: %lu messages", c.tried, c.decoded);
	for (size_t k = 0; k < vector_count; k++)
		free(vectors[k].p);
	free(vectors);
	return tap_done();
}
