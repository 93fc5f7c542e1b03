/* SPDX-License-Identifier: Apache-2.0 */
#include "slurmd/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	O_AUTHINFO = 256, O_CA, O_CONF, O_CONF_SERVER, O_EXTRA, O_INSTANCE_ID,
	O_INSTANCE_TYPE, O_PARAMETERS, O_SYSTEMD
};

static const struct option long_options[] = {
	{"authinfo", required_argument, NULL, O_AUTHINFO},
	{"ca-cert-file", required_argument, NULL, O_CA},
	{"conf", required_argument, NULL, O_CONF},
	{"conf-server", required_argument, NULL, O_CONF_SERVER},
	{"extra", required_argument, NULL, O_EXTRA},
	{"help", no_argument, NULL, 'h'},
	{"instance-id", required_argument, NULL, O_INSTANCE_ID},
	{"instance-type", required_argument, NULL, O_INSTANCE_TYPE},
	{"parameters", required_argument, NULL, O_PARAMETERS},
	{"systemd", no_argument, NULL, O_SYSTEMD},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0}
};

static void usage(FILE *f)
{
	fputs("Usage: slurmd [OPTIONS]\n"
	      "   -b                  report that the node has just booted\n"
	      "   -c                  clean start: end steps left by an earlier slurmd\n"
	      "   -C                  print this node's hardware as a NodeName line and exit\n"
	      "   -d STEPD            slurmstepd program to use\n"
	      "   -D                  stay in the foreground, log to stderr too\n"
	      "   -f FILE             configuration file\n"
	      "   -F FEATURE          take any FUTURE node that has this feature\n"
	      "   -G                  print this node's gres and exit\n"
	      "   -h                  print this help\n"
	      "   -L FILE             log file\n"
	      "   -M                  lock memory\n"
	      "   -n NICE             run at this nice value\n"
	      "   -N NODE             name of this node\n"
	      "   -s                  change into the log's or the spool directory\n"
	      "   -v                  more log; may be given several times\n"
	      "   -V                  print the version\n"
	      "   -Z                  register as a dynamic node\n"
	      "   --authinfo TEXT     as AuthInfo=, until the configuration is there\n"
	      "   --conf TEXT         the dynamic node's configuration line\n"
	      "   --conf-server HOST[:PORT][,...]  fetch the configuration from slurmctld\n"
	      "   --extra TEXT, --instance-id ID, --instance-type TYPE\n"
	      "                       facts shown by scontrol show node\n"
	      "   --systemd           started by systemd as a notify service\n", f);
}

enum options_action options_parse(struct options *o, int argc, char **argv)
{
	enum options_action action = OPT_RUN;
	char *end;
	int c;

	memset(o, 0, sizeof *o);
	optind = 1;
	while ((c = getopt_long(argc, argv, "bcCd:Df:F::GhL:Mn:N:svVZ", long_options,
				NULL)) > 0) {
		switch (c) {
		case 'b': o->boot = true; break;
		case 'c': o->clean = true; break;
		case 'C': action = OPT_PRINT_HARDWARE; break;
		case 'd': o->stepd_path = optarg; break;
		case 'D': o->foreground = true; break;
		case 'f': o->conf_path = optarg; break;
		case 'F':
			if (o->dynamic == 2) {
				fputs("slurmd: error: -F and -Z options are mutually exclusive\n",
				      stderr);
				return OPT_EXIT_BAD;
			}
			o->dynamic = 1;
			o->dynamic_feature = optarg;
			break;
		case 'G': action = OPT_PRINT_GRES; break;
		case 'h': usage(stdout); return OPT_EXIT_OK;
		case 'L': o->log_path = optarg; break;
		case 'M': o->lock_memory = true; break;
		case 'n':
			o->nice = (int)strtol(optarg, &end, 10);
			if (*end) {
				fputs("slurmd: error: Invalid option for -n option (nice value), ignored\n",
				      stderr);
				o->nice = 0;
			}
			break;
		case 'N': o->node_name = optarg; break;
		case 's': o->set_cwd = true; break;
		case 'v': o->verbose++; break;
		case 'V': puts(SLUICE_VERSION_TEXT); return OPT_EXIT_OK;
		case 'Z':
			if (o->dynamic == 1) {
				fputs("slurmd: error: -F and -Z options are mutually exclusive\n",
				      stderr);
				return OPT_EXIT_BAD;
			}
			o->dynamic = 2;
			break;
		case O_AUTHINFO: o->auth_info = optarg; break;
		case O_CA: case O_PARAMETERS: break;
		case O_CONF: o->dynamic_conf = optarg; break;
		case O_CONF_SERVER: o->conf_server = optarg; break;
		case O_EXTRA: o->extra = optarg; break;
		case O_INSTANCE_ID: o->instance_id = optarg; break;
		case O_INSTANCE_TYPE: o->instance_type = optarg; break;
		case O_SYSTEMD: o->systemd = true; break;
		default: usage(stderr); return OPT_EXIT_BAD;
		}
	}
	if (o->systemd && o->foreground) {
		fputs("slurmd: fatal: --systemd and -D options are mutually exclusive\n", stderr);
		return OPT_EXIT_BAD;
	}
	if (o->dynamic == 1 && o->node_name) {
		fputs("slurmd: fatal: Specifying a node name for dynamic future nodes is not supported.\n",
		      stderr);
		return OPT_EXIT_BAD;
	}
	return action;
}
