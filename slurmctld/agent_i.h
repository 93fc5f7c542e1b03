/* SPDX-License-Identifier: Apache-2.0
 *
 * What the agent's files share. */
#ifndef SLURMCTLD_AGENT_I_H
#define SLURMCTLD_AGENT_I_H

#include "slurmctld/agent.h"
#include "slurmctld/scripts.h"
#include "slurmctld/steps.h"

struct names;
struct send;

struct agent {
	struct ctld *ctld;
	struct names *names;
	struct send *waiting, **waiting_last;   /* for a free slot */
	struct send *all;                       /* every live send */
	unsigned active, queued;
	struct send *last_client;               /* most recent one to a client, if not ended */
	uint8_t *guess;                 /* per node: place in the list of releases tried */
	uint32_t guess_count;
	bool ending;
};

enum send_state {
	SEND_QUEUED, SEND_SCRIPT, SEND_PREPARE, SEND_RESOLVE, SEND_CONNECT, SEND_WRITE, SEND_READ,
	SEND_PAUSE
};

/* A node whose address goes with a message. */
struct told {
	const char *name, *host;
	uint16_t port;
	struct wire_addr addr;
};

/* One message to one address: a node, the head of a branch, or a client. */
struct send {
	struct work work;               /* first member */
	struct agent *agent;
	struct step_out *out;           /* held */
	const struct effect *e;
	enum send_state state;
	enum wire_version version;
	bool guessed;                   /* the release is a guess */
	struct send *next, *prev;       /* all */
	struct send *queue_next;
	struct send *behind;            /* to the same client, after this */
	/* nodes: the first is addressed, the others are forwarded to */
	uint32_t *node;
	uint32_t count;
	const char *fwd_nodes;
	uint32_t depth;
	uint32_t tree_width;
	uint32_t timeout_sec;
	uid_t only_uid;
	struct told *told;
	bool told_none;                 /* no address could be told */
	uint32_t told_count, told_pending;
	void (*told_then)(struct send *s);
	/* prepared by a worker: */
	struct arena keep;              /* for its whole life */
	struct arena mem;               /* for one attempt */
	struct job_script *script;
	struct wire_out bytes;
	enum err failed;
	struct err_text why;
	/* connection: */
	struct wire_addr addr;
	int fd;
	struct watch watch;
	size_t done;
	uint8_t len_bytes[4];
	uint8_t *in;
	size_t in_len, in_got;
	bool repack;                    /* it was packed for a whole branch */
	unsigned attempts, tries;       /* connections; releases */
	int64_t deadline;
};

/* agent.c */
void send_finish(struct send *s, enum err e);           /* no answer came; frees s */
void send_answered(struct send *s);                     /* s->in is a frame; frees s */
void send_without_rest(struct send *s);                 /* the head alone, not the branch */
void send_again(struct send *s);                        /* pack and sign, then connect */
/* agent_conn.c */
void send_connect(struct send *s);
void send_hang_up(struct send *s);
/* agent_addrs.c */
/* Can a node daemon find this node without our help? */
bool agent_others_know(const struct ctld *c, const struct node *n);
/* Which of the nodes forwarded to need their address told. */
void send_addrs_note(struct send *s);
/* Look them up, then go on; perhaps at once. */
void send_addrs_find(struct send *s, void (*then)(struct send *s));
/* For the header: *sealed is a heap string, or stays NULL when no address was
 * found.  In a worker. */
enum err send_addrs_seal(struct send *s, char **sealed);
/* agent_names.c */
struct names *names_new(struct ctld *c);
void names_free(struct names *n);
void names_forget(struct names *n);
/* Sets *addr and calls done(arg, E_OK), perhaps at once. */
void names_find(struct names *n, const char *host, uint16_t port, struct wire_addr *addr,
		void (*done)(void *arg, enum err e), void *arg);

#endif
