/* SPDX-License-Identifier: Apache-2.0
 *
 * From an effect to one event per node.
 *
 *   queued -> [script from the store] -> prepared by a worker (sign, pack)
 *          -> address found -> connect, write, read -> events
 *
 * A send belongs to the main thread except while a worker prepares it. */
#include "slurmctld/agent.h"

#include <stdlib.h>

#include "slurmctld/agent_i.h"
#include "slurmctld/conn.h"
#include "auth/signing.h"
#include "wire/base/log.h"

#define ACTIVE_MAX 256          /* connections at a time */
#define TREE_OFF 0xfffd         /* TreeWidth that means no tree */

/* ---- life of a send ---------------------------------------------------- */

static void send_free(struct send *s)
{
	struct agent *a = s->agent;

	send_hang_up(s);
	if (s->prev)
		s->prev->next = s->next;
	else
		a->all = s->next;
	if (s->next)
		s->next->prev = s->prev;
	job_script_unref(s->script);
	step_out_drop(s->out);
	wire_out_fini(&s->bytes);
	arena_fini(&s->mem);
	arena_fini(&s->keep);
	free(s->in);
	free(s->node);
	free(s);
}

static void prepare_run(struct work *w)
{
	struct send *s = (struct send *)w;
	struct auth *auth = s->agent->ctld->auth;
	const struct wire_type *t = wire_type_find(s->e->type, s->version);
	struct wire_header h = { .version = s->version, .type = s->e->type };
	struct wire_out body = { .tokens = auth_cred_tokens(auth) };
	void *copy = NULL;
	char *cred = NULL, *addrs = NULL;

	s->failed = E_OK;
	if (!t) {
		s->failed = err_set(&s->why, E_NOT_SUPPORTED, "release %s has no such message",
				    wire_version_name(s->version));
		return;
	}
	if (t->body && s->e->body) {
		copy = arena_alloc(&s->mem, t->body->size);
		memcpy(copy, s->e->body, t->body->size);
	}
	if (s->script && s->e->type == REQUEST_BATCH_JOB_LAUNCH) {
		struct batch_job_launch_msg *m = copy;
		uint32_t n = s->script->env_count + m->environment_count;
		const char **env = arena_alloc(&s->mem, (n + 1) * sizeof *env);

		memcpy(env, s->script->env, s->script->env_count * sizeof *env);
		if (m->environment_count)
			memcpy(env + s->script->env_count, m->environment,
			       m->environment_count * sizeof *env);
		m->environment = env;
		m->environment_count = m->envc = n;
		m->script = s->script->script;
	}
	if (s->e->sign_cred)
		s->failed = signing_prepare(auth, s->e->type, copy, s->version, &s->mem, &s->why);
	if (!s->failed) {
		wire_body_pack(&body, s->e->type, copy, s->version);
		if (body.failed)
			s->failed = err_set(&s->why, E_FAIL, "cannot be packed");
	}
	if (!s->failed)
		s->failed = auth_sign(auth, s->only_uid, s->e->type, 2, body.base, body.len, &cred,
				      &s->why);
	if (!s->failed && s->told_count)
		s->failed = send_addrs_seal(s, &addrs);
	if (!s->failed) {
		s->told_none = s->told_count && !addrs;
		if (addrs)
			h.flags |= WIRE_FLAG_PACK_ADDRS;
		h.fwd_net_cred = addrs;
		h.fwd_cnt = (uint16_t)(s->count ? s->count - 1 : 0);
		h.fwd_nodes = s->fwd_nodes;
		h.fwd_timeout_ms = s->timeout_sec * 1000;
		h.fwd_tree_width = (uint16_t)s->tree_width;
		h.fwd_tree_depth = (uint16_t)s->depth;
		s->bytes.len = 0;
		wire_frame_build(&s->bytes, &h, auth_plugin(auth), cred, body.base, body.len);
		if (s->bytes.failed)
			s->failed = E_FAIL;
	}
	free(cred);
	free(addrs);
	wire_out_fini(&body);
}

static void send_each_alone(struct send *s);

static void resolved(void *arg, enum err e)
{
	struct send *s = arg;

	if (e)
		send_finish(s, e);
	else
		send_connect(s);
}

