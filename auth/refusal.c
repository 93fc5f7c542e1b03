/* SPDX-License-Identifier: Apache-2.0 */
#include "auth/refusal.h"
#include "auth/auth.h"
#include "wire/base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* The place of a sort, or the one that has been idle longest. */
static struct refusal_sort *sort_find(struct refusal_limit *l, uint64_t key)
{
	struct refusal_sort *oldest = &l->sort[0];

	for (unsigned i = 0; i < REFUSAL_SORTS; i++) {
		struct refusal_sort *s = &l->sort[i];

		if (s->key == key && s->sec)
			return s;
		if (s->sec < oldest->sec)
			oldest = s;
	}
	*oldest = (struct refusal_sort){ .key = key };
	return oldest;
}

bool refusal_take(struct refusal_limit *l, uint64_t key, int64_t now, uint32_t *left_out)
{
	struct refusal_sort *s = sort_find(l, key);
	int64_t idle = now - s->sec;

	if (s->sec && idle > 0)
		s->used = s->used > idle ? s->used - (uint32_t)idle : 0;
	s->sec = now;
	if (s->used >= REFUSAL_BURST) {
		s->left_out++;
		return false;
	}
	s->used++;
	*left_out = s->left_out;
	s->left_out = 0;
	return true;
}

/* FNV-1a. */
static uint64_t mix(uint64_t h, const void *p, size_t len)
{
	const unsigned char *b = p;

	while (len--)
		h = (h ^ *b++) * 0x100000001b3u;
	return h;
}

/* The host counts, not the port, which is another each time; of the sort what
 * stands before a colon. */
static bool may_write(const char *peer, uint16_t type, const char *sort, uint32_t *left_out)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct refusal_limit limit;
	const char *port = strrchr(peer, ':');
	uint64_t key = 0xcbf29ce484222325u;
	struct timespec now;
	bool may;

	key = mix(key, peer, port ? (size_t)(port - peer) : strlen(peer));
	key = mix(key, &type, sizeof type);
	key = mix(key, sort, strcspn(sort, ":"));
	clock_gettime(CLOCK_MONOTONIC, &now);
	pthread_mutex_lock(&lock);
	may = refusal_take(&limit, key, (int64_t)now.tv_sec + 1, left_out);
	pthread_mutex_unlock(&lock);
	return may;
}

static void refusal_vwrite(uint32_t left_out, const char *fmt, va_list ap)
{
	char line[1024], more[64] = "";

	(void)vsnprintf(line, sizeof line, fmt, ap);
	if (left_out)
		(void)snprintf(more, sizeof more, " (%u like it before were not logged)", left_out);
	log_error("%s%s", line, more);
}

__attribute__((format(printf, 2, 3)))
static void refusal_write(uint32_t left_out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	refusal_vwrite(left_out, fmt, ap);
	va_end(ap);
}

void refusal_say(const char *peer, uint16_t type, const char *sort, const char *fmt, ...)
{
	uint32_t left_out;
	va_list ap;

	if (!may_write(peer, type, sort, &left_out))
		return;
	va_start(ap, fmt);
	refusal_vwrite(left_out, fmt, ap);
	va_end(ap);
}

static void stock_lines_log(const char *p)
{
	while (*p) {
		int n = (int)strcspn(p, "\n");

		/* stock writes the two times at a lower level */
		if (!strncmp(p, "auth/munge:", 11))
			log_info("%.*s", n, p);
		else
			log_error("%.*s", n, p);
		p += n;
		p += *p == '\n';
	}
}

void auth_refusal_log(const struct wire_frame *f, const char *peer, enum err e,
		      const struct err_text *why, const struct err_text *stock_lines)
{
	const char *type = wire_type_name(f->header.type);
	const char *reason = why ? why->text : err_str(e);
	uint32_t left_out;

	if (!may_write(peer, f->header.type, reason, &left_out))
		return;
	stock_lines_log(stock_lines ? stock_lines->text : "");
	if (e == E_PROTOCOL_AUTHENTICATION_ERROR) {
		log_error("slurm_unpack_received_msg: [%s] auth_g_verify: %s has authentication "
			  "error: Unspecified error", peer, type);
		log_error("slurm_unpack_received_msg: [%s] %s", peer, err_str(e));
	} else {
		log_error("slurm_unpack_received_msg: [%s] %s", peer,
			  err_str(E_PROTOCOL_INCOMPLETE_PACKET));
	}
	refusal_write(left_out, "Refused %s: %s peer=%s", type, reason, peer);
}
