/* SPDX-License-Identifier: Apache-2.0
 *
 * The host structure of every message body, all releases merged, generated
 * from the rows in wire/proto/.  Pointers are borrowed from whoever filled the
 * structure (after decoding: the frame and the request's arena).
 *
 * Also the message types: numbers, names, in which releases they exist and
 * which body they have. */
#ifndef WIRE_MESSAGES_H
#define WIRE_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/codec.h"
#include "wire/consts.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)

#define CTYPE_u8   uint8_t
#define CTYPE_u16  uint16_t
#define CTYPE_u32  uint32_t
#define CTYPE_u64  uint64_t
#define CTYPE_time int64_t
#define CTYPE_flag bool
#define CTYPE_f64  double
#define CTYPE_f32  double
#define CTYPE_ld   long double
#define CTYPE_str  const char *
#define CTYPE_mem  struct wire_mem
#define CTYPE_bits struct bitset *
#define CTYPE_addr struct wire_addr
#define CTYPE_rest struct wire_mem      /* what is left of the message, no length */

#define MSG_BEGIN                       struct MSG {
#define FIELD(codec, name, when, ...)   CTYPE_##codec name;
#define PART(codec, path, when, ...)
#define GAP(codec, value, when, ...)
#define REFUSE(codec, value, when)
#define NEST(sub, name, when, ...)      struct sub name;
#define PART_N(sub, path, when, ...)
#define VERBATIM(sub, name, raw, when, ...) struct sub name; struct wire_mem raw;
#define TEXT(name, bare, when)          CTYPE_str name; bool bare;
#define ARRAY(codec, name, n, when, ...) uint32_t n; CTYPE_##codec *name;
#define PART_A(codec, name, n, when, ...)
#define NLIST(codec, name, n, when, ...) uint32_t n; CTYPE_##codec *name;
#define PART_NL(codec, name, n, when, ...)
#define LIST(sub, name, n, when, ...)   uint32_t n; struct sub *name;
#define PART_L(sub, name, n, when, ...)
#define LIST16(sub, name, n, when, ...) uint32_t n; struct sub *name;
#define PART_L16(sub, name, n, when, ...)
#define REP(sub, name, n, when, ...)    struct sub *name;
#define PART_R(sub, name, n, when, ...)
#define ITEMS(codec, name, n, when, ...) CTYPE_##codec *name;
#define LAYOUT(when)
#define MSG_END                         };
#include "wire/proto/all.def"
#include "wire/rows_undef.h"

/* extern const struct wire_desc <name>_desc; for each. */
#define MSG_BEGIN                       extern const struct wire_desc PASTE(MSG, _desc);
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
#include "wire/proto/all.def"
#include "wire/rows_undef.h"

enum msg_type {
#define TYPE(name, number, when, body) name = number,
#define TYPE0(name, number, when) name = number,
#include "wire/proto/types.def"
#undef TYPE
#undef TYPE0
};

enum dbd_type {
#define DBD_TYPE(name, number, when, body) name = number,
#include "wire/proto/dbd_types.def"
#undef DBD_TYPE
};

struct wire_type {
	const char *name;
	uint16_t number;
	uint64_t when;                  /* releases in which it exists */
	const struct wire_desc *body;   /* NULL: no body */
};

/* NULL when that release has no such message. */
const struct wire_type *wire_type_find(uint16_t number, enum wire_version v);
/* "REQUEST_PING", or "message 1234"-like text for unknown numbers; static or
 * thread-local storage. */
const char *wire_type_name(uint16_t number);

/* The same for connections with the accounting service, whose numbers are
 * others. */
const struct wire_type *wire_dbd_type_find(uint16_t number, enum wire_version v);

/* Every structure, for tests. */
extern const struct wire_desc *const wire_messages[];
extern const size_t wire_message_count;
extern const struct wire_type wire_types[];
extern const size_t wire_type_count;

#endif
