/* SPDX-License-Identifier: Apache-2.0
 *
 * CredType=cred/slurm: credentials as tokens.  A launch credential's payload is
 * the packed one; those of sbcast and of addresses are claims. */
#include "auth/slurm.h"

#include <arpa/inet.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "wire/base/hostlist.h"
#include "wire/base/sluid.h"

static void add(struct json_object *o, const char *key, struct json_object *v)
{
	json_object_object_add(o, key, v);
}

static struct json_object *text_or_null(const char *s)
{
	return s ? json_object_new_string(s) : NULL;
}

/* Objects with names that are data: in alphabetical order as everything else;
 * of entries with one name the last one counts. */
struct entry {
	const char *name;
	int64_t value;
	uint32_t order;
};

static int by_name(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int d = strcmp(x->name, y->name);

	return d ? d : x->order < y->order ? -1 : 1;
}

static struct json_object *entries_json(struct entry *e, uint32_t n)
{
	struct json_object *o = json_object_new_object();

	qsort(e, n, sizeof *e, by_name);
	for (uint32_t k = 0; k < n; k++)
		add(o, e[k].name, json_object_new_int64(e[k].value));
	return o;
}

static struct json_object *groups_json(const struct identity *id)
{
	struct entry *e = mem_alloc(id->gids_count * sizeof *e + 1);
	struct json_object *o;
	uint32_t n = 0;

	for (uint32_t k = 0; k < id->gids_count; k++)
		if (id->gr_names[k]) {
			e[n] = (struct entry){ id->gr_names[k], id->gids[k], n };
			n++;
		}
	o = entries_json(e, n);
	free(e);
	return o;
}

/* {"dir", "gecos", "gids" or "groups", "name", "shell"}; NULL: nothing is known
 * but the numbers (LaunchParameters=disable_send_gids). */
static struct json_object *identity_json(const struct identity *id)
{
	struct json_object *o, *list;

	if (!id->pw_name)
		return NULL;
	o = json_object_new_object();
	add(o, "dir", text_or_null(id->pw_dir));
	add(o, "gecos", text_or_null(id->pw_gecos));
	if (id->gr_names_count && id->gr_names_count == id->gids_count) {
		add(o, "groups", groups_json(id));
	} else if (id->gids_count) {
		list = json_object_new_array();
		for (uint32_t k = 0; k < id->gids_count; k++)
			json_object_array_add(list, json_object_new_int64(id->gids[k]));
		add(o, "gids", list);
	}
	add(o, "name", text_or_null(id->pw_name));
	add(o, "shell", text_or_null(id->pw_shell));
	return o;
}

static enum err launch_make(struct auth *a, struct cred_signed *c, const struct wire_out *o,
			    struct arena *mem)
{
	struct slurm_keys *k = a->slurm;
	char *text = slurm_token_make(k, &(struct slurm_claims){
		.context = "launch", .uid = c->cred.id.uid, .gid = c->cred.id.gid,
		.only_uid = k->slurmd_uid, .payload = o->base, .payload_len = o->len,
		.id = identity_json(&c->cred.id) });
	uint8_t *copy = arena_alloc(mem, o->len);

	memcpy(copy, o->base, o->len);
	c->raw = (struct wire_mem){ copy, (uint32_t)o->len };
	c->signature = arena_strdup(mem, text);
	free(text);
	return E_OK;
}

enum err slurm_launch_sign(struct auth *a, struct cred_signed *c, enum wire_version v,
			   struct arena *mem, struct err_text *why)
{
	struct wire_out o = {0};
	enum err e;

	if (!wire_version_in(v, auth_method_slurm.when))
		return err_set(why, E_INVALID_JOB_CREDENTIAL,
			       "release %s has no credentials of cred/slurm", wire_version_name(v));
	wire_pack(&o, &cred_desc, &c->cred, v);
	if (o.failed)
		e = err_set(why, E_INVALID_JOB_CREDENTIAL, "the credential cannot be packed");
	else
		e = launch_make(a, c, &o, mem);
	wire_out_fini(&o);
	return e;
}

