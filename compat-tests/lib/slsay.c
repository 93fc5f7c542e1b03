/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes a stock libslurmfull send what no command of its release sends.  For
 * compat-tests/capture: slsay LIBRARY WHAT JOB
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <unistd.h>

/* The library's view of a trigger and of a connection's two ends */
struct trigger {
	uint16_t flags;
	uint32_t id;
	uint16_t res_type;
	char *res_id;
	uint32_t controller;
	uint32_t type;
	uint16_t offset;
	uint32_t user;
	char *program;
};

struct caller {
	unsigned char src[16], dst[16];
	uint32_t src_port, dst_port;
	int32_t family;
};

static void *lib;

static void *sym(const char *name)
{
	void *p = dlsym(lib, name);
	char other[96];

	if (!p) {
		(void)snprintf(other, sizeof other, "slurm_%s", name);
		p = dlsym(lib, other);
	}
	if (!p) {
		printf("no %s\n", name);
		exit(1);
	}
	return p;
}

static int pull(void)
{
	struct trigger t = {.res_type = 2, .res_id = (char *)"c1", .type = 2,
			    .offset = 0x8000, .program = (char *)"/bin/true"};
	int (*fn)(struct trigger *) = (int (*)(struct trigger *))sym("slurm_pull_trigger");

	return fn(&t);
}

static int caller_id(void)
{
	struct caller c = {.src_port = 1, .dst_port = 2, .family = AF_INET};
	int (*fn)(struct caller, void *, char *, int) =
		(int (*)(struct caller, void *, char *, int))sym("slurm_network_callerid");
	char node[64] = "", id[64] = "";

	inet_pton(AF_INET, "192.168.4.160", c.src);
	inet_pton(AF_INET, "192.168.4.164", c.dst);
	return fn(c, id, node, sizeof node);
}

static int energy(void)
{
	int (*fn)(char *, uint16_t, uint16_t, uint16_t *, void **) =
		(int (*)(char *, uint16_t, uint16_t, uint16_t *, void **))
		sym("slurm_get_node_energy");
	char host[] = "c1";
	uint16_t n = 0;
	void *out = NULL;
	int rc = fn(host, 0, 10, &n, &out);

	printf("sensors %u ", n);
	return rc;
}

/* The job's first step, in the two forms the library has known: from 25.11 on
 * a number of eight bytes comes first. */
struct step {
	uint64_t unique;
	uint32_t job, component, step;
};

static void *step_of(uint32_t job, struct step *s)
{
	*s = (struct step){.job = job, .component = 0xfffffffe, .step = 0};
	return getenv("SLSAY_WIDE") ? (void *)s : (void *)&s->job;
}

static int pids(uint32_t job)
{
	int (*fn)(void *, char *, void **) =
		(int (*)(void *, char *, void **))sym("slurm_job_step_get_pids");
	struct step s;
	void *out = NULL;

	return fn(step_of(job, &s), (char *)"c1", &out);
}

static int container(void)
{
	int (*fn)(uint16_t, uint32_t, const char *, void *) =
		(int (*)(uint16_t, uint32_t, const char *, void *))
		sym("slurm_find_step_ids_by_container_id");
	void *(*create)(void *) = (void *(*)(void *))sym("slurm_list_create");

	return fn(0, 0, "box", create(NULL));
}

/* A program of PMI 1, which speaks to srun itself: LIBRARY is libpmi */
static int pmi(void)
{
	char name[256] = "", value[256] = "", key[32];
	int spawned, rank = 0, size = 0, rc;

	rc = ((int (*)(int *))sym("PMI_Init"))(&spawned);
	((int (*)(int *))sym("PMI_Get_rank"))(&rank);
	((int (*)(int *))sym("PMI_Get_size"))(&size);
	((int (*)(char *, int))sym("PMI_KVS_Get_my_name"))(name, sizeof name);
	(void)snprintf(key, sizeof key, "key%d", rank);
	((int (*)(const char *, const char *, const char *))sym("PMI_KVS_Put"))(name, key, "word");
	((int (*)(const char *))sym("PMI_KVS_Commit"))(name);
	((int (*)(void))sym("PMI_Barrier"))();
	(void)snprintf(key, sizeof key, "key%d", (rank + 1) % (size ? size : 1));
	((int (*)(const char *, const char *, char *, int))sym("PMI_KVS_Get"))(name, key, value,
									 sizeof value);
	printf("%d of %d: %s ", rank, size, value);
	((int (*)(void))sym("PMI_Finalize"))();
	return rc;
}

/* Until 25.05 the two numbers were two arguments */
static int terminate(uint32_t job)
{
	int (*fn)(uint32_t, uint32_t) =
		(int (*)(uint32_t, uint32_t))sym("slurm_terminate_job_step");

	return fn(job, 0);
}

int main(int argc, char **argv)
{
	void (*init)(const char *);
	int rc = -1;

	if (argc < 4)
		return 2;
	lib = dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
	if (!lib) {
		printf("%s\n", dlerror());
		return 1;
	}
	if (strcmp(argv[2], "pmi")) {
		init = (void (*)(const char *))sym("slurm_init");
		init(NULL);
	}
	if (!strcmp(argv[2], "pull"))
		rc = pull();
	else if (!strcmp(argv[2], "callerid"))
		rc = caller_id();
	else if (!strcmp(argv[2], "energy"))
		rc = energy();
	else if (!strcmp(argv[2], "pids"))
		rc = pids((uint32_t)atoi(argv[3]));
	else if (!strcmp(argv[2], "container"))
		rc = container();
	else if (!strcmp(argv[2], "pmi"))
		rc = pmi();
	else if (!strcmp(argv[2], "terminate") && !getenv("SLSAY_WIDE"))
		rc = terminate((uint32_t)atoi(argv[3]));
	printf("%d\n", rc);
	return 0;
}
