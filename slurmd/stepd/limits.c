/* SPDX-License-Identifier: Apache-2.0
 *
 * umask and resource limits that travel in the environment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "slurmd/stepd/step.h"
#include "wire/base/log.h"

static const struct limit {
	const char *name;
	int resource;
} limits[] = {
	{ "CPU", RLIMIT_CPU }, { "FSIZE", RLIMIT_FSIZE }, { "DATA", RLIMIT_DATA },
	{ "STACK", RLIMIT_STACK }, { "CORE", RLIMIT_CORE }, { "RSS", RLIMIT_RSS },
	{ "NPROC", RLIMIT_NPROC }, { "NOFILE", RLIMIT_NOFILE },
	{ "MEMLOCK", RLIMIT_MEMLOCK }, { "AS", RLIMIT_AS }
};

void step_umask(struct step *s)
{
	const char *text = envv_get(&s->env, "SLURM_UMASK");

	if (!text)
		return;
	s->umask = (mode_t)strtoul(text, NULL, 8) & 0777;
	s->have_umask = true;
	umask(s->umask);
	if (s->kind != KIND_TASKS || s->id.step_id == STEP_INTERACTIVE)
		envv_unset(&s->env, "SLURM_UMASK");
}

/* Does the configuration let this limit travel? */
static bool propagates(const struct conf *c, const char *name)
{
	const char *except = c->propagateresourcelimitsexcept;
	const char *list = c->propagateresourcelimits;

	if (except)
		return !conf_option(except, "ALL", NULL) && !conf_option(except, name, NULL);
	if (!list)
		return true;
	if (conf_option(list, "NONE", NULL))
		return false;
	return conf_option(list, "ALL", NULL) || conf_option(list, name, NULL);
}

static void limit_set(const struct step *s, struct envv *e, const struct limit *l)
{
	char name[32];
	const char *text;
	bool asked;
	rlim_t value;
	struct rlimit r;

	snprintf(name, sizeof name, "SLURM_RLIMIT_%s", l->name);
	text = envv_get(e, name);
	if (!text)
		return;
	asked = *text == 'U';
	value = (rlim_t)strtoul(text + asked, NULL, 10);
	envv_unset(e, name);
	if ((!asked && !propagates(s->conf, l->name)) || getrlimit(l->resource, &r) < 0 ||
	    r.rlim_cur == value)
		return;
	r.rlim_cur = value;
	if (!asked && r.rlim_cur > r.rlim_max)
		r.rlim_cur = r.rlim_max;
	if (setrlimit(l->resource, &r) < 0 && asked) {
		if (value == RLIM_INFINITY)
			log_error("Can't propagate RLIMIT_%s of 'unlimited' from submit host: %s",
				  l->name, strerror(errno));
		else
			log_error("Can't propagate RLIMIT_%s of %lu from submit host: %s",
				  l->name, (unsigned long)value, strerror(errno));
	}
}

/* In the child, last before exec: a file size limit must not hit our log. */
void step_limits(const struct step *s, struct envv *e)
{
	rlim_t bytes = (rlim_t)s->mem_mb << 20;
	struct rlimit r;

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
		limit_set(s, e, &limits[i]);
	if (!bytes)
		return;
	if (getrlimit(RLIMIT_RSS, &r) == 0 && r.rlim_max > bytes) {
		r.rlim_max = r.rlim_cur = bytes;
		(void)setrlimit(RLIMIT_RSS, &r);
	}
	if (s->conf->vsizefactor && getrlimit(RLIMIT_AS, &r) == 0 && r.rlim_max > bytes) {
		r.rlim_max = r.rlim_cur = bytes / 100 * s->conf->vsizefactor;
		(void)setrlimit(RLIMIT_AS, &r);
	}
}
