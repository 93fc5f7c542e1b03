/* SPDX-License-Identifier: Apache-2.0
 *
 * slurm.key: its bytes are the key.  slurm.jwks: a list of named keys, one of
 * which signs; all of them are accepted, until they expire. */
#include "auth/jws.h"
#include "wire/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_MIN  16             /* of a named one; as stock */
#define FILE_MAX ((off_t)1 << 20)

static enum err file_read(const char *who, const char *path, uid_t slurm_uid, uint8_t **bytes, size_t *len,
			  struct err_text *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint8_t *p;
	ssize_t n;

	if (fd < 0)
		return err_set(why, E_FAIL, "%s: cannot open key file '%s': %s", who, path,
			       strerrordesc_np(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_MAX) {
		(void)close(fd);
		return err_set(why, E_FAIL, "%s: '%s' is no key file", who, path);
	}
	if (st.st_mode & S_IRWXO) {
		(void)close(fd);
		return err_set(why, E_FAIL, "%s: key file is insecure: '%s' mode=0%o",
			       who, path, st.st_mode & 0777);
	}
	/* a node daemon that has no configuration yet does not know SlurmUser */
	if (st.st_uid && slurm_uid && st.st_uid != slurm_uid)
		log_error("%s: '%s' owned by uid=%u, instead of SlurmUser(%u) or root",
			  who, path, (unsigned)st.st_uid, (unsigned)slurm_uid);
	p = mem_alloc((size_t)st.st_size + 1);
	n = read(fd, p, (size_t)st.st_size);
	(void)close(fd);
	if (n != st.st_size) {
		free(p);
		return err_set(why, E_FAIL, "%s: cannot read key file '%s'", who, path);
	}
	p[n] = '\0';
	*bytes = p;
	*len = (size_t)n;
	return E_OK;
}

static const char *key_parse(struct json_object *o, struct jws_keys *k)
{
	const char *kid = jws_text(o, "kid"), *kty = jws_text(o, "kty");
	const char *alg = jws_text(o, "alg"), *text = jws_text(o, "k");
	const char *use = jws_text(o, "use");
	struct json_object *exp;
	struct jws_key *key = &k->key[k->count];

	if (!kid)
		return "a key has no kid";
	for (uint32_t n = 0; n < k->count; n++)
		if (streq(k->key[n].kid, kid))
			return "kid fields must be unique";
	if (!kty || strcasecmp(kty, "oct"))
		return "kty field must be oct";
	if (!alg || strcasecmp(alg, "HS256"))
		return "alg field must be HS256";
	if (!text)
		return "a key has no k";
	key->key = jws_base64_decode(text, strlen(text), !strpbrk(text, "+/"), &key->len);
	if (!key->key)
		return "key failed to decode";
	key->kid = mem_strdup(kid);
	k->count++;
	if (key->len < KEY_MIN)
		return "key lacks sufficient entropy";
	if (json_object_object_get_ex(o, "exp", &exp))
		key->expires = json_object_get_int64(exp);
	if (use && !strcasecmp(use, "default")) {
		if (k->signing != UINT32_MAX)
			return "multiple default keys defined";
		k->signing = k->count - 1;
	}
	return NULL;
}

static enum err jwks_parse(const char *path, const char *text, struct jws_keys *out,
			   struct err_text *why)
{
	struct json_object *all = json_tokener_parse(text), *list = NULL;
	struct jws_keys k = { .named = true, .signing = UINT32_MAX };
	const char *wrong = "it holds no list of keys";
	size_t n = 0;

	if (all && json_object_object_get_ex(all, "keys", &list) &&
	    json_object_is_type(list, json_type_array))
		n = json_object_array_length(list);
	if (n) {
		k.key = mem_zalloc(n * sizeof *k.key);
		wrong = NULL;
	}
	for (size_t i = 0; i < n && !wrong; i++)
		wrong = key_parse(json_object_array_get_idx(list, i), &k);
	json_object_put(all);
	if (wrong) {
		jws_keys_fini(&k);
		return err_set(why, E_FAIL, "auth/slurm: '%s': %s", path, wrong);
	}
	if (k.signing == UINT32_MAX)
		k.signing = 0;
	*out = k;
	return E_OK;
}

static char *key_path(const char *variable, const char *dir, const char *name)
{
	const char *given = getenv(variable);

	return given ? mem_strdup(given) : mem_printf("%s/%s", dir ? dir : "/etc/slurm", name);
}

enum err jws_keys_read(const char *dir, uid_t slurm_uid, struct jws_keys *k,
		       struct err_text *why)
{
	char *jwks = key_path("SLURM_SACK_JWKS", dir, "slurm.jwks");
	char *plain = key_path("SLURM_SACK_KEY", dir, "slurm.key");
	bool named = !access(jwks, F_OK);
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum err e = file_read("auth/slurm", named ? jwks : plain, slurm_uid, &bytes, &len, why);

	if (!e && named) {
		e = jwks_parse(jwks, (char *)bytes, k, why);
		free(bytes);
	} else if (!e) {
		*k = (struct jws_keys){ .key = mem_zalloc(sizeof *k->key), .count = 1 };
		k->key->key = bytes;
		k->key->len = len;
	}
	free(jwks);
	free(plain);
	return e;
}

enum err jws_key_read(const char *who, const char *path, uid_t slurm_uid, struct jws_keys *k,
		      struct err_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum err e = file_read(who, path, slurm_uid, &bytes, &len, why);

	if (e)
		return e;
	*k = (struct jws_keys){ .key = mem_zalloc(sizeof *k->key), .count = 1 };
	k->key->key = bytes;
	k->key->len = len;
	return E_OK;
}

void jws_keys_fini(struct jws_keys *k)
{
	for (uint32_t n = 0; n < k->count; n++) {
		explicit_bzero(k->key[n].key, k->key[n].len);
		free(k->key[n].key);
		free(k->key[n].kid);
	}
	free(k->key);
	*k = (struct jws_keys){0};
}
