/* SPDX-License-Identifier: Apache-2.0
 *
 * What prolog and epilog see, and that a user cannot add to it. */
#include <stdlib.h>
#include <string.h>

#include "slurmd/prep.h"
#include "wire/base/tap.h"

static const char *value(char **env, const char *name)
{
	size_t n = strlen(name);

	for (; *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

int main(void)
{
	struct conf conf = { .clustername = "lab" };
	struct conf_gres gpu = { .name = "gpu", .flags = CONF_GRES_NVIDIA };
	struct conf_node node = { .gres_list = &gpu, .gres_count = 1 };
	struct site s = { .conf = &conf, .node = &node, .name = "n2", .conf_path = "/etc/slurm/slurm.conf" };
	const char *spank[] = { "SPANK_X=1", "LD_PRELOAD=/tmp/evil.so", "PATH=/tmp" };
	uint16_t cpus[] = { 4, 2 };
	uint32_t reps[] = { 3, 1 };
	struct cred c;
	struct bitset *bits[2] = { bitset_new(4), bitset_new(4) };
	struct gres_prep g = { .plugin_id = 0x757067, .node_cnt = 2, .has_bit_alloc = 1,
			       .gres_bit_alloc = bits };
	struct prep_job j = { .job_id = 12, .release = WIRE_VERSION_NEWEST, .uid = 0,
			      .gid = 5, .nodes = "n[1-2]",
			      .work_dir = "/w", .exit_code = 3 << 8, .derived_ec = 1,
			      .cred = &c, .gres = &g, .gres_count = 1, .spank_env = spank,
			      .spank_env_count = 3 };
	struct arena mem = { 0 };
	char **env;

	wire_init(&cred_desc, &c);
	c.job_partition = "normal";
	c.job_core_spec = NO_VAL16;
	c.job_account = "acc";
	c.id.pw_name = "bob";
	c.cpu_array = cpus;
	c.cpu_array_reps = reps;
	c.cpu_array_n = c.cpu_array_reps_count = c.cpu_array_count = 2;
	bitset_set(bits[1], 1);
	bitset_set(bits[1], 3);

	env = prep_env(&s, &j, true, &mem);
	ok(streq(value(env, "SLURM_JOB_ID"), "12") && streq(value(env, "SLURM_JOBID"), "12"),
	   "the job");
	ok(streq(value(env, "SLURM_JOB_NODELIST"), "n[1-2]") &&
	   streq(value(env, "SLURMD_NODENAME"), "n2") &&
	   streq(value(env, "SLURM_CLUSTER_NAME"), "lab"), "where");
	ok(streq(value(env, "SLURM_JOB_EXIT_CODE2"), "3:0") &&
	   streq(value(env, "SLURM_JOB_DERIVED_EC"), "1") &&
	   streq(value(env, "SLURM_SCRIPT_CONTEXT"), "epilog_slurmd"), "how it ended");
	ok(streq(value(env, "SLURM_JOB_CPUS_PER_NODE"), "4(x3),2"), "processors a node");
	ok(streq(value(env, "SLURM_JOB_PARTITION"), "normal") &&
	   streq(value(env, "SLURM_JOB_ACCOUNT"), "acc") &&
	   streq(value(env, "SLURM_JOB_USER"), "bob") &&
	   streq(value(env, "SLURM_JOB_CORE_SPEC_COUNT"), "0"), "from the credential");
	ok(streq(value(env, "SLURM_JOB_GPUS"), "1,3") &&
	   streq(value(env, "CUDA_VISIBLE_DEVICES"), "1,3") &&
	   !value(env, "ROCR_VISIBLE_DEVICES"), "this node's devices");
	ok(streq(value(env, "SPANK_X"), "1"), "words of plugins");
	ok(!value(env, "LD_PRELOAD") && !value(env, "PATH"), "and nothing else of a user's");

	j.cred = NULL;
	env = prep_env(&s, &j, false, &mem);
	ok(streq(value(env, "SLURM_SCRIPT_CONTEXT"), "prolog_slurmd") &&
	   !value(env, "SLURM_JOB_EXIT_CODE2"), "a prolog knows no end");
	ok(streq(value(env, "SLURM_JOB_USER"), "root"), "the name of a uid");
	bitset_free(bits[0]);
	bitset_free(bits[1]);
	arena_fini(&mem);
	return tap_done();
}
