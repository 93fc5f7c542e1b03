/* SPDX-License-Identifier: Apache-2.0
 *
 * "scontrol token": a worker finds the user's name and signs. */
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "slurmctld/rpc/rpc.h"
#include "wire/base/log.h"

#define LIFESPAN_SEC 1800       /* unless asked otherwise */

struct token_work {
	struct work work;
	struct ctld *ctld;
	struct request *req;
	int64_t lifespan, most;         /* most: of a user, 0 no limit */
	char *token;
	enum err rc;
};

/* max_token_lifespan of AuthAltParameters, 0: none. */
static int64_t lifespan_limit(const struct conf *conf)
{
	const char *s = conf->authaltparameters ?
			strcasestr(conf->authaltparameters, "max_token_lifespan=") : NULL;
	int64_t n = s ? strtol(s + strlen("max_token_lifespan="), NULL, 10) : 0;

	if (s && n < 1)
		log_error("Invalid AuthAltParameters max_token_lifespan option, no limit enforced");
	return n < 1 ? 0 : n;
}

/* The name of uid, heap; NULL when there is no such user. */
static char *user_name(uid_t uid)
{
	struct passwd pw, *found = NULL;
	size_t size = 1024;
	char *buf = NULL, *name;
	int e;

	do {
		size *= 2;
		buf = mem_realloc(buf, size);
		e = getpwuid_r(uid, &pw, buf, size, &found);
	} while (e == ERANGE && size < (size_t)1 << 20);
	name = found ? mem_strdup(found->pw_name) : NULL;
	free(buf);
	return name;
}

static enum err token_make(struct token_work *k, const char *own)
{
	const struct token_request_msg *q = k->req->body;
	const struct caller *who = &k->req->caller;
	const char *user = q->username ? q->username : own;
	struct err_text why = { "" };
	enum err e;

	if (!user || (q->username && !who->root_or_slurm && (!own || !streq(own, user)))) {
		log_error("%s%s by UID=%u", user ? "attempt to retrieve a token for a different user="
			  : "attempt to retrieve a token for a missing username", user ? user : "",
			  (unsigned)who->uid);
		return E_USER_ID_MISSING;
	}
	if (!who->root_or_slurm && k->most && k->lifespan > k->most) {
		log_error("rejecting token lifespan %lld for user:%s[%u] requested, exceeds limit of "
			  "%lld", (long long)k->lifespan, user, (unsigned)who->uid,
			  (long long)k->most);
		return E_INVALID_TIME_LIMIT;
	}
	e = auth_token_make(k->ctld->auth, user, k->lifespan, &k->token, &why);
	if (e)
		log_error("no token for %s: %s", user, why.text);
	else
		log_info("created token for %s for %lld seconds", user, (long long)k->lifespan);
	return e;
}

static void token_run(struct work *w)
{
	struct token_work *k = (struct token_work *)w;
	char *own = user_name(k->req->caller.uid);

	k->rc = token_make(k, own);
	free(own);
}

/* 22.05 has no code for "no token": its answer is then an empty one. */
static void token_done(struct work *w)
{
	struct token_work *k = (struct token_work *)w;
	bool refused = k->rc == E_USER_ID_MISSING || k->rc == E_INVALID_TIME_LIMIT;
	struct token_response_msg m;

	if (refused || (k->rc && wire_version_in(k->req->version, SINCE(23_02)))) {
		rpc_answer_rc(k->ctld, k->req, k->rc);
	} else {
		wire_init(&token_response_msg_desc, &m);
		m.token = k->token;
		rpc_answer(k->ctld, k->req, RESPONSE_AUTH_TOKEN, &m);
	}
	if (k->token)
		explicit_bzero(k->token, strlen(k->token));
	free(k->token);
	free(k);
}

void rpc_do_token(struct ctld *c, struct request *r)
{
	const struct token_request_msg *q = r->body;
	const char *more = c->conf->authaltparameters;
	struct token_work *k;

	if (more && strstr(more, "disable_token_creation") && !r->caller.root_or_slurm) {
		log_error("attempt to retrieve a token while token creation disabled UID=%u",
			  (unsigned)r->caller.uid);
		rpc_answer_rc(c, r, E_ACCESS_DENIED);
		return;
	}
	if (!auth_has_tokens(c->auth) && wire_version_in(r->version, SINCE(23_02))) {
		rpc_answer_rc(c, r, E_PLUGIN_NOT_LOADED);
		return;
	}
	k = mem_zalloc(sizeof *k);
	k->work.run = token_run;
	k->work.done = token_done;
	k->ctld = c;
	k->req = r;
	k->most = lifespan_limit(c->conf);
	k->lifespan = q->lifespan;
	if (!k->lifespan)
		k->lifespan = k->most && k->most < LIFESPAN_SEC ? k->most : LIFESPAN_SEC;
	pool_submit(c->workers, &k->work);
}