/* Open one of that context.  The caller finis *t in any case. */
static enum err open_context(struct auth *a, const char *text, const char *context,
			     struct slurm_token *t, struct err_text *why)
{
	*t = (struct slurm_token){0};
	if (!text)
		return err_set(why, E_D_INVALID_JOB_CREDENTIAL, "the credential is not signed");
	if (!a->slurm->holder)
		return err_set(why, E_D_INVALID_JOB_CREDENTIAL, "only a daemon has the key");
	if (slurm_token_open(a->slurm, text, a->slurm->uid, false, t, why, NULL) != FATE_GOOD)
		return E_D_INVALID_JOB_CREDENTIAL;
	if (!streq(t->context, context))
		return err_set(why, E_D_INVALID_JOB_CREDENTIAL,
			       "the token is for '%s', not for '%s'", t->context, context);
	return E_OK;
}

enum err slurm_launch_open(struct auth *a, struct cred_signed *c, enum wire_version v,
			   struct arena *mem, struct err_text *why)
{
	struct slurm_token t;
	struct wire_in in;
	uint8_t *copy;
	enum err e = open_context(a, c->signature, "launch", &t, why);

	if (e) {
		slurm_token_fini(&t);
		return e;
	}
	copy = arena_alloc(mem, t.payload_len + 1);
	memcpy(copy, t.payload, t.payload_len);
	in = (struct wire_in){ copy, copy + t.payload_len, mem, false, false };
	wire_unpack(&in, &cred_desc, &c->cred, v);
	c->raw = (struct wire_mem){ copy, (uint32_t)t.payload_len };
	if (in.failed || in.p != in.end)
		e = err_set(why, E_D_INVALID_JOB_CREDENTIAL, "the token's payload is no credential "
			    "of release %s", wire_version_name(v));
	else if (c->cred.id.uid != t.uid || c->cred.id.gid != t.gid)
		e = err_set(why, E_D_INVALID_JOB_CREDENTIAL, "the token is for user %u:%u, the "
			    "credential in it for %u:%u", (unsigned)t.uid, (unsigned)t.gid,
			    c->cred.id.uid, c->cred.id.gid);
	slurm_token_fini(&t);
	return e;
}

/* ---- sbcast ------------------------------------------------------------ */

enum err slurm_sbcast_sign(struct auth *a, struct sbcast_cred_signed *c, struct arena *mem,
			   struct err_text *why)
{
	struct slurm_keys *k = a->slurm;
	struct json_object *o = json_object_new_object();
	char sluid[SLUID_TEXT], *text;

	(void)why;
	add(o, "het_job_id", json_object_new_int64(c->cred.het_job_id));
	add(o, "job_id", json_object_new_int64(c->cred.step_id.job_id));
	add(o, "nodes", text_or_null(c->cred.nodes));
	if (c->cred.step_id.sluid)
		add(o, "sluid", json_object_new_string(sluid_text(c->cred.step_id.sluid, sluid)));
	add(o, "step_id", json_object_new_int64(c->cred.step_id.step_id));
	text = slurm_token_make(k, &(struct slurm_claims){
		.context = "sbcast", .uid = c->cred.id.uid, .gid = c->cred.id.gid,
		.only_uid = k->slurmd_uid, .sbcast = o, .id = identity_json(&c->cred.id) });
	c->raw = (struct wire_mem){0};
	c->signature = arena_strdup(mem, text);
	free(text);
	return E_OK;
}

static uint32_t number(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) ? (uint32_t)json_object_get_int64(v) : 0;
}

static const char *text_in(struct json_object *o, const char *key, struct arena *mem)
{
	return arena_strdup(mem, jws_text(o, key));
}

static uint32_t list_length(struct json_object *o)
{
	return json_object_is_type(o, json_type_array) ? (uint32_t)json_object_array_length(o) : 0;
}

