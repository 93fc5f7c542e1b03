/* SPDX-License-Identifier: Apache-2.0
 *
 * The only file of conf that touches the system: it reads files and looks up
 * users. */
#include "conf/parse.h"
#include "conf/print.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (64 << 20)

static enum err read_all(int fd, const char *path, size_t size, char **text,
			 struct err_text *why)
{
	char *buf = malloc(size + 1);
	size_t len = 0;
	ssize_t n = 0;

	if (!buf)
		return err_set(why, E_FAIL, "%s: out of memory", path);
	while (len < size && (n = read(fd, buf + len, size - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		len += (size_t)n;
	}
	buf[len] = '\0';
	if (n < 0) {
		free(buf);
		return err_set(why, E_FAIL, "%s: %s", path, strerror(errno));
	}
	if (memchr(buf, '\0', len)) {
		free(buf);
		return err_set(why, E_FAIL, "%s: is not a text file", path);
	}
	*text = buf;
	return E_OK;
}

static enum err file_read(void *ctx, const char *path, char **text,
			  struct err_text *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	enum err rc;

	(void)ctx;
	if (fd < 0)
		return err_set(why, E_FAIL, "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		rc = err_set(why, E_FAIL, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		rc = err_set(why, E_FAIL, "%s: is not a regular file", path);
	else if (st.st_size > FILE_MAX)
		rc = err_set(why, E_FAIL, "%s: is larger than 64 MB", path);
	else
		rc = read_all(fd, path, (size_t)st.st_size, text, why);
	close(fd);
	return rc;
}

static bool user_find(void *ctx, const char *name, uid_t *uid)
{
	struct passwd pw, *found = NULL;
	size_t size = 1024;
	int rc;

	(void)ctx;
	if (streq(name, "root")) {
		*uid = 0;
		return true;
	}
	do {
		char *buf = mem_alloc(size);

		rc = getpwnam_r(name, &pw, buf, size, &found);
		if (found)
			*uid = pw.pw_uid;
		free(buf);
		size *= 2;
	} while (rc == ERANGE && size <= 1 << 20);
	return found != NULL;
}

const struct conf_reader conf_files = { .read = file_read, .uid = user_find };

enum err conf_load_step(const char *path, struct conf **out, struct conf_problems *problems)
{
	return conf_parse_reader(&conf_files, path, out, problems);
}

struct strings {
	const char *slurm, *gres, *cgroup;
};

static enum err string_read(void *ctx, const char *path, char **text,
			    struct err_text *why)
{
	const struct strings *s = ctx;
	const char *found = streq(path, "slurm.conf") ? s->slurm :
			    streq(path, "./gres.conf") ? s->gres :
			    streq(path, "./cgroup.conf") ? s->cgroup : NULL;

	if (!found)
		return err_set(why, E_FAIL, "%s: no such file", path);
	*text = mem_strdup(found);
	return E_OK;
}

enum err conf_parse(const char *slurm_conf, const char *gres_conf,
		    const char *cgroup_conf, struct conf **out,
		    struct conf_problems *problems)
{
	struct strings s = {slurm_conf, gres_conf, cgroup_conf};
	const struct conf_reader reader = {string_read, user_find, &s, NULL};

	return conf_parse_reader(&reader, "slurm.conf", out, problems);
}

const char *conf_path(const char *explicit_path)
{
	const char *env = getenv("SLURM_CONF");

	if (explicit_path)
		return explicit_path;
	return env && *env ? env : "/etc/slurm/slurm.conf";
}

/* Where distributions put stock's plugins. */
static const char *const plugin_dirs[] = {
#if defined(__x86_64__)
	"/usr/lib/x86_64-linux-gnu/slurm-wlm",
#elif defined(__aarch64__)
	"/usr/lib/aarch64-linux-gnu/slurm-wlm",
#elif defined(__arm__)
	"/usr/lib/arm-linux-gnueabihf/slurm-wlm",
#endif
	"/usr/lib64/slurm", "/usr/lib/slurm", "/usr/local/lib/slurm",
};

void conf_runtime_probe(const struct conf *c, struct conf_runtime *r)
{
	size_t n = sizeof(plugin_dirs) / sizeof(*plugin_dirs);
	char path[4096];
	const char *dir;

	r->plugin_dir = plugin_dirs[0];
	for (size_t i = n; i-- > 0;)
		if (access(plugin_dirs[i], F_OK) == 0)
			r->plugin_dir = plugin_dirs[i];
	dir = c->plugindir ? c->plugindir : r->plugin_dir;
	snprintf(path, sizeof(path), "%.*s/mpi_pmix.so",
		 (int)strcspn(dir, ":"), dir);
	r->have_pmix = access(path, F_OK) == 0;
}
