/* SPDX-License-Identifier: Apache-2.0
 *
 * What codec.c and structure.c share: how rows are chosen and how wide the
 * values of each codec are. */
#ifndef WIRE_CODEC_I_H
#define WIRE_CODEC_I_H

#include "wire/codec.h"

#define FAMILY_NONE 0
#define FAMILY_IP4  2
#define FAMILY_IP6  10

/* Fewest bytes on the wire, and host size, of an element; by enum wire_codec. */
extern const uint8_t codec_wire_width[], codec_host_width[];

/* First row of the layout that version v uses; *end is set past its last. */
const struct wire_field *codec_rows(const struct wire_desc *d, enum wire_version v,
				    const struct wire_field **end);
/* Does the message carry this row in that release? */
bool codec_present(const struct wire_field *f, const void *msg, enum wire_version v);
/* Version of a part that carries its own number (see codec.c). */
enum wire_version codec_part_version(const struct wire_field *f, const void *msg,
				     enum wire_version v, bool *bad);
/* Is record k left out of the wire? */
bool codec_hidden(const struct wire_field *f, const void *msg, uint32_t k);
uint32_t codec_count_of(const struct wire_field *f, const void *msg);

#endif