/* Who the user is, as far as a transfer needs it. */
static void identity_read(struct json_object *o, struct identity *id, struct arena *mem)
{
	struct json_object *list;

	id->pw_name = text_in(o, "name", mem);
	if (json_object_object_get_ex(o, "gids", &list)) {
		id->gids_count = list_length(list);
		id->gids = arena_zalloc(mem, id->gids_count * sizeof *id->gids + 1);
		for (uint32_t k = 0; k < id->gids_count; k++)
			id->gids[k] = (uint32_t)json_object_get_int64(
				json_object_array_get_idx(list, k));
	} else if (json_object_object_get_ex(o, "groups", &list) &&
		   json_object_is_type(list, json_type_object)) {
		id->gids = arena_zalloc(mem, (size_t)json_object_object_length(list) *
					     sizeof *id->gids + 1);
		json_object_object_foreach(list, name, gid) {
			(void)name;
			id->gids[id->gids_count++] = (uint32_t)json_object_get_int64(gid);
		}
	}
}

enum err slurm_sbcast_open(struct auth *a, struct sbcast_cred_signed *c, struct arena *mem,
			   struct err_text *why)
{
	struct slurm_token t;
	struct json_object *o, *id;
	struct sbcast_cred *s = &c->cred;
	enum err e = open_context(a, c->signature, "sbcast", &t, why);

	if (!e && (!json_object_object_get_ex(t.json, "sbcast", &o) ||
		   !json_object_is_type(o, json_type_object)))
		e = err_set(why, E_D_INVALID_JOB_CREDENTIAL, "the token has no claim 'sbcast'");
	if (!e) {
		wire_init(&sbcast_cred_desc, s);
		s->ctime = t.made;
		s->expiration = t.expires;
		s->step_id.job_id = number(o, "job_id");
		s->step_id.step_id = number(o, "step_id");
		s->step_id.sluid = sluid_parse(text_in(o, "sluid", mem));
		s->het_job_id = number(o, "het_job_id");
		s->nodes = text_in(o, "nodes", mem);
		s->id.uid = t.uid;
		s->id.gid = t.gid;
		if (json_object_object_get_ex(t.json, "id", &id) &&
		    json_object_is_type(id, json_type_object))
			identity_read(id, &s->id, mem);
	}
	slurm_token_fini(&t);
	return e;
}

/* ---- addresses --------------------------------------------------------- */

static const char *ip_text(const struct wire_addr *a, char buf[INET6_ADDRSTRLEN])
{
	if (!inet_ntop(a->family == 10 ? AF_INET6 : AF_INET, a->ip, buf, INET6_ADDRSTRLEN))
		buf[0] = '\0';
	return buf;
}

static bool ip_parse(const char *s, int64_t port, struct wire_addr *out)
{
	bool six = s && strchr(s, ':');

	if (!s || port < 0 || port > UINT16_MAX)
		return false;
	out->family = six ? 10 : 2;
	out->port = (uint16_t)port;
	return inet_pton(six ? AF_INET6 : AF_INET, s, out->ip) == 1;
}

/* Twice: as releases up to 24.05 read it (the port in network order, one port an
 * address), and as later ones do. */
static void addrs_json(const struct slurm_node_alias_addrs *m, char **names, uint32_t n,
		       struct slurm_claims *out)
{
	struct entry *e = mem_alloc(n * sizeof *e + 1);
	char (*ip)[INET6_ADDRSTRLEN] = mem_alloc(n * sizeof *ip + 1);
	struct json_object *list = json_object_new_array(), *o;

	for (uint32_t k = 0; k < n; k++) {
		const struct wire_addr *at = &m->node_addrs[k];

		e[k] = (struct entry){ ip_text(at, ip[k]), htons(at->port), k };
		o = json_object_new_object();
		add(o, "ip", json_object_new_string(ip[k]));
		add(o, "name", json_object_new_string(names[k]));
		add(o, "port", json_object_new_int64(at->port));
		json_object_array_add(list, o);
	}
	out->net = json_object_new_object();
	add(out->net, "addrs", entries_json(e, n));
	add(out->net, "nodes", text_or_null(m->node_list));
	out->netcred = json_object_new_object();
	add(out->netcred, "addrs", list);
	free(ip);
	free(e);
}

