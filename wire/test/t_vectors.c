/* SPDX-License-Identifier: Apache-2.0
 *
 * Golden vectors: every captured frame decodes, consumes its bytes, and
 * re-encodes to the same bytes.  compat-tests/vectors/rpc-vNN.tsv and the
 * more-vNN.tsv that compat-tests/capture writes hold one frame a line: name,
 * tab, hex (without the length prefix); persist-vNN.tsv messages without a
 * header: type and body.  Arguments are other such files; --rows: tell which
 * variants of rows none of them has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/base/tap.h"
#include "wire/frame.h"
#include "wire/test/rows_seen.h"

static int nibble(int c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static bool differs(const struct wire_out *o, const uint8_t *p, size_t n)
{
	size_t k = 0;

	if (o->len == n && (!n || !memcmp(o->base, p, n)))
		return false;
	while (k < n && k < o->len && o->base[k] == p[k])
		k++;
	printf("# length %zu, expected %zu; first difference at %zu\n", o->len, n, k);
	return true;
}

static void check(const char *name, const uint8_t *bytes, size_t len, int major, int line)
{
	struct arena mem = {0};
	struct wire_frame f;
	struct wire_out body = {0}, frame = {0};
	const struct wire_type *t = NULL;
	void *msg = NULL;
	enum err e = wire_frame_parse(bytes, len, &mem, &f);

	if (e == E_OK)
		e = wire_body_unpack(&f, &mem, &t, &msg);
	if (!ok(e == E_OK, "%d %s line %d decodes (%s)", major, name, line, err_str(e)))
		goto out;
	if (t->body)
		rows_look(t->body, msg, f.header.version);
	wire_body_pack(&body, f.header.type, msg, f.header.version);
	if (!ok(!differs(&body, f.body.p, f.body.len), "%d %s line %d body re-encodes", major,
		name, line))
		goto out;
	wire_frame_build(&frame, &f.header, f.auth_plugin, f.cred, body.base, body.len);
	frame.base += 4, frame.len -= 4;
	ok(!differs(&frame, bytes, len), "%d %s line %d frame re-encodes", major, name, line);
	frame.base -= 4;
out:
	wire_out_fini(&body);
	wire_out_fini(&frame);
	arena_fini(&mem);
}

/* A message of a persistent connection: type and body. */
static void check_bare(const char *name, const uint8_t *bytes, size_t len, int major, int line)
{
	struct arena mem = {0};
	struct wire_out body = {0};
	const struct wire_type *t = NULL;
	enum wire_version v = WIRE_VERSION_NEWEST;
	void *msg = NULL;
	enum err e = wire_version_find((uint16_t)(major << 8), &v) ?
			wire_persist_parse(bytes, len, v, &mem, &t, &msg) : E_FAIL;

	if (ok(e == E_OK, "%d %s line %d decodes (%s)", major, name, line, err_str(e))) {
		if (t->body)
			rows_look(t->body, msg, v);
		wire_body_pack(&body, t->number, msg, v);
		ok(!differs(&body, bytes + 2, len - 2), "%d %s line %d body re-encodes", major,
		   name, line);
		/* (a sibling's ends in whatever there is) */
		ok(t->number == REQUEST_SIB_MSG ||
		   wire_persist_parse(bytes, len - 1, v, &mem, &t, &msg) != E_OK,
		   "and is refused one byte short");
	}
	wire_out_fini(&body);
	arena_fini(&mem);
}

static void run(const char *path)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	int number = 0, major = -1;
	const char *v = strstr(path, "-v");
	FILE *in = fopen(path, "r");

	if (v)
		major = atoi(v + 2);
	if (!ok(in != NULL, "%s is there", path))
		return;
	while ((n = getline(&line, &cap, in)) > 0) {
		char *tab = strchr(line, '\t');
		size_t len;
		uint8_t *b;

		number++;
		if (!tab)
			continue;
		*tab++ = '\0';
		len = strcspn(tab, "\n") / 2;
		b = malloc(len + 1);
		for (size_t k = 0; k < len; k++)
			b[k] = (uint8_t)(nibble(tab[2 * k]) << 4 | nibble(tab[2 * k + 1]));
		(strstr(path, "persist-") ? check_bare : check)(line, b, len, major, number);
		free(b);
	}
	free(line);
	fclose(in);
}

static void both(int major)
{
	char path[128];

	(void)snprintf(path, sizeof path, "compat-tests/vectors/rpc-v%d.tsv", major);
	run(path);
	(void)snprintf(path, sizeof path, "compat-tests/vectors/more-v%d.tsv", major);
	run(path);
	(void)snprintf(path, sizeof path, "compat-tests/vectors/persist-v%d.tsv", major);
	run(path);
}

static void tell_rows(void)
{
	unsigned missing = 0, all = 0;

	for (uint32_t n = 0; n <= UINT16_MAX; n++)
		for (int v = 0; v < WIRE_VERSION_COUNT; v++) {
			const struct wire_type *t = wire_type_find((uint16_t)n, (enum wire_version)v);

			if (t && t->body)
				missing += rows_tell(t->body);
		}
	for (size_t k = 0; k < ROWS_MAX; k++)
		all += rows_seen[k].row != NULL;
	printf("# %u of %u rows have variants that no vector has\n", missing, all);
}

int main(int argc, char **argv)
{
	bool rows = argc > 1 && !strcmp(argv[1], "--rows");

	if (rows)
		argc--, argv++;
	for (int k = 1; k < argc; k++)
		run(argv[k]);
	for (int major = 38; argc < 2 && major <= 45; major++)
		both(major);
	if (rows)
		tell_rows();
	return tap_done();
}
