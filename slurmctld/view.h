/* SPDX-License-Identifier: Apache-2.0
 *
 * Records packed once and shared by every answer that needs them.
 *
 * A view is one kind of record in one release (and one set of show flags), cut
 * into chunks.  Chunks are immutable and counted: the main thread replaces
 * those whose records changed, writers keep the old ones until they are done.
 * A view that nobody asked for during a few seconds is dropped. */
#ifndef SLURMCTLD_VIEW_H
#define SLURMCTLD_VIEW_H

#include "slurmctld/conn.h"

/* ---- chunks (any thread) ----------------------------------------------- */
struct chunk *chunk_new(const void *bytes, size_t len);         /* one reference; copies */
struct chunk *chunk_ref(struct chunk *c);
void chunk_unref(struct chunk *c);              /* NULL is a no-op */
uint8_t *chunk_bytes(struct chunk *c);

/* ---- views (main thread) ----------------------------------------------- */
struct views *views_new(struct ctld *c);
void views_free(struct views *v);

/* Records are packed once a release and change, whoever asks: this shows it.
 * In the log at debug while there are clients. */
struct view_count {
	uint64_t packed, packed_bytes;  /* records */
	uint64_t answers, answer_bytes;
};
const struct view_count *views_count(const struct views *v);

enum view_kind { VIEW_JOBS, VIEW_NODES };

/* What the view needs to know of a kind of record. */
struct view_record {
	const void *object;
	uint64_t key;                   /* ascending */
	uint64_t gen;                   /* changes with the content */
};
struct view_source {
	const struct wire_desc *desc;
	/* Start with prev->object NULL; false at the end. */
	bool (*next)(const struct core *c, struct view_record *at);
	/* Fill a record; returns when its content becomes wrong by itself
	 * (wall clock), or INT64_MAX. */
	int64_t (*fill)(const struct core *c, const void *object, uint16_t flags,
			enum wire_version v, void *msg, struct arena *mem);
};

enum view_choice { VIEW_SHOW, VIEW_SKIP, VIEW_BLANK };
/* Which records this caller gets; NULL: all. */
typedef enum view_choice view_filter(const struct core *c, const void *object, void *arg);

/* Append the records to a (spans).  Returns how many were shown or blank. */
uint32_t view_append(struct ctld *c, enum view_kind kind, enum wire_version v, uint16_t flags,
		     view_filter *filter, void *arg, struct answer *a);
/* Pack one record straight into o. */
void view_pack_one(struct ctld *c, enum view_kind kind, enum wire_version v, uint16_t flags,
		   const void *object, struct wire_out *o);

extern const struct view_source view_source_jobs, view_source_nodes;

#endif
