/* SPDX-License-Identifier: Apache-2.0
 *
 * A small cache before the journal. */
#include "slurmctld/scripts.h"

#include <stdlib.h>

#include "slurmctld/journal.h"

#define KEEP 64
#define KEEP_BYTES (1 << 20)
#define ONE_MAX (256 << 10)     /* bigger ones are not kept */

struct scripts {
	struct job_script *slot[KEEP];
	unsigned next;
	size_t bytes;
};

struct scripts *scripts_new(void)
{
	return mem_zalloc(sizeof(struct scripts));
}

static void drop(struct scripts *s, unsigned i)
{
	if (!s->slot[i])
		return;
	s->bytes -= s->slot[i]->size;
	job_script_unref(s->slot[i]);
	s->slot[i] = NULL;
}

void scripts_free(struct scripts *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < KEEP; i++)
		drop(s, i);
	free(s);
}

struct job_script *job_script_new(uint32_t job_id, const char *script, size_t script_len,
				  const char *env, size_t env_len)
{
	struct job_script *s;
	uint32_t n = 0;
	char *p;

	for (size_t i = 0; i < env_len; i++)
		n += !env[i];
	s = mem_alloc(sizeof *s + script_len + 1 + env_len + 1);
	s->refs = 1;
	s->job_id = job_id;
	s->size = script_len + env_len;
	s->script = s->block;
	memcpy(s->script, script, script_len);
	s->script[script_len] = '\0';
	p = s->block + script_len + 1;
	if (env_len)
		memcpy(p, env, env_len);
	p[env_len] = '\0';
	s->env = mem_alloc((n + 1) * sizeof *s->env);
	s->env_count = n;
	for (uint32_t i = 0; i < n; i++) {
		s->env[i] = p;
		p += strlen(p) + 1;
	}
	s->env[n] = NULL;
	return s;
}

void job_script_unref(struct job_script *s)
{
	if (!s || --s->refs)
		return;
	free(s->env);
	free(s);
}

static int find(const struct scripts *s, uint32_t job_id)
{
	for (unsigned i = 0; i < KEEP; i++)
		if (s->slot[i] && s->slot[i]->job_id == job_id)
			return (int)i;
	return -1;
}

void scripts_put(struct ctld *c, const struct effect *e)
{
	struct scripts *s = c->scripts;
	size_t script_len = e->script ? strlen(e->script) : 0, env_len = 0, at = 0;
	char *env;

	for (uint32_t i = 0; i < e->env_count; i++)
		env_len += strlen(e->env[i]) + 1;
	if (script_len + env_len > ONE_MAX)
		return;
	env = mem_alloc(env_len + 1);
	for (uint32_t i = 0; i < e->env_count; i++) {
		size_t n = strlen(e->env[i]) + 1;

		memcpy(env + at, e->env[i], n);
		at += n;
	}
	for (unsigned i = 0; i < KEEP && s->bytes + script_len + env_len > KEEP_BYTES; i++)
		drop(s, (s->next + i) % KEEP);
	drop(s, s->next);
	s->slot[s->next] = job_script_new(e->script_id, e->script ? e->script : "", script_len, env,
					  env_len);
	s->bytes += s->slot[s->next]->size;
	s->next = (s->next + 1) % KEEP;
	free(env);
}

void scripts_del(struct ctld *c, uint32_t job_id)
{
	int i = find(c->scripts, job_id);

	if (i >= 0)
		drop(c->scripts, (unsigned)i);
}

void scripts_get(struct ctld *c, uint32_t job_id,
		 void (*done)(void *arg, struct job_script *s), void *arg)
{
	int i = find(c->scripts, job_id);

	if (i >= 0) {
		c->scripts->slot[i]->refs++;
		done(arg, c->scripts->slot[i]);
	} else if (c->journal) {
		journal_script(c->journal, job_id, done, arg);
	} else {
		done(arg, NULL);
	}
}