static void address(struct send *s)
{
	struct ctld *c = s->agent->ctld;
	struct core *k = c->core;
	struct node *n;

	s->state = SEND_RESOLVE;
	if (!s->count) {
		send_connect(s);
		return;
	}
	n = s->node[0] < k->node_count ? k->node[s->node[0]] : NULL;
	if (!n) {
		send_finish(s, E_UNKNOWN_FORWARD_ADDR);
		return;
	}
	names_find(s->agent->names, n->addr ? n->addr : n->name,
		   n->port ? n->port : c->conf->slurmdport, &s->addr, resolved, s);
}

static void prepare_done(struct work *w)
{
	struct send *s = (struct send *)w;

	if (s->agent->ending && s->e->kind != EFF_CLIENT && s->e->type != REQUEST_SHUTDOWN) {
		send_finish(s, E_COMMUNICATIONS_SEND_ERROR);
		return;
	}
	if (s->failed) {
		log_error("%s to %s: %s", wire_type_name(s->e->type),
			  s->count ? s->agent->ctld->core->node[s->node[0]]->name : "a client",
			  s->why.text);
		send_finish(s, s->failed);
		return;
	}
	if (s->told_none) {
		send_each_alone(s);
		return;
	}
	address(s);
}

static void prepare(struct send *s)
{
	s->state = SEND_PREPARE;
	s->work.run = prepare_run;
	s->work.done = prepare_done;
	pool_submit(s->agent->ctld->workers, &s->work);
}

static void on_script(void *arg, struct job_script *script)
{
	struct send *s = arg;

	s->script = script;
	if (!script) {
		log_error("JobId=%u has no script any more", s->e->job_id);
		send_finish(s, E_JOB_SCRIPT_MISSING);
		return;
	}
	prepare(s);
}

static void begin_known(struct send *s)
{
	if (s->e->add_script) {
		s->state = SEND_SCRIPT;
		scripts_get(s->agent->ctld, s->e->script_id, on_script, s);
	} else {
		prepare(s);
	}
}

static void begin(struct send *s)
{
	s->agent->active++;
	if (s->told_count)
		send_addrs_find(s, begin_known);
	else
		begin_known(s);
}

static void start_waiting(struct agent *a)
{
	while (a->waiting && a->active < ACTIVE_MAX) {
		struct send *s = a->waiting;

		a->waiting = s->queue_next;
		if (!a->waiting)
			a->waiting_last = &a->waiting;
		a->queued--;
		begin(s);
	}
}

/* What one step says to a client arrives in that order. */
static bool wait_behind(struct send *s)
{
	struct agent *a = s->agent;
	struct send *last = a->last_client;

	if (s->count)
		return false;
	a->last_client = s;
	if (!last || last->out != s->out ||
	    memcmp(&last->e->addr, &s->e->addr, sizeof s->e->addr) != 0)
		return false;
	last->behind = s;
	s->state = SEND_QUEUED;
	return true;
}

static void launch(struct send *s)
{
	struct agent *a = s->agent;

	if (a->active < ACTIVE_MAX) {
		begin(s);
		return;
	}
	s->state = SEND_QUEUED;
	*a->waiting_last = s;
	a->waiting_last = &s->queue_next;
	a->queued++;
}

/* ---- what comes back --------------------------------------------------- */

static void node_event(struct send *s, uint32_t node, enum err result,
		       const struct wire_type *type, const void *body, enum wire_version v,
		       bool answered)
{
	struct event ev = {
		.kind = EV_NODE_RESULT,
		.node = node,
		.sent_type = s->e->type,
		.result = result,
		.job_id = s->e->job_id,
		.step_id = s->e->step_id,
		.reply = body,
		.reply_type = type ? type->number : 0,
		.reply_version = v,
		.reply_version_known = answered && !s->guessed,
	};

	if (!s->e->no_reply)
		steps_run(s->agent->ctld, &ev, NULL);
}

static enum err code_of(uint16_t type, const void *body)
{
	if (type == RESPONSE_SLURM_RC)
		return (enum err)((const struct return_code_msg *)body)->return_code;
	if (type == RESPONSE_SLURM_RC_MSG)
		return (enum err)((const struct return_code2_msg *)body)->return_code;
	return E_OK;
}

