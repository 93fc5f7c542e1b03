/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading the files of a "configless" cluster.  They are read by path each
 * time: an edited (renamed) file is seen. */
#include "slurmctld/config_files.h"

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_FILE_MAX (4 << 20)
#define INCLUDED_MAX 32
#define FILES_MAX 96            /* of all kinds */

/* Files a node or a client is given, where they exist. */
static const char *const config_names[] = {
	/* clients, too: */
	"slurm.conf", "cli_filter.lua", "oci.conf", "plugstack.conf", "scrun.lua",
	"topology.conf", "topology.yaml",
	/* nodes: */
	"acct_gather.conf", "cgroup.conf", "gres.conf", "helpers.conf", "job_container.conf",
	"mpi.conf", "namespace.yaml",
};
#define CLIENT_FILES 7

static bool file_text(const char *dir, const char *name, struct arena *mem, char **text,
		      bool *execute)
{
	char *path = arena_printf(mem, "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	size_t got = 0;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > CONFIG_FILE_MAX) {
		close(fd);
		return false;
	}
	*text = arena_alloc(mem, (size_t)st.st_size + 1);
	while (got < (size_t)st.st_size) {
		ssize_t n = read(fd, *text + got, (size_t)st.st_size - got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	(*text)[got] = '\0';
	*execute = st.st_mode & 0111;
	close(fd);
	return true;
}

/* Names after Include in a slurm.conf that have no directory. */
static uint32_t included(const char *text, struct arena *mem, const char **names, uint32_t most)
{
	uint32_t n = 0;

	for (const char *p = text; p && *p && n < most; p = strchr(p, '\n')) {
		size_t len;

		p += *p == '\n';
		p += strspn(p, " \t");
		if (strncasecmp(p, "include", 7) || !strchr(" \t", p[7]))
			continue;
		p += 7 + strspn(p + 7, " \t");
		len = strcspn(p, " \t\r\n#");
		if (len && !memchr(p, '/', len))
			names[n++] = arena_strndup(mem, p, len);
	}
	return n;
}

static void add_file(const struct conf *conf, struct config_response_msg *m, const char *name,
		     struct arena *mem)
{
	struct config_file *f = &m->config_files[m->config_files_count];
	char *text;
	bool execute;

	wire_init(&config_file_desc, f);
	f->file_name = name;
	f->exists = file_text(conf->dir, name, mem, &text, &execute);
	if (f->exists) {
		f->file_content = text;
		f->execute = execute;
	}
	m->config_files_count++;
}

/* Programs named without a directory travel with the configuration. */
static void add_program(const struct conf *conf, struct config_response_msg *m,
			const char *name, struct arena *mem)
{
	if (!name || !*name || *name == '/' || m->config_files_count >= FILES_MAX)
		return;
	add_file(conf, m, name, mem);
	m->config_files[m->config_files_count - 1].execute = true;
}

bool config_files_enabled(const struct conf *conf)
{
	return conf_option(conf->slurmctldparameters, "enable_configless", NULL);
}

void config_files_fill(const struct conf *conf, bool for_node, struct config_response_msg *m,
		       struct arena *mem)
{
	size_t fixed = sizeof config_names / sizeof config_names[0];
	const char *more[INCLUDED_MAX];
	uint32_t n;

	m->config_files = arena_zalloc(mem, FILES_MAX * sizeof *m->config_files);
	m->slurmd_spooldir = conf->slurmdspooldir;
	for (size_t i = 0; i < (for_node ? fixed : CLIENT_FILES); i++)
		add_file(conf, m, config_names[i], mem);
	if (!m->config_files[0].exists)
		return;
	n = included(m->config_files[0].file_content, mem, more, INCLUDED_MAX);
	for (uint32_t i = 0; i < n; i++)
		add_file(conf, m, more[i], mem);
	if (!for_node)
		return;
	for (uint32_t i = 0; i < conf->prolog.count; i++)
		add_program(conf, m, conf->prolog.v[i], mem);
	for (uint32_t i = 0; i < conf->epilog.count; i++)
		add_program(conf, m, conf->epilog.v[i], mem);
	add_program(conf, m, conf->taskprolog, mem);
	add_program(conf, m, conf->taskepilog, mem);
}
