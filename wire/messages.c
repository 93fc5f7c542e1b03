/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors of all messages, from the same rows that made the structures.
 * Constant data only. */
#include "wire/messages.h"

#include <stdio.h>
#include <stdlib.h>

#define STR_(x) #x
#define STR(x) STR_(x)
#define HAS(m) sizeof(((struct MSG *)0)->m)

/* Modifiers that may follow a row's gate. */
#define OR(v)           .dflt = (v)
#define IF(m)           .cond[0] = { offsetof(struct MSG, m), HAS(m), COND_SET, 0 }
#define UNLESS(m)       .cond[0] = { offsetof(struct MSG, m), HAS(m), COND_UNSET, 0 }
#define IF_VAL(m)       .cond[0] = { offsetof(struct MSG, m), HAS(m), COND_VAL, 0 }
#define IF_BELOW(m)     .cond[0] = { offsetof(struct MSG, m), HAS(m), COND_BELOW, 0 }
#define IF_EQ(m, v)     .cond[0] = { offsetof(struct MSG, m), HAS(m), COND_EQ, v }
#define IF_ONE_OF(m, set) .cond[0] = { offsetof(struct MSG, m), HAS(m), COND_ONE_OF, set }
#define AND_IF(m)       .cond[1] = { offsetof(struct MSG, m), HAS(m), COND_SET, 0 }
#define AT(m)           .at_off = offsetof(struct MSG, m) + 1
#define HIDDEN(m)       .hidden_off = offsetof(struct MSG, m) + 1

#define ROW(m, c, w, ...) { .off = offsetof(struct MSG, m), .size = HAS(m), .codec = c, \
			    .when = (w), .name = #m, __VA_ARGS__ },
#define COUNTED(m, c, n, w, ...) ROW(m, c, w, .count_off = offsetof(struct MSG, n), \
				     .count_size = HAS(n), __VA_ARGS__)

#define MSG_BEGIN static const struct wire_field PASTE(MSG, _fields)[] = {
#define FIELD(c, m, w, ...)        ROW(m, C_##c, w, __VA_ARGS__)
#define PART(c, m, w, ...)         ROW(m, C_##c, w, .part = true, __VA_ARGS__)
#define GAP(c, value, w, ...)      { .codec = C_##c, .when = (w), .gap = true, \
				     .dflt = value, .name = "(gap)", __VA_ARGS__ },
#define REFUSE(c, value, w)        { .codec = C_##c, .when = (w), .gap = true, \
				     .refuse = true, .dflt = value, .name = "(refuse)" },
#define NEST(s, m, w, ...)         ROW(m, C_nest, w, .sub = &s##_desc, __VA_ARGS__)
#define PART_N(s, m, w, ...)       ROW(m, C_nest, w, .sub = &s##_desc, .part = true, __VA_ARGS__)
#define VERBATIM(s, m, raw, w, ...) ROW(m, C_verbatim, w, .sub = &s##_desc, \
					.count_off = offsetof(struct MSG, raw), __VA_ARGS__)
#define TEXT(m, bare, w)           ROW(m, C_str, w, .bare_off = offsetof(struct MSG, bare) + 1)
#define ARRAY(c, m, n, w, ...)     COUNTED(m, C_array, n, w, .elem = C_##c, __VA_ARGS__)
#define PART_A(c, m, n, w, ...)    COUNTED(m, C_array, n, w, .elem = C_##c, .part = true, __VA_ARGS__)
#define NLIST(c, m, n, w, ...)     COUNTED(m, C_nlist, n, w, .elem = C_##c, __VA_ARGS__)
#define PART_NL(c, m, n, w, ...)   COUNTED(m, C_nlist, n, w, .elem = C_##c, .part = true, __VA_ARGS__)
#define LIST(s, m, n, w, ...)      COUNTED(m, C_list, n, w, .sub = &s##_desc, __VA_ARGS__)
#define PART_L(s, m, n, w, ...)    COUNTED(m, C_list, n, w, .sub = &s##_desc, .part = true, __VA_ARGS__)
#define LIST16(s, m, n, w, ...)    COUNTED(m, C_list16, n, w, .sub = &s##_desc, __VA_ARGS__)
#define PART_L16(s, m, n, w, ...)  COUNTED(m, C_list16, n, w, .sub = &s##_desc, .part = true, __VA_ARGS__)
#define REP(s, m, n, w, ...)       COUNTED(m, C_rep, n, w, .sub = &s##_desc, __VA_ARGS__)
#define PART_R(s, m, n, w, ...)    COUNTED(m, C_rep, n, w, .sub = &s##_desc, .part = true, __VA_ARGS__)
#define ITEMS(c, m, n, w, ...)     COUNTED(m, C_items, n, w, .elem = C_##c, __VA_ARGS__)
#define LAYOUT(w)                  { .codec = C_layout, .when = (w), .name = "(layout)" },
#define MSG_END }; \
	const struct wire_desc PASTE(MSG, _desc) = { STR(MSG), PASTE(MSG, _fields), \
		sizeof PASTE(MSG, _fields) / sizeof PASTE(MSG, _fields)[0], sizeof(struct MSG) };
