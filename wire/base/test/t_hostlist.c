/* SPDX-License-Identifier: Apache-2.0
 *
 * Host lists: the expectations are what the 22.05 client prints for "show
 * hostnames", "show hostlist" and "show hostlistsorted" (which keeps
 * duplicates; the sorted column here is without).  Compression starts from
 * names, so what the client remembers of the expression ("tux1[3-4]", or a
 * range it sorts as one) does not show here.  Where 22.05 and 26.05 differ
 * (text after a bracket, missing bracket) 26.05 is right. */
#include "wire/base/hostlist.h"

#include <stdlib.h>

#include "wire/base/strbuf.h"
#include "wire/base/tap.h"

static const struct {
	const char *expr, *names, *list, *sorted;
} cases[] = {
	{"c[1-4,7],q1", "c1 c2 c3 c4 c7 q1", "c[1-4,7],q1", "c[1-4,7],q1"},
	{"c1,c2,c04,c[05-07]", "c1 c2 c04 c05 c06 c07", "c[1-2,04-07]",
	 "c[1-2,04-07]"},
	{"r[1-2]n[09-11]", "r1n09 r1n10 r1n11 r2n09 r2n10 r2n11",
	 "r1n[09-11],r2n[09-11]", "r1n[09-11],r2n[09-11]"},
	{"a[1-3]b", "a1b a2b a3b", "a1b,a2b,a3b", "a1b,a2b,a3b"},
	{"n[08-11]", "n08 n09 n10 n11", "n[08-11]", "n[08-11]"},
	{"x1,x1,x2", "x1 x1 x2", "x[1,1-2]", "x[1-2]"},
	{"n9,n10,n11,n09", "n9 n10 n11 n09", "n[9-11,09]", "n[9,09-11]"},
	{"a,b,c", "a b c", "a,b,c", "a,b,c"},
	{"c[1-2]x[1-2]y[3]", "c1x1y3 c2x1y3 c1x2y3 c2x2y3",
	 "c1x1y3,c2x1y3,c1x2y3,c2x2y3", "c1x1y3,c1x2y3,c2x1y3,c2x2y3"},
	{"r1n1,r1n2,r2n1", "r1n1 r1n2 r2n1", "r1n[1-2],r2n1", "r1n[1-2],r2n1"},
	{"c[1-3],,d", "c1 c2 c3 d", "c[1-3],d", "c[1-3],d"},
	{"c1 c2\tc3 \tc4", "c1 c2 c3 c4", "c[1-4]", "c[1-4]"},
	{"n[001-3]", "n001 n002 n003", "n[001-003]", "n[001-003]"},
	{"n[1-03]", "n1 n2 n3", "n[1-3]", "n[1-3]"},
	{"n[1-]", "n1", "n1", "n1"},
	{"z]1", "z]1", "z]1", "z]1"},
	{"b10,b9,b1,a", "b10 b9 b1 a", "b[10,9,1],a", "a,b[1,9-10]"},
	{"tux[1-2][3-4]", "tux13 tux14 tux23 tux24",
	 "tux[13-14,23-24]", "tux[13-14,23-24]"},
	{"n[1,1,2]", "n1 n1 n2", "n[1,1-2]", "n[1-2]"},
	{"n[5-7],n[1-6]", "n5 n6 n7 n1 n2 n3 n4 n5 n6", "n[5-7,1-6]", "n[1-7]"},
	{"n2,n1,m,n3,n3", "n2 n1 m n3 n3", "n[2,1],m,n[3,3]", "m,n[1-3]"},
	{"n1,n01,n001", "n1 n01 n001", "n[1,01,001]", "n[1,01,001]"},
	{"n10,n9,n008", "n10 n9 n008", "n[10,9,008]", "n[9-10,008]"},
	{"B1,a1,_1", "B1 a1 _1", "B1,a1,_1", "B1,_1,a1"},
	{"n1-ib,n2-ib", "n1-ib n2-ib", "n1-ib,n2-ib", "n1-ib,n2-ib"},
	{"[1-3]", "1 2 3", "[1-3]", "[1-3]"},
	{"c[1-2,5],c[3-4]", "c1 c2 c5 c3 c4", "c[1-2,5,3-4]", "c[1-5]"},
	{"n[9-10]", "n9 n10", "n[9-10]", "n[9-10]"},
	{"n[09-10],n11", "n09 n10 n11", "n[09-11]", "n[09-11]"},
	{"a1,a01,a2,a02", "a1 a01 a2 a02", "a[1,01,2,02]", "a[1-2,01-02]"},
	{"a[1-3],b[1-3],a[4-5]", "a1 a2 a3 b1 b2 b3 a4 a5",
	 "a[1-3],b[1-3],a[4-5]", "a[1-5],b[1-3]"},
	{"x10,x2,y,x", "x10 x2 y x", "x[10,2],y,x", "x,x[2,10],y"},
	{"a2b10,a10b2,a2b2", "a2b10 a10b2 a2b2", "a2b10,a10b2,a2b2",
	 "a2b[2,10],a10b2"},
	{"", "", "", ""},
	{" ,, ", "", "", ""},
	{"n[98-101]", "n98 n99 n100 n101", "n[98-101]", "n[98-101]"},
	{"n123456789012345678901", "n123456789012345678901",
	 "n123456789012345678901", "n123456789012345678901"},
};

