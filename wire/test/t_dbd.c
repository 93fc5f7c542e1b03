/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of the accounting service: captured ones decode, use up their bytes
 * and re-encode to the same; those inside a list of messages as well. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/tap.h"
#include "wire/frame.h"

static int nibble(int c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void check(const char *name, const uint8_t *bytes, size_t len, enum wire_version v,
		  int line)
{
	struct arena mem = {0};
	struct wire_out o = {0};
	const struct wire_type *t;
	void *body;
	enum err e = wire_dbd_parse(bytes, len, v, &mem, &t, &body);

	if (ok(e == E_OK, "%s %s line %d decodes", wire_version_name(v), name, line)) {
		const struct dbd_packed_list *l = body;

		ok(wire_dbd_build(&o, t->number, body, v, false) && o.len == len &&
		   !memcmp(o.base, bytes, len), "%s %s line %d re-encodes", wire_version_name(v),
		   name, line);
		ok(wire_dbd_parse(bytes, len - 1, v, &mem, &t, &body) != E_OK,
		   "and is refused one byte short");
		if (bytes[0] == DBD_SEND_MULT_MSG >> 8 && bytes[1] == (DBD_SEND_MULT_MSG & 0xff))
			for (uint32_t i = 0; i < l->count; i++) {
				const struct wire_mem *m = &l->list[i].bytes;

				if (m->len > 2 && wire_dbd_type_find((uint16_t)(m->p[0] << 8 | m->p[1]), v))
					check("inside", m->p, m->len, v, line);
			}
	}
	wire_out_fini(&o);
	arena_fini(&mem);
}

static void run(int major)
{
	enum wire_version v = V22_05;
	char path[64], *line = NULL;
	size_t cap = 0;
	int number = 0;
	FILE *in;

	snprintf(path, sizeof path, "compat-tests/vectors/dbd-v%d.tsv", major);
	in = fopen(path, "r");
	if (!ok(in && wire_version_find((uint16_t)(major << 8), &v), "%s is there", path))
		return;
	while (getline(&line, &cap, in) > 0) {
		char *tab = strchr(line, '\t');
		size_t len = strcspn(tab + 1, "\n") / 2;
		uint8_t *b = malloc(len + 1);

		number++;
		*tab++ = '\0';
		for (size_t k = 0; k < len; k++)
			b[k] = (uint8_t)(nibble(tab[2 * k]) << 4 | nibble(tab[2 * k + 1]));
		check(line, b, len, v, number);
		free(b);
	}
	free(line);
	fclose(in);
}

int main(void)
{
	static const uint8_t unknown[] = { 0x05, 0xff }, none[] = { 5 };
	const struct wire_type *t;
	struct arena mem = {0};
	void *body;

	for (int major = 38; major <= 45; major++)
		run(major);
	ok(wire_dbd_parse(unknown, 2, V26_05, &mem, &t, &body) == E_UNEXPECTED_MSG_ERROR &&
	   wire_dbd_parse(none, 1, V26_05, &mem, &t, &body) == E_UNEXPECTED_MSG_ERROR,
	   "what is no message is none");
	arena_fini(&mem);
	return tap_done();
}
