/* SPDX-License-Identifier: Apache-2.0
 *
 * slurmd: the daemon of a compute node. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "slurmd/daemon.h"
#include "slurmd/gres.h"
#include "wire/base/log.h"

static int hardware_print(void)
{
	char name[256] = "localhost";
	struct hw h;
	uint32_t up = hw_up_time_sec();

	(void)gethostname(name, sizeof name - 1);
	name[strcspn(name, ".")] = 0;
	hw_read(&h);
	printf("NodeName=%s CPUs=%u Boards=%u SocketsPerBoard=%u CoresPerSocket=%u ThreadsPerCore=%u RealMemory=%llu\n",
	       name, h.cpus, h.boards, h.sockets / h.boards, h.cores, h.threads,
	       (unsigned long long)h.memory_mb);
	printf("UpTime=%u-%2.2u:%2.2u:%2.2u\n", up / 86400, up / 3600 % 24, up / 60 % 60,
	       up % 60);
	return 0;
}

static int gres_show(const struct options *o)
{
	struct site *s;
	struct hw h;

	log_init("slurmd");
	hw_read(&h);
	if (site_load(o, &h, NULL, &s))
		return 1;
	gres_print(s);
	site_unref(s);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;

	switch (options_parse(&o, argc, argv)) {
	case OPT_PRINT_HARDWARE:
		return hardware_print();
	case OPT_PRINT_GRES:
		return gres_show(&o);
	case OPT_EXIT_OK:
		return 0;
	case OPT_EXIT_BAD:
		return 1;
	case OPT_RUN:
		break;
	}
	return daemon_run(&o);
}