static void release(struct send *s)
{
	struct agent *a = s->agent;
	struct send *behind = s->behind;

	a->active--;
	if (a->last_client == s)
		a->last_client = NULL;
	send_free(s);
	if (behind)
		launch(behind);
	start_waiting(a);
}

static void send_group(struct agent *a, const struct effect *e, struct step_out *o,
		       enum wire_version v, bool guessed, const uint32_t *node, uint32_t count);

static void lead_nobody(struct send *s)
{
	s->count = 1;
	s->depth = 0;
	s->fwd_nodes = NULL;
	s->told_count = 0;
	s->told_none = false;
}

/* The head of a branch cannot be reached: the rest does not wait for it, and
 * goes in branches of its own, for the next of them may be lost as well. */
void send_without_rest(struct send *s)
{
	if (s->count < 2)
		return;
	send_group(s->agent, s->e, s->out, s->version, s->guessed, s->node + 1, s->count - 1);
	lead_nobody(s);
}

/* Their addresses cannot be told (CredType=cred/none seals none): nobody can
 * hand the message on. */
static void send_each_alone(struct send *s)
{
	for (uint32_t i = 1; i < s->count; i++)
		send_group(s->agent, s->e, s->out, s->version, s->guessed, &s->node[i], 1);
	lead_nobody(s);
	send_again(s);
}

/* Another attempt, with what has to be said now. */
void send_again(struct send *s)
{
	arena_reset(&s->mem);
	prepare(s);
}

static bool next_guess(struct send *s)
{
	uint32_t node = s->count ? s->node[0] : 0;
	struct agent *a = s->agent;

	if (!s->guessed || s->count != 1 || node >= a->guess_count)
		return false;
	if (s->tries + 1 >= WIRE_VERSION_GUESSES)
		return false;
	s->tries++;
	a->guess[node] = (uint8_t)((a->guess[node] + 1) % WIRE_VERSION_GUESSES);
	s->version = wire_version_guess(a->guess[node]);
	send_again(s);
	return true;
}

/* Daemons that end or start over because of a message may not answer it. */
static bool ends_in_silence(uint16_t type)
{
	return type == REQUEST_SHUTDOWN || type == REQUEST_RECONFIGURE ||
	       type == REQUEST_RECONFIGURE_WITH_CONFIG || type == REQUEST_REBOOT_NODES;
}

static bool registered(const struct send *s)
{
	const struct core *k = s->agent->ctld->core;

	return (s->e->type == REQUEST_NODE_REGISTRATION_STATUS || s->e->type == REQUEST_PING) &&
	       s->node[0] < k->node_count && k->node[s->node[0]] &&
	       k->node[s->node[0]]->version_known;
}

void send_finish(struct send *s, enum err e)
{
	send_hang_up(s);
	/* A node that has registered meanwhile is there. */
	if (e && s->guessed && s->count == 1 && registered(s)) {
		node_event(s, s->node[0], E_OK, NULL, NULL, s->version, false);
		release(s);
		return;
	}
	/* Refused without a word: perhaps it does not know this release. */
	if (e == E_COMMUNICATIONS_RECEIVE_ERROR && next_guess(s))
		return;
	if (s->e->kind == EFF_CLIENT_PING && e == E_COMMUNICATIONS_CONNECTION_ERROR) {
		struct event ev = { .kind = EV_CLIENT_GONE, .job_id = s->e->job_id,
				    .step_id = s->e->step_id };

		steps_run(s->agent->ctld, &ev, NULL);
	}
	if (e == E_COMMUNICATIONS_RECEIVE_ERROR && ends_in_silence(s->e->type))
		e = E_OK;
	if (s->count) {
		struct core *k = s->agent->ctld->core;

		log_debug("agent/is_node_resp: node:%s RPC:%s : %s",
			  s->node[0] < k->node_count ? k->node[s->node[0]]->name : "?",
			  wire_type_name(s->e->type), err_str(e));
		if (e == E_COMMUNICATIONS_CONNECTION_ERROR || e == E_UNKNOWN_FORWARD_ADDR ||
		    e == E_COMMUNICATIONS_CONNECT_TIMEOUT) {
			send_without_rest(s);
			node_event(s, s->node[0], e, NULL, NULL, s->version, false);
		} else {
			for (uint32_t i = 0; i < s->count; i++)
				node_event(s, s->node[i], e, NULL, NULL, s->version, false);
		}
	}
	release(s);
}

