/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may write StateSaveLocation.  A lock on a small file there: the kernel
 * (or the file server) gives it to one controller at a time and takes it back
 * when that one dies.  What the file says is for people and for file systems
 * whose locks do not work: a number that its holder counts up. */
#ifndef SLURMCTLD_LEASE_H
#define SLURMCTLD_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/base/err.h"

struct lease_text {
	char host[256];
	uint32_t index;                 /* in the list of SlurmctldHost */
	int64_t pid, taken;             /* wall clock */
	uint64_t beat;
	bool held;
};

/* The file's text and back; false when it is none of ours. */
#define LEASE_BYTES 512
void lease_print(const struct lease_text *t, char out[LEASE_BYTES]);
bool lease_parse(const char *text, struct lease_text *t);

/* What a controller has seen of the lease while it watched. */
struct lease_seen {
	bool known;
	struct lease_text last;
	int64_t changed_at;             /* monotonic seconds */
};
void lease_seen_note(struct lease_seen *s, const struct lease_text *now, int64_t at);

enum lease_answer {
	LEASE_OURS,             /* the lock and the right to write are ours */
	LEASE_HELD,             /* another process has the lock */
	LEASE_WATCH,            /* the lock is ours, but its last holder may only be cut off */
	LEASE_BROKEN            /* the lock is ours and its last holder still counts: no locks here */
};
/* locked: we have the lock.  wait_sec: how long a holder on another host may
 * keep silent while it lives. */
enum lease_answer lease_judge(const struct lease_seen *s, bool locked, const char *our_host,
			      int64_t wait_sec, int64_t now);

struct lease;
enum err lease_open(const char *dir, const char *host, uint32_t index, struct lease **out,
		    struct err_text *why);
/* Try to get it; call again while the answer is not LEASE_OURS. */
enum lease_answer lease_take(struct lease *l, int64_t wait_sec, int64_t now);
/* Look at it without trying; false when it cannot be read. */
bool lease_look(struct lease *l, int64_t now);
const struct lease_seen *lease_seen(const struct lease *l);
/* Why the lock could not be had; 0: another has it. */
int lease_trouble(const struct lease *l);
/* Is it still ours?  Before every write; any one thread. */
enum err lease_check(struct lease *l, struct err_text *why);
enum err lease_beat(struct lease *l, struct err_text *why);
/* Give it back (if it is ours) and close. */
void lease_close(struct lease *l);

#endif