enum err slurm_net_sign(struct auth *a, const struct slurm_node_alias_addrs *m,
			enum wire_version v, char **text, struct err_text *why)
{
	struct slurm_keys *k = a->slurm;
	struct slurm_claims c = { .context = "net", .uid = k->uid, .gid = k->gid,
				  .only_uid = k->slurmd_uid };
	struct arena mem = {0};
	char **names;
	uint32_t n;
	enum err e = hostlist_expand(m->node_list, &mem, &names, &n, why);

	(void)v;
	if (!e) {
		addrs_json(m, names, n < m->node_addrs_count ? n : m->node_addrs_count, &c);
		*text = slurm_token_make(k, &c);
	}
	arena_fini(&mem);
	return e;
}

/* [{"ip", "name", "port"}] */
static bool addrs_read(struct json_object *list, struct arena *mem,
		       struct slurm_node_alias_addrs *m)
{
	uint32_t n = list_length(list);
	const char **names = arena_zalloc(mem, n * sizeof *names + 1);
	char *joined;

	m->node_addrs = arena_zalloc(mem, n * sizeof *m->node_addrs + 1);
	for (uint32_t k = 0; k < n; k++) {
		struct json_object *o = json_object_array_get_idx(list, k);

		names[k] = json_object_is_type(o, json_type_object) ? text_in(o, "name", mem) :
								      NULL;
		if (!names[k] || !ip_parse(text_in(o, "ip", mem), number(o, "port"),
					   &m->node_addrs[k]))
			return false;
	}
	m->node_addrs_count = m->node_cnt = n;
	joined = hostlist_compress(names, n);
	m->node_list = arena_strdup(mem, joined);
	free(joined);
	return true;
}

/* {"ip": port in network order}, in the order of the nodes. */
static bool addrs_read_old(struct json_object *o, struct arena *mem,
			   struct slurm_node_alias_addrs *m)
{
	struct json_object *dict;
	uint32_t n = 0;

	m->node_list = text_in(o, "nodes", mem);
	if (!m->node_list || !json_object_object_get_ex(o, "addrs", &dict) ||
	    !json_object_is_type(dict, json_type_object))
		return false;
	m->node_addrs = arena_zalloc(mem, (size_t)json_object_object_length(dict) *
					  sizeof *m->node_addrs + 1);
	json_object_object_foreach(dict, ip, port) {
		if (!ip_parse(ip, ntohs((uint16_t)json_object_get_int64(port)),
			      &m->node_addrs[n++]))
			return false;
	}
	m->node_addrs_count = m->node_cnt = n;
	return true;
}

enum err slurm_net_open(struct auth *a, const char *text, enum wire_version v,
			uid_t slurm_uid, struct arena *mem, struct slurm_node_alias_addrs *m,
			struct err_text *why)
{
	struct slurm_token t;
	struct json_object *o, *list;
	enum err e = open_context(a, text, "net", &t, why);
	bool good = false;

	(void)v;
	wire_init(&slurm_node_alias_addrs_desc, m);
	if (!e && t.uid != 0 && t.uid != slurm_uid)
		e = err_set(why, E_D_INVALID_JOB_CREDENTIAL, "the token is of user %u, not of "
			    "SlurmUser %u", (unsigned)t.uid, (unsigned)slurm_uid);
	if (!e) {
		if (json_object_object_get_ex(t.json, "netcred", &o))
			good = json_object_is_type(o, json_type_object) &&
			       json_object_object_get_ex(o, "addrs", &list) &&
			       addrs_read(list, mem, m);
		else if (json_object_object_get_ex(t.json, "net", &o))
			good = json_object_is_type(o, json_type_object) &&
			       addrs_read_old(o, mem, m);
		if (!good)
			e = err_set(why, E_D_INVALID_JOB_CREDENTIAL,
				    "the token's addresses cannot be read");
	}
	slurm_token_fini(&t);
	return e;
}