static uint32_t node_of(const struct send *s, const char *name)
{
	const struct node *n = name ? node_find(s->agent->ctld->core, name) : NULL;

	if (n)
		for (uint32_t i = 1; i < s->count; i++)
			if (s->node[i] == n->index)
				return i;
	return 0;
}

static void answers_of_others(struct send *s, const struct wire_frame *f)
{
	bool *seen = mem_zalloc(s->count * sizeof *seen);

	for (uint16_t i = 0; i < f->header.ret_cnt; i++) {
		const struct wire_ret *r = &f->header.ret[i];
		uint32_t k = node_of(s, r->node_name);
		enum err e = (enum err)r->err;

		if (!k || seen[k]) {
			log_error("%s: an answer in the name of %s, which was not asked",
				  wire_type_name(s->e->type), r->node_name ? r->node_name : "nobody");
			continue;
		}
		seen[k] = true;
		if (ends_in_silence(s->e->type))
			e = E_OK;
		else if (!e && r->type == RESPONSE_FORWARD_FAILED)
			e = E_COMMUNICATIONS_CONNECTION_ERROR;
		if (!e && r->body)
			e = code_of(r->type, r->body);
		node_event(s, s->node[k], e, wire_type_find(r->type, f->header.version), r->body,
			   f->header.version, !e);
	}
	for (uint32_t k = 1; k < s->count; k++)
		if (!seen[k])
			node_event(s, s->node[k], ends_in_silence(s->e->type) ? E_OK :
				   E_COMMUNICATIONS_RECEIVE_ERROR, NULL, NULL, s->version, false);
	free(seen);
}

void send_answered(struct send *s)
{
	const struct wire_type *type = NULL;
	struct wire_frame f;
	void *body = NULL;
	enum err e, rc;

	send_hang_up(s);
	e = wire_frame_parse(s->in, s->in_len, &s->mem, &f);
	if (!e)
		e = wire_body_unpack(&f, &s->mem, &type, &body);
	if (e) {
		if (!next_guess(s))
			send_finish(s, E_COMMUNICATIONS_RECEIVE_ERROR);
		return;
	}
	rc = code_of(f.header.type, body);
	if (rc == E_PROTOCOL_AUTHENTICATION_ERROR && next_guess(s))
		return;
	if (s->count) {
		node_event(s, s->node[0], rc, type, body, f.header.version, true);
		if (s->count > 1)
			answers_of_others(s, &f);
	}
	release(s);
}

/* ---- what goes out ----------------------------------------------------- */

/* Messages a node may hand on to step daemons of other users. */
static bool for_anyone(uint16_t type)
{
	return type == REQUEST_BATCH_JOB_LAUNCH || type == REQUEST_LAUNCH_PROLOG ||
	       type == REQUEST_LAUNCH_TASKS;
}

static struct send *send_new(struct agent *a, const struct effect *e, struct step_out *o,
			     enum wire_version v, const uint32_t *node, uint32_t count)
{
	struct send *s = mem_zalloc(sizeof *s);
	struct conf *conf = a->ctld->conf;
	uint32_t timeout = e->timeout_sec ? e->timeout_sec : conf->messagetimeout;

