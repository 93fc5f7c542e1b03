/* SPDX-License-Identifier: Apache-2.0
 *
 * See confless.h.  Files appear under their names complete or not at all;
 * names with a slash are refused. */
#include "slurmd/confless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/rpc.h"
#include "conf/conf.h"
#include "slurmd/site.h"
#include "slurmd/spool.h"
#include "wire/base/log.h"

#define CTLD_PORT 6817
#define CONFIG_FOR_SLURMD 1u
#define RETRY_MAX_SEC 60

static enum err file_write(int dir, const struct config_file *f)
{
	const char *text = f->file_content ? f->file_content : "";
	char tmp[300];
	size_t n = strlen(text);
	int fd;
	bool good;

	if (!f->file_name || !*f->file_name || strchr(f->file_name, '/') ||
	    f->file_name[0] == '.' || strlen(f->file_name) > 250)
		return E_FAIL;
	if (!f->exists) {
		(void)unlinkat(dir, f->file_name, 0);
		return E_OK;
	}
	snprintf(tmp, sizeof tmp, ".%s.new", f->file_name);
	(void)unlinkat(dir, tmp, 0);
	fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    f->execute ? 0755 : 0644);
	if (fd < 0)
		return E_FAIL;
	good = write(fd, text, n) == (ssize_t)n;
	good &= close(fd) == 0;
	if (!good || renameat(dir, tmp, dir, f->file_name)) {
		(void)unlinkat(dir, tmp, 0);
		return E_FAIL;
	}
	return E_OK;
}

enum err confless_write(const char *path, const struct config_response_msg *m)
{
	enum err e = E_OK;
	int dir;

	if (mkdir(path, 0755) && errno != EEXIST) {
		log_error("%s: %m", path);
		return E_FAIL;
	}
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0) {
		log_error("%s: %m", path);
		return E_FAIL;
	}
	for (uint32_t k = 0; k < m->config_files_count; k++) {
		e = file_write(dir, &m->config_files[k]);
		if (e) {
			log_error("cannot write %s into %s: %m", m->config_files[k].file_name ?
				  m->config_files[k].file_name : "(no name)", path);
			break;
		}
	}
	close(dir);
	return e;
}

/* "a:6817,[::1]:6817,b" becomes hosts and one port. */
static uint32_t servers_split(const char *text, struct arena *mem, char **hosts,
			      uint16_t *ports, uint32_t max)
{
	char *copy = arena_strdup(mem, text), *save;
	uint32_t n = 0;

	for (char *w = strtok_r(copy, ", ", &save); w && n < max;
	     w = strtok_r(NULL, ", ", &save)) {
		char *colon = strrchr(w, ':'), *close_bracket = strchr(w, ']');

		ports[n] = CTLD_PORT;
		if (colon && (!close_bracket || colon > close_bracket)) {
			*colon = 0;
			ports[n] = (uint16_t)atoi(colon + 1);
		}
		if (*w == '[') {
			w++;
			w[strcspn(w, "]")] = 0;
		}
		hosts[n++] = w;
	}
	return n;
}

static enum err ask(struct auth *auth, char *host, uint16_t port, struct rpc_reply *reply,
		    struct err_text *why)
{
	struct config_request_msg m = { .flags = CONFIG_FOR_SLURMD };
	struct rpc_ctld c = { .auth = auth, .hosts = &host, .host_count = 1, .port = port,
			      .port_count = 1, .slurm_uid = AUTH_ANY_UID,
			      .timeout_ms = 10000 };
	enum err e = rpc_ctld_call(&c, REQUEST_CONFIG, &m, reply, why);

	if (e)
		return e;
	if (reply->frame.header.type == RESPONSE_CONFIG)
		return E_OK;
	e = rpc_reply_code(reply);
	rpc_reply_fini(reply);
	return e ? e : E_UNEXPECTED_MSG_ERROR;
}

/* The spool directory's name may hold the node's. */
static const char *cache_dir(const struct options *o, const struct config_response_msg *m,
			     struct arena *mem)
{
	char host[256] = "localhost";
	const char *spool = m->slurmd_spooldir ? m->slurmd_spooldir : "/var/spool/slurmd";

	(void)gethostname(host, sizeof host - 1);
	host[strcspn(host, ".")] = 0;
	spool = site_expand(mem, spool, o->node_name ? o->node_name : host, host);
	if (spool_make(spool))
		return NULL;
	return arena_printf(mem, "%s/conf-cache", spool);
}

/* The controller sends no keys: theirs is where slurm.conf would be.  Named in
 * the environment, as stock does, also for step daemons; jobs do not get ours. */
static bool key_there(const struct options *o)
{
	static const char *const names[][2] = {
		{ "SLURM_SACK_JWKS", "slurm.jwks" }, { "SLURM_SACK_KEY", "slurm.key" },
	};
	const char *slash = o->conf_path ? strrchr(o->conf_path, '/') : NULL;
	int len = slash ? (int)(slash - o->conf_path) : 10;

	for (int k = 0; k < 2; k++) {
		char *path = mem_printf("%.*s/%s", len, slash ? o->conf_path : "/etc/slurm",
					names[k][1]);

		if (!access(path, F_OK))
			(void)setenv(names[k][0], path, 0);
		free(path);
	}
	return getenv("SLURM_SACK_JWKS") || getenv("SLURM_SACK_KEY");
}

enum err confless_fetch(const struct options *o, bool once, struct arena *mem,
			const char **dir)
{
	struct auth_options ao = { .key_holder = true };
	struct err_text problem = { "" };
	struct auth *auth;
	char *hosts[16];
	uint16_t ports[16];
	uint32_t n = servers_split(o->conf_server, mem, hosts, ports, 16);
	enum err e = E_CTLD_COMMUNICATIONS_CONNECTION_ERROR;

	auth_options_parse(&ao, o->auth_info, NULL, mem);
	ao.allow_replay = true;
	/* nobody has said yet which AuthType; a key that lies there means it, as in stock */
	if (key_there(o))
		ao.auth_type = ao.cred_type = "auth/slurm";
	auth = auth_new(&ao, &problem);
	if (!auth) {
		log_error("%s", problem.text);
		return E_FAIL;
	}
	for (unsigned wait = 1;; wait = wait < RETRY_MAX_SEC / 2 ? 2 * wait : RETRY_MAX_SEC) {
		for (uint32_t k = 0; k < n; k++) {
			struct rpc_reply reply = { 0 };
			struct err_text why = { "" };

			e = ask(auth, hosts[k], ports[k], &reply, &why);
			if (!e) {
				*dir = cache_dir(o, reply.body, mem);
				e = *dir ? confless_write(*dir, reply.body) : E_FAIL;
				rpc_reply_fini(&reply);
				auth_free(auth);
				return e;
			}
			log_error("fetch_config: %s: %s%s%s", hosts[k], err_str(e),
				  why.text[0] ? ": " : "", why.text);
		}
		if (once || !n)
			break;
		sleep(wait);
	}
	auth_free(auth);
	return e;
}

void confless_announce(const char *dir)
{
	if (mkdir("/run/slurm", 0755) && errno != EEXIST) {
		log_error("/run/slurm: %m");
		return;
	}
	(void)unlink("/run/slurm/conf");
	if (symlink(dir, "/run/slurm/conf"))
		log_error("/run/slurm/conf: %m");
}
