/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of slurmd: the flags of every release from 22.05 to 26.05. */
#ifndef SLURMD_OPTIONS_H
#define SLURMD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#define SLUICE_VERSION "26.05.0"
/* In registrations: a controller of ours knows by it that the node serves every
 * release, not only those that stock of this number would. */
#define SLUICE_NODE_VERSION SLUICE_VERSION "-sluice"
#define SLUICE_VERSION_TEXT "slurm " SLUICE_VERSION " (Sluice 0.1)"

enum options_action { OPT_RUN, OPT_PRINT_HARDWARE, OPT_PRINT_GRES, OPT_EXIT_OK, OPT_EXIT_BAD };

struct options {
	bool foreground;                /* -D */
	bool clean;                     /* -c: end what still runs */
	bool lock_memory;               /* -M */
	bool set_cwd;                   /* -s */
	bool boot;                      /* -b: report this start as the boot time */
	bool systemd;                   /* --systemd */
	int verbose;                    /* -v, counted */
	int nice;
	const char *conf_path;          /* -f */
	const char *log_path;           /* -L */
	const char *node_name;          /* -N */
	const char *stepd_path;         /* -d */
	const char *conf_server;        /* --conf-server */
	const char *auth_info;          /* --authinfo: until the configuration is there */
	uint8_t dynamic;                /* 1 -F future, 2 -Z */
	const char *dynamic_conf;       /* --conf */
	const char *dynamic_feature;    /* -F */
	const char *extra, *instance_id, *instance_type;
};

/* Fills *o (pointers into argv); messages go to stdout and stderr. */
enum options_action options_parse(struct options *o, int argc, char **argv);

#endif