	s->agent = a;
	s->out = o;
	step_out_hold(o);
	s->e = e;
	s->version = v;
	s->fd = -1;
	s->next = a->all;
	if (a->all)
		a->all->prev = s;
	a->all = s;
	s->count = count;
	s->tree_width = conf->treewidth ? conf->treewidth : 16;
	s->timeout_sec = timeout;
	s->only_uid = e->kind == EFF_NODES && !for_anyone(e->type) ? conf->slurmd_uid
								   : AUTH_ANY_UID;
	if (!count)
		return s;
	s->node = mem_alloc(count * sizeof *s->node);
	memcpy(s->node, node, count * sizeof *s->node);
	if (count > 1) {
		const char **names = mem_alloc(count * sizeof *names);
		char *text;

		for (uint32_t i = 1; i < count; i++)
			names[i - 1] = a->ctld->core->node[node[i]]->name;
		text = hostlist_compress(names, count - 1);
		s->fwd_nodes = arena_strdup(&s->keep, text);
		free(text);
		free(names);
		s->depth = agent_tree_depth(count - 1, s->tree_width);
		send_addrs_note(s);
	}
	return s;
}

static void send_group(struct agent *a, const struct effect *e, struct step_out *o,
		       enum wire_version v, bool guessed, const uint32_t *node, uint32_t count)
{
	uint32_t width = a->ctld->conf->treewidth ? a->ctld->conf->treewidth : 16;
	uint32_t *start, branches;

	if (e->each_alone || guessed || width == TREE_OFF)
		width = count;
	start = mem_alloc((width + 2) * sizeof *start);
	branches = agent_tree_split(count, width, start);
	for (uint32_t i = 0; i < branches; i++) {
		struct send *s = send_new(a, e, o, v, node + start[i], start[i + 1] - start[i]);

		s->guessed = guessed;
		launch(s);
	}
	free(start);
}

static enum wire_version release_of(struct agent *a, const struct node *n, bool *guessed)
{
	if (n->version_known) {
		*guessed = false;
		return n->version;
	}
	if (n->index >= a->guess_count) {
		uint32_t old = a->guess_count;

		a->guess_count = a->ctld->core->node_count;
		a->guess = mem_realloc(a->guess, a->guess_count);
		memset(a->guess + old, 0, a->guess_count - old);
	}
	*guessed = true;
	return wire_version_guess(a->guess[n->index]);
}

static void send_nodes(struct agent *a, const struct effect *e, struct step_out *o)
{
	struct core *k = a->ctld->core;
	uint32_t count = bitset_count(e->nodes);
	uint32_t *group = mem_alloc((count + 1) * sizeof *group);

	for (int known = 1; known >= 0; known--)
		for (int v = 0; v < WIRE_VERSION_COUNT; v++) {
			uint32_t n = 0;

			bitset_foreach(i, e->nodes) {
				bool guessed;

				if (i >= k->node_count || !k->node[i] ||
				    (int)release_of(a, k->node[i], &guessed) != v ||
				    guessed == (bool)known)
					continue;
				if (!wire_forwards_addrs((enum wire_version)v) &&
				    !agent_others_know(a->ctld, k->node[i]))
					send_group(a, e, o, (enum wire_version)v, !known, &i, 1);
				else
					group[n++] = i;
			}
			if (n)
				send_group(a, e, o, (enum wire_version)v, !known, group, n);
		}
	free(group);
}

void agent_send(struct agent *a, const struct effect *e, struct step_out *o)
{
	enum wire_version v = WIRE_VERSION_NEWEST;
	struct send *s;

	if (e->kind == EFF_NODES) {
		if (e->nodes)
			send_nodes(a, e, o);
		return;
	}
	if (e->client_version && !wire_version_find(e->client_version, &v))
		return;
	if (!e->addr.family || !e->addr.port)
		return;
	s = send_new(a, e, o, v, NULL, 0);
	s->addr = e->addr;
	if (!wait_behind(s))
		launch(s);
}

unsigned agent_queued(const struct agent *a)
{
	return a->queued;
}

unsigned agent_active(const struct agent *a)
{
	return a->active;
}

void agent_forget_names(struct agent *a)
{
	names_forget(a->names);
}

struct agent *agent_new(struct ctld *c)
{
	struct agent *a = mem_zalloc(sizeof *a);

	a->ctld = c;
	a->waiting_last = &a->waiting;
	a->names = names_new(c);
	return a;
}

void agent_free(struct agent *a)
{
	if (!a)
		return;
	a->ending = true;
	for (struct send *s = a->all; s; s = s->next)
		send_hang_up(s);        /* workers may still hold some */
	names_free(a->names);
	free(a->guess);
	free(a);
}