#include "wire/proto/all.def"
#include "wire/rows_undef.h"

#define MSG_BEGIN &PASTE(MSG, _desc),
#define FIELD(...)
#define PART(...)
#define GAP(...)
#define REFUSE(...)
#define NEST(...)
#define PART_N(...)
#define VERBATIM(...)
#define TEXT(...)
#define ARRAY(...)
#define PART_A(...)
#define NLIST(...)
#define PART_NL(...)
#define LIST(...)
#define PART_L(...)
#define LIST16(...)
#define PART_L16(...)
#define REP(...)
#define PART_R(...)
#define ITEMS(...)
#define LAYOUT(...)
#define MSG_END
const struct wire_desc *const wire_messages[] = {
#include "wire/proto/all.def"
};
const size_t wire_message_count = sizeof wire_messages / sizeof wire_messages[0];

const struct wire_type wire_types[] = {
#define TYPE(name, number, w, body) { #name, number, (w), &body##_desc },
#define TYPE0(name, number, w) { #name, number, (w), NULL },
#include "wire/proto/types.def"
#undef TYPE
#undef TYPE0
};
const size_t wire_type_count = sizeof wire_types / sizeof wire_types[0];

/* wire_types is in ascending order of number (test: t_types). */
static const struct wire_type *type_find(uint16_t number)
{
	size_t lo = 0, hi = wire_type_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (wire_types[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < wire_type_count && wire_types[lo].number == number ?
	       &wire_types[lo] : NULL;
}

const struct wire_type *wire_type_find(uint16_t number, enum wire_version v)
{
	const struct wire_type *t = type_find(number);

	return t && wire_version_in(v, t->when) ? t : NULL;
}

const struct wire_type *wire_dbd_type_find(uint16_t number, enum wire_version v)
{
	static const struct wire_type types[] = {
#define DBD_TYPE(name, n, w, body) { #name, n, (w), &body##_desc },
#include "wire/proto/dbd_types.def"
#undef DBD_TYPE
	};

	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
		if (types[i].number == number)
			return wire_version_in(v, types[i].when) ? &types[i] : NULL;
	return NULL;
}

const char *wire_type_name(uint16_t number)
{
	static _Thread_local char text[32];
	const struct wire_type *t = type_find(number);

	if (t)
		return t->name;
	(void)snprintf(text, sizeof text, "message %u", number);
	return text;
}

const char *wire_version_name(enum wire_version v)
{
	static const char *const name[WIRE_VERSION_COUNT] = {
		"22.05", "23.02", "23.11", "24.05", "24.11", "25.05", "25.11", "26.05"
	};

	return v < WIRE_VERSION_COUNT ? name[v] : "journal";
}

bool wire_stock_speaks(enum wire_version program, enum wire_version spoken)
{
	/* Two releases back, three from 24.11 on. */
	int back = program >= V24_11 ? 3 : 2;

	return spoken <= program && (int)program - (int)spoken <= back;
}

bool wire_version_parse(const char *text, enum wire_version *v)
{
	while (*text && (*text < '0' || *text > '9'))
		text++;
	for (enum wire_version k = 0; k < WIRE_VERSION_COUNT; k++)
		if (!strncmp(text, wire_version_name(k), 5)) {
			*v = k;
			return true;
		}
	return false;
}