static const char *const bad[] = {
	"c[3-1]", "c[1", "n[]", "n[a-b]", "n[1-1000000]", "n[1,]", "n[-1]",
	"n[1-2-3]", "n[0x1]", "n[1 2]", "a[1[2]]", "n[1-65536][1-65536]",
	"a[1-2]b[1-9][1-9][1-9][1-9][1-9][1-9]", "n[18446744073709551616]",
	"n[1-18446744073709551617]",
};

static void check_case(size_t i)
{
	struct arena mem = {0};
	struct strbuf b = {0};
	char **names, *s;
	uint32_t count;
	struct err_text why = {""};
	enum err rc = hostlist_expand(cases[i].expr, &mem, &names, &count, &why);

	if (!ok(rc == E_OK, "'%s' expands %s", cases[i].expr, why.text))
		return;
	for (uint32_t k = 0; k < count; k++) {
		strbuf_sep(&b, " ");
		strbuf_add(&b, names[k]);
	}
	s = strbuf_take(&b);
	ok(streq(s, cases[i].names), "'%s' names: %s", cases[i].expr, s);
	free(s);
	s = hostlist_compress((const char *const *)names, count);
	ok(streq(s, cases[i].list), "'%s' list: %s", cases[i].expr, s);
	free(s);
	s = hostlist_compress_sorted((const char *const *)names, count);
	ok(streq(s, cases[i].sorted), "'%s' sorted: %s", cases[i].expr, s);
	free(s);
	arena_fini(&mem);
}

int main(void)
{
	struct arena mem = {0};
	char **names = NULL;
	uint32_t count = 77;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		check_case(i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err_text why = {""};
		enum err rc = hostlist_expand(bad[i], &mem, &names, &count, &why);

		ok(rc == E_INVALID_NODE_NAME && why.text[0] && count == 77,
		   "'%s' is refused: %s", bad[i], why.text);
	}
	ok(hostlist_expand(NULL, &mem, &names, &count, NULL) == E_OK && !count,
	   "NULL is empty");
	ok(hostlist_expand("n[1-65536],m[1-65536],o[1-65536],p[1-65536]", &mem,
			   &names, &count, NULL) == E_OK &&
	   count == HOSTLIST_MAX, "the largest list");
	ok(hostlist_expand("n[1-65536],m[1-65536],o[1-65536],p[1-65536],q",
			   &mem, &names, &count, NULL) != E_OK,
	   "one more is too many");
	arena_fini(&mem);
	return tap_done();
}
