/* SPDX-License-Identifier: Apache-2.0
 *
 * HMAC-SHA256 and base64 are libnettle's, JSON is json-c's.  Nothing of a token
 * is believed, but for the name of its key, before its signature was right. */
#include "auth/jws.h"

#include <json-c/json.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <stdlib.h>

/* A header names an algorithm and a key. */
#define HEADER_MAX 1024

char *jws_base64(const void *p, size_t len)
{
	char *s = mem_alloc(BASE64_ENCODE_RAW_LENGTH(len) + 1);

	base64_encode_raw(s, len, p);
	s[BASE64_ENCODE_RAW_LENGTH(len)] = '\0';
	return s;
}

/* The alphabet of tokens, which drop the padding. */
static char *base64url(const void *p, size_t len)
{
	char *s = jws_base64(p, len);

	s[strcspn(s, "=")] = '\0';
	for (char *c = s; *c; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return s;
}

uint8_t *jws_base64_decode(const char *s, size_t n, bool url, size_t *len)
{
	struct base64_decode_ctx ctx;
	uint8_t *out;
	size_t got = 0, more = 0;

	while (n && s[n - 1] == '=')
		n--;
	out = mem_alloc(BASE64_DECODE_LENGTH(n + 4) + 1);
	if (url)
		base64url_decode_init(&ctx);
	else
		base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &got, out, n, s) ||
	    !base64_decode_update(&ctx, &more, out + got, (4 - n % 4) % 4, "===") ||
	    !base64_decode_final(&ctx)) {
		free(out);
		return NULL;
	}
	*len = got + more;
	return out;
}

static void sign(const struct jws_key *k, const char *p, size_t len,
		 uint8_t out[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx ctx;

	hmac_sha256_set_key(&ctx, k->len, k->key);
	hmac_sha256_update(&ctx, len, (const uint8_t *)p);
	hmac_sha256_digest(&ctx, SHA256_DIGEST_SIZE, out);
}

static char *json_part(struct json_object *o)
{
	const char *s = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						       JSON_C_TO_STRING_NOSLASHESCAPE);

	return base64url(s, strlen(s));
}

char *jws_sign(const struct jws_key *k, struct json_object *claims)
{
	struct json_object *h = json_object_new_object();
	char *head, *body, *text, *mac, *token;
	uint8_t digest[SHA256_DIGEST_SIZE];

	json_object_object_add(h, "alg", json_object_new_string("HS256"));
	if (k->kid)
		json_object_object_add(h, "kid", json_object_new_string(k->kid));
	json_object_object_add(h, "typ", json_object_new_string("JWT"));
	head = json_part(h);
	json_object_put(h);
	body = json_part(claims);
	text = mem_printf("%s.%s", head, body);
	sign(k, text, strlen(text), digest);
	mac = base64url(digest, sizeof digest);
	token = mem_printf("%s.%s", text, mac);
	free(head);
	free(body);
	free(text);
	free(mac);
	return token;
}

/* The three parts of a token. */
struct parts {
	const char *head, *body, *mac;
	size_t head_len, body_len, mac_len;
};

static bool split(const char *token, struct parts *p)
{
	p->head = token;
	p->head_len = strcspn(token, ".");
	if (!token[p->head_len])
		return false;
	p->body = p->head + p->head_len + 1;
	p->body_len = strcspn(p->body, ".");
	if (!p->body[p->body_len])
		return false;
	p->mac = p->body + p->body_len + 1;
	p->mac_len = strlen(p->mac);
	return !strchr(p->mac, '.');
}

static struct json_object *json_decode(const char *s, size_t n)
{
	size_t len;
	char *text = (char *)jws_base64_decode(s, n, true, &len);
	struct json_object *o = NULL;
	struct json_tokener *t;

	if (!text)
		return NULL;
	t = json_tokener_new();
	json_tokener_set_flags(t, JSON_TOKENER_STRICT);
	if (len && len < INT32_MAX)
		o = json_tokener_parse_ex(t, text, (int)len);
	if (json_tokener_get_error(t) != json_tokener_success ||
	    json_tokener_get_parse_end(t) != len || !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	free(text);
	return o;
}

const char *jws_text(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_string) ?
		json_object_get_string(v) : NULL;
}

/* Which key, by the header? */
static enum jws_fate key_choose(const struct jws_keys *keys, const struct parts *p, int64_t now,
				const struct jws_key **key, char kid[64])
{
	struct json_object *h = p->head_len <= HEADER_MAX ? json_decode(p->head, p->head_len) :
			NULL;
	const char *alg = h ? jws_text(h, "alg") : NULL;
	const char *name = h ? jws_text(h, "kid") : NULL;
	enum jws_fate fate = JWS_GOOD;

	*key = keys ? &keys->key[keys->signing] : NULL;
	if (!alg || strcasecmp(alg, "HS256"))
		fate = JWS_MALFORMED;           /* "none" above all */
	if (kid)
		(void)snprintf(kid, 64, "%s", name ? name : "");
	if (keys && keys->named && name) {
		*key = NULL;
		for (uint32_t k = 0; k < keys->count; k++)
			if (streq(keys->key[k].kid, name))
				*key = &keys->key[k];
		if (!*key && !fate)
			fate = JWS_UNKNOWN_KID;
	}
	if (!fate && *key && (*key)->expires && (*key)->expires < now)
		fate = JWS_EXPIRED_KEY;
	json_object_put(h);
	return fate;
}

enum jws_fate jws_open(const struct jws_keys *keys, const char *token, int64_t now,
		       struct json_object **claims, char kid[64])
{
	const struct jws_key *key;
	struct parts p;
	uint8_t want[SHA256_DIGEST_SIZE], *mac;
	size_t len = 0;
	bool same;
	enum jws_fate fate;

	if (!split(token, &p))
		return JWS_MALFORMED;
	fate = key_choose(keys, &p, now, &key, kid);
	if (fate)
		return fate;
	if (key) {
		mac = jws_base64_decode(p.mac, p.mac_len, true, &len);
		sign(key, p.head, p.head_len + 1 + p.body_len, want);
		same = mac && len == sizeof want && memeql_sec(mac, want, sizeof want);
		free(mac);
		if (!same)
			return JWS_BAD_KEY;
	}
	*claims = json_decode(p.body, p.body_len);
	return *claims ? JWS_GOOD : JWS_MALFORMED;
}
